"""Cores of which a part is missing: cut off anywhere, zeros in place of data. What is left is told, and nothing else."""
import json
import os
import random
import resource
import subprocess
import time

import cuts
from kit import COMPLETE, NOTHING, PARTIAL, Skip, functions, of_python, run
from subjects import CRASH, NESTED, STACK, CoreBytes, environment, python, tool

PROGRAM = """
import os, threading, time
class Job:
    def __init__(self, number):
        self.number = number
        self.name = 'job-%d' % number
def rest(job, depth):
    text = 'hello %d' % depth
    items = [1, 2.5, 'x', {'a': job.number}]
    time.sleep(1000)
def worker(number):
    job = Job(number)
    rest(job, number + 1)
for number in range(3):
    thread = threading.Thread(target=worker, args=(number,))
    thread.daemon = True
    thread.start()
time.sleep(0.3)
def inner(a, b):
    table = dict((str(i), i) for i in range(100))
    os.abort()
def outer(x):
    y = 'w' * x
    inner(y, x)
outer(50)
"""
DUMP = ["dump", "--locals", "--native=all"]


def places(core):
    """Where to cut: at even parts of the file, around the borders of large segments and of some others, in headers and notes."""
    size = len(core.bytes)
    found = {size * part // 11 for part in range(1, 11)} | {size - 1}
    segments = sorted(core.loads, key=lambda load: load[5])
    for load in segments[-1:] + random.Random(7).sample(segments[:-1], 1):
        found |= {load[2] + step for step in (-1, 0, 1)}
    found |= {core.notes.start + len(core.notes) * part // 3 for part in range(4)}
    found.add(64 + (core.headers_end - 64) // 2)
    return sorted((place for place in found if 64 < place < size), reverse=True)


def told(kit, name, path, whole, status=(NOTHING, PARTIAL)):
    """A report on what is left of a core, compared with that on the whole one."""
    document = kit.expect_json(name, [*DUMP, path], status)
    if document:
        source = document["source"]
        kit.check(f"{name}: nothing is made up", cuts.lies(whole, document))
        kit.check_that(f"{name}: it is said", not source["complete"] and any(problem["damage"] for problem in document["problems"]),
                       "it is not")
        kit.check_that(f"{name}: the sum of what is missing", sum(lost["size"] for lost in source["missing"]) == source["memory"]["cut"],
                       "is another one")
    return document


def first_line(kit, name, path):
    for command in ("dump", "info", "survey"):
        ran = kit.expect(f"{name}: {command}", [command, path], (NOTHING, PARTIAL), json_too=False)
        kit.check_that(f"{name}: first line of {command}", ran.out.startswith("Cut off:") or not ran.out, ran.out[:100])


def anywhere(kit, make):
    for version in ((2, 7), (3, 8), (3, 12), (3, 13)):
        core = CoreBytes(make.core(python(version), PROGRAM))
        whole = kit.expect_json(f"{version}, whole", [*DUMP, core.path], COMPLETE)
        survey = kit.expect_json(f"{version}, whole: survey", ["survey", core.path], COMPLETE)
        path = make.folder() / "core"
        path.write_bytes(core.bytes)
        for number, size in enumerate(places(core)):
            os.truncate(path, size)
            name = f"{version}, {size} of {len(core.bytes)} bytes"
            told(kit, name, path, whole)
            if number % 4:
                continue
            first_line(kit, name, path)
            part = kit.expect_json(f"{name}: survey", ["survey", path], (NOTHING, PARTIAL))
            if part:
                kit.check(f"{name}: counts", cuts.survey_lies(survey, part))
                kit.check_that(f"{name}: a lower bound", part["lower_bound"] and part["problems"], "it is not said")


def says(document, words):
    return document and any(words in problem["why"] for problem in document["problems"])


def zeros(kit, make):
    """The later part was never written; or a part inside."""
    core = CoreBytes(make.core(python((3, 11)), PROGRAM))
    whole = kit.expect_json("whole", [*DUMP, core.path], COMPLETE)
    size = len(core.bytes)
    for part in (0.3, 0.6, 0.97):
        place = int(size * part)
        for name, fill in [("zeros", lambda file, left: file.write(bytes(left))), ("a hole", lambda file, left: file.truncate(size))]:
            path = make.folder() / "core"
            with open(path, "wb") as file:
                file.write(core.bytes[:place])
                fill(file, size - place)
            name = f"{name} from {part} on"
            document = told(kit, name, path, whole)
            first_line(kit, name, path)
            kit.check_that(f"{name}: why", says(document, "nothing but zeros from byte"), "not said")
    stack = max(core.loads, key=lambda load: load[3] if load[3] < 1 << 47 and load[1] == 6 else 0)
    path = make.folder() / "core"
    path.write_bytes(core.bytes[:stack[2]] + bytes(stack[5]) + core.bytes[stack[2] + stack[5]:])
    document = kit.expect_json("zeros for a stack", [*DUMP, path], PARTIAL)
    kit.check("zeros for a stack: nothing is made up", document and cuts.lies(whole, document) or [])
    kit.check_that("zeros for a stack: it is said", says(document, "zeros"), "it is not")


def limits(kit, make):
    """The kernel's own limit of the size of a core."""
    found = python((3, 12))
    for limit in (100 * 1024, 1 << 20, 2 << 20):  # what is written; the kernel leaves holes for zeros
        folder = make.folder("core")
        command = [found.path, "-s", make.script(NESTED.format(end=CRASH))]
        subprocess.run(list(map(str, command)), cwd=folder, env=environment(folder), stderr=subprocess.DEVNULL, timeout=30,
                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (limit, resource.RLIM_INFINITY)))
        cores = list(folder.glob("core*"))
        if not cores:
            raise Skip("the kernel made no core under a limit")
        ran = kit.expect(f"ulimit -c {limit // 512}", ["dump", cores[0]], (NOTHING, PARTIAL))
        kit.check_that(f"ulimit -c {limit // 512}: first line", ran.out.startswith("Cut off:"), ran.out[:100])


def timeless(kit, document):
    """Faults of a document on a core whose time cannot be known: files may not be what ran."""
    yield from kit.contract("dump", run(["true"]), document)
    if document["source"]["time"] is not None:
        yield f"time {document['source']['time']}"
    yield from (f"line {frame['source']}" for thread in document["threads"] for frame in of_python(thread) if frame["source"])
    if not any(problem["where"] == "source lines" and not problem["damage"] for problem in document["problems"]):
        yield "no note"


def pipes(kit, make):
    """Standard input, as a handler of core_pattern gets a core."""
    path = make.core(python((3, 11)))
    packed = subprocess.run([tool("zstd"), "-1", "-c", path], capture_output=True, check=True).stdout
    for name, content in [("a core", path.read_bytes()), ("a zstd", packed)]:
        ran = subprocess.run([kit.pycore, "dump", "--json", "-"], input=content, capture_output=True, timeout=30)
        kit.check_that(f"{name} through a pipe", ran.returncode == COMPLETE and functions(json.loads(ran.stdout)) == [STACK],
                       f"{ran.returncode}: {ran.stderr!r}")
        kit.check(f"{name} through a pipe: no time", timeless(kit, json.loads(ran.stdout)))
        ran = subprocess.run([kit.pycore, "dump", "-"], input=content, capture_output=True, timeout=30)
        said = [word for word in (b"file's time", b"os.abort") if word in ran.stdout]
        kit.check_that(f"{name} through a pipe: text", not said and b"a core from a pipe has no time" in ran.stdout, f"{said}")
        for command in ("info", "survey"):
            ran = subprocess.run([kit.pycore, command, "-"], input=content, capture_output=True, timeout=30)
            kit.check_that(f"{name} through a pipe: {command}", b"Core file:  -\n" in ran.stdout, f"{ran.stdout[:100]!r}")
        ran = subprocess.run([kit.pycore, "dump", "-"], input=content[:len(content) // 2], capture_output=True, timeout=30)
        kit.check_that(f"half of {name} through a pipe", ran.returncode in (NOTHING, PARTIAL) and ran.stdout.startswith(b"Cut off:"),
                       f"{ran.returncode}: {ran.stderr!r}")
    written = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(path.stat().st_mtime))
    with open(path, "rb") as file:
        kit.expect("a core as standard input", ["dump", "-"], COMPLETE, stdin=file, json_too=False,
                   out=[*STACK, f"{written} (the core file's time)", "\n    os.abort()\n"], absent=["from a pipe"])
    for name, content, word in [("nothing", b"", "empty"), ("a text", b"hello\n", "text file")]:
        ran = subprocess.run([kit.pycore, "dump", "-"], input=content, capture_output=True, timeout=30)
        kit.check_that(f"{name} through a pipe", ran.returncode == NOTHING and word in ran.stderr.decode(), f"{ran.stderr!r}")


def attributes(kit, make):
    """What systemd-coredump notes beside a core counts where the core is cut off before it says as much."""
    core = CoreBytes(make.core(python((3, 11))))
    for size, ours in [(core.headers_end, True), (len(core.bytes), False)]:
        path = make.folder() / "core"
        path.write_bytes(core.bytes[:size])
        try:
            for key, value in [("pid", "4711"), ("signal", "7"), ("exe", "/opt/app")]:
                os.setxattr(path, f"user.coredump.{key}", value.encode())
        except OSError as error:
            raise Skip(f"no attributes of files here: {error}") from None
        document = kit.expect_json(f"attributes, {size} bytes", ["dump", path])
        process = document["process"]
        said = (process["pid"], process["signal"]["number"], process["executable"]["path"])
        kit.check_that(f"attributes, {size} bytes", (said == (4711, 7, "/opt/app")) == ours, str(said))


def other_formats(kit, make):
    for name, content, words in [("minidump", b"MDMP\x93\xa7" + bytes(64), ["minidump", "does not tell what processor"]),
                                 ("CRIU", b"\x19\x43\x56\x54" + bytes(64), ["CRIU", "coredump -i"])]:
        path = make.folder() / "core"
        path.write_bytes(content)
        kit.expect(name, ["dump", path], NOTHING, err=words)


def left_out(kit, make):
    """coredump_filter without private memory: there is nothing to read, which is said; without ELF headers all is as usual."""
    for found in (python((3, 13)), python((3, 8))):
        for mask, status in ((0x31, COMPLETE), (0x11, COMPLETE), (0x01, (COMPLETE, PARTIAL)), (0x30, NOTHING), (0, NOTHING)):
            text = f"open('/proc/self/coredump_filter', 'w').write('{mask:#x}')\n" + PROGRAM
            core = make.core(found, text)
            name = f"coredump_filter {mask:#x}, {found.name}"
            ran = kit.expect(name, ["dump", core], status, err="coredump_filter" if status == NOTHING else ())
            if status != NOTHING:
                kit.check_that(f"{name}: stacks", "in inner" in ran.out and "in rest" in ran.out, ran.out[-300:])


CASES = [anywhere, zeros, limits, pipes, attributes, other_formats, left_out]
