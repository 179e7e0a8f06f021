"""Connections through an engine, under both names of the dialect: forks, errors in other processes, files with
odd names, read-only files, attached files.  Pools and threads are in test_dialect."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas
import pytest
import sqlalchemy as sa
from engines import SCHEMES, imported, shown, version
from forked import in_a_fork
from samples import create
from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    create_engine,
    event,
    exc,
    text,
)
from sqlalchemy.pool import NullPool, StaticPool

from sqlalchemy_odpsmodel import AlterModelAddVersion, AlterModelDropVersion, CreateModel, DropModel, dbapi

both = pytest.mark.parametrize("scheme", SCHEMES)


def names(engine: Engine) -> list[str]:
    return [row[0] for row in shown(engine)]


class TestFork:
    """As SQLAlchemy says of any database: the child leaves the parent's connections alone."""

    @both
    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
    def test_a_child_disposes_of_what_it_was_born_with(self, path: Path, scheme: str) -> None:
        engine = create_engine(f"{scheme}:///{path}")
        imported("before").create(engine)
        with engine.connect() as connection:
            parents = connection.connection.driver_connection

        def child() -> None:
            engine.dispose(close=False)
            with engine.begin() as connection:
                assert connection.connection.driver_connection is not parents
                imported("child").create(connection)

        assert in_a_fork(child) == 0
        imported("after").create(engine)
        assert names(engine) == ["after", "before", "child"]

    @both
    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
    def test_or_has_no_pool(self, path: Path, scheme: str) -> None:
        engine = create_engine(f"{scheme}:///{path}", poolclass=NullPool)
        imported("before").create(engine)
        assert in_a_fork(lambda: imported("child").create(engine)) == 0
        assert names(engine) == ["before", "child"]


def around_its_parent_s_close(
    parents: dbapi.Connection, database: Path | str, before: Callable[..., None], after: Callable[..., None]
) -> None:
    """A child connects and does one thing, its parent closes its connection, and the child does another."""
    context = multiprocessing.get_context("fork")
    opened, shut = context.Event(), context.Event()

    def child() -> None:
        with closing(dbapi.connect(database)) as con:
            before(con)
            opened.set()
            assert shut.wait(30)
            after(con)
        assert parents is not None  # carried over, whatever the collector does

    process = context.Process(target=child)
    process.start()
    assert opened.wait(30)
    parents.close()
    shut.set()
    process.join(30)
    assert process.exitcode == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
