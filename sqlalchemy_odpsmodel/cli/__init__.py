"""The command ``odpsmodel``."""

from __future__ import annotations

import sys
from importlib.util import find_spec

for name in ("click", "rich", "prompt_toolkit", "sqlparse"):
    if find_spec(name) is None:
        sys.exit(f"The command odpsmodel needs {name}: pip install 'sqlalchemy_odpsmodel[cli]'")

from .commands import main  # noqa: E402  each needs them

__all__ = ["main"]
