"""What a report on a part of a core may say: of each thread, frame and value what that on the whole core says, or that it is missing."""


def lies(whole, part):
    """What the second report says that the first one does not, as texts. Both are documents of `pycore dump --json --locals`."""
    yield from process_lies(whole["process"], part["process"])
    if part["python"] and not (whole["python"]["version"] + ".").startswith(part["python"]["version"] + "."):
        yield f"Python is {part['python']['version']}"
    threads = {thread["tid"]: thread for thread in whole["threads"]}
    seen = [thread["tid"] for thread in part["threads"] if thread["tid"] is not None]
    if len(seen) != len(set(seen)):
        yield f"a thread is there twice: {seen}"
    if len(part["threads"]) > len(whole["threads"]):
        yield f"{len(part['threads'])} threads, not {len(whole['threads'])}"
    for thread in part["threads"]:
        if thread["tid"] is None and thread["error"]:
            continue
        if thread["tid"] not in threads:
            yield f"there is no thread {thread['tid']}"
            continue
        for lie in thread_lies(threads[thread["tid"]], thread, part):
            yield f"thread {thread['tid']}: {lie}"


def process_lies(whole, part):
    if part["pid"] not in (None, whole["pid"]):
        yield f"pid {part['pid']}"
    if part["signal"] and part["signal"]["number"] != whole["signal"]["number"]:
        yield f"signal {part['signal']}"
    if part["executable"] and part["executable"]["path"] not in (None, whole["executable"]["path"]):
        yield f"executable {part['executable']}"
    words, others = part["command_line"] or [], whole["command_line"] or []
    if part["command_line_cut"] and words and len(words) <= len(others):  # inside of the last word
        others = others[:len(words) - 1] + [others[len(words) - 1][:len(words[-1])]]
    if words != others[:len(words)]:
        yield f"command line {words}"


def thread_lies(whole, part, document):
    for key in ("name", "daemon", "main", "interpreter", "gil"):
        if part[key] not in (None, whole[key]) and not (key in ("main", "gil") and not part[key]):
            yield f"{key} is {part[key]!r}, not {whole[key]!r}"
    if part["crashed"] and not whole["crashed"]:
        yield "it did not crash"
    for name, register in (part["registers"] or {}).items():
        if register["value"] != whole["registers"][name]["value"]:
            yield f"register {name} is {register['value']}"
    yield from frame_lies(whole, part, document)
    yield from native_lies(whole, part)
    yield from exception_lies(whole["exception"], part["exception"])


def of_python(thread):
    return [frame for frame in thread["frames"] if frame["kind"] == "python"]


def shown(frame):
    return frame["function"], frame["file"], frame["line"]


def may_be(whole, part):
    """Whether the second frame is the first, or as much of it as could be read."""
    if whole["address"] != part["address"]:
        return False
    return all(b is None or a == b or (part["error"] and isinstance(b, str) and b.startswith("<"))
               for a, b in zip(shown(whole), shown(part)))


def frame_lies(whole, part, document):
    """The frames of the part are among the others, in that order; where some are missing, the report says so."""
    rest = of_python(whole)
    n_missing = len(rest) - len(of_python(part))
    for frame in of_python(part):
        place = next((i for i, other in enumerate(rest) if may_be(other, frame)), None)
        if place is None:
            yield f"made-up frame {shown(frame)} at {frame['address']}"
            continue
        yield from local_lies(rest[place], frame)
        if not frame["error"] and None in shown(frame):
            yield f"frame {shown(frame)} does not say why"
        rest = rest[place + 1:]
    if n_missing > 0 and not part["error"] and not no_state_of(part, document):
        yield f"{n_missing} frames are missing without a word"


def no_state_of(part, document):
    """A thread without Python's state says nothing of frames, if the problems do."""
    return part["interpreter"] is None and document["problems"]


def local_lies(whole, part):
    values = {local["name"]: local for local in whole["locals"] or []}
    addresses = {local["address"] for local in values.values()}
    for local in part["locals"] or []:
        if local["name"] is None and local["address"] in addresses:
            continue  # its name lies elsewhere
        other = values.get(local["name"])
        if not other:
            if not local["error"] and not local["damaged"]:
                yield f"made-up variable {local['name']} of {part['function']}"
        elif local["value"] != other["value"] and not local["damaged"] and not local["error"]:
            yield f"variable {local['name']} of {part['function']} is {local['value']!r:.80}, not {other['value']!r:.80}"
    told = {local["name"] for local in part["locals"] or []}
    if set(values) - told and not part["locals_error"] and not any(local["damaged"] or local["error"] for local in part["locals"] or []):
        yield f"variables of {part['function']} are missing without a word: {sorted(set(values) - told)}"


def native_lies(whole, part):
    frames = {(frame["address"], frame["inlined"]): frame for frame in whole["frames"] + (whole.get("native_frames") or [])
              if frame["kind"] == "native"}
    for frame in part["frames"] + (part.get("native_frames") or []):
        if frame["kind"] != "native" or not frame["certain"]:
            continue
        known = [other for (address, _), other in frames.items() if address == frame["address"]]
        if not known and whole["merged"] and frames:
            yield f"made-up native frame {frame['address']} {frame['function']}"


def exception_lies(whole, part):
    if part and not whole:
        yield f"made-up exception {part['type']}"
    elif part and (part["type"], part["message"]) != (whole["type"], whole["message"]) and not part.get("error"):
        yield f"exception {part['type']}: {part['message']!r:.80}, not {whole['type']}: {whole['message']!r:.80}"


def losses(whole, part):
    """How much of the whole report the other one has: OS threads, Python frames, values."""
    def counts(document):
        frames = [frame for thread in document["threads"] for frame in of_python(thread)]
        values = [local for frame in frames for local in frame["locals"] or [] if not local["damaged"]]
        return len(document["threads"]), len(frames), len(values)
    return [f"{b}/{a}" for a, b in zip(counts(whole), counts(part))]


def survey_lies(whole, part):
    """The same of two documents of `pycore survey --json`: no type has more objects or bytes, and a survey that misses some says so."""
    def by_type(document):
        sums = {}
        for row in document["rows"]:
            for key in ("count", "bytes"):
                sums[row["type"], key] = sums.get((row["type"], key), 0) + row[key]
        return sums
    counts = by_type(whole)
    for (name, key), value in by_type(part).items():
        if name != "?" and value > counts.get((name, key), 0):
            yield f"{key} of {name} are {value}, not {counts.get((name, key), 0)}"
    if part["totals"]["objects"] < whole["totals"]["objects"] and not part["lower_bound"]:
        yield "it is not said to be a lower bound"
