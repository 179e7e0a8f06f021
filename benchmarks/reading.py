"""What reads: DESC, SHOW MODELS, a page of models, and SQL that is not ours."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, pairwise
from pathlib import Path

import pandas
from sqlalchemy import create_engine

from sqlalchemy_odpsmodel import dbapi

from .contest import Contest, Contestant, Figure, Work, at_most, more, times
from .registries import DESCRIBE, fill, new_file, registries
from .samples import ADD, CREATE
from .sizes import Sizes

RAW = "raw sqlite3"
_DESCRIBES, _PAGES, _EXECUTES = 300, 100, 5000
_COLUMNS = "name, owner, source_type, model_type, default_version, create_time, last_modified_time, comment"
_MODELS = f"SELECT {_COLUMNS} FROM _odpsmodel_model WHERE project = ? AND schema = ? ORDER BY name"
MODELS_PAGE = (
    "SELECT * FROM odps_models WHERE project = 'local' AND schema = 'default' AND model > ?"
    " ORDER BY model LIMIT 100"
)
_ROWS = "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
#: pandas recommends SQLAlchemy where it gets a connection of another driver.
warnings.filterwarnings("ignore", "pandas only supports SQLAlchemy", UserWarning)


def contests(folder: Path, sizes: Sizes) -> Iterator[Contest | Figure]:
    yield _describing(folder)
    yield _bytes(new_file(folder, "bytes"), sizes.creates)
    path = new_file(folder, "many")
    fill(path, sizes.models)
    yield from _showing(path, sizes)
    yield from _ordinary(folder, sizes)


def _bytes(path: str, models: int) -> Figure:
    """By our statements: models of one version each, and then another version of each."""
    ours = dbapi.connect(path)

    def size() -> int:
        ours.commit()
        ours.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return Path(path).stat().st_size

    sizes = [size()]
    for statement in (CREATE, ADD):
        for i in range(models):
            ours.execute(statement.format(name=f"m{i}", version="v2"))
        sizes.append(size())
    ours.close()
    model, version = ((after - before) / models for before, after in pairwise(sizes))
    found = {"a model and its version": model, "another version": version}
    return Figure("bytes in the file", found, "bytes", 550)


def _describing(folder: Path) -> Contest:
    """A keyed read has one row, and DESC of this model 23: so many of plain sqlite3's are here too."""
    entered = registries(folder)
    for registry in entered:
        registry.create("m")
    plain = sqlite3.connect(entered[0].path)
    plain.execute("CREATE TEMP TABLE shown (section, name, value, comment)")
    shown = [("Version Information", f"Name {i}", "a value", "") for i in range(23)]
    plain.executemany("INSERT INTO shown VALUES (?, ?, ?, ?)", shown)

    def both() -> object:
        plain.execute(DESCRIBE, ("m",)).fetchall()
        return plain.execute("SELECT * FROM shown").fetchall()

    engine = create_engine(f"sqlite:///{entered[0].path}")

    def on_engine() -> object:
        with engine.connect() as connection:
            return connection.exec_driver_sql(DESCRIBE, ("m",)).all()

    works: dict[str, Callable[[], object]] = {r.name: partial(r.describe, "m") for r in entered}
    works = {
        RAW: works.pop(RAW),
        "raw sqlite3, and 23 rows": both,
        "sqlite's engine, text": on_engine,
        **works,
    }
    targets = {"driver, text": (times(2, RAW),), "engine": (times(8, RAW),)}
    return Contest(
        "DESC MODEL",
        [Contestant(n, _repeated(w, _DESCRIBES), targets.get(n, ()), _DESCRIBES) for n, w in works.items()],
    )


def _repeated(work: Callable[[], object], number: int) -> Callable[[], Work]:
    return lambda: lambda: [work() for _ in range(number)]


def _showing(path: str, sizes: Sizes) -> Iterator[Contest]:
    plain, ours = sqlite3.connect(path), dbapi.connect(path)
    place = ("local", "default")
    yield Contest(
        f"SHOW MODELS of {sizes.models:,} into pandas",
        [
            Contestant(
                f"{RAW}, times as numbers", lambda: lambda: pandas.read_sql(_MODELS, plain, params=place)
            ),
            Contestant(
                "driver",
                lambda: lambda: pandas.read_sql("SHOW MODELS", ours),
                (times(1.3, f"{RAW}, times as numbers"),),
            ),
        ],
        rounds=5,
    )
    starts = cycle([(f"m{i * 7919 % sizes.models}",) for i in range(1000)])

    def page(connection: sqlite3.Connection) -> object:
        return connection.execute(MODELS_PAGE, next(starts)).fetchall()

    yield Contest(
        f"100 of {sizes.models:,} models by key",
        [
            Contestant(RAW, _repeated(partial(page, plain), _PAGES), times=_PAGES),
            Contestant("driver", _repeated(partial(page, ours), _PAGES), (at_most(1e-3),), _PAGES),
        ],
    )


def _ordinary(folder: Path, sizes: Sizes) -> Iterator[Contest]:
    path = new_file(folder, "rows")
    plain, ours = sqlite3.connect(path), dbapi.connect(path)
    plain.execute("CREATE TABLE t (a INTEGER, b INTEGER, c REAL, d TEXT, e TEXT)")
    plain.execute(
        f"INSERT INTO t {_ROWS} SELECT i, 2 * i, i / 3.0, 'x' || i, 'y' || i % 100 FROM n", (sizes.rows,)
    )
    plain.commit()
    cursors = plain.cursor(), ours.cursor()
    execute = [_repeated(partial(cursor.execute, "SELECT 1"), _EXECUTES) for cursor in cursors]
    yield Contest(
        'cursor.execute("SELECT 1")',
        [
            Contestant(RAW, execute[0], times=_EXECUTES),
            Contestant("driver", execute[1], (more(0.6e-6, RAW),), _EXECUTES),
        ],
    )
    every = "SELECT * FROM t"
    yield Contest(
        f"fetchall of {sizes.rows:,} rows",
        [
            Contestant(RAW, lambda: lambda: plain.execute(every).fetchall()),
            Contestant("driver", lambda: lambda: ours.execute(every).fetchall(), (times(1.001, RAW),)),
        ],
        rounds=5,
    )
    sources = {
        RAW: plain,
        "driver": ours,
        "sqlite's engine": create_engine(f"sqlite:///{path}"),
        "engine": create_engine(f"odpsmodel:///{path}"),
    }
    targets = {"driver": (times(1.08, RAW),), "engine": (times(1.05, "sqlite's engine"),)}
    yield Contest(
        f"pandas.read_sql of {sizes.rows:,} rows",
        [
            Contestant(name, partial(partial, pandas.read_sql, every, source), targets.get(name, ()))
            for name, source in sources.items()
        ],
        rounds=5,
    )
