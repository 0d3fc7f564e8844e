"""Minidumps, as LLDB writes them: the same process as gcore's core of it shows; stacks only; packed; cut; without some lists."""
import contextlib
import os
import struct
import subprocess

from kit import COMPLETE, NOTHING, PARTIAL, Skip, functions
from subjects import environment, python, tool
import debugger

SUBJECT = """
import sys, threading, time
class Row(object):
    pass
rows = [Row() for _ in range(1000)]
def down(depth):
    if depth:
        return down(depth - 1)
    time.sleep(1000)
def worker(number):
    words = ["a", {"b": number}]
    down(number)
for number in (3, 5):
    thread = threading.Thread(target=worker, args=(number,))
    thread.daemon = True
    thread.start()
time.sleep(0.3)
sys.stdout.write("ready\\n")
sys.stdout.flush()
down(7)
"""
# Of threads whose stacks lie in one mapping, each with a guard that is no mapping of its own, as newer C libraries lay them.
SIDE_BY_SIDE = """
import ctypes, mmap, sys, time
SIZE, GUARD_INSTALL, N = 1 << 20, 102, 3
libc = ctypes.CDLL(None)
memory = mmap.mmap(-1, N * SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
attributes = ctypes.create_string_buffer(256)
libc.pthread_attr_init(attributes)
@ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
def worker(_):
    time.sleep(1000)
word = "ready"
for i in reversed(range(N)):
    at = ctypes.c_void_p(start + i * SIZE)
    if libc.madvise(at, ctypes.c_size_t(4096), GUARD_INSTALL):
        word = "refused"
    libc.pthread_attr_setstack(attributes, at, ctypes.c_size_t(SIZE))
    assert not libc.pthread_create(ctypes.byref(ctypes.c_ulong()), attributes, worker, None)
time.sleep(0.5)
open("guards", "w").write(word)
sys.stdout.write("ready\\n")
sys.stdout.flush()
time.sleep(1000)
"""
TRAP = """
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=7)
code.write(b"\\xcc\\xc3")
def trap():
    ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
trap()
"""
CRASH = "import ctypes\ndef crash(): ctypes.string_at(16)\ncrash()\n"
THREADS, MODULES, MEMORY, MAPS, STATUS, AUXV, WORDS = 3, 4, 5, 0x47670009, 0x47670004, 0x47670008, 0x47670006


def saved(make, version, style="full"):
    """(minidump, gcore's core of the same process)"""
    def both():
        folder = make.folder("minidump")
        with make.hanging_python(python(version), SUBJECT) as process:
            why = debugger.save(process.pid, folder / "core.dmp", style)
            if why:
                raise Skip(why)
            subprocess.run([tool("gcore"), "-o", folder / "core", str(process.pid)], capture_output=True, timeout=60, check=False)
            core = folder / f"core.{process.pid}"
            if not core.exists():
                raise Skip("gcore made no core")
            return folder / "core.dmp", core
    return make.once(("minidump", version, style), both)


def without(document, keys):
    """What must be the same. A minidump does not tell in which system call a thread is, so neither who waits for the GIL."""
    if isinstance(document, dict):
        return {key: without(value, keys) for key, value in document.items() if key not in keys}
    if isinstance(document, list):
        return [without(one, keys) for one in document]
    return document


def address_of(document, name):
    """Of a variable, the first one of this name."""
    for thread in document["threads"]:
        for frame in thread["frames"]:
            for variable in frame.get("locals") or ():
                if variable["name"] == name:
                    return variable["address"]
    return None


