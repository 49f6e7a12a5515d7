"""The page of connections; the try-out that other sites may frame; the feed of rounds."""

import re
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.urls import reverse
from django.utils import timezone

from collector.data import webhooks
from collector.models import Delivery, Person, Study, StudyChange, Webhook
from collector.study import settings as study_settings
from tests.support.models import add_model
from tests.support.pages import Browse, Insert, text
from trainer import rounds
from trainer.models import Round

URL = "https://hooks.example/in?key=z"
ALL = {f"hook-{event}": "on" for event in Webhook.Event.values}
ATOM = "{http://www.w3.org/2005/Atom}"


def page() -> str:
    return reverse("connections")


def secrets_on(answer: Any) -> list[str]:
    return re.findall(r"whsec_[A-Za-z0-9+/=]+", answer.content.decode().replace("whsec_…", ""))


@pytest.fixture
def hook(ada: Person) -> Webhook:
    webhooks.add(ada, URL, Webhook.Event.values)
    return Webhook.objects.get()


def press(client: Any, do: str, hook: Webhook, **more: str) -> Any:
    return client.post(page(), {"do": do, "hook": str(hook.pk), **more}, follow=True)


def test_a_webhook_is_added_and_its_secret_shown_once(browse: Browse, ada: Person) -> None:
    client = browse(ada)
    assert "None yet" in text(client.get(page()))
    answer = client.post(page(), {"do": "add", "hook-url": URL, **ALL})
    [secret] = secrets_on(answer)
    [opened] = webhooks.secrets_of(Webhook.objects.get(), timezone.now())
    assert secret == opened
    again = client.get(page())
    assert secrets_on(again) == []
    assert "hooks.example" in text(again)
    assert "a drawing settled, a round opened, a training failed" in text(again)
    assert "ada set webhook from nothing to “hooks.example”." in text(
        client.get(reverse("admin_log"))
    )


def test_pressed_twice_it_is_added_once_and_the_second_press_says_so(
    browse: Browse, ada: Person
) -> None:
    client = browse(ada)
    given = {"do": "add", "hook-url": URL, **ALL}
    client.post(page(), given)
    second = client.post(page(), given, follow=True)
    assert "There is a webhook with this address already." in text(second)
    assert Webhook.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"hook-url": "http:/x"}, "An address is"),
        (
            {"hook-url": "https://127.0.0.1/"},
            "This address is on this machine or",
        ),
        ({"hook-url": URL, **dict.fromkeys(ALL, "")}, "Choose what it is told of."),
        ({"hook-url": ""}, "This field is required."),
    ],
)
def test_what_is_wrong_with_a_webhook_stands_in_its_form(
    given: dict[str, str], said: str, browse: Browse, ada: Person
) -> None:
    answer = browse(ada).post(page(), {"do": "add", **ALL, **given})
    assert answer.status_code == 200
    assert said in text(answer)
    assert not Webhook.objects.exists()


def test_a_test_a_pause_and_what_waits_are_seen(browse: Browse, ada: Person, hook: Webhook) -> None:
    client = browse(ada)
    assert "A test is on its way." in text(press(client, "test", hook))
    assert "1 event waits" in text(client.get(page()))
    assert "paused" in text(press(client, "pause", hook))
    assert "It is paused, and is sent nothing." in text(press(client, "test", hook))
    assert "Resume" in text(client.get(page()))
    press(client, "resume", hook)
    Delivery.objects.update(
        ended_at=timezone.now(), is_given_up=True, trouble="slow", try_count=13, took_ms=10_004
    )
    seen = text(client.get(page()))
    assert "1 was given up" in seen
    assert "given up It gave no answer in time." in seen
    assert "10,004 ms" in seen
    assert "1 event is sent again." in text(press(client, "again", hook))
    assert "The webhook is removed." in text(press(client, "remove", hook))
    assert "There is no such webhook" in text(press(client, "remove", hook))


def test_a_new_secret_is_shown_once_and_made_once(
    browse: Browse, ada: Person, hook: Webhook
) -> None:
    client = browse(ada)
    [seen] = re.findall(r'name="seen" value="([^"]*)"', client.get(page()).content.decode())
    given = {"do": "renew", "hook": str(hook.pk), "seen": seen}
    first, second = client.post(page(), given), client.post(page(), given, follow=True)
    assert len(secrets_on(first)) == 1
    assert secrets_on(second) == []
    assert "A new secret was made meanwhile" in text(second)


