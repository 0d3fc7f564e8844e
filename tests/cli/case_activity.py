"""What threads are doing: programs that hang in calls that they know, compared with what they say, with /proc and with strace."""
import contextlib
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import time

from kit import COMPLETE, PARTIAL, Skip
from subjects import python, system_python, tool, wait_asleep

VERSIONS = ((2, 7), (3, 8), (3, 11), (3, 13), None)
# Each thread hangs in one call, and is named for it. What it must look like stands in truth.json, as an expression.
HANGS = r"""
import ctypes, fcntl, json, os, re, select, socket, subprocess, sys, threading, time
here = os.getcwd()
truth = {}
NAP = r"(clock_nanosleep\(CLOCK_(MONOTONIC|REALTIME), (0, 9\d\d|TIMER_ABSTIME, ).*|p?select6?\(0, NULL, NULL, NULL, (9\d\d|1000)\b.*)"
TIME = r"([0-9.]+ s|in [0-9.]+ s|....-..-..T..:..:..Z \(in [0-9.]+ s\))"

def hang(name, pattern, function, *arguments):
    def forever():
        while True:
            try:
                function(*arguments)
            except EnvironmentError:  # Python 2.7 is interrupted by a stop
                pass
    truth[name] = pattern
    thread = threading.Thread(target=forever, name=name)
    thread.daemon = True
    thread.start()

def fd(of):
    return of if isinstance(of, int) else of.fileno()

def inode(of):
    return os.fstat(fd(of)).st_ino

def child(text):
    process = subprocess.Popen([sys.executable, "-S", "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process

hang("sleep", NAP, time.sleep, 1000)
r, w = os.pipe()
pipe = r"%d<pipe:\[%d\]>" % (r, inode(r))
hang("read", r"read\(%s, 0x[0-9a-f]+, 77\)" % pipe, os.read, r, 77)
pair = socket.socketpair()
stream = r"%d<UNIX-STREAM socket:\[%d\]>" % (fd(pair[0]), inode(pair[0]))
hang("recv", r"recvfrom\(%s, 0x[0-9a-f]+, 55, 0, NULL, NULL\)" % stream, pair[0].recv, 55)
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(1)
port = server.getsockname()[1]
client = socket.create_connection(server.getsockname())
peer, _ = server.accept()
hang("tcp", r"recvfrom\(%d<TCP 127.0.0.1:%d -> 127.0.0.1:%d>, .*" % (fd(client), client.getsockname()[1], port), client.recv, 9)
hang("accept", r"accept4?\(%d<TCP 127.0.0.1:%d, listening>, .*" % (fd(server), port), server.accept)
named = socket.socket(socket.AF_UNIX)
named.bind(here + "/sock et")
named.listen(1)
hang("unix", r"accept4?\(%d<UNIX-STREAM %s>, .*" % (fd(named), re.escape(here + "/sock et")), named.accept)
full = socket.socket()
full.bind(("127.0.0.1", 0))
full.listen(0)
port = full.getsockname()[1]
waiting = [socket.socket() for _ in range(2)]
for one in waiting:
    one.setblocking(False)
    one.connect_ex(full.getsockname())
late = socket.socket()
hang("connect", r"connect\(%d<TCP 127.0.0.1:\d+ -> 127.0.0.1:%d, connecting>, 127.0.0.1:%d, 16\)" % (fd(late), port, port),
     late.connect, full.getsockname())
lock = threading.Lock()
lock.acquire()
hang("lock", r"futex\(0x[0-9a-f]+, FUTEX_WAIT(_BITSET)?_PRIVATE(\|FUTEX_CLOCK_REALTIME)?, 0, no timeout\)", lock.acquire)
if sys.version_info[0] > 2:
    hang("event", r"futex\(0x[0-9a-f]+, FUTEX_WAIT(_BITSET)?_PRIVATE(\|FUTEX_CLOCK_REALTIME)?, 0, " + TIME + r"\)",
         threading.Event().wait, 500)
libc = ctypes.CDLL(None)
mutex = ctypes.create_string_buffer(64)
libc.pthread_mutex_lock(mutex)
hang("mutex", r"futex\(0x%x, FUTEX_WAIT_PRIVATE, 2, no timeout\)" % ctypes.addressof(mutex), libc.pthread_mutex_lock, mutex)
path = here + "/lock"
first, second, third = [open(path, "w") for _ in range(3)]
fcntl.flock(first, fcntl.LOCK_EX)
hang("flock", r"flock\(%d<%s>, LOCK_SH \(held by this process itself\)\)" % (fd(second), re.escape(path)),
     fcntl.flock, second, fcntl.LOCK_SH)
holder = child("import fcntl, os, sys; f = open(%r, 'w'); fcntl.lockf(f, fcntl.LOCK_EX); os.write(1, b'x\\n'); sys.stdin.read()"
               % (here + "/other"))
other = open(here + "/other", "w")
hang("lockf", r"fcntl\(%d<%s>, F_SETLKW \(held by process %d, .*\), F_WRLCK of 20 bytes at 5\)" % (
    fd(other), re.escape(here + "/other"), holder.pid), fcntl.lockf, other, fcntl.LOCK_EX, 20, 5)
hang("select", r"p?select6?\(\d+, \[%s, %s\], (NULL|\[\]), (NULL|\[\]), [0-9.]+ s.*" % (pipe, stream),
     select.select, [r, pair[0]], [], [], 77.5)
poll = select.poll()
poll.register(r, select.POLLIN)
hang("poll", r"poll\(\[%s POLLIN\], 1, 600 s\)" % pipe, poll.poll, 600000)
epoll = select.epoll()
epoll.register(r, select.EPOLLIN)
hang("epoll", r"epoll_p?wait\(%d<epoll of %s>, .*no timeout.*\)" % (fd(epoll), pipe), epoll.poll)
patient = child("import os, sys; os.write(1, b'x\\n'); sys.stdin.read()")
hang("wait", r"wait4\(%d \(.*\), 0x[0-9a-f]+, 0, (NULL|0x[0-9a-f]+)\)" % patient.pid, os.waitpid, patient.pid, 0)
fifo = here + "/fi fo\x1b[31m\n<"
os.mkfifo(fifo)
hang("fifo", r'open(at)?\((AT_FDCWD, )?"%s", O_RDONLY(\|O_CLOEXEC)?\)' % re.escape(fifo), os.open, fifo, os.O_RDONLY)
with open("truth.json", "w") as to:
    json.dump(truth, to)

def state(tid):
    with open("/proc/self/task/%s/stat" % tid) as file:
        return file.read().rpartition(")")[2].split()[0]

rested = 0
while rested < 5:
    time.sleep(0.02)
    rested = rested + 1 if all(state(tid) == "S" for tid in os.listdir("/proc/self/task") if int(tid) != os.getpid()) else 0
sys.stdout.write("ready\n")
sys.stdout.flush()
while True:
    time.sleep(1000)
"""
RUNS = """
import sys, threading, time
def spin():
    while True:
        pass
threading.Thread(target=spin, name="spin", daemon=True).start()
time.sleep(0.3)
sys.stdout.write("ready\\n")
sys.stdout.flush()
time.sleep(1000)
"""
VFORK = """
#include <unistd.h>
void hang(void) { if (!vfork()) { for (;;) pause(); } }
"""
CALLS_VFORK = """
import ctypes, os, sys, threading, time
library = ctypes.CDLL(sys.argv[1])
threading.Thread(target=library.hang, name="vfork", daemon=True).start()
while open("/proc/self/task/%s/stat" % max(map(int, os.listdir("/proc/self/task")))).read().rpartition(")")[2].split()[0] != "D":
    time.sleep(0.01)
sys.stdout.write("ready\\n")
sys.stdout.flush()
time.sleep(1000)
"""


