"""What others hand over, read item by item: a release, a folder or zip of pictures with
`metadata.jsonl`, NumPy's arrays, Quick, Draw!'s lines. Nothing in it is believed, unpacked or read
whole."""

import gzip
import hashlib
import io
import json
import os
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
from PIL import Image

from collector.data import release_folder, release_formats
from collector.data.broken import BROKEN
from collector.data.release_check import Check
from collector.errors import Refused
from collector.models import Licence
from trainer.learning import drawing, raster
from trainer.learning.drawing import Drawing
from trainer.learning.raster import SIDE

METADATA = "metadata.jsonl"
MOST_LINE, MOST_PICTURE = 1 << 20, 1 << 16  # bytes
LONGEST_KEY = 64  # characters of an id
LABELS = ("settled_label", "correct_number", "label")  # the first that is there
UNSETTLED = -1  # in the arrays of a release
_PNG = b"\x89PNG\r\n\x1a\n"
_MODES = {"1", "L", "LA", "P", "RGB", "RGBA"}
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MARGIN = 12  # around Quick, Draw!'s simplified canvas of 256, on ours of 280
_BROKEN = (*BROKEN, Image.DecompressionBombError)
Row = dict[str, Any]
Open = Callable[[str], IO[bytes]]


@dataclass(frozen=True)
class Item:
    """A drawing by the id that it has where it comes from: its 784 pixels, white on black, and its
    strokes, where there are any. `writer` is who drew it, and `licence` that under which it was
    given, where these are said and, of licences, known here."""

    place: str
    key: str
    label: int
    pixels: bytes
    drawn: Drawing | None = None
    writer: str = ""
    licence: str = ""


@dataclass(frozen=True)
class Bad:
    """What cannot be taken: where it stands, and why."""

    place: str
    why: str


class NotTaken(ValueError):
    """An item cannot be taken; the text says why."""


def read(path: Path) -> Iterator[Item | Bad]:
    """Yield what is at `path` in its order, each item or why it is none. Raises Refused where it is
    of no form that is known, or nothing of it can be read."""
    if (path / release_folder.SUMS).exists():
        return _release(path)
    if path.is_dir():
        return _pictures(path, partial(_open_below, path))
    for ending, form in _FORMS.items():
        if path.name.lower().endswith(ending):
            return form(path)
    raise Refused(
        f"{path} is neither a release, nor a folder with {METADATA}, nor one of "
        f"{', '.join(_FORMS)}."
    )


def _pictures(path: Path, open_: Open) -> Iterator[Item | Bad]:
    """Read the seed's form, a line a picture: `id`, `file_name`, `correct_number`."""
    try:
        lines = open_(METADATA)
    except _BROKEN as error:
        raise Refused(f"{METADATA} of {path} {_why(error)}.") from error
    with lines:
        yield from _items(lines, partial(_picture, open_))


def _picture(open_: Open, place: str, row: Row) -> Item:
    name = row.get("file_name")
    if not isinstance(name, str):
        raise NotTaken("has no file_name")
    with open_(name) as file:
        pixels = _pixels(file.read(MOST_PICTURE + 1))
    key, label, writer = _key(row.get("id", name)), _label(row), _writer(row.get("drawer"))
    return Item(place, key, label, pixels, None, writer, _licence(row))


