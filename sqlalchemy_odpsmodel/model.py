"""Frozen values of the model vocabulary and their limits: names, input columns, comments.

Source: the vendor's pages "Create and delete models" and "Modify a model version".  An illegal value
cannot be made: each constructor raises :class:`~.errors.SemanticError`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Literal, get_args

from .errors import SemanticError

NAME_BYTES = 256
COLUMN_NAME_BYTES = 128
COMMENT_BYTES = 1024
RESERVED_VERSION = "default_version"
PUBLIC_PROJECT = "bigdata_public_modelset"
DEFAULT_SCHEMA = "default"

#: What may be dropped and made again in order to change it: nothing, versions, or whole models too.
Replaceable = Literal["nothing", "versions", "models"]
REPLACEABLE: tuple[Replaceable, ...] = get_args(Replaceable)

#: The blocks of Han characters, and the iteration mark and zero that are written with them.
HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f\U00030000-\U000323af"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PUBLIC_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_TYPE = re.compile(r"\s*([A-Za-z_]+)\s*(?:\(\s*([0-9]+)\s*(?:,\s*([0-9]+)\s*)?\)\s*)?")
_LETTERS = "letters, digits and _"

#: Every scalar type of MaxCompute, lower case as DESC prints it.
SCALAR_TYPES = frozenset(
    "tinyint smallint int bigint float double decimal string varchar char binary boolean date"
    " datetime timestamp timestamp_ntz json".split()
)
COMPLEX_TYPES = frozenset(("array", "map", "struct"))
_PLAIN_TYPES = SCALAR_TYPES - {"varchar", "char"}
_LENGTHS = {"varchar": 65535, "char": 255}
_MAX_PRECISION, _MAX_SCALE = 38, 18
_set = object.__setattr__  # of frozen values


def plain(text: str) -> str:
    """A str that is no subclass's: an enum's, or SQLAlchemy's quoted_name, prints as something else."""
    return str.__str__(text)


def utf8_length(text: str, what: str) -> int:
    """The length in bytes of UTF-8; text that UTF-8 cannot encode is refused."""
    if text.isascii():
        return len(text)
    encoded = text.encode(errors="surrogatepass")
    if encoded.decode(errors="replace") != text:
        raise SemanticError(f"{what} is not valid Unicode text")
    return len(encoded)


def _name(kind: str, name: str, pattern: re.Pattern[str], letters: str, limit: int) -> str:
    if type(name) is str and name.isascii() and len(name) <= limit and pattern.fullmatch(name):
        return name.lower()
    if not isinstance(name, str):
        raise SemanticError(f"{kind} must be a str, not {type(name).__name__}")
    if not pattern.fullmatch(name):
        shown = name if len(name) <= 60 else f"{name[:60]}…"
        raise SemanticError(
            f"{kind} {shown!r} must start with a letter and hold only {letters}", offender=name
        )
    if utf8_length(name, kind) > limit:
        raise SemanticError(f"{kind} {name[:20]!r}… is longer than {limit} bytes of UTF-8", offender=name)
    return str.lower(name)  # SQLAlchemy's quoted_name would keep its case


def model_name(name: str, kind: str = "model name") -> str:
    """A name folded to lower case: letters, digits and _, from a letter on, at most 256 bytes."""
    return _name(kind, name, _NAME, _LETTERS, NAME_BYTES)


def version_name(name: str) -> str:
    """A version's name, as :func:`model_name`; ``default_version`` is reserved."""
    folded = model_name(name, "version name")
    if folded == RESERVED_VERSION:
        raise SemanticError(f"a version cannot be called {RESERVED_VERSION}", offender=name)
    return folded


def column_name(name: str) -> str:
    """A column's name folded to lower case: as a model's, and Chinese characters; 128 bytes."""
    pattern = _NAME if isinstance(name, str) and name.isascii() else _han_name()
    letters = "letters, digits, _ and Chinese characters"
    return _name("input column", name, pattern, letters, COLUMN_NAME_BYTES)


@cache
def _han_name() -> re.Pattern[str]:
    """Which takes long to compile, and most never need."""
    return re.compile(rf"[A-Za-z{HAN}][A-Za-z0-9_{HAN}]*")


def comment_text(comment: str | None, what: str = "COMMENT", offender: str = "COMMENT") -> str | None:
    """A comment of at most 1,024 bytes of UTF-8; None and "" are none."""
    if comment is None:
        return None
    if not isinstance(comment, str):
        raise SemanticError(f"{what} must be a str, not {type(comment).__name__}")
    if utf8_length(comment, what) > COMMENT_BYTES:
        raise SemanticError(f"{what} is longer than {COMMENT_BYTES:,} bytes of UTF-8", offender=offender)
    return plain(comment) or None


