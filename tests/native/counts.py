"""What the native tests count, and print at their end."""
import collections
import threading


class Counts:
    """Used by several threads at once."""

    def __init__(self, verbose):
        self.verbose, self.lock = verbose, threading.Lock()
        self.verdicts, self.failed = collections.Counter(), []
        self.tallies = {}  # text: [compared, different]

    def say(self, verdict, name, text=""):
        with self.lock:
            self.verdicts[verdict] += 1
            self.failed += [name] if verdict == "failed" else []
            if verdict != "passed" or self.verbose:
                print(f"{verdict.upper()} {name}" + (f": {text}" if text else ""), flush=True)

    def judge(self, name, faults, text=""):
        """One check: failed if there are faults, of which the first few are shown."""
        faults = list(faults)
        more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
        self.say("failed" if faults else "passed", name, "; ".join(map(str, faults[:3])) + more if faults else text)

    def has_failed(self, title):
        return any(name.startswith(title) for name in list(self.failed))

    def note(self, text):
        if self.verbose:
            with self.lock:
                print(text, flush=True)

    def tally(self, what, compared, different=0):
        with self.lock:
            row = self.tallies.setdefault(what, [0, 0])
            row[0] += compared
            row[1] += different

    def print(self):
        for what, (compared, different) in sorted(self.tallies.items()):
            print(f"{compared} {what}, {different} differ")
        print("{passed} passed, {failed} failed, {skipped} skipped".format(
            **{name: self.verdicts[name] for name in ("passed", "failed", "skipped")}))
