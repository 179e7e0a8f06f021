"""What goes wrong with a file is an error that says what to do; afterwards the connection is usable, and what
was committed is there."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from traceback import format_exc

import pytest
from engines import imported
from samples import add, create, names
from sqlalchemy import MetaData, create_engine, exc

from sqlalchemy_odpsmodel import dbapi

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
Connect = Callable[..., dbapi.Connection]
FULL = "database or disk is full: free space on the disk, roll back, and do it again"
LIMIT = "disk I/O error: look for a full disk, a limit on the size of files"
READ_ONLY = "attempt to write a readonly database: this user may not write the file or its directory"
CANNOT_OPEN = "unable to open database file: see that the directory exists and that this user may write it"
NO_DATABASE = "file is not a database: it may be encrypted or damaged: name another file, or restore it"
MALFORMED = "database disk image is malformed: the file is damaged: restore it from a backup"
LOCKED = "database is locked: another connection holds its lock for longer than the timeout"


@contextmanager
def limited(size: int) -> Iterator[None]:
    """No file may grow beyond a size in bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A directory on a disk of 1 MB."""
    folder = tempfile.mkdtemp()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if made.returncode:
        pytest.skip("mounting a small disk needs root; a limit on the size of files is tested without")
    try:
        yield Path(folder)
    finally:
        subprocess.run(["umount", folder], check=True)
        os.rmdir(folder)


def fill(con: dbapi.Connection, message: str, commit_each: bool) -> set[str]:
    """Create models until the disk refuses one: those that are committed."""
    committed: set[str] = set()
    made: set[str] = set()
    try:
        for i in range(10_000):
            con.execute(create(name=f"m{i}", tail=f"COMMENT '{'x' * 1000}'"))
            made.add(f"m{i}")
            if commit_each:
                con.commit()
                committed = set(made)
        con.commit()
    except dbapi.OperationalError as error:
        assert str(error).startswith(message)  # noqa: PT017
        con.rollback()
        return committed
    raise AssertionError("it was not refused")


@pytest.mark.parametrize("isolation_level", ["IMMEDIATE", None])
@pytest.mark.parametrize("commit_each", [True, False])
class TestNoSpace:
    def test_a_full_disk(self, small_disk: Path, commit_each: bool, isolation_level: str | None) -> None:
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(300_000))
        with closing(dbapi.connect(small_disk / "models.db", isolation_level=isolation_level)) as con:
            committed = self.filled(con, FULL, commit_each)
            ballast.unlink()
            con.execute(create(name="after"))
            con.commit()
            assert set(names(con)) == committed | {"after"}

    def test_a_limit_on_the_size_of_files(
        self, connect: Connect, commit_each: bool, isolation_level: str | None
    ) -> None:
        con = connect(isolation_level=isolation_level)
        with limited(400_000):
            committed = self.filled(con, LIMIT, commit_each)
        con.execute(create(name="after"))
        con.commit()
        assert set(names(con)) == committed | {"after"}
        con.close()
        assert set(names(connect())) == committed | {"after"}

    def filled(self, con: dbapi.Connection, message: str, commit_each: bool) -> set[str]:
        """In autocommit everything that was executed is committed."""
        committed = fill(con, message, commit_each or con.isolation_level is None)
        assert set(names(con)) == committed
        assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return committed


def test_an_engine_says_so_too(path: Path) -> None:
    engine = create_engine(f"odpsmodel:///{path}")
    imported().create(engine)
    many = MetaData()
    for i in range(1_000):
        imported(f"m{i}", many)
    with limited(200_000), pytest.raises(exc.OperationalError, match=LIMIT):
        many.create_all(engine)
    imported("after").create(engine)


def ordinary(con: dbapi.Connection) -> None:
    con.execute("CREATE TABLE t (a)")


def model(con: dbapi.Connection) -> None:
    con.execute(create(name="n"))


@pytest.mark.parametrize("change", [ordinary, model])
class TestMayNotWrite:
    def test_mode_ro(self, path: Path, connect: Connect, change: Callable[[dbapi.Connection], None]) -> None:
        connect().executescript(f"{create()}; COMMIT")
        con = connect(f"{path.as_uri()}?mode=ro", uri=True)
        with pytest.raises(dbapi.OperationalError, match=READ_ONLY):
            change(con)
        con.rollback()
        assert names(con) == ["m"]

    @pytest.mark.parametrize("what", ["file", "directory", "both"])
    def test_the_rights_of_files(
        self, what: str, change: Callable[[dbapi.Connection], None], public_folder: Path
    ) -> None:
        path = public_folder / "models.db"
        with closing(dbapi.connect(path)) as con:
            con.executescript(f"{create()}; COMMIT")
        path.chmod(0o444 if what in ("file", "both") else 0o666)
        public_folder.chmod(0o555 if what in ("directory", "both") else 0o777)

        def use() -> None:
            if what != "file":  # there is no place for the WAL
                with pytest.raises(dbapi.OperationalError, match=r"write the directory, .*immutable=1"):
                    dbapi.connect(path)
                path_or_uri = f"{path.as_uri()}?mode=ro&immutable=1"
            else:
                path_or_uri = str(path)
            with closing(dbapi.connect(path_or_uri, uri=True)) as con:
                with pytest.raises(dbapi.OperationalError, match=READ_ONLY):
                    change(con)
                con.rollback()
                assert names(con) == ["m"]

        assert as_nobody(use) == ""


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A directory that every user can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


def as_nobody(function: Callable[[], None]) -> str:
    """What a process says that has no rights of its own, where this one is root's."""
    context = multiprocessing.get_context("fork")
    said = context.Queue()

    def child() -> None:
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            function()
            said.put("")
        except BaseException:
            said.put(format_exc())

    process = context.Process(target=child)
    process.start()
    result = said.get(timeout=60)
    process.join(30)
    return str(result)


