"""The metadata tables: made in one transaction, versioned, the same cost at any size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from samples import add, create, names

from sqlalchemy_odpsmodel import dbapi, store

Connect = Callable[..., dbapi.Connection]
NEW_NAMES = {
    "_odpsmodel_store", "_odpsmodel_model", "_odpsmodel_version",
    "odps_models", "odps_model_versions", "odps_model_inputs", "odps_model_options",
}  # fmt: skip


def objects(con: dbapi.Connection) -> set[str]:
    return {row[0] for row in con.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}


def test_the_first_model_statement_makes_the_tables(connect: Connect) -> None:
    con = connect()
    con.execute("CREATE TABLE mine (a)")
    con.execute(create())
    assert objects(con) == {"mine", *NEW_NAMES}
    strict = con.execute(
        "SELECT name FROM pragma_table_list WHERE strict AND name LIKE '\\_odps%' ESCAPE '\\'"
    )
    assert {row[0] for row in strict} == {"_odpsmodel_store", "_odpsmodel_model", "_odpsmodel_version"}
    con.rollback()
    assert objects(con) == set()


@pytest.mark.parametrize(
    "statement", [add(), "ALTER MODEL m DROP VERSION v1", "DROP MODEL m", "DESC MODEL m", "SHOW MODELS"]
)
def test_no_other_makes_them(connect: Connect, statement: str) -> None:
    con = connect()
    try:
        list(con.execute(statement))
    except dbapi.ModelNotFound:
        assert statement != "SHOW MODELS"
    assert objects(con) == set()


def test_a_failed_create_makes_none(connect: Connect) -> None:
    con = connect()
    with pytest.raises(dbapi.DataError):
        con.execute(create(LOCATION="x"))
    with pytest.raises(dbapi.NoPermission):
        con.execute(create(name="bigdata_public_modelset.default.m"))
    assert objects(con) == set()


def test_a_user_s_object_in_the_way_is_named(con: dbapi.Connection) -> None:
    con.execute("CREATE TABLE odps_models (mine)")
    with pytest.raises(dbapi.StoreError, match=r"odps_models already exists: .* rename") as caught:
        con.execute(create())
    assert isinstance(caught.value, dbapi.OperationalError)
    assert objects(con) == {"odps_models"}


@pytest.mark.parametrize(
    "statement",
    [create(name="n"), create(name="IF NOT EXISTS m"), add(), "ALTER MODEL m SET DEFAULT_VERSION v1",
     "ALTER MODEL m DROP VERSION v1", "DROP MODEL m", "DROP MODEL IF EXISTS m", "SHOW MODELS",
     "SHOW VERSIONS FOR MODEL m", "DESC MODEL m"],
)  # fmt: skip
def test_an_older_release_refuses_a_newer_file(con: dbapi.Connection, statement: str) -> None:
    con.execute(create())
    con.execute("UPDATE _odpsmodel_store SET format = format + 1")
    con.commit()
    with pytest.raises(
        dbapi.StoreError, match=r"store format 2, and this release .* knows 1: upgrade the package"
    ):
        con.execute(statement)


def test_a_default_version_that_is_gone_is_damage(con: dbapi.Connection) -> None:
    con.execute(create())
    con.execute("DELETE FROM _odpsmodel_version")
    with pytest.raises(dbapi.StoreError, match="_odpsmodel_version is damaged: restore"):
        con.execute("DESC MODEL m")


def test_a_store_without_its_row_is_damaged(con: dbapi.Connection) -> None:
    con.execute(create())
    con.execute("DELETE FROM _odpsmodel_store")
    with pytest.raises(dbapi.StoreError, match="damaged: restore"):
        con.execute("SHOW MODELS")


def test_a_later_release_upgrades_a_file_in_one_transaction(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    con = connect()
    con.execute(create())
    con.commit()
    steps = (
        *store._STEPS,
        ("ALTER TABLE _odpsmodel_model ADD labels TEXT", "CREATE TABLE _odpsmodel_more (a) STRICT"),
    )
    monkeypatch.setattr(store, "_STEPS", steps)
    monkeypatch.setattr(store, "FORMAT", 2)
    with pytest.raises(dbapi.OperationalError, match="missing datatype"):  # its second statement breaks
        con.execute(create(name="n"))
    assert con.execute("SELECT format FROM _odpsmodel_store").fetchone() == (1,)
    assert "labels" not in {row[1] for row in con.execute("PRAGMA table_info(_odpsmodel_model)")}
    monkeypatch.setattr(store, "_STEPS", (*steps[:-1], steps[-1][:1]))
    con.execute(create(name="n"))
    con.commit()
    assert con.execute("SELECT format, length(salt) FROM _odpsmodel_store").fetchone() == (2, 16)
    assert names(con) == ["m", "n"]


@pytest.mark.parametrize("statement", [add(), "ALTER MODEL m SET DEFAULT_VERSION v1", "DROP MODEL m"])
def test_whatever_is_the_first_to_write(
    con: dbapi.Connection, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    con.execute(create())
    monkeypatch.setattr(store, "_STEPS", (*store._STEPS, ("CREATE TABLE _odpsmodel_more (a INT) STRICT",)))
    monkeypatch.setattr(store, "FORMAT", 2)
    con.execute("SHOW MODELS")
    assert con.execute("SELECT format FROM _odpsmodel_store").fetchone() == (1,)
    con.execute(statement)
    assert con.execute("SELECT format FROM _odpsmodel_store").fetchone() == (2,)


def test_another_connection_s_rollback_is_noticed(connect: Connect) -> None:
    """Nothing is remembered about the tables."""
    con, other = connect(), connect()
    con.execute(create())
    con.rollback()
    other.execute(create())
    other.commit()
    con.execute(create(name="n"))
    con.commit()
    assert names(other) == ["m", "n"]


def test_a_temporary_table_of_that_name_is_not_taken_for_the_store(con: dbapi.Connection) -> None:
    con.execute("CREATE TEMP TABLE _odpsmodel_model (a)")
    con.execute(create())
    assert names(con) == ["m"]


def test_invariants_are_checked_by_sqlite(con: dbapi.Connection) -> None:
    con.execute(create())
    assert con.execute("PRAGMA foreign_key_check").fetchall() == []
    con.execute("UPDATE _odpsmodel_model SET default_version = 'gone'")
    assert con.execute("PRAGMA foreign_key_check").fetchall() != []


@pytest.mark.parametrize(
    "statement",
    [
        add(version="fresh"),
        "ALTER MODEL m SET DEFAULT_VERSION v7",
        "ALTER MODEL m DROP VERSION v7",
        "DESC MODEL m",
    ],
)
def test_a_version_costs_the_same_at_any_size(connect: Connect, path: Path, statement: str) -> None:
    """Counted in steps of SQLite's machine, which no noise disturbs: 10 versions and 20,000."""

    def steps(count: int) -> int:
        con = connect(path.with_name(f"{count}.db"))
        con.execute(create())
        con.execute(
            "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO _odpsmodel_version (model, name, create_time, last_modified_time, inputs, options)"
            " SELECT model, 'v' || i, 1, 1, inputs, options FROM n, _odpsmodel_version WHERE name = 'v1'",
            (count,),
        )
        con.commit()
        taken = [0]

        def step() -> int:
            taken[0] += 1
            return 0

        con.set_progress_handler(step, 1)
        list(con.execute(statement))
        return taken[0]

    few, many = steps(10), steps(20_000)
    assert few > 10
    assert many <= few + 2


