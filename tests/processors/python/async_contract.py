"""
A processor whose `process` is a coroutine function. The body says what it does: `VERB:ARGUMENT`.
"""

import asyncio
import sys
import time

import allspark


class Async(allspark.BaseProcessor):
    async def initialize(self):
        self.loop = asyncio.get_event_loop()
        self.loads = [1]
        self.lock = asyncio.Lock()
        self.waiting = asyncio.Event()
        self.at_once = self.most = 0
        await asyncio.sleep(0)

    async def process(self, data):
        verb, _, argument = data.decode().partition(":")
        if asyncio.get_event_loop() is not self.loop:
            return "another loop", 500
        return await getattr(self, verb)(argument)

    async def echo(self, argument):
        async with self.lock:
            return argument, 200

    async def meet(self, argument):
        """Waits until so many requests are here at once."""
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        if self.at_once == int(argument):
            self.waiting.set()
        await self.waiting.wait()
        self.at_once -= 1
        return str(self.most), 200

    async def hold(self, argument):
        """Waits for ever, and says how that ends."""
        print("holds", argument, flush=True)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("cancelled", argument, flush=True)
            raise

    async def count(self, _):
        return str(self.at_once), 200

    async def swallow(self, argument):
        """Goes on after it was cancelled, until `release`."""
        self.waiting.clear()
        print("holds", argument, flush=True)
        while not self.waiting.is_set():
            try:
                await self.waiting.wait()
            except asyncio.CancelledError:
                print("swallowed", argument, flush=True)
        return b"", 200

    async def release(self, _):
        self.waiting.set()
        return "released", 200

    async def block(self, argument):
        time.sleep(float(argument))
        return "blocked", 200

    async def fail(self, argument):
        await asyncio.sleep(0)
        raise ValueError(argument)

    async def leave(self, argument):
        sys.exit(argument)

    async def leave_in_task(self, _):
        async def leave():
            sys.exit("a task of its own")

        asyncio.ensure_future(leave())
        await asyncio.sleep(0.01)
        return "left", 200

    async def stop_loop(self, _):
        self.loop.stop()
        await asyncio.sleep(0.01)
        return "stopped", 200

    async def wrong(self, _):
        return b"only bytes"

    async def cancel_itself(self, _):
        raise asyncio.CancelledError("its own")


if __name__ == "__main__":
    Async().run()
