"""Accounts: signing up, and Django's own pages for signing in and for passwords under our templates."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth
from django.contrib.auth.forms import PasswordResetForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from collector import accounts
from collector.errors import Refused, TooMany
from collector.forms import SignInForm, SignUpForm

BACKEND = "django.contrib.auth.backends.ModelBackend"


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("draw")
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = accounts.sign_up(**form.cleaned_data, address=str(request.META.get("REMOTE_ADDR", "")))
        except TooMany:
            raise
        except Refused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            login(request, person, backend=BACKEND)
            messages.success(request, f"Welcome, {person.username}. Choose a digit and draw.")
            return redirect("draw")
    return render(request, "accounts/sign_up.html", {"form": form})


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
        accounts.allow_reset(form.cleaned_data["email"], address=str(self.request.META.get("REMOTE_ADDR", "")))
        return super().form_valid(form)


class PasswordResetConfirm(auth.PasswordResetConfirmView):
    template_name = "accounts/reset_confirm.html"
    success_url = reverse_lazy("password_reset_complete")


sign_in = SignIn.as_view()
sign_out = auth.LogoutView.as_view()
password_change = PasswordChange.as_view()
password_change_done = auth.PasswordChangeDoneView.as_view(template_name="accounts/password_change_done.html")
password_reset = PasswordReset.as_view()
password_reset_done = auth.PasswordResetDoneView.as_view(template_name="accounts/reset_done.html")
password_reset_confirm = PasswordResetConfirm.as_view()
password_reset_complete = auth.PasswordResetCompleteView.as_view(template_name="accounts/reset_complete.html")
