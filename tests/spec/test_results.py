"""What SHOW, DESC and the views return, and the vendor's layout of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from samples import IMPORT, PAGES, REMOTE, add, create, names

from sqlalchemy_odpsmodel import dbapi, layout
from sqlalchemy_odpsmodel.sql.script import split

CREATED = 1_760_034_768_000  # 2025-10-09 18:32:48 UTC
ADDED = 1_760_115_231_000  # 2025-10-10 16:53:51
MODIFIED = 1_760_115_307_000  # 2025-10-10 16:55:07


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Set the clock to milliseconds of UTC."""
    return lambda ms: monkeypatch.setattr(time, "time_ns", lambda: ms * 1_000_000)


class TestShowModels:
    """SHOW MODELS: ModelName, Owner, SourceType, ModelType, DefaultVersion, CreateTime, LastModifiedTime,
    Comment, one row a model of the current project and schema, by name."""

    def test_columns_and_rows(
        self, connect: Callable[..., dbapi.Connection], at: Callable[[int], None]
    ) -> None:
        con = connect(owner="RAM$account:name")
        at(CREATED)
        con.execute(create(REMOTE, name="b", tail="COMMENT 'two'"))
        con.execute(create(name="A"))
        cursor = con.execute("show models;")
        assert [column[0] for column in cursor.description] == [
            "ModelName", "Owner", "SourceType", "ModelType", "DefaultVersion", "CreateTime",
            "LastModifiedTime", "Comment"]  # fmt: skip
        assert {column[1] for column in cursor.description} == {dbapi.STRING}
        assert cursor.fetchall() == [
            ("a", "RAM$account:name", "IMPORT", "BOOSTED_TREE_CLASSIFIER", "v1", "2025-10-09 18:32:48",
             "2025-10-09 18:32:48", ""),
            ("b", "RAM$account:name", "REMOTE", "MLLM", "v1", "2025-10-09 18:32:48", "2025-10-09 18:32:48",
             "two"),
        ]  # fmt: skip

    def test_of_the_current_project_and_schema_only(self, connect: Callable[..., dbapi.Connection]) -> None:
        con = connect(project="p", schema="s")
        con.execute(create(name="here"))
        con.execute(create(name="other.there"))
        con.execute(create(name="p2.s.elsewhere"))
        assert names(con) == ["here"]
        con.commit()
        assert names(connect(project="P2", schema="S")) == ["elsewhere"]
        assert names(connect(project="p")) == []

    def test_without_a_store_there_are_none(self, con: dbapi.Connection) -> None:
        cursor = con.execute("SHOW MODELS")
        assert len(cursor.description) == 8
        assert cursor.fetchall() == []
        assert con.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


class TestShowVersions:
    """In order of creation: VersionName, Owner, SourceType, ModelType, IsDefault, CreateTime,
    LastModifiedTime, Path, Comment."""

    def test_columns_and_rows(self, con: dbapi.Connection, at: Callable[[int], None]) -> None:
        at(CREATED)
        con.execute(create(version="v9", tail="COMMENT 'first'"))
        at(ADDED)
        con.execute(add(version="v1", LOCATION="oss://x-internal/b/p"))
        cursor = con.execute("SHOW VERSIONS FOR MODEL m")
        assert [column[0] for column in cursor.description] == [
            "VersionName", "Owner", "SourceType", "ModelType", "IsDefault", "CreateTime", "LastModifiedTime",
            "Path", "Comment"]  # fmt: skip
        kind = ("ALIYUN$local", "IMPORT", "BOOSTED_TREE_CLASSIFIER")
        assert cursor.fetchall() == [
            ("v9", *kind, "true", "2025-10-09 18:32:48", "2025-10-09 18:32:48", IMPORT["LOCATION"], "first"),
            ("v1", *kind, "false", "2025-10-10 16:53:51", "2025-10-10 16:53:51", "oss://x-internal/b/p", ""),
        ]

    def test_of_a_missing_model(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.ModelNotFound):
            con.execute("SHOW VERSIONS FOR MODEL m")
        con.execute(create(name="other"))
        with pytest.raises(dbapi.ModelNotFound):
            con.execute("SHOW VERSIONS FOR MODEL m")


