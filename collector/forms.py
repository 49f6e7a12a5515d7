"""The forms of the pages. They check what is filled in; the functions that the views call keep the
rules."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from collector.models import (
    CHOICES,
    LONGEST_SETTING,
    LONGEST_TITLE,
    Appeal,
    Factor,
    Licence,
    Outcome,
    PanelMember,
    Person,
    Phase,
    Question,
    Reading,
    Reason,
    Study,
    StudyText,
    Token,
    Webhook,
)
from collector.people import accounts
from trainer.models import Arm

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


class ConsentForm(forms.Form):
    """That somebody is of age and agrees to a consent text; nothing where there is none. Which
    version they read, the page says, since an answer is given to one alone."""

    def __init__(self, *args: Any, consent: StudyText | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if consent:
            age = _("I am {age} years old or older.").format(age=consent.minimum_age)
            agreed = _("I have read the text above and agree to take part.")
            missing = {"required": _("Without this nobody takes part.")}
            for name, label in (("is_of_age", age), ("agrees", agreed)):
                self.fields[name] = forms.BooleanField(label=label, error_messages=missing)


class SignUpForm(ConsentForm):
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

    def __init__(self, *args: Any, has_password: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_password:  # whom a panel sent has no address
            del self.fields["wants_mail"]


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

    def __init__(self, *args: Any, has_password: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_password:  # whom a panel sent
            del self.fields["password"]


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

    def say_that_it_stays(self) -> None:
        """Say that what is kept now is for good, as of a drawing that has settled."""
        self.fields["reason"].help_text = _("In a line, if you like. What you keep now stays.")


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
        if self.instance.phase in (Phase.RUNNING, Phase.ENDED):
            self.fields["why"] = _why_it_changes()


def _why_it_changes() -> forms.CharField:
    """The field of a form that changes what the start of a study has fixed."""
    return forms.CharField(
        label=_("Why?"),
        max_length=1000,
        required=False,
        help_text=_(
            "Asked for where it changes the protocol of a study that has started; it is told "
            "beside every result."
        ),
    )


class ProtocolForm(ReadAt, forms.Form):
    """A study's protocol; saved by `study.settings.change` alone, as all settings are."""

    prefix = "protocol"
    question = forms.CharField(
        label=_("Question"),
        max_length=LONGEST_SETTING,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What the study is to answer, in a sentence or two."),
    )
    dynamic = forms.IntegerField(
        label=_("Arm dynamic: weight"),
        min_value=1,
        help_text=_("People draw against the newest model of their own arm."),
    )
    static = forms.IntegerField(
        label=_("Arm static: weight"),
        min_value=0,
        help_text=_("People draw against round 1’s model throughout. 0: no such arm."),
    )
    none = forms.IntegerField(
        label=_("Arm none: weight"),
        min_value=0,
        help_text=_(
            "People are told no verdict, and every drawing is read. 0: no such arm. Of three arms "
            "with weights 2, 1 and 1 the lot gives every second person to the first."
        ),
    )
    round_size = forms.IntegerField(
        label=_("Round size"),
        min_value=1,
        help_text=_("So many new samples of an arm start the training of its next model."),
    )
    quorum = forms.IntegerField(
        label=_("Quorum"),
        min_value=1,
        max_value=9,
        help_text=_("So many moderators have to agree with the drawer."),
    )
    stop_samples = forms.IntegerField(
        label=_("Stop rule"),
        min_value=1,
        help_text=_("Once each arm has so many samples, the desk says that the study may end."),
    )

    def __init__(self, *args: Any, study: Study, **kwargs: Any) -> None:
        self.study = study
        outcomes = study.secondary_outcomes.split()
        initial = {name: getattr(study, name) for name in ("question", "round_size", "quorum")}
        initial |= {"stop_samples": study.stop_samples}
        initial |= {arm: study.weights.get(arm, 0) for arm in Arm.values}
        initial |= {name: name in outcomes for name in Outcome.values}
        super().__init__(*args, initial=initial, **kwargs)
        for outcome in Outcome:
            self.fields[outcome.value] = forms.BooleanField(label=outcome.label, required=False)
        if study.phase in (Phase.RUNNING, Phase.ENDED):
            self.fields["why"] = _why_it_changes()

    def outcomes(self) -> list[forms.BoundField]:
        """The fields of the secondary outcomes."""
        return [self[name] for name in Outcome.values]

    def seen(self) -> dict[str, object]:
        """Return what the settings were for whoever read the form."""
        return self._as_settings(super().seen())

    def clean(self) -> dict[str, object]:
        """Return the settings that the fields say."""
        given = self.cleaned_data
        return self._as_settings(given) if not self.errors else given

    def _as_settings(self, values: dict[str, Any]) -> dict[str, object]:
        """Put arms and outcomes together as the study has them, each once in its order."""
        kept = ("question", "round_size", "quorum", "stop_samples", "why")
        found: dict[str, object] = {name: values[name] for name in kept if name in values}
        if values.keys() >= set(Arm.values):
            weights = {arm: values[arm] for arm in Arm.values if values[arm]}
            is_same = weights == self.study.weights
            said = ",".join(f"{arm}:{weight}" for arm, weight in weights.items())
            found["arms"] = self.study.arms if is_same else said
        if values.keys() & set(Outcome.values):
            chosen = {name for name in Outcome.values if values.get(name)}
            is_same = chosen == set(self.study.secondary_outcomes.split())
            said = " ".join(name for name in Outcome.values if name in chosen)
            found["secondary_outcomes"] = self.study.secondary_outcomes if is_same else said
        return found


