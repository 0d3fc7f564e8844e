"""Cores of other processors, and what emulators' cores need: the program, by its name or by the tree that it is in."""
import functools
import shutil

from case_bare import bare
from kit import COMPLETE, NOTHING, PARTIAL, Skip, functions
from subjects import NESTED, PATIENCE, STACK, CoreBytes, environment, pythons, start, system_python

END = """numbers = [-5, 2 ** 100, 1.5, 2 - 1j]
    texts = {'ascii': 'Zo\\xeb', 'wide': '\\u20ac', 'wider': '\\U0001f600', 'bytes': b'\\x00\\xff'}
    os.abort()"""
VALUES = {"numbers": "[-5, 1267650600228229401496703205376, 1.5, (2-1j)]",
          "texts": "{'ascii': 'Zoë', 'wide': '€', 'wider': '😀', 'bytes': b'\\x00\\xff'}"}
STACK_POINTER = {"i386": "esp", "s390x": "r15"}
GIVE = "name it after the core, or the tree that it is in by --sysroot"


@functools.lru_cache(None)
def foreign():
    return [python for python in pythons.find(fetched=True, foreign=True)[0] if python.machine]


def bare_core(make):
    """Of Debian's Python, a single program; and the path that it was started by."""
    core = CoreBytes(make.core(system_python()))
    path = make.folder() / "core"
    path.write_bytes(bare(core.bytes, None))
    return path, system_python().path


def tree_by_another_path(kit, make):
    """A process in an emulator or a container knows its program by a path that the tree has only the end of."""
    core, program = bare_core(make)
    tree = make.folder("tree")
    (tree / "bin").mkdir()
    shutil.copy(program, tree / "bin")  # what the link leads to
    document = kit.expect_json("tree by another path", ["dump", "--native=none", "--sysroot", tree, core], COMPLETE)
    kit.check_that("tree by another path: stack", functions(document) == [STACK], f"{functions(document)}")


def says_what_to_give(kit, make):
    core, program = bare_core(make)
    empty = make.folder("empty")
    kit.expect("nothing given", ["info", "--sysroot", empty, core], (NOTHING, PARTIAL), out=[program, GIVE])
    kit.expect("wrong program", ["info", "--sysroot", empty, core, "/bin/true"], (NOTHING, PARTIAL),
               out=[GIVE, "/bin/true", "is laid out otherwise"])


def emulators_own(kit, make):
    """The kernel's core of an emulator, which is beside that of the program."""
    emulator = "this is the core of an emulator ("
    for name in ("qemu-s390x", "qemu-arm-static", "qemu-system-s390x", "qemu-s390", "sqemu-s390x"):
        program = make.folder("emulator") / name
        shutil.copy(shutil.which("dash") or shutil.which("sh"), program)
        core = make.crash([program, "-c", "kill -ABRT $$"])
        ours = name in ("qemu-s390x", "qemu-arm-static")
        ran = kit.expect(f"core of {name}", ["info", core], (NOTHING, PARTIAL),
                         err=[f"{emulator}{name}): its program's is another file, qemu_NAME_DATE_PID.core"] if ours else ["no Python in it"])
        kit.check_that(f"core of {name}: as what it is", (emulator in ran.err) == ours and "--sysroot" not in ran.err, ran.err)


def crash(make, python):
    folder = make.folder("foreign")
    program = make.script(NESTED.format(end=END))
    with open(folder / "out", "wb") as out:
        process = start([python.path, "-s", program], cwd=folder, env=environment(folder, python.environment), stdout=out, stderr=out)
        process.wait(10 * PATIENCE)
    core = python.core(folder)
    if not core:
        raise AssertionError(f"{python.name}: no core: {(folder / 'out').read_text()[-500:]}")
    return core


def each_processor(kit, make):
    """The newest Python of each that was fetched, with values of which each kind has its own byte order."""
    newest = {python.machine: python for python in foreign()}
    if not newest:
        raise Skip("no Python of another processor was fetched (fixtures/pythons get ...)")
    for python in newest.values():
        document = kit.expect_json(python.name, ["dump", "--native=none", "--locals", *python.options, crash(make, python)], COMPLETE)
        kit.check_that(f"{python.name}: stack", functions(document) == [STACK], f"{functions(document)}")
        found = {one["name"]: one["value"] for one in document["threads"][0]["frames"][0]["locals"]}
        wrong = [f"{name} = {found.get(name)}" for name, value in VALUES.items() if found.get(name) != value]
        kit.check(f"{python.name}: values", wrong)
        process = document["process"]
        kit.check_that(f"{python.name}: command line", process["command_line"][-2] == "-s" and not process["command_line_cut"],
                       f"{process['command_line']}")
        thread = document["threads"][0]
        own = thread["registers"][STACK_POINTER.get(python.machine, "sp")]
        kit.check_that(f"{python.name}: stack pointer", own["points_to"] == f"stack of thread {thread['tid']}", f"{own}")


CASES = [tree_by_another_path, says_what_to_give, emulators_own, each_processor]
