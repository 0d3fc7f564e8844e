"""What repr() of CPython itself makes of floats, ints and strings, for test_format_truth.c: run by each Python, 2.7 included.

Prints "unicode VERSION MAXUNICODE", both in hexadecimal, VERSION as in 0f00; then a line for each value, its repr() last:
"float BITS REPR", "part BITS REPR" (the imaginary part of a complex, without the j), "int HEX REPR" (HEX may be negative),
"str CODES REPR", "bytes HEX REPR", "bytearray HEX REPR" (what stands between the brackets); codes and bytes in hexadecimal,
"-" for none. "printable FIRST LAST" is a range of characters that str.isprintable() says are; 2.7 has none. Then "end".
"""
import random
import struct
import sys
import unicodedata

OUT = getattr(sys.stdout, "buffer", sys.stdout)
CHARACTER = chr if sys.version_info > (3,) else unichr  # noqa: F821
PLANES = [(0, 0x7f), (0, 0xff), (0x27, 0x27), (0x22, 0x22), (0, 0xffff), (0xd7f0, 0xe010), (0xdbff, 0xdc00),
          (0x1f000, 0x1ffff), (0x10000, 0x10ffff), (0xfff0, 0x1000f), (0x2028, 0x2029), (0x10fffd, 0x10ffff)]


def say(kind, value, shown):
    if not isinstance(shown, bytes):
        shown = shown.encode("utf-8")
    OUT.write(kind.encode() + b" " + (value or "-").encode() + b" " + shown + b"\n")


def double(bits):
    return struct.unpack(">d", struct.pack(">Q", bits))[0]


def bits_of(value):
    return struct.unpack(">Q", struct.pack(">d", value))[0]


def doubles():
    yield 0
    for exponent in range(2047):  # powers of two, where the neighbours differ in distance
        for offset in (-1, 0, 1):
            yield max((exponent << 52) + offset, 1)
    for exponent in range(52):
        yield 1 << exponent
    for exponent in range(-324, 309):
        for digits in ("1", "5", "9", "17", "9007199254740993"):
            yield bits_of(float("%se%d" % (digits, exponent - len(digits) + 1)))
    for _ in range(4000):
        yield random.getrandbits(63)
        yield bits_of(random.uniform(0, 1000))
        yield bits_of(round(random.uniform(0, 10 ** random.randrange(20)), random.randrange(8)))
        yield bits_of(float(random.getrandbits(random.randrange(1, 80))))
    for special in (0x7ff << 52, (0x7ff << 52) + 1, (0xfff << 51)):
        yield special


def floats():
    for bits in doubles():
        for sign in (0, 1 << 63):
            value = double(bits | sign)
            say("float", "%x" % (bits | sign), repr(value))
            if not bits & 7:
                whole = repr(complex(1, value))  # (1+0.5j)
                say("part", "%x" % (bits | sign), whole[2 if whole[2] == "-" else 3:-2])


def whole_numbers():
    for bits in list(range(200)) + [300, 900, 1799, 1800, 1801, 3600, 9000, 30000, 60000]:
        for near in (-1, 0, 1):
            yield (1 << bits) + near
        yield random.getrandbits(bits + 1)
    for exponent in list(range(60)) + [190, 380, 1000, 5000, 18000]:
        for near in (-1, 0, 1):
            yield 10 ** exponent + near
        yield 7 * 10 ** exponent
    for _ in range(1000):
        yield random.getrandbits(random.randrange(1, 3000))


def ints():
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    for value in whole_numbers():
        value *= random.choice((1, -1))
        say("int", "%x" % value, str(value))


def text_of(codes):
    return u"".join(map(CHARACTER, codes))


def codes():
    for code in list(range(0x300)) + list(range(0xd7f0, 0xe010)) + list(range(0x1f5f0, 0x1f600)):
        yield [code]
    yield []
    for _ in range(4000):
        ranges = random.sample(PLANES, random.randrange(1, 6))
        yield [random.randint(*random.choice(ranges)) for _ in range(random.randrange(1, 30))]


def strings():
    for wanted in codes():
        if sys.maxunicode == 0xffff:
            wanted = [code & 0xffff for code in wanted]
        text = text_of(wanted)
        say("str", ",".join("%x" % ord(c) for c in text), repr(text))


def octets():
    for byte in range(256):
        yield [byte]
    yield []
    for _ in range(2000):
        low, high = random.choice([(0, 255), (0x20, 0x7e), (0x22, 0x27), (9, 13)])
        yield [random.randint(low, high) for _ in range(random.randrange(40))]


def byte_strings():
    for some in octets():
        data = bytearray(some)
        shown = "".join("%02x" % byte for byte in some)
        say("bytes", shown, repr(bytes(data)))
        say("bytearray", shown, repr(data)[len("bytearray("):-1])


def printable():
    first = None
    for code in range(0x110001):
        now = code < 0x110000 and chr(code).isprintable()
        if now and first is None:
            first = code
        elif not now and first is not None:
            say("printable", "%x" % first, "%x" % (code - 1))
            first = None


def main():
    random.seed(20)
    major, minor, _ = map(int, unicodedata.unidata_version.split("."))
    say("unicode", "%02x%02x" % (major, minor), "%x" % sys.maxunicode)
    floats()
    ints()
    strings()
    byte_strings()
    if sys.version_info > (3,):
        printable()
    say("end", "", "")


main()
