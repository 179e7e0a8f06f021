"""Injection: whatever a text holds, and through whichever door it comes, it stays that text or is refused.

A door takes a model into a file that holds a canary: a model and a table of the user's.  Afterwards the file
holds the canary and just that model, to the character, or, after one of our errors, the canary alone.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import shutil
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.util import CommandError
from click.testing import CliRunner, Result
from engines import CALLED, SERVICE
from migrations import Project, context_of, generated, run, sql_of
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    Text,
    create_engine,
    create_mock_engine,
    inspect,
    text,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, StatementError
from sqlalchemy.pool import NullPool
from test_fuzz import Reading

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
    model,
    options,
    sql,
)
from sqlalchemy_odpsmodel.cli import main
from sqlalchemy_odpsmodel.ddl import ModelDDL
from sqlalchemy_odpsmodel.model import InputColumn, ModelName
from sqlalchemy_odpsmodel.schema import reflect_models
from sqlalchemy_odpsmodel.sql.script import split

TEXTS = [
    "it's", "'", '"', "`", "``", "\\", "a\\", ";", "--", "/* */", "*/", "/*", "a\n#b\n;\n", "'; DROP MODEL canary; --", "'); DROP TABLE canary; --",
    "'), OPTIONS (MODEL_TYPE = 'LLM'", "' COMMENT 'x", "r'(x)'", ')x"', "${X}", "$X ${", "%s %(x)s {x} %%", ":x ? :1", "\\:x", "<%= x %> ## ${x}", '"""', "'''",
    "\\N{DIGIT ONE}\\x41", "\r\n", "\t", "\x1a", "\x7f", "\x85", "\0", "\00012", "\u2028", "\u202e", "‘’“”", "；，（）＇", "é", "e\u0301", "年\U0001f600", "a１", "\ud800", "x" * 500, "********",
    "a=b&c=d#e", "../x", "None",
]  # fmt: skip
NO_NAMES = [text for text in TEXTS if text != "None"]
#: Names that mean something to SQL or Python.
WORDS = "select from if not default comment class none print metadata".split()
OWNER = "ALIYUN$local"
Rows = set[tuple[Any, ...]]


class Content(NamedTuple):
    """What a door is given: a model of two versions, and at each place of it a text."""

    name: str = "m"
    schema: str | None = None
    version: str = "v1"
    column: str = "f1"
    type: str = "STRING"
    column_comment: str | None = "c"
    option_key: str = "PAI_EAS_MODEL_NAME"
    option: str = "o"
    apikey: str | EnvSecret = EnvSecret("EAS_TOKEN")
    comment: str | None = "c"

    @property
    def options(self) -> dict[str, Any]:
        others = {key: value for key, value in SERVICE.items() if key != "PAI_EAS_MODEL_NAME"}
        return others | {self.option_key: self.option, "APIKEY": self.apikey}

    def versions(self, inputs: Any = ()) -> list[ModelVersion]:
        inputs = inputs or [(self.column, self.type, self.column_comment)]
        named = {"inputs": inputs, "options": self.options, "comment": self.comment}
        return [ModelVersion(name, **named) for name in (self.version, "v_2")]

    def statements(self) -> list[sql.CreateModel | sql.AddVersion]:
        name = ModelName(self.name, self.schema)
        inputs = (InputColumn(self.column, self.type, self.column_comment),)
        types = {"MODEL_SOURCE_TYPE": "REMOTE", "MODEL_TYPE": "MLLM"}
        return [
            sql.CreateModel(name, self.version, inputs, types | self.options, self.comment),
            sql.AddVersion(name, "v_2", inputs, self.options, self.comment),
        ]

    def elements(self, inputs: Any = ()) -> list[ModelDDL]:
        first, second = self.versions(inputs)
        return [
            CreateModel(self.name, first, schema=self.schema, **CALLED),
            AlterModelAddVersion(self.name, second, schema=self.schema),
        ]

    def declared(self, metadata: MetaData) -> MetaData:
        Model(self.name, metadata, *self.versions(), schema=self.schema, **CALLED)
        return metadata

    def marked(self) -> list[str]:
        """The statements, with the name of a place in place of its text."""
        marks = {place: f"@{place}" for place in ("column_comment", "option", "comment")}
        texts = map(str, self._replace(**marks, apikey=EnvSecret("APIKEY")).statements())
        return [text.replace("'${APIKEY}'", "'@apikey'") for text in texts]

    def rows(self) -> Rows:
        """What the views say of it, without times."""
        place = ("demo", self.schema or "default", self.name.lower())
        versions = (self.version.lower(), "v_2")
        key = str(self.apikey) if isinstance(self.apikey, EnvSecret) else "********"
        found: Rows = {("odps_models", *place, OWNER, "REMOTE", "MLLM", versions[0], self.comment)}
        for name in versions:
            found.add(("odps_model_versions", *place, name, int(name == versions[0]), None, self.comment))
            column = (1, self.column.lower(), "string", self.column_comment)
            found.add(("odps_model_inputs", *place, name, *column))
            shown = self.options | {"APIKEY": key}
            found |= {("odps_model_options", *place, name, *option) for option in shown.items()}
        return found


