"""Declared models: Model and ModelVersion on a MetaData, create_all and drop_all, events, copies."""

from __future__ import annotations

import asyncio
import copy
import multiprocessing
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from engines import CALLED, FILE, IMPORTED, SERVICE, changes, imported, shown, statements, version
from samples import KEY, files
from sqlalchemy import Column, Engine, Integer, MetaData, Table, create_engine, create_mock_engine, event, exc
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.schema import BLANK_SCHEMA
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.util.concurrency import greenlet_spawn

from sqlalchemy_odpsmodel import DropModel, EnvSecret, Model, ModelVersion, dbapi
from sqlalchemy_odpsmodel.model import InputColumn
from sqlalchemy_odpsmodel.schema import models_of

T1 = "oss://oss-cn-shanghai-internal.aliyuncs.com/b/1/"


def names_and_comments(engine: Engine) -> list[tuple[Any, ...]]:
    """(model, its comment, its default version, version, its comment), versions as they were made."""
    with engine.connect() as connection:
        models = [tuple(row) for row in connection.exec_driver_sql("SHOW MODELS")]
        return [
            (row[0], row[7], row[4], found[0], found[8])
            for row in models
            for found in connection.exec_driver_sql(f"SHOW VERSIONS FOR MODEL {row[0]}")
        ]


