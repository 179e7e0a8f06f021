"""How SQLAlchemy executes model statements: the compiler of the DDL elements and the execution context.

The driver gets a statement as itself, and what SQLAlchemy logs and puts into its errors holds no key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Table
from sqlalchemy.dialects.sqlite.base import SQLiteDDLCompiler, SQLiteExecutionContext
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InvalidRequestError

from . import catalog, dbapi
from .dbapi import HIDDEN_ERROR, may_hold_key
from .ddl import ModelDDL, translated
from .errors import Error, SemanticError
from .sql import CreateModel, Statement
from .sql.parser import is_blank, locate
from .sql.place import masked
from .store import VIEWS

#: SQL that gives an APIKEY a value.
gives_key = re.compile(r"API_?KEY\W{0,3}=", re.IGNORECASE).search
_SLIP_ERRORS = (HIDDEN_ERROR, "You can only execute one statement")


class ModelCompiler:
    """Compiles model DDL; ``model_statement`` is what the driver gets."""

    model_statement: Statement | None = None
    schema_translate_map: Any

    def visit_model_ddl(self, element: ModelDDL, **kw: Any) -> str:
        self.model_statement = translated(element.statement, self.schema_translate_map)
        return str(self.model_statement)


class ModelDDLCompiler(ModelCompiler, SQLiteDDLCompiler):
    """The store's views, which an application may have as Tables, are not made and not dropped as tables."""

    def visit_create_table(self, create: Any, **kw: Any) -> str:
        return _no_table(create.element) or super().visit_create_table(create, **kw)

    def visit_drop_table(self, drop: Any, **kw: Any) -> str:
        return _no_table(drop.element) or super().visit_drop_table(drop, **kw)


class ModelExecution:
    """Gives the driver a model statement as itself, and shows SQLAlchemy no key of it.

    ``statement`` and ``parameters`` are what SQLAlchemy logs and puts into its errors; ``sent``, where it
    is not None, is what the driver gets in their place.
    """

    dialect: Any
    compiled: Any
    isddl: bool
    executemany: bool
    parameters: Any
    statement: Any
    root_connection: Any
    #: Whether the driver gets a statement that was given as text as itself, too.
    reads_text = True
    sent: tuple[str | Statement, Any] | None = None
    #: The text of a statement that is sent as itself, for the place of an error.
    source: str = ""

    def pre_exec(self) -> None:
        super().pre_exec()  # type: ignore[misc]
        statement = getattr(self.compiled, "model_statement", None) if self.isddl else None
        if statement is not None:
            self.sent = statement, ()
        elif (kind := self.dialect.kind_of(self.statement)) in ("model", ""):
            self._mask(kind)

    def _mask(self, kind: str) -> None:
        """A model statement is shown as it prints, parameters filled in; what cannot be one, or is wrong, by
        its known words."""
        self.source, rows = self.statement, self.parameters
        self.sent = self.source, rows if self.executemany else rows[0]
        self.parameters = [self.dialect.execute_sequence_format() for _ in rows]
        try:
            read = self._parse(rows) if kind == "model" else []
        except Error:
            read = []  # the driver reads it once more and tells what is wrong
        if read and self.reads_text and not self.executemany:
            self.sent = read[0], ()
        self.statement = str(read[0]) if read else masked(self.source)

    def _parse(self, rows: Sequence[Any]) -> list[Statement]:
        connection = self.dialect.driver_connection(self.root_connection)
        read = [connection.parse(self.source, row) for row in rows]
        for statement in read:
            if isinstance(statement, CreateModel):
                catalog.check(statement)  # what lost the name APIKEY may stand in another option
        return read

    def send(self, method: Callable[[Any, Any], object], statement: str, parameters: Any) -> None:
        """Execute by a cursor's method; of a text to which a listener has added comments, what was meant,
        of one that it has changed otherwise, that."""
        if self.sent is None:
            method(statement, parameters)
            return
        if _is_commented(statement, self.statement):
            statement, parameters = self.sent  # type: ignore[assignment]
        try:
            method(statement, parameters)
        except SemanticError as error:
            if self.source and error.place is None:
                locate(error, self.source)
            raise


class ModelExecutionContext(ModelExecution, SQLiteExecutionContext):
    """SQLAlchemy's for SQLite, with models."""


def hide_key(context: ExceptionContext) -> None:
    """Mask the text of an error that came before the execution, such as a missing parameter, and of a slip
    that opens like SQLite's SQL."""
    text, error, execution = context.statement, context.sqlalchemy_exception, context.execution_context
    if not (text and error):
        return
    if execution is None:
        hidden = cast(Any, context.dialect).kind_of(text) in ("model", "")
    else:
        slip = may_hold_key(text) and str(context.original_exception).startswith(_SLIP_ERRORS)
        hidden = getattr(execution, "sent", None) is None and bool(slip or gives_key(text))
    if hidden:
        context.statement = error.statement = masked(text)
        context.parameters = error.params = None


def _no_table(table: Table) -> str:
    """A comment to execute in place of DDL, for a Table that is a view of the store; else nothing."""
    if table.name not in VIEWS or table.schema not in (None, "main") or table._prefixes:
        return ""
    return f"/* {table.name} is a view of the store, which the first CREATE MODEL makes */"


def driver_connection(connection: Connection) -> dbapi.Connection:
    """The driver's connection.  Under asyncio it is in another thread: ask it for nothing that runs SQL."""
    found = unwrapped(connection.connection.dbapi_connection)
    if not isinstance(found, dbapi.Connection):
        raise InvalidRequestError(
            "a creator= for this dialect returns a connection of dbapi.connect(…), an async_creator= one of"
            " aiosqlite.connect(…, factory=dbapi.Connection)"
        )
    return found


def unwrapped(dbapi_connection: Any) -> Any:
    """What is in a connection of the pool: under asyncio it is in aiosqlite's, in SQLAlchemy's adapter."""
    found = getattr(dbapi_connection, "driver_connection", dbapi_connection)
    return getattr(found, "_connection", found)


def _is_commented(text: str, original: str) -> bool:
    before, _, after = text.partition(original)
    return text is original or (text != before and is_blank(before, 0) and is_blank(after, 0))
