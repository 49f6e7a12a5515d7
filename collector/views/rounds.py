"""What the models learned: all rounds in charts and tables, and each round with its model’s
figures."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from collector.drawings import public
from collector.rules import words
from collector.standings import round_figures
from collector.views.parts import figures, pictures
from trainer.models import RoundModel, Weights

STEPS = ((0, "0–19"), (20, "20–39"), (40, "40–59"), (60, "60–79"), (80, "80–89"), (90, "90–100"))
CHARTS = {
    "fooling": ("vmer", "mer"),
    "tries": ("tries",),
    "ordinary": ("mnist_test", "gate_base"),
    "drawings": ("earlier", "audited"),
}
FOOLS = 12
NOTHING = {
    "vmer": "none decided yet",
    "mer": "no drawings yet",
    "tries": "no verified fool yet",
    "mnist_test": "not measured here",
    "gate_base": "not measured here",
    "earlier": "nothing measured yet",
    "audited": "nothing measured yet",
}
State = RoundModel.State


@require_safe
def all_rounds(request: HttpRequest) -> HttpResponse:
    told = round_figures.history()
    opened_none = (
        RoundModel.objects.exclude(state=State.PROMOTED)
        .filter(without=None)
        .defer("manifest", "report")
    )
    context = {
        "rows": [_line(line) for line in told.lines],
        "matrix": _matrix(told),
        "charts": {
            chart: any(line.figures[name].of for line in told.lines for name in names)
            for chart, names in CHARTS.items()
        },
        "chart_json": json.dumps([_point(line) for line in reversed(told.lines)]),
        "stand_in": any(figure.stand_in for line in told.lines for figure in line.figures.values()),
        "candidates": [figures.candidate(model) for model in opened_none.order_by("-created")[:20]],
    }
    return render(request, "pages/rounds.html", context)


def _line(line: round_figures.Line) -> dict[str, Any]:
    """A round in words: each figure, its interval, and what it is of."""
    return {
        "number": line.number,
        "state": line.state,
        "opened": line.opened,
        "first": _other(line.first, line.number),
        "drawings": f"{line.figures['mer'].of:,}",
        "pending": words.waiting(line.pending),
        "fooling": [_cell(line, name) for name in ("vmer", "mer", "tries")],
        "reading": [_cell(line, name) for name in (*figures.SETS, "earlier", "audited")],
    }


def _other(first: int, number: int) -> int | None:
    """The first round with the same model, where that is not round `number` itself."""
    return first if first != number else None


def _cell(line: round_figures.Line, name: str) -> dict[str, str]:
    figure = line.figures[name]
    if figure.value is None or figure.low is None or figure.high is None:
        return {
            "value": "–",
            "of": "no earlier round" if name == "earlier" and line.number == 1 else NOTHING[name],
        }
    scale, sign = (1, "") if name == "tries" else (100, " %")
    return {
        "value": f"{scale * figure.value:.1f}{sign}",
        "between": words.between(scale * figure.low, scale * figure.high),
        "of": _of(figure, name),
    }


def _of(figure: round_figures.Figure, name: str) -> str:
    """What a figure is made of."""
    if name in figures.SETS:
        return words.count(figure.of, "stand-in image" if figure.stand_in else "image")
    if name == "tries":
        return f"{words.count(figure.of, 'drawing')}, {words.count(figure.count, 'fool')}"
    return f"{figure.count:,} of {figure.of:,}" + (" decided" if name == "vmer" else "")


def _point(line: round_figures.Line) -> dict[str, Any]:
    kept = ("value", "low", "high", "stand_in")
    return {"round": line.number} | {
        name: {key: getattr(figure, key) for key in kept} for name, figure in line.figures.items()
    }


def _matrix(told: round_figures.History) -> dict[str, Any] | None:
    """The matrix in words; None while no round has test samples."""
    measured = told.measured
    sizes = {number: measured.sizes[f"fools_{number}"] for number in measured.rounds}
    if not any(sizes.values()):
        return None
    firsts = {line.number: line.first for line in told.lines}
    return {
        "sets": [{"round": number, "n": n} for number, n in sizes.items()],
        "models": [
            {
                "round": number,
                "first": _other(firsts[number], number),
                "cells": [_shade(measured, number, other, n) for other, n in sizes.items()],
            }
            for number in measured.lines
        ],
        "newest": measured.newest,
        "shared": next(
            (f"{line.number} = {line.first}" for line in told.lines if line.first != line.number),
            "",
        ),
        "steps": [{"step": step, "text": text} for step, (_, text) in enumerate(STEPS)],
    }


def _shade(measured: round_figures.Measured, number: int, other: int, n: int) -> dict[str, Any]:
    """Round `number`'s model on what fooled round `other`: the share, and which of the STEPS it
    falls into."""
    share = words.whole_percent(measured.right[measured.models[number]][f"fools_{other}"], n)
    step = sum(int(share) >= start for start, _ in STEPS) - 1 if n else None
    return {"share": share, "step": step, "own": n > 0 and measured.own(number, other)}


def _row(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": told["number"],
        "state": told["state"],
        "opened": told["opened"],
        "closed": told["closed"],
        "net": told["net"],
        "opened_by": told["opened_by"],
        "opened_why": told["opened_why"],
        "attempts": f"{told['attempts']:,}",
        "fooled": f"{told['fooled']:,}",
        "verified": f"{told['verified']:,}",
        "mer": words.percent(told["mer"]),
        "vmer": words.percent(told["vmer"]),
        "vmer_of": words.rate_of(told["verified"], told["attempts"], told["pending"]),
        "pending": words.waiting(told["pending"]),
        "sets": [
            figures.figure(figures.set_of(told, name), text) for name, text in figures.SETS.items()
        ],
    }


@require_safe
def one_round(request: HttpRequest, number: int) -> HttpResponse:
    told = round_figures.describe(number)
    shown = next((name for name in figures.SETS if figures.set_of(told, name).get("n")), None)
    measured = figures.set_of(told, shown) if shown else {}
    forgot = public.public().filter(pk__in=(told["report"] or {}).get("forgot", []))
    lately = (
        public.public()
        .filter(round__number=number)
        .select_related("round", "drawer")
        .order_by("-settled", "pk")
    )
    context = {
        "round": _row(told),
        "removed": round_figures.removed_since(number),
        "weights": _weights(number),
        "address": request.build_absolute_uri(),
        "set_name": figures.SETS[shown] if shown else "",
        "set_of": words.measured_on(measured),
        "digits": [_digit(digit, row) for digit, row in enumerate(measured.get("per_digit") or [])],
        "confusion": _confusion(measured.get("confusion") or []),
        "forgot": [
            pictures.shown(attempt)
            for attempt in forgot.select_related("round").order_by("submitted", "pk")
        ],
        "earlier": _earlier(told),
        "fools": [
            pictures.shown(fool, drawer=fool.drawer.username, public=True)
            for fool in lately[:FOOLS]
        ],
    }
    return render(request, "pages/round.html", context)


def _weights(number: int) -> dict[str, str] | None:
    row = Weights.objects.select_related("model").filter(model__rounds__number=number).first()
    if row is None:
        return None
    return {
        "sha256": row.sha256,
        "size": f"{len(row.data) / 1000:.0f} kB",
        "trained_on": figures.trained_on(row.model),
    }


def _earlier(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The model on each earlier round's test samples, with the paired test against the model it
    followed."""
    report = told["report"] or {}
    paired = (report.get("against_target") or {}).get("sets") or {}
    return [
        figures.figure(
            figures.set_of(told, name),
            f"{words.TEST_SETS[name.partition('_')[0]]} {name.partition('_')[2]}",
        )
        | {
            "gained": pairs["gained"],
            "lost": pairs["lost"],
            "p": f"{pairs['p']:.2f}" if pairs["n"] else "–",
        }
        for name, pairs in paired.items()
    ]


def _digit(digit: int, row: dict[str, int]) -> dict[str, Any]:
    share = row["correct"] / row["n"] if row["n"] else None
    return {
        "digit": digit,
        "accuracy": words.percent(share, 1),
        "of": f"{row['correct']:,} of {row['n']:,}",
    }


def _confusion(counts: list[list[int]]) -> list[dict[str, Any]]:
    """Rows by true digit; each cell with a step from 0 to 4 of how common that mistake is among all
    mistakes."""
    most = max(
        (n for row, line in enumerate(counts) for column, n in enumerate(line) if row != column),
        default=0,
    )
    return [
        {
            "digit": row,
            "cells": [
                {
                    "n": n,
                    "right": row == column,
                    "step": 1 + 4 * n // (most + 1) if n and row != column else 0,
                }
                for column, n in enumerate(line)
            ],
        }
        for row, line in enumerate(counts)
    ]
