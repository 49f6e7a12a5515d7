"""The gallery and the public page of a fool: who sees what, the best first, filters by plain links,
the card."""

import io
import re
import uuid
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from collector.models import Attempt, Person
from collector.views import gallery as views
from collector.views.parts import cards, charts, pictures
from tests.support.pages import Browse, Insert, text
from trainer import words
from trainer.models import Round

PUBLIC = ("fool", "fool_seen", "fool_card")


def sure(share: float, predicted: int = 9) -> list[float]:
    return [share if digit == predicted else (1 - share) / 9 for digit in range(10)]


def shown(answer: Any) -> list[str]:
    """The ids of the fools on a page, in their order."""
    return re.findall(r'class="gallery__item" href="/fools/([0-9a-f-]+)/"', answer.content.decode())


@pytest.fixture
def hidden(insert: Insert, alice: Person, bob: Person) -> dict[str, Attempt]:
    """One drawing of every kind that the public must not learn of; alice is listed, bob is whatever
    hides theirs."""
    original = insert(alice, 1, 7)
    kinds = {
        status: insert(alice, status=status)
        for status in ("pending", "corrected", "rejected", "ambiguous", "retracted")
    }
    kinds["not fooled"] = insert(alice, 2, 2, "not_fooled")
    kinds["copy"] = insert(alice, 1, 7, near_duplicate_of=original, credit=0)
    kinds["of MNIST"] = insert(alice, 1, 7, is_mnist_duplicate=True, credit=0)
    kinds["removed"] = insert(alice, removed_at=timezone.now())
    unlisted = Person.objects.create_user("ursula")
    kinds["unlisted"] = insert(unlisted)
    kinds["inactive"] = insert(bob)
    Person.objects.filter(pk=unlisted.pk).update(is_listed=False)
    Person.objects.filter(pk=bob.pk).update(is_active=False)
    return kinds


def test_what_is_not_public_is_as_absent_as_what_is_unknown(
    hidden: dict[str, Attempt], browse: Browse, alice: Person, ada: Person
) -> None:
    for who in (None, alice, ada):
        client = browse(who)
        for page in PUBLIC:
            unknown = client.get(reverse(page, args=[uuid.uuid4()]))
            assert unknown.status_code == 404
            for kind, attempt in hidden.items():
                answer = client.get(reverse(page, args=[attempt.pk]))
                assert answer.status_code == 404, (kind, page)
                assert text(answer) == text(unknown), (kind, page)


def test_no_public_list_shows_what_is_not_public(
    hidden: dict[str, Attempt], browse: Browse
) -> None:
    for path in ("/", "/gallery/", "/gallery/?round=1", "/rounds/1/", "/people/alice/"):
        page = browse(None).get(path)
        [only] = shown(page)
        assert only not in {str(attempt.pk) for attempt in hidden.values()}, path
        assert page.content.decode().count('class="took"') == 1, path
    assert "1 drawing" in text(browse(None).get("/gallery/"))


