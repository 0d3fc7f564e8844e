#!/usr/bin/python3
"""Runs `pycore dump --json` on every program of fixtures/programs, under every CPython on this machine, as a core, live
and live without stopping, and compares each report with what the program wrote down about itself just before.

With --foreign, Pythons of other processors run a few programs each; all programs, when --python has their full name.
With --prove it asks CPython's faulthandler instead of pycore: that is how the programs themselves are tested.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

import compare
import faulthandler_proof
import foreign
import programs
import pythons
import schema
import target

TOP = pathlib.Path(__file__).resolve().parents[2]
PASS, FAIL, SKIP = "passed", "failed", "skipped"
MARKS = {PASS: ".", FAIL: "F", SKIP: "s"}
SHOUTS = {FAIL: "FAIL", SKIP: "SKIP"}
LIMIT = 60  # seconds for one report
SHOWN = 3  # differences of one report


@dataclasses.dataclass(frozen=True)
class Case:
    """One process to look at, in one or more modes: dead, or hanging."""
    python: pythons.Python
    program: programs.Program
    variant: str
    modes: tuple

    @property
    def name(self):
        return self.program.name + (f":{self.variant}" if self.variant else "")


@dataclasses.dataclass(frozen=True)
class Result:
    case: Case
    mode: str
    verdict: str
    texts: tuple = ()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pythons.add_options(parser)
    parser.add_argument("--program", nargs="+", metavar="NAME", help="only these: PROGRAM or PROGRAM:VARIANT")
    parser.add_argument("--mode", nargs="+", choices=programs.MODES, default=programs.MODES, help="only these")
    parser.add_argument("--pycore", default=TOP / "build/pycore", type=pathlib.Path, help="the program to test")
    parser.add_argument("--prove", action="store_true", help="compare the programs with faulthandler, not with pycore")
    parser.add_argument("-j", type=int, default=os.cpu_count(), metavar="N", help="so many at once")
    parser.add_argument("-k", action="store_true", help="go on after a failure in the same process's other modes")
    parser.add_argument("-v", action="store_true", help="show every skip and a table of programs and Pythons")
    options = parser.parse_args()
    options.pycore = options.pycore.resolve()
    if options.prove:
        options.mode = ("core",)
    return options


def wanted(name, names):
    return not names or name in names or name.partition(":")[0] in names


def cases(options, found):
    """A core and a hanging process for each program, variant and Python; None where the Python is out of its range."""
    for program in programs.find():
        for variant in program.variants:
            for python in found:
                for ways in (("core",), ("live", "nonblocking")):
                    modes = tuple(mode for mode in ways if all(mode in some for some in (program.modes, python.modes, options.mode)))
                    case = Case(python, program, variant, modes)
                    names = options.program or (foreign.FEW if options.foreign and python.machine else None)
                    if modes and wanted(case.name, names):
                        yield case


class Runner:
    def __init__(self, options, folder):
        self.options, self.folder = options, pathlib.Path(folder)
        path = TOP / "man/pycore.dump.schema.json"
        self.schema = schema.load(path) if path.exists() else None
        self.no_cores = target.cores_land_here()

    def run(self, case):
        """The results of all the case's modes."""
        verdict = self.cannot(case)
        if verdict:
            return [Result(case, mode, SKIP, (verdict,)) for mode in case.modes]
        folder = self.folder / f"{case.python.name}-{case.name}-{case.modes[0]}".replace(":", "-")
        environment = faulthandler_proof.ENVIRONMENT if self.options.prove else {}
        try:
            with target.Target(folder, case.python, case.program, case.variant, case.modes != ("core",),
                               environment) as process:
                return list(self.look(case, process))
        except target.Skip as why:
            return [Result(case, mode, SKIP, (str(why),)) for mode in case.modes]
        except target.Broken as why:
            return [Result(case, mode, FAIL, (f"the program is broken: {why}",)) for mode in case.modes]

    def cannot(self, case):
        if not case.program.runs_on(case.python):
            return "not for this version"
        if "core" in case.modes and self.no_cores:
            return self.no_cores
        if self.options.prove and not faulthandler_proof.can_ask(case.python):
            return "no faulthandler in this version"
        return foreign.why_not(case.python, case.name)

    def look(self, case, process):
        for mode in reversed(case.modes):  # without stopping first: nothing has disturbed the process then
            texts = tuple(self.prove(process) if self.options.prove else self.check(case, process, mode))
            yield Result(case, mode, FAIL if texts else PASS, texts)
            if texts and not self.options.k:
                return

    @staticmethod
    def prove(process):
        said = faulthandler_proof.parse(process.errors())
        if not said:
            raise target.Skip("faulthandler has not seen it")
        yield from faulthandler_proof.differences(process.truth, said)

    def check(self, case, process, mode):
        how = ["--nonblocking"] if mode == "nonblocking" else []
        command = [self.options.pycore, "dump", "--json", "--native=none", *how, *process.where]
        try:
            result = subprocess.run(command, capture_output=True, timeout=LIMIT, cwd=self.folder)
        except subprocess.TimeoutExpired:
            yield f"pycore still runs after {LIMIT} s"
            return
        yield from compare.invocation(result)
        yield from compare.status(process.truth, mode, case.program.status, result.returncode)
        try:
            document = json.loads(result.stdout)
        except ValueError as error:
            yield f"stdout is not one JSON document: {error}"
            return
        if self.schema:
            yield from list(schema.errors(document, self.schema))[:5]
        if case.python.root:
            compare.root_sources(document, case.python.root)
        try:
            foreign.adapt(case.python, process.truth, document)
            yield from compare.report(process.truth, document, mode)
        except (KeyError, TypeError, AttributeError) as error:
            yield f"a key of the contract is missing or has another form: {type(error).__name__} {error}"


