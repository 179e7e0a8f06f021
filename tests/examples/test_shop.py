"""examples/shop: an Alembic project with tables and models, by pytest-alembic and by the command alembic."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from migrations import untimed
from pytest_alembic.config import Config
from pytest_alembic.runner import runner
from pytest_alembic.tests import (  # noqa: F401  collected here, for alembic_runner below
    test_model_definitions_match_ddl,
    test_single_head_revision,
    test_up_down_consistency,
    test_upgrade,
)
from sqlalchemy import create_engine, inspect

from sqlalchemy_odpsmodel import EnvSecret

SHOP = Path(__file__).parents[2] / "examples" / "shop"
either = pytest.mark.parametrize("dialect", ["odpsmodel", "sqlite+odpsmodel"])


@pytest.fixture(params=["odpsmodel", "sqlite+odpsmodel"])
def alembic_runner(request: Any, tmp_path: Path) -> Iterator[Any]:
    """What pytest-alembic's tests take, on a file under either name of the dialect."""
    engine = create_engine(f"{request.param}:///{tmp_path / 'shop.db'}")
    config = Config(config_options={"file": str(SHOP / "alembic.ini")})
    with runner(config=config, engine=engine) as found:
        yield found
    engine.dispose()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the project."""
    copied = tmp_path / "shop"
    shutil.copytree(SHOP, copied, ignore=shutil.ignore_patterns("*.db*", "__pycache__"))
    return copied


@pytest.fixture
def alembic(shop: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command alembic in the project; its warnings are errors here."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-m", "alembic", *arguments]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ASSISTANT")}
        return subprocess.run(command, cwd=shop, env=environment, capture_output=True, text=True, check=True)

    return run


def catalog(url: str) -> dict[str, Any]:
    """What is in a database, without times."""
    engine = create_engine(url)
    inspector: Any = inspect(engine)
    models = untimed(inspector.get_all_models())
    tables = {name: inspector.get_columns(name) for name in inspector.get_table_names()}
    engine.dispose()
    return {"models": models, "tables": repr(tables)}


@either
def test_up_check_and_down_by_the_command(
    dialect: str, shop: Path, alembic: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    url = f"{dialect}:///{shop / 'x.db'}"
    alembic("-x", f"url={url}", "upgrade", "head")
    before = catalog(url)
    assert "0005 (head)" in alembic("-x", f"url={url}", "current").stdout
    alembic("-x", f"url={url}", "downgrade", "0002")
    assert names(catalog(url)) == ["default.assistant v1", "default.churn v1"]
    alembic("-x", f"url={url}", "upgrade", "head")
    assert before == catalog(url)
    assert alembic("-x", f"url={url}", "check").stdout == "No new upgrade operations detected.\n"
    assert names(catalog(url)) == ["default.assistant v1", "default.churn v2", "default.demand v1"]
    assistant = catalog(url)["models"][0]["versions"][0]["options"]
    assert assistant["APIKEY"] == EnvSecret("ASSISTANT_TOKEN")
    assert assistant["ENDPOINT"] == "http://9876543210.cn-shanghai.pai-eas.aliyuncs.com"
    alembic("-x", f"url={url}", "downgrade", "base")
    assert catalog(url)["models"] == []
    assert "customer" not in catalog(url)["tables"]


def names(found: dict[str, Any]) -> list[str]:
    return [f"{model['schema']}.{model['name']} {model['default_version']}" for model in found["models"]]


@either
def test_sql_into_odpsmodel_run_makes_the_same_catalog(
    dialect: str, shop: Path, alembic: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    alembic("-x", f"url={dialect}:///{shop / 'x.db'}", "upgrade", "head")
    script = alembic("-x", f"url={dialect}:///{shop / 'y.db'}", "upgrade", "head", "--sql").stdout
    assert script.startswith("-- This script needs the values of ASSISTANT_TOKEN.\n")
    odpsmodel = [sys.executable, "-c", "from sqlalchemy_odpsmodel.cli import main; main()"]
    done = subprocess.run(
        [*odpsmodel, "run", str(shop / "y.db"), "-"], input=script, capture_output=True, text=True
    )
    assert (done.returncode, "error" in done.stderr.lower()) == (0, False)
    assert catalog(f"odpsmodel:///{shop / 'x.db'}") == catalog(f"odpsmodel:///{shop / 'y.db'}")


def test_the_models_and_the_revisions_are_what_alembic_would_write(
    shop: Path, alembic: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """The last revision, taken away, is written again as it is."""
    last = shop / "migrations" / "versions" / "0005_demand_leaves_the_lab.py"
    kept = last.read_text()
    last.unlink()
    alembic("upgrade", "head")
    alembic("revision", "--autogenerate", "--rev-id", "0005", "-m", "demand leaves the lab")
    assert kept == last.read_text()
