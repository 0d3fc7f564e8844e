"""Each word of each kind of object, and of the bodies that it owns, overwritten in turn in a core file.

The report must still come, in bounded time, with status 0 or 2, with all other values as they were; and where it is sure
that something is wrong (a type pointer that is none, a size beyond all memory, ...), it must say so at that value.
"""
import json
import random
import shutil
import subprocess
import time

import judge
import subject
from corefile import WORD, CoreFile

SAMPLE = 250  # pokes of one Python, unless --full
QUICK = 2.0  # seconds for one report, whatever is in the core
WORDS, BODY_WORDS = 10, 6  # at most so many of an object, and of what it points to
BASICSIZE_AT, ITEMSIZE_AT = 32, 40  # of a type
BEFORE = {"plain": 4, "looked": 4, "replaced": 4}  # words in front of the object that are its own since 3.11
ALL_ONES, FREED, MOST = 2 ** 64 - 1, 0xdddddddddddddddd, 2 ** 62
DAMAGED = "<damaged: "
STATE_AT = 32  # of a str since 3.3: its kind is in the first bits, and nothing behind them
# Which word says how many items there are; of some, another one in 2.7.
SIZE_WORD = {"listing": 2, "pair": 2, "octets": 2, "changing": 2, "ascii_text": 2, "latin": 2, "wide": 2, "mapping": 2,
             "numbered": 2, "elements": 3, "frozen": 3, "queue": 2, "typed": 2}
SIZE_WORD_27 = {**SIZE_WORD, "mapping": 3, "numbered": 3, "queue": 6}


class Prey:
    """A core of fixtures/values/prey.py and what is in it."""

    def __init__(self, core, truths, pid, python):
        self.core, self.pid, self.options = core, pid, python.options  # those that pycore needs for it
        # Debug builds had two links in front of each object (to 3.7), free-threaded ones have another head.
        self.shift = 16 if python.free_threaded or python.debug and python.version < (3, 8) else 0
        self.truths = truths
        self.objects = {one.name: int(one.address, 16) for one in truths if one.function == "prey"}
        self.bystanders = {one.name: one for one in truths if one.function == "bystanders"}
        self.type_type = self.objects["kind"]

    def is_object(self, address):
        """Whether its second word points to a type, so to something whose second word is `type`."""
        core = self.core
        place = 8 + self.shift
        kind = core.word(address + place) if core.has(address + place) else 0
        return core.has(kind + place) and core.word(kind + place) == self.type_type

    def words(self, address):
        """How many it consists of."""
        head = address + self.shift
        kind, count = self.core.word(head + 8), self.core.word(head + 16) if self.core.has(head + 16) else 0
        items = self.core.word(kind + ITEMSIZE_AT + self.shift)
        return (self.core.word(kind + BASICSIZE_AT + self.shift) + (items * count if items and count < WORDS else 0)) // 8

    def places(self, name, version):
        """(what, address) of the words that belong to this object: in front of it, its own, and its bodies'."""
        start = self.objects[name]
        words = min(WORDS, self.words(start))
        for index in range(-BEFORE.get(name, 0) if version >= (3, 11) else 0, words):
            if self.core.is_data(start + 8 * index):
                yield f"word {index}", start + 8 * index
        for index in range(2, words):
            body = self.core.word(start + 8 * index) if self.core.has(start + 8 * index) else 0
            if self.owns(body):
                most = 2 if self.shift else BODY_WORDS  # mimalloc's small blocks lie side by side
                for inner in range(min(BODY_WORDS, self.words(body)) if self.is_object(body) else most):
                    if self.core.has(body + 8 * inner):
                        yield f"word {inner} of what word {index} points to", body + 8 * inner

    def owns(self, body):
        """Something on the heap that is no object, or one that nothing else refers to."""
        if body % 8 or not self.core.is_data(body) or not self.core.is_data(body + 8):
            return False
        return not self.is_object(body) or not self.shift and self.core.word(body) == 1

    def values(self, address):
        """What to write there, each once."""
        old = self.core.word(address)
        return list(dict.fromkeys(value & ALL_ONES for value in (
            0, 1, ALL_ONES, MOST, FREED, 0x4141414141414141, 16, old + 8, old ^ 0xff, old + 2 ** 33,
            self.objects["integer"], address, self.type_type, old << 1)))


