"""What is said to people, in the language of who reads it."""

from functools import cache

from django.utils.formats import get_format
from django.utils.translation import get_language, gettext, ngettext

from trainer.learning.sentences import Sentence


def number(value: float, form: str = ",") -> str:
    """Write a number as `format` does, with the language's own separators."""
    text = format(value, form)
    return text if text.isdigit() else text.translate(_separators(get_language()))


@cache
def _separators(language: str | None) -> dict[int, str]:
    found = {
        ",": get_format("THOUSAND_SEPARATOR", language),
        ".": get_format("DECIMAL_SEPARATOR", language),
    }
    return str.maketrans(found)


class _Number:
    """A number whose place says how it is written."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __format__(self, form: str) -> str:
        return number(self.value, form)


def say(text: str, /, **values: object) -> str:
    """Put values into the places of a sentence that is in the reader's language already."""
    placed = {
        name: _Number(value) if isinstance(value, int | float) else value
        for name, value in values.items()
    }
    return text.format(**placed)


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
