"""Drawings' stored pixels as PNGs, with nothing in them but the pixels, and back."""

import struct
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

SIDE = 28
_LINE = SIDE + 1  # bytes of a row in a PNG: before its pixels stands how they are told
_BEFORE, _AFTER = 41, 16  # bytes of a PNG around its compressed rows


def png(pixels: bytes) -> bytes:
    """Give a picture's 784 stored bytes as a PNG of 28 × 28, in grey."""
    return pngs([pixels])[0]


def pngs(pictures: Sequence[bytes]) -> list[bytes]:
    """Give each picture as `png` does; many at once take a third of the time."""
    lines = np.zeros((len(pictures), SIDE, _LINE), np.uint8)
    lines[:, :, 1:] = np.frombuffer(b"".join(pictures), np.uint8).reshape(-1, SIDE, SIDE)
    return [
        b"".join((_BEGINNING, _chunk(b"IDAT", zlib.compress(rows, 4)), _END))
        for rows in map(np.ndarray.tobytes, lines)
    ]


def pixels_of(pictures: Iterable[bytes]) -> NDArray[np.uint8]:
    """Give back what `png` has made pictures of, uint8 (n, 28, 28). Raises ValueError where one is
    not its."""
    told = b"".join(map(_lines_of, pictures))
    lines = np.frombuffer(told, np.uint8).reshape(-1, SIDE, _LINE)
    if lines[:, :, 0].any():
        raise ValueError(_ODD)
    return lines[:, :, 1:]


def _lines_of(picture: bytes) -> bytes:
    try:
        lines = zlib.decompressobj().decompress(picture[_BEFORE:-_AFTER], SIDE * _LINE + 1)
    except zlib.error as error:
        raise ValueError(f"This is no picture of ours: {error}.") from error
    if not picture.startswith(_BEGINNING) or len(lines) != SIDE * _LINE:
        raise ValueError(_ODD)
    return lines


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(content, zlib.crc32(name)))
    return b"".join((struct.pack(">I", len(content)), name, content, checksum))


_ODD = f"This is no picture of ours, {SIDE} × {SIDE} in grey."
_HEADER = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
_BEGINNING = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", _HEADER)
_END = _chunk(b"IEND", b"")
