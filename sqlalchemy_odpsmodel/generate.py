"""Python source that declares models, as ``odpsmodel generate`` prints it."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable

from .ddl import ModelVersion
from .schema import Model
from .source import call, inputs_argument, literal, options_argument

_TAKEN = frozenset((*keyword.kwlist, *dir(builtins), "metadata"))


def module(models: Iterable[Model]) -> str:
    """A module with a MetaData ``metadata`` and a variable for each of the models, which are one or more.

    A plain APIKEY, of which a database has a fingerprint only, becomes an EnvSecret to be filled in.
    """
    taken = set(_TAKEN)
    body = "\n\n".join(f"{_variable(model, taken)} = {_model(model, taken)}" for model in models)
    secret = "EnvSecret, " if "EnvSecret(" in body else ""
    return f'''"""Models, as `odpsmodel generate` found them in a database."""

from sqlalchemy import MetaData

from sqlalchemy_odpsmodel import {secret}Model, ModelVersion

metadata = MetaData()

{body}
'''


def _variable(model: Model, taken: set[str]) -> str:
    """A name of Python's for a model, unlike the others'."""
    name = model.name if model.name not in taken else f"{model.schema or 'model'}_{model.name}"
    return _untaken(name, taken)


def _untaken(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _model(model: Model, taken: set[str]) -> str:
    versions, named = model.arguments()
    if model.default_version == versions[0].name:
        del named["default_version"]  # it is the first one when the model is made anyway
    return call(
        "Model",
        [
            literal(model.name),
            "metadata",
            *(_version(model, version, taken) for version in versions),
            *(f"{name}={literal(value)}" for name, value in named.items()),
        ],
    )


def _version(model: Model, version: ModelVersion, taken: set[str]) -> str:
    def unreadable(key: object) -> tuple[str, str]:
        parts = (model.schema, model.name, version.name, "apikey")
        name = _untaken("_".join(filter(None, parts)).upper(), taken)
        return f'EnvSecret("{name}")', "set this variable: the key is not readable"

    arguments = [literal(version.name)]
    if version.inputs:
        arguments.append(inputs_argument(version.inputs))
    arguments.append(options_argument(version.options, unreadable))
    if version.comment is not None:
        arguments.append(f"comment={literal(version.comment)}")
    return call("ModelVersion", arguments)
