"""The programs of the matrix. To add one, put a file into fixtures/programs that ends with `truth.end()`.

What it needs stands in a comment of its own after its docstring, each key with a default:

    # matrix: python=3.6- modes=core,live,nonblocking variants=one,two status=0

`python` is the range of versions that can run it, ends inclusive; each of `variants` is a run with that word as its
argument; `modes` are the ways to look at it; `status` is what pycore has to exit with.
"""
import dataclasses
import pathlib
import re

from pythons import MODES

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "fixtures/programs"
DIRECTIVE = re.compile(r"^# matrix:(.*)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Program:
    path: pathlib.Path
    first: tuple = (0,)
    last: tuple = (99,)
    modes: tuple = MODES
    variants: tuple = ("",)
    status: int = 0

    @property
    def name(self):
        return self.path.stem

    def runs_on(self, python):
        return self.first <= python.version and python.version[:len(self.last)] <= self.last


def version(text, default):
    return tuple(map(int, text.split("."))) if text else default


def directive(text):
    """key -> value; a key that comes again goes on with its list."""
    needs = {}
    for line in DIRECTIVE.findall(text):
        for key, value in (word.split("=") for word in line.split()):
            needs[key] = f"{needs[key]},{value}" if key in needs else value
    return needs


def load(path):
    needs = directive(path.read_text())
    first, _, last = needs.pop("python", "-").partition("-")
    program = Program(path, version(first, (0,)), version(last, (99,)),
                      tuple(needs.pop("modes", ",".join(MODES)).split(",")),
                      tuple(needs.pop("variants", "").split(",")), int(needs.pop("status", 0)))
    if needs or not set(program.modes) <= set(MODES):
        raise SystemExit(f"{path}: not understood in its 'matrix:' comment: {needs or program.modes}")
    return program


def find():
    return [load(path) for path in sorted(FOLDER.glob("*.py")) if path.name != "truth.py"]
