"""
Draws the test images beside it: `python draw.py`.

Strategy: each picture is a row of PICTURES: a form of strokes.py, the hand that writes it (slant, tremble, pen), what
it is written on, and the file. The strokes are drawn large and reduced, so that their rims are soft; a photographed one
then gets paper, light, blur and noise. What is random in a picture comes from its name, so a row may be changed without
changing the others. The label of an image is the first character of its name.

Rule: these images are for tests. No model is trained on them, and none is redrawn until it is read right.
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pictures import PICTURES, Picture
from PIL import Image, ImageDraw, ImageFilter
from strokes import FORMS, Stroke

FINER = 4  # times as large as the image are its strokes drawn
CHISEL = 0.45  # of a broad nib's width is its height
TREMBLE = 0.012  # of the digit's height, the standard deviation of a hand that is not steady

Values = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description="Draws the test images.")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="the folder that they go into")
    folder: Path = parser.parse_args().output
    for picture in PICTURES:
        save(picture, draw(picture), folder / picture.name)


def draw(picture: Picture) -> Image.Image:
    """The picture, RGB, or RGBA where the paper is missing."""
    random = np.random.default_rng(zlib.crc32(picture.name.encode()))
    ink = written(picture, random)
    if picture.look == "photo":
        return photographed(picture, ink, random)
    if picture.paper is None:
        return transparent(picture, ink)
    return Image.fromarray(np.round(mixed(picture.paper, picture.ink, ink)).astype(np.uint8))


def written(picture: Picture, random: np.random.Generator) -> Values:
    """How much of each pixel is ink, 0 to 1."""
    width, height = (side * FINER for side in picture.size)
    sheet = Image.new("L", (width, height))
    pencil = ImageDraw.Draw(sheet)
    strokes = placed(picture, random)
    for index, stroke in enumerate(strokes):
        scribble(pencil, stroke, picture, random.uniform(0, 2 * np.pi) + index)
    reduced = sheet.resize(picture.size, Image.Resampling.BOX)
    amount = np.asarray(reduced, float) / 255
    if picture.look == "chalk":
        amount *= np.clip(0.72 + 0.35 * random.standard_normal(amount.shape), 0, 1)
    return amount


def placed(picture: Picture, random: np.random.Generator) -> list[Stroke]:
    """The strokes on the enlarged sheet: trembled, slanted, turned, and fitted into what the margin leaves."""
    shape = [bent(stroke, picture.tremble, random) for stroke in FORMS[picture.form]]
    turn = np.radians(picture.turn)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shape = [(stroke - (0.3, 0.5)) * (picture.wide, 1) @ [[1, 0], [-picture.slant, 1]] @ rotation.T for stroke in shape]
    points = np.vstack(shape)
    low, high = points.min(0), points.max(0)
    sheet = np.array(picture.size, float) * FINER
    margin = sheet.min() * picture.margin
    pen = picture.pen * sheet.min()
    scale = ((sheet - 2 * margin - pen) / np.maximum(high - low, 0.05)).min()
    free = sheet - 2 * margin - pen - (high - low) * scale
    corner = margin + pen / 2 + free * picture.place
    return [(stroke - low) * scale + corner for stroke in shape]


def bent(stroke: Stroke, amount: float, random: np.random.Generator) -> Stroke:
    """The stroke of a hand that trembles: its points move by a noise that changes slowly along the way."""
    way = np.concatenate([[0.0], np.hypot(*np.diff(stroke, axis=0).T).cumsum()])
    fine = np.linspace(0, way[-1], max(int(way[-1] * 60), 2))
    dense = np.stack([np.interp(fine, way, stroke[:, axis]) for axis in (0, 1)], 1)
    knots = np.linspace(0, way[-1], max(int(way[-1] * 7), 3))
    noise = random.standard_normal((len(knots), 2)) * TREMBLE * amount
    return dense + np.stack([np.interp(fine, knots, noise[:, axis]) for axis in (0, 1)], 1)


def scribble(pencil: ImageDraw.ImageDraw, stroke: Stroke, picture: Picture, phase: float) -> None:
    """Draws one stroke: the nib is set down at every point, close enough to leave no gaps."""
    width = picture.pen * min(picture.size) * FINER
    way = np.concatenate([[0.0], np.hypot(*np.diff(stroke, axis=0).T).cumsum()])
    places = np.linspace(0, way[-1], max(int(way[-1] / max(width * 0.08, 1)), 2))
    for place in places:
        x, y = (np.interp(place, way, stroke[:, axis]) for axis in (0, 1))
        pressure = 1 + picture.pressure * np.sin(phase + 3 * place / way[-1])
        across = width * pressure / 2
        if picture.nib == "chisel":
            edge = (x - 0.8 * across, y + 0.6 * across, x + 0.8 * across, y - 0.6 * across)
            pencil.line(edge, fill=255, width=max(int(width * CHISEL), 1))
        else:
            pencil.ellipse((x - across, y - across, x + across, y + across), fill=255)


def photographed(picture: Picture, ink: Values, random: np.random.Generator) -> Image.Image:
    """Ink on real paper, as a telephone sees it: turned in space, lit from one side, not quite sharp, with noise."""
    width, height = picture.size
    ink = tilted(ink, random)
    fibres = slow(random, picture.size, 40) * 2 + slow(random, picture.size, 9) * 3
    paper = np.asarray(picture.paper or (245, 243, 238), float) + fibres[..., None]
    if picture.ruled:
        paper[ruling(picture.size, picture.ruled)] -= (34, 22, 8)  # pale blue
    colours = paper * (1 - 0.92 * ink[..., None]) + np.asarray(picture.ink, float) * 0.92 * ink[..., None]

    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = random.uniform(0, 2 * np.pi)
    light = 0.84 + picture.light * (x * np.cos(angle) + y * np.sin(angle)) - 0.07 * (x**2 + y**2)
    light += slow(random, picture.size, 3) * 0.03
    warm = np.array([1.0, 0.985, 0.95])
    seen = Image.fromarray(np.clip(colours * light[..., None] * warm, 0, 255).astype(np.uint8))
    sharp = np.asarray(seen.filter(ImageFilter.GaussianBlur(picture.blur)), float)
    noisy = sharp + random.standard_normal(sharp.shape) * picture.noise
    return Image.fromarray(np.clip(np.round(noisy), 0, 255).astype(np.uint8))


def tilted(ink: Values, random: np.random.Generator) -> Values:
    """The sheet as a camera sees it that is not held straight above: each corner is a little elsewhere."""
    height, width = ink.shape
    square = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    moved = square + random.uniform(-0.04, 0.04, (4, 2)) * min(width, height)
    rows: list[Values] = []
    for (x, y), (u, v) in zip(square, moved, strict=True):
        rows += [np.array([x, y, 1, 0, 0, 0, -u * x, -u * y]), np.array([0, 0, 0, x, y, 1, -v * x, -v * y])]
    coefficients = np.linalg.solve(np.array(rows), moved.ravel())
    sheet = Image.fromarray(np.round(ink * 255).astype(np.uint8))
    tilt = sheet.transform(sheet.size, Image.Transform.PERSPECTIVE, list(coefficients), Image.Resampling.BICUBIC)
    return np.asarray(tilt, float) / 255


def slow(random: np.random.Generator, size: tuple[int, int], knots: int) -> Values:
    """A field of *size* that varies smoothly between *knots* x *knots* normal values."""
    values = random.standard_normal((knots, knots)).astype(np.float32)
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BICUBIC), float)


def ruling(size: tuple[int, int], lines: int) -> NDArray[np.bool_]:
    """Where a squared sheet with *lines* squares across has its lines."""
    width, height = size
    step = width / lines
    across, down = ((np.arange(side) + step / 3) % step < max(step / 24, 1) for side in (width, height))
    return across[None, :] | down[:, None]


def mixed(paper: tuple[int, int, int], ink: tuple[int, int, int], amount: Values) -> Values:
    return np.asarray(paper, float) * (1 - amount[..., None]) + np.asarray(ink, float) * amount[..., None]


def transparent(picture: Picture, ink: Values) -> Image.Image:
    """Ink on nothing: the colour is everywhere, and the amount of ink is its opacity."""
    colour = np.broadcast_to(np.asarray(picture.ink, float), (*ink.shape, 3))
    return Image.fromarray(np.round(np.dstack([colour, ink * 255])).astype(np.uint8))


def save(picture: Picture, image: Image.Image, path: Path) -> None:
    if path.suffix == ".jpg":
        drawn = image.convert("L") if picture.mode == "L" else image
        drawn.save(path, quality=picture.quality, progressive=picture.progressive)
    elif picture.mode == "P":
        image.quantize(16).save(path, optimize=True)
    elif picture.mode == "I;16":
        deep = np.asarray(image.convert("L"), np.uint16) * 257
        Image.fromarray(deep).save(path, optimize=True)
    else:
        image.convert(picture.mode).save(path, optimize=True)


if __name__ == "__main__":
    main()
