"""
The host's two outputs.

*Announcements* go to standard output: the address that is listened on and EAS's own console lines, which scripts and
people wait for. The *log* goes to standard error: what goes wrong, what workers do, and what the processor prints.
With `--log-format json` each line of both is one JSON object.

A command writes them as any program does. A host that serves calls `write_in_background` first: from then on a reader
that does not read loses lines, which are counted, and delays nothing.

The streams and the forms of records are those of `eas_runtime.log`, which the user's process has, too. `masking`
removes secrets from addresses; `table` lays out what a command prints.
"""

from __future__ import annotations

import logging
import os
import time
from json.encoder import encode_basestring
from typing import Final

from eas_runtime.log import announce as announce
from eas_runtime.log.escape import escape_controls, escape_json, indent_continuation, is_plain
from eas_runtime.log.records import JsonFormatter, TextFormatter, json_time, text_time
from eas_runtime.log.streams import lost_record, stderr, stdout
from eas_runtime.log.writer import BackgroundWriter

_LOGGER: Final = logging.getLogger("eas_host")
_LEVEL_OF_RECORD: Final = {"D": logging.DEBUG, "I": logging.INFO, "W": logging.WARNING, "E": logging.ERROR}
_MOST_TEXTS: Final = 1000
"""Texts of which `show_each_once` leaves out repetitions."""
_FLUSH_SECONDS: Final = 1.0
"""How long the end of a process waits for readers that read nothing."""
_FLUSH_LONGEST_SECONDS: Final = 10.0
"""How long it waits for readers that are slow."""
_STOPPED_SECONDS: Final = 1.0
"""How long processors wait in their prints for a reader of the log that reads nothing."""
_SLOW_SECONDS: Final = 3.0
"""How long they wait for one that is slow: less than the 5 s that a request may take by default."""

debug = _LOGGER.debug
info = _LOGGER.info
warning = _LOGGER.warning
error = _LOGGER.error
exception = _LOGGER.exception


class _Handler(logging.Handler):
    """
    Writes records to standard error.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """
        Write *record*.
        """
        stderr.write(self.format(record) + "\n")


class _Repetitions:
    """
    The texts of records so far, as far as they are kept.
    """

    def __init__(self) -> None:
        self._texts: set[str] = set()

    def is_new(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if text in self._texts:
            return False
        if len(self._texts) < _MOST_TEXTS:
            self._texts.add(text)
        return True


def configure(level: str, form: str) -> None:
    """
    Set the log's *level* (a name such as `info`) and *form* (`text` or `json`), once, at the start.
    """
    handler = _Handler()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    _LOGGER.handlers[:] = [handler]
    _LOGGER.propagate = False
    _LOGGER.setLevel(level.upper())
    announce.as_json = form == "json"


def show_each_once() -> None:
    """
    From now on leave out each record that has the text of an earlier one: for who counts failures himself.
    """
    _LOGGER.addFilter(_Repetitions().is_new)


def is_enabled(level: int) -> bool:
    """
    Tell whether the log has records of *level*, a number of the module logging.
    """
    return _LOGGER.isEnabledFor(level)


def keep_stdout_free() -> None:
    """
    Print announcements on standard error, since standard output is for what the processor returns.
    """
    announce.output = stderr


def write_in_background() -> None:
    """
    Write in threads from now on, so that nothing waits for the readers of the outputs.
    """
    writer = BackgroundWriter(stderr.fd, lost_record)
    stderr.use_writer(writer)
    # If both are the same file, one writer keeps the order of their lines.
    stdout.use_writer(
        writer if os.path.sameopenfile(stdout.fd, stderr.fd) else BackgroundWriter(stdout.fd, lost_record)
    )


def flush() -> bool:
    """
    Wait until everything is written, at the end of the process, as long as it is read. Tell whether the outputs have
    readers.
    """
    if stderr.flush(_FLUSH_SECONDS, _FLUSH_LONGEST_SECONDS):
        return stdout.flush(_FLUSH_SECONDS, _FLUSH_LONGEST_SECONDS)
    stdout.flush(0.0)  # it has been read meanwhile, or is not
    return False


def is_catching_up() -> bool:
    """
    Tell whether the log's reader is behind, but reads on, so that what can wait should wait for it.
    """
    return stderr.is_catching_up(_STOPPED_SECONDS, _SLOW_SECONDS)


def print_error(text: str) -> None:
    """
    Print *text* on standard error as it is, not as a record of the log.
    """
    stderr.write(f"{escape_controls(text)}\n")


def worker_record(worker: int, level: str, text: str) -> None:
    """
    Log a record that the worker number *worker* has sent; *level* is D, I, W or E.
    """
    _LOGGER.log(_LEVEL_OF_RECORD.get(level, logging.ERROR), "worker %d: %s", worker, text, extra={"worker": worker})


def access(text: str) -> None:
    """
    Log *text*, the line of a request, as `info` does, but in a third of the time, since each request pays for it.
    """
    if not _LOGGER.isEnabledFor(logging.INFO):
        return
    now = time.time()
    if announce.as_json:
        message = escape_json(encode_basestring(text))
        line = f'{{"time": "{json_time(now)}", "level": "INFO", "message": {message}}}\n'
    else:
        line = f"[{text_time(int(now))}] [INFO] {indent_continuation(escape_controls(text))}\n"
    stderr.write(line)


def worker_output(worker: int, stream: str, lines: bytes) -> None:
    """
    Log whole *lines* that the processor of *worker* printed to *stream*. They appear at every log level; in the text
    format, they are as printed except for control characters. All are written at once: a processor that prints much
    must not keep the front busy. A carriage return ends a line, since a terminal would overwrite what stands before it.
    """
    plain = is_plain(lines)
    text = lines.decode("utf-8", "backslashreplace").removesuffix("\n")
    if not plain:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not announce.as_json:
        text = text if plain else escape_controls(text, colours=stderr.is_terminal)
        stderr.write(f"{text}\n", text.count("\n") + 1)
        return
    # Without the json module, since there may be hundreds of thousands of lines.
    head = f'{{"time": "{json_time(time.time())}", "level": "INFO", "message": '
    tail = f', "worker": {worker}, "stream": "{stream}"}}\n'
    messages = text.split("\n")
    records = "".join([f"{head}{encode_basestring(message)}{tail}" for message in messages])
    stderr.write(records if plain else escape_json(records), len(messages))
