"""The CPythons on this machine: every one of the version manager, and the distribution's."""
import dataclasses
import json
import os
import pathlib
import subprocess

ASK = "import sys, json; print(json.dumps([list(sys.version_info[:3]), hasattr(sys, 'pypy_version_info')]))"


@dataclasses.dataclass(frozen=True)
class Python:
    name: str
    path: str
    version: tuple


def managed_roots():
    root = pathlib.Path(os.environ.get("PYENV_ROOT") or pathlib.Path.home() / ".pyenv")
    return sorted(path for path in root.glob("versions/*") if path.is_dir() and not path.is_symlink())


def candidates():
    yield from ((root.name, root / "bin/python") for root in managed_roots())
    yield "system", pathlib.Path("/usr/bin/python3")


def find():
    """All Pythons that run, and the names of those that the version manager has and that don't."""
    found, broken = [], []
    for name, path in candidates():
        try:
            answer = subprocess.run([path, "-c", ASK], capture_output=True, check=True, timeout=60).stdout
        except (OSError, subprocess.SubprocessError):
            if name != "system":
                broken.append(name)
            continue
        version, foreign = json.loads(answer)
        if not foreign:
            found.append(Python(name, str(path), tuple(version)))
    return sorted(found, key=lambda python: (python.version, python.name)), broken
