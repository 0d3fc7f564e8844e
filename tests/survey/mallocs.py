"""Objects in memory that no row of glibc's chunks leads through: processes with another malloc preloaded, and with a heap that
was damaged. All that can be reached has to be counted, and nothing else; and the report says that there may be more. And heaps
that are whole, though they do not look so.
"""
import collections
import os
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LIBRARIES = {"jemalloc": "libjemalloc.so.2", "tcmalloc": "libtcmalloc_minimal.so.4", "mimalloc": "libmimalloc.so.2"}
FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib")
PRELOADED = {f"{name}{other}": (library, {"PYTHONMALLOC": "malloc"} if other else {})
             for name, library in LIBRARIES.items() for other in ("", " malloc")}
DAMAGED = {"damaged": {}, "damaged malloc": {"PYTHONMALLOC": "malloc"}}
SHARED = {"shared break": {}, "shared break malloc": {"PYTHONMALLOC": "malloc"}}
LIVE = {"jemalloc live": ("libjemalloc.so.2", {"PYTHONMALLOC": "malloc"})}
GIVEN_BACK = {"given back": {}, "given back malloc": {"PYTHONMALLOC": "malloc"}}
VARIANTS = {**{name: (None, (2, 7)) for name in (*PRELOADED, *DAMAGED, *SHARED, *LIVE, *GIVEN_BACK)}}
LARGE = 4 * (8 << 20)  # bytes of large chunks in given_back.py
MADE = {"Front": 2000, "Back": 2000, "Text": 6000}
STRAYS = 30  # strings and the like that only C code refers to, of some thousands; a few come and go from run to run


def preload(library, python):
    """The environment that makes a program use it; None: it is not installed, or for another C library (musl's loader says so)."""
    found = next((f"{folder}/{library}" for folder in FOLDERS if os.path.exists(f"{folder}/{library}")), None)
    environment = {"LD_PRELOAD": found}
    if not found or subprocess.run([python.path, "-c", ""], env={**os.environ, **environment}, capture_output=True, check=False).returncode:
        return None
    return environment


def bound_faults(harness, status, document, wanted, damaged=False):
    """What is wrong with a report of such a heap, which is a lower bound and says why."""
    if status != (2 if damaged else 0) or not document["lower_bound"]:
        yield f"exit status {status}, lower_bound {document['lower_bound']}"
    whys = [problem["why"] for problem in document["problems"] if problem["where"] == "heap"]
    referred = [why for why in whys if "were found by references" in why]
    if len(referred) != 1 or int(referred[0].split()[0]) <= 0:
        yield f"no word on references: {whys}"
    if damaged != any("malloc's heap is damaged" in why for why in whys):
        yield f"damage: {whys}"
    if len(document["problems"]) != 1 + damaged:
        yield f"other problems: {document['problems']}"
    if not any(check["name"].startswith("tracked objects") for check in document["checks"]):
        yield "the collector's lists were not looked at"
    yield from harness.document_faults(0, document, wanted)


def of_library(memory):
    """How many bytes of objects are in memory of an allocator that is not known."""
    return sum(leaf["bytes"] for node in memory["children"] if node["name"].startswith("memory of an unknown")
               for leaf in node["children"] if leaf["name"] == "objects")


def preloaded(counts, harness, tool, python, variant, wanted):
    """Known populations, as with glibc's malloc."""
    library, environment = PRELOADED[variant]
    name, loaded = f"{python.name} {variant}", preload(library, python)
    if not loaded:
        counts.say("skipped", name, f"{library} is not installed, or for another C library")
        return
    with tempfile.TemporaryDirectory(prefix="pycore-survey-") as folder:
        (before, after), truth = harness.make_cores(python, pathlib.Path(folder), {**environment, **loaded, "CHURN": "1"})
        if not before or not after:
            counts.say("skipped", name, "no core was written here")
            return
        documents = []
        for core in (before, after):
            status, document = harness.survey(tool, core)
            counts.check(f"{name}: report of {core.parent.name}", bound_faults(harness, status, document, wanted))
            documents.append(document)
        counts.check(f"{name}: memory", [] if of_library(documents[1]["memory"]) else ["no objects in the library's memory"])
        harness.compare_made(counts, name, *documents, truth["made"])
        harness.compare_tracked(counts, name, documents[1], truth["gc"])
        harness.check_truncated(counts, name, tool, after)


def dying(python, environment, program, *arguments):
    """A core of a program, in a folder that the caller removes; None: none was written."""
    folder = tempfile.TemporaryDirectory(prefix="pycore-survey-")
    subprocess.run([python.path, HERE / program, *arguments], cwd=folder.name, stderr=subprocess.DEVNULL, timeout=300,
                   env={**os.environ, "PYTHONHASHSEED": "0", **environment}, check=False)
    return folder, next(pathlib.Path(folder.name).iterdir(), None)


def has_glibc(python):
    tried = subprocess.run([python.path, "-c", "import ctypes; ctypes.CDLL(None).mallopt"], capture_output=True, check=False)
    return not tried.returncode


