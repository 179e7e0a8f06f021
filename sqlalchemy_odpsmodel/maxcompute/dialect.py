"""The dialect of MaxCompute itself: ``odpsmodel+pyodps://ACCESS_ID:KEY@project/?endpoint=https://…/api``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from sqlalchemy import URL, Connection, Table, event, types
from sqlalchemy.engine import reflection
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InvalidRequestError,
    NoSuchTableError,
)
from sqlalchemy.util import asbool

from ..dbapi import may_hold_key
from ..dialect import HasModels
from ..errors import Error, ModelError, OptionError
from ..execution import ModelExecution, hide_key, unwrapped
from ..options import EnvSecret, OptionValue, revealed
from ..reflection import ReflectedModel
from ..registration import refuse_late_alembic
from ..sql import script
from . import replies
from .compiler import (
    MaxComputeCompiler,
    MaxComputeDDLCompiler,
    MaxComputeIdentifierPreparer,
    MaxComputeTypeCompiler,
)

#: What a URL may give for dbapi.connect, beside flags, which have a dot.
_ARGUMENTS: dict[str, Callable[[str], object]] = {
    "endpoint": str,
    "schema": str,
    "tunnel_endpoint": str,
    "catalog_endpoint": str,
    "precheck": asbool,
    "expand_env": asbool,
    "timeout": float,
    "timezone": str,
    "arraysize": int,
}
_TYPES: dict[str, Callable[..., Any]] = {
    "tinyint": types.SmallInteger,
    "smallint": types.SMALLINT,
    "int": types.INTEGER,
    "bigint": types.BIGINT,
    "float": lambda: types.FLOAT(24),
    "double": types.DOUBLE,
    "decimal": types.DECIMAL,
    "string": types.TEXT,
    "varchar": types.VARCHAR,
    "char": types.CHAR,
    "binary": types.LargeBinary,
    "boolean": types.BOOLEAN,
    "date": types.DATE,
    "datetime": types.DATETIME,
    "timestamp": types.TIMESTAMP,
    "timestamp_ntz": types.TIMESTAMP,
    "json": types.JSON,
}
_TABLE_NAME = re.compile(r"[^\W\d]\w*")


def kind_of(text: str) -> str:
    """Whose statement a text is: "model", or "" for what may be a misspelt one with a key in it."""
    if script.kind_of(text) == "model":
        return "model"
    return "" if may_hold_key(text) else "maxcompute"


def driver_connection(connection: Connection) -> Any:
    """The driver's connection."""
    from . import dbapi

    found = unwrapped(connection.connection.dbapi_connection)
    if not isinstance(found, dbapi.Connection):
        raise InvalidRequestError("a creator= for this dialect returns a connection of maxcompute.dbapi")
    return found


class MaxComputeExecutionContext(ModelExecution, DefaultExecutionContext):
    """The driver gets text as it was written: the service's errors have places in it."""

    reads_text = False


