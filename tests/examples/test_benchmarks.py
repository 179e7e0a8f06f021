"""benchmarks/migrations.py runs; what it measures is in its README."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_small_run(tmp_path: Path) -> None:
    """A line and an entry for each contestant, with the seconds of each round."""
    sizes = ["--models", "3", "--revisions", "2", "--rounds", "2"]
    command = [sys.executable, "benchmarks/migrations.py", *sizes, "--json", str(tmp_path / "x.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads((tmp_path / "x.json").read_text())
    assert (found["models"], found["revisions"], found["rounds"]) == (3, 2, 2)
    readme = (ROOT / "benchmarks" / "README.md").read_text()
    for result in found["results"]:
        assert f"\n| {result['name']} |" in readme
        assert result["name"] in done.stdout
        assert len(result["seconds"]) == 2
