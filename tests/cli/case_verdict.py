"""Why it died: what the verdict says of real deaths, beside what gdb shows of the signal. More deaths: tests/native."""
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess

from kit import COMPLETE, NOTHING, PARTIAL, Skip, run
from subjects import all_pythons, python, system_python, tool

LABELS = ("Verdict:", "Died:", "Taken:", "Before:", "Message:", "Detail:", "Thread:", "Native at:", "Python at:", "Exception:",
          "GC:", "Missing:", "Next:")
# In Python: a way to die, the cause, what the first line says, and what any of them says.
DEATHS = {
    "null": ("ctypes.string_at(0)", "null-dereference", r"a null pointer", r"address not mapped, at address 0x0"),
    "member": ("ctypes.memset(0x128, 1, 1)", "null-dereference", r"write to a null pointer plus 0x128", ""),
    "aborted": ("os.abort()", "abort", r"abort\(\)", r"SI_TKILL, sent by itself"),
    "fatal": ("fatal(b'of a test\\n')", "fatal-error", r"fatal Python error", ""),
    "killed": ("os.kill(os.getpid(), signal.SIGQUIT)", "sent-by-itself", r"SIGQUIT that the process sent to itself", r"SI_USER"),
    "raised": ("C.raise_(signal.SIGABRT)", "sent-by-itself", r"SIGABRT that the process sent to itself", r"SI_TKILL"),
    "overflow": ("overflow()", "stack-overflow", r"in Python, .*__repr__ \(subject\.py:\d+\) calls itself, \d+ calls deep", r"8\.0 MiB"),
    "collecting": ("collect()", "not-canonical", r"0x6161616161616\w+, which is no address", r"a garbage collection was running"),
    "raising": ("raising()", "null-dereference", r"while Python ran string_at", r"ValueError: the reason\\nsecond line"),
    "no GIL": ("nogil()", "null-dereference", r"a null pointer plus", r"does not hold the GIL|likely Python was called without the GIL"),
    "double free": ("twice()", "heap-corruption", r"heap corruption, found by the C library: .*free", ""),
    "bad call": ("ctypes.CFUNCTYPE(None)(0x7f0012345000)()", "bad-jump", r"call of address 0x7f0012345000, where nothing is mapped", ""),
}
SCRIPT = """
import ctypes, gc, os, signal, sys
C = ctypes.CDLL(None)
C.raise_ = getattr(C, "raise")
C.malloc.restype = ctypes.c_void_p
C.free.argtypes = [ctypes.c_void_p]
def fatal(text):
    ctypes.pythonapi.Py_FatalError(text)
def overflow():
    class X(object):
        def __repr__(self):
            return repr(self)
    sys.setrecursionlimit(10 ** 7)
    repr(X())
def collect():
    class A(object):
        pass
    a = A()
    ctypes.c_long.from_address(id(a) + ctypes.sizeof(ctypes.c_void_p)).value = 0x6161616161616161
    gc.collect()
def raising():
    try:
        raise ValueError("the reason\\nsecond line")
    except ValueError:
        ctypes.string_at(0)
def nogil():
    C.PyErr_SetString.argtypes = [ctypes.py_object, ctypes.c_char_p]
    C.PyErr_SetString(ValueError, b"x")
def twice():
    p = C.malloc(4000)
    C.malloc(16)
    C.free(p)
    C.free(p)
"""
# In C: called with 0, by name.
LIBRARY = r"""
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <signal.h>
#define N __attribute__((noinline, noclone))
N int misaligned(long n) { char *p = (char *)(((uintptr_t)malloc(256) + 63) & ~63ul) + 1; int r;
    __asm__ volatile("movaps (%1),%%xmm0; movd %%xmm0,%0" : "=r"(r) : "r"(p) : "xmm0"); return r; }
N int privileged(long n) { __asm__ volatile("hlt"); return 1; }
N int too_large(long n) { volatile int a = -2147483647 - 1, b = -1; return a / b; }
N int by_zero(long n) { volatile int a = 1, b = (int)n; return a / b; }
N int below_null(long n) { volatile int *p = (void *)n; return p[-2]; }
N int far_member(long n) { int r; __asm__ volatile("xor %%ecx,%%ecx; mov 0x123456(%%rcx),%0" : "=r"(r) : : "ecx"); return r; }
N int text_called(long n) { return ((int (*)(void))0x4141414141414141)(); }
N int return_lost(long n) { volatile uintptr_t *p = __builtin_frame_address(0); p[1] = 0x7f0000001234; return 1; }
N int stack_called(long n) { char room[64]; memset(room, 0xc3, 64); return ((int (*)(void))(void *)room)() + room[1]; }
N int large_frame(long n) { volatile char room[64 << 20]; room[5] = 1; return room[5]; }
N int recursion(long n) { volatile char room[200]; room[0] = (char)n; return recursion(n + 1) + room[0]; }
N int beyond(long n) { char *p = mmap(0, 8192, 3, 34, -1, 0); munmap(p + 4096, 4096); return ((volatile char *)p)[4096 + 24]; }
N int code_written(long n) { *(volatile char *)(uintptr_t)code_written = 1; return 1; }
N int runs_on(long n) { char *p = mmap(0, 8192, 7, 34, -1, 0); memset(p, 0x90, 4096); munmap(p + 4096, 4096);
    return ((int (*)(void))(void *)(p + 4000))(); }
N int copied(long n) { char *d = malloc(100); volatile char *s = (char *)0x10; long c = 100;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(c) : : "memory"); return 1; }
N int freed(long n) { volatile int *p = (int *)0xddddddddddddddd0ul; return *p; }
N int checked(long n) { char room[8]; extern char *__strcpy_chk(char *, const char *, size_t);
    char *volatile text = "longer than that"; __strcpy_chk(room, text, 8); return room[0]; }
static void caught(int n, siginfo_t *i, void *c) { signal(n, SIG_DFL); raise(n); }
static void aborts(int n) { abort(); }
N void catch(long how) { struct sigaction a = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO };
    if (how) { a.sa_handler = aborts; a.sa_flags = 0; }
    sigaction(SIGSEGV, &a, 0); sigaction(SIGFPE, &a, 0); }
extern void Py_FatalError(const char *);
N int literal(long n) { Py_FatalError("out of the code"); return 1; }
"""
NATIVE = {
    "misaligned": ("misaligned", r"read from address 0x\w+1, which is not a multiple of 16, in misaligned", "movaps"),
    "privileged": ("illegal-instruction", r"may not use \(hlt\)", ""),
    "too_large": ("division", r"a result that does not fit", r"the divisor is 0xffffffff, not zero"),
    "by_zero": ("division", r"integer division by zero in by_zero", "idiv"),
    "below_null": ("null-dereference", r"read from a null pointer minus 0x8 in below_null", ""),
    "far_member": ("null-dereference", r"read from a null pointer plus 0x123456 in far_member", ""),
    "text_called": ("bad-jump", r"call of 0x4141414141414141, which is no address, in text_called", r'as text it is "AAAAAAAA"'),
    "return_lost": ("bad-jump", r"return to address 0x7f0000001234, where nothing is mapped", r"likely the return address"),
    "stack_called": ("bad-jump", r"call of address 0x\w+, which is no code but the stack of thread \d+, by stack_called", ""),
    "large_frame": ("stack-overflow", r"stack overflow: large_frame \(\S+\) alone takes 64\.0 MiB", ""),
    "recursion": ("stack-overflow", r"stack overflow: recursion \(\S+\) calls itself, \d{5} calls deep", ""),
    "beyond": ("not-mapped", r"where nothing is mapped, in beyond", r"writable memory ends 0x18 bytes below"),
    "code_written": ("no-permission", r"write to address 0x\w+ in code of verdict\.so", ""),
    "runs_on": ("bad-jump", r"ran on beyond the end of code", ""),
    "copied": ("null-dereference", r"read from a null pointer plus 0x10 in copied", "rep movsb"),
    "freed": ("not-canonical", r"read from 0xddddddddddddddd0", r"memory that was freed: Python's debugging allocator"),
    "checked": ("buffer-overflow", r"write beyond the end of a buffer.*: buffer overflow detected, in checked", ""),
    "literal": ("fatal-error", r"fatal Python error: out of the code", ""),
}
IN_C = "import ctypes, sys\nL = ctypes.PyDLL({library!r})\nL.{name}.argtypes = [ctypes.c_long]\n{before}\nL.{name}(0)\n"


