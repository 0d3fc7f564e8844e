"""Processes to look at, dead or alive: made on demand, each core once."""
import contextlib
import errno
import functools
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time

from kit import Skip, TOP

import sys
sys.path.insert(0, str(TOP / "tests/matrix"))
import pythons  # noqa: E402
import target  # noqa: E402

PATIENCE = 30
NESTED = """
import os, sys, time
def inner():
    {end}
def middle():
    inner()
def outer():
    middle()
outer()
"""
CRASH = "os.abort()"
HANG = "sys.stdout.write('ready\\n'); sys.stdout.flush(); time.sleep(1000)"
STACK = ["inner", "middle", "outer", "<module>"]
NOT_PYTHON = "#include <stdlib.h>\nint main(void) { abort(); }\n"


@functools.lru_cache(None)
def all_pythons():
    return pythons.find()[0]


def python(version, managed=None):
    """The first Python whose version begins so, as the tuple (3, 13)."""
    for found in all_pythons():
        if found.version[:len(version)] == version and managed in (None, found.name != "system"):
            return found
    raise Skip(f"no Python {'.'.join(map(str, version))} here")


def system_python():
    for found in all_pythons():
        if found.name == "system":
            return found
    raise Skip("no /usr/bin/python3 here")


def library(found):
    """The libpython of a Python of the version manager."""
    root = pathlib.Path(found.path).parents[1]
    for path in sorted(root.glob("lib/libpython?.*.so.1.0")):
        return path
    raise Skip(f"{found.name} has no libpython")


def tool(name):
    path = shutil.which(name)
    if not path:
        raise Skip(f"no {name} here")
    return path


def environment(folder, more=()):
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **dict(more)}


def start(command, **how):
    """A process. A program that was just copied can't be run while a fork of another case still holds it open for writing."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return subprocess.Popen(command, **how)
        except OSError as error:
            if error.errno != errno.ETXTBSY or time.monotonic() > end:
                raise
            time.sleep(0.01)


class Maker:
    def __init__(self, folder):
        self.top, self.lock, self.made = pathlib.Path(folder), threading.Lock(), {}
        self.top.mkdir(parents=True, exist_ok=True)
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    def folder(self, name="subject"):
        return pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.top))

    def once(self, key, make):
        """make() the first time; the same result afterwards."""
        with self.lock:
            lock, _ = self.made.setdefault(key, (threading.Lock(), []))
        with lock:
            result = self.made[key][1]
            if not result:
                result.append(make())
            return result[0]

    def crash(self, command, env=(), kill_with=None, folder=None):
        """The core of a program that dies by itself or, once it says "ready", by a signal."""
        why = target.cores_land_here()
        if why:
            raise Skip(why)
        folder = folder or self.folder("core")
        process = start(list(map(str, command)), cwd=folder, env=environment(folder, env), stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        if kill_with:
            process.stdout.readline()
            process.send_signal(kill_with)
        _, err = process.communicate(timeout=PATIENCE)
        cores = list(folder.glob("core*"))
        if len(cores) != 1:
            raise AssertionError(f"{command}: {len(cores)} cores, status {process.returncode}: {err[-500:]}")
        return cores[0]

    def script(self, text, name="subject.py"):
        path = self.folder("script") / name
        path.write_text(text)
        return path

    def core(self, found, text=None, **how):
        """The core of a Python that dies in inner(), which middle() calls, which outer() calls; or of another script."""
        text = text or NESTED.format(end=CRASH)
        key = ("core", found.path, text, str(how))
        return self.once(key, lambda: self.crash([found.path, "-s", self.script(text)], **how))

    def core_without_python(self):
        def make():
            folder = self.folder("c")
            (folder / "plain.c").write_text(NOT_PYTHON)
            subprocess.run([tool("gcc"), "-o", folder / "plain", folder / "plain.c"], check=True)
            return self.crash([folder / "plain"])
        return self.once("core without Python", make)

    @contextlib.contextmanager
    def hanging(self, command, env=(), folder=None, rests=True):
        """A process that has said "ready" and sleeps (or, rests=False, goes on); gone at the end."""
        folder = folder or self.folder("live")
        with start(list(map(str, command)), cwd=folder, env=environment(folder, env), stdin=subprocess.PIPE,
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
            try:
                if process.stdout.readline().strip() != b"ready":
                    raise AssertionError(f"{command}: {process.stderr.read()[-500:]}")
                if rests:
                    wait_asleep(process.pid)
                yield process
            finally:
                process.kill()
                process.send_signal(signal.SIGCONT)

    def hanging_python(self, found, text=None, **how):
        return self.hanging([found.path, "-s", self.script(text or NESTED.format(end=HANG))], **how)

    def running_python(self, found, text, **how):
        return self.hanging([found.path, "-s", self.script(text)], rests=False, **how)


def wait_asleep(pid):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not target.all_asleep(pid):
        time.sleep(0.002)


class CoreBytes:
    """The layout of a 64-bit little-endian core: where its notes are, and its memory by address."""

    def __init__(self, path):
        self.path, self.bytes = path, path.read_bytes()
        phoff, = struct.unpack_from("<Q", self.bytes, 32)
        size, count = struct.unpack_from("<HH", self.bytes, 54)
        self.headers = [struct.unpack_from("<IIQQQQQQ", self.bytes, phoff + i * size) for i in range(count)]
        self.headers_end = phoff + size * count
        notes = next(header for header in self.headers if header[0] == 4)
        self.notes = range(notes[2], notes[2] + notes[5])
        self.loads = [header for header in self.headers if header[0] == 1 and header[5]]

    def offset_of(self, address):
        """Where the byte at an address stands in the file; None if it is not saved."""
        for _, _, offset, start, _, size, _, _ in self.loads:
            if start <= address < start + size:
                return offset + address - start
        return None
