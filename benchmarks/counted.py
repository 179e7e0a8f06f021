"""How many requests each operation on MaxCompute takes, as the endpoint's log tells, and times beside bare
PyODPS."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from io import StringIO
from itertools import chain, count
from pathlib import Path
from typing import Any, NamedTuple, cast
from unittest import mock

import pandas as pd
from alembic import command
from alembic.config import Config
from odps.errors import BaseODPSError
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    NullPool,
    Table,
    Text,
    create_engine,
    insert,
    inspect,
    text,
)
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import Response

from sqlalchemy_odpsmodel import (
    AlterModelAddVersion,
    AlterModelDropVersion,
    AlterModelSetDefaultVersion,
    CreateModel,
    DropModel,
    Model,
    ModelInspector,
)
from sqlalchemy_odpsmodel.ddl import ModelDDL
from sqlalchemy_odpsmodel.maxcompute import dbapi
from sqlalchemy_odpsmodel.server.app import Endpoint, Settings
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint, connect_client, serve

from .contest import Contest, Contestant, Figure, Work
from .samples import ADD, CREATE, TYPES, version
from .serving import Lines
from .sizes import Sizes

SHOP = Path(__file__).parents[1] / "examples" / "shop"
MODELS, ROWS, PAGE = 10, 2_500, 1_000
STATEMENTS = {
    "CREATE MODEL": CREATE,
    "ADD VERSION": ADD,
    "SET DEFAULT_VERSION": "ALTER MODEL {name} SET DEFAULT_VERSION v2",
    "DROP VERSION": "ALTER MODEL {name} DROP VERSION v1",
    "DROP MODEL": "DROP MODEL {name}",
}
TABLE = Table("t", MetaData(), Column("id", Integer), Column("a", Text))
VALUES = [{"id": number, "a": str(number)} for number in range(ROWS)]
PYODPS, DRIVER, ENGINE = "PyODPS", "driver, text", "engine"


def elements(name: str) -> tuple[ModelDDL, ...]:
    """The statements as elements: a model's life."""
    model = Model(name, MetaData(), version(), **TYPES)
    return (
        CreateModel(model),
        AlterModelAddVersion(model, version("v2")),
        AlterModelSetDefaultVersion(model, "v2"),
        AlterModelDropVersion(model, "v1"),
        DropModel(model),
    )


class Counted(NamedTuple):
    """Of an operation.  ``polls`` are the questions whether a statement has ended that were answered with
    no: how many, time decides.  ``requests`` are all others."""

    requests: int
    polls: int


def counted(lines: Iterable[dict[str, Any]]) -> Counted:
    """What an access log says."""
    asked = [line for line in lines if "method" in line]
    polls = sum("running" in line for line in asked)
    return Counted(len(asked) - polls, polls)


@contextmanager
def noting_polls() -> Iterator[None]:
    """Endpoints that begin inside log of a question about a statement that it was running."""
    answer = Endpoint.read_instance

    async def noted(self: Endpoint, request: Request) -> Response:
        answered = await answer(self, request)
        if b"<Status>Running<" in answered.body:
            request.state.noted["running"] = True
        return answered

    with mock.patch.object(Endpoint, "read_instance", noted):
        yield


class Step(NamedTuple):
    """An operation, by this package and by PyODPS alone."""

    name: str
    ours: Work
    bare: Work | None = None


class Side(NamedTuple):
    """An endpoint for this package and another for PyODPS, as who has asked one for its addresses remembers
    them in the whole process; and connections and clients of both."""

    served: MaxComputeEndpoint
    connection: Connection
    client: Any

    def engine(self, project: str = "demo", **arguments: object) -> Engine:
        return engine_of(self.served, project, **arguments)

    def execute(self, statement: Any) -> list[Any]:
        """A statement, as text or element, and all of its rows."""
        found = self.connection.execute(text(statement) if isinstance(statement, str) else statement)
        return list(found) if found.returns_rows else []

    def send(self, sql: str) -> str:
        """A statement by PyODPS, and its result as text."""
        return str(self.client.execute_sql(sql).get_task_result())

    def read(self, sql: str) -> list[Any]:
        """A SELECT's rows by PyODPS."""
        with self.client.execute_sql(sql).open_reader(tunnel=True) as reader:
            return [record.values for record in reader]

    def inspector(self) -> Any:
        """Without what another has found."""
        return cast(ModelInspector, inspect(self.connection))


