"""The contestants that keep models: each does the same changes, every one durable before the next.

All but MLflow and the two "as shipped" have one file each in WAL mode with synchronous=EXTRA, and the tables
of this package's store, so that the disk and SQLite do the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from os import environ
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Table, create_engine
from sqlalchemy.orm import DeclarativeBase, Session, relationship
from sqlalchemy.schema import ExecutableDDLElement

from sqlalchemy_odpsmodel import (
    AlterModelAddVersion,
    AlterModelDropVersion,
    AlterModelSetDefaultVersion,
    CreateModel,
    DropModel,
    dbapi,
)

from .samples import ADD, COMMENT, CREATE, TYPES, model_row, now, version, version_row


class Registry:
    """Keeps models in a file.  What is many is one transaction, what is one is durable when it is done."""

    name: str

    def __init__(self, path: str) -> None:
        self.path = path

    def cycle(self, model: str) -> None:
        """Create, add, set default, drop version, drop."""
        self.create(model)
        self.add(model, "v2")
        self.set_default(model, "v2")
        self.drop_version(model, "v1")
        self.drop(model)

    def create(self, model: str) -> None:
        self.create_many([model])

    def create_many(self, models: Iterable[str]) -> None: ...
    def add(self, model: str, name: str) -> None: ...
    def set_default(self, model: str, name: str) -> None: ...
    def drop_version(self, model: str, name: str) -> None: ...
    def drop(self, model: str) -> None: ...
    def describe(self, model: str) -> object: ...


def new_file(folder: Path, name: str) -> str:
    """A file with the store's tables and no model."""
    path = str(folder / f"{name}.db")
    with closing(dbapi.connect(path)) as connection:
        connection.execute(CREATE.format(name="first"))
        connection.execute("DROP MODEL first")
        connection.commit()
    return path


