"""The benchmarks of the endpoint run, and print what they say: requests, and the server's share of a call."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

#: By a client that has asked for the addresses before; of `get_model` and `list_models` one page.
REQUESTS = {
    "CREATE MODEL": 1,
    "ADD VERSION": 1,
    "SET DEFAULT_VERSION": 1,
    "DROP VERSION": 1,
    "SHOW MODELS": 1,
    "SHOW VERSIONS": 1,
    "DESC MODEL": 1,
    "get_model": 1,
    "list_models, first 100": 1,
    "model.versions": 1,
    "exist_table": 1,
    "SELECT, rows": 3,  # the statement, a download, its rows
    "DROP MODEL": 1,
}


def run(group: str) -> str:
    """What a small run prints."""
    command = [sys.executable, "-m", "benchmarks", group, "--small", "--rounds", "1"]
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def figures(printed: str, contest: str) -> dict[str, int]:
    found = re.findall(rf"^\| {re.escape(contest)} \| (.*) \| (\d+) \w+ \|", printed, re.MULTILINE)
    return {name: int(number) for name, number in found}


def test_a_small_run() -> None:
    printed = run("serving")
    assert figures(printed, "requests of a call") == REQUESTS
    shares = re.findall(r"^\| the server's share of a call \| (.*) \| (\d+) % \|", printed, re.MULTILINE)
    assert [name for name, _ in shares] == list(REQUESTS)
    assert all(0 < int(share) <= 100 for _, share in shares)


def test_the_driver_of_maxcompute_asks_no_more_than_the_client() -> None:
    """Of each operation that both can do."""
    printed = run("counted")
    ours, bare = (figures(printed, f"requests of {who}") for who in ("odpsmodel+pyodps", "PyODPS alone"))
    later = figures(printed, "requests of odpsmodel+pyodps, answered later")
    assert [name for name, number in bare.items() if ours[name] > number] == []
    assert (ours["CREATE MODEL, element"], later["CREATE MODEL, element"]) == (1, 3)
    assert ours.keys() == later.keys() == figures(printed, "polls of odpsmodel+pyodps, answered later").keys()
