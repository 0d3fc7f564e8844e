"""Cores of all kinds, and executables that go with them or not."""
import os
import pathlib
import signal
import subprocess

from kit import COMPLETE, NOTHING, PARTIAL, Skip, functions
from subjects import CRASH, HANG, NESTED, STACK, CoreBytes, python, system_python, tool

VERSION_AT = 8  # behind the cookie of _Py_DebugOffsets


def without_python(kit, make):
    core = make.core_without_python()
    kit.expect("core of a C program", ["dump", core], NOTHING, err="no Python", out="Verdict:    abort()")
    kit.expect("core of a C program: info", ["info", core], NOTHING, err="no Python", out="libc")
    kit.expect("core of a C program, one thread", ["dump", "--crashed", core], NOTHING, err="no Python")


def right_stack(kit, name, arguments, status=COMPLETE):
    """The report as JSON; None where it is not that of STACK."""
    document = kit.expect_json(name, ["dump", *arguments], status)
    good = document and STACK in functions(document)
    kit.check_that(f"{name}: stack", good, f"found {document and functions(document)}")
    return document if good else None


def every_python(kit, make):
    for version in ((2, 7), (3, 6), (3, 8), (3, 11), (3, 13)):
        right_stack(kit, f"core of {version}", [make.core(python(version))])
    ran = kit.expect("core of 3.13 as text", ["dump", make.core(python((3, 13)))], COMPLETE,
                     out=["SIGABRT", "3.13", "main, crashed", "most recent call last", "line 4, in inner", "os.abort()"])
    kit.check_that("innermost frame last", ran.out.index("in outer") < ran.out.rindex("in inner"), "it is not")


def offsets_of_other_versions(kit, make):
    """The version word of a core's own _Py_DebugOffsets made to say what no one has seen. Where the binary knows better,
    it is believed."""
    core = make.core(python((3, 13)))
    known = CoreBytes(core)
    at = known.bytes.index(b"xdebugpy") + VERSION_AT
    for name, version in [("3.5", 0x030500f0), ("3.2", 0x030200f0), ("0", 0), ("4.0", 0x040000f0), ("all ones", 2**64 - 1)]:
        path = poked(make, known, at, version.to_bytes(8, "little"))
        document = right_stack(kit, f"debug offsets of {name}", [path], (COMPLETE, PARTIAL))
        kit.check_that(f"debug offsets of {name}: version", document and document["python"]["version"] == "3.13.0", "another one")
    for name, version in [("3.16", 0x031000f0), ("3.99", 0x036300f0)]:
        path = poked(make, known, at, version.to_bytes(8, "little"))
        document = kit.expect_json(f"debug offsets of {name}", ["dump", path], (COMPLETE, PARTIAL, NOTHING))
        if document and document["python"]:
            kit.check_that(f"debug offsets of {name}: a guess", document["python"]["layout"]["guess"], "it is not marked")
            kit.expect(f"debug offsets of {name}: in words", ["dump", path], out="GUESS")
        else:
            kit.expect(f"debug offsets of {name}: in words", ["dump", path], NOTHING, err=name)


def texts_of_other_versions(kit, make):
    """What Py_GetVersion() left in memory made to say another version."""
    found = python((3, 8), managed=True)
    known = CoreBytes(make.core(found))
    text = ".".join(map(str, found.version)).encode() + b" ("
    kit.check_that("a version text in memory", text in known.bytes, "there is none")
    for other in (b"2.6.18 (", b"3.5.18 (", b"3.3.18 (", b"1.5.18 (", b"3.16.0 (", b"3.99.9 (", b"4.0.18 ("):
        if len(other) != len(text):
            raise Skip(f"{found.name} has a version text of another length")
        name = other.decode().rstrip(" (")
        kit.expect(f"Python {name}", ["dump", rewritten(make, known.bytes.replace(text, other))], NOTHING, err=[name, "2.7"])


def poked(make, known, at, new):
    return rewritten(make, known.bytes[:at] + new + known.bytes[at + len(new):])


def rewritten(make, content):
    path = make.folder() / "core"
    path.write_bytes(content)
    return path


