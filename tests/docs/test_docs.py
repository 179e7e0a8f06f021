"""What the documentation says in SQL is executed, and nothing that a user meets goes undocumented."""

from __future__ import annotations

import re
from contextlib import closing
from inspect import signature
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner
from samples import add, create

import sqlalchemy_odpsmodel
from sqlalchemy_odpsmodel import ModelInspector, dbapi, dialect, errors
from sqlalchemy_odpsmodel.alembic.settings import Settings
from sqlalchemy_odpsmodel.cli import main
from sqlalchemy_odpsmodel.errors import ModelError
from sqlalchemy_odpsmodel.model import SCALAR_TYPES
from sqlalchemy_odpsmodel.options import OPTION_KEYS
from sqlalchemy_odpsmodel.sql import parse
from sqlalchemy_odpsmodel.sql.script import split
from sqlalchemy_odpsmodel.sql.statements import Statement

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def test_the_statements_of_their_page_do_what_it_shows(tmp_path: Path) -> None:
    """SQL runs in order and prints the text below it; text that holds a statement and its error is so."""
    blocks = re.findall(
        r"^```(sql|text)\n(.*?)^```", (DOCS / "statements.md").read_text(), re.DOTALL | re.MULTILINE
    )
    file = str(tmp_path / "statements.db")
    printed = ""
    for kind, block in blocks:
        statement, fails, error = block.rstrip().partition("\n\nODPS-")
        if kind == "sql":
            assert printed == "", "what a statement prints stands below it"
            done = CliRunner().invoke(main, ["run", file, "-"], input=block)
            assert (done.exit_code, done.exception or "") == (0, ""), done.stderr
            printed = TIME.sub("2026-03-26 10:00:00", done.stdout)
        elif fails:
            with closing(dbapi.connect(file)) as con, pytest.raises(ModelError) as raised:
                con.execute(statement)
            assert f"ODPS-{error}" == str(raised.value)
        else:
            assert block == printed
            printed = ""
    assert printed == ""
    assert len(blocks) > 20


@pytest.mark.parametrize("key", sorted(OPTION_KEYS))
def test_every_option_is_documented(key: str) -> None:
    assert f"\n| {key} |" in (DOCS / "statements.md").read_text()


