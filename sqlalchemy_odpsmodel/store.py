"""The metadata tables in the SQLite file.  Reads and writes rows; knows no rule.

Everything lives in the schema ``main`` under names that begin with ``_odpsmodel_``, with four
read-only views for people: odps_models, odps_model_versions, odps_model_inputs, odps_model_options.
A version is one row: its inputs and options are JSON, so that a statement writes the same number of
rows whatever it says.  Times are milliseconds of UTC.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from .errors import SemanticError, StoreError
from .model import InputColumn, input_column
from .options import MASK, Fingerprint, Options, OptionValue, PlainSecret, secret

#: The steps that bring a file from one format to the next; a file's format is how many it has had.
_STEPS = (
    (
        """CREATE TABLE main._odpsmodel_store (
            format INTEGER NOT NULL,  -- an older release refuses a higher one
            salt BLOB NOT NULL        -- of the fingerprints of plain keys
        ) STRICT""",
        """CREATE TABLE main._odpsmodel_model (
            id INTEGER PRIMARY KEY,
            project TEXT NOT NULL,
            schema TEXT NOT NULL,
            name TEXT NOT NULL,
            owner TEXT NOT NULL,
            source_type TEXT NOT NULL,
            model_type TEXT NOT NULL,
            default_version TEXT NOT NULL,
            create_time INTEGER NOT NULL,
            last_modified_time INTEGER NOT NULL,
            comment TEXT,
            UNIQUE (project, schema, name),
            FOREIGN KEY (id, default_version) REFERENCES _odpsmodel_version (model, name)
                DEFERRABLE INITIALLY DEFERRED
        ) STRICT""",
        """CREATE TABLE main._odpsmodel_version (
            id INTEGER PRIMARY KEY,   -- grows, so it is the order of creation
            model INTEGER NOT NULL REFERENCES _odpsmodel_model (id) DEFERRABLE INITIALLY DEFERRED,
            name TEXT NOT NULL,
            create_time INTEGER NOT NULL,
            last_modified_time INTEGER NOT NULL,
            comment TEXT,
            inputs TEXT NOT NULL,     -- [[name, type, comment or null], …]
            options TEXT NOT NULL,    -- {key: value}, but for the model's two types
            UNIQUE (model, name)
        ) STRICT""",
        """CREATE VIEW main.odps_models AS
            SELECT project, schema, name AS model, owner, source_type, model_type, default_version,
                strftime('%Y-%m-%d %H:%M:%f000', create_time / 1000.0, 'unixepoch') AS create_time,
                strftime('%Y-%m-%d %H:%M:%f000', last_modified_time / 1000.0, 'unixepoch')
                    AS last_modified_time,
                comment
            FROM _odpsmodel_model""",
        """CREATE VIEW main.odps_model_versions AS
            SELECT m.project, m.schema, m.name AS model, v.name AS version,
                v.name = m.default_version AS is_default,
                strftime('%Y-%m-%d %H:%M:%f000', v.create_time / 1000.0, 'unixepoch') AS create_time,
                strftime('%Y-%m-%d %H:%M:%f000', v.last_modified_time / 1000.0, 'unixepoch')
                    AS last_modified_time,
                json_extract(v.options, '$.LOCATION') AS path, v.comment
            FROM _odpsmodel_version AS v JOIN _odpsmodel_model AS m ON m.id = v.model""",
        """CREATE VIEW main.odps_model_inputs AS
            SELECT m.project, m.schema, m.name AS model, v.name AS version, i.key + 1 AS position,
                json_extract(i.value, '$[0]') AS name, json_extract(i.value, '$[1]') AS type,
                json_extract(i.value, '$[2]') AS comment
            FROM _odpsmodel_version AS v JOIN _odpsmodel_model AS m ON m.id = v.model,
                json_each(v.inputs) AS i""",
        f"""CREATE VIEW main.odps_model_options AS
            SELECT m.project, m.schema, m.name AS model, v.name AS version, o.key,
                iif(o.key = 'APIKEY' AND o.value NOT LIKE '${{%', '{MASK}', o.value) AS value
            FROM _odpsmodel_version AS v JOIN _odpsmodel_model AS m ON m.id = v.model,
                json_each(v.options) AS o""",
    ),
)
FORMAT = len(_STEPS)
STORE_TABLE = "_odpsmodel_store"
TABLES = frozenset((STORE_TABLE, "_odpsmodel_model", "_odpsmodel_version"))
VIEWS = ("odps_models", "odps_model_versions", "odps_model_inputs", "odps_model_options")

_MODEL_COLUMNS = (
    "project, schema, name, owner, source_type, model_type, default_version, create_time,"
    " last_modified_time, comment"
)
_VERSION_COLUMNS = "name, create_time, last_modified_time, comment, inputs, options"
_HMAC = "hmac-sha256:"
_json = json.JSONEncoder(ensure_ascii=False).encode


def _json_or_null(text: str | None) -> str:
    return "null" if text is None else _json(text)


class ModelRecord(NamedTuple):
    """A model as the store keeps it."""

    project: str
    schema: str
    name: str
    owner: str
    source_type: str
    model_type: str
    default_version: str
    create_time: int
    last_modified_time: int
    comment: str | None


class VersionRecord(NamedTuple):
    """A version as the store keeps it.  An APIKEY in ``options`` is read as an EnvSecret or, where
    a plain key was given, as its Fingerprint."""

    name: str
    create_time: int
    last_modified_time: int
    comment: str | None
    inputs: tuple[InputColumn, ...]
    options: Options


Described = tuple[ModelRecord, VersionRecord | None]


class Found(NamedTuple):
    """What a change needs of a model: and whether it has the version that was looked for."""

    id: int
    source_type: str
    model_type: str
    default_version: str
    has_version: bool


def _selected(columns: str, table: str = "") -> str:
    """Columns as expressions that :func:`decode` reads: times as they are, text as blobs."""
    names = [f"{table}{column}" for column in columns.split(", ")]
    return ", ".join(f"+{n}" if n.endswith("_time") else f"CAST({n} AS BLOB)" for n in names)


def decode(row: Iterable[Any]) -> tuple[Any, ...]:
    """A selected row.  Text is selected as a blob and decoded here, so that neither text_factory nor a
    converter of the connection's gets it."""
    try:
        return tuple([value.decode() if type(value) is bytes else value for value in row])
    except UnicodeDecodeError:
        raise StoreError("the metadata tables hold what is no text: restore the file from a backup") from None


