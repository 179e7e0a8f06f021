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
from .model import InputColumn
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
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


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


def _selected(columns: str, table: str = "") -> str:
    """Columns as expressions that :func:`decode` reads: times as they are, text as blobs."""
    names = [f"{table}{column}" for column in columns.split(", ")]
    return ", ".join(f"+{n}" if n.endswith("_time") else f"CAST({n} AS BLOB)" for n in names)


def decode(row: Iterable[Any]) -> tuple[Any, ...]:
    """A selected row.  Text is selected as a blob and decoded here, so that neither text_factory nor a
    converter of the connection's gets it."""
    try:
        return tuple(value.decode() if isinstance(value, bytes) else value for value in row)
    except UnicodeDecodeError:
        raise StoreError("the metadata tables hold what is no text: restore the file from a backup") from None


def read_described(row: tuple[Any, ...]) -> Described:
    """A model and one of its versions of a decoded row; None in the version's place is damage."""
    model, (found, created, modified, comment, inputs, options) = ModelRecord(*row[:10]), row[10:]
    if found is None:
        return model, None
    try:
        columns = tuple(InputColumn(*column) for column in json.loads(inputs))
        pairs = tuple((key, _read(key, value)) for key, value in json.loads(options).items())
    except (ValueError, TypeError, AttributeError, RecursionError, SemanticError):  # another shape
        raise damaged("_odpsmodel_version") from None
    return model, VersionRecord(found, created, modified, comment, columns, pairs)


#: The queries, for whoever reads the tables with a connection of its own.
LOCK_SQL = "PRAGMA main.incremental_vacuum(1)"  # see Store.lock
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
#: All of them.
EVERYTHING_SQL = f"{_DESCRIBED} ORDER BY m.project, m.schema, m.name, v.id"
_DEFAULT_VERSION_SQL = (
    f"{_DESCRIBED} AND v.name = m.default_version WHERE m.project = ? AND m.schema = ? AND m.name = ?"
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
        one that has read may be refused it.  This pragma is a write that needs no table; it changes
        nothing, but in a file with incremental vacuum gives one free page back."""
        self._execute(LOCK_SQL).fetchall()

    def prepare(self, found: int) -> None:
        """Make the tables, or bring them from the format found to this release's, in the open transaction."""
        if found == FORMAT:
            return
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

    def rows(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """The rows of one of the queries above, decoded."""
        return map(decode, self._execute(sql, *values))

    # Models

    def model(self, project: str, schema: str, name: str) -> tuple[int, ModelRecord] | None:
        """A model and its id."""
        row = self._row(
            f"SELECT +id, {_selected(_MODEL_COLUMNS)} FROM main._odpsmodel_model"
            " WHERE project = ? AND schema = ? AND name = ?",
            project,
            schema,
            name,
        )
        return (row[0], ModelRecord(*row[1:])) if row else None

    def insert_model(self, model: ModelRecord) -> int:
        """Insert a model and return its id."""
        cursor = self._execute(
            f"INSERT INTO main._odpsmodel_model ({_MODEL_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)", *model
        )
        return cursor.lastrowid or 0

    def alter_model(self, model_id: int, model: ModelRecord) -> None:
        """Write what can change of a model."""
        self._execute(
            "UPDATE main._odpsmodel_model SET default_version = ?, last_modified_time = ? WHERE id = ?",
            model.default_version,
            model.last_modified_time,
            model_id,
        )

    def delete_model(self, model_id: int) -> None:
        """Delete a model and all its versions."""
        self._execute("DELETE FROM main._odpsmodel_version WHERE model = ?", model_id)
        self._execute("DELETE FROM main._odpsmodel_model WHERE id = ?", model_id)

    # Versions

    def has_version(self, model_id: int, name: str) -> bool:
        sql = "SELECT 1 FROM main._odpsmodel_version WHERE model = ? AND name = ?"
        return self._row(sql, model_id, name) is not None

    def described(self, project: str, schema: str, name: str) -> Described | None:
        """A model and its default version, as of one moment; None in its place is damage."""
        row = self._row(_DEFAULT_VERSION_SQL, project, schema, name)
        return read_described(row) if row else None

    def insert_version(self, model_id: int, version: VersionRecord) -> None:
        self._execute(
            f"INSERT INTO main._odpsmodel_version (model, {_VERSION_COLUMNS}) VALUES (?,?,?,?,?,?,?)",
            model_id,
            *self.version_row(version),
        )

    def version_row(self, version: VersionRecord) -> tuple[object, ...]:
        """A version as its row says it, which holds no key."""
        inputs = _dump([(c.name, c.type, c.comment) for c in version.inputs])
        return *version[:4], inputs, _dump({key: self._kept(value) for key, value in version.options})

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


def damaged(table: str) -> StoreError:
    return StoreError(f"the table {table} is damaged: restore the file from a backup")


def _read(key: str, value: str) -> OptionValue:
    if key != "APIKEY":
        return value
    return Fingerprint(value) if value.startswith(_HMAC) else secret(value)
