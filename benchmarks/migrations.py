"""Alembic on models beside Alembic on tables.  README.md says what each line means."""

from __future__ import annotations

import gc
import json
import platform
import sqlite3
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from io import StringIO
from itertools import pairwise
from operator import truediv
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, mkdtemp
from time import perf_counter
from typing import Any, cast

import alembic
import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy import Column, Double, Engine, Integer, MetaData, NullPool, Table, create_engine, inspect
from sqlalchemy.schema import CreateTable

import sqlalchemy_odpsmodel
from sqlalchemy_odpsmodel import Model, ModelInspector, ModelVersion, reflect_models

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

Work = Callable[[], object]


@dataclass
class Contestant:
    """``prepare`` is not timed, and returns the work that is.  ``seconds``: one of each round, wall clock."""

    name: str
    prepare: Callable[[], Work]
    peers: tuple[Contestant, ...] = ()
    seconds: list[float] = field(default_factory=list)

    def run(self) -> None:
        work = self.prepare()
        gc.collect()
        start = perf_counter()
        work()
        self.seconds.append(perf_counter() - start)

    def result(self) -> dict[str, Any]:
        """The medians: of the seconds, and to each peer of the rounds' ratios."""
        ratios = {p.name: median(map(truediv, self.seconds, p.seconds)) for p in self.peers}
        return {"name": self.name, "median": median(self.seconds), "ratios": ratios, "seconds": self.seconds}


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


def contestants(folder: Path, count: int, revisions: int) -> list[Contestant]:
    """All of them, in the order of a round.  Makes the two databases that are checked."""
    on_models, on_tables = f"odpsmodel:///{folder}/models.db", f"sqlite:///{folder}/tables.db"
    models(count).create_all(create_engine(on_models, poolclass=NullPool), checkfirst=False)
    creates = (str(CreateTable(table)) for table in tables(count).tables.values())
    with closing(sqlite3.connect(folder / "tables.db")) as connection:
        connection.executescript(";".join(["BEGIN", *creates, "COMMIT"]))

    def check(url: str, declare: Callable[[int], MetaData]) -> Work:
        return partial(command.check, project(Path(mkdtemp(dir=folder)), url, declare(count)))

    def read(reader: Callable[[Engine], object]) -> Work:
        declared = models(count)  # for garbage collection to go over, as in a check
        return lambda: (reader(create_engine(on_models, poolclass=NullPool)), declared)

    def upgrade(dialect: str, operation: str) -> Work:
        new = Path(mkdtemp(dir=folder))
        config = project(new, f"{dialect}:///{new}/new.db", MetaData(), operation, revisions)
        return partial(command.upgrade, config, "head")

    get = partial(read, lambda engine: cast(ModelInspector, inspect(engine)).get_models())
    reflect = partial(read, lambda engine: reflect_models(MetaData(), engine))
    check_tables = Contestant("check tables on sqlite", partial(check, on_tables, tables))
    check_models = Contestant("check models", partial(check, on_models, models), (check_tables,))
    plain = Contestant("upgrade tables on sqlite", partial(upgrade, "sqlite", CREATE_TABLE))
    ours = Contestant("upgrade tables on odpsmodel", partial(upgrade, "odpsmodel", CREATE_TABLE), (plain,))
    return [
        check_models,
        Contestant("- get_models", get, (check_models,)),
        Contestant("- reflect_models", reflect, (check_models,)),
        check_tables,
        Contestant("upgrade models", partial(upgrade, "odpsmodel", CREATE_MODEL), (plain, ours)),
        ours,
        plain,
    ]


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=10_000, metavar="N", help="to check; as many tables")
    parser.add_argument("--revisions", type=int, default=100, metavar="N", help="to upgrade by")
    parser.add_argument("--rounds", type=int, default=4, metavar="N", help="of all contestants")
    parser.add_argument("--json", type=Path, metavar="FILE", help="written with the seconds of each round")
    given = vars(parser.parse_args())
    file = given.pop("json")
    about = {module.__name__: module.__version__ for module in (sqlalchemy_odpsmodel, sqlalchemy, alembic)}
    about |= {"sqlite": sqlite3.sqlite_version, "python": platform.python_version()}
    about |= {"date": date.today().isoformat(), **given}
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    with TemporaryDirectory() as folder:
        entered = contestants(Path(folder), given["models"], given["revisions"])
        for _ in range(given["rounds"]):
            for contestant in entered:
                contestant.run()
    results = [contestant.result() for contestant in entered]
    print(f"{'':28}seconds  ratio")
    for result in results:
        ratios = ", ".join(f"{ratio:.2f} of {peer}" for peer, ratio in result["ratios"].items())
        print(f"{result['name']:28}{result['median']:7.3f}  {ratios or 1}")
    if file:
        file.write_text(json.dumps(about | {"results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
