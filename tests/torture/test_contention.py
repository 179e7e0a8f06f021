"""Many write one file: nobody is told that it is locked, nothing is lost or doubled, and at every moment each
model has a default version that exists."""

from __future__ import annotations

import multiprocessing
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from random import Random
from threading import Thread
from traceback import format_exc
from typing import Any

import pytest
from samples import add, create, names
from scale import Figures, Scale
from sqlalchemy import create_engine
from sqlalchemy.pool import QueuePool

from sqlalchemy_odpsmodel import dbapi

FORK = multiprocessing.get_context("fork")
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
#: Models by name, each with its versions and, at the end, its default.
Catalog = dict[str, list[str]]
#: Of a writer: its models, its versions of the shared one, how long it waited in seconds, and what it died of.
Written = tuple[Catalog, list[str], list[float], str]
Execute = Callable[[str], object]
#: Waits until all have connected; when to stop.
Start = Callable[[], float]
BROKEN = (
    "SELECT count(*) FROM odps_models AS m WHERE NOT EXISTS (SELECT 1 FROM odps_model_versions AS v"
    " WHERE v.model = m.model AND v.version = m.default_version AND v.is_default)"
)


class Writer:
    """Changes models of its own, and the versions of a model that all share; knows what must be there."""

    def __init__(self, number: int, seed: int) -> None:
        self.prefix = f"w{number}_"
        self.random = Random(f"{seed} {number}")
        self.own: Catalog = {}
        self.shared: list[str] = []
        self.numbers = count()

    def change(self, execute: Execute) -> None:
        """One statement, which is to be committed."""
        fresh = f"{self.prefix}{next(self.numbers)}"
        kind = self.random.choice(["create", "add", "set", "drop version", "drop", "share"])
        if kind == "share":
            execute(add(name="shared", version=fresh))
            self.shared.append(fresh)
        elif kind == "create" or not self.own:
            execute(create(name=fresh))
            self.own[fresh] = ["v1", "v1"]
        else:
            self.alter(kind, fresh, self.random.choice(sorted(self.own)), execute)

    def alter(self, kind: str, fresh: str, model: str, execute: Execute) -> None:
        *versions, default = self.own[model]
        chosen = self.random.choice(versions)
        if kind == "drop":
            execute(f"DROP MODEL {model}")
            del self.own[model]
        elif kind == "set":
            execute(f"ALTER MODEL {model} SET DEFAULT_VERSION {chosen}")
            self.own[model] = [*versions, chosen]
        elif kind == "drop version" and chosen != default:
            execute(f"ALTER MODEL {model} DROP VERSION {chosen}")
            self.own[model] = [*(version for version in versions if version != chosen), default]
        else:
            execute(add(name=model, version=fresh))
            self.own[model] = [*versions, fresh, default]


def write(
    writer: Writer, until: float, pause: float, execute: Execute, commit: Callable[[], None]
) -> list[float]:
    """Change and commit until a time; how long each took."""
    waits = []
    while time.monotonic() < until:
        started = time.perf_counter()
        writer.change(execute)
        commit()
        waits.append(time.perf_counter() - started)
        time.sleep(pause)
    return waits


def process(path: Path, number: int, start: Start, pause: float, results: Any) -> None:
    """A writing process; at the end it puts what must be there, and how long it waited."""
    writer = Writer(number, 1)
    try:
        with closing(dbapi.connect(path)) as con:
            waits = write(writer, start(), pause, con.execute, con.commit)
        results.put((writer.own, writer.shared, waits, ""))
    except BaseException:
        results.put((writer.own, writer.shared, [], format_exc()))


def plain(path: Path, start: Start, pause: float, results: Any) -> None:
    """A client that knows sqlite3 only, and a table of its own."""
    rows, said = 0, ""
    try:
        with closing(sqlite3.connect(path, timeout=30, isolation_level="IMMEDIATE")) as con:
            until = start()
            while time.monotonic() < until:
                con.execute("INSERT INTO plain VALUES (1)")
                con.commit()
                rows += 1
                time.sleep(pause)
    except BaseException:
        said = format_exc()
    results.put((rows, said))


def watch(path: Path, start: Start, results: Any) -> None:
    """A reader that looks for a moment at which something does not hold."""
    looks, longest, said = 0, 0.0, ""
    try:
        with closing(dbapi.connect(path)) as con:
            until = start()
            while time.monotonic() < until:
                started = time.perf_counter()
                assert con.execute(BROKEN).fetchone() == (0,)
                assert con.execute("DESC MODEL shared").fetchall()
                longest = max(longest, time.perf_counter() - started)
                looks += 1
    except BaseException:
        said = format_exc()
    results.put((looks, longest, said))


def new_file(path: Path) -> None:
    path.unlink(missing_ok=True)
    with closing(dbapi.connect(path)) as con:
        con.execute("CREATE TABLE plain (writer)")
        con.execute(create(name="shared"))
        con.commit()


def verify(path: Path, results: list[Written], rows: int = 0) -> None:
    """What the writers were told is there, and nothing else."""
    assert [said for *_, said in results if said] == []
    with closing(dbapi.connect(path)) as con:
        assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert con.execute("PRAGMA foreign_key_check").fetchall() == []
        expected = {model: versions for own, *_ in results for model, versions in own.items()}
        shared = [version for _, added, *_ in results for version in added]
        there: dict[str, list[str]] = {}
        for model, version in con.execute("SELECT model, version FROM odps_model_versions"):
            there.setdefault(model, []).append(version)
        assert Counter(there.pop("shared")) == Counter(["v1", *shared])
        assert {model: sorted(found) for model, found in there.items()} == {
            model: sorted(versions) for model, (*versions, _) in expected.items()
        }
        defaults = dict(con.execute("SELECT model, default_version FROM odps_models").fetchall())
        assert defaults == {"shared": "v1"} | {model: found[-1] for model, found in expected.items()}
        assert con.execute("SELECT count(*) FROM plain").fetchone() == (rows,)