def engine_of(served: MaxComputeEndpoint, project: str = "demo", **arguments: object) -> Engine:
    """An engine for an endpoint, whose connections are all new."""
    query = "".join(f"&{key}={value}" for key, value in arguments.items())
    url = f"odpsmodel+pyodps://test:test@{project}/?endpoint={served.url}&schema=prod{query}"
    return create_engine(url, poolclass=NullPool)


@contextmanager
def sides(folder: Path, asynchronous: bool = False) -> Iterator[Side]:
    """Both sides, each with some models and a table of some rows; nothing has asked for addresses."""
    folder.mkdir()
    with ExitStack() as stack:
        stack.enter_context(noting_polls())
        settings = Settings(asynchronous=asynchronous)
        ours, bare = (stack.enter_context(serve(folder / name, settings)) for name in ("ours.db", "bare.db"))
        connection = stack.enter_context(engine_of(ours).connect())
        for served in ours, bare:
            with engine_of(served).begin() as preparing:
                for number in range(MODELS):
                    preparing.execute(text(CREATE.format(name=f"m{number}")))
                preparing.execute(text("CREATE TABLE t (id INT, a STRING)"))
                preparing.execute(insert(TABLE), VALUES)
        yield Side(ours, connection, bare.client("demo", schema="prod"))


def inserts(table: str) -> list[str]:
    """INSERTs of the values, as many as SQLAlchemy makes of them."""
    pages = (VALUES[first : first + PAGE] for first in range(0, ROWS, PAGE))
    return [
        f"INSERT INTO {table} VALUES " + ", ".join(f"({row['id']}, '{row['a']}')" for row in page)
        for page in pages
    ]


# The operations, in an order in which they can be done


def steps(side: Side) -> Iterator[Step]:
    """Each is done before the next is asked for."""
    yield Step(
        "connect",
        lambda: side.engine().connect().close(),
        lambda: connect_client(side.client.endpoint, "demo"),
    )
    yield Step("first statement of a client", *_both(side, "SHOW MODELS"))
    yield from _changes(side)
    for sql in ("SHOW MODELS", "SHOW VERSIONS FOR MODEL m0", "DESC MODEL m0"):
        yield Step(" ".join(sql.split()[:2]), *_both(side, sql))
    yield Step("refused by the service", *map(_failing, _both(side, "DROP MODEL nowhere")))
    yield Step("refused by the rules", _failing(lambda: side.execute("CREATE MODEL m0")))
    yield from _rows(side)
    yield from _tables(side)
    yield from _models(side)


def _both(side: Side, sql: str) -> tuple[Work, Work]:
    return lambda: side.execute(sql), lambda: side.send(sql)


def _failing(work: Work) -> Work:
    def fail() -> None:
        with suppress(DBAPIError, BaseODPSError):
            work()
            raise AssertionError("it did not fail")

    return fail


def _changes(side: Side) -> Iterator[Step]:
    """The five statements as elements and as text."""
    for (name, sql), element in zip(STATEMENTS.items(), elements("by_element"), strict=True):
        written = sql.format(name="by_text", version="v2")
        yield Step(f"{name}, element", partial(side.execute, element))
        yield Step(f"{name}, text", *_both(side, written))


