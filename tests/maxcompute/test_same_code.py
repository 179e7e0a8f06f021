"""The same SQLAlchemy, Alembic and pandas code on a local file and on MaxCompute: only the URL changes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from migrations import untimed
from samples import IMPORT, REMOTE
from services import KINDS, is_real, schema_of
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    create_engine,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, NoSuchTableError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from sqlalchemy_odpsmodel import (
    AlterModelAddVersion,
    AlterModelDropVersion,
    AlterModelSetDefaultVersion,
    CreateModel,
    DropModel,
    EnvSecret,
    Model,
    ModelVersion,
    reflect_models,
)

SHOP = Path(__file__).parents[2] / "examples" / "shop"
LOCATION, ROLE = IMPORT["LOCATION"], IMPORT["ROLEARN"]
SERVICE = {key: value for key, value in REMOTE.items() if not key.startswith("MODEL_")}
#: What the service keeps of a key is not its variable's name.
KEY = "sk-4f9c2e7ab1d84c55"


@pytest.fixture(params=["local", *KINDS])
def either(request: pytest.FixtureRequest, tmp_path: Path, services: Callable[[str], str]) -> Iterator[str]:
    """The URL of a new local file, or of a schema of each kind of service."""
    if request.param == "local":
        yield f"odpsmodel:///{tmp_path / 'local.db'}?project=demo"
        return
    with schema_of(services(request.param)) as url:
        yield url


@pytest.fixture
def engine(either: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("EAS_TOKEN", KEY)
    engine = create_engine(either)
    yield engine
    engine.dispose()


def declared() -> MetaData:
    metadata = MetaData()
    Model(
        "churn",
        metadata,
        ModelVersion("v1", inputs=[("orders", "INT")], options={"LOCATION": LOCATION, "ROLEARN": ROLE}),
        ModelVersion(
            "v2",
            inputs=[("orders", "INT"), ("spent", "DECIMAL(10,2)", "in yuan")],
            options={"LOCATION": LOCATION, "ROLEARN": ROLE},
            comment="with 'spent' \\ and | more",
        ),
        source_type="IMPORT",
        model_type="BOOSTED_TREE_CLASSIFIER",
        default_version="v2",
        comment="who will leave",
    )
    Model(
        "chat",
        metadata,
        ModelVersion("v1", options={**SERVICE, "APIKEY": EnvSecret("EAS_TOKEN")}),
        source_type="REMOTE",
        model_type="MLLM",
    )
    return metadata


def found(engine: Any, **arguments: Any) -> list[Any]:
    """The models without what only one side knows: times, the owner, what is kept of a key, the place."""
    inspector: Any = inspect(engine)
    models = untimed(inspector.get_models(**arguments))
    for model in models:
        for name in ("owner", "project", "schema"):
            del model[name]
        for version in model["versions"]:
            if "APIKEY" in version["options"]:
                version["options"]["APIKEY"] = "a key"
    return models


CHURN = {
    "name": "churn",
    "source_type": "IMPORT",
    "model_type": "BOOSTED_TREE_CLASSIFIER",
    "default_version": "v2",
    "comment": "who will leave",
    "versions": [
        {
            "name": "v1",
            "comment": "who will leave",
            "inputs": [{"name": "orders", "type": "int", "comment": None}],
            "options": {"LOCATION": LOCATION, "ROLEARN": ROLE},
        },
        {
            "name": "v2",
            "comment": "with 'spent' \\ and | more",
            "inputs": [
                {"name": "orders", "type": "int", "comment": None},
                {"name": "spent", "type": "decimal(10,2)", "comment": "in yuan"},
            ],
            "options": {"LOCATION": LOCATION, "ROLEARN": ROLE},
        },
    ],
}
CHAT = {
    "name": "chat",
    "source_type": "REMOTE",
    "model_type": "MLLM",
    "default_version": "v1",
    "comment": None,
    "versions": [{"name": "v1", "comment": None, "inputs": [], "options": {**SERVICE, "APIKEY": "a key"}}],
}


class TestSQLAlchemy:
    def test_create_all_makes_what_is_declared_once_and_drop_all_drops_it(self, engine: Any) -> None:
        metadata = declared()
        metadata.create_all(engine)
        metadata.create_all(engine)
        assert found(engine) == [CHAT, CHURN]
        metadata.drop_all(engine)
        metadata.drop_all(engine)
        assert found(engine) == []

    def test_the_five_elements(self, engine: Any) -> None:
        options = {"LOCATION": LOCATION, "ROLEARN": ROLE}
        first, second = (ModelVersion(name, inputs=[("a", "INT")], options=options) for name in ("v1", "v2"))
        types = {"source_type": "IMPORT", "model_type": "BOOSTED_TREE_REGRESSOR"}
        with engine.begin() as connection:
            connection.execute(CreateModel("m", first, **types))
            connection.execute(AlterModelAddVersion("m", second))
            with pytest.raises(IntegrityError, match="The default version of the model cannot be dropped"):
                connection.execute(AlterModelDropVersion("m", "v1"))
            connection.execute(AlterModelSetDefaultVersion("m", "v2"))
            connection.execute(AlterModelDropVersion("m", "v1"))
        assert [version["name"] for version in found(engine)[0]["versions"]] == ["v2"]
        with engine.begin() as connection:
            connection.execute(DropModel("m"))
            connection.execute(DropModel("m", if_exists=True))
        assert found(engine) == []

    def test_the_inspector(self, engine: Any) -> None:
        declared().create_all(engine)
        inspector: Any = inspect(engine)
        assert inspector.get_model_names() == ["chat", "churn"]
        assert inspector.has_model("CHURN")
        assert not inspector.has_model("nothing")
        assert not inspector.has_model("no name")
        assert [version["name"] for version in inspector.get_model_versions("churn")] == ["v1", "v2"]
        with pytest.raises(NoSuchTableError):
            inspector.get_model("nothing")
        assert inspector.get_default_model_schema_name() in inspector.get_model_schema_names()
        own = inspector.get_default_model_schema_name()
        assert [m["name"] for m in inspector.get_all_models([own])] == ["chat", "churn"]
        model = inspector.get_model("churn")
        assert model["create_time"] <= model["last_modified_time"]
        assert model["create_time"].tzinfo is not None

    def test_what_is_reflected_can_be_made_again(self, engine: Any) -> None:
        declared().create_all(engine)
        copied = MetaData()
        reflect_models(copied, engine)
        churn = Model("churn", MetaData(), autoload_with=engine)
        churn.drop(engine)
        churn.create(engine)
        assert found(engine) == [CHAT, CHURN]

    def test_a_table_with_each_type_by_core(self, engine: Any) -> None:
        """Rows come back as they went in, NULLs too; UPDATE and DELETE on a transactional table."""
        metadata = MetaData()
        table = Table(
            "kept",
            metadata,
            Column("id", Integer, primary_key=True),
            Column("name", String(20), comment="its 'name'"),
            Column("note", Text),
            Column("price", Numeric(10, 2)),
            Column("x", Double),
            Column("yes", Boolean),
            Column("day", Date),
            Column("at", DateTime),
            Column("data", LargeBinary),
            Column("parent", ForeignKey("kept.id"), index=True),
            odpsmodel_transactional=True,
        )
        row = {
            "id": 1,
            "name": "it's \\ 中文",
            "note": 'a "quoted"\n\tline; -- ? :name',
            "price": Decimal("12.50"),
            "x": -2.5e300,
            "yes": True,
            "day": date(1969, 12, 31),
            "at": datetime(2024, 2, 29, 23, 59, 59),
            "data": b"\x00\xff'",
            "parent": None,
        }
        empty = dict.fromkeys(row) | {"id": 2}
        metadata.create_all(engine)
        with engine.begin() as connection:
            connection.execute(insert(table), [row, empty])
            rows = connection.execute(select(table).order_by(table.c.id)).mappings().all()
            assert [dict(each) for each in rows] == [row, empty]
            assert connection.scalar(select(func.count()).where(table.c.name == row["name"])) == 1
            connection.execute(update(table).where(table.c.id == 2).values(name="two", yes=False))
            connection.execute(delete(table).where(table.c.id == 1))
            found = connection.execute(
                text("SELECT id, name, yes FROM kept WHERE id IN (:a, :b)"), {"a": 1, "b": 2}
            )
            assert [tuple(each) for each in found] == [(2, "two", False)]
        inspector = inspect(engine)
        assert inspector.has_table("kept")
        assert "kept" in inspector.get_table_names()
        assert [column["name"] for column in inspector.get_columns("kept")] == list(row)
        metadata.drop_all(engine)
        assert not inspect(engine).has_table("kept")

    def test_a_time_of_now_goes_into_a_datetime(self, engine: Any) -> None:
        """MaxCompute's DATETIME has milliseconds; JSON is text on the way."""
        table = Table("moments", MetaData(), Column("id", Integer), Column("at", DateTime), Column("j", JSON))
        table.create(engine)
        now = datetime(1900, 1, 2, 3, 4, 5, 678901)
        with engine.begin() as connection:
            connection.execute(insert(table), {"id": 1, "at": now, "j": {"a": [1, None, "中"]}})
            at, found = connection.execute(select(table.c.at, table.c.j)).one()
            assert connection.execute(select(table.c.id).where(table.c.at == at)).all() == [(1,)]
        assert abs(at - now) < timedelta(milliseconds=1)
        assert found == {"a": [1, None, "中"]}

    def test_the_orm(self, engine: Any) -> None:
        class Base(DeclarativeBase):
            pass

        class Customer(Base):
            __tablename__ = "customer"
            __table_args__ = {"odpsmodel_transactional": True}  # noqa: RUF012 - as SQLAlchemy has it

            id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
            name: Mapped[str]

        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all([Customer(id=1, name="a"), Customer(id=2, name="b")])
            session.commit()
            session.get_one(Customer, 2).name = "c"
            session.commit()
            assert session.scalars(select(Customer.name).order_by(Customer.id)).all() == ["a", "c"]


