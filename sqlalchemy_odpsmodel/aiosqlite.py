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
    """SQLAlchemy's adapter of a connection, which ends with a task that is cancelled, however often."""

    __slots__ = ("_ended",)

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self._ended: asyncio.Future[Any] | None = None

    def terminate(self) -> None:
        """Close it behind its running statement, and wait for that if there is a task to wait.  What is
        uncommitted is rolled back."""
        if self._ended is None:
            self._ended = self._connection.stop()  # a second one would never be answered
        if self._ended is not None and in_greenlet():
            await_only(_ended(self._ended))


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
        if "async_creator_fn" not in kw:
            kw.setdefault("factory", dbapi.Connection)
        return AsyncAdapt_odpsmodel_connection(self, super().connect(*args, **kw).driver_connection)


class ModelExecutionContext_aiosqlite(ModelExecutionContext, SQLiteExecutionContext_aiosqlite):
    """With SQLAlchemy's server side cursors, which ``stream()`` reads."""

    def send(self, method: Callable[[Any, Any], object], statement: str, parameters: Any) -> None:
        """aiosqlite logs what it is given, as it prints: so what may hold a key prints as "…", and where
        create_engine(…, hide_parameters=True) asks for it, all parameters do."""
        if self.sent is not None:
            super().send(lambda *given: method(*map(_unshown, given)), statement, parameters)
        elif self.root_connection.engine.hide_parameters:
            method(statement, _unshown(parameters))
        else:
            method(statement, parameters)


def _unshown(value: Any) -> Any:
    return _UNSHOWN[type(value)](value) if type(value) in _UNSHOWN else value


#: The types of SQL and parameters that print as "…"; a model statement prints as itself, keys masked.
_UNSHOWN: dict[type, Any] = {
    kind: type(f"_Unshown_{kind.__name__}", (kind,), {"__repr__": lambda self: "…"})
    for kind in (str, tuple, dict, list)
}


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
