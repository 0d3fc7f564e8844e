"""Run by gdb: answers each line on standard input, a process id or the files of a program and its core, and where other
files are if not at their own paths, with every thread's frames as one line of JSON, innermost first, also of functions that were inlined. One gdb for many cores, because it
takes its time over the symbols of the same libraries.

Left out are tail calls that gdb reconstructs: nothing of them is on the stack. A call of CPython's evaluation function has
"python": the address of the Python frame that it is busy with, where its variable can be read."""
import json
import sys

import gdb

LIMIT = 620  # without inlined functions
EVALUATION = "PyEval_EvalFrameEx", "_PyEval_EvalFrameDefault"


def busy_with(frame):
    for variable in ("frame", "f"):
        try:
            value = frame.read_var(variable)
            return None if value.is_optimized_out else int(value)
        except (ValueError, gdb.error):
            pass
    return None


def frames():
    frame = gdb.newest_frame()
    while frame is not None and frame.is_valid():
        if frame.type() != gdb.TAILCALL_FRAME:
            shown = {"pc": frame.pc(), "function": frame.name(), "inlined": frame.type() == gdb.INLINE_FRAME,
                     "line": frame.find_sal().line}
            if frame.name() in EVALUATION and not shown["inlined"]:
                shown["python"] = busy_with(frame)
            yield shown
        frame = frame.older()


def listed():
    found, count = [], 0
    try:
        for frame in frames():
            if found and not frame["function"] and not gdb.solib_name(frame["pc"]):
                found.append(None)  # a guess of gdb's that leads to where no code is: from here on it is lost
                break
            found.append(frame)
            count += not frame["inlined"]
            if count == LIMIT:
                break
    except gdb.error:
        pass
    return found


def threads():
    found = {}
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        found[thread.ptid[1] or thread.ptid[0]] = listed()
    return found


def do(command):
    gdb.execute(command, to_string=True)


def look(pid=None, program=None, core=None, sysroot="", debug="/usr/lib/debug"):
    """In an inferior of its own; the one before is kept until then, for what the two share."""
    do(f"set sysroot {'target:' if pid else sysroot}")
    do(f"set debug-file-directory {debug}")
    before = gdb.selected_inferior().num
    do("add-inferior -no-connection" + (f" -exec {program}" if program else ""))
    new = max(inferior.num for inferior in gdb.inferiors())
    do(f"inferior {new}")
    if before > 1:
        do(f"remove-inferiors {before}")
    do(f"attach {pid}" if pid else f"core-file {core}")
    found = threads()
    if pid:
        do("detach")
    return found


gdb.execute("set confirm off")
for line in iter(sys.stdin.readline, ""):
    try:
        answer = look(**json.loads(line))
    except gdb.error as error:
        answer = {"error": str(error)}
    sys.stdout.write("\nANSWER " + json.dumps(answer) + "\n")
    sys.stdout.flush()
