"""Python functions that C functions call."""
import functools

from kit import C, COMPARE, INT_INT, enter, extension, leave, py_inner, py_leaf


def callbacks():
    def py_third(n):
        enter("py_third")
        found = py_inner(n) & 0xff
        leave()
        return found
    back = INT_INT(py_third)

    def py_second(n):
        enter("py_second")
        found = C.nat_twice(back, n)
        leave()
        return found
    second = INT_INT(py_second)

    def py_first():
        enter("py_first")
        C.nat_call(second, 3)
        leave()
    return py_first


def qsort():
    def py_compare(a, b):
        enter("py_compare")
        found = py_leaf(0) & 1
        leave()
        return found
    compare = COMPARE(py_compare)

    def py_sort():
        enter("py_sort")
        C.nat_sort(compare, 1)
        leave()
    return py_sort


def objects():
    """From extension modules, with and without other C functions of Python between."""
    def py_one(n):
        enter("py_one")
        found = extension.call_object(py_inner, n)
        leave()
        return found

    def py_two(n):
        enter("py_two")
        found = list(map(functools.partial(extension.call_object, py_one), [n]))
        leave()
        return found

    def py_three():
        enter("py_three")
        sorted([1], key=py_two)
        leave()
    return py_three


def slots():
    def asker(name, act):
        space = {"enter": enter, "leave": leave, "act": act}
        exec("def %s():\n    enter(%r)\n    found = act()\n    leave()\n    return found" % (name, name), space)
        return extension.Asker(space[name])

    def dropped():
        asker("py_when_dropped", lambda: py_inner())
        return 1
    chain = asker("py_when_item", dropped)
    item = chain
    chain = asker("py_when_attribute", lambda: item[3])
    attribute = chain
    chain = asker("py_when_length", lambda: [attribute.what])
    length = chain
    chain = asker("py_when_called", lambda: len(length))
    called = chain
    chain = asker("py_when_compared", lambda: called(1, two=2))
    compared = chain
    chain = asker("py_when_next", lambda: compared == 1)
    following = chain
    chain = asker("py_when_added", lambda: next(following))

    def py_first():
        enter("py_first")
        chain + 1
        leave()
    return py_first


def magic():
    """Methods that the interpreter calls, partly without a detour through C."""
    class Meta(type):
        def py_call_class(cls, *args):
            enter("py_call_class")
            found = type.__call__(cls, *args)
            leave()
            return found
        __call__ = py_call_class

    class Descriptor(object):
        def py_get(self, instance, owner=None):
            enter("py_get")
            found = py_inner()
            leave()
            return found
        __get__ = py_get

    class Plain(object):
        value = Descriptor()

        def py_init(self, depth):
            enter("py_init")
            self.depth = depth
            self.value
            leave()
        __init__ = py_init

        def py_getitem(self, key):
            enter("py_getitem")
            found = Plain(key)
            leave()
            return found
        __getitem__ = py_getitem

        @property
        def below(self):
            return self.py_below()

        def py_below(self):
            enter("py_below")
            found = self[1]
            leave()
            return found

    Class = Meta("Class", (object,), {})

    def py_getattr(self, name):
        enter("py_getattr")
        found = Plain.__new__(Plain).below
        leave()
        return found

    def py_new(cls, *args):
        enter("py_new")
        found = object.__new__(cls)
        found.missing
        leave()
        return found

    def py_add(self, other):
        enter("py_add")
        found = Class(1)
        leave()
        return found

    def py_contains(self, other):
        enter("py_contains")
        found = bool(self + 1)
        leave()
        return found

    def py_enter(self):
        enter("py_enter")
        1 in self
        leave()

    def py_iter(self):
        enter("py_iter")
        with self:
            pass
        leave()
        return iter(())
    Class.__getattr__, Class.__new__, Class.__add__, Class.__contains__ = py_getattr, staticmethod(py_new), py_add, py_contains
    Class.__enter__, Class.__exit__, Class.__iter__ = py_enter, lambda *_: None, py_iter
    start = object.__new__(Class)

    def py_first():
        enter("py_first")
        for _ in start:
            pass
        leave()
    return py_first


def libraries():
    """C functions of the standard library that call back."""
    import json
    import re

    def py_default(o):
        enter("py_default")
        found = py_inner()
        leave()
        return found

    def py_replace(match):
        enter("py_replace")
        json.dumps({"a": [object()]}, default=py_default)
        leave()
        return "b"

    def py_reduce(a, b):
        enter("py_reduce")
        re.sub("a", py_replace, "xa")
        leave()
        return 1

    def py_key(n):
        enter("py_key")
        functools.reduce(py_reduce, [1, 2])
        leave()
        return n

    def py_filter(n):
        enter("py_filter")
        found = min([n], key=py_key)
        leave()
        return found

    def py_first():
        enter("py_first")
        list(filter(py_filter, [5]))
        leave()
    return py_first


def cython():
    """Frames that were made up for a traceback are on no stack."""
    def py_missing():
        enter("py_missing")
        py_inner()
        leave()

    def py_total():
        enter("py_total")
        extension.cython([1, 2], py_missing)
        leave()
    return py_total