class TestModelVersion:
    def test_its_parts(self) -> None:
        made = ModelVersion(
            "V1", inputs=[("F1", "Decimal(10, 2)", "c")], options={"location": T1}, comment="x"
        )
        assert (made.name, made.inputs, made.options, made.comment) == (
            "v1", (InputColumn("f1", "decimal(10,2)", "c"),), (("LOCATION", T1),), "x",
        )  # fmt: skip
        assert made == ModelVersion("v1", inputs=made.inputs, options=made.options, comment="x")
        assert hash(made) == hash(copy.deepcopy(made))
        assert pickle.loads(pickle.dumps(made)) == made

    def test_its_repr_is_python(self) -> None:
        made = ModelVersion(
            "v1",
            inputs=[("f1", "INT"), ("f2", "STRING", "it's")],
            options={**FILE, "APIKEY": EnvSecret("A")},
            comment="",
        )
        assert eval(repr(made)) == made  # noqa: S307
        plain = ModelVersion("v1", options={"APIKEY": KEY, "API_KEY": KEY})
        assert KEY not in repr(plain)
        assert KEY not in repr(plain.options)

    @pytest.mark.parametrize(
        ("column", "expected"),
        [
            (Column("a", sa.Integer), "int"), (Column("a", sa.SmallInteger), "smallint"),
            (Column("a", sa.BigInteger), "bigint"), (Column("a", sa.Float), "float"),
            (Column("a", sa.Float(24)), "float"), (Column("a", sa.Float(25)), "double"),
            (Column("a", mysql.TINYINT), "tinyint"), (Column("a", sa.NVARCHAR(9)), "varchar(9)"),
            (Column("a", sa.NCHAR(9)), "char(9)"), (Column("a", sa.CLOB), "string"),
            (Column("a", sa.DOUBLE_PRECISION), "double"), (Column("a", sa.BINARY(9)), "binary"),
            (Column("a", sa.Double), "double"), (Column("a", sa.REAL), "float"),
            (Column("a", sa.Numeric), "decimal"), (Column("a", sa.Numeric(10)), "decimal(10)"),
            (Column("a", sa.DECIMAL(10, 2)), "decimal(10,2)"), (Column("a", sa.String), "string"),
            (Column("a", sa.String(5)), "varchar(5)"), (Column("a", sa.Unicode(5)), "varchar(5)"),
            (Column("a", sa.CHAR(5)), "char(5)"), (Column("a", sa.CHAR), "char(1)"),
            (Column("a", sa.Text), "string"), (Column("a", sa.UnicodeText), "string"),
            (Column("a", sa.LargeBinary), "binary"), (Column("a", sa.VARBINARY(9)), "binary"),
            (Column("a", sa.Boolean), "boolean"), (Column("a", sa.Date), "date"),
            (Column("a", sa.DateTime), "datetime"), (Column("a", sa.TIMESTAMP), "timestamp"),
            (Column("a", sa.JSON), "json"), (Column("a", sa.Enum("x", "yy")), "varchar(2)"),
            (Column("a", sa.Text().with_variant(sa.Integer(), "odpsmodel")), "int"),
        ],
        ids=repr,
    )  # fmt: skip
    def test_the_type_of_a_column(self, column: Column[Any], expected: str) -> None:
        assert expected == ModelVersion("v1", inputs=[column]).inputs[0].type

    def test_the_columns_of_a_table(self) -> None:
        table = Table(
            "t", MetaData(), Column("A", Integer, primary_key=True), Column("b", sa.Text, comment="c")
        )

        class Base(DeclarativeBase):
            pass

        class Row(Base):
            __tablename__ = "rows"
            a: sa.orm.Mapped[int] = sa.orm.mapped_column(primary_key=True)

        assert ModelVersion("v1", inputs=[Row.a]).inputs == (InputColumn("a", "int"),)
        assert ModelVersion("v1", inputs=table.c).inputs == (
            InputColumn("a", "int"),
            InputColumn("b", "string", "c"),
        )

    @pytest.mark.parametrize(
        ("named", "message"),
        [
            ({"inputs": [Column("a")]}, "the type of input column a, NullType(), is none of MaxCompute's"),
            ({"inputs": [Column("a", sa.ARRAY(Integer))]}, "is none of MaxCompute's scalar types"),
            ({"inputs": [Column("a", sa.Time)]}, "type of input column a is unknown"),
            ({"inputs": [("a", "INT"), ("A", "INT")]}, "input column a is given twice"),
            ({"inputs": ["a"]}, "an input is ('name', 'TYPE'), ('name', 'TYPE', 'comment') or a Column, not a str"),
            ({"inputs": Integer}, "inputs are a list of inputs, not a "),
            ({"inputs": [("a", Integer())]}, "version v1: the type of input column a must be a str, not Integer"),
            ({"inputs": [{"APIKEY": KEY}]}, "or a Column, not a dict"),
            ({"inputs": [("a", "INT", None, None)]}, "or a Column, not a tuple"),
            ({"inputs": [sa.literal_column("a")]}, "or a Column, not a ColumnClause"),
            ({"inputs": [("a", "INTEGER")]}, "type of input column a is unknown"),
            ({"inputs": [("1", "INT")]}, "input column '1' must start with a letter"),
            ({"options": {"LOCATION": 1}}, "version v1: LOCATION must be a string, not int"),
            ({"options": {"LOCATION": EnvSecret("A")}}, "EnvSecret is for APIKEY"),
            ({"comment": "年" * 342}, "COMMENT is longer than 1,024 bytes"),
        ],
    )  # fmt: skip
    def test_what_is_wrong(self, named: Any, message: str) -> None:
        with pytest.raises(dbapi.SemanticError) as caught:
            ModelVersion("v1", **named)
        assert message in str(caught.value)

    @pytest.mark.parametrize("name", ["default_version", "1", "a-b", "x" * 257])
    def test_a_bad_name(self, name: str) -> None:
        with pytest.raises(dbapi.SemanticError):
            ModelVersion(name)


