"""Print the figures and save them."""
import json
import os
import platform
import re
import sys
from dataclasses import asdict
from pathlib import Path

from result import verdict


def _number(value, scale, digits=1):
    return "-" if value is None else f"{value * scale:.{digits}f}"


HEAD = ["", "median ms", "min", "max", "x pycore", "RssAnon MB", "VmHWM MB", "pause ms", "(noise)", "(own)"]


def _cells(result, ours):
    ratio = result.median / ours.median if ours and not ours.fault else None
    return [
        result.tool,
        _number(result.median, 1e3, 2),
        _number(min(result.seconds), 1e3, 2),
        _number(max(result.seconds), 1e3, 2),
        _number(ratio, 1),
        _number(result.rss_anon, 1e-6),
        _number(result.vm_hwm, 1e-6),
        _number(result.pause, 1e3, 2),
        _number(result.noise, 1e3, 2),
        _number(result.told_pause, 1e3, 2),
    ]


def _line(cells):
    return f"  {cells[0]:<9}" + "".join(f"{cell:>11}" for cell in cells[1:])


def show(row, results, checks):
    print(f"\n{row.name}   to reach: {row.goal}")
    print(_line(HEAD))
    ours = results.get("pycore")
    for result in results.values():
        if result.fault:
            print(f"  {result.tool:<9} FAILED: {result.fault}")
        else:
            print(_line(_cells(result, ours)))
    for word, kind in ("ok", True), ("MISS", False), ("?", None):
        said = "; ".join(text for text, ok in checks if ok is kind)
        if said:
            print(f"  {word:<5} {said}")
    sys.stdout.flush()


def summary(rows, skipped):
    """rows: {name: (results, checks)}"""
    print()
    for word in "ok", "MISS", "not judged":
        names = [name for name, (_, checks) in rows.items() if verdict(checks) == word]
        if names:
            print(f"{word}: {len(names)} of {len(rows)} rows: {', '.join(names)}")
    if skipped:
        print(f"SKIPPED: {', '.join(skipped)}")


def machine():
    model = re.search(r"^model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(), re.M)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return (f"{model[1] if model else platform.machine()}, {os.cpu_count()} CPUs, {memory / 1e9:.0f} GB, "
            f"Linux {platform.release()}, load {os.getloadavg()[0]:.2f}")


def save(path, head, rows):
    """Write all of it as JSON; rows as above."""
    document = dict(head, rows=[
        {"name": name, "verdict": verdict(checks), "checks": checks,
         "results": [dict(asdict(r), median=r.median, pause=r.pause) for r in results.values()]}
        for name, (results, checks) in rows.items()])
    Path(path).write_text(json.dumps(document, indent=1) + "\n")
