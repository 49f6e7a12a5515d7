"""Training: reproducible to the byte, stoppable, safe against divergence, and it teaches samples
without forgetting."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support.penmanship import fooling, picture
from trainer.learning import basedata, evaluate, fit, inference, kept, nets, shipped, weights
from trainer.learning.basedata import BaseData
from trainer.learning.evaluate import EvalSet
from trainer.learning.fit import (
    Diverged,
    Recipe,
    default_recipe,
    manifest,
    retrain,
    train_round_one,
)
from trainer.learning.gate import decide
from trainer.learning.manifests import Manifest
from trainer.learning.report import MNIST_TEST

NET = "mnist_model"
Samples = tuple[NDArray[np.uint8], NDArray[np.int64]]
SHORT = replace(default_recipe(NET, 10), steps=12)


def ignore(share: float) -> None: ...


def fooled(seed: int, n: int) -> Samples:
    drawn = fooling(seed, n)
    return np.stack([picture(strokes, width) for _, strokes, width in drawn]), np.array(
        [label for label, _, _ in drawn]
    )


@pytest.fixture(scope="module")
def samples() -> Samples:
    return fooled(seed=11, n=20)


@pytest.fixture(scope="module")
def train(start: bytes, small: BaseData, samples: Samples) -> Callable[..., bytes]:
    def train(
        recipe: Recipe = SHORT, seed: int = 1, chosen: Samples = samples, base: BaseData = small
    ) -> bytes:
        return retrain(start, NET, base, *chosen, recipe, seed, ignore)

    return train


@pytest.fixture(scope="module")
def usual(train: Callable[..., bytes]) -> bytes:
    return train()


@pytest.fixture(scope="module")
def on_stand_in(start: bytes) -> tuple[bytes, Samples]:
    """The weights and the samples of the usual retraining on ten of these."""
    ten = fooled(seed=21, n=10)
    recipe = default_recipe(NET, 10)
    return retrain(start, NET, basedata.stand_in(), *ten, recipe, 1, ignore), ten


def accuracy(data: bytes, chosen: EvalSet) -> float:
    share = evaluate.evaluate(weights.load(NET, data, None), {"it": chosen}).of("it").accuracy
    assert share is not None
    return share


@pytest.mark.survives(
    "the same manifest and seed, trained twice",
    "the same weights, byte for byte",
)
def test_same_arguments_train_to_the_same_bytes(train: Callable[..., bytes], start: bytes) -> None:
    torch.manual_seed(1)
    first = train()
    torch.manual_seed(2)
    torch.rand(5)
    np.random.default_rng().random(5)
    assert train() == first
    assert first != start


def test_another_seed_trains_to_other_bytes(train: Callable[..., bytes], usual: bytes) -> None:
    assert train(seed=2) != usual


def test_order_of_samples_does_not_matter(
    train: Callable[..., bytes], samples: Samples, usual: bytes
) -> None:
    pixels, labels = samples
    assert train(chosen=(pixels[::-1], labels[::-1])) == usual


def test_what_the_process_trained_before_does_not_matter(
    train: Callable[..., bytes], small: BaseData
) -> None:
    first = train()
    fewer = replace(
        small,
        train_images=small.train_images[::2],
        train_labels=small.train_labels[::2],
        sha256="fewer",
    )
    assert train(base=fewer) != first
    assert train() == first


def test_retraining_leaves_no_unit_and_no_statistic_to_chance(
    small: BaseData, samples: Samples
) -> None:
    """No dropout, and batch norm's statistics are those of round 1."""
    first = shipped.round_one("strong").weights
    data = retrain(
        first, "strong", small, *samples, replace(default_recipe("strong", 10), steps=12), 1, ignore
    )
    before, after = (weights.load("strong", d, None).state_dict() for d in (first, data))
    still = [name for name in before if torch.equal(before[name], after[name])]
    assert {name for name in before if "running" in name} == {
        name for name in still if "num_batches" not in name
    }