def test_address_and_events_are_changed_in_place_and_what_was_given_up_can_follow(
    browse: Browse, ada: Person, hook: Webhook
) -> None:
    client, moved = browse(ada), "https://new.example/in"
    press(client, "test", hook)
    Delivery.objects.update(ended_at=timezone.now(), is_given_up=True)
    Webhook.objects.update(due_at=timezone.now() + timedelta(hours=1))
    name = f"hook-{hook.pk}"
    wanted = {f"{name}-{event}": "on" for event in ("attempt.settled", "study.ended")}
    assert "Saved." in text(press(client, "change", hook, **{f"{name}-url": moved}, **wanted))
    now = Webhook.objects.get()
    assert (now.pk, now.secret, now.url, now.due_at) == (hook.pk, hook.secret, moved, None)
    assert now.events == ["attempt.settled", "study.ended"]
    assert "1 event is sent again." in text(press(client, "again", hook))
    log = text(client.get(reverse("admin_log")))
    assert "from “hooks.example” to “new.example”." in log
    assert "from “new.example” to “attempt.settled, study.ended”." in log


def test_a_webhook_is_removed_for_good_only_from_where_that_is_told(
    browse: Browse, ada: Person, hook: Webhook
) -> None:
    shown = browse(ada).get(page()).content.decode()
    [told] = re.findall(r'<details class="help">(?:(?!</details>).)*value="remove"', shown, re.S)
    assert "Its secret goes for good" in told
    assert shown.count('value="remove"') == 1


def test_of_an_old_page_of_a_webhook_only_what_was_changed_is_saved(
    browse: Browse, ada: Person, hook: Webhook
) -> None:
    name = f"hook-{hook.pk}"
    shown = {f"initial-{name}-url": URL, f"{name}-url": URL}
    for event in Webhook.Event.values:
        shown |= {f"initial-{name}-{event}": "True", f"{name}-{event}": "on"}
    webhooks.change(ada, hook.pk, "https://new.example/in", {"round.opened": False})
    shown.pop(f"{name}-training.failed")
    press(browse(ada), "change", hook, **shown)
    now = Webhook.objects.get()
    assert now.url == "https://new.example/in"
    assert now.events == ["attempt.settled", "study.ended"]


@pytest.mark.parametrize(
    ("url", "said"),
    [("http:/x", "An address is"), ("", "This field is required.")],
)
def test_what_is_wrong_with_a_webhooks_change_stands_in_its_form(
    url: str, said: str, browse: Browse, ada: Person, hook: Webhook
) -> None:
    name = f"hook-{hook.pk}"
    wanted = {f"{name}-{event}": "on" for event in Webhook.Event.values}
    answer = press(browse(ada), "change", hook, **{f"{name}-url": url}, **wanted)
    assert said in text(answer)
    assert b'<details class="help" open>' in answer.content
    nothing = press(browse(ada), "change", hook, **{f"{name}-url": URL})
    assert "Choose what it is told of." in text(nothing)
    assert Webhook.objects.get().url == URL


def test_a_webhook_is_not_led_to_where_another_leads(
    browse: Browse, ada: Person, hook: Webhook
) -> None:
    webhooks.add(ada, "https://other.example/", ["round.opened"])
    name = f"hook-{hook.pk}"
    wanted = {f"{name}-{event}": "on" for event in Webhook.Event.values}
    answer = press(
        browse(ada), "change", hook, **{f"{name}-url": "https://other.example/"}, **wanted
    )
    assert "There is a webhook with this address already." in text(answer)
    assert Webhook.objects.get(pk=hook.pk).url == URL


def test_of_an_event_that_is_chosen_later_nothing_that_was_before_is_told(
    ada: Person, open_round: Round
) -> None:
    webhooks.add(ada, URL, ["attempt.settled"])
    Webhook.objects.update(resumed_at=timezone.now() - timedelta(days=2))
    webhooks.change(ada, Webhook.objects.get().pk, None, {"round.opened": True})
    webhooks.note_what_happened()
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("hook_id", ["", "x", "0" * 300, "00000000-0000-4000-8000-000000000000"])
def test_a_button_of_no_webhook_is_refused(hook_id: str, browse: Browse, ada: Person) -> None:
    answer = browse(ada).post(page(), {"do": "test", "hook": hook_id})
    assert answer.status_code == 404


def test_what_was_told_comes_in_pages(browse: Browse, ada: Person, hook: Webhook) -> None:
    for _ in range(30):
        webhooks.test(ada, hook.pk)
    assert browse(ada).get(page()).content.count(b'<th scope="row"') == 25
    assert browse(ada).get(page() + "?page=2").content.count(b'<th scope="row"') == 5


# In other sites' pages

TWO = "https://lab.example https://blog.example:8443"


def csp(answer: Any) -> str:
    return str(answer["Content-Security-Policy"])


