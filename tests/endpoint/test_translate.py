"""SQL of MaxCompute on SQLite: what comes back, what is refused, and that no error tells a string."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from sqlalchemy_odpsmodel.errors import ModelError, ParseError, SemanticError, TableNotFound, Unsupported
from sqlalchemy_odpsmodel.server.ordinary import (
    Table,
    TableColumn,
    Translation,
    prepare,
    read,
    read_table,
    translate,
)
from sqlalchemy_odpsmodel.server.ordinary.tables import create_sql

EVERY_TYPE = """
    CREATE TABLE every (
        ti TINYINT, si SMALLINT, i INT, bi BIGINT, f FLOAT, d DOUBLE, de DECIMAL(5,2), dd DECIMAL, s STRING,
        v VARCHAR(3), c CHAR(3), b BINARY, bo BOOLEAN, da DATE, dt DATETIME, ts TIMESTAMP, tn TIMESTAMP_NTZ,
        j JSON
    )
"""
PEOPLE = """
    CREATE TABLE people (
        id BIGINT NOT NULL COMMENT 'the key */ of all', name STRING, height DOUBLE, paid DECIMAL(10,2),
        born DATE, seen DATETIME, active BOOLEAN
    ) COMMENT "it's people" TBLPROPERTIES ('Transactional'='TRUE', 'x'='*/')
"""
ROWS = """
    INSERT INTO TABLE people VALUES
        (1, 'Ann', 1.5, 10.25, '2000-01-01', '2020-01-01 00:00:00', TRUE),
        (2, 'bob', 2.5, 20, '2000-01-02', '2020-01-01 00:00:00.500', FALSE),
        (3, NULL, NULL, NULL, NULL, NULL, NULL)
"""
SECRET = "hunter2"


class Endpoint:
    """Statements of MaxCompute on a database in memory."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        prepare(connection)

    def translate(self, text: str) -> Translation:
        return translate(read(text), ".".join, lambda name: read_table(self.connection, name))

    def run(self, text: str) -> list[tuple[object, ...]]:
        return [row for sql in self.translate(text).statements for row in self.connection.execute(sql)]

    def types(self, text: str) -> list[tuple[str, str]]:
        return [tuple(column) for column in self.translate(text).columns or ()]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with closing(sqlite3.connect(":memory:")) as connection:
        endpoint = Endpoint(connection)
        for text in (EVERY_TYPE, PEOPLE, ROWS, "CREATE TABLE plain (a BIGINT)"):
            endpoint.run(text)
        yield endpoint


# Strings


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("a", "'a'"),
        ("a", '"a"'),
        ("", "''"),
        ("it's", r"'it\'s'"),
        ('say "x"', r'"say \"x\""'),
        ("a\\b", r"'a\\b'"),
        ("\n\t\r\b\x1a", r"'\n\t\r\b\Z'"),
        ("\x01A\x7f", r"'\001\101\177'"),
        ("200", r"'\200'"),
        ("a%_uv", r"'\a\%\_\u\v'"),
        ("ab", "'a''b'"),
        ("abc", "'a' \n 'b' /* c */ \"c\""),
        ("-- no; /* comment */", "'-- no; /* comment */'"),
        ("年", "'年'"),
        ("a\nb", "'a\nb'"),
        ("'; DROP TABLE people; --", r"'\'; DROP TABLE people; --'"),
    ],
)
def test_strings_are_read_as_maxcompute_reads_them(endpoint: Endpoint, value: str, literal: str) -> None:
    assert [(value,)] == endpoint.run(f"SELECT {literal}")


# CREATE TABLE and DROP TABLE


def test_a_table_is_read_back_as_it_was_made(endpoint: Endpoint) -> None:
    table = read_table(endpoint.connection, "people")
    assert table is not None
    assert (table.comment, table.properties) == ("it's people", {"Transactional": "TRUE", "x": "*/"})
    assert TableColumn("id", "bigint", False, "the key */ of all") == table.columns[0]
    assert TableColumn("paid", "decimal(10,2)", True, None) == table.columns[3]


def test_every_type_is_kept_as_written(endpoint: Endpoint) -> None:
    table = read_table(endpoint.connection, "every")
    assert table is not None
    assert (
        "tinyint smallint int bigint float double decimal(5,2) decimal string varchar(3) char(3) binary"
        " boolean date datetime timestamp timestamp_ntz json".split()
    ) == [column.type for column in table.columns]


def test_tables_of_other_programs_are_read() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(
            'CREATE TABLE "Old (/* {" (a INTEGER PRIMARY KEY, B TEXT, c VARCHAR(32) NOT NULL, d VARCHAR, e REAL,'
            " f NUMERIC, g BLOB, h DATETIME, i BOOLEAN, j DATE, k TIMESTAMP, l, m GEOMETRY)"
        )
        connection.execute('CREATE VIEW v AS SELECT * FROM "Old (/* {"')
        table = read_table(connection, "old (/* {")
        assert table is not None
        assert (
            "bigint string varchar(32) string double decimal(38,18) binary datetime boolean date timestamp string"
            " string".split()
        ) == [column.type for column in table.columns]
        assert (table.comment, table.properties) == (None, {})
        assert [column.name for column in table.columns[1:3]] == ["b", "c"]
        assert read_table(connection, "v") is None
        assert read_table(connection, "none") is None


def test_if_exists_and_if_not_exists(endpoint: Endpoint) -> None:
    endpoint.run("CREATE TABLE IF NOT EXISTS plain (b STRING)")
    endpoint.run("DROP TABLE IF EXISTS none")
    endpoint.run("DROP TABLE PLAIN")
    assert read_table(endpoint.connection, "plain") is None


