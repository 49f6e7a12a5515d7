"""A study of many rounds, in bulk: reports as trainings store them, and rows for every list."""

import hashlib
import itertools
import random
from datetime import timedelta
from typing import Any

import numpy as np
from django.urls import reverse
from django.utils import timezone

from collector.models import (
    AdminAction,
    Appeal,
    Attempt,
    Notice,
    Panel,
    PanelMember,
    Person,
    Reading,
    Study,
    StudyChange,
)
from collector.moderation import gold
from collector.study import settings as study_settings
from tests.support.pages import every_page
from trainer import measurements, rounds
from trainer.learning.evaluate import wilson
from trainer.learning.report import Kind, Report, TestSet
from trainer.models import (
    Contributor,
    EarlierReport,
    Matrix,
    MatrixRow,
    Round,
    RoundModel,
    Sample,
    Weights,
)

MODERATORS, POINTS = 20, 60
Role = Person.Role
_chances = random.Random(1)


def build(round_count: int, attempt_count: int, person_count: int) -> None:
    """Fill a database without rows; the last round is open, one person drew a tenth of
    everything."""
    study_settings.begin()
    Study.objects.update(round_size=10 * attempt_count)
    first = rounds.open_first(Study.current().architecture).model
    gold.ship()
    models = _models(first, round_count)
    _rounds(models)
    _matrix(models)
    people = _people(person_count)
    attempts = _attempts(attempt_count, people["crowdworker"])
    _hanging_on(attempts, people)


def addresses() -> list[tuple[str, str]]:
    """The address of every page, every file that is made from rows, and everything to read of the
    API, each with the role of whoever asks; for strangers none."""
    fool = Attempt.objects.filter(status="verified").order_by("submitted_at")[0]
    last = Round.objects.get(state="open").number
    pages = every_page(fool)
    for_admins = (
        "desk",
        "people",
        "moderators",
        "admin_log",
        "analysis",
        "connections",
        "data",
        "protocol",
        "texts",
        "panels",
    )
    own = ("my_drawings", "notices", "account", "factors", "draw", "drawing")
    reading = ("moderate", "my_readings", "guidelines")
    public = [path for name, path in pages.items() if name not in (*for_admins, *own, *reading)]
    public += [
        "/rounds/feed.atom",
        "/rounds/history.csv",
        f"/rounds/{last}/",
        f"/rounds/{last}/card.md",
    ]
    public += [f"/fools/{fool.pk}/card.png", "/rounds/?page=2", "/gallery/?page=100"]
    public += [
        "/gallery/?round=1&target=4",
        "/leaderboard/?period=all",
        "/leaderboard/?period=today",
        "/api/leaderboard/",
    ]
    public += ["/api/rounds/", "/api/rounds/?limit=1", "/api/rounds/?limit=100"]
    public += ["/api/rounds/current/", f"/api/rounds/{last}/"]
    asked = [(path, "") for path in public if not path.startswith("/accounts/")]
    asked += [(pages[name], Role.ADMIN.value) for name in (*for_admins, "person")]
    asked += [("/data/people.csv", Role.ADMIN.value)]
    asked += [(reverse("panel_csv", args=[Panel.objects.get().pk]), Role.ADMIN.value)]
    asked += [(path, Role.CROWDWORKER.value) for path in ("/api/attempts/", "/drawings/?page=9")]
    asked += [("/draw/today/?whole", Role.CROWDWORKER.value)]
    asked += [(pages[name], Role.CROWDWORKER.value) for name in own if name != "drawing"]
    asked += [(reverse("drawing", args=[fool.pk]), Role.ADMIN.value)]
    asked += [("/people/?q=0&kind=crowdworker&sort=name&page=9", Role.ADMIN.value)]
    asked += [("/moderate/mine/?otherwise", Role.MODERATOR.value)]
    return [*asked, *((pages[name], Role.MODERATOR.value) for name in reading)]


