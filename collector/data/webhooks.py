"""Webhooks: other systems that an admin has told of what happens here. An event is a row for each
of them, written in the transaction in which it happens, or, of what the trainer does and of the end
of the study, by a task that looks at what is new. Nothing in it names anybody."""

import base64
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet
from django_q.tasks import async_task

from collector.data import outgoing
from collector.errors import Conflict, NotFound, Refused
from collector.models import (
    Attempt,
    Delivery,
    Person,
    Study,
    StudyAct,
    StudyChange,
    Webhook,
    clock,
    require_admin,
    sealing,
)
from trainer.learning.sentences import Sentence
from trainer.models import Arm, Round, RoundModel

Event = Webhook.Event
MOST = 10  # webhooks
FORMER_SIGNS = timedelta(days=1)
LOOKED_BACK = timedelta(days=7)  # for what the trainer did; what was told is kept for longer
_PURPOSE = "secrets of webhooks"
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?|[0-9a-f:.]+", re.IGNORECASE)


# What an admin does


def add(admin: Person, url: str, events: Sequence[str]) -> str:
    """Have an address told of these events from now on; return the secret that signs them. Raises
    Forbidden, Refused with the field at fault, Conflict."""
    _require(admin)
    if not events:
        raise Refused(Sentence("Choose what it is told of."))
    url, host = _checked(url)
    hook, now = Webhook(url=url, events=[*events]), clock.now()
    hook.added_at = hook.resumed_at = now
    secret = _new_secret(hook)
    with transaction.atomic():
        if Webhook.objects.count() >= MOST:
            raise Conflict(Sentence("There are {most} webhooks, and that is the most.", most=MOST))
        _save(hook)
        _log(admin, before="none", after=host)
    return secret


def change(admin: Person, hook_id: UUID, url: str | None, switched: Mapping[str, bool]) -> None:
    """Lead a webhook to another address (None: the same), which is sent what waits too, and have it
    told of these events, or no longer, from now on; its secret and what it was told stay. Raises
    Forbidden, NotFound, Refused with the field at fault, Conflict."""
    _require(admin)
    note_what_happened()  # it is told of what was to be told until now
    with transaction.atomic():
        hook = _locked(hook_id)
        before = host_of(hook)
        events = [each for each in Event.values if switched.get(each, each in hook.events)]
        if not events:
            raise Refused(Sentence("Choose what it is told of."))
        if url is not None and (given := _checked(url))[0] != hook.url:
            hook.url, host = given
            hook.due_at = None
            _log(admin, before, host if host != before else "another address")
            _send_soon()
        if set(events) != set(hook.events):
            hook.events, hook.resumed_at = events, hook.resumed_at and clock.now()
            _log(admin, host_of(hook), ", ".join(events))
        _save(hook)


def pause(admin: Person, hook_id: UUID) -> None:
    """Tell a webhook of nothing that happens from now on, and send nothing that waits. Raises
    Forbidden, NotFound."""
    _require(admin)
    with transaction.atomic():
        hook = _locked(hook_id)
        if hook.resumed_at:
            Webhook.objects.filter(pk=hook.pk).update(resumed_at=None)
            _log(admin, host_of(hook), "paused")


def resume(admin: Person, hook_id: UUID) -> None:
    """Tell a webhook of what happens from now on, and send what waits. Raises Forbidden,
    NotFound."""
    _require(admin)
    with transaction.atomic():
        hook = _locked(hook_id)
        if not hook.resumed_at:
            Webhook.objects.filter(pk=hook.pk).update(resumed_at=clock.now(), due_at=None)
            _log(admin, host_of(hook), "on")
            _send_soon()


def renewal(hook: Webhook) -> str:
    """Return which of its secrets a webhook has, as pages carry it."""
    return hook.renewed_at.isoformat() if hook.renewed_at else ""


def renew(admin: Person, hook_id: UUID, seen: str) -> str:
    """Return a new secret; for a day the one before signs beside it. Raises Forbidden, NotFound,
    and Conflict unless its secret still is the one of which `renewal` told `seen`, so that a button
    pressed twice makes one."""
    _require(admin)
    with transaction.atomic():
        hook = _locked(hook_id)
        if renewal(hook) != seen:
            raise Conflict(Sentence("A new secret was made meanwhile, and shown then."))
        hook.former_secret, hook.renewed_at = hook.secret, clock.now()
        secret = _new_secret(hook)
        hook.save(update_fields=["secret", "former_secret", "renewed_at"])
        _log(admin, host_of(hook), "another secret")
    return secret


def remove(admin: Person, hook_id: UUID) -> None:
    """Forget a webhook, and all that it was told or waits to be. Raises Forbidden, NotFound."""
    _require(admin)
    with transaction.atomic():
        hook = _locked(hook_id)
        hook.delete()
        _log(admin, host_of(hook), "none")


