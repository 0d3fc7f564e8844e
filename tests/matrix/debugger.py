"""LLDB, whose cores are minidumps: the one that fixtures/pythons fetched, else the one that is installed."""
import functools
import re
import shutil
import subprocess

import pythons

FULL = 19  # the first version that writes all of a process, which is --style full


@functools.lru_cache
def find():
    """(program, version), the newer the better; None: there is none."""
    found = []
    for path in (pythons.cache() / "lldb/bin/lldb", shutil.which("lldb")):
        try:
            text = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
        except (OSError, TypeError, subprocess.SubprocessError):
            continue
        version = re.search(r"version (\d+)", text)
        if version:
            found.append((str(path), int(version[1])))
    return max(found, key=lambda one: one[1], default=None)


def save(pid, path, style="full"):
    """Stops the process, writes the minidump, and lets it go on. None: done; else why it could not be."""
    found = find()
    if found is None:
        return "no lldb here (fixtures/pythons get lldb)"
    if style != "stack" and found[1] < FULL:
        return f"lldb {found[1]} writes stacks only (fixtures/pythons get lldb)"
    ran = subprocess.run([found[0], "--no-lldbinit", "--batch", "-p", str(pid), "-o", f"process save-core --style {style} {path}",
                          "-o", "detach"], capture_output=True, text=True, errors="replace", timeout=300, stdin=subprocess.DEVNULL,
                         check=False)
    if path.exists() and path.stat().st_size:
        return None
    lines = [line for line in (ran.stdout + ran.stderr).splitlines() if line.startswith("error:")]
    return f"lldb wrote no core: {lines[-1] if lines else 'it does not say why'}"


def save_at_death(command, path, **how):
    """Runs a program that dies, and writes the minidump where it does. As save()."""
    found = find()
    if found is None or found[1] < FULL:
        return "no lldb here that writes more than stacks (fixtures/pythons get lldb)"
    subprocess.run([found[0], "--no-lldbinit", "--batch", "-o", "settings set target.unset-env-vars PYTHONHOME",
                    "-o", "run", "-k", f"process save-core --style full {path}", "-k", "kill", "--", *map(str, command)],
                   capture_output=True, timeout=300, stdin=subprocess.DEVNULL, check=False, **how)
    return None if path.exists() and path.stat().st_size else "lldb wrote no core"
