"""Arrays and scalars of numpy, and bitarrays: a population for population.py, as in library.py. And the environments that have
these packages."""
import os
import subprocess
import sys

try:
    import numpy
except ImportError:  # in the process that only wants environment()
    numpy = None
try:
    import bitarray
except ImportError:  # 3.6 can't have it
    bitarray = None

COMMON = ("NoneType",)
VERSIONS = [(3, 6), (3, 7), (3, 8), (3, 9), (3, 10), (3, 11), (3, 12), (3, 13)]


def environment(python):
    """The path of a Python with numpy, made now or in an earlier run; and why there is none."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    home = os.path.join(cache, "pycore-tests", "buffers-" + python.name)
    if not os.path.exists(home + "/complete"):
        install = [home + "/bin/pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
        wanted = ["numpy"] if python.version < (3, 7) else ["numpy", "bitarray"]
        for command in ([python.path, "-m", "venv", "--clear", home], install + wanted):
            done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
            if done.returncode:
                return None, "no numpy or bitarray: " + done.stdout.decode().strip()[-200:]
        with open(home + "/complete", "w", encoding="ascii"):
            pass
    return home + "/bin/python", None


def owned(objects):
    """Bytes that arrays own, by the name of their class: their elements, if no other object has them, and two numbers for each
    dimension."""
    found = {}
    for one in objects:
        if isinstance(one, numpy.ndarray):
            name = type(one).__qualname__
            found[name] = found.get(name, 0) + 16 * one.ndim + (one.nbytes if one.flags.owndata else 0)
        elif bitarray and isinstance(one, bitarray.bitarray):  # its __sizeof__ tells
            found["bitarray"] = found.get("bitarray", 0) + sys.getsizeof(one) - bitarray.bitarray.__basicsize__
    return found


def makers():
    class ArraySub(numpy.ndarray):
        pass

    base, viewed = numpy.arange(1000), bytearray(8000)
    kinds = ["i1", "i2", "i4", "i8", "u1", "f2", "f4", "f8", "c8", "c16", "?", "S7", "U3", ">i4", "M8[s]", "O", "V9", "g"]
    pair = numpy.dtype([("a", "i4"), ("b", "f8")])
    pairs = numpy.zeros(100, pair)
    return [
        ("array", 8, lambda i: numpy.zeros(i % 900)),
        ("typed array", 8, lambda i: numpy.zeros(i % 300, kinds[i % len(kinds)])),
        ("table", 8, lambda i: numpy.ones((i % 7, i % 11, 3), kinds[i % 10])),
        ("turned table", 8, lambda i: numpy.asfortranarray(base.reshape(20, 50))),
        ("view", 8, lambda i: base[i % 50:]),
        ("backwards", 8, lambda i: base[::-1]),
        ("no dimensions", 8, lambda i: numpy.array(1.5)),
        ("large array", 400, lambda i: numpy.zeros(200000)),
        ("pairs", 8, lambda i: numpy.zeros(i % 20, pair)),
        ("buffer", 8, lambda i: numpy.frombuffer(viewed)),
        ("ArraySub", 8, lambda i: ArraySub((i % 20, 2))),
        ("ArraySub view", 8, lambda i: base.view(ArraySub)),
        ("float64", 8, lambda i: numpy.float64(i + 0.5)),
        ("float32", 8, numpy.float32),
        ("float16", 8, numpy.float16),
        ("int8", 8, lambda i: numpy.int8(i % 100)),
        ("uint16", 8, numpy.uint16),
        ("int32", 8, numpy.int32),
        ("int64", 8, numpy.int64),
        ("complex64", 8, numpy.complex64),
        ("complex128", 8, numpy.complex128),
        ("datetime64", 8, lambda i: numpy.datetime64(i, "s")),
        ("timedelta64", 8, lambda i: numpy.timedelta64(i, "s")),
        ("str_", 8, lambda i: numpy.str_("text" * (1 + i % 20))),
        ("bytes_", 8, lambda i: numpy.bytes_(b"x" * (1 + i % 40))),
        ("void", 8, lambda i: numpy.void(b"x" * (1 + i % 40))),
        ("pair", 8, lambda i: pairs[i % 100]),
    ] + ([
        ("bits", 8, lambda i: bitarray.bitarray(i % 3000)),
        ("bits of a buffer", 8, lambda i: bitarray.bitarray(buffer=viewed)),
    ] if bitarray else [])


MAKERS = makers() if numpy else []
if __name__ == "__main__":
    print(sys.version, numpy and numpy.__version__)
