"""Sums of attempts and readings, so that what is counted costs the same however many there are.

The database itself keeps them: triggers change them in the statement that changes an attempt or a
reading, whoever sends it. So no writer can forget them, and none has to know them; `differences`
recounts. A submission or reading changes rows of whoever made it alone: two people never wait for
each other here. The rows of a confusion change where a drawing settles or is removed, and whoever
does that holds the trainer's lock.

On SQLite a migration that alters one of these tables makes it anew, without its triggers, and has
to call `keep` again.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q

from collector.models.drawings import Attempt
from collector.models.people import Person
from trainer.models import Arm, Contributor, Round


class Tally(models.Model):
    """What a person drew in a round, on a day by UTC, or, without either, ever: how many originals,
    how many of them fooled, how many of those wait or are verified; how many copies besides; what
    all of it earned; and how many drawings of any kind, imported ones too, have each status."""

    drawer = models.ForeignKey(Person, models.PROTECT, related_name="+", db_index=False)
    round = models.ForeignKey(Round, models.PROTECT, related_name="+", null=True, db_index=False)
    day = models.DateField(null=True)
    attempt_count = models.PositiveIntegerField()
    fooled_count = models.PositiveIntegerField()
    pending_count = models.PositiveIntegerField()
    verified_count = models.PositiveIntegerField()
    copy_count = models.PositiveIntegerField()
    credit = models.FloatField()
    all_not_fooled_count = models.PositiveIntegerField()
    all_pending_count = models.PositiveIntegerField()
    all_verified_count = models.PositiveIntegerField()
    all_corrected_count = models.PositiveIntegerField()
    all_rejected_count = models.PositiveIntegerField()
    all_ambiguous_count = models.PositiveIntegerField()
    all_retracted_count = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(round=None) | Q(day=None), name="a_tally_is_of_one_stretch"
            ),
            models.UniqueConstraint(
                fields=["drawer"], condition=Q(day=None, round=None), name="one_tally_ever"
            ),
            models.UniqueConstraint(
                fields=["round", "drawer"],
                condition=Q(round__isnull=False),
                name="one_tally_in_a_round",
            ),
            models.UniqueConstraint(
                fields=["day", "drawer"], condition=Q(day__isnull=False), name="one_tally_on_a_day"
            ),
        ]
        indexes = [
            models.Index(
                fields=["drawer", "day"], condition=Q(day__isnull=False), name="days_of_a_person"
            ),
            models.Index(
                fields=["all_pending_count"],
                condition=Q(day=None, round=None, all_pending_count__gt=0),
                name="what_waits_in_all",
            ),
        ]


class DigitTally(models.Model):
    """What a person drew of a digit in a round, counted as in `Tally`."""

    drawer = models.ForeignKey(Person, models.PROTECT, related_name="+", db_index=False)
    round = models.ForeignKey(Round, models.PROTECT, related_name="+", db_index=False)
    target_label = models.PositiveSmallIntegerField()
    attempt_count = models.PositiveIntegerField()
    fooled_count = models.PositiveIntegerField()
    pending_count = models.PositiveIntegerField()
    verified_count = models.PositiveIntegerField()
    copy_count = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["round", "target_label", "drawer"], name="one_tally_of_a_digit_in_a_round"
            )
        ]


class ConfusionTally(models.Model):
    """How many fools that may be shown are of one digit taken for one other, in a round, by a
    person or, without either, ever; those of people whom the public does not see are among them."""

    drawer = models.ForeignKey(Person, models.PROTECT, related_name="+", null=True, db_index=False)
    round = models.ForeignKey(Round, models.PROTECT, related_name="+", null=True, db_index=False)
    target_label = models.PositiveSmallIntegerField()
    predicted_label = models.PositiveSmallIntegerField()
    fool_count = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(round=None) | Q(drawer=None), name="of_a_round_or_of_a_person"
            ),
            models.UniqueConstraint(
                fields=["target_label", "predicted_label"],
                condition=Q(drawer=None, round=None),
                name="one_tally_of_a_confusion_ever",
            ),
            models.UniqueConstraint(
                fields=["drawer", "target_label", "predicted_label"],
                condition=Q(drawer__isnull=False),
                name="one_tally_of_a_confusion_by_a_person",
            ),
            models.UniqueConstraint(
                fields=["round", "target_label", "predicted_label"],
                condition=Q(round__isnull=False),
                name="one_tally_of_a_confusion_in_a_round",
            ),
        ]
        # what is counted is in it
        indexes = [
            models.Index(
                fields=["drawer", "target_label", "predicted_label", "fool_count"],
                condition=Q(drawer__isnull=False),
                name="confusions_of_a_person",
            )
        ]


class ReadingTally(models.Model):
    """How many drawings a moderator has ever read, hidden gold among them, and how many practice
    ones besides."""

    moderator = models.OneToOneField(Person, models.PROTECT, primary_key=True, related_name="+")
    reading_count = models.PositiveIntegerField()
    practice_count = models.PositiveIntegerField()


class ReadingDayTally(models.Model):
    """How many answers a moderator gave on a day by UTC, of hidden gold and practice too."""

    moderator = models.ForeignKey(Person, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    answer_count = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "moderator"], name="one_tally_of_answers_a_day")
        ]


class SampleTally(models.Model):
    """How many samples of a contributor the models of an arm from `first_trained_by` to
    `last_trained_by`, by id, were trained on; the latter is `NEWEST` while they are active, and 0
    where no later model was trained on what is withdrawn."""

    NEWEST = 2**63 - 1

    arm = models.CharField(max_length=7, choices=Arm)
    contributor = models.ForeignKey(Contributor, models.PROTECT, related_name="+", db_index=False)
    first_trained_by = models.BigIntegerField()
    last_trained_by = models.BigIntegerField()
    sample_count = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["arm", "first_trained_by", "last_trained_by", "contributor"],
                name="one_tally_of_samples_a_span",
            )
        ]


_ORIGINAL = (
    "{row}.near_duplicate_of_id IS NULL AND NOT {row}.is_mnist_duplicate AND NOT {row}.is_imported"
)
_FOOL = f"{_ORIGINAL} AND {{row}}.has_fooled"
_COUNTED = {
    "attempt_count": _ORIGINAL,
    "fooled_count": _FOOL,
    "pending_count": f"{_FOOL} AND {{row}}.status = 'pending'",
    "verified_count": f"{_FOOL} AND {{row}}.status = 'verified'",
    "copy_count": f"NOT ({_ORIGINAL}) AND NOT {{row}}.is_imported",
}
_STATUSES = {f"all_{status}_count": f"{{row}}.status = '{status}'" for status in Attempt.Status}
_DAYS = {
    "sqlite": "date({{row}}.{name})",
    "postgresql": "CAST({{row}}.{name} AT TIME ZONE 'UTC' AS date)",
}
_FUNCTION = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN {subtract} END IF;
    IF TG_OP <> 'DELETE' THEN {add} END IF;
    RETURN NULL;
END $$
"""


