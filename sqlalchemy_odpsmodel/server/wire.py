"""The documents of MaxCompute's protocol, as the official client reads and writes them; pure functions.

Jobs, instances, tables and errors are XML, models and downloads JSON.  Times are milliseconds of UTC.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ..catalog import shown_options
from ..model import InputColumn
from ..store import ModelRecord, VersionRecord
from .ordinary import TableColumn

TASK_NAME = "AnonymousSQLTask"
SETTINGS_CHARACTERS = 64_000


#: XML has no control characters but three, and no halves of surrogates.
_not_xml = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Malformed(ValueError):
    """A document that is none of the protocol's."""


class Job(NamedTuple):
    """One SQL statement to run: the task's name, the statement, and the settings that hold for it."""

    name: str
    query: str
    settings: dict[str, str]


class _Builder(ElementTree.TreeBuilder):
    def doctype(self, *_: object) -> None:
        """No document of the protocol has one, and entities could make a small one huge."""
        raise Malformed("a document type is not allowed")


def read_job(body: bytes) -> Job:
    """The job of ``POST …/instances``: an Instance document with one SQL task."""
    root = _root(body)
    tasks = root.findall("./Job/Tasks/*")
    if len(tasks) != 1 or tasks[0].tag != "SQL":
        found = ", ".join(sorted({task.tag for task in tasks})) or "none"
        raise Malformed(f"a job has one task, SQL; found: {found}")
    task = tasks[0]
    query = task.findtext("Query")
    if query is None:
        raise Malformed("the task has no Query")
    name, settings = task.findtext("Name") or TASK_NAME, _settings(task)
    if len(name) + sum(len(key) + len(value) for key, value in settings.items()) > SETTINGS_CHARACTERS:
        raise Malformed(f"the task's name and settings have more than {SETTINGS_CHARACTERS:,} characters")
    return Job(name, query, settings)


def read_stop(body: bytes) -> None:
    """Raise Malformed unless a body of ``PUT …/instances/ID`` asks to stop the instance."""
    root = _root(body)
    if root.tag != "Instance" or root.findtext("Status") != "Terminated":
        raise Malformed("an instance can be set to the status Terminated only")


def _root(body: bytes) -> Element:
    try:
        return ElementTree.fromstring(body, ElementTree.XMLParser(target=_Builder()))
    except ElementTree.ParseError as error:
        line, column = error.position
        raise Malformed(f"the body is not XML, at line {line}, column {column + 1}") from None
    except (LookupError, ValueError) as error:  # an encoding that is none
        raise Malformed(f"the body cannot be read: {error}") from None


def _settings(task: Element) -> dict[str, str]:
    """The JSON object in the task's property ``settings``, all values as text."""
    for item in task.findall("./Config/Property"):
        if item.findtext("Name") == "settings":
            try:
                settings = json.loads(item.findtext("Value") or "{}")
                return {str(key): str(value) for key, value in settings.items()}
            except (ValueError, AttributeError, RecursionError):
                raise Malformed("the property settings is no JSON object") from None
    return {}


def job_xml(job: Job) -> bytes:
    """A job as ``?source`` shows it."""
    root = Element("Job")
    task = SubElement(SubElement(root, "Tasks"), "SQL")
    _text(task, "Name", job.name)
    item = SubElement(SubElement(task, "Config"), "Property")
    _text(item, "Name", "settings")
    _text(item, "Value", json.dumps(job.settings))
    _text(task, "Query", job.query)
    return _bytes(root)


def status_xml(status: str, task: str = "") -> bytes:
    """An instance's status, of which its task's is given, and with the task's name also that."""
    root = Element("Instance")
    _text(root, "Status", "Running" if status == "Running" else "Terminated")
    if task:
        _task(SubElement(root, "Tasks"), task, status)
    return _bytes(root)


def result_xml(task: str, result: str, status: str) -> bytes:
    """A terminated instance's result: its text, or its error."""
    root = Element("Instance")
    element = _task(SubElement(root, "Tasks"), task, status)
    text = SubElement(element, "Result", Transform="Base64", Format="text")
    text.text = base64.b64encode(result.encode()).decode()
    return _bytes(root)


