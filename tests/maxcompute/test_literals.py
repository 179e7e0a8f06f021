"""Python's values as literals, read back through the driver; and parameters in a statement's text."""

from __future__ import annotations

import enum
import time as clock
import uuid
from collections import UserList
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sqlalchemy_odpsmodel.errors import DataError, ProgrammingError
from sqlalchemy_odpsmodel.maxcompute.literals import fill, literal
from sqlalchemy_odpsmodel.options import EnvSecret, PlainSecret
from sqlalchemy_odpsmodel.sql.lexer import Tokens


class Text(str):
    """A str that would print as something else."""

    __slots__ = ()

    def __str__(self) -> str:
        return "'); DROP TABLE t; --"

    __repr__ = __format__ = __str__  # type: ignore[assignment]


class Colour(enum.StrEnum):
    RED = "r'ed"


class Shape(str, enum.Enum):  # noqa: UP042 - which prints otherwise
    ROUND = "round"


class Level(enum.IntEnum):
    HIGH = 3


CONTROLS = "".join(map(chr, [*range(1, 0x20), 0x7F, 0x85, 0x9F]))

#: A value, its literal, the type of a column for it, and what comes back; without a type, what the endpoint's
#: tables do not keep (more than 15 digits, NUL), and what PyODPS does not read: times before 1928.
VALUES: list[tuple[Any, str, str, Any]] = [
    (None, "NULL", "BIGINT", None),
    (True, "TRUE", "BOOLEAN", True),
    (False, "FALSE", "BOOLEAN", False),
    (np.bool_(True), "TRUE", "BOOLEAN", True),
    (np.False_, "FALSE", "BOOLEAN", False),
    (0, "0", "BIGINT", 0),
    (-1, "-1", "INT", -1),
    (2**63 - 1, "9223372036854775807", "BIGINT", 2**63 - 1),
    (-(2**63) + 1, "-9223372036854775807", "BIGINT", -(2**63) + 1),
    (np.int64(-5), "-5", "BIGINT", -5),
    (np.uint8(255), "255", "INT", 255),
    (Level.HIGH, "3", "INT", 3),
    (1.5, "1.5", "DOUBLE", 1.5),
    (1e300, "1e+300", "DOUBLE", 1e300),
    (-0.0, "-0.0", "DOUBLE", 0.0),
    (5e-324, "5e-324", "DOUBLE", 5e-324),
    (1e16, "1e+16", "DOUBLE", 1e16),
    (0.1 + 0.2, "0.30000000000000004", "DOUBLE", 0.1 + 0.2),
    (np.float64(0.1), "0.1", "DOUBLE", 0.1),
    (np.float32(0.5), "0.5", "FLOAT", 0.5),
    (np.float32(0.1), "0.10000000149011612", "DOUBLE", 0.10000000149011612),
    (Decimal("1.50"), "1.50BD", "DECIMAL(10,2)", Decimal("1.50")),
    (Decimal("-12345678901234567890.123456789012345678"), "-12345678901234567890.123456789012345678BD",
     "", Decimal("-12345678901234567890.123456789012345678")),
    (Decimal("9" * 38), "9" * 38 + "BD", "", Decimal("9" * 38)),
    (Decimal("1E+5"), "100000BD", "DECIMAL(10,0)", Decimal("100000")),
    (Decimal("1E-5"), "0.00001BD", "DECIMAL(10,5)", Decimal("0.00001")),
    (Decimal("-0"), "-0BD", "DECIMAL(10,0)", Decimal("0")),
    ("", "''", "STRING", ""),
    ("it's \"so\" `x`", "'it\\'s \"so\" `x`'", "STRING", "it's \"so\" `x`"),
    ("a\\b\\", "'a\\\\b\\\\'", "STRING", "a\\b\\"),
    ("a\nb\r\nc\t", "'a\\nb\\r\\nc\\t'", "STRING", "a\nb\r\nc\t"),
    ("\0", "'\\0'", "", "\0"),
    ("\0" "7", "'\\0' '7'", "", "\0" "7"),
    ("\x01" "7", "'\\0017'", "STRING", "\x01" "7"),
    ("\\001", "'\\\\001'", "STRING", "\\001"),
    ("中文 😀 ；，（）", "'中文 😀 ；，（）'", "STRING", "中文 😀 ；，（）"),
    ("]]>", "']]>'", "STRING", "]]>"),
    ("]]>]]>]]", "']]>]]>]]'", "STRING", "]]>]]>]]"),
    ("<a>&amp;</a>", "'<a>&amp;</a>'", "STRING", "<a>&amp;</a>"),
    ("/* -- */", "'/* -- */'", "STRING", "/* -- */"),
    (Text("a'b"), "'a\\'b'", "STRING", "a'b"),
    (Colour.RED, "'r\\'ed'", "STRING", "r'ed"),
    (Shape.ROUND, "'round'", "STRING", "round"),
    (np.str_("n"), "'n'", "STRING", "n"),
    (b"", "UNBASE64('')", "BINARY", b""),
    (b"\x00\xff'\\", "UNBASE64('AP8nXA==')", "BINARY", b"\x00\xff'\\"),
    (bytearray(b"ab"), "UNBASE64('YWI=')", "BINARY", b"ab"),
    (memoryview(b"abcd")[::2], "UNBASE64('YWM=')", "BINARY", b"ac"),
    (datetime(2024, 2, 29, 23, 59, 59), "DATETIME '2024-02-29 23:59:59'", "DATETIME",
     datetime(2024, 2, 29, 23, 59, 59)),
    (datetime(2024, 1, 2, 3, 4, 5, 7000), "DATETIME '2024-01-02 03:04:05.007'", "DATETIME",
     datetime(2024, 1, 2, 3, 4, 5, 7000)),
    (datetime(1, 1, 1), "DATETIME '0001-01-01 00:00:00'", "", datetime(1, 1, 1)),
    (datetime(9999, 12, 31), "DATETIME '9999-12-31 00:00:00'", "DATETIME", datetime(9999, 12, 31)),
    (datetime(2024, 1, 2, 3, 4, 5, 7), "TIMESTAMP '2024-01-02 03:04:05.000007000'", "TIMESTAMP",
     datetime(2024, 1, 2, 3, 4, 5, 7)),
    (pd.Timestamp("2024-01-02 03:04:05.123456789"), "TIMESTAMP '2024-01-02 03:04:05.123456789'",
     "TIMESTAMP", pd.Timestamp("2024-01-02 03:04:05.123456789")),
    (pd.Timestamp("2024-01-02"), "DATETIME '2024-01-02 00:00:00'", "DATETIME", datetime(2024, 1, 2)),
    (date(5, 1, 2), "DATE '0005-01-02'", "DATE", date(5, 1, 2)),
]  # fmt: skip

