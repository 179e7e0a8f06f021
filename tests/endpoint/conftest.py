"""Endpoints of each kind: in a thread of this process, answering before a statement has run, as the command's
process, in a container.  The real PyODPS talks to all of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("odps", reason="PyODPS is of tox -e endpoint")
pytest.importorskip("starlette", reason="the extra server is of tox -e endpoint")

from endpoints import process
from odps.models import Instance
from stopping import maxcompute_endpoint, stops

from sqlalchemy_odpsmodel.server.app import Settings
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint, serve

__all__ = ["maxcompute_endpoint", "stops"]

Client = Callable[..., Any]
_numbers = count()


def container_or_skip() -> Any:
    """The module of OdpsModelContainer, where a Docker engine runs."""
    pytest.importorskip("testcontainers", reason="testcontainers is of tox -e endpoint")
    try:
        runs = subprocess.run(["docker", "info"], capture_output=True).returncode == 0
    except FileNotFoundError:
        runs = False
    if not runs:
        pytest.skip("no Docker engine runs here; the same tests run against a process")
    from sqlalchemy_odpsmodel.testing import container

    return container


@pytest.fixture(scope="session", autouse=True)
def _asks_often() -> Iterator[None]:
    """PyODPS asks each second whether a statement has run, which all tests would wait for."""
    with pytest.MonkeyPatch.context() as patch:
        for wait in (Instance.wait_for_completion, Instance.wait_for_success):
            interval, *others = wait.__defaults__
            assert interval == 1
            patch.setattr(wait, "__defaults__", (0.02, *others))
        yield


@pytest.fixture(scope="session", params=["thread", "asynchronous", "process", "container"])
def connect(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """What makes clients of one endpoint of each kind."""
    path = tmp_path_factory.mktemp(request.param) / "models.db"
    if request.param == "container":
        container = container_or_skip()
        root = Path(__file__).parents[2]
        subprocess.run(["docker", "build", "--quiet", "--tag", "odpsmodel:test", str(root)], check=True)
        with container.OdpsModelContainer("odpsmodel:test") as running:
            yield running.get_client
    elif request.param == "process":
        with process(path) as (url, _):
            yield MaxComputeEndpoint(url, path).client
    else:
        with serve(path, Settings(asynchronous=request.param == "asynchronous")) as endpoint:
            yield endpoint.client


@pytest.fixture
def client(connect: Client) -> Any:
    """A client with a schema of its own in project demo."""
    return connect("demo", schema=f"s{next(_numbers)}")


@pytest.fixture
def here(maxcompute_endpoint: MaxComputeEndpoint) -> Any:
    """A client of an endpoint in this process, without a schema, as most have none."""
    return maxcompute_endpoint.client("demo")