def found(version):
    return python(version, True) if version else system_python()


@contextlib.contextmanager
def hanging(make, version, **how):
    """The process, and what it says of its threads by their names."""
    folder = make.folder("hangs")
    with make.hanging_python(found(version), HANGS, folder=folder, **how) as process:
        yield process, json.loads((folder / "truth.json").read_text())


def facts(thread):
    return {key: thread.get(key) for key in ("state", "waits_in", "system_call", "cpu_seconds", "kernel_stack")}


def by_name(document):
    return {thread["name"]: thread for thread in document["threads"]}


def strace(pid, threads):
    """The call of each thread by its id, as strace names it."""
    if not shutil.which("strace"):
        raise Skip("no strace here")
    process = subprocess.Popen(["strace", "-f", "-p", str(pid)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, errors="replace")
    calls, end = {}, time.monotonic() + 10
    try:
        for line in process.stderr:
            row = re.match(r"\[pid +(\d+)\] (\w+)\(", line)
            if row:
                calls.setdefault(int(row[1]), row[2])
            if "Operation not permitted" in line:
                raise Skip(f"strace: {line.strip()}")
            if len(calls) >= threads or time.monotonic() > end:
                break
    finally:
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        process.wait()
    return calls


def check_words(kit, name, truth, document):
    threads = by_name(document)
    for call, pattern in truth.items():
        thread = threads.get(call, {})
        words = thread.get("waits_in") or ""
        kit.check_that(f"{name}: {call}", re.fullmatch(pattern, words, re.S), f"{words!r} is not {pattern!r}")
        kit.check_that(f"{name}: {call}: parts", words and words ==
                       f"{thread['system_call']['name']}({', '.join(thread['system_call']['arguments'])})", f"{facts(thread)}")


def proc_calls(pid):
    """The numbers of the calls, by thread, that threads rest in."""
    calls = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        words = pathlib.Path(f"/proc/{pid}/task/{tid}/syscall").read_text().split()
        calls[int(tid)] = int(words[0]) if len(words) == 9 else None
    return calls


def live(kit, make):
    """Twice, since the first look changes what the kernel says of some calls."""
    for version in VERSIONS:
        with hanging(make, version) as (process, truth):
            for look in (1, 2):
                name = f"{found(version).name} look {look}"
                wait_asleep(process.pid)  # the stop has interrupted it
                numbers = proc_calls(process.pid)
                document = kit.expect_json(name, ["dump", "--pid", process.pid], COMPLETE)
                check_words(kit, name, truth, document)
                for thread in document["threads"]:
                    call = thread["system_call"]
                    same = call and call["number"] == numbers[thread["tid"]]
                    kit.check_that(f"{name}: number of {thread['name']}", same, f"{call}, not {numbers}")
                    kit.check_that(f"{name}: {thread['name']} sleeps", thread["state"] == "S" and thread["cpu_seconds"] < 60 and
                                   thread["kernel_stack"] is None and call and not call["moved_on"], f"{facts(thread)}")


def beside_strace(kit, make):
    """What strace has cut short goes on as restart_syscall, of which it doesn't know the name."""
    agreed = 0
    for version in VERSIONS:
        with hanging(make, version) as (process, truth):
            names = strace(process.pid, len(truth))
            wait_asleep(process.pid)
            document = kit.expect_json("beside strace", ["dump", "--pid", process.pid], COMPLETE)
            for thread in document["threads"]:
                name = names.get(thread["tid"])
                ours = thread["system_call"] and thread["system_call"]["name"]
                same = ours == name or (name == "restart_syscall" and ours in ("poll", "futex", "nanosleep", "clock_nanosleep"))
                agreed += same
                kit.check_that(f"{found(version).name}: as strace: {thread['name']}", not name or same, f"{ours}, not {name}")
    kit.check_that("beside strace: most were compared", agreed >= 15 * len(VERSIONS), f"{agreed}")


def not_stopped(kit, make):
    with hanging(make, (3, 11)) as (process, truth):
        document = kit.expect_json("not stopped", ["dump", "--nonblocking", "--pid", process.pid], (COMPLETE, PARTIAL))
        check_words(kit, "not stopped", truth, document)


def as_text(kit, make):
    with hanging(make, (3, 11)) as (process, truth):
        ran = kit.expect("as text", ["dump", "--no-group", "--pid", process.pid], COMPLETE, json_too=False)
        lines = [line for line in ran.out.splitlines() if line.startswith("  Waits in ")]
        kit.check_that("as text: a line for each", len(lines) == len(truth) + 1, f"{len(lines)} lines")
        kit.check_that("as text: escaped", any(r'fi fo\x1b[31m\n<"' in line for line in lines), f"{lines}")
        ran = kit.expect("redacted", ["dump", "--redact", "--no-group", "--pid", process.pid], COMPLETE,
                         out=['"...", O_RDONLY', "<file>, LOCK_SH"])
        words = "\n".join(line for line in ran.out.splitlines() if line.startswith("  Waits in "))
        for secret in ("fi fo", "127.0.0.1", "sock et", "hangs-"):
            kit.check_that(f"redacted: {secret}", secret not in words, words)


def core(kit, make):
    """From the registers. What a write has done in part, or a sleep, is over when the process dies."""
    folder = make.folder("hangs")
    path = make.crash([python((3, 11)).path, "-s", make.script(HANGS)], kill_with=signal.SIGABRT, folder=folder)
    truth = json.loads((folder / "truth.json").read_text())
    threads = by_name(kit.expect_json("core", ["dump", path], COMPLETE))
    for name, pattern in truth.items():
        wanted = re.match(r"\(?(\w+)", pattern)[1]
        call = threads[name]["system_call"]
        kit.check_that(f"core: {name}", call and call["name"].startswith(wanted[:4]), f"{call}")
        kit.check_that(f"core: {name}: nothing of files", call and "<" not in re.sub('".*"', "", " ".join(call["arguments"]), flags=re.S),
                       f"{call}")
    kit.check_that("core: fifo", re.fullmatch(truth["fifo"], threads["fifo"]["waits_in"], re.S), f"{threads['fifo']['waits_in']}")
    kit.check_that("core: state and time", all(thread["state"] is None and thread["cpu_seconds"] is None
                                               for thread in threads.values()), "they are known")
    aborted = kit.expect_json("core of abort()", ["dump", make.core(python((3, 11)))], COMPLETE)["threads"][0]
    kit.check_that("core of abort(): in no call any more", aborted["waits_in"] is None, f"{aborted['waits_in']}")


def running(kit, make):
    with make.hanging_python(python((3, 11)), RUNS, rests=False) as process:
        thread = by_name(kit.expect_json("running", ["dump", "--pid", process.pid], COMPLETE))["spin"]
        kit.check_that("running: time", thread["state"] == "R" and thread["cpu_seconds"] > 0 and thread["waits_in"] is None,
                       f"{facts(thread)}")
        kit.expect("running as text", ["dump", "--pid", process.pid], COMPLETE, out=["  Runs; ", " s of CPU time so far\n"])


def uninterruptible(kit, make):
    """A thread in state D: what it waits in, and for root the stack in the kernel."""
    folder = make.folder("vfork")
    (folder / "hang.c").write_text(VFORK)
    subprocess.run([tool("gcc"), "-shared", "-fPIC", "-o", folder / "hang.so", folder / "hang.c"], check=True)
    script = make.script(CALLS_VFORK)
    with make.hanging([system_python().path, script, folder / "hang.so"], rests=False) as process:
        try:
            ran = kit.expect("in state D", ["dump", "--pid", process.pid], PARTIAL,
                             out=["  Waits, not interruptible, in vfork()\n", "  In the kernel, most recent call last: "])
            thread = by_name(kit.expect_json("in state D, again", ["dump", "--pid", process.pid], PARTIAL))["vfork"]
            kit.check_that("in state D: state", thread["state"] == "D" and thread["system_call"]["name"] == "vfork", f"{facts(thread)}")
            least = 1 if os.getuid() else 3
            kit.check_that("in state D: kernel stack", len(thread["kernel_stack"]) >= least, f"{thread['kernel_stack']}")
            kit.check_that("in state D: in the text", all(name in ran.out for name in thread["kernel_stack"]), ran.out)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def kernel_stacks(kit, make):
    """With --native=all those of all that wait; the right to read them is root's."""
    with hanging(make, (3, 11)) as (process, truth):
        document = kit.expect_json("kernel stacks", ["dump", "--native=all", "--pid", process.pid], (COMPLETE, PARTIAL))
        lacking = [name for name in truth if not by_name(document)[name]["kernel_stack"]]
        kit.check_that("kernel stacks: of all that wait", not lacking, f"none of {lacking}")
        kit.expect("kernel stacks, as text", ["dump", "--native=all", "--no-group", "--pid", process.pid], (COMPLETE, PARTIAL),
                   out=["  In the kernel, most recent call last: "], json_too=False)


def other_pid_namespace(kit, make):
    """The numbers of its children are not those that are seen from here."""
    if os.getuid() or platform.machine() != "x86_64":
        raise Skip("needs root, and the number of wait4 on x86-64")
    text = "import subprocess, sys\nchild = subprocess.Popen(['sleep', '1000'])\nprint('ready', flush=True)\nchild.wait()\n"
    with make.hanging([tool("unshare"), "--pid", "--fork", "--kill-child", system_python().path, make.script(text)]) as process:
        child, = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        end = time.monotonic() + 10
        while not pathlib.Path(f"/proc/{child}/syscall").read_text().startswith("61 ") and time.monotonic() < end:
            time.sleep(0.01)
        words = kit.expect_json("other pid namespace", ["dump", "--pid", child], COMPLETE)["threads"][0]["waits_in"]
        kit.check_that("other pid namespace: child", re.match(r"wait4\(\d+, ", words or ""), words)


CASES = [live, beside_strace, not_stopped, as_text, core, running, uninterruptible, kernel_stacks, other_pid_namespace]
