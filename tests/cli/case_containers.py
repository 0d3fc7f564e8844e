"""Cores of processes that saw another machine than this one: of containers, chroots and other images; and executables that the user
names by what was typed: a virtual environment's link, a script."""
import os
import pathlib
import shutil
import struct
import subprocess

from case_namespaces import OWN_MOUNTS, PID_NAMESPACE, need_namespaces, need_root, roots, setting_up, tree
from kit import COMPLETE, PARTIAL, USAGE, functions
from subjects import CRASH, NESTED, STACK, python, system_python, tool

NO_CORE_OF_PARENTS = "ulimit -S -c 0; exec "
WITH_CORE = "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)\n"
FAULT = WITH_CORE + NESTED.format(end="import ctypes; ctypes.string_at(0)")
BESIDE = "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"


def notes(document):
    return [f"{problem['where']}: {problem['why']}" for problem in document["problems"]]


def numbers(kit, make):
    """The ids in a core are those of the process's own pid namespace."""
    need_namespaces("--user", "--map-root-user", *PID_NAMESPACE)
    script = make.script(BESIDE + FAULT)
    run = " ".join(map(str, ["unshare --user --map-root-user", *PID_NAMESPACE, "{}", python((3, 11)).path, "-s", script]))
    for name, between, pid, tids in (("first", "", 1, {1, 2}), ("second", "sh -c '\"$@\"; true' x", 2, {2, 3})):
        core = make.crash(["sh", "-c", NO_CORE_OF_PARENTS + run.format(between)])
        document = kit.expect_json(f"core of a pid namespace's {name}", ["dump", core], COMPLETE)
        process, threads = document["process"], {thread["tid"]: thread["ns_tid"] for thread in document["threads"]}
        kit.check_that(f"core of a pid namespace's {name}: ids", process["pid"] == process["ns_pid"] == pid and
                       threads == {tid: tid for tid in tids}, f"{process['pid']}, {threads}")
        words = f"process {pid} (as its own pid namespace numbers it)" if pid == 1 else f"process {pid}, by signal"
        kit.expect(f"core of a pid namespace's {name}: text", ["dump", core], COMPLETE, out=words, json_too=False)


def chrooted(kit, make):
    """Without its files, and with them in a tree, and in a folder where they are found by build-id."""
    need_root()
    need_namespaces(*OWN_MOUNTS)
    names = []
    for name, usr, program in roots():
        names.append(name)
        top = tree(make, usr, FAULT)
        command = setting_up([["mount", "--rbind", usr, top / "usr"], ["cd", top / "srv"],
                              [tool("chroot"), top, "sh", "-c", f"cd /srv; exec {program} -s /srv/subject.py"]])
        if not (usr / "bin/sh").exists():
            command = setting_up([["mount", "--rbind", usr, top / "usr"], ["cd", top / "srv"],
                                  [system_python().path, "-c", f"import os; os.chroot({str(top)!r}); os.chdir('/srv');"
                                   f"os.execv({program!r}, [{program!r}, '-s', '/srv/subject.py'])"]])
        core = make.crash(command, folder=top / "srv")
        own = name == "this machine"
        where = [] if own else ["--sysroot", usr.parent]
        found = stacks(kit, f"core of a chroot, {name}", core, *where, status=COMPLETE)
        if not own:
            by_id = stacks(kit, f"core of a chroot, {name}, by build-id", core, "--lib-path", usr, status=COMPLETE)
            kit.check_that(f"core of a chroot, {name}: both ways", found == by_id, f"{found} and not {by_id}"[:500])
            alone = kit.expect_json(f"core of a chroot, {name}, without files", ["dump", core], (COMPLETE, PARTIAL))
            kit.check_that(f"core of a chroot, {name}, without files: stack", functions(alone) == [["string_at", *STACK]],
                           f"{functions(alone)}")
            if pathlib.Path("/usr/lib/x86_64-linux-gnu/libc.so.6").exists():
                kit.check_that(f"core of a chroot, {name}, without files: said", any("the one wanted is" in note for note in notes(alone)),
                               f"{notes(alone)}")
        kit.expect(f"core of a chroot, {name}: sources", ["dump", *where, "--source-map", f"/srv={top}/srv", core], COMPLETE,
                   out="    middle()\n", json_too=False)
    if names == ["this machine"]:
        kit.say("skipped", "cores of chroots of other systems", "none was fetched (fixtures/pythons)")


def stacks(kit, name, core, *options, status):
    document = kit.expect_json(name, ["dump", "--native=all", *options, core], status)
    kit.check_that(f"{name}: stack", functions(document) == [["string_at", *STACK]], f"{functions(document)}")
    return [[(frame["kind"], frame["function"]) for frame in thread["frames"]] for thread in document["threads"]]


def layers(kit, make):
    core, folder = make.core_without_python(), make.folder()
    kit.expect("--sysroot twice", ["dump", "--sysroot", folder, "--sysroot", folder, core], USAGE, err=["--sysroot", "overlay"], json_too=False)


