"""Bad input: every text is executed as the rules say, or refused by an error of PEP 249 and without a trace.

The rules are read a second time here, from the pages and with sqlparse's tokens for strings, comments and
punctuation: what one reading accepts the other must accept too, and both must make the same of it.
"""

from __future__ import annotations

import gc
import re
import signal
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import PAGES, REMOTE, add, create
from scale import Figures, Scale
from sqlparse import tokens
from sqlparse.lexer import tokenize

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.sql.script import split

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy_odpsmodel.dbapi.ModelWarning")
_T = TypeVar("_T")
PUBLIC = "bigdata_public_modelset"

# What a catalog holds


class Version(NamedTuple):
    """A version: its comment, its inputs as (name, type, comment), its options as they are shown."""

    comment: str | None
    inputs: tuple[tuple[str, str, str | None], ...]
    options: dict[str, str]


class Model(NamedTuple):
    source_type: str
    model_type: str
    default: str
    comment: str | None
    versions: dict[str, Version]


#: Models by project, schema and name.
Catalog = dict[tuple[str, ...], Model]


def stored(con: dbapi.Connection) -> Catalog:
    """What the views say.  Each model has a default version, which is one of its own."""
    if not con.execute("SELECT 1 FROM sqlite_master WHERE name = 'odps_models'").fetchall():
        return {}
    inputs, options, versions = defaultdict(list), defaultdict(dict), defaultdict(dict)
    for *key, _, column, type_, comment in rows(con, "*", "inputs ORDER BY position"):
        inputs[tuple(key)].append((column, type_, comment))
    for *key, option, value in rows(con, "*", "options"):
        options[tuple(key)][option] = value
    for *key, version, comment in rows(con, "project, schema, model, version, comment", "versions"):
        place = (*key, version)
        versions[tuple(key)][version] = Version(comment, tuple(inputs[place]), options[place])
    columns = "project, schema, model, source_type, model_type, default_version, comment"
    models = con.execute(f"SELECT {columns} FROM odps_models").fetchall()
    found = {row[:3]: Model(*row[3:], versions[row[:3]]) for row in models}
    defaults = rows(con, "project, schema, model, version", "versions WHERE is_default")
    assert sorted(defaults) == sorted((*key, model.default) for key, model in found.items())
    assert con.execute("PRAGMA foreign_key_check").fetchall() == []
    return found


def rows(con: dbapi.Connection, columns: str, view: str) -> list[tuple[Any, ...]]:
    return con.execute(f"SELECT {columns} FROM odps_model_{view}").fetchall()


# The second reading: words


class Forbidden(Exception):
    """The rules forbid it, and which."""


class Unread(Exception):
    """It is no model statement alone, or one that sqlparse does not read as the vendor does."""


def require(holds: object, rule: str) -> None:
    if not holds:
        raise Forbidden(rule)


#: They stand for \', \" and \\, which sqlparse does not know, and before the number of a string, a name
#: in backquotes or a parameter.
_QUOTE, _DOUBLE, _BACKSLASH, _STRING, _NAME, _PARAMETER = "\ue000\ue001\ue002\uf000\uf001\uf002"
_ESCAPES = {"'": _QUOTE, '"': _DOUBLE, "\\": _BACKSLASH}
_UNESCAPED = {ord(mark): character for character, mark in _ESCAPES.items()}
_MEANT = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a"}
_HALF_WIDTH = str.maketrans("；，（）", ";,()")
_PLAIN = rf"[^'\"\\{_QUOTE}-{_BACKSLASH}]"
_RAW = re.compile(rf"((?:(?![()\s]){_PLAIN}){{0,16}})\(({_PLAIN}*)\)\1", re.DOTALL)


class Words:
    """A text as words and marks with one blank between them, bare words in upper case; of a string, a name
    in backquotes or a parameter there is the number of its value."""

    def __init__(self, text: str, parameters: Sequence[str]) -> None:
        if re.search("[\ue000-\uf8ff]", text):
            raise Unread("the characters that are marks here")
        escaped = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), text, flags=re.DOTALL)
        self.values: list[str] = []
        self.parameters = list(parameters)
        parts: list[str] = []
        for kind, token in tokenize(escaped):
            if kind in tokens.String and parts and parts[-1] in ("r", "R"):
                parts[-1] = self.marked(_STRING, raw(token))
            else:
                parts.append(self.part(kind, token))
        require(not self.parameters, "a parameter for each ?")
        joined = "".join(parts).replace("\ufeff", " ")
        found = re.findall(rf"[{_STRING}-{_PARAMETER}]\d+|\w+|\S", joined)
        self.text = " ".join(word.upper() if word.isascii() else word for word in found)

    def part(self, kind: Any, token: str) -> str:
        if kind in tokens.Comment:
            require(token[0] != "#", "a line with # is odpscmd's")
            if token.endswith("\r"):
                raise Unread("a comment to a carriage return")
            return " "
        if kind in tokens.String:
            return self.marked(_STRING, unescaped(token))
        if kind in tokens.Name and token[0] == "`":
            return self.marked(_NAME, token[1:-1].replace("``", "`"))
        if kind in tokens.Name and token == "?":
            require(self.parameters, "a parameter for each ?")
            return self.marked(_PARAMETER, self.parameters.pop(0))
        return token.translate(_HALF_WIDTH)

    def marked(self, mark: str, value: str) -> str:
        self.values.append(value)
        return f" {mark}{len(self.values) - 1} "

    def value(self, words: str) -> str:
        """What a name, a parameter, a string or several side by side say."""
        if words[:1] not in (_STRING, _NAME, _PARAMETER):
            return words
        return "".join(self.values[int(word[1:])] for word in words.split())


def unescaped(token: str) -> str:
    """What a string says; sqlparse takes '…''…' for one."""

    def meant(found: re.Match[str]) -> str:
        octal, character = found.groups()
        return chr(int(octal, 8)) if octal else _MEANT.get(character, character)

    inner = token[1:-1].replace(token[0] * 2, "")
    return re.sub(r"\\(?:(?!000)([01][0-7]{2})|(.))", meant, inner, flags=re.DOTALL).translate(_UNESCAPED)


def raw(token: str) -> str:
    """What a raw string says that holds no quote and no backslash."""
    found = _RAW.fullmatch(token[1:-1])
    if not found:
        raise Unread("a raw string with quotes or backslashes")
    return found[2]


# The second reading: forms

