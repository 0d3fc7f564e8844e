"""Fetched Pythons that see a tree of their own as /: how each tool is told of it, and where their files are on this machine."""
import functools
import os
import pathlib
import subprocess

EXECUTABLE = "import os; print(os.path.realpath('/proc/self/exe'))"


def file_of(root, path):
    """Where the file is that they see at this path: below their root, or like the test's own files at the same place."""
    inside = f"{root}{path}"
    return inside if root and os.path.exists(inside) else path


@functools.lru_cache(maxsize=None)
def program_of(python):
    """The executable. What starts it is a script."""
    if not python.root:
        return os.path.realpath(python.path)
    done = subprocess.run([python.path, "-c", EXECUTABLE], capture_output=True, text=True, check=True)
    return file_of(python.root, done.stdout.strip())


@functools.lru_cache(maxsize=None)
def why_not_loaded(python, path):
    """Why it can't load a library, or a folder's extension module, that was built with this machine's compiler; None if it can."""
    if not python.fetched:
        return None
    folder = os.path.isdir(path)
    code = f"import sys; sys.path.insert(0, {str(path)!r}); import extension" if folder else f"import ctypes; ctypes.CDLL({str(path)!r})"
    done = subprocess.run([python.path, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip().splitlines()[-1][-200:] if done.returncode else None


@functools.lru_cache(maxsize=None)
def has_musl(python):
    """Its C library is musl, which has no call frame information: of what called it all tools have but guesses."""
    code = "print('musl' in open('/proc/self/maps').read())"
    return python.fetched and "True" in subprocess.run([python.path, "-c", code], capture_output=True, text=True, check=True).stdout


def view_of(folder, root):
    """A folder of links that shows the whole as the process saw it: below its root what that has, else this machine's."""
    view = pathlib.Path(folder) / f"view-{pathlib.Path(root).parent.name}"
    if not view.exists():
        view.mkdir()
        for name in {*os.listdir("/"), *os.listdir(root)}:
            (view / name).symlink_to(file_of(root, f"/{name}"))
    return view


def for_pycore(python, libraries):
    """A core's: files of the tree by their paths, the test's own libraries by their build-ids."""
    return [*python.options, *(word for path in libraries for word in ("--lib-path", path))] if python.root else []


def for_gdb(python, folder):
    debug = f"{python.root}/usr/lib/debug"
    return {"sysroot": str(view_of(folder, python.root)), "debug": debug} if python.root else {}
