"""Native and Python frames as one stack: which threads show it, what stands where, and what is said of a stack that
breaks off. That native frames are right is for tests/native/run.py."""
import re
import time

from kit import COMPLETE, PARTIAL, of_python
from subjects import all_pythons, python

THREADS = """
import os, threading, time
for _ in range(3):
    thread = threading.Thread(target=time.sleep, args=(1000,))
    thread.daemon = True
    thread.start()
time.sleep(0.3)
os.abort()
"""
# A return address that was overwritten, by a function that returns to nowhere: nothing leads on from there.
LOST = """
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(b"\\x31\\xe4\\x31\\xed\\x0f\\x0b")  # xor %esp,%esp; xor %ebp,%ebp; ud2
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
"""
# C calls Python in each way that is common. PATH: the Python functions in the order of their calls.
WAYS = """
import ctypes, os, signal, sys, time
def end():
    {end}
def sorting(n):
    def compare(a, b):
        sorting(n - 1) if n else end()
        return 0
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    ctypes.CDLL(None).qsort((ctypes.c_int * 2)(2, 1), 2, 4, kind(compare))
def mapped(_):
    sorting(1)
class Kept(object):
    def __del__(self):
        list(map(mapped, [1]))
    def __lt__(self, other):
        kept = Kept()
        del kept
    def __add__(self, other):
        return sorted([self, other])
def generator():
    yield Kept() + Kept()
def handler(*_):
    list(generator())
def start():
    signal.signal(signal.SIGUSR1, handler)
    os.kill(os.getpid(), signal.SIGUSR1)
    for _ in range(1000):
        pass
start()
"""
PATH = ["<module>", "start", "handler", "generator", "__add__", "__lt__", "__del__", "mapped", "sorting", "compare", "sorting",
        "compare", "end"]
ABORT, HANG = "os.abort()", "sys.stdout.write('ready\\n'); sys.stdout.flush(); time.sleep(1000)"
# Recursion through C until its stack ends, which is small: 3.12 and later also limit the depth.
OVERFLOW = """
import resource, sys, threading
sys.setrecursionlimit(10 ** 8)
class Turn(object):
    def __add__(self, other):
        return other + self
def down():
    return Turn() + Turn()
threading.stack_size(1 << 20)
thread = threading.Thread(target=down)
thread.start()
thread.join()
"""
# After a second of it the kernel ends it, with a core, if there is a limit.
SPINS = """
import resource, sys
def spin():
    while True:
        pass
if {limit}:
    resource.setrlimit(resource.RLIMIT_CPU, ({limit}, 60))
sys.stdout.write('ready\\n')
sys.stdout.flush()
spin()
"""
NOTE = "Frames of the interpreter itself are left out; --native=all shows them."
EVALUATES = ("_PyEval_EvalFrameDefault", "PyEval_EvalFrameEx")
STARTS = ("_start", "clone", "clone3", "__clone", "__clone3")


def of_c(thread):
    """The native frames, those of inlined functions not counted, innermost first."""
    frames = thread["frames"] if thread["merged"] else thread.get("native_frames", [])
    return [frame for frame in frames if frame["kind"] == "native" and not frame["inlined"]]


def shape(frames):
    """Runs of frames of one kind, outermost first: "P2 N12 P1"."""
    kinds = ["P" if frame["kind"] == "python" else "N" for frame in reversed(frames) if not frame.get("inlined")]
    return " ".join(f"{run[0]}{len(run)}" for run in (found[0] for found in re.finditer("P+|N+", "".join(kinds))))


def both(kit, name, arguments, status=COMPLETE):
    """What it prints, and the document, which tells the same."""
    ran = kit.expect(name, ["dump", "--no-group", "--no-source", *arguments], status)
    document = kit.expect_json(f"{name}, again", ["dump", *arguments], status)
    native = [frame for thread in document["threads"] for frame in thread["frames"] if frame["kind"] == "native"]
    if "repeated" not in ran.out:
        lines = re.findall("^  (0x[0-9a-f]{12}) in ", ran.out, re.M)
        kit.check_that(f"{name}: as many native frames", len(lines) == len(native), f"{len(lines)} lines, {len(native)} in JSON")
    return ran, document


