"""Live processes that see another machine than pycore does: other pid, mount, user and network namespaces, chroots, roots made of
layers, files that are gone, or that are others outside."""
import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess

from crashlib import put
from kit import COMPLETE, NOTHING, Skip, functions
from subjects import STACK, library, python, pythons, system_python, tool, wait_asleep

NOBODY = 65534
SCRIPT = """
import os, sys, threading, time
def beside():
    time.sleep(1000)
def inner():
    sys.stdout.write('ready\\n'); sys.stdout.flush(); time.sleep(1000)  # {word}
def middle():
    inner()
def outer():
    middle()
side = threading.Thread(target=beside)
side.daemon = True
side.start()
{before}
outer()
"""
SIDE = "beside"
PID_NAMESPACE = ["--pid", "--fork", "--mount-proc", "--kill-child"]
OWN_MOUNTS = ["--mount", "--propagation", "private"]


def need_root():
    if os.getuid():
        raise Skip("only root can set up all kinds of namespaces")


def need_way_in(kit, *more):
    if not all(folder.stat().st_mode & 1 for path in (kit.pycore, *more) for folder in pathlib.Path(path).parents):
        raise Skip("other users can't get at the folders of this test")


def need_namespaces(*options):
    ran = subprocess.run([tool("unshare"), *options, "true"], capture_output=True, check=False)
    if ran.returncode:
        raise Skip(f"unshare {' '.join(options)} is not permitted: {ran.stderr.decode().strip()[:100]}")


def innermost(pid):
    """The youngest descendant: whatever entered the namespaces."""
    children = [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return innermost(children[-1]) if children else pid


@contextlib.contextmanager
def inside(make, command, **how):
    """The pid here of a Python that runs in there and sleeps."""
    with make.hanging(command, rests=False, **how) as process:
        try:
            pid = innermost(process.pid)
            wait_asleep(pid)
            yield pid
        finally:
            for one in {innermost(process.pid), process.pid}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)


def subject(word="here", before=""):
    return SCRIPT.format(word=word, before=before)


def namespace_ids(pid):
    """{thread id here: thread id in its own pid namespace}"""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        found[int(task.name)] = int(re.search(r"NSpid:\s.*?(\d+)\n", (task / "status").read_text())[1])
    return found


def looks(kit, name, pid, *, nsenter=(), options=(), status=COMPLETE, ids=True, **how):
    """Stopped and not stopped: both threads with their frames, by their ids. Returns the last document."""
    document = None
    for way in ([], ["--nonblocking"]):
        title = " ".join([name, *way])
        document = kit.expect_json(title, ["dump", *way, *options, "--pid", pid], status, **how)
        threads = {thread["tid"]: thread for thread in document["threads"]} if document else {}
        stacks = sorted(map(tuple, functions(document))) if document else []
        kit.check_that(f"{title}: stacks", len(stacks) == 2 and tuple(STACK) in stacks and any(stack[0] == SIDE for stack in stacks),
                       f"{stacks}")
        if not ids:
            continue
        wanted = namespace_ids(pid)
        kit.check_that(f"{title}: ids", {tid: thread["ns_tid"] for tid, thread in threads.items()} == wanted,
                       f"{[(tid, thread['ns_tid']) for tid, thread in threads.items()]}, not {wanted}")
        kit.check_that(f"{title}: main thread", document and threads.get(pid, {}).get("main") and
                       document["process"]["pid"] == pid and document["process"]["ns_pid"] == wanted[pid],
                       f"{document and document['process']}")
    return document


def versions():
    for version in ((2, 7), (3, 7), (3, 11), (3, 13)):
        with contextlib.suppress(Skip):
            yield python(version)


