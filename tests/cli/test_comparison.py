"""odpsmodel diff and apply: two databases, or a database and declared models."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from samples import IMPORT, KEY, REMOTE, add, create, names

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.cli import comparison, main

HEAD = "SET odps.namespace.schema=true;\n\n"
DECLARED = """
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy_odpsmodel import EnvSecret, Model, ModelVersion
metadata = MetaData()
class Base(DeclarativeBase):
    metadata = metadata
class Holder:
    base = Base
files = {FILES}
service = {SERVICE}
number = 1
Model("m", metadata, ModelVersion("v1", inputs=[("f1", "INT")], options=files, comment="c"),
      ModelVersion("v2", inputs=[("f1", "INT")], options=files),
      source_type="IMPORT", model_type="BOOSTED_TREE_CLASSIFIER")
Model("r", metadata, ModelVersion("v1", options=service), source_type="REMOTE", model_type="MLLM", schema="lab")
"""
FILES = {key: value for key, value in IMPORT.items() if not key.startswith("MODEL_")}
SERVICE = {key: value for key, value in REMOTE.items() if not key.startswith("MODEL_")}
#: What makes the declared models.
MADE = (
    create(tail="COMMENT 'c'"),
    add(),
    create(REMOTE, name="lab.r", inputs=""),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module of declared models in the current folder."""
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("declared", None)


def declare(text: str = DECLARED, **service: str) -> None:
    files, options = repr(FILES), repr(SERVICE | service)
    Path("declared.py").write_text(text.replace("{FILES}", files).replace("{SERVICE}", options))
    sys.modules.pop("declared", None)
    shutil.rmtree("__pycache__", ignore_errors=True)


def odpsmodel(*arguments: object, code: int = 0, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)
    assert result.exit_code == code, result.output
    assert KEY not in result.output
    assert "Traceback" not in result.output
    return result


def made(name: str, *statements: str, **arguments: str) -> str:
    """A file with what statements make."""
    with closing(dbapi.connect(name, isolation_level=None, **arguments)) as con:  # type: ignore[arg-type]
        for statement in statements:
            con.execute(statement)
    return name


def exported(name: str) -> str:
    return odpsmodel("export", name).stdout


