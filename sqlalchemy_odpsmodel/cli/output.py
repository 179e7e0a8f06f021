"""Results on standard output in four formats, remarks on standard error, progress on a terminal."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from shutil import get_terminal_size
from typing import Any

import click
from rich.cells import cell_len

from .. import layout
from ..sql import DescModel

FORMATS = ("table", "vendor", "json", "csv")
_GAP = "   "  # between two columns of a table
_PAGE = 1000  # rows of a table on a terminal


def say(message: str) -> None:
    """Write a line to standard error, in which nothing moves a terminal's cursor."""
    click.echo(_printable_lines(message), err=True)


def print_result(cursor: Any, form: str) -> None:
    """Print the rows of a cursor, if it has any, in one of the formats."""
    if cursor.description is None:
        return
    try:
        _print_rows(cursor, form)
    finally:
        sys.stdout.flush()  # before what is said of the statement


def _print_rows(cursor: Any, form: str) -> None:
    columns = [column[0] for column in cursor.description]
    described = isinstance(cursor.statement, DescModel)
    match form:
        case "vendor":
            rows: Any = (
                ([_printable(value) for value in row] for row in cursor) if sys.stdout.isatty() else cursor
            )
            emit(layout.describe(rows) if described else layout.grid(columns, rows))
        case "table":
            _print_description(cursor) if described else _print_table(columns, cursor)
        case "json":
            _print_description_as_json(cursor) if described else _print_json(columns, cursor)
        case "csv":
            _emit_plain(_csv_line(columns))
            for row in cursor:
                _emit_plain(_csv_line(["" if value is None else layout.cell(value) for value in row]))


def emit(text: str, end: str = "\n") -> None:
    """Write data to standard output as they are; in UTF-8 where that is no terminal, as scripts are read."""
    if sys.stdout.isatty():
        sys.stdout.write(text + end)
        sys.stdout.flush()
        return
    data = (text + end).encode(errors="surrogatepass")
    while data:  # what is not buffered may be written in parts
        data = data[sys.stdout.buffer.write(data) :]


def _emit_plain(text: str, end: str = "\n") -> None:
    """The same of text without styles, in which nothing moves a terminal's cursor."""
    emit(_printable_lines(text) if sys.stdout.isatty() else text, end)


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    whole = any("\r" in cell for cell in cells)  # which csv overlooks
    csv.writer(line, lineterminator="", quoting=csv.QUOTE_ALL if whole else csv.QUOTE_MINIMAL).writerow(cells)
    return line.getvalue()


# Tables


def _print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A line for each row, of columns as wide as their cells.  On a terminal where it has no room for them a
    block for each row, and a head for each page of rows, so that the first ones are there at once."""
    terminal, found = sys.stdout.isatty(), iter(rows)
    size = _PAGE if terminal else None
    page = list(islice(found, size))
    while True:
        cells = [[_printable(value) for value in row] for row in (columns, *page)]
        widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        wide = sum(widths) + len(_GAP) * (len(widths) - 1)
        if terminal and page and wide > get_terminal_size().columns:
            _print_blocks(columns, page)
        else:
            _print_lines(cells, widths)
        page = list(islice(found, size))
        if not page:
            return
        emit("")


def _print_lines(cells: list[list[str]], widths: list[int]) -> None:
    head, *body = (_GAP.join(map(_padded, row, widths)).rstrip() for row in cells)
    rule = "─" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    emit("\n".join((_bold(head), rule, *body)))


def _print_blocks(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """A column a line, and an empty line between two rows."""
    width = max(map(cell_len, columns))
    blocks = (
        "\n".join(
            (_padded(name, width) + _GAP + _printable(value)).rstrip()
            for name, value in zip(columns, row, strict=True)
        )
        for row in rows
    )
    emit((_bold(title) + "\n" if title else "") + "\n\n".join(blocks))


def _print_description(rows: Iterable[tuple[str, str, str, str]]) -> None:
    """DESC: a block each of the model and the version, and a table of the inputs."""
    sections: dict[str, list[tuple[str, str, str, str]]] = {"Input": []}
    for row in rows:
        sections.setdefault(row[0], []).append(row)
    inputs = [row[1:] for row in sections.pop("Input")]
    for title, found in sections.items():
        _, names, values, _ = zip(*found, strict=True)
        _print_blocks(names, [values], title)
        emit("")
    _print_table(("Input", "Type", "Comment"), inputs)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _bold(text: str) -> str:
    return click.style(text, bold=True) if sys.stdout.isatty() else text


def _printable(value: object) -> str:
    """A cell on one line, with nothing in it that moves a terminal's cursor."""
    text = layout.cell(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _printable_lines(text: str) -> str:
    return "\n".join(map(_printable, text.split("\n")))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


# JSON


def _print_json(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """An array of objects, one a line, closed behind a row that cannot be read too; a column's name that
    comes again has its number behind it."""
    names, before = _unlike(columns), ""
    _emit_plain("[", end="")
    try:
        for row in rows:
            _emit_plain(before + _json(dict(zip(names, row, strict=True))), end="")
            before = ",\n "
    finally:
        _emit_plain("]")


def _print_description_as_json(rows: Iterable[tuple[str, str, str, str]]) -> None:
    """DESC: an object of the sections, and an array of the inputs."""
    described: dict[str, Any] = {}
    inputs = []
    for section, name, value, comment in rows:
        if section == "Input":
            inputs.append({"Input": name, "Type": value, "Comment": comment})
        else:
            described.setdefault(section, {})[name] = value
    _emit_plain(_json({**described, "Input": inputs}, indent=2))


def _unlike(columns: Sequence[str]) -> list[str]:
    names: dict[str, None] = {}
    for column in columns:
        numbered = (f"{column}:{number}" for number in count(1))
        names[column if column not in names else next(n for n in numbered if n not in names)] = None
    return list(names)


def _json(value: object, indent: int | None = None) -> str:
    return json.dumps(_of_json(value), ensure_ascii=False, indent=indent)


def _of_json(value: object) -> object:
    """Numbers and booleans as they are, but for infinity and the like; all else as text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case dict():
            return {layout.cell(key): _of_json(item) for key, item in value.items()}
        case list() | tuple():
            return [_of_json(item) for item in value]
        case _:
            return layout.cell(value)


# SQL


def print_sql(text: str, error: bool = False) -> None:
    """Print SQL, on a terminal in colours."""
    if (sys.stderr if error else sys.stdout).isatty():
        from rich.console import Console
        from rich.syntax import Syntax

        highlighted = Syntax("", "sql", theme="ansi_dark").highlight(_printable_lines(text))
        Console(stderr=error).print(highlighted, soft_wrap=True, end="")
    elif error:
        say(text)
    else:
        emit(text)
        sys.stdout.flush()  # before a question


# Progress


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """On a terminal, show how much of ``total`` is done, as the function is told, or that something is
    going on; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn()]
    if total is not None:
        columns += [MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
