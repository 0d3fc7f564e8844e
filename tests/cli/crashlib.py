"""A library that dies in functions inside of functions, loaded by Python, and its core: for what is found out about it by files
that lie here and there. Beside it what gdb says."""
import collections
import os
import re
import shutil
import struct
import subprocess

from subjects import python, tool

SOURCE = """
#include <stdlib.h>
static inline __attribute__((always_inline)) int deep(int x) { if (x > 3) abort(); return x + 1; }
static inline __attribute__((always_inline)) int mid(int x) { return deep(x * 2) + 1; }
__attribute__((noinline)) int outer(int x) { return mid(x) + 2; }
"""
NAME = "libcrash.so"
SCRIPT = "import ctypes, sys\nlib = ctypes.CDLL(sys.argv[1])\n{before}\ndef call():\n    lib.outer(7)\ncall()\n"
FRAMES = [("deep", "crash.c", 3), ("mid", "crash.c", 4), ("outer", "crash.c", 5)]
DYNAMIC = [("outer", None, None)]
FLAGS = "-g", "-O2", "-fPIC", "-shared", "-fno-reorder-functions", "-fno-reorder-blocks-and-partition"

Subject = collections.namedtuple("Subject", "folder library full debug stripped core program script")


def do(*command, **how):
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **how)


def compile_library(path, source, *flags):
    path.with_suffix(".c").write_text(source)
    target = path.with_name("crash.c")
    target.write_text(source)
    do(tool("gcc"), *FLAGS, "-o", path, target, *flags)
    return path


def build_id(path):
    text = subprocess.run([tool("readelf"), "-n", path], capture_output=True, text=True, check=False).stdout
    found = re.search("Build ID: ([0-9a-f]+)", text)
    return found and found[1]


def by_id(folder, number):
    """Where a folder for debug information keeps what has this build-id."""
    path = folder / ".build-id" / number[:2] / f"{number[2:]}.debug"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def crash(make, *flags, before="", found=None):
    """The core of it, and beside it the library in its parts; what lies at the library's path is the whole one at first."""
    folder = make.folder("crash")
    parts = folder / "parts"
    parts.mkdir()
    library, full, debug, stripped = folder / NAME, parts / "full", parts / "debug", parts / "stripped"
    compile_library(library, SOURCE, *flags)
    shutil.copy(library, full)
    do(tool("objcopy"), "--only-keep-debug", full, debug)
    do(tool("strip"), "-o", stripped, full)
    script = make.script(SCRIPT.format(before=before))
    program = os.path.realpath((found or python((3, 11))).path)
    core = make.crash([program, "-s", script, library], folder=folder)
    return Subject(folder, library, full, debug, stripped, core, program, script)


def put(path, source):
    """A copy, of which the file before it is not written to but replaced."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, path)
    return path


def of_library(document, name=NAME):
    """(function, file's name, line) of the frames in the library, innermost first; a part of a function is the function."""
    thread = document["threads"][0]
    found = [frame for frame in thread["frames"] + thread.get("native_frames", [])
             if frame.get("kind") == "native" and (frame["module"] or "").endswith(name)]
    return [(frame["function"] and frame["function"].removesuffix(".cold"), frame["file"] and os.path.basename(frame["file"]),
             frame["line"]) for frame in found]


def others(document, name=NAME):
    """All other frames of all threads."""
    return [[(frame["kind"], frame["function"], frame["line"]) for frame in thread["frames"] + thread.get("native_frames", [])
             if not (frame.get("module") or "").endswith(name)] for thread in document["threads"]]


def notes(document):
    return [(problem["where"], problem["why"]) for problem in document["problems"]]


def by_gdb(program, core, *settings):
    """What gdb says of the three functions, in the same form."""
    text = subprocess.run([tool("gdb"), "-nx", "-batch", "-iex", "set debuginfod enabled off", "-iex", "set auto-load off",
                           *(word for setting in settings for word in ("-iex", setting)), "-ex", f"file {program}", "-ex", f"core-file {core}", "-ex", "bt"],
                          capture_output=True, text=True, check=False, env={**os.environ, "DEBUGINFOD_URLS": ""}).stdout
    found = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(deep|mid|outer) \(.*?\)(?: at (\S+):(\d+))?", text, re.MULTILINE)
    return [(name, os.path.basename(path) or None, int(line) if line else None) for name, path, line in found]


def sections(content):
    """(offset, size) of the sections with debug information in a 64-bit little-endian ELF file, and where its header table is."""
    table, = struct.unpack_from("<Q", content, 40)
    count, = struct.unpack_from("<H", content, 60)
    headers = [struct.unpack_from("<IIQQQQIIQQ", content, table + 64 * i) for i in range(count)]
    return [(header[4], header[5]) for header in headers if header[1] == 1 and not header[2] & 2 and header[5]], (table, 64 * count)