class TestWhatAForkCarriesOver:
    def test_is_refused(self, path: Path) -> None:
        engine = create_engine(f"odpsmodel:///{path}")
        with closing(dbapi.connect(path)) as con, engine.connect() as connection:
            cursor = con.cursor()
            driver = connection.connection.driver_connection

            def child() -> None:
                for use in (cursor.execute, con.execute, con.executescript, driver.execute):  # type: ignore[union-attr]
                    for sql in ("SELECT 1", "SHOW MODELS", "CREATE TABLE t (a)"):
                        with pytest.raises(
                            dbapi.ProgrammingError, match=r"before this process was forked.*dispose"
                        ):
                            use(sql)
                with pytest.raises(dbapi.ProgrammingError, match="before this process was forked"):
                    con.executemany("INSERT INTO t VALUES (?)", [(1,)])
                with pytest.raises(exc.ProgrammingError, match="before this process was forked"):
                    connection.execute(text("SELECT 1"))

            assert in_a_fork(child) == 0
            assert con.execute("SHOW MODELS").fetchall() == []

    def test_what_the_child_commits_is_there_though_its_parent_closes_the_file(self, path: Path) -> None:
        """SQLite alone loses it: beside a connection that is carried over a new one takes no lock."""
        parents = dbapi.connect(path)
        parents.executescript(f"{create()}; COMMIT")

        def before(con: dbapi.Connection) -> None:
            assert con.execute("SHOW MODELS").fetchall()

        def after(con: dbapi.Connection) -> None:
            con.execute(create(name="child"))
            con.commit()
            assert os.path.exists(f"{path}-wal")

        around_its_parent_s_close(parents, path, before, after)
        with closing(dbapi.connect(path)) as con:
            assert [row[0] for row in con.execute("SHOW MODELS")] == ["child", "m"]

    @pytest.mark.parametrize("journal", ["WAL", "DELETE"])
    @pytest.mark.parametrize("end", ["close", "rollback", "commit", "exit", "isolation_level", "nothing"])
    def test_leaves_its_parent_s_transaction_alone(self, path: Path, journal: str, end: str) -> None:
        """Also one so large that pages of it are in the file already, whatever the child does to it."""
        con = dbapi.connect(path)
        con.execute(f"PRAGMA journal_mode={journal}").fetchall()
        con.execute("PRAGMA cache_size=5")
        con.executescript(f"{create()}; COMMIT")
        con.execute("CREATE TABLE t (a)")
        con.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 1000)

        def child() -> None:
            with suppress(dbapi.ProgrammingError):
                if end == "exit":
                    with con:
                        pass
                elif end == "isolation_level":
                    con.isolation_level = None
                elif end != "nothing":
                    getattr(con, end)()
            with pytest.raises(
                dbapi.OperationalError, match=r"was forked while .* was open in a transaction"
            ):
                dbapi.connect(path)

        assert in_a_fork(child) == 0
        con.execute(create(name="n"))
        con.commit()
        con.close()
        with closing(dbapi.connect(path)) as con:
            assert con.execute("SELECT count(*) FROM t").fetchone() == (1000,)
            assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert [row[0] for row in con.execute("SHOW MODELS")] == ["m", "n"]

    def test_a_child_that_ends_as_python_does_closes_nothing_of_it(self, path: Path) -> None:
        """A script of its own: what Python takes down at its end would roll back."""
        script = (
            "import os, sys; from sqlalchemy_odpsmodel import dbapi; con = dbapi.connect(sys.argv[1])\n"
            "con.execute('PRAGMA journal_mode=DELETE').fetchall(); con.execute('PRAGMA cache_size=5')\n"
            "con.executescript('CREATE TABLE t (a); COMMIT')\n"
            "con.executemany('INSERT INTO t VALUES (?)', [('x' * 500,)] * 1000)\n"
            "child = os.fork()\n"
            "if not child: sys.exit()\n"
            "assert os.waitpid(child, 0)[1] == 0; con.commit()"
        )
        subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=60)
        with closing(dbapi.connect(path)) as con:
            assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert con.execute("SELECT count(*) FROM t").fetchone() == (1000,)

    def test_may_be_closed_and_the_file_opened_again(self, path: Path) -> None:
        con = dbapi.connect(path)
        con.executescript(f"{create()}; COMMIT")

        def child() -> None:
            con.close()
            with pytest.raises(dbapi.ProgrammingError, match="before this process was forked"):
                con.execute("SHOW MODELS")
            with closing(dbapi.connect(path)) as own:
                own.execute(create(name="child"))
                own.commit()

        assert in_a_fork(child) == 0
        assert [row[0] for row in con.execute("SHOW MODELS")] == ["child", "m"]
        con.close()

    def test_attached_files_are_released_too(self, path: Path, other: Path) -> None:
        """The parent has the other file attached, or the child attaches what the parent has open."""

        def commit(con: dbapi.Connection) -> None:
            con.execute("CREATE TABLE committed (a)")
            con.execute("INSERT INTO committed VALUES (1)")
            con.commit()

        def commit_attached(con: dbapi.Connection) -> None:
            con.execute(f"ATTACH '{path}' AS other")
            con.execute("CREATE TABLE other.committed (a)")
            con.execute("INSERT INTO committed VALUES (1)")
            con.commit()

        def commit_again(con: dbapi.Connection) -> None:
            con.execute("INSERT INTO committed VALUES (2)")
            con.commit()

        parents = dbapi.connect(path)
        parents.execute("ATTACH ? AS other", (str(other),))
        parents.execute("SELECT * FROM other.odps_models").fetchall()
        around_its_parent_s_close(parents, other, commit, commit_again)
        parents = dbapi.connect(path)
        parents.execute("SHOW MODELS").fetchall()
        around_its_parent_s_close(parents, ":memory:", commit_attached, commit_again)
        with closing(dbapi.connect(other)) as con:
            assert con.execute("SELECT count(*) FROM committed").fetchone() == (2,)
        with closing(dbapi.connect(path)) as con:
            assert con.execute("SELECT count(*) FROM committed").fetchone() == (2,)

    def test_while_another_thread_is_in_a_statement(self, path: Path) -> None:
        """It never leaves it in the child: that is told, and nobody waits for it."""
        con = dbapi.connect(path, check_same_thread=False)
        con.executescript(f"{create()}; COMMIT")
        running, ending = threading.Event(), threading.Event()

        def stand_still() -> bool:
            """In SQLite, but in no lock of its memory: a child that is born with that locked waits for ever."""
            running.set()
            return ending.wait(30)

        con.create_function("stand_still", 0, stand_still)
        thread = threading.Thread(target=lambda: con.execute("SELECT stand_still()").fetchall())
        thread.start()
        assert running.wait(30)

        def child() -> None:
            with pytest.raises(dbapi.OperationalError, match="open in a transaction or in another thread"):
                dbapi.connect(path)
            con.close()

        try:
            assert in_a_fork(child) == 0
        finally:
            ending.set()
            thread.join(30)
        assert con.execute("SHOW MODELS").fetchall()
        con.close()

    def test_a_child_may_connect_in_a_thread(self, path: Path) -> None:
        con = dbapi.connect(path)
        con.executescript(f"{create()}; COMMIT")
        found: list[Any] = []

        def use() -> None:
            with closing(dbapi.connect(path)) as own:
                found.append(own.execute("SHOW MODELS").fetchall())

        def child() -> None:
            thread = threading.Thread(target=use)
            thread.start()
            thread.join()
            assert len(found) == 1

        assert in_a_fork(child) == 0
        con.close()

    def test_in_memory_is_a_copy(self) -> None:
        with closing(dbapi.connect(":memory:")) as con:
            con.execute(create())

            def child() -> None:
                con.execute(create(name="child"))
                assert len(con.execute("SHOW MODELS").fetchall()) == 2

            assert in_a_fork(child) == 0
            assert len(con.execute("SHOW MODELS").fetchall()) == 1


