"""Deaths of which the verdict tells a number, or what hid them: how deep a stack was, what a handler was called for, shared memory.
The programs write down what they know; more deaths are in case_verdict and in tests/native."""
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import time

from case_foreign import foreign
from case_verdict import judge, look
from kit import COMPLETE, Skip
from subjects import PATIENCE, environment, python, start, system_python, tool

LIBRARY = r"""
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#define N __attribute__((noinline, noclone))
static volatile long *entered;
static sigjmp_buf before;
void share(void *counter) { entered = counter; }

N int recursion(long n) { volatile char room[200]; ++*entered; room[0] = (char)n; return recursion(n + 1) + room[0]; }
N int pong(long n);
N int ping(long n) { volatile char room[300]; ++*entered; room[0] = (char)n; return pong(n + 1) + room[0]; }
N int pong(long n) { volatile char room[100]; ++*entered; room[0] = (char)n; return ping(n + 1) + room[0]; }
#define STEP(name, next) N int name(long n) { volatile char room[7000]; ++*entered; room[0] = (char)n; return next(n) + room[0]; }
N int step0(long n) { return (int)n; }
STEP(step1, step0) STEP(step2, step1) STEP(step3, step2) STEP(step4, step3) STEP(step5, step4) STEP(step6, step5) STEP(step7, step6)
STEP(step8, step7) STEP(step9, step8) STEP(step10, step9) STEP(step11, step10) STEP(step12, step11) STEP(step13, step12)
STEP(step14, step13) STEP(step15, step14) STEP(step16, step15) STEP(step17, step16) STEP(step18, step17) STEP(step19, step18)
STEP(steps, step19)

N int reads_null(long n) { return *(volatile int *)n; }
N int breakpoint(long n) { __asm__ volatile("int3; nop; nop"); return (int)n; }
N int made_illegal(long n) { __asm__ volatile("ud2"); return (int)n; }
N int spins(long n) { for (;;) __asm__ volatile("add $1, %0" : "+r"(n)); }
static void aborts(int n) { abort(); }
static void returns_over(int n) { siglongjmp(before, 1); }
static void raises(int n) { signal(n, SIG_DFL); raise(n); }
static void faults_again(int n) { *(volatile int *)0x30 = n; }
static void quits(int n) { kill(getpid(), SIGQUIT); }
N void catch(long how, long apart) {
    static void (*const handlers[])(int) = { aborts, raises, faults_again, quits };
    static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
    stack_t stack = { .ss_sp = malloc(1 << 16), .ss_size = 1 << 16 };
    struct sigaction a = { .sa_handler = handlers[how], .sa_flags = (apart ? SA_ONSTACK : 0) | (how == 1 ? SA_NODEFER : 0) };
    if (apart) sigaltstack(&stack, 0);
    for (int i = 0; i < 5; i++) sigaction(signals[i], &a, 0);
}
/* A fault that was caught and is over. */
N void recovers(int (*from)(long)) {
    struct sigaction a = { .sa_handler = returns_over, .sa_flags = SA_NODEFER }, old;
    for (int signo = SIGILL; signo <= SIGSEGV; signo++) if (signo != SIGABRT && signo != SIGKILL) sigaction(signo, &a, &old);
    if (!sigsetjmp(before, 1)) from(0);
}
"""
START = """
import ctypes, mmap, os, signal, sys, threading, time
L = ctypes.PyDLL({library!r})
for name in ("recursion", "ping", "steps", "reads_null", "breakpoint", "made_illegal", "spins"):
    getattr(L, name).argtypes = [ctypes.c_long]
L.catch.argtypes = [ctypes.c_long, ctypes.c_long]
with open("entered", "w+b") as f:
    f.write(b"\\0" * 4096)
    f.flush()
    room = mmap.mmap(f.fileno(), 4096)
entered = ctypes.c_long.from_buffer(room)
L.share(ctypes.byref(entered))
def in_thread(call, size=0):
    threading.stack_size(size)
    thread = threading.Thread(target=call, name="worker")
    thread.start()
    thread.join()
"""


def library(make):
    def build():
        folder = make.folder("deaths")
        (folder / "deaths.c").write_text(LIBRARY)
        subprocess.run([tool("gcc"), "-shared", "-fPIC", "-g", "-O1", "-fno-optimize-sibling-calls", "-w", "-o", folder / "deaths.so",
                        folder / "deaths.c"], check=True)
        return str(folder / "deaths.so")
    return make.once("library of case_deaths", build)


