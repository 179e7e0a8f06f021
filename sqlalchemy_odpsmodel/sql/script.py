"""Where the statements of a script end, and whose a text is that may be nobody's.

A model statement follows the vendor's lexical rules, any other SQLite's.  Linear on any input: what is
opened and never closed reaches to the end of the script.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import ModelError
from .lexer import RAW, RAW_OPENING, TRIVIA, WORD
from .opening import match_opening
from .parser import is_blank, read_flags

#: What SQLite may understand, of what is not ours; nothing else can be but a slip.
match_sqlite = re.compile(
    rf"""(?:{TRIVIA};)*+{TRIVIA}(?:(?ai:EXPLAIN){TRIVIA}(?:(?ai:QUERY){TRIVIA}(?ai:PLAN){TRIVIA})?)?(?:
        (?ai:SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|VALUES|PRAGMA|BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE
            |ATTACH|DETACH|ANALYZE|REINDEX|VACUUM)\b
      | (?ai:CREATE){TRIVIA}(?ai:TABLE|VIEW|INDEX|TRIGGER|TEMP|TEMPORARY|UNIQUE|VIRTUAL)\b
      | (?ai:DROP){TRIVIA}(?ai:TABLE|VIEW|INDEX|TRIGGER)\b
      | (?ai:ALTER){TRIVIA}(?ai:TABLE)\b
      | \Z
    )""",
    re.VERBOSE | re.DOTALL,
).match

_COMMENT = r"--[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)"
_HASH_LINE = r"^\#[^\r\n]*+"
_OUR_LITERAL = r"""'(?:[^'\\]++|\\.)*+(?:'|\\?\Z)|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|`[^`]*+(?:`|\Z)"""
_SQLITE_LITERAL = r"""'[^']*+(?:'|\Z)|"[^"]*+(?:"|\Z)|`[^`]*+(?:`|\Z)|\[[^\]]*+(?:\]|\Z)"""
#: Up to a semicolon, the end, or a raw string, which has groups: in a possessive repeat they break re.
_OURS = re.compile(
    rf"""(?:{WORD}|[^\w'"`;；/\-\#]++|{_OUR_LITERAL}|{_COMMENT}|{_HASH_LINE}|[/\-\#])*+[;；]?+""",
    re.DOTALL | re.MULTILINE,
)
_RAW = re.compile(RAW, re.DOTALL)
_SQLITE = re.compile(
    rf"""(?:[^'"`\[;/\-\#]++|{_SQLITE_LITERAL}|{_COMMENT}|{_HASH_LINE}|[/\-\#])*+(?:;|\Z)""",
    re.DOTALL | re.MULTILINE,
)
_TRIVIA = re.compile(rf"(?:{TRIVIA}[;；])*+{TRIVIA}", re.DOTALL)
_TRIVIA_AND_HASH_LINES = re.compile(
    rf"(?:{TRIVIA}(?:[;；]|{_HASH_LINE}))*+{TRIVIA}", re.DOTALL | re.MULTILINE
)
_OUR_HASH_LINE = re.compile(
    rf"{RAW}|{RAW_OPENING}.*+|{WORD}|{_OUR_LITERAL}|{_COMMENT}|({_HASH_LINE})", re.DOTALL | re.MULTILINE
)
_SQLITE_HASH_LINE = re.compile(rf"{_SQLITE_LITERAL}|{_COMMENT}|({_HASH_LINE})", re.DOTALL | re.MULTILINE)
_TRIGGER = re.compile(
    rf"(?:(?ai:EXPLAIN){TRIVIA})?(?ai:CREATE){TRIVIA}(?:(?ai:TEMP|TEMPORARY){TRIVIA})?(?ai:TRIGGER)\b"
)
_TRIGGER_END = re.compile(rf"{TRIVIA}(?ai:END){TRIVIA}(?:;|\Z)")


def kind_of(text: str) -> str:
    """Whose statement a text is: "sqlite", "model", or "" for neither's, which can only be a slip."""
    if match_sqlite(text):
        return "sqlite"
    opening = match_opening(text)
    kind = opening.lastgroup if opening else None
    if kind == "set":
        try:
            _, start = read_flags(text)
        except ModelError:
            return ""
        return "model" if is_blank(text, start) else kind_of(text[start:])
    return "model" if kind == "model" else ""


class Piece(NamedTuple):
    """One statement of a script: its text, the line and column, from 1, and the offsets where it stands."""

    text: str
    line: int
    column: int
    start: int
    end: int

    def relocate(self, error: ModelError) -> None:
        """Let an error's place count from the start of the script."""
        if error.place:
            error.place = error.place.moved(self.line, self.column)


def split(
    script: str, *, hash_lines: bool = False, start: int = 0, line: int = 1, sqlite: bool = True
) -> Iterator[Piece]:
    """The statements of a script that mixes model statements and SQLite's SQL, or else MaxCompute's.

    With ``hash_lines``, lines that begin with # outside of literals and comments are emptied.  It begins
    at the offset ``start``, where the line ``line`` begins.
    """
    skip = (_TRIVIA_AND_HASH_LINES if hash_lines else _TRIVIA).match
    end, line_start = start, start
    while True:
        start = _end_of(skip(script, end), script)
        if start == len(script):
            return
        newline = script.rfind("\n", end, start)
        line, line_start = line + script.count("\n", end, start), max(line_start, newline + 1)
        ours = not sqlite or _is_ours(script, start)
        end = _our_end(script, start) if ours else _sqlite_end(script, start)
        text = script[start:end]
        if hash_lines and "\n#" in text:
            pattern = _OUR_HASH_LINE if ours else _SQLITE_HASH_LINE
            text = pattern.sub(_without_hash_line, text)
        yield Piece(text, line, start - line_start + 1, start, end)
        newline = script.rfind("\n", start, end)
        line, line_start = line + script.count("\n", start, end), max(line_start, newline + 1)


def _without_hash_line(match: re.Match[str]) -> str:
    """Nothing for a line that begins with #, which is the pattern's last group; a piece begins with none."""
    return "" if match[match.re.groups] and match.start() else match[0]


def _is_ours(script: str, start: int) -> bool:
    opening = match_opening(script, start)
    return opening is not None and opening.lastgroup in ("model", "set")


def _end_of(match: re.Match[str] | None, script: str) -> int:
    return match.end() if match else len(script)


def _sqlite_end(script: str, start: int) -> int:
    end = _end_of(_SQLITE.match(script, start), script)
    if _TRIGGER.match(script, start):
        while end < len(script) and not _TRIGGER_END.match(script, end):
            end = _end_of(_SQLITE.match(script, end), script)
        end = _end_of(_SQLITE.match(script, end), script)
    return end


def _our_end(script: str, start: int) -> int:
    end = _end_of(_OURS.match(script, start), script)
    while end < len(script) and script[end - 1] not in ";；":
        end = _end_of(_RAW.match(script, end), script)
        end = _end_of(_OURS.match(script, end), script)
    return end