def _rows(side: Side) -> Iterator[Step]:
    def in_pages() -> None:
        with side.engine(arraysize=PAGE).connect() as connection:
            list(connection.execute(text("SELECT * FROM t")))

    def append() -> None:
        frame.to_sql("u", side.connection, index=False, if_exists="append")

    frame, empty = pd.DataFrame(VALUES), TABLE.to_metadata(MetaData(), name="e")
    for run in _both(side, "CREATE TABLE e (id INT, a STRING)"):
        run()
    side.inspector().has_table("e")  # PyODPS asks once a client whether there are schemas
    for which in ("first of a project", "later"):
        yield Step(f"SELECT, {which}", lambda: side.execute("SELECT 1"), lambda: side.read("SELECT 1"))
    select = f"SELECT, {ROWS:,} rows"
    yield Step(select, lambda: side.execute("SELECT * FROM t"), lambda: side.read("SELECT * FROM t"))
    yield Step(f"{select}, pages of {PAGE:,}", in_pages)
    yield Step(
        f"INSERT, {ROWS:,} rows",
        lambda: side.connection.execute(insert(empty), VALUES),
        lambda: [side.send(sql) for sql in inserts("e")],
    )
    yield Step(f"to_sql, {ROWS:,} rows", lambda: frame.to_sql("u", side.connection, index=False))
    yield Step(f"to_sql, {ROWS:,} rows appended", append)


def _tables(side: Side) -> Iterator[Step]:
    first, client = side.engine().connect(), side.client

    def first_question() -> None:
        with first:
            inspect(first).has_table("t")

    def both() -> None:
        found = side.inspector()
        found.has_table("t")
        found.get_columns("t")

    yield Step("has_table, first of a connection", first_question)
    yield Step("has_table", lambda: side.inspector().has_table("t"), lambda: client.exist_table("t"))
    yield Step(
        "get_columns", lambda: side.inspector().get_columns("t"), lambda: client.get_table("t").reload()
    )
    yield Step("has_table, get_columns", both)
    yield Step("get_table_names, 3 tables", lambda: side.inspector().get_table_names())


def _models(side: Side) -> Iterator[Step]:
    client = side.client

    def create_all(name: str) -> None:
        metadata = MetaData()
        Model(name, metadata, version(), **TYPES)
        metadata.create_all(side.connection)

    def create_all_bare() -> None:
        assert not client.exist_model("created")
        side.send(CREATE.format(name="created"))

    for which in ("first on an endpoint", "later"):
        yield Step(
            f"has_model, {which}", lambda: side.inspector().has_model("m0"), lambda: client.exist_model("m0")
        )
    yield Step(
        "get_model", lambda: side.inspector().get_model("m0"), lambda: list(client.get_model("m0").versions)
    )
    yield Step(f"get_models, {MODELS}", lambda: side.inspector().get_models(), lambda: all_models(client))
    yield Step("create_all, one model", lambda: create_all("created"), create_all_bare)
    yield Step("create_all, one that is there", lambda: create_all("m0"))


def all_models(client: Any) -> list[Any]:
    """The models of a client's schema with their versions, by PyODPS."""
    return [list(model.versions) for model in client.list_models()]


def migrations(side: Side) -> Iterator[Step]:
    """alembic on examples/shop, a command for each revision and one for all, each on a new connection."""
    revisions, whole = side.engine("shop"), side.engine("whole")
    for engine in revisions, whole:  # the client asks once for the addresses
        with engine.connect() as connection:
            list(connection.execute(text("SELECT 1")))
    for path in sorted((SHOP / "migrations" / "versions").glob("*.py")):
        name = path.name[:4]
        yield Step(f"alembic upgrade {name}", partial(command.upgrade, _shop(revisions), name))
    yield Step("alembic upgrade head, 5 revisions", partial(command.upgrade, _shop(whole), "head"))
    yield Step("alembic upgrade head, nothing to do", partial(command.upgrade, _shop(whole), "head"))
    yield Step("alembic check", partial(command.check, _shop(whole)))


def _shop(engine: Engine) -> Config:
    """Of examples/shop without its file, whose settings of logging are of the whole process."""
    config = Config(stdout=StringIO(), attributes={"connection": engine})
    config.set_main_option("script_location", str(SHOP / "migrations"))
    config.set_main_option("prepend_sys_path", str(SHOP))
    config.set_main_option("path_separator", "os")
    return config


# What is counted, and timed