def test_labels_of_samples_matter(
    train: Callable[..., bytes], samples: Samples, usual: bytes
) -> None:
    pixels, labels = samples
    assert train(chosen=(pixels, (labels + 1) % 10)) != usual


@pytest.mark.parametrize(
    "field",
    [
        "distillation",
        "sample_weight",
        "rotation",
        "shear",
        "scale",
        "translation",
        "base_augment",
        "weight_decay",
    ],
)
def test_every_number_of_the_recipe_matters(
    train: Callable[..., bytes], usual: bytes, field: str
) -> None:
    assert train(replace(SHORT, **{field: 2 * getattr(SHORT, field) + 0.1})) != usual


def test_round_one_trains_from_nothing_and_the_same_again(small: BaseData) -> None:
    recipe = replace(fit.round_one_recipe(NET, len(small.train_images)), steps=120)
    learned = train_round_one(small, NET, recipe, 3, ignore)
    assert accuracy(learned, EvalSet(small.gate_images, small.gate_labels)) > 0.6
    short = replace(recipe, steps=12)
    first = train_round_one(small, NET, short, 3, ignore)
    assert train_round_one(small, NET, short, 3, ignore) == first
    assert train_round_one(small, NET, short, 4, ignore) != first


def test_strong_net_trains_from_nothing_on_augmented_images_and_the_same_again(
    small: BaseData,
) -> None:
    recipe = replace(fit.round_one_recipe("strong", len(small.train_images)), steps=30)
    short = replace(recipe, steps=3)
    first = train_round_one(small, "strong", short, 3, ignore)
    assert train_round_one(small, "strong", short, 3, ignore) == first
    still = replace(short, rotation=0, shear=0, scale=0, translation=0)
    unmoved = train_round_one(small, "strong", still, 3, ignore)
    for augmented in (
        replace(still, rotation=1),
        replace(still, shear=1),
        replace(still, scale=0.1),
        replace(still, translation=1),
    ):
        assert train_round_one(small, "strong", augmented, 3, ignore) != unmoved
    net = weights.load("strong", train_round_one(small, "strong", recipe, 3, ignore), None)
    assert (
        nets.probabilities(net, small.gate_images).argmax(axis=1) == small.gate_labels
    ).mean() > 0.8


@pytest.fixture
def as_next_process(
    start: bytes, small: BaseData, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], bytes]:
    def train(answers_in: Path) -> bytes:
        monkeypatch.setattr(fit._Teacher, "_cache", {})
        return retrain(start, NET, small, *samples, SHORT, 1, ignore, answers_in)

    return train


def test_next_process_takes_round_ones_answers_from_the_folder(
    as_next_process: Callable[[Path], bytes], usual: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "answers"
    assert as_next_process(folder) == usual
    [kept_as] = folder.iterdir()
    assert as_next_process(folder) == usual
    answers = kept.read(folder, kept_as.name)
    assert answers is not None
    kept.write(folder, kept_as.name, answers[::-1].copy())
    assert as_next_process(folder) != usual  # so they are not computed anew


def test_round_ones_answers_of_another_start_take_the_place_of_the_last(
    as_next_process: Callable[[Path], bytes], small: BaseData, samples: Samples, tmp_path: Path
) -> None:
    as_next_process(tmp_path)
    [before] = tmp_path.iterdir()
    other = train_round_one(small, NET, replace(SHORT, sample_batch=0), 1, ignore)
    retrain(other, NET, small, *samples, SHORT, 1, ignore, tmp_path)
    [after] = tmp_path.iterdir()
    assert after.name != before.name


@pytest.mark.parametrize("damage", [b"", b"?", bytes(100), None])
def test_damaged_answers_of_round_one_are_computed_anew(
    as_next_process: Callable[[Path], bytes], usual: bytes, tmp_path: Path, damage: bytes | None
) -> None:
    as_next_process(tmp_path)
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if damage is None else damage)
    assert as_next_process(tmp_path) == usual
    assert file.read_bytes() == whole


