"""Tables by the official client: its DB-API through the instance tunnel, types, paging, what Alembic sends."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pandas as pd
import pytest
import requests
from odps import dbapi, errors, options
from odps.models import Record, TableSchema
from odps.tunnel.io.writer import BaseRecordWriter
from samples import create

from sqlalchemy_odpsmodel import dbapi as ours
from sqlalchemy_odpsmodel.server import tunnel, wire
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint, connect_client

CREATE = """
    CREATE TABLE kept (
        id BIGINT NOT NULL COMMENT 'the key', n TINYINT, s STRING, b BINARY, d DECIMAL(10,2), dt DATETIME,
        day DATE, ts TIMESTAMP, ntz TIMESTAMP_NTZ, yes BOOLEAN, f FLOAT, x DOUBLE
    ) COMMENT 'all types' TBLPROPERTIES ('transactional'='true')
"""
ROW = (
    -9223372036854775808, -128, "中文 'quoted' \\ \n", b"\x00\xff", Decimal("-12345678.90"),
    datetime(2024, 2, 29, 23, 59, 59), date(1969, 12, 31), pd.Timestamp("2024-01-02 03:04:05.123456789"),
    pd.Timestamp("2024-01-02 03:04:05.000000001"), True, 1.5, -2.5e300,
)  # fmt: skip


@pytest.fixture
def cursor(client: Any) -> Iterator[Any]:
    """PyODPS's own DB-API."""
    with closing(dbapi.connect(odps=client)) as connection:
        yield connection.cursor()


#: What the client's own way with parameters has not: DATE, TIMESTAMP of nanoseconds, exact DECIMAL.
LITERALS = {4: "-12345678.90BD", 6: f"'{ROW[6]}'", 7: f"'{ROW[7]}'", 8: f"'{ROW[8]}'"}


def insert_row(cursor: Any) -> None:
    cursor.execute(CREATE)
    values = ", ".join(LITERALS.get(place, "?") for place in range(len(ROW)))
    parameters = [value for place, value in enumerate(ROW) if place not in LITERALS]
    cursor.execute(f"INSERT INTO kept VALUES ({values})", parameters)
    cursor.execute("INSERT INTO kept (id) VALUES (2)")


def _names(listed: Iterable[Any]) -> list[str]:
    return [one.name for one in listed]


@pytest.fixture
def local_timezone() -> Iterator[None]:
    """The client's own option is as it was."""
    yield
    options.local_timezone = None


