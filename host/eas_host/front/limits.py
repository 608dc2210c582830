"""
Numbers that bound what a client can cost. Those that EAS has, too, are options instead (`config.host`); the memory that
all clients may take together is counted by `dispatch.memory_budget`.
"""

from __future__ import annotations

from typing import Final

MAX_HEAD: Final = 32 * 1024
"""Bytes of a request's head; above it 431. nginx allows 4 buffers of 8 KiB, node 16 KiB."""

MAX_KNOWN_HEAD: Final = 4 * 1024
"""Bytes of a head that a connection keeps to recognise the next request by."""

MAX_URL: Final = 8 * 1024
"""Bytes of a request target; above it 414. nginx: one buffer of 8 KiB; RFC 9110 asks for at least 8000."""

MAX_PIPELINED: Final = 64
PIPELINED_MEMORY: Final = 1024 * 1024
"""Requests, and bytes of their bodies, read ahead on one connection before it is read no further."""

RESERVED_DESCRIPTORS: Final = 32
RESERVED_PER_WORKER: Final = 12
"""File descriptors that connections leave free: for the host itself, and for the pipes of each worker, which are there
twice while a worker is replaced."""

SINGLE_WRITE_MAX: Final = 64 * 1024
"""Up to this size a body is joined to its head: copying it costs less than a second buffer in writev."""

STRAIGHT_BODY: Final = 16 * 1024
"""If so many bytes of a body are still to come, they are received straight into its slot, past the parser."""

IDLE_SECONDS: Final = 75.0
"""An idle connection is closed after this; nginx's keepalive_timeout."""

SEND_SECONDS: Final = 30.0
"""A connection whose client reads nothing of its answer for this long is reset; nginx's send_timeout is 60."""

STALLED_SECONDS: Final = 300.0
"""A connection that has had something unsent for this long is reset, even if its client reads a little now and then."""

LINGER_SECONDS: Final = 2.0
"""For how long, after an early refusal, the rest of the request is read and dropped, so that the client sees why."""

LAST_REQUESTS_SECONDS: Final = 0.2
"""
For how long a host that stops still takes requests on connections that are open: the next request of a client may be on
its way, and would be lost if its connection were closed. A network's round trip is mostly shorter.
"""

HALF_CLOSE_SECONDS: Final = 0.5
"""How long after the last answer a client that has closed its half of the connection is asked whether it has left:
several round trips."""

STREAM_BUFFER: Final = 16 * 1024
"""Bytes of an answer that streams that the kernel keeps for its client; it takes twice as many for its own records."""
