"""People who draw and moderate through the API for as long as wanted, and remember what they were
told."""

import json
import random
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np

from tests.support import site as sites
from trainer.simulation import penman, tactics

DRAWERS, MODERATORS, PACE = 4, 2, 0.7  # mean seconds between two acts of a person


class People:
    """Drawers and moderators, what they were told, and whether it still holds."""

    def __init__(self, site: sites.Site, seed: int, pace: float = PACE) -> None:
        self.site, self.seed, self.pace = site, seed, pace
        self.over = threading.Event()
        self.meant: dict[str, int] = {}
        self.drawn: dict[str, dict[str, Any]] = {}
        self.read: dict[str, str] = {}
        self.checked: set[str] = set()
        self.told: Counter[str] = Counter()
        self.surprises: list[str] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        drawers = self.site.people(*(f"drawer{n}" for n in range(DRAWERS)))
        readers = self.site.people(*(f"reader{n}" for n in range(MODERATORS)), role="moderator")
        work = [(self._draw, client) for client in drawers] + [
            (self._read, client) for client in readers
        ]
        threads = [
            threading.Thread(target=self._go_on, args=(act(client, place),), daemon=True)
            for place, (act, client) in enumerate(work)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join(30)

    def _go_on(self, acts: Iterator[None]) -> None:
        rng = random.Random(self.seed)
        for _ in acts:
            if self.over.wait(rng.expovariate(1 / self.pace)):
                return

    def _draw(self, client: sites.Client, place: int) -> Iterator[None]:
        rng = np.random.default_rng([self.seed, place])
        fooler = tactics.Fooler(penman.writer(self.seed * 100 + place), rng)
        while True:
            written = fooler.draw()
            label = written.form.digit
            self.meant[_key(written.strokes)] = label
            key = str(uuid.uuid4())
            body = {"target_label": label, "strokes": written.strokes, "width": written.width}
            answer = self._ask(client, "/api/attempts/", body | {"client_key": key})
            if answer and answer.status in (200, 201):
                self.drawn[answer.body["id"]] = answer.body
                fooler.learn(written, answer.body["fooled"])
            else:
                fooler.give_up()
            yield

    def _read(self, client: sites.Client, place: int) -> Iterator[None]:
        while True:
            given = self._ask(client, "/api/assignments/", {})
            if given and given.status == 201:
                label = self.meant.get(_key(given.body["attempt"]["strokes"]))
                reading = "ambiguous" if label is None else str(label)
                address = f"/api/assignments/{given.body['id']}/reading/"
                answer = self._ask(client, address, {"reading": reading})
                if answer and answer.status == 201:
                    self.read[given.body["id"]] = reading
            yield

    def _ask(self, client: sites.Client, path: str, body: Any) -> sites.Answer | None:
        """The answer, asked for until there is one; None when all is over."""
        while not self.over.is_set():
            try:
                answer = client.post(path, body)
            except httpx.TransportError:
                self.told["no answer"] += 1
            else:
                self.told[str(answer.status)] += 1
                if answer.status == 500:
                    self.surprises.append(f"{path} answered 500: {answer.body}")
                if answer.status < 500:
                    return answer
            self.over.wait(0.5)
        return None

    def lost(self, everything: bool = False) -> list[str]:
        """What was acknowledged and is not there as it was told; what is new since the last time,
        or everything."""
        from collector.models import Attempt, Reading

        ids = [one for one in [*self.drawn, *self.read] if everything or one not in self.checked]
        self.checked.update(ids)
        said: list[str] = []
        for some in _in_parts(ids):
            there: dict[str, Any] = {
                str(pk): (number, predicted, fooled)
                for pk, number, predicted, fooled in Attempt.objects.filter(pk__in=some)
                .values_list("pk", "round__number", "predicted_label", "has_fooled")
                .iterator()
            }
            answers = Reading.objects.filter(pk__in=some).values_list("pk", "answer")
            there |= {str(pk): answer for pk, answer in answers}
            said += [
                f"{one} was told otherwise or is lost"
                for one in some
                if there.get(one) != self._acknowledged(one)
            ]
        return said

    def _acknowledged(self, one: str) -> object:
        if one in self.read:
            return self.read[one]
        told = self.drawn[one]
        return told["round"], told["predicted_label"], told["fooled"]


def _key(strokes: object) -> str:
    """Know a drawing again; PostgreSQL gives its keys in another order."""
    return json.dumps(strokes, sort_keys=True)


def _in_parts(ids: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(ids), 500):
        yield ids[first : first + 500]