def differences(one, other, place=""):
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            yield from differences(one.get(key), other.get(key), f"{place}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, (a, b) in enumerate(zip(one, other)):
            yield from differences(a, b, f"{place}[{i}]")
    elif one != other:
        yield f"{place}: {one!r:.100} and {other!r:.100}"


# Of stacks LLDB saves what is in use, and it has the code that gcore leaves to the files.
LEFT_OUT = {"source", "lines", "waits_in", "system_call", "gil", "next", "memory", "uses"}


def as_gcore(kit, make):
    for version in ((2, 7), (3, 8), (3, 11), (3, 13)):
        dump, core = saved(make, version)
        for question in (["dump", "--native=all", "--locals"], ["info"], ["survey"]):
            name = f"minidump of {version}: {question[0]}"
            documents = [kit.expect_json(name, [*question, path], COMPLETE) for path in (dump, core)]
            left_out = LEFT_OUT | ({"file"} if question == ["info"] else set())
            kit.check(f"{name}, as gcore's core", differences(*[without(document, left_out) for document in documents]))
            source = documents[0]["source"]
            kit.check_that(f"{name}: source", source["snapshot"] and source["complete"], f"{source}")
        address = address_of(kit.expect_json(f"minidump of {version}: locals", ["dump", "--locals", dump], COMPLETE), "words")
        values = [kit.expect(f"minidump of {version}: print", ["print", path, address], COMPLETE, out="['a', {'b': ", json_too=False).out
                  for path in (dump, core)]
        kit.check_that(f"minidump of {version}: the same value", values[0] == values[1], f"{values}")


def modified(kit, make):
    """What was never written to is read from the files."""
    dump, core = saved(make, (3, 13), "modified-memory")
    documents = [kit.expect_json("modified memory", ["dump", "--native=all", "--locals", path], COMPLETE) for path in (dump, core)]
    kit.check("modified memory, as gcore's core", differences(*[without(document, LEFT_OUT | {"found_by"}) for document in documents]))


def stacks_only(kit, make):
    dump, _ = saved(make, (3, 13), "stack")
    said = "a minidump that holds stacks only"
    kit.expect("stacks only", ["dump", dump], NOTHING, err="stacks only", out=[said, "nothing of Python was found"])
    ran = kit.expect("stacks only: native frames", ["dump", "--native", dump], NOTHING, err="stacks only", out=[said])
    kit.check_that("stacks only: native frames are there", "sleep" in ran.out and "_PyEval_EvalFrameDefault" in ran.out, ran.out[:500])
    kit.expect("stacks only: survey", ["survey", dump], NOTHING, err="stacks only")
    kit.expect("stacks only: info", ["info", dump], NOTHING, err="stacks only", out=[said, "libpython3.13"])


def packed(kit, make):
    dump, _ = saved(make, (3, 13))
    folder = make.folder("packed")
    for packer in ("zstd", "gzip"):
        content = subprocess.run([tool(packer), "-1", "-c", dump], capture_output=True, check=True, timeout=60).stdout
        (folder / "core").write_bytes(content)
        kit.expect(f"minidump in {packer}", ["dump", folder / "core"], COMPLETE, out=["in down", "in worker"])
    with contextlib.closing(os.fdopen(os.open(dump, os.O_RDONLY), "rb")) as file:
        with subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE) as cat:
            kit.expect("minidump from a pipe", ["dump", "-"], COMPLETE, out=["in down", "in worker"], json_too=False, stdin=cat.stdout)


def directory(content):
    """Where the row of each stream is."""
    count, at = struct.unpack_from("<II", content, 8)
    return [(struct.unpack_from("<I", content, at + 12 * i)[0], at + 12 * i) for i in range(count)]


def without_streams(content, types):
    content = bytearray(content)
    for kind, at in directory(content):
        if kind in types:
            struct.pack_into("<I", content, at, 0)
    return bytes(content)


def without_lists(kit, make):
    """Crashpad has other lists than LLDB, and old ones fewer."""
    dump, core = saved(make, (3, 13))
    whole = kit.expect_json("gcore's core", ["dump", "--locals", core], COMPLETE)
    for name, types in (("maps", {MAPS}), ("maps and modules", {MAPS, MODULES}), ("status", {STATUS}), ("auxv", {AUXV}),
                        ("all that is Linux's", {MAPS, STATUS, AUXV, WORDS})):
        path = make.folder("lists") / "core.dmp"
        path.write_bytes(without_streams(dump.read_bytes(), types))
        document = kit.expect_json(f"minidump without {name}", ["dump", "--locals", path], COMPLETE)
        if document:
            found = [functions(one) for one in (whole, document)]
            kit.check_that(f"minidump without {name}: stacks", found[0] == found[1], f"{found}")
    path = make.folder("lists") / "core.dmp"
    path.write_bytes(without_streams(dump.read_bytes(), {THREADS}))
    kit.expect("minidump without threads", ["dump", path], (COMPLETE, PARTIAL), out="in down")


def cut(kit, make):
    dump, _ = saved(make, (3, 13))
    content = dump.read_bytes()
    for part in (0.00001, 0.0001, 0.001, 0.01, 0.3, 0.7, 0.99, 0.9999):
        path = make.folder("cut") / "core.dmp"
        path.write_bytes(content[:int(len(content) * part)])
        ran = kit.expect(f"minidump cut at {part}", ["dump", path], (NOTHING, PARTIAL))
        kit.check_that(f"minidump cut at {part}: said", "cut off" in ran.out + ran.err, (ran.out + ran.err)[:300])
        kit.expect(f"minidump cut at {part}: survey", ["survey", path], (NOTHING, PARTIAL))


