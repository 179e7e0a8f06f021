"""Values as Python source, for generated modules and migrations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from textwrap import indent

from .model import InputColumn
from .options import EnvSecret, Fingerprint, Options, PlainSecret

Key = Fingerprint | PlainSecret


def call(function: str, arguments: Iterable[str]) -> str:
    """A call, an argument a line."""
    return f"{function}(\n{_indented(f'{argument},' for argument in arguments)}\n)"


def literal(text: str) -> str:
    """A string in double quotes, unless it holds some."""
    quoted = str.__repr__(text)
    return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in text else quoted


def inputs_argument(inputs: Iterable[InputColumn]) -> str:
    """``inputs=[("name", "TYPE"), …]``."""
    columns = ((c.name, c.type.upper(), c.comment) for c in inputs)
    lines = (f"({', '.join(literal(part) for part in column if part)})," for column in columns)
    return f"inputs=[\n{_indented(lines)}\n]"


def options_argument(options: Options, unreadable: Callable[[Key], tuple[str, str]]) -> str:
    """``options={"KEY": "value", …}``.  In place of a plain key stands what ``unreadable`` returns: an
    expression, and a comment."""

    def line(key: str, value: object) -> str:
        if isinstance(value, Key):
            expression, comment = unreadable(value)
            return f"{literal(key)}: {expression},  # {comment}"
        shown = f"EnvSecret({literal(value.name)})" if isinstance(value, EnvSecret) else literal(str(value))
        return f"{literal(key)}: {shown},"

    return f"options={{\n{_indented(line(key, value) for key, value in options)}\n}}"


def _indented(lines: Iterable[str]) -> str:
    return indent("\n".join(lines), "    ")
