#!/usr/bin/env python3
"""Compare pycore with gdb, PyStack, py-spy and eu-stack on this machine: time, memory, pause of the target.

Wall time: from posix_spawn to the exit, output into a file, after one run to warm up (so the core is in
the page cache); the tools take turns.  Memory: a run of its own under peak.py, which reads RssAnon at
every system call, so that the peak is exact.  Pause: the longest time for which a target that only looks
at the clock did not come to it, without waits for a CPU, less the same while nothing runs (noise); (own)
is what the tool says.
A run whose output lacks a frame of the target does not count.  MB are 10^6 bytes.
"""
import argparse
import shlex
import signal
import sys
import tempfile
from contextlib import ExitStack
from statistics import median

import measure
import pause
import report
import subject
import tools
from result import PLAIN, SMALL_CORE, Result, judge
from rows import ROWS, SMALL


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, metavar="N", help="runs of each (7)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows whose name holds this")
    parser.add_argument("--tools", nargs="+", default=tools.NAMES, choices=tools.NAMES, help="these only")
    parser.add_argument("--pycore", default=tools.BUILT, metavar="FILE", help="the binary (build/pycore)")
    parser.add_argument("--quick", action="store_true", help="leave out the core of 4.3 GB")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    return parser.parse_args()


def floor(runs, folder):
    """What it takes to start and end a process at all."""
    return median(measure.run(["/bin/true"], folder).seconds for _ in range(3 * runs))


def prepare(row, found, folder, stack):
    """Start or dump the row's target; {name: Result} with the commands that are to be measured."""
    subject.need(row.disk, row.memory, folder)
    make = subject.core if row.kind == "core" else subject.live
    target = stack.enter_context(make(row.version, row.target, folder))
    mine = [tool for tool in found if tool.name in row.tools]
    results = {t.name: Result(t.name, t.argv(getattr(t, row.kind), target, row), row.proof or t.proof(target)) for t in mine}
    if row.goal.like_small and tools.PYCORE in mine:
        small = stack.enter_context(subject.core(row.version, SMALL, folder))
        command = tools.PYCORE.argv(tools.PYCORE.core, small)
        results[SMALL_CORE] = Result(SMALL_CORE, command, tools.PYCORE.proof(small))
    if row.goal.beside and tools.PYCORE in mine:
        command = tools.PYCORE.argv(getattr(tools.PYCORE, row.kind), target)
        results[PLAIN] = Result(PLAIN, command, tools.PYCORE.proof(target))
    return results


def measure_row(row, found, runs, folder):
    with ExitStack() as stack:
        results = prepare(row, found, folder, stack)
        for number in range(runs + 1):  # once more, to warm up
            for result in results.values():
                if not result.fault:
                    run = measure.run(result.command, folder)
                    result.fault = run.fault(result.proof)
                    result.seconds += [run.seconds] if number else []
        for result in results.values():
            if not result.fault:
                result.rss_anon, result.vm_hwm = measure.memory(result.command, result.proof, folder)
    if row.pause:
        pause.measure_all(row, found, results, runs, folder)
    return results


def commands(found):
    """The command lines as they are run, with the names of files cut short."""
    sample = subject.Subject("EXE", "pythonX.Y-gdb.py", 0, 0, "PID", "CORE")
    lines = {}  # in order, each once
    for tool in found:
        for row in ROWS:
            if tool.name in row.tools:
                lines[shlex.join([tool.name, *tool.argv(getattr(tool, row.kind), sample, row)[1:]])] = True
    return lines


def main(options, folder):
    head = {"machine": report.machine(), "runs": options.runs, "floor": floor(options.runs, folder)}
    print(__doc__.partition("\n\n")[2])
    print(f"machine: {head['machine']}")
    print(f"medians of {options.runs} runs; floor: /bin/true takes {head['floor'] * 1e3:.2f} ms")
    tools.PYCORE.program = str(options.pycore)
    found = tools.present(options.tools)
    head["tools"] = {tool.name: tool.version() for tool in found}
    head["commands"] = list(commands(found))
    print("", *head["commands"], sep="\n  ")

    done, skipped = {}, {}
    for row in ROWS:
        if options.only not in row.name or (options.quick and row.disk):
            continue
        try:
            results = measure_row(row, found, options.runs, folder)
        except measure.Skip as why:
            print(f"\n{row.name}   SKIP: {why}", flush=True)
            skipped[row.name] = str(why)
            continue
        checks = judge(row, results)
        report.show(row, results, checks)
        done[row.name] = results, checks
    report.summary(done, skipped)
    if options.json:
        report.save(options.json, head | {"skipped": skipped}, done)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="pycore-bench-") as temporary:
        try:
            main(arguments(), temporary)
        except KeyboardInterrupt:
            sys.exit("interrupted")
