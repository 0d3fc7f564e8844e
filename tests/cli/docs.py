#!/usr/bin/python3
"""Compares what is written about pycore with what it is: --help with the man pages, the JSON schemas with pycore-json(5),
the support matrix in README.md with what `pycore layout --list` calls run; and runs the examples of the man pages.
"""
import argparse
import contextlib
import itertools
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
MAN = TOP / "man"
SCHEMAS = ("pycore.dump", "pycore.info", "pycore.print", "pycore.survey")
LIMIT = 30  # seconds for one command
PYTHON = "/usr/bin/python3"


class Skip(Exception):
    """A check that cannot be made here, and why."""


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT, check=False, **options)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def output_of(pycore, *words):
    status, out, err = run([pycore, *words])
    if status:
        raise RuntimeError(f"pycore {' '.join(words)}: exit status {status}: {err.strip()}")
    return out


# --- mdoc: only what our own pages use -------------------------------------------------------------------------------

def plain(macros):
    """The text of one mdoc line's macros: 'Fl o , Fl -output Ar FILE' is '-o, --output FILE'."""
    text, glue = "", True
    flag = False
    for word in macros.split():
        if word in ("Op", "Oo"):
            text, glue = text + ("" if glue else " ") + "[", True
            closing = word == "Op"
        elif word == "Oc":
            text, glue = text + "]", False
        elif word == "Ns":
            glue = True
        elif word == "Fl":
            flag = True
        elif word in ("Ar", "Cm", "Va", "Nm"):
            flag = False
        else:
            word = "-" + word if flag else word
            text, glue = text + ("" if glue or word == "," else " ") + word, False
            flag = False
    return text + ("]" if macros.startswith("Op ") and closing else "")


def page(name):
    return (MAN / name).read_text(encoding="utf-8").splitlines()


def section(lines, title):
    """The lines between .Sh title and the next .Sh."""
    inside = []
    found = False
    for line in lines:
        if line.startswith(".Sh "):
            found = line == f".Sh {title}"
        elif found:
            inside.append(line)
    return inside


def items(lines, macro=".It "):
    return [plain(line[len(macro):]) for line in lines if line.startswith(macro)]


def synopses(lines):
    """Each form of the SYNOPSIS as one line."""
    forms = []
    for line in section(lines, "SYNOPSIS"):
        if line.startswith(".Nm "):
            forms.append([line[4:]])
        else:
            forms[-1].append(plain(line[1:]))
    return [" ".join([plain(form[0]), *form[1:]]) for form in forms]


def summary(lines):
    return next(line[4:] for line in lines if line.startswith(".Nd "))


def examples(lines):
    return [line[2:].replace("\\e", "\\") for line in section(lines, "EXAMPLES") if line.startswith("$ ")]


# --- --help ----------------------------------------------------------------------------------------------------------

def usage(text):
    return re.match(r"Usage: (.*)\n", text)[1]


def help_options(text):
    return re.findall(r"^  (-\S.*?)(?:  .*)?$", text, re.MULTILINE)


def help_commands(text):
    block = text.partition("Commands:\n")[2].partition("\n\n")[0]
    return dict(re.findall(r"^  (\S+) +(.*)$", block, re.MULTILINE))


def differences(here, there, one, other):
    """Texts for what is in one list only."""
    for thing in here:
        if thing not in there:
            yield f"{one} has '{thing}', {other} has not"
    for thing in there:
        if thing not in here:
            yield f"{other} has '{thing}', {one} has not"


def check_command(pycore, command, text):
    """One command's --help against its page."""
    name = f"pycore-{command}.1"
    shown, lines = output_of(pycore, command, "--help"), page(name)
    forms = [form.removeprefix(f"pycore {command} ") for form in synopses(lines)]
    if usage(shown) != f"pycore {command} " + " | ".join(forms):
        yield f"usage is '{usage(shown)}', the SYNOPSIS of {name} is '{' | '.join(forms)}'"
    yield from differences(help_options(shown), items(section(lines, "OPTIONS")), "--help", name)
    if summary(lines) != text:
        yield f"--help calls it '{text}', .Nd of {name} '{summary(lines)}'"


def check_commands(pycore):
    """`pycore --help` against pycore.1."""
    shown, lines = output_of(pycore, "--help"), page("pycore.1")
    commands = help_commands(shown)
    yield from differences(list(commands), items(section(lines, "COMMANDS")), "--help", "pycore.1")
    yield from differences(help_options(shown), items(section(lines, "OPTIONS")), "--help", "pycore.1")
    if usage(shown) != synopses(lines)[0]:
        yield f"usage is '{usage(shown)}', the SYNOPSIS '{synopses(lines)[0]}'"
    for name, text in commands.items():
        where = next(i for i, line in enumerate(lines) if line == f".It Cm {name}")
        if lines[where + 1] != f"{text}.":
            yield f"pycore.1 says of {name} '{lines[where + 1]}', --help '{text}'"