class TextForm(forms.Form):
    """One of the study's texts, in Markdown; the consent's with the age that people confirm."""

    text = forms.CharField(
        label=_("Text"),
        required=False,
        strip=False,
        max_length=StudyText.LONGEST,
        widget=forms.Textarea(attrs={"rows": 7}),
    )
    minimum_age = forms.IntegerField(
        label=_("From what age"),
        initial=StudyText.USUAL_AGE,
        min_value=StudyText.YOUNGEST,
        max_value=StudyText.OLDEST,
        help_text=_("Who agrees says that they are at least as old."),
    )

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prefix = kind
        if kind == StudyText.Kind.CONSENT:
            self.fields["text"].widget.attrs["rows"] = 16
        else:
            del self.fields["minimum_age"]


class _Asking(forms.Form):
    """A box for each question that people may be asked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for question in Question:
            self.fields[question.value] = forms.BooleanField(label=question.label, required=False)


class AskedForm(ReadAt, _Asking):
    """What people are asked about themselves, and under which licence they give their drawings."""

    prefix = "asked"
    licence = forms.ChoiceField(
        label=_("Licence of the drawings"),
        choices=Licence.choices,
        required=False,
        help_text=_("From now on. Sign-up and draw page say so. CC BY 4.0 is usual."),
    )

    def seen(self) -> dict[str, object]:
        """Return what the values were for whoever read the form, the questions as one."""
        seen = super().seen()
        if not seen:
            return {}
        was = [name for name in Question.values if seen.get(name)]
        return {"licence": seen["licence"], "questions": " ".join(was)}

    def clean(self) -> dict[str, object]:
        """Return the licence, and the questions with spaces between them."""
        given = self.cleaned_data
        asked = [name for name in Question.values if given.get(name)]
        return {"licence": given.get("licence", ""), "questions": " ".join(asked)}


class CitedForm(ReadAt, forms.Form):
    """By which title and authors the study's releases are cited."""

    prefix = "cited"
    cited_title = forms.CharField(
        label=_("Title"),
        required=False,
        max_length=LONGEST_TITLE,
        help_text=_("Which round a release goes up to is put behind it."),
    )
    cited_authors = forms.CharField(
        label=_("Authors"),
        required=False,
        max_length=LONGEST_SETTING,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("A line each: “Family name, given names”, or an organisation without a comma."),
    )

    def clean_cited_authors(self) -> str:
        """Return the lines that say something."""
        lines = (line.strip() for line in self.cleaned_data["cited_authors"].splitlines())
        return "\n".join(filter(None, lines))


class QuestionsForm(forms.Form):
    """What somebody may say about themselves: of each question one answer, or none."""

    def __init__(self, *args: Any, asked: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for question in map(Question, asked):
            self.fields[question.value] = forms.ChoiceField(
                label=question.label,
                choices=[("", _("I’d rather not say")), *CHOICES[question].items()],
                required=False,
            )


class PanelForm(forms.Form):
    """A panel that sends people."""

    prefix = "panel"
    name = forms.CharField(
        label=_("Name"), max_length=60, help_text=_("As its people know it, such as Prolific.")
    )
    id_parameter = forms.CharField(
        label=_("What the link calls the id"),
        initial="PROLIFIC_PID",
        max_length=40,
        help_text=_("PROLIFIC_PID for Prolific, workerId for MTurk, or as the panel has it."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    drawing_count = forms.IntegerField(
        label=_("Drawings"),
        initial=20,
        min_value=1,
        max_value=10_000,
        help_text=_("After so many, somebody has done what they came for."),
    )
    completion_code = forms.CharField(
        label=_("Completion code"),
        required=False,
        max_length=100,
        help_text=_("Shown to whoever has made them."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    redirect_url = forms.CharField(
        label=_("Address to lead back to"),
        required=False,
        max_length=1000,
        help_text=_("Of the panel, where whoever has made them is counted: https://…"),
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
    )
    code = forms.CharField(
        label=_("Code in our link"),
        required=False,
        max_length=30,
        help_text=_("4 to 30 letters, digits, hyphens or underscores. Empty: one is made."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )


class ReleaseForm(forms.Form):
    """The id of a panel that is to be free again."""

    pid = forms.CharField(
        label=_("The panel’s id of them"),
        max_length=PanelMember.LONGEST_PID,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


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


class WebhookChangeForm(ReadAt, WebhookForm):
    """Another address, or other events, of a webhook that there is."""

    def __init__(self, data: QueryDict | None, hook: Webhook) -> None:
        events = {event: event in hook.events for event in Webhook.Event.values}
        super().__init__(data, prefix=f"hook-{hook.pk}", initial={"url": hook.url, **events})

    def clean(self) -> dict[str, object]:
        """Return what was changed: the address, if it was, and which events are wanted by now."""
        given = {name: self.cleaned_data.get(name) for name in self.changed_data}
        return {"url": given.pop("url", None), "switched": given}


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
