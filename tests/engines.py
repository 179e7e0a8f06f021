"""Engines, and models to declare on them."""

from __future__ import annotations

from typing import Any

from samples import IMPORT, REMOTE
from sqlalchemy import Engine, MetaData, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sqlalchemy_odpsmodel import EnvSecret, Model, ModelVersion

FILE = {key: IMPORT[key] for key in ("LOCATION", "ROLEARN")}
SERVICE: dict[str, Any] = {k: v for k, v in REMOTE.items() if not k.startswith("MODEL_")} | {
    "APIKEY": EnvSecret("EAS_TOKEN")
}
#: The two names of the dialect.
SCHEMES = ["odpsmodel", "sqlite+odpsmodel"]
#: The types of a model of each kind.
IMPORTED = {"source_type": "IMPORT", "model_type": "BOOSTED_TREE_CLASSIFIER"}
CALLED = {"source_type": "REMOTE", "model_type": "MLLM"}


def version(name: str = "v1", inputs: Any = (("f1", "INT"),), **named: Any) -> ModelVersion:
    return ModelVersion(name, inputs=inputs, **{"options": FILE, **named})


def imported(
    name: str = "m", metadata: MetaData | None = None, *versions: ModelVersion, **named: Any
) -> Model:
    """An IMPORT model, of version v1 unless others are given."""
    return Model(name, metadata or MetaData(), *(versions or (version(),)), **{**IMPORTED, **named})


def mapped() -> tuple[type[DeclarativeBase], Any, Any]:
    """A declarative base with a class of a table, of scores by model, and one of a view, of models' inputs."""

    class Base(DeclarativeBase):
        pass

    class Score(Base):
        __tablename__ = "score"
        model: Mapped[str] = mapped_column(primary_key=True)
        value: Mapped[int]

    class Input(Base):
        __tablename__ = "odps_model_inputs"
        model: Mapped[str] = mapped_column(primary_key=True)
        position: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]

    return Base, Score, Input


def statements(engine: Engine) -> list[str]:
    """A list that grows by each statement that the engine executes."""
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    return seen


def changes(seen: list[str]) -> list[str]:
    """Of the statements seen, the changes of models, each on one line."""
    lines = [" ".join(text.split()) for text in seen]
    return [line for line in lines if line.startswith(("CREATE MODEL", "ALTER MODEL", "DROP MODEL"))]


def shown(engine: Engine, sql: str = "SHOW MODELS") -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]
