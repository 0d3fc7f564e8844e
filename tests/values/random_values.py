"""Random nested values: each Python makes its own from a seed, under wide limits and, where they are plain, narrow ones."""
import dataclasses

import judge
import subject

COUNT = 1000
NARROW = ["--max-items", 3, "--max-string", 8, "--max-depth", 2]  # as fixtures/values/chance.py has them


def jobs(options, chosen):
    for python in chosen:
        yield check, python.name, (python,)


def check(options, tally, folder, python):
    with subject.start(folder / f"random-{python.name}", python, "chance.py", f"{options.seed},{COUNT}") as process:
        truths = [local for local in subject.truths(process) if local.name.startswith("v")]
        plain = [dataclasses.replace(local, value=local.small) for local in truths if local.small is not None]
        for name, limits, expected in (("wide", [], truths), ("narrow", NARROW, plain)):
            run = subject.dump(options.pycore, "--locals=full", *limits, *process.where)
            where = f"{python.name}/random"
            for fault in run.faults:
                tally.fail(where, fault)
            frames = [{**frame, "locals": [one for one in frame["locals"] if one["name"].startswith("v")]}
                      if frame["function"].startswith(("plain_", "any_")) else frame
                      for frame in subject.frames(run.document, process.truth["pid"])]
            types = {local.key: local.type for local in expected}
            for verdict in judge.values(expected, frames, python.version):
                key = f"random {types.get(verdict.key, 'frame')}, {name} limits"
                tally.add(where, dataclasses.replace(verdict, key=key))
