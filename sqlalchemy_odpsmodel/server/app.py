"""The endpoint as a Starlette application: routes, signatures, limits, the access log.

Every path but ``/health`` is under ``/api``, as the service's are.  A request that fails gets an Error
document, under the Catalog API's paths a JSON one.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any, NamedTuple, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ..errors import Error
from ..model import DEFAULT_SCHEMA, model_name
from . import engine, signature, tunnel, wire
from .credentials import Account
from .engine import Caller, Engine, error_text
from .instances import STOPPED, Instance, Instances, Result
from .replies import CATALOG, PREFIX, AccessLog, Failed, log, refuse, short, unexpected, unknown, xml

PAGE_SIZE, MAX_PAGE_SIZE = 100, 1_000
#: How many tables, or schemas, a page has.
LISTED = 1_000
_LIST_PARAMETERS = {"expectmarker", "marker", "name", "curr_project", "curr_schema"}
_HOST = re.compile(r"(?:([A-Za-z0-9._\-]+)|\[([0-9A-Fa-f:.]+)\])(?::\d{1,5})?")
_T = TypeVar("_T")


class Limits(NamedTuple):
    """What a request may take: bytes of its body, seconds for its headers and for its body, seconds that a
    statement may compute; how many write at the same time, and how many read, and how many wait."""

    body_bytes: int = 4 * 2**20
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    statement_seconds: float = engine.STATEMENT_SECONDS
    running: int = 8
    waiting: int = 250


class Settings(NamedTuple):
    """How an endpoint serves: ``accounts`` are None where every access id owns all."""

    accounts: Mapping[str, Account] | None = None
    asynchronous: bool = False
    limits: Limits = Limits()


DEFAULT_SETTINGS = Settings()


class Endpoint:
    """One file, served.  Its methods are the routes."""

    def __init__(self, arguments: dict[str, Any], settings: Settings = DEFAULT_SETTINGS) -> None:
        self.settings = settings
        self.engine = Engine(arguments, settings.limits.statement_seconds)
        self.instances = Instances()
        # Who writes waits for the lock, who selects may compute for long, and nobody else waits for those.
        self.writers = ThreadPoolExecutor(settings.limits.running, "odpsmodel")
        self.readers = ThreadPoolExecutor(settings.limits.running, "odpsmodel")
        self.others = ThreadPoolExecutor(4, "odpsmodel")

    def application(self) -> ASGIApp:
        """The ASGI application; at its end what runs is waited for, and the file closed."""
        app = Starlette(routes=list(self._routes()), lifespan=self._lifespan)
        for kind in (Failed, HTTPException, signature.Refused, Error, Exception):
            app.add_exception_handler(kind, refuse)
        return AccessLog(app)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            for threads in (self.writers, self.readers, self.others):
                await asyncio.to_thread(threads.shutdown, True)
            self.engine.close()

    def _routes(self) -> Iterator[Route]:
        project, catalog = PREFIX + "/projects/{project}", CATALOG + "/projects/{project}/schemas/{schema}"
        instance, table = project + "/instances/{instance}", "/tables/{table}"
        for path, method, handler in (
            ("/health", "GET", self.health),
            (project, "GET", self.project),
            (f"{project}/instances", "POST", self.create_instance),
            (instance, "GET", self.read_instance),
            (instance, "POST", self.create_download),
            (instance, "PUT", self.stop_instance),
            (f"{project}/tunnel", "GET", self.tunnel_host),
            (f"{PREFIX}/catalogapi", "GET", self.catalog_host),
            (f"{project}/schemas", "GET", self.list_schemas),
            (f"{project}/tables", "GET", self.list_tables),
            (f"{project}/schemas/{{schema}}/tables", "GET", self.list_tables),
            (project + table, "GET", self.table),
            (f"{project}/schemas/{{schema}}{table}", "GET", self.table),
            (f"{catalog}/models", "GET", self.list_models),
            (f"{catalog}/models/{{model}}", "GET", self.get_model),
        ):
            yield Route(path, handler, methods=[method])

    async def _thread(self, work: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self.others, work, *arguments)

    # Who asks

    def caller(self, request: Request) -> Caller:
        """Who a request is from.  Raises Refused."""
        authorization = signature.read_authorization(request.headers.get("authorization"))
        accounts = self.settings.accounts
        request.state.access_id = authorization.access_id if accounts is None else ""
        if accounts is None:
            # A page in a browser may send what it likes to this machine, but neither with a header of that
            # name nor, where it has got its own name to mean this machine, under one of this machine's.
            host = _HOST.fullmatch(request.headers.get("host", ""))
            if host is None or not is_loopback(host[1] or host[2]):
                raise Failed(
                    403, "NoPermission", "without credentials only this machine's own names are served"
                )
            return Caller(self.engine.owner, None)
        account = accounts.get(authorization.access_id)
        headers = {key.lower(): value for key, value in request.headers.items()}
        secret = account.secret if account else None
        signature.verify(authorization, secret, request.method, _signed_url(request), headers)
        assert account is not None  # verify() refuses an access id that nobody has
        request.state.access_id = account.access_id
        return Caller(account.owner, account)

    # Instances

    async def create_instance(self, request: Request) -> Response:
        """Run a job's statement."""
        caller = self.caller(request)
        project = _folded(request, "project")
        if self.instances.running >= self.settings.limits.waiting:
            raise Failed(503, "ServiceUnavailable", "too many statements are waiting: send it again later")
        try:
            job, threads = await self._thread(self._read, await self._body(request))
        except wire.Malformed as error:
            raise Failed(400, "InvalidArgument", str(error)) from None
        instance = self.instances.add(project, caller.access_id, job._replace(query=""))
        schema = request.query_params.get("curr_schema")
        sent = engine.Submission(project, schema, job.query, job.settings, instance.stopping.is_set)
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(threads, self._run, instance, sent, caller)
        headers = {"Location": f"{_base(request)}{PREFIX}/projects/{project}/instances/{instance.id}"}
        request.state.noted["instance"] = instance.id
        if self.settings.asynchronous:
            return Response(status_code=201, headers=headers)
        request.state.noted |= await asyncio.shield(running)
        return xml(await self._thread(_result, instance), 201, headers)

    def _read(self, body: bytes) -> tuple[wire.Job, ThreadPoolExecutor]:
        """A body's job, and who runs it."""
        job = wire.read_job(body)
        return job, self.readers if self.engine.reads(job.query) else self.writers

    def _run(self, instance: Instance, sent: engine.Submission, caller: Caller) -> dict[str, str]:
        """In a thread: run a statement and keep its result; what to log of it."""
        if self.instances.begin(instance):
            try:
                outcome = self.engine.run(sent, caller)
            except BaseException as error:  # whoever polls must not wait for ever
                outcome = engine.Outcome(Result(False, unexpected(error)), "", "")
            self.instances.terminate(instance, instance.job._replace(query=outcome.shown), outcome.result)
        else:
            outcome = engine.Outcome(STOPPED, "", "")
        noted = {"statement": outcome.kind}
        if not outcome.result.succeeded:
            noted["code"] = "Cancelled" if outcome.result.cancelled else outcome.result.text[:12]
        if self.settings.asynchronous:  # the request was answered, and logged, before
            log.info(json.dumps({"event": "terminated", "instance": instance.id, **noted}))
        return noted

    async def read_instance(self, request: Request) -> Response:
        """Its status, its task's, its result, its job, or of a SELECT a download and its rows."""
        instance = self._instance(request)
        asked = request.query_params
        if "source" in asked:
            return xml(wire.job_xml(instance.job))
        if "taskstatus" in asked:
            return xml(wire.status_xml(instance.status, instance.job.name))
        if "downloadid" in asked:
            return await self._rows(instance, request) if "data" in asked else self._download(instance)
        if "result" in asked:
            if instance.result is None:
                raise Failed(409, "InstanceNotTerminate", f"instance {instance.id} is still running")
            return xml(await self._thread(_result, instance))
        if not asked.keys() <= {"curr_project", "curr_schema", "instancestatus"}:
            raise unknown(request)
        return xml(wire.status_xml(instance.status))

    async def stop_instance(self, request: Request) -> Response:
        """Stop its statement.  The answer does not wait for that: who polls is told."""
        instance = self._instance(request)
        try:
            await self._thread(wire.read_stop, await self._body(request))
        except wire.Malformed as error:
            raise Failed(400, "InvalidArgument", str(error)) from None
        if not self.instances.stop(instance):
            raise Failed(400, "InvalidStateSetting", f"instance {instance.id} has terminated already")
        return Response()

    async def create_download(self, request: Request) -> Response:
        """Begin to read a SELECT's rows; they stay as long as the instance does."""
        instance = self._instance(request)
        if "downloads" not in request.query_params:
            raise unknown(request)
        return self._download(instance)

    def _download(self, instance: Instance) -> Response:
        rows = instance.result.rows if instance.result else None
        if rows is None:
            raise Failed(400, "InstanceTypeNotSupported", "only the result of a SELECT can be downloaded")
        return JSONResponse(wire.download_json(instance.id, len(rows.rows), rows.columns))

    async def _rows(self, instance: Instance, request: Request) -> Response:
        """Some rows as a stream, all columns or those asked for."""
        rows = instance.result.rows if instance.result else None
        asked = request.query_params
        span = re.fullmatch(r"\((\d{1,18}),(\d{1,18})\)", asked.get("rowrange", ""))
        if rows is None or span is None:
            raise Failed(400, "InvalidArgument", "rows are of a SELECT, and rowrange is (first,count)")
        if "arrow" in asked:  # on this the client takes records
            raise Failed(405, "MethodNotAllowed", "the local endpoint sends records, not Arrow")
        first, count = int(span[1]), int(span[2])
        names = [name for name, _ in rows.columns]
        wanted = asked["columns"].split(",") if "columns" in asked else names
        if not set(wanted) <= set(names) or len(set(wanted)) < len(wanted):
            raise Failed(400, "InvalidArgument", "columns are names of the result's, each once, with commas")
        places = [names.index(name) for name in wanted]
        types = [rows.columns[place][1] for place in places]
        chosen = (tuple([row[place] for place in places]) for row in rows.rows[first : first + count])
        stream = await self._thread(b"".join, tunnel.stream(types, chosen))
        return Response(stream, media_type="application/octet-stream")

    def _instance(self, request: Request) -> Instance:
        caller = self.caller(request)
        name = request.path_params["instance"]
        found = self.instances.find(_folded(request, "project"), name, caller.access_id)
        if found is None:
            raise Failed(
                404, "NoSuchObject", f"instance {short(name)} is not here: instances are not kept for ever"
            )
        return found

    async def _body(self, request: Request) -> bytes:
        """The body, inside its limits of size and time."""
        limit, seconds = self.settings.limits.body_bytes, self.settings.limits.body_seconds
        body = bytearray()
        try:
            async with asyncio.timeout(seconds):
                async for piece in request.stream():
                    body += piece
                    if len(body) > limit:
                        raise Failed(413, "RequestTooLarge", f"a request's body is at most {limit:,} bytes")
        except TimeoutError:
            raise Failed(
                408, "RequestTimeout", f"the request's body took longer than {seconds:g} seconds"
            ) from None
        return bytes(body)

    # Tables and models

    async def project(self, request: Request) -> Response:
        """A project: all are there, as they come into being when they are first used; they have no times."""
        caller = self.caller(request)
        headers = {"x-odps-owner": caller.owner}
        headers |= dict.fromkeys(("x-odps-creation-time", "Last-Modified"), formatdate(0, usegmt=True))
        return xml(wire.project_xml(_folded(request, "project")), headers=headers)

    async def table(self, request: Request) -> Response:
        """One table's columns; its rows are not here."""
        caller = self.caller(request)
        if not request.query_params.keys() <= {"curr_project", "curr_schema"}:
            raise unknown(request)
        project = _folded(request, "project")
        key = project, _schema(request), request.path_params["table"].lower()
        found = await self._thread(self.engine.table, key, caller)
        if found is None:
            raise Failed(404, "NoSuchObject", f"ODPS-0130131: Table not found - table {short('.'.join(key))}")
        return xml(wire.table_xml(key[2], project, key[1], found.columns, found.comment))

    async def list_tables(self, request: Request) -> Response:
        """A page of a schema's tables, by name."""
        caller = self.caller(request)
        names = await self._thread(self.engine.tables, _folded(request, "project"), _schema(request), caller)
        return _listed(request, "Table", names)

    async def list_schemas(self, request: Request) -> Response:
        """A page of a project's schemas, by name."""
        caller = self.caller(request)
        names = await self._thread(self.engine.schemas, _folded(request, "project"), caller)
        return _listed(request, "Schema", names)

    async def list_models(self, request: Request) -> Response:
        """A page of a schema's models, by name."""
        caller = self.caller(request)
        after, size = request.query_params.get("pageToken", ""), _page_size(request)
        key = _folded(request, "project"), _folded(request, "schema")
        page, token = await self._thread(self.engine.models, *key, caller, after, size)
        return JSONResponse({"models": page, "nextPageToken": token})

    async def get_model(self, request: Request) -> Response:
        """``M``, ``M@VERSION`` or ``M:listVersions``."""
        caller = self.caller(request)
        asked, colon, verb = request.path_params["model"].partition(":")
        name, _, version = asked.partition("@")
        key = _folded(request, "project"), _folded(request, "schema"), name.lower()
        if not colon:
            return JSONResponse(await self._thread(self.engine.model, key, version.lower(), caller))
        if verb != "listVersions":
            raise unknown(request)
        token = request.query_params.get("pageToken") or "0"
        if not re.fullmatch(r"\d{1,18}", token):
            raise Failed(400, "InvalidArgument", "pageToken is one that a page before gave")
        page, following = await self._thread(
            self.engine.versions, key, caller, int(token), _page_size(request)
        )
        return JSONResponse({"models": page, "nextPageToken": str(following or "")})

    # Where, and whether

    async def tunnel_host(self, request: Request) -> Response:
        """Where rows are downloaded: here."""
        self.caller(request)
        return PlainTextResponse(f"{_host(request)}{PREFIX}")

    async def catalog_host(self, request: Request) -> Response:
        """Where models are read: here, with the scheme, as the client takes localhost before a port for one.
        Not signed: without an answer it fails with a TypeError, and never says what is wrong."""
        return PlainTextResponse(_base(request))

    async def health(self, _: Request) -> Response:
        """Whether the file can be read; not signed."""
        try:
            await self._thread(self.engine.check)
        except Error as error:
            return JSONResponse({"status": "failed", "message": error_text(error)}, 503)
        return JSONResponse({"status": "ok"})


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _result(instance: Instance) -> bytes:
    assert instance.result is not None
    return wire.result_xml(instance.job.name, instance.result.text, instance.result.status)


