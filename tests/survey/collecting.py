"""Dies in the midst of a collection: 5000 objects stay, 2000 are about to go, none is gone."""
import gc
import os
import resource


class Stays(object):
    pass


class Goes(object):
    def __init__(self):
        self.me = self


class Ends(Goes):
    def __del__(self):
        os.abort()


if str is bytes:  # 2.7 does not collect what has a __del__: here a weak reference ends it
    import weakref

    class Ends(Goes):  # noqa: F811
        def __init__(self):
            Goes.__init__(self)
            Ends.watch = weakref.ref(self, lambda reference: os.abort())


resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
gc.disable()
stays = [Stays() for i in range(5000)]
goes = [Goes() for i in range(2000)]
last = Ends()
del goes, last
gc.collect()
