"""Builds known populations of objects, and leaves two cores: one from before, one from after.

    population.py BEFORE AFTER TRUTH COUNT

The cores are of forked children, in the folders BEFORE and AFTER, so that they hold what this process holds at that moment;
this process then counts its own objects and writes what it knows to TRUTH as JSON. Nothing is imported in between: what
runs after a fork must leave no object behind. Runs under 2.7 and all 3.x.
"""
import array
import collections
import gc
import io
import os
import resource
import sys

# It imports what acts after a fork, and in 2.7 it is written in Python.
WITH_DECIMALS = sys.version_info[0] > 2 and bool(os.environ.get("CHURN"))
if WITH_DECIMALS:
    import decimal

N = int(sys.argv[4])
BIG = 10 ** 9  # ints from here on are no small ones
unicode_text = type(u"")


class Plain(object):
    def __init__(self):
        self.first = None
        self.second = None


class Late(object):
    """Has attributes that its class has not foreseen, so a dict of its own."""

    def __init__(self, i):
        setattr(self, NAMES[i % len(NAMES)], None)


class Slots(object):
    __slots__ = ("x", "y")


class Weak(object):
    __slots__ = ("__weakref__",)


class IntSub(int):
    pass


class ListSub(list):
    pass


class DictSub(dict):
    pass


class TupleSub(tuple):
    __slots__ = ()


class TextSub(unicode_text):
    pass


class Error(Exception):
    pass


class Node(object):
    def __init__(self):
        self.me = self


def steps(n):
    while n:
        yield n
        n -= 1


def started():
    generator = steps(3)
    next(generator)
    return generator


def wrong():
    try:
        raise Error
    except Error as error:
        error.__traceback__ = None  # whose frames hold whatever was there
        return error


def grown(n):
    items = []
    for _ in range(n):
        items.append(None)
    return items


# What is made, and how: N // share objects each, all of them alive at the end. Whatever they hold beside dicts of
# instances is there already.
MAKERS = [
    ("int", 1, lambda i: BIG + i),
    ("big int", 1, lambda i: 1 << (64 + i % 3000)),
    ("float", 1, lambda i: i + 0.5),
    ("complex", 2, lambda i: complex(i, 1)),
    ("bytes", 1, lambda i: bytes(bytearray(2 + i % 600))),
    ("str", 1, lambda i: unicode_text("text %d") % i + unicode_text("a") * (i % 600)),
    ("wide str", 4, lambda i: u"\u20ac" + unicode_text("%d") % i),
    ("tuple", 1, lambda i: tuple([None] * (1 + i % 30))),
    ("large tuple", 50, lambda i: tuple([None] * 100)),
    ("list", 1, lambda i: [None] * (i % 80)),
    ("grown list", 4, lambda i: grown(i % 20)),
    ("dict", 2, lambda i: dict.fromkeys(NAMES[:i % 12])),
    ("int dict", 4, lambda i: dict.fromkeys(range(i % 40))),
    ("set", 4, lambda i: set(range(i % 70))),
    ("frozenset", 4, lambda i: frozenset(range(1 + i % 9))),
    ("bytearray", 4, lambda i: bytearray(i % 700)),
    ("array", 10, lambda i: array.array("i", [1] * (i % 100))),
    ("decimal", 10, lambda i: decimal.Decimal(10 ** (i % 60) + i)),
    ("deque", 10, lambda i: collections.deque(range(i % 200))),
    ("ordered dict", 10, lambda i: collections.OrderedDict.fromkeys(NAMES[:i % 12])),
    ("default dict", 10, lambda i: collections.defaultdict(int)),
    ("Plain", 1, lambda i: Plain()),
    ("Late", 4, Late),
    ("Slots", 1, lambda i: Slots()),
    ("Weak", 4, lambda i: Weak()),
    ("IntSub", 4, lambda i: IntSub(BIG + i)),
    ("ListSub", 4, lambda i: ListSub([None] * (i % 9))),
    ("DictSub", 10, lambda i: DictSub(a=None)),
    ("TupleSub", 4, lambda i: TupleSub([None] * (i % 9))),
    ("TextSub", 4, lambda i: TextSub("text %d" % i)),
    ("exception", 10, lambda i: wrong()),
    ("generator", 10, lambda i: steps(3)),
    ("started generator", 10, lambda i: started()),
    ("function", 4, lambda i: lambda: None),
    ("cycle", 4, lambda i: Node()),
    ("BytesIO", 50, lambda i: io.BytesIO()),
]
if sys.version_info[0] == 2:  # where it is written in Python
    MAKERS = [maker for maker in MAKERS if maker[0] != "ordered dict"]
