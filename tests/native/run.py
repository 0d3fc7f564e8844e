#!/usr/bin/python3
"""Compares native stacks frame by frame, address and function, with those of gdb and of elfutils' eu-stack.

Real processes die, or wait, each in its own way, under each Python; the comparison runs over all of their threads.
"""
import argparse
import dataclasses
import json
import lzma
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(TOP / "tests/matrix"))
import pythons  # noqa: E402
import target  # noqa: E402

WANTED = ("2.7", "3.8", "3.11", "3.12", "3.13", "system")
PATIENCE = 60
LIMIT = 600  # frames of one thread that are compared
# How it ends: by itself, by a signal from outside once it is ready, or not at all (looked at while it lives).
DEATHS = {name: "self" for name in (
    "abort_in_callback", "callback_through_library", "string_at", "null_deref", "noreturn_at_end", "recurse", "wild_call",
    "in_signal_handler", "in_foreign_thread", "overflow", "overflow_with_own_stack", "uncaught")}
DEATHS.update({"in_vdso": "killed", "lock": "killed", "sleep": "live", "threads": "live", "wait_for_ever": "live"})
# Code without unwind tables: only guesses lead through it, and gdb has its own way to guess.
BUILDS = {"debug": ["-g", "-O1"], "plain": ["-O2", "-s"], "framepointers": [
    "-O1", "-s", "-fno-omit-frame-pointer", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]}
OF_LIBRARY = ("callback_through_library", "null_deref", "recurse", "in_signal_handler")


class Counts:
    def __init__(self, verbose):
        self.verbose, self.passed, self.failed, self.skipped = verbose, 0, 0, 0
        self.frames = {"gdb": [0, 0], "gdb's lines": [0, 0], "eu-stack": [0, 0]}  # compared, different

    def say(self, verdict, name, text=""):
        setattr(self, verdict, getattr(self, verdict) + 1)
        if verdict != "passed" or self.verbose:
            print(f"{verdict.upper()} {name}" + (f": {text}" if text else ""), flush=True)


def build(folder):
    """Library files by the name of the build; C++ where there is a compiler."""
    found = {}
    for name, flags in BUILDS.items():
        path = folder / f"deaths-{name}.so"
        subprocess.run(["gcc", "-shared", "-fPIC", *flags, "-fno-optimize-sibling-calls", "-w", "-o", path, HERE / "deaths.c"],
                       check=True)
        found[name] = path
    split(folder, found)
    path = folder / "deaths-cc.so"
    if shutil.which("g++"):
        subprocess.run(["g++", "-shared", "-fPIC", "-g", "-O1", "-w", "-o", path, HERE / "deaths.cc"], check=True)
        found["cc"] = path
    return found


def split(folder, found):
    """The library with its debug information in a file that .gnu_debuglink names, and with its symbols packed."""
    whole, link, packed = found["debug"], folder / "deaths.debug", folder / "symbols"
    found["split"], found["packed"] = folder / "deaths-split.so", folder / "deaths-packed.so"
    subprocess.run(["objcopy", "--only-keep-debug", whole, link], check=True)
    subprocess.run(["objcopy", "--strip-all", f"--add-gnu-debuglink={link}", whole, found["split"]], check=True)
    subprocess.run(["strip", "--strip-debug", "-o", packed, link], check=True)
    (folder / "symbols.xz").write_bytes(lzma.compress(packed.read_bytes()))
    subprocess.run(["objcopy", "--strip-all", f"--add-section=.gnu_debugdata={folder}/symbols.xz", whole, found["packed"]],
                   check=True)


class Symbols:
    """All names that a file has for an address, by binutils' readelf, its debug file's too."""

    def __init__(self):
        self.names, self.files = {}, {}

    def load(self, path, build_id):
        if path in self.files:
            return self.files[path]
        table = {}
        for file in (path, f"/usr/lib/debug/.build-id/{(build_id or 'xx')[:2]}/{(build_id or 'xx')[2:]}.debug"):
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
    name = re.sub(r"\.(part|constprop|isra|cold|lto_priv)\.?\d*", "", name).replace(" ", "")
    while "<" in name and ">" in name and re.search(r"<[^<>]*>", name):
        name = re.sub(r"<[^<>]*>", "", name)
    return re.sub(r"^(__GI_|_+)", "", name.rpartition("::")[2] or name)


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


