"""The instruction that a process died of, and what its registers point to: machine code that dies in every way, called
from Python. Compared with what the program said before it died, with the kernel's fault address, and with gdb."""
import functools
import json
import platform
import re
import shutil

from kit import COMPLETE, Skip, run
from subjects import python, system_python

VERSIONS = ((2, 7), (3, 8), (3, 11), (3, 13))
# CODE runs with six arguments: rdi, rsi, rdx, rcx, r8, r9. `truth` is written down before it does.
SUBJECT = """
import ctypes, json, mmap, sys
class Order(object):
    def __init__(self):
        self.number = 7
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes(bytearray(CODE)))
function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 6)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
room = libc.mmap(None, 16384, 3, 0x22, -1, 0)  # two pages that can be read and written, and two that can't
libc.mprotect(room + 8192, 8192, 0)
truth = {}
ARGUMENTS
with open("truth", "w") as file:
    json.dump(truth, file)
function(*arguments)
"""
NUMBERS = "arguments = [{}, 5, 6, 7, 8, 9]\ntruth['rdi'] = arguments[0]"
ROOM = "arguments = [room + {}, 5, 6, 64, 8, 9]\ntruth['rdi'] = arguments[0]\ntruth['room'] = room"
OBJECTS = """
order, numbers, text, float_, gone = Order(), [1, 2, 3], "spam" * 50, 2.5, [["never seen"]]
pair = (int, 5)
where = id(gone[0])
del gone
arguments = [id(order), id(numbers), id(text), id(Order), id(numbers) + 8, where]
truth = {"rdi": "Order", "rsi": "list", "rdx": "str", "rcx": "type"}
"""


def subject(code, arguments):
    return SUBJECT.replace("CODE", str(list(bytes.fromhex(code)))).replace("ARGUMENTS", arguments)


# name: code, arguments, text, access, address by the truth ("rdi" and a distance; None: none can be told), signal tells it
DEATHS = {
    "null read": ("488b07", NUMBERS.format(0), "mov rax, qword ptr [rdi]", "read", 0, True),
    "null write with an offset": ("48894708", NUMBERS.format(0), "mov qword ptr [rdi + 8], rax", "write", 8, True),
    "wild read": ("488b04f7", NUMBERS.format("0x123456000"), "mov rax, qword ptr [rdi + rsi*8]", "read", 40, True),
    "write to a page that may not be": ("c60705", ROOM.format(8192), "mov byte ptr [rdi], 5", "write", 0, True),
    "push on a full stack": ("4889fc50", ROOM.format("8192 + 4096 + 8"), "push rax", "write", -8, True),
    "rep stos past the end": ("f3aa", ROOM.format("8192 - 16"), "rep stosb byte ptr [rdi], al", "write", 16, True),
    "rep movs from past the end": ("4889fe488dbf00f0ffff48c7c140000000f348a5", ROOM.format("8192 - 32"),
                                   "rep movsq qword ptr [rdi], qword ptr [rsi]", "read", 32, True),
    "load that ends in the next page": ("0f1007", ROOM.format("8192 - 8"), "movups xmm0, xmmword ptr [rdi]", "read", -0, True),
    "load that is not aligned": ("0f2807", ROOM.format("8"), "movaps xmm0, xmmword ptr [rdi]", "read", 0, False),
    "address that no pointer has": ("488b07", NUMBERS.format("0x4141414141414141"), "mov rax, qword ptr [rdi]", "read", 0, False),
    "wild call": ("ffd7", NUMBERS.format("0x123456000"), None, "execute", 0, True),
    "call of data": ("ffd7", ROOM.format("16"), None, "execute", 0, True),
    "call of an address that no code has": ("ffd7", NUMBERS.format("0x4141414141414141"), "call rdi", "execute", 0, False),
    "return to an address that no code has": ("57c3", NUMBERS.format("0x4141414141414141"), "ret", "execute", 0, False),
    "illegal instruction": ("0f0b", NUMBERS.format(0), "ud2", None, None, False),
    "breakpoint": ("cc90", NUMBERS.format(0), "int3", None, None, False),
    "division": ("31d231c9f7f1", NUMBERS.format(0), "div ecx", None, None, False),
    "privileged": ("f4", NUMBERS.format(0), "hlt", None, None, False),
}
EVERYWHERE = ("null read", "push on a full stack", "wild call", "rep stos past the end", "load that is not aligned")


