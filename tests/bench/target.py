"""The program that the tools look into: THREADS threads, each exactly DEPTH Python frames deep.

No stretch of frames is repeated at once and no two threads take the same path, so a tool that folds
recursions or groups equal threads has to show every frame too.  When all is in place the
program prints one line of JSON, {"pid", "frames", "threads"}, the number of its `descend` frames by its
own count, and waits; it ends when its standard input does.
"""
import argparse
import functools
import json
import mmap
import os
import resource
import signal
import sys
import threading
import time

held = threading.Lock()
arrived = []
at_bottom = None  # what the main thread does in its innermost frame


def parity(number):
    return bin(number).count("1") & 1


def descend(left, seed):
    # The differences of the Thue-Morse sequence never repeat a stretch at once; the side tells threads apart.
    turn = parity(left + 1) - parity(left)
    seed = (seed * 69069 + 1) & 0xFFFFFFFF
    side = seed & 0x10000
    if not left:
        if threading.current_thread() is threading.main_thread():
            at_bottom()
        else:
            arrived.append(left)
            held.acquire()
    elif turn < 0:
        if side:
            descend(left - 1, seed)
        else:
            descend(left - 1, seed)
    elif turn > 0:
        if side:
            descend(left - 1, seed)
        else:
            descend(left - 1, seed)
    else:
        if side:
            descend(left - 1, seed)
        else:
            descend(left - 1, seed)


def caller_depth():
    frame, depth = sys._getframe(1), 0
    while frame:
        frame, depth = frame.f_back, depth + 1
    return depth


def start(depth, seed):
    # Both this frame and the first `descend` (left = n gives n + 1 frames) count.
    descend(depth - caller_depth() - 1, seed)


def report():
    frames = 0
    for frame in sys._current_frames().values():
        while frame:
            frames += frame.f_code is descend.__code__
            frame = frame.f_back
    print(json.dumps({"pid": os.getpid(), "frames": frames, "threads": threading.active_count()}), flush=True)


def wait():
    report()
    os.read(0, 1)
    os._exit(0)


def overflow():
    """Wait for the signal that would have killed it, and die of another: no room on the stack for C's recursion."""
    resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    sys.setrecursionlimit(1 << 30)
    nested = []
    for _ in range(1_000_000):
        nested = [nested]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGSEGV})
    report()
    signal.sigwait({signal.SIGSEGV})
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGSEGV})
    repr(nested)


def cpu_wait():
    """A function that tells for how many seconds this thread has waited for a CPU so far."""
    try:
        file = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
    except FileNotFoundError:  # a kernel without scheduler statistics
        return lambda: 0.0
    return lambda: int(os.pread(file, 64, 0).split()[1]) * 1e-9


def beat(path):
    """Write the longest time between two looks at the clock to the file, until the parent is gone.

    Time in which the thread could run but got no CPU is not the tool's doing and is taken off; what was
    waited is read before the earlier look and after the later one, so that none of it is missed.
    """
    with open(path, "r+b") as file:
        worst = memoryview(mmap.mmap(file.fileno(), 8)).cast("d")
    clock, waited, parent = time.perf_counter, cpu_wait(), os.getppid()
    report()
    before = between = waited()
    last = clock()
    while os.getppid() == parent:
        now, after = clock(), waited()
        gap = now - last - (after - before)
        if gap > worst[0]:
            worst[0] = gap
        before, between, last = between, after, now
    os._exit(0)


def allow_core():
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
    except ValueError:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def main():
    global at_bottom
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--depth", type=int, default=32)
    parser.add_argument("--ballast", type=int, default=0, help="bytes of memory that are filled")
    parser.add_argument("--giants", type=int, default=0, help="1: locals of 10 million items and of 1 GB")
    parser.add_argument("--hole", type=int, default=0, help="bytes that are mapped, all but untouched")
    parser.add_argument("--overflow", type=int, default=0, help="1: dies when its stack is full")
    parser.add_argument("--heartbeat", metavar="FILE", help="8 bytes for the longest gap in seconds")
    options = parser.parse_args()

    allow_core()
    sys.setrecursionlimit(options.depth + 1000)
    keep = [b"\x5a" * options.ballast]
    if options.hole:
        keep.append(mmap.mmap(-1, options.hole, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        keep[-1][-1] = 1

    held.acquire()
    for number in range(1, options.threads):
        threading.Thread(target=start, args=(options.depth, number), daemon=True).start()
    while len(arrived) < options.threads - 1:
        time.sleep(0.01)
    time.sleep(0.05)  # from the note of their arrival into the lock

    if options.giants:
        many, long, both = list(range(10_000_000)), "x" * 1_000_000_000, {"many": None}
        both["many"] = many
    at_bottom = functools.partial(beat, options.heartbeat) if options.heartbeat else overflow if options.overflow else wait
    start(options.depth - 1, 0)  # and one frame for at_bottom


if __name__ == "__main__":
    main()
