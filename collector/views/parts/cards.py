"""The picture of a fool for where its page is shared: 1200 × 630, drawn from its strokes, naming
nobody."""

import io
from functools import cache

from django.conf import settings
from django.utils.translation import gettext as _
from PIL import Image, ImageChops, ImageDraw, ImageFont

from collector.models import Attempt
from trainer.learning import drawing, raster
from trainer.learning.drawing import CANVAS

WIDTH, HEIGHT = 1200, 630
SIDE, MARGIN, RADIUS = 510, 60, 40
SMOOTH = 3  # samples to a pixel, on each axis
SMOOTH_UP_TO = 4  # shares of work; all beyond is a scribble, at a sample to a pixel
# As the tokens' dark slate.
SLATE, BOARD, EDGE = (13, 15, 22), (5, 6, 10), (44, 49, 66)
CHALK, SOFT = (255, 255, 255), (185, 192, 211)
ACCENT, MODELS = (255, 183, 3), (143, 166, 255)  # one's own digit, the model's
# As parts/mark.html, in its 11 × 11 squares: left, top, right, bottom.
MARK = ((3, 3, 3, 5), (3, 5, 7, 5), (7, 3, 7, 8))
MARK_TRICK = (4, 2, 6, 2)
TEXT = MARGIN + SIDE + 70
SPACE = 40  # between the words and the digits beside them
Ink = tuple[int, int, int]


def png(attempt: Attempt) -> bytes:
    """Draw the card of a drawing that fooled its round's model, and say whether people have read it
    correctly; give it as PNG."""
    card = Image.new("RGB", (WIDTH, HEIGHT), SLATE)
    card.paste(EDGE, (MARGIN - 2, MARGIN - 2), _plate(SIDE + 4, SIDE + 4, RADIUS + 2))
    card.paste(BOARD, (MARGIN, MARGIN), _plate(SIDE, SIDE, RADIUS))
    card.paste(CHALK, (MARGIN, MARGIN), _ink(attempt.strokes, attempt.width))
    draw = ImageDraw.Draw(card)
    yours, its = _("You say"), _("It says")
    beside = TEXT + SPACE + round(max(_font(72).getlength(words) for words in (yours, its)))
    _say(card, draw, 138, yours, beside, attempt.target_label, SLATE, ACCENT)
    _say(card, draw, 278, its, beside, attempt.predicted_label, SLATE, MODELS)
    is_verified = attempt.status == Attempt.Status.VERIFIED
    # Translators: each of the two lines has room for about 33 letters, of which none has an accent.
    fooled = (
        _("It fooled round {number}’s model,\nand people read it correctly.")
        if is_verified
        else _("It fooled round {number}’s model.\nCan you read it?")
    )
    lines = fooled.format(number=attempt.round.number).splitlines()
    for top, line in zip((398, 440), lines, strict=True):
        draw.text((TEXT, top), line, SOFT, _font(32))
    _mark(card, draw, TEXT, MARGIN + SIDE - 44, 4)
    draw.text((TEXT + 62, MARGIN + SIDE - 22), settings.SITE_NAME, CHALK, _font(34), anchor="lm")
    file = io.BytesIO()
    card.quantize(64, method=Image.Quantize.FASTOCTREE).save(file, "PNG")
    return file.getvalue()


def _ink(strokes: list[dict[str, list[int]]], width: int) -> Image.Image:
    """Draw strokes as a mask of SIDE × SIDE: lines with round ends and joints."""
    work = raster.shares_of_work(drawing.parse(strokes, width))
    smooth = SMOOTH if work <= SMOOTH_UP_TO else 1
    scale = SIDE * smooth / CANVAS
    sampled = Image.new("L", (SIDE * smooth, SIDE * smooth))
    draw = ImageDraw.Draw(sampled)
    reach = round(width * scale / 2)
    for stroke in strokes:
        points = [
            (round((x + 0.5) * scale), round((y + 0.5) * scale))
            for x, y in zip(stroke["x"], stroke["y"], strict=True)
        ]
        draw.line(points, 255, 2 * reach + 1)
        for x, y in points:
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), 255)
    mask = sampled.reduce(smooth)
    return ImageChops.multiply(mask, _plate(SIDE, SIDE, RADIUS))


@cache
def _plate(width: int, height: int, radius: float) -> Image.Image:
    """Make a mask with round corners."""
    sampled = Image.new("L", (width * SMOOTH, height * SMOOTH))
    ImageDraw.Draw(sampled).rounded_rectangle((0, 0, *sampled.size), radius * SMOOTH, 255)
    return sampled.reduce(SMOOTH)


def _say(
    card: Image.Image,
    draw: ImageDraw.ImageDraw,
    middle: int,
    words: str,
    beside: int,
    digit: int,
    ink: Ink,
    on: Ink,
) -> None:
    """Write “You say 4”, the digit on a plate, which begins at `beside`."""
    draw.text((TEXT, middle), words, CHALK, _font(72), anchor="lm", stroke_width=1.2)
    card.paste(on, (beside, middle - 58), _plate(92, 116, 20))
    draw.text((beside + 46, middle - 2), str(digit), ink, _font(84), anchor="mm", stroke_width=2.4)


def _mark(card: Image.Image, draw: ImageDraw.ImageDraw, x: int, y: int, size: int) -> None:
    card.paste(EDGE, (x, y), _plate(11 * size, 11 * size, 2.4 * size))
    for squares, colour in ((MARK, CHALK), ((MARK_TRICK,), ACCENT)):
        for left, top, right, bottom in squares:
            draw.rectangle(
                (
                    x + left * size,
                    y + top * size,
                    x + (right + 1) * size - 1,
                    y + (bottom + 1) * size - 1,
                ),
                colour,
            )


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
