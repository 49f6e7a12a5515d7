"""What leads out of the site: webhooks with what they were told, the feed, and who may frame the
try-out."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache

from collector.data import webhooks
from collector.errors import NotFound
from collector.forms import EmbedForm, WebhookChangeForm, WebhookForm
from collector.models import Delivery, Person, Study, Webhook
from collector.study import settings as study_settings
from collector.views.parts.access import for_admins
from collector.views.parts.buttons import Button, Forms, leads_back, with_a_form
from trainer.learning.sentences import Sentence
from trainer.saying import number, say

A_PAGE = 25


@never_cache
@with_a_form
@for_admins
def connections(request: HttpRequest, admin: Person) -> HttpResponse:
    bound: Forms = {}
    secrets: list[str] = []
    # A secret is shown once, in the answer itself: nothing keeps it readable.
    if leads_back(request, _buttons(admin, secrets), bound) and not secrets:
        return redirect(reverse("connections") + "#main")
    embed_origins = Study.current().embed_origins
    page = Paginator(webhooks.log(), A_PAGE).get_page(request.GET.get("page"))
    context = {
        "secret": "".join(secrets),
        "hooks": [_hook(hook, bound) for hook in webhooks.all_of_them()],
        "hook_form": WebhookForm() if secrets else bound.get("hook") or WebhookForm(),
        "page": page,
        "deliveries": [_delivery(delivery) for delivery in page.object_list],
        "embed_form": bound.get("embed") or EmbedForm(initial={"embed_origins": embed_origins}),
        "embed_origins": embed_origins.split(),
        "embed_url": request.build_absolute_uri(reverse("embed")),
        "feed_url": request.build_absolute_uri(reverse("rounds_feed")),
    }
    return render(request, "pages/connections.html", context)


def _buttons(admin: Person, secrets: list[str]) -> dict[str, Callable[[QueryDict], Button]]:
    """What the buttons of the page do; a new secret goes into `secrets`."""

    def add(url: str, events: list[str]) -> str:
        secrets.append(webhooks.add(admin, url, events))
        return _("The webhook is added.")

    def renew(hook_id: UUID, seen: str) -> str:
        secrets.append(webhooks.renew(admin, hook_id, seen))
        return _("There is a new secret. The one before signs too for a day.")

    def change(post: QueryDict) -> Button:
        hook = webhooks.get(_hook_id(post))
        return Button(partial(_change, admin, hook.pk), WebhookChangeForm(post, hook))

    def embed(post: QueryDict) -> Button:
        form = EmbedForm(post)
        return Button(partial(_embed, admin, form), form)

    of_a_webhook = {
        "pause": _pause,
        "resume": _resume,
        "remove": _remove,
        "test": _test,
        "again": _send_again,
    }
    return {
        "add": lambda post: Button(add, WebhookForm(post)),
        "renew": lambda post: Button(partial(renew, _hook_id(post), post.get("seen", ""))),
        "change": change,
        "embed": embed,
        **{name: partial(_button, admin, act) for name, act in of_a_webhook.items()},
    }


def _button(admin: Person, act: Callable[[Person, UUID], str], post: QueryDict) -> Button:
    return Button(partial(act, admin, _hook_id(post)))


def _change(admin: Person, hook_id: UUID, url: str | None, switched: dict[str, bool]) -> str:
    webhooks.change(admin, hook_id, url, switched)
    return _("Saved.")


def _pause(admin: Person, hook_id: UUID) -> str:
    webhooks.pause(admin, hook_id)
    return _("Paused: it is told of nothing that happens from now on.")


def _resume(admin: Person, hook_id: UUID) -> str:
    webhooks.resume(admin, hook_id)
    return _("It is told again of what happens from now on.")


def _remove(admin: Person, hook_id: UUID) -> str:
    webhooks.remove(admin, hook_id)
    return _("The webhook is removed.")


def _test(admin: Person, hook_id: UUID) -> str:
    webhooks.test(admin, hook_id)
    return _("A test is on its way. Load the page again to see how it went.")


def _send_again(admin: Person, hook_id: UUID) -> str:
    n = webhooks.send_again(admin, hook_id)
    return say(ngettext("{n:,} event is sent again.", "{n:,} events are sent again.", n), n=n)


def _embed(admin: Person, form: EmbedForm, embed_origins: str) -> str:
    study_settings.change(admin, form.seen(), embed_origins=embed_origins)
    return _("Saved.")


def _hook_id(post: QueryDict) -> UUID:
    """Return which webhook a button is of. Raises NotFound for what is no id."""
    try:
        return UUID(post.get("hook", ""))
    except ValueError as error:
        raise NotFound(Sentence("There is no such webhook (any more).")) from error


def _hook(hook: Webhook, bound: Forms) -> dict[str, object]:
    form = WebhookChangeForm(None, hook)
    waiting, given_up = hook.waiting_count, hook.given_up_count  # type: ignore[attr-defined]
    return {
        "id": hook.pk,
        "host": webhooks.host_of(hook),
        "url": hook.url,
        "events": ", ".join(
            str(event.label) for event in Webhook.Event if event.value in hook.events
        ),
        "added": hook.added_at,
        "seen": webhooks.renewal(hook),
        "form": bound.get(str(form.prefix)) or form,
        "is_paused": hook.resumed_at is None,
        "is_failing": hook.failure_count > 0,
        "given_up_count": given_up,
        "counts": [
            say(text, n=n)
            for text, n in (
                (ngettext("{n:,} event waits", "{n:,} events wait", waiting), waiting),
                (
                    ngettext("{n:,} was given up", "{n:,} were given up", given_up),
                    given_up,
                ),
            )
            if n
        ],
    }


def _delivery(delivery: Delivery) -> dict[str, object]:
    return {
        "happened": delivery.happened_at,
        "event": delivery.get_event_display(),
        "host": webhooks.host_of(delivery.webhook),
        "id": delivery.pk,
        "tries": number(delivery.try_count),
        "took": "" if delivery.took_ms is None else f"{number(delivery.took_ms)} ms",
        "status": delivery.answer_status,
        "trouble": delivery.get_trouble_display(),
        "is_taken": bool(delivery.ended_at and not delivery.is_given_up),
        "is_given_up": delivery.is_given_up,
        "due": delivery.due_at if delivery.try_count and not delivery.ended_at else None,
    }
