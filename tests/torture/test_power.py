"""Power cuts.  What a killed process has written is safe with the system, so a kill does not test durability.

A writer runs under strace, which records what it asks of the disk.  The record is cut at every sync and between, and
for each cut a disk is made as it may be left when the power fails there.  What such a disk holds:

- Of a file: all that was written before the file's last sync (fsync or fdatasync).  Each write and truncate since, for
  itself, may be there, lost, junk, or torn: some of its sectors of 512 bytes are there.  No write harms the bytes
  beside it, which SQLite assumes of a disk.
- Of the directory: what each name meant at its last sync, or at any time since.  POSIX promises no more; with ext4
  and xfs a file that was synced also keeps its name.

The -shm file is left out: SQLite maps it into memory, and makes it anew where nobody has the database open.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import chain, cycle, islice, pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from samples import IMPORT, REMOTE, add, create
from scale import Figures, Scale
from sqlalchemy import create_engine

from sqlalchemy_odpsmodel import dbapi

# The writer: this file, run under strace


def work(part: int) -> Iterator[tuple[str, ...]]:
    """Transactions with every kind of statement, alone and together; no two of them leave the same state."""
    model, other, table = f"m{part}", f"other{part}", f"notes{part}"
    wide = f"INPUT ({', '.join(f'c{column} DOUBLE' for column in range(300))})"  # of more than a page
    yield (create(IMPORT, model, inputs=wide),)
    yield (create(REMOTE, other),)
    yield (add(IMPORT, model, inputs=wide),)
    yield (f"ALTER MODEL {model} SET DEFAULT_VERSION v2",)
    yield (f"ALTER MODEL {model} DROP VERSION v1",)
    yield (f"CREATE TABLE {table} (note TEXT)", f"INSERT INTO {table} VALUES ('v2')")
    yield (
        f"INSERT INTO {table} VALUES ('{'v3 ' * 3000}')",
        add(IMPORT, model, "v3"),
        f"ALTER MODEL {model} SET DEFAULT_VERSION v3",
        f"ALTER MODEL {model} DROP VERSION v2",
        f"UPDATE {table} SET note = 'v3'",
    )
    yield (f"DROP MODEL {model}",)
    yield (f"DROP TABLE {table}", f"DROP MODEL {other}", create(IMPORT, model), create(REMOTE, other))


PARTS = 3
TRANSACTIONS = PARTS * len(list(work(0)))


def through_driver(path: str, **arguments: Any) -> tuple[Callable[..., None], Callable[[], None]]:
    """What does a transaction, one of a single statement in autocommit, and what closes."""
    con = dbapi.connect(path, isolation_level=None, **arguments)

    def transact(*statements: str) -> None:
        several = ("BEGIN IMMEDIATE", *statements, "COMMIT")
        for sql in several if len(statements) > 1 else statements:
            con.execute(sql)

    return transact, con.close


def through_engine(path: str, **arguments: Any) -> tuple[Callable[..., None], Callable[[], None]]:
    """The same with SQLAlchemy."""
    engine = create_engine(f"odpsmodel:///{path}", connect_args=arguments)

    def transact(*statements: str) -> None:
        with engine.begin() as connection:
            for sql in statements:
                connection.exec_driver_sql(sql)

    return transact, engine.dispose


DOORS = {"driver": through_driver, "engine": through_engine}


def state(con: sqlite3.Connection) -> str:
    """All that a database holds, in short."""
    return sha256("\n".join(con.iterdump()).encode()).hexdigest()


def write(part: int, path: str, door: str, journal: str, synchronous: str) -> None:
    """Do a part of the work, and acknowledge each transaction with the state that it left.  WAL and EXTRA are
    not asked for: they are the defaults.  The first part closes, the others leave a WAL to the next."""
    transact, close = DOORS[door](path, **({} if synchronous == "EXTRA" else {"synchronous": synchronous}))
    transact("PRAGMA wal_autocheckpoint=40")  # pages, so that there are some
    if journal != "wal":
        transact(f"PRAGMA journal_mode={journal}")
    for statements in work(part):
        transact(*statements)
        with closing(sqlite3.connect(path)) as reader:
            os.write(1, f"ACK {state(reader)}\n".encode())
    if part == 0:
        close()


def main(*arguments: str) -> None:
    """Do each part in a process of its own."""
    for part in range(PARTS):
        if os.fork() == 0:
            write(part, *arguments)
            os._exit(0)
        if os.wait()[1]:
            sys.exit("a part of the work failed")


# The record of what it asks of the disk


@dataclass(frozen=True)
class Open:
    name: str


@dataclass(frozen=True)
class Write:
    name: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncate:
    name: str
    size: int


@dataclass(frozen=True)
class Sync:
    name: str


@dataclass(frozen=True)
class Unlink:
    name: str


@dataclass(frozen=True)
class Ack:
    state: str


Event = Open | Write | Truncate | Sync | Unlink | Ack
DATABASE, WAL = "models.db", "models.db-wal"
DIRECTORY = ""  # its name in a Sync

CALLS = "trace=/open|write|truncate|fallocate|sync|unlink|rename"
CALL = re.compile(r"(\w+)\((.*?)(\d*)\) += \d")
TEXT = re.compile(r"(?:\\x[0-9a-f]{2})+")


def read(trace: Path, directory: Path) -> Iterator[Event]:
    """What a trace tells of a directory's files, and the acknowledgements in it."""
    for call, arguments, number in CALL.findall(trace.read_text()):
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in TEXT.findall(arguments)]
        path = Path(os.fsdecode(texts[0] if "write" in call else texts[-1]))
        if call == "write" and texts[-1].startswith(b"ACK "):
            yield Ack(texts[-1].split()[1].decode())
        elif path == directory and call.endswith("sync"):
            yield Sync(DIRECTORY)
        elif path.parent == directory and not path.name.endswith("-shm"):
            yield as_event(call, path.name, number, texts[-1])


