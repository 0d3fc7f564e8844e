"""Files from debuginfod: only when asked for, with an end in time, and never while a process is stopped. The servers here are
small ones of the test's own, which count, and where networks of one's own are permitted the real one."""
import contextlib
import copy
import http.server
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from crashlib import DYNAMIC, FRAMES, NAME, SOURCE, build_id, compile_library, crash, notes, of_library, put
from kit import COMPLETE, Skip, clean_environment
from subjects import PATIENCE, system_python, tool

NOWHERE = "http://127.0.0.1:1/"
HELD = "import ctypes, sys\nlib = ctypes.CDLL(sys.argv[1])\nprint('ready', flush=True)\nlib.outer(7)\n"
WAITING = SOURCE.replace("stdlib", "unistd").replace("abort()", "pause()")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        try:
            self.server.answer(self)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def server(answer):
    """Its requests, and its address; answer() is called for each."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as own:
        own.requests, own.answer, own.daemon_threads = [], answer, True
        thread = threading.Thread(target=own.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield own.requests, f"http://127.0.0.1:{own.server_address[1]}/"
        finally:
            own.shutdown()
            thread.join()


def send(handler, content, pieces=1, pause=0.0):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    step = -(-len(content) // pieces)
    for at in range(0, len(content), step):
        handler.wfile.write(content[at:at + step])
        handler.wfile.flush()
        time.sleep(pause)


def files(mapping):
    """Answers with these files, by the end of the path; else that there is none."""
    def answer(handler):
        for end, path in mapping.items():
            if handler.path.endswith(end):
                send(handler, pathlib.Path(path).read_bytes())
                return
        handler.send_error(404)
    return answer


def stall(handler):
    while not handler.server._BaseServer__shutdown_request:
        time.sleep(0.05)


def asking(make, urls, **more):
    return {"env": {**clean_environment(), "DEBUGINFOD_URLS": urls, "DEBUGINFOD_CACHE_PATH": str(make.folder("cache")), **more}}


def ours(requests, number):
    return [path.rpartition("/")[2] for path in requests if f"/{number}/" in path]


def ask(kit, name, subject, wanted, words=("--debuginfod",), *, said=None, **how):
    """Expects these frames, and in the notes on debuginfod this and nothing else."""
    document = kit.expect_json(name, ["dump", "--native=all", *words, subject.core], COMPLETE, **how)
    found = [frame for frame in of_library(document) if frame[0]]
    kit.check_that(f"{name}: frames", found == wanted, f"{found}")
    own = [why for where, why in notes(document) if where == "debuginfod"]
    kit.check_that(f"{name}: notes", [said] == own if said else not own, f"{own}")
    return document


def when(kit, make):
    """Nothing is asked unless --debuginfod says so, and then only for what is printed and not here."""
    subject = crash(make)
    number = build_id(subject.full)
    put(subject.library, subject.stripped)
    with server(files({f"{number}/debuginfo": subject.debug, f"{number}/executable": subject.stripped})) as (requests, url):
        ask(kit, "servers that may not be asked", subject, DYNAMIC, [], **asking(make, url))
        kit.expect("servers of which info knows", ["info", "--debuginfod", subject.core], COMPLETE, **asking(make, url))
        kit.check_that("servers that may not be asked: requests", not requests, f"{requests}")
        how = asking(make, url)
        ask(kit, "servers that are asked", subject, FRAMES, **how)
        kit.check_that("servers that are asked: once", ours(requests, number) == ["debuginfo"], f"{requests}")
        first = len(requests)
        ask(kit, "servers that are asked again", subject, FRAMES, **how)
        kit.check_that("servers that are asked again: kept", not ours(requests[first:], number), f"{requests[first:]}")
        put(subject.library, subject.full)
        requests.clear()
        ask(kit, "servers that are not needed", subject, FRAMES, **asking(make, url))
        kit.check_that("servers that are not needed: requests", not ours(requests, number), f"{requests}")
        subject.library.unlink()
        ask(kit, "servers that have the library", subject, FRAMES, **asking(make, url))
        kit.check_that("servers that have the library: requests", set(ours(requests, number)) == {"executable", "debuginfo"},
                       f"{requests}")
        kit.check_that("servers: only what is printed", len(set(requests)) < 12, f"{requests}")


def silent(kit, make):
    """With servers at hand and without the option, no socket is opened, whatever the debug information refers to."""
    subject, strace = crash(make), tool("strace")
    put(subject.library, subject.stripped)
    for options in ([], ["--native"], ["--native=all"]):
        ran = subprocess.run([strace, "-f", "-e", "trace=%network", kit.pycore, "dump", *options, subject.core], capture_output=True,
                             text=True, check=False, **asking(make, NOWHERE))
        if "ptrace" in ran.stderr and ran.returncode not in (0, 2):
            raise Skip(f"no strace here: {ran.stderr[-100:]}")
        kit.check_that(f"no network with {options}", not re.search(r"\b(socket|connect|sendto)\(", ran.stderr), ran.stderr[-300:])


def troubles(kit, make):
    subject = crash(make)
    put(subject.library, subject.stripped)
    for name, urls, said in (("not set", "", "not asked: DEBUGINFOD_URLS is not set, which names the servers"),
                             ("of nobody", NOWHERE, "Connection refused")):
        ask(kit, f"servers {name}", subject, DYNAMIC, said=said, **asking(make, urls))
    with server(files({})) as (_, url):
        ask(kit, "servers that have nothing", subject, DYNAMIC, **asking(make, url))
    number = build_id(subject.full)
    other = compile_library(make.folder("other") / "other.so", SOURCE.replace("x * 2", "x * 3"))
    for kind, path, word in (("another build", other, f"its build-id is {build_id(other)}, the one wanted is {number}"),
                             ("a text", subject.script, "is no ELF file")):
        with server(files({f"{number}/debuginfo": path})) as (_, url):
            document = ask(kit, f"servers that answer with {kind}", subject, DYNAMIC, **asking(make, url))
            found = [why for _, why in notes(document) if "as debug information of" in why]
            kit.check_that(f"servers that answer with {kind}: refused", len(found) == 1 and word in found[0], f"{notes(document)}")
        subject.library.unlink()
        with server(files({f"{number}/executable": path})) as (_, url):
            document = ask(kit, f"servers that answer with {kind} for a library", subject, DYNAMIC, **asking(make, url))
            found = [why for _, why in notes(document) if f"not used for {subject.library}" in why]
            kit.check_that(f"servers that answer with {kind} for a library: refused", len(found) <= 1, f"{notes(document)}")
        put(subject.library, subject.stripped)


def ends(kit, make):
    """A server that never answers costs the time that was given, once, and less if Ctrl-C comes."""
    subject = crash(make)
    put(subject.library, subject.stripped)
    with server(stall) as (requests, url):
        began = time.monotonic()
        ask(kit, "servers without an answer", subject, DYNAMIC, ["--debuginfod=1"], **asking(make, url),
            said="its 1 seconds are over: no more files were asked for; --debuginfod=SECONDS allows more")
        kit.check_that("servers without an answer: time", 0.9 < time.monotonic() - began < 6, f"{time.monotonic() - began:.1f} s")
        requests.clear()
        command = [str(kit.pycore), "dump", "--json", "--native=all", "--debuginfod", str(subject.core)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                              **asking(make, url)) as process:
            end = time.monotonic() + PATIENCE
            while not requests and time.monotonic() < end:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            out, err = process.communicate(timeout=PATIENCE)
        passed = time.monotonic() - began
        kit.check_that("interrupted: goes on", process.returncode == COMPLETE and "interrupted: no more files were asked for" in out,
                       f"{process.returncode} {err} {out[-300:]}")
        kit.check_that("interrupted: soon", passed < 5 and len(requests) == 1, f"{passed:.1f} s, {requests}")


def progress(kit, make):
    subject = crash(make)
    put(subject.library, subject.stripped)
    content = subject.debug.read_bytes()

    def slowly(handler):
        if build_id(subject.full) in handler.path:
            send(handler, content, 12, 0.15)
        else:
            handler.send_error(404)

    with server(slowly) as (_, url):
        command = [str(kit.pycore), "dump", "--native=all", "--debuginfod", str(subject.core)]
        ours_end, theirs = pty.openpty()
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, check=False, **asking(make, url))
        os.close(theirs)
        os.set_blocking(ours_end, False)
        shown = os.read(ours_end, 100_000).decode()
        os.close(ours_end)
        kit.check_that("progress on a terminal", f"debuginfod: {NAME}: " in shown and " MiB (Ctrl-C" in shown, ascii(shown))
        kit.check_that("progress on a terminal: gone at the end", shown.endswith("\r\x1b[K"), ascii(shown[-60:]))
        kit.check_that("progress is not in the report", "Ctrl-C" not in ran.stdout and "in deep at" in ran.stdout, ran.stdout[-300:])
        ran = subprocess.run(command, capture_output=True, text=True, check=False, **asking(make, url))
        kit.check_that("no progress without a terminal", not ran.stderr, ran.stderr)


def live(kit, make):
    """The process runs while the servers are asked."""
    folder = make.folder("live")
    library = compile_library(folder / NAME, WAITING)
    whole = folder / "whole"
    shutil.copy(library, whole)
    subprocess.run([tool("strip"), library], check=True)
    script = make.script(HELD)
    states = []
    with make.hanging([system_python().path, "-s", script, library]) as process:
        def answer(handler):
            states.append(pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0])
            files({f"{build_id(whole)}/debuginfo": whole})(handler)

        with server(answer) as (requests, url):
            document = kit.expect_json("servers, live", ["dump", "--native=all", "--debuginfod", "--pid", process.pid], COMPLETE,
                                       **asking(make, url))
    found = of_library(document)
    kit.check_that("servers, live: frames", found == FRAMES, f"{found}")
    kit.check_that("servers, live: never stopped", states and set(states) <= {"S", "R"}, f"{states}")
    kit.check_that("servers, live: no library", not any(path.endswith("executable") for path in requests), f"{requests}")


REAL = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x49))  # SIOCSIFFLAGS: up, running, loopback
os.execvp(sys.argv[1], sys.argv[1:])
"""


