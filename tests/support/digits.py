"""
What the three image classifiers must do with an image, in the fewest words: the reference that they are measured by.

Strategy: the rule as it is written in the example's README, with matrices in double precision, without a thought of
speed. It checks nothing: the images are sound. The model runs in ONNX Runtime.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from support.build import ROOT

EXAMPLE = ROOT / "examples" / "image_classification"
MODEL = EXAMPLE / "model" / "mnist.onnx"
IMAGES = sorted(path for path in (EXAMPLE / "images").iterdir() if path.suffix in {".png", ".jpg"})
SIDE = 28
FAINTEST = 16  # of 255, between ink and ground; less is a blank image

Values = NDArray[np.float64]
Invert = Literal["auto", True, False]


def label(path: Path) -> int:
    """The digit that *path* shows, which its name begins with."""
    return int(path.name[0])


class Reader:
    """
    The model.
    """

    def __init__(self, model: Path = MODEL) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options)

    def scores(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """The ten probabilities for the [28, 28] of `prepared`."""
        answer: NDArray[np.float32] = self.session.run(["scores"], {"image": image[None, None]})[0][0]
        return answer

    def read(self, path: Path) -> int:
        """The digit in the image file *path*."""
        return int(self.scores(prepared(grey(path))).argmax())


def grey(path: Path) -> Values:
    """The image file in *path* as grey values 0 to 255, whole numbers; what is transparent shows white."""
    with Image.open(path) as image:
        if image.mode.startswith("I"):
            return np.asarray(image, float) // 256
        if "A" in image.mode or "transparency" in image.info:
            pixels = np.asarray(image.convert("RGBA"), np.int64)
            opacity = pixels[..., 3:]
            colours = (pixels[..., :3] * opacity + 255 * (255 - opacity) + 127) // 255
        elif image.mode in {"1", "L"}:
            return np.asarray(image.convert("L"), float)
        else:
            colours = np.asarray(image.convert("RGB"), np.int64)
    return np.asarray((colours @ np.array([299, 587, 114]) + 500) // 1000, float)


def prepared(image: Values, invert: Invert = "auto") -> NDArray[np.float32]:
    """The [28, 28] that the model takes: the ink of *image* as 1.0, its ground as 0.0."""
    height, width = image.shape
    ratio = SIDE / max(height, width)
    h, w = (max(1, int(np.floor(side * ratio + 0.5))) for side in (height, width))
    region = coverage(height, h) @ image @ coverage(width, w).T
    if invert is True or (invert == "auto" and ring(region).mean() > (region.min() + region.max()) / 2):
        region = 255 - region
    ground = ring(region).mean()
    contrast = region.max() - ground
    ink = np.clip((region - ground) / contrast, 0, 1) if contrast >= FAINTEST else np.zeros_like(region)
    whole = np.zeros((SIDE, SIDE), np.float32)
    top, left = (SIDE - h) // 2, (SIDE - w) // 2
    whole[top : top + h, left : left + w] = ink
    return whole


def coverage(source: int, target: int) -> Values:
    """[target, source]: which share of each target pixel's length each of the source's pixels covers."""
    step = source / target
    start = np.arange(target)[:, None] * step
    pixel = np.arange(source)[None]
    overlap = np.minimum(start + step, pixel + 1) - np.maximum(start, pixel)
    share: Values = np.clip(overlap, 0, None) / step
    return share


def ring(region: Values) -> Values:
    """The outermost pixels of *region*, each once."""
    outermost = np.ones(region.shape, bool)
    outermost[1:-1, 1:-1] = False
    pixels: Values = region[outermost]
    return pixels
