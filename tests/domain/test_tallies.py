"""Sums that the database keeps: whatever people do in whatever order, or at once, they are what a
recount of the rows says; so is all that is told from them."""

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F, Model
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from collector.drawings import public
from collector.models import (
    Attempt,
    DigitTally,
    Person,
    Reading,
    ReadingDayTally,
    SampleTally,
    Study,
    Tally,
    tallies,
)
from collector.moderation import trust
from collector.people import closing
from collector.standings import leaderboards, progress, round_figures
from collector.study import consistency, site_metrics, site_status
from tests.domain import test_recount
from tests.support import penmanship
from tests.support.cast import add_person, read, submit
from tests.support.examples import examples
from tests.support.models import add_model
from tests.support.site import Site
from trainer import samples
from trainer.models import Round, RoundModel, Sample

AT_ONCE = 8


def recount(attempts: Iterable[Attempt]) -> leaderboards.AttemptCounts:
    """Count these attempts one by one, as the sums are to count them."""
    drawn = [each for each in attempts if not each.is_imported]
    originals = [each for each in drawn if each.is_original]
    fools = [each.status for each in originals if each.has_fooled]
    return leaderboards.AttemptCounts(
        attempt_count=len(originals),
        fooled_count=len(fools),
        pending_count=fools.count("pending"),
        verified_count=fools.count("verified"),
        copy_count=len(drawn) - len(originals),
    )


class Drawing(test_recount.Site):
    """The site of the recount, on which people also remove their drawings."""

    @rule(n=st.integers(0, 20))
    def removes_all_of_theirs(self, n: int) -> None:
        if n < test_recount.DRAWERS:
            with transaction.atomic():
                closing._remove_drawings(self.drawer(n))

    @invariant()
    def sums_are_a_recount(self) -> None:
        assert list(tallies.differences()) == []

    @invariant()
    def what_is_told_from_them_is_a_recount(self) -> None:
        everybody, rounds = list(Person.objects.all()), list(Round.objects.all())
        by_round = leaderboards.counts_by_round(round_.pk for round_ in rounds)
        for round_ in rounds:
            counted = recount(round_.attempts.all())
            assert by_round.get(round_.pk, leaderboards.AttemptCounts()) == counted
        of_people = leaderboards.counts_of(everybody)
        read_by = trust.reading_counts(everybody)
        for person in everybody:
            assert of_people[person.pk] == recount(person.attempts.all())
            answered = Reading.objects.filter(moderator=person, answer__isnull=False)
            assert read_by[person.pk] == trust.ReadingCounts(answered.count(), 0)
        for number in (None, *(round_.number for round_ in rounds)):
            shown = public.best(number).values_list("target_label", "predicted_label")
            assert public.counts(number) == Counter(shown)
        assert leaderboards.standings("week") == leaderboards.standings("all")

    @invariant()
    def rounds_days_and_models_are_told_from_a_recount(self) -> None:
        for round_ in Round.objects.all():
            drawn = {
                digit: recount(round_.attempts.filter(target_label=digit))
                for digit in round_.attempts.values_list("target_label", flat=True)
            }
            assert leaderboards.counts_by_digit([round_]) == drawn
            statuses = Counter(round_.attempts.values_list("status", flat=True))
            told = site_metrics._attempts({round_.pk: round_.arm}).samples
            assert {each.labels["status"]: each.value for each in told if each.value} == statuses
        answered = Reading.objects.filter(answer__isnull=False).count()
        days = site_status.daily()
        assert sum(day.drawing_count for day in days) == Attempt.objects.count()
        assert sum(day.reading_count for day in days) == answered
        for model in RoundModel.objects.all():
            samples_of = samples.trained_on(model)
            people = samples_of.order_by().values("contributor").distinct()
            assert round_figures.trained_on(model) == (samples_of.count(), people.count())


