"""SELECT of one table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlglot import exp

from ...errors import ParseError, SemanticError
from .expressions import boolean, check_qualifier, column_tree, no_aggregate, own_name, typed, where_of
from .literals import literal_of
from .nodes import (
    MAX_COLUMNS,
    Catalog,
    ResultColumn,
    Scope,
    Translation,
    Typed,
    check_repeated,
    identifier,
    is_,
    look,
    new_column,
    only,
    printed,
    table_of,
    unsupported,
)
from .types import family


def select(tree: exp.Expr, catalog: Catalog) -> Translation:
    only(tree, "expressions", "distinct", "from_", "where", "group", "having", "order", "limit", "offset")
    if tree.args.get("distinct"):
        only(tree.args["distinct"])
    scope, source = _source(tree, catalog)
    if not tree.expressions:
        raise ParseError("SELECT has no columns")
    for what in (tree.expressions, _list(tree, "group"), _list(tree, "order")):
        if len(what) > MAX_COLUMNS:
            raise SemanticError(f"a SELECT has at most {MAX_COLUMNS:,} columns, groups and sort keys")
    items = list(_items(tree.expressions, scope))
    check_repeated([item.name for item in items])
    names = {item.name: item for item in items}
    where = where_of(tree, scope)
    groups = _groups(tree, names, scope)
    having = tree.args.get("having")
    condition = boolean(having.this, scope, "HAVING") if having else None
    order = [_ordered(node, names, scope) for node in _list(tree, "order")]
    _check_groups(tree, [item.value.tree for item in items], groups, condition, order)
    result = exp.Select(
        expressions=[exp.Alias(this=item.value.tree, alias=identifier(item.name)) for item in items],
        distinct=exp.Distinct() if tree.args.get("distinct") else None,
        from_=source,
        where=where,
        group=exp.Group(expressions=groups) if groups else None,
        having=exp.Having(this=condition) if condition else None,
        order=exp.Order(expressions=order) if order else None,
        limit=_count(tree, exp.Limit, "limit"),
        offset=_count(tree, exp.Offset, "offset"),
    )
    return Translation(printed(result), tuple(ResultColumn(item.name, item.value.type) for item in items))


class Item(NamedTuple):
    """A column of a SELECT."""

    name: str
    value: Typed


Names = dict[str, Item]


def _source(tree: exp.Expr, catalog: Catalog) -> tuple[Scope, exp.From | None]:
    node = tree.args.get("from_")
    if node is None:
        for key in ("where", "group", "having", "order", "limit", "offset"):
            if tree.args.get(key):
                raise unsupported(f"{key.upper()} without FROM")
        return Scope(None, ""), None
    only(node, "this")
    table = table_of(node.this, catalog, "alias")
    written = node.this.args.get("alias")
    if written:
        only(is_(written, exp.TableAlias), "this")
    name = str(is_((written or node.this).this, exp.Identifier).this).lower()
    alias = exp.TableAlias(this=identifier(name))
    return Scope(table, name), exp.From(this=exp.Table(this=identifier(table.name), alias=alias))


def _items(nodes: list[exp.Expr], scope: Scope) -> Iterator[Item]:
    """The columns of the result; one that has no name is called by its position."""
    position = 0
    for node in nodes:
        for item in _item(node, position, scope):
            yield item
            position += 1


def _item(node: exp.Expr, position: int, scope: Scope) -> Iterator[Item]:
    star = node.this if isinstance(node, exp.Column) else node
    if isinstance(star, exp.Star):
        only(star)
        yield from _star(node, scope)
    elif isinstance(node, exp.Alias):
        only(node, "this", "alias")
        yield Item(new_column(node.args["alias"]), typed(node.this, scope))
    else:
        name = own_name(node, scope) if isinstance(node, exp.Column) else f"_c{position}"
        yield Item(name, typed(node, scope))


def _star(node: exp.Expr, scope: Scope) -> Iterator[Item]:
    if scope.table is None:
        raise SemanticError("* needs FROM", offender="*")
    if isinstance(node, exp.Column):
        check_qualifier(node, scope)
    for column in scope.table.columns:
        yield Item(column.name, column_tree(column, scope))


def _list(tree: exp.Expr, key: str) -> list[exp.Expr]:
    node = tree.args.get(key)
    if node is None:
        return []
    only(node, "expressions")
    return list(node.expressions)


def _groups(tree: exp.Expr, names: Names, scope: Scope) -> list[exp.Expr]:
    """GROUP BY: columns of the table, names of the result, or expressions."""
    groups = []
    for node in _list(tree, "group"):
        found = _named(node, names)
        if found and not _has_column(own_name(node, scope), scope):
            node_tree = found.value.tree
            no_aggregate(node_tree, "GROUP BY")
        else:
            node_tree = typed(no_aggregate(node, "GROUP BY"), scope).tree
        _no_position(node_tree, "GROUP BY")
        groups.append(node_tree)
    return groups


def _named(node: exp.Expr, names: Names) -> Item | None:
    """The column of the result that an unqualified name means."""
    if not isinstance(node, exp.Column) or node.args.get("table"):
        return None
    return names.get(str(node.this.this).lower())


def _has_column(name: str, scope: Scope) -> bool:
    return scope.table is not None and any(column.name == name for column in scope.table.columns)


def _no_position(tree: exp.Expr, clause: str) -> None:
    """SQLite takes a number for a column's position."""
    if not tree.find(exp.Column) and not tree.find(exp.AggFunc):
        raise unsupported(f"a constant in {clause}", "name a column")


