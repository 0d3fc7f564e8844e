"""A redacted report must not hold a text of the process: it is what travels."""
import judge
import subject
from hostile import kit

SECRET = "s3cr3t"  # fixtures/values/secrets_kept.py
OPTIONS = (["--locals"], ["--locals=full"], ["--globals"], ["--locals=full", "--globals", "--json"], ["--json", "--locals"])
SHAPES = (SECRET, SECRET[1:], "".join(f"\\x{ord(char):02x}" for char in SECRET))


def jobs(options, chosen):
    for python in chosen:
        yield check, python.name, (python,)


def check(options, tally, folder, python):
    where = f"{python.name}/redact"
    place = folder / f"redact-{python.name}"
    with subject.start(place, python, "secrets_kept.py", f"--password={SECRET}") as process:
        for arguments in OPTIONS:
            name = f"redact {' '.join(arguments)}"
            ran = kit.run([options.pycore, "dump", "--redact", *arguments, *process.where])
            faults = [*kit.rules(ran), *kit.statuses(kit.COMPLETE, ran)]
            tally.add(where, judge.Verdict(name, "; ".join(faults)))
            for line in ran.out.splitlines():
                for shape in SHAPES:
                    if shape in line:
                        at = line.index(shape)
                        tally.add(where, judge.Verdict(f"{name}: {line.strip()[:20]}", "a text is shown", "",
                                                       line[max(0, at - 100):at + 60]))
                        break
        plain = kit.run([options.pycore, "dump", "--locals", *process.where])
        lacking = "" if SECRET in plain.out else "the report that is not redacted lacks the secret, too"
        tally.add(where, judge.Verdict("redact: the control", lacking))
        types = subject.dump(options.pycore, "--redact", "--locals", *process.where)
        shown = {one["name"]: one for one in subject.frames(types.document, process.truth["pid"])[1]["locals"]}
        faults = [f"{name} is {shown[name]['type']}" for name, kind in (("text", "str"), ("listing", "list"), ("mapping", "dict"))
                  if shown[name]["type"] != kind]
        if shown["number"]["value"] != "12345" or shown["nothing"]["value"] != "None":
            faults.append("what is no text is redacted, too")
        tally.add(where, judge.Verdict("redact: types and numbers stay", "; ".join(faults)))