_S = rf"(?:{_STRING}\d+(?: {_STRING}\d+)*|{_PARAMETER}\d+)"
_N = rf"(?:\w+|{_NAME}\d+)"
_COLUMN = rf"({_N}) (\w+)(?: \( (\d+)(?: , (\d+))? \))?(?: COMMENT ({_S}))?"
_OPTION = rf"(\w+) = ({_S})"
#: The same without groups.
_COLUMNS = rf"{_N} \w+(?: \( \d+(?: , \d+)? \))?(?: COMMENT {_S})?"
_MODEL, _VERSION = rf"(?P<name>{_N}(?: \. {_N}){{0,2}})", rf"(?P<version>{_N})"
_INPUT = rf"(?: INPUT \( (?P<inputs>{_COLUMNS}(?: , {_COLUMNS})*) \))?"
_OPTIONS = rf"OPTIONS \( (?P<options>\w+ = {_S}(?: , \w+ = {_S})*) \)"
_COMMENT = rf"(?: COMMENT (?P<comment>{_S}))?"
_FORMS = {
    "create": rf"CREATE MODEL (?P<maybe>IF NOT EXISTS )?{_MODEL} WITH VERSION {_VERSION}{_INPUT} {_OPTIONS}{_COMMENT}",
    "add": rf"ALTER MODEL {_MODEL} ADD VERSION {_VERSION}{_INPUT} WITH (?:{_OPTIONS}|OPTIONS \( \)){_COMMENT}",
    "set default": rf"ALTER MODEL {_MODEL} SET DEFAULT_VERSION {_VERSION}",
    "drop version": rf"ALTER MODEL {_MODEL} DROP VERSION {_VERSION}",
    "drop": rf"DROP MODEL (?P<maybe>IF EXISTS )?{_MODEL}",
    "show": "SHOW MODELS",
    "describe": rf"(?:SHOW VERSIONS FOR|DESC|DESCRIBE) MODEL {_MODEL}",
}
_READ = {form: re.compile(rf"{pattern}(?: ;)*") for form, pattern in _FORMS.items()}
_OPENING = re.compile(r"(?:CREATE|ALTER|DROP|DESC|DESCRIBE|SHOW)(?: OR REPLACE)? (?:MODELS?|VERSIONS?)\b")
_FLAG = re.compile(r"\s*(?ai:SET)\s+(\w+(?:\.\w+)*)\s*=\s*(\w+)\s*[;；]")


class Reading:
    """A statement as the second reading has it: its form, and the parts that the form names."""

    def __init__(self, text: str, parameters: Sequence[str]) -> None:
        self.with_schema, rest = read_flags(text)
        words = Words(rest, parameters)
        if not _OPENING.match(words.text):
            raise Unread("no model statement")
        matches = {form: found for form, read in _READ.items() if (found := read.fullmatch(words.text))}
        require(matches, "the grammar")
        ((self.form, match),) = matches.items()
        self.parts = {key: part or "" for key, part in match.groupdict().items()}
        self.value = words.value

    def key(self) -> tuple[str, ...]:
        """(project, schema, model), in project local and schema default where not given."""
        *place, model = map(self.value, self.parts["name"].split(" . "))
        place = [named(part) for part in place]
        model = named(model, "" if self.form == "create" else ".-")  # public ones may be looked up
        if self.with_schema:
            return (*["local", "default"][: 2 - len(place)], *place, model)
        require(len(place) < 2, "no schema without namespaces")
        return (*(place or ["local"]), "default", model)

    def version(self) -> str:
        found = named(self.value(self.parts["version"]))
        require(found != "default_version" or self.form not in ("create", "add"), "a reserved version")
        return found

    def comment(self) -> str | None:
        return commented(self.value(self.parts["comment"]))

    def inputs(self) -> tuple[tuple[str, str, str | None], ...]:
        value = self.value
        found = re.findall(_COLUMN, self.parts["inputs"])
        columns = [(column(value(n)), type_of(t, p, s), commented(value(c))) for n, t, p, s, c in found]
        require(len({name for name, _, _ in columns}) == len(columns), "each column once")
        return tuple(columns)

    def options(self) -> dict[str, str]:
        pairs = re.findall(_OPTION, self.parts.get("options", ""))
        require(len({key for key, _ in pairs}) == len(pairs), "each key once")
        return {key: self.value(words) for key, words in pairs}


def read_flags(text: str) -> tuple[bool, str]:
    """Whether a.b is schema.model, and what follows the SET lines."""
    with_schema = True
    while found := _FLAG.match(text):
        if found[1].lower() == "odps.namespace.schema":
            require(found[2].lower() in ("true", "false"), "true or false")
            with_schema = found[2].lower() == "true"
        text = text[found.end() :]
    if re.match(r"\W*SET\b", text, re.IGNORECASE):
        raise Unread("another SET line")
    return with_schema, text


# The second reading: rules


def named(text: str, more: str = "") -> str:
    require(re.fullmatch(rf"[A-Za-z][A-Za-z0-9_{more}]*", text) and len(text) <= 256, "a name")
    return text.lower()


def column(text: str) -> str:
    def letter(character: str) -> bool:
        han = unicodedata.name(character, "").startswith(("CJK UNIFIED", "CJK COMPATIBILITY IDEOGRAPH"))
        return han or character in "々〇" or (character.isascii() and character.isalpha())

    spelled = all(letter(character) or character in "0123456789_" for character in text)
    require(text and letter(text[0]) and spelled and len(text.encode()) <= 128, "a column's name")
    return text.lower()


_SCALARS = (
    "TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DECIMAL STRING BINARY BOOLEAN DATE DATETIME TIMESTAMP"
    " TIMESTAMP_NTZ JSON"
).split()


def type_of(written: str, first: str, second: str) -> str:
    """A type as DESC shows it."""
    require((first + second).isascii(), "a whole number")
    numbers = [int(digits) for digits in (first, second) if digits]
    match written, *numbers:
        case "DECIMAL", precision, scale:
            require(1 <= precision <= 38 and scale <= min(18, precision), "precision and scale")
        case "DECIMAL", precision:
            require(1 <= precision <= 38, "a precision")
        case (("VARCHAR" | "CHAR"), length):
            require(1 <= length <= {"VARCHAR": 65535, "CHAR": 255}[written], "a length")
        case _:
            require(written in _SCALARS and not numbers, "a scalar type")
    return written.lower() + (f"({','.join(map(str, numbers))})" if numbers else "")