class TestPandas:
    def test_show_and_desc(self, engine: Any) -> None:
        declared().create_all(engine)
        models = pd.read_sql("SHOW MODELS", engine)
        assert list(models["ModelName"]) == ["chat", "churn"]
        assert list(models["DefaultVersion"]) == ["v1", "v2"]
        versions = pd.read_sql("SHOW VERSIONS FOR MODEL churn", engine)
        assert list(versions["IsDefault"]) == ["false", "true"]
        described = pd.read_sql(text("DESC MODEL chat"), engine).set_index("Name")["Value"]
        assert described["APIKEY"] in ("********", "${EAS_TOKEN}")

    def test_a_frame_there_and_back(self, engine: Any) -> None:
        frame = pd.DataFrame(
            {
                "n": range(2_500),
                "s": [f"row {n}'\\" for n in range(2_500)],
                "x": [n / 4 if n % 3 else None for n in range(2_500)],
                "at": pd.date_range("2024-01-01", periods=2_500, freq="h"),
            }
        )
        frame.to_sql("frame", engine, index=False)
        table = Table(
            "frame", MetaData(), *(Column(name) for name in ("n", "s", "x")), Column("at", DateTime)
        )
        again = pd.read_sql(select(table).order_by(table.c.n), engine)
        pd.testing.assert_frame_equal(again, frame, check_dtype=False)
        frame[:2].to_sql("frame", engine, index=False, if_exists="append")
        assert pd.read_sql("SELECT count(*) AS rows_there FROM frame", engine)["rows_there"][0] == 2_502
        frame[:1].to_sql("frame", engine, index=True, if_exists="replace")
        assert list(pd.read_sql_table("frame", engine).columns) == ["index", "n", "s", "x", "at"]


