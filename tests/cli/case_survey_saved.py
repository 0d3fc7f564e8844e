"""pycore survey --diff with surveys that were saved as JSON."""
import csv
import gzip
import io
import json
import subprocess

from kit import COMPLETE, NOTHING, PARTIAL, USAGE, brief, run
from subjects import python, tool

TEXT = """
import os, sys, time
class Session(object):
    def __init__(self, i):
        self.user = "user%d" % i
        self.data = {"id": i, "items": [i] * (i % 5)}
class Odd(object):
    pass
Odd.__qualname__ = "od\\udc80d\\x7f\\u202e"
many = int(sys.argv[1])
keep = [Session(i) for i in range(many)] + [Odd() for i in range(many // 10)]
more = [{"\\ud83d" + chr(0x1f40d): i, "\\x00z": i, "a": i} for i in range(many // 5)]
mixed = [{"b": 1, "a": 2} if i % 2 else {"a": 1, "b": 2} for i in range(many)]
if len(sys.argv) > 2:
    print("ready", flush=True)
    sys.stdin.readline()
    grown = [Session(i) for i in range(500)]
    print("grown", flush=True)
    time.sleep(1000)
os.abort()
"""
KEYS = ("type", "module", "shape", "size", "refcount", "generation")
SMALL, LARGE = 1000, 1700


def core_of(make, many):
    found = python((3, 11))
    return make.once(("survey saved", many), lambda: make.crash([found.path, "-s", make.script(TEXT), str(many)]))


def saved(kit, make, core, *options):
    """Its survey as a file."""
    def save():
        path = make.folder("saved") / "survey.json"
        ran = run([kit.pycore, "survey", "--json", *options, core])
        path.write_text(ran.out, encoding="utf-8")
        return path
    return make.once(("saved", str(core), options), save)


def changes(kit, name, arguments, status=COMPLETE):
    document = kit.expect_json(name, ["survey", *arguments], status)
    return document and document["changes"]


def round_trip(kit, make):
    """What was saved is as good as what it was made of."""
    before, after = core_of(make, SMALL), core_of(make, LARGE)
    for key in KEYS:
        by = ["--by", key]
        old, new = (saved(kit, make, core, *by) for core in (before, after))
        for one, other in ((old, before), (before, old), (old, old)):
            found = changes(kit, f"survey --by {key}: nothing changed", [*by, "--diff", one, other])
            kit.check_that(f"survey --by {key}: nothing changed, {one.name} and {other.name}", found == [], f"{found}"[:400])
        wanted = changes(kit, f"survey --by {key}: cores", [*by, "--diff", before, after])
        kit.check_that(f"survey --by {key}: something changed", wanted and len(wanted) > 1, f"{wanted}"[:400])
        for one, other in ((old, after), (before, new), (old, new)):
            found = changes(kit, f"survey --by {key}: saved", [*by, "--diff", one, other])
            kit.check_that(f"survey --by {key}: the same changes, {one.name} and {other.name}", plain(found) == plain(wanted),
                           brief(f"{plain(found)} not {plain(wanted)}", 1500))


def plain(rows):
    """With what JSON cannot tell in one form only."""
    def text(value):
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value
        return value
    return sorted((tuple(sorted((name, text(value)) for name, value in row.items())) for row in rows or []), key=str)


def growth(kit, make):
    before, after = core_of(make, SMALL), core_of(make, LARGE)
    found = changes(kit, "survey --diff: growth", ["--diff", saved(kit, make, before), after])
    grown = {row["type"]: row["count_after"] - row["count_before"] for row in found}
    kit.check_that("survey --diff: sessions", grown.get("Session") == LARGE - SMALL, f"{grown}")
    found = changes(kit, "survey --diff by shape", ["--diff", saved(kit, make, before, "--by=shape"), after])
    grown = {row["key"]: row["count_after"] - row["count_before"] for row in found}
    kit.check_that("survey --diff by shape: dicts and instances", (grown.get("dict {id, items}"), grown.get("__main__.Session {data, user}"),
                                                                  grown.get("dict {a, b}")) == (LARGE - SMALL,) * 3, f"{grown}"[:600])
    ran = kit.expect("survey --diff as text", ["survey", "--diff", saved(kit, make, before), after], COMPLETE,
                     out=["Since ", f"survey.json, of core file {before}:\n", "+700", "__main__.Session\n", "Memory:\n"])
    both = kit.expect("survey --diff of saved ones", ["survey", "--diff", saved(kit, make, before), saved(kit, make, after)], COMPLETE,
                      out=["Survey:     ", ", saved, of core file ", "Since "], absent=["Memory:", "Checks:"])
    table = [text.partition("Since ")[2].partition("\n\n")[0].splitlines()[1:-1] for text in (ran.out, both.out)]
    kit.check_that("survey --diff of saved ones: the same table", [row for row in table[0] if "objects without" not in row] ==
                   [*table[1], both.out.splitlines()[-1]], f"{table}"[:900])
    for key, of in (("count", "count"), ("bodies", "owned_bytes"), ("size", None), ("name", "")):
        rows = changes(kit, f"survey --diff --sort {key}", ["--sort", key, "--diff", before, after])
        order = [abs(row[f"{of}_after"] - row[f"{of}_before"]) if of else
                 abs(row["bytes_after"] + row["owned_bytes_after"] - row["bytes_before"] - row["owned_bytes_before"]) for row in rows]
        if of == "":
            order = [("" if row["module"] == "builtins" else (row["module"] or "") + ".") + row["type"] for row in rows][::-1]
        kit.check_that(f"survey --diff --sort {key}: order", order == sorted(order, reverse=True), f"{order}"[:300])
    ran = kit.expect("survey --diff --csv", ["survey", "--csv", "--diff", saved(kit, make, before), after], COMPLETE, json_too=False)
    rows = {row["type"]: row for row in csv.DictReader(io.StringIO(ran.out))}
    kit.check_that("survey --diff --csv: a row", (rows["Session"]["count_before"], rows["Session"]["count_after"]) == (str(SMALL), str(LARGE)),
                   f"{rows.get('Session')}")


