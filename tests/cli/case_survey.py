"""pycore survey: options, and names that a terminal must not get raw. The counts are proven by tests/survey."""
import csv
import io
import os
import pathlib
import re
import shutil
import sys

from kit import COMPLETE, NOTHING, PARTIAL, USAGE, brief, run
from subjects import python

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "values"))
from corefile import CoreFile  # noqa: E402

POOL = 16384  # bytes, since 3.10
TEXT = """
import os, sys
class Plain(object):
    def __init__(self, i):
        self.number = i
made = type("ev\\x1b[2Jil", (object,), {"__slots__": ("odd",), "__module__": "mod\\x1b]0;x\\x07"})
keep = [Plain(i) for i in range(1000)] + [made() for i in range(10)] + [{"k\\x1b[31m": i} for i in range(500)]
os.abort()
"""
WRONG = [
    (["survey"], "missing"), (["survey", "--by=what", "core"], "no key 'what'"), (["survey", "--sort=what", "core"], "no key 'what'"),
    (["survey", "--top=x", "core"], "--top"), (["survey", "--top=-1", "core"], "--top"), (["survey", "--top=", "core"], "--top"),
    (["survey", "--sample=101", "core"], "100"), (["survey", "--sample=x", "core"], "--sample"),
    (["survey", "--sample=0", "core"], "1 to 100"), (["survey", "--sample=2", "--diff=a", "core"], "exclude"), (["survey", "--csv", "--json", "core"], "exclude"),
    (["survey", "--type=a", "--match=b", "core"], "exclude"), (["survey", "--type=", "core"], "empty"), (["survey", "--in-place", "core"], "--pid"),
    (["survey", "--in-place", "--nonblocking", "--pid=1"], "exclude"), (["survey", "--match"], "missing"), (["survey", "--diff"], "missing"), (["survey", "a", "b", "c"], "too many"), (["survey", "--locals", "core"], "--locals"),
]


def core_of(make):
    found = python((3, 11))
    return make.once("survey", lambda: make.crash([found.path, "-s", make.script(TEXT)]))


def rows_of(text):
    """The words of each row of the table."""
    lines = text.split("\n\n")[1].splitlines()
    return [line.split() for line in lines[1:]]


def usage(kit, make):
    for arguments, word in WRONG:
        ran = run([kit.pycore, *arguments])
        kit.check_that(f"usage: pycore {' '.join(arguments)!a}", ran.status == USAGE and word in ran.err and not ran.out, brief(ran.err))


def report(kit, make):
    core = core_of(make)
    ran = kit.expect("survey", ["survey", core], COMPLETE, out=["__main__.Plain", "Memory:\n", "unattributed", "Checks:\n", "agree"], absent=["DISAGREE"])
    first = rows_of(ran.out)[0]
    kit.check_that("survey: forty rows and the others", len(rows_of(ran.out)) == 43 and " more\n" in ran.out, f"{len(rows_of(ran.out))} rows")
    kit.check_that("survey: largest first", first[-1] in ("str", "dict", "code", "type", "function"), f"{first}")
    ran = kit.expect("survey --match", ["survey", "--match", "*Plain", core], COMPLETE, out=["1000", "total of types that match *Plain"])
    kit.check_that("survey --match: nothing else", len(rows_of(ran.out)) == 3, ran.out[-900:])
    kit.expect("survey --match: nothing", ["survey", "--match", "zz*", core], COMPLETE, out=["  none\n", "total of types that match zz*"])
    kit.expect("survey: a core without Python", ["survey", make.core_without_python()], NOTHING, err="no Python", json_too=False)
    kit.expect("survey: no such file", ["survey", "/nonexistent"], NOTHING, json_too=False)


def orders(kit, make):
    core = core_of(make)
    for key, column in (("count", "count"), ("name", None), ("bodies", "owned_bytes")):
        document = kit.expect_json(f"survey --sort {key}", ["survey", "--sort", key, core], COMPLETE)
        rows = document["rows"]
        values = [row[column] for row in rows] if column else [
            (row["module"] + "." if row["module"] not in ("builtins", None) else "") + row["type"] for row in rows]
        kit.check_that(f"survey --sort {key}: order", values == sorted(values, reverse=bool(column)), f"{values[:9]}")


def keys(kit, make):
    core = core_of(make)
    objects = set()
    for key in ("type", "module", "shape", "generation", "size", "refcount"):
        document = kit.expect_json(f"survey --by {key}", ["survey", "--by", key, core], COMPLETE)
        objects.add((document["by"] == key, document["totals"]["objects"], document["totals"]["owned_bytes"]))
    kit.check_that("survey: as many objects by every key", len(objects) == 1 and objects.pop()[0], f"{objects}")
    ran = kit.expect("survey --by shape", ["survey", "--by", "shape", core], COMPLETE, out=["__main__.Plain {number}", "dict {k\\x1b[31m}"])
    kit.check_that("survey --by shape: one row", ran.out.count("Plain {") == 1, ran.out)


