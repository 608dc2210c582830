"""
How a program of this project ends: with an exit code that tells why, and with one line that says it.
"""

from __future__ import annotations

import os
import select
import traceback
from collections.abc import Callable

from eas_host import log
from eas_host.errors import HostError


def run_to_exit_code(run: Callable[[], int]) -> int:
    """
    Call *run* and return its exit code; if it raises, report the error and return the exit code of that error.

    What was logged is written when this returns.
    """
    code = _run(run)
    if not log.flush():
        # Nobody reads the output. With --isolation none, threads of the processor may wait in a print for ever, and
        # both Python and C would wait for these threads.
        os._exit(code)
    return code


def _run(run: Callable[[], int]) -> int:
    try:
        return run()
    except HostError as error:
        _report(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001  a bug of ours, reported with its trace
        if isinstance(error, BrokenPipeError) and _is_stdout_unread():
            return 141  # 128 + SIGPIPE, as shells report it
        log.print_error(f"{traceback.format_exc()}eas-host: internal error: {error!r}")
        return 1
    except KeyboardInterrupt:
        return 130  # 128 + SIGINT, as shells report it


def _is_stdout_unread() -> bool:
    """
    Whether the reader of standard output has closed it, as `head` does. If so, nothing more is written to it.
    """
    output = select.poll()
    output.register(1, 0)  # poll reports POLLERR without being asked
    if not output.poll(0):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python itself may report an error when it ends
    return True


def _report(error: HostError) -> None:
    """
    Print *error* as one line, below its detail; as JSON if that is the form of the log.
    """
    if log.announce.as_json:
        log.error("%s", error.message, extra={"detail": error.detail or None})
        return
    detail = error.detail.rstrip("\n")
    message = " ".join(line.strip() for line in error.message.splitlines())
    log.print_error(f"{detail}\neas-host: {message}" if detail else f"eas-host: {message}")