def test_a_fool_has_a_page_for_everybody_with_all_that_is_public_of_it(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    fool = insert(alice)
    answer = browse(None).get(reverse("fool", args=[fool.pk]))
    page = text(answer)
    assert "You say 4 . It says 9 ." in page
    assert "a 9, 90 % sure" in page
    assert "alice" in page
    assert f"http://testserver/fools/{fool.pk}/" in answer.content.decode()
    assert shown(browse(None).get("/gallery/")) == [str(fool.pk)]


def test_a_pending_drawing_is_public_only_once_it_is_verified(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    fool = insert(alice, status="pending")
    address = reverse("fool", args=[fool.pk])
    assert browse(None).get(address).status_code == 404
    Attempt.objects.filter(pk=fool.pk).update(status="verified", settled_at=timezone.now())
    assert browse(None).get(address).status_code == 200


def test_the_page_tells_other_sites_where_its_card_is(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    fool = insert(alice, 8, 3)
    html = browse(None).get(f"/fools/{fool.pk}/").content.decode()
    told = dict(re.findall(r'<meta (?:property|name)="([a-z:_]+)" content="([^"]*)">', html))
    assert told["og:title"] == "You say 8. It says 3."
    assert told["og:image"] == f"http://testserver/fools/{fool.pk}/card.png"
    assert told["og:url"] == f"http://testserver/fools/{fool.pk}/"
    assert told["og:site_name"] == "Fool the Digits"
    assert (told["og:image:width"], told["og:image:height"]) == ("1200", "630")
    assert told["twitter:card"] == "summary_large_image"


def test_a_card_is_a_small_png_of_its_own_that_names_nobody(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    seen = []
    for target, predicted in ((4, 9), (4, 9), (1, 7)):
        fool = insert(alice, target, predicted)
        answer = browse(None).get(reverse("fool_card", args=[fool.pk]))
        assert answer["Content-Type"] == "image/png"
        assert "public" in answer["Cache-Control"]
        assert "immutable" in answer["Cache-Control"]
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert (picture.format, picture.size) == ("PNG", (1200, 630))
        assert len(answer.content) < 60_000
        seen.append(answer.content)
    assert len(set(seen)) == 3


def test_a_cards_own_digit_stands_on_amber_and_the_models_on_blue(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    card = browse(None).get(reverse("fool_card", args=[insert(alice, 4, 9).pk]))
    with Image.open(io.BytesIO(card.content)) as picture:
        rows = np.asarray(picture.convert("RGB"), int)[:450, 640:]
    amber = (rows[..., 0] > 200) & (rows[..., 2] < 60)
    blue = (rows[..., 2] > 200) & (rows[..., 0] < 170)
    assert amber.sum() > 5000
    assert blue.sum() > 5000
    assert amber.nonzero()[0].mean() < blue.nonzero()[0].mean() - 100


@pytest.mark.survives(
    "a card asked for again and again",
    "drawn once, and gone with its drawing",
)
def test_a_card_is_drawn_once_and_is_gone_with_its_drawing(
    browse: Browse, alice: Person, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []

    def png(*drawing: Any) -> bytes:
        drawn.append(drawing)
        return b"a card"

    monkeypatch.setattr(cards, "png", png)
    fool = insert(alice)
    address = reverse("fool_card", args=[fool.pk])
    assert [browse(None).get(address).content for _ in range(3)] == [b"a card"] * 3
    assert len(drawn) == 1
    Attempt.objects.filter(pk=fool.pk).update(removed_at=timezone.now())
    assert browse(None).get(address).status_code == 404


@pytest.mark.survives(
    "the card of a long scribble, asked for again and again",
    "drawn on a ninth of the samples",
)
def test_the_card_of_a_long_scribble_is_drawn_on_a_ninth_of_the_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[int] = []
    reduce = Image.Image.reduce

    def noted(sampled: Any, by: int) -> Any:
        made.append(sampled.width)
        return reduce(sampled, by)

    monkeypatch.setattr(Image.Image, "reduce", noted)
    for points in (60, 5000):
        y = [279 * (place % 2) for place in range(points)]
        stroke = {"x": [place % 280 for place in range(points)], "y": y, "t": [0] * points}
        drawn = Attempt(strokes=[stroke], width=40, target_label=4, predicted_label=9)
        drawn.round = Round(number=1)
        cards.png(drawn)
    assert 3 * cards.SIDE in made
    assert made[-1] == cards.SIDE


def test_what_the_model_saw_of_a_fool_is_public_too(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    fool = insert(alice)
    answer = browse(None).get(reverse("fool_seen", args=[fool.pk]))
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.tobytes() == bytes(fool.pixels)


def test_the_surest_mistakes_come_first_and_of_equals_the_newest(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    now = timezone.now()
    older, surest, newer = (
        insert(alice, probabilities=sure(share), settled_at=now - timedelta(days=days))
        for share, days in ((0.8, 3), (0.99, 2), (0.8, 1))
    )
    order = [str(fool.pk) for fool in (surest, newer, older)]
    assert shown(browse(None).get("/gallery/")) == order
    page = browse(None).get(f"/fools/{newer.pk}/").content.decode()
    assert re.search(rf'rel="prev" href="/fools/{surest.pk}/"', page)
    assert re.search(rf'rel="next" href="/fools/{older.pk}/"', page)


def test_next_and_previous_go_through_a_confusion_once_and_through_nothing_else(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    same = timezone.now()
    for n in range(7):
        insert(alice, probabilities=sure(0.7 + 0.1 * (n // 4)), settled_at=same)
    insert(alice, 1, 9)
    insert(alice, status="pending")
    order = shown(browse(None).get("/gallery/?target=4&predicted=9"))
    assert len(order) == 7
    for rel, way in (("next", order), ("prev", order[::-1])):
        walked, at = [], way[0]
        while at:
            walked.append(at)
            found = re.search(
                rf'rel="{rel}" href="/fools/([0-9a-f-]+)/"',
                browse(None).get(f"/fools/{at}/").content.decode(),
            )
            at = found[1] if found else ""
        assert walked == way


def test_filters_need_no_script(
    browse: Browse, alice: Person, insert: Insert, open_round: Round
) -> None:
    nines, sevens = insert(alice, 4, 9), insert(alice, 1, 7)
    second = Round.objects.create(
        number=2,
        model=open_round.model,
        state="closed",
        opened_at=open_round.opened_at,
        closed_at=open_round.opened_at,
    )
    Attempt.objects.filter(pk=sevens.pk).update(round=second)
    client = browse(None)
    for query, found in (
        ("target=4", [nines]),
        ("predicted=7", [sevens]),
        ("round=2", [sevens]),
        ("round=2&target=4&predicted=9", []),
        ("round=&target=1&predicted=", [sevens]),
    ):
        page = client.get(f"/gallery/?{query}")
        assert shown(page) == [str(fool.pk) for fool in found], query
        assert words.drawings(len(found)) in text(page)
    html = client.get("/gallery/?round=1").content.decode()
    assert 'href="?round=1&amp;target=4&amp;predicted=9"' in html
    assert "<option selected>1</option>" in html


def test_an_empty_cell_of_what_is_open_asks_for_a_drawing(
    browse: Browse, alice: Person, insert: Insert, open_round: Round
) -> None:
    insert(alice, 4, 9)
    assert browse(None).get("/gallery/").content.decode().count("grid__free") == 89
    Round.objects.create(
        number=2,
        model=open_round.model,
        state="closed",
        opened_at=open_round.opened_at,
        closed_at=open_round.opened_at,
    )
    closed = browse(None).get("/gallery/?round=2").content.decode()
    assert "grid__free" not in closed
    empty = browse(None).get("/gallery/?target=6&predicted=2")
    assert "Nobody yet" in text(empty)
    assert 'href="/draw/?digit=6"' in empty.content.decode()
    assert "right" in text(browse(None).get("/gallery/?target=6&predicted=6"))


def test_the_gallery_comes_in_pages_that_keep_the_filter(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    for _ in range(30):
        insert(alice)
    insert(alice, 1, 7)
    first = browse(None).get("/gallery/?target=4")
    assert len(shown(first)) == 24
    assert 'href="?target=4&amp;page=2"' in first.content.decode()
    assert len(shown(browse(None).get("/gallery/?target=4&page=2"))) == 6


def test_only_the_best_hang_there(
    browse: Browse, alice: Person, insert: Insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "DRAWINGS_A_PAGE", 2)
    monkeypatch.setattr(views, "MOST_PAGES", 2)
    for _ in range(5):
        insert(alice)
    last = browse(None).get("/gallery/?page=99")
    assert "5 drawings" in text(last)
    assert "Only the best 4 hang here." in text(last)
    assert "Page 2 of 2" in text(last)


@pytest.mark.parametrize(
    "query",
    [
        "round=x",
        "round=-1",
        "round=99",
        "target=10",
        "predicted=٣",
        "target=4.0",
        f"round={'9' * 30}",
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_in_words(query: str, browse: Browse) -> None:
    answer = browse(None).get(f"/gallery/?{query}")
    assert answer.status_code == 400
    assert "There is no round" in text(answer) or "number" in text(answer)


def test_a_drawers_own_page_leads_to_the_public_one(
    browse: Browse, alice: Person, insert: Insert
) -> None:
    for status, led in (("verified", True), ("pending", False)):
        fool = insert(alice, status=status)
        assert (
            f"/fools/{fool.pk}/" in browse(alice).get(f"/drawings/{fool.pk}/").content.decode()
        ) is led


def test_how_sure_the_model_was_follows_from_the_attempt_itself(
    alice: Person, insert: Insert
) -> None:
    assert insert(alice, 4, 9, probabilities=sure(0.625)).sureness == 0.625
    assert insert(alice, 4, 0, probabilities=sure(0.375, 0)).sureness == 0.375


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_the_more_common_the_darker(one: int, other: int) -> None:
    few, many = sorted((one, other))
    assert 1 <= charts.step(few, many) <= charts.step(many, many) <= charts.STEPS
    assert charts.step(1, many) == 1
    assert many == 1 or charts.step(many, many) == charts.STEPS


@pytest.mark.parametrize(
    ("n", "said"),
    [(7, "7"), (999, "999"), (1000, "1.0k"), (9949, "9.9k"), (9950, "10k"), (123_456, "123k")],
)
def test_large_counts_are_short_in_the_grid(n: int, said: str) -> None:
    assert words.short(n) == said
