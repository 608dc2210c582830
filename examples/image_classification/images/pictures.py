"""
The pictures that draw.py makes: who writes which digit with what, on what, and into which kind of file.
"""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[int, int, int]

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
GRAPHITE, BALLPOINT, MARKER = (85, 85, 90), (25, 40, 120), (28, 28, 32)
RED, GREEN, BROWN, NAVY = (190, 30, 40), (20, 110, 60), (95, 60, 30), (20, 35, 80)
CREAM, YELLOW, KRAFT, GREY = (250, 243, 225), (255, 236, 120), (196, 160, 118), (200, 200, 200)
BOARD, SLATE = (38, 70, 55), (45, 48, 52)


@dataclass(frozen=True)
class Picture:
    """
    One picture.

    Attributes:
        name: Of the file; its first character is the label.
        form: The form of the digit, in strokes.py.
        size: Width and height in pixels.
        pen: The stroke's width, of the shorter side.
        ink: The colour of the strokes.
        paper: What they are on; None: nothing, the file is transparent there.
        look: "flat", "photo" or "chalk".
        nib: "round", or "chisel" for a broad marker held aslant.
        slant: How far the top leans to the right, of the height.
        turn: Degrees, clockwise.
        wide: The digit's width against what is usual.
        tremble: How unsteady the hand is; 1.0 is a usual one.
        pressure: How much the stroke's width varies on its way.
        margin: Free on each side, of the shorter side.
        place: Where the digit lies in what is free, across and down; 0.5 is the middle.
        mode: Of the file: "L", "RGB", "RGBA", "LA", "P", "1", "I;16".
        quality: Of a JPEG.
        progressive: Whether a JPEG is.
        light: How uneven a photo's light is, from the middle to one side.
        blur: Of a photo, in pixels.
        noise: Of a photo, in steps of 255.
        ruled: Squares across the sheet of a photo; 0: blank.
    """

    name: str
    form: str
    size: tuple[int, int] = (200, 200)
    pen: float = 0.06
    ink: Colour = BLACK
    paper: Colour | None = WHITE
    look: str = "flat"
    nib: str = "round"
    slant: float = 0.0
    turn: float = 0.0
    wide: float = 1.0
    tremble: float = 1.0
    pressure: float = 0.1
    margin: float = 0.16
    place: tuple[float, float] = (0.5, 0.5)
    mode: str = "RGB"
    quality: int = 85
    progressive: bool = False
    light: float = 0.08
    blur: float = 1.0
    noise: float = 4.0
    ruled: int = 0


