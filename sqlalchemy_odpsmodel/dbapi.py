"""PEP 249 driver: model statements go to the metadata store of an SQLite file, all other SQL to SQLite.

::

    con = dbapi.connect("models.db", project="demo")
    con.execute("SHOW MODELS").fetchall()

Connection and Cursor are sqlite3's own with ``execute`` extended, so that rows, fetching, adapters,
backup and pandas work as there.  A transaction begins before the first write, DDL and model statements
included, with the write lock; ``isolation_level=None`` is autocommit.  A model statement is atomic in
either.  Its description is None and its rowcount -1; SHOW and DESC return text in every column.
"""

from __future__ import annotations

import os
import re
import sqlite3
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache
from sqlite3 import (
    PARSE_COLNAMES,
    PARSE_DECLTYPES,
    Binary,
    Date,
    DateFromTicks,
    Row,
    Time,
    TimeFromTicks,
    TimestampFromTicks,
    adapt,
    adapters,
    complete_statement,
    converters,
    register_adapter,
    register_converter,
    sqlite_version,
    sqlite_version_info,
    threadsafety,
)
from sqlite3.dbapi2 import Timestamp
from typing import Any, Self, TypeVar, overload

from . import catalog, file, forks
from .errors import (
    DatabaseError,
    DataError,
    DefaultVersionError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    ModelError,
    ModelExists,
    ModelNotFound,
    ModelTypeError,
    ModelWarning,
    NoPermission,
    NotSupportedError,
    OperationalError,
    OptionError,
    ParseError,
    ProgrammingError,
    SemanticError,
    StoreError,
    VersionExists,
    VersionNotFound,
    Warning,
)
from .model import DEFAULT_SCHEMA, model_name
from .options import EnvSecret
from .sql import DescModel, SetFlags, ShowModels, ShowVersions, Statement, parse
from .sql.opening import match_opening
from .sql.parser import Parameters, is_blank, locate, read_flags
from .sql.statements import namespace_flag
from .store import Store

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "PARSE_COLNAMES",
    "PARSE_DECLTYPES",
    "ROWID",
    "STRING",
    "Binary",
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "DefaultVersionError",
    "EnvSecret",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "ModelError",
    "ModelExists",
    "ModelNotFound",
    "ModelTypeError",
    "ModelWarning",
    "NoPermission",
    "NotSupportedError",
    "OperationalError",
    "OptionError",
    "ParseError",
    "ProgrammingError",
    "Row",
    "SemanticError",
    "StoreError",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "VersionExists",
    "VersionNotFound",
    "Warning",
    "adapt",
    "adapters",
    "apilevel",
    "complete_statement",
    "connect",
    "converters",
    "paramstyle",
    "register_adapter",
    "register_converter",
    "sqlite_version",
    "sqlite_version_info",
    "threadsafety",
]

apilevel = "2.0"
paramstyle = "qmark"

#: STRICT tables and JSON, which the store is made of, came with these releases.
_SQLITE_NEEDED = (3, 38, 0)
_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")
_LEGACY_TRANSACTION_CONTROL = -1  # sqlite3's name for it came with Python 3.12

