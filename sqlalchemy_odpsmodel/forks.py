"""Forks: a connection of SQLite's belongs to the process that opened it.

SQLite counts the locks of a process by file, in memory that a fork copies.  So a child that uses a connection
of its parent's, or opens the file beside one, takes no lock, and loses what it commits when the parent closes
the file; and what it rolls back is the parent's transaction.  (sqlite.org/howtocorrupt.html, section 2.6)
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import suppress
from typing import NamedTuple
from weakref import WeakKeyDictionary

from .errors import OperationalError, ProgrammingError


class Opened(NamedTuple):
    """Of an open connection: its file, and whether only the thread that made it may use it."""

    file: tuple[int, int]
    bound: bool


#: The open connections to files, and those of the process that forked this one.
_open: WeakKeyDictionary[sqlite3.Connection, Opened] = WeakKeyDictionary()
carried: dict[sqlite3.Connection, Opened] = {}
_threads = 1  # of the process that forked this one
#: Those in which another thread of it was, and that cannot be closed.
_stuck: set[sqlite3.Connection] = set()


def remember(connection: sqlite3.Connection, path: str, bound: bool) -> None:
    """Remember a connection to a file, as a fork may come.  One to a database in memory is copied whole."""
    if path:
        _open[connection] = Opened(_identity(path), bound)


def forget(connection: sqlite3.Connection) -> None:
    """Forget a connection."""
    _open.pop(connection, None)


def refuse(connection: sqlite3.Connection) -> None:
    """Raise ProgrammingError for a connection that was opened before this process was forked."""
    if connection in carried:
        raise ProgrammingError(
            "this connection was opened before this process was forked, and is its parent's: connect again"
            " here (with SQLAlchemy, call engine.dispose(close=False) first)"
        )


def _identity(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def release(path: str) -> None:
    """Close the connections that were carried over, before one to a path is used.

    Raises OperationalError where one to this file cannot be closed: its transaction is the parent's.
    """
    for connection, about in carried.items():
        if not close_carried(connection) and path and about.file == _identity(path):
            raise OperationalError(
                f"this process was forked while {path} was open in a transaction or in another thread, so it"
                " cannot be opened safely here: fork when neither is so, or start processes with"
                " multiprocessing's spawn"
            )


def close_carried(connection: sqlite3.Connection) -> bool:
    """Close a connection that was carried over, if that can be; whether it is closed."""
    try:
        return not connection.in_transaction and _close(connection, carried[connection])
    except ProgrammingError:
        return True  # it was closed


def is_idle(connection: sqlite3.Connection) -> bool:
    """Whether a connection is in no transaction, or closed."""
    try:
        return not connection.in_transaction
    except ProgrammingError:
        return True


def _close(connection: sqlite3.Connection, about: Opened) -> bool:
    """Close a connection.  Another thread of the parent may have been in a statement, and never leaves it."""
    if about.bound or _threads == 1:
        with suppress(ProgrammingError):  # another thread made it
            sqlite3.Connection.close(connection)
            return True
        return False
    if connection not in _stuck:
        from threading import Thread

        closing = Thread(target=sqlite3.Connection.close, args=(connection,), daemon=True)
        closing.start()
        closing.join(1)
        if not closing.is_alive():
            return True
        _stuck.add(connection)
    return False


def _before_fork() -> None:
    global _threads
    threading = sys.modules.get("threading")
    _threads = threading.active_count() if threading else 1


def _after_fork() -> None:
    if not (_open or carried):
        return
    from ctypes import py_object, pythonapi

    carried.update(_open)
    _open.clear()
    for connection, about in carried.items():
        # For ever, as to close one at exit would roll back the parent's transaction.
        pythonapi.Py_IncRef(py_object(connection))
        if about.bound or _threads == 1:
            close_carried(connection)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
