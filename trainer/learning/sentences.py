"""Sentences that are made where no reader is known: in the learning, by rules, and in rows."""

from __future__ import annotations

from typing import Any

Value = str | int | float


class Sentence(str):
    """A sentence in English, which can also be said in another language: `text` has named places,
    as `str.format` has them, for `values`, of which some may be sentences themselves; where it
    counts something, `text` is for one, and `many` for any other number `n` of `values`."""

    text: str
    many: str
    values: dict[str, Value]

    def __new__(cls, text: str, many: str = "", /, **values: Value) -> Sentence:
        chosen = many if many and values["n"] != 1 else text
        sentence = super().__new__(cls, chosen.format(**values))
        sentence.text, sentence.many, sentence.values = text, many, values
        return sentence

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Value]]:
        """Have a copy made as this was."""
        return (self.text, self.many), self.values


def counted(one: str, many: str, /, *, n: int, **values: Value) -> Sentence:
    """Return a sentence that counts `n` of something."""
    return Sentence(one, many, n=n, **values)


def to_json(sentence: Value) -> Any:
    """Give a sentence as a row keeps it; what is none stays as it is."""
    if not isinstance(sentence, Sentence):
        return sentence
    values = {name: to_json(value) for name, value in sentence.values.items()}
    return {"text": sentence.text, "many": sentence.many, "values": values}


def from_json(stored: Any) -> Any:
    """Read what `to_json` gave."""
    if not isinstance(stored, dict):
        return stored
    values = {name: from_json(value) for name, value in stored["values"].items()}
    return Sentence(stored["text"], stored["many"], **values)
