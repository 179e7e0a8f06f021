"""The commands: their arguments, and what they end with."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem, get_completion_class

from .. import dbapi, file
from ..errors import Error, ModelWarning, SemanticError
from ..model import REPLACEABLE, ModelName, Replaceable, model_name
from ..sql import DescModel, ShowModels, ShowVersions, Statement
from .database import Database, database, places
from .output import FORMATS, emit, print_result, print_sql, progress, say
from .script import Settings, run_script

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _complete_path(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The shell's own names of files, though a URL may stand there."""
    return [CompletionItem(begun, type="file")]


_DB = click.argument("db", shell_complete=_complete_path)


class _Group(click.Group):
    def main(self, *args: Any, **kw: Any) -> Any:
        """As click's, but that a standard output that cannot be written is an error of one line, and a closed
        one takes nothing."""
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:
                setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  until the end
        try:
            try:
                return super().main(*args, **kw)
            finally:
                sys.stdout.flush()
        except OSError as error:
            if not isinstance(error, BrokenPipeError):  # whoever read it has enough
                say(f"standard output: {error.strerror}")
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)


@contextmanager
def _remarks() -> Iterator[None]:
    """What is accepted with a warning, as a line on standard error."""
    others = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **named: Any) -> None:
        if issubclass(category, ModelWarning):
            say(f"warning: {message}")
        else:
            others(message, category, *place, **named)

    with warnings.catch_warnings():
        warnings.simplefilter("always", ModelWarning)
        warnings.showwarning = show
        yield


@click.group(cls=_Group)
@click.version_option(package_name="sqlalchemy_odpsmodel")
@click.pass_context
def main(context: click.Context) -> None:
    """Models of MaxCompute: in a local SQLite file, or of a project of the service.

    A database, DB, is a file's path or a URL, odpsmodel:///path?project=… or odpsmodel+pyodps://….
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a comment in Chinese on a terminal that has none
            stream.reconfigure(errors="backslashreplace")
    context.with_resource(_remarks())


def _place(command: _Command) -> _Command:
    """--project and --schema, which win over the URL's."""
    schema = click.option("--schema", callback=_checked, help="The schema of names without one.")
    return click.option("--project", callback=_checked, help="The project of names without one.")(
        schema(command)
    )