_C = TypeVar("_C", bound=sqlite3.Cursor)
_execute = sqlite3.Cursor.execute
#: SQLite ignores a pragma that it does not know: it leaves a cursor without rows and description.  (An
#: empty text does so too, but from Python 3.12 on it raises the connection's last error again.)
_NOTHING = "PRAGMA _odpsmodel_nothing"
_executemany = sqlite3.Cursor.executemany
_fetchone = sqlite3.Cursor.fetchone
_description = sqlite3.Cursor.description.__get__
_fetchmany = sqlite3.Cursor.fetchmany
_fetchall = sqlite3.Cursor.fetchall
_IMMEDIATE = re.compile(r"\s+IMMEDIATE\b", re.IGNORECASE | re.ASCII).match
_DML_WORD = re.compile(r"\b(?:INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)
#: What sqlite3 raises beside the classes of PEP 249, for text and numbers that SQLite cannot take.
_FOREIGN_ERRORS = (UnicodeEncodeError, OverflowError)
_ERRORS = (Error, *_FOREIGN_ERRORS)
_KEY_WORDS = [re.compile(words, re.IGNORECASE) for words in (r"API_?KEY", r"\bMODEL\b", r"\bOPTIONS\b")]
HIDDEN_ERROR = "syntax error in SQL that may hold an APIKEY, so it is not shown"
_QUOTING_ERRORS = ("unrecognized token", "near ")


def may_hold_key(sql: str) -> bool:
    """Whether SQL that is not understood may be a misspelt model statement with a key in it: one that says
    APIKEY, or MODEL and after it OPTIONS.  One pattern for it would look for OPTIONS after each MODEL."""
    key, model, options = _KEY_WORDS
    found = model.search(sql)
    return bool(key.search(sql) or (found and options.search(sql, found.end())))


class TypeObject(str):
    """A type object of PEP 249; a str, as libraries that read descriptions expect."""

    __slots__ = ()


STRING = TypeObject("STRING")
BINARY = TypeObject("BINARY")
NUMBER = TypeObject("NUMBER")
DATETIME = TypeObject("DATETIME")
ROWID = TypeObject("ROWID")


class Cursor(sqlite3.Cursor):
    """sqlite3's cursor, which also takes model statements."""

    connection: Connection

    #: The model statement that was executed last, None after other SQL.
    statement: Statement | None = None

    @property
    def description(self) -> Any:
        """As sqlite3's; the columns of SHOW and DESC are STRING."""
        described = super().description
        if described is None or self.statement is None:
            return described
        return tuple((column[0], STRING, *column[2:]) for column in described)

    def execute(self, sql: str | Statement, parameters: Any = (), /) -> Self:
        """Execute one statement, given as text or, a model statement, as itself.  Parameters of a model
        statement are ``?`` or ``:name`` and stand where a string literal may; SET lines before a
        statement hold for it, alone for the connection."""
        self.statement = None
        if forks.carried:
            forks.refuse(self.connection)
        if not isinstance(sql, str):
            return self._run_object(sql, parameters)
        begun = waits = False
        opening = match_opening(sql)
        if opening is not None:
            kind = opening.lastgroup
            if kind == "model":
                return self._run(sql, parameters)
            if kind == "set":
                return self._run_after_flags(sql, parameters)
            if kind == "begins" or (kind == "cte" and self._writes(sql, parameters)):
                begun = self._begin()
            else:
                waits = kind == "begin" and not parameters and _IMMEDIATE(sql, opening.end()) is not None
        try:
            if waits:
                file.begin(self, sql)
                return self
            return _execute(self, sql, parameters)
        except Exception as error:
            failure = self._failure(error, sql, begun)
        raise failure

    def executemany(self, sql: str, seq_of_parameters: Iterable[Any], /) -> Self:
        """Execute one statement for each of the parameters."""
        self.statement = None
        if forks.carried:
            forks.refuse(self.connection)
        begun = False
        opening = match_opening(sql)
        if opening is not None:
            kind = opening.lastgroup
            if kind in ("model", "set"):
                return self._run_many(sql, seq_of_parameters)
            if kind == "cte":
                seq_of_parameters = list(seq_of_parameters)
                first = seq_of_parameters[:1]
                begun = any(self._writes(sql, parameters) for parameters in first) and self._begin()
            elif kind == "begins":
                begun = self._begin()
        try:
            return _executemany(self, sql, seq_of_parameters)
        except Exception as error:
            failure = self._failure(error, sql, begun)
        raise failure

    def _failure(self, error: Exception, sql: str, begun: bool) -> Exception:
        """What to raise for an error, outside of the except block: a context would hold the text.  A
        transaction that was begun for a statement that fails is undone."""
        if begun and self.connection.in_transaction:
            _execute(self, "ROLLBACK")
        if isinstance(error, _FOREIGN_ERRORS):
            return DataError(str(error))
        if str(error).startswith(_QUOTING_ERRORS) and may_hold_key(sql):
            return OperationalError(HIDDEN_ERROR)
        file.explain(error)
        return error

    def executescript(self, sql_script: str, /) -> Self:
        """Execute model statements and ordinary SQL, each as :meth:`execute` does: in the transaction
        that is open, or in one that the first write begins.  Places count from the script's start."""
        from .sql.script import split  # its patterns take long to compile, and most never need them

        for piece in split(sql_script):
            try:
                self.execute(piece.text)
            except ModelError as error:
                piece.relocate(error)
                raise
        return self

    # Fetching: as sqlite3's, which has nothing to fetch where PEP 249 wants an error

    def fetchone(self) -> Any:
        """The next row, or None.  Raises ProgrammingError where there is no result."""
        try:
            row = _fetchone(self)
        except DatabaseError as error:
            file.explain(error)
            raise
        if row is None:
            self._require_result()
        return row

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows, ``arraysize`` of them if no size is given.  Raises as fetchone does."""
        try:
            rows = _fetchmany(self, self.arraysize if size is None else size)
        except DatabaseError as error:
            file.explain(error)
            raise
        if not rows:
            self._require_result()
        return rows

    def fetchall(self) -> list[Any]:
        """The rows that are left.  Raises as fetchone does."""
        try:
            rows = _fetchall(self)
        except DatabaseError as error:
            file.explain(error)
            raise
        if not rows:
            self._require_result()
        return rows

    def _require_result(self) -> None:
        if super().description is None:
            raise ProgrammingError("nothing to fetch: the last statement has no result, or there was none")

    # Model statements

    def _clear(self) -> None:
        """Drop what is left of an earlier statement, whatever comes."""
        if _description(self) is not None or self.rowcount != -1:
            _execute(self, _NOTHING)

    def _run_many(self, sql: str, seq_of_parameters: Iterable[Any]) -> Self:
        _execute(self, _NOTHING)
        for parameters in seq_of_parameters:
            self.execute(sql, parameters)
            if self.description is not None:
                _execute(self, _NOTHING)
                raise ProgrammingError("executemany() takes no SHOW and no DESC")
        return self

    def _run_after_flags(self, sql: str, parameters: Any) -> Self:
        """SET lines, and what comes after them."""
        self._clear()
        _, start = read_flags(sql)
        opening = match_opening(sql, start)
        if is_blank(sql, start) or (opening is not None and opening.lastgroup == "model"):
            return self._run(sql, parameters)
        return self.execute(sql[start:], parameters)

    def _run(self, sql: str, parameters: Parameters) -> Self:
        """A model statement, or SET alone."""
        self._clear()
        statement = self.connection.parse(sql, parameters)
        try:
            return self._run_statement(statement)
        except SemanticError as error:
            locate(error, sql)
            raise

    def _run_object(self, statement: Statement, parameters: object) -> Self:
        """A statement given as itself."""
        if not isinstance(statement, Statement):
            return _execute(self, statement, parameters)  # sqlite3 says what it takes
        if parameters:
            raise ProgrammingError("a statement given as itself takes no parameters")
        self._clear()
        return self._run_statement(statement)

    def _run_statement(self, statement: Statement) -> Self:
        connection = self.connection
        if isinstance(statement, SetFlags):
            _execute(self, _NOTHING)  # a closed cursor takes no statement
            connection.flags.update(statement.flags)
            return self
        try:
            if isinstance(statement, (ShowModels, ShowVersions, DescModel)):
                query, values = catalog.query(statement, connection.store, connection.session)
                _execute(self, query, values)
            else:
                self._change(statement)
        except DatabaseError as error:
            file.explain(error)
            raise
        self.statement = statement
        return self

    def _change(self, statement: catalog.Change) -> None:
        """Do a change, whole or not at all, and end with a cursor that has no rows.

        Inside a transaction it is a savepoint; else it begins one, which stays open, as sqlite3's does,
        or in autocommit is committed.
        """
        connection = self.connection
        catalog.check(statement)
        end: tuple[str, ...] = ()
        undo: tuple[str, ...] = ("ROLLBACK",)
        if connection.in_transaction:
            end, undo = (_RELEASE,), (_ROLLBACK_TO, _RELEASE)
            connection.store.lock()
            _execute(self, _SAVEPOINT)
        else:
            end = () if connection.begins else ("COMMIT",)
            connection.begin(self)
        try:
            catalog.change(statement, connection.store, connection.session)
            for advice in catalog.advise(statement):
                warnings.warn(advice, ModelWarning, stacklevel=level_outside())
            for sql in end:
                _execute(self, sql)
        except BaseException:
            for sql in undo:
                if connection.in_transaction:  # a full disk has rolled back already
                    _execute(self, sql)
            raise

    # Transactions

    def _begin(self) -> bool:
        """Begin a transaction, unless one is open or they are the user's; whether one was begun."""
        connection = self.connection
        if not connection.begins or connection.in_transaction:
            return False
        connection.begin(self)
        return True

    def _writes(self, sql: str, parameters: Any) -> bool:
        """Whether a statement that opens with WITH is one that writes; SQLite itself tells."""
        if not _DML_WORD.search(sql):
            return False
        try:
            steps = sqlite3.Cursor(self.connection).execute(f"EXPLAIN {sql}", parameters).fetchall()
        except _ERRORS:
            return False  # the statement itself will say what is wrong
        return any(step[1] in ("Transaction", b"Transaction") and step[3] for step in steps)


#: Whose frames a warning is not about; SQLAlchemy makes tables and models inside of contextlib's.
_PACKAGES = (__package__, "sqlalchemy", "alembic", "contextlib")
_SAVEPOINT, _RELEASE = "SAVEPOINT _odpsmodel", "RELEASE _odpsmodel"
_ROLLBACK_TO = "ROLLBACK TO _odpsmodel"


def level_outside() -> int:
    """warnings.warn's stacklevel, counted from the caller, of the first frame outside this package and
    SQLAlchemy: the user's line."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in _PACKAGES:
        level, frame = level + 1, frame.f_back
    return level


class Connection(sqlite3.Connection):
    """sqlite3's connection, with a project, schema and owner for model statements.

    A file that is made here is WAL; an existing one keeps its journal mode.
    """

    def __init__(
        self,
        database: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        *,
        project: str = "local",
        schema: str = DEFAULT_SCHEMA,
        owner: str = "ALIYUN$local",
        timeout: float = 30.0,
        synchronous: str = "EXTRA",
        timezone: str = "UTC",
        isolation_level: Any = "IMMEDIATE",
        **kwargs: Any,
    ) -> None:
        show_time, time_sql = times(timezone)
        self.session = catalog.Session(
            model_name(project, "project name"),
            model_name(schema, "schema name"),
            _owner(owner),
            show_time,
            time_sql,
        )
        #: What a change of isolation_level goes back to.
        self.initial_isolation_level = isolation_level
        #: What SET gave alone, for every statement of this connection.
        self.flags: dict[str, str] = {}
        if sqlite_version_info < _SQLITE_NEEDED:
            needed = ".".join(map(str, _SQLITE_NEEDED))
            raise NotSupportedError(f"SQLite {sqlite_version} is too old: {needed} or newer is needed")
        if str(synchronous).upper() not in _SYNCHRONOUS:
            raise ProgrammingError(f"synchronous must be one of {', '.join(_SYNCHRONOUS)}")
        autocommit = kwargs.pop("autocommit", _LEGACY_TRANSACTION_CONTROL)
        try:
            super().__init__(database, timeout=timeout, isolation_level=isolation_level, **kwargs)
        except DatabaseError as error:
            file.explain(error)
            raise
        except ValueError as error:  # UnicodeEncodeError too
            raise ProgrammingError(f"cannot connect: {error}") from None
        try:
            self.store = Store(self)
            path = file.path_of(self)
            if forks.carried:
                forks.release(path)
            file.make_wal(self, path, timeout)
            sqlite3.Cursor(self).execute(f"PRAGMA synchronous={str(synchronous).upper()}")
            if time_sql != catalog.UTC_SQL:
                self.create_function(catalog.TIME_FUNCTION, 1, show_time, deterministic=True)
            if autocommit != _LEGACY_TRANSACTION_CONTROL:
                self.autocommit = autocommit  # after the PRAGMAs, which no transaction may hold
            forks.remember(self, path, kwargs.get("check_same_thread", True))
        except BaseException as error:
            self.close()
            file.explain(error)
            raise

    @overload
    def cursor(self, factory: None = None) -> Cursor: ...
    @overload
    def cursor(self, factory: Callable[[sqlite3.Connection], _C]) -> _C: ...
    def cursor(self, factory: Any = None) -> Any:
        """A Cursor, or what the factory makes."""
        if forks.carried:
            forks.refuse(self)
        return super().cursor(factory or Cursor)

    # sqlite3's own make their cursor without asking cursor().

    def execute(self, sql: str | Statement, parameters: Any = (), /) -> Cursor:
        """Execute on a new cursor."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, seq_of_parameters: Iterable[Any], /) -> Cursor:
        """Execute on a new cursor."""
        return self.cursor().executemany(sql, seq_of_parameters)

    def executescript(self, sql_script: str, /) -> Cursor:
        """Execute on a new cursor."""
        return self.cursor().executescript(sql_script)

    def __setattr__(self, name: str, value: object) -> None:
        if forks.carried and name in ("isolation_level", "autocommit"):  # which may commit
            forks.refuse(self)
        super().__setattr__(name, value)

    def commit(self) -> None:
        """Commit the transaction that is open, if one is.  Once it returns, the transaction is on disk."""
        self._end(super().commit)

    def rollback(self) -> None:
        """Roll back the transaction that is open, if one is."""
        if not (self in forks.carried and forks.is_idle(self)):
            self._end(super().rollback)

    def __exit__(self, *raised: Any) -> Any:
        """Commit, or after an error roll back, as sqlite3's."""
        return self._end(super().__exit__, *raised)

    def _end(self, how: Callable[..., Any], *arguments: Any) -> Any:
        """End the transaction, which is not one that a fork carried over."""
        forks.refuse(self)
        try:
            return how(*arguments)
        except DatabaseError as error:
            file.explain(error)
            raise

    def close(self) -> None:
        """Roll back and close.  Raises ProgrammingError if it is closed, as the suite of PEP 249 has it.
        A transaction that a fork carried over is its parent's, and left alone."""
        if self in forks.carried:
            forks.close_carried(self)
            return
        try:
            if self.in_transaction:  # a closed connection raises
                sqlite3.Cursor(self).execute("ROLLBACK")  # a cursor that lives on would keep the write lock
        finally:
            super().close()
            forks.forget(self)

    def parse(self, sql: str, parameters: Parameters = ()) -> Statement:
        """Read a model statement as executing it would, under the flags of the connection."""
        if not self.flags:
            return parse(sql, parameters)
        return parse(sql, parameters, namespace_schema=namespace_flag(self.flags.items()))

    @property
    def begins(self) -> bool:
        """Whether a transaction begins by itself before the first write."""
        legacy = _LEGACY_TRANSACTION_CONTROL
        return self.isolation_level is not None and getattr(self, "autocommit", legacy) == legacy

    def begin(self, cursor: Cursor) -> None:
        """Begin with the write lock, which a transaction that has read may not get later."""
        if self.isolation_level == "EXCLUSIVE":
            _execute(cursor, "BEGIN EXCLUSIVE")  # SQLite's own waiting keeps new readers out
        elif not self.store.begin():
            file.begin(cursor, "BEGIN IMMEDIATE")


def connect(
    database: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    *,
    project: str = "local",
    schema: str = DEFAULT_SCHEMA,
    owner: str = "ALIYUN$local",
    timeout: float = 30.0,
    synchronous: str = "EXTRA",
    timezone: str = "UTC",
    factory: type[Connection] = Connection,
    **kwargs: Any,
) -> Connection:
    """Open a file, or ":memory:".

    ``project`` and ``schema``: where unqualified model names live.  ``owner``: whose the models made
    here are.  ``timeout``: seconds to wait for another's write.  ``synchronous``: OFF, NORMAL, FULL or
    EXTRA, with which an acknowledged commit survives a power cut; in WAL mode FULL does the same.
    ``timezone``: an IANA name, in which SHOW and DESC print times.  The rest is what
    :func:`sqlite3.connect` takes; ``isolation_level`` is IMMEDIATE by default.
    """
    return factory(
        database,
        project=project,
        schema=schema,
        owner=owner,
        timeout=timeout,
        synchronous=synchronous,
        timezone=timezone,
        **kwargs,
    )


def _owner(owner: str) -> str:
    if not (isinstance(owner, str) and owner and owner.isprintable()):
        raise SemanticError("owner must be a name such as ALIYUN$name or RAM$account:name")
    return owner


def times(timezone: str) -> tuple[Callable[[int], str], str]:
    """How to print milliseconds of UTC as YYYY-MM-DD HH:MM:SS, in Python and in SQL."""
    if str(timezone).upper() == "UTC":
        return _show_utc, catalog.UTC_SQL
    from datetime import datetime
    from zoneinfo import ZoneInfo

    try:
        zone = ZoneInfo(str(timezone))
    except (OSError, ValueError, LookupError):
        raise ProgrammingError(
            f"timezone {timezone!r} is not known: give an IANA name such as Asia/Shanghai"
            " (where the system has no time zones, pip install tzdata)"
        ) from None
    shown = _shown(lambda s: f"{datetime.fromtimestamp(s, zone):%Y-%m-%d %H:%M:%S}")
    return shown, f"{catalog.TIME_FUNCTION}({{}})"


def _shown(seconds: Callable[[int], str]) -> Callable[[int], str]:
    """What prints milliseconds, of what prints seconds."""

    @lru_cache(256)  # a model and its versions have times in common
    def shown(milliseconds: int) -> str:
        try:
            return seconds(milliseconds // 1000)
        except (ValueError, OverflowError, OSError):
            raise StoreError(
                "the metadata tables hold a time that is none: restore the file from a backup"
            ) from None

    return shown


_show_utc = _shown(lambda s: time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(s)))
