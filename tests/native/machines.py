"""Cores of other processors: Pythons that fixtures/pythons fetched, run by themselves or under qemu-user, and one with
musl's C library.

The chain of calls is known: main() of the program down to abort(), and what machines_main.py calls in between. Where gdb can
read the core (i386), both must show the same addresses.
"""
import pathlib
import subprocess

import pythons
from report import Report, native_frames, python_frames

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 180
# How frames may be found: by tables everywhere; Debian's programs for arm have none, and musl has none.
FOUND_BY = {"arm": {"cfi", "prologue"}, "musl": {"cfi", "scan"}}
INNER = ["inner"] * 4 + ["__lt__", "main", "<module>"]
PYTHON = {
    "abort": INNER,
    "callback": ["compare", "in_callback", *INNER],
    "waiter": ["wait", "wait", "waiter", "run", "_bootstrap_inner", "_bootstrap"],
    "sleeper": ["sleeper", "run", "_bootstrap_inner", "_bootstrap"],
}
# What symbols name in any build, innermost first, and Python frames (p:) between them.
START = ["PyEval_EvalCode", "Py_RunMain", "Py_BytesMain", "_start"]
NATIVE = {
    "abort": ["abort", "p:inner", "p:__lt__", "p:main", "p:<module>", *START],
    "callback": ["abort", "p:compare", "qsort_r", "p:in_callback", "p:inner", "p:__lt__", "p:main", "p:<module>", *START],
    "waiter": ["p:wait", "p:waiter"],
    "sleeper": ["p:sleeper"],
}


def find():
    found = pythons.find(fetched=True, foreign=True)[0]
    return [python for python in found if python.machine or "musl" in python.name]


def is_debian(python):
    return python.name.startswith("debian-")


def end_of(counts, title, python, way, folder):
    """Its core, or None where this cannot be tried here."""
    folder.mkdir(parents=True)
    has = subprocess.run([python.path, "-c", "import ctypes"], capture_output=True, timeout=PATIENCE, check=False, cwd=folder)
    if way == "callback" and has.returncode:
        counts.say("skipped", title, "it has no ctypes")
        return None
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8", **python.environment}
    done = subprocess.run([python.path, "-s", HERE / "machines_main.py", way], cwd=folder, env=environment, capture_output=True,
                          timeout=PATIENCE, check=False)
    core = python.core(folder)
    if not core:
        counts.say("failed", title, f"no core, status {done.returncode}: {done.stderr[-300:]}")
    return core


def shown(frame):
    return ("p:" if frame["kind"] == "python" else "") + (frame["function"] or "?")


def out_of_order(frames, wanted):
    """What is wanted and does not come, one after the other."""
    names = iter(shown(frame).split("@")[0] for frame in frames)
    return [name for name in wanted if name not in names]


def role_of(thread, way):
    if thread["main"]:
        return way
    return next((role for role in ("waiter", "sleeper") if any(frame["function"] == role for frame in python_frames(thread))), None)


def faults(python, thread, role):
    allowed = FOUND_BY.get("musl" if "musl" in python.name else python.machine, {"cfi"})
    natives = native_frames(thread)
    names = [frame["function"] for frame in python_frames(thread)]
    if not thread["merged"]:
        yield f"not merged: {thread['merge_error']}"
    if names != PYTHON[role]:
        yield f"Python frames {names}"
    missing = out_of_order(thread["frames"], NATIVE[role])
    if missing:
        yield f"{missing[0]} is not where it was called: {[shown(frame) for frame in thread['frames']]}"
    strange = sorted({frame["found_by"] for frame in natives} - allowed)
    if strange:
        yield f"frames are found by {', '.join(strange)}"
    if thread["native_error"]:
        yield f"the native stack breaks off: {thread['native_error']}"


def by_gdb(core, program, root):
    """Addresses of each thread's frames."""
    command = ["gdb", "-nx", "-q", "-batch", "-ex", "set auto-load off", "-ex", "set debuginfod enabled off", "-ex",
               f"set sysroot {root}", "-ex", f"file {program}", "-ex", f"core-file {core}", "-ex", "echo \\nstacks\\n", "-ex", "thread apply all -q bt"]
    text = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False).stdout
    stacks = []
    for line in text.partition("\nstacks\n")[2].splitlines():
        words = line.split()
        if line.startswith("#0"):
            stacks.append([])
        if line.startswith("#") and len(words) > 1 and words[1].startswith("0x"):
            stacks[-1].append(int(words[1], 16))
    return stacks


def compare(counts, title, core, python, threads):
    program = next(pathlib.Path(python.root).glob("usr/bin/python3.??"))
    theirs = sorted(by_gdb(core, program, python.root))
    ours = sorted([int(frame["address"], 16) for frame in native_frames(thread) if not frame["inlined"]] for thread in threads)
    differ = sum(a != b for mine, other in zip(ours, theirs) for a, b in zip(mine, other))
    counts.tally("native frames of i386 compared with gdb's", sum(map(len, ours)), differ)
    counts.judge(f"{title}: gdb", [] if ours == theirs else [f"{[list(map(hex, stack)) for stack in ours]}, by gdb "
                                                            f"{[list(map(hex, stack)) for stack in theirs]}"])


def killed(counts, pycore, folder, title, python, way):
    """By itself, with the signal of a fault: no fault may be made of it, though an emulator's core does not tell who sent it."""
    core = end_of(counts, title, python, way, folder)
    if core:
        verdict = Report(pycore, [*python.options, core]).verdict
        counts.judge(f"{title}: verdict", [] if verdict["cause"] == "sent-by-itself" else [verdict["summary"]])


def case(counts, pycore, folder, title, python, way):
    core = end_of(counts, title, python, way, folder)
    if not core:
        return
    report = Report(pycore, [*python.options, core])
    found = [(thread, role_of(thread, way)) for thread in report.threads if role_of(thread, way)]
    counts.judge(f"{title}: threads", [] if sorted(role for _, role in found) == sorted([way, "waiter", "sleeper"]) else
                 [f"{[role for _, role in found]}"])
    for thread, role in found:
        if role != "callback" or is_debian(python):
            counts.judge(f"{title}: {role}", faults(python, thread, role))
    if python.machine == "i386":
        compare(counts, title, core, python, report.threads)
