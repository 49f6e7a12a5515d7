"""The site's mark as the icons of an installed app: `python -m scripts.icons FOLDER`.

Those that are shipped are in static/img. One that may be masked fills its square, and the mark is
within the circle that every mask leaves."""

import sys
from pathlib import Path

from PIL import Image, ImageDraw

from collector.views.parts.cards import ACCENT, CHALK, MARK, MARK_TRICK, SLATE

SQUARES = 11  # that the mark is made of, on each side
ROUNDED = 2.4  # squares, as in static/img/favicon.svg
SAMPLES = 128  # to a square: all is drawn large once, and reduced
ICONS = {"icon-192.png": (192, ROUNDED), "icon-512.png": (512, ROUNDED), "icon-mask.png": (512, 0)}


def drawn(side: int, rounded: float) -> Image.Image:
    """Draw the mark, `side` pixels wide, on a plate whose corners are `rounded` by so many
    squares."""
    whole = SQUARES * SAMPLES
    icon = Image.new("RGBA", (whole, whole), (*SLATE, 0))
    draw = ImageDraw.Draw(icon)
    draw.rounded_rectangle((0, 0, whole - 1, whole - 1), rounded * SAMPLES, (*SLATE, 255))
    for squares, colour in ((MARK, CHALK), ((MARK_TRICK,), ACCENT)):
        for left, top, right, bottom in squares:
            corners = (left, top, right + 1, bottom + 1)
            x, y, beyond_x, beyond_y = (SAMPLES * corner for corner in corners)
            draw.rectangle((x, y, beyond_x - 1, beyond_y - 1), (*colour, 255))
    return icon.resize((side, side), Image.Resampling.LANCZOS)


def make(folder: Path) -> None:
    """Write all icons into a folder."""
    for name, (side, rounded) in ICONS.items():
        drawn(side, rounded).save(folder / name, optimize=True)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
