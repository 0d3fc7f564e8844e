"""The zoo in a core whose binaries are not at hand: their build-ids are wiped out in the core, so that no file matches.

Names of what C defines lie in those binaries: a `?` in their place is right. The rest must be as it is, and the values of
the families listed here wholly so.
"""
import dataclasses

import judge
import subject
import target
from corefile import CoreFile

BUILD_ID = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0"  # the head of its note, 20 bytes long
PAGE = 4096
WHOLE = set("""singletons ints floats complexes strings unicode_strings printable odd_strings byte_strings byte_arrays lists
    tuples dicts big_dicts split_dicts sets ranges self_references beyond_limits dict_instances slot_instances
    builtin_subclasses named_tuples enums data_classes exceptions chained_exceptions generators frame_objects cells deques
    mappings locks futures rationals_and_ids decimals times taking_all no_rest unset capturing inner innermost Body many
    deeper keywords annotated positional raising name_spaces""".split())


def jobs(options, chosen):
    for python in chosen:
        yield check, python.name, (python,)


def check(options, tally, folder, python):
    where = f"{python.name}/bare"
    with subject.start(folder / f"bare-{python.name}", python, "zoo.py") as process:
        with CoreFile(process.core) as core:
            wiped = wipe(core)
        run = subject.dump(options.pycore, "--locals=full", *process.where)
        used = run.document["python"]["build_id"]
        if used is None:
            raise target.Skip("bare: its binary has no build-id that could be wiped out")
        tally.add(where, judge.Verdict("bare: no binary is used", "" if wiped and not used.strip("0") else f"{used} is"))
        for fault in run.faults:
            tally.fail(where, fault)
        frames = subject.frames(run.document, process.truth["pid"])
        for verdict in judge.values(subject.truths(process), frames, python.version):
            tally.add(where, dataclasses.replace(forgiven(verdict, python.version), key=f"bare {verdict.key}"))


def wipe(core):
    """How many build-ids were there."""
    heads = [segment for segment in core.segments if core.get(segment.start, 4) == b"\x7fELF"]
    notes = [(segment.start, core.get(segment.start, min(segment.size, PAGE)).find(BUILD_ID)) for segment in heads]
    for start, at in notes:
        if at >= 0:
            core.put(start + at + len(BUILD_ID), bytes(20))
    return sum(at >= 0 for _, at in notes)


def forgiven(verdict, version):
    """Right after all, if a name that C defines is missing in it, or the type of a file below a file is."""
    function, fault = verdict.key.partition(".")[0], verdict.fault
    lost = fault.startswith("type") or fault.startswith("value") and (
        "?" in verdict.found or "unknown type" in verdict.found or "_io." in verdict.expected or "not saved in this core" in verdict.found)
    whole = function in WHOLE and not (function == "cells" and version < (3,))  # nothing in 2.7 leads to a cell
    if lost and not whole:
        return judge.Verdict(verdict.key, "", reason="names that C defines are in the binaries")
    return verdict