def percentile(waits: list[float], part: float) -> float:
    """In milliseconds."""
    return sorted(waits)[int(len(waits) * part)] * 1000


def told(results: list[Written]) -> tuple[str, float]:
    waits = [wait for *_, found, _ in results for wait in found]
    high = percentile(waits, 0.99)
    each = sorted(len(found) for *_, found, _ in results)
    said = (
        f"{len(waits)} statements, {each[0]} to {each[-1]} of each, p50 {percentile(waits, 0.5):.1f}, p99 {high:.1f}, longest"
        f" {max(waits) * 1000:.0f} ms; 0 locked, lost or doubled"
    )
    return said, high


@pytest.mark.parametrize("pause", [0.002, 0.0], ids=["2 ms of other work", "no other work"])
@pytest.mark.parametrize("number", [1, 2, 4, 8])
def test_processes(number: int, pause: float, path: Path, scale: Scale, figures: Figures) -> None:
    """Beside them a client of plain sqlite3, and one that only looks."""
    new_file(path)
    barrier = FORK.Barrier(number + 2)

    def start() -> float:
        barrier.wait(60)
        return time.monotonic() + scale(1, 8)

    results, plain_result, looked = FORK.Queue(), FORK.Queue(), FORK.Queue()
    processes = [FORK.Process(target=process, args=(path, i, start, pause, results)) for i in range(number)]
    processes.append(FORK.Process(target=plain, args=(path, start, pause, plain_result)))
    processes.append(FORK.Process(target=watch, args=(path, start, looked)))
    for started in processes:
        started.start()
    found = [results.get(timeout=120) for _ in range(number)]
    rows, plain_said = plain_result.get(timeout=120)
    looks, longest, said = looked.get(timeout=120)
    for started in processes:
        started.join(30)
    assert (plain_said, said) == ("", "")
    assert min(rows, looks) > 0
    verify(path, found, rows)
    figure, high = told(found)
    figures(f"{figure}; {rows} by plain sqlite3; {looks} looks, none longer than {longest * 1000:.0f} ms")
    if scale(0, 1):
        assert high < 100 or not pause
        each = [len(waits) for *_, waits, _ in found]
        assert max(each) < 4 * min(
            each
        )  # with SQLite's own waiting 48 times as many, where there is no pause


def test_sixteen_threads(path: Path, scale: Scale, figures: Figures) -> None:
    """Of one engine, each with a connection of the pool's for every statement."""
    new_file(path)
    engine = create_engine(f"odpsmodel:///{path}", poolclass=QueuePool, pool_size=16)
    until = time.monotonic() + scale(2, 60)
    results: list[Any] = []

    def thread(number: int) -> None:
        writer = Writer(number, 2)

        def execute(sql: str) -> None:
            with engine.begin() as connection:
                connection.exec_driver_sql(sql)

        try:
            waits = write(writer, until, 0.002, execute, lambda: None)
            results.append((writer.own, writer.shared, waits, ""))
        except BaseException:
            results.append((writer.own, writer.shared, [], format_exc()))

    threads = [Thread(target=thread, args=(number,)) for number in range(16)]
    for started in threads:
        started.start()
    for started in threads:
        started.join(120)
    engine.dispose()
    assert len(results) == 16
    verify(path, results)
    figure, high = told(results)
    figures(figure)
    if scale(0, 1):
        assert high < 100


@pytest.mark.parametrize("if_not_exists", ["", "IF NOT EXISTS "])
def test_processes_that_create_the_same_models(
    if_not_exists: str, path: Path, scale: Scale, figures: Figures
) -> None:
    """Of each model one creates it, and the others get ModelExists; with IF NOT EXISTS all succeed.  The first
    model is also the first of the file."""
    models = [f"m{i}" for i in range(scale(20, 200))]
    results, barrier = FORK.Queue(), FORK.Barrier(4)

    def creator(number: int) -> None:
        told = []
        try:
            barrier.wait(30)
            with closing(dbapi.connect(path)) as con:
                for model in models:
                    barrier.wait(30)
                    try:
                        con.execute(create(name=if_not_exists + model, version=f"of_{number}"))
                        con.commit()
                        told.append((model, "made"))
                    except dbapi.ModelExists as error:
                        told.append((model, str(error)))
        except BaseException:
            barrier.abort()
            told.append(("", format_exc()))
        results.put(told)

    processes = [FORK.Process(target=creator, args=(number,)) for number in range(4)]
    for started in processes:
        started.start()
    said = [what for _ in processes for what in results.get(timeout=120)]
    for started in processes:
        started.join(30)
    exists = "ODPS-0110061: Failed to run ddltask - model local.default.{} already exists"
    for model in models:
        answers = sorted(answer for found, answer in said if found == model)
        refused = "made" if if_not_exists else exists.format(model)
        assert answers == sorted(["made", refused, refused, refused])
    assert len(said) == 4 * len(models)
    with closing(dbapi.connect(path)) as con:
        assert names(con) == sorted(models)
        versions = "SELECT count(*), count(DISTINCT model) FROM odps_model_versions"
        assert con.execute(versions).fetchone() == (len(models), len(models))
    figures(f"{len(models)} races of 4 processes, each with one winner")