_KEPT = {
    "odps_models": "project, schema, model, owner, source_type, model_type, default_version, comment",
    "odps_model_versions": "project, schema, model, version, is_default, path, comment",
    "odps_model_inputs": "*",
    "odps_model_options": "*",
    "canary": "*",
    "sqlite_master": "type, name",
}


def rows(path: Path) -> Rows:
    """All that a file holds, without times."""
    with closing(sqlite3.connect(path)) as con:
        return {
            (name, *row)
            for name, columns in _KEPT.items()
            for row in con.execute(f"SELECT {columns} FROM {name}")
        }


@contextmanager
def opened(path: Path) -> Iterator[dbapi.Connection]:
    with closing(dbapi.connect(path, project="demo", synchronous="OFF")) as con:
        yield con
        con.commit()


@cache
def engine_of(path: Path, **arguments: str) -> Engine:
    query = {"project": "demo", "synchronous": "OFF"} | arguments
    return create_engine(URL.create("odpsmodel", database=str(path), query=query), poolclass=NullPool)


@contextmanager
def begun(path: Path, **arguments: str) -> Iterator[Connection]:
    with engine_of(path, **arguments).begin() as connection:
        yield connection


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nothing here may read."""
    for name in ("X", "x", "EAS_TOKEN"):
        monkeypatch.setenv(name, "from the environment")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("canary") / "canary.db"
    with opened(path) as con:
        con.executescript("CREATE TABLE canary (a); INSERT INTO canary VALUES ('kept')")
        for statement in Content(name="canary").statements():
            con.execute(statement)
    return path


@pytest.fixture(scope="module")
def canary(template: Path) -> Rows:
    return rows(template)


@pytest.fixture
def path(template: Path) -> Path:
    """A file with the canary."""
    return Path(shutil.copy(template, template.with_name("models.db")))


# Doors: of the driver, by a connection


def by_text(con: dbapi.Connection, c: Content) -> None:
    for statement in c.statements():
        con.execute(str(statement))


def by_statement(con: dbapi.Connection, c: Content) -> None:
    for statement in c.statements():
        con.execute(statement)


def by_repr(con: dbapi.Connection, c: Content) -> None:
    names = {**vars(sql), **vars(model), **vars(options)}
    for statement in c.statements():
        con.execute(eval(repr(statement), names))  # noqa: S307


def by_question_marks(con: dbapi.Connection, c: Content) -> None:
    for marked in c.marked():
        values = [getattr(c, place) for place in re.findall(r"'@(\w+)'", marked)]
        con.execute(re.sub(r"'@\w+'", "?", marked), values)


def by_names(con: dbapi.Connection, c: Content) -> None:
    for marked in c.marked():
        con.execute(re.sub(r"'@(\w+)'", r":\1", marked), c._asdict())


def by_script(con: dbapi.Connection, c: Content) -> None:
    con.executescript(";\n-- it's a script;\n".join(map(str, c.statements())))


# Doors: of SQLAlchemy and Alembic, by a connection


def by_bound_text(connection: Connection, c: Content) -> None:
    for marked in c.marked():
        connection.execute(text(re.sub(r"'@(\w+)'", r":\1", marked)), c._asdict())


def by_elements(connection: Connection, c: Content) -> None:
    for element in c.elements():
        connection.execute(element)


def by_compiled_elements(connection: Connection, c: Content) -> None:
    for element in c.elements():
        connection.exec_driver_sql(str(element.compile(dialect=connection.dialect)))


def by_columns(connection: Connection, c: Content) -> None:
    for element in c.elements([Column(c.column, Text, comment=c.column_comment)]):
        connection.execute(element)


def by_metadata(connection: Connection, c: Content) -> None:
    c.declared(MetaData()).create_all(connection)


def by_a_mock_engine(connection: Connection, c: Content) -> None:
    """What create_all prints, as a script."""
    elements: list[Any] = []
    mock = create_mock_engine("odpsmodel://", lambda element, *_, **__: elements.append(element))
    c.declared(MetaData()).create_all(mock, checkfirst=False)
    printed = (str(element.compile(dialect=mock.dialect)) for element in elements)
    driver(connection).executescript(";\n".join(printed))


def driver(connection: Connection) -> dbapi.Connection:
    found: Any = connection.connection.driver_connection
    return found


def operate(context: MigrationContext, c: Content) -> None:
    op: Any = Operations(context)
    inputs = [(c.column, c.type, c.column_comment)]
    named = {"inputs": inputs, "options": c.options, "comment": c.comment, "schema": c.schema}
    op.create_model(c.name, c.version, **CALLED, **named)
    op.add_model_version(c.name, "v_2", **named)


def by_operations(connection: Connection, c: Content) -> None:
    operate(context_of(connection), c)


def by_offline_operations(connection: Connection, c: Content) -> None:
    """What --sql prints, as a script."""
    printed = StringIO()
    opts = {"as_sql": True, "output_buffer": printed}
    operate(MigrationContext.configure(dialect=connection.dialect, opts=opts), c)
    driver(connection).executescript(printed.getvalue())


def reflected(connection: Connection) -> MetaData:
    metadata = MetaData()
    metadata.reflect(connection)
    reflect_models(metadata, connection)
    return metadata


def by_autogenerate(connection: Connection, c: Content) -> None:
    """The source of the migration, run."""
    context = context_of(connection)
    run(context, generated(context, c.declared(reflected(connection)))[0])


def by_an_autogenerated_script(connection: Connection, c: Content) -> None:
    """What --sql prints for the source of the migration, as a script; its head lists what an APIKEY refers to."""
    upgrade, _ = generated(context_of(connection), c.declared(reflected(connection)))
    script = sql_of(connection.dialect, upgrade)
    assert "-- This script needs the values of EAS_TOKEN.\n" in script
    driver(connection).executescript(script)


def by_a_downgrade(connection: Connection, c: Content) -> None:
    """The model that the source of an upgrade drops, made again by that of its downgrade."""
    elements, context, metadata = (
        c.elements(),
        context_of(connection, include_schemas=True),
        reflected(connection),
    )
    for element in elements:
        connection.execute(element)
    upgrade, downgrade = generated(context, metadata)
    run(context, upgrade)
    assert not inspect(connection).has_model(c.name, c.schema)
    run(context, downgrade)


def by_a_schema_map(connection: Connection, c: Content) -> None:
    mapped = connection.execution_options(schema_translate_map={"mapped": c.schema})
    c._replace(schema="mapped").declared(MetaData()).create_all(mapped)


# Doors: of files


class Refused(Exception):
    """The command refused it."""


def invoked(*arguments: str, script: str = "") -> Result:
    result = CliRunner().invoke(main, arguments, input=script.encode(errors="surrogatepass"))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    if result.exit_code:
        raise Refused(result.output)
    return result


def by_the_command(path: Path, c: Content) -> None:
    invoked("run", "--project", "demo", str(path), "-", script=";\n".join(map(str, c.statements())))


def another(path: Path, c: Content) -> Path:
    """Another file, with the model only."""
    found = path.with_name("another.db")
    found.unlink(missing_ok=True)
    with opened(found) as con:
        by_statement(con, c)
    return found


def by_generate(path: Path, c: Content) -> None:
    """The module that the command prints for another file, run."""
    url = URL.create("odpsmodel", database=str(another(path, c)), query={"project": "demo"})
    namespace: dict[str, Any] = {}
    exec(invoked("generate", url.render_as_string()).stdout, namespace)  # noqa: S102
    with begun(path) as connection:
        namespace["metadata"].create_all(connection)


def by_export(path: Path, c: Content) -> None:
    """The script that the command prints for another file, run."""
    script = invoked("export", str(another(path, c))).stdout
    invoked("run", str(path), "-", script=script)


def by_reflection(path: Path, c: Content) -> None:
    """What is read from another file, declared."""
    with begun(another(path, c)) as connection:
        metadata = MetaData()
        reflect_models(metadata, connection, c.schema)
    with begun(path) as connection:
        metadata.create_all(connection)


Door = Callable[..., None]
DRIVER: list[Door] = [by_text, by_statement, by_repr, by_question_marks, by_names, by_script]
ENGINE: list[Door] = [
    by_bound_text, by_elements, by_compiled_elements, by_columns, by_metadata, by_a_mock_engine, by_operations,
    by_offline_operations, by_autogenerate, by_an_autogenerated_script, by_a_downgrade, by_a_schema_map,
]  # fmt: skip
FILES: list[Door] = [by_the_command, by_generate, by_export, by_reflection]
DOORS = [*DRIVER, *ENGINE, *FILES]
#: Those that take a key in plain text.
WITH_KEYS: list[Door] = [
    by_statement,
    by_question_marks,
    by_names,
    by_bound_text,
    by_elements,
    by_metadata,
    by_operations,
]


@contextmanager
def entrance(path: Path, door: Door) -> Iterator[Any]:
    """What a door begins with."""
    if door in DRIVER:
        with opened(path) as con:
            yield con
    elif door in ENGINE:
        with begun(path) as connection:
            yield connection
    else:
        yield path


def enter(path: Path, door: Door, c: Content) -> None:
    with entrance(path, door) as start:
        door(start, c)


def refuses(function: Callable[..., object], *arguments: Any, **named: Any) -> bool:
    """Whether one of our errors comes out, as itself or as SQLAlchemy wraps it."""
    try:
        function(*arguments, **named)
    except (dbapi.Error, CommandError, ArgumentError, Refused):
        return True
    except StatementError as error:
        return isinstance(error.orig, dbapi.Error)
    return False


def name_of(door: Door) -> str:
    return door.__name__


def fits(place: str, value: str) -> bool:
    """Whether the rules allow a text as a comment or as an option's value."""
    kinds = {unicodedata.category(character) for character in value}
    return not kinds & {"Cs", "Cc"} if place == "option" else "Cs" not in kinds and "\0" not in value


