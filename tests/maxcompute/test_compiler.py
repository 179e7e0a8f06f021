"""SQLAlchemy's statements as MaxCompute's SQL: compiled, and not sent anywhere; PyODPS is not needed."""

from __future__ import annotations

import enum
import re
import subprocess
import sys
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import func, select
from sqlalchemy.dialects.mysql import TINYINT
from sqlalchemy.exc import CompileError
from sqlalchemy.schema import (
    AddConstraint,
    CreateIndex,
    CreateSequence,
    CreateTable,
    DropColumnComment,
    DropConstraint,
    DropIndex,
    DropTable,
    DropTableComment,
    SetColumnComment,
    SetTableComment,
)

from sqlalchemy_odpsmodel import ddl
from sqlalchemy_odpsmodel.dialect import ODPSModelDialect
from sqlalchemy_odpsmodel.maxcompute.dialect import ODPSModelDialect_pyodps

DIALECT = ODPSModelDialect_pyodps()
METADATA = sa.MetaData()
T = sa.Table(
    "t", METADATA, sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("name", sa.String),
    sa.Column("select", sa.Integer),
)  # fmt: skip
U = sa.Table(
    "u", METADATA, sa.Column("id", sa.BigInteger), sa.Column("t_id", sa.ForeignKey("t.id")), schema="prod"
)
OF_T = "SELECT t.id, t.name, t.`select` FROM t"


def compiled(element: Any, **arguments: Any) -> str:
    """On one line, with the values in it."""
    given = (
        {"compile_kwargs": {"literal_binds": True}} if not isinstance(element, sa.schema.DDLElement) else {}
    )
    return " ".join(str(element.compile(dialect=DIALECT, **given, **arguments)).split())


def table(*columns: Any, name: str = "g", **arguments: Any) -> sa.Table:
    return sa.Table(name, sa.MetaData(), *columns, **arguments)


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


U1, T1 = U.alias("u1"), T.alias("of `t`")
MAX = select(func.max(U.c.id)).scalar_subquery()
OF_ID = select(U.c.t_id).where(U.c.id == T.c.id)
CTE = select(T.c.id).where(T.c.id > 1).cte("c")


