"""The CPythons on this machine: every one of the version manager, the distribution's, and those that fixtures/pythons
fetched into its cache folder."""
import dataclasses
import json
import os
import pathlib
import platform
import subprocess

ASK = """import sys, json
try:
    import sysconfig
except ImportError:
    sysconfig = None
print(json.dumps([list(sys.version_info[:3]), hasattr(sys, 'pypy_version_info'), hasattr(sys, 'gettotalrefcount'),
                  bool(sysconfig and sysconfig.get_config_var('Py_GIL_DISABLED'))]))"""


@dataclasses.dataclass(frozen=True)
class Python:
    name: str
    path: str
    version: tuple
    debug: bool = False  # --with-pydebug
    root: str = ""  # the tree that it sees as its own, where it is not this machine's
    free_threaded: bool = False  # --disable-gil

    @property
    def options(self):
        """What pycore needs to find the files of a core. A live process shows them itself."""
        return ["--sysroot", self.root] if self.root else []


def managed_roots():
    root = pathlib.Path(os.environ.get("PYENV_ROOT") or pathlib.Path.home() / ".pyenv")
    return sorted(path for path in root.glob("versions/*") if path.is_dir() and not path.is_symlink())


def cache():
    """The folder that fixtures/pythons fills."""
    chosen = os.environ.get("PYCORE_PYTHONS")
    return pathlib.Path(chosen or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "pycore/pythons")


def fetched_roots():
    """Those for this machine's processor."""
    for about in sorted(cache().glob("*/about.json")):
        if json.loads(about.read_text())["machine"] == platform.machine():
            yield about.parent


def candidates(fetched):
    yield from ((root.name, root / "bin/python", "") for root in managed_roots())
    yield "system", pathlib.Path("/usr/bin/python3"), ""
    for folder in fetched_roots() if fetched else ():
        yield folder.name, folder / "bin/python", str(folder / "root") if (folder / "root").exists() else ""


def find(fetched=False, paths=()):
    """All Pythons that run, and the names of those that don't though they ought to. paths: these executables as well."""
    found, broken = [], []
    for name, path, root in [*candidates(fetched), *((str(path), path, "") for path in paths)]:
        try:
            answer = subprocess.run([path, "-c", ASK], capture_output=True, check=True, timeout=60).stdout
        except (OSError, subprocess.SubprocessError):
            if name != "system":
                broken.append(name)
            continue
        version, foreign, debug, free_threaded = json.loads(answer)
        if not foreign:
            found.append(Python(name, str(path), tuple(version), debug, root, free_threaded))
    return sorted(found, key=lambda python: (python.version, python.name)), broken