def _task(tasks: Element, name: str, status: str) -> Element:
    task = SubElement(tasks, "Task", Type="SQL")
    _text(task, "Name", name)
    _text(task, "Status", status)
    return task


def error_xml(code: str, message: str, request_id: str, host: str) -> bytes:
    """An HTTP error.  The client wants all four, or loses the class."""
    root = Element("Error")
    for name, value in (("Code", code), ("Message", message), ("RequestId", request_id), ("HostId", host)):
        _text(root, name, value)
    return _bytes(root)


def project_xml(name: str) -> bytes:
    """A project, which is there as soon as it is asked for."""
    root = Element("Project")
    _text(root, "Name", name)
    return _bytes(root)


def table_xml(
    name: str, project: str, schema: str, columns: Iterable[TableColumn], comment: str | None
) -> bytes:
    """A table's schema."""
    described = {
        "columns": [
            {"name": column.name, "type": column.type, "isNullable": column.nullable}
            | ({"comment": column.comment} if column.comment else {})
            for column in columns
        ],
        "partitionKeys": [],
        "comment": comment,
    }
    root = Element("Table")
    for tag, value in (("Name", name), ("Project", project), ("SchemaName", schema)):
        _text(root, tag, value)
    _text(root, "Schema", json.dumps(described)).set("format", "Json")
    return _bytes(root)


def names_xml(tag: str, names: Iterable[str], marker: str, size: int) -> bytes:
    """A page of a list of tables or schemas, and where the next one begins, "" where no more come."""
    root = Element(f"{tag}s")
    _text(root, "Marker", marker)
    _text(root, "MaxItems", str(size))
    for name in names:
        _text(SubElement(root, tag), "Name", name)
    return _bytes(root)


def download_json(download_id: str, count: int, columns: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """A download of a SELECT's rows; ``columns`` are (name, type)."""
    schema = {"columns": [{"name": name, "type": type_} for name, type_ in columns], "partitionKeys": []}
    return {"DownloadID": download_id, "Status": "normal", "RecordCount": count, "Schema": schema}


def model_json(model: ModelRecord, version: VersionRecord) -> dict[str, Any]:
    """A model and one of its versions, with the Catalog API's names."""
    given = dict(version.options)
    shown: dict[str, Any] = {
        "modelName": model.name,
        "versionName": version.name,
        "defaultVersion": model.default_version,
        "createTime": str(model.create_time),
        "updateTime": str(model.last_modified_time),
        "versionCreateTime": str(version.create_time),
        "versionUpdateTime": str(version.last_modified_time),
        "description": model.comment,
        "versionDescription": version.comment,
        "sourceType": model.source_type,
        "modelType": model.model_type,
        "labels": {},
        "path": given.get("LOCATION"),
        "options": dict(shown_options(model, version)),
        "tasks": [given["TASKS"]] if "TASKS" in given else None,
    }
    if version.inputs:
        shown["featureColumns"] = {"fields": [_field(column) for column in version.inputs]}
    return {key: value for key, value in shown.items() if value is not None}


def _field(column: InputColumn) -> dict[str, Any]:
    kind, _, arguments = column.type.rstrip(")").partition("(")
    numbers = [int(number) for number in arguments.split(",") if number]
    names = ("maxLength",) if kind in ("varchar", "char") else ("precision", "scale")
    field: dict[str, Any] = {
        "fieldName": column.name,
        "sqlTypeDefinition": column.type,
        "typeCategory": kind.upper(),
        "mode": "NULLABLE",
        **dict(zip(names, numbers, strict=False)),
    }
    return field | ({"description": column.comment} if column.comment else {})


def csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A SELECT's rows as the result's text: texts in double quotes, NULL as \\N."""
    lines = [",".join(map(_cell, columns)), *(",".join(map(_cell, row)) for row in rows)]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    text = value.hex() if isinstance(value, bytes) else str(value)
    return '"' + text.replace('"', '""') + '"'


def _text(parent: Element, tag: str, text: str) -> Element:
    element = SubElement(parent, tag)
    element.text = _not_xml.sub("\ufffd", text)
    return element


def _bytes(root: Element) -> bytes:
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document
