from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import AdaptedConnection, Engine, create_engine, event
from sqlalchemy.pool import Pool

from sqlalchemy_odpsmodel import dbapi


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--torture", action="store_true", help="the long forms of tests/torture")


def closed(connection: Any) -> None:
    """Close a connection, which a test may have done."""
    with suppress(dbapi.ProgrammingError):
        connection.close()


@pytest.fixture
def con() -> Iterator[dbapi.Connection]:
    """A connection to a database in memory."""
    with closing(dbapi.connect(":memory:")) as connection:
        yield connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a file that is not there yet."""
    return tmp_path / "models.db"


@pytest.fixture
def connect(path: Path) -> Iterator[Callable[..., dbapi.Connection]]:
    """Connections to one file, closed at the end."""
    with ExitStack() as stack:

        def open_(database: Any = path, **arguments: Any) -> dbapi.Connection:
            connection = dbapi.connect(database, **arguments)
            stack.callback(closed, connection)
            return connection

        yield open_


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    """An engine on a file."""
    engine = create_engine(f"odpsmodel:///{path}?project=demo")
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def _close_pooled() -> Iterator[None]:
    """Close what the engines of a test connected: from Python 3.13 on, forgetting one is a warning."""
    made: list[Any] = []

    def note(connection: Any, record: object) -> None:
        if not isinstance(connection, AdaptedConnection):  # a test with asyncio closes its own
            made.append(connection)

    event.listen(Pool, "connect", note)
    yield
    event.remove(Pool, "connect", note)
    for connection in made:
        closed(connection)
