"""The command ``odpsmodel``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any
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
    """Models of MaxCompute in a local SQLite file."""
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
    """Run SQL scripts on DB, a file's path or a URL odpsmodel:///path; - is standard input.

    Results go to standard output, an OK for each statement and errors to standard error.  Each script
    is one transaction, unless it has BEGIN itself; a statement that fails rolls its script
    back and ends the run with exit code 1.
    """
    arguments = connect_arguments(db)
    arguments |= {k: v for k, v in (("project", project), ("schema", schema)) if v is not None}
    texts = [(name, _read(name)) for name in scripts]
    try:
        connection = dbapi.connect(**arguments)
    except Error as error:
        say(f"{db}: {error}")
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
    """Print a Python module that declares the models of a database, a URL odpsmodel:///path or a file's path.

    Schemas are those of the URL's project.  A plain APIKEY becomes an EnvSecret to be filled in.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError

    from .generate import module

    url, arguments = _url(db, "URL")
    _require_file(arguments, "URL")
    engine = create_engine(url)
    try:
        models = _reflected(engine, schemas)
    except (DBAPIError, Error) as error:
        say(f"{db}: {getattr(error, 'orig', error)}")
        sys.exit(1)
    finally:
        engine.dispose()
    click.echo(module(models), nl=False)


def _reflected(engine: Any, schemas: tuple[str, ...]) -> list[Any]:
    """The models of some schemas, or all.  Those of the URL's own are declared without a schema."""
    from sqlalchemy import MetaData, inspect

    from .schema import reflect_models

    inspector: Any = inspect(engine)
    own = inspector.get_default_model_schema_name()
    models = []
    asked = dict.fromkeys(model_name(name, "schema name") for name in schemas)
    for schema in asked or inspector.get_model_schema_names():
        found = reflect_models(MetaData(), inspector, None if schema == own else schema)
        if not found:
            raise click.ClickException(f"there are no models in schema {schema} of the URL's project")
        models += found
    if not models:
        raise click.ClickException("there are no models in the URL's project: ?project=… names another")
    return models


@main.command()
@click.argument("db")
def export(db: str) -> None:
    """Print an SQL script that makes all models of DB again, in all its projects and schemas.

    A plain APIKEY becomes a mask, with which the script does not run: it is to be filled in.
    """
    from .export import script

    with _opened(db) as connection:
        statements = list(script(connection))
    click.echo("\n".join(statements))


@main.command()
@click.argument("db")
@click.argument("path", metavar="FILE")
def backup(db: str, path: str) -> None:
    """Copy DB to FILE, which must not be there yet, while others may use and write it.

    FILE comes into being whole, and on disk, or not at all.
    """
    with _opened(db) as connection:
        try:
            file.backup(connection, path)
        except FileExistsError as error:
            raise click.BadParameter(f"{error.filename} is there already", param_hint="FILE") from None


@main.command()
@click.argument("db")
def check(db: str) -> None:
    """Check DB, and say how to mend what is wrong.  It changes no data.

    The exit code is 1 where something is.
    """
    from .check import check

    found = False
    with _opened(db) as connection:
        for fault, mend in check(connection):
            found = True
            say(f"{db}: {fault}\n  to mend it: {mend}")
    if found:
        sys.exit(1)
    click.echo(f"{db}: nothing is wrong")


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
        server = Server(connect_arguments(db), host, port, Settings(accounts, asynchronous))
    except Error as error:
        say(f"{db}: {error}")
        sys.exit(1)
    log_to(sys.stderr)
    everyone = "this machine only: every access id owns all projects"
    who = f"the access ids of {credentials}" if credentials else everyone
    say(f"{db}: serving at {server.url}, for {who}")
    server.run()


@contextmanager
def _opened(db: str) -> Iterator[dbapi.Connection]:
    """A connection to a database that is there; an error ends the command with exit code 1."""
    arguments = connect_arguments(db)
    _require_file(arguments, "DB")
    try:
        with closing(dbapi.connect(**arguments)) as connection:
            yield connection
    except (Error, OSError) as error:
        say(f"{db}: {error}")
        sys.exit(1)


def _require_file(arguments: dict[str, Any], argument: str) -> None:
    """Refuse a path where there is no file, or an empty one: to connect would make a database."""
    path = arguments["database"]
    if arguments.get("uri"):
        parts = urlsplit(path)
        path = ":memory:" if "mode=memory" in parts.query else unquote(parts.path)
    if path != ":memory:" and not (os.path.exists(path) and os.stat(path).st_size):
        raise click.BadParameter(f"{path}: no such file, or an empty one", param_hint=argument)


def connect_arguments(db: str) -> dict[str, Any]:
    """The arguments of dbapi.connect for a path or a URL of ours."""
    return _url(db)[1] if "://" in db else {"database": db}


def _url(db: str, argument: str = "DB") -> tuple[Any, dict[str, Any]]:
    """A path or a URL of ours as a URL, and the arguments of dbapi.connect that it gives."""
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import ArgumentError

    from .dialect import ModelDialect

    try:
        url = make_url(db) if "://" in db else URL.create("odpsmodel", database=db)
        dialect = url.get_dialect()
        if not issubclass(dialect, ModelDialect):
            raise ArgumentError("a URL is odpsmodel:///path or odpsmodel:////absolute/path")
        (database,), arguments = dialect().create_connect_args(url)
        if dialect.is_async:
            url = url.set(drivername="odpsmodel")
    except ArgumentError as error:
        raise click.BadParameter(str(error), param_hint=argument) from None
    return url, {"database": database, **arguments}


def _read(name: str) -> str:
    """A script's text."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{name}: {error}", param_hint="SCRIPT") from None