def test_sums_equal_a_recount_whatever_people_do(study: Study, settings: Any) -> None:
    settings.LIMIT_SCALE = 1000
    run_state_machine_as_test(
        Drawing,
        settings=hypothesis.settings(
            max_examples=examples(8),
            stateful_step_count=25,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )


@pytest.mark.survives(
    "drawers who submit and take back, and moderators who read, all at once",
    "the sums are what the rows say",
)
@pytest.mark.faults
def test_sums_equal_a_recount_whatever_people_do_at_once(make_site: Callable[..., Site]) -> None:
    site = make_site(DADC_LIMIT_SCALE="1000")
    drawers = site.people("alice", "bob")
    readers = site.people("ada", "eve", "ivy", role="admin")
    drawings = penmanship.fooling(11, 24)

    def draw(n: int) -> int:
        label, strokes, width = drawings[n]
        body = {"target_label": label, "strokes": strokes, "width": width}
        answer = drawers[n % 2].post("/api/attempts/", body)
        if n % 4 == 0 and answer.status == 201:
            drawers[n % 2].post(f"/api/attempts/{answer.body['id']}/retract/")
        return answer.status

    def moderate(n: int) -> int:
        reader = readers[n % len(readers)]
        assigned = reader.post("/api/assignments/")
        if assigned.status != 201:
            return assigned.status
        body = {"reading": str(n % 10)}
        return reader.post(f"/api/assignments/{assigned.body['id']}/reading/", body).status

    acts = [(act, n) for n in range(len(drawings)) for act in (draw, moderate, moderate)]
    with ThreadPoolExecutor(AT_ONCE) as many:
        statuses = set(many.map(lambda act: act[0](act[1]), acts))
    assert max(statuses) < 500
    assert site.manage("verify") == "Everything agrees.\n"


def test_the_week_is_cut_by_the_hour_and_its_other_days_are_whole(
    study: Study, alice: Person, mona: Person
) -> None:
    Study.objects.update(quorum=1, round_size=100)
    now = timezone.now()
    ages = [timedelta(0), timedelta(days=3), timedelta(days=7, seconds=-5), timedelta(days=7)]
    for age in ages:
        attempt = submit(alice)
        read(mona, "4", attempt)
        Attempt.objects.filter(pk=attempt.pk).update(submitted_at=now - age)
    [line] = leaderboards.standings("week")
    assert (line.credit, line.attempt_count, line.verified_count) == (2.5, 3, 3)
    assert list(tallies.differences()) == []
    assert Tally.objects.filter(drawer=alice, day__isnull=False, attempt_count__gt=0).count() == 3
    assert len(progress._days(alice)) == 3


def test_who_is_not_seen_is_not_in_the_counts_of_the_gallery(
    study: Study, alice: Person, mona: Person
) -> None:
    Study.objects.update(quorum=1, round_size=100)
    for drawer in (alice, add_person("bert")):
        read(mona, "4", submit(drawer))
    [pair] = public.counts()
    assert public.counts() == public.counts(1) == {pair: 2}
    Person.objects.filter(username="bert").update(is_listed=False)
    assert public.counts() == public.counts(1) == {pair: 1}
    Person.objects.filter(pk=alice.pk).update(is_listed=False)
    assert public.counts() == public.counts(1) == {}


@pytest.mark.django_db
def test_a_row_that_goes_takes_its_part_of_the_sums_along(
    study: Study, alice: Person, mona: Person
) -> None:
    submit(alice)
    gone = submit(alice)
    gone.delete()
    assert leaderboards.counts_of([alice])[alice.pk].attempt_count == 1
    Attempt.objects.update(drawer=mona)
    assert leaderboards.counts_of([alice, mona])[mona.pk].attempt_count == 1
    assert list(tallies.differences()) == []


def test_sums_are_made_anew_from_what_is_there(study: Study, alice: Person) -> None:
    tallies.leave(connection)
    submit(alice)
    assert list(tallies.differences())
    tallies.fill(connection)
    tallies.keep(connection)
    submit(alice)
    assert list(tallies.differences()) == []
    assert leaderboards.counts_of([alice])[alice.pk].attempt_count == 2


def test_answers_are_counted_by_their_day_and_go_with_it(
    study: Study, alice: Person, mona: Person
) -> None:
    Study.objects.update(round_size=100)
    for _ in range(2):
        read(mona, "4", submit(alice))
    first, _ = Reading.objects.order_by("answered_at")
    Reading.objects.filter(pk=first.pk).update(answered_at=F("answered_at") - timedelta(days=3))
    days = site_status.daily()
    assert [day.reading_count for day in days[-4:]] == [1, 0, 0, 1]
    assert (days[-1].drawing_count, days[-1].sign_up_count) == (2, Person.objects.count())
    assert list(tallies.differences()) == []


def test_what_models_were_trained_on_is_a_sum_until_it_is_withdrawn(
    study: Study, alice: Person, mona: Person
) -> None:
    Study.objects.update(quorum=1, round_size=100)
    for drawer in (alice, add_person("bert")):
        read(mona, "4", submit(drawer))
    older, newer, newest = (add_model(seed) for seed in (3, 4, 5))
    assert round_figures.trained_on(older) == (0, 0)
    one, other = Sample.objects.order_by("added_at")
    Sample.objects.filter(pk=one.pk).update(first_trained_by=older)
    Sample.objects.filter(pk=other.pk).update(first_trained_by=newer)
    told = [round_figures.trained_on(model) for model in (older, newer, newest)]
    assert told == [(1, 1), (2, 2), (2, 2)]
    now = timezone.now()
    Sample.objects.filter(pk=one.pk).update(withdrawn_at=now, last_trained_by=newer)
    Sample.objects.filter(pk=other.pk).update(withdrawn_at=now)
    told = [round_figures.trained_on(model) for model in (older, newer, newest)]
    assert told == [(1, 1), (1, 1), (0, 0)]
    assert list(tallies.differences()) == []
    assert samples.removed_since(newer) is None
    Sample.objects.filter(pk=one.pk).update(removed_at=now)
    assert (samples.removed_since(newer), samples.removed_since(newest)) == (now, None)


@pytest.mark.parametrize("model", [DigitTally, ReadingDayTally, SampleTally, Tally])
def test_a_sum_that_is_off_is_found(
    model: type[Model], study: Study, alice: Person, mona: Person
) -> None:
    Study.objects.update(quorum=1, round_size=100)
    read(mona, "4", submit(alice))
    Sample.objects.update(first_trained_by=add_model(3))
    assert list(consistency.problems()) == []
    name = {"ReadingDayTally": "answer_count", "SampleTally": "sample_count"}.get(
        model.__name__, "verified_count"
    )
    model._base_manager.update(**{name: F(name) + 1})
    found = list(tallies.differences())
    assert found
    assert all(f"{model._meta.db_table} of" in each and f"{name} by -1" in each for each in found)
    assert set(found) <= set(consistency.problems())


def test_the_migration_makes_all_sums_from_what_is_there_and_goes_on_keeping_them(
    study: Study, alice: Person, mona: Person
) -> None:
    Study.objects.update(quorum=1, round_size=100)
    tallies.leave(connection)
    read(mona, "4", submit(alice))
    Sample.objects.update(first_trained_by=add_model(3))
    migration = import_module("collector.migrations.0026_more_sums")
    editor = SimpleNamespace(connection=connection)
    for _ in range(2):  # from no sums, and from sums that are kept
        migration.begin(None, editor)
        migration.keep_sums(None, editor)
    assert list(tallies.differences()) == []
    submit(alice)
    assert list(tallies.differences()) == []
    assert leaderboards.counts_of([alice])[alice.pk].attempt_count == 2


@pytest.mark.django_db(transaction=True)
def test_flush_leaves_no_sums_and_goes_on_keeping_them(study: Study, alice: Person) -> None:
    submit(alice)
    call_command("flush", interactive=False, verbosity=0)
    assert not Tally.objects.exists()
    assert [name for _, name, _ in tallies.triggers(connection.vendor)]
