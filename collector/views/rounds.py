"""What the models learned: all rounds in charts and tables, and each round with its model’s
figures."""

import json
from collections.abc import Sequence
from dataclasses import replace

from django.core.paginator import Paginator
from django.db.models import Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from collector.drawings import public
from collector.models import Study
from collector.standings import round_figures
from collector.standings.leaderboards import AttemptCounts
from collector.standings.round_figures import RoundFigures, RoundMatrix, RoundOverview
from collector.views.parts import arms, figures, pictures, protocols
from collector.views.parts.access import viewer_of
from trainer import rounds, samples, words
from trainer.learning.report import (
    GATE_BASE,
    MNIST_TEST,
    Count,
    PairedTest,
    Report,
    SetFigures,
    TestSet,
)
from trainer.models import Round, RoundModel, Weights
from trainer.saying import number, say, told

STEPS = ((0, "0–19"), (20, "20–39"), (40, "40–59"), (60, "60–79"), (80, "80–89"), (90, "90–100"))
CHARTS = {
    "fooling": ("vmer", "mer"),
    "tries": ("tries",),
    "ordinary": (MNIST_TEST, GATE_BASE),
    "drawings": ("earlier", "audited"),
}
FOOLS = 12
ROUNDS_A_PAGE = 25
EARLIER_A_PAGE = 25
NOTHING: dict[str, Promise] = {
    "vmer": _("none decided yet"),
    "mer": _("no drawings yet"),
    "tries": _("no verified trick yet"),
    MNIST_TEST: _("not measured here"),
    GATE_BASE: _("not measured here"),
    "earlier": _("nothing measured yet"),
    "audited": _("nothing measured yet"),
}
State = RoundModel.State


@require_safe
def all_rounds(request: HttpRequest) -> HttpResponse:
    arm = arms.asked_by(request)
    of_arm = Round.objects.filter(arm=arm).order_by("-number")
    page = Paginator(of_arm, ROUNDS_A_PAGE).get_page(request.GET.get("page"))
    numbers = [round_.number for round_ in page.object_list]
    # The newest rounds are compared with the first.
    asked = [*numbers, 1] if page.number == 1 else numbers
    history = round_figures.history(asked, arm)
    compared = history.rounds
    history = replace(history, rounds=compared[: len(numbers)])
    opened_none = (
        RoundModel.objects.exclude(state=State.PROMOTED)
        .filter(left_out_contributor=None, arm=arm)
        .defer("manifest", "report")
    )
    study, viewer = Study.current(), viewer_of(request)
    context = {
        "page": page,
        "protocol": protocols.beside_results(study, viewer),
        "opened": study.opened_from,
        "has_releases": study.has_public_releases or (viewer is not None and viewer.is_admin),
        "hardening": _hardening(compared) if page.number == 1 else None,
        "rows": [_line(round_) for round_ in history.rounds],
        "matrix": _matrix(history),
        "charts": {
            chart: any(
                round_.figures[name].value is not None
                for round_ in history.rounds
                for name in names
            )
            for chart, names in CHARTS.items()
        },
        "chart_json": json.dumps([_point(round_) for round_ in reversed(history.rounds)]),
        "stand_in": any(
            figure.stand_in for round_ in history.rounds for figure in round_.figures.values()
        ),
        "candidates": [
            figures.candidate(model) for model in opened_none.order_by("-created_at")[:20]
        ],
    }
    return render(request, "pages/rounds.html", context)


def _hardening(rounds: Sequence[RoundFigures]) -> dict[str, object] | None:
    """Tell in words how many drawings a trick took, at first and lately."""
    hardening = round_figures.hardening(rounds)
    if hardening is None:
        return None
    first, newest = hardening.first, hardening.newest
    return {
        "first": _cell(first, "tries") | {"round": first.number},
        "newest": _cell(newest, "tries") | {"round": newest.number} if newest != first else None,
        "is_sure": hardening.is_sure,
    }


def _line(round_: RoundFigures) -> dict[str, object]:
    """Tell a round in words: each figure, its interval, and what it is of."""
    return {
        "number": round_.number,
        "state": round_.state,
        "opened": round_.opened_at,
        "first": _other(round_.first, round_.number),
        "drawings": number(round_.figures["mer"].of),
        "pending": words.waiting(round_.pending),
        "fooling": [_cell(round_, name) for name in ("vmer", "mer", "tries")],
        "reading": [_cell(round_, name) for name in (*figures.SETS, "earlier", "audited")],
    }


