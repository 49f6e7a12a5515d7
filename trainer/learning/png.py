"""A drawing's stored pixels as a PNG, with nothing in it but them, and back."""

import struct
import zlib

SIDE = 28
_BEFORE, _AFTER = 41, 16  # bytes of a PNG around its compressed rows


def png(pixels: bytes) -> bytes:
    """Give a picture's 784 stored bytes as a PNG of 28 × 28, in grey."""
    rows = b"".join(b"\0" + pixels[start : start + SIDE] for start in range(0, SIDE * SIDE, SIDE))
    chunks = ((b"IHDR", _HEADER), (b"IDAT", zlib.compress(rows, 4)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, content) for name, content in chunks)


def pixels_of(picture: bytes) -> bytes:
    """Give back the 784 bytes of what `png` has made. Raises ValueError where it has not."""
    try:
        rows = zlib.decompressobj().decompress(picture[_BEFORE:-_AFTER], SIDE * (SIDE + 1) + 1)
    except zlib.error as error:
        raise ValueError(f"This is no picture of ours: {error}.") from error
    is_ours = picture.startswith(_BEGINNING) and len(rows) == SIDE * (SIDE + 1)
    if not is_ours or any(rows[:: SIDE + 1]):
        raise ValueError(f"This is no picture of ours, {SIDE} × {SIDE} in grey.")
    return b"".join(rows[start + 1 : start + 1 + SIDE] for start in range(0, len(rows), SIDE + 1))


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
_BEGINNING = _SIGNATURE + _chunk(b"IHDR", _HEADER)
