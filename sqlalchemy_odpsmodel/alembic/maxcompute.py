"""Migrations on MaxCompute itself, where each statement is done when it returns and nothing is undone.

A revision that fails has done the statements before the one that failed.  So what is there is looked at
before it is changed, and running the same revision again goes on with what is not done.
"""

from __future__ import annotations

import logging
from typing import Any

from alembic.ddl.base import AddColumn, DropColumn
from alembic.util import CommandError, to_list
from sqlalchemy import Column, MetaData, Table, Text, inspect
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateTable, SetColumnComment
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import NullType

from .. import sql
from ..catalog import Change
from ..ddl import ModelVersion, translated_schema
from ..diff import differing_parts
from ..reflection import ReflectedModel
from ..schema import read_version
from .impl import MAXCOMPUTE, ModelImpl

log = logging.getLogger("alembic.runtime.models")  # Alembic's own prefix, which its projects show

_AGAIN = (
    "the statements before this one are done, and MaxCompute undoes none: mend the cause and run the same"
    " command again, which goes on from here, before any in the other direction"
)
#: In what is owed of a model.
_DEFAULT = "(the default version)"
_CHANGES = ("nullable", "name", "type_", "server_default", "autoincrement")


class AddColumns(AddColumn):
    """``ALTER TABLE t ADD COLUMNS (c TYPE)``"""


class DropColumns(DropColumn):
    """``ALTER TABLE t DROP COLUMNS c``"""


@compiles(AddColumns)
def _add_columns(element: AddColumns, compiler: Any, **kw: Any) -> str:
    column = compiler.get_column_specification(element.column)
    return f"{_alter(element, compiler)} ADD COLUMNS ({column})"


@compiles(DropColumns)
def _drop_columns(element: DropColumns, compiler: Any, **kw: Any) -> str:
    return f"{_alter(element, compiler)} DROP COLUMNS {compiler.preparer.format_column(element.column)}"


def _alter(element: Any, compiler: Any) -> str:
    table = Table(element.table_name, MetaData(), schema=element.schema)
    return f"ALTER TABLE {compiler.preparer.format_table(table)}"


