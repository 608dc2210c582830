"""
How a program of this project ends: with an exit code that tells why, with one line that says it, and at once.

Python's own end takes all modules and objects apart, which takes a host 25 ms, for nothing: the system takes back
what a process has. Only a processor in this process may need it.
"""

from __future__ import annotations

import atexit
import os
import select
import sys
import threading
import traceback
from collections.abc import Callable

from eas_host import log
from eas_host.errors import HostError

_needs_python_end = False


def need_python_end() -> None:
    """
    Have this process end as any Python program does: a processor runs in it, which may have threads, functions for
    `atexit`, and objects with destructors.
    """
    global _needs_python_end  # noqa: PLW0603  it is about the process
    _needs_python_end = True


def run_to_exit_code(run: Callable[[], int]) -> int:
    """
    Call *run* and end this process with its exit code; if it raises, report the error and end with the exit code of
    that error. What was logged is written before.

    Returns:
        The exit code, if a processor in this process needs Python's own end (`need_python_end`).
    """
    code = _run(run)
    if not log.flush():
        # Nobody reads the output. With --isolation none, threads of the processor may wait in a print for ever, and
        # both Python and C would wait for these threads.
        os._exit(code)
    if _needs_python_end:
        return code
    # What Python does first at its own end: threads finish what they write, temporary folders are removed.
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    os._exit(code)


def _run(run: Callable[[], int]) -> int:
    try:
        try:
            code = run()
        except SystemExit as end:  # of argparse, after --help and --version
            code = int(end.code or 0)
        return code if _write_output("") else 1
    except HostError as error:
        _report(error)
        return error.exit_code
    except ModuleNotFoundError as error:
        return _report_missing(error)
    except Exception as error:  # noqa: BLE001  a bug of ours, reported with its trace
        unread = isinstance(error, OSError) and _is_stdout_unread()
        if unread and isinstance(error, BrokenPipeError):
            return 141  # 128 + SIGPIPE, as shells report it
        # What could not be printed is lost to Python; so only a further try tells that this is it.
        if isinstance(error, OSError) and error.filename is None and not unread and not _write_output("\n"):
            return 1
        log.print_error(f"{traceback.format_exc()}eas-host: internal error: {error!r}")
        return 1
    except KeyboardInterrupt:
        return 130  # 128 + SIGINT, as shells report it


def _write_output(text: str) -> bool:
    """
    Write *text*, and what is still in the buffer, to standard output. If that is not possible, say why and return
    False.

    Raises:
        BrokenPipeError: nobody reads it.
    """
    if sys.stdout is None:  # the caller has closed it
        return True
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        log.print_error(f"eas-host: standard output: {error.strerror}")
        return False
    return True


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


def _report_missing(error: ModuleNotFoundError) -> int:
    """
    Report a Python package that is not installed, as after `make run`, which installs what serving needs; or a bug of
    ours. Returns the exit code.
    """
    package = (error.name or "").partition(".")[0]
    if package.startswith("eas_") or not package:
        log.print_error(f"{traceback.format_exc()}eas-host: internal error: {error!r}")
    else:
        log.print_error(
            f"eas-host: the Python package {package} is not installed, and this needs it; `make setup` installs it"
            " where `make run` has made the .venv, and `pip install --upgrade --force-reinstall eas-host` elsewhere"
        )
    return 1


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