def _models(first: RoundModel, count: int) -> list[RoundModel]:
    """A model a round, each with its report as `measurements.store` would keep it but for the
    matrices that later ones took the place of."""
    base = Report.from_json(first.report).as_json()
    weights = Weights.objects.get(pk=first.pk)
    now = timezone.now()
    made = [
        RoundModel(
            architecture=first.architecture,
            state="promoted",
            initial_model=first,
            manifest=first.manifest,
            report=base | {"forgot": []},
            finished_at=now,
            progress=1,
        )
        for _ in range(count - 1)
    ]
    models = [first, *RoundModel.objects.bulk_create(made)]
    figures = [_set_figures(n) for n in range(5, 15)]
    paired = {"n": 10, "gained": 3, "lost": 1, "p": 0.625}
    for place, model in enumerate(models[1:], start=1):
        tests = [TestSet(kind, n) for n in range(1, place + 1) for kind in Kind]
        EarlierReport.objects.create(
            model=model,
            report={
                "sets": {test.name: figures[test.round % 10] for test in tests},
                "against_target": {"round": place, "sets": {test.name: paired for test in tests}},
            },
        )
    Weights.objects.bulk_create(
        (Weights(model=model, data=weights.data, sha256=weights.sha256) for model in models[1:]),
        batch_size=50,
    )
    return models


def _set_figures(n: int) -> dict[str, Any]:
    correct = n - 2
    low, high = wilson(correct, n)
    return {
        "n": n,
        "correct": correct,
        "accuracy": correct / n,
        "low": low,
        "high": high,
        "stand_in": False,
        "per_digit": [],
        "confusion": [],
    }


def _rounds(models: list[RoundModel]) -> None:
    now = timezone.now()
    Round.objects.update(state="closed", closed_at=now)
    Round.objects.bulk_create(
        Round(number=number, model=model, state="closed", opened_at=now, closed_at=now)
        for number, model in enumerate(models[1:], start=2)
    )
    Round.objects.filter(number=len(models)).update(state="open", closed_at=None)


def _matrix(models: list[RoundModel]) -> None:
    """As it was measured when the newest model was judged."""
    before = list(range(1, len(models)))
    sizes = np.full((len(Kind), len(before)), 12, "<u4")
    matrix = Matrix.objects.create(candidate=models[-1], rounds=before, sizes=sizes.tobytes())
    MatrixRow.objects.bulk_create(
        MatrixRow(matrix=matrix, model=model, correct=(sizes - place % 12).astype("<u4").tobytes())
        for place, model in enumerate(models)
    )
    assert measurements.newest_matrix() == matrix


def _people(count: int) -> dict[str, list[Person]]:
    now = timezone.now()
    made = [
        Person(
            username=f"{role}{n:05}",
            password="!",
            role=role,
            qualified_at=now if role == Role.MODERATOR else None,
        )
        for role, n in (
            *((Role.CROWDWORKER, n) for n in range(count)),
            *((Role.MODERATOR, n) for n in range(MODERATORS)),
            (Role.ADMIN, 0),
        )
    ]
    Person.objects.bulk_create(made)
    Contributor.objects.bulk_create(
        Contributor(id=person.contributor, position=n, split="test" if n % 5 == 4 else "train")
        for n, person in enumerate(made)
    )
    return {role: [person for person in made if person.role == role] for role in Role}


