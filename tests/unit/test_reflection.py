"""What a database has: the inspector, models read from it, and the store's tables and views."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from engines import CALLED, FILE, SERVICE, imported, shown, statements, version
from samples import KEY
from sqlalchemy import Engine, MetaData, Table, create_engine, exc, inspect

from sqlalchemy_odpsmodel import EnvSecret, Model, ModelInspector, ModelVersion, dbapi, reflect_models
from sqlalchemy_odpsmodel.options import Fingerprint
from sqlalchemy_odpsmodel.schema import models_of

VIEWS = ("odps_models", "odps_model_versions", "odps_model_inputs", "odps_model_options")


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Two models in the schema default, one in the schema s."""
    imported("b", None, version("v2", inputs=[("f1", "INT"), ("f2", "DECIMAL(3,1)", "c")]), version("v1", comment="x"),
             comment="y", default_version="v1").create(engine)  # fmt: skip
    Model("a", MetaData(), ModelVersion("v1", options=SERVICE), **CALLED).create(engine)
    imported("c", schema="s").create(engine)
    return engine


def inspected(engine: Engine) -> ModelInspector:
    found = inspect(engine)
    assert isinstance(found, ModelInspector)
    return found


class TestInspector:
    def test_names(self, filled: Engine) -> None:
        inspector = inspected(filled)
        assert inspector.get_model_names() == ["a", "b"]
        assert inspector.get_model_names("S") == inspector.get_model_names(schema="s") == ["c"]
        assert inspector.get_model_names(schema="none") == []
        assert inspector.get_model_schema_names() == ["default", "s"]
        assert inspector.get_default_model_schema_name() == "default"

    def test_has_model(self, filled: Engine) -> None:
        inspector = inspected(filled)
        assert inspector.has_model("A")
        assert inspector.has_model("c", schema="s")
        assert not inspector.has_model("c")
        assert not inspector.has_model("a", "s")
        assert not inspector.has_model("a b")
        assert not inspector.has_model("a", "s.t")

    def test_a_model(self, filled: Engine) -> None:
        model = inspected(filled).get_model("B")
        now = datetime.now(UTC)
        times = [model.pop("create_time"), model.pop("last_modified_time")]  # type: ignore[misc]
        versions = model["versions"]
        times += [v.pop(name) for v in versions for name in ("create_time", "last_modified_time")]  # type: ignore[misc]
        assert all(now - timedelta(minutes=5) < time <= now for time in times)
        assert model == {
            "name": "b", "schema": "default", "project": "demo", "owner": "ALIYUN$local",
            "source_type": "IMPORT", "model_type": "BOOSTED_TREE_CLASSIFIER", "default_version": "v1",
            "comment": "y",
            "versions": [
                {"name": "v2", "comment": "y", "options": FILE,
                 "inputs": [{"name": "f1", "type": "int", "comment": None},
                            {"name": "f2", "type": "decimal(3,1)", "comment": "c"}]},
                {"name": "v1", "comment": "x", "options": FILE,
                 "inputs": [{"name": "f1", "type": "int", "comment": None}]},
            ],
        }  # fmt: skip

    def test_versions_and_an_env_secret(self, filled: Engine) -> None:
        (found,) = inspected(filled).get_model_versions("a")
        assert (found["name"], found["inputs"], found["comment"]) == ("v1", [], None)
        assert found["options"] == SERVICE
        assert found["options"]["APIKEY"] == EnvSecret("EAS_TOKEN")

    def test_all_models_of_a_schema(self, filled: Engine) -> None:
        inspector = inspected(filled)
        assert inspector.get_models() == [inspector.get_model("a"), inspector.get_model("b")]

    def test_what_is_not_there(self, filled: Engine) -> None:
        inspector = inspected(filled)
        for look in (lambda: inspector.get_model("z"), lambda: inspector.get_model_versions("z"),
                     lambda: Model("z", MetaData(), autoload_with=filled)):  # fmt: skip
            with pytest.raises(exc.NoSuchTableError, match=r"model demo\.default\.z does not exist"):
                look()

    def test_results_are_cached_until_cleared(self, filled: Engine) -> None:
        inspector = inspected(filled)
        before = (inspector.get_model_names(), inspector.has_model("z"), inspector.get_model("a"))
        lists = (len(inspector.get_models()), inspector.get_model_schema_names())
        seen = statements(filled)
        imported("z").create(filled)
        imported("z", schema="z").create(filled)
        del seen[:]
        assert (len(inspector.get_models()), inspector.get_model_schema_names()) == lists
        assert (inspector.get_model_names(), inspector.has_model("z"), inspector.get_model("a")) == before
        assert seen == []
        inspector.clear_cache()
        assert inspector.get_model_names() == ["a", "b", "z"]
        assert inspector.has_model("z")

    def test_of_a_connection_in_its_transaction(self, engine: Engine) -> None:
        with engine.connect() as connection:
            imported().create(connection)
            assert inspect(connection).get_model_names() == ["m"]  # type: ignore[attr-defined]
            connection.rollback()
            assert inspect(connection).get_model_names() == []  # type: ignore[attr-defined]

    def test_a_file_without_the_store_and_one_that_is_read_only(self, filled: Engine, path: Path) -> None:
        empty = inspected(create_engine("odpsmodel://"))
        assert (empty.get_model_names(), empty.get_models(), empty.has_model("m"), empty.get_model_schema_names()) == (
            [], [], False, [],
        )  # fmt: skip
        filled.dispose()
        reading = inspected(create_engine(f"odpsmodel:///file:{path}?mode=ro&uri=true&project=demo"))
        assert reading.get_model_names() == ["a", "b"]

    def test_a_newer_format(self, filled: Engine) -> None:
        with filled.begin() as connection:
            connection.exec_driver_sql("UPDATE _odpsmodel_store SET format = 9")
        with pytest.raises(exc.OperationalError, match="store format 9") as caught:
            inspected(filled).get_model_names()
        assert isinstance(caught.value.orig, dbapi.StoreError)

    def test_damage(self, filled: Engine) -> None:
        with filled.begin() as connection:
            connection.exec_driver_sql("DELETE FROM _odpsmodel_version WHERE name = 'v1'")
        with pytest.raises(exc.OperationalError, match="_odpsmodel_version is damaged"):
            inspected(filled).get_model("a")

    def test_the_text_factory_of_the_driver_does_not_matter(self, filled: Engine) -> None:
        @sa.event.listens_for(filled, "connect")
        def odd(connection: Any, record: Any) -> None:
            connection.text_factory = bytes

        filled.dispose()
        with filled.connect() as connection:
            assert filled.dialect.get_model(connection, "b")["versions"][0]["inputs"][1]["comment"] == "c"  # type: ignore[attr-defined]