class MaxComputeImpl(ModelImpl):
    """Alembic's implementation for the service."""

    __dialect__ = MAXCOMPUTE
    transactional_ddl = False

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        #: What a CREATE that was taken as done says otherwise than it was found: by the kind, schema and name
        #: of the object, and the name of its version or column.
        self._owed: dict[tuple[str, str, str], set[str]] = {}

    def start_migrations(self) -> None:
        if self.as_sql:
            self.static_output("SET odps.namespace.schema=true;")

    def version_table_impl(self, *, version_table: str, version_table_schema: str | None, **kw: Any) -> Table:
        """A table that can be updated, which has no key."""
        return Table(
            version_table,
            MetaData(),
            Column("version_num", Text, nullable=False),
            schema=version_table_schema,
            odpsmodel_transactional=True,
        )

    def _exec(self, construct: Any, *args: Any, **kw: Any) -> Any:
        if any(self._owed.values()) and self._is_stamp(construct):
            self._refuse_owed()
        try:
            return super()._exec(construct, *args, **kw)
        except Exception as error:
            if not self.as_sql:
                error.add_note(_AGAIN)
            raise

    def _is_stamp(self, construct: Any) -> bool:
        """Whether a statement writes which revision the database has."""
        name = self.context_opts.get("version_table", "alembic_version")
        return isinstance(construct, UpdateBase) and getattr(construct.table, "name", "") == name

    # Models

    def change_model(self, statement: Change) -> None:
        """Run the statement of an operation, unless what it does is done."""
        if not self.as_sql and self._is_done(statement):
            log.warning("%s: it is done already, and left as it is%s", _shown(statement), _unseen(statement))
        else:
            super().change_model(statement)
        self._pay(statement)

    def _is_done(self, statement: Change) -> bool:
        found = self._found(statement)
        match statement:
            case sql.DropModel(if_exists=if_exists):
                return found is None and not if_exists
            case sql.DropVersion(version=version):
                return found is not None and _version(found, version) is None
            case sql.AddVersion(version=version):
                there = found and _version(found, version)
                return bool(there) and not self._differs(there, statement)
            case sql.CreateModel(if_not_exists=False):
                return found is not None and self._is_created(found, statement)
        return False

    def _is_created(self, found: ReflectedModel, statement: sql.CreateModel) -> bool:
        """Whether a model is what a statement makes, or has been and was changed by what followed it: then
        its version must be dropped, or made, before the end."""
        given = dict(statement.options)
        types = given["MODEL_SOURCE_TYPE"], given["MODEL_TYPE"]
        if (found["source_type"], found["model_type"], found["comment"]) != (*types, statement.comment):
            return False
        there = _version(found, statement.version)
        if there is not None and self._differs(there, statement):
            return False
        versions = {version["name"] for version in found["versions"]}
        default = set() if found["default_version"] == statement.version else {_DEFAULT}
        self._owe(self._place(statement), (versions ^ {statement.version}) | default)
        return True

    def _found(self, statement: Change) -> ReflectedModel | None:
        schema = self._schema(statement.name.schema)
        try:
            found: ReflectedModel = self._inspector().get_model(statement.name.model, schema)
        except NoSuchTableError:
            return None
        return found

    def _differs(self, there: ModelVersion | None, statement: sql.CreateModel | sql.AddVersion) -> bool:
        types = ("MODEL_SOURCE_TYPE", "MODEL_TYPE")
        options = tuple(pair for pair in statement.options if pair[0] not in types)
        wanted = ModelVersion(
            statement.version, inputs=statement.inputs, options=options, comment=statement.comment
        )
        kept = self.dialect.key_comparison(self.connection)  # type: ignore[attr-defined]
        return there is None or bool(differing_parts(there, wanted, kept))

    def _pay(self, statement: Change) -> None:
        """What makes, drops or sets a version settles that it is owed."""
        place = self._place(statement)
        match statement:
            case sql.AddVersion(version=version) | sql.DropVersion(version=version):
                self._settle(place, version)
            case sql.SetDefaultVersion():
                self._settle(place, _DEFAULT)
            case sql.DropModel():
                self._owed.pop(place, None)

    def _place(self, statement: Change) -> tuple[str, str, str]:
        return self._place_of("model", statement.name.schema, statement.name.model)

    def _place_of(self, kind: str, schema: str | None, name: str) -> tuple[str, str, str]:
        """What is owed of, by its folded names."""
        own = "" if self.as_sql else self._inspector().get_default_model_schema_name()
        return kind, (self._schema(schema) or own).lower(), name.lower()

    def _schema(self, schema: str | None) -> str | None:
        """A schema as statements have it, which follow the connection's schema_translate_map."""
        connection: Any = self.connection
        options = {} if self.as_sql else connection.get_execution_options()
        schemas = options.get("schema_translate_map") or {}
        return schemas.get(schema) or translated_schema(schema, schemas)

    def _owe(self, place: tuple[str, str, str], parts: set[str]) -> None:
        self._owed.setdefault(place, set()).update(parts)

    def _settle(self, place: tuple[str, str, str], part: str) -> None:
        self._owed.get(place, set()).discard(part)

    def _refuse_owed(self) -> None:
        """A CREATE was taken as done, and what follows it in the revision does not explain the difference."""
        (kind, schema, name), parts = min((p for p in self._owed.items() if p[1]), key=str)
        part = {"model": "version", "table": "column"}[kind]
        raise CommandError(
            f"CREATE {kind.upper()} {schema}.{name}: there is a {kind} of that name, which differs in {part}"
            f" {', '.join(sorted(parts))}, and nothing in this revision makes up for it: it is another one,"
            " so drop one of them"
        )

    # Tables

    def create_table(self, table: Table, **kw: Any) -> None:
        """Make a table, unless there is one of these columns; others must come or go in the same revision.
        There are no indexes to make."""
        if not (self.as_sql or kw.get("if_not_exists")) and self._is_made(table):
            log.warning("CREATE TABLE %s: it is done already, and left as it is", table.fullname)
            return
        table.dispatch.before_create(table, self.connection, checkfirst=False, _ddl_runner=self)
        self._exec(CreateTable(table, **kw))
        table.dispatch.after_create(table, self.connection, checkfirst=False, _ddl_runner=self)

    def _is_made(self, table: Table) -> bool:
        found, wanted = self._columns(table.name, table.schema), self._types(table.columns)
        if found is None or any(found[name] != wanted[name] for name in found.keys() & wanted.keys()):
            return False
        self._owe(self._place_of("table", table.schema, table.name), found.keys() ^ wanted.keys())
        return True

    def drop_table(self, table: Table, **kw: Any) -> None:
        """Drop a table, unless there is none."""
        self._owed.pop(self._place_of("table", table.schema, table.name), None)
        if not self.as_sql and self._columns(table.name, table.schema) is None:
            log.warning("DROP TABLE %s: it is done already", table.fullname)
            return
        super().drop_table(table, **kw)

    def add_column(self, table_name: str, column: Column[Any], *, schema: Any = None, **kw: Any) -> None:
        """Add a column, unless there is one of its name and type, or with if_not_exists of its name."""
        self._settle(self._place_of("table", schema, table_name), column.name.lower())
        found = None if self.as_sql else self._columns(table_name, schema)
        if found and (
            found.items() >= self._types([column]).items()
            or (kw.get("if_not_exists") and column.name.lower() in found)
        ):
            log.warning("ALTER TABLE %s ADD COLUMNS (%s): it is done already", table_name, column.name)
            return
        self._exec(AddColumns(table_name, column, schema=schema))

    def drop_column(
        self, table_name: str, column: Column[Any], *, schema: str | None = None, **kw: Any
    ) -> None:
        """Drop a column, unless there is none of its name."""
        self._settle(self._place_of("table", schema, table_name), column.name.lower())
        found = None if self.as_sql else self._columns(table_name, schema)
        if found and column.name.lower() not in found:
            log.warning("ALTER TABLE %s DROP COLUMNS %s: it is done already", table_name, column.name)
            return
        self._exec(DropColumns(table_name, column, schema=schema))

    def alter_column(
        self, table_name: str, column_name: str, *, comment: Any = False, schema: Any = None, **kw: Any
    ) -> None:
        """Change a comment; for all else MaxCompute has statements of its own."""
        if comment is not False and not any(kw.get(change) for change in _CHANGES):
            column = Column(column_name, NullType(), comment=comment)
            Table(table_name, MetaData(), column, schema=schema)
            self._exec(SetColumnComment(column))
            return
        raise CommandError(
            f"op.alter_column of {table_name}.{column_name}: write MaxCompute's statement, as op.execute("
            f"'ALTER TABLE {table_name} CHANGE COLUMN {column_name} …')"
        )

    def _ignore(self, *args: Any, **kw: Any) -> None:
        """MaxCompute has no indexes, and enforces no constraints."""

    create_index = drop_index = add_constraint = drop_constraint = _ignore

    def _columns(self, name: str, schema: str | None) -> dict[str, str] | None:
        """The columns of a table and their types; None where there is no table."""
        inspector, schema = self._inspector(), self._schema(schema)
        return self._types(inspector.get_columns(name, schema)) if inspector.has_table(name, schema) else None

    def _inspector(self) -> Any:
        return inspect(self.connection)

    def _types(self, columns: Any) -> dict[str, str]:
        """Types by folded names, with NOT NULL; of a type that the dialect has not, "?"."""
        process = self.dialect.type_compiler_instance.process
        found = {}
        for column in columns:
            name, type_, nullable = (
                (column["name"], column["type"], column["nullable"])
                if isinstance(column, dict)
                else (column.name, column.type, column.nullable)
            )
            shown = "?" if isinstance(type_, NullType) else process(type_)
            found[name.lower()] = shown if nullable else f"{shown} NOT NULL"
        return found

    # Autogenerate

    def autogen_column_reflect(self, inspector: Any, table: Table, column_info: Any) -> None:
        """A column as it is declared: MaxCompute folds names."""
        for metadata in to_list(self.context_opts.get("target_metadata")) or ():
            declared = metadata.tables.get(table.fullname)
            for column in declared.columns if declared is not None else ():
                if column.name.lower() == column_info["name"]:
                    column_info["name"] = column.name

    def correct_for_autogen_constraints(
        self,
        conn_uniques: Any,
        conn_indexes: Any,
        metadata_unique_constraints: set[Any],
        metadata_indexes: set[Any],
    ) -> None:
        """What is declared is not there, and cannot be."""
        metadata_unique_constraints.clear()
        metadata_indexes.clear()

    def correct_for_autogen_foreignkeys(self, conn_fks: Any, metadata_fks: set[Any]) -> None:
        metadata_fks.clear()


def _version(found: ReflectedModel, name: str) -> ModelVersion | None:
    return next((read_version(version) for version in found["versions"] if version["name"] == name), None)


def _unseen(statement: Change) -> str:
    """What was not looked at."""
    options = dict(getattr(statement, "options", ()))
    return ", but for its key, which cannot be compared" if "APIKEY" in options else ""


def _shown(statement: Change) -> str:
    """The statement's first line, which holds no option."""
    return str(statement).partition("\n")[0]
