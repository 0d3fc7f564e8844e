"""Dies when threads have just ended that leave objects behind: in free-threaded Pythons no heap has taken these over yet."""
import os
import resource
import threading

THREADS, EACH = 8, 1000


class Left(object):
    def __init__(self):
        self.items = Items([None] * 3)


class Items(list):
    pass


def leave():
    left.extend([Left() for _ in range(EACH)])


resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
left = []
threads = [threading.Thread(target=leave) for _ in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
os.abort()
