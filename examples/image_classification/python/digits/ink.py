"""
The model's input: 28 x 28 of white ink, 1, on black paper, 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digits.options import Invert
from digits.region import SIDE

LEAST_CONTRAST = 16  # less between paper and ink is a blank image: noise must not be stretched into a digit


def ink(region: NDArray[np.float64], invert: Invert) -> NDArray[np.float32]:
    """
    Stretch the range from the paper to the brightest ink to 0..1, and lay *region* in the middle of nothing.
    """
    paper = border(region)
    # Not half of 255: paper in dim light is darker than that, and still lighter than its ink.
    light_paper = paper > (region.min() + region.max()) / 2
    if light_paper if invert == "auto" else invert:
        region, paper = 255 - region, 255 - paper
    contrast = region.max() - paper
    image = np.zeros((1, 1, SIDE, SIDE), np.float32)
    if contrast >= LEAST_CONTRAST:
        height, width = region.shape
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
        image[0, 0, top : top + height, left : left + width] = np.clip((region - paper) / contrast, 0, 1)
    return image


def border(region: NDArray[np.float64]) -> float:
    """
    The mean of the outermost ring.
    """
    inside = region[1:-1, 1:-1]
    return float((region.sum() - inside.sum()) / (region.size - inside.size))
