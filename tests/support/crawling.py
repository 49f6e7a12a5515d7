"""Follows every address that pages, styles, scripts and answers of the API name."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

LINKS = ("href", "src", "action", "srcset", "poster")
# Of pages that differ only by a number or an id so many are opened.
ALIKE = 2
READ = {"text/html", "text/css", "text/javascript", "application/json"}


class _Named(HTMLParser):
    """Every address that a page's attributes hold."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name != "xmlns" and value and (name in LINKS or re.match(r"/\w|//|https?:", value)):
                self.found.add(value)


def named_in(kind: str, text: str) -> set[str]:
    """The addresses that an answer of this kind of content names, as they stand there."""
    if kind == "text/html":
        page = _Named()
        page.feed(text)
        return page.found
    if kind == "text/css":
        return set(re.findall(r"""url\(['"]?([^'")]+)""", text))
    if kind == "text/javascript":
        imported = re.findall(r"""(?:from|import)\s*\(?\s*["']([^"']+)""", text)
        return {*imported, *re.findall(r"""["'`](/[a-z][a-z/]*/)["'`$]""", text)}
    return set(_in_json(json.loads(text)))


def _in_json(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (key for key in value if key.startswith("/"))
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _in_json(each)
    elif isinstance(value, str) and re.match(r"/\w|https?://[^ ]+$", value):
        yield value


@dataclass
class Crawl:
    """What one visitor finds below `root`. Scripts of others are not read."""

    client: httpx.Client
    root: str
    outside: set[tuple[str, str]] = field(default_factory=set)  # page, address
    lost: dict[str, tuple[int, str]] = field(default_factory=dict)  # status, page
    answers: dict[str, httpx.Response] = field(default_factory=dict)

    def follow(self, *starts: str) -> "Crawl":
        """From here on, until nothing is new."""
        waiting = [("", start) for start in starts]
        seen: set[str] = set()
        alike: Counter[str] = Counter()
        while waiting:
            page, address = waiting.pop(0)
            url = urljoin(page or self.root, address).partition("#")[0]
            bare = url.partition("?")[0]
            if bare in seen or not url.startswith("http"):
                continue
            seen.add(bare)
            if not url.startswith(self.root):
                self.outside.add((page, url))
                continue
            pattern = re.sub(r"[0-9a-f-]{36}|\d+", "*", urlsplit(bare).path)
            alike[pattern] += 1
            if alike[pattern] <= ALIKE:
                waiting += [(url, each) for each in self._open(url, page)]
        return self

    def _open(self, url: str, page: str) -> set[str]:
        answer = self.client.get(url)
        if answer.status_code >= 400 and answer.status_code != 405:  # a form's, or a script's
            self.lost[url] = (answer.status_code, page)
        self.answers[url] = answer
        found = {answer.headers["Location"]} if "Location" in answer.headers else set()
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        is_ours = kind != "text/javascript" or "/static/js/" in url
        return found | (named_in(kind, answer.text) if is_ours and kind in READ else set())
