"""
Training digits as other people would have written and photographed them.

Strategy: MNIST's digits all have one size, one place, one pen and a clean ground. What reaches the service does not, so
each image is changed at random, anew in every epoch, in the order in which the world would do it: the school (strokes
that MNIST's writers seldom make), the pen (wider or narrower strokes), the hand (size, slant, place, wobble), the
camera (blur, uneven light, noise). Last comes the
preprocessing rule of the three processors, with its bars of zeros beside an image that is not square. All of it is one
pure function of a random key, over a whole batch.

Images are float arrays [batch, 28, 28]: ink 1.0 on ground 0.0.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

SIDE = 28
CENTRE = (SIDE - 1) / 2
DIGIT = 20  # MNIST fits its digits into a box of 20 x 20

MILD_SHARE = 0.3  # of the images are left nearly as they are, since some of the world's are clean
MILD = 0.15  # how much of each change is left for those
FLAGGED = 0.5  # of the ones get an upstroke; MNIST's are nearly all bars, those of half the world are not
FOOTED = 0.4  # of those get a foot as well
CROSSED = 0.25  # of the sevens get a bar across
THINNEST, WIDEST = -0.8, 1.6  # steps of one pixel on both sides of a stroke; MNIST's strokes are 2 to 4 wide
SMALLEST, LARGEST = 0.6, 1.38  # of the digit's size; at 1.4 it fills the image from edge to edge
TURN = 0.26  # radians, 15 degrees
SLANT = 0.3
STRETCH = 0.18  # of the width against the height
WOBBLE = 1.3  # pixels, of a field with KNOTS x KNOTS independent values
KNOTS = 5
BLUR = 1.1  # pixels, the standard deviation
LIGHT = 0.45  # of the ink's darkness, between the brightest and the darkest place of the paper
NOISE = 0.1  # of the ink's darkness, the standard deviation
NARROW_SHARE = 0.35  # of the images come from a picture that is not square


def augment(key: Array, images: Array, labels: Array) -> Array:
    """Each of *images*, written with another pen by another hand, and photographed."""
    keys = jax.random.split(key, 6)
    mild = jax.random.uniform(keys[0], (len(images), 1, 1)) < MILD_SHARE
    strength = jnp.where(mild, MILD, 1.0)
    inked = pen(keys[1], school(keys[5], images, labels), strength)
    written = hand(keys[2], inked, strength)
    rows, columns = frame(keys[3], written, strength)
    seen = camera(keys[4], written, strength)
    return normalize(seen, rows, columns)


def between(key: Array, low: float, high: float, like: Array) -> Array:
    """A number for each image of the batch, evenly from *low* to *high*."""
    return jax.random.uniform(key, like.shape, minval=low, maxval=high)


def school(key: Array, images: Array, labels: Array) -> Array:
    """Some of the ones get an upstroke and a foot, some of the sevens a bar across, as others learn to write them."""
    chance, ratio, tilt, left, right, more = jax.random.uniform(key, (6, len(labels)))
    inked = (images > 0.5).any(2)  # noqa: PLR2004 - the stroke without its rim
    top = jnp.argmax(inked, 1)
    bottom = SIDE - 1 - jnp.argmax(inked[:, ::-1], 1)
    height = bottom - top
    middle = (top + (0.4 + 0.25 * ratio) * height).astype(int)

    flag = (labels == 1) & (chance < FLAGGED)
    angle = 0.5 + 0.7 * tilt  # radians below the horizontal: 30 to 70 degrees
    reach = (0.22 + 0.25 * ratio) * height
    tip = (top + 1 + reach * jnp.sin(angle), column(images, top + 1) - reach * jnp.cos(angle))
    changed = stroke(images, flag, (top + 1, column(images, top + 1)), tip)

    foot = column(images, bottom - 1)
    ends = [(bottom - tilt, foot + side) for side in (-2 - 4 * left, 2 + 4 * right)]
    changed = stroke(changed, flag & (more < FOOTED), ends[0], ends[1])

    cross = column(images, middle)
    ends = [(middle + side * (tilt - 0.7) * 0.3, cross + side) for side in (-2 - 3 * left, 2 + 3 * right)]
    return stroke(changed, (labels == 7) & (chance < CROSSED), ends[0], ends[1])  # noqa: PLR2004 - a seven


def column(images: Array, row: Array) -> Array:
    """Where across the ink of *row* lies, in each image."""
    values = jnp.take_along_axis(images, row[:, None, None].astype(int), 1)[:, 0]
    return (values * jnp.arange(SIDE)).sum(1) / jnp.maximum(values.sum(1), 0.1)


def stroke(images: Array, where: Array, start: tuple[Array, Array], end: tuple[Array, Array]) -> Array:
    """Draws a straight stroke as wide as MNIST's are from *start* to *end*, row and column, in the images *where*."""
    rows, columns = jnp.meshgrid(jnp.arange(SIDE), jnp.arange(SIDE), indexing="ij")
    (y, x), (to_y, to_x) = ([value[:, None, None] for value in place] for place in (start, end))
    down, across = to_y - y, to_x - x
    length = jnp.maximum(down**2 + across**2, 1.0)
    along = jnp.clip(((rows - y) * down + (columns - x) * across) / length, 0, 1)
    distance = jnp.hypot(rows - y - along * down, columns - x - along * across)
    return jnp.where(where[:, None, None], jnp.maximum(images, jnp.clip(1.8 - distance, 0, 1)), images)


