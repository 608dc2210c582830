"""
Brings handlers of its own for some paths, in both of allspark's forms.
"""

import ctypes
import os
import threading

import allspark

left = threading.Event()


class Injects(allspark.BaseProcessor):
    def initialize(self):
        queued = self.queued
        queued.inject("/hello", lambda body: b"hello " + body)
        queued.inject("guarded", lambda body: b"for you: " + body, token="s3cret")
        queued.inject("/api/predict/injects/inner", lambda body: b"inner")
        queued.inject("/模型", lambda body: "文字".encode())
        queued.inject("/api/builtin/mine", lambda body: b"mine")
        queued.inject("/api/builtin/ping", lambda body: b"not pong")
        queued.inject("/size", lambda body: b"s" * int(body))

        @queued.inject("/raises")
        def raises(body):
            raise ValueError("not " + body.decode())

        @queued.inject("/dies")
        def dies(body):
            ctypes.string_at(16)

        @queued.inject("/waits")
        def waits(body):
            left.wait()
            return b"waited"

        @queued.inject("/pid")
        def pid(body):
            return str(os.getpid()).encode()

    def process(self, data):
        if data == b"leave":
            left.set()
        return b"processed " + data, 200


if __name__ == "__main__":
    Injects().run()
