"""For the tests of your own project: MaxCompute's protocol on this machine, as a pytest fixture.

In conftest.py::

    from sqlalchemy_odpsmodel.testing import maxcompute_endpoint

and in a test, where PyODPS is installed::

    def test_a_model(maxcompute_endpoint):
        client = maxcompute_endpoint.client("demo")
        client.execute_sql("CREATE MODEL …")

It needs the extra ``server``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import pytest

from .client import connect_client

try:
    from ..server.app import DEFAULT_SETTINGS, Settings
    from ..server.serve import Server
except ModuleNotFoundError as error:
    needed = "pip install 'sqlalchemy_odpsmodel[server]'"
    raise ModuleNotFoundError(f"the endpoint needs {error.name}: {needed}", name=error.name) from None

__all__ = ["MaxComputeEndpoint", "connect_client", "maxcompute_endpoint", "serve"]


@dataclass(frozen=True)
class MaxComputeEndpoint:
    """An endpoint that serves: ``url`` is what a client takes as its endpoint, ``path`` the SQLite file."""

    url: str
    path: Path

    def client(self, project: str = "demo", **arguments: Any) -> Any:
        """PyODPS's ODPS for a project; further arguments are its own, as ``schema``."""
        return connect_client(self.url, project, **arguments)


@contextmanager
def serve(
    path: str | PathLike[str], settings: Settings = DEFAULT_SETTINGS, **arguments: Any
) -> Iterator[MaxComputeEndpoint]:
    """Serve a file in a thread, at a free port of this machine, for as long as the context lasts.

    ``arguments`` are those of :func:`sqlalchemy_odpsmodel.dbapi.connect`.
    """
    server = Server({"database": fspath(path), **arguments}, "127.0.0.1", 0, settings)
    with server.running():
        yield MaxComputeEndpoint(server.url, Path(path))


@pytest.fixture
def maxcompute_endpoint(tmp_path: Path) -> Iterator[MaxComputeEndpoint]:
    """An endpoint of this test alone, on a new file: every access id owns all projects."""
    with serve(tmp_path / "maxcompute.db") as endpoint:
        yield endpoint