class TestRead:
    def test_a_model(self, filled: Engine) -> None:
        for bind in (filled, inspect(filled)):
            model = Model("B", MetaData(), autoload_with=bind, info={"a": 1})
            assert repr(model) == repr(
                imported("b", None, version("v2", inputs=[("f1", "INT"), ("f2", "DECIMAL(3,1)", "c")]),
                         version("v1", comment="x"), comment="y", default_version="v1")
            )  # fmt: skip
            assert model.info == {"a": 1}
        with filled.connect() as connection:
            assert Model("c", MetaData(), schema="s", autoload_with=connection).fullname == "s.c"
        assert Model("c", MetaData(schema="s"), autoload_with=filled).schema == "s"

    def test_takes_nothing_else(self, filled: Engine) -> None:
        with pytest.raises(exc.ArgumentError, match="give its name only"):
            Model("b", MetaData(), comment="x", autoload_with=filled)  # type: ignore[call-overload]

    def test_another_dialect_has_none(self) -> None:
        plain = create_engine("sqlite://")
        for look in (lambda: Model("m", MetaData(), autoload_with=plain), lambda: reflect_models(MetaData(), plain),
                     lambda: reflect_models(MetaData(), inspect(plain))):  # fmt: skip
            with pytest.raises(exc.ArgumentError, match="the dialect sqlite has no models"):
                look()

    def test_all_of_a_schema(self, filled: Engine) -> None:
        metadata = MetaData()
        declared = imported("b", metadata)
        seen = statements(filled)
        assert [model.fullname for model in reflect_models(metadata, filled)] == ["a"]
        assert len([text for text in seen if "_odpsmodel_version" in text]) == 1
        assert [model.fullname for model in reflect_models(metadata, filled, schema="S")] == ["s.c"]
        assert reflect_models(metadata, filled) == []
        assert models_of(metadata)[0] is declared
        assert [model.fullname for model in reflect_models(MetaData(schema="s"), filled)] == ["s.c"]

    def test_a_plain_key_is_a_fingerprint_and_cannot_be_made_again(self, engine: Engine) -> None:
        Model("m", MetaData(), ModelVersion("v1", options=SERVICE | {"APIKEY": KEY}), **CALLED).create(engine)
        model = Model("m", MetaData(), autoload_with=engine)
        assert isinstance(dict(model.versions[0].options)["APIKEY"], Fingerprint)
        assert KEY not in repr(model)
        with pytest.raises(dbapi.OptionError, match="its fingerprint only: give the key, or EnvSecret"):
            model.create(create_engine("odpsmodel://"))

    def test_a_model_that_was_read_makes_the_same_again(self, filled: Engine) -> None:
        metadata = MetaData()
        reflect_models(metadata, filled)
        reflect_models(metadata, filled, schema="s")
        other = create_engine("odpsmodel://?project=demo")
        metadata.create_all(other)
        for view in VIEWS:
            columns = (
                "*"
                if view != "odps_model_versions"
                else "project, schema, model, version, is_default, path, comment"
            )
            columns = (
                columns
                if view != "odps_models"
                else "project, schema, model, owner, default_version, comment"
            )
            sql = f"SELECT {columns} FROM {view} ORDER BY 1, 2, 3, 4, 5"
            assert shown(other, sql) == shown(filled, sql)


