"""How much of everything."""

from __future__ import annotations

from typing import NamedTuple


class Sizes(NamedTuple):
    creates: int = 10_000
    rows: int = 1_000_000
    models: int = 100_000
    growth: tuple[int, ...] = (1_000, 100_000, 1_000_000)
    script_bytes: int = 10_000_000
    checks: tuple[int, ...] = (1_000, 10_000)
    tables: int = 1_000
    revisions: int = 100


#: To try the benchmarks out: everything runs, and no figure says anything.
SMALL = Sizes(20, 100, 100, (10, 20), 5_000, (3,), 3, 2)
