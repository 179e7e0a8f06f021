"""op.create_model and the rest: one operation is one statement, online and with --sql."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, StrEnum
from functools import partial
from io import StringIO
from typing import Any

import pytest
from alembic import command, op
from alembic.autogenerate import render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.operations.ops import UpgradeOps
from alembic.util import CommandError
from engines import CALLED, FILE, IMPORTED, SERVICE, changes, imported, shown, statements, version
from migrations import Project, context_of, run, sql_of
from samples import KEY
from sqlalchemy import Column, Connection, Engine, Integer, create_engine
from sqlalchemy.exc import DBAPIError

import sqlalchemy_odpsmodel.alembic as ours
from sqlalchemy_odpsmodel import CreateModel, EnvSecret, ModelVersion, dbapi
from sqlalchemy_odpsmodel.diff import dropped
from sqlalchemy_odpsmodel.sql import parse

INPUTS = [("f1", "INT"), ("f2", "DOUBLE", "in cm")]
FILE_SQL = f"LOCATION = '{FILE['LOCATION']}', ROLEARN = '{FILE['ROLEARN']}'"
#: What is called on op, and the statement that it is, as the vendor's pages write it.
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    (
        "create_model",
        ("M", "V1"),
        {**IMPORTED, "inputs": INPUTS, "options": FILE, "comment": "it's", "if_not_exists": True},
        f"""CREATE MODEL IF NOT EXISTS m WITH VERSION v1 INPUT (f1 int, f2 double COMMENT 'in cm')
        OPTIONS (MODEL_SOURCE_TYPE = 'IMPORT', MODEL_TYPE = 'BOOSTED_TREE_CLASSIFIER', {FILE_SQL})
        COMMENT 'it\\'s'""",
    ),
    (
        "create_model",
        ("m", "v1"),
        {**IMPORTED, "inputs": [Column("f1", Integer)], "options": FILE, "schema": "Lab"},
        f"""CREATE MODEL lab.m WITH VERSION v1 INPUT (f1 int)
        OPTIONS (MODEL_SOURCE_TYPE = 'IMPORT', MODEL_TYPE = 'BOOSTED_TREE_CLASSIFIER', {FILE_SQL})""",
    ),
    (
        "add_model_version",
        ("m", "v2"),
        {"inputs": INPUTS, "options": FILE, "comment": "a\tb"},
        "ALTER MODEL m ADD VERSION v2 INPUT (f1 int, f2 double COMMENT 'in cm')"
        f" WITH OPTIONS ({FILE_SQL}) COMMENT 'a\\tb'",
    ),
    (
        "add_model_version",
        ("m", "v2"),
        {"options": FILE, "schema": "lab"},
        f"ALTER MODEL lab.m ADD VERSION v2 WITH OPTIONS ({FILE_SQL})",
    ),
    ("set_default_model_version", ("m", "v2"), {}, "ALTER MODEL m SET DEFAULT_VERSION v2"),
    ("set_default_model_version", ("m", "v2"), {"schema": "s"}, "ALTER MODEL s.m SET DEFAULT_VERSION v2"),
    ("drop_model_version", ("m", "v1"), {}, "ALTER MODEL m DROP VERSION v1"),
    ("drop_model_version", ("m", "v1"), {"schema": "s"}, "ALTER MODEL s.m DROP VERSION v1"),
    ("drop_model", ("m",), {}, "DROP MODEL m"),
    ("drop_model", ("m",), {"if_exists": True, "schema": "s"}, "DROP MODEL IF EXISTS s.m"),
]
cases = pytest.mark.parametrize(("name", "names", "named", "expected"), CALLS)


@pytest.fixture(params=["odpsmodel", "sqlite+odpsmodel"])
def either(request: Any, path: Any) -> Iterator[Engine]:
    """An engine on a file, by either name."""
    engine = create_engine(f"{request.param}:///{path}?project=demo")
    yield engine
    engine.dispose()


class Recorder:
    """Takes the place of op."""

    def __init__(self) -> None:
        self.operations: list[Any] = []

    def invoke(self, operation: Any) -> None:
        self.operations.append(operation)


