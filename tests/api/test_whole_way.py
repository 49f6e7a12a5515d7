"""The whole loop through the API alone, on real processes, with the shipped weights and the default
settings, but for the steps of the training: a browser waits for all of these."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.penmanship import fooling
from tests.support.site import ROOT, Client, Site, reader, wait_for
from tests.support.trainings import A_FEW_STEPS, A_SHORT_TRAINER


def submit(drawer: Client, drawing: tuple[int, Any, int]) -> dict[str, Any]:
    label, strokes, width = drawing
    answer = drawer.post(
        "/api/attempts/", {"target_label": label, "strokes": strokes, "width": width}
    )
    assert answer.status == 201, answer
    body: dict[str, Any] = answer.body
    return body


@pytest.mark.parametrize(
    "database_kind", ["postgres"], indirect=True
)  # on SQLite a browser goes this way
def test_ten_drawings_that_fool_and_are_confirmed_open_round_two(
    make_site: Callable[..., Site], tmp_path: Path
) -> None:
    site = make_site()
    site.start("worker", "manage.py", "cluster")
    site.start("trainer", "-c", A_SHORT_TRAINER)
    drawer, moderator = site.person("alice"), site.person("mona", "moderator")
    drawn = [submit(drawer, drawing) for drawing in fooling(1, 10)]
    assert {(answer["fooled"], answer["status"], answer["round"]) for answer in drawn} == {
        (True, "pending", 1)
    }
    labels = {answer["id"]: answer["target_label"] for answer in drawn}

    read = 0
    while (assigned := moderator.post("/api/assignments/")).status == 201:
        assert set(assigned.body["attempt"]) == {"id", "strokes", "width", "pixels"}
        label = labels[assigned.body["attempt"]["id"]]
        answer = moderator.post(
            f"/api/assignments/{assigned.body['id']}/reading/", {"reading": str(label)}
        )
        assert (answer.status, answer.body) == (201, {})
        read += 1
    assert (assigned.status, read) == (204, 10)

    label, strokes, width = fooling(1, 10)[0]
    meanwhile = []

    def round_two() -> bool:
        now = site.current_round()
        if now["training"]:
            meanwhile.append(drawer.post("/api/predictions/", {"strokes": strokes, "width": width}))
        return bool(now["number"] == 2)

    wait_for(round_two, 150, "round 2")
    with reader(site.database_url) as query:  # by the trainer; a worker would wait two minutes
        [(told,)] = wait_for(lambda: query(TOLD), 60, "the drawer to be told")
    assert "learned from 10 drawings of yours" in told
    assert meanwhile, "no training was seen"
    assert {answer.status for answer in meanwhile} == {200}, (
        "drawing went on while the model was trained"
    )
    current = site.current_round()
    assert current["training"] is None
    assert current["due"] == {"have": 0, "need": 10}
    assert current["attempts"] == 0
    assert current["vmer"] is None
    assert current["report"]["sets"]["gate_base"]["accuracy"] > 0.97

    first = Client(site).get("/api/rounds/1/").body
    assert (first["state"], first["verified"], first["pending"], first["mer"], first["vmer"]) == (
        "closed",
        10,
        0,
        1,
        1,
    )
    fates = [attempt["fate"] for attempt in drawer.get("/api/attempts/").body["results"]]
    assert fates == ["Verified · trained into round 2"] * 10
    [line] = Client(site).get("/api/leaderboard/?period=all").body["results"]
    taken = Counter(
        (one["target_label"], one["predicted_label"])
        for one in drawer.get("/api/attempts/").body["results"]
    )
    credit = sum(min(n, 2) + max(n - 2, 0) / 2 for n in taken.values())
    assert line == {
        "rank": 1,
        "username": "alice",
        "credit": credit,
        "verified": 10,
        "attempts": 10,
        "pending": 0,
        "vmer": 1.0,
    }
    assert site.manage("verify") == "Everything agrees.\n"
    assert made_again(site, tmp_path) == site.python(SHA256_OF_ROUND_TWO)


TOLD = "SELECT text FROM collector_notice WHERE attempt_id IS NULL"
SHA256_OF_ROUND_TWO = """
from trainer.models import Round
print(Round.objects.get(number=2).model.weights.sha256)
"""


def made_again(site: Site, folder: Path) -> str:
    """The checksum of round 2's weights, trained anew from an export, without Django and without
    the site."""
    site.manage("export_samples", "--round", "2", "--out", str(folder / "round2.npz"))
    fit = [
        sys.executable,
        "-m",
        "trainer.learning",
        "fit",
        "--samples",
        "round2.npz",
        "--out",
        "round2.safetensors",
        "--steps",
        str(A_FEW_STEPS),
    ]
    subprocess.run(
        fit,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "DADC_MNIST_DIR": ""},
        check=True,
    )
    return hashlib.sha256((folder / "round2.safetensors").read_bytes()).hexdigest()
