"""Where PyODPS is not installed, or not asked for: nothing is imported, and who asks for it is told what to do."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


ABSENT = "import sys; sys.modules['odps'] = None\n"


@pytest.mark.parametrize(
    "code",
    [
        "from sqlalchemy import create_engine; create_engine('odpsmodel+pyodps://a:b@p/')",
        "import sqlalchemy_odpsmodel.maxcompute.dbapi",
    ],
)
def test_who_asks_for_it_is_told_what_to_install(code: str) -> None:
    done = run(ABSENT + code)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last == (
        "ModuleNotFoundError: MaxCompute needs odps: pip install 'sqlalchemy_odpsmodel[maxcompute]'"
    )


@pytest.mark.parametrize("url", ["odpsmodel://", "sqlite+odpsmodel://", "sqlite://"])
def test_a_local_file_does_not_need_it(url: str) -> None:
    """With Alembic's side registered, too."""
    done = run(
        "import sys, alembic.migration\n"
        "from sqlalchemy import create_engine, inspect, text\n"
        "import sqlalchemy_odpsmodel.alembic\n"
        f"with create_engine({url!r}).connect() as connection:\n"
        "    connection.execute(text('CREATE TABLE t (a INTEGER)'))\n"
        "    inspect(connection).get_table_names()\n"
        "print(sorted({'odps', 'requests', 'sqlalchemy_odpsmodel.maxcompute'} & set(sys.modules)))\n"
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_dialect_alone_imports_neither() -> None:
    """A script is written where PyODPS is not."""
    done = run(
        ABSENT + "from sqlalchemy.engine import make_url\n"
        "from sqlalchemy_odpsmodel import DropModel\n"
        "dialect = make_url('odpsmodel+pyodps://').get_dialect()()\n"
        "print(DropModel('m').compile(dialect=dialect))\n"
    )
    assert (done.stdout, done.stderr) == ("DROP MODEL m\n", "")