class TestModel:
    def test_its_parts(self) -> None:
        metadata = MetaData()
        model = Model("M", metadata, version(), source_type="IMPORT", model_type="BOOSTED_TREE_REGRESSOR",
                      schema="S", info={"team": "ml"})  # fmt: skip
        assert (model.name, model.schema, model.fullname, model.info) == ("m", "s", "s.m", {"team": "ml"})
        assert (model.source_type, model.model_type) == ("IMPORT", "BOOSTED_TREE_REGRESSOR")
        assert (model.default_version, model.comment, model.metadata) == (None, None, metadata)
        assert models_of(metadata) == (model,)
        none = imported("m", None, version(comment=""), version("v2", comment=""), comment="")
        assert [none.comment, *(version.comment for version in none.versions)] == [None, None, None]

    def test_its_repr_is_python(self) -> None:
        for model in (
            imported(
                "m",
                None,
                version(),
                version("v2", comment="b"),
                default_version="V2",
                comment="a",
                schema="s",
            ),
            imported("m", None, version(comment=""), comment="a"),
            imported("m", None, version(comment="b"), comment=""),
            imported("m", None, version(comment="b"), comment="a"),
        ):
            again = eval(repr(model))  # noqa: S307
            assert repr(again) == repr(model)
            assert (again.comment, again.versions) == (model.comment, model.versions)

    def test_a_second_of_the_same_folded_name_is_refused(self) -> None:
        metadata = MetaData()
        imported("Iris", metadata)
        imported("iris", metadata, schema="s")
        for schema in (None, "S"):
            with pytest.raises(exc.InvalidRequestError, match="iris is declared on this MetaData already"):
                imported("IRIS", metadata, schema=schema)
        assert [model.fullname for model in models_of(metadata)] == ["iris", "s.iris"]

    def test_the_schema_of_a_metadata_is_the_models_too(self) -> None:
        metadata = MetaData(schema="S")
        assert imported("a", metadata).schema == "s"
        assert imported("b", metadata, schema="t").schema == "t"
        assert imported("c", metadata, schema=BLANK_SCHEMA).schema is None

    @pytest.mark.parametrize(
        ("make", "error", "message"),
        [
            (lambda: Model("m", MetaData(), **IMPORTED), exc.ArgumentError, "takes one ModelVersion or more"),
            (lambda: Model("m", MetaData(), [version()], **IMPORTED), exc.ArgumentError,
             "takes one ModelVersion or more after its MetaData, not list"),
            (lambda: Model("m", version(), **IMPORTED), exc.ArgumentError, "takes a MetaData, not ModelVersion"),
            (lambda: imported("m").to_metadata(None), exc.ArgumentError, "takes a MetaData, not NoneType"),
            (lambda: imported("m").to_metadata(MetaData(), name="a-b"), dbapi.SemanticError, "model name 'a-b'"),
            (lambda: imported("m", None, version(), version("v2", options=FILE | {"MODEL_TYPE": "x"})),
             dbapi.OptionError, "MODEL_TYPE is the model's: give it as model_type="),
            (lambda: imported("m", None, version(comment="a", inputs=[]), comment="b"), dbapi.SemanticError,
             "model m version v1: INPUT is missing"),
            (lambda: imported("m", None, version(comment="a\0"), comment="b"), dbapi.SemanticError,
             "model m version v1: a COMMENT holds a NUL"),
            (lambda: imported("m", None, version(comment="a"), comment="b\0"), dbapi.SemanticError,
             "model m version v1: a COMMENT holds a NUL"),
            (lambda: Model("m", MetaData(), version()), exc.ArgumentError, "needs source_type and model_type"),
            (lambda: Model("m", MetaData(), autoload_with=None), exc.ArgumentError, "one ModelVersion or more"),
            (lambda: imported("m", None, version(), version("V1")), dbapi.VersionExists, "version v1 twice"),
            (lambda: imported("m", None, version(), default_version="v2"), dbapi.VersionNotFound,
             "model m has no version v2 to be the default"),
            (lambda: imported("m", None, version(), source_type="import"), dbapi.OptionError, "write 'IMPORT'"),
            (lambda: imported("m", None, version(), source_type="INTERNAL_TRAIN"), dbapi.OptionError,
             "INTERNAL_TRAIN cannot be created by SQL"),
            (lambda: imported("m", None, version(), version("v2", options=SERVICE)), dbapi.OptionError,
             "model m version v2: TASKS is an option of REMOTE models, and this one is IMPORT"),
            (lambda: imported("m", None, version(options={**FILE, "LOCATON": "x"})), dbapi.OptionError,
             "unknown option LOCATON"),
            (lambda: imported("m-1"), dbapi.SemanticError, "model name 'm-1'"),
            (lambda: Model("m", MetaData(), ModelVersion("v1", options={**SERVICE, "APIKEY": "****"}), **CALLED),
             dbapi.OptionError, "APIKEY is a mask, not a key"),
        ],
    )  # fmt: skip
    def test_it_checks_itself_by_the_catalog_s_rules(
        self, make: Any, error: type[Exception], message: str
    ) -> None:
        with pytest.raises(error) as caught:
            make()
        assert message in str(caught.value)

    def test_a_model_that_is_wrong_is_not_declared(self) -> None:
        metadata = MetaData()
        with pytest.raises(dbapi.OptionError):
            imported("m", metadata, version(options={}))
        assert models_of(metadata) == ()

    def test_the_value_of_an_unknown_option_is_not_in_the_error(self) -> None:
        with pytest.raises(dbapi.OptionError) as caught:
            Model("m", MetaData(), ModelVersion("v1", options=SERVICE | {"API_KEY": KEY}), **CALLED)
        assert KEY not in f"{caught.value!r}{caught.value}{vars(caught.value)}"


