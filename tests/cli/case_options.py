"""Options, exit statuses, and where the output goes."""
import json
import os
import shutil
import signal
import subprocess

from kit import COMPLETE, NOTHING, PARTIAL, USAGE, brief, clean_environment, functions, run
from subjects import NESTED, STACK, library, python, system_python, tool

UNUSED = 4194303

# arguments, a word of the answer
WRONG = [
    ([], "command is missing"), (["nothing"], "no command 'nothing'"), (["\x1b[2J"], "no command"), (["--what"], "--what"),
    (["dump"], "missing"), (["dump", "a", "b", "c"], "too many"), (["dump", "--pid", "1", "core"], "no core file"),
    (["dump", ""], "name of the core file is empty"), (["info", "", "x"], "name of the core file is empty"),
    (["dump", "core", ""], "name of the executable is empty"),
    (["dump", "--what", "core"], "--what"), (["dump", "-x", "core"], "x"), (["dump", "--pid"], "pid"),
    (["dump", "--thread", "x", "core"], "--thread"), (["dump", "--thread=-1", "core"], "--thread"), (["dump", "-o"], "o"),
    (["dump", "--color=sometimes", "core"], "sometimes"), (["dump", "--color=\x1b[2J", "core"], "--color"),
    (["dump", "--native=some", "core"], "--native"),
    (["dump", "--tmp-limit=lots", "core"], "--tmp-limit"), (["dump", "--tmp-limit=-1", "core"], "--tmp-limit"),
    (["dump", "--tmp-limit=99999999999T", "core"], "--tmp-limit"), (["dump", "--tmp-limit=0", "core"], "--tmp-limit"),
    (["dump", "--json=x", "core"], "no argument"), (["dump", "--help=x"], "no argument"), (["dump", "--json", "-xh"], "'-x'"),
    (["dump", "--n"], "--n"), (["dump", "--\x1b[2J"], "no option"), (["info"], "missing"), (["info", "--thread", "1", "core"], "thread"), (["info", "--pid=0"], "--pid"), (["layout"], ""),
    (["layout", "--what"], "--what"),
    (["dump", "--locals=some", "core"], "--locals"), (["dump", "--locals=", "core"], "short or full"), (["dump", "--globals=x", "core"], "no argument"),
    (["dump", "--nonblocking", "core"], "--pid"), (["dump", "--max-string", "core"], "'core' is no number"), (["dump", "--max-string=x", "core"], "--max-string"), (["dump", "--max-string=", "core"], "--max-string"),
    (["dump", "--max-string=1000001", "core"], "1000000"), (["dump", "--max-items=-1", "core"], "--max-items"), (["dump", "--max-items=+1", "core"], "--max-items"),
    (["dump", "--max-items=1000001", "core"], "--max-items"), (["dump", "--max-depth=101", "core"], "0 to 100"), (["dump", "--max-depth= 1", "core"], "--max-depth"),
    (["dump", "--max-depth=1x", "core"], "--max-depth"), (["dump", "--max-items=99999999999999999999999", "core"], "--max-items"),
    (["dump", "--redact=x", "core"], "no argument"), (["dump", "--source-map", "x", "core"], "FROM=TO"), (["dump", "--source-map==x", "core"], "FROM=TO"),
    (["dump", "--source-map=x=", "core"], "FROM=TO"), (["dump", "--source-map"], "missing"),
    (["info", "--locals", "core"], "--locals"), (["print"], "missing"), (["print", "core"], "address"), (["print", "--pid", "1"], "address"),
    (["print", "core", "0x"], "'0x'"), (["print", "core", "0xzz"], "no address"), (["print", "core", "12x"], "no address"), (["print", "core", "exe"], "'exe' is no address"), (["print", "core", "/"], "an address is missing"),
    (["print", "core", "exe", "0x10", "exe"], "'exe' is no address"), (["print", "core", "0x10", "-1"], "-1"), (["print", "core", "0x0x10"], "no address"),
    (["print", "core", "0x11112222333344445"], "no address"), (["print", "core", "99999999999999999999"], "no address"), (["print", "core", "1 "], "no address"),
    (["print", "--pid", "1", "core", "0x10"], "'core' is no address"), (["print", "", "0x10"], "core file is empty"), (["print", "--locals", "core", "0x10"], "--locals"),
    (["print", "--thread=1", "core", "0x10"], "--thread"), (["print", "core", "\x1b[2J", "0x\x1b"], "no address"),
]


