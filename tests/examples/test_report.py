"""examples/report.py: its command, on a file that has the models of examples/models.sql."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sqlalchemy_odpsmodel import dbapi

EXAMPLES = Path(__file__).parents[2] / "examples"
Connect = Callable[..., dbapi.Connection]
DAY = 24 * 60 * 60 * 1000


def report(path: Path, csv: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", EXAMPLES / "report.py", f"odpsmodel:///{path}", csv]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "report.csv"


@pytest.mark.filterwarnings("ignore::sqlalchemy_odpsmodel.errors.ModelWarning")
def test_the_report_of_the_pages_models(path: Path, csv: Path, connect: Connect) -> None:
    """A row a model; the age is that of the newest version, the place that of the default one."""
    con = connect()
    con.cursor().executescript((EXAMPLES / "models.sql").read_text())
    for version, days in (("v1", 40), ("v2", 3)):
        change = "UPDATE _odpsmodel_version SET create_time = create_time - ? WHERE name = ?"
        con.execute(change, (days * DAY, version))
    con.commit()
    done = report(path, csv)
    assert (done.stderr, done.returncode) == ("", 0)
    assert csv.read_text().splitlines() == [
        "ModelName,ModelType,DefaultVersion,Versions,NotDefault,DaysOld,Where",
        "pai_eas_qwen25_omni_3b,MLLM,v1,1,,40,http://11261230********.cn-shanghai.pai-eas.aliyuncs.com",
        "test_xgboost_classifier,BOOSTED_TREE_CLASSIFIER,v1,2,v2,3,"
        "oss://oss-cn-shanghai-internal.aliyuncs.com/********/xgboost_classifier/",
    ]
    printed = [line.split() for line in done.stdout.splitlines()]
    assert csv.read_text().splitlines()[2].split(",") in printed
    assert ["test_xgboost_classifier", "f1", "int", "int"] in printed
    assert printed[-1] == ["f4", "int"]  # v2 has none


def test_a_file_without_models_is_told(path: Path, csv: Path) -> None:
    done = report(path, csv)
    assert (done.stdout, done.stderr, done.returncode) == ("", "there are no models\n", 1)
    assert not csv.exists()
