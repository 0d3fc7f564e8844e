"""Asks gdb for stacks: each of the test's threads has a gdb of its own, which lives as long as it can."""
import json
import pathlib
import select
import subprocess
import threading

import target

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE, MOST = 120, 60  # seconds for an answer; answers of one gdb


# libthread_db gives up at the second process; nothing here needs what it knows.
SETTINGS = ("auto-load off", "debuginfod enabled off", "libthread-db-search-path /nonexistent",
            "backtrace past-main on")


class Gdb:
    def __init__(self):
        self.process = subprocess.Popen(
            ["gdb", "-nx", "-q", "-batch", *(word for text in SETTINGS for word in ("-ex", f"set {text}")), "-x", HERE / "gdb_frames.py"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.left, self.rest = MOST, b""

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def line(self):
        while b"\n" not in self.rest:
            ready = select.select([self.process.stdout], [], [], PATIENCE)[0]
            data = self.process.stdout.read1(1 << 20) if ready else b""
            if not data:
                raise target.Broken("gdb does not answer" if not ready else "gdb died")
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode(errors="replace")

    def ask(self, question):
        self.left -= 1
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        self.process.stdin.flush()
        while True:
            line = self.line()
            if line.startswith("ANSWER "):
                return json.loads(line[len("ANSWER "):])


class Gdbs:
    def __init__(self):
        self.own, self.all = threading.local(), []

    def fresh(self):
        self.own.gdb = Gdb()
        self.all.append(self.own.gdb)
        return self.own.gdb

    def ask(self, question):
        """tid -> frames. Should a gdb fail that has seen other processes before, a new one is asked."""
        gdb = getattr(self.own, "gdb", None)
        if gdb and gdb.left > 0:
            try:
                answer = gdb.ask(question)
                if "error" not in answer:
                    return answer_of(answer)
            except (target.Broken, OSError, ValueError):
                pass
        if gdb:
            gdb.close()
        answer = self.fresh().ask(question)
        if "error" in answer:
            raise target.Broken(f"gdb: {answer['error']}")
        return answer_of(answer)

    def close(self):
        for gdb in self.all:
            gdb.close()


def answer_of(answer):
    return {int(tid): frames for tid, frames in answer.items()}
