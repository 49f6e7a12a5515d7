"""Code that runs beside a site: ten samples, a training on them, and rounds with easy models."""

ADD_SAMPLES = """
import uuid
from django.db import transaction
from tests.support.penmanship import fooling, picture
from trainer import samples
from trainer.models import Round
someone, first = uuid.uuid4(), Round.objects.get(number=1)
for label, strokes, width in fooling(3, 10):
    with transaction.atomic():
        samples.add(
            attempt=uuid.uuid4(), contributor=someone, label=label, has_fooled=True, round_=first,
            pixels=picture(strokes, width).tobytes())
"""
START = (
    ADD_SAMPLES
    + """
from trainer import candidates
candidates.start("mnist_model")
"""
)


def rounds_of(*digits: int) -> str:
    """Opens a round for each digit, whose model always says it."""
    return f"""
from tests.support.models import open_round_of
for digit in {digits}:
    open_round_of(digit)
"""
