"""
A load, and the forms of this host that get it: what the benchmark varies.

To measure each value of each dimension with each of the others would take days, so one is varied at a time: the first
values of all dimensions are the base, and each further value is measured with the base of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from measuring.wrk import Load
from servers.ours import Workers

_LARGE: Final = 1 << 20
_LARGE_CONNECTIONS: Final = 4
"""Bodies of a megabyte and more keep a machine busy with copying: more connections would only queue."""

_QUEUE: Final = 64
"""The default length of this host's queue: more connections would be answered 450, as they are to be."""


class Variant(NamedTuple):
    """
    One value of each dimension. *threads* and *processes* are those of the workers, 0 being the host's default; *work*
    is how many microseconds of CPU time a call takes, and *burners* how many other programs compute meanwhile.
    """

    connections: int = 32
    body: int = 32
    threads: int = 0
    processes: int = 0
    work: int = 0
    burners: int = 0
    heads: str = "same"

    @property
    def load(self) -> Load:
        """
        The load of a table of throughput.
        """
        return Load(self.connections, self.body, self.heads == "vary")

    def workers(self, *, token: bool = False) -> Workers:
        """
        Return how this host is set up.
        """
        queue = self.connections if self.connections > _QUEUE else None
        return Workers(self.threads or None, self.processes or None, queue, self.work, token)

    @property
    def title(self) -> str:
        """
        What is varied, in words.
        """
        heads = "heads that vary" if self.heads == "vary" else "the same head in all requests"
        parts = [f"{_count(self.connections, 'connection')}, bodies of {self.body} bytes, {heads}"]
        parts += [_count(self.threads, "worker thread")] if self.threads else []
        parts += [_count(self.processes, "worker process", "es")] if self.processes else []
        parts += [f"{self.work} µs of CPU time in each call"] if self.work else []
        parts += [f"beside {_count(self.burners, 'busy loop')}"] if self.burners else []
        return ", ".join(parts)


def _count(number: int, thing: str, plural: str = "s") -> str:
    return f"{number} {thing}{plural if number > 1 else ''}"


FULL: Final[Mapping[str, Sequence[Any]]] = {
    "connections": (32, 1, 256),
    "body": (32, 4 << 10, 64 << 10, 1 << 20, 16 << 20),
    "threads": (0, 1, 5),
    "processes": (0, 1, 2),
    "work": (0, 100, 10_000),
    "burners": (0, 2),
    "heads": ("same", "vary"),
}
"""What `--full` measures; 5 threads and 1 process are EAS's defaults (docs/eas-compatibility.md, section 7.3)."""


def variants(dimensions: Mapping[str, Sequence[Any]]) -> Iterator[Variant]:
    """
    Yield the base of *dimensions*, and then each further value.
    """
    base = Variant(**{name: values[0] for name, values in dimensions.items()})
    yield base
    for name, values in dimensions.items():
        for value in values[1:]:
            variant = base._replace(**{name: value})
            if name == "body" and value >= _LARGE:
                variant = variant._replace(connections=min(base.connections, _LARGE_CONNECTIONS))
            yield variant