def unicode_text(text: str) -> bool:
    return not any(unicodedata.category(character) == "Cs" for character in text)


def commented(text: str) -> str | None:
    require(unicode_text(text) and "\0" not in text and len(text.encode()) <= 1024, "a comment")
    return text or None


_SOME = r"\S(?:.*\S)?"
_VALUES = {
    "IMPORT": {"LOCATION": r"oss://[^/\s]+/[^/\s]+/.*", "ROLEARN": r"acs:ram::[^:\s]+:role/\S+"},
    "REMOTE": {
        "TASKS": "text-generation|chat|sentence-embedding",
        "PAI_EAS_MODEL_NAME": _SOME,
        "PAI_EAS_SERVICE_NAME": r"[^.\s]+(?:\.[^.\s]+)?",
        "ENDPOINT": r"https?://[^/?#\s]+(?:[/?#]\S*)?",
        "APIKEY": rf"(?!\*+\Z)(?!\$\{{.*\}}\Z){_SOME}|\$\{{[A-Za-z_][A-Za-z0-9_]*\}}",
        "PAI_EAS_SYNC_MODE": "true",
        "PAI_EAS_SYNC_REQUEST_TIMEOUT": "[1-9][0-9]{3,6}",
    },
}
_TIMEOUT = "PAI_EAS_SYNC_REQUEST_TIMEOUT"
_TYPES = {"IMPORT": ("BOOSTED_TREE_CLASSIFIER", "BOOSTED_TREE_REGRESSOR"), "REMOTE": ("LLM", "MLLM")}


def version_of(reading: Reading, given: dict[str, str], source_type: str) -> Version:
    """A version, by its options but for the two types."""
    patterns = _VALUES[source_type]
    require(given.keys() <= patterns.keys() <= given.keys() | {_TIMEOUT}, "the keys of the source type")
    for key, value in given.items():
        require(re.fullmatch(patterns[key], value, re.DOTALL) and unicode_text(value), key)
        require(not any(unicodedata.category(character) == "Cc" for character in value), key)
    require(5000 <= int(given.get(_TIMEOUT, "5000")) <= 1_800_000, _TIMEOUT)
    inputs = reading.inputs()
    require(inputs or source_type == "REMOTE", "INPUT")
    if not re.fullmatch(r"\$\{.*\}", given.get("APIKEY", "${}"), re.DOTALL):
        given["APIKEY"] = "********"
    return Version(reading.comment(), inputs, given)


def created(reading: Reading, before: Catalog, key: tuple[str, ...]) -> Catalog:
    given, name = reading.options(), reading.version()
    source_type, model_type = (given.pop(option, "") for option in ("MODEL_SOURCE_TYPE", "MODEL_TYPE"))
    require(model_type in _TYPES.get(source_type, ()), "the types")
    version = version_of(reading, given, source_type)
    require(key not in before or reading.parts["maybe"], "the model is there")
    return {key: Model(source_type, model_type, name, version.comment, {name: version})} | before


def altered(reading: Reading, model: Model) -> Model:
    name = reading.version()
    if reading.form == "add":
        given = reading.options()
        same = given.pop("MODEL_SOURCE_TYPE", model.source_type) == model.source_type
        require(same and given.pop("MODEL_TYPE", model.model_type) == model.model_type, "fixed types")
        version = version_of(reading, given, model.source_type)
        require(name not in model.versions, "the version is there")
        return model._replace(versions=model.versions | {name: version})
    require(name in model.versions, "no such version")
    if reading.form == "set default":
        return model._replace(default=name)
    require(name != model.default, "the default version")
    return model._replace(
        versions={other: model.versions[other] for other in model.versions if other != name}
    )


def after(before: Catalog, text: str, parameters: Sequence[str] = ()) -> Catalog:
    """What a text makes of a catalog.  Raises Forbidden or Unread."""
    reading = Reading(text, parameters)
    if reading.form == "show":
        return before
    key = reading.key()
    model = before.get(key)
    if reading.form != "describe":
        require(key[0] != PUBLIC, "public models")
    if reading.form == "create":
        return created(reading, before, key)
    if reading.form == "drop":
        require(model or reading.parts["maybe"], "no such model")
        return {other: before[other] for other in before if other != key}
    require(model, "no such model")
    assert model
    return before if reading.form == "describe" else before | {key: altered(reading, model)}


# Executing: whatever comes, within twenty seconds, by an error of PEP 249 or as the second reading has it


@contextmanager
def watched() -> Iterator[None]:
    """A hang is an error: no input here needs a second."""

    def hang(*_: object) -> None:
        raise AssertionError("not done after 20 seconds")

    before = signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, 20)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def refusal(run: Callable[[], object], text: str) -> dbapi.Error | None:
    """The error of PEP 249 that a text ends in, if any.  It can be printed, and its place is in the text."""
    error: dbapi.Error | None = None
    try:
        with watched():
            run()
    except dbapi.Error as found:
        error = found
    str(error).encode()
    if isinstance(error, dbapi.ModelError) and error.place:
        assert 1 <= error.place.line <= text.count("\n") + 1
        assert 1 <= error.place.column <= len(text) + 1
    return error


_TABLE = "CREATE TABLE t (a, [b;c])"
_SETUP = [
    create(tail="COMMENT 'the model'"),
    add(version="v2", inputs="INPUT (f1 int, f2 varchar(10) COMMENT 'two')"),
    create(REMOTE, name="r", inputs=""),
    create(REMOTE, name="lab.r", PAI_EAS_SYNC_REQUEST_TIMEOUT="5000"),
    create(name="test_xgboost_classifier"),
    create(REMOTE, name="PAI_EAS_Qwen25_Omni_3B"),
]