class TestDesc:
    def test_the_page_s_description_to_the_character(
        self, connect: Callable[..., dbapi.Connection], at: Callable[[int], None]
    ) -> None:
        """But for what the page masks by hand: owner, project, and the key, which is a secret here."""
        con = connect(project="muze_demo", owner="ALIYUN$*********")
        creates, modifies = (
            [p.text for p in split((PAGES / f"{page}_en.sql").read_text())] for page in ("create", "modify")
        )
        at(CREATED)
        con.execute(creates[0])
        at(1_760_114_321_000)  # 2025-10-10 16:38:41; the page's own order of times is not possible
        first = layout.describe(con.execute("DESC MODEL PAI_EAS_Qwen25_Omni_3B")).splitlines()
        at(ADDED)
        con.execute(modifies[0])
        at(MODIFIED)
        con.execute("ALTER MODEL PAI_EAS_Qwen25_Omni_3B SET DEFAULT_VERSION v2")
        second = layout.describe(con.execute("DESC MODEL PAI_EAS_Qwen25_Omni_3B")).splitlines()
        for printed, page in ((first, "desc_v1.txt"), (second, "desc_v2.txt")):
            expected = (PAGES / page).read_text().splitlines()
            assert len(printed) == len(expected)
            for ours, theirs in zip(printed, expected, strict=True):
                key = theirs[2:].split(":")[0].upper()
                if key in ("OWNER", "PROJECT"):  # masked, and the bar moved by the masking
                    assert ours.startswith(f"| {theirs[2:].split(':')[0]}:  ")
                elif key == "APIKEY":
                    assert ours == f"| APIKEY:                   {'********':<56} |"
                elif key == "LASTMODIFIEDTIME" and "16:38:41" in theirs:
                    assert ours == theirs.replace("2025-10-10 16:38:41", "2025-10-09 18:32:48")
                elif theirs.startswith(("| endpoint", "| pai_eas", "| remote_service")):  # lower case there
                    assert ours == theirs.replace(key.lower(), key)
                else:
                    assert ours == theirs

    def test_as_rows(self, con: dbapi.Connection, at: Callable[[int], None]) -> None:
        at(CREATED)
        con.execute(create(inputs="INPUT (f1 INT COMMENT 'age', 年龄 DOUBLE)", tail="COMMENT 'c'"))
        cursor = con.execute("DESCRIBE MODEL m")
        assert [column[0] for column in cursor.description] == ["Section", "Name", "Value", "Comment"]
        head = [("Owner", "ALIYUN$local"), ("Project", "local"), ("Model Name", "m"),
                ("Model Type", "BOOSTED_TREE_CLASSIFIER"), ("Source Type", "IMPORT")]  # fmt: skip
        times = [("CreateTime", "2025-10-09 18:32:48"), ("LastModifiedTime", "2025-10-09 18:32:48")]
        model = [*head, ("Default Version", "v1"), *times, ("Comment", "c")]
        version = [
            *head,
            ("Version Name", "v1"),
            ("Path", IMPORT["LOCATION"]),
            *times,
            ("ROLEARN", IMPORT["ROLEARN"]),
        ]
        assert cursor.fetchall() == [
            *(("Model Information", name, value, "") for name, value in model),
            *(("Version Information", name, value, "") for name, value in version),
            ("Input", "f1", "int", "age"),
            ("Input", "年龄", "double", ""),
        ]

    def test_a_remote_version_s_options(self, con: dbapi.Connection) -> None:
        """Alphabetical, upper case, with the derived service type and no TASKS row; Path is blank."""
        con.execute(create(REMOTE, inputs="", PAI_EAS_SYNC_REQUEST_TIMEOUT="60000"))
        rows = con.execute("DESC MODEL m").fetchall()
        start = next(i for i, row in enumerate(rows) if row[1] == "Path")
        assert rows[start][2] == ""
        assert [row[1:3] for row in rows[start + 3 :]] == [
            ("APIKEY", "${EAS_TOKEN}"), ("ENDPOINT", REMOTE["ENDPOINT"]),
            ("PAI_EAS_MODEL_NAME", "Qwen2.5-Omni-3B"), ("PAI_EAS_SERVICE_NAME", "test_remote_model"),
            ("PAI_EAS_SYNC_MODE", "true"), ("PAI_EAS_SYNC_REQUEST_TIMEOUT", "60000"),
            ("REMOTE_SERVICE_TYPE", "PAI-EAS")]  # fmt: skip

    def test_a_longer_value_pushes_the_bar(self, con: dbapi.Connection) -> None:
        con.execute(create(LOCATION="oss://x-internal/bucket/" + "p" * 60))
        assert f"\n| Path:                     oss://x-internal/bucket/{'p' * 60} |\n" in layout.describe(
            con.execute("DESC MODEL m")
        )

    def test_without_inputs_the_head_of_the_inputs_has_no_row(self, con: dbapi.Connection) -> None:
        con.execute(create(REMOTE, inputs=""))
        rule = "+" + "-" * 84 + "+"
        head = "| Input           | Type       | Comment                                             |"
        assert layout.describe(con.execute("DESC MODEL m")).endswith(f"|\n{rule}\n{head}\n{rule}\n{rule}")

    def test_5000_inputs(self, con: dbapi.Connection) -> None:
        columns = ", ".join(f"f{i} int" for i in range(5000))
        con.execute(create(inputs=f"INPUT ({columns})"))
        rows = con.execute("DESC MODEL m").fetchall()
        assert [row[1] for row in rows if row[0] == "Input"] == [f"f{i}" for i in range(5000)]