PICTURES = [
    Picture("0-oval.png", "0-oval", mode="L"),
    Picture("0-ballpoint-photo.jpg", "0-open", (320, 320), 0.03, BALLPOINT, CREAM, "photo", slant=0.15, quality=80),
    Picture("0-chalk.png", "0-narrow", (120, 160), 0.07, WHITE, BOARD, "chalk", slant=0.1, mode="P"),
    Picture("0-tiny.png", "0-oval", (28, 28), 0.1, WHITE, BLACK, wide=0.9, margin=0.14, mode="L"),
    Picture("0-wide.jpg", "0-open", (300, 180), 0.08, RED, WHITE, wide=1.1, quality=60),
    Picture("1-bar.png", "1-bar", mode="L"),
    Picture("1-flag-photo.jpg", "1-flag", (240, 320), 0.045, MARKER, CREAM, "photo", margin=0.2),
    Picture("1-base.png", "1-base", (180, 220), 0.07, NAVY, WHITE, mode="RGBA"),
    Picture("1-slanted.jpg", "1-bow", (160, 160), 0.1, BLACK, YELLOW, slant=0.35),
    Picture("1-narrow.png", "1-bar", (60, 200), 0.16, WHITE, BLACK, margin=0.2, turn=4, mode="1"),
    Picture("2-plain.png", "2-plain", mode="L"),
    Picture("2-loop-photo.jpg", "2-loop", (320, 320), 0.035, BALLPOINT, CREAM, "photo", slant=0.12, light=0.12),
    Picture("2-swan.png", "2-swan", (240, 240), 0.09, GREEN, None, mode="RGBA", nib="chisel"),
    Picture("2-marker-photo.jpg", "2-plain", (600, 600), 0.1, MARKER, WHITE, "photo", turn=-6, blur=2.5, quality=70),
    Picture("2-white.jpg", "2-loop", (200, 240), 0.06, WHITE, NAVY, progressive=True),
    Picture("3-round.png", "3-round", mode="L", wide=0.95),
    Picture("3-flat.jpg", "3-flat", (200, 200), 0.07, BLACK, WHITE, slant=0.1, mode="L", quality=90),
    Picture("3-pencil-photo.jpg", "3-soft", (300, 360), 0.03, GRAPHITE, CREAM, "photo", light=0.1, turn=5),
    Picture("3-chalk.jpg", "3-round", (220, 220), 0.07, WHITE, SLATE, "chalk", quality=75),
    Picture("3-deep.png", "3-soft", (96, 96), 0.09, BLACK, GREY, mode="I;16"),
    Picture("4-open.png", "4-open", mode="L"),
    Picture("4-closed-photo.jpg", "4-closed", (320, 320), 0.05, MARKER, CREAM, "photo", turn=4, progressive=True),
    Picture("4-lifted.png", "4-lifted", (180, 180), 0.06, RED, CREAM, slant=0.15, mode="P"),
    Picture("4-bold.jpg", "4-closed", (160, 200), 0.14, BLACK, WHITE, wide=1.05, margin=0.12, quality=50),
    Picture("4-glass.png", "4-open", (150, 150), 0.07, NAVY, None, slant=-0.05, mode="LA"),
    Picture("4-tape.jpg", "4-lifted", (280, 200), 0.08, WHITE, RED, tremble=1.5),
    Picture("5-two.png", "5-two", mode="L"),
    Picture("5-hat-photo.jpg", "5-hat", (360, 300), 0.045, BALLPOINT, WHITE, "photo", slant=0.1, ruled=9),
    Picture("5-swung.jpg", "5-swung", (200, 260), 0.06, BROWN, KRAFT, slant=0.15, quality=90),
    Picture("5-marker.png", "5-two", (128, 128), 0.13, WHITE, BLACK, nib="chisel", margin=0.1, mode="P"),
    Picture("5-small.png", "5-hat", (40, 40), 0.08, BLACK, WHITE, mode="1"),
    Picture("6-curl.png", "6-curl", mode="L"),
    Picture("6-stem-photo.jpg", "6-stem", (320, 400), 0.04, GRAPHITE, CREAM, "photo", noise=7.0),
    Picture("6-long.jpg", "6-long", (200, 200), 0.08, WHITE, BLACK, slant=0.2, mode="L"),
    Picture("6-brush.png", "6-curl", (200, 200), 0.12, RED, None, pressure=0.35, mode="RGBA"),
    Picture("6-corner.jpg", "6-stem", (240, 240), 0.07, BLACK, WHITE, margin=0.22, place=(0.5, 1.0), quality=40),
    Picture("7-plain.png", "7-plain", mode="L"),
    Picture("7-crossed-photo.jpg", "7-crossed", (320, 320), 0.05, MARKER, CREAM, "photo", slant=0.05, light=0.14),
    Picture("7-serif.png", "7-serif", (160, 220), 0.06, GREEN, WHITE, mode="RGB"),
    Picture("7-wave.jpg", "7-wave", (200, 200), 0.07, BALLPOINT, YELLOW, slant=0.15, quality=70),
    Picture("7-marker-photo.jpg", "7-plain", (480, 600), 0.11, RED, WHITE, "photo", nib="chisel", blur=2.0, quality=75),
    Picture("7-board.png", "7-crossed", (200, 200), 0.06, WHITE, BOARD, "chalk", mode="P"),
    Picture("8-one.png", "8-one", mode="L"),
    Picture("8-two-photo.jpg", "8-two", (300, 380), 0.05, BALLPOINT, WHITE, "photo", ruled=8, quality=80),
    Picture("8-open.jpg", "8-open", (200, 240), 0.06, BLACK, KRAFT, slant=0.1),
    Picture("8-bold.png", "8-one", (140, 180), 0.11, WHITE, NAVY, margin=0.12, mode="RGB"),
    Picture("8-thin.jpg", "8-two", (400, 400), 0.022, BLACK, WHITE, mode="L", progressive=True, margin=0.2),
    Picture("9-straight.png", "9-straight", mode="L"),
    Picture("9-tail-photo.jpg", "9-tail", (320, 320), 0.045, MARKER, CREAM, "photo", turn=-4, noise=6.0),
    Picture("9-leaning.jpg", "9-leaning", (180, 220), 0.07, NAVY, GREY, slant=0.15),
    Picture("9-glass.png", "9-tail", (220, 220), 0.08, BROWN, None, mode="RGBA"),
    Picture(
        "9-dim-photo.jpg", "9-straight", (300, 300), 0.06, (70, 70, 80), (150, 145, 140), "photo", light=0.15, blur=1.8
    ),
]
