"""A page's files and console blocks, written and executed in order, and what the commands print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: A page's block: the file's name where the line above it is just that, its language, its text.
BLOCK = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Each command (``$``, and ``>`` on the lines that it goes on) and what it prints."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        more = next((i for i, line in enumerate(lines[1:], 1) if not re.match(r">( |$)", line)), len(lines))
        continued = (line.removeprefix(">").removeprefix(" ") for line in lines[1:more])
        yield "".join((lines[0], *continued)), "".join(lines[more:])


def run(page: str, folder: Path, environment: Mapping[str, str] = os.environ, *, errors: bool = False) -> int:
    """Run a page's commands where examples is a copy; how many there were.

    A block below a line that is just a file's name, as `models.py`:, is written there first.  With ``errors`` what
    goes to standard error is printed too, as on a terminal.
    """
    ignored = shutil.ignore_patterns("*.db*", "__pycache__")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=ignored, dirs_exist_ok=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    where, count = str(folder), 0
    for name, language, block in BLOCK.findall(page):
        if name:
            Path(where, name).write_text(block)
        for command, expected in commands(block) if language == "console" else ():
            script = f"set -e\n{command}\nprintf '@%s' \"$PWD\""
            done = subprocess.run(
                ["bash", "-c", script],
                cwd=where,
                env={**environment, "PATH": path},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if errors else subprocess.PIPE,
                text=True,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            printed, _, where = done.stdout.rpartition("@")
            assert OutputChecker().check_output(expected, printed, ELLIPSIS | NORMALIZE_WHITESPACE), (
                f"{command}\n{printed}"
            )
            count += 1
    return count
