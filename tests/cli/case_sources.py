"""Source lines: only of files that are what ran, and that the process could have read itself."""
import contextlib
import os
import subprocess
import time

from kit import COMPLETE, Skip
from subjects import CRASH, HANG, NESTED, PATIENCE, environment, system_python, wait_asleep

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


CASES = [replaced, of_others_live, of_others_core]
