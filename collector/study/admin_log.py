"""Everything that was done by hand, from the rows that each act left, merged by time. Reads
only."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.core.paginator import Page, Paginator
from django.db.models import CharField, F, QuerySet, Value
from django.utils.translation import gettext_noop as _

from collector.models import AdminAction, Decision, Phase, Reason, StudyChange
from collector.rules import verdicts
from trainer.candidates import BY_A_NEWER_ONE
from trainer.learning.sentences import Sentence
from trainer.models import Round, RoundModel

Kind = AdminAction.Kind
A_PAGE = 50


class Touched(NamedTuple):
    """Whom or what something touched: kind `person`, `attempt` or `round`, its key in addresses,
    and its name."""

    kind: str
    key: str | int | uuid.UUID
    name: str


@dataclass(frozen=True)
class LogEntry:
    """Something done by hand: when, by whom, what in a sentence with a place for `who` and mostly
    one for `whom`, whom or what it touched, and why (nothing where no reason is asked for)."""

    done_at: datetime
    who: str
    what: Sentence
    touched: Touched | None
    why: str


_ACTS = {
    Kind.QUALIFIED: _("{who} let moderate {whom}."),
    Kind.RESUMED: _("{who} resumed the moderating of {whom}."),
    Kind.SUSPENDED: _("{who} suspended {whom}."),
    Kind.REINSTATED: _("{who} reinstated {whom}."),
    Kind.ABLATED: _("{who} had a model trained without {whom}."),
    Kind.ROLE_CHANGED: _("{who} changed the role of {whom}."),
    Kind.ACCOUNT_MADE: _("{who} made the account of {whom}."),
    Kind.ACCOUNT_CHANGED: _("{who} changed the account of {whom}."),
    Kind.FACTORS_RESET: _("{who} took away the second factors of {whom}."),
}

_STUDY_ACTS = {
    Phase.RUNNING.value: _("{who} started the study under its protocol."),
    Phase.ENDED.value: _("{who} ended the study."),
}


def _of_action(action: AdminAction) -> LogEntry:
    who, whom = action.admin.username, action.person.username
    what = Sentence(_ACTS[Kind(action.kind)], who=who, whom=whom)
    return LogEntry(action.done_at, who, what, Touched("person", whom, whom), action.why)


def _of_decision(decision: Decision) -> LogEntry:
    attempt, who = decision.attempt, decision.admin.username
    whom = Sentence("a drawing of {name}", name=attempt.drawer.username)
    answer = verdicts.IN_WORDS.get(decision.answer, decision.answer)
    what = Sentence("{who} decided “{answer}” on {whom}.", who=who, answer=answer, whom=whom)
    touched = Touched("attempt", attempt.pk, whom)
    return LogEntry(decision.decided_at, who, what, touched, decision.why)


def _of_change(change: StudyChange) -> LogEntry:
    who = change.admin.username
    if act := _STUDY_ACTS.get(change.after if change.field == "protocol" else ""):
        return LogEntry(change.changed_at, who, Sentence(act, who=who), None, change.why)
    what = Sentence("{who} set {what} from {before} to {after}.", who=who, **change.in_words)
    return LogEntry(change.changed_at, who, what, None, change.why)


def _of_round(round_: Round) -> LogEntry:
    whom = Sentence("round {number}", number=round_.number)
    what = Sentence("{who} opened {whom}.", who=round_.opened_by, whom=whom)
    touched = Touched("round", round_.number, whom)
    return LogEntry(round_.opened_at, round_.opened_by, what, touched, round_.opened_why)


def _of_discarded(model: RoundModel) -> LogEntry:
    assert model.finished_at is not None
    what = Sentence("{who} discarded a held candidate.", who=model.decided_by)
    return LogEntry(model.finished_at, model.decided_by, what, None, model.decided_why)


def _of_removed(reason: Reason) -> LogEntry:
    assert reason.removed_by
    assert reason.removed_at
    attempt, who = reason.attempt, reason.removed_by.username
    whom = Sentence("a drawing of {name}", name=attempt.drawer.username)
    what = Sentence("{who} removed what was said of {whom}.", who=who, whom=whom)
    touched = Touched("attempt", attempt.pk, whom)
    return LogEntry(reason.removed_at, who, what, touched, reason.removed_why)


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
    "removed": _Source(
        Reason.objects.filter(removed_by__isnull=False).select_related(
            "removed_by", "attempt__drawer"
        ),
        "removed_at",
        _of_removed,
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
    them. It takes eight queries, however many entries there are."""
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