# Requests


def _signed_url(request: Request) -> str:
    """The part of the URL that is signed: after the endpoint's own path, but of the Catalog API whole."""
    path = request.scope["raw_path"].decode("latin-1")
    if not path.startswith(f"{CATALOG}/"):
        path = path.removeprefix(PREFIX)
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _folded(request: Request, part: str) -> str:
    return model_name(request.path_params[part], f"{part} name")


def _schema(request: Request) -> str:
    asked = request.path_params.get("schema") or request.query_params.get("curr_schema")
    return str(asked or DEFAULT_SCHEMA).lower()


def _listed(request: Request, tag: str, names: list[str]) -> Response:
    """A page of names that begin as asked for, after the last one of the page before, which is the marker."""
    asked = request.query_params
    if not asked.keys() <= _LIST_PARAMETERS:
        raise unknown(request)
    prefix, after = asked.get("name", "").lower(), asked.get("marker", "")
    left = [name for name in names if name.startswith(prefix) and name > after]
    marker = left[LISTED - 1] if len(left) > LISTED else ""
    return xml(wire.names_xml(tag, left[:LISTED], marker, LISTED))


def _page_size(request: Request) -> int:
    given = request.query_params.get("pageSize", "")
    return min(max(int(given), 1), MAX_PAGE_SIZE) if re.fullmatch(r"\d{1,9}", given) else PAGE_SIZE


def _host(request: Request) -> str:
    """The host and port that the client knows this endpoint by."""
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise Failed(400, "InvalidArgument", "the header Host is no host and port")
    return host


def _base(request: Request) -> str:
    """As the client knows it, before a proxy with TLS too."""
    scheme = request.headers.get("x-forwarded-proto")
    return f"{scheme if scheme in ('http', 'https') else 'http'}://{_host(request)}"
