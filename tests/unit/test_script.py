"""Where the statements of a script end, and whose they are."""

from __future__ import annotations

import contextlib
import time

import pytest
import sqlparse

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.sql.opening import match_opening
from sqlalchemy_odpsmodel.sql.script import match_sqlite, split


def texts(script: str) -> list[str]:
    return [piece.text for piece in split(script)]


@pytest.mark.parametrize(
    ("script", "pieces"),
    [
        ("", []),
        (" ;; -- nothing\n /* ; */ ;", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT ';', \"a;b\", [c;d], `e;f`; SELECT 2;", ["SELECT ';', \"a;b\", [c;d], `e;f`;", "SELECT 2;"]),
        ("SELECT 'it''s;' ; SELECT 2", ["SELECT 'it''s;' ;", "SELECT 2"]),
        ("SELECT '\\'; SHOW MODELS", ["SELECT '\\';", "SHOW MODELS"]),
        (r"DROP MODEL m COMMENT 'it\'s;'; SELECT 1", [r"DROP MODEL m COMMENT 'it\'s;';", "SELECT 1"]),
        ("DROP MODEL m；SHOW MODELS；SELECT '；'", ["DROP MODEL m；", "SHOW MODELS；", "SELECT '；'"]),
        ("SHOW MODELS; -- a ; b\nSHOW /* ; */ MODELS;", ["SHOW MODELS;", "SHOW /* ; */ MODELS;"]),
        ("DROP MODEL m R\"t(;)\"')t\"; SELECT 1", ["DROP MODEL m R\"t(;)\"')t\";", "SELECT 1"]),
        ("DROP MODEL m for'(;)'; SELECT 1", ["DROP MODEL m for'(;)';", "SELECT 1"]),
        ("DROP MODEL r'(a)' r; SELECT 1", ["DROP MODEL r'(a)' r;", "SELECT 1"]),
        ("DROP MODEL r'(;)' R\"x(;)x\" rr'(;)' R'y(;)y'; SELECT 1", ["DROP MODEL r'(;)' R\"x(;)x\" rr'(;)' R'y(;)y';", "SELECT 1"]),
        ("DROP MODEL r'(never; SELECT 1", ["DROP MODEL r'(never; SELECT 1"]),
        ("DROP MODEL `a;b`; SELECT 1", ["DROP MODEL `a;b`;", "SELECT 1"]),
        ("SET a=b; SHOW MODELS", ["SET a=b;", "SHOW MODELS"]),
        ("SELECT 1 - 2 / 3; SELECT 4", ["SELECT 1 - 2 / 3;", "SELECT 4"]),
        (
            "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = CASE WHEN 1 THEN 2 END; DELETE FROM c;"
            " END; SELECT 1",
            ["CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = CASE WHEN 1 THEN 2 END; DELETE FROM c;"
             " END;", "SELECT 1"],
        ),
        ("CREATE TEMPORARY TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END; SELECT 3", ["CREATE TEMPORARY TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END;", "SELECT 3"]),
        ("SHOW MODELS；；SHOW MODELS;", ["SHOW MODELS；", "SHOW MODELS;"]),
        ("create trigger t after insert on a begin select ';END;'; end", ["create trigger t after insert on a begin select ';END;'; end"]),
        ("-- note\rDROP TABLE t;\nSELECT 1;", ["SELECT 1;"]),
        ("SELECT 'never closed; SELECT 2", ["SELECT 'never closed; SELECT 2"]),
    ],
)  # fmt: skip
def test_split(script: str, pieces: list[str]) -> None:
    assert texts(script) == pieces


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE t (a, b TEXT DEFAULT 'x;y'); INSERT INTO t VALUES (1, ';'); SELECT * FROM t -- ; \n;",
        "SELECT 1 /* a ; b */; SELECT \"a;b\"; UPDATE t SET a = 'it''s;';",
    ],
)
def test_ordinary_sql_is_split_as_sqlparse_does(script: str) -> None:
    """An independent reading of the same text."""
    assert texts(script) == [text for text in sqlparse.split(script) if text.strip(";\n ")]


@pytest.mark.parametrize(
    ("script", "pieces"),
    [
        ("# a ' ;\nSHOW MODELS;\n#x\n#y;\nSHOW\n# ; '\nMODELS;", ["SHOW MODELS;", "SHOW\n\nMODELS;"]),
        (
            "SELECT 'x\n# kept; \ny',\r\n#gone '\r\n1; # last",
            ["SELECT 'x\n# kept; \ny',\r\n\r\n1;", "# last"],
        ),
        (
            "DROP MODEL m 'x\n# kept;', r'(\n#kept)'\n#gone;\n;",
            ["DROP MODEL m 'x\n# kept;', r'(\n#kept)'\n\n;"],
        ),
    ],
)
def test_lines_that_begin_with_a_hash_are_emptied_on_request(script: str, pieces: list[str]) -> None:
    assert [piece.text for piece in split(script, hash_lines=True)] == pieces


