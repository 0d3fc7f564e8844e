"""Source lines: only of files that are what ran, and that the process could have read itself; from where else they come, and
what is underlined in them."""
import contextlib
import os
import shutil
import subprocess
import time
import zipfile

from kit import COLOUR, COMPLETE, Skip, clean_environment, of_python
from subjects import CRASH, HANG, NESTED, PATIENCE, all_pythons, environment, system_python, wait_asleep

import target

NOBODY, GROUP, LONG_AGO = 65534, 54321, 1_000_000_000
SHOWN = "THE LINE"


def replaced(kit, make):
    """By another file of the same size with an old time, as cp -p, rsync -a, tar and packages put it there."""
    def replace(script):
        time.sleep(0.05)
        other = script.with_suffix(".new")
        other.write_text(script.read_text().replace("middle()", "muddle()"))
        os.utime(other, (LONG_AGO, LONG_AGO))
        other.replace(script)

    script = make.script(NESTED.format(end=HANG))
    with make.hanging([system_python().path, "-s", script]) as process:
        kit.expect("source that ran, live", ["dump", "--pid", process.pid], COMPLETE, out="    middle()")
        replace(script)
        kit.expect("source replaced, live", ["dump", "--pid", process.pid], COMPLETE, out="in middle", absent=["muddle()", "    middle()"])
    script = make.script(NESTED.format(end=CRASH))
    core = make.crash([system_python().path, "-s", script])
    kit.expect("source that ran, core", ["dump", core], COMPLETE, out="    middle()")
    replace(script)
    kit.expect("source replaced, core", ["dump", core], COMPLETE, out="in middle", absent=["muddle()", "    middle()"])


# owner, group and mode of a file that a process of NOBODY with the further group GROUP names, and whether it may read it
FILES = [(0, 0, 0o600, False), (0, 0, 0o640, False), (0, 0, 0o644, True), (0, GROUP, 0o640, True), (0, GROUP, 0o604, False),
         (NOBODY, 0, 0o600, True), (NOBODY, 0, 0o044, False), (0, NOBODY, 0o640, True)]


@contextlib.contextmanager
def process_of_nobody(make, path, end, groups):
    folder = make.folder("nobody")
    os.chown(folder, NOBODY, NOBODY)
    code = f"exec(compile({chr(10) + 'import os, sys, time; ' + end!r}, {str(path)!r}, 'exec'))"
    with subprocess.Popen([system_python().path, "-I", "-c", code], cwd=folder, env=environment(folder), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, user=NOBODY, group=NOBODY, extra_groups=groups) as process:
        try:
            yield process, folder
        finally:
            process.kill()


def secret(make):
    if os.getuid():
        raise Skip("only root can give files away")
    path = make.folder("secret") / "file"
    path.write_text(f"first\n{SHOWN}\n")
    return path


def of_others_live(kit, make):
    path = secret(make)
    for uid, gid, mode, readable in FILES:
        os.chown(path, uid, gid)
        os.chmod(path, mode)
        with process_of_nobody(make, path, HANG, [GROUP]) as (process, _):
            process.stdout.readline()
            wait_asleep(process.pid)
            expect_line(kit, f"file of {uid}:{gid}, {mode:o}, live", ["--pid", process.pid], readable)


def of_others_core(kit, make):
    """A core knows no further groups. A core that is not its user's shows what anybody may read."""
    why = target.cores_land_here()
    if why:
        raise Skip(why)
    path = secret(make)
    for uid, gid, mode, readable in FILES:
        os.chown(path, uid, gid)
        os.chmod(path, mode)
        with process_of_nobody(make, path, CRASH, [GROUP]) as (process, folder):
            process.communicate(timeout=PATIENCE)
        core, = folder.glob("core*")
        expect_line(kit, f"file of {uid}:{gid}, {mode:o}, core", [core], bool(mode & 4) if gid == GROUP else readable)
        os.chown(core, 0, 0)
        expect_line(kit, f"file of {uid}:{gid}, {mode:o}, core of root", [core], bool(mode & 4))


