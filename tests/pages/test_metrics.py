"""`/metrics`: who may read it, that what it says is what the rows say, and that asking is cheap."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from collector.models import Alarm, Email, Person, Study
from collector.moderation import queue
from collector.study import settings as study_settings
from collector.study import site_status
from dadc_site import inside
from tests.support.cast import ARMS, put, read, submit
from tests.support.models import add_model
from tests.support.pages import Browse
from trainer.models import Heartbeat, Round, RoundModel

URL = "/metrics"
TOKEN = "a token für Prometheus"
Figures = dict[tuple[str, ...], float]


@pytest.fixture(autouse=True)
def token(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN


@pytest.fixture(autouse=True)
def nothing_by_lot(open_round: Round) -> None:
    """No drawing is audited, no gold is given, and no candidate starts."""
    Study.objects.update(audit_share=0.0, gold_share=0.0, round_size=100)


@pytest.fixture(autouse=True)
def disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_status, "disk", lambda: (1000 * 10**9, 250 * 10**9))


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}".encode().decode("latin-1")}


def figures(text: str) -> Figures:
    """Every sample by its name and its labels' values."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape() -> Figures:
    answer = Client().get(URL, headers=bearer(TOKEN))
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    return figures(answer.content.decode())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        (bearer("wrong"), 403),
        (bearer(""), 403),
        ({"authorization": f"Basic {TOKEN}".encode().decode("latin-1")}, 403),
        (bearer(TOKEN), 200),
        (bearer(f" {TOKEN} "), 200),
    ],
)
def test_who_has_the_token_reads_them_and_no_other_stranger(
    headers: dict[str, str], status: int
) -> None:
    answer = Client().get(URL, headers=headers)
    assert answer.status_code == status
    assert (b"dadc_" in answer.content) == (status == 200)


@pytest.mark.parametrize("given", ["", "None", TOKEN])
def test_without_a_token_of_its_own_the_site_shows_no_stranger_anything(
    given: str, settings: Any
) -> None:
    settings.METRICS_TOKEN = ""
    assert Client().get(URL, headers=bearer(given)).status_code == 403


def test_admins_read_them_and_nobody_else(
    browse: Browse, alice: Person, mona: Person, ada: Person
) -> None:
    statuses = [browse(person).get(URL).status_code for person in (alice, mona, ada)]
    assert statuses == [403, 403, 200]
    assert browse(ada).post(URL).status_code == 405
    assert browse(ada).head(URL).content == b""


def test_who_has_the_token_may_come_by_any_host_as_probes_may() -> None:
    client = Client(headers={"host": "10.0.0.7:8000"})
    assert client.get(URL, headers=bearer(TOKEN)).status_code == 200
    assert client.get(URL).status_code == 400


def test_what_they_say_is_what_the_rows_say(alice: Person, mona: Person) -> None:
    now = timezone.now()
    Heartbeat.objects.create(program="worker", machine="north", beat_at=now - timedelta(seconds=40))
    attempts = [submit(alice, 4) for _ in range(3)]
    submit(alice, 9)
    read(mona, "4")
    queue.assign(mona)
    type(attempts[0]).objects.filter(status="pending").update(
        submitted_at=now - timedelta(seconds=600)
    )
    add_model(3, state=RoundModel.State.FAILED)
    add_model(3, state=RoundModel.State.TRAINING, progress=0.25)
    Email.objects.create(kind="notices", to="a@example.org", queued_at=now, due_at=now)
    Alarm.objects.create(kind="disk", began_at=now, seen_at=now, told_at=now)
    Alarm.objects.create(kind="idle", began_at=now, seen_at=now)
    found = scrape()
    assert found["dadc_queue_oldest_seconds",] == pytest.approx(600, abs=60)
    assert found["dadc_heartbeat_age_seconds", "north", "worker"] == pytest.approx(40, abs=60)
    assert not [key for key in found if "trainer" in key]
    assert {key: found[key] for key in EXPECTED} == EXPECTED


