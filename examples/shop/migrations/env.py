"""Runs the migrations: Alembic's own env.py, but that -x url=… names another database."""

from logging.config import fileConfig

from alembic import context
from shop.models import Base
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import sqlalchemy_odpsmodel.alembic  # noqa: F401  the operations on models, and their comparison

config = context.config
if config.config_file_name is not None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)

url = context.get_x_argument(as_dictionary=True).get("url") or config.get_main_option("sqlalchemy.url")
options = {
    "target_metadata": Base.metadata,
    "render_as_batch": True,  # SQLite's ALTER TABLE is small
    "include_schemas": True,  # the models of schemas other than the connection's own, too
}

if context.is_offline_mode():
    context.configure(url=url, literal_binds=True, dialect_opts={"paramstyle": "named"}, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    connectable = config.attributes.get("connection") or create_engine(url, poolclass=NullPool)
    with connectable.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
