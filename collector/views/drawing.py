"""Drawing: the try-out and the draw page, one's own drawings, and the page of each with its
fate."""

from functools import wraps
from uuid import UUID

from django.core.paginator import Paginator
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from collector import limits
from collector.drawings import attempts, public, reasons, timeline
from collector.errors import Gone, NotFound
from collector.forms import AppealForm, ReasonForm, TrickForm
from collector.models import Attempt, Person, Phase, Reason, Study
from collector.moderation import appeals
from collector.standings import round_figures
from collector.views.parts import achieved, cards, game, panel_standing, pictures
from collector.views.parts.access import View, for_admins, signed_in
from collector.views.parts.buttons import submit, with_a_form
from trainer.learning.png import png
from trainer.learning.sentences import Sentence
from trainer.models import Arm, RoundModel


@require_safe
def try_out(request: HttpRequest) -> HttpResponse:
    context = {"digits": range(10), "round_number": round_figures.current().number}
    return render(request, "pages/try_out.html", context)


@require_safe
@signed_in
def draw(request: HttpRequest, person: Person) -> HttpResponse:
    if person.lacks_consent:
        return redirect("consent")
    study = Study.current()
    phase = study.phase
    if phase == Phase.ENDED:
        return render(request, "pages/study_ended.html")
    context: dict[str, object] = {
        "is_practice": phase == Phase.DRAFT,
        "digits": range(10),
        **panel_standing.of(person),
        "licence": study.licence and study.get_licence_display(),
    }
    if person.arm == Arm.NONE:
        context |= {"game": game.thanks(person)}
    else:
        open_round = round_figures.current(person.arm, study)
        assert open_round.due is not None
        context |= {
            "has_verdict": True,
            "longest_reason": Reason.LONGEST,
            "round_number": open_round.number,
            "live_preview": study.has_live_preview,
            "game": game.panel(person, open_round.due),
        }
    return render(request, "pages/draw.html", context)


@require_safe
@signed_in
def today(request: HttpRequest, person: Person) -> HttpResponse:
    """Answer how the game stands, as JSON; a draw page asks again and again while it is looked at.
    What changes with a new trick alone it gets only where it asks for the `whole`."""
    limits.take(limits.LOOKS_A_MINUTE, str(person.pk))
    if person.arm == Arm.NONE:
        return JsonResponse(game.thanks(person) | panel_standing.of(person))
    due = round_figures.due(person.arm)
    said = game.often(person, due, game.moment(request.GET.get("since", "")))
    said |= panel_standing.of(person)
    return JsonResponse(said | game.seldom(person) if "whole" in request.GET else said)


@require_safe
@signed_in
def my_drawings(request: HttpRequest, person: Person) -> HttpResponse:
    own = person.attempts.select_related("round").order_by("-submitted_at", "pk")
    page = Paginator(own, pictures.DRAWINGS_A_PAGE).get_page(request.GET.get("page"))
    items = [
        pictures.drawing_card(attempt, headline=headline, is_own=True)
        for attempt, headline in timeline.with_headlines(page.object_list)
    ]
    context = {
        "page": page,
        "items": items,
        "summary": achieved.own_summary(person),
    }
    return render(
        request, "pages/my_drawings.html", context | achieved.achievements(person, own=True)
    )


def posted_to(view: View[[UUID]]) -> View[[UUID]]:
    """Take what is posted; lead who comes otherwise to the drawing, as after signing in anew."""

    @with_a_form
    @wraps(view)
    def taking(request: HttpRequest, attempt_id: UUID) -> HttpResponseBase:
        if request.method != "POST":
            return redirect("drawing", attempt_id)
        return view(request, attempt_id)

    return taking


@require_safe
@signed_in
def drawing(request: HttpRequest, person: Person, attempt_id: UUID) -> HttpResponse:
    return _page(request, person, _visible(person, attempt_id))


@posted_to
@signed_in
def appeal(request: HttpRequest, person: Person, attempt_id: UUID) -> HttpResponse:
    attempt = _visible(person, attempt_id)
    form = AppealForm(request.POST)

    def act(text: str) -> str:
        made = appeals.appeal(person, attempt_id, text)
        return (
            _("An admin has looked at it again.")
            if made.decision_id
            else _("An admin will look at it again; you are told.")
        )

    if not submit(request, act, form) and form.errors:
        return _page(request, person, attempt, appeal=form)
    return redirect("drawing", attempt_id)


@posted_to
@signed_in
def reason(request: HttpRequest, person: Person, attempt_id: UUID) -> HttpResponse:
    """Keep what the drawer says they did."""
    attempt, form = _visible(person, attempt_id), TrickForm(request.POST)

    def act(reason: str) -> str:
        limits.take(limits.REASONS_A_MINUTE, str(person.pk))
        kept = reasons.say(person, attempt_id, reason)
        return _("It is kept.") if kept else _("Nothing is said of it.")

    if not submit(request, act, form) and form.errors:
        return _page(request, person, attempt, trick=form)
    return redirect("drawing", attempt_id)


@posted_to
@for_admins
def reason_removal(request: HttpRequest, admin: Person, attempt_id: UUID) -> HttpResponse:
    attempt, form = _visible(admin, attempt_id), ReasonForm(request.POST)

    def act(why: str) -> str:
        reasons.remove(attempt_id, admin, why)
        return _("It is removed.")

    if not submit(request, act, form) and form.errors:
        return _page(request, admin, attempt, removing=form)
    return redirect("drawing", attempt_id)


