"""Versions that no table knows: made from a Python that is here, by writing another version into its core and its file."""
import functools
import pathlib
import re
import shutil
import struct
import subprocess

from kit import COMPLETE, NOTHING, PARTIAL, Skip, functions
from subjects import CRASH, NESTED, STACK, pythons, tool

COOKIE = b"xdebugpy"
FINAL, CANDIDATE = 0xf0, 0xc1


@functools.lru_cache(None)
def all_pythons():
    return pythons.find(fetched=True)[0]


def subject(version, until=None):
    """A Python from that version on, the newest before `until`."""
    found = [one for one in all_pythons() if version <= one.version < (until or (9,)) and not one.debug]
    if not found:
        raise Skip(f"no Python {'.'.join(map(str, version))} here")
    return max(found, key=lambda one: (one.version, -len(one.root)))


def text(version):
    return ".".join(map(str, version))


def hexed(version, level=FINAL):
    return struct.pack("<Q", version[0] << 24 | version[1] << 16 | version[2] << 8 | level)


class Changed:
    """The core of a Python and the file that holds it, with another version in both."""

    def __init__(self, kit, make, found, version, level=FINAL, cookie=COOKIE):
        self.found, self.version, self.level, self.cookie = found, version, level, cookie
        self.folder = make.folder("changed")
        whole = make.core(found, NESTED.format(end=CRASH))
        about = kit.expect_json(f"{found.name} as it is", ["dump", *found.options, whole], COMPLETE)
        self.core = self.write(whole, self.folder / "core")
        module = about["python"]["module"]
        self.module = self.write(pathlib.Path(found.root + module), self.folder / ("tree" + module))

    def write(self, path, to):
        to.parent.mkdir(parents=True, exist_ok=True)
        data = path.read_bytes().replace(hexed(self.found.version), hexed(self.version, self.level)).replace(COOKIE, self.cookie)
        old, new = text(self.found.version).encode(), text(self.version).encode()
        if self.level == FINAL and len(old) == len(new):  # as in "3.15.2 (main, Jan  1 2026) [GCC]"
            data = re.sub(re.escape(old) + rb"(?=\+? (free-threading build )?\()", new, data)
        to.write_bytes(data)
        shutil.copymode(path, to)
        return to

    @property
    def arguments(self):
        """The file lies below a folder of its own, with nothing else."""
        return ["dump", "--sysroot", self.folder / "tree", self.core]


def check_read(kit, name, changed, version, guess):
    document = kit.expect_json(name, changed.arguments, PARTIAL if guess else COMPLETE)
    found = document and document["python"] or {}
    layout = found.get("layout", {})
    kit.check_that(f"{name}: what it is", found.get("version") == version and layout["guess"] == guess
                   and (layout["assumed"] or "dwarf" in layout["sources"]), f"{found}"[:300])
    kit.check_that(f"{name}: its stack", document and functions(document) == [STACK], f"{document and functions(document)}")
    return document


def its_own_offsets(kit, make):
    """A newer version that says where its fields are: as far as these reach, marked as a guess."""
    for version in ((3, 16, 0), (3, 17, 3)):
        found = subject((3, 13))
        name = f"{found.name} as {text(version)}"
        changed = Changed(kit, make, found, version)
        document = check_read(kit, name, changed, text(version), True)
        kit.check_that(f"{name}: a problem says so", document and any("a guess" in problem["why"] for problem in document["problems"]),
                       f"{document and document['problems']}")
        kit.expect(f"{name}, as text", changed.arguments, PARTIAL, out=["GUESS", "known versions are 2.7, 3.6 to 3.", *STACK])


def without_offsets(kit, make):
    """A newer version that does not, nor its DWARF: what was found, which versions are known, and no frame."""
    found = subject((3, 13))
    changed = Changed(kit, make, found, (3, 17, 3), cookie=b"xnothing")
    subprocess.run([tool("objcopy"), "--strip-debug", changed.module], check=True)
    name = f"{found.name} as 3.17.3 without debug offsets"
    document = kit.expect_json(name, changed.arguments, NOTHING)
    kit.check_that(f"{name}: nothing is made up", document and not document["python"] and not any(functions(document)), "it is")
    kit.expect(f"{name}, as text", changed.arguments, NOTHING, err=["3.17.3", "known", "2.7, 3.6 to 3."], absent=["File \""])


def later_patch(kit, make):
    """A release of a known minor version that did not exist yet: assumed, and right."""
    for version, until in (((3, 13), (3, 14)), ((3, 8), (3, 9))):
        found = subject(version, until)
        later = (*found.version[:2], 99)
        check_read(kit, f"{found.name} as {text(later)}", Changed(kit, make, found, later), text(later), False)


def candidate(kit, make):
    found = subject((3, 13))
    version = (*found.version[:2], 0)
    name = f"{found.name} as the first candidate of {text(version)}"
    check_read(kit, name, Changed(kit, make, found, version, CANDIDATE), f"{text(version)}rc1", False)


def too_old(kit, make):
    """3.0 to 3.5 are refused by name."""
    found = subject((3, 6), (3, 7))
    for version in ((3, 5, 10), (3, 4, 10)):
        changed = Changed(kit, make, found, version)
        name = f"{found.name} as {text(version)}"
        document = kit.expect_json(name, changed.arguments, NOTHING)
        kit.check_that(f"{name}: nothing is made up", document and not document["python"] and not any(functions(document)), "it is")
        kit.expect(f"{name}, as text", changed.arguments, NOTHING, err=[text(version), "2.7, 3.6 to 3."], absent=["File \""])


CASES = [its_own_offsets, without_offsets, later_patch, candidate, too_old]
