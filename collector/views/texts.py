"""The study's texts: as pages, with the consent and the questions that people are asked, and where
admins write them."""

from collections.abc import Callable
from functools import partial

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collector.errors import NotFound
from collector.forms import AskedForm, CitedForm, ConsentForm, QuestionsForm, TextForm
from collector.models import Licence, Person, Study, StudyChange, StudyText
from collector.people import consents
from collector.study import settings as study_settings
from collector.study import texts
from collector.views.parts import written
from collector.views.parts.access import for_admins, signed_in, viewer_of
from collector.views.parts.buttons import (
    Button,
    Forms,
    Unchanged,
    leads_back,
    submit,
    with_a_form,
)
from trainer.learning.sentences import Sentence

Kind = StudyText.Kind
WHAT_IS_ASKED = ("licence", "questions")


@require_safe
def text(request: HttpRequest, kind: str) -> HttpResponse:
    found = StudyText.in_force(kind)
    if found is None:
        raise NotFound(Sentence("This study has no such page."))
    return render(request, "pages/text.html", {"text": written.shown(found)})


@never_cache
@with_a_form
def consent(request: HttpRequest) -> HttpResponse:
    """Show the consent text to everybody, and ask whoever is signed in and has not agreed to it."""
    found = consents.in_force()
    if found is None:
        raise NotFound(Sentence("This study has no such page."))
    person = viewer_of(request)
    form = ConsentForm(request.POST if request.method == "POST" else None, consent=found)
    if request.method == "POST":
        if person is None:
            return redirect_to_login(request.get_full_path())

        def act(**agreed: bool) -> str:
            consents.give(person, request.POST.get("version", ""))
            return _("Thank you. You can draw now.")

        if submit(request, act, form):
            return redirect(written.first_page())
        if not form.errors:  # the text is another by now
            return redirect("consent")
    context = {
        "text": written.shown(found),
        "form": form if person and person.lacks_consent else None,
        "given": consents.given(person) if person and not person.lacks_consent else None,
    }
    return render(request, "pages/consent.html", context)


@never_cache
@with_a_form
@signed_in
def questions(request: HttpRequest, person: Person) -> HttpResponse:
    asked = Study.current().asked
    if not asked:
        return redirect("draw")
    posted = request.POST if request.method == "POST" else None
    form = QuestionsForm(posted, asked=asked, initial=consents.answers(person))

    def act(**said: str) -> str:
        consents.answer(person, said)
        return _("Thank you.")

    if posted is not None and submit(request, act, form):
        return redirect("draw")
    return render(request, "pages/questions.html", {"form": form})


@never_cache
@with_a_form
@for_admins
def all_texts(request: HttpRequest, admin: Person) -> HttpResponse:
    bound: Forms = {}
    if leads_back(request, _buttons(admin), bound):
        return redirect(f"{reverse('texts')}#{request.POST.get('do', 'main')}")
    versions = texts.versions()
    context = {
        "texts": [_editable(kind, versions.get(kind), bound) for kind in Kind],
        "asked_form": bound.get("asked") or _asked_form(),
        "cited_form": bound.get("cited") or _cited_form(),
    }
    return render(request, "pages/texts.html", context)


def _buttons(admin: Person) -> dict[str, Callable[[QueryDict], Button]]:
    def asked(post: QueryDict) -> Button:
        form = AskedForm(post)
        return Button(partial(_ask, admin, form), form)

    def of_kind(kind: str, post: QueryDict) -> Button:
        return Button(partial(_save, admin, kind, post), TextForm(post, kind=kind))

    def cited(post: QueryDict) -> Button:
        form = CitedForm(post)
        return Button(partial(_cite, admin, form), form)

    of_kinds = {kind: partial(of_kind, kind) for kind in Kind.values}
    return of_kinds | {"asked": asked, "cited": cited}


def _save(
    admin: Person, kind: str, post: QueryDict, text: str, minimum_age: int | None = None
) -> str:
    seen = post.get(f"{kind}-seen", "")
    version = int(seen) if seen.isascii() and seen.isdigit() and len(seen) <= 9 else 0
    is_another = texts.save(admin, kind, text, version, age=minimum_age)
    if not is_another:
        return Unchanged(_("Nothing was changed."))
    if kind == Kind.CONSENT and text.strip():
        return _("Saved. Everybody is asked for consent to this version before they draw on.")
    return _("Saved.")


def _ask(admin: Person, form: AskedForm, questions: str, licence: str) -> str:
    seen = form.seen()
    if seen and not Study.current().licence:
        seen["licence"] = ""  # the usual one was proposed, and is chosen by this
    study_settings.change(admin, seen, questions=questions, licence=licence)
    return _("Saved.")


def _cite(admin: Person, form: CitedForm, **cited: str) -> str:
    study_settings.change(admin, form.seen(), **cited)
    return _("Saved. The next release has it.")


def _cited_form() -> CitedForm:
    study = Study.current()
    cited = {name: getattr(study, name) for name in CitedForm.base_fields}
    return CitedForm(initial=cited)


def _asked_form() -> AskedForm:
    """The form of what people are asked and give; until it was saved, with the licence that is
    usual."""
    study = Study.current()
    is_open = not study.licence and not StudyChange.objects.filter(field__in=WHAT_IS_ASKED).exists()
    form = AskedForm(
        initial={
            "licence": Licence.CC_BY if is_open else study.licence,
            **dict.fromkeys(study.asked, True),
        }
    )
    if is_open:
        form.fields["licence"].help_text = _(
            "Not chosen yet: CC BY 4.0 is usual, and holds from when you save this."
        )
    return form


def _editable(kind: StudyText.Kind, newest: StudyText | None, bound: Forms) -> dict[str, object]:
    initial = {"text": newest.text, "minimum_age": newest.minimum_age} if newest else None
    return {
        "kind": kind.value,
        "name": kind.label,
        "newest": newest,
        "seen": newest.version if newest else 0,
        "url": reverse(kind.value) if newest and newest.text else "",
        "form": bound.get(kind.value) or TextForm(kind=kind.value, initial=initial),
    }
