"""Releases given away elsewhere too: at the Hub and at Zenodo, where there is a token for it.

What the public may have is published, each release once at each place, in the order of their
versions; what is withdrawn is taken back before anything else goes there. A try that fails is noted
and made again, later and later, and goes on where it was ended."""

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from collector.data import releases
from collector.data.hub import Hub
from collector.data.places import Failed
from collector.data.zenodo import Zenodo
from collector.errors import Conflict, Forbidden, Refused
from collector.models import Publication, Release, Study, clock
from trainer.models import Arm, Round
from trainer.saying import say

log = logging.getLogger(__name__)

TRIES = 10  # by itself; taking back is tried for ever
FIRST_WAIT = timedelta(minutes=2)  # each further one is twice as long
LONGEST_WAIT = timedelta(hours=6)


class Place(Protocol):
    """Where releases are given away: `address` at a kind of `place`."""

    place: Publication.Place
    address: str

    def publish(self, publication: Publication, folder: Path) -> None: ...
    def take_back(self, publication: Publication) -> None: ...


def places() -> list[tuple[Publication.Place, str]]:
    """Return where releases are to be published: nowhere without a token."""
    of_the_hub = [
        (Publication.Place.DATASET, settings.HUB_DATASET),
        (Publication.Place.MODEL, settings.HUB_MODEL),
    ]
    found = [each for each in of_the_hub if each[1]] if settings.HUB_TOKEN else []
    if settings.ZENODO_TOKEN:
        found.append((Publication.Place.ZENODO, settings.ZENODO_URL))
    return found


def run(*, is_asked: bool = False) -> list[Publication]:
    """Take back what was withdrawn, make the release that is missing, publish what is due, and
    return the publications that were tried; with `is_asked` also what is not due yet. One process
    at a time may do so. Raises Refused where no release can be made."""
    tried = [each for at in places() for each in _take_back(*at, is_asked)]
    make_newest()
    return tried + [each for at in places() for each in _publish(*at, is_asked)]


def make_newest() -> None:
    """Make the release of the newest round that is over, if the public may have it and there is
    none; not yet where drawings wait or the round's model is in the loop. Raises Refused."""
    with suppress(Forbidden):
        over = Round.objects.filter(state=Round.State.CLOSED, arm=Arm.DYNAMIC)
        newest = over.order_by("number").last()
        there = releases.visible_to(None).filter(withdrawn_at=None)
        if newest and not there.filter(minor=newest.number).exists():
            with suppress(Conflict):
                releases.make(newest.number)


def problems() -> Iterator[str]:
    """Say for admins what is not where it should be, or still is where it should not."""
    pending = Publication.objects.filter(taken_back_at=None).select_related("release")
    for each in pending.order_by("pk"):
        is_gone = each.release.withdrawn_at is not None
        if not is_gone and (each.published_at or not each.failure):
            continue
        text = (
            _("Release {version} was withdrawn and is still at {address}. {why}")
            if is_gone
            else _("Release {version} is not at {address} yet. {why}")
        )
        if not is_gone and each.try_count >= TRIES:
            why = say(_("{failure} manage.py publish tries it again."), failure=each.failure)
        elif each.failure:
            why = say(
                _("{failure} As long as there is a token for it, it is tried again by itself."),
                failure=each.failure,
            )
        else:
            why = _("As long as there is a token for it, it is taken back by itself.")
        yield say(text, version=each.release.version, address=each.address, why=why)


def _take_back(place: Publication.Place, address: str, is_asked: bool) -> Iterator[Publication]:
    for each in _left(place, address).select_related("release").order_by("-pk"):
        if is_asked or each.due_at <= clock.now():
            if _try(each, lambda each: _at(place, address).take_back(each)):
                each.taken_back_at = clock.now()
                each.save(update_fields=["taken_back_at"])
            yield each


def _left(place: Publication.Place, address: str) -> QuerySet[Publication]:
    """Return what was withdrawn and is not taken back."""
    return Publication.objects.filter(
        place=place, address=address, taken_back_at=None, release__withdrawn_at__isnull=False
    )


def _publish(place: Publication.Place, address: str, is_asked: bool) -> Iterator[Publication]:
    if _left(place, address).exists():
        return
    for release in _missing(place, address):
        each, _is_new = Publication.objects.get_or_create(
            release=release, place=place, address=address, defaults={"due_at": clock.now()}
        )
        is_given_up = each.try_count >= TRIES
        if not is_asked and (is_given_up or each.due_at > clock.now()):
            if is_given_up:
                continue  # the next one need not wait for it
            return
        is_done = _try(each, lambda each: _send(_at(place, address), each))
        if is_done:
            each.published_at = clock.now()
            each.save()
        yield each
        if not is_done:
            return


def _missing(place: Publication.Place, address: str) -> list[Release]:
    """Return what the public may have and is not there: newer than all that is, oldest first. What
    another site made is that one's to publish."""
    try:
        found: QuerySet[Release] = releases.visible_to(None).filter(withdrawn_at=None)
    except Forbidden:
        return []
    there = Publication.objects.filter(place=place, address=address, published_at__isnull=False)
    newest = max((_order(each.release) for each in there.select_related("release")), default=())
    opened = Study.current().opened_from_id
    new = (each for each in found if _order(each) > newest and each.pk != opened)
    return sorted(new, key=_order)


def _order(release: Release) -> tuple[int, ...]:
    return release.major, release.minor, release.patch


def _at(place: Publication.Place, address: str) -> Place:
    return Zenodo() if place == Publication.Place.ZENODO else Hub(place, address)


def _send(place: Place, publication: Publication) -> None:
    """Have a place publish a release's files. Raises Failed, Refused where it is withdrawn in this
    moment."""
    with tempfile.TemporaryDirectory(prefix="publish.", dir=settings.DATA_DIR) as within:
        folder = Path(within) / publication.release.version
        releases.write_to(publication.release, folder)
        place.publish(publication, folder)


def _try(publication: Publication, act: Callable[[Publication], None]) -> bool:
    """Act once; note what came of it and when it is tried again. Return whether it is done."""
    count = publication.try_count
    wait = min(FIRST_WAIT * 2 ** min(count, 10), LONGEST_WAIT)
    publication.try_count, publication.due_at = count + 1, clock.now() + wait
    publication.save(update_fields=["try_count", "due_at"])  # before, so that a kill counts too
    try:
        act(publication)
    except Failed as failure:
        publication.failure = str(failure)[:500]
        publication.due_at += timedelta(seconds=min(failure.retry_after, 24 * 3600))
    except Refused as refusal:
        publication.failure = str(refusal)[:500]
    except Exception:
        log.exception("Release %s at %s", publication.release.version, publication.address)
        publication.failure = "Something broke here; the log says what."
    else:
        publication.failure, publication.try_count = "", 0
        publication.save(update_fields=["failure", "try_count"])
        return True
    publication.save(update_fields=["failure", "due_at"])
    return False
