"""
Answers that can be told apart byte by byte (tests/support/numbered.py), in the event loop: what numbered.py has.
"""

import asyncio
import os

import allspark


class Numbered(allspark.BaseProcessor):
    async def initialize(self):
        await asyncio.sleep(0)

    async def process(self, data):
        await asyncio.sleep(0)
        parts = made(data)
        return (b"".join([part async for part in parts]), 200) if data.endswith(b"whole") else parts


async def made(data):
    _, number, parts, size, end = data.decode().split(" ")
    for index in range(int(parts)):
        label = b"%d.%d.%d " % (int(number), index, os.getpid())
        yield (label * (int(size) // len(label) + 1))[: int(size)]
        await asyncio.sleep(0)
    if end == "fail":
        raise ValueError("failed")
    if end == "die":
        os.abort()