def check_environment(pycore):
    """Every variable that the program asks for is in the page of dump."""
    del pycore
    text = "".join(path.read_text(encoding="utf-8") for folder in ("src", "corefmt") for path in (TOP / folder).rglob("*.c"))
    asked = sorted(set(re.findall(r'getenv\("(\w+)"\)', text)))
    lines = section(page("pycore-dump.1"), "ENVIRONMENT")
    yield from differences(asked, [line.split()[2] for line in lines if line.startswith(".It Ev ")], "the program", "the page")


def check_lint(pycore, name):
    del pycore
    if not shutil.which("mandoc"):
        raise Skip("mandoc is not installed")
    _, out, err = run(["mandoc", "-Tlint", "-Wwarning", str(MAN / name)])
    yield from (out + err).splitlines()


# --- JSON ------------------------------------------------------------------------------------------------------------

def schema(name):
    return json.loads((MAN / f"{name}.schema.json").read_text(encoding="utf-8"))


def documented():
    """{object: {key: types}} out of pycore-json(5)."""
    objects, current = {}, None
    for line in section(page("pycore-json.5"), "OBJECTS"):
        if line.startswith(".Ss "):
            current = objects.setdefault(line[4:], {})
        elif line.startswith(".It Va "):
            key, _, types = line[7:].partition(" Pq ")
            current[key] = types
    return objects


def type_names(rule, root):
    """The types that a schema allows, as words."""
    if "$ref" in rule:
        return type_names(root["definitions"][rule["$ref"].rpartition("/")[2]], root)
    if "anyOf" in rule:
        return set().union(*(type_names(choice, root) for choice in rule["anyOf"]))
    if "type" in rule:
        return {rule["type"]} if isinstance(rule["type"], str) else set(rule["type"])
    words = {str: "string", int: "integer", bool: "boolean", type(None): "null"}
    return {words[type(value)] for value in rule.get("enum", [rule.get("const")])}


def written_types(text):
    """The types that the page says: 'array of strings, or null' is {array, null}."""
    words = {word.split(",")[0].split()[0] for word in text.replace(", or ", " or ").split(" or ")}
    return {"string" if word == "address" else word for word in words}


def check_keys(pycore, name):
    """The keys and types of one schema against the page, both ways."""
    del pycore
    root, pages = schema(name), documented()
    objects = {name: root, **root["definitions"]}
    for title, rule in objects.items():
        if title not in pages:
            yield f"pycore-json.5 has no section '{title}'"
            continue
        keys = rule.get("properties", {})
        for text in differences(list(keys), list(pages[title]), f"the schema of {name}", "pycore-json.5"):
            yield f"{title}: {text}"
        for key in keys.keys() & pages[title].keys():
            if type_names(keys[key], root) != written_types(pages[title][key]):
                yield f"{title}.{key}: the page says '{pages[title][key]}', the schema {sorted(type_names(keys[key], root))}"


def check_schemas(pycore):
    """Sections without a schema, and definitions that two schemas have, but not alike; objects outside of definitions."""
    del pycore
    roots = [schema(name) for name in SCHEMAS]
    known = set(SCHEMAS).union(*(root["definitions"] for root in roots))
    yield from (f"pycore-json.5: no schema has '{title}'" for title in documented().keys() - known)
    for one, other in itertools.combinations([root["definitions"] for root in roots], 2):
        yield from (f"the schemas differ in '{title}'" for title in one.keys() & other.keys() if one[title] != other[title])
    for name, root in zip(SCHEMAS, roots):
        parts = [*root["properties"].items()]
        for title, rule in root["definitions"].items():
            parts += [(f"{title}.{key}", part) for key, part in rule.get("properties", {}).items()]
        yield from (f"{name}: {key} has keys, but no definition of its own" for key, part in parts if '"properties"' in json.dumps(part))


# --- README ----------------------------------------------------------------------------------------------------------

def listed_releases(pycore):
    """{(release, build, machine)} that were run, as `pycore layout --list` has them."""
    for line in output_of(pycore, "layout", "--list").splitlines()[1:]:
        _, _, build, machine, _, _, run = re.split(r"  +", line.strip())
        yield from ((release, build, machine) for release in run.split(", ") if release != "-")


def written_releases():
    """The same out of the support matrix in README.md."""
    for line in (TOP / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", cells[0]) and len(cells) > 2:
            _, build, *machine = cells[1].split(", ")
            yield cells[0], build, machine[0] if machine else "x86-64"


def check_matrix(pycore):
    """What is called proven was run, and what was run is called proven."""
    yield from differences(sorted(set(listed_releases(pycore))), sorted(set(written_releases())), "layout --list", "README.md")


def check_links(pycore):
    """Files and targets of make that README.md names are there."""
    del pycore
    text = (TOP / "README.md").read_text(encoding="utf-8")
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        if not (TOP / path).exists():
            yield f"README.md links to '{path}', which is not there"
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    for target in sorted(set(re.findall(r"(?:`|^    )make (?:[A-Z]+=\S+ )*([a-z][a-z-]*)", text, re.MULTILINE))):
        if not re.search(rf"^[^\t#=]*\b{target}\b[^=]*:", makefile, re.MULTILINE):
            yield f"README.md names 'make {target}', which the Makefile has not"


# --- examples --------------------------------------------------------------------------------------------------------

CRASH = """
import os, threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
def work(path):
    os.abort()
work("/srv")
"""
HANG = """
import threading, time
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
print("ready", flush=True)
time.sleep(600)
"""


def allow_core():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)


