"""What a report says of files that are not here or are others, and what it leaves out of a program that was stripped."""
import os
import subprocess

from kit import COMPLETE, PARTIAL, functions
from subjects import CRASH, NESTED, STACK, TOP, python, tool

LIBRARY = "int fault(int *p) { return *p; }\n"
OTHER = "int first(void) { return 1; }\nint fault(int *p) { return *p + first(); }\n"
LOAD = "import ctypes\nctypes.CDLL({path!r}).fault(None)\n"
ODD = ["(wanted: build-id )", "file: not present", "is not known: call frame information:"]


def build(folder, path, text):
    source = folder / "library.c"
    source.write_text(text)
    subprocess.run([tool("gcc"), "-shared", "-fPIC", "-O1", "-Wl,--build-id=none", "-o", path, source], check=True)


def other_file(kit, make):
    """A library without a build-id that was replaced by another one: there is no id that could be wanted."""
    folder = make.folder("other")
    path = folder / "libfault.so"
    build(folder, path, LIBRARY)
    core = make.core(python((3, 11)), LOAD.format(path=str(path)))
    path.unlink()
    build(folder, path, OTHER)
    kit.expect("another library without a build-id", ["dump", core], (COMPLETE, PARTIAL),
               out=[f"the file {path}: the one here has another ELF header, and neither of them has a build-id"], absent=ODD)
    os.truncate(path, 4096)
    kit.expect("a library that is cut off", ["dump", core], (COMPLETE, PARTIAL), out=[f"the file {path}: the one here "], absent=ODD)
    path.unlink()
    kit.expect("a library that is gone", ["dump", core], (COMPLETE, PARTIAL), out=[f"the file {path} is not here"], absent=ODD)


def no_files(kit, make):
    """A tree that has none of the process's files."""
    core, tree = make.core(python((3, 11)), NESTED.format(end=CRASH)), make.folder("tree")
    kit.expect("an empty tree", ["dump", "--native=all", "--sysroot", tree, core], (COMPLETE, PARTIAL), out=["is not here"], absent=ODD)


def start_frames(kit, make):
    """How the C library starts a program is left out, of a stripped one too; main() of a program of one's own is not."""
    found = python((3, 11), managed=True)
    root = os.path.dirname(os.path.dirname(found.path))
    program = make.folder("embedded") / "worker"
    subprocess.run([tool("gcc"), "-pthread", "-o", program, TOP / "fixtures/programs/embedded.c", f"-I{root}/include/python3.11", f"-L{root}/lib",
                    f"-Wl,-rpath,{root}/lib", "-lpython3.11", "-lm"], check=True)
    for name in ("with symbols", "stripped"):
        core = make.crash([program, "/nowhere", make.script(NESTED.format(end=CRASH))], env={"PYTHONHOME": root})
        document = kit.expect_json(f"embedded, {name}", ["dump", "--native", core], COMPLETE)
        frames = document["threads"][0]["frames"]
        outside = [frame for frame in frames if frame["kind"] == "native"][-2:]
        kit.check_that(f"embedded, {name}: its stack", functions(document) == [STACK] and document["threads"][0]["merged"], str(functions(document)))
        kit.check_that(f"embedded, {name}: begins in the program", [frame["module"] for frame in outside] == [str(program)] * 2, str(outside)[:300])
        kit.check_that(f"embedded, {name}: not before main()", not [frame for frame in frames if "start" in (frame["function"] or "")],
                       str(frames[-1])[:300])
        subprocess.run([tool("strip"), program], check=True)


CASES = [other_file, no_files, start_frames]
