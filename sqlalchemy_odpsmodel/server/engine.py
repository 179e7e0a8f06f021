"""Runs what the endpoint is sent, on the local file: model statements by the driver's own catalog and
store, ordinary SQL as SQLite's.

Every statement is one transaction, as MaxCompute has none over several; one that succeeded is on disk.  Any
thread may call; each has a connection of its own.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from .. import catalog, dbapi, layout, store
from ..errors import (
    Error,
    IntegrityError,
    ModelError,
    ModelNotFound,
    NoPermission,
    SemanticError,
)
from ..model import DEFAULT_SCHEMA, PUBLIC_PROJECT, model_name
from ..sql import CreateModel, DescModel, SetFlags, ShowModels, ShowVersions, Statement, parse
from ..sql.opening import match_opening
from ..sql.parser import Flags, check_size, is_blank, locate, read_flags
from ..sql.statements import NAMESPACE_FLAG, flag, namespace_flag
from . import wire
from .connections import Connections, Stopped, deadline
from .credentials import Account, privilege_for
from .instances import STOPPED, Result
from .ordinary import Table, read, read_table, translate, until
from .ordinary.tables import is_table_name
from .rows import selected, zone_of

#: For how many seconds a statement may compute.
STATEMENT_SECONDS = 60.0
#: What SHOW MODELS and SHOW VERSIONS show, by the Catalog API's names.
OF_MODELS = frozenset(
    "modelName versionName defaultVersion createTime updateTime description sourceType modelType".split()
)
OF_VERSIONS = OF_MODELS | {"versionCreateTime", "versionUpdateTime", "path", "versionDescription"}
_OK = "OK"
#: Before what is not the statement's fault.
FAULT = "ODPS-0010000: System internal error - "
#: What SQLite says of a statement, and not of the file.
_OF_THE_STATEMENT = (
    "integer overflow",
    "cannot drop ",
    "error in ",
    "string or blob too big",
    "LIKE or GLOB pattern",
    "parser stack",
    "Expression tree is too large",
    "too many ",
)


class Caller(NamedTuple):
    """Who asks: whose the models are that it makes, and its account, None where everyone owns all."""

    owner: str
    account: Account | None

    @property
    def access_id(self) -> str:
        """Whose the instances are that it makes; "" where they are everyone's."""
        return self.account.access_id if self.account else ""


class Submission(NamedTuple):
    """A statement that was sent, the project and schema that are current for it, its settings, and what says
    whether somebody is stopping it."""

    project: str
    schema: str | None
    query: str
    settings: dict[str, str]
    stopping: Callable[[], bool] = bool


class Outcome(NamedTuple):
    """What came of a submission: the result, the statement as it may be shown, and its kind for the log.

    A model statement is shown with a mask for a key, other SQL once it was understood."""

    result: Result
    shown: str
    kind: str


