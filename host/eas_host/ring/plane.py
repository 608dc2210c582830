"""
The native data plane (native/src/plane.h): the sockets of clients, and the requests among theirs that need no Python.

Only one thread may use it, that of the front.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from eas_host.ring.bindings import ffi, lib
from eas_host.ring.front import FrontRing

DATA: Final = lib.EAS_PLANE_DATA
EOF: Final = lib.EAS_PLANE_EOF
FAILED: Final = lib.EAS_PLANE_FAILED
WRITABLE: Final = lib.EAS_PLANE_WRITABLE
REQUEST: Final = lib.EAS_PLANE_REQUEST
UNSENT: Final = lib.EAS_PLANE_UNSENT
SUBMITTED: Final = lib.EAS_PLANE_SUBMITTED
RECEIVED: Final = lib.EAS_PLANE_RECEIVED
"""Kinds of events; plane_api.h tells what their numbers mean."""

TEXT: Final = lib.EAS_PART_TEXT
VALUE: Final = lib.EAS_PART_VALUE
LENGTH: Final = lib.EAS_PART_LENGTH
"""Kinds of parts of a template."""

_MAX_EVENTS: Final = 1024
"""Most events that one native call returns: more than one turn makes."""

Event = tuple[int, int, int, int, int]
"""A kind, a connection or ring, and three numbers."""


class NativePlane:
    """
    The plane itself; its functions are described in plane_api.h.

    Attributes:
        fd: readable while `turn` has something to do.
        buffer: the bytes of DATA events; a slice of it is bytes.
    """

    def __init__(self) -> None:
        self._plane = plane = lib.eas_plane_new()
        if plane == ffi.NULL:
            raise OSError(ffi.errno, "the data plane cannot be made (epoll_create1)")
        self._events = ffi.new("int64_t[]", lib.EAS_PLANE_NUMBERS * _MAX_EVENTS)
        self.fd: int = lib.eas_plane_fd(plane)
        self.buffer: bytes = ffi.buffer(lib.eas_plane_buffer(plane), lib.eas_plane_buffer_size(plane))
        self.remove: Callable[[int], None] = partial(lib.eas_plane_remove, plane)
        self.watch: Callable[[int, bool, bool], None] = partial(lib.eas_plane_watch, plane)
        self.detach: Callable[[int], None] = partial(lib.eas_plane_detach, plane)
        self.set_allowance: Callable[[int], None] = partial(lib.eas_plane_set_allowance, plane)
        self.allow: Callable[[bool], None] = partial(lib.eas_plane_allow, plane)
        self.arm: Callable[[int], None] = partial(lib.eas_plane_arm, plane)
        self.receive: Callable[[int, int, int, int, int], None] = partial(lib.eas_plane_receive, plane)
        self.disarm: Callable[[int], None] = partial(lib.eas_plane_disarm, plane)
        self.forget_heads: Callable[[], None] = partial(lib.eas_plane_forget_heads, plane)
        self.hand_up: Callable[[int], None] = partial(lib.eas_plane_hand_up, plane)
        self.hand_up_all: Callable[[], None] = partial(lib.eas_plane_hand_up_all, plane)
        self.pending: Callable[[], int] = partial(lib.eas_plane_pending, plane)
        self.last_used: Callable[[int], int] = partial(lib.eas_plane_last_used, plane)

    def add(self, fd: int) -> int:
        """
        Watch the socket *fd*. Returns the number of its connection.

        Raises:
            OSError: the system has no room for it.
        """
        number: int = lib.eas_plane_add(self._plane, fd)
        if number < 0:
            raise OSError(ffi.errno, "a socket cannot be watched (epoll_ctl)")
        return number

    def attach(self, ring: FrontRing) -> int:
        """
        Let requests go to *ring*. Returns its number.
        """
        number: int = lib.eas_plane_attach(self._plane, ring.handle)
        return number

    def learn(self, connection: int, ring: int, template: bytes, body_size: int, max_body: int) -> None:
        """
        Take *template* for the requests of *connection*, which go to *ring*.
        """
        lib.eas_plane_learn(self._plane, connection, ring, template, len(template), body_size, max_body)

    def submit(self, connection: int, ring: int, body: bytes) -> bool:
        """
        Submit a request of *connection* to *ring*. False: the plane must not answer any now.
        """
        return bool(lib.eas_plane_submit(self._plane, connection, ring, body, len(body)))

    def set_head(self, status: int, head: bytes) -> None:
        """
        Begin answers of *status* with *head*, as far as the length.
        """
        lib.eas_plane_set_head(self._plane, status, head, len(head))

    def turn(self, now: int) -> list[Event]:
        """
        Serve what is ready at the time *now*, in microseconds. Returns what is left to do.
        """
        return self._unpack(lib.eas_plane_turn(self._plane, now, self._events, _MAX_EVENTS))

    def take(self) -> list[Event]:
        """
        Take the events that have come up since the last turn.
        """
        return self._unpack(lib.eas_plane_take(self._plane, self._events, _MAX_EVENTS))

    def unsent(self, address: int, size: int) -> bytes:
        """
        Copy the bytes that an UNSENT event tells of.
        """
        copied: bytes = ffi.buffer(ffi.cast("char *", address), size)[:]
        return copied

    def close(self) -> None:
        """
        Free it.
        """
        plane, self._plane = self._plane, ffi.NULL
        lib.eas_plane_free(plane)

    def _unpack(self, count: int) -> list[Event]:
        if not count:
            return []
        numbers = iter(ffi.unpack(self._events, lib.EAS_PLANE_NUMBERS * count))
        return list(zip(numbers, numbers, numbers, numbers, numbers, strict=False))
