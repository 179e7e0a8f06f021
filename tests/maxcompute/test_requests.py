"""How many requests an operation takes, as the endpoint's log tells.  At most, where one could be spared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("odps", reason="PyODPS is of tox -e maxcompute")
pytest.importorskip("starlette", reason="the extra server is of tox -e maxcompute")
pytest.importorskip("pandas", reason="of tox -e maxcompute")
pytest.importorskip("alembic", reason="of tox -e maxcompute")

import pandas as pd
from sqlalchemy import Connection, MetaData, Table, insert, inspect, text
from sqlalchemy.exc import DBAPIError

from benchmarks.counted import (
    STATEMENTS,
    TABLE,
    VALUES,
    Counted,
    count_of,
    counted,
    elements,
    engine_of,
    noting_polls,
)
from benchmarks.samples import CREATE, TYPES, version
from sqlalchemy_odpsmodel import CreateModel, Model
from sqlalchemy_odpsmodel.server.app import Settings
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint, serve

READS = ("SHOW MODELS", "SHOW VERSIONS FOR MODEL m", "DESC MODEL m")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[MaxComputeEndpoint]:
    """An endpoint that answers when a statement has ended."""
    with serve(tmp_path / "x.db") as endpoint:
        yield endpoint


@pytest.fixture
def connection(served: MaxComputeEndpoint) -> Iterator[Connection]:
    with engine_of(served).connect() as found:
        yield found


@pytest.fixture
def later(tmp_path: Path) -> Iterator[Connection]:
    """Of an endpoint that answers before a statement has ended."""
    with (
        noting_polls(),
        serve(tmp_path / "later.db", Settings(asynchronous=True)) as endpoint,
        engine_of(endpoint).connect() as found,
    ):
        yield found


@pytest.fixture
def asked(connection: Connection) -> Connection:
    """A connection whose client has asked what it asks once."""
    inspector: Any = inspect(connection)
    inspector.has_table("t")
    inspector.has_model("m")
    list(connection.execute(text("SELECT 1")))
    return connection


@pytest.fixture
def table(asked: Connection) -> Table:
    """Of 2,500 rows."""
    found = TABLE.to_metadata(MetaData())
    found.create(asked, checkfirst=False)
    asked.execute(insert(found), VALUES)
    return found


def requests_of(connection: Connection, statement: Any) -> int:
    """Of a statement, given as text or element, and of fetching all its rows."""
    return counted_statement(connection, statement).requests


def counted_statement(connection: Connection, statement: Any) -> Counted:
    executable = text(statement) if isinstance(statement, str) else statement
    return count_of(lambda: [*found] if (found := connection.execute(executable)).returns_rows else None)


def requests_to(work: Any) -> int:
    return count_of(work).requests


def test_connecting_and_transactions_ask_nothing(served: MaxComputeEndpoint) -> None:
    def connect() -> None:
        with engine_of(served).connect() as connection:
            connection.commit()
            connection.rollback()

    assert requests_to(connect) == 0


def test_a_model_statement_is_one_request(connection: Connection) -> None:
    """As an element and as text; the first on a connection, too."""
    assert [requests_of(connection, element) for element in elements("m")] == [1, 1, 1, 1, 1]
    texts = [sql.format(name="m", version="v2") for sql in STATEMENTS.values()]
    assert [requests_of(connection, sql) for sql in texts] == [1, 1, 1, 1, 1]


def test_a_model_statement_that_is_answered_later(later: Connection) -> None:
    """Is three, of which two ask how it ended, and polls as long as it runs."""
    assert [requests_of(later, element) for element in elements("m")] == [3, 3, 3, 3, 3]


def test_polls_are_counted_apart() -> None:
    lines = [
        {"method": "POST"},
        {"method": "GET", "running": True},
        {"event": "terminated"},
        {"method": "GET"},
    ]
    assert counted(lines) == Counted(requests=2, polls=1)


def test_show_and_desc_are_one_request(connection: Connection) -> None:
    connection.execute(CreateModel(Model("m", MetaData(), version(), **TYPES)))  # type: ignore[call-overload]
    assert [requests_of(connection, sql) for sql in READS] == [1, 1, 1]


def test_show_and_desc_that_are_answered_later(later: Connection) -> None:
    """Are four, the last for the text."""
    later.execute(CreateModel(Model("m", MetaData(), version(), **TYPES)))  # type: ignore[call-overload]
    assert [requests_of(later, sql) for sql in READS] == [4] * len(READS)


@pytest.mark.parametrize(
    "sql", ["CREATE MODEL m", "ALTER MODEL m SET DEFAULT_VERSION 'v1'", "DROP MODEL `no model`"]
)
def test_what_the_rules_refuse_is_not_sent(connection: Connection, sql: str) -> None:
    def refused() -> None:
        with pytest.raises(DBAPIError):
            connection.execute(text(sql))

    assert requests_to(refused) == 0


def test_what_the_service_refuses(connection: Connection) -> None:
    """The answer has it all; PyODPS asks for the status of the task."""

    def refused() -> None:
        with pytest.raises(DBAPIError, match="nowhere does not exist"):
            connection.execute(text("DROP MODEL nowhere"))

    assert requests_to(refused) == 1


def test_a_select_is_three_requests(connection: Connection) -> None:
    """The statement, a download, its rows; and once a project where the tunnel is."""
    assert [requests_of(connection, "SELECT 1") for _ in range(3)] == [4, 3, 3]


@pytest.mark.parametrize(("arraysize", "pages"), [(10_000, 1), (2_500, 1), (2_499, 2), (1_000, 3)])
def test_a_page_of_rows_is_a_request(
    served: MaxComputeEndpoint, table: Table, arraysize: int, pages: int
) -> None:
    with engine_of(served, arraysize=arraysize).connect() as paged:
        assert requests_of(paged, table.select()) == 2 + pages


def test_rows_that_are_not_fetched_are_not_asked_for(asked: Connection, table: Table) -> None:
    assert requests_to(lambda: asked.execute(table.select())) == 2
    assert requests_of(asked, table.select().where(table.c.id < 0)) == 2


def test_many_rows_are_a_request_for_each_thousand(asked: Connection, table: Table) -> None:
    assert requests_to(lambda: asked.execute(insert(table), VALUES)) == 3
    assert requests_to(lambda: asked.execute(insert(table), VALUES[:1_000])) == 1


def test_to_sql(asked: Connection, table: Table) -> None:
    """Whether there is the table, CREATE TABLE, and a request for each thousand rows."""
    frame = pd.DataFrame(VALUES)
    assert requests_to(lambda: frame.to_sql("u", asked, index=False)) == 5
    assert requests_to(lambda: frame.to_sql("u", asked, index=False, if_exists="append")) == 4


def test_tables_are_a_request_each(asked: Connection, table: Table) -> None:
    assert requests_to(lambda: inspect(asked).has_table("t")) == 1
    assert requests_to(lambda: inspect(asked).get_columns("t")) == 1
    assert requests_to(lambda: inspect(asked).has_table("no table's name")) == 0


def test_what_an_inspector_has_found_is_not_asked_again(asked: Connection, table: Table) -> None:
    inspector = inspect(asked)
    found = [requests_to(lambda: inspector.get_columns("t")) for _ in range(2)]
    assert found == [1, 0]


def test_models_are_a_request_each(asked: Connection) -> None:
    """And a list with all versions is one more."""
    for number in range(10):
        asked.execute(text(CREATE.format(name=f"m{number}")))
    inspector: Any = lambda: inspect(asked)  # noqa: E731 - a new one, which has found nothing
    assert requests_to(lambda: inspector().has_model("m0")) == 1
    assert requests_to(lambda: inspector().get_model("m0")) == 1
    assert requests_to(lambda: inspector().get_model_names()) == 1
    assert requests_to(lambda: inspector().get_models()) == 1 + 10


def test_create_all_asks_whether_there_is_the_model(asked: Connection) -> None:
    metadata: Any = MetaData()
    Model("m", metadata, version(), **TYPES)  # type: ignore[call-overload]
    assert requests_to(lambda: metadata.create_all(asked)) == 2
    assert requests_to(lambda: metadata.create_all(asked)) == 1
    assert requests_to(lambda: metadata.drop_all(asked)) == 2


def test_what_is_asked_once(served: MaxComputeEndpoint) -> None:
    """Where the Catalog API is, of a process."""

    def ask() -> None:
        with engine_of(served).connect() as connection:
            inspector: Any = inspect(connection)
            inspector.has_model("m")
            inspector.has_table("t")

    assert [requests_to(ask) for _ in range(2)] == [3, 2]