def usage(kit, make):
    for arguments, word in WRONG:
        ran = run([kit.pycore, *arguments])
        faults = [] if ran.status == USAGE else [f"status {ran.status}"]
        faults += [f"stderr lacks {word!a}: {brief(ran.err)}"] if word not in ran.err else []
        faults += [f"stderr holds an escape: {brief(ran.err)}"] if "\x1b" in ran.err else []
        faults += ["says something on stdout"] if ran.out else []
        faults += [f"no hint at --help: {brief(ran.err)}"] if "--help" not in ran.err else []
        kit.check(f"usage: pycore {' '.join(arguments)!a}", faults)


def helps(kit, make):
    for arguments in (["--help"], ["-h"], ["--version"], ["dump", "--help"], ["dump", "-h"], ["info", "--help"],
                      ["layout", "--help"], ["layout", "--list"], ["print", "--help"], ["print", "-h"], ["survey", "--help"]):
        ran = kit.expect(f"pycore {' '.join(arguments)}", arguments, COMPLETE, json_too=False)
        kit.check_that(f"pycore {' '.join(arguments)}: stderr", not ran.err, brief(ran.err))
        with open("/dev/full", "wb") as full:
            kit.expect(f"pycore {' '.join(arguments)} > /dev/full", arguments, NOTHING, json_too=False, stdout=full)


def emit(kit, make):
    folder = make.folder()
    (folder / "text").write_text("text")
    os.mkfifo(folder / "fifo")
    for name, word in [("text", "ELF"), ("missing", "No such file"), (".", "directory"), ("fifo", "FIFO"),
                       (shutil.which("true"), "stripped"), (kit.pycore, "")]:
        for option in ("--emit", "--emit-debug-offsets"):
            kit.expect(f"layout {option} {name}", ["layout", option, name], NOTHING, err=word, json_too=False, cwd=folder)
    plain = library(python((3, 12)))
    packed = folder / "packed.so"
    subprocess.run([tool("objcopy"), "--compress-debug-sections=zlib", plain, packed], check=True)
    tables = [kit.expect(f"layout --emit {path.name}", ["layout", "--emit", path], COMPLETE, json_too=False).out
              for path in (plain, packed)]
    kit.check_that("layout --emit, compressed sections", fields(tables[0]) == fields(tables[1]) != [], "the tables differ")


def fields(table):
    return [line for line in table.splitlines() if line.startswith("[FIELD_")]


def output_file(kit, make):
    core = make.core(python((3, 11)))
    folder = make.folder()
    command = ["dump", "--no-source", core]
    ran = kit.expect("to stdout", command, COMPLETE, out=STACK)
    for name, option in (("-o FILE", ["-o", "a"]), ("--output=FILE", ["--output=a"]), ("-oFILE", ["-oa"])):
        (folder / "a").write_text("x" * 1_000_000)
        to_file = kit.expect(name, [*command, *option], COMPLETE, json_too=False, cwd=folder)
        kit.check_that(f"{name}: stdout", not to_file.out, "is not empty")
        kit.check_that(f"{name}: content", (folder / "a").read_text() == ran.out, "differs from what comes on stdout")
    run([kit.pycore, *command, "--json", "-o", "json"], cwd=folder)
    kit.check_that("-o FILE --json", json.loads((folder / "json").read_text())["schema"] == "pycore.dump", "not a report")
    for name in (".", "missing/a", "/dev/full"):
        kit.expect(f"-o {name}", [*command, "-o", name], NOTHING, err=name, cwd=folder)
    (folder / "a").write_text("kept")
    kit.expect("-o FILE when it fails", ["dump", "-o", "a", "missing"], NOTHING, cwd=folder)
    kit.check_that("-o FILE when it fails: it stays", (folder / "a").read_text() == "kept", "overwritten")
    kit.expect("-o FILE without such a thread", [*command, "-o", "a", "--thread", UNUSED], NOTHING, json_too=False, cwd=folder)
    kit.check_that("-o FILE without such a thread: it says so", f"thread {UNUSED}: there is no such thread" in (folder / "a").read_text(), "it does not")


