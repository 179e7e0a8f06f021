"""Services to test on: local endpoints, and a real project where one is named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.engine import make_url

from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint

#: A URL odpsmodel+pyodps://… of a project in which schemas, tables and models may be made and dropped.
REAL = "ODPSMODEL_TEST_MAXCOMPUTE_URL"
_numbers = count()


def url_of(endpoint: MaxComputeEndpoint | str, schema: str | None = None, **arguments: str) -> str:
    """The URL of project demo at an endpoint."""
    query = {"endpoint": getattr(endpoint, "url", endpoint), **arguments}
    if schema:
        query["schema"] = schema
    return "odpsmodel+pyodps://ak:sk@demo/?" + "&".join(f"{k}={quote(v, safe='')}" for k, v in query.items())


def is_real(url: str) -> bool:
    """Whether a URL is one of the real project."""
    return url.partition("?")[0] == os.environ.get(REAL, "").partition("?")[0]


KINDS = ["synchronous", "asynchronous", "project"]


@contextmanager
def schema_of(base: str) -> Iterator[str]:
    """A service's URL with a schema of its own, at an endpoint also in a project of its own; in a real project
    the schema is made and dropped."""
    if not base:
        pytest.skip(f"{REAL} names no real project")
    name = f"odpsmodel_test_{os.getpid()}_{next(_numbers)}"
    found = make_url(base).update_query_dict({"schema": name})
    real = os.environ.get(REAL) == base
    found = found if real else found.set(host=name)
    own = (name, f"{name}_lab") if real else ()
    for schema in own:
        _run(base, f"CREATE SCHEMA {schema}")
    try:
        yield found.render_as_string(hide_password=False)
    finally:
        for schema in own:
            _empty(create_engine(found.update_query_dict({"schema": schema})))
            _run(base, f"DROP SCHEMA {schema}")


def _run(base: str, sql: str) -> None:
    with create_engine(base).connect() as connection:
        connection.exec_driver_sql(sql)


def _empty(engine: Engine) -> None:
    inspector: Any = inspect(engine)
    with engine.connect() as connection:
        for name in inspector.get_model_names():
            connection.exec_driver_sql(f"DROP MODEL {name}")
        for name in inspector.get_table_names():
            connection.exec_driver_sql(f"DROP TABLE {name}")
