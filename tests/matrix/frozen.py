#!/usr/bin/python3
"""Applications that PyInstaller has made of a script: in a folder, and in one file that unpacks itself to a temporary folder.

It is fetched into an environment of its own, which takes a network and a minute; without it this is a skip. Part of `make matrix`.
"""
import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

import pythons
import target

TOP = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 300
STACK = ["inner", "middle", "outer", "<module>"]
PROGRAM = """
import os, sys, time
def inner():
    if os.environ["END"] == "hang":
        sys.stdout.write("ready\\n"); sys.stdout.flush(); time.sleep(1000)
    os.chdir(os.environ["END"])  # the launcher dies like its child, and its core must not replace this one
    os.abort()
def middle():
    inner()
def outer():
    middle()
outer()
"""


class Skip(Exception):
    """This machine can't make them; the text says why."""


def tool(python, folder):
    """PyInstaller of that Python."""
    try:
        subprocess.run([python, "-m", "venv", folder / "env"], check=True, capture_output=True, timeout=LIMIT)
        subprocess.run([folder / "env/bin/pip", "install", "-q", "pyinstaller"], check=True, capture_output=True, timeout=LIMIT)
    except (OSError, subprocess.SubprocessError) as error:
        raise Skip(f"PyInstaller can't be had: {str(getattr(error, 'stderr', b'') or error)[-200:]}") from None
    return folder / "env/bin/pyinstaller"


def build(maker, folder, kind):
    (folder / "app.py").write_text(PROGRAM)
    ran = subprocess.run([maker, kind, "--name", "app" + kind[5:], "--log-level", "ERROR", "app.py"], cwd=folder, capture_output=True, timeout=LIMIT)
    if ran.returncode:
        raise Skip(f"PyInstaller does not build: {ran.stderr.decode()[-200:]}")
    path = folder / "dist" / ("app" + kind[5:])
    return path if path.is_file() else path / path.name


def functions(document):
    return [[frame["function"] for frame in thread["frames"] if frame["kind"] == "python"] for thread in document["threads"]]


class Checks:
    def __init__(self, pycore):
        self.pycore, self.failed, self.passed, self.skipped = pycore, 0, 0, 0

    def judge(self, name, good, text):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        print(f"{'passed' if good else 'FAILED'} {name}{'' if good else ': ' + text}", flush=True)

    def stack(self, name, version, *where):
        ran = subprocess.run([self.pycore, "dump", "--json", *map(str, where)], capture_output=True, timeout=60)
        document = json.loads(ran.stdout or b"null")
        found = document and document["python"] and (document["python"]["version"], functions(document))
        self.judge(name, ran.returncode in (0, 2) and found == (version, [STACK]), f"{ran.returncode}, {found}, {ran.stderr[-300:]}")

    def says(self, name, words, *where):
        ran = subprocess.run([self.pycore, "dump", *map(str, where)], capture_output=True, timeout=60)
        text = (ran.stdout + ran.stderr).decode()
        self.judge(name, all(word in text for word in words), text[:600])


def look(checks, python, app, folder, kind):
    """Its core, when the files that it unpacked are gone, that of its launcher, and the process while it lives."""
    version = ".".join(map(str, python.version))
    own, launchers = folder / f"own{kind}", folder / f"launchers{kind}"
    own.mkdir()
    launchers.mkdir()
    subprocess.run([app], cwd=launchers, env={**os.environ, "END": str(own)}, capture_output=True, timeout=60)
    for core in own.glob("core*"):
        checks.stack(f"{python.name} {kind}, core", version, core)
        if kind == "--onefile":
            checks.says(f"{python.name} {kind}, core: what is gone", ["/_MEI", "is not here", "inner"], core)
    if kind == "--onefile":
        for core in launchers.glob("core*"):
            checks.says(f"{python.name} {kind}, the launcher's core", ["PyInstaller", "child process"], core)
    with subprocess.Popen([app], cwd=launchers, env={**os.environ, "END": "hang"}, stdout=subprocess.PIPE, start_new_session=True) as process:
        process.stdout.readline()
        if kind == "--onefile":
            checks.says(f"{python.name} {kind}, the live launcher", ["PyInstaller", "runs in a child process", "try --pid"], "--pid", process.pid)
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        checks.stack(f"{python.name} {kind}, live", version, "--pid", (children or [process.pid])[0])
        os.killpg(process.pid, 9)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pycore", default=TOP / "build/pycore", type=pathlib.Path, help="the program to test")
    options = parser.parse_args()
    checks = Checks(options.pycore.resolve())
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    usable = [found for found in pythons.find()[0] if found.version >= (3, 8) and found.name != "system"]
    with tempfile.TemporaryDirectory(prefix="pycore-frozen-") as name:
        folder = pathlib.Path(name)
        try:
            if target.cores_land_here():
                raise Skip(target.cores_land_here())
            if not usable:
                raise Skip("no Python here that PyInstaller can work with")
            python = next((found for found in usable if found.version[:2] == (3, 12)), usable[-1])
            maker = tool(python.path, folder)
            for kind in ("--onedir", "--onefile"):
                look(checks, python, build(maker, folder, kind), folder, kind)
        except Skip as why:
            print(f"SKIP frozen applications: {why}", flush=True)
            checks.skipped += 1
    print(f"{checks.passed} passed, {checks.failed} failed, {checks.skipped} skipped")
    return bool(checks.failed)


if __name__ == "__main__":
    sys.exit(main())
