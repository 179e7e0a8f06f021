"""The PEP 249 driver: what it adds to sqlite3's, and what it leaves alone."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from samples import IMPORT, REMOTE, add, create, names, versions

from sqlalchemy_odpsmodel import EnvSecret, dbapi
from sqlalchemy_odpsmodel.model import InputColumn, ModelName
from sqlalchemy_odpsmodel.sql import AddVersion, DropModel, SetFlags, ShowModels, parse

Connect = Callable[..., dbapi.Connection]


class TestModule:
    def test_pep_249_globals(self) -> None:
        assert (dbapi.apilevel, dbapi.paramstyle, dbapi.threadsafety) == (
            "2.0",
            "qmark",
            sqlite3.threadsafety,
        )

    @pytest.mark.parametrize(
        "name",
        ["Warning", "Error", "InterfaceError", "DatabaseError", "DataError", "OperationalError",
         "IntegrityError", "InternalError", "ProgrammingError", "NotSupportedError"],
    )  # fmt: skip
    def test_the_error_classes_are_sqlite3_s(self, con: dbapi.Connection, name: str) -> None:
        assert getattr(dbapi, name) is getattr(sqlite3, name)
        assert getattr(con, name) is getattr(sqlite3, name)

    @pytest.mark.parametrize("name", ["STRING", "BINARY", "NUMBER", "DATETIME", "ROWID"])
    def test_the_type_objects_are_strings(self, name: str) -> None:
        assert getattr(dbapi, name) == name
        assert isinstance(getattr(dbapi, name), str)

    def test_all_is_true(self) -> None:
        assert all(hasattr(dbapi, name) for name in dbapi.__all__)
        assert sorted(dbapi.__all__) == sorted(set(dbapi.__all__))

    def test_importing_it_imports_neither_sqlalchemy_nor_alembic(self) -> None:
        code = "import sqlalchemy_odpsmodel.dbapi, sys; print(*sys.modules)"
        loaded = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
        assert not {"sqlalchemy", "alembic", "click", "sqlparse", "odps"} & {
            name.split(".")[0] for name in loaded
        }

    def test_the_package_hands_names_on_lazily(self) -> None:
        import sqlalchemy_odpsmodel

        assert sqlalchemy_odpsmodel.EnvSecret is EnvSecret
        assert set(sqlalchemy_odpsmodel.__all__) <= set(dir(sqlalchemy_odpsmodel))
        with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
            sqlalchemy_odpsmodel.Nothing  # noqa: B018


class TestOrdinarySql:
    def test_rows_and_parameters(self, con: dbapi.Connection) -> None:
        con.execute("CREATE TABLE t (a, b)")
        con.executemany("INSERT INTO t VALUES (?, ?)", [(1, "x"), (2, None)])
        cursor = con.execute("SELECT a, b FROM t WHERE a > :least ORDER BY a", {"least": 0})
        assert cursor.description == (("a", *[None] * 6), ("b", *[None] * 6))
        assert list(cursor) == [(1, "x"), (2, None)]
        assert cursor.statement is None

    def test_rowcount_and_lastrowid_are_sqlite3_s(self, con: dbapi.Connection) -> None:
        con.execute("CREATE TABLE t (a)")
        cursor = con.execute("INSERT INTO t VALUES (1), (2)")
        assert (cursor.rowcount, cursor.lastrowid) == (2, 2)

    def test_errors_are_sqlite3_s_own(self, con: dbapi.Connection) -> None:
        with pytest.raises(sqlite3.OperationalError) as caught:
            con.execute("SELECT FROM")
        assert type(caught.value) is sqlite3.OperationalError

    @pytest.mark.parametrize(
        ("sql", "parameters"), [("SELECT '\ud800'", ()), ("SELECT ?", ("\ud800",)), ("SELECT ?", (2**64,))]
    )
    def test_what_is_no_pep_249_exception_becomes_one(
        self, con: dbapi.Connection, sql: str, parameters: tuple[Any, ...]
    ) -> None:
        with pytest.raises(dbapi.DataError):
            con.execute(sql, parameters)
        with pytest.raises(dbapi.Error):
            con.executemany(f"INSERT INTO {sql.removeprefix('SELECT')}", [parameters])

    def test_executemany_too(self, con: dbapi.Connection) -> None:
        con.execute("CREATE TABLE t (a)")
        with pytest.raises(dbapi.DataError, match="too large"):
            con.executemany("INSERT INTO t VALUES (?)", [(2**64,)])

    def test_row_factory_and_adapters(self, con: dbapi.Connection) -> None:
        con.row_factory = sqlite3.Row
        con.execute(create())
        assert con.execute("SHOW MODELS").fetchone()["ModelName"] == "m"
        assert dict(con.execute("DESC MODEL m").fetchone())["Name"] == "Owner"

    def test_text_factory_is_the_user_s(self, con: dbapi.Connection) -> None:
        con.text_factory = bytes
        con.execute(create(tail="COMMENT 'c'"))
        con.execute(add())
        assert con.text_factory is bytes
        assert con.execute("SHOW MODELS").fetchone()[0] == b"m"
        assert con.execute("DESC MODEL m").fetchone()[1] == b"Owner"

    def test_backup_copies_the_models(self, con: dbapi.Connection) -> None:
        con.execute(create())
        con.commit()
        with dbapi.connect(":memory:") as copy:
            con.backup(copy)
            assert names(copy) == ["m"]
        copy.close()

    def test_a_plain_cursor_on_request(self, con: dbapi.Connection) -> None:
        assert type(con.cursor(sqlite3.Cursor)) is sqlite3.Cursor
        assert type(con.cursor()) is dbapi.Cursor

    def test_sqlite3_reads_the_same_file(self, connect: Connect, path: Path) -> None:
        con = connect()
        con.execute(create())
        con.commit()
        plain = sqlite3.connect(path)
        assert plain.execute("SELECT model FROM odps_models").fetchall() == [("m",)]
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        plain.close()

    def test_a_closed_connection(self, connect: Connect) -> None:
        con = connect()
        cursor = con.cursor()
        con.close()
        with pytest.raises(dbapi.ProgrammingError, match="closed"):
            con.close()
        for sql in ("SHOW MODELS", create(), "SELECT 1"):
            with pytest.raises(dbapi.ProgrammingError, match="closed"):
                cursor.execute(sql)

    def test_closing_rolls_back_though_a_cursor_lives_on(self, connect: Connect) -> None:
        """SQLite keeps a closed connection, and its lock, as long as it has a statement."""
        con = connect()
        con.execute(create())
        con.commit()
        cursor = con.execute("SELECT 1 UNION SELECT 2")
        cursor.fetchone()
        con.execute("DROP MODEL m")
        con.close()
        other = connect(timeout=0)
        other.execute("CREATE TABLE t (a)")
        assert names(other) == ["m"]
        with pytest.raises(dbapi.ProgrammingError):
            cursor.fetchone()

    @pytest.mark.parametrize("fetch", ["fetchone", "fetchmany", "fetchall"])
    def test_there_must_be_a_result_to_fetch(self, con: dbapi.Connection, fetch: str) -> None:
        """PEP 249: an Error is raised if the previous call to .execute*() did not produce any result set or no
        call was issued yet."""
        cursor = con.cursor()
        method = getattr(cursor, fetch)
        with pytest.raises(
            dbapi.ProgrammingError, match="nothing to fetch: the last statement has no result"
        ):
            method()
        for sql in (create(), "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)", "SET a=b"):
            cursor.execute(sql)
            with pytest.raises(dbapi.ProgrammingError, match="nothing to fetch"):
                method()
        for sql in ("SELECT 1 WHERE 0", "SHOW MODELS", "INSERT INTO t VALUES (2) RETURNING a"):
            cursor.execute(sql)
            list(cursor)
            assert not method()
        cursor.execute("SELECT 1")
        with pytest.raises(dbapi.Error):
            cursor.execute("DESC MODEL missing")
        with pytest.raises(dbapi.ProgrammingError, match="nothing to fetch"):
            method()

    def test_how_many_rows_are_fetched(self, con: dbapi.Connection) -> None:
        """PEP 249: arraysize at a time if no size is given."""
        cursor = con.execute("SELECT 1 UNION SELECT 2 UNION SELECT 3")
        assert cursor.fetchmany() == [(1,)]
        cursor.arraysize = 5
        assert cursor.fetchmany(1) == [(2,)]
        assert cursor.fetchmany(size=1) == [(3,)]
        cursor = con.execute("SELECT 1 UNION SELECT 2 UNION SELECT 3")
        cursor.arraysize = 2
        assert (cursor.fetchmany(), cursor.fetchmany()) == ([(1,), (2,)], [(3,)])
        assert (cursor.fetchmany(), cursor.fetchmany(0), cursor.fetchone(), cursor.fetchall()) == (
            [],
            [],
            None,
            [],
        )

    def test_a_closed_cursor(self, con: dbapi.Connection) -> None:
        cursor = con.cursor()
        cursor.close()
        for sql in ("SHOW MODELS", create(), "SET a=b"):
            with pytest.raises(dbapi.ProgrammingError, match="closed"):
                cursor.execute(sql)
        assert names(con) == []


class TestModelStatements:
    @pytest.mark.parametrize(
        "sql",
        [create(name="n"), create(name="IF NOT EXISTS m"), add(version="v9"), "ALTER MODEL m SET DEFAULT_VERSION v2",
         "ALTER MODEL m DROP VERSION v2", "DROP MODEL m", "DROP MODEL IF EXISTS x", "SET a=b"],
    )  # fmt: skip
    @pytest.mark.parametrize("isolation_level", ["IMMEDIATE", None, "DEFERRED", "EXCLUSIVE", ""])
    def test_description_and_rowcount(self, connect: Connect, sql: str, isolation_level: str | None) -> None:
        con = connect(isolation_level=isolation_level)
        con.executescript(f"{create()}; {add()}")
        con.commit()
        for _ in range(2):
            cursor = con.cursor()
            cursor.execute("SELECT 1")
            assert cursor.execute(sql) is cursor
            assert (cursor.description, cursor.rowcount, list(cursor)) == (None, -1, [])
            con.rollback()
            if isolation_level is None:
                break

    def test_the_last_statement_is_on_the_cursor_without_a_key(self, con: dbapi.Connection) -> None:
        cursor = con.execute(create(REMOTE, APIKEY="sk-secret"))
        assert "PlainSecret('********')" in repr(cursor.statement)
        assert cursor.execute("SELECT 1").statement is None

    def test_executemany(self, con: dbapi.Connection) -> None:
        con.execute(create())
        sql = "ALTER MODEL m ADD VERSION v2 INPUT (f int) WITH OPTIONS (LOCATION = ?, ROLEARN = ?)"
        cursor = con.executemany(sql, [(IMPORT["LOCATION"], IMPORT["ROLEARN"])])
        assert (cursor.description, cursor.rowcount) == (None, -1)
        assert versions(con) == ["v1", "v2"]
        with pytest.raises(dbapi.VersionExists):
            con.executemany(sql, [(IMPORT["LOCATION"], IMPORT["ROLEARN"])])


class TestStatementsAsThemselves:
    """What SQLAlchemy's dialect hands over: the statement, without its text."""

    def test_each_kind(self, con: dbapi.Connection) -> None:
        made = parse(create())
        cur = con.execute(made)
        assert (cur.statement, cur.description, list(cur)) == (made, None, [])
        assert names(con) == ["m"]
        assert [row[0] for row in cur.execute(ShowModels())] == ["m"]
        assert cur.description[0][1] == dbapi.STRING
        cur.execute(SetFlags(flags=(("a", "b"),)))
        assert con.flags == {"a": "b"}
        assert list(cur.execute(DropModel(ModelName("m")))) == []
        assert names(con) == []

    def test_one_that_fails_leaves_no_rows(self, con: dbapi.Connection) -> None:
        cur = con.execute("SELECT 1")
        with pytest.raises(dbapi.ModelNotFound):
            cur.execute(DropModel(ModelName("m")))
        assert (cur.description, list(cur)) == (None, [])

    def test_an_error_has_no_place(self, con: dbapi.Connection) -> None:
        con.execute(create())
        with pytest.raises(dbapi.OptionError) as caught:
            con.execute(AddVersion(ModelName("m"), "v2", (InputColumn("a", "int"),)))
        assert caught.value.place is None

    def test_without_parameters(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.ProgrammingError, match="takes no parameters"):
            con.execute(ShowModels(), ("a",))

    @pytest.mark.parametrize("other", [None, b"SHOW MODELS", 1, ModelName("m")])
    def test_nothing_else(self, con: dbapi.Connection, other: object) -> None:
        with pytest.raises(TypeError):
            con.execute(other)  # type: ignore[arg-type]


