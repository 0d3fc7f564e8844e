"""Runs one program until it has told its truth and then died or come to rest, in a folder of its own."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

SKIPPED = 77
PATIENCE = 60


class Skip(Exception):
    """This Python or machine can't run the program; the text says why."""


class Broken(Exception):
    """The program did not do what it is there for; the text says how."""


class Target:
    """A context: the program's process group and its folder are gone when it ends."""

    def __init__(self, folder, python, program, variant, hang, environment=()):
        self.folder, self.hang, self.python = pathlib.Path(folder), hang, python
        self.patience = PATIENCE * 5 if python.emulated else PATIENCE
        self.command = [python.path, "-s", str(program.path)] + ([variant] if variant else [])
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8",
                            "PYTHONDONTWRITEBYTECODE": "1", "TRUTH_END": "hang" if hang else "crash",
                            "TRUTH_PROGRAMS": str(program.path.parent), **python.environment, **dict(environment)}

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with open(self.folder / "stderr", "wb") as err:
            self.process = subprocess.Popen(self.command, cwd=self.folder, env=self.environment, stdout=err,
                                            stdin=subprocess.PIPE, stderr=err, start_new_session=True)
        try:
            (self.wait_hanging if self.hang else self.wait_dead)()
            self.truth = json.loads((self.folder / "truth.json").read_bytes())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdin.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def where(self):
        """It, as pycore's arguments."""
        return ["--pid", str(self.truth["pid"])] if self.hang else [*self.python.options, str(self.core)]

    def errors(self):
        return (self.folder / "stderr").read_text(errors="backslashreplace")

    def wait_dead(self):
        try:
            status = self.process.wait(self.patience)
        except subprocess.TimeoutExpired:
            raise Broken(f"still runs after {self.patience} s") from None
        self.check_ended(status)
        self.core = self.python.core(self.folder)
        if not self.core:
            raise Broken(f"{len(list(self.folder.glob('*core*')))} cores, status {status}: {self.errors()[-2000:]}")

    def wait_hanging(self):
        for _ in self.patiently():
            if (self.folder / "truth.json").exists():
                break
            if self.process.poll() is not None:
                self.check_ended(self.process.returncode)
                break
        truth = json.loads((self.folder / "truth.json").read_bytes())
        if not any("busy" in thread for thread in truth["threads"]):
            for _ in self.patiently():
                if all_asleep(truth["pid"]):
                    break

    def check_ended(self, status):
        if status == SKIPPED:
            raise Skip(self.errors().strip())
        if not (self.folder / "truth.json").exists():
            raise Broken(f"no truth told, status {status}: {self.errors()[-2000:]}")

    @staticmethod
    def patiently():
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            yield
            time.sleep(0.002)
        raise Broken(f"not at rest after {PATIENCE} s")


def all_asleep(pid):
    stats = pathlib.Path(f"/proc/{pid}/task").glob("*/stat")
    return all(stat.read_text(errors="replace").rpartition(")")[2].split()[0] == "S" for stat in stats)


def heed_signals():
    """A shell lets its background jobs ignore some signals, and programs that are to die of them would do so too."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def cores_land_here():
    """Why cores of programs don't end up in their working directory, or None."""
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
    return None if pattern.startswith("core") else f"core_pattern is '{pattern}', not a name in the working directory"