class TestDiff:
    @pytest.mark.parametrize(
        "target", ["declared:metadata", "declared:Base", "declared:Holder.base.metadata"]
    )
    def test_nothing_differs(self, target: str) -> None:
        declare()
        found = list(sys.path)
        result = odpsmodel("diff", made("a.db", *MADE), target)
        assert result.output == ""
        assert found == sys.path

    def test_the_statements_of_each_change(self) -> None:
        """Drops first; in the order of declaration; the database is as it was."""
        declare()
        made("a.db", create(tail="COMMENT 'c'"), create(name="gone"))
        before = exported("a.db")
        script = odpsmodel("diff", "a.db", "declared:metadata", code=1).stdout
        assert script.startswith(HEAD)
        assert [line for line in script.splitlines() if line[:1].isalpha()][1:] == [
            "DROP MODEL gone;", "ALTER MODEL m ADD VERSION v2", "INPUT (f1 int)", "WITH OPTIONS (",
            "CREATE MODEL lab.r WITH VERSION v1", "OPTIONS (",
        ]  # fmt: skip
        assert exported("a.db") == before

    def test_the_script_makes_the_one_the_other(self) -> None:
        """By odpsmodel run, on a file of another project too: names have no project."""
        target = made("b.db", *MADE, "ALTER MODEL m SET DEFAULT_VERSION v2", create(name="new"))
        made("a.db", create(name="gone"), create(tail="COMMENT 'c'"), project="p")
        script = odpsmodel("diff", "odpsmodel:///a.db?project=p", target, code=1).stdout
        odpsmodel("run", "--project", "p", "a.db", "-", stdin=script)
        assert odpsmodel("diff", "odpsmodel:///a.db?project=p", target).output == ""
        assert exported("a.db").replace(" p.", " local.") == exported("b.db")

    @pytest.mark.parametrize(
        ("before", "after", "what"),
        [
            ({"tail": "COMMENT 'c'"}, {}, "CREATE"),
            ({"inputs": "INPUT (f1 int COMMENT 'c')"}, {}, "(inputs)"),
            ({"base": REMOTE, "PAI_EAS_SYNC_REQUEST_TIMEOUT": "6000"}, {"base": REMOTE}, "(PAI_EAS_SYNC_REQUEST_TIMEOUT)"),
            ({"base": REMOTE}, {"base": REMOTE, "APIKEY": "${OTHER}"}, "(APIKEY)"),
            ({"base": REMOTE}, {"base": REMOTE, "APIKEY": KEY}, "(APIKEY)"),
        ],
    )  # fmt: skip
    def test_of_two_databases_all_is_compared(self, before: dict, after: dict, what: str) -> None:  # type: ignore[type-arg]
        """What a declaration would leave out, too."""
        made("a.db", create(**before))
        made("b.db", create(**after))
        allow = ("--allow-replace", "models")
        assert what in odpsmodel("diff", *allow, "a.db", "b.db", code=1).stdout
        assert odpsmodel("diff", *allow, "b.db", "b.db").output == ""

    def test_a_default_that_one_of_them_states_is_no_difference(self) -> None:
        made("a.db", create(REMOTE))
        made("b.db", create(REMOTE, PAI_EAS_SYNC_REQUEST_TIMEOUT="5000"))
        assert odpsmodel("diff", "a.db", "b.db").output == ""
        assert odpsmodel("diff", "b.db", "a.db").output == ""

    def test_the_schema_of_the_url_is_that_of_models_without_one(self) -> None:
        declare()
        made("a.db", *MADE, schema="prod")
        assert odpsmodel("diff", "odpsmodel:///a.db?schema=prod", "declared:metadata").output == ""
        made("b.db", *MADE)
        assert odpsmodel("diff", "odpsmodel:///a.db?schema=prod", "b.db").output == ""
        assert "CREATE MODEL" in odpsmodel("diff", "a.db", "b.db", code=1).stdout

    def test_a_model_twice_in_a_schema(self) -> None:
        declare(DECLARED + "\nmetadata.tables\nModel('r', metadata, ModelVersion('v1', options=service),"
                " source_type='REMOTE', model_type='MLLM')\n")  # fmt: skip
        made("a.db", *MADE)
        result = odpsmodel("diff", "odpsmodel:///a.db?schema=lab", "declared:metadata", code=1)
        assert "model r is declared twice in schema lab" in result.stderr

    def test_an_option_of_the_other_source_type_is_not_kept(self) -> None:
        """Its default neither."""
        made("a.db", create(REMOTE, PAI_EAS_SYNC_REQUEST_TIMEOUT="6000"))
        made("b.db", create())
        odpsmodel("apply", "--yes", "--allow-replace", "models", "a.db", "b.db")
        assert exported("a.db") == exported("b.db")

    def test_a_comment_that_moves_a_cursor_is_written_in_escapes(self) -> None:
        """To a terminal and elsewhere: nothing hides a statement, or is lost by a pipe."""
        made("b.db", create(tail="COMMENT 'x\x1b[40A\x07\x7f'"))
        made("a.db", create(name="gone"))
        script = odpsmodel("diff", "a.db", "b.db", code=1).stdout
        assert r"COMMENT 'x\033[40A\007\177'" in script
        odpsmodel("run", "a.db", "-", stdin=script)
        assert odpsmodel("diff", "a.db", "b.db").output == ""
        assert r"'x\033[40A\007\177'" in exported("a.db")


