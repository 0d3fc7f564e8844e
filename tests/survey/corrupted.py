"""Overwrites the head of a chunk in the middle of malloc's heap, as a buffer that is written beyond its end does, and dies.

    corrupted.py [whole]

Objects lie in front of it and behind it; some of the latter nothing but others of them refer to. With "whole" it does the same,
but what it overwrites is its own.
"""
import ctypes
import os
import resource
import sys

WORD = ctypes.sizeof(ctypes.c_void_p)
# Debug builds put two words in front of what they give out, and again in front of what malloc gives them.
PADDED = hasattr(sys, "gettotalrefcount") and os.environ.get("PYTHONMALLOC") != "malloc"


class Front(object):
    def __init__(self, i):
        self.text = "front %d" % i


class Back(object):
    def __init__(self, i):
        self.numbers = (i + 0.5, [10 ** 9 + i])


class Text(str):
    __slots__ = ()


resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
front = [Front(i) for i in range(2000)]
front_texts = [Text("text %d" % i) for i in range(2000)]
victim = bytearray(700)
back = [Back(i) for i in range(2000)]
back_texts = {Text("back %d" % i): Text("value %d" % i) for i in range(2000)}
start = (ctypes.c_char * len(victim)).from_buffer(victim)
gap = 5 * WORD if PADDED else WORD
ctypes.memset(ctypes.addressof(start) - (0 if "whole" in sys.argv else gap), 0x41, WORD)
os.abort()
