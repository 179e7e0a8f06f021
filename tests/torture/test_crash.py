"""Writers are killed, by SIGKILL at a random moment: a fresh process finds what they had acknowledged.

A writer runs random transactions that are known beforehand: one statement in autocommit, or several with a
row of an ordinary table among them.  It acknowledges each once it is committed.  Its clock shows the number
of the transaction, so that times tell too what is half done.
"""

from __future__ import annotations

import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from engines import FILE, IMPORTED
from migrations import Project
from samples import add, create, names
from scale import Figures, Scale

from sqlalchemy_odpsmodel import dbapi, store

#: Forks each process from one that has imported everything and has opened no connection.
FRESH = get_context("forkserver")
FRESH.set_forkserver_preload(["pytest", "alembic.config", "sqlalchemy.orm", "sqlalchemy_odpsmodel.alembic"])


class Kind(NamedTuple):
    """Of ten kills ``share`` hit such a writer, once it has acknowledged ``ready`` transactions, in the time
    that ``lasting`` more of them take."""

    share: int
    ready: int
    lasting: int


STATEMENTS, FIRST, UPGRADES, MIGRATIONS = "statements", "first opens", "upgrades of the format", "migrations"
KINDS = {
    STATEMENTS: Kind(4, 1, 20),
    FIRST: Kind(2, 0, 2),
    UPGRADES: Kind(2, 1, 10),
    MIGRATIONS: Kind(2, 0, 3),
}


class Job(NamedTuple):
    """What a writer does; the seed decides its transactions.  Of upgrades of the format each is by a further
    release, in its first transaction; of migrations each goes over several revisions of the project."""

    kind: str
    seed: int
    path: Path
    journal: str  # "wal", as the package makes a file, or "delete", as it finds one
    project: Project | None = None


# The transactions, and what they leave

#: A statement's kind, its model and its version.
Change = tuple[str, str, str]
COMMENT = "COMMENT '%(text)s'"
SQL = {
    "CREATE MODEL": create(name="%(model)s", version="%(version)s", tail=COMMENT),
    "ADD VERSION": add(name="%(model)s", version="%(version)s", tail=COMMENT),
    "SET DEFAULT_VERSION": "ALTER MODEL %(model)s SET DEFAULT_VERSION %(version)s",
    "DROP VERSION": "ALTER MODEL %(model)s DROP VERSION %(version)s",
    "DROP MODEL": "DROP MODEL %(model)s",
    "CREATE TABLE": "CREATE TABLE note (number INT)",
    "INSERT": "INSERT INTO note VALUES (%(number)s)",
}
#: The same in a migration.
VERSION = f"inputs=[('f1', 'INT')], options={FILE}, comment=%(text)r"
OPERATIONS = {
    "CREATE MODEL": f"op.create_model(%(model)r, %(version)r, **{IMPORTED}, {VERSION})",
    "ADD VERSION": f"op.add_model_version(%(model)r, %(version)r, {VERSION})",
    "SET DEFAULT_VERSION": "op.set_default_model_version(%(model)r, %(version)r)",
    "DROP VERSION": "op.drop_model_version(%(model)r, %(version)r)",
    "DROP MODEL": "op.drop_model(%(model)r)",
    "CREATE TABLE": f"op.execute({SQL['CREATE TABLE']!r})",
    "INSERT": f"op.execute({SQL['INSERT']!r})",
}
MODELS, VERSIONS = ("m1", "m2", "m3", "m4"), ("v1", "v2", "v3", "v4")
STEPS = store._STEPS


def text(model: str, version: str, number: int) -> str:
    """The comment of a version, so long that a transaction writes several pages."""
    return f"{model} {version} made in {number}. " * 40


def worded(words: dict[str, str], change: Change, number: int) -> str:
    """A statement of a transaction, as SQL or as an operation."""
    kind, model, version = change
    values = {"model": model, "version": version, "number": number, "text": text(model, version, number)}
    return words[kind] % values


