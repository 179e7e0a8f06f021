"""Registers with Alembic: its operations on models, their comparison and rendering.

Where Alembic is not imported, nothing is.  An entry point would make Alembic 1.18.0 to 1.20.0 fail.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from traceback import walk_stack

from sqlalchemy.exc import InvalidRequestError

_OURS = f"{__package__}.alembic"


def register_with_alembic() -> None:
    """Register, if Alembic is imported.  With one that is too old that is an error only where it is used."""
    if "alembic.runtime.migration" in sys.modules:
        with suppress(ImportError):
            import_module(_OURS)


def refuse_late_alembic() -> None:
    """Register, unless it is Alembic that calls: what it has set up by now knows nothing of models."""
    if "alembic.runtime.migration" not in sys.modules or _OURS in sys.modules:
        return
    modules = (frame.f_globals.get("__name__", "") for frame, _ in walk_stack(None))
    if not any(name.startswith("alembic.") for name in modules):
        register_with_alembic()
        return
    import_module(_OURS)
    raise InvalidRequestError(
        "Alembic was imported after this connection was made, and would leave models out: import"
        f" {_OURS} before context.configure()"
    )
