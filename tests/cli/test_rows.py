"""odpsmodel models, versions and desc, and the formats of rows."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from samples import IMPORT, KEY, REMOTE, add, create

from sqlalchemy_odpsmodel import dbapi, layout
from sqlalchemy_odpsmodel.cli import main
from sqlalchemy_odpsmodel.cli.output import emit

#: The columns of the vendor's page.
SHOW_MODELS = [
    "ModelName", "Owner", "SourceType", "ModelType", "DefaultVersion", "CreateTime", "LastModifiedTime", "Comment",
]  # fmt: skip


def odpsmodel(*arguments: object, code: int = 0, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)
    assert code == result.exit_code, result.output
    return result


@pytest.fixture
def db(path: Path) -> Path:
    """A file with a model in project local, one in schema lab, and one in project other."""
    statements = (create(tail="COMMENT 'c'"), add(), create(REMOTE, name="lab.r"), create(name="other.lab.o"))
    odpsmodel("run", path, "-", stdin=";".join(statements))
    return path


def rows(result: Result) -> Any:
    return json.loads(result.stdout)


class TestCommands:
    def test_models_of_the_current_project_and_schema(self, db: Path) -> None:
        (found,) = rows(odpsmodel("models", db, "--format", "json"))
        assert list(found) == SHOW_MODELS
        assert list(found.values())[:5] == ["m", "ALIYUN$local", "IMPORT", "BOOSTED_TREE_CLASSIFIER", "v1"]
        place = ("--project", "OTHER", "--schema", "lab")
        assert [row["ModelName"] for row in rows(odpsmodel("models", db, "--format", "json", *place))] == [
            "o"
        ]
        url = f"odpsmodel:///{db}?project=other&schema=lab"
        assert [row["ModelName"] for row in rows(odpsmodel("models", url, "--format", "json"))] == ["o"]

    def test_versions_in_order_of_creation(self, db: Path) -> None:
        found = rows(odpsmodel("versions", db, "m", "--format", "json"))
        assert [(v["VersionName"], v["IsDefault"]) for v in found] == [("v1", "true"), ("v2", "false")]

    @pytest.mark.parametrize("name", ["lab.r", "LOCAL.lab.R", "`lab`.`r`"])
    def test_desc_of_a_name_as_in_sql(self, db: Path, name: str) -> None:
        assert rows(odpsmodel("desc", db, name, "--format", "json"))["Model Information"]["Model Name"] == "r"

    def test_a_table_by_default(self, db: Path) -> None:
        head, rule, row = odpsmodel("models", db).stdout.splitlines()
        assert head.split() == SHOW_MODELS
        assert {"─"} == set(rule)
        assert row.split()[:2] == ["m", "ALIYUN$local"]

    @pytest.mark.parametrize("name", ["a b", "m; DROP MODEL m", "a.b.c.d", "", "m'"])
    @pytest.mark.parametrize("command", ["versions", "desc"])
    def test_what_can_be_no_name(self, db: Path, command: str, name: str) -> None:
        result = odpsmodel(command, db, name, code=2)
        assert f"{name!r} is no [[project.]schema.]model" in result.stderr

    @pytest.mark.parametrize("option", ["--project", "--schema"])
    @pytest.mark.parametrize("value", ["", "ü", "a b"])
    def test_what_can_be_no_project_or_schema(self, db: Path, option: str, value: str) -> None:
        assert option in odpsmodel("models", db, option, value, code=2).stderr

    @pytest.mark.parametrize("command", ["versions", "desc"])
    def test_a_model_that_is_not_there(self, db: Path, command: str) -> None:
        result = odpsmodel(command, db, "nothing", code=1)
        assert (
            f"{db}: ODPS-0110061: Failed to run ddltask - model local.default.nothing does not exist\n"
            == result.stderr
        )

    @pytest.mark.parametrize(
        ("command", "code"), [(("models",), 0), (("versions", "m"), 1), (("desc", "m"), 1)]
    )
    def test_where_there_are_models_it_says_if_there_are_none_here(
        self, db: Path, command: tuple[str, ...], code: int
    ) -> None:
        result = odpsmodel(command[0], "--project", "demo", db, *command[1:], code=code)
        remark = "there are no models in demo.default, but in local.default, local.lab, other.lab\n"
        assert remark in result.stderr
        assert "there are no models" not in odpsmodel(command[0], db, *command[1:]).stderr

    @pytest.mark.parametrize("command", [("models",), ("versions", "m"), ("desc", "m")])
    def test_no_file_is_made(self, tmp_path: Path, command: tuple[str, ...]) -> None:
        missing = tmp_path / "missing.db"
        result = odpsmodel(command[0], missing, *command[1:], code=2)
        assert f"{missing}: no such file, or an empty one" in result.stderr
        assert not missing.exists()


class TestFormats:
    def test_vendor_is_the_layout_of_the_pages(self, db: Path) -> None:
        """Which tests/spec/test_results.py compares with the pages, to the character."""
        with closing(dbapi.connect(db)) as con:
            show, desc = con.execute("SHOW MODELS"), con.execute("DESC MODEL m")
            grid, described = layout.grid(SHOW_MODELS, show), layout.describe(desc)
        assert odpsmodel("models", db, "--format", "vendor").stdout == f"{grid}\n"
        assert odpsmodel("desc", db, "m", "--format", "vendor").stdout == f"{described}\n"

    def test_vendor_s_grid(self, path: Path) -> None:
        result = odpsmodel("run", path, "-", stdin="SELECT 1 AS a, NULL AS b, x'0aff' AS blob;")
        assert result.stdout.splitlines() == [
            "+---+------+------+",
            "| a | b    | blob |",
            "+---+------+------+",
            "| 1 | NULL | 0aff |",
            "+---+------+------+",
        ]

    def test_json_of_rows(self, path: Path) -> None:
        """A row a line; numbers are numbers, what comes again has a number, infinity is text."""
        sql = "SELECT 1 AS a, 1.5 AS a, NULL AS b, x'0aff' AS c, '模\"型\n' AS d, 9e999 AS e, 2 AS \"a:1\", 3 AS a;"
        result = odpsmodel("run", path, "-", "--format", "json", stdin=f"{sql}SELECT 1 AS a WHERE 0;")
        first, second = result.stdout.splitlines()
        expected = {
            "a": 1,
            "a:1": 1.5,
            "b": None,
            "c": "0aff",
            "d": '模"型\n',
            "e": "inf",
            "a:1:1": 2,
            "a:2": 3,
        }
        assert [expected] == json.loads(first)
        assert list(expected) == list(json.loads(first)[0])
        assert second == "[]"
        many = odpsmodel("run", path, "-", "--format", "json", stdin="VALUES (1), (2);").stdout
        assert many == '[{"column1": 1},\n {"column1": 2}]\n'

    def test_json_of_desc(self, db: Path) -> None:
        found = rows(odpsmodel("desc", db, "m", "--format", "json"))
        assert list(found) == ["Model Information", "Version Information", "Input"]
        assert found["Model Information"]["Model Type"] == "BOOSTED_TREE_CLASSIFIER"
        assert IMPORT["LOCATION"] == found["Version Information"]["Path"]
        assert found["Input"] == [{"Input": "f1", "Type": "int", "Comment": ""}]

    def test_csv(self, path: Path) -> None:
        sql = "SELECT 'a,\"b\"\nc' AS x, NULL AS y, x'0aff' AS z, 1.5 AS v;"
        text = odpsmodel("run", path, "-", "--format", "csv", stdin=sql).stdout
        assert text == 'x,y,z,v\n"a,""b""\nc",,0aff,1.5\n'

    def test_a_carriage_return_in_csv(self, path: Path) -> None:
        sql = "SELECT 'a' || char(13) || 'b' AS x, 'y' AS y;"
        text = odpsmodel("run", path, "-", "--format", "csv", stdin=sql).stdout_bytes.decode()
        assert list(csv.reader(io.StringIO(text, newline=""))) == [["x", "y"], ["a\rb", "y"]]

    def test_json_is_closed_where_a_row_cannot_be_read(self, path: Path) -> None:
        sql = "SELECT abs(x) FROM (SELECT -1 AS x UNION ALL SELECT 2 UNION ALL SELECT -9223372036854775807 - 1);"
        result = odpsmodel("run", path, "-", "--format", "json", stdin=sql, code=1)
        assert rows(result) == [{"abs(x)": 1}]
        assert "integer overflow" in result.stderr

    @pytest.mark.parametrize("form", ["table", "vendor", "json", "csv"])
    def test_results_and_oks_take_turns_in_one_pipe(self, path: Path, form: str) -> None:
        code = f"from sqlalchemy_odpsmodel.cli import main; main(['run', {str(path)!r}, '-', '--format', {form!r}])"
        done = subprocess.run(
            [sys.executable, "-c", code], input="SELECT 1 AS a; SELECT 2 AS b;",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        first, second, rest = done.stdout.split("OK\n")
        assert ("a" in first, "b" in second, rest) == (True, True, "")

    @pytest.mark.parametrize("form", ["vendor", "csv"])
    def test_what_goes_to_a_pipe_is_as_it_is(self, path: Path, form: str) -> None:
        sql = "SELECT char(27) || '[31mx' AS a;"
        text = odpsmodel("run", path, "-", "--format", form, stdin=sql).stdout_bytes
        assert b"\x1b[31mx" in text

    def test_csv_of_desc(self, db: Path) -> None:
        text = odpsmodel("desc", db, "m", "--format", "csv").stdout
        found = list(csv.reader(io.StringIO(text)))
        assert found[0] == ["Section", "Name", "Value", "Comment"]
        assert found[-1] == ["Input", "f1", "int", ""]

    def test_table_of_desc(self, db: Path) -> None:
        text = odpsmodel("desc", db, "m").stdout
        parts = [part.splitlines() for part in text.split("\n\n")]
        assert [part[0].rstrip() for part in parts] == [
            "Model Information",
            "Version Information",
            "Input   Type   Comment",
        ]
        assert parts[0][1].split() == ["Owner", "ALIYUN$local"]

    def test_a_table_in_a_pipe_is_as_wide_as_its_cells(self, path: Path) -> None:
        sql = f"SELECT '{'x' * 5000}' AS long, NULL AS empty;"
        text = odpsmodel("run", path, "-", "--format", "table", stdin=sql).stdout
        assert text.splitlines()[2].split() == ["x" * 5000, "NULL"]

    def test_a_table_holds_nothing_that_a_terminal_obeys(self, path: Path) -> None:
        """Neither rich's markup."""
        sql = "SELECT char(27) || '[31m[red]x[/red]' || char(7, 10) AS \"[bold]a\";"
        text = odpsmodel("run", path, "-", "--format", "table", stdin=sql).stdout
        assert r"\x1b[31m[red]x[/red]\x07\n" in text
        assert "[bold]a" in text
        assert len(text.splitlines()) == 3
        assert "\x1b" not in text

    @pytest.mark.parametrize("form", ["table", "vendor", "json", "csv"])
    def test_no_statement_without_rows_prints_any(self, path: Path, form: str) -> None:
        result = odpsmodel("run", path, "-", "--format", form, stdin=f"{create()}; CREATE TABLE t (a);")
        assert result.stdout == ""

    @pytest.mark.parametrize("form", ["table", "vendor", "json", "csv"])
    def test_no_key_in_any_format(self, path: Path, form: str) -> None:
        script = f"{create(REMOTE, APIKEY=KEY)}; SHOW MODELS; DESC MODEL m; SELECT * FROM odps_model_options;"
        result = odpsmodel("run", path, "-", "--format", form, stdin=script)
        assert "********" in result.stdout
        assert KEY not in result.output