FAILURES: dict[str, Callable[[Connection], Any]] = {
    "ModelExists": lambda c: c.execute(CreateModel(imported())),
    "ModelNotFound": lambda c: c.execute(DropModel("missing")),
    "VersionExists": lambda c: c.execute(AlterModelAddVersion("m", version("v1"))),
    "VersionNotFound": lambda c: c.execute(AlterModelDropVersion("m", "v9")),
    "DefaultVersionError": lambda c: c.execute(AlterModelDropVersion("m", "v1")),
    "NoPermission": lambda c: c.execute(text("DROP MODEL bigdata_public_modelset.default.m")),
    "OptionError": lambda c: c.execute(text("ALTER MODEL m ADD VERSION v2 WITH OPTIONS (TASK = 'chat')")),
    "ParseError": lambda c: c.execute(text("SHOW MODELS LIKE 'a'")),
    "OperationalError": lambda c: c.execute(text("SELECT * FROM nothing")),
}  # fmt: skip


@both
@pytest.mark.parametrize("failure", FAILURES)
def test_errors_are_pickled(path: Path, scheme: str, failure: str) -> None:
    """As they come from a worker of multiprocessing: with class, code, place and hint."""
    engine = create_engine(f"{scheme}:///{path}")
    imported().create(engine)
    with engine.connect() as connection, pytest.raises(exc.DBAPIError) as caught:
        FAILURES[failure](connection)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value)
    assert str(again) == str(caught.value)
    assert again.statement == caught.value.statement
    assert type(again.orig) is type(caught.value.orig) is getattr(dbapi, failure)
    for name in ("code", "reason", "place", "hint"):
        assert getattr(again.orig, name, None) == getattr(caught.value.orig, name, None)


@both
def test_a_disposed_engine_has_closed_its_connections_and_makes_new_ones(path: Path, scheme: str) -> None:
    engine = create_engine(f"{scheme}:///{path}")
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        imported().create(connection)
        connection.commit()
    engine.dispose()
    with pytest.raises(dbapi.ProgrammingError, match="closed"):
        driver.execute("SELECT 1")  # type: ignore[union-attr]
    assert sorted(os.listdir(path.parent)) == [path.name]  # the last connection takes the WAL with it
    assert names(engine) == ["m"]


ODD = ["a b.db", "a%b.db", "a%20b.db", "a?b.db", "a#b.db", "模型.db", "a&b=c.db"]


