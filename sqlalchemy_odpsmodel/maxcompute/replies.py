"""What the service answers about models, as rows and as the inspector's dictionaries; pure functions.

Texts have the layout of the vendor's pages; the Catalog API's documents have its published names.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..catalog import DESC_NAMES
from ..errors import ServiceError
from ..model import utc
from ..options import MASK, REMOTE_SERVICE_TYPE, EnvSecret, Fingerprint, OptionValue, PlainSecret, secret

if TYPE_CHECKING:  # the driver needs no SQLAlchemy
    from ..reflection import ReflectedInput, ReflectedModel, ReflectedModelVersion

Row = tuple[str, ...]
Document = Mapping[str, Any]

#: A key that is not readable, so that nothing tells whether it is another.
UNREADABLE = Fingerprint("")
_SALT = secrets.token_bytes(32)
_RULE = re.compile(r"\+(?:-+\+)+")
_KEY = re.compile(r"\| ([A-Za-z_][\w ]*):")
_INPUT = re.compile(r"\| (\S+) +\| (\S.*?) +\| (.*)\|")
_OWNER = re.compile(r"^\| Owner: *(.*?) *\|\r?$", re.MULTILINE)
#: Stars in the middle of a key are a mask too: no token has three.
_MASKED = re.compile(r"\**|.*\*{3}.*", re.DOTALL)
_VALUE_COLUMN = 28
#: Options of DESC that are shown elsewhere, or not.
_NOT_SHOWN = ("LOCATION", "TASKS")


def malformed(what: str) -> ServiceError:
    return ServiceError(f"the service's answer to {what} is not as its pages have it")


# Texts


def grid(text: str, what: str) -> list[Row]:
    """The lines of SHOW's grid, the head first.  The first rule has every column's width, and lines are read
    by it, so that a bar or a line's end in a cell is a part of it.  Raises ServiceError."""
    text = text.strip("\r\n")
    if text.partition("\n")[0].endswith("\r"):
        text = text.replace("\r\n", "\n")
    rule = text.partition("\n")[0]
    if not _RULE.fullmatch(rule):
        raise malformed(what)
    width = len(rule)
    if any(end != "\n" for end in text[width :: width + 1]) or text[-width:] != rule:
        return _grid_by_bars(text, rule, what)
    bars = [found.start() for found in re.finditer(r"\+", rule)]
    lines = [text[start : start + width] for start in range(0, len(text), width + 1)]
    cells = [line for line in lines if line != rule]
    if not cells or any(line[bar] != "|" for line in cells for bar in bars):
        return _grid_by_bars(text, rule, what)
    return [tuple(line[left + 2 : right].rstrip(" ") for left, right in pairwise(bars)) for line in cells]


def _grid_by_bars(text: str, rule: str, what: str) -> list[Row]:
    """Where a rule's width is not counted in characters, as that of Chinese may not be: by the bars alone,
    if each line has as many as a rule."""
    *lines, last = text.split("\n")
    lines = [line for line in lines if line != rule]
    bars = rule.count("+")
    if last != rule or not lines or any(not _is_row(line, bars) for line in lines):
        raise malformed(what)
    return [tuple(cell.strip(" ") for cell in line.split("|")[1:-1]) for line in lines]


def _is_row(line: str, bars: int) -> bool:
    return line.count("|") == bars and line[:1] == line[-1:] == "|"


def described(text: str) -> list[Row] | None:
    """DESC's rows (Section, Name, Value, Comment).  None where the text is not as the page has it, as where a
    comment has several lines, so that what is what cannot be told."""
    blocks: list[list[str]] = []
    for line in text.replace("\r\n", "\n").strip("\n").split("\n"):
        if _RULE.fullmatch(line):
            blocks.append([])
        elif blocks:
            blocks[-1].append(line)
    if len(blocks) != 7 or [len(blocks[i]) for i in (0, 2, 4, 6)] != [1, 1, 1, 0]:
        return None
    rows: list[Row] = []
    for (section, names), lines in zip(DESC_NAMES.items(), (blocks[1], blocks[3]), strict=True):
        pairs = list(map(_pair, lines))
        shown = [name for name, _ in pairs]
        if shown[: len(names)] != names or "" in shown or len(set(shown)) < len(shown):
            return None
        options = _shown(dict(pairs[len(names) :]))
        if options and section == "Model Information":
            return None
        rows += ((section, *pair, "") for pair in (*pairs[: len(names)], *options))
    inputs = [_INPUT.fullmatch(line) for line in blocks[5]]
    rows += (("Input", found[1], found[2], found[3].rstrip(" ")) for found in inputs if found)
    return rows if all(inputs) else None


def owner_of(text: str) -> str:
    """The owner in DESC's text, whatever comes after it."""
    found = _OWNER.search(text)
    if found is None:
        raise malformed("DESC MODEL")
    return found[1]


def _pair(line: str) -> tuple[str, str]:
    """A key and its value; ("", "") where the line is none of that."""
    found = _KEY.match(line)
    if found is None or not line.endswith("|"):
        return "", ""
    return found[1], line[max(_VALUE_COLUMN, found.end()) : -1].rstrip(" ")


