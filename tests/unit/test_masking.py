"""What SQLAlchemy logs and what its errors say holds no key, and otherwise what the user wrote."""

from __future__ import annotations

import asyncio
import logging
import pickle
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pandas
import pytest
from engines import CALLED, SERVICE, shown
from samples import KEY, REMOTE, WORD, add, create
from sqlalchemy import DDL, Connection, Engine, MetaData, column, create_engine, event, exc, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from sqlalchemy_odpsmodel import CreateModel, EnvSecret, Model, ModelVersion

PLAIN = create(REMOTE, inputs="", APIKEY=KEY)
BOUND = create(REMOTE, inputs="", APIKEY=None).replace("OPTIONS (", "OPTIONS (APIKEY = :key, ")
Run = Callable[[Connection], Any]


def element(connection: Connection) -> None:
    connection.execute(CreateModel("m", ModelVersion("v1", options=SERVICE | {"APIKEY": KEY}), **CALLED))


def drivers(sql: str, *parameters: Any) -> Run:
    return lambda connection: connection.exec_driver_sql(sql, *parameters)


def texts(sql: str, *parameters: Any) -> Run:
    return lambda connection: connection.execute(text(sql), *parameters)


#: Each fails when it is run a second time, or the first.
WAYS: dict[str, Run] = {
    "element": element,
    "model": lambda connection: Model(
        "m", MetaData(), ModelVersion("v1", options=SERVICE | {"APIKEY": KEY}), **CALLED
    ).create(connection),
    "text": texts(PLAIN),
    "text, bound": texts(BOUND, {"key": KEY}),
    "text, many": texts(BOUND, [{"key": KEY}, {"key": WORD}]),
    "text, SET lines": texts(f"SET odps.namespace.schema=true;\n{PLAIN}"),
    "text, a column": texts(PLAIN.replace("OPTIONS", "INPUT (a INTT) OPTIONS")),
    "driver": drivers(PLAIN),
    "driver, bound": drivers(BOUND.replace(":key", "?"), (KEY,)),
    "driver, named": drivers(BOUND, {"key": KEY}),
    "driver, many": drivers(BOUND.replace(":key", "?"), [(KEY,), (WORD,)]),
    "driver, no parameters": lambda connection: connection.execution_options(
        no_parameters=True
    ).exec_driver_sql(PLAIN),
    "DDL": lambda connection: connection.execute(DDL(PLAIN.replace("%", "%%"))),
    "add": texts(add(REMOTE, inputs="", APIKEY=KEY)),
    "an unknown key": texts(create(REMOTE, inputs="", API_KEY=KEY, APIKEY=None)),
    "a wrong mode": texts(create(REMOTE, inputs="", APIKEY=KEY, PAI_EAS_SYNC_MODE="false")),
    "no quotes": texts(PLAIN.replace(f"'{KEY}'", WORD)),
    "a quote too many": texts(PLAIN.replace(f"'{KEY}'", f"''{KEY}'")),
    "an open quote": texts(PLAIN.replace(f"'{KEY}'", f"'{KEY}")),
    "too few parameters": drivers(BOUND.replace(":key", "?").replace("'chat'", "?"), (KEY, KEY, KEY)),
    "bytes": drivers(BOUND, {"key": KEY.encode()}),
    "a parameter is missing": texts(BOUND, {"kee": KEY}),
    "a parameter is missing beside a key": texts(PLAIN.replace("'true'", ":mode"), {"mood": KEY}),
    "text, columns": lambda connection: connection.execute(text(PLAIN).columns(column("a"))),
    "text, columns, bound": lambda connection: connection.execute(text(BOUND).columns(column("a")), {"key": KEY}),
    "text, many, a name first": texts(BOUND, [{"key": EnvSecret("A")}, {"key": KEY}]),
    "a dict of which nothing is used": drivers("DROP MODEL other", {"key": KEY}),
    "a comment": texts(f"{create(REMOTE, inputs='')} -- APIKEY = '{KEY}'"),
    "joined to another option": texts(PLAIN.replace(", APIKEY =", "")),
    "an empty statement before it": drivers(f";{PLAIN}"),
    "SET without a semicolon": drivers(f"SET odps.a=b {PLAIN}"),
    "pandas": lambda connection: pandas.read_sql_query(text(BOUND), connection, params={"key": KEY}),
    "CREAT": texts(PLAIN.replace("CREATE", "CREAT")),
    "CREATE MODLE": texts(PLAIN.replace("MODEL", "MODLE", 1)),
    "CREATE MODLE, bound": texts(BOUND.replace("MODEL", "MODLE", 1), {"key": KEY}),
    "ALTER MODLE": texts(add(REMOTE, inputs="", APIKEY=KEY).replace("MODEL", "MODLE", 1)),
    "SET and CREAT": texts(f"SET a=b; {PLAIN.replace('CREATE', 'CREAT')}"),
    "SET wrong": texts(f"SET a; {PLAIN}"),
    "the options alone": texts(f"APIKEY = '{KEY}'"),
    "the options alone, no blanks": texts(f"APIKEY='{KEY}'"),
}  # fmt: skip