@dataclass(frozen=True)
class _Stretch:
    """What sums are kept by, as SQL: what a row, `{row}`, has for each key, and how such sums are
    told from others of the table, as their unique constraint says it."""

    keys: dict[str, str]
    condition: str = "true"


@dataclass(frozen=True)
class _Sums:
    """Sums of some rows, as SQL: the table that holds them and the one that is summed up, what a
    row, `{row}`, adds to each, which rows are summed up, and on which of their columns all that
    depends."""

    table: str
    of: str
    sums: dict[str, str]
    which: str
    follows: tuple[str, ...]
    stretches: tuple[_Stretch, ...]

    @property
    def trigger(self) -> str:
        return f"{self.table}_is_kept"

    def add(self, row: str) -> str:
        """Return the statements that add a row."""
        more = ", ".join(f"{name} = {self.table}.{name} + excluded.{name}" for name in self.sums)
        return " ".join(
            f"INSERT INTO {self.table} ({', '.join([*stretch.keys, *self.sums])}) "
            f"SELECT {', '.join([*stretch.keys.values(), *self.sums.values()])} "
            f"WHERE {self.which} ON CONFLICT ({', '.join(stretch.keys)}) "
            f"WHERE {stretch.condition} DO UPDATE SET {more};".format(row=row)
            for stretch in self.stretches
        )

    def subtract(self, row: str) -> str:
        """Return the statements that subtract a row."""
        less = ", ".join(f"{name} = {name} - {of_one}" for name, of_one in self.sums.items())
        return " ".join(
            f"UPDATE {self.table} SET {less} WHERE {stretch.condition} AND {self.which} AND "
            f"{' AND '.join(f'{key} = {of_one}' for key, of_one in stretch.keys.items())};".format(
                row=row
            )
            for stretch in self.stretches
        )

    def fill(self) -> Iterator[str]:
        """Yield the statements that fill the table, which is empty."""
        for stretch in self.stretches:
            names = ", ".join([*stretch.keys, *self.sums])
            yield f"INSERT INTO {self.table} ({names}) {self._counted(stretch)}"

    def differences(self) -> Iterator[tuple[list[str], str]]:
        """Yield queries for the sums that are not what the rows say, each with the names of its
        columns: the keys, and by how much more the rows say."""
        for stretch in self.stretches:
            names = [*stretch.keys, *self.sums]
            less = ", ".join([*stretch.keys, *(f"-{name}" for name in self.sums)])
            is_off = " OR ".join(f"sum({name}) <> 0" for name in self.sums)
            off = ", ".join([*stretch.keys, *(f"sum({name})" for name in self.sums)])
            yield (
                names,
                f"SELECT {off} FROM ({self._counted(stretch)} UNION ALL SELECT {less} "
                f"FROM {self.table} WHERE {stretch.condition}) AS both_ways "
                f"GROUP BY {', '.join(stretch.keys)} HAVING {is_off}",
            )

    def _counted(self, stretch: _Stretch) -> str:
        keys = [f"{of_one} AS {key}" for key, of_one in stretch.keys.items()]
        sums = [f"sum({of_one}) AS {name}" for name, of_one in self.sums.items()]
        return (
            f"SELECT {', '.join([*keys, *sums])} FROM {self.of} AS counted "
            f"WHERE {self.which} GROUP BY {', '.join(stretch.keys.values())}"
        ).format(row="counted")