class Bench:
    """A database in memory and one in a file, set back before each text to an empty or a full catalog."""

    def __init__(self, stack: ExitStack, path: Path) -> None:
        def connect(database: str | Path) -> dbapi.Connection:
            return stack.enter_context(closing(dbapi.connect(database, synchronous="OFF")))

        self.full, self.empty = connect(":memory:"), connect(":memory:")
        for text in _SETUP:
            self.full.execute(text)
        self.full.commit()
        self.catalogs: dict[bool, Catalog] = {True: stored(self.full), False: {}}
        self.memory, self.file, self.other = connect(":memory:"), connect(path), connect(path)
        self.found: Counter[str] = Counter()

    def at(self, full: bool, in_file: bool) -> tuple[dbapi.Connection, Catalog]:
        """A connection to a catalog, and what is in it."""
        con = self.file if in_file else self.memory
        con.rollback()
        con.flags.clear()
        (self.full if full else self.empty).backup(con)
        return con, self.catalogs[full]

    def seen(self, con: dbapi.Connection) -> Catalog:
        """What is stored; of the file what another connection sees."""
        con.commit()
        return stored(self.other if con is self.file else con)

    def run(
        self, text: str, parameters: Sequence[str] = (), full: bool = True, in_file: bool = False
    ) -> bool:
        """Execute a text, in the file inside of a transaction, and compare with the second reading; whether
        it was accepted."""
        con, before = self.at(full, in_file)
        if in_file:
            con.execute(_TABLE)
        cursor = con.cursor()
        error = refusal(lambda: list(cursor.execute(text, parameters)), text)
        assert error is None or con.in_transaction == in_file
        try:
            expected, forbidden = after(before, text, parameters), None
        except Forbidden as rule:
            expected, forbidden = before, rule
        except Unread:
            expected, forbidden = (before, Forbidden(error)) if error else (None, None)
        kind = "refused" if error else "accepted" if cursor.statement else "other"
        self.found[kind] += 1
        self.found["read again"] += kind == "accepted" and expected is not None
        assert (error is None) == (forbidden is None), (error, forbidden)
        assert expected in (None, self.seen(con))
        if in_file:
            assert self.other.execute("SELECT * FROM t").fetchall() == []
        return error is None

    def summary(self) -> str:
        refused, accepted, other, again = (
            self.found[k] for k in ("refused", "accepted", "other", "read again")
        )
        assert again > 0.9 * accepted > 0.05 * refused
        return (
            f"{refused + accepted + other:,} texts: {accepted:,} accepted, {again:,} of them checked by the second"
            f" reading; {refused:,} refused by errors of PEP 249, without a trace; {other:,} SET or other SQL; 0 hangs"
        )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(stack, tmp_path / "models.db")


# Statements of a grammar: forms with places, and at each place what the rules allow and what they forbid

