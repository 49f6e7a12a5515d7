"""Times on pages: in UTC, and marked so. Where there are scripts, times.js makes them local."""

from datetime import UTC, datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def moment(at: datetime | None) -> SafeString:
    """Give a moment to the minute, as a <time>; nothing for none."""
    if at is None:
        return SafeString()
    at = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}">{} UTC</time>', at.isoformat(), f"{at:%-d %B %Y, %H:%M}"
    )


@register.filter
def day(at: datetime, month: str = "long") -> SafeString:
    """Give a moment's day alone, its month `long` or `short`, as a <time> that tells the rest when
    pointed at."""
    at = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" data-month="{}" title="{} UTC">{}</time>',
        at.isoformat(),
        month,
        f"{at:%H:%M}",
        f"{at:%-d %b %Y}" if month == "short" else f"{at:%-d %B %Y}",
    )