def samples(kit, make):
    core = core_of(make)
    document = kit.expect_json("survey --sample", ["survey", "--match", "*Plain", "--sample", "5", core], COMPLETE)
    found = document["rows"][0]["samples"]
    kit.check_that("survey --sample: five instances", len({each["address"] for each in found}) == 5 and
                   {each["type"] for each in found} == {"__main__.Plain"}, f"{found}"[:400])
    kit.expect("survey --sample as text", ["survey", "--match", "*Plain", "--sample", "2", core], COMPLETE, out=["<__main__.Plain object at 0x", "{number="])
    kit.expect("survey --allocators", ["survey", "--allocators", core], COMPLETE, out=["Allocators:\n", "arenas by how much of them is in use", "Filled", "for reuse"])


def names(kit, make):
    """A type's name from the target, in each form."""
    core = core_of(make)
    kit.expect("survey: evil name", ["survey", "--match", "*il", core], COMPLETE, out="ev\\x1b[2Jil")
    ran = kit.expect("survey --csv", ["survey", "--csv", "--match", "*il", core], COMPLETE, json_too=False)
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    kit.check_that("survey --csv: a row", [(row["module"], row["type"], row["count"]) for row in rows] == [("mod\\x1b]0;x\\x07", "ev\\x1b[2Jil", "10")], ran.out)


def differences(kit, make):
    core = core_of(make)
    kit.expect("survey --diff: the same core", ["survey", "--diff", core, core], COMPLETE, out=[f"Since {core}:", "+0"])
    kit.expect("survey --diff: no such file", ["survey", "--diff", "/nonexistent", core], NOTHING, json_too=False)
    short = make.folder("short") / "core"
    short.write_bytes(core.read_bytes()[:-4096])
    document = kit.expect_json("survey: cut off", ["survey", short], (PARTIAL, NOTHING))
    kit.check_that("survey: cut off is said", document is None or document["lower_bound"], f"{document}"[:300])


def sums(kit, make):
    """Parts come to the whole, and to what the table says."""
    core = core_of(make)
    document = kit.expect_json("survey: sums", ["survey", core], COMPLETE)

    def faults(node):
        parts = sum(child["bytes"] for child in node["children"])
        return [f"{node['name']}: {parts}"] * bool(node["children"] and parts != node["bytes"]) + [
            fault for child in node["children"] for fault in faults(child)]
    kit.check("survey: memory by who has it", faults(document["memory"]))
    uses = {use["name"]: use["bytes"] for use in document["uses"]}
    kit.check_that("survey: memory by what it is for", sum(uses.values()) == document["memory"]["bytes"], f"{uses}")
    totals = document["totals"]
    kit.check_that("survey: objects and bodies as in the table", (uses["objects"], uses["their bodies"]) ==
                   (totals["bytes"] + totals["gc_header_bytes"], totals["owned_bytes"]), f"{uses}, {totals}")
    kit.check_that("survey: little is unattributed", uses["unattributed"] < document["memory"]["bytes"] / 8, f"{uses}")
    for key in ("objects", "bytes", "gc_header_bytes", "owned_bytes"):
        rows = sum(row["count" if key == "objects" else key] for row in document["rows"])
        kit.check_that(f"survey: rows come to the total: {key}", rows == totals[key], f"{rows}, not {totals[key]}")
    ran = kit.expect("survey: in sum", ["survey", core], COMPLETE, out=["  In sum: ", " objects + ", " their bodies +", " = "])
    kit.check_that("survey: no blank at the end of a line", not re.search(" $", ran.out, re.MULTILINE), ran.out[-900:])
    document = kit.expect_json("survey --match: no sum", ["survey", "--match", "*Plain", core], COMPLETE)
    kit.check_that("survey --match: no sum of other terms", document["uses"] is None, f"{document['uses']}")
    ran = kit.expect("survey --top 0", ["survey", "--top", "0", core], COMPLETE, absent=[" more\n"])
    kit.check_that("survey --top 0: every row", len(rows_of(ran.out)) > 60, f"{len(rows_of(ran.out))} rows")
    ran = kit.expect("survey --top 1", ["survey", "--top", "1", core], COMPLETE, out=" more\n")
    kit.check_that("survey --top 1: one row and the others", len(rows_of(ran.out)) == 4, f"{rows_of(ran.out)}")


PINNED = """
import os
many = [bytes(400) for i in range(20000)]
keep = many[::700]
del many
keep += [bytearray(n * 1000) for n in range(1, 200)]
del keep[40:200:2]
os.abort()
"""