def _kept(vendor: str) -> tuple[_Sums, ...]:
    """The sums that are kept; days are told from times by the database's own means."""
    drawer, day = {"drawer_id": "{row}.drawer_id"}, _DAYS[vendor]
    confusion = {name: f"{{row}}.{name}" for name in ("target_label", "predicted_label")}
    of_round = {"round_id": "{row}.round_id"}
    moderator = {"moderator_id": "{row}.moderator_id"}
    span = {
        "arm": "{row}.arm",
        "first_trained_by": "{row}.first_trained_by_id",
        "last_trained_by": f"CASE WHEN {{row}}.withdrawn_at IS NULL THEN {SampleTally.NEWEST} "
        "ELSE coalesce({row}.last_trained_by_id, 0) END",
        "contributor_id": "{row}.contributor_id",
    }
    fooled = ("target_label", "predicted_label")
    original = ("near_duplicate_of_id", "is_mnist_duplicate", "is_imported")
    counted = {name: _one_if(which) for name, which in _COUNTED.items()}
    is_practice = "{row}.gold_id IN (SELECT id FROM collector_gold WHERE is_practice)"
    return (
        _Sums(
            "collector_tally",
            "collector_attempt",
            counted
            | {"credit": "{row}.credit"}
            | {name: _one_if(which) for name, which in _STATUSES.items()},
            "true",
            ("drawer_id", "round_id", "submitted_at", *fooled, "status", "credit", *original),
            (
                _Stretch(drawer, "day IS NULL AND round_id IS NULL"),
                _Stretch(of_round | drawer, "round_id IS NOT NULL"),
                _Stretch({"day": day.format(name="submitted_at")} | drawer, "day IS NOT NULL"),
            ),
        ),
        _Sums(
            "collector_digittally",
            "collector_attempt",
            counted,
            "true",
            ("drawer_id", "round_id", *fooled, "status", *original),
            (_Stretch(of_round | {"target_label": "{row}.target_label"} | drawer),),
        ),
        _Sums(
            "collector_confusiontally",
            "collector_attempt",
            {"fool_count": "1"},
            f"{{row}}.status = 'verified' AND {_ORIGINAL} AND {{row}}.removed_at IS NULL",
            ("drawer_id", "round_id", *fooled, "status", *original, "removed_at"),
            (
                _Stretch(confusion, "drawer_id IS NULL AND round_id IS NULL"),
                _Stretch(drawer | confusion, "drawer_id IS NOT NULL"),
                _Stretch(of_round | confusion, "round_id IS NOT NULL"),
            ),
        ),
        _Sums(
            "collector_readingtally",
            "collector_reading",
            {
                "reading_count": f"1 - {_one_if(is_practice)}",
                "practice_count": _one_if(is_practice),
            },
            "{row}.answer IS NOT NULL",
            ("moderator_id", "gold_id", "answer"),
            (_Stretch(moderator),),
        ),
        _Sums(
            "collector_readingdaytally",
            "collector_reading",
            {"answer_count": "1"},
            "{row}.answered_at IS NOT NULL",
            ("moderator_id", "answered_at"),
            (_Stretch({"day": day.format(name="answered_at")} | moderator),),
        ),
        _Sums(
            "collector_sampletally",
            "trainer_sample",
            {"sample_count": "1"},
            "{row}.first_trained_by_id IS NOT NULL",
            ("arm", "contributor_id", "first_trained_by_id", "last_trained_by_id", "withdrawn_at"),
            (_Stretch(span),),
        ),
    )


