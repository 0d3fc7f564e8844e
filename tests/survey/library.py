"""Objects of the standard library, of as many types as one finds: a population for population.py.

MAKERS is as there. What the version at hand does not have is left out. Objects that only serve others are made once, so that
of each type listed here there are exactly those that a maker made.
"""
# pylint: disable=unnecessary-lambda
import array
import ast
import bz2
import collections
import csv
import ctypes
import datetime
import decimal
import functools
import hashlib
import importlib
import io
import itertools
import json
import mmap
import operator
import os
import pickle
import random
import select
import socket
import struct
import sys
import threading
import time
import types
import weakref
import xml.etree.ElementTree
import xml.parsers.expat
import zlib

unicode_text = type(u"")
# Types that everything else is made of: how many there are of these is told by population.py's own makers.
COMMON = ("int", "long", "str", "unicode", "bytes", "tuple", "list", "dict", "function", "cell", "code", "NoneType", "type",
          "bool", "float", "builtin_function_or_method", "method", "instancemethod", "ReferenceType", "weakref", "set", "object",
          "module", "getset_descriptor", "member_descriptor", "frame", "instance", "bytearray", "listiterator")


class Raw(io.RawIOBase):
    """A file that nothing can close."""

    def readable(self):
        return True

    writable = seekable = readable

    def readinto(self, buffer):
        return 0

    def write(self, data):
        return len(data)

    def seek(self, offset, whence=0):
        return 0

    def tell(self):
        return 0

    def close(self):
        pass


class Target(object):
    """Weak references lead here."""

    def act(self, *args):
        return None


class Pair(ctypes.Structure):
    _fields_ = [("a", ctypes.c_int), ("b", ctypes.c_double)]


class Record(ctypes.Structure):
    _fields_ = [("text", ctypes.c_char * 300)]


class FloatSub(float):
    pass


class ComplexSub(complex):
    pass


class BytesSub(bytes):
    pass


class SetSub(set):
    pass


class ArraySub(array.array):
    pass


class DequeSub(collections.deque):
    pass


class PicklerSub(pickle.Pickler):
    pass


class StringIOSub(io.StringIO):
    pass


class BytesIOSub(io.BytesIO):
    __slots__ = ("more",)


class Weighs(object):
    """Nobody can know what this says, so nothing is said of it."""

    def __sizeof__(self):
        return 12345


Point = collections.namedtuple("Point", "x y")
RAW, TARGET, TEXTS = Raw(), Target(), [unicode_text("text %d") % i for i in range(100)]
HUNDRED, FEW, LETTERS, THING = list(range(100)), [1, 2, 3], unicode_text("abcdefgh"), object()
DICT, ORDERED, SET = dict.fromkeys(TEXTS), collections.OrderedDict.fromkeys(TEXTS), set(TEXTS)
PATTERN = importlib.import_module("re").compile("(t)(e)(x)(t) ([0-9]+)")
DIGEST, DECIMAL, DAY, VIEWED = hashlib.md5(), decimal.Decimal(3), datetime.timedelta(1), bytearray(1000)
FUNCTION, MODULE = (lambda *args, **keywords: None), os
FORMATS = ["", "i", "iih", "4s", "10i", "i4xq" * 20, "3p2d"]


def find(module, name):
    return getattr(importlib.import_module(module), name)


def compiler():
    return find("re._compiler" if sys.version_info >= (3, 11) else "sre_compile", "compile")


def filled_pickler(kind, i):
    pickler = kind(RAW, 2)
    pickler.dump([(n, n) for n in TEXTS[:i % 90]])
    return pickler


def filled_unpickler(i):
    unpickler = pickle.Unpickler(RAW, encoding="latin-1" if i % 2 else "ASCII")
    unpickler.memo = dict.fromkeys(range(i % 70), 1)
    return unpickler


def parent(i):
    one = xml.etree.ElementTree.Element("tag", {"key": "value"} if i % 2 else {})
    one.extend([CHILD] * (i % 12))
    return one


CHILD = xml.etree.ElementTree.Element("tag")


def raised(kind, *args):
    try:
        raise kind(*args)
    except kind as error:
        error.__traceback__ = None
        return error