INSERT_MODEL = (
    "INSERT INTO _odpsmodel_model (project, schema, name, owner, source_type, model_type, default_version,"
    " create_time, last_modified_time, comment) VALUES ('local', 'default', ?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_VERSION = (
    "INSERT INTO _odpsmodel_version (model, name, create_time, last_modified_time, comment, inputs, options)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
KEY = "project = 'local' AND schema = 'default' AND name = ?"
DESCRIBE = (
    "SELECT m.*, v.* FROM _odpsmodel_model AS m JOIN _odpsmodel_version AS v"
    " ON v.model = m.id AND v.name = m.default_version"
    " WHERE m.project = 'local' AND m.schema = 'default' AND m.name = ?"
)


class Raw(Registry):
    """sqlite3 with hand-written inserts: the limit."""

    name = "raw sqlite3"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA synchronous=EXTRA")

    def add(self, model: str, name: str) -> None:
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        row = self._id(model)
        execute(INSERT_VERSION, (row, name, *version_row()))
        execute("UPDATE _odpsmodel_model SET last_modified_time = ? WHERE id = ?", (now(), row))
        execute("COMMIT")

    def set_default(self, model: str, name: str) -> None:
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        execute(
            f"UPDATE _odpsmodel_model SET default_version = ?, last_modified_time = ? WHERE {KEY}",
            (name, now(), model),
        )
        execute("COMMIT")

    def drop_version(self, model: str, name: str) -> None:
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        row = self._id(model)
        execute("DELETE FROM _odpsmodel_version WHERE model = ? AND name = ?", (row, name))
        execute("UPDATE _odpsmodel_model SET last_modified_time = ? WHERE id = ?", (now(), row))
        execute("COMMIT")

    def drop(self, model: str) -> None:
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        row = self._id(model)
        execute("DELETE FROM _odpsmodel_version WHERE model = ?", (row,))
        execute("DELETE FROM _odpsmodel_model WHERE id = ?", (row,))
        execute("COMMIT")

    def _id(self, model: str) -> int:
        found: int = self.connection.execute(
            f"SELECT id FROM _odpsmodel_model WHERE {KEY}", (model,)
        ).fetchone()[0]
        return found

    def create_many(self, models: Iterable[str]) -> None:
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        for model in models:
            row = execute(INSERT_MODEL, (model, *model_row())).lastrowid
            execute(INSERT_VERSION, (row, "v1", *version_row()))
        execute("COMMIT")

    def describe(self, model: str) -> object:
        return self.connection.execute(DESCRIBE, (model,)).fetchall()


def fill(path: str, models: int, versions: int = 1) -> None:
    """Add models m0 …, each with versions v1 …, as fast as it goes."""
    raw = Raw(path)
    raw.connection.execute("BEGIN IMMEDIATE")
    for i in range(models):
        row = raw.connection.execute(INSERT_MODEL, (f"m{i}", *model_row())).lastrowid
        rows = ((row, f"v{j}", *version_row()) for j in range(1, versions + 1))
        raw.connection.executemany(INSERT_VERSION, rows)
    raw.connection.execute("COMMIT")
    raw.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.connection.close()


class Text(Registry):
    """This package's driver, by the text of statements."""

    name = "driver, text"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.connection = dbapi.connect(path)

    def add(self, model: str, name: str) -> None:
        self.connection.execute(ADD.format(name=model, version=name))
        self.connection.commit()

    def set_default(self, model: str, name: str) -> None:
        self.connection.execute(f"ALTER MODEL {model} SET DEFAULT_VERSION {name}")
        self.connection.commit()

    def drop_version(self, model: str, name: str) -> None:
        self.connection.execute(f"ALTER MODEL {model} DROP VERSION {name}")
        self.connection.commit()

    def drop(self, model: str) -> None:
        self.connection.execute(f"DROP MODEL {model}")
        self.connection.commit()

    def create_many(self, models: Iterable[str]) -> None:
        for model in models:
            self.connection.execute(CREATE.format(name=model))
        self.connection.commit()

    def describe(self, model: str) -> object:
        return self.connection.execute(f"DESC MODEL {model}").fetchall()


class Elements(Registry):
    """This package's dialect: DDL elements are made and executed on an engine, DESC is text."""

    name = "engine"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.engine = create_engine(f"odpsmodel:///{path}")

    def _change(self, element: ExecutableDDLElement) -> None:
        with self.engine.begin() as connection:
            connection.execute(element)

    def create(self, model: str) -> None:
        self._change(CreateModel(model, version(), comment=COMMENT, **TYPES))

    def add(self, model: str, name: str) -> None:
        self._change(AlterModelAddVersion(model, version(name)))

    def set_default(self, model: str, name: str) -> None:
        self._change(AlterModelSetDefaultVersion(model, name))

    def drop_version(self, model: str, name: str) -> None:
        self._change(AlterModelDropVersion(model, name))

    def drop(self, model: str) -> None:
        self._change(DropModel(model))

    def create_many(self, models: Iterable[str]) -> None:
        with self.engine.begin() as connection:
            for model in models:
                connection.execute(CreateModel(model, version(), comment=COMMENT, **TYPES))

    def describe(self, model: str) -> object:
        with self.engine.connect() as connection:
            return connection.exec_driver_sql(f"DESC MODEL {model}").all()


_metadata = sa.MetaData()
#: The store's tables, as SQLAlchemy's users declare tables.
MODELS = Table(
    "_odpsmodel_model",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    *(sa.Column(name, sa.Text) for name in "project schema name owner source_type model_type".split()),
    sa.Column("default_version", sa.Text),
    sa.Column("create_time", sa.Integer),
    sa.Column("last_modified_time", sa.Integer),
    sa.Column("comment", sa.Text),
    sa.UniqueConstraint("project", "schema", "name"),
)
VERSIONS = Table(
    "_odpsmodel_version",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.ForeignKey(MODELS.c.id)),
    sa.Column("name", sa.Text),
    sa.Column("create_time", sa.Integer),
    sa.Column("last_modified_time", sa.Integer),
    *(sa.Column(name, sa.Text) for name in "comment inputs options".split()),
    sa.UniqueConstraint("model", "name"),
)
_MODEL_NAMES = [column.name for column in MODELS.columns][4:]
_VERSION_NAMES = [column.name for column in VERSIONS.columns][3:]
_KEY = {"project": "local", "schema": "default"}


