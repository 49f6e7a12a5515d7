"""A simulated crowd that draws and moderates through the same functions as people do, for `make
demo` and for trials.

A **drawer** writes with a hand of their own (`trainer.simulation.penman`) and tries to fool the
model (`trainer.simulation.tactics`). A **moderator** has no eyes: penmen write legibly, so what the
drawer meant stands for what a person would see, but for a few errors. The same goes for a visitor's
drawing. Drawers and their hands stay the same from one start to the next.
"""

import os
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError, close_old_connections
from numpy.random import Generator, default_rng

from collector.drawings import attempts
from collector.errors import Refused, TooMany
from collector.models import Attempt, Gold, Person, Reading
from collector.moderation import queue, readings
from collector.people import accounts
from trainer import target
from trainer.simulation import penman, tactics

DRAWERS = ("penny-bot", "quill-bot", "inky-bot", "dash-bot", "loopy-bot", "serif-bot")
MODERATORS = ("owl-bot", "lynx-bot", "hawk-bot")
PACE = 0.3
FIRST_HAND = 7 << 32  # the penman's writers from here on are this crowd's, nobody else's
ERRORS = 0.03
AFTER_A_REFUSAL, LONGEST_WAIT = 1.0, 60.0
_REFUSALS = (Refused, target.TargetUnavailable, OperationalError, InterfaceError)


@dataclass
class Drawer:
    """Somebody who tries to fool the model, and how it went."""

    person: Person
    fooler: tactics.Fooler
    drawn: int = 0
    fooled: int = 0
    round: int = 0

    def act(self) -> bool:
        """Submit one drawing. Raises what `attempts.submit` raises; the next one is then another
        picture."""
        written = self.fooler.draw()
        drawing = attempts.parse(written.strokes, written.width)
        try:
            attempt, _ = attempts.submit(
                self.person, attempts.Submission(written.form.digit, drawing)
            )
        except Exception:
            self.fooler.give_up()
            raise
        self.fooler.learn(written, attempt.has_fooled)
        self.drawn += 1
        self.fooled += attempt.has_fooled
        self.round = attempt.round.number
        return True


@dataclass
class Moderator:
    """Somebody who reads what the server assigns to them, mostly correctly."""

    person: Person
    rng: Generator

    def act(self) -> bool:
        """Read one drawing; False when there is nothing to do. Raises what `queue.assign` and
        `readings.read` raise."""
        reading = queue.assign(self.person)
        if reading is None:
            return False
        readings.read(self.person, reading.pk, self._sees(reading.drawing))
        return True

    def _sees(self, drawing: Attempt | Gold) -> str:
        truth = drawing.answer if isinstance(drawing, Gold) else str(drawing.target_label)
        if self.rng.random() >= ERRORS:
            return truth
        return str(self.rng.choice([answer for answer in Reading.ANSWERS if answer != truth]))


@dataclass
class Crowd:
    """Drawers and moderators who act one at a time, with a pause of `pace` seconds, more or less,
    after each act."""

    drawers: list[Drawer]
    moderators: list[Moderator]
    rng: Generator
    pace: float = PACE
    refused: int = 0
    last_refusal: str = ""

    @property
    def drawn(self) -> int:
        return sum(drawer.drawn for drawer in self.drawers)

    @property
    def fooled(self) -> int:
        return sum(drawer.fooled for drawer in self.drawers)

    @property
    def round(self) -> int:
        """The newest round that anybody drew in."""
        return max(drawer.round for drawer in self.drawers)

    def turns(self, drawings: int | None = None) -> Iterator[float]:
        """Have one after another act; yields the seconds to wait until the next one may.

        Goes on for ever, or until `drawings` are submitted and the moderators have nothing left to
        read.
        """
        while drawings is None or self.drawn < drawings:
            draws = self.rng.random() < 0.5
            who = self.drawers[self.rng.integers(len(self.drawers))] if draws else self._moderator()
            if (seconds := self._turn(who)) is not None:
                yield seconds
        for moderator in self.moderators:
            while (seconds := self._turn(moderator)) is not None:
                yield seconds

    def _moderator(self) -> Moderator:
        return self.moderators[self.rng.integers(len(self.moderators))]

    def _turn(self, who: Drawer | Moderator) -> float | None:
        """The seconds to wait after this act, longer after a refusal; None where there was nothing
        to do."""
        try:
            acted = who.act()
        except _REFUSALS as refusal:
            if isinstance(refusal, OperationalError | InterfaceError):
                close_old_connections()
            self.refused, self.last_refusal = self.refused + 1, str(refusal)
            return (
                min(refusal.retry_after, LONGEST_WAIT)
                if isinstance(refusal, TooMany)
                else AFTER_A_REFUSAL
            )
        return self.pace * random.gammavariate(4, 0.25) if acted else None


def gather(drawers: int, moderators: int, *, seed: int, pace: float = PACE) -> Crowd:
    """Make a crowd of so many; those who have no account yet get one. Raises Refused where another
    has such a name.

    The same seed and the same models give the same drawings. The password is DADC_PASSWORD, else
    one that nobody knows.
    """
    rng = default_rng(seed)
    drawing, moderating = rng.spawn(drawers), rng.spawn(moderators)
    return Crowd(
        [
            Drawer(
                _person(_name(DRAWERS, place), Person.Role.CROWDWORKER),
                tactics.Fooler(penman.writer(FIRST_HAND + place), chances),
            )
            for place, chances in enumerate(drawing)
        ],
        [
            Moderator(_person(_name(MODERATORS, place), Person.Role.MODERATOR), chances)
            for place, chances in enumerate(moderating)
        ],
        rng,
        pace,
    )


def _name(names: tuple[str, ...], place: int) -> str:
    """Return the name of the bot at this place; past the end of `names` they come again, numbered.
    All end in “-bot”, so that every page that names them says what they are."""
    again, which = divmod(place, len(names))
    return f"{names[which].removesuffix('-bot')}-{again + 1}-bot" if again else names[which]


def _person(name: str, role: Person.Role) -> Person:
    known = Person.objects.filter(username=name, role=role).first()
    password = os.environ.get("DADC_PASSWORD") or secrets.token_urlsafe(24)
    return known or accounts.add(name, password, role=role)