def which(kit, make):
    core = make.core(python((3, 11)), THREADS)
    for option, wanted in (([], [True, None, None, None]), (["--native"], [True] * 4), (["--native=all"], [True] * 4),
                           (["--native=none"], [None] * 4)):
        name = f"threads with {option[0] if option else 'no option'}"
        ran, document = both(kit, name, [*option, core])
        threads = document["threads"]
        kit.check_that(f"{name}: merged", [thread["merged"] for thread in threads] == wanted, f"{[t['merged'] for t in threads]}")
        kit.check_that(f"{name}: closing note", (NOTE in ran.out) == (option == ["--native"]), "not as it should be")
        for thread in threads:
            frames = of_c(thread)
            kit.check_that(f"{name}: native frames of {thread['tid']}", bool(frames) == bool(thread["merged"]), f"{frames}")
            kit.check_that(f"{name}: keys of {thread['tid']}", ("native_error" in thread) == (thread["merged"] is not None)
                           and "native_frames" not in thread and thread["merge_error"] is None, f"{sorted(thread)}")
            names = [frame["function"] for frame in frames]
            if option == ["--native=all"]:
                kit.check_that(f"{name}: the outermost one of {thread['tid']}", names[-1] in STARTS, f"{names[-1]}")
                kit.check_that(f"{name}: found for sure", {frame["found_by"] for frame in frames} == {"cfi"}, "guesses")
                kit.check_that(f"{name}: nothing hidden", thread["frames_hidden"] == 0, f"{thread['frames_hidden']}")
            elif frames:
                hidden = set(names) & {*EVALUATES, *STARTS, "Py_RunMain", "thread_run", "t_bootstrap", "main"}
                kit.check_that(f"{name}: the interpreter's own are left out of {thread['tid']}", not hidden and thread["frames_hidden"],
                               f"{hidden}, {thread['frames_hidden']} hidden")


def equal_stacks(kit, make):
    core = make.core(python((3, 11)), THREADS)
    for option in ([], ["--native"], ["--native=all"]):
        kit.expect(f"equal threads with {option}", ["dump", *option, core], COMPLETE, out="3 threads with the same stack:")


def called(frames):
    """What each Python frame called in C, outermost first; the first list: what comes before all of them."""
    lists = [[]]
    for frame in reversed(frames):
        if frame["kind"] == "python":
            lists.append([])
        else:
            lists[-1].append(frame["function"] or "")
    return lists


def order(kit, name, thread, whole):
    """Where native frames stand among the Python frames, which are known."""
    kit.check_that(f"{name}: merged", thread["merged"] is True, f"{thread['merge_error']}")
    found = [frame["function"] for frame in reversed(of_python(thread))]
    if not kit.check_that(f"{name}: Python frames", found == PATH, f"{found}"):
        return
    before, *by = called(thread["frames"])
    for function, names in zip(PATH, by):
        if function == "sorting":
            kit.check_that(f"{name}: sorted in C", any(n.startswith("qsort") for n in names), f"{names}")
        elif function != "end" and not whole:
            kit.check_that(f"{name}: only the interpreter is between {function} and the next", not names, f"{names}")
    kit.check_that(f"{name}: what the innermost one called", by[-1] and not set(by[-1]) & set(EVALUATES), f"{by[-1]}")
    kit.check_that(f"{name}: what comes first", whole == bool(before), f"{before}")


def ways_of(kit, make, found, end):
    """A core, or a live process, of one Python."""
    name = f"ways of {found.name}, {'dead' if end == ABORT else 'live'}"
    script = WAYS.format(end=end)

    def look(*where):
        ran, document = both(kit, name, ["--native", *where])
        nameless = {(f["module"], f["build_id"]) for thread in document["threads"] for f in thread["frames"]
                    if f["kind"] == "native" and f["module"] and not f["function"] and not f["file"]}
        listed = re.findall(r"^  (/\S+)  build-id ([0-9a-f]+)$", ran.out.partition("\nModules without symbols:\n")[2], re.M)
        kit.check_that(f"{name}: modules without symbols", sorted(listed) == sorted(nameless), f"{listed}, not {nameless}")
        order(kit, name, document["threads"][0], False)
        _, every = both(kit, f"{name}, all", ["--native=all", *where])
        thread = every["threads"][0]
        order(kit, f"{name}, all", thread, True)
        evaluations = [f["function"] for f in of_c(thread) if str(f["function"]).split(".")[0] in EVALUATES[:1]] \
            or [f["function"] for f in of_c(thread) if f["function"] == EVALUATES[1]]
        runs = shape(thread["frames"]).count("P")
        kit.check_that(f"{name}: an evaluation for each run of Python frames", len(evaluations) >= runs,
                       f"{len(evaluations)} evaluations, {shape(thread['frames'])}")
        if end == ABORT:
            _, plain = both(kit, f"{name}, plain", where)
            kit.check_that(f"{name}: plain", re.fullmatch(rf"P{len(PATH)} N\d+", shape(plain["threads"][0]["frames"])),
                           shape(plain["threads"][0]["frames"]))
    if end == ABORT:
        look(make.core(found, script))
    else:
        with make.hanging_python(found, script) as process:
            look("--pid", process.pid)


