#!/usr/bin/python3
"""Does `pycore survey` count what there is? Each Python on the machine builds known populations, writes down what it
knows of them and leaves cores of itself (population.py); counts and sizes have to be equal.
"""
import argparse
import collections
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(TOP / "tests/matrix"))
import arrays  # noqa: E402
import lists  # noqa: E402
import mallocs  # noqa: E402
import pythons  # noqa: E402
import schema  # noqa: E402

LIMIT = 300
COUNT = 4000
COUNT_EMULATED = 400
LIVE_RUNS = 8
BUSY_THREADS = 4
# Types whose objects the collector tracks from the first moment to the last.
TRACKED = ("function", "list", "set", "cell", "module", "property", "staticmethod", "classmethod", "deque", "OrderedDict",
           "builtin_function_or_method", "method_descriptor", "wrapper_descriptor", "getset_descriptor",
           "member_descriptor", "generator", "Plain", "Late", "ListSub", "DictSub", "Error", "Node", "ABCMeta",
           "partial", "defaultdict", "Made", "weakref", "ReferenceType")


class Counts:
    def __init__(self, verbose):
        self.verbose, self.passed, self.failed, self.skipped = verbose, 0, 0, 0

    def say(self, verdict, name, text=""):
        setattr(self, verdict, getattr(self, verdict) + 1)
        if verdict != "passed" or self.verbose:
            print(f"{verdict.upper()} {name}" + (f": {text}" if text else ""), flush=True)

    def check(self, name, faults):
        faults = list(faults)
        self.say("failed" if faults else "passed", name, "; ".join(faults[:6]))

    def equal(self, name, found, expected):
        self.check(name, [] if found == expected else [f"{found}, not {expected}"])


def survey(tool, core, *options):
    """tool: pycore and its options; core: a file, or "--pid=4711"."""
    done = subprocess.run([*tool, *options, core], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=LIMIT, check=False)
    if done.returncode == 1:
        raise RuntimeError(done.stderr.decode())
    return done.returncode, json.loads(done.stdout)


def by_type(document):
    """[count, bytes by sys.getsizeof() or None] of each type's name."""
    found = {}
    for row in document["rows"]:
        entry = found.setdefault(row["type"], [0, 0])
        entry[0] += row["count"]
        known = entry[1] is not None and row["sizeof_bytes"] is not None
        entry[1] = entry[1] + row["sizeof_bytes"] if known else None
    return collections.defaultdict(lambda: [0, 0], found)


def tree_faults(node):
    if node["children"]:
        total = sum(child["bytes"] for child in node["children"])
        if total != node["bytes"]:
            yield f"{node['name']}: children come to {total}, not {node['bytes']}"
    for child in node["children"]:
        yield from tree_faults(child)


def document_faults(status, document, wanted):
    if status != 0:
        yield f"exit status {status}: {[p['why'] for p in document['problems']]}"
    yield from list(schema.errors(document, wanted))[:3]
    yield from tree_faults(document["memory"])
    yield from (f"{c['name']}: {c['expected']}, {c['found']}" for c in document["checks"] if not c["ok"])
    totals = document["totals"]
    for total, key in (("objects", "count"), ("bytes", "bytes"), ("owned_bytes", "owned_bytes"),
                       ("gc_header_bytes", "gc_header_bytes")):
        rows = sum(row[key] for row in document["rows"])
        if rows != totals[total]:
            yield f"rows come to {rows} {key}, not {totals[total]}"


def compare_made(counts, name, before, after, made):
    """What was made between the two cores, by count and by size."""
    old, new = by_type(before), by_type(after)
    for kind, (count, size) in sorted(made.items()):
        if kind == "NoneType":
            continue
        counts.equal(f"{name} {kind}: made", new[kind][0] - old[kind][0], count)
        if new[kind][1] is not None and old[kind][1] is not None:
            counts.equal(f"{name} {kind}: sys.getsizeof() of those made", new[kind][1] - old[kind][1], size)
        elif kind != "Weighs":  # which Python code sizes
            counts.say("skipped", f"{name} {kind}: sys.getsizeof() of those made", "not known for this build")