def library(make):
    def build():
        folder = make.folder("verdict")
        (folder / "verdict.c").write_text(LIBRARY)
        subprocess.run([tool("gcc"), "-shared", "-fPIC", "-g", "-O1", "-fno-optimize-sibling-calls", "-w", "-o",
                        folder / "verdict.so", folder / "verdict.c"], check=True)
        return str(folder / "verdict.so")
    return make.once("library of case_verdict", build)


def shape(verdict):
    """What holds for every verdict."""
    lines = verdict["lines"]
    if lines[0] != verdict["summary"] or not 2 <= len(lines) <= 12:
        yield f"{len(lines)} lines, the first {lines[:1]}"
    for line in lines[1:]:
        if not line.startswith(LABELS):
            yield f"a line without a label: {line}"
    if verdict["next"] is None or not verdict["next"].startswith("pycore "):
        yield f"next: {verdict['next']}"
    if any(not text or "None" in text or "(null)" in text for text in lines + verdict["missing"]):
        yield f"empty words: {lines} {verdict['missing']}"


def look(kit, name, core, arguments=(), status=(COMPLETE, PARTIAL)):
    """The verdict, whose two forms must say the same."""
    ran = kit.expect(name, ["dump", *arguments, core], status, json_too=False)
    verdict = kit.expect_json(name, ["dump", *arguments, core], status)["verdict"]
    block = [line for line in ran.out.partition("\n\n")[0].splitlines() if not line.startswith("Cut off:")]
    kit.check(f"{name}: shape", shape(verdict))
    kit.check_that(f"{name}: text and JSON", len(block) == len(verdict["lines"]) and block[0].startswith("Verdict:    "),
                   f"{block} {verdict['lines']}")
    return verdict


