"""Accounts: signing up, and Django's own pages for signing in and for passwords under our
templates."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, cast
from urllib.parse import unquote, urljoin, urlsplit

from django.conf import settings as django_settings
from django.contrib import messages
from django.contrib.auth import forms as auth_forms
from django.contrib.auth import logout
from django.contrib.auth import views as auth
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    QueryDict,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import translation
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views import generic
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from collector import limits
from collector.data import exports
from collector.errors import Forbidden, Gone, Refused
from collector.forms import (
    AccountForm,
    CloseForm,
    CodeForm,
    EmailForm,
    SignInForm,
    SignUpForm,
    TokenForm,
)
from collector.models import Person
from collector.people import accounts, closing, consents, factors, mails, sessions, sign_ins
from collector.study import texts
from collector.views.parts import written
from collector.views.parts.access import P, View, signed_in
from collector.views.parts.buttons import Button, Forms, press, submit, with_a_form
from trainer.learning.sentences import Sentence
from trainer.saying import say, told

Settings = dict[str, bool | str]
LISTED = 30  # sessions and tokens, of which a program may make any number


@sensitive_post_parameters("password")
@with_a_form
def sign_up(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("draw")
    text = consents.in_force() if "consent" in texts.shown().kinds else None
    form = SignUpForm(request.POST or None, consent=text)
    address = limits.address_of(request)

    def act(username: str, password: str, email: str, **agreed: bool) -> str:
        details = {"username": username, "password": password, "email": email}
        site = mails.site_of(request)
        version = request.POST.get("version", "") if text else ""
        try:
            person = accounts.sign_up(**details, address=address, site=site, version=version)
        except Refused as refused:
            is_taken = refused.field == "username"
            found = accounts.made_just_now(request, **details) if is_taken else None
            if found is None:
                raise
            person = found
        sessions.begin(request, person)
        if not person.unconfirmed_email:
            return say(_("Welcome, {name}."), name=person.username)
        return say(
            _("Welcome, {name}. A link to confirm your address is on its way."),
            name=person.username,
        )

    def check(username: str = "", password: str = "", email: str = "", **agreed: bool) -> None:
        accounts.check_new(username, password, email, address=address)

    try:
        if request.method == "POST" and submit(request, act, form, check):
            return _known_here(request, redirect(written.first_page()))
    except Forbidden as closed:
        form.add_error(None, told(closed.message))
    context = {"form": form, "text": written.shown(text, 3) if text else None}
    return render(request, "accounts/sign_up.html", context)


@sensitive_post_parameters("password", "email-password", "token-password")
@never_cache
@with_a_form
@signed_in
def account(request: HttpRequest, person: Person) -> HttpResponse:
    settings: Settings = {
        "is_listed": person.is_listed,
        "wants_mail": person.wants_mail,
        "language": person.language,
    }
    bound: Forms = {}
    tokens: list[str] = []
    buttons = _buttons(request, person, settings) | {"token": partial(_token, request, tokens)}
    if request.method == "POST" and press(request, buttons, bound) and not tokens:
        return redirect("account" if request.user.is_authenticated else "home")
    person.refresh_from_db(fields=["email", "unconfirmed_email"])  # without what was refused
    found = sessions.all_of(person, request)
    context = {
        "settings_form": bound.get("save")
        or AccountForm(initial=settings, has_password=person.has_usable_password()),
        "email_form": bound.get("email") or EmailForm(),
        "close_form": bound.get("close") or CloseForm(has_password=person.has_usable_password()),
        "has_password": person.has_usable_password(),
        "consent": consents.given(person) if "consent" in texts.shown().kinds else None,
        "has_questions": texts.shown().has_questions,
        "token_form": TokenForm() if tokens else bound.get("token") or TokenForm(),
        "tokens": tokens,
        "factors": person.factors.order_by("added_at"),
        "email": person.email,
        "unconfirmed_email": person.unconfirmed_email,
        "accesses": found[:LISTED],
        "more": len(found[LISTED:]),
    }
    return render(request, "accounts/account.html", context)


def _buttons(
    request: HttpRequest, person: Person, settings: Settings
) -> dict[str, Callable[[QueryDict], Button]]:
    """What the buttons of the account page do."""

    def save(**values: bool | str) -> str:
        changed = {name: values[name] for name in form.changed_data}
        accounts.change(person, **changed)
        translation.activate(person.language or translation.get_language_from_request(request))
        return _("Saved.")

    form = AccountForm(
        request.POST or None, initial=settings, has_password=person.has_usable_password()
    )

    def change_email(email: str, password: str) -> str:
        asker = limits.address_of(request)
        site = mails.site_of(request)
        accounts.change_email(person, email, password, address=asker, site=site)
        if not email:
            return _("Your address is gone.")
        return say(_("A link to confirm it is on its way to {email}."), email=email)

    def end(access_id: str) -> str:
        return _("Ended.") if sessions.end(person, access_id) else _("That has ended already.")

    def end_others() -> str:
        sessions.end_others(person, request)
        return _("Ended everywhere but here.")

    def close(drawings: str, password: str = "") -> str:
        closing.close(person, password, remove=drawings == "remove")
        logout(request)
        return _("Your account is closed. Thank you for what you gave.")

    return {
        "save": lambda post: Button(save, form),
        "email": lambda post: Button(change_email, EmailForm(post)),
        "end": lambda post: Button(partial(end, post.get("id", ""))),
        "end others": lambda post: Button(end_others),
        "close": lambda post: Button(
            close, CloseForm(post, has_password=person.has_usable_password())
        ),
    }


def _token(request: HttpRequest, tokens: list[str], post: QueryDict) -> Button:
    """Make an API token, whose text goes into `tokens`."""
    person = request.user
    assert isinstance(person, Person)

    def make(name: str, password: str) -> str:
        factors.give_password(request, person, password)
        text, _row = accounts.issue_token(person, request.headers.get("User-Agent", ""), name)
        tokens.append(text)
        return _("Here is your API token.")

    return Button(make, TokenForm(post))


def _of_a_link(view: View[P]) -> View[P]:
    """Have browsers keep the address of a page that opens an account to themselves: they say where
    they ask from, and proxies log it."""

    @wraps(view)
    def told(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response["Referrer-Policy"] = "strict-origin"
        return response

    return told


@_of_a_link
@with_a_form
def email_confirm(request: HttpRequest, link: str) -> HttpResponse:
    """Confirm an email address by a press: programs that look through emails follow links."""
    try:
        if request.method == "POST":
            email = accounts.confirm_email(link)
            messages.success(request, say(_("{email} is confirmed."), email=email))
            return redirect("account")
        address = accounts.address_to_confirm(link)
    except Gone:
        address = None
    return render(request, "accounts/email_confirm.html", {"address": address})


@require_safe
@signed_in
def export(request: HttpRequest, person: Person) -> StreamingHttpResponse:
    headers = {"Content-Disposition": 'attachment; filename="my-drawings.json"'}
    return StreamingHttpResponse(
        exports.own(person), content_type="application/json", headers=headers
    )


def _known_here(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Remember the browser of who has just signed in."""
    assert isinstance(request.user, Person)
    sign_ins.remember_device(request, response, request.user)
    return response


