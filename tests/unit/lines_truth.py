"""What CPython itself says of its line tables, for test_lines.c: run by each Python, 2.7 included.

Prints "scheme N", then for each code object "code FIRSTLINENO TABLE", TABLE in hexadecimal or "-"; then a row
"OFFSET LINE END_LINE COLUMN END_COLUMN" for each instruction where these change, -1 for none; then "end SIZE STEP".
"""
import ast
import binascii
import ctypes
import os
import sys

UNSIGNED, SIGNED, RANGES, LOCATIONS = range(4)  # enum lines_scheme
MODULES = ("argparse", "ast", "codecs", "decimal", "difflib", "inspect", "locale", "pickle", "subprocess",
           "textwrap", "threading", "uuid", "_pydecimal", "typing", "dataclasses", "enum", "asyncio/tasks", "this")
MOST = 800  # offsets looked at in one table

SOURCES = [
    "",
    "x = 1",
    "\n" * 300 + "x = 1\n" + "\n" * 1000 + "y = 2\n" + "\n" * 70000 + "def f():\n" + "\n" * 128 + "    return 1\n",
    "def f(a, b):\n    return [\n        a +\n        b(\n            1,\n            2)\n        for a\n        in b\n        if a]\n",
    "@a\n@b(\n 1)\nclass C(\n  D,\n  E):\n    '''doc'''\n    def m(self):\n        try:\n            with x as y, \\\n              z:\n"
    "                raise (yield)\n        except (A,\n            B) as e:\n            raise\n        finally:\n            g()\n",
    "def f():\n    while 1:\n        if a:\n            break\n        elif b and \\\n           c or d:\n            continue\n    else:\n        pass\n",
    "x = (" + " + ".join("a%d" % i for i in range(2000)) + ")\n",
    "f(" + ",\n\n\n".join("a%d" % i for i in range(200)) + ")\n",
    "f(" + "\n" * 400 + "a)(\nb" + "\n" * 200 + ")\n",
    "def f():\n" + "".join("    x%d = %d\n" % (i, i) for i in range(12000)),
    "def f(x):\n    return x(lambda: (1,\n 2), lambda: {\n 3: 4,\n 5: [6 for _ in 7]})\n",
    "if 1:\n" + " " * 300 + "f(" + "a" * 5000 + ", b)\n",
    u"# coding: utf-8\nf(u'\u4e2d\u6587', u'\xe9', a.b, c)\n",
    "def g():\n    yield 1\n    x = yield\n    return\n",
    "assert x, (\n 'no'\n % y)\ndel x[\n0], y\nimport a.b, \\\n  c\nfrom d import (e,\n f as g)\n",
]
NEW_SOURCES = [
    "async def f():\n    async with a as b:\n        async for c in d:\n            await e(\n                f)\n    return [g async for g in h]\n",
    "def f(a, *, b=1, **c):\n    x = f\'\'\'{a}{\n b}\'\'\' if 0 else f'{a}'\n    nonlocal_ = lambda: x\n    return {**a, 'b': [*c]}\n",
]


def shuffled():
    """A tree whose lines jump back and forth, farther than any source makes them."""
    tree = ast.parse("\n".join("f(a, b)" for _ in range(40)))
    jumps = [1, 127, 128, 129, 255, 256, 257, 5, 300, 1, 32767, 32768, 65536, 2, 1000000, 3, 4, 130, 2, 131]
    for index, statement in enumerate(tree.body):
        line = jumps[index % len(jumps)]
        for node in ast.walk(statement):
            if hasattr(node, "lineno"):
                node.lineno = line
            if hasattr(node, "end_lineno"):
                node.end_lineno = line + index % 3
                node.col_offset, node.end_col_offset = index * 1000, index * 1000 + 100
    return compile(tree, "shuffled", "exec")


def sources():
    for text in SOURCES + (NEW_SOURCES if sys.version_info > (3, 6) else []):
        yield compile(text.encode("utf-8"), "nasty", "exec")
    if sys.version_info > (3, 6):  # 2.7's unsigned lines can't go back
        yield shuffled()


def modules():
    root = os.path.dirname(os.__file__)
    for name in MODULES:
        path = os.path.join(root, name + ".py")
        if os.path.exists(path):
            with open(path, "rb") as file:
                yield compile(file.read(), path, "exec")


def nested(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, type(code)):
            for inner in nested(constant):
                yield inner


def places(code, size, step):
    """(offset, (line, end_line, column, end_column)) of every instruction looked at."""
    line_of = ctypes.pythonapi.PyCode_Addr2Line
    line_of.argtypes = [ctypes.py_object, ctypes.c_int]
    if not hasattr(code, "co_positions"):
        for offset in range(0, size, step):
            yield offset, (line_of(code, offset), -1, -1, -1)
        return
    for unit, place in enumerate(code.co_positions()):
        if 2 * unit % step == 0:
            place = tuple(-1 if value is None else value for value in place)
            assert place[0] == line_of(code, 2 * unit), (code, unit, place)
            yield 2 * unit, place


def show(code):
    table = code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab
    size = len(code.co_code)
    unit = 1 if sys.version_info < (3, 6) else 2
    step = unit * max(1, size // unit // MOST)
    rows = ["code %d %s" % (code.co_firstlineno, binascii.hexlify(table).decode() or "-")]
    before = None
    for offset, place in places(code, size, step):
        if place != before:
            rows.append("%d %d %d %d %d" % ((offset,) + place))
        before = place
    rows.append("end %d %d\n" % (size, step))
    return "\n".join(rows)


def main():
    version = sys.version_info[:2]
    scheme = UNSIGNED if version < (3, 6) else SIGNED if version < (3, 10) else RANGES if version < (3, 11) else LOCATIONS
    sys.stdout.write("scheme %d\n" % scheme)
    for makers in (sources(), modules()):
        for code in makers:
            for inner in nested(code):
                sys.stdout.write(show(inner))


main()