def _other(first: int, number: int) -> int | None:
    """The first round with the same model, where that is not round `number` itself."""
    return first if first != number else None


def _cell(round_: RoundFigures, name: str) -> dict[str, str | Promise]:
    figure = round_.figures[name]
    if figure.value is None or figure.low is None or figure.high is None:
        return {
            "value": "–",
            "of": gettext("no earlier round")
            if name == "earlier" and round_.number == 1
            else NOTHING[name],
        }
    scale, sign = (1, "") if name == "tries" else (100, " %")
    return {
        "value": f"{number(scale * figure.value, '.1f')}{sign}",
        "between": words.between(scale * figure.low, scale * figure.high),
        "of": _of(figure, name),
    }


def _of(figure: round_figures.Figure, name: str) -> str:
    """What a figure is made of."""
    if name in figures.SETS:
        return words.images(figure.of, stand_in=figure.stand_in)
    if name == "tries":
        tricks = ngettext("{drawings}, {n:,} trick", "{drawings}, {n:,} tricks", figure.count)
        return say(tricks, n=figure.count, drawings=words.drawings(figure.of))
    if name == "vmer":
        return words.rate_of(figure.count, figure.of, 0)
    return words.count_of(figure.count, figure.of)


def _point(round_: RoundFigures) -> dict[str, object]:
    """Give a round's figures as the charts want them."""
    shown = ("value", "low", "high", "stand_in")
    return {"round": round_.number} | {
        name: {key: getattr(figure, key) for key in shown}
        for name, figure in round_.figures.items()
    }


def _matrix(history: round_figures.History) -> dict[str, object] | None:
    """Tell the matrix in words; None while no round has test samples."""
    matrix, firsts = history.matrix, {each.number: each.first for each in history.rounds}
    sizes = {number: matrix.size(number) for number in matrix.rounds if number in firsts}
    if not any(sizes.values()):
        return None
    return {
        "sets": [{"round": number, "n": n} for number, n in sizes.items()],
        "models": [
            {
                "round": number,
                "first": _other(firsts[number], number),
                "cells": [_shade(matrix, number, other) for other in sizes],
            }
            for number in matrix.measured
            if number in firsts
        ],
        "newest": history.newest,
        "shared": next(
            (f"{number} = {first}" for number, first in firsts.items() if first != number), ""
        ),
        "steps": [{"step": step, "text": text} for step, (_, text) in enumerate(STEPS)],
    }


def _shade(matrix: RoundMatrix, number: int, other: int) -> dict[str, object]:
    """Tell round `number`'s model on what fooled round `other`: the share, and which of the STEPS
    it falls into."""
    n = matrix.size(other)
    share = words.whole_percent(matrix.fools_read(number, other), n)
    step = sum(int(share) >= start for start, _ in STEPS) - 1 if n else None
    return {"share": share, "step": step, "own": n > 0 and matrix.is_own(number, other)}


def _row(overview: RoundOverview) -> dict[str, object]:
    """Tell a round in words: when it was, its counts, and its model's figures on the base sets."""
    counts = overview.counts
    return {
        "number": overview.number,
        "state": overview.state,
        "opened": overview.opened_at,
        "closed": overview.closed_at,
        "net": overview.architecture,
        "opened_by": overview.opened_by,
        "opened_why": overview.opened_why,
        "attempts": number(counts.attempt_count),
        "fooled": number(counts.fooled_count),
        "verified": number(counts.verified_count),
        "mer": words.percent(counts.mer),
        "vmer": words.percent(counts.vmer),
        "vmer_of": words.rate_of(counts.verified_count, counts.attempt_count, counts.pending_count),
        "pending": words.waiting(counts.pending_count),
        "copies": words.copies(counts.copy_count),
        "sets": [
            figures.figure(overview.report.of(name), text)
            for name, text in figures.SETS.items()
            if overview.report.of(name).n
        ],
    }


