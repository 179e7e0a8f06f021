"""Text to tree: sqlglot's Hive dialect, held to what MaxCompute reads, and to the statements that are here.

No error holds what a string literal says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from sqlglot import exp
from sqlglot.dialects.hive import Hive
from sqlglot.errors import ParseError as SqlglotParseError
from sqlglot.errors import SqlglotError
from sqlglot.parsers.hive import HiveParser
from sqlglot.tokenizer_core import Token, TokenType

from ...errors import ModelError, ParseError, Place
from ...model import COMPLEX_TYPES, SCALAR_TYPES
from ...sql.lexer import Tokens
from .nodes import ALTERED, STATEMENTS, unsupported


class MaxCompute(Hive):
    """Hive's dialect but for what MaxCompute tells apart: types by their own words."""

    SUPPORTS_USER_DEFINED_TYPES = True

    class Tokenizer(Hive.Tokenizer):
        NESTED_COMMENTS = False
        #: TEXT, INTEGER and the like are no words of MaxCompute, and sqlglot forgets that they were written.
        KEYWORDS = {  # noqa: RUF012 - as sqlglot has it
            word: kind
            for word, kind in Hive.Tokenizer.KEYWORDS.items()
            if kind not in HiveParser.TYPE_TOKENS
            or word.lower() in SCALAR_TYPES | COMPLEX_TYPES | {"null", "union", "interval"}
        }

    class Parser(HiveParser):
        def _parse_as_command(self, start: Token) -> exp.Command:
            """What sqlglot would log and pass on as it is."""
            if start.token_type == TokenType.ALTER:
                raise unsupported("this form of ALTER", f"it has {ALTERED}")
            word = self._curr.text.upper() if self._curr else ""
            raise unsupported(word if word in _CLAUSES else "some clause of this statement")

        def _parse_alter_table_drop(self) -> list[exp.Expr]:
            """DROP COLUMN and a name, DROP COLUMNS and names, as a Drop of names; nothing for what else there
            is.  sqlglot knows only the first."""
            if not self._match_texts(("COLUMN", "COLUMNS")):
                return []
            several = self._prev.text.upper() == "COLUMNS"
            names = [self._parse_id_var(any_token=False)]
            while several and self._match(TokenType.COMMA):
                names.append(self._parse_id_var(any_token=False))
            return [exp.Drop(kind="COLUMN", expressions=names)] if all(names) else []


_DIALECT = MaxCompute()
#: Some seconds of reading.
MAX_TOKENS = 200_000
_STARTS = ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE", "SELECT")
_CLAUSES = "LIFECYCLE CLUSTERED RANGE RANGES SKEWED STORED PURGE PARTITION".split()
_FUNCTIONS = "COUNT SUM AVG MIN MAX COALESCE CONCAT LENGTH LOWER UPPER ABS UNBASE64 CAST".split()
_SECOND = "TABLE TABLES VIEW DATABASE SCHEMA INDEX FUNCTION PARTITIONS PROJECT SELECT".split()
_AFTER_COMMA = (
    TokenType.R_PAREN,
    TokenType.FROM,
    TokenType.WHERE,
    TokenType.GROUP_BY,
    TokenType.HAVING,
    TokenType.ORDER_BY,
    TokenType.LIMIT,
)


def parse(text: str) -> exp.Expr | None:
    """sqlglot's tree of the one statement of a text."""
    tokens = _tokens(text)
    if not tokens:
        raise ParseError("there is no statement")
    _check_start(text, tokens)
    tokens = list(_strings_read(text, tokens))
    if any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise unsupported("several statements in one text", "send them one by one")
    _check_tokens(text, tokens)
    _check_functions(tokens)
    _check_nested_types(tokens)
    return _parsed(text, tokens)


def _parsed(text: str, tokens: list[Token]) -> exp.Expr | None:
    try:
        (tree,) = _DIALECT.parser().parse(tokens, text)
    except (ModelError, RecursionError):
        raise
    except Exception as error:  # on odd texts sqlglot fails with what it meets, AttributeError and the like
        raise ParseError("the statement does not parse here", place=_place(text, tokens, error)) from None
    return tree


def _tokens(text: str) -> list[Token]:
    """Without the semicolons at the end."""
    try:
        text.encode()
        tokens = _DIALECT.tokenize(text)
    except UnicodeEncodeError:
        raise ParseError("the statement is not valid Unicode text") from None
    except SqlglotError:
        raise ParseError("a string, a backquoted name or a comment is not closed") from None
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if len(tokens) > MAX_TOKENS:
        raise unsupported(f"more than {MAX_TOKENS:,} words and marks", "send the rows in several statements")
    return tokens


def _check_start(text: str, tokens: Sequence[Token]) -> None:
    """The first word, before sqlglot takes a statement for something that it is not."""
    words = re.match(r"([A-Za-z]+)(?:\s+([A-Za-z]+)\b)?", text[tokens[0].start :][:100])
    if words is None:
        raise ParseError("a statement starts with a word", place=_place_of(text, tokens, 0))
    first, second = words[1].upper(), (words[2] or "").upper()
    if first not in _STARTS:
        named = f"{first} {second}" if second in _SECOND else first
        raise unsupported(named, f"it has {STATEMENTS}")


