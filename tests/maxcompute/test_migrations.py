"""Alembic on a service without transactions: a revision that fails says where, and running it again is safe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.util import CommandError
from migrations import Project, sql_of
from samples import IMPORT, REMOTE
from services import url_of
from sqlalchemy import (
    Column,
    Double,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    inspect,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from sqlalchemy_odpsmodel import EnvSecret, Model, ModelVersion
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint

LOCATION, ROLE = IMPORT["LOCATION"], IMPORT["ROLEARN"]
OPTIONS = f'options={{"LOCATION": "{LOCATION}", "ROLEARN": "{ROLE}"}}'
CREATE = f'op.create_model("m", "v1", source_type="IMPORT", model_type="BOOSTED_TREE_CLASSIFIER", inputs=[("a", "INT")], {OPTIONS})'


def added(version: str) -> str:
    return f'op.add_model_version("m", "{version}", inputs=[("a", "INT")], {OPTIONS})'


@pytest.fixture
def project(tmp_path: Path, maxcompute_endpoint: MaxComputeEndpoint) -> Project:
    return Project(tmp_path / "migrations", url_of(maxcompute_endpoint))


@pytest.fixture
def engine(project: Project) -> Iterator[Any]:
    engine = create_engine(project.url)
    yield engine
    engine.dispose()


def revision(project: Project, *lines: str, down: str = "pass") -> Path:
    """A new revision of these lines."""
    path = project.revise(autogenerate=False)
    text = path.read_text().replace("def upgrade():\n    pass", "def upgrade():\n    " + "\n    ".join(lines))
    path.write_text(text.replace("def downgrade():\n    pass", f"def downgrade():\n    {down}"))
    return path


def versions(engine: Any, model: str = "m") -> dict[str, list[str]]:
    inspector: Any = inspect(engine)
    return {
        m["name"]: [m["default_version"], *(v["name"] for v in m["versions"])] for m in inspector.get_models()
    }


def current(engine: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(map(tuple, connection.exec_driver_sql("SELECT version_num FROM alembic_version")))


def model(
    more: list[str] | None = None,
    inputs: Any = (("a", "INT"),),
    model_type: str = "BOOSTED_TREE_CLASSIFIER",
    **arguments: Any,
) -> Model:
    """The model that CREATE makes, or one that is a little different."""
    options = {"LOCATION": LOCATION, "ROLEARN": ROLE}
    declared = (ModelVersion(name, inputs=inputs, options=options) for name in ("v1", *(more or ())))
    return Model("m", MetaData(), *declared, source_type="IMPORT", model_type=model_type, **arguments)


def make(op: Any, schema: str | None) -> None:
    """A model m by an operation."""
    op.create_model(
        "m", "v1", schema=schema, source_type="IMPORT", model_type="BOOSTED_TREE_CLASSIFIER",
        inputs=[("a", "INT")], options={"LOCATION": LOCATION, "ROLEARN": ROLE},
    )  # fmt: skip


FAILS = 'op.execute("DROP TABLE nothing")'


class TestRunningARevisionAgain:
    def run(self, project: Project, *lines: str) -> BaseException:
        """Run a revision whose last line fails, mend it, and run it again; the error of the first run."""
        path = revision(project, *lines, FAILS)
        with pytest.raises(Exception, match="DROP TABLE nothing") as caught:
            project.upgrade()
        path.write_text(path.read_text().replace(FAILS, "pass"))
        project.upgrade()
        project.upgrade()
        return caught.value

    def test_the_error_names_the_statement_and_says_what_to_do(self, project: Project, engine: Any) -> None:
        error = self.run(project, CREATE)
        assert "[SQL: DROP TABLE nothing]" in str(error)
        assert "MaxCompute undoes none" in "".join(error.__notes__)
        assert versions(engine) == {"m": ["v1", "v1"]}

    @pytest.mark.parametrize(
        ("lines", "found"),
        [
            ([CREATE, added("v2"), 'op.set_default_model_version("m", "v2")'], ["v2", "v1", "v2"]),
            (
                [CREATE, added("v2"), 'op.set_default_model_version("m", "v2")', 'op.drop_model_version("m", "v1")'],
                ["v2", "v2"],
            ),
            (
                [
                    CREATE, added("v2"), 'op.set_default_model_version("m", "v2")', 'op.drop_model_version("m", "v1")',
                    added("v1"), 'op.set_default_model_version("m", "v1")', 'op.drop_model_version("m", "v2")',
                ],
                ["v1", "v1"],
            ),
            ([CREATE, 'op.drop_model("m")', CREATE], ["v1", "v1"]),
        ],
        ids=["added", "replaced", "replaced twice", "made twice"],
    )  # fmt: skip
    def test_models_end_as_the_revision_says(
        self, project: Project, engine: Any, lines: list[str], found: list[str]
    ) -> None:
        self.run(project, *lines)
        assert versions(engine) == {"m": found}

    def test_a_model_that_is_dropped_is_gone(self, project: Project, engine: Any) -> None:
        revision(project, CREATE)
        project.upgrade()
        self.run(project, 'op.drop_model("m")')
        assert versions(engine) == {}

    def test_tables_too(self, project: Project, engine: Any) -> None:
        self.run(
            project,
            'op.create_table("t", sa.Column("a", sa.Integer, primary_key=True), sa.Column("s", sa.String(9), index=True))',
            'op.add_column("t", sa.Column("b", sa.Text))',
            'op.create_table("u", sa.Column("a", sa.Integer))',
            'op.drop_table("u")',
            'op.drop_column("t", "s")',
        )
        inspector = inspect(engine)
        assert [column["name"] for column in inspector.get_columns("t")] == ["a", "b"]
        assert not inspector.has_table("u")

    def test_what_is_done_is_told(self, project: Project, caplog: pytest.LogCaptureFixture) -> None:
        self.run(project, CREATE, added("v2"))
        told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert told == [
            "CREATE MODEL m WITH VERSION v1: it is done already, and left as it is",
            "ALTER MODEL m ADD VERSION v2: it is done already, and left as it is",
        ]

    def test_a_model_of_another_content_is_not_taken_for_done(self, project: Project, engine: Any) -> None:
        """The service says that it exists; nothing is changed, and the revision is not written down."""
        with engine.connect() as connection:
            Model(
                "m",
                MetaData(),
                ModelVersion("v1", inputs=[("b", "STRING")], options={"LOCATION": LOCATION, "ROLEARN": ROLE}),
                source_type="IMPORT",
                model_type="BOOSTED_TREE_CLASSIFIER",
            ).create(connection)
        revision(project, CREATE)
        with pytest.raises(Exception, match="already exists"):
            project.upgrade()
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").all() == []

    def test_another_model_without_the_version_is_found_out_at_the_end(
        self, project: Project, engine: Any
    ) -> None:
        """It could be the revision's own, changed by what followed; then something drops the version."""
        Model(
            "m",
            MetaData(),
            ModelVersion("v9", inputs=[("a", "INT")], options={"LOCATION": LOCATION, "ROLEARN": ROLE}),
            source_type="IMPORT",
            model_type="BOOSTED_TREE_CLASSIFIER",
        ).create(engine)
        revision(project, CREATE)
        with pytest.raises(
            CommandError,
            match=r"CREATE MODEL default.m: there is a model of that name, .* in version \(the default version\), v1, v9",
        ):
            project.upgrade()
        assert versions(engine) == {"m": ["v9", "v9"]}

    def test_a_key_is_compared_where_it_can_be(
        self, project: Project, engine: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The service keeps it masked: that there is one is what can be seen."""
        monkeypatch.setenv("EAS_TOKEN", "sk-1")
        service = {k: v for k, v in REMOTE.items() if not k.startswith("MODEL_")}
        line = 'op.create_model("c", "v1", source_type="REMOTE", model_type="MLLM", options={})'
        text = line.format(str(service)).replace("'${EAS_TOKEN}'", 'EnvSecret("EAS_TOKEN")')
        self.run(project, "from sqlalchemy_odpsmodel import EnvSecret", text)
        assert versions(engine) == {"c": ["v1", "v1"]}

    def test_downgrades_too(self, project: Project, engine: Any) -> None:
        down = "\n    ".join(
            ['op.set_default_model_version("m", "v1")', 'op.drop_model_version("m", "v2")', FAILS]
        )
        revision(project, CREATE)
        path = revision(project, added("v2"), 'op.set_default_model_version("m", "v2")', down=down)
        project.upgrade()
        with pytest.raises(Exception, match="DROP TABLE nothing"):
            project.downgrade("0001")
        path.write_text(path.read_text().replace(FAILS, "pass"))
        project.downgrade("0001")
        assert versions(engine) == {"m": ["v1", "v1"]}
        assert current(engine) == [("0001",)]

    @pytest.mark.parametrize(
        ("there", "words"),
        [
            ({"inputs": [("b", "STRING")]}, "already exists"),
            ({"comment": "another"}, "already exists"),
            ({"model_type": "BOOSTED_TREE_REGRESSOR"}, "already exists"),
            ({"more": ["v2"]}, "differs in version v2"),
            ({"more": ["v2"], "default_version": "v2"}, r"differs in version \(the default version\), v2"),
        ],
        ids=str,
    )
    def test_another_model_is_not_taken_for_the_revision_s(
        self, project: Project, engine: Any, there: dict[str, Any], words: str
    ) -> None:
        """Nothing of it is changed, and the revision is not written down."""
        model(**there).create(engine)
        before = versions(engine)
        revision(project, CREATE)
        with pytest.raises(Exception, match=words):
            project.upgrade()
        assert versions(engine) == before
        assert current(engine) == []

    def test_another_version_is_not_taken_for_the_revision_s(self, project: Project, engine: Any) -> None:
        model(more=["v2"], inputs=[("b", "STRING")]).create(engine)
        revision(project, added("v2"))
        with pytest.raises(Exception, match="already exists"):
            project.upgrade()
        assert current(engine) == []

    @pytest.mark.parametrize(
        ("columns", "words"),
        [
            ("a STRING", "already exists"),
            ("a INT NOT NULL", "already exists"),
            ("a INT, b INT", "differs in column b"),
        ],
    )
    def test_another_table_is_not_taken_for_the_revision_s(
        self, project: Project, engine: Any, columns: str, words: str
    ) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE TABLE t ({columns})")
        revision(project, 'op.create_table("t", sa.Column("a", sa.Integer))')
        with pytest.raises(Exception, match=words):
            project.upgrade()
        assert current(engine) == []

    def test_a_column_of_another_type_is_not_taken_for_the_revision_s(
        self, project: Project, engine: Any
    ) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE t (a INT, b STRING)")
        revision(project, 'op.add_column("t", sa.Column("b", sa.Integer))')
        with pytest.raises(Exception, match="column b"):
            project.upgrade()

    @pytest.mark.parametrize(
        "lines",
        [
            [CREATE, added("v2"), 'op.drop_model("m")', CREATE],
            [
                'op.create_table("t", sa.Column("a", sa.Integer))',
                'op.add_column("T", sa.Column("B", sa.Text))',
            ],
            [
                'op.create_table("t", sa.Column("a", sa.Integer))',
                'op.add_column("t", sa.Column("b", sa.Text))',
                'op.drop_table("t")',
                'op.create_table("t", sa.Column("a", sa.Integer))',
            ],
        ],
        ids=["model", "names fold", "table"],
    )
    def test_what_follows_settles_what_a_create_owes(self, project: Project, lines: list[str]) -> None:
        self.run(project, *lines)

    def test_if_not_exists_takes_what_is_there(self, project: Project, engine: Any) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE t (a INT, b STRING)")
        revision(project, 'op.create_table("t", sa.Column("a", sa.Integer), if_not_exists=True)')
        project.upgrade()
        assert [column["name"] for column in inspect(engine).get_columns("t")] == ["a", "b"]

    def test_a_table_with_a_type_that_is_not_known_here(
        self, project: Project, engine: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As ARRAY<STRING>: it is dropped, and gets and loses columns."""
        from sqlalchemy_odpsmodel.maxcompute import dialect

        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE t (a STRING, b INT)")
        known = dialect._type
        monkeypatch.setattr(
            dialect, "_type", lambda text: known("array<string>" if text == "string" else text)
        )
        revision(project, 'op.add_column("t", sa.Column("c", sa.Integer))', 'op.drop_column("t", "b")')
        revision(project, 'op.drop_table("t")')
        project.upgrade("0001")
        assert [column["name"] for column in inspect(engine).get_columns("t")] == ["a", "c"]
        project.upgrade()
        assert not inspect(engine).has_table("t")

    def test_a_create_that_fails_drops_nothing(self, engine: Any) -> None:
        """What is there is somebody's."""
        model().create(engine)
        with pytest.raises(Exception, match="already exists"):
            model(more=["v2"]).create(engine)
        assert versions(engine) == {"m": ["v1", "v1"]}

    def test_what_cannot_be_dropped_again_is_told(self, engine: Any) -> None:
        def fail(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
            if "ADD VERSION" in statement or "DROP MODEL" in statement:
                raise KeyboardInterrupt if "ADD" in statement else RuntimeError

        event.listen(engine, "before_cursor_execute", fail)
        with pytest.raises(KeyboardInterrupt) as caught:
            model(more=["v2"]).create(engine)
        assert caught.value.__notes__ == ["model m is left with a part of its versions: drop it"]

    @pytest.mark.parametrize(
        ("second", "words"),
        [
            (EnvSecret("OTHER_TOKEN"), "OTHER_TOKEN is not set"),
            # a str is text, whoever wrote it, and setting the variable would not help
            ("${OTHER_TOKEN}", r"EnvSecret\('OTHER_TOKEN'\), or connect with expand_env=true"),
        ],
        ids=["not set", "in text"],
    )
    def test_a_key_that_cannot_be_read_is_told_before_anything_is_sent(
        self, engine: Any, monkeypatch: pytest.MonkeyPatch, second: Any, words: str
    ) -> None:
        """Of a later version, too."""
        monkeypatch.setenv("EAS_TOKEN", "sk-1")
        monkeypatch.delenv("OTHER_TOKEN", raising=False)
        service = {k: v for k, v in REMOTE.items() if not k.startswith("MODEL_")}
        declared = Model(
            "c",
            MetaData(),
            ModelVersion("v1", options={**service, "APIKEY": EnvSecret("EAS_TOKEN")}),
            ModelVersion("v2", options={**service, "APIKEY": second}),
            source_type="REMOTE",
            model_type="MLLM",
        )
        sent: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
        with pytest.raises(DBAPIError, match=words):
            declared.create(engine)
        assert sent == []

    def test_a_create_with_several_versions_that_fails_is_dropped_again(self, engine: Any) -> None:
        """create_all: nothing is left half made, so that create_all with checkfirst makes it later."""
        options = {"LOCATION": LOCATION, "ROLEARN": ROLE}
        model = Model(
            "m",
            MetaData(),
            *(ModelVersion(name, inputs=[("a", "INT")], options=options) for name in ("v1", "v2", "v3")),
            source_type="IMPORT",
            model_type="BOOSTED_TREE_CLASSIFIER",
        )

        def fail(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
            if "ADD VERSION v3" in statement:
                raise RuntimeError("the network")

        event.listen(engine, "before_cursor_execute", fail)
        with pytest.raises(RuntimeError, match="the network") as caught:
            model.create(engine)
        assert caught.value.__notes__ == ["model m was dropped again: nothing of it is left"]
        assert versions(engine) == {}
        event.remove(engine, "before_cursor_execute", fail)
        model.create(engine, checkfirst=True)
        assert versions(engine) == {"m": ["v1", "v1", "v2", "v3"]}


class TestAutogenerate:
    def declared(self) -> MetaData:
        metadata = MetaData()
        Table(
            "t",
            metadata,
            Column("id", Integer, primary_key=True),
            Column("s", Text, index=True),
            Column("x", Double),
        )
        Model(
            "m",
            metadata,
            ModelVersion("v1", inputs=[("a", "INT")], options={"LOCATION": LOCATION, "ROLEARN": ROLE}),
            source_type="IMPORT",
            model_type="BOOSTED_TREE_CLASSIFIER",
        )
        return metadata

    def test_what_it_writes_brings_the_database_to_what_is_declared_and_back(
        self, project: Project, engine: Any
    ) -> None:
        written = project.revise(self.declared()).read_text()
        assert "op.create_model(" in written
        assert "op.create_table('t'" in written
        project.upgrade()
        assert "No new upgrade operations detected." in project.check()
        project.downgrade()
        assert versions(engine) == {}
        assert inspect(engine).get_table_names() == ["alembic_version"]

    def test_the_version_table_can_be_updated_and_has_no_key(self, project: Project, engine: Any) -> None:
        revision(project, "pass")
        revision(project, "pass")
        project.upgrade()
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").all() == [("0002",)]
        (column,) = inspect(engine).get_columns("alembic_version")
        assert (column["name"], str(column["type"]), column["nullable"]) == ("version_num", "TEXT", False)
        project.downgrade()
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").all() == []

    def test_a_key_that_changed_is_found_where_the_service_shows_it(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is not readable, or whose variable is not set here, is taken as equal."""
        monkeypatch.setenv("EAS_TOKEN", "sk-1")
        service = {k: v for k, v in REMOTE.items() if not k.startswith("MODEL_")}
        metadata = MetaData()
        Model(
            "c",
            metadata,
            ModelVersion("v1", options={**service, "APIKEY": EnvSecret("EAS_TOKEN")}),
            source_type="REMOTE",
            model_type="MLLM",
        )
        project.revise(metadata)
        project.upgrade()
        assert "No new upgrade operations detected." in project.check()

        from sqlalchemy_odpsmodel.server import wire

        shown = wire.shown_options
        monkeypatch.setattr(
            wire, "shown_options", lambda *given: {**dict(shown(*given)), "APIKEY": "sk-1"}.items()
        )
        assert "No new upgrade operations detected." in project.check()
        monkeypatch.delenv("EAS_TOKEN")
        assert "No new upgrade operations detected." in project.check()
        monkeypatch.setenv("EAS_TOKEN", "sk-2")
        with pytest.raises(CommandError, match="New upgrade operations detected") as caught:
            project.check()
        assert "sk-" not in str(caught.value)

    def test_trained_models_are_left_alone(
        self, project: Project, engine: Any, maxcompute_endpoint: Any
    ) -> None:
        from contextlib import closing

        from sqlalchemy_odpsmodel import dbapi

        metadata = self.declared()
        metadata.create_all(engine)
        with closing(dbapi.connect(maxcompute_endpoint.path, isolation_level=None)) as kept:
            kept.execute("UPDATE _odpsmodel_model SET source_type = 'INTERNAL_TRAIN', name = 'trained'")
        text = project.revise(MetaData()).read_text()
        assert "trained" not in text
        project.upgrade()
        with closing(dbapi.connect(maxcompute_endpoint.path, isolation_level=None)) as kept:
            kept.execute("UPDATE _odpsmodel_model SET name = 'm'")
        with pytest.raises(CommandError, match="INTERNAL_TRAIN in the database"):
            project.revise(metadata)


class TestNames:
    def test_columns_with_upper_case_letters_are_the_ones_that_are_there(
        self, project: Project, engine: Any
    ) -> None:
        """MaxCompute folds them: there is no difference, and nothing is dropped."""
        metadata = MetaData()
        Table("orders", metadata, Column("customerId", Integer), Column("n", Integer))
        project.revise(metadata)
        project.upgrade()
        assert "No new upgrade operations detected." in project.check()
        assert [column["name"] for column in inspect(engine).get_columns("orders")] == ["customerid", "n"]

    def test_tables_with_upper_case_letters_are_refused(self, project: Project) -> None:
        metadata = MetaData()
        Table("Orders", metadata, Column("n", Integer))
        with pytest.raises(CommandError, match="declare the table Orders as orders"):
            project.revise(metadata)

    def test_schemas_of_tables_with_upper_case_letters_too(self, project: Project) -> None:
        metadata = MetaData()
        Table("orders", metadata, Column("n", Integer), schema="Lab")
        project.options = {"include_schemas": True}
        with pytest.raises(CommandError, match=r"declare the table Lab\.orders as lab\.orders"):
            project.revise(metadata)

    def test_what_a_filter_leaves_out_may_have_any_name(self, project: Project) -> None:
        metadata = MetaData()
        Table("Orders", metadata, Column("n", Integer))
        project.options = {"include_object": lambda found, name, *_: name != "Orders"}
        project.revise(metadata)

    @pytest.mark.parametrize("schemas", [{"tenant": "lab"}, {None: "lab"}], ids=str)
    def test_what_is_there_is_looked_for_where_the_statements_go(
        self, engine: Any, schemas: dict[str | None, str]
    ) -> None:
        """Under a schema_translate_map; of a name in the default schema nothing follows."""
        (schema,) = schemas
        with engine.connect() as plain:
            at = Operations(MigrationContext.configure(plain))
            at.create_table("t", Column("other", Text))
            make(at, None)
        with engine.connect().execution_options(schema_translate_map=schemas) as connection:
            op = Operations(MigrationContext.configure(connection))
            op.create_table("t", Column("a", Integer), schema=schema)
            op.add_column("t", Column("b", Text), schema=schema)
            op.drop_column("t", "a", schema=schema)
            make(op, schema)
            inspector: Any = inspect(engine)
            assert [column["name"] for column in inspector.get_columns("t", "lab")] == ["b"]
            assert inspector.has_model("m", "lab")
            op.drop_table("t", schema=schema)
            op.drop_model("m", schema=schema)
        inspector = inspect(engine)
        assert (inspector.has_table("t", "lab"), inspector.has_model("m", "lab")) == (False, False)
        assert (inspector.has_table("t"), inspector.has_model("m")) == (True, True)

    def test_a_column_that_may_be_there(self, engine: Any) -> None:
        with engine.connect() as connection:
            op = Operations(MigrationContext.configure(connection))
            op.create_table("t", Column("a", Integer))
            op.add_column("t", Column("a", Text), if_not_exists=True)
            with pytest.raises(Exception, match="column a is in table"):
                op.add_column("t", Column("a", Text))

    def test_a_float_that_was_made_is_no_difference(self, project: Project) -> None:
        metadata = MetaData()
        Table("t", metadata, Column("a", Float), Column("b", Float(20)), Column("c", Double))
        project.revise(metadata)
        project.upgrade()
        assert "No new upgrade operations detected." in project.check()

    def test_unique_constraints_foreign_keys_and_indexes_are_not_missed(self, project: Project) -> None:
        metadata = MetaData()
        Table("t", metadata, Column("a", Integer, primary_key=True), Column("b", Text, unique=True))
        Table("u", metadata, Column("c", ForeignKey("t.a"), index=True))
        project.revise(metadata)
        project.upgrade()
        assert "No new upgrade operations detected." in project.check()

    def test_the_version_table_may_live_in_a_schema(self, project: Project, engine: Any) -> None:
        project.options = {"version_table": "versions", "version_table_schema": "ops"}
        revision(project, CREATE)
        project.upgrade()
        assert inspect(engine).get_table_names("ops") == ["versions"]
        assert versions(engine) == {"m": ["v1", "v1"]}

    def test_events_of_a_table_fire(self, project: Project) -> None:
        """As Alembic's own."""
        fired = []

        @event.listens_for(Table, "before_create")
        def note(target: Any, *_: Any, **__: Any) -> None:
            fired.append(target.name)

        revision(project, 'op.create_table("t", sa.Column("a", sa.Integer))')
        project.upgrade()
        event.remove(Table, "before_create", note)
        assert "t" in fired


class TestScripts:
    def test_a_script_has_what_odpscmd_takes(self, project: Project) -> None:
        """SET, no BEGIN and no COMMIT, a version table that can be updated, unqualified columns."""
        revision(
            project, 'op.create_table("t", sa.Column("a", sa.Integer, primary_key=True, index=True))', CREATE
        )
        revision(
            project,
            'op.add_column("t", sa.Column("b", sa.Text))',
            'op.drop_column("t", "b")',
            "op.drop_model('m')",
        )
        script = project.sql()
        assert script.startswith("SET odps.namespace.schema=true;\n")
        assert "BEGIN" not in script
        assert "COMMIT;" not in script
        assert (
            "CREATE TABLE alembic_version (\n    version_num STRING NOT NULL\n) TBLPROPERTIES ('transactional'='true');"
            in script
        )
        assert "UPDATE alembic_version SET version_num='0002' WHERE version_num = '0001';" in script
        assert "ALTER TABLE t ADD COLUMNS (b STRING);" in script
        assert "ALTER TABLE t DROP COLUMNS b;" in script
        assert "/*" not in script

    def test_the_variables_of_keys_stand_before_the_statement(self) -> None:
        service = {k: v for k, v in REMOTE.items() if k != "APIKEY" and not k.startswith("MODEL_")}
        options = f'{{**{service!r}, "APIKEY": EnvSecret("EAS_TOKEN")}}'
        body = f'op.create_model("c", "v1", source_type="REMOTE", model_type="MLLM", options={options})'
        dialect = make_url("odpsmodel+pyodps://").get_dialect()()
        script = sql_of(dialect, body)
        assert script.index("-- This script needs the values of EAS_TOKEN.") < script.index("CREATE MODEL c")
        assert "APIKEY = '${EAS_TOKEN}'" in script

    def test_a_script_does_what_the_upgrade_does(
        self, project: Project, engine: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By odpsmodel run, which reads it as odpscmd does."""
        from click.testing import CliRunner

        from sqlalchemy_odpsmodel.cli import main

        revision(project, 'op.create_table("t", sa.Column("a", sa.Integer, primary_key=True))', CREATE)
        revision(project, 'op.add_column("t", sa.Column("b", sa.Text, comment="it\'s; here"))', added("v2"))
        done = CliRunner().invoke(main, ["run", project.url, "-"], input=project.sql())
        assert done.exit_code == 0, done.output
        assert current(engine) == [("0002",)]
        assert versions(engine) == {"m": ["v1", "v1", "v2"]}
        assert inspect(engine).get_columns("t")[1]["comment"] == "it's; here"

    def test_a_column_s_comment_can_be_changed(self, project: Project) -> None:
        revision(project, 'op.alter_column("t", "a", comment="it\'s")')
        assert "ALTER TABLE t CHANGE COLUMN a COMMENT 'it\\'s';" in project.sql()

    def test_altering_a_column_says_what_to_write(self, project: Project) -> None:
        revision(project, 'op.alter_column("t", "a", new_column_name="b")')
        with pytest.raises(CommandError, match="ALTER TABLE t CHANGE COLUMN a"):
            project.sql()
