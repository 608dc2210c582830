"""
A processor whose `process` is a coroutine function. The body says what it does: `VERB:ARGUMENT`; answers_later.cc and
Later.java know most of these verbs.
"""

import asyncio
import ctypes
import os
import sys
import threading
import time

import allspark


class Async(allspark.BaseProcessor):
    async def initialize(self):
        self.loop = asyncio.get_event_loop()
        self.loads = [1]
        self.lock = asyncio.Lock()
        self.waiting = asyncio.Event()
        self.held = {}
        self.at_once = self.most = 0
        await asyncio.sleep(0)

    async def process(self, data):
        verb, _, argument = data.decode().partition(":")
        if asyncio.get_event_loop() is not self.loop:
            return "another loop", 500
        return await getattr(self, verb.replace(" ", "_"))(argument)

    async def echo(self, argument):
        async with self.lock:
            return argument, 200

    async def inside(self, argument):
        return argument, 200

    async def later(self, argument):
        await on_a_thread(lambda: None)
        return argument, 200

    async def status(self, argument):
        number, _, body = argument.partition(":")
        return body, int(number)

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
        """Waits until `release`, or for ever, and says how that ends."""
        print("holds", argument, flush=True)
        self.held[argument] = self.loop.create_future()
        try:
            return await self.held[argument], 200
        except asyncio.CancelledError:
            print("cancelled", argument, flush=True)
            raise

    async def once(self, argument):
        """FOLDER:NAME is held; in its second run it is answered at once."""
        folder, _, name = argument.partition(":")
        try:
            os.close(os.open(os.path.join(folder, name), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return "again " + name, 200
        return await self.hold(name)

    async def release(self, argument):
        if self.held[argument].done():
            return "too late", 200
        self.held[argument].set_result("hold:" + argument)
        return "released", 200

    async def fail(self, argument):
        self.held[argument].set_exception(ValueError("no answer"))
        return "failed", 200

    async def gate(self, argument):
        folder, _, body = argument.partition(":")
        await on_a_thread(lambda: pass_gate(folder, body))
        return body, 200

    async def swallow(self, argument):
        """Goes on after it was cancelled, until `let_go`."""
        self.waiting.clear()
        print("holds", argument, flush=True)
        while not self.waiting.is_set():
            try:
                await self.waiting.wait()
            except asyncio.CancelledError:
                print("swallowed", argument, flush=True)
        return b"", 200

    async def let_go(self, _):
        self.waiting.set()
        return "let go", 200

    async def block(self, argument):
        time.sleep(float(argument))
        return "blocked", 200

    async def throw(self, argument):
        raise ValueError(argument)

    async def throw_later(self, argument):
        await on_a_thread(lambda: None)
        raise ValueError(argument)

    async def die(self, how):
        die(how)

    async def die_later(self, how):
        await on_a_thread(lambda: die(how))

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


def on_a_thread(call):
    """Awaits *call*, on a thread that the host does not know."""
    loop = asyncio.get_event_loop()
    done = loop.create_future()

    def work():
        call()
        loop.call_soon_threadsafe(done.set_result, None)

    threading.Thread(target=work).start()
    return done


def pass_gate(folder, body):
    """See tests/support/gate.py."""
    for event in ("enter", "leave"):
        if event == "leave":
            with open(folder + "/leave", "rb", buffering=0) as leave:
                leave.read(1)
        with open(folder + "/entered", "wb", buffering=0) as entered:
            entered.write("{} {} {}\n".format(event, os.getpid(), body).encode())


def die(how):
    if how == "exit":
        os._exit(3)
    if how == "abort":
        os.abort()
    ctypes.string_at(16)


if __name__ == "__main__":
    Async().run()