@pytest.mark.parametrize("hostile", TEXTS, ids=ascii)
@pytest.mark.parametrize("door", DOORS, ids=name_of)
def test_a_text_stays_a_text(path: Path, canary: Rows, door: Door, hostile: str) -> None:
    """As a comment of a model, its versions and a column and as an option's value: each place that may hold it
    does, to the character, and at the others it is refused."""
    given = {"comment": hostile, "column_comment": hostile, "option": f"x{hostile}x"}
    fitting = {place: value for place, value in given.items() if fits(place, value)}
    for place in given.keys() - fitting.keys():
        assert refuses(enter, path, door, Content(**{place: given[place]}))
        assert canary == rows(path)
    c = Content(**fitting)
    enter(path, door, c)
    assert canary | c.rows() == rows(path)


NAMES = ["name", "schema", "version", "column", "type", "option_key"]


@pytest.mark.parametrize(
    ("door", "place"),
    [(door, place) for door in DOORS for place in NAMES if (door, place) != (by_columns, "type")],
    ids=lambda given: given if isinstance(given, str) else given.__name__,
)
def test_what_is_no_name_is_refused(path: Path, canary: Rows, door: Door, place: str) -> None:
    """Of a model, schema, version or column, as a type or as an option's key."""
    with entrance(path, door) as start:
        for hostile in NO_NAMES:
            assert refuses(door, start, Content(**{place: hostile}))
    assert canary == rows(path)