def allocators(kit, make):
    core = make.core(python((3, 11)), PINNED)
    found = kit.expect_json("survey --allocators", ["survey", "--allocators", core], COMPLETE)["allocators"]
    one = found["arena_bytes"] // found["arenas"]
    kit.check_that("survey --allocators: pinned arenas", 4 <= found["pinned_arenas"] == found["arenas_by_tenths_used"][0] and
                   found["pinned_bytes"] == found["pinned_arenas"] * one, f"{found}"[:300])
    sizes = found["malloc_sizes"]
    for key in ("used_bytes", "free_bytes"):
        kit.check_that(f"survey --allocators: {key} by size", sum(row[key] for row in sizes) == found[f"malloc_{key}"], f"{sizes}"[:500])
    kit.check_that("survey --allocators: sizes in their rows", all(
        row["least"] * row[key] <= row[f"{key}_bytes"] <= 2 * row["least"] * row[key] for row in sizes for key in ("used", "free")), f"{sizes}"[:900])
    kit.check_that("survey --allocators: the largest free chunk", 0 < found["malloc_largest_free"] <= found["malloc_free_bytes"], f"{found}"[-300:])
    kit.check_that("survey --allocators: bytearrays in chunks", sum(row["used"] for row in sizes if row["least"] >= 65536) >= 60, f"{sizes}"[:900])
    kit.expect("survey --allocators as text", ["survey", "--allocators", core], COMPLETE,
               out=["Allocators:\n", "arenas have less than 10 % in use: they are pinned, and keep ", "in the largest free chunk", "Chunks of"])


def headers(kit, make):
    """What a debug allocator puts in front of objects is its own, not the collector's."""
    for allocator in ("pymalloc", "debug", "malloc_debug", "malloc"):
        core = make.core(python((3, 11)), PINNED, env={"PYTHONMALLOC": allocator}.items())
        rows = kit.expect_json(f"survey: headers with {allocator}", ["survey", core], COMPLETE)["rows"]
        found = {row["type"]: row["gc_header_bytes"] / row["count"] for row in rows if row["type"] in ("list", "str", "function")}
        kit.check_that(f"survey: headers with {allocator}: 16 bytes", found == {"list": 16, "str": 0, "function": 16}, f"{found}")


def torn(kit, make):
    """A pool whose count was overwritten, and the same in a core that was cut: the reason is told by what the core is."""
    core = core_of(make)
    rows = kit.expect_json("survey --sample", ["survey", "--sample=1", "--type=__main__.Plain", core], COMPLETE)["rows"]
    path = make.folder() / "core"
    shutil.copy(core, path)
    with CoreFile(path) as poked:
        pool = int(rows[0]["samples"][0]["address"], 16) // POOL * POOL
        poked.put(pool, (poked.word(pool) + 1).to_bytes(8, "little"))
    kit.expect("survey: a pool was written over", ["survey", path], PARTIAL, out=["1 pools contradict themselves: the core is of a moment when"])
    os.truncate(path, path.stat().st_size - 8192)
    kit.expect("survey: likewise, and cut", ["survey", path], PARTIAL, out=["1 pools contradict themselves: parts of the core are missing"])


LIVE_TORN = """
import ctypes, sys, time
class Plain(object):
    pass
plain = Plain()
ctypes.c_uint.from_address(id(plain) // {pool} * {pool}).value += 1
sys.stdout.write("ready\\n")
sys.stdout.flush()
time.sleep(1000)
"""


def torn_alive(kit, make):
    """What a live process has changed, or written over, is not to be told apart: neither is claimed."""
    with make.hanging_python(python((3, 11)), LIVE_TORN.format(pool=POOL)) as process:
        for options in ([], ["--in-place"], ["--nonblocking"]):
            kit.expect(f"survey: a pool of a live process {options}", ["survey", *options, "--pid", process.pid], PARTIAL,
                       out=["1 pools contradict themselves: the process was changing them, or has written over them"])


WITHOUT_HEADERS = "open('/proc/self/coredump_filter', 'w').write('0x23')\nimport os\nos.abort()\n"


def files_missing(kit, make):
    """Where neither the core nor a file says where modules have their variables, the count is a lower bound, and partial."""
    empty = make.folder("empty")
    for name, text, status in (("the core has headers", None, COMPLETE), ("the core has none", WITHOUT_HEADERS, PARTIAL)):
        document = kit.expect_json(f"survey: files are missing, {name}", ["survey", "--sysroot", empty, make.core(python((3, 13)), text)], status)
        told = [problem["why"] for problem in document["problems"] if "no file here is known to be theirs" in problem["why"] and problem["damage"]]
        kit.check_that(f"survey: files are missing, {name}: a lower bound", (document["lower_bound"], len(told)) == (2 * (status == PARTIAL,)),
                       f"{document['lower_bound']}: {document['problems']}")


CASES = [usage, report, orders, keys, samples, names, differences, sums, allocators, headers, torn, torn_alive, files_missing]
