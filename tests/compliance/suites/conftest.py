"""SQLAlchemy's test plugin.  It collects classes of its own only, hence the folder and the run of their own."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

pytest.register_assert_rewrite("sqlalchemy.testing.assertions")

from sqlalchemy.testing.plugin import pytestplugin  # noqa: E402
from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: E402, F403


def pytest_collection_modifyitems(session: Any, config: Any, items: list[Any]) -> None:
    """Skip the one test that the suite itself skips by the name of the dialect."""
    pytestplugin.pytest_collection_modifyitems(session, config, items)
    for item in items:
        if item.name == "test_ss_cursor_status[for_update_string]":
            item.add_marker(pytest.mark.skip(reason="SQLite has no SELECT … FOR UPDATE"))


def pytest_sessionfinish(session: Any) -> None:
    """Write what the requirements came to: tests/compliance/compare.py compares them with SQLite's own."""
    path = os.environ.get("COMPLIANCE_REQUIREMENTS")
    if path:
        from sqlalchemy.testing import asyncio

        with open(path, "w") as file:
            json.dump(asyncio._maybe_async_provisioning(_requirements), file)
    pytestplugin.pytest_sessionfinish(session)


def _requirements() -> dict[str, bool]:
    """By name, which of the suite's requirements hold for the database of this run."""
    from sqlalchemy.testing import config, exclusions

    bases = [base for base in type(config.requirements).__mro__ if base.__name__ == "SuiteRequirements"]
    rules = {name: getattr(config.requirements, name) for base in bases for name in vars(base)}
    return {
        name: rule.enabled_for_config(config._current)
        for name, rule in rules.items()
        if isinstance(rule, exclusions.compound)
    }
