"""Drawings as pages show them: crisp from their strokes, and the 28 × 28 pixels that the model
saw."""

import io
import json
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from PIL import Image

from collector.drawings import timeline
from collector.models import Attempt, Gold
from trainer import words
from trainer.learning import raster
from trainer.learning.png import SIDE
from trainer.saying import say

DRAWINGS_A_PAGE = 24
PIXEL, INK = 10, 96  # canvas units; how bright a pixel is to be shown
# As --spoke-yours and --spoke-models, a little deeper.
YOURS, MODELS, NEITHER = (255, 183, 3), (92, 124, 255), (146, 148, 152)


@dataclass(frozen=True)
class Picture:
    """An SVG path in canvas units, and its pen."""

    path: str
    width: int


@dataclass(frozen=True)
class Bar:
    """How sure the model was of one digit."""

    digit: int
    value: float
    words: str
    top: bool
    target: bool


@dataclass(frozen=True)
class DrawingCard:
    """One drawing in a list or on its page. `drawer` is empty where the page is the drawer's own;
    `predicted` is None where they are not told; `public` says that it has a page that everybody may
    see."""

    id: UUID
    picture: Picture
    target: int
    predicted: int | None
    fooled: bool
    status: str
    round: int
    drawer: str = ""
    headline: str = ""
    public: bool = False

    @property
    def label(self) -> str:
        if self.predicted is None:
            return self.named
        return say(_("{drawn}, read as {read}"), drawn=self.named, read=words.named(self.predicted))

    @property
    def named(self) -> str:
        """The target at the head of a sentence, as in “A 4” or “An 8”."""
        return capfirst(words.named(self.target))


def drawing_card(
    attempt: Attempt,
    *,
    drawer: str = "",
    headline: str = "",
    public: bool = False,
    is_own: bool = False,
) -> DrawingCard:
    """Make the card of an attempt, whose round has to be loaded with it; its drawer's own says no
    more than they are told."""
    is_told = attempt.round.has_verdict or not is_own
    return DrawingCard(
        id=attempt.pk,
        picture=picture(attempt),
        target=attempt.target_label,
        predicted=attempt.predicted_label if is_told else None,
        fooled=attempt.has_fooled and is_told,
        status=attempt.fate().status,
        round=attempt.round.number,
        drawer=drawer,
        headline=headline,
        public=public,
    )


def through_rounds(attempt: Attempt) -> list[dict[str, object]]:
    """Say how each round's model reads a drawing; nothing while there is one round alone."""
    readings = timeline.through_rounds(attempt)
    return (
        [
            {
                "round": reading.round,
                "digit": reading.digit,
                "right": reading.is_right,
                "sure": words.sureness(reading.share),
            }
            for reading in readings
        ]
        if len(readings) > 1
        else []
    )


def picture(drawing: Attempt | Gold) -> Picture:
    """Give a drawing as it was drawn; where no strokes came with it, its pixels, row by row."""
    if drawing.strokes or not drawing.pixels:
        return Picture(path(drawing.strokes), drawing.width)
    runs = []
    for y, row in enumerate(raster.picture(drawing.pixels) >= INK):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row, [0]])))
        runs += [
            f"M{PIXEL * first + PIXEL // 2} {PIXEL * y + PIXEL // 2}H{PIXEL * after - PIXEL // 2}"
            for first, after in edges.reshape(-1, 2)
        ]
    return Picture("".join(runs), PIXEL)


def strokes(attempt: Attempt) -> str:
    """Give the strokes as JSON, with their times, for a replay; nothing where there are none."""
    return json.dumps(attempt.strokes, separators=(",", ":")) if attempt.strokes else ""


def path(strokes: list[dict[str, list[int]]]) -> str:
    """Give strokes as SVG path data; a lone point becomes a line of no length, of which round caps
    make a dot."""
    pieces = []
    for stroke in strokes:
        points = [f"{x} {y}" for x, y in zip(stroke["x"], stroke["y"], strict=True)]
        pieces.append("M" + "L".join(points if len(points) > 1 else points * 2))
    return "".join(pieces)


def bars(attempt: Attempt) -> list[Bar]:
    """Give the ten probabilities, the highest and the target's marked."""
    return [
        Bar(
            digit=digit,
            value=round(share, 4),
            words=words.sureness(share),
            top=digit == attempt.predicted_label,
            target=digit == attempt.target_label,
        )
        for digit, share in enumerate(attempt.probabilities)
    ]


def attribution_png(pixels: bytes, attribution: NDArray[np.float64], *, has_fooled: bool) -> bytes:
    """Give a picture's 784 stored bytes as a PNG of 28 × 28, the ink amber where it spoke for the
    drawer's digit and blue where for the model's: the attribution (28, 28) is above 0 where it
    spoke for what the model said, which is the drawer's digit unless it `has_fooled`."""
    ink = raster.picture(pixels) / 255
    # The sum over each pixel and its eight neighbours: single pixels say little.
    padded = np.pad(attribution, 1)
    smooth = np.sum(
        [padded[y : y + SIDE, x : x + SIDE] for y in range(3) for x in range(3)], axis=0
    )
    # How strongly each pixel spoke, 0–1; the root lets the weak ones be seen.
    strength = np.abs(smooth) * (ink > 0)
    strength = np.sqrt(strength / max(strength.max(), 1e-12))[..., None]
    # From grey to the hue by strength, as bright as the ink.
    hue = np.where((smooth[..., None] > 0) ^ has_fooled, YOURS, MODELS)
    colours = ink[..., None] * (strength * hue + (1 - strength) * np.array(NEITHER))
    file = io.BytesIO()
    Image.fromarray(colours.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()
