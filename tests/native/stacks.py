"""Native stacks, frame by frame, beside those of gdb and of elfutils' eu-stack."""
import itertools
import json
import os
import pathlib
import re
import subprocess

import fetched
import target
from report import is_evaluation, native_frames, python_frames

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 600  # frames of one thread that are compared


class Symbols:
    """All names that a file has for an address, by binutils' readelf, its debug file's too."""

    def __init__(self, library, root=""):
        self.library, self.root, self.files = library, root, {}  # the functions of deaths.so
        self.others = {root: self}

    def under(self, root):
        """The same for processes that see another tree as /."""
        if root not in self.others:
            self.others[root] = Symbols(self.library, root)
        return self.others[root]

    def load(self, path, build_id):
        if path in self.files:
            return self.files[path]
        table, debug = {}, f"/usr/lib/debug/.build-id/{(build_id or 'xx')[:2]}/{(build_id or 'xx')[2:]}.debug"
        for file in (fetched.file_of(self.root, path), fetched.file_of(self.root, debug)):
            text = subprocess.run(["readelf", "-sW", file], capture_output=True, text=True, errors="replace").stdout \
                if os.path.exists(file) else ""
            for line in text.splitlines():
                words = line.split()
                if len(words) >= 8 and words[0].rstrip(":").isdigit() and words[3] in ("FUNC", "IFUNC", "NOTYPE"):
                    table.setdefault(words[7].split("@")[0], set()).add(int(words[1], 16))
        self.files[path] = table
        return table

    def same(self, frame, other):
        """Whether both names stand for one function of the module."""
        table = self.load(frame["module"], frame["build_id"])
        return bool(table.get(frame["function"], set()) & table.get(other, set()))


def plain(name):
    """Without what the tools write differently: arguments, versions, spaces, the compiler's suffixes."""
    name = (name or "??").split("@")[0]
    name = re.sub(r"\(anonymous namespace\)", "anon", name)
    while True:
        shorter = re.sub(r"\([^()]*\)|\[[^\[\]]*\]| const$", "", name)
        if shorter == name:
            break
        name = shorter
    name = re.sub(r"\.(part|constprop|isra|cold|lto_priv|llvm)\.?\d*", "", name).replace(" ", "")
    while "<" in name and ">" in name and re.search(r"<[^<>]*>", name):
        name = re.sub(r"<[^<>]*>", "", name)
    return re.sub(r"^(__GI_|__vdso_|_+)", "", name.rpartition("::")[2] or name)


def difference(symbols, own, other):
    """Why two stacks are not the same, or None. A function that only one of the tools can name is no difference."""
    for i, (a, b) in enumerate(zip(own, other)):
        if int(a["address"], 16) != b["pc"]:
            return f"frame {i}: {a['address']} {a['function']}, not {b['pc']:#x} {b['function']}"
        if a["function"] and b["function"] and plain(a["function"]) != plain(b["function"]) \
                and not symbols.same(a, b["function"]):
            return f"frame {i} at {a['address']}: {a['function']}, not {b['function']}"
    if len(own) != len(other):
        return f"{len(own)} frames, not {len(other)}; the last: {own[-1:]}, {other[-1:]}"
    return None


def unnamed(own, functions):
    """Frames of the library that lack what its debug information or its symbols hold."""
    for frame in (frame for frames in own.values() for frame in frames):
        if re.search("deaths-(debug|split|packed).so", frame["module"] or "") and functions.at(int(frame["offset"], 16) - 1):
            if not frame["function"]:
                yield f"no function at {frame['address']} of {frame['module']}"
            if not frame["line"] and not (frame["function"] or "").endswith("@plt") and "packed" not in frame["module"]:
                yield f"no line at {frame['address']} of {frame['module']}"


def run(command, timeout=300):
    return subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          timeout=timeout).stdout.decode(errors="replace")


def by_eu_stack(where):
    stacks, frames = {}, None
    for line in run(["eu-stack", "-n", LIMIT, *where.eu_stack]).splitlines():
        head = re.match(r"TID (\d+):", line)
        frame = re.match(r"#\d+\s+0x([0-9a-f]+)(?: - 1)?\s*(.*)$", line)
        if head:
            frames = stacks[int(head[1])] = []
        elif frame:
            frames.append({"pc": int(frame[1], 16), "function": frame[2].strip() or None})
    return stacks


def places(frames):
    """The functions at each place of the code, innermost first, by the place's address."""
    found, calls = {}, []
    for frame in itertools.takewhile(bool, frames):
        calls.append(frame)
        if not frame["inlined"]:
            found[int(frame["address"], 16) if "address" in frame else frame["pc"]], calls = calls, []
    return found


def compare_lines(counts, symbols, name, own, theirs):
    """Source lines and inlined functions, of each place of the code that gdb has lines of."""
    faults, compared, statements = {}, 0, 0
    for tid, frames in own.items():
        others = places(theirs.get(tid, []))
        for pc, calls in places(frames).items():
            other = others.get(pc)
            if not other or not other[0]["line"]:
                continue
            compared += 1
            lines = [call["line"] for call in calls], [call["line"] or None for call in other]  # 0: of no line
            same = all(plain(a["function"]) == plain(b["function"]) or symbols.same(a, b["function"])
                       for a, b in zip(calls, other))
            if lines[0] != lines[1] and same and by_addr2line(symbols.root, calls[0], lines[0]):
                statements += 1
            elif lines[0] != lines[1] or not same:
                faults[pc] = f"{pc:#x}: {[(c['function'], c['line']) for c in calls]}, not " \
                             f"{[(c['function'], c['line']) for c in other]}"
    counts.tally("places of the code whose lines were compared with gdb's", compared, len(faults))
    counts.tally("of these where one instruction is part of several lines, of which gdb tells another", statements)
    counts.judge(f"{name}: lines", faults.values(), f"{compared} places")


