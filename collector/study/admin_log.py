"""Everything that was done by hand, from the rows that each act left, merged by time. Reads
only."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import CharField, F, QuerySet, Value

from collector.models import AdminAction, Decision, StudyChange
from trainer.candidates import NEWER
from trainer.models import Round, RoundModel

A_PAGE = 50
ACTS, DECISIONS, CHANGES, ROUNDS, DISCARDED = "acts", "decisions", "changes", "rounds", "discarded"


@dataclass(frozen=True)
class LogEntry:
    """One act: when, who, what in words, whom or what it touched as (kind, key, name) with kind
    `person`, `attempt` or `round`, and why (nothing where no reason is asked for)."""

    done_at: datetime
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
    ACTS: (AdminAction.objects.select_related("admin", "person"), "done_at"),
    DECISIONS: (Decision.objects.select_related("admin", "attempt__drawer"), "decided_at"),
    CHANGES: (StudyChange.objects.select_related("admin"), "changed_at"),
    ROUNDS: (Round.objects.exclude(opened_by=""), "opened_at"),
    DISCARDED: (
        RoundModel.objects.filter(state=RoundModel.State.DISCARDED)
        .exclude(decided_by__in=["", NEWER])
        .defer("manifest", "report"),
        "finished_at",
    ),
}


def _rows(kind: str, keys: list[tuple[datetime, str, int]]) -> Iterable[Any]:
    return _SOURCES[kind][0].filter(pk__in=[pk for _, other, pk in keys if other == kind])


def _act(act: AdminAction) -> LogEntry:
    name = act.person.username
    return LogEntry(
        act.done_at, act.admin.username, act.get_kind_display(), ("person", name, name), act.why
    )


def _decision(decision: Decision) -> LogEntry:
    attempt = decision.attempt
    touched = ("attempt", attempt.pk, f"a drawing of {attempt.drawer.username}")
    return LogEntry(
        decision.decided_at,
        decision.admin.username,
        f"decided «{decision.answer}» on",
        touched,
        decision.why,
    )


def _change(change: StudyChange) -> LogEntry:
    what = f"set {change.field} from {change.before} to {change.after}"
    return LogEntry(change.changed_at, change.admin.username, what, None, "")


def _round(round: Round) -> LogEntry:
    touched = ("round", round.number, f"round {round.number}")
    return LogEntry(round.opened_at, round.opened_by, "opened", touched, round.opened_why)


def _discarded(model: RoundModel) -> LogEntry:
    assert model.finished_at is not None
    return LogEntry(
        model.finished_at, model.decided_by, "discarded a held candidate", None, model.decided_why
    )


_TOLD: dict[str, Callable[[Any], LogEntry]] = {
    ACTS: _act,
    DECISIONS: _decision,
    CHANGES: _change,
    ROUNDS: _round,
    DISCARDED: _discarded,
}
