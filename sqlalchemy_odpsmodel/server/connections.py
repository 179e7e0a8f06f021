"""The connections to a served file, one for each thread, and the transactions on them."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .. import dbapi, file
from ..errors import OperationalError, Unsupported
from .ordinary import prepare

#: How many instructions of SQLite's machine pass between two looks at the clock; one may be a long UPPER.
_INSTRUCTIONS = 100


class Stopped(Exception):
    """Somebody stopped the statement."""


class Connections:
    """``arguments`` are those of :func:`dbapi.connect`; each transaction is begun here."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self._arguments = {**arguments, "isolation_level": None, "check_same_thread": False}
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: list[dbapi.Connection] = []
        self._path = file.path_of(self.own)
        self._file = self._found()

    @property
    def own(self) -> dbapi.Connection:
        """This thread's."""
        found: dbapi.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            if self._connections:
                self.check()  # or it would make another file
            found = dbapi.connect(**self._arguments)
            with self._lock:
                self._connections.append(found)
            prepare(found)
            self._local.connection = found
        return found

    def close(self) -> None:
        """Close all connections; no thread may be at work."""
        for connection in self._connections:
            connection.close()

    def _found(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    def check(self) -> None:
        """Raise OperationalError where another file, or none, is where the served one was: what is written to
        that one nobody will find."""
        if self._found() != self._file:
            raise OperationalError(
                f"{self._path} was moved or deleted while it was served: put it back, or start again"
            )

    @contextmanager
    def transaction(self, *, writes: bool, stopping: Callable[[], bool] = bool) -> Iterator[dbapi.Connection]:
        """One transaction, with the write lock from its beginning if it writes, whole or not at all.  Raises
        Stopped where somebody is ``stopping`` the statement when it begins."""
        connection = self.own
        cursor = connection.cursor()
        if writes:
            connection.begin(cursor)
        else:
            cursor.execute("BEGIN")
        try:
            self.check()
            if stopping():
                raise Stopped
            yield connection
            self.check()
            sqlite3.Cursor(connection).execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:  # a full disk has rolled back already
                sqlite3.Cursor(connection).execute("ROLLBACK")
            file.explain(error)
            raise


@contextmanager
def deadline(
    connection: dbapi.Connection, seconds: float, stopping: Callable[[], bool] = bool
) -> Iterator[float]:
    """Interrupt a statement that computes for too long, or that somebody is ``stopping``; when it is too
    long, by time.monotonic()."""
    end = time.monotonic() + seconds
    connection.set_progress_handler(lambda: stopping() or time.monotonic() > end, _INSTRUCTIONS)
    try:
        yield end
    except OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_INTERRUPT:
            raise
        if stopping():
            raise Stopped from None
        raise Unsupported(f"the statement took longer than {seconds:g} seconds") from None
    finally:
        connection.set_progress_handler(None, 0)