def table(results):
    """A row for each program, a column for each Python, one mark for each mode."""
    names = list(dict.fromkeys(result.case.python.name for result in results))
    marks = collections.defaultdict(str)
    for result in results:
        marks[result.case.name, result.case.python.name] += MARKS[result.verdict]
    rows = list(dict.fromkeys(result.case.name for result in results))
    width = max(map(len, rows), default=0)
    yield " " * width + "".join(f"{name:>9}" for name in names)
    for row in rows:
        yield f"{row:{width}}" + "".join(f"{marks[row, name]:>9}" for name in names)


def show(result):
    texts = list(result.texts[:SHOWN])
    if len(result.texts) > SHOWN:
        texts.append(f"and {len(result.texts) - SHOWN} more differences")
    for text in texts:
        where = f"{result.case.python.name} {result.case.name} {result.mode}"
        print(f"{SHOUTS[result.verdict]} {where}: {text}", flush=True)


def main():
    options = arguments()
    chosen, broken = pythons.chosen(options)
    if not options.prove and not options.pycore.exists():
        raise SystemExit(f"{options.pycore} is not there: build it first")
    target.heed_signals()
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    results = []
    base = os.environ.get("TMPDIR") or TOP / "build"
    pathlib.Path(base).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="matrix-", dir=base) as folder, \
            concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        for batch in pool.map(Runner(options, folder).run, cases(options, chosen)):
            results += batch
            for result in batch:
                if result.verdict == FAIL or options.v and result.verdict == SKIP:
                    show(result)
    return conclude(results, chosen, broken, options)


def conclude(results, chosen, broken, options):
    if options.v:
        print("\n".join(table(results)))
    ran = {result.case.python.name for result in results if result.verdict != SKIP}
    able = [python.name for python in chosen if not options.prove or faulthandler_proof.can_ask(python)]
    lost = broken + [name for name in able if name not in ran]
    for name in lost:
        print(f"FAIL {name}: not one program ran with this Python")
    reasons = collections.Counter(text for result in results if result.verdict == SKIP for text in result.texts)
    for reason, count in reasons.most_common():
        print(f"skipped {count}: {reason}")
    counts = collections.Counter(result.verdict for result in results)
    print(", ".join(f"{counts[verdict]} {verdict}" for verdict in (PASS, FAIL, SKIP)))
    return 1 if counts[FAIL] or lost or not counts[PASS] else 0


if __name__ == "__main__":
    sys.exit(main())
