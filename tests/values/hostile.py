"""Names and texts made to trouble a terminal, and values made to trouble a reader by their size or depth."""
import dataclasses
import pathlib
import sys

import judge
import subject

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import kit  # noqa: E402

# Seconds that a report may take. Each core is far larger than what a report needs of it.
GIANTS = {"long_text": 1, "long_list": 1, "large": 5, "many_locals": 2, "nests": 5}
NESTED = ("--max-depth", 100, "--max-items", 1000000)
SEVERAL = ((2, 7), (3, 8), (3, 12), (3, 13))  # the versions whose dicts, ints and frames are not alike


def jobs(options, chosen):
    for python in chosen:
        yield names, python.name, (python,)
    for python in chosen:
        if python.version[:2] in SEVERAL or len(chosen) == 1:
            for giant, seconds in GIANTS.items():
                yield sizes, f"{python.name} {giant}", (python, giant, seconds)


def names(options, tally, folder, python):
    where = f"{python.name}/names"
    with subject.start(folder / f"names-{python.name}", python, "vexing.py") as process:
        run = subject.dump(options.pycore, "--locals=full", *process.where)
        for fault in run.faults:
            tally.fail(where, fault)
        truths = [local for local in subject.truths(process) if local.function in ("hold", "vexing")]
        for verdict in judge.values(truths, subject.frames(run.document, process.truth["pid"]), python.version):
            tally.add(where, dataclasses.replace(verdict, key=f"names {verdict.key}"))
        for arguments in (["--locals=full"], ["--locals"], ["--locals", "--color=always"], ["--globals"], ["--redact", "--locals"]):
            ran = kit.run([options.pycore, "dump", *arguments, *process.where])
            faults = [*kit.rules(ran, "--color=always" in arguments), *kit.statuses((kit.COMPLETE, kit.PARTIAL), ran)]
            tally.add(where, judge.Verdict(f"names as text, {' '.join(arguments)}", "; ".join(faults)))


def sizes(options, tally, folder, python, giant, seconds):
    seconds *= options.slow
    where = f"{python.name}/{giant}"
    with subject.start(folder / f"giant-{python.name}-{giant}", python, "giants.py", giant) as process:
        for arguments in ([], ["--locals"], ["--locals=full"], ["--locals=full", *NESTED]):
            name = f"giant {giant} {' '.join(map(str, arguments))}"
            try:
                run = subject.dump(options.pycore, *arguments, *process.where, limit=10 * seconds)
            except subject.Fault as fault:
                tally.add(where, judge.Verdict(name, str(fault)))
                continue
            late = [f"took {run.seconds:.1f} s, not {seconds}"] if run.seconds > seconds else []
            status = [f"status {run.status}"] if run.status else []
            tally.add(where, judge.Verdict(name, "; ".join([*run.faults, *late, *status])))
            if giant == "many_locals" and arguments:
                tally.add(where, judge.Verdict(f"{name}: their number", counted(run, process.truth["pid"])))
            if arguments == ["--locals=full"]:
                expected = [local for local in subject.truths(process) if local.function == giant]
                frames = subject.frames(run.document, process.truth["pid"])
                for verdict in judge.values(expected, frames, python.version):
                    tally.add(where, verdict)


def counted(run, pid):
    """"" if all the locals of the frame that has 10 000 and an argument are listed, or counted as left out."""
    frame = next(frame for frame in subject.frames(run.document, pid) if frame["function"] == "many")
    number = len(frame["locals"]) + frame["locals_omitted"]
    return "" if number == 10001 and len(frame["locals"]) > 1000 else f"{len(frame['locals'])} and {number} in all"
