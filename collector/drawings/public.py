"""What everybody may see of drawings: verified fools, the best first, and how often which confusion
was fooled."""

import uuid

from django.db.models import Count, Q, QuerySet

from collector.errors import NotFound, Refused
from collector.models import SHOWABLE, Attempt, Person
from trainer.models import Round

BEST_FIRST = ("-sureness", "-settled_at", "pk")


def public() -> QuerySet[Attempt]:
    """Verified originals, still there, of people who are active and listed. All other drawings stay
    between their drawer, the moderators and the admins: the public must not even learn that they
    exist."""
    return Attempt.objects.filter(SHOWABLE).exclude(drawer__in=Person.objects.hidden().values("pk"))


def get_public_fool(attempt_id: uuid.UUID) -> Attempt:
    """A public fool with its round and drawer. Raises NotFound, in the same words whether or not
    there is another such drawing."""
    fool = public().select_related("round", "drawer").filter(pk=attempt_id).first()
    if fool is None:
        raise NotFound("There is no such drawing here, or it is not public.")
    return fool


def best(
    round: int | None = None, target: int | None = None, predicted: int | None = None
) -> QuerySet[Attempt]:
    """Public fools of a round, digit, and what it was taken for, or of any; first those where the
    model was surest of the wrong digit, of equals the newest. Raises Refused for a round that is
    not there or what is no digit."""
    wanted = {"target_label": target, "predicted_label": predicted}
    if any(digit is not None and not 0 <= digit <= 9 for digit in wanted.values()):
        raise Refused("A digit is a number from 0 to 9.")
    chosen = public().filter(**{name: digit for name, digit in wanted.items() if digit is not None})
    return _in_round(chosen, round).order_by(*BEST_FIRST)


def counts(round: int | None = None) -> dict[tuple[int, int], int]:
    """How many public fools of a round, or of any, are (target, predicted); what nobody has done
    yet is missing."""
    rows = _in_round(public(), round).order_by().values_list("target_label", "predicted_label")
    return {(target, predicted): n for target, predicted, n in rows.annotate(n=Count("*"))}


def _in_round(chosen: QuerySet[Attempt], number: int | None) -> QuerySet[Attempt]:
    if number is None:
        return chosen
    round = Round.objects.filter(number=number).first()
    if round is None:
        raise Refused(f"There is no round {number}.", field="round")
    return chosen.filter(round=round)


def neighbours(fool: Attempt) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    """The public fools just before and after this one among those of the same confusion, best
    first."""
    alike = best(target=fool.target_label, predicted=fool.predicted_label)
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