class TestMetaData:
    def test_clear_empties_and_pickle_keeps(self) -> None:
        metadata = MetaData()
        Table("t", metadata, Column("a", Integer))
        imported("b", metadata, version(), comment="c")
        imported("a", metadata)
        again = pickle.loads(pickle.dumps(metadata))
        assert [repr(model) for model in models_of(again)] == [repr(model) for model in models_of(metadata)]
        assert all(model.metadata is again for model in models_of(again))
        metadata.clear()
        assert models_of(metadata) == ()
        imported("a", metadata)

    def test_foreign_keys_still_resolve(self, engine: Engine) -> None:
        metadata = MetaData()
        imported("m", metadata)
        Table("a", metadata, Column("b", sa.ForeignKey("b.id")))
        Table("b", metadata, Column("id", Integer, primary_key=True))
        metadata.create_all(engine)
        assert metadata.tables["a"].c.b.references(metadata.tables["b"].c.id)
        assert sorted(table.name for table in metadata.sorted_tables) == ["a", "b"]

    def test_a_plain_key_is_not_pickled(self) -> None:
        metadata = MetaData()
        Model("m", metadata, ModelVersion("v1", options=SERVICE | {"APIKEY": KEY}), **CALLED)
        with pytest.raises(TypeError, match="a plain secret is not pickled"):
            pickle.dumps(metadata)

    def test_declarative_classes_share_theirs(self, engine: Engine) -> None:
        class Base(DeclarativeBase):
            pass

        class Run(Base):
            __tablename__ = "runs"
            id = sa.orm.mapped_column(Integer, primary_key=True)

        imported("m", Base.metadata)
        Base.metadata.create_all(engine)
        assert sa.inspect(engine).get_table_names() == [Run.__tablename__]
        assert [row[0] for row in shown(engine)] == ["m"]