EXPECTED: Figures = {
    ("dadc_database_up",): 1,
    ("dadc_queue_length",): 2,
    ("dadc_queue_readings",): 2,
    ("dadc_attempts_last_day",): 4,
    ("dadc_readings_last_day",): 1,
    ("dadc_leases",): 1,
    ("dadc_emails_waiting",): 1,
    ("dadc_alarm", "disk"): 1,
    ("dadc_alarm", "idle"): 0,
    ("dadc_trainings", "failed"): 1,
    ("dadc_trainings", "training"): 1,
    ("dadc_trainings", "held"): 0,
    ("dadc_training_progress",): 0.25,
    ("dadc_open_round",): 1,
    ("dadc_round_attempts", "pending"): 2,
    ("dadc_round_attempts", "verified"): 1,
    ("dadc_round_attempts", "not_fooled"): 1,
    ("dadc_disk_free_share",): 0.25,
    ("dadc_disk_free_bytes",): 250e9,
}


def test_in_a_study_of_several_arms_they_say_of_which(alice: Person, ada: Person) -> None:
    study_settings.change(ada, arms=ARMS)
    submit(put(alice, "static"), 4)
    add_model(3, state=RoundModel.State.TRAINING, progress=0.25, arm="static")
    found = scrape()
    assert found["dadc_training_progress", "static"] == 0.25
    assert found["dadc_open_round", "none"] == 1
    assert found["dadc_round_attempts", "static", "pending"] == 1
    assert found["dadc_round_attempts", "dynamic", "pending"] == 0


def test_requests_are_counted_by_route_method_and_class_and_by_nothing_that_somebody_wrote(
    alice: Person, browse: Browse
) -> None:
    before = scrape()
    client = browse(alice)
    asked = [
        ("get", "/people/alice/", "/people/<str:username>/", "GET", "2xx"),
        ("get", "/people/nobody/", "/people/<str:username>/", "GET", "4xx"),
        ("get", "/accounts/reset/MQ/a-secret/", "/accounts/reset/<uidb64>/<token>/", "GET", "2xx"),
        ("get", "/no/such/address/", "none", "GET", "4xx"),
        ("get", "/readyz", "/readyz", "GET", "5xx"),
        ("post", "/metrics", "/metrics", "POST", "4xx"),
        ("get", "/admin/login/", "/admin/", "GET", "4xx"),
    ]
    for method, path, *_ in asked:
        getattr(client, method)(path)
    client.generic("BREW", "/try/")
    after = scrape()
    for *_, route, method, status in [*asked, ("", "", "/try/", "other", "4xx")]:
        key = ("dadc_request_seconds_count", method, route, status)
        assert after[key] == before.get(key, 0) + 1, key
    assert not [key for key in after if "alice" in key or "a-secret" in "".join(key)]


def test_asking_costs_few_queries_however_much_there_is(alice: Person, mona: Person) -> None:
    scrape()  # looks for alarms too
    counts = []
    for _ in range(2):
        for _ in range(5):
            submit(alice, 4)
        read(mona, "4")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            scrape()
        counts.append(len(queries))
    assert counts == [12, 12]


def test_without_a_database_they_say_so_and_requests_are_still_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(site_status, "measure", fail)
    found = scrape()
    assert found["dadc_database_up",] == 0
    assert ("dadc_disk_free_share",) in found
    assert ("dadc_queue_length",) not in found
    assert any(name == "dadc_request_seconds_count" for name, *_ in found)


def test_the_web_looks_for_alarms_as_machines_ask_it_and_not_more_often_than_every_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[object] = []
    monkeypatch.setattr("dadc_site.inside.alarms.look", looks.append)
    for seconds, path in [(0, "/readyz"), (5, URL), (61, "/"), (62, URL), (63, "/readyz")]:
        monkeypatch.setattr(inside, "monotonic", lambda at=seconds: 10_000.0 + at)
        if not seconds:
            monkeypatch.setattr(inside, "_looked_at", 0.0)
        Client().get(path)
    assert len(looks) == 2


def test_a_worker_that_died_is_noticed_by_the_web(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "_looked_at", -inside.LOOKS_EVERY)
    Client().get("/readyz")
    assert Alarm.objects.filter(kind=Alarm.Kind.WORKERS).count() == 1
