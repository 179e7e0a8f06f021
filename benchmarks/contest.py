"""Contests: contestants do the same work in turns, and what counts is ratios within one run.

The order of the turns changes each round, so that nobody has always the same one before it.  The figure of a
contestant is the median of its rounds, and to a peer the median of the rounds' ratios or differences.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import sub, truediv
from statistics import median
from time import perf_counter
from typing import Any

Work = Callable[[], object]
#: Of all contestants of a contest by name, the seconds of each round.
Seconds = dict[str, list[float]]
_UNITS = (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")


@dataclass(frozen=True)
class Target:
    """``figures`` makes of the rounds of a contestant, and of all, what is to be at most ``limit``."""

    limit: float
    text: str
    #: "ratio", "seconds" or, where it says no more than the row, "".
    shown: str
    figures: Callable[[list[float], Seconds], list[float]]


def times(limit: float, peer: str) -> Target:
    """At most so many times what a peer takes."""
    text = f"≤ {limit:g}× {peer}" if limit != 1 else f"ahead of {peer}"
    return Target(limit, text, "ratio", lambda mine, others: list(map(truediv, mine, others[peer])))


def more(seconds: float, peer: str) -> Target:
    """At most so many seconds more than a peer takes."""
    text = f"≤ {duration(seconds)} over {peer}"
    return Target(seconds, text, "seconds", lambda mine, others: list(map(sub, mine, others[peer])))


def at_most(seconds: float) -> Target:
    """At most so many seconds."""
    return Target(seconds, f"≤ {duration(seconds)}", "", lambda mine, others: mine)


def growth(limit: float, start: str, peer: str, peer_start: str) -> Target:
    """From its start on a contestant grows at most so many times what a peer grows."""

    def figures(mine: list[float], others: Seconds) -> list[float]:
        rounds = zip(mine, others[start], others[peer], others[peer_start], strict=True)
        return [(m / ms) / (p / ps) for m, ms, p, ps in rounds]

    return Target(limit, f"grows ≤ {limit:g}× what {peer} grows", "ratio", figures)


def duration(seconds: float) -> str:
    """Seconds for people."""
    size, unit = next((pair for pair in _UNITS if abs(seconds) >= pair[0]), _UNITS[-1])
    return f"{seconds / size:.3g} {unit}"


@dataclass
class Contestant:
    """``prepare`` is not timed, and returns the work that is, which does a thing ``times`` times."""

    name: str
    prepare: Callable[[], Work]
    targets: tuple[Target, ...] = ()
    times: int = 1
    #: Of each round, for one thing.
    seconds: list[float] = field(default_factory=list)

    def run(self) -> None:
        work = self.prepare()
        gc.collect()
        start = perf_counter()
        work()
        self.seconds.append((perf_counter() - start) / self.times)


@dataclass
class Contest:
    """The first contestant is what the others are measured by.  ``rounds``: of them that count, at most."""

    name: str
    contestants: list[Contestant]
    rounds: int = 15

    def run(self, rounds: int) -> list[dict[str, Any]]:
        """The results.  One round more warms up and does not count."""
        for turn in range(min(rounds, self.rounds) + 1):
            first = turn % len(self.contestants)
            for contestant in self.contestants[first:] + self.contestants[:first]:
                contestant.run()
        for contestant in self.contestants:
            del contestant.seconds[0]
        return list(self._results())

    def _results(self) -> Iterator[dict[str, Any]]:
        all_ = {c.name: c.seconds for c in self.contestants}
        for c in self.contestants:
            ratio = median(map(truediv, c.seconds, self.contestants[0].seconds))
            targets = [_reached(target, median(target.figures(c.seconds, all_))) for target in c.targets]
            yield {
                "contest": self.name,
                "name": c.name,
                "median": median(c.seconds),
                "ratio": ratio,
                "targets": targets,
                "seconds": c.seconds,
            }


@dataclass
class Figure:
    """What is no time, in a unit."""

    name: str
    figures: dict[str, float]
    unit: str
    limit: float | None = None

    def run(self, rounds: int) -> list[dict[str, Any]]:
        targets = []
        if self.limit is not None:
            targets = [Target(self.limit, f"≤ {self.limit:g} {self.unit}", "", lambda mine, others: mine)]
        return [
            {"contest": self.name, "name": name, "figure": figure, "unit": self.unit}
            | {"targets": [_reached(target, figure) for target in targets]}
            for name, figure in self.figures.items()
        ]


def _reached(target: Target, figure: float) -> dict[str, Any]:
    """A target, its figure, and how it is met: figures that differ by less than a tenth are ties."""
    word = "met" if figure <= target.limit else "a tie" if figure <= 1.1 * target.limit else "missed"
    shown = {"ratio": f" ({figure:.2f})", "seconds": f" ({duration(figure)})", "": ""}[target.shown]
    return {
        "target": target.text,
        "figure": figure,
        "reached": word,
        "shown": f"{target.text}: {word}{shown}",
    }


def as_row(result: dict[str, Any]) -> str:
    """A result as a row of a table in Markdown."""
    if "figure" in result:
        found, ratio = f"{result['figure']:.0f} {result['unit']}", ""
    else:
        found, ratio = duration(result["median"]), f"{result['ratio']:.2f}"
    targets = "; ".join(target["shown"] for target in result["targets"])
    return f"| {result['contest']} | {result['name']} | {found} | {ratio} | {targets} |"
