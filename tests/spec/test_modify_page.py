"""The page "Modify a model version", sentence by sentence."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from samples import PAGES, REMOTE, add, create, value, versions

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.sql.script import split

#: The page's words, to the character.
DEFAULT_DROPPED = "ODPS-0110061: Failed to run ddltask - The default version of the model cannot be dropped"


@pytest.mark.filterwarnings("ignore::sqlalchemy_odpsmodel.errors.ModelWarning")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_page_runs_as_printed_after_its_create_page(
    connect: Callable[..., dbapi.Connection], language: str
) -> None:
    con = connect()
    for piece in list(split((PAGES / f"create_{language}.sql").read_text()))[:2]:
        con.execute(piece.text)
    failed = []
    for piece in split((PAGES / f"modify_{language}.sql").read_text()):
        try:
            cursor = con.execute(piece.text)
        except dbapi.Error as error:
            failed.append(str(error))
            continue
        if piece.text.startswith("DESC"):  # the page's comments beside them say v1 and binary, v2 and string
            rows = cursor.fetchall()
            first_type = next(row[2] for row in rows if row[0] == "Input")
            default = next(row[2] for row in rows if row[1] == "Default Version")
            assert (default, first_type) in [("v1", "binary"), ("v2", "string")]
    assert failed == [DEFAULT_DROPPED]
    assert versions(con, "pai_eas_qwen25_omni_3b") == ["v1"]
    assert versions(con, "test_xgboost_classifier") == ["v1", "v2"]


class TestAddVersion:
    def test_an_error_if_the_model_does_not_exist(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.ModelNotFound, match=r"model local\.default\.m does not exist"):
            con.execute(add())

    def test_a_version_is_unique_in_its_model(self, con: dbapi.Connection) -> None:
        con.execute(create())
        con.execute(create(name="other"))
        con.execute(add(name="other", version="v2"))
        with pytest.raises(dbapi.VersionExists, match="version v1 of model m already exists") as caught:
            con.execute(add(version="V1"))
        assert caught.value.code == "ODPS-0110061"

    def test_versions_can_have_different_columns(self, con: dbapi.Connection) -> None:
        con.execute(create(inputs="INPUT (f1 int)"))
        con.execute(add(inputs="INPUT (f1 string, f2 double)"))
        rows = con.execute(
            "SELECT version, position, name, type FROM odps_model_inputs ORDER BY version, position"
        )
        assert rows.fetchall() == [
            ("v1", 1, "f1", "int"),
            ("v2", 1, "f1", "string"),
            ("v2", 2, "f2", "double"),
        ]

    def test_the_comment_is_the_version_s_alone(self, con: dbapi.Connection) -> None:
        con.execute(create(tail="COMMENT 'one'"))
        con.execute(add(tail="COMMENT 'two'"))
        con.execute(add(version="v3"))
        assert con.execute("SELECT version, comment FROM odps_model_versions ORDER BY version").fetchall() == [
            ("v1", "one"), ("v2", "two"), ("v3", None)]  # fmt: skip
        assert con.execute("SELECT comment FROM odps_models").fetchone() == ("one",)

    def test_input_is_required_for_imported_models(self, con: dbapi.Connection) -> None:
        con.execute(create())
        with pytest.raises(dbapi.DataError, match="INPUT is missing"):
            con.execute(add(inputs=""))
        con.execute(create(REMOTE, name="r"))
        con.execute(add(REMOTE, name="r", inputs=""))
        assert versions(con, "r") == ["v1", "v2"]

    def test_the_default_version_stays(self, con: dbapi.Connection) -> None:
        con.execute(create())
        con.execute(add())
        assert con.execute("SHOW MODELS").fetchone()[4] == "v1"

    def test_with_options_may_be_empty_by_grammar_but_not_by_rule(self, con: dbapi.Connection) -> None:
        con.execute(create())
        with pytest.raises(dbapi.DataError, match="LOCATION is missing"):
            con.execute("ALTER MODEL m ADD VERSION v2 INPUT (f1 int) WITH OPTIONS ()")


class TestSetDefaultVersion:
    def test_it_changes_what_desc_shows(self, con: dbapi.Connection) -> None:
        con.execute(create())
        con.execute(add(inputs="INPUT (other double)"))
        con.execute("ALTER MODEL M SET DEFAULT_VERSION V2")
        assert value(con.execute("DESC MODEL m"), "Default Version", "Model Information") == "v2"
        assert value(con.execute("DESC MODEL m"), "Version Name") == "v2"
        assert value(con.execute("DESC MODEL m"), "other", "Input") == "double"

    def test_an_error_if_the_model_does_not_exist(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.ModelNotFound):
            con.execute("ALTER MODEL m SET DEFAULT_VERSION v1")

    def test_an_error_if_the_version_does_not_exist(self, con: dbapi.Connection) -> None:
        con.execute(create())
        with pytest.raises(dbapi.VersionNotFound, match="version v2 of model m does not exist") as caught:
            con.execute("ALTER MODEL m SET DEFAULT_VERSION v2")
        assert caught.value.code == "ODPS-0110061"
        assert isinstance(caught.value, dbapi.ProgrammingError)


class TestDropVersion:
    def test_it_is_gone(self, con: dbapi.Connection) -> None:
        con.execute(create())
        con.execute(add())
        con.execute("ALTER MODEL m DROP VERSION V2")
        assert versions(con) == ["v1"]

    def test_not_the_only_one_which_is_the_default(self, con: dbapi.Connection) -> None:
        con.execute(create())
        with pytest.raises(dbapi.DefaultVersionError) as caught:
            con.execute("ALTER MODEL m DROP VERSION v1")
        assert str(caught.value) == DEFAULT_DROPPED
        assert caught.value.code == "ODPS-0110061"
        assert isinstance(caught.value, dbapi.IntegrityError)

    def test_an_error_if_the_model_or_version_does_not_exist(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.ModelNotFound):
            con.execute("ALTER MODEL m DROP VERSION v1")
        con.execute(create())
        with pytest.raises(dbapi.VersionNotFound):
            con.execute("ALTER MODEL m DROP VERSION v2")

    def test_default_version_is_no_version(self, con: dbapi.Connection) -> None:
        con.execute(create())
        with pytest.raises(dbapi.VersionNotFound):
            con.execute("ALTER MODEL m DROP VERSION default_version")


def test_a_comment_that_no_version_carries_can_be_made_again(con: dbapi.Connection) -> None:
    """CREATE with a scaffold version that has the comment, ADD, SET DEFAULT, DROP the scaffold."""
    con.execute(create(version="scaffold", tail="COMMENT 'kept'"))
    con.execute(add(version="v1"))
    con.execute("ALTER MODEL m SET DEFAULT_VERSION v1")
    con.execute("ALTER MODEL m DROP VERSION scaffold")
    assert con.execute("SELECT comment FROM odps_models").fetchone() == ("kept",)
    assert con.execute("SELECT version, comment FROM odps_model_versions").fetchall() == [("v1", None)]


class TestTimes:
    """Every ALTER moves the model's LastModifiedTime; a version's own times move only when it is made."""

    @pytest.mark.parametrize(
        "alter",
        [add(version="v3"), "ALTER MODEL m SET DEFAULT_VERSION v2", "ALTER MODEL m DROP VERSION v2"],
    )
    def test_of_an_alter(self, con: dbapi.Connection, monkeypatch: pytest.MonkeyPatch, alter: str) -> None:
        monkeypatch.setattr(time, "time_ns", lambda: 1_760_034_768_123_456_789)  # 2025-10-09 18:32:48.123
        con.execute(create())
        con.execute(add())
        monkeypatch.setattr(time, "time_ns", lambda: 1_760_115_307_000_000_000)  # 2025-10-10 16:55:07
        con.execute(alter)
        assert con.execute("SELECT create_time, last_modified_time FROM odps_models").fetchall() == [
            ("2025-10-09 18:32:48.123000", "2025-10-10 16:55:07.000000")]  # fmt: skip
        assert con.execute(
            "SELECT DISTINCT create_time, last_modified_time FROM odps_model_versions WHERE version <> 'v3'"
        ).fetchall() == [("2025-10-09 18:32:48.123000", "2025-10-09 18:32:48.123000")]
