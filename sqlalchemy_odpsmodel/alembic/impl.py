"""How Alembic runs migrations on a dialect with models: in one transaction, or with --sql as a script."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache, wraps
from inspect import unwrap
from typing import Any

from alembic.ddl.base import ColumnName, RenameTable
from alembic.ddl.impl import DefaultImpl, _impls
from alembic.ddl.sqlite import SQLiteImpl, visit_column_name, visit_rename_table
from alembic.util import CommandError
from sqlalchemy import DDL, TextClause, text
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles

from .. import sql
from ..catalog import Change
from ..dbapi import may_hold_key
from ..ddl import ModelDDL, element_of
from ..errors import Error
from ..execution import driver_connection
from ..options import EnvSecret, PlainSecret
from ..schema import are_transactional, has_models
from ..sql.script import kind_of, split
from .settings import settings_of

log = logging.getLogger("alembic.runtime.models")  # Alembic's own prefix, which its projects show

#: The name of the implementation for the service, whose dialect has the local one's name.
MAXCOMPUTE = "odpsmodel+pyodps"
_HEAD = """\
-- This script needs the values of {names}.
-- The local file keeps the names: odpsmodel run takes the script as it is, and nothing needs to be set.
-- For MaxCompute: DataWorks fills in parameters of these names; for odpscmd, let envsubst replace just them
-- (their values may hold no quote); odpsmodel run on a URL of the service takes them from the environment."""


class ModelImpl(DefaultImpl):
    """What is ours beside Alembic's.  A script with a transaction is written when it is whole, at COMMIT, as
    its head lists the variables of all its EnvSecrets; another has them where they are needed."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        settings_of(self.context_opts)
        self._script: list[str] | None = None
        self._listed: dict[str, bool] = {}
        self._begun = True  # by context.begin_transaction(), as far as is known

    def change_model(self, statement: Change) -> None:
        """Run the statement of an operation."""
        self.execute(element_of(statement))

    # Scripts

    def _exec(self, construct: Any, *args: Any, **kw: Any) -> Any:
        if self.as_sql:
            for statement in self._statements(construct):
                if isinstance(statement, (sql.CreateModel, sql.AddVersion)):
                    self._list_variables(statement)
            if self._script is None:
                self._write_head()
        return super()._exec(construct, *args, **kw)

    def _statements(self, construct: Any) -> Iterator[sql.Statement]:
        """The model statements of an element, or of a text."""
        if isinstance(construct, ModelDDL):
            yield construct.statement
        if not isinstance(construct, (str, TextClause, DDL)):
            return
        clause = text(construct) if isinstance(construct, str) else construct
        arguments = {"literal_binds": True} if self.literal_binds else {}
        for piece in split(str(clause.compile(dialect=self.dialect, compile_kwargs=arguments))):
            if (kind := kind_of(piece.text)) == "model":
                try:
                    yield sql.parse(piece.text)
                except Error:
                    kind = ""  # what it says is not known
            if not kind and may_hold_key(piece.text):
                raise CommandError(
                    "SQL that may hold an APIKEY is no statement that is understood, so --sql does not write"
                    " it: use op.create_model or op.add_model_version"
                )

    def _list_variables(self, statement: sql.CreateModel | sql.AddVersion) -> None:
        for key, value in statement.options:
            if isinstance(value, PlainSecret):
                raise CommandError(
                    f"{key} of model {statement.name} version {statement.version} is a plain key, which"
                    " --sql does not write: put EnvSecret('NAME') in its place"
                )
            if isinstance(value, EnvSecret):
                self._listed.setdefault(value.name, False)

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
        """Keep what follows until COMMIT; but not behind an autocommit_block() outside of a transaction,
        where none will come."""
        self._write_script()
        self._script = [] if self._begun else None
        super().emit_begin()

    def emit_commit(self) -> None:
        self._begun = self._script is not None
        super().emit_commit()
        self._write_script()

    def _write_script(self) -> None:
        script, self._script = self._script or [], None
        self._write_head()
        for part in script:
            super().static_output(part)


class FileImpl(ModelImpl):
    """On the local file: the driver's transactions hold DDL too."""

    transactional_ddl = True

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        if not self.as_sql and self.connection is not None and not driver_connection(self.connection).begins:
            self.transactional_ddl = False  # a connection in AUTOCOMMIT

    def start_migrations(self) -> None:
        """Take the write lock before the version table is read: of several upgrades at once, the others wait
        and find nothing left to do."""
        changes = "destination_rev" in self.context_opts and not self.as_sql
        whole = self.transactional_ddl and not self.context_opts.get("transaction_per_migration")
        if not (changes and whole) or self.connection is None:
            return
        if not self.connection.in_transaction():
            log.warning(
                "context.run_migrations() stands outside of context.begin_transaction() in env.py: nothing is"
                " committed, unless env.py does it"
            )
        elif not driver_connection(self.connection).in_transaction:
            self.connection.exec_driver_sql("BEGIN IMMEDIATE")


class ODPSModelImpl(FileImpl, SQLiteImpl):
    """Alembic's for SQLite with models, under the name "odpsmodel"."""

    __dialect__ = "odpsmodel"


@cache
def _with_models(found: type[DefaultImpl]) -> type[DefaultImpl]:
    """The implementation for the name "sqlite", which may be one of the project's, with models."""

    class SQLiteModelImpl(FileImpl, found):  # type: ignore[misc, valid-type]
        pass

    return SQLiteModelImpl


_by_name = unwrap(DefaultImpl.get_by_dialect.__func__)  # type: ignore[attr-defined]


@wraps(_by_name)
def _by_dialect(cls: type[DefaultImpl], dialect: Dialect) -> type[DefaultImpl]:
    """Alembic finds an implementation by the dialect's name, and a dialect of ours is named "sqlite"."""
    if has_models(dialect) and not are_transactional(dialect):
        return _impls[MAXCOMPUTE]
    found: type[DefaultImpl] = _by_name(cls, dialect)
    if not has_models(dialect) or issubclass(found, ModelImpl):
        return found
    return _with_models(found)


DefaultImpl.get_by_dialect = classmethod(_by_dialect)  # type: ignore[assignment]
compiles(RenameTable, "odpsmodel")(visit_rename_table)
compiles(ColumnName, "odpsmodel")(visit_column_name)
