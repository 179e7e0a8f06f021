"""The file under a connection: making it WAL, waiting for its write lock, copies, what its faults ask for.

Knows sqlite3, and nothing of models.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from errno import EEXIST
from random import random
from typing import Any

from .errors import DatabaseError, OperationalError

_PAGES = 4096  # of a copy, between two words about its progress


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
    """BEGIN IMMEDIATE, which takes the write lock at once, and wait for it up to the busy timeout.

    SQLite itself waits longer and longer between its tries, so that under load some wait for seconds while
    others overtake them.  Here every waiter tries about once a millisecond: who waits has the same chance as
    who comes.  Nothing but the lock itself is used, so it works beside any other client of SQLite.
    """
    setting = sqlite3.Cursor(cursor.connection)
    found = setting.execute("PRAGMA busy_timeout").fetchone()
    if found is None:  # an authorizer of the user's ignores pragmas
        sqlite3.Cursor.execute(cursor, sql)
        return
    try:
        setting.execute("PRAGMA busy_timeout=0")
        for last in _tries(found[0] / 1000):
            try:
                sqlite3.Cursor.execute(cursor, sql)
                return
            except OperationalError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY or last:
                    explain(error)
                    raise
    finally:
        setting.execute(f"PRAGMA busy_timeout={found[0]}")


def backup(source: sqlite3.Connection, path: str, done: Callable[[int], None] = lambda done: None) -> None:
    """Copy a whole database, as of one moment, to a new file, which is there and on disk, or not at all.

    In WAL mode nobody waits for it.  It is written beside the file, under a name with ``.part``; ``done`` is
    told the percentage.  Raises FileExistsError, also for what another database of that name has left, and
    other OSErrors.
    """
    from tempfile import mkstemp

    for end in ("", "-wal", "-shm", "-journal"):
        if os.path.lexists(path + end):
            raise FileExistsError(EEXIST, "it is there already", path + end)
    folder = os.path.dirname(os.path.abspath(path))
    handle, part = mkstemp(".part", "odpsmodel-", folder)
    os.close(handle)
    try:
        source.execute("BEGIN")
        _run(source, "SELECT 1 FROM main.sqlite_schema")  # waits for a lock, which backup() does for ever
        with closing(sqlite3.connect(part)) as copy:
            source.backup(
                copy,
                pages=_PAGES,
                progress=lambda status, left, pages: done(100 * (pages - left) // max(pages, 1)),
            )
        if original := path_of(source):
            os.chmod(part, os.stat(original).st_mode)
        _name(part, path)
    except DatabaseError as error:
        explain(error)
        raise
    finally:
        source.rollback()
        with suppress(FileNotFoundError):
            os.unlink(part)
    _sync_directory(folder)


def _name(part: str, path: str) -> None:
    """Give a file its name, unless that is taken."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # where a file has but one name
        os.rename(part, path)


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
    sqlite3.SQLITE_IOERR: "look for a full disk, a limit on the size of files, a file that was deleted while"
    " it was open or a failing disk, roll back, and do it again; `odpsmodel check` tells whether it is sound",
    sqlite3.SQLITE_NOTADB: "it may be encrypted or damaged: name another file, or restore it from a backup",
    sqlite3.SQLITE_READONLY: "this user may not write the file or its directory, or it is open with mode=ro"
    " or PRAGMA query_only",
    sqlite3.SQLITE_READONLY_DIRECTORY: "this user may not write the directory, where the -wal file belongs;"
    " to read a file that nobody writes, open it with mode=ro&immutable=1",
    sqlite3.SQLITE_READONLY_DBMOVED: "the file was moved or deleted while it was open: connect again",
}


def explain(error: BaseException) -> None:
    """Let the error of a file's fault say what to do, too."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        advice = _ADVICE.get(code) or _ADVICE.get(code & 0xFF)
        if str(error).startswith("cannot commit"):  # as this connection reads still
            return
        if advice and not str(error).endswith(advice):
            error.args = (f"{error}: {advice}",)
