"""What makes the site an app on a device, what other sites are told of it, and its terms."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.templatetags.static import StaticNode
from django.test import Client
from PIL import Image, ImageChops

from collector.models import Person
from collector.rules.terms import TERMS
from scripts import icons
from tests.support.pages import Browse, Insert, text

ROOT = Path(__file__).resolve().parents[2]


def test_the_app_has_the_sites_name_begins_at_home_and_has_its_mark_as_icons() -> None:
    answer = Client().get("/manifest.webmanifest")
    assert answer["Content-Type"] == "application/manifest+json"
    told = json.loads(answer.content)
    assert told["name"] == "Fool the Digits"
    assert told["start_url"] == told["scope"] == "/"
    found = {}
    for icon in told["icons"]:
        shipped = ROOT / icon["src"].strip("/")
        with Image.open(shipped) as drawn:
            assert f"{drawn.width}x{drawn.height}" == icon["sizes"]
        found[icon.get("purpose", "any"), drawn.width] = shipped.name
    assert found.keys() == {("any", 192), ("any", 512), ("maskable", 512)}
    for name, (side, rounded) in icons.ICONS.items():
        with Image.open(ROOT / "static/img" / name) as shipped_icon:
            beside = ImageChops.difference(shipped_icon, icons.drawn(side, rounded))
            assert beside.getbbox() is None, f"python -m scripts.icons static/img draws {name}"


def test_the_workers_script_changes_with_every_release_and_knows_nobody(
    monkeypatch: pytest.MonkeyPatch, browse: Browse, alice: Person
) -> None:
    def script_of(release: str) -> Any:
        name = classmethod(lambda cls, path: f"/static/{release}/{path}")
        monkeypatch.setattr(StaticNode, "handle_simple", name)
        return browse(alice).get("/worker.js")

    first, again, second = (script_of(release) for release in ("1", "1", "2"))
    assert first.content == again.content != second.content
    assert b"/static/1/" not in second.content
    assert (first["Content-Type"], first["Cache-Control"]) == ("text/javascript", "no-cache")
    assert "Cookie" not in first.get("Vary", "")
    shown = {browse(who).get("/offline/").content for who in (alice, None)}
    assert len(shown) == 1
    assert b"alice" not in shown.pop()


def test_every_page_tells_other_sites_what_this_is(browse: Browse, insert: Insert) -> None:
    page = browse(None).get("/gallery/").content.decode()
    told = dict(re.findall(r'<meta property="([^"]+)"\s+content="([^"]+)"', page))
    assert told["og:title"] == "Fool the Digits"
    assert told["og:image"] == "http://testserver/static/img/icon-512.png"
    assert unescape(told["og:description"]).startswith("Draw a digit")


def test_every_term_that_pages_explain_is_in_the_docs() -> None:
    docs = (ROOT / "docs/terms.md").read_text()
    rows = re.findall(r"^\| (.+?) \|", docs, re.MULTILINE)
    known = {word for row in rows for word in row.split(", ")}
    assert TERMS.keys() - known == set()


def test_the_leaderboard_shows_each_ones_best_trick_of_the_period_in_pages(
    browse: Browse, insert: Insert, alice: Person, bob: Person
) -> None:
    def sure(share: float) -> dict[str, Any]:
        return {"probabilities": [(1 - share) / 9] * 9 + [share]}

    best = insert(alice, **sure(0.95))
    insert(alice, **sure(0.9))
    insert(alice, status="pending", **sure(0.99))
    insert(alice, near_duplicate_of=best, credit=0, **sure(0.98))
    for n in range(30):
        insert(Person.objects.create_user(f"drawer{n}"))
    insert(bob, credit=0.5)
    first = browse(bob).get("/leaderboard/")
    shown = first.content.decode()
    assert shown.count('class="best"') == 25
    [row] = re.findall(rf'<a href="/fools/{best.pk}/">.*?</a>', shown, re.DOTALL)
    assert re.search(r"taken for 9,<br>95 % sure", row)
    assert "Your place: 32" in text(first)
    [page] = re.findall(r'href="(\?[^"]+)">\s*Your place', shown)
    last = browse(bob).get(f"/leaderboard/{unescape(page)}")
    assert "data-me" in last.content.decode()
    assert "Your place" not in text(last)
