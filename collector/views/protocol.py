"""The protocol of a study: an admin drafts it, starts the study under it, and ends it."""

from collections.abc import Callable
from functools import partial

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from collector.forms import ProtocolForm, ReasonForm, StudyForm
from collector.models import COLLECTED_BY, Outcome, Person, Phase, Study
from collector.study import protocol
from collector.study import settings as study_settings
from collector.views.parts import protocols
from collector.views.parts.access import for_admins
from collector.views.parts.buttons import Button, Forms, leads_back, with_a_form

IN_THE_FORM = ("round_size", "quorum")


@with_a_form
@for_admins
def page(request: HttpRequest, admin: Person) -> HttpResponse:
    bound: Forms = {}
    if leads_back(request, _buttons(admin), bound):
        return redirect(reverse("protocol") + "#main")
    study = Study.current()
    found = protocol.of(study)
    context = {
        "phase": study.phase if found is None else found.phase,
        "form": bound.get("protocol") or ProtocolForm(study=study),
        "collected_by": [
            (StudyForm.Meta.labels[name], _said(getattr(study, name)))
            for name in COLLECTED_BY
            if name not in IN_THE_FORM
        ],
        **(_told(found, bound) if found else {}),
    }
    return render(request, "pages/protocol.html", context)


def _buttons(admin: Person) -> dict[str, Callable[[QueryDict], Button]]:
    """What the buttons of the page do."""

    def save(post: QueryDict) -> Button:
        form = ProtocolForm(post, study=Study.current())
        return Button(partial(_save, admin, form), form)

    return {
        "save": save,
        "start": lambda post: Button(partial(_start, admin, post.get("seen", ""))),
        "discard": lambda post: Button(partial(_discard, admin)),
        "end": lambda post: Button(partial(_end, admin), ReasonForm(post, prefix="end")),
    }


def _save(admin: Person, form: ProtocolForm, why: str = "", **settings: object) -> str:
    study_settings.change(admin, form.seen(), why, **settings)
    return _("The protocol is saved.")


def _start(admin: Person, seen: str) -> str:
    protocol.start(admin, seen)
    return _("The study has started. What is drawn counts from now on.")


def _discard(admin: Person) -> str:
    protocol.discard(admin)
    return _("The draft is given up. What is drawn counts, as on any site.")


def _end(admin: Person, why: str) -> str:
    protocol.end(admin, why)
    return _("The study has ended. No drawing is taken any more.")


def _told(found: protocol.Protocol, bound: Forms) -> dict[str, object]:
    """Tell a protocol, and what can be done with it."""
    said = found.content
    return {
        "told": protocols.told(found),
        "digest": protocol.digest(found.document),
        "samples_before": sum(said["samples_before"].values()),
        "lacks_licence": not found.study.licence,
        "has_one_arm": len(found.study.weights) == 1,
        "question": said["question"],
        "facts": [
            (_("Arms and their weights"), protocols.weights(said["arms"])),
            (_("Round size"), _said(said["collected_by"]["round_size"])),
            (_("Quorum"), _said(said["collected_by"]["quorum"])),
            (_("Stop rule: samples of each arm"), _said(said["stop"]["samples_of_each_arm"])),
            (
                _("Primary outcome"),
                _("errors on the held-out drawings that no adversary chose, at equal samples"),
            ),
            (
                _("Secondary outcomes"),
                "; ".join(str(Outcome(name).label) for name in said["secondary_outcomes"]) or "–",
            ),
        ],
        "end_form": bound.get("end") or ReasonForm(prefix="end"),
        "is_running": found.phase == Phase.RUNNING,
    }


def _said(value: object) -> str:
    """Say a setting's value in words."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return protocols.said(value)
