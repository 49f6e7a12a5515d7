"""The practice drawings that come with the site, each with what it is: digits, and what is none."""

import json
import uuid
from dataclasses import dataclass
from pathlib import Path

from trainer.learning import drawing, raster
from trainer.learning.drawing import Drawing

FILE = Path(__file__).parent / "practice_drawings.json"


@dataclass(frozen=True)
class PracticeDrawing:
    """A drawing to practise on, and what it is."""

    id: uuid.UUID
    answer: str
    drawing: Drawing

    @property
    def pixels(self) -> bytes:
        """The picture that moderators see, 28 × 28, row by row."""
        return raster.rasterise(self.drawing).tobytes()


def shipped() -> list[PracticeDrawing]:
    """Read all of them from the file; a picture is drawn only when it is asked for."""
    return [
        PracticeDrawing(
            uuid.UUID(stored["id"]),
            stored["answer"],
            drawing.parse(stored["strokes"], stored["width"]),
        )
        for stored in json.loads(FILE.read_text(encoding="utf-8"))
    ]
