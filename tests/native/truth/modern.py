"""What only Python 3 has the grammar for."""
import asyncio

from kit import enter, leave, py_inner


def delegation():
    def py_lowest():
        enter("py_lowest")
        py_inner()
        leave()
        yield 1

    class Through:
        def __init__(self, it):
            self.it = it

        def __iter__(self):
            return self

        def py_through(self):
            enter("py_through")
            found = next(self.it)
            leave()
            leave()  # of py_middle, which is about to be left
            return found
        __next__ = py_through

    def py_middle():
        enter("py_middle")
        yield from Through(py_lowest())

    def py_counted():
        enter("py_counted")
        next(py_middle())
        leave()
        leave()  # of py_direct, which is about to be left as well
        yield 1

    def py_direct():
        enter("py_direct")
        yield from py_counted()

    def py_outer():
        enter("py_outer")
        for n in py_direct():
            leave()
            yield n
            enter("py_outer")
        leave()

    def py_delegate():
        enter("py_delegate")
        list(py_outer())
        leave()
    return py_delegate


def coroutines():
    async def py_awaited():
        enter("py_awaited")
        py_inner()
        leave()
        return 1

    class Awaitable:
        def py_await(self):
            enter("py_await")
            py_inner()
            leave()
            return iter(())
        __await__ = py_await

    async def py_generator():
        enter("py_generator")
        await py_awaited()
        leave()
        yield 1
        enter("py_generator")
        await Awaitable()
        leave()

    async def py_task():
        enter("py_task")
        async for _ in py_generator():
            pass
        leave()

    def py_send():
        enter("py_send")
        task = py_task()
        try:
            task.send(None)
        except StopIteration:
            pass
        leave()
    return py_send


def asyncio_task():
    async def py_work(n):
        enter("py_work")
        py_inner()
        leave()
        return n

    async def py_main():
        enter("py_main")
        task = asyncio.ensure_future(py_work(1))
        leave()
        await task

    loop = asyncio.new_event_loop()

    def py_run():
        enter("py_run")
        loop.run_until_complete(py_main())
        leave()
    return py_run