class Namespace:
    """The operations as methods, as op has them."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def __getattr__(self, name: str) -> Any:
        return partial(getattr(ours, name), self.recorder)


class Text(StrEnum):
    TASKS = "TASKS"
    CHAT = "chat"


class Member(str, Enum):  # noqa: UP042  it prints as Member.CHAT
    TASKS = "TASKS"
    CHAT = "chat"


def made(name: str, *names: Any, **named: Any) -> Any:
    """The operation that a call makes."""
    recorder = Recorder()
    getattr(ours, name)(recorder, *names, **named)
    (operation,) = recorder.operations
    return operation


class TestStatements:
    @cases
    def test_one_operation_is_one_statement(self, name: str, names: Any, named: Any, expected: str) -> None:
        assert parse(expected) == made(name, *names, **named).statement

    def test_they_run_online(self, either: Engine) -> None:
        with either.begin() as connection:
            seen = statements(either)
            operations: Any = Operations(context_of(connection))
            operations.create_model("m", "v1", **IMPORTED, inputs=INPUTS, options=FILE)
            operations.add_model_version("m", "v2", inputs=INPUTS, options=FILE)
            operations.set_default_model_version("m", "v2")
            operations.drop_model_version("m", "v1")
            made_of = "INPUT (f1 int, f2 double COMMENT 'in cm')"
            assert [
                f"CREATE MODEL m WITH VERSION v1 {made_of}",
                f"ALTER MODEL m ADD VERSION v2 {made_of}",
                "ALTER MODEL m SET DEFAULT_VERSION v2",
                "ALTER MODEL m DROP VERSION v1",
            ] == [line.partition(" OPTIONS")[0].removesuffix(" WITH") for line in changes(seen)]
        assert [(row[0], row[4]) for row in shown(either)] == [("m", "v2")]
        with either.begin() as connection:
            operations = Operations(context_of(connection))
            operations.drop_model("m")
            operations.drop_model("m", if_exists=True)
        assert shown(either) == []

    @cases
    def test_they_print_with_sql(
        self, either: Engine, name: str, names: Any, named: Any, expected: str
    ) -> None:
        """The text of --sql is read back as the statement; Alembic would turn a TAB into blanks."""
        printed = StringIO()
        opts = {"as_sql": True, "output_buffer": printed}
        context = MigrationContext.configure(dialect=either.dialect, opts=opts)
        getattr(Operations(context), name)(*names, **named)
        text = printed.getvalue().strip()
        assert text.endswith(";")
        assert parse(expected) == parse(text.removesuffix(";"))

    def test_they_are_on_alembic_op(self, engine: Engine) -> None:
        with engine.begin() as connection, Operations.context(context_of(connection)):
            any_op: Any = op
            any_op.create_model("a", "v1", **IMPORTED, inputs=INPUTS, options=FILE)
            ours.create_model(op, "b", "v1", **IMPORTED, inputs=INPUTS, options=FILE)
        assert [row[0] for row in shown(engine)] == ["a", "b"]

    def test_a_warning_is_of_the_migration(self, engine: Engine) -> None:
        """It names its file and line."""
        options = FILE | {"LOCATION": "oss://oss-cn-shanghai.aliyuncs.com/bucket/"}
        with engine.begin() as connection:
            operations: Any = Operations(context_of(connection))
            with pytest.warns(dbapi.ModelWarning) as caught:
                operations.create_model("m", "v1", **IMPORTED, inputs=INPUTS, options=options)
        assert [warning.filename for warning in caught] == [__file__]

    def test_a_plain_key_runs_online(self, either: Engine) -> None:
        """Who writes one into a migration has it there; the file has its fingerprint."""
        with either.begin() as connection:
            operations: Any = Operations(context_of(connection))
            operations.create_model("m", "v1", **CALLED, options=SERVICE | {"APIKEY": KEY})
            (row,) = connection.exec_driver_sql("SELECT value FROM odps_model_options WHERE key = 'APIKEY'")
            assert tuple(row) == ("********",)

    def test_an_error_comes_before_anything_is_run(self, engine: Engine) -> None:
        with engine.connect() as connection:
            operations: Any = Operations(context_of(connection))
            seen = statements(engine)
            with pytest.raises(dbapi.OptionError, match="model m version v1: unknown option LOCATON"):
                operations.create_model("m", "v1", **IMPORTED, inputs=INPUTS, options={"LOCATON": "x"})
            with pytest.raises(dbapi.SemanticError, match="version 2"):
                operations.add_model_version("m", "2", options=FILE)
            with pytest.raises(dbapi.SemanticError, match="model m: version v2: options are a dictionary of"):
                operations.add_model_version("m", "v2", options="LOCATION")
            with pytest.raises(dbapi.SemanticError, match="model m: version v2: options are a dictionary of"):
                operations.add_model_version("m", "v2", options=None)
            assert seen == []

    def test_they_have_docstrings(self) -> None:
        """Alembic puts its own in their place, which tells nothing."""
        for name in ours.__all__:
            told = getattr(ours, name).__doc__ or ""
            assert "proxied" not in told
            assert name[0].isupper() or told.startswith(("CREATE MODEL", "ALTER MODEL", "DROP MODEL"))

    def test_the_services_error_comes_through(self, engine: Engine) -> None:
        with (
            engine.connect() as connection,
            pytest.raises(DBAPIError, match=r"model demo\.default\.m does not exist"),
        ):
            run(context_of(connection), 'op.drop_model("m")')

    def test_on_another_dialect_they_fail(self) -> None:
        with create_engine("sqlite://").connect() as connection:
            operations: Any = Operations(context_of(connection))
            with pytest.raises(CommandError) as caught:
                operations.drop_model("m", schema="s")
        assert str(caught.value) == (
            "op.drop_model of model s.m needs a database with models, as odpsmodel:///path is: the dialect sqlite"
            " has none"
        )


class TestReverse:
    @pytest.mark.parametrize(
        ("name", "names", "named", "back"),
        [
            ("create_model", ("m", "v1"), {**IMPORTED, "inputs": INPUTS, "options": FILE}, "DROP MODEL m"),
            ("create_model", ("m", "v1"), {**CALLED, "options": SERVICE, "schema": "s"}, "DROP MODEL s.m"),
            ("add_model_version", ("m", "v2"), {"options": FILE}, "ALTER MODEL m DROP VERSION v2"),
        ],
    )
    def test_what_is_made_is_dropped_and_made_again(
        self, name: str, names: Any, named: Any, back: str
    ) -> None:
        operation = made(name, *names, **named)
        reverse = operation.reverse()
        assert str(reverse.statement) == back
        assert reverse.reverse().statement == operation.statement
        assert type(reverse.reverse()) is type(operation)

    @pytest.mark.parametrize(
        ("name", "names"),
        [
            ("set_default_model_version", ("m", "v2")),
            ("drop_model_version", ("m", "v2")),
            ("drop_model", ("m",)),
        ],
    )
    def test_what_was_there_is_not_known_of_a_call(self, name: str, names: Any) -> None:
        with pytest.raises(ValueError, match="of model m undoes is not known"):
            made(name, *names).reverse()

    def test_the_operations_that_make_a_model_are_undone_as_one(self, engine: Engine) -> None:
        """Undone, undone again, and invoked as one."""
        drop = ours.DropModelOp(dropped(imported("m", None, version("v1"), version("v2"))))
        make = drop.reverse()
        assert isinstance(make, ours.ModelOps)
        assert [type(part) for part in make.ops] == [ours.CreateModelOp, ours.AddModelVersionOp]
        assert make.reverse().reverse().step == make.step
        with engine.connect() as connection:
            operations = Operations(context_of(connection))
            operations.invoke(make)
            assert shown_in(connection, "SHOW VERSIONS FOR MODEL m") == ["v1", "v2"]
            operations.invoke(make.reverse())
            assert shown_in(connection) == []

    def test_each_of_them_knows_what_undoes_it(self) -> None:
        model = imported("m", None, version("v1"), version("v2"), default_version="v2")
        create, add, default = ours.DropModelOp(dropped(model)).reverse().ops  # type: ignore[union-attr]
        assert [str(part.reverse().statement) for part in (create, add)] == [
            "DROP MODEL m",
            "ALTER MODEL m DROP VERSION v2",
        ]
        with pytest.raises(ValueError, match="is not known"):
            default.reverse()


def shown_in(connection: Connection, sql: str = "SHOW MODELS") -> list[str]:
    return [row[0] for row in connection.exec_driver_sql(sql)]


class TestRendering:
    @cases
    def test_a_call_is_rendered_as_itself(self, name: str, names: Any, named: Any, expected: str) -> None:
        """Plain literals, whatever they hold; the call makes the same statement again."""
        source = render_python_code(UpgradeOps([made(name, *names, **named)]))
        recorder = Recorder()
        exec(f"def migrate():\n    {source}\nmigrate()", {"op": Namespace(recorder)})  # noqa: S102
        assert parse(expected) == recorder.operations[0].statement

    @pytest.mark.parametrize(
        "named",
        [
            {"options": {}},
            {"options": {"MODEL_SOURCE_TYPE": "IMPORT", "MODEL_TYPE": "BOOSTED_TREE_CLASSIFIER", **FILE}},
            {
                "options": {"TASKS": "x" * 90},
                "comment": 'it\'s """: #\n\\',
                "inputs": [("a", "INT", "'''\t:\u2028")],
            },
            {
                "options": {Text.TASKS: Text.CHAT},
                "comment": Text.CHAT,
                "inputs": [(Text.CHAT, "INT", Text.CHAT)],
            },
            {"options": {"APIKEY": EnvSecret(Text.CHAT)}},
            {
                "options": {Member.TASKS: Member.CHAT},
                "comment": Member.CHAT,
                "inputs": [("a", "INT", Member.CHAT)],
            },
            {"options": {"APIKEY": EnvSecret(Member.CHAT)}},
        ],
    )
    def test_whatever_a_call_holds(self, named: dict[str, Any]) -> None:
        """Plain strings, of an enum too."""
        operation = made("add_model_version", "m", "v1", **named)
        source = render_python_code(UpgradeOps([operation]))
        recorder = Recorder()
        namespace = {"op": Namespace(recorder), "EnvSecret": EnvSecret}
        exec(f"def migrate():\n    {source}\nmigrate()", namespace)  # noqa: S102
        assert operation.statement == recorder.operations[0].statement
        assert str(operation.statement) == str(recorder.operations[0].statement)
        assert "Member." not in source + str(operation.statement)
        assert max(map(len, source.splitlines())) < 130

    def test_short_calls_are_one_line(self) -> None:
        operation = made("set_default_model_version", "m", "v2", schema="s")
        assert 'op.set_default_model_version("m", "v2", schema="s")' in render_python_code(
            UpgradeOps([operation])
        )

    def test_a_prefix_of_ones_own(self) -> None:
        operation = made("drop_model", "m", if_exists=True)
        source = render_python_code(UpgradeOps([operation]), alembic_module_prefix="alembic.")
        assert 'alembic.drop_model("m", if_exists=True)' in source

    def test_a_key_is_a_placeholder(self) -> None:
        operation = made("add_model_version", "m", "v1", options=SERVICE | {"APIKEY": KEY})
        source = render_python_code(UpgradeOps([operation]))
        assert KEY not in source
        assert (
            '"APIKEY": "********",  # no key is written here: put EnvSecret("NAME") in its place, or this fails\n'
            in source
        )

    def test_no_key_is_in_a_repr_or_a_diff(self) -> None:
        operation = made(
            "create_model", "m", "v1", **CALLED, options=SERVICE | {"APIKEY": KEY}, inputs=INPUTS
        )
        assert KEY not in f"{operation!r} {operation.to_diff_tuple()!r}"
        assert operation.to_diff_tuple() == (
            "create_model",
            "m",
            "v1",
            {
                **CALLED,
                "inputs": [("f1", "int", None), ("f2", "double", "in cm")],
                "options": {**SERVICE, "APIKEY": "********"},
            },
        )