def unnamed(own):
    """Frames of the library that lack what its debug information or its symbols hold."""
    for frame in (frame for frames in own.values() for frame in frames):
        if re.search("deaths-(debug|split|cc|packed).so", frame["module"] or ""):
            if not frame["function"]:
                yield f"no function at {frame['address']} of {frame['module']}"
            if not frame["line"] and not (frame["function"] or "").endswith("@plt") and "packed" not in frame["module"]:
                yield f"no line at {frame['address']} of {frame['module']}"


def run(command, timeout=300):
    return subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          timeout=timeout).stdout.decode(errors="replace")


def by_gdb(where):
    text = run(["gdb", "-nx", "-q", "-batch", "-ex", "set auto-load off", "-ex", "set debuginfod enabled off",
                *where.gdb, "-x", HERE / "gdb_frames.py"])
    found = re.search(r"^FRAMES (.*)$", text, re.M)
    if not found:
        raise target.Broken(f"gdb showed nothing: {text[-500:]}")
    return {int(tid): frames for tid, frames in json.loads(found[1]).items()}


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


@dataclasses.dataclass
class Where:
    pycore: list
    gdb: list
    eu_stack: list


def compare_lines(counts, symbols, name, own, theirs):
    """Source lines and inlined functions, of each place of the code that gdb has lines of."""
    def places(frames, limit):
        found, calls = {}, []
        for frame in frames[:limit]:
            if frame is None:
                break
            pc = int(frame["address"], 16) if "address" in frame else frame["pc"]
            calls.append(frame)
            if not frame["inlined"]:
                found[pc], calls = calls, []
        return found
    faults, compared = {}, 0
    for tid, frames in own.items():
        others = places(theirs.get(tid, []), None)
        for pc, calls in places(frames, None).items():
            other = others.get(pc)
            if not other or not other[0]["line"]:
                continue
            compared += 1
            lines = [call["line"] for call in calls], [call["line"] for call in other]
            same = all(plain(a["function"]) == plain(b["function"]) or symbols.same(a, b["function"])
                       for a, b in zip(calls, other))
            if lines[0] != lines[1] or not same:
                faults[pc] = f"{pc:#x}: {[(c['function'], c['line']) for c in calls]}, not " \
                             f"{[(c['function'], c['line']) for c in other]}"
    counts.frames["gdb's lines"][0] += compared
    counts.frames["gdb's lines"][1] += len(faults)
    counts.say("failed" if faults else "passed", f"{name}: lines", "; ".join(list(faults.values())[:3]) or f"{compared} places")


def compare(counts, symbols, name, where, pycore):
    began = time.monotonic()
    text = run([pycore, "dump", "--native=all", "--json", *where.pycore])
    took = time.monotonic() - began
    document = json.loads(text)
    every = {thread["tid"]: thread["native_frames"] for thread in document["threads"]}
    own = {tid: [f for f in frames if not f["inlined"]] for tid, frames in every.items()}
    faults = list(unnamed(own))[:3]
    if faults:
        counts.say("failed", f"{name}: what the library's files tell", "; ".join(faults))
    guesses = sum(f["found_by"] != "cfi" for frames in own.values() for f in frames)
    shown = by_gdb(where)
    compare_lines(counts, symbols, name, every, shown)
    shown = {tid: [f for f in frames if not f or not f["inlined"]] for tid, frames in shown.items()}
    for tool, theirs in (("gdb", shown), ("eu-stack", by_eu_stack(where))):
        faults, note = [], ""
        if set(own) != set(theirs):
            faults.append(f"threads {sorted(own)}, not {sorted(theirs)}")
        for tid, frames in sorted(own.items()):
            other = theirs.get(tid, [])
            mine = frames[:LIMIT]
            first = next((i for i, frame in enumerate(mine) if frame["found_by"] != "cfi"), None)
            if tool == "eu-stack" and first is not None:  # its guesses are no better than ours
                mine, other, note = mine[:first], other[:first], " (up to the first guess)"
            if other and other[-1] is None:
                other = other[:-1]
                mine, note = mine[:len(other)], " (until it is lost)"
            counts.frames[tool][0] += len(mine)
            why = difference(symbols, mine, other[:LIMIT])
            if why:
                counts.frames[tool][1] += 1
                faults.append(f"thread {tid}: {why}")
        total = sum(map(len, own.values()))
        counts.say("failed" if faults else "passed", f"{name} against {tool}",
                   "; ".join(faults[:2]) or f"{total} frames, {guesses} guessed, {took * 1000:.0f} ms{note}")


