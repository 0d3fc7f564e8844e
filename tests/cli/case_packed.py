"""Compressed cores: whole, cut, damaged, and with nowhere to unpack them to."""
import gzip
import lzma
import subprocess

from kit import COMPLETE, NOTHING, PARTIAL, functions
from subjects import STACK, python, tool

KINDS = {"gzip": lambda path: gzip.compress(path.read_bytes(), 1),
         "zstd": lambda path: subprocess.run([tool("zstd"), "-1", "-c", path], capture_output=True, check=True).stdout,
         "xz": lambda path: lzma.compress(path.read_bytes(), preset=1),
         "lz4": lambda path: subprocess.run([tool("lz4"), "-1", "-B4", "-c", path], capture_output=True, check=True).stdout}


def packed(make, kind):
    return make.once(kind, lambda: KINDS[kind](make.core(python((3, 11)))))


def written(make, content, name="core"):
    path = make.folder() / name
    path.write_bytes(content)
    return path


def whole(kit, make):
    for kind in KINDS:
        for name in ("core", "core.xz"):  # the name decides nothing
            document = kit.expect_json(f"{kind}, named {name}", ["dump", written(make, packed(make, kind), name)], COMPLETE)
            kit.check_that(f"{kind}, named {name}: stack", document and functions(document) == [STACK], "another one")
        kit.expect(f"{kind} as text", ["dump", written(make, packed(make, kind))], COMPLETE, out=STACK)
        kit.expect(f"{kind}: info", ["info", written(make, packed(make, kind))], COMPLETE)
        twice = packed(make, kind) + KINDS[kind](written(make, b""))
        kit.expect(f"{kind} in two pieces", ["dump", written(make, twice)], COMPLETE, out=STACK)
        kit.expect(f"{kind} and zeros behind", ["dump", written(make, packed(make, kind) + bytes(512))], (COMPLETE, PARTIAL), out=STACK)


def cut(kit, make):
    for kind in KINDS:
        content = packed(make, kind)
        for part in (0.1, 0.5, 0.9, 0.999):
            path = written(make, content[:int(len(content) * part)])
            document = kit.expect_json(f"{kind}, cut at {part}", ["dump", path], (NOTHING, PARTIAL))
            kit.check_that(f"{kind}, cut at {part}: said", document and not document["source"]["complete"] and document["problems"],
                           "it is not")
            kit.expect(f"{kind}, cut at {part}, in words", ["dump", path], (NOTHING, PARTIAL),
                       out=["CUT OFF", "unpacked only in part: the compressed file ends early"])
        for size in (10, 20):
            kit.expect(f"{kind}, {size} bytes", ["dump", written(make, content[:size])], NOTHING, err="compressed data")


def damaged(kit, make):
    for kind in KINDS:
        content = bytearray(packed(make, kind))
        content[len(content) // 2:len(content) // 2 + 64] = bytes(64)
        kit.expect(f"{kind}, damaged inside", ["dump", written(make, content)], (NOTHING, PARTIAL), out="unpacked only in part")
        content = bytearray(packed(make, kind))
        content[20:60] = b"\xff" * 40
        kit.expect(f"{kind}, damaged at once", ["dump", written(make, content)], (NOTHING, PARTIAL))


def room(kit, make):
    for kind in KINDS:
        path = written(make, packed(make, kind))
        for limit in ("1", "64K", "1M"):
            kit.expect(f"{kind}, --tmp-limit={limit}", ["dump", f"--tmp-limit={limit}", path], (NOTHING, PARTIAL))
        kit.expect(f"{kind}, --tmp-limit=1M in words", ["dump", "--tmp-limit=1M", path], (NOTHING, PARTIAL), out=["unpacked only in part", "limit"])
        for limit in ("8K", "64K"):
            ran = kit.expect(f"{kind}, --tmp-limit={limit} in words", ["dump", f"--tmp-limit={limit}", path], NOTHING,
                             err=["unpacked only in part", "limit", "raise --tmp-limit"], out=["raise --tmp-limit"])
            head = ran.out.partition("\nProcess:")[0]
            kit.check_that(f"{kind}, --tmp-limit={limit}: head", "unpacked only in part" in head, head)
        kit.expect(f"{kind}, --tmp-limit=1", ["dump", "--tmp-limit=1", path], NOTHING, err="--tmp-limit leaves no room")
        kit.expect(f"{kind}, --tmp-limit=1G", ["dump", "--tmp-limit=1G", path], COMPLETE, out=STACK)
        for name in ("/missing", "/dev/null", path):
            kit.expect(f"{kind}, --tmpdir={name}"[:40], ["dump", f"--tmpdir={name}", path], NOTHING, err=str(name))
        kit.expect(f"{kind}, $TMPDIR missing", ["dump", path], (COMPLETE, NOTHING), env={"TMPDIR": "/missing"})
        kit.expect(f"{kind}, --tmpdir", ["dump", f"--tmpdir={path.parent}", path], COMPLETE, out=STACK)
        left = [file.name for file in path.parent.iterdir()]
        kit.check_that(f"{kind}: nothing is left behind", left == ["core"], f"{left}")
    kit.expect("--tmpdir missing, and not needed", ["dump", "--tmpdir=/missing", make.core(python((3, 11)))], COMPLETE, out=STACK)


CASES = [whole, cut, damaged, room]
