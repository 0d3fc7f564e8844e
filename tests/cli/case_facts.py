"""pycore info: facts for a bug report. The process itself writes down what is true, just before it dies or sleeps."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

from kit import COMPLETE, NOTHING, PARTIAL, Skip, run
from subjects import CoreBytes, all_pythons, python

ARGUMENTS = ["--token=5ecret-w0rd", "", "a b", "\x1b[31m", "\u202e\xfcml\xe4ut\u4e2d", b"\xff\xfe", "--token=5ecret-w0rd"]
# Must run in every version. What it needs for writing is imported before it counts anything.
TRUTH = r"""
import json, os, resource, sys, threading, time, types
{more}
def words(value):
    '''Text as it is; 2.7's bytes as Latin-1, to be undone.'''
    if isinstance(value, list):
        return [words(item) for item in value]
    return value.decode("latin-1") if bytes is str and isinstance(value, bytes) else value
def top_versions():
    own = os.path.dirname(os.__file__) + "/"
    for name, module in list(sys.modules.items()):
        version, path = getattr(module, "__version__", None), getattr(module, "__file__", None) or ""
        others = path.startswith((own + "site-packages/", own + "dist-packages/"))
        if isinstance(module, types.ModuleType) and "." not in name and name not in sys.builtin_module_names \
                and isinstance(version, (str, type(u""))) and (others or not path.startswith(own)):
            yield name, version
def collect():
    modules = dict((name, module) for name, module in sys.modules.items() if isinstance(module, types.ModuleType))
    skipped = ("count", "index", "n_fields", "n_sequence_fields", "n_unnamed_fields")
    sys_part = dict((key, words(getattr(sys, key, None))) for key in
                    ("version", "platform", "executable", "prefix", "argv", "orig_argv"))
    sys_part["path"] = [words(item) if isinstance(item, str) else repr(item) for item in sys.path]
    sys_part["base_prefix"] = getattr(sys, "base_prefix", None)
    sys_part["implementation"] = sys.implementation.name if hasattr(sys, "implementation") else None
    sys_part["cache_tag"] = sys.implementation.cache_tag if hasattr(sys, "implementation") else None
    sys_part["flags"] = dict((name, getattr(sys.flags, name)) for name in dir(sys.flags)
                             if not name.startswith("_") and name not in skipped)
    sys_part["modules"] = len(modules)
    sys_part["builtin_modules"] = len([name for name in modules if name in sys.builtin_module_names])
    files = dict((name, getattr(module, "__file__", None) or "") for name, module in modules.items())
    sys_part["extensions"] = dict((name, path) for name, path in files.items() if path.endswith(".so"))
    sys_part["versions"] = dict(top_versions())
    limits = dict((name, resource.getrlimit(number)) for name, number in (
        ("address space", resource.RLIMIT_AS), ("data", resource.RLIMIT_DATA), ("stack", resource.RLIMIT_STACK),
        ("core file", resource.RLIMIT_CORE), ("open files", resource.RLIMIT_NOFILE), ("processes", resource.RLIMIT_NPROC)))
    return {{"sys": sys_part, "limits": limits, "cwd": words(os.getcwd()), "uid": os.getuid(), "gid": os.getgid(),
            "ppid": os.getppid(), "threads": threading.active_count(), "distributions": sorted(distributions()),
            "ids": dict((name, id(getattr(sys, name))) for name in ("modules", "argv", "flags", "path", "version"))}}
