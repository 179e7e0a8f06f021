"""What users write, as mypy --strict sees it: an ignore that is not needed is an error."""

from typing import cast

from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, create_engine, inspect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sqlalchemy_odpsmodel import (
    AlterModelAddVersion,
    AlterModelSetDefaultVersion,
    CreateModel,
    EnvSecret,
    Model,
    ModelInspector,
    ModelVersion,
    reflect_models,
)


def inspected(engine: Engine) -> list[str]:
    inspector = cast(ModelInspector, inspect(engine))
    model = inspector.get_model("m", schema="s")
    names: list[str] = [version["name"] for version in model["versions"]]
    kinds: list[str] = [column["type"] for column in model["versions"][0]["inputs"]]
    there: bool = inspector.has_model("m", schema="s")
    comments: list[str | None] = [version["comment"] for version in inspector.get_model_versions("m")]
    owners: list[str] = [
        found["owner"] for found in (*inspector.get_models("s"), *inspector.get_all_models())
    ]
    schemas: list[str] = [*inspector.get_model_schema_names(), inspector.get_default_model_schema_name()]
    return [*names, *kinds, *inspector.get_model_names(), *schemas, *owners, str(there), *map(str, comments)]


class Base(DeclarativeBase):
    pass


class Flower(Base):
    __tablename__ = "flowers"
    petal: Mapped[float] = mapped_column(primary_key=True)


def of_a_class() -> ModelVersion:
    options = {"TASKS": "chat", "APIKEY": EnvSecret("A")}
    return ModelVersion("v1", inputs=[Flower.petal], options=options)


def declared(metadata: MetaData, connection: Connection) -> Model:
    table = Table("t", metadata, Column("a", Integer))
    version = ModelVersion("v1", inputs=[table.c.a, ("b", "INT"), ("c", "INT", None)], options={"A": "b"})
    by_columns = ModelVersion("v1", inputs=table.c, options={"APIKEY": EnvSecret("A"), "TASKS": "chat"})
    model = Model("m", metadata, version, by_columns, source_type="IMPORT", model_type="LLM", comment=None)
    model.create(connection, checkfirst=True)
    model.to_metadata(MetaData(), schema="s").drop(connection)
    read: list[Model] = reflect_models(metadata, create_engine("odpsmodel://"), schema="s")
    connection.execute(CreateModel("m", version, source_type="IMPORT", model_type="LLM", schema="s"))
    connection.execute(AlterModelAddVersion(model, version))
    connection.execute(AlterModelSetDefaultVersion(model, model.versions[0]))
    return Model(read[0].name, metadata, autoload_with=connection)


def refused(metadata: MetaData) -> None:
    Model("m", metadata, ModelVersion("v1"))  # type: ignore[call-overload]
    Model("m", metadata, "v1", source_type="IMPORT", model_type="LLM")  # type: ignore[call-overload]
    CreateModel("m")  # type: ignore[call-overload]
    ModelVersion("v1", inputs=["a"])  # type: ignore[list-item]
