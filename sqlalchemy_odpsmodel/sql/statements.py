"""The statements: one frozen dataclass each.  ``str()`` is MaxCompute SQL, ``repr()`` is Python.

Values are checked and folded when a statement is made, whoever makes it; what depends on the model
(its types, its options' rules) is left to the catalog.  The union :data:`Statement` is the registry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ..errors import OptionError, SemanticError
from ..model import DEFAULT_SCHEMA, InputColumn, ModelName, comment_text, model_name, version_name
from ..options import Options, OptionValue, as_options
from .lexer import MODEL_VERBS, RESERVED, quote

NAMESPACE_FLAG = "odps.namespace.schema"

#: A flag's name, and its value: to the semicolon, the line's end or a comment, and not over the opening of
#: a statement, before which the semicolon is missing.
_OPENING = rf"(?i:(?:{MODEL_VERBS})\s+(?:OR\s+REPLACE\s+)?(?:MODELS?|VERSIONS?))\b"
_VALUE_WORD = r"(?:(?!--|/\*)[^;；\s])++"
FLAG, FLAG_VALUE = r"\w+(?:\.\w+)*", rf"{_VALUE_WORD}(?:[ \t]++(?!{_OPENING}){_VALUE_WORD})*+"

_FLAG, _FLAG_VALUE = re.compile(FLAG), re.compile(FLAG_VALUE)
_BARE = re.compile(r"\w+")
#: How an option's value is written; :class:`str` masks a key.
Shown = Callable[[OptionValue], str]


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) and name not in RESERVED else f"`{name}`"


def _comment(comment: str | None, before: str) -> str:
    return "" if comment is None else f"{before}COMMENT {quote(comment)}"


def _inputs(inputs: tuple[InputColumn, ...]) -> str:
    columns = (f"{_name(c.name)} {c.type}{_comment(c.comment, ' ')}" for c in inputs)
    return f"\nINPUT ({', '.join(columns)})" if inputs else ""


def _options(options: Options, shown: Shown) -> str:
    lines = ",\n".join(f"    {key} = {quote(shown(value))}" for key, value in options)
    return f"({lines and chr(10) + lines + chr(10)})"


@dataclass(frozen=True)
class _Flagged:
    """``flags``: the SET lines before a statement, with the namespace flag it was read under."""

    flags: tuple[tuple[str, str], ...] = field(default=(), kw_only=True)
    #: Set by the catalog, which goes through its rules once a statement.
    checked: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.flags != ():
            object.__setattr__(self, "flags", tuple(flag(*pair) for pair in self.flags))
        with_schema = self.namespace_schema
        if not hasattr(self, "name"):
            return
        name = self.name
        if not isinstance(name, ModelName):
            raise SemanticError(f"name must be a ModelName, not {type(name).__name__}")
        if name.schema and not (with_schema or _without_schema(name)):
            raise SemanticError(
                f"with {NAMESPACE_FLAG}=false a name has no schema: write project.model",
                offender=name.schema,
            )

    @property
    def namespace_schema(self) -> bool:
        """Whether ``a.b`` is schema.model (True, the default) or project.model."""
        return not self.flags or namespace_flag(self.flags)

    def __str__(self) -> str:
        return "".join(f"SET {key}={value};\n" for key, value in self.flags) + self.body()

    def body(self, shown: Shown = str) -> str:
        """The statement without its SET lines, its options' values written as ``shown`` has them."""
        raise NotImplementedError

    def _model(self, name: ModelName) -> str:
        schema = name.schema if self.namespace_schema else None
        return ".".join(_name(part) for part in (name.project, schema, name.model) if part)


def _without_schema(name: ModelName) -> bool:
    return name.project is not None and name.schema == DEFAULT_SCHEMA


def flag(key: str, value: str) -> tuple[str, str]:
    """A flag's name and value; the namespace flag, which is read here, in its one spelling."""
    if not (_FLAG.fullmatch(key) and _FLAG_VALUE.fullmatch(value)):
        raise SemanticError("SET takes a flag's name, =, and a value on one line", offender="SET")
    return NAMESPACE_FLAG if key.lower() == NAMESPACE_FLAG else key, value


def namespace_flag(flags: Iterable[tuple[str, str]], default: bool = True) -> bool:
    """The namespace flag among flags; the last one counts.  Its value is true or false."""
    value = default
    for key, text in flags:
        if key == NAMESPACE_FLAG:
            if text.lower() not in ("true", "false"):
                raise SemanticError(f"{NAMESPACE_FLAG} must be true or false", offender="SET")
            value = text.lower() == "true"
    return value


