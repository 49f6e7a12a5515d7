"""Django's admin, for what an admin needs beyond the desk: people, and a look at the rows. Changes
with rules have their place on the desk, so here most is read-only."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django_q.models import Failure, OrmQ, Schedule, Success

from collector.forms import ReadAt
from collector.models import (
    AdminAction,
    Attempt,
    Decision,
    ModerationPause,
    Person,
    Reading,
    StudyAct,
    StudyChange,
)
from collector.people import accounts, mails
from trainer import rounds
from trainer.models import Round, RoundModel, Sample

Kind = AdminAction.Kind
admin.site.site_url = reverse_lazy("home")  # type: ignore[assignment]  # as its docs have it
# Whoever could write these could have the workers run anything; groups mean nothing here.
for foreign in (Failure, OrmQ, Schedule, Success, Group):
    admin.site.unregister(foreign)


class PersonCreation(AdminUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = Person
        fields = ("username", "email")


class PersonChange(ReadAt, UserChangeForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        """Leave as it is now what was not changed here, and refuse what somebody else changed
        since."""
        cleaned = super().clean() or self.cleaned_data
        for name, was in self.seen().items():
            now = getattr(self.instance, name)
            if name not in self.changed_data:
                cleaned[name] = now
            elif was != now and cleaned.get(name) != now:
                changed = _("Somebody has changed this to {now} meanwhile.")
                emptied = _("Somebody has changed this to nothing meanwhile.")
                self.add_error(name, changed.format(now=now) if now else emptied)
        return cleaned


@admin.register(Person)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    form = PersonChange
    add_form = PersonCreation
    list_display = ("username", "role", "qualified_at", "is_active", "joined_at", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("username", "email")
    ordering = ("username",)
    filter_horizontal = ()
    # Suspending is more than `is_active`, and a role is given with a reason: both on the person's
    # page.
    readonly_fields = ("role", "qualified_at", "is_active", "joined_at", "last_login")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "username",
                    "password",
                    "email",
                    "role",
                    "qualified_at",
                    "is_active",
                    "joined_at",
                    "last_login",
                )
            },
        ),
    )
    add_fieldsets = (
        (
            None,
            {"fields": ("username", "email", "usable_password", "password1", "password2")},
        ),
    )

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        """Nobody writes a name into an account that was closed."""
        is_closed = obj is not None and obj.closed_at is not None
        return not is_closed and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            self._note(request, obj, Kind.ACCOUNT_MADE, f"As {obj.role}")
            return
        fields = set(form.changed_data)
        if "email" in fields:
            obj.unconfirmed_email, obj.email_asked_at = "", None  # what waited is older
            fields |= {"unconfirmed_email", "email_asked_at"}
        obj.save(update_fields=fields)
        if "username" in fields:
            rounds.rename_admin(form.initial["username"], obj.username)
        if "email" in form.changed_data:
            accounts.tell_old_address(obj, form.initial["email"], mails.site_of(request))
        if form.changed_data:
            what = " and ".join(form.changed_data).capitalize()
            self._note(request, obj, Kind.ACCOUNT_CHANGED, what)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002 (Django's name)
        form_url: str = "",
    ) -> HttpResponse:
        person = self.get_object(request, id)
        response = super().user_change_password(request, id, form_url)
        if person and not Person.objects.filter(pk=person.pk, password=person.password).exists():
            self._note(request, person, Kind.ACCOUNT_CHANGED, "Password")
        return response

    def _note(self, request: HttpRequest, person: Person, kind: Kind, what: str) -> None:
        assert isinstance(request.user, Person)
        accounts.note(person, request.user, kind, what)


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    list_display = (
        "id",
        "drawer",
        "round",
        "target_label",
        "predicted_label",
        "status",
        "submitted_at",
    )
    list_filter = ("status", "target_label", "predicted_label", "round")
    list_select_related = ("drawer", "round")
    search_fields = ("drawer__username",)
    exclude = ("strokes",)


@admin.register(Reading)
class ReadingAdmin(ReadOnly):
    list_display = ("attempt", "moderator", "answer", "answered_at")
    list_filter = ("answer",)
    search_fields = ("moderator__username",)


@admin.register(AdminAction)
class AdminActionAdmin(ReadOnly):
    list_display = ("done_at", "admin", "kind", "person", "why")
    list_filter = ("kind",)
    list_select_related = ("admin", "person")
    search_fields = ("admin__username", "person__username")


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    list_display = ("decided_at", "admin", "attempt", "answer", "why")
    list_select_related = ("admin", "attempt")


@admin.register(ModerationPause)
class ModerationPauseAdmin(ReadOnly):
    list_display = ("paused_at", "person", "agreed_count", "settled_count", "lifted_at")
    list_select_related = ("person",)


@admin.register(StudyChange)
class StudyChangeAdmin(ReadOnly):
    list_display = ("changed_at", "admin", "field", "before", "after", "why")


@admin.register(StudyAct)
class StudyActAdmin(ReadOnly):
    list_display = ("kind", "done_at", "admin", "why", "sha256")


@admin.register(RoundModel)
class RoundModelAdmin(ReadOnly):
    list_display = ("id", "architecture", "state", "created_at", "finished_at", "decided_by")
    list_filter = ("state", "architecture")


@admin.register(Round)
class RoundAdmin(ReadOnly):
    list_display = ("number", "state", "model", "opened_at", "closed_at")


@admin.register(Sample)
class SampleAdmin(ReadOnly):
    list_display = ("id", "label", "has_fooled", "round", "added_at", "withdrawn_at")
    list_filter = ("label", "has_fooled", "round")
