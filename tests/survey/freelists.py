"""Makes and drops more of each kind of object than Python keeps for reuse; then it dies. What its lists hold comes on standard
error, as far as sys._debugmallocstats() tells it."""
import os
import resource
import sys


class Made(object):
    def method(self):
        pass


def deep(n):
    if n:
        deep(n - 1)


def drop(make, n):
    """The list that holds them goes into a list itself, and back out of it."""
    kept = [make() for i in range(n)]
    del kept[:]


resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
one = Made()
drop(lambda: float("0.5"), 200)
for length in range(1, 21):
    drop(lambda: tuple([None] * length), 2100)
drop(lambda: [None], 200)
drop(lambda: {}, 200)
drop(lambda: dict(a=1), 200)
drop(lambda: set(), 200)
drop(lambda: one.method, 300)
drop(lambda: [].append, 300)
drop(lambda: iter([]), 50)
drop(lambda: slice(1, 2), 50)
drop(lambda: 10 ** 6 + length, 300)
drop(lambda: complex(1, length), 300)
deep(300)
if hasattr(sys, "_debugmallocstats"):
    sys._debugmallocstats()
os.abort()
