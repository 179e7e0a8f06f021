"""Serves an endpoint by uvicorn: on loopback, or with credentials anywhere, in this thread or another."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..errors import OperationalError, ProgrammingError
from .app import Endpoint, Settings, is_loopback
from .replies import PREFIX, log

#: Bytes of a request's line and headers; seconds that an idle connection is kept, and that a stop waits.
HEADER_BYTES = 64 * 2**10
KEEP_ALIVE = 75
STOP_SECONDS = 30
_CONNECTIONS = 250
_STOPPING = (signal.SIGINT, signal.SIGTERM)


class _Uvicorn(uvicorn.Server):
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """At the second one end at once, whatever runs: what was acknowledged is on disk."""
        if self.should_exit:
            os._exit(1)
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but that a stop which was asked for is no death by a signal."""
        main = threading.current_thread() is threading.main_thread()
        before = {each: signal.signal(each, self.handle_exit) for each in _STOPPING} if main else {}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


class Server:
    """An endpoint on a socket that listens."""

    def __init__(self, arguments: dict[str, Any], host: str, port: int, settings: Settings) -> None:
        check_host(host, settings)
        check_file(arguments)
        self._socket = _listen(host, port)
        try:
            self.endpoint = Endpoint(arguments, settings)
        except BaseException:
            self._socket.close()
            raise
        config = uvicorn.Config(
            self.endpoint.application(),
            http=_protocol(settings.limits.header_seconds),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=STOP_SECONDS,
            limit_concurrency=_CONNECTIONS,
            h11_max_incomplete_event_size=HEADER_BYTES,
        )
        self._server = _Uvicorn(config)

    @property
    def url(self) -> str:
        """What a client is given as its endpoint."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{PREFIX}"

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then end what runs."""
        self._server.run([self._socket])

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve in a thread of its own, for as long as the context lasts."""
        thread = threading.Thread(target=self.run, name="odpsmodel", daemon=True)
        thread.start()
        try:
            while not self._server.started:
                if not thread.is_alive():
                    raise OperationalError("the endpoint did not start")
                thread.join(0.005)
            yield
        finally:
            self._server.should_exit = True
            thread.join()


def check_host(host: str, settings: Settings) -> None:
    """Refuse to be open to other machines without credentials."""
    if settings.accounts is None and not is_loopback(host):
        raise ProgrammingError(
            f"without credentials the endpoint serves this machine only: host {host} needs credentials"
        )


def check_file(arguments: dict[str, Any]) -> None:
    """Refuse a database in memory, of which each connection would have its own."""
    database = str(arguments["database"])
    if database in ("", ":memory:") or "mode=memory" in database:
        raise ProgrammingError("the endpoint serves a file: a database in memory is one connection's only")


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens.  Raises OperationalError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OperationalError(f"cannot listen on {host}:{port}: {error}") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(512)
    except OSError as error:
        listening.close()
        raise OperationalError(
            f"cannot listen on {host}:{port}: {error.strerror}; --port 0 takes any that is free"
        ) from None
    return listening


def _protocol(seconds: float) -> type[asyncio.Protocol]:
    """uvicorn's HTTP, which ends a connection whose headers take longer than some seconds; uvicorn itself
    has a limit between two requests only."""

    class Protocol(H11Protocol):
        timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.timer = self.loop.call_later(seconds, transport.close)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            waits = self.cycle is None or self.cycle.response_complete
            if self.timer and not waits:
                self.timer.cancel()
                self.timer = None
            elif waits and not self.timer:
                self.timer = self.loop.call_later(seconds, self.transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self.timer:
                self.timer.cancel()

    return Protocol


class _Lines(logging.Formatter):
    """A JSON object a line; of uvicorn's records the words only."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        return message if record.name == log.name else json.dumps({"event": record.name, "message": message})


def log_to(stream: TextIO) -> None:
    """Write the log of this process's endpoints to a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Lines())
    for logger, level in ((log, logging.INFO), (logging.getLogger("uvicorn.error"), logging.WARNING)):
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False