def distributions():
    return []
{late}
for target in (os.devnull, {out!r}):
    text = json.dumps(collect())
    with open(target, "w") as file:
        file.write(text)
{end}
"""
HANG = "sys.stdout.write('ready\\n'); sys.stdout.flush(); time.sleep(1000)"
ABORT = "os.abort()"
LIBRARIES = "import ctypes, decimal, sqlite3"


class Truth:
    """A script, and what it wrote."""

    def __init__(self, make, more=LIBRARIES, late="", end=HANG):
        self.folder = make.folder("facts")
        self.path, self.out = self.folder / "subject.py", self.folder / "truth.json"
        text = TRUTH.format(more=more, late=late, out=str(self.out), end=end)
        self.path.write_text(text, encoding="utf-8")

    @property
    def said(self):
        return json.loads(self.out.read_text())


def undo(value, version):
    """The words of a 2.7 as pycore shows them."""
    if isinstance(value, list):
        return [undo(item, version) for item in value]
    if version[0] == 2 and isinstance(value, str):
        return value.encode("latin-1").decode("utf-8", "surrogateescape")
    return value


def differences(facts, said, version):
    """facts: of one interpreter, in JSON."""
    for key in ("version", "platform", "implementation", "cache_tag", "executable", "prefix", "base_prefix", "argv", "orig_argv",
                "path", "flags", "modules", "builtin_modules"):
        wanted = undo(said[key], version)
        if facts[key] != wanted:
            yield f"{key} is {facts[key]!a}, not {wanted!a}"
        elif key == "flags" and {name: type(value) for name, value in wanted.items()} != {
                name: type(value) for name, value in facts[key].items()}:
            yield f"types of flags: {facts[key]}"
    found = {row["name"]: row["path"] for row in facts["extension_modules"]}
    if found != said["extensions"]:
        yield f"extension modules differ by {found.items() ^ said['extensions'].items()}"
    found = {row["name"]: row["version"] for row in facts["versions"]}
    if found != said["versions"]:
        yield f"versions are {found}, not {said['versions']}"
    if facts["error"] or facts["omitted"]:
        yield f"error {facts['error']}, omitted {facts['omitted']}"


def check_python(kit, name, document, said, version):
    faults = [] if document else ["no document"]
    if document:
        rows = document["python_facts"]
        faults = list(differences(rows[0], said["sys"], version)) if len(rows) == 1 else [f"{len(rows)} interpreters"]
    kit.check(f"{name}: facts", faults)


def label(found):
    return f"facts of {found.name}"


def of_live(kit, make):
    for found in all_pythons():
        truth = Truth(make)
        with make.hanging([found.path, "-s", "-B", "-OO", "-b", truth.path, *ARGUMENTS]) as process:
            document = kit.expect_json(f"{label(found)}, live", ["info", "--pid", process.pid], COMPLETE)
            check_python(kit, f"{label(found)}, live", document, truth.said, found.version)
            text = kit.expect(f"{label(found)}, live, text", ["info", "--pid", process.pid], COMPLETE, json_too=False,
                              out=["sys.flags", "optimize=2", "sys.executable", "working directory", "limit of open files"]).out
            kit.check(f"{label(found)}, live, text: the extension modules", [
                name for name in truth.said["sys"]["extensions"] if not re.search(rf"(?m)[ ,]{re.escape(name)}(,|$| )", text)])


def of_core(kit, make):
    for found in all_pythons():
        truth = Truth(make, end=ABORT)
        core = make.crash([found.path, "-s", "-B", "-b", truth.path, *ARGUMENTS])
        document = kit.expect_json(f"{label(found)}, core", ["info", core], COMPLETE)
        check_python(kit, f"{label(found)}, core", document, truth.said, found.version)


def of_a_program_that_is_gone(kit, make):
    """A core without the binaries: the names of flags are told up to 3.11 all the same, and never wrong."""
    for found in all_pythons():
        truth = Truth(make, end=ABORT)
        core = make.crash([found.path, "-s", truth.path])
        if not shutil.which("chroot") or os.getuid():
            raise Skip("only root can hide the binaries")
        root = make.folder("root")
        shutil.copy(kit.pycore, root / "pycore")
        shutil.copy(core, root / "core")
        for line in subprocess.run(["ldd", kit.pycore], capture_output=True, text=True, check=True).stdout.splitlines():
            for path in re.findall(r"(/\S+)", line):
                (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, root / path[1:])
        ran = run(["chroot", root, "/pycore", "info", "--json", "/core"])
        document = ran.document if ran.out else None
        facts = (document or {}).get("python_facts") or [None]
        if found.version[:2] == (2, 7) and not facts[0]:
            continue  # its variables are in the binary
        faults = ["no facts"] if not facts[0] else [
            f"{key} is {facts[0][key]!a}" for key in ("version", "executable", "argv", "prefix")
            if facts[0][key] != undo(truth.said["sys"][key], found.version)]
        if facts[0] and facts[0]["flags"] not in (None, truth.said["sys"]["flags"]):
            faults.append(f"flags are {facts[0]['flags']}")
        if facts[0] and not facts[0]["flags"] and found.version < (3, 12):
            faults.append("no flags")
        kit.check(f"{label(found)}, core without binaries", faults)


def process_facts(kit, make):
    """Of the process, as the process itself and /proc see them."""
    late = ("resource.setrlimit(resource.RLIMIT_NOFILE, (123, 456)); resource.setrlimit(resource.RLIMIT_AS, (1 << 33, 1 << 34))\n"
            "resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); resource.setrlimit(resource.RLIMIT_STACK, (1 << 22, 1 << 23))\n"
            "name = u'a b\\x1b[31m\\u202e\\xfc'.encode('utf-8'); os.mkdir(name); os.chdir(name)\n"
            "for _ in range(3):\n    thread = threading.Thread(target=time.sleep, args=(1000,)); thread.daemon = True; thread.start()\n"
            "with open('/proc/self/oom_score_adj', 'w') as file:\n    file.write('500')\n")
    for found in (python((2, 7)), python((3, 11), managed=True)):
        truth = Truth(make, late=late)
        with make.hanging([found.path, truth.path]) as process:
            document = kit.expect_json(f"process of {found.name}", ["info", "--pid", process.pid], COMPLETE)
            kit.expect(f"process of {found.name}, text", ["info", "--pid", process.pid], COMPLETE, json_too=False,
                       out=["limit of open files    123, may be raised to 456", "limit of stack         4.0 MiB, may be raised to 8.0 MiB",
                            "adjusted by 500"])
            kit.check(f"process of {found.name}: facts", compare_process(document["process_facts"], truth.said, process))
            folder = pathlib.Path(f"/proc/{process.pid}/cwd").readlink()
            folder.rmdir()
            again = kit.expect_json(f"process of {found.name}: no folder", ["info", "--pid", process.pid], COMPLETE)["process_facts"]
            kit.check_that(f"process of {found.name}: its folder is gone",
                           again["working_directory_removed"] and again["working_directory"] == str(folder), str(again))


def compare_process(facts, said, process):
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines())
    wanted = {"working_directory": said["cwd"].encode("latin-1").decode() if "\xc3" in said["cwd"] else said["cwd"],
              "working_directory_removed": False, "start_pwd": None, "uid": said["uid"], "gid": said["gid"],
              "parent_pid": said["ppid"], "threads": said["threads"], "oom_score_adj": 500, "root_directory": None}
    yield from (f"{key} is {facts[key]!a}, not {value!a}" for key, value in wanted.items() if facts[key] != value)
    limits = {row["name"]: [-1 if row[key] == "unlimited" else row[key] for key in ("soft", "hard")] for row in facts["limits"]}
    if limits != said["limits"]:
        yield f"limits are {limits}, not {said['limits']}"
    for key, row in (("resident", "VmRSS"), ("resident_anonymous", "RssAnon"), ("resident_peak", "VmHWM"), ("swapped", "VmSwap")):
        if facts[key] is None or abs(facts[key] - int(status[row].split()[0]) * 1024) > 1 << 20:
            yield f"{key} is {facts[key]}, /proc says {status[row]}"
    if facts["uptime_seconds"] is None or not 0 <= facts["uptime_seconds"] < 60:
        yield f"it runs for {facts['uptime_seconds']} s"


def cgroup(kit, make):
    """A group of our own with a limit, and one below it without."""
    base = next((path for path in (pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup"))
                 if (path / "cgroup.procs").exists()), None)
    version = 1 if base and base.name == "memory" else 2
    limit_file = "memory.limit_in_bytes" if version == 1 else "memory.max"
    own = base / f"pycore-test-{os.getpid()}" if base else None
    try:
        if not own:
            raise Skip("no cgroup files here")
        try:
            (own / "inner").mkdir(parents=True)
            (own / limit_file).write_text(str(300 << 20))
        except OSError as why:
            raise Skip(f"no cgroup can be made here: {why}") from why
        with make.hanging_python(python((3, 12))) as process:
            (own / "inner/cgroup.procs").write_text(str(process.pid))
            facts = kit.expect_json("cgroup with a limit above", ["info", "--pid", process.pid], COMPLETE)["process_facts"]["cgroup"]
            kit.check_that("cgroup: limit and path", facts and facts["version"] == version and facts["memory_limit"] == 300 << 20
                           and facts["path"].endswith(f"/{own.name}/inner") and 0 <= facts["memory_usage"] <= 300 << 20, str(facts))
            kit.expect("cgroup: text", ["info", "--pid", process.pid], COMPLETE, json_too=False, out="limit 300.0 MiB")
    finally:
        end = time.monotonic() + 5
        for path in (own / "inner", own) if own and own.exists() else ():
            while path.exists() and time.monotonic() < end:
                try:
                    path.rmdir()
                except OSError:
                    time.sleep(0.02)


def start_directory(kit, make):
    """$PWD in a core is what it was at the start, whatever the program does to its environment later."""
    late = "os.environ['PWD'] = '/later'; os.environ['OTHER'] = 'x'; del os.environ['HOME']"
    found = python((3, 11))
    for given in ("/at/the start\x1b[31m", None):
        truth = Truth(make, late=late, end=ABORT)
        core = make.crash([found.path, truth.path], env={"PWD": given} if given else {})
        document = kit.expect_json(f"$PWD {given!a}", ["info", core], COMPLETE)
        kit.check_that(f"$PWD {given!a}: the command line is whole", document["process"]["command_line"] == [found.path, str(truth.path)]
                       and not document["process"]["command_line_cut"], str(document["process"]))
        facts = document["process_facts"]
        wanted = {"start_pwd": given, "working_directory": None, "uid": os.getuid(), "gid": os.getgid(), "limits": [],
                  "resident": None, "uptime_seconds": None, "cgroup": None}
        kit.check(f"$PWD {given!a}: facts", [f"{key} is {facts[key]!a}" for key in wanted if facts[key] != wanted[key]])


def virtual_environment(kit, make):
    for found in [found for found in all_pythons() if found.version >= (3, 8)][::2]:
        folder = make.folder("venv") / "env"
        made = subprocess.run([found.path, "-m", "venv", "--without-pip", folder], capture_output=True)
        if made.returncode:
            kit.say("skipped", f"virtual environment of {found.name}", "it has no venv")
            continue
        truth = Truth(make)
        with make.hanging([folder / "bin/python", truth.path]) as process:
            document = kit.expect_json(f"virtual environment of {found.name}", ["info", "--pid", process.pid], COMPLETE)
            check_python(kit, f"virtual environment of {found.name}", document, truth.said, found.version)
            base = document["python_facts"][0]["base_prefix"]
            kit.expect(f"virtual environment of {found.name}: text", ["info", "--pid", process.pid], COMPLETE, json_too=False,
                       out=f"{folder} (a virtual environment of {base})")


def normal(name):
    return re.sub("[-_.]+", "-", name).lower()


PKG_RESOURCES = """
import warnings; warnings.simplefilter("ignore")
import pkg_resources
def distributions():
    return [(dist.project_name, dist.version) for dist in pkg_resources.working_set.by_key.values()]