_ALLOWED_FORMS = """
    {flags} CREATE MODEL {new} WITH VERSION {version} {inputs} OPTIONS {IMPORT} {comment} {end}
    {flags} CREATE MODEL {new} WITH VERSION {version} {inputs or none} OPTIONS {REMOTE} {comment} {end}
    {flags} CREATE MODEL IF NOT EXISTS {any} WITH VERSION {version} {inputs} OPTIONS {IMPORT} {comment} {end}
    {without} CREATE MODEL {new without} WITH VERSION {version} {inputs} OPTIONS {IMPORT} {comment} {end}
    {flags} ALTER MODEL {m} ADD VERSION {version} {inputs} WITH OPTIONS {import} {comment} {end}
    {flags} ALTER MODEL {r} ADD VERSION {version} {inputs or none} WITH OPTIONS {remote} {comment} {end}
    {flags} ALTER MODEL {m} SET DEFAULT_VERSION {old} {end}
    {flags} ALTER MODEL {m} DROP VERSION {no default} {end}
    {flags} DROP MODEL {m} {end}
    {flags} DROP MODEL IF EXISTS {any} {end}
    {without} DROP MODEL IF EXISTS {any without} {end}
    {flags} SHOW MODELS {end}
    {flags} SHOW VERSIONS FOR MODEL {m} {end}
    {flags} DESC MODEL {r} {end}
    {without} DESCRIBE MODEL {m without} {end}
""".strip().splitlines()
_FORBIDDEN_FORMS = """
    CREATE MODEL {new} WITH VERSION {version} OPTIONS {IMPORT} {comment}
    CREATE MODEL {new} WITH VERSION {version} {inputs} WITH OPTIONS {IMPORT} {comment}
    CREATE MODEL {new} WITH VERSION {version} {inputs} {comment} OPTIONS {IMPORT}
    CREATE MODEL {new} WITH VERSION {version} OPTIONS {REMOTE} INPUT ( f1 INT )
    CREATE MODEL {new} WITH VERSION {version} INPUT ( ) OPTIONS {REMOTE}
    CREATE MODEL {new} WITH VERSION {version} {inputs} OPTIONS ( )
    CREATE MODEL {new} VERSION {version} {inputs} OPTIONS {IMPORT}
    CREATE MODEL {new} {inputs} OPTIONS {IMPORT}
    CREATE MODEL {m} WITH VERSION {version} {inputs} OPTIONS {IMPORT}
    CREATE MODEL IF EXISTS {new} WITH VERSION {version} {inputs} OPTIONS {IMPORT}
    CREATE OR REPLACE MODEL {new} WITH VERSION {version} {inputs} OPTIONS {IMPORT}
    ALTER MODEL {m} ADD VERSION v2 {inputs} WITH OPTIONS {import}
    ALTER MODEL {m} ADD VERSION {version} {inputs} OPTIONS {import}
    ALTER MODEL {m} ADD VERSION {version} WITH OPTIONS {import}
    ALTER MODEL {m} ADD VERSION {version} {inputs} WITH OPTIONS {remote}
    ALTER MODEL {r} ADD VERSION {version} {inputs} WITH OPTIONS ( )
    ALTER MODEL {m} ADD VERSION IF NOT EXISTS {version} {inputs} WITH OPTIONS {import}
    ALTER MODEL {m} DROP VERSION IF EXISTS v2
    ALTER MODEL {m} SET DEFAULT VERSION v2
    ALTER MODEL {m} SET COMMENT 'x'
    ALTER MODEL {m} RENAME TO {new}
    DROP MODEL IF NOT EXISTS {m}
    DROP MODEL {m} , {r}
    SHOW MODELS LIKE 'm'
    SHOW VERSIONS MODEL {m}
    DESC MODEL
""".strip().splitlines()
_PLACES: dict[str, tuple[list[str], list[str]]] = {
    "flags": (["", "SET a.b=c;", "set ODPS.namespace.schema = TRUE ;\n"], ["SET odps.namespace.schema=maybe;", "SET x;"]),
    "without": (["SET odps.namespace.schema=false;"], ["SET odps.namespace.schema=;"]),
    "new": (
        ["n", "N_2", "model", "`select`", "x" * 256, "lab.m", "default.n", "local.lab.n", "a . b . c"],
        ["1n", "_n", "a-b", "`a-b`", "é", "``", "`a b`", "n$", "x" * 257, "a.b.c.d", "a..b", "'n'", "年", "`n", f"{PUBLIC}.s.n"],
    ),
    "any": (["n", "m", "lab.r", "`default`.m"], ["m.", "`m", "n m", f"{PUBLIC}.s.n"]),
    "m": (["m", "M", "`m`", "default.m", "LOCAL.`default`.m"], ["n", "s.m", "`m-1`", "p.default.m", "m.v1", f"{PUBLIC}.default.m"]),
    "r": (["r", "R", "lab.r", "local.LAB.r"], ["lab.m", "'r'"]),
    "new without": (["n", "p.n"], ["local.default.n", f"{PUBLIC}.n"]),
    "any without": (["n", "m", "p.n", "local.m"], ["local.default.n", f"{PUBLIC}.n"]),
    "m without": (["m", "Local.m"], ["default.m", "lab.m"]),
    "version": (["v3", "V_3", "version", "`add`", "v" * 256], ["default_version", "`DEFAULT_version`", "3", "v-3", "v" * 257, "'v3'", ""]),
    "old": (["v1", "V2", "`v2`"], ["v3", "default_version", "1", ""]),
    "no default": (["v2", "`V2`"], ["v1", "V1", "v3"]),
    "column": (
        ["f1", "F_2", "comment", "`int`", "年龄", "价格_1", "々", "c" * 128, "年" * 42],
        ["1f", "_f", "é", "`a b`", "c" * 129, "年" * 43, "かな", "'f'", ""],
    ),
    "type": (
        ["INT", "Bigint", "string", "DECIMAL", "decimal(38,18)", "DECIMAL(1, 1)", "decimal(5)", "varchar(65535)", "CHAR ( 255 )", "JSON"],
        ["", "INTEGER", "ARRAY<INT>", "MAP<STRING,INT>", "int(5)", "varchar", "VARCHAR(0)", "varchar(65536)", "char(256)", "decimal(39)",
         "decimal(38,19)", "decimal(2,3)", "decimal(-1)", "decimal(1,2,3)", "`int`", "'int'", "varchar(１０)"],
    ),
    "COMMENT": (
        ["", "a", "it's", '"', "a\\", "; DROP MODEL m; --", "*/ /*", "年", "\t\n\x1a", "x" * 1024, "年" * 341, "`${X}?"],
        ["x" * 1025, "年" * 342, "a\0b", "\udfff"],
    ),
    "IMPORT MODEL_SOURCE_TYPE": (["IMPORT"], ["import", "REMOTE", "INTERNAL_TRAIN", ""]),
    "IMPORT MODEL_TYPE": (["BOOSTED_TREE_CLASSIFIER", "BOOSTED_TREE_REGRESSOR"], ["LLM", "boosted_tree_regressor", ""]),
    "REMOTE MODEL_SOURCE_TYPE": (["REMOTE"], ["Remote", "IMPORT", " REMOTE", ""]),
    "REMOTE MODEL_TYPE": (["LLM", "MLLM"], ["llm", "BOOSTED_TREE_REGRESSOR", ""]),
    "import MODEL_SOURCE_TYPE": (["IMPORT"], ["import", "REMOTE"]),
    "import MODEL_TYPE": (["BOOSTED_TREE_CLASSIFIER"], ["BOOSTED_TREE_REGRESSOR", "boosted_tree_classifier", "LLM"]),
    "remote MODEL_SOURCE_TYPE": (["REMOTE"], ["Remote", "IMPORT"]),
    "remote MODEL_TYPE": (["MLLM"], ["LLM", "mllm"]),
    "LOCATION": (
        ["oss://oss-cn-x-internal.aliyuncs.com/b/", "oss://h/b/模型/a b.json", "oss://h/********/${X}'\\"],
        ["", "oss://h", "oss://h/b", "oss:///b/", "s3://h/b/", "OSS://h/b/", "oss://h/b/\n", "oss://h/b/\0", "oss://h/b/\x85"],
    ),
    "ROLEARN": (
        ["acs:ram::1:role/r", "acs:ram::139***:role/<role>", "acs:ram::1:role/a;b--c"],
        ["", "role/r", "acs:ram::1:role/", "acs:ram:1:role/r", "acs:ram::1:role/r\t", "acs:ram::1:role/r\x7f", "acs:ram::\0:role/r"],
    ),
    "TASKS": (["text-generation", "chat", "sentence-embedding"], ["", "Chat", "chat,chat", "text-generation "]),
    "PAI_EAS_MODEL_NAME": (["Qwen2.5-Omni-3B", "a; DROP MODEL m", "${NAME}", "年\U0001f600"], ["", " a", "a ", "a\nb", "a\x9fb", "\ud800"]),
    "PAI_EAS_SERVICE_NAME": (["service", "Group.Service", "*/;--"], ["", "a.b.c", "a.", "a b", "a\x7f"]),
    "ENDPOINT": (["http://1.cn-shanghai.pai-eas.aliyuncs.com", "https://h/x?a=b#c", "http://h-vpc"], ["", "h", "ftp://h", "http://", "http:///x", "http://a b", "http://a/\x7f"]),
    "APIKEY": (["${EAS_TOKEN}", "<apikey>", "key'\\\";", "${A", "$A}", "*key*"], ["", "********", "${1A}", "${}", " key", "key\n", "k\x9fy", "k\ud800"]),
    "PAI_EAS_SYNC_MODE": (["true"], ["TRUE", "false", ""]),
    _TIMEOUT: (["5000", "5001", "1800000"], ["4999", "1800001", "5000.0", "05000", "-5000", "５０００", ""]),
    "end": (["", "", ";", ";;", "；"], ["; SHOW MODELS", ")", ",", "LIKE 'x'", "v2", "?", "'", "\\", "\0"]),
}  # fmt: skip
_ESCAPED = {ord(character): f"\\{letter}" for letter, character in _MEANT.items()}
_GAPS = [" ", "\n", "\t ", "\r\n", " /* ; ' */ ", " -- it's; \"x\n", "/*+ hint */", "\u3000", "\ufeff "]


class Made(NamedTuple):
    """A text, its parameters, whether it is to be accepted, and whether the catalog is full."""

    text: str
    parameters: tuple[str, ...] = ()
    flawless: bool = False
    full: bool = True


