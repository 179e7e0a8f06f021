"""odpsmodel shell: what it runs, completes and remembers."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from samples import KEY, REMOTE, WORD, add, create, names
from terminals import Terminal

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.cli import main
from sqlalchemy_odpsmodel.cli.completer import ModelCompleter
from sqlalchemy_odpsmodel.cli.shell import Shell, is_safe
from sqlalchemy_odpsmodel.options import OPTION_KEYS

Typed = Callable[..., str]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the history is."""
    folder = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder / "odpsmodel"


@pytest.fixture
def con(path: Path) -> Iterator[dbapi.Connection]:
    with closing(dbapi.connect(path)) as connection:
        yield connection


@pytest.fixture
def typed(con: dbapi.Connection, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Type into a shell, and leave it; what it says on standard output and error."""

    def type_(*lines: str, form: str = "table") -> str:
        with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
            pipe.send_text("".join(f"{line}\r" for line in lines) + "\x04")
            Shell(con, form).run()
        shown = capsys.readouterr()
        return shown.out + shown.err

    return type_


class TestStatements:
    def test_each_is_committed(self, typed: Typed, path: Path) -> None:
        assert typed(create() + ";").endswith("OK\n")
        with closing(dbapi.connect(path)) as other:
            assert names(other) == ["m"]

    def test_enter_goes_on_until_the_semicolon(self, typed: Typed) -> None:
        """Which is one outside of strings and comments; a line may have several statements."""
        shown = typed("SELECT 'a;", "b' AS x, -- ;", "2 AS y; SELECT", "3 AS z;", form="json")
        assert '[{"x": "a;\\nb", "y": 2}]\n' in shown
        assert '[{"z": 3}]\n' in shown

    def test_a_full_width_semicolon_ends_a_model_statement(self, typed: Typed) -> None:
        assert typed("SHOW MODELS；").endswith("OK\n")

    def test_an_error_has_its_place_and_the_shell_goes_on(self, typed: Typed) -> None:
        shown = typed("SHOW MODELS LIKE 'x';", "SHOW MODELS;")
        assert "shell:1:13: ODPS-0130161:[1,13] Parse exception" in shown
        assert "  SHOW MODELS LIKE '…';\n              ^^^^\n" in shown
        assert shown.endswith("OK\n")

    def test_begin_is_obeyed_and_what_is_open_is_rolled_back(
        self, typed: Typed, con: dbapi.Connection
    ) -> None:
        shown = typed("BEGIN;", create() + ";")
        assert shown.endswith("the open transaction was rolled back: COMMIT is missing\n")
        con.rollback()
        assert names(con) == []
        typed("BEGIN;", create() + ";", "COMMIT;")
        assert names(con) == ["m"]

    @pytest.mark.parametrize("word", ["exit", "quit", "EXIT;"])
    def test_words_that_leave(self, typed: Typed, con: dbapi.Connection, word: str) -> None:
        typed(word, create() + ";")
        assert names(con) == []

    def test_help_tells_every_statement(self, typed: Typed) -> None:
        shown = typed("help")
        for words in ("CREATE MODEL", "ADD VERSION", "SET DEFAULT_VERSION", "DROP VERSION", "DROP MODEL", "SHOW MODELS",
                      "SHOW VERSIONS FOR MODEL", "DESC MODEL", "SET flag = value"):  # fmt: skip
            assert words in shown

    def test_ctrl_c_clears_what_is_typed(self, typed: Typed, con: dbapi.Connection) -> None:
        typed("DROP MODEL\x03" + create() + ";")
        assert names(con) == ["m"]

    def test_it_is_for_a_terminal(self, path: Path) -> None:
        result = CliRunner().invoke(main, ["shell", str(path)], input="SHOW MODELS;")
        assert result.exit_code == 2
        assert f"`odpsmodel run {path} -` reads standard input" in result.stderr
        assert not path.exists()


class TestTerminal:
    def test_a_session(self, path: Path) -> None:
        with Terminal("shell", path) as terminal:
            terminal.expect("odpsmodel>")
            terminal.send("DESC MODEL \t\x03")  # there is none yet
            terminal.expect("odpsmodel>")
            terminal.send(create() + ";\r")
            terminal.expect("OK\r\n")
            terminal.send("BEGIN;\r")
            terminal.expect("odpsmodel*>")
            terminal.send("COMMIT;\r")
            terminal.expect("odpsmodel>")
            terminal.send("DESC MODEL\r")
            terminal.expect("         >")
            terminal.send("\t")  # completes the only one
            terminal.expect("m")
            terminal.send(";\r")
            terminal.expect("Version Information")
            terminal.expect("odpsmodel>")
            terminal.send("\x04")
            terminal.end()
            assert terminal.process.returncode == 0

    def test_ctrl_c_stops_a_statement(self, path: Path) -> None:
        """Which would count for ever."""
        with Terminal("shell", "--format", "json", path) as terminal:
            terminal.expect("odpsmodel>")
            endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
            terminal.send(f"SELECT 'it ' || 'runs' UNION ALL SELECT 1 UNION ALL SELECT * FROM ({endless});\r")
            terminal.expect("it runs")
            terminal.send("\x03")
            terminal.expect("odpsmodel>")
            terminal.send("SELECT 'still ' || 'here' UNION ALL SELECT 1;\r")
            terminal.expect("still here")
            terminal.expect("odpsmodel>")
            terminal.send("\x04")
            terminal.end()
            assert terminal.process.returncode == 0

    def test_ctrl_c_stops_what_is_printed_too(self, path: Path) -> None:
        with Terminal("shell", path) as terminal:
            terminal.expect("odpsmodel>")
            series = (
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS number FROM n"
            )
            terminal.send(f"{series} LIMIT 100000000;\r")
            terminal.expect("\r\nnumber")
            terminal.send("\x03")
            terminal.expect("odpsmodel>")
            terminal.send("\x04")
            terminal.end()
            assert terminal.process.returncode == 0


def kept(state: Path) -> list[str]:
    """The statements of the history's file."""
    lines = (state / "history").read_text().splitlines()
    return [line[1:] for line in lines if line.startswith("+")]


class TestHistory:
    def test_statements_are_kept_for_the_next_shell(self, typed: Typed, state: Path) -> None:
        typed("SHOW MODELS;", "SELECT 'x';")
        assert kept(state) == ["SHOW MODELS;", "SELECT 'x';"]
        assert stat.S_IMODE((state / "history").stat().st_mode) == 0o600
        shown = typed("\x1b[A\x1b[A", form="json")  # twice up
        assert "[]\n" in shown

    def test_a_plain_key_is_not_kept(self, typed: Typed, state: Path, path: Path) -> None:
        typed(f"{create(REMOTE, APIKEY=KEY)};", f"SELECT 1; {add(REMOTE, APIKEY=KEY)};", "SHOW MODELS;")
        assert kept(state) == ["SHOW MODELS;"]
        assert KEY not in (state / "history").read_text()

    def test_what_names_a_variable_is_kept(self, typed: Typed, state: Path) -> None:
        typed(f"{create(REMOTE)};")
        assert "${EAS_TOKEN}" in (state / "history").read_text()

    @pytest.mark.parametrize(
        "text",
        [
            f"CRATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = '{KEY}');",
            f"CREATE MODL m (API_KEY = '{KEY}');",
            f'ALTER MODEL m ADD VERSION v2 OPTIONS (APIKEY = "{KEY}");',
            f"CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = r'({KEY})');",
            f"CREATE MODEL m WITH VERSION v1 OPTIONS (API_KEY = '{KEY}');",
            f"CREATE MODEL m WITH VERSION v1 OPTIONS (X='it's', APIKEY='sk;{WORD}');",
            f"SET a=1; CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = `{KEY}`);",
            f"INSERT INTO t VALUES ('APIKEY', '{KEY}');",
            f"foo '{KEY}",
            "frobnicate;",
            f"CREATE MODEL m WITH VERSION v1 OPITONS (AIPKEY='{KEY}');",
            f"CREATE MODEL m WITH VERSION v1 OPTINOS（APIKEI='{KEY}'）;",
            f"ALTER MODEL m ADD VERSION v2 WITH (APKEY='{KEY}');",
            f"ALTER MODEL m SET AKEY='{KEY}';",
            f"SHOW MODELS LIKE '{KEY}';",
            f"DESC MODEL m -- {KEY}\n;",
            f"DESC MODEL m /* {KEY} */;",
            f"SET odps.sql.ak={WORD};",
            f"ATTACH 'a.db' AS a KEY '{KEY}';",
            f"PRAGMA key = '{KEY}';",
            create(REMOTE, ENDPOINT=f"http://u:{WORD}@host/"),
            f"CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY={WORD});",
            f"CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY=:{WORD});",
            f"APIKEY={WORD};",
            f"EAS_TOKEN={WORD}",
            f"SET EAS_TOKEN='{KEY}';",
            f'SET odps.apikey="{KEY}";',
            f"WITH OPTIONS (TASKS='chat', APIKY = '{KEY}');",
            f"END; WITH VERSION v1 OPTION (APIKY='{KEY}');",
            f"CREATE TABLE m WITH VERSION v1 OPTIONS (APIKY='{KEY}');",
            f"CREATE TABLE m (API_KEY) AS SELECT '{KEY}';",
            create(REMOTE, tail=f"/* APIKEY = '{KEY}' */"),
            f"-- APIKEY = '{KEY}'\n{create(REMOTE)};",
            f"SHOW MODELS; -- APIKEY = '{KEY}'",
            f"-- APIKEY = '{KEY}'",
        ],
    )
    def test_what_may_hold_a_key_by_a_slip_is_not_safe(self, text: str) -> None:
        assert not is_safe(text)

    @pytest.mark.parametrize(
        "text",
        [
            "SHOW MODELS;",
            "SET odps.namespace.schema=true;",
            "SELECT max_tokens FROM t;",
            create(tail="COMMENT 'a -- b'"),
            "SELECT 'x' FROM t;",
            create(REMOTE),
            "SET odps.sql.reducer.instances=5;",
        ],
    )
    def test_what_is_safe(self, text: str) -> None:
        assert is_safe(text)

    def test_a_file_that_others_could_read_is_closed_to_them(self, typed: Typed, state: Path) -> None:
        state.mkdir(parents=True)
        (state / "history").touch(mode=0o644)
        typed("SHOW MODELS;")
        assert stat.S_IMODE((state / "history").stat().st_mode) == 0o600

    def test_a_folder_in_its_place_is_done_without(self, typed: Typed, state: Path) -> None:
        (state / "history").mkdir(parents=True)
        assert typed("SHOW MODELS;", "SHOW MODELS;").count("OK\n") == 2

    def test_a_folder_that_goes_is_done_without(self, con: dbapi.Connection, state: Path) -> None:
        with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
            shell = Shell(con, "json")
            shutil.rmtree(state)
            pipe.send_text("SHOW MODELS;\rSHOW MODELS;\r\x04")
            shell.run()

    def test_where_it_cannot_be_kept_it_is_of_the_session(self, typed: Typed, state: Path) -> None:
        state.parent.write_text("a file in the place of the folder")
        assert typed("SHOW MODELS;").endswith("OK\n")


class TestCompletion:
    @pytest.fixture
    def complete(self, con: dbapi.Connection) -> Callable[[str], list[str]]:
        for statement in (
            create(name="iris"),
            add(name="iris"),
            create(name="irises"),
            create(name="lab.churn"),
        ):
            con.execute(statement)
        completer = ModelCompleter(con)

        def complete_(text: str) -> list[str]:
            document = Document(text, len(text))
            return [found.text for found in completer.get_completions(document, CompleteEvent())]

        return complete_

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("DROP MODEL ", ["iris", "irises", "IF"]),
            ("drop model if exists irise", ["irises"]),
            ("DESC MODEL ir", ["iris", "irises"]),
            ("SHOW MODELS; ALTER MODEL IRI", ["iris", "irises"]),
            ("SHOW VERSIONS FOR MODEL ", ["iris", "irises"]),
            ("ALTER MODEL iris SET DEFAULT_VERSION ", ["v1", "v2"]),
            ("ALTER MODEL lab.churn DROP VERSION v", ["v1"]),
            ("ALTER MODEL nothing DROP VERSION ", []),
            ("ALTER MODEL a.b.c.d DROP VERSION ", []),
            ("CREATE MODEL x WITH VERSION v1 OPTIONS (MODEL_T", ["MODEL_TYPE"]),
            ("ALTER MODEL m ADD VERSION v2 WITH OPTIONS (", sorted(OPTION_KEYS)),
            ("CREATE MODEL x WITH VERSION v1 OPTIONS (TASKS = 'chat', apik", ["APIKEY"]),
            ("CREATE MODEL x WITH VERSION v1 OPTIONS () ", ["COMMENT"]),
            ("CREATE MODEL x WITH VERSION v1 OPTIONS (TASKS = ", []),
            ("", ["ALTER", "CREATE", "DESC", "DESCRIBE", "DROP", "SET", "SHOW", "SELECT", "INSERT", "UPDATE", "DELETE",
                  "BEGIN", "COMMIT", "ROLLBACK"]),
            ("sh", ["SHOW"]),
            ("DROP MODEL iris; DESC", ["DESC", "DESCRIBE"]),
            ("SHOW ", ["MODELS", "VERSIONS"]),
            ("SHOW VERSIONS ", ["FOR"]),
            ("SHOW VERSIONS FOR ", ["MODEL"]),
            ("DESC ", ["MODEL"]),
            ("ALTER ", ["MODEL", "TABLE", "VIEW", "INDEX"]),
            ("DROP MODEL I", ["iris", "irises", "IF"]),
            ("CREATE MODEL ", ["IF"]),
            ("CREATE MODEL IF ", ["NOT", "WITH"]),  # it may be a name
            ("CREATE MODEL IF NOT ", ["EXISTS"]),
            ("CREATE MODEL lab.x ", ["WITH"]),
            ("CREATE MODEL x WITH ", ["VERSION"]),
            ("CREATE MODEL IF NOT EXISTS x WITH VERSION v1 ", ["INPUT", "OPTIONS"]),
            ("CREATE MODEL x WITH VERSION v1 INPUT (a DECIMAL(5, 2), b INT) ", ["OPTIONS"]),
            ("ALTER MODEL `iris` ", ["ADD", "DROP", "SET"]),
            ("ALTER MODEL iris SET ", ["DEFAULT_VERSION"]),
            ("ALTER MODEL iris ADD ", ["VERSION"]),
            ("ALTER MODEL iris ADD VERSION v3 ", ["INPUT", "WITH"]),
            ("ALTER MODEL iris ADD VERSION v3 INPUT (a INT) ", ["WITH"]),
            ("ALTER MODEL iris ADD VERSION v3 INPUT (a INT) WITH ", ["OPTIONS"]),
            ("DESC MODEL iris ", []),
            ("CREATE MODEL x WITH VERSION v1 INPUT (a INT COMMENT '(') ", ["OPTIONS"]),
            ("CREATE MODEL x WITH VERSION v1 OPTIONS (MODEL_TYPE = 'a(b)', TA", ["TASKS"]),
            ("SELECT * FROM odps_model_i", ["odps_model_inputs"]),
            ("SELECT * FR", ["FROM"]),
        ],
    )  # fmt: skip
    def test_each_where_the_grammar_has_it(
        self, complete: Callable[[str], list[str]], text: str, expected: list[str]
    ) -> None:
        assert complete(text) == expected

    def test_names_are_read_again_after_a_statement(self, con: dbapi.Connection) -> None:
        completer = ModelCompleter(con)

        def models() -> list[str]:
            return [
                found.text for found in completer.get_completions(Document("DESC MODEL "), CompleteEvent())
            ]

        assert models() == []
        con.execute(create())
        completer.forget()
        assert models() == ["m"]
