"""Statements by the official client through a local endpoint: times beside the driver's, requests, the
server's share."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import requests

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.server.replies import log
from sqlalchemy_odpsmodel.testing import serve

from .contest import Contest, Contestant, Figure, Work
from .samples import ADD, CREATE
from .sizes import Sizes

DRIVER = "driver, text, committed"
_CLIENTS = 8


class Lines(logging.Handler):
    """The access log's records while they are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(json.loads(record.getMessage()))

    @contextmanager
    def kept(self) -> Iterator[list[dict[str, Any]]]:
        self.records = []
        log.addHandler(self)
        log.setLevel(logging.INFO)
        try:
            yield self.records
        finally:
            log.removeHandler(self)
            log.setLevel(logging.WARNING)


class Side(NamedTuple):
    """The driver and PyODPS, each with a file of its own, and how often each does a thing."""

    connection: dbapi.Connection
    client: Any
    times: int

    def drive(self, sql: Callable[[], str]) -> Work:
        def work() -> None:
            for _ in range(self.times):
                self.connection.execute(sql())
                self.connection.commit()

        return work

    def send(self, sql: Callable[[], str]) -> Work:
        def work() -> None:
            for _ in range(self.times):
                self.client.execute_sql(sql()).get_task_result()

        return work

    def send_by_many(self, sql: Callable[[], str]) -> Work:
        statements = [sql() for _ in range(self.times)]
        pool = ThreadPoolExecutor(_CLIENTS)

        def work() -> None:
            with pool:
                list(pool.map(self.client.execute_sql, statements))

        return work


def contests(folder: Path, sizes: Sizes) -> Iterator[Contest | Figure]:
    times = max(sizes.creates // 200, 1)
    with (
        serve(folder / "served.db") as endpoint,
        closing(dbapi.connect(folder / "driven.db", project="demo")) as connection,
    ):
        side = Side(connection, endpoint.client("demo"), times)
        names = (CREATE.format(name=f"m{number}") for number in count())
        described = CREATE.format(name="described")
        connection.execute(described)
        connection.commit()
        side.client.execute_sql(described)
        yield _creating(side, endpoint.url.replace("/api", "/health"), lambda: next(names))
        yield Contest(
            "DESC MODEL through the endpoint",
            [
                Contestant(DRIVER, lambda: side.drive(lambda: "DESC MODEL described"), times=times),
                Contestant("PyODPS", lambda: side.send(lambda: "DESC MODEL described"), times=times),
            ],
        )
        yield from _figures(side.client, times)


def _creating(side: Side, health: str, create: Callable[[], str]) -> Contest:
    session = requests.Session()
    ask = Contestant(
        "requests, /health",
        lambda: lambda: [session.get(health) for _ in range(side.times)],
        times=side.times,
    )
    return Contest(
        "CREATE MODEL through the endpoint",
        [
            Contestant(DRIVER, lambda: side.drive(create), times=side.times),
            Contestant("PyODPS", lambda: side.send(create), times=side.times),
            Contestant(f"PyODPS, {_CLIENTS} threads", lambda: side.send_by_many(create), times=side.times),
            ask,
        ],
    )


def _calls(client: Any) -> dict[str, Callable[[], object]]:
    """A call of each kind, which may be made again and again, in this order."""
    made, added, dropped, gone = count(), count(2), count(2), count()

    def run(sql: str) -> object:
        return client.execute_sql(sql).get_task_result()

    def select() -> None:
        with client.execute_sql("SELECT 1").open_reader(tunnel=True) as reader:
            list(reader)

    return {
        "CREATE MODEL": lambda: run(CREATE.format(name=f"f{next(made)}")),
        "ADD VERSION": lambda: run(ADD.format(name="f0", version=f"v{next(added)}")),
        "SET DEFAULT_VERSION": lambda: run("ALTER MODEL f0 SET DEFAULT_VERSION v1"),
        "DROP VERSION": lambda: run(f"ALTER MODEL f0 DROP VERSION v{next(dropped)}"),
        "SHOW MODELS": lambda: run("SHOW MODELS"),
        "SHOW VERSIONS": lambda: run("SHOW VERSIONS FOR MODEL described"),
        "DESC MODEL": lambda: run("DESC MODEL described"),
        "get_model": lambda: client.get_model("described").reload(),
        "list_models, first 100": lambda: next(iter(client.list_models())),
        "model.versions": lambda: list(client.get_model("described").versions),
        "exist_table": lambda: client.exist_table("t"),
        "SELECT, rows": select,
        "DROP MODEL": lambda: run(f"DROP MODEL f{next(gone)}"),
    }


def _figures(client: Any, times: int) -> Iterator[Figure]:
    """How many requests a call is, and what share of its time they take in the server, as the log says."""
    calls = _calls(client)
    asked, shares = {}, {}
    calls["get_model"]()  # the client asks once for the addresses
    calls["SELECT, rows"]()
    for name, call in calls.items():
        found = []
        with Lines().kept() as records:
            for _ in range(times):
                before, start = len(records), perf_counter()
                call()
                spent = perf_counter() - start
                found.append(sum(line["milliseconds"] for line in records[before:]) / 1000 / spent)
        asked[name] = len(records) / times
        shares[name] = 100 * median(found)
    yield Figure("requests of a call", asked, "requests")
    yield Figure("the server's share of a call", shares, "%")
