"""How far moderators are trusted, and what becomes of one who is not."""

import random
import sys
from collections.abc import Callable
from copy import copy
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from collector import tasks
from collector.errors import Conflict, Forbidden, Gone, Refused
from collector.models import AdminAction, Attempt, ModerationPause, Person, Reading, Study
from collector.moderation import decisions, queue, readings, trust
from collector.rules import verdicts
from collector.rules.verdicts import FEWEST_TO_JUDGE_BY, LEAST_AGREEMENT
from collector.study import consistency
from tests.support.cast import read, submit
from trainer.learning.evaluate import wilson
from trainer.models import Sample

Cast = Callable[..., Person]


@given(st.integers(0, 200), st.integers(0, 200))
def test_more_agreement_never_costs_trust_and_few_readings_never_do(
    agreed: int, differing: int
) -> None:
    settled = agreed + differing
    if settled < FEWEST_TO_JUDGE_BY:
        assert verdicts.trusted(agreed, settled)
    elif verdicts.trusted(agreed, settled):
        assert verdicts.trusted(agreed + 1, settled + 1)
    if differing and not verdicts.trusted(agreed, settled):
        assert settled >= FEWEST_TO_JUDGE_BY


@pytest.mark.parametrize(
    ("agreed", "settled", "goes_on"),
    [(26, 30, True), (25, 30, False), (0, 29, True), (75, 100, False), (80, 100, True)],
)
def test_who_goes_on(agreed: int, settled: int, goes_on: bool) -> None:
    assert verdicts.trusted(agreed, settled) is goes_on


def test_trust_ends_where_the_interval_that_pages_show_goes_under_its_bound() -> None:
    for settled in range(FEWEST_TO_JUDGE_BY, trust.JUDGED_READINGS + 1):
        agreed = next(n for n in range(settled + 1) if verdicts.trusted(n, settled))
        assert wilson(agreed - 1, settled)[0] < LEAST_AGREEMENT <= wilson(agreed, settled)[0]


