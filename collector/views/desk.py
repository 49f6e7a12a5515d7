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
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector import health
from collector.data import publishing
from collector.drawings import timeline
from collector.errors import NotFound
from collector.forms import DecisionForm, ReasonForm, RollBackForm, StudyForm
from collector.models import Alarm, Attempt, Person, Study, StudyChange
from collector.moderation import appeals, decisions, trust
from collector.rules import verdicts
from collector.standings import round_figures
from collector.study import protocol, site_status
from collector.study import settings as study_settings
from collector.views.parts import charts, figures, pictures, protocols
from collector.views.parts.access import for_admins
from collector.views.parts.buttons import Button, Forms, leads_back, number_of, with_a_form
from trainer import candidates, rounds, saying, words
from trainer.heartbeats import Sign
from trainer.learning.report import UNLOADABLE, Report
from trainer.learning.sentences import Sentence
from trainer.models import Arm, Round, RoundModel
from trainer.saying import say, told

State = RoundModel.State
LOG = 20
TO_DECIDE_A_PAGE = 10


@with_a_form
@for_admins
def desk(request: HttpRequest, admin: Person) -> HttpResponse:
    bound: Forms = {}
    if leads_back(request, _buttons(admin), bound):
        return redirect(reverse("desk") + "#main")
    return render(request, "pages/desk.html", _context(request, admin, bound))


def _buttons(admin: Person) -> dict[str, Callable[[QueryDict], Button]]:
    """The desk's buttons, by what each posts as `do`."""

    def roll_back(post: QueryDict) -> Button:
        form = RollBackForm(post, prefix="roll_back", last=_last_closed())
        return Button(partial(_roll_back, admin, number_of(post.get("seen_open", ""))), form)

    def study(post: QueryDict) -> Button:
        form = _study_form(Study.current(), post)
        return Button(partial(_change_study, admin, form), form)

    return {
        "train": lambda post: Button(
            partial(
                _train, admin, post.get("arm", Arm.DYNAMIC), number_of(post.get("seen_newest", ""))
            )
        ),
        "promote": lambda post: _of_candidate(post, partial(_promote, admin)),
        "discard": lambda post: _of_candidate(post, partial(_discard, admin)),
        "roll_back": roll_back,
        "decide": lambda post: _of_drawing(post, partial(_decide, admin)),
        "study": study,
    }


def _of_candidate(post: QueryDict, act: Callable[[int, str], str]) -> Button:
    """The button of a candidate, whose number `act` gets. Raises NotFound for what is no number."""
    number = number_of(post.get("candidate", ""))
    if number is None:
        raise NotFound(Sentence("There is no such candidate."))
    return Button(partial(act, number), ReasonForm(post, prefix=f"candidate-{number}"))


def _of_drawing(post: QueryDict, act: Callable[..., str]) -> Button:
    """The button of a drawing, whose id `act` gets. Raises NotFound for what is no id."""
    try:
        attempt_id = UUID(post.get("attempt", ""))
    except ValueError as error:
        raise NotFound(Sentence("There is no such drawing.")) from error
    form = DecisionForm(post, prefix=f"attempt-{attempt_id}")
    seen = post.get("seen_appeal")
    return Button(partial(act, attempt_id, None if seen is None else bool(seen)), form)


def _train(admin: Person, arm: str, seen_newest: int | None) -> str:
    study_settings.train_now(admin, arm, seen_newest)
    return _("A new model is in training.")


def _promote(admin: Person, number: int, why: str) -> str:
    opened = candidates.promote(number, admin.username, why)
    return say(_("Round {number} is open."), number=opened.number)


def _discard(admin: Person, number: int, why: str) -> str:
    candidates.discard(number, admin.username, why)
    return _("The candidate is discarded.")


def _roll_back(admin: Person, seen_open: int | None, number: int, why: str) -> str:
    opened = rounds.roll_back(number, admin.username, why, seen_open=seen_open)
    return say(_("Round {number} is open."), number=opened.number)


def _decide(
    admin: Person, attempt_id: UUID, seen_appeal: bool | None, answer: str, why: str
) -> str:
    decisions.decide(attempt_id, admin, answer, why, seen_appeal=seen_appeal)
    return _("Decided; the drawer is told.")


def _change_study(admin: Person, form: StudyForm, why: str = "", **settings: object) -> str:
    study_settings.change(admin, form.seen(), why, **settings)
    return _("The study's settings are saved.")


def _last_closed() -> int:
    """The number of the dynamic arm's round before the open one; 0 where there is none."""
    return Round.objects.get(state=Round.State.OPEN, arm=Arm.DYNAMIC).number - 1


def _study_form(study: Study, post: QueryDict | None = None) -> StudyForm:
    return StudyForm(post, instance=study, architectures=rounds.architectures())