#: What opens like SQL of SQLite's is logged as it is, and hidden in errors.
SLIPS: dict[str, Run] = {
    "UPDATE MODEL": drivers(PLAIN.replace("CREATE", "UPDATE")),
    "CREATE TEMP MODEL": drivers(PLAIN.replace("CREATE", "CREATE TEMP")),
    "ALTER TABLE": drivers(add(REMOTE, inputs="", APIKEY=KEY).replace("MODEL", "TABLE", 1)),
    "UPDATE MODEL, a misspelt option": drivers(PLAIN.replace("CREATE", "UPDATE").replace("APIKEY", "A_KEY")),
    "UPDATE MODEL, bound": drivers(BOUND.replace("CREATE", "UPDATE"), {"key": KEY}),
    "two statements": drivers(f"SELECT 1; {PLAIN}"),
}  # fmt: skip


@pytest.mark.parametrize("way", SLIPS)
def test_no_error_shows_a_key_of_a_slip_that_opens_like_sqlite_s(way: str, engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(exc.DBAPIError) as caught:
        SLIPS[way](connection)
    error = caught.value
    said = [str(error), error.statement, error.params, vars(error), *traceback.format_exception(error)]
    assert not [what for what in said if KEY in repr(what) or KEY in str(what)]


def test_a_listener_for_all_engines_is_shown_no_key(engine: Engine) -> None:
    shown: list[Any] = []

    def listener(context: Any) -> None:
        shown.append((context.statement, context.parameters))

    event.listen(Engine, "handle_error", listener)
    try:
        with engine.connect() as connection, pytest.raises(exc.StatementError):
            WAYS["a parameter is missing"](connection)
    finally:
        event.remove(Engine, "handle_error", listener)
    assert [statement.split()[:2] for statement, _ in shown] == [["CREATE", "MODEL"]]
    assert KEY not in repr(shown)


def use(way: str, seen: list[Any]) -> list[Any]:
    """Use a way twice: the errors."""
    engine = create_engine("odpsmodel://", echo="debug")
    listen(engine, seen)
    with engine.connect() as connection:
        return twice(way, connection)


def use_async(way: str, seen: list[Any]) -> list[Any]:
    """The same with asyncio; aiosqlite logs too."""
    pytest.importorskip("aiosqlite", reason="asyncio is not supported before SQLAlchemy 2.0.58")

    async def run() -> list[Any]:
        engine = create_async_engine("odpsmodel+aiosqlite://", echo="debug")
        listen(engine.sync_engine, seen)
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(lambda sync: twice(way, sync))
        finally:
            await engine.dispose()

    return asyncio.run(run())


def listen(engine: Engine, seen: list[Any]) -> None:
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2:4]))
    event.listen(engine, "after_cursor_execute", lambda *args: seen.append(args[2:4]))
    event.listen(engine, "handle_error", lambda context: seen.append((context.statement, context.parameters)))


def twice(way: str, connection: Connection) -> list[Any]:
    errors = []
    for _ in range(2):
        try:
            WAYS[way](connection)
        except exc.ResourceClosedError:
            continue  # pandas wants rows
        except exc.SQLAlchemyError as error:
            errors.append(error)
        except pandas.errors.DatabaseError as error:
            errors.append(error.__cause__)
    return errors


