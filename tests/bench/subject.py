"""What the tools look at: a running target.py, or the core that it leaves."""
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import Skip

TARGET = str(Path(__file__).with_name("target.py"))
START_LIMIT = 120  # seconds


@dataclass
class Subject:
    exe: str
    gdb_script: str
    frames: int  # `descend` frames by the target's own count
    threads: int
    pid: int
    core: str = ""


def interpreter(version):
    """The newest patch release of this version that pyenv has installed, or the system's: its binary and gdb script."""
    if version == "system":
        exe = Path("/usr/bin/python3").resolve()
        return exe, Path(f"/usr/share/gdb/auto-load{exe}-gdb.py")
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    folders = [p for p in root.glob(f"{version}.*") if p.suffix[1:].isdigit()]
    if not folders:
        raise Skip(f"no CPython {version} in {root}")
    exe = max(folders, key=lambda p: int(p.suffix[1:])) / "bin" / f"python{version}"
    return exe, exe.with_name(f"python{version}-gdb.py")


def need(disk, memory, folder):
    """Skip unless that many bytes are free."""
    meminfo = Path("/proc/meminfo").read_text()
    available = int(re.search(r"MemAvailable:\s+(\d+)", meminfo)[1]) * 1024
    for what, needed, free in ("disk", disk, shutil.disk_usage(folder).free), ("memory", memory, available):
        if free < needed:
            raise Skip(f"needs {needed / 1e9:.1f} GB of {what}, {free / 1e9:.1f} are free")


def _first_line(process):
    if not select.select([process.stdout], [], [], START_LIMIT)[0]:
        raise Skip(f"the target was not ready after {START_LIMIT} s")
    line = process.stdout.readline()
    if not line:
        raise Skip(f"the target failed: exit status {process.wait()}")
    return json.loads(line)


@contextmanager
def live(version, options, folder):
    """A running target, killed at the end.  It also ends by itself when this process is gone."""
    exe, gdb_script = interpreter(version)
    argv = [str(exe), TARGET]
    for name, value in options.items():
        argv += [f"--{name}", str(value)]
    process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        ready = _first_line(process)
        yield Subject(str(exe), str(gdb_script), ready["frames"], ready["threads"], ready["pid"])
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _dump(subject, folder):
    """Let the kernel write the core into the empty folder, or gdb, where cores go elsewhere."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith(("|", "/", "@")):
        gdb = ["gdb", "-batch", "-nx", "-p", str(subject.pid), "-ex", f"gcore {folder}/core"]
        subprocess.run(gdb, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    else:
        os.kill(subject.pid, signal.SIGSEGV)
        os.waitid(os.P_PID, subject.pid, os.WEXITED | os.WNOWAIT)
    written = list(folder.iterdir())
    if len(written) != 1:
        raise Skip(f"no core was written (core_pattern is {pattern!r})")
    return str(written[0])


@contextmanager
def core(version, options, folder):
    """The core of such a target, deleted at the end."""
    with tempfile.TemporaryDirectory(dir=folder) as its_own:
        with live(version, options, its_own) as subject:
            subject.core = _dump(subject, Path(its_own))
        yield subject