#: Chooses among what is allowed and what is forbidden.
Choose = Callable[[Sequence[Any], Sequence[Any]], Any]


def foreign(text: str) -> str:
    """Words with letters whose capitals are ASCII's."""
    return text.replace("S", "ſ").replace("I", "ı").lower()


class Choices:
    """Fills the places of a form; it has no flaw while what is chosen is allowed."""

    def __init__(self, choose: Choose, alone: bool = True) -> None:
        self.choose, self.alone = choose, alone
        self.flawless, self.picked = True, 0
        self.parameters: tuple[str, ...] = ()
        self.gap, self.case = self.pick(_GAPS), self.pick([str.upper, str.lower, str.title], [foreign])
        self.marks = self.pick(["(,)", "（，）"])

    def pick(self, allowed: Sequence[_T], forbidden: Sequence[_T] = ()) -> _T:
        self.picked += 1
        found: _T = self.choose(allowed, forbidden)
        self.flawless &= found in allowed
        return found

    def made(self, form: str) -> Made:
        """A form with its places filled in, words in a case, and gaps."""
        parts = re.findall(r"\{.*?\}|\S+", form)
        filled = [self.place(part[1:-1]) if part[0] == "{" else self.case(part) for part in parts]
        full = not (" {new} " in form and self.pick([True, False]))
        parameters = self.parameters + (self.pick([()], [("x",)]) if self.alone else ())
        return Made(self.joined(*filled), parameters, self.flawless and form in _ALLOWED_FORMS, full)

    def joined(self, *parts: str) -> str:
        return self.gap.join(part for part in parts if part)

    def place(self, place: str) -> str:
        match place:
            case "comment":
                return self.comment()
            case "inputs" | "inputs or none":
                return self.inputs() if place == "inputs" or self.pick([True, False]) else ""
            case "IMPORT" | "REMOTE" | "import" | "remote":
                return self.options(place)
            case "flags" if not self.alone:
                return ""  # in a script it would hold for what follows
        return self.pick(*_PLACES[place])

    def listed(self, items: Sequence[str]) -> str:
        opening, comma, closing = self.marks
        end = self.pick([closing], ["", f",{closing}", f"{closing})", ";"])
        return self.joined(opening, self.joined("", comma, "").join(items), end)

    def literal(self, place: str) -> str:
        """A string in one of its forms, or a parameter."""
        value = self.pick(*_PLACES[place])
        if self.alone and self.pick([False] * 9 + [True]):
            self.parameters += (value,)
            return "?"
        escaped = value.replace("\\", "\\\\")
        single, double = escaped.replace("'", "\\'"), escaped.replace('"', '\\"')
        octal = re.sub(r"(?<!\\)[a-z]", lambda letter: f"\\{ord(letter[0]):03o}", single)
        named = re.sub(r"(?<!\\)[A-Y]", r"\\\g<0>", single.translate(_ESCAPED))
        forms = [f"'{single}'", f'"{double}"', f"'{octal}'", f"'{named}'", f"'' '{single}'"]
        if not re.search(r"['\"\\()]", value):
            forms += [f"r'({value})'", f'R"x_1({value})x_1"', f"'{value}'\"\""]
        return self.pick(forms, [value, f"‘{value}’", f"('{single}')", f"'{single}"])

    def comment(self) -> str:
        return self.joined(self.case("COMMENT"), self.literal("COMMENT")) if self.pick([True, False]) else ""

    def inputs(self) -> str:
        allowed, forbidden = _PLACES["column"]
        first, length = self.pick(range(len(allowed))), self.pick([1, 2, 3])
        names = (allowed * 2)[first : first + length]
        names += self.pick([[]], [names[:1]])
        columns = [(self.pick([name], forbidden), self.place("type"), self.comment()) for name in names]
        return self.joined(self.case("INPUT"), self.listed([self.joined(*column) for column in columns]))

    def options(self, place: str) -> str:
        """The options of a source type, in an order that may begin with any of them; those of a model that is
        there, in lower case, may be without the types."""
        keys = list(_VALUES[place.upper()])
        if _TIMEOUT in keys and self.pick([False, True]):
            keys.remove(_TIMEOUT)
        if place.isupper() or self.pick([True, False]):
            keys += ["MODEL_SOURCE_TYPE", "MODEL_TYPE"]
        first = self.pick(range(len(keys)))
        keys = keys[first:] + keys[:first]
        needed = [key for key in keys if key != _TIMEOUT and (place.isupper() or key[:6] != "MODEL_")]
        lacking = [[key for key in keys if key != other] for other in needed]
        more = [keys[0], "API_KEY", "ＴＡＳＫＳ", "LOCATION" if "TASKS" in keys else "TASKS"]
        keys = self.pick([keys], [*lacking, *([*keys, key] for key in more)])
        return self.listed([self.joined(self.case(key), "=", self.value(place, key)) for key in keys])

    def value(self, place: str, key: str) -> str:
        return self.literal(next(p for p in (f"{place} {key}", key, "TASKS") if p in _PLACES))


def each_choice(form: str) -> Iterator[Made]:
    """A form with the first choice at every place but one, where it has each in turn."""

    def choose(place: int, number: int) -> Choose:
        seen = count()
        return lambda allowed, forbidden: [*allowed, *forbidden][number if next(seen) == place else 0]

    for place in count():
        for number in count():
            try:
                c = Choices(choose(place, number))
                made = c.made(form)
            except IndexError:
                break
            if c.picked <= place:
                return
            yield made


@cache
def index(length: int) -> st.SearchStrategy[int]:
    return st.integers(0, length - 1)


def one_of(draw: Any, items: Sequence[_T]) -> _T:
    """Like sampled_from, which takes longer."""
    return items[draw(index(len(items)))] if len(items) > 1 else items[0]


@st.composite
def statements(draw: Any, flaws: bool = True, alone: bool = True) -> Made:
    """A form with any choices; with ``flaws``, one of them may be forbidden, or the form."""
    flaw = draw(index(24)) if flaws else -1
    forms = _ALLOWED_FORMS if alone else [form for form in _ALLOWED_FORMS if "{without}" not in form]
    flawed = count(1)

    def choose(allowed: Sequence[_T], forbidden: Sequence[_T]) -> _T:
        return one_of(draw, forbidden if forbidden and next(flawed) == flaw else allowed)

    return Choices(choose, alone).made(one_of(draw, _FORBIDDEN_FORMS if flaw == 0 else forms))


