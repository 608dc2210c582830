"""
Standard input, output and error of this process.
"""

import contextlib
import os
import sys
from io import TextIOWrapper

from eas_runtime.ring import line_buffer_stdout


def reopen_missing() -> None:
    """
    Open /dev/null in place of standard streams that are closed. Otherwise sockets and pipes of the host would get their
    numbers, and child processes, or anything that prints, would write to them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest free number


def line_buffer_output() -> None:
    """
    Make stdout and stderr line buffered, in C and in Python. Otherwise a pipe would hold back what a processor prints,
    and with PYTHONUNBUFFERED, as in many images, a line and its end are written apart and the lines of two threads mix.
    """
    line_buffer_stdout()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, TextIOWrapper):
            continue
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, write_through=False, errors="backslashreplace")
        else:  # Python 3.6
            encoding = stream.encoding
            stream = TextIOWrapper(stream.detach(), encoding, errors="backslashreplace", line_buffering=True)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
