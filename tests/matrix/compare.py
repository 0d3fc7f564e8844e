"""Is a report of pycore the truth? Each function gives the differences it finds as lines of text."""
import itertools
import linecache
import os
import zipfile

PLACE = ("file", "line", "function", "qualname")
COLUMNS = ("end_line", "column", "end_column")
BUSY_PLACE = ("file", "function", "qualname")


def report(truth, found, mode):
    """All differences between what the program wrote down and what pycore printed."""
    yield from head(truth, found, mode)
    yield from tids(truth, found)
    yield from stacks(truth, found)
    main = [interpreter for interpreter in found["interpreters"] if interpreter["main"]]
    yield from one_exception("last_exception", truth["last"], main[0]["last_exception"])


def can_tear(truth, mode):
    """Whether threads run while they are read, so that a report may say that something went away meanwhile."""
    return mode == "nonblocking" and any("busy" in thread for thread in truth["threads"])


def equal(what, expected, found):
    if expected != found or type(expected) is not type(found):
        yield f"{what}: expected {brief(expected)}, found {brief(found)}"


def brief(value):
    shown = ascii(value)
    return shown if len(shown) < 200 else f"{shown[:120]}...{shown[-40:]} ({len(shown)} characters)"


def head(truth, found, mode):
    core = mode == "core"
    yield from equal("source.kind", "core" if core else "live", found["source"]["kind"])
    yield from equal("pause is told", mode == "live", found["source"]["pause_seconds"] is not None)
    yield from equal("process.pid", truth["pid"], found["process"]["pid"])
    yield from equal("python.version", ".".join(map(str, truth["version"])), found["python"]["version"].split("+")[0])
    yield from equal("process.signal.number", truth["signal"], (found["process"]["signal"] or {}).get("number"))
    executable = os.path.realpath(found["process"]["executable"]["path"])
    yield from equal("process.executable.path", truth["executable"], executable)
    if not can_tear(truth, mode):
        yield from equal("problems", [], found["problems"])


def tids(truth, found):
    expected, seen = set(truth["tids"]), {thread["tid"] for thread in found["threads"]} - {None}
    if expected != seen:
        yield f"OS threads: missing {sorted(expected - seen)}, made up {sorted(seen - expected)}"
    dead = found["source"]["kind"] == "core"
    crashed = {thread["tid"] for thread in found["threads"] if thread["crashed"]}
    yield from equal("crashed", {truth["ended_by"]} if dead else set(), crashed)
    holders = [thread["tid"] for thread in found["threads"] if thread["gil"] == "holder"]
    if len(holders) > 1:
        yield f"the GIL has several holders: {holders}"


def key(thread):
    """An OS thread has one entry for each interpreter in which it has a thread state."""
    return thread["tid"], thread["interpreter"]


def stacks(truth, found):
    """Threads that Python knows, one by one; any other must be shown as a stranger to it, without Python frames."""
    expected = {key(thread): thread for thread in truth["threads"] if thread["tid"]}
    crowded = any("busy" in thread for thread in truth["threads"])  # a thread on its way to rest may still wait its turn
    listed = [thread for thread in found["threads"] if thread["tid"]]
    seen = {key(thread): thread for thread in listed if thread["interpreter"] is not None}
    strangers = {(thread["tid"], "no interpreter"): thread for thread in listed if thread["interpreter"] is None}
    if len(seen) + len(strangers) != len(listed):
        yield f"threads listed twice: {sorted(thread['tid'] for thread in listed)}"
    yield from ghosts(truth, found)
    for where, thread in strangers.items():
        if thread["frames"]:
            yield f"thread {where}: made up, with {len(thread['frames'])} frames"
    for where in expected.keys() - seen.keys():
        yield f"thread {where}: missing"
    for where, thread in seen.items():
        if where in expected:
            yield from (f"thread {where}: {text}" for text in one_thread(expected[where], thread, crowded))
        else:
            yield f"thread {where}: made up, with {len(thread['frames'])} frames"


def ghosts(truth, found):
    """Thread states without an OS thread, left over from a fork: each shows the stack that CPython still lists."""
    left = [thread["frames"] for thread in found["threads"] if thread["tid"] is None]
    for stack in (thread["frames"] for thread in truth["threads"] if thread["tid"] is None):
        alike = [frames for frames in left if not list(one_stack(stack, frames))]
        if alike:
            left.remove(alike[0])
        else:
            yield f"thread left over from a fork: missing, its top frame is {place(stack[0])}"
    for frames in left:
        yield f"thread without an OS thread: made up, with {len(frames)} frames"