def as_event(call: str, name: str, number: str, text: bytes) -> Event:
    match call:
        case "openat":
            return Open(name)
        case "pwrite64":
            return Write(name, int(number), text)
        case "ftruncate":
            return Truncate(name, int(number))
        case "fsync" | "fdatasync":
            return Sync(name)
        case "unlink" | "unlinkat":
            return Unlink(name)
    raise ValueError(f"this SQLite uses {call}, which is not replayed")


class Record(NamedTuple):
    """What a writer did, and the directory that it left."""

    events: list[Event]
    directory: Path

    def states(self) -> list[str]:
        """The state after none, one, two … acknowledged transactions."""
        with closing(sqlite3.connect(":memory:")) as empty:
            return [state(empty), *(event.state for event in self.events if isinstance(event, Ack))]

    def transactions(self) -> list[list[Event]]:
        """What was done for each acknowledgement."""
        ends = [at for at, event in enumerate(self.events) if isinstance(event, Ack)]
        return [self.events[start + 1 : end] for start, end in pairwise([-1, *ends])]


Recorder = Callable[..., Record]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """Runs a writer by its door, journal mode and synchronous, each but once."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    if subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True).returncode:
        pytest.skip("strace may not trace processes here")

    @cache
    def run(*settings: str) -> Record:
        directory = tmp_path_factory.mktemp("-".join(settings))
        trace = directory.with_suffix(".trace")
        strace = ["strace", "-f", "-y", "-xx", "-s", "1000000", "-o", str(trace), "-e", CALLS]
        writer = [sys.executable, __file__, str(directory / DATABASE), *settings]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run(
            [*strace, *writer], env=environment, stdout=subprocess.DEVNULL, timeout=300, check=True
        )
        return Record(list(read(trace, directory)), directory)

    return run


# The disk, and what a power cut leaves on it

SECTOR = 512
Change = Write | Truncate


def kept(change: Change, rng: Random) -> Sequence[Change]:
    return [change]


def gone(change: Change, rng: Random) -> Sequence[Change]:
    return []


def torn(change: Change, rng: Random) -> Sequence[Change]:
    """Sectors of a write, the first ones or any."""
    if isinstance(change, Truncate):
        return []
    start, end = change.offset, change.offset + len(change.data)
    bounds = [start, *range((start // SECTOR + 1) * SECTOR, end, SECTOR), end]
    sectors = [Write(change.name, a, change.data[a - start : b - start]) for a, b in pairwise(bounds)]
    if rng.random() < 0.5:
        return sectors[: rng.randint(0, len(sectors))]
    return [sector for sector in sectors if rng.random() < 0.5]


def junk(change: Change, rng: Random) -> Sequence[Change]:
    if isinstance(change, Truncate):
        return []
    return [Write(change.name, change.offset, rng.randbytes(len(change.data)))]


#: How often each in an image of a file: one alone, mostly one, as it comes.
FATES = (kept, gone, torn, junk)
MIXTURES = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (8, 1, 1, 0), (1, 8, 1, 0), (1, 1, 1, 1))


class File:
    """What a disk has of a file for sure, and what has been done since the file's last sync."""

    def __init__(self) -> None:
        self.synced = bytearray()
        self.since: list[Change] = []

    def sync(self) -> None:
        for change in self.since:
            make(change, self.synced)
        self.since.clear()

    def left(self, rng: Random) -> bytes:
        content = bytearray(self.synced)
        fates = rng.choices(FATES, rng.choice(MIXTURES), k=len(self.since))
        for fate, change in zip(fates, self.since, strict=True):
            for piece in fate(change, rng):
                make(piece, content)
        return bytes(content)


