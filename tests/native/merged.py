"""One stack out of native and Python frames: beside what the program itself wrote down, and beside the stacks it is made of."""
import collections
import itertools
import re
import struct

import builds
from report import is_evaluation, native_frames, python_frames, show

THREADS, DEPTH, NAME = 16, 1024, 32  # as in shadow.h
KNOWN = re.compile(r"^(py|nat)_\w+$")

# The scenarios of truth/main.py, with the first version that can run them.
SCENARIOS = {name: (2, 7) for name in (
    "callbacks", "qsort", "objects", "slots", "magic", "libraries", "recursion", "deep", "generators", "thrown", "signals",
    "c_signal", "finalizers", "frame_cleared", "frame_cleared_inline", "collector", "imports", "executed", "tracing", "at_exit",
    "except_hook", "threads", "dies_elsewhere", "foreign_thread", "gil_thread", "bare_thread", "interpreter", "cython",
    "bottom", "in_evaluation")}
SCENARIOS.update({name: (3, 6) for name in ("delegation", "coroutines", "asyncio_task", "signal_in_call", "collector_callback")})
SCENARIOS.update({"context": (3, 7), "auditing": (3, 8)})


def truth(path):
    """tid -> names of what it had called and what had not returned, outermost first."""
    data, size, found = path.read_bytes(), 8 + DEPTH * NAME, {}
    for at in range(0, THREADS * size, size):
        tid, depth = struct.unpack_from("<ii", data, at)
        if tid and depth:
            rows = (data[at + 8 + k * NAME:at + 8 + (k + 1) * NAME] for k in range(depth))
            found[tid] = [row.partition(b"\0")[0].decode("ascii") for row in rows]
    return found


class Known:
    """Tells the names of the test's own functions, also those of a module that was stripped after it was built."""

    def __init__(self, stripped=None, whole=None):
        self.stripped, self.names = str(stripped), builds.Names(whole) if whole else None

    def name(self, frame):
        name = frame["function"]
        if frame["kind"] == "native" and self.names and frame["module"] == self.stripped:
            name = self.names.at(int(frame["offset"], 16) - 1)
        return name if name and KNOWN.match(name) else None

    def list(self, frames):
        """Outermost first, as truth() has them."""
        return [name for name in map(self.name, reversed(frames)) if name]


def against_truth(counts, name, report, said, known):
    """Each thread's merged stack, without what is not the test's own, is what the program said."""
    faults = []
    for tid, names in said.items():
        entries = report.of(tid)
        if not entries:
            faults.append(f"thread {tid} is missing")
        left = {n for n in names if n.startswith("py_")} - {known.name(f) for thread in entries for f in thread["frames"]}
        if left:
            faults.append(f"thread {tid}: {sorted(left)} in none of its {len(entries)} entries")
        for thread in entries:
            own = {known.name(frame) for frame in python_frames(thread)}
            wanted = [n for n in names if n.startswith("nat_") or n in own]
            found = known.list(thread["frames"] if thread["merged"] else native_frames(thread))
            if not thread["merged"]:
                wanted = [n for n in wanted if n.startswith("nat_")]
            if found != wanted:
                at = next((i for i, (a, b) in enumerate(itertools.zip_longest(found, wanted)) if a != b))
                faults.append(f"thread {tid}: after {wanted[max(at - 3, 0):at]} comes {found[at:at + 3]}, not {wanted[at:at + 3]}")
    whole = sum(all(thread["merged"] for thread in report.of(tid)) for tid in said)
    counts.tally("merged stacks compared with the program's own truth", whole, len(faults))
    counts.judge(f"{name}: the program's own truth", faults, f"{sum(map(len, said.values()))} calls in {len(said)} threads")


def against_text(counts, name, text, said):
    """The same from the report for people, whose threads are told by their heads; recursions are collapsed in it."""
    faults, found = [], {}
    for line in text.splitlines():
        head = re.match(r"Thread (\d+)\b", line)
        frame = re.match(r'  File ".*", line \d+, in (?:\S+\.)?(\w+)$|  +0x[0-9a-f]+ in (\w+)\b', line)
        if head:
            names = found.setdefault(int(head[1]), [])
        elif frame and KNOWN.match(frame[1] or frame[2]):
            names.append(frame[1] or frame[2])
    for tid, names in said.items():
        if found.get(tid) != names:
            faults.append(f"thread {tid}: {found.get(tid)}, not {names}")
    counts.judge(f"{name}: the same as text", faults)


