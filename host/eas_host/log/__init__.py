"""
The host's two outputs.

*Announcements* go to standard output: the address that is listened on and EAS's own console lines, which scripts and
people wait for. The *log* goes to standard error: what goes wrong, what workers do, and what the processor prints.
With `--log-format json` each line of both is one JSON object.

A command writes them as any program does. Whoever serves calls `write_behind` first: from then on a reader that does
not read costs lines, which are counted, and holds up nothing.
"""

from __future__ import annotations

import json
import logging
import os
import time
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Final

from eas_host.log.escape import escaped, escaped_json, indented, is_plain
from eas_host.log.output import Output
from eas_host.log.writer import Writer

_LOGGER: Final = logging.getLogger("eas_host")
_LEVEL_OF_RECORD: Final = {"D": logging.DEBUG, "I": logging.INFO, "W": logging.WARNING, "E": logging.ERROR}
_TIME: Final = "%Y-%m-%d %H:%M:%S"
_END_SECONDS: Final = 1.0
"""How long the end of a process waits for the readers of what it has written."""

_stdout: Final = Output("stdout", 1)
_stderr: Final = Output("stderr", 2)

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
        Format *record*; nothing in it can pass for another.
        """
        return indented(escaped(super().format(record)))


class _JsonFormatter(logging.Formatter):
    """
    One JSON object a line: time (RFC 3339, UTC), level, message and what else the record knows.
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
        return escaped_json(json.dumps(fields, ensure_ascii=False))


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
        _stdout.write(_form(logging.INFO, text.removeprefix("[INFO] ")) if self.as_json else f"{escaped(text)}\n")


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


def write_behind() -> None:
    """
    From now on nobody waits for whoever reads the outputs.
    """
    writer = Writer(_stderr.fd, _lost)
    _stderr.write_behind(writer)
    # One writer for one file: it keeps the order of lines.
    _stdout.write_behind(writer if os.path.sameopenfile(_stdout.fd, _stderr.fd) else Writer(_stdout.fd, _lost))


def write_beside() -> None:
    """
    The same in a user's program, which prints, too.
    """
    for output in (_stdout, _stderr):
        output.write_behind(Writer(output.fd, _lost), beside=True)


def finish() -> bool:
    """
    Wait, but not for long, until all is written: this process ends. Tell whether somebody reads.
    """
    until = time.monotonic() + _END_SECONDS
    ended = [output.end(max(0.0, until - time.monotonic())) for output in (_stderr, _stdout)]
    return all(ended)


def behind() -> float:
    """
    For how many seconds the log's reader has been slower than the log.
    """
    return _stderr.behind


def complain(text: str) -> None:
    """
    Print *text* on standard error, as commands do, not in the log's form.
    """
    _stderr.write(f"{escaped(text)}\n")


def alarm(text: str) -> None:
    """
    Print an error in the log's form, from a process whose logging is its own.
    """
    _stderr.write(_form(logging.ERROR, text))


def worker_record(worker: int, level: str, text: str) -> None:
    """
    Log what worker number *worker* reported; *level* is D, I, W or E.
    """
    _LOGGER.log(_LEVEL_OF_RECORD.get(level, logging.ERROR), "worker %d: %s", worker, text, extra={"worker": worker})


def access(text: str) -> None:
    """
    Log *text*, one line for a request, as `info` does; in a third of the time, for it is part of each request's.
    """
    if not _LOGGER.isEnabledFor(logging.INFO):
        return
    now = time.time()
    if announce.as_json:
        message = escaped_json(encode_basestring(text))
        line = f'{{"time": "{_json_time(now)}", "level": "INFO", "message": {message}}}\n'
    else:
        line = f"[{_text_time(int(now))}] [INFO] {indented(escaped(text))}\n"
    _stderr.write(line)


def printed(worker: int, stream: str, lines: bytes) -> None:
    """
    Log whole *lines* that the processor of *worker* printed to *stream*. They appear at every level, in the text form
    as they were printed but for controls, all with one write: a processor that prints much must not keep the front
    busy. A carriage return ends a line, for what is behind it would be shown in place of what is before.
    """
    plain = is_plain(lines)
    text = lines.decode("utf-8", "backslashreplace").removesuffix("\n")
    if not plain:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not announce.as_json:
        text = text if plain else escaped(text, colours=_stderr.is_terminal)
        _stderr.write(f"{text}\n", text.count("\n") + 1)
        return
    # By hand: these lines may come in hundreds of thousands.
    head = f'{{"time": "{_json_time(time.time())}", "level": "INFO", "message": '
    tail = f', "worker": {worker}, "stream": "{stream}"}}\n'
    messages = text.split("\n")
    records = "".join([f"{head}{encode_basestring(message)}{tail}" for message in messages])
    _stderr.write(records if plain else escaped_json(records), len(messages))


def _form(level: int, text: str) -> str:
    """
    Write *text* as one record, outside of the log.
    """
    record = logging.LogRecord("eas_host", level, "", 0, "%s", (text,), None)
    return (_JsonFormatter() if announce.as_json else _TextFormatter()).format(record) + "\n"


def _json_time(seconds: float) -> str:
    return f"{_json_moment(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(1)
def _json_moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


@lru_cache(1)
def _text_time(seconds: int) -> str:
    return time.strftime(_TIME, time.localtime(seconds))


def _lost(count: int) -> bytes:
    """
    The record that stands where *count* others are missing.
    """
    lines = "1 line was dropped" if count == 1 else f"{count} lines were dropped"
    return _stderr.encode(_form(logging.WARNING, f"{lines} here: whoever reads this was too slow"))
