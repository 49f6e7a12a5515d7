"""What was measured about a model, as types; the only place that reads or writes it as JSON.

A candidate's report has all parts of ``Report``; that of a shipped model has its sets alone.
What leaves a contributor out is told by an ``Ablation`` in a report's place. Reading is lenient: a
part that is lacking or null is empty and a key that is not known is passed over, so that reports
of other versions can be read. Imports nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

GATE_BASE = "gate_base"
MNIST_TEST = "mnist_test"
# Parts of a stored report that are also read by themselves.
SETS, MATRIX, UNLOADABLE = "sets", "matrix", "unloadable"

_ALIKE = 1e-9  # of shares

JSON = dict[str, object]
Stored = Mapping[str, Any]  # a JSON object as it was decoded: nothing is known of its values
_Of = TypeVar("_Of")


class Kind(Enum):
    """How the drawings of a test set came to be: they fooled their round's model, or they did not
    and were chosen at random for the audit."""

    FOOLS = "fools"
    AUDITED = "audited"


@dataclass(frozen=True)
class TestSet:
    """The drawings of one round that are kept to measure models and never trained on."""

    kind: Kind
    round: int

    @property
    def name(self) -> str:
        """The set's name in a report, such as “fools_3”."""
        return f"{self.kind.value}_{self.round}"

    @staticmethod
    @lru_cache(maxsize=4096)
    def named(name: str) -> TestSet | None:
        """Read a set's name; None where it is no test set's. A report of many rounds has each name
        many times."""
        kind, _, number = name.rpartition("_")
        if not (number.isascii() and number.isdigit()):
            return None
        known = next((known for known in Kind if known.value == kind), None)
        return TestSet(known, int(number)) if known else None


@dataclass(frozen=True)
class Count:
    """How many images there are, and how many of them a model reads correctly."""

    n: int = 0
    correct: int = 0

    def as_json(self) -> JSON:
        return {"n": self.n, "correct": self.correct}

    @staticmethod
    def from_json(stored: Stored) -> Count:
        return Count(stored.get("n", 0), stored.get("correct", 0))


