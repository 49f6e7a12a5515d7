"""Arms of a study: the lot that gives people to them, and rounds, samples and trainings that are of
one each."""

import random
from collections import Counter
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from collector.drawings import asking, attempts, public, timeline
from collector.errors import Forbidden, Refused
from collector.models import Allocation, Attempt, Notice, Person, Study, StudyChange
from collector.people import accounts, arms, notices
from collector.rules import arms as rule
from collector.standings import leaderboards, round_figures
from collector.study import consistency
from collector.study import settings as study_settings
from tests.support.cast import ARMS, a_line, add_person, put, read, submit
from tests.support.models import add_model
from tests.support.nets import always
from trainer import candidates, rounds, samples, target
from trainer.learning.report import Report
from trainer.learning.weights import checksum
from trainer.models import Arm, Contributor, Round, RoundModel, Sample

SHORT = {"architecture": "mnist_model", "round_size": 1}


@pytest.fixture
def several(study: Study, ada: Person) -> Study:
    return study_settings.change(ada, arms=ARMS, round_size=1000)


@pytest.fixture
def people(several: Study) -> dict[str, Person]:
    """Somebody in each arm, by its name."""
    return {arm: put(add_person(f"{arm}-drawer"), arm) for arm in Arm.values}


weights = st.dictionaries(st.sampled_from(rule.NAMES), st.integers(1, rule.HEAVIEST), min_size=1)


@given(weights, st.randoms(use_true_random=False))
def test_a_block_has_each_arm_as_often_as_its_weight_says(
    weights: dict[str, int], lot: random.Random
) -> None:
    drawn: list[str] = []
    for _ in range(sum(weights.values())):
        drawn.append(rule.draw(weights, drawn, lot))
        assert all(n <= weights[arm] for arm, n in Counter(drawn).items())
    assert Counter(drawn) == weights


def test_every_order_of_a_block_is_as_likely_as_any_other() -> None:
    lot, seen = random.Random(5), Counter[tuple[str, ...]]()
    for _ in range(6000):
        drawn: list[str] = []
        while len(drawn) < 4:
            drawn.append(rule.draw({"dynamic": 2, "static": 1, "none": 1}, drawn, lot))
        seen[tuple(drawn)] += 1
    assert len(seen) == 12
    assert all(abs(n - 500) < 110 for n in seen.values()), "five standard deviations"


@given(weights.filter(lambda weights: rule.PLAIN in weights))
def test_what_is_said_of_arms_is_read_as_it_is_meant(weights: dict[str, int]) -> None:
    assert rule.parse(",".join(f"{arm}:{n}" for arm, n in weights.items())) == weights
    assert rule.parse(",".join(weights)) == dict.fromkeys(weights, 1)


def test_the_rules_arms_are_those_of_the_trainer() -> None:
    assert set(rule.NAMES) == set(Arm.values)


def sign_up(number: int) -> Person:
    return accounts.add(f"person-{number}", "correct horse battery")


def test_signing_up_fills_block_after_block_and_other_weights_begin_another(
    several: Study, ada: Person, settings: Any
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    for number in range(10):
        sign_up(number)
    study_settings.change(ada, arms="dynamic,static,none:3")
    for number in range(10, 16):
        sign_up(number)
    blocks: dict[int, Counter[str]] = {}
    for row in Allocation.objects.all():
        blocks.setdefault(row.block, Counter())[row.arm] += 1
    assert [blocks[n] for n in (0, 1)] == [{"dynamic": 2, "static": 1, "none": 1}] * 2
    assert blocks[2].total() == 2, "cut short by the other weights"
    assert blocks[3] == {"dynamic": 1, "static": 1, "none": 3}
    assert blocks[4].total() == 1
    assert not list(consistency.problems())


def test_a_lot_that_was_tampered_with_is_found(several: Study) -> None:
    for place, arm in enumerate(["dynamic", "static", "static", "none"]):
        row = {"arm": arm, "block": 0, "place": place, "weights": ARMS}
        Allocation.objects.create(person=add_person(), **row)
    Allocation.objects.create(person=add_person(), arm="none", block=1, place=0, weights=ARMS)
    assert list(consistency.problems()) == [
        "Block 0 of the lot has more of an arm than its weight.",
        "Block 0 of the lot is not full.",
    ]


def test_a_plain_site_gives_nobody_to_an_arm_and_asks_one_query_for_it(study: Study) -> None:
    somebody = add_person()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        arms.allocate(somebody)
    assert len(asked) == 1
    assert not Allocation.objects.exists()
    assert somebody.arm == Arm.DYNAMIC


def test_the_person_of_a_request_comes_with_their_arm(people: dict[str, Person]) -> None:
    for arm, person in people.items():
        with CaptureQueriesContext(connection) as asked:
            found = accounts.Backend().get_user(person.pk)
            assert found is not None
            assert found.arm == arm
        assert len(asked) == 1


@pytest.mark.parametrize("change", ["UPDATE {} SET arm = 'static'", "DELETE FROM {}"])
def test_nobody_changes_what_the_lot_gave(people: dict[str, Person], change: str) -> None:
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change.format("collector_allocation"))


