"""Proves the truth itself: what faulthandler prints at the moment of death must be what the program wrote down before.

It is CPython's own word, from a signal handler, by other code than the record's. It has no columns and no qualified
names, cuts long texts, shows at most 100 frames of at most 100 threads, and only of the interpreter that died. It says
nothing on the signals that it does not catch.
"""
import itertools
import re

ENVIRONMENT = {"PYTHONFAULTHANDLER": "1"}
THREAD = re.compile(r"^(?:Current thread|Thread) 0x([0-9a-f]+)(?: \[[^]]*\])? \(most recent call first\):$")
INVISIBLE = ("__init__", "???", "__init__")  # 3.13's helper of specialised class calls; tracebacks leave it out
FRAME = re.compile(r'^  File (?:"(.*)"|\?\?\?), line (\d+|\?\?\?) in (.*)$')
MOST, LONGEST = 100, 500


def can_ask(python):
    return python.version >= (3, 3)


def parse(text):
    """ident -> [(file, line, function)], innermost first."""
    stacks, stack = {}, None
    for line in text.split("\n"):
        thread, frame = THREAD.match(line), FRAME.match(line)
        if thread:
            stack = stacks[int(thread[1], 16)] = []
        elif frame and stack is not None:
            if frame.groups() != INVISIBLE:
                stack.append(frame.groups())
        elif not line.startswith("  "):
            stack = None
    return stacks


def printed(value):
    """A line or a text as faulthandler prints it."""
    if not isinstance(value, (str, dict)):
        return "???" if value is None else str(value)
    if isinstance(value, dict):
        return "".join(c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in value["bytes"][:LONGEST])
    def escaped(code):
        return (chr(code) if 32 <= code <= 126 else f"\\x{code:02x}" if code < 0x100 else
                f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return "".join(escaped(ord(char)) for char in value[:LONGEST]) + ("..." if len(value) > LONGEST else "")


def expected_stack(thread):
    return [tuple(map(printed, (frame["file"], frame["line"], frame["function"]))) for frame in thread["frames"][:MOST]]


def differences(truth, said):
    """A thread that runs a sub-interpreter has several stacks: faulthandler shows one, in 3.8 to 3.12 as one
    of the thread that created the sub-interpreter."""
    elsewhere = [expected_stack(thread) for thread in truth["threads"] if thread["interpreter"]]
    stacks = {}
    for thread in truth["threads"]:
        stacks.setdefault(thread["ident"], []).append(thread)
    for ident, stack in said.items():
        if ident not in stacks and stack:
            yield f"thread {ident:#x}: not written down, faulthandler {stack[:3]!a:.300}"
        elif ident in stacks and not any("busy" in thread for thread in stacks[ident]):
            written = elsewhere + [expected_stack(thread) for thread in stacks[ident]]
            if stack[:MOST] not in written:
                yield f"thread {ident:#x}: {first_difference(written[-1], stack[:MOST])}"


def first_difference(written, said):
    for index, (right, frame) in enumerate(itertools.zip_longest(written, said)):
        if right != frame:
            return f"frame {index}: written down {right!a:.300}, faulthandler {frame!a:.300}"