def make(change: Change, content: bytearray) -> None:
    """Make a change.  What lies between and was never written is zeros."""
    size = change.size if isinstance(change, Truncate) else max(change.offset, len(content))
    content[size:] = bytes(max(0, size - len(content)))
    if isinstance(change, Write):
        content[change.offset : change.offset + len(change.data)] = change.data


class Disk:
    """A directory of a disk: for each name what it has meant since the directory's last sync, a file or none."""

    def __init__(self) -> None:
        self.names: dict[str, list[File | None]] = defaultdict(lambda: [None])

    def do(self, event: Event) -> None:
        match event:
            case Open(name):
                if self.names[name][-1] is None:
                    self.names[name].append(File())
            case Unlink(name):
                self.names[name].append(None)
            case Write() | Truncate():
                self.file(event.name).since.append(event)
            case Sync(name) if name == DIRECTORY:
                for meanings in self.names.values():
                    del meanings[:-1]
            case Sync(name):
                self.file(name).sync()

    def file(self, name: str) -> File:
        file = self.names[name][-1]
        assert file is not None
        return file

    def left(self, rng: Random) -> dict[str, bytes]:
        """The files after a power cut, one of the many ways."""
        chosen = {name: rng.choice(meanings) for name, meanings in self.names.items()}
        return {name: file.left(rng) for name, file in chosen.items() if file is not None}


def images(events: list[Event], count: int, directory: Path) -> Iterator[tuple[Path, int]]:
    """Images of a disk, one at a time in a directory, and how many transactions were acknowledged before the
    power was cut: at every sync, and then all over again at every event until there are enough."""
    rng, disk = Random(6), Disk()
    syncs = [at for at, event in enumerate(events) if isinstance(event, Sync)]
    everywhere = list(range(len(events) + 1))
    rng.shuffle(syncs)
    rng.shuffle(everywhere)
    done = 0
    for cut in sorted(islice(chain(syncs, cycle(everywhere)), max(count, len(syncs)))):
        for event in events[done:cut]:
            disk.do(event)
        done = cut
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        for name, content in disk.left(rng).items():
            (directory / name).write_bytes(content)
        yield directory / DATABASE, sum(isinstance(event, Ack) for event in events[:cut])


def missing(image: Path, states: list[str], acknowledged: int) -> int:
    """How many of the acknowledged transactions an image lacks.  Fails where it is damaged, or holds a state
    that no transaction left; the one in hand when the power was cut may be there."""
    with closing(dbapi.connect(image, isolation_level=None, synchronous="OFF")) as con:
        sound(con)
        found = state(con)
        assert found in states[: acknowledged + 2], "something is half done"
        con.execute(create(name="one_more"))
        sound(con)
        assert [row[0] for row in con.execute("SHOW MODELS")].count("one_more") == 1
        assert con.execute(MODELS_WITHOUT_DEFAULT).fetchall() == []
    return max(0, acknowledged - states.index(found))


MODELS_WITHOUT_DEFAULT = """SELECT project, schema, model, default_version FROM odps_models
    EXCEPT SELECT project, schema, model, version FROM odps_model_versions"""


def sound(con: sqlite3.Connection) -> None:
    assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert con.execute("PRAGMA foreign_key_check").fetchall() == []


def losses(found: Record, count: int, directory: Path) -> list[int]:
    """What is missing in images of a disk, which are sound otherwise."""
    states = found.states()
    return [missing(image, states, done) for image, done in images(found.events, count, directory)]


def harm(found: Record, count: int, directory: Path) -> tuple[list[int], int]:
    """The same, and how many images are not sound."""
    states, lost, broken = found.states(), [], 0
    for image, acknowledged in images(found.events, count, directory):
        try:
            lost.append(missing(image, states, acknowledged))
        except (AssertionError, dbapi.DatabaseError):
            broken += 1
    return lost, broken


