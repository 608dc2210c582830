"""
Answers in parts, by an async generator: what streams.py has, in the event loop.
"""

import asyncio
import os
import sys

import allspark

LINE = b"x" * 1023 + b"\n"


class Streams(allspark.BaseProcessor):
    async def initialize(self):
        self.lock = asyncio.Lock()
        await asyncio.sleep(0)

    async def process(self, data):
        async with self.lock:
            verb, _, argument = data.partition(b":")
        return VERBS[verb.decode()](argument), 201 if verb == b"pair" else 200


async def numbers(argument):
    for number in range(int(argument)):
        yield b"%d\n" % number


async def numbers_from(argument):
    first, count = argument.split(b",")
    for number in range(int(first), int(first) + int(count)):
        yield b"%d\n" % number


def pair(argument):
    return iter([argument, argument])


async def types(_):
    yield "ключ"
    yield b""
    yield ""
    yield bytearray(b" array")
    yield memoryview(b" view")


async def nothing(_):
    for part in ():
        yield part


async def one(argument):
    yield b"\0" * int(argument)


async def parts(argument):
    """COUNT:SIZE, of the letters b, c, ..."""
    count, size = argument.split(b":")
    for number in range(1, int(count) + 1):
        yield bytes([ord("a") + number % 26]) * int(size)


async def endless(argument):
    try:
        print("begun", argument.decode(), flush=True)
        while True:
            yield LINE
    finally:
        print("closed", argument.decode(), flush=True)


async def silent(_):
    try:
        yield b"begun"
        while True:
            yield b""
    finally:
        print("closed silent", flush=True)


async def gated(argument):
    """A part for each byte that the test writes into a pipe: `0` is an empty one, `!` an exception."""
    reader = asyncio.StreamReader()
    pipe = os.fdopen(os.open(argument.decode(), os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
    transport, _ = await asyncio.get_event_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        while True:
            byte = await reader.read(1)
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
        transport.close()
        print("closed gated", flush=True)


async def at_first(_):
    raise ValueError("at first")
    yield b""


async def at_close(_):
    try:
        while True:
            yield LINE
    finally:
        raise ValueError("at close")


async def keeps_on(_):
    while True:
        try:
            yield LINE
        except GeneratorExit:
            yield b"more"


VERBS = {
    name: globals()[name]
    for name in (
        *("numbers", "numbers_from", "pair", "types", "nothing", "one", "endless", "silent", "gated"),
        *("parts", "at_first", "at_close", "keeps_on"),
    )
}

if __name__ == "__main__":
    Streams().run()