class TestCursorState:
    """As with sqlite3, nothing of an earlier statement is left on a cursor, whatever comes."""

    @pytest.mark.parametrize(
        "sql",
        ["SHOW MODELS LIKE 'x'", "DESC MODEL missing", create(LOCATION="x"), "DROP MODEL missing", "SET x"],
    )
    def test_after_an_error(self, con: dbapi.Connection, sql: str) -> None:
        cursor = con.cursor()
        cursor.execute("SELECT 1 UNION SELECT 2")
        with pytest.raises(dbapi.Error):
            cursor.execute(sql)
        assert (cursor.description, cursor.rowcount, list(cursor), cursor.statement) == (
            None,
            -1,
            [],
            None,
        )

    def test_after_executemany_without_parameters(self, con: dbapi.Connection) -> None:
        cursor = con.cursor()
        cursor.execute("SELECT 1")
        cursor.executemany(create(), [])
        assert (cursor.description, list(cursor), names(con)) == (None, [], [])

    def test_executemany_takes_no_query(self, con: dbapi.Connection) -> None:
        cursor = con.cursor()
        with pytest.raises(dbapi.ProgrammingError, match="takes no SHOW"):
            cursor.executemany("SHOW MODELS", [(), ()])
        assert (cursor.description, list(cursor)) == (None, [])

    def test_rows_are_fetched_while_models_are_dropped(self, con: dbapi.Connection) -> None:
        for i in range(5):
            con.execute(create(name=f"m{i}"))
        seen = []
        for row in con.execute("SHOW MODELS"):
            seen.append(row[0])
            con.execute(f"DROP MODEL {row[0]}")
        assert seen == [f"m{i}" for i in range(5)]
        assert names(con) == []


