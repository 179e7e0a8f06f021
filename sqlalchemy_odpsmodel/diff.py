"""What makes a model, and what turns one into another: pure functions over declared models, which return
statements.  They run nothing, and know nothing of a database.

What a declaration leaves out is not compared: the comment of a model, version or input, the option
PAI_EAS_SYNC_REQUEST_TIMEOUT, the default version.  No statement alters what a version has, or a model's types
and comment (the vendor's page "Modify a model version"): such a change drops and adds, where that is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from copy import copy
from dataclasses import replace
from typing import NamedTuple, Protocol

from sqlalchemy.exc import InvalidRequestError

from .catalog import Change
from .ddl import Declared, ModelVersion, add_statement, create_statement, name_of, with_comment
from .model import REPLACEABLE, InputColumn, ModelName, Replaceable
from .options import OPTION_DEFAULTS, OptionValue
from .sql import AddVersion, CreateModel, DropModel, DropVersion, SetDefaultVersion

#: What a declared option's value is compared with what was found as.
Kept = Callable[[OptionValue, OptionValue | None], OptionValue | None]
#: The versions that a model has, by name.
_Versions = dict[str, ModelVersion]


class ReplacementRefused(InvalidRequestError):
    """What would have to be dropped and made again, and may not be unless ``needed`` is allowed."""

    def __init__(self, changes: str, needed: Replaceable) -> None:
        one = needed.removesuffix("s")
        super().__init__(f"{changes}: declare a {one} of another name, or let it be dropped and made again")
        self.needed = needed


class Step(NamedTuple):
    """One change: the statements that make it, and those that undo it.  ``lost`` and ``undone_lost`` tell
    what either of them loses, where it begins to replace what is there."""

    do: tuple[Change, ...]
    undo: tuple[Change, ...]
    lost: str = ""
    undone_lost: str = ""

    def reversed(self) -> Step:
        """The step back.  Raises ValueError where nothing tells what was there before."""
        if not self.undo:
            what = type(self.do[0]).__name__
            raise ValueError(f"what {what} of model {self.do[0].name} undoes is not known")
        return Step(self.undo, self.do, self.undone_lost, self.lost)


def step_of(statement: Change) -> Step:
    """The step of one statement; what one that drops or sets undoes is not known of it."""
    match statement:
        case CreateModel(name=name):
            return Step((statement,), (DropModel(name),))
        case AddVersion(name=name, version=version):
            return Step((statement,), (DropVersion(name, version),))
        case _:
            return Step((statement,), ())


class Target(Declared, Protocol):
    """A model as it is to be.  ``stated``: the comments of the model and of its versions as they were given,
    None where none was."""

    stated: tuple[str | None, ...]


def creation(model: Declared, name: ModelName | None = None) -> Iterator[Change]:
    """The statements that make a model with all its versions, by its own name or another."""
    name = name or name_of(model)
    types = model.source_type, model.model_type
    first, *rest = model.versions
    default = _default(model)
    if model.comment == first.comment:
        yield create_statement(name, first, *types)
        yield from (add_statement(name, version) for version in rest)
        if default != first.name:
            yield SetDefaultVersion(name, default)
        return
    # CREATE MODEL gives one comment to both: a version that goes again takes the model's.
    scaffold = _scaffold(with_comment(first, model.comment), {version.name for version in model.versions})
    yield create_statement(name, scaffold, *types)
    yield from (add_statement(name, version) for version in model.versions)
    yield SetDefaultVersion(name, default)
    yield DropVersion(name, scaffold.name)


def _default(model: Declared) -> str:
    return model.default_version or model.versions[0].name


def _scaffold(version: ModelVersion, taken: Container[str]) -> ModelVersion:
    """A version under a name that no other has, to be there for a while."""
    number = 0
    while f"scaffold_{number}" in taken:
        number += 1
    return replace(version, name=f"scaffold_{number}")


def created(model: Declared, name: ModelName | None = None) -> Step:
    """A model is made, by its own name or another."""
    return Step(tuple(creation(model, name)), (DropModel(name or name_of(model)),))


def dropped(model: Declared, name: ModelName | None = None) -> Step:
    """A model is dropped."""
    return created(model, name).reversed()


def altered(
    before: Declared,
    after: Target,
    allow: Replaceable,
    kept: Kept,
) -> list[Step]:
    """The steps from a model with all that it has to what it is to be, legal forwards and backwards.

    ``kept`` tells what a declared option's value is compared with what was found as.  Raises
    ReplacementRefused where something would have to be replaced that ``allow`` does not name, and
    InvalidRequestError where the default version is declared no longer and no other is declared to be it.
    """
    name = name_of(after)
    had = {version.name: version for version in before.versions}
    filled = _filled(before, after, had)
    compared = {
        "source type": before.source_type == filled.source_type,
        "model type": before.model_type == filled.model_type,
        "comment": before.comment == filled.comment,
    }
    differing = [what for what, equal in compared.items() if not equal]
    if differing:
        lost = _replacement(f"model {name}", differing, "models", allow)
        _share_comment(before, after, filled, had)
        return [dropped(before, name)._replace(lost=lost), created(filled)._replace(undone_lost=lost)]
    changed = {}
    for version in filled.versions:
        differing = differing_parts(had[version.name], version, kept) if version.name in had else []
        if differing:
            what = f"version {version.name} of model {name}"
            changed[version.name] = _replacement(what, differing, "versions", allow)
            if version.name == _default(before) == filled.default_version:
                changed[version.name] += " It is the default version: another is, meanwhile."
    return list(_version_steps(name, _default(before), had, filled, changed))


def _replacement(what: str, differing: list[str], needed: Replaceable, allow: Replaceable) -> str:
    """What is lost when a thing is dropped and made again, which must be allowed."""
    changes = f"{what} changes ({', '.join(differing)}), which no statement does"
    if REPLACEABLE.index(allow) < REPLACEABLE.index(needed):
        raise ReplacementRefused(changes, needed)
    loss = {
        "versions": "its times and its place in the order of versions",
        "models": "its times and the privileges on it",
    }
    return (
        f"{changes[0].upper()}{changes[1:]}: it is dropped and made again, which loses {loss[needed]}."
        " Meanwhile it is not there."
    )


def _share_comment(before: Declared, after: Target, filled: Target, had: _Versions) -> None:
    """A model that is made again gives its comment to its first version, as CREATE MODEL does, unless that
    has or had one of its own."""
    first, *rest = filled.versions
    was = had[first.name].comment if first.name in had else before.comment
    if after.stated[1] is None and was == before.comment:
        filled.versions = (with_comment(first, filled.comment), *rest)


def _version_steps(
    name: ModelName, default: str, had: _Versions, after: Target, changed: dict[str, str]
) -> Iterator[Step]:
    """ADD, SET DEFAULT, DROP; a changed version is dropped and added while it is not the default."""
    now = {version.name: version for version in after.versions}
    gone = [version for version in had.values() if version.name not in now]
    target = _default(after)

    def added(version: ModelVersion) -> Step:
        return step_of(add_statement(name, version))

    def without(version: ModelVersion) -> Step:
        return added(version).reversed()

    def default_set(to: str) -> Step:
        return Step((SetDefaultVersion(name, to),), (SetDefaultVersion(name, default),))

    def replaced(version: str) -> Iterator[Step]:
        yield without(had[version])._replace(lost=changed[version])
        yield added(now[version])._replace(undone_lost=changed[version])

    yield from (added(version) for version in after.versions if version.name not in had)
    if target in changed:
        if default == target:  # another takes its role meanwhile
            other = next((other for other in (*now, *had) if other != target), None)
            if other is None:
                gone = [_scaffold(now[target], had)]
                other = gone[0].name
                yield added(gone[0])
            yield default_set(other)
            default = other
        yield from replaced(target)
    if default != target:
        yield default_set(target)
    yield from map(without, gone)
    for version in changed:
        if version != target:
            yield from replaced(version)


def _filled(before: Declared, after: Target, had: _Versions) -> Target:
    """The model as it is to be, with what its declaration leaves out as it is."""
    of_model, *of_versions = after.stated
    names = [version.name for version in after.versions]
    default = after.default_version or _default(before)
    if default not in names:
        raise InvalidRequestError(
            f"version {default} of model {name_of(after)} is the default version of the database, and is not"
            " declared: declare it, or say with default_version= which one is to be the default"
        )
    kept_options = tuple(OPTION_DEFAULTS) if after.source_type == before.source_type else ()
    versions = (
        _filled_version(had[version.name], version, stated, kept_options)
        if version.name in had
        else with_comment(version, stated or None)
        for version, stated in zip(after.versions, of_versions, strict=True)
    )
    comment = before.comment if of_model is None else of_model or None
    filled = copy(after)
    filled.default_version, filled.comment, filled.versions = default, comment, tuple(versions)
    return filled


def _filled_version(
    before: ModelVersion, after: ModelVersion, stated: str | None, kept_options: tuple[str, ...]
) -> ModelVersion:
    comments = {column.name: column.comment for column in before.inputs}
    inputs = tuple(_commented(column, comments.get(column.name)) for column in after.inputs)
    given = dict(after.options)
    left_out = (pair for pair in before.options if pair[0] in kept_options and pair[0] not in given)
    options = (*after.options, *left_out)
    comment = before.comment if stated is None else stated or None
    if (inputs, options, comment) == (after.inputs, after.options, after.comment):
        return after
    return ModelVersion(after.name, inputs=inputs, options=options, comment=comment)


def _commented(column: InputColumn, left_out: str | None) -> InputColumn:
    comment = left_out if column.comment is None else column.comment or None
    return column if column.comment == comment else replace(column, comment=comment)


def differing_parts(before: ModelVersion, after: ModelVersion, kept: Kept) -> list[str]:
    """What differs between two versions of a name: inputs, comment, keys of options."""
    was: dict[str, OptionValue] = OPTION_DEFAULTS | dict(before.options)
    now = OPTION_DEFAULTS | {key: kept(value, was.get(key)) for key, value in after.options}
    compared = {"inputs": before.inputs == after.inputs, "comment": before.comment == after.comment}
    compared |= {key: was.get(key) == now.get(key) for key in sorted(was.keys() | now.keys())}
    return [what for what, equal in compared.items() if not equal]
