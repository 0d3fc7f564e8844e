"""Calls from Python to C and back, in the way that the first argument names; every function whose name begins with py_ or
nat_ writes itself down on entry (shadow.h), so that whoever looks at the process afterwards can be judged.

usage: main.py SCENARIO die|wait LIBRARY FOLDER_OF_EXTENSION, in a folder of its own

A scenario is a function of one of the modules beside this. It returns a function to call again and again, of which one of
the last calls does not return; or it does not return itself.
"""
import sys

import calls
import events
import frames
import threads
from kit import C, END, ROUNDS, rounds

SCENARIO = sys.argv[1]
AT_ONCE = "imports", "signal_in_call", "foreign_thread", "gil_thread"  # these take long, or can't be done twice


def scenario():
    for module in (calls, frames, events, threads):
        if hasattr(module, SCENARIO):
            return getattr(module, SCENARIO)
    import modern
    return getattr(modern, SCENARIO)


def main():
    C.prepare(0 if SCENARIO in AT_ONCE else ROUNDS, END == "wait")
    function = scenario()()
    if function:
        rounds(function)


main()
