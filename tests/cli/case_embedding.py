"""Python where one would not look for it: inside of other programs, files without sections, environments, several at once."""
import os
import pathlib
import shutil
import struct
import subprocess

from kit import COMPLETE, PARTIAL, Skip, functions
from subjects import CRASH, HANG, NESTED, STACK, TOP, library, python, system_python, tool

EMBEDDED = TOP / "fixtures/programs/embedded.c"


def root_of(found):
    return pathlib.Path(found.path).parents[1]


def headers(found):
    for path in sorted(root_of(found).glob("include/python*/Python.h")):
        return path.parent
    raise Skip(f"{found.name} has no headers")


def archive(found):
    for path in sorted(root_of(found).glob("lib/python*/config*/libpython*.a")):
        return path
    raise Skip(f"{found.name} has no static library")


def link(make, found, *flags):
    """A C program with a Python in it."""
    program = make.folder("embedded") / "worker"
    ran = subprocess.run([tool("gcc"), "-g", "-pthread", "-o", program, EMBEDDED, f"-I{headers(found)}", *flags,
                          "-ldl", "-lutil", "-lm"], capture_output=True, text=True)
    if ran.returncode:
        raise Skip(f"it does not link: {ran.stderr[-200:]}")
    return program


def check_one(kit, name, where, found, status=COMPLETE):
    """One runtime of that version with that stack in its one thread."""
    document = kit.expect_json(name, ["dump", *where], status)
    said = document and ([runtime["version"] for runtime in document["runtimes"]], functions(document))
    kit.check_that(f"{name}: one Python and its stack", said and said[1] == [STACK] and said[0] == [".".join(map(str, found.version))], f"{said}"[:300])
    return document


def dead_and_alive(kit, make, name, found, command, env=(), script=None):
    """command(script) is the program that runs it."""
    core = make.crash(command(make.script(NESTED.format(end=CRASH))), env=env)
    document = check_one(kit, f"{name}, core", [core], found)
    with make.hanging(command(make.script(NESTED.format(end=HANG))), env=env) as process:
        for options in ([], ["--nonblocking"]):
            check_one(kit, f"{name}, live {options}", [*options, "--pid", process.pid], found)
    return core, document


def no_sections(path):
    """Without section headers: what sstrip leaves."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<Q", data, 40, 0)  # e_shoff
    struct.pack_into("<HHH", data, 58, 0, 0, 0)  # e_shentsize, e_shnum, e_shstrndx
    path.write_bytes(data)
    return path


def in_a_program(kit, make):
    """libpython.a in a program with a dynamic loader, without one, as a static-PIE; each also stripped, and without sections."""
    for found, kind, flags in ((python((3, 12), managed=True), "dynamic", ["-Wl,--export-dynamic"]), (python((3, 13), managed=True), "static", ["-static"]),
                               (python((3, 12), managed=True), "static-PIE", ["-static-pie"]), (python((3, 9), managed=True), "static", ["-static"])):
        env = {"PYTHONHOME": str(root_of(found))}
        program = link(make, found, archive(found), *flags)
        bare = pathlib.Path(shutil.copy(program, program.with_name("bare")))
        subprocess.run([tool("objcopy"), "--strip-all", bare], check=True)
        for name, path in ((kind, program), (f"{kind}, stripped", bare), (f"{kind}, no sections", no_sections(pathlib.Path(shutil.copy(bare, bare.with_name("none")))))):
            dead_and_alive(kit, make, f"{found.name} in a program, {name}", found, lambda script: [path, "/nowhere", script], env)


def without_sections(kit, make):
    """The interpreter itself without section headers, under another name."""
    for found in (system_python(), python((3, 13), managed=True), python((3, 7), managed=True), python((2, 7), managed=True)):
        folder = make.folder("bare")
        env = {"PYTHONHOME": "/usr"}
        exe = no_sections(pathlib.Path(shutil.copy(os.path.realpath(found.path), folder / "worker")))
        if found.name != "system":
            no_sections(pathlib.Path(shutil.copy(library(found), folder)))
            env = {"PYTHONHOME": str(root_of(found)), "LD_LIBRARY_PATH": str(folder)}
        dead_and_alive(kit, make, f"{found.name} without sections", found, lambda script: [exe, "-s", script], env)


def upgraded(kit, make):
    """Another build lies where the process's files were: it is not used, and named."""
    for found, other in ((python((3, 12), managed=True), python((3, 11), managed=True)), (python((3, 8), managed=True), python((3, 9), managed=True))):
        folder = make.folder("upgraded")
        exe = shutil.copy(os.path.realpath(found.path), folder / "worker")
        own = folder / library(found).name
        shutil.copy(library(found), own)
        env = {"PYTHONHOME": str(root_of(found)), "LD_LIBRARY_PATH": str(folder)}
        core = make.crash([exe, "-s", make.script(NESTED.format(end=CRASH))], env=env)
        with make.hanging([exe, "-s", make.script(NESTED.format(end=HANG))], env=env) as process:
            own.unlink()
            shutil.copy(library(other), own)
            name = f"{found.name} upgraded to {other.name}"
            check_one(kit, f"{name}, core", [core], found, (COMPLETE, PARTIAL))
            kit.expect(f"{name}, core as text", ["dump", core], (COMPLETE, PARTIAL), out=[own.name, "build-id", *STACK])
            check_one(kit, f"{name}, live", ["--pid", process.pid], found)


