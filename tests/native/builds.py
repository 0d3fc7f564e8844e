"""Builds what the subjects are made of: libraries, and an extension module for each Python, each in several ways."""
import bisect
import dataclasses
import lzma
import os
import pathlib
import shutil
import subprocess

import fetched

HERE = pathlib.Path(__file__).resolve().parent
FLAGS = ["-shared", "-fPIC", "-w", "-fno-optimize-sibling-calls", "-fstack-protector-explicit"]
# The last two have no unwind tables: only guesses lead through them.
LIBRARIES = {"debug": ["-g", "-O1"], "plain": ["-O2", "-s"],
             "framepointers": ["-O1", "-s", "-fno-omit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"],
             "bare": ["-O2", "-s", "-fomit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]}
INCLUDE = "import sysconfig; print(sysconfig.get_config_var('INCLUDEPY'))"


# For none of the C library's versions: the subjects may have an older one.
OF_ANY_LIBC = ["-nodefaultlibs", "-l:libc_nonshared.a"]


def compiled(compiler, source, target, *flags):
    subprocess.run([compiler, *FLAGS, *flags, "-o", target, HERE / source, *(OF_ANY_LIBC if compiler == "gcc" else ())], check=True)
    return target


def libraries(folder):
    """Of deaths.c, by the name of the build; "cc" of deaths.cc, where there is a compiler for it; "truth"."""
    folder.mkdir()
    found = {name: compiled("gcc", "deaths.c", folder / f"deaths-{name}.so", *flags) for name, flags in LIBRARIES.items()}
    split(folder, found)
    if shutil.which("g++"):
        found["cc"] = compiled("g++", "deaths.cc", folder / "deaths-cc.so", "-g", "-O1")
    found["truth"] = compiled("gcc", "truth.c", folder / "truth.so", "-g", "-O1")
    return found


def split(folder, found):
    """The library with its debug information in a file that .gnu_debuglink names, and with its symbols packed."""
    whole, link, packed = found["debug"], folder / "deaths.debug", folder / "symbols"
    found["split"], found["packed"] = folder / "deaths-split.so", folder / "deaths-packed.so"
    subprocess.run(["objcopy", "--only-keep-debug", whole, link], check=True)
    subprocess.run(["objcopy", "--strip-all", f"--add-gnu-debuglink={link}", whole, found["split"]], check=True)
    subprocess.run(["strip", "--strip-debug", "-o", packed, link], check=True)
    (folder / "symbols.xz").write_bytes(lzma.compress(packed.read_bytes()))
    subprocess.run(["objcopy", "--strip-all", f"--add-section=.gnu_debugdata={folder}/symbols.xz", whole, found["packed"]],
                   check=True)


def extensions(folder, python):
    """Folders with the module `extension` of this Python: "debug", and "stripped" of all that can go, by name; none where
    the Python has no headers."""
    done = subprocess.run([python.path, "-c", INCLUDE], capture_output=True, text=True, check=True)
    include = fetched.file_of(python.root, done.stdout.strip())
    if not os.path.exists(f"{include}/Python.h"):
        return {}
    flags = [f"-I{include}", *(["-idirafter", f"{python.root}/usr/include"] if python.root else [])]
    found = {name: folder / f"extension-{python.name}-{name}" for name in ("debug", "stripped")}
    for path in found.values():
        path.mkdir()
    built = compiled("gcc", "extension.c", found["debug"] / "extension.so", "-g", "-O1", *flags)
    subprocess.run(["strip", "-o", found["stripped"] / "extension.so", built], check=True)
    return found


class Names:
    """Functions of a file by where they are in it: for one that was stripped afterwards, ask the one that was not."""

    def __init__(self, path):
        text = subprocess.run(["nm", "-S", "--defined-only", path], capture_output=True, text=True, check=True).stdout
        rows = sorted((int(words[0], 16), int(words[1], 16), words[3])
                      for words in map(str.split, text.splitlines()) if len(words) == 4 and words[2] in "tTwW")
        self.starts, self.rows = [row[0] for row in rows], rows

    def at(self, offset):
        at = bisect.bisect_right(self.starts, offset) - 1
        start, size, name = self.rows[at] if at >= 0 else (0, 0, None)
        return name if name and offset < start + size else None


def environment(python, package):
    """The Python of a virtual environment with a package of PyPI, made now or in an earlier run; or why there is none."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    home = cache / "pycore-tests" / f"{package}-{python.name}"
    if not (home / "complete").exists():
        for command in ([python.path, "-m", "venv", "--clear", home],
                        [home / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", package]):
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=300)
            if done.returncode:
                return None, f"no {package}: {(done.stderr.strip() or done.stdout.strip())[-200:]}"
        (home / "complete").touch()
    return dataclasses.replace(python, path=str(home / "bin/python")), None
