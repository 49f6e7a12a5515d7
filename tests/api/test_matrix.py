"""Who may open what: every URL of the site, for everybody, by GET and POST.

Whoever adds a URL writes its line here; without one, the first test fails. Each cell starts from
the same rows: an attempt of the crowdworker that waits to be read, and another one that the
moderator has before them.
"""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.test import Client
from django.test.client import MULTIPART_CONTENT
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from collector.drawings import asking, attempts
from collector.models import (
    AdminAction,
    Attempt,
    Decision,
    ModerationPause,
    Person,
    Reading,
    Study,
    StudyAct,
    StudyChange,
)
from collector.moderation import queue
from collector.study import settings as study_settings
from tests.support.cast import ARMS, put
from trainer import rounds as trainer_rounds
from trainer import samples, target
from trainer.learning import drawing

PEOPLE = ("anonymous", "crowdworker", "another", "moderator", "admin")
# What is not told in an arm of a study without a verdict.
WITHHELD = {
    "api/rounds/",
    "api/rounds/current/",
    "api/rounds/<int:number>/",
    "api/leaderboard/",
    "api/attempts/<uuid:id>/reason/",
    "drawings/<uuid:attempt_id>/attribution.png",
    "drawings/<uuid:attempt_id>/card.png",
    "drawings/<uuid:attempt_id>/reason/",
    "gallery/",
    "leaderboard/",
    "rounds/",
    "rounds/<int:number>/",
    "rounds/<int:number>/card.md",
    "rounds/history.csv",
}