class _DateTime(types.DateTime):
    """DATETIME, which has milliseconds."""

    def bind_processor(self, dialect: Any) -> Any:
        def whole(value: Any) -> Any:
            if not isinstance(value, datetime):
                return value
            cut = value.replace(microsecond=value.microsecond // 1000 * 1000)
            return cut.replace(nanosecond=0) if getattr(cut, "nanosecond", 0) else cut  # type: ignore[call-arg]

        return whole


class ODPSModelDialect_pyodps(HasModels):
    """``odpsmodel+pyodps://…``: MaxCompute itself, by the official client."""

    name = "odpsmodel"
    driver = "pyodps"
    transactional_models = False
    supports_statement_cache = True
    default_paramstyle = "qmark"
    supports_native_boolean = True
    supports_native_decimal = True
    div_is_floordiv = False
    colspecs = {types.DateTime: _DateTime, types.TIMESTAMP: types.TIMESTAMP}  # noqa: RUF012
    supports_sane_rowcount = False
    supports_sane_multi_rowcount = False
    supports_default_values = False
    supports_default_metavalue = False
    supports_empty_insert = False
    supports_multivalues_insert = True
    use_insertmanyvalues = True
    use_insertmanyvalues_wo_returning = True
    supports_sequences = False
    postfetch_lastrowid = False
    supports_alter = False
    supports_comments = True
    inline_comments = True
    supports_schemas = True
    max_identifier_length = 128
    default_schema_name = "default"
    kind_of = staticmethod(kind_of)
    driver_connection = staticmethod(driver_connection)
    statement_compiler = MaxComputeCompiler
    ddl_compiler = MaxComputeDDLCompiler
    type_compiler_cls = MaxComputeTypeCompiler
    preparer = MaxComputeIdentifierPreparer  # type: ignore[assignment]
    execution_ctx_cls = MaxComputeExecutionContext
    #: Tables that UPDATE and DELETE can change.
    construct_arguments = [(Table, {"transactional": False})]  # noqa: RUF012 - as SQLAlchemy has it

    def __init__(self, json_serializer: Any = None, json_deserializer: Any = None, **kw: Any) -> None:
        super().__init__(**kw)
        self._json_serializer, self._json_deserializer = json_serializer, json_deserializer

    # Connecting

    @classmethod
    def import_dbapi(cls) -> Any:
        from . import dbapi

        return dbapi

    def create_connect_args(self, url: URL) -> Any:
        """The user is the access id, the host the project; flags are arguments with a dot in their names."""
        if url.port or (url.database or "").strip("/"):
            raise ArgumentError(
                "a URL is odpsmodel+pyodps://ACCESS_ID:KEY@project/?endpoint=https://…/api&schema=…, and has"
                " no port and no path"
            )
        if bool(url.username) != bool(url.password):
            raise ArgumentError("the URL gives an access id without its key, or a key without its access id")
        given: dict[str, Any] = {"flags": {}}
        for key, value in url.query.items():
            if not isinstance(value, str):
                raise ArgumentError(f"the URL gives {key} more than once")
            if "." in key:
                given["flags"][key] = value
                continue
            given[key] = _argument(key, value)
        credentials = {"access_id": url.username, "secret_access_key": url.password}
        return [url.host] if url.host else [], given | {k: v for k, v in credentials.items() if v}

    def _get_server_version_info(self, connection: Connection) -> None:
        return None

    def _get_default_schema_name(self, connection: Connection) -> str:
        return str(driver_connection(connection).session.schema)

    def _check_max_identifier_length(self, connection: Connection) -> None:
        return None

    def do_ping(self, dbapi_connection: Any) -> bool:
        """There is nothing to lose: each statement is a request of its own."""
        return True

    # Transactions: there are none

    def get_isolation_level_values(self, dbapi_connection: Any) -> Sequence[Any]:
        return ["AUTOCOMMIT"]

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:
        return "AUTOCOMMIT"

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        return "AUTOCOMMIT"

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        """It is AUTOCOMMIT."""

    def do_savepoint(self, connection: Connection, name: str) -> None:
        raise InvalidRequestError("MaxCompute has no transactions, and so no begin_nested()")

    # Reflection of tables

    @reflection.cache
    def has_table(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> bool:
        """What can be no table's name, as SQL that pandas asks for, is not asked for."""
        refuse_late_alembic()
        if not _TABLE_NAME.fullmatch(table_name):
            return False
        return self._columns(connection, table_name, schema, **kw) is not None

    @reflection.cache
    def get_schema_names(self, connection: Connection, **kw: Any) -> list[str]:
        with _told(connection):
            return sorted(driver_connection(connection).service.schemas())

    @reflection.cache
    def get_table_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        return self._names(connection, schema, views=False)

    @reflection.cache
    def get_view_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        return self._names(connection, schema, views=True)

    @reflection.cache
    def get_columns(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        columns, _ = self._table(connection, table_name, schema, **kw)
        return [
            {
                "name": column.name,
                "type": _type(str(column.type).lower()),
                "nullable": bool(column.nullable),
                "default": None,
                "comment": column.comment or None,
            }
            for column in columns
        ]

    @reflection.cache
    def get_table_comment(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        return {"text": self._table(connection, table_name, schema, **kw)[1]}

    def get_pk_constraint(self, connection: Connection, table_name: str, *args: Any, **kw: Any) -> Any:
        """None: MaxCompute does not enforce keys."""
        return {"constrained_columns": [], "name": None}

    def _none(self, connection: Connection, table_name: str, *args: Any, **kw: Any) -> Any:
        return []

    get_foreign_keys = get_indexes = get_unique_constraints = get_check_constraints = _none

    def _names(self, connection: Connection, schema: str | None, views: bool) -> list[str]:
        with _told(connection):
            found = driver_connection(connection).service.tables(schema)
            return sorted(name for name, is_view in found if is_view is views)

    def _table(
        self, connection: Connection, name: str, schema: str | None, **kw: Any
    ) -> tuple[list[Any], str | None]:
        found = self._columns(connection, name, schema, **kw)
        if found is None:
            raise NoSuchTableError(name)
        return found

    @reflection.cache
    def _columns(
        self, connection: Connection, name: str, schema: str | None, **kw: Any
    ) -> tuple[list[Any], str | None] | None:
        with _told(connection):
            found: Any = driver_connection(connection).service.columns(schema, name)
            return found  # type: ignore[no-any-return]

    # Reflection of models

    @reflection.cache
    def get_model_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        key = self._place(connection, schema)
        with _told(connection):
            return sorted(found["modelName"] for found in driver_connection(connection).service.models(*key))

    @reflection.cache
    def get_model_schema_names(self, connection: Connection, **kw: Any) -> list[str]:
        """Those of the project's schemas in which there are models."""
        with _told(connection):
            service, project = driver_connection(connection).service, self._place(connection, None)[0]
            return [
                schema
                for schema in sorted(service.schemas())
                if next(iter(service.models(project, schema)), None)
            ]

    def _has(self, connection: Connection, key: tuple[str, str, str]) -> bool:
        with _told(connection):
            return driver_connection(connection).service.model(*key) is not None

    @reflection.cache
    def get_models(
        self, connection: Connection, schema: str | None = None, **kw: Any
    ) -> list[ReflectedModel]:
        found = []
        for name in self.get_model_names(connection, schema):
            with suppress(NoSuchTableError):  # dropped meanwhile
                found.append(self.get_model(connection, name, schema))
        return found

    @reflection.cache
    def get_all_models(
        self, connection: Connection, schemas: tuple[str, ...] | None = None, **kw: Any
    ) -> list[ReflectedModel]:
        if schemas is None:
            with _told(connection):
                schemas = tuple(driver_connection(connection).service.schemas())
        return [model for schema in sorted(schemas) for model in self.get_models(connection, schema)]

    @reflection.cache
    def get_model(
        self, connection: Connection, name: str, schema: str | None = None, **kw: Any
    ) -> ReflectedModel:
        key = self._key(connection, name, schema)
        with _told(connection):
            versions = driver_connection(connection).service.versions(*key)
            if not versions:
                raise NoSuchTableError(f"model {'.'.join(key)} does not exist")
            return replies.reflected(*key[:2], versions)

    def check_sent(self, connection: Connection, statement: Any) -> None:
        """Raise what sending a statement would of its key's variable."""
        options = getattr(statement, "options", ())
        secrets = [value for _, value in options if isinstance(value, EnvSecret)]
        try:
            driver_connection(connection).refuse_expansion(secrets)
            for secret in secrets:
                revealed(secret)
        except OptionError as error:
            raise _wrapped(error, str(statement)) from error

    def key_comparison(
        self, connection: Connection
    ) -> Callable[[OptionValue, OptionValue | None], OptionValue | None]:
        """How a declared option is compared with what was found."""
        return replies.compared


event.listen(ODPSModelDialect_pyodps, "handle_error", hide_key)


def _argument(key: str, value: str) -> object:
    if key not in _ARGUMENTS:
        raise ArgumentError(
            f"the URL's argument {key} is unknown: there are {', '.join(_ARGUMENTS)}, and SQL's flags, which"
            " have a dot in their names"
        )
    try:
        return _ARGUMENTS[key](value)
    except ValueError:
        raise ArgumentError(f"the URL's argument {key} cannot be {value!r}") from None


@contextmanager
def _told(connection: Connection) -> Iterator[None]:
    """Errors of reading as SQLAlchemy's, as those of statements are; the timeout of statements holds."""
    driver = driver_connection(connection)
    try:
        with driver.service.limited(driver.timeout), replies.reading("reading models"):
            yield
    except ModelError as error:
        raise _wrapped(error) from error


def _wrapped(error: ModelError, statement: str = "") -> Exception:
    """SQLAlchemy's error of the driver's."""
    return DBAPIError.instance(statement, None, error, Error)


def _type(text: str) -> Any:
    """A column's type of its name in lower case."""
    name, _, arguments = text.rstrip(")").partition("(")
    numbers = [int(number) for number in re.findall(r"\d+", arguments)]
    known = _TYPES.get(name)
    if known is None:
        return types.NullType()
    return known(*numbers) if name in ("decimal", "varchar", "char") else known()
