"""What is said to people, in the language of who reads it."""

from string import Formatter
from typing import Any

from django.utils.formats import get_format
from django.utils.translation import gettext, ngettext

from trainer.learning.sentences import Sentence


def number(value: float, form: str = ",") -> str:
    """Write a number as `format` does, with the language's own separators."""
    separators = {",": get_format("THOUSAND_SEPARATOR"), ".": get_format("DECIMAL_SEPARATOR")}
    return format(value, form).translate(str.maketrans(separators))


class _Places(Formatter):
    def format_field(self, value: Any, form: str) -> str:
        is_number = isinstance(value, int | float)
        return number(value, form) if is_number else format(value, form)


_places = _Places()


def say(text: str, /, **values: object) -> str:
    """Put values into the places of a sentence that is in the reader's language already."""
    return _places.vformat(text, (), values)


def told(*sentences: str) -> str:
    """Say sentences in the reader's language; what is none of ours stays as it is."""
    return " ".join(map(_told, sentences))


def _told(sentence: str) -> str:
    if not isinstance(sentence, Sentence):
        return sentence
    values = {
        name: _told(value) if isinstance(value, str) else value
        for name, value in sentence.values.items()
    }
    if sentence.many:
        return say(ngettext(sentence.text, sentence.many, int(sentence.values["n"])), **values)
    return say(gettext(sentence.text), **values)
