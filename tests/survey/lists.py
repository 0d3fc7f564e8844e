"""Lists of the interpreter: what it keeps for reuse, and the generations of its collector."""
import re
import subprocess

LIMIT = 300
KEPT = {"PyCFunctionObject": "builtin_function_or_method", "PyDictKeysObject": "keys of dicts"}
NONE = {"count": 0, "bytes": 0}


def kept_by(text):
    """What sys._debugmallocstats() says of free lists: how many there are, and bytes of one, by the names that pycore uses."""
    for line in re.finditer(r"(\d+) free (?:(\d+)-sized )?(Py\w+?Object)s \* (\d+) bytes", text):
        kind = f"tuple of {line[2]}" if line[2] else KEPT.get(line[3]) or line[3][2:-6].lower()
        yield kind, int(line[1]), int(line[4])


def bytes_of(node, name):
    own = node["bytes"] if node["name"] == name else 0
    return own + sum(bytes_of(child, name) for child in node["children"])


def free_lists(counts, name, python, document, text):
    """Each list is as long as the interpreter says; none of what is in it counts as anything else."""
    lists = document["allocators"]["free_lists"]
    if lists is None:
        counts.say("skipped", name, "a stripped Python has no names for them")
        return
    found = {entry["name"]: entry for entry in lists}
    truth = {kind: (count, count * size) for kind, count, size in kept_by(text)}
    if "free Py" in text:  # not in 2.7
        counts.equal(f"{name}: sys._debugmallocstats()", {kind: found.get(kind, NONE)["count"] for kind in truth},
                     {kind: count for kind, (count, _) in truth.items()})
        counts.check(f"{name}: bytes", [f"{kind}: {found[kind]['bytes']} are less than {size}" for kind, (count, size) in truth.items()
                                        if count and found[kind]["bytes"] < size])
    made = {"list": 80, "dict": 80}
    if not python.free_threaded:  # which keeps none
        made.update({f"tuple of {length}": 2000 for length in range(2, 20)})
    counts.check(f"{name}: made", [f"{kind}: {found.get(kind, NONE)['count']}, not about {count}" for kind, count in made.items()
                                   if not 0.95 * count <= found.get(kind, NONE)["count"] <= count])
    room = sum(bytes_of(document["memory"], kind) for kind in ("objects kept for reuse", "objects without references"))
    size, number = sum(entry["bytes"] for entry in lists), sum(entry["count"] for entry in lists)
    guards = 24 * number if python.debug else 0  # what the allocator puts around each block
    counts.check(f"{name}: memory", [] if size + guards <= room < 1.1 * size + guards else
                 [f"{room} bytes are for reuse, {size} in lists"])
    counts.check(f"{name}: dead objects", [] if number <= document["dead_objects"] < 1.1 * number else
                 [f"{document['dead_objects']}, {number} in lists"])


def generations(counts, name, python, document, made, truth):
    """Each list is as long as the collector says, and what was made is in the list where the program has put it."""
    found = {row["key"]: row["count"] for row in document["rows"]}
    everything, *lengths = map(int, truth)
    if any(lengths):  # not before 3.8
        expected = dict(zip(("generation 0", "generation 1", "generation 2", "permanent"), lengths))
        counts.equal(f"{name}: gc.get_objects(generation=N)", {key: found.get(key) for key in expected}, expected)
    tracked = sum(count for key, count in found.items() if key.startswith("generation"))
    counts.equal(f"{name}: gc.get_objects()", tracked, everything)
    expected = {"generation 0": 1000, "generation 1": 2000, "generation 2": 3000, "not tracked": 600, "permanent": 400}
    if python.version < (3, 7):  # there is no gc.freeze()
        expected["generation 2"] += expected.pop("permanent")
    if python.version >= (3, 8):  # instances without attributes are tracked
        expected["generation 2"] += expected.pop("not tracked")
    counts.equal(f"{name}: made", {row["key"]: row["count"] for row in made["rows"]}, expected)


def refusal(counts, pycore, python, core):
    """While a collection runs there is no telling."""
    done = subprocess.run([pycore, "survey", "--by", "generation", *python.options, core], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=LIMIT, check=False)
    good = done.returncode == 1 and not done.stdout and b"generations in" in done.stderr
    counts.check(f"{python.name} collecting: --by generation is refused", [] if good else [f"{done.returncode}: {done.stderr.decode()}"])
