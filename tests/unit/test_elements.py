"""The DDL elements: what each prints, whom it takes, and what it does."""

from __future__ import annotations

import copy
import pickle
from typing import Any, get_args

import pytest
from engines import CALLED, FILE, IMPORTED, SERVICE, imported, shown, statements, version
from samples import KEY
from sqlalchemy import Column, Engine, Integer, MetaData, Table, event, exc
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import ExecutableDDLElement

from sqlalchemy_odpsmodel import (
    AlterModelAddVersion,
    AlterModelDropVersion,
    AlterModelSetDefaultVersion,
    CreateModel,
    DropModel,
    EnvSecret,
    Model,
    ModelVersion,
    dbapi,
)
from sqlalchemy_odpsmodel.catalog import Change
from sqlalchemy_odpsmodel.ddl import element_of
from sqlalchemy_odpsmodel.dialect import ODPSModelDialect, SQLiteDialect_odpsmodel
from sqlalchemy_odpsmodel.sql import parse

LOCATION, ROLEARN = FILE["LOCATION"], FILE["ROLEARN"]
OPTIONS = f"LOCATION = '{LOCATION}', ROLEARN = '{ROLEARN}'"
CREATE = (
    "CREATE MODEL m WITH VERSION v1 INPUT (f1 int) OPTIONS ( MODEL_SOURCE_TYPE = 'IMPORT',"
    f" MODEL_TYPE = 'BOOSTED_TREE_CLASSIFIER', {OPTIONS} )"
)


def printed(element: ExecutableDDLElement) -> str:
    return " ".join(str(element).split())


MODEL = imported("M", None, version(), version("v2"), schema="S")


@pytest.mark.parametrize(
    ("element", "sql"),
    [
        (CreateModel(imported()), CREATE),
        (CreateModel(imported(), if_not_exists=True), CREATE.replace("MODEL m", "MODEL IF NOT EXISTS m")),
        (CreateModel(MODEL), CREATE.replace("MODEL m", "MODEL s.m")),
        (CreateModel("M", version("V1"), **IMPORTED), CREATE),
        (CreateModel("m", version(), **IMPORTED, schema="s", comment="it's"),
         CREATE.replace("MODEL m", "MODEL s.m") + r" COMMENT 'it\'s'"),
        (CreateModel("m", version(comment="c"), **IMPORTED), CREATE + " COMMENT 'c'"),
        (CreateModel(imported(comment="c")), CREATE + " COMMENT 'c'"),
        (AlterModelAddVersion("m", version("v2", comment="c")),
         f"ALTER MODEL m ADD VERSION v2 INPUT (f1 int) WITH OPTIONS ( {OPTIONS} ) COMMENT 'c'"),
        (AlterModelAddVersion(MODEL, version("v3", comment="")),
         f"ALTER MODEL s.m ADD VERSION v3 INPUT (f1 int) WITH OPTIONS ( {OPTIONS} )"),
        (AlterModelAddVersion("m", ModelVersion("v2"), schema="s"), "ALTER MODEL s.m ADD VERSION v2 WITH OPTIONS ()"),
        (AlterModelSetDefaultVersion("m", "V2"), "ALTER MODEL m SET DEFAULT_VERSION v2"),
        (AlterModelSetDefaultVersion(MODEL, MODEL.versions[1]), "ALTER MODEL s.m SET DEFAULT_VERSION v2"),
        (AlterModelSetDefaultVersion("m", "v2", schema="S"), "ALTER MODEL s.m SET DEFAULT_VERSION v2"),
        (AlterModelDropVersion("m", "v1"), "ALTER MODEL m DROP VERSION v1"),
        (AlterModelDropVersion(MODEL, "v1"), "ALTER MODEL s.m DROP VERSION v1"),
        (DropModel("m"), "DROP MODEL m"),
        (DropModel("m", schema="s", if_exists=True), "DROP MODEL IF EXISTS s.m"),
        (DropModel(MODEL), "DROP MODEL s.m"),
    ],
)  # fmt: skip
def test_an_element_prints_its_statement(element: Any, sql: str) -> None:
    assert sql == printed(element)
    assert str(element) == str(element.compile(dialect=ODPSModelDialect()))
    assert str(element) == str(element.compile(dialect=SQLiteDialect_odpsmodel()))
    assert parse(str(element)) == element.statement
    assert str(copy.copy(element)) == str(pickle.loads(pickle.dumps(element))) == str(element)
    assert type(element).__name__ in repr(element)


