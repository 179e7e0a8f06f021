"""The public suite of PEP 249, dbapi-compliance, for the driver; for plain sqlite3 where it is named."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

import dbapi20
import pytest

DRIVER: Any = importlib.import_module(os.environ.get("COMPLIANCE_DRIVER", "sqlalchemy_odpsmodel.dbapi"))


class Suite(dbapi20.DatabaseAPI20Test):
    """As it is, on a new file a test."""

    __test__ = False
    driver = DRIVER

    @pytest.fixture(autouse=True)
    def _on_a_new_file(self, tmp_path: Path) -> None:
        self.connect_args = (tmp_path / "test.db",)

    def setUp(self) -> None:
        """The suite's own looks for a database that is there already."""

    def tearDown(self) -> None:
        """The file goes with its folder."""


if DRIVER.__name__ == "sqlite3":

    class TestDriver(Suite):
        __test__ = True

else:

    class TestDriver(Suite):  # type: ignore[no-redef]
        __test__ = True

        def test_nextset(self) -> None:
            """Optional, and there is none: a statement has one result.  The suite's own is a stub to override."""
            assert not hasattr(self._connect().cursor(), "nextset")

        def test_setoutputsize(self) -> None:
            """Does nothing, as PEP 249 allows.  The suite's own is a stub to override."""
            cursor = self._connect().cursor()
            cursor.setoutputsize(1)
            self.executeDDL1(cursor)
            cursor.execute("insert into dbapi20test_booze values ('Victoria Bitter')")
            assert cursor.execute("select name from dbapi20test_booze").fetchone() == ("Victoria Bitter",)

        def test_description(self) -> None:
            """As the suite's own, but for the type of an ordinary column, which is None: a value in SQLite has a
            type, a column of a result has none that sqlite3 knows.  SHOW's and DESC's columns are STRING."""
            cursor = self._connect().cursor()
            self.executeDDL1(cursor)
            assert cursor.description is None
            cursor.execute("select name from dbapi20test_booze")
            assert cursor.description == (("name", None, None, None, None, None, None),)
            self.executeDDL2(cursor)
            assert cursor.description is None
            cursor.execute("show models")
            assert len(cursor.description) == 8
            assert {len(column) for column in cursor.description} == {7}
            assert {column[1] for column in cursor.description} == {self.driver.STRING}
