"""Everything that was done by hand, from the rows that each act left, merged by time. Reads
only."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import CharField, F, QuerySet, Value

from collector.models import Act, Decision, StudyChange
from trainer.candidates import NEWER
from trainer.models import Round, RoundModel

A_PAGE = 50
ACTS, DECISIONS, CHANGES, ROUNDS, DISCARDED = "acts", "decisions", "changes", "rounds", "discarded"


@dataclass(frozen=True)
class Done:
    """One act: when, who, what in words, whom or what it touched as (kind, key, name) with kind
    `person`, `attempt` or `round`, and why (nothing where no reason is asked for)."""

    when: datetime
    who: str
    what: str
    touched: tuple[str, Any, str] | None
    why: str


def page(number: str | None) -> Page[Any]:
    """A page of acts, newest first, each a `Done`; seven queries, however many there are."""
    found = Paginator(_all(), A_PAGE).get_page(number)
    keys = list(found.object_list)
    told = {(kind, row.pk): _TOLD[kind](row) for kind in _TOLD for row in _rows(kind, keys)}
    found.object_list = [told[kind, pk] for _, kind, pk in keys]
    return found


def _all() -> QuerySet[Any]:
    """When, what kind and which row, of everything; newest first."""
    first, *others = (
        rows.order_by()
        .annotate(at=F(when), source=Value(kind, CharField()), key=F("pk"))
        .values_list("at", "source", "key")
        for kind, (rows, when) in _SOURCES.items()
    )
    everything: QuerySet[Any] = first.union(*others, all=True)
    return everything.order_by("-at", "source", "-key")


_SOURCES: dict[str, tuple[QuerySet[Any], str]] = {
    ACTS: (Act.objects.select_related("admin", "person"), "when"),
    DECISIONS: (Decision.objects.select_related("admin", "attempt__drawer"), "when"),
    CHANGES: (StudyChange.objects.select_related("who"), "when"),
    ROUNDS: (Round.objects.exclude(opened_by=""), "opened"),
    DISCARDED: (
        RoundModel.objects.filter(state=RoundModel.State.DISCARDED)
        .exclude(decided_by__in=["", NEWER])
        .defer("manifest", "report"),
        "finished",
    ),
}


def _rows(kind: str, keys: list[tuple[datetime, str, int]]) -> Iterable[Any]:
    return _SOURCES[kind][0].filter(pk__in=[pk for _, other, pk in keys if other == kind])


def _act(act: Act) -> Done:
    name = act.person.username
    return Done(
        act.when, act.admin.username, act.get_kind_display(), ("person", name, name), act.why
    )


def _decision(decision: Decision) -> Done:
    attempt = decision.attempt
    touched = ("attempt", attempt.pk, f"a drawing of {attempt.drawer.username}")
    return Done(
        decision.when,
        decision.admin.username,
        f"decided «{decision.answer}» on",
        touched,
        decision.why,
    )


def _change(change: StudyChange) -> Done:
    what = f"set {change.field} from {change.before} to {change.after}"
    return Done(change.when, change.who.username, what, None, "")


def _round(round: Round) -> Done:
    touched = ("round", round.number, f"round {round.number}")
    return Done(round.opened, round.opened_by, "opened", touched, round.opened_why)


def _discarded(model: RoundModel) -> Done:
    assert model.finished is not None
    return Done(
        model.finished, model.decided_by, "discarded a held candidate", None, model.decided_why
    )


_TOLD: dict[str, Callable[[Any], Done]] = {
    ACTS: _act,
    DECISIONS: _decision,
    CHANGES: _change,
    ROUNDS: _round,
    DISCARDED: _discarded,
}
