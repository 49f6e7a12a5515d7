"""What the models learned: all rounds in a table and two charts, and each round with its model's figures."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from collector import rounds
from collector.models import Attempt
from collector.views import pictures, words
from trainer.models import RoundModel

SETS = {"mnist_test": "MNIST’s test set", "gate_base": "base images"}
FOOLS = 12
State = RoundModel.State


@require_safe
def all_rounds(request: HttpRequest) -> HttpResponse:
    told = rounds.overview()
    opened_none = RoundModel.objects.exclude(state=State.PROMOTED).order_by("-created")[:20]
    context = {
        "rows": [_row(one) for one in told],
        "matrix": _matrix(rounds.matrix()),
        "chart_json": json.dumps([_point(one) for one in reversed(told)]),
        "stand_in": any(_set(one, name).get("stand_in") and _set(one, name).get("n") for one in told for name in SETS),
        "candidates": [candidate(model) for model in opened_none],
    }
    return render(request, "pages/rounds.html", context)


def _matrix(told: dict[str, Any] | None) -> dict[str, Any] | None:
    """The matrix in words; None while no round has test samples."""
    if told is None or not any(one["n"] for one in told["sets"]):
        return None
    return {
        "sets": [{"round": one["round"], "of": words.count(one["n"], "drawing")} for one in told["sets"]],
        "models": [
            {
                "round": line["round"],
                "cells": [
                    {
                        "share": words.percent(correct / one["n"] if one["n"] else None),
                        "own": line["round"] == one["round"],
                    }
                    for one, correct in zip(told["sets"], line["correct"], strict=True)
                ],
            }
            for line in told["models"]
        ],
    }


def _set(told: dict[str, Any], name: str) -> dict[str, Any]:
    measured: dict[str, Any] = ((told["report"] or {}).get("sets") or {}).get(name) or {}
    return measured


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
        "mer_of": f"{told['fooled']:,} of {told['attempts']:,}" if told["attempts"] else "no drawings yet",
        "vmer": words.percent(told["vmer"]),
        "vmer_of": words.rate_of(told["verified"], told["attempts"], told["pending"]),
        "pending": words.waiting(told["pending"]),
        "sets": [figure(_set(told, name), text) for name, text in SETS.items()],
    }


def figure(measured: dict[str, Any], text: str) -> dict[str, str]:
    """An accuracy in words."""
    return {"name": text, "accuracy": words.interval(measured), "of": words.measured_on(measured)}


def _point(told: dict[str, Any]) -> dict[str, Any]:
    kept = ("accuracy", "low", "high", "stand_in")
    sets = {name: {key: _set(told, name).get(key) for key in kept} for name in SETS}
    return {"round": told["number"], "vmer": told["vmer"], "mer": told["mer"], "sets": sets}


def candidate(model: RoundModel) -> dict[str, Any]:
    """A round model that no round has used, in words."""
    return {
        "id": model.pk,
        "state": model.state,
        "net": model.net,
        "created": model.created,
        "finished": model.finished,
        "progress": words.percent(model.progress),
        "progress_value": f"{model.progress:.3f}",
        "reasons": model.reasons,
        "decided_by": model.decided_by,
        "decided_why": model.decided_why,
    }


@require_safe
def one_round(request: HttpRequest, number: int) -> HttpResponse:
    told = rounds.describe(number)
    shown = next((name for name in SETS if _set(told, name).get("n")), None)
    measured = _set(told, shown) if shown else {}
    verified = Attempt.objects.filter(round__number=number, status=Attempt.Status.VERIFIED)
    forgot = Attempt.objects.filter(pk__in=(told["report"] or {}).get("forgot", [])).exclude(settled=None)
    fools = verified.select_related("round", "drawer").order_by("-settled", "pk")[:FOOLS]
    context = {
        "round": _row(told),
        "set_name": SETS[shown] if shown else "",
        "set_of": words.measured_on(measured),
        "digits": [_digit(digit, row) for digit, row in enumerate(measured.get("per_digit") or [])],
        "confusion": _confusion(measured.get("confusion") or []),
        "forgot": [pictures.shown(attempt) for attempt in forgot.select_related("round").order_by("submitted", "pk")],
        "earlier": _earlier(told),
        "fools": [pictures.shown(attempt, drawer=attempt.drawer.username) for attempt in fools],
    }
    return render(request, "pages/round.html", context)


def _earlier(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The model on each earlier round's test samples, with the paired test against the model it followed."""
    report = told["report"] or {}
    paired = (report.get("against_target") or {}).get("sets") or {}
    return [
        figure(_set(told, name), f"{words.TEST_SETS[name.partition('_')[0]]} {name.partition('_')[2]}")
        | {"gained": pairs["gained"], "lost": pairs["lost"], "p": f"{pairs['p']:.2f}" if pairs["n"] else "–"}
        for name, pairs in paired.items()
    ]


def _digit(digit: int, row: dict[str, int]) -> dict[str, Any]:
    share = row["correct"] / row["n"] if row["n"] else None
    return {"digit": digit, "accuracy": words.percent(share, 1), "of": f"{row['correct']:,} of {row['n']:,}"}


def _confusion(counts: list[list[int]]) -> list[dict[str, Any]]:
    """Rows by true digit; each cell with a step from 0 to 4 of how common that mistake is among all mistakes."""
    most = max((n for row, line in enumerate(counts) for column, n in enumerate(line) if row != column), default=0)
    return [
        {
            "digit": row,
            "cells": [
                {"n": n, "right": row == column, "step": 1 + 4 * n // (most + 1) if n and row != column else 0}
                for column, n in enumerate(line)
            ],
        }
        for row, line in enumerate(counts)
    ]