ADD = """
    ALTER TABLE people ADD COLUMNS (
        code CHAR(3) COMMENT 'c */ "d" /* added {"id": "x"} */', paid2 DECIMAL(5,2), `select` STRING NULL
    )
"""


def test_columns_that_are_added_come_last_and_the_rest_is_as_it_was(endpoint: Endpoint) -> None:
    before = read_table(endpoint.connection, "people")
    endpoint.run(ADD)
    table = read_table(endpoint.connection, "people")
    assert before is not None
    assert table == before._replace(
        columns=(
            *before.columns,
            TableColumn("code", "char(3)", True, 'c */ "d" /* added {"id": "x"} */'),
            TableColumn("paid2", "decimal(5,2)", True, None),
            TableColumn("select", "string", True, None),
        )
    )
    assert endpoint.run("SELECT id, name, paid, code FROM people ORDER BY id") == [
        (1, "Ann", 10.25, None), (2, "bob", 20, None), (3, None, None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value"), [("code", "abcd"), ("paid2", 1000), ("id", None), ("paid", 1e9)]
)
def test_added_columns_and_those_that_were_there_have_their_checks(
    endpoint: Endpoint, column: str, value: object
) -> None:
    endpoint.run(ADD)
    with pytest.raises(sqlite3.IntegrityError, match=f"column {column} is |people.id"):
        endpoint.connection.execute(f"UPDATE people SET {column} = ? WHERE id = 1", (value,))
    endpoint.run("UPDATE people SET code = 'a  ', paid2 = 999.99 WHERE id = 1")
    assert endpoint.run("SELECT id FROM people WHERE code = 'a'") == [(1,)]


def test_columns_are_dropped_with_their_values(endpoint: Endpoint) -> None:
    endpoint.run("ALTER TABLE People DROP COLUMNS ID, height,`paid`, born, seen")
    endpoint.run("ALTER TABLE people DROP COLUMN active")
    table = read_table(endpoint.connection, "people")
    assert table == Table(
        "people",
        (TableColumn("name", "string", True, None),),
        "it's people",
        {"Transactional": "TRUE", "x": "*/"},
    )
    assert endpoint.run("SELECT * FROM people ORDER BY name") == [(None,), ("Ann",), ("bob",)]


def test_a_column_that_is_dropped_and_added_again_is_another(endpoint: Endpoint) -> None:
    """It has no comment of the old one's, and no value."""
    endpoint.run(ADD)
    endpoint.run("ALTER TABLE people DROP COLUMNS id, code")
    endpoint.run("ALTER TABLE people ADD COLUMNS (id STRING, code INT COMMENT 'second')")
    endpoint.run("ALTER TABLE people DROP COLUMN code")
    endpoint.run("ALTER TABLE people ADD COLUMNS (code STRING)")
    table = read_table(endpoint.connection, "people")
    assert table is not None
    assert table.columns[-2:] == (
        TableColumn("id", "string", True, None),
        TableColumn("code", "string", True, None),
    )
    assert endpoint.run("SELECT DISTINCT id, code FROM people") == [(None, None)]


def test_a_table_has_at_most_1200_columns_after_all(endpoint: Endpoint) -> None:
    endpoint.run(f"CREATE TABLE wide ({', '.join(f'c{i} INT' for i in range(1198))})")
    with pytest.raises(SemanticError, match="1 to 1,200 columns, not 1,201"):
        endpoint.run("ALTER TABLE wide ADD COLUMNS (x INT, y INT, z INT)")
    endpoint.run("ALTER TABLE wide ADD COLUMNS (x INT, y INT)")


def test_tables_of_other_programs_keep_their_indexes_and_triggers() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        endpoint = Endpoint(connection)
        connection.executescript(
            "CREATE TABLE made (ID INTEGER PRIMARY KEY, b TEXT DEFAULT '/* added [] */', c REAL);"
            " CREATE INDEX made_b ON made (b); INSERT INTO made (c) VALUES (1.5);"
            " CREATE VIEW v AS SELECT b FROM made"
        )
        endpoint.run("ALTER TABLE made ADD COLUMNS (d DATE COMMENT 'x')")
        endpoint.run("ALTER TABLE made DROP COLUMN c")
        table = read_table(connection, "made")
        assert table is not None
        assert [(column.name, column.type, column.comment) for column in table.columns] == [
            ("id", "bigint", None), ("b", "string", None), ("d", "date", "x"),
        ]  # fmt: skip
        assert connection.execute("SELECT * FROM made").fetchall() == [(1, "/* added [] */", None)]
        names = connection.execute("SELECT name FROM sqlite_schema ORDER BY name").fetchall()
        assert names == [("made",), ("made_b",), ("v",)]


def test_names_in_backquotes(endpoint: Endpoint) -> None:
    endpoint.run("CREATE TABLE `表` (`列1` INT, `select` STRING, date DATE);")
    endpoint.run("INSERT INTO `表` (`SELECT`, `列1`) VALUES ('x', 1)")
    assert endpoint.run("SELECT * FROM `表`") == [(1, "x", None)]


def test_most_columns(endpoint: Endpoint) -> None:
    columns = ", ".join(f"c{i} DECIMAL(38,18) COMMENT 'x'" for i in range(1200))
    endpoint.run(f"CREATE TABLE wide ({columns})")
    with pytest.raises(SemanticError, match="1 to 1,200 columns"):
        endpoint.run(f"CREATE TABLE wider ({columns}, a INT)")


# Values


@pytest.mark.parametrize(
    ("kept", "column", "literal"),
    [
        (-128, "ti", "-128"),
        (127, "ti", "127Y"),
        (-32768, "si", "-32768S"),
        (2147483647, "i", "2147483647"),
        (-9223372036854775808, "bi", "-9223372036854775808"),
        (9223372036854775807, "bi", "9223372036854775807L"),
        (12, "bi", "CAST('12' AS BIGINT)"),
        (1, "bi", "CAST(1.9 AS BIGINT)"),
        (None, "bi", "CAST(NULL AS BIGINT)"),
        (None, "s", "NULL"),
        (1.5, "f", "CAST(1.5 AS FLOAT)"),
        (1.0, "d", "1"),
        (-1500.0, "d", "-1.5e3"),
        (1.25, "de", "1.25BD"),
        (-1.25, "de", "-1.25BD"),
        (999.99, "de", "999.99"),
        (7, "de", "7.000"),
        (0, "de", "-0.000"),
        (123456789.123456, "dd", "123456789.123456"),
        ("x", "s", "'x'"),
        ("12", "s", "CAST(12 AS STRING)"),
        ("年年年", "v", "'年年年'"),
        ("a", "c", "'a'"),
        (b"\x00\xff", "b", "unbase64('AP8=')"),
        ("年".encode(), "b", "'年'"),
        (1, "bo", "TRUE"),
        (0, "bo", "false"),
        ("2020-02-29", "da", "'2020-02-29'"),
        ("2020-02-29", "da", "DATE '2020-02-29'"),
        ("2020-02-29 01:02:03", "dt", "'2020-02-29 01:02:03.000000'"),
        ("2020-02-29 01:02:03.12", "dt", "DATETIME '2020-02-29 01:02:03.120'"),
        ("2020-02-29 01:02:03.123456789", "ts", "TIMESTAMP '2020-02-29 01:02:03.123456789'"),
        ("0001-01-01 00:00:00", "tn", "'0001-01-01 00:00:00'"),
        ('{"a": [1]}', "j", """'{"a": [1]}'"""),
        ("{}", "j", "JSON '{}'"),
    ],
)
def test_values(endpoint: Endpoint, kept: object, column: str, literal: str) -> None:
    endpoint.run(f"INSERT INTO every ({column}) VALUES ({literal})")
    assert [(kept,)] == endpoint.run(f"SELECT {column} FROM every")
    assert type(kept) is type(endpoint.run(f"SELECT {column} FROM every")[0][0])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("ti", 128), ("ti", 1.5), ("ti", "x"), ("si", -32769), ("i", 2**31), ("bi", 1.5), ("bi", b"1"),
        ("f", 1e39), ("d", float("inf")), ("d", "x"), ("de", 1000), ("de", 1.125), ("de", "x"), ("dd", 1e20),
        ("s", b"x"), ("s", "a\0b"), ("v", "abcd"), ("v", "abc\0defg"), ("c", "abcd"), ("b", "x"), ("bo", 2),
        ("bo", "x"), ("da", "2020-02-30"), ("da", "9999-99-99"), ("da", "2020-1-1"), ("da", "now"), ("da", 1),
        ("da", "0000-01-01"), ("dt", "2020-01-01"), ("dt", "2020-01-01 24:00:00"), ("dt", "9999-99-99 99:99:99"),
        ("dt", "2020-01-01 00:00:00."), ("dt", "2020-01-01 00:00:00.1234"), ("dt", "2020-01-01 00:00:00.10"),
        ("dt", "2020-01-01 00:00:00x"), ("dt", "2020-01-01T00:00:00"), ("ts", "2020-01-01 00:00:00.1234567891"),
        ("tn", "2020-01-01 00:00:00\0"), ("j", "{"), ("j", b"{}"),
    ],
)  # fmt: skip
def test_checks_hold_whatever_writes(endpoint: Endpoint, column: str, value: object) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=f"CHECK constraint failed: column {column} is "):
        endpoint.connection.execute(f"INSERT INTO every ({column}) VALUES (?)", (value,))


