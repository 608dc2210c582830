"""
Does, at some moments of its life, what the file "behaviour" beside it says then, so that a test decides about each
load: MOMENT:DEED, where a moment is "load" (inside initialize) or "start" (loaded and reported as ready, but no
thread has taken a request yet), and a deed is "gate FOLDER" (see support/gate.py), "abort" or "segv".

Serves an echo; "gate:FOLDER:BODY" as input holds the request.
"""

import os
import signal
import threading

import allspark


def pass_gate(folder, body):
    with open(f"{folder}/entered", "wb", buffering=0) as entered:
        entered.write(f"enter {os.getpid()} {body}\n".encode())
    with open(f"{folder}/leave", "rb", buffering=0) as leave:
        leave.read(1)


def obey(moment):
    with open("behaviour", encoding="utf-8") as file:
        wanted, _, deed = file.read().partition(":")
    if wanted != moment:
        return
    how, _, argument = deed.partition(" ")
    if how == "gate":
        pass_gate(argument, moment)
    if how == "abort":
        os.abort()
    if how == "segv":
        signal.raise_signal(signal.SIGSEGV)


start_thread = threading.Thread.start


def start(thread):
    obey("start")
    start_thread(thread)


threading.Thread.start = start


class Held(allspark.BaseProcessor):
    def initialize(self):
        obey("load")

    def process(self, data):
        if data.startswith(b"gate:"):
            _, folder, body = data.decode().split(":")
            pass_gate(folder, body)
            return body.encode(), 200
        return data, 200
