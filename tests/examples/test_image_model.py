"""
The model of the image classification example keeps its contract, and reads digits that it was not trained on.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from support.digits import EXAMPLE, IMAGES, MODEL, SIDE, Reader, grey, label, prepared

LARGEST_MODEL = 500_000  # bytes; it is part of the repository
LARGEST_IMAGES = 600_000
NEWEST_OPSET = 13  # that OpenCV 4.6, of Debian 12, reads
MAY_BE_WRONG = 2  # of the drawn images: some people could not read their own either
REDRAWN = 3  # of 255: versions of Pillow round differently

VARINT, BYTES = 0, 2  # protobuf's wire types
OPSET_IMPORT = 8  # ModelProto's field
VERSION = 2  # OperatorSetIdProto's field


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message that has numbers and bytes alone, as ONNX's outermost two have."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = varint()
        number = varint()
        if tag & 7 == VARINT:
            yield tag >> 3, number
        else:
            assert tag & 7 == BYTES
            yield tag >> 3, message[at : at + number]
            at += number


def test_model_input_and_output_have_the_contracts_shape(reader: Reader) -> None:
    (given,) = reader.session.get_inputs()
    (answered,) = reader.session.get_outputs()
    assert (given.name, given.type, given.shape) == ("image", "tensor(float)", [1, 1, SIDE, SIDE])
    assert (answered.name, answered.type, answered.shape) == ("scores", "tensor(float)", [1, 10])


def test_model_opset_is_readable_by_opencv_of_debian_12() -> None:
    opsets = [value for field, value in fields(MODEL.read_bytes()) if field == OPSET_IMPORT]
    assert opsets
    for opset in opsets:
        assert isinstance(opset, bytes)
        version = dict(fields(opset))[VERSION]
        assert isinstance(version, int)
        assert version <= NEWEST_OPSET


def test_model_and_images_are_small_enough_for_a_repository() -> None:
    assert MODEL.stat().st_size <= LARGEST_MODEL
    assert sum(path.stat().st_size for path in IMAGES) <= LARGEST_IMAGES


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((SIDE, SIDE), np.float32), id="blank"),
        pytest.param(np.ones((SIDE, SIDE), np.float32), id="full"),
        pytest.param(np.random.default_rng(1).random((SIDE, SIDE), np.float32), id="noise"),
    ],
)
def test_scores_are_probabilities_for_every_image(reader: Reader, image: NDArray[np.float32]) -> None:
    scores = reader.scores(image)
    assert scores.dtype == np.float32
    assert (scores >= 0).all()
    assert scores.sum() == pytest.approx(1, abs=1e-5)


def test_drawn_images_cover_every_digit_and_file_kind() -> None:
    assert len(IMAGES) >= 40
    digits = Counter(label(path) for path in IMAGES)
    assert set(digits) == set(range(10))
    assert min(digits.values()) >= 4
    kinds = set()
    for path in IMAGES:
        with Image.open(path) as image:
            kinds.add((image.format, image.mode, bool(image.info.get("progressive"))))
    jpegs = {("JPEG", "L", False), ("JPEG", "L", True), ("JPEG", "RGB", False), ("JPEG", "RGB", True)}
    assert kinds == jpegs | {("PNG", mode, False) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")}


def test_model_reads_the_drawn_images(reader: Reader) -> None:
    wrong = {path.name: digit for path in IMAGES if (digit := reader.read(path)) != label(path)}
    assert len(wrong) <= MAY_BE_WRONG, wrong


def test_model_reads_negatives_like_the_images(reader: Reader) -> None:
    """White on black and black on white are one to the rule, unless `invert` says which it is."""
    for path in IMAGES:
        image = grey(path)
        assert np.abs(reader.scores(prepared(image)) - reader.scores(prepared(255 - image))).max() < 1e-4, path.name
        as_it_is, turned = prepared(image, invert=False), prepared(255 - image, invert=True)
        assert np.abs(as_it_is - turned).max() < 1e-6, path.name


def test_draw_script_reproduces_the_images(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLE / "images" / "draw.py", "--output", tmp_path], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in IMAGES]
    for path in IMAGES:
        assert np.abs(grey(path) - grey(tmp_path / path.name)).mean() <= REDRAWN, path.name