def test_places() -> None:
    script = "-- head\n\nSHOW MODELS;\n  SELECT '\n';SELECT 2"
    assert [(p.line, p.column) for p in split(script)] == [(3, 1), (4, 3), (5, 3)]


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("CREATE MODEL m", "model"),
        ("  -- c\n/* d */ alter /* x */ model m", "model"),
        ("describe\nmodel m", "model"),
        ("SHOW VERSIONS FOR MODEL m", "model"),
        ("SET a=b", "set"),
        ("CREATE TABLE model (models)", "begins"),
        ("DROP TABLE models", "begins"),
        ("CREATE TABLE modelx", "begins"),
        ("CREATE MODELX", "begins"),
        ("SAVEPOINT s", "begins"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "cte"),
        ("BEGIN", "begin"),
        ("ROLLBACK", None),
        ("SHOW\u3000MODELS", "model"),
        ("\u3000\xa0SHOW\u2028VERSIONS FOR MODEL m", "model"),
        ("CREATE OR REPLACE MODEL m", "model"),
        ("ſHOW MODELS", None),
        ("SELECT 'CREATE MODEL m'", None),
        ("INSERT INTO t VALUES (1)", None),
        ('PRAGMA table_info("SHOW MODELS")', None),
        ("VACUUM", None),
        ("ATTACH ':memory:' AS a", None),
        ("SETTLE", None),
        ("EXPLAIN CREATE TABLE t (a)", None),
    ],
)
def test_opening_words(sql: str, kind: str | None) -> None:
    opening = match_opening(sql)
    assert (opening and opening.lastgroup) == kind


@pytest.mark.parametrize(
    "head", ["SHOW MODELS ", "SHOW MODELS\n#\n", "SELECT\n#\n", "SET a=b ", "CREATE TRIGGER "]
)
@pytest.mark.parametrize(
    "text",
    [
        "'",
        '"',
        "'\\",
        "/*",
        "/* ",
        "(",
        "`",
        'R"(',
        "r'x(",
        "--",
        "[",
        ";",
        "/",
        "a;END;",
        "' '",
        "；",
        "SHOW MODELS;",
        "SELECT 1;",
        "\n#;",
    ],
)
@pytest.mark.parametrize("hash_lines", [False, True])
def test_hostile_scripts_cost_no_more_than_their_length(head: str, text: str, hash_lines: bool) -> None:
    def cost(length: int) -> float:
        script = head + text * (length // len(text))
        started = time.process_time()
        with contextlib.suppress(dbapi.Error):
            for _ in split(script, hash_lines=hash_lines):
                pass
        return time.process_time() - started

    short = max(min(cost(10_000) for _ in range(3)), 0.001)
    assert min(cost(80_000) for _ in range(2)) < 32 * short


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (text, True)
        for text in (
            "SELECT 1", " /* c */ -- d\n insert INTO t VALUES (1)", "WITH a AS (SELECT 1) SELECT 2", "VALUES (1)",
            "PRAGMA x", "EXPLAIN SELECT 1", "explain query plan select 1", "EXPLAIN CREATE TABLE t (a)", "BEGIN",
            "create temp table t (a)", "CREATE UNIQUE INDEX i ON t (a)", "CREATE VIRTUAL TABLE t USING fts5(a)",
            "DROP VIEW v", "ALTER TABLE t RENAME TO u", "ROLLBACK TO s", "VACUUM", "ATTACH 'a' AS b", "DETACH b",
            "ANALYZE", "REINDEX", ";", "; /* a */ ;SELECT 1", "", " -- c",
        )
    ]
    + [
        (text, False)
        for text in (
            "CREAT MODEL m", "CREATE MODLE m", "ALTER MODLE m", "DROP MODLE m", "EXPLAIN CREATE MODEL m", "APIKEY = 'x'",
            "selects", "CREATE tables", "'SELECT'", "CREATE OR REPLACE TABLE t (a)", "; CREATE MODEL m",
        )
    ],
)  # fmt: skip
def test_what_sqlite_may_understand(text: str, expected: bool) -> None:
    assert expected == bool(match_sqlite(text))
