"""Run a suite of the field for this package and for plain sqlite beside it, and compare them by name.

Plain sqlite runs with the requirements that SQLAlchemy and Alembic themselves have for it, from the source
distributions of the installed versions.  Exits with 1 where a test fails, where one is skipped or missing that
is not so with plain sqlite, or where a requirement differs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
#: The least number of tests that a suite has: a suite that is not found must not pass.
LEAST = {"sqlalchemy": 1400, "asyncio": 1400, "alembic": 70, "dbapi": 36}


class Run(NamedTuple):
    """One run of a suite: a URL, or for dbapi20 a module; and the module and class of requirements."""

    subject: str
    requirements: str


class Result(NamedTuple):
    """Outcomes by the names of tests, requirements by theirs, and what pytest printed."""

    outcomes: dict[str, str]
    requirements: dict[str, bool]
    log: str

    def names(self, outcome: str) -> set[str]:
        return {name for name, found in self.outcomes.items() if found == outcome}


SQLALCHEMY = "sqlalchemy_requirements:DefaultRequirements"
ALEMBIC = "alembic_requirements:DefaultRequirements"
OURS = "requirements:Requirements"
#: Plain sqlite, and what is compared with it.
PAIRS = {
    "sqlalchemy": [
        (Run("sqlite:///plain.db", SQLALCHEMY), Run("odpsmodel:///compliance.db", OURS)),
        (Run("sqlite:///plain.db", SQLALCHEMY), Run("sqlite+odpsmodel:///compliance.db", OURS)),
        (Run("sqlite://", SQLALCHEMY), Run("odpsmodel://", OURS)),
    ],
    "asyncio": [
        (Run("sqlite+aiosqlite:///plain.db", SQLALCHEMY), Run("odpsmodel+aiosqlite:///compliance.db", OURS)),
        (Run("sqlite+aiosqlite://", SQLALCHEMY), Run("odpsmodel+aiosqlite://", OURS)),
    ],
    "alembic": [
        (Run("sqlite:///plain.db", ALEMBIC), Run(url, "requirements:AlembicRequirements"))
        for url in ("odpsmodel:///compliance.db", "sqlite+odpsmodel:///compliance.db")
    ],
    "dbapi": [(Run("sqlite3", ""), Run("sqlalchemy_odpsmodel.dbapi", ""))],
}


def main(suite: str) -> int:
    pairs = PAIRS[suite]
    runs = list(dict.fromkeys(run for pair in pairs for run in pair))
    with tempfile.TemporaryDirectory() as folder:
        fetch_requirements(Path(folder), suite)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = pool.map(lambda run: result_of(suite, run, Path(folder)), runs)
            results = dict(zip(runs, found, strict=True))
    print(f"{suite}, {installed()}\n{'':40}{'passed':>8}{'skipped':>9}{'failed':>8}")
    for run in runs:
        count = Counter(results[run].outcomes.values())
        print(f"{run.subject:40}{count['passed']:8}{count['skipped']:9}{count['failed']:8}")
    faults = [
        fault
        for plain, ours in pairs
        for fault in compared(suite, ours.subject, results[plain], results[ours])
    ]
    print(*(results[ours].log for _, ours in pairs if results[ours].names("failed")), *faults, sep="\n")
    passed = sum(len(results[ours].names("passed")) for _, ours in pairs)
    print(f"{passed} passed, {len(faults)} failed")  # the closing line of test runners
    return bool(faults)


def compared(suite: str, subject: str, plain: Result, ours: Result) -> Iterator[str]:
    """What is wrong, a line each."""
    if min(len(ours.outcomes), len(plain.outcomes)) < LEAST[suite]:
        yield f"{subject}: fewer than {LEAST[suite]} tests were found"
    if suite != "dbapi" and min(len(ours.requirements), len(plain.requirements)) < 30:
        yield f"{subject}: fewer than 30 requirements were found"
    wrong = dict.fromkeys(ours.names("failed"), "fails")
    wrong |= dict.fromkeys(ours.names("skipped") - plain.names("skipped"), "is skipped, here only")
    wrong |= dict.fromkeys(
        plain.names("passed") - set(ours.outcomes), "is not there, and plain sqlite passes it"
    )
    wrong |= {
        name: f"is {held}, and of plain sqlite {plain.requirements.get(name)}"
        for name, held in ours.requirements.items()
        if plain.requirements.get(name) != held
    }
    yield from (f"{subject}: {name} {what}" for name, what in sorted(wrong.items()))


def result_of(suite: str, run: Run, folder: Path) -> Result:
    """Run it in a process and a folder of its own, which get the files of its databases."""
    here = Path(tempfile.mkdtemp(dir=folder))
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(folder), str(REPOSITORY))),
        "COMPLIANCE_DRIVER": run.subject,
        "COMPLIANCE_REQUIREMENTS": "requirements.json",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=result.xml"]
    command += dbapi_arguments(here) if suite == "dbapi" else suite_arguments(suite, run, here)
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, timeout=600)
    if not (here / "result.xml").exists():
        sys.exit(done.stdout + done.stderr)
    requirements = {} if suite == "dbapi" else json.loads((here / "requirements.json").read_text())
    return Result(dict(outcomes(here / "result.xml")), requirements, done.stdout[-20_000:])


def dbapi_arguments(here: Path) -> list[str]:
    tests = HERE / "dbapi"
    return ["-c", os.devnull, f"--rootdir={here}", f"--confcutdir={tests}", str(tests / "test_dbapi20.py")]


def suite_arguments(suite: str, run: Run, here: Path) -> list[str]:
    """SQLAlchemy's plugin takes the requirements from the setup.cfg in pytest's rootdir."""
    tests = HERE / "suites"
    (here / "setup.cfg").write_text(
        f"[sqla_testing]\nrequirement_cls = {run.requirements}\nprofile_file = profiles.txt\n[db]\n"
    )
    root = REPOSITORY if run.requirements == OURS else here
    file = tests / ("test_alembic.py" if suite == "alembic" else "test_sqlalchemy.py")
    options = ["-c", str(tests / "pytest.ini"), f"--rootdir={root}", f"--confcutdir={tests}"]
    return [*options, str(file), "--dburi", run.subject]


def outcomes(path: Path) -> Iterator[tuple[str, str]]:
    """The tests of a JUnit file, by the names of their classes without the database's, and themselves."""
    for case in ElementTree.parse(path).iter("testcase"):
        group = case.get("classname", "").rpartition(".")[2]
        name = re.sub(r"_(sqlite|odpsmodel)\+\w+$", "", group)
        inside = {element.tag for element in case}
        outcome = "skipped" if "skipped" in inside else "passed"
        yield f"{name}::{case.get('name')}", "failed" if inside & {"failure", "error"} else outcome


def fetch_requirements(folder: Path, suite: str) -> None:
    """What SQLAlchemy or Alembic have for their own tests, which no wheel has in it."""
    if suite == "dbapi":
        return
    package = "alembic" if suite == "alembic" else "sqlalchemy"
    release = version(package)
    download = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--no-binary", package]
    subprocess.run([*download, f"--dest={folder}", f"{package}=={release}"], check=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        (name,) = (n for n in archive.getnames() if re.fullmatch(r"[^/]+/tests?/requirements\.py", n))
        file = archive.extractfile(name)
        assert file is not None
        (folder / f"{package}_requirements.py").write_bytes(file.read())


def installed() -> str:
    names = ("SQLAlchemy", "alembic", "aiosqlite")
    return ", ".join(f"{name} {version(name)}" for name in names)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suite", choices=PAIRS)
    sys.exit(main(parser.parse_args().suite))