def documents(kit, make):
    """Of two documents the second one is given back, with what changed."""
    before, after = (saved(kit, make, core_of(make, many)) for many in (SMALL, LARGE))
    found = kit.expect_json("survey --diff --json of saved ones", ["survey", "--diff", before, after], COMPLETE)
    original = json.loads(after.read_text())
    kit.check_that("survey --diff --json of saved ones: the same keys", found.keys() == original.keys(), f"{found.keys() ^ original.keys()}")
    for key in ("source", "process", "python", "totals", "memory", "allocators", "by", "checks"):
        kit.check_that(f"survey --diff --json of saved ones: {key}", found[key] == original[key], f"{found[key]}"[:300])
    kit.check_that("survey --diff --json of saved ones: as many rows", len(found["rows"]) == len(original["rows"]), "other rows")
    kit.check_that("survey --diff --json of saved ones: before", found["before"] == str(before), f"{found['before']}")


def packed(kit, make):
    core = core_of(make, SMALL)
    plain_file = saved(kit, make, core)
    folder = make.folder("packed")
    with gzip.open(folder / "survey.json.gz", "wb") as file:
        file.write(plain_file.read_bytes())
    subprocess.run([tool("zstd"), "-q", plain_file, "-o", folder / "survey.json.zst"], check=True)
    for path in sorted(folder.iterdir()):
        found = changes(kit, f"survey --diff {path.name}", ["--diff", path, core])
        kit.check_that(f"survey --diff {path.name}: nothing changed", found == [], f"{found}"[:300])
        cut = folder / f"cut-{path.name}"
        cut.write_bytes(path.read_bytes()[:-40])
        kit.expect(f"survey --diff {cut.name}", ["survey", "--diff", cut, core], NOTHING, err=cut.name)


def questions(kit, make):
    """The key and the types of a saved survey are taken, and must be those that are asked for."""
    core = core_of(make, SMALL)
    shapes, matched = saved(kit, make, core, "--by=shape"), saved(kit, make, core, "--match=*Session")
    document = kit.expect_json("survey --diff: its key", ["survey", "--diff", shapes, core], COMPLETE)
    kit.check_that("survey --diff: its key is taken", (document["by"], document["changes"]) == ("shape", []), f"{document['changes']}"[:300])
    document = kit.expect_json("survey --diff: its types", ["survey", "--diff", matched, core], COMPLETE)
    kit.check_that("survey --diff: its types are taken", (document["match"], document["changes"]) == ("*Session", []), f"{document['match']}")
    for options, before, after in ((["--by=type"], shapes, core), (["--by=type"], core, shapes), ([], matched, shapes),
                                   (["--match=*Odd"], matched, core), (["--type=Session"], matched, core), (["--match=*"], shapes, core)):
        ran = kit.expect(f"survey {options}: other questions", ["survey", *options, "--diff", before, after], NOTHING,
                         err=["is a survey by ", "cannot be compared by ", "--match"])
        kit.check_that(f"survey {options}: nothing else", not ran.out, ran.out[:300])
    document = kit.expect_json("survey --diff: the same type", ["survey", "--type", "__main__.Session", "--diff",
                                                               saved(kit, make, core, "--type=__main__.Session"), core], COMPLETE)
    kit.check_that("survey --diff: the same type, nothing changed", document and document["changes"] == [], f"{document}"[:300])