# For each URL what GET answers to the five of PEOPLE, and what POST (of an empty object or form)
# does. 302 is the way to the sign-in page, or after something done.
MATRIX: dict[str, tuple[str, str]] = {
    "api/accounts/": ("405 405 405 405 405", "400 400 400 400 400"),
    "api/tokens/": ("405 405 405 405 405", "400 400 400 400 400"),
    "api/rounds/": ("200 200 200 200 200", "405 405 405 405 405"),
    "api/rounds/current/": ("200 200 200 200 200", "405 405 405 405 405"),
    "api/rounds/<int:number>/": ("200 200 200 200 200", "405 405 405 405 405"),
    "api/predictions/": ("405 405 405 405 405", "400 400 400 400 400"),
    "api/attempts/": ("401 200 200 200 200", "401 400 400 400 400"),
    "api/attempts/<uuid:id>/": ("401 200 404 404 404", "401 405 405 405 405"),
    "api/attempts/<uuid:id>/retract/": ("401 405 405 405 405", "401 200 404 404 404"),
    "api/attempts/<uuid:id>/reason/": ("401 405 405 405 405", "401 200 404 404 404"),
    "api/assignments/": ("401 405 405 405 405", "401 403 403 201 201"),
    "api/assignments/<uuid:id>/reading/": ("401 405 405 405 405", "401 404 404 201 404"),
    "api/leaderboard/": ("200 200 200 200 200", "405 405 405 405 405"),
    "api/samples/": ("401 403 403 403 200", "401 405 405 405 405"),
    "api/study/": ("403 403 403 403 404", "405 405 405 405 405"),
    "api/releases/": ("403 403 403 403 200", "405 405 405 405 405"),
    "api/releases/<int:number>/<str:name>": ("403 403 403 403 404", "405 405 405 405 405"),
    "api/analysis/": ("403 403 403 403 404", "405 405 405 405 405"),
    "api/schema/": ("200 200 200 200 200", "405 405 405 405 405"),
    "api/docs/": ("200 200 200 200 200", "405 405 405 405 405"),
    "api/": ("404 404 404 404 404", "404 404 404 404 404"),
    "metrics": ("403 403 403 403 200", "405 405 405 405 405"),
    "favicon.ico": ("302 302 302 302 302", "405 405 405 405 405"),
    "": ("200 200 200 200 200", "405 405 405 405 405"),
    "manifest.webmanifest": ("200 200 200 200 200", "405 405 405 405 405"),
    "worker.js": ("200 200 200 200 200", "405 405 405 405 405"),
    "offline/": ("200 200 200 200 200", "405 405 405 405 405"),
    "try/": ("200 200 200 200 200", "405 405 405 405 405"),
    "embed/": ("404 404 404 404 404", "405 405 405 405 405"),
    "draw/": ("302 200 200 200 200", "405 405 405 405 405"),
    "draw/today/": ("302 200 200 200 200", "405 405 405 405 405"),
    "drawings/": ("302 200 200 200 200", "405 405 405 405 405"),
    "drawings/<uuid:attempt_id>/": ("302 200 404 404 200", "405 405 405 405 405"),
    "drawings/<uuid:attempt_id>/appeal/": ("302 302 302 302 302", "302 200 404 404 200"),
    "drawings/<uuid:attempt_id>/reason/": ("302 302 302 302 302", "302 302 404 404 404"),
    "drawings/<uuid:attempt_id>/reason/remove/": ("302 302 302 302 302", "302 403 403 403 200"),
    "drawings/<uuid:attempt_id>/seen.png": ("302 200 404 404 200", "405 405 405 405 405"),
    "drawings/<uuid:attempt_id>/attribution.png": ("302 200 404 404 200", "405 405 405 405 405"),
    "drawings/<uuid:attempt_id>/card.png": ("302 200 404 404 200", "405 405 405 405 405"),
    "gallery/": ("200 200 200 200 200", "405 405 405 405 405"),
    "fools/<uuid:attempt_id>/": ("404 404 404 404 404", "405 405 405 405 405"),
    "fools/<uuid:attempt_id>/seen.png": ("404 404 404 404 404", "405 405 405 405 405"),
    "fools/<uuid:attempt_id>/card.png": ("404 404 404 404 404", "405 405 405 405 405"),
    "moderate/": ("302 403 403 200 200", "405 405 405 405 405"),
    "moderate/mine/": ("302 403 403 200 200", "405 405 405 405 405"),
    "moderate/guidelines/": ("302 403 403 200 200", "405 405 405 405 405"),
    "moderators/": ("302 403 403 403 200", "302 403 403 403 400"),
    "leaderboard/": ("200 200 200 200 200", "405 405 405 405 405"),
    "people/": ("302 403 403 403 200", "405 405 405 405 405"),
    "people/<str:username>/": ("200 200 200 200 200", "302 403 403 403 400"),
    "rounds/": ("200 200 200 200 200", "405 405 405 405 405"),
    "rounds/feed.atom": ("200 200 200 200 200", "405 405 405 405 405"),
    "rounds/<int:number>/": ("200 200 200 200 200", "405 405 405 405 405"),
    "rounds/<int:number>/weights.safetensors": ("403 403 403 403 403", "405 405 405 405 405"),
    "rounds/<int:number>/card.md": ("200 200 200 200 200", "405 405 405 405 405"),
    "rounds/history.csv": ("200 200 200 200 200", "405 405 405 405 405"),
    "data/people.csv": ("302 403 403 403 200", "405 405 405 405 405"),
    "privacy/": ("404 404 404 404 404", "405 405 405 405 405"),
    "terms/": ("404 404 404 404 404", "405 405 405 405 405"),
    "contact/": ("404 404 404 404 404", "405 405 405 405 405"),
    "consent/": ("404 404 404 404 404", "404 404 404 404 404"),
    "questions/": ("302 302 302 302 302", "302 302 302 302 302"),
    "texts/": ("302 403 403 403 200", "302 403 403 403 400"),
    "panels/": ("302 403 403 403 200", "302 403 403 403 400"),
    "panels/<int:number>/ids.csv": ("302 403 403 403 404", "405 405 405 405 405"),
    "join/<str:code>/": ("404 404 404 404 404", "404 404 404 404 404"),
    "finished/": ("302 404 404 404 404", "405 405 405 405 405"),
    "data/": ("302 403 403 403 200", "405 405 405 405 405"),
    "analysis/": ("302 403 403 403 200", "405 405 405 405 405"),
    "analysis/figures.csv": ("302 403 403 403 404", "405 405 405 405 405"),
    "admin-log/": ("302 403 403 403 200", "405 405 405 405 405"),
    "desk/": ("302 403 403 403 200", "302 403 403 403 400"),
    "protocol/": ("302 403 403 403 200", "302 403 403 403 400"),
    "connections/": ("302 403 403 403 200", "302 403 403 403 400"),
    "accounts/sign-up/": ("200 302 302 302 302", "200 302 302 302 302"),
    "accounts/sign-in/": ("200 302 302 302 302", "200 302 302 302 302"),
    "accounts/second-step/": ("302 302 302 302 302", "302 302 302 302 302"),
    "accounts/sign-out/": ("405 405 405 405 405", "302 302 302 302 302"),
    "language/": ("405 405 405 405 405", "400 400 400 400 400"),
    "words/<str:language>/<str:version>.js": ("404 404 404 404 404", "405 405 405 405 405"),
    "notices/": ("302 200 200 200 200", "405 405 405 405 405"),
    "account/": ("302 200 200 200 200", "302 400 400 400 400"),
    "account/email/<str:link>/": ("200 200 200 200 200", "200 200 200 200 200"),
    "account/second-factor/": ("302 200 200 200 200", "302 400 400 400 400"),
    "account/export/": ("302 200 200 200 200", "405 405 405 405 405"),
    "accounts/password/": ("302 200 200 200 200", "302 200 200 200 200"),
    "accounts/password/done/": ("302 200 200 200 200", "302 405 405 405 405"),
    "accounts/reset/": ("200 200 200 200 200", "200 200 200 200 200"),
    "accounts/reset/sent/": ("200 200 200 200 200", "405 405 405 405 405"),
    "accounts/reset/done/": ("200 200 200 200 200", "405 405 405 405 405"),
    "accounts/reset/<uidb64>/<token>/": ("200 200 200 200 200", "200 200 200 200 200"),
}
BODIES: dict[str, dict[str, Any]] = {
    "api/assignments/<uuid:id>/reading/": {"reading": "junk"},
    "api/attempts/<uuid:id>/reason/": {"reason": "I left it open."},
    "drawings/<uuid:attempt_id>/reason/": {"reason": "I left it open."},
}