class TestStatements:
    @pytest.mark.parametrize(
        ("statement", "sql"),
        [
            (select(T), OF_T),
            (select(T).join(U, U.c.t_id == T.c.id), f"{OF_T} JOIN prod.u ON u.t_id = t.id"),
            (select(T.c.id).outerjoin(U1, U1.c.id == T.c.id),
             "SELECT t.id FROM t LEFT OUTER JOIN prod.u AS u1 ON u1.id = t.id"),
            (select(T1.c.id), "SELECT `of ``t```.id FROM t AS `of ``t```"),
            (select(U.c.id).where(U.c.t_id == 1).order_by(U.c.id.desc()),
             "SELECT u.id FROM prod.u WHERE u.t_id = 1 ORDER BY u.id DESC"),
            (select(CTE.c.id), "WITH c AS (SELECT t.id AS id FROM t WHERE t.id > 1) SELECT c.id FROM c"),
            (select(select(U.c.id).subquery("s").c.id), "SELECT s.id FROM (SELECT u.id AS id FROM prod.u) AS s"),
            (select(T.c.id).where(T.c.id == MAX), "SELECT t.id FROM t WHERE t.id = (SELECT max(u.id) AS max_1 FROM prod.u)"),
            (sa.union_all(select(T.c.id), select(U.c.id)).order_by("id").limit(3),
             "SELECT t.id FROM t UNION ALL SELECT u.id FROM prod.u ORDER BY id LIMIT 3"),
            (select(T.c.id).where(T.c.id.in_([1, 2])), "SELECT t.id FROM t WHERE t.id IN (1, 2)"),
            (select(T.c.id).where(T.c.id.in_([])), "SELECT t.id FROM t WHERE t.id IN (NULL) AND (1 != 1)"),
            (select(T.c.id).where(T.c.id.not_in([])), "SELECT t.id FROM t WHERE (t.id NOT IN (NULL) OR (1 = 1))"),
            (select(T.c.id).where(sa.tuple_(T.c.id, T.c.name).in_([(1, "a'")])),
             r"SELECT t.id FROM t WHERE (t.id, t.name) IN ((1, 'a\''))"),
            (select(T.c.id).limit(5), "SELECT t.id FROM t LIMIT 5"),
            (select(T.c.id).limit(5).offset(2), "SELECT t.id FROM t LIMIT 5 OFFSET 2"),
            (select(T.c.id).offset(2), "SELECT t.id FROM t LIMIT 9223372036854775807 OFFSET 2"),
            (select(T.c.id).limit(0), "SELECT t.id FROM t LIMIT 0"),
            (select(T.c.id).distinct().with_for_update(), "SELECT DISTINCT t.id FROM t"),
            (select(T.c.name.label("选")), "SELECT t.name AS `选` FROM t"),
            (select(sa.literal(1) - -T.c.id), "SELECT 1 - -t.id AS anon_1 FROM t"),
            (select(T.c.id - sa.literal(-3)), "SELECT t.id - -3 AS anon_1 FROM t"),
            (select(-sa.literal(-3)), "SELECT - -3 AS anon_1"),
            (select(sa.cast(T.c.id, sa.String), sa.cast(T.c.id, sa.String(5))),
             "SELECT CAST(t.id AS STRING) AS id, CAST(t.id AS VARCHAR(5)) AS id__1 FROM t"),
            (sa.insert(T).values(id=1, name="it's"), r"INSERT INTO t (id, name) VALUES (1, 'it\'s')"),
            (sa.insert(T).values([{"select": 1}, {"select": 2}]), "INSERT INTO t (`select`) VALUES (1), (2)"),
            (sa.insert(U).from_select(["id"], select(T.c.id)), "INSERT INTO prod.u (id) SELECT t.id FROM t"),
            (sa.update(T).values(name=None).where(T.c.id == 1, T.c.name != "a"),
             "UPDATE t SET name=NULL WHERE id = 1 AND name != 'a'"),
            (sa.update(T).values(id=T.c.id + 1), "UPDATE t SET id=(id + 1)"),
            (sa.update(U).values(id=1).where(U.c.id == 2), "UPDATE prod.u SET id=1 WHERE id = 2"),
            (sa.update(T).values(id=1).where(T.c.id.in_(OF_ID)),
             "UPDATE t SET id=1 WHERE id IN (SELECT u.t_id FROM prod.u WHERE u.id = t.id)"),
            (sa.update(T).values(id=MAX), "UPDATE t SET id=(SELECT max(u.id) AS max_1 FROM prod.u)"),
            (sa.update(T).values(id=1).where(T.c.id.in_(sa.union(select(U.c.id), select(U.c.t_id)))),
             "UPDATE t SET id=1 WHERE id IN (SELECT u.id FROM prod.u UNION SELECT u.t_id FROM prod.u)"),
            (sa.delete(T), "DELETE FROM t"),
            (sa.delete(T).where(func.lower(T.c.name).like("a%"), T.c.select.is_(None)),
             "DELETE FROM t WHERE lower(name) LIKE 'a%' AND `select` IS NULL"),
            (sa.delete(T).where(sa.exists().where(U.c.t_id == T.c.id)),
             "DELETE FROM t WHERE EXISTS (SELECT * FROM prod.u WHERE u.t_id = t.id)"),
        ],
    )  # fmt: skip
    def test_are_written_so(self, statement: Any, sql: str) -> None:
        """A column with its table's name alone; in UPDATE and DELETE with none, but inside of a subselect."""
        found = compiled(statement)
        assert found.replace("AS id__1", "AS id") == sql.replace("AS id__1", "AS id")

    def test_a_set_of_nothing_is_a_select_without_rows(self) -> None:
        """Where it stands for itself."""
        compiler = select(T).compile(dialect=DIALECT)
        assert compiler.visit_empty_set_expr([sa.Integer(), sa.String()]) == "SELECT NULL, NULL WHERE FALSE"
        assert compiler.visit_empty_set_expr([]) == "SELECT NULL WHERE FALSE"

    def test_parameters_are_places(self) -> None:
        """In the order in which they are given."""
        compiler = (select(T).where(T.c.name == "a").limit(1).offset(2)).compile(dialect=DIALECT)
        assert " ".join(str(compiler).split()) == f"{OF_T} WHERE t.name = ? LIMIT ? OFFSET ?"
        assert [compiler.params[name] for name in compiler.positiontup] == ["a", 1, 2]

    @pytest.mark.parametrize(
        "statement",
        [
            sa.update(T).values(id=U.c.id).where(T.c.id == U.c.t_id),
            sa.delete(T).where(T.c.id == U.c.t_id),
            sa.insert(T).values({}),
            select(T.c.name.regexp_match("a")),
            sa.insert(T).values(id=1).returning(T.c.id),
        ],
    )
    def test_what_there_is_not_is_refused(self, statement: Any) -> None:
        """Several tables in one UPDATE, an INSERT of nothing, RETURNING."""
        with pytest.raises((CompileError, NotImplementedError)):
            compiled(statement)

    def test_a_schema_is_translated(self) -> None:
        """In tables, and never before a column."""
        arguments: Any = {"schema_translate_map": {"prod": "x y", None: "z"}, "render_schema_translate": True}
        found = compiled(select(U.c.id).join(T, T.c.id == U.c.t_id), **arguments)
        assert found == "SELECT u.id FROM `x y`.u JOIN z.t ON t.id = u.t_id"


