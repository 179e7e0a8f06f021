"""What comes before the first statement: importing, connecting, making a file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from sqlalchemy_odpsmodel import dbapi

from .contest import Contest, Contestant, Work, at_most, more
from .registries import new_file
from .samples import CREATE
from .sizes import Sizes

RAW = "raw sqlite3"
_CONNECTS, _FILES = 200, 10


def _import(module: str) -> Work:
    """In a new process, whose own start is in all of them."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return lambda: subprocess.run([sys.executable, "-c", f"import {module}"], env=environment, check=True)


def contests(folder: Path, sizes: Sizes) -> Iterator[Contest]:
    yield Contest(
        "import, in a process of its own",
        [
            Contestant("sqlite3", lambda: _import("sqlite3")),
            Contestant("driver", lambda: _import("sqlalchemy_odpsmodel.dbapi"), (more(0.02, "sqlite3"),)),
            Contestant("sqlalchemy", lambda: _import("sqlalchemy")),
        ],
    )
    path = new_file(folder, "there")
    held = dbapi.connect(path)
    held.execute("SHOW MODELS").fetchall()

    def connect_plain() -> None:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA synchronous=EXTRA")
        connection.close()

    def connect_ours() -> None:
        dbapi.connect(path).close()

    yield Contest(
        "connect and close",
        [
            Contestant(RAW, lambda: lambda: [connect_plain() for _ in range(_CONNECTS)], times=_CONNECTS),
            Contestant(
                "driver",
                lambda: lambda: [connect_ours() for _ in range(_CONNECTS)],
                (more(150e-6, RAW),),
                _CONNECTS,
            ),
        ],
    )
    numbers = count()

    def make_plain() -> None:
        connection = sqlite3.connect(folder / f"plain{next(numbers)}.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=EXTRA")
        connection.executescript("BEGIN; CREATE TABLE t (a); INSERT INTO t VALUES (1); COMMIT")
        connection.close()

    def make_ours() -> None:
        connection = dbapi.connect(folder / f"ours{next(numbers)}.db")
        connection.execute(CREATE.format(name="m"))
        connection.commit()
        connection.close()

    yield Contest(
        "a new file and its first table or model",
        [
            Contestant(RAW, lambda: lambda: [make_plain() for _ in range(_FILES)], times=_FILES),
            Contestant(
                "driver", lambda: lambda: [make_ours() for _ in range(_FILES)], (at_most(6e-3),), _FILES
            ),
        ],
    )
