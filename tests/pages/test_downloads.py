"""What a researcher takes along of the rounds, and how a drawing went through them."""

import csv
import hashlib
import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from collector.models import Person
from tests.support.models import open_round_of
from tests.support.pages import Browse, Insert, text
from trainer import target
from trainer.models import Round, RoundModel, Weights


@pytest.mark.survives(
    "the open round's weights",
    "403 until it closes",
)
def test_the_weights_are_those_that_were_served_once_the_round_is_closed_and_load_as_the_card_says(
    browse: Browse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = browse(None).get("/rounds/1/weights.safetensors")
    assert refused.status_code == 403
    assert "published when it closes" in text(refused)
    assert "are published when the round" in text(browse(None).get("/rounds/1/"))
    open_round_of(4)
    answer = browse(None).get("/rounds/1/weights.safetensors")
    assert answer["Content-Disposition"] == 'attachment; filename="round-1-mnist_model.safetensors"'
    card = browse(None).get("/rounds/1/card.md").content.decode()
    assert hashlib.sha256(answer.content).hexdigest() in card
    code = card.partition("```python")[2].partition("```")[0]
    (tmp_path / "round-1-mnist_model.safetensors").write_bytes(answer.content)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"pixels": np.zeros((1, 28, 28), np.uint8)}
    exec(code, names)
    assert names["probabilities"].argmax() == 9


@pytest.mark.survives(
    "damaged weights, to download",
    "not given away",
)
def test_damaged_weights_are_not_given_away(browse: Browse, open_round: Round) -> None:
    open_round_of(4)
    Weights.objects.update(data=b"damaged")
    assert browse(None).get("/rounds/1/weights.safetensors").status_code == 503


def test_the_card_says_what_it_is_made_of_and_every_figure(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    insert(alice)
    insert(alice, status="pending")
    card = browse(None).get("/rounds/1/card.md").content.decode()
    assert "| base images | 99.0 % (98.0–99.5) | 1,000 stand-in images |" in card
    assert "| MNIST’s test set | – | not measured here |" in card
    assert "2 of 2 drawings fooled it, 1 verified, 1 waiting; vMER 100.0 % (1 of 1 decided)" in card
    assert "alice" not in card


def test_the_history_has_a_line_a_round_with_counts_and_intervals(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    insert(alice)
    insert(alice, 9, 9, "not_fooled")
    open_round_of(3)
    content = browse(None).get("/rounds/history.csv").getvalue().decode()
    first, second = csv.DictReader(io.StringIO(content))
    assert (first["round"], first["state"], second["round"], second["state"]) == (
        "1",
        "closed",
        "2",
        "open",
    )
    assert (first["vmer_count"], first["vmer_of"], first["vmer_value"]) == ("1", "2", "0.5")
    assert 0 < float(first["vmer_low"]) < 0.5 < float(first["vmer_high"]) < 1
    assert (second["vmer_of"], second["vmer_value"]) == ("0", "")


def test_a_rounds_page_says_how_to_cite_it(browse: Browse, open_round: Round) -> None:
    page = text(browse(None).get("/rounds/1/"))
    assert Weights.objects.get().sha256 in page
    assert "http://testserver/rounds/1/" in page
    assert "Trained on base data alone" in page


def test_a_rounds_page_and_card_say_what_its_training_took(
    browse: Browse, open_round: Round
) -> None:
    model = open_round.model
    assert "It took" not in text(browse(None).get("/rounds/1/"))
    model.report = {**(model.report or {}), "cost": {"seconds": 5.7, "peak_memory": 411_500_000}}
    model.save()
    told = "6 seconds, and 412 MB of memory at most"
    assert f"It took {told}." in text(browse(None).get("/rounds/1/"))
    card = browse(None).get("/rounds/1/card.md").content.decode()
    assert f"| training took | {told} |\n| started from |" in card
    model.report["cost"]["seconds"] = 210.2
    model.save()
    assert "It took 3 minutes, and" in text(browse(None).get("/rounds/1/"))


@pytest.mark.parametrize("path", ["/fools/{}/", "/drawings/{}/"])
def test_a_drawing_goes_through_the_models_of_all_rounds(
    browse: Browse, alice: Person, insert: Insert, path: str
) -> None:
    target.forget()
    fool = insert(alice)
    page = browse(alice)
    assert "What each round’s model reads" not in text(page.get(path.format(fool.pk)))
    open_round_of(4)
    open_round_of(5)
    told = text(page.get(path.format(fool.pk))).partition("What each round’s model reads")[2]
    told = told.replace(" , ", ", ").replace(", > 99 %", "")
    assert told.startswith(" Round 1 9, wrongly Round 2 4, correctly Round 3 5, wrongly ")


def test_a_round_whose_weights_are_damaged_is_left_out(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    target.forget()
    fool = insert(alice)
    damaged = open_round_of(4)
    open_round_of(4)
    Weights.objects.filter(model=damaged.model).update(data=b"damaged")
    told = text(browse(None).get(f"/fools/{fool.pk}/"))
    assert "Round 1 9 , wrongly, > 99 % Round 3 4 , correctly" in told


def test_two_hundred_rounds_are_one_list_of_the_newest_sixty(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    target.forget()
    fool = insert(alice)
    now, first, newest = timezone.now(), Round.objects.get(), 200
    Round.objects.bulk_create(
        Round(number=number, model=first.model, opened_at=now, state="closed", closed_at=now)
        for number in range(2, 201)
    )
    told = browse(None).get(f"/fools/{fool.pk}/").content.decode()
    shown = [
        number
        for number in range(1, newest + 1)
        if re.search(rf'/rounds/{number}/">\s*<span class="visually-hidden">', told)
    ]
    assert shown == list(range(newest - 59, newest + 1))


def test_the_desk_tells_the_state_of_everything(
    browse: Browse, ada: Person, alice: Person, bob: Person, insert: Insert
) -> None:
    now = timezone.now()
    insert(alice, status="pending", submitted_at=now - timedelta(hours=3), needed_reading_count=2)
    insert(bob, submitted_at=now - timedelta(days=2))
    desk = text(browse(ada).get("/desk/"))
    assert "waiting to be read, the oldest for 3 hours 1" in desk
    assert "drawn by 1 person in the last 24 hours 1" in desk
    assert "readings by 0 moderators in the last 24 hours 0" in desk
    assert "signed up in the last 24 hours 3" in desk
    assert "last sign of life, any trainer never" in desk
    assert "No sign of life from any worker or from any trainer." in desk


def test_a_training_says_how_long_it_still_takes(
    browse: Browse, ada: Person, open_round: Round
) -> None:
    begun = timezone.now() - timedelta(minutes=2)
    model = RoundModel.objects.create(
        architecture="mnist_model", initial_model=open_round.model, progress=0.25
    )
    RoundModel.objects.filter(pk=model.pk).update(created_at=begun)
    assert "In training: 25 %, about 6 minutes left" in text(browse(ada).get("/desk/"))
    RoundModel.objects.filter(pk=model.pk).update(progress=0.05)
    assert "In training: 5 % " in (told := text(browse(ada).get("/desk/")))
    assert "left" not in told