class WithinPath(auth.RedirectURLMixin):
    """Leads on only to where this site is: below its path, where it shares a host with others."""

    request: HttpRequest

    def get_redirect_url(self) -> str:  # type: ignore[override]  # its stub is older
        asked: str = super().get_redirect_url()
        # As a browser reads it: relative to this page, every backslash a slash.
        whole = urljoin(self.request.build_absolute_uri(), asked.replace("\\", "/"))
        path = unquote(urlsplit(whole).path)
        is_within = path.startswith(f"{django_settings.PATH}/") and ".." not in path.split("/")
        return asked if is_within else ""


def _home_of(person: Person) -> str:
    """Return where somebody begins: admins at the desk, all others at the pad."""
    return reverse("desk" if person.is_admin else "draw")


class SignIn(WithinPath, auth.LoginView):
    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
    extra_context = {"site": django_settings.SITE_NAME}  # Django would have the address there

    def form_valid(self, form: auth_forms.AuthenticationForm) -> HttpResponse:
        person = form.get_user()
        assert isinstance(person, Person)
        if person.factors.exists():
            begins = self.get_redirect_url() or _home_of(person)
            factors.begin_second_step(self.request, person, begins)
            return redirect("second_step")
        is_first = person.last_login is None  # whoever signs up is signed in at once
        sessions.begin(self.request, person)
        if is_first:
            messages.warning(
                self.request,
                format_html(
                    _(
                        "Your password was made with your account, and others may have seen it. "
                        '<a href="{url}">Choose one of your own</a>.'
                    ),
                    url=reverse("password_change"),
                ),
            )
        return _known_here(self.request, HttpResponseRedirect(self.get_success_url()))

    def get_default_redirect_url(self) -> str:
        return _home_of(cast(Person, self.request.user))


class SignOut(WithinPath, auth.LogoutView):
    pass


