"""The rows of the benchmark, and what pycore has to reach in each."""
from dataclasses import dataclass, field

RSS_LIMIT = 16e6  # bytes of RssAnon, in every row
PAUSE_LIMIT = 2e-3  # seconds, in the rows that measure it
ALL = "pycore", "gdb", "pystack", "py-spy"
NOT_GDB = "pycore", "pystack", "py-spy"  # where gdb takes minutes


@dataclass
class Goal:
    """Whatever is given has to hold; without any, the figures are only printed."""
    seconds: float = 0
    times: dict = field(default_factory=dict)  # faster than this tool by this factor
    like_small: bool = False  # as long as for the small core of the same version
    beside: float = 0  # at most so many times what it takes without locals

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
    disk: float = 0  # bytes that have to be free, where that is much
    memory: float = 0


SMALL = {"threads": 11, "depth": 32}
MANY = {"threads": 501, "depth": 40}
SMALL_CORE = Goal(5e-3, {"gdb": 100, "pystack": 20, "py-spy": 15})
SMALL_LIVE = Goal(5e-3, {"pystack": 40, "py-spy": 4})
AS_SMALL = Goal(like_small=True)
WITH_LOCALS = Goal(beside=2)

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
    # The core in the page cache, and the copy that py-spy makes.
    Row("core 3.11 4.3 GB", "core", {**SMALL, "ballast": 4 << 30}, AS_SMALL, disk=6e9, memory=10e9),
]