class TestValues:
    def test_every_type_comes_back_as_it_was(self, cursor: Any) -> None:
        """Negative, Chinese, bytes, exact decimals, days before 1970, nanoseconds; and NULL."""
        insert_row(cursor)
        cursor.execute("SELECT * FROM kept ORDER BY id")
        assert [column[0] for column in cursor.description] == [
            "id", "n", "s", "b", "d", "dt", "day", "ts", "ntz", "yes", "f", "x",
        ]  # fmt: skip
        first, second = cursor.fetchall()
        assert tuple(first) == ROW
        assert tuple(second) == (2, *[None] * (len(ROW) - 1))

    @pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "UTC"])
    def test_a_time_s_digits_are_those_that_were_written(
        self, client: Any, local_timezone: None, zone: str
    ) -> None:
        """Whatever the timezone that the client is told to use, which it sends with the statement."""
        options.local_timezone = zone
        client.execute_sql("CREATE TABLE zoned (dt DATETIME, ts TIMESTAMP)")
        client.execute_sql("INSERT INTO zoned VALUES ('2024-07-01 08:00:00', '2024-07-01 08:00:00.5')")
        with client.execute_sql("SELECT * FROM zoned").open_reader(tunnel=True) as reader:
            ((moment, stamp),) = [record.values for record in reader]
        assert moment.strftime("%Y-%m-%d %H:%M:%S") == "2024-07-01 08:00:00"
        assert str(stamp)[:21] == "2024-07-01 08:00:00.5"

    @pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
    def test_the_first_and_the_last_moment(self, here: Any, zone: str) -> None:
        """Are read as they were written, wherever the machine is."""
        with _machine_zone(zone):
            here.execute_sql("CREATE TABLE t (dt DATETIME)")
            here.execute_sql("INSERT INTO t VALUES ('0001-01-01 00:00:00'), ('9999-12-31 23:59:59')")
            assert here.execute_sql("SELECT dt FROM t").get_task_result() == (
                '"dt"\n"0001-01-01 00:00:00"\n"9999-12-31 23:59:59"\n'
            )

    def test_overflow_is_the_statement_s_fault(self, here: Any) -> None:
        here.execute_sql("CREATE TABLE t (a BIGINT)")
        here.execute_sql("INSERT INTO t VALUES (9223372036854775807), (1)")
        with pytest.raises(errors.ODPSError, match="integer overflow") as raised:
            here.execute_sql("SELECT SUM(a) FROM t")
        assert raised.value.code == "ODPS-0130071"

    def test_text_that_xml_and_csv_have_marks_for(self, here: Any) -> None:
        """Comes back: in the result's text, and in the instance's source."""
        text = 'a"b<c>&]]x,y'
        instance = here.execute_sql(f"SELECT '{text}' AS s")
        doubled = text.replace('"', '""')
        assert instance.get_task_result() == f'"s"\n"{doubled}"\n'
        assert here.get_instance(instance.id).get_sql_query() == f"SELECT '{text}' AS s;"
        with here.execute_sql("SELECT '\\b' AS s").open_reader(tunnel=True) as reader:
            assert [record.values for record in reader] == [["\b"]]

    def test_without_one_the_machine_s(self, here: Any) -> None:
        """As the client takes its own, on the same machine."""
        with _machine_zone("Asia/Tokyo"):
            here.execute_sql("CREATE TABLE zoned (dt DATETIME)")
            here.execute_sql("INSERT INTO zoned VALUES ('2024-07-01 08:00:00')")
            with here.execute_sql("SELECT dt FROM zoned").open_reader(tunnel=True) as reader:
                assert [record.values for record in reader] == [[datetime(2024, 7, 1, 8)]]

    def test_the_text_of_a_select(self, client: Any, cursor: Any) -> None:
        """CSV, as the client reads it where it does not use the tunnel."""
        insert_row(cursor)
        with client.execute_sql("SELECT id, s, d, yes FROM kept ORDER BY id").open_reader(
            tunnel=False
        ) as reader:
            assert reader.raw == (
                '"id","s","d","yes"\n'
                "-9223372036854775808,\"中文 'quoted' \\ \n\",-12345678.90,true\n"
                "2,\\N,\\N,\\N\n"
            )

    def test_columns_without_a_declared_type(self, cursor: Any) -> None:
        """Expressions have the types that MaxCompute gives them."""
        insert_row(cursor)
        cursor.execute("SELECT COUNT(*), SUM(d), MAX(s), id + 1, id / 4 FROM kept WHERE id = 2 GROUP BY id")
        (row,) = cursor.fetchall()
        assert tuple(row) == (1, None, None, 3, 0.5)
        assert [column[1] for column in cursor.description][:2] == ["bigint", "decimal(38,18)"]

    @pytest.mark.parametrize(
        ("type_", "values"),
        [
            ("bigint", [0, 1, -1, 2**63 - 1, -(2**63)]),
            ("tinyint", [127, -128]),
            ("double", [0.0, -0.0, 1.5, 1e308]),
            ("float", [0.5, -2.0]),
            ("boolean", [True, False]),
            ("string", ["", "a" * 300, "中文"]),
            ("binary", [b"", b"\x00\xff" * 100]),
            ("decimal(10,2)", [Decimal("1.50"), Decimal("-99999999.99")]),
            ("datetime", [datetime(1970, 1, 1, 9), datetime(2024, 1, 2, 3, 4, 5, 678000)]),
            ("date", [date(1, 1, 1), date(1969, 12, 31), date(9999, 12, 31)]),
            ("timestamp", [pd.Timestamp("2024-01-02 03:04:05.123456789")]),
            ("timestamp_ntz", [pd.Timestamp("2024-01-02 03:04:05.000000001")]),
        ],
    )
    def test_the_stream_is_the_one_that_the_client_writes(self, type_: str, values: list[Any]) -> None:
        """Byte for byte what PyODPS's own writer of the tunnel makes of the same records."""
        schema = TableSchema.from_lists(["a", "b"], [type_, "bigint"])
        stream = BytesIO()
        writer = BaseRecordWriter(schema, stream)
        for value in [*values, None]:
            writer.write(Record(schema=schema, values=[value, 1]))
        writer.close()
        rows = [(cell(value, type_), 1) for value in [*values, None]]
        assert b"".join(tunnel.stream([type_, "bigint"], rows)) == unsigned(stream.getvalue())


