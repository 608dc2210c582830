"""
Writes times as HTTP does.
"""

from __future__ import annotations

import time
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(seconds: float | None = None) -> str:
    """
    Write the time *seconds* after 1970, by default now, as an IMF-fixdate (RFC 9110, section 5.6.7).

    `email.utils.formatdate` writes the same, but its modules take 3 ms of each start. `time.strftime` would take the
    names of a locale that a processor has set.
    """
    year, month, day, hour, minute, second, weekday, *_ = time.gmtime(seconds)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"
