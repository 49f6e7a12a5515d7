"""How far somebody is whom a panel sent, in words."""

from django.utils.translation import ngettext

from collector.models import PanelMember, Person
from collector.people import panels
from trainer.saying import say


def of(person: Person) -> dict[str, str | int]:
    """Say how far somebody is, and whether all is made; nothing of whom no panel sent, which costs
    no query."""
    standing = panels.standing(person) if person.is_of_panel else None
    if not standing:
        return {}
    return {"panel": line(*standing), "is_panel_done": int(bool(standing[0].finished_at))}


def line(member: PanelMember, drawn_count: int) -> str:
    """Say how many drawings are made and asked for."""
    needed = member.panel.drawing_count
    if member.finished_at:
        made = ngettext("{n:,} drawing made: thank you!", "{n:,} drawings made: thank you!", needed)
        return say(made, n=needed)
    made = ngettext("{drawn:,} of {n:,} drawing made.", "{drawn:,} of {n:,} drawings made.", needed)
    return say(made, drawn=drawn_count, n=needed)