class TestKeys:
    def test_a_plain_key_that_is_declared(self) -> None:
        """Is compared with the fingerprint, and shown as a mask, which a remark tells."""
        made("a.db", *MADE[:2], create(REMOTE, name="lab.r", inputs="", APIKEY=KEY))
        declare(APIKEY=KEY)
        assert odpsmodel("diff", "a.db", "declared:metadata").output == ""
        declare(APIKEY=f"{KEY}x")
        script = odpsmodel("diff", "a.db", "declared:metadata", code=1).stdout
        assert "\n-- The APIKEY is masked here; `odpsmodel apply` sends it.\nALTER MODEL lab.r ADD" in script
        assert "APIKEY = '********'" in script

    def test_of_two_files_plain_keys_cannot_be_compared(self) -> None:
        made("a.db", create(REMOTE, APIKEY=KEY))
        made("b.db", create(REMOTE, APIKEY=f"{KEY}x"))
        result = odpsmodel("diff", "a.db", "b.db")
        assert result.stdout == ""
        assert result.stderr == (
            "plain APIKEYs were not compared: a database has a fingerprint of its own of each, or none\n"
        )

    def test_of_a_copy_they_can(self) -> None:
        made("a.db", create(REMOTE, APIKEY=KEY))
        odpsmodel("backup", "a.db", "b.db")
        assert odpsmodel("diff", "a.db", "b.db").output == ""
        made("b.db", "DROP MODEL m", create(REMOTE, APIKEY=f"{KEY}x"))
        result = odpsmodel("diff", "a.db", "b.db", code=1)
        assert "version v1 of model m changes (APIKEY)" in " ".join(result.stdout.split()).lower().replace(
            "apikey", "APIKEY"
        )
        assert "were not compared" not in result.stderr

    def test_a_key_that_cannot_be_read_is_not_applied(self) -> None:
        """And neither is what stands before it."""
        made("a.db", create(name="gone"))
        made("b.db", create(REMOTE, APIKEY=KEY))
        before = exported("a.db")
        result = odpsmodel("apply", "--yes", "a.db", "b.db", code=1)
        assert "-- The APIKEY of v1 cannot be read and is a mask, which is refused" in result.stdout
        assert "the APIKEY of model m version v1 cannot be read from B" in result.stderr
        assert exported("a.db") == before