def _open_below(folder: Path, name: str) -> IO[bytes]:
    """Open a file below a folder, through no link. Raises NotTaken."""
    where = folder
    for part in _parts(name):
        where /= part
        if where.is_symlink():
            raise NotTaken("is a link")
    try:
        number = os.open(where, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise NotTaken("is not there") from error
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise NotTaken("is no file")
    return os.fdopen(number, "rb")


def _open_within(zipped: zipfile.ZipFile, name: str) -> IO[bytes]:
    """Open what a zip holds. Raises NotTaken."""
    _parts(name)
    try:
        return zipped.open(name)
    except KeyError as error:
        raise NotTaken("is not there") from error


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a path below a folder. Raises NotTaken where it leads elsewhere."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or set("\\\0") & set(name):
        raise NotTaken("leads out of the folder")
    return path.parts


def _release(path: Path) -> Iterator[Item | Bad]:
    """Read the samples of a release that agrees with itself in everything, with their strokes."""
    for problem in Check(path).problems():
        raise Refused(f"{path} is no release that agrees with itself: {problem}")
    labels = release_formats.sample_labels(path)
    columns = ("id", "drawer", "licence", "strokes", "width", "raster_version", "image")
    for row in release_formats.rows_drawn(path, columns):
        if row["id"] in labels:
            place = f"attempt {_shown(row['id'])}"
            try:
                item: Item | Bad = _sample(place, row, labels[row["id"]])
            except _BROKEN as error:
                item = Bad(place, _why(error))
            yield item


def _sample(place: str, row: Row, label: int) -> Item:
    has_strokes = row["strokes"] and row["raster_version"] == raster.VERSION
    return Item(
        place=place,
        key=_key(row["id"]),
        label=label,
        pixels=release_formats.pixels_of(row).tobytes(),
        drawn=drawing.parse(row["strokes"], row["width"]) if has_strokes else None,
        writer=_writer(row["drawer"]),
        licence=_licence(row),
    )


def _zip(path: Path) -> Iterator[Item | Bad]:
    with _zipped(path) as zipped:
        yield from _pictures(path, partial(_open_within, zipped))


@contextmanager
def _zipped(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        zipped = zipfile.ZipFile(path)
    except _BROKEN as error:
        raise Refused(f"{path} cannot be opened: {error}.") from error
    with zipped:
        yield zipped


def _strokes(path: Path) -> Iterator[Item | Bad]:
    """Read Quick, Draw!'s lines: `word` a digit, `key_id`, `drawing`; also `settled_label`, which
    stands before the word, as what was meant may not be what people read."""
    lines: Any = gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb")
    with lines:
        yield from _items(lines, _drawn)


def _drawn(place: str, row: Row) -> Item:
    """Take strokes on our canvas with their times, or of the simplified form, without."""
    word = row.get("word")
    if word in _WORDS:
        word = str(_WORDS.index(word))
    if not isinstance(word, str) or word not in set("0123456789"):
        raise NotTaken("has a word that is no digit")
    label = _label(row) if LABELS[0] in row else int(word)
    strokes = row.get("drawing")
    if not isinstance(strokes, list) or not all(isinstance(each, list) for each in strokes):
        raise NotTaken("has no drawing")
    parsed = drawing.parse(
        [_stroke(stroke) for stroke in strokes], row.get("width", drawing.DEFAULT_WIDTH)
    )
    pixels = raster.rasterise(parsed).tobytes()
    return Item(place, _key(row.get("key_id")), label, pixels, parsed, licence=_licence(row))


def _stroke(stroke: list[Any]) -> Row:
    if len(stroke) == 3:
        return dict(zip("xyt", stroke, strict=True))
    if len(stroke) != 2 or not all(isinstance(axis, list) for axis in stroke):
        raise NotTaken("has a stroke that is neither x, y, t nor x, y")
    x, y = ([_MARGIN + n if type(n) is int else n for n in axis] for axis in stroke)
    return {"x": x, "y": y, "t": [0] * len(x)}


def _arrays(path: Path) -> Iterator[Item | Bad]:
    """Read `pixels`, uint8 (n, 28, 28), and `labels` (n,); also `ids`, `drawers`, and `settled`,
    which stands before the labels. Nothing is unpickled."""
    with _zipped(path) as zipped, ExitStack() as files:
        names = {name.removesuffix(".npy") for name in zipped.namelist()}
        array, name = ("settled", LABELS[0]) if "settled" in names else ("labels", LABELS[2])
        take = partial(_Array, zipped, files)
        try:
            pixels = take("pixels", ("u1",), (SIDE, SIDE))
            labels = take(array, ("i", "u"))
            ids, writers = (
                take(each, ("i", "u", "U")) if each in names else None
                for each in ("ids", "drawers")
            )
        except _BROKEN as error:
            raise Refused(f"{path} {_why(error)}.") from error
        if len({each.count for each in (pixels, labels, ids, writers) if each}) > 1:
            raise Refused(f"{path} has arrays of unequal length.")
        for number in range(pixels.count):
            place = f"row {number}"
            try:
                data = [each.read() if each else b"" for each in (pixels, labels, ids, writers)]
            except _BROKEN as error:  # what follows in these arrays cannot be told apart any more
                yield Bad(place, f"{_why(error)}; nothing after it was read")
                return
            try:
                picture, label = data[0], labels.value(data[1])
                key = ids.value(data[2]) if ids else hashlib.sha256(picture).hexdigest()
                writer = writers.value(data[3]) if writers else None
                said = {name: None if name == LABELS[0] and label == UNSETTLED else label}
                item: Item | Bad = Item(
                    place, _key(key), _label(said), picture, None, _writer(writer)
                )
            except _BROKEN as error:
                item = Bad(place, _why(error))
            yield item


class _Array:
    """An array of an npz, read value by value."""

    def __init__(
        self,
        zipped: zipfile.ZipFile,
        files: ExitStack,
        name: str,
        kinds: tuple[str, ...],
        shape: tuple[int, ...] = (),
    ) -> None:
        """It is open as long as `files` are. Raises NotTaken, with what follows the path, where it
        is not of these kinds and this shape after the first axis."""
        try:
            self._file = files.enter_context(zipped.open(f"{name}.npy"))
        except KeyError as error:
            raise NotTaken(f"has no {name}") from error
        found, is_fortran, self._dtype = _header(self._file, name)
        if not {self._dtype.kind, self._dtype.str[1:]} & set(kinds):
            raise NotTaken(f"has {name} of type {self._dtype}")
        if not found or found[0] < 0 or found[1:] != shape or (is_fortran and shape):
            raise NotTaken(f"has {name} of shape {found}")
        if self._dtype.itemsize > 4 * LONGEST_KEY:
            raise NotTaken(f"has {name} of {self._dtype.itemsize} bytes each")
        self.count = found[0]
        self._size = self._dtype.itemsize * int(np.prod(shape, dtype=int))

    def read(self) -> bytes:
        """Return the next value's bytes. Raises NotTaken at the end, and what _BROKEN names."""
        data = self._file.read(self._size)
        if len(data) < self._size:
            raise NotTaken("is cut short")
        return data

    def value(self, data: bytes) -> Any:
        """Return what these bytes are of. Raises ValueError."""
        if self._dtype.kind == "U":  # numpy itself lets through what is no text
            order = "be" if self._dtype.str[0] == ">" else "le"
            return data.decode(f"utf-32-{order}").rstrip("\0")
        return np.frombuffer(data, self._dtype)[0].item()


def _header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, Any]:
    """Read an array's shape, whether it is column by column, and its type. Raises NotTaken."""
    try:
        version = np.lib.format.read_magic(file)
        header = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, is_fortran, dtype = header(file)
    except Exception as error:  # it is Python, parsed by numpy, which raises what it likes
        raise NotTaken(f"has {name} with a header that {_why(error)}") from error
    return shape, is_fortran, dtype


def _items(lines: IO[bytes], take: Callable[[str, Row], Item]) -> Iterator[Item | Bad]:
    """Make an item of each line that is not empty, or say why it is none."""
    for number in count(1):
        place = f"line {number}"
        try:
            line = rest = lines.readline(MOST_LINE + 1)
            while len(rest) > MOST_LINE and not rest.endswith(b"\n"):  # too long: on to its end
                rest = lines.readline(MOST_LINE + 1)
        except _BROKEN as error:
            yield Bad(place, f"{_why(error)}, nor what follows")
            return
        if not line:
            return
        if line.strip():
            yield _item(place, line, take)


def _item(place: str, line: bytes, take: Callable[[str, Row], Item]) -> Item | Bad:
    try:
        row = _object(line)
        if named := row.get("file_name", row.get("key_id", row.get("id"))):
            place = f"{place}, {_shown(named)}"
        return take(place, row)
    except _BROKEN as error:
        return Bad(place, _why(error))


def _object(line: bytes) -> Row:
    if len(line) > MOST_LINE:
        raise NotTaken(f"is longer than {MOST_LINE:,} bytes")
    try:
        row = json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise NotTaken("is no JSON") from error
    if not isinstance(row, dict):
        raise NotTaken("is no object")
    return row


def _no_number(name: str) -> None:
    raise ValueError(name)


def _key(key: object) -> str:
    """Read an id. Raises NotTaken."""
    if not (text := _plain(key)):
        raise NotTaken(f"has no id of 1 to {LONGEST_KEY} plain characters")
    return text


def _writer(writer: object) -> str:
    """Read who drew it; nothing where that is not said. Raises NotTaken."""
    if writer is None or writer == "":
        return ""
    if not (text := _plain(writer)):
        raise NotTaken(f"has a drawer that is not of 1 to {LONGEST_KEY} plain characters")
    return text


def _plain(said: object) -> str:
    """Return a number or text as a short text of plain characters, and of anything else none."""
    if type(said) is int and abs(said) < 10**LONGEST_KEY:  # Python tells none of 4,300 digits
        said = str(said)
    is_plain = type(said) is str and len(said) <= LONGEST_KEY and said.isprintable()
    return str(said) if is_plain else ""


def _label(row: Row) -> int:
    """Read which digit it is. Raises NotTaken."""
    name = next((name for name in LABELS if name in row), LABELS[1])
    label = row.get(name)
    if name == LABELS[0] and label is None:
        raise NotTaken("is of no digit that people have settled on")
    if isinstance(label, str) and len(label) == 1 and label in "0123456789":
        label = int(label)
    if type(label) is not int or not 0 <= label <= 9:
        raise NotTaken(f"has a {name} that is no digit")
    return label


def _licence(row: Row) -> str:
    """Read under which licence it was given; nothing where it says none that is known here."""
    named = row.get("licence")
    return named if isinstance(named, str) and named in Licence.values else ""


def _pixels(picture: bytes) -> bytes:
    """Decode a PNG of 28 × 28 to its 784 grey values; its size is looked at before anything is
    decoded. Raises NotTaken, and what _BROKEN names."""
    if len(picture) > MOST_PICTURE:
        raise NotTaken(f"is larger than {MOST_PICTURE:,} bytes")
    if not picture.startswith(_PNG) or picture[12:16] != b"IHDR":
        raise NotTaken("is no PNG")
    size = struct.unpack(">II", picture[16:24])
    if size != (SIDE, SIDE):
        raise NotTaken(f"is {size[0]:,} × {size[1]:,}; a picture is {SIDE} × {SIDE}")
    with Image.open(io.BytesIO(picture), formats=["PNG"]) as image:
        if image.size != (SIDE, SIDE) or image.mode not in _MODES:
            raise NotTaken(f"is a PNG of mode {image.mode}")
        return image.convert("L").tobytes()


def _why(error: BaseException) -> str:
    is_ours = isinstance(error, NotTaken | drawing.InvalidDrawing)
    return (
        str(error) if is_ours else f"cannot be read: {_shown(str(error) or type(error).__name__)}"
    )


def _shown(what: object) -> str:
    """Say in a line of plain characters what somebody else wrote."""
    return ascii(str(what))[1:-1][:100]


_FORMS: dict[str, Callable[[Path], Iterator[Item | Bad]]] = {
    ".zip": _zip,
    ".npz": _arrays,
    ".ndjson": _strokes,
    ".ndjson.gz": _strokes,
}
