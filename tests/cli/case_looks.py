"""The text report: colours, groups, recursions, and names that want to be more than names."""
import os
import pty
import re
import select
import subprocess

from kit import COMPLETE, clean_environment, functions
from subjects import NESTED, python, system_python


def on_terminal(command, env):
    """What a program prints to a terminal."""
    main, other = pty.openpty()
    with subprocess.Popen(list(map(str, command)), stdin=other, stdout=other, stderr=other, env=env, start_new_session=True) as process:
        os.close(other)
        text = b""
        while select.select([main], [], [], 10)[0]:
            try:
                chunk = os.read(main, 65536)
            except OSError:
                break
            if not chunk:
                break
            text += chunk
        process.kill()
    os.close(main)
    return text.decode()


COLOURS = [  # environment, options, coloured on a terminal, coloured in a pipe
    ({}, [], True, False), ({"NO_COLOR": "1"}, [], False, False), ({"NO_COLOR": ""}, [], True, False),
    ({"CLICOLOR": "0"}, [], False, False), ({"CLICOLOR": "1"}, [], True, False), ({"CLICOLOR_FORCE": "1"}, [], True, True),
    ({"CLICOLOR_FORCE": "0"}, [], True, False), ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, [], False, False),
    ({"CLICOLOR_FORCE": "1", "CLICOLOR": "0"}, [], True, True), ({}, ["--color=always"], True, True), ({}, ["--color=never"], False, False),
    ({}, ["--color=auto"], True, False), ({"NO_COLOR": "1"}, ["--color=always"], True, True),
    ({"CLICOLOR_FORCE": "1"}, ["--color=never"], False, False), ({"CLICOLOR_FORCE": "1"}, ["--json"], False, False),
]


def colours(kit, make):
    core = make.core(python((3, 11)))
    for settings, options, terminal, pipe in COLOURS:
        command, env = [kit.pycore, "dump", *options, core], clean_environment(**settings)
        piped = subprocess.run(command, capture_output=True, env=env, timeout=10).stdout.decode()
        for where, text, wanted in (("terminal", on_terminal(command, env), terminal), ("pipe", piped, pipe)):
            kit.check_that(f"colours: {settings} {options} {where}", ("\x1b[" in text) == wanted and "inner" in text,
                           f"{'no ' if wanted else ''}escapes")
    plain = re.sub("\x1b\\[[0-9;]*m", "", on_terminal([kit.pycore, "dump", core], clean_environment())).replace("\r\n", "\n")
    piped = subprocess.run([kit.pycore, "dump", core], capture_output=True, timeout=10).stdout.decode()
    kit.check_that("colours: the words are the same", plain == piped, "they are not")


POOL = """
import concurrent.futures, threading
lock = threading.Lock()
lock.acquire()
def work():
    lock.acquire()
pool = concurrent.futures.ThreadPoolExecutor(8)
for _ in range(8):
    pool.submit(work)
""" + NESTED.format(end="time.sleep(0.2); os.abort()")


def groups(kit, make):
    core = make.core(system_python(), POOL)
    ran = kit.expect("thread pool", ["dump", core], COMPLETE, out="8 threads with the same stack:")
    kit.check_that("thread pool: once", ran.out.count("in work") == 1, f"{ran.out.count('in work')} times")
    tids = re.findall(r"\d+", ran.out.partition("8 threads with the same stack:")[2].partition(", most recent")[0].partition("(")[0])
    document = kit.expect_json("thread pool, all", ["dump", core], COMPLETE)
    workers = [str(thread["tid"]) for thread, names in zip(document["threads"], functions(document)) if "work" in names]
    kit.check_that("thread pool: tids", sorted(tids) == sorted(workers) and len(workers) == 8, f"{tids}, not {workers}")
    ran = kit.expect("thread pool, --no-group", ["dump", "--no-group", core], COMPLETE, absent=["same stack"])
    kit.check_that("thread pool, --no-group: each", ran.out.count("in work") == 8, f"{ran.out.count('in work')} times")
    ran = kit.expect("thread pool, one thread", ["dump", f"--thread={workers[0]}", core], COMPLETE, absent=["same stack"])


RECURSION = """
import os
def down(n):
    if not n:
        os.abort()
    down(n - 1)
def even(n):
    return odd(n - 1)
def odd(n):
    return even(n - 1) if n > 0 else down({down})
def thrice():
    even({even})
thrice()
"""
SHOWN = 3


