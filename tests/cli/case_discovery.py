"""Pythons that are hard to find: several of them, deleted files, no symbols."""
import os
import pathlib
import shutil
import subprocess

from kit import COMPLETE, PARTIAL, functions
from subjects import CRASH, HANG, NESTED, STACK, library, python, system_python, tool


def check_one(kit, name, document, version, stack=STACK):
    """One runtime of that version with that stack in its one thread."""
    found = document and ([runtime["version"] for runtime in document["runtimes"]], functions(document))
    kit.check_that(f"{name}: one Python and its stack", found and found[1] == [stack] and len(found[0]) == 1
                   and found[0][0].startswith(".".join(map(str, version[:2])) + "."), f"{found}"[:300])


def dead_and_alive(kit, make, name, found, before, **how):
    """`before` is done by the program before it crashes or rests."""
    core = make.core(found, before + NESTED.format(end=CRASH), **how)
    check_one(kit, f"{name}, core", kit.expect_json(f"{name}, core", ["dump", core], COMPLETE), found.version)
    with make.hanging_python(found, before + NESTED.format(end=HANG), **how) as process:
        for options in ([], ["--nonblocking"]):
            document = kit.expect_json(f"{name}, live {options}", ["dump", *options, "--pid", process.pid], COMPLETE)
            check_one(kit, f"{name}, live {options}", document, found.version)


def second_library(kit, make):
    """Another libpython that is loaded and not initialised."""
    for version, other in (((3, 12), (3, 10)), ((3, 8), (3, 13)), ((3, 11), (2, 7)), ((3, 6), (3, 7))):
        path = library(python(other, managed=True))
        dead_and_alive(kit, make, f"{other} loaded into {version}", python(version), f"import ctypes; other = ctypes.CDLL({str(path)!r})\n")


def second_mapping(kit, make):
    """The very file mapped as data, to be read and to be written to."""
    for version in ((2, 7), (3, 9), (3, 13)):
        found = python(version, managed=True)
        dead_and_alive(kit, make, f"libpython of {version} mapped again", found, f"""import mmap
kept = open({str(library(found))!r}, 'rb')
maps = [mmap.mmap(kept.fileno(), 0, access=access) for access in (mmap.ACCESS_READ, mmap.ACCESS_COPY)]
maps[1][4096 * 700:4096 * 700 + 3] = b'abc'
""")


TWO = """import ctypes, os
os.environ["PYTHONHOME"] = {home!r}
other = ctypes.CDLL({library!r}, os.RTLD_DEEPBIND)
other.Py_InitializeEx(0)
other.PyRun_SimpleString(br'''
import os, sys, time
def guest():
    {end}
guest()
''')
"""


def two_pythons(kit, make):
    """Another libpython, initialised, running on the same thread."""
    for version, other in (((3, 12), (3, 9)), ((3, 9), (3, 12))):
        host, guest = python(version, managed=True), python(other, managed=True)
        home = str(pathlib.Path(guest.path).parents[1])
        for name, end in (("core", CRASH), ("live", HANG)):
            text = NESTED.format(end="exec(compile(text, '<two>', 'exec'))").replace(
                "import os", f"text = {TWO.format(home=home, library=str(library(guest)), end=end)!r}\nimport os", 1)
            if name == "core":
                where = [make.core(host, text)]
                check_two(kit, f"{other} inside {version}, core", where, host, guest)
            else:
                with make.hanging_python(host, text) as process:
                    check_two(kit, f"{other} inside {version}, live", ["--pid", process.pid], host, guest)


def check_two(kit, name, where, host, guest):
    document = kit.expect_json(name, ["dump", *where], COMPLETE)
    versions = document and sorted(runtime["version"] for runtime in document["runtimes"])
    wanted = sorted(".".join(map(str, found.version)) for found in (host, guest))
    kit.check_that(f"{name}: both", versions == wanted, f"{versions}, not {wanted}")
    stacks = document and sorted(functions(document))
    kit.check_that(f"{name}: stacks", stacks == sorted([["guest", "<module>"], ["<module>", *STACK]]), f"{stacks}")
    kit.check_that(f"{name}: one thread", document and len({thread["tid"] for thread in document["threads"]}) == 1, "several")


