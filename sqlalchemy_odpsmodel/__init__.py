"""Models of MaxCompute (ODPS) as code: statements, a local stand-in, a PEP 249 driver.

Names are handed on when they are first used, so that importing a module imports no more than it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .ddl import (
        AlterModelAddVersion,
        AlterModelDropVersion,
        AlterModelSetDefaultVersion,
        CreateModel,
        DropModel,
        ModelVersion,
    )
    from .options import EnvSecret
    from .reflection import ModelInspector
    from .schema import Model, reflect_models

__all__ = [
    "AlterModelAddVersion",
    "AlterModelDropVersion",
    "AlterModelSetDefaultVersion",
    "CreateModel",
    "DropModel",
    "EnvSecret",
    "Model",
    "ModelInspector",
    "ModelVersion",
    "__version__",
    "reflect_models",
]
__version__ = "0.1.0"

_HOMES = {
    "AlterModelAddVersion": ".ddl",
    "AlterModelDropVersion": ".ddl",
    "AlterModelSetDefaultVersion": ".ddl",
    "CreateModel": ".ddl",
    "DropModel": ".ddl",
    "EnvSecret": ".options",
    "Model": ".schema",
    "ModelInspector": ".reflection",
    "ModelVersion": ".ddl",
    "reflect_models": ".schema",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
