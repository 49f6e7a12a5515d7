"""A prepared query has the rows of the query set that it was made of, whatever it is asked with."""

import uuid
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from collector.models import Person, Token
from collector.people import accounts
from tests.support.cast import submit
from trainer.models import Round
from trainer.prepared import Prepared


def test_it_has_the_rows_of_its_query_set_for_each_value(alice: Person, mei: Person) -> None:
    for person in (alice, mei, alice):
        accounts.issue_token(person)
    soon = timezone.now() + timedelta(days=1)

    def build(person_id: uuid.UUID, until: datetime):  # type: ignore[no-untyped-def]
        tokens = Token.objects.filter(person=person_id, expires_at__gt=until).order_by("pk")
        return tokens.exclude(person__username="nobody")

    prepared = Prepared(build, uuid.UUID, datetime)
    for person_id in (alice.pk, mei.pk, uuid.uuid4()):
        for until in (soon, datetime(2200, 1, 1, tzinfo=UTC)):
            assert prepared.ask(person_id, until) == list(build(person_id, until))
    assert prepared.first(mei.pk, soon) == Token.objects.get(person=mei)
    assert prepared.first(uuid.uuid4(), soon) is None


def test_what_stands_in_it_for_good_is_not_taken_for_a_value(alice: Person) -> None:
    submit(alice)
    by_name = Prepared(
        lambda name: Person.objects.filter(username=name, role="crowdworker", is_active=True), str
    )
    assert by_name.ask("alice") == [alice]
    assert by_name.ask("crowdworker") == []
    assert Prepared(Round.objects.all).ask() == list(Round.objects.all())
