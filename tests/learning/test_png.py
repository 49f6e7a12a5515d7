"""A picture as PNG and back, and what is none of ours."""

import io
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from trainer.learning.png import pixels_of, png, pngs

PICTURE = st.binary(min_size=784, max_size=784)


@given(st.lists(PICTURE, max_size=3))
def test_a_picture_is_the_same_there_and_back_and_to_pillow(pictures: list[bytes]) -> None:
    made = pngs(pictures)
    assert made == list(map(png, pictures))
    assert pixels_of(made).shape == (len(pictures), 28, 28)
    assert [each.tobytes() for each in pixels_of(made)] == pictures
    for pixels, picture in zip(pictures, made, strict=True):
        assert np.asarray(Image.open(io.BytesIO(picture))).tobytes() == pixels


def _made(mode: str, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, "PNG")
    return file.getvalue()


OURS = png(bytes(784))
OTHERS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "a few bytes": lambda: b"x" * 60,
    "another size": lambda: _made("L", (27, 28)),
    "colours": lambda: _made("RGB", (28, 28)),
    "a bomb": lambda: OURS[:41] + zlib.compress(bytes(50_000_000)) + OURS[-16:],
    "a row less": lambda: OURS[:41] + zlib.compress(bytes(27 * 29)) + OURS[-16:],
    "a filter": lambda: OURS[:41] + zlib.compress(b"\1" + bytes(28 * 29 - 1)) + OURS[-16:],
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_none_of_ours_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no picture of ours"):
        pixels_of([OURS, OTHERS[name]()])
