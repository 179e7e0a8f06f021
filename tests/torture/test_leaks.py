"""A key that goes through every door is found nowhere afterwards, and no environment is read.

Keys are made up as the tests run, so that no line of source holds one.  What is the user's own is not searched:
the text of a statement, the script that odpsmodel is given, the local variables of a traceback.
"""

from __future__ import annotations

import asyncio
import copy
import hmac
import html
import json
import logging
import os
import pickle
import random
import re
import sqlite3
import subprocess
import sys
import traceback
import warnings
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import asdict
from functools import partial
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from string import ascii_letters, ascii_lowercase, digits
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, quote_plus

import click
import pytest
from alembic import command
from alembic.autogenerate import render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.operations.ops import UpgradeOps
from click.testing import CliRunner
from engines import CALLED, IMPORTED, SERVICE
from migrations import Project, context_of
from samples import REMOTE, add, create
from scale import Figures, Scale
from sqlalchemy import (
    DDL,
    Connection,
    Engine,
    MetaData,
    TextClause,
    column,
    create_engine,
    event,
    exc,
    inspect,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

import sqlalchemy_odpsmodel.alembic as ours
from sqlalchemy_odpsmodel import AlterModelAddVersion, CreateModel, EnvSecret, Model, ModelVersion, dbapi
from sqlalchemy_odpsmodel.cli import main
from sqlalchemy_odpsmodel.diff import created
from sqlalchemy_odpsmodel.options import PlainSecret
from sqlalchemy_odpsmodel.schema import reflect_models
from sqlalchemy_odpsmodel.store import VIEWS

# Keys, and what they can look like

#: What keys are made of.  In text() of SQLAlchemy a colon is not a key's, but a parameter's.
KINDS = {
    "a token": ascii_letters + digits,
    "a token with signs": ascii_letters + digits + "'\"\\+/%&<>= ;#-$`~*",
    "a word": ascii_lowercase,
}
#: A reference to a variable, which is no key, but goes the same ways.
NAME = "${EAS_TOKEN}"


def made_up(kind: str, number: int = 0) -> str:
    """A key of 24 characters."""
    chosen = random.Random(f"{kind} {number}").choices(KINDS.get(kind, ascii_letters), k=22)
    return f"k{''.join(chosen)}y"


def forms(key: str) -> dict[bytes, str]:
    """Each third of a key as it is, and as text is often changed; its Base64 wherever it begins."""
    found = {}
    for piece in (key[:8], key[8:16], key[16:]):
        for name, form in spelled(piece):
            found[form.encode()] = f"{name} {form}"
        found[piece.encode("utf-16-le")] = f"UTF-16 {piece}"
    for shift in range(3):
        for encoded in (b64encode, urlsafe_b64encode):
            whole = encoded(bytes(shift) + key.encode())
            core = whole[4 * bool(shift) : (shift + len(key)) // 3 * 4]
            found |= {part: f"Base64 {part.decode()}" for part in (core[:12], core[-12:])}
    return found


def spelled(piece: str) -> Iterator[tuple[str, str]]:
    """The ways to spell a text in characters."""
    raw = piece.encode()
    yield "reversed", piece[::-1]
    yield from (("upper", piece.upper()), ("lower", piece.lower()))
    yield from (("hex", raw.hex()), ("hex", raw.hex().upper()))
    yield from (("URL", quote(piece)), ("URL", quote(piece, safe="")), ("URL", quote_plus(piece)))
    yield from (("HTML", html.escape(piece)), ("SQL", piece.replace("'", "''")))
    for signs in ("\\", "\\'", '\\"', "\\'\""):  # those of repr(), of JSON, and of MaxCompute's strings
        once = re.sub(f"[{re.escape(signs)}]", r"\\\g<0>", piece)
        yield "escaped", once
        yield "escaped twice", re.sub(f"[{re.escape(signs)}]", r"\\\g<0>", once)
    yield "plain", piece


class Search:
    """Looks for a key in all that it is shown.  ``now`` is what is being done."""

    def __init__(self, *keys: str) -> None:
        self.forms = {form: name for key in keys for form, name in forms(key).items()}
        self.hits: list[str] = []
        self.places = self.size = 0
        self.now = ""

    def look(self, where: str, *found: str | bytes) -> None:
        for each in found:
            data = each if isinstance(each, bytes) else each.encode(errors="surrogatepass")
            self.places += 1
            self.size += len(data)
            self.hits += [f"{self.now}: {where}: {name}" for form, name in self.forms.items() if form in data]

    def files(self, folder: Path) -> None:
        """All files of a folder, the database's WAL and journal among them."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.look(f"file {path.name}", path.read_bytes())

    def thing(self, thing: object) -> None:
        """How an object prints, its attributes, its copies, and its pickle."""
        where = type(thing).__name__
        self.look(where, str(thing), repr(thing), f"{thing}", repr(getattr(thing, "__dict__", "")))
        for copied in (copy.copy, copy.deepcopy):
            with suppress(TypeError):  # what cannot be copied
                self.look(f"{copied.__name__} of {where}", repr(copied(thing)))
        self.pickle(thing)

    def pickle(self, thing: object) -> None:
        """What is pickled, or why it is not."""
        for protocol in (0, pickle.HIGHEST_PROTOCOL):
            try:
                self.look(f"pickle of {type(thing).__name__}", pickle.dumps(thing, protocol))
            except Exception as error:
                self.look("refused pickle", *traceback.format_exception(error))

    def error(self, error: BaseException) -> None:
        """An error and all that led to it: how they print, their attributes, their pickles."""
        seen: list[BaseException] = []
        left: list[Any] = [error]
        while left:
            each = left.pop()
            if not isinstance(each, BaseException) or each in seen:
                continue
            seen.append(each)
            printed = traceback.format_exception(each)
            self.look(type(each).__name__, str(each), repr(each), repr(each.args), repr(vars(each)), *printed)
            self.pickle(each)
            left += [each.__cause__, each.__context__, getattr(each, "orig", None)]

    def __str__(self) -> str:
        return f"{self.places:,} places, {self.size / 1e6:,.0f} MB: {len(self.hits)} hits"


# What is watched meanwhile

LOGGERS = ("", "sqlalchemy", "alembic", "aiosqlite", "asyncio")


class Log(logging.Handler):
    """Shows a search what is logged, and with what."""

    def __init__(self, search: Search) -> None:
        super().__init__(logging.DEBUG)
        self.search = search

    def emit(self, record: logging.LogRecord) -> None:
        self.search.look(f"log of {record.name}", self.format(record), repr(vars(record)))


@contextmanager
def watched(search: Search) -> Iterator[None]:
    """What is logged and printed, what listeners of engines are told, and what SQLite is given."""

    def executed(*args: Any) -> None:
        search.look("event", str(args[2]), repr(args[3]))

    def failed(context: Any) -> None:
        search.look("event", str(context.statement), repr(context.parameters))

    def connected(self: dbapi.Connection, *args: Any, **named: Any) -> None:
        connect(self, *args, **named)
        self.set_trace_callback(partial(search.look, "SQLite"))

    connect, printed = dbapi.Connection.__init__, StringIO()
    with ExitStack() as stack:
        for logger in map(logging.getLogger, LOGGERS):
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.DEBUG)
        log = Log(search)
        logging.getLogger().addHandler(log)
        stack.callback(logging.getLogger().removeHandler, log)
        for name in ("before_cursor_execute", "after_cursor_execute"):
            event.listen(Engine, name, executed)
            stack.callback(event.remove, Engine, name, executed)
        event.listen(Engine, "handle_error", failed)
        stack.callback(event.remove, Engine, "handle_error", failed)
        stack.enter_context(patch.object(dbapi.Connection, "__init__", connected))
        stack.enter_context(redirect_stdout(printed))
        stack.enter_context(redirect_stderr(printed))
        stack.callback(stop_echo)
        yield
    search.look("printed", printed.getvalue())


def stop_echo() -> None:
    """Forget the handlers that echo= has made: they print to what is standard output now."""
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("sqlalchemy"):
            logging.getLogger(name).handlers.clear()


# Statements with a key

#: SQL, and parameters of the style "?" or ":", if any.
Given = tuple[str, Any]


def literal(key: str) -> str:
    """A key as a string of MaxCompute's."""
    escaped = key.replace("\\", r"\\").replace("'", r"\'")
    return f"'{escaped}'"


def style(given: Any) -> str:
    return ":" if isinstance(given, dict) else "?" if given else "-"


def making(value: str, **changes: str | None) -> str:
    """CREATE MODEL m with a value behind APIKEY = as it is written here."""
    sql = create(REMOTE, inputs="", **{"APIKEY": None, **changes})
    return sql.replace("OPTIONS (", f"OPTIONS (APIKEY = {value}, ")


def adding(value: str, name: str = "remote", **changes: str | None) -> str:
    sql = add(REMOTE, name=name, inputs="", **{"APIKEY": None, **changes})
    return sql.replace("OPTIONS (", f"OPTIONS (APIKEY = {value}, ")


def right(key: str) -> dict[str, Given]:
    """Each succeeds once."""
    value = literal(key)
    return {
        "a string": (making(value), ()),
        "double quotes": (making('"' + key.replace("\\", r"\\").replace('"', r"\"") + '"'), ()),
        "a raw string": (making(f'R"x({key})x"'), ()),
        "two strings": (making(f"{literal(key[:9])} {literal(key[9:])}"), ()),
        "a comment too": (f"{making(value)} -- {key}", ()),
        "behind SET": (f"SET odps.namespace.schema=true;\n{making(value)}", ()),
        "a warning": (making(value, ENDPOINT="http://1.cn-shanghai-vpc.pai-eas.aliyuncs.com"), ()),
        "added": (adding(value), ()),
        "?": (making("?"), (key,)),
        ":key": (making(":key"), {"key": key}),
        "added by ?": (adding("?"), (key,)),
        "added by :key": (adding(":key"), {"key": key}),
        "a name too many": (making(":key"), {"key": key, "other": key}),
    }


def wrong(key: str) -> dict[str, Given]:
    """None succeeds."""
    value = literal(key)
    elsewhere = (
        "TASKS ENDPOINT LOCATION MODEL_TYPE MODEL_SOURCE_TYPE PAI_EAS_SYNC_MODE PAI_EAS_SYNC_REQUEST_TIMEOUT"
    )
    return {
        "API_KEY": (making(value).replace("APIKEY", "API_KEY"), ()),
        "API_KEY, bound": (making(":key").replace("APIKEY", "API_KEY"), {"key": key}),
        "given twice": (making(f"{value}, apikey = {value}"), ()),
        "a word behind it": (making(f"{value} x"), ()),
        "no comma behind it": (making(value).replace(", MODEL_SOURCE", " MODEL_SOURCE"), ()),
        "no quotes": (making(key), ()),
        "no quote before it": (making(value[1:]), ()),
        "no quote behind it": (making(value[:-1]), ()),
        "a quote too many": (making(f"'{value}"), ()),
        "curly quotes": (making(f"‘{key}’"), ()),
        "a line's end in it": (making(f"{value} '\\n'"), ()),
        **{f"as {other}": (making(value, **{other: value[1:-1]}), ()) for other in elsewhere.split()},
        "OPTIONS of ALTER": (making(value).replace("OPTIONS", "WITH OPTIONS"), ()),
        "SET without a semicolon": (f"SET odps.a=b {making(value)}", ()),
        "SET to it": (f"SET odps.namespace.schema={key.replace(';', '')} {making(value)}", ()),
        "CREAT": (making(value).replace("CREATE", "CREAT"), ()),
        "MODLE": (making(value).replace("MODEL", "MODLE", 1), ()),
        "MODLE, bound": (making(":key").replace("MODEL", "MODLE", 1), {"key": key}),
        "ALTER MODLE": (adding(value).replace("MODEL", "MODLE", 1), ()),
        "the options alone": (f"APIKEY = {value}", ()),
        "the key first": (f"{value} {making(value)}", ()),
        "a quote before MODEL": (making(value).replace("MODEL", '"MODEL', 1), ()),
        "added to no model": (adding(value, name="missing"), ()),
        "added to an IMPORT model": (adding(value, name="imported"), ()),
        "added to a public model": (adding(value, name="bigdata_public_modelset.default.x"), ()),
        "too many parameters": (making("?"), (key, key)),
        "too few": (making("?", TASKS=None).replace("?", "?, TASKS = ?"), (key,)),
        "none that is asked for": (making("'${A}'"), (key,)),
        "another name": (making(":key"), {"kee": key}),
        "a sequence for a name": (making(":key"), (key,)),
        "names for a sequence": (making("?"), {"key": key}),
        "bytes": (making(":key"), {"key": key.encode()}),
        "no Unicode": (making(":key"), {"key": f"{key}\ud800"}),
        "no Unicode before it": (making(value).replace("MODEL", "\ud800 MODEL", 1), ()),
    }


def like_sqlite(key: str) -> dict[str, Given]:
    """None succeeds, and SQLite reads them first; SQLAlchemy's log of them is for the user to see to."""
    value = literal(key)
    return {
        "UPDATE MODEL": (making(value).replace("CREATE", "UPDATE"), ()),
        "UPDATE MODEL, bound": (making(":key").replace("CREATE", "UPDATE"), {"key": key}),
        "CREATE TEMP MODEL": (making(value).replace("CREATE", "CREATE TEMP"), ()),
        "ALTER TABLE": (adding(value).replace("MODEL", "TABLE", 1), ()),
        "UPDATE MODEL, no quotes": (f"UPDATE MODEL SET APIKEY = {key.replace(';', '')}", ()),
        "SELECT": (f"SELECT APIKEY {value} {value}", ()),
    }


# Doors

#: For the styles of parameters that it takes: what to do with SQL and parameters.
Door = tuple[str, Callable[[Any, str, Any], Any]]

DRIVER: dict[str, Door] = {
    "execute": ("-?:", lambda con, sql, given: con.cursor().execute(sql, given)),
    "executemany": ("-?:", lambda con, sql, given: con.cursor().executemany(sql, [given])),
    "executescript": ("-", lambda con, sql, given: con.executescript(f"SHOW MODELS; {sql}")),
    "a statement": ("-?:", lambda con, sql, given: con.execute(con.parse(sql, given))),
}
SQLALCHEMY: dict[str, Door] = {
    "text()": ("-:", lambda c, sql, given: c.execute(text(sql), given or None)),
    "text(), many": (":", lambda c, sql, given: c.execute(text(sql), [given])),
    "text().columns()": (
        "-:",
        lambda c, sql, given: c.execute(text(sql).columns(column("a")), given or None),
    ),
    "exec_driver_sql()": ("-?:", lambda c, sql, given: c.exec_driver_sql(sql, given or None)),
    "exec_driver_sql(), many": ("?:", lambda c, sql, given: c.exec_driver_sql(sql, [given])),
    "no_parameters": (
        "-",
        lambda c, sql, given: c.execution_options(no_parameters=True).exec_driver_sql(sql),
    ),
    "DDL()": ("-", lambda c, sql, given: c.execute(DDL(sql.replace("%", "%%")))),
    "a Session": ("-:", lambda c, sql, given: Session(c).execute(text(sql), given)),
    "op.execute()": ("-:", lambda c, sql, given: operations(c).execute(filled_in(sql, given))),
}
#: Only what fails: with asyncio, what is streamed must have rows.
STREAMED: dict[str, Door] = {
    "stream": (
        "-:",
        lambda c, sql, given: c.execution_options(stream_results=True).execute(text(sql), given or None),
    )
}
#: pandas' errors quote the text of a query, so here the key is a parameter.
PANDAS: dict[str, Door] = {"read_sql()": (":", lambda c, sql, given: read_by_pandas(c, text(sql), given))}
PANDAS_ON_DRIVER: dict[str, Door] = {
    "read_sql() by the driver": ("?:", lambda con, sql, given: read_by_pandas(con, sql, given))
}


def operations(connection: Connection) -> Any:
    return Operations(context_of(connection))


def filled_in(sql: str, given: Any) -> TextClause:
    return text(sql).bindparams(**{name: value for name, value in dict(given).items() if f":{name}" in sql})


def read_by_pandas(connection: Any, sql: Any, given: Any) -> None:
    import pandas

    with suppress(exc.ResourceClosedError, TypeError):  # it wants rows, and there are none
        pandas.read_sql_query(sql, connection, params=given)


def declared(key: str) -> dict[str, Callable[[Connection], Any]]:
    """With a ModelVersion; each succeeds once."""

    def version(name: str = "v1") -> ModelVersion:
        return ModelVersion(name, options=SERVICE | {"APIKEY": key})

    def model(metadata: MetaData) -> Model:
        return Model("m", metadata, version(), **CALLED)

    def translated(c: Connection) -> Any:
        element = CreateModel("m", version(), **CALLED, schema="of_development")
        return c.execution_options(schema_translate_map={"of_development": "default"}).execute(element)

    options = SERVICE | {"APIKEY": key}
    return {
        "CreateModel": lambda c: c.execute(CreateModel("m", version(), **CALLED)),
        "CreateModel of a Model": lambda c: c.execute(CreateModel(model(MetaData()))),
        "CreateModel, translated": translated,
        "AlterModelAddVersion": lambda c: c.execute(AlterModelAddVersion("remote", version("v2"))),
        "Model.create()": lambda c: model(MetaData()).create(c),
        "create_all()": lambda c: model(MetaData()).metadata.create_all(c, checkfirst=False),
        "op.create_model()": lambda c: operations(c).create_model("m", "v1", **CALLED, options=options),
        "op.add_model_version()": lambda c: operations(c).add_model_version("remote", "v2", options=options),
        "op.execute() of an element": lambda c: operations(c).execute(CreateModel("m", version(), **CALLED)),
        "op.invoke()": lambda c: operations(c).invoke(ours.CreateModelOp(created(model(MetaData())))),
    }


def misdeclared(key: str) -> dict[str, Callable[[Connection], Any]]:
    """With a ModelVersion; none succeeds."""

    def element(types: Any = CALLED, **options: Any) -> CreateModel:
        return CreateModel("m", ModelVersion("v1", options=SERVICE | options), **types)

    def missing(c: Connection) -> None:
        operations(c).add_model_version("missing", "v1", options=SERVICE | {"APIKEY": key})

    return {
        "an option API_KEY": lambda c: c.execute(element(API_KEY=key)),
        "an option apikey too": lambda c: c.execute(element(APIKEY=key, apikey=key)),
        "for an IMPORT model": lambda c: c.execute(element(IMPORTED, APIKEY=key)),
        "an option of bytes": lambda c: c.execute(element(APIKEY=key.encode())),
        "an option with a line's end": lambda c: c.execute(element(APIKEY=f"{key}\n")),
        "an EnvSecret of it": lambda c: c.execute(element(APIKEY=EnvSecret(f"{key}-"))),
        "added to no model": missing,
        "compiled for another dialect": lambda c: element(APIKEY=key).compile(dialect=sqlite.dialect()),
    }


# Places, and what is done there


class Site:
    """A database in a folder that is searched, and a script outside of it."""

    def __init__(self, folder: Path, search: Search, journal: str = "wal") -> None:
        self.folder, self.search = folder / "searched", search
        self.folder.mkdir(parents=True)
        self.path, self.script = self.folder / "models.db", folder / "script.sql"
        with closing(sqlite3.connect(self.path)) as con:
            con.execute(f"PRAGMA journal_mode={journal}")
            con.execute("PRAGMA user_version=1")  # else the file would be empty, and made WAL
        self.con = dbapi.connect(self.path, synchronous="OFF")
        self.con.execute(f"PRAGMA journal_mode={journal}")
        self.url = f"odpsmodel:///{self.path}?synchronous=OFF"
        self.engine = create_engine(self.url, echo="debug", echo_pool="debug")

    def close(self) -> None:
        self.engine.dispose()
        self.con.close()
        self.search.files(self.folder)

    def reset(self) -> None:
        """A REMOTE and an IMPORT model, and nothing else."""
        with self.con:
            for name in ("m", "remote", "imported"):
                self.con.execute(f"DROP MODEL IF EXISTS {name}")
            self.con.execute(create(REMOTE, name="remote", inputs="", APIKEY="${OTHER}"))
            self.con.execute(create(name="imported"))
        self.con.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def arrived(self, key: str) -> int:
        """How many versions have the key: its HMAC-SHA-256, or the name of a variable."""
        (salt,) = self.con.execute("SELECT salt FROM _odpsmodel_store").fetchone()
        kept = key if key == NAME else hmac.new(salt, key.encode(), "sha256").hexdigest()
        sql = "SELECT count(*) FROM _odpsmodel_version WHERE instr(options, ?)"
        return int(self.con.execute(sql, (kept,)).fetchone()[0])

    def tried(self, attempt: Callable[[], Any], strict: bool = False) -> Exception | None:
        """What stops an attempt, or None.  A warning of ours does where it is strict."""
        error = None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.simplefilter("error" if strict else "always", dbapi.ModelWarning)
            try:
                made = attempt()
                self.search.look("what is returned", str(made), repr(made))
            except Exception as stopped:
                error = stopped
                self.search.error(error)
        self.search.look("warning", *map(str, caught))
        self.search.files(self.folder)
        return error


Attempt = tuple[str, bool, Callable[[], Any]]
Use = Callable[[Any], Any]


def by_driver(site: Site, use: Use) -> Any:
    with site.con:
        made = use(site.con)
        site.search.files(site.folder)
    return made


def by_engine(site: Site, use: Use) -> Any:
    with site.engine.begin() as connection:
        made = use(connection)
        site.search.files(site.folder)
    return made


def by_command(site: Site, sql: str, *options: str) -> str:
    """odpsmodel run, on a script, or on standard input."""
    site.script.write_text(sql)
    script = "-" if "-" in options else str(site.script)
    given = [option for option in options if option != "-"]
    result = CliRunner().invoke(main, ["run", *given, site.url, script], input=sql)
    if result.exit_code:
        raise click.ClickException(result.output) from result.exception
    return result.output


def through(
    site: Site, doors: dict[str, Door], by: Any, given: dict[str, Given], well: bool
) -> Iterator[Attempt]:
    """Each statement through each door that takes its style of parameters."""
    for door, (takes, use) in doors.items():
        for shape, (sql, parameters) in given.items():
            if style(parameters) in takes:
                bound = partial(_used, use, sql, parameters)
                yield f"{door}: {shape}", well, partial(by, site, bound)


def _used(use: Callable[[Any, str, Any], Any], sql: str, parameters: Any, connection: Any) -> Any:
    return use(connection, sql, parameters)


def at_driver(site: Site, key: str) -> Iterator[Attempt]:
    yield from through(site, DRIVER, by_driver, right(key), True)
    yield from through(site, DRIVER, by_driver, wrong(key) | like_sqlite(key), False)


def at_sqlalchemy(site: Site, key: str, by: Any = by_engine) -> Iterator[Attempt]:
    yield from through(site, SQLALCHEMY, by, right(key), True)
    yield from through(site, SQLALCHEMY | STREAMED, by, wrong(key), False)
    for well, uses in ((True, declared(key)), (False, misdeclared(key))):
        yield from ((name, well, partial(by, site, use)) for name, use in uses.items())


def at_asyncio(site: Site, key: str) -> Iterator[Attempt]:
    from sqlalchemy.ext.asyncio import create_async_engine

    url = site.url.replace("odpsmodel:", "odpsmodel+aiosqlite:")
    engine = create_async_engine(url, echo="debug", echo_pool="debug")

    async def run(use: Use) -> Any:
        async with engine.begin() as connection:
            return await connection.run_sync(use)

    with asyncio.Runner(debug=True) as runner:
        yield from at_sqlalchemy(site, key, lambda site, use: runner.run(run(use)))
        runner.run(engine.dispose())


def at_pandas(site: Site, key: str) -> Iterator[Attempt]:
    for doors, by in ((PANDAS, by_engine), (PANDAS_ON_DRIVER, by_driver)):
        yield from through(site, doors, by, right(key), True)
        yield from through(site, doors, by, wrong(key), False)


def at_command(site: Site, key: str) -> Iterator[Attempt]:
    mistaken = {name: given for name, given in wrong(key).items() if "\ud800" not in given[0]}
    for options in ([], ["--keep-going"], ["-"]):
        door: Door = ("-", lambda site, sql, given, options=options: by_command(site, sql, *options))
        doors = {" ".join(["run", *options]): door}
        yield from through(site, doors, lambda site, use: use(site), right(key), True)
        yield from through(site, doors, lambda site, use: use(site), mistaken | like_sqlite(key), False)


#: Where keys are given, what that needs, and of how many ways the short form takes one.
GROUPS: dict[str, tuple[Callable[[Site, str], Iterator[Attempt]], str, int]] = {
    "driver": (at_driver, "", 3),
    "SQLAlchemy": (at_sqlalchemy, "", 4),
    "asyncio": (at_asyncio, "aiosqlite", 10),
    "pandas": (at_pandas, "pandas", 3),
    "command": (at_command, "", 3),
}


REASONS = {"aiosqlite": "asyncio is not supported before SQLAlchemy 2.0.58"}


def pass_through(site: Site, group: str, key: str, step: int) -> int:
    """A key through the doors of a group, by one of ``step`` ways, twice each: how many that were.

    What is right succeeds the first time, and is there already the second time; one with a warning fails the
    first time, as that is an error then, but by the command, which prints warnings.
    """
    count, chosen = 0, random.Random(key)
    site.reset()
    for name, well, attempt in GROUPS[group][0](site, key):
        if chosen.randrange(step):
            continue
        site.search.now = f"{group}: {name}"
        stopped = [site.tried(attempt, strict) for strict in (True, False)]
        assert (stopped.count(None), site.arrived(key)) == (well, well), (site.search.now, stopped)
        count += 1
        if well:
            site.reset()
    site.close()
    return count


# Tests


@pytest.mark.parametrize("group", GROUPS)
def test_a_key_that_is_given_is_found_nowhere(
    group: str, tmp_path: Path, scale: Scale, figures: Figures
) -> None:
    """In the short form each key goes some of the ways."""
    _, needed, step = GROUPS[group]
    if needed:
        pytest.importorskip(needed, reason=REASONS.get(needed))
    searches, ways = [], 0
    for number in range(scale(1, 5)):
        for kind, journal in zip(KINDS, ("wal", "persist", "wal"), strict=True):
            key = made_up(kind, number)
            searches.append(Search(key))
            with watched(searches[-1]):
                site = Site(tmp_path / f"{kind} {number}", searches[-1], journal)
                ways += pass_through(site, group, key, scale(step, 1))
    figures(f"{len(searches)} keys, {ways} ways, {summed(searches)}")
    assert [hit for search in searches for hit in search.hits] == []


def at_hand(key: str, engine: Engine) -> Iterator[object]:
    """What holds a key in a program."""
    metadata = MetaData()
    model = Model("m", metadata, ModelVersion("v1", options=SERVICE | {"APIKEY": key}), **CALLED)
    element = CreateModel(model)
    statement = element.statement
    operation, added = ours.CreateModelOp(created(model)), AlterModelAddVersion("m", model.versions[0])
    compiled = element.compile(dialect=engine.dialect)
    yield from (PlainSecret(key), model, metadata, *model.versions, dict(model.versions[0].options))
    yield from (statement, asdict(statement), statement.options, element, added, added.statement)
    yield from (compiled, compiled.params, compiled.statement, operation, operation.step, operation.reverse())
    yield from (
        operation.to_diff_tuple(),
        UpgradeOps([operation]),
        render_python_code(UpgradeOps([operation])),
    )
    yield from (model.to_metadata(MetaData()), f"{element}", json.dumps(asdict(statement), default=str))


def test_what_holds_a_key_neither_prints_nor_pickles_it(path: Path, figures: Figures) -> None:
    """Nor do copies, and what refuses to be pickled does not say it."""
    keys = list(map(made_up, KINDS))
    search = Search(*keys)
    with watched(search):
        engine = create_engine(f"odpsmodel:///{path}")
        things = [thing for key in keys for thing in at_hand(key, engine)]
        for thing in things:
            search.thing(thing)
        engine.dispose()
    figures(f"{len(things)} objects, {search}")
    assert search.hits == []


#: The commands that read a database.
COMMANDS = ["generate", "export", "backup", "check"]
QUERIES = [
    "SHOW MODELS",
    "SHOW VERSIONS FOR MODEL m",
    "DESC MODEL m",
    *(f"SELECT * FROM {view}" for view in VIEWS),
]


def read(site: Site) -> None:
    """All that a database with keys is read by."""
    search, path = site.search, str(site.path)
    for sql in QUERIES:
        search.look(sql, repr(site.con.execute(sql).fetchall()), by_command(site, f"{sql};"))
        with site.engine.connect() as connection:
            search.look(sql, repr(connection.execute(text(sql)).mappings().all()))
    inspector: Any = inspect(site.engine)
    models = [*reflect_models(MetaData(), site.engine), Model("m", MetaData(), autoload_with=site.engine)]
    described = site.con.store.described("local", "default", "m")
    for thing in (*inspector.get_models(), *models, created(models[0]), described):
        search.thing(thing)
    search.look("dump", *site.con.iterdump())
    search.look("serialized", site.con.serialize())
    with closing(sqlite3.connect(site.folder / "own_copy.db")) as copied:
        site.con.backup(copied)
    for name in COMMANDS:
        copied_to = [str(site.folder / f"copy {search.places}.db")] if name == "backup" else []
        result = CliRunner().invoke(main, [name, path, *copied_to])
        assert result.exit_code == 0, result.output
        search.look(name, result.output)
    search.files(site.folder)


def test_what_is_read_of_a_database_has_no_key(tmp_path: Path, figures: Figures) -> None:
    """Nor has a page that is free: the key is rotated, versions and models are dropped."""
    key, other = made_up("a token"), made_up("a token", 1)
    search = Search(key, other)
    with watched(search):
        for journal in ("wal", "persist"):
            site = Site(tmp_path / journal, search, journal)
            with site.con:
                for sql in (making("?"), adding("?", "m"), making("?").replace(" m ", " n ")):
                    site.con.execute(sql, (key,))
            read(site)
            for sql in ("ALTER MODEL m DROP VERSION v2", adding(literal(other), "m"), "DROP MODEL n"):
                with site.con:
                    site.con.execute(sql)
                read(site)
            assert (site.arrived(key), site.arrived(other)) == (1, 1)
            site.close()
    figures(f"{len(COMMANDS)} commands and {len(QUERIES)} queries, {search}")
    assert search.hits == []


# Migrations

#: A revision by hand, with options that the tests give to context.configure(), so that no file has them.
BY_HAND = """op.create_model("r", "v1", **op.get_context().opts["given"])
    op.add_model_version("r", "v2", options=op.get_context().opts["given"]["options"])"""


class Migrations(Project):
    """A project whose commands are tried, and what they print, write and raise is searched."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.folder / "project", site.url)
        self.site = site

    def run(self, go: Callable[..., Any], *args: Any, **named: Any) -> str:
        """The name of the error, or nothing."""
        printed = StringIO()
        self.site.search.now = f"alembic {go.__name__}"
        stopped = self.site.tried(
            lambda: go(self.config(stdout=printed, output_buffer=printed), *args, **named)
        )
        self.site.search.look("printed", printed.getvalue())
        return type(stopped).__name__ if stopped else ""

    def declare(self, key: object) -> None:
        self.metadata = MetaData()
        versions = (ModelVersion(name, options=SERVICE | {"APIKEY": key}) for name in ("v1", "v2"))
        Model("r", self.metadata, *versions, **CALLED)
        self.options = {"given": {**CALLED, "options": SERVICE | {"APIKEY": key}}}

    def written(self, body: str = "") -> str:
        """A revision by autogenerate, or with a body: the name of the error, or nothing."""
        self.count += 1
        name = f"{self.count:04}"
        stopped = self.run(command.revision, rev_id=name, autogenerate=not body)
        if body:
            file = self.folder / "versions" / f"{name}_.py"
            file.write_text(file.read_text().replace("pass", body, 1))
        return stopped

    def take_back(self) -> None:
        """Delete the newest revision."""
        (self.folder / "versions" / f"{self.count:04}_.py").unlink()
        self.count -= 1

    def told(self) -> list[str]:
        """The commands that only tell, and then --sql."""
        return [
            self.run(command.history, verbose=True),
            self.run(command.current, verbose=True),
            self.run(command.heads, verbose=True),
            self.run(command.show, "head"),
            self.run(command.check),
            self.run(command.upgrade, "head", sql=True),
        ]


def test_migrations_have_no_key(tmp_path: Path, figures: Figures) -> None:
    """One that was autogenerated fails and says so; --sql refuses one by hand; another key is a difference."""
    search = Search(*map(made_up, KINDS), made_up("another"))
    with watched(search):
        for kind in KINDS:
            migrate(Migrations(Site(tmp_path / kind, search)), made_up(kind), made_up("another"))
    figures(f"{len(KINDS)} projects, {search}")
    assert search.hits == []


def migrate(project: Migrations, key: str, other: str) -> None:
    project.declare(key)
    assert project.written() == ""
    assert project.told() == ["", "", "", "", "CommandError", "OptionError"]
    assert project.run(command.upgrade, "head") == "OptionError"
    project.take_back()
    assert project.written(BY_HAND) == ""
    assert project.run(command.upgrade, "head") == ""
    assert project.told() == ["", "", "", "", "", "CommandError"]
    project.declare(other)
    assert project.run(command.check) == "AutogenerateDiffsDetected"
    assert project.written() == ""
    assert project.run(command.upgrade, "head") == "OptionError"
    project.take_back()
    project.declare(EnvSecret("EAS_TOKEN"))
    assert (project.written(), project.run(command.upgrade, "head")) == ("", "")
    assert project.run(command.downgrade, "-1") == "OptionError"
    assert project.run(command.downgrade, "0002:0001", sql=True) == "OptionError"
    project.site.close()


def test_a_script_of_sql_has_no_key(tmp_path: Path, figures: Figures) -> None:
    """What op.execute() is given is refused, whatever is wrong with it, and nothing is printed."""
    keys = list(map(made_up, KINDS))
    search, count = Search(*keys), 0
    with watched(search):
        site = Site(tmp_path, search)
        for sql, given in (found for key in keys for found in {**right(key), **wrong(key)}.values()):
            if style(given) in "-:":
                printed = StringIO()
                opts = {"as_sql": True, "literal_binds": True, "output_buffer": printed}
                script = Operations(MigrationContext.configure(dialect=site.engine.dialect, opts=opts))
                assert site.tried(partial(script.execute, filled_in(sql, given))), sql
                search.look("printed", printed.getvalue())
                count += 1
        site.close()
    figures(f"{count} statements, {search}")
    assert search.hits == []


# The environment

#: Notes which variables Python code asks for, and whose code that is; before anything else is imported.
SPY = """
import json, os, sys
from pathlib import Path

asked = []

def note(name):
    frame = sys._getframe(2)
    while frame.f_globals["__name__"].partition(".")[0] in sys.stdlib_module_names:
        frame = frame.f_back
    asked.append([os.fsdecode(name), frame.f_globals["__name__"]])

class Spy(type(os.environ)):
    def __getitem__(self, name):
        note(name)
        return super().__getitem__(name)
    def __iter__(self):
        note("all of them")
        return super().__iter__()

os.environ.__class__ = os.environb.__class__ = Spy
os.getenv("BY_TEXT"), os.getenvb(b"BY_BYTES"), "BY_IN" in os.environ, dict(os.environ)
noted = [name for name, _ in asked]
asked.clear()
import test_leaks
print(json.dumps([noted, asked, *test_leaks.by_name(Path(sys.argv[1]), sys.argv[2])]))
"""


def by_name(folder: Path, value: str) -> tuple[list[str], str]:
    """'${EAS_TOKEN}' through all doors that there are: the places of the variable's value, and a figure."""
    search = Search(value)
    with watched(search):
        for group, (_, needed, step) in GROUPS.items():
            if not needed or find_spec(needed):
                pass_through(Site(folder / group, search), group, NAME, step)
        site = Site(folder / "alembic", search)
        site.con.execute(making(f"'{NAME}'"))
        site.con.commit()
        read(site)
        project = Migrations(site)
        project.declare(NAME)
        for stopped in (project.written(), project.run(command.upgrade, "head"), *project.told()):
            assert not stopped, stopped
        site.close()
    return search.hits, str(search)


def test_the_environment_is_never_read(tmp_path: Path, figures: Figures) -> None:
    """The variable is not asked for, this package asks for none, and the value of the variable is nowhere."""
    value = made_up("a token")
    environment = {**os.environ, "EAS_TOKEN": value, "PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [sys.executable, "-c", SPY, str(tmp_path), value]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = Search(value)
    printed.look("printed", done.stdout, done.stderr)
    noted, asked, hits, figure = json.loads(done.stdout)
    assert {"BY_TEXT", "BY_BYTES", "BY_IN", "all of them", "EAS_TOKEN"} <= set(noted)
    assert hits + printed.hits == []
    names = {name for name, _ in asked}
    assert "EAS_TOKEN" not in names
    readers = {reader.partition(".")[0] for _, reader in asked}
    assert "sqlalchemy_odpsmodel" not in readers
    figures(f"{figure}; {len(names)} variables were asked for, by {', '.join(sorted(readers))}")


# The search itself

SPELLINGS: dict[str, Callable[[str], str | bytes]] = {
    "plain": str,
    "repr": repr,
    "JSON": json.dumps,
    "JSON in JSON": lambda given: json.dumps(json.dumps(given)),
    "a string of MaxCompute": literal,
    "a string of SQLite": lambda given: given.replace("'", "''"),
    "URL": quote,
    "a form's URL": quote_plus,
    "HTML": html.escape,
    "upper case": str.upper,
    "lower case": str.lower,
    "backwards": lambda given: given[::-1],
    "UTF-16": lambda given: given.encode("utf-16"),
    "hex": lambda given: given.encode().hex(),
    "Base64": lambda given: b64encode(given.encode()),
    "Base64, one on": lambda given: b64encode(f"1{given}".encode()),
    "Base64, two on": lambda given: b64encode(f"12{given}".encode()),
    "Base64 of a URL": lambda given: urlsafe_b64encode(given.encode()),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_key_is_found_however_it_is_spelled(kind: str, spelling: str) -> None:
    """And where it is cut: any 15 characters have a third of it."""
    spell, key = SPELLINGS[spelling], made_up(kind)
    for shown in (key, f"APIKEY={key};", *([] if "Base64" in spelling else [key[:8], key[5:20]])):
        search = Search(key)
        search.look("here", spell(shown))
        assert search.hits
        search = Search(made_up(kind, 1))
        search.look("here", spell(shown))
        assert not search.hits


def fails(key: str) -> None:
    try:
        raise KeyError(key)
    except KeyError:
        raise ValueError("this one says nothing") from None


@pytest.mark.parametrize(("journal", "kept"), [("wal", "models.db-wal"), ("persist", "models.db-journal")])
def test_a_key_that_is_there_is_found(journal: str, kept: str, tmp_path: Path) -> None:
    """A row that was changed, a log, a warning, an error behind an error, and so on: each place that is searched."""
    key = made_up("a token")
    quoted = f"'{key}'"
    search = Search(key)
    with watched(search):
        site = Site(tmp_path, search, journal)
        for sql in ("CREATE TABLE t (a)", f"INSERT INTO t VALUES ({quoted})", "UPDATE t SET a = 1"):
            with site.con:
                site.con.execute(sql)
            search.files(site.folder)
        site.tried(lambda: by_engine(site, lambda c: c.execute(text("SELECT :key"), {"key": key})))
        site.tried(lambda: by_engine(site, lambda c: c.execute(text("SELEC :key"), {"key": key})))
        site.tried(lambda: by_command(site, f"SELECT {quoted} AS a;"))
        site.tried(lambda: fails(key))
        site.tried(lambda: warnings.warn(key, stacklevel=1))
        search.thing([key])
        site.close()
    found = {hit.split(": ")[1] for hit in search.hits}
    lists = {"list", "copy of list", "deepcopy of list", "pickle of list"}
    logs = {"log of sqlalchemy.engine.Engine", "printed", "event", "SQLite", "what is returned", "warning"}
    assert {*lists, *logs, "KeyError", "pickle of KeyError", f"file {kept}"} <= found


def summed(searches: list[Search]) -> str:
    places, size = sum(s.places for s in searches), sum(s.size for s in searches) / 1e6
    return f"{places:,} places, {size:,.0f} MB searched, {sum(len(s.hits) for s in searches)} hits"
