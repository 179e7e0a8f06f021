"""The rows of a SELECT as they are kept until they are asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import tzinfo
from zoneinfo import ZoneInfo

from ..errors import SemanticError, Unsupported
from . import tunnel, wire
from .instances import Result, Rows
from .ordinary import ResultColumn

#: How many bytes a result may take, about.
RESULT_BYTES = 16 * 2**20


def zone_of(settings: dict[str, str]) -> tzinfo | None:
    """``odps.sql.timezone``, or the machine's."""
    name = settings.get("odps.sql.timezone")
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise SemanticError("odps.sql.timezone must be an IANA name such as Asia/Shanghai") from None


def selected(cursor: sqlite3.Cursor, columns: Sequence[ResultColumn], zone: tzinfo | None) -> Result:
    """A SELECT's rows, of the types that its statement or else its values say, and as text."""
    found, size = [], 0
    for row in cursor:
        size += sum(len(value) if isinstance(value, (str, bytes)) else 8 for value in row) + 8 * len(row)
        if size > RESULT_BYTES:
            raise Unsupported(
                f"the result is larger than {RESULT_BYTES // 2**20} MB, which is the local endpoint's limit:"
                " add LIMIT"
            )
        found.append(row)
    types = [
        column.type or tunnel.type_of(row[index] for row in found) for index, column in enumerate(columns)
    ]
    names = [column.name for column in columns]
    cells = [
        tuple([tunnel.cell(v, t, n, zone) for v, t, n in zip(row, types, names, strict=True)])
        for row in found
    ]
    rows = Rows(tuple(zip(names, types, strict=True)), cells)
    texts = (
        [tunnel.shown(*each) for each in zip(*both, types, strict=True)]
        for both in zip(found, cells, strict=True)
    )
    return Result(True, wire.csv(names, texts), rows, 3 * size)