def contests(folder: Path, sizes: Sizes) -> Iterator[Contest | Figure]:
    with mock.patch.dict(os.environ, {"ASSISTANT_TOKEN": "a token for the shop"}):
        with sides(folder / "synchronous") as side:
            yield from _figures(side)
        with sides(folder / "asynchronous", asynchronous=True) as side:
            yield from _later_figures(side)
            yield _creating(side, 3 if sizes.creates > 1000 else 1, ", answered later")
    with sides(folder / "timed") as side:
        yield from _contests(side, max(sizes.creates // 1000, 1))


def count_of(work: Work) -> Counted:
    """What the log says of an operation."""
    with Lines().kept() as lines:
        work()
    return counted(lines)


def _operations(side: Side) -> Iterator[Step]:
    return chain(steps(side), migrations(side))


def _figures(side: Side) -> Iterator[Figure]:
    ours, bare = {}, {}
    for step in _operations(side):
        ours[step.name] = count_of(step.ours).requests
        if step.bare:
            bare[step.name] = count_of(step.bare).requests
    yield Figure("requests of odpsmodel+pyodps", ours, "requests")
    yield Figure("requests of PyODPS alone", bare, "requests")


def _later_figures(side: Side) -> Iterator[Figure]:
    """Of a service that answers before a statement has ended."""
    found = {step.name: count_of(step.ours) for step in _operations(side)}
    requests = {name: of.requests for name, of in found.items()}
    yield Figure("requests of odpsmodel+pyodps, answered later", requests, "requests")
    polls = {name: of.polls for name, of in found.items()}
    yield Figure("polls of odpsmodel+pyodps, answered later", polls, "polls")


def _contests(side: Side, times: int) -> Iterator[Contest]:
    client = side.client
    yield _creating(side, times)
    yield _contest(side, "DESC MODEL", "DESC MODEL m0", lambda: side.send("DESC MODEL m0"), times)
    select = "SELECT * FROM t"
    yield _contest(side, f"SELECT of {ROWS:,} rows", select, lambda: side.read(select), max(times // 4, 1))
    written = inserts("t2")
    for run in _both(side, "CREATE TABLE t2 (id INT, a STRING)"):
        run()
    table = TABLE.to_metadata(MetaData(), name="t2")
    for name, ours, bare, often in (
        (
            f"INSERT of {ROWS:,} rows",
            lambda: side.connection.execute(insert(table), VALUES),
            lambda: [side.send(sql) for sql in written],
            1,
        ),
        ("has_table", lambda: side.inspector().has_table("t"), lambda: client.exist_table("t"), times),
        (f"get_models, {MODELS}", lambda: side.inspector().get_models(), lambda: all_models(client), times),
    ):
        contestants = [_often(PYODPS, bare, often), _often(ENGINE, ours, often)]
        yield Contest(f"{name} by odpsmodel+pyodps", contestants)


def _creating(side: Side, times: int, how: str = "") -> Contest:
    """CREATE MODEL, each of a name of its own, outside of the schema that is listed."""
    names = count()

    def sql() -> str:
        return CREATE.format(name=f"made.c{next(names)}")

    return Contest(
        f"CREATE MODEL by odpsmodel+pyodps{how}",
        [
            _often(PYODPS, lambda: side.send(sql()), times),
            _often(DRIVER, lambda: _drive(side, sql()), times),
            _often(ENGINE, lambda: side.execute(sql()), times),
        ],
        rounds=3 if how else 15,
    )


def _contest(side: Side, name: str, sql: str, bare: Work, times: int) -> Contest:
    return Contest(
        f"{name} by odpsmodel+pyodps",
        [
            _often(PYODPS, bare, times),
            _often(DRIVER, lambda: _drive(side, sql), times),
            _often(ENGINE, lambda: side.execute(sql), times),
        ],
    )


def _drive(side: Side, sql: str) -> None:
    """A statement by the driver alone, and all of its rows."""
    driver = cast(dbapi.Connection, side.connection.connection.driver_connection)
    found = driver.execute(sql)
    if found.description is not None:
        found.fetchall()


def _often(name: str, work: Work, times: int) -> Contestant:
    return Contestant(name, lambda: lambda: [work() for _ in range(times)], times=times)