# All of Django's own admin sends whoever is no admin to sign in, but for its door.
ADMIN_DOOR = ("admin/login/", "admin/logout/")
# What an admin gets of it by GET and by POST.
ADMINS_PAGES = {
    "admin/": "200 200",
    "admin/password_change/": "302 302",
    "admin/password_change/done/": "200 405",
    "admin/autocomplete/": "403 405",
    "admin/jsi18n/": "200 405",
    "admin/r/<path:content_type_id>/<path:object_id>/": "404 404",
    "admin/collector/person/<id>/password/": "200 200",
    "admin/^(?P<app_label>collector|trainer)/$": "200 200",
    "admin/(?P<url>.*)$": "404 404",
}
# And of a row of each model that is there; most can be looked at and not changed.
LOOKED_AT = {
    "": "200 200",
    "add/": "403 403",
    "<path:object_id>/history/": "200 200",
    "<path:object_id>/delete/": "403 403",
    "<path:object_id>/change/": "200 403",
    "<path:object_id>/": "302 302",
}
ADMINS_MODELS = {
    **dict.fromkeys(
        (
            "collector/adminaction",
            "collector/attempt",
            "collector/decision",
            "collector/moderationpause",
            "collector/reading",
            "collector/studyact",
            "collector/studychange",
            "trainer/round",
            "trainer/roundmodel",
            "trainer/sample",
        ),
        LOOKED_AT,
    ),
    "collector/person": LOOKED_AT | {"add/": "200 200", "<path:object_id>/change/": "200 200"},
}
ADMINS_PAGES |= {
    f"admin/{model}/{page}": answers
    for model, pages in ADMINS_MODELS.items()
    for page, answers in pages.items()
}


