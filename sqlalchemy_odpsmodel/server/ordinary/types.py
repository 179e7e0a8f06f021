"""The types of a table's columns: their families, limits, and what they take in words."""

from __future__ import annotations

import re

#: The whole numbers of each type, the narrowest first.
INTEGERS = {
    name: range(-(2 ** (bits - 1)), 2 ** (bits - 1))
    for name, bits in (("tinyint", 8), ("smallint", 16), ("int", 32), ("bigint", 64))
}
_TEXTS = ("string", "varchar", "char")
#: Digits of the fraction of a second.
FRACTIONS = {"date": 0, "datetime": 3, "timestamp": 9, "timestamp_ntz": 9}
_FAMILIES = (
    dict.fromkeys(INTEGERS, "integer")
    | dict.fromkeys(_TEXTS, "string")
    | dict.fromkeys(("float", "double"), "double")
)


def base(type: str) -> str:
    """A type without its arguments."""
    return type.partition("(")[0]


def family(type: str) -> str:
    """Types of one family are compared and assigned: integer, double, string, or a type's own word."""
    return _FAMILIES.get(base(type), base(type))


def precision(type: str) -> tuple[int, int]:
    """Digits of a DECIMAL, and how many of them are after the point."""
    numbers = re.findall("[0-9]+", type)
    return (int(numbers[0]), int((*numbers, 0)[1])) if numbers else (38, 18)


def sentence(type: str) -> str:
    """What a type takes, in words."""
    name, kind = base(type), family(type)
    if kind == "integer":
        return f"{name.upper()}: a whole number from {INTEGERS[name][0]} to {INTEGERS[name][-1]}"
    if kind == "decimal":
        digits, scale = precision(type)
        return f"{type.upper()}: a number of up to {digits} digits, {scale} of them after the point"
    if kind == "string" and type != "string":
        return f"{type.upper()}: a string of at most {precision(type)[0]} characters"
    if name in ("datetime", "timestamp", "timestamp_ntz"):
        fraction = "f" * FRACTIONS[name]
        return f"{name.upper()}: a time as 'YYYY-MM-DD HH:MM:SS[.{fraction}]'"
    return f"{name.upper()}: {_SENTENCES[name]}"


_SENTENCES = {
    "string": "a string",
    "float": "a number that a float can hold",
    "double": "a number that a double can hold",
    "boolean": "TRUE or FALSE",
    "binary": "bytes",
    "date": "a day as 'YYYY-MM-DD'",
    "json": "a JSON text",
}
