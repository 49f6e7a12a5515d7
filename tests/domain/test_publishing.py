"""Releases at the Hub and at Zenodo: whole or not at all, once, and taken back. The places are
stand-ins, real HTTP servers; the Hub's own library speaks to one of them."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from collector.data import hub, publishing, releases
from collector.models import Publication, Release, Study, clock
from tests.support import kept
from tests.support.standin_hub import FIRST, Hub, Repository
from tests.support.standin_zenodo import Zenodo
from tests.support.standins import TOKEN
from trainer.models import Round

pytest.importorskip("huggingface_hub")
pytestmark = [
    pytest.mark.usefixtures("study"),
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),  # the library's own
]
DATA, MODEL = "digits/fools", "digits/fooled"


@pytest.fixture(autouse=True)
def public(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody may have the releases, and the round's is not made by the way."""
    Study.objects.update(has_public_releases=True)
    monkeypatch.setattr(publishing, "make_newest", lambda: None)


@pytest.fixture
def the_hub(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    library = hub._library()
    from huggingface_hub.utils import _http

    # The library waits between its own tries; here nobody waits.
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda _: None))
    with Hub() as standin:
        monkeypatch.setattr(library.constants, "ENDPOINT", standin.url)
        settings.HUB_TOKEN, settings.HUB_DATASET, settings.HUB_MODEL = TOKEN, DATA, MODEL
        yield standin


@pytest.fixture
def zenodo(settings: Any) -> Iterator[Zenodo]:
    with Zenodo() as standin:
        settings.ZENODO_TOKEN, settings.ZENODO_URL = TOKEN, standin.url
        yield standin


@pytest.fixture
def release(study: Study) -> Release:
    return kept.keep("1.1.0")


def failures() -> list[str]:
    return [each.failure for each in publishing.run(is_asked=True) if each.failure]


def of_data(standin: Hub) -> Repository:
    return standin.repositories[f"dataset/{DATA}"]


def test_a_release_is_at_every_place_whole_under_its_version_and_noted(
    the_hub: Hub, zenodo: Zenodo, release: Release
) -> None:
    assert failures() == []
    data, model = of_data(the_hub), the_hub.repositories[f"model/{MODEL}"]
    assert data.files == kept.content(release)
    assert data.tags == {"v1.1.0": data.main}
    assert len(data.commits) == 2  # the Hub's own first one, and ours
    assert model.files.keys() == {"model.safetensors", "manifest.json", "LICENSE", "README.md"}
    assert f"datasets:\n- {DATA}\n" in model.files["README.md"].decode()
    [record] = zenodo.published
    assert record.files == kept.content(release)
    assert record.told["metadata"]["version"] == "1.1.0"
    assert record.told["metadata"]["rights"] == [{"id": "cc-by-4.0"}]
    noted = {each.place: each for each in release.publications.all()}
    assert noted["dataset"].url == f"{the_hub.url}/datasets/{DATA}/tree/v1.1.0"
    assert noted["dataset"].revision == data.main
    assert (noted["zenodo"].doi, noted["zenodo"].concept_doi) == (
        f"10.5281/zenodo.{record.number}",
        f"10.5281/zenodo.{record.parent}",
    )
    assert all(each.published_at and not each.failure for each in noted.values())


def test_published_again_nothing_is_even_asked(
    the_hub: Hub, zenodo: Zenodo, release: Release
) -> None:
    assert failures() == []
    the_hub.asked.clear()
    zenodo.asked.clear()
    assert publishing.run(is_asked=True) == []
    assert the_hub.asked == zenodo.asked == []


def test_where_the_notes_are_lost_no_second_version_is_made(
    the_hub: Hub, zenodo: Zenodo, release: Release
) -> None:
    assert failures() == []
    heads = {name: each.main for name, each in the_hub.repositories.items()}
    before = list(Publication.objects.values_list("place", "revision", "doi"))
    Publication.objects.all().delete()  # as in a database of a backup
    assert failures() == []
    assert {name: each.main for name, each in the_hub.repositories.items()} == heads
    assert len(zenodo.records) == 1
    assert list(Publication.objects.values_list("place", "revision", "doi")) == before


def test_zenodo_has_each_release_as_a_version_of_the_one_before(
    zenodo: Zenodo, release: Release
) -> None:
    assert failures() == []
    kept.keep("1.2.0", release)
    assert failures() == []
    assert [each.told["metadata"]["version"] for each in zenodo.published] == ["1.1.0", "1.2.0"]
    assert len({each.parent for each in zenodo.published}) == 1
    assert len(zenodo.records) == 2


