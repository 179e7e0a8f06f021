"""The pages as Sphinx builds them, with every warning an error: links, anchors, contents and public names."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("furo", reason="Sphinx and all that public names need are of tox -e docs")

DOCS = Path(__file__).parents[2] / "docs"
PUBLIC = ("", ".dbapi", ".maxcompute.dbapi", ".sql", ".errors", ".alembic", ".testing")
CLASSES = (".dbapi.Connection", ".dbapi.Cursor", ".maxcompute.dbapi.Cursor")


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, built without a warning: each is in the contents, each link and anchor leads somewhere."""
    folder = tmp_path_factory.mktemp("site")
    options = ["-q", "-W", "--keep-going", "-d", folder / "doctrees"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, DOCS, folder / "html"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_every_page_is_built(html: Path) -> None:
    """Those in the repository's root too, which pages of docs include."""
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")}
    built = {str(page.relative_to(html).with_suffix("")) for page in html.rglob("*.html")}
    assert pages == built - {"genindex", "search", "py-modindex"}
    assert 'href="contributing.html#the-floors"' in (html / "architecture.html").read_text()


def test_the_pictures_are_shown(html: Path) -> None:
    for page in ("performance", "architecture"):
        assert re.search(rf'<img [^>]*src="_images/{page}\.svg"', (html / f"{page}.html").read_text())


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_described(module: str, html: Path) -> None:
    """From its docstring, or where it is sqlite3's or PEP 249's by its name."""
    path = f"sqlalchemy_odpsmodel{module}"
    built, told = (html / "api.html").read_text(), (DOCS / "api.md").read_text()
    told += (DOCS / "driver.md").read_text()  # the type objects
    for name in import_module(path).__all__:
        homes = (path, "sqlalchemy_odpsmodel.errors")
        described = any(f'id="{home}.{name}"' in built for home in homes)
        assert described or f"`{name}`" in told or name == "__version__", name


@pytest.mark.parametrize("path", CLASSES)
def test_every_method_of_the_drivers_is_described(path: str, html: Path) -> None:
    built = (html / "api.html").read_text()
    module, _, name = f"sqlalchemy_odpsmodel{path}".rpartition(".")
    for method in vars(getattr(import_module(module), name)):
        assert method.startswith("_") or f'id="{module}.{name}.{method}"' in built, method
