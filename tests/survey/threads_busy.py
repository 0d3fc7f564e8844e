"""Dies while threads allocate and free: each of four keeps 1000 objects of one class and changes all else as fast as it can."""
import os
import resource
import threading
import time

THREADS, EACH = 4, 1000


class Kept(object):
    __slots__ = ("items",)

    def __init__(self, n):
        self.items = Items([None] * n)


class Items(list):
    __slots__ = ()


def churn():
    kept.append([Kept(i % 7) for i in range(EACH)])
    ready.append(None)
    number = 0
    while True:
        number += 1
        things = [(number, i, str(i)) for i in range(300)]
        names = dict((str(i), [i]) for i in range(200))
        shared.update(names)
        del things, names
        shared.clear()


resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
kept, ready, shared = [], [], {}
for _ in range(THREADS):
    thread = threading.Thread(target=churn)
    thread.daemon = True
    thread.start()
while len(ready) < THREADS:
    time.sleep(0.01)
time.sleep(0.2)
os.abort()