class Process:
    """A subject in a folder of its own."""

    def __init__(self, folder, python, how, libraries):
        self.folder, self.python, self.how = folder, python, how
        folder.mkdir()
        self.process = subprocess.Popen([python.path, "-s", HERE / "deaths.py", how, *map(str, libraries)], cwd=folder,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(folder / "err", "wb"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)

    def wait_ready(self):
        end = time.monotonic() + PATIENCE
        while not ((self.folder / "ready").exists() and target.all_asleep(self.process.pid) or self.how == "in_vdso"):
            if time.monotonic() > end or self.process.poll() is not None:
                raise target.Broken("never came to rest: " + (self.folder / "err").read_text()[-500:])
            time.sleep(0.02)
        time.sleep(0.3)

    def where(self):
        kind = DEATHS[self.how]
        if kind != "self":
            self.wait_ready()
        if kind == "live":
            pid = self.process.pid
            return Where(["--pid", pid], ["-p", str(pid)], ["-p", pid])
        if kind == "killed":
            self.process.send_signal(signal.SIGABRT)
        self.process.wait(PATIENCE)
        cores = list(self.folder.glob("core*"))
        if len(cores) != 1:
            raise target.Broken(f"{len(cores)} cores: " + (self.folder / "err").read_text()[-500:])
        return Where([cores[0]], [self.python.path, cores[0]], [f"--core={cores[0]}", "-e", os.path.realpath(self.python.path)])


def chosen(options):
    found, _ = pythons.find()
    wanted = options.python or WANTED
    return [p for p in found if any(p.name == w or p.name.startswith(w + ".") for w in wanted)]


def runs(options, libraries):
    for python in chosen(options):
        for how in options.death or DEATHS:
            for name in [*BUILDS, "split", "packed"] if how in OF_LIBRARY else ("debug",):
                if how == "uncaught" and "cc" not in libraries:
                    continue
                yield python, how, name, [libraries["cc"] if how == "uncaught" else libraries[name]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pycore", default=TOP / "build/pycore", type=pathlib.Path)
    parser.add_argument("--python", action="append", help="only these, as 3.8 or system")
    parser.add_argument("--death", action="append", choices=DEATHS)
    parser.add_argument("-v", action="store_true", help="show what passed too")
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))  # inherited by all that is to crash
    counts, symbols = Counts(options.v), Symbols()
    missing = [tool for tool in ("gdb", "eu-stack", "gcc", "readelf") if not shutil.which(tool)]
    why = f"{', '.join(missing)} missing" if missing else target.cores_land_here()
    if why:
        print(f"SKIPPED everything: {why}\n0 passed, 0 failed, 1 skipped")
        return 0
    with tempfile.TemporaryDirectory(prefix="pycore-native-") as folder:
        folder = pathlib.Path(folder)
        libraries = build(folder)
        for python, how, name, paths in runs(options, libraries):
            title = f"{python.name} {how} ({name})"
            try:
                with Process(folder / "run", python, how, paths) as process:
                    compare(counts, symbols, title, process.where(), options.pycore)
            except (target.Broken, subprocess.SubprocessError, ValueError) as error:
                counts.say("failed", title, str(error))
    for tool, (compared, different) in counts.frames.items():
        print(f"{compared} frames compared with {tool}, {different} differ")
    print(f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped")
    return 1 if counts.failed or not counts.passed else 0


if __name__ == "__main__":
    sys.exit(main())
