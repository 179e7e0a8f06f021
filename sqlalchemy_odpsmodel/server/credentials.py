"""Who may do what: a TOML file of accounts, as docs/endpoint.md shows it, and each statement's privilege.

Source: the vendor's pages on privileges: CreateModel and List are on a project, Describe, Alter and Drop on a
model.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from os import PathLike
from typing import Any, assert_never

from ..catalog import Change, Query
from ..errors import NoPermission, SemanticError
from ..model import model_name
from ..sql import (
    AddVersion,
    CreateModel,
    DescModel,
    DropModel,
    DropVersion,
    SetDefaultVersion,
    ShowModels,
    ShowVersions,
)

PROJECT_PRIVILEGES = ("CreateModel", "List")
MODEL_PRIVILEGES = ("Describe", "Alter", "Drop")


class CredentialsError(ValueError):
    """A file of credentials that cannot be used.  The message names the place and no secret."""


@dataclass(frozen=True)
class Grants:
    """What an account may do in one project: on the project, and on models by a name's pattern."""

    privileges: frozenset[str] = frozenset()
    models: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def on_model(self, privilege: str, schema: str, model: str) -> bool:
        """Patterns have * and ?, and [seq]; one with a dot is schema.model, another is of every schema."""
        return any(
            privilege in privileges and fnmatchcase(f"{schema}.{model}" if "." in pattern else model, pattern)
            for pattern, privileges in self.models.items()
        )


@dataclass(frozen=True)
class Account:
    """One access id."""

    access_id: str
    owner: str
    secret: str = field(repr=False)
    projects: Mapping[str, Grants] = field(default_factory=dict)

    def require_member(self, project: str) -> None:
        """Tables have no privileges of their own: they are for whom the file lists under their project."""
        if project not in self.projects:
            raise NoPermission(f"{self.owner} is no member of project {project}")

    def require(self, privilege: str, key: tuple[str, str, str], owner: str | None) -> None:
        """Raise NoPermission unless the account has the privilege on (project, schema, model), where the
        model's name is "" for the project itself.  ``owner`` is the model's, None where there is none."""
        project, schema, model = key
        if owner == self.owner:
            return
        granted = self.projects.get(project, Grants())
        on_project = privilege in PROJECT_PRIVILEGES
        if privilege in granted.privileges if on_project else granted.on_model(privilege, schema, model):
            return
        thing = f"project {project}" if on_project else f"model {project}.{schema}.{model}"
        raise NoPermission(f"{self.owner} has no privilege {privilege} on {thing}")


def privilege_for(statement: Change | Query) -> str:
    """The privilege that a statement needs."""
    match statement:
        case CreateModel():
            return "CreateModel"
        case AddVersion() | SetDefaultVersion() | DropVersion():
            return "Alter"
        case DropModel():
            return "Drop"
        case ShowModels() | ShowVersions():
            return "List"
        case DescModel():
            return "Describe"
        case _:
            assert_never(statement)


def read(path: str | PathLike[str]) -> dict[str, Account]:
    """The accounts of a file, by access id.  Raises CredentialsError, and OSError."""
    with open(path, "rb") as file:
        try:
            document = tomllib.load(file)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            place = str(error).rpartition("(")[2].rstrip(")")
            raise CredentialsError(f"{path}: no TOML, {place}") from None
    _known("the file", document, ("accounts",))
    accounts = _table("accounts", document.get("accounts", {}))
    if not accounts:
        raise CredentialsError(f"{path}: no accounts: [accounts.ACCESS_ID] is missing")
    return {access_id: _account(access_id, found) for access_id, found in accounts.items()}


def _account(access_id: str, given: object) -> Account:
    where = f"accounts.{access_id}"
    table = _table(where, given)
    _known(where, table, ("secret", "owner", "projects"))
    for key in ("secret", "owner"):
        if not (isinstance(table.get(key), str) and table[key] and table[key].isprintable()):
            raise CredentialsError(f"{where}: {key} must be a text that is not empty")
    if not access_id or any(c in access_id for c in ":/ ") or not access_id.isprintable():
        raise CredentialsError(f"{where}: an access id holds no colon, slash or blank")
    projects = _table(f"{where}.projects", table.get("projects", {}))
    return Account(
        access_id,
        table["owner"],
        table["secret"],
        {_project_name(where, name): _grants(f"{where}.projects.{name}", p) for name, p in projects.items()},
    )


def _project_name(where: str, name: str) -> str:
    try:
        return model_name(name, "project name")
    except SemanticError as error:
        raise CredentialsError(f"{where}: {error.reason}") from None


def _grants(where: str, given: object) -> Grants:
    table = _table(where, given)
    _known(where, table, ("privileges", "models"))
    models = _table(f"{where}.models", table.get("models", {}))
    return Grants(
        _privileges(f"{where}.privileges", table.get("privileges", []), PROJECT_PRIVILEGES),
        {
            pattern.lower(): _privileges(f"{where}.models.{pattern}", found, MODEL_PRIVILEGES)
            for pattern, found in models.items()
        },
    )


def _privileges(where: str, given: object, known: tuple[str, ...]) -> frozenset[str]:
    if not (isinstance(given, list) and all(privilege in known for privilege in given)):
        raise CredentialsError(f"{where}: must be a list of {', '.join(known)}")
    return frozenset(given)


def _table(where: str, given: object) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise CredentialsError(f"{where} must be a table")
    return given


def _known(where: str, table: Mapping[str, object], keys: tuple[str, ...]) -> None:
    unknown = sorted(table.keys() - set(keys))
    if unknown:
        raise CredentialsError(f"{where}: {unknown[0]} is not known: there is {', '.join(keys)}")
