"""What ``context.configure(odpsmodel_…=…)`` in env.py is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from alembic.util import CommandError

from ..model import REPLACEABLE, Replaceable

_PREFIX = "odpsmodel_"


class Settings(NamedTuple):
    """``allow_replace``: what may be dropped and made again.  ``drop_undeclared``: whether models go that
    are not declared."""

    allow_replace: Replaceable = "versions"
    drop_undeclared: bool = True


def settings_of(opts: Mapping[str, object]) -> Settings:
    """The settings among the options of a MigrationContext.  Raises CommandError."""
    given = {name.removeprefix(_PREFIX): value for name, value in opts.items() if name.startswith(_PREFIX)}
    unknown = given.keys() - set(Settings._fields)
    if unknown:
        known = ", ".join(_PREFIX + name for name in Settings._fields)
        raise CommandError(f"context.configure() has no {_PREFIX}{min(unknown)}: there are {known}")
    settings = Settings(**given)  # type: ignore[arg-type]
    if settings.allow_replace not in REPLACEABLE:
        raise CommandError(f"odpsmodel_allow_replace is one of {', '.join(map(repr, REPLACEABLE))}")
    if not isinstance(settings.drop_undeclared, bool):
        raise CommandError("odpsmodel_drop_undeclared is True or False")
    return settings