def _checked(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    try:
        return value if value is None else model_name(value, f"{parameter.name} name")
    except SemanticError as error:
        raise click.BadParameter(error.reason) from None


def _form(default: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        default=default,
        show_default=True,
        help="How rows are printed; vendor is the layout of the vendor's pages.",
    )


def _complete_model(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The names of a file's models; a shell that completes asks no service."""
    try:
        found = database(context.params["db"])
        found.require_file()
        if not found.is_file:
            return []
        place = {name: context.params.get(name) for name in ("project", "schema")}
        given = {name: value for name, value in place.items() if value}
        with closing(dbapi.connect(**found.arguments | given)) as connection:
            names = [row[0] for row in connection.execute(ShowModels())]
    except (Error, click.ClickException):
        return []  # a shell shows no errors
    return [CompletionItem(name) for name in names if name.startswith(begun.lower())]


_MODEL = click.argument("model", shell_complete=_complete_model)


def _count_of(connection: dbapi.Connection) -> int:
    """How many models a file has."""
    if not connection.store.format():
        return 0
    ((number,),) = connection.store.rows("SELECT count(*) FROM _odpsmodel_model")
    return int(number)


# Statements


@main.command()
@_DB
@click.argument("scripts", metavar="SCRIPT...", nargs=-1, required=True, shell_complete=_complete_path)
@_place
@_form("vendor")
@click.option("--echo", is_flag=True, help="Show each statement on standard error before it runs.")
@click.option("--keep-going", is_flag=True, help="Go on after a statement that fails.")
def run(
    db: str,
    scripts: tuple[str, ...],
    project: str | None,
    schema: str | None,
    form: str,
    echo: bool,
    keep_going: bool,
) -> None:
    """Run SQL scripts on DB; - is standard input.

    Results go to standard output, an OK for each statement and errors to standard error.  Each script
    is one transaction, unless it has BEGIN itself; a statement that fails rolls its script
    back and ends the run with exit code 1.  MaxCompute itself has no transactions: there what was done is
    done, and '${NAME}' as an APIKEY is read from the environment.
    """
    found = database(db).expanding()
    texts = [(name, _read(name)) for name in scripts]
    failed = False
    with found.connected(project=project, schema=schema) as connection:
        for name, text in texts:
            failed |= not run_script(connection, name, text, Settings(form, echo, keep_going))
            if failed and not keep_going:
                break
    sys.exit(failed)


def _read(name: str) -> str:
    """A script's text."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise click.BadParameter(f"{name}: {reason}", param_hint="SCRIPT") from None


@main.command()
@_DB
@_place
@_form("table")
def shell(db: str, project: str | None, schema: str | None, form: str) -> None:
    """Run statements that are typed.

    A statement ends with ; and may have several lines.  Tab completes keywords, names of models and versions,
    and keys of options.  Ctrl-C clears what is typed, or stops a statement; Ctrl-D leaves.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"a shell is for a terminal: `odpsmodel run {db} -` reads standard input")
    from .shell import Shell

    found = database(db).expanding()
    with found.connected(project=project, schema=schema) as connection:
        Shell(connection, form).run()


@main.command()
@_DB
@_place
@_form("table")
def models(db: str, form: str, **place: str | None) -> None:
    """List models, as SHOW MODELS does: of DB's project and schema."""
    _show(db, form, place, lambda connection: ShowModels())


@main.command()
@_DB
@_MODEL
@_place
@_form("table")
def versions(db: str, model: str, form: str, **place: str | None) -> None:
    """List versions, as SHOW VERSIONS does.

    MODEL is [[project.]schema.]model.
    """
    _show(db, form, place, lambda connection: ShowVersions(_model_of(connection, model)))


@main.command()
@_DB
@_MODEL
@_place
@_form("table")
def desc(db: str, model: str, form: str, **place: str | None) -> None:
    """Describe a model, as DESC MODEL does.

    MODEL is [[project.]schema.]model.  Its default version is described too.
    """
    _show(db, form, place, lambda connection: DescModel(_model_of(connection, model)))


def _show(db: str, form: str, place: dict[str, str | None], statement_of: Callable[[Any], Statement]) -> None:
    found = database(db)
    found.require_file()
    with found.connected(**place) as connection:
        try:
            print_result(connection.execute(statement_of(connection)), form)
        finally:
            if found.is_file:
                _tell_elsewhere(connection)


def _tell_elsewhere(connection: dbapi.Connection) -> None:
    """Where a file has models, if it has none here."""
    found, here = [".".join(place) for place in places(connection)], ".".join(connection.session[:2])
    if connection.store.format() and here not in found:
        say(f"there are no models in {here}" + (f", but in {', '.join(found)}" if found else ""))


def _model_of(connection: Any, name: str) -> ModelName:
    """A model's name as SQL has it; in backquotes it may hold - and . too."""
    try:
        statement = connection.parse(f"DESC MODEL {name}")
    except Error:
        raise click.BadParameter(f"{name!r} is no [[project.]schema.]model", param_hint="MODEL") from None
    return statement.name  # type: ignore[no-any-return]


# Two databases


_A = click.argument("db", metavar="A", shell_complete=_complete_path)
_TARGET = click.argument("target", metavar="B", shell_complete=_complete_path)
_ALLOW = click.option(
    "--allow-replace",
    type=click.Choice(REPLACEABLE),
    default="versions",
    show_default=True,
    help="What may be dropped and made again, where no statement makes the change.",
)


@main.command()
@_A
@_TARGET
@_ALLOW
def diff(db: str, target: str, allow_replace: Replaceable) -> None:
    """Print what turns A's models into B's.

    A is a database, B another one or module:name, a MetaData or what has one.  It is about the project of
    each; models without a schema are those of the URL's.  The exit code is 1 where there are statements.
    """
    from .comparison import compared, target_of

    found = database(db, "A")
    found.require_file("A")
    wanted = target_of(target)
    with found.engine() as engine, engine.connect() as connection:
        script = str(compared(connection, wanted, allow_replace))
    if script:
        print_sql(script.rstrip("\n"))
        sys.exit(1)


@main.command()
@_A
@_TARGET
@_ALLOW
@click.option("--yes", is_flag=True, help="Do not ask.")
def apply(db: str, target: str, allow_replace: Replaceable, yes: bool) -> None:
    """Turn A's models into B's, after asking.

    The statements are those of diff, and are shown first.

    On a file they are one transaction, and the file is made where there is none.  MaxCompute itself has no
    transactions: what was done before an error is done.
    """
    from .comparison import compared, refuse_masks, run, target_of

    found, wanted = database(db, "A").expanding(), target_of(target)
    if found.in_memory:
        raise click.BadParameter("what is in memory is gone when the command ends", param_hint="A")
    if not os.path.isdir(folder := os.path.dirname(os.path.abspath(found.path))):
        raise click.BadParameter(f"{folder}: no such folder", param_hint="A")
    before = found if found.is_there else found.empty()
    with before.engine() as engine, engine.connect() as connection:
        comparison = compared(connection, wanted, allow_replace)
    script, number = str(comparison), len(comparison.statements)
    if not script:
        say(f"{found}: nothing is to be done")
        return
    print_sql(script.rstrip("\n"))
    refuse_masks(comparison)
    if not yes:
        these = "this statement" if number == 1 else f"these {number} statements"
        click.confirm(f"Run {these} on {found}?", abort=True, err=True)
    with found.engine() as engine:
        run(found, engine, wanted, allow_replace, script)
    say(f"{found}: {number} statement{'s were' if number > 1 else ' was'} run")


# A whole database


@main.command()
@_DB
@click.option(
    "--schema", "schemas", multiple=True, help="A schema to declare, may be repeated; all by default."
)
def generate(db: str, schemas: tuple[str, ...]) -> None:
    """Print DB's models as a Python module.

    Schemas are those of the URL's project.  A plain APIKEY becomes an EnvSecret to be filled in.
    """
    from ..generate import module

    found = database(db)
    found.require_file()
    with found.inspected() as inspector, progress("Reading models"):
        models = _reflected(inspector, schemas)
    emit(module(models).rstrip("\n"))


def _reflected(inspector: Any, schemas: tuple[str, ...]) -> list[Any]:
    """The models of some schemas, or all.  Those of the URL's own are declared without a schema."""
    from sqlalchemy import MetaData

    from ..schema import reflect_models

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
@_DB
def export(db: str) -> None:
    """Print DB's models as an SQL script.

    It makes them again, in all projects and schemas of a file.

    A plain APIKEY becomes a mask, with which the script does not run: it is to be filled in.
    """
    from ..export import script, script_of

    found = database(db)
    found.require_file()
    if found.is_file:
        with found.connected() as connection:
            statements = _collected("Exporting", script(connection), _count_of(connection) + 1)
    else:
        with found.inspected() as inspector, progress("Reading models"):
            statements = list(script_of(inspector.get_all_models()))
    emit("\n".join(statements))


def _collected(what: str, parts: Iterable[str], total: int) -> list[str]:
    collected = []
    with progress(what, total) as done:
        for part in parts:
            collected.append(part)
            done(len(collected))
    return collected


@main.command()
@_DB
@click.argument("path", metavar="FILE", shell_complete=_complete_path)
def backup(db: str, path: str) -> None:
    """Copy DB while others may use it.

    FILE must not be there yet, and comes into being whole, and on disk, or not at all.
    """
    found = database(db)
    if not found.is_file:
        raise click.BadParameter("a backup is of a file: use `odpsmodel export`", param_hint="DB")
    found.require_file()
    with found.connected() as connection, progress("Copying", 100) as done:
        try:
            file.backup(connection, path, done)
        except FileExistsError as error:
            raise click.BadParameter(f"{error.filename} is there already", param_hint="FILE") from None
        except OSError as error:
            say(f"{path}: {error.strerror}")
            sys.exit(1)


@main.command()
@_DB
def check(db: str) -> None:
    """Look for faults, and say how to mend them.

    It changes no data.  Of a file everything is checked, of MaxCompute that it can be reached, and its models
    against the rules.  The exit code is 1 where something is wrong.
    """
    from ..check import check, check_models

    found, wrong = database(db), False
    found.require_file()
    if found.is_file:
        with found.connected() as connection, progress("Checking", _count_of(connection)) as done:
            for fault, mend in check(connection, done):
                wrong = _report(found, fault, mend)
    else:
        with found.inspected() as inspector, progress("Reading models"):
            findings = list(check_models(inspector.get_all_models()))
        for fault, mend in findings:
            wrong = _report(found, fault, mend)
    if wrong:
        sys.exit(1)
    click.echo(f"{found}: nothing is wrong")


def _report(found: Database, fault: str, mend: str) -> bool:
    say(f"{found}: {fault}\n  to mend it: {mend}")
    return True


@main.command()
@_DB
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes any that is free."
)
@click.option(
    "--credentials", metavar="FILE", shell_complete=_complete_path, help="TOML: who may connect, and do what."
)
@click.option(
    "--asynchronous", is_flag=True, help="Answer before a statement has run, for clients that poll."
)
def serve(db: str, host: str, port: int, credentials: str | None, asynchronous: bool) -> None:
    """Serve DB by MaxCompute's protocol.

    It ends with SIGTERM or SIGINT.  Without credentials it serves this machine only, and every access id
    owns all projects.  The log is JSON, a line a request, on standard error.
    """
    try:
        from ..server.app import Settings
        from ..server.credentials import CredentialsError, read
        from ..server.serve import Server, log_to
    except ModuleNotFoundError as error:
        needed = "pip install 'sqlalchemy_odpsmodel[cli,server]'"
        raise click.ClickException(f"odpsmodel serve needs {error.name}: {needed}") from None
    found = database(db)
    if not found.is_file:
        raise click.BadParameter("the endpoint serves a file, and this is MaxCompute itself", param_hint="DB")
    try:
        accounts = read(credentials) if credentials else None
    except (CredentialsError, OSError) as error:
        raise click.BadParameter(str(error), param_hint="--credentials") from None
    try:
        server = Server(found.arguments, host, port, Settings(accounts, asynchronous))
    except Error as error:
        found.fail(error)
    log_to(sys.stderr)
    everyone = "this machine only: every access id owns all projects"
    who = f"the access ids of {credentials}" if credentials else everyone
    say(f"{found}: serving at {server.url}, for {who}")
    server.run()


@main.command()
@click.argument("name", metavar="SHELL", type=click.Choice(("bash", "zsh", "fish")))
def completion(name: str) -> None:
    """Print what makes a shell complete.

    \b
    bash: put   eval "$(odpsmodel completion bash)"   into ~/.bashrc
    zsh:  put   eval "$(odpsmodel completion zsh)"    into ~/.zshrc, behind compinit
    fish: put   odpsmodel completion fish | source    into ~/.config/fish/config.fish
    """
    kind = get_completion_class(name)
    assert kind is not None  # click knows the three
    click.echo(kind(main, {}, "odpsmodel", "_ODPSMODEL_COMPLETE").source())