def _attempts(count: int, drawers: list[Person]) -> list[Attempt]:
    """In equal parts over the rounds: of a hundred 30 verified, 2 waiting for readings, 2 that
    nobody could settle, 2 rejected and appealed; the others did not fool."""
    now, rounds_ = timezone.now(), list(Round.objects.order_by("number"))
    statuses = itertools.cycle(
        ["verified"] * 30 + ["pending"] * 2 + ["undecided"] * 2 + ["rejected"] * 2 + [""] * 64
    )
    made = []
    for n, kind in zip(range(count), statuses, strict=False):
        target = n % 10
        predicted = target if not kind else (target + 1 + n // 10 % 9) % 10
        pending = kind in ("pending", "undecided")
        pixels = n.to_bytes(4, "big") * 196
        when = now - timedelta(seconds=60 * (count - n))
        made.append(
            Attempt(
                drawer=drawers[0] if n % 10 == n // 100 % 10 else drawers[n % len(drawers)],
                round=rounds_[n * len(rounds_) // count],
                submitted_at=when,
                target_label=target,
                predicted_label=predicted,
                probabilities=[0.9 if digit == predicted else 0.1 / 9 for digit in range(10)],
                strokes=_strokes(),
                width=22,
                pixels=pixels,
                pixels_sha256=hashlib.sha256(pixels).hexdigest(),
                body_sha256="0" * 64,
                raster_version=1,
                has_live_preview=False,
                status="pending" if pending else kind or "not_fooled",
                is_audited=False,
                quorum=1,
                needed_reading_count=int(kind == "pending"),
                first_read_at=when if kind in ("verified", "undecided", "rejected") else None,
                settled_at=None if pending else when,
                settled_label=target if kind == "verified" else None,
                credit=float(kind == "verified"),
            )
        )
    Attempt.objects.bulk_create(made, batch_size=500)
    return made


def _strokes() -> list[dict[str, list[int]]]:
    x, y = ([_chances.randrange(280) for _ in range(POINTS)] for _ in range(2))
    return [{"x": x, "y": y, "t": list(range(0, 16 * POINTS, 16))}]


def _hanging_on(attempts: list[Attempt], people: dict[str, list[Person]]) -> None:
    """Samples, readings, appeals and notices."""
    _samples(attempts, people["crowdworker"])
    _panel(people)
    _admin_log(people, len(attempts))
    readers = people["moderator"]
    read = [one for one in attempts if one.status in ("verified", "rejected")]
    unsettled = [
        one for one in attempts if one.status == "pending" and not one.needed_reading_count
    ]
    Reading.objects.bulk_create(
        Reading(
            attempt=one,
            moderator=readers[(n + more) % len(readers)],
            leased_at=one.submitted_at,
            lease_expires_at=one.submitted_at + timedelta(minutes=5),
            answered_at=one.submitted_at + timedelta(seconds=5),
            answer=str(one.target_label) if one.status == "verified" else "junk",
            is_correct=None if one.status == "pending" else True,
        )
        for n, one in enumerate(read + unsettled)
        for more in range(3 if one.status == "pending" else 1)
    )
    Appeal.objects.bulk_create(
        Appeal(attempt=one, text="It is a plain digit.")
        for one in attempts
        if one.status == "rejected"
    )
    Notice.objects.bulk_create(
        Notice(person_id=one.drawer_id, attempt=one, text="Confirmed.") for one in read
    )


def _samples(attempts: list[Attempt], drawers: list[Person]) -> None:
    of_person = {person.pk: person.contributor for person in drawers}
    newest = RoundModel.objects.order_by("-pk")[0]
    Sample.objects.bulk_create(
        Sample(
            attempt=one.pk,
            contributor_id=of_person[one.drawer_id],
            pixels=one.pixels,
            sha256=one.pixels_sha256,
            label=one.target_label,
            has_fooled=True,
            round=one.round,
            first_trained_by=newest,
        )
        for one in attempts
        if one.status == "verified"
    )


def _panel(people: dict[str, list[Person]]) -> None:
    """A panel sent every other drawer."""
    [admin] = people["admin"]
    panel = Panel.objects.create(
        code="panel", name="Panel", drawing_count=1, completion_code="C1", admin=admin
    )
    PanelMember.objects.bulk_create(
        PanelMember(panel=panel, person=person, pid=person.username)
        for person in people["crowdworker"][1::2]
    )


def _admin_log(people: dict[str, list[Person]], attempt_count: int) -> None:
    [admin] = people["admin"]
    AdminAction.objects.bulk_create(
        AdminAction(admin=admin, kind="qualified", person=reader, why="They read well.")
        for reader in people["moderator"] * (attempt_count // 200)
    )
    StudyChange.objects.bulk_create(
        StudyChange(admin=admin, field="round_size", before=n, after=n + 1)
        for n in range(attempt_count // 20)
    )
