"""What tests/compliance/compare.py calls a fault."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).parents[1] / "compliance" / "compare.py"
PASSED = {f"Test::test_{number}": "passed" for number in range(1400)}
SKIPPED = {"Test::test_skipped": "skipped"}
HELD = {f"requirement_{number}": bool(number % 2) for number in range(40)}


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("compare", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "compare", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("outcomes", "requirements", "fault"),
    [
        (PASSED | SKIPPED, HELD, None),
        (PASSED | {"Test::test_skipped": "passed", "Test::test_more": "passed"}, HELD, None),
        (PASSED | {"Test::test_1": "failed"}, HELD, "Test::test_1 fails"),
        (PASSED | {"Test::test_1": "skipped"}, HELD, "Test::test_1 is skipped, here only"),
        (PASSED | {"Test::test_more": "skipped"}, HELD, "Test::test_more is skipped, here only"),
        ({**dict(list(PASSED.items())[1:]), "Test::other": "passed"}, HELD, "Test::test_0 is not there, and plain sqlite passes it"),
        (PASSED | SKIPPED, HELD | {"requirement_1": False}, "requirement_1 is False, and of plain sqlite True"),
        (PASSED | SKIPPED, HELD | {"more": True}, "more is True, and of plain sqlite None"),
        (PASSED | SKIPPED, {}, "fewer than 30 requirements were found"),
        (SKIPPED, HELD, "fewer than 1400 tests were found"),
    ],
)  # fmt: skip
def test_faults(
    compare: Any, outcomes: dict[str, str], requirements: dict[str, bool], fault: str | None
) -> None:
    plain = compare.Result(PASSED | SKIPPED, HELD, "")
    found = list(compare.compared("sqlalchemy", "url", plain, compare.Result(outcomes, requirements, "")))
    assert found[:1] == ([] if fault is None else [f"url: {fault}"])


def test_a_fault_is_an_exit_code(
    compare: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = {
        "sqlite3": compare.Result(PASSED, {}, ""),
        "sqlalchemy_odpsmodel.dbapi": compare.Result(
            PASSED | {"Test::test_1": "failed"}, {}, "what pytest printed"
        ),
    }
    monkeypatch.setattr(compare, "installed", lambda: "these versions")
    monkeypatch.setattr(compare, "result_of", lambda suite, run, folder: results[run.subject])
    assert compare.main("dbapi") == 1
    printed = capsys.readouterr().out
    assert "what pytest printed" in printed
    assert "sqlalchemy_odpsmodel.dbapi: Test::test_1 fails" in printed
    assert printed.endswith("1399 passed, 1 failed\n")
    results["sqlalchemy_odpsmodel.dbapi"] = results["sqlite3"]
    assert compare.main("dbapi") == 0