def moment(counts, name, report, said):
    """Of a process that was killed at any moment. A function may be on the stack that has not yet written itself down, or
    no more; a generator is left together with those that it is delegated to."""
    known, faults, compared = Known(), [], 0
    for tid, names in said.items():
        for thread in report.of(tid):
            found = known.list(thread["frames"])
            if not thread["merged"]:
                if not thread["merge_error"]:
                    faults.append(f"thread {tid}: not merged, and no word on why")
                continue
            compared += 1
            if found[:len(names)] != names or len(found) > len(names) + 3:
                at = next((i for i, (a, b) in enumerate(itertools.zip_longest(found, names)) if a != b))
                faults.append(f"thread {tid}: after {names[max(at - 3, 0):at]} comes {found[at:at + 4]}, not {names[at:at + 4]}")
    counts.tally("stacks at any moment compared with the program's own truth", compared, len(faults))
    counts.judge(f"{name}: the program's own truth", faults, f"{sum(map(len, said.values()))} calls in {len(said)} threads")


def innermost(counts, name, report, names):
    """A stack that ends so; where it is not merged, each of both stacks."""
    thread, known = report.crashed, Known()
    python = [n for n in names if n.startswith("py_")]
    faults = [] if known.list(python_frames(thread)) == python else [f"Python frames {known.list(python_frames(thread))}"]
    found = known.list(thread["frames"] if thread["merged"] else native_frames(thread))
    wanted = names if thread["merged"] else [n for n in names if n not in python]
    foreign = [frame for frame in thread["frames"] if frame.get("python_frames_unknown")]
    if thread["merged"] and not (foreign and all(map(is_evaluation, foreign))):
        faults.append(f"{len(foreign)} calls are said to run frames of other greenlets")
    if found[-len(wanted):] != wanted:
        faults.append(f"{found}, not {wanted}")
    counts.judge(f"{name}: its innermost frames", faults, f"merged: {thread['merged']}")


def honest(counts, name, report, said):
    """Where the way leads through code without tables: all Python frames, and whatever native frame is called certain."""
    known, faults = Known(), []
    for tid, names in said.items():
        for thread in report.of(tid):
            frames = thread["frames"] if thread["merged"] else [*native_frames(thread), *python_frames(thread)]
            python = known.list([frame for frame in frames if frame["kind"] == "python"])
            if python != [n for n in names if n.startswith("py_")]:
                faults.append(f"thread {tid}: Python frames {python}")
            certain = known.list([frame for frame in frames if thread["merged"] and frame["kind"] == "python" or frame.get("certain")])
            rest = iter(names)
            if not all(any(name == other for other in rest) for name in certain):
                faults.append(f"thread {tid}: {certain} is called certain, of {names}")
            if not native_frames(thread)[0]["certain"]:
                faults.append(f"thread {tid}: its innermost frame is called a guess")
    counts.judge(f"{name}: honest", faults, f"merged: {[thread['merged'] for tid in said for thread in report.of(tid)]}")


def key(thread):
    return thread["tid"], thread["interpreter"]


def places(frames):
    """Without the functions that are inlined there."""
    return [frame for frame in frames if frame["kind"] == "native" and not frame["inlined"]]


def same(a, b):
    return (a["kind"], a["function"], a["address"]) == (b["kind"], b["function"], b["address"]) and (
        a["kind"] == "native" or a["line"] == b["line"])


def wrong_lines(frames, whole):
    """Native frames with a line that is none of their place's. It may be missing: it is not always worth the time to
    unpack debug information."""
    lines = collections.defaultdict(lambda: {None})
    for frame in whole:
        lines[frame["address"]].add(frame["line"])
    return [frame for frame in frames if frame["line"] not in lines[frame["address"]]]


def outer_calls(frames):
    """Without inlined functions: it is not always worth the time to unpack what tells of them."""
    return [frame for frame in frames if not frame.get("inlined")]


def is_subsequence(some, every):
    rest = iter(every)
    return all(any(same(a, b) for b in rest) for a in some)


def inner(frames):
    """What is further in than the innermost Python frame."""
    return list(itertools.takewhile(lambda frame: frame["kind"] == "native", frames))