def column_type(text: str, column: str) -> str:
    """A column's scalar type as DESC prints it: lower case, ``decimal(10,2)`` without blanks."""
    if not isinstance(text, str):
        raise SemanticError(f"the type of input column {column} must be a str, not {type(text).__name__}")
    lower = text.lower()
    if lower in _PLAIN_TYPES:
        return lower
    match = _TYPE.fullmatch(text)
    name = match[1].lower() if match else lower
    if name.split("<")[0].strip() in COMPLEX_TYPES:
        raise SemanticError(
            f"{name.split('<')[0].strip().upper()} is no type of a model's input: only scalar types are",
            offender=text.split("<")[0].strip(),
        )
    if not match or name not in SCALAR_TYPES:
        raise SemanticError(
            f"the type of input column {column} is unknown",
            offender=column,
            hint=_nearest_type(name),
        )
    first, second = (None if digits is None else _number(digits) for digits in match.groups()[1:])
    return name + _type_arguments(name, first, second, match[1])


def _number(digits: str) -> int:
    """A whole number; over nine digits it is one that is over every limit."""
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= 9 else 10**9


def _nearest_type(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, sorted(SCALAR_TYPES), 1)
    types = ", ".join(sorted(SCALAR_TYPES)).upper()
    return f"did you mean {near[0].upper()}?" if near else f"the types are {types}"


def _type_arguments(name: str, first: int | None, second: int | None, written: str) -> str:
    """``(p,s)`` or ``(n)`` inside their limits, or nothing."""

    def refuse(reason: str) -> SemanticError:
        return SemanticError(f"{name.upper()} {reason}", offender=written)

    if name in _LENGTHS:
        limit = _LENGTHS[name]
        if first is None or second is not None:
            raise refuse(f"takes one length, as in {name.upper()}(10)")
        if not 1 <= first <= limit:
            raise refuse(f"takes a length from 1 to {limit}")
        return f"({first})"
    if first is None:
        return ""
    if name != "decimal":
        raise refuse("takes no length")
    if not 1 <= first <= _MAX_PRECISION:
        raise refuse(f"takes a precision from 1 to {_MAX_PRECISION}")
    if second is None:
        return f"({first})"
    if not 0 <= second <= min(_MAX_SCALE, first):
        raise refuse(f"takes a scale from 0 to {_MAX_SCALE} that is at most its precision")
    return f"({first},{second})"


@dataclass(frozen=True, slots=True, init=False)
class InputColumn:
    """One input of a version: folded name, type as DESC prints it, comment of at most 1,024 bytes.

    A comment of "" is none, as None is; a declaration says with it that there is to be none."""

    name: str
    type: str
    comment: str | None = None

    def __init__(self, name: str, type: str, comment: str | None = None) -> None:
        name = column_name(name)
        _set(self, "name", name)
        _set(self, "type", column_type(type, name))
        if comment is not None:
            comment = comment_text(comment, f"COMMENT of input column {name}", name) or ""
        _set(self, "comment", comment)


_made = lru_cache(4096)(InputColumn)


def input_column(name: str, type: str, comment: str | None = None) -> InputColumn:
    """The column, which may have been made before: versions and models have columns in common, and to make
    one is to check it."""
    try:
        short = len(name) + len(type) + len(comment or "") <= COLUMN_NAME_BYTES + COMMENT_BYTES
        return _made(name, type, comment) if short else InputColumn(name, type, comment)
    except TypeError:  # what has no length or no hash is refused in words
        return InputColumn(name, type, comment)


@dataclass(frozen=True, slots=True, init=False)
class ModelName:
    """``[[project.]schema.]model``, folded; None means the connection's own.

    With a project, the schema is ``default`` where none is given.  A name that is only looked up may
    hold - and . too, as public models' do.  ``str()`` is the name as far as it was given.
    """

    model: str
    schema: str | None = None
    project: str | None = None

    def __init__(self, model: str, schema: str | None = None, project: str | None = None) -> None:
        _set(self, "model", _name("model name", model, _PUBLIC_NAME, _LETTERS, NAME_BYTES))
        if schema is not None:
            schema = model_name(schema, "schema name")
        if project is not None:
            project = model_name(project, "project name")
            schema = schema or DEFAULT_SCHEMA
        _set(self, "schema", schema)
        _set(self, "project", project)

    def __str__(self) -> str:
        return ".".join(filter(None, (self.project, self.schema, self.model)))


def utc(milliseconds: int) -> datetime:
    """A time as models have it, milliseconds since 1970, as an aware datetime."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
