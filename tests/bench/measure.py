"""One run of a command: its wall time, its output, its peak memory."""
import json
import os
import re
import select
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

TIME_LIMIT = 300  # seconds
PEAK = str(Path(__file__).with_name("peak.py"))


class Skip(Exception):
    """Something that is needed is not there; the text says what."""


@dataclass
class Proof:
    """That a tool has shown all: so many matches in its output."""
    pattern: bytes
    number: int
    what: str = "frames"

    def fault(self, output):
        found = len(re.findall(self.pattern, output, re.M))
        return "" if found == self.number else f"{found} of {self.number} {self.what}"


@dataclass
class Run:
    seconds: float
    status: int  # the exit status, or minus the signal
    output: bytes
    errors: bytes

    def fault(self, proof):
        """Why this run does not count, or nothing."""
        missing = proof.fault(self.output)
        said = self.errors.decode(errors="replace").strip().partition("\n")[0]
        return missing and f"{missing}, exit status {self.status}: {said}"


def _write_to(descriptor, path):
    return (os.POSIX_SPAWN_OPEN, descriptor, str(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def run(argv, folder):
    """Run argv to its end.  Its output goes to files in folder, so that nothing waits for a reader."""
    out, err = Path(folder, "stdout"), Path(folder, "stderr")
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), _write_to(1, out), _write_to(2, err)]
    started = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions)
    try:
        pidfd = os.pidfd_open(pid)
        try:
            ends = select.poll()
            ends.register(pidfd, select.POLLIN)
            in_time = ends.poll(TIME_LIMIT * 1000)
        finally:
            os.close(pidfd)
        seconds = time.perf_counter() - started
        if not in_time:
            os.kill(pid, signal.SIGKILL)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Run(seconds, status, out.read_bytes(), err.read_bytes())


def memory(argv, proof, folder):
    """(peak RssAnon, VmHWM) of argv in bytes, from a run of its own, where that shows all frames."""
    done = run([sys.executable, PEAK, *argv], folder)
    if done.fault(proof):
        return None, None
    peaks = json.loads(done.output.rstrip().rpartition(b"\n")[2])
    return peaks["rss_anon"], peaks["vm_hwm"]