@dataclass
class Scene:
    people: dict[str, Person]
    attempt: Attempt
    leased: Reading

    def path(self, pattern: str) -> str:
        """An address that the pattern matches, of a row that is there where it names one."""
        reading = pattern.startswith("api/assignments/")
        filled = (
            pattern.replace("<uuid:id>", str(self.leased.pk if reading else self.attempt.pk))
            .replace("<uuid:attempt_id>", str(self.attempt.pk))
            .replace("<int:number>", "1")
            .replace("<str:username>", "crowdworker")
            .replace("<str:code>", "nowhere")
            .replace("<str:name>", "README.md")
            .replace("<uidb64>/<token>", "MQ/set-password")
            .replace("<path:content_type_id>", "1")
            .replace("<path:object_id>", str(self.row(pattern)))
            .replace("<id>", str(self.people["crowdworker"].pk))
            .replace("^(?P<app_label>collector|trainer)/$", "collector/")
            .replace("(?P<url>.*)$", "nothing/")
        )
        return "/" + filled

    def row(self, pattern: str) -> object:
        """The key of a row of the model whose page of Django's admin it is."""
        named = re.match(r"admin/(collector|trainer)/(\w+)/", pattern)
        if not named:
            return uuid.uuid4()
        row = apps.get_model(named[1], named[2])._default_manager.first()
        return row and row.pk

    def client(self, who: str) -> Client:
        client = Client(raise_request_exception=False)
        if who != "anonymous":
            client.force_login(self.people[who], backend="collector.people.accounts.Backend")
        return client

    def answer(self, client: Client, method: str, pattern: str) -> int:
        """The status; whatever it did to the rows, and to who is signed in, is undone."""
        body = BODIES.get(pattern, {})
        kind = "application/json" if pattern.startswith("api/") else MULTIPART_CONTENT
        session = client.cookies.get("sessionid")
        with transaction.atomic():
            path = self.path(pattern)
            response = (
                client.get(path) if method == "GET" else client.post(path, body, content_type=kind)
            )
            transaction.set_rollback(True)
        client.cookies.clear()
        if session:
            client.cookies["sessionid"] = session.value
        status: int = response.status_code
        return status


