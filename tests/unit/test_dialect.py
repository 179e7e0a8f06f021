"""The dialects: URLs, names, pools, transactions, and that ordinary SQL is as with sqlite."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from engines import CALLED, SERVICE, imported, shown, statements, version
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, create_engine, exc, text
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from sqlalchemy.pool import NullPool, QueuePool, SingletonThreadPool, StaticPool

from sqlalchemy_odpsmodel import CreateModel, ModelVersion, __version__, dbapi
from sqlalchemy_odpsmodel.dialect import ODPSModelDialect, SQLiteDialect_odpsmodel


class TestURL:
    @pytest.mark.parametrize(
        ("scheme", "dialect", "name", "driver"),
        [("odpsmodel", ODPSModelDialect, "odpsmodel", "sqlite"),
         ("odpsmodel+sqlite", ODPSModelDialect, "odpsmodel", "sqlite"),
         ("sqlite+odpsmodel", SQLiteDialect_odpsmodel, "sqlite", "odpsmodel")],
    )  # fmt: skip
    def test_the_three_entry_points(
        self, path: Path, scheme: str, dialect: type, name: str, driver: str
    ) -> None:
        assert scheme.replace("+", ".") in {found.name for found in entry_points(group="sqlalchemy.dialects")}
        engine = create_engine(f"{scheme}:///{path}")
        assert (type(engine.dialect), engine.dialect.name, engine.dialect.driver) == (dialect, name, driver)
        assert engine.dialect.supports_statement_cache
        with engine.begin() as connection:
            assert isinstance(connection.connection.dbapi_connection, dbapi.Connection)
            connection.execute(CreateModel(imported()))
        assert [row[0] for row in shown(engine)] == ["m"]
        assert sa.inspect(engine).get_model_names() == ["m"]

    def test_relative_absolute_and_memory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for url, made in (
            ("odpsmodel:///relative.db", "relative.db"),
            (f"odpsmodel:///{tmp_path}/absolute.db", "absolute.db"),
        ):
            create_engine(url).connect().close()
            assert (tmp_path / made).exists()
        for url in ("odpsmodel://", "odpsmodel:///:memory:"):
            engine = create_engine(url)
            imported().create(engine)
            assert [row[0] for row in shown(engine)] == ["m"]
        assert sorted(os.listdir(tmp_path)) == ["absolute.db", "relative.db"]

    def test_a_name_with_blanks_and_chinese(self, tmp_path: Path) -> None:
        create_engine(sa.URL.create("odpsmodel", database=str(tmp_path / "模 型 #1?%.db"))).connect().close()
        assert os.listdir(tmp_path) == ["模 型 #1?%.db"]

    def test_arguments_are_connect_s(self, path: Path) -> None:
        arguments = "project=P&schema=S&owner=RAM$a:b&timezone=Asia/Shanghai&synchronous=OFF&timeout=2.5"
        engine = create_engine(f"odpsmodel:///{path}?{arguments}&isolation_level=EXCLUSIVE&detect_types=1")
        imported().create(engine)
        assert shown(engine, "SELECT project, schema, model, owner FROM odps_models") == [
            ("p", "s", "m", "RAM$a:b")
        ]
        (utc,) = shown(engine, "SELECT create_time FROM odps_models")
        assert shown(engine)[0][5] != utc[0][:19]
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver.isolation_level == "EXCLUSIVE"  # type: ignore[union-attr]
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 0
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 2500

    def test_a_change_of_the_isolation_level_goes_back_to_it(self, path: Path) -> None:
        engine = create_engine(f"odpsmodel:///{path}?isolation_level=EXCLUSIVE")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SELECT 1")
        with engine.connect() as connection:
            assert connection.connection.driver_connection.isolation_level == "EXCLUSIVE"  # type: ignore[union-attr]

    def test_a_creator(self, path: Path) -> None:
        engine = create_engine(
            "odpsmodel://", creator=lambda: dbapi.connect(path, project="p", check_same_thread=False)
        )
        imported().create(engine)
        assert shown(engine, "SELECT project FROM odps_models") == [("p",)]
        plain = create_engine(
            "odpsmodel://", creator=lambda: sqlite3.connect(":memory:", check_same_thread=False)
        )
        with pytest.raises(exc.InvalidRequestError, match=r"returns a connection of dbapi\.connect"):
            sa.inspect(plain).get_model_names()

    def test_a_uri(self, path: Path) -> None:
        writing = create_engine(f"odpsmodel:///{path}")
        imported().create(writing)
        writing.dispose()
        reading = create_engine(f"odpsmodel:///file:{path}?mode=ro&uri=true&project=local")
        assert [row[0] for row in shown(reading)] == ["m"]
        with pytest.raises(exc.OperationalError, match="readonly"):
            imported("n").create(reading)

    @pytest.mark.parametrize(
        ("rest", "message"),
        [
            ("/a.db?projct=demo", "the URL's argument projct is unknown: there are project, schema, owner"),
            ("/a.db?projct=demo&uri=false", "the URL's argument projct is unknown"),
            ("me@/a.db", "with two slashes"),
            (":pass@/a.db", "with two slashes"),
            ("/a.db?timeout=soon", "the URL's argument timeout cannot be 'soon'"),
            ("/a.db?mode=ro", "SQLite's own go with a path file:… and uri=true"),
            ("/a.db?isolation_level=AUTOCOMMIT", "SQLAlchemy's is create_engine(…, isolation_level=…)"),
            ("/a.db?uri=perhaps", "the URL's argument uri cannot be 'perhaps'"),
            ("/a.db?project=a&project=b", "the URL gives project more than once"),
            ("a.db", "a URL is odpsmodel:///path, odpsmodel:////absolute/path or odpsmodel://"),
            ("me:secret@host/a.db", "with two slashes the path's beginning is a host"),
        ],
    )  # fmt: skip
    def test_a_bad_one_is_refused_by_name(self, rest: str, message: str) -> None:
        with pytest.raises(exc.ArgumentError) as caught:
            create_engine(f"odpsmodel://{rest}").connect()
        assert message in str(caught.value)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(
        ("argument", "message"),
        [("project=a b", "project name 'a b'"), ("timezone=Mars", "timezone 'Mars' is not known"),
         ("synchronous=MAYBE", "synchronous must be one of OFF, NORMAL, FULL, EXTRA")],
    )  # fmt: skip
    def test_a_bad_value_is_told_when_connecting(self, argument: str, message: str) -> None:
        with pytest.raises(exc.DBAPIError) as caught:
            create_engine(f"odpsmodel://?{argument}").connect()
        assert message in str(caught.value)

    def test_the_version_of_the_driver(self) -> None:
        dialect = create_engine("odpsmodel://").dialect
        if hasattr(dialect, "dbapi_version"):  # SQLAlchemy 2.1
            assert dialect.dbapi_version == tuple(int(part) for part in __version__.split("."))


class TestImports:
    def run(self, code: str) -> str:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def test_the_driver_imports_no_sqlalchemy(self) -> None:
        assert self.run(
            "import sys, sqlalchemy_odpsmodel.dbapi; print([m for m in sys.modules if m.split('.')[0] == 'sqlalchemy'])"
        ) == "[]"  # fmt: skip

    def test_a_plain_engine_imports_nothing_of_ours(self) -> None:
        assert self.run(
            "import sys, sqlalchemy as s; s.MetaData().create_all(s.create_engine('sqlite://'));"
            "print([m for m in sys.modules if m.startswith('sqlalchemy_odpsmodel')])"
        ) == "[]"  # fmt: skip

    def test_the_dialect_imports_no_alembic_and_no_pyodps(self) -> None:
        assert self.run(
            "import sys, sqlalchemy as s; s.inspect(s.create_engine('odpsmodel://')).get_model_names();"
            "from sqlalchemy_odpsmodel import *;"
            "print([m for m in sys.modules if m.split('.')[0] in ('alembic', 'odps', 'click', 'pandas')])"
        ) == "[]"  # fmt: skip

    def test_the_names_of_the_package(self) -> None:
        import sqlalchemy_odpsmodel

        for name in sqlalchemy_odpsmodel.__all__:
            assert getattr(sqlalchemy_odpsmodel, name)
        assert set(sqlalchemy_odpsmodel.__all__) <= set(dir(sqlalchemy_odpsmodel))


class TestPool:
    def test_a_file_is_pooled_and_memory_is_a_thread_s(self, path: Path) -> None:
        assert type(create_engine(f"odpsmodel:///{path}").pool) is QueuePool
        assert type(create_engine("odpsmodel://").pool) is SingletonThreadPool
        engine = create_engine(f"odpsmodel:///{path}")
        with engine.connect() as connection:
            first = connection.connection.dbapi_connection
        with engine.connect() as connection:
            assert connection.connection.dbapi_connection is first

    @pytest.mark.parametrize("pool", [NullPool, StaticPool, QueuePool])
    def test_other_pools_and_threads(self, path: Path, pool: type) -> None:
        engine = create_engine(f"odpsmodel:///{path}", poolclass=pool)
        threads = 1 if pool is StaticPool else 4
        workers = [threading.Thread(target=imported(f"m{i}").create, args=(engine,)) for i in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [row[0] for row in shown(engine)] == [f"m{i}" for i in range(threads)]

    def test_what_set_gave_ends_with_the_stay_outside_of_the_pool(self, engine: Engine) -> None:
        imported(schema="s").create(engine)
        with engine.connect() as connection:
            connection.execute(text("SET odps.namespace.schema=false"))
            with pytest.raises(exc.ProgrammingError, match=r"s\.default\.m does not exist"):
                connection.execute(text("DESC MODEL s.m"))
        assert shown(engine, "DESC MODEL s.m")[1] == ("Model Information", "Project", "demo", "")
        engine.dispose()
        with engine.connect() as connection:
            connection.execute(text("SET odps.namespace.schema=false"))
        assert shown(engine, "DESC MODEL s.m")[1] == ("Model Information", "Project", "demo", "")


class TestTransactions:
    def test_autocommit_and_back(self, engine: Engine) -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(CreateModel(imported()))
            connection.rollback()
        assert [row[0] for row in shown(engine)] == ["m"]
        with engine.connect() as connection:
            assert connection.connection.dbapi_connection.isolation_level == "IMMEDIATE"  # type: ignore[union-attr]
            connection.execute(CreateModel(imported("n")))
        assert [row[0] for row in shown(engine)] == ["m"]

    def test_a_savepoint_in_autocommit_ends_its_transaction(self, engine: Engine) -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            nested = connection.begin_nested()
            connection.execute(CreateModel(imported()))
            nested.rollback()
            assert not connection.connection.driver_connection.in_transaction  # type: ignore[union-attr]
            connection.execute(CreateModel(imported("n")))
        assert [row[0] for row in shown(engine)] == ["n"]

    @pytest.mark.parametrize("level", ["SERIALIZABLE", "READ UNCOMMITTED"])
    def test_isolation_levels(self, path: Path, level: str) -> None:
        engine = create_engine(f"odpsmodel:///{path}", isolation_level=level)
        imported().create(engine)
        with engine.connect() as connection:
            assert connection.get_isolation_level() == level
        assert [row[0] for row in shown(engine)] == ["m"]

    def test_a_savepoint_is_in_a_transaction(self, engine: Engine) -> None:
        """Unlike plain sqlite3's legacy mode, in which its release commits."""
        table = Table("t", MetaData(), Column("a", Integer))
        table.create(engine)
        with engine.connect() as connection:
            with connection.begin_nested():
                connection.execute(table.insert(), {"a": 1})
            connection.rollback()
            assert connection.execute(table.select()).all() == []