def growing(kind, text, i):
    one = kind()
    for _ in range(i % 30):
        one.write(text * (i % 50))
    if i % 3:
        one.getvalue()
    return one


def shared_bytesio(i):
    one = io.BytesIO(LARGE if i % 2 else b"x" * (i % 700))
    if i % 3 == 0:
        one.write(b"changed")
    return one


LARGE = b"large" * 200


def cached(i):
    function = functools.lru_cache(maxsize=None if i % 2 else 20)(FUNCTION)
    for n in range(i % 40):
        function(n)
    return function


def used_csv(i):
    one = csv.reader(iter(LINES[i % 3]))
    for _ in one:
        pass
    return one


LINES = [["a"], ["x" * 5000], ["a,b,c", "x" * 700]]


def used_writer(i):
    one = csv.writer(RAW)
    one.writerow(LINES[i % 3])
    return one


class Nothing(object):
    def write(self, text):
        return None


def filled_queue(kind, i):
    queue = kind()
    for _ in range(i % 40):
        queue.put(None)
    return queue


def filled(kind, i, *args):
    one = kind(*args)
    for n in range(i % 12):
        setattr(one, "name_%d" % n, None)
    return one


def contextual(i):
    context = find("contextvars", "copy_context")()
    for variable in VARIABLES[:i % 20]:
        context.run(variable.set, i)
    return context


VARIABLES = [find("contextvars", "ContextVar")("variable %d" % i) for i in range(20)] if sys.version_info >= (3, 7) else []


def stepped(iterator, i):
    for _ in range(i % 3):
        next(iterator)
    return iterator


def coroutine():
    scope = {}
    exec("async def coroutine(): pass\nasync def asynchronous(): yield", scope)  # pylint: disable=exec-used
    return scope


COROUTINES = coroutine() if sys.version_info >= (3, 6) else {}


def never_awaited(name):
    one = COROUTINES[name]()
    KEPT.append(one)
    return one


KEPT = []  # its trial is still there at the end: Python warns of a coroutine that it frees before it ran