def test_what_a_release_has_no_more_goes_from_the_hub_and_what_others_put_there_stays(
    the_hub: Hub, release: Release
) -> None:
    kept.keep("1.2.0", images_2__zip=b"pictures")
    assert failures() == []
    repository, theirs = of_data(the_hub), "ab" * 20
    repository.commits[theirs] = {**repository.commits[repository.main], "paper.pdf": b"%PDF"}
    repository.parents[theirs], repository.main = repository.main, theirs
    newest = kept.keep("1.3.0")
    assert failures() == []
    assert repository.files == {**kept.content(newest), "paper.pdf": b"%PDF"}
    assert set(repository.tags) == {"v1.1.0", "v1.2.0", "v1.3.0"}


# What may go wrong with any request: it is cut before or after it was done.
GOES_WRONG = ["before", "after"]


@pytest.mark.parametrize("does", GOES_WRONG)
def test_whatever_request_to_zenodo_fails_the_next_try_ends_it_with_one_record(
    zenodo: Zenodo, release: Release, does: str
) -> None:
    assert failures() == []
    for place in range(len(zenodo.asked)):
        zenodo.records.clear()
        Publication.objects.all().delete()
        zenodo.fails("", does, skip=place)
        [failure] = failures()
        assert TOKEN not in failure
        assert [each.files for each in zenodo.published] in ([], [kept.content(release)])
        assert failures() == []
        [record] = zenodo.records.values()
        assert (record.is_published, record.files) == (True, kept.content(release))


@pytest.mark.parametrize("does", GOES_WRONG)
def test_whatever_request_to_the_hub_fails_the_next_try_ends_it_with_one_commit(
    the_hub: Hub, release: Release, settings: Any, does: str
) -> None:
    settings.HUB_MODEL = ""
    assert failures() == []
    wanted = {".gitattributes": b"*", **kept.content(release)}
    for place in range(len(the_hub.asked)):
        the_hub.repositories.clear()
        Publication.objects.all().delete()
        # The library tries some of it six times by itself.
        the_hub.fails("", does, skip=place, count=6)
        assert all(TOKEN not in failure for failure in failures())
        the_hub.faults.clear()
        for repository in the_hub.repositories.values():
            seen = (Repository().commits[FIRST], wanted)
            assert all(each in seen for each in repository.reachable)
        assert failures() == []
        repository = of_data(the_hub)
        assert list(repository.commits.values()) == [Repository().commits[FIRST], wanted]
        assert repository.tags == {"v1.1.0": repository.main}


def test_a_place_that_is_busy_says_when_to_come_back_and_others_do_not_wait_for_it(
    the_hub: Hub, zenodo: Zenodo, release: Release
) -> None:
    zenodo.fails("", 429, Retry_After="900")
    before = clock.now()
    [failure] = failures()
    assert failure.startswith("Zenodo answers 429.")
    assert of_data(the_hub).files == kept.content(release)
    noted = release.publications.get(place="zenodo")
    assert noted.due_at - before > timedelta(minutes=15)
    assert publishing.run() == []


def test_a_try_that_fails_is_made_again_later_and_later_ten_times_by_itself(
    zenodo: Zenodo, release: Release
) -> None:
    zenodo.fails("", 500, count=11)
    waits = []
    for _ in range(publishing.TRIES):
        began = clock.now()
        [noted] = publishing.run()
        waits.append(round((noted.due_at - began) / timedelta(minutes=1)))
        assert publishing.run() == []  # not due yet
        Publication.objects.update(due_at=clock.now())
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 360, 360]
    assert publishing.run() == []
    [problem] = publishing.problems()
    assert "manage.py publish tries it again" in problem
    kept.keep("1.2.0", release)
    assert [each.release.version for each in publishing.run() if each.failure] == ["1.2.0"]
    call_command("publish")
    assert [each.told["metadata"]["version"] for each in zenodo.published] == ["1.1.0", "1.2.0"]


def test_what_arrives_as_something_else_is_never_published(
    the_hub: Hub, zenodo: Zenodo, release: Release
) -> None:
    zenodo.spoils = "attempts.parquet"
    the_hub.ignored = {"LICENSE"}
    told = failures()
    assert [failure for failure in told if "not those that were sent" in failure]
    assert len([failure for failure in told if "does a .gitignore there leave it out" in failure])
    assert zenodo.published == []
    assert not Publication.objects.filter(published_at__isnull=False).exists()
    zenodo.spoils = ""
    assert [each.place for each in publishing.run(is_asked=True) if not each.failure] == ["zenodo"]
    assert zenodo.published[0].files == kept.content(release)


def test_what_is_withdrawn_is_nowhere_on_the_hub_any_more_and_closed_at_zenodo(
    the_hub: Hub, zenodo: Zenodo, release: Release
) -> None:
    second = kept.keep("1.2.0", release, images_1__zip=b"of somebody" * 1000)
    assert failures() == []
    kept.withdraw(second)
    assert failures() == []
    for repository in the_hub.repositories.values():
        assert repository.files == {}
        assert repository.tags.keys() == {"v1.1.0"}
        assert not any(b"1.2.0" in b"".join(tree.values()) for tree in repository.reachable)
        assert {the_hub.objects[oid] for oid in repository.stored} == {
            data for tree in repository.reachable for data in tree.values() if len(data) > 4096
        }
    assert [each.told["access"]["files"] for each in zenodo.published] == ["public", "restricted"]
    assert all(each.taken_back_at for each in second.publications.all())
    third = kept.keep("2.2.0", second)
    assert failures() == []
    assert of_data(the_hub).files == kept.content(third)
    assert zenodo.published[-1].told["access"]["files"] == "public"
    assert len({each.parent for each in zenodo.published}) == 1


