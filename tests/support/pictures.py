"""
Images of every kind that a classifier must read, and of every kind that it must refuse, as the bytes of a request.

Pillow writes what it can; the rest is put together from chunks here: 16 bits a sample, and files with wrong headers.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Mapping

from PIL import Image, ImageDraw

from support import seeded_rng

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6  # PNG's colour types
START, END = b"\xff\xd8", b"\xff\xd9"
SCAN = b"\xff\xda"


def seven(width: int = 100, height: int = 120, paper: int = 255, ink: int = 0) -> Image.Image:
    """An image of a clear 7."""
    image = Image.new("L", (width, height), paper)
    corners = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
    points = [(x * width, y * height) for x, y in corners]
    ImageDraw.Draw(image).line(points, fill=ink, width=max(2, min(width, height) // 10), joint="curve")
    return image


def coloured() -> Image.Image:
    """The 7 in blue on sand."""
    grey = seven()
    return Image.merge("RGB", [grey.point(lambda v: v * 230 // 255), grey.point(lambda v: v * 210 // 255), grey])


def veil() -> Image.Image:
    """An alpha channel of 100 x 120 with every value in it, mostly opaque."""
    return Image.radial_gradient("L").resize((100, 120)).point(lambda v: min(255, (255 - v) * 2))


def png(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def jpeg(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(width: int, height: int, depth: int, colour: int, data: bytes, *more: bytes) -> bytes:
    """A PNG that says this of itself, whatever *data*, the filtered rows, are; *more* chunks come before them."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return SIGNATURE + header + b"".join(more) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND")


def deep(image: Image.Image, colour: int) -> bytes:
    """*image* with 16 bits a sample, of which the lower ones are noise."""
    rng = seeded_rng("deep")
    bands = len(image.getbands())
    samples = image.tobytes()
    rows = [samples[at : at + image.width * bands] for at in range(0, len(samples), image.width * bands)]
    wide = (b"\0" + bytes(byte for high in row for byte in (high, rng.randrange(256))) for row in rows)
    return raw_png(image.width, image.height, 16, colour, b"".join(wide))


def sevens() -> Mapping[str, bytes]:
    """The 7 in each kind of file whose pixels all decoders agree about."""
    grey, colour = seven(), coloured()
    translucent = colour.copy()
    translucent.putalpha(veil())
    pale = grey.copy()
    pale.putalpha(veil())
    return {
        "grey": png(grey),
        "1 bit": png(grey.convert("1")),
        "RGB": png(colour),
        "palette": png(colour.quantize(16)),
        "palette with alpha": png(colour.quantize(16), transparency=bytes(range(255, 239, -1))),
        "palette of 256": png(colour.quantize(256)),
        "grey and alpha": png(pale),
        "RGBA": png(translucent),
        "transparent grey": png(seven(paper=77), transparency=77),
        "16-bit grey": deep(grey, GREY),
        "16-bit RGB": deep(colour, RGB),
        "16-bit grey and alpha": deep(pale, GREY_ALPHA),
        "16-bit RGBA": deep(translucent, RGBA),
        "white on black": png(seven(paper=0, ink=255)),
        "wide": png(seven(300, 120)),
        "high": png(seven(80, 300)),
        "small": png(seven(20, 24)),
        "odd": png(seven(29, 31)),
        "more behind it": png(grey) + b"more",
    }


def photographs() -> Mapping[str, bytes]:
    """The 7 as JPEGs of each kind."""
    grey, colour = seven(), coloured()
    turned = Image.Exif()
    turned[0x0112] = 6  # "turn me to the right": ignored
    return {
        "grey": jpeg(grey),
        "colour": jpeg(colour),
        "full colour": jpeg(colour, subsampling=0),
        "progressive": jpeg(colour, progressive=True),
        "restarts": jpeg(colour, restart_marker_blocks=2),
        "turned": jpeg(colour, exif=turned),
        "thumbnail": with_thumbnail(jpeg(colour), jpeg(seven(16, 16))),
        "more behind it": jpeg(colour) + b"more",
    }


