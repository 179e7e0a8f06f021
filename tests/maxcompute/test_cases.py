"""The table of cases, by the local driver, by odpsmodel+pyodps at each kind of service, and by bare PyODPS."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cases import CASES, KEY, Case, Fails
from odps.errors import ODPSError
from services import is_real
from sqlalchemy import create_engine

from sqlalchemy_odpsmodel import dbapi, layout
from sqlalchemy_odpsmodel.errors import ModelError
from sqlalchemy_odpsmodel.sql.opening import match_opening
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy_odpsmodel.dbapi.ModelWarning")

table = pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_ZERO = "0000-00-00 00:00:00"


def normalized(rows: list[tuple[Any, ...]], owner: str, project: str) -> list[tuple[Any, ...]]:
    """Rows with times, owner and project as the table has them."""
    names = {owner: "OWNER", project: "PROJECT"}
    return [tuple(names.get(v, "TIME" if _TIME.fullmatch(str(v)) else v) for v in row) for row in rows]


def run(case: Case, cursor: Any, owner: str, project: str, sent: Callable[[], int]) -> None:
    """Each statement by a cursor; ``sent`` tells how many statements came to the service."""
    for sql, expected in case.steps:
        before = sent()
        if isinstance(expected, Fails):
            with pytest.raises(dbapi.DatabaseError) as caught:
                cursor.execute(sql)
            error: Any = caught.value
            assert error.code == expected.code
            assert f"{expected.code}:" in str(error)
            assert expected.words in str(error)
            assert KEY not in str(error) + repr(error)
            if expected.kind:
                assert isinstance(error, getattr(dbapi, expected.kind))
            if expected.before:
                assert sent() == before
            continue
        cursor.execute(sql)
        if expected is None:
            assert cursor.description is None
        else:
            assert cursor.description is not None
            rows = [tuple(row) for row in cursor.fetchall()]
            assert normalized(rows, owner, project) == expected
            assert all(len(row) == len(cursor.description) for row in rows)


@table
def test_by_the_local_driver(case: Case, tmp_path: Path) -> None:
    with closing(dbapi.connect(tmp_path / "local.db", project="demo", isolation_level=None)) as connection:
        run(case, connection.cursor(), "ALIYUN$local", "demo", lambda: 0)


@table
def test_by_the_driver_of_the_service(case: Case, url: str) -> None:
    if case.outside and is_real(url):
        pytest.skip("it writes to the schema default, where a real project has what is somebody's")
    engine = create_engine(url)
    connection: Any = engine.raw_connection().driver_connection
    started = 0
    start = connection.service.start

    def counted(*given: Any) -> Any:
        nonlocal started
        started += 1
        return start(*given)

    connection.service.start = counted
    cursor = connection.cursor()
    run(case, cursor, owner_of(cursor), connection.session.project, lambda: started)
    engine.dispose()


def owner_of(cursor: Any) -> str:
    """Whose models are here: what a model that is made has."""
    from samples import create

    cursor.execute(create(name="whose"))
    owner: str = cursor.execute("SHOW MODELS").fetchall()[0][1]
    cursor.execute("DROP MODEL whose")
    return owner


@table
def test_by_bare_pyodps(case: Case, maxcompute_endpoint: MaxComputeEndpoint) -> None:
    """SHOW and DESC as their text, errors as theirs."""
    client = maxcompute_endpoint.client("demo", schema="s")
    for sql, expected in case.steps:
        flags = {"odps.namespace.schema": "true"} | dict(re.findall(r"^SET (\S+)=(\S+);", sql, re.MULTILINE))
        if isinstance(expected, Fails):
            with pytest.raises(ODPSError) as caught:
                client.execute_sql(sql, hints=flags)
            assert caught.value.args[0].startswith(f"{expected.code}:")
            assert expected.words in caught.value.args[0]
            continue
        instance = client.execute_sql(sql, hints=flags)
        if expected is None:
            continue
        opening = match_opening(sql)
        if opening is None or opening.lastgroup == "begins":
            with instance.open_reader(tunnel=True) as reader:
                assert [tuple(record.values) for record in reader] == expected
        else:
            assert _TIME.sub(_ZERO, instance.get_task_result()) == text_of(sql, expected)


def text_of(sql: str, rows: list[tuple[Any, ...]]) -> str:
    """What the pages would print for the table's rows."""
    names = {"OWNER": "ALIYUN$local", "PROJECT": "demo", "TIME": _ZERO}
    filled: Any = [tuple(names.get(cell, cell) for cell in row) for row in rows]
    if sql.startswith("DESC"):
        return layout.describe(filled)
    titles = (
        "VersionName Owner SourceType ModelType IsDefault CreateTime LastModifiedTime Path Comment"
        if "VERSIONS" in sql
        else "ModelName Owner SourceType ModelType DefaultVersion CreateTime LastModifiedTime Comment"
    )
    return layout.grid(titles.split(), filled)


@pytest.fixture
def cursors(local: Any, con: Any) -> tuple[Any, Any]:
    return local.cursor(), con.cursor()


@table
def test_descriptions_and_errors_are_the_local_driver_s(case: Case, cursors: tuple[Any, Any]) -> None:
    """The same names and type objects of columns, of SHOW and DESC, and the same text of every error."""
    for sql, expected in case.steps:
        told = []
        for cursor in cursors:
            try:
                cursor.execute(sql)
                told.append(None)
            except ModelError as error:
                told.append(str(error))
            if expected is None or isinstance(expected, Fails) or sql.startswith("SELECT"):
                continue
            cursor.fetchall()
        assert told[0] == told[1]
        if isinstance(expected, list) and not sql.startswith("SELECT"):
            names = [[column[:2] for column in cursor.description] for cursor in cursors]
            assert names[0] == names[1]
