"""A script that makes the models of a database again, as ``odpsmodel export`` prints it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from . import store
from .dbapi import Connection
from .ddl import ModelVersion
from .diff import creation
from .model import ModelName
from .options import MODEL_TYPES, Fingerprint, Options
from .reflection import ReflectedModel
from .schema import read_version

#: What a script begins with whose names may have a schema.
SET = "SET odps.namespace.schema=true;\n"
HEAD = f"""\
-- Models of MaxCompute, as `odpsmodel export` found them.  Owners and times become those of the run.
{SET}"""
_MASKED = (
    "-- The APIKEY of {} cannot be read and is a mask, which is refused: write '${{NAME}}', or the key.\n"
)


@dataclass
class _Kept:
    """A model as a database keeps it, as a declared one."""

    project: str
    name: str
    schema: str | None
    source_type: str
    model_type: str
    default_version: str | None
    comment: str | None
    versions: tuple[ModelVersion, ...]


def script(connection: Connection) -> Iterator[str]:
    """The head, and for each model of all projects and schemas of a file its statements, with full names.

    A key that was given by its variable's name is written so.  Of a plain one a database has a fingerprint
    only: in its place stands a mask, which is refused when the script is run.  Raises StoreError.
    """
    yield HEAD
    if not connection.store.format():
        return
    described = map(store.read_described, connection.store.rows(store.EVERYTHING_SQL))
    for model, rows in groupby(described, lambda row: row[0]):
        yield _script(_kept(model, [version for _, version in rows]))


def script_of(models: Iterable[ReflectedModel]) -> Iterator[str]:
    """The same of models as an inspector has them; those that no statement makes are named in a comment."""
    yield HEAD
    for found in models:
        if found["source_type"] not in MODEL_TYPES:
            name = ".".join((found["project"], found["schema"], found["name"]))
            yield f"-- Model {name} is {found['source_type']}, which no statement makes.\n"
            continue
        names = ("project", "name", "schema", "source_type", "model_type", "default_version", "comment")
        content = {name: found[name] for name in names}  # type: ignore[literal-required]
        yield _script(_Kept(**content, versions=tuple(map(read_version, found["versions"]))))


def _kept(model: store.ModelRecord, records: list[store.VersionRecord | None]) -> _Kept:
    versions = []
    for found in records:
        if found is None:
            raise store.damaged("_odpsmodel_version")
        versions.append(
            ModelVersion(found.name, inputs=found.inputs, options=found.options, comment=found.comment)
        )
    return _Kept(
        model.project,
        model.name,
        model.schema,
        model.source_type,
        model.model_type,
        model.default_version,
        model.comment,
        tuple(versions),
    )


def _script(kept: _Kept) -> str:
    masked = " and ".join(version.name for version in kept.versions if _is_masked(version.options))
    statements = creation(kept, ModelName(kept.name, kept.schema, kept.project))
    return (masked_remark(masked) if masked else "") + "".join(f"{statement};\n" for statement in statements)


def masked_remark(versions: str) -> str:
    """The line before a statement with a mask in place of a key."""
    return _MASKED.format(versions)


def _is_masked(options: Options) -> bool:
    return any(isinstance(value, Fingerprint) for _, value in options)
