"""What people of several arms get from pages and the API: the same but for the verdict, and in an
arm without one nothing of it, anywhere."""

import json
import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from collector.data import exports
from collector.models import Attempt, Person, Study
from collector.study import settings as study_settings
from tests.support import penmanship
from tests.support.cast import ARMS, add_person, put, read, submit
from tests.support.models import add_model
from tests.support.pages import Browse, text
from trainer import candidates, rounds, samples, target
from trainer.models import Arm, Contributor, Round, RoundModel, Weights

[(_, STROKES)] = penmanship.drawings(6, 1)
VERDICT = ("predicted_label", "probabilities", "fooled")
# What pages say where there is a verdict, and what is different for each answer or person.
ONE_TIME = re.compile(
    rb'(?<=name="csrfmiddlewaretoken" value=")\w+|nonce-[\w+/=-]+|(?<=nonce=")[\w+/=-]+'
    rb"|(?<=X-Request-Id: )[0-9a-f]{16}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    rb'|\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)|, \d\d:\d\d|"now": \d+|\w+-drawer'
)


# That it was read ends this; every drawing of such an arm is.
TAKING_BACK = re.compile(
    rb'<div id="retract".*?</div>|<script type="module" src="[^"]*/drawing[.\w]*js"></script>',
    re.DOTALL,
)


@pytest.fixture(autouse=True)
def several(open_round: object, ada: Person) -> None:
    study_settings.change(ada, arms=ARMS)
    Study.objects.update(audit_share=1.0, gold_share=0.0, round_size=1000)


@pytest.fixture
def people() -> dict[str, Person]:
    return {arm: put(add_person(f"{arm}-drawer"), arm) for arm in Arm.values}


def draw(client: Client, label: int = 4) -> dict[str, Any]:
    """What the API answers to the same drawing, which the model reads as a 9."""
    body = {"target_label": label, "strokes": STROKES}
    answer = client.post("/api/attempts/", json.dumps(body), content_type="application/json")
    assert answer.status_code == 201
    told: dict[str, Any] = answer.json()
    return told


def sent(answer: HttpResponseBase) -> bytes:
    """An answer, but for ids, times, names and what is made at random for each alone."""
    body = b"".join(answer) if answer.streaming else answer.content  # type: ignore[attr-defined]
    body = re.sub(rb"\s+", b" ", TAKING_BACK.sub(b"", body))
    return b"%d\n%s" % (answer.status_code, ONE_TIME.sub(b"*", body))


@pytest.mark.parametrize("label", [4, 9])
def test_who_is_told_no_verdict_is_told_none_by_the_api(
    people: dict[str, Person], browse: Browse, mona: Person, label: int
) -> None:
    client = browse(people["none"])
    told = draw(client, label)
    assert [told[name] for name in VERDICT] == [None] * 3
    assert told["status"] == "pending"
    address = f"/api/attempts/{told['id']}/"
    before = client.get(address).json()
    read(mona, str(label), Attempt.objects.get(pk=told["id"]))
    assert client.get(address).json() == before
    assert client.get("/api/attempts/").json()["results"][0].items() <= before.items()
    own = json.loads("".join(exports.own(people["none"])))["drawings"][0]
    assert (own["predicted_label"], own["probabilities"], own["credit"]) == (None, None, 0.0)
    asked = client.post("/api/predictions/", {"strokes": STROKES}, content_type="application/json")
    assert (asked.status_code, asked.json()["error"]["code"]) == (403, "no_verdict")


def test_what_fooled_and_what_did_not_are_the_same_to_who_is_told_no_verdict(
    people: dict[str, Person], browse: Browse, mona: Person
) -> None:
    """All pages and lists, before anybody has read the drawing and after."""
    other = put(add_person("other-drawer"), "none")
    seen = []
    for person, label in ((people["none"], 4), (other, 9)):
        client = browse(person)
        attempt = Attempt.objects.get(pk=draw(client, label)["id"])
        said = [sent(client.get(path)) for path in addresses(person, attempt)]
        read(mona, str(label), attempt)
        for path, before in zip(addresses(person, attempt), said, strict=True):
            assert sent(client.get(path)) == before, path
        seen.append([re.sub(rb"\b[49]\b|\b(nine|four)\b", b"D", each) for each in said])
        Attempt.objects.filter(pk=attempt.pk).update(
            status="retracted", is_audited=False, taken_back_at=None, credit=0
        )
    assert seen[0] == seen[1]


def addresses(person: Person, attempt: Attempt) -> list[str]:
    return [
        "/",
        "/draw/",
        "/draw/today/",
        "/drawings/",
        f"/drawings/{attempt.pk}/",
        f"/drawings/{attempt.pk}/attribution.png",
        f"/drawings/{attempt.pk}/card.png",
        f"/fools/{attempt.pk}/",
        f"/people/{person.username}/",
        "/notices/",
        "/gallery/",
        "/leaderboard/",
        "/leaderboard/?period=today",
        "/leaderboard/?period=all",
        "/rounds/",
        "/rounds/1/",
        "/api/attempts/",
        f"/api/attempts/{attempt.pk}/",
        "/api/rounds/",
        "/api/rounds/current/",
        "/api/leaderboard/",
    ]


