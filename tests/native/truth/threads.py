"""Threads of Python and of C, and interpreters."""
import threading
import time

import calls
import events
import frames
from kit import C, END, INT_INT, LIBRARY, enter, extension, leave, py_inner, rounds


SUB = """
import ctypes
HELD = ctypes.PyDLL(%r)
end = ctypes.CDLL(%r).nat_end

def py_sub_leaf():
    HELD.push(b"py_sub_leaf")
    end(1)
    HELD.pop()

def py_sub():
    HELD.push(b"py_sub")
    list(map(lambda _: py_sub_leaf(), [1]))
    HELD.pop()
for _ in range(100):
    py_sub()
"""


def threads():
    def parked():
        C.nat_wait(0)

    def py_park(n):
        enter("py_park")
        if n == 0:
            parked()
        elif n % 2:
            C.nat_call(park, n - 1)
        else:
            extension.call_object(py_park, n - 1)
        leave()
        return 0
    park = INT_INT(py_park)
    for n in (0, 1, 6, 7):
        thread = threading.Thread(target=py_park, args=(n,))
        thread.daemon = True
        thread.start()
    time.sleep(0.3)
    return lambda: py_inner(1)


def dies_elsewhere():
    """A thread dies while the main one is deep in calls of its own."""
    def py_worker():
        enter("py_worker")
        rounds(lambda: extension.call_object(py_inner, 1))
        leave()

    def py_main(n):
        enter("py_main")
        thread = threading.Thread(target=py_worker)
        thread.start()
        thread.join()
        leave()
        return 0
    main = INT_INT(py_main)

    def py_start():
        enter("py_start")
        C.nat_call(main, 1)
        leave()
    py_start()


def foreign_thread():
    def py_called(n):
        enter("py_called")
        found = py_inner(n) & 0xff
        leave()
        return found
    called = INT_INT(py_called)

    def py_start():
        enter("py_start")
        C.nat_thread(called, 1)
        leave()
    return py_start


def gil_thread():
    def py_called():
        enter("py_called")
        py_inner()
        leave()

    def py_start():
        enter("py_start")
        extension.gil_thread(py_called)
        leave()
    return py_start


def bare_thread():
    """Without the frames of threading."""
    try:
        import _thread
    except ImportError:
        import thread as _thread

    def py_entry():
        enter("py_entry")
        rounds(py_inner)
    _thread.start_new_thread(py_entry, ())
    C.nat_wait(0)


def interpreter():
    def py_start():
        enter("py_start")
        extension.interpreter(SUB % (LIBRARY, LIBRARY))
        leave()
    return py_start


def busy():
    """Everything at once, in several threads, for ever: whoever kills the process does so at any moment."""
    def loop(functions):
        while True:
            for function in functions:
                function()
    several = [calls.callbacks(), calls.objects(), calls.slots(), calls.magic(), calls.libraries(), frames.generators(),
               frames.thrown(), frames.recursion(), frames.deep(), events.finalizers(), events.frame_cleared()]
    C.prepare(1 << 30, 0)
    for number in (3, 6):
        thread = threading.Thread(target=loop, args=(several[number:] + several[:number],))
        thread.daemon = True
        thread.start()
    open("ready", "w").close()
    loop(several)


def greenlets():
    """One thread with several stacks, of which all but one are put aside."""
    import greenlet
    main = greenlet.getcurrent()

    def py_leaf(n):
        return C.nat_end(1)
    leaf = INT_INT(py_leaf)

    def py_child():
        main.switch()
        C.nat_call(leaf, 1)

    def py_deeper(n):
        child.switch()

    def py_first(n):
        child.switch()
        return 0
    first = INT_INT(py_first)
    child = greenlet.greenlet(py_child)
    C.nat_call(first, 1)
    C.prepare(0, END == "wait")
    list(map(py_deeper, [1]))
