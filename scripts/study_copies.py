"""Is copying worth it? A simulated crowd and ten farmers on a real site in memory, and how often
honest drawings are taken for copies: `python -m scripts.study_copies [PEOPLE.jsonl.gz]`.

A farmer draws until one drawing fools the model, and then sends it again and again, each time under
another affine map within 15 %. The file may hold real people's drawings, a JSON line each: writer,
label, strokes, width. It is only read.
"""

import gzip
import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng

HONEST, DRAWINGS_EACH = 40, 25
FARMERS, COPIES_EACH = 10, 20
WITHIN = 0.15
CROWD, EACH_DIGIT, ASKED = 1000, 1000, 100  # simulated drawings: writers, of a digit, compared


def main(people: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "dadc_site.settings",
            "DADC_DATA_DIR": folder,
            "DADC_PASSWORD": "correct horse battery",
            "DADC_LIMIT_SCALE": "1000",
            "DADC_AUDIT_SHARE": "0",
            "DADC_GOLD_SHARE": "0",
            "DADC_ROUND_SIZE": "100000",
        }
        import django

        django.setup()
        print("### The farm\n")
        farm()
    print("\n### Honest drawings taken for copies\n")
    print("| drawings | compared with | taken for copies | ones and sevens |")
    print("| --- | --- | ---: | ---: |")
    if people:
        with gzip.open(people, "rt") as lines:
            drawn = [Drawn.of(json.loads(line)) for line in lines]
        for name, writers in (("tuned on", range(1, 45)), ("held out", range(45, 61))):
            some = [one for one in drawn if one.writer in writers]
            tell(f"{len(some)} real, {name}", "all others of the digit", marks(some, some))
    simulated = crowd()
    chosen = default_rng(1).permutation(len(simulated))[: 10 * ASKED]
    asked = [simulated[place] for place in chosen]
    tell(f"{len(asked)} simulated", f"{EACH_DIGIT} of the digit", marks(asked, simulated))


@dataclass(frozen=True, eq=False)
class Drawn:
    """A drawing, who made it, and what it is compared by."""

    writer: int
    label: int
    path: Any
    shape: Any
    pixels: bytes

    @staticmethod
    def of(row: dict[str, Any]) -> "Drawn":
        from trainer.learning import drawing, raster, similarity

        path = similarity.path_of(row["strokes"])
        drawn = drawing.parse(row["strokes"], row.get("width", drawing.DEFAULT_WIDTH))
        pixels = raster.rasterise(drawn).tobytes()
        return Drawn(row["writer"], row["label"], path, similarity.shape(path), pixels)


def mapped(strokes: Any, rng: Generator) -> Any:
    """Turn, slant, stretch and move a drawing by chance, each by up to `WITHIN`, as far as the
    canvas reaches: strokes in whole canvas units."""
    points = np.concatenate([np.column_stack([s["x"], s["y"]]) for s in strokes]).astype(float)
    middle = points.mean(axis=0)
    reach = WITHIN
    while True:
        turn, slant, wider, higher = rng.uniform(-reach, reach, 4)
        cos, sin = np.cos(turn), np.sin(turn)
        linear = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, slant], [0, 1]])
        there = (points - middle) @ (linear * [1 + wider, 1 + higher]).T + middle
        low, high = there.min(axis=0), there.max(axis=0)
        if ((high - low) <= 279).all():
            break
        reach *= 0.9
    there += np.clip(rng.uniform(-WITHIN, WITHIN, 2) * 280, -low, 279 - high)
    whole = iter(np.rint(there).astype(int).clip(0, 279).tolist())
    again = []
    for stroke in strokes:
        x, y = zip(*(next(whole) for _ in stroke["x"]), strict=True)
        again.append({"x": list(x), "y": list(y), "t": stroke["t"]})
    return again


def farm() -> None:
    """Let the crowd draw, then the farmers, have everything read as what it was meant, and tell
    what the farmers have of it."""
    from django.core.management import call_command

    from collector.models import Attempt, Person
    from collector.people import accounts
    from collector.standings import leaderboards, round_figures
    from trainer import samples
    from trainer.models import Round, Sample
    from trainer.simulation import penman, tactics

    call_command("setup", verbosity=0)
    reader = accounts.add("reader", "a fine password 1", role="moderator")
    rng = default_rng(1)

    def of_all() -> leaderboards.AttemptCounts:
        by_round = leaderboards.counts_by_round(Round.objects.values_list("pk", flat=True))
        return sum(by_round.values(), leaderboards.AttemptCounts())

    def person(name: str, number: int) -> tuple[Person, tactics.Fooler]:
        hand = penman.writer(90_000 + number)
        return accounts.add(name, "a fine password 1"), tactics.Fooler(hand, rng)

    for number in range(HONEST):
        drawer, fooler = person(f"honest{number}", number)
        for _ in range(DRAWINGS_EACH):
            try_once(drawer, fooler)
    read_all(reader)
    before, none = of_all(), leaderboards.AttemptCounts()
    by_digit = leaderboards.counts_by_digit(Round.objects.all())
    of_simple = by_digit.get(1, none) + by_digit.get(7, none)
    shared = Attempt.objects.filter(has_fooled=True, near_duplicate_of=None).first()
    assert shared
    farmers = [person(f"farmer{number}", HONEST + number) for number in range(FARMERS)]
    firsts = [first_fool(drawer, fooler) for drawer, fooler in farmers]
    read_all(reader)
    due_before, with_firsts = samples.due().count(), of_all()
    copies = []
    for (drawer, _), first in zip(farmers, firsts, strict=True):
        for original in [first] * COPIES_EACH + [shared] * COPIES_EACH:
            strokes = mapped(original.strokes, rng)
            copies.append(submit(drawer, original.target_label, strokes, original.width))
    sent = [copy for copy in copies if copy]
    read_all(reader)
    after = of_all()
    earned = [credit_of(drawer) for drawer, _ in farmers]
    one = [Attempt.objects.get(pk=first.pk).credit for first in firsts]
    marked = Attempt.objects.filter(near_duplicate_of__isnull=False).values("pk")
    interval = round_figures.share(*with_firsts.vmer_parts)
    rows = {
        "honest people, their drawings, of them taken for copies": (
            f"{HONEST}, {before.attempt_count + before.copy_count:,}, {before.copy_count}"
        ),
        "of these ones and sevens, taken for copies": (
            f"{of_simple.attempt_count + of_simple.copy_count}, {of_simple.copy_count}"
        ),
        "farmers; copies of their own fool and of one of somebody else’s, that fooled the model": (
            f"{FARMERS}; {len(sent)}, {sum(copy.has_fooled for copy in sent)}"
        ),
        "copies marked": after.copy_count - with_firsts.copy_count,
        "credit of the farmers' first fools": f"{sum(one):g}",
        "credit of all that the farmers drew": f"{sum(earned):g}",
        "samples due before the copies, after": f"{due_before}, {samples.due().count()}",
        "samples of copies": Sample.objects.filter(attempt__in=marked).count(),
        "rounds": Round.objects.count(),
        "vMER before the copies": f"{interval.value:.4f} ({interval.low:.4f}–{interval.high:.4f})",
        "vMER after": f"{after.vmer:.4f}",
    }
    print("| what | figure |\n| --- | ---: |")
    for what, figure in rows.items():
        print(f"| {what} | {figure} |")


