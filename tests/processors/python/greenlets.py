"""
A program that has gevent or eventlet replace parts of Python: PATCH says which, SERVE how it serves.

`wait FOLDER` tells that it has begun and waits, as patched code does, for the file `go` there; `ticks` tells how often
a background thread has had its turn.
"""

import os

PATCH, SERVE = os.environ["PATCH"], os.environ.get("SERVE", "run")
if PATCH == "gevent":
    from gevent import monkey

    monkey.patch_all()
elif PATCH == "sockets":
    from gevent import monkey

    monkey.patch_socket()
elif PATCH == "grequests":
    import grequests  # noqa: F401
elif PATCH == "eventlet":
    import eventlet

    eventlet.monkey_patch()

import logging
import socket
import threading
import time

import allspark

if PATCH == "gevent late":
    from gevent import monkey

    monkey.patch_all()

logging.basicConfig(level=logging.INFO)
ticks = 0


def tick():
    global ticks
    while True:
        time.sleep(0.01)
        ticks += 1


def answer(data):
    verb, _, folder = data.decode().partition(" ")
    if verb == "wait":
        with open(f"{folder}/entered", "wb", buffering=0) as entered:
            entered.write(f"enter {os.getpid()} x\n".encode())
        while not os.path.exists(f"{folder}/go"):
            time.sleep(0.01)
    if verb == "ticks":
        before = ticks
        while ticks == before:
            time.sleep(0.01)
    if verb == "socket":
        here, there = socket.socketpair()
        here.sendall(b"through a socket")
        logging.info("from a thread")
        with here, there:
            return there.recv(100)
    return data


class Greenlets(allspark.BaseProcessor):
    def initialize(self):
        threading.Thread(target=tick, daemon=True).start()

    def process(self, data):
        return answer(data), 200


def read():
    queued = allspark.Context(4).queued_service()

    def serve():
        while True:
            queued.write(answer(queued.read()))

    threads = [threading.Thread(target=serve) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    if SERVE == "read":
        read()
    else:
        how = {"worker_processes": 3} if SERVE == "processes" else {"worker_threads": 3}
        Greenlets(**how).run()
        print("behind run", flush=True)
