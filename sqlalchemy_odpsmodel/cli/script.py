"""Runs SQL scripts for ``odpsmodel run``: their transactions, what they print, where their errors are."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from .. import dbapi
from ..errors import (
    DefaultVersionError,
    Error,
    ModelError,
    ModelWarning,
    ParseError,
    SemanticError,
    VersionExists,
    VersionNotFound,
)
from ..model import ModelName
from ..sql.lexer import Tokens
from ..sql.opening import match_opening
from ..sql.place import masked, place_of
from ..sql.script import Piece, kind_of, split
from .output import print_result, print_sql, say

_HINT = "hint: model statements begin with CREATE, ALTER, DROP or DESC MODEL, SHOW MODELS or SHOW VERSIONS"

#: In the name of a flag or a column, in a URL, or in the options of a statement that is misspelt.
_SUSPECT = re.compile(
    r"""(?:api|access)\W?_?ke?y|secret|token(?!s)|passw|credential|\bkey\s*+=?\s*+['"]|//[^/\s'"]*+:[^/\s'"@]*+@
    |\boptions?\s*+[(（]""",
    re.IGNORECASE | re.VERBOSE,
)


class Settings(NamedTuple):
    """How scripts are run: the format of results, whether statements are shown before they run, and whether
    to go on after one that fails."""

    form: str = "vendor"
    echo: bool = False
    keep_going: bool = False


def run_script(connection: Any, name: str, text: str, settings: Settings) -> bool:
    """Run one script, on a file as one transaction; whether all of it succeeded."""
    keep_going = settings.keep_going
    if not isinstance(connection, dbapi.Connection):
        return run_pieces(connection, name, text, settings)
    in_hand = any(_opens(piece.text, "begin") for piece in split(text, hash_lines=True))
    connection.isolation_level = None if in_hand else "IMMEDIATE"
    succeeded = run_pieces(connection, name, text, settings)
    if not (succeeded or keep_going):
        connection.rollback()
        return False
    if in_hand and connection.in_transaction:
        connection.rollback()
        say(f"{name}: the script ends inside a transaction, which was rolled back: COMMIT is missing")
        return False
    try:
        connection.commit()
    except Error as error:
        connection.rollback()
        say(f"{name}: {error}")
        return False
    return succeeded


def run_pieces(connection: Any, name: str, text: str, settings: Settings) -> bool:
    """Run the statements of a script; whether all succeeded.  Like odpscmd, it drops lines with #."""
    succeeded, sqlite = True, isinstance(connection, dbapi.Connection)
    pieces = split(text, hash_lines=True, sqlite=sqlite)
    while (piece := next(pieces, None)) is not None:
        error = _run_piece(connection, name, piece, settings)
        if error is None:
            continue
        succeeded = False
        if not settings.keep_going:
            break
        if isinstance(error, ParseError):
            # Where its strings end is not known, and so what follows may be a secret: go on with a new line.
            start = text.find("\n", piece.end) + 1 or len(text)
            line = piece.line + text.count("\n", piece.start, start)
            say(f"{name}: going on with line {line}")
            pieces = split(text, hash_lines=True, start=start, line=line, sqlite=sqlite)
    return succeeded


def _opens(text: str, kind: str) -> bool:
    opening = match_opening(text)
    return opening is not None and opening.lastgroup == kind


def _run_piece(connection: Any, name: str, piece: Piece, settings: Settings) -> Exception | None:
    """Run one statement and print its result, or the error that is returned."""
    cursor = connection.cursor()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ModelWarning)
        try:
            if settings.echo:
                print_sql(pretty(connection, piece.text), error=True)
            cursor.execute(piece.text)
            print_result(cursor, settings.form)
        except (Error, dbapi.Warning) as error:
            for line in _explain(connection, name, piece, error):
                say(line)
            return error
        finally:
            for warning in caught:
                say(f"{name}:{piece.line}:{piece.column}: warning: {warning.message}")
    say("OK")
    return None


def _explain(connection: Any, name: str, piece: Piece, error: Exception) -> Iterator[str]:
    """file:line:column: error, and the place, without a value of any string literal."""
    if isinstance(error, ModelError) and error.place:
        piece.relocate(error)
        yield f"{name}:{error.place.line}:{error.place.column}: {error}"
        return
    tokens = Tokens(piece.text)
    # Of what was not understood, or is not ours, only the opening is safe to show.
    understood = isinstance(error, ModelError) and not isinstance(error, (ParseError, SemanticError))
    index = _subject(connection, piece.text, tokens, error) if understood else 0
    shown = len(tokens) if understood else 1 if is_suspect(piece.text) else 3
    found = place_of(tokens, index, range(shown))
    place = found.moved(piece.line, piece.column)
    yield f"{name}:{place.line}:{place.column}: {error}"
    yield place.excerpt
    if not understood and isinstance(connection, dbapi.Connection) and not kind_of(piece.text):
        yield _HINT


def _subject(connection: Any, text: str, tokens: Tokens, error: Exception) -> int:
    """The token that an error of a statement is about: the version's name, or the model's, or the first."""
    statement = connection.parse(text) if kind_of(text) == "model" else None
    of_version = isinstance(error, (VersionExists, VersionNotFound, DefaultVersionError))
    name = getattr(statement, "version", None) if of_version else getattr(statement, "name", None)
    folded = name.model if isinstance(name, ModelName) else name
    found = [i for i in range(2, len(tokens)) if tokens.texts[i].strip("`").lower() == folded]
    return found[-of_version] if found else 0


def is_suspect(text: str) -> bool:
    """Whether a text that is no statement of models may hold a key, or is nobody's."""
    return bool(_SUSPECT.search(text)) or dbapi.may_hold_key(text) or not kind_of(text)


def pretty(connection: Any, text: str) -> str:
    """A statement as it is shown: one of ours in its own form, others by sqlparse; without keys."""
    if kind_of(text) == "model" and not _opens(text, "set"):
        return f"{connection.parse(text)};"
    if is_suspect(text):
        return masked(text)
    import sqlparse
    from sqlparse.exceptions import SQLParseError

    try:
        return str(sqlparse.format(text.strip(), reindent=True))
    except SQLParseError:  # too large for it
        return text.strip()
