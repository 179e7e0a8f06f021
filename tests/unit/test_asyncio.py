"""With asyncio: ``odpsmodel+aiosqlite``, the same statements, declarations, errors and migrations."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import subprocess
import sys
import threading
import time
from collections import OrderedDict, namedtuple
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from functools import wraps
from importlib.metadata import entry_points
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from engines import CALLED, FILE, IMPORTED, SERVICE, changes, imported, mapped, statements, version
from forked import in_a_fork
from migrations import Project
from samples import KEY, REMOTE, create
from sqlalchemy import Connection, MetaData, exc, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool, StaticPool

from sqlalchemy_odpsmodel import (
    AlterModelAddVersion,
    AlterModelDropVersion,
    AlterModelSetDefaultVersion,
    CreateModel,
    DropModel,
    Model,
    ModelInspector,
    ModelVersion,
    dbapi,
    reflect_models,
)
from sqlalchemy_odpsmodel.execution import driver_connection

aiosqlite = pytest.importorskip("aiosqlite", reason="asyncio is not supported before SQLAlchemy 2.0.58")

import sqlalchemy_odpsmodel.aiosqlite as ours  # noqa: E402


def asynchronous(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """A test that is a coroutine, in a loop of its own."""

    @wraps(function)
    def test(*args: Any, **kw: Any) -> None:
        asyncio.run(asyncio.wait_for(function(*args, **kw), 100))

    return test


@asynccontextmanager
async def engine_on(path: Any, query: str = "project=demo", **kw: Any) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"odpsmodel+aiosqlite:///{path}?{query}", **kw)
    yield engine
    await engine.dispose()


async def rows(engine: AsyncEngine, sql: str = "SHOW MODELS") -> list[tuple[Any, ...]]:
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(sql))]


async def names(engine: AsyncEngine) -> list[str]:
    return [row[0] for row in await rows(engine)]


class TestUse:
    @asynchronous
    async def test_the_entry_point(self, path: Path) -> None:
        assert "odpsmodel.aiosqlite" in {found.name for found in entry_points(group="sqlalchemy.dialects")}
        async with engine_on(path) as engine:
            assert type(engine.dialect) is ours.ODPSModelDialect_aiosqlite
            assert (engine.dialect.name, engine.dialect.driver) == ("odpsmodel", "aiosqlite")
            assert engine.dialect.supports_statement_cache

    @asynchronous
    async def test_every_statement_as_an_element(self, path: Path) -> None:
        metadata = MetaData()
        model = imported("m", metadata, version("v1"), comment="c")
        async with engine_on(path) as engine:
            seen = statements(engine.sync_engine)
            async with engine.begin() as connection:
                await connection.run_sync(metadata.create_all)
                await connection.execute(AlterModelAddVersion(model, version("v2")))
                await connection.execute(AlterModelSetDefaultVersion(model, "v2"))
                await connection.execute(AlterModelDropVersion(model, "v1"))
                await connection.execute(CreateModel("n", ModelVersion("v1", options=SERVICE), **CALLED))
                await connection.execute(DropModel("n"))
            assert [line.split()[0:2] for line in changes(seen)] == [
                ["CREATE", "MODEL"], *[["ALTER", "MODEL"]] * 3, ["CREATE", "MODEL"], ["DROP", "MODEL"]]  # fmt: skip
            ((name, owner, *_, default, _, _, comment),) = await rows(engine)
            assert (name, owner, default, comment) == ("m", "ALIYUN$local", "v2", "c")
            assert [row[0] for row in await rows(engine, "SHOW VERSIONS FOR MODEL m")] == ["v2"]
            assert ("Model Information", "Project", "demo", "") in await rows(engine, "DESC MODEL m")
            async with engine.begin() as connection:
                await connection.run_sync(metadata.drop_all)
            assert await names(engine) == []

    @asynchronous
    async def test_text_with_parameters_in_a_session(self, path: Path) -> None:
        async with engine_on(path) as engine, AsyncSession(engine) as session:
            sql = create().replace(":", r"\:") + " COMMENT :comment"
            await session.execute(text(sql), {"comment": "it's"})
            await session.commit()
            await session.execute(DropModel("m"))
            await session.rollback()
            result = await session.execute(text("SHOW MODELS"))
            assert result.mappings().one()["Comment"] == "it's"

    @asynchronous
    async def test_results_are_streamed(self, path: Path) -> None:
        async with engine_on(path) as engine:
            for name in "abc":
                async with engine.begin() as connection:
                    await connection.run_sync(imported(name).create)
            async with engine.connect() as connection:
                streamed = await connection.stream(text("SHOW MODELS"))
                assert [row.ModelName async for row in streamed] == ["a", "b", "c"]

    @asynchronous
    async def test_the_inspector(self, path: Path) -> None:
        def read(connection: Connection) -> tuple[Any, ...]:
            inspector = inspect(connection)
            assert isinstance(inspector, ModelInspector)
            found = [model.name for model in reflect_models(MetaData(), connection)]
            loaded = Model("m", MetaData(), autoload_with=connection)
            return inspector.get_model_names(), inspector.has_model("n"), found, len(loaded.versions)

        async with engine_on(path) as engine, engine.begin() as connection:
            await connection.run_sync(imported("m", None, version("v1"), version("v2")).create)
            assert await connection.run_sync(read) == (["m"], False, ["m"], 2)

    @asynchronous
    async def test_the_orm_joined_with_a_view(self, path: Path) -> None:
        Base, Score, Input = mapped()
        imported("m", Base.metadata)
        async with engine_on(path) as engine:
            async with engine.begin() as connection:
                await connection.run_sync(Base.metadata.create_all)
            async with AsyncSession(engine) as session, session.begin():
                session.add(Score(model="m", value=7))
            async with AsyncSession(engine) as session:
                joined = select(Input.name, Score.value).join(Score, Score.model == Input.model)
                assert (await session.execute(joined)).all() == [("f1", 7)]

    @asynchronous
    async def test_errors_are_the_driver_s(self, path: Path) -> None:
        async with engine_on(path) as engine, engine.connect() as connection:
            with pytest.raises(exc.ProgrammingError) as caught:
                await connection.execute(text("DESC MODEL m"))
            assert isinstance(caught.value.orig, dbapi.ModelNotFound)
            assert caught.value.orig.code == "ODPS-0110061"
            with pytest.raises(exc.ProgrammingError, match=r"ODPS-0130161:\[1,13\] Parse exception"):
                await connection.execute(text("SHOW MODELS LIKE 'a'"))
            await connection.run_sync(imported().create)
            with pytest.raises(
                exc.IntegrityError, match="The default version of the model cannot be dropped"
            ):
                await connection.execute(AlterModelDropVersion("m", "v1"))
            with pytest.raises(exc.DataError, match="LOCATION"):
                await connection.execute(text(create(name="n", LOCATION="x").replace(":", r"\:")))

    @asynchronous
    async def test_a_warning_may_be_an_error(self, path: Path) -> None:
        """And then nothing is done, as without asyncio."""
        located = imported("m", None, version(options={**FILE, "LOCATION": "oss://a.com/b/"}))
        async with engine_on(path) as engine:
            async with engine.begin() as connection:
                with pytest.raises(dbapi.ModelWarning, match="internal endpoints"):
                    await connection.run_sync(located.create)
            assert await names(engine) == []
            with pytest.warns(dbapi.ModelWarning, match="internal endpoints"):
                async with engine.begin() as connection:
                    await connection.run_sync(located.create)
            assert await names(engine) == ["m"]

    @asynchronous
    async def test_autocommit_and_back(self, path: Path) -> None:
        async with engine_on(path, "isolation_level=EXCLUSIVE") as engine:
            automatic = engine.execution_options(isolation_level="AUTOCOMMIT")
            async with automatic.connect() as connection:
                await connection.execute(CreateModel(imported()))
            assert await names(engine) == ["m"]
            async with engine.connect() as connection:
                level = await connection.run_sync(lambda sync: driver_connection(sync).isolation_level)
                assert level == "EXCLUSIVE"
                await connection.execute(DropModel("m"))
            assert await names(engine) == ["m"]

    @asynchronous
    async def test_what_set_gave_ends_with_the_stay_outside_of_the_pool(self, path: Path) -> None:
        async with engine_on(path) as engine:
            async with engine.begin() as connection:
                await connection.run_sync(imported(schema="s").create)
                await connection.execute(text("SET odps.namespace.schema=false"))
                with pytest.raises(exc.ProgrammingError, match=r"s\.default\.m does not exist"):
                    await connection.execute(text("DESC MODEL s.m"))
            assert len(await rows(engine, "DESC MODEL s.m")) > 10

    @asynchronous
    async def test_pools(self, path: Path) -> None:
        async with engine_on(path) as engine:
            assert type(engine.pool) is AsyncAdaptedQueuePool
        async with engine_on(":memory:") as engine:
            assert type(engine.pool) is StaticPool
            async with engine.begin() as connection:
                await connection.run_sync(imported().create)
            assert await names(engine) == ["m"]
        async with engine_on(path, poolclass=NullPool) as engine:
            await asyncio.gather(*(made(engine, f"m{number}") for number in range(5)))
            assert await names(engine) == [f"m{number}" for number in range(5)]

    @asynchronous
    async def test_a_creator(self, path: Path) -> None:
        def opened() -> Any:
            return aiosqlite.connect(path, factory=dbapi.Connection, project="p")

        engine = create_async_engine("odpsmodel+aiosqlite://", async_creator=opened)
        async with engine.begin() as connection:
            await connection.run_sync(imported().create)
        assert await rows(engine, "SELECT project FROM odps_models") == [("p",)]
        await engine.dispose()
        plain = create_async_engine(
            "odpsmodel+aiosqlite://", async_creator=lambda: aiosqlite.connect(":memory:")
        )
        async with plain.connect() as connection:
            with pytest.raises(
                exc.InvalidRequestError, match=r"aiosqlite\.connect\(…, factory=dbapi\.Connection\)"
            ):
                await connection.execute(text("SHOW MODELS"))
        await plain.dispose()

    @asynchronous
    async def test_hidden_parameters_are_hidden_from_aiosqlite_s_log_too(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        async with engine_on(path, hide_parameters=True) as engine, engine.connect() as connection:
            await connection.execute(text("CREATE TABLE keys (a)"))
            await connection.execute(text("INSERT INTO keys VALUES (:key)"), [{"key": KEY}, {"key": KEY}])
            await connection.execute(text("INSERT INTO keys VALUES (:key)"), {"key": KEY})
            assert (await connection.execute(text("SELECT a FROM keys"))).scalars().all() == [KEY] * 3
        assert [record for record in caplog.records if record.name == "aiosqlite"]
        assert not [record for record in caplog.records if KEY in record.getMessage()]

    @asynchronous
    async def test_aiosqlite_s_log_shows_no_sql_and_no_parameters(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Of whatever type they are, and on the driver's side of SQLAlchemy too."""

        class SQL(str):
            pass

        wrong = create(REMOTE, inputs="", APIKEY=KEY, NOSUCH="x")
        bound = create(REMOTE, inputs="", APIKEY=None, NOSUCH="x").replace(
            "OPTIONS (", "OPTIONS (APIKEY = :key, "
        )
        ways: list[tuple[str, Any]] = [
            (SQL(wrong), ()),
            (bound, OrderedDict(key=KEY)),
            (bound.replace(":key", "?"), namedtuple("Keys", "key")(KEY)),
            (bound.replace(":key", "?"), [(KEY,), (KEY,)]),
        ]
        caplog.set_level(logging.DEBUG, "aiosqlite")
        async with engine_on(path) as engine:
            for sql, parameters in ways:
                async with engine.connect() as connection:
                    with pytest.raises(exc.DBAPIError):
                        await connection.exec_driver_sql(sql, parameters)
            async with engine.connect() as connection:
                raw = (await connection.get_raw_connection()).dbapi_connection
                for execute in (
                    lambda _: raw.cursor().execute(wrong),
                    lambda _: raw.cursor(server_side=True).execute(wrong),
                    lambda _: raw.execute(wrong),
                ):
                    with pytest.raises(dbapi.ModelError):
                        await connection.run_sync(execute)
        assert not [record for record in caplog.records if KEY in record.getMessage()]

    @pytest.mark.parametrize("pre_ping", [False, True])
    @asynchronous
    async def test_a_connection_that_somebody_closed(self, path: Path, pre_ping: bool) -> None:
        """An error, or with pool_pre_ping none, and then a new connection."""
        async with engine_on(path, pool_pre_ping=pre_ping) as engine:
            await made(engine, "m")
            async with engine.connect() as connection:
                await (await connection.get_raw_connection()).driver_connection.close()  # type: ignore[union-attr]
            if not pre_ping:
                with suppress(exc.OperationalError):  # SQLAlchemy 2.0 sees it already when it is given back
                    await names(engine)
            assert await names(engine) == ["m"]

    @asynchronous
    async def test_a_commit_of_nothing_is_an_error(self, path: Path) -> None:
        async with engine_on(path) as engine, engine.connect() as connection:
            await connection.execute(CreateModel(imported()))
            await (await connection.get_raw_connection()).driver_connection.close()  # type: ignore[union-attr]
            with pytest.raises(exc.OperationalError, match="nothing was committed"):
                await connection.commit()

    def test_without_aiosqlite(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "aiosqlite", None)
        with pytest.raises(ImportError, match=r"pip install 'sqlalchemy_odpsmodel\[asyncio\]'"):
            create_async_engine("odpsmodel+aiosqlite://")

    def test_a_bad_url_is_refused_by_name(self) -> None:
        with pytest.raises(exc.ArgumentError, match="the URL's argument projct is unknown"):
            asyncio.run(rows(create_async_engine("odpsmodel+aiosqlite:///a.db?projct=demo")))

    def test_an_engine_that_nobody_disposed_of_keeps_no_program_from_its_end(self, path: Path) -> None:
        code = (
            "import asyncio; from sqlalchemy import text; from sqlalchemy.ext.asyncio import create_async_engine\n"
            f"engine = create_async_engine('odpsmodel+aiosqlite:///{path}')\n"
            "async def main():\n  connection = await engine.connect()\n"
            "  print((await connection.execute(text('SELECT 1'))).scalar())\n"
            "asyncio.run(main())"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


async def made(engine: AsyncEngine, name: str) -> None:
    """A model with two versions, in a transaction."""
    async with engine.begin() as connection:
        await connection.execute(CreateModel(name, version("v1"), **IMPORTED))
        await connection.execute(AlterModelAddVersion(name, version("v2")))


def assert_the_write_lock_is_free(path: Path) -> None:
    with closing(dbapi.connect(path, timeout=0)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()


def join_workers() -> None:
    """Wait for the threads of aiosqlite's to end."""
    for thread in threading.enumerate():
        if "_connection_worker" in thread.name:
            thread.join(10)
            assert not thread.is_alive()


class TestCancellation:
    """A task that is cancelled leaves no transaction, no lock and nothing half done."""

    @pytest.mark.parametrize("times", [1, 2, 3])
    @pytest.mark.parametrize("level", ["SERIALIZABLE", "AUTOCOMMIT"])
    @asynchronous
    async def test_while_it_waits_for_the_write_lock(self, path: Path, level: str, times: int) -> None:
        """However often it is cancelled, the task ends after its statement: nothing is written behind the back of
        who has cancelled it."""
        async with engine_on(path, isolation_level=level) as engine:
            await made(engine, "first")
            with closing(dbapi.connect(path)) as other:
                other.execute("BEGIN IMMEDIATE")
                waiting = asyncio.create_task(made(engine, "second"))
                for _ in range(times):
                    await asyncio.sleep(0.1)
                    waiting.cancel()
                await asyncio.sleep(0.1)
                assert not waiting.done()
                other.rollback()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert_the_write_lock_is_free(path)
            found = await names(engine)
            assert found in ([["first"]] if level == "SERIALIZABLE" else [["first"], ["first", "second"]])
            await asyncio.sleep(0.2)
            assert await names(engine) == found
            await made(engine, "third")

    @asynchronous
    async def test_while_it_connects(self, path: Path) -> None:
        opened, closed = [], []

        class Slow(dbapi.Connection):
            def __init__(self, *args: Any, **kw: Any) -> None:
                time.sleep(0.1)
                super().__init__(*args, **kw)
                opened.append(self)

            def close(self) -> None:
                super().close()
                closed.append(self)

        async with engine_on(path, poolclass=NullPool, connect_args={"factory": Slow}) as engine:
            connecting = asyncio.create_task(names(engine))
            await asyncio.sleep(0.05)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            join_workers()
            assert opened == closed != []

    @asynchronous
    async def test_while_it_ends(self) -> None:
        """It is not lost, where nothing else ends the task."""
        ended = asyncio.get_running_loop().create_future()
        waiting = asyncio.create_task(ours._ended(ended))
        for _ in range(2):
            await asyncio.sleep(0)
            waiting.cancel()
        await asyncio.sleep(0)
        assert not waiting.done()
        ended.set_result(None)
        with pytest.raises(asyncio.CancelledError):
            await waiting

    @pytest.mark.parametrize("times", [1, 2])
    @asynchronous
    async def test_while_it_reads_after_it_has_written(self, path: Path, times: int) -> None:
        """The query's cursor is in the frames of the task, which the caller still holds."""
        slow = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 1000000) SELECT max(i) FROM r"

        async def reading() -> None:
            async with engine.begin() as connection:
                streamed = await connection.stream(text("SELECT 1 UNION SELECT 2"))
                await connection.execute(CreateModel(imported("second")))
                await connection.execute(text(slow))
                await streamed.close()

        async with engine_on(path) as engine:
            await made(engine, "first")
            task = asyncio.create_task(reading())
            for _ in range(times):
                await asyncio.sleep(0.1)
                task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            assert_the_write_lock_is_free(path)
            assert await names(engine) == ["first"]
            assert caught.value.__traceback__

    @asynchronous
    async def test_a_connection_that_nobody_gave_back(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What collects it has no task that could wait; SQLAlchemy warns."""

        async def forgetting() -> None:
            connection = await engine.connect()
            await connection.execute(CreateModel(imported("second")))
            del connection
            gc.collect()

        async with engine_on(path) as engine:
            await made(engine, "first")
            with pytest.warns(exc.SAWarning, match="garbage collector"):
                await forgetting()
            assert "Exception terminating" not in caplog.text
            with closing(dbapi.connect(path, timeout=10)) as connection:
                connection.execute("BEGIN IMMEDIATE")
            assert await names(engine) == ["first"]

    @asynchronous
    async def test_between_two_statements(self, path: Path) -> None:
        async def hanging() -> None:
            async with engine.begin() as connection:
                await connection.execute(CreateModel(imported("second")))
                await asyncio.sleep(60)

        async with engine_on(path) as engine:
            await made(engine, "first")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await hanging()
            assert_the_write_lock_is_free(path)
            assert await names(engine) == ["first"]

    @asynchronous
    async def test_at_any_moment(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.WARNING)
        moments = random.Random(5)
        acknowledged: set[str] = set()

        async def making(name: str) -> None:
            await made(engine, name)
            acknowledged.add(name)

        async with engine_on(path) as engine:
            await made(engine, "first")
            for round_ in range(4):
                tasks = [asyncio.create_task(making(f"m{round_}_{number}")) for number in range(15)]
                for task in tasks * 2:  # some while they end already
                    asyncio.get_running_loop().call_later(moments.uniform(0, 0.3), task.cancel)
                await asyncio.gather(*tasks, return_exceptions=True)
                assert_the_write_lock_is_free(path)
            found = set(await names(engine))
            assert acknowledged <= found
            whole = "SELECT model FROM odps_model_versions GROUP BY 1 HAVING count(*) = 2"
            assert {row[0] for row in await rows(engine, whole)} == found
            assert 0 < len(acknowledged) < 60
        join_workers()
        assert not caplog.records


class TestAlembic:
    """A project as ``alembic init -t async`` makes it."""

    @pytest.fixture
    def project(self, path: Path, tmp_path: Path) -> Project:
        project = Project(tmp_path / "project", f"odpsmodel+aiosqlite:///{path}")
        command.init(
            Config(tmp_path / "alembic.ini", stdout=StringIO()), str(tmp_path / "made"), template="async"
        )
        env = (tmp_path / "made" / "env.py").read_text()
        declared = env.replace("target_metadata = None", 'target_metadata = config.attributes["metadata"]')
        assert declared != env
        (project.folder / "env.py").write_text(declared)
        return project

    def test_up_check_and_down(self, path: Path, project: Project) -> None:
        one, two = MetaData(), MetaData()
        imported("m", one)
        imported("m", two, version("v1"), version("v2"), default_version="v2")
        Model("n", two, ModelVersion("v1", options=SERVICE), **CALLED)
        for metadata in (one, two):
            project.revise(metadata)
            project.upgrade()
            assert project.check() == "No new upgrade operations detected.\n"
        assert asyncio.run(shown_of(path)) == ["m", "n"]
        project.downgrade()
        assert asyncio.run(shown_of(path)) == []

    def test_a_plain_key_is_compared_by_its_fingerprint(self, path: Path, project: Project) -> None:
        keyed = Model("n", project.metadata, ModelVersion("v1", options=SERVICE | {"APIKEY": KEY}), **CALLED)

        async def make() -> None:
            async with engine_on(path, "") as engine, engine.begin() as connection:
                await connection.run_sync(keyed.create)

        asyncio.run(make())
        command.stamp(project.config(), "head")
        assert project.check() == "No new upgrade operations detected.\n"

    def test_an_upgrade_that_fails_changes_nothing(self, path: Path, project: Project) -> None:
        metadata = MetaData()
        imported("m", metadata)
        file = project.revise(metadata)
        body = file.read_text().replace("def downgrade", "    op.drop_model('missing')\n\ndef downgrade")
        file.write_text(body)
        with pytest.raises(exc.ProgrammingError, match=r"model local\.default\.missing does not exist"):
            project.upgrade()
        assert asyncio.run(shown_of(path)) == []


async def shown_of(path: Path) -> list[str]:
    async with engine_on(path, "") as engine:
        return await names(engine)


@asynchronous
async def test_a_statement_without_rows_may_be_streamed(path: Path) -> None:
    async with engine_on(path) as engine, engine.connect() as connection:
        for sql in ("CREATE TABLE t (a)", create(), "INSERT INTO t VALUES (1)"):
            result = await connection.run_sync(
                lambda sync, sql=sql: sync.execution_options(stream_results=True).execute(text(sql))
            )
            assert not result.returns_rows


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_connection_that_a_fork_carried_over_is_refused_and_nobody_waits_for_its_thread(path: Path) -> None:
    engine = create_async_engine(f"odpsmodel+aiosqlite:///{path}")

    async def create_models(*found: str) -> None:
        async with engine.begin() as connection:
            for name in found:
                await connection.execute(CreateModel(imported(name)))

    asyncio.run(create_models("before"))

    def child() -> None:
        with pytest.raises(
            exc.ProgrammingError, match=r"before this process was forked.*dispose\(close=False\)"
        ):
            asyncio.run(asyncio.wait_for(create_models("refused"), 20))
        asyncio.run(asyncio.wait_for(engine.dispose(), 20))
        asyncio.run(asyncio.wait_for(create_models("child"), 20))
        asyncio.run(asyncio.wait_for(engine.dispose(), 20))

    assert in_a_fork(child) == 0
    asyncio.run(create_models("after"))
    assert asyncio.run(names(engine)) == ["after", "before", "child"]
    asyncio.run(engine.dispose())