def other_builds(kit, make):
    """Sizes of another version, machine or build are compared, and a note says what that is worth."""
    core = core_of(make, SMALL)
    good = json.loads(saved(kit, make, core).read_text())
    path = make.folder("builds") / "other.json"
    row, version = good["python"]["layout"]["row"], good["python"]["version"]
    for change, layout, words in (
            ({}, row, None), ({"version": "3.11.99"}, row, None), ({"version": "3.1"}, row, f"Python 3.1 on x86-64, this one of {version} on x86-64"),
            ({"byte_order": "big"}, "3.11 s390x", f"Python {version} on s390x, this one of {version} on x86-64"),
            ({}, "3.11 aarch64", f"Python {version} on aarch64, this"), ({"debug": True}, row, f"Python {version}, a debug build, on x86-64, this"),
            ({"free_threaded": True, "version": "3.13.5"}, row, "Python 3.13.5, free-threaded, on x86-64, this"), ({}, "of later", None),
            ({"pointer_bits": 32}, "of later", f"Python {version} on a machine of 32 bits, little-endian, this one of {version} on a machine of 64 bits, ")):
        other = {**good["python"], **change, "layout": {**good["python"]["layout"], "row": layout}}
        path.write_text(json.dumps({**good, "python": other, "runtimes": [other]}))
        for first, second in ((path, core), (core, path), (path, saved(kit, make, core))):
            name = f"survey --diff of another build: {change} {layout}, {first.name} and {second.name}"
            text = kit.expect(name, ["survey", "--diff", first, second], COMPLETE).out
            document = kit.expect_json(name, ["survey", "--diff", first, second], COMPLETE)
            notes = [one["why"] for one in document["problems"] if one["where"] == "comparison"]
            kit.check_that(f"{name}: notes", len(notes) == (words is not None) == text.count("their sizes are not comparable") and
                           all(note in text and note.startswith("the first is of Python ") for note in notes), f"{notes}")
            if words and first == path:
                kit.check_that(f"{name}: words", words in notes[0], notes[0])


def damaged(kit, make):
    core = core_of(make, SMALL)
    good = saved(kit, make, core).read_text()
    dump = run([kit.pycore, "dump", "--json", core]).out
    folder = make.folder("damaged")
    for name, text, word in (
            ("dump.json", dump, "'pycore.dump'"), ("cut.json", good[:len(good) // 2], "no valid JSON: line "), ("list.json", "{}", "not what pycore"),
            ("version.json", good.replace('"schema_version": 1', '"schema_version": 12', 1), "version 12"),
            ("by.json", good.replace('"by": "type"', '"by": "\\u001b[2J"', 1), "by '\\x1b[2J'"),
            ("count.json", good.replace('"count": ', '"count": 1', 1), "do not come to its totals"),
            ("twice.json", good.replace('"by": "type"', '"by": "type", "by": "type"', 1), "duplicate")):
        path = folder / name
        path.write_text(text)
        for arguments in ([path, core], [core, path]):
            ran = kit.expect(f"survey --diff {name}", ["survey", "--diff", *arguments], NOTHING, err=[name, word])
            kit.check_that(f"survey --diff {name}: one line", ran.err.count("\n") == 1 and not ran.out, brief(ran.err))
    lower = folder / "lower.json"
    lower.write_text(json.dumps({**json.loads(good), "lower_bound": True,
                                 "problems": [{"where": "heap", "address": None, "why": "something is lost", "damage": True}]}))
    kit.expect("survey --diff: a lower bound", ["survey", "--diff", lower, core], PARTIAL, err="lower bounds")
    kit.expect("survey --diff: to a lower bound", ["survey", "--diff", core, lower], PARTIAL, out="total, at least")
    kit.expect("survey: a saved one alone", ["survey", lower], NOTHING, err="it can be compared by --diff")
    ran = run([kit.pycore, "survey", "--diff", lower])
    kit.check_that("survey --diff: no other operand", ran.status == USAGE, brief(ran.err))


def alive(kit, make):
    """A process now and a while later."""
    found = python((3, 11))
    with make.hanging([found.path, "-s", make.script(TEXT), "300", "wait"]) as process:
        folder = make.folder("live")
        path = folder / "before.json"
        path.write_text(run([kit.pycore, "survey", "--json", "--pid", process.pid]).out)
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        rows = changes(kit, "survey --diff --pid", ["--diff", path, "--pid", process.pid])
        grown = {row["type"]: row["count_after"] - row["count_before"] for row in rows}
        kit.check_that("survey --diff --pid: sessions", grown.get("Session") == 500, f"{grown}"[:600])
        rows = changes(kit, "survey --in-place --diff", ["--in-place", "--type", "__main__.Session", "--diff",
                                                        saved(kit, make, core_of(make, SMALL), "--type=__main__.Session"), "--pid", process.pid])
        kit.check_that("survey --in-place: sessions", [row["count_after"] for row in rows or []] == [800], f"{rows}"[:600])
        row, = kit.expect_json("survey --in-place: found by its short name", [
            "survey", "--in-place", "--type", "Session", "--sample", "2", "--pid", process.pid], COMPLETE)["rows"]
        kit.check_that("survey --in-place: values", row["count"] == 800 and all("user='user" in each["value"] for each in row["samples"]),
                       f"{row}"[:600])


CASES = [round_trip, growth, documents, packed, questions, other_builds, damaged, alive]