@pytest.mark.parametrize(
    "dialect", [sqlite.dialect(), postgresql.dialect(), mysql.dialect()], ids=lambda d: d.name
)
def test_another_dialect_cannot_compile_one(dialect: Any) -> None:
    with pytest.raises(exc.UnsupportedCompilationError, match=r"can't render element of type.*DropModel"):
        DropModel("m").compile(dialect=dialect)


def test_a_key_is_masked_in_what_an_element_prints() -> None:
    element = CreateModel("m", ModelVersion("v1", options=SERVICE | {"APIKEY": KEY}), **CALLED)
    assert "APIKEY = '********'" in str(element)
    for text in (str(element), repr(element), repr(element.statement), repr(vars(element))):
        assert KEY not in text
    named = CreateModel("m", ModelVersion("v1", options=SERVICE), **CALLED)
    assert "APIKEY = '${EAS_TOKEN}'" in str(named)


class TestArguments:
    def test_a_model_has_its_own_schema(self) -> None:
        for make in (DropModel, CreateModel):
            with pytest.raises((exc.ArgumentError, TypeError), match="schema"):
                make(imported(), schema="s")  # type: ignore[call-overload]

    def test_create_by_name_needs_version_and_types(self) -> None:
        with pytest.raises(exc.ArgumentError, match="name 'm' needs version and source_type and model_type"):
            CreateModel("m")  # type: ignore[call-overload]

    def test_create_of_a_model_takes_nothing_that_the_model_has(self) -> None:
        with pytest.raises(exc.ArgumentError, match="takes no comment, which it has"):
            CreateModel(imported(), comment="c")  # type: ignore[call-overload]

    @pytest.mark.parametrize("other", [None, Table("t", MetaData()), 1])
    def test_a_model_or_a_name(self, other: Any) -> None:
        for make in (DropModel, CreateModel):
            with pytest.raises(
                exc.ArgumentError, match=f"takes a Model or a name, not {type(other).__name__}"
            ):
                make(other)

    @pytest.mark.parametrize("missing", ["version", "source_type", "model_type"])
    def test_each_of_what_create_by_name_needs(self, missing: str) -> None:
        named = {"version": version(), **IMPORTED}
        with pytest.raises(exc.ArgumentError, match=f"needs {missing}$"):
            CreateModel("m", **{key: value for key, value in named.items() if key != missing})  # type: ignore[call-overload]

    def test_a_version_is_a_model_version(self) -> None:
        with pytest.raises(exc.ArgumentError, match="a version is a ModelVersion, not str"):
            AlterModelAddVersion("m", "v2")  # type: ignore[arg-type]

    def test_create_model_has_one_comment(self) -> None:
        with pytest.raises(exc.ArgumentError, match="one comment, and theirs differ"):
            CreateModel("m", version(comment="a"), **IMPORTED, comment="b")
        for of_model, of_version in (("b", "a"), ("", "a"), ("b", "")):
            model = imported("m", None, version(comment=of_version), comment=of_model)
            with pytest.raises(exc.ArgumentError, match=r"create_all\(\) can make it"):
                CreateModel(model)

    @pytest.mark.parametrize(
        ("make", "error", "message"),
        [
            (lambda: CreateModel("m", version(), source_type="IMPORT", model_type="LLM"), dbapi.OptionError,
             "model m version v1: MODEL_TYPE must be 'BOOSTED_TREE_CLASSIFIER' or 'BOOSTED_TREE_REGRESSOR'"),
            (lambda: CreateModel("m", version(inputs=[]), **IMPORTED), dbapi.SemanticError, "INPUT is missing"),
            (lambda: CreateModel("m", version(options={**FILE, "model_type": "LLM"}), **IMPORTED),
             dbapi.OptionError, "MODEL_TYPE is the model's: give it as model_type="),
            (lambda: CreateModel("m", version(options={**FILE, "location": "x"}), **IMPORTED),
             dbapi.OptionError, "LOCATION is given twice"),
            (lambda: AlterModelAddVersion(imported(), version("v2", options={})), dbapi.OptionError,
             "model m version v2: LOCATION is missing: IMPORT models need it"),
            (lambda: AlterModelAddVersion(imported(), version("v2", options=FILE | {"MODEL_TYPE": "LLM"})),
             dbapi.ModelTypeError, "MODEL_TYPE of model m is BOOSTED_TREE_CLASSIFIER and cannot be changed"),
            (lambda: AlterModelAddVersion("a b", version("v2")), dbapi.SemanticError, "model name 'a b'"),
            (lambda: AlterModelAddVersion("m", version("v2", comment="\0")), dbapi.SemanticError, "NUL character"),
            (lambda: DropModel("m", schema="a.b"), dbapi.SemanticError, "schema name 'a.b'"),
        ],
    )  # fmt: skip
    def test_an_element_checks_itself_by_the_catalog_s_rules(
        self, make: Any, error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error) as caught:
            make()
        assert message in str(caught.value)
        assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args


