"""The interactive shell: asks for statements, completes them, remembers them without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
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
from ..sql import SetFlags, parse
from ..sql.lexer import Tokens
from ..sql.script import kind_of, split
from .completer import ModelCompleter, open_statement
from .output import say
from .script import Settings, is_suspect, run_pieces

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
#: Values of flags that are no key.
_HARMLESS = re.compile(r"(?ai:true|false|\d{1,9})")
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
            match _word(text):
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
        """Run what was typed until Ctrl-C, for which SQLite looks now and then."""
        if self.in_file:
            self.connection.set_progress_handler(lambda: False, _INSTRUCTIONS)
        try:
            run_pieces(self.connection, "shell", text, self.settings)
        except KeyboardInterrupt:
            say("stopped")
        finally:
            if self.in_file:
                self.connection.set_progress_handler(None, 0)
        self.completer.forget()

    def is_whole(self, text: str) -> bool:
        """Whether a text is to be run when Enter is pressed: it ends with a statement's semicolon."""
        return _word(text) in ("exit", "quit", "help") or not open_statement(text, self.in_file)


def _word(text: str) -> str:
    return text.strip().lower().rstrip(";；")


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
    """A file of statements, in which no key is ever; in memory a statement is as it was typed.  A file that
    cannot be read or written is done without."""

    def load_history_strings(self) -> Iterable[str]:
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        if is_safe(string):
            with suppress(OSError):
                super().store_string(string)


def is_safe(text: str) -> bool:
    """Whether a text is of statements that are understood, have no comment, and hold no plain key, also by a
    slip."""
    pieces, end = list(split(text)), 0
    for piece in pieces:
        if text[end : piece.start].strip() or _has_comment(piece.text) or not _is_safe(piece.text):
            return False
        end = piece.end
    return not text[end:].strip()


def _has_comment(text: str) -> bool:
    tokens, end = Tokens(text), 0
    for index in range(len(tokens)):
        if text[end : tokens.start(index)].strip():
            return True
        end = tokens.end(index)
    return bool(text[end:].strip())


def _is_safe(text: str) -> bool:
    if kind_of(text) != "model":
        return not is_suspect(text)
    try:
        statement = parse(text)
    except Error:
        return False
    if isinstance(statement, SetFlags):
        return all(_HARMLESS.fullmatch(value) for _, value in statement.flags)
    values = [value for _, value in getattr(statement, "options", ())]
    return not any(isinstance(value, PlainSecret) or "@" in str(value) for value in values)


def _history() -> History:
    """In the user's folder for state, readable by the user only; where that cannot be, of this session."""
    try:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        path = Path(state) / "odpsmodel" / "history"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except (OSError, RuntimeError):  # no folder, or no home
        return InMemoryHistory()
    return SafeHistory(path) if path.is_file() else InMemoryHistory()
