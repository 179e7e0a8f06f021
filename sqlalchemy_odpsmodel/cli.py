"""The command ``odpsmodel``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from . import dbapi, file
from .errors import Error
from .model import model_name

try:
    import click

    from .run import run_script, say
except ModuleNotFoundError:
    sys.exit("The command odpsmodel needs click: pip install 'sqlalchemy_odpsmodel[cli]'")


@click.group()
@click.version_option(package_name="sqlalchemy_odpsmodel")
def main() -> None:
    """Models of MaxCompute: in a local SQLite file, or of a project of the service."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a comment in Chinese on a terminal that has none
            stream.reconfigure(errors="backslashreplace")


@main.command()
@click.argument("db")
@click.argument("scripts", metavar="SCRIPT...", nargs=-1, required=True)
@click.option("--project", help="The current project of the statements.")
@click.option("--schema", help="The current schema of the statements.")
@click.option("--keep-going", is_flag=True, help="Go on after a statement that fails.")
def run(db: str, scripts: tuple[str, ...], project: str | None, schema: str | None, keep_going: bool) -> None:
    """Run SQL scripts on DB, a file's path or a URL odpsmodel:///path or odpsmodel+pyodps://…; - is standard
    input.

    Results go to standard output, an OK for each statement and errors to standard error.  Each script
    is one transaction, unless it has BEGIN itself; a statement that fails rolls its script
    back and ends the run with exit code 1.  MaxCompute itself has no transactions: there what was done is
    done, and '${NAME}' as an APIKEY is read from the environment.
    """
    found = _database(db)
    found.arguments.update((k, v) for k, v in (("project", project), ("schema", schema)) if v is not None)
    if not found.is_file:
        found.arguments.setdefault("expand_env", True)
    texts = [(name, _read(name)) for name in scripts]
    try:
        connection = found.connect()
    except Error as error:
        say(f"{shown(db)}: {error}")
        sys.exit(1)
    failed = False
    try:
        for name, text in texts:
            failed |= not run_script(connection, name, text, keep_going)
            if failed and not keep_going:
                break
    finally:
        connection.close()
    sys.exit(failed)


@main.command()
@click.argument("db", metavar="URL")
@click.option(
    "--schema", "schemas", multiple=True, help="A schema to declare, may be repeated; all by default."
)
def generate(db: str, schemas: tuple[str, ...]) -> None:
    """Print a Python module that declares the models of a database, a URL odpsmodel:///path or
    odpsmodel+pyodps://…, or a file's path.

    Schemas are those of the URL's project.  A plain APIKEY becomes an EnvSecret to be filled in.
    """
    from .generate import module

    found = _database(db, "URL")
    found.require_file("URL")
    with found.inspected() as inspector:
        models = _reflected(inspector, schemas)
    click.echo(module(models), nl=False)


def _reflected(inspector: Any, schemas: tuple[str, ...]) -> list[Any]:
    """The models of some schemas, or all.  Those of the URL's own are declared without a schema."""
    from sqlalchemy import MetaData

    from .schema import reflect_models

    own = inspector.get_default_model_schema_name()
    models = []
    asked = dict.fromkeys(model_name(name, "schema name") for name in schemas)
    for schema in asked or inspector.get_model_schema_names():
        found = reflect_models(MetaData(), inspector, None if schema == own else schema)
        if not found:
            raise click.ClickException(f"there are no models in schema {schema} of the URL's project")
        models += found
    if not models:
        raise click.ClickException("there are no models in the URL's project: name another in the URL")
    return models


@main.command()
@click.argument("db")
def export(db: str) -> None:
    """Print an SQL script that makes all models of DB again, in all its projects and schemas.

    A plain APIKEY becomes a mask, with which the script does not run: it is to be filled in.
    """
    from .export import script, script_of

    found = _database(db)
    if found.is_file:
        with _opened(found) as connection:
            statements = list(script(connection))
    else:
        with found.inspected() as inspector:
            statements = list(script_of(inspector.get_all_models()))
    click.echo("\n".join(statements))


@main.command()
@click.argument("db")
@click.argument("path", metavar="FILE")
def backup(db: str, path: str) -> None:
    """Copy DB to FILE, which must not be there yet, while others may use and write it.

    FILE comes into being whole, and on disk, or not at all.
    """
    found = _database(db)
    if not found.is_file:
        raise click.BadParameter("a backup is of a file: use `odpsmodel export`", param_hint="DB")
    with _opened(found) as connection:
        try:
            file.backup(connection, path)
        except FileExistsError as error:
            raise click.BadParameter(f"{error.filename} is there already", param_hint="FILE") from None


@main.command()
@click.argument("db")
def check(db: str) -> None:
    """Check DB, and say how to mend what is wrong.  It changes no data.

    Of a file everything is checked, of MaxCompute that it can be reached, and its models against the rules.
    The exit code is 1 where something is wrong.
    """
    from .check import check, check_models

    database, found = _database(db), []
    if database.is_file:
        with _opened(database) as connection:
            for finding in check(connection):
                found.append(finding)
                _report(db, *finding)
    else:
        with database.inspected() as inspector:
            found = list(check_models(inspector.get_all_models()))
        for finding in found:
            _report(db, *finding)
    if found:
        sys.exit(1)
    click.echo(f"{shown(db)}: nothing is wrong")