def test_decimals_of_15_digits_pass_their_check(endpoint: Endpoint) -> None:
    numbers = ["0.1", "0.7", "123456.789012345", "0.000000000000000001", "99999999999999.9", "1e19", "-4.35"]
    for number in numbers:
        endpoint.run(f"INSERT INTO every (dd) VALUES ({number})")
    assert [(float(number),) for number in numbers] == endpoint.run("SELECT dd FROM every")


def test_a_char_is_compared_without_blanks_at_its_end(endpoint: Endpoint) -> None:
    endpoint.run("INSERT INTO every (c) VALUES ('a'), ('a  ')")
    assert endpoint.run("SELECT COUNT(*) FROM every WHERE c = 'a'") == [(2,)]


def test_five_thousand_rows(endpoint: Endpoint) -> None:
    rows = ", ".join(f"({i})" for i in range(5000))
    endpoint.run(f"INSERT INTO plain VALUES {rows}")
    assert endpoint.run("SELECT COUNT(*), MAX(a) FROM plain") == [(5000, 4999)]


# UPDATE and DELETE


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([(1, "x"), (2, "x"), (3, "x")], "UPDATE people SET name = 'x'"),
        ([(1, "Ann"), (2, "BOB"), (3, None)], "UPDATE people SET name = UPPER(name) WHERE id = 2"),
        (
            [(2, "bob"), (3, None), (11, "Ann")],
            "UPDATE People SET people.id = id + 10 WHERE people.name = 'Ann'",
        ),
        ([(1, "Ann"), (2, "bob")], "DELETE FROM people WHERE name IS NULL"),
        ([(1, "Ann"), (3, None)], "DELETE FROM people WHERE seen = '2020-01-01 00:00:00.5'"),
        ([], "DELETE FROM people"),
    ],
)
def test_update_and_delete(endpoint: Endpoint, rows: list[tuple[object, ...]], text: str) -> None:
    endpoint.run(text)
    assert rows == endpoint.run("SELECT id, name FROM people ORDER BY id")


