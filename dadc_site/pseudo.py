"""A language that nobody speaks, for whoever writes pages: what goes through gettext is English in
⟦brackets⟧, longer by a third, and is written from right to left. So one sees what does not go
through it, what has too little room, and which side is meant. Never offered to people."""

import struct
from collections.abc import Iterator
from pathlib import Path

import django
from django.conf import locale

LANGUAGE = "qps"
_LIKE = "de/LC_MESSAGES"  # whose catalogues say which sentences there are
_HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
_HEAD = struct.Struct("<7I")
_PLACE = struct.Struct("<2I")


def make(folder: Path, homes: list[Path]) -> Path:
    """Write the catalogues of the sentences that those in `homes`, and Django's own, are of;
    return `folder`, for LOCALE_PATHS."""
    ours = folder / LANGUAGE / "LC_MESSAGES"
    ours.mkdir(parents=True, exist_ok=True)
    djangos = [Path(locale.__file__).parent, Path(django.__file__).parent / "contrib/auth/locale"]
    for domain in ("django", "djangojs"):
        found = [home / _LIKE / f"{domain}.mo" for home in [*homes, *djangos]]
        sentences = {each for path in found if path.exists() for each in _sentences(path)}
        (ours / f"{domain}.mo").write_bytes(_compiled({each: _said(each) for each in sentences}))
    return folder


def _said(sentence: str) -> str:
    """Say a sentence, or both numbers of it, with what stands for values left alone."""
    numbers = sentence.rpartition("\x04")[2].split("\0")
    return "\0".join(f"⟦{each}{' ·' * (len(each) // 6 + 1)}⟧" for each in numbers)


def _sentences(path: Path) -> Iterator[str]:
    """Read from a compiled catalogue what it is of: with its context, and both its numbers."""
    data = path.read_bytes()
    _, _, count, start, *_ = _HEAD.unpack_from(data)
    for number in range(count):
        length, at = _PLACE.unpack_from(data, start + number * _PLACE.size)
        if length:
            yield data[at : at + length].decode()


def _compiled(said: dict[str, str]) -> bytes:
    pairs = sorted((key.encode(), text.encode()) for key, text in {"": _HEADER, **said}.items())
    texts = [key for key, _ in pairs] + [text for _, text in pairs]
    at = _HEAD.size + len(texts) * _PLACE.size
    places, content = b"", b""
    for text in texts:
        places += _PLACE.pack(len(text), at + len(content))
        content += text + b"\0"
    tables = (_HEAD.size, _HEAD.size + len(pairs) * _PLACE.size)
    return _HEAD.pack(0x950412DE, 0, len(pairs), *tables, 0, 0) + places + content