def _page(
    request: HttpRequest, person: Person, attempt: Attempt, **bound: BaseForm
) -> HttpResponse:
    """Show a drawing, with a form that was refused in its place."""
    own = attempt.drawer_id == person.pk
    is_public = public.public(attempt.round.arm).filter(pk=attempt.pk).exists()
    context: dict[str, object] = {
        "item": pictures.drawing_card(attempt, public=is_public, is_own=own),
        "strokes": pictures.strokes(attempt),
        "drawer": "" if own else attempt.drawer.username,
        "timeline": timeline.timeline(attempt, "" if own else attempt.drawer.username),
        "appeal_form": bound.get("appeal", AppealForm())
        if own and appeals.possible(attempt)
        else None,
        **_said(attempt, own, bound),
        "may_retract": own and attempts.may_retract(attempt),
    }
    if attempt.round.has_verdict or not own:
        context |= {
            "bars": pictures.bars(attempt),
            "through": pictures.through_rounds(attempt),
            "models_digit": _models_digit(attempt),
            "has_map": own or _is_model_here(attempt),
        }
    return render(request, "pages/drawing.html", context)


def _said(attempt: Attempt, own: bool, bound: dict[str, BaseForm]) -> dict[str, object]:
    """What its drawer says they did, and a form for whoever may say or remove it: an admin once it
    has settled, before which it is shown to nobody else."""
    said = reasons.said_of(attempt)
    if own and reasons.possible(attempt):
        form = bound.get("trick", TrickForm({"reason": said} if said else None))
        if isinstance(form, TrickForm) and attempt.status != Attempt.Status.PENDING:
            form.say_that_it_stays()
        return {"trick_form": form}
    if attempt.status == Attempt.Status.PENDING or not hasattr(attempt, "reason"):
        return {}
    return {
        "said": said,
        "removed_why": attempt.reason.removed_why,
        "removing_form": None if own or not said else bound.get("removing", ReasonForm()),
    }


def _is_model_here(attempt: Attempt) -> bool:
    """Whether the model that judged it came along, where it came by a release."""
    return RoundModel.objects.filter(rounds=attempt.round).exclude(architecture="").exists()


def _models_digit(attempt: Attempt) -> int:
    """Return what the model said; where it was right, its second choice."""
    return attempt.predicted_label if attempt.has_fooled else attempts.runner_up(attempt)


@require_safe
@signed_in
def drawing_seen(request: HttpRequest, person: Person, attempt_id: UUID) -> HttpResponse:
    """Answer with what the model saw, 28 × 28, as PNG; it never changes. Raises NotFound, Gone."""
    response = HttpResponse(
        png(bytes(_with_picture(person, attempt_id).pixels)), content_type="image/png"
    )
    response["Cache-Control"] = "private, max-age=86400, immutable"
    return response


@require_safe
@signed_in
def drawing_attribution(request: HttpRequest, person: Person, attempt_id: UUID) -> HttpResponse:
    """Answer with the attribution map, 28 × 28, as PNG: which ink spoke for what the model said. It
    never changes. Raises NotFound, Gone, TargetUnavailable."""
    attempt = _with_verdict(person, attempt_id)
    response = HttpResponse(
        pictures.attribution_png(
            bytes(attempt.pixels),
            attempts.attribution_map(attempt),
            has_fooled=attempt.has_fooled,
        ),
        content_type="image/png",
    )
    response["Cache-Control"] = "private, max-age=86400, immutable"
    return response


@require_safe
@signed_in
def drawing_card(request: HttpRequest, person: Person, attempt_id: UUID) -> HttpResponse:
    """Answer with the picture of what fooled the model, to show to whomever its drawer likes, as
    PNG. It names nobody. Raises NotFound, Gone."""
    attempt = _with_verdict(person, attempt_id)
    if not attempt.has_fooled:
        raise NotFound(Sentence("This drawing did not fool the model: there is no card of it."))
    response = HttpResponse(cards.png(attempt), content_type="image/png")
    response["Cache-Control"] = "private, max-age=60"  # it says whether people have read it
    return response


def _with_picture(person: Person, attempt_id: UUID) -> Attempt:
    attempt = _visible(person, attempt_id)
    if not attempt.pixels:
        raise Gone(Sentence("This drawing was removed by whoever drew it."))
    return attempt


def _with_verdict(person: Person, attempt_id: UUID) -> Attempt:
    """Return a drawing of which the person may know what the model said. Raises NotFound, Gone."""
    attempt = _with_picture(person, attempt_id)
    if attempt.drawer_id == person.pk and not attempt.round.has_verdict:
        raise NotFound(
            Sentence("What the model says of it is not told before the study has ended.")
        )
    return attempt


def _visible(person: Person, attempt_id: UUID) -> Attempt:
    """Return one's own drawing, or for an admin anybody's. Raises NotFound for all others, whether
    they exist or not."""
    visible = Attempt.objects.all() if person.is_admin else person.attempts.all()
    attempt = visible.select_related("round", "drawer", "reason").filter(pk=attempt_id).first()
    if attempt is None:
        raise NotFound(Sentence("There is no such drawing, or it is not yours."))
    return attempt