TWO_THREADS = """import ctypes, os, sys, threading, time
os.environ["PYTHONHOME"] = {home!r}
def run():
    other = ctypes.CDLL({library!r}, os.RTLD_DEEPBIND)
    other.Py_InitializeEx(0)
    other.PyRun_SimpleString(br'''
import os, sys, time
def guest():
    open({ready!r}, "w").close()
    time.sleep(1000)
guest()
''')
threading.Thread(target=run, daemon=True).start()
while not os.path.exists({ready!r}):
    time.sleep(0.01)
time.sleep(0.1)
"""


def two_on_two_threads(kit, make):
    """Another libpython, initialised by a second thread, which runs it while the first one dies."""
    for version, other in (((3, 12), (3, 9)), ((3, 8), (3, 13))):
        host, guest = python(version, managed=True), python(other, managed=True)
        for end in (CRASH, HANG):
            before = TWO_THREADS.format(home=str(root_of(guest)), library=str(library(guest)), ready=str(make.folder("ready") / "ready"))
            name = f"{guest.name} on the second thread of {host.name}, {'core' if end == CRASH else 'live'}"
            if end == CRASH:
                check_two(kit, name, [make.core(host, before + NESTED.format(end=end))], host, guest)
                continue
            with make.hanging_python(host, before + NESTED.format(end=end)) as process:
                check_two(kit, name, ["--pid", process.pid], host, guest)


def check_two(kit, name, where, host, guest):
    document = kit.expect_json(name, ["dump", *where], COMPLETE)
    versions = document and sorted(runtime["version"] for runtime in document["runtimes"])
    wanted = sorted(".".join(map(str, found.version)) for found in (host, guest))
    kit.check_that(f"{name}: both", versions == wanted, f"{versions}, not {wanted}")
    stacks = document and {(thread["tid"] == document["process"]["pid"], tuple(frames[:1])): thread["entered_from"]
                           for thread, frames in zip(document["threads"], functions(document))}
    kit.check_that(f"{name}: whose they are", stacks and set(stacks) == {(True, ("inner",)), (False, ("run",)), (False, ("guest",))}, f"{stacks}")
    kit.check_that(f"{name}: the guest's thread came from the host", stacks and stacks.get((False, ("guest",))) and not stacks[(False, ("run",))], f"{stacks}")
    kit.expect(f"{name}, as text", ["dump", *where], COMPLETE, out=["[Switch to interpreter 0, main, of Python " + ".".join(map(str, guest.version))])


def environments(kit, make):
    """Started by a script's first line through the link of an environment, whose base may be gone when somebody looks."""
    found = python((3, 11), managed=True)
    folder = make.folder("environment")
    subprocess.run([found.path, "-m", "venv", "--without-pip", folder / "env"], check=True, capture_output=True)
    link_of = folder / "env/bin/python"
    for end, name in ((CRASH, "core"), (HANG, "live")):
        script = make.script(f"#!{link_of} -s\n" + NESTED.format(end=end))
        script.chmod(0o755)
        if end == CRASH:
            check_one(kit, "environment, core", [make.crash([script])], found)
        else:
            with make.hanging([script]) as process:
                check_one(kit, "environment, live", ["--pid", process.pid], found)
    base = folder / "base"
    (base / "bin").mkdir(parents=True)
    shutil.copy(os.path.realpath(found.path), base / "bin/python3")
    shutil.copytree(library(found).parent, base / "lib", symlinks=True, ignore=shutil.ignore_patterns("site-packages", "test", "*.a", "__pycache__"))
    env = {"LD_LIBRARY_PATH": str(base / "lib")}
    subprocess.run([base / "bin/python3", "-m", "venv", "--without-pip", folder / "gone"], check=True, capture_output=True, env={**os.environ, **env})
    command = [folder / "gone/bin/python3", "-s"]
    core = make.crash([*command, make.script(NESTED.format(end=CRASH))], env=env)
    with make.hanging([*command, make.script(NESTED.format(end=HANG))], env=env) as process:
        shutil.rmtree(base)
        check_one(kit, "environment without its base, live", ["--pid", process.pid], found)
        check_one(kit, "environment without its base, core", [core], found, (COMPLETE, PARTIAL))
        kit.expect("environment without its base, core as text", ["dump", core], (COMPLETE, PARTIAL), out=["base/lib/libpython", *STACK])


CASES = [in_a_program, without_sections, upgraded, two_on_two_threads, environments]
