"""A release opened on an empty site: the study is there as the release tells it, and releases the
same bytes again."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone

from collector.data import opening, releases
from collector.drawings import attempts, public, reasons
from collector.errors import Refused
from collector.models import Attempt, Gold, Person, Reading, Release, Study
from collector.moderation import decisions
from collector.people import closing, suspensions
from collector.standings import leaderboards
from collector.study import consistency, protocol
from collector.study import settings as study_settings
from tests.support import forging
from tests.support.cast import add_person, read, submit
from tests.support.emptied import emptied
from tests.support.models import add_model
from tests.support.nets import always
from trainer import candidates, heartbeats, rounds, samples, target
from trainer.learning import drawing, fit, report, shipped, weights
from trainer.models import Contributor, Round, RoundModel

parquet = pytest.importorskip("pyarrow.parquet")
pytestmark = pytest.mark.django_db
SAID = "Left open."


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Three rounds are over, and round 4 is open."""
    with django_db_blocker.unblock(), transaction.atomic():
        target.forget()
        study_settings.begin()
        Study.objects.update(
            audit_share=0.0, gold_share=0.0, round_size=100, licence="CC-BY-4.0", quorum=1
        )
        Round.objects.create(number=1, model=add_model(7), opened_at=timezone.now())
        _draw()
        yield
        transaction.set_rollback(True)
    target.forget()


def _draw() -> None:
    """Of every kind a few."""
    names = ("alice", "zoe", "sue", "bob", "cara", "dan", "rita", "eve", "gus")
    alice, zoe, sue, bob, cara, dan, rita, eve, gus = (add_person(name) for name in names)
    Person.objects.filter(pk=zoe.pk).update(is_listed=False)
    mona, mei, mo = (add_person(name, "moderator") for name in ("mona", "mei", "mo"))
    ada = add_person("ada", "admin")
    for position, drawer in enumerate((alice, zoe, sue, bob, cara)):
        split = "test" if drawer == zoe else "train"
        Contributor.objects.create(id=drawer.contributor, position=position, split=split)
    for drawer in (alice, alice, alice, zoe, sue, bob):
        read(mona, "4", submit(drawer))
    reasons.say(alice, alice.attempts.order_by("submitted_at")[0].pk, SAID)
    for drawer, answers in ((dan, ("junk", "junk")), (cara, ("9", "9")), (eve, ("1", "2", "3"))):
        attempt = submit(drawer)
        for moderator, answer in zip((mona, mei, mo), answers, strict=False):
            read(moderator, answer, attempt)
    decisions.decide(attempt.pk, ada, "ambiguous", "Nobody can tell.")
    attempts.retract(rita, submit(rita).pk)
    Study.objects.update(audit_share=1.0)
    read(mei, "7", submit(alice, 7))
    read(mo, "7", attempts.retract(zoe, submit(zoe, 7).pk))
    Study.objects.update(audit_share=0.0)
    _read_gold(mona, alice.attempts.get(is_audited=True))
    _train(3)
    read(mona, "4", submit(gus))
    read(mei, "5", submit(alice, 5))
    submit(alice, 3)
    again = Attempt.objects.filter(drawer=alice, round__number=1, target_label=4)[0]
    read(mo, "4", submit(eve, 4, _drawn(again)))
    suspensions.suspend(sue, ada, "Spam.")
    _train(5)
    read(mona, "4", submit(eve, 4, _drawn(gus.attempts.get())))
    suspensions.suspend(bob, ada, "Spam.")
    read(mona, "2", submit(zoe, 2))
    with transaction.atomic():
        rounds.lock()
        rounds.open_next(add_model(6))


def _drawn(attempt: Attempt) -> drawing.Drawing:
    return drawing.parse(attempt.strokes, attempt.width)


def _read_gold(mona: Person, attempt: Attempt) -> None:
    """mona reads this attempt as hidden gold, and somebody's reading of another is discounted."""
    now = timezone.now()
    item = Gold.objects.get(attempt=attempt)
    given = {"moderator": mona, "leased_at": now, "lease_expires_at": now}
    given["answered_at"] = now + timedelta(seconds=2)
    Reading.objects.create(gold=item, answer="7", is_correct=True, **given)
    Reading.objects.create(attempt=attempt, answer="1", is_discounted=True, **given)


def _train(digit: int) -> None:
    """Open the next round with a model that always says this, as if it had been trained."""
    claim = candidates.claim(candidates.start("mnist_model").pk)
    assert claim is not None
    candidate = RoundModel.objects.get(pk=claim.candidate_id)
    assert candidate.initial_model is not None
    learned = samples.arrays(samples.trained_on(candidate))
    manifest = fit.manifest(
        learned.ids,
        learned.pixels,
        learned.labels,
        "0" * 64,
        candidate.initial_model.weights.sha256,
        "mnist_model",
        fit.default_recipe("mnist_model", len(learned.ids)),
        candidate.seed,
    )
    data = always(digit)
    one = report.SetFigures(1, 1, 1.0, 0.2, 1.0)
    paired = {report.TestSet(report.Kind.FOOLS, 1): report.PairedTest(1, 1, 0, 1.0)}
    against = report.AgainstTarget(1, paired)
    candidates.finish(
        claim,
        weights=data,
        sha256=weights.checksum(data),
        manifest=manifest,
        report=report.Report({"mnist_test": one, "fools_1": one}, against, forgot=()),
        reasons=[],
    )