@pytest.mark.parametrize("door", DOORS, ids=name_of)
def test_a_word_of_sql_or_python_may_be_a_name(template: Path, canary: Rows, door: Door) -> None:
    """Of a model, its schema, a version and a column."""
    for word in WORDS:
        path = Path(shutil.copy(template, template.with_name("models.db")))
        c = Content(name=word, schema=word, version=word, column=word)
        enter(path, door, c)
        assert canary | c.rows() == rows(path)


@pytest.mark.parametrize("hostile", [text for text in TEXTS if text != "\ud800"], ids=ascii)
def test_a_printed_text_is_one_string_of_one_statement(hostile: str) -> None:
    """It is read back as it was, by the package and by the second reading of test_fuzz."""
    for statement in Content(comment=hostile, option=hostile).statements():
        assert statement == sql.parse(str(statement))
        assert [f"{statement};", f"{statement}"] == [
            found.text for found in split(f"{statement}; {statement}")
        ]
        reading = Reading(str(statement), ())
        assert [hostile] * 2 == [
            reading.value(reading.parts["comment"]),
            reading.options()["PAI_EAS_MODEL_NAME"],
        ]


@pytest.mark.parametrize("door", WITH_KEYS, ids=name_of)
def test_a_key_stays_a_key(template: Path, canary: Rows, door: Door) -> None:
    """Kept as the fingerprint of just that text; only ${NAME} as a whole is a reference, by its name."""
    for hostile in TEXTS:
        path = Path(shutil.copy(template, template.with_name("models.db")))
        c = Content(apikey=f"k{hostile}k")
        if not fits("option", hostile):
            assert refuses(enter, path, door, c)
            continue
        enter(path, door, c)
        assert canary | c.rows() == rows(path)
        with closing(sqlite3.connect(path)) as con:
            ((salt,),) = con.execute("SELECT salt FROM _odpsmodel_store")
            kept = {
                json.loads(options)["APIKEY"]
                for (options,) in con.execute("SELECT options FROM _odpsmodel_version")
            }
        digest = hmac.digest(salt, f"k{hostile}k".encode(), "sha256")
        assert {"${EAS_TOKEN}", f"hmac-sha256:{digest.hex()}"} == kept
    for hostile in ("${}", "${1}", "${X}${X}", "${a b}", "${X\n}", "********"):
        assert refuses(enter, path, door, Content(name="n", apikey=hostile))
    enter(path, door, Content(name="n", apikey="${X}"))
    assert Content(name="n", apikey=EnvSecret("X")).rows() <= rows(path)


