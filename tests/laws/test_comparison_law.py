"""diff and apply between random databases, and from a database to random declarations."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import MetaData, create_engine
from test_migration_law import Catalog, catalogs, kept, without_the_default

from sqlalchemy_odpsmodel import Model
from sqlalchemy_odpsmodel.cli import main


def made(path: Path, catalog: list[dict[str, Any]]) -> str:
    """A file with the models of a catalog."""
    metadata = MetaData()
    for model in catalog:
        arguments = dict(model)
        Model(arguments.pop("name"), metadata, *arguments.pop("versions"), **arguments)
    engine = create_engine(f"odpsmodel:///{path}")
    metadata.create_all(engine)
    engine.dispose()
    return str(path)


def found(path: str) -> Catalog:
    """Its models; an option's default counts as absent, as it does for the service."""
    engine = create_engine(f"odpsmodel:///{path}")
    with engine.connect() as connection:
        models = kept(connection)
    engine.dispose()
    for version in (version for model in models.values() for version in model["versions"].values()):
        version["options"] = without_the_default(version["options"])
    return models


def odpsmodel(*arguments: str, text: str | None = None) -> str:
    result = CliRunner().invoke(main, arguments, input=text)
    assert "Error" not in result.output, result.output
    return result.stdout


@settings(max_examples=100)
@given(catalogs(), catalogs(), st.booleans())
def test_one_becomes_the_other(before: list[Any], after: list[Any], by_script: bool) -> None:
    """By the script of diff, and by apply; but for times and the order of versions.  Then nothing differs."""
    with TemporaryDirectory() as folder:
        a, b = made(Path(folder, "a.db"), before), made(Path(folder, "b.db"), after)
        compare = ("--allow-replace", "models", a, b)
        if by_script:
            odpsmodel("run", a, "-", text=odpsmodel("diff", *compare))
        else:
            odpsmodel("apply", "--yes", *compare)
        assert found(a) == found(b)
        assert odpsmodel("diff", *compare) == odpsmodel("diff", b, a) == ""
