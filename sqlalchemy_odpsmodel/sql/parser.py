"""Statements from text, by recursive descent; each function's docstring is its grammar rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from typing import NoReturn, TypeVar

from ..errors import OptionError, ParseError, ProgrammingError, SemanticError
from ..model import InputColumn, ModelName, input_column, model_name, version_name
from ..options import EnvSecret, OptionValue, PlainSecret
from .lexer import MODEL_VERBS, TRIVIA, Tokens, is_word
from .place import KEYWORDS, STRINGS, describe, nearest, place_of
from .statements import (
    FLAG,
    FLAG_VALUE,
    NAMESPACE_FLAG,
    AddVersion,
    CreateModel,
    DescModel,
    DropModel,
    DropVersion,
    SetDefaultVersion,
    SetFlags,
    ShowModels,
    ShowVersions,
    Statement,
    flag,
    namespace_flag,
)

#: The vendor's limit of one statement, in bytes of UTF-8.
STATEMENT_BYTES = 2 * 1024 * 1024

Parameters = Sequence[object] | Mapping[str, object]
Flags = tuple[tuple[str, str], ...]
_T = TypeVar("_T")

_SET_WORD = re.compile(rf"{TRIVIA}(?ai:SET)\b")
_SET = rf"{TRIVIA}SET\s+(?P<flag>{FLAG})\s*=\s*(?P<value>{FLAG_VALUE}){TRIVIA}(?:[;；]|\Z)"
_NOTHING = re.compile(rf"(?:{TRIVIA}[;；])*+{TRIVIA}\Z")

_QUOTES = frozenset("'\"")
_STRING_OPENINGS = frozenset("'\"rR")  # r may open a raw string
_PARAMETERS = frozenset("?:")
_IF = frozenset(("IF", "If", "iF", "if"))
_VERBS = frozenset(MODEL_VERBS.split("|"))

_HINT_CREATE = "CREATE MODEL takes OPTIONS (…); WITH OPTIONS (…) is ALTER MODEL's form"
_HINT_ALTER = "ALTER MODEL … ADD VERSION takes WITH OPTIONS (…); OPTIONS (…) is CREATE MODEL's form"
_HINT_VERSION = "a model is made with its first version: CREATE MODEL name WITH VERSION v1 …"
_HINT_QUOTE = r"adjacent strings join; a quote inside a string is written \', never ''"
_HINT_CURLY = "strings stand between straight quotes: '…' or \"…\""
_HINT_EXISTS = "only CREATE MODEL takes IF NOT EXISTS, and only DROP MODEL IF EXISTS"
_HINT_PARAMETER = "a parameter may stand only where a string literal may"


def parse(text: str, parameters: Parameters = (), *, namespace_schema: bool = True) -> Statement:
    """The one statement of a text, with its SET lines.

    ``parameters`` fill ``?`` (a sequence) or ``:name`` (a mapping): str, or EnvSecret for APIKEY.
    ``namespace_schema`` is the connection's ``odps.namespace.schema``; where it is false and decides,
    the statement carries it.  Raises ParseError or SemanticError with the place, ProgrammingError
    for parameters that do not fit.
    """
    check_size(text)
    flags, start = read_flags(text)
    if flags and is_blank(text, start):
        return SetFlags(flags=flags)
    if not namespace_flag(flags, namespace_schema) and namespace_flag(flags):
        flags = ((NAMESPACE_FLAG, "false"), *flags)
    parser = _Parser(text, start, flags, parameters)
    if parser.texts[0] in ("", ";") and is_blank(text, start):
        raise ParseError("expected a statement, found nothing")
    try:
        return parser.statement()
    except SemanticError as error:
        _locate(error, parser.tokens, parser.index, parser.names)
        raise


def check_size(text: str) -> None:
    """Refuse a statement over 2 MB of UTF-8."""
    if len(text) > STATEMENT_BYTES or (
        4 * len(text) > STATEMENT_BYTES and len(text.encode(errors="surrogatepass")) > STATEMENT_BYTES
    ):
        raise ParseError(f"a statement is at most 2 MB ({STATEMENT_BYTES:,} bytes of UTF-8)")


def locate(error: SemanticError, text: str) -> None:
    """Give an error about a statement that was parsed the place of the word that it blames."""
    tokens = Tokens(text, read_flags(text)[1])
    _locate(error, tokens, len(tokens), range(len(tokens)))


def _locate(error: SemanticError, tokens: Tokens, before: int, names: Container[int]) -> None:
    """The last such word that was read; an option's key has an = behind it, another word has none."""
    offender = error.offender.lower()
    found = [i for i in range(before) if _word(tokens, i).lower() == offender]
    keys = [i for i in found if tokens.mark(i + 1) == "="]
    others = [i for i in found if tokens.mark(i + 1) != "="]
    fitting = (keys or others) if isinstance(error, OptionError) else others
    if fitting and offender:
        error.place = place_of(tokens, fitting[-1], names)