class TestCreate:
    def test_all_versions_in_order_and_the_first_is_the_default(self, engine: Engine) -> None:
        imported("m", None, version("b"), version("a", comment="x"), comment="c").create(engine)
        assert names_and_comments(engine) == [("m", "c", "b", "b", "c"), ("m", "c", "b", "a", "x")]

    def test_another_default_version(self, engine: Engine) -> None:
        seen = statements(engine)
        imported("m", None, version("b"), version("a"), default_version="A").create(engine)
        assert names_and_comments(engine) == [("m", "", "a", "b", ""), ("m", "", "a", "a", "")]
        assert [text.split(" INPUT")[0] for text in changes(seen)] == [
            "CREATE MODEL m WITH VERSION b", "ALTER MODEL m ADD VERSION a", "ALTER MODEL m SET DEFAULT_VERSION a",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("of_model", "of_version", "kept"),
        [(None, None, ("", "")), ("a", None, ("a", "a")), (None, "b", ("b", "b")), ("a", "b", ("a", "b")),
         ("", "b", ("", "b")), ("a", "", ("a", "")), ("", "", ("", "")), ("a", "a", ("a", "a"))],
    )  # fmt: skip
    def test_comments_of_a_model_and_its_first_version(
        self, engine: Engine, of_model: str | None, of_version: str | None, kept: tuple[str, str]
    ) -> None:
        """CREATE MODEL has one comment for both; where they differ, a scaffold version has the model's."""
        model = imported("m", None, version("scaffold_0", comment=of_version), comment=of_model)
        model.create(engine)
        assert names_and_comments(engine) == [("m", kept[0], "scaffold_0", "scaffold_0", kept[1])]

    def test_a_scaffold_with_a_default_version_in_the_middle(self, engine: Engine) -> None:
        model = imported(
            "m", None, version("a", comment="x"), version("b"), version("c"), comment="y", default_version="b"
        )
        model.create(engine)
        assert [row[2:4] for row in names_and_comments(engine)] == [("b", "a"), ("b", "b"), ("b", "c")]

    def test_a_scaffold_with_a_default_version(self, engine: Engine) -> None:
        imported("m", None, version("a", comment="x"), version("b"), comment="y", default_version="b").create(
            engine
        )
        assert names_and_comments(engine) == [("m", "y", "b", "a", "x"), ("m", "y", "b", "b", "")]

    def test_checkfirst(self, engine: Engine) -> None:
        model = imported()
        model.drop(engine, checkfirst=True)
        model.create(engine)
        model.create(engine, checkfirst=True)
        with pytest.raises(exc.ProgrammingError, match="already exists"):
            model.create(engine)
        model.drop(engine, checkfirst=True)
        with pytest.raises(exc.ProgrammingError, match="does not exist"):
            model.drop(engine)
        assert shown(engine) == []

    def test_a_creation_that_fails_leaves_nothing(self, engine: Engine) -> None:
        model = imported("m", None, version(), version("v2", options={**FILE, "LOCATION": T1}))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            broken = imported(
                "m", None, version(), version("v2", options={**FILE, "LOCATION": "oss://public/b/"})
            )
            with pytest.raises(dbapi.ModelWarning):
                broken.create(engine)
        assert shown(engine) == []
        model.create(engine)

    def test_a_warning_points_at_the_user_s_line(self, engine: Engine) -> None:
        model = imported("m", None, version(options={**FILE, "LOCATION": "oss://public/b/"}))
        with pytest.warns(dbapi.ModelWarning, match="LOCATION") as caught:
            model.create(engine)
        assert [warning.filename for warning in caught] == [__file__]

    def test_so_does_one_of_create_all(self, engine: Engine) -> None:
        metadata = MetaData()
        imported("m", metadata, version(options={**FILE, "LOCATION": "oss://public/b/"}))
        with pytest.warns(dbapi.ModelWarning, match="LOCATION") as caught:
            metadata.create_all(engine)
        assert [warning.filename for warning in caught] == [__file__]

    def test_in_autocommit_it_is_all_or_nothing_too(self, engine: Engine) -> None:
        auto = engine.execution_options(isolation_level="AUTOCOMMIT")
        public = version("v2", options={**FILE, "LOCATION": "oss://public/b/"})
        model = imported("m", None, version(comment="a"), public, comment="b")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(dbapi.ModelWarning):
                model.create(auto)
        assert shown(engine) == []
        with pytest.warns(dbapi.ModelWarning):
            model.create(auto, checkfirst=True)
        assert len(names_and_comments(engine)) == 2
        with auto.connect() as connection:
            with pytest.raises(exc.ProgrammingError, match="already exists"):
                model.create(connection)
            assert not connection.connection.driver_connection.in_transaction  # type: ignore[union-attr]

    def test_a_name_that_is_quoted_folds_all_the_same(self, engine: Engine) -> None:
        metadata = MetaData(schema="Lab", quote_schema=True)
        model = Model(
            quoted_name("Iris", True),
            metadata,
            version(inputs=[Column("F1", Integer, quote=True)]),
            **IMPORTED,
        )
        assert (model.fullname, model.versions[0].inputs[0].name) == ("lab.iris", "f1")
        assert type(model.name) is str
        model.create(engine, checkfirst=True)
        assert sa.inspect(engine).get_model_names("lab") == ["iris"]  # type: ignore[attr-defined]

    def test_on_a_connection_it_is_part_of_the_transaction(self, engine: Engine) -> None:
        with engine.connect() as connection:
            imported().create(connection)
            connection.rollback()
        assert shown(engine) == []


