"""What CPython's own traceback module underlines, for test_source.c: run by each Python from 3.11 on.

Prints "style N", then for every expression of many sources three lines: "at COLUMN END_COLUMN END_LINE" with the columns in
bytes, "line TEXT" with the line as it is in the file, and "carets TEXT" with what the traceback shows below it. What pycore
shows in another way on purpose is left out, see differs().
"""
import ast
import os
import sys
import traceback

OPERATORS, CALLS = range(2)  # enum caret_style
MODULES = ("argparse", "ast", "codecs", "decimal", "difflib", "fractions", "inspect", "locale", "pickle", "random", "statistics",
           "subprocess", "textwrap", "threading", "uuid", "_pydecimal", "typing", "dataclasses", "enum", "asyncio/tasks", "colorsys",
           "datetime", "_pydatetime", "tokenize", "heapq", "turtle", "calendar", "zipfile", "zipfile/__init__", "idlelib/pyshell")
MOST = 1500  # expressions of one module

LINES = """\
x = f(1)
x=f(1)
x = y = f(1)
x.y = f(1)
x[0] = f(1)
x: int = f(1)
x += f(1)
return f(1)
return f.g(1)
return f(1)  # what
return f(1); g()
return f(1) + 1
return  f ( 1 )
return f(1)(2)
return -f(1)
return await f(1)
f(1)
f(1);
f(1) # what
f(1)[2](3).g
f(1)[2](3).g(4)
(f)(1)
(f)((1))
(f) [ 1 ]
f [ (1, 2) ] [ 3 ]
f(*a, **b)[1:2, ...]
a + b
a+b
a + b + c
a - b * c
a * b - c
a ** b ** c
-a ** b
-a * b
~a | b
a ** -b
a if b else c + d
not a + b
a + b < c
a, b + c
(a + b) * (c + d)
((a)) + ((b))
a @ b // c % d
a << b >> c & d ^ e | f
a | b ^ c & d << e
a[b](c) + d.e
a.b.c
a.b.c[d]
await a + b
x = await a.b(c)
[a + b for a in c][0]
{a: b}[a]
{a, b}
"a" "b" % c
"a + b" + 'c - d'
r"\\\\" + b'''x' + ''' + c
f"{a + b}" + c
f"{a['b']}{{}}" % c
f"{a!r:>{b}}" + "x"
rb"x" + Rb'y'
u"x" * 3
1.5e-3 + .5
1e5-0x1e-3
1_000 * 1j
1..real + 1.0.imag
... + a
a<b
lambda: a + b
x = lambda a, *b: f(a)
yield f(a)
x = yield f(a) + b
assert f(a), g(b)
raise f(a) from g(b)
del a[b], c.d[e]
for a in b[c]: pass
while f(a): g(b)
with f(a) as b, g(c): pass
if f(a): x = g(b)
print(f(a), g(b), h + i, sep=j[k])
@f(a)
def g(b=f(c)): pass
class A(f(b)): pass
import a
from a import b
global_ = a
\u4e2d\u6587 = \u4e2d(\u6587) + '\uff21\U0001f40d'[0]
x = "\u4e2d\u6587" + f("\u6587") % a
x = "e\u0301\u00e9" + f("\u00f1")[1]
x\t=\tf(1)\t+\t2
    x = a + b
\tx = f(1)
  \t  return a[f(b)]
"""


def style():
    return CALLS if "left_end_lineno" in traceback._Anchors._fields else OPERATORS


def sources():
    yield from LINES.split("\n")[:-1]
    for name in MODULES:
        path = os.path.join(os.path.dirname(os.__file__), name + ".py")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                yield file.read()


def parse(text):
    """The nodes of a module, or of one line that may need something around it."""
    if "\n" in text:
        yield from ast.walk(ast.parse(text))
        return
    bare = text.lstrip(" \t\f")
    for form in "{}", "async def f():\n {}", "{}\ndef f(): pass":
        try:
            tree = ast.parse(form.format(bare))
            break
        except SyntaxError:
            continue
    inside = form.startswith("async")
    for node in ast.walk(tree):
        if hasattr(node, "lineno") and node.end_lineno == 1 + inside:
            node.lineno = node.end_lineno = 1
            node.col_offset += len(text) - len(bare) - inside
            node.end_col_offset += len(text) - len(bare) - inside
            yield node


def differs(node, line, shown):
    """Whether pycore shows it otherwise."""
    old = not hasattr(traceback, "_display_width")  # as Debian 12's
    node = node.value if isinstance(node, ast.Expr) else node
    if any(char not in "\t\f" and not char.isprintable() for char in line):
        return True  # is escaped
    if not line.isascii() and old:
        return True  # Python counted characters, not columns
    if isinstance(node, ast.BinOp):
        # Python takes what stands behind an operator for a part of it, as in a+(b), or one of two characters for all of it
        two = isinstance(node.op, (ast.Pow, ast.FloorDiv, ast.LShift, ast.RShift))
        return "^" * (1 + two) != shown.strip("~ ") or (old and line.encode()[node.left.end_col_offset] == ord(")"))
    if isinstance(node, ast.Subscript) and old:
        return line.encode()[node.value.end_col_offset] != ord("[") or node.slice.end_col_offset + 1 != node.end_col_offset
    return False


def underlined(node, line):
    frame = traceback.FrameSummary("f", 1, "f", lookup_line=False, line=line + "\n", end_lineno=1 + node.end_lineno - node.lineno,
                                   colno=node.col_offset, end_colno=node.end_col_offset)
    rows = traceback.StackSummary.from_list([frame]).format()[0].split("\n")
    return rows[2] if rows[2:] else ""


def main():
    out = open(sys.stdout.fileno(), "w", encoding="utf-8", newline="\n")
    newest = style() == CALLS
    print("style", style(), file=out)
    for text in sources():
        lines = text.split("\n")
        left = MOST
        for node in parse(text):
            if not isinstance(node, (ast.expr, ast.stmt)) or not left or not 1 <= node.lineno <= len(lines):
                continue
            line = lines[node.lineno - 1]
            if not line.strip() or (newest and node.end_lineno != node.lineno):
                continue  # several lines are shown there
            if (node.lineno, node.col_offset) == (node.end_lineno, node.end_col_offset):
                continue  # 3.12 has such, of f-strings
            shown = underlined(node, line)
            if differs(node, line, shown):
                continue
            left -= 1
            print("at", node.col_offset, node.end_col_offset, 1 + node.end_lineno - node.lineno, file=out)
            print("line", line, file=out)
            print("carets", shown, file=out)


main()
