"""What the documentation says in SQL is executed, and nothing that a user meets goes undocumented."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest

import sqlalchemy_odpsmodel
from sqlalchemy_odpsmodel import ModelInspector, dbapi, errors
from sqlalchemy_odpsmodel.cli import main
from sqlalchemy_odpsmodel.errors import ModelError
from sqlalchemy_odpsmodel.options import OPTION_KEYS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.mark.filterwarnings("ignore::sqlalchemy_odpsmodel.errors.ModelWarning")
def test_the_sql_of_the_page_of_statements_runs_in_order() -> None:
    blocks = re.findall(r"^```sql\n(.*?)^```", (DOCS / "statements.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) > 5
    with closing(dbapi.connect(":memory:")) as con:
        for block in blocks:
            con.executescript(block)


@pytest.mark.parametrize("key", sorted(OPTION_KEYS))
def test_every_option_is_documented(key: str) -> None:
    assert f"\n| {key} |" in (DOCS / "statements.md").read_text()


@pytest.mark.parametrize(
    "words",
    ["CREATE MODEL", "ADD VERSION", "SET DEFAULT_VERSION", "DROP VERSION", "DROP MODEL", "SHOW MODELS",
     "SHOW VERSIONS FOR MODEL", "DESC[RIBE] MODEL", "SET flag = value"],
)  # fmt: skip
def test_every_statement_is_documented(words: str) -> None:
    assert words in (DOCS / "statements.md").read_text()


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
    assert name in (DOCS / "sqlalchemy.md").read_text()


@pytest.mark.parametrize("name", [name for name in vars(ModelInspector) if not name.startswith("_")])
def test_every_method_of_the_inspector_is_documented(name: str) -> None:
    assert f"| `{name}(" in (DOCS / "sqlalchemy.md").read_text()


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_and_option_is_documented(name: str) -> None:
    page = (DOCS / "command.md").read_text()
    assert f"\n## {name}\n" in page
    for parameter in main.commands[name].params:
        for option in parameter.opts:
            assert not option.startswith("--") or f"| `{option}` |" in page


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
    for page in (ROOT / "README.md", *DOCS.glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
