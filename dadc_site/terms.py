"""Terms that explain themselves where they stand."""

from django import template

from collector.rules.terms import TERMS
from trainer.saying import told

register = template.Library()


@register.inclusion_tag("parts/term.html")
def term(word: str, text: str = "") -> dict[str, str]:
    """Show a word of docs/terms.md as pages say it, or `text` in its place, as a button that says
    what it means. Once a page."""
    name, meaning = TERMS[word]
    return {"word": word, "text": text or told(name), "meaning": told(meaning)}
