"""The CPythons on this machine: every one of the version manager, the distribution's, and those that fixtures/pythons
fetched into its cache folder.

Of the fetched ones, those of other processors come only if asked for: find(fetched=True, foreign=True). They are different
in that `modes` has no live ones, that a core is to be found by `core(folder)`, and that a run takes up to 2 s.
Under qemu-user a process has the emulator's thread beside its own, and the emulator writes the core: without NT_SIGINFO
(why the signal came), NT_FILE (which files were mapped), and anything of a mapping that could not be written to.
"""
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


MODES = ("core", "live", "nonblocking")


@dataclasses.dataclass(frozen=True)
class Python:
    name: str
    path: str
    version: tuple
    debug: bool = False  # --with-pydebug
    root: str = ""  # the tree that it sees as its own, where it is not this machine's
    free_threaded: bool = False  # --disable-gil
    machine: str = ""  # of another processor: its name ("s390x"); "": this machine's own
    emulated: bool = False  # it runs under qemu-user
    fetched: bool = False  # from the cache folder

    @property
    def options(self):
        """What pycore needs to find the files of a core. A live process shows them itself."""
        return ["--sysroot", self.root] if self.root else []

    @property
    def environment(self):
        """So that a slow one need not compile the standard library each time, which its packages would do when installed."""
        kept = str(pathlib.Path(self.root).parent / "pycache")
        return {"PYTHONPYCACHEPREFIX": kept, "PYTHONDONTWRITEBYTECODE": ""} if self.emulated else {}

    @property
    def modes(self):
        """How its processes can be looked at, of MODES."""
        return ("core",) if self.machine else MODES

    def core(self, folder):
        """The core that a process left in a folder; None if there is not one. The emulator's own of itself is removed."""
        cores = list(pathlib.Path(folder).glob("qemu_*.core" if self.emulated else "core*"))
        if self.emulated:
            for own in pathlib.Path(folder).glob("core*"):
                own.unlink()
        return cores[0] if len(cores) == 1 else None


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


def candidates(fetched, paths):
    """(name, executable, tree, whether it was fetched)"""
    yield from ((root.name, root / "bin/python", "", False) for root in managed_roots())
    yield "system", pathlib.Path("/usr/bin/python3"), "", False
    for folder in fetched_roots() if fetched else ():
        yield folder.name, folder / "bin/python", str(folder / "root") if (folder / "root").exists() else "", True
    yield from ((str(path), path, "", False) for path in paths)


def foreign_ones():
    """Those for other processors. They are slow, and have told what they are when they were fetched."""
    for path in sorted(cache().glob("*/about.json")):
        about, folder = json.loads(path.read_text()), path.parent
        if about["machine"] not in (None, platform.machine()):
            yield Python(folder.name, str(folder / "bin/python"), tuple(map(int, about["version"].split("."))),
                         root=str(folder / "root"), machine=about["machine"], emulated=about["emulated"], fetched=True)


def find(fetched=False, paths=(), foreign=False):
    """All Pythons that run, and the names of those that don't though they ought to.

    fetched: those that fixtures/pythons fetched for this processor as well; foreign: those for other ones as well; paths:
    these executables as well.
    """
    found, broken = [], []
    for name, path, root, was_fetched in candidates(fetched, paths):
        try:
            answer = subprocess.run([path, "-c", ASK], capture_output=True, check=True, timeout=60).stdout
        except (OSError, subprocess.SubprocessError):
            if name != "system":
                broken.append(name)
            continue
        version, other, debug, free_threaded = json.loads(answer)
        if not other:
            found.append(Python(name, str(path), tuple(version), debug, root, free_threaded, fetched=was_fetched))
    found += foreign_ones() if foreign else ()
    return sorted(found, key=lambda python: (python.version, python.name)), broken


def add_options(parser):
    """The options by which a suite's user says which Pythons it is to run."""
    parser.add_argument("--python", nargs="+", metavar="NAME", help="only these: names, or their beginnings; of another processor's the whole name")
    parser.add_argument("--fetched", action="store_true", help="those that fixtures/pythons fetched, instead of this machine's own")
    parser.add_argument("--foreign", action="store_true", help="those of other processors, instead or as well")


def chosen(options):
    """Those that the options say, and the names of those that don't run."""
    names = options.python or []
    found, broken = find(fetched=bool(names) or options.fetched, foreign=bool(names) or options.foreign,
                         paths=[name for name in names if "/" in name])
    every = {python.name for python in found}
    return [python for python in found if is_chosen(python, every, options)], broken


def is_chosen(python, names, options):
    """Where there is one of exactly that name, a name is not the beginning of another."""
    if options.python:
        named = any(python.name == name or (name not in names and python.name.startswith(name)) for name in options.python)
        return named and (options.foreign or not python.machine or python.name in options.python)
    if python.machine:
        return options.foreign
    return python.fetched == options.fetched and (options.fetched or not options.foreign)
