"""The dialect for asyncio: ``odpsmodel+aiosqlite:///models.db``, the driver in a thread of aiosqlite's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
    SQLiteExecutionContext_aiosqlite,
)
from sqlalchemy.util.concurrency import await_only, in_greenlet

from . import dbapi
from .dialect import ODPSModelDialect
from .execution import ModelExecutionContext


class AsyncAdapt_odpsmodel_connection(AsyncAdapt_aiosqlite_connection):
    """SQLAlchemy's adapter of a connection, which also ends when its task is cancelled twice."""

    __slots__ = ("_ended",)

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self._ended: asyncio.Future[Any] | None = None

    def terminate(self) -> None:
        """Close it behind its running statement, and wait for that if there is a task to wait.  What is
        uncommitted is rolled back."""
        if self._ended is None:
            self._ended = self._connection.stop()  # nobody would answer a second one, or a close()
        if self._ended is not None and in_greenlet():
            await_only(asyncio.shield(self._ended))

    def rollback(self) -> None:
        if self._ended is None:
            super().rollback()


class AsyncAdapt_odpsmodel_dbapi(AsyncAdapt_aiosqlite_dbapi):
    """SQLAlchemy's adapter of the module, whose connections are this package's."""

    def connect(self, *args: Any, **kw: Any) -> Any:
        """Connect, by ``async_creator_fn`` where create_async_engine(async_creator=…) has given one."""
        kw.setdefault("async_creator_fn", self._open)
        return AsyncAdapt_odpsmodel_connection(self, super().connect(*args, **kw).driver_connection)

    def _open(self, *args: Any, **kw: Any) -> Any:
        opening = self.aiosqlite.connect(*args, **{"factory": dbapi.Connection, **kw})
        # One that nobody closes must not keep the program from its end: SQLAlchemy sees to that only where
        # there is no async_creator_fn.
        opening._thread.daemon = True
        return opening


class ModelExecutionContext_aiosqlite(ModelExecutionContext, SQLiteExecutionContext_aiosqlite):
    """With SQLAlchemy's server side cursors, which ``stream()`` reads."""

    def send(self, method: Callable[[Any, Any], object], statement: str, parameters: Any) -> None:
        """aiosqlite logs what it is given, as it prints: of what may hold a key, nothing."""
        if self.sent is None:
            method(statement, parameters)
        else:
            super().send(lambda *given: method(*map(_unshown, given)), statement, parameters)


def _unshown(value: Any) -> Any:
    return _UNSHOWN[type(value)](value) if type(value) in _UNSHOWN else value


#: The types of SQL and parameters, which print as nothing; a model statement prints as itself, keys masked.
_UNSHOWN: dict[type, Any] = {
    kind: type("unshown", (kind,), {"__repr__": lambda self: "…"}) for kind in (str, tuple, dict, list)
}


class ODPSModelDialect_aiosqlite(ODPSModelDialect, SQLiteDialect_aiosqlite):
    """``odpsmodel+aiosqlite:///models.db``, for create_async_engine."""

    driver = "aiosqlite"
    supports_statement_cache = True
    execution_ctx_cls = ModelExecutionContext_aiosqlite

    @classmethod
    def import_dbapi(cls) -> Any:
        import aiosqlite

        return AsyncAdapt_odpsmodel_dbapi(aiosqlite, dbapi)