class TestTablesAndViews:
    def test_the_store_s_never_show(self, filled: Engine) -> None:
        inspector = inspect(filled)
        assert (inspector.get_table_names(), inspector.get_view_names()) == ([], [])
        assert (inspector.get_table_names("main"), inspector.get_view_names("main")) == ([], [])
        assert inspector.get_sorted_table_and_fkc_names() == [(None, [])]
        with filled.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t (a)")
            connection.exec_driver_sql("CREATE VIEW v AS SELECT 1")
        inspector.clear_cache()
        assert (inspector.get_table_names(), inspector.get_view_names()) == (["t"], ["v"])
        metadata = MetaData()
        metadata.reflect(filled)
        assert list(metadata.tables) == ["t"]

    @pytest.mark.parametrize("view", VIEWS)
    def test_a_view_reflects_by_name(self, filled: Engine, view: str) -> None:
        table = Table(view, MetaData(), autoload_with=filled)
        metadata = MetaData()
        metadata.reflect(filled, only=[view], views=True)
        expected = {"create_time": sa.DateTime, "last_modified_time": sa.DateTime, "is_default": sa.Boolean,
                    "position": sa.Integer}  # fmt: skip
        with filled.connect() as connection:
            described = connection.exec_driver_sql(f"SELECT * FROM {view}").keys()
        for found in (table, metadata.tables[view]):
            assert [column.name for column in found.columns] == list(described)
            for column in found.columns:
                assert isinstance(column.type, expected.get(column.name, sa.Text)), column

    def test_times_are_datetimes_and_compare_as_such(self, filled: Engine) -> None:
        models = Table("odps_models", MetaData(), autoload_with=filled)
        versions = Table("odps_model_versions", MetaData(), autoload_with=filled)
        with filled.connect() as connection:
            time = connection.scalar(sa.select(models.c.create_time).where(models.c.model == "a"))
            assert time.tzinfo is None
            assert time.replace(tzinfo=UTC) == inspected(filled).get_model("a")["create_time"]
            same = sa.select(models.c.model).where(models.c.create_time == time)
            assert "a" in connection.scalars(same).all()
            earlier = sa.select(models.c.model).where(models.c.create_time < time)
            assert "a" not in connection.scalars(earlier).all()
            of_b = sa.select(versions.c.version, versions.c.is_default).where(versions.c.model == "b")
            assert dict(map(tuple, connection.execute(of_b))) == {"v1": True, "v2": False}
            defaults = sa.select(versions.c.version).where(versions.c.is_default, versions.c.model == "b")
            assert connection.scalars(defaults).all() == ["v1"]

    def test_reflecting_all_views_has_them(self, filled: Engine) -> None:
        """As metadata.reflect(only=[…], views=True) has to find them."""
        metadata = MetaData()
        metadata.reflect(filled, views=True)
        assert sorted(metadata.tables) == sorted(VIEWS)
        assert inspect(create_engine("odpsmodel://")).get_materialized_view_names() == []

    def test_a_table_and_a_view_of_one_s_own_of_such_names(self) -> None:
        engine = create_engine("odpsmodel://")
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE odps_models (a INTEGER, create_time INTEGER)")
            connection.exec_driver_sql("CREATE VIEW odps_model_inputs AS SELECT a FROM odps_models")
            inspector = inspect(connection)
            assert inspector.get_table_names() == ["odps_models"]
            assert inspector.get_view_names() == ["odps_model_inputs"]
            assert {type(column["type"]) for column in inspector.get_columns("odps_models")} == {sa.INTEGER}

    def test_tables_with_the_names_of_statements(self, filled: Engine) -> None:
        table = Table("show models", MetaData(), sa.Column("a", sa.Integer))
        assert not inspect(filled).has_table("show models")
        table.metadata.create_all(filled)
        table.metadata.create_all(filled)
        assert inspect(filled).has_table("show models")
        table.metadata.drop_all(filled)
        assert inspect(filled).get_table_names() == []

    def test_internal_tables_of_sqlite_when_asked_for(self, filled: Engine) -> None:
        with filled.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT)")
            names = filled.dialect.get_table_names(connection, sqlite_include_internal=True)  # type: ignore[call-arg]
        assert "sqlite_sequence" in names

    def test_an_attached_file_s_do_not_show_either(self, filled: Engine, path: Path) -> None:
        engine = create_engine("odpsmodel://")
        with engine.connect() as connection:
            connection.exec_driver_sql("ATTACH ? AS other", (str(path),))
            inspector = inspect(connection)
            assert (inspector.get_table_names("other"), inspector.get_view_names("other")) == ([], [])