class TestConverters:
    def test_those_of_the_store_s_types_do_not_reach_it(self, connect: Connect) -> None:
        """They are global in sqlite3, so another library may have registered them."""
        for kind in ("TEXT", "INTEGER", "BLOB"):
            sqlite3.register_converter(kind, lambda value: 1 / 0)
        try:
            con = connect(detect_types=sqlite3.PARSE_DECLTYPES)
            con.execute(create(REMOTE, APIKEY="key"))
            con.execute(add(REMOTE, APIKEY="key"))
            con.execute("ALTER MODEL m SET DEFAULT_VERSION v2")
            con.execute("ALTER MODEL m DROP VERSION v1")
            assert names(con) == ["m"]
            assert versions(con) == ["v2"]
            assert con.execute("DESC MODEL m").fetchone()[1] == "Owner"
        finally:
            for kind in ("TEXT", "INTEGER", "BLOB"):
                del sqlite3.converters[kind]


class TestParameters:
    SQL = "CREATE MODEL m WITH VERSION v1 INPUT (f1 int COMMENT {}) OPTIONS (MODEL_SOURCE_TYPE = {}, MODEL_TYPE = {}, LOCATION = {}, ROLEARN = {}) COMMENT {}"
    VALUES = ("age", *IMPORT.values(), "it's")

    def stored(self, con: dbapi.Connection) -> tuple[Any, ...]:
        (column,) = con.execute("SELECT comment FROM odps_model_inputs").fetchone()
        options = [row[0] for row in con.execute("SELECT value FROM odps_model_options")]
        source, kind, comment = con.execute(
            "SELECT source_type, model_type, comment FROM odps_models"
        ).fetchone()
        return (column, source, kind, *options, comment)

    def test_qmark(self, con: dbapi.Connection) -> None:
        con.execute(self.SQL.format(*"??????"), self.VALUES)
        assert self.stored(con) == self.VALUES

    def test_a_list(self, con: dbapi.Connection) -> None:
        con.execute(self.SQL.format(*"??????"), list(self.VALUES))
        assert self.stored(con) == self.VALUES

    def test_named(self, con: dbapi.Connection) -> None:
        names_ = "abcdef"
        con.execute(
            self.SQL.format(*(f":{n}" for n in names_)), dict(zip(names_, self.VALUES, strict=True), unused=1)
        )
        assert self.stored(con) == self.VALUES

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [((), "uses 1, and there are 0 supplied"), (("a", "b"), "uses 1, and there are 2 supplied"),
         ((5000,), "parameter 1 must be a string: a str, not int"), ((None,), "not NoneType"),
         ((b"x",), "not bytes"), ({"a": "b"}, "needs a sequence"), (7, "sequence or a mapping")],
    )  # fmt: skip
    def test_that_do_not_fit(self, con: dbapi.Connection, parameters: Any, message: str) -> None:
        with pytest.raises(dbapi.ProgrammingError, match=message):
            con.execute(create(ROLEARN=None).replace("OPTIONS (", "OPTIONS (ROLEARN = ?, "), parameters)
        assert names(con) == []

    def test_named_that_do_not_fit(self, con: dbapi.Connection) -> None:
        sql = create(ROLEARN=None).replace("OPTIONS (", "OPTIONS (ROLEARN = :role, ")
        with pytest.raises(
            dbapi.ProgrammingError, match="did not supply a value for binding parameter :role"
        ):
            con.execute(sql, {"rol": "x"})
        with pytest.raises(dbapi.ProgrammingError, match="a named parameter needs a mapping"):
            con.execute(sql, ("x",))

    def test_without_any_in_the_statement(self, con: dbapi.Connection) -> None:
        for none in ((), [], {}):
            assert con.execute("SHOW MODELS", none).fetchall() == []
        with pytest.raises(dbapi.ProgrammingError, match="uses 0, and there are 1 supplied"):
            con.execute("SHOW MODELS", ("x",))

    def test_env_secret_is_for_apikey_only(self, con: dbapi.Connection) -> None:
        sql = create(ROLEARN=None).replace("OPTIONS (", "OPTIONS (ROLEARN = ?, ")
        with pytest.raises(dbapi.DataError, match="ROLEARN takes a string: EnvSecret is for APIKEY"):
            con.execute(sql, (EnvSecret("X"),))
        with pytest.raises(dbapi.ProgrammingError, match="not EnvSecret"):
            con.execute(create(tail="COMMENT ?"), (EnvSecret("X"),))


