"""Objects that several threads make and free; the process dies in one of them. Free-threaded Pythons keep the heap of each
thread apart, what a thread leaves behind when it ends, and what one thread frees of another's.
"""
import os
import resource
import threading
import time

try:
    import queue
except ImportError:
    import Queue as queue

THREADS, EACH = 8, 1000


class Left(object):
    """Made by threads that have ended."""

    def __init__(self):
        self.items = Items([None] * 3)


class Items(list):
    pass


class Giant(list):
    """Too large for anything but a mapping of its own. Made by a thread that has ended."""


class Own(object):
    """Made by threads that live."""

    __slots__ = ("x",)


class Handed(object):
    """Made by a thread that lives; every other one freed by another that lives."""


class Dropped(object):
    """Made by the main thread, freed by another while the main one waits: nobody has put their counts together yet."""


def leave():
    left.extend([Left() for _ in range(EACH)])


def leave_giant():
    giants.append(Giant([None] * (5 << 19)))


def make():
    own.extend([Own() for _ in range(EACH)])
    lists = [[Handed() for _ in range(200)] for _ in range(EACH // 200)]
    for one in lists:
        handed.put(one)
    handed.put(None)
    end.wait()


def take():
    ends = 0
    while ends < THREADS:
        some = handed.get()
        ends += some is None
        if some:
            del some[::2]
        some = None
    taken.set()
    end.wait()


def drop_and_die():
    time.sleep(0.3)
    del dropped[:]
    os.abort()


def started(work):
    thread = threading.Thread(target=work)
    thread.daemon = True
    thread.start()
    return thread


resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
left, giants, own, handed = [], [], [], queue.Queue()
end, taken = threading.Event(), threading.Event()
for thread in [started(leave) for _ in range(THREADS)] + [started(leave_giant) for _ in range(2)]:
    thread.join()
makers = [started(make) for _ in range(THREADS)] + [started(take)]
taken.wait()
dropped = [Dropped() for _ in range(EACH)]
started(drop_and_die)
time.sleep(60)
