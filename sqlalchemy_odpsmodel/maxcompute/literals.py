"""Python's values as MaxCompute's literals, and parameters into a statement.

The service takes text only.  Source: the vendor's page "Data type editions", on constants.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from numbers import Integral, Rational, Real
from typing import Any

from ..errors import DataError, ProgrammingError
from ..options import EnvSecret, PlainSecret
from ..sql.lexer import QUOTED_NAME, RAW, RAW_OPENING, STRING, WORD, quote

Parameters = Sequence[Any] | Mapping[str, Any]

#: What quote() leaves as it is, and XML cannot carry; and what has no escape either.
_CONTROL = re.compile(r"[\x01-\x07\x0b\x0c\x0e-\x19\x1b-\x1f]")
_NO_XML = re.compile("[\ufffe\uffff]")
#: BIGINT as published.  A larger number is read as DOUBLE, and so changed.
_BIGINT = range(-(2**63) + 1, 2**63)
_DECIMAL_DIGITS = 38
#: Of what is not closed all that follows is skipped, so that no stretch is read again and again.
_SKIPPED = (
    rf"--[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/|{RAW}|{WORD}|{STRING}|{QUOTED_NAME}"
    rf"|(?:/\*|{RAW_OPENING}|['\"`]).*+"
)
_PLACES = re.compile(rf"{_SKIPPED}|(?P<mark>\?)", re.DOTALL)
#: Not the colon of STRUCT<k:STRING>, nor of a::b.
_NAMES = re.compile(rf"{_SKIPPED}|(?<![\w:`]):(?P<name>[A-Za-z_]\w*+)", re.DOTALL)


def literal(value: object) -> str:
    """A literal that says a value: None, bool, int of BIGINT's range, float, Decimal of up to 38 digits, str,
    bytes, datetime (to the millisecond DATETIME, finer ones TIMESTAMP), date; NumPy's scalars as Python's.
    Raises DataError for others, and never shows the value."""
    if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
        value = bool(value)
    for kind, written in _LITERALS.items():
        if isinstance(value, kind):
            return written(value)
    raise DataError(f"a parameter is a {type(value).__name__}, for which MaxCompute has no literal")


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise DataError("a parameter is a text that is not valid Unicode") from None
    if _NO_XML.search(value):
        raise DataError("a parameter is a text with U+FFFE or U+FFFF, which the service's XML cannot carry")
    return _CONTROL.sub(lambda found: f"\\{ord(found[0]):03o}", quote(str.__str__(value)))


def _integer(value: Integral) -> str:
    number = int(value)
    if number not in _BIGINT:
        raise DataError("a parameter is a whole number outside of BIGINT: give a Decimal, or a float")
    return str(number)


def _float(value: Real) -> str:
    if isinstance(value, Rational):
        raise DataError(f"a parameter is a {type(value).__name__}, for which MaxCompute has no literal")
    if not isfinite(value):
        raise DataError("a parameter is infinite or no number, for which MaxCompute has no literal")
    return repr(float(value))


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise DataError("a parameter is infinite or no number, for which MaxCompute has no literal")
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # as it is finite
    if (max(len(digits), -exponent) if exponent < 0 else len(digits) + exponent) > _DECIMAL_DIGITS:
        raise DataError(f"a parameter is a Decimal of more than {_DECIMAL_DIGITS} digits")
    return f"{value:f}BD"


def _bytes(value: bytes | bytearray | memoryview) -> str:
    return f"UNBASE64('{b64encode(bytes(value)).decode()}')"


def _time(value: datetime) -> str:
    if value != value:
        raise DataError("a parameter is no time (NaT), for which MaxCompute has no literal: give None")
    if value.tzinfo is not None:
        raise DataError("a parameter is a time with a timezone: give one without, as the session's is meant")
    nanoseconds = value.microsecond * 1000 + getattr(value, "nanosecond", 0)
    shown = f"{value:%Y-%m-%d %H:%M:%S}".rjust(19, "0")
    if nanoseconds % 1_000_000:
        return f"TIMESTAMP '{shown}.{nanoseconds:09d}'"
    return f"DATETIME '{shown}.{nanoseconds // 1_000_000:03d}'" if nanoseconds else f"DATETIME '{shown}'"


def _secret(value: object) -> str:
    raise DataError("a secret is a parameter of a model statement's APIKEY only")


_LITERALS: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "NULL",
    bool: lambda value: "TRUE" if value else "FALSE",
    Integral: _integer,
    Real: _float,
    Decimal: _decimal,
    str: _text,
    bytes: _bytes,
    bytearray: _bytes,
    memoryview: _bytes,
    datetime: _time,
    date: lambda value: f"DATE '{value.isoformat()}'",
    EnvSecret: _secret,
    PlainSecret: _secret,
}


def fill(sql: str, parameters: Parameters) -> str:
    """A statement with its parameters in it: ``?`` by a sequence, ``:name`` by a mapping, outside of
    literals, names in backquotes and comments.  Raises ProgrammingError where they do not fit."""
    if isinstance(parameters, Mapping):
        return _NAMES.sub(lambda found: _named(found, parameters), sql)
    if isinstance(parameters, (str, bytes, bytearray)) or not hasattr(parameters, "__getitem__"):
        raise ProgrammingError("parameters must be a sequence or a mapping")
    if not len(parameters) and "?" not in sql:
        return sql
    left = iter(parameters)
    marks = sum(found["mark"] is not None for found in _PLACES.finditer(sql))
    if marks != len(parameters):
        raise ProgrammingError(f"the statement has {marks} parameters, and {len(parameters)} are given")
    return _PLACES.sub(lambda found: _apart(found, next(left)) if found["mark"] else found[0], sql)


def _named(found: re.Match[str], parameters: Mapping[str, Any]) -> str:
    name = found["name"]
    if name is None:
        return found[0]
    if name not in parameters:
        raise ProgrammingError(f"no value is given for the parameter :{name}")
    return _apart(found, parameters[name])


def _apart(found: re.Match[str], value: object) -> str:
    """A literal that does not join what stands beside it: of 1-? with -1 not a comment, of LIMIT? no word."""
    text, start, end = found.string, found.start(), found.end()
    before = " " if re.match(r"[\w-]", text[start - 1 : start]) else ""
    after = " " if re.match(r"\w", text[end : end + 1]) else ""
    return before + literal(value) + after