def _context(request: HttpRequest, admin: Person, bound: Forms) -> dict[str, object]:
    status = site_status.measure()
    study = Study.current()
    found = protocol.of(study)
    opened = _opened(study)
    return _waiting(request, admin, bound, status.waiting, study) | {
        "protocol": protocols.told(found) if found else None,
        "opened": opened,
        "open": opened[0],
        "is_training": any(each["training"] for each in opened),
        "pulse": _pulse(status),
        "problems": [
            *health.problems(),
            *_wrong(),
            *_judged_without(),
            *publishing.problems(),
        ],
        "days": _days(site_status.daily()),
        "roll_back_form": bound.get("roll_back")
        or RollBackForm(prefix="roll_back", last=_last_closed()),
        "study_form": bound.get("study") or _study_form(study),
        "log": StudyChange.objects.select_related("admin").order_by("-changed_at", "-pk")[:LOG],
    }


def _opened(study: Study) -> list[dict[str, object]]:
    """Tell each arm's open round, the dynamic first, with what trains there or failed to."""
    told = []
    for arm in sorted(study.weights, key=lambda arm: arm != Arm.DYNAMIC):
        failed = candidates.last_failed(arm if study.has_several_arms else "")
        told.append(
            figures.open_round(round_figures.current(arm, study))
            | {
                "arm": arm,
                "is_named": study.has_several_arms,
                "newest": candidates.newest(arm),
                "failed": figures.candidate(failed) if failed else None,
            }
        )
    return told


def _waiting(
    request: HttpRequest, admin: Person, bound: Forms, pending_count: int, study: Study
) -> dict[str, object]:
    """What waits for a decision, each kind with how many there are, and the menu's number of all
    together, which so is not counted again; and whether nobody reads what waits for moderators."""
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
        "unread": _unread(pending_count - waiting.unsettled_count, moderators),
        "held": [_held(model, bound, study) for model in held],
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
        {"url": url, "count": saying.number(count), "text": text}
        for count, url, text in (
            (
                waiting.held_count,
                "#held",
                ngettext("held candidate", "held candidates", waiting.held_count),
            ),
            (
                waiting.unsettled_count,
                "#unsettled",
                ngettext(
                    "drawing that moderators could not settle",
                    "drawings that moderators could not settle",
                    waiting.unsettled_count,
                ),
            ),
            (waiting.appeal_count, "#appeals", ngettext("appeal", "appeals", waiting.appeal_count)),
            (
                waiting.paused_count,
                reverse("moderators"),
                ngettext("paused moderator", "paused moderators", waiting.paused_count),
            ),
        )
        if count
    ]


def _days(days: list[site_status.Day]) -> dict[str, object]:
    """Tell the last days: a chart of each kind, and all of it as rows, the newest first."""
    names = [date_format(day.begins_at, "MONTH_DAY_FORMAT") for day in days]
    kinds = [
        [day.drawing_count for day in days],
        [day.reading_count for day in days],
        [day.sign_up_count for day in days],
    ]
    totals = [sum(counts) for counts in kinds]
    texts = (
        ngettext("drawing", "drawings", totals[0]),
        ngettext("reading", "readings", totals[1]),
        ngettext("sign-up", "sign-ups", totals[2]),
    )
    return {
        "charts": [
            {
                "kind": kind,
                "total": saying.number(total),
                "text": text,
                "chart": charts.columns(
                    counts,
                    [
                        f"{name}: {saying.number(count)}"
                        for name, count in zip(names, counts, strict=True)
                    ],
                ),
            }
            for kind, total, text, counts in zip(
                (_("drawings"), _("readings"), _("sign-ups")), totals, texts, kinds, strict=True
            )
        ],
        "begins": names[0],
        "rows": [
            {"day": name, "counts": [saying.number(count) for count in counts]}
            for name, *counts in zip(names, *kinds, strict=True)
        ][::-1],
    }


def _wrong() -> list[str]:
    """Say what admins are alarmed of, but for what the desk shows in more words elsewhere."""
    elsewhere = (Alarm.Kind.TRAINING, Alarm.Kind.WORKERS)
    return [str(kind.label) for kind in site_status.wrong() if kind not in elsewhere]


def _judged_without() -> Iterator[str]:
    """Say which rounds' models could not be loaded when the newest candidate was judged."""
    newest = (
        RoundModel.objects.filter(left_out_contributor=None, report__isnull=False)
        .order_by("-pk")
        .values_list(f"report__{UNLOADABLE}", flat=True)
        .first()
    )
    for number in newest or ():
        yield say(
            _(
                "The stored model of round {number} is damaged; the newest candidate was judged "
                "without it. It comes back with a backup of the database."
            ),
            number=number,
        )