def _word(tokens: Tokens, index: int) -> str:
    return tokens.value(index) if tokens.kind(index) == "quoted" else tokens.texts[index]


def is_blank(text: str, start: int) -> bool:
    """Whether nothing but blanks, comments and semicolons is left."""
    return _NOTHING.match(text, start) is not None


def read_flags(text: str) -> tuple[Flags, int]:
    """``{SET flag = value ;}``: the flags, and where the rest of the text begins."""
    if not _SET_WORD.match(text):
        return (), 0
    flags: list[tuple[str, str]] = []
    start = 0
    while _SET_WORD.match(text, start):
        match = re.compile(_SET, re.IGNORECASE).match(text, start)
        if match is None:
            raise ParseError(
                "expected SET flag = value; as in SET odps.namespace.schema=true;",
                place=place_of(Tokens(text, start), 0),
            )
        flags.append(flag(match["flag"], match["value"]))
        start = match.end()
    return tuple(flags), start


class _Parser:
    """One statement's tokens, and how far they are read."""

    def __init__(self, text: str, start: int, flags: Flags, parameters: Parameters) -> None:
        if not (hasattr(parameters, "__len__") and hasattr(parameters, "__getitem__")):
            raise ProgrammingError("parameters must be a sequence or a mapping")
        self.tokens = Tokens(text, start)
        self.texts = self.tokens.texts
        self.index = 0
        self.names: set[int] = set()  # the tokens that were read as names
        self.flags = flags
        self.parameters = parameters
        self.bound = 0  # how many of a sequence are used

    # Tokens

    def take(self, *keywords: str) -> bool:
        """Step over these keywords, if all of them come next."""
        index = self.index
        for word in keywords:
            text = self.texts[index]
            if text != word and (text.upper() != word or not text.isascii()):
                return False
            index += 1
        self.index = index
        return True

    def take_mark(self, sign: str) -> bool:
        found = self.texts[self.index] == sign
        self.index += found
        return found

    def keyword(self) -> str:
        return self.tokens.keyword(self.index)

    def expect(self, *keywords: str, hint: str = "") -> None:
        """Step over these keywords or fail."""
        if self.take(*keywords):
            return
        while self.take(keywords[0]):
            keywords = keywords[1:]
        self.fail(" ".join(keywords), keywords, hint)

    def expect_mark(self, sign: str, expected: str) -> None:
        if self.texts[self.index] != sign:
            self.fail(expected)
        self.index += 1

    def fail(self, expected: str, keywords: Sequence[str] = (), hint: str = "") -> NoReturn:
        """Raise a ParseError at the current token."""
        tokens, index = self.tokens, self.index
        word = self.keyword()
        near = nearest(word, keywords) if word and word not in KEYWORDS else ""
        names = {*self.names, index} if near else self.names
        if index == tokens.bad:
            reason = _bad(tokens.source, tokens.start(index))
        else:
            reason = f"expected {expected}, found {describe(tokens, index, names)}"
        hint = f"did you mean {near}?" if near else hint or self._hint()
        raise ParseError(reason, place=place_of(tokens, index, names), hint=hint)

    def _hint(self) -> str:
        """For what is typed by habit from elsewhere: '' inside a string, curly quotes, a parameter."""
        tokens, index = self.tokens, self.index
        kind, text = tokens.kind(index), self.texts[index]
        if kind == "parameter":
            return _HINT_PARAMETER
        if kind == "bad" and text[0] in "‘’“”":
            return _HINT_CURLY
        strings = [i for i in range(index) if tokens.kind(i) == "string"]
        touches = index - 1 in strings and tokens.end(index - 1) == tokens.start(index)
        unclosed = kind == "bad" and text[0] in "'\"" and bool(strings)
        return _HINT_QUOTE if (touches and kind not in ("mark", "end")) or unclosed else ""

    # Grammar

    def statement(self) -> Statement:
        """statement = create | alter | drop | show | desc, then at most a semicolon"""
        statement = self._statement()
        while self.take_mark(";"):
            pass
        if self.texts[self.index]:
            several = " (executescript runs several)" if self.texts[self.index - 1] == ";" else ""
            self.fail(f"the end of the statement{several}")
        self._check_parameters()
        return statement

    def _statement(self) -> Statement:
        verb, self.index = self.keyword(), 1
        if verb == "SHOW":
            if self.take("MODELS"):
                return ShowModels(flags=self.flags)
            if self.take("VERSIONS"):
                self.expect("FOR", "MODEL")
                return ShowVersions(self.name(), flags=self.flags)
        elif verb in _VERBS and self.take("MODEL"):
            if verb == "CREATE":
                return self.create()
            if verb == "ALTER":
                return self.alter()
            if verb == "DROP":
                if_exists = self.take("IF", "EXISTS")
                return DropModel(self.name(), if_exists, flags=self.flags)
            return DescModel(self.name(), flags=self.flags)
        self.index = int(verb in KEYWORDS)
        self.fail(
            "a model statement: CREATE, ALTER, DROP or DESC MODEL, SHOW MODELS, SHOW VERSIONS FOR MODEL"
        )

    def create(self) -> CreateModel:
        """CREATE MODEL [IF NOT EXISTS] name WITH VERSION version [inputs] OPTIONS options [comment]"""
        if_not_exists = self.take("IF", "NOT", "EXISTS")
        name = self.name()
        model_name(name.model)
        self.expect("WITH", "VERSION", hint=_HINT_VERSION)
        version = self.version()
        inputs = self.inputs()
        hint = _HINT_CREATE if self.keyword() == "WITH" else ""
        self.expect("OPTIONS", hint=hint)
        options = self.options(may_be_empty=False)
        comment = self.comment()
        return CreateModel(name, version, inputs, options, comment, if_not_exists, flags=self.flags)

    def alter(self) -> AddVersion | SetDefaultVersion | DropVersion:
        """ALTER MODEL name (ADD VERSION … | SET DEFAULT_VERSION version | DROP VERSION version)"""
        name = self.name()
        if self.take("SET", "DEFAULT_VERSION"):
            return SetDefaultVersion(name, self.identifier("a version name"), flags=self.flags)
        if self.take("DROP", "VERSION"):
            return DropVersion(name, self.identifier("a version name"), flags=self.flags)
        if self.take("ADD", "VERSION"):
            return self.add_version(name)
        if self.keyword() in ("SET", "DROP", "ADD"):
            following = {"SET": "DEFAULT_VERSION"}.get(self.keyword(), "VERSION")
            self.index += 1
            self.fail(following, (following,))
        alternatives = "ADD VERSION, SET DEFAULT_VERSION or DROP VERSION"
        self.fail(alternatives, ("ADD", "SET", "DROP"))

    def add_version(self, name: ModelName) -> AddVersion:
        """ADD VERSION version [inputs] WITH OPTIONS options [comment]"""
        version = self.version()
        inputs = self.inputs()
        hint = _HINT_ALTER if self.keyword() == "OPTIONS" else ""
        self.expect("WITH", "OPTIONS", hint=hint)
        options = self.options(may_be_empty=True)
        return AddVersion(name, version, inputs, options, self.comment(), flags=self.flags)

    def version(self) -> str:
        """version = identifier, but not default_version"""
        return version_name(self.identifier("a version name"))

    def name(self) -> ModelName:
        """name = [[project .] schema .] model; with odps.namespace.schema=false [project .] model"""
        parts = [self.identifier("a model name")]
        while self.take_mark("."):
            parts.append(self.identifier("a name after the dot"))
        with_schema = not self.flags or namespace_flag(self.flags)
        if len(parts) > (3 if with_schema else 2):
            form = "project.schema.model" if with_schema else "project.model"
            self.index -= 1
            self.fail(f"at most {form} ({NAMESPACE_FLAG} is {str(with_schema).lower()})")
        if with_schema:
            return ModelName(*reversed(parts))
        return ModelName(parts[-1], project=parts[0] if len(parts) == 2 else None)

    def inputs(self) -> tuple[InputColumn, ...]:
        """inputs = INPUT ( column type [COMMENT string] {, …} )"""
        if not self.take("INPUT"):
            return ()
        self.expect_mark("(", "( after INPUT")
        return self.listed(self.column, ", or ) after a column")

    def column(self) -> InputColumn:
        """column = identifier type [COMMENT string]"""
        name = self.identifier("a column name")
        return input_column(name, self.column_type(), self.comment())

    def column_type(self) -> str:
        """type = word [( number [, number] )]; a complex type is read up to its <"""
        text = self.word("a column type")
        following = self.texts[self.index]
        if following == "<":
            return f"{text}<"
        if following != "(":
            return text
        self.index += 1
        return f"{text}({','.join(self.listed(self.number, ', or ) after a number'))})"

    def number(self) -> str:
        text = self.word("a whole number")
        if not (text.isascii() and text.isdecimal()):
            self.index -= 1
            self.fail("a whole number")
        return text

    def word(self, expected: str) -> str:
        text = self.texts[self.index]
        if not is_word(text):
            self.fail(expected)
        self.index += 1
        return text

    def options(self, may_be_empty: bool) -> tuple[tuple[str, OptionValue], ...]:
        """options = ( [key = string {, …}] )"""
        self.expect_mark("(", "( after OPTIONS")
        if may_be_empty and self.take_mark(")"):
            return ()
        return self.listed(self.option, ", or ) after an option")

    def option(self) -> tuple[str, OptionValue]:
        """option = key = string"""
        key = self.word("an option key")
        self.expect_mark("=", "= after the option's key")
        return key, self.string("a string", str, EnvSecret, PlainSecret)

    def comment(self) -> str | None:
        """comment = [COMMENT string]"""
        return self.string("a string", str) if self.take("COMMENT") else None

    def listed(self, item: Callable[[], _T], expected: str) -> tuple[_T, ...]:
        """item {, item} )"""
        items, texts = [item()], self.texts
        while texts[self.index] == ",":
            self.index += 1
            items.append(item())
        self.expect_mark(")", expected)
        return tuple(items)

    def identifier(self, expected: str) -> str:
        """identifier = word | `word`"""
        index = self.index
        text = self.texts[index]
        if is_word(text):
            if text in _IF and self.tokens.keyword(index + 1) in ("NOT", "EXISTS"):
                self.fail(expected, hint=_HINT_EXISTS)
        elif text[:1] == "`" and index != self.tokens.bad:
            text = self.tokens.value(index)
        else:
            self.fail(expected)
        self.names.add(index)
        self.index = index + 1
        return text

    def string(self, expected: str, *types: type[_T]) -> _T | str:
        """string = literal {literal} | parameter, whose value is of one of the types"""
        start, tokens = self.index, self.tokens
        text, kind = self.texts[start], tokens.kind
        if text[:1] in _QUOTES and start != tokens.bad:
            self.index += 1
            if "\\" not in text and self.texts[start + 1][:1] not in _STRING_OPENINGS:
                return text[1:-1]
        elif text[:1] in _PARAMETERS and start != tokens.bad:
            self.index += 1
            return self.parameter(text, expected, types)
        while kind(self.index) in STRINGS:
            self.index += 1
        if start == self.index:
            self.fail(expected)
        return "".join(map(tokens.value, range(start, self.index)))

    # Parameters

    def parameter(self, text: str, expected: str, types: tuple[type[_T], ...]) -> _T:
        """The value bound to ? or :name."""
        value = self._bound(text)
        for kind in types:
            if isinstance(value, kind):
                return value
        which = self.bound if text == "?" else text
        raise ProgrammingError(
            f"parameter {which} must be {expected}: a {types[0].__name__}, not {type(value).__name__}"
        )

    def _bound(self, text: str) -> object:
        if text != "?":
            if not isinstance(self.parameters, Mapping):
                raise ProgrammingError("a named parameter needs a mapping of parameters")
            if text[1:] not in self.parameters:
                raise ProgrammingError(f"You did not supply a value for binding parameter {text}.")
            return self.parameters[text[1:]]
        if isinstance(self.parameters, Mapping):
            raise ProgrammingError("? needs a sequence of parameters")
        self.bound += 1
        if self.bound > len(self.parameters):
            self._wrong_count(self.texts.count("?"))
        return self.parameters[self.bound - 1]

    def _check_parameters(self) -> None:
        if self.bound != len(self.parameters) and not isinstance(self.parameters, Mapping):
            self._wrong_count(self.bound)

    def _wrong_count(self, used: int) -> NoReturn:
        raise ProgrammingError(
            "Incorrect number of bindings supplied. The current statement uses"
            f" {used}, and there are {len(self.parameters)} supplied."
        )


def _bad(text: str, start: int) -> str:
    """What is wrong with a character that begins no token."""
    opened = {"'": "string", '"': "string", "`": "quoted name", "r": "string"}.get(text[start].lower())
    if text.startswith("/*", start):
        opened = "comment"
    return f"this {opened} is not closed" if opened else f"unexpected character {text[start]!r}"