def expect_line(kit, name, arguments, shown):
    kit.expect(name, ["dump", *arguments], COMPLETE, **{"out" if shown else "absent": [SHOWN]})


PACKAGE = """
import os, sys, time
def inner():
    {end}
def outer(prepare):
    prepare()
    return [inner()]
"""
# the folder or archive of the package comes as the argument; {prepare} runs in the middle of it
USE_PACKAGE = """
import linecache, os, sys, time
sys.path.insert(0, sys.argv[1])
from pkg import mod
path = mod.__file__.replace('.pyc', '.py')
def prepare():
    {prepare}
mod.outer(prepare)
"""
SHOWN_IN_PACKAGE = "    return [inner()]"


def package(make, end, name="pkg-\u00fc"):
    """A folder, and the module in it."""
    folder = make.folder(name)
    (folder / "pkg").mkdir()
    (folder / "pkg/__init__.py").write_text("")
    (folder / "pkg/mod.py").write_text(PACKAGE.format(end=end))
    return folder, folder / "pkg/mod.py"


def each(kit, make, what, prepare, place=lambda folder: folder, pythons=all_pythons):
    """Both kinds of targets of every Python: (name, arguments, module)."""
    script = make.script(USE_PACKAGE.format(prepare=prepare))
    for found in pythons():
        folder, module = package(make, HANG)
        with make.hanging([found.path, "-s", script, place(folder)]) as process:
            yield f"{what}, {found.name}, live", ["--pid", process.pid], module
        folder, module = package(make, CRASH)
        try:
            core = make.crash([found.path, "-s", script, place(folder)])
        except Skip as why:
            kit.say("skipped", f"{what}, core", str(why))
            continue
        yield f"{what}, {found.name}, core", [core], module


def cached(kit, make):
    """What linecache has read stays, whatever becomes of the file."""
    for name, arguments, _ in each(kit, make, "file gone", "linecache.getlines(path); os.remove(path)"):
        kit.expect(name, ["dump", *arguments], COMPLETE, out=SHOWN_IN_PACKAGE)
        kit.expect(f"{name}, none wanted", ["dump", "--no-source", *arguments], COMPLETE, out="in outer", absent=["inner()"])
        kit.expect(f"{name}, redacted", ["dump", "--redact", *arguments], COMPLETE, out="in outer", absent=["inner()"])
    for name, arguments, module in each(kit, make, "file changed", "linecache.getlines(path)", pythons=lambda: [system_python()]):
        time.sleep(0.05)
        module.write_text(PACKAGE.replace("[inner()]", "muddle()"))
        kit.expect(name, ["dump", *arguments], COMPLETE, out=SHOWN_IN_PACKAGE, absent=["muddle"])
    for name, arguments, _ in each(kit, make, "file never read", "os.remove(path)", pythons=lambda: [system_python()]):
        kit.expect(name, ["dump", *arguments], COMPLETE, out="in outer", absent=["inner()"])
    # it can be read too late
    late = "open(path, 'w').write('muddle()\\n' * 20); linecache.getlines(path); os.remove(path)"
    script = make.script(USE_PACKAGE.format(prepare=late))
    with make.hanging([system_python().path, "-s", script, package(make, HANG)[0]]) as process:
        kit.expect("changed, then read", ["dump", "--pid", process.pid], COMPLETE, out="in outer", absent=["muddle", SHOWN_IN_PACKAGE])


def code_without_file(kit, make):
    """A shell, or attrs, puts the lines of what it makes into linecache."""
    text = "\n".join(["import linecache, os, sys, time", "text = 'def made(x):\\n    {end}\\n'",
                      "linecache.cache['<made 1>'] = (len(text), None, text.splitlines(True), '<made 1>')",
                      "linecache.cache['<made 2>'] = (lambda: text,)",
                      "linecache.cache[4711] = linecache.cache['<made 3>'] = None",
                      "linecache.cache['<made 4>'] = (1, None, 5, 'x')",
                      "exec(compile(text, '<made 1>', 'exec'))", "made(1)"]).format(end=HANG.replace("\\n", "\\\\n").replace("'", "\\'"))
    for found in all_pythons():
        with make.hanging_python(found, text) as process:
            kit.expect(f"code without a file, {found.name}", ["dump", "--pid", process.pid], COMPLETE, out="    sys.stdout.write('ready")


