"""What turns the models of a database into those of another, or into declared ones."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from textwrap import wrap
from typing import Any, NamedTuple

import click
from sqlalchemy import MetaData, inspect
from sqlalchemy.exc import InvalidRequestError

from ..catalog import Change
from ..ddl import ModelVersion, element_of
from ..diff import Kept, ReplacementRefused, Step, altered, created, dropped
from ..execution import driver_connection
from ..export import SET, masked_remark
from ..maxcompute.replies import UNREADABLE
from ..model import Replaceable
from ..options import MODEL_TYPES, OPTION_DEFAULTS, EnvSecret, Fingerprint, OptionValue, PlainSecret
from ..schema import Model, all_or_nothing, are_transactional, models_of, reflected_model
from .database import Database, database, places
from .output import progress, say

_DECLARED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_WIDTH = 100  # characters of a remark's line
#: Its fingerprints tell whether two databases make the same of a key.
_PROBE = PlainSecret("probe")
#: Models by their schema, None for the database's own, and name.
_Models = dict[tuple[str | None, str], Model]


class Target(NamedTuple):
    """The models that are to be; of a database how keys are compared with its own, and the probe's
    fingerprint."""

    models: list[Model]
    keys: Kept | None = None
    probe: OptionValue | None = None


# What is to be


def target_of(given: str) -> Target:
    """The models of a database, or those on the MetaData of ``module:name``."""
    if _DECLARED.fullmatch(given) and not os.path.exists(given):
        return Target(list(models_of(_declared(given))))
    found = database(given, "B")
    found.require_file("B", "; declared models are given as module:name")
    if found.in_memory:
        raise click.BadParameter("what is in memory has no models", param_hint="B")
    with found.engine() as engine, engine.connect() as connection:
        models = list(_found(connection).values())
        if not models and (others := _other_projects(connection)):
            raise click.ClickException(
                f"B, {found}, has no models in its project, but in {others}: give its URL with ?project=…"
            )
        keys = connection.dialect.key_comparison(connection)
        return Target(list(map(_stated, models)), keys, keys(_PROBE, None) if models else None)


def _declared(given: str) -> MetaData:
    """The MetaData that a module has under a name, or that what it has there has as ``metadata``."""
    module, _, name = given.partition(":")
    sys.path.insert(0, "")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:
        missing = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")
        if missing or isinstance(error, AttributeError):
            raise click.BadParameter(f"{given}: {error}", param_hint="B") from None
        raise click.ClickException(f"{_origin(error)}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove("")
    if not isinstance(found, MetaData):
        found = getattr(found, "metadata", found)
    if not isinstance(found, MetaData):
        kind = type(found).__name__
        raise click.BadParameter(
            f"{given} is a {kind}: it is to be a MetaData, or to have one", param_hint="B"
        )
    return found


def _origin(error: BaseException) -> str:
    """The last line that an error came through and that is no library's."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    libraries = (str(Path(__file__).parents[1]), *sysconfig.get_paths().values(), "<")
    frames = traceback.extract_tb(error.__traceback__)[1:]
    own = [frame for frame in frames if not frame.filename.startswith(libraries)]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else "B"


def _other_projects(connection: Any) -> str:
    """The projects that a file has models in, where the connection's has none."""
    if not are_transactional(connection.dialect):
        return ""
    return ", ".join(dict.fromkeys(project for project, _ in places(driver_connection(connection))))


def _found(connection: Any) -> _Models:
    """The models of a database, but for those that no statement makes."""
    inspector: Any = inspect(connection)
    own, scratch, models = inspector.get_default_model_schema_name(), MetaData(), _Models()
    with progress("Reading models"):
        reflected = inspector.get_all_models()
    for model in reflected:
        if model["source_type"] in MODEL_TYPES:
            schema = None if model["schema"] == own else model["schema"]
            models[schema, model["name"]] = reflected_model(model, scratch, schema)
        else:
            say(f"model {model['name']} is left out: no statement makes {model['source_type']} models")
    return models


def _stated(model: Model) -> Model:
    """A database's model as a declaration that leaves nothing out."""
    model.stated = tuple(comment or "" for comment in model.stated)
    model.versions = tuple(map(_stated_version, model.versions))
    return model


def _stated_version(version: ModelVersion) -> ModelVersion:
    inputs = [(column.name, column.type, column.comment or "") for column in version.inputs]
    return ModelVersion(version.name, inputs=inputs, options=version.options, comment=version.comment)


def _with_defaults(wanted: Model, found: Model) -> Model:
    """A database's model, with the defaults of options that it has not and another database has."""
    had = {version.name: dict(version.options) for version in found.versions}
    versions = []
    for version in wanted.versions:
        absent = had.get(version.name, {}).keys() - dict(version.options)
        defaults = (pair for pair in OPTION_DEFAULTS.items() if pair[0] in absent)
        versions.append(replace(version, options=(*version.options, *defaults)))
    wanted.versions = tuple(versions)
    return wanted


# What it takes


