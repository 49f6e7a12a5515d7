"""Finds what a template says to people outside gettext."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from django.template.base import Lexer, TokenType

SPOKEN = {"alt", "aria-label", "aria-description", "content", "placeholder", "title"}
# What is the same in every language.
SILENT = re.compile(r"\b(?:JSON|CSV|API|SHA-256|UTC|MNIST|vMER|MER|Esc|Enter|JavaScript)\b")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_HOLE = "\ufffc"  # where a tag or a value stands
_LITERAL = re.compile(r"""(_\(|\|date:)?(["'])(.*?)\2""")
# A literal of these is a name; of others what has a space or a capital is said to people.
_NAMING = {"url", "static", "block", "extends", "load", "cycle", "translate", "blocktranslate"}


class _Heard(HTMLParser):
    """What a page says, in text and attributes, with the line where it does."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[int, str]] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("script", "style", "code")
        is_of_machines = tag == "meta" and ("name", "description") not in attrs
        for name, value in attrs:
            if name in SPOKEN and value and not is_of_machines:
                self.heard.append((self.getpos()[0], value))

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style", "code")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            line = self.getpos()[0] + len(data) - len(data.lstrip("\n"))
            self.heard.append((line, data))


def outside(root: Path) -> Iterator[str]:
    """Yield each sentence of the templates in a folder that no translator gets to see."""
    for path in sorted([*root.rglob("*.html"), *root.rglob("*.txt")]):
        for line, text in _said_outside(path.read_text()):
            at = f"{path.relative_to(root.parent)}:{line}"
            yield f"{at}: outside gettext: {' '.join(text.split())}"


def _said_outside(template: str) -> Iterator[tuple[int, str]]:
    page, until = "", ""
    for token in Lexer(template).tokenize():
        lines = "\n" * token.contents.count("\n")
        if token.token_type == TokenType.TEXT:
            page += lines if until else token.contents
            continue
        page += _HOLE + lines
        if token.token_type == TokenType.BLOCK:
            tag, *words = token.contents.split()
            if tag == "blocktranslate" or words == ["main_class"]:
                until = f"end{tag}"
            elif tag == until:
                until = ""
        if token.token_type != TokenType.COMMENT:
            for literal in _literals(token.contents):
                yield token.lineno or 0, literal
    heard = _Heard()
    heard.feed(page)
    heard.close()
    for line, text in heard.heard:
        if _LETTERS.search(SILENT.sub("", text.replace(_HOLE, " "))):
            yield line, text.replace(_HOLE, "…")


def _literals(contents: str) -> list[str]:
    """What a tag, or a value's filter, hands on for people to read."""
    tag = contents.split()[0]
    found = [] if tag in _NAMING else _LITERAL.findall(contents)[tag == "term" :]
    return [text for mark, _, text in found if not mark and re.search("[A-Z ]", text)]
