"""Names of one, two and three parts, and the flag that reads them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from samples import create, names

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.sql import DropModel, SetFlags, parse

WITHOUT = "SET odps.namespace.schema=false;\n"


def where(con: dbapi.Connection) -> list[tuple[str, str, str]]:
    return con.execute("SELECT project, schema, model FROM odps_models").fetchall()


@pytest.mark.parametrize(
    ("flag", "name", "expected"),
    [
        ("", "m", ("p", "s", "m")),
        ("", "a.m", ("p", "a", "m")),
        ("", "a.b.m", ("a", "b", "m")),
        ("SET odps.namespace.schema=true;", "a.m", ("p", "a", "m")),
        ("set ODPS.namespace.schema = TRUE ;\n", "a.b.m", ("a", "b", "m")),
        (WITHOUT, "m", ("p", "default", "m")),
        (WITHOUT, "a.m", ("a", "default", "m")),
        ("SET a=b; " + WITHOUT, "A.M", ("a", "default", "m")),
    ],
)
def test_where_a_name_leads(
    connect: Callable[..., dbapi.Connection], flag: str, name: str, expected: tuple[str, str, str]
) -> None:
    con = connect(project="p", schema="s")
    con.execute(flag + create(name=name))
    assert where(con) == [expected]


def test_the_default_schema_is_default(connect: Callable[..., dbapi.Connection]) -> None:
    con = connect(project="p")
    con.execute(create())
    assert where(con) == [("p", "default", "m")]


@pytest.mark.parametrize(("flag", "name"), [("", "a.b.c.m"), (WITHOUT, "a.b.m")])
def test_too_many_parts(con: dbapi.Connection, flag: str, name: str) -> None:
    with pytest.raises(dbapi.ParseError, match="at most project"):
        con.execute(flag + create(name=name))


def test_before_a_statement_set_holds_for_that_statement(con: dbapi.Connection) -> None:
    con.execute(WITHOUT + create(name="a.m"))
    con.execute(create(name="a.m"))
    assert where(con) == [("a", "default", "m"), ("local", "a", "m")]


def test_alone_set_holds_for_the_connection(con: dbapi.Connection) -> None:
    cursor = con.execute("SET odps.namespace.schema=false")
    assert (cursor.description, cursor.rowcount, list(cursor)) == (None, -1, [])
    con.execute(create(name="a.m"))
    con.execute("SET odps.namespace.schema=true;" + create(name="a.m"))
    con.execute("DROP MODEL a.m")
    assert where(con) == [("local", "a", "m")]
    assert con.flags == {"odps.namespace.schema": "false"}


def test_the_last_set_counts_whatever_its_case(con: dbapi.Connection) -> None:
    for text in (
        "SET ODPS.NAMESPACE.SCHEMA=false",
        "SET odps.namespace.schema=TRUE",
        "SET Odps.Namespace.Schema=false",
    ):
        con.execute(text)
    with pytest.raises(dbapi.ParseError, match="at most project"):
        con.execute("DESC MODEL a.b.m")


def test_show_models_without_schemas_is_of_the_schema_default(
    connect: Callable[..., dbapi.Connection],
) -> None:
    con = connect(schema="s")
    con.execute(create(name="here"))
    con.execute(create(name="default.there"))
    assert names(con) == ["here"]
    assert [row[0] for row in con.execute(WITHOUT + "SHOW MODELS")] == ["there"]


def test_before_ordinary_sql_it_is_accepted(con: dbapi.Connection) -> None:
    assert con.execute("SET odps.sql.type.system.odps2=true;\nSELECT ?", (7,)).fetchall() == [(7,)]
    assert con.flags == {}


@pytest.mark.parametrize("tail", ["", ";", ";;", "; -- legacy", " /* c */ ; \n", "；"])
def test_alone_is_alone_whatever_blanks_follow(con: dbapi.Connection, tail: str) -> None:
    con.execute(f"SET odps.namespace.schema=false{tail}")
    assert con.flags == {"odps.namespace.schema": "false"}


@pytest.mark.parametrize("text", ["SET", "SET x", "SET x=", "SET x=;", "SET = y", "SET x='a;b'", "SET x=y SHOW MODELS",
     "SET x=y show  version FOR MODEL m", "SET x=y CREATE OR REPLACE MODEL m",
     "SET x=y create  model m WITH VERSION v1 OPTIONS (K = 'v')"])  # fmt: skip
def test_a_set_that_is_none(con: dbapi.Connection, text: str) -> None:
    with pytest.raises(dbapi.Error):
        con.execute(text)


def test_the_flag_is_true_or_false(con: dbapi.Connection) -> None:
    with pytest.raises(dbapi.DataError, match=r"odps\.namespace\.schema must be true or false"):
        con.execute("SET odps.namespace.schema=maybe")


def test_a_statement_carries_the_flag_it_was_read_under() -> None:
    read = parse("DROP MODEL a.m", namespace_schema=False)
    assert isinstance(read, DropModel)
    assert (read.name.project, read.name.schema) == ("a", "default")
    assert str(read) == "SET odps.namespace.schema=false;\nDROP MODEL a.m"
    assert parse(str(read)) == read


def test_several_flags_alone() -> None:
    assert parse("SET a=b;\nset c = d e ;") == SetFlags(flags=(("a", "b"), ("c", "d e")))
