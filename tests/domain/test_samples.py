"""Samples, splits, what is due, and what a model was trained on."""

import uuid

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.models import Person, Study
from tests.support.cast import submit
from tests.support.examples import examples
from tests.support.models import add_model
from trainer import candidates, rounds, samples
from trainer.models import Contributor, Round, RoundModel, Sample

_pixels = iter(range(1, 100_000))
_positions = iter(range(1000, 100_000))


def add(
    contributor: uuid.UUID | None = None, *, has_fooled: bool = True, pixels: bytes | None = None
) -> Sample | None:
    with transaction.atomic():
        return samples.add(
            attempt=uuid.uuid4(),
            contributor=contributor or uuid.uuid4(),
            pixels=pixels or next(_pixels).to_bytes(784, "big"),
            label=4,
            has_fooled=has_fooled,
            round_=Round.objects.get(number=1),
        )


def kept(contributor: uuid.UUID | None = None, *, has_fooled: bool = True) -> Sample:
    sample = add(contributor, has_fooled=has_fooled)
    assert sample is not None
    return sample


def train_contributor() -> uuid.UUID:
    """A contributor of the train split: the first of a block always is."""
    while Contributor.objects.count() % samples.BLOCK:
        kept()
    return kept().contributor_id


def test_in_each_block_of_five_contributors_one_of_the_last_four_is_test(study: Study) -> None:
    for _ in range(300):
        kept()
    splits = list(Contributor.objects.order_by("position").values_list("split", flat=True))
    blocks = [splits[start : start + 5] for start in range(0, 300, 5)]
    assert all(block[0] == "train" and block.count("test") == 1 for block in blocks)
    places = {block.index("test") for block in blocks}
    assert places == {1, 2, 3, 4}  # that one of four is missing from 60 fair lots: 1 in 8 million


def test_a_contributor_stays_on_one_side_of_the_split(study: Study) -> None:
    someone = uuid.uuid4()
    assert len({kept(someone).contributor.split for _ in range(10)}) == 1
    assert Contributor.objects.count() == 1


def test_the_same_pixels_are_one_sample_while_it_is_active(study: Study) -> None:
    someone = uuid.uuid4()
    first = add(someone, pixels=b"\1" * 784)
    assert add(pixels=b"\1" * 784) is None
    assert first is not None
    assert samples.withdraw(someone) == 1
    assert add(pixels=b"\1" * 784) is not None


def test_only_fooling_samples_of_the_train_split_that_nothing_trained_on_are_due(
    study: Study,
) -> None:
    someone = train_contributor()
    Sample.objects.all().delete()
    due, audited = kept(someone), kept(someone, has_fooled=False)
    Contributor.objects.filter(position=1).delete()
    tester = Contributor.objects.create(id=uuid.uuid4(), position=1000, split="test")
    kept(tester.pk)
    assert list(samples.due()) == [due]
    candidate = RoundModel.objects.create(architecture="mnist_model")
    samples.fix_set(candidate)
    assert not samples.due().exists()
    assert set(samples.trained_on(candidate)) == {due, audited}


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5), st.integers(1, 5), st.integers(0, 3))
@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_of_each_contributor_only_so_many_new_samples_count_and_are_trained_on(
    study: Study, counts: list[int], max_per_person: int, audited: int
) -> None:
    Sample.objects.all().delete()
    RoundModel.objects.filter(initial_model__isnull=False).delete()
    people = [
        Contributor.objects.create(id=uuid.uuid4(), position=next(_positions), split="train")
        for _ in counts
    ]
    for who, count in zip(people, counts, strict=True):
        for _ in range(audited):
            kept(who.pk, has_fooled=False)
        for _ in range(count):
            kept(who.pk)
    left = counts
    for _ in range(8):
        assert samples.due(max_per_person).count() == sum(
            min(count, max_per_person) for count in left
        )
        before = samples.due().count()
        candidate = RoundModel.objects.create(architecture="mnist_model", state="failed")
        samples.fix_set(candidate, max_per_person)
        taken = Sample.objects.filter(first_trained_by=candidate)
        by_person = [taken.filter(contributor=who).count() for who in people]
        assert max(by_person) <= max_per_person
        assert before - samples.due().count() == sum(min(count, max_per_person) for count in left)
        left = [count - min(count, max_per_person) for count in left]
    assert samples.due().count() == sum(left)