@require_safe
def one_round(request: HttpRequest, number: int) -> HttpResponse:
    study = Study.current()
    overview = round_figures.describe(number, arms.asked_by(request), study)
    report = overview.report
    # Digits and confusion are of the first base set that was measured at all.
    shown = next((name for name in figures.SETS if report.of(name).n), None)
    measured = report.of(shown) if shown else SetFigures()
    forgot = public.public(overview.arm).filter(pk__in=report.forgot or ())
    earlier = Paginator(_newest_tests_first(report), EARLIER_A_PAGE).get_page(
        request.GET.get("page")
    )
    context = {
        "round": _row(overview),
        "protocol": protocols.beside_results(study, viewer_of(request)),
        **_model(overview),
        "cost": figures.cost(report),
        "address": request.build_absolute_uri(),
        "set_name": told(figures.SETS[shown]) if shown else "",
        "set_of": words.measured_on(measured),
        "digits": [
            _digit(digit, overview.counts_by_digit.get(digit, AttemptCounts()), measured)
            for digit in range(10)
        ],
        "confusion": _confusion(measured.confusion),
        "forgot": [
            pictures.drawing_card(attempt)
            for attempt in forgot.select_related("round").order_by("submitted_at", "pk")
        ],
        "page": earlier,
        "earlier": [_earlier(report, test, pairs) for test, pairs in earlier.object_list],
        "fools": _fools(overview),
    }
    return render(request, "pages/round.html", context)


def _model(overview: RoundOverview) -> dict[str, object]:
    """Tell of a round's weights, where they are there, and since when its model cannot be made
    again."""
    models = RoundModel.objects.select_related("weights").defer("manifest", "report")
    model = models.get(rounds__number=overview.number, rounds__arm=overview.arm)
    removed = samples.removed_since(model)
    row: Weights | None = getattr(model, "weights", None)
    if row is None:
        return {"removed": removed}
    weights = {
        "sha256": row.sha256,
        "is_published": not rounds.is_open(model.pk),
        "size": f"{len(row.data) / 1000:.0f} kB",
        "trained_on": figures.trained_on(model),
    }
    return {"removed": removed, "weights": weights}


def _fools(overview: RoundOverview) -> list[pictures.DrawingCard]:
    """Show a round's newest verified tricks."""
    round_ = Round.objects.filter(number=overview.number, arm=overview.arm)
    of_round = public.public(overview.arm).filter(round=Subquery(round_.values("pk")[:1]))
    newest_first = of_round.select_related("round", "drawer").order_by("-settled_at", "pk")
    return [
        pictures.drawing_card(fool, drawer=fool.drawer.username, public=True)
        for fool in newest_first[:FOOLS]
    ]


def _newest_tests_first(report: Report) -> list[tuple[TestSet, PairedTest]]:
    """List the test sets with the paired tests on them, the newest round's first."""
    tests = report.against_target.tests if report.against_target else {}
    return sorted(tests.items(), key=lambda item: item[0].round, reverse=True)


def _earlier(report: Report, test: TestSet, pairs: PairedTest) -> dict[str, object]:
    """Tell the model on an earlier round's test samples, with the paired test against the model
    it followed."""
    return figures.figure(report.of(test.name), words.test_set(test)) | {
        "gained": pairs.gained if pairs.n else "–",
        "lost": pairs.lost if pairs.n else "–",
        "p": number(pairs.p, ".2f") if pairs.n else "–",
    }


def _digit(digit: int, counts: AttemptCounts, measured: SetFigures) -> dict[str, object]:
    """Tell what people drew of a digit, and what the model reads of it."""
    read = measured.per_digit[digit] if measured.per_digit else Count()
    return {
        "digit": digit,
        "attempts": number(counts.attempt_count),
        "fooled": number(counts.fooled_count),
        "verified": number(counts.verified_count),
        "pending": words.waiting(counts.pending_count) if counts.pending_count else "",
        "vmer": words.percent(counts.vmer),
        "vmer_of": words.rate_of(counts.verified_count, counts.attempt_count, counts.pending_count)
        if counts.attempt_count
        else "",
        "accuracy": words.percent(read.correct / read.n if read.n else None, 1),
        "accuracy_of": words.count_of(read.correct, read.n)
        if read.n
        else gettext("not measured here"),
    }


def _confusion(counts: Sequence[Sequence[int]]) -> list[dict[str, object]]:
    """Tell the confusion in rows by true digit; each mistake with a step from 1 to 4 of how common
    it is beside the most common one, 0 where nobody made it."""
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
