#!/usr/bin/python3
"""The command line of pycore from outside: bad input, options, exit statuses, and what a terminal gets to see.

Each case_*.py beside this file holds a list CASES of functions that take the Kit and the Maker of subjects.
"""
import argparse
import concurrent.futures
import importlib
import pathlib
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import kit  # noqa: E402
import subjects  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these: MODULE or MODULE.FUNCTION, as files.contents")
    parser.add_argument("--pycore", default=kit.TOP / "build/pycore", type=pathlib.Path, help="the program to test")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="so many at once")
    parser.add_argument("-v", action="store_true", help="show what passed, and how long each case took")
    return parser.parse_args()


def cases(names):
    for path in sorted(HERE.glob("case_*.py")):
        module = path.stem.partition("_")[2]
        for function in importlib.import_module(path.stem).CASES:
            name = f"{module}.{function.__name__}"
            if not names or module in names or name in names:
                yield name, function


def run_case(checks, make, name, function):
    start = time.monotonic()
    try:
        function(checks, make)
    except kit.Skip as why:
        checks.say("skipped", name, str(why))
    except Exception:
        checks.say("failed", name, traceback.format_exc(limit=-2).strip().replace("\n", " | "))
    if checks.verbose:
        print(f"{name} took {time.monotonic() - start:.1f} s", flush=True)


def main():
    options = arguments()
    subjects.target.heed_signals()
    if not options.pycore.exists():
        raise SystemExit(f"{options.pycore} is not there: build it first")
    with tempfile.TemporaryDirectory(prefix="pycore-cli-") as folder:
        pathlib.Path(folder).chmod(0o755)
        checks = kit.Kit(options.pycore.resolve(), folder, options.v)
        make = subjects.Maker(folder)
        with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
            list(pool.map(lambda case: run_case(checks, make, *case), cases(options.names)))
    counts = checks.counts
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
