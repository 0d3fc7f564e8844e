"""Where files are found, and which are refused: programs, libraries, debug information that was split off, packed, shared."""
import os
import pathlib
import random
import shutil
import subprocess

from crashlib import (DYNAMIC, FRAMES, NAME, SOURCE, build_id, by_gdb, by_id, compile_library, crash, do, notes, of_library, others,
                      put, sections)
from kit import COMPLETE, NOTHING, PARTIAL, USAGE, Skip
from subjects import system_python, tool, wait_asleep

HERE = "/usr/lib/debug"
NOBODY = 65534
WAITING = """
import ctypes, os, sys
lib = ctypes.CDLL(sys.argv[1])
os.unlink(sys.argv[1])
print("ready", flush=True)
lib.outer(7)
"""


def look(kit, name, subject, wanted, options=(), *, refused=(), gdb=(), native="all"):
    """Expects these frames, and these notes on files of the test's own (the path and a part of why), each once; and of gdb the
    same frames with these settings."""
    document = kit.expect_json(name, ["dump", f"--native={native}" if native else "--native", *options, subject.core], COMPLETE)
    found = [frame for frame in of_library(document) if frame[0]]
    kit.check_that(f"{name}: frames", found == wanted, f"{of_library(document)}")
    own = [note for note in notes(document) if "pycore-cli" in note[0] + note[1] or str(subject.folder) in note[0] + note[1]]
    faults = [f"no note, or more than one, of {where}: {why}" for where, why in refused
              if sum(str(where) == note[0] and why in note[1] for note in own) != 1]
    faults += [f"{len(own)} notes: {own}"] if len(own) != len(refused) else []
    kit.check(f"{name}: notes", faults)
    if gdb:
        said = by_gdb(subject.program, subject.core, *gdb)
        kit.check_that(f"{name}: gdb agrees", said == wanted, f"{said}")
    return document


def split(kit, make):
    subject = crash(make)
    number, empty = build_id(subject.full), make.folder("empty")
    here = "set debug-file-directory {}".format
    look(kit, "whole library", subject, FRAMES, gdb=[here(empty)])
    put(subject.library, subject.stripped)
    look(kit, "stripped library", subject, DYNAMIC)
    linked = subject.folder / "libcrash.dbg"
    put(linked, subject.debug)
    do(tool("objcopy"), "--add-gnu-debuglink", linked, subject.library)
    look(kit, "debug file beside it", subject, FRAMES, gdb=[here(empty)])
    (subject.folder / ".debug").mkdir()
    linked.rename(subject.folder / ".debug" / linked.name)
    look(kit, "debug file in .debug", subject, FRAMES, gdb=[here(empty)])
    shutil.rmtree(subject.folder / ".debug")
    look(kit, "no debug file", subject, DYNAMIC)
    mirrored, numbered, flat = make.folder("mirrored"), make.folder("numbered"), make.folder("flat")
    put(mirrored / str(subject.folder)[1:] / linked.name, subject.debug)
    look(kit, "debug file below --debug-dir", subject, FRAMES, ["--debug-dir", mirrored], gdb=[here(mirrored)])
    put(flat / linked.name, subject.debug)
    look(kit, "debug file in --debug-dir", subject, FRAMES, ["--debug-dir", empty, "--debug-dir", flat])
    put(by_id(numbered, number), subject.debug)
    put(subject.library, subject.stripped)
    look(kit, "debug file by build-id", subject, FRAMES, ["--debug-dir", empty, "--debug-dir", numbered], gdb=[here(numbered)])
    look(kit, "debug file by build-id, with lines", subject, FRAMES, ["--debug-dir", numbered], native=None)
    subject.library.unlink()
    look(kit, "debug file without library", subject, FRAMES, ["--debug-dir", numbered])
    libraries = make.folder("libraries")
    put(libraries / "a/b/c/anything", subject.stripped)
    look(kit, "library by build-id", subject, DYNAMIC, ["--lib-path", libraries])
    look(kit, "both by build-id", subject, FRAMES, ["--lib-path", libraries, "--debug-dir", numbered])
    put(libraries / "a/debug", subject.debug)
    look(kit, "debug file in --lib-path", subject, FRAMES, ["--lib-path", libraries])
    shutil.rmtree(libraries / "a")
    put(libraries / NAME, subject.full)
    look(kit, "library by name", subject, FRAMES, ["--lib-path", empty, "--lib-path", libraries])
    (libraries / NAME).rename(put(libraries / str(subject.folder)[1:] / NAME, subject.full))
    look(kit, "library by path", subject, FRAMES, ["--lib-path", libraries])


