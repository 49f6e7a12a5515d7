"""One's second factors: what there is, and adding, removing and renewing it, for who has given the
password a moment ago."""

from collections.abc import Callable
from functools import partial

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from collector.forms import AppForm, PasskeyForm, PasswordForm
from collector.models import Person
from collector.people import factors, sessions
from collector.views.parts.access import signed_in
from collector.views.parts.buttons import Button, Forms, leads_back, with_a_form


@sensitive_post_parameters("password-password", "app-code")
@never_cache
@with_a_form
@signed_in
def second_factors(request: HttpRequest, person: Person) -> HttpResponse:
    bound: Forms = {}
    codes: list[str] = []
    # Codes are shown once, in the answer itself: nothing keeps them.
    if leads_back(request, _buttons(request, person, codes), bound) and not codes:
        return redirect("factors")
    context: dict[str, object] = {
        "factors": person.factors.order_by("added_at", "pk"),
        "code_count": person.recovery_codes.count(),
        "codes": codes,
        "is_open": sessions.has_given_password(request),
        "password_form": bound.get("password") or PasswordForm(),
    }
    if context["is_open"]:
        context |= {
            "offer": factors.offer(request, person),
            "passkey": factors.passkey_to_make(request, person),
            "app_form": AppForm() if codes else bound.get("app") or AppForm(),
            "passkey_form": PasskeyForm() if codes else bound.get("passkey") or PasskeyForm(),
        }
    return render(request, "accounts/factors.html", context)


def _buttons(
    request: HttpRequest, person: Person, codes: list[str]
) -> dict[str, Callable[[QueryDict], Button]]:
    """What the buttons of the page do; new recovery codes go into `codes`."""

    def password(password: str) -> str:
        factors.give_password(request, person, password)
        return _("Thank you. For ten minutes you can change what is below.")

    def app(name: str, code: str) -> str:
        codes.extend(factors.add_app(request, person, name, code))
        return _("The app is added. You are signed out everywhere but here.")

    def passkey(name: str, answer: str) -> str:
        codes.extend(factors.add_passkey(request, person, name, answer))
        return _("The passkey is added. You are signed out everywhere but here.")

    def remove(factor_id: str) -> str:
        is_gone = factors.remove(request, person, factor_id)
        if not is_gone:
            return _("It was gone.")
        return _("Removed. You are signed out everywhere but here.")

    def renew() -> str:
        codes.extend(factors.renew_codes(request, person))
        return _("The recovery codes of before are void. You are signed out everywhere but here.")

    return {
        "password": lambda post: Button(password, PasswordForm(post)),
        "app": lambda post: Button(app, AppForm(post)),
        "passkey": lambda post: Button(passkey, PasskeyForm(post)),
        "remove": lambda post: Button(partial(remove, post.get("id", ""))),
        "renew": lambda post: Button(renew),
    }