def unsigned(stream: bytes) -> bytes:
    """The client writes a checksum of more than 31 bits as a negative number of 64, and reads its lower 32."""

    def rewritten(match: re.Match[bytes]) -> bytes:
        number = sum((byte & 127) << 7 * index for index, byte in enumerate(match[2])) & 0xFFFFFFFF
        return match[1] + bytes([number >> shift & 127 | 128 for shift in (0, 7, 14, 21)] + [number >> 28])

    ends = b"|".join(re.escape(tunnel._tag(number, 0)) for number in (33553408, 33554431))
    return re.sub(b"(" + ends + rb")([\x80-\xff]{9}\x01)", rewritten, stream)


def cell(value: Any, type_: str) -> Any:
    """A value as SQLite has it, as the stream's."""
    kept = value if isinstance(value, (int, float, bytes, type(None))) else str(value)
    kept = int(value) if type_ == "boolean" and value is not None else kept
    return tunnel.cell(float(value) if isinstance(value, Decimal) else kept, type_, "a", None)


@contextmanager
def _machine_zone(name: str) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


class TestReading:
    @pytest.fixture
    def instance(self, client: Any) -> Any:
        client.execute_sql("CREATE TABLE numbers (n BIGINT, s STRING)")
        rows = ", ".join(f"({n}, 's{n}')" for n in range(1_000))
        client.execute_sql(f"INSERT INTO numbers VALUES {rows}")
        return client.execute_sql("SELECT n, s FROM numbers ORDER BY n")

    def test_pages(self, instance: Any) -> None:
        """The rows from one place on, as many as asked for, again and again."""
        with instance.open_reader(tunnel=True) as reader:
            assert reader.count == 1_000
            assert [record["n"] for record in reader[10:20]] == list(range(10, 20))
            assert [record["n"] for record in reader[990:2_000]] == list(range(990, 1_000))
            assert [record["n"] for record in reader] == list(range(1_000))

    def test_fetchmany(self, cursor: Any, instance: Any) -> None:
        cursor.execute("SELECT n FROM numbers ORDER BY n")
        assert [row[0] for row in cursor.fetchmany(3)] == [0, 1, 2]
        assert cursor.fetchone()[0] == 3
        assert len(cursor.fetchall()) == 996

    def test_columns_in_the_order_asked_for(self, instance: Any) -> None:
        with instance.open_reader(tunnel=True, columns=["s", "n"]) as reader:
            assert [record.values for record in reader[1:3]] == [["s1", 1], ["s2", 2]]

    def test_pandas(self, instance: Any) -> None:
        """The client asks for Arrow first, and takes records where there is none."""
        frame = instance.open_reader(tunnel=True).to_pandas()
        assert (len(frame), frame["n"].sum(), frame["s"][999]) == (1_000, 499_500, "s999")

    def test_an_empty_result(self, client: Any, instance: Any) -> None:
        with client.execute_sql("SELECT n FROM numbers WHERE n < 0").open_reader(tunnel=True) as reader:
            assert (reader.count, list(reader)) == (0, [])

    def test_what_is_no_select_has_no_rows(self, client: Any) -> None:
        """The client's own class."""
        with pytest.raises(errors.InstanceTypeNotSupported, match="only the result of a SELECT"):
            client.execute_sql("SHOW MODELS").open_reader(tunnel=True, reopen=True)

    @pytest.mark.parametrize(
        ("status", "query"),
        [
            (400, "downloadid=x&data&rowrange=(0,x)"),
            (400, "downloadid=x&data&rowrange=(0,1)&columns=nope"),
            (400, "downloadid=x&data&rowrange=(0,1)&columns=_c0,_c0"),
            (405, "downloadid=x&data&rowrange=(0,1)&arrow"),
            (400, "nonsense"),
        ],
    )
    def test_what_cannot_be_read(
        self, maxcompute_endpoint: MaxComputeEndpoint, status: int, query: str
    ) -> None:
        """Is told."""
        instance = maxcompute_endpoint.client("demo").execute_sql("SELECT 1")
        url = f"{maxcompute_endpoint.url}/projects/demo/instances/{instance.id}?{query}"
        assert requests.get(url, headers={"Authorization": "ODPS a:b"}).status_code == status

    def test_a_result_has_a_limit(self, monkeypatch: pytest.MonkeyPatch, here: Any) -> None:
        """16 MiB, and an error that says what to do."""
        here.execute_sql("CREATE TABLE wide (s STRING)")
        for _ in range(3):
            here.execute_sql(f"INSERT INTO wide VALUES ('{'x' * 1_000_000}')")
        monkeypatch.setattr("sqlalchemy_odpsmodel.server.rows.RESULT_BYTES", 2 * 2**20)
        assert here.execute_sql("SELECT s FROM wide LIMIT 2").is_successful()
        with pytest.raises(
            errors.ODPSError, match="larger than 2 MB, which is the local endpoint's limit: add LIMIT"
        ):
            here.execute_sql("SELECT s FROM wide")


