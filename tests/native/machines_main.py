"""Dies in C code that Python called, from where C code called Python: run by tests/native/machines.py on other processors."""
import os
import signal
import sys
import threading
import time

READY = threading.Semaphore(0)


def waiter():
    READY.release()
    threading.Event().wait(600)


def sleeper():
    READY.release()
    time.sleep(600)


class Compared:
    def __lt__(self, other):
        return inner(3)


def inner(depth):
    return inner(depth - 1) if depth else END()


def in_callback():
    import ctypes
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    numbers = (ctypes.c_int * 4)(3, 1, 2, 0)
    ctypes.pythonapi.qsort(numbers, 4, ctypes.sizeof(ctypes.c_int), kind(compare))


def compare(_left, _right):
    os.abort()


def main():
    for function in waiter, sleeper:
        threading.Thread(target=function, daemon=True).start()
        READY.acquire()
    time.sleep(0.3)
    sorted([Compared(), Compared()])


def killed():
    os.kill(os.getpid(), signal.SIGSEGV)


END = {"abort": os.abort, "callback": in_callback, "killed": killed}[sys.argv[1]]
main()
