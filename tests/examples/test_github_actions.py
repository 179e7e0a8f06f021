"""examples/github-actions.yml: its steps, run in their order by bash as Actions runs them, in a copy of the shop."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
#: What installs the package; here it is installed.
INSTALL = 'pip install "sqlalchemy_odpsmodel[alembic,cli]"'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the project."""
    copied = tmp_path / "shop"
    shutil.copytree(EXAMPLES / "shop", copied, ignore=shutil.ignore_patterns("*.db*", "__pycache__"))
    return copied


def workflow() -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())
    return found


def steps() -> list[dict[str, Any]]:
    (job,) = workflow()["jobs"].values()
    found: list[dict[str, Any]] = job["steps"]
    return found


def failing(shop: Path) -> str | None:
    """The name of the first step that fails, and what it says; the step that installs is left out."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ASSISTANT")} | {"PATH": path}
    for step in steps():
        if "run" in step and step["run"] != INSTALL:
            bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = subprocess.run(bash, cwd=shop, env=environment, capture_output=True, text=True)
            if done.returncode:
                return f"{step['name']}: {done.stdout}{done.stderr}"
    return None


def test_it_runs_for_each_push_and_pull_request() -> None:
    """YAML 1.1 reads the key `on` as True; actions are pinned to a major version."""
    assert {"push", "pull_request"} == set(workflow()[True])
    assert workflow()["permissions"] == {"contents": "read"}
    used = [step["uses"] for step in steps() if "uses" in step]
    assert [name.split("@")[0] for name in used] == ["actions/checkout", "actions/setup-python"]
    assert all(re.fullmatch(r"[a-z/-]+@v\d+", name) for name in used)
    assert INSTALL in [step.get("run") for step in steps()]


def test_the_shop_passes(shop: Path) -> None:
    assert failing(shop) is None


def test_a_declaration_without_its_revision_fails(shop: Path) -> None:
    models = shop / "shop" / "models.py"
    models.write_text(models.read_text().replace("churn/2/", "churn/3/"))
    found = failing(shop)
    assert found
    assert found.startswith("The revisions make what is declared: ")
    assert "New upgrade operations detected" in found


def test_a_revision_that_does_not_downgrade_fails(shop: Path) -> None:
    """A downgrade that leaves its model behind, which the second upgrade finds."""
    revision = shop / "migrations" / "versions" / "0002_tickets_and_an_assistant.py"
    text, drop = revision.read_text(), '    op.drop_model("assistant")\n'
    assert drop in text
    revision.write_text(text.replace(drop, ""))
    assert (failing(shop) or "").startswith("And upgrades again: ")
