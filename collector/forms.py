"""The forms of the pages. They check what is filled in; the functions that the views call keep the
rules."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from collector.models import Appeal, Factor, Person, Reading, Reason, Study, Token, Webhook
from collector.people import accounts

# Only the type checker's ModelForm is told its model.
if TYPE_CHECKING:
    _StudyModelForm = forms.ModelForm[Study]
else:
    _StudyModelForm = forms.ModelForm

NAMES = {
    "ambiguous": _("ambiguous: it could be more than one digit"),
    "junk": _("junk: no digit at all"),
}


class ReadAt(forms.BaseForm):
    """A form that carries what its values were when it was read, so that of an old page only what
    its reader changed is saved."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            # Who posts none, as a program does, has read it now.
            carried = self.add_initial_prefix(name)
            is_carried = not self.is_bound or carried in self.data
            field.show_hidden_initial = is_carried and not field.disabled

    def seen(self) -> dict[str, object]:
        """Return what the values were for whoever read the form, where it says so."""
        seen = {}
        for name, field in self.fields.items():
            if field.show_hidden_initial:
                with suppress(ValidationError):  # no page of ours said so
                    seen[name] = field.to_python(self.data.get(self.add_initial_prefix(name)))
        return seen


class SignUpForm(forms.Form):
    """What a new account needs."""

    username = forms.CharField(
        label=_("User name"),
        max_length=1000,
        strip=False,
        help_text=_(
            "3 to 30 letters a–z, digits, dots, hyphens or underscores, beginning with a "
            "letter. It stands beside your drawings, so it need not be your real name."
        ),
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "enterkeyhint": "next",
                "spellcheck": "false",
            }
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=1000,
        strip=False,
        help_text=_("At least 8 characters, and not a common one."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    email = forms.CharField(
        label=_("Email address, if you like"),
        required=False,
        max_length=254,
        help_text=_(
            "For a forgotten password: a link comes to it to confirm it. Without one, an "
            "admin of this site has to reset the password."
        ),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class AccountForm(ReadAt, forms.Form):
    """How an account is shown, whether its notices go by email, and in which language."""

    is_listed = forms.BooleanField(
        label=_("Show me on the leaderboard and beside my public drawings"),
        required=False,
        help_text=_("If not, your name and your confirmed drawings are shown to the admins alone."),
    )
    wants_mail = forms.BooleanField(
        label=_("Email me what becomes of my drawings"),
        required=False,
        help_text=_("At most one email an hour."),
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=[("", _("as my browser has it")), *settings.OFFERED_LANGUAGES],
        required=False,
        help_text=_("Of pages and emails."),
    )


def _own_password() -> forms.CharField:
    return forms.CharField(
        label=_("My password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class EmailForm(forms.Form):
    """Another email address, or none, and the password, so that nobody else gives theirs."""

    prefix = "email"
    email = forms.CharField(
        label=_("New address"),
        required=False,
        max_length=254,
        help_text=_(
            "Empty: none. Without one, an admin of this site has to reset a forgotten password."
        ),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = _own_password()


class CloseForm(forms.Form):
    """Whether one's drawings stay, and the password, so that nobody else closes the account."""

    drawings = forms.ChoiceField(
        label=_("My drawings"),
        choices=[
            ("", _("Choose …")),
            ("keep", _("keep them, without my name")),
            ("remove", _("remove them: later models learn without them")),
        ],
    )
    password = _own_password()


class CodeForm(forms.Form):
    """The second step of signing in."""

    code = forms.CharField(
        label=_("Code"),
        max_length=100,
        help_text=_("Six digits of your authenticator app, or one of your recovery codes."),
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


class PasswordForm(forms.Form):
    """The password once more, before what a session left open is not to be used for."""

    prefix = "password"
    password = _own_password()


def _own_name(usual: Promise, longest: int) -> forms.CharField:
    """What somebody calls a thing of theirs."""
    return forms.CharField(
        label=_("Name"),
        initial=usual,
        max_length=longest,
        help_text=_("So that you know it among others."),
    )


class TokenForm(PasswordForm):
    """A name and the password, for a new API token."""

    prefix = "token"
    field_order = ("name", "password")
    name = _own_name(_("My script"), Token.LONGEST_NAME)


class AppForm(forms.Form):
    """An authenticator app, with a code that shows that it has the secret."""

    prefix = "app"
    name = _own_name(_("My phone"), Factor.LONGEST_NAME)
    code = forms.CharField(
        label=_("Code that the app shows"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )


class PasskeyForm(forms.Form):
    """A passkey that the browser made; a script fills in its answer."""

    prefix = "passkey"
    name = _own_name(_("Passkey"), Factor.LONGEST_NAME)
    answer = forms.CharField(max_length=100_000, widget=forms.HiddenInput())


class SignInForm(AuthenticationForm):
    """Django's form, but through the one place that counts tries."""

    error_messages = {
        "invalid_login": _("That user name and password do not go together."),
        "inactive": _("This account is suspended."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("User name")

    def clean(self) -> dict[str, object]:
        """Sign in with what was given. Raises ValidationError where name and password do not go
        together."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if name and password and self.request is not None:
            self.user_cache = accounts.authenticate(self.request, name, password)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


class ReasonForm(forms.Form):
    """Why an admin does what they do to a person or a held candidate."""

    why = forms.CharField(
        label=_("Why?"),
        max_length=1000,
        widget=forms.TextInput(),
        help_text=_("It is kept, under your name."),
    )


class RoleForm(ReasonForm):
    """Which role somebody gets, and why."""

    field_order = ("role", "why")
    role = forms.ChoiceField(
        label=_("Role"),
        choices=[(role.value, role.label) for role in Person.Role],
        help_text=_("A new moderator reads ten practice drawings first."),
    )


class RollBackForm(forms.Form):
    """Which earlier round's model opens the next round, and why."""

    field_order = ("number", "why")
    why = forms.CharField(
        label=_("Why?"),
        max_length=1000,
        widget=forms.TextInput(),
        help_text=_("It stays with the round, under your name."),
    )

    def __init__(self, *args: Any, last: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["number"] = forms.IntegerField(
            label=_("The model of round"),
            min_value=1,
            max_value=last,
            help_text=_("1 to {last}").format(last=last),
        )
        self.order_fields(self.field_order)


class AppealForm(forms.Form):
    """Why a drawing should be looked at again."""

    text = forms.CharField(
        label=_("Why should it be looked at again?"),
        max_length=Appeal.LONGEST,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("You can ask once. An admin who did not draw it answers, and you are told."),
    )


class TrickForm(forms.Form):
    """What a drawer did to fool the model, if they like to say it."""

    reason = forms.CharField(
        label=_("What did you do?"),
        max_length=Reason.LONGEST,
        required=False,
        widget=forms.TextInput(attrs={"dir": "auto", "autocomplete": "off"}),
        help_text=_("In a line, if you like. It may be changed until the drawing has settled."),
    )


class DecisionForm(forms.Form):
    """An admin's decision on a drawing that moderators could not settle, or on an appeal."""

    answer = forms.ChoiceField(
        label=_("It is"),
        choices=[
            ("", _("Choose …")),
            *((answer, NAMES.get(answer, answer)) for answer in Reading.ANSWERS),
        ],
    )
    why = forms.CharField(
        label=_("Why?"),
        max_length=1000,
        widget=forms.TextInput(),
        help_text=_("The drawer reads it too."),
    )


class StudyForm(ReadAt, _StudyModelForm):
    """The study's settings; saved by `study.settings.change` alone, which logs each change."""

    class Meta:
        model = Study
        fields = (
            "architecture",
            "round_size",
            "quorum",
            "audit_share",
            "gold_share",
            "person_share",
            "has_live_preview",
            "requires_second_factor",
            "licence",
            "has_public_releases",
            "arms",
        )
        labels = {
            "architecture": _("Network"),
            "round_size": _("Round size"),
            "quorum": _("Quorum"),
            "audit_share": _("Audit share"),
            "gold_share": _("Gold share"),
            "person_share": _("Most of one person"),
            "has_live_preview": _("Live preview"),
            "requires_second_factor": _("Second factor for moderators and admins"),
            "licence": _("Licence of the drawings"),
            "has_public_releases": _("Releases for everybody"),
            "arms": _("Arms and their weights"),
        }
        help_texts = {
            "architecture": _(
                "The architecture of the next models; each is trained from this "
                "network's own first model."
            ),
            "round_size": _("So many new verified tricks start the training of the next model."),
            "quorum": _("So many moderators have to agree with the drawer."),
            "audit_share": _(
                "The share (0–1) of drawings that did not fool the model that are "
                "read all the same."
            ),
            "gold_share": _(
                "The share (0–1) of what moderators get that is gold: drawings whose "
                "answer is beyond doubt. They look like all others and show who reads well."
            ),
            "person_share": _(
                "The largest share (0–1) of a round’s new samples that may be one "
                "person’s; their others wait for a later round. 1: no limit."
            ),
            "has_live_preview": _(
                "Show on the draw page what the model sees before a drawing is submitted."
            ),
            "requires_second_factor": _(
                "Whoever has none is asked to add one before anything that "
                "crowdworkers may not do. To switch it on you need one yourself."
            ),
            "licence": _(
                "Under which drawings are given from now on; the draw page says so. Those "
                "of before stay as they were given."
            ),
            "has_public_releases": _(
                "Everybody may download the releases whose drawings were all given under a "
                "licence. They show every drawing with what it is: while people still moderate, "
                "the hidden gold of earlier rounds too."
            ),
            "arms": _(
                "How often the lot gives somebody who signs up to each, as in "
                "dynamic:2,static:1,none:1. Who is in one stays in it."
            ),
        }

    def __init__(self, *args: Any, architectures: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plain = self.fields["architecture"]
        self.fields["architecture"] = forms.ChoiceField(
            label=_("Network"),
            choices=[(name, name) for name in architectures],
            help_text=plain.help_text,
            show_hidden_initial=plain.show_hidden_initial,
        )
        for share in ("audit_share", "gold_share", "person_share"):
            self.fields[share].widget.attrs |= {"step": "0.01", "min": "0", "max": "1"}
        if not self.instance.has_several_arms:
            del self.fields["arms"]  # of a plain site, where nothing of this is seen


class WebhookForm(forms.Form):
    """Where another system is told of what happens here, and of which events."""

    prefix = "hook"
    url = forms.CharField(
        label=_("Address"),
        max_length=1000,
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
        help_text=_("Of the program that is to be told, as it or its guide says."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for event in Webhook.Event:
            self.fields[event.value] = forms.BooleanField(
                label=event.label, required=False, initial=True
            )

    def clean(self) -> dict[str, object]:
        """Return the address and the list of events."""
        given = self.cleaned_data
        events = [event for event in Webhook.Event.values if given.get(event)]
        return {"url": given.get("url", ""), "events": events}


class EmbedForm(ReadAt, forms.Form):
    """Which sites may frame the try-out."""

    prefix = "embed"
    embed_origins = forms.CharField(
        label=_("Sites"),
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false"}),
        help_text=_(
            "Each as https://lab.example, without anything after it, with spaces between them. "
            "Empty: none."
        ),
    )