def other_machine(path, copy):
    """A copy that says it is for aarch64."""
    content = bytearray(pathlib.Path(path).read_bytes())
    struct.pack_into("<H", content, 18, 183)
    copy.write_bytes(content)
    return copy


def environments(kit, make):
    """Python started by a link of a virtual environment, by a copy, by a script's first line, by its name alone."""
    for version in ((3, 8), (3, 13)):
        found, folder = python(version, managed=True), make.folder("venv")
        real = os.path.realpath(found.path)
        for kind in ("--symlinks", "--copies"):
            subprocess.run([found.path, "-m", "venv", "--without-pip", kind, folder / kind], check=True)
        text = NESTED.format(end=CRASH)
        shebang, env, plain = (folder / name for name in ("shebang", "env", "plain"))
        for path, first in ((shebang, f"#!{folder}/--symlinks/bin/python3\n"), (env, "#!/usr/bin/env python3\n"), (plain, "")):
            path.write_text(first + text)
            path.chmod(0o755)
        path = {"PATH": f"{folder}/--symlinks/bin:{os.environ['PATH']}"}
        for name, command, more, exe, prefix in (
                ("link", [folder / "--symlinks/bin/python", plain], {}, real, "--symlinks"),
                ("copy", [folder / "--copies/bin/python", plain], {}, str(folder / "--copies/bin/python"), "--copies"),
                ("script", [shebang], {}, real, "--symlinks"), ("script by env", [env], path, real, "--symlinks"),
                ("name", ["sh", "-c", f"exec python3 {plain}"], path, real, "--symlinks")):
            title, core = f"Python {found.name} by a {name}", make.crash(command, env=more)
            document = kit.expect_json(title, ["info", core], COMPLETE)
            python_facts = document["python_facts"][0]
            kit.check_that(f"{title}: program", os.path.realpath(document["process"]["executable"]["path"]) == exe,
                           f"{document['process']['executable']}")
            kit.check_that(f"{title}: environment", python_facts["prefix"] == str(folder / prefix), f"{python_facts['prefix']}")
            for word in (command[0], folder / "--symlinks/bin/python3", real) if name in ("link", "script") else ():
                named(kit, title, core, word, None if word != shebang else [f"{shebang}: is a script, run by {folder}/--symlinks/bin/python3",
                                                                           real])
        kit.expect(f"Python {found.name}, EXE and a sysroot", ["dump", "--sysroot", make.folder("empty"), core, folder / "--symlinks/bin/python3"],
                   COMPLETE, json_too=False)


def named(kit, title, core, exe, refused=None, status=COMPLETE):
    """EXE is taken, or the notes say these words and all else is as without."""
    document = kit.expect_json(f"{title}, EXE {pathlib.Path(exe).name}", ["dump", core, exe], status)
    own = [note for note in notes(document) if note.startswith(str(exe))]
    kit.check_that(f"{title}, EXE {pathlib.Path(exe).name}: notes", not own if refused is None else len(own) == 1 and
                   all(word in own[0] for word in refused), f"{own}")
    kit.check_that(f"{title}, EXE {pathlib.Path(exe).name}: stack", functions(document) == [STACK], f"{functions(document)}")


def wrong_programs(kit, make):
    found, folder = system_python(), make.folder("programs")
    real = pathlib.Path(os.path.realpath(found.path))
    script = make.script(NESTED.format(end=CRASH))
    plain = make.crash([real, "-s", script])
    (folder / "text").write_text("a text\n")
    (folder / "env").write_text("#! /usr/bin/env \x1b[31mpython3\n")
    (folder / "cut").write_bytes(real.read_bytes()[:100_000])
    (folder / "folder").mkdir()
    os.mkfifo(folder / "fifo")
    alien = other_machine(real, folder / "aarch64")
    another = os.path.realpath(python((3, 13), managed=True).path)
    refusals = [(folder / "text", ["is no ELF"]), (folder / "env", ["is a script, run by /usr/bin/env", str(real)]),
                (folder / "cut", ["is cut off"]), (folder / "folder", ["is a directory"]), (folder / "fifo", ["is a FIFO"]),
                (folder / "missing", ["No such file"]), (alien, ["for another processor"]), (another, ["the one wanted is"])]
    for exe, words in refusals:
        named(kit, "wrong program", plain, exe, words)
    kit.expect("wrong program: escaped", ["dump", plain, folder / "env"], COMPLETE, absent=["\x1b"], json_too=False)
    # without the first pages of files there is no build-id in the core: what is named is taken on trust, but not blindly
    bare = make.crash(["sh", "-c", f"echo 3 > /proc/self/coredump_filter; exec {real} -s {script}"])
    named(kit, "core without build-ids", bare, shutil.copy(real, folder / "copy"))
    for exe, words in ((alien, ["for another processor"]), (another, ["would be mapped otherwise"])):
        document = kit.expect_json(f"core without build-ids, EXE {exe}", ["dump", bare, exe])
        own = [note for note in notes(document) if note.startswith(str(exe))] if document else []
        kit.check_that(f"core without build-ids, EXE {exe}: refused", len(own) == 1 and words[0] in own[0], f"{own}")


CASES = [numbers, chrooted, layers, environments, wrong_programs]