def test_the_five_do_what_they_say(engine: Engine) -> None:
    with engine.begin() as connection:
        for element in (
            CreateModel("m", version(), **IMPORTED),
            CreateModel(imported(comment="not made"), if_not_exists=True),
            AlterModelAddVersion("m", version("v2")),
            AlterModelSetDefaultVersion("m", "v2"),
            AlterModelDropVersion("m", "v1"),
            DropModel("other", if_exists=True),
        ):
            result = connection.execute(element)
            assert (result.returns_rows, result.rowcount) == (False, -1)
    assert [row[:5] + row[7:] for row in shown(engine)] == [
        ("m", "ALIYUN$local", "IMPORT", "BOOSTED_TREE_CLASSIFIER", "v2", "")
    ]
    with engine.begin() as connection:
        connection.execute(DropModel("m"))
    assert shown(engine) == []


def test_the_driver_s_errors_arrive_with_their_class_and_code(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(CreateModel(imported()))
    for element, wrapped, error in (
        (CreateModel(imported()), exc.ProgrammingError, dbapi.ModelExists),
        (DropModel("other"), exc.ProgrammingError, dbapi.ModelNotFound),
        (AlterModelDropVersion("m", "v1"), exc.IntegrityError, dbapi.DefaultVersionError),
        (DropModel("m", schema="s"), exc.ProgrammingError, dbapi.ModelNotFound),
    ):
        with engine.connect() as connection, pytest.raises(wrapped) as caught:
            connection.execute(element)
        assert type(caught.value.orig) is error
        assert caught.value.orig.code == "ODPS-0110061"
        assert f"[SQL: {element}]" in str(caught.value)


def test_a_rollback_undoes_elements_and_tables_together(engine: Engine) -> None:
    table = Table("t", MetaData(), Column("a", Integer))
    with engine.connect() as connection:
        table.create(connection)
        connection.execute(CreateModel(imported()))
        connection.rollback()
        assert shown(engine) == []
        assert not engine.dialect.has_table(connection, "t")


def test_a_savepoint_undoes_an_element(engine: Engine) -> None:
    with engine.begin() as connection:
        with connection.begin_nested():
            connection.execute(CreateModel(imported("kept")))
        nested = connection.begin_nested()
        connection.execute(CreateModel(imported("undone")))
        nested.rollback()
    assert [row[0] for row in shown(engine)] == ["kept"]


def test_an_element_listens_to_the_events_of_a_table(engine: Engine) -> None:
    metadata = MetaData()
    table = Table("t", metadata, Column("a", Integer))
    event.listen(table, "after_create", CreateModel(imported("here")).execute_if(dialect="odpsmodel"))
    event.listen(table, "after_create", CreateModel(imported("there")).execute_if(dialect="postgresql"))
    metadata.create_all(engine)
    assert [row[0] for row in shown(engine)] == ["here"]


def test_a_schema_is_translated(engine: Engine) -> None:
    translated = engine.execution_options(schema_translate_map={None: "tenant", "s": None})
    seen = statements(engine)
    with translated.begin() as connection:
        connection.execute(CreateModel(imported("a")))
        connection.execute(CreateModel(imported("b", schema="s")))
    assert [text.split(" WITH")[0] for text in seen] == ["CREATE MODEL tenant.a", "CREATE MODEL b"]
    assert shown(engine, "SELECT schema, model FROM odps_models ORDER BY model") == [
        ("tenant", "a"),
        ("default", "b"),
    ]


def test_the_statement_is_handed_over_and_not_read_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr("sqlalchemy_odpsmodel.dbapi.parse", refuse)
    with engine.begin() as connection:
        connection.execute(CreateModel("m", ModelVersion("v1", options=SERVICE | {"APIKEY": KEY}), **CALLED))
    assert shown(engine, "SELECT value FROM odps_model_options WHERE key = 'APIKEY'") == [("********",)]


def test_what_a_listener_changes_is_what_runs(engine: Engine) -> None:
    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def rename(conn: Any, cursor: Any, text: str, parameters: Any, *args: Any) -> tuple[str, Any]:
        return text.replace("MODEL m ", "MODEL renamed ") + " -- traced", parameters

    with engine.begin() as connection:
        connection.execute(CreateModel(imported()))
    assert [row[0] for row in shown(engine)] == ["renamed"]


def test_a_listener_that_adds_a_comment_does_no_harm(engine: Engine) -> None:
    """As tools that trace statements do; the text that it gets has a mask for the key."""

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def comment(conn: Any, cursor: Any, text: str, parameters: Any, *args: Any) -> tuple[str, Any]:
        return f"/* a */ {text} /*traceparent='00-01'*/;", parameters

    with engine.begin() as connection:
        connection.execute(CreateModel("m", ModelVersion("v1", options=SERVICE | {"APIKEY": KEY}), **CALLED))
    assert [row[0] for row in shown(engine)] == ["m"]


def test_env_secrets_keep_their_name(engine: Engine) -> None:
    model = Model("m", MetaData(), ModelVersion("v1", options=SERVICE), **CALLED)
    model.create(engine)
    options = dict(shown(engine, "SELECT key, value FROM odps_model_options"))
    assert options["APIKEY"] == "${EAS_TOKEN}"
    assert dict(model.versions[0].options)["APIKEY"] == EnvSecret("EAS_TOKEN")


class TestElementOf:
    def test_each_change_has_its_element(self) -> None:
        statements = [
            CreateModel(imported()).statement,
            AlterModelAddVersion("m", version("v2")).statement,
            AlterModelSetDefaultVersion("m", "v2").statement,
            AlterModelDropVersion("m", "v1").statement,
            DropModel("m").statement,
        ]
        assert [type(statement) for statement in statements] == list(get_args(Change))
        for statement in statements:
            element = element_of(statement)
            assert type(element).__name__.removeprefix("AlterModel") == type(statement).__name__
            assert (element.statement, element.element) == (statement, "m")

    def test_what_a_model_executes_is_of_that_model(self, engine: Engine) -> None:
        """As a listener of before_execute sees it."""
        model = imported("m", None, version("v1"), version("v2"), default_version="v2")
        seen: list[Any] = []
        event.listen(engine, "before_execute", lambda *args: seen.append(args[1]))
        model.create(engine)
        changes = [element for element in seen if hasattr(element, "statement")]
        kinds = [CreateModel, AlterModelAddVersion, AlterModelSetDefaultVersion]
        assert [type(element) for element in changes] == kinds
        assert all(element.element is model for element in changes)

    def test_it_checks_itself(self) -> None:
        with pytest.raises(dbapi.SemanticError, match="model m version v1: INPUT is missing"):
            element_of(parse(CREATE.replace("INPUT (f1 int)", "")))  # type: ignore[arg-type]
