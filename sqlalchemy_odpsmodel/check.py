"""The invariants of a database with models, and how to mend it where one does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from typing import Any, NamedTuple

from . import catalog, dbapi, store
from .dbapi import Connection
from .errors import ModelError, SemanticError
from .model import PUBLIC_PROJECT, ModelName, comment_text, model_name
from .options import EnvSecret, PlainSecret, check_types
from .sql import AddVersion

_RESTORE = "restore the file from a backup"
_OBJECTS = "SELECT name, sql FROM main.sqlite_schema"
_ORPHANS = "model NOT IN (SELECT id FROM _odpsmodel_model)"
#: Milliseconds of UTC, from 1970 to the end of 9999.
_TIMES = range(253_402_300_800_000)
#: In place of a plain key, of which a database has a fingerprint: the rules are asked about the rest.
_KEY = EnvSecret("KEY")


class Finding(NamedTuple):
    """What does not hold, and what to do about it."""

    fault: str
    mend: str


def check(connection: Connection) -> Iterator[Finding]:
    """What is wrong with a database: its file, the metadata tables and views, each model and version.

    Reads everything, and writes nothing.  Raises DatabaseError where it cannot be read.
    """
    for (message,) in connection.execute("PRAGMA main.integrity_check"):
        if message != "ok":
            yield Finding(f"SQLite: {message}", f"{_RESTORE}, or save what sqlite3's .recover can read")
    found = connection.store.format()
    if not found:
        return
    wrong = list(_objects(connection)) if found == store.FORMAT else []
    yield from wrong
    if any(name in finding.fault for finding in wrong for name in store.TABLES):
        return
    yield from _salt(connection)
    for _, rows in groupby(connection.store.rows(store.EVERYTHING_SQL), lambda row: row[:3]):
        yield from _model(list(rows))
    (orphans,) = connection.execute(f"SELECT count(*) FROM _odpsmodel_version WHERE {_ORPHANS}").fetchone()
    if orphans:
        yield Finding(
            f"{orphans} versions are of no model", f"DELETE FROM _odpsmodel_version WHERE {_ORPHANS}"
        )


def _objects(connection: Connection) -> Iterator[Finding]:
    """The tables and views that are not as this release makes them."""
    with closing(dbapi.connect(":memory:")) as new:
        new.store.prepare(0)
        wanted = dict(new.execute(_OBJECTS).fetchall())
    there = dict(connection.execute(_OBJECTS).fetchall())
    for name in (*sorted(store.TABLES), *store.VIEWS):
        if there.get(name) != wanted[name]:
            is_view = name in store.VIEWS
            mend = f"DROP VIEW IF EXISTS {name}; {wanted[name]}" if is_view else _RESTORE
            yield Finding(f"{name} is {'missing' if name not in there else 'not as it was made'}", mend)


def _salt(connection: Connection) -> Iterator[Finding]:
    found = list(connection.store.rows(store.SALT_SQL))
    if len(found) != 1 or len(found[0][0]) != 32:
        yield Finding(f"{store.STORE_TABLE} has no row with one salt", _RESTORE)


def _model(rows: list[tuple[Any, ...]]) -> Iterator[Finding]:
    """A model, of its rows, one a version."""
    model = store.ModelRecord(*rows[0][:10])
    name = f"{model.project}.{model.schema}.{model.name}"
    versions = [row[10] for row in rows if row[10] is not None]
    faults = list(_model_faults(model)) if versions else ["it has no version"]
    can_be_named = model.project != PUBLIC_PROJECT and all(map(_is_name, model[:3]))
    for fault in faults:
        yield Finding(
            f"model {name}: {fault}", f"DROP MODEL {name}, and make it again" if can_be_named else _RESTORE
        )
    if faults:
        return
    if model.default_version not in versions:
        yield Finding(
            f"model {name}: its default version {model.default_version} does not exist",
            f"ALTER MODEL {name} SET DEFAULT_VERSION {versions[-1]}, or another of {', '.join(versions)}",
        )
    for row in rows:
        drop = (
            f"ALTER MODEL {name} DROP VERSION {row[10]} (the default: set another first; the only one:"
            " DROP MODEL), and make it again"
        )
        for fault in _version_faults(row):
            yield Finding(
                f"model {name}: version {row[10]}: {fault}", drop if _is_name(row[10]) else _RESTORE
            )


def _is_name(text: str) -> bool:
    """Whether a statement can name it."""
    try:
        return model_name(text) == text
    except SemanticError:
        return False


def _model_faults(model: store.ModelRecord) -> Iterator[str]:
    """What of a model the rules of CREATE MODEL forbid."""
    try:
        folded = (
            model_name(model.project, "project name"),
            model_name(model.schema, "schema name"),
            model_name(model.name),
        )
        catalog.check_project(model.project)
        check_types((("MODEL_SOURCE_TYPE", model.source_type), ("MODEL_TYPE", model.model_type)))
        comment_text(model.comment)
    except ModelError as error:
        yield error.reason
        return
    if folded != model[:3]:
        yield "its name is not in lower case"
    if not (model.create_time in _TIMES and model.last_modified_time in _TIMES):
        yield "its times are none"


def _version_faults(row: tuple[Any, ...]) -> Iterator[str]:
    """What of a version the rules of ADD VERSION forbid."""
    try:
        model, version = store.read_described(row)
        if version is None:
            return
        options = tuple((key, value if isinstance(value, str) else _KEY) for key, value in version.options)
        added = AddVersion(ModelName(model.name), version.name, version.inputs, options, version.comment)
        catalog.check_added(added, model.source_type, model.model_type)
        catalog.check(added)
    except ModelError as error:
        yield error.reason
        return
    if added.version != version.name:
        yield "its name is not in lower case"
    if any(isinstance(value, PlainSecret) for _, value in version.options):
        yield "its APIKEY is readable in the file, so replace that key at the service, and VACUUM the file"
    if not (version.create_time in _TIMES and version.last_modified_time in _TIMES):
        yield "its times are none"