def executables(kit, make):
    core = make.core(python((3, 11), managed=True))
    other = python((3, 12)).path
    folder = make.folder()
    (folder / "script").write_text("#!/bin/sh\n")
    os.mkfifo(folder / "fifo")
    (folder / "empty").touch()
    ids = [build_id(os.path.realpath(path)) for path in (python((3, 11), managed=True).path, other)]
    kit.expect("EXE that is right", ["dump", core, python((3, 11), managed=True).path], COMPLETE, out=STACK, absent=["not used"])
    kit.expect("EXE of another build", ["dump", core, other], out=[*STACK, *ids])
    for name, word in [("script", "ELF"), ("missing", "No such file"), (".", "directory"), ("fifo", "FIFO"), ("empty", "ELF"),
                       (str(core), "ELF")]:
        kit.expect(f"EXE is {name[:10]}", ["dump", core, folder / name], out=[*STACK, word])


def build_id(path):
    text = subprocess.run([tool("readelf"), "-n", path], capture_output=True, text=True).stdout
    if "Build ID: " not in text:
        raise Skip(f"{path} has no build-id")
    return text.partition("Build ID: ")[2].split()[0]


def filters(kit, make):
    """What coredump_filter leaves out: 0x33 is the kernel's default, 0x3f adds shared memory, 0x7f mapped files, 0 leaves all."""
    for found in (python((3, 13)), python((3, 10)), system_python()):
        for mask in (0x33, 0x3f, 0x7f, 0):
            text = f"open('/proc/self/coredump_filter', 'w').write('{mask:#x}')\n" + NESTED.format(end=CRASH)
            core = make.core(found, text)
            name = f"coredump_filter {mask:#x}, {found.name}"
            if mask:
                right_stack(kit, name, [core])
            else:
                kit.expect(name, ["dump", core], (NOTHING, PARTIAL))


def snapshot(kit, make):
    gcore = tool("gcore")
    for version in ((3, 8), (3, 13)):
        folder = make.folder()
        with make.hanging_python(python(version)) as process:
            subprocess.run([gcore, "-o", folder / "core", str(process.pid)], capture_output=True, timeout=60)
        core = folder / f"core.{process.pid}"
        if not core.exists():
            raise Skip("gcore made no core")
        document = right_stack(kit, f"gcore of {version}", [core])
        kit.check_that(f"gcore of {version}: a snapshot", document and document["source"]["snapshot"] and not document["process"]["signal"]
                       and not any(thread["crashed"] for thread in document["threads"]), "it is not said")
        kit.expect(f"gcore of {version}: in words", ["dump", core], COMPLETE, out="snapshot")
        kit.expect(f"gcore of {version}: nothing crashed", ["dump", "--crashed", core], NOTHING, err="no thread crashed")


def many_mappings(kit, make):
    text = "import mmap\nkept = [mmap.mmap(-1, 4096) for _ in range(3500)]\n" + NESTED.format(end=CRASH)
    core = make.core(python((3, 12)), text)
    count = len(CoreBytes(core).loads)
    kit.check_that("many mappings: they are in the core", count > 3000, f"only {count}")
    right_stack(kit, "many mappings", [core])


def killed_from_outside(kit, make):
    core = make.once("killed", lambda: make.crash([python((3, 10)).path, "-s", make.script(NESTED.format(end=HANG))],
                                                  kill_with=signal.SIGSEGV))
    document = right_stack(kit, "killed by another process", [core])
    kit.check_that("killed by another process: by whom", document and document["process"]["signal"]["sender_pid"] == os.getpid(),
                   f"{document and document['process']}")


def embedded(kit, make):
    """A C program that runs Python."""
    found = python((3, 12))
    root = pathlib.Path(found.path).parents[1]
    folder = make.folder()
    (folder / "host.c").write_text('#include <Python.h>\nint main(int argc, char **argv) { (void)argc; Py_Initialize();'
                                   ' FILE *f = fopen(argv[1], "r"); return PyRun_SimpleFile(f, argv[1]); }\n')
    subprocess.run([tool("gcc"), "-o", "host", "host.c", f"-I{root}/include/python3.12", f"-L{root}/lib", "-lpython3.12",
                    f"-Wl,-rpath,{root}/lib"], cwd=folder, check=True)
    command = [folder / "host", make.script(NESTED.format(end=CRASH))]
    document = right_stack(kit, "embedded Python", [make.crash(command, env={"PYTHONHOME": str(root)})])
    kit.check_that("embedded Python: where", document and "libpython3.12" in document["python"]["module"], "not in libpython")


CASES = [without_python, every_python, offsets_of_other_versions, texts_of_other_versions, executables, filters, snapshot, many_mappings, killed_from_outside, embedded]