class TestLiterals:
    @pytest.mark.parametrize(
        ("value", "sql"),
        [
            (sa.literal("it's \\ \n\t\x01"), r"'it\'s \\ \n\t\001'"),
            (sa.literal('"'), "'\"'"),
            (sa.literal("100%"), "'100%'"),
            (sa.literal(True), "TRUE"),
            (sa.literal(1, sa.Boolean), "TRUE"),
            (sa.literal(-1), "-1"),
            (sa.literal(1.5), "1.5"),
            (sa.literal(Decimal("1.50")), "1.50BD"),
            (sa.literal(b"a"), "UNBASE64('YQ==')"),
            (sa.literal(datetime(2024, 1, 2, 3, 4, 5)), "DATETIME '2024-01-02 03:04:05'"),
            (sa.literal(datetime(2024, 1, 2, 3, 4, 5, 1234)), "DATETIME '2024-01-02 03:04:05.001'"),
            (
                sa.literal(datetime(2024, 1, 2, 3, 4, 5, 1), sa.TIMESTAMP),
                "TIMESTAMP '2024-01-02 03:04:05.000001000'",
            ),
            (sa.literal(date(2024, 1, 2)), "DATE '2024-01-02'"),
            (sa.literal(Colour.RED, sa.Enum(Colour)), "'RED'"),
            (sa.null(), "NULL"),
            (sa.true(), "true"),
        ],
        ids=lambda value: re.sub(r"[0-9a-fx]{12,}", "", repr(value)),
    )
    def test_are_written_so(self, value: Any, sql: str) -> None:
        """As the driver writes parameters."""
        assert compiled(select(value.label("a"))) == f"SELECT {sql} AS a"

    @pytest.mark.parametrize("value", [time(1), "a\ud800", 2**63, [1]], ids=lambda v: type(v).__name__)
    def test_what_has_none_is_refused(self, value: Any) -> None:
        """With the driver's words."""
        with pytest.raises(CompileError, match="a parameter is a"):
            compiled(select(sa.literal(value, sa.types.NullType() if value == [1] else None)))


