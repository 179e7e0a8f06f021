"""The dialects: SQLAlchemy's own for sqlite3 with the driver of this package, models added.

``odpsmodel:///models.db`` (also ``odpsmodel+sqlite``), and the same under the name "sqlite" for what asks
for that name: ``sqlite+odpsmodel:///models.db``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, event
from sqlalchemy.dialects.sqlite import BOOLEAN, DATETIME, INTEGER, TEXT
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import reflection
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import ArgumentError, NoSuchTableError, OperationalError
from sqlalchemy.util import asbool

from . import __version__, dbapi, store
from .errors import SemanticError, StoreError
from .execution import (
    ModelDDLCompiler,
    ModelExecutionContext,
    driver_connection,
    gives_key,
    hide_key,
    unwrapped,
)
from .model import ModelName, model_name, utc
from .options import Fingerprint, OptionValue, PlainSecret
from .reflection import ModelInspector, ReflectedModel, ReflectedModelVersion
from .registration import refuse_late_alembic, register_with_alembic
from .sql.script import kind_of
from .store import Described, VersionRecord

#: What a URL may give for dbapi.connect, beside what SQLAlchemy's sqlite dialect hands on; isolation_level,
#: which it knows too, it drops.
_ARGUMENTS = ("project", "schema", "owner", "synchronous", "timezone", "isolation_level")
_LEVELS = ("", "DEFERRED", "IMMEDIATE", "EXCLUSIVE")
_SQLITE_ARGUMENTS: dict[str, Callable[[str], object]] = {
    "uri": asbool,
    "timeout": float,
    "detect_types": int,
    "check_same_thread": asbool,
    "cached_statements": int,
}
#: The types of the views' columns that are expressions, for which SQLite knows none, or no text.
_VIEW_TYPES = {
    "create_time": DATETIME,
    "last_modified_time": DATETIME,
    "is_default": BOOLEAN,
    "position": INTEGER,
}


class HasModels(DefaultDialect):
    """What the dialects share: models found by inspect(), statements sent with their keys unseen."""

    supports_models = True
    #: The driver's connection of SQLAlchemy's.
    driver_connection: Callable[[Connection], Any]

    @classmethod
    def get_dialect_cls(cls, url: URL) -> Any:
        """What create_engine(url) and context.configure(url=…) ask first."""
        register_with_alembic()
        return super().get_dialect_cls(url)

    @property
    def inspector(self) -> type[ModelInspector]:
        """The class of inspect(connection)."""
        refuse_late_alembic()
        return ModelInspector

    def retrieve_dbapi_version(self, dbapi: Any) -> Any:
        """The package's version; SQLAlchemy 2.1 asks for it, 2.0 has no such function."""
        from sqlalchemy.util import parse_version_string

        return parse_version_string(__version__)

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """What SET gave alone ends with the connection's stay outside of the pool."""
        event.listen(engine, "engine_connect", _connected)
        event.listen(engine, "reset", _forget_flags)

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        context.send(cursor.execute, statement, parameters)

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        context.send(cursor.executemany, statement, parameters)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:
        context.send(cursor.execute, statement, ())

    @reflection.cache
    def has_model(self, connection: Connection, name: str, schema: str | None = None, **kw: Any) -> bool:
        try:
            key = self._key(connection, name, schema)
        except SemanticError:
            return False  # no model can have such a name
        return self._has(connection, key)

    def _has(self, connection: Connection, key: tuple[str, str, str]) -> bool:
        """Whether there is a model of a project, schema and name."""
        raise NotImplementedError

    def get_default_model_schema_name(self, connection: Connection, **kw: Any) -> str:
        return self._place(connection, None)[1]

    def _place(self, connection: Connection, schema: str | None) -> tuple[str, str]:
        """The project and schema where to look; None is the connection's own."""
        session = self.driver_connection(connection).session
        return session.project, session.schema if schema is None else model_name(schema, "schema name")

    def _key(self, connection: Connection, name: str, schema: str | None) -> tuple[str, str, str]:
        """The project, schema and name of a model.  Raises SemanticError for what can be no name."""
        return *self._place(connection, schema), ModelName(name).model