def sections(page: str) -> dict[str, str]:
    """Each section of a page, under whatever level of heading."""
    parts = re.split(r"^#+ (.+)\n", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("kind", get_args(Statement))
def test_every_statement_has_its_section(kind: type) -> None:
    """With its grammar, parameters, result, errors and an example; the heading has its words."""
    for heading, section in sections((DOCS / "statements.md").read_text()).items():
        blocks = re.findall(r"^```sql\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
        for piece in (piece.text for block in blocks for piece in split(block)):
            if re.match(heading.replace(" …", ".*"), piece) and type(parse(piece)) is kind:
                for part in ("\n    ", "parameter", "Returns ", "error"):
                    assert part in section, f"{heading}: {part}"
                return
    pytest.fail(f"{kind.__name__} has no section with an example")


@pytest.mark.parametrize(
    "name",
    [n for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, ModelError)],
)
def test_every_error_is_documented_with_its_code(name: str) -> None:
    lines = [
        line
        for line in (DOCS / "errors.md").read_text().splitlines()
        if re.search(rf"`(dbapi\.)?{name}`", line)
    ]
    code = getattr(getattr(errors, name), "code", "")
    assert any(code in line for line in lines)


@pytest.mark.parametrize("name", sorted(set(sqlalchemy_odpsmodel.__all__) - {"__version__"}))
def test_every_name_of_the_package_is_documented(name: str) -> None:
    """As code: in backquotes, as a call, or imported."""
    page = (DOCS / "sqlalchemy.md").read_text()
    assert re.search(rf"`{name}[`(\]]|\b{name}\(|import .*\b{name}\b", page)


@pytest.mark.parametrize("name", [name for name in vars(ModelInspector) if not name.startswith("_")])
def test_every_method_of_the_inspector_is_documented(name: str) -> None:
    assert f"| `{name}(" in (DOCS / "sqlalchemy.md").read_text()


def of_command(name: str) -> str:
    """What the page of the command says under a command's name, and of its options in a table that names it."""
    page = (DOCS / "command.md").read_text()
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert section, name
    tables = re.findall(r"^(The options of (?:.|\n)*?:)\n\n((?:\|.*\n)+)", page, re.MULTILINE)
    return section[1] + "".join(table for named, table in tables if f"`{name}`" in named)


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_and_option_is_documented(name: str) -> None:
    """In its own section, or in a table that names the command."""
    section = of_command(name)
    synopsis = re.findall(rf"^    odpsmodel {name}\b.*", (DOCS / "command.md").read_text(), re.MULTILINE)
    assert synopsis
    for parameter in main.commands[name].params:
        for option in parameter.opts:
            if option.startswith("--"):
                assert f"| `{option}` |" in section, option
                assert option in synopsis[0]


@pytest.mark.parametrize("name", sorted(SCALAR_TYPES))
def test_every_input_type_is_documented(name: str) -> None:
    types = sections((DOCS / "statements.md").read_text())["Input columns"]
    assert re.search(rf"`{name.upper()}[`(]", types)


@pytest.mark.parametrize("argument", [*dialect._ARGUMENTS, *dialect._SQLITE_ARGUMENTS])
def test_every_argument_of_a_url_is_documented(argument: str) -> None:
    """Those of MaxCompute are in its own page, see test_maxcompute."""
    assert f"`{argument}`" in sections((DOCS / "sqlalchemy.md").read_text())["URLs"]


@pytest.mark.parametrize("argument", [*signature(dbapi.connect).parameters])
def test_every_argument_of_connect_is_documented(argument: str) -> None:
    connecting = sections((DOCS / "driver.md").read_text())["Connecting"]
    named = f"\n| `{argument}` |" in connecting or f"dbapi.connect({argument}," in connecting
    assert named or argument in ("factory", "kwargs")  # sqlite3's


@pytest.mark.parametrize("setting", Settings._fields)
def test_every_setting_of_env_py_is_documented(setting: str) -> None:
    assert f"`odpsmodel_{setting}" in (DOCS / "migrate.md").read_text()


def test_every_view_is_documented_with_its_columns() -> None:
    lines = sections((DOCS / "driver.md").read_text())["Views"].splitlines()
    with closing(dbapi.connect(":memory:")) as con:
        con.execute(create())
        views = [name for (name,) in con.execute("SELECT name FROM sqlite_schema WHERE type = 'view'")]
        assert len(views) == 4
        for view in views:
            columns = [row[1] for row in con.execute(f"PRAGMA table_info({view})")]
            (line,) = (line for line in lines if line.startswith(f"| `{view}` |"))
            assert columns == re.sub(r" \([^)]*\)", "", line).split(" | ")[1].removesuffix(" |").split(", ")


def test_the_texts_of_errors_are_as_their_page_has_them(tmp_path: Path) -> None:
    """Each line of the examples is what a statement says, in this order."""
    page = sections((DOCS / "errors.md").read_text())["Errors"]
    (texts,) = re.findall(r"^```text\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    said = []
    for statement in (
        "SHOW MODELS LIKE 'a'",
        create(name="mm", version="default_version"),
        "DROP MODEL bigdata_public_modelset.default.m",
        "DROP MODEL m",
        f"{create()}; {create()}",
        "ALTER MODEL m SET DEFAULT_VERSION v9",
        add(version="v1"),
        "ALTER MODEL m DROP VERSION v1",
        add(MODEL_SOURCE_TYPE="REMOTE"),
        "UPDATE _odpsmodel_store SET format = 9; SHOW MODELS",
    ):
        connection = dbapi.connect(tmp_path / "models.db", project="demo", isolation_level=None)
        with closing(connection) as con, pytest.raises(ModelError) as raised:
            con.executescript(statement)
        said.append(str(raised.value).partition("\n")[0])
    assert texts.splitlines() == said


def test_the_warning_is_documented() -> None:
    assert "`dbapi.ModelWarning`" in (DOCS / "errors.md").read_text()


@pytest.mark.parametrize(
    "command",
    ['pip install ".[cli]" && odpsmodel run models.db examples/models.sql', "pip install tox && tox p"],
)
def test_the_readme_has_the_two_commands(command: str) -> None:
    assert f"\n    {command}\n" in (ROOT / "README.md").read_text()


def test_ci_runs_the_readme_s_test_command() -> None:
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("pip install --quiet tox && tox p")


def test_every_link_between_pages_leads_somewhere() -> None:
    """In a view of the repository; the anchors are those of test_site."""
    for page in (*ROOT.glob("*.md"), *DOCS.rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
