"""
A timer that is due at equal intervals, to the microsecond.

The timers of uvloop have milliseconds, which is longer than many a call takes. The kernel's has a descriptor; Python
has a function for it only from 3.13 on.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

_MONOTONIC: Final = 1
"""CLOCK_MONOTONIC, the clock of `time.monotonic`."""
_FLAGS: Final = os.O_NONBLOCK | os.O_CLOEXEC
"""TFD_NONBLOCK and TFD_CLOEXEC, which are defined as these."""
_ABSOLUTE: Final = 1
"""TFD_TIMER_ABSTIME: the first time is one of the clock, not from now."""
_NANO: Final = 1_000_000_000
_COUNT_BYTES: Final = 8


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("first", _TimeSpec))


class Pacer:
    """
    A timer that is not started yet.

    Attributes:
        fd: can be read when the time has come once or more.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd = _checked(self._libc.timerfd_create(_MONOTONIC, _FLAGS))

    def start(self, first: float, interval: float) -> None:
        """
        Be due at the time *first* of the monotonic clock, and again after each *interval* seconds.
        """
        spec = _TimerSpec(_time_spec(interval), _time_spec(first))
        _checked(self._libc.timerfd_settime(self.fd, _ABSOLUTE, ctypes.byref(spec), None))

    def take(self) -> int:
        """
        Return how often the time has come since the last call.
        """
        try:
            return int.from_bytes(os.read(self.fd, _COUNT_BYTES), "little")
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """
        Give the timer back.
        """
        os.close(self.fd)


def _time_spec(seconds: float) -> _TimeSpec:
    return _TimeSpec(*divmod(max(1, round(seconds * _NANO)), _NANO))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