def _one_if(which: str) -> str:
    return f"(CASE WHEN {which} THEN 1 ELSE 0 END)"


def day_of(table: str, name: str) -> str:
    """Return the day by UTC of a table's time, as SQL."""
    return _DAYS[connection.vendor].format(name=name).format(row=table)


def triggers(vendor: str) -> Iterator[tuple[str, str, str]]:
    """Yield (table, name, statement that makes it) of each trigger that keeps the sums."""
    for sums in _kept(vendor):
        follows = f"UPDATE OF {', '.join(sums.follows)}"
        if vendor == "postgresql":
            events = {"": f"INSERT OR DELETE OR {follows}"}
            bodies = {"": f"EXECUTE FUNCTION {sums.trigger}()"}
        else:
            events = {"_insert": "INSERT", "_delete": "DELETE", "_update": follows}
            add, subtract = sums.add("NEW"), sums.subtract("OLD")
            bodies = {"_insert": add, "_delete": subtract, "_update": f"{subtract} {add}"}
            bodies = {event: f"BEGIN {body} END" for event, body in bodies.items()}
        for event, on in events.items():
            name = f"{sums.trigger}{event}"
            yield (
                sums.of,
                name,
                f"CREATE TRIGGER {name} AFTER {on} ON {sums.of} FOR EACH ROW {bodies[event]}",
            )


def keep(connection: BaseDatabaseWrapper) -> None:
    """Make the database keep the sums from here on; on PostgreSQL also where it keeps some."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for sums in _kept(connection.vendor):
                add, subtract = sums.add("NEW"), sums.subtract("OLD")
                cursor.execute(_FUNCTION.format(name=sums.trigger, add=add, subtract=subtract))
        for _, _, statement in triggers(connection.vendor):
            if connection.vendor == "postgresql":
                statement = statement.replace("CREATE", "CREATE OR REPLACE", 1)
            cursor.execute(statement)


def leave(connection: BaseDatabaseWrapper) -> None:
    """Let the sums stay as they are, whatever becomes of what is summed up."""
    with connection.cursor() as cursor:
        for table, name, _ in triggers(connection.vendor):
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")


def fill(connection: BaseDatabaseWrapper) -> None:
    """Make the sums anew from the rows that are there."""
    with connection.cursor() as cursor:
        for sums in _kept(connection.vendor):
            cursor.execute(f"DELETE FROM {sums.table}")
            for statement in sums.fill():
                cursor.execute(statement)


def differences() -> Iterator[str]:
    """Recount all sums, and say in a sentence each which is not what the rows say."""
    with connection.cursor() as cursor:
        for sums in _kept(connection.vendor):
            for names, query in sums.differences():
                cursor.execute(query)
                for row in cursor.fetchall():
                    of = dict(zip(names, row, strict=True))
                    keys = ", ".join(f"{n} {of[n]}" for n in names if n not in sums.sums)
                    off = ", ".join(f"{name} by {of[name]:+g}" for name in sums.sums if of[name])
                    yield f"{sums.table} of {keys} is not what {sums.of} says: {off}."
