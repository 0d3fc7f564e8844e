"""What is said of values: variables, names of threads, globals, redaction, damage."""
import re
import struct
import time

from kit import COMPLETE, NOTHING, PARTIAL, brief, of_python
from subjects import CoreBytes, python, system_python

VERSIONS = ((2, 7), (3, 6), (3, 8), (3, 10), (3, 11), (3, 12), (3, 13))

PROGRAM = """
import os, sys, threading, time
SETTING = {"name": "setting"}
class Job(object):
    def __init__(self, number, state):
        self.number, self.state = number, state
def outer(first, second, *more, **named):
    shared = [first]
    def inner(argument):
        local = "text"
        job = Job(7, "new")
        tell(job)
        return shared, argument, local, job
    return inner(31)
def tell(job):
    sys.stdout.write("ready %#x\\n" % id(job))
    sys.stdout.flush()
    END
outer(1, "two", 3, key=4)
"""
CRASH, HANG = "os.abort()", "time.sleep(1000)"


def core_of(make, version, text=PROGRAM, **how):
    return make.core(python(version), text.replace("END", CRASH), **how)


def frame_named(document, name):
    for thread in document["threads"]:
        for frame in of_python(thread):
            if frame["function"] == name:
                return frame
    return None


def values(frame):
    return {variable["name"]: variable["value"] for variable in frame["locals"]}


def scopes(frame):
    return [(variable["name"], variable["scope"]) for variable in frame["locals"]]


def rows_below(text, function):
    """The lines of variables below a frame, without the indentation."""
    lines = iter(text.splitlines())
    for line in lines:
        if re.match(rf"  File .*[ .]{re.escape(function)}$", line):
            break
    found = []
    for line in lines:
        if line.startswith("      "):
            found.append(line[6:])
        elif not line.startswith("    "):
            break
    return found


def variables(kit, make):
    for version in VERSIONS:
        name = f"variables in {version}"
        core = core_of(make, version)
        document = kit.expect_json(name, ["dump", "--locals", core], COMPLETE)
        outer, inner = frame_named(document, "outer"), frame_named(document, "inner")
        kit.check_that(f"{name}: scopes of outer", scopes(outer)[:4] == [(each, "argument") for each in ("first", "second", "more", "named")]
                       and sorted(scopes(outer)[4:]) == [("inner", "local"), ("shared", "cell")], f"{scopes(outer)}")
        kit.check_that(f"{name}: scopes of inner", scopes(inner) == [("argument", "argument"), ("local", "local"), ("job", "local"), ("shared", "free")],
                       f"{scopes(inner)}")
        found = values(outer)
        kit.check_that(f"{name}: values of outer", [found[key] for key in ("first", "second", "more", "named", "shared")]
                       == ["1", "'two'", "(3,)", "{'key': 4}", "[1]"], f"{found}")
        found = values(inner)
        kit.check_that(f"{name}: an instance", re.fullmatch(r"<__main__\.Job object at 0x[0-9a-f]+> \{(number=7, state='new'|state='new', number=7)\}", found["job"]), found["job"])
        ran = kit.expect(name, ["dump", "--locals", "--no-source", core], COMPLETE, json_too=False)
        kit.check_that(f"{name}: in text", rows_below(ran.out, "inner") == ["argument = 31", "local = 'text'", f"job = {found['job']}", "shared (free) = [1]"],
                       f"{rows_below(ran.out, 'inner')}")
        kit.check_that(f"{name}: in text, a cell", "shared (cell) = [1]" in rows_below(ran.out, "outer"), f"{rows_below(ran.out, 'outer')}")


def not_asked_for(kit, make):
    core = core_of(make, (3, 11))
    document = kit.expect_json("without --locals", ["dump", core], COMPLETE)
    kit.check_that("without --locals: none", "locals" not in frame_named(document, "inner") and "globals" not in document, "there are some")
    kit.expect("without --locals", ["dump", core], COMPLETE, absent=["argument = 31", "Globals of"], json_too=False)


LONG = """
import os
def deep(levels):
    inside = []
    for _ in range(levels):
        inside = [inside]
    return inside
def hold():
    text = "x" * 5000
    octets = b"y" * 5000
    items = list(range(3000))
    nested = deep(30)
    number = 10 ** 3000
    END
hold()
"""

# options, what text, octets and items end with, and how many brackets of the nested list are open
CUTS = [
    (["--locals"], 200, 20, 3), (["--locals=short"], 200, 20, 3), (["--locals=full"], None, 1000, 10),
    (["--locals", "--max-string", "7"], 7, 20, 3), (["--max-items=2", "--locals=full"], None, 2, 10),
    (["--locals", "--max-string=0", "--max-items=0", "--max-depth=0"], 0, 0, 0),
    (["--locals=full", "--max-string=1000000", "--max-items=1000000", "--max-depth=100"], None, None, 31),
]


