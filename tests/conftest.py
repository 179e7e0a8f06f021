from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from sqlalchemy_odpsmodel import dbapi


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
            return stack.enter_context(closing(dbapi.connect(database, **arguments)))

        yield open_