"""
METADATA = """
import importlib.metadata
def distributions():
    return [(dist.metadata["Name"], dist.version) for dist in importlib.metadata.distributions()]
"""


def installed(kit, make):
    """As pkg_resources and importlib.metadata list them themselves."""
    for found in all_pythons():
        for known_by, text in (("pkg_resources", PKG_RESOURCES), ("importlib.metadata", METADATA)):
            module = subprocess.run([found.path, "-W", "ignore", "-c", f"import {known_by}"], capture_output=True)
            if module.returncode or known_by != "pkg_resources" and found.version < (3, 10):
                continue
            truth = Truth(make, late=text)
            with make.hanging([found.path, truth.path]) as process:
                name = f"distributions of {found.name} by {known_by}"
                document = kit.expect_json(name, ["info", "--pid", process.pid], COMPLETE)
                rows = document["python_facts"][0]["distributions"] or []
                # folders without a version in their names lie beside others of the same distribution
                got = {(normal(row["name"]), row["version"]) for row in rows if row["known_by"] == known_by and row["version"]}
                wanted = {(normal(name), version) for name, version in truth.said["distributions"]}
                kit.check(name, [f"differ by {got ^ wanted}"] if got != wanted or not got else [])
                kit.expect(f"{name}: text", ["info", "--pid", process.pid], COMPLETE, json_too=False,
                           out=f"distributions found by {known_by}:")


def own_versions(kit, make):
    """Modules with a version that is no string, or none of their own, and things that are no modules at all."""
    folder = make.folder("modules")
    (folder / "good.py").write_text("__version__ = '1.2.3'\n")
    (folder / "hostile.py").write_text("__version__ = u'\\x1b[31m\\u202e1'\n", encoding="ascii")
    (folder / "tuple_version.py").write_text("__version__ = (1, 2)\n")
    (folder / "no_file.py").write_text("__version__ = '4'\ndel __file__\n")
    (folder / "package").mkdir()
    (folder / "package/__init__.py").write_text("__version__ = '5'\n")
    (folder / "package/inner.py").write_text("__version__ = '6'\n")
    (folder / "none.py").write_text("__version__ = None\n")
    late = (f"sys.path.insert(0, {str(folder)!r})\nimport good, hostile, tuple_version, no_file, package.inner, none\n"
            "class Strange(object):\n    __version__ = '7'\nsys.modules['strange'] = Strange(); sys.modules['nothing'] = None\n"
            "class Derived(types.ModuleType):\n    pass\nsys.modules['derived'] = Derived('derived'); sys.modules['derived'].__version__ = '8'\n")
    for found in (python((2, 7)), python((3, 6)), python((3, 11)), python((3, 13))):
        more = "sys.path.append((1, 'no text'))" if found.version[0] > 2 else ""
        truth = Truth(make, late=late + more)
        with make.hanging([found.path, truth.path]) as process:
            document = kit.expect_json(f"versions of modules, {found.name}", ["info", "--pid", process.pid], COMPLETE)
            said = truth.said
            check_python(kit, f"versions of modules, {found.name}", document, said, found.version)
            wanted = {"good": "1.2.3", "no_file": "4", "package": "5", "derived": "8"}
            kit.check_that(f"versions of modules, {found.name}: the truth has them", wanted.items() <= said["sys"]["versions"].items(),
                           str(said["sys"]["versions"]))
            kit.expect(f"versions of modules, {found.name}: text", ["info", "--pid", process.pid], COMPLETE, json_too=False,
                       out=["good 1.2.3", "\\x1b[31m"])


def redacted(kit, make):
    """No word of a command line is left, and equal words show equal hashes."""
    for found in (python((2, 7)), python((3, 12))):
        truth = Truth(make)
        with make.hanging([found.path, truth.path, *ARGUMENTS]) as process:
            kit.expect(f"redacted, {found.name}", ["info", "--redact", "--pid", process.pid], COMPLETE, json_too=False,
                       absent=["5ecret", truth.path.name])
            document = kit.expect_json(f"redacted, {found.name}", ["info", "--redact", "--pid", process.pid], COMPLETE)
            facts, command = document["python_facts"][0], document["process"]["command_line"]
            shown = json.dumps(document)
            form = re.compile("<str of length [0-9]+, hash [0-9a-f]{16}>")
            lists = [command, facts["argv"]] + ([facts["orig_argv"]] if found.version >= (3, 10) else [])
            faults = [f"shows {word}" for word in ("5ecret", truth.path.name) if word in shown]
            faults += [f"{word!a} in a list" for words in lists for word in words if not form.fullmatch(word)]
            faults += ["equal words differ"] if facts["argv"][1] != facts["argv"][-1] or facts["argv"][1] != command[2] else []
            faults += ["different words are the same"] if facts["argv"][1] == facts["argv"][3] else []
            faults += ["version is missing"] if facts["version"] != truth.said["sys"]["version"] else []
            kit.check(f"redacted, {found.name}: the lists", faults)


def damaged(kit, make):
    """What is destroyed in a core is said; the rest goes on."""
    for found in (python((2, 7)), python((3, 8)), python((3, 11)), python((3, 13))):
        truth = Truth(make, end=ABORT)
        core = make.crash([found.path, truth.path, "word"])
        said = truth.said
        bytes_of = CoreBytes(core)
        for name, others in (("modules", ("version", "argv")), ("argv", ("version", "path", "modules")),
                             ("flags", ("version", "argv", "modules")), ("version", ("argv", "flags", "modules"))):
            at = bytes_of.offset_of(said["ids"][name])
            if at is None:
                kit.say("failed", f"damaged {name} of {found.name}", "its address is not in the core")
                continue
            copy = bytearray(bytes_of.bytes)
            copy[at + 8:at + 16] = b"\x11" * 8  # the type
            if name == "modules":  # of a dict the type is not needed
                copy[at + 16:at + 48] = b"\x11" * 32
            path = make.folder("damaged") / "core"
            path.write_bytes(copy)
            document = kit.expect_json(f"damaged {name} of {found.name}", ["info", path], PARTIAL)
            kit.expect(f"damaged {name} of {found.name}: text", ["info", path], PARTIAL, json_too=False)
            facts = document["python_facts"][0]
            wanted = {key: undo(said["sys"][key], found.version) for key in others}
            kit.check(f"damaged {name} of {found.name}: the rest", [f"{key} is {facts[key]!a}" for key in others
                      if facts[key] != wanted[key]] + ([] if facts["error"] else ["no error"]))
            path.unlink()


def cut_off(kit, make):
    found = python((3, 12))
    core = make.core(found)
    size = core.stat().st_size
    for part in range(1, 8):
        path = make.folder("cut") / "core"
        shutil.copy(core, path)
        os.truncate(path, size * part // 8)
        kit.expect(f"cut off at {part}/8", ["info", path], (PARTIAL, NOTHING))


CHANGES = """
import sys, time, types, threading
def change():
    n = 0
    while True:
        n += 1
        for i in range(500):
            sys.modules["made.%d.%d" % (n, i)] = types.ModuleType("x")
        for name in [name for name in sys.modules if name.startswith("made.")]:
            del sys.modules[name]
        sys.argv[:] = ["word"] * (n % 50)