if not WITH_DECIMALS:
    MAKERS = [maker for maker in MAKERS if maker[0] != "decimal"]
NAMES = ["name_%d" % i for i in range(50)]
CLASSES = [type("Made", (object,), {}) for i in range(20)]


def churn(made):
    """Frees three of four in no order and fills the holes with as many new ones."""
    seed = 1
    for name, share, make in MAKERS:
        if name == "cycle":  # stays where it is until the collector runs
            continue
        items = made[name]
        for _ in range(len(items)):
            seed = (seed * 69069 + 1) & 0xFFFFFFFF
            items[seed % len(items)] = None
        for i, item in enumerate(items):
            if item is None:
                items[i] = make(i)


def die(folder):
    """A core of this moment. This process goes on."""
    pid = os.fork()
    if pid == 0:
        os.chdir(folder)
        os.abort()
    os.waitpid(pid, 0)


def fork_is_quiet(folder):
    """Whether a fork, and what comes behind it, leaves the number of blocks in the child as it was: in 3.11 it does not."""
    first = blocks()
    second = blocks()
    pid = os.fork()
    if pid == 0:
        os.chdir(folder)
        third = blocks()
        os._exit(0 if first is None or third - second == second - first else 1)
    return os.waitpid(pid, 0)[1] == 0


def build(made):
    for name, share, make in MAKERS:
        items = made[name]
        for i in range(len(items)):
            items[i] = make(i)
    if os.environ.get("CHURN"):
        churn(made)


def dicts_of(instances):
    """Those of their dicts that exist already: asking an instance would make one."""
    for one in instances:
        if type(one) in (Plain, Late, Node, ListSub, DictSub, TextSub, IntSub, Error):
            for held in gc.get_referents(one):
                if type(held) is dict:
                    yield held


def sums(objects):
    """How many there are of each type by its name, and what sys.getsizeof() says of them."""
    found = {}
    for one in objects:
        kind = type(one)
        name = getattr(kind, "__qualname__", kind.__name__)
        entry = found.setdefault(name, [0, 0])
        entry[0] += 1
        entry[1] += sys.getsizeof(one)
    return found


resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
made = {}
for name, share, make in MAKERS:
    made[name] = [None] * (N // share)
    make(7)
blocks = getattr(sys, "getallocatedblocks", lambda: None)
exact = first = second = objects = truth = out = json = None
gc.collect()
gc.disable()
build(made)
for name in made:
    made[name][:] = [None] * len(made[name])
first = second = None
gc.collect()
fork_is_quiet(sys.argv[1])
exact = fork_is_quiet(sys.argv[2])
die(sys.argv[1])
build(made)
first = blocks()
second = blocks()
die(sys.argv[2])
objects = gc.get_objects()
truth = {"gc": sums(objects), "made": {}, "blocks": None}
del objects
for name in made:
    entries = list(sums(made[name]).items()) + list(sums(dicts_of(made[name])).items())
    for kind, entry in entries:
        total = truth["made"].setdefault(kind, [0, 0])
        total[0] += entry[0]
        total[1] += entry[1]
if second is not None:
    if exact:
        truth["blocks"] = second + (second - first)
    for number in (first, second):
        if number > 256:  # no small int, so one more object
            truth["made"]["int"][0] += 1
            truth["made"]["int"][1] += sys.getsizeof(number)
import json  # noqa: E402
out = open(sys.argv[3], "w")
json.dump(truth, out)
out.close()