def _report(db: str, fault: str, mend: str) -> None:
    say(f"{shown(db)}: {fault}\n  to mend it: {mend}")


@main.command()
@click.argument("db")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes any that is free."
)
@click.option("--credentials", metavar="FILE", help="TOML: who may connect, and do what.")
@click.option(
    "--asynchronous", is_flag=True, help="Answer before a statement has run, for clients that poll."
)
def serve(db: str, host: str, port: int, credentials: str | None, asynchronous: bool) -> None:
    """Serve DB, a file's path or a URL odpsmodel:///path, by MaxCompute's protocol, until SIGTERM or SIGINT.

    Without credentials it serves this machine only, and every access id owns all projects.  The log is JSON,
    a line a request, on standard error.
    """
    try:
        from .server.app import Settings
        from .server.credentials import CredentialsError, read
        from .server.serve import Server, log_to
    except ModuleNotFoundError as error:
        needed = "pip install 'sqlalchemy_odpsmodel[cli,server]'"
        raise click.ClickException(f"odpsmodel serve needs {error.name}: {needed}") from None
    try:
        accounts = read(credentials) if credentials else None
    except (CredentialsError, OSError) as error:
        raise click.BadParameter(str(error), param_hint="--credentials") from None
    try:
        server = Server(_served(db), host, port, Settings(accounts, asynchronous))
    except Error as error:
        say(f"{db}: {error}")
        sys.exit(1)
    log_to(sys.stderr)
    everyone = "this machine only: every access id owns all projects"
    who = f"the access ids of {credentials}" if credentials else everyone
    say(f"{db}: serving at {server.url}, for {who}")
    server.run()


def _served(db: str) -> dict[str, Any]:
    """The arguments of dbapi.connect for a file that is to be served."""
    found = _database(db)
    if not found.is_file:
        raise click.BadParameter("the endpoint serves a file, and this is MaxCompute itself", param_hint="DB")
    return found.arguments


class Database(NamedTuple):
    """What a command is given: a file, or a project of the service."""

    db: str
    url: Any
    dialect: Any
    arguments: dict[str, Any]

    @property
    def is_file(self) -> bool:
        return "database" in self.arguments

    def connect(self) -> Any:
        """A connection of its driver."""
        module = dbapi if self.is_file else self.dialect.import_dbapi()
        return module.connect(**self.arguments)

    def require_file(self, argument: str) -> None:
        """Refuse a path where there is no file, or an empty one: to connect would make a database."""
        if not self.is_file:
            return
        path = self.arguments["database"]
        if self.arguments.get("uri"):
            parts = urlsplit(path)
            path = ":memory:" if "mode=memory" in parts.query else unquote(parts.path)
        if path != ":memory:" and not (os.path.exists(path) and os.stat(path).st_size):
            raise click.BadParameter(f"{path}: no such file, or an empty one", param_hint=argument)

    @contextmanager
    def inspected(self) -> Iterator[Any]:
        """SQLAlchemy's inspector; an error ends the command with exit code 1."""
        from sqlalchemy import create_engine, inspect
        from sqlalchemy.exc import DBAPIError

        engine = create_engine(self.url)
        try:
            yield inspect(engine)
        except (DBAPIError, Error) as error:
            say(f"{shown(self.db)}: {getattr(error, 'orig', error)}")
            sys.exit(1)
        finally:
            engine.dispose()


@contextmanager
def _opened(found: Database) -> Iterator[dbapi.Connection]:
    """A connection to a file that is there; an error ends the command with exit code 1."""
    found.require_file("DB")
    try:
        with closing(dbapi.connect(**found.arguments)) as connection:
            yield connection
    except (Error, OSError) as error:
        say(f"{found.db}: {error}")
        sys.exit(1)


def _database(db: str, argument: str = "DB") -> Database:
    """A file's path, or a URL of ours."""
    if db.startswith("odpsmodel+") and "://" not in db:  # which may hold a key
        raise click.BadParameter("a URL has :// after its beginning", param_hint=argument)
    if "://" not in db and argument == "DB":
        return Database(db, None, None, {"database": db})
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(db) if "://" in db else URL.create("odpsmodel", database=db)
        dialect: Any = url.get_dialect()
        if not getattr(dialect, "supports_models", False):
            raise ArgumentError(
                "a URL is odpsmodel:///path, odpsmodel:////absolute/path or odpsmodel+pyodps://…@project/?…"
            )
        if not dialect.transactional_models:
            dialect.import_dbapi()
        places, arguments = dialect().create_connect_args(url)
        if dialect.is_async:
            url = url.set(drivername="odpsmodel")
    except ArgumentError as error:
        raise click.BadParameter(str(error), param_hint=argument) from None
    except ModuleNotFoundError as error:
        raise click.ClickException(str(error)) from None
    name = "database" if dialect.transactional_models else "project"
    return Database(db, url, dialect, {**dict(zip((name,), places, strict=False)), **arguments})


def shown(db: str) -> str:
    """A path, or a URL without its key."""
    if "://" not in db:
        return db
    from sqlalchemy.engine import make_url

    return make_url(db).render_as_string(hide_password=True)


def _read(name: str) -> str:
    """A script's text."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{name}: {error}", param_hint="SCRIPT") from None
