"""Expressions: checked, with their MaxCompute types, as new trees for SQLite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from sqlglot import exp

from ...errors import SemanticError
from .literals import cast_type, kept_tree, literal_of
from .nodes import Scope, Typed, column_of, identifier, is_, keyword, look, only, unsupported
from .tables import TableColumn
from .types import FRACTIONS, INTEGERS, base, family, sentence
from .values import canonical

DECIMAL = "decimal(38,18)"


def typed(node: exp.Expr, scope: Scope) -> Typed:
    """An expression checked, for SQLite."""
    look()
    literal = literal_of(node)
    if literal is not None:
        return Typed(kept_tree(literal, literal.type, "a literal"), literal.type, literal)
    for kinds, rule in _EXPRESSIONS:
        if isinstance(node, kinds):
            return rule(node, scope)
    raise unsupported(keyword(node))


def own_name(node: exp.Expr, scope: Scope) -> str:
    """The folded name of a column, whose qualifier can only be the table."""
    only(node, "this", "table")
    check_qualifier(node, scope)
    return str(is_(node.this, exp.Identifier).this).lower()


def check_qualifier(node: exp.Expr, scope: Scope) -> None:
    only(node, "this", "table")
    qualifier = node.args.get("table")
    if qualifier and str(qualifier.this).lower() != scope.name:
        raise SemanticError(f"table {str(qualifier.this)[:128]} is not in FROM", offender=str(qualifier.this))


def _column_typed(node: exp.Expr, scope: Scope) -> Typed:
    name = own_name(node, scope)
    if scope.table is None:
        raise SemanticError(f"column {name[:128]} needs FROM", offender=name)
    return column_tree(column_of(name, scope.table), scope)


def column_tree(column: TableColumn, scope: Scope) -> Typed:
    tree = exp.Column(this=identifier(column.name), table=identifier(scope.name))
    return Typed(tree, column.type)


_ATOMS = (exp.Column, exp.Literal, exp.Func, exp.Paren, exp.Star)
_CHAINS = (exp.And, exp.Or, exp.Add, exp.Mul)


def _operand(tree: exp.Expr, parent: type[exp.Expr] | None = None) -> exp.Expr:
    """In parentheses, as precedence differs: a = b IS NULL.  A chain has none: SQLite nests only so deep."""
    plain = isinstance(tree, _ATOMS) and not isinstance(tree, exp.Connector)
    chain = parent in _CHAINS and type(tree) is parent
    return tree if plain or chain else exp.Paren(this=tree)


def _binary(kind: type[exp.Expr], left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return kind(this=_operand(left, kind), expression=_operand(right))


def boolean(node: exp.Expr, scope: Scope, what: str) -> exp.Expr:
    value = typed(node, scope)
    if value.type not in ("boolean", ""):
        raise SemanticError(f"{what} takes a condition, not {value.type.upper()}", offender=what)
    return value.tree


def _connector(node: exp.Expr, scope: Scope) -> Typed:
    what = keyword(node)
    left, right = (boolean(side, scope, what) for side in (node.this, node.args["expression"]))
    return Typed(_binary(type(node), left, right), "boolean")


def _not(node: exp.Expr, scope: Scope) -> Typed:
    return Typed(exp.Not(this=_operand(boolean(node.this, scope, "NOT"))), "boolean")


def _arithmetic(node: exp.Expr, scope: Scope) -> Typed:
    what = keyword(node)
    left, right = (_numeric(side, scope, what) for side in (node.this, node.args["expression"]))
    type_ = _number_type([left.type, right.type])
    if isinstance(node, exp.Div):
        # SQLite divides whole numbers without a fraction.
        divided = exp.Cast(this=left.tree, to=exp.DataType.build("REAL", dialect="sqlite"))
        tree = exp.Div(this=divided, expression=_operand(right.tree), typed=True, safe=True)
        return Typed(tree, "double" if type_ == "bigint" else type_)
    if isinstance(node, exp.Mod) and type_ not in ("bigint", ""):
        raise unsupported("% of numbers that are not whole")  # SQLite cuts their fractions off
    return Typed(_binary(type(node), left.tree, right.tree), type_)


def _numeric(node: exp.Expr, scope: Scope, what: str) -> Typed:
    value = typed(node, scope)
    if value.type and family(value.type) not in ("integer", "double", "decimal"):
        raise SemanticError(
            f"{what} takes numbers, not {value.type.upper()}: write CAST(… AS …)", offender=what
        )
    return value


def _number_type(types: Sequence[str]) -> str:
    families = {family(type) for type in types}
    if "double" in families:
        return "double"
    return DECIMAL if "decimal" in families else "bigint" if "integer" in families else ""


def _neg(node: exp.Expr, scope: Scope) -> Typed:
    value = _numeric(node.this, scope, "-")
    return Typed(exp.Neg(this=_operand(value.tree)), _number_type([value.type]))


def _comparison(node: exp.Expr, scope: Scope) -> Typed:
    left, right = _comparable([node.this, node.args["expression"]], scope)
    return Typed(_binary(type(node), left.tree, right.tree), "boolean")


def _comparable(nodes: list[exp.Expr], scope: Scope) -> list[Typed]:
    """Values of one family, strings that are compared with a time in the form that times are kept in."""
    values = [typed(node, scope) for node in nodes]
    times = [value.type for value in values if base(value.type) in FRACTIONS]
    if times:
        finest = max(times, key=lambda type: FRACTIONS[type])
        values = [_as_time(value, finest) for value in values]
    _common(values)
    if any(value.type == "json" for value in values):
        raise unsupported("comparing JSON")
    for value in values:  # SQLite computes with doubles
        given = value.literal is not None or isinstance(value.tree, exp.Column)
        if family(value.type) == "decimal" and not given:
            raise unsupported("comparing a computed DECIMAL", "write CAST(… AS DOUBLE)")
    return values


def _as_time(value: Typed, type: str) -> Typed:
    if value.literal is None or value.type != "string":
        return value
    moment = canonical(str(value.literal.value), type)
    if moment is None:
        raise SemanticError(f"a string that is compared is not {sentence(type)}", offender=type.upper())
    return typed(exp.cast(exp.Literal.string(moment), type), Scope(None, ""))


def _common(values: Sequence[Typed]) -> str:
    """The type of values that may stand for each other; "" where none has one."""
    types = [value.type for value in values if value.type]
    families = {family(type) for type in types}
    if len(set(types)) <= 1:
        return types[0] if types else ""
    if families == {"integer"}:
        return max(types, key=list(INTEGERS).index)
    if families <= {"integer", "double", "decimal"}:
        return _number_type(types)
    if families == {"string"}:
        return "string"
    if families == {"datetime", "timestamp"}:
        return "timestamp"
    names = " and ".join(sorted({base(type).upper() for type in types}))
    raise SemanticError(f"{names} cannot be compared or mixed: write CAST(… AS …)", offender=names)


def _in(node: exp.Expr, scope: Scope) -> Typed:
    only(node, "this", "expressions")
    values = _comparable([node.this, *node.expressions], scope)
    first, *others = (value.tree for value in values)
    return Typed(exp.In(this=_operand(first), expressions=others), "boolean")


def _between(node: exp.Expr, scope: Scope) -> Typed:
    only(node, "this", "low", "high")
    values = _comparable([node.this, node.args["low"], node.args["high"]], scope)
    first, low, high = (_operand(value.tree) for value in values)
    return Typed(exp.Between(this=first, low=low, high=high), "boolean")


def _like(node: exp.Expr, scope: Scope) -> Typed:
    only(node, "this", "expression", "negate")
    first, pattern = (_string_of(side, scope, "LIKE") for side in (node.this, node.args["expression"]))
    escape = exp.Literal.string("\\")
    tree = exp.Escape(this=exp.Like(this=_operand(first), expression=_operand(pattern)), expression=escape)
    return Typed(exp.Not(this=exp.Paren(this=tree)) if node.args.get("negate") else tree, "boolean")


def _string_of(node: exp.Expr, scope: Scope, what: str) -> exp.Expr:
    value = typed(node, scope)
    if value.type and family(value.type) != "string":
        raise SemanticError(
            f"{what} takes strings, not {value.type.upper()}: write CAST(… AS STRING)", offender=what
        )
    return value.tree


def _is_null(node: exp.Expr, scope: Scope) -> Typed:
    if not isinstance(node.args["expression"], exp.Null):
        raise unsupported("IS with anything but NULL")
    return Typed(exp.Is(this=_operand(typed(node.this, scope).tree), expression=exp.Null()), "boolean")


def _case(node: exp.Expr, scope: Scope) -> Typed:
    only(node, "this", "ifs", "default")
    ifs, default = node.args["ifs"], node.args.get("default")
    tests = [branch.this for branch in ifs]
    if node.this:
        first, *whens = (value.tree for value in _comparable([node.this, *tests], scope))
    else:
        first, whens = None, [boolean(test, scope, "CASE") for test in tests]
    values = [typed(branch.args["true"], scope) for branch in ifs]
    last = typed(default, scope) if default else None
    pairs = zip(whens, values, strict=True)
    tree = exp.Case(
        this=first and _operand(first),
        ifs=[exp.If(this=when, true=value.tree) for when, value in pairs],
        default=last and last.tree,
    )
    return Typed(tree, _common([*values, *([last] if last else [])]))


def _cast(node: exp.Expr, scope: Scope) -> Typed:
    assert isinstance(node, (exp.Cast, exp.TryCast))
    type, value = cast_type(node), typed(node.this, scope)
    given = family(value.type)
    same = given == "integer" and (type == "bigint" or (type == "int" and value.type != "bigint"))
    if type == value.type or same or (type == "string" and given == "string"):
        return value._replace(type=type)
    if type == "string" and (given == "integer" or given in FRACTIONS):
        return Typed(_sqlite_cast(value.tree, "TEXT"), type)
    if type == "double" and given in ("integer", "double", "decimal"):
        return Typed(_sqlite_cast(value.tree, "REAL"), type)
    raise unsupported(f"CAST of {value.type.upper()} AS {type.upper()}")


def _sqlite_cast(tree: exp.Expr, type: str) -> exp.Expr:
    return exp.Cast(this=tree, to=exp.DataType(this=exp.DType.USERDEFINED, kind=type))


# Functions


def _aggregate(node: exp.Expr, scope: Scope) -> Typed:
    what = type(node).__name__.upper()
    only(node, "this", "expressions", "big_int")
    if node.expressions:
        raise unsupported(f"{what} of several arguments")
    argument = node.this
    if argument is None:
        raise SemanticError(f"{what} has no argument", offender=what)
    if isinstance(node, exp.Count):
        return Typed(exp.Count(this=_counted(argument, scope)), "bigint")
    value = typed(no_aggregate(argument, what), scope)
    if isinstance(node, (exp.Min, exp.Max)):
        if value.type in ("boolean", "json", "binary"):
            raise unsupported(f"{what} of {value.type.upper()}")
        return Typed(type(node)(this=value.tree), value.type)
    result = _number_type([_numeric(argument, scope, what).type])
    if isinstance(node, exp.Avg) and result == "bigint":
        result = "double"
    return Typed(type(node)(this=value.tree), result)


def _counted(argument: exp.Expr, scope: Scope) -> exp.Expr:
    """What COUNT counts."""
    if isinstance(argument, exp.Star):
        only(argument)
        return exp.Star()
    if isinstance(argument, exp.Distinct):
        only(argument, "expressions")
        if len(argument.expressions) != 1:
            raise unsupported("COUNT(DISTINCT …) of several arguments")
        inner = typed(no_aggregate(argument.expressions[0], "COUNT"), scope)
        return exp.Distinct(expressions=[inner.tree])
    return typed(no_aggregate(argument, "COUNT"), scope).tree


def _coalesce(node: exp.Expr, scope: Scope) -> Typed:
    only(node, "this", "expressions")
    values = [typed(each, scope) for each in (node.this, *node.expressions)]
    type = _common(values)
    if len(values) == 1:
        return values[0]
    return Typed(exp.Anonymous(this="coalesce", expressions=[value.tree for value in values]), type)


def _concat(node: exp.Expr, scope: Scope) -> Typed:
    strings = [_operand(_string_of(each, scope, "CONCAT")) for each in node.expressions]
    joined = reduce(lambda left, right: exp.DPipe(this=left, expression=right, safe=True), strings)
    return Typed(exp.Paren(this=joined), "string")


_TEXT_FUNCTIONS: dict[type[exp.Expr], str] = {
    exp.Length: "length",
    exp.Lower: "odpsmodel_lower",
    exp.Upper: "odpsmodel_upper",
}


def _text_function(node: exp.Expr, scope: Scope) -> Typed:
    only(node, "this")
    string = _string_of(node.this, scope, type(node).__name__.upper())
    result = "bigint" if isinstance(node, exp.Length) else "string"
    return Typed(exp.Anonymous(this=_TEXT_FUNCTIONS[type(node)], expressions=[string]), result)


def _abs(node: exp.Expr, scope: Scope) -> Typed:
    only(node, "this")
    value = _numeric(node.this, scope, "ABS")
    return Typed(exp.Anonymous(this="abs", expressions=[value.tree]), _number_type([value.type]))


_Rule = Callable[[exp.Expr, Scope], Typed]
_EXPRESSIONS: tuple[tuple[tuple[type[exp.Expr], ...], _Rule], ...] = (
    ((exp.Column,), _column_typed),
    ((exp.And, exp.Or), _connector),
    ((exp.Not,), _not),
    ((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), _arithmetic),
    ((exp.Neg,), _neg),
    ((exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ), _comparison),
    ((exp.In,), _in),
    ((exp.Between,), _between),
    ((exp.Like,), _like),
    ((exp.Is,), _is_null),
    ((exp.Case,), _case),
    ((exp.Cast, exp.TryCast), _cast),
    ((exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max), _aggregate),
    ((exp.Coalesce,), _coalesce),
    ((exp.Concat,), _concat),
    ((exp.Length, exp.Lower, exp.Upper), _text_function),
    ((exp.Abs,), _abs),
    ((exp.Paren,), lambda node, scope: typed(node.this, scope)),
)


def where_of(tree: exp.Expr, scope: Scope) -> exp.Where | None:
    node = tree.args.get("where")
    if node is None:
        return None
    return exp.Where(this=boolean(no_aggregate(node.this, "WHERE"), scope, "WHERE"))


def no_aggregate(node: exp.Expr, clause: str) -> exp.Expr:
    found = node.find(exp.AggFunc)
    if found:
        raise SemanticError(f"{keyword(found)} cannot be in {clause}", offender=clause)
    return node
