"""
The Python side of the contract table: one processor whose input says what to do. See contract.cc, which knows
the same verbs; those about raw pointers do not exist here.
"""

import ctypes
import os
import re
import signal
import sys
import threading

import allspark

MAGIC = b"\0\xff\0do "
loads = []  # one entry per call of initialize: where it ran
empties = []

present = {}
came = threading.Condition()


class Odd(Exception):
    """No message, no Error in the name."""


class Contract(allspark.BaseProcessor):
    def initialize(self):
        loads.append(os.getcwd())

    def process(self, data):
        if not isinstance(data, bytes):
            return f"{type(data)} is not bytes", 500
        if not data:
            empties.append(data)
        if not data.startswith(MAGIC):
            return data, 0
        verb, _, argument = data[len(MAGIC) :].partition(b":")
        return VERBS[verb.decode()](argument)

    # What fails for one fails for the batch: it does not say for which.
    def batch_process(self, batch):
        return [self.process(data) for data in batch]


def user_code_that_throws(message):
    raise ValueError(message)


def status(argument):
    number, _, body = argument.partition(b":")
    return body, int(number)


def throw(argument):
    user_code_that_throws(argument.decode())


def throw_other(_):
    raise KeyError("k")


def throw_odd(_):
    raise Odd


def say(argument):
    print("out", argument.decode())
    print("err", argument.decode(), file=sys.stderr)
    return b"printed", 200


def meet(argument):
    people, _, place = argument.decode().partition(":")
    with came:
        present[place] = present.get(place, 0) + 1
        came.notify_all()
        met = came.wait_for(lambda: present[place] >= int(people), timeout=20)  # so that a failure is no hang
    return b"met" if met else b"alone", 200


def tell(folder, event, body):
    with open(f"{folder}/entered", "wb", buffering=0) as entered:
        entered.write(f"{event} {os.getpid()} ".encode() + body[:64] + b"\n")


def gate(argument):
    folder, _, body = argument.partition(b":")
    tell(folder.decode(), "enter", body)
    with open(folder.decode() + "/leave", "rb", buffering=0) as leave:
        leave.read(1)
    tell(folder.decode(), "leave", body)
    return body, 200


def loaded(_):
    return f"loads={len(loads)}\nfolder={loads[0]}".encode(), 200


def deep(argument):
    return deep(argument)


def die(argument):
    how, _, number = argument.decode().partition(":")
    ends = {
        "segv": lambda: ctypes.string_at(16),
        "abort": os.abort,
        "_exit": lambda: ctypes.CDLL(None)._exit(int(number)),  # of os._exit the host is told
        "os._exit": lambda: os._exit(int(number)),
        "exit": lambda: sys.exit(int(number)),
        "interrupt": interrupt,
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
        "user": lambda: os.kill(os.getpid(), signal.SIGUSR1),
        "main": lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGSEGV),
        "hang": threading.Event().wait,
        "regex": lambda: re.match(r"(a+)+$", "a" * 60 + "b"),
        "spin": spin,
    }
    ends[how]()
    return b"alive", 200


def later(argument):
    """50:abort: a thread of its own does that after 50 ms, when the request is long answered."""
    milliseconds, _, how = argument.partition(b":")
    threading.Timer(int(milliseconds) / 1000, die, [how]).start()
    return str(os.getpid()).encode(), 200


def interrupt():
    raise KeyboardInterrupt


def spin():
    while True:
        pass


VERBS = {
    "status": status,
    "throw": throw,
    "throw-other": throw_other,
    "throw-odd": throw_odd,
    "null": lambda argument: (b"", int(argument or b"0")),
    "size": lambda argument: (b"s" * int(argument), 200),
    "size-status": lambda argument: (b"s" * int(argument), 500),
    "print": say,
    "meet": meet,
    "gate": gate,
    "loaded": loaded,
    "empties": lambda _: (str(len(empties)).encode(), 200),
    "pid": lambda _: (str(os.getpid()).encode(), 200),
    "deep": deep,
    "die": die,
    "later": later,
    # What users return by mistake, or because the real module lets them.
    "bare": lambda argument: argument,
    "nothing": lambda _: None,
    "three": lambda argument: (argument, 200, "more"),
    "swapped": lambda argument: (200, argument),
    "status-text": lambda argument: (argument, "fine"),
    "text": lambda argument: (argument.decode(), 200),
    "dict": lambda _: ({"y": 1}, 0),
    "float": lambda _: (0.5, 0),
    "bytearray": lambda argument: (bytearray(argument), 0),
    "list": lambda argument: [argument, 0],
}
