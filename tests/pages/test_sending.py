"""How pages are sent, their times and small files; and that the API's examples work when tried."""

import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from PIL import Image

from collector.data import exports
from collector.models import Attempt, Person
from collector.people import notices
from collector.views.parts import pictures
from tests.support.pages import Browse, Insert, text
from trainer import samples
from trainer.models import Sample

ASKED = {"HTTP_ACCEPT_ENCODING": "gzip"}


def test_pages_are_compressed_and_kept_by_no_browser_and_answers_of_the_api_are_not() -> None:
    page = Client().get("/", **ASKED)  # type: ignore[arg-type]
    assert page["Content-Encoding"] == "gzip"
    assert b"<!doctype html>" in gzip.decompress(page.content)
    assert len(page.content) < len(gzip.decompress(page.content)) / 2
    assert page["Cache-Control"] == "private, no-store"
    assert "Accept-Encoding" in page["Vary"]
    assert "Content-Encoding" not in Client().get("/")
    rounds = Client().get("/api/rounds/", **ASKED)  # type: ignore[arg-type]
    assert "Content-Encoding" not in rounds


def test_a_compressed_page_is_never_of_one_length() -> None:
    """Nobody finds out by its length what stands in it."""
    sent = {len(Client().get("/accounts/sign-in/", **ASKED).content) for _ in range(20)}  # type: ignore[arg-type]
    assert len(sent) > 5


def test_a_browser_that_asks_for_favicon_ico_gets_one() -> None:
    answer = Client().get("/favicon.ico")
    assert answer.status_code == 302
    assert re.fullmatch(r"/static/img/favicon(\.[0-9a-f]+)?\.ico", answer["Location"])
    shipped = Path(__file__).resolve().parents[2] / "static/img/favicon.ico"
    with Image.open(shipped) as icon:
        assert icon.info["sizes"] >= {(16, 16), (32, 32)}


def test_times_without_scripts_are_in_utc_and_say_so(browse: Browse, ada: Person) -> None:
    told = browse(ada).get("/rounds/1/").content.decode()
    assert re.search(r'<time datetime="[^"]+\+00:00">\d+ \w+ \d{4}, \d\d:\d\d UTC</time>', told)
    people = browse(ada).get("/people/").content.decode()
    assert re.search(
        r'<time datetime="[^"]+" data-month="short" title="\d\d:\d\d UTC">\d+ \w{3} \d{4}', people
    )


@pytest.mark.parametrize(("predicted", "models"), [(9, "9"), (4, "0")])
def test_amber_is_ones_own_digit_and_blue_the_models(
    browse: Browse, alice: Person, insert: Insert, predicted: int, models: str
) -> None:
    attempt = insert(alice, 4, predicted)
    told = text(browse(alice).get(reverse("drawing", args=[attempt.pk])))
    assert f"Amber ink spoke for 4, blue for {models}" in told


def test_nobody_is_told_that_a_one_was_taken_for_a_one(alice: Person, insert: Insert) -> None:
    notices.notify_settled(insert(alice, 1, 1, status="rejected"))
    [told] = alice.notices.values_list("text", flat=True)
    assert told.startswith("Your 1, which the model read as 1. ")


@pytest.mark.parametrize("has_fooled", [True, False])
def test_the_ink_that_spoke_for_ones_own_digit_is_amber(has_fooled: bool) -> None:
    pixels = bytes([255] * 784)
    for_what_it_said = np.full((28, 28), 1.0)
    png = pictures.attribution_png(pixels, for_what_it_said, has_fooled=has_fooled)
    red, _, blue = Image.open(io.BytesIO(png)).convert("RGB").getpixel((14, 14))  # type: ignore[misc]
    assert (red < blue) is has_fooled


def test_export_samples_writes_the_file_that_it_was_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ['{"a": 1}\r\n', '{"a": 2}\r\n']
    monkeypatch.setattr(exports, "stream", lambda form: (iter(lines), "text/csv"))
    call_command("export_samples", form="csv", out=tmp_path / "samples.csv")
    assert (tmp_path / "samples.csv").read_bytes() == "".join(lines).encode()
    with pytest.raises(CommandError, match="nothing is written over"):
        call_command("export_samples", out=tmp_path / "samples.csv")
    assert (tmp_path / "samples.csv").read_bytes() == "".join(lines).encode()
    with pytest.raises(CommandError, match="nowhere"):
        call_command("export_samples", out=tmp_path / "nowhere" / "samples.jsonl")


def test_a_training_set_is_written_under_the_very_name_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = samples.Arrays(["a"], ["b"], np.zeros((1, 28, 28), np.uint8), np.array([4]))
    monkeypatch.setattr(samples, "arrays", lambda trained_on: arrays)
    monkeypatch.setattr(samples, "trained_on", lambda model: Sample.objects.none())
    call_command("export_samples", round=1, out=tmp_path / "round1.samples")
    with pytest.raises(CommandError, match="nothing is written over"):
        call_command("export_samples", round=1, out=tmp_path / "round1.samples")
    assert [path.name for path in tmp_path.iterdir()] == ["round1.samples"]
    with np.load(tmp_path / "round1.samples") as kept:
        assert list(kept["labels"]) == [4]


def examples() -> dict[str, Any]:
    """The body that the schema shows for each address that takes one."""
    schema = yaml.safe_load(Client().get(reverse("schema")).content)
    bodies = {
        path: asked["post"]["requestBody"]["content"]["application/json"]
        for path, asked in schema["paths"].items()
        if "requestBody" in asked.get("post", {})
    }
    return {path: next(iter(body["examples"].values()))["value"] for path, body in bodies.items()}


def test_each_example_of_the_api_works_when_tried(mona: Person) -> None:
    shown = examples()
    assert len(shown) == 6
    client = Client()

    def post(path: str, body: object, token: str = "") -> Any:
        headers = {"authorization": f"Token {token}"} if token else {}
        sent = client.post(path, json.dumps(body), "application/json", headers=headers)
        assert sent.status_code in (200, 201), (path, sent.content)
        return sent.json()

    post("/api/accounts/", shown.pop("/api/accounts/"))
    token = post("/api/tokens/", shown.pop("/api/tokens/"))["token"]
    post("/api/predictions/", shown.pop("/api/predictions/"), token)
    drawn = post("/api/attempts/", shown.pop("/api/attempts/"), token)
    another = (drawn["target_label"] + 1) % 10
    Attempt.objects.filter(pk=drawn["id"]).update(predicted_label=another)  # a trick
    reason = "/api/attempts/{id}/reason/"
    post(reason.replace("{id}", drawn["id"]), shown.pop(reason), token)
    mona_token = Client()
    mona_token.force_login(mona, backend="collector.people.accounts.Backend")
    given = mona_token.post("/api/assignments/").json()
    [(path, body)] = shown.items()
    answer = mona_token.post(
        path.replace("{id}", given["id"]), json.dumps(body), "application/json"
    )
    assert answer.status_code == 201