def judge(kit, name, verdict, cause, summary, anywhere):
    faults = [f"cause {verdict['cause']}, not {cause}"] if verdict["cause"] != cause else []
    for what, pattern, text in (("first line", summary, verdict["summary"]), ("text", anywhere, "\n".join(verdict["lines"]))):
        if not re.search(pattern, text.replace("\n", "\\n") if what == "first line" else text.replace("reason\n", "reason\\n")):
            faults.append(f"the {what} lacks {pattern}: {text}")
    kit.check(f"{name}: verdict", faults)


def gdb_signal(found, core):
    """Number, code and the two words behind them, as gdb shows them."""
    names = ("si_signo", "si_code", "_sifields._sigfault.si_addr", "_sifields._kill.si_pid", "_sifields._kill.si_uid")
    asked = [word for name in names for word in ("-ex", f"p/d (long)$_siginfo.{name}")]
    out = run([tool("gdb"), "-nx", "-q", "-batch", "-ex", "set auto-load off", "-ex", "set debuginfod enabled off", *asked,
               os.path.realpath(found.path), core]).out
    return [int(value) for value in re.findall(r"^\$\d+ = (-?\d+)$", out, re.M)]


def like_gdb(kit, name, found, core, verdict, document):
    """What the line on the death says of the signal."""
    words = gdb_signal(found, core)
    if len(words) != 5:
        raise Skip(f"gdb shows {words} as the signal")
    number, code, address, pid, uid = words
    own, line = document["process"]["signal"], verdict["lines"][1]
    faults = [] if (own["number"], own["code"]) == (number, code) else [f"{own}, not {words}"]
    if own["address"] and f"at address {address % 2 ** 64:#x}," not in line:
        faults.append(f"{line} lacks {address % 2 ** 64:#x}")
    if own["sender_pid"] is not None and own["sender_pid"] != pid:
        faults.append(f"sender {own['sender_pid']}, not {pid}")
    if own["sender_pid"] and pid != document["process"]["pid"] and f"sent by process {pid} of user {uid}" not in line:
        faults.append(f"{line} lacks {pid} and {uid}")
    kit.check(f"{name}: the signal as gdb shows it", faults)


def expected(name, version):
    """What differs by release."""
    _, cause, summary, anywhere = DEATHS[name]
    if name == "overflow" and version >= (3, 12):
        return None  # C code has a limit of its own there
    if name == "fatal" and not (3, 7) <= version < (3, 10):
        summary = "fatal Python error: of a test"
    if name == "raising" and version < (3,):
        anywhere = "ValueError: the reason"
    return cause, summary, anywhere


def deaths(kit, make):
    for found in all_pythons():
        for name in DEATHS:
            wanted = expected(name, found.version)
            if wanted is None:
                continue
            core = make.core(found, SCRIPT + DEATHS[name][0] + "\n")
            title = f"{name}, {found.name}"
            verdict = look(kit, title, core)
            judge(kit, title, verdict, *wanted)
            document = run([kit.pycore, "dump", "--json", "--no-source", core]).document
            main = document["threads"][0]
            kit.check_that(f"{title}: its frame", verdict["thread"] == main["tid"] and (
                verdict["python_frame"]["line"] == next(frame for frame in main["frames"] if frame["kind"] == "python")["line"]),
                f"{verdict['thread']} {verdict['python_frame']}")
            if name in ("null", "member", "aborted", "killed"):
                like_gdb(kit, title, found, core, verdict, document)


