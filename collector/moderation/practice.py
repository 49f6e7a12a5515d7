"""The practice drawings that come with the site: digits in penmen's usual hands, and what is none,
drawn by hand."""

import uuid
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.random import default_rng

from collector.rules.verdicts import AMBIGUOUS, JUNK
from trainer.learning import drawing, raster
from trainer.simulation import penman
from trainer.simulation.skeletons import Points

DIGITS = 32
FIRST_HAND = 45 << 32  # the penman's writers from here on are these drawings', nobody else's
MILLISECONDS_A_POINT = 18
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


@dataclass(frozen=True)
class Practice:
    """A drawing to practise on, and what it is."""

    id: uuid.UUID
    answer: str
    strokes: list[dict[str, Any]]
    width: int
    pixels: bytes


def shipped() -> list[Practice]:
    """All of them, the same at every call."""
    digits = [
        (
            str(place % 10),
            penman.write(penman.writer(FIRST_HAND + place), place % 10, default_rng(place)),
        )
        for place in range(DIGITS)
    ]
    drawn = [(answer, written.strokes, written.width) for answer, written in digits]
    drawn += [(answer, _strokes(lines), drawing.DEFAULT_WIDTH) for answer, lines in BY_HAND]
    return [
        Practice(
            _id(place),
            answer,
            strokes,
            width,
            raster.rasterise(drawing.parse(strokes, width)).tobytes(),
        )
        for place, (answer, strokes, width) in enumerate(drawn)
    ]


def ids() -> list[uuid.UUID]:
    """Theirs, without drawing them."""
    return [_id(place) for place in range(DIGITS + len(BY_HAND))]


def _id(place: int) -> uuid.UUID:
    return uuid.UUID(bytes=sha256(f"practice {place}".encode()).digest()[:16], version=4)


def _strokes(lines: list[Line]) -> list[dict[str, Any]]:
    strokes, now = [], 0
    for line in lines:
        points = _smooth(np.array(line, dtype=float))
        times = [now + MILLISECONDS_A_POINT * place for place in range(len(points))]
        strokes.append({"x": points[:, 0].tolist(), "y": points[:, 1].tolist(), "t": times})
        now = times[-1] + 250
    return strokes


def _smooth(points: Points) -> Any:
    """Whole points along the Catmull–Rom spline through `points` (n, 2), five for each way between
    two."""
    ends = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, start, end, after = ends[:-3], ends[1:-2], ends[2:-1], ends[3:]
    pieces = [
        0.5
        * (
            2 * start
            + (end - before) * t
            + (2 * before - 5 * start + 4 * end - after) * t**2
            + (3 * (start - end) + after - before) * t**3
        )
        for t in np.arange(5) / 5
    ]
    along = np.stack(pieces, axis=1).reshape(-1, 2)
    return np.clip(np.rint(np.concatenate([along, points[-1:]])), 0, drawing.CANVAS - 1).astype(int)
