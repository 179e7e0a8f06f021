"""The commands of docs/migrate.md, executed in order, and what they print."""

from __future__ import annotations

from pathlib import Path

from consoles import ROOT, run

import sqlalchemy_odpsmodel.alembic

PAGE = (ROOT / "docs" / "migrate.md").read_text()


def test_the_commands_do_what_the_page_says(tmp_path: Path) -> None:
    assert run(PAGE, tmp_path) > 20


def test_every_name_of_the_module_is_on_the_page() -> None:
    for name in sqlalchemy_odpsmodel.alembic.__all__:
        assert f"`{name}`" in PAGE


def test_every_operation_has_its_line() -> None:
    for name in sqlalchemy_odpsmodel.alembic.__all__:
        assert name[0].isupper() or f"| `op.{name}(" in PAGE
