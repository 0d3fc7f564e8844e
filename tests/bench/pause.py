"""How long a tool keeps its target from running, seen from inside the target.

The main thread of the target does nothing but look at the clock, and tells the longest time between two
looks, less what it spent waiting for a CPU (see target.py).  What is left without any tool, measured for
as long before each run, is the noise.
"""
import json
import mmap
import time
from pathlib import Path

import measure
import subject


class Heartbeat:
    """The eight bytes that are shared with a target that was started with --heartbeat."""

    def __init__(self, folder):
        self.path = str(Path(folder, "heartbeat"))
        with open(self.path, "w+b") as file:
            file.truncate(8)
            self.worst = memoryview(mmap.mmap(file.fileno(), 8)).cast("d")

    def longest_gap(self, action):
        """Seconds, and what action() returned."""
        self.worst[0] = 0.0
        done = action()
        time.sleep(0.005)  # the target may have just been let go on
        return self.worst[0], done


def _one_run(result, argv, heartbeat, folder):
    usual = result.median
    result.quiet.append(heartbeat.longest_gap(lambda: time.sleep(usual))[0])
    gap, run = heartbeat.longest_gap(lambda: measure.run(argv, folder))
    result.gaps.append(gap)
    result.fault = run.fault(result.proof)


def _told(run):
    """The pause as the tool itself reports it, in seconds, or None."""
    try:
        return json.loads(run.output)["source"]["pause_seconds"]
    except (ValueError, KeyError):
        return None


def measure_all(row, found, results, runs, folder):
    """Fill gaps, quiet and own_pause of the results."""
    heartbeat = Heartbeat(folder)
    options = {**row.target, "heartbeat": heartbeat.path}
    with subject.live(row.version, options, folder) as target:
        for _ in range(runs):
            for tool in found:
                result = results.get(tool.name)
                if not result or result.fault:
                    continue
                _one_run(result, tool.argv(tool.live, target, row), heartbeat, folder)
                if tool.pause:
                    result.own_pause.append(_told(measure.run(tool.argv(tool.pause, target, row), folder)))
