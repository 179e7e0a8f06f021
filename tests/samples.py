"""Statements to vary: each is valid as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy_odpsmodel import dbapi

PAGES = Path(__file__).parent / "pages"
#: A key that must be found nowhere, see test_secrets.
KEY = "sk-4f9c2e7ab1d84c55"
#: One that reads as a word, if the quotes around it are forgotten.
WORD = "tok4f9c2e7ab1d84c55"

IMPORT = {
    "MODEL_SOURCE_TYPE": "IMPORT",
    "MODEL_TYPE": "BOOSTED_TREE_CLASSIFIER",
    "LOCATION": "oss://oss-cn-shanghai-internal.aliyuncs.com/bucket/model/",
    "ROLEARN": "acs:ram::1:role/aliyunodpsdefaultrole",
}
REMOTE = {
    "MODEL_SOURCE_TYPE": "REMOTE",
    "MODEL_TYPE": "MLLM",
    "TASKS": "text-generation",
    "PAI_EAS_MODEL_NAME": "Qwen2.5-Omni-3B",
    "PAI_EAS_SERVICE_NAME": "test_remote_model",
    "ENDPOINT": "http://1.cn-shanghai.pai-eas.aliyuncs.com",
    "APIKEY": "${EAS_TOKEN}",
    "PAI_EAS_SYNC_MODE": "true",
}


def options(base: dict[str, str], **changes: str | None) -> str:
    """``key = 'value', …`` of a base with some values changed, added, or (None) left out."""
    merged = {**base, **changes}
    return ", ".join(f"{key} = '{value}'" for key, value in merged.items() if value is not None)


def create(
    base: dict[str, str] = IMPORT,
    name: str = "m",
    version: str = "v1",
    inputs: str = "INPUT (f1 int)",
    tail: str = "",
    **changes: str | None,
) -> str:
    return f"CREATE MODEL {name} WITH VERSION {version} {inputs} OPTIONS ({options(base, **changes)}) {tail}"


def add(
    base: dict[str, str] = IMPORT,
    name: str = "m",
    version: str = "v2",
    inputs: str = "INPUT (f1 int)",
    tail: str = "",
    **changes: str | None,
) -> str:
    kept = {k: v for k, v in base.items() if not k.startswith("MODEL_")}
    return (
        f"ALTER MODEL {name} ADD VERSION {version} {inputs} WITH OPTIONS ({options(kept, **changes)}) {tail}"
    )


def value(cursor: dbapi.Cursor, name: str, section: str = "Version Information") -> str | None:
    """One value of DESC's rows."""
    for row in cursor:
        if row[:2] == (section, name):
            return str(row[2])
    return None


def names(con: dbapi.Connection) -> list[str]:
    return [row[0] for row in con.execute("SHOW MODELS")]


def versions(con: dbapi.Connection, model: str = "m") -> list[str]:
    return [row[0] for row in con.execute(f"SHOW VERSIONS FOR MODEL {model}")]


def files(database: Path) -> Iterator[bytes]:
    """The bytes of a database file and of its WAL."""
    for path in (database, Path(f"{database}-wal")):
        if path.exists():
            yield path.read_bytes()
