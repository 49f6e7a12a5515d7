"""The study's picture from what `manage.py simulate` found:
`python -m scripts.plot_study STUDY.json PICTURE.svg`."""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from trainer.learning.report import MNIST_TEST
from trainer.simulation import findings
from trainer.simulation.experiment import EQUAL_DRAWINGS

STYLES: dict[str, dict[str, Any]] = {
    "dynamic": {"color": "#c2410c", "marker": "o", "linestyle": "-"},
    "static": {"color": "#4d7c0f", "marker": "^", "linestyle": "-."},
    "none": {"color": "#1d4ed8", "marker": "s", "linestyle": "--"},
}
TITLES = {
    "held_out": "Errors on writers who drew no sample",
    "hard": "Errors on their boldest legible digits",
}
plt.rcParams |= {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "study",
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    runs = json.loads(options.study.read_text(encoding="utf-8"))["runs"]
    points = {
        arm: findings.curves(runs, arm)[1:]
        for arm in STYLES
        if any(arm in arms for arms in runs.values())
    }
    figure, axes = plt.subplots(3, 2, figsize=(9, 10.5), layout="constrained")
    for (name, title), row in zip(TITLES.items(), axes, strict=False):
        _errors(row[0], points, name, f"{title},\nby samples trained on", by="samples")
        equal = (
            findings.curves(runs, EQUAL_DRAWINGS)
            if any(EQUAL_DRAWINGS in arms for arms in runs.values())
            else []
        )
        _errors(row[1], points, name, f"{title},\nby drawings made", by="drawings", equal=equal)
    _tries(axes[2][0], points)
    _errors(
        axes[2][1],
        points,
        MNIST_TEST,
        "Errors on MNIST's test set,\nby samples trained on",
        by="samples",
    )
    first = findings.curves(runs, "dynamic")[0].errors[MNIST_TEST].mean
    axes[2][1].axhline(first, color="black", linewidth=0.8)
    axes[2][1].axhline(first + 0.003, color="black", linewidth=0.8, linestyle=":")
    axes[2][1].annotate(
        "0.3 points under round 1's model (the line below)", (20, first + 0.003), va="bottom"
    )
    axes[2][1].set_ylim(0.007, 0.0145)
    axes[0][0].legend(frameon=False)
    figure.savefig(options.picture, metadata={"Date": None})


def _errors(
    axis: Axes,
    points: dict[str, list[findings.Point]],
    name: str,
    title: str,
    by: str,
    equal: list[findings.Point] | None = None,
) -> None:
    """Draw the arms' errors with their 95 % intervals over the seeds; by drawings made on a
    logarithmic axis."""
    for arm, line in points.items():
        drawn = line if arm != "none" or not equal else line + equal
        drawn = sorted(drawn, key=lambda point: getattr(point, by).mean)
        x = [getattr(point, by).mean for point in drawn]
        errors = [point.errors[name] for point in drawn]
        axis.plot(
            x, [one.mean for one in errors], label=arm, markersize=3.5, linewidth=1.3, **STYLES[arm]
        )
        low, high = ([getattr(one, end) or one.mean for one in errors] for end in ("low", "high"))
        axis.fill_between(x, low, high, color=STYLES[arm]["color"], alpha=0.15, linewidth=0)
    axis.set_title(title)
    axis.set_xlabel("samples trained on" if by == "samples" else "drawings made (logarithmic)")
    axis.yaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=1 if name == MNIST_TEST else 0))
    if by == "drawings":
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    if name != MNIST_TEST:
        axis.set_ylim(bottom=0)


def _tries(axis: Axes, points: dict[str, list[findings.Point]]) -> None:
    for arm in ("dynamic", "static"):
        if arm in points:
            x = [point.samples.mean for point in points[arm]]
            y = [point.tries_per_fool.mean for point in points[arm] if point.tries_per_fool]
            axis.plot(x, y, markersize=3.5, linewidth=1.3, **STYLES[arm])
    axis.set_title("Drawings made for one that fools\nthe model of the round")
    axis.set_xlabel("samples trained on")
    axis.set_ylim(bottom=0)


if __name__ == "__main__":
    main()
