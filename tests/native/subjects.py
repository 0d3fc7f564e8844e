"""The deaths and hangs of deaths.py: how each ends, under which Pythons, and what must be said of it."""
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import fetched
import target

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 60
EVERY = ("debug", "plain", "framepointers", "split", "packed", "bare")


@dataclasses.dataclass(frozen=True)
class Death:
    name: str
    cause: str  # key of the verdict; "" for what lives
    signal: str = "SIGSEGV"
    end: str = "self"  # by itself; "killed" by the signal, from outside; "live": looked at while it waits
    message: str = ""  # a regular expression for what it said at last
    waits: str = ""  # the system call that a live one's main thread is in
    how: str = ""  # name of the way in deaths.py, if another
    library: str = "debug"  # "cc": of C++; "extension": an extension module
    builds: tuple = ("debug",)  # of the library
    since: tuple = (2, 7)
    until: tuple = (9,)  # the first version without it
    of_glibc: bool = False  # found by its guards
    other_in_debug: tuple = ((9,), (9,))  # from, and before: the versions whose debug builds find something else first

    @property
    def way(self):
        return self.how or self.name

    def runs_on(self, python):
        first, last = self.other_in_debug
        if self.of_glibc and fetched.has_musl(python):
            return False
        return self.since <= python.version < self.until and not (python.debug and first <= python.version < last)


NULL, SENT = "null-dereference", "sent"
ASSERTED = (2, 7), (3,)  # an assertion
LIMITED = (3, 12), (3, 14)  # a limit of calls in C, which is lower there
DEATHS = [
    # pointers
    Death("null_string", NULL, other_in_debug=ASSERTED),
    Death("string_at", NULL),
    Death("null_deref", NULL, builds=EVERY),
    Death("null_member", NULL),
    Death("wild_pointer", "not-mapped"),
    Death("not_canonical", "not-canonical"),
    Death("read_only", "no-permission"),
    Death("bad_object", "not-canonical"),
    Death("poisoned_constant", NULL),
    Death("while_handling", NULL, other_in_debug=ASSERTED),
    Death("while_collecting", NULL, other_in_debug=ASSERTED),
    Death("wild_call", "bad-jump"),
    Death("call_data", "bad-jump"),
    # what the processor refuses
    Death("divide", "division", "SIGFPE"),
    Death("illegal", "illegal-instruction", "SIGILL"),
    Death("trap", "trap", "SIGTRAP"),
    Death("bad_system_call", "bad-system-call", "SIGSYS"),
    Death("bus_error", "file-cut-off", "SIGBUS"),
    # stacks that are too small
    Death("overflow", "stack-overflow"),
    Death("overflow_in_thread", "stack-overflow"),
    Death("overflow_with_own_stack", NULL, "SIGABRT"),  # the abort is the handler's, of the first fault
    Death("python_overflow", "stack-overflow", other_in_debug=LIMITED),
    Death("overflow_in_attribute", "stack-overflow", until=(3, 12)),
    Death("overflow_in_python_thread", "stack-overflow", until=(3, 14), other_in_debug=LIMITED),  # since then it looks how large the stack is
    # what is found by guards
    Death("free_twice", "heap-corruption", "SIGABRT", message=r"double free", of_glibc=True),
    Death("free_inside", "heap-corruption", "SIGABRT", message=r"free\(\): invalid|double free", of_glibc=True),
    Death("smashed_chunk", "heap-corruption", "SIGABRT", message=r"free|corrupted|invalid|malloc", of_glibc=True),
    Death("stack_smashed", "stack-smashed", "SIGABRT", message=r"stack smashing detected", of_glibc=True),
    Death("fortified", "buffer-overflow", "SIGABRT", message=r"buffer overflow detected", of_glibc=True),
    Death("failed_assertion", "assertion", "SIGABRT", message=r"deaths\.c:\d+: failed_assertion: Assertion `n == 12345' failed", of_glibc=True),
    # what gives up by itself
    Death("os_abort", "abort", "SIGABRT"),
    Death("abort_in_callback", "abort", "SIGABRT"),
    Death("noreturn_at_end", "abort", "SIGABRT"),
    Death("fatal_error", "fatal-error", "SIGABRT", message=r"nothing is true any more"),
    Death("uncaught", "uncaught-exception", "SIGABRT", library="cc"),
    Death("killed_itself", "sent-by-itself", "SIGABRT"),
    Death("out_of_time", "out-of-time-or-space", "SIGXCPU"),
    Death("too_large_file", "out-of-time-or-space", "SIGXFSZ"),
    # where it happens
    Death("in_signal_handler", NULL, builds=EVERY),
    Death("in_foreign_thread", NULL),
    Death("in_forked_child", NULL, other_in_debug=ASSERTED),
    Death("fault_at_exit", NULL),
    Death("callback_through_library", NULL, builds=EVERY),
    Death("recurse", NULL, builds=EVERY),
    Death("fault_while_unwinding", NULL, library="cc"),
    Death("fault_in_catch", NULL, library="cc"),
    Death("extension_fault", NULL, library="extension", builds=("debug", "stripped")),
    Death("extension_callback", NULL, library="extension", builds=("debug", "stripped")),
    Death("cython", NULL, library="extension", builds=("debug", "stripped")),
    # by others
    Death("in_vdso", SENT, "SIGABRT", "killed"),
    Death("lock_killed", SENT, "SIGABRT", "killed", how="lock"),
    Death("killed", SENT, "SIGQUIT", "killed"),
    Death("killed_by_fault_signal", SENT, "SIGSEGV", "killed", how="killed"),
    # hangs
    Death("lock", "", end="live", waits="futex"),
    Death("sleep", "", end="live", waits="clock_nanosleep|select|pselect6"),
    Death("read_pipe", "", end="live", waits="read"),
    Death("wait_for_socket", "", end="live", waits="select|pselect6"),
    Death("wait_for_child", "", end="live", waits="wait4|waitid"),
    Death("threads", "", end="live", waits="pause"),
    Death("wait_for_ever", "", end="live", waits="pause"),
    Death("wait_for_futex", "", end="live", waits="futex"),
    Death("lock_twice", "", end="live", waits="futex"),
    Death("wait_for_pool", "", end="live", waits="futex"),
]
BY_NAME = {death.name: death for death in DEATHS}