def died(make, found, code, **how):
    """Core, and how many calls have begun."""
    core = make.core(found, START.format(library=library(make)) + code + "\n", **how)
    return core, struct.unpack("@l", (pathlib.Path(core).parent / "entered").read_bytes()[:8])[0]


DEPTHS = {
    "C": ("L.recursion(0)", r"^stack overflow: recursion \(deaths\.so\) calls itself, (\d+) calls deep"),
    "C, in a thread": ("in_thread(lambda: L.recursion(0), 1 << 18)", r"^stack overflow: recursion \(deaths\.so\) calls itself, (\d+) calls deep"),
    "two": ("L.ping(0)", r"^stack overflow: p[io]ng \(deaths\.so\) and p[io]ng \(deaths\.so\) call each other, (\d+) calls deep"),
    "Python": ("""
class Deep(object):
    def __repr__(self):
        entered.value += 1
        return repr(self)
sys.setrecursionlimit(10 ** 7)
repr(Deep())""", r"^stack overflow: in Python, \S*__repr__ \(subject\.py:\d+\) calls itself, (\d+) calls deep"),
}


def depths(kit, make):
    """The innermost call may not have counted itself yet."""
    for found in (python((3, 11), True), system_python(), python((3, 8)), python((2, 7))):
        for name, (code, told) in DEPTHS.items():
            core, entered = died(make, found, code)
            title = f"depth, {name}, {found.name}"
            verdict = look(kit, title, core)
            judge(kit, title, verdict, "stack-overflow", told, "")
            deep = re.search(told, verdict["summary"])
            kit.check_that(f"{title}: as many as were entered", deep and int(deep[1]) - entered in (0, 1), f"{entered}: {verdict['summary']}")


def frames_deep(kit, make):
    """No function recurs, and none takes much of the stack: all frames are counted."""
    core, entered = died(make, python((3, 11), True), "in_thread(lambda: L.steps(0), 1 << 17)")
    verdict = look(kit, "frames deep", core)
    judge(kit, "frames deep", verdict, "stack-overflow", r"^stack overflow, \d+ frames deep", r"of 1\d\d\.\d KiB")
    document = kit.expect_json("frames deep: all", ["dump", "--native=all", core], COMPLETE)
    crashed = next(thread for thread in document["threads"] if thread["crashed"])
    native = [frame for frame in crashed["frames"] if frame["kind"] == "native" and not frame["inlined"]]
    steps = [frame for frame in native if str(frame["function"]).startswith("step")]
    deep = re.search(r"(\d+) frames deep", verdict["summary"])
    kit.check_that("frames deep: as many as there are", deep and int(deep[1]) == len(native), f"{len(native)}: {verdict['summary']}")
    kit.check_that("frames deep: as many as were entered", len(steps) - entered in (0, 1), f"{entered}, not {len(steps)}")


HANDLERS = {"aborts": (0, "SIGABRT", ""), "raises it again": (1, "SIG", ""), "ends it by another signal": (3, "SIGQUIT", "")}
FAULTS = {
    "reads_null": ("null-dereference", r"^read from a null pointer in reads_null \(deaths\.so\)", r"mov\w* .*: read of 4 bytes at 0x0"),
    "breakpoint": ("trap", r"^trap instruction \(int3\) in breakpoint \(deaths\.so\)", ""),
    "made_illegal": ("illegal-instruction", r"^trap that the compiler or programmer has put \(ud2\) in made_illegal", ""),
}


def hidden(kit, make):
    """Faults in a thread, whose handler runs on its stack or on one of its own."""
    found = python((3, 11), True)
    for way, (how, ends, _) in HANDLERS.items():
        for name, wanted in FAULTS.items():
            for apart in (0, 1):
                title = f"{name} in a thread, handler {way}{' on a stack of its own' if apart else ''}"
                if how == 3:
                    wanted = None  # a signal that is none of faults: the program asked for that
                core, _ = died(make, found, f"in_thread(lambda: (L.catch({how}, {apart}), L.{name}(0)))")
                verdict = look(kit, title, core)
                if not wanted:
                    judge(kit, title, verdict, "sent-by-itself", "^SIGQUIT that the process sent to itself", "")
                    continue
                judge(kit, title, verdict, *wanted)
                kit.check_that(f"{title}: said so", any(line.startswith("Before: SIG") for line in verdict["lines"]), f"{verdict['lines']}")
                kit.check_that(f"{title}: the thread", any(line.startswith("Thread:") and '"worker' in line for line in verdict["lines"])
                               or "Thread-" in str(verdict["lines"]), f"{verdict['lines']}")
                kit.check_that(f"{title}: where", verdict["native_frame"]["function"] == name, f"{verdict['native_frame']}")


