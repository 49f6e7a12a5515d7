"""Code that runs beside a site: ten samples, a training on them, and rounds with easy models."""

from tests.support.site import Site

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
# Time is made to pass by moving the lease's end into the past.
LEASE_RUNS_OUT = """
from datetime import timedelta
from django.utils import timezone
from trainer.models import RoundModel
RoundModel.objects.filter(state="training").update(
    lease_expires_at=timezone.now() - timedelta(seconds=1))
"""
# A training that nobody needs to see under way may be short.
A_FEW_STEPS = 40
A_SHORT_TRAINER = f"""
import runpy, sys
from dataclasses import replace
from trainer.learning import fit
usual = fit.default_recipe
fit.default_recipe = lambda *which: replace(usual(*which), steps={A_FEW_STEPS})
sys.argv = ["manage.py", "trainer"]
runpy.run_path("manage.py", run_name="__main__")
"""


def progress(site: Site) -> float | None:
    """Of the training under way, if there is one: 0 once it is claimed, again too."""
    now = site.current_round()["training"]
    return now and float(now["progress"])


def rounds_of(*digits: int) -> str:
    """Opens a round for each digit, whose model always says it."""
    return f"""
from tests.support.models import open_round_of
for digit in {digits}:
    open_round_of(digit)
"""
