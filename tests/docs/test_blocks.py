"""Every block of code in the pages is executed, here or by what a test names."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import test_consoles
from alembic.migration import MigrationContext
from alembic.operations import Operations
from consoles import BLOCK, ROOT
from samples import add, create
from sqlalchemy import create_engine, inspect

pytest.importorskip("odps", reason="PyODPS and the endpoint are of tox -e docs")

from sqlalchemy_odpsmodel import dbapi

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
#: Whose commands are executed: by test_consoles, test_migrate, test_maxcompute and the tests of the command.
CONSOLES = {
    *(page for page, _ in test_consoles.PAGES),
    "README.md",
    "migrate.md",
    "maxcompute.md",
    "command.md",
}
#: Python that is neither a doctest nor a file of a console page, and SQL: executed below, and by test_docs.
FRAGMENTS = {
    "migrate.md": ["def upgrade("],
    "howto/environments.md": ["def upgrade("],
    "endpoint.md": ["client = ODPS("],
    "performance.md": ["SELECT * FROM odps_models"],
    "statements.md": [""],
}
#: It needs a Docker engine; tests/endpoint/test_container.py does the same where there is one.
NOT_EXECUTED = {"endpoint.md": ["OdpsModelContainer("]}


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS if page.is_relative_to(DOCS) else ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_is_executed(page: Path) -> None:
    """A doctest, a file or command of a page of commands, or a fragment that is listed here."""
    name = name_of(page)
    known = FRAGMENTS.get(name, []) + NOT_EXECUTED.get(name, [])
    for file, language, block in BLOCK.findall(page.read_text()):
        if language == "console" or file:
            assert name in CONSOLES, block
        elif language in ("python", "sql") and not block.startswith(">>> "):
            assert any(words in block for words in known), block


def fragment(page: Path, words: str) -> str:
    blocks = BLOCK.findall(page.read_text())
    return next(block for _, language, block in blocks if language != "console" and words in block)


def execute(block: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(block, namespace)  # noqa: S102  it is the page's
    return namespace


def test_a_client_of_one_s_own_is_made_without_a_request() -> None:
    assert execute(fragment(DOCS / "endpoint.md", "client = ODPS("))["client"].project == "demo"


def test_a_page_by_key_is_read(tmp_path: Path) -> None:
    with closing(dbapi.connect(tmp_path / "models.db")) as con:
        con.execute(create())
        assert con.execute(fragment(DOCS / "performance.md", "SELECT * FROM odps_models")).fetchall() == []


@pytest.mark.parametrize(
    ("page", "model", "default"), [("migrate.md", "churn", "v2"), ("howto/environments.md", "iris", "v1")]
)
def test_the_migrations_run(page: str, model: str, default: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the models that they name, and the function of the page's project."""
    models = ModuleType("models")
    location = "oss://oss-cn-shanghai-internal.aliyuncs.com/bucket/"
    models.files = lambda path: {"LOCATION": location + path, "ROLEARN": "acs:ram::1:role/r"}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "models", models)
    with create_engine("odpsmodel://").connect() as connection:
        for statement in (create(name="churn"), add(name="churn")):
            connection.exec_driver_sql(statement)
        with Operations.context(MigrationContext.configure(connection)):
            execute(fragment(DOCS / page, "def upgrade("))["upgrade"]()
        assert default == inspect(connection).get_model(model)["default_version"]