def output_onto_input(kit, make):
    folder = make.folder()
    core, exe = folder / "core", folder / "exe"
    shutil.copy(make.core(python((3, 11))), core)
    shutil.copy(os.path.realpath(python((3, 11)).path), exe)
    (folder / "symbolic").symlink_to("core")
    os.link(core, folder / "hard")
    before = core.read_bytes()
    for name in ("core", "symbolic", "hard"):
        kit.expect(f"-o onto the core by its name {name}", ["dump", "core", "-o", name], NOTHING, err="core file itself", cwd=folder)
    kit.check_that("-o onto the core: the core", core.read_bytes() == before, "is destroyed")
    before = exe.read_bytes()
    kit.expect("-o onto EXE", ["dump", "core", "exe", "-o", "exe"], NOTHING, err="executable itself", cwd=folder)
    kit.check_that("-o onto EXE: EXE", exe.read_bytes() == before, "is destroyed")


def bad_stdout(kit, make):
    core = make.core(python((3, 11)))
    for command in ("dump", "info"):
        with open("/dev/full", "wb") as full:
            kit.expect(f"{command} > /dev/full", [command, core], NOTHING, err="standard output", stdout=full)
        for closed in ("<&-", ">&-", "<&- >&-"):
            for option in ("", "--json"):
                ran = run(["sh", "-c", f'exec "$0" {command} {option} "$1" {closed}', kit.pycore, core])
                good = ran.status == (COMPLETE if closed == "<&-" else NOTHING)
                kit.check_that(f"{command} {option} {closed}", good and (ran.out or ran.err.startswith("pycore: ")),
                               f"status {ran.status}: {brief(ran.err)}")
        ran = run(["sh", "-c", f'exec "$0" {command} "$1" 2>&-', kit.pycore, core])
        kit.check_that(f"{command} 2>&-", ran.status == COMPLETE and ran.out, f"status {ran.status}")
        ran = run(["sh", "-c", f'exec "$0" {command} /nowhere 2>&-', kit.pycore])
        kit.check_that(f"{command} /nowhere 2>&-", ran.status == NOTHING and not ran.out, f"status {ran.status}: {brief(ran.out)}")
    reader, writer = os.pipe()
    os.close(reader)
    ran = run([kit.pycore, "info", core], stdout=writer)
    os.close(writer)
    kit.check_that("a pipe that nobody reads", ran.status in (NOTHING, -signal.SIGPIPE), f"status {ran.status}")


THREADS = """
import threading
def waits():
    event.wait()
event = threading.Event()
for _ in range(3):
    threading.Thread(target=waits, daemon=True).start()
""" + NESTED


def missing(document, wanted, why):
    """The problems about threads have to be these, with this in their reasons."""
    problems = [problem for problem in document["problems"] if problem["damage"]] if document else []
    found = [problem["where"] for problem in problems if why in problem["why"]]
    return [] if found == wanted else [f"{problems}, not of {wanted}"]


def none_found(kit, name, arguments, err, wanted, why):
    """There is a report all the same."""
    document = kit.expect_json(name, ["dump", *arguments], NOTHING, err=err)
    kit.check_that(f"{name}: no threads", document and document["threads"] == [] and document["python"], f"{document}"[:300])
    kit.check(f"{name}: problems", missing(document, wanted, why))
    kit.expect(name, ["dump", *arguments], NOTHING, err=err, out=["Python:", *(f"{where}: " for where in wanted), why], json_too=False)


