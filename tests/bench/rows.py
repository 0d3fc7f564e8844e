"""The rows of the benchmark, and what pycore has to reach in each."""
from dataclasses import dataclass, field

from measure import Proof

ALL = "pycore", "gdb", "pystack", "py-spy"
NOT_GDB = "pycore", "pystack", "py-spy"  # where gdb takes minutes


@dataclass
class Goal:
    """Whatever is given has to hold; without any, the figures are only printed."""
    seconds: float = 0
    times: dict = field(default_factory=dict)  # faster than this tool by this factor
    like_small: bool = False  # as long as for the small core of the same version
    beside: float = 0  # at most so many times what it takes without locals
    rss: float = 16e6  # bytes of RssAnon; always held against, as is the next in rows that measure it
    pause: float = 2e-3  # seconds

    def __str__(self):
        parts = [f"<= {self.seconds * 1e3:g} ms"] if self.seconds else []
        parts += [f"{factor}x {tool}" for tool, factor in self.times.items()]
        parts += ["as the small core, +-20 %"] if self.like_small else []
        parts += [f"at most {self.beside:g}x the time without locals"] if self.beside else []
        return "; ".join(parts) or "nothing, only the figures"


@dataclass
class Row:
    name: str
    kind: str  # "core" or "live"
    target: dict  # the options of target.py
    goal: Goal = field(default_factory=Goal)
    version: str = "3.11"
    tools: tuple = ALL
    pause: bool = False
    locals: bool = False  # with the variables of all frames
    native: str = ""  # a key of Tool.native: which native frames are asked for; none
    proof: Proof = None  # in place of all `descend` frames
    disk: float = 0  # bytes that have to be free, where that is much
    memory: float = 0


SMALL = {"threads": 11, "depth": 32}
MANY = {"threads": 501, "depth": 40}
SMALL_CORE = Goal(5e-3, {"gdb": 100, "pystack": 20, "py-spy": 15})
SMALL_LIVE = Goal(5e-3, {"pystack": 40, "py-spy": 4})
AS_SMALL = Goal(like_small=True)
WITH_LOCALS = Goal(beside=2)
NATIVE = {"rss": 64e6, "pause": 5e-3}
FOLDED = Proof(rb"\[Previous 2 frames repeated [4-9]\d{4} more times\]", 1, "folded stacks of 80 000 frames")


def native_rows(version, *gdb):
    """The same stacks with native frames: names and lines; all that is known; and, by default, those that a thread died in."""
    peers = {"gdb": 40, "pystack": 7, "eu-stack": 1, "py-spy": 1}
    for kind, others in ("core", ("pystack", "eu-stack")), ("live", ("pystack", "eu-stack", "py-spy")):
        goal = Goal(30e-3, {tool: peers[tool] for tool in (*gdb, *others)}, **NATIVE)
        yield Row(f"{kind} {version} 11x32 native", kind, SMALL, goal, version, ("pycore", *gdb, *others),
                  pause=kind == "live", native="lines")
    yield Row(f"core {version} 11x32 native all", "core", SMALL, Goal(80e-3, **NATIVE), version, ("pycore",), native="all")
    yield Row(f"core {version} 11x32 plain", "core", SMALL, Goal(15e-3, **NATIVE), version, ("pycore",), native="crashed")


ROWS = [
    *(Row(f"core {v} 11x32", "core", SMALL, SMALL_CORE, v) for v in ("3.8", "3.11", "3.13")),
    *(Row(f"live {v} 11x32", "live", SMALL, SMALL_LIVE, v, pause=True) for v in ("3.8", "3.11", "3.13")),
    # py-spy reads 500 thread stacks of 8 MB into memory.
    Row("core 3.11 501x40", "core", MANY, Goal(40e-3, {"pystack": 70}), tools=NOT_GDB, memory=5e9),
    Row("live 3.11 501x40", "live", MANY, Goal(60e-3, {"py-spy": 7}), tools=NOT_GDB),
    Row("core 3.11 1x100000", "core", {"depth": 100_000}, tools=NOT_GDB),
    Row("live 3.11 1x100000", "live", {"depth": 100_000}, tools=NOT_GDB),
    *(Row(f"{kind} {v} 11x32 locals", kind, SMALL, WITH_LOCALS, v, tools=NOT_GDB, locals=True)
      for v in ("3.8", "3.11", "3.13") for kind in ("core", "live")),
    # The others would read all of it.
    Row("core 3.11 giant locals", "core", {"giants": 1}, Goal(20e-3), tools=("pycore",), locals=True, disk=3e9, memory=5e9),
    # py-spy would hold the 8 GB in memory, gdb is as with the small core.
    Row("core 3.11 sparse 8 GB", "core", {**SMALL, "hole": 8 << 30}, AS_SMALL, tools=("pycore", "pystack")),
    *(row for v in ("3.8", "3.11", "3.13") for row in native_rows(v, "gdb")),
    *native_rows("system"),  # without debug symbols gdb shows no Python frames
    Row("core 3.11 501x40 native", "core", MANY, Goal(195e-3, {"pystack": 20}, **NATIVE), tools=("pycore", "pystack"),
        native="lines"),
    # A list inside of a list and so on, shown by repr(): some 116 000 C frames on the usual 8 MB.
    Row("core 3.11 C stack overflow", "core", {"overflow": 1}, Goal(1, **NATIVE), tools=("pycore",), native="crashed",
        proof=FOLDED),
    # The core in the page cache, and the copy that py-spy makes.
    Row("core 3.11 4.3 GB", "core", {**SMALL, "ballast": 4 << 30}, AS_SMALL, disk=6e9, memory=10e9),
]
