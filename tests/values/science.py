"""numpy and pandas, in a virtual environment of each Python that can have them: arrays say what they are and begin with."""
import dataclasses
import os
import pathlib
import subprocess

import judge
import subject
from subject import target

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "pycore-tests"
PACKAGES = {(3, 8): ["numpy"], (3, 11): ["numpy", "pandas"], (3, 13): ["numpy"]}
# What the value of every array must hold: its dtype, its shape, and its first values one behind the other.
ARRAYS = {"floats": ("float64", "(3,)", "1.5", "2.0", "-0.25"), "ints": ("int64", "(3,)", "1", "2", "3"),
          "flags": ("bool", "(2,)", "True", "False"), "table": ("int64", "(2, 3)", "0", "1", "2", "3", "4", "5"),
          "cube": ("float64", "(2, 2, 2)", *["0.0"] * 8), "empty": ("float64", "(0,)"), "nothing": ("float64", "(0, 3)"),
          "large": ("int64", "(100000,)", "0", "1", "999", "+99000 more"), "single": ("float32", "(1,)", "1.5"),
          "tiny": ("int8", "(1,)", "-1"), "unsigned": ("uint8", "(1,)", "255"), "half": ("float16", "(1,)", "0.5"),
          "swapped": ("i4", "(2,)", "1", "2"), "texts": ("U2", "(2,)"), "octets": ("S2", "(1,)"),
          "objects": ("object", "(2,)", "None", "'x'"), "double_complex": ("complex128", "(1,)", "1", "2j"),
          "stepped": ("int64", "(4,)", "0", "3", "6", "9"), "backwards": ("int64", "(4,)", "3", "2", "1", "0"),
          "turned": ("int64", "(3, 2)", "0", "3", "1", "4", "2", "5"), "zero_dimensions": ("int64", "()", "5"),
          "record": ("", "(1,)")}
SCALARS = {"double": "1.5", "single": "0.1", "half": "0.5", "small": "-1", "whole": "5", "byte": "7",
           "unsigned": "18446744073709551615", "truth": "True", "falsehood": "False", "imaginary": "1+2j",
           "text": "'text'", "octets": "b'bytes'"}


def jobs(options, chosen):
    for python in chosen:
        if python.name != "system" and not python.root and python.version[:2] in PACKAGES:
            yield check, python.name, (python, options.mode)


def environment(python):
    """The Python of an environment that holds the packages, made now or in an earlier run."""
    home = CACHE / f"science-{python.name}"
    if not (home / "complete").exists():
        for command in ([python.path, "-m", "venv", "--clear", home],
                        [home / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:",
                         *PACKAGES[python.version[:2]]]):
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=540)
            if done.returncode:
                raise target.Skip(f"no numpy: {(done.stderr.strip() or done.stdout.strip())[-200:]}")
        (home / "complete").touch()
    return dataclasses.replace(python, path=str(home / "bin/python"))


def check(options, tally, folder, python, modes):
    inside = environment(python)
    for mode in modes:
        place = folder / f"science-{python.name}-{mode}"
        with subject.start(place, inside, "science.py", hang=mode == "live") as process:
            run = subject.dump(options.pycore, "--locals=full", *process.where)
            lost = [one["why"] for one in run.document["problems"] if "multiarray" in one["where"]]
            if lost:  # the names of numpy's types lie in that file
                tally.skip(f"science: {python.name}/{mode}", lost[0])
                continue
            compare(tally, f"{python.name}/science {mode}", process, run)


def compare(tally, where, process, run):
    truths = {local.key: local for local in subject.truths(process)}
    for fault in run.faults:
        tally.fail(where, fault)
    found = {f"{frame['function']}.{one['name']}": one for frame in subject.frames(run.document, process.truth["pid"])
             for one in frame["locals"]}
    for key, local in truths.items():
        if not local.function.startswith("<"):
            tally.add(where, judge_one(local, found.get(key)))


def judge_one(local, found):
    if found is None or found["value"] is None:
        return judge.Verdict(f"science.{local.key}", "missing", local.value, str(found))
    value, lacking = found["value"], []
    if local.function == "arrays":
        dtype, shape, *items = ARRAYS[local.name]
        rest = value.replace(dtype, "", 1).replace(shape, "", 1) if dtype in value and shape in value else value
        lacking = [word for word in (dtype, shape) if word not in value] + not_in_order(rest.split(local.address)[-1], items)
    elif local.name in SCALARS:
        lacking = not_in_order(value.split(local.address)[-1], [SCALARS[local.name]])
    elif local.name in ("frame", "series") and local.value != "None":
        lacking = not_in_order(value, ["<pandas.", f" object at {local.address}>", " {"])
    elif local.name.startswith("dtype"):
        lacking = not_in_order(value, ["float64" if local.name == "dtype" else "i4"])
    return judge.Verdict(f"science.{local.key}", "lacks " + ", ".join(lacking) if lacking else "", local.value, value)


def not_in_order(value, words):
    """Those that do not stand behind the ones before them."""
    at, lacking = 0, []
    for word in words:
        place = value.find(word, at)
        if place < 0:
            lacking.append(word)
        else:
            at = place + len(word)
    return lacking
