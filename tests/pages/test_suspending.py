"""An admin's part of a person's page, badges on it, and the page of everything done by hand."""

import uuid
from typing import Any

import pytest
from django.test import Client

from collector.models import AdminAction, Attempt, ModerationPause, Person
from collector.people import suspensions
from tests.support.pages import Browse, Insert, text
from trainer.models import Contributor, Round, RoundModel, Sample, Split

ALICE = "/people/alice/"


@pytest.fixture
def sampled(alice: Person, insert: Insert, open_round: Round) -> Attempt:
    """alice's verified fool, which is a sample; another drawing of theirs waits."""
    contributor = Contributor.objects.create(id=alice.contributor, position=0, split=Split.TRAIN)
    attempt = insert(alice)
    Sample.objects.create(
        attempt=attempt.pk,
        contributor=contributor,
        pixels=attempt.pixels,
        sha256=attempt.pixels_sha256,
        label=4,
        has_fooled=True,
        round=open_round,
    )
    insert(alice, status="pending")
    return attempt


def test_an_admin_reads_what_a_suspension_takes_out_suspends_with_a_reason_and_takes_it_back(
    browse: Browse, ada: Person, sampled: Attempt
) -> None:
    client = browse(ada)
    assert "takes out 1 sample and 1 waiting drawing" in text(client.get(ALICE))
    refused = client.post(ALICE, {"do": "suspend", "suspend-why": ""})
    assert "This field is required" in text(refused)
    assert not AdminAction.objects.exists()
    done = text(client.post(ALICE, {"do": "suspend", "suspend-why": "Poison."}, follow=True))
    assert "alice is suspended; 1 sample withdrawn." in done
    assert "ada suspended alice: Poison." in done
    assert browse(None).get(ALICE).status_code == 404
    assert "alice" not in text(browse(None).get("/leaderboard/?period=all"))
    assert "suspended" in text(client.get("/people/"))
    done = text(client.post(ALICE, {"do": "reinstate", "reinstate-why": "A mistake."}, follow=True))
    assert "alice is back; 1 sample too." in done
    assert "alice" in text(browse(None).get("/leaderboard/?period=all"))


def test_only_admins_see_and_do_it(
    browse: Browse, alice: Person, bob: Person, mona: Person
) -> None:
    for person in (None, bob, mona, alice):
        client = browse(person)
        assert "Suspend" not in text(client.get(ALICE))
        assert client.post(ALICE, {"do": "suspend", "suspend-why": "Poison."}).status_code in (
            302,
            403,
        )
    assert not AdminAction.objects.exists()


def test_an_admin_is_offered_no_suspension_of_their_own(browse: Browse, ada: Person) -> None:
    assert "Suspend" not in text(browse(ada).get("/people/ada/"))
    assert (
        browse(ada).post("/people/ada/", {"do": "suspend", "suspend-why": "?"}).status_code == 403
    )
    assert browse(ada).post("/people/ada/", {"do": "delete"}).status_code == 400
    assert browse(ada).post("/people/nobody/", {"do": "suspend"}).status_code == 404


def measured(correct: int) -> dict[str, Any]:
    return {
        "n": 100,
        "correct": correct,
        "accuracy": correct / 100,
        "low": 0.5,
        "high": 0.99,
        "stand_in": True,
    }


def compare(
    client: Client, open_round: Round, paired: dict[str, Any], mine: int, theirs: int
) -> str:
    """Has a comparison of alice asked for and ended with these figures; what the page says."""
    model = RoundModel.objects.create(
        architecture="mnist_model", initial_model=open_round.model, state="promoted"
    )
    Sample.objects.update(first_trained_by=model)
    other = Contributor.objects.create(position=1, split=Split.TRAIN, id=uuid.uuid4())
    Sample.objects.create(
        attempt=uuid.uuid4(),
        contributor=other,
        pixels=b"",
        sha256="f" * 64,
        label=4,
        has_fooled=True,
        round=open_round,
        first_trained_by=model,
    )
    asked = client.post(ALICE, {"do": "ablate", "ablate-why": "I wonder."}, follow=True)
    assert "A model without alice is in training." in text(asked)
    assert "In training: 0 %" in text(asked)
    again = client.post(ALICE, {"do": "ablate", "ablate-why": "Still."}, follow=True)
    assert "one at a time" in text(again)
    report = {
        "sets": {"gate_base": measured(mine)},
        "their_sets": {"gate_base": measured(theirs)},
        "paired": {"gate_base": {"n": 100} | paired},
        "samples": [7, 8],
        "compared_with": model.pk,
    }
    RoundModel.objects.filter(state="training").update(
        state="ablated", report=report, finished_at=open_round.opened_at
    )
    return text(client.get(ALICE))


