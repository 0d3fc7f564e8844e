#!/usr/bin/python3
"""What pycore gets out of each kind of core of each Python: one table, from real runs.

A program with a known stack, known variables and a known number of objects dies, once for each kind of core. Each cell
says what the reports have of it: ok; partial, with the reason below the table: something is missing and the report says
so; or no: something is wrong, or missing without a word. Exit status 1 if there is a no.

--readme FILE writes the table into it, between the lines that mark its place; --check FILE compares what was run with what
stands there.
"""
import argparse
import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import debugger  # noqa: E402
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


@dataclasses.dataclass(frozen=True)
class Kind:
    """A way to look at a process."""
    name: str
    filter: str = "0x33"  # /proc/PID/coredump_filter
    live: bool = False
    gcore: bool = False
    lldb: bool = False  # a minidump
    packed: bool = False  # by zstd
    cut: bool = False  # in the middle
    alone: bool = False  # without any of the files that the process had
    native: bool = True  # only of what the kernel runs: an emulator writes one kind of core
    poor: bool = False  # it may hold nothing of Python


KINDS = (
    Kind("live", live=True),
    Kind("core", native=False),
    Kind("0x3f", filter="0x3f"),
    Kind("0x7f", filter="0x7f"),
    Kind("gcore", gcore=True),
    Kind("lldb", lldb=True),
    Kind("zstd", packed=True, native=False),
    Kind("alone", alone=True, native=False, poor=True),
    Kind("cut", cut=True, native=False, poor=True),
    Kind("filter 0", filter="0", poor=True),
)


class Skip(Exception):
    """It can't be had here, and why."""


def before(kind):
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    pathlib.Path("/proc/self/coredump_filter").write_text(kind.filter)


@contextlib.contextmanager
def running(python, kind, folder):
    """The program, once it has its stack."""
    program = folder / "program.py"
    program.write_text(SUBJECT)
    command = [python.path, program] + (["wait"] if kind.live or kind.gcore or kind.lldb else [])
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                          preexec_fn=lambda: before(kind)) as process:
        try:
            process.stdout.read(len("ready"))
            yield process
        finally:
            process.kill()