# What is given when connecting


def connected(path: Path, **arguments: str) -> None:
    with closing(dbapi.connect(path, **arguments)) as con:
        con.execute("SHOW MODELS").fetchall()


def connected_by_a_url(path: Path, **arguments: str) -> None:
    with begun(path, **arguments) as connection:
        connection.exec_driver_sql("SHOW MODELS").all()


def quoted(**arguments: str) -> str:
    return "&".join(
        f"{name}={quote(value, safe='', errors='surrogatepass')}" for name, value in arguments.items()
    )


def connected_by_a_quoted_url(path: Path, **arguments: str) -> None:
    engine = create_engine(f"odpsmodel:///{path}?{quoted(**arguments)}", poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("SHOW MODELS").all()


def run_with_a_url(path: Path, **arguments: str) -> None:
    invoked("run", f"odpsmodel:///{path}?{quoted(**arguments)}", "-", script="SHOW MODELS")


def run_with_options(path: Path, **arguments: str) -> None:
    options = [f"--{name}={value}" for name, value in arguments.items()]
    invoked("run", *options, str(path), "-", script="SHOW MODELS")


WAYS = [connected, connected_by_a_url, connected_by_a_quoted_url, run_with_a_url, run_with_options]


@pytest.mark.parametrize("way", WAYS, ids=name_of)
@pytest.mark.parametrize("argument", ["project", "schema"])
def test_a_project_or_schema_that_is_no_name_is_refused(
    path: Path, canary: Rows, way: Callable[..., None], argument: str
) -> None:
    way(path, **{argument: "None"})
    for hostile in NO_NAMES:
        assert refuses(way, path, **{argument: hostile})
    assert canary == rows(path)


def test_an_owner_is_kept_to_the_character_or_refused(path: Path, canary: Rows) -> None:
    for i, hostile in enumerate(TEXTS):
        if not hostile.isprintable():
            assert refuses(connected, path, owner=hostile)
            continue
        with closing(dbapi.connect(path, owner=hostile, schema=f"s{i}")) as con:
            for statement in Content().statements():
                con.execute(statement)
            assert [row[1] for row in con.execute("SHOW MODELS")] == [hostile]
            assert [row[1] for row in con.execute("SHOW VERSIONS FOR MODEL m")] == [hostile] * 2
    assert canary == rows(path)


@pytest.mark.parametrize("argument", ["timezone", "synchronous"])
def test_other_arguments_take_what_they_list(path: Path, canary: Rows, argument: str) -> None:
    for way in (connected, connected_by_a_url):
        assert all(refuses(way, path, **{argument: hostile}) for hostile in TEXTS)
    assert canary == rows(path)


def made_with_a_url(path: Path, c: Content) -> None:
    with begun(path) as connection:
        by_elements(connection, c)


def made_with_a_quoted_url(path: Path, c: Content) -> None:
    engine = create_engine(f"odpsmodel:///{quote(str(path))}?project=demo", poolclass=NullPool)
    with engine.begin() as connection:
        by_elements(connection, c)


def made_by_connecting(path: Path, c: Content) -> None:
    with opened(path) as con:
        by_statement(con, c)


@pytest.mark.parametrize(
    "make", [made_by_connecting, made_with_a_url, made_with_a_quoted_url, by_the_command], ids=name_of
)
def test_a_path_is_that_of_just_one_file(tmp_path: Path, make: Door) -> None:
    for i, hostile in enumerate(TEXTS):
        if hostile == "\ud800" and make is made_with_a_quoted_url:
            continue  # no URL can hold it
        folder = tmp_path / str(i)
        folder.mkdir()
        path = folder / hostile.replace("/", "_")
        if "\0" in hostile or "\ud800" in hostile or len(hostile) > 255:
            assert refuses(make, path, Content())
            assert os.listdir(folder) == []
            continue
        make(path, Content())
        assert [path.name] == os.listdir(folder)
        with opened(path) as con:
            assert con.execute("SELECT model FROM odps_models").fetchall() == [("m",)]


# What is looked up, altered and dropped


def test_what_is_no_name_is_neither_found_nor_dropped(path: Path, canary: Rows) -> None:
    """By the inspector, autoload, elements, operations and the command."""
    with begun(path) as connection:
        inspector, op = inspect(connection), Operations(context_of(connection))
        for hostile in NO_NAMES:
            assert not inspector.has_model(hostile)
            assert not inspector.has_model("canary", hostile)
            for find in (
                lambda name: inspector.get_model(name),
                lambda name: inspector.get_models(name),
                lambda name: Model(name, MetaData(), autoload_with=connection),
                lambda name: sql.DescModel(ModelName("canary", name)),
                lambda name: connection.execute(DropModel(name, if_exists=True)),
                lambda name: connection.execute(DropModel("canary", schema=name, if_exists=True)),
                lambda name: connection.execute(AlterModelSetDefaultVersion("canary", name)),
                lambda name: connection.execute(AlterModelDropVersion("canary", name)),
                lambda name: op.drop_model(name, if_exists=True),
                lambda name: op.drop_model_version("canary", name),
                lambda name: invoked("generate", f"--schema={name}", f"odpsmodel:///{path}?project=demo"),
            ):
                assert refuses(find, hostile)
    assert canary == rows(path)


def in_backquotes(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


@pytest.mark.parametrize("form", [
    "DROP MODEL IF EXISTS {}", "DROP MODEL IF EXISTS demo.{}.canary", "DROP MODEL IF EXISTS {}.default.canary", "DESC MODEL {}",
    "ALTER MODEL canary SET DEFAULT_VERSION {}", "ALTER MODEL canary DROP VERSION {}", "SHOW VERSIONS FOR MODEL {}",
])  # fmt: skip
def test_what_stands_in_backquotes_is_a_name_or_refused(path: Path, canary: Rows, form: str) -> None:
    with opened(path) as con:
        for hostile in NO_NAMES:
            assert refuses(con.execute, form.format(in_backquotes(hostile)))
            assert refuses(con.executescript, form.format(in_backquotes(hostile)))
    assert canary == rows(path)


# A project of Alembic's


def test_the_files_of_a_project_hold_every_text(
    path: Path, template: Path, tmp_path: Path, figures: Callable[[str], None]
) -> None:
    """A revision that autogenerate writes, up and down, and the script of it on another file."""
    contents = [
        Content(name=f"m{i}", comment=hostile, column_comment=hostile, option=f"x{hostile}x")
        for i, hostile in enumerate(TEXTS)
        if fits("option", hostile)
    ]
    made = set().union(*(c.rows() for c in contents))
    before = rows(path)
    project = Project(tmp_path / "migrations", f"odpsmodel:///{path}?project=demo")
    with begun(path) as connection:
        metadata = reflected(connection)
    for c in contents:
        c.declared(metadata)
    project.revise(metadata)
    script = project.sql()
    for _ in range(2):
        project.upgrade()
        assert made <= rows(path)
        assert {row[0] for row in rows(path) - made - before} == {"sqlite_master"}  # alembic_version
        assert "No new upgrade operations detected" in project.check()
        project.downgrade()
        assert {row[0] for row in rows(path) - before} == {"sqlite_master"}
    other = Path(shutil.copy(template, tmp_path / "other.db"))
    with opened(other) as con:
        con.executescript(script)
    assert made | before <= rows(other)
    figures(
        f"{len(contents)} texts in a revision, up and down twice, and in its script: each to the character"
    )
