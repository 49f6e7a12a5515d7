"""What everybody may see of drawings: verified fools, the best first, and how often which confusion
was fooled."""

import uuid
from collections import Counter
from collections.abc import Iterable

from django.db.models import Count, F, Q, QuerySet, Sum

from collector.errors import NotFound, Refused
from collector.models import BEST_FIRST, SHOWABLE, Attempt, ConfusionTally, Person
from trainer.learning.sentences import Sentence
from trainer.models import Arm, Round


def public(arm: str = Arm.DYNAMIC) -> QuerySet[Attempt]:
    """Return what everybody in an arm may see, strangers in the dynamic: verified originals, still
    there, of people of that arm who are active and listed.

    All other drawings stay between their drawer, the moderators and the admins: the public must not
    even learn that they exist.
    """
    hidden = Person.objects.hidden(arm)
    return Attempt.objects.filter(SHOWABLE).exclude(drawer__in=hidden)


def get_public_fool(attempt_id: uuid.UUID, arm: str) -> Attempt:
    """Return a public fool with its round, its drawer and what they said of it. Raises NotFound, in
    the same words whether it is not public or not there at all."""
    fool = public(arm).select_related("round", "drawer", "reason").filter(pk=attempt_id).first()
    if fool is None:
        raise NotFound(Sentence("There is no such drawing here, or it is not public."))
    return fool


def best(
    number: int | None = None,
    target: int | None = None,
    predicted: int | None = None,
    arm: str = Arm.DYNAMIC,
) -> QuerySet[Attempt]:
    """Return an arm's public fools of round `number`, of a target and of what it was taken for,
    each or any; first those where the model was surest of the wrong digit, of equals the newest.
    Raises Refused for a round that is not there or what is no digit."""
    labels = {"target_label": target, "predicted_label": predicted}
    asked = {name: digit for name, digit in labels.items() if digit is not None}
    if any(not 0 <= digit <= 9 for digit in asked.values()):
        raise Refused(Sentence("A digit is a number from 0 to 9."))
    round_, fools = _round(number, arm), public(arm).filter(**asked)
    return (fools.filter(round=round_) if round_ else fools).order_by(*BEST_FIRST)


def counts(number: int | None = None, arm: str = Arm.DYNAMIC) -> dict[tuple[int, int], int]:
    """Count an arm's public fools of round `number`, or of any, by (target, predicted); what nobody
    has done yet is missing. Raises Refused for a round that is not there."""
    round_ = _round(number, arm)
    sums = ConfusionTally.objects.filter(round=round_, drawer=None)
    rows = sums.values_list("target_label", "predicted_label", "fool_count")
    found = Counter({(target, predicted): n for target, predicted, n in rows})
    for target, predicted, n in _of_hidden(round_, arm):
        found[target, predicted] -= n
    return dict(+found)


def _of_hidden(round_: Round | None, arm: str) -> Iterable[tuple[int, int, int]]:
    """Count, by target and predicted, the fools of people whom the public does not see, which are
    among the sums."""
    hidden, pair = Person.objects.hidden(arm), ("target_label", "predicted_label")
    if round_ is None:
        sums = ConfusionTally.objects.filter(drawer__in=hidden).order_by().values_list(*pair)
        return sums.annotate(n=Sum("fool_count"))
    # Not by the round as it is, or all that is verified in it would be gone through.
    fools = Attempt.objects.alias(of_round=F("round_id") + 0).filter(
        SHOWABLE, drawer__in=hidden, of_round=round_.pk
    )
    return fools.order_by().values_list(*pair).annotate(n=Count("status"))


def _round(number: int | None, arm: str) -> Round | None:
    """Return an arm's round of this number; None where any will do. Raises Refused."""
    if number is None:
        return None
    # Of a filter, not of an address: a wrong one is a bad request, not a page that is missing.
    round_ = Round.objects.filter(number=number, arm=arm).first()
    if round_ is None:
        raise Refused(Sentence("There is no round {number}.", number=number), field="round")
    return round_


def neighbours(fool: Attempt) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """Return the ids of the public fools just before and after this one among those of the same
    confusion, best first; None where it is the first or last."""
    alike = best(target=fool.target_label, predicted=fool.predicted_label, arm=fool.round.arm)
    sure, settled = fool.sureness, fool.settled_at
    before = (
        Q(sureness__gt=sure)
        | Q(sureness=sure, settled_at__gt=settled)
        | Q(sureness=sure, settled_at=settled, pk__lt=fool.pk)
    )
    after = (
        Q(sureness__lt=sure)
        | Q(sureness=sure, settled_at__lt=settled)
        | Q(sureness=sure, settled_at=settled, pk__gt=fool.pk)
    )
    better = alike.filter(before, sureness__gte=sure).reverse()
    worse = alike.filter(after, sureness__lte=sure)
    return better.values_list("pk", flat=True).first(), worse.values_list("pk", flat=True).first()