def test_nobody_may_frame_anything_unless_an_admin_names_them(
    browse: Browse, ada: Person, open_round: Round
) -> None:
    assert browse(None).get(reverse("embed")).status_code == 404
    client = browse(ada)
    given = {
        "do": "embed",
        "embed-embed_origins": "HTTPS://Lab.Example:443  https://blog.example:8443",
    }
    client.post(page(), given)
    assert Study.current().embed_origins == TWO
    answer = browse(None).get(reverse("embed"))
    assert answer.status_code == 200
    assert csp(answer).endswith(f"; frame-ancestors {TWO}")
    assert csp(answer).count("frame-ancestors") == 1
    assert "X-Frame-Options" not in answer
    assert not answer.cookies
    for other in ("home", "try_out", "sign_in", "rounds", "gallery"):
        usual = browse(None).get(reverse(other))
        assert csp(usual).endswith("; frame-ancestors 'none'")
        assert usual["X-Frame-Options"] == "DENY"
    assert csp(client.get(page())).endswith("; frame-ancestors 'none'")
    shown = client.get(page()).content.decode()
    assert "&lt;iframe src=&quot;http://testserver/embed/&quot;".replace("&quot;", '"') in shown
    assert StudyChange.objects.get().after == TWO
    client.post(page(), {"do": "embed", "embed-embed_origins": ""})
    assert browse(None).get(reverse("embed")).status_code == 404


@pytest.mark.parametrize(
    "given",
    [
        "*",
        "https://*",
        "https://*.example",
        "https:",
        "lab.example",
        "https://lab.example/",
        "https://lab.example/page",
        "https://lab.example;script-src *",
        "https://lab.example 'self'",
        "https://lab.example, https://blog.example",
        "https://user@lab.example",
        "https://lab.example:0",
        "https://lab.example:99999",
        "https://lab.exämple",
        "https://lab_.example",
        "https://[::1]",
        "null",
        "data:",
        "ftp://lab.example",
        "https://" + "x" * 500 + ".example",
    ],
)
def test_what_is_no_origin_is_refused_with_a_sentence(
    given: str, browse: Browse, ada: Person
) -> None:
    answer = browse(ada).post(page(), {"do": "embed", "embed-embed_origins": given})
    assert answer.status_code == 200
    assert "Origins are" in text(answer)
    assert Study.current().embed_origins == ""


def test_an_open_site_is_framed_by_tls_alone(ada: Person, settings: Any) -> None:
    study_settings.change(ada, embed_origins="http://localhost:9000")
    settings.LOCAL = False
    with pytest.raises(Exception, match="Origins are"):
        study_settings.change(ada, embed_origins="http://lab.example")


# The feed


def feed(client: Any, **headers: str) -> Any:
    return client.get(reverse("rounds_feed"), headers=headers)


def entries(answer: Any) -> list[dict[str, str]]:
    root = ElementTree.fromstring(answer.content)
    return [
        {
            "id": entry.findtext(f"{ATOM}id", ""),
            "title": entry.findtext(f"{ATOM}title", ""),
            "summary": entry.findtext(f"{ATOM}summary", ""),
            "link": entry.find(f"{ATOM}link").attrib["href"],  # type: ignore[union-attr]
        }
        for entry in root.findall(f"{ATOM}entry")
    ]


def test_the_feed_tells_each_round_and_its_ids_stay(
    browse: Browse, alice: Person, insert: Insert, open_round: Round
) -> None:
    [one] = entries(feed(browse(None)))
    assert one["title"] == "Round 1 is open"
    assert one["link"] == "http://testserver/rounds/1/"
    insert(alice)
    model = add_model(8)
    rounds.open_next(model)
    elsewhere = browse(None).get(reverse("rounds_feed"), headers={"host": "localhost"}, secure=True)
    two, again = entries(elsewhere)
    assert again["id"] == one["id"] != two["id"]
    assert (two["title"], again["title"]) == ("Round 2 is open", "Round 1 is over")
    assert again["link"] == "https://localhost/rounds/1/"
    assert "1 drawing; vMER 100.0 %" in again["summary"]
    assert elsewhere["Content-Type"].startswith("application/atom+xml")


def test_who_has_the_feed_as_it_is_gets_a_304(browse: Browse, open_round: Round) -> None:
    first = feed(browse(None))
    same = feed(browse(None), if_none_match=first["ETag"])
    assert (same.status_code, same.content) == (304, b"")
    assert not first.has_header("Last-Modified"), "a late reading changes it, and no time in it"
    Round.objects.update(opened_at=timezone.now() + timedelta(minutes=1))
    assert feed(browse(None), if_none_match=first["ETag"]).status_code == 200


def test_the_rounds_page_names_the_feed(browse: Browse, open_round: Round) -> None:
    head = browse(None).get(reverse("rounds")).content.decode().partition("</head>")[0]
    assert 'rel="alternate" type="application/atom+xml"' in head
    assert reverse("rounds_feed") in head
