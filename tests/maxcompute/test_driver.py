"""The PEP 249 driver of odpsmodel+pyodps, on local endpoints."""

from __future__ import annotations

import logging
import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from samples import KEY, REMOTE, add, create, options
from sqlalchemy import MetaData, create_engine, inspect, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from sqlalchemy_odpsmodel import EnvSecret, Model, ModelVersion, reflect_models
from sqlalchemy_odpsmodel import dbapi as local_dbapi
from sqlalchemy_odpsmodel.maxcompute import dbapi
from sqlalchemy_odpsmodel.server.app import Settings
from sqlalchemy_odpsmodel.sql import AddVersion, SetFlags, ShowModels, parse
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint, serve

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy_odpsmodel.dbapi.ModelWarning")
Connect = Callable[..., Any]
_DIGITS = f"CONCAT({', '.join(['CAST(i AS STRING)'] * 50)})"
#: What takes long to find out of a row with a column i.
SLOW = " OR ".join([f"{_DIGITS} LIKE '%1%2%3%4%5%6%7%8%9%0%x%'"] * 8)


def remote(name: str = "chat", **changes: str | None) -> str:
    return f"CREATE MODEL {name} WITH VERSION v1 OPTIONS ({options(REMOTE, **changes)})"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """What is sent: statements and their settings."""
    found: list[tuple[str, dict[str, str]]] = []
    start = dbapi.Service.start

    def kept(self: Any, query: str, settings: Any, hidden: Any = ()) -> Any:
        found.append((query, dict(settings)))
        return start(self, query, settings, hidden)

    monkeypatch.setattr(dbapi.Service, "start", kept)
    return found


@pytest.fixture
def kept(maxcompute_endpoint: MaxComputeEndpoint) -> Iterator[Any]:
    """The file behind the endpoint."""
    with closing(
        local_dbapi.connect(maxcompute_endpoint.path, project="demo", isolation_level=None)
    ) as connection:
        yield connection