class TestApply:
    def test_it_shows_and_asks(self) -> None:
        declare()
        made("a.db", create(name="gone"))
        before = exported("a.db")
        refused = odpsmodel("apply", "a.db", "declared:metadata", stdin="n\n", code=1)
        assert refused.stdout.startswith(f"{HEAD}DROP MODEL gone;\n")
        assert "Run these 4 statements on a.db? [y/N]:" in refused.stderr
        assert exported("a.db") == before
        odpsmodel("apply", "a.db", "declared:metadata", stdin="y\n")
        assert odpsmodel("diff", "a.db", "declared:metadata").output == ""

    def test_in_one_pipe_the_question_is_behind_the_statements(self) -> None:
        declare()
        code = "from sqlalchemy_odpsmodel.cli import main; main(['apply', 'new.db', 'declared:metadata'])"
        done = subprocess.run(
            [sys.executable, "-c", code],
            input="n\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.stdout.startswith(HEAD)
        assert done.stdout.rstrip().endswith("[y/N]: Aborted!")

    def test_no_answer_is_no(self) -> None:
        declare()
        odpsmodel("apply", made("a.db"), "declared:metadata", stdin="", code=1)
        with closing(dbapi.connect("a.db")) as con:
            assert names(con) == []

    def test_one_statement(self) -> None:
        made("a.db", create(), create(name="n"))
        made("b.db", create())
        result = odpsmodel("apply", "a.db", "b.db", stdin="y\n")
        assert "Run this statement on a.db? [y/N]:" in result.stderr
        assert "a.db: 1 statement was run\n" in result.stderr

    def test_yes(self) -> None:
        declare(APIKEY=KEY)
        result = odpsmodel("apply", "--yes", "a.db", "declared:metadata")
        assert result.stderr == "a.db: 3 statements were run\n"
        again = odpsmodel("apply", "a.db", "declared:metadata")
        assert again.stdout == ""
        assert again.stderr == "a.db: nothing is to be done\n"

    @pytest.mark.parametrize(
        "db", ["a.db", "odpsmodel:///a.db?project=p", "odpsmodel:///file:a.db?uri=true&mode=rwc"]
    )
    def test_no_file_is_made_before_the_answer(self, db: str) -> None:
        declare()
        odpsmodel("apply", db, "declared:metadata", stdin="n\n", code=1)
        assert not Path("a.db").exists()
        odpsmodel("apply", db, "declared:metadata", stdin="y\n")
        assert odpsmodel("diff", db, "declared:metadata").output == ""

    def test_what_has_changed_meanwhile_is_looked_at_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing is run."""
        declare()
        made("a.db", *MADE[:1])

        def answer(*arguments: object, **options: object) -> bool:
            made("a.db", MADE[1])
            return True

        monkeypatch.setattr("click.confirm", answer)
        result = odpsmodel("apply", "a.db", "declared:metadata", code=1)
        assert "a.db has changed meanwhile: nothing was run, look again" in result.stderr
        with closing(dbapi.connect("a.db", schema="lab")) as con:
            assert names(con) == []

    def test_on_a_file_it_is_all_or_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        declare()
        made("a.db", create(name="gone"))
        before = exported("a.db")
        elements = iter([comparison.element_of] * 2)

        def fail(statement: object) -> object:
            element_of = next(elements, None)
            if element_of is None:
                raise dbapi.OperationalError("the disk is full")
            return element_of(statement)  # type: ignore[arg-type]

        monkeypatch.setattr(comparison, "element_of", fail)
        result = odpsmodel("apply", "--yes", "a.db", "declared:metadata", code=1)
        assert "a.db: the disk is full" in result.stderr
        assert exported("a.db") == before

    def test_it_compares_again_under_the_write_lock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        declare()
        made("a.db", *MADE[:1])
        compare, locked = comparison.Comparison.__init__, []

        def compared(self: object, *arguments: object) -> None:
            compare(self, *arguments)  # type: ignore[arg-type]
            with closing(dbapi.connect("a.db", timeout=0.01)) as other:
                try:
                    other.execute("DROP MODEL m")
                except dbapi.OperationalError:
                    locked.append(True)
                else:
                    locked.append(False)

        monkeypatch.setattr(comparison.Comparison, "__init__", compared)
        odpsmodel("apply", "--yes", "a.db", "declared:metadata")
        assert locked == [False, True]

    @pytest.mark.filterwarnings("ignore::sqlalchemy_odpsmodel.errors.ModelWarning")
    def test_a_warning_is_a_remark(self) -> None:
        made("b.db", create(LOCATION="oss://oss-cn-shanghai.aliyuncs.com/bucket/"))
        made("a.db", create(name="n"))
        result = odpsmodel("apply", "--yes", "a.db", "b.db")
        assert "\nwarning: LOCATION: only OSS internal endpoints are supported" in f"\n{result.stderr}"
        assert ".py" not in result.stderr

    @pytest.mark.parametrize(
        ("db", "words"),
        [
            (":memory:", "what is in memory is gone"),
            ("nowhere/a.db", "nowhere: no such folder"),
            ("", "the path is empty"),
        ],
    )
    def test_what_nothing_can_be_applied_to(self, db: str, words: str) -> None:
        """Before the statements are shown."""
        declare()
        result = odpsmodel("apply", "--yes", db, "declared:metadata", code=2)
        assert words in result.stderr
        assert result.stdout == ""

    def test_it_waits_for_the_write_lock(self) -> None:
        declare()
        made("a.db", create(name="gone"))
        with closing(sqlite3.connect("a.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            result = odpsmodel("apply", "--yes", "odpsmodel:///a.db?timeout=0.1", "declared:metadata", code=1)
        assert "locked" in result.stderr
        assert odpsmodel("apply", "--yes", "a.db", "declared:metadata").exit_code == 0


class TestReplacing:
    def test_a_remark_tells_what_is_lost(self) -> None:
        declare()
        made("a.db", create(inputs="INPUT (f9 int)", tail="COMMENT 'c'"), *MADE[1:])
        script = odpsmodel("diff", "a.db", "declared:metadata", code=1).stdout
        remarks = " ".join(line.removeprefix("-- ") for line in script.splitlines() if line.startswith("--"))
        assert remarks.startswith(
            "Version v1 of model m changes (inputs), which no statement does: it is dropped and made again, which"
            " loses its times and its place in the order of versions."
        )

    @pytest.mark.parametrize("command", ["diff", "apply"])
    @pytest.mark.parametrize(
        ("allow", "statement", "needed"),
        [
            (("--allow-replace", "nothing"), create(inputs="INPUT (f9 int)", tail="COMMENT 'c'"), "versions"),
            ((), create(tail="COMMENT 'c'", MODEL_TYPE="BOOSTED_TREE_REGRESSOR"), "models"),
        ],
    )
    def test_what_is_not_allowed_names_the_option(
        self, command: str, allow: tuple[str, ...], statement: str, needed: str
    ) -> None:
        declare()
        made("a.db", statement, *MADE[1:])
        result = odpsmodel(command, *allow, "a.db", "declared:metadata", code=1)
        assert result.stdout == ""
        assert result.stderr.endswith(f" made again with --allow-replace {needed}\n")


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("target", "words"),
        [
            ("nowhere:metadata", "nowhere:metadata: No module named 'nowhere'"),
            ("declared:nothing", "declared:nothing: module 'declared' has no attribute 'nothing'"),
            ("declared:number", "declared:number is a int: it is to be a MetaData, or to have one"),
            (":memory:", "what is in memory has no models"),
            ("odpsmodel://", "what is in memory has no models"),
            ("", "the path is empty"),
            (
                "missing.db",
                "missing.db: no such file, or an empty one; declared models are given as module:name",
            ),
            ("declared", "declared: no such file, or an empty one; declared models are given as module:name"),
            ("nowhere.models:metadata", "nowhere.models:metadata: No module named 'nowhere'"),
            ("mysql://host/db", "odpsmodel:///path"),
        ],
    )
    def test_b(self, target: str, words: str) -> None:
        declare()
        made("a.db", *MADE)
        for command in ("diff", "apply"):
            assert words in odpsmodel(command, "a.db", target, code=2).stderr

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (DECLARED.replace("options=files)", "options={})"), "declared.py:13: OptionError: ODPS-0130071"),
            ("import nothing_of_that_name", "declared.py:1: ModuleNotFoundError: No module named 'nothing_of_that_name'"),
            ("import json\njson.loads('{')", "declared.py:2: JSONDecodeError: "),
            ("x = 1\nx y", "declared.py:2: SyntaxError: "),
            ("\n1 / 0", "declared.py:2: ZeroDivisionError: division by zero"),
        ],
    )  # fmt: skip
    def test_a_module_that_cannot_be_imported_tells_its_line(self, text: str, words: str) -> None:
        declare(text)
        made("a.db", *MADE)
        for command in ("diff", "apply"):
            assert words in odpsmodel(command, "a.db", "declared:metadata", code=1).stderr

    def test_models_of_another_project_are_not_overlooked(self) -> None:
        """B without models in its project would drop all of A's."""
        made("a.db", *MADE)
        made("b.db", create(), project="demo")
        before = exported("a.db")
        for command in (("diff",), ("apply", "--yes")):
            result = odpsmodel(*command, "a.db", "b.db", code=1)
            assert (
                "B, b.db, has no models in its project, but in demo: give its URL with ?project="
                in result.stderr
            )
            result = odpsmodel(*command, "b.db", "odpsmodel:///a.db", code=1 if command == ("diff",) else 0)
            assert (
                "A has no models in its project, but in demo: a URL names it with ?project=" in result.stderr
            )
        assert exported("a.db") == before
        made("empty.db", create(), "DROP MODEL m")
        assert "DROP MODEL" in odpsmodel("diff", "a.db", "empty.db", code=1).stdout

    def test_a_of_diff_is_to_be_there(self) -> None:
        declare()
        result = odpsmodel("diff", "missing.db", "declared:metadata", code=2)
        assert "missing.db: no such file, or an empty one" in result.stderr
        assert not Path("missing.db").exists()

    def test_a_default_version_that_is_not_declared(self) -> None:
        declare()
        made("a.db", *MADE, add(version="v9"), "ALTER MODEL m SET DEFAULT_VERSION v9")
        result = odpsmodel("diff", "a.db", "declared:metadata", code=1)
        assert (
            "version v9 of model m is the default version of the database, and is not declared"
            in result.stderr
        )

    def test_an_empty_file_is_none(self) -> None:
        """To connect would make a database of it."""
        declare()
        Path("empty.db").touch()
        result = odpsmodel("diff", "empty.db", "declared:metadata", code=2)
        assert "empty.db: no such file, or an empty one" in result.stderr
        assert Path("empty.db").stat().st_size == 0

    def test_a_module_that_exits_is_an_error(self) -> None:
        declare("raise SystemExit(0)")
        result = odpsmodel("diff", made("a.db", *MADE), "declared:metadata", code=1)
        assert "declared.py:1: SystemExit: 0" in result.stderr

    def test_a_file_of_that_name_is_a_database(self) -> None:
        """Also where its name could be a module's."""
        made("a.db", *MADE)
        made("x:y", *MADE)
        assert odpsmodel("diff", "a.db", "x:y").output == ""
