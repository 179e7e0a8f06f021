"""How Alembic runs migrations on a dialect with models: in one transaction, or with --sql as a script."""

from __future__ import annotations

from functools import cache, wraps
from inspect import unwrap
from typing import Any

from alembic.ddl.base import ColumnName, RenameTable
from alembic.ddl.impl import DefaultImpl
from alembic.ddl.sqlite import SQLiteImpl, visit_column_name, visit_rename_table
from alembic.util import CommandError
from sqlalchemy import DDL, TextClause, text
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles

from .. import sql
from ..dbapi import may_hold_key
from ..ddl import ModelDDL
from ..errors import Error
from ..execution import driver_connection
from ..options import EnvSecret, PlainSecret
from ..sql.script import kind_of
from .settings import settings_of

_HEAD = """\
-- This script needs the values of {names}.
-- The local file keeps the names: odpsmodel run takes the script as it is, and nothing needs to be set.
-- For MaxCompute: DataWorks fills in parameters of these names; for odpscmd, let envsubst replace just them
-- (their values may hold no quote); odpsmodel run on a URL of the service takes them from the environment."""


class ModelImpl(DefaultImpl):
    """What is ours beside Alembic's for SQLite: the driver's transactions hold DDL too, and a script is
    written when it is whole, at COMMIT, as its head lists the variables of all its EnvSecrets."""

    transactional_ddl = True

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        settings_of(self.context_opts)
        if not self.as_sql and self.connection is not None and not driver_connection(self.connection).begins:
            self.transactional_ddl = False  # a connection in AUTOCOMMIT
        self._script: list[str] | None = None
        self._listed: dict[str, bool] = {}

    def start_migrations(self) -> None:
        """Take the write lock before the version table is read: of several upgrades at once, the others wait
        and find nothing left to do."""
        changes = "destination_rev" in self.context_opts
        if changes and self.transactional_ddl and self.connection is not None and not self.as_sql:
            driver = driver_connection(self.connection)
            if driver.begins and not driver.in_transaction:
                self.connection.exec_driver_sql("BEGIN IMMEDIATE")

    # Scripts

    def _exec(self, construct: Any, *args: Any, **kw: Any) -> Any:
        if self.as_sql:
            statement = construct.statement if isinstance(construct, ModelDDL) else self._read(construct)
            if isinstance(statement, (sql.CreateModel, sql.AddVersion)):
                self._list_variables(statement)
        return super()._exec(construct, *args, **kw)

    def _read(self, construct: Any) -> sql.Statement | None:
        """A model statement that is given as text."""
        if not isinstance(construct, (str, TextClause, DDL)):
            return None
        clause = text(construct) if isinstance(construct, str) else construct
        arguments = {"literal_binds": True} if self.literal_binds else {}
        source = str(clause.compile(dialect=self.dialect, compile_kwargs=arguments))
        kind = kind_of(source)
        if kind == "model":
            try:
                return sql.parse(source)
            except Error:
                kind = ""  # what it says is not known
        if not kind and may_hold_key(source):
            raise CommandError(
                "SQL that may hold an APIKEY is no statement that is understood, so --sql does not write it:"
                " use op.create_model or op.add_model_version"
            )
        return None

    def _list_variables(self, statement: sql.CreateModel | sql.AddVersion) -> None:
        for key, value in statement.options:
            if isinstance(value, PlainSecret):
                raise CommandError(
                    f"{key} of model {statement.name} version {statement.version} is a plain key, which"
                    " --sql does not write: put EnvSecret('NAME') in its place"
                )
            if isinstance(value, EnvSecret):
                self._listed.setdefault(value.name, False)
        if self._script is None:
            self._write_head()

    def _write_head(self) -> None:
        names = [name for name, written in self._listed.items() if not written]
        if names:
            super().static_output(_HEAD.format(names=", ".join(names)))
            self._listed = dict.fromkeys(self._listed, True)

    def static_output(self, text: str) -> None:
        if self._script is None:
            super().static_output(text)
        else:
            self._script.append(text)

    def emit_begin(self) -> None:
        self._script = []
        super().emit_begin()

    def emit_commit(self) -> None:
        super().emit_commit()
        script, self._script = self._script or [], None
        self._write_head()
        for part in script:
            super().static_output(part)


class ODPSModelImpl(ModelImpl, SQLiteImpl):
    """Alembic's for SQLite with models, under the name "odpsmodel"."""

    __dialect__ = "odpsmodel"


@cache
def _with_models(found: type[DefaultImpl]) -> type[DefaultImpl]:
    """The implementation for the name "sqlite", which may be one of the project's, with models."""

    class SQLiteModelImpl(ModelImpl, found):  # type: ignore[misc, valid-type]
        pass

    return SQLiteModelImpl


_by_name = unwrap(DefaultImpl.get_by_dialect.__func__)  # type: ignore[attr-defined]


@wraps(_by_name)
def _by_dialect(cls: type[DefaultImpl], dialect: Dialect) -> type[DefaultImpl]:
    """Alembic finds an implementation by the dialect's name, and a dialect of ours is named "sqlite"."""
    found: type[DefaultImpl] = _by_name(cls, dialect)
    if not getattr(dialect, "supports_models", False) or issubclass(found, ModelImpl):
        return found
    return _with_models(found)


DefaultImpl.get_by_dialect = classmethod(_by_dialect)  # type: ignore[assignment]
compiles(RenameTable, "odpsmodel")(visit_rename_table)
compiles(ColumnName, "odpsmodel")(visit_column_name)
