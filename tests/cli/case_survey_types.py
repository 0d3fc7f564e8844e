"""pycore survey --type, its samples, and several Pythons in one process."""
import pathlib

from crashlib import do
from kit import COMPLETE, NOTHING, PARTIAL, USAGE, brief, run
from subjects import CRASH, NESTED, library, python

TEXT = """
import os, sys, types
class Box(list):
    pass
class Outer:
    class Inner:
        pass
for name in ("shop", "stock"):
    sys.modules[name] = types.ModuleType(name)
    exec("class Order:\\n    def __init__(self, i):\\n        self.number = i", vars(sys.modules[name]))
boxes = [Box([0] * (n * 100)) for n in range(1, 61)]
orders = [sys.modules["shop"].Order(i) for i in range(30)] + [sys.modules["stock"].Order(i) for i in range(7)]
inner = [Outer.Inner() for i in range(5)]
odd = type("a*[b]?", (), {"__module__": "web"})
odder = type("a**b", (), {"__module__": "web"})
odds = [odd() for i in range(4)] + [odder()]
os.abort()
"""
TWO = """import ctypes, os
os.environ["PYTHONHOME"] = {home!r}
other = ctypes.CDLL({library!r}, os.RTLD_DEEPBIND)
other.Py_InitializeEx(0)
other.PyRun_SimpleString(b'import os\\nclass Guest(object): pass\\nguests = [Guest() for i in range(77)]\\nos.abort()')
"""


SAME = """
import os
def made():
    class Row(object):
        pass
    return Row()
rows = [made() for i in range(500)]
os.abort()
"""
OLD = """
import os
class One:
    def __init__(self):
        self.first = 1
class Other:
    def __init__(self):
        self.first = 1
objects = [One() for i in range(500)] + [Other() for i in range(301)]
objects[-1].second = 2
os.abort()
"""
TABLE = """
struct { long code; void *type; } table[4] = {{1, 0}, {2, 0}, {3, 0}, {4, 0}};
void set(void *type) { table[1].type = type; }
"""
SETS = """
import ctypes, os, sys
ctypes.CDLL(%r).set(ctypes.c_void_p(id(type(u""))))
os.abort()
"""


def core_of(make):
    found = python((3, 11))
    return make.once("survey types", lambda: make.crash([found.path, "-s", make.script(TEXT)]))


def rows_of(kit, name, arguments, status=COMPLETE):
    """Names and counts of the rows."""
    document = kit.expect_json(name, ["survey", *arguments], status)
    return [((row["module"] or "") + "." + row["type"], row["count"]) for row in document["rows"]] if document else []


def types(kit, make):
    core = core_of(make)
    for asked, found in (("__main__.Box", ("__main__.Box", 60)), ("Box", ("__main__.Box", 60)), ("shop.Order", ("shop.Order", 30)),
                         ("__main__.Outer.Inner", ("__main__.Outer.Inner", 5)), ("Outer.Inner", ("__main__.Outer.Inner", 5)),
                         ("web.a*[b]?", ("web.a*[b]?", 4)), ("a*[b]?", ("web.a*[b]?", 4))):
        rows = rows_of(kit, f"survey --type {asked}", ["--type", asked, core])
        kit.check_that(f"survey --type {asked}: one row", rows == [found], f"{rows}")
    kit.expect("survey --type: the total", ["survey", "--type", "__main__.Box", core], COMPLETE, out="total of the type __main__.Box\n")
    document = kit.expect_json("survey --type by shape", ["survey", "--by", "shape", "--type", "Order", "--match", "x", core], USAGE,
                               err="exclude")
    kit.check_that("survey --type with --match: nothing", document is None, f"{document}"[:300])
    document = kit.expect_json("survey --type by shape", ["survey", "--by", "shape", "--type", "shop.Order", core], COMPLETE)
    kit.check_that("survey --type by shape: its shape", [(row["key"], row["count"]) for row in document["rows"]] ==
                   [("shop.Order {number}", 30)], f"{document['rows']}"[:300])


def other_types(kit, make):
    core = core_of(make)
    for asked, word in (("Order", "several types are called 'Order': shop.Order (30 objects), stock.Order (7 objects); say which"),
                        ("box", "did you mean __main__.Box?"), ("main.Box", "did you mean __main__.Box?"),
                        ("shop.Ordre", "did you mean shop.Order"), ("app.Orders", "did you mean "), ("Inner", "did you mean __main__.Outer.Inner?"),
                        ("nothing.like.this.exists", "no object is of a type 'nothing.like.this.exists'\n"),
                        ("\x1b[2J", "no object is of a type '\\x1b[2J'\n"), ("x" * 500, "no object is of a type 'xxx")):
        ran = kit.expect(f"survey --type {asked[:30]!a}", ["survey", "--type", asked, core], NOTHING, err=word)
        kit.check_that(f"survey --type {asked[:30]!a}: nothing else", not ran.out and ran.err.count("\n") == 1, brief(ran.err))


