"""A core file that can be poked: its memory by the addresses of the process (PT_LOAD), read and overwritten in place."""
import bisect
import dataclasses
import mmap
import struct

PT_LOAD, WRITABLE = 1, 2
HEADER = struct.Struct("<4sBBB9xHHIQQQIHHHHHH")  # little-endian ELF64
PROGRAM = struct.Struct("<IIQQQQQQ")
WORD = struct.Struct("<Q")


@dataclasses.dataclass(frozen=True)
class Segment:
    start: int
    offset: int
    size: int  # bytes that the file has of it
    flags: int


class CoreFile:
    """A context: the file is mapped; what `put` changes lands in it."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.file = open(self.path, "r+b")
        self.bytes = mmap.mmap(self.file.fileno(), 0)
        self.segments = sorted(self.loads(), key=lambda segment: segment.start)
        self.starts = [segment.start for segment in self.segments]
        return self

    def __exit__(self, *_):
        self.bytes.close()
        self.file.close()

    def loads(self):
        fields = HEADER.unpack_from(self.bytes)
        first, size, count = fields[8], fields[12], fields[13]
        for index in range(count):
            kind, flags, offset, start, _, in_file, _, _ = PROGRAM.unpack_from(self.bytes, first + index * size)
            if kind == PT_LOAD and in_file:
                yield Segment(start, offset, in_file, flags)

    def segment(self, address, size=8):
        index = bisect.bisect_right(self.starts, address) - 1
        found = self.segments[index] if index >= 0 else None
        return found if found and address + size <= found.start + found.size else None

    def has(self, address):
        return self.segment(address) is not None

    def is_data(self, address):
        """Writable memory that is whole in the file."""
        found = self.segment(address)
        return bool(found and found.flags & WRITABLE)

    def at(self, address, size=8):
        found = self.segment(address, size)
        if not found:
            raise KeyError(f"{address:#x} is not in the core")
        return found.offset + address - found.start

    def word(self, address):
        return WORD.unpack_from(self.bytes, self.at(address))[0]

    def get(self, address, size):
        offset = self.at(address, size)
        return self.bytes[offset:offset + size]

    def put(self, address, data):
        offset = self.at(address, len(data))
        self.bytes[offset:offset + len(data)] = data
