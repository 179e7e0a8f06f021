"""One ordinary SQL statement of MaxCompute as one statement of SQLite, or an error that says why not.

sqlglot reads the text.  Its tree is never printed: a new one is made of the nodes that are known here,
so that nothing passes that was not thought of, and that tree is printed for SQLite.  What SQLite would
understand otherwise than MaxCompute is an error.  No error holds what a string literal says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlglot import exp

from ...errors import ModelError, ParseError, SemanticError
from ...model import comment_text
from .expressions import no_aggregate, own_name, typed, where_of
from .hive import parse
from .literals import kept_tree, literal_of, plain_string, type_of
from .nodes import (
    ALTERED,
    MAX_COLUMNS,
    STATEMENTS,
    Catalog,
    Scope,
    Translation,
    check_repeated,
    column_of,
    is_,
    keyword,
    look,
    new_column,
    no_table,
    only,
    parts_of,
    printed,
    table_of,
    unsupported,
)
from .select import select
from .tables import Table, TableColumn, add_sql, create_sql, drop_sql, is_table_name, quoted
from .types import family, precision
from .values import kept, text_of


class Parsed(NamedTuple):
    """A statement that was read, for which no table was looked up yet."""

    tree: exp.Expr
    writes: bool


def read(text: str) -> Parsed:
    """The one statement of a text.  Raises ParseError and Unsupported."""
    try:
        tree = parse(text)
    except RecursionError:
        raise ParseError(_TOO_DEEP) from None
    if tree is None or type(tree) not in _STATEMENTS:
        raise unsupported(keyword(tree) if tree else "this statement", f"it has {STATEMENTS}")
    return Parsed(tree, not isinstance(tree, exp.Select))


def translate(
    parsed: Parsed, name_of: Callable[[tuple[str, ...]], str], find: Callable[[str], Table | None]
) -> Translation:
    """The statement for SQLite.  ``name_of`` gets the folded parts of a table's name and gives its name in
    SQLite, ``find`` the table of that name."""
    try:
        return _STATEMENTS[type(parsed.tree)](parsed.tree, Catalog(name_of, find))
    except RecursionError:
        raise ParseError(_TOO_DEEP) from None


_TOO_DEEP = "the statement is nested too deeply"


# CREATE TABLE and DROP TABLE


def _create(tree: exp.Expr, catalog: Catalog) -> Translation:
    _table_kind(tree, "CREATE")
    only(tree, "this", "kind", "exists", "properties", *(("expression",) if not tree.this else ()))
    if not isinstance(tree.this, exp.Schema):
        _check_properties(tree)
        raise SemanticError("a table needs at least one column")
    parts = parts_of(is_(tree.this.this, exp.Table))
    for part in parts:
        if not is_table_name(part):
            raise SemanticError(
                f"{part[:60]!r} is no name for a table: use letters, digits and _", offender=part
            )
    name = catalog.name_of(parts)
    if not tree.args["exists"] and catalog.find(name):
        raise ModelError(f"table {'.'.join(parts)} already exists", offender=name)
    columns = tuple(_defined(is_(node, exp.ColumnDef)) for node in tree.this.expressions)
    _check_columns([column.name for column in columns])
    table = Table(name, columns, *_check_properties(tree))
    return Translation(create_sql(table, bool(tree.args["exists"])), None)


def _table_kind(tree: exp.Expr, verb: str) -> None:
    kind = str(tree.args.get("kind") or "this").upper()
    if kind != "TABLE":
        raise unsupported(f"{verb} {kind}", f"it has {STATEMENTS}")


def _check_columns(names: list[str]) -> None:
    if not 1 <= len(names) <= MAX_COLUMNS:
        raise SemanticError(f"a table has 1 to {MAX_COLUMNS:,} columns, not {len(names):,}")
    check_repeated(names)


def _defined(node: exp.ColumnDef) -> TableColumn:
    """A column as CREATE TABLE has it."""
    only(node, "this", "kind", "constraints")
    name = new_column(node.this)
    if node.kind is None:
        raise SemanticError(f"column {name} has no type", offender=name)
    nullable, comment = True, None
    for constraint in node.constraints:
        kind = constraint.kind
        if isinstance(kind, exp.NotNullColumnConstraint):
            nullable = bool(kind.args.get("allow_null"))
        elif isinstance(kind, exp.CommentColumnConstraint):
            comment = comment_text(plain_string(kind.this, "COMMENT"), f"COMMENT of column {name}", name)
        else:
            raise unsupported(keyword(kind).removesuffix(" COLUMN CONSTRAINT"))
    return TableColumn(name, type_of(node.kind, f"column {name}"), nullable, comment)


def _check_properties(tree: exp.Expr) -> tuple[str | None, dict[str, str]]:
    """The comment and the properties of a table."""
    comment, found = None, {}
    for node in tree.args["properties"].expressions if tree.args.get("properties") else ():
        if isinstance(node, exp.SchemaCommentProperty):
            comment = comment_text(plain_string(node.this, "COMMENT"))
        elif type(node) is exp.Property:
            key = plain_string(node.this, "TBLPROPERTIES")
            if key in found:
                raise SemanticError("a key of TBLPROPERTIES is there twice", offender="TBLPROPERTIES")
            found[key] = plain_string(node.args.get("value"), "TBLPROPERTIES")
        else:
            raise unsupported(keyword(node).removesuffix(" PROPERTY"))
    return comment, found


def _drop(tree: exp.Expr, catalog: Catalog) -> Translation:
    _table_kind(tree, "DROP")
    only(tree, "tables", "kind", "exists")
    if len(tree.args["tables"]) != 1:
        raise unsupported("several tables in DROP TABLE")
    parts = parts_of(is_(tree.args["tables"][0], exp.Table))
    exists = bool(tree.args["exists"])
    if not all(map(is_table_name, parts)):
        if exists:
            return Translation("SELECT 1 WHERE 0", None)
        raise no_table(parts)
    name = catalog.name_of(parts)
    if not exists and catalog.find(name) is None:
        raise no_table(parts)
    return Translation(f"DROP TABLE {'IF EXISTS ' if exists else ''}{quoted(name)}", None)


# ALTER TABLE

#: Of one statement: SQLite reads the whole table's text anew for each column.
MAX_ALTERED = 100


def _alter(tree: exp.Expr, catalog: Catalog) -> Translation:
    _table_kind(tree, "ALTER")
    only(tree, "this", "kind", "actions")
    (action, *more) = tree.args["actions"]
    if more or not isinstance(action, (exp.Schema, exp.Drop)):
        raise unsupported("this form of ALTER TABLE", f"it has {ALTERED}")
    if len(action.expressions) > MAX_ALTERED:
        raise unsupported(f"more than {MAX_ALTERED} columns in ALTER TABLE", "send several statements")
    table = table_of(tree.this, catalog)
    first, *following = _added(action, table) if isinstance(action, exp.Schema) else _dropped(action, table)
    return Translation(first, None, tuple(following))


def _added(action: exp.Schema, table: Table) -> list[str]:
    """ADD COLUMNS, in the order given, after the columns that are there."""
    only(action, "expressions")
    added = [_defined(is_(node, exp.ColumnDef)) for node in action.expressions]
    if not added:
        raise SemanticError("ADD COLUMNS needs at least one column")
    there = [column.name for column in table.columns]
    for column in added:
        if column.name in there:
            raise SemanticError(
                f"column {column.name} is in table {table.name} already", offender=column.name
            )
        if not column.nullable:
            raise SemanticError(
                f"column {column.name} cannot be NOT NULL: the rows that are there have no value for it",
                offender=column.name,
            )
    _check_columns([*there, *(column.name for column in added)])
    return [add_sql(table, column) for column in added]


def _dropped(action: exp.Drop, table: Table) -> list[str]:
    """DROP COLUMNS, all but the last that a table has."""
    names = [str(is_(node, exp.Identifier).this).lower() for node in action.expressions]
    check_repeated(names)
    dropped = [column_of(name, table) for name in names]
    if len(dropped) == len(table.columns):
        name = names[-1]
        raise SemanticError(
            f"column {name} cannot be dropped: table {table.name} would have none", offender=name
        )
    return [drop_sql(table, column) for column in dropped]


# INSERT


def _insert(tree: exp.Expr, catalog: Catalog) -> Translation:
    if tree.args.get("overwrite"):
        raise unsupported("INSERT OVERWRITE", "write INSERT INTO")
    if isinstance(tree.args.get("expression"), exp.Query):
        raise unsupported("INSERT … SELECT", "write INSERT INTO … VALUES")
    only(tree, "this", "expression")
    values = is_(tree.args.get("expression"), exp.Values)
    only(values, "expressions")
    schema = tree.this if isinstance(tree.this, exp.Schema) else None
    table = table_of(schema.this if schema else tree.this, catalog)
    columns = _columns_of(schema, table) if schema else table.columns
    rows = ",\n".join(_row(is_(row, exp.Tuple).expressions, columns) for row in values.expressions)
    names = ", ".join(quoted(column.name) for column in columns)
    return Translation(f"INSERT INTO {quoted(table.name)} ({names}) VALUES\n{rows}", None)


def _columns_of(schema: exp.Schema, table: Table) -> tuple[TableColumn, ...]:
    only(schema, "this", "expressions")
    names = [str(is_(node, exp.Identifier).this).lower() for node in schema.expressions]
    check_repeated(names)
    return tuple(column_of(name, table) for name in names)


def _row(nodes: list[exp.Expr], columns: Sequence[TableColumn]) -> str:
    if len(nodes) != len(columns) or not nodes:
        raise SemanticError(f"a row has {len(nodes)} values for {len(columns)} columns")
    look()
    texts = []
    for node, column in zip(nodes, columns, strict=True):
        value = literal_of(node)
        if value is None:
            raise unsupported(f"{keyword(node)} in VALUES", "write literals")
        texts.append(text_of(kept(value, column.type, f"column {column.name}")))
    return f"({', '.join(texts)})"


# UPDATE and DELETE


def _target(tree: exp.Expr, catalog: Catalog, verb: str) -> tuple[Table, Scope, str]:
    """The table that is changed, what names mean in the statement, and the table as SQLite is told it."""
    table = table_of(tree.this, catalog)
    _transactional(table, verb)
    scope = Scope(table, str(is_(tree.this, exp.Table).this.this).lower())
    return table, scope, f"{quoted(table.name)} AS {quoted(scope.name)}"


def _transactional(table: Table, verb: str) -> None:
    properties = {key.lower(): value.lower() for key, value in table.properties.items()}
    if properties.get("transactional") != "true":
        raise SemanticError(
            f"{verb} needs a transactional table:"
            f" CREATE TABLE {table.name} (…) TBLPROPERTIES('transactional'='true')",
            offender=table.name,
        )


def _update(tree: exp.Expr, catalog: Catalog) -> Translation:
    only(tree, "this", "expressions", "where")
    table, scope, target = _target(tree, catalog, "UPDATE")
    changes = [_change(is_(node, exp.EQ), scope, table) for node in tree.expressions]
    check_repeated([name for name, _ in changes])
    texts = ", ".join(f"{quoted(name)} = {printed(value)}" for name, value in changes)
    return Translation(f"UPDATE {target} SET {texts}{_where_text(tree, scope)}", None)


def _delete(tree: exp.Expr, catalog: Catalog) -> Translation:
    only(tree, "this", "where")
    _, scope, target = _target(tree, catalog, "DELETE")
    return Translation(f"DELETE FROM {target}{_where_text(tree, scope)}", None)


def _where_text(tree: exp.Expr, scope: Scope) -> str:
    where = where_of(tree, scope)
    return f" {printed(where)}" if where else ""


_WIDER = (
    ("integer", "double"),
    ("integer", "decimal"),
    ("datetime", "timestamp"),
    ("datetime", "timestamp_ntz"),
)


def _change(node: exp.EQ, scope: Scope, table: Table) -> tuple[str, exp.Expr]:
    """Column = value of an UPDATE."""
    column = column_of(own_name(is_(node.this, exp.Column), scope), table)
    what = f"column {column.name}"
    value = typed(no_aggregate(node.expression, "SET"), scope)
    if value.literal:
        return column.name, kept_tree(value.literal, column.type, what)
    given, wanted = family(value.type), family(column.type)
    widened = (given, wanted) in _WIDER
    if given != wanted and not widened:
        raise SemanticError(
            f"{what} is {column.type.upper()} and the value is {value.type.upper()}", offender=what
        )
    if wanted == "decimal":  # SQLite computes with doubles
        scale = exp.Literal.number(precision(column.type)[1])
        return column.name, exp.Anonymous(this="round", expressions=[value.tree, scale])
    return column.name, value.tree


_Statement = Callable[[exp.Expr, Catalog], Translation]
_STATEMENTS: dict[type[exp.Expr], _Statement] = {
    exp.Create: _create,
    exp.Alter: _alter,
    exp.Drop: _drop,
    exp.Insert: _insert,
    exp.Update: _update,
    exp.Delete: _delete,
    exp.Select: select,
}
