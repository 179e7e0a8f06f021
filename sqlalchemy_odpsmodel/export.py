"""A script that makes the models of a database again, as ``odpsmodel export`` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from . import store
from .dbapi import Connection
from .ddl import ModelVersion
from .diff import creation
from .model import ModelName
from .options import Fingerprint, Options

HEAD = """\
-- Models of MaxCompute, as `odpsmodel export` found them.  Owners and times become those of the run.
SET odps.namespace.schema=true;
"""
_MASKED = (
    "-- The APIKEY of {} cannot be read and is a mask, which is refused: write '${{NAME}}', or the key.\n"
)


@dataclass
class _Kept:
    """A model as a database keeps it, as a declared one."""

    name: str
    schema: str | None
    source_type: str
    model_type: str
    default_version: str | None
    comment: str | None
    versions: tuple[ModelVersion, ...]


def script(connection: Connection) -> Iterator[str]:
    """The head, and for each model of all projects and schemas its statements, with full names.

    A key that was given by its variable's name is written so.  Of a plain one a database has a fingerprint
    only: in its place stands a mask, which is refused when the script is run.  Raises StoreError.
    """
    yield HEAD
    if not connection.store.format():
        return
    described = map(store.read_described, connection.store.rows(store.EVERYTHING_SQL))
    for model, rows in groupby(described, lambda row: row[0]):
        yield _script(model, [version for _, version in rows])


def _script(model: store.ModelRecord, records: list[store.VersionRecord | None]) -> str:
    versions = []
    for found in records:
        if found is None:
            raise store.damaged("_odpsmodel_version")
        versions.append(
            ModelVersion(found.name, inputs=found.inputs, options=found.options, comment=found.comment)
        )
    kept = _Kept(
        model.name,
        model.schema,
        model.source_type,
        model.model_type,
        model.default_version,
        model.comment,
        tuple(versions),
    )
    masked = " and ".join(version.name for version in versions if _is_masked(version.options))
    statements = creation(kept, ModelName(model.name, model.schema, model.project))
    return (_MASKED.format(masked) if masked else "") + "".join(f"{statement};\n" for statement in statements)


def _is_masked(options: Options) -> bool:
    return any(isinstance(value, Fingerprint) for _, value in options)
