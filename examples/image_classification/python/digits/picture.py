"""
Decodes an image with Pillow, and gives it out as bands of grey rows, 0 to 255.

The work on each pixel is Pillow's, in C and beside other threads. Bands, since each step of it makes another image: a
large one costs what Pillow needs to decode it, and little more.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from digits.errors import broken
from digits.header import PNG, Size, require

Samples = NDArray[np.integer]

WHITE = 255
BAND_PIXELS = 1 << 18  # what stays in a core's cache, at up to 4 bytes each

GREY = ("1", "L", "I;16", "I")  # the modes of a grey image; 16 bits are "I" in Pillow before 11
TO_GREY = (0.299, 0.587, 0.114, 0.0003)
"""
The weights of ITU-R BT.601, with which Pillow makes grey in single precision and rounds. The last number lifts exact
halves, which must be rounded up, above the error of that; what is no half is at least 0.001 away from one.
"""

DEPTH_AT = 24  # where a PNG says how many bits a sample has


class Picture:
    """
    A decoded image.
    """

    def __init__(self, image: Image.Image, clear: int | None) -> None:
        """
        Of a grey image, *clear* is the one sample that stands for transparency, if any does.
        """
        self.image = image
        self.clear = clear
        self.width, self.height = image.size

    def bands(self) -> Iterator[Samples]:
        """
        The rows from the top to the bottom, a few at a time.
        """
        rows = max(1, BAND_PIXELS // self.width)
        if rows >= self.height:
            yield self.grey(self.image)
            return
        for top in range(0, self.height, rows):
            yield self.grey(self.image.crop((0, top, self.width, min(self.height, top + rows))))

    def grey(self, image: Image.Image) -> Samples:
        """
        The grey of each pixel of *image*, a part of this one. What is transparent shows white paper.
        """
        if image.mode in GREY:
            samples = np.asarray(image.convert("L") if image.mode == "1" else image)
            grey = samples if samples.dtype == np.uint8 else samples >> 8
            return grey if self.clear is None else np.where(samples == self.clear, WHITE, grey)
        if image.has_transparency_data:
            paper = Image.new("RGB", image.size, "white")
            layer = image.convert("RGBA")
            paper.paste(layer, mask=layer)
            image = paper
        return np.asarray(image.convert("RGB").convert("L", TO_GREY))


def decode(data: bytes, size: Size) -> Picture:
    """
    Decode an image whose header, with *size*, has been found good.

    Pillow's reader of the format is asked by name. `Image.open` would try one after the other, and keep to itself what
    they have to say; its limit on the number of pixels, a setting of the whole process, is larger than ours and has no
    say. Where the reader takes something else for the size than the header, that must be good as well.
    """
    reader = PngImageFile if data.startswith(PNG) else JpegImageFile
    try:
        with io.BytesIO(data) as file, reader(file) as image:
            if image.size != size:
                require(Size(*image.size))
            image.load()
            return Picture(image, clear_grey(image, data) if image.mode in GREY else None)
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise broken(error) from error


def clear_grey(image: Image.Image, data: bytes) -> int | None:
    """
    The sample that stands for transparency. Pillow stretches samples of less than 8 bits to 0..255, but not this one.
    """
    sample = image.info.get("transparency")
    highest = (1 << data[DEPTH_AT]) - 1
    return sample if sample is None or highest >= WHITE else sample * WHITE // highest