class Hunt:
    """Pokes one copy of the core, and looks at each."""

    def __init__(self, options, tally, prey, where):
        self.options, self.tally, self.prey, self.where = options, tally, prey, where
        self.slowest = 0.0

    def poke(self, name, what, address, data, certain=False, odd=False):
        """certain: damage must be told at this very value; odd: or an odd reference count. The core is as before afterwards."""
        before = self.prey.core.get(address, len(data))
        if before == data:
            return
        self.prey.core.put(address, data)
        try:
            fault, found = self.look(name, certain, odd)
        finally:
            self.prey.core.put(address, before)
        text = f"{address:#x} was {before.hex()}, is {data.hex()}"
        self.tally.add(self.where, judge.Verdict(f"trash {name}: {what}", fault, text, found))

    def look(self, name, certain=False, odd=False):
        """("" or what is wrong, the value found)"""
        began = time.monotonic()
        command = [self.options.pycore, "dump", "--json", "--native=none", "--locals=full", *self.prey.options, self.prey.core.path]
        try:
            ran = subprocess.run(command, capture_output=True, timeout=subject.LIMIT, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return f"still runs after {subject.LIMIT} s", ""
        seconds = time.monotonic() - began
        self.slowest = max(self.slowest, seconds)
        if ran.returncode not in (subject.COMPLETE, subject.PARTIAL):
            return f"ended with status {ran.returncode}", ran.stderr.decode(errors="backslashreplace")[-1500:]
        if seconds > QUICK * self.options.slow:
            return f"took {seconds:.1f} s", ""
        try:
            document = json.loads(ran.stdout.decode("utf-8"))
            return self.judge(name, certain, odd, ran.returncode, subject.frames(document, self.prey.pid))
        except ValueError as error:
            return f"stdout is not one JSON document in UTF-8: {error}", ""
        except (KeyError, IndexError, subject.Fault) as error:
            return f"frames are gone: {error}", ""

    def judge(self, name, certain, odd, status, frames):
        found = {frame["function"]: {one["name"]: one for one in frame["locals"]} for frame in frames}
        for other, truth in self.prey.bystanders.items():
            if found["bystanders"][other]["value"] != truth.value:
                return f"the value of bystander {other} is {found['bystanders'][other]['value']!a:.200}", ""
        one = found["prey"][name]
        value = one["value"] or ""
        damaged = one["damaged"]
        if damaged != (DAMAGED in value or one["error"] is not None):
            return f"'damaged' is {damaged}", f"{value} {one['error']}"
        if damaged and status != subject.PARTIAL:
            return f"damage is shown, but the status is {status}", value
        if certain and not damaged:
            return "damage is not told", value
        if odd and not damaged and one["oddity"] is None:
            return "an odd reference count is not told", value
        return "", value

    def by_hand(self, version):
        """What nobody can take for data."""
        sizes = SIZE_WORD if version >= (3,) else SIZE_WORD_27
        for name, address in self.prey.objects.items():
            if not self.prey.core.is_data(address) or name == "kind":
                continue
            for value in (0, 0x10, address, 0x4141414141414141, ALL_ONES, self.prey.objects["real"]):
                if name != "cls" or value != address:  # a class may be its own type, as `type` is
                    self.poke(name, "type", address + 8 + self.prey.shift, WORD.pack(value), certain=True)
            if not self.prey.shift:
                self.freed(name, address, version)
            if name in sizes:
                self.poke(name, "size", address + 8 * sizes[name] + self.prey.shift, WORD.pack(MOST), certain=True)

    def freed(self, name, address, version):
        """What stands where the count of references stood."""
        if self.prey.core.has(address + 23):
            self.poke(name, "pymalloc's fill over it", address, WORD.pack(FREED) * 3, certain=True)
        self.poke(name, "pointer of a free list", address, WORD.pack(self.prey.objects["integer"]), certain=True)
        self.poke(name, "end of a free list", address, WORD.pack(0), odd=True)
        if version < (3, 12):  # there it means immortal
            self.poke(name, "negative reference count", address, WORD.pack(ALL_ONES), odd=True)

    def kinds(self, version):
        """Strings of a kind that is none: 3, 5, 6 and 7."""
        for name in ("ascii_text", "latin", "wide", "widest") if version >= (3, 3) else ():
            address, first = self.state(name), self.kind_at()
            state = self.prey.core.word(address)
            for kind in (3, 5, 6, 7):
                self.poke(name, f"kind {kind}", address, WORD.pack(state & ~(7 << first) | kind << first), certain=True)

    def state(self, name):
        return self.prey.objects[name] + STATE_AT + self.prey.shift

    def kind_at(self):
        """The first bit of the kind, in which strings of 2 and of 4 bytes a character differ."""
        differ = self.prey.core.word(self.state("wide")) ^ self.prey.core.word(self.state("widest"))
        return (differ & -differ).bit_length() - 2

    def words(self, names, version, chance):
        pokes = [(name, what, address, value) for name in names for what, address in self.prey.places(name, version)
                 for value in self.prey.values(address)]
        if not self.options.full:
            pokes = chance.sample(pokes, min(SAMPLE, len(pokes)))
        for name, what, address, value in pokes:
            self.poke(name, what, address, WORD.pack(value))


def jobs(options, chosen):
    for python in chosen:
        yield check, python.name, (python,)


def check(options, tally, folder, python):
    place = folder / f"trash-{python.name}"
    where = f"{python.name}/trash"
    with subject.start(place, python, "prey.py") as process:
        truths, pid = subject.truths(process), process.truth["pid"]
        shutil.copy(process.core, place / "poked")
        with CoreFile(str(place / "poked")) as core:
            hunt = Hunt(options, tally, Prey(core, truths, pid, python), where)
            fault, _ = hunt.look("integer")
            if fault:
                tally.fail(where, f"the core as it is: {fault}")
                return
            hunt.by_hand(python.version)
            hunt.kinds(python.version)
            hunt.words(list(hunt.prey.objects), python.version, random.Random(options.seed))
