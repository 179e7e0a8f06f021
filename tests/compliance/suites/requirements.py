"""What SQLAlchemy's and Alembic's suites may ask of a database: what they may ask of SQLite, and nothing less.

SQLAlchemy's own list for SQLite is in its source distribution (test/requirements.py) and goes by the name
"sqlite", so a dialect of another name has its own.  tests/compliance/compare.py runs plain sqlite with
SQLAlchemy's list beside ours with this one, and fails where they differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alembic.testing.requirements import SuiteRequirements as AlembicSuiteRequirements
from alembic.util import sqla_compat
from sqlalchemy import Dialect
from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

#: What SQLite has, and a database in general has not.
_OPEN = """
    autocommit boolean_col_expressions check_constraint_reflection computed_columns
    computed_columns_reflect_persisted computed_columns_stored computed_columns_virtual create_table_as
    create_temp_table_as ctes ctes_with_values date_historic datetime_historic datetime_literals dbapi_lastrowid
    emulated_lastrowid except_ expression_server_defaults fetch_expression fetch_offset_with_options
    fk_constraint_option_reflection_ondelete_noaction fk_constraint_option_reflection_ondelete_restrict
    fk_constraint_option_reflection_onupdate_restrict float_or_double_precision_behaves_generically
    foreign_key_constraint_name_reflection foreign_key_constraint_option_reflection_ondelete
    foreign_key_constraint_option_reflection_onupdate index_ddl_if_exists indexes_check_column_order
    indexes_with_expressions infinity_floats inline_check_constraint_reflection intersect isolation_level
    json_array_indexes json_type legacy_unconditional_json_extract mod_operator_as_percent_sign
    non_updating_cascade nullsordering nvarchar_types order_by_collation order_by_label_with_expression
    percent_schema_names precision_numerics_enotation_small precision_numerics_retains_significant_digits
    reflects_pk_names regexp_match repeated_column_foreign_keys
    repeated_remote_col_foreign_keys server_defaults skip_autocommit_rollback supports_bitwise_and
    supports_bitwise_not supports_bitwise_or supports_bitwise_shift supports_bitwise_xor table_ddl_if_exists
    tuple_in tuple_in_w_empty unicode_ddl update_from view_column_reflection view_reflection views
    window_functions window_range window_range_numeric
""".split()

#: What SQLite has not, and a database in general has.
_CLOSED = {
    "foreign_keys": "SQLite does not enforce them unless a pragma asks for it",
    "implicitly_named_constraints": "SQLite gives a constraint no name of its own",
    "independent_connections": "one connection writes at a time",
    "json_index_supplementary_unicode_element": "a fault of sqlite3's, https://bugs.python.org/issue38749",
    "nested_aggregates": "SQLite refuses an aggregate of an aggregate",
    "on_update_cascade": "SQLite does not enforce foreign keys unless a pragma asks for it",
    "on_update_or_deferrable_fks": "SQLite does not enforce foreign keys unless a pragma asks for it",
}
#: What must fail: SQLAlchemy runs these tests, and fails where one passes.
_FAILS = {
    "numeric_received_as_decimal_untyped": "SQLite has no decimals",
    "parens_in_union_contained_select_w_limit_offset": "SQLite takes no parentheses around a part of a UNION",
    "parens_in_union_contained_select_wo_limit_offset": "SQLite takes no parentheses around a part of a UNION",
    "precision_numerics_many_significant_digits": "SQLite's numbers have 15 digits",
}
#: A temporary table is its connection's, and the pool of a file may give another one.
_IN_MEMORY = """
    has_temp_table temp_table_names temp_table_reflect_indexes temp_table_reflection temporary_tables
    temporary_views
""".split()


def _in_memory(config: Any) -> bool:
    return not config.db.dialect._is_url_file_db(config.db.url)


def _is_async(config: Any) -> bool:
    return bool(config.db.dialect.is_async)


def _has_table_options(config: Any) -> bool:
    return type(config.db.dialect).get_table_options is not Dialect.get_table_options


def _shares_no_reads(config: Any) -> bool:
    """A database in memory is of one connection; under asyncio SQLAlchemy's list leaves these tests out."""
    return _in_memory(config) or _is_async(config)


class Requirements(SuiteRequirements):
    """Of SQLAlchemy's suite."""

    async_dialect = property(lambda self: exclusions.only_if(_is_async))
    #: SQLAlchemy's list has it for the drivers without asyncio.
    emulated_lastrowid_even_with_sequences = property(lambda self: exclusions.skip_if(_is_async))
    independent_readonly_connections = property(lambda self: exclusions.skip_if(_shares_no_reads))
    queue_pool = property(lambda self: exclusions.skip_if(_in_memory))
    #: SQLAlchemy reads a table's options of SQLite since 2.0.53.
    reflect_table_options = property(lambda self: exclusions.only_if(_has_table_options))
    server_side_cursors = property(lambda self: exclusions.only_if(_is_async))

    @property
    def predictable_gc(self) -> Any:
        """As SQLAlchemy has it: not under asyncio."""
        return super().predictable_gc + exclusions.skip_if(_is_async)

    def get_order_by_collation(self, config: Any) -> str:
        return "NOCASE"


def _require(rule: Callable[..., Any], *arguments: Any) -> property:
    """A requirement; a new one each time, as the suite's decorators add others to it."""
    return property(lambda self: rule(*arguments))


for _name in _OPEN:
    setattr(Requirements, _name, _require(exclusions.open))
for _name, _reason in _CLOSED.items():
    setattr(Requirements, _name, _require(exclusions.closed, _reason))
for _name, _reason in _FAILS.items():
    setattr(Requirements, _name, _require(exclusions.fails, _reason))
for _name in _IN_MEMORY:
    setattr(Requirements, _name, _require(exclusions.only_if, _in_memory))


class AlembicRequirements(AlembicSuiteRequirements):
    """Of Alembic's suite."""

    alter_column = _require(exclusions.closed, "SQLite has no ALTER COLUMN")
    computed_columns = _require(exclusions.open)
    fk_ondelete_is_reflected = _require(exclusions.open)
    fk_onupdate_is_reflected = _require(exclusions.open)
    #: As Alembic has it for SQLite: it means SQLAlchemy 2.0.25, and asks for 2.25.
    foreign_key_name_reflection = _require(exclusions.only_if, lambda config: sqla_compat.sqla_2_0_25)
    reflects_fk_options = _require(exclusions.open)
    reflects_pk_names = _require(exclusions.open)
    schemas = _require(exclusions.closed, "Alembic's suite attaches no database")
