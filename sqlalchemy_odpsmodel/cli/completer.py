"""What Tab completes in the shell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from .. import dbapi
from ..errors import Error
from ..options import OPTION_KEYS
from ..sql import ShowModels, ShowVersions, Statement
from ..sql.lexer import Tokens
from ..sql.place import KEYWORDS
from ..sql.script import split
from ..store import VIEWS

_ORDINARY = "SELECT FROM WHERE ORDER BY LIMIT INSERT INTO VALUES UPDATE DELETE BEGIN COMMIT ROLLBACK"
_WORDS = sorted({*KEYWORDS, *_ORDINARY.split(), *VIEWS})
_MORE = "\nx"
_MODEL = (["ALTER"], ["DROP"], ["DESC"], ["DESCRIBE"], ["SHOW", "VERSIONS", "FOR"])


class ModelCompleter(Completer):
    """Keywords, keys in OPTIONS ( and names of models and versions, each where the grammar has it."""

    def __init__(self, connection: Any) -> None:
        self.connection, self.sqlite = connection, isinstance(connection, dbapi.Connection)
        self._known: dict[str, list[str]] = {}

    def forget(self) -> None:
        """Look names up again: a statement may have changed them."""
        self._known.clear()

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        begun = document.get_word_before_cursor()
        begun = begun if begun.replace("_", "a").isalnum() else ""
        for word in self._words(before.removesuffix(begun)):
            if word.upper().startswith(begun.upper()):
                yield Completion(word, -len(begun))

    def _words(self, text: str) -> list[str]:
        """What may follow a text."""
        tokens = Tokens(open_statement(text, self.sqlite))
        words = [tokens.keyword(i) or tokens.mark(i) for i in range(len(tokens)) if tokens.texts[i]]
        if _in_options(words):
            return sorted(OPTION_KEYS)
        match words:
            case [*opening, "MODEL"] if opening in _MODEL:
                return self._names("", ShowModels())
            case ["DROP", "MODEL", "IF", "EXISTS"]:
                return self._names("", ShowModels())
            case ["ALTER", "MODEL", *name, "SET", "DEFAULT_VERSION"] | [
                "ALTER",
                "MODEL",
                *name,
                "DROP",
                "VERSION",
            ]:
                return self._versions("".join(tokens.texts[2 : 2 + len(name)]))
        return _WORDS

    def _versions(self, model: str) -> list[str]:
        try:
            return self._names(model, ShowVersions(self.connection.parse(f"DESC MODEL {model}").name))
        except Error:
            return []

    def _names(self, key: str, statement: Statement) -> list[str]:
        """The first column of SHOW, until the next statement; nothing where it fails."""
        if key not in self._known:
            try:
                self._known[key] = [row[0] for row in self.connection.cursor().execute(statement)]
            except Error:
                self._known[key] = []
        return self._known[key]


def open_statement(text: str, sqlite: bool) -> str:
    """The last statement of a text, unless its semicolon is there: then a word that follows is another."""
    *_, last = split(f"{text}{_MORE}", sqlite=sqlite)
    return last.text.removesuffix(_MORE) if last.text != _MORE.strip() else ""


def _in_options(words: list[str]) -> bool:
    """Whether a key comes next: after OPTIONS ( and after a comma, before the )."""
    if "OPTIONS" not in words:
        return False
    inside = words[words.index("OPTIONS") + 1 :]
    return inside[:1] == ["("] and ")" not in inside and inside[-1] in ("(", ",")
