"""The dialect for asyncio: ``odpsmodel+aiosqlite:///models.db``, the driver in a thread of aiosqlite's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    AsyncAdapt_aiosqlite_ss_cursor,
    SQLiteDialect_aiosqlite,
    SQLiteExecutionContext_aiosqlite,
)
from sqlalchemy.util.concurrency import await_only, in_greenlet

from . import dbapi, forks
from .dialect import ODPSModelDialect
from .execution import ModelExecutionContext


class _Unlogged:
    """A cursor of SQLAlchemy's adapter.  aiosqlite logs what it is given as it prints, and SQL and parameters
    may hold a key: so they print as "…", and a model statement as itself, keys masked."""

    __slots__ = ()

    def execute(self, operation: Any, parameters: Any = None) -> Any:
        return super().execute(_unlogged(operation), _unlogged(parameters))  # type: ignore[misc]

    def executemany(self, operation: Any, seq_of_parameters: Any) -> Any:
        return super().executemany(_unlogged(operation), _unlogged(seq_of_parameters))  # type: ignore[misc]


class AsyncAdapt_odpsmodel_cursor(_Unlogged, AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()


class AsyncAdapt_odpsmodel_ss_cursor(_Unlogged, AsyncAdapt_aiosqlite_ss_cursor):
    __slots__ = ()

    def fetchmany(self, size: int | None = None) -> Any:
        """SQLAlchemy asks for rows before it knows whether there are some."""
        return [] if self.description is None else super().fetchmany(size)


def _dots(value: object) -> str:
    return "…"


class _Text(str):
    __slots__ = ()
    __repr__ = _dots


class _Sequence(tuple[Any, ...]):
    __slots__ = ()
    __repr__ = _dots


class _Mapping(dict[str, Any]):
    __slots__ = ()
    __repr__ = _dots


def _unlogged(value: Any) -> Any:
    match value:
        case str():
            return _Text(value)
        case Mapping():
            return _Mapping(value)
        case Sequence():
            return _Sequence(value)
        case _:
            return value


class AsyncAdapt_odpsmodel_connection(AsyncAdapt_aiosqlite_connection):
    """SQLAlchemy's adapter of a connection, which ends with a task that is cancelled, however often.  Of one
    that a fork carried over the thread is gone, and nobody would answer."""

    __slots__ = ()

    def cursor(self, server_side: bool = False) -> Any:
        forks.refuse(self._connection._connection)
        return (AsyncAdapt_odpsmodel_ss_cursor if server_side else AsyncAdapt_odpsmodel_cursor)(self)

    def execute(self, operation: Any, parameters: Any = None) -> Any:
        """As SQLAlchemy 2.1 has it: on a new cursor, which is returned."""
        cursor = self.cursor()
        cursor.execute(operation, parameters)
        return cursor

    def commit(self) -> None:
        """Raises OperationalError where there is nothing left to commit; SQLAlchemy 2.1 says nothing."""
        if not self._connection._running:
            raise dbapi.OperationalError("connection closed: nothing was committed")
        forks.refuse(self._connection._connection)
        super().commit()

    def rollback(self) -> None:
        if not self._is_carried():
            super().rollback()

    def close(self) -> None:
        if not self._is_carried():
            super().close()

    def terminate(self) -> None:
        """Close it behind its running statement, and wait for that if there is a task to wait.  What is
        uncommitted is rolled back."""
        if not self._connection._running or self._is_carried():
            return  # nobody would answer
        ended = self._connection.stop()
        if ended is not None and in_greenlet():
            await_only(_ended(ended))

    def _is_carried(self) -> bool:
        return self._connection._connection in forks.carried


async def _ended(future: asyncio.Future[Any]) -> None:
    """Wait for a future to its end: a task that is cancelled again meanwhile is so afterwards."""
    cancelled = None
    while not future.done():
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


class AsyncAdapt_odpsmodel_dbapi(AsyncAdapt_aiosqlite_dbapi):
    """SQLAlchemy's adapter of the module, whose connections are this package's."""

    def connect(self, *args: Any, **kw: Any) -> Any:
        """Connect, by ``async_creator_fn`` where create_async_engine(async_creator=…) has given one."""
        kw.setdefault("async_creator_fn", self._open)
        return AsyncAdapt_odpsmodel_connection(self, super().connect(*args, **kw).driver_connection)

    async def _open(self, *args: Any, **kw: Any) -> Any:
        """Connect.  If the task is cancelled meanwhile, the connection is closed; aiosqlite forgets it."""
        opening = self.aiosqlite.connect(*args, **{"factory": dbapi.Connection, **kw})
        opening._thread.daemon = True  # as SQLAlchemy has it: one that nobody closes lets the program end
        opened = asyncio.ensure_future(opening.__aenter__())
        try:
            await _ended(opened)
        except asyncio.CancelledError:
            if opened.exception() is None:
                opening.stop()
            raise
        return opening


class ModelExecutionContext_aiosqlite(ModelExecutionContext, SQLiteExecutionContext_aiosqlite):
    """With SQLAlchemy's server side cursors, which ``stream()`` reads."""


class ODPSModelDialect_aiosqlite(ODPSModelDialect, SQLiteDialect_aiosqlite):
    """``odpsmodel+aiosqlite:///models.db``, for create_async_engine."""

    driver = "aiosqlite"
    supports_statement_cache = True
    execution_ctx_cls = ModelExecutionContext_aiosqlite

    @classmethod
    def import_dbapi(cls) -> Any:
        try:
            import aiosqlite
        except ImportError as error:
            raise ImportError(
                "asyncio needs aiosqlite: pip install 'sqlalchemy_odpsmodel[asyncio]'"
            ) from error
        return AsyncAdapt_odpsmodel_dbapi(aiosqlite, dbapi)
