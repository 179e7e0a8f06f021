"""What speed rests on, as counts: they are the same on any machine, where seconds are not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from samples import add, create
from sqlalchemy import Engine, MetaData, NullPool, create_engine, event, text

from benchmarks.migrations import models, project
from benchmarks.reading import MODELS_PAGE
from benchmarks.registries import Raw, Text, fill, new_file
from benchmarks.samples import TYPES, version
from sqlalchemy_odpsmodel import (
    AlterModelDropVersion,
    AlterModelSetDefaultVersion,
    CreateModel,
    DropModel,
    catalog,
    dbapi,
    reflect_models,
)
from sqlalchemy_odpsmodel.sql import lexer

ROOT = Path(__file__).parents[2]
Connect = Callable[..., dbapi.Connection]
SET_DEFAULT, DROP_VERSION = "ALTER MODEL m SET DEFAULT_VERSION v2", "ALTER MODEL m DROP VERSION v1"
#: What is done to the store: a change is one look, or for CREATE none, and the rows it writes; what is read is
#: one look and one query.
QUERIES = {
    create(): ["INSERT", "INSERT"],
    add(): ["SELECT", "INSERT", "UPDATE"],
    SET_DEFAULT: ["SELECT", "UPDATE"],
    "DESC MODEL m": ["SELECT", "WITH"],
    "SHOW MODELS": ["SELECT", "SELECT"],
    "SHOW VERSIONS FOR MODEL m": ["SELECT", "SELECT"],
    DROP_VERSION: ["SELECT", "UPDATE", "DELETE"],
    "DROP MODEL m": ["SELECT", "DELETE", "DELETE"],
}


def test_queries_of_a_statement(connect: Connect) -> None:
    con = connect(isolation_level=None)
    con.execute(create(name="first"))
    traced: list[str] = []
    con.set_trace_callback(traced.append)
    for sql, queries in QUERIES.items():
        traced.clear()
        reads = sql.startswith(("DESC", "SHOW"))
        con.execute(sql).fetchall() if reads else con.execute(sql)
        change = ["BEGIN", "SELECT", "DELETE", *queries, "COMMIT"]  # which takes the write lock first
        assert [line.split()[0] for line in traced] == (queries if reads else change), sql


def test_queries_inside_of_a_transaction(con: dbapi.Connection) -> None:
    con.execute(create())
    traced: list[str] = []
    con.set_trace_callback(traced.append)
    con.execute(add())
    found = [line.split()[0] for line in traced]
    assert found == ["DELETE", "SAVEPOINT", "SELECT", "INSERT", "UPDATE", "RELEASE"]


def test_the_rules_of_a_statement_are_gone_through_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    original = catalog.check_options

    def check(given: Any, source_type: str) -> None:
        checked.append(source_type)
        original(given, source_type)

    monkeypatch.setattr(catalog, "check_options", check)
    with engine.begin() as connection:
        connection.exec_driver_sql(create())
        assert checked == ["IMPORT"]
        connection.execute(CreateModel("n", version(), **TYPES))
    assert checked == ["IMPORT", "IMPORT"]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of which the tokens were read."""
    texts: list[str] = []
    original = lexer.Tokens.__init__

    def read(self: lexer.Tokens, source: str, start: int = 0) -> None:
        texts.append(source)
        original(self, source, start)

    monkeypatch.setattr(lexer.Tokens, "__init__", read)
    return texts


def test_a_text_is_parsed_once(engine: Engine, connect: Connect, parsed: list[str]) -> None:
    connect().execute(create(name="n")).connection.commit()
    assert parsed == [create(name="n")]
    parsed.clear()
    with engine.begin() as connection:
        connection.exec_driver_sql(create())
        connection.execute(text(add()))
        connection.exec_driver_sql("DESC MODEL m").all()
    assert parsed == [create(), add(), "DESC MODEL m"]


def test_an_element_is_not_parsed(engine: Engine, parsed: list[str]) -> None:
    with engine.begin() as connection:
        models(3).create_all(connection)
        connection.execute(AlterModelSetDefaultVersion("m0", "v2"))
        connection.execute(AlterModelDropVersion("m0", "v1"))
        connection.execute(DropModel("m0"))
    assert parsed == []


def steps(con: dbapi.Connection, work: Callable[[], object]) -> int:
    """How many instructions SQLite's machine does; of SHOW MODELS up to its first row."""
    done = [0]

    def one() -> None:
        done[0] += 1

    con.set_progress_handler(one, 1)
    work()
    con.set_progress_handler(None, 1)
    return done[0]


