"""Markdown as admins write it, to the HTML that everybody reads: without raw HTML, pictures, or
links that run something."""

from markdown_it import MarkdownIt
from markdown_it.token import Token

# Raw HTML is shown as it was typed; what `javascript:` and the like lead to is no link.
_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
_DEEPEST = 6


def to_html(text: str, highest: int = 2) -> str:
    """Return a text's HTML, safe to stand in a page; its headings begin with `h2`, or as `highest`
    says, wherever they begin in the text."""
    tokens = _READER.parse(text)
    headings = [token for token in tokens if token.type.startswith("heading_")]
    begins = min((int(token.tag[1]) for token in headings), default=1)
    for token in headings:
        token.tag = f"h{min(int(token.tag[1]) - begins + highest, _DEEPEST)}"
    for token in tokens:
        if "style" in token.attrs:  # a column's alignment, which the pages' policy has as classes
            is_right = token.attrs.pop("style") == "text-align:right"
            token.attrs |= {"class": "num"} if is_right else {}
        for inner in token.children or []:
            _lead_out(inner)
    html: str = _READER.renderer.render(tokens, _READER.options, {})
    return html


def _lead_out(token: Token) -> None:
    """Have a link tell the other site nothing of who follows it."""
    if token.type == "link_open":
        token.attrSet("rel", "noreferrer")