class Language(WithinPath, generic.View):
    """Remembers in which language somebody wants the pages, and leads back."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        chosen = request.POST.get("language", "")
        if chosen not in dict(django_settings.OFFERED_LANGUAGES):
            raise Refused(Sentence("This site does not speak that language."))
        if isinstance(request.user, Person):
            accounts.change(request.user, language=chosen)
        response = HttpResponseRedirect(self.get_redirect_url() or reverse("home"))
        response.set_cookie(
            django_settings.LANGUAGE_COOKIE_NAME,
            chosen,
            max_age=django_settings.LANGUAGE_COOKIE_AGE,
            path=django_settings.LANGUAGE_COOKIE_PATH,
            secure=django_settings.LANGUAGE_COOKIE_SECURE,
            httponly=django_settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite="Lax",
        )
        return response


@csrf_exempt
def language(request: HttpRequest) -> HttpResponseBase:
    """Whoever is signed in shows that the choice is theirs; a stranger, for whom it is a cookie and
    no more, needs no other cookie for it."""
    choose = Language.as_view()
    return (csrf_protect(choose) if request.user.is_authenticated else choose)(request)


@sensitive_post_parameters("code")
@never_cache
@with_a_form
def second_step(request: HttpRequest) -> HttpResponse:
    """Ask for a code or a passkey of who has given the right password."""
    if request.user.is_authenticated:
        return redirect("draw")
    try:
        person = factors.in_second_step(request)
    except Gone as gone:
        if request.session.session_key:  # else nobody began, or the first of two presses passed it
            messages.error(request, told(gone.message))
        return redirect("sign_in")

    def code(code: str) -> str:
        factors.take_code(request, person, code)
        return say(_("Welcome back, {name}."), name=person.username)

    def passkey(answer: str) -> str:
        factors.take_passkey(request, person, answer)
        return say(_("Welcome back, {name}."), name=person.username)

    buttons: dict[str, Callable[[QueryDict], Button]] = {
        "code": lambda post: Button(code, CodeForm(post)),
        "passkey": lambda post: Button(partial(passkey, post.get("answer", ""))),
    }
    bound: Forms = {}
    if request.method == "POST" and press(request, buttons, bound):
        return _known_here(
            request, HttpResponseRedirect(factors.finish_second_step(request, person))
        )
    context = {
        "form": bound.get("code") or CodeForm(),
        "passkey": factors.passkey_to_ask_for(request, person),
    }
    return render(request, "accounts/second_step.html", context)


@require_safe
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Django's admin has no door of its own, or it would be one beside the limits of ours."""
    if isinstance(request.user, Person):
        if request.user.lacks_second_factor:
            return redirect("factors")
        raise Forbidden(Sentence("This page is for the admins of this site."))
    return redirect_to_login(request.GET.get("next") or reverse("admin:index"))


class PasswordChangeForm(auth_forms.PasswordChangeForm):
    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        if not accounts.is_password_of(self.user, password):
            raise ValidationError(self.error_messages["password_incorrect"], "password_incorrect")
        return password


class PasswordChange(auth.PasswordChangeView):
    form_class = PasswordChangeForm
    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("password_change_done")


class PasswordReset(auth.PasswordResetView):
    template_name = "accounts/reset.html"

    def form_valid(self, form: auth_forms.PasswordResetForm) -> HttpResponse:
        accounts.ask_reset(
            form.cleaned_data["email"],
            address=limits.address_of(self.request),
            site=mails.site_of(self.request),
        )
        return redirect("password_reset_done")


class PasswordResetConfirm(auth.PasswordResetConfirmView):
    template_name = "accounts/reset_confirm.html"
    success_url = reverse_lazy("password_reset_complete")
    SET_HERE = "password_set_here"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        if request.method == "POST" and not self.validlink and self._is_set_already():
            return redirect("password_reset_complete")
        return response

    def _is_set_already(self) -> bool:
        """Whether this is the second press of the button: the first, from this browser, made the
        link void by setting the same password."""
        store = type(self.request.session)(self.request.session.session_key)  # as it is by now
        password = self.request.POST.get("new_password1", "")
        if self.user is None or store.get(self.SET_HERE) != str(self.user.pk):
            return False
        return accounts.is_password_of(self.user, password)

    def form_valid(self, form: "auth_forms.SetPasswordForm[Person]") -> HttpResponse:
        response = super().form_valid(form)
        self.request.session[self.SET_HERE] = str(form.user.pk)
        sign_ins.remember_device(self.request, response, form.user)
        return response


sign_in = with_a_form(SignIn.as_view())
sign_out = SignOut.as_view()
password_change = with_a_form(PasswordChange.as_view())
password_change_done = auth.PasswordChangeDoneView.as_view(
    template_name="accounts/password_change_done.html"
)
password_reset = with_a_form(PasswordReset.as_view())
password_reset_done = auth.PasswordResetDoneView.as_view(template_name="accounts/reset_done.html")
password_reset_confirm = _of_a_link(with_a_form(PasswordResetConfirm.as_view()))
password_reset_complete = auth.PasswordResetCompleteView.as_view(
    template_name="accounts/reset_complete.html"
)