def hidden_overflow(kit, make):
    """Only a handler with a stack of its own can run then."""
    for how in (0, 1):
        core, entered = died(make, python((3, 11), True), f"in_thread(lambda: (L.catch({how}, 1), L.recursion(0)), 1 << 18)")
        verdict = look(kit, f"hidden overflow {how}", core)
        judge(kit, f"hidden overflow {how}", verdict, "stack-overflow", r"recursion \(deaths\.so\) calls itself, \d+ calls deep", "Before: SIG")
        deep = re.search(r"(\d+) calls deep", verdict["summary"])
        kit.check_that(f"hidden overflow {how}: depth", deep and int(deep[1]) - entered in (0, 1), f"{entered}: {verdict['summary']}")


def by_faulthandler(kit, make):
    for found in (python((3, 11), True), system_python(), python((3, 13)), python((3, 8))):
        core, _ = died(make, found, "import faulthandler\nfaulthandler.enable()\nin_thread(lambda: L.reads_null(0))")
        title = f"faulthandler in a thread, {found.name}"
        verdict = look(kit, title, core)
        judge(kit, title, verdict, *FAULTS["reads_null"])
        kit.check_that(f"{title}: said so", any(line.startswith("Before: SIG") for line in verdict["lines"]), f"{verdict['lines']}")


def in_handler(kit, make):
    """What ended it is the handler's own fault."""
    core, _ = died(make, python((3, 11), True), "in_thread(lambda: (L.catch(2, 0), L.reads_null(0)))")
    verdict = look(kit, "fault in a handler", core)
    judge(kit, "fault in a handler", verdict, "null-dereference", r"^write to a null pointer plus 0x30 in faults_again \(deaths\.so\)",
          "signal 11 .*at address 0x30")
    kit.check_that("fault in a handler: nothing before", "Before:" not in str(verdict["lines"]), f"{verdict['lines']}")


def no_fault(kit, make):
    """A handler that was called for a signal which somebody sent; what the thread notes of earlier faults is over."""
    ways = {"never": "", "a null pointer": "L.recovers(L.reads_null)", "an illegal instruction": "L.recovers(L.made_illegal)",
            "a breakpoint": "L.recovers(L.breakpoint)"}
    for way, before in ways.items():
        code = f"{before}\nL.catch(0, 0)\nsys.stdout.write('ready\\n')\nsys.stdout.flush()\nL.spins(0)"
        core, _ = died(make, python((3, 11), True), code, kill_with=signal.SIGSEGV)
        verdict = look(kit, f"no fault, before it {way}", core)
        judge(kit, f"no fault, before it {way}", verdict, "abort", r"^abort\(\) in aborts \(deaths\.so\)", "")
        kit.check_that(f"no fault, before it {way}: no other death", "Before:" not in str(verdict["lines"]), f"{verdict['lines']}")


MAPPED = """
import ctypes, mmap, os, sys
{open}
os.ftruncate(fd, 1 << 16)
room = mmap.mmap(fd, 1 << 16)
room[40000:40001] = b"x"
os.ftruncate(fd, 4096)
{last}
{access}
"""
READS, WRITES = "room[40000]", "room[40000:40001] = b'y'"
PLAIN = "fd = os.open('data', os.O_CREAT | os.O_RDWR)"
LIKELY_FULL = r"; likely no room was left for shared memory \({}\), or it was cut off"


def mapped(make, name, opened, access, last=""):
    """Its core, and the file that may be left."""
    folder = make.folder("mapped")
    script = make.script(MAPPED.format(open=opened.format(shared=f"/dev/shm/pycore-{folder.name}"), last=last, access=access))
    shared = pathlib.Path(f"/dev/shm/pycore-{folder.name}")
    try:
        return make.crash([python((3, 11), True).path, "-s", script], folder=folder), folder / "data"
    finally:
        shared.unlink(missing_ok=True)