def cut(count, total, what):
    return "" if count is None or count >= total else f"... +{total - count} more{what}"


def limits(kit, make):
    core = core_of(make, (3, 11), LONG)
    for options, characters, items, depth in CUTS:
        name = f"limits: {' '.join(options)}"
        document = kit.expect_json(name, ["dump", *options, core], COMPLETE)
        found = {variable["name"]: variable for variable in frame_named(document, "hold")["locals"]}
        shown = 5000 if characters is None else characters
        wanted = "'" + "x" * shown + "'" + cut(characters, 5000, " characters")
        kit.check_that(f"{name}: text", found["text"]["value"] == wanted, brief(found["text"]["value"]))
        wanted = "b'" + "y" * shown + "'" + cut(characters, 5000, " bytes")
        kit.check_that(f"{name}: octets", found["octets"]["value"] == wanted, brief(found["octets"]["value"]))
        if depth:
            shown = 3000 if items is None else items
            rest = [f"... +{3000 - shown} more"] if shown < 3000 else []
            wanted = "[" + ", ".join([str(i) for i in range(shown)] + rest) + "]"
            kit.check_that(f"{name}: items", found["items"]["value"] == wanted, brief(found["items"]["value"]))
        opened = len(found["nested"]["value"]) - len(found["nested"]["value"].lstrip("["))
        kit.check_that(f"{name}: nested", opened <= depth + 1 and (opened > depth or depth > 30), f"{opened} of {depth}: {found['nested']['value']}")
        for key in ("text", "octets", "items"):
            kit.check_that(f"{name}: {key} is marked", found[key]["truncated"] == ("... +" in found[key]["value"]), f"{found[key]}"[-200:])
        number = found["number"]["value"]
        kit.check_that(f"{name}: number", number.endswith(cut(characters, 3001, " digits")) and number.startswith("1" if characters != 0 else ""),
                       brief(number))


NAMED = """
import os, sys, threading, time
def work(event):
    event.wait()
event = threading.Event()
for number in range(3):
    thread = threading.Thread(target=work, args=(event,), name="worker %d" % number)
    thread.daemon = True
    thread.start()
threading.Thread(target=work, args=(event,), name="caf%s \\x1b[1m" % ("\\xe9" if sys.version_info > (3,) else "")).start()
time.sleep(0.3)
sys.stdout.write("ready\\n")
sys.stdout.flush()
END
"""


def names_of_threads(kit, make):
    for version in VERSIONS:
        name = f"names of threads in {version}"
        core = make.core(python(version), NAMED.replace("END", CRASH))
        odd = ("caf\xe9" if version > (3,) else "caf") + " \x1b[1m"
        ran = kit.expect(name, ["dump", core], COMPLETE, out=['"MainThread" (main, crashed', "  Names: ", '"' + odd.replace("\x1b", "\\x1b") + '"'])
        kit.check_that(f"{name}: a group", re.search(r'3 threads with the same stack: \d+ \d+ \d+ \(.*daemon\), .*\n  Names: "worker 0" "worker 1" "worker 2"\n',
                                                     ran.out), brief(ran.out, 2000))
        alone = kit.expect(name, ["dump", "--no-group", core], COMPLETE, json_too=False)
        kit.check_that(f"{name}: alone", len(re.findall(r'^Thread \d+ "worker [012]" \(.*daemon\)', alone.out, re.MULTILINE)) == 3, brief(alone.out, 2000))
        document = kit.expect_json(f"{name}, JSON", ["dump", core], COMPLETE)
        found = {thread["name"]: thread["daemon"] for thread in document["threads"]}
        wanted = {"MainThread": False, "worker 0": True, "worker 1": True, "worker 2": True, odd: False}
        kit.check_that(f"{name}, JSON: all", found == wanted, f"{found}")
    with make.hanging_python(system_python(), NAMED.replace("END", HANG), env={"PYTHONUNBUFFERED": "1"}) as process:
        document = kit.expect_json("names of threads, live", ["dump", "--pid", process.pid], COMPLETE)
        kit.check_that("names of threads, live: all", sorted(thread["name"] for thread in document["threads"])[0] == "MainThread"
                       and all(thread["native_name"] for thread in document["threads"]), f"{document['threads']}"[:500])


def groups(kit, make):
    """With --locals every thread stands by itself."""
    core = make.core(python((3, 11)), NAMED.replace("END", CRASH))
    kit.expect("no groups with --locals", ["dump", "--locals", core], COMPLETE, absent=["with the same stack"], json_too=False)