def compare_owned(counts, name, before, after, owned):
    """Bytes that objects own elsewhere."""
    for kind, size in owned.items():
        old, new = (sum(row["owned_bytes"] for row in document["rows"] if row["type"] == kind) for document in (before, after))
        counts.equal(f"{name} {kind}: bytes owned by those made", new - old, size)


def compare_diff(counts, name, tool, before, after, made):
    """The same by --diff, which leaves out what did not change."""
    _, document = survey(tool, after, "--diff", before)
    grown = collections.Counter()
    for change in document["changes"]:
        grown[change["type"]] += change["count_after"] - change["count_before"]
    wrong = [f"{kind}: {grown[kind]}, not {count}" for kind, (count, _) in made.items()
             if kind != "NoneType" and grown[kind] != count]
    counts.check(f"{name}: --diff", wrong)


def shape(key):
    """Type and names, which 2.7 has in no order."""
    kind, _, names = key.partition(" {")
    return (kind, *sorted(names.rstrip("}").split(", ")))


def compare_shapes(counts, name, tool, after, made):
    """Objects by shape are as many as by type, and instances of one class have one shape."""
    status, document = survey(tool, after, "--by", "shape")
    found = {shape(row["key"]): row["count"] for row in document["rows"]}
    expected = {("__main__.Plain", "first", "second"): made["Plain"][0], ("__main__.Node", "me"): made["Node"][0]}
    counts.check(f"{name}: shapes", [f"{key}: {found.get(key)}, not {count}" for key, count in expected.items()
                                     if found.get(key) != count] + [f"exit status {status}"] * (status != 0))