def shared_memory(kit, make):
    """What a mapping was shortened under, and how the file is found afterwards."""
    def check(title, core, cause, summary, detail):
        verdict = look(kit, title, core)
        judge(kit, title, verdict, cause, summary, detail)
        kit.check_that(f"{title}: its address", re.search(r"signal 7 \(SIGBUS\), BUS_ADRERR.* at address 0x\w+", "\n".join(verdict["lines"])),
                       f"{verdict['lines']}")
    beyond, without = r"mapped file \S*{} at its byte 40000, which is beyond its end, in ", r"mapped file \S*{} at its byte 40000, which has no memory, in "
    for access, verb in ((READS, "read from"), (WRITES, "write to")):
        core, path = mapped(make, "cut", PLAIN, access)
        check(f"cut file, {verb}", core, "file-cut-off", f"^{verb} the " + beyond.format("/data"), r"the file has 4096 bytes now, so it was cut off")
    with open(path, "ab") as f:
        f.truncate(1 << 16)
    check("file that has grown since", core, "bus-error", without.format("/data"), r"the file has 65536 bytes now, which is enough")
    path.unlink()
    check("file that is gone since", core, "file-cut-off", beyond.format("/data"), r"likely it was cut off while it was mapped; the file is not at hand")
    core, _ = mapped(make, "deleted", PLAIN, READS, "os.unlink('data')")
    check("deleted file", core, "file-cut-off", beyond.format("/data"), r"likely it was cut off while it was mapped; the file is deleted")
    core, _ = mapped(make, "shared memory", "fd = os.open({shared!r}, os.O_CREAT | os.O_RDWR)", READS)
    check("shared memory", core, "bus-error", without.format(r"/dev/shm/pycore-[\w-]+"), LIKELY_FULL.format("size of /dev/shm"))
    core, _ = mapped(make, "memfd", "fd = os.memfd_create('scratch')", READS)
    check("memfd", core, "bus-error", without.format("/memfd:scratch"), LIKELY_FULL.format("memory limit"))


def full(kit, make):
    """/dev/shm that has less room than its files: one of its own, which only this process sees."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        raise Skip("this user may not mount a /dev/shm of its own")
    text = "import mmap, os\nfd = os.open('/dev/shm/large', os.O_CREAT | os.O_RDWR)\nos.ftruncate(fd, 1 << 20)\nroom = mmap.mmap(fd, 1 << 20)\n" \
        "for at in range(0, 1 << 20, 4096):\n    room[at:at + 1] = b'x'\n"
    script = make.script(text)
    core = make.crash(["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=64k none /dev/shm && exec "$@"', "sh", python((3, 11), True).path, "-s", script])
    verdict = look(kit, "full", core)
    judge(kit, "full", verdict, "bus-error", r"^write to the mapped file /dev/shm/large at its byte 65536, which has no memory, in ",
          LIKELY_FULL.format("size of /dev/shm"))


CODE = """
import ctypes, mmap, os, sys
{open}
if fd >= 0:
    os.ftruncate(fd, 4096)
