"""Cores of all kinds, and executables that go with them or not."""
import os
import pathlib
import random
import signal
import struct
import subprocess

from kit import COMPLETE, NOTHING, PARTIAL, Skip, functions
from subjects import CRASH, HANG, NESTED, STACK, CoreBytes, python, system_python, tool

THREADS = """
import threading, time
for _ in range(3):
    thread = threading.Thread(target=time.sleep, args=(1000,))
    thread.daemon = True
    thread.start()
time.sleep(0.3)
""" + NESTED.format(end=CRASH)
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
    for name, word in [("script", "is a script"), ("missing", "No such file"), (".", "directory"), ("fifo", "FIFO"), ("empty", "ELF"),
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


def rebuilt(make, core, headers, notes=None):
    """A core with other program headers, behind the memory, as the kernel does where there are too many of them for e_phnum; and
    with other notes, if they are given."""
    content = bytearray(core.bytes)
    if notes is not None:
        headers = [(*header[:2], len(content), *header[3:5], len(notes), *header[6:]) if header[0] == 4 else header for header in headers]
        content += notes
    at = len(content)
    content += b"".join(struct.pack("<IIQQQQQQ", *header) for header in headers)
    content[32:40] = at.to_bytes(8, "little")
    if len(headers) < 0xffff:
        content[56:58] = len(headers).to_bytes(2, "little")
    else:
        content[40:48] = len(content).to_bytes(8, "little")
        content[56:62] = struct.pack("<HHH", 0xffff, 64, 1)
        content += struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 1, 0, len(headers), 0, 0)
    return rewritten(make, bytes(content))


def many_segments(kit, make):
    """More of them than e_phnum can count: their number is in the first section header."""
    core = CoreBytes(make.core(python((3, 11))))
    more = [(1, 4, 0, (1 << 40) + 8192 * i, 0, 0, 4096, 4096) for i in range(70000)]
    path = rebuilt(make, core, core.headers + more)
    right_stack(kit, "70 000 more segments", [path])
    content = path.read_bytes()
    kit.expect("70 000 more segments, cut inside their headers", ["dump", rewritten(make, content[:-3_000_000])], (NOTHING, PARTIAL),
               out="Cut off:")


def odd_segments(kit, make):
    """In another order, twice, overlapping, and some that claim to be larger in the file than in memory."""
    core = CoreBytes(make.core(python((3, 11))))
    chance = random.Random(11)
    shuffled = list(core.headers)
    chance.shuffle(shuffled)
    right_stack(kit, "segments in another order", [rebuilt(make, core, shuffled)])
    right_stack(kit, "segments twice", [rebuilt(make, core, core.headers + core.loads)])
    halves = [(*load[:2], load[2] + load[5] // 8192 * 4096, load[3] + load[5] // 8192 * 4096, 0, load[5] - load[5] // 8192 * 4096,
               load[6] - load[5] // 8192 * 4096, load[7]) for load in core.loads]
    right_stack(kit, "segments and their second halves", [rebuilt(make, core, core.headers + halves)])
    right_stack(kit, "segments of no size in memory",
                [rebuilt(make, core, [(*header[:6], 0, header[7]) if header[0] == 1 and header[5] else header for header in core.headers])])


def notes_of(core):
    """The notes, each as its type and its bytes."""
    at = core.notes.start
    while at + 12 <= core.notes.stop:
        name, size, kind = struct.unpack_from("<III", core.bytes, at)
        end = at + 12 + (name + 3 & ~3) + (size + 3 & ~3)
        yield kind, core.bytes[at:end]
        at = end


def odd_notes(kit, make):
    """The thread that died last; notes of unknown kinds between; no registers at all; the last threads missing."""
    core = CoreBytes(make.core(python((3, 11)), THREADS))
    whole = kit.expect_json("notes as they are", ["dump", core.path], COMPLETE)
    groups = []
    for kind, note in notes_of(core):
        if kind == 1:
            groups.append(b"")
        groups[-1] += note
    kit.check_that("a group of notes for each thread", len(groups) == 4, f"{len(groups)}")
    unknown = struct.pack("<III", 5, 6, 0x4711) + b"ODD!\0\0\0\0" + b"what?!\0\0"
    for name, notes in [("the thread that died last", groups[1:] + groups[:1]), ("unknown notes", [unknown + group for group in groups])]:
        document = kit.expect_json(name, ["dump", rebuilt(make, core, core.headers, b"".join(notes))], COMPLETE)
        same = document and [(thread["tid"], thread["crashed"]) for thread in document["threads"]] == [
            (thread["tid"], thread["crashed"]) for thread in whole["threads"]] and functions(document) == functions(whole)
        kit.check_that(f"{name}: the same threads", same, f"{document and [(thread['tid'], thread['crashed']) for thread in document['threads']]}")
    few = kit.expect_json("two of four threads", ["dump", rebuilt(make, core, core.headers, b"".join(groups[:2]))], (COMPLETE, PARTIAL))
    kit.check_that("two of four threads: stacks", few and functions(few)[0] == STACK, "another one")
    kit.expect("no registers", ["dump", rebuilt(make, core, core.headers, b"".join(note for kind, note in notes_of(core) if kind != 1))],
               (NOTHING, PARTIAL), out="no thread")


def long_list_of_files(kit, make):
    """The kernel leaves NT_FILE out where it would be longer than 4 MiB: modules are found by the dynamic linker's list."""
    limit = pathlib.Path("/proc/sys/kernel/core_file_note_size_limit")
    if limit.exists() and int(limit.read_text()) > 1 << 22:
        raise Skip("the kernel's limit of NT_FILE was raised")
    name = make.folder() / ("d" * 200) / ("f" * 200)
    name.parent.mkdir()
    name.write_bytes(b"x" * 4096 * 64)
    text = (f"import mmap\nfile = open({str(name)!r}, 'rb')\n"
            "kept = [mmap.mmap(file.fileno(), 4096, 2, 1, offset=4096 * (i * 7 % 64)) for i in range(11000)]\n" + NESTED.format(end=CRASH))
    for found in (python((3, 13)), system_python()):
        core = make.core(found, text)
        document = right_stack(kit, f"too many files for NT_FILE, {found.name}", [core])
        kit.check_that(f"too many files for NT_FILE, {found.name}: said", document and any("no list of mapped files" in problem["why"]
                                                                                           for problem in document["problems"]), "it is not")


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


CASES = [without_python, every_python, offsets_of_other_versions, texts_of_other_versions, executables, filters, snapshot, many_mappings,
         many_segments, odd_segments, odd_notes, long_list_of_files, killed_from_outside, embedded]
