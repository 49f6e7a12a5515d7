"""Panels, as Prolific: whom they send comes in by a link with the panel's id, draws, and gets what
the panel wants to see of them.

A panel's ids are known to others: to the panel, to whoever sees the link, and some can be guessed.
So an id makes an account and never opens one: whoever comes again is signed in only where this
browser has been signed in to the account before.
"""

import secrets
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import IntegrityError, transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.translation import get_language

from collector import limits
from collector.data import exports
from collector.data.spreadsheets import harmless
from collector.errors import Conflict, Forbidden, Gone, NotFound, Refused
from collector.models import (
    Attempt,
    Panel,
    PanelMember,
    Person,
    StudyChange,
    clock,
    in_parts,
    require_admin,
)
from collector.people import arms, consents, sign_ins
from trainer.learning.sentences import Sentence

COLUMNS = ("id", "joined", "finished", "drawings")  # of a panel's CSV
# What counts for a panel: what its people drew and did not take back.
MADE = ~Q(status=Attempt.Status.RETRACTED) & Q(taken_back_at=None)
_ONLY_ADMINS = Sentence("Only an admin changes the study.")


# For admins


def make(admin: Person, **values: str | int) -> Panel:
    """Make a panel of these values; without a code it gets one that nobody guesses. Raises
    Forbidden, Refused with the field at fault."""
    require_admin(admin, _ONLY_ADMINS)
    panel = Panel(**values, admin=admin)
    panel.code = panel.code or secrets.token_hex(5)
    _check(panel)
    try:
        with transaction.atomic():
            panel.save(force_insert=True)
            _log(admin, before="none", after=panel.name)
    except IntegrityError as error:
        raise Refused(Sentence("There is a panel with this code already."), field="code") from error
    return panel


def _check(panel: Panel) -> None:
    if not (panel.completion_code or panel.redirect_url):
        raise Refused(
            Sentence("Give the code or the address that people get in the end, or both."),
            field="completion_code",
        )
    try:
        panel.full_clean(validate_unique=False)
        if panel.redirect_url:
            URLValidator(schemes=["https"])(panel.redirect_url)
    except ValidationError as error:
        if not hasattr(error, "error_dict"):
            raise Refused(
                Sentence("The address begins with https:// and is whole."), field="redirect_url"
            ) from error
        field, messages = next(iter(error.message_dict.items()))
        raise Refused(" ".join(messages), field=field) from error


def close(admin: Person, number: int) -> None:
    """Let nobody new in by a panel's link; who is in goes on. Raises Forbidden, NotFound."""
    _set_closed(admin, number, is_closed=True)


def reopen(admin: Person, number: int) -> None:
    """Let people in by a panel's link again. Raises Forbidden, NotFound."""
    _set_closed(admin, number, is_closed=False)


def _set_closed(admin: Person, number: int, *, is_closed: bool) -> None:
    require_admin(admin, _ONLY_ADMINS)
    with transaction.atomic():
        panel = Panel.objects.select_for_update(no_key=True).filter(pk=number).first()
        if panel is None:
            raise NotFound(Sentence("There is no such panel."))
        if (panel.closed_at is not None) == is_closed:
            return
        panel.closed_at = clock.now() if is_closed else None
        panel.save(update_fields=["closed_at"])
        _log(admin, before=panel.name, after="closed" if is_closed else "open")


def release(admin: Person, number: int, pid: str) -> None:
    """Forget whose account an id of a panel is, so that its owner may begin anew, as where somebody
    else came by it first. The account stays, and is of no panel. Raises Forbidden, Refused."""
    require_admin(admin, _ONLY_ADMINS)
    with transaction.atomic():
        gone, _ = PanelMember.objects.filter(panel=number, pid=pid.strip()).delete()
        if not gone:
            raise Refused(Sentence("Nobody came by this id."), field="pid")
        _log(admin, before="an id", after="released")


def all_of_them() -> QuerySet[Panel]:
    """Return the panels, the newest first, each with how many people came (`joined_count`) and have
    done what they came for (`finished_count`)."""
    return Panel.objects.annotate(
        joined_count=Count("members"),
        finished_count=Count("members", filter=Q(members__finished_at__isnull=False)),
    ).order_by("-made_at", "-pk")