def with_thumbnail(photograph: bytes, thumbnail: bytes) -> bytes:
    """A segment for applications, with an image in it, comes first, as cameras write it."""
    segment = b"Exif\0\0" + thumbnail
    return START + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + photograph[2:]


def refused() -> Mapping[str, tuple[bytes, str]]:
    """The images that are answered 400, with the whole text, in which `...` stands for a decoder's own words."""
    drawn, photo = png(seven()), jpeg(seven())
    image = drawn.index(b"IDAT")
    broken = bytearray(drawn)
    broken[image + 30] ^= 0xFF
    truncated = "the image is truncated"
    return {
        "empty": (b"", "input data should not be empty"),
        "text": (b"hello", "not an image: expected JPEG or PNG"),
        "GIF": (b"GIF89a" + bytes(100), "not an image: expected JPEG or PNG"),
        "one pixel": (png(Image.new("L", (1, 1))), "the image is too small: 1x1, at least 8x8"),
        "one pixel, JPEG": (jpeg(Image.new("L", (1, 1))), "the image is too small: 1x1, at least 8x8"),
        "flat": (png(Image.new("L", (100, 7))), "the image is too small: 100x7, at least 8x8"),
        "bomb": (bomb(), "the image is too large: 20000x20000, at most 25000000 pixels"),
        "bomb, JPEG": (jpeg_bomb(), "the image is too large: 20000x20000, at most 25000000 pixels"),
        "PNG's magic alone": (drawn[:8], truncated),
        "PNG's header alone": (drawn[:33], truncated),
        "half a PNG": (drawn[: len(drawn) // 2], truncated),
        "PNG without its last byte": (drawn[:-1], truncated),
        "JPEG's magic alone": (photo[:3], truncated),
        "JPEG's tables alone": (photo[: photo.index(SCAN)], truncated),
        "half a JPEG": (photo[: photo.index(SCAN) + 40], truncated),
        "JPEG without its end": (photo[:-2], truncated),
        "thumbnail's end alone": (with_thumbnail(photo, photo)[:-2], truncated),
        "PNG without its last rows": (raw_png(50, 50, 8, GREY, bytes(51 * 40)), "the image is broken: ..."),
        "damaged PNG": (bytes(broken), "the image is broken: ..."),
        "PNG without data": (drawn[: image - 4] + chunk(b"IEND"), "the image is broken: ..."),
        "PNG of 7 bits": (raw_png(50, 50, 7, GREY, bytes(51 * 50)), "the image is broken: ..."),
        "PNG without its header": (SIGNATURE + chunk(b"IEND") + bytes(50), "the image is broken: ..."),
        "JPEG without a frame": (START + SCAN + b"\0\2" + END, "the image is broken: ..."),
        "JPEG of other data": (photo[:20] + b"\xff\xc4\0\1" + photo[20:], "the image is broken: ..."),
    }


def bomb() -> bytes:
    """An image of 400 million pixels in 400 KB; a decoder that begins to decode it finds all of them."""
    compress = zlib.compressobj(9)
    begin = compress.compress(b"") + compress.flush(zlib.Z_FULL_FLUSH)
    rows = compress.compress(bytes(20_001 * 1_000)) + compress.flush(zlib.Z_FULL_FLUSH)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, GREY, 0, 0, 0))
    return SIGNATURE + header + chunk(b"IDAT", begin + rows * 20) + chunk(b"IEND")


def jpeg_bomb() -> bytes:
    """A small JPEG whose header says 20,000 x 20,000."""
    photo = jpeg(seven())
    frame = photo.index(b"\xff\xc0")
    return photo[: frame + 5] + struct.pack(">HH", 20_000, 20_000) + photo[frame + 9 :]


def damaged(sound: bytes, count: int) -> Iterable[bytes]:
    """*count* versions of *sound*, each with a few other bytes."""
    rng = seeded_rng("damaged")
    for _ in range(count):
        copy = bytearray(sound)
        for _ in range(rng.randrange(1, 5)):
            copy[rng.randrange(len(copy))] = rng.randrange(256)
        yield bytes(copy)