def _released(out: Path, number: int = 3) -> Path:
    call_command("release", round=number, out=out)
    return out


@pytest.fixture(scope="module")
def folder(world: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release 1.3.0, as it is given away."""
    return _released(tmp_path_factory.mktemp("releases") / "third")


def sums(folder: Path) -> dict[str, str]:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    return {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}


def figures() -> dict[int, object]:
    """What is counted of each round up to 3."""
    numbers = dict(Round.objects.filter(number__lte=3).values_list("pk", "number"))
    return {numbers[pk]: of for pk, of in leaderboards.counts_by_round(numbers).items()}


def standings() -> list[tuple[str, float]]:
    lines = Client().get("/api/leaderboard/?period=all").json()["results"]
    return [(line["username"], line["credit"]) for line in lines]


@pytest.fixture
def opened(folder: Path) -> Release:
    """The release, opened on a site that was empty."""
    emptied()
    call_command("open_release", folder)
    release = Study.current().opened_from
    assert release is not None
    return release


def test_it_is_the_study_again_and_releases_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    assert list(consistency.problems()) == []
    before = figures(), standings()
    emptied()
    call_command("open_release", folder)
    assert list(consistency.problems()) == []
    assert (figures(), standings()) == before
    assert sums(_released(tmp_path / "again")) == sums(folder)


def test_it_is_cited_as_where_it_was_made(folder: Path, tmp_path: Path) -> None:
    Study.objects.update(cited_title="Harder digits", cited_authors="Ada, Nia\nA lab")
    cited = _released(tmp_path / "cited")
    emptied()
    call_command("open_release", cited)
    study = Study.current()
    assert (study.cited_title, study.cited_authors) == ("Harder digits", "Ada, Nia\nA lab")
    assert sums(_released(tmp_path / "again")) == sums(cited)


def test_a_round_has_the_model_that_answered_its_drawings_or_none_that_is_here(
    opened: Release,
) -> None:
    here = {
        round_.number: bytes(round_.model.weights.data) if round_.model.architecture else None
        for round_ in Round.objects.select_related("model__weights")
    }
    assert here == {1: always(7), 2: None, 3: always(5), 4: always(5)}
    with pytest.raises(Refused, match="did not come along"):
        releases.make(2)
    with pytest.raises(rounds.NoSuchRound):
        rounds.roll_back(2, "ada", "To look.")


def test_what_is_not_here_is_found_where_no_release_was_opened(opened: Release) -> None:
    absent = Round.objects.get(number=2).model
    Round.objects.filter(number=4).update(model=absent)
    assert list(consistency.problems()) == ["Round 4 is open with a model that is not here."]
    Study.objects.update(opened_from=None)
    taken_back = Attempt.objects.get(status="retracted")
    assert list(consistency.problems())[1:] == [
        f"Attempt {taken_back.pk} has no picture, and came by no release.",
        f"Model {absent.pk} has no architecture, and came by no release.",
    ]


def test_pages_show_it_and_say_where_it_came_from(opened: Release) -> None:
    admin = Client()
    admin.force_login(add_person("ada", "admin"), backend="collector.people.accounts.Backend")
    shown = [f"/rounds/{number}/" for number in (1, 2, 3, 4)]
    shown += ["/desk/", "/rounds/feed.atom", "/rounds/history.csv", "/rounds/3/card.md"]
    shown += ["/api/rounds/", "/api/rounds/2/", "/api/releases/3/manifest.json"]
    shown += ["/gallery/", "/leaderboard/?period=all", "/people/", "/moderators/", "/admin-log/"]
    of_kinds = {(each.status, each.round.number): each for each in Attempt.objects.all()}
    shown += [f"/drawings/{attempt.pk}/" for attempt in of_kinds.values()]
    shown += [f"/fools/{public.public()[0].pk}/", "/people/alice/"]
    for path in shown:
        assert admin.get(path).status_code == 200, path
    for path in ("/rounds/", "/data/"):
        page = " ".join(admin.get(path).content.decode().split())
        assert "Rounds 1 to 3 came by release 1.3.0" in page
    taken_back = Attempt.objects.get(status="retracted")
    assert admin.get(f"/drawings/{taken_back.pk}/seen.png").status_code == 410


def test_it_goes_on_and_people_keep_their_pseudonyms(
    opened: Release, folder: Path, tmp_path: Path
) -> None:
    read(add_person("nell", "moderator"), "4", submit(add_person("nina")))
    assert list(consistency.problems()) == []
    with transaction.atomic():
        rounds.lock()
        rounds.open_next(add_model(2))
    again = _released(tmp_path / "fourth", 4)
    assert json.loads((again / "manifest.json").read_text())["version"] == "1.4.0"
    before, now = ({row["id"]: row for row in rows(each)} for each in (folder, again))
    assert len(now) == len(before) + 1
    assert all(now[pk] == row for pk, row in before.items())
    assert opened.sha256 in (again / "README.md").read_text()


def rows(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parquet.read_table(folder / "attempts.parquet").to_pylist()
    return found


def test_so_it_is_where_somebody_removed_what_the_model_had_learned(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a copy nothing leads to what was removed, or waits; the changes are told beside a release
    that is not here, under a protocol of which the hash is known. What the model was trained from
    is in no such release, and has to be what every site has."""
    closing._remove_drawings(Person.objects.get(username="gus"))
    [waiting] = Attempt.objects.filter(drawer__username="sue")
    Attempt.objects.filter(pk=waiting.pk).update(status="pending", settled_at=None, credit=0)
    copies = Attempt.objects.filter(drawer__username="eve", near_duplicate_of__isnull=False)
    copies.filter(round__number=2).update(near_duplicate_of=waiting)
    ada = Person.objects.get(username="ada")
    study_settings.change(ada, question="Which?", stop_samples=50)
    protocol.start(ada)
    second = _released(tmp_path / "second")
    assert [row["near_duplicate_of"] for row in rows(second) if not row["original"]] == [None] * 2
    said = json.loads((second / "manifest.json").read_text())
    assert (said["version"], said["previous_version"]) == ("2.3.0", "1.3.0")
    assert said["model"]["not_reproducible_since"]
    emptied()
    with pytest.raises(CommandError, match="neither in it nor those that come with this version"):
        call_command("open_release", second)
    data, real = always(7), shipped.round_one("mnist_model")
    ours = replace(real, weights=data, sha256=weights.checksum(data))
    monkeypatch.setattr(shipped, "round_one", lambda net: ours)
    call_command("open_release", second)
    assert list(consistency.problems()) == []
    assert sums(_released(tmp_path / "again")) == sums(second)


def test_what_is_not_empty_or_does_not_agree_is_refused_and_nothing_changes(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="has drawings, rounds or samples, people"):
        call_command("open_release", folder)
    emptied()
    heartbeats.beat("web")
    with pytest.raises(CommandError, match="The site still runs"):
        call_command("open_release", folder)
    heartbeats.end("web")
    altered = shutil.copytree(folder, tmp_path / "altered")
    (altered / "LICENSE").write_text("Do what you like.")
    with pytest.raises(CommandError, match="LICENSE is not what SHA256SUMS says"):
        call_command("open_release", altered)
    add_person("Alice", "admin")
    with pytest.raises(CommandError, match="alice drew in it, and is an account's name here"):
        call_command("open_release", folder)
    Person.objects.update(username="ada")
    call_command("open_release", folder)
    with pytest.raises(CommandError, match="has drawings"):
        call_command("open_release", folder)


def _study(**changed: Any) -> forging.Forge:
    return forging.said(lambda told: told["study"].update(changed))


ODD: dict[str, tuple[forging.Forge, str]] = {
    "another architecture": (_study(architecture="x"), "architecture, x, is unknown here"),
    "a text as architecture": (_study(architecture=["x"]), "is unknown here"),
    "a text as size": (_study(round_size="<b>"), "cannot be opened"),
    "a quorum of nobody": (_study(quorum=-4), "cannot be opened"),
    "a share of five": (_study(audit_share=5.5), "cannot be opened"),
    "no rounds": (
        forging.said(lambda told: told.update(rounds=[]), forging.summed),
        "its rounds are not those",
    ),
    "a report of texts": (
        forging.written(
            "report.json", b'{"sets": {"mnist_test": {"n": "x", "correct": null}}, "tests": "x"}'
        ),
        "n of mnist_test is not what it should be",
    ),
    "a report of a list": (forging.written("report.json", b"[1, 2]"), "the report is not"),
    "a report of nothing": (forging.written("report.json", b"5"), "the report is not"),
    "another seed": (
        forging.said(lambda told: told["model"].update(seed=10**30)),
        "says otherwise of samples or seed",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_what_pages_could_not_show_is_refused_in_a_sentence(
    folder: Path, tmp_path: Path, name: str
) -> None:
    forge, told = ODD[name]
    altered = shutil.copytree(folder, tmp_path / "altered")
    forge(altered)
    emptied()
    with pytest.raises(CommandError, match=told):
        call_command("open_release", altered)
    assert not any(rows.objects.exists() for rows in (Attempt, Person, Release))


def test_what_ends_it_in_the_middle_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*of: object) -> None:
        assert Reading.objects.exists()
        raise KeyboardInterrupt

    emptied()
    first = Round.objects.get()
    monkeypatch.setattr(opening._Opening, "_put_samples", end)
    with pytest.raises(KeyboardInterrupt):
        call_command("open_release", folder)
    assert Round.objects.get() == first
    assert not any(rows.objects.exists() for rows in (Attempt, Person, Release))
    assert list(consistency.problems()) == []
