"""What pycore shows in another way than repr() does, on purpose, and why.

A key is FUNCTION.NAME of a local in fixtures/values, or the type of the value as `type:NAME`. A rule that never applied
in a whole run over all Pythons is reported as a failure: then it says something that is not true.
"""
import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Different:
    reason: str
    expect: object  # a text with {address} and {value}, or a function of the Local and the version that gives one
    first: tuple = (0,)
    last: tuple = (99,)
    pattern: bool = False  # what is expected is a regular expression for the whole value

    def expected(self, local, version):
        if callable(self.expect):
            return self.expect(local, version)
        return self.expect.format(address=local.address, value=re.escape(local.value) if self.pattern else local.value)

    def accepts(self, expected, value):
        return bool(re.fullmatch(expected, value, re.S)) if self.pattern else expected == value

    def fits(self, version):
        return self.first <= version and version[:len(self.last)] <= self.last


USED = set()
MORE = Different("what a repr() leaves out stands behind it: where a generator stands, descriptors, what is held",
                 lambda local, version: local.more)
BEYOND = "a repr() of the library or of C code that is not kept here: shown as any other object"


def as_any_object(reason, first=(0,), last=(99,)):
    """Its head and its attributes, whatever these are."""
    return Different(reason, lambda local, version: rf"<\S+ (object|instance) at {local.address}>( {{.*}})?", first, last, True)


def as_class_or_object(name):
    """In some versions a class, which is told by its name whatever its metaclass would say."""
    return Different(BEYOND, lambda local, version: rf"<class '{name}'>|<\S+ object at {local.address}>( {{.*}})?",
                     pattern=True)


def nul_kept(local, version):
    """The name that fixtures/values/vexing.py has with a NUL inside, as a whole."""
    return re.sub(r"\bnul\b", "nul\0inside", local.value)


DIFFERENT = {
    "type:socket.socket": Different("the addresses of a socket are known to the kernel only",
                                    lambda local, version: re.sub(r", laddr=.*>$", ">", local.value)),
    "paths.windows": as_any_object("Windows paths are kept as they were given, and parsed only when asked", (3, 12)),
    "paths.windows_relative": as_any_object("Windows paths are kept as they were given, and parsed only when asked", (3, 12)),
    "paths.drive": as_any_object("Windows paths are kept as they were given, and parsed only when asked", (3, 12)),
    "paths.share": as_any_object("Windows paths are kept as they were given, and parsed only when asked", (3, 12)),
    "various.context": as_any_object(BEYOND),
    "various.digest": as_any_object(BEYOND),
    "newer_tools.partial_method": as_any_object(BEYOND),
    "named_tuples.getter": as_any_object(BEYOND, (3, 8)),
    "generics.alias": as_any_object(BEYOND),
    "types_of_types.optional_int": as_any_object(BEYOND),
    "types_of_types.list_of": as_class_or_object("typing.List"),
    "types_of_types.anything": as_class_or_object("typing.Any"),
    "old_types.buffered": as_any_object(BEYOND),
    "old_types.of_part": as_any_object(BEYOND),
    "hold.modules": Different("2.7 cuts names at a NUL", nul_kept, last=(2, 7)),
    "hold.instances": Different("modules of classes are cut at a NUL",
                                lambda local, version: local.value.replace("<nul\0inside.", "<nul.").replace("<. object", "< object")),
    "hold.functions": Different("2.7 cuts names at a NUL", nul_kept, last=(2, 7)),
    "weak_collections.values": as_any_object("the library's old-style classes are shown by their attributes", last=(2, 7)),
    "weak_collections.keys": as_any_object("the library's old-style classes are shown by their attributes", last=(2, 7)),
}


def rule(local, version):
    for key in (local.key, f"type:{local.type}"):
        found = DIFFERENT.get(key)
        if found and found.fits(version):
            USED.add(key)
            return found
    return MORE if local.more else None


def unused():
    return sorted(set(DIFFERENT) - USED)