@pytest.mark.parametrize(
    ("paired", "said"),
    [
        (
            {"gained": 12, "lost": 1, "p": 0.0034},
            "Without alice it reads clearly more of: base images.",
        ),
        (
            {"gained": 0, "lost": 20, "p": 0.0000019},
            "Without alice it reads clearly less of: base images.",
        ),
        ({"gained": 2, "lost": 1, "p": 1.0}, "No set shows a clear difference"),
    ],
)
def test_both_models_stand_side_by_side_with_what_it_means(
    browse: Browse,
    ada: Person,
    sampled: Attempt,
    open_round: Round,
    paired: dict[str, Any],
    said: str,
) -> None:
    page = compare(browse(ada), open_round, paired, 90, 79)
    p = "< 0.001" if paired["p"] < 0.001 else f"{paired['p']:.3f}"
    assert said in page
    figures = "90.0 % (50.0–99.0) 79.0 % (50.0–99.0)"
    figures = f"{figures} {paired['gained']} {paired['lost']} {p}"
    assert f"Base images 100 stand-in images {figures}" in page
    assert "Trained on 7 samples, the model with alice on 8" in page
    for stranger in (None, Person.objects.get(username="alice")):
        assert "without alice" not in text(browse(stranger).get(ALICE)).lower()
    assert "ablated" not in text(browse(None).get("/rounds/"))


def test_a_failed_comparison_says_why_on_their_page_and_not_as_a_failed_training_on_the_desk(
    browse: Browse, ada: Person, alice: Person, open_round: Round
) -> None:
    RoundModel.objects.create(
        architecture="mnist_model",
        initial_model=open_round.model,
        state="failed",
        left_out_contributor=alice.contributor,
        reasons=["Out of memory."],
    )
    assert "Out of memory." in text(browse(ada).get(ALICE))
    assert "Out of memory." not in text(browse(ada).get("/desk/"))


def test_what_was_done_by_hand_is_linked_from_the_desk_and_names_who_and_why(
    browse: Browse, ada: Person, alice: Person
) -> None:
    client = browse(ada)
    assert "Nothing yet" in text(client.get("/admin-log/"))
    assert 'href="/admin-log/"' in client.get("/desk/").content.decode()
    suspensions.suspend(alice, ada, "<b>Poison</b>")
    page = client.get("/admin-log/")
    assert "ada suspended alice" in text(page)
    assert "&lt;b&gt;Poison" in page.content.decode()
    for n in range(60):
        AdminAction.objects.create(admin=ada, kind="resumed", person=alice, why=f"reason {n}")
    assert "reason 59" in text(client.get("/admin-log/"))
    assert "Poison" not in text(client.get("/admin-log/"))
    assert "Poison" in text(client.get("/admin-log/?page=2"))
    assert "61 actions" in text(client.get("/admin-log/?page=x"))


def test_badges_are_shown_to_everybody_and_what_is_next_to_oneself(
    browse: Browse, alice: Person, bob: Person, insert: Insert
) -> None:
    insert(alice)
    for path in (ALICE, "/drawings/"):
        page = text(browse(alice).get(path))
        assert "First trick" in page
        assert "Pioneer" in page
        assert "Still missing: 0, 1, 2, 3, 5, 6, 7, 8, 9" in page
        assert "1 day in a row, and going on." in page
    page = text(browse(bob).get(ALICE))
    assert "First trick" in page
    assert "Still missing" not in page
    assert "in a row, and going on" not in page
    assert "First trick A first verified trick. None yet." in text(browse(bob).get("/drawings/"))


def test_djangos_admin_neither_switches_people_off_nor_changes_a_role(
    browse: Browse, ada: Person, alice: Person
) -> None:
    path = f"/admin/collector/person/{alice.pk}/change/"
    given = {"username": "alice", "email": "", "role": "moderator", "is_active": ""}
    assert browse(ada).post(path, given).status_code == 302
    alice.refresh_from_db()
    assert (alice.is_active, alice.role) == (True, "crowdworker")
    assert not AdminAction.objects.filter(kind="role").exists()


def test_acts_and_suspensions_can_be_read_in_djangos_admin_and_not_changed(
    browse: Browse, ada: Person, alice: Person
) -> None:
    act = AdminAction.objects.create(admin=ada, kind="resumed", person=alice, why="Sorry.")
    held = ModerationPause.objects.create(person=alice, agreed_count=1, settled_count=40)
    for name, row in (("adminaction", act), ("moderationpause", held)):
        assert "alice" in browse(ada).get(f"/admin/collector/{name}/").content.decode()
        assert (
            browse(ada).post(f"/admin/collector/{name}/{row.pk}/change/", {"why": "?"}).status_code
            == 403
        )