def test_training_needs_no_folder_that_can_be_written_to(
    as_next_process: Callable[[Path], bytes],
    usual: bytes,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").write_text("no folder")
    assert as_next_process(tmp_path / "file") == usual
    assert "Nothing is kept" in caplog.text


def test_strong_net_retrains_to_the_same_bytes(small: BaseData, samples: Samples) -> None:
    first = shipped.round_one("strong").weights
    recipe = replace(default_recipe("strong", 10), steps=12)
    data, again = (retrain(first, "strong", small, *samples, recipe, 1, ignore) for _ in range(2))
    assert data == again != first
    weights.load("strong", data, None)


def test_first_nets_recipe_for_round_one_is_that_of_its_shipped_weights() -> None:
    assert fit.round_one_recipe(NET, 55_000).as_json() == shipped.round_one(NET).recipe


def test_strong_nets_recipe_for_round_one_is_that_of_its_shipped_weights() -> None:
    assert fit.round_one_recipe("strong", 55_000).as_json() == shipped.round_one("strong").recipe


def test_net_of_ones_own_has_a_recipe_for_round_one_with_augmented_images() -> None:
    recipe = fit.round_one_recipe("ones_own", 55_000)
    assert recipe == fit.round_one_recipe("strong", 55_000) != fit.round_one_recipe(NET, 55_000)
    assert min(recipe.rotation, recipe.shear, recipe.scale, recipe.translation) > 0


def test_net_of_ones_own_trains_by_its_recipe_and_retrains(
    small: BaseData, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Linear(torch.nn.Sequential):
        def __init__(self) -> None:
            super().__init__(
                torch.nn.Flatten(), torch.nn.Linear(784, 10), torch.nn.LogSoftmax(dim=1)
            )

    monkeypatch.setitem(nets.ARCHITECTURES, "linear", Linear)
    monkeypatch.setitem(inference.LAYERS, "linear", (inference.Linear("1", 784, 10),))
    recipe = replace(fit.round_one_recipe("linear", len(small.train_images)), steps=120)
    first = train_round_one(small, "linear", recipe, 1, ignore)
    net = weights.load("linear", first, None)
    assert (
        nets.probabilities(net, small.gate_images).argmax(axis=1) == small.gate_labels
    ).mean() > 0.6
    assert retrain(first, "linear", small, *samples, SHORT, 1, ignore) != first


def test_first_nets_round_one_sees_its_images_as_they_are(small: BaseData) -> None:
    plain = fit.round_one_recipe(NET, len(small.train_images))
    seen = fit._base_input(small.train_images[:5], plain, np.random.default_rng(1))
    assert torch.equal(seen, nets.prepare(small.train_images[:5]))


def test_settings_of_torch_are_as_before_a_run(train: Callable[..., bytes]) -> None:
    torch.set_num_threads(2)
    try:
        torch.manual_seed(5)
        expected = torch.rand(1)
        torch.manual_seed(5)
        train()
        assert torch.equal(torch.rand(1), expected)
        assert torch.get_num_threads() == 2
        assert not torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(1)


@pytest.mark.survives(
    "other threads of the process",
    "the same weights, byte for byte",
)
def test_threads_of_the_process_do_not_change_the_bytes(train: Callable[..., bytes]) -> None:
    with_one = train()
    torch.set_num_threads(2)
    try:
        assert train() == with_one
    finally:
        torch.set_num_threads(1)


def test_progress_grows_from_nothing_to_one(
    start: bytes, small: BaseData, samples: Samples
) -> None:
    shares: list[float] = []
    retrain(start, NET, small, *samples, replace(SHORT, steps=40), 1, shares.append)
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert len(shares) >= 6


class Stop(Exception):
    pass


@pytest.mark.parametrize("after", [0.0, 0.5, 1.0])
def test_progress_may_stop_the_run(
    start: bytes, small: BaseData, samples: Samples, after: float
) -> None:
    def stop(share: float) -> None:
        if share >= after:
            raise Stop

    with pytest.raises(Stop):
        retrain(start, NET, small, *samples, SHORT, 1, stop)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("wild", [{"learning_rate": 1e30}, {"distillation": 1e38}])
def test_run_that_diverges_gives_no_weights(
    train: Callable[..., bytes], wild: dict[str, Any]
) -> None:

    with pytest.raises(Diverged):
        train(replace(SHORT, steps=30, **wild))


def test_start_that_is_no_weights_is_refused(small: BaseData, samples: Samples) -> None:
    with pytest.raises(weights.BadWeights):
        retrain(b"nothing", NET, small, *samples, SHORT, 1, ignore)


def test_retraining_without_samples_is_refused(train: Callable[..., bytes]) -> None:
    with pytest.raises(ValueError, match="no samples"):
        train(chosen=(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64)))


def test_retraining_teaches_the_samples_and_keeps_the_base(
    on_stand_in: tuple[bytes, Samples],
) -> None:
    data, chosen = on_stand_in
    assert accuracy(data, EvalSet(*chosen)) > 0.7  # 0 before: all of them fooled round 1's model
    stand_in = basedata.stand_in()
    assert accuracy(data, EvalSet(stand_in.gate_images, stand_in.gate_labels)) > 0.975


def test_permuted_base_labels_make_a_candidate_that_the_gate_holds(
    start: bytes, small: BaseData, samples: Samples
) -> None:
    permuted = replace(small, train_labels=(small.train_labels + 1) % 10)
    data = retrain(
        start,
        NET,
        permuted,
        *samples,
        replace(default_recipe(NET, 20), steps=150, distillation=0.0),
        1,
        ignore,
    )
    sets = evaluate.base_sets(small)
    report, first = (evaluate.evaluate(weights.load(NET, d, None), sets) for d in (data, start))
    assert not decide(report, first, {}, finite=True).promote


def test_distillation_holds_the_net_to_round_ones_answers(
    train: Callable[..., bytes], start: bytes
) -> None:
    base = basedata.stand_in()
    taught = nets.probabilities(weights.load(NET, start, None), base.gate_images)

    def drift(distillation: float) -> float:
        data = train(replace(default_recipe(NET, 20), steps=40, distillation=distillation))
        answers = nets.probabilities(weights.load(NET, data, None), base.gate_images)
        return float(np.abs(answers - taught).mean())

    assert drift(20.0) < drift(0.0)


def test_augmenting_within_no_bounds_changes_nothing() -> None:
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    still = fit.augment(images, Recipe(1, 1, 0.1), np.random.default_rng(1))
    assert torch.allclose(still, images, atol=1e-5)


def test_augmenting_moves_each_image_a_little_and_by_itself() -> None:
    image = torch.zeros(1, 1, 28, 28)
    image[..., 8:20, 13:15] = 255
    augmented = fit.augment(
        image.expand(50, 1, 28, 28), default_recipe(NET, 10), np.random.default_rng(1)
    )
    assert not torch.equal(augmented[0], augmented[1])
    places = torch.arange(28.0)
    across = (augmented.sum(dim=(1, 2)) * places).sum(dim=1) / augmented.sum(dim=(1, 2, 3))
    down = (augmented.sum(dim=(1, 3)) * places).sum(dim=1) / augmented.sum(dim=(1, 2, 3))
    assert (across - 13.5).abs().max() < 2 * default_recipe(NET, 10).translation
    assert (down - 13.5).abs().max() < 2 * default_recipe(NET, 10).translation
    assert across.std() > 0.3
    assert down.std() > 0.3


@given(st.integers(1, 100_000), st.integers(0, 5_000))
def test_more_samples_never_train_fewer_steps_and_steps_are_bounded(n: int, more: int) -> None:
    assert 400 <= default_recipe(NET, n).steps <= default_recipe(NET, n + more).steps <= 2_000


@pytest.mark.parametrize(("n", "steps", "batch"), [(10, 7, 4), (3, 5, 8), (100, 2, 5)])
def test_all_images_come_equally_often(n: int, steps: int, batch: int) -> None:
    indices = fit._batch_indices(np.random.default_rng(1), n, steps, batch)
    assert indices.shape == (steps, batch)
    counts = np.bincount(indices.ravel(), minlength=n)
    assert counts.max() - counts.min() <= 1


def test_recipe_is_made_again_from_its_json() -> None:
    recipe = default_recipe(NET, 50)
    assert Recipe(**json.loads(json.dumps(recipe.as_json()))) == recipe


def a_manifest(**changes: Any) -> Manifest:
    rng = np.random.default_rng(1)
    arguments: dict[str, Any] = {
        "ids": ["b", "a", "c"],
        "pixels": rng.integers(0, 256, (3, 28, 28), dtype=np.uint8),
        "labels": np.array([1, 2, 3]),
        "base_sha256": "base",
        "start_sha256": "start",
        "architecture": NET,
        "recipe": SHORT,
        "seed": 1,
    }
    return manifest(**(arguments | changes))


def test_manifest_names_all_that_a_run_depends_on() -> None:
    made = json.loads(json.dumps(a_manifest()))
    assert made == a_manifest()
    assert set(made["libraries"]) == {"torch", "numpy", "pillow"}
    assert made["libraries"]["numpy"] == np.__version__
    assert made["threads"] == 1
    assert made["cpu_capability"] == torch.backends.cpu.get_cpu_capability()
    assert made["samples"] == 3
    assert len(made["sha256"]) == 64


def test_manifest_does_not_depend_on_the_order_of_samples() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    turned = a_manifest(ids=["c", "a", "b"], pixels=pixels[::-1], labels=np.array([3, 2, 1]))
    assert turned == a_manifest()


@pytest.mark.parametrize(
    "changes",
    [
        {"ids": ["b", "a", "d"]},
        {"pixels": np.zeros((3, 28, 28), np.uint8)},
        {"labels": np.array([1, 2, 4])},
        {"labels": np.array([2, 1, 3])},
        {"base_sha256": "other"},
        {"start_sha256": None},
        {"architecture": "other"},
        {"recipe": replace(SHORT, steps=13)},
        {"seed": 2},
    ],
)
def test_manifest_differs_when_anything_does(changes: dict[str, Any]) -> None:
    assert a_manifest(**changes)["sha256"] != a_manifest()["sha256"]


@pytest.mark.parametrize(
    "changes", [{"ids": ["a", "a", "b"]}, {"ids": ["a", "b"]}, {"labels": np.array([1])}]
)
def test_samples_without_an_id_of_their_own_have_no_manifest(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="id of its own"):
        a_manifest(**changes)


@pytest.mark.slow
def test_retrained_model_keeps_mnist_learns_the_samples_and_passes_the_gate(
    start: bytes, mnist: BaseData
) -> None:
    chosen, others = fooled(seed=21, n=100), EvalSet(*fooled(seed=22, n=100))
    data = retrain(start, NET, mnist, *chosen, default_recipe(NET, 100), 1, ignore)
    sets = evaluate.base_sets(mnist)
    report, first = (evaluate.evaluate(weights.load(NET, d, None), sets) for d in (data, start))
    share = report.of(MNIST_TEST).accuracy
    assert share is not None
    assert share >= 0.983
    assert decide(report, first, {}, finite=True).reasons == ()
    assert accuracy(data, EvalSet(*chosen)) > 0.8
    assert accuracy(data, others) > 0.15  # 0 before
    assert weights.finite(weights.load(NET, data, None))


@pytest.mark.slow
def test_model_retrained_on_the_stand_in_passes_the_gate_and_keeps_mnist(
    start: bytes, mnist: BaseData, on_stand_in: tuple[bytes, Samples]
) -> None:
    data, _ = on_stand_in
    sets = evaluate.base_sets(basedata.stand_in())
    report, first = (evaluate.evaluate(weights.load(NET, d, None), sets) for d in (data, start))
    assert decide(report, first, {}, finite=True).reasons == ()
    assert mnist.test_images is not None
    assert mnist.test_labels is not None
    assert accuracy(data, EvalSet(mnist.test_images, mnist.test_labels)) >= 0.98
