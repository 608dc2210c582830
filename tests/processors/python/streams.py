"""
Answers in parts, by a generator. The body says what they are: `VERB:ARGUMENT`. See async_streams.py, which knows the
same verbs.
"""

import os
import sys
import time

import allspark

LINE = b"x" * 1023 + b"\n"


class Streams(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        verb, _, argument = data.partition(b":")
        parts = VERBS[verb.decode()](argument)
        return (parts, 201) if verb == b"pair" else parts


def numbers(argument):
    for number in range(int(argument)):
        yield b"%d\n" % number


def numbers_from(argument):
    first, count = argument.split(b",")
    for number in range(int(first), int(first) + int(count)):
        yield b"%d\n" % number


def pair(argument):
    return iter([argument, argument])


def types(_):
    yield "ключ"
    yield b""
    yield ""
    yield bytearray(b" array")
    yield memoryview(b" view")


def nothing(_):
    yield from ()


def one(argument):
    yield b"\0" * int(argument)


def parts(argument):
    """COUNT:SIZE, of the letters b, c, ..."""
    count, size = argument.split(b":")
    for number in range(1, int(count) + 1):
        yield bytes([ord("a") + number % 26]) * int(size)


def endless(argument):
    try:
        print("begun", argument.decode(), flush=True)
        while True:
            yield LINE
    finally:
        print("closed", argument.decode(), flush=True)


def silent(_):
    try:
        yield b"begun"
        while True:
            yield b""
    finally:
        print("closed silent", flush=True)


def gated(argument):
    """A part for each byte that the test writes into a pipe: `0` is an empty one, `!` an exception."""
    with open(argument.decode(), "rb", buffering=0) as pipe:
        try:
            while True:
                byte = pipe.read(1)
                if byte == b"!":
                    raise ValueError("in the midst")
                if byte == b"#":
                    os.abort()
                if byte == b"?":
                    sys.exit("in the midst")
                if byte in (b"~", b""):
                    return
                yield b"" if byte == b"0" else byte
        finally:
            print("closed gated", flush=True)


def at_first(_):
    raise ValueError("at first")
    yield b""


def at_close(_):
    try:
        while True:
            yield LINE
    finally:
        raise ValueError("at close")


def keeps_on(_):
    while True:
        try:
            yield LINE
        except GeneratorExit:
            yield b"more"


def clock(argument):
    """Each part is the time at which it was made."""
    for _ in range(int(argument)):
        yield b"%.6f\n" % time.time()
        time.sleep(0.005)


VERBS = {
    name: globals()[name]
    for name in (
        *("numbers", "numbers_from", "pair", "types", "nothing", "one", "endless", "silent", "gated"),
        *("parts", "at_first", "at_close", "keeps_on", "clock"),
    )
}

if __name__ == "__main__":
    Streams().run()
