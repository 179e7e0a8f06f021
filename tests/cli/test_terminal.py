"""Colours and progress: on a terminal, and nothing of them elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from samples import REMOTE, create
from terminals import Terminal, colours, plain

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.cli import main

#: Commands that take long on many models, and what they say meanwhile.
LONG = [
    (("export", "{db}"), "Exporting"),
    (("check", "{db}"), "Checking"),
    (("backup", "{db}", "{db}.copy"), "Copying"),
    (("generate", "{db}"), "Reading models"),
    (("apply", "--yes", "{db}.new", "{db}"), "Running"),
]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of 300 models."""
    path = tmp_path_factory.mktemp("many") / "models.db"
    with closing(dbapi.connect(path)) as con:
        for number in range(300):
            con.execute(create(REMOTE, name=f"m{number}", inputs=""))
        con.commit()
    return str(path)


@pytest.fixture(autouse=True)
def clean(many: str) -> Iterator[None]:
    yield
    for end in (".copy", ".new", ".new-wal", ".new-shm"):
        Path(many + end).unlink(missing_ok=True)


def shown(*arguments: str, piped: bool = False, **environment: str) -> tuple[str, str]:
    """What a command shows on a terminal, and writes to a pipe."""
    with Terminal(*arguments, piped=piped, environment=environment) as terminal:
        screen = terminal.end()
        assert terminal.process.returncode in (0, 1), plain(screen)
        return screen, terminal.piped


@pytest.mark.parametrize(("command", "words"), LONG)
def test_long_work_shows_its_progress(many: str, command: tuple[str, ...], words: str) -> None:
    """On the terminal of standard error, and nothing of it stays or comes into a pipe."""
    screen, piped = shown(*(part.format(db=many) for part in command), piped=True)
    assert words in plain(screen)
    assert screen.rindex("\x1b[2K") > screen.rindex(words)  # it is wiped
    assert words not in piped
    assert "\x1b" not in piped


@pytest.mark.parametrize(("command", "words"), LONG)
def test_without_a_terminal_there_is_none(many: str, command: tuple[str, ...], words: str) -> None:
    result = CliRunner().invoke(main, [part.format(db=many) for part in command])
    assert result.exit_code == 0, result.output
    assert words not in result.output
    assert "\x1b" not in result.output


def test_tables_and_sql_have_colours_or_styles_on_a_terminal(many: str, tmp_path: Path) -> None:
    screen, _ = shown("diff", many, str(one(tmp_path)))
    assert colours(screen)
    assert "DROP MODEL m1;" in plain(screen)
    screen, _ = shown("models", many)
    assert "\x1b[1m" in screen  # the head is bold


def test_no_color_is_obeyed(many: str, tmp_path: Path) -> None:
    for command in (("diff", many, str(one(tmp_path))), ("models", many), ("check", many)):
        screen, _ = shown(*command, NO_COLOR="1")
        assert colours(screen) == []


@pytest.mark.parametrize("command", [("models",), ("run", "-"), ("desc", "m0"), ("versions", "m0")])
def test_a_pipe_has_no_colours_though_a_variable_forces_them(
    many: str, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    result = CliRunner().invoke(main, [command[0], many, *command[1:]], input="SHOW MODELS;")
    assert result.exit_code == 0
    assert "\x1b" not in result.output


def lines(columns: int, *arguments: str) -> list[str]:
    """What a command shows on a terminal of so many columns."""
    with Terminal(*arguments, columns=columns) as terminal:
        return plain(terminal.end()).splitlines()


def test_where_the_columns_have_no_room_each_row_is_a_block(tmp_path: Path) -> None:
    """No name, time or type is broken."""
    db = str(one(tmp_path))
    head, rule, row = lines(200, "models", db)
    width = len(rule)
    assert head.split()[:3] == ["ModelName", "Owner", "SourceType"]
    assert lines(width, "models", db) == [head, rule, row]
    block = lines(width - 1, "models", db)
    assert [line.split()[:2] for line in block[:3]] == [
        ["ModelName", "m0"], ["Owner", "ALIYUN$local"], ["SourceType", "REMOTE"],
    ]  # fmt: skip
    assert len(block) == 8
    assert lines(20, "models", db) == block


def test_the_first_rows_of_many_are_there_at_once(tmp_path: Path) -> None:
    """A head comes again with each thousand, and nothing waits for the last row."""
    with Terminal("shell", tmp_path / "a.db") as terminal:
        terminal.expect("odpsmodel>")
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS number FROM n"
        terminal.send(f"{endless};\r")
        for _ in range(3):
            terminal.expect("\r\nnumber")
        terminal.send("\x03")
        terminal.expect("odpsmodel>")


def test_a_head_without_rows_is_printed_whatever_its_width(tmp_path: Path) -> None:
    dbapi.connect(tmp_path / "empty.db").close()
    assert lines(40, "models", str(tmp_path / "empty.db"))[0].split()[0] == "ModelName"


@pytest.mark.parametrize("form", ["table", "vendor", "json", "csv"])
def test_nothing_that_is_read_moves_a_terminal_s_cursor(tmp_path: Path, form: str) -> None:
    """Neither by ESC, nor by C1 characters, nor from right to left; in errors and scripts neither."""
    db = str(one(tmp_path))
    bad = "x\x1b[40A\x9b41m\u202ey"
    (tmp_path / "a.sql").write_text(
        f"SELECT '{bad}' AS a; DROP MODEL m0; {create(tail='COMMENT ?').replace('?', repr(bad))};"
        f' SELECT 1 FROM "{bad}";'
    )
    for command in (
        ("run", "--format", form, db, str(tmp_path / "a.sql")),
        ("export", db),
        ("desc", "--format", form, db, "m"),
    ):
        screen, _ = shown(*command)
        assert not {"\x1b[40A", "\x9b", "\u202e"} & {
            part for part in ("\x1b[40A", "\x9b", "\u202e") if part in screen
        }


def one(folder: Path) -> Path:
    """A file with one model."""
    path = folder / "one.db"
    with closing(dbapi.connect(path, isolation_level=None)) as con:
        con.execute(
            create(REMOTE, name="m0", inputs="").replace("CREATE MODEL", "CREATE MODEL IF NOT EXISTS")
        )
    return path