def damaged(counts, harness, tool, python, variant, wanted):
    """Beside a process whose heap is whole and which is the same in all else. Of another malloc nobody can say that it is damaged."""
    name, documents, glibc = f"{python.name} {variant}", [], has_glibc(python)
    for arguments in ((), ("whole",)):
        folder, core = dying(python, DAMAGED[variant], "corrupted.py", *arguments)
        with folder:
            if not core:
                counts.say("skipped", name, "no core was written here")
                return
            status, document = harness.survey(tool, core)
        faults = harness.document_faults(status, document, wanted) if arguments else \
            bound_faults(harness, status, document, wanted, damaged=glibc)
        counts.check(f"{name}: report {' '.join(arguments)}", faults)
        documents.append(document)
    found, whole = (harness.by_type(document) for document in documents)
    counts.check(f"{name}: counts", [f"{kind}: {found[kind][0]}, not {count}" for kind, count in MADE.items()
                                     if found[kind][0] != count])
    differ = collections.Counter({kind: abs(found[kind][0] - whole[kind][0]) for kind in {*found, *whole}})
    counts.check(f"{name}: all types beside those of a heap that is whole",
                 [f"{kind}: {found[kind][0]}, not {whole[kind][0]}" for kind, n in differ.items() if n > STRAYS])


def shared(counts, harness, tool, python, variant, wanted):
    """A heap of glibc's in two parts: all of it is walked."""
    name = f"{python.name} {variant}"
    folder, core = dying(python, SHARED[variant], "shared_break.py")
    with folder:
        if not core:
            counts.say("skipped", name, "no core was written here")
            return
        status, document = harness.survey(tool, core)
    kept = harness.by_type(document)["Kept"][0]
    counts.check(name, [*harness.document_faults(status, document, wanted)] + [f"Kept: {kept}, not 5000"] * (kept != 5000))


def live(counts, harness, tool, python, variant, wanted):
    """A process that allocates all the time, copied and in place."""
    library, environment = LIVE[variant]
    name, loaded = f"{python.name} {variant}", preload(library, python)
    if not loaded:
        counts.say("skipped", name, f"{library} is not installed, or for another C library")
        return
    with subprocess.Popen([python.path, HERE / "busy.py", str(harness.COUNT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env={**os.environ, **environment, **loaded}) as process:
        try:
            pid = int(process.stdout.readline())
            for options in ([], ["--in-place"]):
                status, document = harness.survey([*tool, *options], f"--pid={pid}")
                found = harness.by_type(document)
                counts.check(f"{name} {' '.join(options)}", [*bound_faults(harness, status, document, wanted)] +
                             [f"{kind}: {found[kind][0]}" for kind in ("Kept", "Items") if found[kind][0] != harness.COUNT])
        finally:
            process.kill()


def given_back_faults(harness, status, document, wanted):
    """All of it is malloc's, and none of it damaged."""
    yield from harness.document_faults(status, document, wanted)
    yield from (problem["why"] for problem in document["problems"] if "damaged" in problem["why"])
    if document["lower_bound"]:
        yield "a lower bound"
    found, chunks = harness.by_type(document), {node["name"]: node["bytes"] for node in document["memory"]["children"]}
    if found["Kept"][0] != 2000 or found["bytearray"][0] < 200:
        yield f"Kept: {found['Kept'][0]}, not 2000; bytearray: {found['bytearray'][0]}, at least 200"
    if chunks.get("malloc", 0) < LARGE or chunks.get("unattributed", 0) > LARGE // 2:
        yield f"memory: {chunks}"


def given_back(counts, harness, tool, python, variant, wanted):
    """Memory that malloc has given back while it stays mapped, and chunks in two mappings: dead, copied, and in place."""
    name, environment = f"{python.name} {variant}", GIVEN_BACK[variant]
    if not has_glibc(python):
        counts.say("skipped", name, "its malloc is not glibc's")
        return
    folder, core = dying(python, environment, "given_back.py")
    with folder:
        if core:
            status, document = harness.survey(tool, core)
            counts.check(f"{name}: core", given_back_faults(harness, status, document, wanted))
        else:
            counts.say("skipped", f"{name}: core", "no core was written here")
    with subprocess.Popen([python.path, HERE / "given_back.py", "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env={**os.environ, **environment}) as process:
        try:
            pid = int(process.stdout.readline())
            for options in ([], ["--in-place"]):
                status, document = harness.survey([*tool, *options], f"--pid={pid}")
                counts.check(f"{name}: live {' '.join(options)}", given_back_faults(harness, status, document, wanted))
        finally:
            process.kill()


def run(counts, harness, pycore, python, variant, wanted):
    """One variant. harness: the module run.py."""
    tool = [pycore, "survey", "--json", *python.options]
    if python.free_threaded or (python.version < (3, 6) and "malloc" in variant.split()):
        return  # there is no other allocator
    if python.root:
        counts.say("skipped", f"{python.name} {variant}", "this machine's libraries do not fit into its tree")
        return
    case = next(case for names, case in ((PRELOADED, preloaded), (DAMAGED, damaged), (SHARED, shared), (LIVE, live),
                                           (GIVEN_BACK, given_back))
                if variant in names)
    try:
        case(counts, harness, tool, python, variant, wanted)
    except (RuntimeError, ValueError, subprocess.SubprocessError) as error:
        counts.say("failed", f"{python.name} {variant}", str(error))