class TestTransactions:
    @pytest.mark.parametrize("first", ["CREATE TABLE t (a)", create()])
    def test_rolling_back_table_and_model_in_either_order_leaves_nothing(
        self, connect: Connect, first: str
    ) -> None:
        con = connect()
        for sql in (first, create() if "TABLE" in first else "CREATE TABLE t (a)"):
            con.execute(sql)
        con.rollback()
        assert con.execute("SELECT name FROM sqlite_master").fetchall() == []
        con.execute(create())
        con.commit()
        assert names(con) == ["m"]

    @pytest.mark.parametrize(
        ("sql", "begins"),
        [("SELECT 1", False), ("PRAGMA user_version", False), ("VACUUM", False), ("ATTACH ':memory:' AS b", False),
         ("SHOW MODELS", False), ("DESC MODEL kept", False), ("SET a=b", False), ("EXPLAIN SELECT 1", False),
         ("WITH a AS (SELECT replace('a', 'b', 'c')) SELECT * FROM a", False),
         ("WITH a AS (SELECT 1) INSERT INTO old SELECT * FROM a", True),
         ("WITH a AS (SELECT 1) DELETE FROM old", True),
         ("INSERT INTO old VALUES (1)", True), ("CREATE TABLE t (a)", True), ("ALTER TABLE old ADD b", True),
         ("DROP TABLE old", True), ("CREATE INDEX i ON old (a)", True), ("REINDEX", True), ("ANALYZE", True),
         ("SAVEPOINT s", True), (create(), True), ("DROP MODEL IF EXISTS x", True)],
    )  # fmt: skip
    def test_one_begins_before_the_first_write_only(self, connect: Connect, sql: str, begins: bool) -> None:
        con = connect()
        con.executescript(f"CREATE TABLE old (a); {create(name='kept')}")
        con.commit()
        traced: list[str] = []
        con.set_trace_callback(traced.append)
        list(con.execute(sql))
        assert con.in_transaction is begins
        assert sum(text.startswith("BEGIN") for text in traced) == begins
        if begins:
            with pytest.raises(dbapi.OperationalError, match="database is locked"):
                connect(timeout=0).execute("BEGIN IMMEDIATE")

    def test_exclusive(self, connect: Connect) -> None:
        con = connect(isolation_level="EXCLUSIVE")
        traced: list[str] = []
        con.set_trace_callback(traced.append)
        con.execute(create())
        assert [text for text in traced if text.startswith("BEGIN")] == ["BEGIN EXCLUSIVE"]

    @pytest.mark.parametrize("factory", [str, bytes, bytearray])
    @pytest.mark.parametrize(
        ("sql", "rows"),
        [
            ("WITH a(x) AS (SELECT ?) INSERT INTO t SELECT x FROM a", [(1,), (2,)]),
            ("CREATE TABLE u (a)", [()]),
        ],
    )
    def test_executemany_begins_one_too(
        self, connect: Connect, factory: Any, sql: str, rows: list[tuple[int, ...]]
    ) -> None:
        con = connect()
        con.execute("CREATE TABLE t (a)")
        con.commit()
        con.text_factory = factory
        con.executemany(sql, iter(rows))
        assert con.in_transaction
        con.rollback()
        con.execute(sql, rows[0])
        assert con.in_transaction
        con.rollback()
        con.text_factory = str
        assert con.execute("SELECT count(*) FROM t").fetchone() == (0,)
        assert con.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]

    @pytest.mark.parametrize(
        "sql", ["CREATE TABEL x (a)", "DROP TABLE missing", "WITH a AS (SELECT 1) INSERT INTO missing SELECT 1",
                "WITH a AS (SELECT delete) SELECT", "SAVEPOINT", "CREATE TABLE t (a, a)"]
    )  # fmt: skip
    def test_ordinary_sql_that_fails_first_holds_no_lock(self, connect: Connect, sql: str) -> None:
        con = connect()
        for run in (con.execute, lambda text: con.executemany(text, [()])):
            with pytest.raises(dbapi.OperationalError):
                run(sql)
            assert not con.in_transaction
        with pytest.raises(TypeError):
            con.executemany("CREATE TABLE z (a)", 5)  # type: ignore[arg-type]
        assert not con.in_transaction
        connect(timeout=0).execute(create())

    def test_in_a_deferred_transaction_a_model_statement_waits_for_the_lock(self, connect: Connect) -> None:
        """Read first, it would be told at once that the database is locked."""
        for first in (create(name="one"), create(name="two")):  # without and with the store's tables
            other = connect(check_same_thread=False)
            other.execute(first)
            timer = threading.Timer(0.3, other.commit)
            timer.start()
            con = connect(isolation_level=None)
            con.execute("BEGIN")
            con.execute(create(name=f"{names(other)[-1]}_2"))
            con.execute("COMMIT")
            timer.join()
        assert names(connect()) == ["one", "one_2", "two", "two_2"]

    def test_while_a_query_is_half_read(self, connect: Connect) -> None:
        """In an open transaction, on a file without the store's tables, and with them."""
        con = connect()
        con.execute("CREATE TABLE jobs (n)")
        con.executemany("INSERT INTO jobs VALUES (?)", [("a",), ("b",), ("c",)])
        for (name,) in con.execute("SELECT n FROM jobs ORDER BY n"):
            con.execute(create(name=name))
            con.execute("DROP MODEL IF EXISTS missing")
        assert names(con) == ["a", "b", "c"]
        con.commit()
        assert con.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone() == (4,)

    def test_a_rollback_by_sqlite_itself(self, con: dbapi.Connection) -> None:
        """As a full disk makes it, in the middle of a statement: nothing is left to undo."""
        con.execute(create())
        con.execute(
            "CREATE TRIGGER full BEFORE INSERT ON _odpsmodel_version WHEN NEW.name = 'v2'"
            " BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END"
        )
        con.commit()
        for before in ("SELECT 1", "CREATE TABLE t (a)"):
            con.execute(before)
            with pytest.raises(dbapi.IntegrityError, match="disk full"):
                con.execute(add())
            assert not con.in_transaction
            assert versions(con) == ["v1"]
        con.execute(add(version="v3"))

    def test_a_closed_connection_holds_no_lock(self, connect: Connect) -> None:
        """Not even where its tables are gone by a rollback, and statements about them failed."""
        con = connect()
        con.execute(create())
        con.rollback()
        con.execute("SAVEPOINT s")
        con.execute("SHOW MODELS").fetchall()
        con.execute("DROP MODEL IF EXISTS m")
        con.close()
        connect(timeout=0).execute("CREATE TABLE t (a)")

    def test_desc_and_show_while_another_connection_changes_the_model(self, connect: Connect) -> None:
        con, stop = connect(), threading.Event()
        con.execute(create())
        con.commit()
        path = con.execute("PRAGMA database_list").fetchone()[2]

        def change() -> None:
            other = dbapi.connect(path, isolation_level=None, synchronous="OFF")
            old, new = "v1", "v2"
            while not stop.is_set():
                for sql in (
                    add(version=new),
                    f"ALTER MODEL m SET DEFAULT_VERSION {new}",
                    f"ALTER MODEL m DROP VERSION {old}",
                ):
                    other.execute(sql)
                old, new = new, old
            other.close()

        thread = threading.Thread(target=change)
        thread.start()
        try:
            for _ in range(300):
                rows = con.execute("DESC MODEL m").fetchall()
                assert next(r[2] for r in rows if r[1] == "Default Version") == next(
                    r[2] for r in rows if r[1] == "Version Name"
                )
                assert [row[4] for row in con.execute("SHOW VERSIONS FOR MODEL m")].count("true") == 1
        finally:
            stop.set()
            thread.join()

    def test_savepoints(self, connect: Connect) -> None:
        con = connect()
        con.execute("SAVEPOINT a")
        con.execute(create(name="one"))
        con.execute("SAVEPOINT b")
        con.execute(create(name="two"))
        con.execute("ROLLBACK TO b")
        con.execute("RELEASE a")
        assert names(con) == ["one"]
        con.rollback()
        assert names(con) == []

    def test_a_failed_statement_leaves_the_transaction_as_it_was(self, con: dbapi.Connection) -> None:
        con.execute("CREATE TABLE t (a)")
        with pytest.raises(dbapi.ModelNotFound):
            con.execute("DROP MODEL m")
        with pytest.raises(dbapi.DataError):
            con.execute(create(LOCATION="x"))
        con.commit()
        assert con.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]

    def test_a_failed_first_statement_holds_no_lock(self, connect: Connect) -> None:
        con = connect()
        with pytest.raises(dbapi.ModelNotFound):
            con.execute("DROP MODEL m")
        assert not con.in_transaction

    @pytest.mark.parametrize("isolation_level", ["IMMEDIATE", None])
    @pytest.mark.parametrize("step", range(1, 4))
    def test_each_statement_is_atomic_wherever_it_breaks(
        self, connect: Connect, monkeypatch: pytest.MonkeyPatch, isolation_level: str | None, step: int
    ) -> None:
        """The third, second or first of ADD VERSION's steps in the store breaks."""
        con = connect(isolation_level=isolation_level)
        con.execute(create())
        con.commit()
        before = [
            con.execute(f"SELECT * FROM {v}").fetchall() for v in ("odps_models", "odps_model_versions")
        ]
        method = {1: "find", 2: "insert_version", 3: "alter_model"}[step]
        original = getattr(type(con.store), method)

        def broken(*arguments: Any) -> None:
            original(*arguments)
            raise KeyboardInterrupt

        monkeypatch.setattr(type(con.store), method, broken)
        with pytest.raises(KeyboardInterrupt):
            con.execute(add())
        monkeypatch.undo()
        con.commit()
        after = [con.execute(f"SELECT * FROM {v}").fetchall() for v in ("odps_models", "odps_model_versions")]
        assert after == before
        con.execute(add())

    def test_a_warning_that_is_an_error_undoes_the_statement(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.ModelWarning):
            con.execute(create(LOCATION="oss://public/bucket/"))
        assert names(con) == []

    def test_autocommit(self, connect: Connect) -> None:
        con = connect(isolation_level=None)
        con.execute(create())
        assert not con.in_transaction
        assert names(connect()) == ["m"]
        con.execute("BEGIN")
        con.execute("DROP MODEL m")
        con.execute("ROLLBACK")
        assert names(con) == ["m"]

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="sqlite3's autocommit came with Python 3.12")
    @pytest.mark.parametrize("autocommit", [True, False])
    def test_autocommit_of_python_3_12(self, connect: Connect, autocommit: bool) -> None:
        con = connect(autocommit=autocommit)
        con.execute(create())
        assert names(connect()) == (["m"] if autocommit else [])
        con.execute("CREATE TABLE t (a)")
        con.commit()
        assert names(connect()) == ["m"]
        con.rollback()

    def test_foreign_keys_stay_as_the_user_has_them(self, connect: Connect) -> None:
        con = connect()
        assert con.execute("PRAGMA foreign_keys").fetchone() == (0,)
        con.execute("PRAGMA foreign_keys=ON")
        for sql in (create(), add(), "ALTER MODEL m SET DEFAULT_VERSION v2", "ALTER MODEL m DROP VERSION v1"):
            con.execute(sql)
            assert con.execute("PRAGMA foreign_key_check").fetchall() == []
            con.commit()
        con.execute("DROP MODEL m")
        con.commit()
        assert con.execute("PRAGMA foreign_keys").fetchone() == (1,)

    def test_one_transaction_a_statement(self, connect: Connect) -> None:
        con = connect(isolation_level=None)
        con.execute(create())
        traced: list[str] = []
        con.set_trace_callback(traced.append)
        for sql in (
            add(),
            "ALTER MODEL m SET DEFAULT_VERSION v2",
            "ALTER MODEL m DROP VERSION v1",
            "DROP MODEL m",
        ):
            traced.clear()
            con.execute(sql)
            found = [text for text in traced if text.startswith(("BEGIN", "COMMIT", "SAVEPOINT"))]
            assert found == ["BEGIN", "COMMIT"]

    @pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
    def test_one_sync_of_the_disk_a_statement(self, path: Path, tmp_path: Path) -> None:
        trace = tmp_path / "trace"
        script = (
            "import sys; sys.path.insert(0, sys.argv[2]); from samples import add, create\n"
            "from sqlalchemy_odpsmodel import dbapi\n"
            "con = dbapi.connect(sys.argv[1], isolation_level=None)\n"
            "con.execute(create()); print('START', flush=True)\n"
            "for sql in (add(), 'ALTER MODEL m SET DEFAULT_VERSION v2', 'ALTER MODEL m DROP VERSION v1', 'DROP MODEL m'):\n"
            "    con.execute(sql); print('DONE', flush=True)\n"
        )
        command = [
            "strace",
            "-f",
            "-e",
            "trace=fsync,fdatasync,write",
            "-o",
            str(trace),
            sys.executable,
            "-c",
            script,
        ]
        result = subprocess.run(
            [*command, str(path), str(Path(__file__).parents[1])], capture_output=True, text=True
        )
        if "PTRACE" in result.stderr or "ptrace" in result.stderr:
            pytest.skip("this machine lets no process trace another")
        assert result.returncode == 0, result.stderr
        syncs: list[int] = []
        for line in trace.read_text().splitlines():
            if 'write(1, "START' in line or 'write(1, "DONE' in line:
                syncs.append(0)
            elif "sync(" in line and syncs:
                syncs[-1] += 1
        assert syncs[:4] == [1, 1, 1, 1]


