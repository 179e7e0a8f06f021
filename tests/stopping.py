"""Endpoints for whose stop no test waits."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint, serve


@pytest.fixture(scope="session")
def stops() -> Iterator[Executor]:
    """Where endpoints are stopped, which takes uvicorn some tenths of a second."""
    with ThreadPoolExecutor() as executor:
        yield executor


@pytest.fixture
def maxcompute_endpoint(tmp_path: Path, stops: Executor) -> Iterator[MaxComputeEndpoint]:
    """The package's fixture, but that the next test does not wait for its stop."""
    serving = serve(tmp_path / "maxcompute.db")
    yield serving.__enter__()
    stops.submit(serving.__exit__, None, None, None)
