"""Sends events to webhooks: by the worker, signed as Standard Webhooks say, each until it is taken
or for three days. At least once, under one id: a row is claimed by a conditional update that counts
the try, so a worker that was killed leaves it to be tried again."""

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from collector.data import outgoing, webhooks
from collector.models import Delivery, Webhook, clock

log = logging.getLogger(__name__)
Trouble = Delivery.Trouble
FIRST_WAIT = timedelta(minutes=1)  # each further one is twice as long,
MOST_DOUBLED, HOOK_DOUBLED = 12, 6  # so often at most: of an event, and of all for a webhook
GIVEN_UP_AFTER = timedelta(days=3)
A_RUN = 20.0  # seconds, after which nothing further is begun: the worker has other things to do


def send_due() -> int:
    """Send what is due, first to those who took the last one; return how much was taken.

    Whoever does not take one is left alone for a minute, then two, four, up to an hour, whatever
    else there is to be told: a try at who is silent takes ten seconds of the worker's.
    """
    _give_up_old()
    taken_count, end = 0, monotonic() + A_RUN
    while monotonic() < end and (delivery := _claim()):
        taken_count += _try(delivery)
    return taken_count


def sign(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header that shows, for each of these secrets, who sent this."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    keys = (base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets)
    digests = (hmac.digest(key, signed, hashlib.sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _claim() -> Delivery | None:
    """Take what is to be sent next, and count a try at it; None where there is nothing, or another
    worker has it."""
    now = clock.now()
    delivery = (
        Delivery.objects.filter(
            Q(webhook__due_at=None) | Q(webhook__due_at__lte=now),
            ended_at=None,
            due_at__lte=now,
            webhook__resumed_at__isnull=False,
        )
        .select_related("webhook")
        .order_by(F("webhook__due_at").asc(nulls_first=True), "due_at", "pk")
        .first()
    )
    if delivery is None:
        return None
    wait = FIRST_WAIT * 2 ** min(delivery.try_count, MOST_DOUBLED)
    claimed = Delivery.objects.filter(
        pk=delivery.pk, try_count=delivery.try_count, ended_at=None
    ).update(try_count=F("try_count") + 1, due_at=now + wait)
    return delivery if claimed else None


def _try(delivery: Delivery) -> bool:
    """Send it, outside any transaction, and note how that went; whether it was taken."""
    began = monotonic()
    status, trouble = _sent(delivery)
    took_ms = round(1000 * (monotonic() - began))
    now = clock.now()
    with transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk).update(
            tried_at=now,
            took_ms=took_ms,
            answer_status=status,
            trouble=trouble,
            ended_at=None if trouble else now,
        )
        hook = Webhook.objects.filter(pk=delivery.webhook_id)
        if trouble:
            rest = FIRST_WAIT * 2 ** min(delivery.webhook.failure_count, HOOK_DOUBLED)
            hook.update(failure_count=F("failure_count") + 1, due_at=now + rest)
        else:
            hook.update(failure_count=0, due_at=None)
    return not trouble


def _sent(delivery: Delivery) -> tuple[int | None, str]:
    """Send it; return the status of the answer, if there was one, and what was amiss, if
    anything."""
    try:
        status = outgoing.post(delivery.webhook.url, *_made(delivery))
    except outgoing.Unsent as unsent:
        return None, unsent.trouble
    except Exception:
        log.exception("Event %s could not be made.", delivery.pk)
        return None, Trouble.BROKEN
    if 200 <= status < 300:
        return status, ""
    return status, Trouble.REDIRECT if 300 <= status < 400 else Trouble.STATUS


def _made(delivery: Delivery) -> tuple[dict[str, str], bytes]:
    """Return the head and the body of what is sent. The body is the same at each try; the time
    within the signature is the try's own. Raises Unsent without a secret."""
    now = clock.now()
    secrets = webhooks.secrets_of(delivery.webhook, now)
    if not secrets:
        raise outgoing.Unsent(Trouble.SECRET)
    told = {
        "type": delivery.event,
        "timestamp": delivery.happened_at.isoformat(),
        "data": delivery.content,
    }
    body = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    message_id, timestamp = str(delivery.pk), int(now.timestamp())
    return {
        "Content-Type": "application/json",
        "User-Agent": f"dadc/{settings.VERSION}",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, message_id, timestamp, body),
    }, body


def _give_up_old() -> None:
    """Give up what has waited for too long; the log says so for each webhook, and the desk."""
    now = clock.now()
    old = Delivery.objects.filter(ended_at=None, queued_at__lt=now - GIVEN_UP_AFTER)
    for hook in Webhook.objects.filter(pk__in=old.values("webhook")):
        count = old.filter(webhook=hook).update(ended_at=now, is_given_up=True)
        log.error("%d events for %s are given up.", count, webhooks.host_of(hook))
