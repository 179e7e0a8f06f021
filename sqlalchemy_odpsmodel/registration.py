"""Registers with Alembic: its operations on models, their comparison and rendering.

Where Alembic is not imported, nothing is.  An entry point would make Alembic 1.18.0 to 1.20.0 fail.
"""

from __future__ import annotations

import sys
from importlib import import_module
from traceback import walk_stack

from sqlalchemy.exc import InvalidRequestError

_OURS = f"{__package__}.alembic"
_CALLERS = ("sqlalchemy", "sqlalchemy_odpsmodel")
_too_old = False  # so that it is not tried again at every connect


def register_with_alembic() -> None:
    """Register, if Alembic is imported.  With one that is too old that is an error only where it is used."""
    global _too_old
    if "alembic.runtime.migration" in sys.modules and not _too_old:
        try:
            import_module(_OURS)
        except ImportError:
            _too_old = True


def refuse_late_alembic() -> None:
    """Register, unless it is Alembic that asks: what it has set up by now knows nothing of models."""
    if "alembic.runtime.migration" not in sys.modules or _OURS in sys.modules:
        return
    modules = (frame.f_globals.get("__name__", "") for frame, _ in walk_stack(None))
    asks = next((name for name in modules if name and name.partition(".")[0] not in _CALLERS), "")
    if not asks.startswith("alembic."):
        register_with_alembic()
        return
    import_module(_OURS)
    raise InvalidRequestError(
        "Alembic was imported after this connection was made, and would leave models out: import"
        f" {_OURS} before context.configure()"
    )
