"""People from a panel: where its link leads, what they get in the end, and where admins make
one."""

from collections.abc import Callable
from functools import partial

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collector import limits
from collector.errors import NotFound
from collector.forms import ConsentForm, PanelForm, ReleaseForm
from collector.models import Panel, Person
from collector.people import consents, panels, sessions, sign_ins
from collector.views.parts import panel_standing, written
from collector.views.parts.access import for_admins, signed_in, viewer_of
from collector.views.parts.buttons import Button, Forms, leads_back, number_of, submit, with_a_form
from trainer.learning.sentences import Sentence
from trainer.saying import number, say


@never_cache
@with_a_form
def join(request: HttpRequest, code: str) -> HttpResponse:
    """Let in whom a panel sends: by a press, since programs follow links."""
    panel = panels.find(code)
    pid = panels.read_pid(panel, request.GET.get(panel.id_parameter, ""))
    viewer = viewer_of(request)
    if viewer and panels.is_here(viewer, panel, pid):
        return redirect("draw")
    known = panels.known(request, panel, pid)
    if known is None:
        panels.require_taking(panel)
    text = None if known else consents.in_force()
    form = ConsentForm(request.POST if request.method == "POST" else None, consent=text)

    def act(**agreed: bool) -> str:
        person = known or panels.join(
            panel, pid, request.POST.get("version", ""), address=limits.address_of(request)
        )
        sessions.begin(request, person)
        return _("Welcome back.") if known else _("Welcome.")

    if request.method == "POST":
        if submit(request, act, form):
            return _begun(request, "draw" if known else written.first_page())
        if not form.errors:  # the text is another by now, or the id is known
            return redirect(request.get_full_path())
    context = {
        "panel": panel,
        "is_known": known is not None,
        "viewer": viewer,
        "text": written.shown(text, 3) if text else None,
        "form": form,
    }
    response = render(request, "pages/join.html", context)
    response["Referrer-Policy"] = "strict-origin"  # the address has the panel's id
    return response


def _begun(request: HttpRequest, page: str) -> HttpResponse:
    response = redirect(page)
    assert isinstance(request.user, Person)
    sign_ins.remember_device(request, response, request.user)
    return response


@never_cache
@require_safe
@signed_in
def done(request: HttpRequest, person: Person) -> HttpResponse:
    """Show whom a panel sent what it wants to see of them, once they have drawn as many."""
    standing = panels.standing(person)
    if standing is None:
        raise NotFound(Sentence("No panel sent you: there is nothing to finish."))
    member, drawn = standing
    context = {
        "panel": member.panel,
        "is_finished": member.finished_at is not None,
        "line": panel_standing.line(member, drawn),
    }
    return render(request, "pages/panel_done.html", context)


@never_cache
@with_a_form
@for_admins
def all_panels(request: HttpRequest, admin: Person) -> HttpResponse:
    bound: Forms = {}
    if leads_back(request, _buttons(admin), bound):
        return redirect(reverse("panels") + "#main")
    context = {
        "panels": [_shown(request, panel, bound) for panel in panels.all_of_them()],
        "form": bound.get("panel") or PanelForm(),
    }
    return render(request, "pages/panels.html", context)


@never_cache
@require_safe
@for_admins
def ids_csv(request: HttpRequest, admin: Person, number: int) -> StreamingHttpResponse:
    """Answer which of a panel's ids have drawn how much, so that people can be paid."""
    lines = panels.as_csv(admin, number)
    headers = {"Content-Disposition": f'attachment; filename="panel-{number}.csv"'}
    return StreamingHttpResponse(lines, content_type="text/csv", headers=headers)


def _buttons(admin: Person) -> dict[str, Callable[[QueryDict], Button]]:
    def add(**values: str | int) -> str:
        panels.make(admin, **values)
        return _("The panel is there. Give its link to whoever sends people.")

    def release(post: QueryDict) -> Button:
        pk = _pk(post)
        return Button(partial(_release, admin, pk), ReleaseForm(post, prefix=f"panel-{pk}"))

    return {
        "add": lambda post: Button(add, PanelForm(post)),
        "close": lambda post: Button(partial(_close, admin, _pk(post))),
        "reopen": lambda post: Button(partial(_reopen, admin, _pk(post))),
        "release": release,
    }


def _close(admin: Person, pk: int) -> str:
    panels.close(admin, pk)
    return _("Closed: nobody new comes in by its link.")


def _reopen(admin: Person, pk: int) -> str:
    panels.reopen(admin, pk)
    return _("Open: people come in by its link again.")


def _release(admin: Person, pk: int, pid: str) -> str:
    panels.release(admin, pk, pid)
    return _("Released: whoever comes with this id begins anew.")


def _pk(post: QueryDict) -> int:
    """Return which panel a button is of. Raises NotFound for what is no number."""
    pk = number_of(post.get("panel", ""))
    if pk is None:
        raise NotFound(Sentence("There is no such panel."))
    return pk


def _shown(request: HttpRequest, panel: Panel, bound: Forms) -> dict[str, object]:
    joined, finished = panel.joined_count, panel.finished_count  # type: ignore[attr-defined]
    link = request.build_absolute_uri(reverse("join", args=[panel.code]))
    prefix = f"panel-{panel.pk}"
    return {
        "id": panel.pk,
        "name": panel.name,
        "is_closed": panel.closed_at is not None,
        "link": f"{link}?{panel.id_parameter}=…",
        "counts": say(
            _("{joined} came, {finished} have made their {n:,} drawings"),
            joined=number(joined),
            finished=number(finished),
            n=panel.drawing_count,
        ),
        "completion_code": panel.completion_code,
        "redirect_url": panel.redirect_url,
        "form": bound.get(prefix) or ReleaseForm(prefix=prefix),
    }
