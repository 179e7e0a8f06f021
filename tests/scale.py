"""What the tests of tests/torture get from its conftest."""

from __future__ import annotations

from collections.abc import Callable

#: Of two numbers the first, or with --torture the second.
Scale = Callable[[int, int], int]
#: Takes a line that is printed at the end of the run.
Figures = Callable[[str], None]
