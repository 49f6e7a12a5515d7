"""The admins' desk: the open round and its training, held candidates, drawings that nobody could
settle, the study."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from collector import health, words
from collector.drawings import timeline
from collector.errors import NotFound
from collector.forms import DecisionForm, ReasonForm, RollBackForm, StudyForm
from collector.models import Alarm, Attempt, Person, Study, StudyChange
from collector.moderation import appeals, decisions, trust
from collector.standings import round_figures
from collector.study import settings as study_settings
from collector.study import site_status
from collector.views.parts import charts, figures, pictures
from collector.views.parts.access import for_admins
from collector.views.parts.buttons import Button, Forms, press
from trainer import candidates, rounds
from trainer.heartbeats import Sign
from trainer.learning.report import UNLOADABLE, Report
from trainer.learning.sentences import Sentence
from trainer.models import Round, RoundModel

State = RoundModel.State
LOG = 20
TO_DECIDE_A_PAGE = 10


@require_http_methods(["GET", "HEAD", "POST"])
@for_admins
def desk(request: HttpRequest, admin: Person) -> HttpResponse:
    bound: Forms = {}
    if request.method == "POST":
        done = press(request, _buttons(admin), bound)
        # What was refused for how things stand by now is seen from how they stand by now.
        if done or not any(form.errors for form in bound.values()):
            return redirect(reverse("desk") + "#main")
    return render(request, "pages/desk.html", _context(request, admin, bound))


def _buttons(admin: Person) -> dict[str, Callable[[QueryDict], Button]]:
    """The desk's buttons, by what each posts as `do`."""

    def roll_back(post: QueryDict) -> Button:
        form = RollBackForm(post, prefix="roll_back", last=_last_closed())
        return Button(partial(_roll_back, admin, _number(post.get("seen_open", ""))), form)

    def study(post: QueryDict) -> Button:
        form = _study_form(post)
        return Button(partial(_change_study, admin, form), form)

    return {
        "train": lambda post: Button(partial(_train, _number(post.get("seen_newest", "")))),
        "promote": lambda post: _of_candidate(post, partial(_promote, admin)),
        "discard": lambda post: _of_candidate(post, partial(_discard, admin)),
        "roll_back": roll_back,
        "decide": lambda post: _of_drawing(post, partial(_decide, admin)),
        "study": study,
    }


def _of_candidate(post: QueryDict, act: Callable[[int, str], str]) -> Button:
    """The button of a candidate, whose number `act` gets. Raises NotFound for what is no number."""
    number = _number(post.get("candidate", ""))
    if number is None:
        raise NotFound(Sentence("There is no such candidate."))
    return Button(partial(act, number), ReasonForm(post, prefix=f"candidate-{number}"))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _of_drawing(post: QueryDict, act: Callable[..., str]) -> Button:
    """The button of a drawing, whose id `act` gets. Raises NotFound for what is no id."""
    try:
        attempt_id = UUID(post.get("attempt", ""))
    except ValueError as error:
        raise NotFound(Sentence("There is no such drawing.")) from error
    form = DecisionForm(post, prefix=f"attempt-{attempt_id}")
    seen = post.get("seen_appeal")
    return Button(partial(act, attempt_id, None if seen is None else bool(seen)), form)


def _train(seen_newest: int | None) -> str:
    study = Study.current()
    candidates.start(study.architecture, study.max_per_person, seen_newest=seen_newest)
    return "A new model is in training."


def _promote(admin: Person, number: int, why: str) -> str:
    opened = candidates.promote(number, admin.username, why)
    return f"Round {opened.number} is open."


def _discard(admin: Person, number: int, why: str) -> str:
    candidates.discard(number, admin.username, why)
    return "The candidate is discarded."


def _roll_back(admin: Person, seen_open: int | None, number: int, why: str) -> str:
    opened = rounds.roll_back(number, admin.username, why, seen_open=seen_open)
    return f"Round {opened.number} is open."


def _decide(
    admin: Person, attempt_id: UUID, seen_appeal: bool | None, answer: str, why: str
) -> str:
    decisions.decide(attempt_id, admin, answer, why, seen_appeal=seen_appeal)
    return "Decided; the drawer is told."