def told(found: Record, lost: list[int], broken: int = 0) -> str:
    syncs = sum(isinstance(event, Sync) for event in found.events)
    return (
        f"{len(lost) + broken} power cuts in {len(found.events)} calls with {syncs} syncs: {sum(map(bool, lost))} lost"
        f" acknowledged transactions, {max(lost, default=0)} of {TRANSACTIONS} at most; {broken} damaged or half done"
    )


# What holds

SAFE = pytest.mark.parametrize(
    "settings",
    [
        ("driver", "wal", "EXTRA"),
        ("engine", "wal", "EXTRA"),
        ("driver", "delete", "EXTRA"),
        ("driver", "wal", "FULL"),
    ],
    ids="-".join,
)


@SAFE
def test_after_a_power_cut_all_that_was_acknowledged_is_there_and_nothing_is_half_done(
    settings: tuple[str, ...], record: Recorder, tmp_path: Path, scale: Scale, figures: Figures
) -> None:
    found = record(*settings)
    lost = losses(found, scale(100, 1000), tmp_path / "disk")
    figures(told(found, lost))
    assert not any(lost)


def test_a_rollback_journal_with_full_may_lose_the_last_transaction_and_no_more(
    record: Recorder, tmp_path: Path, scale: Scale, figures: Figures
) -> None:
    """The journal's removal is the commit, and only EXTRA syncs the directory after it."""
    found = record("driver", "delete", "FULL")
    lost = losses(found, scale(100, 1000), tmp_path / "disk")
    figures(told(found, lost))
    assert {0, 1} == set(lost)


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_the_same_cuts_find_what_less_than_full_loses(
    synchronous: str, record: Recorder, tmp_path: Path, scale: Scale, figures: Figures
) -> None:
    """NORMAL does no more harm than that; OFF may."""
    found = record("driver", "wal", synchronous)
    lost, broken = harm(found, scale(50, 1000), tmp_path / "disk")
    figures(told(found, lost, broken))
    assert any(lost)
    assert synchronous == "OFF" or not broken


@pytest.mark.parametrize("name", [DATABASE, WAL, DIRECTORY], ids=["database", "wal", "directory"])
def test_the_same_cuts_find_a_disk_that_ignores_syncs(
    name: str, record: Recorder, tmp_path: Path, scale: Scale, figures: Figures
) -> None:
    """So every kind of sync is needed, and would be missed."""
    found = record("driver", "wal", "EXTRA")
    found = found._replace(events=[event for event in found.events if event != Sync(name)])
    lost, broken = harm(found, scale(50, 1000), tmp_path / "disk")
    figures(told(found, lost, broken))
    assert any(lost) or broken


@SAFE
def test_the_record_holds_every_transaction_and_gives_the_very_files_that_are_there(
    settings: tuple[str, ...], record: Recorder
) -> None:
    found = record(*settings)
    there = {path.name: path.read_bytes() for path in found.directory.iterdir() if path.suffix != ".db-shm"}
    disk = Disk()
    for event in [*found.events, *map(Sync, [*there, DIRECTORY])]:
        disk.do(event)
    assert there == disk.left(Random())
    assert 1 + TRANSACTIONS == len(set(found.states())) == len(found.states())


def test_the_record_holds_checkpoints_restarts_of_the_wal_and_its_end(record: Recorder) -> None:
    found = record("driver", "wal", "EXTRA")
    writes = [event for event in found.events if isinstance(event, Write)]
    heads = [event for event in writes if event.name == WAL and event.offset == 0]
    checkpoints = [event for event in writes if event.name == DATABASE and event.offset == 0]
    assert len(checkpoints) > PARTS
    assert len(heads) > PARTS
    assert Unlink(WAL) in found.events


@pytest.mark.parametrize("door", DOORS)
def test_a_transaction_costs_one_sync(door: str, record: Recorder) -> None:
    """Where it does not open the WAL or begin it again, and makes no checkpoint: all that it writes is behind
    the WAL's head."""
    steady = [
        sum(isinstance(event, Sync) for event in transaction)
        for transaction in record(door, "wal", "EXTRA").transactions()
        if all(event.name == WAL and event.offset for event in transaction if isinstance(event, Write))
        and Sync(DIRECTORY) not in transaction
    ]
    assert len(steady) > TRANSACTIONS / 2
    assert {1} == set(steady)


if __name__ == "__main__":
    main(*sys.argv[1:])