@pytest.mark.parametrize(
    "damage",
    ["DROP TABLE _odpsmodel_model", "DROP TABLE _odpsmodel_version",
     "CREATE TRIGGER t AFTER INSERT ON _odpsmodel_model BEGIN INSERT INTO missing VALUES (1); END"],
)  # fmt: skip
def test_a_fault_of_the_tables_is_no_answer(con: dbapi.Connection, damage: str) -> None:
    """A statement fails: neither does a model exist already, nor is there nothing to do."""
    con.execute(create())
    con.execute(damage)
    con.commit()
    for sql in (
        create(name="n"),
        create(name="IF NOT EXISTS n"),
        add(),
        "DROP MODEL IF EXISTS m",
        "DESC MODEL m",
    ):
        if "TRIGGER" in damage and not sql.startswith("CREATE"):
            continue
        with pytest.raises(dbapi.OperationalError, match="no such table"):
            con.execute(sql).fetchall()


def test_a_newer_file_may_lack_a_column(con: dbapi.Connection) -> None:
    con.execute(create())
    con.executescript(
        "DROP VIEW odps_models; UPDATE _odpsmodel_store SET format = 2;"
        "ALTER TABLE _odpsmodel_model RENAME COLUMN owner TO owned_by; COMMIT"
    )
    for sql in (create(name="n"), "DESC MODEL m", add()):
        with pytest.raises(dbapi.StoreError, match="upgrade the package"):
            con.execute(sql)


def test_a_pragma_that_counts_changes(con: dbapi.Connection) -> None:
    con.execute("PRAGMA count_changes=1")
    con.execute(create())
    con.execute(add())
    con.execute("DROP MODEL m")
    assert con.execute("SHOW MODELS").fetchall() == []