class TestGrid:
    """Each column as wide as its longest cell, one blank on each side, left-aligned, rules above and below
    the head and at the end."""

    def test_rows(self) -> None:
        assert layout.grid(["ModelName", "C"], [("m", "comment"), (None, b"\x01")]) == (
            "+-----------+---------+\n"
            "| ModelName | C       |\n"
            "+-----------+---------+\n"
            "| m         | comment |\n"
            "| NULL      | 01      |\n"
            "+-----------+---------+"
        )

    def test_no_rows(self) -> None:
        assert layout.grid(["a"], []) == "+---+\n| a |\n+---+\n+---+"


class TestTimezone:
    """Times are stored in UTC and shown in the connection's timezone."""

    @pytest.mark.parametrize(
        ("timezone", "shown"),
        [("UTC", "2025-10-09 18:32:48"), ("Asia/Shanghai", "2025-10-10 02:32:48"),
         ("America/New_York", "2025-10-09 14:32:48")],
    )  # fmt: skip
    def test_show_and_desc(
        self, connect: Callable[..., dbapi.Connection], at: Callable[[int], None], timezone: str, shown: str
    ) -> None:
        con = connect(timezone=timezone)
        at(CREATED)
        con.execute(create())
        assert con.execute("SHOW MODELS").fetchone()[5:7] == (shown, shown)
        assert con.execute("SHOW VERSIONS FOR MODEL m").fetchone()[5:7] == (shown, shown)
        assert {row[2] for row in con.execute("DESC MODEL m") if row[1].endswith("Time")} == {shown}
        assert con.execute("SELECT create_time FROM odps_models").fetchone() == (
            "2025-10-09 18:32:48.000000",
        )

    def test_an_unknown_one_is_named(self) -> None:
        with pytest.raises(dbapi.ProgrammingError, match="timezone 'Mars/Olympus' is not known"):
            dbapi.connect(":memory:", timezone="Mars/Olympus")


class TestViews:
    def test_their_columns(self, con: dbapi.Connection) -> None:
        con.execute(create())
        columns = {
            "odps_models": "project schema model owner source_type model_type default_version create_time"
            " last_modified_time comment",
            "odps_model_versions": "project schema model version is_default create_time last_modified_time path"
            " comment",
            "odps_model_inputs": "project schema model version position name type comment",
            "odps_model_options": "project schema model version key value",
        }
        for view, names_ in columns.items():
            cursor = con.execute(f"SELECT * FROM {view}")
            assert [column[0] for column in cursor.description] == names_.split()

    def test_what_is_absent_is_null(self, con: dbapi.Connection) -> None:
        con.execute(create(REMOTE))
        assert con.execute("SELECT comment FROM odps_models").fetchone() == (None,)
        assert con.execute("SELECT is_default, path, comment FROM odps_model_versions").fetchone() == (
            1,
            None,
            None,
        )

    def test_they_are_read_only(self, con: dbapi.Connection) -> None:
        con.execute(create())
        with pytest.raises(dbapi.OperationalError, match="cannot modify odps_models because it is a view"):
            con.execute("DELETE FROM odps_models")

    def test_they_join(self, con: dbapi.Connection) -> None:
        con.execute(create(name="s2.m"))
        assert con.execute(
            "SELECT m.schema, v.version, o.value FROM odps_models m JOIN odps_model_versions v"
            " USING (project, schema, model) JOIN odps_model_options o USING (project, schema, model, version)"
            " WHERE v.is_default AND o.key = 'ROLEARN'"
        ).fetchall() == [("s2", "v1", IMPORT["ROLEARN"])]