def make_core(python, kind, folder):
    if kind.gcore and not shutil.which("gcore"):
        raise Skip("no gcore here")
    with running(python, kind, folder) as process:
        if kind.gcore:
            subprocess.run(["gcore", "-o", "core", str(process.pid)], cwd=folder, capture_output=True, timeout=LIMIT, check=False)
            process.send_signal(signal.SIGKILL)
        elif kind.lldb:
            why = debugger.save(process.pid, folder / "core")
            if why:
                raise Skip(why)
            process.send_signal(signal.SIGKILL)
        process.wait(LIMIT)
    core = python.core(folder)
    if core is None:
        raise Skip("no core was written here")
    if kind.cut:
        os.truncate(core, core.stat().st_size // 2)
    if kind.packed:
        if not shutil.which("zstd"):
            raise Skip("no zstd here")
        subprocess.run(["zstd", "-q", "--rm", core], check=True, timeout=LIMIT)
        core = core.with_name(core.name + ".zst")
    return core


@contextlib.contextmanager
def subject(python, kind):
    """It, as pycore's arguments."""
    with tempfile.TemporaryDirectory(prefix="pycore-table-") as name:
        folder = pathlib.Path(name)
        if kind.live:
            with running(python, kind, folder) as process:
                yield ["--pid", process.pid]
            return
        core = make_core(python, kind, folder)
        empty = folder / "empty"
        empty.mkdir()
        yield [*(["--sysroot", empty] if kind.alone else python.options), core]


def ask(pycore, command, where):
    """Status, document, and what it says on stderr where it has none."""
    words = [pycore, command[0], "--json", *command[1:], *where]
    done = subprocess.run(list(map(str, words)), capture_output=True, timeout=LIMIT, check=False)
    try:
        return done.returncode, json.loads(done.stdout), None
    except ValueError:
        text = done.stderr.decode(errors="replace").strip() or f"ended by signal {-done.returncode}"
        return done.returncode, None, text.splitlines()[-1].replace(str(where[-1]), "CORE")


def main_thread(document):
    return next((thread for thread in document["threads"] if thread["main"]), {"frames": [], "merged": None})


def stack(document):
    """As far as there are names."""
    return [frame["function"] for frame in main_thread(document)["frames"] if frame["kind"] == "python" and frame["function"]]


def values(document):
    frames = [frame for frame in main_thread(document)["frames"] if frame["kind"] == "python" and frame["function"] == "end"]
    found = {one["name"]: one["value"] for one in (frames[0].get("locals") or [] if frames else [])}
    return {name: found.get(name) for name in VALUES}


def count(document):
    return sum(row["count"] for row in document["rows"] if row["type"].rpartition(".")[2] == "Row")


def native_too(document):
    """One stack with something native in it."""
    thread = main_thread(document)
    return bool(thread["merged"]) and any(frame["kind"] == "native" for frame in thread["frames"])


def is_honest(name, value):
    """It is right, or says that it is not known."""
    return value in (None, VALUES[name]) or value.startswith(("<damaged", "<object of unknown type"))


@dataclasses.dataclass(frozen=True)
class Question:
    command: tuple
    is_whole: object  # of a document: all of it is there
    is_true: object  # of a document: what is there is right


QUESTIONS = {
    "stacks": Question(("dump", "--native=none"), lambda found: stack(found) == STACK, lambda found: is_part(stack(found), STACK)),
    "locals": Question(("dump", "--native=none", "--locals"), lambda found: values(found) == VALUES,
                       lambda found: all(is_honest(name, value) for name, value in values(found).items())),
    "native": Question(("dump", "--native"), lambda found: stack(found) == STACK and native_too(found),
                       lambda found: is_part(stack(found), STACK)),
    "survey": Question(("survey",), lambda found: count(found) == OBJECTS, lambda found: count(found) <= OBJECTS),
}


def is_part(some, whole):
    rest = iter(whole)
    return all(one in rest for one in some)


def said_missing(document, native):
    """What the report itself says of what it lacks."""
    thread = main_thread(document) if "threads" in document else {}
    for key in ("merge_error", "native_error"):
        if native and thread.get(key):
            yield thread[key]
    yield from (one["why"] for one in document["problems"] if one.get("damage", True))
    if "runtimes" in document and not document["runtimes"]:
        yield "nothing of Python is in it"


def judge(pycore, question, kind, where):
    """ok, partial or no, and why."""
    status, document, error = ask(pycore, question.command, where)
    if document is None:
        return ("partial" if kind.poor and status == 1 else "no"), error
    whys = list(said_missing(document, "--native" in question.command))
    if not question.is_true(document):
        return "no", "the report is wrong"
    if status == 0 and question.is_whole(document):
        return "ok", None
    if not whys:
        return "no", "something is missing, and the report does not say so"
    return ("partial" if status != 1 or kind.poor else "no"), whys[0]


def cells(pycore, python, kind):
    """question -> (verdict, why)"""
    try:
        with subject(python, kind) as where:
            return {name: judge(pycore, question, kind, where) for name, question in QUESTIONS.items()}
    except Skip as why:
        return dict.fromkeys(QUESTIONS, ("skip", str(why)))


def kinds_of(python):
    """LLDB writes none of another processor, not even of i386, which runs here."""
    return [kind for kind in KINDS if ("live" in python.modes or not kind.live) and not (kind.native and python.emulated)
            and not (kind.lldb and python.machine)]


def release(python):
    return ".".join(map(str, python.version))


MAKERS = {"debian": "Debian", "system": "the distribution's", "standalone": "python-build-standalone"}
SOURCES = {"2.7-ucs2": "from source (UCS-2)", "3.13-musl": "from source (musl)"}


def build(python):
    """Who built it, and how."""
    how = "free-threaded" if python.free_threaded else "debug" if python.debug or DEBUG.match(python.name) else "release"
    maker = MAKERS.get(python.name.partition("-")[0]) or SOURCES.get(python.name, "from source")
    words = [maker, how, {"arm": "armhf"}.get(python.machine, python.machine)]
    return ", ".join(word for word in words if word)


def chosen(python, names):
    return not names or any(python.name.startswith(name) for name in names)


class Table:
    """(Python, kind) -> question -> (verdict, why)"""

    def __init__(self):
        self.rows = {}

    def add(self, python, kind, row):
        self.rows.setdefault(python, {})[kind.name] = row

    def counts(self):
        return collections.Counter(verdict for row in self.rows.values() for kind in row.values() for verdict, _ in kind.values())


DEBUG = re.compile(r"debian-[0-9.]+d\b")
HEAD = f"{'Python':20}{'':8} {'core':8}" + "".join(f"{name:>9}" for name in QUESTIONS)


def line(python, kind, row):
    return f"{python.name:20}{release(python):8} {kind.name:8}" + "".join(f"{row[name][0]:>9}" for name in QUESTIONS)


def reasons(table):
    """Each reason with the cells that it is given for."""
    places = collections.defaultdict(list)
    for python, row in table.rows.items():
        for kind, answers in row.items():
            for name, (verdict, why) in answers.items():
                if why:
                    places[verdict, re.sub(r"\b(0x[0-9a-f]+|\d+)\b", "N", why)].append(f"{python.name}/{kind}/{name}")
    for (verdict, why), where in places.items():
        yield f"{len(where)} {verdict}: {why}"
        yield f"    {' '.join(where[:6])}{' ...' if len(where) > 6 else ''}"


def summary(answers):
    """What a cell of the README says of all four: "ok", or what is partial."""
    verdicts = {name: verdict for name, (verdict, _) in answers.items()}
    different = [name for name, verdict in verdicts.items() if verdict != "ok"]
    if not different:
        return "ok"
    words = sorted({verdicts[name] for name in different})
    if len(different) == len(verdicts) and len(words) == 1:
        return words[0]
    return ", ".join(f"{name} {verdicts[name]}" for name in different)


def markdown(table):
    """Python -> its row."""
    for python, row in table.rows.items():
        told = [summary(row[kind.name]) if kind.name in row else "-" for kind in KINDS]
        yield python.name, f"| {release(python)} | {build(python)} | " + " | ".join(told) + " |"


def place_in(readme):
    """The lines before the table, of it, and behind it."""
    lines = readme.read_text(encoding="utf-8").splitlines()
    begin, end = lines.index(BEGIN) + 1, lines.index(END)
    return lines[:begin], lines[begin:end], lines[end:]


def write_readme(table, readme):
    first, _, last = place_in(readme)
    head = ["| CPython | Build | " + " | ".join(kind.name for kind in KINDS) + " |", "|---" * (len(KINDS) + 2) + "|"]
    readme.write_text("\n".join([*first, "", *head, *(text for _, text in markdown(table)), "", *last]) + "\n", encoding="utf-8")


def check_readme(table, readme):
    """The rows that stand otherwise in the README. It need not have all that a machine has."""
    written = place_in(readme)[1]
    known = {tuple(line.split(" | ")[:2]) for line in written}
    return [text for _, text in markdown(table) if text not in written and tuple(text.split(" | ")[:2]) in known]


BEGIN, END = "<!-- tests/matrix/table.py --readme: begin -->", "<!-- tests/matrix/table.py --readme: end -->"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pycore", default=TOP / "build/pycore", type=pathlib.Path, help="the program to test")
    parser.add_argument("--python", nargs="+", metavar="NAME", help="only these: the start of a name")
    parser.add_argument("--kind", nargs="+", choices=[kind.name for kind in KINDS], help="only these cores")
    parser.add_argument("--readme", type=pathlib.Path, metavar="FILE", help="write the table into it")
    parser.add_argument("--check", type=pathlib.Path, metavar="FILE", help="compare the table with what stands there")
    options = parser.parse_args()
    options.pycore = options.pycore.resolve()
    return options


def fill(options):
    table = Table()
    found, broken = pythons.find(fetched=True, foreign=True)
    for name in broken:
        print(f"SKIP {name}: does not run")
    print(HEAD)
    for python in found:
        for kind in kinds_of(python):
            if chosen(python, options.python) and (not options.kind or kind.name in options.kind):
                row = cells(options.pycore, python, kind)
                table.add(python, kind, row)
                print(line(python, kind, row), flush=True)
    return table


def main():
    options = arguments()
    table = fill(options)
    print(*reasons(table), sep="\n")
    counts = table.counts()
    if options.readme:
        write_readme(table, options.readme)
    other = check_readme(table, options.check) if options.check else []
    for text in other:
        print(f"FAIL {options.check.name} has another row than: {text}")
    print(f"{counts['ok'] + counts['partial']} passed, {counts['no'] + len(other)} failed, {counts['skip']} skipped")
    return 1 if counts["no"] or other or not counts["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
