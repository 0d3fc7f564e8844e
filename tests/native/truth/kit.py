"""What all scenarios share: the libraries, and how a function writes itself down."""
import ctypes
import sys

END, LIBRARY = sys.argv[2:4]
sys.path.insert(1, sys.argv[4])
import extension  # noqa: E402,F401

C, HELD = ctypes.CDLL(LIBRARY), ctypes.PyDLL(LIBRARY)
INT_INT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
ROUNDS = 40  # by then whatever can be specialised is
end = C.nat_end  # dies, or waits, the last time that it is called
leave = HELD.pop


def enter(name):
    HELD.push(name.encode("ascii"))


def rounds(function):
    for _ in range(ROUNDS + 1):
        function()


def py_leaf(n=0):
    enter("py_leaf")
    found = end(n)
    leave()
    return found


def py_inner(n=0):
    enter("py_inner")
    found = py_leaf(n)
    leave()
    return found