def test_an_updated_decimal_has_its_scale(endpoint: Endpoint) -> None:
    endpoint.run("UPDATE people SET paid = paid + 0.1BD + 0.2BD WHERE id = 1")
    assert endpoint.run("SELECT paid FROM people WHERE id = 1") == [(10.55,)]


# SELECT


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([(1,), (2,)], "SELECT id FROM people WHERE height IS NOT NULL"),
        ([(2.5, 2.5, 1, None)], "SELECT 5 / 2, 5.0 / 2, 7 % 3, 1 / 0"),
        ([(-1,)], "SELECT -7 % 2"),
        ([(1, -4)], "SELECT - -1, 1 - (2 + 3)"),
        ([(0,)], "SELECT id = 1 IS NULL FROM people WHERE id = 1"),
        ([(1, "Ann")], "SELECT id, name FROM people p WHERE p.id == 1"),
        ([(1,)], "SELECT id FROM people WHERE name LIKE 'A%'"),
        ([], "SELECT id FROM people WHERE name LIKE 'a%'"),
        ([(2,)], "SELECT id FROM people WHERE name NOT LIKE 'A%'"),
        ([(1, 0)], r"SELECT 'a%' LIKE 'a\\%', 'ab' LIKE 'a\\%'"),
        ([(1,), (2,)], "SELECT id FROM people WHERE born BETWEEN '2000-01-01' AND '2000-01-02'"),
        ([(1,)], "SELECT id FROM people WHERE seen IN ('2020-01-01 00:00:00.000')"),
        ([(2,)], "SELECT id FROM people WHERE seen > TIMESTAMP '2020-01-01 00:00:00.45'"),
        ([(1,)], "SELECT id FROM people WHERE active"),
        ([(2,)], "SELECT id FROM people WHERE NOT active AND (id = 2 OR id = 1)"),
        ([(3,)], "SELECT id FROM people WHERE name <=> NULL"),
        ([(2,), (3,)], "SELECT id FROM people WHERE id NOT IN (1)"),
        ([(3,), (2,)], "SELECT id FROM people ORDER BY id DESC LIMIT 2"),
        ([(2,)], "SELECT id FROM people ORDER BY id LIMIT 1 OFFSET 1"),
        ([(3,), (1,), (2,)], "SELECT id FROM people ORDER BY name, id"),
        ([("one",), ("two",), (None,)], "SELECT CASE id WHEN 1 THEN 'one' WHEN 2 THEN 'two' END FROM people"),
        ([(1,), (1,), (0,)], "SELECT CASE WHEN id < 3 THEN 1 ELSE 0 END FROM people"),
        ([("Ann!", 3, "ann", "ANN")], "SELECT CONCAT(name, '!'), LENGTH(name), LOWER(name), UPPER(name) FROM people WHERE id = 1"),
        ([("ÄÖ", "äö")], "SELECT UPPER('äö'), LOWER('ÄÖ')"),
        ([(None,)], "SELECT CONCAT('a', name) FROM people WHERE id = 3"),
        ([("Ann",), ("bob",), ("?",)], "SELECT COALESCE(name, '?') FROM people"),
        ([(1, "1", 1.0, 12)], "SELECT ABS(-id), CAST(id AS STRING), CAST(id AS DOUBLE), CAST('12' AS INT) FROM people WHERE id = 1"),
        ([(3, 2, 2, 6, 2.0, 1.5, "bob")], "SELECT COUNT(*), COUNT(name), COUNT(DISTINCT name), SUM(id), AVG(id), MIN(height), MAX(name) FROM people"),
        ([(0, None)], "SELECT COUNT(*), SUM(a) FROM plain"),
        ([(None, 1), (0, 1), (1, 1)], "SELECT active, COUNT(*) AS n FROM people GROUP BY active HAVING COUNT(*) > 0 ORDER BY n, active"),
        ([(2, 1), (3, 1), (4, 1)], "SELECT id + 1 AS x, COUNT(*) FROM people GROUP BY x ORDER BY x"),
        ([(3,)], "SELECT DISTINCT 3"),
        ([(1,)], "SELECT 1 /* a /* b */;"),
    ],
)  # fmt: skip
def test_select(endpoint: Endpoint, rows: list[tuple[object, ...]], text: str) -> None:
    assert rows == endpoint.run(text)


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ([("id", "bigint"), ("n", "string"), ("_c2", "bigint")], "SELECT ID, Name AS N, id + 1 FROM people"),
        ([("_c0", "int"), ("_c1", "bigint"), ("_c2", "double"), ("_c3", "string"), ("_c4", "boolean"), ("_c5", "")], "SELECT 1, 3000000000, 2.5, 'x', TRUE, NULL"),
        ([("_c0", "bigint"), ("_c1", "bigint"), ("_c2", "double"), ("_c3", "decimal(38,18)")], "SELECT COUNT(*), SUM(id), SUM(height), SUM(paid) FROM people"),
        ([("_c0", "double"), ("_c1", "decimal(38,18)"), ("_c2", "date"), ("_c3", "datetime")], "SELECT AVG(id), AVG(paid), MIN(born), MAX(seen) FROM people"),
        ([("_c0", "double"), ("_c1", "double"), ("_c2", "decimal(38,18)"), ("_c3", "boolean")], "SELECT id / 2, id + height, paid * id, id > 1 FROM people"),
        ([("_c0", "string"), ("_c1", "double"), ("_c2", "date")], "SELECT COALESCE(name, 'x'), CASE WHEN active THEN 1 ELSE 2.5 END, CAST('2020-01-01' AS DATE) FROM people"),
        ([("ti", "tinyint"), ("si", "smallint")], "SELECT every.* FROM every"),
    ],
)  # fmt: skip
def test_columns_of_results(endpoint: Endpoint, columns: list[tuple[str, str]], text: str) -> None:
    assert columns == endpoint.types(text)[: len(columns)]


