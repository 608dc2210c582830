"""
A client that calls a service again and again, each time on a new connection, until its standard input ends; then it
prints how often it got which status. It is run where a cluster is, by that machine's Python.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from http.client import HTTPConnection
from urllib.parse import urlsplit

INTERVAL = 0.02


def main(url: str, token: str) -> None:
    until_end = threading.Thread(target=sys.stdin.read, daemon=True)
    until_end.start()
    counts: Counter[str] = Counter()
    while until_end.is_alive():
        counts[status(url, token)] += 1
        time.sleep(INTERVAL)
    print(json.dumps(counts))


def status(url: str, token: str) -> str:
    """Its status, or why there is none."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("POST", parts.path, b"hello", {"Authorization": token})
        return str(connection.getresponse().status)
    except OSError as error:
        return repr(error)
    finally:
        connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