class Engine:
    """A file, and the connections to it.

    ``arguments`` are those of :func:`dbapi.connect`; their project and schema are where the file's tables
    live under their plain names, their owner is whose all is where there are no accounts."""

    def __init__(self, arguments: dict[str, Any], seconds: float = STATEMENT_SECONDS) -> None:
        self._seconds = seconds
        self._connections = Connections(arguments)
        self._home = self.connection.session  # an error of the file is told here, before the first request

    @property
    def connection(self) -> dbapi.Connection:
        """This thread's."""
        return self._connections.own

    def close(self) -> None:
        """Close all connections; no thread may be at work."""
        self._connections.close()

    @property
    def owner(self) -> str:
        """Whose the models are where there are no accounts."""
        return self._home.owner

    def check(self) -> None:
        """Raise where the file cannot be read."""
        self._connections.check()
        self.connection.store.format()

    # Statements

    @staticmethod
    def reads(query: str) -> bool:
        """Whether a statement only reads, and so waits for nobody; as far as its first word tells."""
        try:
            return _first_word(query[read_flags(query)[1] :]) in ("SHOW", "DESC", "DESCRIBE", "SELECT")
        except ModelError:
            return True

    def run(self, sent: Submission, caller: Caller) -> Outcome:
        """Run one statement; its errors are results too."""
        shown, kind = "", ""
        try:
            statement, flags, rest = self._read(sent)
            kind = type(statement).__name__ if statement else _first_word(sent.query[rest:])
            shown = str(statement) if statement else ""
            settings = sent.settings | dict(flags)
            session = self._session(sent, caller, settings)
            if isinstance(statement, SetFlags):
                return Outcome(Result(True, _OK), shown, kind)
            if statement is not None:
                text = self._run_model(statement, session, caller, sent)
                return Outcome(Result(True, text, size=len(text)), shown, kind)
            result = self._run_sql(sent, rest, session, caller, settings)
            return Outcome(result, sent.query, kind)
        except Stopped:
            return Outcome(STOPPED, shown, kind)
        except Error as error:
            text = error_text(error)
            return Outcome(Result(False, text, size=len(text)), shown, kind)

    def _read(self, sent: Submission) -> tuple[Statement | None, Flags, int]:
        """The model statement, or SET alone; None for other SQL; the SET lines, and where they end."""
        check_size(sent.query)
        flags, start = read_flags(sent.query)
        opening = match_opening(sent.query, start)
        ours = opening is not None and opening.lastgroup == "model"
        if not ours and not (start and is_blank(sent.query, start)):
            return None, flags, start
        with_schema = _has_schemas(sent.settings, default=True)
        return parse(sent.query, namespace_schema=with_schema), flags, start

    def _session(self, sent: Submission, caller: Caller, settings: dict[str, str]) -> catalog.Session:
        schema = settings.get("odps.default.schema") or sent.schema or DEFAULT_SCHEMA
        return self._home._replace(
            project=model_name(sent.project, "project name"),
            schema=model_name(schema, "schema name"),
            owner=caller.owner,
        )

    def _run_model(self, statement: Any, session: catalog.Session, caller: Caller, sent: Submission) -> str:
        """A model statement's result as text, in the layout of the vendor's pages."""
        connection = self.connection
        try:
            if not isinstance(statement, (ShowModels, ShowVersions, DescModel)):
                catalog.check(statement)
                with self._connections.transaction(writes=True, stopping=sent.stopping):
                    self._require(statement, session, caller)
                    catalog.change(statement, connection.store, session)
                return _OK
            with self._connections.transaction(writes=False):
                self._require(statement, session, caller)
                query, values = catalog.query(statement, connection.store, session)
                cursor = sqlite3.Cursor(connection).execute(query, values)
                rows = cursor.fetchall()
        except SemanticError as error:
            locate(error, sent.query)
            raise
        if isinstance(statement, DescModel):
            return layout.describe(rows)
        return layout.grid([column[0] for column in cursor.description], rows)

    def _require(self, statement: Any, session: catalog.Session, caller: Caller) -> None:
        """Raise NoPermission unless the caller may; a model's owner is looked up in the same transaction."""
        if isinstance(statement, ShowModels):
            key = session.project, session.schema, ""
        elif isinstance(statement, CreateModel):
            key = *session.key(statement)[:2], ""
        else:
            key = session.key(statement)
        self._allow(privilege_for(statement), key, caller)

    def _allow(self, privilege: str, key: tuple[str, str, str], caller: Caller) -> None:
        """Raise NoPermission unless the caller has a privilege on (project, schema, model), where "" is for
        the project.  Members of a project are told by the catalog of a model that is not there, and everyone
        that the public project is read-only."""
        account = caller.account
        if account is None or key[0] == PUBLIC_PROJECT:
            return
        found = self.connection.store.described(*key) if key[2] else None
        if found or not key[2] or key[0] not in account.projects:
            account.require(privilege, key, found[0].owner if found else None)

    # Ordinary SQL

    def _run_sql(
        self, sent: Submission, start: int, session: catalog.Session, caller: Caller, settings: dict[str, str]
    ) -> Result:
        """A SELECT can be stopped at any time, a change until it has the write lock."""
        connection, query = self.connection, sent.query
        _require_member(caller, session.project)
        # PyODPS without a schema writes project.table, and sends neither.
        with_schema = _has_schemas(settings, default="odps.default.schema" in settings)

        def name_of(parts: tuple[str, ...]) -> str:
            return self.table_name(_table_key(parts, session, with_schema, caller))

        parsed = read(re.sub(r"[^\n]", " ", query[:start]) + query[start:])  # so that places are right
        with (
            deadline(connection, self._seconds, bool if parsed.writes else sent.stopping) as end,
            self._connections.transaction(writes=parsed.writes, stopping=sent.stopping),
        ):
            with until(end):
                translated = translate(parsed, name_of, lambda name: read_table(connection, name))
            cursor = sqlite3.Cursor(connection)
            for sql in translated.statements:
                cursor.execute(sql)
            if translated.columns is None:
                return Result(True, _OK)
            return selected(cursor, translated.columns, zone_of(settings))

    def table_name(self, key: tuple[str, str, str]) -> str:
        """A table's name in the file, of (project, schema, table): its own in the file's own project and
        schema, elsewhere with both in front, which is no name that MaxCompute knows."""
        project, schema, table = key
        return table if (project, schema) == self._home[:2] else f"{project}.{schema}.{table}"

    def _key_of(self, name: str) -> tuple[str, str, str] | None:
        """(project, schema, table) of a name in the file; None for what is no table of MaxCompute's."""
        parts = name.split(".")
        project, schema = parts[:2] if len(parts) == 3 else self._home[:2]
        key = project, schema, parts[-1]
        return key if is_table_name(key[2]) and self.table_name(key) == name else None

    def _table_keys(self) -> list[tuple[str, str, str]]:
        rows = self.connection.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'")
        keys = [self._key_of(name.lower()) for (name,) in rows.fetchall()]
        return [key for key in keys if key]

    def tables(self, project: str, schema: str, caller: Caller) -> list[str]:
        """The names of a schema's tables, in order."""
        _require_member(caller, project)
        with self._connections.transaction(writes=False):
            return sorted(key[2] for key in self._table_keys() if key[:2] == (project, schema))

    def schemas(self, project: str, caller: Caller) -> list[str]:
        """The names of a project's schemas, in order: the default one, and those in which there is a model or
        a table."""
        _require_member(caller, project)
        connection = self.connection
        with self._connections.transaction(writes=False):
            found = {key[1] for key in self._table_keys() if key[0] == project}
            if connection.store.format():
                found |= {schema for (schema,) in connection.store.rows(store.SCHEMAS_SQL, project)}
        return sorted(found | {DEFAULT_SCHEMA})

    def table(self, key: tuple[str, str, str], caller: Caller) -> Table | None:
        """A table of a project and schema."""
        _require_member(caller, key[0])
        return read_table(self.connection, self.table_name(key)) if is_table_name(key[2]) else None

    # The catalog

    def models(
        self, project: str, schema: str, caller: Caller, after: str, size: int
    ) -> tuple[list[dict[str, Any]], str]:
        """A page of the models by name, each with its default version, and the name of the last one, ""
        where no more come."""
        connection = self.connection
        with self._connections.transaction(writes=False):
            self._allow("List", (project, schema, ""), caller)
            if not connection.store.format():
                return [], ""
            rows = connection.store.rows(store.NAMES_SQL, project, schema)
            names = [name for (name,) in rows if name > after]
            page = []
            for key in ((project, schema, name) for name in names[:size]):
                described = self._described(key)
                page.append(described if self._may_describe(key, caller) else _only(OF_MODELS, described))
        return page, names[size - 1] if len(names) > size else ""

    def model(self, key: tuple[str, str, str], version: str, caller: Caller) -> dict[str, Any]:
        """A model and one of its versions, the default one where none is named.  Raises ModelNotFound."""
        with self._connections.transaction(writes=False):
            self._allow("Describe", key, caller)
            return self._described(key, version)

    def versions(
        self, key: tuple[str, str, str], caller: Caller, skip: int, size: int
    ) -> tuple[list[dict[str, Any]], int]:
        """A page of a model's versions in order of creation, and how many are skipped for the next page, 0
        where no more come."""
        with self._connections.transaction(writes=False):
            self._allow("List", key, caller)
            self._described(key)
            rows = self.connection.store.rows(f"{store.MODEL_SQL} LIMIT ? OFFSET ?", *key, size + 1, skip)
            found = [_model_json(store.read_described(row)) for row in rows]
            if not self._may_describe(key, caller):
                found = [_only(OF_VERSIONS, described) for described in found]
        return found[:size], skip + size if len(found) > size else 0

    def _may_describe(self, key: tuple[str, str, str], caller: Caller) -> bool:
        """Who may not gets in a list what SHOW shows."""
        try:
            self._allow("Describe", key, caller)
        except NoPermission:
            return False
        return True

    def _described(self, key: tuple[str, str, str], version: str = "") -> dict[str, Any]:
        found = self.connection.store.described(*key)
        if found and version:
            rows = self.connection.store.rows(store.VERSION_SQL, *key, version)
            found = next(map(store.read_described, rows), None)
        if found is None:
            name = ".".join(key) + (f"@{version}" if version else "")
            raise ModelNotFound(f"model {name} does not exist")
        return _model_json(found)