def recursion(kit, make):
    for version in ((2, 7), (3, 10), (3, 12)):
        for down, even in ((300, 200), (2, 4), (3, 3), (4, 3), (2, 8)):
            core = make.core(python(version), RECURSION.format(down=down, even=even))
            ran = kit.expect(f"recursion {down}, {even} in {version}", ["dump", "--native=none", core], COMPLETE)
            document = kit.expect_json(f"recursion {down}, {even} in {version}, all", ["dump", core], COMPLETE)
            names = functions(document)[0]
            kit.check_that(f"recursion {down}, {even} in {version}: every frame in JSON", names.count("down") == down + 1,
                           f"{names.count('down')} of down")
            shown = re.findall("(?:^  File .*, in (down|even|odd)$|repeated ([0-9]+) more|Previous ([0-9]+) frames repeated ([0-9]+) more)",
                               ran.out, re.MULTILINE)
            told = sum(bool(row[0]) + int(row[1] or 0) + int(row[2] or 0) * int(row[3] or 0) for row in shown)
            total = sum(name in ("down", "even", "odd") for name in names)
            kit.check_that(f"recursion {down}, {even} in {version}: the counts add up", told == total, f"{told} of {total} frames")
            kit.check_that(f"recursion {down}, {even} in {version}: collapsed", (" more time" in ran.out) == (down > SHOWN or even > 2 * SHOWN), ran.out[-600:])
    core = make.core(python((3, 12)), RECURSION.format(down=300, even=200))
    kit.expect("recursion in words", ["dump", core], out=["[Previous frame repeated 297 more times]", "[Previous 2 frames repeated "])


NAMES = ["\\x1b]0;owned\\x07", "two\\nlines", "a\\rb", "\\u202egpj.exe", "\\x9b31m", "\\u200bzero", "\\x7f", "nul\\0nul",
         "\\ud800lone", "\\U000e0041tag", "x" * 100, "", "\\u2028", "\\\\x41", "\\ufeff", "caf\\xe9 \\u4e2d\\u6587 \\U0001f40d"]
HOSTILE = """
import sys, os, ctypes, threading
names = [%s]
def call(rest):
    if not rest:
        ctypes.CDLL(None).prctl(15, b"\\x1b[31m\\n\\xff", 0, 0, 0)
        os.abort()
    scope = {"call": call, "rest": rest[1:]}
    code = compile("call(rest)", "/" + rest[0].replace("\\0", "") + ".py", "exec").replace(co_name=rest[0], **more(rest[0]))
    exec(code, scope)
def more(name):
    return {"co_qualname": name} if sys.version_info > (3, 11) else {}
call(names)
""" % ", ".join(f'"{name}"' for name in NAMES)


def hostile_names(kit, make):
    """The rule on every output does the work: nothing of this may come out raw."""
    for version in ((3, 9), (3, 11), (3, 13)):
        core = make.once(f"hostile {version}", lambda version=version: make.crash(
            [python(version).path, "-s", make.script(HOSTILE), "\x1b[2Jargument", "two\nlines", "\u202eright", b"\xff\x80"],
            env={"LC_ALL": "C.UTF-8"}))
        ran = kit.expect(f"hostile names in {version}", ["dump", core], COMPLETE,
                         out=["\\x1b]0;owned\\x07", "two\\nlines", "\\u202egpj.exe", "caf\xe9 \u4e2d\u6587 \U0001f40d", "\\ud800lone"])
        kit.check_that(f"hostile names in {version}: all of them", ran.out.count("\n  File ") == 2 * len(NAMES) + 2, ran.out[-300:])
        document = kit.expect_json(f"hostile names in {version}, JSON", ["dump", core], COMPLETE)
        wanted = [eval(f'"{name}"') for name in NAMES]
        found = [name for name in reversed(functions(document)[0]) if name not in ("call", "<module>")]
        kit.check_that(f"hostile names in {version}: as they were", found == wanted, f"{found!a}"[:300])
        kit.expect(f"hostile names in {version}: coloured", ["dump", "--color=always", core], COMPLETE, json_too=False)
        kit.expect(f"hostile names in {version}: info", ["info", core], COMPLETE)


CASES = [colours, groups, recursion, hostile_names]