def make_core(folder):
    """core.1234 and core.1234.zst in the folder."""
    run([PYTHON, "-c", CRASH], cwd=folder, preexec_fn=allow_core)
    found = [path for path in pathlib.Path(folder).glob("core*")]
    if not found:
        raise Skip("a crash leaves no core file here (core_pattern or ulimit -c)")
    found[0].rename(pathlib.Path(folder) / "core.1234")
    if shutil.which("zstd"):
        run(["zstd", "-q", "-1", "core.1234"], cwd=folder)


@contextlib.contextmanager
def hanging():
    """A live process: its pid and the id of its second thread."""
    process = subprocess.Popen([PYTHON, "-c", HANG], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        time.sleep(0.05)
        tids = sorted(int(tid) for tid in os.listdir(f"/proc/{process.pid}/task"))
        yield process.pid, tids[-1]
    finally:
        process.kill()
        process.communicate()


def with_dwarf():
    """A binary with CPython's DWARF, for `layout --emit`."""
    roots = [pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")) / "versions"]
    return next((str(path) for root in roots for path in sorted(root.glob("*/lib/libpython3.1[0-9].so.1.0"))), None)


def ready(command, words):
    """The command with the names of what is really there; Skip where something is not."""
    for tool in ("jq",):
        if f"| {tool} " in command and not shutil.which(tool):
            raise Skip(f"{tool} is not installed")
    if "core.1234.zst" in command and not shutil.which("zstd"):
        raise Skip("zstd is not installed")
    for path in re.findall(r"/\S+libpython\S+", command):
        if not with_dwarf():
            raise Skip("no libpython with DWARF")
        command = command.replace(path, with_dwarf())
    for old, new in words.items():
        command = re.sub(rf"\b{old}\b", str(new), command)
    return command


def check_example(pycore, command, folder, words):
    if pycore.name != "pycore":
        raise Skip("the program is not called pycore")
    environment = {**os.environ, "PATH": f"{pycore.parent}:{os.environ['PATH']}"}
    script = "set -o pipefail; " + ready(command, words)
    status, out, err = run(["bash", "-c", script], cwd=folder, env=environment)
    if status:
        yield f"exit status {status}: {err.strip()[:300]}"
    elif not out and " -o " not in command and " > " not in command:
        yield "it prints nothing"


# --- all of them -----------------------------------------------------------------------------------------------------

def checks(pycore):
    """(name, function, arguments) of everything but the examples."""
    commands = help_commands(output_of(pycore, "--help"))
    yield "pycore --help", check_commands, ()
    for command, text in commands.items():
        yield f"pycore {command} --help", check_command, (command, text)
    yield "environment", check_environment, ()
    for path in sorted(MAN.glob("*.[1-8]")):
        yield f"mandoc {path.name}", check_lint, (path.name,)
    for name in SCHEMAS:
        yield f"keys of {name}", check_keys, (name,)
    yield "schemas", check_schemas, ()
    yield "README.md: support matrix", check_matrix, ()
    yield "README.md: links and targets", check_links, ()


def example_checks(folder):
    found = [command for path in sorted(MAN.glob("*.[1-8]")) for command in examples(page(path.name))]
    with hanging() as (pid, tid):
        try:
            make_core(folder)
            missing = None
        except Skip as why:
            missing = why
        for command in found:
            if missing and "core.1234" in command:
                yield f"$ {command}", skip, (missing,)
            else:
                yield f"$ {command}", check_example, (command, folder, {"4711": pid, "4712": tid})


def skip(pycore, why):
    del pycore
    raise why


def verdict(pycore, name, check, words):
    """Runs one check and prints what is wrong; 'passed', 'failed' or 'skipped'."""
    try:
        wrong = list(check(pycore, *words))
    except Skip as why:
        print(f"SKIP {name}: {why}")
        return "skipped"
    except (OSError, ValueError, KeyError, RuntimeError, StopIteration, subprocess.TimeoutExpired) as error:
        wrong = [f"{type(error).__name__}: {error}"]
    for text in wrong:
        print(f"FAIL {name}: {text}")
    return "failed" if wrong else "passed"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pycore", default=TOP / "build/pycore", type=pathlib.Path, help="the program to test")
    parser.add_argument("--no-examples", action="store_true", help="do not run the examples of the man pages")
    options = parser.parse_args()
    pycore = options.pycore.resolve()
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory() as folder:
        for name, check, words in checks(pycore):
            counts[verdict(pycore, name, check, words)] += 1
        for name, check, words in () if options.no_examples else example_checks(folder):
            counts[verdict(pycore, name, check, words)] += 1
    print(", ".join(f"{number} {word}" for word, number in counts.items()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
