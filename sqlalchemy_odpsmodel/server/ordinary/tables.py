"""How a table of MaxCompute is kept in SQLite: types, checks, CREATE TABLE and reading it back.

SQLite takes any words as a type and any value in any column.  So the declared type has MaxCompute's word
and one that gives the right affinity, and each column has a check whose name is the text of its error.
Comments and properties, which SQLite has no place for, are JSON in a comment of the CREATE TABLE text.
"""

from __future__ import annotations

import json
import re
from sqlite3 import SQLITE_LIMIT_LENGTH, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, Connection
from typing import Any, NamedTuple

from ...errors import SemanticError
from ...model import COLUMN_NAME_BYTES, column_type
from .types import FRACTIONS, INTEGERS, base, family, precision, sentence
from .values import MAX_DOUBLE, MAX_FLOAT

#: Of a STRING, as on MaxCompute; and of LIKE's pattern, which is compared without a pause.
STRING_BYTES, PATTERN_BYTES = 8 * 2**20, 100


class TableColumn(NamedTuple):
    """A column; its type is lower case, as ``decimal(10,2)``."""

    name: str
    type: str
    nullable: bool
    comment: str | None


class Table(NamedTuple):
    """A table under the name that it has in SQLite."""

    name: str
    columns: tuple[TableColumn, ...]
    comment: str | None
    properties: dict[str, str]


_DECLARED = dict.fromkeys(("string", "json", *FRACTIONS), "TEXT") | {"binary": "BLOB"}
#: Types of other programs; all that is not here is a string.
_FOREIGN = {"integer": "bigint", "real": "double", "blob": "binary", "numeric": "decimal(38,18)"}
_RESERVED = ("sqlite_", "_odpsmodel_", "odps_model")
_KEPT = re.compile(r'CREATE TABLE (?:"[^"]*")+ ?\(/\* (.*?) \*/', re.DOTALL)
#: The comment of a column that was added later, as {name: comment}; an older column of its name is no more.
_ADDED = re.compile(r"/\* added (.*?) \*/", re.DOTALL)


def prepare(connection: Connection) -> None:
    """What translated statements need of a connection: LIKE by case, LOWER and UPPER of any letter, and
    limits to what a short statement can make of a long string."""
    connection.setlimit(SQLITE_LIMIT_LENGTH, STRING_BYTES)
    connection.setlimit(SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_BYTES)
    connection.execute("PRAGMA case_sensitive_like = ON")
    connection.create_function("odpsmodel_lower", 1, _lower, deterministic=True)
    connection.create_function("odpsmodel_upper", 1, _upper, deterministic=True)


def _lower(text: str | None) -> str | None:
    return text and text.lower()


def _upper(text: str | None) -> str | None:
    return text and text.upper()


# Names


def is_name(name: str) -> bool:
    """Whether a name holds letters of any script, digits and _ only, and is not too long."""
    return re.fullmatch(r"\w+", name) is not None and len(name.encode()) <= COLUMN_NAME_BYTES


def is_table_name(name: str) -> bool:
    """Whether a table may be called so: names of SQLite's and of this project are not for tables."""
    return is_name(name) and not name.startswith(_RESERVED)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# Checks


def _condition(name: str, type: str) -> str:
    """What SQLite checks.  IS, as a check that gives NULL passes."""
    kind = family(type)
    if kind == "integer":
        numbers = INTEGERS[base(type)]
        return f"typeof({name}) = 'integer' AND {name} BETWEEN {numbers[0]} AND {numbers[-1]}"
    if kind == "double":
        limit_text = MAX_FLOAT if base(type) == "float" else MAX_DOUBLE
        return f"typeof({name}) = 'real' AND abs({name}) <= {limit_text}"
    if kind == "decimal":
        digits, scale = precision(type)
        number = f"typeof({name}) IN ('integer', 'real') AND abs({name}) < 1e{digits - scale}"
        # A double is what round gives but for its last bits.
        return f"{number} AND abs(round({name}, {scale}) - {name}) <= abs({name}) * 1e-15"
    if kind == "boolean":
        return f"typeof({name}) = 'integer' AND {name} IN (0, 1)"
    if kind == "binary":
        return f"typeof({name}) = 'blob'"
    return f"typeof({name}) = 'text' AND {_text_condition(name, type)}"


_DAY = "-".join("[0-9]" * digits for digits in (4, 2, 2))
_SECOND = f"{_DAY} {':'.join(['[0-9][0-9]'] * 3)}"


