"""--pid of what is no live Python, and of what ends or changes meanwhile."""
import ctypes
import os
import pathlib
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time

from kit import COMPLETE, NOTHING, PARTIAL, USAGE, Skip, functions
from subjects import HANG, NESTED, STACK, python, system_python, tool, wait_asleep

UNUSED = 4194303  # pids end below
KTHREAD = 0x00200000  # flag PF_KTHREAD in /proc/PID/stat


def no_such(kit, make):
    kit.expect("pid that does not exist", ["dump", "--pid", UNUSED], NOTHING, err=["no process", str(UNUSED)])
    kit.expect("pid that does not exist: info", ["info", "--pid", UNUSED], NOTHING, err="no process")
    for text in ("0", "-1", "x", "", "1x", "99999999999999999999", "2147483648"):
        kit.expect(f"pid is '{text}'", ["dump", f"--pid={text}"], USAGE, err="--pid")


def not_python(kit, make):
    with subprocess.Popen([tool("sleep"), "1000"]) as process:
        wait_asleep(process.pid)
        kit.expect("pid is not Python", ["dump", "--pid", process.pid], NOTHING, err="no Python")
        kit.expect("pid is not Python, not stopped", ["dump", "--nonblocking", "--pid", process.pid], NOTHING, err="no Python")
        kit.expect("pid is not Python: info", ["info", "--pid", process.pid], NOTHING, err="no Python")
        kit.check_that("pid is not Python: it still runs", process.poll() is None and state(process.pid) == "S", "it does not")
        process.kill()


def started_it(kit, make):
    """What stands between a service and its Python: the processes that it has started are named, as those to look into."""
    path, sh = system_python().path, tool("sh")
    sleep = shlex.join([str(path), "-c", "import time; time.sleep(1000)"])
    with subprocess.Popen([sh, "-c", f"{sleep}; :"], start_new_session=True) as shell:
        one = children(shell.pid, 1)
        wait_asleep(one[0])
        name = f"{one[0]} ({name_of(one[0])})"
        for options in ([], ["--nonblocking"]):
            kit.expect(f"pid is a shell that has started Python {options}", ["dump", *options, "--pid", shell.pid], NOTHING,
                       err=[f"process {shell.pid}: no Python", f"a child process: try --pid {name}"])
        kit.expect("pid is a shell: print", ["print", "--pid", shell.pid, "0x1000"], NOTHING, err=name)
        kit.expect("pid is a shell: survey", ["survey", "--pid", shell.pid], NOTHING, err=name)
        kit.expect("pid is a shell: its child", ["dump", "--pid", one[0]], COMPLETE, out="time.sleep")
        os.killpg(shell.pid, signal.SIGKILL)
    with subprocess.Popen([sh, "-c", " ".join(["exec sleep 1000 &"] * 6) + " wait"], start_new_session=True) as shell:
        several = children(shell.pid, 6)
        kit.expect("pid is a shell that has started six", ["dump", "--pid", shell.pid], NOTHING,
                   err=["child processes: try --pid " + ", ".join(f"{pid} (sleep)" for pid in several[:4]) + " or one of 2 more"])
        os.killpg(shell.pid, signal.SIGKILL)


def hostile_child(kit, make):
    """A child's name is any bytes; nothing of it gets to a terminal, and it forges no line."""
    text = "import ctypes, time; ctypes.CDLL(None).prctl(15, b'a\\n\\x1b[31m) b (c'); time.sleep(1000)"
    sleep = shlex.join([str(system_python().path), "-c", text])
    with subprocess.Popen([tool("sh"), "-c", f"{sleep}; :"], start_new_session=True) as shell:
        one = children(shell.pid, 1)[0]
        deadline = time.monotonic() + 10
        while not name_of(one).startswith("a\n") and time.monotonic() < deadline:
            time.sleep(0.005)
        kit.expect("pid is a shell with a child of an odd name", ["dump", "--pid", shell.pid], NOTHING, err=f"--pid {one} (a\\n\\x1b[31m) b (c)\n")
        os.killpg(shell.pid, signal.SIGKILL)


def name_of(pid):
    return pathlib.Path(f"/proc/{pid}/comm").read_text().removesuffix("\n")


def children(pid, n):
    """Of that many as are to come, when all have become other programs."""
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        raise Skip("this kernel does not list the children of a process")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = path.read_text().split()
        if len(found) == n and all(name_of(child) != name_of(pid) for child in found):
            break
        time.sleep(0.005)
    return [int(child) for child in found]


def pypy(kit, make):
    """By its name, for a program so called stands in for it here."""
    copy = make.folder("pypy") / "pypy3.10"
    shutil.copy(tool("sleep"), copy)
    with subprocess.Popen([copy, "1000"]) as process:
        wait_asleep(process.pid)
        kit.expect("pid is PyPy", ["dump", "--pid", process.pid], NOTHING, err=["no Python", "PyPy", "CPython only"])
        process.kill()


