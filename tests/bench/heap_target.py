"""A program with a heap of COUNT objects that dies, or waits: heap_target.py COUNT ordered|churned [wait]."""
import gc
import os
import resource
import sys


class Node:
    __slots__ = ("left", "right", "value")

    def __init__(self, left, value):
        self.left, self.right, self.value = left, None, value


def ordered(count):
    """Records as an application loads them: per record a dict, two strings, a float, an int and a tuple."""
    return [{"name": f"user {i}", "mail": f"user{i}@example.com", "score": i + 0.5, "id": 10 ** 6 + i, "place": (i & 255, None)}
            for i in range(count // 6)]


def churned(count):
    """Nodes of which one after the other, in no order, was freed and made anew."""
    n = count // 3
    nodes = [Node(None, (i, 10 ** 6 + i)) for i in range(n)]
    seed = 1
    for i in range(n):
        seed = (seed * 69069 + 1) & 0xFFFFFFFF
        nodes[seed % n] = Node(nodes[(seed >> 8) % n], (i, 10 ** 6 + i))
        nodes[(seed >> 8) % n].left = None
    return nodes


gc.disable()
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
made = {"ordered": ordered, "churned": churned}[sys.argv[2]](int(sys.argv[1]))
if "wait" in sys.argv:
    print("ready", flush=True)
    sys.stdin.read()
else:
    os.abort()
