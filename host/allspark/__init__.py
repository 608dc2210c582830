"""
What a python processor imports. The shape of EAS's own module of that name; nothing here needs more than Python itself.

    import allspark

    class MyProcessor(allspark.BaseProcessor):
        def initialize(self):
            self.weight = 2

        def process(self, data):
            return str(self.weight * int(data)).encode(), 200

    if __name__ == "__main__":
        MyProcessor(worker_threads=10).run()

`python app.py` serves it on port 8080, `eas-host --entry app.py` serves it with worker processes that are replaced when
they crash. Programs that want no class read requests themselves:

    context = allspark.Context(4)
    queued = context.queued_service("0.0.0.0:8080")
    while True:
        queued.write(queued.read())
"""

from __future__ import annotations

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