room = mmap.mmap(fd, 4096, prot=7)
room.write(bytes.fromhex("4883ec08" "8b042500000000"))
{last}
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(room)))()
"""


NAMELESS = "__attribute__((constructor)) static void begin(void) { *(volatile int *)8 = 1; }\n"


def no_modules(kit, make):
    """Code that is in no module: memory, and a file that is no ELF file. What has no symbols is named all the same."""
    ways = {"anonymous": ("fd = -1", ""), "memfd": ("fd = os.memfd_create('jit')", ""), "file": ("fd = os.open('code', os.O_CREAT | os.O_RDWR)", ""),
            "deleted": ("fd = os.open('code', os.O_CREAT | os.O_RDWR)", "os.unlink('code')"),
            "shared memory": (f"fd = os.open('/dev/shm/pycore-{os.getpid()}', os.O_CREAT | os.O_RDWR)", f"os.unlink('/dev/shm/pycore-{os.getpid()}')")}
    for way, (opened, last) in ways.items():
        core = make.core(python((3, 11), True), CODE.format(open=opened, last=last))
        ran = kit.expect(f"code in {way}", ["dump", "--native", core], COMPLETE, out=["a null pointer in 0x"])
        listed = ran.out.partition("\nModules without symbols:\n")[2].split()
        kit.check_that(f"code in {way}: no module", not any(word.startswith(("/dev/", "/memfd", "/SYSV")) or word.endswith("/code") for word in listed)
                       and (not listed or "build-id" in listed), f"{listed}")
    folder = make.folder("nameless")
    (folder / "nameless.c").write_text(NAMELESS)
    subprocess.run([tool("gcc"), "-shared", "-fPIC", "-s", "-fvisibility=hidden", "-Wl,--build-id=none", "-o", folder / "nameless.so",
                    folder / "nameless.c"], check=True)
    core = make.core(python((3, 11), True), f"import ctypes\nctypes.CDLL({str(folder / 'nameless.so')!r})\n")
    ran = kit.expect("a module without symbols", ["dump", "--native", core], COMPLETE)
    listed = ran.out.partition("\nModules without symbols:\n")[2].split()
    kit.check_that("a module without symbols: named", str(folder / "nameless.so") in listed, f"{listed}")


FOREIGN = """
import ctypes, faulthandler, mmap, os, platform, sys
def run(code, odd=0):
    room = mmap.mmap(-1, 4096, prot=7)
    room.write(bytes.fromhex(code))
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(room)) + odd)()
"""
# By machine: a breakpoint, and how it is told; None: cores of it do not tell where it stands.
BREAKPOINTS = {"arm": [("700020e1", 0, "bkpt #0"), ("00be", 1, "bkpt #0")], "aarch64": [("000020d4", 0, "brk #0")], "s390x": [("0001", 0, None)],
               "i386": [("cc", 0, "int3")]}


UNSURE = r"^(trap|illegal) instruction.*, or a signal that was sent \(the core does not tell which\)"
HIDDEN = r"^SIGSEGV that the process (likely )?sent to itself, maybe from a handler of an earlier one"


def foreign_crash(make, found, code, kill_with=None):
    folder = make.folder("foreign")
    program = make.script(FOREIGN + code + "\n")
    with open(folder / "out", "wb") as out:
        process = start([found.path, "-s", program], cwd=folder, env=environment(folder, found.environment), stdout=out, stderr=out)
        end = time.monotonic() + PATIENCE
        while kill_with and b"ready" not in (folder / "out").read_bytes() and time.monotonic() < end:
            time.sleep(0.05)
        if kill_with:
            process.send_signal(kill_with)
        process.wait(10 * PATIENCE)
    core = found.core(folder)
    if not core:
        raise AssertionError(f"{found.name}: no core: {(folder / 'out').read_text()[-500:]}")
    return core


def of_processors(kit, make):
    """Emulators' cores do not tell who raised the signal: what is not sure is called so."""
    newest = {found.machine: found for found in foreign()}
    if not newest:
        raise Skip("no Python of another processor was fetched (fixtures/pythons get ...)")
    for machine, found in newest.items():
        def check(what, core, causes, summary):
            title = f"{what}, {found.name}"
            verdict = look(kit, title, core, found.options)
            kit.check_that(title, verdict["cause"] in causes and re.search(summary, verdict["summary"]), f"{verdict['cause']}: {verdict['summary']}")
        for code, odd, text in BREAKPOINTS.get(machine, ()):
            core = foreign_crash(make, found, f"run({code!r}, {odd})")
            told = rf"^trap instruction \({re.escape(text)}\), in |^trap instruction \({re.escape(text)}\) in " if text else UNSURE
            check(f"breakpoint {code}", core, ["trap", "illegal-instruction"], told)
        spin = "sys.stdout.write('ready')\nsys.stdout.flush()\nwhile True: pass"
        core = foreign_crash(make, found, spin, signal.SIGILL)
        check("SIGILL sent", core, ["unknown", "illegal-instruction", "sent"], r"^SIGILL; the core does not tell|^SIGILL sent by|" + UNSURE)
        core = foreign_crash(make, found, "faulthandler.enable()\nctypes.memset(8, 1, 100)")
        check("hidden by faulthandler", core, ["sent-by-itself"], HIDDEN)


CASES = [depths, frames_deep, hidden, hidden_overflow, by_faulthandler, in_handler, no_fault, shared_memory, full, no_modules, of_processors]
