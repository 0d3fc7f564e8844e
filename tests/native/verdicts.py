"""Why it died: what the verdict says, beside what the program and whoever killed it know."""
import os
import re
import shlex
import subprocess

from report import native_frames, python_frames

LINES = 12


def frame_faults(report, verdict):
    """The frames that it names must be the thread's own."""
    thread = report.crashed
    if not thread:
        return
    if verdict["thread"] != thread["tid"]:
        yield f"thread {verdict['thread']}, not {thread['tid']}"
    for kind, frames in (("python_frame", python_frames(thread)), ("native_frame", native_frames(thread))):
        found = verdict[kind]
        if bool(found) != bool(frames):
            yield f"{kind} is {found}, of {len(frames)}"
        elif found and found["address"] not in [frame["address"] for frame in frames]:
            yield f"{kind} {found['function']} is none of the thread's"
    innermost = python_frames(thread)[:1]
    if innermost and verdict["python_frame"] and verdict["python_frame"]["address"] != innermost[0]["address"]:
        yield f"python_frame {verdict['python_frame']['function']}, not {innermost[0]['function']}"


def fact_faults(report, verdict, facts):
    """Facts are what the program wrote down: address, path, sender, pid, what some lines must hold."""
    died = report.document["process"]["signal"] or {}
    text = "\n".join(verdict["lines"])
    if "address" in facts and int(died.get("address") or "-1", 16) != facts["address"]:
        yield f"address {died.get('address')}, not {facts['address']:#x}"
    if "sender" in facts and (died.get("sender_pid") != facts["sender"] or str(facts["sender"]) not in text):
        yield f"sender {died.get('sender_pid')}, not {facts['sender']}, or not told"
    if "path" in facts and os.path.basename(facts["path"]) not in text:
        yield f"{facts['path']} not told"
    for line in facts.get("lines", ()):
        if line not in text:
            yield f"{line!r} not told"
    if "pid" in facts and report.document["process"]["pid"] != facts["pid"]:
        yield f"pid {report.document['process']['pid']}, not {facts['pid']}"


def faults(report, death, facts):
    verdict = report.verdict
    if not verdict:
        yield "no verdict"
        return
    died = report.document["process"]["signal"] or {}
    if died.get("name") != death.signal:
        yield f"signal {died.get('name')}, not {death.signal}"
    if verdict["cause"] != death.cause:
        yield f"cause {verdict['cause']}, not {death.cause}: {verdict['summary']}"
    if not 1 <= len(verdict["lines"]) <= LINES or verdict["lines"][0] != verdict["summary"]:
        yield f"{len(verdict['lines'])} lines, the first: {verdict['lines'][:1]}"
    lost = death.cause == "fatal-error" and any("message" in line for line in verdict["missing"])  # and said so
    if death.message and not lost and not re.search(death.message, verdict["message"] or ""):
        yield f"message {verdict['message']!r}, not {death.message}"
    yield from frame_faults(report, verdict)
    yield from fact_faults(report, verdict, facts)


def next_faults(pycore, report):
    """The command that it calls worth running must be one."""
    verdict = report.verdict
    if verdict and verdict["next"]:
        program, *arguments = shlex.split(verdict["next"])
        done = subprocess.run([pycore, *arguments], capture_output=True, timeout=120)
        if program != "pycore" or done.returncode not in (0, 2, report.status):
            yield f"{verdict['next']}: status {done.returncode}, {done.stderr[-200:]}"


def judge(counts, name, pycore, report, death, facts):
    found = [*faults(report, death, facts), *next_faults(pycore, report)]
    counts.tally("verdicts compared with the truth", 1, bool(found))
    counts.judge(f"{name}: verdict", found, (report.verdict or {}).get("summary", ""))


def judge_live(counts, name, report, death):
    """A live process has no verdict; but it says what it waits in."""
    found = []
    if report.verdict and (report.verdict["lines"] or report.verdict["cause"] not in ("unknown", None)):
        found.append(f"a verdict on what lives: {report.verdict['summary']}")
    main = next(thread for thread in report.threads if thread["main"])
    if not re.match(rf"({death.waits})\(", main["waits_in"] or ""):
        found.append(f"waits in {main['waits_in']}, not {death.waits}")
    counts.tally("system calls of live threads compared", 1, bool(found))
    counts.judge(f"{name}: what it does", found, main["waits_in"] or "")


def judge_snapshot(counts, name, report):
    """A core that was taken of what lives."""
    verdict, found = report.verdict, []
    if not report.document["source"]["snapshot"]:
        found.append("not called a snapshot")
    if not verdict or verdict["cause"] != "snapshot":
        found.append(f"verdict {verdict and verdict['cause']}, not snapshot")
    counts.tally("verdicts compared with the truth", 1, bool(found))
    counts.judge(f"{name}: verdict", found)