def ways(kit, make):
    for found in all_pythons():
        for end in (ABORT, HANG):
            ways_of(kit, make, found, end)


def overflow(kit, make):
    """The innermost call may have begun only; the rest is long, and repeats."""
    for version in ((2, 7), (3, 8), (3, 10), (3, 11), (3, 13)):
        core = make.core(python(version), OVERFLOW)
        ran, document = both(kit, f"overflow in {version}", ["--native=all", core])
        crashed = next(thread for thread in document["threads"] if thread["crashed"])
        kit.check_that(f"overflow in {version}: merged", crashed["merged"] is True, f"{crashed['merge_error']}")
        adds = sum(frame["function"] == "__add__" for frame in of_python(crashed))
        kit.check_that(f"overflow in {version}: deep", adds > 500, f"{adds} frames")
        counts = re.findall(r"^  \[Previous (\d+) frames repeated (\d+) more times\]$", ran.out, re.M)
        kit.check_that(f"overflow in {version}: collapsed", any(int(n) * int(times) > adds for n, times in counts)
                       and len(ran.out.splitlines()) < 400, f"{counts}, {len(ran.out.splitlines())} lines")


def in_the_function_itself(kit, make):
    """A thread that only runs Python is in the evaluation function, which is no news; if it died there, it is shown."""
    found = python((3, 11))
    core = make.core(found, SPINS.format(limit=1))
    _, document = both(kit, "dead while it ran Python", [core])
    frames = document["threads"][0]["frames"]
    kit.check_that("dead while it ran Python: where", shape(frames) == "P2 N1" and frames[0]["function"] in EVALUATES
                   and document["threads"][0]["merged"], shape(frames))
    with make.running_python(found, SPINS.format(limit=0)) as process:
        time.sleep(0.3)
        _, document = both(kit, "runs Python", ["--native", "--pid", process.pid])
        thread = document["threads"][0]
        kit.check_that("runs Python: nothing in C", not of_c(thread) and thread["merged"] and of_python(thread), shape(thread["frames"]))


def lost(kit, make):
    """The Python frames are all known, the native one that is known is further in than all of them."""
    core = make.core(python((3, 11)), LOST)
    why = "what called these frames is not known"
    for option, status in (([], COMPLETE), (["--native"], PARTIAL)):
        name = f"a stack that is lost, {option}"
        ran, document = both(kit, name, [*option, core], status)
        crashed = document["threads"][0]
        kit.check_that(f"{name}: frames", shape(crashed["frames"]) == "P1 N1" and crashed["merged"], shape(crashed["frames"]))
        kit.check_that(f"{name}: why", crashed["native_error"], "no error")
        kit.check_that(f"{name}: where", re.search(rf"in <module>\n  <{why}[^\n]*>\n  0x[0-9a-f]+ in \?\?", ran.out), ran.out[-600:])


def apart(kit, make):
    """Where Python's own words on its calls are not right, both stacks are shown in full, and why."""
    from subjects import CoreBytes
    found = python((3, 11), True)
    whole = make.core(found)
    document = kit.expect_json("not merged: before", ["dump", "--native=all", whole], COMPLETE)
    core = CoreBytes(whole)
    thread = document["threads"][0]
    evaluation = next(i for i, frame in enumerate(of_c(thread)) if frame["function"] in EVALUATES)
    tstate = core.offset_of(int(thread["address"], 16))
    # 3.11: tstate.cframe, behind 7 words; the cframe it names moves to where the frames of the C library are
    old = int.from_bytes(core.bytes[tstate + 56:tstate + 64], "little")
    copy = bytearray(core.bytes)
    place = old - 0x400
    at = core.offset_of(place)
    copy[at:at + 24] = core.bytes[core.offset_of(old):core.offset_of(old) + 24]
    copy[tstate + 56:tstate + 64] = place.to_bytes(8, "little")
    path = make.folder() / "core"
    path.write_bytes(copy)
    ran = kit.expect("not merged", ["dump", "--native", path], COMPLETE, out=(
        "  Not merged with the native stack: ", "  Native stack, most recent call last:\n    0x"), absent=[NOTE])
    crashed = kit.expect_json("not merged, again", ["dump", "--native", path], COMPLETE)["threads"][0]
    kit.check_that("not merged: Python's", crashed["frames"] == crashed["python_frames"] == of_python(thread), "others")
    kit.check_that("not merged: native ones", [f["address"] for f in of_c(crashed)] == [f["address"] for f in of_c(thread)],
                   f"{of_c(crashed)}")
    kit.check_that("not merged: why", crashed["merge_error"] and crashed["merge_error"] in ran.out and evaluation,
                   f"{crashed['merge_error']}")


CASES = [which, equal_stacks, ways, overflow, in_the_function_itself, lost, apart]