class TestText:
    def test_model_statements_as_text(self, engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(
                text(
                    "CREATE MODEL m WITH VERSION v1 INPUT (f1 INT) OPTIONS (MODEL_SOURCE_TYPE = 'IMPORT',"
                    " MODEL_TYPE = 'BOOSTED_TREE_CLASSIFIER', LOCATION = :location,"
                    " ROLEARN = 'acs:ram::1:role/aliyunodpsdefaultrole') COMMENT :comment"
                ),
                {"location": version().options[0][1], "comment": "it's"},
            )
            result = connection.execute(text("SHOW MODELS"))
            assert list(result.keys())[:2] == ["ModelName", "Owner"]
            assert result.mappings().one()["Comment"] == "it's"
            row = connection.execute(
                text("SHOW VERSIONS FOR MODEL m").columns(sa.column("VersionName"))
            ).one()
            assert row.VersionName == "v1"
            assert connection.exec_driver_sql("DESC MODEL m").first() == (
                "Model Information",
                "Owner",
                "ALIYUN$local",
                "",
            )

    def test_many(self, engine: Engine) -> None:
        create = str(CreateModel(imported("m"))).replace("MODEL m", "MODEL {}") + " COMMENT :c"
        alter = "ALTER MODEL m ADD VERSION {} INPUT (a INT) WITH OPTIONS (LOCATION = :l, ROLEARN = 'acs:ram::1:role/r')"
        with engine.begin() as connection:
            connection.execute(text(create.format("m")), {"c": "x"})
            connection.execute(text(alter.format("v2")), [{"l": "oss://a-internal/b/"}])
            with pytest.raises(exc.ProgrammingError, match="version v2 of model m already exists"):
                connection.execute(
                    text(alter.format("v2")), [{"l": "oss://a-internal/b/"}, {"l": "oss://a-internal/c/"}]
                )

    def test_set_lines(self, engine: Engine) -> None:
        imported().create(engine)
        assert shown(engine, "SET odps.namespace.schema=false;\nDESC MODEL demo.m")[1][2] == "demo"
        assert shown(engine, "SET a=b; SELECT 1") == [(1,)]

    def test_an_error_has_its_place(self, engine: Engine) -> None:
        imported("m").create(engine)
        create = str(CreateModel("m", ModelVersion("v1", options=SERVICE), **CALLED))
        for sql, place in (
            ("SHOW MODELS LIKE 'a'", (1, 13)),
            (create.replace("chat", "x").replace("text-generation", "x"), (5, 5)),
            (create.replace("TASKS", "TASK"), (5, 5)),
            ("ALTER MODEL m ADD VERSION v2\nINPUT (a INT) WITH OPTIONS (TASKS = 'chat')", (2, 29)),
        ):
            for run in (
                lambda c, s: c.exec_driver_sql(s),
                lambda c, s: c.execute(text(s.replace(":", r"\:"))),
            ):
                with engine.connect() as connection, pytest.raises(exc.DBAPIError) as caught:
                    run(connection, sql)
                assert caught.value.orig.place[:2] == place, str(caught.value)

    def test_no_parameters(self, engine: Engine) -> None:
        with engine.begin() as connection:
            quiet = connection.execution_options(no_parameters=True)
            quiet.exec_driver_sql(str(CreateModel(imported(comment="100%"))))
            assert quiet.exec_driver_sql("SELECT comment FROM odps_models").scalar() == "100%"


class TestOrdinarySQL:
    def test_the_orm_beside_models(self, engine: Engine) -> None:
        class Base(DeclarativeBase):
            pass

        class Parent(Base):
            __tablename__ = "parent"
            id: Mapped[int] = mapped_column(primary_key=True)
            name: Mapped[str] = mapped_column(String(10), unique=True)
            children: Mapped[list[Child]] = relationship(back_populates="parent")

        class Child(Base):
            __tablename__ = "child"
            id: Mapped[int] = mapped_column(primary_key=True)
            parent_id: Mapped[int] = mapped_column(sa.ForeignKey("parent.id"))
            parent: Mapped[Parent] = relationship(back_populates="children")
            data: Mapped[dict[str, int]] = mapped_column(sa.JSON)
            at: Mapped[sa.DateTime] = mapped_column(sa.DateTime, server_default=sa.func.now())

        globals().update(Parent=Parent, Child=Child)
        imported("m", Base.metadata)
        Base.metadata.create_all(engine)
        with Session(engine) as session, session.begin():
            session.add(Parent(name="p", children=[Child(data={"a": 1}), Child(data={"a": 2})]))
        with Session(engine) as session:
            found = session.scalars(sa.select(Parent).options(sa.orm.selectinload(Parent.children))).one()
            assert [child.data["a"] for child in found.children] == [1, 2]
            upsert = insert(Parent).values(id=1, name="q")
            session.execute(upsert.on_conflict_do_update(index_elements=["id"], set_={"name": "q"}))
            assert session.scalars(sa.select(Parent.name)).all() == ["q"]
            models = Table("odps_models", MetaData(), autoload_with=engine)
            joined = sa.select(models.c.model, Parent.name).join(Parent, Parent.name != models.c.model)
            assert session.execute(joined).all() == [("m", "q")]

    def test_arguments_of_tables_are_sqlite_s(self, engine: Engine) -> None:
        table = Table("t", MetaData(), Column("id", Integer, primary_key=True), sqlite_autoincrement=True)
        seen = statements(engine)
        table.create(engine)
        assert "AUTOINCREMENT" in "".join(seen)
        with pytest.raises(exc.ArgumentError, match="odpsmodel_autoincrement"):
            Table("u", MetaData(), odpsmodel_autoincrement=True)

    def test_what_asks_for_sqlite_by_name(self) -> None:
        class Now(sa.sql.expression.ColumnElement[Any]):
            inherit_cache = True

        @compiles(Now, "sqlite")
        def compile_now(element: Any, compiler: Any, **kw: Any) -> str:
            return "42"

        kind = sa.BigInteger().with_variant(Integer(), "sqlite")
        engine = create_engine("sqlite+odpsmodel://")
        with engine.connect() as connection:
            assert connection.scalar(sa.select(Now())) == 42
        assert "INTEGER" in str(
            sa.schema.CreateTable(Table("t", MetaData(), Column("a", kind))).compile(engine)
        )

    def test_the_cache_of_statements_is_used(self, engine: Engine) -> None:
        table = Table("t", MetaData(), Column("a", Integer))
        table.create(engine)
        with engine.connect() as connection:
            for i in range(3):
                result = connection.execute(table.select().where(table.c.a == i))
            assert "cached since" in result.context._get_cache_stats()  # type: ignore[attr-defined]