def as_csv(admin: Person, number: int) -> Iterator[str]:
    """Give as CSV, line by line, by which id each person came from a panel, when they came and had
    drawn as many as it asks for, and how many drawings they made. Raises Forbidden, NotFound."""
    require_admin(admin, Sentence("A panel’s ids are for admins alone."))
    if not Panel.objects.filter(pk=number).exists():
        raise NotFound(Sentence("There is no such panel."))
    drawn = Attempt.objects.filter(MADE, drawer=OuterRef("person")).order_by().values("drawer")
    members = (
        PanelMember.objects.filter(panel=number)
        .annotate(drawn_count=Subquery(drawn.annotate(n=Count("pk")).values("n")))
        .order_by("joined_at", "pk")
    )
    return exports.as_csv(map(_row, in_parts.rows(members, 500)), COLUMNS)


def _row(member: Any) -> dict[str, object]:
    return {
        "id": harmless(member.pid),
        "joined": member.joined_at.isoformat(),
        "finished": member.finished_at and member.finished_at.isoformat(),
        "drawings": member.drawn_count or 0,
    }


def _log(admin: Person, before: str, after: str) -> None:
    """Write down what was done; never the code, which archives would take along."""
    StudyChange.objects.create(admin=admin, field="panel", before=before, after=after)


# For whom they send


def find(code: str) -> Panel:
    """Return the panel that a link is of. Raises NotFound."""
    panel = Panel.objects.filter(code=code).first()
    if panel is None:
        raise NotFound(Sentence("There is no such study, or the link is not whole."))
    return panel


def read_pid(panel: Panel, given: str) -> str:
    """Return the panel's id of somebody, as a link has it. Raises Refused for what is none."""
    pid = given.strip()
    # Links that a panel did not fill in have its own word for the id, as {{%PROLIFIC_PID%}}.
    if not pid or len(pid) > PanelMember.LONGEST_PID or not pid.isprintable() or "{" in pid:
        raise Refused(
            Sentence(
                "The link lacks your id ({name}). Open it from {panel}, as it stands there.",
                name=panel.id_parameter,
                panel=panel.name,
            )
        )
    return pid


def is_here(person: Person, panel: Panel, pid: str) -> bool:
    """Say whether who is signed in is the one that a link is of."""
    return PanelMember.objects.filter(person=person, panel=panel, pid=pid).exists()


def known(request: HttpRequest, panel: Panel, pid: str) -> Person | None:
    """Return whose id this is, where this browser has been signed in to their account; None where
    nobody came by it yet. Raises Forbidden where it is known, and this browser is not."""
    member = PanelMember.objects.filter(panel=panel, pid=pid).select_related("person").first()
    if member is None:
        return None
    if not member.person.is_active:
        raise Forbidden(Sentence("This account was suspended."))
    if not sign_ins.is_known_here(request, member.person):
        raise Forbidden(
            Sentence(
                "Somebody has begun with this id in another browser. Go on there: an id alone "
                "opens no account. If it was not you, tell those who run the study."
            ),
            code="another_browser",
        )
    return member.person


def require_taking(panel: Panel) -> None:
    """Raise Gone where nobody new comes in by a panel's link."""
    if panel.closed_at:
        raise Gone(Sentence("This study takes nobody new any more. Thank you for coming."))


def join(panel: Panel, pid: str, version: str, *, address: str) -> Person:
    """Make an account, without a name or password, for whom a panel sends with this id, who agrees
    to this version of the consent text, if there is one, and comes from this IP address. Raises
    Gone where the panel is closed, Refused, Conflict, TooMany."""
    require_taking(panel)
    limits.take_from(limits.PANEL_SIGN_UPS_AN_HOUR, address)
    name = f"guest-{secrets.token_hex(6)}"
    person = Person(username=name, language=get_language())
    person.set_unusable_password()
    try:
        with transaction.atomic():
            person.save(force_insert=True)
            PanelMember.objects.create(person=person, panel=panel, pid=pid)
            consents.give(person, version)
            arms.allocate(person)
    except IntegrityError as error:
        raise Conflict(Sentence("Somebody has begun with this id in this very moment.")) from error
    return person


def note_drawing(person: Person) -> None:
    """Write down when somebody whom a panel sent has drawn as many as it asks for; once."""
    unfinished = PanelMember.objects.filter(person=person, finished_at=None)
    member = unfinished.annotate(needed=F("panel__drawing_count")).first()
    if member and _drawn_count(person) >= member.needed:
        unfinished.update(finished_at=clock.now())


def standing(person: Person) -> tuple[PanelMember, int] | None:
    """Return what somebody whom a panel sent has to do there, and how many drawings they have made;
    None for everybody else."""
    member = PanelMember.objects.filter(person=person).select_related("panel").first()
    return (member, _drawn_count(person)) if member else None


def _drawn_count(person: Person) -> int:
    """Count the drawings of somebody but for those that they took back: whatever a model or reader
    says of them, so that in every arm of the study the same work is done."""
    return Attempt.objects.filter(MADE, drawer=person).count()
