"""The tools that are compared: how each is called, and where it comes from."""
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from measure import Skip
from subject import interpreter

BUILT = Path(__file__).resolve().parents[2] / "build" / "pycore"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pycore-bench"
VENV_VERSIONS = "3.13", "3.12", "3.11", "3.10"  # PyStack 1.7 is not made for older ones


@dataclass
class Tool:
    name: str
    core: str  # the commands; {program} and the fields of a Subject are filled in
    live: str
    package: str = ""  # what PyPI calls it
    pause: str = ""  # a command whose JSON holds the pause that the tool itself measured
    program: str = ""  # where it is; else found by name

    def argv(self, template, subject, show_locals=False):
        """{locals} in a template is the option for the variables of all frames, which each tool calls so."""
        fields = {"program": self.program, "locals": "--locals" if show_locals else "", **vars(subject)}
        return [word for word in (part.format(**fields) for part in shlex.split(template)) if word]

    def locate(self):
        """Find the program, or install it; skip where neither is possible."""
        wanted = _install(self.package, self.name) if self.package else self.program or self.name
        self.program = shutil.which(wanted)
        if not self.program:
            raise Skip(f"{wanted} is not there")

    def version(self):
        shown = subprocess.run([self.program, "--version"], capture_output=True, text=True, check=False)
        return (shown.stdout.strip().splitlines() or ["version unknown"])[0]


GDB = """{program} -batch -nx -iex "set debuginfod enabled off" %s -ex "source {gdb_script}"
         -ex "thread apply all py-bt" """

TOOLS = [
    Tool("pycore",
         core="{program} dump --native=none {locals} {core}",
         live="{program} dump --native=none {locals} --pid {pid}",
         pause="{program} dump --native=none --json --pid {pid}"),
    Tool("gdb", core=GDB % "{exe} {core}", live=GDB % "-p {pid}"),
    Tool("pystack", core="{program} core {locals} {core} {exe}", live="{program} remote {locals} {pid}", package="pystack~=1.7"),
    Tool("py-spy", core="{program} dump {locals} --core {core}", live="{program} dump {locals} --pid {pid}", package="py-spy~=0.4"),
]


PYCORE = TOOLS[0]
NAMES = [tool.name for tool in TOOLS]


def _call(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise Skip(f"`{' '.join(map(str, argv))}` failed: {why[0]}")


def _newest_interpreter():
    for version in VENV_VERSIONS:
        try:
            return interpreter(version)[0]
        except Skip:
            pass
    return shutil.which("python3")


def _install(package, name):
    """The program of a package from PyPI, in a virtual environment that later runs find again."""
    venv = CACHE / "venv"
    program = venv / "bin" / name
    if not program.exists():
        if not (venv / "bin" / "pip").exists():
            _call(_newest_interpreter(), "-m", "venv", "--clear", venv)
        _call(venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", package)
    return str(program)


def present(names):
    """Those of the tools named that can run here; prints which, and why the others are skipped."""
    found = []
    for tool in TOOLS:
        if tool.name not in names:
            continue
        try:
            tool.locate()
            found.append(tool)
            print(f"  {tool.name:<9} {tool.version()}, {tool.program}")
        except Skip as why:
            print(f"  {tool.name:<9} SKIP: {why}")
    return found