def test(admin: Person, hook_id: UUID) -> None:
    """Send a webhook an event that says nothing. Raises Forbidden, NotFound, Conflict while it is
    paused."""
    _require(admin)
    hook = get(hook_id)
    if not hook.resumed_at:
        raise Conflict(Sentence("It is paused, and is sent nothing. Resume it first."))
    with transaction.atomic():
        Webhook.objects.filter(pk=hook.pk).update(due_at=None)
        _queue([hook], Delivery.TEST, clock.now(), {})


def send_again(admin: Person, hook_id: UUID) -> int:
    """Have what was given up sent again; return how many events that are. Raises Forbidden,
    NotFound."""
    _require(admin)
    given_up = Delivery.objects.filter(webhook=get(hook_id), is_given_up=True)
    with transaction.atomic():
        now = clock.now()
        Webhook.objects.filter(pk=hook_id).update(due_at=None)
        count = given_up.update(
            is_given_up=False, ended_at=None, due_at=now, try_count=0, queued_at=now
        )
        _send_soon()
    return count


# What is there


def all_of_them() -> QuerySet[Webhook]:
    """Return the webhooks, the oldest first, each with how many events wait for it
    (`waiting_count`) and were given up (`given_up_count`)."""
    return Webhook.objects.annotate(
        waiting_count=Count("deliveries", filter=Q(deliveries__ended_at=None)),
        given_up_count=Count("deliveries", filter=Q(deliveries__is_given_up=True)),
    ).order_by("added_at", "pk")


def get(hook_id: UUID, hooks: QuerySet[Webhook] | None = None) -> Webhook:
    """Return a webhook. Raises NotFound."""
    hook = (hooks or Webhook.objects).filter(pk=hook_id).first()
    if hook is None:
        raise NotFound(Sentence("There is no such webhook (any more)."))
    return hook


def log() -> QuerySet[Delivery]:
    """Return what was and is to be told, the newest first."""
    return Delivery.objects.select_related("webhook").order_by("-happened_at", "pk")


def host_of(hook: Webhook) -> str:
    """Return the name of a webhook's machine: the rest of its address may be a secret."""
    return urlsplit(hook.url).netloc


def secrets_of(hook: Webhook, now: datetime) -> list[str]:
    """Return what signs now, the newest first; nothing where the site's key is another one by
    now."""
    sealed = [hook.secret]
    if hook.former_secret and hook.renewed_at and now - hook.renewed_at < FORMER_SIGNS:
        sealed.append(hook.former_secret)
    opened = [sealing.unseal(_PURPOSE, hook.pk.bytes, bytes(each)) for each in sealed]
    return [secret for secret in opened if secret]


# What happens


def note_settled(attempt: Attempt) -> None:
    """Queue that a drawing settled, in the transaction that settles it. Of what did not fool and
    was read all the same nothing is said, as to its drawer, and nothing of an arm of the study
    without a verdict."""
    status = attempt.fate().status
    is_silent = status in (Attempt.Status.NOT_FOOLED, Attempt.Status.RETRACTED)
    if is_silent or not attempt.round.has_verdict:
        return
    if not (hooks := _told_of(Event.ATTEMPT_SETTLED)):
        return
    assert attempt.settled_at
    content = {
        "attempt": str(attempt.pk),
        **_named(attempt.round),
        "status": status,
        "target_label": attempt.target_label,
        "predicted_label": attempt.predicted_label,
        "settled_label": attempt.settled_label,
        "counts": attempt.is_original,
    }
    _queue(hooks, Event.ATTEMPT_SETTLED, attempt.settled_at, content)


def note_what_happened() -> None:
    """Queue the rounds that opened, the trainings that failed and the end of the study, each once.
    Safe to call often, and by several at once."""
    earliest = clock.now() - LOOKED_BACK
    for event, happened in (
        (Event.ROUND_OPENED, _opened),
        (Event.TRAINING_FAILED, _failed),
        (Event.STUDY_ENDED, _ended),
    ):
        for hook in _told_of(event):
            assert hook.resumed_at
            told = hook.deliveries.filter(event=event).values("subject")
            for subject, at, content in happened(max(hook.resumed_at, earliest), told):
                with transaction.atomic():
                    _queue([hook], event, at, content, subject)


_Happened = Iterator[tuple[int, datetime, dict[str, Any]]]


