"""The rounds as an Atom feed."""

import hashlib
import hmac
import uuid
from datetime import datetime
from functools import cached_property

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import gettext as _
from django.views.decorators.http import conditional_page, require_safe

from collector.models import Study
from collector.standings import leaderboards
from collector.standings.leaderboards import AttemptCounts
from trainer import words
from trainer.models import Arm, Round
from trainer.saying import say

NEWEST = 25


@require_safe
@conditional_page
def rounds_feed(request: HttpRequest) -> HttpResponse:
    """Answer with the newest rounds, as a stranger sees them; 304 to who has them as they are."""
    feed = RoundsFeed()(request)
    del feed["Last-Modified"]  # a late reading changes what came of a round, and no time of it
    return feed


class RoundsFeed(Feed):  # type: ignore[type-arg]
    """When each round opened, and what came of it once it is over."""

    feed_type = Atom1Feed

    def title(self) -> str:
        return say(_("{site}: rounds"), site=settings.SITE_NAME)

    def link(self) -> str:
        return reverse("rounds")

    def feed_guid(self) -> str:
        return self._name("feed of rounds")

    def items(self) -> list[Round]:
        rounds = list(Round.objects.filter(arm=Arm.DYNAMIC).order_by("-number")[:NEWEST])
        self._counts = leaderboards.counts_by_round(round_.pk for round_ in rounds)
        return rounds

    def item_guid(self, item: Round) -> str:
        return self._name(f"round {item.number}")

    def item_link(self, item: Round) -> str:
        return reverse("round", args=[item.number])

    def item_title(self, item: Round) -> str:
        if item.state == Round.State.OPEN:
            return say(_("Round {number} is open"), number=item.number)
        return say(_("Round {number} is over"), number=item.number)

    def item_description(self, item: Round) -> str:
        if item.state == Round.State.OPEN:
            return _("There is a new model to trick.")
        counts = self._counts.get(item.pk, AttemptCounts())
        return say(
            _("{drawings}; vMER {vmer} ({of})."),
            drawings=words.drawings(counts.attempt_count),
            vmer=words.percent(counts.vmer, 1),
            of=words.rate_of(counts.verified_count, counts.attempt_count, counts.pending_count),
        )

    def item_pubdate(self, item: Round) -> datetime:
        return item.opened_at

    def item_updateddate(self, item: Round) -> datetime:
        return item.closed_at or item.opened_at

    @cached_property
    def _key(self) -> bytes:
        return bytes(Study.current().release_secret)

    def _name(self, what: str) -> str:
        """Return an id that stays the same wherever the site is reached and moves to, and that no
        other site has."""
        digest = hmac.digest(self._key, f"feed: {what}".encode(), hashlib.sha256)
        return uuid.UUID(bytes=digest[:16], version=4).urn