def _text_condition(name: str, type: str) -> str:
    """The shape first: a date such as 'now' is an error in a check.  +0 days makes February 30 March 1."""
    if type == "json":
        return f"json_valid({name})"
    if type not in FRACTIONS:  # length() ends a text at NUL
        short = "" if type == "string" else f" AND length({name}) <= {precision(type)[0]}"
        return f"instr({name}, char(0)) = 0{short}"
    if type == "date":
        return f"{name} GLOB '{_DAY}' AND date({name}, '+0 days') IS {name} AND {name} >= '0001'"
    seconds, fraction = f"substr({name}, 1, 19)", f"substr({name}, 21)"
    digits = f"length({fraction}) BETWEEN 1 AND {FRACTIONS[type]} AND {fraction} NOT GLOB '*[^0-9]*'"
    shape = f"{seconds} GLOB '{_SECOND}' AND instr({name}, char(0)) = 0"
    real = f"datetime({seconds}, '+0 days') IS {seconds} AND {name} >= '0001'"
    rest = f"substr({name}, 20, 1) = '.' AND {digits} AND {name} NOT GLOB '*0'"
    return f"{shape} AND {real} AND ({name} = {seconds} OR {rest})"


# CREATE TABLE


def create_sql(table: Table, if_not_exists: bool) -> str:
    """The statement that makes a table."""
    words = {
        "comment": table.comment,
        "columns": {column.name: column.comment for column in table.columns if column.comment},
        "properties": table.properties,
    }
    condition = "IF NOT EXISTS " if if_not_exists else ""
    columns = ",\n  ".join(map(_column_sql, table.columns))
    return f"CREATE TABLE {condition}{quoted(table.name)} (/* {_hidden(words)} */\n  {columns}\n)"


def add_sql(table: Table, column: TableColumn) -> str:
    """The statement that adds a column to a table, whoever made it: SQLite keeps the text as it is here."""
    words = f"/* added {_hidden({column.name: column.comment})} */ "
    return f"ALTER TABLE {quoted(table.name)} ADD COLUMN {_column_sql(column, words)}"


def drop_sql(table: Table, column: TableColumn) -> str:
    return f"ALTER TABLE {quoted(table.name)} DROP COLUMN {quoted(column.name)}"


def _hidden(words: dict[str, Any]) -> str:
    return json.dumps(words).replace("/", r"\/")  # so that no */ ends the comment


def _column_sql(column: TableColumn, words: str = "") -> str:
    name, word = quoted(column.name), base(column.type)
    declared = f"{column.type.upper()} {_DECLARED.get(word, '')}".rstrip()
    # Blanks at the end of a CHAR do not count when it is compared.
    collate = " COLLATE RTRIM" if word == "char" else ""
    null = "" if column.nullable else " NOT NULL"
    check = quoted(f"column {column.name} is {sentence(column.type)}")
    condition = f"{name} IS NULL OR ({_condition(name, column.type)})"
    return f"{name} {declared}{collate}{null} {words}CONSTRAINT {check} CHECK ({condition})"


def read_table(connection: Connection, name: str) -> Table | None:
    """A table of that name, by whatever program made; None where there is none, or a view."""
    found = connection.execute(
        "SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE", (name,)
    ).fetchone()
    if found is None:
        return None
    words = _words(found[1])
    comments = words.get("columns", {})
    rows = connection.execute('SELECT name, type, "notnull" FROM pragma_table_info(?, ?)', (found[0], "main"))
    columns = tuple(
        TableColumn(str(row[0]).lower(), _read_type(row[1]), not row[2], comments.get(str(row[0]).lower()))
        for row in rows
    )
    return Table(found[0], columns, words.get("comment"), words.get("properties", {}))


def _words(sql: str) -> dict[str, Any]:
    """The comments and properties in a CREATE TABLE text; of one that another program wrote there are only
    the comments of columns that were added here."""
    match = _KEPT.match(sql)
    words = _object(match[1]) if match else {}
    for added in _ADDED.finditer(sql, match.end() if match else 0):
        words["columns"] = words.get("columns", {}) | _object(added[1])
    return words


def _object(text: str) -> dict[str, Any]:
    try:
        words = json.loads(text)
    except ValueError:
        return {}
    return words if isinstance(words, dict) else {}


def _read_type(declared: str) -> str:
    type = declared.lower()
    for word, affinity in _DECLARED.items():
        if type == f"{word} {affinity.lower()}":
            return word
    try:
        return column_type(_FOREIGN.get(type, type), "")
    except SemanticError:
        return "string"
