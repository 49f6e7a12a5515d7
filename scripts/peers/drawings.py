"""Drawings that nobody has sent yet, and what each side's page sends of them."""

import base64
import gzip
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import numpy as np
from numpy.random import Generator, default_rng
from PIL import Image, ImageDraw

from trainer.learning.drawing import CANVAS
from trainer.simulation import penman

PEOPLE = Path(__file__).parents[3] / "shared/people/uji-digits.jsonl.gz"
WRITERS = range(1, 45)  # the others are held out
# How far a drawing is bent and slanted. Of two bent ones of the same drawing 1 in 100 is taken for
# a copy of the other, and the model misreads them hardly more often (22 %) than the first (18 %).
BENT, SLANTED, MIDDLE = 8.0, 0.15, CANVAS / 2


@dataclass(frozen=True)
class Drawn:
    """A drawing and the digit that it shows."""

    label: int
    strokes: penman.Strokes
    width: int


Write = Callable[[Drawn], str]


def unseen(seed: int) -> Iterator[Drawn]:
    """Give drawings without end, no two the same: people's, where their file is there, first as
    they are and then bent, each time otherwise; else simulated ones."""
    rng = default_rng(seed)
    if not PEOPLE.exists():
        for place in count():
            written = penman.write(penman.writer(place), place % 10, rng)
            yield Drawn(place % 10, written.strokes, written.width)
    with gzip.open(PEOPLE, "rt") as lines:
        rows = [row for row in map(json.loads, lines) if row["writer"] in WRITERS]
    drawn = [Drawn(row["label"], row["strokes"], row["width"]) for row in rows]
    for turn in count():
        for place in rng.permutation(len(drawn)):
            one = drawn[place]
            yield Drawn(one.label, bent(one.strokes, rng), one.width) if turn else one


def bent(strokes: penman.Strokes, rng: Generator) -> penman.Strokes:
    """Give strokes under a random linear map and three random waves, on the canvas's middle."""
    linear = np.eye(2) + rng.uniform(-SLANTED, SLANTED, (2, 2))
    fronts = rng.normal(size=(2, 3))
    fronts *= rng.uniform(1, 2, 3) * np.pi / CANVAS / np.linalg.norm(fronts, axis=0)
    phases, ways = rng.uniform(0, 2 * np.pi, 3), rng.normal(0, BENT, (3, 2))
    ends = np.cumsum([len(stroke["x"]) for stroke in strokes])[:-1]
    points = np.column_stack([np.concatenate([s[axis] for s in strokes]) for axis in "xy"])
    points = (points - MIDDLE) @ linear
    points += np.sin(points @ fronts + phases) @ ways
    low, high = points.min(axis=0), points.max(axis=0)
    points = (points - (low + high) / 2) * min(1, 0.9 * CANVAS / (high - low).max()) + MIDDLE
    lines = np.split(np.rint(points).astype(int), ends)
    return [
        {"x": line[:, 0].tolist(), "y": line[:, 1].tolist(), "t": stroke["t"]}
        for line, stroke in zip(lines, strokes, strict=True)
    ]


def for_prediction(one: Drawn) -> str:
    """Write what our page asks with."""
    return _json({"strokes": one.strokes, "width": one.width})


def for_attempt(one: Drawn) -> str:
    """Write what our page submits."""
    return _json({"target_label": one.label, "strokes": one.strokes, "width": one.width})


def for_gradio(one: Drawn) -> str:
    """Write what Gradio's page asks with: the canvas as PNG."""
    return _json({"data": [_picture(one)]})


def for_gradio_to_flag(one: Drawn) -> str:
    """Write what Gradio's page flags."""
    return _json({"data": [_picture(one), str(one.label)]})


def _picture(one: Drawn) -> dict[str, object]:
    canvas = Image.new("L", (CANVAS, CANVAS))
    pen, radius = ImageDraw.Draw(canvas), one.width / 2
    for stroke in one.strokes:
        points = list(zip(stroke["x"], stroke["y"], strict=True))
        pen.line(points, fill=255, width=one.width, joint="curve")
        for x, y in (points[0], points[-1]):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    png = io.BytesIO()
    canvas.save(png, "PNG")
    address = f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
    return {"url": address, "meta": {"_type": "gradio.FileData"}}


def _json(body: object) -> str:
    return json.dumps(body, separators=(",", ":"))


class Bodies:
    """The file of bodies that load.lua reads, a token before each. `is_new_each_run`: no body is
    sent twice, in no run; else each run begins with the first."""

    def __init__(
        self,
        file: Path,
        drawn: Iterator[Drawn],
        write: Write,
        tokens: Iterator[str],
        is_new_each_run: bool = False,
    ) -> None:
        self.file = file
        self._drawn, self._write, self._tokens = drawn, write, tokens
        self._is_new_each_run = is_new_each_run
        self._written = self._taken = 0

    def prepare(self, count: int) -> int:
        """See that there are so many for a run, and return how many it has to leave out."""
        lacking = count - (self._written - self._taken)
        with self.file.open("a") as file:
            for one in islice(self._drawn, max(0, lacking)):
                file.write(f"{next(self._tokens)}\t{self._write(one)}\n")
                self._written += 1
        return self._taken

    def take(self, count: int) -> None:
        """Note that a run has taken so many."""
        if self._is_new_each_run:
            self._taken += count