def _ordered(node: exp.Expr, names: Names, scope: Scope) -> exp.Expr:
    ordered = is_(node, exp.Ordered)
    descending = bool(ordered.args.get("desc"))
    # sqlglot sets it for any order: MaxCompute and SQLite both have NULL as the smallest.
    if bool(ordered.args.get("nulls_first")) == descending or ordered.args.get("with_fill"):
        raise unsupported("NULLS FIRST and NULLS LAST")
    found = _named(ordered.this, names)
    if found:
        _no_position(found.value.tree, "ORDER BY")
        tree: exp.Expr = exp.Column(this=identifier(found.name))
    else:
        _no_names_of_result(ordered.this, names, scope)
        tree = typed(ordered.this, scope).tree
        _no_position(tree, "ORDER BY")
    return exp.Ordered(this=tree, desc=descending, nulls_first=not descending)


def _no_names_of_result(node: exp.Expr, names: Names, scope: Scope) -> None:
    """Inside of an expression SQLite takes a name for the table's column, MaxCompute for the result's."""
    for column in node.find_all(exp.Column):
        found = _named(column, names)
        if found and printed(found.value.tree) != printed(typed(column, scope).tree):
            raise unsupported("ORDER BY of an expression over a name of the result")


def _check_groups(
    tree: exp.Expr,
    results: list[exp.Expr],
    groups: list[exp.Expr],
    condition: exp.Expr | None,
    order: list[exp.Expr],
) -> None:
    """A column outside of the groups has no one value, of which SQLite would take any."""
    keys = [node.this for node in order]
    sorts = [key for key in keys if not isinstance(key, exp.Column) or key.args.get("table")]
    if tree.args.get("distinct") and sorts:
        raise SemanticError(
            "ORDER BY of SELECT DISTINCT takes columns of the result only", offender="ORDER BY"
        )
    grouped = groups or any(node.find(exp.AggFunc) for node in (*results, *sorts))
    if condition is not None and not grouped:
        raise SemanticError("HAVING needs GROUP BY or an aggregate function", offender="HAVING")
    if grouped:
        texts = frozenset(map(printed, groups))
        for node in (*results, *sorts, *([condition] if condition else ())):
            _check_grouped(node, texts)


def _check_grouped(node: exp.Expr, groups: frozenset[str]) -> None:
    look()
    if isinstance(node, exp.AggFunc) or printed(node) in groups:
        return
    if isinstance(node, exp.Column):
        name = str(node.this.this)
        raise SemanticError(
            f"column {name} is neither in GROUP BY nor in an aggregate function", offender=name
        )
    for child in node.iter_expressions():
        _check_grouped(child, groups)


def _count(tree: exp.Expr, kind: type[exp.Limit] | type[exp.Offset], key: str) -> exp.Expr | None:
    """LIMIT or OFFSET."""
    node = tree.args.get(key)
    if node is None:
        return None
    only(is_(node, kind), "expression")
    value = literal_of(node.expression)
    if (
        value is None
        or not isinstance(value.value, int)
        or family(value.type) != "integer"
        or value.value < 0
    ):
        raise SemanticError(f"{key.upper()} takes a whole number", offender=key.upper())
    return kind(expression=exp.Literal.number(value.value))
