"""examples/README.md: its commands, and what they print; each example is in it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import consoles

EXAMPLES = Path(__file__).parents[2] / "examples"
README = (EXAMPLES / "README.md").read_text()


def test_the_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("shop", "__pycache__")  # the shop is copied by consoles
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=ignored)
    assert consoles.run(README, tmp_path) == 8


def test_each_example_is_in_the_page() -> None:
    files = {path.name for path in EXAMPLES.iterdir() if path.name not in ("README.md", "__pycache__")}
    assert {name.split("/")[0] for name in re.findall(r"^\| \[.*?\]\((.*?)\)", README, re.M)} == files


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)", README):
        assert (EXAMPLES / target).exists(), target
