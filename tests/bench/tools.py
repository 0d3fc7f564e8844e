"""The tools that are compared: how each is called, and where it comes from."""
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from measure import Proof, Skip
from subject import interpreter

BUILT = Path(__file__).resolve().parents[2] / "build" / "pycore"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pycore-bench"
VENV_VERSIONS = "3.13", "3.12", "3.11", "3.10"  # PyStack 1.7 is not made for older ones


# One match for each `descend` frame: `File "…", line 25, in descend` with gdb's py-bt, PyStack and pycore,
# `    descend (target.py:25)` with py-spy.  A source line says `descend(`.
PYTHON_FRAME = rb'^ +(?:\(Python\) )?File ".*\bin descend\b|^ +descend \('
NATIVE_THREAD = rb"^TID \d+:\n#0 "


@dataclass
class Tool:
    name: str
    core: str  # the commands; {program} and the fields of a Subject are filled in
    live: str
    package: str = ""  # what PyPI calls it
    pause: str = ""  # a command whose JSON holds the pause that the tool itself measured
    native: dict = field(default_factory=dict)  # its words for the native frames that a row wants
    frame: bytes = PYTHON_FRAME
    program: str = ""  # where it is; else found by name

    def argv(self, template, subject, row=None):
        """{locals} in a template is the option for the variables of all frames, which each tool calls so."""
        fields = {"program": self.program, "locals": "--locals" if row and row.locals else "", **vars(subject)}
        native = self.native.get(row.native if row else "", "")
        words = shlex.split(template.replace("{native}", native))
        return [word for word in (part.format(**fields) for part in words) if word]

    def proof(self, subject):
        if self.frame == NATIVE_THREAD:
            return Proof(self.frame, subject.threads, "threads")
        return Proof(self.frame, subject.frames)

    def locate(self):
        """Find the program, or install it; skip where neither is possible."""
        wanted = _install(self.package, self.name) if self.package else self.program or self.name
        self.program = shutil.which(wanted)
        if not self.program:
            raise Skip(f"{wanted} is not there")

    def version(self):
        shown = subprocess.run([self.program, "--version"], capture_output=True, text=True, check=False)
        return (shown.stdout.strip().splitlines() or ["version unknown"])[0]


GDB = """{program} -batch -nx -iex "set debuginfod enabled off" %s -ex "source {gdb_script}" {native}
         -ex "thread apply all py-bt" """

TOOLS = [
    Tool("pycore",
         core="{program} dump {native} {locals} {core}",
         live="{program} dump {native} {locals} --pid {pid}",
         pause="{program} dump {native} --json --pid {pid}",
         native={"": "--native=none", "lines": "--native", "all": "--native=all"}),
    Tool("gdb", core=GDB % "{exe} {core}", live=GDB % "-p {pid}", native={"lines": "-ex 'thread apply all bt'"}),
    Tool("pystack",
         core="{program} core {native} {locals} {core} {exe}",
         live="{program} remote {native} {locals} {pid}",
         package="pystack~=1.7",
         native={"lines": "--native"}),
    Tool("py-spy",
         core="{program} dump {locals} --core {core}",
         live="{program} dump {native} {locals} --pid {pid}",
         package="py-spy~=0.4",
         native={"lines": "--native"}),
    # Names of functions only.
    Tool("eu-stack", core="{program} -n 0 --core {core} -e {exe}", live="{program} -n 0 -p {pid}", frame=NATIVE_THREAD),
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