class TestPEP249:
    def test_the_module(self) -> None:
        assert (dbapi.apilevel, dbapi.threadsafety, dbapi.paramstyle) == ("2.0", 1, "qmark")
        assert issubclass(dbapi.ServiceError, dbapi.OperationalError)
        assert dbapi.Error is local_dbapi.Error

    def test_connecting_sends_nothing(self) -> None:
        connection = dbapi.connect("demo", "a", "b", endpoint="http://127.0.0.1:1/api")
        connection.cursor()
        connection.close()

    def test_what_is_closed_is_refused(self, con: Any) -> None:
        cursor = con.cursor()
        cursor.close()
        with pytest.raises(dbapi.InterfaceError, match="closed"):
            cursor.execute("SHOW MODELS")
        with pytest.raises(dbapi.InterfaceError, match="closed"):
            list(cursor)
        other = con.cursor()
        con.close()
        for use in (con.cursor, con.commit, con.rollback, con.close, lambda: other.execute("SHOW MODELS")):
            with pytest.raises(dbapi.ProgrammingError, match="closed"):
                use()

    def test_there_are_no_transactions(self, con: Any) -> None:
        """What was executed stays after rollback()."""
        con.execute(create())
        con.rollback()
        con.commit()
        assert len(con.execute("SHOW MODELS").fetchall()) == 1

    def test_nothing_to_fetch_is_an_error(self, con: Any) -> None:
        cursor = con.cursor()
        assert list(cursor) == []  # as sqlite3's
        for fetch in (cursor.fetchone, cursor.fetchmany, cursor.fetchall):
            with pytest.raises(dbapi.ProgrammingError, match="nothing to fetch"):
                fetch()
        assert cursor.execute(create()).description is None
        assert cursor.rowcount == -1
        with pytest.raises(dbapi.ProgrammingError, match="nothing to fetch"):
            cursor.fetchall()

    def test_a_statement_that_fails_leaves_no_rows_of_the_one_before(self, con: Any) -> None:
        cursor = con.execute("SHOW MODELS")
        with pytest.raises(dbapi.ParseError):
            cursor.execute("SHOW MODELS FOR")
        assert cursor.description is None

    def test_type_objects_of_a_select(self, con: Any) -> None:
        con.execute(
            "CREATE TABLE t (i BIGINT, s STRING, x DECIMAL(4,2), b BINARY, d DATETIME, j JSON, y BOOLEAN)"
        )
        described = con.execute("SELECT * FROM t").description
        assert [(column[0], column[1]) for column in described] == [
            ("i", dbapi.NUMBER), ("s", dbapi.STRING), ("x", dbapi.NUMBER), ("b", dbapi.BINARY),
            ("d", dbapi.DATETIME), ("j", dbapi.STRING), ("y", dbapi.NUMBER),
        ]  # fmt: skip
        assert all(len(column) == 7 for column in described)

    def test_executemany(self, con: Any) -> None:
        con.execute("CREATE TABLE t (i BIGINT, s STRING)")
        cursor = con.cursor()
        cursor.executemany("INSERT INTO t VALUES (?, ?)", [(1, "a"), (2, "b?")])
        assert con.execute("SELECT s FROM t ORDER BY i").fetchall() == [("a",), ("b?",)]
        with pytest.raises(dbapi.DataError, match="has no literal"):
            cursor.executemany("SET a.b=1;\nINSERT INTO t VALUES (?, ?)", [(3, "c"), (4, object())])
        assert con.execute("SELECT count(*) AS n FROM t").fetchone() == (2,)
        with pytest.raises(dbapi.ProgrammingError, match="no statement that has rows"):
            cursor.executemany("SELECT ? AS a", [(1,), (2,)])

    def test_executemany_can_be_stopped_between_two_statements(self, con: Any, sent: list[Any]) -> None:
        con.execute("CREATE TABLE t (a STRING)")
        cursor, wait = con.cursor(), con.service.wait

        def stopped_after(*given: Any) -> None:
            wait(*given)
            cursor._instance = None  # as before the next one is sent
            cursor.cancel()

        con.service.wait = stopped_after
        with pytest.raises(dbapi.ServiceError, match="what it sent before is done"):
            cursor.executemany("INSERT INTO t VALUES (?)", [("a",), ("b",)])
        assert [query for query, _ in sent[1:]] == ["INSERT INTO t VALUES ('a')"]

    def test_comments_alone_are_not_sent(self, con: Any, sent: list[Any]) -> None:
        con.execute("/* nothing */ -- to do\n;")
        assert sent == []

    def test_text_of_other_statements_is_a_column_of_lines(
        self, con: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As of SHOW TABLES, which the endpoint has not: what the service would answer."""
        monkeypatch.setattr(con.service, "start", lambda *_: type("Instance", (), {"id": "1"}))
        monkeypatch.setattr(con.service, "wait", lambda *_: None)
        monkeypatch.setattr(con.service, "text", lambda _: "ALIYUN$me:t\nALIYUN$me:u\n")
        cursor = con.execute("SHOW TABLES")
        assert [column[0] for column in cursor.description] == ["result"]
        assert cursor.fetchall() == [("ALIYUN$me:t",), ("ALIYUN$me:u",)]


class TestPages:
    def test_rows_come_in_pages_and_are_not_all_held(
        self, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        con = connect(arraysize=100)
        con.execute("CREATE TABLE t (i BIGINT)")
        con.execute(f"INSERT INTO t VALUES {', '.join(f'({n})' for n in range(250))}")
        pages: list[tuple[int, int]] = []
        read = con.service.read

        def counted(download: Any, first: int, count: int, timezone: str) -> Any:
            pages.append((first, count))
            return read(download, first, count, timezone)

        monkeypatch.setattr(con.service, "read", counted)
        cursor = con.execute("SELECT i FROM t ORDER BY i")
        assert pages == []
        assert cursor.fetchone() == (0,)
        assert pages == [(0, 100)]
        assert cursor.fetchmany() == [(n,) for n in range(1, 101)]
        assert cursor.fetchmany(3) == [(101,), (102,), (103,)]
        assert pages == [(0, 100), (100, 100)]
        assert [row[0] for row in cursor] == list(range(104, 250))
        assert pages == [(0, 100), (100, 100), (200, 100)]
        assert cursor.fetchone() is None
        assert cursor.fetchall() == []
        del pages[:]
        cursor.execute("SELECT i FROM t ORDER BY i")
        cursor.arraysize = 200
        assert next(cursor) == (0,)
        assert len(cursor.fetchmany(-1)) == 249  # as sqlite3's
        assert pages == [(0, 200), (200, 200)]

    def test_without_an_arraysize_a_page_is_ten_thousand_rows(
        self, con: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And fetchmany() gives one row, as PEP 249 has it."""
        con.execute("CREATE TABLE t (i BIGINT)")
        con.execute("INSERT INTO t VALUES (1), (2)")
        asked: list[int] = []
        read = con.service.read
        monkeypatch.setattr(con.service, "read", lambda *given: asked.append(given[2]) or read(*given))
        cursor = con.execute("SELECT i FROM t ORDER BY i")
        assert (cursor.arraysize, cursor.fetchmany(), asked) == (1, [(1,)], [10_000])

    def test_a_result_that_ends_too_early_is_an_error(
        self, con: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        con.execute("CREATE TABLE t (i BIGINT)")
        con.execute("INSERT INTO t VALUES (1)")
        cursor = con.execute("SELECT i FROM t")
        monkeypatch.setattr(con.service, "read", lambda *_: [])
        with pytest.raises(dbapi.OperationalError, match="of 1 rows only 0 came"):
            cursor.fetchall()


class TestSettings:
    def test_flags_of_the_url_of_the_connection_and_of_a_statement(
        self, maxcompute_endpoint: MaxComputeEndpoint, sent: list[Any]
    ) -> None:
        """The nearest one counts; what SET gave alone ends with the connection's stay outside of the pool."""
        url = f"odpsmodel+pyodps://a:b@demo/?endpoint={maxcompute_endpoint.url}&schema=s&a.b=url&c.d=url"
        engine = create_engine(url)
        with engine.connect() as connection:
            connection.exec_driver_sql("SET c.d=connection;")
            connection.exec_driver_sql("SET e.f=connection")
            connection.exec_driver_sql("SET e.f = statement;\nSHOW MODELS")
            connection.exec_driver_sql("SHOW MODELS")
        with engine.connect() as connection:
            connection.execute(text("SHOW MODELS"))
        names = ("a.b", "c.d", "e.f")
        assert [tuple(settings.get(name) for name in names) for _, settings in sent] == [
            ("url", "connection", "statement"),
            ("url", "connection", "connection"),
            ("url", "url", None),
        ]
        assert [query for query, _ in sent] == ["SHOW MODELS"] * 3
        engine.dispose()

    def test_what_is_always_sent(self, connect: Connect, sent: list[Any]) -> None:
        connect(schema="Prod", timezone="Asia/Shanghai").execute("SHOW MODELS")
        connect().execute("SHOW MODELS")
        assert sent[0][1] == {
            "odps.sql.timezone": "Asia/Shanghai",
            "odps.namespace.schema": "true",
            "odps.sql.allow.namespace.schema": "true",
            "odps.default.schema": "prod",
        }
        assert "odps.default.schema" not in sent[1][1]

    def test_with_the_namespace_flag_false_names_are_project_and_model(
        self, connect: Connect, sent: list[Any]
    ) -> None:
        con = connect(flags={"odps.namespace.schema": "false"})
        con.execute(create(name="other.m"))
        assert sent[-1][1] == {"odps.sql.timezone": "UTC", "odps.namespace.schema": "false"}
        con.execute("SET odps.default.schema=lab;SET odps.namespace.schema=true;SHOW MODELS")
        assert sent[-1][1]["odps.default.schema"] == "lab"
        with pytest.raises(dbapi.ParseError, match="expected at most project"):
            con.execute("DROP MODEL a.b.c")

    @pytest.mark.parametrize(
        "sql", ["SET odps.sql.timezone=Asia/Tokyo;\nSHOW MODELS", "SET odps.sql.timezone=UTC"]
    )
    def test_a_timezone_is_the_connection_s(self, con: Any, sent: list[Any], sql: str) -> None:
        """Times would be written in one and read in another."""
        with pytest.raises(dbapi.SemanticError, match="connect with timezone=…"):
            con.execute(sql)
        assert sent == []
        assert con.execute("SHOW MODELS").fetchall() == []

    def test_set_may_give_the_schema(self, con: Any) -> None:
        """Of what the Catalog API is asked for, too, as where a comment has several lines."""
        con.execute(create(name="lab.m", tail="COMMENT 'a\nb'"))
        con.execute(create(name="m", tail="COMMENT 'c\nd'"))
        asked = "SET odps.default.schema=LAB;DESC MODEL {}"
        comments = [
            {row[1]: row[2] for row in con.execute(sql)}["Comment"]
            for sql in (asked.format("m"), asked.format("default.m"), "DESC MODEL m")
        ]
        assert comments == ["a\nb", "c\nd", "c\nd"]

    def test_names_of_project_and_schema_are_folded(self, maxcompute_endpoint: MaxComputeEndpoint) -> None:
        """In statements and in what the inspector asks."""
        engine = create_engine(f"odpsmodel+pyodps://a:b@Demo/?endpoint={maxcompute_endpoint.url}&schema=Prod")
        with engine.connect() as connection:
            connection.exec_driver_sql(create())
            connection.exec_driver_sql("CREATE TABLE t (a INT)")
        inspector: Any = inspect(engine)
        assert inspector.get_model_names() == ["m"]
        assert inspector.has_table("t")
        with closing(local_dbapi.connect(maxcompute_endpoint.path)) as kept:
            assert kept.execute("SELECT project, schema FROM odps_models").fetchall() == [("demo", "prod")]

    @pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
    def test_times_come_back_as_they_were_written(self, connect: Connect, zone: str) -> None:
        con = connect(timezone=zone)
        con.execute("CREATE TABLE t (at DATETIME, ts TIMESTAMP, ntz TIMESTAMP_NTZ)")
        con.execute(
            "INSERT INTO t VALUES ('2024-07-01 12:00:00.123', '2024-01-01 00:00:00', '2024-01-01 00:00:00')"
        )
        assert [str(value) for value in con.execute("SELECT * FROM t").fetchone()] == [
            "2024-07-01 12:00:00.123000", "2024-01-01 00:00:00", "2024-01-01 00:00:00",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
            ({"schema": "no schema"}, "schema name"),
            ({"timeout": 0}, "greater than 0"),
            ({"arraysize": 0}, "greater than 0"),
            ({"flags": {"a b": "1"}}, "SET takes"),
            ({"flags": {"odps.namespace.schema": "maybe"}}, "true or false"),
            ({"flags": {"odps.namespace.schema": "false"}, "schema": "s"}, "leave out schema=s"),
            ({"flags": {"odps.sql.timezone": "Asia/Tokyo"}}, "connect with timezone=…"),
            ({"flags": {"odps.default.schema": "s"}}, "connect with schema=…"),
            ({"endpoint": "http://u:key@host/api"}, "no user and no key"),
            ({"timeout": float("nan")}, "greater than 0"),
        ],
    )
    def test_arguments_that_are_none(self, connect: Connect, arguments: dict[str, Any], words: str) -> None:
        with pytest.raises(dbapi.Error, match=words):
            connect(**arguments)

    def test_from_the_environment(
        self, maxcompute_endpoint: MaxComputeEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The variables are those of Alibaba Cloud and of PyODPS."""
        for name in ("ODPS_PROJECT_NAME", "ODPS_STS_TOKEN", "ALIBABA_CLOUD_ACCESS_KEY_ID"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(dbapi.ProgrammingError, match="ODPS_PROJECT_NAME is not set"):
            dbapi.connect()
        with pytest.raises(dbapi.ProgrammingError, match="set ALIBABA_CLOUD_ACCESS_KEY_ID"):
            dbapi.connect("demo", endpoint=maxcompute_endpoint.url)
        monkeypatch.delenv("ODPS_ENDPOINT", raising=False)
        with pytest.raises(dbapi.ProgrammingError, match="ODPS_ENDPOINT is not set"):
            dbapi.connect("demo", "ak", "sk")
        monkeypatch.setenv("ODPS_PROJECT_NAME", "demo")
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "ak")
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "sk")
        monkeypatch.setenv("ODPS_ENDPOINT", maxcompute_endpoint.url)
        engine = create_engine("odpsmodel+pyodps://")
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW MODELS").all() == []
        monkeypatch.setenv("ALIBABA_CLOUD_SECURITY_TOKEN", "sts")
        account = dbapi.connect().service.client.account
        assert (type(account).__name__, account.access_id, account.sts_token) == ("StsAccount", "ak", "sts")

    def test_an_account_of_pyodps(self, maxcompute_endpoint: MaxComputeEndpoint) -> None:
        from odps.accounts import CloudAccount

        url = f"odpsmodel+pyodps://demo/?endpoint={maxcompute_endpoint.url}"
        engine = create_engine(url, connect_args={"account": CloudAccount("ak", "sk")})
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW MODELS").all() == []

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"access_id": "a"}, "goes with its key"),
            ({"secret_access_key": "b"}, "goes with its key"),
            ({"account": "me"}, "one of odps.accounts, not a str"),
        ],
    )
    def test_half_of_the_credentials(self, arguments: dict[str, Any], words: str) -> None:
        with pytest.raises(dbapi.ProgrammingError, match=words):
            dbapi.connect("demo", endpoint="http://127.0.0.1:1/api", **arguments)

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("odpsmodel+pyodps://a:b@p/database", "no path"),
            ("odpsmodel+pyodps://a:b@p:80/", "no port"),
            ("odpsmodel+pyodps://a@p/", "without its key"),
            ("odpsmodel+pyodps://a:b@p/?endpiont=http://h/api", "endpiont is unknown"),
            ("odpsmodel+pyodps://a:b@p/?precheck=perhaps", "precheck cannot be 'perhaps'"),
            ("odpsmodel+pyodps://a:b@p/?timeout=soon", "timeout cannot be 'soon'"),
            ("odpsmodel+pyodps://a:b@p/?schema=a&schema=b", "schema more than once"),
        ],
    )
    def test_urls_that_are_none(self, url: str, words: str) -> None:
        with pytest.raises(ArgumentError, match=words):
            create_engine(url).connect()


class TestRulesBefore:
    def test_a_refused_statement_has_the_local_error_and_is_not_sent(
        self, con: Any, local: Any, sent: list[Any]
    ) -> None:
        text = "SET a.b=1;\n\n  CREATE MODEL m\n  WITH VERSION v1 INPUT (a int)\nOPTIONS (COLOUR = 'red')"
        told = []
        for connection in (local, con):
            with pytest.raises(dbapi.SemanticError) as caught:
                connection.execute(text)
            told.append(str(caught.value))
        assert told[0] == told[1]
        assert told[1].startswith("ODPS-0130071:[5,10] ")
        assert sent == []

    def test_without_the_check_the_service_says_it_at_the_same_place(
        self, connect: Connect, local: Any, sent: list[Any]
    ) -> None:
        con = connect(precheck=False)
        for sql in (
            "SET a.b=1;\n\n  CREATE MODEL m\n  WITH VERSION v1 INPUT (a int)\nOPTIONS (COLOUR = 'red')",
            "  \n\n  DROP MODELS m",
            "ALTER MODEL m RENAME TO n",
        ):
            told = []
            for connection in (local, con):
                with pytest.raises(dbapi.ModelError) as caught:
                    connection.execute(sql)
                told.append(caught.value)
            first, second = (str(error).partition("\n")[0] for error in told)
            assert first == second
            assert (told[0].place and told[0].place[:2]) == (told[1].place and told[1].place[:2])
            assert told[1].instance_id
        assert len(sent) == 3

    def test_types_that_are_not_given_are_the_ones_that_the_options_are_of(
        self, con: Any, sent: list[Any]
    ) -> None:
        """Where they are of both, only the service knows."""
        with pytest.raises(dbapi.OptionError, match="ROLEARN is missing: IMPORT models need it"):
            con.execute(add(ROLEARN=None))
        assert sent == []
        with pytest.raises(dbapi.ModelError, match="does not exist"):
            con.execute(
                "ALTER MODEL m ADD VERSION v2 WITH OPTIONS (ROLEARN = 'acs:ram::1:role/r', TASKS = 'chat')"
            )
        assert len(sent) == 1

    def test_a_statement_as_itself(self, con: Any, sent: list[Any]) -> None:
        con.execute(parse(create()))
        con.execute(SetFlags(flags=(("a.b", "1"),)))
        assert con.execute(ShowModels()).fetchone()[0] == "m"
        assert [query.split()[0] for query, _ in sent] == ["CREATE", "SHOW"]
        assert sent[1][1]["a.b"] == "1"
        with pytest.raises(dbapi.ProgrammingError, match="takes no parameters"):
            con.execute(ShowModels(), (1,))
        with pytest.raises(dbapi.ProgrammingError, match="a statement is a str"):
            con.execute(1)

    def test_advice_is_a_warning_at_the_user_s_line(self, connect: Connect) -> None:
        """With and without the check."""
        con = connect(precheck=False)
        with pytest.warns(dbapi.ModelWarning, match="OSS internal endpoints"):
            con.execute(create(name="n", LOCATION="oss://oss-cn-shanghai.aliyuncs.com/b/"))
        con = connect()
        with pytest.warns(dbapi.ModelWarning, match="OSS internal endpoints") as caught:
            con.execute(create(LOCATION="oss://oss-cn-shanghai.aliyuncs.com/b/"))
        assert caught[0].filename == __file__

    def test_parameters_of_a_model_statement(self, con: Any) -> None:
        con.execute(
            "CREATE MODEL m WITH VERSION v1 INPUT (a int) OPTIONS (MODEL_SOURCE_TYPE = 'IMPORT',"
            " MODEL_TYPE = 'BOOSTED_TREE_REGRESSOR', LOCATION = ?, ROLEARN = ?) COMMENT ?",
            ("oss://oss-cn-shanghai-internal.aliyuncs.com/b/", "acs:ram::1:role/r", "it's ?"),
        )
        assert con.execute("SHOW MODELS").fetchone()[-1] == "it's ?"


class TestSecrets:
    def test_an_env_secret_is_resolved_when_it_is_sent(
        self, con: Any, kept: Any, sent: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        statement: Any = parse(remote().replace("'${EAS_TOKEN}'", "?"), [EnvSecret("EAS_TOKEN")])
        monkeypatch.delenv("EAS_TOKEN", raising=False)
        for sql, parameters in (
            (statement, ()),
            (remote().replace("'${EAS_TOKEN}'", ":k"), {"k": EnvSecret("EAS_TOKEN")}),
        ):
            with pytest.raises(dbapi.OptionError, match="the environment variable EAS_TOKEN is not set"):
                con.execute(sql, parameters)
        assert sent == []
        monkeypatch.setenv("EAS_TOKEN", KEY)
        con.execute(statement)
        assert f"APIKEY = '{KEY}'" in sent[0][0]
        found = kept.store.described("demo", "default", "chat")[1].options
        from sqlalchemy_odpsmodel.options import PlainSecret

        assert dict(found)["APIKEY"] == kept.store.fingerprint(PlainSecret(KEY))

    def test_an_empty_variable_is_none(self, con: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EAS_TOKEN", "")
        with pytest.raises(dbapi.OptionError, match="the environment variable EAS_TOKEN is not set"):
            con.execute(parse(remote().replace("'${EAS_TOKEN}'", "?"), [EnvSecret("EAS_TOKEN")]))

    def test_what_was_read_from_a_database_does_not_read_the_environment(
        self,
        local: Any,
        maxcompute_endpoint: MaxComputeEndpoint,
        sent: list[Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A statement from elsewhere may have written both the name of a variable and an ENDPOINT there."""
        monkeypatch.setenv("EAS_TOKEN", KEY)
        local.execute(remote())
        path = local.execute("PRAGMA database_list").fetchone()[2]
        metadata = MetaData()
        reflect_models(metadata, create_engine(f"odpsmodel:///{path}?project=demo"))
        engine = create_engine(f"odpsmodel+pyodps://a:b@demo/?endpoint={maxcompute_endpoint.url}")
        with pytest.raises(DBAPIError, match="expand_env=true"):
            metadata.create_all(engine)
        assert sent == []

    def test_a_str_in_python_is_no_env_secret(
        self, maxcompute_endpoint: MaxComputeEndpoint, sent: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It may come from anywhere, as a file of settings."""
        monkeypatch.setenv("EAS_TOKEN", KEY)
        metadata = MetaData()
        given = {key: value for key, value in REMOTE.items() if not key.startswith("MODEL_")}
        Model("c", metadata, ModelVersion("v1", options=given), source_type="REMOTE", model_type="MLLM")
        engine = create_engine(f"odpsmodel+pyodps://a:b@demo/?endpoint={maxcompute_endpoint.url}")
        with pytest.raises(DBAPIError, match=r"give EnvSecret\('EAS_TOKEN'\)"):
            metadata.create_all(engine)
        assert sent == []

    def test_a_variable_that_holds_no_key_is_named_and_not_shown(
        self, con: Any, sent: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        statement: Any = parse(remote().replace("'${EAS_TOKEN}'", "?"), [EnvSecret("EAS_TOKEN")])
        for value in ("****", "a key\nof two lines"):
            monkeypatch.setenv("EAS_TOKEN", value)
            with pytest.raises(dbapi.OptionError, match="the environment variable EAS_TOKEN: ") as caught:
                con.execute(statement)
            assert value not in str(caught.value)
        assert sent == []

    def test_sql_text_does_not_read_the_environment_unless_that_is_asked_for(
        self, connect: Connect, sent: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nor do its parameters; with expand_env=true both do."""
        monkeypatch.setenv("EAS_TOKEN", KEY)
        con = connect()
        for sql, parameters in ((remote(), ()), (remote().replace("'${EAS_TOKEN}'", "?"), ("${EAS_TOKEN}",))):
            with pytest.raises(dbapi.OptionError, match="expand_env=true"):
                con.execute(sql, parameters)
        assert sent == []
        connect(expand_env=True).execute(remote())
        assert f"APIKEY = '{KEY}'" in sent[0][0]

    def test_sqlalchemy_s_text_does_not_either(
        self, maxcompute_endpoint: MaxComputeEndpoint, sent: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EAS_TOKEN", KEY)
        engine = create_engine(f"odpsmodel+pyodps://a:b@demo/?endpoint={maxcompute_endpoint.url}")
        with engine.connect() as connection:
            with pytest.raises(DBAPIError, match="expand_env=true"):
                connection.exec_driver_sql(remote())
            assert sent == []
            connection.execute(text(remote().replace("'${EAS_TOKEN}'", ":k")), {"k": EnvSecret("EAS_TOKEN")})
        assert f"APIKEY = '{KEY}'" in sent[0][0]

    def test_no_key_is_logged_by_anyone_or_in_an_error(
        self,
        maxcompute_endpoint: MaxComputeEndpoint,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """At the level DEBUG of every logger, PyODPS's too; echo, repr, errors of the service and pickled ones."""
        monkeypatch.setenv("EAS_TOKEN", KEY)
        engine = create_engine(
            f"odpsmodel+pyodps://ak:{KEY}x@demo/?endpoint={maxcompute_endpoint.url}&expand_env=true",
            echo="debug",
        )
        told = [repr(engine), str(engine.url)]
        with caplog.at_level(logging.DEBUG), engine.connect() as connection:
            for sql in (
                remote(),
                remote(),  # which is there
                f"SET a.b=1;\n{remote('set', APIKEY=KEY)}",
                remote("plain", APIKEY=KEY),
                remote("plain", APIKEY=KEY),
                "DESC MODEL plain",
                f"CREAT MODEL x OPTIONS (APIKEY = '{KEY}')",
                f"SELECT '{KEY}' AS APIKEY FROM nowhere",
            ):
                try:
                    told += map(str, connection.exec_driver_sql(sql).all())
                except Exception as error:
                    told += [str(error), repr(error), str(pickle.loads(pickle.dumps(error)))]
            told.append(repr(connection.connection.driver_connection))
            inspector: Any = inspect(connection)
            told += [repr(inspector.get_models())]
        assert len(caplog.records) > 50
        assert any(record.name == "odps.rest" for record in caplog.records)
        for said in (*told, *(record.getMessage() for record in caplog.records)):
            assert KEY not in said

    def test_a_key_that_the_service_prints_is_masked(self, con: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """MaxCompute prints it in DESC, as the page shows."""
        con.execute(remote(APIKEY=KEY))
        text = con.service.text
        monkeypatch.setattr(
            con.service, "text", lambda instance: text(instance).replace("********" + 12 * " ", KEY)
        )
        assert KEY in con.service.text(con.execute("DESC MODEL chat")._instance)
        assert ("Version Information", "APIKEY", "********", "") in con.execute("DESC MODEL chat").fetchall()

    @pytest.mark.parametrize(
        ("line", "shown"),
        [
            ("'APIKEY' = 'a b c', 'X' = 1", "'APIKEY' = ********, 'X' = 1"),
            ("APIKEY: sk-1 more", "APIKEY: ******** more"),
            ('{"api_key":"a \\" b"}', '{"api_key":********}'),
            ("APIKEY='never closed, ", "APIKEY=********"),
            ("| apikey | string |", "| apikey | string |"),
            ("| APIKEY:      |", "| APIKEY:      |"),
        ],
    )
    def test_a_line_of_a_result_is_masked_to_the_end_of_its_key(
        self, con: Any, monkeypatch: pytest.MonkeyPatch, line: str, shown: str
    ) -> None:
        monkeypatch.setattr(con.service, "text", lambda instance: line)
        monkeypatch.setattr(con.service, "wait", lambda *_: None)
        assert con.execute("SHOW TABLES").fetchall() == [(shown,)]


class TestWhatTheServiceHas:
    def test_models_that_no_statement_makes_appear_as_what_they_are(
        self, con: Any, kept: Any, maxcompute_endpoint: MaxComputeEndpoint
    ) -> None:
        """INTERNAL_TRAIN, with a type of model and of input that are not among the rules'."""
        con.execute(create(name="trained"))
        kept.execute("UPDATE _odpsmodel_model SET source_type = 'INTERNAL_TRAIN', model_type = 'TRANSFORMER'")
        assert con.execute("SHOW MODELS").fetchall()[0][:4] == (
            "trained",
            "ALIYUN$local",
            "INTERNAL_TRAIN",
            "TRANSFORMER",
        )
        described = {(row[0], row[1]): row[2] for row in con.execute("DESC MODEL trained")}
        assert described["Model Information", "Source Type"] == "INTERNAL_TRAIN"
        engine = create_engine(f"odpsmodel+pyodps://a:b@demo/?endpoint={maxcompute_endpoint.url}")
        inspector: Any = inspect(engine)
        model = inspector.get_model("trained")
        assert (model["source_type"], model["model_type"]) == ("INTERNAL_TRAIN", "TRANSFORMER")

    def test_public_models(self, connect: Connect, kept: Any) -> None:
        """Their names hold - and . too; they are in a project of the vendor's."""
        con = connect()
        con.execute(create())
        kept.execute(
            "UPDATE _odpsmodel_model SET project = 'bigdata_public_modelset', name = 'Qwen3-0.6B-GGUF'"
        )
        kept.execute("UPDATE _odpsmodel_model SET name = lower(name)")
        name = "bigdata_public_modelset.default.`Qwen3-0.6B-GGUF`"
        described = {(row[0], row[1]): row[2] for row in con.execute(f"DESC MODEL {name}")}
        assert described["Model Information", "Project"] == "bigdata_public_modelset"
        assert described["Model Information", "Model Name"] == "qwen3-0.6b-gguf"
        assert [row[0] for row in con.execute(f"SHOW VERSIONS FOR MODEL {name}")] == ["v1"]
        with pytest.raises(dbapi.NoPermission, match="public models cannot be") as caught:
            con.execute("DROP MODEL bigdata_public_modelset.default.m")
        assert caught.value.code == "ODPS-0130013"

    def test_a_comment_of_several_lines_is_read_from_the_catalog(self, con: Any, local: Any) -> None:
        """DESC's text cannot tell what is what; the rows are the local driver's."""
        comment = "one\n+----+\n| Comment:                  two |\n| Input           | Type       | Comment |"
        rows = []
        for connection in (local, con):
            connection.execute(
                create(inputs="INPUT (a int COMMENT 'x\\ny', b string)", tail="COMMENT ?"), (comment,)
            )
            connection.execute("ALTER MODEL m ADD VERSION v2 INPUT (a int) WITH OPTIONS (LOCATION = ?, ROLEARN = ?)",
                ("oss://oss-cn-shanghai-internal.aliyuncs.com/b/", "acs:ram::1:role/r"))  # fmt: skip
            found = connection.execute("DESC MODEL m").fetchall()
            rows.append([row for row in map(tuple, found) if not row[1].endswith("Time")])
        assert rows[0] == rows[1]
        assert ("Model Information", "Comment", comment, "") in rows[1]

    def test_versions_of_a_service_that_prints_other_columns(
        self, con: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The columns of SHOW VERSIONS are not published: then they are those of the Catalog API."""
        con.execute(create(tail="COMMENT 'c'"))
        con.execute(add())
        expected = con.execute("SHOW VERSIONS FOR MODEL m").fetchall()
        text = con.service.text
        for other in ("+------+\n| Name |\n+------+\n| v1   |\n+------+", "v1\nv2"):
            monkeypatch.setattr(
                con.service, "text", lambda i, other=other: other if "IsDefault" in text(i) else text(i)
            )
            assert con.execute("SHOW VERSIONS FOR MODEL m").fetchall() == expected

    def test_an_answer_that_is_no_grid_is_an_error(self, con: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(con.service, "text", lambda _: "OK")
        with pytest.raises(dbapi.OperationalError, match="the service's answer to SHOW MODELS"):
            con.execute("SHOW MODELS")


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = tmp_path_factory.mktemp("slow") / "slow.db"
    with serve(path, Settings(asynchronous=True)) as endpoint:
        con = dbapi.connect("demo", "a", "b", endpoint=endpoint.url)
        con.execute("CREATE TABLE t (i BIGINT)")
        for _ in range(10):
            con.execute(f"INSERT INTO t VALUES {', '.join(f'({n})' for n in range(5_000))}")
        yield con


class TestStopping:
    """On an endpoint that answers before a statement has run."""

    #: Far longer than it may take, on any machine.
    LONG = f"SELECT COUNT(*) FROM t WHERE {' OR '.join([SLOW] * 10)}"

    def test_a_timeout_stops_the_statement(self, slow: Any) -> None:
        slow.timeout = 2
        cursor = slow.cursor()
        started = time.monotonic()
        with pytest.raises(dbapi.ServiceError, match="longer than its timeout") as caught:
            cursor.execute(self.LONG)
        assert time.monotonic() - started < 10  # else it has run to its end
        assert caught.value.instance_id == cursor.instance_id
        slow.timeout = None
        instance = slow.service.client.get_instance(cursor.instance_id)
        instance.wait_for_completion(interval=0.05)
        assert [status.status.name for status in instance.get_task_statuses().values()] == ["CANCELLED"]
        assert slow.execute("SELECT count(*) FROM t").fetchall() == [(50_000,)]

    def test_cancel_from_another_thread(self, slow: Any) -> None:
        cursor = slow.cursor()
        timer = threading.Timer(0.5, cursor.cancel)
        timer.start()
        with pytest.raises(dbapi.ServiceError, match="was stopped") as caught:
            cursor.execute(self.LONG)
        timer.join()
        assert caught.value.instance_id == cursor.instance_id

    def test_cancelling_nothing_is_harmless(self, con: Any) -> None:
        con.cursor().cancel()
        cursor = con.execute("SHOW MODELS")
        cursor.cancel()
        assert cursor.fetchall() == []

    def test_what_interrupts_the_waiting_stops_the_statement(
        self, slow: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(seconds: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("sqlalchemy_odpsmodel.maxcompute.service.sleep", interrupt)
        cursor = slow.cursor()
        with pytest.raises(KeyboardInterrupt):
            cursor.execute(self.LONG)
        monkeypatch.undo()
        instance = slow.service.client.get_instance(cursor.instance_id)
        instance.wait_for_completion(interval=0.05)
        assert [status.status.name for status in instance.get_task_statuses().values()] == ["CANCELLED"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_connections_of_its_own(con: Any) -> None:
    """PyODPS keeps its sockets by the thread, and a child has its parent's."""
    con.execute(create())
    child = os.fork()
    if not child:
        try:
            found = con.execute("SHOW MODELS").fetchall()
            os._exit(0 if len(found) == 1 else 1)
        except BaseException:
            os._exit(2)
    for _ in range(20):
        assert len(con.execute("SHOW MODELS").fetchall()) == 1
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_statement_texts_that_xml_would_change(con: Any, sent: list[Any]) -> None:
    """The end of a CDATA section comes through; what XML cannot carry is refused."""
    con.execute(create(tail="COMMENT 'a]]>b'"))
    assert con.execute("SHOW MODELS").fetchone()[-1] == "a]]>b"
    count = len(sent)
    with pytest.raises(dbapi.DataError, match=r"'\\x01'"):
        con.execute("SELECT '\x01' AS a")
    assert len(sent) == count
    assert con.execute("SELECT 'a\r\nb\rc' AS a").fetchone() == ("a\r\nb\rc",)
    con.execute("CREATE TABLE t (s STRING)")
    with pytest.raises(dbapi.ParseError, match="at most 2 MB") as too_large:
        con.execute("INSERT INTO t VALUES (?)", ("x" * 2**21,))
    assert "chunksize" in str(too_large.value)
    con.execute("INSERT INTO t VALUES (?)", ("\x01\x1f]]>\r\n",))
    assert con.execute("SELECT s FROM t").fetchone() == ("\x01\x1f]]>\r\n",)


def test_add_version_is_known_by_its_types() -> None:
    """An AddVersion that names its types is checked by them."""
    from sqlalchemy_odpsmodel.catalog import likely_types

    def types(**options: str) -> Any:
        return likely_types(AddVersion(parse("DESC MODEL m").name, "v2", (), tuple(options.items())))  # type: ignore[union-attr]

    assert types(LOCATION="x") == ("IMPORT", "BOOSTED_TREE_CLASSIFIER")
    assert types(TASKS="chat", MODEL_TYPE="MLLM") == ("REMOTE", "MLLM")
    assert types(MODEL_SOURCE_TYPE="REMOTE", LOCATION="x") == ("REMOTE", "LLM")
    assert types(MODEL_SOURCE_TYPE="INTERNAL_TRAIN") is None
    assert types(LOCATION="x", TASKS="chat") is None
    assert types(LOCATION="x", MODEL_TYPE="MLLM") is None
    assert types() is None
