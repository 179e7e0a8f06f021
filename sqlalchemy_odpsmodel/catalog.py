"""What each statement does: the rules, as pure functions over what is asked and what is there, and
the one place that reads with them from a store and writes what they return.

A rule sees the model's record and the versions it needs, never all: adding version 100,001 costs what
adding version 2 costs.  Source: the vendor's pages "Create and delete models" and "Modify a model
version"; the default version's error has the page's words.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain
from typing import NamedTuple, assert_never

from .errors import (
    DefaultVersionError,
    ModelError,
    ModelExists,
    ModelNotFound,
    ModelTypeError,
    NoPermission,
    SemanticError,
    VersionExists,
    VersionNotFound,
)
from .model import DEFAULT_SCHEMA, PUBLIC_PROJECT
from .options import (
    MODEL_TYPES,
    REMOTE_SERVICE_TYPE,
    advice,
    check_options,
    check_types,
    differing_type,
    source_of,
)
from .sql import (
    AddVersion,
    CreateModel,
    DescModel,
    DropModel,
    DropVersion,
    SetDefaultVersion,
    ShowModels,
    ShowVersions,
)
from .store import Found, ModelRecord, Store, VersionRecord, damaged

Change = CreateModel | AddVersion | SetDefaultVersion | DropVersion | DropModel
Query = ShowModels | ShowVersions | DescModel


class Session(NamedTuple):
    """Who asks, and from where: the connection's project, schema and owner.  Times are shown by
    ``show_time``, and in SQL by ``time_sql``, both of milliseconds of UTC."""

    project: str
    schema: str
    owner: str
    show_time: Callable[[int], str]
    time_sql: str

    def key(self, statement: Change | ShowVersions | DescModel) -> tuple[str, str, str]:
        """(project, schema, model) that a statement's name means here."""
        name = statement.name
        schema = name.schema or (self.schema if statement.namespace_schema else DEFAULT_SCHEMA)
        return name.project or self.project, schema, name.model


# Rules


def check(statement: Change) -> None:
    """Everything that is wrong with a statement whatever the store holds, but for its project."""
    if statement.checked:
        return
    if isinstance(statement, (CreateModel, AddVersion)):
        _check_texts(statement)
    if isinstance(statement, CreateModel):
        source_type, _ = check_types(statement.options)
        _check_version(statement, source_type)
    object.__setattr__(statement, "checked", True)


def advise(statement: Change) -> Iterator[str]:
    """What is accepted with a warning."""
    if isinstance(statement, (CreateModel, AddVersion)):
        yield from advice(statement.options)


def _check_version(statement: CreateModel | AddVersion, source_type: str) -> None:
    check_options(statement.options, source_type)
    if source_type == "IMPORT" and not statement.inputs:
        raise SemanticError("INPUT is missing: IMPORT models need it", offender="OPTIONS")


def _check_texts(statement: CreateModel | AddVersion) -> None:
    """SQLite's functions end a text at NUL, so that SHOW and the views would cut it short."""
    texts = [(column.name, column.comment) for column in statement.inputs if column.comment]
    for offender, text in (*texts, ("COMMENT", statement.comment)):
        if text and "\0" in text:
            raise SemanticError("a COMMENT holds a NUL character", offender=offender)


def check_project(project: str) -> None:
    """Public models are read-only."""
    if project == PUBLIC_PROJECT:
        raise NoPermission(
            f"public models cannot be created, altered or dropped: {PUBLIC_PROJECT} is MaxCompute's own"
        )


def create(
    statement: CreateModel, key: tuple[str, str, str], owner: str, now: int
) -> tuple[ModelRecord, VersionRecord]:
    """A new model and its first version, the default."""
    given = dict(statement.options)
    source_type, model_type = str(given["MODEL_SOURCE_TYPE"]), str(given["MODEL_TYPE"])
    model = ModelRecord(*key, owner, source_type, model_type, statement.version, now, now, statement.comment)
    return model, version_of(statement, now)


def check_added(statement: AddVersion, source_type: str, model_type: str) -> None:
    """The rules of a further version of a model of these types, which are fixed.  A differing type is
    reported before any other option."""
    differs = differing_type(statement.options, source_type, model_type)
    if differs:
        key, fixed, given = differs
        raise ModelTypeError(
            f"{key} of model {statement.name.model} is {fixed} and cannot be changed",
            offender=key,
            hint=f"it is spelled {fixed!r}" if given.upper() == fixed else "",
        )
    _check_version(statement, source_type)


