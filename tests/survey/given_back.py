"""A process in which malloc's memory and its mappings differ, though all is well: a thread has given back most of its arena, which
stays mapped, and large chunks have other attributes from their second page on, so that they lie in two mappings each.

    given_back.py [wait]

Dies when all is there; with "wait" it prints its pid and runs until its standard input ends.
"""
import ctypes
import os
import resource
import sys
import threading

MMAP_THRESHOLD, RANDOM, LARGE, PAGE = -3, 1, 8 << 20, 4096


class Kept(object):
    def __init__(self, i):
        self.items = [10 ** 9 + i] * 80


def use_arena():
    kept.extend(Kept(i) for i in range(1000))
    many = [bytearray(2000 + i % 5000) for i in range(1000)]
    few.extend(many[:200])
    del many
    done.set()
    threading.Event().wait(600)


def large():
    """One that is advised as numpy does with its arrays."""
    at = libc.malloc(LARGE)
    if libc.madvise((at + PAGE) // PAGE * PAGE, LARGE - PAGE, RANDOM):
        sys.exit("madvise() fails")
    return at


resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
kept, few, done = [], [], threading.Event()
thread = threading.Thread(target=use_arena)
thread.daemon = True
thread.start()
done.wait()
chunks = [large(), large()]
libc.mallopt(MMAP_THRESHOLD, 2 * LARGE)  # the others lie in the heap
chunks += [large(), large()]
kept += [Kept(i) for i in range(1000)]
if "wait" not in sys.argv:
    os.abort()
print(os.getpid())
sys.stdout.flush()
sys.stdin.read()
os._exit(0)
