"""Terms that explain themselves where they stand."""

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from collector.rules.terms import TERMS
from trainer.saying import told

register = template.Library()


@register.simple_tag
def term(word: str, text: str = "") -> SafeString:
    """Show a word of docs/terms.md as pages say it, or `text` in its place, as a button that says
    what it means. Once a page."""
    name, meaning = TERMS[word]
    context = {"word": word, "text": text or told(name), "meaning": told(meaning)}
    return render_to_string("parts/term.html", context)