def state(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def kernel_thread(kit, make):
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if int((path / "stat").read_text().rpartition(")")[2].split()[6]) & KTHREAD:
                kit.expect("pid is a kernel thread", ["dump", "--pid", path.name], NOTHING, err="thread of the kernel")
                return
        except OSError:
            continue
    raise Skip("no thread of the kernel is visible here")


def zombie(kit, make):
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        while state(process.pid) != "Z":
            time.sleep(0.002)
        kit.expect("pid is a zombie", ["dump", "--pid", process.pid], NOTHING, err="zombie")
        kit.expect("pid is a zombie, not stopped", ["dump", "--nonblocking", "--pid", process.pid], NOTHING, err="zombie")


def thread_id(kit, make):
    text = "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n" + NESTED
    with make.hanging_python(python((3, 12)), text.format(end=HANG)) as process:
        tid = next(tid for tid in os.listdir(f"/proc/{process.pid}/task") if int(tid) != process.pid)
        kit.expect("pid is a thread id", ["dump", "--pid", tid], NOTHING, err=["thread of process", f"--pid {process.pid}"])


def itself(kit, make):
    shell = tool("sh")
    for options in ("", "--nonblocking"):
        ran = subprocess.run([shell, "-c", f'exec "{kit.pycore}" dump {options} --pid $$'], capture_output=True, timeout=10)
        kit.check_that(f"pid is pycore itself {options}".rstrip(), ran.returncode == NOTHING and ran.stderr.startswith(b"pycore: "),
                       f"status {ran.returncode}: {ran.stderr[:200]}")


def parent(kit, make):
    """The process that waits for pycore's output."""
    text = NESTED.format(end="import subprocess; print(subprocess.run(sys.argv[1:] + [str(os.getpid())], stdout=-1).returncode)")
    script = make.script(text)
    ran = subprocess.run([python((3, 12)).path, script, kit.pycore, "dump", "--pid"], capture_output=True, timeout=20)
    kit.check_that("pid is pycore's parent", ran.stdout == b"0\n", f"{ran.stdout} {ran.stderr[:200]}")


def stops(pid):
    """The kernel wakes a thread that a tracer leaves, and the thread then goes on with its stop by itself."""
    deadline = time.monotonic() + 2
    while state(pid) == "R" and time.monotonic() < deadline:
        time.sleep(0.002)
    return state(pid) == "T"


def stopped_before(kit, make):
    with make.hanging_python(python((3, 11))) as process:
        process.send_signal(signal.SIGSTOP)
        while state(process.pid) != "T":
            time.sleep(0.002)
        kit.expect("pid was stopped before", ["dump", "--pid", process.pid], COMPLETE, out=STACK)
        kit.check_that("pid was stopped before: it still is", stops(process.pid), f"state {state(process.pid)}")


def traced(kit, make):
    """By another tracer: a child of ours that seizes it."""
    with make.hanging_python(python((3, 11))) as process:
        tracer = os.fork()
        if not tracer:
            libc = ctypes.CDLL(None)
            libc.ptrace.argtypes = [ctypes.c_ulong] * 4
            libc.ptrace(0x4206, process.pid, 0, 0)  # PTRACE_SEIZE
            time.sleep(60)
            os._exit(0)
        status = pathlib.Path(f"/proc/{process.pid}/status")
        while f"TracerPid:\t{tracer}\n" not in status.read_text():
            time.sleep(0.002)
        kit.expect("pid is traced by another", ["dump", "--pid", process.pid], NOTHING, err=["traced", str(tracer)])
        kit.expect("pid is traced by another, not stopped", ["dump", "--nonblocking", "--pid", process.pid], COMPLETE, out=STACK)
        os.kill(tracer, signal.SIGKILL)
        os.waitpid(tracer, 0)


def of_another_user(kit, make):
    if os.getuid():
        raise Skip("only root can become another user")
    if not all(folder.stat().st_mode & 1 for folder in kit.pycore.parents):
        raise Skip("other users can't get at pycore")
    with make.hanging_python(system_python()) as process:
        for options in ([], ["--nonblocking"]):
            kit.expect(f"pid of another user {options}", ["dump", *options, "--pid", process.pid], NOTHING,
                       err=["root", "65534"], user=65534, group=65534, extra_groups=[])


def ends_meanwhile(kit, make):
    """At any moment: a fact about that process, never about pycore."""
    moments = random.Random(7)
    for index in range(24):
        options = ["--nonblocking"] if index % 2 else []
        with make.hanging_python(system_python()) as process:
            command = ["dump", *options, "--pid", process.pid]
            delay = moments.random() * 0.006
            killer = subprocess.Popen([sys.executable, "-S", "-c", "import os, sys, time; sys.stdin.readline();"
                                       f"time.sleep({delay}); os.kill({process.pid}, 9)"], stdin=subprocess.PIPE)
            time.sleep(0.02)
            killer.stdin.write(b"\n")
            killer.stdin.flush()
            kit.expect(f"pid ends meanwhile, {index}", command, (COMPLETE, NOTHING, PARTIAL), json_too=False)
            killer.communicate()


def is_born(kit, make):
    """While the interpreter starts."""
    for index in range(16):
        with subprocess.Popen([system_python().path, "-c", "import json, re, time; time.sleep(9)"]) as process:
            time.sleep(index * 0.001)
            kit.expect(f"pid is being born, {index}", ["dump", "--pid", process.pid], (COMPLETE, NOTHING, PARTIAL))
            kit.check_that(f"pid is being born, {index}: it lives on", process.poll() is None, "it has died")
            process.kill()


def both_ways(kit, make):
    for version in ((2, 7), (3, 6), (3, 10), (3, 13)):
        name = ".".join(map(str, version))
        with make.hanging_python(python(version)) as process:
            for options in ([], ["--nonblocking"]):
                document = kit.expect_json(f"live {name} {options}", ["dump", *options, "--pid", process.pid], COMPLETE)
                kit.check_that(f"live {name} {options}: stack", document and functions(document) == [STACK], f"{document}"[:300])


CASES = [no_such, not_python, started_it, hostile_child, pypy, kernel_thread, zombie, thread_id, itself, parent, stopped_before, traced,
         of_another_user, ends_meanwhile, is_born, both_ways]