class TestThreads:
    def test_they_may_share_a_connection_in_turn(self, connect: Connect) -> None:
        """As sqlite3's: from Python 3.12 on, two that step the same statement at once take it from each other."""
        con, turn = connect(check_same_thread=False), threading.Lock()
        failed: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for i in range(20):
                    with turn:
                        con.execute(create(name=f"m{number}_{i}"))
                        assert con.execute(f"DESC MODEL m{number}_{i}").fetchone()[1] == "Owner"
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert len(names(con)) == 80


class TestFile:
    def test_one_that_we_make_is_wal_and_extra(self, connect: Connect) -> None:
        con = connect()
        assert con.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert con.execute("PRAGMA synchronous").fetchone() == (3,)

    def test_an_existing_one_keeps_its_mode(self, connect: Connect, path: Path) -> None:
        plain = sqlite3.connect(path)
        plain.execute("CREATE TABLE t (a)")
        plain.close()
        con = connect()
        assert con.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        con.execute(create())
        con.commit()
        assert con.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert names(connect()) == ["m"]

    def test_the_user_s_busy_timeout_is_kept(self, connect: Connect) -> None:
        con = connect(timeout=30)
        con.execute("PRAGMA busy_timeout=50")
        other = connect()
        other.execute(create())
        started = time.monotonic()
        for sql in (create(), "CREATE TABLE t (a)", "BEGIN IMMEDIATE"):
            with pytest.raises(dbapi.OperationalError, match="locked"):
                con.execute(sql)
        assert time.monotonic() - started < 15
        other.rollback()
        con.execute(create())
        assert con.execute("PRAGMA busy_timeout").fetchone() == (50,)

    @pytest.mark.parametrize("answer", [sqlite3.SQLITE_DENY, sqlite3.SQLITE_IGNORE])
    def test_an_authorizer_that_allows_no_pragma(self, con: dbapi.Connection, answer: int) -> None:
        con.set_authorizer(
            lambda action, *_: answer if action == sqlite3.SQLITE_PRAGMA else sqlite3.SQLITE_OK
        )
        for sql in ("BEGIN IMMEDIATE", "COMMIT", create(), "ROLLBACK", "CREATE TABLE t (a)"):
            with suppress(dbapi.DatabaseError):
                con.execute(sql)

    def test_begin_says_no_more_than_other_sql(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.OperationalError, match="may hold an APIKEY, so it is not shown"):
            con.execute("BEGIN IMMEDIATE 'sk-secret CREATE MODEL OPTIONS (APIKEY")
        with pytest.raises(dbapi.DataError, match="surrogates"):
            con.execute("BEGIN IMMEDIATE -- \ud800")

    def test_exclusive_waits_as_sqlite_does(self, connect: Connect, path: Path) -> None:
        """Its lock keeps new readers out while it waits; readers that overlap would starve another."""
        con = connect(isolation_level="EXCLUSIVE")
        con.execute("PRAGMA journal_mode=DELETE").fetchall()
        con.execute("CREATE TABLE t (a)")
        con.commit()
        reader = connect(isolation_level=None, check_same_thread=False)
        late = connect(isolation_level=None, timeout=0, check_same_thread=False)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchall()
        refused = []

        def read() -> None:
            until = time.monotonic() + 20
            while not refused and time.monotonic() < until:
                try:
                    late.execute("SELECT * FROM t").fetchall()
                except dbapi.OperationalError:
                    refused.append(True)
            reader.execute("COMMIT")

        reader_thread = threading.Thread(target=read)
        reader_thread.start()
        con.execute(create())
        reader_thread.join()
        con.rollback()
        assert refused == [True]

    @pytest.mark.parametrize("path", ["a\0b.db", "a\ud800b.db"])
    def test_a_path_that_none_can_be(self, path: str) -> None:
        with pytest.raises(dbapi.ProgrammingError, match="cannot connect: "):
            dbapi.connect(path)

    def test_one_whose_making_was_killed_is_wal_too(
        self, connect: Connect, path: Path, tmp_path: Path
    ) -> None:
        """It has content that its journal takes back."""
        killed = tmp_path / "killed.db"
        plain = sqlite3.connect(path, isolation_level=None)
        plain.execute("PRAGMA cache_size=5")
        plain.execute("BEGIN")
        plain.execute("CREATE TABLE t (a)")
        plain.execute("INSERT INTO t VALUES (zeroblob(100000))")
        for end in ("", "-journal"):
            shutil.copy(f"{path}{end}", f"{killed}{end}")
        plain.close()
        assert killed.stat().st_size > 0
        con = connect(killed)
        assert con.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert con.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)

    @pytest.mark.parametrize(("level", "number"), [("OFF", 0), ("normal", 1), ("FULL", 2), ("EXTRA", 3)])
    def test_synchronous(self, connect: Connect, level: str, number: int) -> None:
        assert connect(synchronous=level).execute("PRAGMA synchronous").fetchone() == (number,)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [({"synchronous": "SOMETIMES"}, dbapi.ProgrammingError, "OFF, NORMAL, FULL, EXTRA"),
         ({"project": "1p"}, dbapi.DataError, "project name '1p'"), ({"schema": ""}, dbapi.DataError, "schema name"),
         ({"owner": ""}, dbapi.DataError, "owner must be"), ({"owner": 5}, dbapi.DataError, "owner must be"),
         ({"project": None}, dbapi.DataError, "project name must be a str, not NoneType"),
         ({"synchronous": None}, dbapi.ProgrammingError, "OFF, NORMAL"),
         ({"timezone": 5}, dbapi.ProgrammingError, "timezone 5 is not known")],
    )  # fmt: skip
    def test_bad_arguments_are_named_and_make_no_file(
        self, path: Path, arguments: dict[str, str], error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            dbapi.connect(path, **arguments)  # type: ignore[arg-type]
        assert not path.exists()

    def test_an_older_sqlite_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(dbapi, "sqlite_version_info", (3, 37, 2))
        with pytest.raises(dbapi.NotSupportedError, match=r"3\.38\.0 or newer is needed"):
            dbapi.connect(":memory:")

    def test_what_sqlite3_connect_takes(self, path: Path) -> None:
        class Mine(dbapi.Connection):
            pass

        con = dbapi.connect(f"file:{path}?mode=rwc", uri=True, check_same_thread=False, factory=Mine)
        assert isinstance(con, Mine)
        con.execute(create())
        con.commit()
        thread = threading.Thread(target=lambda: con.execute("DROP MODEL m"))
        thread.start()
        thread.join()
        assert names(con) == []
        con.close()

    def test_as_a_factory_of_sqlite3_connect(self, path: Path) -> None:
        """As libraries make their connections that know sqlite3 only."""
        con = sqlite3.connect(path, factory=dbapi.Connection)
        con.execute(create())
        assert names(con) == ["m"]
        con.close()

    @pytest.mark.parametrize("made", [True, False])
    def test_a_read_only_connection_shows_and_describes(
        self, connect: Connect, path: Path, made: bool
    ) -> None:
        con = connect()
        con.execute(create() if made else "CREATE TABLE t (a)")
        con.commit()
        read = connect(f"file:{path}?mode=ro", uri=True)
        assert names(read) == ["m"] * made
        if made:
            assert read.execute("DESC MODEL m").fetchone()[1] == "Owner"
        else:
            with pytest.raises(dbapi.ModelNotFound):
                read.execute("DESC MODEL m")
        with pytest.raises(dbapi.OperationalError, match="readonly"):
            read.execute(create(name="n"))
        assert names(read) == ["m"] * made

    def test_a_read_only_connection_to_an_empty_file(self, connect: Connect, path: Path) -> None:
        path.touch()
        assert names(connect(f"file:{path}?mode=ro", uri=True)) == []
        assert path.read_bytes() == b""

    def test_show_and_desc_change_no_byte(self, connect: Connect, path: Path) -> None:
        con = connect()
        con.execute(create())
        con.commit()
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        before = path.read_bytes()
        for sql in ("SHOW MODELS", "SHOW VERSIONS FOR MODEL m", "DESC MODEL m"):
            list(con.execute(sql))
        assert path.read_bytes() == before
        assert os.path.getsize(f"{path}-wal") == 0

    def test_no_database(self, path: Path) -> None:
        path.write_bytes(b"no database at all" * 100)
        with pytest.raises(dbapi.DatabaseError, match="not a database"):
            dbapi.connect(path)
        with pytest.raises(dbapi.OperationalError, match="unable to open"):
            dbapi.connect(path.parent / "missing" / "models.db")

    def test_several_processes_make_and_write_one_file(self, path: Path) -> None:
        """Each makes the file, or finds it, and five models; none is told that the database is locked."""
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=_make_models, args=(str(path), i)) for i in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0] * 4
        con = dbapi.connect(path)
        assert names(con) == sorted(f"m{i}_{k}" for i in range(4) for k in range(5))
        assert con.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        con.close()