@dataclasses.dataclass
class Where:
    """How each tool is told what to look at."""
    pycore: list
    gdb: dict
    eu_stack: list
    core: pathlib.Path = None
    pid: int = None
    root: str = ""  # the tree that the process sees as /


class Process:
    """A subject in a folder of its own, which is gone afterwards, with all processes that it started."""

    def __init__(self, folder, python, script, arguments, environment=None, keep=lambda: None):
        self.folder, self.python, self.keep = folder, python, keep  # keep() tells where it shall be moved to, or None
        paths = [path for path in arguments if isinstance(path, pathlib.Path)]
        self.libraries = sorted({path.parent if path.is_file() else path for path in paths})
        folder.mkdir(parents=True)
        with open(folder / "err", "wb") as err:
            self.process = subprocess.Popen([python.path, "-s", HERE / script, *map(str, arguments)], cwd=folder,
                                            env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                                            stdout=err, stderr=err, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        if self.keep():
            shutil.move(self.folder, self.keep())
        shutil.rmtree(self.folder, ignore_errors=True)

    def errors(self):
        return (self.folder / "err").read_text(errors="replace")[-500:]

    def facts(self):
        path = self.folder / "facts"
        return json.loads(path.read_text()) if path.exists() else {}

    def wait_ready(self, asleep=True):
        end = time.monotonic() + PATIENCE
        while not ((self.folder / "ready").exists() and (target.all_asleep(self.process.pid) or not asleep)):
            if time.monotonic() > end or self.process.poll() is not None:
                raise target.Broken("never came to rest: " + self.errors())
            time.sleep(0.02)
        time.sleep(0.2)

    def live(self):
        pid = self.process.pid
        more = fetched.for_gdb(self.python, self.folder)
        return Where(["--pid", pid], {"pid": pid, **more}, ["-p", pid], pid=pid, root=self.python.root)

    def dead(self):
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise target.Broken(f"still runs after {PATIENCE} s") from None
        cores = list(self.folder.glob("core*"))
        if len(cores) != 1:
            raise target.Broken(f"{len(cores)} cores, status {self.process.returncode}: {self.errors()}")
        return self.at(cores[0])

    def at(self, core):
        program = fetched.program_of(self.python)
        return Where([*fetched.for_pycore(self.python, self.libraries), core],
                     {"program": program, "core": str(core), **fetched.for_gdb(self.python, self.folder)},
                     [f"--core={core}", "-e", program], core, root=self.python.root)

    def end(self, death):
        """Waits for the death, or brings it about, or for the rest of what lives."""
        if death.end != "self":
            self.wait_ready(death.name != "in_vdso")
        if death.end == "live":
            return self.live()
        if death.end == "killed":
            self.process.send_signal(getattr(signal, death.signal))
        return self.dead()
