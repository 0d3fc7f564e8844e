#!/usr/bin/python3
"""Real processes die, or wait, each in its own way, under each Python; what pycore says of them is judged by others.

Native stacks: frame by frame, address and function, by gdb and by elfutils' eu-stack. Merged stacks: by the program's own
record of what it called (truth/), and by the stacks that they are made of. Verdicts: by what the program knew of its end.
"""
import argparse
import concurrent.futures
import itertools
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(TOP / "tests/matrix"))
import builds  # noqa: E402
import damage  # noqa: E402
import fetched  # noqa: E402
import machines  # noqa: E402
import gdbs  # noqa: E402
import merged  # noqa: E402
import peers  # noqa: E402
import pythons  # noqa: E402
import stacks  # noqa: E402
import subjects  # noqa: E402
import target  # noqa: E402
import verdicts  # noqa: E402
from counts import Counts  # noqa: E402
from report import Failed, Report  # noqa: E402

WANTED = ("2.7", "3.8", "3.10", "3.11", "3.12", "3.13", "system")
BUILDS_FOR = ("2.7", "3.8", "3.11", "system")  # all builds of the library: what differs between Pythons is not in it
DAMAGE_FOR = ("2.7", "3.8", "3.11", "3.13")
# Where 3.10 differs from its neighbours: the calls of the evaluation function are chained (only there as in 3.11 and 3.12).
FEW = {"3.10": ("string_at", "overflow", "python_overflow", "extension_callback", "in_foreign_thread", "threads", "lock", "os_abort")}
CHOICES = ("all", "plain", "default", "none")
PARTS = ("deaths", "truth", "damage")


def is_one(python, names):
    return any(python.name == name or python.name.startswith(name + ".") for name in names)