def likely_types(statement: AddVersion) -> tuple[str, str] | None:
    """The source and model type of the model that a version is of, as far as its options tell: the source
    that it names, or whose options it has.  None where that is not clear."""
    given = dict(statement.options)
    named = given.get("MODEL_SOURCE_TYPE")
    sources = {str(named)} if named else {source_of(key) for key in given} - {""}
    if len(sources) != 1 or (source := sources.pop()) not in MODEL_TYPES:
        return None
    model_type = str(given.get("MODEL_TYPE", MODEL_TYPES[source][0]))
    return (source, model_type) if model_type in MODEL_TYPES[source] else None


def add_version(statement: AddVersion, model: Found, now: int) -> VersionRecord:
    """A new version of a model."""
    check_added(statement, model.source_type, model.model_type)
    if model.has_version:
        raise VersionExists(f"version {statement.version} of model {statement.name.model} already exists")
    return version_of(statement, now)


def version_of(statement: CreateModel | AddVersion, now: int) -> VersionRecord:
    """The version that a statement makes, but for its rules."""
    given = tuple(o for o in statement.options if o[0] not in ("MODEL_SOURCE_TYPE", "MODEL_TYPE"))
    return VersionRecord(statement.version, now, now, statement.comment, statement.inputs, given)


def set_default_version(statement: SetDefaultVersion, model: Found) -> str:
    """The model's default version, which must exist."""
    if not model.has_version:
        raise _no_version(statement)
    return statement.version


def check_dropped(statement: DropVersion, model: Found) -> None:
    """A version that is dropped exists, and is not the default."""
    if not model.has_version:
        raise _no_version(statement)
    if statement.version == model.default_version:
        raise DefaultVersionError("The default version of the model cannot be dropped")


def _no_version(statement: SetDefaultVersion | DropVersion) -> ModelError:
    return VersionNotFound(f"version {statement.version} of model {statement.name.model} does not exist")


def _no_model(key: tuple[str, str, str]) -> ModelError:
    return ModelNotFound(f"model {'.'.join(key)} does not exist")


# Changes


def change(statement: Change, store: Store, session: Session) -> None:
    """Do what a statement says, inside the transaction that is open; it fails before it writes."""
    key = session.key(statement)
    check_project(key[0])
    now = time.time_ns() // 1_000_000
    if isinstance(statement, CreateModel):
        model, version = create(statement, key, session.owner, now)
        model_id = store.insert_model(model)
        if model_id is not None:
            store.insert_version(model_id, version)
        elif not statement.if_not_exists:
            raise ModelExists(f"model {'.'.join(key)} already exists")
        return
    store_format, found = store.find(key, getattr(statement, "version", ""))
    if store_format and store.prepare(store_format):
        _, found = store.find(key, getattr(statement, "version", ""))
    if found is None:
        if isinstance(statement, DropModel) and statement.if_exists:
            return
        raise _no_model(key)
    _alter(statement, store, found, now)


def _alter(
    statement: AddVersion | SetDefaultVersion | DropVersion | DropModel, store: Store, found: Found, now: int
) -> None:
    match statement:
        case AddVersion():
            store.insert_version(found.id, add_version(statement, found, now))
            store.alter_model(found.id, found.default_version, now)
        case SetDefaultVersion():
            store.alter_model(found.id, set_default_version(statement, found), now)
        case DropVersion(version=name):
            check_dropped(statement, found)
            store.alter_model(found.id, found.default_version, now)
            store.delete_version(found.id, name)
        case DropModel():
            store.delete_model(found.id)
        case _:
            assert_never(statement)


# Queries


def query(statement: Query, store: Store, session: Session) -> tuple[str, tuple[object, ...]]:
    """The SQL that returns a statement's rows, all text, and its parameters.

    SHOW MODELS: one row a model of the current project and schema, by name.  SHOW VERSIONS: one row a
    version, in order of creation.  DESC: Section, Name, Value, Comment.
    """
    if isinstance(statement, ShowModels):
        schema = session.schema if statement.namespace_schema else DEFAULT_SCHEMA
        if not store.format():
            return _NO_MODELS, ()
        return _select(ShowModels, session.time_sql), (session.project, schema)
    key = session.key(statement)
    described = store.described(*key)
    if described is None:
        raise _no_model(key)
    if isinstance(statement, ShowVersions):
        return _select(ShowVersions, session.time_sql), key
    model, version = described
    if version is None:
        raise damaged("_odpsmodel_version")
    options = shown_options(model, version)
    inputs = json.dumps([(column.name, column.type, column.comment or "") for column in version.inputs])
    values = (*_shown_values(model, version, session.show_time), *chain(*options), inputs)
    return f"{_DESC}{_DESC_OPTION * len(options)}{_DESC_INPUTS}", values