SLOW = settings(suppress_health_check=list(HealthCheck), deadline=None)


def checked(bench: Bench, made: Made, in_file: bool) -> None:
    """What has no flaw is accepted; of all else the second reading tells."""
    accepted = bench.run(made.text, made.parameters, made.full, in_file)
    assert accepted or not made.flawless
    bench.found["flawless"] += made.flawless


def test_what_the_grammar_makes_is_accepted_just_where_it_has_no_flaw(
    bench: Bench, scale: Scale, figures: Figures
) -> None:
    @settings(SLOW, max_examples=scale(700, 15_000))
    @given(statements(), st.booleans())
    def check(made: Made, in_file: bool) -> None:
        checked(bench, made, in_file)

    check()
    figures(f"{bench.summary()}; {bench.found['flawless']:,} made without a flaw, all accepted")


def test_each_choice_of_the_grammar_is_read_as_the_rules_say(bench: Bench, figures: Figures) -> None:
    for form in _ALLOWED_FORMS:
        for made in each_choice(form):
            checked(bench, made, in_file=False)
    for form in _FORBIDDEN_FORMS:
        assert not bench.run(Choices(lambda allowed, _: allowed[0]).made(form).text)
    figures(f"{bench.summary()}; {bench.found['flawless']:,} made without a flaw, all accepted")


# Statements that were valid, with characters and tokens taken out, doubled, swapped and put in

_HOSTILE = [
    *"'\"\\`;；，（）,()=.#?<>*\0\n\r\x1a\x0b\x7f\x85\x9f\u2028\u202e\u0301\u200d\ufeff\ud800年\U0001f600１é",
    "--", "/*", "*/", "/*+", "''", "\\'", 'R"(', "r'(", ")'", ":name", "?1", "${X}", "\r\n", "; DROP MODEL m", "COMMENT 'x'", "SET a=b;",
]  # fmt: skip
_ANY = st.characters(exclude_categories=["Co"])
_PIECES = re.compile(r"\w+|\s+|.", re.DOTALL)


@cache
def printed() -> list[Made]:
    """The statements of the vendor's pages and of the corpus."""
    scripts = [path.read_text() for path in [*sorted(PAGES.glob("*.sql")), PAGES.parent / "corpus.sql"]]
    texts = [piece.text for script in scripts for piece in split(script)]
    return [Made(text, full="CREATE" not in text) for text in texts]


