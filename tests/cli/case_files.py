"""What is given as a core and is none."""
import bz2
import gzip
import lzma
import os
import pathlib
import random
import socket
import subprocess
import sys

from kit import NOTHING, Skip
from subjects import tool

# name, content, a word of the answer
CONTENTS = [
    ("an empty file", b"", "empty"),
    ("a text file", b"Traceback (most recent call last):\n" * 50, "text"),
    ("a short text", b"core\n", "text"),
    ("a script", b"#!/usr/bin/env python3\nprint(1)\n", "script"),
    ("random bytes", random.Random(3).randbytes(100_000), "neither an ELF core nor a minidump"),
    ("zeros", bytes(100_000), "zeros"),
    ("ELF magic alone", b"\x7fELF", "ELF"),
    ("an ELF header of nothing", b"\x7fELF" + b"\xff" * 60, "ELF"),
    ("a Windows program", b"MZ" + bytes(510), "Windows"),
    ("xz", lzma.compress(b"x" * 100), "text file"),
    ("bzip2", bz2.compress(b"x" * 100), "bzip2"),
    ("lz4", b"\x04\x22\x4d\x18" + bytes(60), "compressed data: damaged"),
    ("gzip magic alone", b"\x1f\x8b", "compressed data: damaged"),
    ("zstd magic alone", b"\x28\xb5\x2f\xfd", "compressed data: damaged"),
    ("a text, gzipped", gzip.compress(b"text\n" * 50), "text"),
    ("nothing, gzipped", gzip.compress(b""), "empty"),
    ("gzip in gzip", gzip.compress(gzip.compress(b"x" * 100)), "compressed twice, by gzip inside: unpack it once"),
    ("zstd in gzip", gzip.compress(b"\x28\xb5\x2f\xfd" + bytes(60)), "compressed twice, by zstd inside: unpack it once"),
    ("xz in gzip", gzip.compress(lzma.compress(b"x" * 100)), "compressed twice, by xz inside: unpack it once"),
]


def contents(kit, make):
    for name, content, word in CONTENTS:
        path = make.folder() / "core"
        path.write_bytes(content)
        kit.expect(f"core is {name}", ["dump", path], NOTHING, err=word)
        kit.expect(f"core is {name}: info", ["info", path], NOTHING, err=word, json_too=False)


def elf_files(kit, make):
    folder = make.folder()
    (folder / "x.c").write_text("int x;\n")
    subprocess.run([tool("gcc"), "-c", "x.c"], cwd=folder, check=True)
    library = next(pathlib.Path("/lib").glob("*/libz.so.1"), None)
    kit.expect("core is an executable", ["dump", os.path.realpath(sys.executable)], NOTHING, err="executable")
    kit.expect("core is pycore", ["dump", kit.pycore], NOTHING, err="executable")
    kit.expect("core is an object file", ["dump", folder / "x.o"], NOTHING, err="object file")
    if library:
        kit.expect("core is a library", ["dump", library], NOTHING, err="shared library")
    kit.expect("core and EXE are swapped", ["dump", sys.executable, make.core_without_python()], NOTHING, err="executable")


def not_regular(kit, make):
    folder = make.folder()
    os.mkfifo(folder / "fifo")
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        for name, word in [(".", "directory"), ("fifo", "FIFO"), ("/dev/null", "device"), ("/dev/zero", "device"),
                           ("/dev/tty", ""), ("socket", ""), ("loop", "link"), ("dangling", "No such file"),
                           ("missing", "No such file"), ("missing/core", "No such file"), ("x" * 5000, "too long"),
                           ("/proc/self/mem", ""), ("/proc/kcore", "")]:
            kit.expect(f"core is {name[:20]}", ["dump", name], NOTHING, err=word, cwd=folder)
    kit.expect("core is a number", ["dump", "4194303"], NOTHING, err="--pid 4194303", cwd=folder)


def hostile_paths(kit, make):
    folder = make.folder()
    for name in ("\x1b[31mred\x1b[0m", "two\nlines", "\u202egnp.exe", b"\xff\xfe.core".decode("utf-8", "surrogateescape")):
        (folder / name).write_text("text")
        kit.expect(f"path {name!a}, there", ["dump", name], NOTHING, err="text", cwd=folder)
        kit.expect(f"path {name!a}, missing", ["dump", name + "_"], NOTHING, err="No such file", cwd=folder)


def unreadable(kit, make):
    path = make.folder() / "core"
    path.write_bytes(make.core_without_python().read_bytes()[:100_000])
    path.chmod(0)
    if os.getuid():
        kit.expect("core that may not be read", ["dump", path], NOTHING, err="ermission")
        return
    path.parent.chmod(0o755)
    if not all(folder.stat().st_mode & 1 for folder in [*kit.pycore.parents, *path.parents]):
        raise Skip("other users can't get at the folders of this test")
    kit.expect("core that may not be read", ["dump", path], NOTHING, err="ermission", user=65534)


CASES = [contents, elf_files, not_regular, hostile_paths, unreadable]
