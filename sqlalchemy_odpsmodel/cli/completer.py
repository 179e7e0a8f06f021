"""What Tab completes in the shell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from .. import dbapi
from ..errors import Error
from ..options import OPTION_KEYS
from ..sql import ShowModels, ShowVersions, Statement
from ..sql.lexer import Tokens
from ..sql.place import STRINGS
from ..sql.script import kind_of, split
from ..store import VIEWS

_NAME, _COLUMNS = r"[\w`]+(?: \. [\w`]+)*", r"INPUT \( [^()]*(?:\( [^()]*\) [^()]*)*\)"
#: What may follow the words of a statement.  {model} and {version} are names that the database tells.
_FOLLOWING = [
    (re.compile(pattern), following.split())
    for pattern, following in (
        ("", "ALTER CREATE DESC DESCRIBE DROP SET SHOW SELECT INSERT UPDATE DELETE BEGIN COMMIT ROLLBACK"),
        ("SHOW", "MODELS VERSIONS"),
        ("SHOW VERSIONS", "FOR"),
        ("SHOW VERSIONS FOR|DESC|DESCRIBE", "MODEL"),
        ("ALTER|CREATE|DROP", "MODEL TABLE VIEW INDEX"),
        ("(SHOW VERSIONS FOR|DESC|DESCRIBE|ALTER) MODEL|DROP MODEL IF EXISTS", "{model}"),
        ("DROP MODEL", "{model} IF"),
        ("CREATE MODEL", "IF"),
        ("CREATE MODEL IF", "NOT"),
        ("DROP MODEL IF|CREATE MODEL IF NOT", "EXISTS"),
        (f"CREATE MODEL (IF NOT EXISTS )?{_NAME}", "WITH"),
        (f"CREATE MODEL (IF NOT EXISTS )?{_NAME} WITH", "VERSION"),
        (f"CREATE MODEL (IF NOT EXISTS )?{_NAME} WITH VERSION {_NAME}", "INPUT OPTIONS"),
        (f"CREATE MODEL .*{_COLUMNS}|ALTER MODEL .* WITH", "OPTIONS"),
        (f"ALTER MODEL {_NAME}", "ADD DROP SET"),
        (f"ALTER MODEL {_NAME} SET", "DEFAULT_VERSION"),
        (f"ALTER MODEL {_NAME} (ADD|DROP)", "VERSION"),
        (f"ALTER MODEL {_NAME} (DROP VERSION|SET DEFAULT_VERSION)", "{version}"),
        (f"ALTER MODEL {_NAME} ADD VERSION {_NAME}", "INPUT WITH"),
        (f"ALTER MODEL .*{_COLUMNS}", "WITH"),
        (r"(CREATE|ALTER) MODEL .* OPTIONS \( [^()]*\)", "COMMENT"),
    )
]
#: In other SQL: its words and the views' names.
_ORDINARY = sorted(
    {*"AND AS BY FROM GROUP INTO LIMIT NOT NULL OR ORDER SELECT SET VALUES WHERE".split(), *VIEWS}
)
_IN_OPTIONS = re.compile(r".* OPTIONS \((?: [^()]*,)?")
_MORE = "\nx"


class ModelCompleter(Completer):
    """Keywords, keys in OPTIONS ( and names of models and versions, each where the grammar has it; in other
    SQL its words and the views' names."""

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
        opened = open_statement(text, self.sqlite)
        tokens = Tokens(opened)
        words = " ".join(_token(tokens, i) for i in range(len(tokens)) if tokens.texts[i])
        if _IN_OPTIONS.fullmatch(words):
            return sorted(OPTION_KEYS)
        following = [word for pattern, found in _FOLLOWING if pattern.fullmatch(words) for word in found]
        if not following and kind_of(opened) == "sqlite":
            return _ORDINARY
        named = {"{model}": self._models, "{version}": lambda: self._versions(words)}
        return [name for word in following for name in named.get(word, lambda word=word: [word])()]

    def _models(self) -> list[str]:
        return self._names("", ShowModels())

    def _versions(self, words: str) -> list[str]:
        """Of the model that the words of an ALTER name."""
        model = re.split(" (?:SET|DROP) ", words.removeprefix("ALTER MODEL "))[0]
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


def _token(tokens: Tokens, index: int) -> str:
    """A token in upper case; of a string its quotes only, as parentheses in it are none."""
    return "''" if tokens.kind(index) in STRINGS else tokens.keyword(index) or tokens.texts[index]
