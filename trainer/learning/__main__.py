"""``python -m trainer.learning``: train, measure and make the stand-in, from files alone.

``fit`` trains round 1's model, or retrains it when samples are given; beside the weights it writes
a card as JSON. ``evaluate`` prints a report as JSON. ``standin`` makes the k-means centres from
MNIST.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.learning import basedata, evaluate, fit, nets, shipped, standin, weights
from trainer.learning.report import Report

Samples = tuple[list[str], NDArray[np.uint8], NDArray[np.int64]]


class BadFile(ValueError):
    """A file given on the command line is not what it should be."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it worked, 1 with a sentence on stderr when it did not, 2 for wrong
    arguments."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (OSError, ValueError, LookupError, fit.Diverged) as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m trainer.learning", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="fit|evaluate|standin")

    fitting = commands.add_parser("fit", help="train round 1's model, or retrain it on samples")
    fitting.add_argument(
        "--out",
        type=Path,
        required=True,
        help="weights to write, as safetensors; the card goes beside",
    )
    fitting.add_argument(
        "--samples", type=Path, help="npz of ids (text), pixels (uint8 n×28×28) and labels: retrain"
    )
    fitting.add_argument(
        "--start", type=Path, help="round 1's weights to retrain from (default: the shipped ones)"
    )
    fitting.add_argument("--seed", type=int, default=1)
    fitting.add_argument(
        "--steps", type=int, help="steps of training, instead of the recipe's own number"
    )
    fitting.add_argument(
        "--recipe", type=Path, help="JSON of all numbers of the training, instead of the usual ones"
    )
    fitting.set_defaults(run=_fit)

    measuring = commands.add_parser("evaluate", help="print a model's report as JSON")
    measuring.add_argument("--weights", type=Path, help="safetensors (default: the shipped model)")
    measuring.add_argument(
        "--samples", type=Path, help="npz as for fit, measured as the set “samples”"
    )
    measuring.set_defaults(run=_evaluate)

    for command in (fitting, measuring):
        command.add_argument(
            "--net",
            dest="architecture",
            default="mnist_model",
            help="one of: " + ", ".join(sorted(nets.ARCHITECTURES)),
        )
    making = commands.add_parser("standin", help="make the stand-in for MNIST")
    making.add_argument("--out", type=Path, required=True, help="npz to write")
    making.set_defaults(run=lambda options: standin.make(_base(options), options.out))
    for command in (fitting, measuring, making):
        command.add_argument(
            "--mnist", type=Path, help="directory of MNIST's four files (default: DADC_MNIST_DIR)"
        )
    return parser


def _base(options: argparse.Namespace) -> basedata.BaseData:
    """Load MNIST from the directory named, or else the stand-in, and say so."""
    from_environment = os.environ.get("DADC_MNIST_DIR")
    directory = options.mnist or (Path(from_environment) if from_environment else None)
    base = basedata.find(directory, Path()) if directory else basedata.stand_in()
    if base.stand_in:
        print("No MNIST directory given: the stand-in takes its place.", file=sys.stderr)
    return base


def _fit(options: argparse.Namespace) -> None:
    """Train, and write the weights with their card. Raises ``BadFile``, ``Diverged`` and what the
    loading of files raises."""
    base, architecture, seed = _base(options), options.architecture, options.seed
    if options.samples:
        ids, pixels, labels = _samples(options.samples)
        start = _start(options.start, architecture)
        recipe = _recipe(fit.default_recipe(architecture, len(ids)), options)
        data = fit.retrain(start, architecture, base, pixels, labels, recipe, seed, _show)
    elif options.start:
        raise BadFile("--start is for retraining: give --samples too.")
    else:
        ids, pixels, labels, start = [], np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64), b""
        recipe = _recipe(fit.round_one_recipe(architecture, len(base.train_images)), options)
        data = fit.train_round_one(base, architecture, recipe, seed, _show)
    start_sha256 = weights.checksum(start) if start else None
    manifest = fit.manifest(
        ids, pixels, labels, base.sha256, start_sha256, architecture, recipe, seed
    )
    report = evaluate.evaluate(weights.load(architecture, data, None), evaluate.base_sets(base))
    card = {
        "architecture": architecture,
        "seed": seed,
        "recipe": recipe.as_json(),
        "sha256": weights.checksum(data),
        "manifest": manifest,
        "report": report.as_json(),
    }
    options.out.write_bytes(data)
    options.out.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    _summarise(report)


def _start(path: Path | None, architecture: str) -> bytes:
    """Read the weights of a file, or else those that are shipped."""
    return path.read_bytes() if path else shipped.round_one(architecture).weights


def _recipe(recipe: fit.Recipe, options: argparse.Namespace) -> fit.Recipe:
    """Return the usual recipe, or that of a file, with the number of steps asked for. Raises
    ``BadFile``."""
    if options.recipe:
        try:
            recipe = fit.Recipe(**json.loads(options.recipe.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise BadFile(f"{options.recipe} must be the JSON of a recipe: {error}") from error
    return recipe if options.steps is None else replace(recipe, steps=options.steps)


def _evaluate(options: argparse.Namespace) -> None:
    net = weights.load(options.architecture, _start(options.weights, options.architecture), None)
    sets = evaluate.base_sets(_base(options))
    if options.samples:
        _, pixels, labels = _samples(options.samples)
        sets["samples"] = evaluate.EvalSet(pixels, labels)
    print(json.dumps(evaluate.evaluate(net, sets).as_json()))


def _samples(path: Path) -> Samples:
    """Read ids, pixels and labels from an npz of samples, checked. Raises ``BadFile``."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            ids, pixels, labels = (arrays[name] for name in ("ids", "pixels", "labels"))
    except (KeyError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise BadFile(
            f"{path} must be an npz with the arrays ids, pixels and labels: {error}"
        ) from error
    if pixels.dtype != np.uint8 or pixels.shape != (len(ids), 28, 28) or not len(ids):
        raise BadFile(
            f"{path}: pixels must be uint8 ({len(ids)}, 28, 28), at least one, as many as ids."
        )
    if (
        labels.dtype.kind not in "iu"
        or labels.shape != (len(ids),)
        or labels.min() < 0
        or labels.max() > 9
    ):
        raise BadFile(f"{path}: labels must be {len(ids)} integers from 0 to 9.")
    return [str(name) for name in ids], pixels, labels.astype(np.int64)


def _show(share: float) -> None:
    print(f"\r{share:4.0%}", end="\n" if share == 1 else "", file=sys.stderr, flush=True)


def _summarise(report: Report) -> None:
    for name, figures in report.sets.items():
        if figures.n:
            note = " (stand-in)" if figures.stand_in else ""
            print(
                f"{name}{note}: {figures.correct} of {figures.n}, {figures.accuracy:.2%}",
                file=sys.stderr,
            )


if __name__ == "__main__":
    sys.exit(main())