def checksum(kit, make):
    """Without build-ids."""
    subject = crash(make, "-Wl,--build-id=none")
    linked = put(subject.folder / "libcrash.dbg", subject.debug)
    put(subject.library, subject.stripped)
    do(tool("objcopy"), "--add-gnu-debuglink", linked, subject.library)
    document = kit.expect_json("no build-id", ["dump", "--native=all", subject.core], COMPLETE)
    found = [frame for frame in of_library(document) if frame[0]]
    # the link has changed the headers by which files without build-id are told, so it is not the file that was mapped
    kit.check_that("no build-id: another file", found == DYNAMIC and any("it has another ELF header" in why for _, why in notes(document)),
                   f"{found}, {notes(document)}")
    whole = subject.folder / "linked.so"
    shutil.copy(subject.library, whole)
    linked_subject = crash_again(make, whole, linked)
    look(kit, "checksum", linked_subject, FRAMES, gdb=[f"set debug-file-directory {make.folder('empty')}"])
    content = bytearray(linked.read_bytes())
    content[-200] ^= 1
    (linked_subject.folder / linked.name).write_bytes(content)
    look(kit, "wrong checksum", linked_subject, DYNAMIC, refused=[(linked_subject.folder / linked.name, "checksum")])


def crash_again(make, library, debug):
    """The core of a library that is there already, with its debug file beside it."""
    subject = crash(make)
    folder = make.folder("again")
    at = folder / NAME
    shutil.copy(library, at)
    shutil.copy(debug, folder / debug.name)
    script = make.script(f"import ctypes\nctypes.CDLL({str(at)!r}).outer(7)\n")
    core = make.crash([system_python().path, "-s", script], folder=folder)
    return subject._replace(folder=folder, library=at, core=core)


def packed(kit, make):
    subject = crash(make)
    empty = f"set debug-file-directory {make.folder('empty')}"
    number, folder = build_id(subject.full), make.folder("debug")
    for how in ("zlib", "zlib-gnu", "zstd"):
        try:
            do(tool("objcopy"), f"--compress-debug-sections={how}", subject.full, subject.library)
            do(tool("objcopy"), f"--compress-debug-sections={how}", subject.debug, by_id(folder, number))
        except subprocess.CalledProcessError as error:
            kit.say("skipped", f"packed by {how}", error.stderr.decode()[:100])
            continue
        for native in ("all", "yes"):
            look(kit, f"packed by {how}, {native}", subject, FRAMES, native=native if native == "all" else None,
                 gdb=[empty] if native == "all" else ())
        put(subject.library, subject.stripped)
        look(kit, f"debug file packed by {how}", subject, FRAMES, ["--debug-dir", folder])


def share(subject, make, *options):
    """Moves what the library and another one have in common into a file of its own; that file."""
    folder = make.folder("dwz")
    one, two = folder / "one.so", compile_library(folder / "two.so", SOURCE.replace("outer", "outer2"))
    shutil.copy(subject.full, one)
    do(tool("dwz"), *options, "one.so", "two.so", cwd=folder)
    put(subject.library, one)
    return folder / "common"


def shared_id(path):
    """Of a file that dwz made: by its note, or with DWARF 5 out of .debug_sup."""
    number = build_id(path)
    if number:
        return number
    content = path.read_bytes()
    at = content.index(b"\5\0\1\0")
    return content[at + 5:at + 5 + content[at + 4]].hex()