@st.composite
def mutated(draw: Any) -> Made:
    made = one_of(draw, printed()) if draw(st.booleans()) else draw(statements(flaws=False))
    text = made.text
    for _ in range(one_of(draw, [1, 1, 2, 3])):
        pieces = list(text) if draw(st.booleans()) else _PIECES.findall(text)
        at = (draw(index(len(pieces))) + len(pieces) // 2) % len(pieces)  # small numbers come often
        here, following = pieces[at], "".join(pieces[at + 1 : at + 2])
        other = one_of(draw, _HOSTILE) if draw(st.booleans()) else one_of(draw, pieces)
        changed = one_of(draw, ["", here * 2, other, other + here, here + draw(_ANY)])
        pieces[at : at + 2] = one_of(draw, [[changed, following], [following, here]])
        text = "".join(pieces) or " "
    return made._replace(text=text, flawless=False)


def test_a_mutated_statement_is_read_as_the_rules_say(bench: Bench, scale: Scale, figures: Figures) -> None:
    """Of the pages, of the corpus and of the grammar."""

    @settings(SLOW, max_examples=scale(1_500, 28_000))
    @given(mutated(), st.booleans())
    def check(made: Made, in_file: bool) -> None:
        bench.run(made.text, made.parameters, made.full, in_file)

    check()
    figures(bench.summary())


def test_what_is_hostile_is_read_as_the_rules_say_wherever_it_stands(
    bench: Bench, scale: Scale, figures: Figures
) -> None:
    """Put in at each place of the vendor's statements; the short form takes some of the places."""
    step = scale(241, 23)
    for made in printed():
        for i, hostile in enumerate(_HOSTILE):
            for at in range(i % step, len(made.text) + 1, step):
                bench.run(made.text[:at] + hostile + made.text[at:], full=made.full, in_file=at % 2 == 0)
    figures(bench.summary())


_OTHER_SQL = [
    "…", "SELECT '…'", "SELECT …", "EXPLAIN …", "SET a=b;SELECT '…'", "…SET a=b", "SET a=b;…SET x", "WITH a AS (SELECT '…') DELETE FROM x",
    "CREATE TABLE …", "BEGIN…",
]  # fmt: skip


def test_of_other_sql_only_errors_of_pep_249_come_out(bench: Bench) -> None:
    for sql in _OTHER_SQL:
        for hostile in _HOSTILE:
            con, before = bench.at(full=True, in_file=False)
            text = sql.replace("…", hostile)
            refusal(lambda con=con, text=text: list(con.execute(text)), text)
            assert before == bench.seen(con)


# Scripts

_ORDINARY = [
    "SELECT ';', \"a;b\", 'it''s'", "/* ; */ SELECT 1 -- ;\n", "PRAGMA user_version", "SET a=b",
    "CREATE TRIGGER IF NOT EXISTS g AFTER INSERT ON t BEGIN SELECT ';'; SELECT CASE WHEN 1 THEN 2 END; END",
]  # fmt: skip
_ENDS = [";", ";\n", " ; -- ' ;\n", ';/* " ; */;']


class Script(NamedTuple):
    """The statements of a script, and some that are mutated, in which it may end anywhere."""

    texts: list[str]
    mutated: list[str]


@st.composite
def scripts(draw: Any) -> Script:
    text = statements(flaws=False, alone=False).map(lambda made: made.text)
    broken = mutated().map(lambda made: made.text)
    texts = draw(st.lists(text | st.sampled_from(_ORDINARY), min_size=1, max_size=5))
    return Script([_TABLE, *texts], draw(st.lists(broken, max_size=2)) if draw(st.booleans()) else [])


def well_cut(script: str) -> int:
    """How many statements a script has; between them stand but blanks, comments and semicolons."""
    end, pieces = 0, list(split(script))
    for piece in pieces:
        assert piece.text == script[piece.start : piece.end]
        between = re.sub(r"--[^\n]*|/\*.*?\*/|[\s\ufeff;；]", "", script[end : piece.start], flags=re.DOTALL)
        assert (between, piece.start < piece.end) == ("", True)
        end = piece.end
    return len(pieces)


def after_all(before: Catalog, texts: Sequence[str]) -> tuple[Catalog, bool]:
    """What statements make of a catalog, up to the first that is forbidden, and whether one is."""
    for text in texts:
        if text == _TABLE or text in _ORDINARY:
            continue
        try:
            before = after(before, text)
        except Forbidden:
            return before, True
    return before, False


def test_a_script_does_what_its_statements_do(bench: Bench, scale: Scale, figures: Figures) -> None:
    """In order, up to the first that is forbidden; and whatever follows them, only errors of PEP 249 do."""

    @settings(SLOW, max_examples=scale(400, 5_000))
    @given(scripts(), st.sampled_from(_ENDS), st.booleans(), st.booleans())
    def check(made: Script, end: str, full: bool, in_file: bool) -> None:
        script = end.join([*made.texts, *made.mutated])
        con, before = bench.at(full, in_file)
        pieces = well_cut(script)
        error = refusal(lambda: con.executescript(script), script)
        seen = bench.seen(con)
        if not made.mutated:
            expected, forbidden = after_all(before, made.texts)
            assert (expected, forbidden, len(made.texts)) == (seen, error is not None, pieces)
        bench.found[f"mutated {bool(made.mutated)} refused {error is not None}"] += 1

    check()
    whole, stopped, *mutated = (
        bench.found[f"mutated {m} refused {r}"] for m in (False, True) for r in (False, True)
    )
    figures(
        f"{sum(bench.found.values()):,} scripts: {whole:,} of known statements ran whole and {stopped:,} up to the one"
        f" that is forbidden; {sum(mutated):,} with mutated ones, {mutated[1]:,} of them refused; 0 hangs"
    )
    assert min(whole, stopped, sum(mutated)) > 0


# Large ones

LIMIT = 2 * 1024 * 1024


@pytest.mark.parametrize("filler", ["x", "é", "年", "\U0001f600", "\ud800"])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_statement_has_at_most_2_mb_of_utf_8(bench: Bench, filler: str, more: int) -> None:
    """2,097,152 bytes are accepted, one more is not."""
    opening, closing = f"{create()} /*", "*/"
    width = len(filler.encode(errors="surrogatepass"))
    length, rest = divmod(LIMIT + more - len(opening) - len(closing), width)
    text = opening + "x" * rest + filler * length + closing
    con, _ = bench.at(full=False, in_file=False)
    error = refusal(lambda: con.execute(text), text)
    assert (more > 0) == (error is not None and "at most 2 MB" in str(error))
    assert (0 if error else 1) == len(bench.seen(con))


def test_a_script_may_be_larger_than_its_statements(bench: Bench) -> None:
    con, _ = bench.at(full=False, in_file=True)
    texts = (create(name=name, tail="/*").ljust(LIMIT - 3, "x") + "*/;" for name in "abc")
    con.executescript("\n".join(texts))
    assert len(bench.seen(con)) == 3


def test_a_version_may_have_5_000_columns(bench: Bench) -> None:
    columns = (f"c{i} decimal(38,{i % 19}) COMMENT '{i}'" for i in range(5_000))
    assert bench.run(create(name="n", inputs=f"INPUT ({', '.join(columns)})"))
    assert len(bench.memory.execute("DESC MODEL n").fetchall()) == 9 + 10 + 5_000


def test_of_100_000_options_the_first_that_is_wrong_is_named(bench: Bench) -> None:
    with pytest.raises(dbapi.OptionError, match=r"^ODPS-0130071:\[1,\d{3}\] .* unknown option K0\n"):
        bench.memory.execute(create(LOCATION="', ".join(["x", *(f"K{i} = 'x" for i in range(100_000))])))


#: Statements, and what is repeated in them in place of the ellipsis.
_LONG = [
    *((create(tail="…"), part) for part in [*"'\"\\`;；（)(,.=*-#?<\0\n\r \ufeff\ud800\u0301é", "--\n", "/*", "/* ", "*/", "/**/", "'' ", "\\'"]),
    *((create(tail="…"), part) for part in ["r'x(", ")x'", "``", "a.", "x ", ":a ", "SET a=b;", "COMMENT 'x' "]),
    *((create(tail="COMMENT '…'"), part) for part in ["x", "\\n", "年", "\\", '"', "; ", "\n", "--", "' '"]),
    (create(tail="COMMENT R'x(…)x'"), ")x "), (create(tail="/*…*/"), "* /"), (create(tail="--…"), "x"),
    *((create(name="…"), part) for part in ["x", "a.", "年", "`"]), (create(name="`…`"), "x``"), (create(version="…"), "v"),
    *((create(inputs="INPUT (f0 …)"), part) for part in ["(", "array<", "int, f1 "]),
    *((create(inputs="INPUT (f0 decimal(…))"), part) for part in ["9", "0", "1,", "("]),
    (create(LOCATION="oss://h/b/…"), "x"), (create(ROLEARN="…"), "', ROLEARN = '"), (create(ROLEARN="…"), "', X = '"),
    ("…" + create(), "SET a=b;"), ("SET a=…;" + create(), "b "), ("…" + create(), "/* ' */\n"), ("…", "SHOW MODELS;"), ("CREATE MODE…", "L"),
]  # fmt: skip


@pytest.fixture
def _uncollected() -> Iterator[None]:
    """Without the collection of garbage, whose cost is that of all tests before."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_uncollected")
@pytest.mark.parametrize("made", _LONG, ids=lambda made: ascii(made[1]))
def test_what_is_long_costs_no_more_than_its_length(
    bench: Bench, scale: Scale, made: tuple[str, str]
) -> None:
    """Eight times the length costs eight times the time, and not 64, as a script and, where it may be several,
    as a statement."""
    text, part = made

    def cost(length: int) -> float:
        long = text.replace("…", part * (length // len(part)))
        con, _ = bench.at(full=False, in_file=False)
        started = time.process_time()
        for run in (con.executescript, con.execute) if ";" in part else (con.executescript,):
            refusal(lambda run=run: list(run(long)), long)
        return time.process_time() - started

    def ratio() -> float:
        """Taken at one time, as others use the machine too."""
        return cost(length) / max(min(cost(length // 8) for _ in range(3)), 0.001)

    length = scale(128_000, 1_024_000)
    assert any(ratio() < 20 for _ in range(4))
