"""Alembic on a database: the functions of a migration, and projects of their own."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, MetaData
from sqlalchemy.engine import Dialect

from sqlalchemy_odpsmodel import EnvSecret

ENV = """
from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

given = context.config.attributes
options = {"target_metadata": given["metadata"], **given["options"]}
url = context.config.get_main_option("sqlalchemy.url")
if context.is_offline_mode():
    context.configure(url=url, literal_binds=True, dialect_opts={"paramstyle": "named"}, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
"""
SCRIPT = '''"""${message}"""
from alembic import op
import sqlalchemy as sa
${imports or ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

def upgrade():
    ${upgrades or "pass"}

def downgrade():
    ${downgrades or "pass"}
'''


class Project:
    """An Alembic project in a folder.  ``metadata`` is what it declares, ``options`` what env.py hands to
    ``context.configure``."""

    def __init__(self, folder: Path, url: str) -> None:
        (folder / "versions").mkdir(parents=True)
        (folder / "env.py").write_text(ENV)
        (folder / "script.py.mako").write_text(SCRIPT)
        self.folder, self.url = folder, url
        self.metadata = MetaData()
        self.options: dict[str, Any] = {}
        self.count = 0

    def config(self, **streams: Any) -> Config:
        config = Config(**streams)
        config.set_main_option("script_location", str(self.folder))
        config.set_main_option("path_separator", "os")
        config.set_main_option("sqlalchemy.url", self.url.replace("%", "%%"))
        config.attributes.update(metadata=self.metadata, options=self.options)
        return config

    def revise(self, metadata: MetaData | None = None, autogenerate: bool = True) -> Path:
        """A new revision: 0001 and so on, and its file."""
        if metadata is not None:
            self.metadata = metadata
        self.count += 1
        name = f"{self.count:04}"
        command.revision(self.config(stdout=StringIO()), rev_id=name, autogenerate=autogenerate)
        return self.folder / "versions" / f"{name}_.py"

    def upgrade(self, to: str = "head") -> None:
        command.upgrade(self.config(), to)

    def downgrade(self, to: str = "base") -> None:
        command.downgrade(self.config(), to)

    def check(self) -> str:
        """What ``alembic check`` prints where it finds nothing; else it raises."""
        printed = StringIO()
        command.check(self.config(stdout=printed))
        return printed.getvalue()

    def sql(self, to: str = "head", go: Any = command.upgrade) -> str:
        printed = StringIO()
        go(self.config(output_buffer=printed), to, sql=True)
        return printed.getvalue()


def untimed(models: list[Any]) -> list[Any]:
    """Models as the inspector has them, without times."""
    for model in models:
        for part in (model, *model["versions"]):
            del part["create_time"], part["last_modified_time"]
    return models


def context_of(connection: Connection, **opts: Any) -> MigrationContext:
    return MigrationContext.configure(connection, opts=opts)


def generated(context: MigrationContext, metadata: MetaData) -> tuple[str, str]:
    """The bodies of upgrade and downgrade that autogenerate writes."""
    migration = produce_migrations(context, metadata)
    upgrade, downgrade = migration.upgrade_ops, migration.downgrade_ops
    assert upgrade is not None
    assert downgrade is not None
    return render_python_code(upgrade), render_python_code(downgrade)


def run(context: MigrationContext, body: str) -> None:
    """Run the body of a migration's function."""
    namespace: dict[str, Any] = {"op": Operations(context), "EnvSecret": EnvSecret}
    exec(f"def migrate():\n    {body}", namespace)  # noqa: S102
    namespace["migrate"]()


def sql_of(dialect: Dialect, body: str) -> str:
    """What --sql prints for the body of a migration's function."""
    printed = StringIO()
    opts = {"as_sql": True, "output_buffer": printed}
    run(MigrationContext.configure(dialect=dialect, opts=opts), body)
    return printed.getvalue()
