#!/usr/bin/python3
"""What pycore gets out of each kind of core of each Python: one table, from real runs.

A program with a known stack, known variables and a known number of objects dies, once for each kind of core. Each cell
says what the reports have of it: ok; partial, with the reason below the table; lost, where the core has nothing of it and
pycore says so; or no. Exit status 1 if there is a no.
"""
import argparse
import collections
import dataclasses
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import pythons  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 120
OBJECTS = 3000
SUBJECT = f"""
import os, sys, time

class Row(object):
    pass

def end(number, text):
    rows = [Row() for _ in range({OBJECTS})]
    sys.stdout.write("ready")
    sys.stdout.flush()
    if "wait" in sys.argv:
        time.sleep(1000)
    os.abort()

def begin():
    end(4711, "words")

begin()
"""
STACK = ["end", "begin", "<module>"]
VALUES = {"number": "4711", "text": "'words'"}
QUESTIONS = ("stacks", "locals", "native", "survey")


@dataclasses.dataclass(frozen=True)
class Kind:
    name: str
    filter: str = "0x33"
    gcore: bool = False
    cut: bool = False
    poor: bool = False  # it need not have anything


KINDS = (Kind("default"), Kind("0x3f", "0x3f"), Kind("0x7f", "0x7f"), Kind("0", "0", poor=True), Kind("gcore", gcore=True),
         Kind("cut", cut=True, poor=True))


def before(kind):
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    pathlib.Path("/proc/self/coredump_filter").write_text(kind.filter)


def make_core(python, kind, folder):
    """The path of a core, or why there is none."""
    program = folder / "program.py"
    program.write_text(SUBJECT)
    command = [python.path, program] + (["wait"] if kind.gcore else [])
    if kind.gcore and not shutil.which("gcore"):
        return None, "no gcore here"
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                          preexec_fn=lambda: before(kind)) as process:
        try:
            process.stdout.read(len("ready"))
            if kind.gcore:
                subprocess.run(["gcore", "-o", "core", str(process.pid)], cwd=folder, capture_output=True, timeout=LIMIT, check=False)
                process.send_signal(signal.SIGKILL)
            process.wait(LIMIT)
        finally:
            process.kill()
    core = next(folder.glob("core*"), None)
    if core is None:
        return None, "no core was written here"
    if kind.cut:
        os.truncate(core, core.stat().st_size // 2)
    return core, None


def ask(pycore, command, python, core):
    """Status, document, and what it says on stderr where it has none."""
    done = subprocess.run([pycore, command[0], "--json", *command[1:], *python.options, core], capture_output=True,
                          timeout=LIMIT, check=False)
    try:
        return done.returncode, json.loads(done.stdout), None
    except ValueError:
        text = done.stderr.decode(errors="replace").strip() or f"ended by signal {-done.returncode}"
        return done.returncode, None, text.splitlines()[-1]


def main_thread(document):
    return next((thread for thread in document["threads"] if thread["main"]), {"frames": [], "merged": None, "merge_error": None})


def of_python(thread):
    return [frame for frame in thread["frames"] if frame["kind"] == "python"]


def right_stack(document):
    return [frame["function"] for frame in of_python(main_thread(document))] == STACK


def right_values(document):
    frames = of_python(main_thread(document))
    found = {one["name"]: one["value"] for one in frames[0].get("locals") or []} if frames else {}
    return all(found.get(name) == value for name, value in VALUES.items())


def right_native(document):
    """One stack, and outermost something native, which ran main()."""
    thread = main_thread(document)
    return bool(thread["merged"]) and right_stack(document) and any(frame["kind"] == "native" for frame in thread["frames"])


def right_count(document):
    return sum(row["count"] for row in document["rows"] if row["type"].rpartition(".")[2] == "Row") == OBJECTS


ASKED = {
    "stacks": (("dump", "--native=none"), right_stack),
    "locals": (("dump", "--native=none", "--locals"), right_values),
    "native": (("dump", "--native"), right_native),
    "survey": (("survey",), right_count),
}


def judge(pycore, question, python, kind, core):
    """ok, partial, lost or no, and why."""
    command, is_right = ASKED[question]
    status, document, error = ask(pycore, command, python, core)
    if document is None:
        return "lost" if kind.poor and status == 1 else "no", error.replace(str(core), "CORE")
    whys = [one["why"] for one in document["problems"] if one.get("damage", True)]
    if question == "native" and main_thread(document)["merge_error"]:
        whys.insert(0, main_thread(document)["merge_error"])
    if is_right(document) and status == 0:
        return "ok", None
    if status == 1:
        return "lost" if kind.poor else "no", whys[0] if whys else "the report says no reason"
    if status == 2 or whys:
        return "partial", whys[0] if whys else "the report says no reason"
    return "no", "the report is wrong, and does not know it"


def row(pycore, python, kind):
    """question -> (verdict, why)"""
    with tempfile.TemporaryDirectory(prefix="pycore-table-") as name:
        core, why = make_core(python, kind, pathlib.Path(name))
        if core is None:
            return {question: ("skip", why) for question in QUESTIONS}
        return {question: judge(pycore, question, python, kind, core) for question in QUESTIONS}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pycore", default=TOP / "build/pycore", type=pathlib.Path, help="the program to test")
    parser.add_argument("--python", nargs="+", metavar="NAME", help="only these: the start of a name")
    parser.add_argument("--kind", nargs="+", choices=[kind.name for kind in KINDS], help="only these cores")
    options = parser.parse_args()
    options.pycore = options.pycore.resolve()
    return options


def main():
    options = arguments()
    found, broken = pythons.find(fetched=True)
    for name in broken:
        print(f"SKIP {name}: does not run")
    counts, reasons = collections.Counter(), collections.defaultdict(list)
    print(f"{'Python':16} {'':8} {'core':8}" + "".join(f"{question:>9}" for question in QUESTIONS))
    for python in found:
        if options.python and not any(python.name.startswith(name) for name in options.python):
            continue
        for kind in KINDS:
            if options.kind and kind.name not in options.kind:
                continue
            cells = row(options.pycore, python, kind)
            print(f"{python.name:16} {'.'.join(map(str, python.version)):8} {kind.name:8}" +
                  "".join(f"{cells[question][0]:>9}" for question in QUESTIONS), flush=True)
            for question, (verdict, why) in cells.items():
                counts[verdict] += 1
                if why:
                    reasons[f"{verdict}: {why}"].append(f"{python.name}/{kind.name}/{question}")
    for why, places in reasons.items():
        print(f"{len(places)} {why}\n    {' '.join(places[:6])}{' ...' if len(places) > 6 else ''}")
    print(f"{counts['ok'] + counts['partial'] + counts['lost']} passed, {counts['no']} failed, {counts['skip']} skipped")
    return 1 if counts["no"] or not counts["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