class Comparison:
    """The steps from the models of a database to a target's."""

    def __init__(self, connection: Any, target: Target, allow: Replaceable) -> None:
        self.connection, self.target, self.allow = connection, target, allow
        self.own_keys: Kept = connection.dialect.key_comparison(connection)
        self.incomparable = False
        self.found, wanted = _found(connection), self._wanted()
        self.steps = [dropped(model) for key, model in self.found.items() if key not in wanted]
        for key, model in wanted.items():
            self.steps += self._changes(self.found.get(key), model)

    def _wanted(self) -> _Models:
        inspector: Any = inspect(self.connection)
        own, wanted = inspector.get_default_model_schema_name(), _Models()
        for model in self.target.models:
            key = None if model.schema == own else model.schema, model.name
            if key in wanted:
                raise click.ClickException(
                    f"model {model.name} is declared twice in schema {model.schema or own}: {own} is that of"
                    " models without a schema"
                )
            wanted[key] = model
        return wanted

    def _changes(self, found: Model | None, wanted: Model) -> list[Step]:
        if found is None:
            return [created(wanted)]
        if self.target.keys and wanted.source_type == found.source_type:
            wanted = _with_defaults(wanted, found)
        try:
            return altered(found, wanted, self.allow, self._kept)
        except ReplacementRefused as error:
            raise click.ClickException(f"{error} with --allow-replace {error.needed}") from None
        except InvalidRequestError as error:
            raise click.ClickException(str(error)) from None

    def _kept(self, wanted: OptionValue, found: OptionValue | None) -> OptionValue | None:
        """What an option of the target is compared with what was found as.  Of two fingerprints under
        different salts, or of a key that is not readable, nothing can be said: they count as equal."""
        if UNREADABLE in (wanted, found):
            pass
        elif isinstance(wanted, Fingerprint) and isinstance(found, Fingerprint):
            if self.own_keys(_PROBE, None) == self.target.probe:
                return wanted
        elif isinstance(wanted, Fingerprint) and isinstance(found, EnvSecret) and self.target.keys:
            return found if self.target.keys(found, wanted) == wanted else wanted
        else:
            return self.own_keys(wanted, found)
        self.incomparable = True
        return found

    @property
    def statements(self) -> list[Change]:
        return [statement for step in self.steps for statement in step.do]

    def __str__(self) -> str:
        """The statements as a script; remarks tell what is lost, and which key is a mask."""
        return "".join([SET, "\n", *self._lines()]) if self.steps else ""

    def _lines(self) -> Iterator[str]:
        for step in self.steps:
            yield from (f"-- {line}\n" for line in wrap(step.lost, _WIDTH))
            for statement in step.do:
                if has_key(statement, Fingerprint):
                    yield masked_remark(statement.version)  # type: ignore[union-attr]
                if has_key(statement, PlainSecret):
                    yield "-- The APIKEY is masked here; `odpsmodel apply` sends it.\n"
                yield f"{statement};\n"
            yield "\n"


def has_key(statement: Change, *kinds: type) -> bool:
    """Whether a statement's APIKEY is of some kinds."""
    return any(isinstance(value, kinds) for _, value in getattr(statement, "options", ()))


def compared(connection: Any, target: Target, allow: Replaceable) -> Comparison:
    """A comparison, with a remark where keys cannot be compared."""
    comparison = Comparison(connection, target, allow)
    if not comparison.found and (others := _other_projects(connection)):
        say(f"A has no models in its project, but in {others}: a URL names it with ?project=…")
    if comparison.incomparable:
        say("plain APIKEYs were not compared: a database has a fingerprint of its own of each, or none")
    return comparison


def refuse_masks(comparison: Comparison) -> None:
    """Refuse to make a version whose key nobody can read."""
    for statement in comparison.statements:
        if has_key(statement, Fingerprint):
            raise click.ClickException(
                f"the APIKEY of model {statement.name} version {statement.version} cannot be read from B,"  # type: ignore[union-attr]
                " which has its fingerprint only: nothing was run; declare it in Python with an EnvSecret, or"
                " make that version by hand"
            )


def run(found: Database, engine: Any, target: Target, allow: Replaceable, shown: str) -> None:
    """Run what was shown, on a file in one transaction, unless it would be something else by now."""
    with engine.begin() as connection, all_or_nothing(connection) as transactional:
        comparison = Comparison(connection, target, allow)
        if str(comparison) != shown:
            raise click.ClickException(f"{found} has changed meanwhile: nothing was run, look again")
        _execute(connection, comparison.statements, transactional)


def _execute(connection: Any, statements: list[Change], transactional: bool) -> None:
    if not transactional:
        for statement in statements:
            connection.dialect.check_sent(connection, statement)
            connection.connection.check(statement)
    with progress("Running", len(statements)) as done:
        for number, statement in enumerate(statements):
            try:
                connection.execute(element_of(statement))
            except Exception:
                if not transactional:
                    say(f"{number} of {len(statements)} statements were done, and stay so")
                raise
            done(number + 1)
