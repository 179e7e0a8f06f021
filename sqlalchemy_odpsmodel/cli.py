"""The command ``odpsmodel``."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from . import dbapi, layout
from .errors import Error, ModelError, ModelWarning, ParseError, SemanticError
from .model import model_name
from .sql import DescModel
from .sql.lexer import Tokens
from .sql.place import place_of
from .sql.script import Piece, match_opening, split

try:
    import click
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
        _say(f"{db}: {error}")
        sys.exit(1)
    failed = False
    try:
        for name, text in texts:
            failed |= not _run_script(connection, name, text, keep_going)
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
    database = arguments["database"]
    path = unquote(urlsplit(database).path) if arguments.get("uri") else database
    if not (":memory:" in database or "mode=memory" in database or Path(path).exists()):
        raise click.BadParameter(f"{path}: no such file", param_hint="URL")
    engine = create_engine(url)
    try:
        models = _reflected(engine, schemas)
    except (DBAPIError, Error) as error:
        _say(f"{db}: {getattr(error, 'orig', error)}")
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


def _run_script(connection: dbapi.Connection, name: str, text: str, keep_going: bool) -> bool:
    """Run one script as one transaction; whether all of it succeeded."""
    in_hand = any(_is_begin(piece) for piece in split(text, hash_lines=True))
    connection.isolation_level = None if in_hand else "IMMEDIATE"
    succeeded = _run_pieces(connection, name, text, keep_going)
    if not (succeeded or keep_going):
        connection.rollback()
        return False
    if in_hand and connection.in_transaction:
        connection.rollback()
        _say(f"{name}: the script ends inside a transaction, which was rolled back: COMMIT is missing")
        return False
    try:
        connection.commit()
    except Error as error:
        connection.rollback()
        _say(f"{name}: {error}")
        return False
    return succeeded


def _run_pieces(connection: dbapi.Connection, name: str, text: str, keep_going: bool) -> bool:
    """Run the statements of a script; whether all succeeded.  Like odpscmd, it drops lines with #."""
    succeeded = True
    pieces = split(text, hash_lines=True)
    while (piece := next(pieces, None)) is not None:
        error = _run_piece(connection, name, piece)
        if error is None:
            continue
        succeeded = False
        if not keep_going:
            break
        if isinstance(error, ParseError):
            # Where its strings end is not known, and so what follows may be a secret: go on with a new line.
            start = text.find("\n", piece.end) + 1 or len(text)
            line = piece.line + text.count("\n", piece.start, start)
            _say(f"{name}: going on with line {line}")
            pieces = split(text, hash_lines=True, start=start, line=line)
    return succeeded


def _is_begin(piece: Piece) -> bool:
    opening = match_opening(piece.text)
    return opening is not None and opening.lastgroup == "begin"


def _run_piece(connection: dbapi.Connection, name: str, piece: Piece) -> Exception | None:
    """Run one statement and print its result, or the error that is returned."""
    cursor = connection.cursor()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ModelWarning)
        try:
            cursor.execute(piece.text)
            _print(cursor)
        except (Error, dbapi.Warning) as error:
            for line in _explain(name, piece, error):
                _say(line)
            return error
        finally:
            for warning in caught:
                _say(f"{name}:{piece.line}:{piece.column}: warning: {warning.message}")
    _say("OK")
    return None


def _print(cursor: dbapi.Cursor) -> None:
    if cursor.description is None:
        return
    if isinstance(cursor.statement, DescModel):
        click.echo(layout.describe(cursor))
    else:
        click.echo(layout.grid([column[0] for column in cursor.description], cursor))


def _explain(name: str, piece: Piece, error: Exception) -> Iterator[str]:
    """file:line:column: error, and the place, without a value of any string literal."""
    if isinstance(error, ModelError) and error.place:
        piece.relocate(error)
        yield f"{name}:{error.place.line}:{error.place.column}: {error}"
    else:
        yield f"{name}:{piece.line}:{piece.column}: {error}"
        tokens = Tokens(piece.text)
        # Of what was not understood, or is not ours, only the opening is safe to show.
        understood = isinstance(error, ModelError) and not isinstance(error, (ParseError, SemanticError))
        names = range(len(tokens) if understood else 3)
        yield place_of(tokens, 0, names).excerpt


def _say(message: str) -> None:
    click.echo(message, err=True)