def check_truncated(counts, name, tool, core):
    """A core that was cut in the middle: what is left is counted, and said to be less; or the interpreter itself is lost,
    which lies behind the heap where it is a library."""
    os.truncate(core, core.stat().st_size // 2)
    try:
        status, document = survey(tool, core)
    except RuntimeError as error:
        counts.check(f"{name}: truncated core", [] if "the core is cut off" in str(error) else [str(error)])
        return
    counts.check(f"{name}: truncated core", [] if status == 2 and document["lower_bound"] and document["source"]["complete"] is False
                 else [f"exit status {status}, lower_bound {document['lower_bound']}"])


def compare_tracked(counts, name, after, tracked):
    """What the collector knows."""
    found = by_type(after)
    for kind, (count, size) in sorted(tracked.items()):
        if kind not in TRACKED:
            counts.check(f"{name} {kind}: at least those that the collector tracks",
                         [f"{found[kind][0]}, not {count}"] if found[kind][0] < count else [])
            continue
        counts.equal(f"{name} {kind}: those that the collector tracks", found[kind][0], count)
        if found[kind][1] is not None:
            counts.equal(f"{name} {kind}: sys.getsizeof() of those", found[kind][1], size)


def compare_blocks(counts, name, after, blocks):
    """By the interpreter's counters, which the process read itself, too."""
    sums = {check["name"]: check["expected"] for check in after["checks"]}
    pools = sum(value for key, value in sums.items() if key.startswith(("blocks of pools", "blocks of pages")))
    larger = [value for key, value in sums.items() if key.startswith("blocks outside of pools")]
    if any(key.startswith("blocks of pages") for key in sums):  # large ones, too, are in pages
        larger = [0]
    missing = "the process has no count of its own" if blocks is None else \
        "nothing is in pools" if not pools else \
        "no symbol leads to the interpreter's count of larger blocks" if not larger else None
    if missing:
        counts.say("skipped", f"{name}: sys.getallocatedblocks()", missing)
        return
    counts.equal(f"{name}: sys.getallocatedblocks()", pools + larger[0], blocks)


def make_cores(python, folder, environment):
    before, after, truth = folder / "before", folder / "after", folder / "truth"
    before.mkdir()
    after.mkdir()
    count = COUNT_EMULATED if python.emulated else COUNT
    done = subprocess.run([python.path, HERE / "population.py", before, after, truth, str(count)], timeout=LIMIT,
                          env={**os.environ, "PYTHONHASHSEED": "0", **python.environment, **environment},
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if not truth.exists():
        raise RuntimeError(done.stderr.decode()[-500:])
    return [python.core(path) for path in (before, after)], json.loads(truth.read_text())


def one(counts, pycore, python, variant, environment, wanted):
    name, tool = f"{python.name} {variant}", [pycore, "survey", "--json", *python.options]
    if variant == "arrays":
        path, why = arrays.environment(python) if python.version[:2] in arrays.VERSIONS and not python.root else \
            (None, "no numpy for it")
        if why:
            counts.say("skipped", name, why)
            return
        python = dataclasses.replace(python, path=path)
    if "LIBRARY" in environment:
        tried = subprocess.run([python.path, "-B", "-c", "import library"], cwd=HERE, capture_output=True, check=False)
        if tried.returncode:
            counts.say("skipped", name, tried.stderr.decode().strip().rpartition("\n")[2])
            return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pycore-survey-"))
    try:
        (before, after), truth = make_cores(python, folder, environment)
        if not before or not after:
            counts.say("skipped", name, "no core was written here")
            return
        documents = []
        for core in (before, after):
            status, document = survey(tool, core)
            counts.check(f"{name}: report of {core.parent.name}", document_faults(status, document, wanted))
            documents.append(document)
        compare_made(counts, name, *documents, truth["made"])
        compare_tracked(counts, name, documents[1], truth["gc"])
        if "blocks" in truth:
            compare_blocks(counts, name, documents[1], truth["blocks"])
        compare_diff(counts, name, tool, before, after, truth["made"])
        compare_owned(counts, name, *documents, truth.get("owned", {}))
        if "Plain" in truth["made"]:
            compare_shapes(counts, name, tool, after, truth["made"])
        check_truncated(counts, name, tool, after)
    except (RuntimeError, ValueError, subprocess.SubprocessError) as error:
        counts.say("failed", name, str(error))
    finally:
        shutil.rmtree(folder)


def live(counts, pycore, python, wanted):
    """A process that allocates all the time: no copy of it may be torn, and what it keeps is all there, each time."""
    name, tool = f"{python.name} live", [pycore, "survey", "--json"]
    with subprocess.Popen([python.path, HERE / "busy.py", str(COUNT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            pid = int(process.stdout.readline())
            for _ in range(LIVE_RUNS):
                status, document = survey(tool, f"--pid={pid}")
                found = by_type(document)
                counts.check(name, [*document_faults(status, document, wanted)] +
                             [f"{kind}: {found[kind][0]}" for kind in ("Kept", "Items") if found[kind][0] != COUNT] +
                             ["it was not stopped"] * (not document["source"]["pause_seconds"]))
        except (RuntimeError, ValueError, subprocess.SubprocessError) as error:
            counts.say("failed", name, str(error))
        finally:
            process.kill()


DEATHS = {
    "interpreters": {"Inside": 3000, "Outside": 500},
    "collecting": {"Stays": 5000, "Goes": 2000, "Ends": 1},
    "threads": {"Left": 8000, "Items": 8000, "Giant": 2, "Own": 8000, "Handed": 4000, "Dropped": 0},
    "threads_busy": {"Kept": 4000, "Items": 4000},
    "threads_left": {"Left": 8000, "Items": 8000},
}


def busy_faults(status, document, wanted):
    """Threads that were stopped anywhere, also while they took a block: one page each can contradict itself, and that is told."""
    torn = [problem["why"] for problem in document["problems"] if "pages contradict themselves" in problem["why"]]
    if torn and int(torn[0].split()[0]) <= BUSY_THREADS and status == 2 and document["lower_bound"]:
        status = 0
        document["checks"] = [check for check in document["checks"] if not check["name"].startswith("blocks of pages")]
    yield from document_faults(status, document, wanted)


def death(counts, pycore, python, variant, wanted):
    """A program that dies by itself, with known numbers of some objects."""
    name, tool = f"{python.name} {variant}", [pycore, "survey", "--json", *python.options]
    with tempfile.TemporaryDirectory(prefix="pycore-survey-") as folder:
        done = subprocess.run([python.path, HERE / f"{variant}.py"], cwd=folder, stderr=subprocess.DEVNULL, timeout=LIMIT, check=False,
                              env={**os.environ, **python.environment})
        core = python.core(folder)
        if not core:
            counts.say("skipped", name, "no module makes interpreters here" if done.returncode == 3 else "no core was written here")
            return
        status, document = survey(tool, core)
        found = by_type(document)
        faults = busy_faults if variant == "threads_busy" and python.free_threaded else document_faults
        counts.check(name, [*faults(status, document, wanted)] +
                     ["no pages of ended threads"] * (variant == "threads_left" and python.free_threaded and
                                                      not document["allocators"]["mimalloc"]["pages_abandoned"]) +
                     [f"{kind}: {found[kind][0]}, not {count}" for kind, count in DEATHS[variant].items() if found[kind][0] != count])
        if variant == "collecting":
            lists.refusal(counts, pycore, python, core)


def known_lists(counts, pycore, python, variant, wanted):
    """A program that dies by itself, and says before how long lists of the interpreter are."""
    name, tool = f"{python.name} {variant}", [pycore, "survey", "--json", *python.options]
    with tempfile.TemporaryDirectory(prefix="pycore-survey-") as folder:
        done = subprocess.run([python.path, HERE / f"{variant}.py"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=LIMIT, check=False, env={**os.environ, **python.environment})
        core = python.core(folder)
        if not core:
            counts.say("skipped", name, "no core was written here")
            return
        if variant == "freelists":
            status, document = survey(tool, core)
            lists.free_lists(counts, name, python, document, done.stderr.decode())
        else:
            tool += ["--by", "generation"]
            try:
                status, document = survey(tool, core)
                _, made = survey([*tool, "--match", "__main__.[FOMYA]*"], core)
            except RuntimeError as error:
                counts.check(name, [] if python.free_threaded and "which has none" in str(error) else [str(error)])
                return
            lists.generations(counts, name, python, document, made, done.stdout.split())
        counts.check(name, document_faults(status, document, wanted))


VARIANTS = {
    "ordered": ({}, (2, 7)),
    "churned": ({"CHURN": "1"}, (2, 7)),
    "live": (None, (2, 7)),
    "interpreters": (None, (3, 7)),
    "collecting": (None, (2, 7)),
    "freelists": (None, (2, 7)),
    "generations": (None, (2, 7)),
    "threads": (None, (2, 7)),
    "threads_busy": (None, (2, 7)),
    "threads_left": (None, (2, 7)),
    "debug": ({"PYTHONMALLOC": "debug"}, (3, 6)),
    "malloc": ({"PYTHONMALLOC": "malloc"}, (3, 6)),
    "library": ({"LIBRARY": "library"}, (2, 7)),
    "library malloc": ({"LIBRARY": "library", "PYTHONMALLOC": "malloc"}, (3, 6)),
    "arrays": ({"LIBRARY": "arrays", "OPENBLAS_NUM_THREADS": "1"}, (3, 6)),
    "churned malloc": ({"PYTHONMALLOC": "malloc", "CHURN": "1"}, (3, 6)),
    **mallocs.VARIANTS,
}
# Of Pythons for other processors, which are slow where they are emulated.
FOREIGN = ("ordered", "churned", "interpreters", "collecting", "freelists", "generations", "threads", "malloc", "debug")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pycore", required=True, type=pathlib.Path)
    pythons.add_options(parser)
    parser.add_argument("--variant", action="append", choices=list(VARIANTS))
    parser.add_argument("-v", "--verbose", action="store_true")
    args = parser.parse_args()
    counts = Counts(args.verbose)
    wanted = schema.load(TOP / "man/pycore.survey.schema.json")
    found, broken = pythons.chosen(args)
    for name in broken:
        counts.say("skipped", name, "does not run")
    for python in found:
        for variant, (environment, since) in VARIANTS.items():
            if (args.variant and variant not in args.variant) or python.version < since:
                continue
            if python.machine and variant not in (args.variant or FOREIGN):
                continue
            if python.free_threaded and "malloc" in variant:
                continue  # there is no other allocator
            if environment is None:
                if variant == "live":
                    live(counts, args.pycore.resolve(), python, wanted)
                elif variant in mallocs.VARIANTS:
                    mallocs.run(counts, sys.modules[__name__], args.pycore.resolve(), python, variant, wanted)
                elif variant in ("freelists", "generations"):
                    known_lists(counts, args.pycore.resolve(), python, variant, wanted)
                else:
                    death(counts, args.pycore.resolve(), python, variant, wanted)
                continue
            one(counts, args.pycore.resolve(), python, variant, environment, wanted)
    print(f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped")
    return 1 if counts.failed or not counts.passed else 0


if __name__ == "__main__":
    sys.exit(main())
