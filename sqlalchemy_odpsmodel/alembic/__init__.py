"""Models in Alembic: operations in migrations, and autogenerate.

env.py needs at most ``import sqlalchemy_odpsmodel.alembic``: the dialects do it themselves once Alembic is
there.  The operations are ``op.create_model(…)`` and so on, and, typed, functions of this module that take
``op`` first: ``create_model(op, "m", "v1", …)``.
"""

from __future__ import annotations

import alembic.util

if not hasattr(alembic.util, "DispatchPriority"):
    raise ImportError(
        f"sqlalchemy_odpsmodel needs Alembic 1.18 or newer, and this is {alembic.__version__}:"
        " pip install 'sqlalchemy_odpsmodel[alembic]'"
    )

from . import autogenerate, impl, maxcompute  # noqa: F401  they register themselves
from .operations import (
    AddModelVersionOp,
    CreateModelOp,
    DropModelOp,
    DropModelVersionOp,
    ModelOp,
    ModelOps,
    SetDefaultModelVersionOp,
)

__all__ = [
    "AddModelVersionOp",
    "CreateModelOp",
    "DropModelOp",
    "DropModelVersionOp",
    "ModelOp",
    "ModelOps",
    "SetDefaultModelVersionOp",
    "add_model_version",
    "create_model",
    "drop_model",
    "drop_model_version",
    "set_default_model_version",
]

create_model = CreateModelOp.create_model
add_model_version = AddModelVersionOp.add_model_version
set_default_model_version = SetDefaultModelVersionOp.set_default_model_version
drop_model_version = DropModelVersionOp.drop_model_version
drop_model = DropModelOp.drop_model
