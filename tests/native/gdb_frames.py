"""Run by gdb: prints every thread's frames as one line of JSON, innermost first, also of functions that were inlined.
Left out are tail calls that gdb reconstructs: nothing of them is on the stack."""
import json

import gdb

LIMIT = 900


def frames():
    frame = gdb.newest_frame()
    while frame is not None and frame.is_valid():
        if frame.type() != gdb.TAILCALL_FRAME:
            yield {"pc": frame.pc(), "function": frame.name(), "inlined": frame.type() == gdb.INLINE_FRAME,
                   "line": frame.find_sal().line}
        frame = frame.older()


def listed():
    found = []
    try:
        for frame in frames():
            if found and not frame["function"] and not gdb.solib_name(frame["pc"]):
                found.append(None)  # a guess of gdb's that leads to where no code is: from here on it is lost
                break
            found.append(frame)
            if len(found) == LIMIT:
                break
    except gdb.error:
        pass
    return found


result = {}
for thread in gdb.selected_inferior().threads():
    thread.switch()
    result[thread.ptid[1] or thread.ptid[0]] = listed()
print("FRAMES " + json.dumps(result))
