"""To which arm of the study a new person comes, by a sealed lot, written once."""

import random

from collector.models import Allocation, Person, Study

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
    drawn = study.draw(earlier, _lot)
    Allocation.objects.create(
        person=person, arm=drawn, block=block, place=len(earlier), weights=study.arms
    )


def _block(last: Allocation | None, study: Study) -> int:
    """Return the block of whoever comes after `last`."""
    if last is None:
        return 0
    is_over = last.weights != study.arms or last.place + 1 == sum(study.weights.values())
    return last.block + 1 if is_over else last.block