def pid_namespaces(kit, make):
    need_namespaces("--user", "--map-root-user", *PID_NAMESPACE)
    for found in versions():
        script = make.script(subject())
        alone = [tool("unshare"), "--user", "--map-root-user", *PID_NAMESPACE, found.path, "-s", script]
        with inside(make, alone) as pid:
            looks(kit, f"pid namespace, {found.name}", pid)
            ran = kit.expect(f"pid namespace, {found.name}: text", ["dump", "--pid", pid], COMPLETE,
                             out=[f"{pid} (1 in its own pid namespace)", "2 in its pid namespace"])
            kit.check_that(f"pid namespace, {found.name}: head", ran.out.startswith("Process:"), ran.out[:100])
            kit.expect(f"pid namespace, {found.name}: inner number", ["dump", "--thread", 2, "--pid", pid], NOTHING,
                       err=["the one of this number in its own pid namespace is thread"], json_too=False)
        twice = [*alone[:-3], tool("unshare"), *PID_NAMESPACE, *alone[-3:]]
        with inside(make, twice) as pid:
            looks(kit, f"pid namespace in another, {found.name}", pid)


def row(pid, name):
    return re.search(rf"^{name}:\s+(.*)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1]


def parent(pid):
    return int(row(pid, "PPid"))


def from_inside(kit, make):
    """pycore in the same container, by the numbers that hold there, and in the one around it."""
    need_root()
    need_namespaces(*PID_NAMESPACE)
    found = python((3, 13))
    run = " ".join(map(str, ["unshare", *PID_NAMESPACE, found.path, "-s", make.script(subject())]))
    with inside(make, [tool("unshare"), *PID_NAMESPACE, "sh", "-c", f"{run} & wait"]) as pid:
        around = parent(parent(pid))
        for target, number in ((pid, 1), (around, int(row(pid, "NSpid").split()[1]))):
            for command in (["dump"], ["dump", "--nonblocking"]):
                ran = subprocess.run([tool("nsenter"), "--target", str(target), "--pid", "--mount", kit.pycore, *command, "--json", "--pid",
                                      str(number)], capture_output=True, check=False, timeout=20)
                document = ran.stdout and json.loads(ran.stdout)
                kit.check_that(f"from inside, {' '.join(command)}, as {number}",
                               ran.returncode == COMPLETE and document["process"]["pid"] == number and document["process"]["ns_pid"] == 1
                               and tuple(STACK) in map(tuple, functions(document)), f"{ran.returncode}: {ran.stderr[-300:]}")


def foreign_proc(kit, make):
    """/proc of another pid namespace than pycore's: its numbers are others', which must not be stopped or read."""
    need_root()
    need_namespaces(*PID_NAMESPACE)
    found = python((3, 13))
    with make.hanging([found.path, "-s", make.script(subject())]) as process:
        into = [tool("unshare"), "--pid", "--fork", "--kill-child"]
        refused(kit, "/proc of the namespace outside", into, process.pid)
    with inside(make, [tool("unshare"), *PID_NAMESPACE, found.path, "-s", make.script(subject())]) as pid:
        refused(kit, "/proc of a namespace inside", [tool("nsenter"), "--target", str(pid), "--mount"], 1)


def refused(kit, name, into, number):
    plain, free, none = (subprocess.run([*into, kit.pycore, "dump", *options, "--pid", str(pid)], capture_output=True, text=True, check=False,
                                        timeout=20) for options, pid in (((), number), (["--nonblocking"], number), ((), 4194303)))
    kit.check_that(f"{name}: not stopped", plain.returncode == NOTHING and "another pid namespace" in plain.stderr and not plain.stdout,
                   f"{plain.returncode}: {plain.stderr[-300:]}{plain.stdout[:100]}")
    kit.check_that(f"{name}: --nonblocking", free.returncode == COMPLETE and "in beside" in free.stdout and "in inner" in free.stdout,
                   f"{free.returncode}: {free.stderr[-300:]}{free.stdout[:300]}")
    kit.check_that(f"{name}: no such number", none.returncode == NOTHING and "another pid namespace" in none.stderr, f"{none.stderr[-300:]}")


def no_proc(kit, make):
    need_root()
    need_namespaces(*OWN_MOUNTS)
    ran = subprocess.run([tool("unshare"), *OWN_MOUNTS, "sh", "-c", f"umount -l /proc && exec {kit.pycore} dump --pid 1"],
                         capture_output=True, text=True, check=False)
    kit.check_that("no /proc", ran.returncode == NOTHING and "no procfs is mounted" in ran.stderr, f"{ran.returncode}: {ran.stderr[-300:]}")


def setting_up(commands, *options):
    """A command that runs these in a mount namespace of its own and becomes the last of them."""
    *before, last = [" ".join(shlex.quote(str(word)) for word in command) for command in commands]
    return [tool("unshare"), *OWN_MOUNTS, *options, "sh", "-ec", "; ".join([*before, f"exec {last}"])]


def for_all(path):
    """A file that anybody may read, and that is old."""
    path.parent.chmod(0o755)
    os.utime(path, (1e9, 1e9))
    return path


def as_nobody(*command):
    return [tool("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]


def sources(kit, name, pid, word, absent, **how):
    kit.expect(f"{name}: sources", ["dump", "--pid", pid], COMPLETE, out=f"# {word}", absent=[f"# {absent}"], json_too=False, **how)


def other_content(kit, make):
    """Programs, libraries and sources that are others by the same names outside: those of the process are used."""
    need_root()
    need_namespaces(*OWN_MOUNTS)
    here, there = python((3, 12), managed=True), python((3, 13), managed=True)
    other, prefix = pathlib.Path(there.path).parents[1], make.folder("prefix")
    shutil.copytree(other, prefix, dirs_exist_ok=True, symlinks=True, ignore=lambda *_: ["lib", "share", "include"])
    shutil.copy(os.path.realpath(here.path), prefix / "bin/python3.13")
    put(prefix / "lib" / library(there).name, library(here))
    prefix.chmod(0o755)
    outside, content = for_all(make.script(subject("outside"))), for_all(make.script(subject("inside")))
    need_way_in(kit, outside)
    run = ["env", f"LD_LIBRARY_PATH={prefix}/lib", f"PYTHONHOME={prefix}", prefix / "bin/python3.13", "-s", outside]
    mounts = ["mount", "--bind", other, prefix], ["mount", "--bind", content.parent, outside.parent]
    for name, command, users in (("root's", run, (0,)), ("another user's", as_nobody(*run), (0, NOBODY))):
        with inside(make, setting_up([*mounts, command])) as pid:
            for user in users:
                as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
                title = f"other content, {name} process, as {user}"
                document = looks(kit, title, pid, **as_user)
                kit.check_that(f"{title}: version", document["python"]["version"].startswith("3.13."), document["python"]["version"])
                sources(kit, title, pid, "inside", "outside", **as_user)
                check_files(kit, title, pid, **as_user)


def hidden(kit, make):
    """The Python's folder is covered, after the start too, and so is the source's."""
    need_root()
    need_namespaces(*OWN_MOUNTS)
    found = system_python()
    script = make.script(subject("outside", before="import subprocess; subprocess.check_call(['mount', '-t', 'tmpfs', 'none', sys.argv[1]])"))
    covered = make.folder("covered")
    program, copy = covered / "python", covered / script.name
    shutil.copy(found.path, program)
    copy.write_text(script.read_text().replace("outside", "inside"))
    os.utime(copy, (1e9, 1e9))
    with inside(make, setting_up([[program, "-s", copy, covered]]), env={"PYTHONHOME": "/usr"}) as pid:
        document = looks(kit, "covered by a tmpfs", pid)
        check_files(kit, "covered by a tmpfs", pid)
        kit.expect("covered by a tmpfs: no source of outside", ["dump", "--pid", pid], COMPLETE, absent=["# inside", "# outside"], json_too=False)
        kit.check_that("covered by a tmpfs: path", document["process"]["executable"]["path"] == str(program), "another")


def roots():
    """(name, /usr, the Python in it) of this machine and the fetched trees."""
    yield "this machine", pathlib.Path("/usr"), os.path.realpath(system_python().path)
    for folder in pythons.fetched_roots():
        program = next((folder / "root").glob("usr/bin/python3.1[35]"), None)
        if program:
            yield folder.name, folder / "root/usr", "/" + str(program.relative_to(folder / "root"))


def tree(make, usr, script):
    """A root of its own, in which /usr is to be mounted."""
    top = make.folder("root")
    for name in ("usr", "srv", "proc", "dev", "old"):
        (top / name).mkdir()
    for link in ("bin", "lib", "lib64", "sbin"):
        (top / link).symlink_to(f"usr/{link}")
    (top / "srv/subject.py").write_text(script)
    os.utime(top / "srv/subject.py", (1e9, 1e9))
    top.chmod(0o755)
    return top


def chroots(kit, make):
    need_root()
    need_namespaces(*OWN_MOUNTS)
    need_way_in(kit, make.top)
    names = []
    for name, usr, program in roots():
        names.append(name)
        top = tree(make, usr, subject("inside"))
        bind = ["mount", "--rbind", usr, top / "usr"]
        enter = [tool("chroot"), top, program, "-s", "/srv/subject.py"]
        with inside(make, setting_up([bind, enter])) as pid:
            document = looks(kit, f"chroot, {name}", pid)
            sources(kit, f"chroot, {name}", pid, "inside", "outside")
            check_files(kit, f"chroot, {name}", pid)
            kit.check_that(f"chroot, {name}: problems", not document["problems"], f"{document['problems']}"[:300])
        enter[1:1] = [f"--userspec={NOBODY}:{NOBODY}"]
        with inside(make, setting_up([bind, enter])) as pid:
            for user in (0, NOBODY):
                how = {"user": user, "group": user, "extra_groups": []} if user else {}
                looks(kit, f"chroot of another user, {name}, as {user}", pid, **how)
                sources(kit, f"chroot of another user, {name}, as {user}", pid, "inside", "outside", **how)
                check_files(kit, f"chroot of another user, {name}, as {user}", pid, **how)
    if names == ["this machine"]:
        kit.say("skipped", "chroots of other systems", "none was fetched (fixtures/pythons)")


def check_files(kit, name, pid, **how):
    """The modules have their files, and those by a way that leads through the process."""
    ran = kit.expect(f"{name}: modules", ["dump", "--debug", "--native=all", "--pid", pid], COMPLETE, json_too=False, **how)
    files = re.findall(" ms: (/.*): attached as (/.*)", ran.err, re.MULTILINE)
    kit.check_that(f"{name}: files", len(files) > 1 and all(path.startswith(f"/proc/{pid}/") for path, _ in files), f"{files}{ran.err}"[:900])


def pivoted(kit, make):
    """As container runtimes do it: overlay of layers, pivot_root, the old root gone, and what ran is deleted in the upper layer."""
    need_root()
    need_namespaces(*OWN_MOUNTS, "--pid", "--fork")
    pivot = tool("pivot_root")
    for name, usr, program in roots():
        top = tree(make, usr, subject("inside", "os.unlink(sys.executable); os.unlink(__file__)"))
        upper = make.folder("upper")
        options = f"lowerdir={usr},upperdir={upper}/up,workdir={upper}/work"
        steps = [["mount", "-t", "tmpfs", "none", upper], ["mkdir", upper / "up", upper / "work"], ["mount", "--bind", top, top],
                 ["mount", "-t", "overlay", "overlay", "-o", options, top / "usr"], ["mount", "-t", "proc", "proc", top / "proc"],
                 ["cd", top], [pivot, ".", "old"], [program, "-s", "/srv/subject.py"]]
        if (usr / "bin/umount").exists():
            steps.insert(-1, ["umount", "-l", "/old"])
        ran = subprocess.run(setting_up([*steps[:5], ["true"]], "--pid", "--fork"), capture_output=True, check=False, text=True)
        if ran.returncode:
            kit.say("skipped", f"pivot_root, {name}", f"no overlay can be mounted here: {ran.stderr.strip()[:100]}")
            continue
        with inside(make, setting_up(steps, "--pid", "--fork", "--kill-child")) as pid:
            document = looks(kit, f"pivot_root, {name}", pid)
            kit.check_that(f"pivot_root, {name}: program", document["process"]["executable"]["path"] == program,
                           f"{document['process']['executable']}")
            check_files(kit, f"pivot_root, {name}", pid)
            kit.expect(f"pivot_root, {name}: no source", ["dump", "--pid", pid], COMPLETE, absent=["# inside"], json_too=False)


def reader_in_a_chroot(kit, make):
    """It is pycore that sees another root, and other files at the same paths."""
    need_root()
    need_namespaces(*OWN_MOUNTS)
    script = for_all(make.script(subject("outside")))
    top = tree(make, "/usr", "")
    copy = top / str(script)[1:]
    copy.parent.mkdir(parents=True)
    copy.write_text(subject("inside"))
    shutil.copy(kit.pycore, top / "srv/pycore")
    for path in (copy, script):
        os.utime(path, (1e9, 1e9))
    mounts = ["mount", "--rbind", "/usr", top / "usr"], ["mount", "--rbind", "/proc", top / "proc"]
    with inside(make, setting_up([*mounts, [system_python().path, "-s", script]])) as pid:
        enter = [tool("nsenter"), "--target", pid, "--mount", tool("chroot"), top, "/srv/pycore", "dump", "--pid", pid]
        ran = subprocess.run(list(map(str, enter)), capture_output=True, text=True, check=False, timeout=20)
        kit.check_that("pycore in a chroot", ran.returncode == COMPLETE and "# outside" in ran.stdout and "# inside" not in ran.stdout,
                       f"{ran.returncode}: {ran.stderr[-300:]}{ran.stdout[-700:]}")


def other_network(kit, make):
    """Whom a socket is connected to stands in files of its own network namespace."""
    options = ["--user", "--map-root-user", "--net"]
    need_namespaces(*options)
    script = make.script("""
import fcntl, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sH14s', b'lo', 1, b''))  # SIOCSIFFLAGS, IFF_UP
server = socket.socket(); server.bind(('127.0.0.1', 4711)); server.listen(1)
client = socket.create_connection(('127.0.0.1', 4711)); peer = server.accept()
sys.stdout.write('ready\\n'); sys.stdout.flush()
client.recv(1)
""")
    with inside(make, [tool("unshare"), *options, python((3, 11)).path, "-s", script]) as pid:
        kit.expect("other network", ["dump", "--pid", pid], COMPLETE, out=["Waits in recvfrom(", "-> 127.0.0.1:4711>"])


def rights(kit, make):
    """What is missing where it is refused."""
    need_root()
    found = system_python()
    user, space = {"user": NOBODY, "group": NOBODY, "extra_groups": []}, ["--user", "--map-root-user"]
    need_namespaces(*space)
    need_way_in(kit, make.top)
    script = for_all(make.script(subject()))
    without = [tool("setpriv"), "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]
    with inside(make, [tool("unshare"), *space, *PID_NAMESPACE, found.path, "-s", script]) as pid:
        for options in ([], ["--nonblocking"]):
            kit.expect(f"container of root, as another user {options}", ["dump", *options, "--pid", pid], NOTHING, err=["user namespace", "root"], **user)
        ran = subprocess.run([*as_nobody(tool("unshare"), *space), kit.pycore, "dump", "--pid", str(pid)], capture_output=True, text=True, check=False)
        kit.check_that("container of root, from another one", ran.returncode == NOTHING and "user namespace" in ran.stderr, f"{ran.stderr}")
    with inside(make, as_nobody(tool("unshare"), *space, *PID_NAMESPACE, found.path, "-s", script)) as pid:
        looks(kit, "container of the same user", pid, **user)
        ran = subprocess.run([*without, kit.pycore, "dump", "--pid", str(pid)], capture_output=True, text=True, check=False)
        kit.check_that("container, by root without CAP_SYS_PTRACE", ran.returncode == NOTHING and "user namespace" in ran.stderr, f"{ran.stderr}")
    with make.hanging(as_nobody(found.path, "-s", script)) as process:
        ran = subprocess.run([*without, kit.pycore, "dump", "--pid", str(process.pid)], capture_output=True, text=True, check=False)
        kit.check_that("by root without CAP_SYS_PTRACE", ran.returncode == NOTHING and "--cap-add=SYS_PTRACE" in ran.stderr, f"{ran.stderr}")


CASES = [pid_namespaces, from_inside, foreign_proc, no_proc, other_content, hidden, chroots, pivoted, reader_in_a_chroot, other_network, rights]