def threads(kit, make):
    core = make.core(python((3, 11)), THREADS.format(end="time.sleep(0.1); os.abort()"))
    whole = kit.expect_json("all threads", ["dump", core], COMPLETE)
    crashed = [thread["tid"] for thread in whole["threads"] if thread["crashed"]]
    others = [thread["tid"] for thread in whole["threads"] if not thread["crashed"]]
    kit.check_that("one crashed", len(crashed) == 1 and len(others) == 3, f"{crashed}, {others}")
    for name, arguments, status, tids in [
            ("--crashed", ["--crashed"], COMPLETE, crashed), ("--thread", ["--thread", others[1]], COMPLETE, others[1:2]),
            ("--thread twice", [f"--thread={others[0]}", f"--thread={others[2]}"], COMPLETE, [others[0], others[2]]),
            ("--thread and --crashed", ["--thread", others[0], "--crashed"], COMPLETE, crashed + others[:1]),
            ("--thread, the same twice", ["--thread", others[0], "--thread", others[0]], COMPLETE, others[:1]),
            ("--thread, one of two", ["--thread", others[0], "--thread", UNUSED], PARTIAL, others[:1]),
            ("--crashed, and none", ["--crashed", "--thread", UNUSED], PARTIAL, crashed)]:
        document = kit.expect_json(name, ["dump", *arguments, core], status, err=str(UNUSED) if status == PARTIAL else ())
        found = [thread["tid"] for thread in document["threads"]] if document else None
        kit.check_that(f"{name}: which", found == tids, f"{found}, not {tids}")
        kit.check(f"{name}: problems", missing(document, [f"thread {UNUSED}"] if status == PARTIAL else [], "in this core"))
        kit.expect(name, ["dump", *arguments, core], status, json_too=False)
    none_found(kit, "--thread of none", ["--thread", UNUSED, core], f"no thread {UNUSED}", [f"thread {UNUSED}"], "in this core")
    none_found(kit, "--thread of none, twice", ["--thread", UNUSED, "--thread", UNUSED - 1, core], f"no thread {UNUSED}",
               [f"thread {UNUSED}", f"thread {UNUSED - 1}"], "in this core")
    with make.hanging_python(system_python()) as process:
        document = kit.expect_json("--thread, live", ["dump", "--thread", process.pid, "--pid", process.pid], COMPLETE)
        kit.check_that("--thread, live: stack", document and functions(document) == [STACK], "another one")
        none_found(kit, "--thread of none, live", ["--thread", UNUSED, "--pid", process.pid], "no thread", [f"thread {UNUSED}"], "in this process")
        none_found(kit, "--crashed, live", ["--crashed", "--pid", process.pid], "no thread crashed", ["crashed thread"], "a live process")
        document = kit.expect_json("--crashed and a thread, live", ["dump", "--crashed", "--thread", process.pid, "--pid", process.pid], PARTIAL,
                                   err="no thread crashed")
        kit.check("--crashed and a thread, live: problems", missing(document, ["crashed thread"], "a live process"))


def missing_executable(kit, make):
    """It is said at once, and the core is read without."""
    core = make.core(python((3, 11)))
    kit.expect("EXE that does not exist", ["dump", "--no-source", core, "nosuch"], COMPLETE, out=STACK, err="nosuch: No such file")
    kit.expect("EXE that exists", ["dump", "--no-source", core, python((3, 11)).path], COMPLETE, out=STACK)
    kit.expect("print: EXE that does not exist", ["print", core, "nosuch", "0x10"], NOTHING, err="nosuch: No such file", json_too=False)


def order(kit, make):
    """Options may stand behind the operands, and -- ends them."""
    core = make.core(python((3, 11)))
    kit.expect("options behind", ["dump", core, "--no-source", "--native=none"], COMPLETE, out=STACK, absent=["os.abort"])
    kit.expect("--", ["dump", "--no-source", "--", core], COMPLETE, out=STACK)
    kit.expect("-- and a name with a dash", ["dump", "--", "-x"], NOTHING, err="No such file")
    kit.expect("--debug", ["dump", "--debug", core], COMPLETE, out=STACK, env=clean_environment())


CASES = [usage, helps, emit, output_file, output_onto_input, bad_stdout, threads, missing_executable, order]