class TestTables:
    def test_of_a_table_columns_and_comments_are_made(self) -> None:
        """Keys, UNIQUE, CHECK and indexes are left out: nobody would enforce them."""
        made = table(
            sa.Column("id", sa.BigInteger, primary_key=True, comment="it's \\ \n|"),
            sa.Column("Name", sa.String, nullable=False, server_default="it's"),
            sa.Column(
                "n", sa.Integer, sa.ForeignKey(T.c.id), server_default=sa.text("5"), unique=True, index=True
            ),
            sa.CheckConstraint("n > 1"),
            sa.UniqueConstraint("id", "n"),
            comment="c'\\",
            odpsmodel_transactional=True,
            schema="prod",
        )
        columns = (
            r"(id BIGINT NOT NULL COMMENT 'it\'s \\ \n|', `Name` STRING NOT NULL DEFAULT 'it\'s', n INT DEFAULT 5)"
            r" COMMENT 'c\'\\' TBLPROPERTIES ('transactional'='true')"
        )
        found = compiled(CreateTable(made)).replace("( ", "(").replace(" )", ")")
        assert found == f"CREATE TABLE prod.g {columns}"
        found = compiled(CreateTable(made, if_not_exists=True)).replace("( ", "(").replace(" )", ")")
        assert found == f"CREATE TABLE IF NOT EXISTS prod.g {columns}"

    @pytest.mark.parametrize(
        ("name", "written"),
        [
            ("plain_1", "plain_1"), ("select", "`select`"), ("a`b", "`a``b`"), ("`", "````"), ("表", "`表`"),
            ("Upper", "`Upper`"), ("1a", "`1a`"), ("_x", "`_x`"), ("a$b", "`a$b`"), ("a b", "`a b`"),
            ("a.b", "`a.b`"), ("a\n", "`a\n`"), ("lifecycle", "`lifecycle`"), ("window", "`window`"), ("é", "`é`"),
            ("%", "`%`"), ("comment", "`comment`"), ("id", "id"),
        ],
    )  # fmt: skip
    def test_names_are_in_backquotes_where_they_must(self, name: str, written: str) -> None:
        """Of a table, a column, a schema and a label; a backquote is doubled."""
        made = table(sa.Column(name, sa.Integer), name=name, schema=name)
        found = str(CreateTable(made).compile(dialect=DIALECT))
        assert found == f"\nCREATE TABLE {written}.{written} (\n\t{written} INT\n)\n\n"
        found = str(select(made.c[name].label(name)).compile(dialect=DIALECT))
        assert found == f"SELECT {written}.{written} AS {written} \nFROM {written}.{written}"

    @pytest.mark.parametrize(
        ("type_", "written"),
        [
            (sa.SmallInteger(), "SMALLINT"), (sa.Integer(), "INT"), (sa.BigInteger(), "BIGINT"), (TINYINT(), "TINYINT"),
            (sa.Float(), "DOUBLE"), (sa.Float(53), "DOUBLE"), (sa.Float(24), "FLOAT"), (sa.Double(), "DOUBLE"), (sa.REAL(), "FLOAT"),
            (sa.DOUBLE_PRECISION(), "DOUBLE"),
            (sa.Numeric(), "DECIMAL"), (sa.Numeric(38), "DECIMAL(38)"), (sa.DECIMAL(38, 18), "DECIMAL(38,18)"),
            (sa.String(), "STRING"), (sa.String(5), "VARCHAR(5)"), (sa.VARCHAR(65535), "VARCHAR(65535)"),
            (sa.String(65536), "STRING"), (sa.Text(), "STRING"), (sa.Text(5), "STRING"), (sa.Unicode(3), "VARCHAR(3)"),
            (sa.UnicodeText(), "STRING"), (sa.CLOB(), "STRING"), (sa.NVARCHAR(2), "VARCHAR(2)"),
            (sa.CHAR(), "CHAR(1)"), (sa.CHAR(255), "CHAR(255)"), (sa.NCHAR(2), "CHAR(2)"),
            (sa.LargeBinary(), "BINARY"), (sa.LargeBinary(9), "BINARY"), (sa.BLOB(), "BINARY"), (sa.BINARY(3), "BINARY"),
            (sa.VARBINARY(3), "BINARY"), (sa.PickleType(), "BINARY"),
            (sa.Boolean(), "BOOLEAN"), (sa.Date(), "DATE"), (sa.DateTime(), "DATETIME"), (sa.TIMESTAMP(), "TIMESTAMP"),
            (sa.JSON(), "JSON"), (sa.Enum("a", "bcd"), "VARCHAR(3)"), (sa.Enum(Colour), "VARCHAR(5)"),
            (sa.Uuid(), "CHAR(32)"), (sa.Interval(), "DATETIME"),
            (sa.Integer().with_variant(sa.String(), "odpsmodel"), "STRING"),
        ],
        ids=repr,
    )  # fmt: skip
    def test_types(self, type_: Any, written: str) -> None:
        """SQLAlchemy's own as MaxCompute's list of types has them."""
        assert compiled(CreateTable(table(sa.Column("a", type_)))) == f"CREATE TABLE g ( a {written} )"

    @pytest.mark.parametrize(
        ("type_", "words"),
        [
            (sa.Time(), "no TIME"), (sa.TIME(), "no TIME"), (sa.ARRAY(sa.Integer), "ARRAY"), (sa.UUID(), "no UUID"),
            (sa.types.NullType(), "NullType"), (sa.Numeric(39), r"DECIMAL\(39\)"), (sa.Numeric(38, 19), r"DECIMAL\(38,19\)"),
            (sa.Numeric(2, 3), r"DECIMAL\(2,3\)"), (sa.CHAR(256), r"CHAR\(256\)"), (sa.VARCHAR(0), r"VARCHAR\(0\)"),
            (sa.NCHAR(256), r"CHAR\(256\)"), (sa.DECIMAL(39), r"DECIMAL\(39\)"),
        ],
        ids=repr,
    )  # fmt: skip
    def test_what_is_no_type_is_refused(self, type_: Any, words: str) -> None:
        """By its name, and the column's."""
        with pytest.raises(CompileError, match=f"column 'a'.*{words}"):
            compiled(CreateTable(table(sa.Column("a", type_))))

    def test_computed_columns_are_refused(self) -> None:
        """MaxCompute would not compute them."""
        with pytest.raises(CompileError, match="column a: MaxCompute has no computed columns"):
            compiled(CreateTable(table(sa.Column("a", sa.Integer, sa.Computed("1 + 1")))))

    G = table(sa.Column("a b", sa.Integer, comment="c'"), comment="d\\", schema="s")
    NOTHING = "/* MaxCompute has no indexes, and enforces no constraints */"

    @pytest.mark.parametrize(
        ("element", "sql"),
        [
            (DropTable(G), "DROP TABLE s.g"),
            (DropTable(G, if_exists=True), "DROP TABLE IF EXISTS s.g"),
            (SetTableComment(G), r"ALTER TABLE s.g SET COMMENT 'd\\'"),
            (DropTableComment(G), "ALTER TABLE s.g SET COMMENT ''"),
            (SetColumnComment(G.c["a b"]), r"ALTER TABLE s.g CHANGE COLUMN `a b` COMMENT 'c\''"),
            (DropColumnComment(G.c["a b"]), "ALTER TABLE s.g CHANGE COLUMN `a b` COMMENT ''"),
            (CreateIndex(sa.Index("i", G.c["a b"])), NOTHING),
            (DropIndex(sa.Index("j", G.c["a b"])), NOTHING),
            (AddConstraint(sa.UniqueConstraint(G.c["a b"], name="u")), NOTHING),
            (DropConstraint(sa.UniqueConstraint(G.c["a b"], name="v")), NOTHING),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_other_ddl(self, element: Any, sql: str) -> None:
        """What MaxCompute has not is a comment, which the driver does not send."""
        assert compiled(element) == sql

    def test_sequences_are_refused(self) -> None:
        """There is nothing to put in their place."""
        with pytest.raises(CompileError, match="MaxCompute has no sequences"):
            compiled(CreateSequence(sa.Sequence("s")))


OPTIONS = {"LOCATION": "oss://oss-a-internal.x/b/", "ROLEARN": "acs:ram::1:role/r"}
VERSION = ddl.ModelVersion("v1", inputs=[("a", "INT", "it's")], options=OPTIONS, comment="c")


class TestModels:
    @pytest.mark.parametrize(
        "element",
        [
            ddl.CreateModel(
                "m", VERSION, source_type="IMPORT", model_type="BOOSTED_TREE_REGRESSOR", schema="prod"
            ),
            ddl.AlterModelAddVersion("m", VERSION, schema="prod"),
            ddl.AlterModelSetDefaultVersion("m", "v1", schema="prod"),
            ddl.AlterModelDropVersion("m", "v1", schema="prod"),
            ddl.DropModel("m", schema="prod", if_exists=True),
        ],
        ids=lambda element: type(element).__name__,
    )
    @pytest.mark.parametrize("schemas", [None, {"prod": "test"}])
    def test_the_five_elements_are_written_as_for_the_local_file(
        self, element: ddl.ModelDDL, schemas: dict[str | None, str | None] | None
    ) -> None:
        """The same text, in the schema that is meant, and the same statement for the driver."""
        here: Any = element.compile(dialect=DIALECT, schema_translate_map=schemas)
        local: Any = element.compile(dialect=ODPSModelDialect(), schema_translate_map=schemas)
        assert str(here) == str(local)
        assert here.model_statement == local.model_statement
        assert f" {'test' if schemas else 'prod'}.m" in str(here)


def test_compiling_needs_no_client() -> None:
    """The compiler and the dialect import nothing of PyODPS, so that migrations can be written without it."""
    script = (
        "import sys; import sqlalchemy_odpsmodel.maxcompute.dialect;"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('odps', 'requests')]"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
