"""The pages whose files are written and whose commands are executed."""

from __future__ import annotations

from pathlib import Path

import pytest
from consoles import ROOT, run

pytest.importorskip("odps", reason="PyODPS and the endpoint are of tox -e docs")

#: And how many commands each has at least.
PAGES = [("tutorial.md", 18), ("howto/ci.md", 9), ("endpoint.md", 1)]


@pytest.mark.parametrize(("page", "least"), PAGES)
def test_the_commands_print_what_the_page_says(page: str, least: int, tmp_path: Path) -> None:
    assert run((ROOT / "docs" / page).read_text(), tmp_path) >= least
