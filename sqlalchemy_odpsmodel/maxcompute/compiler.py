"""SQLAlchemy's statements as MaxCompute's SQL: names in backquotes, its types, literals and escapes.

MaxCompute enforces no keys and has no indexes: of a table its columns, comments and NOT NULL are made.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.exc import CompileError
from sqlalchemy.sql.compiler import DDLCompiler, IdentifierPreparer, SQLCompiler

from ..ddl import InputTypeCompiler
from ..errors import DataError, SemanticError
from ..execution import ModelCompiler
from ..model import column_type
from ..sql.lexer import RESERVED, quote
from .literals import literal

#: The vendor's reserved words, without those that only its own grammar of models has.
_RESERVED = RESERVED | frozenset(
    "array between char cross current_date current_timestamp date datetime decimal double end except exists"
    " exit float for foreign fulltext grant group having int intersect interval into is lateral map minus"
    " natural none of on order outer over partition primary procedure range references row rows set"
    " smallint struct timestamp tinyint to trigger true truncate unbounded union unique values varchar view"
    " when where window with".split()
)


class MaxComputeIdentifierPreparer(IdentifierPreparer):
    """Names in backquotes, where they need them."""

    reserved_words = set(_RESERVED)  # noqa: RUF012 - as SQLAlchemy has it
    legal_characters = re.compile(r"[a-z0-9_]+\Z", re.IGNORECASE | re.ASCII)
    illegal_initial_characters = set("0123456789_")  # noqa: RUF012

    def __init__(self, dialect: Any) -> None:
        super().__init__(dialect, initial_quote="`", final_quote="`", escape_quote="`")


class MaxComputeCompiler(SQLCompiler):
    """SELECT, INSERT, UPDATE, DELETE."""

    def render_literal_value(self, value: Any, type_: Any) -> str:
        """A literal in the text, after the type's own processing; MaxCompute joins adjacent strings, so that
        a quote is not doubled."""
        processor = type_.dialect_impl(self.dialect).bind_processor(self.dialect)
        try:
            return literal(processor(value) if processor else value)
        except DataError as error:
            raise CompileError(str(error)) from None

    def visit_unary(self, unary: Any, *args: Any, **kw: Any) -> str:
        """Two minus signs would open a comment."""
        return re.sub("^--", "- -", str(super().visit_unary(unary, *args, **kw)))

    def visit_column(self, column: Any, *args: Any, **kw: Any) -> str:
        """``table.column``: Hive's rules, which are MaxCompute's, have no schema before it."""
        text = str(super().visit_column(column, *args, **kw))
        schema = column.table is not None and self.preparer.schema_for_object(column.table)
        return text.removeprefix(f"{self.preparer.quote_schema(schema)}.") if schema else text

    def visit_update(self, update_stmt: Any, *args: Any, **kw: Any) -> str:
        """Columns are not qualified: an UPDATE is of one table."""
        return str(super().visit_update(update_stmt, *args, **{"include_table": False, **kw}))

    def visit_delete(self, delete_stmt: Any, *args: Any, **kw: Any) -> str:
        """Columns are not qualified: a DELETE is from one table."""
        return str(super().visit_delete(delete_stmt, *args, **{"include_table": False, **kw}))

    def visit_select(self, select_stmt: Any, *args: Any, **kw: Any) -> str:
        """Its columns are, inside of an UPDATE too."""
        kw.pop("include_table", None)
        return str(super().visit_select(select_stmt, *args, **kw))

    def limit_clause(self, select: Any, **kw: Any) -> str:
        """LIMIT, which OFFSET needs."""
        limit, offset = select._limit_clause, select._offset_clause
        text = ""
        if limit is not None or offset is not None:
            rows = "9223372036854775807" if limit is None else self.process(limit, **kw)
            text = f"\n LIMIT {rows}"
        return text if offset is None else f"{text} OFFSET {self.process(offset, **kw)}"

    def visit_empty_set_expr(self, element_types: Any, **kw: Any) -> str:
        """IN of nothing: a SELECT without a row."""
        nulls = ", ".join("NULL" for _ in element_types or [None])
        return f"SELECT {nulls} WHERE FALSE"

    def returning_clause(self, *args: Any, **kw: Any) -> str:
        raise CompileError("MaxCompute has no RETURNING")

    def for_update_clause(self, select: Any, **kw: Any) -> str:
        """Nothing: there are no locks."""
        return ""


class MaxComputeDDLCompiler(ModelCompiler, DDLCompiler):
    """CREATE TABLE and DROP TABLE; what MaxCompute does not enforce is left out."""

    def get_column_specification(self, column: Any, **kw: Any) -> str:
        """``name TYPE [NOT NULL] [DEFAULT …] [COMMENT '…']``"""
        if column.computed is not None:
            raise CompileError(f"column {column.name}: MaxCompute has no computed columns")
        parts = [
            self.preparer.format_column(column),
            self.dialect.type_compiler_instance.process(column.type, type_expression=column),
        ]
        if not column.nullable:
            parts.append("NOT NULL")
        default = self.get_column_default_string(column)
        if default is not None:
            parts.append(f"DEFAULT {default}")
        if column.comment:
            parts.append(f"COMMENT {quote(column.comment)}")
        return " ".join(parts)

    def create_table_constraints(self, table: Any, *args: Any, **kw: Any) -> str:
        """None: keys, foreign keys, UNIQUE and CHECK would not be enforced."""
        return ""

    def post_create_table(self, table: Any) -> str:
        """The comment, and whether UPDATE and DELETE are possible."""
        text = f" COMMENT {quote(table.comment)}" if table.comment else ""
        if table.dialect_options["odpsmodel"]["transactional"]:
            text += " TBLPROPERTIES ('transactional'='true')"
        return text

    def _left_out(self, *args: Any, **kw: Any) -> str:
        return "/* MaxCompute has no indexes, and enforces no constraints */"

    visit_create_index = visit_drop_index = visit_add_constraint = visit_drop_constraint = _left_out

    def visit_set_table_comment(self, create: Any, **kw: Any) -> str:
        name, comment = self.preparer.format_table(create.element), create.element.comment or ""
        return f"ALTER TABLE {name} SET COMMENT {quote(comment)}"

    def visit_drop_table_comment(self, drop: Any, **kw: Any) -> str:
        return f"ALTER TABLE {self.preparer.format_table(drop.element)} SET COMMENT ''"

    def visit_set_column_comment(self, create: Any, **kw: Any) -> str:
        return self._column_comment(create.element, create.element.comment or "")

    def visit_drop_column_comment(self, drop: Any, **kw: Any) -> str:
        return self._column_comment(drop.element, "")

    def _column_comment(self, column: Any, comment: str) -> str:
        table, name = self.preparer.format_table(column.table), self.preparer.format_column(column)
        return f"ALTER TABLE {table} CHANGE COLUMN {name} COMMENT {quote(comment)}"

    def visit_create_sequence(self, *args: Any, **kw: Any) -> str:
        raise CompileError("MaxCompute has no sequences")


class MaxComputeTypeCompiler(InputTypeCompiler):
    """SQLAlchemy's types as MaxCompute's.  What it has not raises CompileError."""

    ensure_kwarg = r"visit_\w+"

    def visit_FLOAT(self, type_: Any, **kw: Any) -> str:
        """Without bits, as wide as Python's."""
        return "FLOAT" if type_.precision and type_.precision <= 24 else "DOUBLE"

    def visit_enum(self, type_: Any, **kw: Any) -> str:
        return f"VARCHAR({type_.length})" if type_.length else "STRING"

    def visit_VARCHAR(self, type_: Any, **kw: Any) -> str:
        length = type_.length
        return "STRING" if length is None or length > 65535 else _checked(f"VARCHAR({length})")

    visit_NVARCHAR = visit_VARCHAR

    def visit_CHAR(self, type_: Any, **kw: Any) -> str:
        return _checked(super().visit_CHAR(type_, **kw))

    visit_NCHAR = visit_CHAR

    def visit_NUMERIC(self, type_: Any, **kw: Any) -> str:
        return _checked(super().visit_NUMERIC(type_, **kw))

    visit_DECIMAL = visit_NUMERIC

    def visit_UUID(self, type_: Any, **kw: Any) -> str:
        raise CompileError("MaxCompute has no UUID: use Uuid, which is a string here")

    def visit_TIME(self, type_: Any, **kw: Any) -> str:
        raise CompileError("MaxCompute has no TIME: use a string, or DateTime")

    def visit_ARRAY(self, type_: Any, **kw: Any) -> str:
        raise CompileError("tables of ARRAY are made by SQL of your own: op.execute, or text()")


def _checked(text: str) -> str:
    """A type as written, if its arguments are within MaxCompute's limits."""
    try:
        column_type(text, "")
    except SemanticError as error:
        raise CompileError(f"{text} is no type of MaxCompute's: {error.reason}") from None
    return text
