"""The rows of a SELECT: SQLite's values as MaxCompute's types, and the tunnel's stream of records.

The stream is protobuf's wire format with checksums, as the official client's tunnel reads it: for each
value its column's number from 1 and the value, after each record a CRC-32C, at the end how many records
there were and a CRC-32C of those.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from ..errors import SemanticError
from .ordinary.types import INTEGERS

_END_RECORD, _COUNT, _CHECKSUM = 33553408, 33554430, 33554431
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_TIMESTAMPS = ("timestamp", "timestamp_ntz")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?)?")
_EPOCH, _FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC), date(1970, 1, 1)


class Timestamp(NamedTuple):
    """Seconds of UTC, and the nanoseconds of the last one."""

    seconds: int
    nanoseconds: int


#: A value as the stream has it: whole numbers, days and milliseconds are int, texts and decimals bytes.
Cell = int | bool | float | bytes | Timestamp | None


# Values


def type_of(values: Iterable[object]) -> str:
    """The type of a column that no declaration gives one."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int}:
        return "bigint" if kinds else "string"
    if kinds <= {int, float}:
        return "double"
    return "binary" if kinds == {bytes} else "string"


def cell(value: object, type_: str, column: str, zone: tzinfo | None) -> Cell:
    """SQLite's value as one of a type; ``zone`` is that of DATETIME and TIMESTAMP, None the machine's.
    Raises SemanticError, which names the column."""
    if value is None:
        return None
    try:
        return _cell(value, type_.partition("(")[0], type_, zone)
    except (ValueError, TypeError, OverflowError, InvalidOperation):
        raise SemanticError(f"column {column} holds a value that is no {type_.upper()}") from None


def shown(value: object, converted: Cell, type_: str) -> object:
    """A value for a result's text: numbers and truth as their type has them, else as SQLite does."""
    if isinstance(converted, bytes) and type_.startswith("decimal"):
        return Decimal(converted.decode())
    return converted if type_ in ("boolean", "double", "float") else value


def _cell(value: object, kind: str, type_: str, zone: tzinfo | None) -> Cell:
    if kind in INTEGERS:
        return _whole(value, INTEGERS[kind])
    if kind == "boolean":
        return bool(("0", "1").index(str(value)))
    if kind in ("double", "float"):
        return _number(value)
    if kind == "decimal":
        return _decimal(value, type_).encode()
    if kind == "date":
        return (_time(value)[0].date() - _FIRST_DAY).days
    if kind == "datetime":
        moment, nanoseconds = _time(value)
        return _seconds(moment, zone) * 1000 + nanoseconds // 1_000_000
    if kind in _TIMESTAMPS:
        moment, nanoseconds = _time(value)
        return Timestamp(_seconds(moment, UTC if kind == "timestamp_ntz" else zone), nanoseconds)
    return value if isinstance(value, bytes) else str(value).encode()


def _whole(value: object, numbers: range) -> int:
    if not isinstance(value, int) or value not in numbers:
        raise ValueError
    return value


def _number(value: object) -> float:
    if not isinstance(value, (int, float)):
        raise ValueError
    return float(value)


def _decimal(value: object, type_: str) -> str:
    """With as many digits after the point as the type has; SQLite's 15 significant ones are exact."""
    if not isinstance(value, (int, float)):
        raise ValueError
    number = Decimal(repr(value) if isinstance(value, int) else f"{value:.15g}")
    scale = type_.rstrip(")").rpartition(",")[2] if "," in type_ else "0"
    if type_ in ("decimal", "decimal(38,18)"):
        return f"{number.normalize():f}"
    return f"{round(number, int(scale)):f}"


def _time(value: object) -> tuple[datetime, int]:
    """A time's date and whole seconds, and nanoseconds."""
    match = _TIME.fullmatch(str(value))
    if not match:
        raise ValueError
    day, clock, fraction = match.groups()
    return datetime.fromisoformat(f"{day} {clock or '00:00:00'}"), int((fraction or "0").ljust(9, "0"))


def _seconds(moment: datetime, zone: tzinfo | None) -> int:
    """Seconds of UTC of a clock's time in a zone; in the first and the last year, as if that were UTC."""
    try:
        since = (moment.replace(tzinfo=zone) if zone else moment.astimezone()) - _EPOCH
    except (ValueError, OverflowError):
        since = moment.replace(tzinfo=UTC) - _EPOCH
    return since // timedelta(seconds=1)


# The stream


def stream(types: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """The records of some rows, a piece each, and the end; ``types`` are the columns'."""
    kinds = [type_.partition("(")[0] for type_ in types]
    checksums, count = 0, 0
    for row in rows:
        record, checksum = _record(kinds, row)
        count += 1
        checksums = crc32c(struct.pack("<I", checksum), checksums)
        yield record
    yield _tag(_COUNT, _VARINT) + _varint(_zigzag(count)) + _tag(_CHECKSUM, _VARINT) + _varint(checksums)


def _record(kinds: Sequence[str], row: Sequence[Cell]) -> tuple[bytes, int]:
    out, summed = bytearray(), bytearray()
    for number, (kind, value) in enumerate(zip(kinds, row, strict=True), 1):
        if value is not None:
            wire, data, counted = _encoded(kind, value)
            out += _tag(number, wire) + data
            summed += struct.pack("<i", number) + counted
    checksum = crc32c(bytes(summed))
    out += _tag(_END_RECORD, _VARINT) + _varint(checksum)
    return bytes(out), checksum


def _encoded(kind: str, value: Cell) -> tuple[int, bytes, bytes]:
    """A value's wire type, its bytes, and the bytes that its checksum is of."""
    if isinstance(value, bool):
        return _VARINT, bytes((value,)), bytes((value,))
    if isinstance(value, int):
        return _VARINT, _varint(_zigzag(value)), struct.pack("<q", value)
    if isinstance(value, float):
        single = kind == "float"
        data = struct.pack("<f" if single else "<d", value)
        return _FIXED32 if single else _FIXED64, data, data
    if isinstance(value, Timestamp):
        data = _varint(_zigzag(value.seconds)) + _varint(_zigzag(value.nanoseconds))
        return _BYTES, data, struct.pack("<qi", *value)
    assert value is not None
    return _BYTES, _varint(len(value)) + value, value


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc32c(data: bytes, before: int = 0) -> int:
    """CRC-32C (Castagnoli) of some bytes that follow those that ``before`` is of."""
    crc, table = before ^ 0xFFFFFFFF, _CRC_TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF
