"""
The host's two outputs.

*Announcements* go to standard output: the address that is listened on and EAS's own console lines, which scripts and
people wait for. The *log* goes to standard error: what goes wrong, what workers do, and what the processor prints.
With `--log-format json` each line of both is one JSON object.

A command writes them as any program does. A host that serves calls `write_in_background` first: from then on a reader
that does not read loses lines, which are counted, and delays nothing.

The modules: `output` is one of the two streams; `writer` is the thread that writes it; `escape` and `masking` remove
what must not be in the text.
"""

from __future__ import annotations

import json
import logging
import os
import time
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Final

from eas_host.log.escape import escape_controls, escape_json, indent_continuation, is_plain
from eas_host.log.output import OutputStream
from eas_host.log.writer import BackgroundWriter

_LOGGER: Final = logging.getLogger("eas_host")
_LEVEL_OF_RECORD: Final = {"D": logging.DEBUG, "I": logging.INFO, "W": logging.WARNING, "E": logging.ERROR}
_TIME: Final = "%Y-%m-%d %H:%M:%S"
_FLUSH_SECONDS: Final = 1.0
"""How long the end of a process waits until its output has been read."""

_stdout: Final = OutputStream("stdout", 1)
_stderr: Final = OutputStream("stderr", 2)

debug = _LOGGER.debug
info = _LOGGER.info
warning = _LOGGER.warning
error = _LOGGER.error
exception = _LOGGER.exception


class _TextFormatter(logging.Formatter):
    """
    `[2026-01-31 12:00:00] [INFO] text`, EAS's own form without the address (docs/eas-compatibility.md, section 9).
    """

    def __init__(self) -> None:
        super().__init__("[%(asctime)s] [%(levelname)s] %(message)s", _TIME)

    def format(self, record: logging.LogRecord) -> str:
        """
        Format *record* so that no part of it looks like another record.
        """
        return indent_continuation(escape_controls(super().format(record)))


class _JsonFormatter(logging.Formatter):
    """
    One JSON object a line: time (RFC 3339, UTC), level, message and the record's other fields.
    """

    def format(self, record: logging.LogRecord) -> str:
        """
        Format *record*.
        """
        fields: dict[str, object] = {
            "time": _json_time(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        for name in ("worker", "detail"):
            if (value := getattr(record, name, None)) is not None:
                fields[name] = value
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return escape_json(json.dumps(fields, ensure_ascii=False))


class _Handler(logging.Handler):
    """
    Writes records to standard error.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """
        Write *record*.
        """
        _stderr.write(self.format(record) + "\n")


class _Announcer:
    """
    Prints announcements in the log's format.
    """

    as_json = False

    def __call__(self, text: str) -> None:
        _stdout.write(
            _format_record(logging.INFO, text.removeprefix("[INFO] ")) if self.as_json else f"{escape_controls(text)}\n"
        )


announce: Final = _Announcer()


def configure(level: str, form: str) -> None:
    """
    Set the log's *level* (a name such as `info`) and *form* (`text` or `json`), once, at the start.
    """
    handler = _Handler()
    handler.setFormatter(_JsonFormatter() if form == "json" else _TextFormatter())
    _LOGGER.handlers[:] = [handler]
    _LOGGER.propagate = False
    _LOGGER.setLevel(level.upper())
    announce.as_json = form == "json"


def write_in_background() -> None:
    """
    Write in threads from now on, so that nothing waits for the readers of the outputs.
    """
    writer = BackgroundWriter(_stderr.fd, _lost_record)
    _stderr.use_writer(writer)
    # If both are the same file, one writer keeps the order of their lines.
    _stdout.use_writer(
        writer if os.path.sameopenfile(_stdout.fd, _stderr.fd) else BackgroundWriter(_stdout.fd, _lost_record)
    )


def write_alongside_program() -> None:
    """
    Write in threads from now on, in a user's program that also prints itself.
    """
    for output in (_stdout, _stderr):
        output.use_writer(BackgroundWriter(output.fd, _lost_record), alongside=True)


def flush() -> bool:
    """
    Wait a short time until everything is written, at the end of the process. Tell whether the outputs have readers.
    """
    until = time.monotonic() + _FLUSH_SECONDS
    ended = [output.flush(max(0.0, until - time.monotonic())) for output in (_stderr, _stdout)]
    return all(ended)


def lag_seconds() -> float:
    """
    Return for how many seconds the log's reader has been slower than the log.
    """
    return _stderr.lag_seconds


def print_error(text: str) -> None:
    """
    Print *text* on standard error as it is, not as a record of the log.
    """
    _stderr.write(f"{escape_controls(text)}\n")


def write_error(text: str) -> None:
    """
    Write an error as a record of the log, from a process that has a logging configuration of its own.
    """
    _stderr.write(_format_record(logging.ERROR, text))


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
        line = f'{{"time": "{_json_time(now)}", "level": "INFO", "message": {message}}}\n'
    else:
        line = f"[{_text_time(int(now))}] [INFO] {indent_continuation(escape_controls(text))}\n"
    _stderr.write(line)


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
        text = text if plain else escape_controls(text, colours=_stderr.is_terminal)
        _stderr.write(f"{text}\n", text.count("\n") + 1)
        return
    # Without the json module, since there may be hundreds of thousands of lines.
    head = f'{{"time": "{_json_time(time.time())}", "level": "INFO", "message": '
    tail = f', "worker": {worker}, "stream": "{stream}"}}\n'
    messages = text.split("\n")
    records = "".join([f"{head}{encode_basestring(message)}{tail}" for message in messages])
    _stderr.write(records if plain else escape_json(records), len(messages))


def _format_record(level: int, text: str) -> str:
    """
    Format *text* as one record, outside of the logging module.
    """
    record = logging.LogRecord("eas_host", level, "", 0, "%s", (text,), None)
    return (_JsonFormatter() if announce.as_json else _TextFormatter()).format(record) + "\n"


def _json_time(seconds: float) -> str:
    return f"{_json_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(1)
def _json_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


@lru_cache(1)
def _text_time(seconds: int) -> str:
    return time.strftime(_TIME, time.localtime(seconds))


def _lost_record(count: int) -> bytes:
    """
    Make the record that stands for *count* dropped ones.
    """
    lines = "1 line was dropped" if count == 1 else f"{count} lines were dropped"
    return _stderr.encode(_format_record(logging.WARNING, f"{lines} here: the reader of this output was too slow"))
