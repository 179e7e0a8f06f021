"""What the files here share: short forms by default, long ones with --torture, and figures at the end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from scale import Figures, Scale

settings.register_profile("slow machines too", deadline=None)
settings.load_profile("slow machines too")


@pytest.fixture
def scale(request: pytest.FixtureRequest) -> Scale:
    long = request.config.getoption("torture")
    return lambda short, by_hand: by_hand if long else short


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    return lambda line: request.node.user_properties.append(("figures", line))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    lines = [(report.nodeid, *found) for report in reports for found in report.user_properties]
    if lines:
        terminalreporter.section("figures")
    for test, kind, line in lines:
        if kind == "figures":
            terminalreporter.write_line(f"{test.rpartition('::')[2]}: {line}")
