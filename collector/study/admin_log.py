"""Everything that was done by hand, from the rows that each act left, merged by time. Reads
only."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.core.paginator import Page, Paginator
from django.db.models import CharField, F, QuerySet, Value

from collector.models import AdminAction, Decision, StudyChange
from trainer.candidates import BY_A_NEWER_ONE
from trainer.models import Round, RoundModel

A_PAGE = 50


class Touched(NamedTuple):
    """Whom or what something touched: kind `person`, `attempt` or `round`, its key in addresses,
    and its name."""

    kind: str
    key: str | int | uuid.UUID
    name: str


@dataclass(frozen=True)
class LogEntry:
    """Something done by hand: when, by whom, what in words, whom or what it touched, and why
    (nothing where no reason is asked for)."""

    done_at: datetime
    who: str
    what: str
    touched: Touched | None
    why: str


def _of_action(action: AdminAction) -> LogEntry:
    name = action.person.username
    return LogEntry(
        action.done_at,
        action.admin.username,
        action.get_kind_display(),
        Touched("person", name, name),
        action.why,
    )


def _of_decision(decision: Decision) -> LogEntry:
    attempt = decision.attempt
    return LogEntry(
        decision.decided_at,
        decision.admin.username,
        f"decided “{decision.answer}” on",
        Touched("attempt", attempt.pk, f"a drawing of {attempt.drawer.username}"),
        decision.why,
    )


def _of_change(change: StudyChange) -> LogEntry:
    what = f"set {change.field} from {change.before} to {change.after}"
    return LogEntry(change.changed_at, change.admin.username, what, None, "")


def _of_round(round_: Round) -> LogEntry:
    touched = Touched("round", round_.number, f"round {round_.number}")
    return LogEntry(round_.opened_at, round_.opened_by, "opened", touched, round_.opened_why)


def _of_discarded(model: RoundModel) -> LogEntry:
    assert model.finished_at is not None
    return LogEntry(
        model.finished_at, model.decided_by, "discarded a held candidate", None, model.decided_why
    )


class _Key(NamedTuple):
    """Where an entry is: when it was done, which source has it, and that row's primary key."""

    done_at: datetime
    source: str
    pk: int


@dataclass(frozen=True)
class _Source:
    """One kind of rows that something done by hand leaves: which, the field that says when, and
    what makes an entry of one."""

    rows: QuerySet[Any]
    time_field: str
    entry_of: Callable[[Any], LogEntry]

    def keys(self, name: str) -> QuerySet[Any, Any]:
        """The key of each row, as `_Key` has it, to be merged with those of other sources."""
        keyed = self.rows.order_by().annotate(
            at=F(self.time_field), source=Value(name, CharField()), key=F("pk")
        )
        keys: QuerySet[Any, Any] = keyed.values_list("at", "source", "key")
        return keys

    def entries(self, pks: Iterable[int]) -> dict[int, LogEntry]:
        """The entries of these rows by their primary keys, in one query."""
        return {row.pk: self.entry_of(row) for row in self.rows.filter(pk__in=list(pks))}


_SOURCES = {
    "acts": _Source(AdminAction.objects.select_related("admin", "person"), "done_at", _of_action),
    "decisions": _Source(
        Decision.objects.select_related("admin", "attempt__drawer"), "decided_at", _of_decision
    ),
    "changes": _Source(StudyChange.objects.select_related("admin"), "changed_at", _of_change),
    "rounds": _Source(Round.objects.exclude(opened_by=""), "opened_at", _of_round),
    "discarded": _Source(
        RoundModel.objects.filter(state=RoundModel.State.DISCARDED)
        .exclude(decided_by__in=["", BY_A_NEWER_ONE])
        .defer("manifest", "report"),
        "finished_at",
        _of_discarded,
    ),
}


def page(number: str | None) -> Page[Any]:
    """Return a page of `LogEntry`, newest first; the first or last page where `number` is none of
    them. It takes seven queries, however many entries there are."""
    paginator: Paginator[Any] = Paginator(_all_keys(), A_PAGE)
    keys_page = paginator.get_page(number)
    keys = [_Key(*row) for row in keys_page]
    # Each source fetches its rows of this page.
    entries = {
        name: source.entries(key.pk for key in keys if key.source == name)
        for name, source in _SOURCES.items()
    }
    # Back into the order of the keys.
    in_order = [entries[key.source][key.pk] for key in keys]
    return Page(in_order, keys_page.number, paginator)


def _all_keys() -> QuerySet[Any, Any]:
    """Return the keys of everything done by hand, newest first."""
    first, *others = (source.keys(name) for name, source in _SOURCES.items())
    return first.union(*others, all=True).order_by("-at", "source", "-key")
