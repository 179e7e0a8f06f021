"""docs/maxcompute.md, executed against the local endpoint."""

from __future__ import annotations

import doctest
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from consoles import ROOT, run

pytest.importorskip("odps", reason="PyODPS is of tox -e docs and maxcompute")

from sqlalchemy_odpsmodel.maxcompute import dialect
from sqlalchemy_odpsmodel.testing import serve

PAGE = ROOT / "docs" / "maxcompute.md"


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables that the page names."""
    with serve(tmp_path / "maxcompute.db") as endpoint:
        url = f"odpsmodel+pyodps://test:test@shop/?endpoint={endpoint.url}"
        yield {"MAXCOMPUTE_URL": url, "ASSISTANT_TOKEN": "sk-4f9c2e7ab1d84c55"}


def test_the_way_is_the_one_that_the_page_tells(environment: dict[str, str], tmp_path: Path) -> None:
    assert run(PAGE.read_text(), tmp_path, {**os.environ, **environment}) > 10


def test_the_python_of_the_page(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, verbose=False)
    assert (failed, tried > 8) == (0, True)


@pytest.mark.parametrize("argument", sorted(dialect._ARGUMENTS))
def test_every_argument_of_the_url_is_documented(argument: str) -> None:
    table = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert any(f"`{argument}`" in line.partition(" | ")[0] for line in table)