def read_described(row: tuple[Any, ...]) -> Described:
    """A model and one of its versions of a decoded row; None in the version's place is damage."""
    model, (found, created, modified, comment, inputs, options) = ModelRecord(*row[:10]), row[10:]
    if found is None:
        return model, None
    try:
        columns = tuple([input_column(*column) for column in json.loads(inputs)])
        pairs = tuple([(key, _read(key, value)) for key, value in json.loads(options).items()])
    except (ValueError, TypeError, AttributeError, RecursionError, SemanticError):  # another shape
        raise damaged("_odpsmodel_version") from None
    return model, VersionRecord(found, created, modified, comment, columns, pairs)


#: The queries, for whoever reads the tables with a connection of its own.
#: See Store.lock; it needs no table, and changes nothing, but in a file with incremental vacuum gives one
#: free page back.
LOCK_SQL = "PRAGMA main.incremental_vacuum(1)"
_WRITE_NOTHING_SQL = "DELETE FROM main._odpsmodel_store WHERE 0"
FORMAT_SQL = "SELECT +format FROM main._odpsmodel_store"
SALT_SQL = "SELECT CAST(hex(salt) AS BLOB) FROM main._odpsmodel_store"
#: The names of the models of a project and schema; one of them; the schemas of a project's models.
NAMES_SQL = (
    "SELECT CAST(name AS BLOB) FROM main._odpsmodel_model WHERE project = ? AND schema = ? ORDER BY name"
)
HAS_MODEL_SQL = "SELECT 1 FROM main._odpsmodel_model WHERE project = ? AND schema = ? AND name = ?"
SCHEMAS_SQL = "SELECT DISTINCT CAST(schema AS BLOB) FROM main._odpsmodel_model WHERE project = ? ORDER BY 1"
_DESCRIBED = (
    f"SELECT {_selected(_MODEL_COLUMNS, 'm.')}, {_selected(_VERSION_COLUMNS, 'v.')}"
    " FROM main._odpsmodel_model AS m LEFT JOIN main._odpsmodel_version AS v ON v.model = m.id"
)
#: The models of a project, of one of its schemas, or one, with all versions in order of creation, a row a
#: version, as of one moment: :func:`read_described` reads them.
PROJECT_SQL = f"{_DESCRIBED} WHERE m.project = ? ORDER BY m.schema, m.name, v.id"
MODELS_SQL = f"{_DESCRIBED} WHERE m.project = ? AND m.schema = ? ORDER BY m.name, v.id"
MODEL_SQL = f"{_DESCRIBED} WHERE m.project = ? AND m.schema = ? AND m.name = ? ORDER BY v.id"
#: One of its versions.
VERSION_SQL = f"{_DESCRIBED} WHERE m.project = ? AND m.schema = ? AND m.name = ? AND v.name = ? ORDER BY v.id"
#: All of them.
EVERYTHING_SQL = f"{_DESCRIBED} ORDER BY m.project, m.schema, m.name, v.id"
#: The format, and a model, or NULL in its place.
_STORED = (
    "FROM main._odpsmodel_store AS s LEFT JOIN main._odpsmodel_model AS m"
    " ON m.project = ? AND m.schema = ? AND m.name = ?"
)
_DEFAULT_VERSION_SQL = (
    f"SELECT +s.format, {_selected(_MODEL_COLUMNS, 'm.')}, {_selected(_VERSION_COLUMNS, 'v.')} {_STORED}"
    " LEFT JOIN main._odpsmodel_version AS v ON v.model = m.id AND v.name = m.default_version"
)
_INSERT_MODEL_SQL = (
    f"INSERT INTO main._odpsmodel_model ({_MODEL_COLUMNS}) SELECT {', '.join('?' * 10)}"
    " FROM main._odpsmodel_store WHERE format = ?"
    " ON CONFLICT (project, schema, name) DO NOTHING"
)
_FIND_SQL = (
    f"SELECT +s.format, +m.id, {_selected('source_type, model_type, default_version', 'm.')},"
    " EXISTS (SELECT 1 FROM main._odpsmodel_version AS v WHERE v.model = m.id AND v.name = ?)"
    f" {_STORED}"
)


