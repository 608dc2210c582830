"""
The two forms of the log's records: EAS's text, and JSON.
"""

import json
import logging
import time
from functools import lru_cache

from eas_runtime.log.escape import escape_controls, escape_json, indent_continuation

_TIME = "%Y-%m-%d %H:%M:%S"


class TextFormatter(logging.Formatter):
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


class JsonFormatter(logging.Formatter):
    """
    One JSON object a line: time (RFC 3339, UTC), level, message and the record's other fields.
    """

    def format(self, record: logging.LogRecord) -> str:
        """
        Format *record*.
        """
        fields: dict[str, object] = {
            "time": json_time(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        for name in ("worker", "detail"):
            value = getattr(record, name, None)
            if value is not None:
                fields[name] = value
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return escape_json(json.dumps(fields, ensure_ascii=False))


def format_record(level: int, text: str, *, as_json: bool) -> str:
    """
    Format *text* as one record, outside of the logging module.
    """
    record = logging.LogRecord("eas_host", level, "", 0, "%s", (text,), None)
    return (JsonFormatter() if as_json else TextFormatter()).format(record) + "\n"


def json_time(seconds: float) -> str:
    """
    Write a time, in *seconds* since 1970, as RFC 3339 has it, in UTC.
    """
    return f"{_json_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(1)
def _json_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


@lru_cache(1)
def text_time(seconds: int) -> str:
    """
    Write a time, in *seconds* since 1970, as EAS does, in local time.
    """
    return time.strftime(_TIME, time.localtime(seconds))