@pytest.fixture
def scene(db: None, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Of a plain site; by indirect parametrization of a study in which the crowdworker is in this
    arm."""
    target.forget()
    trainer_rounds.open_first(study_settings.begin().architecture)
    roles = {
        "crowdworker": "crowdworker",
        "another": "crowdworker",
        "moderator": "moderator",
        "admin": "admin",
    }
    people = {name: Person.objects.create(username=name, role=role) for name, role in roles.items()}
    Person.objects.filter(role="moderator").update(qualified_at=timezone.now())
    people["moderator"].refresh_from_db()
    if arm := getattr(request, "param", None):
        study_settings.change(people["admin"], arms=ARMS)
        people["crowdworker"] = put(people["crowdworker"], arm)
    _fool(people["crowdworker"], 0)
    leased = queue.assign(people["moderator"])
    assert leased is not None
    yield Scene(people, _fool(people["crowdworker"], 100), leased)
    target.forget()


def _fool(drawer: Person, place: int) -> Attempt:
    """A line that the model takes for another digit than its drawer does."""
    line = drawing.parse([{"x": [20 + place, 60 + place], "y": [30, 200], "t": [0, 90]}])
    _, prediction = asking.predict(line, None, "")
    wrong = min(range(10), key=prediction.probabilities.__getitem__)
    attempt, _ = attempts.submit(drawer, attempts.Submission(wrong, line))
    return attempt


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield prefix + str(entry.pattern)
        else:
            yield from patterns(entry, prefix + str(entry.pattern))


EVERYTHING = list(patterns(get_resolver()))


@pytest.mark.survives(
    "every URL × anonymous, crowdworker, another crowdworker, moderator, admin",
    "a written matrix; a URL missing from it fails the test",
)
def test_every_url_has_its_line_and_every_line_its_url() -> None:
    assert {pattern for pattern in EVERYTHING if not pattern.startswith("admin/")} == set(MATRIX)


@pytest.mark.survives(
    "every URL × anonymous, crowdworker, another crowdworker, moderator, admin",
    "a written matrix; a URL missing from it fails the test",
)
def test_everybody_gets_what_the_matrix_says(scene: Scene) -> None:
    clients = [scene.client(who) for who in PEOPLE]
    found = {
        pattern: (
            " ".join(str(scene.answer(client, "GET", pattern)) for client in clients),
            " ".join(str(scene.answer(client, "POST", pattern)) for client in clients),
        )
        for pattern in MATRIX
    }
    assert found == MATRIX


@pytest.mark.parametrize(
    ("scene", "arm"), [("static", "static"), ("none", "none")], indirect=["scene"]
)
def test_in_an_arm_of_a_study_one_gets_the_same_but_for_what_is_told_of_models(
    scene: Scene, arm: str
) -> None:
    """Without a verdict: who is in it gets nothing, all others what they get anyway."""
    clients = [scene.client(who) for who in PEOPLE]
    withheld = set()
    for pattern, lines in MATRIX.items():
        for method, line in zip(("GET", "POST"), lines, strict=True):
            found = [scene.answer(client, method, pattern) for client in clients]
            expected = [int(status) for status in line.split()]
            if found != expected:
                assert found[1] in (403, 404), (method, pattern)
                withheld.add(pattern)
                found[1] = expected[1]
            assert found == expected, (method, pattern)
    assert withheld == (WITHHELD if arm == "none" else set())


@pytest.mark.parametrize("who", ["moderator", "admin"])
def test_who_lacks_a_second_factor_that_is_asked_for_gets_what_a_crowdworker_gets(
    scene: Scene, who: str
) -> None:
    """But that what is for moderators and admins leads to the page that adds one."""
    Study.objects.update(requires_second_factor=True)
    client, crowdworker = scene.client(who), scene.client("another")
    reading = "api/assignments/<uuid:id>/reading/"  # a crowdworker has no drawing to read
    for pattern in MATRIX:
        for method in ("GET", "POST"):
            usual = scene.answer(crowdworker, method, pattern)
            is_page = not pattern.startswith(("api/", "metrics"))
            is_page = is_page and not pattern.endswith(".safetensors")
            led = 302 if usual == 403 and is_page else usual
            expected = 403 if (pattern, method) == (reading, "POST") else led
            assert scene.answer(client, method, pattern) == expected, (method, pattern)
    assert scene.answer(client, "GET", "admin/collector/person/") == 302


@pytest.fixture
def a_row_of_everything(scene: Scene) -> None:
    """One of each that Django's admin shows and the scene has not."""
    admin, drawer = scene.people["admin"], scene.people["crowdworker"]
    AdminAction.objects.create(admin=admin, kind="resumed", person=drawer, why="So it is.")
    Decision.objects.create(admin=admin, attempt=scene.attempt, answer="4", why="So it is.")
    ModerationPause.objects.create(person=drawer, agreed_count=1, settled_count=30)
    StudyChange.objects.create(admin=admin, field="quorum", before="1", after="2")
    StudyAct.objects.create(
        kind="started", admin=admin, done_at=timezone.now(), document="{}", sha256="0" * 64
    )
    samples.add(
        attempt=scene.attempt.pk,
        contributor=drawer.contributor,
        pixels=bytes(scene.attempt.pixels),
        label=4,
        has_fooled=True,
        round_=scene.attempt.round,
    )


@pytest.mark.survives(
    "every URL × anonymous, crowdworker, another crowdworker, moderator, admin",
    "a written matrix; a URL missing from it fails the test",
)
def test_djangos_own_admin_is_for_admins_alone(scene: Scene, a_row_of_everything: None) -> None:
    inner = [
        pattern
        for pattern in EVERYTHING
        if pattern.startswith("admin/") and pattern not in ADMIN_DOOR
    ]
    for who in PEOPLE:
        answer = partial(scene.answer, scene.client(who))
        found = {
            pattern: " ".join(str(answer(method, pattern)) for method in ("GET", "POST"))
            for pattern in inner
        }
        assert found == (ADMINS_PAGES if who == "admin" else dict.fromkeys(inner, "302 302")), who


def test_what_django_sends_strangers_of_its_admin_to_is_its_sign_in_page(scene: Scene) -> None:
    client = scene.client("moderator")
    for pattern in ("admin/", "admin/collector/person/", "admin/collector/person/add/"):
        response = client.get(scene.path(pattern))
        assert response.headers["Location"].startswith("/admin/login/?next=")