def test_people_of_dynamic_and_static_get_the_same(
    people: dict[str, Person], browse: Browse
) -> None:
    seen = []
    for arm in ("dynamic", "static"):
        client = browse(people[arm])
        attempt = Attempt.objects.get(pk=draw(client)["id"])
        pages = [sent(client.get(path)) for path in addresses(people[arm], attempt)]
        seen.append(pages)
    for one, other, path in zip(*seen, addresses(people["static"], attempt), strict=True):
        assert one == other, path
        assert b"static" not in one.replace(b"/static/", b""), path


def test_a_page_without_a_verdict_thanks_and_has_no_bars_and_no_challenge(
    people: dict[str, Person], browse: Browse
) -> None:
    client = browse(people["none"])
    assert b"Draw a digit." in client.get("/draw/").content
    draw(client)
    page = client.get("/draw/").content.decode()
    assert "Thank you: drawing 1 of today." in page
    studio = page.lower().partition('id="studio"')[2].partition("</main>")[0]
    for word in ("bars", "challenge", "fool", "badge", "trick", "model"):
        assert word not in studio, word
    assert client.get("/draw/today/").json()["thanks"] == "Thank you: drawing 1 of today."
    # A copy counts, which is one of an earlier fool: of none, it would be told that one fooled.
    copy = Attempt.objects.get(drawer=people["none"])
    copy.near_duplicate_of_id, copy.pk, copy.client_key = copy.pk, uuid4(), None
    copy.pixels_sha256 = "0" * 64
    copy.save(force_insert=True)
    assert client.get("/draw/today/").json()["thanks"] == "Thank you: drawing 2 of today."
    for arm in ("dynamic", "static"):
        assert 'id="bars"' in browse(people[arm]).get("/draw/").content.decode()


def test_who_is_told_no_verdict_is_promised_none_and_led_to_no_page_that_is_closed_to_them(
    people: dict[str, Person], browse: Browse
) -> None:
    client = browse(people["none"])
    page = client.get("/").content.decode()
    body = page.partition("</header>")[2]
    for words in ("fool", "machine", "model", "round"):
        assert words not in body.lower(), words
    for path in set(re.findall(r'<a [^>]*href="(/[^"#]*)"', page)):
        assert client.get(path).status_code == 200, path
    for arm in ("dynamic", "static"):
        assert "whether the model was fooled" in browse(people[arm]).get("/").content.decode()


def test_rounds_are_of_ones_own_arm_or_of_the_one_asked_for_and_admins_are_told_which(
    people: dict[str, Person], browse: Browse, ada: Person
) -> None:
    draw(browse(people["static"]))
    counts = {"": 0, "?arm=static": 1, "?arm=dynamic": 0}
    for query, n in counts.items():
        for path in ("/api/rounds/current/", "/api/rounds/1/"):
            assert Client().get(f"{path}{query}").json()["attempts"] == n
    own = browse(people["static"]).get("/api/rounds/current/").json()
    assert own["attempts"] == 1
    assert "arm" not in own
    assert browse(ada).get("/api/rounds/current/?arm=none").json()["arm"] == "none"
    for path in ("/api/rounds/", "/api/rounds/1/", "/api/leaderboard/", "/rounds/", "/rounds/1/"):
        assert Client().get(f"{path}?arm=none").status_code == 403
        assert Client().get(f"{path}?arm=other").status_code == 400


def test_a_plain_sites_current_round_has_no_arm(ada: Person, browse: Browse) -> None:
    Study.objects.update(arms="dynamic")
    assert "arm" not in browse(ada).get("/api/rounds/current/").json()


def test_admins_change_the_weights_on_the_desk_where_there_are_several_arms(
    ada: Person, browse: Browse
) -> None:
    desk = browse(ada)
    assert b"Arms and their weights" in desk.get("/desk/").content
    study = Study.current()
    given = {
        name: str(getattr(study, name))
        for name in (
            "architecture",
            "round_size",
            "quorum",
            "audit_share",
            "gold_share",
            "person_share",
            "licence",
        )
    }
    for asked, is_taken in (("dynamic:1,none:1", False), ("dynamic:1,static:1,none:3", True)):
        desk.post("/desk/", {"do": "study", **given, "arms": asked})
        assert (Study.current().arms == asked) is is_taken
    Study.objects.update(arms="dynamic")
    assert b"Arms and their weights" not in desk.get("/desk/").content


