"""Times on pages: in UTC, and marked so. Where there are scripts, times.js makes them local."""

from datetime import UTC, datetime

from django import template
from django.utils.formats import date_format
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
        '<time datetime="{}">{} UTC</time>', at.isoformat(), date_format(at, "DATETIME_FORMAT")
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
        date_format(at, "TIME_FORMAT"),
        date_format(at, "SHORT_DATE_FORMAT" if month == "short" else "DATE_FORMAT"),
    )
