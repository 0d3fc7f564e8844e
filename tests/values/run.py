#!/usr/bin/python3
"""Do the values that `pycore dump --locals` shows equal what repr() says of them inside of the process?

Each Python on the machine runs the programs of fixtures/values, as a core and hanging; each local is one check. Pythons
of other processors run with --foreign, or when --python has their full name. Without -v a value that is wrong under
several Pythons is shown once, with one example and the list of them.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bare  # noqa: E402
import different  # noqa: E402
import hostile  # noqa: E402
import judge  # noqa: E402
import random_values  # noqa: E402
import redact  # noqa: E402
import science  # noqa: E402
import subject  # noqa: E402
import trash  # noqa: E402
from subject import pythons, target  # noqa: E402

SUITES = {"zoo": None, "bare": bare, "random": random_values, "science": science, "hostile": hostile, "redact": redact, "trash": trash}
MODES = ("core", "live")
PRINTED = 7  # each seventh local is printed by its address, too


class Tally:
    """What was found, by suite, value and Python."""

    def __init__(self, verbose, pythons_run):
        self.all = {python.name for python in pythons_run}
        self.counts = collections.Counter(passed=0, failed=0, skipped=0)
        self.reasons, self.faults, self.verbose = collections.Counter(), {}, verbose

    def add(self, name, verdict):
        """name: where it was found, a Python and a mode."""
        self.counts["failed" if verdict.fault else "passed"] += 1
        if verdict.reason:
            self.reasons[verdict.reason] += 1
        if verdict.fault and self.verbose:
            self.show(verdict, name, verdict.expected, verdict.found)
        elif verdict.fault:
            self.faults.setdefault((verdict.key, verdict.fault.split(":")[0]), []).append((name, verdict))

    def fail(self, name, text):
        self.add(name, judge.Verdict("report", text))

    def skip(self, name, text):
        self.counts["skipped"] += 1
        print(f"SKIP {name}: {text}", flush=True)

    def conclude(self):
        for group in self.faults.values():
            name, verdict = group[-1]
            names = [where for where, _ in group]
            self.show(verdict, self.summary(names), *judge.around(verdict.expected, verdict.found))
        for reason, count in self.reasons.most_common():
            print(f"{count} different on purpose: {reason}")
        print(", ".join(f"{self.counts[verdict]} {verdict}" for verdict in ("passed", "failed", "skipped")))
        return 1 if self.counts["failed"] or not self.counts["passed"] else 0

    def summary(self, names):
        """3.11.7/core 3.12.1/core ...: Pythons, then modes."""
        versions = list(dict.fromkeys(name.split("/")[0] for name in names))
        modes = list(dict.fromkeys(name.partition("/")[2] for name in names))
        everywhere = len(self.all) > 1 and set(versions) == self.all
        return f"{'all' if everywhere else ' '.join(versions)}: {' '.join(filter(None, modes))}"

    @staticmethod
    def show(verdict, where, expected, found):
        lines = [f"FAIL {verdict.key}: {verdict.fault} [{where}]"]
        if expected or found:
            lines += [f"    expected {expected}", f"    found    {found}"]
        print("\n".join(lines).encode("utf-8", "backslashreplace").decode(), flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pythons.add_options(parser)
    parser.add_argument("--family", nargs="+", metavar="NAME", help="only these functions of the zoo")
    parser.add_argument("--mode", nargs="+", choices=MODES, default=MODES, help="only these")
    parser.add_argument("--suite", nargs="+", choices=SUITES, default=list(SUITES), help="only these")
    parser.add_argument("--pycore", default=subject.TOP / "build/pycore", type=pathlib.Path, help="the program to test")
    parser.add_argument("--keep", metavar="FOLDER", type=pathlib.Path, help="leave the zoo's cores there, by Python")
    parser.add_argument("--full", action="store_true", help="trash every word of every object, not a sample")
    parser.add_argument("--seed", type=int, default=1, help="of the random values")
    parser.add_argument("--slow", type=float, default=1, metavar="N", help="pycore may take N times as long (sanitizers)")
    parser.add_argument("-j", type=int, default=os.cpu_count(), metavar="N", help="so many at once")
    parser.add_argument("-v", action="store_true", help="show every difference in full, side by side")
    options = parser.parse_args()
    options.pycore = options.pycore.resolve()
    if options.family:
        options.suite = ["zoo"]
    return options


def zoo(options, tally, folder, python, mode):
    """All values of one process."""
    where = f"{python.name}/{mode}"
    place = folder / f"zoo-{python.name}-{mode}"
    with subject.start(place, python, "zoo.py", ",".join(options.family or ()), mode == "live") as process:
        truths = subject.truths(process)
        if options.keep and mode == "core":
            keep(process, options.keep / python.name)
        run = subject.dump(options.pycore, "--locals=full", *process.where)
        for fault in run.faults:
            tally.fail(where, fault)
        for verdict in judge.values(truths, subject.frames(run.document, process.truth["pid"]), python.version):
            tally.add(where, verdict)
        if mode == "core":
            printed(options, tally, f"{python.name}/print", process, truths[::PRINTED], python.version)
        if run.status != subject.COMPLETE:
            problems = [f"{one['where']}: {one['why']}" for one in run.document["problems"][:3]]
            tally.fail(where, f"status {run.status}: {problems}")


def printed(options, tally, where, process, truths, version):
    """The same of `pycore print`, by the addresses that the process tells."""
    limits = ["--max-string", 10000, "--max-items", 1000, "--max-depth", 10]
    run = subject.report(options.pycore, "print", *limits, *process.where, *(local.address for local in truths))
    for local, found in zip(truths, run.document["objects"], strict=True):
        tally.add(where, dataclasses.replace(judge.one_value(local, found, version), key=f"print {local.key}"))


def keep(process, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for path in process.core, process.folder / "values.jsonl":
        os.link(path, folder / (path.name + ".part"))
        os.rename(folder / (path.name + ".part"), folder / path.name)


def guarded(options, tally, folder, job):
    """One job; whatever breaks it is a failure or a skip of its own."""
    act, name, rest = job
    try:
        act(options, tally, folder, *rest)
    except target.Skip as why:
        tally.skip(name, str(why))
    except target.Broken as why:
        tally.fail(name, f"the program is broken: {why}")
    except subject.Fault as why:
        tally.fail(name, str(why))
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        tally.fail(name, f"a key of the contract is missing or has another form: {type(error).__name__} {error}")


def jobs(options, chosen):
    """(function, name, arguments), the slow ones first."""
    for suite in reversed(options.suite):
        if suite == "zoo":
            yield from ((zoo, f"{python.name}/{mode}", (python, mode)) for python in chosen
                       for mode in options.mode if mode in python.modes)
        else:
            yield from ((act, f"{suite}: {name}", rest) for act, name, rest in SUITES[suite].jobs(options, chosen))


def main():
    options = arguments()
    chosen, broken = pythons.chosen(options)
    if not options.pycore.exists():
        raise SystemExit(f"{options.pycore} is not there: build it first")
    subject.allow_cores()
    tally = Tally(options.v, chosen)
    for name in broken if not options.python else ():
        tally.fail(name, "this Python does not run")
    elsewhere = target.cores_land_here()
    base = os.environ.get("TMPDIR") or subject.TOP / "build"
    pathlib.Path(base).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="values-", dir=base) as folder, \
            concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        if elsewhere:
            tally.skip("every core", elsewhere)
            options.mode, options.suite = ("live",), ["zoo"]
        list(pool.map(lambda job: guarded(options, tally, pathlib.Path(folder), job), jobs(options, chosen)))
    everything = set(options.suite) == set(SUITES) and not options.python and not options.foreign and not options.family
    for key in different.unused() if everything else ():
        tally.fail("different.py", f"{key} is listed, but was never different")
    return tally.conclude()


if __name__ == "__main__":
    sys.exit(main())