def one_thread(truth, found, crowded):
    if truth["interpreter"] == 0:
        yield from equal("main", truth["main"], found["main"])
    if not crowded or truth["gil"] == "holder":
        yield from equal("gil", truth["gil"], found["gil"])
    yield from equal("name", text(truth["name"]), found["name"])
    yield from equal("daemon", truth["daemon"], found["daemon"])
    if "busy" not in truth and truth["exception"] != "unknown":
        yield from one_exception("exception", truth["exception"], found["exception"])
        yield from one_exception("handled", truth["handled"], found["handled"])
    yield from equal("frames left out", 0, found.get("frames_omitted", 0))
    frames = found["frames"]
    if "busy" in truth:
        if found["unsteady"]:  # it was calling something while it was read: what is not whole says so
            frames = list(itertools.dropwhile(lambda frame: frame["error"], frames))
        spins = list(itertools.takewhile(lambda frame: spinning(truth["busy"], frame), frames))
        if not spins:
            yield f"not in its loop, but in {place(frames[0]) if frames else 'no frame'}"
        frames = frames[len(spins):]
    yield from one_stack(truth["frames"], frames)


def spinning(places, frame):
    return any(all(text(place[name]) == frame[name] for name in BUSY_PLACE) and frame["line"] in place["lines"]
               for place in places)


def one_stack(truth, found):
    """The first frame that differs, counted from the innermost one."""
    for index, (right, frame) in enumerate(itertools.zip_longest(truth, found)):
        wrong = list(one_frame(right, frame))
        if wrong:
            yield f"frame {index} of {len(truth)} (found {len(found)}): " + "; ".join(wrong)
            return


def one_frame(truth, found):
    if truth is None:
        yield f"made up: {place(found)}"
    elif found is None:
        yield f"missing: {place(truth)}"
    else:
        yield from equal("kind", "python", found["kind"])
        yield from equal("error", None, found["error"])
        for name in PLACE + tuple(name for name in COLUMNS if name in truth):
            yield from equal(name, text(truth[name]), found[name])
        yield from source(found)


SAID = ("type", "message", "message_is_args", "source", "state", "suppress_context")


def one_exception(where, truth, found):
    """An exception with all that it leads to. The state of those is not compared: only the outermost has one."""
    if truth is None or found is None:
        yield from equal(where, truth and truth["type"], found and found["type"])
        return
    for name in SAID:
        if name in truth:
            yield from equal(f"{where}.{name}", text(truth[name]), found[name])
    for name in ("error", "traceback_error"):
        yield from equal(f"{where}.{name}", None, found[name])
    yield from equal(f"{where}.notes", list(map(text, truth["notes"])), found["notes"])
    yield from (f"{where}.traceback: {line}" for line in one_stack(truth["traceback"], found["traceback"]))
    for name in ("cause", "context"):
        yield from one_exception(f"{where}.{name}", truth[name], found[name])
    for index, pair in enumerate(itertools.zip_longest(truth["exceptions"], found["exceptions"])):
        yield from one_exception(f"{where}.exceptions[{index}]", *pair)


def source(found):
    """The text of the line, where a report has it: it need not, a file can be younger than the process."""
    if found.get("source") and os.path.isabs(found["file"]):
        path = found.get("rooted") or found["file"]
        yield from equal("source", line_of(path, found["line"]).strip(), found["source"].strip())


def root_sources(found, root):
    """Marks in a report where the files are that a Python sees below a tree of its own."""
    path = isinstance(found, dict) and found.get("source") and found.get("file")
    if isinstance(path, str) and os.path.exists(root + path):
        found["rooted"] = root + path
    if isinstance(found, (dict, list)):
        for inner in list(found.values() if isinstance(found, dict) else found):
            root_sources(inner, root)


def line_of(path, number):
    """Of a file, or of a member of a zip archive."""
    outer = path
    while not os.path.exists(outer):
        outer = os.path.dirname(outer)
    if outer == path or not zipfile.is_zipfile(outer):
        return linecache.getline(path, number)
    with zipfile.ZipFile(outer) as archive:
        return archive.read(os.path.relpath(path, outer)).decode().splitlines()[number - 1]


def place(frame):
    return brief(tuple(text(frame[name]) for name in PLACE))


def text(value):
    """A byte string of Python 2 is expected as UTF-8, with a lone surrogate U+DCxx for each byte that is none."""
    return value["bytes"].encode("latin-1").decode("utf-8", "surrogateescape") if isinstance(value, dict) else value


def status(truth, mode, expected, found):
    if found != expected and not (found == 2 and can_tear(truth, mode)):
        yield f"exit status: expected {expected}, found {found}"


def invocation(result):
    """What holds for every output, whatever it says."""
    if result.stderr:
        yield f"stderr: {brief(result.stderr.decode(errors='backslashreplace'))}"
    if result.returncode < 0:
        yield f"killed by signal {-result.returncode}"
    try:
        result.stdout.decode("utf-8")
    except UnicodeDecodeError as error:
        yield f"stdout is not UTF-8: {error}"