@dataclass
class State:
    """What a file holds."""

    objects: set[str] = field(default_factory=set)
    models: dict[str, tuple[str, int, int]] = field(default_factory=dict)  # default version, made, altered
    versions: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)  # made, comment
    notes: list[int] = field(default_factory=list)
    format: tuple[int, int] = (0, 0)  # and how many columns further ones have added
    revision: str = ""

    def apply(self, change: Change, number: int) -> None:
        """Do a statement of a transaction, as the rules have it."""
        match change:
            case "CREATE TABLE", _, _:
                self.objects.add("note")
            case "INSERT", _, _:
                self.notes.append(number)
            case "CREATE MODEL", model, version:
                self.objects.update(store.TABLES, store.VIEWS)
                self.format = max(self.format, (len(STEPS), 0))
                self.models[model] = version, number, number
                self.versions[model, version] = number, text(model, version, number)
            case "DROP MODEL", model, _:
                del self.models[model]
                self.versions = {key: kept for key, kept in self.versions.items() if key[0] != model}
            case kind, model, version:
                self.alter(kind, model, version, number)

    def alter(self, kind: str, model: str, version: str, number: int) -> None:
        default, made, _ = self.models[model]
        self.models[model] = version if kind == "SET DEFAULT_VERSION" else default, made, number
        if kind == "ADD VERSION":
            self.versions[model, version] = number, text(model, version, number)
        elif kind == "DROP VERSION":
            del self.versions[model, version]

    def upgrade(self, further: int) -> None:
        """Be brought to a further format, as ``know`` has it."""
        self.format = len(STEPS) + further, further
        self.versions = {key: (made, f"{comment}+") for key, (made, comment) in self.versions.items()}

    def legal(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The kinds of statements that are legal now, and the models and versions that they may name."""
        free = [(m, v) for m in MODELS for v in VERSIONS if (m, v) not in self.versions]
        others = [(m, v) for m, v in self.versions if self.models[m][0] != v]
        found = {
            "CREATE MODEL": [(m, v) for m, v in free if m not in self.models],
            "ADD VERSION": [(m, v) for m, v in free if m in self.models],
            "SET DEFAULT_VERSION": others,
            "DROP VERSION": others,
            "DROP MODEL": [(m, "") for m in self.models],
        }
        return [(kind, named) for kind, named in found.items() if named]


def history(job: Job) -> Iterator[tuple[int, list[Change], State]]:
    """The transactions with their numbers, and the state that each leaves; number 0 is none."""
    rng, state, revisions = Random(job.seed), State(), 0
    yield 0, [], deepcopy(state)
    for number in count(1):
        if job.kind == UPGRADES:
            state.upgrade(number)
        changes = drawn(rng, state, number, 6 if job.kind == MIGRATIONS else rng.choice((1, 1, 2, 4)))
        revisions += len(changes)
        if job.kind == MIGRATIONS:
            state.revision = f"{revisions:04}"
            state.objects.add("alembic_version")
        yield number, changes, deepcopy(state)


def drawn(rng: Random, state: State, number: int, length: int) -> list[Change]:
    """So many statements on models, and if there are several, an ordinary table's somewhere among them."""
    changes: list[Change] = []
    for _ in range(length):
        kind, named = rng.choice(state.legal())
        changes.append((kind, *rng.choice(named)))
        state.apply(changes[-1], number)
    if length > 1:
        ordinary = ["INSERT"] if "note" in state.objects else ["CREATE TABLE", "INSERT"]
        place = rng.randint(0, length)
        for kind in ordinary[::-1]:
            changes.insert(place, (kind, "", ""))
            state.apply((kind, "", ""), number)
    return changes


# The writer


def write(job: Job, pipe: Connection) -> None:
    """Run the transactions of a job: say what comes, and acknowledge by its number what is done."""
    pipe.send(0)
    for number in (migrate if job.project else execute)(job, pipe.send):
        pipe.send(number)
    signal.pause()


def execute(job: Job, say: Callable[[str], None]) -> Iterator[int]:
    """One statement in autocommit, several in a transaction.  Every other writer has so small a cache that it
    writes pages before it commits, and so small a WAL that it writes the file at most commits."""
    say("connect")
    together, alone = dbapi.connect(job.path), dbapi.connect(job.path, isolation_level=None)
    if job.seed % 2:
        for con in (together, alone):
            con.executescript("PRAGMA cache_size=3; PRAGMA wal_autocheckpoint=3")
    for number, changes, _ in islice(history(job), 1, None):
        set_clock(number)
        know(number if job.kind == UPGRADES else 0)
        for change in changes:
            say(change[0])
            (together if len(changes) > 1 else alone).execute(worded(SQL, change, number))
        if len(changes) > 1:
            say("COMMIT of several")
            together.commit()
        yield number


def migrate(job: Job, say: Callable[[str], None]) -> Iterator[int]:
    """Upgrades over several revisions each, until there are no more."""
    assert job.project is not None
    job.project.url = f"odpsmodel:///{job.path}"
    for number, _, state in islice(history(job), 1, 1 + KINDS[MIGRATIONS].lasting):
        set_clock(number)
        say("alembic upgrade")
        job.project.upgrade(state.revision)
        yield number


def set_clock(number: int) -> None:
    time.time_ns = lambda: number * 1_000_000_000


def know(further: int) -> None:
    """Be a release with so many formats more: each adds a column, and a mark to every version's comment."""
    steps = (
        (
            f"ALTER TABLE main._odpsmodel_model ADD further_{n} TEXT",
            "UPDATE main._odpsmodel_version SET comment = comment || '+'",
        )
        for n in range(further)
    )
    store._STEPS = (*STEPS, *steps)
    store.FORMAT = len(store._STEPS)


def written(job: Job, folder: Path) -> Project:
    """A project with a revision for each statement of a job."""
    project = Project(folder, "odpsmodel://")
    for number, changes, _ in islice(history(job), 1 + KINDS[MIGRATIONS].lasting):
        for change in changes:
            revision = project.revise(autogenerate=False)
            revision.write_text(revision.read_text().replace("pass", worded(OPERATIONS, change, number), 1))
    return project


# The examination

TIMES = "unixepoch(create_time), unixepoch(last_modified_time)"
COLUMNS = "SELECT count(*) FROM pragma_table_info('_odpsmodel_model') WHERE name LIKE 'further%'"
DANGLING = (
    "SELECT model, default_version FROM odps_models EXCEPT SELECT model, version FROM odps_model_versions"
)


def examine(path: Path, further: int, pipe: Connection) -> None:
    """Open a file as a release with so many formats more does; send what it holds, and what else is found."""
    know(further)
    report: dict[str, object] = {}
    with closing(dbapi.connect(path)) as con:
        for pragma in ("integrity_check", "foreign_key_check", "journal_mode"):
            report[pragma] = con.execute(f"PRAGMA {pragma}").fetchall()
        found = holds(con)
        report["SHOW MODELS"] = names(con)
        con.execute(create(name="z"))
        con.commit()
        report["after a further CREATE"] = names(con), holds(con).format
        report["default versions that do not exist"] = con.execute(DANGLING).fetchall()
    pipe.send((found, report))


def holds(con: dbapi.Connection) -> State:
    """What a file holds, by the views."""
    objects = con.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
    state = State({row[0] for row in objects})
    if "note" in state.objects:
        state.notes = [row[0] for row in con.execute("SELECT number FROM note ORDER BY rowid")]
    if "alembic_version" in state.objects:
        state.revision = ", ".join(row[0] for row in con.execute("SELECT version_num FROM alembic_version"))
    if "odps_models" in state.objects:
        models = con.execute(f"SELECT model, default_version, {TIMES} FROM odps_models")
        state.models = {row[0]: row[1:] for row in models}
        made = "SELECT model, version, unixepoch(create_time), comment FROM odps_model_versions"
        state.versions = {row[:2]: row[2:] for row in con.execute(made)}
        state.format = con.execute(f"SELECT format, ({COLUMNS}) FROM _odpsmodel_store").fetchone()
    return state


# The processes


@contextmanager
def process(target: Callable[..., None], *arguments: object) -> Iterator[tuple[BaseProcess, Iterator[Any]]]:
    """A fresh process, and what it sends; it ends with the block."""
    receiver, sender = FRESH.Pipe(duplex=False)
    started = FRESH.Process(target=target, args=(*arguments, sender), daemon=True)
    started.start()
    sender.close()
    try:
        yield started, received(receiver)
    finally:
        started.kill()
        started.join()
        receiver.close()


def received(receiver: Connection) -> Iterator[Any]:
    """What a process sends until it ends."""
    while receiver.poll(60):
        try:
            yield receiver.recv()
        except EOFError:
            return
    raise TimeoutError("a process is silent")


def lasts(job: Job) -> float:
    """The seconds in which writers of this kind are killed."""
    _, ready, lasting = KINDS[job.kind]
    with process(write, job) as (_, messages):
        assert ready in messages
        start = time.perf_counter()
        assert ready + lasting in messages
        return time.perf_counter() - start


def kill(job: Job, seconds: float) -> tuple[int, str]:
    """Kill a writer so long after it is ready: the number that it acknowledged last, and what it was at."""
    with process(write, job) as (writer, messages):
        ready = KINDS[job.kind].ready
        assert ready in messages
        time.sleep(seconds)
        writer.kill()
        log = [ready, *messages]
        writer.join()
        assert writer.exitcode == -signal.SIGKILL
    acknowledged = max(message for message in log if isinstance(message, int))
    return acknowledged, "nothing" if log[-1] == acknowledged else log[-1]


def examined(job: Job, acknowledged: int) -> str:
    """What became of the transaction after the acknowledged one: "done", "not done", or what is wrong."""
    further = 1 + acknowledged if job.kind == UPGRADES else 0
    with process(examine, job.path, further) as (_, messages):
        answers = [*messages]
    assert answers, "the next process cannot use the file, as its error tells"
    found, report = answers[0]
    assert report == {
        "integrity_check": [("ok",)],
        "foreign_key_check": [],
        "journal_mode": [(job.journal,)],
        "SHOW MODELS": sorted(found.models),
        "after a further CREATE": ([*sorted(found.models), "z"], (len(STEPS) + further, further)),
        "default versions that do not exist": [],
    }
    states = [state for _, _, state in islice(history(job), acknowledged + 2)]
    if found in states[-2:]:
        return "done" if found == states[-1] else "not done"
    return "lost" if found in states else "half done"


def jobs(kind: str, folder: Path) -> Iterator[Job]:
    """Writers without end; every third finds a file that is not WAL, unless it is to make its file."""
    project = written(Job(kind, 0, folder, ""), folder / "project") if kind == MIGRATIONS else None
    for number in count():
        path = folder / f"{number}.db"
        journal = "delete" if number % 3 == 2 and kind != FIRST else "wal"
        if journal == "delete":
            with closing(sqlite3.connect(path)) as con:
                con.execute("PRAGMA user_version=1")
        yield Job(kind, 0 if project else number, path, journal, project)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_killed_writer_acknowledged_is_there_and_nothing_is_half_done(
    kind: str, tmp_path: Path, scale: Scale, figures: Figures
) -> None:
    """The file is as after the last acknowledged transaction, or as after the one in flight."""
    first, *others = islice(jobs(kind, tmp_path), 1 + KINDS[kind].share * scale(5, 50))
    seconds = lasts(first)
    moments, ends = Counter[str](), Counter[str]()
    for number, job in enumerate(others, 1):
        acknowledged, moment = kill(job, Random(number).uniform(0, seconds))
        moments[moment] += 1
        ends[examined(job, acknowledged)] += 1
    ends["not done"] -= moments["nothing"]
    figures(
        f"{len(others)} kills (seeds 1 to {len(others)}) in {1000 * seconds:.0f} ms, in"
        f" {', '.join(f'{moment} {found}' for moment, found in moments.most_common())};"
        f" in flight {ends['done']} done, {ends['not done']} not done; {ends['lost']} lost, {ends['half done']} half done"
    )
    assert (ends["lost"], ends["half done"]) == (0, 0)
    assert moments["nothing"] < len(others), "no kill hit a writer that was at work"