def _strings_read(text: str, tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens with strings as MaxCompute reads them; sqlglot keeps the backslash of \\% and \\_, and
    knows adjacent strings in some places only."""
    last: Token | None = None
    for token in tokens:
        is_string = token.token_type == TokenType.STRING
        if is_string:
            token.text = _string(text[token.start : token.end + 1])
        if last and is_string and last.token_type == TokenType.STRING:
            last.text += token.text
            last.end = token.end
            continue
        if last:
            yield last
        last = token
    if last:
        yield last


def _string(written: str) -> str:
    if "\\" not in written and written[:1] in ("'", '"'):
        return written[1:-1]
    tokens = Tokens(written)
    if tokens.kind(0) != "string" or tokens.texts[0] != written:
        raise ParseError("a string is not written as MaxCompute writes strings")
    return tokens.value(0)


def _check_tokens(text: str, tokens: Sequence[Token]) -> None:
    """What sqlglot reads and MaxCompute does not, or reads otherwise."""
    for index, (token, after) in enumerate(zip(tokens, [*tokens[1:], None], strict=True)):
        kind = token.token_type
        if kind == TokenType.COMMA and (after is None or after.token_type in _AFTER_COMMA):
            raise ParseError("something is missing after a comma", place=_place_of(text, tokens, index))
        if kind == TokenType.DCOLON and text[token.start : token.end + 1] == "::":
            raise unsupported("::", "write CAST(… AS …)")
        if kind == TokenType.NOT and token.text == "!":
            raise unsupported("!", "write NOT")
        if after is None:
            continue
        if after.start == token.start and after.text.upper() in ("D", "F"):
            raise unsupported("the suffixes D and F", "write CAST(… AS DOUBLE)")
        glued = after.start == token.end + 1 and (kind, after.token_type) in _GLUED
        if glued:
            raise ParseError(
                "a number or string has a wrong prefix or suffix", place=_place_of(text, tokens, index)
            )


def _check_functions(tokens: Sequence[Token]) -> None:
    """A function is called by the name that is supported: sqlglot reads NVL as COALESCE, MOD as %."""
    first = tokens[0].text.upper()
    if first in ("CREATE", "ALTER", "DROP"):
        return
    called = first != "INSERT"  # before VALUES there are names of tables
    for token, after in pairwise(tokens):
        called = called or token.token_type == TokenType.VALUES
        is_call = called and token.token_type == TokenType.VAR and after.token_type == TokenType.L_PAREN
        if is_call and token.text.upper() not in _FUNCTIONS:
            raise unsupported(f"the function {token.text.upper()}")


def _check_nested_types(tokens: Sequence[Token]) -> None:
    """sqlglot tries two ways at each type's word before a parenthesis, and so nested ones for ever."""
    opened: list[bool] = []
    types = 0
    for before, token in pairwise(tokens):
        if token.token_type == TokenType.L_PAREN:
            opened.append(before.token_type in HiveParser.TYPE_TOKENS)
            types += opened[-1]
            if types > _NESTED_TYPES:
                raise unsupported("types inside of types")
        elif token.token_type == TokenType.R_PAREN and opened:
            types -= opened.pop()


_NESTED_TYPES = 3
_GLUED = ((TokenType.VAR, TokenType.STRING), (TokenType.NUMBER, TokenType.VAR))


def _place(text: str, tokens: Sequence[Token], error: Exception) -> Place | None:
    at = error.errors[0] if isinstance(error, SqlglotParseError) and error.errors else {}
    for index, token in enumerate(tokens):
        if (token.line, token.col) == (at.get("line"), at.get("col")):
            return _place_of(text, tokens, index)
    return None


def _place_of(text: str, tokens: Sequence[Token], index: int) -> Place:
    """The place of a token.  Only keywords and marks are shown around it: a statement that does not parse
    may have what should be inside a string outside of it."""
    start = tokens[index].start
    line_start = text.rfind("\n", 0, start) + 1
    shown, carets = "", ""
    for other in range(max(0, index - 10), min(len(tokens), index + 10)):
        token = tokens[other]
        if line_start <= token.start and "\n" not in text[start : token.start]:
            word = _shown(token)
            carets += ("^" if other == index else " ") * len(word) + " "
            shown += f"{word} "
    excerpt = f"  {shown.rstrip()}\n  {carets.rstrip()}"
    return Place(text.count("\n", 0, start) + 1, start - line_start + 1, excerpt)


def _shown(token: Token) -> str:
    if token.token_type == TokenType.STRING:
        return "'…'"
    hidden = (TokenType.VAR, TokenType.IDENTIFIER, TokenType.NUMBER)
    return "…" if token.token_type in hidden or not token.text.isascii() else token.text
