"""Whatever people do in whatever order, standings are what a recount of the rows says, and no rule
is broken."""

import contextlib
from collections import defaultdict
from typing import Any

import hypothesis
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from collector.drawings import attempts
from collector.errors import Refused
from collector.models import Attempt, ModerationPause, Person, Reading, Study
from collector.moderation import appeals, decisions, queue, readings, trust
from collector.people import suspensions
from collector.rules import verdicts
from collector.standings import leaderboards
from collector.study import consistency
from tests.support.cast import a_line
from tests.support.examples import examples
from tests.support.models import add_model
from trainer import rounds as trainer_rounds
from trainer.learning import drawing
from trainer.models import Round, Sample

DRAWERS, MODERATORS = 3, 4
who = st.integers(0, 10)
answers = st.sampled_from(["4", "4", "4", "9", "junk", "ambiguous"])


class Site(RuleBasedStateMachine):
    @initialize(quorum=st.integers(1, 2))
    def people(self, quorum: int) -> None:
        self.undone = transaction.atomic()
        self.undone.__enter__()
        Study.objects.update(quorum=quorum, round_size=10_000, audit_share=0.3)
        self.people_ = [Person.objects.create(username=f"drawer{n}") for n in range(DRAWERS)]
        self.moderators = [
            Person.objects.create(
                username=f"moderator{n}", role="moderator", qualified_at="2026-01-01T00:00:00Z"
            )
            for n in range(MODERATORS)
        ]
        self.admin = Person.objects.create(username="ada", role="admin")
        self.people_.append(self.moderators[0])
        self.drawn: list[drawing.Drawing] = []
        # Hypothesis tries most runs without some of the rules: something is there in any.
        for n in range(8):
            self.draws(n=n, label=4)
        for n in range(6):
            self.reads(n=n, answer="4")

    def drawer(self, n: int) -> Person:
        return Person.objects.get(pk=self.people_[n % len(self.people_)].pk)

    def moderator(self, n: int) -> Person:
        return Person.objects.get(pk=self.moderators[n % MODERATORS].pk)

    @rule(n=who, label=st.sampled_from([4, 4, 5, 7]))
    def draws(self, n: int, label: int) -> None:
        drawn = a_line()
        self.drawn.append(drawn)
        if (drawer := self.drawer(n)).is_active:
            attempts.submit(drawer, attempts.Submission(label, drawn))

    @rule(n=who, place=who)
    def draws_nearly_the_same(self, n: int, place: int) -> None:
        drawer = self.drawer(n)
        if not self.drawn or not drawer.is_active:
            return
        chosen = self.drawn[place % len(self.drawn)]
        speck = {"x": [9, 12 + len(self.drawn) % 200], "y": [9, 9], "t": [101, 102]}
        with contextlib.suppress(Refused):
            attempts.submit(
                drawer, attempts.Submission(4, drawing.parse([*chosen.as_json(), speck]))
            )

    @rule(n=who, place=who)
    def takes_back(self, n: int, place: int) -> None:
        own = list(self.drawer(n).attempts.order_by("submitted_at", "pk"))
        if own:
            with contextlib.suppress(Refused):
                attempts.retract(self.drawer(n), own[place % len(own)].pk)

    @rule(n=who, answer=answers)
    def reads(self, n: int, answer: str) -> None:
        try:
            leased = queue.assign(self.moderator(n))
            if leased:
                readings.read(self.moderator(n), leased.pk, answer)
        except Refused:
            pass

    @rule(n=who)
    def leases(self, n: int) -> None:
        with contextlib.suppress(Refused):
            queue.assign(self.moderator(n))

    @rule(answer=answers)
    def decides(self, answer: str) -> None:
        for open_one in [*decisions.unsettled()[:1], *appeals.waiting()[:1]]:
            decisions.decide(open_one.pk, self.admin, answer, "So it is.")

    @rule(place=who)
    def appeals_(self, place: int) -> None:
        against = list(
            Attempt.objects.filter(status__in=appeals.AGAINST).order_by("submitted_at", "pk")
        )
        if against:
            chosen = against[place % len(against)]
            with contextlib.suppress(Refused):
                appeals.appeal(chosen.drawer, chosen.pk, "Look again.")

    @rule(n=who)
    def suspends_or_reinstates_a_drawer(self, n: int) -> None:
        person = self.drawer(n)
        (suspensions.suspend if person.is_active else suspensions.reinstate)(
            person, self.admin, "So it goes."
        )

    @rule(n=who)
    def suspends_or_lifts_a_moderator(self, n: int) -> None:
        person = self.moderator(n)
        if person.is_moderation_paused:
            trust.resume(person, self.admin, "We talked.")
            return
        Person.objects.filter(pk=person.pk).update(is_moderation_paused=True)
        ModerationPause.objects.create(person=person, agreed_count=1, settled_count=30)
        readings.discount(person)

    @rule()
    def another_round_opens(self) -> None:
        if Round.objects.count() < 4:
            trainer_rounds.open_next(add_model(7))

    @invariant()
    def standings_are_a_recount(self) -> None:
        if not hasattr(self, "people_"):
            return
        rows = list(Attempt.objects.select_related("drawer", "round"))
        for period in ("round", "all"):
            counted: dict[str, list[float]] = defaultdict(lambda: [0.0, 0, 0, 0])
            for row in rows:
                is_within = period == "all" or row.round.state == "open"
                if row.is_original and row.drawer.is_active and is_within:
                    line = counted[row.drawer.username]
                    line[0] += row.credit
                    line[1] += row.status == "verified"
                    line[2] += 1
                    line[3] += row.has_fooled and row.status == "pending"
            told = {
                s.username: [s.credit, s.verified_count, s.attempt_count, s.pending_count]
                for s in leaderboards.standings(period)
            }
            assert told == {name: line for name, line in counted.items() if line[0] > 0}

    @invariant()
    def credit_is_what_the_rule_says(self) -> None:
        groups: dict[Any, list[float]] = defaultdict(list)
        for row in Attempt.objects.all():
            if row.status == "verified" and row.is_original:
                groups[row.drawer_id, row.round_id, row.target_label, row.predicted_label].append(
                    row.credit
                )
            else:
                assert row.credit == 0
        for earned in groups.values():
            assert sorted(earned, reverse=True) == [
                verdicts.credit("verified", n) for n in range(len(earned))
            ]

    @invariant()
    def nobody_reads_their_own_or_holds_too_many(self) -> None:
        held: dict[Any, int] = defaultdict(int)
        for reading in Reading.objects.select_related("attempt"):
            if reading.attempt:
                assert reading.moderator_id != reading.attempt.drawer_id
                held[reading.moderator_id] += (
                    reading.answer is None and reading.attempt.status == "pending"
                )
        assert max(held.values(), default=0) <= queue.MOST_LEASES

    @invariant()
    def everything_agrees(self) -> None:
        assert list(consistency.problems()) == []
        active = Sample.objects.filter(withdrawn_at=None).values_list("attempt", flat=True)
        assert len(active) == len(set(active))

    def teardown(self) -> None:
        """The next run begins with the fixture's site again."""
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)


def test_standings_equal_a_recount_whatever_people_do(study: Study, settings: Any) -> None:
    settings.LIMIT_SCALE = 1000
    run_state_machine_as_test(
        Site,
        settings=hypothesis.settings(
            max_examples=examples(12),
            stateful_step_count=30,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )
