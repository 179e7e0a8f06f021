"""PEP 249 driver of MaxCompute itself, over the official client, PyODPS.

::

    con = dbapi.connect("my_project", endpoint="https://service.cn-shanghai.maxcompute.aliyun.com/api")
    con.execute("SHOW MODELS").fetchall()

Each statement is a request, and done when it returns: there are no transactions, commit() and rollback() do
nothing.  A model statement is checked by the local driver's rules before it is sent.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn, Self

from .. import catalog
from ..dbapi import BINARY as BINARY
from ..dbapi import DATETIME as DATETIME
from ..dbapi import NUMBER as NUMBER
from ..dbapi import ROWID as ROWID
from ..dbapi import STRING as STRING
from ..dbapi import (
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
    TypeObject,
    level_outside,
    may_hold_key,
    times,
)
from ..errors import (
    DatabaseError,
    DataError,
    DefaultVersionError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    ModelError,
    ModelWarning,
    NoPermission,
    NotSupportedError,
    OperationalError,
    OptionError,
    ParseError,
    ProgrammingError,
    SemanticError,
    ServiceError,
    TableNotFound,
    Warning,
)
from ..model import DEFAULT_SCHEMA, model_name
from ..options import MASK, EnvSecret, OptionValue, PlainSecret, revealed
from ..sql import (
    AddVersion,
    CreateModel,
    DescModel,
    SetFlags,
    ShowModels,
    ShowVersions,
    Statement,
    parse,
)
from ..sql.lexer import TRIVIA, Tokens
from ..sql.opening import match_opening
from ..sql.parser import Flags, check_size, is_blank, locate, read_flags
from ..sql.place import STRINGS
from ..sql.statements import NAMESPACE_FLAG, flag, namespace_flag
from . import replies
from .literals import Parameters, fill

try:
    from .service import GENERAL_HINTS, Service
except ModuleNotFoundError as error:
    needed = "pip install 'sqlalchemy_odpsmodel[maxcompute]'"
    raise ModuleNotFoundError(f"MaxCompute needs {error.name}: {needed}", name=error.name) from None

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
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
    "ModelWarning",
    "NoPermission",
    "NotSupportedError",
    "OperationalError",
    "OptionError",
    "ParseError",
    "ProgrammingError",
    "SemanticError",
    "ServiceError",
    "TableNotFound",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"

_KEY = re.compile(
    r"""(API_?KEY['"`]?\s*+[^\w\s|'"]*+\s*+)(?:'(?:[^'\\]|\\.)*+(?:'|\Z)|"(?:[^"\\]|\\.)*+(?:"|\Z)|[^\s|]+)""",
    re.IGNORECASE,
)
#: How many rows a request brings.
PAGE_ROWS = 10_000
_FIRST_WORD = re.compile(rf"{TRIVIA}([A-Za-z]+|\()", re.DOTALL)
#: Statements whose rows the tunnel has, and such as are answered by a text.
_SELECTS = frozenset(("SELECT", "WITH", "FROM", "VALUES", "("))
_TEXTS = frozenset(("SHOW", "DESC", "DESCRIBE", "EXPLAIN", "LIST", "WHOAMI"))
_TYPES = {
    **dict.fromkeys("tinyint smallint int bigint float double decimal boolean".split(), NUMBER),
    **dict.fromkeys(("string", "varchar", "char", "json"), STRING),
    **dict.fromkeys(("date", "datetime", "timestamp", "timestamp_ntz"), DATETIME),
    "binary": BINARY,
}
_Description = tuple[tuple[str, TypeObject, None, None, None, None, bool | None], ...]


class Cursor:
    """A cursor of PEP 249.  ``arraysize`` is how many rows fetchmany() gives; a request brings so many, or
    10,000 where it is 1."""

    #: The model statement that was executed last, None after other SQL.
    statement: Statement | None = None

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.arraysize = connection.arraysize or 1
        self.rowcount = -1
        self.lastrowid = None
        #: Of the statement that was sent last, for logview and support.
        self.instance_id: str | None = None
        self._closed = self._cancelled = False
        self._clear()

    def _clear(self) -> None:
        """Forget the last statement's result."""
        self.statement = None
        self.instance_id = None
        self._instance: Any = None
        self._done = False
        self.description: _Description | None = None
        self._page: Iterator[tuple[Any, ...]] = iter(())
        self._download: Any = None
        self._read = 0

    # Executing

    def execute(self, sql: str | Statement, parameters: Parameters = (), /) -> Self:
        """Execute one statement, given as text or, a model statement, as itself.  Parameters are ``?`` or
        ``:name``; SET lines before a statement hold for it, alone for the connection."""
        self._begin()
        with self._limited():
            return self._execute(sql, parameters)

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """Let what is done take as long as the connection allows; its errors say which statement it was."""
        try:
            with self.connection.service.limited(self.connection.timeout):
                yield
        except ModelError as error:
            if self._instance is not None:
                error.instance_id = error.instance_id or self.instance_id
            if self._done and isinstance(error, ServiceError) and error.hint in GENERAL_HINTS:
                error.hint = "the statement itself has run: look before you send it again"
            raise

    def _execute(self, sql: str | Statement, parameters: Parameters) -> Self:
        if isinstance(sql, Statement):
            if parameters:
                raise ProgrammingError("a statement given as itself takes no parameters")
            return self._run_model(sql, "")
        if not isinstance(sql, str):
            raise ProgrammingError(f"a statement is a str or a model statement, not a {type(sql).__name__}")
        check_size(sql)
        flags, start = read_flags(sql)
        if is_blank(sql, start):
            self.connection.set_flags(flags)
            return self
        opening = match_opening(sql, start)
        if opening is not None and opening.lastgroup == "model":
            return self._run_text(sql, parameters)
        return self._run_sql(sql, start, flags, parameters)

    def executemany(self, sql: str, seq_of_parameters: Iterable[Parameters], /) -> Self:
        """Execute one statement for each of the parameters, a request each."""
        self._begin()
        rows = list(seq_of_parameters)
        _, start = read_flags(sql)
        if match_opening(sql, start) is None:
            for parameters in rows:
                fill(sql[start:], parameters)  # what cannot be sent is told before anything is
        for parameters in rows:
            self._clear()
            if self._cancelled:
                raise ServiceError("executemany() was stopped: what it sent before is done")
            with self._limited():
                self._execute(sql, parameters)
            if self.description is not None:
                self._clear()
                raise ProgrammingError("executemany() takes no statement that has rows")
        return self

    def cancel(self) -> None:
        """Stop the statement that runs; another thread may call this.  One that is being sent is stopped once
        the service has answered."""
        self._cancelled = True
        instance = self._instance
        if instance is not None:
            self.connection.service.stop(instance)

    def _begin(self) -> None:
        self._require_open()
        self._cancelled = False
        self._clear()

    # Model statements

    def _run_text(self, sql: str, parameters: Parameters) -> Self:
        """A model statement as text.  What the rules do not let through is not sent, unless that was asked
        for."""
        connection = self.connection
        try:
            statement = connection.parse(sql, parameters)
        except (ParseError, SemanticError):
            if connection.precheck or parameters:
                raise
            return self._run_unread(sql)
        try:
            return self._run_model(statement, sql if not parameters else "")
        except SemanticError as error:
            if error.instance_id is None:
                locate(error, sql)
            raise

    def _run_unread(self, sql: str) -> Self:
        """A text that the rules refuse; what it says is not known, so no string of it is in an error."""
        flags, start = read_flags(sql)
        tokens = Tokens(sql, start)
        self._send(sql[start:], dict(flags), _strings(tokens), sql[:start])
        return self

    def _run_model(self, statement: Statement, text: str) -> Self:
        """A model statement; ``text`` is how it was written, where that can be sent."""
        connection = self.connection
        if isinstance(statement, SetFlags):
            connection.set_flags(statement.flags)
            return self
        if not isinstance(statement, (ShowModels, ShowVersions, DescModel)):
            connection.check(statement)
        secrets = _secrets(statement)
        connection.refuse_expansion(secrets)
        hidden, flags = tuple(map(revealed, secrets)), dict(statement.flags)
        if text and not any(isinstance(secret, EnvSecret) for secret in secrets):
            start = read_flags(text)[1]
            self._send(text[start:], flags, hidden, text[:start])
        else:
            self._send(statement.body(revealed), flags, hidden)
        self._show(statement)
        self.statement = statement
        return self

    def _show(self, statement: Statement) -> None:
        """The rows of SHOW and DESC, with the local driver's columns."""
        if isinstance(statement, (ShowModels, ShowVersions, DescModel)):
            text = self.connection.service.text(self._instance)
            self._give(*_answer(self.connection, statement, text))

    def _give(self, titles: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> None:
        self.description = tuple((title, STRING, None, None, None, None, None) for title in titles)
        self._page = iter(list(rows))

    # Ordinary SQL

    def _run_sql(self, sql: str, start: int, flags: Flags, parameters: Parameters) -> Self:
        body = fill(sql[start:], parameters)
        try:
            check_size(body)
        except ParseError as error:
            error.hint = (
                "send fewer rows at once: chunksize of to_sql, insertmanyvalues_page_size of an engine"
            )
            raise
        hidden = _hidden(body)
        self._send(body, dict(flags), hidden, sql[:start])
        found = _FIRST_WORD.match(body)
        word = found[1].upper() if found else ""
        service = self.connection.service
        if word in _TEXTS:
            lines = service.text(self._instance).strip("\n").split("\n")
            self._give(("result",), ((_without_key(line),) for line in lines))
        elif word in _SELECTS and (download := service.rows(self._instance)) is not None:
            self._download = download
            self.description = tuple(map(_column, download.schema.columns))
        return self

    def _send(
        self, body: str, flags: Mapping[str, str], hidden: tuple[str, ...], before: str | None = None
    ) -> None:
        """Send a statement and wait for its end.  ``before`` is what stood before it where it is the user's
        text, in which the service's places are then told."""
        connection = self.connection
        written = body.strip()
        check_text(written)
        try:
            self._instance = connection.service.start(written, connection.settings(flags), hidden)
            self.instance_id = self._instance.id
            if self._cancelled:
                connection.service.stop(self._instance)
            connection.service.wait(self._instance, hidden)
            self._done = True
        except ModelError as error:
            if error.place and before is not None:
                skipped = before + body[: len(body) - len(body.lstrip())]
                line, column = skipped.count("\n") + 1, len(skipped) - skipped.rfind("\n")
                error.place = error.place.moved(line, column)
            raise

    # Fetching

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None.  Raises ProgrammingError where there is no result."""
        self._require_result()
        row = next(self._page, None)
        if row is None and self._next_page():
            row = next(self._page, None)
        return row

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """The next rows, ``arraysize`` of them if no size is given.  Raises as fetchone does."""
        self._require_result()
        wanted = self.arraysize if size is None else size
        if wanted < 0:  # as sqlite3's
            return self.fetchall()
        rows: list[tuple[Any, ...]] = []
        while len(rows) < wanted and (row := self.fetchone()) is not None:
            rows.append(row)
        return rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left.  Raises as fetchone does."""
        return list(iter(self.fetchone, None))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[Any, ...]:
        self._require_open()
        row = None if self.description is None else self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def _next_page(self) -> bool:
        """Bring the next rows; whether there are some."""
        if self._download is None or self._read >= self._download.count:
            return False
        connection, count = self.connection, self.arraysize if self.arraysize > 1 else PAGE_ROWS
        with self._limited():
            rows = connection.service.read(self._download, self._read, count, connection.timezone)
            if not rows:
                raise ServiceError(f"of {self._download.count} rows only {self._read} came")
        self._read += len(rows)
        self._page = iter(rows)
        return True

    def _require_open(self) -> None:
        self.connection.require_open()
        if self._closed:
            raise InterfaceError("the cursor is closed")

    def _require_result(self) -> None:
        self._require_open()
        if self.description is None:
            raise ProgrammingError("nothing to fetch: the last statement has no result, or there was none")

    # The rest of PEP 249

    def close(self) -> None:
        """Forget the result."""
        self._clear()
        self._closed = True

    def setinputsizes(self, sizes: object) -> None:
        """Nothing: MaxCompute takes text."""

    def setoutputsize(self, size: object, column: object = None) -> None:
        """Nothing: columns come whole."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class Connection:
    """A connection of PEP 249: a project and schema of the service, and what holds for its statements."""

    Warning, Error = Warning, Error
    InterfaceError, DatabaseError = InterfaceError, DatabaseError
    DataError, OperationalError, IntegrityError = DataError, OperationalError, IntegrityError
    InternalError, ProgrammingError, NotSupportedError = InternalError, ProgrammingError, NotSupportedError

    def __init__(
        self,
        service: Service,
        *,
        schema: str | None,
        flags: Mapping[str, str],
        precheck: bool,
        expand_env: bool,
        timeout: float | None,
        timezone: str,
        arraysize: int | None,
    ) -> None:
        self.service = service
        self.timezone = timezone
        show_time, time_sql = times(timezone)
        self.session = catalog.Session(
            model_name(service.project, "project name"),
            DEFAULT_SCHEMA if schema is None else model_name(schema, "schema name"),
            "",
            show_time,
            time_sql,
        )
        self.precheck, self.expand_env, self.timeout, self.arraysize = (
            precheck,
            expand_env,
            timeout,
            arraysize,
        )
        self._engine_flags = dict(flag(*pair) for pair in flags.items())
        #: What SET gave alone, for every statement of this connection.
        self.flags: dict[str, str] = {}
        self._schema = schema
        self._closed = False

    def __reduce__(self) -> NoReturn:
        raise TypeError("a connection of the service is not pickled")

    def cursor(self) -> Cursor:
        """A new cursor."""
        self.require_open()
        return Cursor(self)

    def execute(self, sql: str | Statement, parameters: Parameters = (), /) -> Cursor:
        """Execute on a new cursor."""
        return self.cursor().execute(sql, parameters)

    def commit(self) -> None:
        """Nothing: what was executed is done."""
        self.require_open()

    def rollback(self) -> None:
        """Nothing: what was executed is done, and cannot be undone."""
        self.require_open()

    def close(self) -> None:
        """Raises ProgrammingError if it is closed, as the local driver's."""
        self.require_open()
        self._closed = True

    def require_open(self) -> None:
        """Raise ProgrammingError where it is closed."""
        if self._closed:
            raise ProgrammingError("Cannot operate on a closed database.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """As sqlite3's, it stays open."""

    def parse(self, sql: str, parameters: Parameters = ()) -> Statement:
        """Read a model statement as executing it would, under the flags of the connection."""
        flags = self._engine_flags | self.flags
        return parse(sql, parameters, namespace_schema=namespace_flag(flags.items()))

    def set_flags(self, flags: Flags) -> None:
        """What SET gives alone, from now on."""
        _refuse_timezone(dict(flags))
        self.flags.update(flags)

    def key(self, statement: ShowVersions | DescModel) -> tuple[str, str, str]:
        """(project, schema, model) that a statement's name means under its flags."""
        project, schema, model = self.session.key(statement)
        if statement.name.schema is None and statement.namespace_schema:
            schema = self.settings(dict(statement.flags)).get("odps.default.schema", schema).lower()
        return project, schema, model

    def settings(self, flags: Mapping[str, str]) -> dict[str, str]:
        """What is sent with a statement: names are read as by the local driver, times in the timezone."""
        given = self._engine_flags | self.flags | dict(flags)
        _refuse_timezone(given)
        settings = {"odps.sql.timezone": self.timezone, NAMESPACE_FLAG: "true", **given}
        if namespace_flag(settings.items()):
            settings["odps.sql.allow.namespace.schema"] = "true"
            if self._schema is not None:
                settings.setdefault("odps.default.schema", self.session.schema)
        return settings

    def check(self, statement: catalog.Change) -> None:
        """Raise what the rules say of a statement, and warn of what they advise against."""
        if self.precheck:
            catalog.check(statement)
            catalog.check_project(self.session.key(statement)[0])
            if isinstance(statement, AddVersion) and (types := catalog.likely_types(statement)):
                catalog.check_added(statement, *types)
        for advice in catalog.advise(statement):
            warnings.warn(advice, ModelWarning, stacklevel=level_outside())

    def refuse_expansion(self, secrets: Iterable[OptionValue]) -> None:
        """SQL from elsewhere must not be able to send the environment to an ENDPOINT of its choice."""
        for secret in secrets:
            if isinstance(secret, EnvSecret) and secret.in_text and not self.expand_env:
                raise OptionError(
                    f"APIKEY refers to the environment variable {secret.name} in text, which is not read for"
                    f" that: give EnvSecret({secret.name!r}), or connect with expand_env=true",
                    offender="APIKEY",
                )


def connect(
    project: str | None = None,
    access_id: str | None = None,
    secret_access_key: str | None = None,
    *,
    endpoint: str | None = None,
    schema: str | None = None,
    account: Any = None,
    tunnel_endpoint: str | None = None,
    catalog_endpoint: str | None = None,
    precheck: bool = True,
    expand_env: bool = False,
    timeout: float | None = None,
    timezone: str = "UTC",
    arraysize: int | None = None,
    flags: Mapping[str, str] | None = None,
) -> Connection:
    """Connect to a project; nothing is sent before the first statement.

    ``account`` is one of odps.accounts, in place of the access id and its key; without either they are those
    of the environment: ALIBABA_CLOUD_ACCESS_KEY_ID and …_SECRET (with ALIBABA_CLOUD_SECURITY_TOKEN), or what
    PyODPS finds.  So are ODPS_PROJECT_NAME and ODPS_ENDPOINT where those are not given.  ``schema``: where
    unqualified names live.  ``precheck``: whether model statements are checked by the rules before they are
    sent.  ``expand_env``: whether ``'${NAME}'`` as an APIKEY in SQL text is read from the environment, as an
    EnvSecret always is.  ``timeout``: seconds that a statement, or the reading of a page of rows, may take;
    None is without limit.  ``timezone``: an IANA name, in which DATETIME and TIMESTAMP are written and read.
    ``arraysize``: of its cursors, None is 1, with pages of 10,000 rows.  ``flags``: what SET would give, for
    every statement.
    """
    found = project or os.environ.get("ODPS_PROJECT_NAME")
    if not found:
        raise ProgrammingError("cannot connect: no project is given, and ODPS_PROJECT_NAME is not set")
    endpoint = endpoint or os.environ.get("ODPS_ENDPOINT")
    if not endpoint:
        raise ProgrammingError("cannot connect: no endpoint is given, and ODPS_ENDPOINT is not set")
    if "@" in endpoint.partition("://")[2].partition("/")[0]:
        raise ProgrammingError("cannot connect: an endpoint has no user and no key in it")
    given = {
        **_credentials(access_id, secret_access_key, account),
        "endpoint": endpoint,
        "schema": schema,
        "tunnel_endpoint": tunnel_endpoint,
        "catalog_endpoint": catalog_endpoint,
    }
    if any(limit is not None and not limit > 0 for limit in (arraysize, timeout)):
        raise ProgrammingError("cannot connect: timeout and arraysize must be greater than 0")
    settings = {
        "schema": schema,
        "flags": flags or {},
        "precheck": precheck,
        "expand_env": expand_env,
        "timeout": timeout,
        "timezone": timezone,
        "arraysize": arraysize,
    }
    times(timezone)  # refused before anything else
    with_schemas = _check_flags(flags or {}, schema)
    found = model_name(found, "project name")
    schema = schema and model_name(schema, "schema name")
    given["schema"] = settings["schema"] = schema
    known = {key: value for key, value in given.items() if value is not None}
    service = Service(found, namespace_schema=with_schemas, **known)
    return Connection(service, **settings)  # type: ignore[arg-type]


def _check_flags(flags: Mapping[str, str], schema: str | None) -> bool:
    """Whether names have schemas under these flags.  Raises SemanticError for what an argument says."""
    _refuse_timezone(flags)
    if any(key.lower() == "odps.default.schema" for key in flags):
        raise SemanticError("odps.default.schema is the connection's schema: connect with schema=…")
    with_schemas = namespace_flag(flag(*pair) for pair in flags.items())
    if schema is not None and not with_schemas:
        raise SemanticError(f"with {NAMESPACE_FLAG}=false there are no schemas: leave out schema={schema}")
    return with_schemas


def _refuse_timezone(flags: Mapping[str, str]) -> None:
    """Times would be written in one and read in another."""
    if any(key.lower() == "odps.sql.timezone" for key in flags):
        raise SemanticError("odps.sql.timezone is the connection's timezone: connect with timezone=…")


def _credentials(access_id: str | None, key: str | None, account: Any) -> dict[str, Any]:
    """What is given, or what Alibaba Cloud's variables hold."""
    if account is not None and not hasattr(account, "sign_request"):
        raise ProgrammingError(f"account is one of odps.accounts, not a {type(account).__name__}")
    if (access_id is None) != (key is None):
        raise ProgrammingError("an access id goes with its key, and a key with its access id")
    if account is not None or access_id is not None:
        return {"access_id": access_id, "secret_access_key": key, "account": account}
    names = {
        "access_id": "ALIBABA_CLOUD_ACCESS_KEY_ID",
        "secret_access_key": "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "sts_token": "ALIBABA_CLOUD_SECURITY_TOKEN",
    }
    return {argument: os.environ.get(name) for argument, name in names.items()}


def _secrets(statement: Statement) -> tuple[EnvSecret | PlainSecret, ...]:
    if not isinstance(statement, (CreateModel, AddVersion)):
        return ()
    return tuple(v for _, v in statement.options if isinstance(v, (EnvSecret, PlainSecret)))


def _hidden(body: str) -> tuple[str, ...]:
    """The strings of SQL that may be a misspelt model statement with a key in it."""
    return _strings(Tokens(body)) if may_hold_key(body) else ()


def _strings(tokens: Tokens) -> tuple[str, ...]:
    """What the strings of a text say, the longest first; a few letters are no key."""
    found = {tokens.value(i) for i in range(len(tokens)) if tokens.kind(i) in STRINGS}
    return tuple(sorted((text for text in found if len(text) > 3), key=len, reverse=True))


def _without_key(line: str) -> str:
    """A line of a result without what may be a key."""
    return _KEY.sub(rf"\1{MASK}", line)


def check_text(text: str) -> None:
    """Refuse what XML cannot carry."""
    for character in re.findall(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)[:1]:
        raise DataError(f"a statement cannot hold the character {character!r}: write it as an escape")


def _column(column: Any) -> Any:
    kind = str(column.type).lower().partition("(")[0]
    return column.name, _TYPES.get(kind, TypeObject(str(column.type))), None, None, None, None, None


# The rows of SHOW and DESC

_Answer = tuple[tuple[str, ...], Iterable[tuple[str, ...]]]


def _answer(connection: Connection, statement: ShowModels | ShowVersions | DescModel, text: str) -> _Answer:
    """Titles and rows of what the service answers."""
    match statement:
        case ShowModels():
            return _models(text)
        case ShowVersions():
            return _versions(connection, statement, text)
        case DescModel():
            return _described(connection, statement, text)


def _models(text: str) -> _Answer:
    head, *rows = replies.grid(text, "SHOW MODELS")
    if head != catalog.MODELS_TITLES:
        raise replies.malformed("SHOW MODELS")
    return head, rows


def _versions(connection: Connection, statement: ShowVersions, text: str) -> _Answer:
    """By the text where it has the columns that are expected; they are not published, so else by the Catalog
    API, and the owner by DESC."""
    try:
        head, *rows = replies.grid(text, "SHOW VERSIONS")
        if head == catalog.VERSIONS_TITLES:
            return head, rows
    except ServiceError:
        pass
    key = connection.key(statement)
    described = connection.cursor()
    described._send(_desc(statement).body(), dict(statement.flags), ())
    owner = replies.owner_of(connection.service.text(described._instance))
    show = partial(replies.version_row, owner=owner, show=connection.session.show_time)
    return catalog.VERSIONS_TITLES, [show(d) for d in connection.service.versions(*key)]


def _desc(statement: ShowVersions) -> DescModel:
    return DescModel(statement.name, flags=statement.flags)


def _described(connection: Connection, statement: DescModel, text: str) -> _Answer:
    rows = replies.described(text)
    if rows is None:
        key = connection.key(statement)
        found = connection.service.model(*key)
        if found is None:
            raise replies.malformed("DESC MODEL")
        show = connection.session.show_time
        rows = replies.described_by(found, key[0], replies.owner_of(text), show)
    return catalog.DESC_TITLES, rows
