"""A process whose program break something else moves too, so that malloc's heap goes on behind a gap, and that dies."""
import ctypes
import os
import resource


class Kept(object):
    def __init__(self, i):
        self.items = [10 ** 9 + i] * 80


resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
libc = ctypes.CDLL(None)
libc.sbrk.restype, libc.sbrk.argtypes = ctypes.c_void_p, [ctypes.c_long]
kept = [Kept(i) for i in range(2000)]
libc.sbrk(8192)
kept += [Kept(i) for i in range(3000)]
os.abort()
