"""How the arms of a study compare: made by a command, since it trains many models; kept as a row,
which the page and the API read; and told in one sentence and a table."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import asdict, astuple, dataclass, fields
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from collector.data.collected import ArmCounts, StudyData, frame
from collector.errors import Forbidden, NotFound
from collector.models import Analysis, Person
from trainer import words
from trainer.learning.checkpoints import (
    DRAWINGS,
    MINUTES,
    ONE,
    SAMPLES,
    UNCHOSEN,
    Estimate,
    Plan,
    Processes,
    estimates,
)
from trainer.learning.report import MNIST_TEST
from trainer.learning.sentences import Sentence
from trainer.saying import number, say

ENOUGH = 0.01  # the difference of which it is told how many drawings it takes
TESTS: dict[str, Promise] = {
    UNCHOSEN: gettext_lazy("drawings that no adversary chose"),
    f"{UNCHOSEN}:none": gettext_lazy("of these, those drawn without a verdict"),
    "fools:dynamic": gettext_lazy("tricks on the dynamic arm’s models"),
    "fools:static": gettext_lazy("tricks on round 1’s model"),
    MNIST_TEST: gettext_lazy("MNIST’s test set"),
}


@dataclass(frozen=True)
class Found:
    """What a look found: the arms with their counts, and estimates with their intervals. `seed`,
    `seeds` and `trainings` say how the models were made."""

    arms: list[ArmCounts]
    estimates: list[Estimate]
    architecture: str
    stand_in: bool
    seed: int
    seeds: int
    trainings: int

    def as_json(self) -> dict[str, Any]:
        """Give what a row keeps; `Found.from_json` reads it."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Found":
        arms = [ArmCounts(**arm) for arm in kept["arms"]]
        return cls(**kept | {"arms": arms, "estimates": [Estimate(**e) for e in kept["estimates"]]})

    @property
    def last(self) -> list[Estimate]:
        """The estimates of the primary outcome at as many samples as all arms have: of each arm,
        and of each pair."""
        primary = [each for each in self.estimates if each.is_primary]
        most = max((each.at for each in primary), default=0)
        return [each for each in primary if each.at == most]

    @property
    def difference(self) -> Estimate | None:
        """The one that the study is held for: dynamic and none, or else the first pair."""
        pairs = [each for each in self.last if each.than]
        return next((each for each in pairs if each.than == "none"), pairs[0] if pairs else None)


@dataclass(frozen=True)
class Look:
    """A look that was kept, the how manieth it was, and when."""

    found: Found
    made_at: datetime
    number: int
    is_interim: bool
    protocol_sha256: str

    @property
    def answer(self) -> str:
        """The answer in a sentence, in the reader's language."""
        return sentence(self.found)


def make(
    data: StudyData,
    *,
    seed: int,
    seeds: int,
    trainings: int,
    tell: Callable[[float], object],
    processes: Processes = ONE,
) -> Found:
    """Train the models and compare them, which takes minutes to hours; `tell` gets the share of
    them made. Raises Killed."""
    from trainer.learning import basedata

    base = basedata.find(settings.MNIST_DIR, settings.MNIST_CACHE)
    plan = Plan(data.architecture, data.start, seeds, trainings, seed, data.frame.stop_samples)
    arms = [arm.arm for arm in data.arms]
    found = estimates(data.collected, arms, plan, base, tell, processes)
    return Found(data.arms, found, data.architecture, base.stand_in, seed, seeds, trainings)


def keep(found: Found, data: StudyData) -> Look:
    """Keep a look, beside those before it."""
    when = data.frame
    Analysis.objects.create(
        is_interim=when.is_interim,
        protocol_sha256=when.protocol_sha256,
        found=found.as_json(),
    )
    look = newest()
    assert look
    return look


def newest() -> Look | None:
    """Return the newest look; None before the first."""
    row = Analysis.objects.order_by("-pk").first()
    if row is None:
        return None
    count = Analysis.objects.filter(pk__lte=row.pk).count()
    found = Found.from_json(row.found)
    return Look(found, row.made_at, count, row.is_interim, row.protocol_sha256)


def visible_to(person: Person | None) -> Look | None:
    """Return the newest look as somebody may see it: admins always, everybody once the study has
    ended. Raises Forbidden."""
    if frame().is_interim and not (person and person.is_admin):
        raise Forbidden(Sentence("How the arms compare is told once the study has ended."))
    return newest()


def shown_to(person: Person | None) -> Look:
    """Return the newest look as `visible_to` does. Raises Forbidden, and NotFound before the
    first."""
    if (look := visible_to(person)) is None:
        raise NotFound(Sentence("The arms of this study were not compared yet."))
    return look


