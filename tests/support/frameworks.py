"""
The packages that `make test-frameworks` makes (scripts/run_frameworks.py), one for each framework: all recognise
digits.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from support.build import ROOT
from support.digits import IMAGES, grey, label, prepared
from support.host import Host

FOLDER = ROOT / "build" / "frameworks"


class Sample(NamedTuple):
    """A request, and the digit that it shows."""

    body: bytes
    digit: str


class Package(NamedTuple):
    """
    Attributes:
        folder: what `eas-host pysdk pack` packs: ENV, app.py and app.json.
    """

    folder: Path

    @property
    def description(self) -> Path:
        return self.folder / "app.json"

    @property
    def interpreter(self) -> Path:
        return self.folder / "ENV" / "bin" / "python"

    @property
    def model(self) -> Path:
        described = json.loads(self.description.read_text(encoding="utf-8"))
        return self.folder.joinpath(described["model_path"]).resolve()

    def samples(self) -> list[Sample]:
        """One of each digit: those that the model's training has left out, or else pictures of the example."""
        own = self.model.with_name("samples.json")
        if own.exists():
            return [Sample(body.encode(), digit) for body, digit in json.loads(own.read_text(encoding="utf-8"))]
        first = {label(path): path for path in reversed(IMAGES)}
        return [Sample(pixels(first[digit]), str(digit)) for digit in range(10)]

    def check(self, host: Host) -> None:
        """Has *host* recognise the ten, all at once."""
        samples = self.samples()
        with ThreadPoolExecutor(len(samples)) as pool:
            answers = list(pool.map(lambda sample: host.call(sample.body), samples))
        seen = [(answer.status, answer.text) for answer in answers]
        assert seen == [(200, sample.digit) for sample in samples], seen


def package(name: str) -> Package:
    """The package of the framework *name*."""
    return Package(FOLDER / name / "digits")


def pixels(path: Path) -> bytes:
    """The 784 grey values of the picture in *path*, ink as 255, as the example's model is shown it."""
    return bytes((prepared(grey(path)) * 255).round().astype("uint8"))
