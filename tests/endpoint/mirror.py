"""A plugin of pytest: whatever model statement the tests of the vendor's pages give the driver on a database in
memory, an endpoint gets too, by the official client, and it says the same: the same text, or the same error.
What no client can send, parameters and text that is no Unicode, is left out.

    PYTHONPATH=tests/endpoint pytest -p mirror tests/spec
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from odps.errors import ODPSError

from sqlalchemy_odpsmodel import dbapi, layout
from sqlalchemy_odpsmodel.errors import ModelError
from sqlalchemy_odpsmodel.sql import DescModel, ShowModels, ShowVersions
from sqlalchemy_odpsmodel.sql.opening import match_opening
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint, serve

_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_execute = dbapi.Cursor.execute
_UTC = dbapi.catalog.UTC_SQL
compared = 0


class Pool:
    """Endpoints with empty files, by the owner whose their models are."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.free: dict[str, list[MaxComputeEndpoint]] = defaultdict(list)

    def take(self, owner: str) -> MaxComputeEndpoint:
        if self.free[owner]:
            return self.free[owner].pop()
        folder = self.stack.enter_context(TemporaryDirectory())
        return self.stack.enter_context(serve(Path(folder) / "m.db", owner=owner))

    def put_back(self, owner: str, endpoint: MaxComputeEndpoint) -> None:
        with closing(dbapi.connect(endpoint.path, isolation_level=None)) as connection:
            if connection.store.format():
                for table in ("_odpsmodel_version", "_odpsmodel_model"):
                    connection.execute(f"DELETE FROM {table}")
        self.free[owner].append(endpoint)


pool = Pool()


class Mirror:
    """The endpoints of a test, one for each connection; None for one that has been asked for more than an
    endpoint takes, as parameters."""

    def __init__(self) -> None:
        self.taken: dict[int, tuple[dbapi.Connection, str, MaxComputeEndpoint | None]] = {}
        self.inside = False

    def client(self, connection: dbapi.Connection) -> Any:
        """Of an endpoint with a file that starts as empty as the connection's database."""
        session = connection.session
        if id(connection) not in self.taken:
            self.taken[id(connection)] = connection, session.owner, pool.take(session.owner)
        endpoint = self.taken[id(connection)][2]
        schema = session.schema if session.schema != "default" else None
        return endpoint and endpoint.client(session.project, schema=schema)

    def execute(self, cursor: dbapi.Cursor, sql: Any, parameters: Any = (), /) -> dbapi.Cursor:
        """The driver's execute, and after it the endpoint's."""
        connection = cursor.connection
        if self.inside or not isinstance(sql, str) or not _is_model(sql):
            return _execute(cursor, sql, parameters)
        if connection.execute("PRAGMA database_list").fetchone()[2] or connection.session.time_sql != _UTC:
            return _execute(cursor, sql, parameters)
        if parameters or not _is_unicode(sql):
            self.taken[id(connection)] = connection, "", None
        client = self.client(connection)
        if client is None:
            return _execute(cursor, sql, parameters)
        self.inside = True
        hints = {"odps.namespace.schema": "true", **connection.flags}
        sent = sql.strip() if sql.strip().endswith(";") else f"{sql.strip()};"  # as the client sends it
        try:
            _execute(cursor, sent)
            compare(expected(cursor), client, sql, hints)
            return _execute(cursor, sent) if cursor.description else cursor
        except ModelError as error:
            compare(str(error), client, sql, hints)
            raise
        finally:
            self.inside = False

    def end(self) -> None:
        for _, owner, endpoint in self.taken.values():
            if endpoint:
                pool.put_back(owner, endpoint)


def _is_unicode(sql: str) -> bool:
    """Whether XML can carry it."""
    return not any("\ud800" <= character <= "\udfff" for character in sql)


def _is_model(sql: str) -> bool:
    opening = match_opening(sql)
    return opening is not None and opening.lastgroup in ("model", "set")


def expected(cursor: dbapi.Cursor) -> str:
    """What `odpsmodel run` prints."""
    if isinstance(cursor.statement, DescModel):
        return layout.describe(cursor.fetchall())
    if isinstance(cursor.statement, (ShowModels, ShowVersions)):
        return layout.grid([column[0] for column in cursor.description], cursor.fetchall())
    return "OK"


def compare(wanted: str, client: Any, sql: str, hints: dict[str, str]) -> None:
    """The endpoint says what the driver said, but for the moment."""
    global compared
    try:
        found = client.execute_sql(sql, hints=hints).get_task_result()
    except ODPSError as error:
        found = str(error.args[0])
    assert _TIME.sub("TIME", found) == _TIME.sub("TIME", wanted)
    compared += 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Each test has a mirror of its own."""
    mirror = Mirror()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbapi, "_PACKAGES", (*dbapi._PACKAGES, __name__))  # a warning is about the test
        patch.setattr(dbapi.Cursor, "execute", lambda *given: mirror.execute(*given))
        try:
            return (yield)
        finally:
            patch.undo()
            mirror.end()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A run that compared nothing has shown nothing."""
    pool.stack.close()
    if exitstatus == pytest.ExitCode.OK and not compared:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"statements compared: {compared}")