def test_the_oldest_fools_of_a_contributor_come_first(study: Study) -> None:
    someone = train_contributor()
    Sample.objects.all().delete()
    audited, older, newer = kept(someone, has_fooled=False), kept(someone), kept(someone)
    first, second, third = (
        RoundModel.objects.create(architecture="mnist_model", state="failed") for _ in range(3)
    )
    sets = []
    for candidate in (first, second, third):
        samples.fix_set(candidate, 1)
        sets.append(set(samples.trained_on(candidate)))
    assert sets == [{older}, {older, newer}, {older, newer, audited}]


def test_a_round_is_due_only_once_enough_people_gave_their_share(study: Study) -> None:
    one, two = train_contributor(), train_contributor()
    Sample.objects.all().delete()
    for _ in range(10):
        kept(one)
    assert candidates.start_if_due("mnist_model", 4, 2) is None
    kept(two)
    assert candidates.start_if_due("mnist_model", 4, 2) is None
    kept(two)
    candidate = candidates.start_if_due("mnist_model", 4, 2)
    assert candidate is not None
    assert samples.trained_on(candidate).count() == 4


@pytest.mark.parametrize(
    ("share", "size", "most"),
    [(1, 10, None), (0.2, 10, 2), (0.29, 100, 29), (0.05, 10, 1), (0, 10, 1), (0.5, 5, 2)],
)
def test_a_persons_share_of_a_round_is_rounded_down_and_at_least_one(
    share: float, size: int, most: int | None
) -> None:
    assert Study(person_share=share, round_size=size).max_per_person == most


def test_a_model_keeps_its_set_when_samples_come_and_go(study: Study) -> None:
    one, two = train_contributor(), train_contributor()
    Sample.objects.all().delete()
    early, leaver = kept(one), kept(two)
    first = RoundModel.objects.create(architecture="mnist_model")
    samples.fix_set(first)
    RoundModel.objects.filter(pk=first.pk).update(state="failed")
    samples.withdraw(two)
    late = kept(one)
    second = RoundModel.objects.create(architecture="mnist_model")
    samples.fix_set(second)
    assert set(samples.trained_on(first)) == {early, leaver}
    assert set(samples.trained_on(second)) == {early, late}
    counts = samples.counts_trained_on()
    assert (counts[first.pk], counts[second.pk]) == (2, 2)


def test_a_sample_withdrawn_before_any_training_is_in_no_set(study: Study) -> None:
    someone = train_contributor()
    Sample.objects.all().delete()
    kept(someone)
    samples.withdraw(someone)
    candidate = RoundModel.objects.create(architecture="mnist_model")
    samples.fix_set(candidate)
    assert not samples.trained_on(candidate).exists()


def test_arrays_hold_the_samples_in_the_order_of_their_ids(study: Study) -> None:
    made = sorted((kept() for _ in range(3)), key=lambda sample: sample.pk)
    arrays = samples.arrays(Sample.objects.order_by("pk"))
    assert arrays.ids == [str(sample.pk) for sample in made]
    assert arrays.pixels.shape == (3, 28, 28)
    assert arrays.labels.tolist() == [4, 4, 4]
    assert arrays.pixels[0].tobytes() == bytes(made[0].pixels)
    assert samples.arrays(Sample.objects.none()).pixels.shape == (0, 28, 28)


def test_rolling_back_opens_a_new_round_with_the_old_model(alice: Person) -> None:
    rounds.open_next(add_model(3))
    attempt = submit(alice, 4)
    back = rounds.roll_back(1, "ada", "Damaged.")
    assert (back.number, back.model_id) == (3, Round.objects.get(number=1).model_id)
    assert submit(alice, 4).predicted_label == 7
    attempt.refresh_from_db()
    assert (attempt.round.number, attempt.predicted_label) == (2, 3)
    assert (back.opened_by, back.opened_why) == ("ada", "Damaged.")
    for number in (9, 3):
        with pytest.raises(rounds.NoSuchRound):
            rounds.roll_back(number, "ada", "")
