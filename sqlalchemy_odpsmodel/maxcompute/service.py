"""The service, by the official client: one ODPS object of PyODPS's, whose requests are held to deadlines,
logged without what is in them, and repeated only where that is harmless.

PyODPS itself repeats a statement only where no connection came about, or its signature was refused; and
questions, which change nothing.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from time import monotonic, sleep
from typing import Any, NoReturn
from urllib.parse import quote

import odps
from odps.config import option_context
from odps.models import SQLTask
from odps.rest import RestClient
from odps.tunnel import InstanceTunnel

from ..errors import Error, ModelError, ProgrammingError, ServiceError
from .failures import UNKNOWN, UNREACHED, told, translated

#: Seconds to connect, and to wait for an answer, where the statement has no shorter limit.
CONNECT_SECONDS, ANSWER_SECONDS = 20.0, 300.0
#: Seconds between two questions whether a statement has ended: at first, and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
#: What PyODPS's pauses between its tries of a request take, which know no limit.
_PAUSES = 4.0
#: How many such questions in a row may fail.
_FAILURES = 5
#: Of a statement's one task; a client that does not give it asks for it.
_TASK = "AnonymousSQLTask"
_SLOW = "it was stopped, or may still run: look before you send it again, or give a longer timeout"
_LOOK = "whether it has run is not known: look before you send it again"
_CATALOG = "give it: catalog_endpoint=…"
#: Hints that say less than that a statement has run.
GENERAL_HINTS = ("", _SLOW, UNKNOWN, UNREACHED)


def value_of(value: Any, is_json: bool) -> Any:
    """A value of PyODPS's as PEP 249 has it: a time without its timezone, which is the session's, and as
    pandas' Timestamp only where it has nanoseconds; JSON as text."""
    if isinstance(value, datetime):
        local: Any = value.replace(tzinfo=None)
        return local if type(local) is datetime or local.nanosecond else local.to_pydatetime()
    return json.dumps(value, ensure_ascii=False) if is_json and value is not None else value


class TimedOut(ServiceError):
    """A statement took longer than it may."""


class Clock(threading.local):
    """Until when what this thread does may take; None is without limit."""

    end: float | None = None

    def left(self) -> float:
        """Seconds, above 0.  Raises ServiceError where none are left."""
        if self.end is None:
            return ANSWER_SECONDS
        left = self.end - monotonic()
        if left <= 0:
            raise TimedOut("the statement took longer than its timeout", hint=_SLOW)
        return left


@contextmanager
def _reading(timezone: str) -> Iterator[None]:
    """What of a user's options of PyODPS must not change rows, in this thread."""
    with option_context({"local_timezone": timezone, "allow_antique_date": True}) as options:
        options.struct_as_dict, options.table_read_limit = False, None
        options.tunnel.string_as_binary = options.tunnel.overflow_date_as_none = False
        yield


def _download(tunnel: Any, instance: Any) -> Any:
    """A download of an instance's rows; PyODPS reads none where two columns have one name."""
    try:
        return tunnel.create_download_session(instance)
    except ValueError as error:
        if not str(error).startswith("Duplicate column names"):
            raise
    raise ProgrammingError("two columns of the result have one name: give one of them an alias")


def _result(instance: Any) -> str:
    """The text that a statement ended with."""
    results = instance.get_task_results_without_format()
    found = results.get(_TASK) or next(iter(results.values()), None)
    return "" if found is None else str(found)


class _Unlogged(bytes):
    """A body that a log of the client prints as "…": it may hold a key."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "…"

    __str__ = __repr__


class _Rest(RestClient):  # type: ignore[misc]
    """PyODPS's client of HTTP, that keeps to a clock and logs neither what is sent nor what is answered."""

    _session_local = threading.local()

    def __init__(self, *args: Any, clock: Clock, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self._clock = clock

    def upload_survey_log(self) -> None:
        """Not without being asked."""

    def _request_with_retry(self, url: str, method: str, stream: bool = False, **kw: Any) -> Any:
        """As PyODPS's; but tried once where the pauses would take longer than is left."""
        tried = self._request if self._clock.left() < _PAUSES else super()._request_with_retry
        return tried(url, method, stream=stream, **kw)

    def _request(self, url: str, method: str, stream: bool = False, **kw: Any) -> Any:
        left = self._clock.left()
        kw["timeout"] = min(CONNECT_SECONDS, left), min(ANSWER_SECONDS, left)
        if isinstance(kw.get("data"), bytes):
            kw["data"] = _Unlogged(kw["data"])
        answer = super()._request(url, method, stream=True, **kw)  # of a stream the content is not logged
        if not stream:
            answer.content  # noqa: B018 - so that the connection can be used again
        return answer

    @property
    def session(self) -> Any:
        """Requests', which would follow a redirect to another host, with the statement and its key."""
        found = super().session
        found.max_redirects = 0
        return found


def _forget_sessions() -> None:
    """Of a forked child: its parent uses them."""
    _Rest._session_local = threading.local()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_sessions)


