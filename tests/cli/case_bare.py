"""Cores as emulators write them: no list of mapped files, and nothing of what only files hold, not even their headers."""
import struct

from kit import COMPLETE, functions
from subjects import CRASH, NESTED, STACK, CoreBytes, all_pythons, tool

NT_FILE, PT_NOTE, PT_LOAD = 0x46494C45, 4, 1


def headers(content):
    """(offset, type, offset in the file, size in it) of each program header of a core of 64 bits."""
    start, = struct.unpack_from("<Q", content, 32)
    count, = struct.unpack_from("<H", content, 56)
    for at in range(start, start + 56 * count, 56):
        kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", content, at)
        yield at, kind, offset, size


def notes(content, offset, size):
    """(offset, type) of each note."""
    at, end = offset, offset + size
    while at + 12 <= end:
        name, desc, kind = struct.unpack_from("<III", content, at)
        yield at, kind
        at += 12 + (name + 3 & ~3) + (desc + 3 & ~3)


def bare(content, vdso):
    """The core without its list of files and without whatever begins with an ELF header."""
    content = bytearray(content)
    for at, kind, offset, size in list(headers(content)):
        if kind == PT_NOTE:
            for note, number in notes(content, offset, size):
                if number == NT_FILE:
                    struct.pack_into("<I", content, note + 8, 0)
        address, = struct.unpack_from("<Q", content, at + 16)
        if kind == PT_LOAD and content[offset:offset + 4] == b"\x7fELF" and address != vdso:
            struct.pack_into("<Q", content, at + 32, 0)
    return bytes(content)


def modules(document):
    """Programs and libraries by where they begin; of the names that lead to a file, any may be used."""
    return {module["start"]: module["build_id"] for module in document["modules"] if module["build_id"]}


def native(document):
    return [[frame.get("function") for frame in thread["frames"]] for thread in document["threads"]]


def emulators(kit, make):
    for found in all_pythons():
        name = f"bare core of {found.name}"
        core = CoreBytes(make.core(found))
        whole = kit.expect_json(f"{name}: whole", ["info", core.path], COMPLETE)
        vdso = next(int(module["start"], 16) for module in whole["modules"] if module["path"] == "[vdso]")
        path = make.folder() / "core"
        path.write_bytes(bare(core.bytes, vdso))
        exe = whole["process"]["executable"]["path"]
        found_modules = modules(kit.expect_json(name, ["info", path, exe], COMPLETE))
        kit.check_that(f"{name}: modules", found_modules == modules(whole), f"{found_modules}, not {modules(whole)}")
        stacks = [native(kit.expect_json(name, ["dump", "--native", *arguments], COMPLETE))
                  for arguments in ([core.path], [path, exe])]
        kit.check_that(f"{name}: frames", stacks[0] == stacks[1], f"{stacks[1]}, not {stacks[0]}")


def wrong_files(kit, make):
    """Another program than the one that ran, and libraries of another build, are not taken for them."""
    found = all_pythons()[0]
    core = CoreBytes(make.core(found))
    path = make.folder() / "core"
    path.write_bytes(bare(core.bytes, None))
    for name, exe in (("another program", tool("true")), *((f"that of {other.name}", other.path) for other in all_pythons()[1:3])):
        kit.expect(f"bare core with {name}", ["info", path, exe], err="", out="is laid out otherwise")


CASES = [emulators, wrong_files]
