"""Dies, or waits to be looked at, in the way that its first argument names; the others are libraries."""
import ctypes
import os
import sys
import threading
import time

HOW, LIBRARIES = sys.argv[1], sys.argv[2:]
C = ctypes.CDLL(None)
INT_INT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def ready():
    with open("ready", "w") as f:
        f.write(str(os.getpid()))


def in_library(name, argument):
    for path in LIBRARIES:
        library = ctypes.CDLL(path)
        if hasattr(library, name):
            return getattr(library, name)(argument)
    raise SystemExit("no library has " + name)


def abort_in_callback():
    numbers = (ctypes.c_int * 8)(*range(8))
    C.qsort(numbers, 8, 4, COMPARE(lambda a, b: C.abort()))


def callback_through_library():
    library = ctypes.CDLL(LIBRARIES[0])
    library.call_through(INT_INT(lambda n: library.null_deref(n)), 3)


def lock():
    held = threading.Lock()
    held.acquire()
    ready()
    held.acquire()


def sleep():
    ready()
    time.sleep(1000)


def threads():
    held = threading.Lock()
    held.acquire()

    def down(n):
        return down(n - 1) if n else held.acquire()
    for _ in range(4):
        thread = threading.Thread(target=down, args=(20,))
        thread.daemon = True
        thread.start()
    time.sleep(0.3)
    ready()
    C.pause()


def main():
    own = {"abort_in_callback": abort_in_callback, "callback_through_library": callback_through_library,
           "lock": lock, "sleep": sleep, "threads": threads, "string_at": lambda: ctypes.string_at(1)}
    if HOW in own:
        return own[HOW]()
    if HOW in ("in_vdso", "wait_for_ever"):
        ready()
    return in_library(HOW, {"recurse": 300, "overflow_with_own_stack": 50}.get(HOW, 7))


main()