def test_no_right_to_read_and_none_to_make_a_file(public_folder: Path) -> None:
    path = public_folder / "models.db"
    with closing(dbapi.connect(path)) as con:
        con.executescript(f"{create()}; COMMIT")
    path.chmod(0)
    public_folder.chmod(0o555)

    def use() -> None:
        for file in (path, public_folder / "new.db"):
            with pytest.raises(dbapi.OperationalError) as caught:
                dbapi.connect(file)
            assert str(caught.value).startswith(CANNOT_OPEN)

    assert as_nobody(use) == ""


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(dbapi.OperationalError, match=CANNOT_OPEN):
        dbapi.connect(tmp_path / "missing" / "models.db")
    with pytest.raises(dbapi.OperationalError, match=CANNOT_OPEN):
        dbapi.connect(tmp_path)


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_text("no database" * 100)
    with pytest.raises(dbapi.DatabaseError, match=NO_DATABASE):
        dbapi.connect(path)
    assert path.read_text() == "no database" * 100


@pytest.fixture
def filled(path: Path) -> Path:
    """A file of 200 models, closed."""
    with closing(dbapi.connect(path)) as con:
        for i in range(200):
            con.execute(create(name=f"m{i}"))
        con.commit()
    return path


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_file(filled: Path, connect: Connect, part: float) -> None:
    os.truncate(filled, int(filled.stat().st_size * part))
    with pytest.raises(dbapi.DatabaseError, match=MALFORMED):
        connect()


def test_a_file_that_is_truncated_while_it_is_open(filled: Path, connect: Connect) -> None:
    con = connect()
    os.truncate(filled, 8192)
    for sql in ("SHOW MODELS", "DESC MODEL m150", add(name="m150"), "SELECT * FROM odps_model_versions"):
        with pytest.raises(dbapi.DatabaseError, match=MALFORMED):
            con.execute(sql).fetchall()
        con.rollback()
    assert con.execute("SELECT 1").fetchall() == [(1,)]


def test_pages_that_are_overwritten(filled: Path, connect: Connect) -> None:
    """Whatever comes out of a damaged file, it is rows or an error of ours."""
    clean = filled.read_bytes()
    for start in range(4096, len(clean), 4096):
        filled.write_bytes(clean[:start] + b"\xa5" * 1024 + clean[start + 1024 :])
        con = connect()
        for sql in (
            "SHOW MODELS",
            "DESC MODEL m7",
            "SHOW VERSIONS FOR MODEL m199",
            add(name="m150"),
            "DROP MODEL m3",
        ):
            try:
                con.execute(sql)
                con.rollback()
            except dbapi.DatabaseError:
                con.rollback()
        con.close()