# Name, share, and what makes one; population.py makes N // share of them. What fails is not in this version.
CANDIDATES = [
    ("BytesIO", 8, lambda i: growing(io.BytesIO, b"bytes", i)),
    ("shared BytesIO", 8, shared_bytesio),
    ("BytesIOSub", 20, lambda i: growing(BytesIOSub, b"bytes", i)),
    ("StringIO", 8, lambda i: growing(io.StringIO, u"text", i)),
    ("StringIOSub", 20, lambda i: growing(StringIOSub, u"text", i)),
    ("FileIO", 100, lambda i: io.FileIO(os.devnull)),
    ("BufferedReader", 20, lambda i: io.BufferedReader(RAW, 1 + i % 300)),
    ("BufferedWriter", 20, lambda i: io.BufferedWriter(RAW)),
    ("BufferedRandom", 20, lambda i: io.BufferedRandom(RAW)),
    ("TextIOWrapper", 20, lambda i: io.TextIOWrapper(RAW, newline="\n")),
    ("newline decoder", 20, lambda i: io.IncrementalNewlineDecoder(None, False)),
    ("Struct", 8, lambda i: struct.Struct(FORMATS[i % len(FORMATS)])),
    ("unpack iterator", 20, lambda i: struct.iter_unpack("i", b"")),
    ("product", 20, lambda i: stepped(itertools.product(*[LETTERS] * (i % 5)), min(i, 1))),
    ("combinations", 20, lambda i: itertools.combinations(LETTERS, i % 12)),
    ("replacing", 20, lambda i: itertools.combinations_with_replacement(LETTERS, i % 12)),
    ("permutations", 20, lambda i: itertools.permutations(LETTERS, i % 12)),
    ("count", 20, lambda i: itertools.count(i)),
    ("cycle", 20, lambda i: itertools.cycle(ENDLESS)),
    ("repeat", 20, lambda i: itertools.repeat(None)),
    ("chain", 20, lambda i: itertools.chain.from_iterable(ENDLESS)),
    ("compress", 20, lambda i: itertools.compress(HUNDRED, HUNDRED)),
    ("islice", 20, lambda i: itertools.islice(HUNDRED, 3)),
    ("starmap", 20, lambda i: itertools.starmap(FUNCTION, HUNDRED)),
    ("takewhile", 20, lambda i: itertools.takewhile(FUNCTION, HUNDRED)),
    ("dropwhile", 20, lambda i: itertools.dropwhile(FUNCTION, HUNDRED)),
    ("groupby", 20, lambda i: itertools.groupby(HUNDRED)),
    ("filterfalse", 20, lambda i: itertools.filterfalse(None, HUNDRED)),
    ("zip_longest", 20, lambda i: itertools.zip_longest(HUNDRED)),
    ("accumulate", 20, lambda i: itertools.accumulate(HUNDRED)),
    ("pairwise", 20, lambda i: itertools.pairwise(HUNDRED)),
    ("batched", 20, lambda i: itertools.batched(HUNDRED, 2)),
    ("tee", 20, lambda i: itertools.tee(ENDLESS)[0]),
    ("partial", 20, lambda i: filled(functools.partial, i, FUNCTION, 1)),
    ("lru_cache", 20, cached),
    ("cmp_to_key", 20, lambda i: functools.cmp_to_key(FUNCTION)(1)),
    ("itemgetter", 20, lambda i: operator.itemgetter(1, 2)),
    ("attrgetter", 20, lambda i: operator.attrgetter("a.b")),
    ("methodcaller", 20, lambda i: operator.methodcaller("act", 1)),
    ("Counter", 20, lambda i: collections.Counter(HUNDRED[:i % 50])),
    ("ordered dict", 20, lambda i: collections.OrderedDict.fromkeys(TEXTS[:i % 30])),
    ("default dict", 20, lambda i: collections.defaultdict(int, DICT)),
    ("frozen dict", 20, lambda i: frozendict.fromkeys(TEXTS[:i % 30])),  # noqa: F821
    ("deque", 20, lambda i: collections.deque(HUNDRED, i % 90)),
    ("DequeSub", 20, lambda i: DequeSub(HUNDRED * (i % 4))),
    ("named tuple", 20, lambda i: Point(i, i)),
    ("dict keys", 20, lambda i: DICT.keys() if sys.version_info[0] > 2 else DICT.viewkeys()),
    ("dict values", 20, lambda i: DICT.values() if sys.version_info[0] > 2 else DICT.viewvalues()),
    ("dict items", 20, lambda i: DICT.items() if sys.version_info[0] > 2 else DICT.viewitems()),
    ("ordered dict keys", 20, lambda i: ORDERED.keys()),
    ("ordered dict iterator", 20, lambda i: iter(ORDERED)),
    ("dict key iterator", 20, lambda i: iter(DICT)),
    ("dict item iterator", 20, lambda i: iter(DICT.items())),
    ("set iterator", 20, lambda i: iter(SET)),
    ("tuple iterator", 20, lambda i: iter(())),
    ("str iterator", 20, lambda i: iter(LETTERS)),
    ("bytes iterator", 20, lambda i: iter(LARGE)),
    ("bytearray iterator", 20, lambda i: iter(VIEWED)),
    ("reversed", 20, lambda i: reversed(())),
    ("list reversed", 20, lambda i: reversed(HUNDRED)),
    ("dict reversed", 20, lambda i: reversed(DICT)),
    ("range", 20, lambda i: range(i, i + 10 ** 9) if sys.version_info[0] > 2 else xrange(i)),  # noqa: F821
    ("range iterator", 20, lambda i: iter(range(i)) if sys.version_info[0] > 2 else iter(xrange(i))),  # noqa: F821
    ("callable iterator", 20, lambda i: iter(FUNCTION, 1)),
    ("sequence iterator", 20, lambda i: iter(VIEW)),
    ("enumerate", 20, lambda i: enumerate(HUNDRED)),
    ("zip", 20, lambda i: zip(HUNDRED, HUNDRED)),
    ("map", 20, lambda i: map(FUNCTION, HUNDRED)),
    ("filter", 20, lambda i: filter(None, HUNDRED)),
    ("slice", 20, lambda i: slice(1, i)),
    ("memoryview", 20, lambda i: VIEW[i % 10:]),
    ("mapping proxy", 20, lambda i: types.MappingProxyType(DICT)),
    ("namespace", 20, lambda i: types.SimpleNamespace(a=1)),
    ("generic alias", 20, lambda i: types.GenericAlias(list, (int,))),
    ("union", 20, lambda i: int | None),
    ("type variable", 20, lambda i: find("typing", "TypeVar")("T")),
    ("parameters", 20, lambda i: find("typing", "ParamSpec")("P")),
    ("context variable", 20, lambda i: find("contextvars", "ContextVar")("name")),
    ("context", 20, contextual),
    ("property", 20, lambda i: property(FUNCTION)),
    ("static method", 20, lambda i: staticmethod(FUNCTION)),
    ("class method", 20, lambda i: classmethod(FUNCTION)),
    ("super", 20, lambda i: super(Target, TARGET)),
    ("method wrapper", 20, lambda i: TARGET.__str__),
    ("weak proxy", 20, lambda i: weakref.proxy(TARGET, FUNCTION)),
    ("weak key dict", 20, lambda i: weakref.WeakKeyDictionary()),
    ("generator", 20, lambda i: (n for n in HUNDRED)),
    ("coroutine", 20, lambda i: never_awaited("coroutine")),
    ("asynchronous generator", 20, lambda i: never_awaited("asynchronous")),
    ("date", 20, lambda i: datetime.date(2000, 1, 1)),
    ("time", 20, lambda i: datetime.time(i % 24)),
    ("aware time", 20, lambda i: datetime.time(i % 24, tzinfo=datetime.timezone.utc)),
    ("datetime", 20, lambda i: datetime.datetime(2000, 1, 1, tzinfo=None)),
    ("aware datetime", 20, lambda i: datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)),
    ("timezone", 20, lambda i: datetime.timezone(DAY / 24, "name")),
    ("decimal", 20, lambda i: compiled_decimal(7) ** (i % 70)),
    ("decimal context", 20, lambda i: decimal.Context()),
    ("FloatSub", 20, FloatSub),
    ("ComplexSub", 20, ComplexSub),
    ("BytesSub", 20, lambda i: BytesSub(LARGE[:i % 100])),
    ("SetSub", 20, lambda i: SetSub(HUNDRED[:i % 100])),
    ("ArraySub", 20, lambda i: ArraySub("d", HUNDRED[:i % 100])),
    ("array", 20, lambda i: array.array("d", HUNDRED[:i % 100])),
    ("array iterator", 20, lambda i: iter(ARRAY)),
    ("pattern", 20, lambda i: compiler()("[a-z]+(x|y){%d}" % (i % 90))),
    ("match", 20, lambda i: PATTERN.match("text %d" % i)),
    ("scanner", 20, lambda i: PATTERN.scanner("text")),
    ("md5", 20, lambda i: DIGEST.copy()),
    ("compressor", 50, lambda i: zlib.compressobj()),
    ("decompressor", 50, lambda i: zlib.decompressobj()),
    ("bz2", 200, lambda i: bz2.BZ2Decompressor()),
    ("lzma", 200, lambda i: find("lzma", "LZMADecompressor")()),
    ("map of memory", 100, lambda i: mmap.mmap(-1, 4096 * (1 + i % 5))),
    ("epoll", 200, lambda i: select.epoll()),
    ("poll", 20, lambda i: filled_poll(i)),
    ("socket", 200, lambda i: socket.socket()),
    ("lock", 20, lambda i: threading.Lock()),
    ("recursive lock", 20, lambda i: find("_thread", "RLock")()),
    ("local", 20, lambda i: filled(threading.local, i)),
    ("simple queue", 20, lambda i: filled_queue(find("queue", "SimpleQueue"), i)),
    ("random", 20, lambda i: random.Random(i)),
    ("pickler", 20, lambda i: filled_pickler(pickle.Pickler, i)),
    ("PicklerSub", 20, lambda i: filled_pickler(PicklerSub, i)),
    ("unpickler", 20, filled_unpickler),
    ("element", 8, parent),
    ("XML parser", 50, lambda i: xml.parsers.expat.ParserCreate()),
    ("csv reader", 20, used_csv),
    ("csv writer", 20, lambda i: used_writer(i)),
    ("C int", 20, lambda i: ctypes.c_int(i)),
    ("C text", 20, lambda i: ctypes.c_char_p(LARGE)),
    ("C structure", 20, lambda i: Pair()),
    ("C record", 20, lambda i: Record()),
    ("C array", 20, lambda i: BUFFERS[i % 3]()),
    ("C pointer", 20, lambda i: ctypes.pointer(C_INT)),
    ("C object", 20, lambda i: ctypes.py_object(THING)),
    ("C class", 50, lambda i: type("CMade", (ctypes.Structure,), {"_fields_": [("a", ctypes.c_int), ("b", ctypes.c_char * 9)]})),
    ("JSON scanner", 50, lambda i: find("_json", "make_scanner")(DECODER)),
    ("future", 20, lambda i: find("asyncio", "Future")(loop=LOOP)),
    ("SSL context", 1000, lambda i: find("ssl", "SSLContext")(find("ssl", "PROTOCOL_TLS_CLIENT"))),
    ("time tuple", 20, lambda i: time.struct_time(range(9))),
    ("stat result", 20, lambda i: os.stat_result(range(10))),
    ("OSError", 20, lambda i: raised(OSError, 2, "no such file", "name")),
    ("UnicodeDecodeError", 20, lambda i: raised(UnicodeDecodeError, "utf-8", b"x", 0, 1, "reason")),
    ("SyntaxError", 20, lambda i: raised(SyntaxError, "text", ("name", 1, 2, "line"))),
    ("ImportError", 20, lambda i: raised(ImportError, "text")),
    ("StopIteration", 20, lambda i: raised(StopIteration, 1)),
    ("SystemExit", 20, lambda i: raised(SystemExit, 1)),
    ("KeyError", 20, lambda i: raised(KeyError, 1)),
    ("exception group", 20, lambda i: raised(BaseExceptionGroup, "text", [ERROR])),  # noqa: F821
    ("syntax tree", 20, lambda i: ast.Name()),
    ("symbols", 50, lambda i: find("_symtable", "symtable")("a = 1", "name", "exec")),
    ("Weighs", 20, lambda i: Weighs()),
    ("data class", 20, lambda i: DATA(i)),
    ("enumeration", 20, lambda i: TARGET.act),
    ("capsule", 20, lambda i: CAPSULE(1, None, None)),
    ("SQLite cursor", 20, lambda i: CONNECTION.cursor()),
    ("path", 20, lambda i: find("pathlib", "PurePosixPath")("a/b")),
    ("fraction", 20, lambda i: find("fractions", "Fraction")(1, 3)),
    ("address", 20, lambda i: find("ipaddress", "IPv4Address")(i)),
]


