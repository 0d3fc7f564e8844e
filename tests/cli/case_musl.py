"""Python with musl's C library: one file is linker and C library, a thread's id is its thread pointer, no libthread_db knows it, and
its malloc is none that is read."""
import json
import re

from case_namespaces import SIDE, inside, looks, subject
from kit import COMPLETE, Skip, functions, of_python
from subjects import STACK, pythons

CRASH = "import threading; threading.Timer(0.2, os.abort).start()"


def musl():
    for folder in pythons.fetched_roots():
        if "-musl" in folder.name:
            about = json.loads((folder / "about.json").read_text())
            return pythons.Python(folder.name, str(folder / "bin/python"), tuple(map(int, about["version"].split("."))))
    raise Skip("no Python with musl was fetched (fixtures/pythons get 3.13-musl)")


def live(kit, make):
    found = musl()
    with inside(make, [found.path, "-s", make.script(subject())]) as pid:
        document = looks(kit, "musl", pid)
        kit.check_that("musl: names", sorted(thread["name"] for thread in document["threads"]) == ["MainThread", "Thread-1 (beside)"],
                       f"{[thread['name'] for thread in document['threads']]}")
        kit.expect("musl: linker and C library", ["info", "--pid", pid], COMPLETE, out="libc.so")


def dead(kit, make):
    """The thread that died is not the main one."""
    found = musl()
    core = make.crash([found.path, "-s", make.script(subject(before=CRASH))])
    document = kit.expect_json("musl core", ["dump", core], COMPLETE)
    first = document["threads"][0]
    stacks = sorted(stack[0] for stack in functions(document))
    kit.check_that("musl core: crashed", first["crashed"] and not first["main"] and of_python(first)[0]["function"] == "run", f"{first}"[:300])
    kit.check_that("musl core: stacks", STACK in functions(document) and SIDE in stacks and len(stacks) == 3, f"{stacks}")
    kit.check_that("musl core: ids", len({thread["tid"] for thread in document["threads"]} - {None}) == 3, "not all known")
    kit.expect("musl core: verdict", ["dump", core], COMPLETE, out=["SIGABRT", "Verdict:    likely abort(), while", "Python ran Timer.run (threading.py:"], json_too=False)


def heap(kit, make):
    """All that the collector knows is found, also where musl has made memory of the ends of modules' pages."""
    found = musl()
    for name, env in (("pymalloc", {}), ("musl's malloc", {"PYTHONMALLOC": "malloc"})):
        with inside(make, [found.path, "-s", make.script(subject(before="kept = [{} for _ in range(5000)]"))], env=env) as pid:
            ran = kit.expect(f"musl survey, {name}", ["survey", "--pid", pid], COMPLETE, out="agree   : tracked objects")
            dicts = re.search(r"^ +(\d+) .* dict$", ran.out, re.MULTILINE)
            kit.check_that(f"musl survey, {name}: dicts", dicts and int(dicts[1]) >= 5000, f"{dicts}")


CASES = [live, dead, heap]
