"""
The image classification example in Python: its arithmetic, to the last bit, and what it needs.

What it answers is in test_image_contract.py, and in test_image_parity.py beside the other languages.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from packaging.requirements import Requirement
from PIL import Image

from support import proc
from support.classifiers import start as start_service
from support.digits import EXAMPLE, IMAGES, MODEL, coverage
from support.host import StartHost
from support.pictures import photographs, png, seven

MIB = 1 << 20


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """The example's own picture.py and region.py."""
    monkeypatch.syspath_prepend(EXAMPLE / "python")
    return importlib.import_module("digits.picture"), importlib.import_module("digits.region")


def test_grey_of_every_colour_follows_the_formula(modules: tuple[ModuleType, ModuleType]) -> None:
    """The grey of all 16,777,216 colours is (299 R + 587 G + 114 B + 500) / 1000, in whole numbers."""
    picture, _ = modules
    green, blue = np.mgrid[0:256, 0:256]
    for red in range(256):
        colours = np.stack([np.full_like(green, red), green, blue], axis=-1).astype(np.uint8)
        found = picture.Picture(Image.fromarray(colours), None).grey(Image.fromarray(colours))
        assert np.array_equal(found, (299 * red + 587 * green + 114 * blue + 500) // 1000)


def test_every_alpha_over_white_is_rounded_to_the_nearest(modules: tuple[ModuleType, ModuleType]) -> None:
    """Each sample is tried with each alpha."""
    picture, _ = modules
    sample, alpha = np.mgrid[0:256, 0:256]
    image = Image.fromarray(np.stack([sample, sample, sample, alpha], axis=-1).astype(np.uint8))
    expected = (sample * alpha + 255 * (255 - alpha) + 127) // 255
    assert np.array_equal(picture.Picture(image, None).grey(image), expected)


@pytest.mark.parametrize("size", [(8, 8), (27, 29), (28, 28), (57, 30), (9, 900), (2000, 8), (1300, 701)], ids=str)
def test_scaled_pixel_is_the_average_of_its_area(modules: tuple[ModuleType, ModuleType], size: tuple[int, int]) -> None:
    """Some images are read in several bands."""
    picture, region = modules
    pixels = np.random.default_rng(size[0]).integers(0, 256, size[::-1], np.uint8)
    found = region.fit(picture.Picture(Image.fromarray(pixels), None))
    height, width = found.shape
    assert max(height, width) == 28
    assert np.allclose(found, coverage(size[1], height) @ pixels @ coverage(size[0], width).T, rtol=0, atol=1e-9)


def test_requirements_are_the_packages_that_the_tests_run_with() -> None:
    lines = (EXAMPLE / "python" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line.partition("#")[0]) for line in lines if line.partition("#")[0].strip()]
    assert {requirement.name for requirement in wanted} == {"numpy", "onnxruntime", "pillow"}
    for requirement in wanted:
        assert requirement.specifier.contains(importlib.metadata.version(requirement.name)), requirement


def test_app_is_served_by_flags_without_a_description(start: StartHost) -> None:
    """The file and a folder with the model are enough; its options are beside it."""
    host = start("python", EXAMPLE / "python" / "app.py", model_entry=MODEL.parent)
    answer = json.loads(host.call(png(seven())).body)
    assert (answer["class"], len(answer["top_k"])) == (7, 3)


def test_memory_does_not_grow_over_hundreds_of_images(tmp_path: Path) -> None:
    images = [*photographs().values(), *(path.read_bytes() for path in IMAGES[:8])]
    with start_service("python", tmp_path) as host, host.connect() as client:
        for _ in range(20):
            assert {client.call(image, host.path).status for image in images} == {200}
        before = proc.holdings(host.workers()[0]).anonymous
        for _ in range(40):
            assert {client.call(image, host.path).status for image in images} == {200}
        assert (proc.holdings(host.workers()[0]).anonymous - before) * 1024 < 8 * MIB