@pytest.fixture
def past(mona: Person, person: Cast) -> Callable[..., None]:
    """Give a moderator so many settled readings, of which some agreed with what their drawing
    settled as."""

    def give(agreed: int, differing: int, moderator: Person = mona) -> None:
        drawn = [submit(person()) for _ in range(1 + (agreed + differing) // 30)]
        goods = [True] * agreed + [False] * differing
        settled = []
        for place in range(len(goods)):
            attempt = copy(drawn[place // 30])
            attempt.pk, attempt.pixels_sha256 = uuid4(), uuid4().hex * 2
            attempt.status, attempt.settled_at = "ambiguous", attempt.submitted_at
            attempt.needed_reading_count = 0
            settled.append(attempt)
        Attempt.objects.filter(pk__in=[attempt.pk for attempt in drawn]).delete()
        Attempt.objects.bulk_create(settled)
        Reading.objects.bulk_create(
            Reading(
                attempt=attempt,
                moderator=moderator,
                leased_at=attempt.submitted_at,
                lease_expires_at=attempt.submitted_at,
                answer="ambiguous" if good else "4",
                answered_at=attempt.submitted_at,
                is_correct=good,
            )
            for attempt, good in zip(settled, goods, strict=True)
        )

    return give


def test_workers_judge_moderators_and_do_all_else_without_scipy_which_they_would_keep(
    past: Callable[..., None], mona: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    past(17, 20)  # counts that no other test asks of: intervals are kept
    monkeypatch.setitem(sys.modules, "scipy.stats", None)  # importing it fails
    doing = [
        act for act in vars(tasks).values() if getattr(act, "__module__", "") == tasks.__name__
    ]
    assert len(doing) > 5
    for act in doing:
        act()
    mona.refresh_from_db()
    assert mona.is_moderation_paused


def test_a_settled_drawing_says_which_readings_agreed_with_it(
    alice: Person, mona: Person, mei: Person, person: Cast
) -> None:
    max_ = person("max", "moderator")
    attempt = submit(alice)
    for moderator, answer in ((mona, "9"), (mei, "4"), (max_, "9")):
        read(moderator, answer, attempt)
    assert Attempt.objects.get().status == "corrected"
    agreed = dict(Reading.objects.values_list("moderator__username", "is_correct"))
    assert agreed == {"mona": True, "mei": False, "max": True}
    assert [
        (one.moderator.username, one.agreed_count, one.settled_count)
        for one in trust.moderator_figures()
    ] == [
        ("max", 1, 1),
        ("mei", 0, 1),
        ("mona", 1, 1),
    ]


@pytest.mark.parametrize(
    ("answer", "status"), [("ambiguous", "ambiguous"), ("junk", "rejected"), ("4", "verified")]
)
def test_an_admins_decision_settles_who_agreed_too(
    alice: Person, mona: Person, mei: Person, ada: Person, person: Cast, answer: str, status: str
) -> None:
    attempt = submit(alice)
    readers = {"4": mona, "ambiguous": mei, "junk": person("max", "moderator")}
    others = [given for given in readers if given != "4"]
    for given_answer in (*others, "4"):
        if queue.assign(readers[given_answer]):
            read(readers[given_answer], given_answer, attempt)
    decided = decisions.decide(attempt.pk, ada, answer, "Looked at it.")
    assert decided.status == status
    for reading in decided.readings.all():
        assert reading.is_correct is (reading.answer == answer)


def test_who_agrees_too_seldom_is_paused_and_their_readings_go_back_into_the_queue(
    alice: Person, mona: Person, mei: Person, past: Callable[..., None]
) -> None:
    Study.objects.update(quorum=2)
    past(25, 5)
    drawings = [submit(alice), submit(alice)]
    read(mona, "4")
    queue.assign(mona)
    tasks.pause_untrusted_moderators()
    mona.refresh_from_db()
    assert mona.is_moderation_paused
    assert not mona.is_moderator
    record = ModerationPause.objects.get()
    assert (record.person, record.agreed_count, record.settled_count, record.lifted_at) == (
        mona,
        25,
        30,
        None,
    )
    assert not Reading.objects.filter(
        moderator=mona, attempt__status="pending", is_discounted=False
    ).exists()
    with pytest.raises(Forbidden):
        queue.assign(mona)
    for attempt in drawings:
        attempt.refresh_from_db()
        assert (attempt.status, attempt.needed_reading_count) == ("pending", 2)
    assert (
        Attempt.objects.filter(status="pending", first_read_at=None).count() == 1
    )  # what was only leased is still unread
    with CaptureQueriesContext(connection) as queries:
        tasks.pause_untrusted_moderators()
    assert not [
        query for query in queries if query["sql"].startswith(("UPDATE", "DELETE", "SAVEPOINT"))
    ]
    read(mei, "4")
    read(mei, "4")
    assert set(
        Attempt.objects.filter(status="pending").values_list("needed_reading_count", flat=True)
    ) == {1}
    assert ModerationPause.objects.count() == 1


def test_a_reading_that_comes_after_the_suspension_is_told_that_the_drawing_went_on(
    alice: Person, mona: Person, past: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = submit(alice)
    lease = queue.assign(mona)
    assert lease is not None
    past(0, 30)
    get = Attempt.objects.select_for_update

    def suspended_meanwhile(**options: Any) -> object:
        monkeypatch.undo()
        trust.pause_untrusted()
        return get(**options)

    monkeypatch.setattr(Attempt.objects, "select_for_update", suspended_meanwhile)
    with pytest.raises(Gone):
        readings.read(mona, lease.pk, "4")
    attempt.refresh_from_db()
    assert attempt.status == "pending"


def test_a_discounted_reading_neither_settles_nor_is_judged(
    alice: Person, mona: Person, mei: Person, person: Cast, past: Callable[..., None]
) -> None:
    Study.objects.update(quorum=2, round_size=100)
    attempt = submit(alice)
    read(mona, "9", attempt)
    past(0, 30)
    trust.pause_untrusted()
    read(mei, "4", attempt)
    assert read(person("max", "moderator"), "4", attempt).status == "verified"
    assert Reading.objects.get(moderator=mona, attempt=attempt).is_correct is None
    assert Sample.objects.get().label == 4
    assert [said for said in consistency.problems() if str(attempt.pk) in said] == []


def test_the_trusted_and_the_new_go_on(
    mona: Person, mei: Person, past: Callable[..., None]
) -> None:
    past(26, 4)
    past(0, 29, mei)
    trust.pause_untrusted()
    assert not Person.objects.filter(is_moderation_paused=True).exists()


def test_only_the_last_hundred_readings_count(mona: Person, past: Callable[..., None]) -> None:
    past(0, 30)
    past(100, 0)
    trust.pause_untrusted()
    assert not Person.objects.filter(is_moderation_paused=True).exists()


def test_an_admin_lifts_a_suspension_with_a_reason_and_the_moderator_is_judged_anew(
    mona: Person, ada: Person, alice: Person, past: Callable[..., None]
) -> None:
    past(0, 30)
    trust.pause_untrusted()
    with pytest.raises(Forbidden):
        trust.resume(mona, alice, "please")
    with pytest.raises(Refused):
        trust.resume(mona, ada, " ")
    trust.resume(mona, ada, "We talked.")
    mona.refresh_from_db()
    assert mona.is_moderator
    act = AdminAction.objects.get()
    assert (act.admin, act.kind, act.person, act.why) == (ada, "resumed", mona, "We talked.")
    assert ModerationPause.objects.get().lifted_at
    trust.pause_untrusted()
    mona.refresh_from_db()
    assert not mona.is_moderation_paused
    assert [one.settled_count for one in trust.moderator_figures()] == [0]
    with pytest.raises(Conflict):
        trust.resume(mona, ada, "again")


def test_when_everybody_left_has_read_it_a_drawing_comes_to_the_desk(
    alice: Person, mona: Person, mei: Person, past: Callable[..., None]
) -> None:
    Study.objects.update(quorum=2)
    attempt = submit(alice)
    read(mona, "4", attempt)
    past(0, 30)
    trust.pause_untrusted()
    assert attempt.pk not in set(decisions.unsettled().values_list("pk", flat=True))
    read(mei, "4", attempt)
    assert attempt.pk in set(decisions.unsettled().values_list("pk", flat=True))


def attack(
    seed: int, *, drawings: int = 600, lies: int = 120, quorum: int = 3
) -> tuple[float, float, int]:
    """30 honest moderators, right 95 % of the time, and 10 who confirm their friends' lies and are
    as honest otherwise.

    Each reader is drawn at random among those not suspended, as the server does; an admin who
    decides is right. Returns the share of lies and of honest fools that moderators made samples
    under their target, and how many of the honest were suspended.
    """
    rng = random.Random(seed)
    history: dict[int, list[bool]] = {moderator: [] for moderator in range(40)}
    suspended: set[int] = set()
    kept = {True: 0, False: 0}
    order = [True] * lies + [False] * (drawings - lies)
    rng.shuffle(order)
    for lie in order:
        target, shows = (4, "9") if lie else (4, "4")
        readers = [moderator for moderator in history if moderator not in suspended]
        rng.shuffle(readers)
        given: list[tuple[int, str]] = []
        outcome = None
        while (
            outcome is None
            and readers
            and verdicts.readings_needed(target, [a for _, a in given], quorum)
        ):
            moderator = readers.pop()
            right = rng.random() < 0.95
            answer = (
                shows
                if right
                else rng.choice([other for other in verdicts.ANSWERS if other != shows])
            )
            given.append((moderator, "4" if lie and moderator < 10 else answer))
            outcome = verdicts.settle(target, True, [a for _, a in given], quorum)
        kept[lie] += outcome is not None and outcome.status == "verified"
        outcome = outcome or verdicts.outcome(target, True, shows)
        for moderator, answer in given:
            last = history[moderator] = [*history[moderator], answer == outcome.answer][
                -trust.JUDGED_READINGS :
            ]
            if not verdicts.trusted(sum(last), len(last)):
                suspended.add(moderator)
    return (
        kept[True] / lies,
        kept[False] / (drawings - lies),
        sum(moderator >= 10 for moderator in suspended),
    )


def test_colluding_moderators_get_hardly_a_lie_through_and_honest_fools_pass() -> None:
    """The means of 50 seeds, with their 95 % intervals (normal)."""
    runs = [attack(seed) for seed in range(50)]
    means = [sum(values) / 50 for values in zip(*runs, strict=True)]
    spread = [
        1.96 * (sum((value - mean) ** 2 for value in values) / 49 / 50) ** 0.5
        for values, mean in zip(zip(*runs, strict=True), means, strict=True)
    ]
    assert means[0] + spread[0] <= 0.01
    assert means[1] - spread[1] >= 0.85
    assert means[2] <= 1.5