class ModelDialect(HasModels, SQLiteDialect_pysqlite):
    """SQLAlchemy's dialect for sqlite3 with models; the two dialects below are this under a name."""

    #: Whether several statements on models can be undone as one.
    transactional_models = True
    supports_statement_cache = True
    #: Whose statement a text is, "model" or "" for neither's; and what asks the driver's connection.
    kind_of = staticmethod(kind_of)
    driver_connection = staticmethod(driver_connection)
    ddl_compiler = ModelDDLCompiler
    execution_ctx_cls = ModelExecutionContext

    # Connecting

    @classmethod
    def import_dbapi(cls) -> Any:
        return dbapi

    def create_connect_args(self, url: URL) -> Any:
        """URL arguments are those of dbapi.connect; with ``uri=true`` SQLite's own too."""
        _check(url)
        args, options = super().create_connect_args(url.difference_update_query(_ARGUMENTS))
        options.update((key, url.query[key]) for key in _ARGUMENTS if key in url.query)
        return args, options

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        """AUTOCOMMIT, or transactions that begin as the connection was made to."""
        super().set_isolation_level(dbapi_connection, level)
        if level != "AUTOCOMMIT":
            initial = unwrapped(dbapi_connection).initial_isolation_level
            dbapi_connection.isolation_level = initial or "IMMEDIATE"

    def do_rollback_to_savepoint(self, connection: Connection, name: str) -> None:
        """And release it: in AUTOCOMMIT the savepoint is the transaction, which would stay open."""
        super().do_rollback_to_savepoint(connection, name)
        self.do_release_savepoint(connection, name)

    def lock_models(self, connection: Connection) -> None:
        """Take the write lock, and wait for it, before the transaction reads."""
        connection.exec_driver_sql(store.LOCK_SQL)

    # Reflection of tables and views: the store's are never listed among them

    @reflection.cache
    def has_table(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> bool:
        """pandas asks whether the SQL that it is to read is a table's name, and that may hold a key: it is
        looked up in the names, as SQLite's question for it would be logged.  Alembic asks for its version
        table before it does anything."""
        refuse_late_alembic()
        if kind_of(table_name) == "model" or gives_key(table_name):
            names = super().get_table_names(connection, schema) + super().get_view_names(connection, schema)
            return table_name in names
        return bool(super().has_table(connection, table_name, schema))

    @reflection.cache
    def get_table_names(
        self,
        connection: Connection,
        schema: str | None = None,
        sqlite_include_internal: bool = False,
        **kw: Any,
    ) -> list[str]:
        names = super().get_table_names(connection, schema, sqlite_include_internal)
        return [name for name in names if name not in store.TABLES]

    @reflection.cache
    def get_view_names(
        self,
        connection: Connection,
        schema: str | None = None,
        sqlite_include_internal: bool = False,
        **kw: Any,
    ) -> list[str]:
        names = super().get_view_names(connection, schema, sqlite_include_internal)
        hidden = self._store_views(connection, schema)
        return [name for name in names if name not in hidden]

    @reflection.cache
    def get_materialized_view_names(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[str]:
        """The store's views, which must not be in the other two lists: what one of the three has is found by
        metadata.reflect(only=[…], views=True), as pandas.read_sql_table calls it."""
        return list(self._store_views(connection, schema))

    @reflection.cache
    def get_columns(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        columns = super().get_columns(connection, table_name, schema)
        if table_name in store.VIEWS and table_name in self._store_views(connection, schema):
            for column in columns:
                column["type"] = _VIEW_TYPES.get(column["name"], TEXT)()
        return columns

    def _store_views(self, connection: Connection, schema: str | None) -> tuple[str, ...]:
        return store.VIEWS if self.has_table(connection, store.STORE_TABLE, schema) else ()

    # Reflection of models

    @reflection.cache
    def get_model_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        return [name for (name,) in self._rows(connection, store.NAMES_SQL, self._place(connection, schema))]

    @reflection.cache
    def get_model_schema_names(self, connection: Connection, **kw: Any) -> list[str]:
        project, _ = self._place(connection, None)
        return [schema for (schema,) in self._rows(connection, store.SCHEMAS_SQL, (project,))]

    def _has(self, connection: Connection, key: tuple[str, str, str]) -> bool:
        return bool(self._rows(connection, store.HAS_MODEL_SQL, key))

    @reflection.cache
    def get_models(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[ReflectedModel]:
        return self._models(connection, store.MODELS_SQL, self._place(connection, schema))

    @reflection.cache
    def get_all_models(
        self, connection: Connection, schemas: tuple[str, ...] | None = None, **kw: Any
    ) -> list[ReflectedModel]:
        project, _ = self._place(connection, None)
        found = self._models(connection, store.PROJECT_SQL, (project,))
        return [model for model in found if schemas is None or model["schema"] in schemas]

    @reflection.cache
    def get_model(
        self, connection: Connection, name: str, schema: str | None = None, **kw: Any
    ) -> ReflectedModel:
        key = self._key(connection, name, schema)
        found = self._models(connection, store.MODEL_SQL, key)
        if not found:
            raise NoSuchTableError(f"model {'.'.join(key)} does not exist")
        return found[0]

    def key_comparison(
        self, connection: Connection
    ) -> Callable[[OptionValue, OptionValue | None], OptionValue]:
        """What a declared option is compared with what was found as: of a plain key its fingerprint, under
        the file's salt, which is read when it is needed, and not by SQLAlchemy, which may log rows."""

        @cache
        def fingerprint() -> Callable[[PlainSecret], Fingerprint]:
            cursor = connection.connection.cursor()
            cursor.execute(store.SALT_SQL)
            row = cursor.fetchone()
            cursor.close()
            return store.fingerprints(row and store.decode(row))

        return lambda declared, _: fingerprint()(declared) if isinstance(declared, PlainSecret) else declared

    def _rows(self, connection: Connection, sql: str, values: Sequence[str]) -> list[tuple[Any, ...]]:
        """Decoded rows of the store's tables; none where there are no tables."""
        if not self.has_table(connection, store.STORE_TABLE):
            return []
        row = connection.exec_driver_sql(store.FORMAT_SQL).first()
        try:
            store.known_format(None if row is None else tuple(row))
            return [store.decode(row) for row in connection.exec_driver_sql(sql, tuple(values))]
        except StoreError as error:
            raise OperationalError(store.FORMAT_SQL, None, error) from error

    def _models(self, connection: Connection, sql: str, values: Sequence[str]) -> list[ReflectedModel]:
        described = map(store.read_described, self._rows(connection, sql, values))
        try:
            return [_reflected(list(rows)) for _, rows in groupby(described, lambda row: row[0])]
        except StoreError as error:
            raise OperationalError(sql, None, error) from error


#: For the class: before the listeners that a program has for all engines, if it adds them after this.
event.listen(ModelDialect, "handle_error", hide_key)


def _check(url: URL) -> None:
    """Refuse what a URL cannot have, by its name."""
    if url.username or url.password or url.host or url.port:
        scheme = url.drivername
        raise ArgumentError(
            f"a URL is {scheme}:///path, {scheme}:////absolute/path or {scheme}:// (in memory):"
            " with two slashes the path's beginning is a host"
        )
    for key, value in url.query.items():
        if not isinstance(value, str):
            raise ArgumentError(f"the URL gives {key} more than once")
        try:
            _SQLITE_ARGUMENTS.get(key, str)(value)
        except ValueError:
            raise ArgumentError(f"the URL's argument {key} cannot be {value!r}") from None
    level = str(url.query.get("isolation_level", ""))
    if level.upper() not in _LEVELS:
        raise ArgumentError(
            f"the URL's argument isolation_level cannot be {level!r}: it is sqlite3's, one of"
            f" {', '.join(_LEVELS[1:])}; SQLAlchemy's is create_engine(…, isolation_level=…)"
        )
    known = (*_ARGUMENTS, *_SQLITE_ARGUMENTS)
    unknown = [key for key in url.query if key not in known]
    if unknown and not asbool(url.query.get("uri", False)):  # with it, they are SQLite's
        raise ArgumentError(
            f"the URL's argument {unknown[0]} is unknown: there are {', '.join(known)}; SQLite's own go with"
            " a path file:… and uri=true"
        )


def _connected(*_: Any) -> None:
    register_with_alembic()


def _forget_flags(connection: Any, *_: Any) -> None:
    getattr(unwrapped(connection), "flags", {}).clear()


def _reflected(rows: list[Described]) -> ReflectedModel:
    """A model from its rows, one a version."""
    model, _ = rows[0]
    return {
        "name": model.name,
        "schema": model.schema,
        "project": model.project,
        "owner": model.owner,
        "source_type": model.source_type,
        "model_type": model.model_type,
        "default_version": model.default_version,
        "comment": model.comment,
        "create_time": utc(model.create_time),
        "last_modified_time": utc(model.last_modified_time),
        "versions": [_reflected_version(version) for _, version in rows],
    }


def _reflected_version(version: VersionRecord | None) -> ReflectedModelVersion:
    if version is None:
        raise store.damaged("_odpsmodel_version")
    return {
        "name": version.name,
        "comment": version.comment,
        "inputs": [{"name": c.name, "type": c.type, "comment": c.comment} for c in version.inputs],
        "options": dict(version.options),
        "create_time": utc(version.create_time),
        "last_modified_time": utc(version.last_modified_time),
    }


class ODPSModelDialect(ModelDialect):
    """``odpsmodel:///models.db``."""

    name = "odpsmodel"
    driver = "sqlite"
    supports_statement_cache = True
    #: Other arguments of tables are sqlite_…, as SQLAlchemy's compiler reads them under that name; this one
    #: says something on MaxCompute only.
    construct_arguments = [(Table, {"transactional": False})]  # noqa: RUF012


class SQLiteDialect_odpsmodel(ModelDialect):
    """``sqlite+odpsmodel:///models.db``, for what asks for a dialect named "sqlite"."""

    driver = "odpsmodel"
    supports_statement_cache = True
