"""What wrk said, as figures, ratios and tables."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

CLIENTS = (1, 8, 32)
PAIRS = {"predictions": "gradio predictions", "attempts": "gradio flags"}
FLOOR = {
    "view": "a Django view that answers a constant",
    "view, middleware": "the same under the site’s middleware",
    "wsgi": "a bare WSGI function",
}
ALONE = {
    "forward": "the net alone",
    "insert": "an SQLite insert, as the site commits",
    "synced": "an SQLite insert, synced to the disk",
}


class Unusable(Exception):
    """A run whose figures say nothing; the text says why."""


@dataclass(frozen=True)
class Run:
    """What clients got who asked again as soon as they were answered: answers of 2xx a second, and
    what half and 95 in 100 of them took, in milliseconds."""

    a_second: float
    p50: float
    p95: float
    answered: int
    taken: int  # bodies, of which wrk leaves a few unsent

    @staticmethod
    def read(output: str) -> "Run":
        """Take what load.lua printed. Raises Unusable where anything but 2xx came back."""
        said = dict(re.findall(r"^load: (\w+) (.*)$", output, re.MULTILINE))
        if not said:
            raise Unusable(f"wrk said nothing: {output.strip()[-300:]}")
        if refused := int(said["refused"]):
            raise Unusable(f"{refused} answers were not 2xx; the last: {said['complaint']}")
        if broken := int(said["broken"]):
            raise Unusable(f"{broken} connections broke or were not answered in time.")
        if int(said["ran_out"]):
            raise Unusable("There were not enough drawings for so quick a server.")
        answered = int(said["answered"])
        if not answered:
            raise Unusable("Nothing was answered.")
        a_second = answered / float(said["seconds"])
        return Run(a_second, float(said["p50"]), float(said["p95"]), answered, int(said["taken"]))


@dataclass(frozen=True)
class Ratio:
    """The median of the ratios of pairs, and the least and the most of them."""

    middle: float
    least: float
    most: float

    @staticmethod
    def of(ours: Iterable[float], theirs: Iterable[float]) -> "Ratio":
        """Compare what was measured next to each other, pair by pair."""
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        return Ratio(median(ratios), min(ratios), max(ratios))

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.least:.2f}–{self.most:.2f})"


Runs = dict[tuple[str, int], list[Run]]  # of each turn, by what was asked and how many clients
FIGURES = ("a_second", "p50", "p95")


def ratios(ours: Sequence[Run], theirs: Sequence[Run]) -> list[Ratio]:
    """Compare runs pair by pair: answers a second, p50, p95."""
    return [
        Ratio.of((getattr(run, name) for run in ours), (getattr(run, name) for run in theirs))
        for name in FIGURES
    ]


def told(runs: Sequence[Run]) -> str:
    """Give two cells: the median of the answers a second, and of p50 and p95."""
    a_second, p50, p95 = (median(getattr(run, name) for run in runs) for name in FIGURES)
    return f"{a_second:,.0f} | {p50:.1f}, {p95:.1f} ms"


def beside_gradio(found: Runs) -> str:
    """Write the table of what the site and Gradio were asked."""
    lines = [
        "| what | clients | a second | p50, p95 | Gradio’s a second | p50, p95 "
        "| a second, ratio | p50, ratio | p95, ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for what, beside in PAIRS.items():
        for clients in CLIENTS:
            one, other = found[what, clients], found[beside, clients]
            cells = [what, str(clients), told(one), told(other), *map(str, ratios(one, other))]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def above_the_floor(found: Runs, alone: dict[str, list[float]]) -> str:
    """Write the table of what is under an answer: constant answers, and what one thread does a
    second of the work itself."""
    lines = [
        "| what | clients | a second | p50, p95 | predictions beside it, ratio |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for what, name in FLOOR.items():
        for clients in CLIENTS:
            under = found[what, clients]
            [ratio, *_] = ratios(found["predictions", clients], under)
            lines.append(f"| {name} | {clients} | {told(under)} | {ratio} |")
    for what, name in ALONE.items():
        a_second = median(alone[what])
        lines.append(f"| {name} | — | {a_second:,.0f} | {1000 / a_second:.2f} ms | |")
    return "\n".join(lines)


def with_table(text: str, kind: str, table: str) -> str:
    """Return the text of a document with a database's tables between its two marks."""
    begin, end = (f"<!-- bench-peers, {kind}: {mark} -->" for mark in ("begin", "end"))
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"The document has no {begin} … {end}.")
    return f"{before}{begin}\n{table}\n{end}{after}"
