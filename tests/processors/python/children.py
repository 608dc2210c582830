"""
Makes a child, sends it a signal and tells what became of it: the input is `HOW NUMBER`.
"""

import ctypes
import multiprocessing
import os
import select
import signal
import subprocess
import time

import allspark

forking = multiprocessing.get_context("fork")
c_fork = ctypes.PyDLL(None).fork
c_pause = ctypes.PyDLL(None).pause


def sleep(x):
    time.sleep(1000)


def wait_for_death(ready):
    try:
        os.write(ready, b"r")
        while True:
            time.sleep(0.01)  # a longer one may begin just when the signal has been noted
    except KeyboardInterrupt:
        os._exit(101)


def by_os_fork(ready):
    pid = os.fork()
    if pid == 0:
        wait_for_death(ready)
    return pid


def by_c_fork(_):
    pid = c_fork()
    if pid == 0:
        while True:
            c_pause()
    return pid


def by_multiprocessing(ready):
    child = forking.Process(target=wait_for_death, args=[ready])
    child.start()
    return child.pid


def by_subprocess(_):
    return subprocess.Popen(["sleep", "1000"]).pid


def by_subprocess_with_preexec(_):
    return subprocess.Popen(["sleep", "1000"], preexec_fn=lambda: None).pid


class Children(allspark.BaseProcessor):
    def initialize(self):
        signal.signal(signal.SIGUSR2, lambda *_: os._exit(77))  # a handler of its own, which children inherit

    def process(self, data):
        how, _, number = data.decode().partition(" ")
        if how == "pool":
            pool = forking.Pool(2)
            pool.apply_async(sleep, [1])
            pool.terminate()  # SIGTERM to each
            pool.join()
            return "terminated", 200
        came, ready = os.pipe()
        pid = globals()[f"by_{how}"](ready)
        if int(number) in (signal.SIGINT, signal.SIGUSR2) and how in ("os_fork", "multiprocessing"):
            os.read(came, 1)  # Python forgets what has come before it has put its child in order
        os.close(came)
        os.close(ready)
        child = os.pidfd_open(pid)
        os.kill(pid, int(number))
        ended = bool(select.select([child], [], [], 4)[0])
        if not ended:
            os.kill(pid, signal.SIGKILL)
        os.close(child)
        _, status = os.waitpid(pid, 0)
        return str(os.waitstatus_to_exitcode(status)) if ended else "survived", 200


if __name__ == "__main__":
    Children().run()
