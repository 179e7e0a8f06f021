"""The invariants of a database with models, and how to mend it where one does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from . import catalog, dbapi, store
from .dbapi import Connection
from .errors import ModelError, SemanticError, StoreError
from .model import PUBLIC_PROJECT, InputColumn, ModelName, model_name
from .options import MODEL_TYPES, EnvSecret, PlainSecret, check_types
from .sql import AddVersion, DropModel, DropVersion, SetDefaultVersion

if TYPE_CHECKING:  # a file is checked without SQLAlchemy
    from .reflection import ReflectedModel, ReflectedModelVersion

_RESTORE = "restore the file from a backup"
_OBJECTS = "SELECT name, type, tbl_name, sql FROM main.sqlite_schema"
_ORPHANS = "FROM _odpsmodel_version WHERE model NOT IN (SELECT id FROM _odpsmodel_model)"
#: Milliseconds of UTC, from 1970 to the end of 9999 in any timezone.
_TIMES = range(253_402_200_000_000)
#: In place of a plain key, of which a database has a fingerprint: the rules are asked about the rest.
_KEY = EnvSecret("KEY")


class Finding(NamedTuple):
    """What does not hold, and what to do about it: SQL to run, with a remark behind --, or words."""

    fault: str
    mend: str


def check(connection: Connection, done: Callable[[int], None] = lambda done: None) -> Iterator[Finding]:
    """What is wrong with a database: its file, the metadata tables and views, each model and version.

    Reads everything, and writes nothing; ``done`` is told how many models were checked.  Raises
    DatabaseError where it cannot be read.
    """
    rows = connection.store.rows
    for (message,) in rows("PRAGMA main.integrity_check"):
        if message != "ok":
            yield Finding(f"SQLite: {message}", f"{_RESTORE}, or save what sqlite3's .recover can read")
    found = connection.store.format()
    if not found:
        return
    wrong = list(_objects(connection)) if found == store.FORMAT else []
    yield from wrong
    if any(finding.mend == _RESTORE for finding in wrong):
        return
    yield from _salt(connection)
    models = groupby(rows(store.EVERYTHING_SQL), lambda row: row[:3])
    for number, (_, versions) in enumerate(models, 1):
        yield from _model(connection, list(versions))
        done(number)
    ((orphans,),) = rows(f"SELECT count(*) {_ORPHANS}")
    if orphans:
        yield Finding(f"{orphans} versions are of no model", f"DELETE {_ORPHANS};")


def check_models(models: Iterable[ReflectedModel]) -> Iterator[Finding]:
    """What of the service's models the rules here would refuse, but for those that no statement makes."""
    for found in models:
        types = found["source_type"], found["model_type"]
        if types[0] not in MODEL_TYPES:
            continue
        name = ModelName(found["name"], found["schema"], found["project"])
        versions = [version["name"] for version in found["versions"]]
        for version in found["versions"]:
            for fault in _refused(name, version, types):
                mend = _without(name, found["default_version"], versions, version["name"])
                mend = mend or f"{DropModel(name)}; -- and make it again"
                yield Finding(f"model {name}: version {version['name']}: {fault}", mend)


def _refused(name: ModelName, version: ReflectedModelVersion, types: tuple[str, str]) -> Iterator[str]:
    columns = [(column["name"], column["type"], column["comment"]) for column in version["inputs"]]
    options = tuple((k, v if isinstance(v, str) else _KEY) for k, v in version["options"].items())
    try:
        inputs = tuple(InputColumn(*column) for column in columns)
        added = AddVersion(name, version["name"], inputs, options, version["comment"])
        catalog.check(added)
        catalog.check_added(added, *types)
    except ModelError as error:
        yield error.reason


def _objects(connection: Connection) -> Iterator[Finding]:
    """The tables and views that are not as this release makes them, and triggers of others on them."""
    with closing(dbapi.connect(":memory:")) as new:
        new.store.prepare(0)
        wanted = {name: sql for name, _, _, sql in new.store.rows(_OBJECTS)}
    there = list(connection.store.rows(_OBJECTS))
    kinds = {name: (kind, sql) for name, kind, _, sql in there}
    for name in (*sorted(store.TABLES), *store.VIEWS):
        kind, sql = kinds.get(name, ("", None))
        if sql != wanted[name]:
            fault = f"{name} is {'not as it was made' if kind else 'missing'}"
            yield Finding(fault, _view(name, kind, wanted[name]) if name in store.VIEWS else _RESTORE)
    for name, kind, table, _ in there:
        if kind == "trigger" and table in store.TABLES:
            yield Finding(
                f"the trigger {name} is on {table}, which is the store's", f"DROP TRIGGER {_quoted(name)};"
            )


