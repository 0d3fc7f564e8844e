"""What the cases share: running pycore, the rules that hold for every run of it, and the list of verdicts."""
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import threading

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/matrix"))
import schema  # noqa: E402

COMPLETE, NOTHING, PARTIAL, USAGE = 0, 1, 2, 64
LIMIT = 10  # seconds for one run
# What must never reach a terminal raw: C0 but the line feed, DEL, C1, bidi and zero-width controls, separators.
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
COLOUR = re.compile("\x1b\\[[0-9;]*m")


class Skip(Exception):
    """This machine can't run the case; the text says why."""


@dataclasses.dataclass(frozen=True)
class Ran:
    """One run of a program. status None: it had to be killed after LIMIT."""
    status: int
    out: str
    err: str

    @property
    def document(self):
        return json.loads(self.out)


def brief(text, length=300):
    shown = ascii(text)
    return shown if len(shown) <= length else f"{shown[:length // 2]}...{shown[-length // 2:]}"


def run(command, **how):
    """Runs it to its end. Bytes that are not UTF-8 come as surrogates, which no check lets pass."""
    how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    process = subprocess.Popen(list(map(str, command)), start_new_session=True, **how)
    try:
        out, err = process.communicate(timeout=LIMIT)
        status = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        status = None
    return Ran(status, *((text or b"").decode("utf-8", "surrogateescape") for text in (out, err)))


class Kit:
    """Where the cases put what they find. One for all of them; they run at the same time."""

    def __init__(self, pycore, folder, verbose=False):
        self.pycore, self.folder, self.verbose = pycore, pathlib.Path(folder), verbose
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.lock = threading.Lock()
        self.schemas = {name: schema.load(path) for name in ("dump", "info", "print", "survey")
                        for path in [TOP / f"man/pycore.{name}.schema.json"] if path.exists()}

    def say(self, verdict, name, text=""):
        with self.lock:
            self.counts[verdict] += 1
            if verdict != "passed" or self.verbose:
                print(f"{verdict.upper()} {name}" + (f": {text}" if text else ""), flush=True)

    def check(self, name, faults):
        """One check: it passes if there are no faults. Returns whether it did."""
        faults = list(faults)
        self.say("failed" if faults else "passed", name, "; ".join(faults[:4]))
        return not faults

    def check_that(self, name, true, otherwise):
        return self.check(name, [] if true else [otherwise])

    def expect(self, name, arguments, status=None, *, err=(), out=(), absent=(), json_too=True, **how):
        """Runs `pycore ARGUMENTS` as text and, where there is such a thing, as JSON too. `status` is one or several that
        are right; `err`, `out` are words that have to be there, `absent` such that must not be (text only).
        Returns the run as text."""
        arguments = list(map(str, arguments))
        ran = run([self.pycore, *arguments], **how)
        faults = list(rules(ran, how.get("env", {}).get("CLICOLOR_FORCE") or "--color=always" in arguments))
        faults += statuses(status, ran)
        faults += words("stderr", err, ran.err) + words("stdout", out, ran.out)
        faults += [f"says {brief(word)}" for word in absent if word in ran.out + ran.err]
        self.check(name, faults)
        if json_too and arguments and arguments[0] in ("dump", "info", "print", "survey"):
            self.expect_json(name, arguments, status, err, **how)
        return ran

    def expect_json(self, name, arguments, status=None, err=(), **how):
        """Returns the document, None where there is none."""
        arguments = list(map(str, arguments))
        ran = run([self.pycore, arguments[0], "--json", *arguments[1:]], **how)
        faults = list(rules(ran)) + statuses(status, ran) + words("stderr", err, ran.err)
        document = None
        try:
            document = ran.document if ran.out else None
            faults += self.contract(arguments[0], ran, document)
        except ValueError as error:
            faults.append(f"stdout is not one JSON document: {error}: {brief(ran.out)}")
        self.check(f"{name} (JSON)", faults)
        return document

    def contract(self, command, ran, document):
        if document is None:
            return ["no document on stdout"] if ran.status in (COMPLETE, PARTIAL) else []
        if command not in self.schemas:
            return []
        return list(schema.errors(document, self.schemas[command]))[:3]


def rules(ran, coloured=False):
    """What holds for every run."""
    if ran.status is None:
        yield f"still ran after {LIMIT} s"
        return
    if ran.status < 0 or ran.status not in (COMPLETE, NOTHING, PARTIAL, USAGE):
        yield f"ended with status {ran.status}: {brief(ran.err)}"
    if ran.status in (NOTHING, USAGE) and not ran.err.startswith("pycore: "):
        yield f"failed without saying why: {brief(ran.err)}"
    for name, text in (("stdout", ran.out), ("stderr", ran.err)):
        text = COLOUR.sub("", text) if coloured and name == "stdout" else text
        found = UNSAFE.search(text)
        if found:
            yield f"{name} holds {found[0]!a} raw: {brief(text[max(0, found.start() - 40):found.end() + 40])}"
        if any("\udc80" <= char <= "\udcff" for char in text):
            yield f"{name} is not UTF-8"


def statuses(wanted, ran):
    wanted = (wanted,) if isinstance(wanted, int) else wanted
    if wanted is None or ran.status in wanted:
        return []
    return [f"status {ran.status}, not {' or '.join(map(str, wanted))}: {brief(ran.err or ran.out)}"]


def words(where, wanted, text):
    wanted = (wanted,) if isinstance(wanted, str) else wanted
    return [f"{where} lacks {brief(word)}: {brief(text)}" for word in wanted if word not in text]


def of_python(thread):
    """The Python frames of a thread, innermost first, from among those that it was merged with."""
    return [frame for frame in thread["frames"] if frame["kind"] == "python"]


def functions(document):
    """The names of the Python functions of each thread, innermost first."""
    return [[frame["function"] for frame in of_python(thread)] for thread in document["threads"]]


def clean_environment(**more):
    """Without what decides about colours."""
    names = ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE")
    return {**{key: value for key, value in os.environ.items() if key not in names}, **more}