def _make_models(path: str, number: int) -> None:
    for k in range(5):
        con = dbapi.connect(path, isolation_level=None)
        con.execute(create(name=f"m{number}_{k}"))
        con.close()


class TestExecutescript:
    def test_model_statements_and_ordinary_sql(self, con: dbapi.Connection) -> None:
        con.executescript(
            f"CREATE TABLE t (a); {create()}; INSERT INTO t VALUES ('x;y');\n"
            f"CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END;\n{add()}; SHOW MODELS;"
        )
        assert versions(con) == ["v1", "v2"]
        assert con.execute("SELECT a FROM t").fetchall() == [("x;y",)]
        assert con.in_transaction

    def test_in_the_transaction_that_is_open(self, con: dbapi.Connection) -> None:
        con.execute("CREATE TABLE before (a)")
        con.executescript(f"{create()}; CREATE TABLE t (a)")
        con.rollback()
        assert con.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)

    def test_begin_and_commit_are_obeyed(self, connect: Connect) -> None:
        con = connect()
        con.executescript(f"BEGIN; {create()}; COMMIT; {create(name='n')}")
        con.rollback()
        assert names(con) == ["m"]

    def test_places_count_from_the_script_s_start(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.ParseError, match=r"^ODPS-0130161:\[3,17\]"):
            con.executescript("SELECT 1;\n\n SELECT 2; SHOW MODEL;")
        with pytest.raises(dbapi.ParseError, match=r"^ODPS-0130161:\[3,7\]"):
            con.executescript("SELECT 1; SHOW\nVERSIONS\n  FOR m;")

    def test_a_set_alone_holds_from_there_on(self, con: dbapi.Connection) -> None:
        con.executescript(f"SET odps.namespace.schema=false; {create(name='p.m')}; {create(name='p.n')}")
        assert con.execute("SELECT project, schema, model FROM odps_models").fetchall() == [
            ("p", "default", "m"), ("p", "default", "n")]  # fmt: skip
