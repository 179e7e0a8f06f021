"""The dialect of odpsmodel+pyodps where it is not as the local one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from samples import create
from services import url_of
from sqlalchemy import JSON, Column, Integer, MetaData, Table, Text, create_engine, insert, inspect, select
from sqlalchemy.exc import InvalidRequestError, ProgrammingError

from sqlalchemy_odpsmodel import dbapi as local_dbapi
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint


@pytest.fixture
def engine(maxcompute_endpoint: MaxComputeEndpoint) -> Any:
    return create_engine(url_of(maxcompute_endpoint))


def test_there_are_no_savepoints(engine: Any) -> None:
    with engine.connect() as connection, pytest.raises(InvalidRequestError, match="no transactions"):
        connection.begin_nested()


def test_the_isolation_level_is_autocommit(engine: Any) -> None:
    with engine.connect() as connection:
        assert connection.get_isolation_level() == "AUTOCOMMIT"
        assert connection.default_isolation_level == "AUTOCOMMIT"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert connection.exec_driver_sql("SHOW MODELS").all() == []


def test_a_pool_that_asks_first_sends_nothing(maxcompute_endpoint: MaxComputeEndpoint) -> None:
    engine = create_engine(url_of(maxcompute_endpoint), pool_pre_ping=True)
    for _ in range(2):
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SHOW MODELS").all() == []


def test_a_creator_of_another_driver_is_refused() -> None:
    engine = create_engine("odpsmodel+pyodps://", creator=lambda: local_dbapi.connect(":memory:"))
    with pytest.raises(InvalidRequestError, match="returns a connection"):
        inspect(engine).get_table_names()


def test_views_and_comments_of_tables(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the service lists them; the endpoint has no views."""
    Table("t", MetaData(), Column("a", Integer), comment="it's").create(engine)
    assert inspect(engine).get_table_comment("t") == {"text": "it's"}
    listed = [
        SimpleNamespace(name=n, _getattr=lambda _, t=t: t) for n, t in (("v", "VIRTUAL_VIEW"), ("t", None))
    ]
    with engine.connect() as connection:
        service: Any = connection.connection.driver_connection.service
        monkeypatch.setattr(service.client, "list_tables", lambda schema: listed)
        inspector = inspect(connection)
        assert (inspector.get_table_names(), inspector.get_view_names()) == (["t"], ["v"])


def test_schemas(engine: Any) -> None:
    Table("t", MetaData(), Column("a", Integer), schema="lab").create(engine)
    inspector = inspect(engine)
    assert inspector.get_schema_names() == ["default", "lab"]
    assert (inspector.get_table_names(), inspector.get_table_names("lab")) == ([], ["t"])
    assert inspector.has_table("t", "lab")
    assert not inspector.has_table("t")


def test_a_table_s_keys_and_indexes_are_none(engine: Any) -> None:
    table = Table("t", MetaData(), Column("a", Integer, primary_key=True), Column("b", Text, unique=True))
    table.create(engine)
    inspector = inspect(engine)
    assert inspector.get_pk_constraint("t")["constrained_columns"] == []
    assert inspector.get_foreign_keys("t") == inspector.get_indexes("t") == []
    assert inspector.get_unique_constraints("t") == inspector.get_check_constraints("t") == []


def test_division(engine: Any) -> None:
    """MaxCompute's / of whole numbers is not whole."""
    table = Table("t", MetaData(), Column("a", Integer), Column("b", Integer))
    table.create(engine)
    with engine.begin() as connection:
        connection.execute(insert(table), {"a": 7, "b": 2})
        assert connection.scalar(select(table.c.a / table.c.b)) == 3.5
    assert "FLOOR(t.a / t.b)" in str((table.c.a // table.c.b).compile(engine))


def test_serializers_of_json(maxcompute_endpoint: MaxComputeEndpoint) -> None:
    engine = create_engine(
        url_of(maxcompute_endpoint),
        json_serializer=lambda _: "[1]",
        json_deserializer=lambda text: f"read {text}",
    )
    table = Table("t", MetaData(), Column("j", JSON))
    table.create(engine)
    with engine.begin() as connection:
        connection.execute(insert(table), {"j": {"a": 1}})
        assert connection.scalar(select(table.c.j)) == "read [1]"


def test_names_that_are_none_are_not_asked_for(engine: Any) -> None:
    """As the SQL that pandas asks for."""
    for name in ("SHOW MODELS", "a.b", "", "`t`", "1a"):
        assert not inspect(engine).has_table(name)


def test_what_the_service_refuses_is_an_error_of_sqlalchemy_s(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the inspector, as of a statement."""
    from sqlalchemy_odpsmodel.maxcompute import dbapi

    with engine.connect() as connection:
        service: Any = connection.connection.driver_connection.service

        def refused(*_: Any) -> None:
            raise dbapi.NoPermission("you have no privilege")

        for method in ("columns", "models", "versions", "schemas"):
            monkeypatch.setattr(service, method, refused)
        inspector: Any = inspect(connection)
        for asked in (
            lambda: inspector.has_table("t"),
            inspector.get_model_names,
            lambda: inspector.get_model("m"),
            inspector.get_schema_names,
        ):
            with pytest.raises(ProgrammingError) as caught:
                asked()
            assert isinstance(caught.value.orig, dbapi.NoPermission)


def test_a_model_that_is_dropped_while_the_models_are_read_is_left_out(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(create())
        connection.exec_driver_sql(create(name="n"))
        service: Any = connection.connection.driver_connection.service
        versions = service.versions
        monkeypatch.setattr(service, "versions", lambda *key: [] if key[-1] == "m" else versions(*key))
        inspector: Any = inspect(connection)
        assert [model["name"] for model in inspector.get_models()] == ["n"]
