"""Objects of which it is known in which generation each is; then it dies. The lengths of the collector's lists come on
standard output, as far as this version tells them: all, then of each generation, then those that are frozen."""
import gc
import os
import resource


class Frozen(object):
    pass


class Old(object):
    pass


class Middle(object):
    pass


class Young(object):
    pass


class Atom(object):
    __slots__ = ()


def lengths():
    yield len(gc.get_objects())
    if hasattr(gc, "freeze"):
        try:
            for number in range(3):
                yield len(gc.get_objects(generation=number))
        except TypeError:  # not before 3.8
            return
        yield gc.get_freeze_count()


resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
gc.disable()
gc.collect()
frozen = [Frozen() for i in range(400)]
if hasattr(gc, "freeze"):
    gc.freeze()
old = [Old() for i in range(3000)]
atoms = [Atom() for i in range(600)]
gc.collect()
middle = [Middle() for i in range(2000)]
gc.collect(0)
young = [Young() for i in range(1000)]
found = [0] * 8
step = lengths()
for n, length in enumerate(step):
    found[n] = length
del step, n, length
# once more, with nothing else around
found[0] = len(gc.get_objects())
if found[1]:
    found[1] = len(gc.get_objects(generation=0))
text = " ".join(map(str, found))
os.write(1, text if str is bytes else text.encode())
os.abort()
