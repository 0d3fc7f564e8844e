"""What is another way with fetched Pythons, mostly those of other processors, as data, each with its reason."""

# What `run.py --foreign` runs unless --program says otherwise: one of each thing that is read in its own way.
FEW = ("threads", "names:astral", "names:bytes", "unicode_source", "code_objects:huge_first", "long_code:far_end", "generators:next",
       "coroutines:await", "closures", "exceptions_chain:context", "exceptions_kinds:syntax", "subinterpreters:same_thread",
       "recursion", "inlined:mixed", "deaths:ABRT", "multiline:call")

# Programs that an emulator does not run as the processor would: PROGRAM or PROGRAM:VARIANT -> why.
EXECUTES = "executes a program of another processor, which only its emulator can"
CANNOT = {**dict.fromkeys(("code_objects:no_columns", "code_objects:optimized", "embedded", "hangs:waitpid", "perf_trampoline",
                           "startup"), EXECUTES),
          "deaths:SYS": "the emulator writes no core for that signal",
          "forked": "the emulator's core of a child that was forked has the id of the parent's thread"}


# Programs that one fetched Python does not run to their end: (its name, PROGRAM:VARIANT) -> why.
BREAKS = {("standalone-3.14.6", "subinterpreters:pool"): "this build dies there by itself: double free or corruption (out)"}


def why_not(python, name):
    """Why that program can't be run with that Python, or None."""
    if not python.emulated:
        return BREAKS.get((python.name, name))
    return CANNOT.get(name) or CANNOT.get(name.partition(":")[0])


# What an emulator's core cannot tell, so what a report on it rightly has: the start of a note.
NOTES = ("has no list of mapped files (NT_FILE)",)


# Whose GIL is a variable that only a symbol leads to, and that are stripped: who waits for it is not known.
LOCK_UNKNOWN = ("debian-2.7",)


def adapt(python, truth, document):
    """Takes out of a record and of a report what is the emulator's doing, and not the process's; and what cannot be known."""
    if python.name in LOCK_UNKNOWN:
        for thread in truth["threads"]:
            thread["gil"] = "holder" if thread["gil"] == "holder" else None
    if not python.emulated:
        return
    known = {thread["tid"] for thread in truth["threads"]}
    strangers = [tid for tid in truth["tids"] if tid not in known]
    truth["tids"] = [tid for tid in truth["tids"] if tid not in strangers[:1]]  # its own is older than any but the first
    document["problems"] = [one for one in document["problems"] if not one["why"].startswith(NOTES)]
    for thread in document["threads"]:  # which system call a thread waits in is not in the core
        thread["gil"] = thread["gil"] or "none"