def _shown(options: Mapping[str, object]) -> list[tuple[str, str]]:
    """Options as DESC's rows have them: in upper case and in order, a key masked."""
    rows = {key.upper(): str(value) for key, value in options.items()}
    if "APIKEY" in rows:
        rows["APIKEY"] = str(secret(rows["APIKEY"]))
    return sorted(rows.items())


# Documents of the Catalog API, each of a model and one of its versions


@contextmanager
def reading(what: str) -> Iterator[None]:
    """A document that lacks what its pages say it has is malformed."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, OSError):
        raise malformed(what) from None


@reading("DESC MODEL")
def described_by(document: Document, project: str, owner: str, show: Callable[[int], str]) -> list[Row]:
    """DESC's rows by a document, where the text does not tell."""
    version = _version(document)
    common = owner, project, document["modelName"], document.get("modelType") or "", document["sourceType"]
    values = {
        "Model Information": (
            *common,
            document["defaultVersion"],
            *_times(document, show, "createTime", "updateTime"),
            document.get("description") or "",
        ),
        "Version Information": (
            *common,
            version["name"],
            document.get("path") or "",
            *_times(document, show, "versionCreateTime", "versionUpdateTime"),
        ),
    }
    options = {k.upper(): v for k, v in (document.get("options") or {}).items()}
    if document["sourceType"] == "REMOTE":
        options = {"APIKEY": MASK, REMOTE_SERVICE_TYPE[0]: REMOTE_SERVICE_TYPE[1], **options}
    options = {key: value for key, value in options.items() if key not in _NOT_SHOWN}
    return [
        *((s, name, value, "") for s in values for name, value in zip(DESC_NAMES[s], values[s], strict=True)),
        *(("Version Information", *pair, "") for pair in _shown(options)),
        *(("Input", i["name"], i["type"], i["comment"] or "") for i in version["inputs"]),
    ]


@reading("SHOW VERSIONS")
def version_row(document: Document, owner: str, show: Callable[[int], str]) -> Row:
    """A row of SHOW VERSIONS."""
    return (
        document["versionName"],
        owner,
        document["sourceType"],
        document.get("modelType") or "",
        str(document["versionName"] == document["defaultVersion"]).lower(),
        *_times(document, show, "versionCreateTime", "versionUpdateTime"),
        document.get("path") or "",
        document.get("versionDescription") or "",
    )


@reading("reading models")
def reflected(project: str, schema: str, documents: Sequence[Document]) -> ReflectedModel:
    """A model of its versions' documents, in order of creation.  The Catalog API does not say whose it is."""
    model = documents[-1]
    return {
        "name": model["modelName"],
        "schema": schema,
        "project": project,
        "owner": "",
        "source_type": model["sourceType"],
        "model_type": model.get("modelType") or "",
        "default_version": model["defaultVersion"],
        "comment": model.get("description") or None,
        "create_time": utc(int(model["createTime"])),
        "last_modified_time": utc(int(model["updateTime"])),
        "versions": [_version(document) for document in documents],
    }


def _version(document: Document) -> ReflectedModelVersion:
    return {
        "name": document["versionName"],
        "comment": document.get("versionDescription") or None,
        "inputs": [_input(field) for field in (document.get("featureColumns") or {}).get("fields") or ()],
        "options": dict(_options(document)),
        "create_time": utc(int(document["versionCreateTime"])),
        "last_modified_time": utc(int(document["versionUpdateTime"])),
    }


def _input(field: Document) -> ReflectedInput:
    return {
        "name": field["fieldName"],
        "type": field["sqlTypeDefinition"].lower().replace(" ", ""),
        "comment": field.get("description") or None,
    }


def _options(document: Document) -> Sequence[tuple[str, OptionValue]]:
    """The options that a statement would give; what the service derives is left out."""
    given: dict[str, OptionValue] = {
        key.upper(): str(value) for key, value in (document.get("options") or {}).items()
    }
    given.pop(REMOTE_SERVICE_TYPE[0], None)
    source_type, path, tasks = (document.get(key) for key in ("sourceType", "path", "tasks"))
    if source_type == "IMPORT" and path:
        given["LOCATION"] = path
    if source_type == "REMOTE":
        given["APIKEY"] = kept(secret(str(given.get("APIKEY", MASK))))
        if tasks:
            given["TASKS"] = tasks[0]
    return tuple(given.items())


def kept(value: OptionValue) -> OptionValue:
    """An option's value without a key: of a readable one a fingerprint, under a salt of this process."""
    if not isinstance(value, PlainSecret):
        return value
    key = value.reveal()
    if _MASKED.fullmatch(key):
        return UNREADABLE
    return Fingerprint(hmac.digest(_SALT, key.encode(errors="surrogatepass"), "sha256").hex())


def _times(document: Document, show: Callable[[int], str], *keys: str) -> tuple[str, ...]:
    return tuple(show(int(document[key])) for key in keys)


def compared(declared: OptionValue, found: OptionValue | None) -> OptionValue | None:
    """What a declared option is compared with what was found as; a key that is not readable, or whose
    variable is not set here, is the one that was found."""
    if found == UNREADABLE:
        return found
    if isinstance(declared, EnvSecret) and isinstance(found, Fingerprint):
        key = os.environ.get(declared.name)
        return kept(PlainSecret(key)) if key else found
    return kept(declared)
