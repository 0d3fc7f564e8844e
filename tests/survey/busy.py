"""A process that changes its heap all the time, but for COUNT objects of one class and their lists.

    busy.py COUNT

Prints its pid when they are there, and runs until its standard input ends.
"""
import os
import sys
import threading


class Kept(object):
    __slots__ = ("items",)

    def __init__(self, n):
        self.items = Items([None] * n)


class Items(list):
    __slots__ = ()


kept = [Kept(i % 5) for i in range(int(sys.argv[1]))]


def churn():
    number = 0
    while True:
        number += 1
        things = [(number, i, str(i)) for i in range(300)]
        names = dict((str(i), [i]) for i in range(200))
        del things, names


for _ in range(2):
    thread = threading.Thread(target=churn)
    thread.daemon = True
    thread.start()
print(os.getpid())
sys.stdout.flush()
sys.stdin.read()
os._exit(0)