def core_and_truth(make, found, code, arguments):
    core = make.core(found, subject(code, arguments))
    return core, json.loads((core.parent / "truth").read_text())


def crashed(kit, name, core, options=()):
    document = kit.expect_json(name, ["dump", "--crashed", *options, core], COMPLETE)
    return document["threads"][0], document["process"]["signal"]


@functools.lru_cache(None)
def only_here():
    if platform.machine() != "x86_64":
        raise Skip("machine code of x86-64")


# --- gdb --------------------------------------------------------------------------------------------------------------

def by_gdb(found, core):
    """The instruction and the registers, as gdb shows them."""
    if not shutil.which("gdb"):
        raise Skip("no gdb here")
    text = run(["gdb", "-nx", "-q", "-batch", "-ex", "set auto-load off", "-ex", "set debuginfod enabled off",
                "-ex", "set disassembly-flavor intel", "-ex", "info registers", "-ex", "x/i $pc", found.path, core]).out
    values = {name: int(value, 16) for name, value in re.findall(r"^(\w+) +(0x[0-9a-f]+) ", text, re.M)}
    line = re.search(r"^=> 0x[0-9a-f]+[^:]*:\s*(.*)$", text, re.M)
    return values, line and line[1].strip()


def plain(text):
    """An instruction without what disassemblers write differently."""
    text = re.sub(r"\b(byte|word|dword|qword|xmmword|ymmword) ptr ", "", text.lower().replace("es:", "").replace("ds:", ""))
    text = re.sub(r"0x[0-9a-f]+", lambda number: str(int(number[0], 16)), text)
    text = re.sub(r"\b(stos|movs)[bwdq]?\b", r"\1", text)
    return re.sub(r"\s*([-+*,])\s*", r"\1", re.sub(r"\s+", " ", text))


def like_gdb(kit, name, found, core, thread):
    values, text = by_gdb(found, core)
    shown = {register: int(entry["value"], 16) for register, entry in thread["registers"].items()}
    different = [register for register in shown if values.get(register) != shown[register]]
    kit.check_that(f"{name}: registers as gdb has them", len(shown) == 18 and not different, f"{different} of {len(shown)}")
    own = thread["instruction"]["text"]
    if own and own != "int3":  # where gdb shows what follows it
        kit.check_that(f"{name}: instruction as gdb has it", text and plain(own) == plain(text), f"{own!r}, not {text!r}")


# --- the cases --------------------------------------------------------------------------------------------------------

def one_death(kit, make, found, death):
    code, arguments, text, access, distance, told = DEATHS[death]
    name = f"{found.name}, {death}"
    core, truth = core_and_truth(make, found, code, arguments)
    thread, signal = crashed(kit, name, core)
    own = thread["instruction"]
    kit.check_that(f"{name}: text", own["text"] == text, f"{own}")
    kit.check_that(f"{name}: access", own["access"] == access, f"{own}")
    address = own["address"] and int(own["address"], 16)
    if access:
        wanted = truth["rdi"] + distance
        size = own["size"] or 1
        kit.check_that(f"{name}: address", address <= wanted < address + size, f"{own}, not {wanted:#x}")
    else:
        kit.check_that(f"{name}: no address", address is None, f"{own}")
    if told:
        fault = int(signal["address"], 16)
        end = address + (own["size"] or 1)
        kit.check_that(f"{name}: the kernel's address", address <= fault < end, f"{own}, not {fault:#x}")
        if not text or "rep" not in text:
            first = address if address // 4096 == fault // 4096 else fault & -4096
            kit.check_that(f"{name}: exactly", first == fault, f"{own}, not {fault:#x}")
    like_gdb(kit, name, found, core, thread)


def deaths(kit, make):
    only_here()
    for death in DEATHS:
        one_death(kit, make, python((3, 11), True), death)


