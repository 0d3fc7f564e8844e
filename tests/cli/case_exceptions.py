"""The exceptions of a report, word for word what Python's own traceback module says."""
import re

from kit import COMPLETE, brief
from case_values import VERSIONS
from subjects import python

RAISE = """
import os, sys, traceback
def fail(text):
    raise ValueError(text)
def again(n):
    if n:
        again(n - 1)
    fail("again")
class Error(Exception):
    pass
class Odd(Exception):
    def __str__(self):
        return "computed"
def main():
    try:
        BODY
    except BaseException:
        with open("truth", "w") as file:
            file.write(traceback.format_exc())
        os.abort()
main()
"""

# A name, the program's body (indented by eight), the first version that has it.
RAISED = [
    ("plain", "fail('bad value')", (2, 7)), ("empty", "raise KeyboardInterrupt", (2, 7)), ("lines", "fail('one\\ntwo\\n')", (2, 7)),
    ("own class", "raise Error('x', 1)", (2, 7)), ("key", "{}['a\\nb']", (2, 7)), ("file", "open('/nowhere/file')", (3, 6)),
    ("recursion", "again(9)", (3, 6)), ("shallow recursion", "again(2)", (3, 6)), ("syntax", "compile('a = (1,\\n   b c', 'made up', 'exec')", (3, 10)),
    ("syntax, wide characters", "compile('x = (\\u6f22\\u5b57, \\U0001f40d e\\u0301 b)', 'made up', 'exec')", (3, 10)),
    ("syntax, wide before", "compile('\\u6f22\\u5b57 = \\'e\\u0301\\' y', 'made up', 'exec')", (3, 10)),
    ("syntax, several lines", "compile('f(a for a in b,\\n  c)', 'made up', 'exec')", (3, 10)),
    ("syntax, made by hand", "raise SyntaxError('t', ('f.py', 3, 5, 'ab \\u6f22\\u5b57 cd\\n'))", (3, 10)),
    ("import", "import no_such_module", (3, 6)),
    ("unicode", "fail('caf\\xe9 \\u4e2d \\U0001f40d')", (3, 6)),
    ("context", "try:\n            fail('first')\n        except ValueError:\n            fail('second')", (3, 6)),
    ("cause", "try:\n            fail('first')\n        except ValueError as e:\n            raise Error('second') from e", (3, 6)),
    ("suppressed", "try:\n            fail('first')\n        except ValueError:\n            raise Error('second') from None", (3, 6)),
    ("three", "try:\n            try:\n                fail('1')\n            except ValueError as e:\n                raise KeyError('2') from e\n"
     "        except KeyError:\n            fail('3')", (3, 6)),
    ("itself", "e = Error('loop'); e.__context__ = ValueError('before'); e.__context__.__context__ = e; raise e", (3, 9)),  # before, Python hangs
    ("notes", "e = Error('noted'); e.add_note('one\\ntwo'); e.add_note('three'); raise e", (3, 11)),
    ("group", "raise ExceptionGroup('group', [ValueError('a\\nb'), ExceptionGroup('inner', [KeyError('c'), Error()])])", (3, 11)),
    ("group with a cause", "try:\n            fail('first')\n        except ValueError as e:\n"
     "            raise ExceptionGroup('group', [e, TypeError('second')]) from OSError(5, 'third')", (3, 11)),
    ("group of many", "raise ExceptionGroup('many', [ValueError(i) for i in range(20)])", (3, 11)),
    ("deep group", "e = ValueError('deep')\n        for i in range(14):\n            e = ExceptionGroup(f'level {i}', [e])\n        raise e", (3, 11)),
]


def below(text, heading):
    """The block of lines behind the heading that begins so, without its indentation."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if line.startswith(heading):
            block = []
            for inside in lines[i + 1:]:
                if inside and not inside.startswith("  "):
                    break
                block.append(inside[2:])
            return "\n".join(block).strip("\n")
    return None


def exceptions(kit, make):
    """Word for word what Python's own traceback module says."""
    for version in VERSIONS:
        for name, body, since in RAISED:
            if version < since:
                continue
            title = f"exception, {name}, in {version}"
            folder = make.folder("raise")
            script = make.script(RAISE.replace("BODY", body))
            core = make.crash([python(version).path, "-s", script], folder=folder)
            truth = (folder / "truth").read_text(encoding="utf-8")
            ran = kit.expect(title, ["dump", core], COMPLETE)
            head = "  Last handled, maybe still: " if version < (3,) else "  Handling "
            found = below(ran.out, head) or ""
            kit.check_that(title, found == truth.strip("\n"), f"{brief(found, 1500)} is not {brief(truth, 1500)}")
    core = make.core(python((3, 11)), RAISE.replace("BODY", "raise Odd(1, 'x')"))
    kit.expect("exception with its own __str__", ["dump", core], COMPLETE, out=["its own __str__ was not run", "1, 'x'"], absent=["computed"])
    document = kit.expect_json("exception with its own __str__, JSON", ["dump", core], COMPLETE)
    kit.check_that("exception with its own __str__: it is said", document["threads"][0]["exception"]["message_is_args"], "it is not")


CHAIN = """
import os
def fail(text):
    raise ValueError(text)
def main():
    try:
        try:
            fail("first")
        except ValueError as e:
            raise KeyError("second") from e
    except KeyError:
        os.abort()
main()
"""


def exceptions_in_json(kit, make):
    for version in ((3, 6), (3, 11), (3, 13)):
        name = f"chain in {version}"
        document = kit.expect_json(name, ["dump", make.core(python(version), CHAIN)], COMPLETE)
        found = document["threads"][0]["exception"]
        facts = [found[key] for key in ("type", "module", "message", "state", "suppress_context", "exceptions", "notes", "error")]
        kit.check_that(name, facts == ["KeyError", "builtins", "'second'", "handled", True, [], [], None], f"{facts}")
        cause = found["cause"]
        kit.check_that(f"{name}: cause", (cause["type"], cause["message"]) == ("ValueError", "first"), f"{cause}"[:300])
        kit.check_that(f"{name}: traceback", [frame["function"] for frame in cause["traceback"]] == ["fail", "main"], f"{cause['traceback']}"[:300])
        kit.check_that(f"{name}: no other", document["interpreters"][0]["last_exception"] is None and document["threads"][0]["handled"] is None, "is there")


LAST = """
import os, sys
try:
    {}["last"]
except KeyError as e:
    if sys.version_info >= (3, 12):
        sys.last_exc = e
    sys.last_type, sys.last_value, sys.last_traceback = sys.exc_info()
os.abort()
"""


def last_exceptions(kit, make):
    for version in ((2, 7), (3, 8), (3, 13)):
        name = f"sys.last_exc in {version}"
        core = make.core(python(version), LAST)
        ran = kit.expect(name, ["dump", core], COMPLETE, out="(sys.last_exc):\n")
        found = below(ran.out, "The last exception ")
        kit.check_that(name, found and found.startswith("Traceback ") and found.endswith("KeyError: 'last'"), f"{found}")
        document = kit.expect_json(f"{name}, JSON", ["dump", core], COMPLETE)
        kit.check_that(f"{name}, JSON: type", document["interpreters"][0]["last_exception"]["type"] == "KeyError", "another one")


CASES = [exceptions, exceptions_in_json, last_exceptions]