def test_only_a_select_has_columns(endpoint: Endpoint) -> None:
    assert endpoint.translate("INSERT INTO plain VALUES (1)").columns is None


# What is refused

REFUSED = [
    (Unsupported, "this form of ALTER TABLE", "ALTER TABLE plain RENAME TO x"),
    (Unsupported, "this form of ALTER TABLE", "ALTER TABLE plain ADD COLUMNS b INT"),
    (Unsupported, "this form of ALTER TABLE", "ALTER TABLE plain CHANGE COLUMN a b INT"),
    (Unsupported, "this form of ALTER TABLE", "ALTER TABLE plain SET COMMENT 'hunter2'"),
    (Unsupported, "this form of ALTER TABLE", "ALTER TABLE plain ADD PARTITION (p='hunter2')"),
    (Unsupported, "this form of ALTER TABLE", "ALTER TABLE plain ALTER COLUMN a DROP NOT NULL"),
    (Unsupported, "this form of ALTER", "ALTER TABLE plain SET LIFECYCLE 3"),
    (Unsupported, "this form of ALTER", "ALTER TABLE plain ADD COLUMNS (b INT), (c INT)"),
    (Unsupported, "this form of ALTER", "ALTER TABLE plain ADD COLUMNS IF NOT EXISTS (b INT)"),
    (Unsupported, "this form of ALTER", "ALTER TABLE plain DROP COLUMN a, b"),
    (Unsupported, "this form of ALTER", "ALTER TABLE plain DROP COLUMNS (a)"),
    (Unsupported, "this form of ALTER", "ALTER TABLE plain DROP COLUMNS a,, b"),
    (Unsupported, "this form of ALTER", "ALTER TABLE plain DROP COLUMNS"),
    (Unsupported, "this form of ALTER", "ALTER TABLE plain DROP COLUMN IF EXISTS a"),
    (Unsupported, "this form of ALTER", "ALTER TABLE plain DROP PARTITION (p='hunter2')"),
    (Unsupported, "this form of ALTER", "ALTER TABLE plain DROP a"),
    (Unsupported, "this form of ALTER", "ALTER TABLE plain DROP COLUMN 'hunter2'"),
    (Unsupported, "more than 100 columns", f"ALTER TABLE plain ADD COLUMNS ({', '.join(f'c{i} INT' for i in range(101))})"),
    (Unsupported, "ALTER VIEW", "ALTER VIEW plain AS SELECT 1"),
    (Unsupported, "EXISTS", "ALTER TABLE IF EXISTS plain ADD COLUMNS (b INT)"),
    (Unsupported, "PARTITION", "ALTER TABLE plain PARTITION (p='hunter2') ADD COLUMNS (b INT)"),
    (Unsupported, "CASCADE", "ALTER TABLE plain ADD COLUMNS (b INT) CASCADE"),
    (Unsupported, "CASCADE", "ALTER TABLE plain DROP COLUMN a CASCADE"),
    (Unsupported, "POSITION", "ALTER TABLE plain ADD COLUMNS (b INT FIRST)"),
    (Unsupported, "DEFAULT", "ALTER TABLE plain ADD COLUMNS (b STRING DEFAULT 'hunter2')"),
    (Unsupported, "PRIMARY KEY", "ALTER TABLE plain ADD COLUMNS (b INT, PRIMARY KEY (b))"),
    (Unsupported, "column b: the type ARRAY", "ALTER TABLE plain ADD COLUMNS (b ARRAY<INT>)"),
    (Unsupported, "SHOW TABLES", "SHOW TABLES"),
    (Unsupported, "MERGE", "MERGE INTO plain USING s ON a = b WHEN MATCHED THEN DELETE"),
    (Unsupported, "CREATE VIEW", "CREATE VIEW v AS SELECT 1"),
    (Unsupported, "EXPLAIN", "EXPLAIN SELECT 1"),
    (Unsupported, "ATTACH", "ATTACH 'hunter2' AS x"),
    (Unsupported, "PRAGMA", "PRAGMA writable_schema = 1"),
    (Unsupported, "WITH", "WITH x AS (SELECT 1) SELECT * FROM x"),
    (Unsupported, "FROM", "FROM plain SELECT a"),
    (Unsupported, "several statements", "SELECT 'hunter2'; DROP TABLE plain"),
    (Unsupported, "AS SELECT", "CREATE TABLE x AS SELECT 'hunter2'"),
    (Unsupported, "LIKE", "CREATE TABLE x LIKE plain"),
    (Unsupported, "PARTITIONED BY", "CREATE TABLE x (a INT) PARTITIONED BY (b STRING)"),
    (Unsupported, "LIFECYCLE", "CREATE TABLE x (a INT COMMENT 'hunter2') LIFECYCLE 3"),
    (Unsupported, "FILE FORMAT", "CREATE TABLE x (a INT) STORED AS orc"),
    (Unsupported, "DEFAULT", "CREATE TABLE x (a STRING DEFAULT 'hunter2')"),
    (Unsupported, "PRIMARY KEY", "CREATE TABLE x (a INT, PRIMARY KEY (a))"),
    (Unsupported, "EXTERNAL", "CREATE EXTERNAL TABLE x (a INT)"),
    (Unsupported, "OR REPLACE", "CREATE OR REPLACE TABLE x (a INT)"),
    (Unsupported, "column a: the type ARRAY", "CREATE TABLE x (a ARRAY<INT>)"),
    (Unsupported, "column a: the type STRUCT", "CREATE TABLE x (a STRUCT<b:INT>)"),
    (Unsupported, "DROP VIEW", "DROP VIEW plain"),
    (Unsupported, "PURGE", "DROP TABLE plain PURGE"),
    (Unsupported, "INSERT OVERWRITE", "INSERT OVERWRITE TABLE plain VALUES (1)"),
    (Unsupported, "PARTITION", "INSERT INTO plain PARTITION (p='hunter2') VALUES (1)"),
    (Unsupported, "INSERT … SELECT", "INSERT INTO plain SELECT 'hunter2'"),
    (Unsupported, "+ in VALUES", "INSERT INTO plain VALUES (1 + 1)"),
    (Unsupported, "the function FROM_BASE64", "INSERT INTO plain VALUES (from_base64('hunter2'))"),
    (Unsupported, "a NUL character", r"INSERT INTO every (s) VALUES ('hunter2\0')"),
    (Unsupported, "JOIN", "SELECT * FROM plain JOIN people ON a = id"),
    (Unsupported, "JOIN", "SELECT * FROM plain, people"),
    (Unsupported, "SUBQUERY", "SELECT * FROM (SELECT 1)"),
    (Unsupported, "SUBQUERY", "SELECT a FROM plain WHERE a IN (SELECT 1)"),
    (Unsupported, "EXISTS", "SELECT a FROM plain WHERE EXISTS (SELECT 1)"),
    (Unsupported, "UNION", "SELECT 1 UNION SELECT 2"),
    (Unsupported, "WINDOW", "SELECT SUM(a) OVER () FROM plain"),
    (Unsupported, "hints", "SELECT /*+ MAPJOIN(plain) */ a FROM plain"),
    (Unsupported, "TABLESAMPLE", "SELECT a FROM plain TABLESAMPLE(10)"),
    (Unsupported, "the function EXPLODE", "SELECT a FROM plain LATERAL VIEW EXPLODE(a) x AS y"),
    (Unsupported, "FOR UPDATE", "SELECT a FROM plain FOR UPDATE"),
    (Unsupported, "SORT BY", "SELECT a FROM plain SORT BY a"),
    (Unsupported, "ROLLUP", "SELECT a FROM plain GROUP BY a WITH ROLLUP"),
    (Unsupported, "a constant in GROUP BY", "SELECT a FROM plain GROUP BY 1"),
    (Unsupported, "a constant in ORDER BY", "SELECT a FROM plain ORDER BY -1"),
    (Unsupported, "NULLS", "SELECT a FROM plain ORDER BY a NULLS LAST"),
    (Unsupported, "the function NVL", "SELECT NVL(a, 1) FROM plain"),
    (Unsupported, "the function MOD", "SELECT MOD(a, 2) FROM plain"),
    (Unsupported, "the function LOAD_EXTENSION", "SELECT load_extension('hunter2')"),
    (Unsupported, "||", "SELECT 'hunter2' || 'x'"),
    (Unsupported, "RLIKE", "SELECT 'hunter2' RLIKE 'x'"),
    (Unsupported, "ESCAPE", "SELECT 'hunter2' LIKE 'x' ESCAPE 'y'"),
    (Unsupported, "::", "SELECT a::STRING FROM plain"),
    (Unsupported, "!", "SELECT !TRUE"),
    (Unsupported, "suffixes", "SELECT 2.5D"),
    (Unsupported, "PARAMETER", "SELECT ${x}"),
    (Unsupported, "% of numbers", "SELECT 5.5 % 2"),
    (Unsupported, "CAST of BOOLEAN AS STRING", "SELECT CAST(active AS STRING) FROM people"),
    (Unsupported, "CAST of DOUBLE AS STRING", "SELECT CAST(height AS STRING) FROM people"),
    (Unsupported, "CAST of BIGINT AS INT", "SELECT CAST(a AS INT) FROM plain"),
    (ParseError, "no statement", " ; "),
    (ParseError, "not closed", "SELECT 'hunter2"),
    (ParseError, "not closed", "SELECT 'it's hunter2'"),
    (ParseError, "does not parse", "SELECT a FORM plain WHERE b = 'hunter2'"),
    (ParseError, "prefix or suffix", "SELECT a FROM plain WHERE b = 'it's hunter2' '"),
    (ParseError, "does not parse", "SELECT {: 1}"),
    (ParseError, "does not parse", "SELECT /*+ MAPJOIN('hunter2) */ 1"),
    (ParseError, "does not parse", "CREATE TABLE x (a`hunter2'` INT)"),
    (SemanticError, "COUNT has no argument", "SELECT COUNT() FROM plain"),
    (ParseError, "after a comma", "SELECT a, FROM plain"),
    (ParseError, "prefix or suffix", "SELECT X'41'"),
    (ParseError, "prefix or suffix", "SELECT r'(hunter2)'"),
    (ParseError, "prefix or suffix", "SELECT 0x1F"),
    (ParseError, "nested too deeply", "SELECT " + "(" * 1000 + "1" + ")" * 1000),
    (ParseError, "nested too deeply", "SELECT " + "+".join("1" * 5000)),
    (ParseError, "Unicode", "SELECT '\ud800'"),
    (TableNotFound, "table none does not exist", "DROP TABLE none"),
    (TableNotFound, "table none does not exist", "SELECT * FROM none WHERE a = 'hunter2'"),
    (TableNotFound, "table p.s.plain does not exist", "INSERT INTO p.s.plain VALUES (1)"),
    (TableNotFound, "table sqlite_schema does not exist", "SELECT * FROM sqlite_schema"),
    (TableNotFound, "table _odpsmodel_model does not exist", "INSERT INTO _odpsmodel_model VALUES (1)"),
    (TableNotFound, "table main.pl does not exist", 'DROP TABLE `main.pl`'),
    (TableNotFound, "table none does not exist", "ALTER TABLE none ADD COLUMNS (a INT)"),
    (TableNotFound, "table none does not exist", "ALTER TABLE none DROP COLUMN a"),
    (TableNotFound, "table odps_models does not exist", "ALTER TABLE odps_models DROP COLUMN model"),
    (SemanticError, "column name is in table people already", "ALTER TABLE people ADD COLUMNS (x INT, Name STRING)"),
    (SemanticError, "column x is there twice", "ALTER TABLE people ADD COLUMNS (x INT, X STRING)"),
    (SemanticError, "column x cannot be NOT NULL", "ALTER TABLE people ADD COLUMNS (x INT NOT NULL)"),
    (SemanticError, "at least one column", "ALTER TABLE people ADD COLUMNS ()"),
    (SemanticError, "no name for a column", "ALTER TABLE people ADD COLUMNS (`a\"b` INT)"),
    (SemanticError, "column x: the type TEXT is unknown", "ALTER TABLE people ADD COLUMNS (x TEXT)"),
    (SemanticError, "column x does not exist in table people", "ALTER TABLE people DROP COLUMNS id, x"),
    (SemanticError, "column id is there twice", "ALTER TABLE people DROP COLUMNS id, ID"),
    (SemanticError, "column a cannot be dropped: table plain would have none", "ALTER TABLE plain DROP COLUMN a"),
    (ParseError, "after a comma", "ALTER TABLE people DROP COLUMNS id,"),
    (ModelError, "table plain already exists", "CREATE TABLE Plain (a INT)"),
    (SemanticError, "no name for a table", "CREATE TABLE `a.b` (a INT)"),
    (SemanticError, "no name for a table", "CREATE TABLE `a\"b` (a INT)"),
    (SemanticError, "no name for a table", "CREATE TABLE SQLite_x (a INT)"),
    (SemanticError, "no name for a table", "CREATE TABLE odps_models (a INT)"),
    (SemanticError, "no name for a table", f"CREATE TABLE {'a' * 129} (a INT)"),
    (SemanticError, "no name for a column", "CREATE TABLE x (`a\"b` INT)"),
    (SemanticError, "column a is there twice", "CREATE TABLE x (a INT, A STRING)"),
    (SemanticError, "at least one column", "CREATE TABLE x"),
    (SemanticError, "column a: the type TEXT is unknown", "CREATE TABLE x (a TEXT)"),
    (SemanticError, "column a: the type INTEGER is unknown", "CREATE TABLE x (a INTEGER)"),
    (SemanticError, "column a: DECIMAL takes", "CREATE TABLE x (a DECIMAL(39))"),
    (SemanticError, "column a: VARCHAR takes", "CREATE TABLE x (a VARCHAR)"),
    (SemanticError, "column zz does not exist", "INSERT INTO plain (zz) VALUES ('hunter2')"),
    (SemanticError, "0 values for 0 columns", "INSERT INTO plain () VALUES ()"),
    (SemanticError, "2 values for 1 columns", "INSERT INTO plain VALUES (1), (1, 'hunter2')"),
    (SemanticError, "CAST(… AS BIGINT)", "INSERT INTO plain VALUES ('hunter2')"),
    (SemanticError, "CAST(… AS STRING)", "INSERT INTO every (s) VALUES (1)"),
    (SemanticError, "column bi is BIGINT", "INSERT INTO every (bi) VALUES (1.5)"),
    (SemanticError, "column bo is BOOLEAN", "INSERT INTO every (bo) VALUES (1)"),
    (SemanticError, "from -128 to 127", "INSERT INTO every (ti) VALUES (128)"),
    (SemanticError, "outside of BIGINT", "INSERT INTO every (bi) VALUES (9223372036854775808)"),
    (SemanticError, "column d is DOUBLE", "INSERT INTO every (d) VALUES (1e999)"),
    (SemanticError, "up to 5 digits, 2 of them", "INSERT INTO every (de) VALUES (1.234)"),
    (SemanticError, "up to 5 digits, 2 of them", "INSERT INTO every (de) VALUES (1e999999)"),
    (SemanticError, "15 significant digits", "INSERT INTO every (dd) VALUES (0.1234567890123456BD)"),
    (SemanticError, "column da is DATE", "INSERT INTO every (da) VALUES ('hunter2')"),
    (SemanticError, "column da is DATE", "INSERT INTO every (da) VALUES ('2020-02-30')"),
    (SemanticError, "column dt is DATETIME", "INSERT INTO every (dt) VALUES ('2020-01-01 00:00:00.1234')"),
    (SemanticError, "column dt is DATETIME", "INSERT INTO every (dt) VALUES (TIMESTAMP '2020-01-01 00:00:00')"),
    (SemanticError, "no Base64", "INSERT INTO every (b) VALUES (unbase64('hunter2'))"),
    (SemanticError, "cannot be read as BIGINT", "SELECT CAST('hunter2' AS BIGINT)"),
    (SemanticError, "CAST of DOUBLE is BIGINT", "SELECT CAST(1e30 AS BIGINT)"),
    (SemanticError, "CAST of STRING is BIGINT", "SELECT CAST('1e99999' AS BIGINT)"),
    (SemanticError, "CAST of INT is TINYINT", "SELECT CAST(300 AS TINYINT)"),
    (Unsupported, "CAST of BOOLEAN AS STRING", "SELECT CAST(TRUE AS STRING)"),
    (Unsupported, "CAST of STRING AS JSON", "SELECT CAST('hunter2' AS JSON)"),
    (SemanticError, "CAST of STRING is DATE", "SELECT CAST('hunter2' AS DATE)"),
    (SemanticError, "UPDATE needs a transactional table", "UPDATE plain SET a = 1"),
    (SemanticError, "DELETE needs a transactional table", "DELETE FROM plain"),
    (SemanticError, "column id is BIGINT", "UPDATE people SET id = 'hunter2'"),
    (SemanticError, "column id is BIGINT", "UPDATE people SET id = height"),
    (SemanticError, "column name is there twice", "UPDATE people SET name = 'hunter2', name = 'x'"),
    (SemanticError, "column zz does not exist", "SELECT zz FROM plain"),
    (SemanticError, "column x does not exist", "SELECT a AS x FROM plain WHERE x = 1"),
    (SemanticError, "table x is not in FROM", "SELECT x.a FROM plain"),
    (SemanticError, "needs FROM", "SELECT a"),
    (SemanticError, "BIGINT and STRING", "SELECT a FROM plain WHERE a = 'hunter2'"),
    (SemanticError, "+ takes numbers, not STRING", "SELECT a + 'hunter2' FROM plain"),
    (SemanticError, "DATE and DATETIME", "SELECT id FROM people WHERE born = seen"),
    (SemanticError, "not DATETIME", "SELECT id FROM people WHERE seen = 'hunter2'"),
    (SemanticError, "WHERE takes a condition", "SELECT a FROM plain WHERE a"),
    (SemanticError, "COUNT cannot be in WHERE", "SELECT a FROM plain WHERE COUNT(*) > 1"),
    (SemanticError, "column id is neither in GROUP BY", "SELECT id, COUNT(*) FROM people"),
    (SemanticError, "column name is neither in GROUP BY", "SELECT id FROM people GROUP BY id ORDER BY name"),
    (SemanticError, "column name is neither in GROUP BY", "SELECT CONCAT(name, 'A') FROM people GROUP BY CONCAT(name, 'a')"),
    (SemanticError, "HAVING needs GROUP BY", "SELECT a FROM plain HAVING a > 1"),
    (SemanticError, "ORDER BY of SELECT DISTINCT", "SELECT DISTINCT id FROM people ORDER BY name"),
    (SemanticError, "column x is there twice", "SELECT id AS x, name AS x FROM people ORDER BY x"),
]  # fmt: skip
CODES = {Unsupported: "ODPS-0130071", SemanticError: "ODPS-0130071", ParseError: "ODPS-0130161", TableNotFound: "ODPS-0130131", ModelError: "ODPS-0110061"}  # fmt: skip


