"""Frames that come and go."""
import ctypes

from kit import C, INT_INT, end, enter, extension, leave, py_inner


def recursion():
    def py_down(n):
        enter("py_down")
        if n == 0:
            py_inner()
        elif n % 4 == 0:
            C.nat_twice(down, n - 1)
        elif n % 4 == 1:
            extension.call_object(py_down, n - 1)
        elif n % 4 == 2:
            py_down(n - 1)
        else:
            list(map(py_down, [n - 1]))
        leave()
        return n
    down = INT_INT(py_down)
    return lambda: py_down(60)


def deep():
    """Python only, so that from 3.11 on one native frame runs all."""
    def py_down(n):
        enter("py_down")
        if n:
            py_down(n - 1)
        else:
            py_inner()
        leave()
    return lambda: py_down(120)


def generators():
    def py_numbers(n):
        enter("py_numbers")
        py_inner()
        leave()
        yield n
        enter("py_numbers")
        leave()

    def py_outer():
        enter("py_outer")
        for n in py_numbers(1):
            leave()
            yield n
            enter("py_outer")
        leave()

    def py_idle():
        yield 1
        yield 2

    def py_collect():
        enter("py_collect")
        idle = py_idle()  # begun, and waiting: on no stack
        next(idle)
        list(py_outer())
        leave()

    def py_loop():
        enter("py_loop")
        for _ in py_numbers(2):
            pass
        py_collect()
        leave()
    return py_loop


def thrown():
    """Generators that are entered by an exception, and by the end of their lives."""
    def py_closing():
        try:
            yield 1
        finally:
            enter("py_closing")
            py_inner()
            leave()

    def py_catching():
        try:
            yield 1
        except ValueError:
            enter("py_catching")
            closing = py_closing()
            next(closing)
            del closing
            leave()
        yield 2

    def py_throw():
        enter("py_throw")
        catching = py_catching()
        next(catching)
        catching.throw(ValueError())
        leave()
    return py_throw


def executed():
    space = {"py_inner": py_inner, "enter": enter, "leave": leave, "extension": extension}
    space["space"] = space
    body = compile("def py_body():\n    enter('py_body')\n    py_inner()\n    leave()\npy_body()\n", "<body>", "exec")
    space["body"] = body
    text = "extension.run('class py_Class(object):\\n    enter(\"py_Class\")\\n    exec(body, space)\\n    leave()\\n', space)"

    def py_execute():
        enter("py_execute")
        eval(text, space)
        leave()
    return py_execute


def bottom():
    """The innermost Python frame is that of the module."""
    exec(compile("for _ in range(100): end(0)", "<module body>", "exec"), globals())


def in_evaluation():
    """It dies in the evaluation function itself: a constant of py_last is no object."""
    def py_last():
        enter("py_last")
        return 12345.6789  # later versions look at what it is only here

    def py_first():
        enter("py_first")
        extension.call_object(py_last)
        leave()
    constants = py_last.__code__.co_consts
    place = id(constants) + tuple.__basicsize__ + constants.index(12345.6789) * ctypes.sizeof(ctypes.c_void_p)
    ctypes.c_void_p.from_address(place).value = 0x10
    return py_first