def _only(keys: Collection[str], described: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in described.items() if key in keys}


def _model_json(found: store.Described) -> dict[str, Any]:
    model, version = found
    if version is None:
        raise store.damaged("_odpsmodel_version")
    return wire.model_json(model, version)


def _has_schemas(settings: dict[str, str], default: bool) -> bool:
    """Whether a.b is schema and name, as the namespace flag says, or else project and name."""
    flags = [flag(key, value) for key, value in settings.items() if key.lower() == NAMESPACE_FLAG]
    return namespace_flag(flags, default)


def _require_member(caller: Caller, project: str) -> None:
    if caller.account is not None:
        caller.account.require_member(project)


def _first_word(text: str) -> str:
    """For the log: one word of letters, or nothing."""
    match = re.match(r"\s*([A-Za-z]{1,16})\b", text)
    return match[1].upper() if match else ""


def _table_key(
    parts: tuple[str, ...], session: catalog.Session, with_schema: bool, caller: Caller
) -> tuple[str, str, str]:
    """(project, schema, table) of a table's written name."""
    if len(parts) == 3 and not with_schema:
        raise SemanticError(f"with {NAMESPACE_FLAG}=false a name has no schema: write project.table")
    schema = session.schema if with_schema else DEFAULT_SCHEMA
    match parts:
        case (table,):
            key = session.project, schema, table
        case (first, table):
            key = (session.project, first, table) if with_schema else (first, DEFAULT_SCHEMA, table)
        case _:
            key = parts[0], parts[1], parts[2]
    _require_member(caller, key[0])
    return key


# Errors


def error_text(error: Error) -> str:
    """An error as an instance's result: it begins with its code."""
    if isinstance(error, ModelError):
        return str(error)
    message = str(error).removeprefix("CHECK constraint failed: ")
    refused = isinstance(error, (IntegrityError, dbapi.DataError, dbapi.ProgrammingError))
    refused = refused or message.startswith(_OF_THE_STATEMENT)
    return str(SemanticError(message)) if refused else f"{FAULT}{message}"