def lost_list(kit, make):
    """Cut before its list of memory: nobody knows what should be in it, and it was no limit of the kernel's that cut it."""
    name = "minidump without its list of memory"
    for style in ("full", "stack"):
        dump, _ = saved(make, (3, 13), style)
        content = dump.read_bytes()
        path = make.folder("cut") / "core.dmp"
        end = next(struct.unpack_from("<I", content, at + 8)[0] for kind, at in directory(content) if kind == MEMORY)
        path.write_bytes(content[:end])
        document = kit.expect_json(f"{name}, {style}", ["dump", path], NOTHING)
        memory, missing = document["source"]["memory"], document["source"]["missing"]
        kit.check_that(f"{name}, {style}: nothing is said to be lost", memory["cut"] == memory["left_out"] == 0, f"{memory}")
        kit.check_that(f"{name}, {style}: what is not known", memory["unlisted"] == memory["mapped"] - memory["saved"] > 0 and
                       sum(one["size"] for one in missing) == memory["unlisted"], f"{memory}")
        kit.check_that(f"{name}, {style}: why", all("list" in one["why"] for one in missing), f"{missing[:3]}")
        kit.check_that(f"{name}, {style}: where, and what to do", any(
            f"its byte {end}, before its list of memory" in one["why"] and "get the file anew" in one["why"]
            for one in document["problems"]), f"{document['problems']}")
        ran = kit.expect(f"{name}, {style}: in words", ["dump", path], NOTHING, json_too=False,
                         out=["before its list of memory, so what it should hold is not known", "it is not known whether", "get it anew"])
        kit.check_that(f"{name}, {style}: no limit, and nothing certain", "ulimit" not in ran.out and " are lost" not in ran.out, ran.out[:900])


def side_by_side(kit, make):
    """Stacks that LLDB leaves out are named, with what to do."""
    folder = make.folder("side")
    with make.hanging_python(python((3, 11)), SIDE_BY_SIDE, folder=folder) as process:
        if (folder / "guards").read_text() != "ready":
            raise Skip("this kernel has no guards inside of mappings")
        why = debugger.save(process.pid, folder / "core.dmp")
    if why:
        raise Skip(why)
    document = kit.expect_json("stacks side by side", ["dump", folder / "core.dmp"], PARTIAL)
    lost = [thread["tid"] for thread in document["threads"] if thread["error"] and "not saved" in thread["error"]]
    problem = [one for one in document["problems"] if "does not hold all memory of thread" in one["why"]]
    kit.check_that("stacks side by side: said", len(problem) == 1 and lost and problem[0]["damage"] and "gcore" in problem[0]["why"] and
                   all(str(tid) in problem[0]["why"] for tid in lost), f"{lost} {document['problems']}")
    kit.expect("stacks side by side: in words", ["dump", folder / "core.dmp"], PARTIAL, out=["Problems", "does not hold all memory of thread"])
    whole = next(thread["tid"] for thread in document["threads"] if thread["main"])
    ran = kit.expect("stacks side by side: one that is there", ["dump", "--thread", str(whole), folder / "core.dmp"], COMPLETE)
    kit.check_that("stacks side by side: nothing of others", "does not hold" not in ran.out, ran.out[-500:])


def trap(kit, make):
    """A trap instruction of the program's own is no snapshot."""
    folder = make.folder("trap")
    path = folder / "core.dmp"
    why = debugger.save_at_death([python((3, 13)).path, "-s", make.script(TRAP)], path, env=environment(folder))
    if why:
        raise Skip(why)
    document = kit.expect_json("minidump of a trap", ["dump", path], COMPLETE)
    verdict, signal = document["verdict"], document["process"]["signal"]
    kit.check_that("minidump of a trap: signal", signal and signal["name"] == "SIGTRAP" and not document["source"]["snapshot"], f"{signal}")
    kit.check_that("minidump of a trap: why", verdict["cause"] == "trap" and "int3" in verdict["summary"], f"{verdict}")
    flags = next(thread for thread in document["threads"] if thread["crashed"])["registers"]["eflags"]
    if debugger.find()[1] < 20:
        kit.check_that("minidump of a trap: flags are not known", flags["value"] is None and flags["kind"] is None, f"{flags}")
        kit.expect("minidump of a trap: in words", ["dump", path], COMPLETE, out=["eflags not in the core"])
    else:
        kit.check_that("minidump of a trap: flags", flags["value"] not in (None, "0xffffffff"), f"{flags}")


def crash(kit, make):
    folder = make.folder("crash")
    found = python((3, 13))
    path = folder / "core.dmp"
    why = debugger.save_at_death([found.path, "-s", make.script(CRASH)], path, env=environment(folder))
    if why:
        raise Skip(why)
    document = kit.expect_json("minidump of a crash", ["dump", path], COMPLETE)
    verdict, signal = document["verdict"], document["process"]["signal"]
    kit.check_that("minidump of a crash: signal", signal and signal["number"] == 11 and signal["address"] in (None, "0x10"), f"{signal}")
    kit.check_that("minidump of a crash: why", verdict["cause"] == "null-dereference" and "string_at" in verdict["summary"], f"{verdict}")
    kit.check_that("minidump of a crash: stack", functions(document) == [["string_at", "crash", "<module>"]], f"{functions(document)}")
    kit.expect("minidump of a crash: in words", ["dump", "--crashed", path], COMPLETE, out=["SIGSEGV", "in crash"])


CASES = [as_gcore, modified, stacks_only, packed, without_lists, cut, lost_list, side_by_side, trap, crash]