def by_addr2line(root, frame, lines):
    """Whether binutils tell these lines of the instruction, or of the call before it."""
    offset, file = int(frame["offset"], 16), fetched.file_of(root, frame["module"])
    found = [re.findall(r":(\d+|\?)(?: \(discriminator \d+\))?$", run(["addr2line", "-i", "-e", file, hex(at)]), re.M)
             for at in (offset, offset - 1)]
    return [str(line or "?") for line in lines] in [[line if line != "0" else "?" for line in some] for some in found]


def compare(counts, symbols, gdbs, name, report, where, tools=("gdb", "eu-stack"), guesses_differ=False):
    """What gdb and eu-stack show of the same process; returns gdb's answer. guesses_differ: gdb has other ways to guess.
    eu-stack knows no tree but this machine's."""
    symbols, tools = symbols.under(where.root), [tool for tool in tools if tool == "gdb" or not where.root]
    every = {thread["tid"]: native_frames(thread) for thread in report.threads if thread["tid"]}
    own = {tid: [f for f in frames if not f["inlined"]] for tid, frames in every.items()}
    faults = list(unnamed(own, symbols.library))
    if faults:
        counts.judge(f"{name}: what the library's files tell", faults)
    shown = gdbs.ask(where.gdb)
    compare_lines(counts, symbols, name, every, shown)
    plain_shown = {tid: [f for f in frames if not f or not f["inlined"]] for tid, frames in shown.items()}
    for tool in tools:
        theirs = plain_shown if tool == "gdb" else by_eu_stack(where)
        compare_with(counts, symbols, name, tool, own, theirs, guesses_differ or tool == "eu-stack")
    return shown


def is_musl(frame):
    """musl's C library has no call frame information. That a return comes next, of which pycore is sure, other tools don't see."""
    return "-musl/" in (frame["module"] or "")


def compare_with(counts, symbols, name, tool, own, theirs, until_guess):
    faults, note, compared, differ = [], "", 0, 0
    if set(own) != set(theirs):
        faults.append(f"threads {sorted(own)}, not {sorted(theirs)}")
    for tid, frames in sorted(own.items()):
        mine, other = frames[:LIMIT], theirs.get(tid, [])
        first = next((i for i, frame in enumerate(mine) if frame["found_by"] != "cfi" or i and is_musl(mine[i - 1])), None)
        if until_guess and first is not None:  # theirs are no better than ours
            mine, other, note = mine[:first], other[:first], " (up to the first guess)"
        if other and other[-1] is None:
            other = other[:-1]
            mine, note = mine[:len(other)], " (until it is lost)"
        compared += len(mine)
        why = difference(symbols, mine, other[:LIMIT])
        if why:
            differ += 1
            faults.append(f"thread {tid}: {why}")
    counts.tally(f"frames compared with {tool}", compared, differ)
    guesses = sum(f["found_by"] != "cfi" for frames in own.values() for f in frames)
    counts.judge(f"{name} against {tool}", faults, f"{compared} frames, {guesses} guessed{note}")


def compare_evaluations(counts, name, report, shown):
    """Which Python frame each call of the evaluation function is busy with: gdb reads it from the function's variable."""
    faults, compared, others = [], 0, 0
    for tid in {thread["tid"] for thread in report.threads if thread["tid"] and thread["merged"]}:
        theirs = [frame["python"] for frame in shown.get(tid, []) if frame and "python" in frame]
        runs = [runs_of(thread["frames"]) for thread in report.of(tid)]
        known = {int(f["address"], 16) for thread in report.of(tid) for f in python_frames(thread)}
        for number, address in enumerate(theirs):
            mine = [run[number][0] for run in runs if number < len(run) and run[number]]
            if address is None or address not in known:
                others += bool(address and mine)
                continue
            compared += 1
            if address not in mine:
                faults.append(f"thread {tid}, call {number}: runs {list(map(hex, mine))}, not {address:#x}")
    counts.tally("calls of the evaluation function compared with gdb's variables", compared, len(faults))
    counts.tally("calls of which gdb's variable holds something else than a frame: compilers do not always tell it right", others)
    counts.judge(f"{name}: what the evaluation function runs", faults, f"{compared} calls")


def runs_of(frames):
    """For each call of the evaluation function, innermost first, the addresses of the Python frames that it runs, which
    stand before it; behind it where the process died in that very function."""
    found, before, first = [], [], True
    for number, frame in enumerate(frames):
        first = first and frame["address"] == frames[0]["address"]
        if is_evaluation(frame):
            side = frames[number + 1:number + 1 + LIMIT] if first else before
            found.append([int(f["address"], 16) for f in itertools.takewhile(lambda f: f["kind"] == "python", side)])
            before = []
        elif frame["kind"] == "python":
            before.append(frame)
        elif frame.get("inlined") is False:
            before = []
    return found