def _view(name: str, kind: str, sql: str) -> str:
    """What makes a view again; a table in its place is somebody's."""
    away = {"view": f"DROP VIEW {name}; ", "table": f"ALTER TABLE {name} RENAME TO {name}_moved; "}
    return f"{away.get(kind, '')}{sql};"


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _salt(connection: Connection) -> Iterator[Finding]:
    found = list(connection.store.rows(store.SALT_SQL))
    if len(found) != 1 or len(found[0][0]) != 32:
        yield Finding(f"{store.STORE_TABLE} has no row with one salt", _RESTORE)


def _model(connection: Connection, rows: list[tuple[Any, ...]]) -> Iterator[Finding]:
    """A model, of its rows, one a version."""
    model = store.ModelRecord(*rows[0][:10])
    name = f"{model.project}.{model.schema}.{model.name}"
    versions = [row[10] for row in rows if row[10] is not None]
    faults = list(_model_faults(model)) if versions else ["it has no version"]
    can_be_named = model.project != PUBLIC_PROJECT and all(map(_is_name, model[:3]))
    dropped = str(DropModel(ModelName(model.name, model.schema, model.project))) if can_be_named else ""
    for fault in faults:
        yield Finding(f"model {name}: {fault}", f"{dropped}; -- and make it again" if dropped else _RESTORE)
    if faults:
        return
    place = ModelName(model.name, model.schema, model.project)
    if model.default_version not in versions:
        mend = _other_default(place, versions, model.default_version)
        yield Finding(
            f"model {name}: its default version {model.default_version} does not exist", mend or _RESTORE
        )
    for row in rows:
        for fault in _version_faults(connection.store, row):
            mend = _without(place, model.default_version, versions, row[10])
            mend = mend or f"{dropped}; -- and make it again"
            yield Finding(f"model {name}: version {row[10]}: {fault}", mend)


def _other_default(name: ModelName, versions: list[str], but: str) -> str:
    """SQL that sets the newest other version, if a statement can name one."""
    others = [version for version in versions if version != but and _is_name(version)]
    if not others:
        return ""
    remark = f" -- or another of {', '.join(others)}" if len(others) > 1 else ""
    return f"{SetDefaultVersion(name, others[-1])};{remark}"


def _without(name: ModelName, default: str, versions: list[str], version: str) -> str:
    """SQL that drops a version, which must not be the default and must have a name; or nothing."""
    if not _is_name(version):
        return ""
    dropped = f"{DropVersion(name, version)}; -- and add it again"
    if version != default:
        return dropped
    before = _other_default(name, versions, version).partition(" --")[0]
    return before and f"{before} {dropped}"


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
        types = (("MODEL_SOURCE_TYPE", model.source_type), ("MODEL_TYPE", model.model_type))
        check_types(types)
        catalog.check(AddVersion(ModelName("m"), "v", (), (), model.comment))
    except ModelError as error:
        yield error.reason
        return
    if folded != model[:3] or model.comment == "" or not (model.owner and model.owner.isprintable()):
        yield "its name, owner or comment is not as CREATE MODEL writes it"
    if not (model.create_time in _TIMES and model.last_modified_time in _TIMES):
        yield "its times are none"


def _version_faults(kept: store.Store, row: tuple[Any, ...]) -> Iterator[str]:
    """What of a version the rules of ADD VERSION forbid, or would write otherwise."""
    try:
        model, version = store.read_described(row)
    except StoreError:
        yield "its inputs or options cannot be read"
        return
    if version is None:
        return
    try:
        options = tuple((key, value if isinstance(value, str) else _KEY) for key, value in version.options)
        added = AddVersion(ModelName(model.name), version.name, version.inputs, options, version.comment)
        catalog.check_added(added, model.source_type, model.model_type)
        catalog.check(added)
        again = AddVersion(
            ModelName(model.name), version.name, version.inputs, version.options, version.comment
        )
    except ModelError as error:
        yield error.reason
        return
    if any(isinstance(value, PlainSecret) for _, value in version.options):
        yield "its APIKEY is readable in the file, so replace that key at the service, and VACUUM the file"
    elif kept.version_row(catalog.version_of(again, version.create_time)) != (
        row[10],
        version.create_time,
        version.create_time,
        *row[13:16],
    ):
        yield "its name, inputs, options or comment are not as ADD VERSION writes them"
    if not (version.create_time in _TIMES and version.last_modified_time in _TIMES):
        yield "its times are none"