def global_names(kit, make):
    for version in VERSIONS:
        name = f"globals in {version}"
        core = core_of(make, version)
        ran = kit.expect(name, ["dump", "--globals", core], COMPLETE, out=["\nGlobals of __main__ (interpreter 0):\n", "  SETTING = {'name': 'setting'}\n"],
                         absent=["\n  os = ", "__file__ ="])
        kit.check_that(f"{name}: once", ran.out.count("Globals of __main__") == 1, f"{ran.out.count('Globals of __main__')} times")
        document = kit.expect_json(f"{name}, JSON", ["dump", "--globals", core], COMPLETE)
        module = document["globals"][0]
        found = [variable["name"] for variable in module["names"]]
        kit.check_that(f"{name}, JSON: which", module["module"] == "__main__" and found == ["SETTING", "Job", "outer", "tell"] or
                       version < (3, 6) and sorted(found) == ["Job", "SETTING", "outer", "tell"], f"{found}")


SECRET = """
import os, sys
class Account(object):
    def __init__(self, token):
        self.token = token
PASSWORD = "s3cret-global"
def login(user, password, table):
    octets = b"s3cret-octets"
    changeable = bytearray(b"s3cret-changeable")
    account = Account("s3cret-token")
    same = ["s3cret-user-%s" % 1, user]
    try:
        raise ValueError("s3cret-message")
    except ValueError as e:
        if hasattr(e, "add_note"):
            e.add_note("s3cret-note")
        os.abort()  # s3cret-source
login("s3cret-user-%d" % 1, "s3cret-password", {"s3cret-key": 1, 2: "s3cret-value"})
"""


def redaction(kit, make):
    for version in VERSIONS:
        name = f"--redact in {version}"
        core = make.once(name, lambda version=version: make.crash([python(version).path, "-s", make.script(SECRET), "s3cret-argument"]))
        command = ["dump", "--locals=full", "--globals", core]
        kit.expect(f"without {name}", command, COMPLETE, out=[f"s3cret-{word}" for word in
                   ("argument", "global", "octets", "changeable", "token", "user", "message", "source", "password", "key", "value")])
        ran = kit.expect(name, [*command, "--redact"], COMPLETE, absent=["s3cret"], out=["login", "PASSWORD", "table", "token"])
        document = kit.expect_json(f"{name}, JSON", [*command, "--redact"], COMPLETE)
        kit.check_that(f"{name}, JSON: no secret", "s3cret" not in str(document), "there is one")
        found = {variable["name"]: variable for variable in frame_named(document, "login")["locals"]}
        password = found["password"]["value"]
        kit.check_that(f"{name}, JSON: a value", isinstance(password, dict) and password["redacted"] and password["length"] == 15 and password["type"] == "str",
                       f"{password}")
        user = found["user"]["value"]["hash"]
        kit.check_that(f"{name}: equal texts", re.findall("hash ([0-9a-f]{16})", found["same"]["value"]) == [user, user] and password["hash"] != user,
                       f"{found['same']}, {user}")
        again = kit.expect_json(f"{name}, again", [*command, "--redact"], COMPLETE)
        kit.check_that(f"{name}: another run, another hash", values(frame_named(again, "login"))["user"]["hash"] != user, "it is the same")
        kit.check_that(f"{name}: sources", "os.abort()" not in ran.out and frame_named(document, "login")["source"] is None, "there are some")


def trash(make, core, address, bytes_at, name="trashed"):
    """A copy of the core with other bytes at an address."""
    whole = CoreBytes(core)
    content = bytearray(whole.bytes)
    where = whole.offset_of(address)
    content[where:where + len(bytes_at)] = bytes_at
    path = make.folder(name) / "core"
    path.write_bytes(content)
    return path


def damage(kit, make):
    """A type pointer that leads nowhere: the rest goes on, and the status says so."""
    for version in ((2, 7), (3, 8), (3, 11), (3, 13)):
        name = f"trashed type in {version}"
        core = core_of(make, version)
        document = kit.expect_json(f"{name}, before", ["dump", "--locals", core], COMPLETE)
        address = int(next(row["address"] for row in frame_named(document, "inner")["locals"] if row["name"] == "job"), 16)
        broken = trash(make, core, address + 8, struct.pack("<Q", 0x12345678))
        kit.expect(name, ["dump", "--locals", broken], PARTIAL, out=["job = <damaged: ", f"{address:#x}", "shared (free) = [1]"])
        document = kit.expect_json(f"{name}, JSON", ["dump", "--locals", broken], PARTIAL)
        job = next(row for row in frame_named(document, "inner")["locals"] if row["name"] == "job")
        kit.check_that(f"{name}, JSON", job["damaged"] and (job["error"] or "<damaged" in job["value"]), f"{job}")
        kit.expect(f"{name}, not asked for", ["dump", broken], COMPLETE)
        kit.expect(f"{name}, print", ["print", broken, hex(address)], NOTHING, err="there is no object at")
        counted = trash(make, core, address, struct.pack("<Q", 0))
        kit.expect(f"count of 0 in {version}", ["dump", "--locals", counted], COMPLETE, out="[reference count 0]")


