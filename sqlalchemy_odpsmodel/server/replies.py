"""What the endpoint answers where it cannot do what it is asked, and its access log."""

from __future__ import annotations

import json
import logging
import secrets
import time
import traceback
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import Error, ModelNotFound, NoPermission, SemanticError
from . import signature, wire
from .engine import FAULT, error_text

PREFIX = "/api"
CATALOG = "/api/catalog/v1alpha"
#: The structured access log: a JSON object a request, as the record's message.
log = logging.getLogger("sqlalchemy_odpsmodel.server")


class Failed(Exception):
    """A request that is refused: the status, the client's name for it, and the words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def short(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:100]}…")


def xml(document: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(document, status, headers, "application/xml")


def unknown(request: Request) -> Failed:
    """What is said of a path that is not served: the client raises its NotSupportedError, and does not try
    again as it does for a 501.  Without these, which it asks for itself, it goes on."""
    path = request.url.path
    ours = path.startswith(f"{PREFIX}/")
    hint = "docs/endpoint.md says what it has" if ours else f"the endpoint's URL ends with {PREFIX}"
    words = f"the local endpoint has no {request.method} {short(path)}: {hint}"
    if ours and path.endswith(("/logview/host", "/tenants", "/logs")):
        return Failed(404, "NoSuchObject", words)
    return Failed(400, "NotSupportedError", words)


async def refuse(request: Request, error: Exception) -> Response:
    """A reply for what a route raised."""
    status, code, message = _failure(request, error)
    request.state.noted["code"] = code
    request_id = request.state.noted["request"]
    if request.url.path.startswith(f"{CATALOG}/"):
        reason = "NotFound" if status == 404 else code
        return JSONResponse({"reason": reason, "message": message}, status)
    return xml(wire.error_xml(code, message, request_id, request.headers.get("host", "")), status)


def _failure(request: Request, error: Exception) -> tuple[int, str, str]:
    match error:
        case Failed():
            return error.status, error.code, str(error)
        case signature.Refused():
            return 401, error.code, str(error)
        case NoPermission():
            return 403, "NoPermission", str(error)
        case ModelNotFound():
            return 404, "NoSuchObject", str(error)
        case SemanticError():
            return 400, "InvalidArgument", str(error)
        case HTTPException(status_code=404 | 405):
            failed = unknown(request)
            return failed.status, failed.code, str(failed)
        case HTTPException():
            return error.status_code, "InvalidArgument", error.detail
        case Error():
            return 500, "InternalServerError", error_text(error)
        case _:
            return 500, "InternalServerError", unexpected(error)


def unexpected(error: BaseException) -> str:
    """What is told of a fault of ours: its kind and where, not its words, which may hold anything."""
    kind = type(error).__name__
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error(json.dumps({"event": "fault", "kind": kind, "places": places}))
    return f"{FAULT}{kind} in the local endpoint, see its log"


class AccessLog:
    """Logs each request as JSON, before the end of its answer is sent: never a query, a header or a body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        entry = _Entry(scope)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
                message["headers"] = [*message["headers"], (b"x-odps-request-id", entry.id.encode())]
            elif not message.get("more_body"):
                entry.write()
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            entry.noted["code"] = "ClientDisconnect"
        except Exception:  # it was answered, and Starlette raises it again
            pass
        finally:
            entry.write()


class _Entry:
    """What is logged of a request; routes add to ``noted`` and say who asks."""

    def __init__(self, scope: Scope) -> None:
        self.id = secrets.token_hex(8)
        self.noted: dict[str, Any] = {"request": self.id}
        self.status = 0
        self._scope = scope
        self._started = time.perf_counter()
        self._written = False
        self._state = scope.setdefault("state", {})
        self._state |= {"noted": self.noted, "access_id": ""}

    def write(self) -> None:
        """Write the line, once."""
        if self._written:
            return
        self._written = True
        scope = self._scope
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "client": (scope.get("client") or ("",))[0],
            "access_id": self._state["access_id"][:100],
            "method": scope["method"],
            "path": scope["path"][:500],
            "status": self.status,
            "milliseconds": round((time.perf_counter() - self._started) * 1000, 3),
            **self.noted,
        }
        log.info(json.dumps(line))