def test_what_is_written_in_parts_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by Python's unbuffered standard output, on a disk that is nearly full."""
    written = bytearray()

    class Raw:
        def write(self, data: bytes) -> int:
            written.extend(data[:3])
            return len(data[:3])

    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: False, buffer=Raw()))
    emit("模型 of MaxCompute")
    assert written.decode() == "模型 of MaxCompute\n"


class TestEcho:
    def echo(self, path: Path, script: str, code: int = 0) -> str:
        result = odpsmodel("run", "--echo", path, "-", stdin=script, code=code)
        assert KEY not in result.output
        return result.stderr

    def test_a_model_statement_in_one_form(self, path: Path) -> None:
        assert (
            self.echo(path, "show /* all */ models; drop  model if exists M")
            == "SHOW MODELS;\nOK\nDROP MODEL IF EXISTS m;\nOK\n"
        )

    def test_ordinary_sql_is_formatted(self, path: Path) -> None:
        """As sqlparse has it: clauses on lines of their own; words stay as they are."""
        assert (
            self.echo(path, "select 1 as a, 2 as Key where 1=1;")
            == "select 1 as a,\n       2 as Key\nwhere 1=1;\nOK\n"
        )

    def test_what_is_too_large_for_sqlparse_is_shown_as_it_is(self, path: Path) -> None:
        deep = f"SELECT {'(' * 200}1{')' * 200};"
        assert self.echo(path, deep, code=1).startswith(f"{deep}\n")

    def test_a_key_is_masked(self, path: Path) -> None:
        assert "    APIKEY = '********',\n" in self.echo(path, create(REMOTE, APIKEY=KEY))

    @pytest.mark.parametrize(
        "slip",
        [
            f"CRATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = '{KEY}');",
            f"CREATE MODL m (API_KEY = '{KEY}');",
            f"INSERT INTO t VALUES ('APIKEY', '{KEY}');",
        ],
    )
    def test_what_may_be_a_slip_shows_no_string(self, path: Path, slip: str) -> None:
        assert "'…'" in self.echo(path, slip, code=1).partition("\n")[0]