@pytest.mark.parametrize("used", [use, use_async])
@pytest.mark.parametrize("way", WAYS)
def test_no_log_and_no_error_shows_a_key(
    way: str,
    used: Callable[[str, list[Any]], list[Any]],
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[Any] = []
    errors = used(way, seen)
    assert errors
    said = [*seen, caplog.text, capsys.readouterr()]
    for error in errors:
        assert isinstance(error, exc.StatementError)
        said += [
            str(error),
            repr(error),
            error.statement,
            error.params,
            vars(error),
            *traceback.format_exception(error),
        ]
        said += [error.orig, vars(error.orig), pickle.loads(pickle.dumps(error))]
    for secret in (KEY, WORD, KEY[:8]):
        assert not [what for what in said if secret in repr(what) or secret in str(what)]
    assert not any(WORD in message or KEY in message for message in map(str, caplog.records))


def test_the_key_arrives_all_the_same(engine: Engine) -> None:
    for way in (
        "element",
        "text",
        "text, bound",
        "text, SET lines",
        "driver",
        "driver, bound",
        "driver, named",
        "DDL",
    ):
        with engine.connect() as connection:
            WAYS[way](connection)
            kept = connection.connection.driver_connection.store.described("demo", "default", "m")  # type: ignore[union-attr]
            expected = connection.connection.driver_connection.store.fingerprint(  # type: ignore[union-attr]
                dict(
                    CreateModel(
                        "m", ModelVersion("v1", options=SERVICE | {"APIKEY": KEY}), **CALLED
                    ).statement.options
                )["APIKEY"]  # type: ignore[union-attr]
            )
            assert dict(kept[1].options)["APIKEY"] == expected


class TestWhatIsShown:
    def test_a_model_statement_with_its_parameters_filled_in(
        self, engine: Engine, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "sqlalchemy.engine")
        with engine.begin() as connection:
            connection.execute(text(BOUND), {"key": EnvSecret("EAS_TOKEN")})
            connection.execute(text("show\nmodels -- all"))
        (made,) = [message for message in caplog.messages if "CREATE MODEL" in message]
        assert "APIKEY = '${EAS_TOKEN}'" in made
        assert "SHOW MODELS" in caplog.messages

    def test_ordinary_sql_as_it_was_written(self, engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "sqlalchemy.engine")
        sql = "select ? /* c */ || value FROM odps_model_options where key = 'APIKEY'"
        with engine.begin() as connection:
            Model("m", MetaData(), ModelVersion("v1", options=SERVICE), **CALLED).create(connection)
            connection.exec_driver_sql(sql, ("b",))
            connection.exec_driver_sql("SET a=b; SELECT 'c'")
        assert {sql, "SET a=b; SELECT 'c'"} <= set(caplog.messages)
        assert any("('b',)" in message for message in caplog.messages)

    def test_pandas_question_whether_it_is_a_table(
        self, caplog: pytest.LogCaptureFixture, engine: Engine
    ) -> None:
        caplog.set_level(logging.INFO, "sqlalchemy.engine")
        with engine.connect() as connection:
            frame = pandas.read_sql("SHOW MODELS", connection)
            with suppress(exc.ResourceClosedError):
                pandas.read_sql(PLAIN, connection)
            with pytest.raises((pandas.errors.DatabaseError, exc.OperationalError)):  # pandas 2.2 wraps none
                pandas.read_sql(PLAIN.replace("CREATE", "CREAT"), connection)
        assert frame.columns[0] == "ModelName"
        assert KEY not in caplog.text
        assert not [message for message in caplog.messages if "PRAGMA" in message and "MODEL" in message]

    def test_a_long_one_by_its_beginning(self, engine: Engine) -> None:
        with engine.connect() as connection, pytest.raises(exc.DBAPIError) as caught:
            connection.exec_driver_sql("CREATE MODEL " + "m " * 1_000_000)
        assert len(caught.value.statement or "") < 10_000

    def test_a_statement_with_a_key_masked(self, caplog: pytest.LogCaptureFixture, engine: Engine) -> None:
        caplog.set_level(logging.INFO, "sqlalchemy.engine")
        with engine.begin() as connection:
            connection.exec_driver_sql(PLAIN)
        (shown_text,) = [message for message in caplog.messages if "CREATE MODEL" in message]
        assert "TASKS = 'text-generation'" in shown_text
        assert "APIKEY = '********'" in shown_text

    def test_a_slip_by_its_words(self, engine: Engine) -> None:
        with engine.connect() as connection, pytest.raises(exc.OperationalError) as caught:
            connection.exec_driver_sql("CREAT MODEL m OPTIONS (APIKEY = 'x')")
        assert caught.value.statement == "CREAT MODEL … OPTIONS ( APIKEY = '…' )"

    def test_ordinary_sql_that_fails_is_shown(self, engine: Engine) -> None:
        for sql in ("SELECT * FROM nothing WHERE a = 'b'", "/* c */ CREATE TABLE t (a, a)", "INSERT INTO x VALUES ('y')",
                    "EXPLAIN QUERY PLAN SELECT * FROM nothing", "ALTER TABLE x ADD b"):  # fmt: skip
            with engine.connect() as connection, pytest.raises(exc.OperationalError) as caught:
                connection.exec_driver_sql(sql)
            assert caught.value.statement == sql

    def test_hide_parameters_is_for_what_is_the_user_s_own(self) -> None:
        """What a dialect cannot know: a key in ordinary SQL."""
        engine = create_engine("odpsmodel://", hide_parameters=True)
        with engine.connect() as connection, pytest.raises(exc.OperationalError) as caught:
            connection.execute(text("INSERT INTO keys VALUES (:key)"), {"key": KEY})
        assert KEY not in str(caught.value)


def test_inspecting_shows_no_key(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    with engine.begin() as connection:
        element(connection)
    caplog.set_level(logging.DEBUG, "sqlalchemy")
    model = inspect(engine).get_model("m")  # type: ignore[attr-defined]
    assert str(model["versions"][0]["options"]["APIKEY"]) == "********"
    assert KEY not in repr(model) + caplog.text
    assert shown(engine, "SELECT value FROM odps_model_options WHERE key = 'APIKEY'") == [("********",)]


def test_looking_for_a_key_takes_no_longer_than_the_text(engine: Engine) -> None:
    """However often it says MODEL: each was followed to the end, which took a minute for this one."""
    with engine.connect() as connection, pytest.raises(exc.OperationalError, match="syntax error"):
        connection.exec_driver_sql(f"SELECT 1 {'MODEL ' * 40_000}")
