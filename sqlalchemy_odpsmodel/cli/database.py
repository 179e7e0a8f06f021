"""What a command is given: a file, or a project of the service."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple, NoReturn
from urllib.parse import unquote, urlsplit

import click

from .. import dbapi
from ..errors import Error
from .output import say

#: The arguments of a URL that say where models without a project or schema are.
_NAMES = ("project", "schema")


class Database(NamedTuple):
    """A database by its path or URL ``given``, and the driver's arguments for it."""

    given: str
    arguments: dict[str, Any]
    dialect: Any = None
    url: Any = None

    @property
    def is_file(self) -> bool:
        return "database" in self.arguments

    def __str__(self) -> str:
        """The path, or a file's URL; of the service the project alone, as all else may hold a key."""
        if self.is_file:
            return self.given
        return f"{self.url.drivername}://…@{self.arguments['project']}/"

    @property
    def path(self) -> str:
        """Of the file; :memory: where there is none to be."""
        path = str(self.arguments.get("database", ":memory:"))
        if self.arguments.get("uri"):
            parts = urlsplit(path)
            path = ":memory:" if "mode=memory" in parts.query else unquote(parts.path)
        return path

    @property
    def in_memory(self) -> bool:
        return self.is_file and self.path == ":memory:"

    @property
    def is_there(self) -> bool:
        """Whether to connect makes no database: there is a file, and not an empty one, or none is to be."""
        return self.path == ":memory:" or (os.path.exists(self.path) and os.stat(self.path).st_size > 0)

    def require_file(self, argument: str = "DB", hint: str = "") -> None:
        """Refuse a path where there is no file, or an empty one."""
        if not self.is_there:
            raise click.BadParameter(f"{self.path}: no such file, or an empty one{hint}", param_hint=argument)

    def expanding(self) -> Database:
        """On the service '${NAME}' in text is read from the environment, unless the URL says otherwise."""
        if self.is_file or "expand_env" in self.arguments:
            return self
        url = self.url.update_query_dict({"expand_env": "true"})
        return self._replace(arguments={**self.arguments, "expand_env": True}, url=url)

    def empty(self) -> Database:
        """What the database would be before anything is made in it."""
        url = self.url and self.url._replace(
            database=None, query={name: value for name, value in self.url.query.items() if name in _NAMES}
        )
        return self._replace(given=":memory:", url=url)

    @contextmanager
    def connected(self, **arguments: str | None) -> Iterator[Any]:
        """The driver's connection, with further arguments as far as they are given; an error ends the
        command with exit code 1."""
        module = dbapi if self.is_file else self.dialect.import_dbapi()
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            with closing(module.connect(**self.arguments | given)) as connection:
                yield connection
        except Error as error:
            self.fail(error)

    @contextmanager
    def engine(self) -> Iterator[Any]:
        """SQLAlchemy's engine; an error ends the command with exit code 1."""
        from sqlalchemy import create_engine
        from sqlalchemy.engine import URL
        from sqlalchemy.exc import DBAPIError

        engine = create_engine(self.url or URL.create("odpsmodel", database=self.given))
        try:
            yield engine
        except (DBAPIError, Error) as error:
            self.fail(getattr(error, "orig", error))
        finally:
            engine.dispose()

    @contextmanager
    def inspected(self) -> Iterator[Any]:
        """SQLAlchemy's inspector; an error ends the command with exit code 1."""
        from sqlalchemy import inspect

        with self.engine() as engine:
            yield inspect(engine)

    def fail(self, error: object) -> NoReturn:
        """Tell an error of this database, and end the command with exit code 1."""
        say(f"{self}: {error}")
        sys.exit(1)


def database(given: str, argument: str = "DB") -> Database:
    """The database of a path or a URL of ours.  A path and the driver alone need no SQLAlchemy."""
    if not given:
        raise click.BadParameter("the path is empty", param_hint=argument)
    if "://" not in given:
        if re.match(r"(?i)odpsmodel\+|[\w+.-]{2,}:/", given):  # a URL by intention, which may hold a key
            raise click.BadParameter("a URL has :// after its beginning", param_hint=argument)
        return Database(given, {"database": given})
    from sqlalchemy.exc import ArgumentError

    try:
        url = _url(given, argument)
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
    return Database(given, {**dict(zip((name,), places, strict=False)), **arguments}, dialect, url)


def places(connection: dbapi.Connection) -> list[tuple[str, str]]:
    """The projects and schemas in which a file has models."""
    if not connection.store.format():
        return []
    return list(connection.store.rows("SELECT DISTINCT project, schema FROM _odpsmodel_model ORDER BY 1, 2"))


def _url(given: str, argument: str) -> Any:
    """A URL's parts; what is wrong with it is told without it."""
    from sqlalchemy.engine import make_url

    try:
        url = make_url(given)
    except ValueError:
        hint = "the port of a URL is a number, and a key stands before an @"
        raise click.BadParameter(hint, param_hint=argument) from None
    if any("@" in str(part) for part in (url.host, url.query.get("endpoint"))):
        hint = "an @ in a key is written %40, and an endpoint has none"
        raise click.BadParameter(hint, param_hint=argument)
    return url
