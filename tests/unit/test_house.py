"""The plan of the house: floors, and who may import what."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import sqlalchemy_odpsmodel

PACKAGE = Path(sqlalchemy_odpsmodel.__file__).parent
#: A module imports only modules that stand before it.
FLOORS = (
    "errors", "model", "options", "source",
    "sql.lexer", "sql.opening", "sql.place", "sql.statements", "sql.parser", "sql.script", "sql",
    "layout", "store", "catalog",
    "file", "forks",
    "dbapi",
    "registration", "ddl", "diff", "reflection", "schema",
    "execution", "dialect", "aiosqlite", "provision",
    "maxcompute.literals", "maxcompute.replies", "maxcompute.failures", "maxcompute.service", "maxcompute.dbapi",
    "maxcompute.compiler", "maxcompute.dialect", "maxcompute",
    "alembic.settings", "alembic.operations", "alembic.impl", "alembic.maxcompute", "alembic.autogenerate",
    "alembic",
    "server.ordinary.types", "server.ordinary.values", "server.ordinary.tables", "server.ordinary.nodes",
    "server.ordinary.hive", "server.ordinary.literals", "server.ordinary.expressions", "server.ordinary.select",
    "server.ordinary.translate", "server.ordinary",
    "server.tunnel", "server.wire", "server.signature", "server.credentials", "server.instances", "server.rows",
    "server.connections", "server.engine", "server.replies", "server.app", "server.serve", "server",
    "testing.client", "testing", "testing.container",
    "generate", "export", "check",
    "cli.output", "cli.database", "cli.script", "cli.completer", "cli.shell", "cli.comparison", "cli.commands", "cli",
)  # fmt: skip
ALEMBIC = {
    f"alembic{name}" for name in ("", ".settings", ".operations", ".impl", ".maxcompute", ".autogenerate")
}
OUTSIDE = {
    "sqlite3": {
        "errors",
        "store",
        "file",
        "forks",
        "dbapi",
        "server.connections",
        "server.engine",
        "server.ordinary.tables",
        "server.rows",
    },
    "click": {"cli.output", "cli.database", "cli.comparison", "cli.commands"},
    "rich": {"cli.output"},
    "prompt_toolkit": {"cli.completer", "cli.shell"},
    "pygments": {"cli.shell"},
    "sqlparse": {"cli.script"},
    "sqlglot": {
        f"server.ordinary.{name}"
        for name in ("nodes", "hive", "literals", "expressions", "select", "translate")
    },
    "starlette": {"server.app", "server.replies"},
    "uvicorn": {"server.serve"},
    "pytest": {"testing"},
    "odps": {"testing.client", "maxcompute.failures", "maxcompute.service"},
    "requests": {"maxcompute.failures"},
    "testcontainers": {"testing.container"},
    "aiosqlite": {"aiosqlite"},
    "sqlalchemy": {
        "registration",
        "ddl",
        "diff",
        "reflection",
        "schema",
        "execution",
        "dialect",
        "aiosqlite",
        "provision",
        "cli.database",
        "cli.comparison",
        "cli.commands",
        "maxcompute.compiler",
        "maxcompute.dialect",
    }
    | ALEMBIC,
    "alembic": ALEMBIC,
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if name != "__init__":
            yield name, ast.parse(path.read_text())


def imports(name: str, tree: ast.Module) -> Iterator[str]:
    """The modules that a module imports, ours with a leading dot."""
    whole = (PACKAGE / name.replace(".", "/")).is_dir()
    package = name.split(".") if whole else name.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            targets = [node.module] if node.module else [alias.name for alias in node.names]
            targets = [target for target in targets if target != "__version__"]
            yield from ("." + ".".join([*base, target]) for target in targets)


@pytest.mark.parametrize(
    ("name", "tree"), list(modules()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_module_imports_lower_floors_only(name: str, tree: ast.Module) -> None:
    lower = {f".{floor}" for floor in FLOORS[: FLOORS.index(name)]}
    assert {found for found in imports(name, tree) if found.startswith(".")} <= lower


@pytest.mark.parametrize(
    ("name", "tree"), list(modules()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_comes_from_outside_comes_in_at_its_door(name: str, tree: ast.Module) -> None:
    for found in imports(name, tree):
        top = found.split(".")[0]
        if top and top not in sys.stdlib_module_names | {"__future__"}:
            assert name in OUTSIDE[top]
        if top in OUTSIDE:
            assert name in OUTSIDE[top]


def test_every_floor_is_a_module() -> None:
    assert {name for name, _ in modules()} == set(FLOORS)


def test_every_package_is_built() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())
    folders = {path.parent.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("__init__.py")}
    assert set(project["tool"]["setuptools"]["packages"]) == {".".join(folder.parts) for folder in folders}


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
