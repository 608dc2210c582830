"""
The columns of the table of answers that are more than one call with one answer (tests/contract/kinds): batches, answers
that come later, and answers in parts, in each form that a language has for them, in both isolations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support import LONG
from support.build import ProcessorBuilder
from support.host import Host, Value

PROCESSORS = {
    ("batch", "cpp"): "batches",
    ("batch", "java"): "Batches",
    ("batch", "python"): "batches.py",
    ("async", "cpp"): "answers_later",
    ("async", "java"): "Later",
    ("async", "python"): "async_contract.py",
    ("stream", "cpp"): "answers_later",
    ("stream", "java-iterator"): "Iterated",
    ("stream", "java-input-stream"): "Read",
    ("stream", "java-publisher"): "Published",
    ("stream", "python"): "streams.py",
    ("stream", "python-async"): "async_streams.py",
}
SHARED = {"stream": ("PartsSource",)}
"""Further classes of the jars of one way."""
IN_FLIGHT = 4
MAX_OUTPUT = 2 << 20

OPTIONS: dict[str, dict[str, Value]] = {
    "batch": {
        "batching": "fixed",
        "max_batch_size": 3,
        "max_batch_timeout": LONG // 2,
        "worker_threads": 1,
        "max_output": MAX_OUTPUT,
    },
    "async": {"worker_threads": 1, "max_in_flight": IN_FLIGHT},
    "stream": {"worker_threads": 1},
}
"""Each batch is full, so no clock is needed to form it; one thread shows who waits for whom."""

ENDS_THE_HOST = {"none": "a crash of the processor is the end of the host"}
"""Left out in each case of a crash."""


class Kind(NamedTuple):
    """
    One column.

    Attributes:
        way: "batch", "async" or "stream".
        form: the language, and which of its forms.
        isolation: "process" or "none"; or "native", a process without Python.
    """

    way: str
    form: str
    isolation: str

    @property
    def language(self) -> str:
        return self.form.partition("-")[0]

    def __str__(self) -> str:
        return f"{self.form}-{self.isolation}"

    def entry(self, builder: ProcessorBuilder) -> Path:
        """The processor, which obeys the same commands in each column of its way."""
        name = PROCESSORS[self.way, self.form]
        if self.language == "cpp":
            return builder.cpp(name)
        return builder.python(name) if self.language == "python" else builder.jar(name, *SHARED.get(self.way, ()))

    @contextmanager
    def host(self, builder: ProcessorBuilder, folder: Path, **options: Value) -> Iterator[KindHost]:
        """A running host of this column, with further *options*."""
        where = {"worker": "native"} if self.isolation == "native" else {"isolation": self.isolation}
        own = {"processor_type": self.language, "keepalive": LONG, **where, **OPTIONS[self.way]}
        with KindHost(folder, entry=self.entry(builder), **(own | options)) as running:
            running.form = self.form
            yield running


class KindHost(Host):
    """
    A host of one column.

    Attributes:
        form: that of its column.
    """

    form = ""


StartKind = Callable[..., KindHost]
"""The fixture `start_kind`."""

KINDS = [
    *(Kind(way, form, isolation) for isolation in ("process", "none") for way, form in PROCESSORS),
    *(Kind(way, form, "native") for way, form in PROCESSORS if form == "cpp"),
]


def kinds(way: str, left_out: Mapping[str, str] | None = None) -> pytest.MarkDecorator:
    """Runs a test in all columns of *way* but those *left_out*: forms, languages or isolations with their reasons."""
    return pytest.mark.parametrize("host", _chosen(way, left_out or {}), indirect=True, ids=str, scope="module")


def kinds_of_rows(way: str, rows: Sequence[Any]) -> pytest.MarkDecorator:
    """Runs a test for each of *rows*, which has a `name`, in the columns of *way* that are not in its `left_out`."""
    cells = [
        pytest.param(kind, row, id=f"{kind}-{row.name}")
        for kind in KINDS
        for row in rows
        if kind in _chosen(way, row.left_out)
    ]
    return pytest.mark.parametrize(("host", "row"), cells, indirect=["host"], scope="module")


def _chosen(way: str, left_out: Mapping[str, str]) -> list[Kind]:
    columns = [kind for kind in KINDS if kind.way == way]
    chosen = [kind for kind in columns if not {kind.form, kind.language, kind.isolation}.intersection(left_out)]
    unknown = set(left_out).difference(*((kind.form, kind.language, kind.isolation) for kind in columns))
    assert not unknown, f"{unknown} are no columns of {way}"
    assert all(left_out.values()), "what is left out needs a reason"
    return chosen


@pytest.fixture(scope="module")
def host(
    request: pytest.FixtureRequest, builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KindHost]:
    kind: Kind = request.param
    with kind.host(builder, tmp_path_factory.mktemp(f"host-{kind}")) as running:
        yield running


@pytest.fixture
def start_kind(
    request: pytest.FixtureRequest, host: KindHost, builder: ProcessorBuilder, tmp_path: Path
) -> Iterator[StartKind]:
    """Starts another host of the column of *host*, with other options."""
    kind: Kind = request.node.callspec.params["host"]
    with ExitStack() as running:
        yield lambda **options: running.enter_context(kind.host(builder, tmp_path / host.form, **options))