def filled_poll(i):
    poll = select.poll()
    for fd in range(i % 4):
        poll.register(fd)
    return poll


def made_data():
    return find("dataclasses", "make_dataclass")("Data", ["one"])


def capsule():
    function = ctypes.pythonapi.PyCapsule_New
    function.restype, function.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    return function


compiled_decimal = decimal.Decimal if sys.version_info[0] > 2 else None  # there it is written in Python
ENDLESS = itertools.count()
VIEW, ARRAY, C_INT = memoryview(VIEWED), array.array("d", HUNDRED), ctypes.c_int(1)
BUFFERS = [ctypes.c_char * 4, ctypes.c_char * 10000, ctypes.c_double * 17]
ERROR, DECODER, CAPSULE = ValueError("text"), json.JSONDecoder(), capsule()
DATA = made_data() if sys.version_info >= (3, 7) else None
LOOP = find("asyncio", "new_event_loop")() if sys.version_info >= (3, 6) else None
CONNECTION = find("sqlite3", "connect")(":memory:")


def works(make):
    try:
        for i in range(3):
            make(i)
        return True
    except Exception:  # pylint: disable=broad-except
        return False


MAKERS = [candidate for candidate in CANDIDATES if works(candidate[2])]
if __name__ == "__main__":
    for left_out in [candidate[0] for candidate in CANDIDATES if candidate not in MAKERS]:
        print(left_out)
