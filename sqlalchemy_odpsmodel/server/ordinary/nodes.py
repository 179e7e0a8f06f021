"""What all statements share: names of tables and columns, and what sqlglot's nodes are allowed to hold."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from sqlglot import exp

from ...errors import SemanticError, TableNotFound, Unsupported
from .tables import Table, TableColumn, is_name, is_table_name
from .values import Value

#: Of a table, as on MaxCompute, and of a result.
MAX_COLUMNS = 1200
STATEMENTS = "CREATE TABLE, ALTER TABLE, DROP TABLE, INSERT, UPDATE, DELETE and SELECT"
ALTERED = "ALTER TABLE … ADD COLUMNS (…) and ALTER TABLE … DROP COLUMNS …"


class ResultColumn(NamedTuple):
    """A column of a result; its type is "" where the statement does not tell it."""

    name: str
    type: str


class Translation(NamedTuple):
    """A statement of SQLite, the columns of its result if it is a SELECT, and statements that follow it in
    the same transaction."""

    sql: str
    columns: tuple[ResultColumn, ...] | None
    following: tuple[str, ...] = ()

    @property
    def statements(self) -> tuple[str, ...]:
        return self.sql, *self.following


class Catalog(NamedTuple):
    """How tables are named in SQLite, and which there are."""

    name_of: Callable[[tuple[str, ...]], str]
    find: Callable[[str], Table | None]


class Typed(NamedTuple):
    """A checked expression for SQLite: its MaxCompute type, and what it says if it is a literal."""

    tree: exp.Expr
    type: str
    literal: Value | None = None


class Scope(NamedTuple):
    """The columns that an expression may name, and how SQLite calls the table."""

    table: Table | None
    name: str


class _Clock(threading.local):
    """When a thread's statement has taken too long."""

    end = math.inf


_clock = _Clock()


@contextmanager
def until(end: float) -> Iterator[None]:
    """Until a moment of time.monotonic() :func:`look` says nothing."""
    _clock.end = end
    try:
        yield
    finally:
        _clock.end = math.inf


def look() -> None:
    """Raise where a statement takes too long to translate."""
    if time.monotonic() > _clock.end:
        raise unsupported("a statement that takes so long to translate", "send parts of it")


def unsupported(what: str, hint: str = "") -> Unsupported:
    return Unsupported(f"the local endpoint does not support {what[:60]}", offender=what[:60], hint=hint)


_NAMES = {
    "with_": "WITH",
    "joins": "JOIN",
    "laterals": "LATERAL VIEW",
    "sample": "TABLESAMPLE",
    "hint": "hints",
    "windows": "WINDOW",
    "cluster": "CLUSTER BY",
    "sort": "SORT BY",
    "distribute": "DISTRIBUTE BY",
    "locks": "FOR UPDATE",
    "expression": "AS SELECT",
    "query": "SUBQUERY",
    "all": "ALL",
    "except_": "EXCEPT",
    "replace": "OR REPLACE",
    "nulls_first": "NULLS FIRST and NULLS LAST",
    "safe": "TRY_CAST",
}


def only(node: exp.Expr, *allowed: str) -> None:
    """A node has no other arguments than these."""
    for key, value in node.args.items():
        if value and key not in allowed:
            raise unsupported(_NAMES.get(key) or f"{key.rstrip('_').replace('_', ' ').upper()}")


_SIGNS: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.DPipe: "||",
    exp.RegexpLike: "RLIKE",
}


def keyword(node: exp.Expr) -> str:
    """What a node is called in SQL."""
    if isinstance(node, exp.Anonymous):
        return f"the function {str(node.this).upper()}"
    if type(node) in _SIGNS:
        return _SIGNS[type(node)]
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).upper()


_Node = TypeVar("_Node", bound=exp.Expr)


def is_(node: Any, kind: type[_Node]) -> _Node:
    """The node, if it is of the kind that is supported at its place."""
    if not isinstance(node, kind):
        raise unsupported(keyword(node) if isinstance(node, exp.Expr) else "this")
    return node


def identifier(name: str) -> exp.Identifier:
    return exp.Identifier(this=name, quoted=True)


def new_column(node: Any) -> str:
    """A name that the statement gives to a column."""
    name = str(is_(node, exp.Identifier).this).lower()
    if not is_name(name):
        raise SemanticError(
            f"{name[:60]!r} is no name for a column: use letters, digits and _", offender=name
        )
    return name


def printed(tree: exp.Expr) -> str:
    return tree.sql("sqlite", comments=False)


def parts_of(table: exp.Table, *allowed: str) -> tuple[str, ...]:
    """The folded parts of a table's name."""
    only(table, "this", "db", "catalog", *allowed)
    written = (table.args.get("catalog"), table.args.get("db"), table.this)
    return tuple(str(is_(part, exp.Identifier).this).lower() for part in written if part)


def table_of(node: exp.Expr, catalog: Catalog, *allowed: str) -> Table:
    """The table that a name means."""
    parts = parts_of(is_(node, exp.Table), *allowed)
    table = catalog.find(catalog.name_of(parts)) if all(map(is_table_name, parts)) else None
    if table is None:
        raise no_table(parts)
    return table


def no_table(parts: tuple[str, ...]) -> TableNotFound:
    name = ".".join(parts)[:200]
    return TableNotFound(f"table {name} does not exist", offender=name)


def column_of(name: str, table: Table) -> TableColumn:
    for column in table.columns:
        if column.name == name:
            return column
    raise SemanticError(f"column {name[:128]} does not exist in table {table.name}", offender=name)


def check_repeated(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise SemanticError(f"column {name} is there twice", offender=name)
        seen.add(name)
