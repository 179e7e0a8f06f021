"""The benchmarks run; what they measure is in their README, and what is found in docs/performance.md."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.contest import Contest, Contestant, at_most, duration, growth, more, times

ROOT = Path(__file__).parents[2]


def test_a_small_run(tmp_path: Path) -> None:
    """A row and an entry for each contestant, with the seconds of each round; each group is in the README."""
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "--small",
        "--rounds",
        "1",
        "--json",
        str(tmp_path / "x.json"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    results = json.loads((tmp_path / "x.json").read_text())["results"]
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert len(rows) == len(results) + 1  # the head
    readme = (ROOT / "benchmarks" / "README.md").read_text()
    for result in results:
        assert f"\n## {result['group'].capitalize()}\n" in readme
        assert f"| {result['contest']} | {result['name']} |" in done.stdout
        assert "figure" in result or len(result["seconds"]) == 1
    assert {result["group"] for result in results} == {
        "writing", "reading", "parsing", "growth", "starting", "migrations",
    } | ({"serving", "counted"} if find_spec("odps") else set())  # fmt: skip


def test_an_unknown_group_is_named() -> None:
    command = [sys.executable, "-m", "benchmarks", "writng"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "unknown group writng: the groups are writing, reading" in done.stderr


def test_the_curves(tmp_path: Path) -> None:
    draw = pytest.importorskip(
        "benchmarks.draw", reason="matplotlib is of tox -e docs and benchmark", exc_type=ImportError
    )
    rows = [("create, add", "raw sqlite3", 1.0), ("hostile: blanks", "10 characters", 0.1)]
    rows += [
        (f"DESC, {shape}", f"{who}, 1,000", 0.1)
        for shape in ("one model", "many models")
        for who in ("raw", "ours")
    ]
    results = [{"contest": c, "name": n, "median": m, "ratio": 1.0} for c, n, m in rows]
    draw.draw(results, tmp_path / "x.svg")
    drawn = (tmp_path / "x.svg").read_text()
    assert "raw sqlite3" in drawn
    assert "blanks" in drawn


def test_figures_are_medians_of_rounds() -> None:
    """Of ratios and differences within a round, not of what the rounds' medians give."""
    raw, ours = [1.0, 2.0, 10.0], [3.0, 4.0, 11.0]
    seconds = {"raw": raw, "ours": ours, "raw0": [1.0, 1.0, 5.0], "ours0": [1.0, 4.0, 5.5]}
    assert times(2, "raw").figures(ours, seconds) == [3.0, 2.0, 1.1]
    assert more(0.5, "raw").figures(ours, seconds) == [2.0, 2.0, 1.0]
    assert at_most(5).figures(ours, seconds) == ours
    assert growth(1.2, "ours0", "raw", "raw0").figures(ours, seconds) == [3.0, 0.5, 1.0]


def test_results_are_medians(monkeypatch: pytest.MonkeyPatch) -> None:
    contest = Contest("c", [Contestant(name, lambda: lambda: None) for name in ("raw", "ours")])
    contest.contestants[0].seconds, contest.contestants[1].seconds = [1.0, 2.0, 10.0], [3.0, 4.0, 11.0]
    ours = list(contest._results())[1]
    assert (ours["median"], ours["ratio"]) == (4.0, 2.0)
    timed = iter([1.0, 3.0])
    monkeypatch.setattr("benchmarks.contest.perf_counter", lambda: next(timed))
    contest.contestants[0].times = 4
    contest.contestants[0].run()
    assert contest.contestants[0].seconds[-1] == 0.5


@pytest.mark.parametrize(("figure", "reached"), [(1.0, "met"), (1.09, "a tie"), (1.11, "missed")])
def test_a_target_is_met_a_tie_or_missed(figure: float, reached: str) -> None:
    contest = Contest(
        "c",
        [
            Contestant("raw", lambda: lambda: None),
            Contestant("ours", lambda: lambda: None, (times(1, "raw"),)),
        ],
    )
    contest.contestants[0].seconds, contest.contestants[1].seconds = [1.0], [figure]
    (target,) = list(contest._results())[1]["targets"]
    assert (target["figure"], target["reached"]) == (figure, reached)


def test_contestants_take_turns_and_the_first_round_does_not_count() -> None:
    order: list[str] = []
    contestants = [Contestant(n, lambda n=n: lambda: order.append(n)) for n in "abc"]  # type: ignore[misc]
    found = Contest("c", contestants).run(2)
    assert order == [*"abc", *"bca", *"cab"]
    assert [len(result["seconds"]) for result in found] == [2, 2, 2]


def test_durations() -> None:
    assert [duration(s) for s in (2.5, 0.02, 150e-6, 0.6e-6)] == ["2.5 s", "20 ms", "150 µs", "0.6 µs"]