class TestCreateAll:
    def test_models_after_tables_and_dropped_before_them(self, engine: Engine) -> None:
        metadata = MetaData()
        imported("b", metadata)
        Table("t", metadata, Column("a", Integer))
        imported("a", metadata, schema="s")
        seen = statements(engine)
        metadata.create_all(engine)
        metadata.create_all(engine)
        metadata.drop_all(engine)
        metadata.drop_all(engine)
        made = [" ".join(text.replace("IF EXISTS ", "").split()[:3]) for text in seen]
        assert [text for text in made if text.startswith(("CREATE", "DROP"))] == [
            "CREATE TABLE t", "CREATE MODEL b", "CREATE MODEL s.a", "DROP MODEL s.a", "DROP MODEL b", "DROP TABLE t",
        ]  # fmt: skip

    def test_tables_leave_models_alone(self, engine: Engine) -> None:
        metadata = MetaData()
        table = Table("t", metadata, Column("a", Integer))
        imported("m", metadata)
        metadata.create_all(engine, tables=[table])
        assert shown(engine) == []
        metadata.create_all(engine)
        metadata.drop_all(engine, tables=[table])
        assert [row[0] for row in shown(engine)] == ["m"]

    def test_without_checkfirst(self, engine: Engine) -> None:
        metadata = MetaData()
        imported("m", metadata)
        metadata.create_all(engine, checkfirst=False)
        with pytest.raises(exc.ProgrammingError, match="already exists"):
            metadata.create_all(engine, checkfirst=False)
        metadata.drop_all(engine, checkfirst=False)
        with pytest.raises(exc.ProgrammingError, match="does not exist"):
            metadata.drop_all(engine, checkfirst=False)

    def test_what_is_there_is_not_changed(self, engine: Engine) -> None:
        imported("m").create(engine)
        metadata = MetaData()
        imported("m", metadata, version(), version("v2"), comment="c")
        metadata.create_all(engine)
        assert names_and_comments(engine) == [("m", "", "v1", "v1", "")]

    def test_nothing_happens_on_another_dialect(self, path: Path) -> None:
        plain = create_engine(f"sqlite:///{path}")
        seen = statements(plain)
        metadata = MetaData()
        model = imported("m", metadata)
        metadata.create_all(plain)
        metadata.drop_all(plain)
        model.create(plain)
        model.drop(plain)
        assert seen == []
        with plain.connect() as connection, pytest.raises(exc.UnsupportedCompilationError):
            connection.execute(DropModel(model))

    def test_a_mock_engine_gets_the_elements(self) -> None:
        metadata = MetaData()
        Table("t", metadata, Column("a", Integer))
        imported("m", metadata, version(), version("v2"))
        seen: list[str] = []
        mock = create_mock_engine(
            "odpsmodel://", lambda element, *_, **__: seen.append(str(element).split("(")[0])
        )
        metadata.create_all(mock, checkfirst=False)
        assert [" ".join(text.split()[:5]) for text in seen] == [
            "CREATE TABLE t", "CREATE MODEL m WITH VERSION", "ALTER MODEL m ADD VERSION",
        ]  # fmt: skip

    def test_schemas_are_translated(self, engine: Engine) -> None:
        metadata = MetaData()
        imported("m", metadata)
        imported("n", metadata, schema="S")
        tenant = engine.execution_options(schema_translate_map={None: "tenant", "S": "other"})
        with tenant.begin() as connection:
            for _ in range(2):
                for model in models_of(metadata):
                    model.create(connection, checkfirst=True)
        found = shown(engine, "SELECT schema, model FROM odps_models ORDER BY model")
        assert found == [("tenant", "m"), ("other", "n")]

    def test_the_store_s_views_are_not_made_as_tables(self, engine: Engine) -> None:
        """An application may have them as Tables, for queries."""
        metadata = MetaData()
        imported("m", metadata)
        imported("m").create(engine)
        Table("odps_models", metadata, autoload_with=engine)
        other = create_engine("odpsmodel://")
        metadata.create_all(other)
        assert [row[0] for row in shown(other)] == ["m"]
        metadata.drop_all(other)
        assert shown(other, "SELECT * FROM odps_models") == []
        with other.connect() as connection:
            connection.exec_driver_sql("ATTACH ':memory:' AS aux2")
            for named in ({"schema": "aux2"}, {"prefixes": ["TEMPORARY"]}):
                own = Table("odps_models", MetaData(), Column("a", Integer), **named)
                own.create(connection)
                assert connection.execute(own.insert(), {"a": 1}).rowcount == 1
                own.drop(connection)
                with pytest.raises(exc.OperationalError):
                    connection.exec_driver_sql(f"DELETE FROM {named.get('schema', 'temp')}.odps_models")

    def test_checkfirst_of_2_1(self, engine: Engine) -> None:
        flags: Any = getattr(sa.schema, "CheckFirst", None)
        if flags is None:
            pytest.skip("checkfirst became a Flag in SQLAlchemy 2.1")
        metadata = MetaData()
        imported("m", metadata)
        metadata.create_all(engine, checkfirst=flags.TABLES)
        metadata.create_all(engine, checkfirst=flags.TABLES)
        with pytest.raises(exc.ProgrammingError, match="already exists"):
            metadata.create_all(engine, checkfirst=flags.NONE)

    @pytest.mark.parametrize("level", ["SERIALIZABLE", "AUTOCOMMIT"])
    def test_several_processes_at_once(self, path: Path, level: str) -> None:
        """What was absent may be there when the write lock comes."""
        context = multiprocessing.get_context("fork")
        for i in range(2):
            start = context.Barrier(6)
            url = f"odpsmodel:///{path}{i}"
            workers = [context.Process(target=make_all, args=(url, level, start)) for _ in range(6)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            assert [worker.exitcode for worker in workers] == [0] * 6
            assert [row[0] for row in shown(create_engine(url))] == [f"m{i}" for i in range(5)]

    def test_run_sync(self, engine: Engine) -> None:
        """What AsyncConnection.run_sync does: the sync API inside a greenlet."""
        metadata = MetaData()
        imported("m", metadata)
        asyncio.run(greenlet_spawn(metadata.create_all, engine))
        assert [row[0] for row in shown(engine)] == ["m"]

    def test_a_file_made_by_models_alone(self, path: Path) -> None:
        metadata = MetaData()
        Model("m", metadata, ModelVersion("v1", options=SERVICE | {"APIKEY": KEY}), **CALLED)
        engine = create_engine(f"odpsmodel:///{path}")
        metadata.create_all(engine)
        engine.dispose()
        assert not any(KEY.encode() in data for data in files(path))


def make_all(url: str, level: Any, start: Any) -> None:
    metadata = MetaData()
    for i in range(5):
        imported(f"m{i}", metadata, version(), version("v2"))
    engine = create_engine(url, isolation_level=level)
    start.wait()
    for _ in range(3):
        metadata.create_all(engine)
        metadata.drop_all(engine)
    metadata.create_all(engine)


class TestEvents:
    def test_of_a_model(self, engine: Engine) -> None:
        model = imported()
        seen: list[Any] = []
        for name in ("before_create", "after_create", "before_drop", "after_drop"):

            def note(target: Model, connection: Any, name: str = name, **kw: Any) -> None:
                seen.append((name, target, kw["checkfirst"], shown_in(connection)))

            event.listen(model, name, note)
        model.create(engine)
        model.create(engine, checkfirst=True)
        model.metadata.drop_all(engine)
        assert seen == [
            ("before_create", model, False, []), ("after_create", model, False, ["m"]),
            ("before_drop", model, True, ["m"]), ("after_drop", model, True, []),
        ]  # fmt: skip

    def test_of_every_model(self) -> None:
        seen: list[Any] = []

        def note(target: Model, parent: MetaData) -> None:
            seen.append((target, parent))

        event.listen(Model, "after_parent_attach", note)
        try:
            model = imported()
        finally:
            event.remove(Model, "after_parent_attach", note)
        assert seen == [(model, model.metadata)]


def shown_in(connection: Any) -> list[str]:
    return [row[0] for row in connection.exec_driver_sql("SHOW MODELS")]


class TestToMetadata:
    def test_a_copy(self) -> None:
        model = imported("m", None, version(comment="b"), comment="a", schema="s", info={"x": 1})
        metadata = MetaData()
        copied = model.to_metadata(metadata)
        assert repr(copied) == repr(model)
        assert copied.stated == ("a", "b")
        assert (copied.metadata, copied.info, models_of(metadata)) == (metadata, {"x": 1}, (copied,))
        with pytest.raises(exc.InvalidRequestError, match=r"s\.m is declared"):
            model.to_metadata(metadata)

    def test_another_schema_and_name(self) -> None:
        model = imported(schema="s")
        assert model.to_metadata(MetaData(schema="x")).fullname == "s.m"
        assert imported().to_metadata(MetaData(schema="x")).fullname == "m"
        assert model.to_metadata(MetaData(), schema="T", name="N").fullname == "t.n"
        assert model.to_metadata(MetaData(schema="x"), schema=None).fullname == "x.m"
        assert model.to_metadata(MetaData(schema="x"), schema=BLANK_SCHEMA).fullname == "m"

    def test_events_go_along(self, engine: Engine) -> None:
        model = imported()
        seen: list[str] = []
        event.listen(
            model, "after_create", lambda target, *_, **__: seen.append(target.fullname), propagate=True
        )
        model.to_metadata(MetaData(), schema="s").create(engine)
        assert seen == ["s.m"]
