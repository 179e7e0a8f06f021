"""Engines and connections of odpsmodel+pyodps on local endpoints, and on a real project where one is named."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("odps", reason="PyODPS is of tox -e maxcompute")
pytest.importorskip("starlette", reason="the extra server is of tox -e maxcompute")

from services import KINDS, REAL, schema_of, url_of
from sqlalchemy import Engine, create_engine
from stopping import maxcompute_endpoint, stops

from sqlalchemy_odpsmodel.server.app import Settings
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint, serve


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The URL of each kind of service: the endpoint that answers at once or does not, a real project."""
    with ExitStack() as stack:

        @cache
        def url(kind: str) -> str:
            if kind == "project":
                return os.environ.get(REAL, "")
            path = tmp_path_factory.mktemp(kind) / "models.db"
            return url_of(stack.enter_context(serve(path, Settings(asynchronous=kind == "asynchronous"))))

        yield url


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, services: Callable[[str], str]) -> Iterator[str]:
    """Of each kind of service, with a schema of the test's own."""
    with schema_of(services(request.param)) as found:
        yield found


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    yield engine
    engine.dispose()


__all__ = ["maxcompute_endpoint", "stops"]

Connect = Callable[..., Any]


@pytest.fixture
def connect(maxcompute_endpoint: MaxComputeEndpoint) -> Iterator[Connect]:
    """Connections of the driver to an endpoint of this test alone, project demo."""
    from sqlalchemy_odpsmodel.maxcompute import dbapi

    opened = []

    def connect(**arguments: Any) -> Any:
        given = {"endpoint": maxcompute_endpoint.url, **arguments}
        opened.append(dbapi.connect("demo", "ak", "sk", **given))
        return opened[-1]

    yield connect
    for connection in opened:
        if not connection._closed:
            connection.close()


@pytest.fixture
def con(connect: Connect) -> Any:
    return connect()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Any]:
    """The local driver's connection, project demo."""
    from sqlalchemy_odpsmodel import dbapi

    with closing(dbapi.connect(tmp_path / "local.db", project="demo", isolation_level=None)) as connection:
        yield connection
