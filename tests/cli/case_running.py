"""Programs that never rest: every look at them shows a stack that they can have, or says that it can't be sure."""
from kit import COMPLETE, PARTIAL, functions
from subjects import python

LOOKS = 40
GENERATOR = """
import sys
def numbers():
    n = 0
    while n < 1000:
        n += 1
        yield n
def add():
    total = 0
    for n in numbers():
        total += n
    return total
def loop():
    sys.stdout.write('ready\\n')
    sys.stdout.flush()
    while True:
        add()
loop()
"""
LEGAL = [["numbers", "add", "loop", "<module>"], ["add", "loop", "<module>"], ["loop", "<module>"]]
CHURN = """
import sys, threading
def work():
    sum(range(100))
def loop():
    sys.stdout.write('ready\\n')
    sys.stdout.flush()
    while True:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
loop()
"""


def each_look(kit, make, text, options, status):
    """The documents of LOOKS looks at one running program, for a Python of each kind of frames."""
    for version in ((2, 7), (3, 8), (3, 10), (3, 11), (3, 12), (3, 13)):
        with make.running_python(python(version), text) as process:
            for look in range(LOOKS):
                name = f"{version} look {look} {' '.join(options)}"
                yield name, kit.expect_json(name, ["dump", *options, "--pid", process.pid], status)


def generator_stopped(kit, make):
    for name, document in each_look(kit, make, GENERATOR, [], COMPLETE):
        stack, = functions(document)
        kit.check_that(f"{name}: legal", stack in LEGAL, f"{stack}")


def generator_while_it_runs(kit, make):
    for name, document in each_look(kit, make, GENERATOR, ["--nonblocking"], (COMPLETE, PARTIAL)):
        marked = any(thread["unsteady"] or thread["error"] for thread in document["threads"])
        stack, = functions(document)
        kit.check_that(f"{name}: legal or marked", marked or stack in LEGAL, f"{stack}")


def threads_that_come_and_go(kit, make):
    for name, document in each_look(kit, make, CHURN, [], COMPLETE):
        threads = document["threads"]
        tids = [thread["tid"] for thread in threads if thread["tid"]]
        kit.check_that(f"{name}: each thread once", len(tids) == len(set(tids)), f"{tids}")
        kit.check_that(f"{name}: one main thread", [thread["main"] for thread in threads].count(True) == 1, f"{threads}")
        kit.check_that(f"{name}: a state without a thread is being started",
                       all("being started" in thread["error"] for thread in threads if not thread["tid"]), f"{threads}")


CASES = [generator_stopped, generator_while_it_runs, threads_that_come_and_go]
