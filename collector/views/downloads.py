"""Downloads for a researcher: a round's weights and model card, and the history of all rounds as
CSV."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from collector.errors import Forbidden, NotFound
from collector.standings import leaderboards, round_figures
from collector.views.parts import arms, figures
from trainer import rounds, samples, words
from trainer.learning.report import Report
from trainer.learning.sentences import Sentence
from trainer.models import Round, RoundModel, Weights
from trainer.target import TargetUnavailable

COUNTED = {"state": "state", "opened": "opened_at", "first": "first", "pending": "pending"}
FIGURES = ("vmer", "mer", "tries", *round_figures.BASE_SETS, "earlier", "audited")
ROUNDS_AT_ONCE = 100
OF_A_FIGURE = ("count", "of", "value", "low", "high", "stand_in")


@require_safe
def weights(request: HttpRequest, number: int) -> HttpResponse:
    """Answer with the weights as they were served, in safetensors' form. Raises NoSuchRound,
    Forbidden while a round is open with them, NotFound where there are none, TargetUnavailable
    where they are damaged."""
    model_id = rounds.get_round(number, arms.asked_by(request)).model_id
    if rounds.is_open(model_id):
        raise Forbidden(
            Sentence(
                "The weights of the open round are published when it closes: until then, whoever "
                "has them could look for what fools it without drawing, and moderators could ask "
                "it."
            ),
            code="round_open",
        )
    row = _weights(model_id)
    data = bytes(row.data)
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise TargetUnavailable(Sentence("Round {number}'s weights are damaged.", number=number))
    return _file(data, file_name(number, row.model.architecture), "application/octet-stream")


@require_safe
def card(request: HttpRequest, number: int) -> HttpResponse:
    """Answer with the model card of a round's model, a record, which is the same for everybody.
    Raises NoSuchRound, NotFound where it has no weights."""
    overview = round_figures.describe(number, arms.asked_by(request))
    row = _weights(rounds.get_round(number, overview.arm).model_id)
    model = row.model
    context = {
        "site": settings.SITE_NAME,
        "round": overview,
        "net": model.architecture,
        "sha256": row.sha256,
        "size": f"{len(row.data):,}",
        "file": file_name(number, model.architecture),
        "trained_on": figures.trained_on(model),
        "cost": figures.cost(overview.report),
        "started_from": "round 1's weights of the architecture (SHA-256 "
        f"`{_weights(first).sha256}`)"
        if (first := model.initial_model_id)
        else "nothing",
        "made_again": _made_again(number, model),
        "figures": _figures(overview.report),
        "people": _people(overview.counts),
        "manifest": json.dumps(model.manifest, indent=2, sort_keys=True) if model.manifest else "",
    }
    text = render_to_string("model_card.md", context)
    return _file(text.encode(), f"round-{number}.md", "text/markdown; charset=utf-8")


def _weights(model_id: int) -> Weights:
    """Return the weights of a round model. Raises NotFound where there are none."""
    row = Weights.objects.select_related("model").filter(pk=model_id).first()
    if row is None:
        raise NotFound(Sentence("Model {model_id} has no weights here.", model_id=model_id))
    return row


def file_name(number: int, architecture: str) -> str:
    return f"round-{number}-{architecture}.safetensors"


def _made_again(number: int, model: RoundModel) -> str:
    if gone := samples.removed_since(model):
        return (
            f"not since {gone:%-d %B %Y}: drawings that it had learned were removed by "
            "whoever drew them"
        )
    if model.initial_model_id is None:
        return (
            "from base data alone, by the manifest below"
            if model.manifest
            else "from base data alone"
        )
    return (
        f"by `manage.py export_samples --round {number}` and `python -m "
        "trainer.learning fit`, to the same bytes"
    )


def _figures(report: Report) -> list[dict[str, str]]:
    """Tell the report's figures: those on the base sets, measured or not, and on the test sets."""
    tests = {test.name: words.test_set(test) for test in report.tests}
    return [
        figures.figure(report.of(name), text) for name, text in {**figures.SETS, **tests}.items()
    ]


def _people(counts: leaderboards.AttemptCounts) -> str:
    fooled = f"{counts.fooled_count:,} of {words.drawings(counts.attempt_count)} fooled it"
    of = words.rate_of(counts.verified_count, counts.attempt_count, counts.pending_count)
    rate = f"vMER {words.percent(counts.vmer, 1)} ({of})"
    waiting = words.waiting(counts.pending_count)
    return f"{fooled}, {counts.verified_count:,} verified, {waiting}; {rate}"


@require_safe
def history_csv(request: HttpRequest) -> StreamingHttpResponse:
    """Answer with a line a round, oldest first: each figure with its two counts, its value, and the
    ends of its 95 % interval. Streamed, so that a long study is never in memory as a whole."""
    lines = _history_lines(arms.asked_by(request))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="rounds.csv"'
    return response


def _history_lines(arm: str) -> Iterator[str]:
    out = io.StringIO()
    write = csv.writer(out)
    write.writerow(
        ["round", *COUNTED, *(f"{name}_{part}" for name in FIGURES for part in OF_A_FIGURE)]
    )
    in_order = Round.objects.filter(arm=arm).order_by("number")
    numbers = list(in_order.values_list("number", flat=True))
    for first in range(0, len(numbers), ROUNDS_AT_ONCE):
        some = numbers[first : first + ROUNDS_AT_ONCE]
        for told in reversed(round_figures.history(some, arm).rounds):
            counted = (getattr(told, field) for field in COUNTED.values())
            parts = (getattr(told.figures[name], part) for name in FIGURES for part in OF_A_FIGURE)
            write.writerow([told.number, *counted, *parts])
        yield out.getvalue()
        out.seek(0)
        out.truncate()


def _file(content: bytes, name: str, content_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
