"""Ordinary SQL of MaxCompute on SQLite: what Alembic and simple programs need, clear errors for the rest."""

from .nodes import ResultColumn, Translation, until
from .tables import Table, TableColumn, prepare, read_table
from .translate import read, translate

__all__ = [
    "ResultColumn",
    "Table",
    "TableColumn",
    "Translation",
    "prepare",
    "read",
    "read_table",
    "translate",
    "until",
]