def sentence(found: Found) -> str:
    """Tell the answer in the reader's language."""
    pair = found.difference
    if pair is None:
        return _(
            "There is nothing to compare yet: it takes two arms with samples, and samples of test "
            "people, who are one contributor in five."
        )
    one, other = (
        next(each for each in found.last if each.arm == arm and not each.than)
        for arm in (pair.arm, pair.than)
    )
    values = {
        "samples": words.samples(int(pair.at)),
        "arm": pair.arm,
        "than": pair.than,
        "share": words.percent(one.value, 1),
        "other": words.percent(other.value, 1),
        "drawings": words.drawings(pair.drawings),
        "people": words.people(pair.people),
    }
    measured = _(
        "Trained on {samples} each, models of the {arm} arm misread {share} and models of the "
        "{than} arm {other} of the same {drawings} by {people}."
    )
    return f"{say(measured, **values)} {_sureness(pair)}"


def _sureness(pair: Estimate) -> str:
    if pair.low is None or pair.high is None:
        return _("They are too few people, or trainings, to say how sure that is.")
    said = (
        _("They differ by {points} points (95 %: {between}), which is more than chance.")
        if pair.interval.is_sure
        else _("They differ by {points} points (95 %: {between}), which may be chance.")
    )
    return say(said, points=points(pair.value), between=between(pair))


def price(found: Found, difference: float = ENOUGH) -> str:
    """Tell how many more drawings it takes to see a difference, in the reader's language; nothing
    where that cannot be said."""
    pair = found.difference
    if pair is None or pair.interval.seen is None:
        return ""
    there = say(
        _("Four of five studies of this size would see a true difference of {seen} points."),
        seen=number(100 * pair.interval.seen, ".1f"),
    )
    wanted, times = number(100 * difference, ".1f"), pair.interval.times_to_see(difference)
    if times is None:
        more = say(_("No number of people would do for {wanted} points."), wanted=wanted)
        return f"{there} {more}"
    drawn = sum(arm.drawings for arm in found.arms if arm.arm in (pair.arm, pair.than))
    left = _roughly((times - 1) * drawn)
    if not left:
        return there
    more = _("For {wanted} points it takes about {drawings} more, by more people.")
    return f"{there} {say(more, wanted=wanted, drawings=words.drawings(left))}"


def _roughly(count: float) -> int:
    """Round to two digits, which is more than anybody knows of it."""
    return round(float(f"{count:.2g}"))


def points(value: float) -> str:
    """Say a difference of shares in points, with its sign."""
    return number(100 * value, "+.1f").replace("-", "−")


def between(estimate: Estimate) -> str:
    """Say an interval: of a difference in points, of a share in per cent; a dash where there is
    none."""
    if estimate.low is None or estimate.high is None:
        return "–"
    if estimate.than:
        return say(_("{low} to {high}"), low=points(estimate.low), high=points(estimate.high))
    low, high = max(0.0, estimate.low), min(1.0, estimate.high)
    return words.between(100 * low, 100 * high)


@dataclass(frozen=True)
class Line:
    """An estimate in words."""

    test: str
    equal: str
    who: str
    value: str
    between: str
    of: str
    is_difference: bool


def lines(found: Found) -> list[Line]:
    """Tell each estimate in the reader's language."""
    return [_line(each) for each in found.estimates]


def equal_in_words(estimate: Estimate) -> str:
    """Say what arms had equally many of."""
    if estimate.equal == SAMPLES:
        return words.samples(int(estimate.at))
    if estimate.equal == DRAWINGS:
        return words.drawings(int(estimate.at))
    assert estimate.equal == MINUTES
    return say(_("{n:,} minutes of drawing"), n=round(estimate.at))


def _line(estimate: Estimate) -> Line:
    asked = estimate.drawings * estimate.seeds
    who = estimate.arm
    if estimate.than:
        who = f"{who} − {estimate.than}"
    return Line(
        test=str(TESTS.get(estimate.test, estimate.test)),
        equal=equal_in_words(estimate),
        who=who,
        value=points(estimate.value) if estimate.than else words.percent(estimate.value, 1),
        between=between(estimate),
        of="" if estimate.than else words.count_of(estimate.errors, asked),
        is_difference=bool(estimate.than),
    )


def arms_in_words(found: Found) -> list[dict[str, str]]:
    """Tell what each arm has, in the reader's language."""
    return [
        {
            "arm": arm.arm,
            "allotted": "–" if arm.allotted is None else number(arm.allotted),
            "drawers": number(arm.drawers),
            "returned": number(arm.returned),
            "drawings": number(arm.drawings),
            "samples": number(arm.samples),
            "samples_by": say(_("by {people}"), people=words.people(arm.trained_people)),
            "minutes": number(round(arm.minutes)),
            "vmer": words.percent(arm.verified / arm.decided if arm.decided else None, 1),
            "vmer_of": words.rate_of(arm.verified, arm.drawings, arm.drawings - arm.decided),
        }
        for arm in found.arms
    ]


def as_csv(found: Found) -> Iterator[str]:
    """Yield the estimates as CSV, numbers as they are."""
    out = io.StringIO()
    write = csv.writer(out)
    write.writerow([each.name for each in fields(Estimate)])
    write.writerows(astuple(each) for each in found.estimates)
    yield out.getvalue()
