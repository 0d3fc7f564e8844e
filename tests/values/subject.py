"""Programs of fixtures/values, dead or hanging, what they say of their values, and what pycore says of them."""
import dataclasses
import json
import pathlib
import resource
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = TOP / "fixtures/values"
sys.path.insert(0, str(TOP / "tests/matrix"))
import programs  # noqa: E402
import pythons  # noqa: E402
import schema  # noqa: E402
import target  # noqa: E402

LIMIT = 60  # seconds for one report
COMPLETE, NOTHING, PARTIAL = 0, 1, 2
SCHEMAS = {name: schema.load(TOP / f"man/pycore.{name}.schema.json") for name in ("dump", "print")}


class Fault(Exception):
    """pycore did not do what it has to in every case; the text says what."""


@dataclasses.dataclass(frozen=True)
class Local:
    """One local variable, by the program itself."""
    function: str
    name: str
    scope: str
    type: str
    address: str
    value: str
    depth: int  # of its frame, counted from the outermost one
    order: int
    more: str = None  # its value with what pycore says behind a repr(), where it does
    small: str = None  # its value under the narrow limits

    @property
    def key(self):
        return f"{self.function}.{self.name}"


@dataclasses.dataclass(frozen=True)
class Run:
    """One report of pycore."""
    status: int
    document: dict
    seconds: float
    faults: tuple  # what is wrong with it whatever the values are


def allow_cores():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def start(folder, python, program, variant="", hang=False, environment=()):
    """A context; `truths` can be asked of it."""
    return target.Target(folder, python, programs.Program(FIXTURES / program), variant, hang, environment)


def truths(process):
    with open(process.folder / "values.jsonl", encoding="ascii") as lines:
        return [local(json.loads(line)) for line in lines]


def local(record):
    texts = {name: text(record.get(name)) for name in ("function", "name", "type", "value", "more", "small")}
    return Local(**{**record, **texts})


def text(value):
    """A byte string of Python 2 that is no UTF-8 has a lone surrogate U+DCxx for each byte that is none."""
    return value["bytes"].encode("latin-1").decode("utf-8", "surrogateescape") if isinstance(value, dict) else value


def dump(pycore, *arguments, limit=LIMIT):
    return report(pycore, "dump", "--native=none", *arguments, limit=limit)


def report(pycore, name, *arguments, limit=LIMIT):
    """What a command says as JSON, checked for what holds of every report."""
    command = [pycore, name, "--json", *map(str, arguments)]
    began = time.monotonic()
    try:
        ran = subprocess.run(command, capture_output=True, timeout=limit, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise Fault(f"still runs after {limit} s") from None
    seconds = time.monotonic() - began
    if ran.returncode not in (COMPLETE, PARTIAL):
        raise Fault(f"ended with status {ran.returncode}: {ran.stderr.decode(errors='backslashreplace')[-1500:]}")
    try:
        document = json.loads(ran.stdout.decode("utf-8"))
    except ValueError as error:
        raise Fault(f"stdout is not one JSON document in UTF-8: {error}") from None
    faults = [f"stderr: {ran.stderr.decode(errors='backslashreplace')}"] if ran.stderr else []
    faults += [f"schema: {error}" for error in list(schema.errors(document, SCHEMAS[name]))[:3]]
    return Run(ran.returncode, document, seconds, tuple(faults))


def frames(document, pid):
    """The main thread's Python frames, outermost first: their index is the `depth` of a Local."""
    for thread in document["threads"]:
        if thread["tid"] == pid:
            return [frame for frame in reversed(thread["frames"]) if frame["kind"] == "python"]
    raise Fault("the main thread is missing")
