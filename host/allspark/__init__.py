"""
What a Python processor imports: the interface of EAS's module of that name. It needs nothing but Python itself.

    import allspark

    class MyProcessor(allspark.BaseProcessor):
        def initialize(self):
            self.weight = 2

        def process(self, data):
            return str(self.weight * int(data)).encode(), 200

    if __name__ == "__main__":
        MyProcessor(worker_threads=10).run()

`python app.py` serves it on port 8080, `eas-host --entry app.py` serves it with worker processes that are replaced when
they crash. A program can also do without the class, and read requests itself:

    context = allspark.Context(4)
    queued = context.queued_service("0.0.0.0:8080")
    while True:
        queued.write(queued.read())

The files, in reading order:

    base        `BaseProcessor`
    context     `Context` and `QueuedService`: requests that a program reads itself
    properties  `Property`: names and values that programs and the host share
    channel     `Channel`: a client for other services
    paths       where the model is
    flags       for programs that compile native code
    service     the types that this package shares with what serves it
    opening     opens the service: under eas-host, or with a front of its own
"""

from allspark.base import BaseProcessor
from allspark.channel import Channel
from allspark.context import Context, QueuedService
from allspark.flags import cflags, ldflags
from allspark.properties import Property, default_properties

__all__ = [
    "BaseProcessor",
    "Channel",
    "Context",
    "Property",
    "QueuedService",
    "cflags",
    "default_properties",
    "ldflags",
]
