"""Cores that are cut off, and files that are gone, replaced, or were stripped of what an unwinder needs: reports that are
honest about it. Whatever is called certain must be what the whole core shows."""
import os
import shutil
import subprocess

from report import Failed, Report, native_frames, python_frames, show

# How much of a core is left.
PARTS = (0.9999, 0.97, 0.9, 0.8, 0.6, 0.4, 0.2, 0.05, 0.01, 0.003)
HEADS = (4096, 300, 64, 10, 0)  # bytes


def certain_frames(thread):
    return [frame for frame in native_frames(thread) if frame["certain"] and not frame["inlined"]]


def made_up(thread, whole):
    """Frames that are called certain and are not in the undamaged stack, in its order."""
    rest = iter([frame["address"] for frame in native_frames(whole)])
    return [frame for frame in certain_frames(thread) if not any(address == frame["address"] for address in rest)]


def disordered(thread, whole):
    """Frames that are sure, and stand in another order than in the undamaged merged stack."""
    if not (thread["merged"] and whole["merged"]):
        return []
    rest = iter([(frame["kind"], frame["address"]) for frame in whole["frames"]])
    return [frame for frame in thread["frames"]
            if (frame["certain"] and not frame["inlined"] if frame["kind"] == "native" else not frame["error"])
            and (frame["kind"], frame["address"]) not in rest]


def unmarked(thread):
    """Frames behind a guess that are called certain although nothing certain lies further out."""
    frames = [frame for frame in native_frames(thread) if not frame["inlined"]]
    guess = next((i for i, frame in enumerate(frames) if frame["found_by"] != "cfi"), len(frames))
    broken = bool(thread.get("native_error")) or thread.get("native_cut")  # a state without a thread has neither
    return [frame for frame in frames[guess:] if broken and frame["certain"]]


def faults(report, whole):
    """Of a damaged process's report, beside that of the same process undamaged."""
    for thread in report.threads:
        before = next((t for t in whole.threads if (t["tid"], t["interpreter"]) == (thread["tid"], thread["interpreter"])), None)
        if not before:
            before = next((t for t in whole.threads if t["tid"] == thread["tid"]), None)
        if not before and thread["tid"] is None:  # a state whose thread is lost
            before = whole.threads[0]
        if not before:
            yield f"thread {thread['tid']} was never there"
            continue
        for frame in made_up(thread, before)[:2]:
            yield f"thread {thread['tid']}: {show(frame)} is called certain"
        for frame in disordered(thread, before)[:2]:
            yield f"thread {thread['tid']}: {show(frame)} stands elsewhere"
        for frame in unmarked(thread)[:2]:
            yield f"thread {thread['tid']}: {show(frame)} follows a guess and is not marked"
        known = {(f["function"], f["file"], f["line"]) for f in python_frames(before)} | {(None, None, None)}
        for frame in python_frames(thread):
            if not frame["error"] and (frame["function"], frame["file"], frame["line"]) not in known:
                yield f"thread {thread['tid']}: made up {show(frame)}"
    if whole.document["process"]["signal"] and not report.verdict:
        yield "no verdict"


def judge(counts, name, pycore, where, whole, status=(0, 1, 2), more=(), cause=None):
    """Returns the report, or None where there was none."""
    try:
        report = Report(pycore, where, "all", more)
        found = list(faults(report, whole))
        if report.status not in status:
            found.append(f"status {report.status}, not {status}")
        if cause and report.verdict and report.verdict["cause"] != cause:
            found.append(f"cause {report.verdict['cause']}, not {cause}")
        counts.judge(name, found, f"status {report.status}, {sum(len(native_frames(t)) for t in report.threads)} native frames")
    except Failed as why:
        counts.judge(name, [why])
        return None
    finally:
        counts.tally("damaged cores and files", 1)
    return report


def cut_off(counts, name, pycore, core, whole):
    """The core shorter and shorter, in place."""
    size = core.stat().st_size
    shorter = core.with_name("cut")
    cause = (whole.verdict or {}).get("cause")
    for left in [*(int(size * part) for part in PARTS), *HEADS]:
        with open(core, "rb") as whole_file, open(shorter, "wb") as file:
            shutil.copyfileobj(Limited(whole_file, left), file)
        title = f"{name}: {left} of {size} bytes"
        if left > 4096:
            judge(counts, title, pycore, [shorter], whole, (1, 2), cause=cause)
        else:
            nothing(counts, title, pycore, shorter)


class Limited:
    def __init__(self, file, left):
        self.file, self.left = file, left

    def read(self, size):
        data = self.file.read(min(size, self.left))
        self.left -= len(data)
        return data


def nothing(counts, name, pycore, core):
    """So little of a core that there is nothing to say; but it must be said."""
    done = subprocess.run([pycore, "dump", "--native=all", core], capture_output=True, timeout=60)
    found = [] if done.returncode in (1, 2) and (done.stderr or done.stdout) else [f"status {done.returncode}, {done.stderr[-300:]}"]
    counts.tally("damaged cores and files", 1)
    counts.judge(name, found, done.stderr.decode(errors="replace").strip())


def spoil(path, how, other):
    """What happens to a file between the death and the report."""
    kept = path.with_name(path.name + ".kept")
    os.rename(path, kept)
    if how == "replaced":
        shutil.copyfile(other, path)
    elif how == "cut":
        path.write_bytes(kept.read_bytes()[:kept.stat().st_size // 2])
    elif how == "garbage":
        path.write_bytes(b"\x7fELF" + b"\xa5" * 5000)
    elif how == "zeroes":
        path.write_bytes(bytes(kept.stat().st_size))
    elif how == "a folder":
        path.mkdir()
    elif how == "a pipe":
        os.mkfifo(path)
    return kept


def restore(path, kept):
    if path.is_dir():
        path.rmdir()
    elif path.exists():
        path.unlink()
    os.rename(kept, path)


SPOILS = ("removed", "replaced", "cut", "garbage", "zeroes", "a folder", "a pipe")


def files(counts, name, pycore, where, whole, path, other, hows=SPOILS):
    """The same core while one of the files that it maps is not what it was."""
    cause = (whole.verdict or {}).get("cause")
    for how in hows:
        kept = spoil(path, how, other)
        try:
            judge(counts, f"{name}: {path.name} {how}", pycore, where, whole, cause=cause)
        finally:
            restore(path, kept)


def elsewhere(counts, name, pycore, where, whole, path):
    """The file was moved, and the command line says where to."""
    folder = path.with_name("moved")
    folder.mkdir()
    os.rename(path, folder / path.name)
    try:
        report = judge(counts, f"{name}: {path.name} in another folder", pycore, where, whole, (0,), ["--lib-path", folder])
        if report:
            tids = [thread["tid"] for thread in whole.threads]
            found = [f"thread {tid}: other native frames than before" for tid in tids if
                     [[(f["address"], f["function"], f["line"]) for f in native_frames(t)] for t in report.of(tid)] !=
                     [[(f["address"], f["function"], f["line"]) for f in native_frames(t)] for t in whole.of(tid)]]
            counts.judge(f"{name}: {path.name} in another folder, frames", found)
    finally:
        os.rename(folder / path.name, path)
        folder.rmdir()
