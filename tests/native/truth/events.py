"""What the interpreter calls by itself."""
import gc
import os
import sys

from kit import C, enter, extension, leave, py_inner, rounds


def signals():
    import signal

    def py_handler(signo, frame):
        enter("py_handler")
        py_inner()
        leave()
    signal.signal(signal.SIGUSR1, py_handler)

    def py_raise():
        enter("py_raise")
        C.nat_raise(0)
        leave()
    return py_raise


def signal_in_call():
    """The handler runs inside of a C function of Python that was interrupted."""
    import signal
    import threading
    import time
    main = threading.current_thread().ident

    def py_handler(signo, frame):
        enter("py_handler")
        py_inner()
        leave()
    signal.signal(signal.SIGUSR1, py_handler)

    def shoot():
        time.sleep(0.2)
        signal.pthread_kill(main, signal.SIGUSR1)

    def py_sleep():
        enter("py_sleep")
        thread = threading.Thread(target=shoot)
        thread.daemon = True
        thread.start()
        time.sleep(0.4)
        leave()
    return py_sleep


def c_signal():
    def py_raise():
        enter("py_raise")
        C.nat_raise(1)
        leave()
    return py_raise


def finalizers():
    class Dropped(object):
        def py_del(self):
            enter("py_del")
            py_inner()
            leave()
        __del__ = py_del

    def py_drop(n=0):
        enter("py_drop")
        dropped = Dropped()
        del dropped
        leave()

    def py_forget():
        enter("py_forget")
        extension.call_object(py_drop, 1)
        leave()
    return py_forget


def frame_cleared(through_c=True):
    """What a frame held dies after the frame has left the stack, while the evaluation still runs."""
    def py_asked():
        enter("py_asked")
        py_inner()
        leave()

    def py_holder(n=0):
        enter("py_holder")
        held = extension.Asker(py_asked)
        leave()

    def py_plain():
        enter("py_plain")
        py_holder()
        leave()

    def py_called():
        enter("py_called")
        if through_c:
            extension.call_object(py_holder, 1)
        else:
            py_plain()
        leave()
    return py_called


def frame_cleared_inline():
    return frame_cleared(through_c=False)


def collector():
    class Node(object):
        pass

    def py_gone(_):
        enter("py_gone")
        py_inner()
        leave()
    import weakref
    held = []

    def py_collect():
        enter("py_collect")
        node = Node()
        node.me = node
        held[:] = [weakref.ref(node, py_gone)]
        del node
        gc.collect()
        leave()
    return py_collect


def collector_callback():
    def py_watch(phase, info):
        enter("py_watch")
        if phase == "start":
            py_inner()
        leave()
    gc.disable()

    def py_collect():
        enter("py_collect")
        gc.callbacks[:] = [py_watch]
        gc.collect()
        gc.callbacks[:] = []
        leave()
    return py_collect


def imports():
    def py_body():
        enter("py_body")
        py_inner()
        leave()

    def py_find(name, path=None, target=None):
        if name == "no_such_outer":
            enter("py_find")
            with open("no_such_inner.py", "w") as f:
                f.write("import sys\nsys.py_body()\n")
            __import__("no_such_inner")
            leave()

    class Finder(object):
        find_spec = find_module = staticmethod(py_find)
    sys.meta_path.insert(0, Finder)
    sys.path.insert(0, os.getcwd())
    sys.py_body = py_body
    sys.dont_write_bytecode = True

    def py_import():
        enter("py_import")
        try:
            import no_such_outer  # noqa: F401
        except ImportError:
            pass
        leave()
    return py_import


def tracing():
    def py_trace(frame, event, arg):
        enter("py_trace")
        sys.settrace(None)
        py_inner()
        leave()
        return None

    def traced(n=0):
        return n

    def py_start():
        enter("py_start")
        sys.settrace(py_trace)
        extension.call_object(traced, 1)
        sys.settrace(None)
        leave()
    return py_start


def auditing():
    def py_audit(event, args):
        if event == "native.truth":
            enter("py_audit")
            py_inner()
            leave()
    sys.addaudithook(py_audit)

    def py_raise_event():
        enter("py_raise_event")
        sys.audit("native.truth")
        leave()
    return py_raise_event


def at_exit():
    import atexit

    def py_bye():
        enter("py_bye")
        rounds(py_inner)
    atexit.register(py_bye)
    return None


def except_hook():
    def py_hook(kind, value, trace):
        enter("py_hook")
        rounds(py_inner)
    sys.excepthook = py_hook
    raise ValueError("nobody catches this")


def context():
    import contextvars

    def py_in_context():
        enter("py_in_context")
        py_inner()
        leave()

    def py_run():
        enter("py_run")
        contextvars.copy_context().run(py_in_context)
        leave()
    return py_run
