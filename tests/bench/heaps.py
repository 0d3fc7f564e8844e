#!/usr/bin/env python3
"""How fast `pycore survey` counts heaps, beside `cat CORE >/dev/null`, how much memory it takes, and how long it stops a process.

Cores of 1, 10 and 50 million objects, ordered and churned. Warm: the best of some runs, with the core in the page cache, by one
and by two processes. Speed of one is by the CPU's time (user and system), so that other work on the machine matters less. Cold:
after the kernel was told to drop the core (posix_fadvise), which it may refuse. Memory is the peak of RssAnon of one process.
Live: the same program while it lives; how long it was stopped, by its writable memory.
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from measure import Skip  # noqa: E402
from subject import interpreter, need  # noqa: E402

GOALS = {"ordered": 50e6, "churned": 12e6}  # objects a second and core
COLD_GOAL, MEMORY_GOAL, TWO_GOAL, PAUSE_GOAL = 1.2, 64e6, 1.7, 1.5e9
BYTES = 75  # of core for each object, roughly


def timed(command):
    """(wall seconds, CPU seconds) of a command whose output goes nowhere."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def best(command, runs):
    found = [timed(command) for _ in range(runs)]
    return min(wall for wall, _ in found), min(cpu for _, cpu in found)


def cold(command, core):
    """Wall seconds with nothing of the core in memory."""
    with open(core, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return timed(command)[0]


def peak(command):
    done = subprocess.run([sys.executable, HERE / "peak.py", *command], capture_output=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])["rss_anon"]


def make_core(version, count, kind, folder):
    exe, _ = interpreter(version)
    subprocess.run([exe, HERE / "heap_target.py", str(count), kind], cwd=folder, check=False, stderr=subprocess.DEVNULL)
    cores = list(Path(folder).iterdir())
    if len(cores) != 1:
        raise Skip("no core was written here")
    return cores[0]


def verdict(ok):
    return "ok" if ok else "MISS"


def measure(pycore, core, kind, runs):
    command = [pycore, "survey", "--top=1", core]
    one, two = command + ["--jobs=1"], command + ["--jobs=2"]
    document = json.loads(subprocess.run([pycore, "survey", "--json", core], stdout=subprocess.PIPE, check=True).stdout)
    objects = document["totals"]["objects"]
    wall, cpu = best(one, runs)
    both, _ = best(two, runs)
    cat, _ = best(["cat", core], runs)
    cold_cat, cold_survey = (min(cold(command, core) for _ in range(runs)) for command in (["cat", core], command))
    memory = peak([*map(str, one)])
    print(f"  {objects / 1e6:.1f} M objects, {core.stat().st_size / 1e6:.0f} MB")
    print(f"  warm: {wall:.2f} s, {objects / wall / 1e6:.1f} M objects/s; by CPU time {objects / cpu / 1e6:.1f} M/s of "
          f"{GOALS[kind] / 1e6:g}  {verdict(objects / cpu >= GOALS[kind])}; {wall / cat:.1f} x cat")
    print(f"  two:  {both:.2f} s, {wall / both:.2f} x as fast of {TWO_GOAL}  {verdict(wall / both >= TWO_GOAL)}")
    print(f"  cold: {cold_survey:.2f} s, {cold_survey / cold_cat:.2f} x cat of {COLD_GOAL}  {verdict(cold_survey <= COLD_GOAL * cold_cat)}")
    print(f"  RssAnon: {memory / 1e6:.1f} MB of {MEMORY_GOAL / 1e6:g}  {verdict(memory < MEMORY_GOAL)}", flush=True)


def measure_live(pycore, version, count, kind, runs):
    exe, _ = interpreter(version)
    process = subprocess.Popen([exe, HERE / "heap_target.py", str(count), kind, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        for option in ([], ["--in-place"]):
            command = [pycore, "survey", "--json", f"--pid={process.pid}", *option]
            found = [json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout) for _ in range(runs)]
            pause, heap = min(d["source"]["pause_seconds"] for d in found), found[0]["memory"]["bytes"]
            goal = "" if option else f" of {PAUSE_GOAL / 1e9:g}  {verdict(heap / pause >= PAUSE_GOAL)}"
            print(f"  live{' in place' if option else ''}: {heap / 1e6:.0f} MB, stopped for {pause * 1000:.0f} ms, "
                  f"{heap / pause / 1e9:.1f} GB/s{goal}", flush=True)
    finally:
        process.kill()
        process.communicate()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pycore", default=HERE.parents[1] / "build/pycore", type=Path)
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--versions", nargs="+", default=["3.8", "3.11", "3.13"])
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    for version in args.versions:
        for kind in GOALS:
            for millions in args.millions:
                folder = tempfile.mkdtemp(prefix="pycore-heaps-")
                print(f"survey {version} {kind} {millions} M")
                try:
                    size = millions * 1e6 * BYTES
                    need(size * 1.5, size * 2.5, folder)
                    measure(args.pycore.resolve(), make_core(version, millions * 1000000, kind, folder), kind, args.runs)
                    measure_live(args.pycore.resolve(), version, millions * 1000000, kind, args.runs)
                except (Skip, subprocess.CalledProcessError) as why:
                    print(f"  SKIP: {why}")
                finally:
                    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