sys.stdout.write("ready\\n"); sys.stdout.flush()
change()
"""


def changing(kit, make):
    """A process is not stopped: what it changes meanwhile may be damaged in the report, which says so."""
    for found in (python((2, 7)), python((3, 11)), python((3, 13))):
        with make.running_python(found, CHANGES) as process:
            faults = []
            for _ in range(15):
                ran = run([kit.pycore, "info", "--json", "--pid", process.pid])
                facts = ran.document["python_facts"][0] if ran.status in (COMPLETE, PARTIAL) else None
                if not facts or facts["platform"] not in ("linux", "linux2") or bool(facts["error"]) != (ran.status == PARTIAL):
                    faults.append(f"status {ran.status}: {facts and facts['error']} {ran.err}")
                faults += kit.contract("info", ran, ran.document)
            kit.check(f"changing modules of {found.name}", faults)
            kit.check_that(f"changing modules of {found.name}: it still runs", process.poll() is None, "it does not")


THREADS = """
import sys, threading, time
def go():
    while True:
        threads = [threading.Thread(target=time.sleep, args=(0.0005,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
sys.stdout.write("ready\\n"); sys.stdout.flush()
go()
"""


def changing_threads(kit, make):
    """Threads are not looked at, so that it does not matter what they do."""
    for found in (python((3, 8)), python((3, 12))):
        with make.running_python(found, THREADS) as process:
            answers = [run([kit.pycore, "info", "--pid", process.pid]) for _ in range(30)]
            kit.check(f"changing threads of {found.name}", {ran.out[-500:] + ran.err for ran in answers if ran.status != COMPLETE})


SUBINTERPRETERS = """
import sys, time
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
start = getattr(interpreters, "exec", None) or interpreters.run_string
kept = [interpreters.create() for _ in range(3)]
for i, number in enumerate(kept):
    start(number, "import sys, json; sys.argv = ['sub', '%d']" % i)
"""


def subinterpreters(kit, make):
    """Each has a sys of its own."""
    for found in (python((3, 8)), python((3, 12)), python((3, 13))):
        with make.hanging_python(found, SUBINTERPRETERS + HANG) as process:
            document = kit.expect_json(f"subinterpreters of {found.name}", ["info", "--pid", process.pid], COMPLETE)
            rows = document["python_facts"]
            kit.check_that(f"subinterpreters of {found.name}: their arguments", len(rows) == 4 and rows[0]["argv"] != rows[1]["argv"]
                           and [row["argv"] for row in rows[1:]] == [["sub", str(i)] for i in range(3)]
                           and all(row["flags"] == rows[0]["flags"] for row in rows), str([row["argv"] for row in rows]))


def many_modules(kit, make):
    """3000 modules of 200 names each take no second."""
    text = ("import sys, time, types\nfor i in range(3000):\n    module = types.ModuleType('m%d' % i); sys.modules[module.__name__] = module\n"
            "    for k in range(200):\n        setattr(module, 'name_%d_%d' % (i, k), None)\n    module.__version__ = '1.%d' % i\n" + HANG)
    with make.hanging_python(python((3, 11)), text) as process:
        start = time.monotonic()
        ran = run([kit.pycore, "info", "--json", "--pid", process.pid])
        took = time.monotonic() - start
        versions = [row["version"] for row in ran.document["python_facts"][0]["versions"]]
        kit.check_that("many modules", versions[-3000:] == [f"1.{i}" for i in range(3000)] and took < 1, f"{len(versions)}, {took:.2f} s")


CASES = [of_live, of_core, of_a_program_that_is_gone, process_facts, cgroup, start_directory, virtual_environment, installed,
         own_versions, redacted, damaged, cut_off, changing, changing_threads, subinterpreters, many_modules]