def _shown_values(
    model: ModelRecord, version: VersionRecord, show_time: Callable[[int], str]
) -> tuple[str, ...]:
    """The values of DESC's rows, but for options and inputs."""
    common = model.owner, model.project, model.name, model.model_type, model.source_type
    return (
        *common,
        model.default_version,
        show_time(model.create_time),
        show_time(model.last_modified_time),
        model.comment or "",
        *common,
        version.name,
        next((str(value) for key, value in version.options if key == "LOCATION"), ""),
        show_time(version.create_time),
        show_time(version.last_modified_time),
    )


def shown_options(model: ModelRecord, version: VersionRecord) -> list[tuple[str, str]]:
    """The option rows, in alphabetical order; LOCATION is the Path, TASKS has none, the derived service
    type has one."""
    shown = {key: str(value) for key, value in version.options if key not in ("LOCATION", "TASKS")}
    if model.source_type == "REMOTE":
        shown.update([REMOTE_SERVICE_TYPE])
    return sorted(shown.items())


# SQL of the queries

#: ``datetime`` as SQLite has it is UTC; a connection in another timezone registers TIME_FUNCTION.
UTC_SQL = "datetime({} / 1000, 'unixepoch')"
TIME_FUNCTION = "_odpsmodel_time"

_MODELS_COLUMNS = {
    "ModelName": "+name",
    "Owner": "+owner",
    "SourceType": "+source_type",
    "ModelType": "+model_type",
    "DefaultVersion": "+default_version",
    "CreateTime": "create_time",
    "LastModifiedTime": "last_modified_time",
    "Comment": "coalesce(comment, '')",
}
_VERSIONS_COLUMNS = {
    "VersionName": "+v.name",
    "Owner": "+m.owner",
    "SourceType": "+m.source_type",
    "ModelType": "+m.model_type",
    "IsDefault": "iif(v.name = m.default_version, 'true', 'false')",
    "CreateTime": "v.create_time",
    "LastModifiedTime": "v.last_modified_time",
    "Path": "coalesce(json_extract(v.options, '$.LOCATION'), '')",
    "Comment": "coalesce(v.comment, '')",
}
_MODELS_FROM = "main._odpsmodel_model WHERE project = ? AND schema = ? ORDER BY name"
_VERSIONS_FROM = (
    "main._odpsmodel_version AS v JOIN main._odpsmodel_model AS m ON m.id = v.model"
    " WHERE m.project = ? AND m.schema = ? AND m.name = ? ORDER BY v.id"
)
_NO_MODELS = f"SELECT {', '.join(f'NULL AS {title}' for title in _MODELS_COLUMNS)} WHERE 0"
#: The columns of SHOW MODELS, of SHOW VERSIONS, and of DESC; the names of DESC's first rows by section.
MODELS_TITLES, VERSIONS_TITLES = tuple(_MODELS_COLUMNS), tuple(_VERSIONS_COLUMNS)
DESC_TITLES = ("Section", "Name", "Value", "Comment")
DESC_NAMES = {
    "Model Information": "Owner, Project, Model Name, Model Type, Source Type, Default Version, CreateTime,"
    " LastModifiedTime, Comment".split(", "),
    "Version Information": "Owner, Project, Model Name, Model Type, Source Type, Version Name, Path,"
    " CreateTime, LastModifiedTime".split(", "),
}
#: Rows of values that are bound: they come out of SQLite as all rows do.
_DESC = f"WITH _ ({', '.join(DESC_TITLES)}) AS (VALUES " + ", ".join(
    f"('{section}', '{name}', ?, '')" for section, names in DESC_NAMES.items() for name in names
)
_DESC_OPTION = ", ('Version Information', ?, ?, '')"
_DESC_INPUTS = (
    " UNION ALL SELECT 'Input', value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)) SELECT * FROM _"
)


@cache
def _select(kind: type[ShowModels] | type[ShowVersions], time_sql: str) -> str:
    columns, source = {
        ShowModels: (_MODELS_COLUMNS, _MODELS_FROM),
        ShowVersions: (_VERSIONS_COLUMNS, _VERSIONS_FROM),
    }[kind]
    shown = (
        f"{time_sql.format(sql) if title.endswith('Time') else sql} AS {title}"
        for title, sql in columns.items()
    )
    return f"SELECT {', '.join(shown)} FROM {source}"
