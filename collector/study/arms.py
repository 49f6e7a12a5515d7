"""To which arm of the study a new person comes, by a sealed lot, written once; and which arm's
rounds somebody sees."""

import random

from collector.errors import Forbidden, Refused
from collector.models import Allocation, Person, Study
from collector.rules import arms
from trainer.learning.sentences import Sentence
from trainer.models import Arm

_lot = random.SystemRandom()


def allocate(person: Person) -> None:
    """Give a person who has just signed up to an arm, for good; on a site with one arm alone nobody
    is. Runs in the caller's transaction, until whose end nobody else is given to any.

    What comes next stands nowhere: it is drawn in this moment of what the block has left. Other
    weights begin a block of their own.
    """
    if not Study.current().has_several_arms:
        return
    study = Study.objects.select_for_update(no_key=True).get()
    last = Allocation.objects.order_by("-block", "-place").first()
    block = _block(last, study)
    earlier = Allocation.objects.filter(block=block).values_list("arm", flat=True)
    drawn = arms.draw(study.weights, earlier, _lot)
    Allocation.objects.create(
        person=person, arm=drawn, block=block, place=len(earlier), weights=study.arms
    )


def _block(last: Allocation | None, study: Study) -> int:
    """Return the block of whoever comes after `last`."""
    if last is None:
        return 0
    is_over = last.weights != study.arms or last.place + 1 == sum(study.weights.values())
    return last.block + 1 if is_over else last.block


def shown(viewer: Person | None, asked: str = "") -> str:
    """Return the arm whose rounds somebody sees: the one they ask for, else their own, and of
    strangers the dynamic. Raises Refused for what is no arm, and, to all but admins, Forbidden for
    the one in which nobody is told what models say: not before the study has ended."""
    arm = asked or (viewer.arm if viewer else Arm.DYNAMIC)
    if arm not in Arm.values:
        raise Refused(
            Sentence("An arm is one of {names}.", names=", ".join(Arm.values)), field="arm"
        )
    if arm == Arm.NONE and not (viewer and viewer.is_admin):
        raise Forbidden(arms.NOT_TOLD, code="no_verdict")
    return arm