def test_a_change_of_weights_is_logged_and_no_arm_goes(several: Study, ada: Person) -> None:
    study_settings.change(ada, arms="dynamic:1,static:1,none:1")
    [first, last] = StudyChange.objects.filter(field="arms").order_by("pk")
    assert (first.before, first.after) == ("dynamic", ARMS)
    assert (last.before, last.after) == (ARMS, "dynamic:1,static:1,none:1")
    for text in ("dynamic:1,static:1", "dynamic", "dynamic:1,static:0,none:1"):
        with pytest.raises(Refused):
            study_settings.change(ada, arms=text)


def test_arms_begin_with_the_same_model_and_have_rounds_of_their_own(several: Study) -> None:
    first = rounds.get_round(1)
    assert [rounds.get_round(1, arm).model for arm in Arm.values] == [first.model] * 3
    rounds.open_next(add_model(3))
    assert {arm: target.current(arm).number for arm in Arm.values} == {
        "dynamic": 2,
        "static": 1,
        "none": 1,
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        Round.objects.create(number=9, arm="static", model=first.model, opened_at=first.opened_at)


def test_static_people_draw_against_round_1s_model_for_ever(people: dict[str, Person]) -> None:
    rounds.open_next(add_model(3))
    rounds.open_next(add_model(4, arm="static"))
    fates = {arm: submit(person) for arm, person in people.items()}
    assert {arm: (each.round.number, each.predicted_label) for arm, each in fates.items()} == {
        "dynamic": (2, 3),
        "static": (2, 7),
        "none": (1, 7),
    }
    assert rounds.get_round(2, "static").model == rounds.get_round(1).model


def test_each_arm_trains_on_its_own_samples_side_by_side(
    people: dict[str, Person], mona: Person
) -> None:
    for label, person in zip((4, 5, 7), people.values(), strict=True):
        read(mona, str(label), submit(person, label))
    assert Counter(Sample.objects.values_list("arm", flat=True)) == dict.fromkeys(Arm.values, 1)
    Contributor.objects.update(split="train")
    begun = {arm: candidates.start_if_due(**SHORT, arm=arm) for arm in Arm.values}  # type: ignore[arg-type]
    for arm, candidate in begun.items():
        assert candidate is not None
        assert [sample.arm for sample in samples.trained_on(candidate)] == [arm]
        assert candidates.start_if_due(**SHORT, arm=arm) is None  # type: ignore[arg-type]
    assert samples.counts_trained_on() == {
        pk: int(pk in {each.pk for each in begun.values() if each})
        for pk in RoundModel.objects.values_list("pk", flat=True)
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        RoundModel.objects.create(architecture="mnist_model", arm="none")


def test_what_an_arm_trained_opens_its_next_round_and_is_the_target_in_the_dynamic_alone(
    people: dict[str, Person], mona: Person
) -> None:
    first = rounds.get_round(1).model
    for label, person in zip((4, 5, 7), people.values(), strict=True):
        read(mona, str(label), submit(person, label))
    Contributor.objects.update(split="train")
    for arm in Arm.values:
        assert candidates.start_if_due(**SHORT, arm=arm)  # type: ignore[arg-type]
    claims = [candidates.claim_next() for _ in Arm.values]
    for claim in claims:
        assert claim is not None
        made = candidates.finish(
            claim,
            weights=always(3),
            sha256=checksum(always(3)),
            manifest={},
            report=Report(),
            reasons=["No better."] if claim is claims[-1] else [],
        )
        opened = Round.objects.get(arm=made.arm, state="open")
        if made.state == "held":
            assert (made.arm, opened.number) == ("none", 1)
            opened = candidates.promote(made.pk, "ada", "To compare.")
        assert (opened.number, opened.arm) == (2, made.arm)
        assert opened.model == (made if made.arm == "dynamic" else first)
    assert round_figures.current("static").number == 2
    assert [each.first for each in round_figures.history([1, 2], "static").rounds] == [1, 1]


def test_the_same_pixels_may_be_a_sample_of_each_arm(
    people: dict[str, Person], mona: Person
) -> None:
    drawn = a_line()
    for person in (people["dynamic"], people["static"]):
        attempt, _ = attempts.submit(person, attempts.Submission(4, drawn))
        assert attempt.is_original, "copies are of one's own arm"
        read(mona, "4", attempt)
    assert Sample.objects.filter(withdrawn_at=None).count() == 2


def test_a_round_of_another_arm_tells_its_drawer_what_became_of_a_sample(
    people: dict[str, Person], mona: Person
) -> None:
    attempt = submit(people["static"])
    read(mona, "4", attempt)
    Contributor.objects.update(split="train")
    candidate = candidates.start_if_due(**SHORT, arm="static")  # type: ignore[arg-type]
    assert candidate is not None
    RoundModel.objects.filter(pk=candidate.pk).update(
        state="promoted", finished_at=rounds.get_round(1).opened_at
    )
    rounds.open_next(RoundModel.objects.get(pk=candidate.pk))
    [(_, headline)] = timeline.with_headlines([Attempt.objects.get(pk=attempt.pk)])
    assert headline == "Verified · trained into round 2"
    Notice.objects.all().delete()
    assert [notices.notify_of_round() for _ in range(2)] == [1, 0]
    notice = Notice.objects.get()
    assert notice.person == people["static"]
    assert notice.text == "Round 2 is open. A model learned from a drawing of yours."


def test_standings_and_what_is_public_are_of_one_arm(
    people: dict[str, Person], mona: Person
) -> None:
    for person in people.values():
        read(mona, "4", submit(person))
    for arm, person in people.items():
        names = [] if arm == "none" else [person.username]
        for period in leaderboards.PERIODS:
            assert [each.username for each in leaderboards.standings(period, arm)] == names
        assert [fool.drawer.username for fool in public.public(arm)] == names
        assert sum(public.counts(arm=arm).values()) == len(names)


def test_without_a_verdict_every_drawing_is_read_and_nothing_is_told(
    people: dict[str, Person], mona: Person
) -> None:
    drawer = people["none"]
    for label, is_audited in ((4, False), (7, True)):
        attempt = submit(drawer, label)
        assert (attempt.status, attempt.is_audited) == ("pending", is_audited)
        before = timeline.timeline(attempt)
        read(mona, str(label), attempt)
        after = timeline.timeline(Attempt.objects.get(pk=attempt.pk))
        assert after == before
        assert Attempt.objects.get(pk=attempt.pk).fate().status == "pending"
    assert not Notice.objects.filter(person=drawer).exists()
    with pytest.raises(Forbidden, match="before the study has ended"):
        asking.predict(a_line(), drawer, str(drawer.pk))
    Contributor.objects.update(split="train")
    assert samples.due(arm="none").count() == 2
    assert not [problem for problem in consistency.problems() if "of the lot" not in problem]


def test_somebody_sees_the_rounds_of_their_own_arm_or_of_the_one_they_ask_for(
    people: dict[str, Person], ada: Person
) -> None:
    assert round_figures.shown_arm(None) == "dynamic"
    assert round_figures.shown_arm(people["static"]) == "static"
    assert round_figures.shown_arm(people["static"], "dynamic") == "dynamic"
    assert round_figures.shown_arm(ada, "none") == "none"
    for viewer, asked in ((people["none"], ""), (people["static"], "none"), (None, "none")):
        with pytest.raises(Forbidden):
            round_figures.shown_arm(viewer, asked)
    with pytest.raises(Refused):
        round_figures.shown_arm(None, "made_up")
