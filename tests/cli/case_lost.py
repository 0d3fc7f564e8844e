"""Cores cut off before the data of libpython: the runtime is lost, and with it every name; what lies below it is still told."""
from kit import PARTIAL, functions
from subjects import CoreBytes, library, python

WORKERS = """
import os, threading, time
def rest():
    time.sleep(1000)
def worker():
    rest()
for _ in range(3):
    thread = threading.Thread(target=worker)
    thread.daemon = True
    thread.start()
time.sleep(0.3)
os.abort()
"""


def runtime(kit, make):
    for version in ((2, 7), (3, 8), (3, 11)):
        found = python(version, managed=True)
        core = CoreBytes(make.core(found, WORKERS))
        name = f"core of {version} without its runtime"
        path = make.folder() / "core"
        modules = kit.expect_json(f"{name}: whole", ["info", core.path], 0)["modules"]
        start = next(int(module["start"], 16) for module in modules if module["path"] == str(library(found)))
        path.write_bytes(core.bytes[:core.offset_of(start)])
        document = kit.expect_json(name, ["dump", path], PARTIAL)
        stacks = functions(document)
        told = [stack for stack in stacks if stack]
        kit.check_that(f"{name}: threads are found", told, f"stacks {stacks}")
        kit.check_that(f"{name}: and nothing is made up", all(stack == ["rest", "worker", "run", *stack[3:]] for stack in told
                                                              if "rest" in stack), f"stacks {stacks}")
        kit.check_that(f"{name}: it says so", any("own state is not in the core" in problem["why"]
                                                  for problem in document["problems"]), document["problems"])


CASES = [runtime]