class Copy:
    """A Python of one's own: its binary and library in a folder that can be deleted."""

    def __init__(self, make, found):
        self.folder = make.folder("copy")
        self.exe = shutil.copy(os.path.realpath(found.path), self.folder / "worker")
        self.env = {"PYTHONHOME": "/usr"}
        if found.name != "system":
            shutil.copy(library(found), self.folder)
            self.env = {"PYTHONHOME": str(pathlib.Path(found.path).parents[1]), "LD_LIBRARY_PATH": str(self.folder)}


DELETED = "import shutil; shutil.rmtree({folder!r})\n"


def deleted(kit, make):
    """The files are gone before anyone looks. In a core no symbol is left then, but the memory shows what it is."""
    for found in [python(version, managed=True) for version in ((2, 7), (3, 6), (3, 8), (3, 10), (3, 11), (3, 12), (3, 13))] + [system_python()]:
        copy = Copy(make, found)
        before = DELETED.format(folder=str(copy.folder))
        with make.hanging([copy.exe, "-s", make.script(before + NESTED.format(end=HANG))], env=copy.env) as process:
            for options in ([], ["--nonblocking"]):
                name = f"{found.name} deleted, live {options}"
                document = kit.expect_json(name, ["dump", *options, "--pid", process.pid], COMPLETE)
                check_one(kit, name, document, found.version)
        copy = Copy(make, found)
        before = DELETED.format(folder=str(copy.folder))
        core = make.crash([copy.exe, "-s", make.script(before + NESTED.format(end=CRASH))], env=copy.env)
        document = kit.expect_json(f"{found.name} deleted, core", ["dump", core], (COMPLETE, PARTIAL))
        check_one(kit, f"{found.name} deleted, core", document, found.version)
        kit.expect(f"{found.name} deleted, core as text", ["dump", core], (COMPLETE, PARTIAL), out=STACK)


def renamed_and_stripped(kit, make):
    """A file whose name says nothing, without .symtab."""
    for found in (system_python(), python((3, 12), managed=True), python((3, 6), managed=True)):
        copy = Copy(make, found)
        for path in copy.folder.iterdir():
            subprocess.run([tool("objcopy"), "--strip-all", path], check=True)
        core = make.crash([copy.exe, "-s", make.script(NESTED.format(end=CRASH))], env=copy.env)
        name = f"{found.name} stripped"
        check_one(kit, f"{name}, core", kit.expect_json(f"{name}, core", ["dump", core], COMPLETE), found.version)
        with make.hanging([copy.exe, "-s", make.script(NESTED.format(end=HANG))], env=copy.env) as process:
            check_one(kit, f"{name}, live", kit.expect_json(f"{name}, live", ["dump", "--pid", process.pid], COMPLETE), found.version)


def moved(kit, make):
    """The core's paths do not exist here any more, but EXE is given."""
    copy = Copy(make, system_python())
    core = make.crash([copy.exe, "-s", make.script(NESTED.format(end=CRASH))], env=copy.env)
    os.rename(copy.folder / "worker", copy.folder / "elsewhere")
    document = kit.expect_json("EXE moved, and named", ["dump", core, copy.folder / "elsewhere"], COMPLETE)
    check_one(kit, "EXE moved, and named", document, system_python().version)
    kit.check_that("EXE moved: found by symbol", document and document["python"]["found_by"] == "symbol", f"{document and document['python']}")
    shutil.copy(os.path.realpath(python((3, 13), managed=True).path), copy.folder / "worker")
    document = kit.expect_json("EXE replaced by another", ["dump", core], (COMPLETE, PARTIAL))
    check_one(kit, "EXE replaced by another", document, system_python().version)
    kit.expect("EXE replaced by another, in words", ["dump", core], out="build-id")


CASES = [second_library, second_mapping, two_pythons, deleted, renamed_and_stripped, moved]
