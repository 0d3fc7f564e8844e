"""Run a command and print the peak of its anonymous memory, exactly, as JSON.

    peak.py COMMAND...   ->  {"rss_anon": BYTES, "vm_hwm": BYTES, "status": N}

RssAnon grows by page faults but shrinks only in system calls (munmap, madvise, brk, ... and exit), so
its peaks all stand just before one.  The command runs under ptrace and /proc/TID/status is read at
each entry to a system call, each return and each exit of every thread: no peak is missed, as it may be
by sampling in time.  VmHWM is the kernel's own, read there too; wait4()'s ru_maxrss will not do, since
exec carries the high-water mark of the forking process over.  Children are not followed: a debugger's
could not be traced twice.  Kernels 6.2 to 6.15 count RssAnon per CPU, and what they print is inexact by
some 100 KB per CPU.
"""
import ctypes
import json
import os
import re
import signal
import sys

PTRACE_SEIZE, PTRACE_SYSCALL = 0x4206, 24
OPTIONS = 0x1 | 0x8 | 0x10 | 0x40 | 0x100000  # SYSGOOD, CLONE, EXEC, EXIT, EXITKILL
WALL = 0x40000000
SYSCALL_STOP = signal.SIGTRAP | 0x80

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, tid, data=0):
    if libc.ptrace(request, tid, None, data) < 0:
        error = ctypes.get_errno()
        if error != 3:  # ESRCH: killed meanwhile, waitpid will say so
            raise OSError(error, "ptrace")


class Peaks:
    """The highest RssAnon and VmHWM seen in /proc/TID/status of any thread, in bytes."""

    def __init__(self):
        self.values = {"RssAnon": 0, "VmHWM": 0}
        self.files = {}

    def sample(self, tid):
        try:
            if tid not in self.files:
                self.files[tid] = os.open(f"/proc/{tid}/status", os.O_RDONLY | os.O_CLOEXEC)
            text = os.pread(self.files[tid], 8192, 0)
        except (FileNotFoundError, ProcessLookupError):
            return
        for name, kilobytes in re.findall(rb"^(RssAnon|VmHWM):\s+(\d+)", text, re.M):
            name = name.decode()
            self.values[name] = max(self.values[name], int(kilobytes) * 1024)

    def forget(self, tid):
        if tid in self.files:
            os.close(self.files.pop(tid))


def start(argv):
    """Fork a child that waits until it is seized; the first sample is then taken in the new program."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(writer)
        os.read(reader, 1)
        try:
            os.execvp(argv[0], argv)
        finally:
            os._exit(127)
    ptrace(PTRACE_SEIZE, child, OPTIONS)
    os.write(writer, b"x")
    os.close(reader)
    os.close(writer)
    return child


def follow(child):
    """Let the child and all that it starts run from stop to stop; return (peaks, exit status)."""
    peaks, status, running = Peaks(), 127, False
    while True:
        try:
            tid, wait = os.waitpid(-1, WALL)
        except ChildProcessError:
            return peaks.values, status
        if not os.WIFSTOPPED(wait):
            peaks.forget(tid)
            if tid == child:
                status = os.waitstatus_to_exitcode(wait)
            continue
        stop, event = os.WSTOPSIG(wait), wait >> 16
        if event == 4:  # PTRACE_EVENT_EXEC: from here on it is the command's memory
            peaks.forget(tid)
            running = True
        if running and (stop == SYSCALL_STOP or event):
            peaks.sample(tid)
        ptrace(PTRACE_SYSCALL, tid, 0 if event or stop == SYSCALL_STOP else stop)


if __name__ == "__main__":
    values, code = follow(start(sys.argv[1:]))
    print(json.dumps({"rss_anon": values["RssAnon"], "vm_hwm": values["VmHWM"], "status": code}))
