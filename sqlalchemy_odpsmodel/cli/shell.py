"""The interactive shell: asks for statements, completes them, remembers them without secrets."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer

from .. import dbapi
from ..errors import Error
from ..options import PlainSecret
from ..sql import parse
from ..sql.lexer import Tokens
from ..sql.script import kind_of, split
from .completer import ModelCompleter, open_statement
from .output import say
from .script import Settings, run_pieces

HELP = """\
CREATE MODEL [IF NOT EXISTS] name WITH VERSION version [INPUT (…)]
    OPTIONS (…) [COMMENT '…'];
ALTER MODEL name ADD VERSION version [INPUT (…)] WITH OPTIONS (…)
    [COMMENT '…'];
ALTER MODEL name SET DEFAULT_VERSION version;
ALTER MODEL name DROP VERSION version;
DROP MODEL [IF EXISTS] name;
SHOW MODELS;
SHOW VERSIONS FOR MODEL name;
DESC MODEL name;
SET flag = value;
and all other SQL of the database.  help and exit are words without a
semicolon.  Ctrl-C clears what is typed, or stops a statement; Ctrl-D leaves."""
_INSTRUCTIONS = 10_000  # of SQLite's, between two looks whether to stop


class Shell:
    """Statements of a terminal on a connection of either driver; a file's are committed one by one, unless
    BEGIN opens a transaction."""

    def __init__(self, connection: Any, form: str) -> None:
        self.connection, self.settings = connection, Settings(form)
        self.in_file = isinstance(connection, dbapi.Connection)
        if self.in_file:
            connection.isolation_level = None
        self.completer = ModelCompleter(connection)
        self.prompt: PromptSession[str] = PromptSession(
            multiline=True,
            history=_history(),
            completer=self.completer,
            complete_while_typing=False,
            lexer=PygmentsLexer(SqlLexer),
            key_bindings=_keys(self.is_whole),
            prompt_continuation=lambda width, *_: " " * (width - 2) + "> ",
        )

    def run(self) -> None:
        """Ask and run until exit or Ctrl-D.  What is open then is rolled back."""
        say("help tells the statements, exit or Ctrl-D leaves")
        while True:
            try:
                text = self.prompt.prompt(lambda: "odpsmodel*> " if self._is_open() else "odpsmodel> ")
            except KeyboardInterrupt:
                continue
            except EOFError:
                break
            match text.strip().lower().removesuffix(";"):
                case "exit" | "quit":
                    break
                case "help":
                    say(HELP)
                case _:
                    self._execute(text)
        if self._is_open():
            say("the open transaction was rolled back: COMMIT is missing")

    def _is_open(self) -> bool:
        return bool(self.in_file and self.connection.in_transaction)

    def _execute(self, text: str) -> None:
        with _stoppable(self.connection) if self.in_file else _interruptible():
            run_pieces(self.connection, "shell", text, self.settings)
        self.completer.forget()

    def is_whole(self, text: str) -> bool:
        """Whether a text is to be run when Enter is pressed: it ends with a statement's semicolon."""
        return text.strip().lower() in ("exit", "quit", "help") or not open_statement(text, self.in_file)


@contextmanager
def _stoppable(connection: dbapi.Connection) -> Iterator[None]:
    """Ctrl-C stops a statement of SQLite's, as an error."""
    pressed = False

    def stop(*_: object) -> None:
        nonlocal pressed
        pressed = True

    before = signal.signal(signal.SIGINT, stop)
    connection.set_progress_handler(lambda: pressed, _INSTRUCTIONS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)
        signal.signal(signal.SIGINT, before)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C stops a statement of the service, which its driver does."""
    try:
        yield
    except KeyboardInterrupt:
        say("stopped")


def _keys(is_whole: Callable[[str], bool]) -> KeyBindings:
    """Enter runs a whole statement, and else begins a line."""
    keys = KeyBindings()

    @keys.add("enter")
    def enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_whole(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys


# What is remembered


class SafeHistory(FileHistory):
    """A file of statements, in which no key is ever; in memory a statement is as it was typed."""

    def store_string(self, string: str) -> None:
        if is_safe(string):
            super().store_string(string)


def is_safe(text: str) -> bool:
    """Whether no statement of a text holds, or may by a slip hold, a plain key."""
    return all(_is_safe(piece.text) for piece in split(text))


def _is_safe(text: str) -> bool:
    kind = kind_of(text)
    if kind == "sqlite":
        return not dbapi.may_hold_key(text)
    if kind == "model":
        try:
            options = getattr(parse(text), "options", ())
        except Error:
            return _has_no_strings(text)
        return not any(isinstance(value, PlainSecret) for _, value in options)
    return _has_no_strings(text)


def _has_no_strings(text: str) -> bool:
    tokens = Tokens(text)
    return tokens.bad < 0 and not {tokens.kind(i) for i in range(len(tokens))} & {"string", "raw", "quoted"}


def _history() -> History:
    """In the user's folder for state, readable by the user only; where that cannot be, of this session."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(state) / "odpsmodel" / "history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return SafeHistory(path)
