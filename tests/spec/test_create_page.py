"""The page "Create and delete models", sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from samples import IMPORT, PAGES, REMOTE, add, create, names, value, versions

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.sql.script import split

SEEDS = Path(__file__).parents[3] / "shared" / "seeds"


class TestExamples:
    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_each_page_runs_as_printed_on_a_fresh_file(
        self, connect: Callable[..., dbapi.Connection], language: str
    ) -> None:
        con = connect()
        creates, drop = split_last((PAGES / f"create_{language}.sql").read_text())
        con.executescript(creates)
        assert names(con) == ["pai_eas_qwen25_omni_3b", "test_xgboost_classifier"]
        con.execute(drop)
        assert names(con) == ["test_xgboost_classifier"]

    @pytest.mark.skipif(not SEEDS.is_dir(), reason="the pages' captures are not beside the checkout")
    @pytest.mark.parametrize(
        ("ours", "page"),
        [("create_ja", "000"), ("modify_ja", "001"), ("create_en", "002"), ("modify_en", "003")],
    )
    def test_our_copy_is_the_page_s_text(self, ours: str, page: str) -> None:
        printed = next(SEEDS.glob(f"{page}_*")).read_text()
        for piece in split((PAGES / f"{ours}.sql").read_text()):
            assert piece.text in printed


def split_last(script: str) -> tuple[str, str]:
    pieces = [piece.text for piece in split(script)]
    return "\n".join(pieces[:-1]), pieces[-1]


class TestModelName:
    """The model name. Case-insensitive. Accepts letters (a-z, A-Z), digits, and underscores (_). Must
    start with a letter. Maximum length: 256 bytes. Must be unique within the same project or schema."""

    def test_it_is_folded_to_lower_case(self, con: dbapi.Connection) -> None:
        con.execute(create(name="PAI_EAS_Qwen25_Omni_3B"))
        assert names(con) == ["pai_eas_qwen25_omni_3b"]

    @pytest.mark.parametrize(
        "name", ["a", "A1_b", "a" * 255, "a" * 256, "`quoted`", "model", "version", "if"]
    )
    def test_accepted(self, con: dbapi.Connection, name: str) -> None:
        con.execute(create(name=name))
        assert names(con) == [name.strip("`").lower()]

    @pytest.mark.parametrize("name", ["1a", "_a", "`a b`", "`a-b`", "`a.b`", "模型", "é", "``"])
    def test_refused_and_named(self, con: dbapi.Connection, name: str) -> None:
        with pytest.raises(dbapi.Error) as caught:
            con.execute(create(name=name))
        assert "model name" in str(caught.value)
        assert names(con) == []

    def test_257_bytes_are_refused_by_the_limit_s_name(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.DataError, match=r"^ODPS-0130071:\[1,14\].*longer than 256 bytes"):
            con.execute(create(name="a" * 257))

    def test_unique_in_project_and_schema(self, con: dbapi.Connection) -> None:
        con.execute(create(name="m"))
        con.execute(create(name="other.m"))
        con.execute(create(name="p2.other.m"))
        with pytest.raises(dbapi.ModelExists, match=r"model local\.default\.m already exists") as caught:
            con.execute(create(name="M"))
        assert caught.value.code == "ODPS-0110061"
        assert isinstance(caught.value, dbapi.ProgrammingError)

    @pytest.mark.parametrize(("parts", "kind"), [("{}.m", "schema name"), ("{}.s.m", "project name")])
    def test_schemas_and_projects_have_the_same_rule(
        self, con: dbapi.Connection, parts: str, kind: str
    ) -> None:
        con.execute(create(name=parts.format("a" * 256)))
        for name in ("a" * 257, "1a", "`a-b`"):
            with pytest.raises(dbapi.DataError, match=kind):
                con.execute(create(name=parts.format(name)))


class TestVersionName:
    """Same naming rules as model_name. Cannot be set to default_version. Maximum length: 256 bytes."""

    def test_folded(self, con: dbapi.Connection) -> None:
        con.execute(create(version="V1"))
        assert versions(con) == ["v1"]

    @pytest.mark.parametrize("name", ["v" * 255, "v" * 256])
    def test_up_to_the_limit(self, con: dbapi.Connection, name: str) -> None:
        con.execute(create(version=name))
        assert versions(con) == [name]

    @pytest.mark.parametrize("name", ["v" * 257, "1v", "_v", "`v-1`", "`v.1`", "版本"])
    def test_refused(self, con: dbapi.Connection, name: str) -> None:
        with pytest.raises(dbapi.DataError, match="version name"):
            con.execute(create(version=name))

    @pytest.mark.parametrize("name", ["default_version", "Default_Version", "`DEFAULT_VERSION`"])
    def test_default_version_is_reserved(self, con: dbapi.Connection, name: str) -> None:
        with pytest.raises(dbapi.DataError, match="called default_version"):
            con.execute(create(version=name))
        con.execute(create())
        with pytest.raises(dbapi.DataError, match="called default_version"):
            con.execute(add(version=name))


class TestInput:
    """Case-insensitive. Accepts letters, digits, underscores, and Chinese characters. Must start with a
    letter. Maximum length: 128 bytes. Required when MODEL_SOURCE_TYPE is IMPORT."""

    @pytest.mark.parametrize(
        ("name", "shown"),
        [("F1", "f1"), ("年龄", "年龄"), ("年Age_1", "年age_1"), ("a" * 128, "a" * 128), ("年" * 42, "年" * 42),
         ("a" * 127, "a" * 127), ("年" * 42 + "ab", "年" * 42 + "ab"), ("comment", "comment"), ("`int`", "int")],
    )  # fmt: skip
    def test_accepted(self, con: dbapi.Connection, name: str, shown: str) -> None:
        con.execute(create(inputs=f"INPUT ({name} int)"))
        assert con.execute("SELECT name FROM odps_model_inputs").fetchall() == [(shown,)]

    @pytest.mark.parametrize("name", ["1f", "_f", "`f 1`", "é", "`f-1`", "ａ"])
    def test_refused(self, con: dbapi.Connection, name: str) -> None:
        with pytest.raises(dbapi.DataError, match="input column"):
            con.execute(create(inputs=f"INPUT ({name} int)"))

    @pytest.mark.parametrize("name", ["a" * 129, "年" * 43, "年" * 42 + "abc"])
    def test_more_than_128_bytes(self, con: dbapi.Connection, name: str) -> None:
        with pytest.raises(dbapi.DataError, match="longer than 128 bytes"):
            con.execute(create(inputs=f"INPUT ({name} int)"))

    def test_unique_whatever_the_case(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.DataError, match="input column f1 is given twice"):
            con.execute(create(inputs="INPUT (f1 int, F1 string)"))

    def test_required_for_import(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.DataError, match="INPUT is missing"):
            con.execute(create(IMPORT, inputs=""))

    def test_optional_for_remote(self, con: dbapi.Connection) -> None:
        con.execute(create(REMOTE, inputs=""))
        assert names(con) == ["m"]

    def test_a_list_without_columns_is_a_syntax_error(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.ParseError, match="expected a column name"):
            con.execute(create(inputs="INPUT ()"))


class TestInputType:
    """Supported types: every scalar type, printed in lower case."""

    @pytest.mark.parametrize(
        ("written", "shown"),
        [("BIGINT", "bigint"), ("DOUBLE", "double"), ("STRING", "string"), ("BINARY", "binary"), ("Int", "int"),
         ("TINYINT", "tinyint"), ("SMALLINT", "smallint"), ("FLOAT", "float"), ("DECIMAL", "decimal"),
         ("BOOLEAN", "boolean"), ("DATE", "date"), ("DATETIME", "datetime"), ("TIMESTAMP", "timestamp"),
         ("TIMESTAMP_NTZ", "timestamp_ntz"), ("JSON", "json"),
         ("DECIMAL ( 1 )", "decimal(1)"), ("DECIMAL(38, 18)", "decimal(38,18)"), ("DECIMAL(5,5)", "decimal(5,5)"),
         ("DECIMAL(5,0)", "decimal(5,0)"), ("VARCHAR(1)", "varchar(1)"), ("VARCHAR(65535)", "varchar(65535)"),
         ("CHAR(1)", "char(1)"), ("CHAR(255)", "char(255)"), ("DECIMAL（5，2）", "decimal(5,2)")],
    )  # fmt: skip
    def test_accepted(self, con: dbapi.Connection, written: str, shown: str) -> None:
        con.execute(create(inputs=f"INPUT (f1 {written})"))
        assert value(con.execute("DESC MODEL m"), "f1", "Input") == shown

    @pytest.mark.parametrize(
        ("written", "named"),
        [("DECIMAL(0)", "DECIMAL takes a precision from 1 to 38"), ("DECIMAL(39)", "from 1 to 38"),
         ("DECIMAL(38,19)", "DECIMAL takes a scale from 0 to 18"), ("DECIMAL(4,5)", "at most its precision"),
         ("VARCHAR", "VARCHAR takes one length"), ("VARCHAR(0)", "from 1 to 65535"),
         ("VARCHAR(65536)", "from 1 to 65535"), ("VARCHAR(1,2)", "one length"), ("CHAR(0)", "from 1 to 255"),
         ("CHAR(256)", "CHAR takes a length from 1 to 255"), ("INT(4)", "INT takes no length"),
         ("ARRAY<INT>", "ARRAY is no type"), ("MAP<STRING,INT>", "MAP is no type"),
         ("STRUCT<a:INT>", "STRUCT is no type"), ("array", "ARRAY is no type"),
         ("INTEGER", "type of input column f1 is unknown"), ("TEXT", "type of input column f1 is unknown"), ("INTT", "did you mean INT"),
         ("VARCHAR(" + "9" * 5000 + ")", "from 1 to 65535"), ("DECIMAL(0" + "0" * 5000 + ")", "from 1 to 38")],
    )  # fmt: skip
    def test_refused(self, con: dbapi.Connection, written: str, named: str) -> None:
        with pytest.raises(dbapi.DataError, match=named) as caught:
            con.execute(create(inputs=f"INPUT (f1 {written})"))
        assert caught.value.code == "ODPS-0130071"  # type: ignore[attr-defined]


class TestComment:
    """A description of the model. Maximum length: 1,024 bytes. Also applied to the first model version."""

    def test_the_first_version_has_it_too(self, con: dbapi.Connection) -> None:
        con.execute(create(tail="COMMENT 'Import XGBoost model v1'"))
        assert con.execute("SELECT comment FROM odps_models").fetchall() == [("Import XGBoost model v1",)]
        assert con.execute("SELECT comment FROM odps_model_versions").fetchall() == [
            ("Import XGBoost model v1",)
        ]

    def test_an_empty_one_is_none(self, con: dbapi.Connection) -> None:
        con.execute(create(inputs="INPUT (f1 int COMMENT '')", tail="COMMENT ''"))
        assert con.execute("SHOW MODELS").fetchone()[-1] == ""
        for view in ("odps_models", "odps_model_versions", "odps_model_inputs"):
            assert con.execute(f"SELECT comment FROM {view}").fetchall() == [(None,)]

    @pytest.mark.parametrize("comment", ["", "c" * 1023, "c" * 1024, "年" * 341, "年" * 341 + "c"])
    def test_up_to_1024_bytes(self, con: dbapi.Connection, comment: str) -> None:
        con.execute(create(tail="COMMENT ?"), (comment,))
        assert value(con.execute("DESC MODEL m"), "Comment", "Model Information") == comment

    @pytest.mark.parametrize("comment", ["c" * 1025, "年" * 341 + "cc", "年" * 342])
    def test_more_is_refused(self, con: dbapi.Connection, comment: str) -> None:
        with pytest.raises(dbapi.DataError, match="COMMENT is longer than 1,024 bytes"):
            con.execute(create(tail="COMMENT ?"), (comment,))

    def test_of_a_column(self, con: dbapi.Connection) -> None:
        con.execute(create(inputs="INPUT (f1 int COMMENT 'age', f2 int)"))
        rows = con.execute("SELECT name, comment FROM odps_model_inputs").fetchall()
        assert rows == [("f1", "age"), ("f2", None)]

    @pytest.mark.parametrize("comment", ["c" * 1023, "c" * 1024, "年" * 341 + "c"])
    def test_of_a_column_up_to_1024_bytes(self, con: dbapi.Connection, comment: str) -> None:
        con.execute(create(inputs="INPUT (f1 int COMMENT ?)"), (comment,))
        assert con.execute("SELECT comment FROM odps_model_inputs").fetchall() == [(comment,)]

    def test_of_a_column_has_the_limit_too(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.DataError, match="COMMENT of input column f1 is longer than 1,024 bytes"):
            con.execute(create(inputs="INPUT (f1 int COMMENT ?)"), ("c" * 1025,))


class TestIfNotExists:
    """If omitted, an error is returned when a model with the same name already exists. If specified, the
    statement succeeds without error."""

    def test_an_existing_model_is_left_as_it_is(self, con: dbapi.Connection) -> None:
        con.execute(create(tail="COMMENT 'first'"))
        before = con.execute("SELECT * FROM odps_models").fetchall()
        con.execute(create(REMOTE, name="IF NOT EXISTS m", version="v9", tail="COMMENT 'second'"))
        assert con.execute("SELECT * FROM odps_models").fetchall() == before
        assert versions(con) == ["v1"]

    def test_the_rest_of_the_statement_is_still_checked(self, con: dbapi.Connection) -> None:
        con.execute(create())
        with pytest.raises(dbapi.DataError, match="LOCATION is missing"):
            con.execute(create(name="IF NOT EXISTS m", LOCATION=None))


class TestDefaultVersion:
    """The version specified at creation time becomes the default version (DEFAULT_VERSION) of the model."""

    def test_it_does(self, con: dbapi.Connection) -> None:
        con.execute(create(version="first"))
        assert con.execute("SHOW MODELS").fetchone()[4] == "first"


class TestDropModel:
    """If IF EXISTS is omitted, an error is returned when the model does not exist. If specified, the
    statement succeeds regardless of whether the model exists."""

    def test_missing(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.ModelNotFound, match=r"model local\.default\.m does not exist") as caught:
            con.execute("DROP MODEL m")
        assert caught.value.code == "ODPS-0110061"
        con.execute("DROP MODEL IF EXISTS m")

    def test_missing_in_a_store_that_is_there(self, con: dbapi.Connection) -> None:
        con.execute(create(name="other"))
        with pytest.raises(dbapi.ModelNotFound):
            con.execute("DROP MODEL m")
        con.execute("DROP MODEL IF EXISTS m")
        assert names(con) == ["other"]

    def test_deleting_a_model_removes_all_its_versions(self, con: dbapi.Connection) -> None:
        con.execute(create())
        con.execute(add())
        con.execute("drop model if exists M")
        for view in ("odps_models", "odps_model_versions", "odps_model_inputs", "odps_model_options"):
            assert con.execute(f"SELECT count(*) FROM {view}").fetchone() == (0,)


class TestPublicModels:
    """Public models cannot be deleted (nor created, nor altered)."""

    @pytest.mark.parametrize(
        "statement",
        [create(name="bigdata_public_modelset.default.m"), add(name="bigdata_public_modelset.default.m"),
         "ALTER MODEL bigdata_public_modelset.default.m SET DEFAULT_VERSION v1",
         "ALTER MODEL bigdata_public_modelset.default.m DROP VERSION v1",
         "DROP MODEL bigdata_public_modelset.default.`Qwen3-1.7B`",
         "DROP MODEL IF EXISTS Bigdata_Public_Modelset.default.m"],
    )  # fmt: skip
    def test_read_only(self, con: dbapi.Connection, statement: str) -> None:
        with pytest.raises(dbapi.NoPermission, match="public models cannot be") as caught:
            con.execute(statement)
        assert caught.value.code == "ODPS-0130013"

    def test_in_a_connection_of_that_project(self, connect: Callable[..., dbapi.Connection]) -> None:
        con = connect(project="bigdata_public_modelset")
        with pytest.raises(dbapi.NoPermission):
            con.execute(create())

    def test_their_names_hold_dashes_and_dots(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.ModelNotFound, match=r"bigdata_public_modelset\.default\.qwen3-1\.7b"):
            con.execute("DESC MODEL bigdata_public_modelset.default.`Qwen3-1.7B`")


class TestInternallyTrained:
    """Internally trained models can only be created by to_odps_model in MaxFrame. SQL creation is not
    supported."""

    def test_refused(self, con: dbapi.Connection) -> None:
        with pytest.raises(dbapi.DataError, match="INTERNAL_TRAIN cannot be created by SQL"):
            con.execute(create(MODEL_SOURCE_TYPE="INTERNAL_TRAIN"))
