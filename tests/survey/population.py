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
library = None
if os.environ.get("LIBRARY"):  # the name of a module with another population
    library = __import__(os.environ["LIBRARY"])
    MAKERS = library.MAKERS
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


def leave():
    os._exit(0)


def die(folder, end=os.abort):
    """A core of this moment, and how many blocks it has by its own word. This process goes on.

    An int that stays would be one block more; when it counts again, nothing is left over from the first time.
    """
    pid = os.fork()
    if pid == 0:
        os.chdir(folder)
        counted[0] = blocks()
        counted[0] = blocks()
        os.write(pipe[1], counted)
        end()
    os.waitpid(pid, 0)
    return os.read(pipe[0], 8)


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


def contents(items):
    """From 3.15 on a bytearray keeps its bytes in an object of that type, which it gives to nobody."""
    own = bytearray.__basicsize__
    sizes = [sys.getsizeof(one) - own for one in items if type(one) is bytearray and sys.version_info >= (3, 15)]
    return [("bytes", (sum(map(bool, sizes)), sum(sizes)))]


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
blocks = getattr(sys, "getallocatedblocks", lambda: 0)
counted = array.array("q" if sys.version_info[0] > 2 else "l", [0])
pipe = os.pipe()
# what was looked up last keeps names alive that nothing else refers to
forget = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache
told = objects = truth = out = json = None
gc.collect()
gc.disable()
build(made)
for name in made:
    made[name][:] = [None] * len(made[name])
gc.collect()
forget()
die(sys.argv[1], leave)  # what the first time leaves behind is there before
die(sys.argv[1])
build(made)
forget()
told = die(sys.argv[2])
objects = gc.get_objects()
truth = {"gc": sums(objects), "made": {}, "blocks": None}
if library:  # threading acts after a fork, so the child does not have what there is here
    truth["gc"] = {}
if hasattr(library, "owned"):
    truth["owned"] = library.owned([one for name in made for one in made[name]])
del objects
for name in made:
    entries = list(sums(made[name]).items())
    if library:
        entries = [entry for entry in entries if entry[0] not in library.COMMON]
    else:
        entries += list(sums(dicts_of(made[name])).items()) + contents(made[name])
    for kind, entry in entries:
        total = truth["made"].setdefault(kind, [0, 0])
        total[0] += entry[0]
        total[1] += entry[1]
truth["blocks"] = array.array(counted.typecode, told)[0] or None
if library:
    del truth["blocks"]  # nor has it the same blocks
import json  # noqa: E402
out = open(sys.argv[3], "w")
json.dump(truth, out)
out.close()