def _pulse(status: site_status.SiteStatus) -> list[dict[str, str]]:
    """Say how the site stands: figures, or two words each, with what they mean."""
    now = timezone.now()
    return [
        {"value": saying.number(status.waiting), "says": _queue(status, now)},
        {
            "value": saying.number(status.drawings),
            "says": say(
                _("drawn by {people} in the last 24 hours"), people=words.people(status.drawers)
            ),
        },
        {
            "value": saying.number(status.readings),
            "says": say(
                ngettext(
                    "readings by {n:,} moderator in the last 24 hours",
                    "readings by {n:,} moderators in the last 24 hours",
                    status.readers,
                ),
                n=status.readers,
            ),
        },
        {"value": saying.number(status.sign_ups), "says": _("signed up in the last 24 hours")},
        *(_sign(sign, now) for sign in status.signs),
        *(
            {
                "value": _("never"),
                "says": say(_("last sign of life, any {program}"), program=program),
            }
            for program in site_status.PROGRAMS
            if program not in {sign.program for sign in status.signs}
        ),
    ]


def _queue(status: site_status.SiteStatus, now: datetime) -> str:
    if not status.oldest:
        return _("nothing waits to be read")
    waits = words.span(now - status.oldest)
    if status.takes is None:
        return say(_("waiting to be read, the oldest for {span}"), span=waits)
    return say(
        _("waiting to be read, the oldest for {span}; {takes} at today’s pace"),
        span=waits,
        takes=words.span(status.takes),
    )


def _sign(sign: Sign, now: datetime) -> dict[str, str]:
    says = (
        _("last sign of life, {program} on {machine}")
        if sign.is_alive
        else _("last sign of life, {program} on {machine}, which is silent")
    )
    return {
        "value": say(_("{span} ago"), span=words.span(now - sign.beat_at)),
        "says": say(says, program=sign.program, machine=sign.machine),
    }


def _held(model: RoundModel, bound: Forms, study: Study) -> dict[str, object]:
    """A held candidate, its figures beside round 1's."""
    report = Report.from_json(model.report)
    first = Report.from_json(model.initial_model.report if model.initial_model else None)
    key = f"candidate-{model.pk}"
    return figures.candidate(model) | {
        "arm": model.arm if study.has_several_arms else "",
        "figures": [
            {
                "name": told(text),
                "mine": figures.figure(report.of(name), text),
                "first": figures.figure(first.of(name), text),
            }
            for name, text in figures.SETS.items()
        ],
        "form": bound.get(key) or ReasonForm(prefix=key),
    }


def _unread(count: int, moderators: trust.ModeratorCounts) -> str:
    """Say that nobody reads what waits for moderators; nothing where somebody does."""
    if not count or moderators.reading_count:
        return ""
    if moderators.moderator_count:
        waits = ngettext(
            "{n:,} drawing waits to be read, and no moderator may read just now.",
            "{n:,} drawings wait to be read, and no moderator may read just now.",
            count,
        )
    else:
        waits = ngettext(
            "{n:,} drawing waits to be read, and nobody is a moderator yet.",
            "{n:,} drawings wait to be read, and nobody is a moderator yet.",
            count,
        )
    return say(waits, n=count)


def _moderators(counts: trust.ModeratorCounts) -> str:
    """Count the moderators, as in “3 moderators: 1 practises, 1 is paused.”"""
    if not counts.moderator_count:
        return _("None yet.")
    not_reading = []
    if n := counts.practising_count:
        not_reading.append(say(ngettext("{n:,} practises", "{n:,} practise", n), n=n))
    if n := counts.paused_count:
        not_reading.append(say(ngettext("{n:,} is paused", "{n:,} are paused", n), n=n))
    n = counts.moderator_count
    if not not_reading:
        return say(ngettext("{n:,} moderator.", "{n:,} moderators.", n), n=n)
    everybody = ngettext("{n:,} moderator: {those}.", "{n:,} moderators: {those}.", n)
    return say(everybody, n=n, those=", ".join(not_reading))


def _unsettled(attempt: Attempt, admin: Person, bound: Forms) -> dict[str, object]:
    key = f"attempt-{attempt.pk}"
    readings = [reading for reading in attempt.readings.all() if reading.answer is not None]
    return {
        "item": pictures.drawing_card(attempt, drawer=attempt.drawer.username),
        "own": attempt.drawer_id == admin.pk,
        "appeal": getattr(getattr(attempt, "appeal", None), "text", ""),
        "status": timeline.headline(attempt),
        "readings": [
            {
                "moderator": reading.moderator.username,
                "answer": told(verdicts.IN_WORDS.get(reading.answer or "", reading.answer or "")),
            }
            for reading in readings
        ],
        "form": bound.get(key) or DecisionForm(prefix=key),
    }
