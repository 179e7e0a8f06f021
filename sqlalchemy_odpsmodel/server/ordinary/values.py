"""What literals say, and how SQLite keeps it in a column of a type.

Nothing is rounded or cut in silence: what SQLite cannot keep as it is, is an error that names the column.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from ...errors import SemanticError, Unsupported
from .types import FRACTIONS, INTEGERS, base, family, precision, sentence

Plain = bool | int | float | Decimal | str | bytes | None


class Value(NamedTuple):
    """A literal of MaxCompute: its type, "" for NULL, and what it says."""

    type: str
    value: Plain


_DIGITS = 15  # that a double keeps of any decimal number
MAX_FLOAT, MAX_DOUBLE = "3.4028234663852886e38", "1.7976931348623157e308"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.([0-9]+))?)?")
_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?)\s*")


def kept(value: Value, type: str, what: str) -> Plain:
    """What SQLite keeps of a literal in a column of a type; ``what`` names the column in errors."""
    plain, kind = value.value, family(type)
    if plain is None:
        return None
    if kind in FRACTIONS:
        return _moment(value, kind, what)
    if kind == "binary" and isinstance(plain, str) and family(value.type) == "string":
        return plain.encode()
    if kind in ("string", "json") and isinstance(plain, str) and family(value.type) in ("string", kind):
        return _text(plain, what)
    if kind == family(value.type) and kind in ("boolean", "binary"):
        return plain
    if isinstance(plain, (int, Decimal)) and not isinstance(plain, bool):
        return _number(value, plain, type, what)
    raise _other_family(value, type, what)


def _other_family(value: Value, type: str, what: str) -> SemanticError:
    given = base(value.type).upper()
    return SemanticError(
        f"{what} is {type.upper()} and the value is {given}: write CAST(… AS {base(type).upper()})",
        offender=what,
    )


def _text(text: str, what: str) -> str:
    if "\0" in text:
        raise Unsupported(f"{what}: the local endpoint does not support a NUL character in a string")
    return text


def _number(value: Value, number: int | Decimal, type: str, what: str) -> Plain:
    kind = family(type)
    if kind == "integer" and isinstance(number, int):
        if number not in INTEGERS[base(type)]:
            raise SemanticError(f"{what} is {sentence(type)}", offender=what)
        return number
    if kind == "double":
        if abs(float(number)) > float(MAX_FLOAT if base(type) == "float" else MAX_DOUBLE):
            raise SemanticError(f"{what} is {sentence(type)}", offender=what)
        return float(number)
    if kind == "decimal":
        return _decimal(Decimal(number), type, what)
    raise _other_family(value, type, what)


def _decimal(number: Decimal, type: str, what: str) -> Decimal:
    """A number that its type can hold, and that SQLite can: it has doubles only."""
    digits, scale = precision(type)
    text = "".join(map(str, number.as_tuple().digits)).lstrip("0")
    significant = text.rstrip("0")
    fraction = -int(number.as_tuple().exponent) - (len(text) - len(significant))
    if significant and (number.adjusted() >= digits - scale or fraction > scale):
        raise SemanticError(f"{what} is {sentence(type)}", offender=what)
    if len(significant) > _DIGITS:
        raise SemanticError(
            f"{what} is {type.upper()}, of which the local endpoint keeps {_DIGITS} significant digits:"
            f" the value has {len(significant)}",
            offender=what,
        )
    return number if significant else Decimal(0)


def _moment(value: Value, type: str, what: str) -> str:
    given = family(value.type)
    wider = given == "datetime" and type.startswith("timestamp")
    if not isinstance(value.value, str) or not (given in ("string", type) or wider):
        raise _other_family(value, type, what)
    moment = canonical(value.value, type)
    if moment is None:
        raise SemanticError(f"{what} is {sentence(type)}", offender=what)
    return moment


def canonical(text: str, type: str) -> str | None:
    """A date or time as it is kept, with no zeros at the end of its fraction; None if it is none."""
    match = _TIME.fullmatch(text)
    if not match or (match[1] is None) != (type == "date"):
        return None
    try:
        datetime.fromisoformat(text[:19])
    except ValueError:
        return None
    fraction = (match[2] or "").rstrip("0")
    if len(fraction) > FRACTIONS[type]:
        return None
    return text[:19] + (f".{fraction}" if fraction else "")


def cast(value: Value, type: str) -> Value:
    """A literal in a CAST to a type."""
    plain, given, kind = value.value, family(value.type), family(type)
    what = f"CAST of {base(value.type).upper()}"
    if plain is None:
        return Value(type, None)
    if kind == "json" and given != "json":
        raise Unsupported(f"the local endpoint does not support {what} AS JSON", offender="CAST")
    if given == "string" and kind in ("integer", "double", "decimal"):
        plain, given = _parsed(str(plain), type), "double"
    if kind == "integer" and given == "double":
        plain = int(Decimal(str(plain)).quantize(Decimal(1), ROUND_DOWN)) if _is_short(plain) else plain
    if kind == "string" and given == "integer":
        plain, given = str(plain), "string"
    if kind == "string" and type != "string" and len(str(plain)) > precision(type)[0]:
        raise Unsupported(f"{what}: the local endpoint does not cut a string to {type.upper()}")
    if not _casts(given, kind):
        raise Unsupported(f"the local endpoint does not support {what} AS {type.upper()}", offender="CAST")
    if kind == "integer" and not isinstance(plain, int):
        raise SemanticError(f"{what} is {sentence(type)}", offender="CAST")
    kept(Value(given, plain), type, what)
    if kind in FRACTIONS:
        plain = canonical(str(plain), kind)
    return Value(type, plain.encode() if kind == "binary" and isinstance(plain, str) else plain)


def _casts(given: str, kind: str) -> bool:
    numbers = ("integer", "double", "decimal")
    text = given == "string" and kind in ("binary", *FRACTIONS)
    wider = given == "datetime" and kind.startswith("timestamp")
    return given == kind or text or wider or (given in numbers and kind in numbers)


def _is_short(plain: Plain) -> bool:
    return isinstance(plain, (int, Decimal)) and (not plain or Decimal(plain).adjusted() < 20)


def _parsed(text: str, type: str) -> int | Decimal:
    match = _NUMBER.fullmatch(text)
    if not match:
        raise SemanticError(f"CAST: the string cannot be read as {sentence(type)}", offender="CAST")
    number = Decimal(match[1])
    return int(number) if match[1].lstrip("+-").isdigit() and number.adjusted() < 20 else number


def text_of(plain: Plain) -> str:
    """A value as a literal of SQLite."""
    if plain is None:
        return "NULL"
    if isinstance(plain, str):
        return "'" + plain.replace("'", "''") + "'"
    if isinstance(plain, bytes):
        return f"X'{plain.hex()}'"
    if isinstance(plain, float):
        return repr(plain)
    return format(plain, "f") if isinstance(plain, Decimal) else str(int(plain))