def shared(kit, make):
    subject = crash(make)
    gdb = [f"set debug-file-directory {make.folder('empty')}"]
    partly = [frame for frame in FRAMES if frame[0] != "deep"]
    for form, name in (([], "shared"), (["-5"], "shared, DWARF 5")):
        common = share(subject, make, *form, "-m", "common", "-M", "/nowhere/at/all")
        look(kit, f"{name}, missing", subject, partly, refused=[(subject.library, "refers to /nowhere/at/all with the build-id")])
        folder = make.folder("debug")
        put(by_id(folder, shared_id(common)), common)
        look(kit, f"{name}, by build-id", subject, FRAMES, ["--debug-dir", folder],
             gdb=[] if form else [f"set debug-file-directory {folder}"])
        do(tool("objcopy"), "--compress-debug-sections=zlib", common, by_id(folder, shared_id(common)))
        look(kit, f"{name}, packed", subject, FRAMES, ["--debug-dir", folder])
        common = share(subject, make, *form, "-m", "common", "-r")
        put(subject.folder / "common", common)
        look(kit, f"{name}, relative name", subject, FRAMES, gdb=[] if form else gdb)  # gdb 13 knows no .debug_sup
        (subject.folder / "common").unlink()
        common = share(subject, make, *form, "-m", "common", "-M", f"{HERE}/.dwz/test/common")
        put(folder / ".dwz/test/common", common)
        look(kit, f"{name}, below the usual folder", subject, FRAMES, ["--debug-dir", folder])
        alien = make.folder("alien")
        put(alien / ".dwz/test/common", subject.full)
        look(kit, f"{name}, wrong", subject, partly, ["--debug-dir", alien],
             refused=[(alien / ".dwz/test/common",
                       f"its build-id is {build_id(subject.full)}, the one wanted is {shared_id(common)}"),
                      (subject.library, "was not found")])


def wrong(kit, make):
    """Files of other builds in all the places where the right one could be; it comes last."""
    subject = crash(make)
    number = build_id(subject.full)
    other = compile_library(make.folder("other") / "other.so", SOURCE.replace("x * 2", "x * 3"))
    alien = f"its build-id is {build_id(other)}, the one wanted is {number}"
    linked = subject.folder / "libcrash.dbg"
    libraries, debug, second = make.folder("libraries"), make.folder("debug"), make.folder("second")
    put(linked, other)
    put(subject.library, other)
    put(libraries / NAME, other)
    put(libraries / str(subject.folder)[1:] / NAME, other)
    put(by_id(debug, number), other)
    put(by_id(second, number), subject.debug)
    put(second / "right", subject.stripped)
    refused = [(libraries / NAME, alien), (libraries / str(subject.folder)[1:] / NAME, alien), (subject.library, alien),
               (by_id(debug, number), f"as debug information of {subject.library}: {alien}")]
    look(kit, "wrong files everywhere", subject, FRAMES, ["--lib-path", libraries, "--lib-path", second, "--debug-dir", debug,
                                                          "--debug-dir", second], refused=refused)
    look(kit, "wrong files only", subject, DYNAMIC, ["--lib-path", libraries, "--debug-dir", debug], refused=refused)
    (libraries / str(subject.folder)[1:] / NAME).unlink()
    put(libraries / NAME, subject.debug)
    (libraries / "cut").write_bytes(subject.full.read_bytes()[:5000])
    look(kit, "debug information for a library", subject, FRAMES, ["--lib-path", libraries],
         refused=[(subject.library, alien), (libraries / "cut", "is cut off")])
    for name, content in (("a text", b"text\n"), ("nothing", b""), ("zeros", bytes(5000)), ("ELF magic", b"\x7fELF" + b"\xff" * 60)):
        by_id(debug, number).write_bytes(content)
        look(kit, f"debug file is {name}", subject, DYNAMIC, ["--debug-dir", debug],
             refused=[(by_id(debug, number), "is no ELF file"), (subject.library, alien)])
    by_id(debug, number).unlink()
    os.mkfifo(by_id(debug, number))
    look(kit, "debug file is a FIFO", subject, DYNAMIC, ["--debug-dir", debug], refused=[(subject.library, alien)])


