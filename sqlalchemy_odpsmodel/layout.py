"""Results as text, in the layout of the vendor's pages, to the character."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_RULE = f"+{'-' * 84}+"
_TITLE_INDENT = {"Model Information": 18, "Version Information": 16}
_INPUT = "| {:<15} | {:<10} | {:<51} |"


def grid(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """SHOW's layout: each column as wide as its longest cell; NULL is printed as NULL."""
    lines = [tuple(columns), *(tuple(cell(value) for value in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = "+" + "".join("-" * (width + 2) + "+" for width in widths)
    head, *body = (
        "".join(f"| {text:<{width}} " for text, width in zip(line, widths, strict=True)) + "|"
        for line in lines
    )
    return "\n".join([rule, head, rule, *body, rule])


def cell(value: object) -> str:
    """A value as text: a BLOB in hexadecimal digits, NULL as NULL."""
    if isinstance(value, bytes):
        return value.hex()
    return "NULL" if value is None else str(value)


def describe(rows: Iterable[tuple[str, str, str, str]]) -> str:
    """DESC's layout, 86 columns wide; a longer value pushes the bar.

    ``rows`` are the statement's: Section, Name, Value, Comment.
    """
    lines: list[str] = []
    section = ""
    inputs: list[str] = []
    for title, name, value, comment in rows:
        if title == "Input":
            inputs.append(_INPUT.format(name, value, comment))
            continue
        if title != section:
            section = title
            lines += [_RULE, f"|{' ' * _TITLE_INDENT[title] + title:<84}|", _RULE]
        lines.append(f"| {name + ':':<26}{value:<56} |")
    head = _INPUT.format("Input", "Type", "Comment")
    return "\n".join([*lines, _RULE, head, _RULE, *inputs, _RULE])