def native(kit, make):
    for found in (python((3, 11), True), system_python(), python((3, 8)), python((2, 7))):
        for name, (cause, summary, anywhere) in NATIVE.items():
            core = make.core(found, IN_C.format(library=library(make), name=name, before=""))
            title = f"{name}, {found.name}"
            verdict = look(kit, title, core)
            judge(kit, title, verdict, cause, summary, anywhere)
            if found.version == (3, 11, 7):
                like_gdb(kit, title, found, core, verdict, run([kit.pycore, "dump", "--json", core]).document)


def handlers(kit, make):
    """A handler ends the process: the verdict is on what it was called for."""
    catch = "L.catch.argtypes = [ctypes.c_long]; L.catch({})"
    ways = {"faulthandler": "import faulthandler; faulthandler.enable()", "raises it again": catch.format(0), "aborts": catch.format(1)}
    for way, before in ways.items():
        for name in ("below_null", "too_large", "recursion", "text_called", "copied"):
            if name == "recursion" and way != "faulthandler":
                continue  # which has a stack of its own
            core = make.core(python((3, 11), True), IN_C.format(library=library(make), name=name, before=before))
            verdict = look(kit, f"{name}, {way}", core)
            judge(kit, f"{name}, {way}", verdict, *NATIVE[name])
            kit.check_that(f"{name}, {way}: said so", any(line.startswith("Before: SIG") for line in verdict["lines"]), f"{verdict['lines']}")
            kit.check_that(f"{name}, {way}: where", verdict["native_frame"]["function"] == name, f"{verdict['native_frame']}")
    for end, cause in (("os.abort()", "abort"), ("os.kill(os.getpid(), signal.SIGSEGV)", "sent-by-itself")):
        core = make.core(python((3, 11), True), "import faulthandler, os, signal\nfaulthandler.enable()\n" + end + "\n")
        verdict = look(kit, f"{end} with faulthandler", core)
        kit.check_that(f"{end} with faulthandler", verdict["cause"] == cause and "Before:" not in str(verdict["lines"]), f"{verdict}")


def by_others(kit, make):
    text = "import sys, time\nsys.stdout.write('ready\\n'); sys.stdout.flush()\ntime.sleep(100)\n"
    found = python((3, 11), True)
    for signo in (signal.SIGQUIT, signal.SIGSEGV, signal.SIGABRT):
        core = make.core(found, text, kill_with=signo)
        verdict = look(kit, f"killed by {signo.name}", core)
        judge(kit, f"killed by {signo.name}", verdict, "sent", rf"{signo.name} sent by process {os.getpid()} of user {os.getuid()}",
              "the core does not tell that process's command")
        document = run([kit.pycore, "dump", "--json", core]).document
        like_gdb(kit, f"killed by {signo.name}", found, core, verdict, document)


def snapshot(kit, make):
    gcore, folder = tool("gcore"), make.folder("gcore")
    with make.hanging_python(python((3, 11))) as process:
        subprocess.run([gcore, "-o", folder / "core", str(process.pid)], capture_output=True, timeout=60)
    found = list(folder.glob("core*"))
    if not found:
        raise Skip("gcore made no core")
    verdict = look(kit, "gcore", found[0])
    judge(kit, "gcore", verdict, "snapshot", "^snapshot of a living process, not a crash$", "Taken: process")
    kit.check_that("gcore: of no thread", (verdict["thread"], verdict["native_frame"], verdict["python_frame"]) == 3 * (None,), f"{verdict}")


def living(kit, make):
    with make.hanging_python(python((3, 11))) as process:
        ran = kit.expect("live: no verdict", ["dump", "--pid", process.pid], COMPLETE, absent=["Verdict:"])
        document = kit.expect_json("live: null", ["dump", "--native", "--pid", process.pid], COMPLETE)
    kit.check_that("live", document["verdict"] is None and ran.out.startswith("Process:"), ran.out[:200])


def secrets(kit, make):
    """No message and no text of an exception."""
    for name in ("fatal", "raising", "double free"):
        core = make.core(python((3, 11), True), SCRIPT + DEATHS[name][0] + "\n")
        verdict = look(kit, f"redacted {name}", core, ["--redact"])
        text = str(verdict)
        kit.check_that(f"redacted {name}", verdict["message"] is None and "--redact" in verdict["next"] and not any(
            word in text for word in ("of a test", "the reason", "free()")), text)
        kit.check_that(f"redacted {name}: cause", verdict["cause"] == DEATHS[name][1], text)
    assert_core = make.core(python((3, 11), True), IN_C.format(library=library(make), name="text_called", before=""))
    kit.check_that("redacted: no text out of a pointer", "AAAA" not in str(look(kit, "redacted pointer", assert_core, ["--redact"])), "it is there")


