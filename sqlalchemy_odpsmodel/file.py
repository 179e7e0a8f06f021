"""The file under a connection: making it WAL, waiting for its write lock, forks, and what its faults ask for.

Knows sqlite3, and nothing of models.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from random import random
from typing import Any
from weakref import WeakKeyDictionary

from .errors import OperationalError, ProgrammingError


def path_of(connection: sqlite3.Connection) -> str:
    """The absolute path of a connection's file, "" for a database in memory or a temporary one."""
    return str(next(row[2] for row in _run(connection, "PRAGMA database_list") if row[1] == "main") or "")


def make_wal(connection: sqlite3.Connection, path: str, timeout: float) -> None:
    """Make a new file WAL; one that has content keeps its journal mode.  Others may be doing the same, and
    SQLite does not wait for that lock.  A process that was killed at it has left a journal, and content that
    the next read takes back."""
    if not path or (_size(path) and not os.path.exists(f"{path}-journal")):
        return
    if _run(connection, "PRAGMA page_count") != [(0,)]:
        return
    for last in _tries(timeout):
        try:
            _run(connection, "PRAGMA journal_mode=WAL")
            return
        except OperationalError as error:
            primary = error.sqlite_errorcode & 0xFF
            if primary == sqlite3.SQLITE_READONLY:
                return
            if primary != sqlite3.SQLITE_BUSY or last:
                raise


def _size(path: str) -> int:
    """Of a file in bytes, 0 where there is none."""
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


def begin(cursor: sqlite3.Cursor, sql: str) -> None:
    """Begin a transaction that takes the write lock at once, and wait for it up to the busy timeout.

    SQLite itself waits longer and longer between its tries, so that under load some wait for seconds while
    others overtake them.  Here every waiter tries about once a millisecond: who waits has the same chance as
    who comes.  Nothing but the lock itself is used, so it works beside any other client of SQLite.
    """
    setting = sqlite3.Cursor(cursor.connection)
    (timeout,) = setting.execute("PRAGMA busy_timeout").fetchone()
    try:
        setting.execute("PRAGMA busy_timeout=0")
        for last in _tries(timeout / 1000):
            try:
                sqlite3.Cursor.execute(cursor, sql)
                return
            except OperationalError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY or last:
                    explain(error)
                    raise
    finally:
        setting.execute(f"PRAGMA busy_timeout={timeout}")


def backup(source: sqlite3.Connection, path: str) -> None:
    """Copy a whole database, as of one moment, to a new file, which is there and on disk, or not at all.

    In WAL mode nobody waits for it.  It is written as ``path.part`` first.  Raises FileExistsError, and other
    OSErrors.
    """
    part = f"{path}.part"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    try:
        _unlink(part)  # of one that was killed
        source.execute("BEGIN")
        _run(source, "SELECT 1 FROM main.sqlite_schema")  # waits for a lock, which backup() does for ever
        with closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
        os.replace(part, path)
    except BaseException as error:
        explain(error)
        _unlink(part)
        _unlink(path)
        raise
    finally:
        source.rollback()
    _sync_directory(os.path.dirname(os.path.abspath(path)))


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _sync_directory(path: str) -> None:
    if os.name == "posix":  # elsewhere a directory is no file
        directory = os.open(path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _tries(timeout: float) -> Iterator[bool]:
    """Whether it is the last try, with pauses of 0 to 2 ms, after the first 100 ms of up to 10 ms."""
    started = time.monotonic()
    waited = 0.0
    while waited < timeout:
        yield False
        time.sleep(random() * (0.002 if waited < 0.1 else 0.01))
        waited = time.monotonic() - started
    yield True


def _run(connection: sqlite3.Connection, sql: str) -> list[Any]:
    return sqlite3.Cursor(connection).execute(sql).fetchall()


# Faults

#: What to do, by SQLite's result code; an extended code is looked for first, and then its primary one.
_ADVICE = {
    sqlite3.SQLITE_BUSY: "another connection holds its lock for longer than the timeout: let that one commit"
    " sooner, or give a longer timeout",
    sqlite3.SQLITE_BUSY_SNAPSHOT: "another connection has written since this transaction read: roll back, and"
    " begin with BEGIN IMMEDIATE",
    sqlite3.SQLITE_CANTOPEN: "see that the directory exists and that this user may write it",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: restore it from a backup, or save what can be read with"
    " sqlite3's command .recover",
    sqlite3.SQLITE_FULL: "free space on the disk, roll back, and do it again",
    sqlite3.SQLITE_IOERR: "look for a full disk, a limit on the size of files or a failing disk, roll back,"
    " and do it again; `odpsmodel check` tells whether the file is sound",
    sqlite3.SQLITE_NOTADB: "it may be encrypted or damaged: name another file, or restore it from a backup",
    sqlite3.SQLITE_READONLY: "this user may not write the file or its directory, or it is open with mode=ro",
    sqlite3.SQLITE_READONLY_DIRECTORY: "this user may not write the directory, where the -wal file belongs;"
    " to read a file that nobody writes, open it with mode=ro&immutable=1",
    sqlite3.SQLITE_READONLY_DBMOVED: "the file was moved or deleted while it was open: connect again",
}


def explain(error: BaseException) -> None:
    """Let the error of a file's fault say what to do, too."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        advice = _ADVICE.get(code) or _ADVICE.get(code & 0xFF)
        if advice and not str(error).endswith(advice):
            error.args = (f"{error}: {advice}",)


# Forks

#: The open connections to files, with their paths, and those of the process that forked this one.
_open: WeakKeyDictionary[sqlite3.Connection, str] = WeakKeyDictionary()
carried: dict[sqlite3.Connection, str] = {}


def opened(connection: sqlite3.Connection, path: str) -> None:
    """Remember a connection to a file, as a fork may come.  One to a database in memory is copied whole."""
    if path:
        _open[connection] = path


def closed(connection: sqlite3.Connection) -> None:
    """Forget a connection."""
    _open.pop(connection, None)
    carried.pop(connection, None)


def refuse_carried(connection: sqlite3.Connection) -> None:
    """Raise ProgrammingError for a connection that was opened before this process was forked."""
    if connection in carried:
        raise ProgrammingError(
            "this connection was opened before this process was forked, and is its parent's: connect again"
            " here (with SQLAlchemy, call engine.dispose(close=False) first)"
        )


def release_carried(path: str) -> None:
    """Close what was open to a file when this process was forked.

    SQLite counts the locks of a process by file, in memory that a fork copies: beside a carried connection a
    new one takes no lock of its own, and what it commits is lost if the parent then closes the file.
    Raises OperationalError where one cannot be closed: a transaction that it is in is the parent's.
    """
    for connection in [found for found, its_path in carried.items() if its_path == path]:
        try:
            if not connection.in_transaction:
                connection.close()
        except ProgrammingError:
            pass  # another thread's
        if connection in carried:
            raise OperationalError(
                f"this process was forked while {path} was open in a transaction or in another thread, so it"
                " cannot be opened safely here: fork when neither is so, or start processes with"
                " multiprocessing's spawn"
            )


def _after_fork() -> None:
    from ctypes import py_object, pythonapi

    carried.update(_open)
    _open.clear()
    for connection in carried:  # for ever: to close one at exit would roll back the parent's transaction
        pythonapi.Py_IncRef(py_object(connection))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
