"""The columns of a release's tables, described once: for Parquet, the Hub and Croissant alike."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyarrow import DataType, Schema

ATTEMPTS, READINGS, SAMPLES = "attempts.parquet", "readings.parquet", "samples.parquet"


@dataclass(frozen=True)
class Column:
    """`kind` is one of `_KINDS`; `is_optional` where it may be null."""

    name: str
    kind: str
    says: str
    is_optional: bool = False


_ID = Column("id", "text", "id, which it keeps in all releases")
_IMAGE = "the 28 × 28 grey values that the model sees, as PNG, white on black"
TABLES: dict[str, tuple[Column, ...]] = {
    ATTEMPTS: (
        _ID,
        Column("round", "int32", "round, numbered from 1, whose model was to be fooled"),
        Column("arm", "text", "arm of the study"),
        Column("drawer", "text", "pseudonym of who drew it, of this release alone"),
        Column("name", "text", "user name, where the site shows it beside the drawing", True),
        Column(
            "split", "text", "train or test, of its drawer for life, once a sample is theirs", True
        ),
        Column("target_label", "int8", "the digit that the drawer says it is"),
        Column("predicted_label", "int8", "the digit that the model said at once"),
        Column("fooled", "bool", "whether the two differ"),
        Column("probabilities", "floats", "the model's probability of each digit, 0 to 9"),
        Column(
            "status",
            "text",
            "not_fooled, verified, corrected, rejected, ambiguous, or retracted by its drawer",
        ),
        Column("settled_label", "int8", "the digit that readers or an admin agreed on", True),
        Column("settled_by", "text", "readings, admin, or import where nobody read it here", True),
        Column("settled_at", "time", "when it settled", True),
        Column("audited", "bool", "did not fool, and was drawn by lot to be read all the same"),
        Column("imported", "bool", "came from elsewhere, and counts for nothing"),
        Column("taken_back", "bool", "its drawer took it back"),
        Column("original", "bool", "counts: drawn here, near no earlier fool and no MNIST image"),
        Column("near_duplicate_of", "text", "the earlier fool that it nearly repeats", True),
        Column("mnist_duplicate", "bool", "nearly one of MNIST's own images"),
        Column("quorum", "int8", "so many readings that agree with the drawer settle it"),
        Column(
            "strokes",
            "strokes",
            "the pen's way: x and y from 0 to 279, t in milliseconds since its start",
            True,
        ),
        Column("width", "int16", "the pen's width, in the same units"),
        Column("image", "image", _IMAGE, True),
        Column("raster_version", "int16", "version of the code that made the image of the strokes"),
        Column("live_preview", "bool", "its drawer could see what the model says beforehand"),
        Column("duration_ms", "int32", "milliseconds from the pen's first point to its last", True),
        Column("reason", "text", "what its drawer says they did to fool the model", True),
        Column(
            "reason_at",
            "time",
            "when they said it; after settled_at they could know how it settled",
            True,
        ),
        Column("submitted_at", "time", "when it was submitted"),
        Column("licence", "text", "licence under which its drawer gave it, as SPDX has it", True),
    ),
    READINGS: (
        _ID,
        Column("attempt", "text", "id of the attempt that was read, blind"),
        Column("reader", "text", "pseudonym of who read it, of this release alone"),
        Column("answer", "text", "0 to 9, ambiguous or junk"),
        Column("answered_at", "time", "when it came"),
        Column("duration_ms", "int64", "milliseconds since the drawing was given to the reader"),
        Column("gold", "bool", "read as hidden gold, whose answer was known; settles nothing"),
        Column("correct", "bool", "it says what the drawing settled as, or is known to be", True),
        Column("discounted", "bool", "its reader was paused before the drawing settled"),
    ),
    SAMPLES: (
        _ID,
        Column("attempt", "text", "id of the attempt that it is"),
        Column("drawer", "text", "pseudonym of who drew it, as in attempts"),
        Column("round", "int32", "round of the attempt"),
        Column("label", "int8", "the digit that it is kept under"),
        Column("split", "text", "train or test, of a person for life"),
        Column("fooled", "bool", "verified as having fooled its round's model"),
        Column("audited", "bool", "did not fool, drawn by lot"),
        Column("trained_on", "bool", "the model of this release was trained on it"),
        Column("withdrawn", "bool", "no later model is trained on it"),
        Column("added_at", "time", "when it became a sample"),
        Column("image", "image", _IMAGE),
    ),
}
# Of each kind: the type of the Hub's features, and Croissant's.
_KINDS: dict[str, tuple[Any, str]] = {
    "text": ({"dtype": "string", "_type": "Value"}, "sc:Text"),
    "bool": ({"dtype": "bool", "_type": "Value"}, "sc:Boolean"),
    "int8": ({"dtype": "int8", "_type": "Value"}, "sc:Integer"),
    "int16": ({"dtype": "int16", "_type": "Value"}, "sc:Integer"),
    "int32": ({"dtype": "int32", "_type": "Value"}, "sc:Integer"),
    "int64": ({"dtype": "int64", "_type": "Value"}, "sc:Integer"),
    "time": ({"dtype": "timestamp[us, tz=UTC]", "_type": "Value"}, "sc:DateTime"),
    "floats": (
        {"feature": {"dtype": "float64", "_type": "Value"}, "_type": "Sequence"},
        "sc:Float",
    ),
    "strokes": (
        [
            {
                name: {"feature": {"dtype": kind, "_type": "Value"}, "_type": "Sequence"}
                for name, kind in (("x", "int16"), ("y", "int16"), ("t", "int32"))
            }
        ],
        "sc:Integer",
    ),
    "image": ({"_type": "Image"}, "sc:ImageObject"),
}


def names(table: str) -> list[str]:
    """Return the names of the table's columns, in their order."""
    return [column.name for column in TABLES[table]]


def schema(table: str) -> "Schema":
    """Return the table's schema as pyarrow has it, which also tells the Hub's library its
    features."""
    import pyarrow

    fields = [
        pyarrow.field(
            column.name,
            _arrow(column.kind),  # optional or not: the Hub's library knows no column that is not
            metadata={"description": column.says},
        )
        for column in TABLES[table]
    ]
    told = json.dumps({"info": {"features": features(table)}}, sort_keys=True)
    return pyarrow.schema(fields, metadata={"huggingface": told})


def features(table: str) -> dict[str, Any]:
    """Return the table's columns as the Hub's `datasets` has them."""
    return {column.name: _KINDS[column.kind][0] for column in TABLES[table]}


def croissant_type(column: Column) -> str:
    """Return the type of a column's values as Croissant has it."""
    return _KINDS[column.kind][1]


def _arrow(kind: str) -> "DataType":
    import pyarrow as pa

    known = {
        "text": pa.string(),
        "bool": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
        "floats": pa.list_(pa.float64()),
        "strokes": pa.list_(
            pa.struct(
                [
                    ("x", pa.list_(pa.int16())),
                    ("y", pa.list_(pa.int16())),
                    ("t", pa.list_(pa.int32())),
                ]
            )
        ),
        "image": pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    }
    return known[kind] if kind in known else getattr(pa, kind)()