def credit_of(drawer: Any) -> float:
    """What somebody's drawings have earned."""
    return float(sum(drawer.attempts.values_list("credit", flat=True)))


def submit(drawer: Any, label: int, strokes: Any, width: int) -> Any:
    """Submit a drawing; None where it is refused as the very same pixels."""
    from collector.drawings import attempts
    from collector.errors import Conflict, Unprocessable

    try:
        submission = attempts.Submission(label, attempts.parse(strokes, width))
        return attempts.submit(drawer, submission)[0]
    except (Conflict, Unprocessable):
        return None


def try_once(drawer: Any, fooler: Any) -> Any:
    """Draw once as an honest person does; the attempt."""
    written = fooler.draw()
    attempt = submit(drawer, written.form.digit, written.strokes, written.width)
    fooler.learn(written, bool(attempt and attempt.has_fooled))
    return attempt


def first_fool(drawer: Any, fooler: Any) -> Any:
    """Draw until one fools the model; that attempt."""
    while not ((attempt := try_once(drawer, fooler)) and attempt.has_fooled):
        pass
    return attempt


def read_all(reader: Any) -> None:
    """Read whatever waits as what it was meant."""
    from collector.moderation import queue, readings

    while reading := queue.assign(reader):
        assert reading.attempt
        readings.read(reader, reading.pk, str(reading.attempt.target_label))


def crowd() -> list[Drawn]:
    """Drawings of every digit by as many simulated people, from the usual hand to bold ones."""
    from trainer.simulation import penman

    rng = default_rng(2)
    drawn = []
    for digit in range(10):
        for number in range(EACH_DIGIT):
            written = penman.write(
                penman.writer(number % CROWD), digit, rng, float(rng.uniform(0, 0.8))
            )
            row = {"writer": number % CROWD, "label": digit, "strokes": written.strokes}
            drawn.append(Drawn.of(row | {"width": written.width}))
    return drawn


def marks(asked: Iterable[Drawn], others: list[Drawn]) -> dict[int, tuple[int, int]]:
    """Compare each drawing with all others of its digit as if those were earlier fools: by digit,
    how many are taken for copies, of how many."""
    from trainer.learning import raster, same_ink, similarity

    of_digit: dict[int, list[Drawn]] = defaultdict(list)
    for other in others:
        of_digit[other.label].append(other)
    marked: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for one in asked:
        earlier = [other for other in of_digit[one.label] if other is not one]
        own = [other for other in earlier if other.writer == one.writer]
        found: list[Drawn] = []
        turns: list[float] = []
        for drawn, count in ((earlier, similarity.LOOKED_AT), (own, similarity.LOOKED_AT_OF_OWN)):
            alike, turned = similarity.alikeness(one.path, stacked(drawn))
            most = np.argsort(-alike)[:count]
            found += [drawn[place] for place in most]
            turns += turned[most].tolist()
        distances = similarity.compare(one.path, [other.path for other in found], turns)
        is_copy = any(
            distance.is_near(one.label, is_own=other.writer == one.writer)
            for distance, other in zip(distances, found, strict=True)
        )
        pictures = raster.pictures(other.pixels for other in earlier)
        is_copy |= same_ink.find(raster.picture(one.pixels), pictures, one.label) is not None
        count, of = marked[one.label]
        marked[one.label] = count + is_copy, of + 1
    return marked


def stacked(drawn: list[Drawn]) -> Any:
    """Their shapes, uint8 (n, 400)."""
    from trainer.learning import similarity

    return similarity.shapes(one.shape.tobytes() for one in drawn)


def tell(what: str, against: str, marked: dict[int, tuple[int, int]]) -> None:
    """Print a line of the table."""

    def share(digits: Iterable[int]) -> str:
        count = sum(marked[digit][0] for digit in digits)
        of = sum(marked[digit][1] for digit in digits)
        return f"{count} of {of:,}: {100 * count / of:.1f} %"

    ones = f"{share([1])}; {share([7])}"
    print(f"| {what} | {against} | {share(range(10))} | {ones} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
