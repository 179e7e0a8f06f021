"""The commands of docs/migrate.md, executed in order, and what they print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

import sqlalchemy_odpsmodel.alembic

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "migrate.md").read_text()


def commands() -> Iterator[tuple[str, str]]:
    """Each command (``$``, and ``>`` on the lines that it goes on) and what it prints."""
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines(keepends=True)
            more = next(
                (i for i, line in enumerate(lines[1:], 1) if not re.match(r">( |$)", line)), len(lines)
            )
            continued = (line.removeprefix(">").removeprefix(" ") for line in lines[1:more])
            yield "".join((lines[0], *continued)), "".join(lines[more:])


def test_the_commands_do_what_the_page_says(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "examples/shop",
        tmp_path / "examples/shop",
        ignore=shutil.ignore_patterns("*.db*", "__pycache__"),
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    folder, count = str(tmp_path), 0
    for command, expected in commands():
        script = f"set -e\n{command}\nprintf '@%s' \"$PWD\""
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        printed, _, folder = done.stdout.rpartition("@")
        assert OutputChecker().check_output(expected, printed, ELLIPSIS | NORMALIZE_WHITESPACE), (
            f"{command}\n{printed}"
        )
        count += 1
    assert count > 20


def test_every_name_of_the_module_is_on_the_page() -> None:
    for name in sqlalchemy_odpsmodel.alembic.__all__:
        assert f"`{name}`" in PAGE


def test_every_operation_has_its_line() -> None:
    for name in sqlalchemy_odpsmodel.alembic.__all__:
        assert name[0].isupper() or f"| `op.{name}(" in PAGE