def damaged_files(content, number, rounds):
    """Copies that are cut off or changed but for the build-id."""
    random.seed(5)
    parts, (table, table_size) = sections(content)
    kept = range(content.index(bytes.fromhex(number)) - 16, content.index(bytes.fromhex(number)) + len(number) // 2)
    for i in range(rounds):
        copy, kind = bytearray(content), ("cut", "bits", "bytes", "headers", "garbage")[i % 5]
        if kind == "cut":
            copy = copy[:random.randrange(len(copy))]
        spots = []
        if kind in ("bits", "bytes"):
            for start, size in random.choices(parts, k=random.choice((1, 3, 30))):
                spots.append(start + random.randrange(size))
        elif kind == "headers":
            spots = [table + random.randrange(table_size) for _ in range(random.choice((1, 3)))]
        elif kind == "garbage":
            start, size = random.choice(parts)
            spots = range(start, start + size)
        for at in spots:
            if at not in kept:
                copy[at] = copy[at] ^ 1 << random.randrange(8) if kind == "bits" else random.randrange(256)
        yield kind, bytes(copy)


def damaged(kit, make):
    """What is wrong with one module's debug information costs that module's names and lines and nothing else."""
    subject = crash(make)
    number, folder = build_id(subject.full), make.folder("debug")
    put(subject.library, subject.stripped)
    path = by_id(folder, number)
    arguments = ["dump", "--native=all", "--debug-dir", folder, subject.core]
    put(path, subject.debug)
    right = others(kit.expect_json("undamaged debug file", arguments, COMPLETE))
    faults = []
    packed_file = subject.folder / "packed"
    do(tool("objcopy"), "--compress-debug-sections=zlib", subject.debug, packed_file)
    for source, rounds in ((subject.debug, 60), (packed_file, 20)):
        for i, (kind, content) in enumerate(damaged_files(source.read_bytes(), number, rounds)):
            path.write_bytes(content)
            document = kit.expect_json(f"damaged debug file {i}, {kind}", arguments, COMPLETE)
            if not document or others(document) != right:
                faults.append(f"{source.name} {i}, {kind}: other modules' frames are different")
            if document and kind == "cut" and not any("is cut off" in why or "is no ELF file" in why for _, why in notes(document)):
                faults.append(f"{source.name} {i}: is cut off, and nothing is said")
    kit.check("damaged debug files", faults)


def tree(kit, make, core):
    """A copy of the files that a core names."""
    root = make.folder("root")
    document = kit.expect_json("files of the core", ["info", core], COMPLETE)
    for path in map(pathlib.Path, {module["path"] for module in document["modules"] if module["path"].startswith("/")}):
        if path.is_file():
            put(root / str(path)[1:], path)
            for link in path.parent.iterdir():  # the names that gdb goes by
                if link.is_symlink() and os.path.realpath(link) == str(path):
                    (root / str(link)[1:]).symlink_to(path.name)
    for name in ("lib", "lib64"):
        (root / name).symlink_to("usr/lib")
    loader = next(root.glob("usr/lib/*/ld-linux*.so.2"), None)
    if loader:
        (root / "usr/lib" / loader.name).symlink_to(loader.relative_to(root / "usr/lib"))
    return root


def link_up(root):
    """Puts links into the tree that are right in it only."""
    libraries = pathlib.Path("usr/lib/x86_64-linux-gnu")
    if not (root / libraries).is_dir():
        raise Skip(f"this machine's libraries are not in /{libraries}")
    (root / "elsewhere").mkdir()
    (root / libraries).rename(root / "elsewhere/libraries")
    (root / libraries).symlink_to("/elsewhere/libraries")
    (root / "elsewhere/bin").symlink_to("../../../../../../usr/real-bin")
    (root / "usr/bin").rename(root / "usr/real-bin")
    (root / "usr/bin").symlink_to("/elsewhere/bin")


def sysroot(kit, make):
    found = system_python()
    subject = crash(make, found=found)
    script = str(subject.script)
    root, empty = tree(kit, make, subject.core), make.folder("empty")
    put(root / script[1:], script)
    os.utime(root / script[1:], (1_000_000_000, 1_000_000_000))
    names = frames_beside(kit, "without a root", subject)
    subject.library.unlink()
    os.unlink(script)
    look(kit, "below a root", subject, FRAMES, ["--sysroot", root], gdb=[f"set sysroot {root}"])
    link_up(root)
    below = look(kit, "below a root of links", subject, FRAMES, ["--sysroot", root])
    kit.check_that("below a root of links: all frames", others(below) == names, f"{others(below)} and not {names}")
    kit.expect("below a root: sources", ["dump", "--sysroot", root, subject.core], COMPLETE, out="    lib.outer(7)")
    document = kit.expect_json("files below a root", ["info", "--sysroot", root, subject.core], COMPLETE)
    files = [module["file"] for module in document["modules"] if module["file"]]
    kit.check_that("files below a root: all", files and all(path.startswith(f"{root}/") for path in files), f"{files}")
    document = kit.expect_json("files below an empty root", ["info", "--sysroot", empty, subject.core], COMPLETE)
    kit.check_that("files below an empty root: none", not any(module["file"] for module in document["modules"]), "some")
    (root / str(subject.library)[1:]).unlink()
    (root / str(subject.library)[1:]).symlink_to(subject.full)  # leads out of the tree, where there is such a file
    look(kit, "a link that leads out", subject, DYNAMIC, ["--sysroot", root])
    put(root / str(subject.full)[1:], subject.full)
    look(kit, "a link that leads to the same place inside", subject, FRAMES, ["--sysroot", root])
    debug = put(root / f"usr/lib/debug{subject.folder}/{NAME}.debug", subject.debug)
    put(root / str(subject.full)[1:], subject.stripped)
    look(kit, "debug file below a root", subject, FRAMES, ["--sysroot", root])
    debug.unlink()


def frames_beside(kit, name, subject):
    return others(kit.expect_json(name, ["dump", "--native=all", subject.core], COMPLETE))


def replaced(kit, make):
    """The library that was mapped is gone, or another one is in its place."""
    subject = crash(make)
    other = compile_library(make.folder("other") / "other.so", SOURCE.replace("x * 2", "x * 3"))
    put(subject.library, other)
    look(kit, "replaced library", subject, DYNAMIC, refused=[(subject.library, f"its build-id is {build_id(other)}")])
    gone = crash(make, before="import os\nopen('/proc/self/coredump_filter', 'w').write('0x7f')\nos.unlink(sys.argv[1])")
    look(kit, "deleted library, whole memory saved", gone, DYNAMIC)
    libraries = make.folder("libraries")
    put(libraries / "kept", gone.full)
    look(kit, "deleted library, kept elsewhere", gone, FRAMES, ["--lib-path", libraries])


def deleted(kit, make):
    """The library of a live process, by someone who may not open what the process has mapped: its memory shows some names."""
    if os.getuid():
        raise Skip("only root can be somebody else")
    folder, libraries = make.folder("nobody"), make.folder("libraries")
    library = compile_library(folder / NAME, SOURCE.replace("stdlib", "unistd").replace("abort()", "pause()"))
    put(libraries / "kept", library)
    script = put(folder / "script.py", make.script(WAITING))
    for path in (folder, libraries):
        path.chmod(0o755)
        os.chown(path, NOBODY, NOBODY)
    if not all(path.stat().st_mode & 1 for path in [*kit.pycore.parents, *folder.parents]):
        raise Skip("other users can't get at the folders of this test")
    with subprocess.Popen([system_python().path, "-I", script, library], cwd=folder, stdout=subprocess.PIPE, user=NOBODY, group=NOBODY,
                          extra_groups=[]) as process:
        try:
            process.stdout.readline()
            wait_asleep(process.pid)
            for name, options, wanted in (("gone", [], DYNAMIC), ("gone, kept elsewhere", ["--lib-path", libraries], FRAMES)):
                for user in (NOBODY, 0):
                    document = kit.expect_json(f"library that is {name}, as {user}", ["dump", "--native=all", *options, "--pid",
                                               process.pid], COMPLETE, user=user, group=user)
                    found = [frame for frame in of_library(document) if frame[0]]
                    kit.check_that(f"library that is {name}, as {user}: frames", found == (wanted if user else FRAMES), f"{found}")
        finally:
            process.kill()


def options(kit, make):
    core, folder = make.core_without_python(), make.folder()
    for option in ("--sysroot", "--lib-path", "--debug-dir"):
        for name, word in (("missing", "No such file"), (core, "Not a directory")):
            kit.expect(f"{option} is {name}", ["dump", option, name, core], NOTHING, err=[option, word], cwd=folder)
        kit.expect(f"{option} without a folder", ["dump", core, option], USAGE, err=option, json_too=False)
        kit.expect(f"{option}, live", ["info", option, folder, "--pid", os.getpid()], (COMPLETE, NOTHING, PARTIAL))
    many = [word for _ in range(65) for word in ("--lib-path", folder)]
    kit.expect("65 folders", ["dump", *many, core], USAGE, err="more than 64", json_too=False)
    kit.expect("64 folders", ["dump", *many[2:], core], NOTHING)
    for seconds in ("0", "-1", "x", "", "1.5", "86401", "99999999999"):
        kit.expect(f"--debuginfod={seconds}", ["dump", f"--debuginfod={seconds}", core], USAGE, err="seconds", json_too=False)


CASES = [split, checksum, packed, shared, wrong, damaged, sysroot, replaced, deleted, options]
