"""The public suite of PEP 249, dbapi-compliance, for the driver of the service."""

from __future__ import annotations

from typing import Any

import dbapi20
import pytest

from sqlalchemy_odpsmodel.maxcompute import dbapi
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint


class TestDriver(dbapi20.DatabaseAPI20Test):
    """As it is, on a new endpoint a test, but for what is optional."""

    driver = dbapi

    @pytest.fixture(autouse=True)
    def _on_a_new_endpoint(self, maxcompute_endpoint: MaxComputeEndpoint) -> None:
        self.connect_args = ("demo", "ak", "sk")
        self.connect_kw_args = {"endpoint": maxcompute_endpoint.url}

    def setUp(self) -> None:
        """The suite's own looks for a database that is there already."""

    def tearDown(self) -> None:
        """The file goes with its folder."""

    def test_nextset(self) -> None:
        """Optional, and there is none: a statement has one result.  The suite's own is a stub to override."""
        assert not hasattr(self._connect().cursor(), "nextset")

    def test_setoutputsize(self) -> None:
        """Does nothing, as PEP 249 allows.  The suite's own is a stub to override."""
        cursor: Any = self._connect().cursor()
        cursor.setoutputsize(1)
        self.executeDDL1(cursor)
        cursor.execute("insert into dbapi20test_booze values ('Victoria Bitter')")
        assert cursor.execute("select name from dbapi20test_booze").fetchone() == ("Victoria Bitter",)