class TestPaths:
    @both
    @pytest.mark.parametrize("name", ODD)
    def test_a_name_with_anything_in_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, name: str
    ) -> None:
        """Given to URL.create, as a relative path and as an absolute one."""
        monkeypatch.chdir(tmp_path)
        for database in (name, str(tmp_path / name)):
            engine = create_engine(URL.create(scheme, database=database, query={"project": "p"}))
            imported().create(engine, checkfirst=True)
            assert shown(engine, "SELECT project, model FROM odps_models") == [("p", "m")]
            engine.dispose()
            assert os.listdir(tmp_path) == [name]

    @both
    @pytest.mark.parametrize("name", ODD)
    def test_in_a_string_as_sqlalchemy_reads_it_for_sqlite(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, name: str
    ) -> None:
        """2.1 reads %25 as %, and 2.0 does not."""
        monkeypatch.chdir(tmp_path)
        made = []
        for dialect in (scheme, "sqlite"):
            engine = create_engine(f"{dialect}:///{quote(name)}")
            engine.connect().close()
            engine.dispose()
            made.append(os.listdir(tmp_path))
            for file in made[-1]:
                (tmp_path / file).unlink()
        assert made[0] == made[1] != []

    @both
    @pytest.mark.parametrize("name", ODD)
    def test_read_only(self, tmp_path: Path, scheme: str, name: str) -> None:
        path = tmp_path / name
        writing = create_engine(URL.create(scheme, database=str(path)))
        imported().create(writing)
        query = {"uri": "true", "mode": "ro", "schema": "default"}
        reading = create_engine(URL.create(scheme, database=f"file:{quote(str(path))}", query=query))
        for _ in ("while another has it open", "and when nobody has"):
            assert names(reading) == ["m"]
            assert len(shown(reading, "DESC MODEL m")) > 10
            assert sa.inspect(reading).get_model_names() == ["m"]  # type: ignore[attr-defined]
            assert pandas.read_sql_table("odps_models", reading)["model"].tolist() == ["m"]
            MetaData().create_all(reading)  # nothing to make, nothing to complain of
            for make in (imported("n").create, Table("t", MetaData(), Column("a", Integer)).create):
                with pytest.raises(exc.OperationalError, match="readonly"):
                    make(reading)
            reading.dispose()
            writing.dispose()


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A file with a model and a table."""
    path = tmp_path / "other.db"
    engine = create_engine(f"odpsmodel:///{path}")
    imported("theirs").create(engine)
    Table("t", MetaData(), Column("a", Integer)).create(engine)
    engine.dispose()
    return path


class TestAttached:
    """Models are those of the main file; an attached one's are read through its views."""

    @pytest.fixture(params=SCHEMES)
    def engine(self, request: pytest.FixtureRequest, path: Path, other: Path) -> Engine:
        engine = create_engine(f"{request.param}:///{path}")

        @event.listens_for(engine, "connect")
        def attach(connection: dbapi.Connection, record: object) -> None:
            connection.execute("ATTACH ? AS other", (str(other),))

        return engine

    def test_its_models_in_its_views(self, engine: Engine) -> None:
        imported("ours").create(engine)
        assert names(engine) == ["ours"]
        assert shown(engine, "SELECT model FROM other.odps_models") == [("theirs",)]
        both_files = "SELECT model FROM odps_models UNION SELECT model FROM other.odps_models ORDER BY 1"
        assert shown(engine, both_files) == [("ours",), ("theirs",)]
        found = Table("odps_models", MetaData(), schema="other", autoload_with=engine)
        with engine.connect() as connection:
            assert connection.scalars(sa.select(found.c.model)).all() == ["theirs"]

    def test_the_store_is_in_the_main_file_whatever_comes_first(self, engine: Engine, other: Path) -> None:
        assert shown(engine) == []
        imported("ours").create(engine)
        with engine.begin() as connection:
            connection.execute(AlterModelAddVersion("ours", version("v2")))
            with pytest.raises(exc.ProgrammingError, match=r"model local\.default\.theirs does not exist"):
                connection.execute(DropModel("theirs"))
        engine.dispose()
        alone = create_engine(f"odpsmodel:///{other}")
        assert names(alone) == ["theirs"]

    def test_its_tables_and_a_transaction_over_both(self, engine: Engine) -> None:
        inspector = sa.inspect(engine)
        assert inspector.get_table_names(schema="other") == ["t"]
        assert inspector.get_view_names(schema="other") == []
        table = Table("t", MetaData(), Column("a", Integer), schema="other")
        with engine.connect() as connection:
            connection.execute(table.insert(), {"a": 1})
            connection.execute(CreateModel(imported("ours")))
            connection.rollback()
            assert connection.execute(table.select()).all() == []
            assert connection.execute(text("SHOW MODELS")).all() == []
            connection.execute(CreateModel(imported("ours")))
            connection.execute(table.insert(), {"a": 1})
            connection.commit()
        assert (names(engine), shown(engine, "SELECT a FROM other.t")) == (["ours"], [(1,)])

    def test_detached_again(self, engine: Engine) -> None:
        imported("ours").create(engine)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("DETACH other"))
            assert [row[0] for row in connection.execute(text("SHOW MODELS"))] == ["ours"]


@both
def test_a_database_in_memory_that_threads_share(scheme: str) -> None:
    engine = create_engine(f"{scheme}://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    for name in "mn":
        thread = threading.Thread(target=imported(name).create, args=(engine,))
        thread.start()
        thread.join()
    assert names(engine) == ["m", "n"]


@both
def test_a_database_in_memory_that_connections_share(scheme: str) -> None:
    """SQLite's own way: each thread gets a connection from the pool, and all of them the same models."""
    engine = create_engine(f"{scheme}:///file::memory:?cache=shared&uri=true")
    with engine.connect():
        imported().create(engine)
        assert names(engine) == ["m"]
        with engine.connect() as one, engine.connect() as two:
            one.execute(CreateModel(imported("n")))
            one.commit()
            assert len(two.execute(text("SHOW MODELS")).all()) == 2
    engine.dispose()