def versions(kit, make):
    only_here()
    for found in [*(python(version, True) for version in VERSIONS if version != (3, 11)), system_python()]:
        for death in EVERYWHERE:
            one_death(kit, make, found, death)


def objects(kit, make):
    """Registers that hold addresses of objects, of their inside, and of where one was."""
    only_here()
    for found in [*(python(version, True) for version in VERSIONS), system_python()]:
        core, truth = core_and_truth(make, found, "0f0b", OBJECTS)
        name = f"{found.name}, objects"
        thread, _ = crashed(kit, name, core)
        registers = thread["registers"]
        for register, kind in truth.items():
            entry = registers[register]
            right = entry["kind"] == "object" and entry["type"] in (kind, f"__main__.{kind}")
            kit.check_that(f"{name}: {register}", right, f"{entry}, not {kind}")
        kit.check_that(f"{name}: an attribute", "number=7" in registers["rdi"]["repr"], f"{registers['rdi']}")
        kit.check_that(f"{name}: a list", registers["rsi"]["repr"] == "[1, 2, 3]", f"{registers['rsi']}")
        kit.check_that(f"{name}: a text is cut", 0 < len(registers["rdx"]["repr"]) < 120, f"{registers['rdx']}")
        for register in ("r8", "r9"):
            kit.check_that(f"{name}: {register}, which is none", registers[register]["kind"] == "data", f"{registers[register]}")
        kit.check_that(f"{name}: the stack", (registers["rsp"]["kind"], registers["rsp"]["tid"]) == ("stack", thread["tid"]),
                       f"{registers['rsp']}")
        kit.check_that(f"{name}: the code", registers["rip"]["kind"] == "code", f"{registers['rip']}")


def text(kit, make):
    only_here()
    core, _ = core_and_truth(make, python((3, 11), True), "0f0b", OBJECTS)
    ran = kit.expect("the block of registers", ["dump", core], COMPLETE, out=(
        "  Instruction: ud2\n", "  Registers:\n", "Order: <__main__.Order object at 0x", "list: [1, 2, 3]\n", "  stack of thread "))
    rows = re.findall(r"^    (\w+) +0x([0-9a-f]{16})(?:  \S.*)?$", ran.out, re.M)
    kit.check_that("the block of registers: a line each", len(rows) == 18, f"{rows}")
    ran = kit.expect("redacted registers", ["dump", "--redact", core], COMPLETE, absent=("spam",),
                     out=("str: <str of length 200, hash ",))
    core = make.core(python((3, 11)))
    thread, _ = crashed(kit, "no instruction of an abort", core)
    kit.check_that("no instruction of an abort", thread["instruction"] is None and thread["registers"], f"{thread}")
    threads = kit.expect_json("registers of the thread that died only", ["dump", core])["threads"]
    kit.check_that("registers of the thread that died only", all((thread["registers"] is None) != thread["crashed"]
                                                                 for thread in threads), "of others, too")


def handled(kit, make):
    """A handler ran: what counts are the registers of when it was called."""
    only_here()
    core, truth = core_and_truth(make, python((3, 11), True), "488b4708", "import faulthandler\nfaulthandler.enable()\n"
                                 + NUMBERS.format("0x123456000"))
    ran = kit.expect("behind a handler", ["dump", core], COMPLETE, out=(
        "  Instruction: mov rax, qword ptr [rdi + 8]  (reads 8 bytes at 0x123456008)\n",
        "  Registers when the signal handler was called:\n", "    rdi    0x0000000123456000\n"))
    kit.check_that("behind a handler: once", ran.out.count("  Registers") == 1, "more than one block")
    thread, _ = crashed(kit, "behind a handler, again", core)
    kit.check_that("behind a handler: rdi", int(thread["registers"]["rdi"]["value"], 16) == truth["rdi"], f"{thread['registers']}")
    kit.check_that("behind a handler: its stack", thread["registers"]["rsp"]["tid"] == thread["tid"], f"{thread['registers']}")


CASES = [deaths, versions, objects, text, handled]