@dataclass(frozen=True)
class SetFigures(Count):
    """What a model reads of one set; empty where it was not measured.

    ``accuracy`` and the ends of its 95 % interval are shares, None for an empty set. ``per_digit``
    has ten counts by label, ``confusion`` counts by label (row) and answer (column). ``stand_in``
    says that other images take the place of real ones.
    """

    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    stand_in: bool = False
    per_digit: tuple[Count, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()

    def as_json(self) -> JSON:
        return super().as_json() | {
            "accuracy": self.accuracy,
            "low": self.low,
            "high": self.high,
            "stand_in": self.stand_in,
            "per_digit": [count.as_json() for count in self.per_digit],
            "confusion": [list(row) for row in self.confusion],
        }

    @staticmethod
    def from_json(stored: Stored | None, *, by_digit: bool = True) -> SetFigures:
        """Read stored figures; without those `by_digit` it takes a tenth of the time."""
        stored = stored or {}
        return SetFigures(
            n=stored.get("n", 0),
            correct=stored.get("correct", 0),
            accuracy=stored.get("accuracy"),
            low=stored.get("low"),
            high=stored.get("high"),
            stand_in=stored.get("stand_in", False),
            per_digit=tuple(map(Count.from_json, (by_digit and stored.get("per_digit")) or ())),
            confusion=tuple(map(tuple, (by_digit and stored.get("confusion")) or ())),
        )


@dataclass(frozen=True)
class PairedTest:
    """Two models on the same ``n`` images: ``gained`` are those that the first reads correctly and
    the second does not, ``lost`` the reverse, ``p`` is the exact McNemar test's."""

    n: int
    gained: int
    lost: int
    p: float

    def as_json(self) -> JSON:
        return {"n": self.n, "gained": self.gained, "lost": self.lost, "p": self.p}

    @staticmethod
    def from_json(stored: Stored) -> PairedTest:
        return PairedTest(stored["n"], stored["gained"], stored["lost"], stored["p"])


@dataclass(frozen=True)
class MatrixLine:
    """How many of each test set one model reads correctly: that of ``round``, or (None) the
    candidate whose report this is."""

    round: int | None
    correct: dict[TestSet, int]

    def as_json(self) -> JSON:
        return {
            "round": self.round,
            "correct": {test.name: correct for test, correct in self.correct.items()},
        }

    @staticmethod
    def from_json(stored: Stored) -> MatrixLine:
        return MatrixLine(stored["round"], _by_test_set(stored["correct"]))


@dataclass(frozen=True)
class AgainstTarget:
    """A candidate beside the target model, that of ``round``, on each test set."""

    round: int
    tests: dict[TestSet, PairedTest]

    def as_json(self) -> JSON:
        return {
            "round": self.round,
            "sets": {test.name: paired.as_json() for test, paired in self.tests.items()},
        }

    @staticmethod
    def from_json(stored: Stored) -> AgainstTarget:
        tests = _by_test_set(stored["sets"])
        return AgainstTarget(
            stored["round"], {test: PairedTest.from_json(tests[test]) for test in tests}
        )


@dataclass(frozen=True)
class Cost:
    """What a training took: seconds, its data's loading and its measuring among them, and the most
    memory that its process held, in bytes."""

    seconds: float
    peak_memory: int


@dataclass(frozen=True)
class Report:
    """Everything measured about a round model.

    ``sets`` by name: the base sets, and the test sets by ``TestSet.name``. ``forgot`` are the ids
    of attempts in the test sets that the target model reads correctly and this one does not.
    ``matrix`` has a line for every round's model and one for this one. ``unloadable`` are the
    rounds whose models could not be loaded, so that this one was measured without them. What was
    not measured is None.
    """

    sets: dict[str, SetFigures] = field(default_factory=dict)
    against_target: AgainstTarget | None = None
    forgot: tuple[str, ...] | None = None
    matrix: tuple[MatrixLine, ...] | None = None
    unloadable: tuple[int, ...] = ()
    cost: Cost | None = None

    def of(self, name: str) -> SetFigures:
        """Give the figures of a set; empty ones where it was not measured."""
        return self.sets.get(name, SetFigures())

    @property
    def tests(self) -> dict[TestSet, SetFigures]:
        """The figures of the test sets."""
        return _by_test_set(self.sets)

    @property
    def of_any_size(self) -> Report:
        """The part that is as large after a thousand rounds as after one: without test sets and
        matrix."""
        sets = {name: of for name, of in self.sets.items() if not TestSet.named(name)}
        return replace(self, sets=sets, against_target=None, matrix=None)

    @property
    def on_tests(self) -> Report:
        """The part that grows with each round: the test sets, and the target model on them.

        A set has a dozen drawings, so that by digit there is little to say of it; how many are read
        correctly, and the interval, stay.
        """
        sets = {
            test.name: replace(of, per_digit=(), confusion=()) for test, of in self.tests.items()
        }
        return Report(sets=sets, against_target=self.against_target)

    def as_json(self) -> JSON:
        stored: JSON = {SETS: _sets_as_json(self.sets)}
        if self.against_target is not None:
            stored["against_target"] = self.against_target.as_json()
        if self.forgot is not None:
            stored["forgot"] = list(self.forgot)
        if self.matrix is not None:
            stored[MATRIX] = [line.as_json() for line in self.matrix]
        if self.unloadable:
            stored[UNLOADABLE] = list(self.unloadable)
        if self.cost is not None:
            stored["cost"] = asdict(self.cost)
        return stored

    @staticmethod
    def from_json(stored: Stored | None) -> Report:
        """Read a stored report; None, as of a model that was never measured, is empty."""
        stored = stored or {}
        against, forgot, matrix = map(stored.get, ("against_target", "forgot", MATRIX))
        cost = stored.get("cost")
        return Report(
            sets=_sets(stored.get(SETS)),
            against_target=None if against is None else AgainstTarget.from_json(against),
            forgot=None if forgot is None else tuple(forgot),
            matrix=None if matrix is None else tuple(map(MatrixLine.from_json, matrix)),
            unloadable=tuple(stored.get(UNLOADABLE, ())),
            cost=None if cost is None else Cost(**cost),
        )


@dataclass(frozen=True)
class Ablation:
    """A model that leaves a contributor out, beside the model that it is compared with (by id).

    Until it is measured it says that id alone. ``samples``: how many it was trained on, and the
    other. ``other_sets``: the other model, measured on the same images. In ``paired``, ``gained``
    are the images that the one without the contributor alone reads correctly.
    """

    compared_with: int
    sets: dict[str, SetFigures] = field(default_factory=dict)
    samples: tuple[int, int] = (0, 0)
    other_sets: dict[str, SetFigures] = field(default_factory=dict)
    paired: dict[str, PairedTest] = field(default_factory=dict)

    def as_json(self) -> JSON:
        if not self.sets:
            return {"compared_with": self.compared_with}
        return {
            "sets": _sets_as_json(self.sets),
            "compared_with": self.compared_with,
            "samples": list(self.samples),
            "their_sets": _sets_as_json(self.other_sets),
            "paired": {name: test.as_json() for name, test in self.paired.items()},
        }

    @staticmethod
    def from_json(stored: Stored) -> Ablation:
        first, second = stored.get("samples", (0, 0))
        paired = stored.get("paired", {})
        return Ablation(
            compared_with=stored["compared_with"],
            sets=_sets(stored.get("sets")),
            samples=(first, second),
            other_sets=_sets(stored.get("their_sets")),
            paired={name: PairedTest.from_json(paired[name]) for name in paired},
        )


def strictly(stored: object) -> Report:
    """Read a report of which nothing is believed. Raises ValueError, which says where, where a part
    is not what it is called, or the figures of a set contradict one another."""
    told = _of_type(dict, stored, "the report")
    if SETS not in told:
        raise ValueError("it has no sets")
    for name, figures in _of_type(dict, told[SETS], SETS).items():
        _require_figures(name, _of_type(dict, figures or {}, name))
    _require_paired(told)
    for attempt in _of_type(list, told.get("forgot") or [], "forgot"):
        _of_type(str, attempt, "forgot")
    for number in _of_type(list, told.get(UNLOADABLE, []), UNLOADABLE):
        _of_type(int, number, UNLOADABLE)
    _require_matrix(told)
    if (cost := told.get("cost")) is not None:
        if _of_type(dict, cost, "cost").keys() != {"seconds", "peak_memory"}:
            raise ValueError("cost is of something else")
        _require_counts("cost", cost, "peak_memory")
        _of_type((int, float), cost["seconds"], "cost")
    return Report.from_json(told)


def _require_paired(told: Stored) -> None:
    if (against := told.get("against_target")) is None:
        return
    _require_counts("against_target", _of_type(dict, against, "against_target"), "round")
    for name, paired in _of_type(dict, against.get(SETS), "against_target").items():
        _require_counts(name, _of_type(dict, paired, name), "n", "gained", "lost")
        _require_share(name, paired.get("p"))


def _require_matrix(told: Stored) -> None:
    for line in _of_type(list, told.get(MATRIX) or [], MATRIX):
        correct = _of_type(dict, _of_type(dict, line, MATRIX).get("correct"), MATRIX)
        _require_counts(MATRIX, correct, *correct)
        if line.get("round") is not None:
            _require_counts(MATRIX, line, "round")


def _of_type(kind: Any, value: Any, name: str) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{name} is not what it should be")
    return value


def _require_counts(name: str, of: Stored, *parts: str) -> None:
    for part in parts:
        if _of_type(int, of.get(part), f"{part} of {name}") < 0:
            raise ValueError(f"{part} of {name} is less than nothing")


def _require_share(name: str, share: object) -> float:
    if not 0 <= _of_type((int, float), share, f"a share of {name}") <= 1:
        raise ValueError(f"a share of {name} is none")
    return float(share)  # type: ignore[arg-type]


def _require_figures(name: str, stored: Stored) -> None:
    """Require that the figures of a set are of one measuring: counts, shares of them, and both by
    digit, where they are told so."""
    per_digit = _of_type(list, stored.get("per_digit") or [], f"per_digit of {name}")
    counts = [
        {"n": 0, "correct": 0, **_of_type(dict, count, f"per_digit of {name}")}
        for count in (stored, *per_digit)
    ]
    for count in counts:
        _require_counts(name, count, "n", "correct")
    rows = _of_type(list, stored.get("confusion") or [], f"confusion of {name}")
    for cell in (cell for row in rows for cell in _of_type(list, row, f"confusion of {name}")):
        _of_type(int, cell, f"confusion of {name}")
    if rows and [len(row) for row in rows] != [len(per_digit)] * 10:
        raise ValueError(f"confusion of {name} is not of ten digits")
    if not isinstance(stored.get("stand_in", False), bool):
        raise ValueError(f"stand_in of {name} is neither true nor false")
    of_all, *by_digit = counts
    n, correct = of_all["n"], of_all["correct"]
    shares = [stored.get(end) for end in ("low", "accuracy", "high")]
    if not n:
        agrees = not correct and shares == [None, None, None]
    else:
        low, accuracy, high = (_require_share(name, share) for share in shares)
        agrees = low <= accuracy + _ALIKE and accuracy - _ALIKE <= high
        agrees = agrees and abs(accuracy - correct / n) < _ALIKE
    if by_digit:
        counted = [[of[part] for of in by_digit] for part in ("n", "correct")]
        agrees = agrees and len(by_digit) == 10 and list(map(sum, counted)) == [n, correct]
        if rows:
            by_label = [[sum(row), row[label]] for label, row in enumerate(rows)]
            agrees = agrees and by_label == [[of["n"], of["correct"]] for of in by_digit]
    if not agrees or correct > n:
        raise ValueError(f"the figures of {name} contradict one another")


def set_lookup(name: str) -> str:
    """Say where a stored report has the figures of a set, as a query writes it after the field."""
    return f"{SETS}__{name}"


def _sets(stored: Stored | None) -> dict[str, SetFigures]:
    return {name: SetFigures.from_json(figures) for name, figures in (stored or {}).items()}


def _sets_as_json(sets: dict[str, SetFigures]) -> JSON:
    return {name: figures.as_json() for name, figures in sets.items()}


def _by_test_set(by_name: Mapping[str, _Of]) -> dict[TestSet, _Of]:
    """Pass over every name that is no test set's."""
    named = ((TestSet.named(name), of) for name, of in by_name.items())
    return {test: of for test, of in named if test is not None}
