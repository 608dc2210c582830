"""
How a server becomes a table's subject.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from measuring.burners import burning
from measuring.table import Line, Measure, Subject
from servers.server import Running, Server, started


def served(
    server: Server, warm_up: Callable[[Running], None], measure: Callable[[Running], Sequence[Line]], burners: int = 0
) -> Subject:
    """
    Make the subject that starts *server*, warms it up and measures it, beside so many *burners*.
    """

    @contextlib.contextmanager
    def opened() -> Iterator[Measure]:
        with started(server) as running, burning(burners):
            warm_up(running)
            yield lambda: measure(running)

    return Subject(server.name, server.settings, opened, server.optional)
