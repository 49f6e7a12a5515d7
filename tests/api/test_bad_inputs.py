"""Bodies that are no drawing, no JSON or no request of ours, against a running site on SQLite and
PostgreSQL."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.support.world import World, assert_refusal

LINE = {"x": [20, 100, 200], "y": [20, 120, 240], "t": [0, 50, 100]}
NO_NUMBERS = ["1e999", "-1e999", "NaN", "Infinity", "-Infinity", "9" * 5000, "-" + "9" * 5000]


def body(**changes: Any) -> dict[str, Any]:
    return {"target_label": 3, "strokes": [LINE]} | changes


def with_number(wrong: dict[str, Any], number: str) -> bytes:
    """The JSON with a number where the text "@" stands, written as no library would write it."""
    return json.dumps(wrong).replace('"@"', number).encode()


def stroke(**changes: Any) -> list[dict[str, Any]]:
    return [LINE | changes]


@pytest.mark.survives(
    "numbers `1e999`, `NaN`, `Infinity`, an integer of 5,000 digits, in any JSON field",
    "400",
)
@pytest.mark.parametrize("place", ["target_label", "width", "client_key", "strokes", "x", "y", "t"])
def test_numbers_that_are_none_are_refused_in_every_field_of_an_attempt(
    world: World, place: str
) -> None:
    wrong = (
        body(**{place: "@"}) if place not in LINE else body(strokes=stroke(**{place: [1, 2, "@"]}))
    )
    with world.adding():
        for number in NO_NUMBERS:
            assert_refusal(
                world.alice.request("POST", "/api/attempts/", raw=with_number(wrong, number)), 400
            )


@pytest.mark.survives(
    "numbers `1e999`, `NaN`, `Infinity`, an integer of 5,000 digits, in any JSON field",
    "400",
)
@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/api/predictions/", {"strokes": "@"}),
        ("/api/predictions/", {"strokes": [LINE], "width": "@"}),
        ("/api/accounts/", {"username": "@", "password": "correct horse"}),
        ("/api/accounts/", {"username": "frieda", "password": "@"}),
        ("/api/tokens/", {"username": "alice", "password": "@"}),
    ],
    ids=["strokes", "width", "username", "password", "token"],
)
def test_numbers_that_are_none_are_refused_at_every_open_door(
    world: World, path: str, wrong: dict[str, Any]
) -> None:
    with world.adding():
        for number in NO_NUMBERS:
            assert_refusal(world.nobody.request("POST", path, raw=with_number(wrong, number)), 400)


NO_OBJECTS = [
    b"[" * 100_000,
    b'{"strokes":' * 20_000,
    json.dumps(body())[:-1].encode() + b', "target_label": 4}',
    json.dumps(body(strokes=[]))
    .replace("[]", '[{"x":[1,2],"x":[1,3],"y":[1,2],"t":[0,0]}]')
    .encode(),
    json.dumps(body(client_key="a\ud800b")).encode(),
    b'{"\\udfff": 1}',
    b'{"target_label": 3, "client_key": "\xed\xa0\x80"}',
    b"\xff\xfe[\x00]\x00",
    b"{'target_label': 3}",
    b"null",
    b"3",
    b"[1]",
    b'"text"',
    json.dumps(body()).encode() + b" {}",
]


@pytest.mark.survives(
    "`[` × 100,000, duplicate keys in one object, a lone surrogate, other encodings, no object,"
    " two",
    "400",
)
@pytest.mark.parametrize(
    "path", ["/api/attempts/", "/api/predictions/", "/api/accounts/", "/api/tokens/"]
)
def test_what_is_not_one_strict_json_object_is_refused(world: World, path: str) -> None:
    with world.adding():
        for raw in NO_OBJECTS:
            assert_refusal(world.alice.request("POST", path, raw=raw), 400)
        first_missing = "username" if path in ("/api/accounts/", "/api/tokens/") else "strokes"
        assert_refusal(world.alice.request("POST", path, raw=b"{}"), 400, first_missing)
        assert_refusal(world.alice.request("POST", path, raw=b""), 400, first_missing)


@pytest.mark.survives(
    "label `true`, `3.0`, `“٣”`, `“ 3 ”`, 10, -1, missing",
    "400 at the field",
)
def test_a_label_that_is_not_a_digit_is_refused(world: World) -> None:
    with world.adding():
        for label in (True, False, 3.0, "3", "٣", " 3 ", 10, -1, None, [3], {"3": 3}, 10**19):
            assert_refusal(
                world.alice.post("/api/attempts/", body(target_label=label)), 400, "target_label"
            )
        assert_refusal(world.alice.post("/api/attempts/", {"strokes": [LINE]}), 400, "target_label")


NO_DRAWINGS: list[Any] = [
    [],
    [[]],
    {},
    None,
    "strokes",
    [None],
    [{}],
    stroke(x=[], y=[], t=[]),
    [LINE, {"x": [], "y": [], "t": []}],
    stroke(x=[1] * 5001, y=[1] * 5001, t=[0] * 5001),
    [{"x": [1], "y": [1], "t": [0]}] * 65,
    stroke(x=[20, 100]),
    stroke(t=[0, 50]),
    stroke(t=[0, 50, 40]),
    [LINE, LINE],
    stroke(t=[-1, 50, 100]),
    stroke(t=[0, 50, 10**12]),
    stroke(x=[[20], [100], [200]]),
    [[(20, 20, 0), (100, 120, 50), (200, 240, 100)]],
    [[[20, 100, 200], [20, 120, 240], [0, 50, 100]]],
    stroke(x=["20", "100", "200"]),
    stroke(x="abc"),
    stroke(y=[True, False, True]),
    stroke(y=[None, 1, 2]),
    stroke(x=[20, 100, 280]),
    stroke(y=[-1, 120, 240]),
    stroke(x=[20.0, 100, 200]),
    stroke(x=[20, 100, 10**18]),
    stroke(pressure=[1, 1, 1]),
]


@pytest.mark.survives(
    "strokes `[]`, `[[]]`, an empty stroke, x and y of unequal length, t running backwards; "
    "coordinates nested, 3-tuple, string, bool, outside the canvas",
    "400 at the field, before anything is drawn",
)
@pytest.mark.parametrize("path", ["/api/attempts/", "/api/predictions/"])
def test_strokes_that_are_no_drawing_are_refused(world: World, path: str) -> None:
    rest = {"target_label": 3} if path == "/api/attempts/" else {}
    with world.adding():
        for strokes in NO_DRAWINGS:
            assert_refusal(world.alice.post(path, {"strokes": strokes, **rest}), 400, "strokes")


@pytest.mark.survives(
    "a pen of 7, 41, 22.0, `true`, a text",
    "400 at the field",
)
def test_a_pen_of_no_such_width_is_refused(world: World) -> None:
    with world.adding():
        for width in (7, 41, 22.0, "22", True, None, [22], 10**19):
            assert_refusal(world.alice.post("/api/attempts/", body(width=width)), 400, "width")


@pytest.mark.survives(
    "a drawing of 100,000 points",
    "400 within the limit on bodies, 413 above",
)
def test_a_drawing_of_a_hundred_thousand_points_is_refused(world: World) -> None:
    few = 85_000 // 3  # the most that the limit on bodies lets through
    world.refuses(
        400,
        lambda: world.alice.post(
            "/api/attempts/", body(strokes=stroke(x=[1] * few, y=[1] * few, t=[0] * few))
        ),
        "strokes",
    )
    many = [1] * 100_000
    world.refuses(
        413,
        lambda: world.alice.post("/api/attempts/", body(strokes=stroke(x=many, y=many, t=many))),
    )


ZIGZAG = {
    "x": [edge for _ in range(16) for edge in (0, 279, 279, 0)],
    "y": [y for row in range(16) for y in (row * 18, row * 18, row * 18 + 9, row * 18 + 9)],
    "t": list(range(64)),
}


@pytest.mark.survives(
    "fewer than two distinct points, all ink",
    "422 with a sentence that helps",
)
@pytest.mark.parametrize(
    "strokes",
    [
        stroke(x=[5], y=[5], t=[0]),
        stroke(x=[5, 5, 5], y=[5, 5, 5]),
        [{"x": [5], "y": [5], "t": [0]}, {"x": [5], "y": [5], "t": [9]}],
        [ZIGZAG],
    ],
    ids=["a dot", "a dot held", "a dot twice", "all ink"],
)
def test_what_nobody_could_read_is_answered_with_a_sentence_that_helps(
    world: World, strokes: Any
) -> None:
    answer = world.refuses(
        422, lambda: world.alice.post("/api/attempts/", body(strokes=strokes, width=40)), "strokes"
    )
    assert len(answer.body["error"]["message"].split()) > 6


@pytest.mark.survives(
    "extra fields `fooled`, `status`, `user`, `is_staff`",
    "400; never believed, nor told back at length",
)
def test_an_attempt_with_a_field_that_is_not_the_drawers_to_say_is_refused(world: World) -> None:
    not_theirs: dict[str, Any] = {
        "fooled": True,
        "status": "verified",
        "user": "bob",
        "drawer": "bob",
        "is_staff": True,
        "credit": 100,
        "predicted_label": 7,
        "x" * 5000: 1,
    }
    attempt = next(world.drawings)
    with world.adding():
        for name, value in not_theirs.items():
            answer = world.alice.post("/api/attempts/", attempt | {name: value})
            assert_refusal(answer, 400, name[:40])
            assert len(json.dumps(answer.body)) < 300, "and what it was is not told back at length"


@pytest.mark.survives(
    "a round sent with an attempt: open, made up, no number",
    "400; the open one counts",
)
def test_an_attempt_that_names_its_round_is_refused_whether_there_is_such_a_round_or_not(
    world: World,
) -> None:
    attempt = next(world.drawings)
    with world.adding():
        for number in (1, 0, 999, "current", None):
            assert_refusal(
                world.alice.post("/api/attempts/", attempt | {"round": number}), 400, "round"
            )


@pytest.mark.survives(
    "a client key that is empty, too long, no text, with U+0000",
    "400 at the field",
)
def test_a_client_key_that_is_none_is_refused(world: World) -> None:
    attempt = next(world.drawings)
    with world.adding():
        for key in ("", "k" * 65, 5, ["k"], {"a": 1}, True, "nul\0"):
            assert_refusal(
                world.alice.post("/api/attempts/", attempt | {"client_key": key}), 400, "client_key"
            )


@pytest.mark.survives(
    "a reading that is none, or of an assignment that is none",
    "400, 404",
)
def test_a_reading_that_is_none_is_refused_before_anything_is_looked_up(world: World) -> None:
    path = f"/api/assignments/{uuid4()}/reading/"
    with world.adding():
        for reading in ("10", "-1", "٣", " 3 ", "3.0", "", "verified", 3, True, None, ["3"], "<b>"):
            assert_refusal(world.mona.post(path, {"reading": reading}), 400, "reading")
        assert_refusal(world.mona.post(path, {"reading": "3"}), 404)


NOWHERE = [
    "/api/rounds/" + "9" * 30 + "/",
    "/api/rounds/0/",
    "/api/rounds/-1/",
    "/api/rounds/1e3/",
    "/api/attempts/" + "9" * 30 + "/",
    f"/api/attempts/{uuid4()}/",
    "/api/attempts/%00/",
    "/api/attempts/../../etc/passwd",
    "/api/%3Cscript%3E/",
    "/api/%ED%A0%80/",
    "/api/",
    "/api/rounds",
]


@pytest.mark.survives(
    "an id of 30 digits, an unknown uuid, an address of nothing, read and written",
    "404",
)
def test_an_address_of_nothing_is_not_found(world: World) -> None:
    with world.adding():
        for path in NOWHERE:
            assert_refusal(world.alice.get(path), 404)


@pytest.mark.survives(
    "an id of 30 digits, an unknown uuid, an address of nothing, read and written",
    "404",
)
def test_a_write_to_nothing_is_not_found(world: World) -> None:
    with world.adding():
        for number in (uuid4(), "9" * 30):
            assert_refusal(world.alice.post(f"/api/attempts/{number}/retract/"), 404)
        for path in ("/api/attempts", "/api/nothing/"):
            assert_refusal(world.nobody.post(path), 404)


@pytest.mark.survives(
    "a cursor that was not given out",
    "400",
)
def test_a_cursor_that_was_not_given_out_is_refused(world: World) -> None:
    before_all_time = "cD0wMDAxLTAxLTAxVDAwOjAwOjAwJTJCMTQ6MDA%3D"  # p=0001-01-01T00:00:00+14:00
    far_east = "cD0yMDI2LTAxLTAxVDAwJTNBMDAlM0EwMCUyQjIzJTNBMDA%3D"  # p=2026-01-01T00:00:00+23:00
    with world.adding():
        for cursor in (
            "abc",
            "cD0x",
            "cD0%3D",  # p=
            "cD1hYmM%3D",
            "%F0%9F%92%A5",
            "cj1ubw%3D%3D",
            "bz0tMQ%3D%3D",
            before_all_time,
            far_east,
        ):
            assert_refusal(world.alice.get(f"/api/attempts/?cursor={cursor}"), 400, "cursor")
        whole = "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"  # p=999…
        for path in ("/api/rounds/", "/api/releases/"):
            for cursor in ("abc", "cD0x4", "cD1hYmM%3D", "cD0lMDA%3D", far_east, whole):
                assert_refusal(world.admin.get(f"{path}?cursor={cursor}"), 400, "cursor")


@pytest.mark.survives(
    "a value that a query does not have, U+0000 among them",
    "400",
)
def test_a_query_with_a_value_that_does_not_exist_is_refused(world: World) -> None:
    with world.adding():
        for period in ("ever", "%00", "round%27%20OR%201=1"):
            assert_refusal(world.nobody.get(f"/api/leaderboard/?period={period}"), 400, "period")
        for form in ("../../etc/passwd", "%00", "pickle"):
            assert_refusal(world.admin.get(f"/api/samples/?as={form}"), 400, "as")


STRANGE = (
    "user__password__startswith=a&drawer__password__regex=.&id__in=1&ordering=-password"
    "&page_size=9999999&q=%00"
)


@pytest.mark.survives(
    "query strings such as `?user__password__startswith=` in the API",
    "ignored",
)
@pytest.mark.parametrize(
    "path", ["/api/leaderboard/", "/api/attempts/", "/api/rounds/", "/api/rounds/current/"]
)
def test_a_query_that_no_page_knows_is_ignored(world: World, path: str) -> None:
    with world.adding():
        assert world.alice.get(f"{path}?{STRANGE}").body == world.alice.get(path).body


@pytest.mark.survives(
    "`limit` of 30 digits, negative, no number, too many; any `offset`, which lists do not have",
    "400",
)
def test_a_page_of_no_size_that_there_is_is_refused(world: World) -> None:
    with world.adding():
        for size in ("9" * 30, "-1", "%00", "1e9", "", "0", "101", "%D9%A3", "5%0A", "1.0"):
            for path in ("/api/rounds/", "/api/attempts/", "/api/releases/"):
                answer = world.admin.get(f"{path}?limit={size}")
                assert_refusal(answer, 400, "limit")
        for place in ("-5", "x", "0"):
            assert_refusal(world.nobody.get(f"/api/rounds/?offset={place}"), 400, "offset")