HOSTILE = """
import os, sys
class Meta(type):
    pass
names = {"a\\x1b[31m": 1, "b\\n      fake = 1": 2, "\\u202ename": 3, "\\ud800": 4}
def hold(text, octets, keys):
    made = Meta("Evil\\x1b[2J\\n", (), {"__module__": "m\\u202eod", "x": 1})()
    setattr(made, "attr\\x9b\\n", "v")
    try:
        raise ValueError("\\x1b[2J\\nThread 1 (main)\\n\\u202e\\ud800\\0")
    except ValueError as e:
        e.__notes__ = ["\\x1b]0;owned\\x07\\nFile", 7]
        exec("END", {"os": os}, names)
hold("\\x1b[31m\\n\\\\ \\u202e\\ud800\\xad\\u2028\\x7f'\\"", b"\\x1b\\xff\\n", {"\\x1b\\n": "\\r"})
"""


def hostile(kit, make):
    """That nothing of it comes out raw is a rule of every run."""
    for version in ((3, 8), (3, 11), (3, 13)):
        core = make.core(python(version), HOSTILE.replace("END", CRASH))
        for options in (["--locals=full"], ["--locals", "--globals"], ["--locals", "--redact"], ["--locals", "--color=always"]):
            ran = kit.expect(f"hostile values in {version}, {options}", ["dump", *options, core], COMPLETE, json_too="--color=always" not in options)
            kit.check_that(f"hostile values in {version}, {options}: no line of theirs", not re.search(r"^(Thread 1 \(main\)| +fake = 1)", ran.out, re.MULTILINE),
                           "there is one")
        document = kit.expect_json(f"hostile values in {version}", ["dump", "--locals=full", core], COMPLETE)
        found = values(frame_named(document, "hold"))
        wanted = "'\\x1b[31m\\n\\\\ \\u202e\\ud800\\xad\\u2028\\x7f\\'\"'"
        kit.check_that(f"hostile values in {version}: as repr() has it", found["text"] == wanted, f"{found['text']!a}")
        ran = kit.expect(f"hostile values in {version}, text", ["dump", "--locals=full", core], COMPLETE, json_too=False)
        kit.check_that(f"hostile values in {version}: in text too", f"      text = {wanted}\n" in ran.out, brief(ran.out, 2000))


RECURSION = """
import os
def down(n):
    if n == 0:
        END
    down(n - 1)
down(500)
"""


def recursion(kit, make):
    core = core_of(make, (3, 12), RECURSION)
    ran = kit.expect("recursion with --locals", ["dump", "--locals", core], COMPLETE, out=["repeated 497 more times", "      n = 500\n", "      n = 498\n"])
    kit.check_that("recursion with --locals: those that are shown", "n = 497\n" not in ran.out and "      n = 0\n" in ran.out, brief(ran.out, 2000))
    document = kit.expect_json("recursion with --locals, JSON", ["dump", "--locals", core], COMPLETE)
    found = [values(frame)["n"] for frame in of_python(document["threads"][0]) if frame["function"] == "down"]
    kit.check_that("recursion with --locals, JSON: all", found == [str(n) for n in range(501)], f"{found[:5]}...")


HUGE = """
import os
def many():
    exec("\\n".join("name_%d = %d" % (i, i) for i in range(30000)) + "\\nEND", {"os": os}, {})
def hold():
    items = list(range(1000000))
    text = "x" * 100000000
    table = dict.fromkeys(items)
    deep = None
    for _ in range(100000):
        deep = [deep]
    many()
hold()
"""


def huge(kit, make):
    core = core_of(make, (3, 11), HUGE)
    began = time.monotonic()
    ran = kit.expect("huge values", ["dump", "--locals", core], COMPLETE, out=["+999980 more", "+99999800 more characters", "... and "], json_too=False)
    took = time.monotonic() - began
    kit.check_that("huge values: quick", took < 2, f"it took {took:.1f} s")
    kit.check_that("huge values: short", len(ran.out) < 2_000_000, f"{len(ran.out)} characters")
    kit.expect("huge values, --locals=full", ["dump", "--locals=full", core], COMPLETE)


CASES = [variables, not_asked_for, limits, names_of_threads, groups, global_names, redaction, damage, hostile, recursion, huge]
