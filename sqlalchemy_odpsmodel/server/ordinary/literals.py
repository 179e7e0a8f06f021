"""What a node says if it is a literal, and types as they are written."""

from __future__ import annotations

import base64
import binascii
import re
from decimal import Decimal
from typing import Any

from sqlglot import exp

from ...errors import ParseError, SemanticError
from ...model import column_type
from .nodes import is_, only, unsupported
from .types import INTEGERS, family
from .values import Value, cast, kept, text_of


def type_of(node: exp.DataType, what: str) -> str:
    """A type as written, checked."""
    kind = node.this
    if kind in (exp.DType.ARRAY, exp.DType.MAP, exp.DType.STRUCT) or node.args.get("nested"):
        raise unsupported(f"{what}: the type {kind.value}")
    only(node, "this", "expressions", "kind")
    name = {exp.DType.TEXT: "string", exp.DType.TIMESTAMPNTZ: "timestamp_ntz"}.get(kind, kind.value.lower())
    if kind == exp.DType.USERDEFINED:
        name = str(node.args.get("kind") or "")
    arguments = [str(is_(is_(each, exp.DataTypeParam).this, exp.Literal).this) for each in node.expressions]
    try:
        return column_type(name + (f"({','.join(arguments)})" if arguments else ""), what)
    except SemanticError as error:
        reason = f"the type {name.upper()[:60]} is unknown" if "unknown" in error.reason else error.reason
        raise SemanticError(f"{what}: {reason}", offender=what, hint=error.hint) from None


def plain_string(node: Any, what: str) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise SemanticError(f"{what} takes strings, in quotes", offender=what)
    return str(node.this)


def literal_of(node: exp.Expr) -> Value | None:
    """What a literal says; None for what is none."""
    if isinstance(node, exp.Literal):
        return Value("string", str(node.this)) if node.is_string else _number(str(node.this), 1)
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return _number(str(node.this.this), -1)
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.TryCast):
        return _negative(node.this)
    if isinstance(node, exp.Null):
        return Value("", None)
    if isinstance(node, exp.Boolean):
        return Value("boolean", bool(node.this))
    if isinstance(node, exp.FromBase64):
        return _bytes(node)
    if isinstance(node, exp.ParseJSON):  # JSON '…'
        only(node, "this", "is_literal")
        return Value("json", plain_string(node.this, "JSON"))
    if isinstance(node, (exp.Cast, exp.TryCast)):
        inner = literal_of(node.this)
        return inner and cast(inner, cast_type(node))
    return literal_of(node.this) if isinstance(node, exp.Paren) else None


def _number(digits: str, sign: int) -> Value:
    """A whole number is INT, or BIGINT where it is too large for that; any other is DOUBLE."""
    if not digits.isdigit():
        return Value("double", _decimal(digits) * sign)
    if len(digits.lstrip("0")) <= 19:
        number = int(digits) * sign
        for type in ("int", "bigint"):
            if number in INTEGERS[type]:
                return Value(type, number)
    raise SemanticError(
        "a whole number is outside of BIGINT: write it with an exponent, or as DECIMAL with BD"
    )


def _decimal(text: str) -> Decimal:
    if not re.fullmatch(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,6})?", text):
        raise ParseError("a number is not written as MaxCompute writes numbers")
    return Decimal(text)


def _negative(node: exp.TryCast) -> Value | None:
    """-1L and -2.5BD, which sqlglot reads as the negative of a CAST."""
    inner, type = node.this, cast_type(node)
    if not isinstance(inner, exp.Literal) or family(type) not in ("integer", "decimal"):
        return None
    literal = literal_of(inner)
    if literal and literal.type == "string" and type.startswith("decimal"):
        literal = cast(literal, type)
    if literal is None or not isinstance(literal.value, (int, Decimal)):
        return None
    return cast(Value(literal.type, -literal.value), type)


def _bytes(node: exp.FromBase64) -> Value:
    only(node, "this")
    text = literal_of(node.this)
    try:
        return Value("binary", base64.b64decode(str(text.value), validate=True)) if text else _no_bytes()
    except (binascii.Error, ValueError):
        raise SemanticError("the string of unbase64 is no Base64", offender="unbase64") from None


def _no_bytes() -> Value:
    raise unsupported("unbase64 of anything but a string")


def cast_type(node: exp.Cast | exp.TryCast) -> str:
    only(node, "this", "to")
    return type_of(node.to, "CAST")


def kept_tree(value: Value, type: str, what: str) -> exp.Expr:
    """A literal as a node that prints as SQLite's; parentheses keep - from becoming a comment."""
    text = text_of(kept(value, type, what)) if type else "NULL"
    return exp.Literal(this=f"({text})" if text.startswith("-") else text, is_string=False)