def test_a_file_without_its_wal(path: Path, tmp_path: Path, connect: Connect) -> None:
    """SQLite cannot know of it: what is left is the file as it was at the last checkpoint, and whole."""
    con = connect()
    con.execute(create())
    con.commit()
    con.execute("PRAGMA wal_checkpoint").fetchall()
    con.execute(create(name="later"))
    con.commit()
    shutil.copy(path, tmp_path / "alone.db")
    alone = connect(tmp_path / "alone.db")
    assert names(alone) == ["m"]
    assert alone.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    alone.execute(create(name="n"))
    alone.commit()
    assert names(alone) == ["m", "n"]


def test_a_file_that_is_moved_while_it_is_open(path: Path, connect: Connect) -> None:
    con = connect(isolation_level=None)
    con.execute("PRAGMA journal_mode=DELETE").fetchall()
    con.execute(create())
    path.rename(path.with_name("moved.db"))
    with pytest.raises(
        dbapi.OperationalError, match=r"readonly database: the file was moved or deleted .* connect again"
    ):
        con.execute(add())


def test_advice_is_for_what_sqlite_says(connect: Connect) -> None:
    """A busy connection of one's own is not another's lock."""
    con = connect()
    con.execute("CREATE TABLE t (a)")
    con.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
    rows = con.execute("DELETE FROM t RETURNING a")
    rows.fetchone()
    with pytest.raises(
        dbapi.OperationalError, match=r"^cannot commit transaction - SQL statements in progress$"
    ):
        con.commit()
    con.rollback()


def test_a_lock_that_is_held_for_too_long(connect: Connect) -> None:
    holder, con = connect(), connect(timeout=0.05)
    holder.execute(create())
    for sql in (create(), "CREATE TABLE t (a)", "BEGIN IMMEDIATE"):
        with pytest.raises(dbapi.OperationalError, match=LOCKED):
            con.execute(sql)
    holder.commit()
    con.execute(add())
    con.commit()


def test_a_transaction_that_read_before_another_wrote(connect: Connect) -> None:
    con, other = connect(isolation_level=None), connect()
    con.execute(create())
    con.execute("BEGIN")
    assert names(con) == ["m"]
    other.execute(create(name="n"))
    other.commit()
    with pytest.raises(
        dbapi.OperationalError, match=r"locked: another connection has written since .* BEGIN IMMEDIATE"
    ):
        con.execute("CREATE TABLE t (a)")
    con.execute("ROLLBACK")
    con.execute("BEGIN IMMEDIATE")
    con.execute(add())
    con.execute("COMMIT")


DAMAGE = {
    "inputs that are no JSON": "UPDATE _odpsmodel_version SET inputs = '['",
    "inputs of another shape": "UPDATE _odpsmodel_version SET inputs = '[1]'",
    "a type that is none": 'UPDATE _odpsmodel_version SET inputs = \'[["a", "intt", null]]\'',
    "options that are no JSON": "UPDATE _odpsmodel_version SET options = ''",
    "options of another shape": "UPDATE _odpsmodel_version SET options = '[]'",
    "text that is none": "UPDATE _odpsmodel_model SET comment = CAST(x'ff' AS TEXT)",
    "no versions": "DELETE FROM _odpsmodel_version",
    "no table of versions": "DROP TABLE _odpsmodel_version",
    "inputs without a bottom": f"UPDATE _odpsmodel_version SET inputs = '{'[' * 100_000}'",
    "a time in the far future": "UPDATE _odpsmodel_model SET create_time = 1 << 60",
    "a time in the far past": "UPDATE _odpsmodel_version SET create_time = -1 << 60",
    "a time at the end of time": "UPDATE _odpsmodel_model SET create_time = 253402300799999",
    "no row of the store": "DELETE FROM _odpsmodel_store",
    "a format below the first": "UPDATE _odpsmodel_store SET format = -1",
    "no salt": "UPDATE _odpsmodel_store SET salt = x''",
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("timezone", ["UTC", "Asia/Shanghai"])
def test_tables_that_somebody_wrote_to(damage: str, timezone: str, connect: Connect) -> None:
    con = connect(":memory:", timezone=timezone)
    con.execute(create())
    con.commit()
    con.execute(DAMAGE[damage])
    for sql in ("DESC MODEL m", "SHOW VERSIONS FOR MODEL m", add(), "SHOW MODELS", "DROP MODEL m"):
        with suppress(dbapi.DatabaseError):
            con.execute(sql).fetchall()
