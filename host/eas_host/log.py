"""
The host's two outputs.

*Announcements* go to standard output: the address that is listened on and EAS's own console lines, which scripts and
people wait for. The *log* goes to standard error: what goes wrong, what workers do, and what the processor prints.
With `--log-format json` each line of both is one JSON object.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Final

_LOGGER: Final = logging.getLogger("eas_host")
_LEVEL_OF_RECORD: Final = {"D": logging.DEBUG, "I": logging.INFO, "W": logging.WARNING, "E": logging.ERROR}

debug = _LOGGER.debug
info = _LOGGER.info
warning = _LOGGER.warning
error = _LOGGER.error
exception = _LOGGER.exception


class _TextFormatter(logging.Formatter):
    """
    `[2026-01-31 12:00:00] [INFO] text`, EAS's own form without the address; what a processor prints stays as printed.
    """

    def __init__(self) -> None:
        super().__init__("[%(asctime)s] [%(levelname)s] %(message)s", "%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """
        Format *record*, or pass on the line that a processor printed.
        """
        printed = getattr(record, "stream", None) is not None
        return record.getMessage() if printed else super().format(record)


class _JsonFormatter(logging.Formatter):
    """
    One JSON object a line: time (RFC 3339, UTC), level, message and what else the record knows.
    """

    def format(self, record: logging.LogRecord) -> str:
        """
        Format *record*.
        """
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, object] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "message": record.getMessage(),
        }
        for name in ("worker", "stream", "detail"):
            if (value := getattr(record, name, None)) is not None:
                fields[name] = value
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


class _Announcer:
    """
    Prints announcements in the log's format.
    """

    as_json = False

    def __call__(self, text: str) -> None:
        if self.as_json:
            record = logging.LogRecord("eas_host", logging.INFO, "", 0, text.removeprefix("[INFO] "), None, None)
            text = _JsonFormatter().format(record)
        try:
            print(text)
            if hasattr(sys.stdout, "flush"):  # a program's own may have nothing but `write`
                sys.stdout.flush()
        except (OSError, ValueError):
            # A full disk, a closed terminal, or nobody reads any more (`eas-host | head -1`): no reason not to serve.
            sys.stdout = None


announce: Final = _Announcer()


def configure(level: str, form: str) -> None:
    """
    Set the log's *level* (a name such as `info`) and *form* (`text` or `json`), once, at the start.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if form == "json" else _TextFormatter())
    logging.raiseExceptions = False  # a closed standard error is no reason to print more to it
    _LOGGER.handlers[:] = [handler]
    _LOGGER.propagate = False
    _LOGGER.setLevel(level.upper())
    announce.as_json = form == "json"


def alarm(text: str) -> None:
    """
    Print an error in the log's form, from a process whose logging is its own.
    """
    record = logging.LogRecord("eas_host", logging.ERROR, "", 0, text, None, None)
    print((_JsonFormatter() if announce.as_json else _TextFormatter()).format(record), file=sys.stderr, flush=True)


def worker_record(worker: int, level: str, text: str) -> None:
    """
    Log what worker number *worker* reported; *level* is D, I, W or E.
    """
    _LOGGER.log(_LEVEL_OF_RECORD.get(level, logging.ERROR), "worker %d: %s", worker, text, extra={"worker": worker})


def printed(worker: int, stream: str, lines: bytes) -> None:
    """
    Log whole *lines* that the processor of *worker* printed to *stream*. They appear at every level, in the text form
    as they were printed, all with one write: a processor that prints much must not keep the front busy.
    """
    text = lines.decode("utf-8", "backslashreplace")
    for message in text.splitlines() if announce.as_json else [text.rstrip("\n")]:
        record = _LOGGER.makeRecord(
            _LOGGER.name, logging.INFO, "", 0, "%s", (message,), None, extra={"worker": worker, "stream": stream}
        )
        _LOGGER.handle(record)
