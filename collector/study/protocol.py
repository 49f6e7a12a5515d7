"""A study's protocol: what it asks, how its data is collected, when it may end and by what its arms
are compared. Admins draft it; the start freezes it under a hash; later changes say why.

A draft is what the study's settings say. What people draw meanwhile is practice: nothing of it is
kept.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet

from collector.errors import Conflict, Refused
from collector.models import (
    COLLECTED_BY,
    PRIMARY_OUTCOME,
    Attempt,
    Person,
    Phase,
    Study,
    StudyAct,
    StudyChange,
    clock,
    require_admin,
    require_reason,
)
from collector.study import settings
from trainer import rounds
from trainer.learning.sentences import Sentence
from trainer.models import Sample

FORMAT = 1
_REFUSAL = Sentence("Only an admin has to do with the protocol.")


@dataclass(frozen=True)
class Protocol:
    """A study's protocol: a draft until it is started. `study` is how its settings are now."""

    study: Study
    start: StudyAct | None
    end: StudyAct | None

    @property
    def phase(self) -> Phase:
        """How far the study is."""
        if self.end:
            return Phase.ENDED
        return Phase.RUNNING if self.start else Phase.DRAFT

    @property
    def started_at(self) -> datetime | None:
        return self.start.done_at if self.start else None

    @property
    def ended_at(self) -> datetime | None:
        return self.end.done_at if self.end else None

    @property
    def ended_why(self) -> str:
        return self.end.why if self.end else ""

    @property
    def sha256(self) -> str:
        """The hash of the protocol as it was started; nothing before."""
        return self.start.sha256 if self.start else ""

    @cached_property
    def document(self) -> str:
        """What the protocol says, as its one text: as it was started, or of a draft as it is."""
        return self.start.document if self.start else canonical(_content_of(self))

    @property
    def content(self) -> dict[str, Any]:
        """What the protocol says."""
        said: dict[str, Any] = json.loads(self.document)
        return said

    @property
    def stop_samples(self) -> int:
        """At how many samples of each arm the study may end, as it is by now."""
        assert self.study.stop_samples is not None
        return self.study.stop_samples

    @cached_property
    def changes(self) -> list[StudyChange]:
        """What was changed of the protocol since the start, the oldest first."""
        found = StudyChange.of_the_protocol().select_related("admin")
        return list(found) if self.start else []

    @cached_property
    def sample_counts(self) -> dict[str, int]:
        """How many samples each arm has that were given under the protocol."""
        counts: dict[str, int] = {}
        if self.started_at:
            drawn = Attempt.objects.filter(submitted_at__gte=self.started_at, is_imported=False)
            kept = Sample.objects.filter(withdrawn_at=None, attempt__in=drawn.values("pk"))
            counts = _by_arm(kept)
        return {arm: counts.get(arm, 0) for arm in self.study.weights}

    @property
    def has_reached_stop(self) -> bool:
        """Whether each arm has as many samples as the stop rule says."""
        return all(count >= self.stop_samples for count in self.sample_counts.values())


def current() -> Protocol | None:
    """Return the study's protocol; None where it has none, as on a plain site."""
    return of(Study.current())


def of(study: Study) -> Protocol | None:
    """Return the protocol of the study with these settings; None where it has none."""
    if study.stop_samples is None:
        return None
    acts = StudyAct.by_kind()
    return Protocol(study, acts.get(StudyAct.Kind.STARTED), acts.get(StudyAct.Kind.ENDED))


def canonical(content: Mapping[str, Any]) -> str:
    """Return the one text of what a protocol says, whose SHA-256 is the protocol's."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(document: str) -> str:
    """Return the SHA-256 of a protocol's text, in hexadecimal."""
    return hashlib.sha256(document.encode()).hexdigest()


def _content_of(protocol: Protocol) -> dict[str, Any]:
    """Say a draft as its start would freeze it."""
    study = protocol.study
    return {
        "format": FORMAT,
        "question": study.question,
        "arms": study.weights,
        "collected_by": {name: getattr(study, name) for name in COLLECTED_BY},
        "stop": {"samples_of_each_arm": protocol.stop_samples},
        "primary_outcome": PRIMARY_OUTCOME,
        "secondary_outcomes": sorted(study.secondary_outcomes.split()),
        "samples_before": _by_arm(Sample.objects.filter(withdrawn_at=None)),
    }


def _by_arm(given: QuerySet[Sample]) -> dict[str, int]:
    counts = given.order_by().values_list("arm").annotate(Count("pk"))
    return dict(counts)


def start(admin: Person, seen: str | None = None) -> Protocol:
    """Start the study: freeze its protocol, and count what is drawn from now on. Raises Forbidden,
    Refused where it asks no question, and Conflict where there is no draft, or another one by now
    than that whose digest is `seen`."""
    require_admin(admin, _REFUSAL)
    with transaction.atomic():
        protocol = _locked(Phase.DRAFT)
        if not protocol.study.question:
            raise Refused(Sentence("Say which question the study is to answer."), field="question")
        sha256 = digest(protocol.document)
        if seen not in (None, sha256):
            raise Conflict(
                Sentence("The protocol was changed since you read it. Look again, then start.")
            )
        act = StudyAct.objects.create(
            kind=StudyAct.Kind.STARTED,
            admin=admin,
            done_at=clock.now(),
            document=protocol.document,
            sha256=sha256,
        )
        _log(admin, Phase.DRAFT, Phase.RUNNING)
    return Protocol(protocol.study, act, None)


def end(admin: Person, why: str) -> Protocol:
    """End the study: nothing that is drawn counts any more, and all that arms without a verdict
    were not told is told. Raises Forbidden, Refused without a reason, Conflict unless it runs."""
    require_admin(admin, _REFUSAL)
    why = require_reason(why)
    with transaction.atomic():
        protocol = _locked(Phase.RUNNING)
        now = clock.now()
        act = StudyAct.objects.create(kind=StudyAct.Kind.ENDED, admin=admin, done_at=now, why=why)
        _log(admin, Phase.RUNNING, Phase.ENDED, why)
        rounds.tell_all(now)
    return Protocol(protocol.study, protocol.start, act)


def discard(admin: Person) -> None:
    """Give a draft up: what is drawn counts again as on a plain site. Raises Forbidden, Conflict
    unless there is a draft."""
    require_admin(admin, _REFUSAL)
    with transaction.atomic():
        _locked(Phase.DRAFT)
        settings.change(admin, stop_samples=None)


def _locked(wanted: Phase) -> Protocol:
    """Return the protocol in a phase, in which it stays until the transaction ends. Raises Conflict
    where it is in another one."""
    protocol = of(Study.objects.select_for_update(no_key=True).get())
    phase = protocol.phase if protocol else Phase.PLAIN
    if protocol is None or phase != wanted:
        raise Conflict(_ELSEWHERE[phase])
    return protocol


_ELSEWHERE = {
    Phase.PLAIN: Sentence("The study has no protocol yet. Write one, and save it."),
    Phase.DRAFT: Sentence("The study has not started yet."),
    Phase.RUNNING: Sentence("The study has started already."),
    Phase.ENDED: Sentence("The study has ended already."),
}


def _log(admin: Person, before: Phase, after: Phase, why: str = "") -> None:
    StudyChange.objects.create(
        admin=admin, field="protocol", before=before.value, after=after.value, why=why
    )
