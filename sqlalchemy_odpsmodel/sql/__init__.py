"""Text ⇄ statement.  Knows no database: ``parse(str(statement)) == statement``."""

from .parser import parse
from .statements import (
    AddVersion,
    CreateModel,
    DescModel,
    DropModel,
    DropVersion,
    SetDefaultVersion,
    SetFlags,
    ShowModels,
    ShowVersions,
    Statement,
)

__all__ = [
    "AddVersion",
    "CreateModel",
    "DescModel",
    "DropModel",
    "DropVersion",
    "SetDefaultVersion",
    "SetFlags",
    "ShowModels",
    "ShowVersions",
    "Statement",
    "parse",
]