class Runner:
    def __init__(self, options, counts, folder, found):
        self.options, self.counts, self.folder, self.pycore = options, counts, pathlib.Path(folder), options.pycore
        self.numbers, self.libraries = itertools.count(), builds.libraries(self.folder / "libraries")
        self.symbols = stacks.Symbols(builds.Names(self.libraries["debug"]))
        self.gdbs = gdbs.Gdbs()
        self.extensions = {python.name: builds.extensions(self.folder, python) for python in found}
        self.peers = peers.Peers() if "truth" in options.part else None

    def process(self, title, python, script, *arguments, environment=None):
        keep = self.options.keep and self.options.keep / title.replace(" ", "-").replace("/", "-")
        return subjects.Process(self.folder / f"run-{next(self.numbers)}", python, script, arguments, environment,
                                lambda: keep if keep and self.counts.has_failed(title) else None)

    def guarded(self, title, function, *arguments):
        began = time.monotonic()
        try:
            function(title, *arguments)
            self.counts.note(f"{title}: {time.monotonic() - began:.1f} s")
        except (target.Broken, Failed, subprocess.SubprocessError) as error:
            self.counts.say("failed", title, str(error))
        except Exception:  # a key that is missing, for one: it must not end the other tests
            self.counts.say("failed", title, traceback.format_exc(limit=-3))

    def needed(self, python, death, build):
        """The library of a death, or None where it cannot be had."""
        if death.library == "extension":
            return self.extensions[python.name].get(build)
        return self.libraries.get("cc" if death.library == "cc" else build)

    def cannot_load(self, title, python, *paths):
        why = next(filter(None, (fetched.why_not_loaded(python, path) for path in paths)), None)
        if why:
            self.counts.say("skipped", title, why)
        return why

    def reports(self, where):
        return {choice: Report(self.pycore, where.pycore, choice) for choice in CHOICES}

    def death(self, title, python, death, build):
        needed = self.needed(python, death, build)
        if not needed:
            self.counts.say("skipped", title, f"no {death.library} for it")
            return
        if self.cannot_load(title, python, needed):
            return
        with self.process(title, python, "deaths.py", death.way, needed) as process:
            where = process.end(death)
            reports = self.reports(where)
            shown = self.others(title, python, reports, where, guesses_differ=build == "bare")
            self.evaluations(title, python, reports, shown)
            # Through code without tables and frame pointers the way is guessed, over what older calls left on the stack; and
            # so it is from a smashed stack, which leads out of other compilers' code with less luck.
            guessed = build == "bare" or python.fetched and death.name == "stack_smashed" or fetched.has_musl(python)
            merged.invariants(self.counts, title, reports, may_fail=guessed)
            if death.end == "live":
                verdicts.judge_live(self.counts, title, reports["all"], death)
            else:
                facts = process.facts()
                if death.end == "killed":
                    facts["sender"] = os.getpid()
                verdicts.judge(self.counts, title, self.pycore, reports["all"], death, facts)

    def others(self, title, python, reports, where, tools=("gdb", "eu-stack"), guesses_differ=False):
        return stacks.compare(self.counts, self.symbols, self.gdbs, title, reports["all"], where, tools,
                              guesses_differ or fetched.has_musl(python))

    def evaluations(self, title, python, reports, shown):
        if not python.free_threaded:  # in nearly all of their calls gdb reads something else than the frame
            stacks.compare_evaluations(self.counts, title, reports["all"], shown)

    def truth(self, title, python, scenario, build, end):
        extensions = self.extensions[python.name]
        if not extensions:
            self.counts.say("skipped", title, "no headers of it")
            return
        if self.cannot_load(title, python, self.libraries["truth"], extensions[build]):
            return
        with self.process(title, python, "truth/main.py", scenario, end, self.libraries["truth"], extensions[build]) as process:
            if end == "wait":
                process.wait_ready()
            where = process.live() if end == "wait" else process.dead()
            said = merged.truth(process.folder / "shadow")
            known = merged.Known(*[path / "extension.so" for path in (extensions["stripped"], extensions["debug"])])
            reports = self.reports(where)
            guessed = fetched.has_musl(python)
            merged.invariants(self.counts, title, reports, may_fail=guessed)
            if guessed:  # a guess may step over a frame
                merged.honest(self.counts, title, reports["all"], said)
            else:
                merged.against_truth(self.counts, title, reports["all"], said, known)
                self.as_text(title, where, reports["all"], said, build)
            shown = self.others(title, python, reports, where, ("gdb",))
            self.evaluations(title, python, reports, shown)
            if build == "debug" and not python.root:
                peers.compare(self.counts, self.peers, title, said, where, python)

    def as_text(self, title, where, report, said, build):
        done = subprocess.run([self.pycore, "dump", "--native=all", *map(str, where.pycore)], capture_output=True, timeout=120)
        text = done.stdout.decode(errors="replace")
        plain = all(len(report.of(tid)) == 1 and report.of(tid)[0]["merged"] for tid in said)
        if build == "debug" and plain and " repeated " not in text:
            merged.against_text(self.counts, title, text, said)

    def moment(self, title, python):
        """Killed while it is busy: every stack there is may be met."""
        if self.cannot_load(title, python, self.libraries["truth"], self.extensions[python.name]["debug"]):
            return
        with self.process(title, python, "truth/main.py", "busy", "die", self.libraries["truth"],
                          self.extensions[python.name]["debug"]) as process:
            process.wait_ready(asleep=False)
            time.sleep(random.random() / 2)
            process.process.send_signal(signal.SIGABRT)
            where = process.dead()
            said = merged.truth(process.folder / "shadow")
            reports = self.reports(where)
            merged.invariants(self.counts, title, reports, may_fail=True)
            merged.moment(self.counts, title, reports["all"], said)
            shown = self.others(title, python, reports, where, ("gdb",))
            self.evaluations(title, python, reports, shown)

    def greenlets(self, title, python):
        """Python's frames are those of the running greenlet; what the C stack holds further out belongs to others."""
        inside, why = builds.environment(python, "greenlet")
        if not inside:
            self.counts.say("skipped", title, why)
            return
        with self.process(title, inside, "truth/main.py", "greenlets", "die", self.libraries["truth"],
                          self.extensions[python.name]["debug"]) as process:
            where = process.dead()
            reports = self.reports(where)
            merged.invariants(self.counts, title, reports, may_fail=True)
            merged.innermost(self.counts, title, reports["all"], ["py_child", "nat_call", "py_leaf", "nat_end"])

    def cut_off(self, title, python, way):
        with self.process(title, python, "deaths.py", way, self.libraries["debug"]) as process:
            where = process.end(subjects.BY_NAME[way])
            damage.cut_off(self.counts, title, self.pycore, where.core, Report(self.pycore, where.pycore))

    def spoilt(self, title, python):
        """Files that are replaced after the death: the library that it died in, and Python itself."""
        folder = self.folder / f"files-{python.name}"
        folder.mkdir()
        library = shutil.copy(self.libraries["debug"], folder / "library.so")
        own = self.copy_of_python(python, folder)
        with self.process(title, python, "deaths.py", "callback_through_library", library,
                          environment={"LD_LIBRARY_PATH": str(folder)}) as process:
            where = process.dead()
            whole = Report(self.pycore, where.pycore)
            other = self.libraries["plain"]
            damage.files(self.counts, title, self.pycore, where.pycore, whole, library, other)
            damage.elsewhere(self.counts, title, self.pycore, where.pycore, whole, library)
            if own:
                damage.files(self.counts, title, self.pycore, where.pycore, whole, own, other)
                damage.elsewhere(self.counts, title, self.pycore, where.pycore, whole, own)

    def without_tables(self, title, python):
        """Python itself has no unwind tables."""
        folder = self.folder / f"bare-{python.name}"
        folder.mkdir()
        own = self.copy_of_python(python, folder)
        extensions = self.extensions[python.name]
        if not own or not extensions:
            self.counts.say("skipped", title, "no shared library or no headers of it")
            return
        subprocess.run(["objcopy", "--remove-section", ".eh_frame", "--remove-section", ".eh_frame_hdr", own], check=True)
        for scenario in ("callbacks", "objects", "threads"):
            name = f"{title} {scenario}"
            with self.process(name, python, "truth/main.py", scenario, "die", self.libraries["truth"], extensions["debug"],
                              environment={"LD_LIBRARY_PATH": str(folder)}) as process:
                where = process.dead()
                reports = self.reports(where)
                merged.invariants(self.counts, name, reports, may_fail=True)
                merged.honest(self.counts, name, reports["all"], merged.truth(process.folder / "shadow"))
                damage.judge(self.counts, f"{name}: marks", self.pycore, where.pycore, reports["all"])

    @staticmethod
    def copy_of_python(python, folder):
        """Its shared library, where it has one; found by LD_LIBRARY_PATH."""
        code = "print([l.split()[-1] for l in open('/proc/self/maps') if 'libpython' in l and '.so' in l][:1])"
        found = subprocess.run([python.path, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        path = found.strip("[]'")
        return pathlib.Path(shutil.copy(path, folder)) if path else None

    def snapshot(self, title, python):
        """A core by gdb's gcore, of a process that lives on."""
        with self.process(title, python, "deaths.py", "threads") as process:
            process.wait_ready()
            pid = process.process.pid
            said = stacks.run(["sh", "-c", 'exec "$@" 2>&1', "-", "gdb", "-nx", "-q", "-batch", "-ex", "set auto-load off", "-ex",
                               "set debuginfod enabled off", "-p", pid, "-ex", f"gcore {process.folder}/core.{pid}"])
            process.process.kill()
            if re.search(r"Memory read failed for corefile section, \d+ bytes at 0x7f", said):
                self.counts.say("skipped", title, "this gdb does not save stacks with guard pages inside of their mapping (glibc 2.42 on)")
                return
            where = process.dead()
            reports = self.reports(where)
            self.others(title, python, reports, where)
            merged.invariants(self.counts, title, reports, may_fail=fetched.has_musl(python))
            verdicts.judge_snapshot(self.counts, title, reports["all"])


def deaths(runner, found, options):
    for python in found:
        for death in subjects.DEATHS:
            few = next((FEW[name] for name in FEW if is_one(python, [name])), None)
            if options.death and death.name not in options.death or not death.runs_on(python):
                continue
            if few and not options.death and not options.python and death.name not in few:
                continue
            many = is_one(python, BUILDS_FOR) or death.library == "extension"
            for build in death.builds if many else death.builds[:1]:
                yield f"{python.name} {death.name} ({build})", runner.death, python, death, build
        if not options.death or "snapshot" in options.death:
            yield f"{python.name} snapshot", runner.snapshot, python


def scenarios(runner, found, options):
    for python in found:
        if runner.extensions[python.name] and (not options.death or "busy" in options.death):
            for number in range(options.moments):
                yield f"{python.name} busy {number}", runner.moment, python
        if runner.extensions[python.name] and python.version[:2] in peers.VERSIONS and python.name != "system" and \
                not python.root and (not options.death or "greenlets" in options.death):
            yield f"{python.name} truth greenlets", runner.greenlets, python
        for scenario, since in merged.SCENARIOS.items():
            if python.version >= since and (not options.death or scenario in options.death):
                yield f"{python.name} truth {scenario}", runner.truth, python, scenario, "debug", "die"
                if scenario in ("objects", "slots", "cython"):
                    yield f"{python.name} truth {scenario} (stripped)", runner.truth, python, scenario, "stripped", "die"
                if scenario in peers.LIVE and python.version[:2] in peers.VERSIONS:
                    yield f"{python.name} truth {scenario} (live)", runner.truth, python, scenario, "debug", "wait"


def damages(runner, found, options):
    for python in found:
        if is_one(python, DAMAGE_FOR) and not options.death:
            for way in ("callback_through_library", "in_foreign_thread"):
                yield f"{python.name} damaged {way}", runner.cut_off, python, way
            yield f"{python.name} files", runner.spoilt, python
            yield f"{python.name} without tables", runner.without_tables, python


def foreigners(options, counts, folder):
    """Those for other processors, and with another C library."""
    found = [python for python in machines.find() if is_one(python, options.python or [python.name])]
    if not found:
        counts.say("skipped", "foreign", "no Python for other processors is here: fixtures/pythons get fetches them")
    for python in found:
        for way in ("abort", "callback"):
            title = f"{python.name} {way}"
            yield title, machines.case, counts, options.pycore, folder / title.replace(" ", "-"), python, way
        title = f"{python.name} killed"
        yield title, machines.killed, counts, options.pycore, folder / title.replace(" ", "-"), python, "killed"


def run_foreign(options, counts):
    def guarded(title, function, known, pycore, folder, *rest):
        try:
            function(known, pycore, folder, title, *rest)
        except (Failed, subprocess.SubprocessError, OSError) as error:
            counts.say("failed", title, str(error))
        except Exception:
            counts.say("failed", title, traceback.format_exc(limit=-3))

    with tempfile.TemporaryDirectory(prefix="pycore-foreign-") as folder, concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        list(pool.map(lambda case: guarded(*case), foreigners(options, counts, pathlib.Path(folder))))
    counts.print()
    return 1 if counts.verdicts["failed"] else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pycore", default=TOP / "build/pycore", type=pathlib.Path)
    pythons.add_options(parser)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS, help="only these parts")
    parser.add_argument("--death", nargs="+", help="only these: names of deaths and of scenarios", metavar="NAME",
                        choices=[*subjects.BY_NAME, *merged.SCENARIOS, "snapshot", "busy", "greenlets"])
    parser.add_argument("--moments", type=int, default=4, metavar="N", help="how often each Python is killed while it is busy")
    parser.add_argument("-j", type=int, default=min(os.cpu_count() or 1, 4), metavar="N", help="so many at once")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="move there what is left of the processes of failed tests")
    parser.add_argument("-v", action="store_true", help="show what passed too")
    return parser.parse_args()