@pytest.mark.parametrize("one_model", [True, False], ids=["one model", "many models"])
@pytest.mark.parametrize(
    "sql",
    [
        "DESC MODEL m0",
        add(name="m0", version="new"),
        "ALTER MODEL m0 SET DEFAULT_VERSION v1",
        "ALTER MODEL m0 DROP VERSION v0",
        "SHOW VERSIONS FOR MODEL small",
        "SHOW MODELS",
        create(name="new"),
        "DROP MODEL small",
    ],
)
def test_a_statement_costs_the_same_among_ten_and_ten_thousand_versions(
    sql: str, one_model: bool, tmp_path: Path
) -> None:
    found = []
    whole = sql.startswith(("DESC", "SHOW VERSIONS"))
    for versions in (10, 10_000):
        path = str(tmp_path / f"{versions}.db")
        with dbapi.connect(path) as con:
            for name in ("m", "small"):
                con.execute(create(name=name))
        fill(path, *(1, versions) if one_model else (versions, 1))
        con.execute(add(name="m0", version="v0"))
        con.execute("DESC MODEL m").fetchall()  # which reads the schema
        found.append(steps(con, lambda: con.execute(sql).fetchall() if whole else con.execute(sql)))
        con.close()
    assert found[0] == found[1] > 20


def test_a_page_of_models_by_key_needs_no_more_than_its_rows(con: dbapi.Connection) -> None:
    con.execute(create())
    plan = [row[3] for row in con.execute(f"EXPLAIN QUERY PLAN {MODELS_PAGE}", ("m",))]
    assert len(plan) == 1
    assert re.match(r"SEARCH .* \(project=\? AND schema=\? AND name>\?\)", plan[0])


def test_iterating_over_models_takes_no_memory(tmp_path: Path) -> None:
    path = str(tmp_path / "models.db")
    with dbapi.connect(path) as con:
        con.execute(create())
    fill(path, 5_000)

    def peak(read: Callable[[Any], object]) -> int:
        tracemalloc.start()
        read(con.execute("SHOW MODELS"))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(list) > 2_000_000
    assert peak(lambda rows: sum(1 for _ in rows)) < 100_000
    con.close()


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """What any engine executes."""
    statements: list[str] = []

    def listen(connection: object, cursor: object, statement: str, *arguments: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", listen)
    yield statements
    event.remove(Engine, "before_cursor_execute", listen)


def test_queries_of_a_check(tmp_path: Path, asked: list[str]) -> None:
    """As many for two models as for forty: models are read by one."""
    counts = []
    for declared in (2, 40):
        folder = tmp_path / str(declared)
        folder.mkdir()
        url, metadata = f"odpsmodel:///{folder}/models.db", models(declared)
        metadata.create_all(create_engine(url, poolclass=NullPool))
        asked.clear()
        command.check(project(folder, url, metadata))
        counts.append((len(asked), sum("_odpsmodel_version AS v" in statement for statement in asked)))
    assert counts[0] == counts[1]
    assert counts[0][1] == 1


def test_models_are_reflected_by_one_query(engine: Engine, asked: list[str]) -> None:
    models(3).create_all(engine)
    asked.clear()
    reflect_models(MetaData(), engine)
    assert sum("_odpsmodel_version AS v" in statement for statement in asked) == 1


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_hundred_revisions_are_ten_syncs_of_the_disk(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    script = (
        "import sys; from pathlib import Path; from alembic import command; from sqlalchemy import MetaData\n"
        "from benchmarks.migrations import CREATE_MODEL, project\n"
        "folder = Path(sys.argv[1]); url = f'odpsmodel:///{folder}/new.db'\n"
        "command.upgrade(project(folder, url, MetaData(), CREATE_MODEL, 100), 'head')\n"
    )
    strace = ["strace", "-f", "-e", "trace=fsync,fdatasync", "-o", str(trace)]
    done = subprocess.run(
        [*strace, sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    if "ptrace" in done.stderr.lower():
        pytest.skip("this machine lets no process trace another")
    assert done.returncode == 0, done.stderr
    with dbapi.connect(tmp_path / "new.db") as con:
        assert len(con.execute("SHOW MODELS").fetchall()) == 100
    con.close()
    syncs = sum("sync(" in line for line in trace.read_text().splitlines())
    assert 1 <= syncs <= 10


def test_the_driver_imports_neither_sqlalchemy_nor_the_splitting_of_scripts() -> None:
    """Its import is short."""
    script = (
        "import sys, sqlalchemy_odpsmodel.dbapi\n"
        "print([m for m in ('sqlalchemy', 'alembic', 'difflib', 'zoneinfo', 'sqlalchemy_odpsmodel.sql.script')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_limit_writes_what_we_write(tmp_path: Path) -> None:
    """The benchmarks' raw sqlite3 and our driver leave the same rows, but for the times."""
    columns = {
        "_odpsmodel_model": "project, schema, name, owner, source_type, model_type, default_version, comment"
    }
    columns["_odpsmodel_version"] = "model, name, comment, inputs, options"
    rows = []
    for kind in (Raw, Text):
        registry = kind(new_file(tmp_path, kind.__name__))
        registry.create("m")
        registry.add("m", "v2")
        registry.set_default("m", "v2")
        assert registry.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert registry.connection.execute("PRAGMA synchronous").fetchone() == (3,)
        rows.append(
            [registry.connection.execute(f"SELECT {c} FROM {t}").fetchall() for t, c in columns.items()]
        )
        registry.connection.close()
    assert rows[0] == rows[1]