class _Client(odps.ODPS):  # type: ignore[misc]
    """PyODPS's entry.  It looks for tables where statements have them, without asking the tenant."""

    namespace_schema = True

    def is_schema_namespace_enabled(self, settings: Any = None) -> bool:
        return self.namespace_schema


class _Tunnel(InstanceTunnel):  # type: ignore[misc]
    """PyODPS's tunnel, by the same client of HTTP."""

    @property
    def tunnel_rest(self) -> Any:
        found = super().tunnel_rest
        if not isinstance(found, _Rest):
            found = self._tunnel_rest = _Rest(
                found.account,
                found.endpoint,
                found.project,
                tag="TUNNEL",
                namespace=found.namespace,
                retry_enabled=False,
                proxy=found._proxy,
                app_account=found.app_account,
                clock=self._client._clock,
            )
        return found


class Service:
    """A project of the service.  ``arguments`` are odps.ODPS's: access_id and secret_access_key, or account;
    endpoint, schema and so on; ``namespace_schema`` is whether it has schemas.  Nothing is asked before there
    is something to ask."""

    def __init__(self, project: str, *, namespace_schema: bool = True, **arguments: Any) -> None:
        self.clock = Clock()
        try:
            self.client = _Client(
                project=project,
                overwrite_global=False,
                logview_host="none",  # or it would be asked for
                rest_client_cls=_Rest,
                rest_client_kwargs={"clock": self.clock},
                **arguments,
            )
        except (TypeError, AssertionError) as error:
            hint = ""
            if "access_id" in str(error):
                hint = " Give them, or set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"
            raise ProgrammingError(f"cannot connect: {error}{hint}") from None
        self.client.namespace_schema = namespace_schema
        self.project, self.schema = project, arguments.get("schema")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a connection of the service is not pickled: its key would be readable there")

    @contextmanager
    def limited(self, seconds: float | None) -> Iterator[None]:
        """Let what is done inside take so long."""
        before = self.clock.end
        self.clock.end = None if seconds is None else monotonic() + seconds
        try:
            yield
        finally:
            self.clock.end = before

    # Statements

    def start(self, query: str, settings: Mapping[str, str], hidden: tuple[str, ...] = ()) -> Any:
        """Send a statement; its instance, which may still run."""
        # PyODPS puts it into one CDATA section, in which a carriage return would not last
        whole = query.replace("]]>", "]]]]><![CDATA[>").replace("\r", "]]>&#13;<![CDATA[")
        task = SQLTask(name=_TASK, query=whole)
        task.update_sql_settings(dict(settings))
        with translated("the statement", sent=True, hidden=hidden):
            return self.client.get_project().instances.create(task=task)

    def wait(self, instance: Any, hidden: tuple[str, ...] = ()) -> None:
        """Wait for a statement's end.  What interrupts the waiting stops the statement.  Raises what the
        service says of one that failed."""
        try:
            self._poll(instance)
        except BaseException as error:
            if isinstance(error, TimedOut) or not isinstance(error, ModelError):
                self.stop(instance)
            raise
        with translated(f"asking how instance {instance.id} ended", sent=True, hidden=hidden):
            tasks = instance.get_task_statuses(status_only=True).values()  # of what was answered at once
            statuses = {task.status.name for task in tasks}
            if statuses == {"SUCCESS"}:
                return
            text = _result(instance) if "FAILED" in statuses else ""
        if "FAILED" in statuses:
            raise told(text or "the statement failed, and the service does not say why", instance.id, hidden)
        if "CANCELLED" in statuses:
            raise ServiceError(f"instance {instance.id} was stopped")
        told_statuses = ", ".join(sorted(statuses)) or "not told"
        raise ServiceError(f"instance {instance.id} has ended, and its status is {told_statuses}", hint=_LOOK)

    def _poll(self, instance: Any) -> None:
        """Ask until it has ended.  A question that fails is asked again, as the statement runs on."""
        pause, failures = _FIRST_PAUSE, 0
        while True:
            try:
                with translated(f"waiting for instance {instance.id}"):
                    if instance.is_terminated(retry=False):
                        return
                failures = 0
            except TimedOut:
                raise
            except ModelError as error:
                failures += 1
                if failures > _FAILURES:
                    error.hint = f"it may still run: look at instance {instance.id} before you send it again"
                    raise
            sleep(min(pause, self.clock.left()))
            pause = min(1.5 * pause, _LONGEST_PAUSE)

    def stop(self, instance: Any) -> None:
        """Ask the service to stop a statement, if it can be asked."""
        with suppress(Error), self.limited(5), translated("stopping"):
            instance.stop()

    def text(self, instance: Any) -> str:
        """A statement's result as text."""
        with translated(f"the result of instance {instance.id}"):
            return _result(instance)

    def rows(self, instance: Any) -> Any:
        """The download of a SELECT's rows, or None for what has none: it has ``count`` and ``schema``."""
        try:
            with translated(f"the rows of instance {instance.id}"):
                tunnel = _Tunnel(self.client, project=self.client.project)
                download = _download(tunnel, instance)
                if not isinstance(download.count, int) or download.schema is None:
                    raise ValueError("no count, or no schema")
                return download
        except ServiceError as error:
            if error.code == "InstanceTypeNotSupported":
                return None
            raise

    def read(self, download: Any, first: int, count: int, timezone: str) -> list[tuple[Any, ...]]:
        """Some rows of a download, times as they are in a timezone."""
        is_json = [str(column.type).lower() == "json" for column in download.schema.columns]
        with (
            translated("reading rows"),
            _reading(timezone),
            download.open_record_reader(first, count) as reader,
        ):
            return [tuple(map(value_of, record.values, is_json)) for record in reader]

    # The catalog

    def _catalog(self, key: tuple[str, ...], verb: str = "", **parameters: str) -> Any:
        """A document of the Catalog API about the models of (project, schema), or about (project, schema,
        model); None where there is no such thing."""
        with translated("reading models"):
            rest = self.client.catalog_rest
            if rest is None:
                raise ServiceError("the service does not say where its Catalog API is", hint=_CATALOG)
            project, schema, *model = (quote(part, safe="") for part in key)
            path = "/".join(("projects", project, "schemas", schema, "models", *model))
            url = f"{rest.endpoint}{odps.options.catalog.url_prefix}/{path}{verb}"
            try:
                document = rest.get(url, params=parameters).json()
            except odps.errors.NoSuchObject:
                return None
        if not isinstance(document, dict):
            raise ServiceError("reading models failed: the answer is none of the Catalog API's")
        return document

    def _listed(self, key: tuple[str, ...], verb: str = "") -> Iterator[dict[str, Any]]:
        token, seen = "", {""}
        while True:
            page = self._catalog(key, verb, **({"pageToken": token} if token else {})) or {}
            yield from page.get("models") or ()
            token = page.get("nextPageToken") or ""
            if token in seen:  # or it would never end
                return
            seen.add(token)

    def models(self, project: str, schema: str) -> Iterator[dict[str, Any]]:
        """The documents of a schema's models, each with its default version, in pages."""
        return self._listed((project, schema))

    def model(self, project: str, schema: str, name: str) -> dict[str, Any] | None:
        """The document of a model with its default version."""
        found: dict[str, Any] | None = self._catalog((project, schema, name))
        return found

    def versions(self, project: str, schema: str, name: str) -> list[dict[str, Any]]:
        """The documents of a model's versions, in order of creation; none where there is no such model."""
        found = self._listed((project, schema, name), ":listVersions")
        with translated("reading versions"):
            return sorted(found, key=lambda version: int(version["versionCreateTime"]))

    # Tables

    def schemas(self) -> list[str]:
        """The project's schemas."""
        with translated("reading schemas"):
            return [schema.name for schema in self.client.list_schemas()]

    def tables(self, schema: str | None) -> list[tuple[str, bool]]:
        """A schema's tables and views, and whether each is a view, as far as the list tells; None is the
        connection's own."""
        with translated("reading tables"):
            found = self.client.list_tables(schema=schema or self.schema)
            return [(table.name, "VIEW" in str(table._getattr("type")).upper()) for table in found]

    def columns(self, schema: str | None, name: str) -> tuple[list[Any], str | None] | None:
        """A table's columns, as PyODPS has them, and its comment; None where there is no such table."""
        with translated(f"reading table {name}"):
            table = self.client.get_table(name, schema=schema or self.schema)
            try:
                table.reload()
            except odps.errors.NoSuchObject:
                return None
            return list(table.table_schema.columns), table.comment or None