def _opened(since: datetime, told: QuerySet[Delivery, Any]) -> _Happened:
    """Yield of each round opened since in an arm with a verdict, but for those that were told, its
    id, when it opened and what is told."""
    opened = Round.objects.filter(opened_at__gte=since).exclude(pk__in=told)
    for round_ in opened.exclude(arm=Arm.NONE).select_related("model").order_by("pk"):
        content = {
            **_named(round_),
            "architecture": round_.model.architecture,
            "by_hand": bool(round_.opened_by),
        }
        yield round_.pk, round_.opened_at, content


def _named(round_: Round) -> dict[str, int | str]:
    """Say which round it is, in a study of several arms also of which."""
    named: dict[str, int | str] = {"round": round_.number}
    return {**named, "arm": round_.arm} if Study.current().has_several_arms else named


def _failed(since: datetime, told: QuerySet[Delivery, Any]) -> _Happened:
    """Yield the same of each training that failed since."""
    failed = RoundModel.objects.filter(
        state=RoundModel.State.FAILED, left_out_contributor=None, finished_at__gte=since
    )
    for model in failed.exclude(pk__in=told).defer("manifest", "report").order_by("pk"):
        assert model.finished_at
        content = {"training": model.pk, "reasons": [str(reason) for reason in model.reasons]}
        yield model.pk, model.finished_at, content


def _ended(since: datetime, told: QuerySet[Delivery, Any]) -> _Happened:
    """Yield the same of the end of the study, as 1, if it was since."""
    acts = {} if told.exists() else StudyAct.by_kind()
    end = acts.get(StudyAct.Kind.ENDED)
    if end and end.done_at >= since:
        content = {"protocol": acts[StudyAct.Kind.STARTED].sha256, "why": end.why}
        yield 1, end.done_at, content


def _told_of(event: Event) -> list[Webhook]:
    listening = Webhook.objects.filter(resumed_at__isnull=False)
    return [hook for hook in listening if event.value in hook.events]


def _queue(
    hooks: Sequence[Webhook],
    event: str,
    happened_at: datetime,
    content: dict[str, Any],
    subject: int | None = None,
) -> None:
    """Have the worker tell these webhooks once the caller's transaction commits; of a subject that
    one was told of, not again."""
    if not hooks:
        return
    now = clock.now()
    Delivery.objects.bulk_create(
        (
            Delivery(
                webhook=hook,
                event=event,
                subject=subject,
                content=content,
                happened_at=happened_at,
                queued_at=now,
                due_at=now,
            )
            for hook in hooks
        ),
        ignore_conflicts=subject is not None,
    )
    _send_soon()


def _send_soon() -> None:
    async_task("collector.tasks.tell_webhooks", save=False)


# Within


def _require(admin: Person) -> None:
    require_admin(admin, Sentence("Only an admin has other systems told."))


def _locked(hook_id: UUID) -> Webhook:
    """Return a webhook whose row is ours until the transaction ends. Raises NotFound."""
    return get(hook_id, Webhook.objects.select_for_update(no_key=True))


def _new_secret(hook: Webhook) -> str:
    """Give a webhook another secret, not yet stored, and return it as Standard Webhooks write
    one."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    hook.secret = sealing.seal(_PURPOSE, hook.pk.bytes, secret)
    return secret


def _save(hook: Webhook) -> None:
    """Store a webhook. Raises Conflict where another has its address."""
    try:
        with transaction.atomic():
            hook.save()
    except IntegrityError as error:
        raise Conflict(Sentence("There is a webhook with this address already.")) from error


def _log(admin: Person, before: str, after: str) -> None:
    StudyChange.objects.create(admin=admin, field="webhook", before=before, after=after)


def _checked(url: str) -> tuple[str, str]:
    """Return an address, and the machine that it names. What a name leads to is looked at when it
    is sent to, each time anew. Raises Refused."""
    refused = Refused(
        Sentence(
            "An address is {scheme}host/path, in plain letters, with a port or without; no user, "
            "no password, no #.",
            scheme="https://" if not settings.LOCAL else "https:// or http://",
        ),
        field="url",
    )
    url = url.strip()
    if len(url) > Webhook.LONGEST_URL or not re.fullmatch("[!-~]+", url):
        raise refused
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise refused from error
    schemes = ("https", "http") if settings.LOCAL else ("https",)
    is_plain = "@" not in parts.netloc and "#" not in url and "\\" not in url and port != 0
    if parts.scheme not in schemes or not is_plain or not _HOST.fullmatch(host):
        raise refused
    try:
        is_allowed = outgoing.is_allowed(str(ip_address(host)))
    except ValueError:  # it is a name
        is_allowed = True
    if not is_allowed:
        raise Refused(
            Sentence(
                "This address is on this machine or within a network. DADC_WEBHOOK_NETWORKS "
                "allows networks that whoever runs this site means."
            ),
            field="url",
        )
    return parts.geturl(), parts.netloc
