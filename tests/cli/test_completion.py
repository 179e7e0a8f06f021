"""Completion by bash, zsh and fish: what click's scripts ask, and bash itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from samples import create

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.cli import main

ODPSMODEL = Path(sys.executable).with_name("odpsmodel")


def completed(*words: str) -> list[str]:
    """What is proposed for the last of some words."""
    environment = {
        "_ODPSMODEL_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("odpsmodel", *words)),
        "COMP_CWORD": str(len(words)),
    }  # fmt: skip
    result = CliRunner().invoke(main, prog_name="odpsmodel", env=environment)
    assert result.stderr == ""
    assert result.exit_code == 0
    return [line.split(",")[1] for line in result.stdout.splitlines() if line]


@pytest.fixture
def db(path: Path) -> str:
    with closing(dbapi.connect(path, isolation_level=None)) as con:
        for name in ("iris", "irises", "qwen"):
            con.execute(create(name=name))
    return str(path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    script = CliRunner().invoke(main, ["completion", shell]).stdout
    assert f"_ODPSMODEL_COMPLETE={shell}_complete" in script


def test_another_shell_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["completion", "ksh"])
    assert result.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in result.stderr


def test_commands_options_and_formats() -> None:
    assert completed("ver") == ["versions"]
    assert completed("models", "--fo") == ["--format"]
    assert completed("models", "--format", "") == ["table", "vendor", "json", "csv"]


@pytest.mark.parametrize(
    "words",
    [("models",), ("diff", "a.db"), ("run", "a.db"), ("backup", "a.db"), ("serve", "a.db", "--credentials")],
)
def test_paths_are_left_to_the_shell(words: tuple[str, ...]) -> None:
    environment = {
        "_ODPSMODEL_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("odpsmodel", *words, "m")),
        "COMP_CWORD": str(len(words) + 1),
    }  # fmt: skip
    result = CliRunner().invoke(main, prog_name="odpsmodel", env=environment)
    assert result.stdout == "file,m\n"


def test_names_of_a_file_s_models(db: str) -> None:
    assert completed("desc", db, "iri") == ["iris", "irises"]
    assert completed("versions", f"odpsmodel:///{db}", "Q") == ["qwen"]


@pytest.mark.parametrize(
    "db", ["missing.db", "odpsmodel+pyodps://a:b@p/?endpoint=http://127.0.0.1:1/api", "x://y"]
)
def test_where_there_are_none_nothing_is_proposed_or_made(
    db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert completed("desc", db, "") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash(db: str) -> None:
    """Its own completion calls the script, which calls the command."""
    if not ODPSMODEL.exists():
        pytest.skip("the command is not beside this Python")
    script = """
        eval "$(odpsmodel completion bash)"
        COMP_WORDS=(odpsmodel desc "$DB" iri) COMP_CWORD=3
        $(complete -p odpsmodel | sed 's/.*-F \\([^ ]*\\).*/\\1/') odpsmodel iri "$DB"
        printf '%s ' "${COMPREPLY[@]}"
    """
    environment = {**os.environ, "DB": db, "PATH": f"{ODPSMODEL.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout == "iris irises ", done.stderr
