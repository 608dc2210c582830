"""
The answer: `{"class": 7, "scores": [0.000001, ...], "top_k": [{"class": 7, "score": 0.980000}, ...]}`.

Written by hand, since `json.dumps` would write 1e-06: its form is, to the byte, that of the other languages.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def text(scores: NDArray[np.float32], top_k: int) -> str:
    """
    The *top_k* classes from the most to the least likely; the lower one first where they are the same.
    """
    values = scores.tolist()
    order = sorted(range(len(values)), key=lambda number: (-values[number], number))
    listed = ", ".join(f"{value:.6f}" for value in values)
    best = ", ".join(f'{{"class": {number}, "score": {values[number]:.6f}}}' for number in order[:top_k])
    return f'{{"class": {order[0]}, "scores": [{listed}], "top_k": [{best}]}}'