# Alembic: examples/shop


@pytest.fixture
def shop(tmp_path: Path, either: str) -> Path:
    """A copy; in a real project its second schema is one of the test's own."""
    copied = tmp_path / "shop"
    shutil.copytree(SHOP, copied, ignore=shutil.ignore_patterns("*.db*", "__pycache__"))
    if is_real(either):
        own = f"{make_url(either).query['schema']}_lab"
        for path in copied.rglob("*.py"):
            text = path.read_text().replace('schema="lab"', f'schema="{own}"')
            path.write_text(text.replace('"include_schemas": True', '"include_schemas": False'))
    return copied


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def alembic(shop: Path, either: str) -> Command:
    """The command alembic in the project on the database; its warnings are errors here."""

    def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-m", "alembic", "-x", f"url={either}", *arguments]
        environment = {**os.environ, "ASSISTANT_TOKEN": KEY}
        return subprocess.run(command, cwd=shop, env=environment, capture_output=True, text=True, check=check)

    return run


#: After each revision: the models with their default version and versions, and the tables.
SHOP_STATES = {
    "base": ([], []),
    "0001": (["churn v1: v1"], ["customer"]),
    "0002": (["assistant v1: v1", "churn v1: v1"], ["customer", "ticket"]),
    "0003": (["assistant v1: v1", "churn v2: v1 v2"], ["customer", "ticket"]),
    "0004": (["assistant v1: v1", "churn v2: v1 v2"], ["customer", "ticket"]),
    "0005": (["assistant v1: v1", "churn v2: v2", "demand v1: v1"], ["customer", "ticket"]),
}


def state(engine: Any) -> tuple[list[str], list[str]]:
    models = [
        f"{m['name']} {m['default_version']}: {' '.join(sorted(v['name'] for v in m['versions']))}"
        for m in found(engine)
    ]
    tables = set(inspect(engine).get_table_names()) - {"alembic_version"}
    return models, sorted(tables)


#: How the service answers makes no difference here, and each command is a process.
once = pytest.mark.parametrize("either", ["local", "synchronous", "project"], indirect=True)


@once
def test_the_shop_s_revisions_up_and_down(alembic: Command, engine: Any) -> None:
    for revision in list(SHOP_STATES)[1:]:
        alembic("upgrade", revision)
        assert state(engine) == SHOP_STATES[revision]
        with engine.connect() as connection:
            (current,) = connection.exec_driver_sql("SELECT version_num FROM alembic_version").one()
        assert current == revision
    assert "0005" in alembic("current").stdout
    assert "months" in [column["name"] for column in inspect(engine).get_columns("customer")]
    for revision in list(SHOP_STATES)[-2::-1]:
        alembic("downgrade", revision)
        assert state(engine) == SHOP_STATES[revision]


@once
def test_the_shop_s_check_finds_nothing_and_then_a_difference(alembic: Command, engine: Any) -> None:
    alembic("upgrade", "head")
    assert alembic("check").stdout == "No new upgrade operations detected.\n"
    with engine.begin() as connection:
        connection.execute(DropModel("demand"))
    found = alembic("check", check=False)
    assert found.returncode != 0
    assert "('create_model', 'demand', 'v1'" in found.stdout + found.stderr


@once
def test_no_key_is_written_by_a_migration(alembic: Command, shop: Path) -> None:
    done = alembic("upgrade", "head")
    written = [*shop.rglob("*.py"), *shop.rglob("*.log")]
    assert KEY not in done.stdout + done.stderr
    assert all(KEY not in path.read_text() for path in written)