def test_a_draft_of_what_is_withdrawn_meanwhile_is_deleted(
    zenodo: Zenodo, release: Release
) -> None:
    zenodo.fails("publish", 500)
    assert len(failures()) == 1
    kept.withdraw(release)
    assert failures() == []
    assert zenodo.records == {}


@pytest.mark.parametrize("does", GOES_WRONG)
def test_whatever_request_fails_while_taking_back_the_next_try_ends_it(
    the_hub: Hub, zenodo: Zenodo, settings: Any, does: str
) -> None:
    settings.HUB_MODEL = ""
    place = 0
    while True:
        release = kept.keep(f"{place + 1}.1.0")
        assert failures() == []
        kept.withdraw(release)
        the_hub.asked.clear()
        zenodo.asked.clear()
        the_hub.fails("", does, skip=place, count=6)
        zenodo.fails("", does, skip=place)
        failed = failures()
        the_hub.faults.clear()
        zenodo.faults.clear()
        assert failures() == []
        assert of_data(the_hub).files == {}
        assert of_data(the_hub).tags == {}
        assert of_data(the_hub).stored == set()
        assert {each.told["access"]["files"] for each in zenodo.published} == {"restricted"}
        if not failed:
            break
        place += 1
    assert place > 5


def test_nothing_new_is_published_where_something_is_left_to_take_back(
    zenodo: Zenodo, release: Release
) -> None:
    assert failures() == []
    kept.withdraw(release)
    kept.keep("2.1.0", release)
    zenodo.fails("", 500)
    assert len(failures()) == 1
    assert len(zenodo.records) == 1
    [problem] = publishing.problems()
    assert problem.startswith("Release 1.1.0 was withdrawn and is still at")
    assert failures() == []
    assert [each.told["access"]["files"] for each in zenodo.published] == ["restricted", "public"]


def test_an_unknown_token_takes_nothing_back(the_hub: Hub, release: Release, settings: Any) -> None:
    assert failures() == []
    kept.withdraw(release)
    settings.HUB_TOKEN = "hf_another"
    assert len(failures()) == 2
    assert of_data(the_hub).files
    assert not Publication.objects.exclude(taken_back_at=None).exists()


def test_only_what_everybody_may_have_is_published(
    the_hub: Hub, zenodo: Zenodo, release: Release
) -> None:
    Release.objects.update(is_licensed=False)
    assert publishing.run(is_asked=True) == []
    Release.objects.update(is_licensed=True)
    Study.objects.update(has_public_releases=False)
    assert publishing.run(is_asked=True) == []
    assert the_hub.asked == zenodo.asked == []


def test_without_a_token_there_is_nowhere(release: Release, settings: Any) -> None:
    settings.HUB_DATASET = DATA
    assert publishing.run(is_asked=True) == []
    with pytest.raises(CommandError, match="DADC_HUB_TOKEN"):
        call_command("publish")


def test_the_command_says_what_it_did_and_fails_where_something_did(
    zenodo: Zenodo, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    zenodo.fails("", 401)
    with pytest.raises(SystemExit):
        call_command("publish")
    assert "Zenodo does not know the token" in capsys.readouterr().out
    call_command("publish")
    assert "Release 1.1.0 at http://127.0.0.1" in capsys.readouterr().out
    call_command("publish")
    assert capsys.readouterr().out == "All is where it should be.\n"


def test_no_token_is_told_whoever_writes_it_where(
    zenodo: Zenodo, the_hub: Hub, release: Release, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    zenodo.says = f"Your token {TOKEN} is bad."
    zenodo.fails("", 400)
    the_hub.fails("commit", 500, count=6)
    assert len(failures()) == 3
    told = [*Publication.objects.values_list("failure", flat=True), *publishing.problems()]
    assert "Your token … is bad." in " ".join(told)
    assert not [line for line in [*told, caplog.text] if TOKEN in line]


def test_the_release_of_a_round_that_is_over_is_made_once(
    zenodo: Zenodo, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    Study.objects.update(has_public_releases=True)
    made = []
    monkeypatch.setattr(releases, "make", lambda number: made.append(number))
    publishing.make_newest()
    assert made == []  # round 1 is open
    Round.objects.update(state="closed", closed_at=clock.now())
    publishing.make_newest()
    assert made == [1]
    kept.keep("1.1.0")
    publishing.make_newest()
    assert made == [1]
