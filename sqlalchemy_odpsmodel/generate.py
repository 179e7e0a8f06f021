"""Python source that declares models, as ``odpsmodel generate`` prints it."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable
from textwrap import indent

from .ddl import ModelVersion
from .options import EnvSecret, Fingerprint, OptionValue
from .schema import Model

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
    return _call(
        "Model",
        [
            _literal(model.name),
            "metadata",
            *(_version(model, version, taken) for version in versions),
            *(f"{name}={_literal(value)}" for name, value in named.items()),
        ],
    )


def _version(model: Model, version: ModelVersion, taken: set[str]) -> str:
    arguments = [_literal(version.name)]
    if version.inputs:
        columns = ((c.name, c.type.upper(), c.comment) for c in version.inputs)
        lines = (f"({', '.join(_literal(part) for part in column if part)})," for column in columns)
        arguments.append(f"inputs=[\n{_indented(lines)}\n]")
    lines = (f"{_literal(key)}: {_value(model, version, value, taken)}" for key, value in version.options)
    arguments.append(f"options={{\n{_indented(lines)}\n}}")
    if version.comment is not None:
        arguments.append(f"comment={_literal(version.comment)}")
    return _call("ModelVersion", arguments)


def _value(model: Model, version: ModelVersion, value: OptionValue, taken: set[str]) -> str:
    if isinstance(value, Fingerprint):
        parts = (model.schema, model.name, version.name, "apikey")
        name = _untaken("_".join(filter(None, parts)).upper(), taken)
        return f'EnvSecret("{name}"),  # set this variable: the key is not readable'
    return f'EnvSecret("{value.name}"),' if isinstance(value, EnvSecret) else f"{_literal(str(value))},"


def _call(function: str, arguments: Iterable[str]) -> str:
    return f"{function}(\n{_indented(f'{argument},' for argument in arguments)}\n)"


def _indented(lines: Iterable[str]) -> str:
    return indent("\n".join(lines), "    ")


def _literal(text: str) -> str:
    """A string in double quotes, unless it holds some."""
    quoted = repr(text)
    return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in text else quoted