SECRET = "sk-4f9c2e7ab1d84c55"


class TestValues:
    @pytest.mark.parametrize(
        ("value", "written", "kind", "found"), VALUES, ids=[type(value).__name__ for value, *_ in VALUES]
    )
    def test_a_value_is_written_so(self, value: Any, written: str, kind: str, found: Any) -> None:
        """Each as the vendor's page of types has its constants."""
        assert literal(value) == written

    def test_values_come_back_with_their_types(self, con: Any) -> None:
        """Inserted and selected through the driver, each in a column of its type."""
        cases = [(value, kind, found) for value, _, kind, found in VALUES if kind]
        columns = ", ".join(f"c{i} {kind}" for i, (_, kind, _) in enumerate(cases))
        con.execute(f"CREATE TABLE kept ({columns})")
        marks = ", ".join("?" * len(cases))
        con.execute(f"INSERT INTO kept VALUES ({marks})", [value for value, _, _ in cases])
        names = ", ".join(f"c{i}" for i in range(len(cases)))
        [row] = con.execute(f"SELECT {names} FROM kept").fetchall()
        kept = [(type(value), repr(value)) for value in row]
        assert [(type(found), repr(found)) for _, _, found in cases] == kept

    @pytest.mark.parametrize("text", ["\x00", "a\x00", "\x007", "\x0012", "\x000", "\x00\x007"])
    def test_nul_is_an_escape_that_no_digit_lengthens(self, text: str) -> None:
        """Read by the lexer's own rules, adjacent strings joined."""
        tokens = Tokens(literal(text))
        assert text == "".join(tokens.value(i) for i in range(len(tokens)) if tokens.kind(i) == "string")

    def test_every_control_character_comes_back(self, con: Any) -> None:
        """Alone, before a digit, and all together, of which XML and the lexer eat none."""
        texts = [*CONTROLS, *(f"{c}7" for c in CONTROLS), CONTROLS, CONTROLS[::-1]]
        con.execute("CREATE TABLE kept (i BIGINT, s STRING)")
        values = ", ".join(["(?, ?)"] * len(texts))
        con.execute(f"INSERT INTO kept VALUES {values}", [v for pair in enumerate(texts) for v in pair])
        assert con.execute("SELECT s FROM kept ORDER BY i").fetchall() == [(text,) for text in texts]

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (2**63, "outside of BIGINT"),
            (-(2**63), "outside of BIGINT"),
            (10**5000, "outside of BIGINT"),
            (np.uint64(2**64 - 1), "outside of BIGINT"),
            (float("nan"), "infinite or no number"),
            (float("-inf"), "infinite or no number"),
            (np.float32("inf"), "infinite or no number"),
            (Decimal("sNaN"), "infinite or no number"),
            (Decimal("-Infinity"), "infinite or no number"),
            (Decimal("1E+999999"), "more than 38 digits"),
            (Decimal("1E-39"), "more than 38 digits"),
            (Decimal("1" * 39), "more than 38 digits"),
            (Fraction(1, 3), "a Fraction"),
            (1j, "a complex"),
            (np.complex64(1), "a complex64"),
            (f"{SECRET}\ud800", "not valid Unicode"),
            (f"{SECRET}\uffff", "U\\+FFFE or U\\+FFFF"),
            (datetime(2024, 1, 1, tzinfo=UTC), "with a timezone"),
            (pd.NaT, "no time"),
            (pd.NA, "a NAType"),
            (np.datetime64("2024-01-01"), "a datetime64"),
            (time(1), "a time"),
            (timedelta(1), "a timedelta"),
            (uuid.UUID(int=1), "a UUID"),
            ([SECRET], "a list"),
            ({"k": SECRET}, "a dict"),
            (object, "a type"),
            (EnvSecret("TOKEN"), "a secret"),
            (PlainSecret(SECRET), "a secret"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_other_values_are_refused_and_not_shown(self, value: object, words: str) -> None:
        """By a DataError that says what is wrong."""
        with pytest.raises(DataError, match=words) as raised:
            literal(value)
        assert SECRET not in str(raised.value)


class TestPlaces:
    """``?``: only outside of literals, names and comments."""

    @pytest.mark.parametrize(
        ("sql", "parameters", "filled"),
        [
            ("SELECT ?", [1], "SELECT 1"),
            ("SELECT ?, ?", ("a", None), "SELECT 'a', NULL"),
            ("SELECT ?", np.array([1.5]), "SELECT 1.5"),
            ("SELECT ?", UserList([1]), "SELECT 1"),
            ("SELECT '?', \"?\", ?", [1], "SELECT '?', \"?\", 1"),
            (r"SELECT 'it\'s ?', ?", [1], r"SELECT 'it\'s ?', 1"),
            ("SELECT 'a''?''b', ?", [1], "SELECT 'a''?''b', 1"),
            ("SELECT `?`, `a``?`, ?", [1], "SELECT `?`, `a``?`, 1"),
            ('SELECT r\'(?)\', R"x(?)")x", ?', [1], 'SELECT r\'(?)\', R"x(?)")x", 1'),
            ("SELECT ? -- ?", [1], "SELECT 1 -- ?"),
            ("-- ?'\nSELECT ?", [1], "-- ?'\nSELECT 1"),
            ("/* ? ' */ SELECT /*+ mapjoin(?) */ ?", [1], "/* ? ' */ SELECT /*+ mapjoin(?) */ 1"),
            ("/**?**/ SELECT ?", [1], "/**?**/ SELECT 1"),
            ("a OR'(' = ? AND b <> ')'", [1], "a OR'(' = 1 AND b <> ')'"),
            ("SELECT 5-?, 5-?", [-1, 1], "SELECT 5- -1, 5- 1"),
            ("LIMIT?", [1], "LIMIT 1"),
            ("?AND?", [1, 2], "1 AND 2"),
            ("r?", ["(x)"], "r '(x)'"),
            ("SELECT ?, ?", ["?", ":a '"], "SELECT '?', ':a \\''"),
            ("SELECT :a, ?", [1], "SELECT :a, 1"),
            ("SELECT 1", [], "SELECT 1"),
        ],
    )
    def test_values_are_put_in(self, sql: str, parameters: Any, filled: str) -> None:
        """Once, and so that nothing beside them joins them."""
        assert fill(sql, parameters) == filled

    @pytest.mark.parametrize(
        ("sql", "parameters", "words"),
        [
            ("SELECT ?", [], "has 1 parameters, and 0 are given"),
            ("SELECT ?", [1, 2], "has 1 parameters, and 2 are given"),
            ("SELECT ?, ?", [1], "has 2 parameters, and 1 are given"),
            ("SELECT '?'", [1], "has 0 parameters, and 1 are given"),
            ("SELECT 'open ?", [1], "has 0 parameters, and 1 are given"),
            ("SELECT /* open ?", [1], "has 0 parameters, and 1 are given"),
            ("SELECT ?", "a", "a sequence or a mapping"),
            ("SELECT ?", b"a", "a sequence or a mapping"),
            ("SELECT ?", 1, "a sequence or a mapping"),
            ("SELECT ?", {1}, "a sequence or a mapping"),
            ("SELECT ?", iter([1]), "a sequence or a mapping"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, sql: str, parameters: Any, words: str) -> None:
        """As a ProgrammingError, with the counts."""
        with pytest.raises(ProgrammingError, match=words):
            fill(sql, parameters)


class TestNames:
    """``:name``: not each colon is of a parameter."""

    @pytest.mark.parametrize(
        ("sql", "filled"),
        [
            ("SELECT :a, :b, :a", "SELECT 1, 'x:a ?', 1"),
            ("n>:a", "n>1"),
            ("n>=:a AND m<>:a AND o<:a", "n>=1 AND m<>1 AND o<1"),
            ("(:a,:a)", "(1,1)"),
            ("5-:c", "5- -2"),
            ("CAST(x AS STRUCT<a:STRING,b:ARRAY<INT>>)", "CAST(x AS STRUCT<a:STRING,b:ARRAY<INT>>)"),
            ("STRUCT<`a`:STRING>", "STRUCT<`a`:STRING>"),
            ("x::b", "x::b"),
            ("x:b", "x:b"),
            ("'x:b' \":b\" `:b` r'(:b)' /* :b */ :a -- :b", "'x:b' \":b\" `:b` r'(:b)' /* :b */ 1 -- :b"),
            ("TIMESTAMP '2024-01-01 10:20:30', :a", "TIMESTAMP '2024-01-01 10:20:30', 1"),
            ("@y := 1, ?", "@y := 1, ?"),
            ("'open :missing", "'open :missing"),
        ],
    )
    def test_values_are_put_in(self, sql: str, filled: str) -> None:
        """A value is never looked at again."""
        assert fill(sql, {"a": 1, "b": "x:a ?", "c": -2}) == filled

    def test_a_missing_name_is_refused(self) -> None:
        """By its name; names that are not used may be given."""
        with pytest.raises(ProgrammingError, match="no value is given for the parameter :b"):
            fill("SELECT :a, :b", {"a": 1, "c": 2})


class TestHostileText:
    @pytest.mark.parametrize(
        "unit",
        ["'", '"', '\\"', "\"'", "\\'", "/*", "/**", "r'(", "r'x(", "`", "``'", "--", ":", "a-", "?'("],
    )
    @pytest.mark.parametrize("parameters", [[], {"a": 1}], ids=["places", "names"])
    def test_is_read_once(self, unit: str, parameters: Any) -> None:
        """2 MB take about twenty times what a twentieth takes, however it opens what it does not close."""

        def seconds(text: str) -> float:
            started = clock.perf_counter()
            with suppress(ProgrammingError):  # the counts do not fit
                fill(text, parameters or ["x"])
            return clock.perf_counter() - started

        text = f"'{unit * (2_000_000 // len(unit))}"
        assert seconds(text[1:]) < 5
        assert seconds(text) < 5