def model_values(model: str) -> dict[str, Any]:
    return {**_KEY, "name": model, **dict(zip(_MODEL_NAMES, model_row(), strict=True))}


def version_values(name: str) -> dict[str, Any]:
    return {"name": name, **dict(zip(_VERSION_NAMES, version_row(), strict=True))}


def _tuned(path: str) -> sa.Engine:
    """SQLAlchemy's sqlite as its documentation tunes it: BEGIN IMMEDIATE, and durable."""
    engine = create_engine(f"sqlite:///{path}")

    @sa.event.listens_for(engine, "connect")
    def connect(connection: Any, record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous=EXTRA")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        reads = connection.get_execution_options().get("reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _as_shipped(path: str) -> sa.Engine:
    """SQLAlchemy's sqlite as create_engine gives it: a rollback journal, BEGIN by sqlite3."""
    engine = create_engine(f"sqlite:///{path}")
    _metadata.create_all(engine)
    return engine


_model = sa.bindparam("model_name")
_IS_MODEL = MODELS.c.project == "local", MODELS.c.schema == "default", MODELS.c.name == _model
_IS_ROW = MODELS.c.id == sa.bindparam("row")
_DEFAULT = sa.and_(VERSIONS.c.model == MODELS.c.id, VERSIONS.c.name == MODELS.c.default_version)
_OF_ROW = VERSIONS.c.model == sa.bindparam("row")


class Core(Registry):
    """SQLAlchemy Core on the same tables of plain sqlite, tuned: statements are made once."""

    name = "SQLAlchemy Core, tuned"
    insert_model, insert_version = sa.insert(MODELS), sa.insert(VERSIONS)
    select_id = sa.select(MODELS.c.id).where(*_IS_MODEL)
    touch = sa.update(MODELS).where(_IS_ROW).values(last_modified_time=sa.bindparam("time"))
    update_default = (
        sa.update(MODELS)
        .where(*_IS_MODEL)
        .values(default_version=sa.bindparam("default"), last_modified_time=sa.bindparam("time"))
    )
    delete_version = sa.delete(VERSIONS).where(_OF_ROW, VERSIONS.c.name == sa.bindparam("version"))
    delete_versions, delete_model = sa.delete(VERSIONS).where(_OF_ROW), sa.delete(MODELS).where(_IS_ROW)
    select_described = (
        sa.select(MODELS, VERSIONS).select_from(MODELS.join(VERSIONS, _DEFAULT)).where(*_IS_MODEL)
    )

    make_engine = staticmethod(_tuned)

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.engine = self.make_engine(path)

    def create_many(self, models: Iterable[str]) -> None:
        with self.engine.begin() as connection:
            for model in models:
                done = connection.execute(self.insert_model, model_values(model))
                assert done.inserted_primary_key
                values = {"model": done.inserted_primary_key[0], **version_values("v1")}
                connection.execute(self.insert_version, values)

    def add(self, model: str, name: str) -> None:
        with self.engine.begin() as connection:
            row = self._id(connection, model)
            connection.execute(self.insert_version, {"model": row, **version_values(name)})
            connection.execute(self.touch, {"row": row, "time": now()})

    def set_default(self, model: str, name: str) -> None:
        values = {"model_name": model, "default": name, "time": now()}
        with self.engine.begin() as connection:
            connection.execute(self.update_default, values)

    def drop_version(self, model: str, name: str) -> None:
        with self.engine.begin() as connection:
            row = self._id(connection, model)
            connection.execute(self.delete_version, {"row": row, "version": name})
            connection.execute(self.touch, {"row": row, "time": now()})

    def drop(self, model: str) -> None:
        with self.engine.begin() as connection:
            row = self._id(connection, model)
            connection.execute(self.delete_versions, {"row": row})
            connection.execute(self.delete_model, {"row": row})

    def _id(self, connection: sa.Connection, model: str) -> int:
        return connection.execute(self.select_id, {"model_name": model}).scalar_one()

    def describe(self, model: str) -> object:
        with self.engine.connect() as connection:
            connection.execution_options(reads=True)
            return connection.execute(self.select_described, {"model_name": model}).all()


class CoreAsShipped(Core):
    """The same on an engine as it comes."""

    name = "SQLAlchemy Core, as shipped"
    make_engine = staticmethod(_as_shipped)


class Base(DeclarativeBase):
    """What the mapped classes share."""


class VersionRow(Base):
    """A version, mapped."""

    __table__ = VERSIONS


class ModelRow(Base):
    """A model, mapped."""

    __table__ = MODELS
    versions = relationship(VersionRow, cascade="all, delete-orphan", order_by=VERSIONS.c.id)


class Orm(Registry):
    """SQLAlchemy's ORM on the same tables of plain sqlite, tuned."""

    name = "SQLAlchemy ORM, tuned"

    make_engine = staticmethod(_tuned)

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.engine = self.make_engine(path)

    def add(self, model: str, name: str) -> None:
        with self._changed(model) as row:
            row.versions.append(VersionRow(**version_values(name)))

    def set_default(self, model: str, name: str) -> None:
        with self._changed(model) as row:
            row.default_version = name

    def drop_version(self, model: str, name: str) -> None:
        with self._changed(model) as row:
            row.versions.remove(next(version for version in row.versions if version.name == name))

    def drop(self, model: str) -> None:
        with Session(self.engine) as session, session.begin():
            session.delete(self._found(session, model))

    @contextmanager
    def _changed(self, model: str) -> Iterator[Any]:
        with Session(self.engine) as session, session.begin():
            row = self._found(session, model)
            yield row
            row.last_modified_time = now()

    def _found(self, session: Session, model: str) -> Any:
        return session.scalars(sa.select(ModelRow).filter_by(**_KEY, name=model)).one()

    def _made(self, model: str) -> ModelRow:
        return ModelRow(**model_values(model), versions=[VersionRow(**version_values("v1"))])

    def create_many(self, models: Iterable[str]) -> None:
        with Session(self.engine) as session, session.begin():
            session.add_all(map(self._made, models))

    def describe(self, model: str) -> object:
        with Session(self.engine) as session:
            session.connection(execution_options={"reads": True})
            row = self._found(session, model)
            return row, row.versions


class OrmAsShipped(Orm):
    """The same on an engine as it comes."""

    name = "SQLAlchemy ORM, as shipped"
    make_engine = staticmethod(_as_shipped)


class Mlflow(Registry):
    """MLflow's registry on a file of SQLite, as MLflow makes it."""

    name = "MLflow's registry"

    def __init__(self, path: str) -> None:
        self.path = path
        environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        from mlflow import MlflowClient

        url = f"sqlite:///{path}"
        self.client = MlflowClient(tracking_uri=url, registry_uri=url)
        self.client.create_registered_model("first")

    def create(self, model: str) -> None:
        self.client.create_registered_model(model, description=COMMENT)
        self.add(model, "1")
        self.set_default(model, "1")

    def cycle(self, model: str) -> None:
        """It numbers the versions."""
        self.create(model)
        self.add(model, "2")
        self.set_default(model, "2")
        self.client.delete_model_version(model, "1")
        self.client.delete_registered_model(model)

    def add(self, model: str, name: str) -> None:
        self.client.create_model_version(model, "file:///tmp/xgboost_classifier", description=COMMENT)

    def set_default(self, model: str, name: str) -> None:
        self.client.set_registered_model_alias(model, "default", name)

    def describe(self, model: str) -> object:
        return self.client.get_model_version_by_alias(model, "default")


def registries(folder: Path) -> list[Registry]:
    """All that can take part, the limit first; MLflow where it is installed."""
    tuned: list[type[Registry]] = [Raw, Text, Elements, Core, Orm]
    as_shipped: list[type[Registry]] = [CoreAsShipped, OrmAsShipped]
    if find_spec("mlflow"):
        as_shipped.append(Mlflow)
    return [
        *(kind(new_file(folder, kind.__name__)) for kind in tuned),
        *(kind(str(folder / f"{kind.__name__}.db")) for kind in as_shipped),
    ]
