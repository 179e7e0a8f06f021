"""Results on standard output in four formats, remarks on standard error, progress on a terminal."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, groupby
from typing import Any

import click

from .. import layout
from ..sql import DescModel

FORMATS = ("table", "vendor", "json", "csv")
_GAP = 3  # characters between two columns of a table
_UNLIMITED = 1_000_000  # characters of a line that no terminal's width limits


def say(message: str) -> None:
    """Write a line to standard error."""
    click.echo(message, err=True)


def print_result(cursor: Any, form: str) -> None:
    """Print the rows of a cursor, if it has any, in one of the formats."""
    if cursor.description is None:
        return
    columns = [column[0] for column in cursor.description]
    described = isinstance(cursor.statement, DescModel)
    match form:
        case "vendor":
            click.echo(layout.describe(cursor) if described else layout.grid(columns, cursor))
        case "table":
            _print_description(cursor) if described else _print_table(columns, cursor)
        case "json":
            _print_description_as_json(cursor) if described else _print_json(columns, cursor)
        case "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([_plain(value) for value in row] for row in cursor)


def _plain(value: object) -> object:
    """A value in CSV: a BLOB in hexadecimal digits, NULL as nothing."""
    return value.hex() if isinstance(value, bytes) else value


# Tables


def _print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table as wide as the terminal, or as its cells.  Where the terminal has no room for the columns'
    names beside each other, a table for each row."""
    console = _console()
    if sum(len(column) + _GAP for column in columns) - _GAP <= console.width:
        console.print(_table(columns, rows))
        return
    for number, row in enumerate(rows):
        if number:
            click.echo()
        console.print(_table((), zip(columns, row, strict=True)))


def _print_description(rows: Iterable[tuple[str, str, str, str]]) -> None:
    """DESC: a table each of the model, the version and the inputs."""
    for number, (section, found) in enumerate(groupby(rows, key=lambda row: row[0])):
        if number:
            click.echo()
        if section == "Input":
            _print_table(("Input", "Type", "Comment"), (row[1:] for row in found))
        else:
            _console().print(_table((), (row[1:3] for row in found), title=section))


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> Any:
    """Long cells have several lines."""
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
        show_header=bool(columns),
        show_edge=False,
        pad_edge=False,
    )
    for column in columns or ("", ""):
        table.add_column(_text(column), overflow="fold", min_width=len(column))
    for row in rows:
        table.add_row(*map(_text, row))
    return table


def _console(error: bool = False) -> Any:
    """Of the terminal's width; elsewhere of any, and without colours."""
    from rich.console import Console

    terminal = (sys.stderr if error else sys.stdout).isatty()
    return Console(stderr=error, width=None if terminal else _UNLIMITED, force_terminal=terminal)


def _text(value: object) -> Any:
    """A cell, in which nothing is markup or moves the terminal's cursor."""
    from rich.text import Text

    shown = "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in layout.cell(value))
    return Text(shown, style="dim" if value is None else "")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


# JSON


def _print_json(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """An array of objects, one a line; a column's name that comes again has its number behind it."""
    names = _unlike(columns)
    before = "["
    for row in rows:
        click.echo(before + _json(dict(zip(names, row, strict=True))), nl=False)
        before = ",\n "
    click.echo("[]" if before == "[" else "]")


def _print_description_as_json(rows: Iterable[tuple[str, str, str, str]]) -> None:
    """DESC: an object of the sections, and an array of the inputs."""
    described: dict[str, Any] = {}
    inputs = []
    for section, name, value, comment in rows:
        if section == "Input":
            inputs.append({"Input": name, "Type": value, "Comment": comment})
        else:
            described.setdefault(section, {})[name] = value
    click.echo(_json({**described, "Input": inputs}, indent=2))


def _unlike(columns: Sequence[str]) -> list[str]:
    names: dict[str, None] = {}
    for column in columns:
        numbered = (f"{column}:{number}" for number in count(1))
        names[column if column not in names else next(n for n in numbered if n not in names)] = None
    return list(names)


def _json(value: dict[str, Any], indent: int | None = None) -> str:
    """Of characters that standard output has; infinity, which JSON has not, is a string."""
    finite = {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in value.items()}
    ascii_only = not (sys.stdout.encoding or "").lower().startswith("utf")
    return json.dumps(finite, ensure_ascii=ascii_only, default=layout.cell, indent=indent)


# SQL


def print_sql(text: str, error: bool = False) -> None:
    """Print SQL, on a terminal in colours."""
    if (sys.stderr if error else sys.stdout).isatty():
        from rich.syntax import Syntax

        highlighted = Syntax("", "sql", theme="ansi_dark").highlight(text)
        _console(error).print(highlighted, soft_wrap=True, end="")
    else:
        click.echo(text, err=error)


# Progress


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """On a terminal, show how much of ``total`` is done, as the function is told, or that something is
    going on; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn()]
    if total is not None:
        columns += [MofNCompleteColumn(), TimeRemainingColumn()]
    # What goes to a pipe meanwhile must not come to the terminal.
    through = sys.stdout.isatty()
    with Progress(*columns, console=_console(True), transient=True, redirect_stdout=through) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