@contextlib.contextmanager
def real_server(make, folder):
    """debuginfod in a network of its own, for it listens on every interface; yields how to get there."""
    command = [tool("unshare"), "-rn", sys.executable, "-c", REAL, tool("debuginfod"), "-d", ":memory:", "-p", "8002", "-F", "-t", "0",
               "-g", "0", str(folder)]
    log = make.folder("log") / "log"
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            end = time.monotonic() + PATIENCE
            while "scanned " not in log.read_text(errors="replace") and process.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
            if process.poll() is not None:
                raise Skip(f"no debuginfod in a network of its own here: {log.read_text(errors='replace')[-200:]}")
            yield [tool("nsenter"), "--preserve-credentials", "-U", "-n", "-t", str(process.pid)]
        finally:
            process.terminate()


def real(kit, make):
    subject = crash(make)
    served = make.folder("served")
    put(served / "debug", subject.debug)
    put(served / "library.so", subject.stripped)
    subject.library.unlink()
    with real_server(make, served) as enter:
        inside = copy.copy(kit)
        inside.pycore = make.script('#!/bin/sh\nexec ' + " ".join(enter) + f' {kit.pycore} "$@"\n', "pycore")
        inside.pycore.chmod(0o755)
        ask(inside, "debuginfod itself", subject, FRAMES, **asking(make, "http://127.0.0.1:8002/"))


CASES = [when, silent, troubles, ends, progress, live, real]