def archive_of(folder, name, method):
    """The package and a program, in one file; its path."""
    path = folder / name
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(folder.glob("pkg/*")):
            archive.write(file, file.relative_to(folder))
        archive.writestr("__main__.py", "import pkg.mod\ndef main():\n    pkg.mod.outer(lambda: 1)\nmain()\n")
    return path


def zipped(kit, make):
    """Modules that were imported from an archive, and an archive that is the program."""
    def place(folder):
        path = archive_of(folder, "lib.zip", zipfile.ZIP_DEFLATED if len(str(folder)) % 2 else zipfile.ZIP_STORED)
        shutil.rmtree(folder / "pkg")
        return path
    for name, arguments, module in each(kit, make, "imported from a zip", "pass", place):
        kit.expect(name, ["dump", *arguments], COMPLETE, out=SHOWN_IN_PACKAGE)
        os.utime(module.parents[1] / "lib.zip")
        kit.expect(f"{name}, changed", ["dump", *arguments], COMPLETE, out="in outer", absent=["inner()"])
    for found in all_pythons():
        folder, _ = package(make, HANG)
        program = folder / "program.pyz"
        program.write_bytes(b"#!/usr/bin/env python\n" + archive_of(folder, "x", zipfile.ZIP_DEFLATED).read_bytes())
        with make.hanging([found.path, "-s", program]) as process:
            kit.expect(f"program in a zip, {found.name}", ["dump", "--pid", process.pid], COMPLETE,
                       out=[SHOWN_IN_PACKAGE, "    pkg.mod.outer(lambda: 1)"])


def mapped(kit, make):
    """--source-map: other folders than the process had, and younger files."""
    note = "come from where --source-map says"
    for name, arguments, module in each(kit, make, "mapped", "pass", pythons=lambda: [system_python()]):
        old, new = module.parents[1], make.folder("checkout")
        shutil.copytree(old / "pkg", new / "pkg")
        shutil.rmtree(old)
        kit.expect(f"{name}, not yet", ["dump", *arguments], COMPLETE, absent=["inner()", note])
        for source in f"{old}={new}", f"{old}/={new}/", f"{old}/pkg={new}/pkg", f"{module}={new}/pkg/mod.py", f"/={new}/../{new.name}/../":
            kit.expect(f"{name}, {source}", ["dump", "--source-map", source, *arguments], COMPLETE,
                       **({"absent": [SHOWN_IN_PACKAGE, note]} if source.startswith("/=") else {"out": [SHOWN_IN_PACKAGE, note]}))
        kit.expect(f"{name}, the longest", ["dump", f"--source-map={old}/pkg={new}/pkg", f"--source-map={old}=/nowhere", *arguments],
                   COMPLETE, out=SHOWN_IN_PACKAGE)
        document = kit.expect_json(f"{name}, document", ["dump", f"--source-map={old}={new}", *arguments], COMPLETE)
        sources = [frame["source"] for thread in document["threads"] for frame in of_python(thread)]
        kit.check_that(f"{name}, document's lines", SHOWN_IN_PACKAGE.strip() in sources, f"they are {sources}")
        (new / "pkg/mod.py").write_text("# one more line\n" + (new / "pkg/mod.py").read_text())
        kit.expect(f"{name}, another version", ["dump", f"--source-map={old}={new}", *arguments], COMPLETE,
                   out=["is not the file that ran", "does not begin"], absent=["    return", "    {CRASH}", note])


