"""Alembic on models beside Alembic on tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from io import StringIO
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp
from typing import cast

from alembic import command
from alembic.config import Config
from sqlalchemy import Column, Double, Engine, Integer, MetaData, NullPool, Table, create_engine, inspect
from sqlalchemy.schema import CreateTable

from sqlalchemy_odpsmodel import Model, ModelInspector, ModelVersion, reflect_models

from .contest import Contest, Contestant, Work, at_most
from .sizes import Sizes

BUCKET = "oss://oss-cn-shanghai-internal.aliyuncs.com/bucket/"
FILES = {"LOCATION": f"{BUCKET}iris/", "ROLEARN": "acs:ram::1234567890:role/aliyunodpsdefaultrole"}
ENV = """
from alembic import context
from sqlalchemy import NullPool, create_engine

given = context.config.attributes
with create_engine(given["url"], poolclass=NullPool).connect() as connection:
    context.configure(connection=connection, target_metadata=given["metadata"])
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = {name!r}, {before!r}

def upgrade():
    {operation}
"""
TYPES = "source_type='IMPORT', model_type='BOOSTED_TREE_CLASSIFIER'"
INPUTS = "inputs=[('a', 'DOUBLE'), ('b', 'DOUBLE')]"
CREATE_MODEL = f"op.create_model(revision, 'v1', {TYPES}, {INPUTS}, options={FILES})"
DOUBLES = "sa.Column('a', sa.Double), sa.Column('b', sa.Double)"
CREATE_TABLE = f"op.create_table(revision, sa.Column('id', sa.Integer, primary_key=True), {DOUBLES})"


def models(count: int) -> MetaData:
    """Declares IMPORT models, each of two versions with two inputs, and with files of its own."""
    metadata = MetaData()
    for i in range(count):
        inputs, files = [("a", "DOUBLE"), (f"b{i}", "DOUBLE")], FILES | {"LOCATION": f"{BUCKET}{i}/"}
        versions = [ModelVersion(name, inputs=inputs, options=files) for name in ("v1", "v2")]
        Model(f"m{i}", metadata, *versions, source_type="IMPORT", model_type="BOOSTED_TREE_CLASSIFIER")
    return metadata


def tables(count: int) -> MetaData:
    """Declares tables, each of three columns."""
    metadata = MetaData()
    for i in range(count):
        columns = Column("id", Integer, primary_key=True), Column("a", Double), Column(f"b{i}", Double)
        Table(f"t{i}", metadata, *columns)
    return metadata


def project(folder: Path, url: str, metadata: MetaData, operation: str = "", revisions: int = 0) -> Config:
    """An Alembic project, with a chain of revisions of one operation each."""
    (folder / "versions").mkdir()
    (folder / "env.py").write_text(ENV)
    names = [f"r{i}" for i in range(revisions)]
    for before, name in pairwise([None, *names]):
        text = REVISION.format(name=name, before=before, operation=operation)
        (folder / "versions" / f"{name}.py").write_text(text)
    config = Config(stdout=StringIO(), attributes={"metadata": metadata, "url": url})
    config.set_main_option("script_location", str(folder))
    return config


def contests(folder: Path, sizes: Sizes) -> Iterator[Contest]:
    for count in sizes.checks:
        yield _checks(Path(mkdtemp(dir=folder)), count, sizes.tables)
    yield _upgrades(folder, sizes.revisions)


def _checks(folder: Path, count: int, table_count: int) -> Contest:
    """Of databases that have all that is declared.  Declaring and making them is not timed."""
    on_models, on_tables = f"odpsmodel:///{folder}/models.db", f"sqlite:///{folder}/tables.db"
    models(count).create_all(create_engine(on_models, poolclass=NullPool), checkfirst=False)
    creates = (str(CreateTable(table)) for table in tables(table_count).tables.values())
    with closing(sqlite3.connect(folder / "tables.db")) as connection:
        connection.executescript(";".join(["BEGIN", *creates, "COMMIT"]))

    def check(url: str, metadata: MetaData) -> Work:
        return partial(command.check, project(Path(mkdtemp(dir=folder)), url, metadata))

    def read(reader: Callable[[Engine], object]) -> Work:
        declared = models(count)  # for garbage collection to go over, as in a check
        return lambda: (reader(create_engine(on_models, poolclass=NullPool)), declared)

    tables_name = f"check {table_count:,} tables on sqlite"
    seconds = 0.7 if count <= 1000 else 1.5
    return Contest(
        f"alembic check of {count:,} models",
        [
            Contestant(tables_name, lambda: check(on_tables, tables(table_count))),
            Contestant("check", lambda: check(on_models, models(count)), (at_most(seconds),)),
            Contestant("- get_models", lambda: read(lambda e: cast(ModelInspector, inspect(e)).get_models())),
            Contestant("- reflect_models", lambda: read(lambda e: reflect_models(MetaData(), e))),
        ],
        rounds=4,
    )


def _upgrades(folder: Path, revisions: int) -> Contest:
    """Of new files, with the durability that each URL has by default."""

    def upgrade(dialect: str, operation: str) -> Work:
        new = Path(mkdtemp(dir=folder))
        config = project(new, f"{dialect}:///{new}/new.db", MetaData(), operation, revisions)
        return partial(command.upgrade, config, "head")

    return Contest(
        f"alembic upgrade by {revisions} revisions",
        [
            Contestant("tables on sqlite", lambda: upgrade("sqlite", CREATE_TABLE)),
            Contestant("tables on odpsmodel", lambda: upgrade("odpsmodel", CREATE_TABLE)),
            Contestant("models on odpsmodel", lambda: upgrade("odpsmodel", CREATE_MODEL)),
        ],
        rounds=7,
    )
