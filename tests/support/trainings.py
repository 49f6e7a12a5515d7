"""Code that runs beside a site: ten samples, and a training on them."""

ADD_SAMPLES = """
import uuid
from django.db import transaction
from tests.support.penmanship import fooling, picture
from trainer import samples
from trainer.models import Round
someone, first = uuid.uuid4(), Round.objects.get(number=1)
for label, strokes, width in fooling(3, 10):
    with transaction.atomic():
        samples.add(attempt=uuid.uuid4(), contributor=someone, pixels=picture(strokes, width).tobytes(), label=label,
                    has_fooled=True, round_=first)
"""
START = (
    ADD_SAMPLES
    + """
from trainer import candidates
candidates.start("mnist_model")
"""
)
