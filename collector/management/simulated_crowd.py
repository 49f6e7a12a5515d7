"""A simulated crowd that draws and moderates through the same functions as people do, for `make
demo` and for trials.

A **drawer** writes with a hand of their own (`trainer.simulation.penman`) and tries to fool the
model (`trainer.simulation.tactics`); in a study with arms they are in the one that the site's own
lot gave them, and where no verdict is told they draw on without one. A **moderator** has no eyes:
penmen write legibly, so what the drawer meant stands for what a person would see, but for a few
errors. The same goes for a visitor's drawing. Drawers and their hands stay the same from one start
to the next.
"""

import random
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from django.db import InterfaceError, OperationalError, close_old_connections
from numpy.random import Generator, default_rng

from collector.drawings import attempts
from collector.errors import Refused, TooMany
from collector.management import arguments
from collector.models import Attempt, Gold, Person, Reading, Study
from collector.moderation import queue, readings
from collector.people import accounts
from trainer import target
from trainer.models import Arm, RoundModel
from trainer.simulation import penman, tactics

DRAWERS = ("penny-bot", "quill-bot", "inky-bot", "dash-bot", "loopy-bot", "serif-bot")
MODERATORS = ("owl-bot", "lynx-bot", "hawk-bot")
PACE = 0.3
FIRST_HAND = 7 << 32  # the penman's writers from here on are this crowd's, nobody else's
ERRORS = 0.03
AFTER_A_REFUSAL, LONGEST_WAIT = 1.0, 60.0
WHILE_ALL_WAIT = 0.5  # seconds
_REFUSALS = (Refused, target.TargetUnavailable, OperationalError, InterfaceError)


@dataclass
class Drawer:
    """Somebody who tries to fool the model, and how it went, as far as they are told."""

    person: Person
    fooler: tactics.Fooler
    drawn: int = 0
    fooled: int = 0
    round: int = 0

    @property
    def arm(self) -> str:
        return self.person.arm

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
        if attempt.round.has_verdict:
            self.fooler.learn(written, attempt.has_fooled)
            self.fooled += attempt.has_fooled
        else:
            self.fooler.give_up()
        self.drawn += 1
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

    def progress(self) -> Iterator[str]:
        """Say how far the crowd is, of each arm by itself where there are several, and of fools
        where people are told of them."""
        arms = [arm for arm in Arm.values if any(each.arm == arm for each in self.drawers)]
        for arm in arms:
            theirs = [drawer for drawer in self.drawers if drawer.arm == arm]
            newest, drawn = max(each.round for each in theirs), sum(each.drawn for each in theirs)
            told = f"{arm} " * (len(arms) > 1) + f"round {newest}, {drawn} drawings"
            fooled = f", {sum(each.fooled for each in theirs)} fooled the model"
            yield told if arm == Arm.NONE else told + fooled

    def turns(self, drawings: int | None = None, rounds: int | None = None) -> Iterator[float]:
        """Have one after another act; yields the seconds to wait until the next one may.

        Goes on for ever, or until `drawings` are submitted, or `rounds` models trained in every
        arm, and the moderators have nothing left to read. Where rounds are counted, each drawing is
        read before the next one is made, and the people of an arm wait while its model is in
        training, and go once they have theirs.
        """
        is_all_read = False
        while drawings is None or self.drawn < drawings:
            drawing, are_waiting = self._drawing(rounds)
            if not drawing and not are_waiting:
                break
            is_turn = self.rng.random() < 0.5 if rounds is None else is_all_read
            draws = bool(drawing) and is_turn
            who = drawing[self.rng.integers(len(drawing))] if draws else self._moderator()
            seconds = self._turn(who)
            is_all_read = seconds is None
            if seconds is not None:
                yield seconds
            elif not drawing:
                yield WHILE_ALL_WAIT
        for moderator in self.moderators:
            while (seconds := self._turn(moderator)) is not None:
                yield seconds

    def _drawing(self, rounds: int | None) -> tuple[list[Drawer], bool]:
        """Who draws now, and whether anybody waits for their arm's model; with `rounds`, those draw
        in whose arm fewer models were begun and none is in training."""
        if rounds is None:
            return self.drawers, False
        models = RoundModel.objects.filter(initial_model__isnull=False, left_out_contributor=None)
        begun = models.values_list("arm", "state")
        count = Counter(arm for arm, _ in begun)
        training = {arm for arm, state in begun if state == RoundModel.State.TRAINING}
        return [
            drawer
            for drawer in self.drawers
            if drawer.arm not in training and count[drawer.arm] < rounds
        ], bool(training)

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


def gather(drawers: int | None, moderators: int, *, seed: int, pace: float = PACE) -> Crowd:
    """Make a crowd of so many (None: as many in each arm as have names); those who have no account
    yet get one. Raises Refused where another has such a name.

    The same seed and the same models give the same drawings. The password is DADC_PASSWORD, else
    one that nobody knows.
    """
    rng = default_rng(seed)
    drawers = drawers or len(DRAWERS) * len(Study.current().weights)
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
    password = arguments.password(partial(secrets.token_urlsafe, 24))
    return known or accounts.add(name, password, role=role)
