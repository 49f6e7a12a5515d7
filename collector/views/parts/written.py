"""What admins wrote for people to read, as pages show it."""

from django.utils.safestring import SafeString, mark_safe

from collector.models import StudyText
from collector.rules import markdown
from collector.study import texts


def shown(text: StudyText, highest: int = 2) -> dict[str, object]:
    """What a page shows of a text, whose highest headings are of this level there."""
    return {
        "name": text.get_kind_display(),
        "html": html(text.text, highest),
        "version": text.version,
        "saved": text.saved_at,
    }


def html(text: str, highest: int = 2) -> SafeString:
    """Return Markdown's HTML, whose highest headings are of this level."""
    return mark_safe(markdown.to_html(text, highest))  # made safe there


def first_page() -> str:
    """Return the name of the page on which somebody new begins: what they may say of themselves, or
    the pad."""
    return "questions" if texts.shown().has_questions else "draw"