def pen(key: Array, images: Array, strength: Array) -> Array:
    """Wider or narrower strokes: a mixture of the image with itself, dilated or eroded by one or two pixels."""
    step = between(key, THINNEST, WIDEST, strength) * strength
    wider = spread(images)
    levels = [-spread(-images), images, wider, spread(wider)]
    weights = [jnp.maximum(0.0, 1.0 - jnp.abs(step - at)) for at in (-1, 0, 1, 2)]
    changed = sum((weight * level for weight, level in zip(weights, levels, strict=True)), jnp.zeros_like(images))
    return changed / jnp.maximum(changed.max((1, 2), keepdims=True), 0.1)


def spread(images: Array) -> Array:
    """Dilation: each pixel becomes the largest of itself and its four neighbours."""
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1)), mode="edge")
    middle = slice(1, -1)
    around = [padded[:, :-2, middle], padded[:, 2:, middle], padded[:, middle, :-2], padded[:, middle, 2:]]
    return jnp.max(jnp.stack([images, *around]), axis=0)


def hand(key: Array, images: Array, strength: Array) -> Array:
    """Another size, slant, turn and place, and a wobble that bends the strokes."""
    keys = jax.random.split(key, 7)
    one = strength[:, 0, 0]
    size = jnp.exp(between(keys[0], np.log(SMALLEST), np.log(LARGEST), one) * one)
    stretch = jnp.exp(between(keys[1], -STRETCH, STRETCH, one) * one)
    turn = between(keys[2], -TURN, TURN, one) * one
    slant = between(keys[3], -SLANT, SLANT, one) * one
    room = jnp.maximum(CENTRE + 0.5 - size * DIGIT / 2, 1.0)[:, None] * one[:, None]
    place = jax.random.uniform(keys[4], (len(images), 2), minval=-1.0) * room
    bend = smooth(keys[5], len(images) * 2, KNOTS).reshape(len(images), 2, SIDE, SIDE)
    bend = bend * (WOBBLE * between(keys[6], 0.0, 1.0, one) * one)[:, None, None, None]

    y, x = jnp.meshgrid(jnp.arange(SIDE) - CENTRE, jnp.arange(SIDE) - CENTRE, indexing="ij")
    y = y[None] - place[:, 0, None, None] + bend[:, 0]
    x = x[None] - place[:, 1, None, None] + bend[:, 1]
    cosine, sine = (f(turn)[:, None, None] for f in (jnp.cos, jnp.sin))
    high, wide = (size[:, None, None], (size * stretch)[:, None, None])
    turned_y, turned_x = cosine * y - sine * x, sine * y + cosine * x
    source_y = turned_y / high + CENTRE
    source_x = (turned_x + slant[:, None, None] * turned_y) / wide + CENTRE
    return jax.vmap(at)(images, source_y, source_x)