def test_on_the_desk_each_arm_is_trained_by_itself_and_a_held_candidates_arm_is_named(
    people: dict[str, Person], ada: Person, mona: Person, browse: Browse
) -> None:
    for person in people.values():
        read(mona, "4", submit(person, 4))
    Contributor.objects.update(split="train")
    desk = browse(ada)
    assert "Round 1 of the arm static is open" in text(desk.get("/desk/"))
    for arm in ("static", "none"):
        post = {"do": "train", "arm": arm, "seen_newest": candidates.newest(arm)}
        for _ in range(2):
            desk.post("/desk/", post)
        [started] = RoundModel.objects.filter(arm=arm)
        assert started.state == "training"
        assert samples.trained_on(started).count() == 1
        assert text(desk.get("/admin-log/")).count(f"to “now, {arm}”.") == 1
    assert desk.post("/desk/", {"do": "train", "arm": "other"}).status_code == 404
    assert not RoundModel.objects.filter(arm="dynamic", state="training").exists()
    RoundModel.objects.filter(arm="static").update(state="held")
    assert b'<span class="chip">static</span>' in desk.get("/desk/").content
    Study.objects.update(arms="dynamic")
    assert "of the arm" not in text(desk.get("/desk/"))


def test_readiness_asks_each_arms_target(people: dict[str, Person]) -> None:
    for arm in Arm.values:
        Round.objects.filter(arm=arm).update(model=add_model(4, arm=arm))
    assert Client().get("/readyz").json()["target"] == "ok"
    for arm in Arm.values:
        target.forget()
        weights = Weights.objects.filter(model__rounds__arm=arm)
        [sha256] = weights.values_list("sha256", flat=True)
        weights.update(sha256="0" * 64)
        assert "is damaged" in Client().get("/readyz").json()["target"], arm
        weights.update(sha256=sha256)
        assert Client().get("/readyz").json()["target"] == "ok"


LINK = re.compile(r'href="((?:/(?:rounds|gallery|leaderboard|fools)/[^"#]*)|\?[^"#]+)"')


def test_pages_of_another_arm_lead_to_pages_of_that_arm(
    people: dict[str, Person], browse: Browse, mona: Person
) -> None:
    fool = submit(people["static"], 4)
    read(mona, "4", fool)
    for _ in range(30):
        rounds.open_next(add_model(4, arm="static"))
    client = browse(people["dynamic"])
    for address in (
        "/rounds/",
        "/rounds/1/",
        "/gallery/",
        "/gallery/?round=1",
        "/leaderboard/?period=all",
        f"/fools/{fool.pk}/",
    ):
        address += ("&" if "?" in address else "?") + "arm=static"
        page = client.get(address)
        assert page.status_code == 200, address
        main = page.content.decode().partition("<main")[2].partition("</main>")[0]
        links = set(LINK.findall(main))
        assert links, address
        assert not [link for link in links if "arm=static" not in link], address
        for link in links:
            path = unescape(link if link.startswith("/") else address.partition("?")[0] + link)
            assert client.get(path).status_code in (200, 403), path
    assert "arm=" not in client.get("/rounds/").content.decode()
    assert b"arm=" not in client.get("/gallery/?arm=%22%3E").content


def test_files_that_do_not_say_of_which_arm_are_of_ones_own(
    people: dict[str, Person], browse: Browse, mona: Person
) -> None:
    fool = submit(people["static"], 4)
    read(mona, "4", fool)
    rounds.open_next(add_model(4, arm="static"))
    for path, in_static, elsewhere in (
        (f"/fools/{fool.pk}/seen.png", 200, 404),
        (f"/fools/{fool.pk}/card.png", 200, 404),
        ("/rounds/2/card.md", 200, 404),
    ):
        assert browse(people["static"]).get(path).status_code == in_static, path
        for client in (Client(), browse(people["dynamic"])):
            assert client.get(path).status_code == elsewhere, path
    own = browse(people["static"]).get("/rounds/history.csv").getvalue()
    assert own == Client().get("/rounds/history.csv?arm=static").getvalue()
    assert own != Client().get("/rounds/history.csv").getvalue()


def test_the_feed_tells_what_a_stranger_sees(people: dict[str, Person], ada: Person) -> None:
    for arm in ("static", "none"):
        rounds.open_next(add_model(4, arm=arm))
    feed = Client().get(reverse("rounds_feed")).content.decode()
    assert feed.count("<entry>") == 1


def test_the_data_page_counts_the_arm_that_releases_are_of(
    people: dict[str, Person], browse: Browse, ada: Person, mona: Person
) -> None:
    for label, person in zip((4, 5, 7), people.values(), strict=True):
        read(mona, str(label), submit(person, label))
    page = text(browse(ada).get("/data/"))
    assert "no trick waiting 1 fooled the model" in page
    assert "verified tricks, 1 of 1 decided" in page
    assert "counts the arm dynamic alone" in page
    Study.objects.update(has_public_releases=True)
    assert "arm dynamic" not in text(browse(people["none"]).get("/data/"))
