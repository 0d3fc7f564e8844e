"""Dies, or waits to be looked at, in the way that its first argument names; the others are libraries, and folders with an
extension module. What it knows of its own end it writes into the file "facts" before."""
import ctypes
import json
import mmap
import os
import re
import resource
import select
import signal
import sys
import threading
import time

HOW, LIBRARIES = sys.argv[1], sys.argv[2:]
C = ctypes.CDLL(None)
INT_INT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
C.mmap.restype = ctypes.c_void_p
C.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + 3 * [ctypes.c_int] + [ctypes.c_long]
C.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
C.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
READ, READ_WRITE, ANONYMOUS = 1, 3, 0x22
# Where an object counts its references: behind the links of a debug build, or the owner of free-threaded ones.
FREE_THREADED = "t" in getattr(sys, "abiflags", "")
COUNT_AT = 12 if FREE_THREADED else object.__basicsize__ - 2 * ctypes.sizeof(ctypes.c_void_p)
GC_BITS_AT = 11  # of free-threaded ones


def ready():
    with open("ready", "w") as f:
        f.write(str(os.getpid()))


def facts(**known):
    with open("facts", "w") as f:
        json.dump(known, f)


def library(name):
    for path in LIBRARIES:
        if not os.path.isdir(path) and hasattr(ctypes.CDLL(path), name):
            return getattr(ctypes.CDLL(path), name)
    raise SystemExit("no library has " + name)


def has_symbol(name):
    """Whether the file of the interpreter has one for a variable that is not exported."""
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if re.search(r"/(libpython|python)[0-9.]*[^/]*$", line)}
    return any(name.encode() + b"\0" in open(path, "rb").read() for path in paths if "debug" not in path)


def extension():
    sys.path[:0] = [path for path in LIBRARIES if os.path.isdir(path)]
    import extension
    return extension


def pages(protection):
    return C.mmap(None, 1 << 16, protection, ANONYMOUS, -1, 0)


# Pointers

def null_string():
    facts(address=0)
    ctypes.string_at(0)


def string_at():
    facts(address=1)
    ctypes.string_at(1)


def wild_pointer():
    address = pages(READ)
    C.munmap(address, 1 << 16)
    facts(address=address + 0x123)
    ctypes.string_at(address + 0x123)


def not_canonical():
    ctypes.string_at(0xdead000000000000)


def read_only():
    address = pages(READ)
    facts(address=address + 0x40)
    C.memset(address + 0x40, 7, 1)


def bad_object():
    """A reference to what is no object."""
    def take(pointer):
        return ctypes.cast(pointer, ctypes.py_object).value
    room = ctypes.create_string_buffer(256)
    ctypes.memset(room, 0x58, 256)
    repr(take(ctypes.addressof(room) + 64))


def poisoned_constant():
    """It dies in the evaluation function itself: one of its constants is no object."""
    # since 3.14 it first looks whether references to it are to be counted
    facts(address=0x10 + (GC_BITS_AT if FREE_THREADED and sys.version_info >= (3, 14) else COUNT_AT))

    def last():
        return [12345.6789]
    constants = last.__code__.co_consts
    place = id(constants) + tuple.__basicsize__ + constants.index(12345.6789) * ctypes.sizeof(ctypes.c_void_p)
    ctypes.c_void_p.from_address(place).value = 0x10
    sorted([1], key=lambda _: last())


def while_handling():
    facts(address=0, lines=["ValueError", "out of range"])
    try:
        raise ValueError("out of range")
    except ValueError:
        ctypes.string_at(0)


def while_collecting():
    import gc
    import weakref

    class Node(object):
        pass
    node = Node()
    node.me = node
    # 2.7 and 3.6 keep it in a variable of their own, which none but a symbol leads to
    told = sys.version_info >= (3, 7) or has_symbol("collecting")
    facts(address=0, lines=["garbage collect"] if told else [])
    held = weakref.ref(node, lambda _: ctypes.string_at(0))
    del node
    gc.collect()
    return held