def same(kit, make):
    """Options that choose what is printed do not change it."""
    core = make.core(python((3, 11), True), SCRIPT + DEATHS["raising"][0] + "\n")
    first = look(kit, "as it is", core)
    for option in ("--crashed", "--native=none", "--no-source", "--no-group", "--native"):
        verdict = look(kit, f"with {option}", core, [option])
        kit.check_that(f"with {option}: the same", [first[key] for key in ("summary", "cause", "thread", "python_frame", "message")] ==
                       [verdict[key] for key in ("summary", "cause", "thread", "python_frame", "message")] and
                       (option == "--native" or first["lines"] == verdict["lines"]), f"{verdict}")


def advice(kit, make):
    """The next command runs as it stands, whatever the names are."""
    core = make.core(python((3, 11), True), SCRIPT + DEATHS["null"][0] + "\n")
    bash, folder = tool("bash"), make.folder("advice")
    for name in ("core.1", "it's a core", "-x", "a\tb\\", "$HOME `id`", "Zo\xeb \u202e", "\u6f22 'x'"):
        path = folder / name
        path.symlink_to(core)
        for options in ([], ["--native", "--locals"]):
            document = kit.expect_json(f"{name!a} {options}", ["dump", *options, "--lib-path", str(folder), name], cwd=folder) \
                if name[0] != "-" else run([kit.pycore, "dump", "--json", *options, "--", name], cwd=folder).document
            words = shlex.split(document["verdict"]["next"]) if "$'" not in document["verdict"]["next"] else None
            kit.check_that(f"{name!a}: one line of printable ASCII", document["verdict"]["next"].isascii() and document["verdict"]["next"].isprintable(),
                           document["verdict"]["next"])
            command = re.sub("^pycore", shlex.quote(str(kit.pycore)), document["verdict"]["next"])
            ran = run([bash, "-c", command + " | cat; exit ${PIPESTATUS[0]}"], cwd=folder)
            kit.check_that(f"{name!a} {options}: runs", ran.status in (COMPLETE, PARTIAL) and not ran.err, f"{command}: {ran.status} {ran.err}")
            kit.check_that(f"{name!a}: words", words is None or words[-1] in (name, "./" + name), f"{words}")


def damage(kit, make):
    """A core that is cut off anywhere still gets a verdict, and says what it lacks."""
    core = make.core(python((3, 11), True), SCRIPT + DEATHS["null"][0] + "\n")
    whole = pathlib.Path(core).read_bytes()
    folder = make.folder("cut")
    for share in (0.02, 0.2, 0.5, 0.8, 0.97):
        path = folder / f"cut{share}"
        path.write_bytes(whole[:int(len(whole) * share)])
        name = f"cut at {share}"
        verdict = look(kit, name, path, status=(COMPLETE, NOTHING, PARTIAL))
        kit.check_that(f"{name}: cause", verdict["cause"] == "null-dereference", f"{verdict['cause']}")
        kit.check_that(f"{name}: missing", any("cut off" in text for text in verdict["missing"]), f"{verdict['missing']}")


def other_files(kit, make):
    """The library is another one now, or gone: that is missing."""
    folder = make.folder("other")
    own, other = folder / "verdict.so", folder / "other.c"
    shutil.copy(library(make), own)
    core = make.core(python((3, 11), True), IN_C.format(library=str(own), name="below_null", before=""))
    other.write_text("int other(void) { return 7; }\n")
    own.unlink()
    verdict = look(kit, "file gone", core)
    kit.check_that("file gone", any(re.search(r"the file \S*verdict\.so", text) for text in verdict["missing"]), f"{verdict['missing']}")
    judge(kit, "file gone", verdict, "null-dereference", "read from a null pointer minus 0x8|access to a null pointer minus 0x8", "Missing:")
    subprocess.run([tool("gcc"), "-shared", "-o", own, other], check=True)
    verdict = look(kit, "another file", core)
    kit.check_that("another file", any("is another one" in text for text in verdict["missing"]), f"{verdict['missing']}")


def strangers(kit, make):
    """A program without Python has a verdict too."""
    verdict = look(kit, "no Python", make.core_without_python(), status=NOTHING)
    judge(kit, "no Python", verdict, "abort", r"abort\(\) in main \(plain\)", "Missing: .*Python")
    kit.check_that("no Python: frames", verdict["python_frame"] is None and verdict["native_frame"], f"{verdict}")


CASES = [deaths, native, handlers, by_others, snapshot, living, secrets, same, advice, damage, other_files, strangers]