def all_equal(some, others):
    return len(some) == len(others) and all(map(same, some, others))


def one_whole(thread, alone, may_fail):
    """Faults of a thread as --native=all shows it, beside --native=none."""
    if thread["merged"] is not True and not may_fail:
        yield f"not merged: {thread.get('merge_error')}"
    if thread["merged"] is False and not thread.get("merge_error"):
        yield "not merged, and no word on why"
    if thread["merged"] is None:
        yield "no native frames asked for"
    if thread["merged"] and ("native_frames" in thread or "python_frames" in thread):
        yield "merged, and yet two lists"
    foreign = [frame for frame in thread["frames"] if frame.get("python_frames_unknown")]
    if foreign and not may_fail:
        yield f"{show(foreign[0])} is said to run frames that are not known"
    if thread.get("frames_hidden") != 0:
        yield f"frames_hidden {thread.get('frames_hidden')} with --native=all"
    if not all_equal(python_frames(thread), alone["frames"]):
        yield f"{len(python_frames(thread))} Python frames that are not the {len(alone['frames'])} of --native=none"


def one_plain(thread, whole):
    """Faults of a thread as --native shows it, beside --native=all."""
    if thread["interpreter"] is None and not thread["crashed"]:
        if thread["merged"] is not None or thread["frames"]:
            yield "has native frames with --native, though Python does not know it"
        return
    if thread["merged"] != whole["merged"]:
        yield f"merged {thread['merged']} with --native, {whole['merged']} with --native=all"
    if not thread["merged"]:
        return
    own, wanted = outer_calls(thread["frames"]), outer_calls(whole["frames"])
    if not is_subsequence(own, wanted):
        yield "--native shows what --native=all does not"
    if not all_equal(python_frames(thread), python_frames(whole)):
        yield "--native has other Python frames than --native=all"
    if python_frames(whole) and not all_equal(inner(own), inner(wanted)):
        yield "--native hides what is further in than the innermost Python frame"
    for frame in wrong_lines(thread["frames"], whole["frames"])[:1]:
        yield f"--native has line {frame['line']} of {show(frame)}"
    hidden = len(places(whole["frames"])) - len(places(thread["frames"]))
    if thread["frames_hidden"] != hidden:
        yield f"frames_hidden {thread['frames_hidden']}, not {hidden}"
    shown = [frame for frame in thread["frames"][len(inner(thread["frames"])):] if is_evaluation(frame)
             and not frame.get("python_frames_unknown")]
    if shown:
        yield f"--native shows the evaluation function: {show(shown[0])}"


def one_usual(thread, whole, alone):
    """Faults of a thread as it is shown without any option."""
    if not thread["crashed"]:
        if thread["merged"] is not None or not all_equal(thread["frames"], alone["frames"]):
            yield "has native frames without having been asked"
    elif thread["merged"]:
        wanted = inner(whole["frames"]) + python_frames(whole)
        own, wanted = outer_calls(thread["frames"]), outer_calls(wanted)
        if not all_equal(own, wanted):
            yield f"{len(own)} frames, not the {len(wanted)} of Python and what is further in"


def invariants(counts, name, reports, may_fail=False):
    """What must hold between the reports of one process with --native=all, plain --native, none and without the option."""
    faults = []
    every = {choice: {key(thread): thread for thread in report.threads} for choice, report in reports.items()}
    for where, whole in every["all"].items():
        if whole["tid"] is None:  # a state without a thread
            continue
        alone = every["none"].get(where)
        if not alone:
            faults.append(f"thread {where} only with --native=all")
            continue
        faults += [f"thread {where}: {text}" for text in one_whole(whole, alone, may_fail)]
        for choice, judge in (("plain", lambda thread: one_plain(thread, whole)),
                              ("default", lambda thread: one_usual(thread, whole, alone))):
            if choice in every and where in every[choice]:
                faults += [f"thread {where}: {text}" for text in judge(every[choice][where])]
            elif choice in every and (whole["interpreter"] is not None or whole["crashed"]):
                faults.append(f"thread {where} not with {choice}")
    merged = [thread for thread in every["all"].values() if thread["merged"]]
    counts.tally("threads merged", len(merged), len(every["all"]) - len(merged))
    counts.judge(f"{name}: merged", faults, f"{sum(len(thread['frames']) for thread in merged)} frames")
