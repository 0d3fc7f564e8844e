"""pycore print: objects by their addresses."""
import ast

from kit import COMPLETE, NOTHING, PARTIAL, TOP, rules, run, schema, statuses, words
from case_values import HANG, PROGRAM, VERSIONS, core_of, frame_named, values
from subjects import all_pythons, python

RULES = schema.load(TOP / "man/pycore.print.schema.json")


def printed(kit, name, arguments, status, err=(), out=(), **how):
    """`pycore print` as text and as JSON; returns (text, document)."""
    name = f"print {name}"
    ran = kit.expect(name, ["print", *arguments], status, err=err, out=out, **how)
    other = run([kit.pycore, "print", "--json", *arguments], **how)
    faults = list(rules(other)) + statuses(status, other) + words("stderr", err, other.err)
    document = None
    try:
        document = other.document if other.out else None
        faults += list(schema.errors(document, RULES))[:3] if document else []
    except ValueError as error:
        faults.append(f"stdout is not one JSON document: {error}")
    kit.check(f"{name} (JSON)", faults)
    return ran.out, document


def objects(kit, make):
    for version in VERSIONS:
        name = f"in {version}"
        core = core_of(make, version)
        document = kit.expect_json(f"print {name}: where", ["dump", "--locals", core], COMPLETE)
        rows = {row["name"]: row["address"] for row in frame_named(document, "inner")["locals"]}
        text, document = printed(kit, name, [core, rows["job"]], COMPLETE, out=[
            f"Object at {rows['job']}:\n", "  Type:       __main__.Job, at 0x", "  GC:         tracked\n", "    number = 7\n", "    state = 'new'\n"])
        job = document["objects"][0]
        facts = [job[key] for key in ("type", "address", "immortal", "gc", "error")]
        kit.check_that(f"print {name}: facts", facts == ["__main__.Job", rows["job"], False, "tracked", None] and 1 <= job["refcount"] < 20 and job["size"] >= 16,
                       f"{job}")
        kit.check_that(f"print {name}: attributes", values({"locals": job["attributes"]}) == {"number": "7", "state": "'new'"}, f"{job['attributes']}")
        text, document = printed(kit, f"three {name}", [core, rows["local"], str(int(rows["shared"], 16)), rows["local"].replace("0x", "0X")], COMPLETE)
        kit.check_that(f"print three {name}", [each["value"] for each in document["objects"]] == ["'text'", "[1]", "'text'"] and text.count("Object at") == 3,
                       f"{document['objects']}"[:400])


def objects_that_are_none(kit, make):
    core = core_of(make, (3, 11))
    document = kit.expect_json("print: where", ["dump", "--locals", core], COMPLETE)
    good = frame_named(document, "inner")["locals"][0]["address"]
    inside = hex(int(good, 16) + 8)
    for name, address in (("not mapped", "0x10"), ("of no object", inside), ("odd", "0x7"), ("zero", "0"), ("the last", "0xffffffffffffffff"), ("decimal", "16")):
        _, document = printed(kit, name, [core, address], NOTHING, err=f"there is no object at {int(address, 0):#x}: ")
        kit.check_that(f"print {name}: why", document and document["objects"][0]["error"] and document["objects"][0]["value"] is None, f"{document}"[-300:])
        printed(kit, f"{name} and another", [core, good, address], PARTIAL, err="there is no object at", out=f"Object at {good}:")
    printed(kit, "without Python", [make.core_without_python(), "0x10"], NOTHING, err="no Python")


def objects_live(kit, make):
    for version in ((2, 7), (3, 6), (3, 11), (3, 13)):
        found, text = python(version), PROGRAM.replace("ready %#x\\n", "ready\\n%#x\\n").replace("END", HANG)
        with make.hanging([found.path, "-s", make.script(text)]) as process:
            address = process.stdout.readline().decode().strip()
            _, document = printed(kit, f"live in {version}", ["--pid", process.pid, address], COMPLETE, out="number = 7")
            kit.check_that(f"print live in {version}: stopped", document["source"]["pause_seconds"], "it was not")
            _, document = printed(kit, f"live, --nonblocking, in {version}", ["--nonblocking", "--pid", process.pid, address], COMPLETE, out="number = 7")
            kit.check_that(f"print live, --nonblocking, in {version}: not stopped", document["source"]["pause_seconds"] is None, "it was")
            document = kit.expect_json(f"--locals, live in {version}", ["dump", "--locals", "--pid", process.pid], COMPLETE)
            kit.check_that(f"--locals, live in {version}: a value", values(frame_named(document, "inner"))["local"] == "'text'", "another one")
            found_at = next(row["address"] for row in frame_named(document, "inner")["locals"] if row["name"] == "job")
            kit.check_that(f"--locals, live in {version}: its address", int(found_at, 16) == int(address, 16), f"{found_at}, not {address}")


def operands(kit, make):
    """EXE is a word that begins with no digit."""
    found = python((3, 11))
    core = core_of(make, (3, 11))
    document = kit.expect_json("print: where", ["dump", "--locals", core], COMPLETE)
    address = frame_named(document, "inner")["locals"][0]["address"]
    printed(kit, "with EXE", [core, found.path, address], COMPLETE, out="31")
    printed(kit, "options behind", [core, address, "--max-string=1", "--max-items=1", "--max-depth=1"], COMPLETE, out="3... +1 more digit")
    printed(kit, "--redact", ["--redact", core, frame_named(document, "inner")["locals"][1]["address"]], COMPLETE, out="<str of length 4, hash ")


COLLECTOR = """
import gc, os, sys
plain, full = (1, "a"), ([],)
gc.collect()
rows = [(id(each), gc.is_tracked(each)) for each in (plain, full, gc, gc.__dict__)]
with open(sys.argv[1], "w") as file:
    file.write(repr(rows))
os.abort()
"""


def collector(kit, make):
    """Whether the collector tracks an object, by its own word."""
    for found in all_pythons():
        truth = make.folder("collector") / "truth"
        core = make.crash([found.path, "-s", make.script(COLLECTOR), truth])
        for address, tracked in ast.literal_eval(truth.read_text().replace("L", "")):
            document = printed(kit, f"collected in {found.name}", [core, hex(address)], COMPLETE)[1]
            kit.check_that(f"print collected in {found.name}: tracked", document["objects"][0]["gc"] == ("tracked" if tracked else "not tracked"),
                           f"{document['objects'][0]}"[:200])


CASES = [collector, objects, objects_that_are_none, objects_live, operands]