class TestScripts:
    """alembic upgrade --sql."""

    BODY = f"""
    op.create_model("a", "v1", source_type="REMOTE", model_type="MLLM", options={SERVICE!r})
    op.create_model("b", "v1", source_type="REMOTE", model_type="MLLM", options={ {**SERVICE, "APIKEY": EnvSecret("B")}!r})
    op.add_model_version("b", "v2", options={ {**SERVICE, "APIKEY": EnvSecret("B")}!r})"""
    HEAD = (
        "-- This script needs the values of {}.\n"
        "-- The local file keeps the names: odpsmodel run takes the script as it is, and nothing needs to be set.\n"
        "-- For MaxCompute: DataWorks fills in parameters of these names; for odpscmd, let envsubst replace just them\n"
        "-- (their values may hold no quote); odpsmodel run on a URL of the service takes them from the environment.\n\n"
    )

    @pytest.fixture
    def project(self, request: Any, tmp_path: Any) -> Project:
        return Project(
            tmp_path / "project", f"{getattr(request, 'param', 'odpsmodel')}:///{tmp_path / 'x.db'}"
        )

    def revise(self, project: Project, body: str) -> None:
        file = project.revise(autogenerate=False)
        text = file.read_text().replace(
            "import sqlalchemy as sa", "from sqlalchemy_odpsmodel import EnvSecret"
        )
        file.write_text(text.replace("    pass", body.lstrip("\n"), 1))

    @pytest.mark.parametrize("project", ["odpsmodel", "sqlite+odpsmodel"], indirect=True)
    def test_the_head_lists_the_variables(self, project: Project, connect: Any) -> None:
        self.revise(project, self.BODY)
        script = project.sql()
        assert script.startswith(self.HEAD.format("EAS_TOKEN, B") + "BEGIN;\n")
        assert script.endswith("COMMIT;\n\n")
        assert script.count("This script needs") == 1
        assert script.count("APIKEY = '${EAS_TOKEN}'") == 1
        con = connect()
        con.executescript(script)
        assert con.execute("SELECT model, version FROM odps_model_versions ORDER BY 1, 2").fetchall() == [
            ("a", "v1"),
            ("b", "v1"),
            ("b", "v2"),
        ]

    NESTED = """
    op.execute("SELECT 1")
    with op.get_context().begin_transaction():
        op.execute("SELECT 2")
    op.execute("SELECT 3")
    with op.get_context().autocommit_block():
        op.execute("SELECT 4")
    op.execute("SELECT 5")
    try:
        with op.get_context().begin_transaction():
            op.execute("SELECT 6")
            raise ValueError
    except ValueError:
        pass
    op.execute("SELECT 7")
    with op.get_context().begin_transaction():
        op.execute("SELECT 8")
    op.execute("SELECT 9")
    """

    BLOCK = """
    op.execute("SELECT 1")
    with op.get_context().autocommit_block():
        op.execute("SELECT 2")
    op.execute("SELECT 3")
    """

    @pytest.mark.parametrize("env", ["with context.begin_transaction():", "if True:"])
    @pytest.mark.parametrize(("body", "count"), [(NESTED, 9), (BLOCK, 3)])
    @pytest.mark.parametrize("per_migration", [False, True])
    @pytest.mark.parametrize("project", ["odpsmodel", "sqlite+odpsmodel"], indirect=True)
    def test_no_statement_is_lost(
        self, project: Project, env: str, body: str, count: int, per_migration: bool
    ) -> None:
        """Whatever transactions env.py and a migration open: what is printed is what Alembic prints."""
        file = project.folder / "env.py"
        file.write_text(file.read_text().replace("with context.begin_transaction():", env))
        project.options = {"transaction_per_migration": per_migration}
        for _ in range(2):
            self.revise(project, body)
        script = project.sql()
        project.url = "sqlite://"
        project.options["transactional_ddl"] = True
        assert script == project.sql()
        assert script.count("SELECT") == 2 * count

    def test_without_variables_there_is_no_head(self, project: Project) -> None:
        self.revise(project, '    op.drop_model("m", if_exists=True)')
        assert project.sql().startswith("BEGIN;\n")

    def test_each_transaction_has_its_head(self, project: Project) -> None:
        """With a transaction a migration each is a script of its own."""
        self.revise(project, self.BODY)
        self.revise(project, self.BODY.splitlines()[-1])
        project.options = {"transaction_per_migration": True}
        first, second = project.sql().split("COMMIT;\n\n")[:2]
        assert first.startswith(self.HEAD.format("EAS_TOKEN, B") + "BEGIN;")
        assert "needs the values" not in second

    def test_without_a_transaction_it_stands_before_the_statement(self, engine: Engine) -> None:
        script = sql_of(engine.dialect, self.BODY.lstrip())
        assert script.startswith(self.HEAD.format("EAS_TOKEN") + "CREATE MODEL a")
        assert self.HEAD.format("B") + "CREATE MODEL b" in script
        assert script.count("This script needs") == 2

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (
                f'add_model_version("m", "v2", options={{"APIKEY": "{KEY}"}}, schema="s")',
                "APIKEY of model s.m version v2 is a plain key, which --sql does not write: put EnvSecret('NAME') in"
                " its place",
            ),
            (
                f"""execute("SET a=b; ALTER MODEL m ADD VERSION v2 WITH OPTIONS (APIKEY='{KEY}')")""",
                "APIKEY of model m version v2 is a plain key, which --sql does not write: put EnvSecret('NAME') in"
                " its place",
            ),
            (
                f"""execute("SELECT 1; ALTER MODEL m ADD VERSION v2 WITH OPTIONS (APIKEY='{KEY}')")""",
                "APIKEY of model m version v2 is a plain key, which --sql does not write: put EnvSecret('NAME') in"
                " its place",
            ),
            (
                f"""execute("PRAGMA user_version;\\n ALTER MODEL m ADD VERSION v2 WITH OPTIONS (APIKEY='{KEY}'")""",
                "SQL that may hold an APIKEY is no statement that is understood, so --sql does not write it: use"
                " op.create_model or op.add_model_version",
            ),
            (
                f"""execute(__import__("sqlalchemy").text("ALTER MODEL m ADD VERSION v2 WITH OPTIONS (APIKEY=:k)")"""
                f""".bindparams(k="{KEY}"))""",
                "APIKEY of model m version v2 is a plain key, which --sql does not write: put EnvSecret('NAME') in"
                " its place",
            ),
            (
                f"""execute(__import__("sqlalchemy").DDL("ALTER MODEL m ADD VERSION v2 WITH OPTIONS (APIKEY='{KEY}')"))""",
                "APIKEY of model m version v2 is a plain key, which --sql does not write: put EnvSecret('NAME') in"
                " its place",
            ),
            (
                f"""execute("ALTER MODEL m ADD VERSION v2 WITH OPTIONS (APIKEY='{KEY}'")""",
                "SQL that may hold an APIKEY is no statement that is understood, so --sql does not write it: use"
                " op.create_model or op.add_model_version",
            ),
            (
                f"""execute("CREAT MODEL m WITH VERSION v1 OPTIONS (APIKEY='{KEY}')")""",
                "SQL that may hold an APIKEY is no statement that is understood, so --sql does not write it: use"
                " op.create_model or op.add_model_version",
            ),
        ],
    )
    @pytest.mark.parametrize("project", ["odpsmodel", "sqlite+odpsmodel"], indirect=True)
    def test_a_plain_key_is_refused_and_nothing_printed(
        self, project: Project, call: str, message: str
    ) -> None:
        self.revise(project, f"{self.BODY}\n    op.{call}")
        printed = StringIO()
        project.config = lambda **kw: Project.config(project, **kw | {"output_buffer": printed})  # type: ignore[method-assign]
        with pytest.raises(CommandError) as caught:
            project.sql()
        assert (str(caught.value), printed.getvalue()) == (message, "")

    def test_the_placeholder_is_refused(self, project: Project) -> None:
        self.revise(project, '    op.add_model_version("m", "v2", options={"APIKEY": "********"})')
        with pytest.raises(dbapi.OptionError, match=r"in place of a key: put EnvSecret\('NAME'\) there"):
            project.sql()

    def test_statements_as_text(self, project: Project) -> None:
        """Their variables are listed too; SQL of other tables is printed as it is."""
        text = (
            f"ALTER MODEL m ADD VERSION v2 WITH OPTIONS (LOCATION='{FILE['LOCATION']}', APIKEY='${{TEXT}}')"
        )
        self.revise(project, f'''    op.execute("{text}")\n    op.execute("SELECT 'APIKEY'")''')
        script = project.sql()
        assert script.startswith(self.HEAD.format("TEXT"))
        assert f"{text};\n\nSELECT 'APIKEY';" in script

    def test_an_element_is_refused_too(self, engine: Engine) -> None:
        opts = {"as_sql": True, "output_buffer": StringIO()}
        operations = Operations(MigrationContext.configure(dialect=engine.dialect, opts=opts))
        version = ModelVersion("v1", options=SERVICE | {"APIKEY": KEY})
        with pytest.raises(CommandError, match="is a plain key"):
            operations.execute(CreateModel("m", version, **CALLED))

    def test_downgrade(self, project: Project) -> None:
        file = project.revise(autogenerate=False)
        first, last = file.read_text().rsplit("pass", 1)
        file.write_text(f'{first}op.drop_model("m", if_exists=True){last}')
        assert "DROP MODEL IF EXISTS m;" in project.sql("0001:base", command.downgrade)