@pytest.mark.parametrize(("kind", "fragment", "text"), REFUSED, ids=lambda value: str(value)[:60])
def test_refused(
    endpoint: Endpoint, caplog: pytest.LogCaptureFixture, kind: type[ModelError], fragment: str, text: str
) -> None:
    """The class, the code and the text of the error, which holds no string; and nothing is logged."""
    with caplog.at_level(logging.DEBUG), pytest.raises(kind) as caught:
        endpoint.run(text)
    error = caught.value
    assert (kind, CODES[kind]) == (type(error), error.code)
    assert fragment in str(error)
    assert SECRET not in f"{error} {error.offender} {error.__cause__}"
    assert error.__context__ is None or error.__suppress_context__
    assert caplog.records == []


@pytest.mark.parametrize(
    "text", [text.replace(SECRET, f"zz{SECRET}zz") for *_, text in REFUSED if SECRET in text]
)
def test_no_error_holds_a_string(endpoint: Endpoint, text: str) -> None:
    with pytest.raises(ModelError) as caught:
        endpoint.run(text)
    assert SECRET not in str(caught.value)


def test_a_place_has_line_and_column(endpoint: Endpoint) -> None:
    with pytest.raises(ParseError) as caught:
        endpoint.run("SELECT 'hunter2',\n  a FROM plain WHERE WHERE")
    place = caught.value.place
    assert place is not None
    assert (place.line, place.column) == (2, 22)


def test_properties_cannot_end_their_comment() -> None:
    table = Table("t", (TableColumn("a", "int", True, "*/); DROP"),), '*/ "', {"*/": "*/"})
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(create_sql(table, if_not_exists=False))
        assert table == read_table(connection, "t")
