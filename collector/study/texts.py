"""The study's texts: written by admins, a version at each save; and what of them pages show."""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import IntegerField, Subquery
from django.db.models.functions import Length

from collector.errors import Conflict, Refused
from collector.models import Person, Study, StudyChange, StudyText, require_admin
from trainer.learning.sentences import Sentence

Kind = StudyText.Kind
KEPT = 30.0  # seconds that a process believes what it has read of the texts


@dataclass(frozen=True)
class Shown:
    """Which texts there are, whether people are asked about themselves, the licence of what is
    drawn, and whether people are in arms: what pages that ask the database for nothing else show of
    the study."""

    kinds: frozenset[str] = frozenset()
    has_questions: bool = False
    licence: str = ""
    has_several_arms: bool = False


_kept = (float("-inf"), Shown())


def shown() -> Shown:
    """Return what there is, as this process read it within the last half minute: so the pages of a
    study without texts or arms cost no more. What counts, a consent, never goes by it."""
    global _kept
    read_at, found = _kept
    if time.monotonic() - read_at < KEPT:
        return found
    with suppress(
        DatabaseError, InterfaceError
    ):  # a page that needs no database stands all the same
        found = _read()
    _kept = (time.monotonic(), found)
    return found


def forget() -> None:
    """Have it read again."""
    global _kept
    _kept = (float("-inf"), Shown())


def _read() -> Shown:
    lengths = {
        f"{kind}_length": Subquery(
            StudyText.newest(kind).values(length=Length("text"))[:1], output_field=IntegerField()
        )
        for kind in Kind.values
    }
    study: Any = Study.objects.annotate(**lengths).first()
    if study is None:
        return Shown()
    kinds = frozenset(kind for kind in Kind.values if getattr(study, f"{kind}_length"))
    return Shown(kinds, bool(study.questions), study.licence, study.has_several_arms)


def versions() -> dict[str, StudyText]:
    """Return the newest version of each kind that was ever written, by its kind."""
    found = (StudyText.newest(kind).select_related("admin").first() for kind in Kind.values)
    return {text.kind: text for text in found if text}


def save(admin: Person, kind: str, text: str, seen: int, *, age: int | None = None) -> bool:
    """Write another version of a text, of which the admin read version `seen` (0: none), with the
    age that a consent asks for; whether it is another. Raises Forbidden, Refused with the field at
    fault, Conflict where somebody else has written one since."""
    require_admin(admin, Sentence("Only an admin changes the study."))
    text = text.replace("\r\n", "\n").strip()
    with transaction.atomic():
        Study.objects.select_for_update(no_key=True).get()  # one after the other
        newest = StudyText.newest(kind).first()
        before = newest.version if newest else 0
        age = age or (newest.minimum_age if newest else StudyText.USUAL_AGE)
        is_same = newest and (newest.text, newest.minimum_age) == (text, age)
        if is_same or not (newest or text):
            return False
        if seen != before:
            raise Conflict(
                Sentence(
                    "Somebody has saved another version since you read this one, so nothing was "
                    "saved. Look again, and change what is still to be changed."
                )
            )
        row = StudyText(kind=kind, version=before + 1, text=text, minimum_age=age, admin=admin)
        _check(row)
        row.save(force_insert=True)
        StudyChange.objects.create(
            admin=admin,
            field=f"{kind} text",
            before=_named(before, bool(newest and newest.text)),
            after=_named(row.version, bool(text)),
        )
    forget()
    return True


def _check(row: StudyText) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refused(" ".join(messages), field=field) from error


def _named(version: int, is_filled: bool) -> str:
    return f"version {version}" if is_filled else "none"