def _change_study(admin: Person, form: StudyForm, **settings: object) -> str:
    study_settings.change(admin, form.seen(), **settings)
    return "The study's settings are saved."


def _last_closed() -> int:
    """The number of the round before the open one; 0 where there is none."""
    return Round.objects.get(state=Round.State.OPEN).number - 1


def _study_form(post: QueryDict | None = None) -> StudyForm:
    return StudyForm(post, instance=Study.current(), architectures=rounds.architectures())


def _context(request: HttpRequest, admin: Person, bound: Forms) -> dict[str, object]:
    failed = candidates.last_failed()
    return _waiting(request, admin, bound) | {
        "open": figures.open_round(round_figures.current()),
        "pulse": _pulse(site_status.measure()),
        "problems": [*health.problems(), *_wrong(), *_judged_without()],
        "days": _days(site_status.daily()),
        "newest": candidates.newest(),
        "failed": figures.candidate(failed) if failed else None,
        "roll_back_form": bound.get("roll_back")
        or RollBackForm(prefix="roll_back", last=_last_closed()),
        "study_form": bound.get("study") or _study_form(),
        "log": StudyChange.objects.select_related("admin").order_by("-changed_at", "-pk")[:LOG],
    }


def _waiting(request: HttpRequest, admin: Person, bound: Forms) -> dict[str, object]:
    """What waits for a decision, each kind with how many there are, and the menu's number of all
    together, which so is not counted again."""
    held = list(
        RoundModel.objects.filter(state=State.HELD)
        .select_related("initial_model")
        .order_by("-created_at")
    )
    pages = {
        name: Paginator(attempts, TO_DECIDE_A_PAGE).get_page(request.GET.get(name))
        for name, attempts in (("unsettled", decisions.unsettled()), ("appeals", appeals.waiting()))
    }
    moderators = trust.count_moderators()
    waiting = decisions.Waiting(
        held_count=len(held),
        unsettled_count=pages["unsettled"].paginator.count,
        appeal_count=pages["appeals"].paginator.count,
        paused_count=moderators.paused_count,
    )
    return {
        "waiting_count": waiting.total,
        "waiting": _in_words(waiting),
        "held": [_held(model, bound) for model in held],
        "moderators": _moderators(moderators),
        **{f"{name}_page": page for name, page in pages.items()},
        **{
            name: [_unsettled(attempt, admin, bound) for attempt in page.object_list]
            for name, page in pages.items()
        },
    }


def _in_words(waiting: decisions.Waiting) -> list[dict[str, str]]:
    """Say what waits, each kind with where it is decided."""
    return [
        {"url": url, "count": f"{count:,}", "text": text if count == 1 else texts}
        for count, url, text, texts in (
            (waiting.held_count, "#held", "held candidate", "held candidates"),
            (
                waiting.unsettled_count,
                "#unsettled",
                "drawing that moderators could not settle",
                "drawings that moderators could not settle",
            ),
            (waiting.appeal_count, "#appeals", "appeal", "appeals"),
            (waiting.paused_count, reverse("moderators"), "paused moderator", "paused moderators"),
        )
        if count
    ]


def _days(days: list[site_status.Day]) -> dict[str, object]:
    """Tell the last days: a chart of each kind, and all of it as rows, the newest first."""
    names = [f"{day.begins_at:%-d %b}" for day in days]
    kinds = {
        "drawings": [day.drawing_count for day in days],
        "readings": [day.reading_count for day in days],
        "sign-ups": [day.sign_up_count for day in days],
    }
    return {
        "charts": [
            {
                "kind": kind,
                "total": f"{total:,}",
                "text": kind.removesuffix("s") if total == 1 else kind,
                "chart": charts.columns(
                    counts,
                    [f"{name}: {count:,}" for name, count in zip(names, counts, strict=True)],
                ),
            }
            for kind, counts in kinds.items()
            for total in [sum(counts)]
        ],
        "begins": names[0],
        "rows": [
            {"day": name, "counts": [f"{count:,}" for count in counts]}
            for name, *counts in zip(names, *kinds.values(), strict=True)
        ][::-1],
    }


