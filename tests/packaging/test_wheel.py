"""What is published: the sdist, the wheel that is built from it, and the wheel installed by itself, with no extra and
with each alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from email import message_from_string
from email.message import Message
from pathlib import Path
from shutil import copytree, ignore_patterns
from tarfile import TarFile
from zipfile import ZipFile

import pytest

pytest.importorskip("build", reason="the build front end is of tox -e package")
pytest.importorskip("twine", reason="twine is of tox -e package")

ROOT = Path(__file__).parents[2]
SMOKES = Path(__file__).parent / "smokes"
PACKAGE = "sqlalchemy_odpsmodel"
EXTRAS = ["cli", "alembic", "asyncio", "server", "maxcompute", "all"]
#: What is made here, and git does not keep.
MADE = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split() if line[0] != "!"]
#: What a checkout has that was worked in.
LEFT = (
    "build/lib/sqlalchemy_odpsmodel/old.py",
    "examples/shop/shop.db",
    "sqlalchemy_odpsmodel/__pycache__/cli.cpython-311.pyc",
    "sqlalchemy_odpsmodel/models.db",
    "tests/.pytest_cache/README.md",
    "tests/__pycache__/samples.cpython-311.pyc",
)


def run(*command: str | Path, cwd: Path) -> str:
    """What a program prints that succeeds, within minutes; it sees nothing of this checkout."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def python(*arguments: str | Path, cwd: Path) -> str:
    return run(sys.executable, "-m", *arguments, cwd=cwd)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project without what was made in it."""
    tree = tmp_path_factory.mktemp("clean") / "tree"
    copytree(ROOT, tree, ignore=ignore_patterns(".git", *MADE))
    copytree(ROOT / "tests/formats", tree / "tests/formats", dirs_exist_ok=True)
    return tree


@pytest.fixture(scope="session")
def built(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an sdist, and of a wheel that was built from it, of a checkout that was worked in."""
    folder = tmp_path_factory.mktemp("built")
    used = copytree(tree, folder / "tree")
    for name in LEFT:
        (used / name).parent.mkdir(parents=True, exist_ok=True)
        (used / name).write_text("")
    (folder / "log").write_text(python("build", "--outdir", folder / "dist", cwd=used))
    return folder


@pytest.fixture(scope="session")
def sdist(built: Path) -> Path:
    return next((built / "dist").glob("*.tar.gz"))


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    return next((built / "dist").glob("*.whl"))


@pytest.fixture(scope="session")
def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as content:
        name = next(name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_string(content.read(name).decode())


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_builds_without_a_warning(built: Path) -> None:
    assert re.findall(r"(?im)^.*(?:warn|deprecat).*$", (built / "log").read_text()) == []


def test_twine_has_nothing_to_say(sdist: Path, wheel: Path) -> None:
    printed = python("twine", "check", "--strict", sdist, wheel, cwd=wheel.parent)
    assert printed.count("PASSED") == 2


def test_the_wheel_has_the_whole_package_and_nothing_else(tree: Path, wheel: Path) -> None:
    """To the byte, by way of the sdist: a subpackage or py.typed that is forgotten is missed here."""
    with ZipFile(wheel) as content:
        names = [name for name in content.namelist() if ".dist-info/" not in name]
        found = {name: content.read(name) for name in names}
    assert {f"{PACKAGE}/{name}": data for name, data in files(tree / PACKAGE).items()} == found
    assert f"{PACKAGE}/py.typed" in found


def test_the_sdist_has_the_project_and_nothing_else(tree: Path, sdist: Path) -> None:
    """Its tests, docs and examples too, as a distributor runs and reads them; not how this repository is kept."""
    with TarFile.open(sdist) as content:
        names = {member.name.partition("/")[2] for member in content if member.isfile()}
    found = {name for name in names if not name.startswith(f"{PACKAGE}.egg-info/")}
    assert {*files(tree), "PKG-INFO"} - {".gitignore", ".ci/run"} == found


def test_the_license_comes_with_it(tree: Path, wheel: Path, metadata: Message) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
    with ZipFile(wheel) as content:
        name = next(name for name in content.namelist() if name.endswith("/licenses/LICENSE"))
        assert (tree / "LICENSE").read_bytes() == content.read(name)


def test_it_needs_sqlalchemy_alone(metadata: Message) -> None:
    needed = metadata.get_all("Requires-Dist", [])
    assert [line for line in needed if "extra ==" not in line] == ["sqlalchemy>=2.0.42"]
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_extras(metadata: Message) -> None:
    """``all`` is each of the others."""
    assert metadata.get_all("Provides-Extra") == EXTRAS
    every = next(line for line in metadata.get_all("Requires-Dist", []) if line.endswith('extra == "all"'))
    assert set(EXTRAS[:-1]) == set(re.findall(r"\[(.*)\]", every)[0].split(","))


def test_it_names_the_pythons_that_tox_runs(metadata: Message) -> None:
    ran = dict.fromkeys(re.findall(r"\bpy3(\d+)\b", (ROOT / "tox.ini").read_text().split("[testenv]")[0]))
    named = re.findall(r"Python :: 3\.(\d+)", "\n".join(metadata.get_all("Classifier", [])))
    assert sorted(ran) == named


def test_every_extra_has_its_smoke() -> None:
    """So that an extra cannot come without one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"none", *project["optional-dependencies"]} == {path.stem for path in SMOKES.iterdir()}


@pytest.fixture(scope="session")
def smokes(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[str]]]:
    """What each environment says: the wheel with no extra or one, out of wheels that were fetched once."""
    folder = tmp_path_factory.mktemp("installed")
    wheels = folder / "wheels"
    python("pip", "wheel", "--quiet", "--wheel-dir", wheels, f"{wheel}[all]", cwd=folder)

    def smoke(extra: str) -> str:
        here = folder / extra
        venv.create(here, symlinks=True)
        installed = here / "bin/python"
        what = str(wheel) if extra == "none" else f"{wheel}[{extra}]"
        pip = ("pip", "--python", installed)
        python(
            *pip, "install", "--quiet", "--no-compile", "--no-index", "--find-links", wheels, what, cwd=here
        )
        python(*pip, "check", cwd=here)
        run(installed, "-I", "-m", "doctest", "-o", "ELLIPSIS", SMOKES / f"{extra}.txt", cwd=here)
        return "it works"

    with ThreadPoolExecutor(2) as pool:
        yield {extra: pool.submit(smoke, extra) for extra in ["none", *EXTRAS]}


@pytest.mark.parametrize("extra", ["none", *EXTRAS])
def test_it_works_where_nothing_else_is_installed(smokes: dict[str, Future[str]], extra: str) -> None:
    """Each page of smokes is executed by python -I in an environment of its own, after pip check."""
    assert smokes[extra].result() == "it works"
