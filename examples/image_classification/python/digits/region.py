"""
Scales a picture to fit into 28 x 28, its side ratio kept: each pixel is the area average of its source rectangle.

Strategy: measured in w-ths of a pixel, W pixels are divided into w parts of W each, and every border of a part or a
pixel is a whole number. The same holds for the rows. So the sums are exact, in integers of at most
255 * 25,000,000 * 28 * 28, and the only rounding is the division at the end.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digits.picture import Picture

SIDE = 28


def fit(picture: Picture) -> NDArray[np.float64]:
    """
    The scaled picture, 0 to 255, at most SIDE x SIDE.
    """
    longer = max(picture.width, picture.height)
    columns = np.concatenate([shrink(band, scaled(picture.width, longer)) for band in picture.bands()])
    return shrink(columns.T, scaled(picture.height, longer)).T / (picture.width * picture.height)


def scaled(side: int, longer: int) -> int:
    """
    side * SIDE / longer, rounded half up, at least 1.
    """
    return max(1, (2 * side * SIDE + longer) // (2 * longer))


def shrink(rows: NDArray[np.integer], parts: int) -> NDArray[np.int64]:
    """
    Sum the pixels of each of *rows* up into *parts*, in parts-ths of a pixel.
    """
    size = rows.shape[1]
    whole, rest = np.divmod(np.arange(parts + 1) * size, parts)  # the borders, in pixels and parts-ths
    sums = np.add.reduceat(rows, whole[:-1], axis=1, dtype=np.int64)
    sums *= parts * (np.diff(whole) > 0)  # of a part within one pixel, reduceat gives that pixel instead of nothing
    cut = rows[:, np.minimum(whole, size - 1)] * rest  # what lies left of a border in the pixel that it cuts
    return sums + np.diff(cut)
