"""Which threads show native frames, and what a stack says that breaks off. Their content: tests/native/run.py."""
from kit import COMPLETE, PARTIAL
from subjects import python

BLOCK = "  Native stack, most recent call last:"
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


def stacks(kit, name, arguments, status=COMPLETE):
    ran = kit.expect(name, ["dump", "--no-group", *arguments], status)
    document = kit.expect_json(f"{name}, again", ["dump", *arguments], status)
    return ran.out.count(BLOCK), ["native_frames" in thread for thread in document["threads"]], document


def which(kit, make):
    core = make.core(python((3, 11)), THREADS)
    for option, wanted in (([], [True, False, False, False]), (["--native"], [True] * 4), (["--native=all"], [True] * 4),
                           (["--native=none"], [False] * 4)):
        count, found, document = stacks(kit, f"threads with {option or 'no option'}", [*option, core])
        kit.check_that(f"{option}: blocks of text", count == sum(wanted), f"{count} blocks")
        kit.check_that(f"{option}: in JSON", found == wanted, f"{found}")
        kit.check_that(f"{option}: not merged", all(thread["merged"] is None for thread in document["threads"]), "merged")
        for thread in document["threads"]:
            frames = thread.get("native_frames", [])
            if frames:
                kit.check_that(f"{option}: the outermost frame of {thread['tid']}", frames[-1]["function"] in (
                    "_start", "clone3", "__clone3"), f"{frames[-1]}")
                kit.check_that(f"{option}: found for sure", {f["found_by"] for f in frames} == {"cfi"}, "guesses")


def nested(kit, make):
    core = make.core(python((3, 11), True))
    _, _, document = stacks(kit, "names", ["--native", core])
    names = [frame["function"] for frame in document["threads"][0]["native_frames"]]
    kit.check_that("names: of C and Python's own", {"abort", "os_abort", "Py_RunMain", "_start"} <= set(names), f"{names}")


def lost(kit, make):
    core = make.core(python((3, 11)), LOST)
    kit.expect("a stack that is lost, by the way", ["dump", core], COMPLETE, out="what called these frames is not known")
    _, _, document = stacks(kit, "a stack that is lost", ["--native", core], PARTIAL)
    crashed = document["threads"][0]
    kit.check_that("a stack that is lost: one frame", len(crashed["native_frames"]) == 1, f"{crashed['native_frames']}")
    kit.check_that("a stack that is lost: why", crashed["native_error"], "no error")


CASES = [which, nested, lost]
