"""The vendor's lexical rules."""

from __future__ import annotations

import pytest

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.sql import CreateModel, DropModel, parse
from sqlalchemy_odpsmodel.sql.lexer import quote


def comment(literal: str) -> str | None:
    statement = parse(f"CREATE MODEL m WITH VERSION v1 OPTIONS (K = 'v') COMMENT {literal}")
    assert isinstance(statement, CreateModel)
    return statement.comment


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("'a'", "a"),
        ('"a"', "a"),
        ("''", ""),
        (r"'it\'s'", "it's"),
        (r'"say \"x\""', 'say "x"'),
        ("'say \"x\"'", 'say "x"'),
        (r"'a\\b'", "a\\b"),
        (r"'\n\t\r\b\0\Z'", "\n\t\r\b\0\x1a"),
        (r"'\001\101\177'", "\x01A\x7f"),
        (r"'\200\000\8'", "200\x00008"),
        (r"'\a\%\_\u'", "a%_u"),
        ("'a\nb'", "a\nb"),
        ("'a''b'", "ab"),
        ("'a' \n 'b' /* c */ \"c\"", "abc"),
        ("'It''s'", "Its"),
        (r"r'(a\n'b)'", r"a\n'b"),
        (r'R"tag(a)"b)tag"', 'a)"b'),
        (r"R'x(raw)x' '\n'", "raw\n"),
        (r"R'abcdefghijklmnop(16)abcdefghijklmnop'", "16"),
        (r"'-- no comment' ' /* nor this */'", "-- no comment /* nor this */"),
        ("'；，（）'", "；，（）"),
    ],
)
def test_strings(literal: str, value: str) -> None:
    assert comment(literal) == (value or None)


@pytest.mark.parametrize("value", ["", "it's", "a\\b", "\n\t\r\b\0\x1a", "\0001", "\0\0", "年", '"', "a''b"])
def test_quote_is_read_back(value: str) -> None:
    assert comment(quote(value)) == (value or None)


def test_quote_escapes_what_tools_change() -> None:
    assert quote("a\tb\nc") == r"'a\tb\nc'"


@pytest.mark.parametrize(
    "text",
    [
        "drop model m",
        "DROP MODEL m;",
        "\ufeff \n DROP\tMODEL\r\nm ;  ",
        "-- first\nDROP /* a * b ** c */ MODEL /*+ hint */ m -- last",
        "DROP MODEL m；",
        "/* ; */DROP--x\nMODEL--y\n`m`",
        "DROP MODEL M;-- DROP MODEL n;",
    ],
)
def test_blanks_comments_and_full_width_marks(text: str) -> None:
    statement = parse(text)
    assert isinstance(statement, DropModel)
    assert statement.name.model == "m"


def test_full_width_marks_in_a_statement() -> None:
    statement = parse(
        "CREATE MODEL m WITH VERSION v1 INPUT（f1 int，f2 decimal（5，2））OPTIONS（K = 'v'）；"
    )
    assert isinstance(statement, CreateModel)
    assert [(c.name, c.type) for c in statement.inputs] == [("f1", "int"), ("f2", "decimal(5,2)")]


def test_a_backquoted_name_may_hold_a_backquote_which_no_name_may() -> None:
    with pytest.raises(dbapi.DataError, match="model name 'a`b'"):
        parse("DROP MODEL `a``b`")


@pytest.mark.parametrize(
    "word", ["model", "version", "input", "options", "comment", "default_version", "with"]
)
def test_keywords_are_contextual(word: str) -> None:
    statement = parse(f"CREATE MODEL {word} WITH VERSION v INPUT ({word} int) OPTIONS (K = 'v')")
    assert isinstance(statement, CreateModel)
    assert (statement.name.model, statement.inputs[0].name) == (word, word)


def test_if_is_a_name_unless_a_clause_follows() -> None:
    statement = parse("DROP MODEL if")
    assert isinstance(statement, DropModel)
    assert (statement.name.model, statement.if_exists) == ("if", False)
