"""The templates can be reviewed line by line, and name addresses instead of spelling them."""

import re
from pathlib import Path

import pytest

from scripts import sentences

ROOT = Path(__file__).resolve().parent.parent / "templates"
PAGES = [path for path in ROOT.rglob("*.html") if path.parent.name != "errors"]


def test_no_line_of_a_template_is_longer_than_120_characters() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in ROOT.rglob("*.html")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > 120
    ]
    assert long == []


def test_no_page_spells_an_address_of_the_site() -> None:
    spelt = [
        f"{path.relative_to(ROOT)}: {address}"
        for path in PAGES
        for address in re.findall(r'="(/[^"]*)"', path.read_text())
    ]
    assert spelt == []


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Say it.</p>", ["Say it."]),
        ('<p>{% translate "Say it." %} {{ value }} ·</p>', []),
        ("{% blocktranslate trimmed %}<b>{{ one }}</b> says it.{% endblocktranslate %}", []),
        ('<img alt="A heart">', ["A heart"]),
        ('{% include "parts/nav_link.html" with name="draw" text="Draw" %}', ["Draw"]),
        ('{% include "parts/nav_link.html" with name="draw" text=_("Draw") %}', []),
        ("{{ label|default:'Pages' }}", ["Pages"]),
        ("<p><kbd>Esc</kbd> <code>make lint</code> <script>let it = be;</script></p>", []),
        ('{% block main_class %}page--narrow{% endblock %}{{ at|date:"j F Y" }}', []),
    ],
)
def test_what_a_template_says_outside_gettext_is_found(
    tmp_path: Path, template: str, found: list[str]
) -> None:
    (tmp_path / "page.html").write_text(template)
    told = [line.rpartition("outside gettext: ")[2] for line in sentences.outside(tmp_path)]
    assert told == found
