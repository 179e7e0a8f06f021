"""odpsmodel run: what it prints, where, and what it leaves in the file."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from samples import KEY, REMOTE, WORD, add, create, names
from terminals import Terminal

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.cli import main

ROOT = Path(__file__).parents[2]
Run = Callable[..., Result]


@pytest.fixture
def run(path: Path, tmp_path: Path) -> Run:
    """Run scripts, given as texts, on the file."""

    def run_(
        *scripts: str, options: tuple[str, ...] = (), db: str | Path = path, stdin: str | None = None
    ) -> Result:
        paths = []
        for i, text in enumerate(scripts):
            script = tmp_path / f"{i}.sql"
            script.write_bytes(text.encode())
            paths.append(str(script))
        if stdin is not None:
            paths.append("-")
        return CliRunner().invoke(main, ["run", *options, str(db), *paths], input=stdin)

    return run_


def left(path: Path, **arguments: str) -> list[str]:
    with dbapi.connect(path, **arguments) as con:  # type: ignore[arg-type]
        found = names(con)
    con.close()
    return found


def test_results_in_the_vendor_s_layout_and_ok_on_standard_error(run: Run) -> None:
    result = run(f"{create(REMOTE, inputs='')};\nSHOW MODELS;\nDESC MODEL m;\nSELECT 1 AS a, NULL AS b;")
    assert result.exit_code == 0
    assert result.stderr == "OK\n" * 4
    lines = result.stdout.splitlines()
    assert lines[0].startswith("+-----------+--------------+")
    assert lines[1].startswith(
        "| ModelName | Owner        | SourceType | ModelType | DefaultVersion | CreateTime "
    )
    assert lines[3].startswith("| m         | ALIYUN$local | REMOTE     | MLLM      | v1             | 2")
    assert lines[5] == "+" + "-" * 84 + "+"
    assert lines[6] == "|" + " " * 18 + "Model Information".ljust(66) + "|"
    assert "| APIKEY:                   ${EAS_TOKEN}                                             |" in lines
    assert lines[-5:] == ["+---+------+", "| a | b    |", "+---+------+", "| 1 | NULL |", "+---+------+"]


def test_the_example_of_the_readme_runs_again_and_again(run: Run, path: Path) -> None:
    for _ in range(2):
        result = CliRunner().invoke(main, ["run", str(path), str(ROOT / "examples" / "models.sql")])
        assert result.exit_code == 0, result.stderr
        assert "pai_eas_qwen25_omni_3b" in result.stdout
    assert left(path) == ["pai_eas_qwen25_omni_3b", "test_xgboost_classifier"]


def test_a_failing_statement_rolls_its_script_back(run: Run, path: Path) -> None:
    result = run(
        create(name="one"),
        f"{create(name='two')};\n\n  DROP MODEL missing;\n{create(name='three')}",
        create(name="four"),
    )
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "OK",
        "OK",
        f"{path.parent}/1.sql:3:14: ODPS-0110061: Failed to run ddltask - model local.default.missing does not exist",
        "  DROP MODEL missing;",
        "             ^^^^^^^",
    ]
    assert left(path) == ["one"]


def test_keep_going(run: Run, path: Path) -> None:
    result = run(
        f"{create(name='one')}; DROP MODEL missing; {create(name='two')}",
        create(name="three"),
        options=("--keep-going",),
    )
    assert result.exit_code == 1
    assert result.stderr.count("OK\n") == 3
    assert left(path) == ["one", "three", "two"]


def test_a_syntax_error_has_its_place_in_the_file(run: Run, path: Path) -> None:
    result = run(f"SELECT 1;\n\nCREATE MODEL m WITH VERSION v1\n  WITH OPTIONS (APIKEY = '{KEY}');")
    assert result.exit_code == 1
    assert (
        f"{path.parent}/0.sql:4:3: ODPS-0130161:[4,3] Parse exception - expected OPTIONS, found WITH\n"
        in result.stderr
    )
    assert "\n    WITH OPTIONS (APIKEY = '…');\n    ^^^^\nhint: CREATE MODEL takes" in result.stderr
    assert KEY not in result.output


@pytest.mark.parametrize(
    ("statement", "column", "underlined"),
    [
        ("ALTER MODEL m SET DEFAULT_VERSION v9", 35, "v9"),
        ("ALTER MODEL `m` DROP VERSION V1", 30, "V1"),
        ("ALTER MODEL v9 DROP VERSION v9", 13, "v9"),
        ("ALTER MODEL m DROP VERSION m", 28, "m"),
        (add(version="v1").replace("\n", " "), 27, "v1"),
        (create(), 14, "m"),
        ("SHOW VERSIONS FOR MODEL lab.none", 29, "none"),
        ("/* m */ DESC MODEL NONE", 20, "NONE"),
        ("DROP MODEL bigdata_public_modelset.default.x", 44, "x"),
    ],
)
def test_an_error_about_a_model_or_version_underlines_its_name(
    run: Run, statement: str, column: int, underlined: str
) -> None:
    result = run(f"{create()};\n{statement};")
    place, excerpt, carets, *_ = result.stderr.splitlines()[1:]
    assert f":2:{column}: ODPS-01" in place
    start = carets.index("^")
    assert excerpt[start : start + len(underlined)] == underlined
    assert carets[start:] == "^" * len(underlined)


@pytest.mark.parametrize(
    "slip",
    [f"APIKEY = {WORD};", f"API_KEY={WORD}", f"SECRET IS {WORD};", f"x {WORD} y"],
)
def test_of_what_may_hold_a_key_an_error_shows_a_word_at_most(run: Run, slip: str) -> None:
    result = run(slip)
    assert result.exit_code == 1
    assert WORD not in result.output


def test_a_standard_output_that_cannot_be_written(path: Path) -> None:
    """Is an error of one line."""
    for command in (("run", str(path), "-"), ("export", str(path))):
        text = f"from sqlalchemy_odpsmodel.cli import main; main({list(command)!r})"
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-c", text],
                input=f"{create()}; SELECT 1;",
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == "standard output: No space left on device"


@pytest.mark.parametrize("command", ["export", "models"])
def test_a_pipe_that_is_closed_ends_it_without_a_word(path: Path, command: str) -> None:
    """With exit code 1, as what `head` leaves unread."""
    dbapi.connect(path).close()
    code = f"from sqlalchemy_odpsmodel.cli import main; main([{command!r}, {str(path)!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(20) == 1


def test_a_closed_standard_output_takes_nothing(path: Path) -> None:
    dbapi.connect(path).close()
    code = f"import os; os.close(1); import sys; sys.stdout = None; from sqlalchemy_odpsmodel.cli import main; main(['export', {str(path)!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_other_warnings_are_python_s(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "warns.py").write_text(
        "import warnings; warnings.warn('of another'); from sqlalchemy import MetaData; m = MetaData()"
    )
    monkeypatch.chdir(tmp_path)
    dbapi.connect(path).close()
    code = f"from sqlalchemy_odpsmodel.cli import main; main(['diff', {str(path)!r}, 'warns:m'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "warns.py:1: UserWarning: of another" in done.stderr


def test_what_is_nobody_s_has_a_hint(run: Run) -> None:
    for slip, hinted in (("DESC MODL x", True), ("CRATE MODEL x", True), ("SELECT * FROM nothing", False)):
        assert ("hint: model statements begin with CREATE," in run(slip).stderr) is hinted


def test_an_error_of_ordinary_sql(run: Run, path: Path) -> None:
    result = run(f"CREATE TABLE t (a);\nINSERT INTO missing VALUES ('{KEY}');")
    assert result.exit_code == 1
    assert (
        f"{path.parent}/0.sql:2:1: no such table: missing\n  INSERT INTO missing … ('…');\n  ^^^^^^\n"
        in result.stderr
    )


def test_warnings_go_to_standard_error(run: Run, path: Path) -> None:
    result = run("\n" + create(LOCATION="oss://oss-cn-shanghai.aliyuncs.com/bucket/"))
    assert result.exit_code == 0
    assert (
        f"{path.parent}/0.sql:2:1: warning: LOCATION: only OSS internal endpoints are supported"
        in result.stderr
    )


def test_begin_and_commit_are_obeyed(run: Run, path: Path) -> None:
    result = run(
        f"{create(name='a')}; BEGIN; {create(name='b')}; COMMIT; BEGIN; {create(name='c')}; DROP MODEL missing; COMMIT;"
    )
    assert result.exit_code == 1
    assert left(path) == ["a", "b"]


def test_a_script_that_ends_inside_a_transaction(run: Run, path: Path) -> None:
    result = run(f"{create(name='a')}; BEGIN; {create(name='b')};")
    assert result.exit_code == 1
    assert "ends inside a transaction, which was rolled back: COMMIT is missing" in result.stderr
    assert left(path) == ["a"]


def test_a_commit_that_fails(run: Run, path: Path) -> None:
    result = run(
        "PRAGMA foreign_keys=ON; CREATE TABLE p (a INTEGER PRIMARY KEY);"
        "CREATE TABLE c (a REFERENCES p DEFERRABLE INITIALLY DEFERRED); INSERT INTO c VALUES (1);"
    )
    assert result.exit_code == 1
    assert f"{path.parent}/0.sql: FOREIGN KEY constraint failed" in result.stderr
    assert left(path) == []


def test_keep_going_after_a_commit_that_fails(run: Run, path: Path) -> None:
    result = run(
        "CREATE TABLE p (a INTEGER PRIMARY KEY); CREATE TABLE c (a REFERENCES p DEFERRABLE INITIALLY DEFERRED);"
        "COMMIT; PRAGMA foreign_keys=ON; INSERT INTO c VALUES (1);",
        create(),
        options=("--keep-going",),
    )
    assert result.exit_code == 1
    assert left(path) == ["m"]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE MODEL m WITH VERSION v1 OPTIONS(APIKEY=WORD, A='b'\n-- " + "x" * 2_100_000 + "\n);",
        "CREATE MODEL `a``b` WITH VERSION v1 OPTIONS(APIKEY=WORD);",
        "CREATE MODEL `` WITH VERSION v1 OPTIONS(APIKEY=WORD);",
        "SET odps.namespace.schema=WORD CREATE MODEL m WITH VERSION v1;",
        'CREATE "MODEL m WITH VERSION v1 OPTIONS(APIKEY=WORD);',
    ],
)
def test_no_key_of_what_was_not_understood_is_printed(run: Run, path: Path, statement: str) -> None:
    result = run(statement.replace("WORD", WORD))
    assert result.exit_code == 1
    assert WORD[:10] not in result.output


def test_many_syntax_errors_cost_no_more_than_their_number(run: Run, path: Path) -> None:
    def cost(count: int) -> float:
        script = "SHOW MODELS LIKE 'x';\n" * count
        started = time.process_time()
        result = run(script, options=("--keep-going",))
        assert result.stderr.count("Parse exception") == count
        assert f"0.sql:{count}:13: ODPS-0130161:[{count},13]" in result.stderr
        return time.process_time() - started

    assert cost(4_000) < 32 * min(cost(500) for _ in range(3))


def test_lines_that_begin_with_a_hash_are_dropped(run: Run, path: Path) -> None:
    result = run("\ufeff# a ' comment\nSHOW MODELS;\n#SELECT;\nSHOW\n# in the middle;\nMODEL;")
    assert result.stderr.startswith(f"OK\n{path.parent}/0.sql:6:1: ODPS-0130161:[6,1] Parse exception")


def test_the_text_of_literals_is_left_as_it_is(run: Run, path: Path) -> None:
    result = run(
        "CREATE TABLE t (a);\r\nINSERT INTO t VALUES ('x\r\n# kept\r\ny');\r\n# gone\r\n"
        + create(tail="COMMENT 'a\n#b'")
    )
    assert result.exit_code == 0, result.stderr
    con = dbapi.connect(path)
    assert con.execute("SELECT a FROM t").fetchall() == [("x\r\n# kept\r\ny",)]
    assert con.execute("SELECT comment FROM odps_models").fetchall() == [("a\n#b",)]
    con.close()


def test_commit_and_rollback_without_begin(run: Run, path: Path) -> None:
    result = run(f"{create(name='a')}; COMMIT; {create(name='b')}; ROLLBACK; {create(name='c')};")
    assert result.exit_code == 0, result.stderr
    assert left(path) == ["a", "c"]


def test_after_a_syntax_error_the_rest_of_its_line_is_not_run(run: Run, path: Path) -> None:
    """It may be the inside of a string with a key in it."""
    result = run(
        f"CREATE MODEL m WITH VERSION v1 OPTIONS (X='it's', APIKEY='sk;{WORD}'); DROP TABLE t;\n{create(name='n')};",
        options=("--keep-going",),
    )
    assert result.exit_code == 1
    assert WORD not in result.output
    assert result.stderr.count(": going on with line 2") == 1
    assert left(path) == ["n"]


def test_a_terminal_without_chinese(path: Path, tmp_path: Path) -> None:
    """Shows escapes; what goes elsewhere is UTF-8, as scripts are, whatever the locale."""
    script = tmp_path / "script.sql"
    script.write_text(
        f"{create(tail='COMMENT ?').replace('?', repr('模型'))}; SHOW MODELS;", encoding="utf-8"
    )
    latin = {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    with Terminal("run", path, script, environment=latin, columns=300) as terminal:
        assert r"| \u6a21\u578b " in terminal.end()
    with Terminal("export", path, environment=latin, piped=True) as terminal:
        terminal.end()
        assert "COMMENT '模型';" in terminal.piped


def test_what_serve_needs_is_told(path: Path) -> None:
    """And nothing is made."""
    code = "import sys; sys.modules['uvicorn'] = None; from sqlalchemy_odpsmodel.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code, "serve", str(path)], capture_output=True, text=True)
    assert result.returncode == 1
    assert re.search(
        r"odpsmodel serve needs \w+: pip install 'sqlalchemy_odpsmodel\[cli,server\]'", result.stderr
    )
    assert not path.exists()


@pytest.mark.parametrize(
    ("missing", "words", "use"),
    [
        ("uvicorn", "pip install 'sqlalchemy_odpsmodel[server]'", "import sqlalchemy_odpsmodel.testing"),
        (
            "odps",
            "pip install pyodps",
            "from sqlalchemy_odpsmodel.testing.client import connect_client as c; c('', '')",
        ),
    ],
)
def test_what_the_fixture_needs_is_told(missing: str, words: str, use: str) -> None:
    if missing == "odps":
        pytest.importorskip("uvicorn", reason="the extra server is of tox -e endpoint")
    code = f"import sys; sys.modules[{missing!r}] = None; {use}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert words in result.stderr.splitlines()[-1]


def test_standard_input(run: Run, path: Path) -> None:
    assert run(stdin=create(name="piped")).exit_code == 0
    assert left(path) == ["piped"]
    assert "-:1:12: ODPS-0110061: " in run(stdin="DROP MODEL m").stderr


def test_project_and_schema(run: Run, path: Path) -> None:
    assert run(create(name="m"), options=("--project", "P", "--schema", "s")).exit_code == 0
    assert left(path, project="p", schema="s") == ["m"]
    assert left(path) == []


@pytest.mark.parametrize(
    "scheme", ["odpsmodel", "odpsmodel+sqlite", "odpsmodel+aiosqlite", "sqlite+odpsmodel"]
)
def test_a_url(run: Run, path: Path, scheme: str) -> None:
    if scheme == "odpsmodel+aiosqlite":
        pytest.importorskip("aiosqlite", reason="asyncio is not supported before SQLAlchemy 2.0.58")
    url = f"{scheme}:///{path}?project=p&timezone=Asia/Shanghai&timeout=5"
    assert run(create(name="m"), db=url).exit_code == 0
    assert left(path, project="p") == ["m"]


def test_a_url_in_memory(run: Run) -> None:
    assert "| m " in run(f"{create()}; SHOW MODELS", db="odpsmodel://").stdout


@pytest.mark.parametrize(
    ("db", "message"),
    [("mysql://host/db", "odpsmodel:///path"), ("odpsmodel:///a.db?colour=red", "argument colour is unknown"),
     ("odpsmodel://host/a.db", "odpsmodel:///path"), ("odpsmodel:///a.db?timeout=soon", "argument timeout cannot be 'soon'"),
     ("odps model://", "URL")],
)  # fmt: skip
def test_usage_errors_have_exit_code_2(run: Run, db: str, message: str) -> None:
    result = run("SELECT 1", db=db)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_script_that_cannot_be_read(path: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.sql").write_bytes(b"SELECT '\xe9'")
    for script, message in ((tmp_path / "missing.sql", "No such file"), (tmp_path / "latin.sql", "utf-8")):
        result = CliRunner().invoke(main, ["run", str(path), str(script)])
        assert result.exit_code == 2
        assert message in result.stderr
    assert not path.exists()


def test_a_file_that_cannot_be_opened(run: Run, tmp_path: Path) -> None:
    result = run("SELECT 1", db=tmp_path / "missing" / "models.db")
    assert result.exit_code == 1
    assert "models.db: unable to open database file" in result.stderr


def test_version_and_help() -> None:
    assert "run" in CliRunner().invoke(main, ["--help"]).stdout
    assert "0.1.0" in CliRunner().invoke(main, ["--version"]).stdout


@pytest.mark.parametrize(
    "command",
    [("run", "{db}", "-"), ("check", "{db}"), ("models", "{db}", "--format", "csv")],
)
def test_a_path_takes_no_more_than_the_driver(path: Path, command: tuple[str, ...]) -> None:
    """A plain command begins without SQLAlchemy, and without what draws tables and reads keys."""
    dbapi.connect(path).close()
    arguments = [part.format(db=path) for part in command]
    code = (
        f"import sys; sys.argv[1:] = {arguments!r}; from sqlalchemy_odpsmodel.cli import main;"
        " main(standalone_mode=False)\n"
    )
    asked = "print([n for n in ('sqlalchemy', 'rich.console', 'prompt_toolkit', 'sqlparse') if n in sys.modules], file=sys.stderr)"
    text = f"import atexit, sys; atexit.register(lambda: {asked}); {code}"
    done = subprocess.run([sys.executable, "-c", text], input="SELECT 1;", capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]"