def _wrong() -> list[str]:
    """Say what admins are alarmed of, but for what the desk shows in more words elsewhere."""
    elsewhere = (Alarm.Kind.TRAINING, Alarm.Kind.WORKERS)
    return [kind.label for kind in site_status.wrong() if kind not in elsewhere]


def _judged_without() -> Iterator[str]:
    """Say which rounds' models could not be loaded when the newest candidate was judged."""
    newest = (
        RoundModel.objects.filter(left_out_contributor=None, report__isnull=False)
        .order_by("-pk")
        .values_list(f"report__{UNLOADABLE}", flat=True)
        .first()
    )
    for number in newest or ():
        yield (
            f"The stored model of round {number} is damaged; the newest candidate was judged "
            "without it. It comes back with a backup of the database."
        )


def _pulse(status: site_status.SiteStatus) -> list[dict[str, str]]:
    """Say how the site stands: figures, or two words each, with what they mean."""
    now = timezone.now()
    queue = "nothing waits to be read"
    if status.oldest:
        pace = f"; {words.span(status.takes)} at today’s pace" if status.takes is not None else ""
        queue = f"waiting to be read, the oldest for {words.span(now - status.oldest)}{pace}"
    people = words.count(status.drawers, "person", "people")
    readers = words.count(status.readers, "moderator")
    return [
        {"value": f"{status.waiting:,}", "says": queue},
        {"value": f"{status.drawings:,}", "says": f"drawn by {people} in the last 24 hours"},
        {"value": f"{status.readings:,}", "says": f"readings by {readers} in the last 24 hours"},
        {"value": f"{status.sign_ups:,}", "says": "signed up in the last 24 hours"},
        *(_sign(sign, now) for sign in status.signs),
        *(
            {"value": "never", "says": f"last sign of life, any {program}"}
            for program in site_status.PROGRAMS
            if program not in {sign.program for sign in status.signs}
        ),
    ]


def _sign(sign: Sign, now: datetime) -> dict[str, str]:
    silent = "" if sign.is_alive else ", which is silent"
    return {
        "value": f"{words.span(now - sign.beat_at)} ago",
        "says": f"last sign of life, {sign.program} on {sign.machine}{silent}",
    }


def _held(model: RoundModel, bound: Forms) -> dict[str, object]:
    """A held candidate, its figures beside round 1's."""
    report = Report.from_json(model.report)
    first = Report.from_json(model.initial_model.report if model.initial_model else None)
    key = f"candidate-{model.pk}"
    return figures.candidate(model) | {
        "figures": [
            {
                "name": text,
                "mine": figures.figure(report.of(name), text),
                "first": figures.figure(first.of(name), text),
            }
            for name, text in figures.SETS.items()
        ],
        "form": bound.get(key) or ReasonForm(prefix=key),
    }


def _moderators(counts: trust.ModeratorCounts) -> str:
    """Count the moderators, as in “3 moderators: 1 practises, 1 is paused.”"""
    if not counts.moderator_count:
        return "None yet."
    practising, paused = counts.practising_count, counts.paused_count
    not_reading = []
    if practising:
        not_reading.append(f"{practising:,} {'practises' if practising == 1 else 'practise'}")
    if paused:
        not_reading.append(f"{paused:,} {'is' if paused == 1 else 'are'} paused")
    everybody = words.count(counts.moderator_count, "moderator")
    return f"{everybody}{': ' if not_reading else ''}{', '.join(not_reading)}."


def _unsettled(attempt: Attempt, admin: Person, bound: Forms) -> dict[str, object]:
    key = f"attempt-{attempt.pk}"
    readings = [reading for reading in attempt.readings.all() if reading.answer is not None]
    return {
        "item": pictures.drawing_card(attempt, drawer=attempt.drawer.username),
        "own": attempt.drawer_id == admin.pk,
        "appeal": getattr(getattr(attempt, "appeal", None), "text", ""),
        "status": timeline.headline(attempt),
        "readings": [
            {"moderator": reading.moderator.username, "answer": reading.answer}
            for reading in readings
        ],
        "form": bound.get(key) or DecisionForm(prefix=key),
    }
