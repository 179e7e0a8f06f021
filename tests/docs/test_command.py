"""The commands of docs/command.md and README, executed in order, and what they print on a terminal."""

from __future__ import annotations

from pathlib import Path

from consoles import ROOT, run

#: The README's first command, which is indented there.
FIRST = "```console\n$ odpsmodel run models.db examples/models.sql > /dev/null 2>&1\n```\n"


def test_the_commands_of_the_page(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "command.md").read_text()
    assert run(page, tmp_path, errors=True) >= 9


def test_the_screen_of_the_readme(tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text()
    assert run(FIRST + page, tmp_path, errors=True) == 3
