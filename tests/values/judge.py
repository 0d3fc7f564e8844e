"""Is what pycore says of a value what its repr() is? Each function gives the differences that it finds."""
import dataclasses
import itertools

import different

ROOM = 60  # characters shown on each side of the first difference


@dataclasses.dataclass(frozen=True)
class Verdict:
    key: str  # function.name
    fault: str  # "": it is right
    expected: str = ""
    found: str = ""
    reason: str = ""  # why it may differ, where it does


def values(truths, frames, python):
    """A Verdict for each local, and one for each frame whose names are wrong."""
    for depth, group in itertools.groupby(truths, lambda local: local.depth):
        group = list(group)
        if depth >= len(frames):
            yield Verdict(group[0].function, "the frame is missing")
        else:
            yield from one_frame(group, frames[depth], python)


def one_frame(group, frame, python):
    if frame["function"] != group[0].function:
        yield Verdict(group[0].function, "another frame is in its place", group[0].function, str(frame["function"]))
        return
    listed = frame.get("locals")
    if listed is None:
        yield Verdict(group[0].function, "the frame has no locals")
        return
    expected, seen = [[local.name, local.scope] for local in group], [[one["name"], one["scope"]] for one in listed]
    if expected == seen:
        yield Verdict(group[0].function + "()", "")
    else:
        yield Verdict(group[0].function + "()", "names, order or scopes", *apart(expected, seen))
    by_name = {one["name"]: one for one in listed}
    for local in group:
        if local.name in by_name:  # else the verdict on the names has said so
            yield one_value(local, by_name[local.name], python)


def apart(expected, seen):
    """Only what differs, where all are listed; else all."""
    one, other = [pair for pair in expected if pair not in seen], [pair for pair in seen if pair not in expected]
    return (str(one), str(other)) if one or other else (str(expected), str(seen))


def one_value(local, found, python):
    """python: its version."""
    rule = different.rule(local, python)
    value = found["value"]
    if value != local.value and rule:
        return rule_verdict(rule, local, value, python)
    for what in ("value", "type", "address"):
        if found[what] != getattr(local, what):
            return Verdict(local.key, what, str(getattr(local, what)), str(found[what]))
    for what, right in ("error", None), ("oddity", None), ("damaged", False):
        if found[what] != right:
            return Verdict(local.key, what, str(right), str(found[what]))
    if found["truncated"] != ("... +" in local.value):
        return Verdict(local.key, "truncated", str("... +" in local.value), str(found["truncated"]))
    return Verdict(local.key, "")


def rule_verdict(rule, local, value, python):
    expected = rule.expected(local, python)
    if value is not None and rule.accepts(expected, value):
        return Verdict(local.key, "", reason=rule.reason)
    return Verdict(local.key, f"value (different: {rule.reason})", expected, str(value))


def around(expected, found):
    """Both texts around the first place where they differ."""
    place = next((index for index, (one, other) in enumerate(zip(expected, found)) if one != other),
                 min(len(expected), len(found)))
    return shown(expected, place), shown(found, place)


def shown(text, place):
    begin, end = max(0, place - ROOM), place + ROOM
    return ("..." if begin else "") + ascii(text[begin:end]) + (f"... ({len(text)})" if end < len(text) else "")
