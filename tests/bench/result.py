"""What was measured, and whether it is what the row asks for."""
from dataclasses import dataclass, field
from statistics import median

from measure import Proof
from rows import Goal

PLAIN = "(plain)"  # what pycore takes for the same without locals, in the rows with them
SMALL_CORE = "(small)"  # what pycore takes for the small core, in the rows that are to be like it
WITHIN = 1.2  # "+-20 %"; faster is no fault


def _median(values):
    """Of those that are known, or None."""
    known = [value for value in values if value is not None]
    return median(known) if known else None


@dataclass
class Result:
    """What one tool did in one row."""
    tool: str
    command: list
    proof: Proof  # of all that it has to show
    seconds: list = field(default_factory=list)
    fault: str = ""  # why nothing of this counts
    rss_anon: int = None
    vm_hwm: int = None
    gaps: list = field(default_factory=list)  # longest silence of the target during each run
    quiet: list = field(default_factory=list)  # the same while nothing ran, for as long
    own_pause: list = field(default_factory=list)  # as the tool itself tells

    @property
    def median(self):
        return _median(self.seconds)

    @property
    def noise(self):
        return _median(self.quiet)

    @property
    def pause(self):
        return max(0.0, _median(self.gaps) - self.noise) if self.gaps else None

    @property
    def told_pause(self):
        return _median(self.own_pause)


def judge(row, results):
    """[(check in words, True or False or, where it can't be told, None)] for pycore in this row."""
    ours = results.get("pycore")
    if not ours:
        return []
    if ours.fault:
        return [(ours.fault, False)]
    if row.goal == Goal():
        return []
    return [*_time_checks(row.goal, ours, results), *_cost_checks(row.goal, ours)]


def _time_checks(goal, ours, results):
    if goal.seconds:
        yield f"{ours.median * 1e3:.2f} ms of {goal.seconds * 1e3:g}", ours.median <= goal.seconds
    for tool, factor in goal.times.items():
        peer = results.get(tool)
        if not peer or peer.fault:
            yield f"{tool} did not run", None
        else:
            ratio = peer.median / ours.median
            yield f"{ratio:.1f}x {tool} of {factor}x", ratio >= factor
    if goal.like_small:
        small = results[SMALL_CORE]
        if small.fault:
            yield "the small core failed", None
        else:
            ratio = ours.median / small.median
            yield f"{ratio:.2f} of the small core's time", ratio <= WITHIN
    if goal.beside:
        plain = results[PLAIN]
        if plain.fault:
            yield "the run without locals failed", None
        else:
            ratio = ours.median / plain.median
            yield f"{ratio:.2f}x the time without locals, of {goal.beside:g}", ratio <= goal.beside


def _cost_checks(goal, ours):
    if ours.rss_anon is None:
        yield "RssAnon could not be measured", None
    else:
        yield f"RssAnon {ours.rss_anon / 1e6:.1f} MB of {goal.rss / 1e6:g}", ours.rss_anon < goal.rss
    if ours.pause is not None:
        yield f"pause {ours.pause * 1e3:.2f} ms of {goal.pause * 1e3:g}", ours.pause < goal.pause


def verdict(checks):
    if any(ok is False for _, ok in checks):
        return "MISS"
    return "ok" if checks and all(ok for _, ok in checks) else "not judged"
