"""The order in which PyStack and py-spy show native and Python frames, beside the program's own truth."""
import pathlib
import re
import subprocess
import sys

from merged import KNOWN

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(TOP / "tests/bench"))
import tools  # noqa: E402

VERSIONS = ((3, 8), (3, 11), (3, 13))
LIVE = ("callbacks", "objects", "generators", "recursion", "coroutines", "threads", "finalizers", "magic")


class Peers:
    """Those that are here or can be installed; `why` tells of the others."""

    def __init__(self):
        self.found, self.why = {}, {}
        for tool in tools.TOOLS:
            if tool.name in ("pystack", "py-spy"):
                try:
                    tool.locate()
                    self.found[tool.name] = tool.program
                except tools.Skip as why:
                    self.why[tool.name] = str(why)

    def ask(self, name, where, python):
        """tid -> the names of the test's own functions, outermost first."""
        program = self.found[name]
        if name == "py-spy":
            return py_spy(run([program, "dump", "--native", "--pid", where.pid]))
        target = ["core", "--native", where.core, python.path] if where.core else ["remote", "--native", where.pid]
        return pystack(run([program, *target]))


def run(command):
    return subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          timeout=120).stdout.decode(errors="replace")


def pystack(text):
    stacks, names = {}, []
    for line in text.splitlines():
        head = re.match(r"Traceback for thread (\d+) ", line)
        frame = re.match(r"    \((?:C|Python)\) File .*, line \d+, in (\S+)", line)
        if head:
            names = stacks[int(head[1])] = []
        elif frame and KNOWN.match(frame[1]):
            names.append(frame[1])
    return stacks


def py_spy(text):
    stacks, names = {}, []
    for line in text.splitlines():
        head = re.match(r"Thread (\d+) ", line)
        frame = re.match(r"    (\S+) \(", line)
        if head:
            names = stacks[int(head[1])] = []
        elif frame and KNOWN.match(frame[1].rpartition(".")[2]):
            names.insert(0, frame[1].rpartition(".")[2])
    return stacks


def compare(counts, peers, name, said, where, python):
    if python.version[:2] not in VERSIONS:
        return
    for peer in ("pystack",) if where.core else ("pystack", "py-spy"):
        if peer not in peers.found:
            continue
        theirs = peers.ask(peer, where, python)
        different = [tid for tid, names in said.items() if theirs.get(tid) != names]
        kind = "cores" if where.core else "live processes"
        counts.tally(f"stacks of {kind} in which {peer} --native was asked for the same order", len(said), len(different))
        for tid in different:
            counts.note(f"{name}: {peer} shows {theirs.get(tid)}, not {said[tid]}")
