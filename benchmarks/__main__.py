"""All benchmarks, or those that are named.  README.md says what each measures.

python -m benchmarks [writing …] [--rounds N] [--json FILE] [--svg FILE] [--small]
"""

from __future__ import annotations

import json
import platform
import sqlite3
from argparse import ArgumentParser
from collections import Counter
from datetime import date
from importlib import import_module
from importlib.metadata import distributions, version
from pathlib import Path
from tempfile import TemporaryDirectory

from .contest import as_row
from .sizes import SMALL, Sizes

GROUPS = ("writing", "reading", "parsing", "growth", "starting", "migrations", "serving", "counted")
NEEDED = {"serving": "pyodps", "counted": "pyodps"}
PACKAGES = ("sqlalchemy_odpsmodel", "sqlalchemy", "alembic", "pandas", "pyodps", "mlflow")


def main() -> None:
    parser = ArgumentParser(description=__doc__, prog="python -m benchmarks")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; all without")
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="of all contestants, at most")
    parser.add_argument("--json", type=Path, metavar="FILE", help="written with the seconds of each round")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="written with curves, of all groups")
    parser.add_argument("--small", action="store_true", help="everything in little, to see that it runs")
    given = parser.parse_args()
    unknown = set(given.groups) - set(GROUPS)
    if unknown:
        parser.error(f"unknown group {min(unknown)}: the groups are {', '.join(GROUPS)}")
    installed = {found.name.lower() for found in distributions()}
    about = {name: version(name) for name in PACKAGES if name in installed}
    about |= {"sqlite": sqlite3.sqlite_version, "python": platform.python_version()}
    about |= {"date": date.today().isoformat()}
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print("\n| work | contestant | median | ratio | targets |\n|---|---|---|---|---|")
    results = []
    for group in given.groups or [g for g in GROUPS if NEEDED.get(g) in (None, *installed)]:
        module = import_module(f".{group}", __package__)
        with TemporaryDirectory() as folder:
            for contest in module.contests(Path(folder), SMALL if given.small else Sizes()):
                found = contest.run(given.rounds)
                print("\n".join(map(as_row, found)), flush=True)
                results += [{"group": group, **result} for result in found]
    reached = Counter(target["reached"] for result in results for target in result["targets"])
    print("\ntargets: " + ", ".join(f"{number} {word}" for word, number in reached.items()))
    if given.svg:
        import_module(".draw", __package__).draw(results, given.svg)
    if given.json:
        given.json.write_text(json.dumps({"about": about, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