def samples(kit, make):
    core = core_of(make)
    row, = kit.expect_json("survey --sample", ["survey", "--sample", "3", "--type", "Box", core], COMPLETE)["rows"]
    sizes = [value["value"].count("0") and value["value"] for value in row["biggest"]]
    kit.check_that("survey --sample: the biggest first", [text.endswith(f"+{n * 100 - 8} more]>") or f"+{n * 100 - 8} more" in text
                                                         for text, n in zip(sizes, (60, 59, 58))] == [True] * 3, f"{sizes}")
    kit.check_that("survey --sample: the first of them", row["biggest"][0]["address"] == row["largest"]["address"], f"{row['largest']}")
    kit.check_that("survey --sample: by chance", len({each["address"] for each in row["samples"]}) == 3, f"{row['samples']}"[:300])
    ran = kit.expect("survey --sample as text", ["survey", "--sample", "3", "--type", "Box", core], COMPLETE, out=["biggest   0x", "by chance 0x"])
    kit.check_that("survey --sample: three of the biggest", ran.out.count(" biggest   0x") == 3, ran.out[:2000])
    ran = kit.expect("survey --sample of all", ["survey", "--sample", "9", "--type", "Outer.Inner", core], COMPLETE, absent=["by chance"])
    kit.check_that("survey --sample of all: each once", ran.out.count(" biggest   0x") == 5, ran.out[:2000])


def compared(kit, make):
    """--type with --diff, where only one of the cores has such objects."""
    core, older = core_of(make), make.core(python((3, 11)), NESTED.format(end=CRASH))
    for before, after, change in ((older, core, 60), (core, older, -60)):
        document = kit.expect_json("survey --diff --type", ["survey", "--type", "Box", "--diff", before, after], COMPLETE)
        changes = document and [(each["type"], each["count_after"] - each["count_before"]) for each in document["changes"]]
        kit.check_that(f"survey --diff --type: {change:+}", changes == [("Box", change)], f"{changes}")
    kit.expect("survey --diff --type: in neither", ["survey", "--type", "Bax", "--diff", older, core], NOTHING, err="did you mean __main__.Box?")


def two_pythons(kit, make):
    host, guest = python((3, 12), managed=True), python((3, 9), managed=True)
    home = str(pathlib.Path(guest.path).parents[1])
    core = make.core(host, "class Host: pass\nhosts = [Host() for i in range(55)]\n" + TWO.format(home=home, library=str(library(guest))))
    document = kit.expect_json("survey: two Pythons", ["survey", core], PARTIAL)
    order = [".".join(runtime["version"].split(".")[:2]) for runtime in document["runtimes"]]
    kit.check_that("survey: two Pythons: the first one", document["runtime"] == 0 and sorted(order) == ["3.12", "3.9"], f"{order}")
    kit.expect("survey: two Pythons, none chosen", ["survey", core], PARTIAL, out=["Problems (", "2 Pythons", "--python 2"])
    for number, version in enumerate(order, 1):
        name, count = ("Host", 55) if version == "3.12" else ("Guest", 77)
        ran = kit.expect(f"survey --python {number}", ["survey", "--python", number, "--match", "*.[HG]*st", core], COMPLETE,
                         out=["Notes:", f"number {number} was counted", f"__main__.{name}\n"])
        kit.check_that(f"survey --python {number}: no other", ("__main__.Guest" in ran.out) + ("__main__.Host" in ran.out) == 1, ran.out)
        rows = rows_of(kit, f"survey --python {number}: rows", ["--python", number, "--type", name, core])
        kit.check_that(f"survey --python {number}: counted", rows == [(f"__main__.{name}", count)], f"{rows}")
        document = kit.expect_json(f"survey --python {number}: which", ["survey", "--python", number, core], COMPLETE)
        kit.check_that(f"survey --python {number}: said", document["runtime"] == number - 1, f"{document['runtime']}")
    kit.expect("survey --python 3", ["survey", "--python", "3", core], NOTHING, err="no such Python")
    kit.expect("survey --python 2 of one", ["survey", "--python", "2", core_of(make)], NOTHING, err="one Python only")
    for wrong in ("0", "-1", "x", "1000", ""):
        ran = run([kit.pycore, "survey", "--python", wrong, core])
        kit.check_that(f"survey --python {wrong!a}", ran.status == USAGE and "--python" in ran.err, brief(ran.err))


def same_names(kit, make):
    """A class made anew with each call is one row, by type and by shape."""
    for version in ((2, 7), (3, 12)):
        core = make.core(python(version), SAME)
        for key in ("type", "shape"):
            rows = kit.expect_json(f"survey --by {key}, same names", ["survey", "--by", key, "--match", "*Row", core], COMPLETE)["rows"]
            kit.check_that(f"survey --by {key}, same names: one row", [row["count"] for row in rows] == [500], f"{rows}"[:300])


def tables_of_types(kit, make):
    """Small numbers beside addresses of types, as C libraries have them, are no strings without end."""
    for version in ((2, 7), (3, 11)):
        source = make.folder() / "table.c"
        source.write_text(TABLE)
        do("gcc", "-shared", "-fPIC", "-o", source.with_suffix(".so"), source)
        core = make.core(python(version), SETS % str(source.with_suffix(".so")))
        kit.expect(f"survey beside a table of types, {version}", ["survey", core], (COMPLETE, PARTIAL), out="str")


def old_classes(kit, make):
    """Instances of 2.7's old classes are of one type; their shapes tell them apart."""
    core = make.core(python((2, 7)), OLD)
    rows = kit.expect_json("survey --by shape, old classes", ["survey", "--by", "shape", "--match", "instance", core], COMPLETE)["rows"]
    found = {row["key"]: row["count"] for row in rows}
    kit.check_that("survey --by shape, old classes: counts", found.get("instance of One {first}") == 500 and
                   found.get("instance of Other {first}") == 300 and found.get("instance of Other {first, second}") == 1, f"{found}")


CASES = [types, other_types, samples, compared, two_pythons, same_names, old_classes, tables_of_types]
