"""The benchmark of the endpoint runs, and prints what it says: requests, and the server's share of a call."""

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


def test_a_small_run() -> None:
    command = [sys.executable, "-m", "benchmarks", "serving", "--small", "--rounds", "1"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    found = re.findall(r"^\| requests of a call \| (.*) \| (\d+) requests \|", done.stdout, re.MULTILINE)
    assert {name: int(number) for name, number in found} == REQUESTS
    shares = re.findall(r"^\| the server's share of a call \| (.*) \| (\d+) % \|", done.stdout, re.MULTILINE)
    assert [name for name, _ in shares] == list(REQUESTS)
    assert all(0 < int(share) <= 100 for _, share in shares)
