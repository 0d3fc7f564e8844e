"""Real cores, cut off and changed: whatever they hold, pycore ends in time, with a status that says how good its report is."""
import random

from kit import COMPLETE, NOTHING, PARTIAL, functions, of_python
from subjects import STACK, CoreBytes, python

SEED = 20
ANY = (COMPLETE, NOTHING, PARTIAL)


def cut_points(core):
    """Around every boundary that the format has, inside the notes, and anywhere."""
    notes, size = core.notes, len(core.bytes)
    yield from (0, 1, 3, 4, 5, 15, 16, 17, 54, 63, 64, 65, 64 + 55, 64 + 56, core.headers_end - 1, core.headers_end)
    yield from (notes.start + len(notes) * part // 12 for part in range(13))
    yield from (notes.start + 11, notes.start + 12, notes.start + 19, notes.start + 20, notes.start + 355)
    yield from (notes.stop + 1, core.loads[0][2], core.loads[0][2] + 1, core.loads[-1][2])
    yield from (size * part // 10 for part in range(1, 10))
    yield from (size - 4096, size - 1)


def truncated(kit, make):
    """Cut down from the end, so that one copy is enough."""
    for version in ((3, 11), (3, 13), (3, 8)):
        core = CoreBytes(make.core(python(version)))
        path = make.folder() / "core"
        path.write_bytes(core.bytes)
        for size in sorted(set(cut_points(core)), reverse=True):
            with open(path, "r+b") as file:
                file.truncate(size)
            kit.expect(f"core of {version} cut at {size} of {len(core.bytes)}", ["dump", path], (NOTHING, PARTIAL),
                       out="CUT OFF" if size > 64 else ())
            kit.expect(f"core of {version} cut at {size}: info", ["info", path], (NOTHING, PARTIAL), json_too=False)


class Patched:
    """A copy of a core of which bytes can be changed for one run."""

    def __init__(self, make, core):
        self.core, self.path = core, make.folder() / "core"
        self.path.write_bytes(core.bytes)

    def run(self, kit, name, changes, status=ANY, **how):
        self.put(changes)
        result = kit.expect(name, ["dump", self.path], status, **how)
        self.put({at: self.core.bytes[at:at + len(new)] for at, new in changes.items()})
        return result

    def put(self, changes):
        with open(self.path, "r+b") as file:
            for at, new in changes.items():
                file.seek(at)
                file.write(new)


WORDS = [0, 1, 7, 8, 0x7f, 0xff, 0x1000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 47, (1 << 60), (1 << 63) - 1, 1 << 63,
         (1 << 64) - 8, (1 << 64) - 1]


def change(chance, core, places):
    """Flips a bit, or writes a nasty word or another place's content, somewhere."""
    at = chance.choice(places)
    kind = chance.random()
    if kind < 0.4:
        return at, bytes([core.bytes[at] ^ 1 << chance.randrange(8)])
    at -= at % 8
    if kind < 0.8:
        return at, chance.choice(WORDS).to_bytes(8, "little")
    other = chance.choice(places) & ~7
    return at, core.bytes[other:other + 8]


def flipped(kit, make, name, core, places, rounds, changes):
    chance = random.Random(SEED)
    copy = Patched(make, core)
    for index in range(rounds):
        patch = dict(change(chance, core, places) for _ in range(chance.randint(1, changes)))
        patch = {at: new for at, new in patch.items() if at + len(new) <= len(core.bytes)}
        shown = ", ".join(f"{new.hex()} at {at}" for at, new in patch.items())[:100]
        copy.run(kit, f"{name}, round {index}: {shown}", patch, json_too=index % 4 == 0)


def headers_and_notes(kit, make):
    for version in ((3, 11), (3, 13)):
        core = CoreBytes(make.core(python(version)))
        flipped(kit, make, f"{version} ELF header", core, range(4, 64), 40, 2)
        flipped(kit, make, f"{version} program headers", core, range(64, core.headers_end), 60, 6)
        flipped(kit, make, f"{version} notes", core, core.notes, 80, 20)


def structs(document):
    """(address, size) of what a walk has to read."""
    for runtime in document["runtimes"]:
        yield int(runtime["address"], 16), 1024
    for interpreter in document["interpreters"]:
        yield int(interpreter["address"], 16), 8192
    for thread in document["threads"]:
        if thread["address"]:
            yield int(thread["address"], 16), 512
        for frame in of_python(thread):
            yield int(frame["address"], 16), 128


def python_state(kit, make):
    """Bytes of the very structs that are walked: links that lead nowhere or in circles, counts of any size."""
    for version in ((2, 7), (3, 6), (3, 10), (3, 11), (3, 13)):
        path = make.core(python(version))
        core = CoreBytes(path)
        document = kit.expect_json(f"{version} state, undamaged", ["dump", path], COMPLETE)
        offsets = [core.offset_of(address + at) for address, size in structs(document) for at in range(size)]
        places = [at for at in offsets if at is not None]
        flipped(kit, make, f"{version} state", core, places, 60, 12)
        words = [at for at in places if int.from_bytes(core.bytes[at & ~7:(at & ~7) + 8], "little") > 4096]
        flipped(kit, make, f"{version} pointers", core, words, 60, 2)


def pointed_at(kit, make):
    """The same one step further: code objects, names and line tables, found as what words of the frames point to."""
    for version in ((2, 7), (3, 9), (3, 12)):
        path = make.core(python(version))
        core = CoreBytes(path)
        document = kit.expect_json(f"{version} objects, undamaged", ["dump", path], COMPLETE)
        places, seen = [], [address for address, size in structs(document) if size == 128]
        for _ in range(2):  # frames -> code objects -> names and tables
            found = []
            for address in seen:
                start = core.offset_of(address)
                if start is None:
                    continue
                words = range(start, min(start + 160, len(core.bytes) - 8), 8)
                found += [int.from_bytes(core.bytes[at:at + 8], "little") for at in words]
            seen = [address for address in set(found) if core.offset_of(address) and address % 8 == 0]
            places += [core.offset_of(address) + at for address in sorted(seen) for at in range(96) if core.offset_of(address + at)]
        flipped(kit, make, f"{version} objects", core, places, 90, 40)


def one_by_one(kit, make):
    """Each word of the thread state and of the innermost frame, with each nasty value: the frames around stay readable."""
    path = make.core(python((3, 12)))
    core = CoreBytes(path)
    copy = Patched(make, core)
    document = kit.expect_json("3.12 frame, undamaged", ["dump", path], COMPLETE)
    kit.check_that("3.12 frame: stack", document and functions(document) == [STACK], "another one")
    frame = int(of_python(document["threads"][0])[0]["address"], 16)
    for at in range(0, 72, 8):
        for word in (0, 1 << 60, frame, (1 << 64) - 1):
            copy.run(kit, f"3.12 frame, word {at} is {word:#x}", {core.offset_of(frame) + at: word.to_bytes(8, "little")},
                     json_too=False)
    circle = {core.offset_of(frame) + 8: frame.to_bytes(8, "little")}
    copy.run(kit, "3.12 frame whose caller is itself", circle, PARTIAL, out="circle")


def thread_ids(kit, make):
    """The thread pointer (fs_base, register 21 of NT_PRSTATUS) and the thread id, at the ends of what they can be."""
    core = CoreBytes(make.core(python((3, 11))))
    patched = Patched(make, core)
    status = core.notes.start + 12 + 8  # the descriptor of the first note, behind its header and "CORE"
    for value in (0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        patched.run(kit, f"thread pointer {value:#x}", {status + 112 + 21 * 8: value.to_bytes(8, "little")})
        patched.run(kit, f"thread id {value & 0xffffffff:#x}", {status + 32: (value & 0xffffffff).to_bytes(4, "little")})


CASES = [thread_ids, truncated, headers_and_notes, python_state, pointed_at, one_by_one]