# What gives up by itself

def os_abort():
    os.abort()


def abort_in_callback():
    numbers = (ctypes.c_int * 8)(*range(8))
    C.qsort(numbers, 8, 4, COMPARE(lambda a, b: C.abort()))


def fatal_error():
    fatal = ctypes.pythonapi.Py_FatalError
    fatal.restype = None
    fatal(b"nothing is true any more")


def killed_itself():
    facts(sender=os.getpid())
    os.kill(os.getpid(), signal.SIGABRT)


def in_forked_child():
    child = os.fork()
    if child == 0:
        facts(pid=os.getpid())
        ctypes.string_at(0)
    os.waitpid(child, 0)


def out_of_time():
    resource.setrlimit(resource.RLIMIT_CPU, (1, 100))
    while True:
        pass


def too_large_file():
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 32))
    fd = os.open("large", os.O_CREAT | os.O_RDWR)
    os.lseek(fd, 1 << 30, os.SEEK_SET)
    os.write(fd, b"x")


def bus_error():
    """A mapped file that somebody cuts off."""
    path = os.path.abspath("cut-off")
    with open(path, "w+b") as f:
        f.write(b"x" * (1 << 16))
        f.flush()
        mapped = mmap.mmap(f.fileno(), 1 << 16)
        mapped[40000]
        f.truncate(4096)
        facts(path=path)
        mapped[40000]


# Stacks that are too small

def python_overflow():
    """Frames of Python; from 3.11 on they are on the C stack only if C calls them."""
    sys.setrecursionlimit(10 ** 6)
    if sys.version_info >= (3, 12):  # which count calls from C
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))

    def down(n):
        return down(n + 1)

    def down_through_c(n):
        return sorted([n + 1], key=down_through_c)
    (down_through_c if sys.version_info >= (3, 11) else down)(0)


def overflow_in_attribute():
    resource.setrlimit(resource.RLIMIT_STACK, (1 << 21, resource.getrlimit(resource.RLIMIT_STACK)[1]))

    class Node(object):
        def __getattr__(self, name):
            return [self].index(Node()) or self.more

        def __eq__(self, other):
            return other.name

        __hash__ = None
    sys.setrecursionlimit(10 ** 6)
    Node().start


def overflow_in_python_thread():
    sys.setrecursionlimit(10 ** 6)
    threading.stack_size(256 * 1024)

    def down(n):
        return list(map(down, [n + 1]))
    thread = threading.Thread(target=down, args=(0,))
    thread.start()
    thread.join()


# Through other code

def callback_through_library():
    null_deref = library("null_deref")
    library("call_through")(INT_INT(lambda n: null_deref(n)), 3)


def extension_fault():
    extension().fault(None)


def extension_callback():
    def called(n):
        return extension().fault(n)
    sorted([3], key=lambda n: extension().call_object(called, n))


def cython():
    extension().cython([1, 2], lambda: extension().fault(None))


# Waiting

def lock():
    held = threading.Lock()
    held.acquire()
    ready()
    held.acquire()


def sleep():
    ready()
    time.sleep(1000)


def read_pipe():
    into, _ = os.pipe()
    ready()
    os.read(into, 1)


def wait_for_socket():
    import socket
    a, _ = socket.socketpair()
    ready()
    select.select([a], [], [])


def wait_for_child():
    import subprocess
    child = subprocess.Popen(["sleep", "1000"])
    ready()
    child.wait()


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
    own = globals().get(HOW)
    if own:
        return own()
    if HOW in ("in_vdso", "wait_for_ever", "wait_for_futex", "wait_for_pool", "lock_twice", "killed"):
        ready()
    if HOW == "killed":
        while True:
            time.sleep(100)
    if HOW == "null_member":
        facts(address=0x128)
    return library(HOW)({"recurse": 300, "overflow_with_own_stack": 50}.get(HOW, 7))


main()