@dataclass(frozen=True)
class CreateModel(_Flagged):
    """``CREATE MODEL [IF NOT EXISTS] name WITH VERSION version [INPUT …] OPTIONS … [COMMENT …]``.

    Makes the model and its first version, which becomes the default; both get the comment.
    """

    name: ModelName
    version: str
    inputs: tuple[InputColumn, ...]
    options: Options
    comment: str | None = None
    if_not_exists: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _fold_version(self)
        model_name(self.name.model)
        if not self.options:
            raise OptionError("OPTIONS is empty")

    def body(self, shown: Shown = str) -> str:
        exists = "IF NOT EXISTS " if self.if_not_exists else ""
        return (
            f"CREATE MODEL {exists}{self._model(self.name)}"
            f" WITH VERSION {_name(self.version)}{_inputs(self.inputs)}"
            f"\nOPTIONS {_options(self.options, shown)}{_comment(self.comment, chr(10))}"
        )


@dataclass(frozen=True)
class AddVersion(_Flagged):
    """``ALTER MODEL name ADD VERSION version [INPUT …] WITH OPTIONS … [COMMENT …]``."""

    name: ModelName
    version: str
    inputs: tuple[InputColumn, ...] = ()
    options: Options = ()
    comment: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _fold_version(self)

    def body(self, shown: Shown = str) -> str:
        return (
            f"ALTER MODEL {self._model(self.name)}"
            f" ADD VERSION {_name(self.version)}{_inputs(self.inputs)}"
            f"\nWITH OPTIONS {_options(self.options, shown)}{_comment(self.comment, chr(10))}"
        )


def _fold_version(statement: CreateModel | AddVersion) -> None:
    object.__setattr__(statement, "version", version_name(statement.version))
    object.__setattr__(statement, "inputs", _unique(tuple(statement.inputs)))
    object.__setattr__(statement, "options", as_options(statement.options))
    object.__setattr__(statement, "comment", comment_text(statement.comment))


def _unique(inputs: tuple[InputColumn, ...]) -> tuple[InputColumn, ...]:
    """The columns, each with a name of its own; a comment of "" is none."""
    seen: set[str] = set()
    blank = False
    for column in inputs:
        if not isinstance(column, InputColumn):
            raise SemanticError(f"inputs must be InputColumns, not {type(column).__name__}")
        if column.name in seen:
            raise SemanticError(f"input column {column.name} is given twice", offender=column.name)
        seen.add(column.name)
        blank = blank or column.comment == ""
    if not blank:
        return inputs
    return tuple(replace(column, comment=None) if column.comment == "" else column for column in inputs)


@dataclass(frozen=True)
class SetDefaultVersion(_Flagged):
    """``ALTER MODEL name SET DEFAULT_VERSION version``."""

    name: ModelName
    version: str

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "version", model_name(self.version, "version name"))

    def body(self, shown: Shown = str) -> str:
        model = self._model(self.name)
        return f"ALTER MODEL {model} SET DEFAULT_VERSION {_name(self.version)}"


@dataclass(frozen=True)
class DropVersion(_Flagged):
    """``ALTER MODEL name DROP VERSION version``."""

    name: ModelName
    version: str

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "version", model_name(self.version, "version name"))

    def body(self, shown: Shown = str) -> str:
        return f"ALTER MODEL {self._model(self.name)} DROP VERSION {_name(self.version)}"


@dataclass(frozen=True)
class DropModel(_Flagged):
    """``DROP MODEL [IF EXISTS] name``: the model and all its versions."""

    name: ModelName
    if_exists: bool = False

    def body(self, shown: Shown = str) -> str:
        exists = "IF EXISTS " if self.if_exists else ""
        return f"DROP MODEL {exists}{self._model(self.name)}"


@dataclass(frozen=True)
class ShowModels(_Flagged):
    """``SHOW MODELS``: the models of the current project and schema."""

    def body(self, shown: Shown = str) -> str:
        return "SHOW MODELS"


@dataclass(frozen=True)
class ShowVersions(_Flagged):
    """``SHOW VERSIONS FOR MODEL name``."""

    name: ModelName

    def body(self, shown: Shown = str) -> str:
        return f"SHOW VERSIONS FOR MODEL {self._model(self.name)}"


@dataclass(frozen=True)
class DescModel(_Flagged):
    """``DESC[RIBE] MODEL name``: the model, its default version, that version's inputs."""

    name: ModelName

    def body(self, shown: Shown = str) -> str:
        return f"DESC MODEL {self._model(self.name)}"


@dataclass(frozen=True)
class SetFlags(_Flagged):
    """``SET flag = value`` alone: holds for the connection."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.flags:
            raise SemanticError("SET takes a flag")

    def __str__(self) -> str:
        return super().__str__().removesuffix(";\n")

    def body(self, shown: Shown = str) -> str:
        return ""


Statement = (
    CreateModel
    | AddVersion
    | SetDefaultVersion
    | DropVersion
    | DropModel
    | ShowModels
    | ShowVersions
    | DescModel
    | SetFlags
)
