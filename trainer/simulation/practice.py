"""The practice drawings as they were made: digits in penmen's usual hands, and what is none, drawn
by hand.

They are shipped as a file, so that a site needs no simulated people. To make the file again:
``python -m trainer.simulation.practice > collector/moderation/practice_drawings.json``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from hashlib import sha256

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from trainer.learning import drawing
from trainer.simulation import penman
from trainer.simulation.penman import Strokes
from trainer.simulation.skeletons import Points

AMBIGUOUS, JUNK = "ambiguous", "junk"  # as moderators answer
DIGITS = 32
FIRST_HAND = 45 << 32  # the penman's writers from here on are these drawings', nobody else's
MILLISECONDS_A_POINT = 18
POINTS_A_PIECE = 5
PAUSE = 250  # ms between two strokes
Line = list[tuple[int, int]]

# Points that a smooth line goes through, a list for each stroke, in canvas units.
BY_HAND: list[tuple[str, list[Line]]] = [
    # A four or a nine: the top is open by a little.
    (
        AMBIGUOUS,
        [
            [(148, 52), (116, 68), (98, 106), (102, 142), (136, 148), (174, 134)],
            [(180, 50), (177, 120), (172, 190), (168, 236)],
        ],
    ),
    # A one or a seven: a bar as long as the one's and as flat as the seven's.
    (
        AMBIGUOUS,
        [[(104, 66), (130, 60), (158, 52)], [(158, 52), (148, 118), (136, 180), (128, 236)]],
    ),
    # A nought or a six: the line goes on a little past where it would close.
    (
        AMBIGUOUS,
        [
            [
                (172, 50),
                (122, 64),
                (92, 118),
                (90, 188),
                (130, 234),
                (182, 208),
                (192, 142),
                (164, 92),
                (118, 92),
            ]
        ],
    ),
    # A three, an eight or even a two: the lower loop is closed, the upper one is not.
    (
        AMBIGUOUS,
        [
            [
                (92, 96),
                (132, 52),
                (178, 80),
                (164, 124),
                (132, 142),
                (166, 160),
                (178, 202),
                (134, 238),
                (88, 210),
                (104, 164),
                (132, 142),
            ]
        ],
    ),
    # The letter A.
    (
        JUNK,
        [
            [(84, 232), (104, 174), (124, 114), (142, 48)],
            [(142, 48), (160, 112), (180, 172), (200, 232)],
            [(100, 166), (142, 162), (186, 166)],
        ],
    ),
    # A scribble.
    (
        JUNK,
        [
            [
                (50, 150),
                (80, 70),
                (90, 210),
                (118, 66),
                (126, 214),
                (154, 62),
                (160, 212),
                (186, 70),
                (196, 206),
                (222, 84),
                (232, 160),
            ]
        ],
    ),
    # A face.
    (
        JUNK,
        [
            [
                (140, 40),
                (74, 66),
                (46, 140),
                (76, 214),
                (140, 240),
                (206, 214),
                (234, 140),
                (206, 66),
                (140, 40),
            ],
            [(108, 104), (108, 124)],
            [(172, 104), (172, 124)],
            [(96, 170), (140, 200), (184, 170)],
        ],
    ),
    # A star of three lines.
    (
        JUNK,
        [
            [(140, 48), (140, 136), (140, 232)],
            [(62, 94), (140, 140), (218, 186)],
            [(218, 94), (140, 140), (62, 186)],
        ],
    ),
]


def file() -> str:
    """Make the content of the file: a list of drawings with ``id``, ``answer``, ``strokes`` and
    ``width``, each on a line of its own."""
    lines = (
        json.dumps({"id": str(_id(place)), "answer": answer, "strokes": strokes, "width": width})
        for place, (answer, strokes, width) in enumerate(_drawings())
    )
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _drawings() -> Iterator[tuple[str, Strokes, int]]:
    """Draw all of them, the same every time: answer, strokes, width of the pen."""
    for place in range(DIGITS):
        hand, digit = penman.writer(FIRST_HAND + place), place % 10
        written = penman.write(hand, digit, default_rng(place))
        yield str(digit), written.strokes, written.width
    for answer, lines in BY_HAND:
        yield answer, _strokes(lines), drawing.DEFAULT_WIDTH


def _id(place: int) -> uuid.UUID:
    return uuid.UUID(bytes=sha256(f"practice {place}".encode()).digest()[:16], version=4)


def _strokes(lines: list[Line]) -> Strokes:
    strokes: Strokes = []
    now = 0
    for line in lines:
        points = _smooth(np.array(line, dtype=float))
        times = [now + MILLISECONDS_A_POINT * place for place in range(len(points))]
        strokes.append({"x": points[:, 0].tolist(), "y": points[:, 1].tolist(), "t": times})
        now = times[-1] + PAUSE
    return strokes


def _smooth(points: Points) -> NDArray[np.int64]:
    """Give whole points (m, 2) along the Catmull–Rom spline through ``points`` (n, 2),
    ``POINTS_A_PIECE`` for each way between two."""
    # One more point at either end, as far out as the next one is in.
    ends = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    # Each way between two points is a cubic of these and their neighbours.
    before, start, end, after = ends[:-3], ends[1:-2], ends[2:-1], ends[3:]
    pieces = [
        0.5
        * (
            2 * start
            + (end - before) * t
            + (2 * before - 5 * start + 4 * end - after) * t**2
            + (3 * (start - end) + after - before) * t**3
        )
        for t in np.arange(POINTS_A_PIECE) / POINTS_A_PIECE
    ]
    along = np.stack(pieces, axis=1).reshape(-1, 2)
    # The last point ends no piece and is put after them; nothing leaves the canvas.
    whole = np.rint(np.concatenate([along, points[-1:]])).clip(0, drawing.CANVAS - 1)
    smooth: NDArray[np.int64] = whole.astype(np.int64)
    return smooth


if __name__ == "__main__":
    print(file(), end="")