class TestTables:
    def test_whether_there_is_one_and_what_it_has(self, client: Any) -> None:
        assert not client.exist_table("kept")
        client.execute_sql(CREATE)
        assert client.exist_table("KEPT")
        table = client.get_table("kept")
        assert table.comment == "all types"
        assert [
            (c.name, str(c.type).lower(), c.comment, c.nullable) for c in table.table_schema.columns[:5]
        ] == [
            ("id", "bigint", "the key", False),
            ("n", "tinyint", None, True),
            ("s", "string", None, True),
            ("b", "binary", None, True),
            ("d", "decimal(10,2)", None, True),
        ]
        client.execute_sql("DROP TABLE kept")
        client.execute_sql("DROP TABLE IF EXISTS kept")
        assert not client.exist_table("kept")

    def test_the_client_s_own_way_to_make_and_drop_one(self, here: Any) -> None:
        """Without a schema it writes project.table, and sends no setting."""
        table = here.create_table("t", "a bigint, b string", if_not_exists=True)
        assert here.exist_table("t")
        assert [column.name for column in table.table_schema.columns] == ["a", "b"]
        with here.execute_sql("SELECT a FROM demo.t").open_reader(tunnel=True) as reader:
            assert reader.count == 0
        here.delete_table("t")
        assert not here.exist_table("t")
        here.delete_table("t", if_exists=True)

    def test_what_it_has_not_is_told(self, maxcompute_endpoint: MaxComputeEndpoint) -> None:
        """In the client's own class, at once: it tries again for a minute where a service is out of order."""
        client = maxcompute_endpoint.client("demo")
        client.execute_sql("CREATE TABLE t (a BIGINT)")
        for ask in (
            lambda: client.write_table("t", [[1]]),
            lambda: list(client.read_table("t")),
            lambda: list(client.get_table("t").head(1)),
            lambda: client.exist_schema("default"),
            lambda: list(client.list_tables(owner="ALIYUN$local")),
        ):
            with pytest.raises(errors.NotSupportedError, match="the local endpoint has no"):
                ask()
        with pytest.raises(errors.NotSupportedError, match="the endpoint's URL ends with /api"):
            connect_client(maxcompute_endpoint.url.removesuffix("/api"), "demo").execute_sql("SHOW MODELS")

    def test_a_list_of_a_schema_s(self, maxcompute_endpoint: MaxComputeEndpoint) -> None:
        """By name, of that schema only; or those whose names begin as asked for."""
        client = maxcompute_endpoint.client("demo")
        assert list(client.list_tables()) == []
        for name in ("b", "demo.a", "Ab_1", "`表`"):
            client.execute_sql(f"CREATE TABLE {name} (a BIGINT)")
        other = maxcompute_endpoint.client("demo", schema="S2")
        other.execute_sql("CREATE TABLE c (a BIGINT, b STRING)")
        maxcompute_endpoint.client("local").execute_sql("CREATE TABLE d (a BIGINT)")
        assert _names(client.list_tables()) == ["a", "ab_1", "b", "表"]
        assert _names(client.list_tables(prefix="A")) == ["a", "ab_1"]
        assert _names(client.list_tables(prefix="a_")) == []
        assert _names(client.list_tables(schema="s2")) == _names(other.list_tables()) == ["c"]
        assert _names(client.list_tables(schema="none")) == []
        assert _names(client.list_tables(project="local")) == ["d"]
        (table,) = other.list_tables()
        assert [column.name for column in table.table_schema.columns] == ["a", "b"]
        url = f"{maxcompute_endpoint.url}/projects/DEMO/schemas/S2/tables"
        assert "<Name>c</Name>" in requests.get(url, headers={"Authorization": "ODPS a:b"}).text
        client.execute_sql("DROP TABLE b")
        assert _names(client.list_tables()) == ["a", "ab_1", "表"]

    @pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
    def test_a_list_has_pages(
        self, monkeypatch: pytest.MonkeyPatch, maxcompute_endpoint: MaxComputeEndpoint, size: int
    ) -> None:
        """The client asks for one after another, until there is no marker; a page is never empty."""
        client = maxcompute_endpoint.client("demo")
        for name in "bdac":
            client.execute_sql(f"CREATE TABLE {name} (a BIGINT)")
            client.execute_sql(f"CREATE TABLE {name}.x (a BIGINT)", hints={"odps.namespace.schema": "true"})
        monkeypatch.setattr("sqlalchemy_odpsmodel.server.app.LISTED", size)
        pages = []
        written = wire.names_xml
        monkeypatch.setattr(wire, "names_xml", lambda *of: pages.append([*of[1]]) or written(*of))
        for _ in range(2):
            assert _names(client.list_tables()) == ["a", "b", "c", "d"]
        assert pages == [list("abcd"[first : first + size]) for first in range(0, 4, size)] * 2
        assert _names(client.list_schemas()) == ["a", "b", "c", "d", "default"]
        assert _names(client.list_schemas(prefix="D")) == ["d", "default"]

    def test_what_is_no_table_is_in_no_list(self, maxcompute_endpoint: MaxComputeEndpoint) -> None:
        """The store's, SQLite's, views, and names that MaxCompute has not."""
        client = maxcompute_endpoint.client("local")
        client.execute_sql(create())
        with closing(ours.connect(maxcompute_endpoint.path)) as connection:
            for sql in (
                "CREATE TABLE Made (id INTEGER PRIMARY KEY AUTOINCREMENT)",
                "CREATE VIEW v AS SELECT * FROM made",
                'CREATE TABLE "local.default.made" (a INTEGER)',
                'CREATE TABLE "a b" (a INTEGER)',
                'CREATE TABLE "a.b" (a INTEGER)',
                'CREATE TABLE "demo.s._odpsmodel_x" (a INTEGER)',
            ):
                connection.execute(sql)
            connection.commit()
        assert _names(client.list_tables()) == ["made"]
        assert _names(client.list_tables(project="demo", schema="s")) == []
        assert all(client.exist_table(name) for name in _names(client.list_tables()))

    def test_a_list_of_schemas(self, maxcompute_endpoint: MaxComputeEndpoint) -> None:
        """The default one, and those of this project in which there is a model or a table."""
        client = maxcompute_endpoint.client("demo")
        assert _names(client.list_schemas()) == ["default"]
        for schema, sql in (
            ("zoo", "CREATE TABLE t (a BIGINT)"), ("Ants", create()), ("both", "CREATE TABLE t (a BIGINT)"),
            ("both", create()),
        ):  # fmt: skip
            maxcompute_endpoint.client("demo", schema=schema).execute_sql(sql)
        maxcompute_endpoint.client("other", schema="x").execute_sql("CREATE TABLE t (a BIGINT)")
        maxcompute_endpoint.client("other", schema="y").execute_sql(create())
        assert _names(client.list_schemas()) == ["ants", "both", "default", "zoo"]
        assert _names(client.list_schemas(project="other")) == ["default", "x", "y"]

    def test_columns_are_added_and_dropped(self, cursor: Any, client: Any) -> None:
        """Its rows stay, and what it says of itself."""
        insert_row(cursor)
        client.execute_sql("ALTER TABLE kept ADD COLUMNS (code CHAR(2) COMMENT 'new', at TIMESTAMP)")
        client.execute_sql("ALTER TABLE kept DROP COLUMNS n, s, b, d, dt, day, ts, ntz")
        client.execute_sql("ALTER TABLE kept DROP COLUMN yes")
        cursor.execute("INSERT INTO kept VALUES (3, CAST(2.5 AS FLOAT), 0.5, 'x', '2024-01-02 03:04:05.1')")
        client.execute_sql("UPDATE kept SET code = 'y' WHERE id = 2")
        cursor.execute("SELECT * FROM kept ORDER BY id")
        assert [tuple(row) for row in cursor.fetchall()] == [
            (ROW[0], 1.5, -2.5e300, None, None),
            (2, None, None, "y", None),
            (3, 2.5, 0.5, "x", pd.Timestamp("2024-01-02 03:04:05.1")),
        ]
        table = client.get_table("kept")
        assert table.comment == "all types"
        assert [(c.name, str(c.type).lower(), c.comment, c.nullable) for c in table.table_schema.columns] == [
            ("id", "bigint", "the key", False),
            ("f", "float", None, True),
            ("x", "double", None, True),
            ("code", "char(2)", "new", True),
            ("at", "timestamp", None, True),
        ]

    def test_several_columns_are_dropped_together_or_not_at_all(
        self, maxcompute_endpoint: MaxComputeEndpoint
    ) -> None:
        """Where SQLite refuses the second, which is another program's key, the first is there too."""
        with closing(ours.connect(maxcompute_endpoint.path)) as connection:
            connection.execute("CREATE TABLE made (id INTEGER PRIMARY KEY, a TEXT, b TEXT)")
            connection.commit()
        client = maxcompute_endpoint.client("local")
        with pytest.raises(errors.ODPSError, match="cannot drop PRIMARY KEY column") as raised:
            client.execute_sql("ALTER TABLE made DROP COLUMNS a, id")
        assert raised.value.code == "ODPS-0130071"
        assert [column.name for column in client.get_table("made").table_schema.columns] == ["id", "a", "b"]

    def test_what_alembic_sends(self, client: Any) -> None:
        """The version table of a migration on MaxCompute: made, looked for, filled, moved, emptied."""
        for sql in (
            "CREATE TABLE alembic_version (\n\tversion_num STRING NOT NULL\n)\n\nTBLPROPERTIES('transactional'='true')",
            "INSERT INTO alembic_version (version_num) VALUES ('ae1027a6acf')",
            "UPDATE alembic_version SET version_num='1975ea83b712' WHERE version_num = 'ae1027a6acf'",
        ):
            client.execute_sql(sql)
        assert client.exist_table("alembic_version")
        with client.execute_sql("SELECT version_num FROM alembic_version").open_reader(tunnel=True) as reader:
            assert [record.values for record in reader] == [["1975ea83b712"]]
        client.execute_sql("DELETE FROM alembic_version WHERE version_num = '1975ea83b712'")
        with client.execute_sql("SELECT COUNT(*) FROM alembic_version").open_reader(tunnel=True) as reader:
            assert [record.values for record in reader] == [[0]]

    def test_projects_and_schemas_have_tables_of_their_own(
        self, maxcompute_endpoint: MaxComputeEndpoint
    ) -> None:
        """And a name with a schema, or with both, means another's; without schemas a.b is project.table."""
        first, second = maxcompute_endpoint.client("p1"), maxcompute_endpoint.client("p2")
        for client, number in ((first, 1), (second, 2), (maxcompute_endpoint.client("p1", schema="s"), 3)):
            client.execute_sql("CREATE TABLE t (n BIGINT)")
            client.execute_sql(f"INSERT INTO t VALUES ({number})")
        for name, number, flag in (
            ("t", 1, "true"), ("s.t", 3, "true"), ("p2.default.t", 2, "true"), ("p2.t", 2, "false"),
        ):  # fmt: skip
            sql = f"SET odps.namespace.schema={flag};SELECT n FROM {name}"
            with first.execute_sql(sql).open_reader(tunnel=True) as reader:
                assert [record.values for record in reader] == [[number]]
        with pytest.raises(errors.ODPSError, match="a name has no schema"):
            first.execute_sql("SET odps.namespace.schema=false;SELECT n FROM a.b.c")
        assert second.exist_table("t", project="p1", schema="s")
        assert not second.exist_table("t", project="p1", schema="z")

    def test_the_file_s_own_project_has_them_under_their_plain_names(
        self, maxcompute_endpoint: MaxComputeEndpoint
    ) -> None:
        """What a program made with the driver is there, and the other way round."""
        with closing(ours.connect(maxcompute_endpoint.path)) as connection:
            connection.execute("CREATE TABLE made (id INTEGER, name VARCHAR(10), at DATETIME, price NUMERIC)")
            connection.execute("INSERT INTO made VALUES (1, 'a', '2024-01-02 03:04:05', 1.25)")
            connection.commit()
        client = maxcompute_endpoint.client("local")
        with client.execute_sql("SELECT * FROM made").open_reader(tunnel=True) as reader:
            assert [r.values for r in reader] == [[1, "a", datetime(2024, 1, 2, 3, 4, 5), Decimal("1.25")]]
        client.execute_sql("CREATE TABLE theirs (a BIGINT)")
        with closing(ours.connect(maxcompute_endpoint.path)) as connection:
            assert connection.execute("SELECT * FROM theirs").fetchall() == []

    @pytest.mark.parametrize(
        ("type_", "value"),
        [("BIGINT", "'x'"), ("TINYINT", "128"), ("INT", "-2147483649"), ("DATE", "'today'")],
    )
    def test_a_value_that_is_none_of_its_type_is_told(
        self, maxcompute_endpoint: MaxComputeEndpoint, type_: str, value: str
    ) -> None:
        """Of what another program wrote."""
        with closing(ours.connect(maxcompute_endpoint.path)) as connection:
            connection.execute(f"CREATE TABLE made (id {type_})")
            connection.execute(f"INSERT INTO made VALUES ({value})")
            connection.commit()
        with pytest.raises(errors.ODPSError, match=f"column id holds a value that is no {type_}"):
            maxcompute_endpoint.client("local").execute_sql("SELECT id FROM made")

    @pytest.mark.parametrize(
        "table",
        ["_odpsmodel_model", "_odpsmodel_store", "odps_models", "odps_model_options", "sqlite_schema"],
    )
    def test_the_store_is_no_table(self, maxcompute_endpoint: MaxComputeEndpoint, table: str) -> None:
        """It has all projects' models, and MaxCompute has no such tables."""
        client = maxcompute_endpoint.client("local")
        client.execute_sql(create())
        for sql in (f"SELECT * FROM {table}", f"DROP TABLE {table}", f"DELETE FROM {table}"):
            with pytest.raises(errors.NoSuchTable):
                client.execute_sql(sql)
        client.execute_sql(f"DROP TABLE IF EXISTS {table}")
        assert not client.exist_table(table)
        assert client.exist_model("m")

    @pytest.mark.parametrize(
        ("kind", "code", "message", "sql"),
        [
            (errors.NoSuchTable, "ODPS-0130131", "table nope does not exist", "SELECT a FROM nope"),
            (errors.ODPSError, "ODPS-0110061", "table kept already exists", "CREATE TABLE kept (a BIGINT)"),
            (errors.NoSuchTable, "ODPS-0130131", "table nope does not exist", "ALTER TABLE nope ADD COLUMNS (a INT)"),
            (errors.ODPSError, "ODPS-0130071", "column n is in table", "ALTER TABLE kept ADD COLUMNS (N INT)"),
            (errors.ODPSError, "ODPS-0130071", "support this form of ALTER TABLE", "ALTER TABLE kept RENAME TO x"),
            (errors.ParseError, "ODPS-0130161", "[1,21] Parse exception", "SELECT id FROM kept WHERE"),
            (errors.ODPSError, "ODPS-0130071", "does not support JOIN", "SELECT a.id FROM kept a JOIN kept b ON a.id = b.id"),
            (errors.ODPSError, "ODPS-0130071", "does not support MERGE", "MERGE INTO kept USING x ON 1 = 1"),
            (errors.ODPSError, "ODPS-0130071", "column nope does not exist", "SELECT nope FROM kept"),
            (errors.ODPSError, "ODPS-0130071", "column n is TINYINT: a whole number from -128 to 127", "INSERT INTO kept (id, n) VALUES (1, 128)"),
            (errors.ODPSError, "ODPS-0130071", "NOT NULL constraint failed", "INSERT INTO kept (n) VALUES (1)"),
            (errors.ODPSError, "ODPS-0130071", "needs a transactional table", "UPDATE plain SET a = 1 WHERE a = 2"),
            (errors.ODPSError, "ODPS-0130071", "Expression tree is too large", f"SELECT CONCAT({', '.join(['s'] * 3_000)}) FROM kept"),
            (errors.ODPSError, "ODPS-0130071", "too many arguments", f"SELECT COALESCE({', '.join(['s'] * 3_000)}) FROM kept"),
            (errors.ODPSError, "ODPS-0130071", "column id is there twice", "SELECT id, id FROM kept"),
            (errors.ODPSError, "ODPS-0130071", "comparing a computed DECIMAL", "SELECT id FROM kept WHERE d + 0.2BD = 0.3BD"),
            (errors.ODPSError, "ODPS-0130071", "does not support CAST of STRING AS BIGINT", "SELECT CAST(s AS BIGINT) FROM kept"),
            (errors.ODPSError, "ODPS-0130071", "odps.sql.timezone must be", "SET odps.sql.timezone=nowhere; SELECT 1"),
            (errors.ParseError, "ODPS-0130161", "[2,21] Parse exception", "SET a=b;\nSELECT id FROM kept WHERE"),
            (errors.ODPSError, "ODPS-0130071", "several statements", "SELECT 1; SELECT 2"),
        ],
    )  # fmt: skip
    def test_what_is_refused(
        self, client: Any, kind: type[Exception], code: str, message: str, sql: str
    ) -> None:
        """By the client's own class, with a code, in words."""
        client.execute_sql(CREATE)
        client.execute_sql("CREATE TABLE plain (a BIGINT)")
        with pytest.raises(kind) as raised:
            client.execute_sql(sql)
        assert raised.value.code == code
        assert message in raised.value.args[0]