UNDERLINED = """
import linecache, sys, time, traceback
class Any:
    def step(self, *arguments, **more):
        return enter()
    __getattr__ = __setitem__ = __getitem__ = __add__ = __mul__ = __pow__ = __lt__ = __neg__ = __call__ = __iter__ = __bool__ = step
    __enter__ = __exit__ = step
any = Any()
def enter():
    steps.pop()()
def frame_of(frame):
    code = frame.f_code
    line, end_line, column, end_column = list(code.co_positions())[frame.f_lasti // 2]
    return traceback.FrameSummary(code.co_filename, line, code.co_name, end_lineno=end_line, colno=column, end_colno=end_column)
def last():
    frames, frame = [], sys._getframe()
    while frame:
        frames.insert(0, frame_of(frame))
        frame = frame.f_back
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        for colour in ({{}}, {{"colorize": True}})[:1 + (sys.version_info >= (3, 13))]:
            file.write("".join(traceback.StackSummary.from_list(frames).format(**colour)) + "END")
    {end}
{steps}
steps = [{names}]
steps.insert(0, last)
enter()
"""
STEPS = ["any(1)", "x = any(1)", "return any(1)", "return any(1) or 2", "x = y = any(1, 2)  # what", "any.name", "x = any.name", "x = 1, any.name",
         "x = any + 1", "x = 1 + (any + 1)", "any * 1 + 2", "x = 3 + any ** 2", "any[1]", "x = any[1][2]", "x = [1, any[2:3]]", "x = any < 1 < 2",
         "with any as x: pass", "for x in any: pass", "if any: pass", "if 1 and any[2]: pass", "x = -any", "x = {1: any(2)}", "x = [y for y in any]",
         "print(any(1), sep='')", "x = f'{any[1]}'", "x = '\u4e2d\u6587', any(1)", "x = '\u4e2d\u6587' + any(1)", "x = ('\u4e2d\u6587', any['\u4e2d'])",
         "x = lambda: any(1); x()", "assert any(1), 2", "any[1] = 2", "x = 1 if any(1) else 2", "x = max([3, 4], key=any)", "any(\n        1)",
         "x = [1, any(\n        1)]", "return any(1); 2", "x\t=\t1,\tany[1]"]


def stack_shown(text):
    """The frames of a report, without what only pycore or only Python says in their heads."""
    rows = text.replace("\t", " ").splitlines()  # in the line, pycore shows a tab as a blank
    return [row if not row.lstrip("\x1b[0135;m ").startswith("File ") else "FRAME" for row in rows if row.startswith("    ") or "  File " in row]


def carets(kit, make):
    """As each Python's own traceback module underlines."""
    for found in all_pythons():
        if found.version < (3, 11):
            continue
        newest = found.version >= (3, 13)
        steps = [step for step in STEPS if ("\n" not in step or not newest) and (step.isascii() or found.name != "system")]
        text = UNDERLINED.format(end=HANG, names=", ".join(f"f{i}" for i in range(len(steps))),
                                 steps="\n".join(f"def f{i}():\n    {step}" for i, step in enumerate(steps)))
        folder = make.folder("carets")
        script = make.script(text)
        with make.hanging([found.path, "-s", script, folder / "truth"]) as process:
            plain = kit.expect(f"underlined, {found.name}", ["dump", "--pid", process.pid], COMPLETE)
            coloured = kit.expect(f"underlined, coloured, {found.name}", ["dump", "--color=always", "--pid", process.pid], COMPLETE, json_too=False)
        truths = (folder / "truth").read_text(encoding="utf-8").split("END")[:-1]
        for name, truth, ran in zip(("underlined", "underlined in colour"), truths, (plain, coloured)):
            wanted, shown = stack_shown(truth), stack_shown(ran.out)
            wanted = wanted[:len(wanted) - wanted[::-1].index("FRAME") - 1]  # without last(), which has gone on
            faults = [f"{a!r} is not {b!r}" for i, (a, b) in enumerate(zip(shown, wanted)) if a != b
                      # there Python colours by characters, not by columns
                      and not ("colour" in name and not "".join(wanted[max(i - 1, 0):i + 1]).isascii())]
            kit.check(f"as Python says, {name}, {found.name}", faults + ["too short"] * (len(wanted) < 2 * len(steps)))


CASES = [replaced, of_others_live, of_others_core, cached, code_without_file, zipped, mapped, carets]
