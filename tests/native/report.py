"""Reports of pycore, and what of them the checks look at."""
import itertools
import json
import re
import signal
import subprocess
import time

EVALUATION = re.compile(r"^(_PyEval_EvalFrameDefault|PyEval_EvalFrameEx)(\.\w+)*$")


class Failed(Exception):
    """pycore itself did not do what it must; the text says how."""


def joined(threads):
    """An OS thread that runs several interpreters has an entry for each, the innermost first: here they are one."""
    for tid, entries in itertools.groupby(threads, lambda thread: thread["tid"]):
        if tid is None:
            yield from entries
            continue
        thread, *outer = entries
        for other in outer:
            thread = {**thread, **{name: thread[name] + other[name] for name in ("frames", "python_frames", "frames_hidden") if name in thread}}
        yield thread


class Report:
    """`pycore dump --json` with one choice of --native."""

    def __init__(self, pycore, where, native="all", more=()):
        command = [pycore, "dump", "--json", *more, *([f"--native={native}"] if native != "default" else []), *where]
        command = [word if word != "--native=plain" else "--native" for word in map(str, command)]
        began = time.monotonic()
        try:
            done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
        except subprocess.TimeoutExpired:
            raise Failed(f"still runs after 120 s: {' '.join(command)}") from None
        self.seconds, self.status, self.errors = time.monotonic() - began, done.returncode, done.stderr.decode(errors="replace")
        if self.status not in (0, 1, 2):
            how = signal.Signals(-self.status).name if self.status < 0 else f"status {self.status}"
            raise Failed(f"{how}: {' '.join(command)}: {self.errors[-800:]}")
        try:
            self.document = json.loads(done.stdout)
        except ValueError as error:
            raise Failed(f"no JSON ({error}), status {self.status}: {' '.join(command)}: {self.errors[-300:]}") from None
        self.threads = list(joined(self.document["threads"]))
        self.verdict = self.document["verdict"]

    @property
    def crashed(self):
        return next((thread for thread in self.threads if thread["crashed"]), None)

    def of(self, tid):
        """The entries of an OS thread: one, after joined()."""
        return [thread for thread in self.threads if thread["tid"] == tid]


def native_frames(thread):
    """The thread's native frames, also inlined ones: whole with --native=all."""
    if "native_frames" in thread:
        return thread["native_frames"]
    return [frame for frame in thread["frames"] if frame["kind"] == "native"]


def python_frames(thread):
    return [frame for frame in thread["frames"] if frame["kind"] == "python"]


def is_evaluation(frame):
    return frame["kind"] == "native" and not frame["inlined"] and bool(EVALUATION.match(frame["function"] or ""))


def show(frame):
    return f"{frame['kind'][0]}:{frame['function']}@{frame['address']}"