class Store:
    """The store of one connection's file.  Nothing is remembered between calls: what a transaction
    made may have been rolled back, and other processes write too."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        """On a cursor of its own: without the connection's row factory, and one that is not kept, as a
        statement that failed and lives on keeps a closed connection's lock."""
        return sqlite3.Cursor(self._connection).execute(sql, values)

    def _row(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        """The first row, decoded."""
        row = self._execute(sql, *values).fetchone()
        return row and decode(row)

    # The tables

    def format(self) -> int:
        """The file's format, 0 without tables.  A newer one raises StoreError."""
        try:
            row = self._row(FORMAT_SQL)
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            if self._row("SELECT 1 FROM main.sqlite_schema WHERE name = '_odpsmodel_model'"):
                raise damaged(STORE_TABLE) from error
            return 0
        return known_format(row)

    def lock(self) -> None:
        """Take the write lock, and wait for it, as the first thing in a transaction that another began:
        one that has read may be refused it.  A write that changes nothing does it; where there are no
        tables, the pragma, which SQLite compiles anew each time."""
        try:
            self._execute(_WRITE_NOTHING_SQL)
        except sqlite3.DatabaseError as error:  # no tables, or an authorizer of the user's
            if not _is_of_statement(error):
                raise
            self._execute(LOCK_SQL).fetchall()

    def begin(self) -> bool:
        """Begin a transaction with the write lock, if nobody has it and there are tables.  One that has
        read is refused the lock at once where BEGIN IMMEDIATE waits, and SQLite compiles none of this
        anew."""
        self._execute("BEGIN")
        try:
            self._execute(FORMAT_SQL).fetchone()
            self._execute(_WRITE_NOTHING_SQL)
        except BaseException as error:
            if self._connection.in_transaction:
                self._execute("ROLLBACK")
            if isinstance(error, sqlite3.DatabaseError):
                return False
            raise
        return True

    def prepare(self, found: int) -> bool:
        """Make the tables, or bring them from the format found to this release's, in the open transaction;
        whether there was anything to do."""
        if found == FORMAT:
            return False
        try:
            for step in _STEPS[found:]:
                for sql in step:
                    self._execute(sql)
        except sqlite3.OperationalError as error:
            if "already exists" not in str(error):
                raise
            raise StoreError(f"{error}: the metadata store needs that name, so rename what has it") from error
        if found == 0:
            self._execute("INSERT INTO main._odpsmodel_store VALUES (?, ?)", FORMAT, os.urandom(16))
        else:
            self._execute("UPDATE main._odpsmodel_store SET format = ?", FORMAT)
        return True

    def rows(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """The rows of one of the queries above, decoded."""
        return map(decode, self._execute(sql, *values))

    # Models

    def find(self, key: tuple[str, str, str], version: str) -> tuple[int, Found | None]:
        """The file's format as :meth:`format` has it, and the model of a project, schema and name, as of one
        moment; None too where the tables have not this release's columns."""
        try:
            row = self._row(_FIND_SQL, version, *key)
        except sqlite3.OperationalError as error:
            if not _is_of_statement(error) or (found := self.format()) == FORMAT:
                raise
            return found, None
        store_format = known_format(row and row[:1])
        return store_format, Found(*row[1:]) if row and row[1] is not None else None

    def described(self, project: str, schema: str, name: str) -> Described | None:
        """A model and its default version, as of one moment; None in its place is damage."""
        try:
            row = self._row(_DEFAULT_VERSION_SQL, project, schema, name)
        except sqlite3.OperationalError as error:
            if not _is_of_statement(error) or self.format():
                raise
            return None
        known_format(row and row[:1])
        return read_described(row[1:]) if row and row[1] is not None else None

    def insert_model(self, model: ModelRecord) -> int | None:
        """Insert a model and return its id, or None where there is one of this name.  The tables are made, or
        brought to this release's format, only where that fails."""
        try:
            cursor = self._execute(_INSERT_MODEL_SQL, *model, FORMAT)
        except sqlite3.OperationalError as error:
            if not (_is_of_statement(error) and self.prepare(self.format())):
                raise
            return self.insert_model(model)
        (inserted,) = cursor.fetchone() or (cursor.rowcount,)  # a row is of PRAGMA count_changes
        if inserted:
            return cursor.lastrowid
        return self.insert_model(model) if self.prepare(self.format()) else None

    def alter_model(self, model_id: int, default_version: str, last_modified_time: int) -> None:
        """Write what can change of a model."""
        self._execute(
            "UPDATE main._odpsmodel_model SET default_version = ?, last_modified_time = ? WHERE id = ?",
            default_version,
            last_modified_time,
            model_id,
        )

    def delete_model(self, model_id: int) -> None:
        """Delete a model and all its versions."""
        self._execute("DELETE FROM main._odpsmodel_version WHERE model = ?", model_id)
        self._execute("DELETE FROM main._odpsmodel_model WHERE id = ?", model_id)

    # Versions

    def insert_version(self, model_id: int, version: VersionRecord) -> None:
        self._execute(
            f"INSERT INTO main._odpsmodel_version (model, {_VERSION_COLUMNS}) VALUES (?,?,?,?,?,?,?)",
            model_id,
            *self.version_row(version),
        )

    def version_row(self, version: VersionRecord) -> tuple[object, ...]:
        """A version as its row says it, which holds no key.  In JSON, names, types and keys are as they are:
        they were checked, and have nothing to escape."""
        inputs = ",".join([f'["{c.name}","{c.type}",{_json_or_null(c.comment)}]' for c in version.inputs])
        options = ",".join([f'"{key}":{_json(self._kept(value))}' for key, value in version.options])
        return *version[:4], f"[{inputs}]", f"{{{options}}}"

    def delete_version(self, model_id: int, name: str) -> None:
        self._execute("DELETE FROM main._odpsmodel_version WHERE model = ? AND name = ?", model_id, name)

    def fingerprint(self, secret: PlainSecret) -> Fingerprint:
        """HMAC-SHA-256 under the file's salt: it tells that a key changed, and not the key."""
        return fingerprints(self._row(SALT_SQL))(secret)

    def _kept(self, value: OptionValue) -> str:
        """An option's value as text that holds no key."""
        if isinstance(value, PlainSecret):
            value = self.fingerprint(value)
        return value.digest if isinstance(value, Fingerprint) else str(value)


def fingerprints(row: tuple[Any, ...] | None) -> Callable[[PlainSecret], Fingerprint]:
    """The function that makes fingerprints with the salt that SALT_SQL found, decoded."""
    import hmac

    if row is None:
        raise damaged(STORE_TABLE)
    salt = bytes.fromhex(row[0])
    return lambda secret: Fingerprint(_HMAC + hmac.digest(salt, secret.reveal().encode(), "sha256").hex())


def known_format(row: tuple[Any, ...] | None) -> int:
    """The format that FORMAT_SQL found; a newer one, or none, raises StoreError."""
    if row is None or row[0] < 1:
        raise damaged(STORE_TABLE)
    if row[0] > FORMAT:
        raise StoreError(
            f"the file has store format {row[0]}, and this release of sqlalchemy_odpsmodel knows"
            f" {FORMAT}: upgrade the package"
        )
    return int(row[0])


def _is_of_statement(error: sqlite3.DatabaseError) -> bool:
    """Whether SQLite did not understand a statement, as where there are no tables, or was not let."""
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_AUTH)


def damaged(table: str) -> StoreError:
    return StoreError(f"the table {table} is damaged: restore the file from a backup")


def _read(key: str, value: str) -> OptionValue:
    if key != "APIKEY":
        return value
    return Fingerprint(value) if value.startswith(_HMAC) else secret(value)
