"""The templates can be reviewed line by line, and name addresses instead of spelling them."""

import re
from pathlib import Path

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
