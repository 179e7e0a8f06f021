"""The statements that change models, each durable by itself, and many in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

from .contest import Contest, Contestant, Target, Work, times
from .registries import Mlflow, Registry, registries
from .sizes import Sizes

RAW, CORE = "raw sqlite3", "SQLAlchemy Core, tuned"
CYCLES = 40
_CYCLE_TARGETS: dict[str, tuple[Target, ...]] = {
    "driver, text": (times(1.4, RAW),),
    "engine": (times(2, RAW), times(1, CORE)),
}
_CREATE_TARGETS: dict[str, tuple[Target, ...]] = {
    "driver, text": (times(12, RAW), times(1, CORE)),
    "engine": (times(16, RAW), times(1, CORE)),
}


def contests(folder: Path, sizes: Sizes) -> Iterator[Contest]:
    numbers = count()

    def cycles(registry: Registry) -> Work:
        models = [f"m{next(numbers)}" for _ in range(CYCLES)]
        return lambda: [registry.cycle(model) for model in models]

    def creates(registry: Registry, many: int) -> Work:
        models = [f"m{next(numbers)}" for _ in range(many)]
        return lambda: registry.create_many(models)

    entered = registries(folder)
    yield Contest(
        "create, add, set default, drop version, drop",
        [Contestant(r.name, partial(cycles, r), _CYCLE_TARGETS.get(r.name, ()), CYCLES) for r in entered],
    )
    entered = [registry for registry in entered if not isinstance(registry, Mlflow)]  # it has no transactions
    many = sizes.creates
    yield Contest(
        f"{many:,} creates in one transaction",
        [
            Contestant(r.name, partial(creates, r, many), _CREATE_TARGETS.get(r.name, ()), many)
            for r in entered
        ],
        rounds=5,
    )
