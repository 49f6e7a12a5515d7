"""Accounts: signing up, and Django's own pages for signing in and for passwords under our
templates."""

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth import views as auth
from django.contrib.auth.forms import PasswordResetForm
from django.forms import Form
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from collector.data import exports
from collector.errors import Refused, TooMany
from collector.forms import AccountForm, CloseForm, SignInForm, SignUpForm
from collector.models import Person
from collector.people import accounts, closing
from collector.views.parts.access import signed_in

BACKEND = "django.contrib.auth.backends.ModelBackend"


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("draw")
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = accounts.sign_up(
                **form.cleaned_data, address=str(request.META.get("REMOTE_ADDR", ""))
            )
        except TooMany:
            raise
        except Refused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            login(request, person, backend=BACKEND)
            messages.success(request, f"Welcome, {person.username}. Choose a digit and draw.")
            return redirect("draw")
    return render(request, "accounts/sign_up.html", {"form": form})


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def account(request: HttpRequest, person: Person) -> HttpResponse:
    now = {"listed": person.is_listed, "email": person.email, "mailed": person.wants_mail}
    doors = {
        "save": AccountForm(request.POST or None, initial=now),
        "close": CloseForm(request.POST or None),
    }
    forms: dict[str, Form] = {"save": AccountForm(initial=now), "close": CloseForm()}
    if request.method == "POST":
        do = request.POST.get("do", "")
        if do not in doors:
            raise Refused("This page has no such button.")
        form = forms[do] = doors[do]
        if form.is_valid():
            try:
                return (
                    _save(request, person, form) if do == "save" else _close(request, person, form)
                )
            except Refused as refusal:
                form.add_error(
                    refusal.field if refusal.field in form.fields else None, refusal.message
                )
    context = {"settings_form": forms["save"], "close_form": forms["close"]}
    return render(request, "accounts/account.html", context)


def _save(request: HttpRequest, person: Person, form: Form) -> HttpResponse:
    accounts.change(person, **form.cleaned_data)
    messages.success(request, "Saved.")
    return redirect("account")


def _close(request: HttpRequest, person: Person, form: Form) -> HttpResponse:
    closing.close(
        person, form.cleaned_data["password"], remove=form.cleaned_data["drawings"] == "remove"
    )
    logout(request)
    messages.success(request, "Your account is closed. Thank you for what you gave.")
    return redirect("home")


@require_safe
@signed_in
def export(request: HttpRequest, person: Person) -> StreamingHttpResponse:
    headers = {"Content-Disposition": 'attachment; filename="my-drawings.json"'}
    return StreamingHttpResponse(
        exports.own(person), content_type="application/json", headers=headers
    )


class SignIn(auth.LoginView):
    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class PasswordChange(auth.PasswordChangeView):
    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("password_change_done")


class PasswordReset(auth.PasswordResetView):
    template_name = "accounts/reset.html"
    email_template_name = "accounts/reset_mail.txt"
    subject_template_name = "accounts/reset_subject.txt"
    success_url = reverse_lazy("password_reset_done")

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        accounts.allow_reset(
            form.cleaned_data["email"], address=str(self.request.META.get("REMOTE_ADDR", ""))
        )
        return super().form_valid(form)


class PasswordResetConfirm(auth.PasswordResetConfirmView):
    template_name = "accounts/reset_confirm.html"
    success_url = reverse_lazy("password_reset_complete")


sign_in = SignIn.as_view()
sign_out = auth.LogoutView.as_view()
password_change = PasswordChange.as_view()
password_change_done = auth.PasswordChangeDoneView.as_view(
    template_name="accounts/password_change_done.html"
)
password_reset = PasswordReset.as_view()
password_reset_done = auth.PasswordResetDoneView.as_view(template_name="accounts/reset_done.html")
password_reset_confirm = PasswordResetConfirm.as_view()
password_reset_complete = auth.PasswordResetCompleteView.as_view(
    template_name="accounts/reset_complete.html"
)