def missing():
    tools = [tool for tool in ("gdb", "eu-stack", "gcc", "readelf", "objcopy", "nm") if not shutil.which(tool)]
    return f"{', '.join(tools)} missing" if tools else target.cores_land_here()


def main():
    options = arguments()
    options.pycore = options.pycore.resolve()
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    target.heed_signals()
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))  # inherited by all that is to crash
    counts, why = Counts(options.v), missing()
    if why:
        print(f"SKIPPED everything: {why}\n0 passed, 0 failed, 1 skipped")
        return 0
    if options.foreign:
        return run_foreign(options, counts)
    found = pythons.chosen(options)[0]
    if not options.python and not options.fetched:
        found = [python for python in found if is_one(python, WANTED)]
    for python in (python for python in found if python.root):
        counts.say("skipped", f"{python.name} against eu-stack, pystack and py-spy", "they know no tree but this machine's")
    with tempfile.TemporaryDirectory(prefix="pycore-native-") as folder, concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        runner = Runner(options, counts, folder, found)
        for name, reason in runner.peers.why.items() if runner.peers else ():
            counts.say("skipped", name, reason)
        for part, make in (("deaths", deaths), ("truth", scenarios), ("damage", damages)):
            if part in options.part:
                list(pool.map(lambda case: runner.guarded(*case), make(runner, found, options)))
        runner.gdbs.close()
    counts.print()
    return 1 if counts.verdicts["failed"] or not counts.verdicts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