def at(image: Array, y: Array, x: Array) -> Array:
    """The value of *image* at places between its pixels; 0 outside."""
    value: Array = jax.scipy.ndimage.map_coordinates(image, [y, x], order=1, mode="constant")
    return value


def smooth(key: Array, count: int, knots: int) -> Array:
    """Fields [count, 28, 28] that vary slowly: *knots* x *knots* normal values, linearly between."""
    places = np.linspace(0, knots - 1, SIDE)
    between_knots = jnp.asarray(np.maximum(0, 1 - np.abs(places[:, None] - np.arange(knots))), jnp.float32)
    values = jax.random.normal(key, (count, knots, knots))
    return between_knots @ values @ between_knots.T


def frame(key: Array, images: Array, strength: Array) -> tuple[Array, Array]:
    """The height and width of the picture within the 28 x 28: now and then one of them leaves the digit little room."""
    choice, margin = jax.random.split(key)
    one = strength[:, 0, 0]
    drawn = between(choice, 0.0, 1.0, one)
    extents = []
    for axis in (2, 1):
        inked = images.max(axis) > 0.2  # noqa: PLR2004 - fainter than the rim of a stroke
        reach = jnp.where(inked, jnp.abs(jnp.arange(SIDE) - CENTRE) + 0.5, 0.0).max(1)
        extents.append(jnp.minimum(jnp.round(2 * reach + between(margin, 0.0, 8.0, one)), SIDE))
    rows = jnp.where(drawn < NARROW_SHARE / 3, extents[0], SIDE)
    columns = jnp.where((drawn > NARROW_SHARE / 3) & (drawn < NARROW_SHARE), extents[1], SIDE)
    return rows, columns


def camera(key: Array, images: Array, strength: Array) -> Array:
    """Blur, paper that is not lit evenly, and noise."""
    keys = jax.random.split(key, 6)
    width = 0.05 + BLUR * between(keys[0], 0.0, 1.0, strength) ** 2 * strength
    distance = jnp.arange(SIDE)[:, None] - jnp.arange(SIDE)[None]
    kernel = jnp.exp(-0.5 * (distance[None] / width) ** 2)
    kernel = kernel / kernel.sum(2, keepdims=True)
    blurred = kernel @ images @ kernel.transpose(0, 2, 1)
    blurred = blurred / jnp.maximum(blurred.max((1, 2), keepdims=True), 0.1)

    shade = smooth(keys[1], len(images), 3)
    shade = shade - shade.min((1, 2), keepdims=True)
    shade = shade / shade.max((1, 2), keepdims=True) * LIGHT * between(keys[2], 0.0, 1.0, strength) * strength
    rough = NOISE * between(keys[3], 0.0, 1.0, strength) ** 2 * strength
    return shade + blurred * (1 - shade) + rough * jax.random.normal(keys[4], images.shape)


def normalize(images: Array, rows: Array, columns: Array) -> Array:
    """
    The preprocessing rule, from where the picture has its final size: the mean of its rim becomes 0, its maximum 1.

    Args:
        images: [batch, 28, 28], in any range.
        rows: How many rows in the middle are the picture; the others become 0.
        columns: The same, across.
    """
    distance = jnp.abs(jnp.arange(SIDE) - CENTRE)[None]
    inside = [distance < side[:, None] / 2 for side in (rows, columns)]
    within = [distance < side[:, None] / 2 - 1 for side in (rows, columns)]
    picture = inside[0][:, :, None] & inside[1][:, None, :]
    ring = picture & ~(within[0][:, :, None] & within[1][:, None, :])
    ground = (images * ring).sum((1, 2), keepdims=True) / ring.sum((1, 2), keepdims=True)
    darkest = jnp.where(picture, images, -jnp.inf).max((1, 2), keepdims=True)
    scaled = (images - ground) / jnp.maximum(darkest - ground, 16 / 255)
    return jnp.where(picture, jnp.clip(scaled, 0.0, 1.0), 0.0)
