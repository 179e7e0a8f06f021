"""A model's version as a value, and the five DDL elements: a model statement as an executable of SQLAlchemy.

An element says what, by the statement that it holds; the compiler of the dialect says how, and on a
dialect that has no models raises UnsupportedCompilationError.  An element checks itself by the catalog's
rules when it is made.  Source: the vendor's pages "Create and delete models" and "Modify a model version".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, overload

from sqlalchemy import Column, SQLColumnExpression
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import ArgumentError, CompileError
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.compiler import GenericTypeCompiler

from . import catalog, sql
from .catalog import Change
from .errors import OptionError, SemanticError
from .model import NAME_BYTES, InputColumn, ModelName, input_column, plain
from .options import Options, as_options

#: The options of CREATE MODEL that are arguments of the model here.
TYPE_ARGUMENTS = {"MODEL_SOURCE_TYPE": "source_type", "MODEL_TYPE": "model_type"}
#: A column is a Table's, or a mapped class's attribute.
Input = InputColumn | SQLColumnExpression[Any] | tuple[str, str] | tuple[str, str, str | None]


@dataclass(frozen=True, init=False, repr=False)
class ModelVersion:
    """A version of a model: its name, inputs, options and comment, checked when it is made.

    ``inputs``: ("name", "TYPE"), ("name", "TYPE", "comment") or Columns, whose type and comment count.
    ``options``: the keys of the vendor's tables, kept in upper case, an APIKEY as a secret; MODEL_SOURCE_TYPE
    and MODEL_TYPE are the model's, though ADD VERSION takes them if they equal its.  ``comment``: at most
    1,024 bytes of UTF-8.  A comment of "", an input's too, is none, and is compared with a database as
    that; None is not compared.  Raises SemanticError.
    """

    name: str
    inputs: tuple[InputColumn, ...]
    options: Options
    comment: str | None

    def __init__(
        self,
        name: str,
        *,
        inputs: Iterable[Input] = (),
        options: Mapping[str, object] | Options = (),
        comment: str | None = None,
    ) -> None:
        try:
            if not isinstance(inputs, Iterable):
                raise SemanticError(f"inputs are a list of inputs, not a {type(inputs).__name__}")
            columns = tuple(_input(column) for column in inputs)
            checked = sql.AddVersion(ModelName("m"), name, columns, as_options(options), comment)
        except SemanticError as error:
            error.prefix(f"version {str(name)[:NAME_BYTES]}")
            raise
        object.__setattr__(self, "name", checked.version)
        object.__setattr__(self, "inputs", columns)
        object.__setattr__(self, "options", checked.options)
        object.__setattr__(self, "comment", comment if comment is None else plain(comment))

    def __repr__(self) -> str:
        inputs = [(c.name, c.type) if c.comment is None else (c.name, c.type, c.comment) for c in self.inputs]
        comment = "" if self.comment is None else f", comment={self.comment!r}"
        return f"ModelVersion({self.name!r}, inputs={inputs!r}, options={dict(self.options)!r}{comment})"


class Declared(Protocol):
    """What an element needs of a :class:`~.schema.Model`."""

    name: str
    schema: str | None
    source_type: str
    model_type: str
    default_version: str | None
    comment: str | None
    versions: tuple[ModelVersion, ...]


class ModelDDL(ExecutableDDLElement):
    """A change of one model.  ``statement`` is what it says, ``element`` the Model or name given."""

    __visit_name__ = "model_ddl"
    stringify_dialect = "odpsmodel"

    def __init__(self, element: Declared | str, statement: Change) -> None:
        try:
            catalog.check(statement)
            if isinstance(statement, sql.AddVersion) and not isinstance(element, str):
                catalog.check_added(statement, element.source_type, element.model_type)
        except SemanticError as error:
            error.prefix(f"model {statement.name} version {getattr(statement, 'version', '')}")
            raise
        self.element = element
        self.statement = statement

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, 'statement', 'that was refused')!r}>"


class CreateModel(ModelDDL):
    """``CREATE MODEL [IF NOT EXISTS] … WITH VERSION …``: makes a model and its first version.

    Of a Model with several versions it makes the first; ``model.create()`` and ``metadata.create_all()``
    make all.  With a name, ``version``, ``source_type`` and ``model_type`` are needed too, and the model
    and its version share one comment.
    """

    @overload
    def __init__(self, model: Declared, *, if_not_exists: bool = False) -> None: ...
    @overload
    def __init__(
        self,
        model: str,
        version: ModelVersion,
        *,
        source_type: str,
        model_type: str,
        comment: str | None = None,
        schema: str | None = None,
        if_not_exists: bool = False,
    ) -> None: ...
    def __init__(
        self,
        model: Declared | str,
        version: ModelVersion | None = None,
        *,
        source_type: str | None = None,
        model_type: str | None = None,
        comment: str | None = None,
        schema: str | None = None,
        if_not_exists: bool = False,
    ) -> None:
        given = {"version": version, "source_type": source_type, "model_type": model_type, "comment": comment}
        name = name_of(model, schema)
        if isinstance(model, str):
            missing = [key for key, value in given.items() if value is None and key != "comment"]
            if missing:
                raise ArgumentError(f"CreateModel of the name {model!r} needs {' and '.join(missing)}")
            comments = shared_comments(comment, _version(version).comment)
        else:
            extra = [key for key, value in given.items() if value is not None]
            if extra:
                raise ArgumentError(f"CreateModel of a Model takes no {' and '.join(extra)}, which it has")
            version, comments = model.versions[0], (model.comment, model.versions[0].comment)
            source_type, model_type = model.source_type, model.model_type
        first = _version(version)
        refuse_types(first)
        comment, of_version = comments
        if comment != of_version:
            raise ArgumentError(
                f"CREATE MODEL gives model {name} and version {first.name} one comment, and theirs"
                " differ: a Model's create() and create_all() can make it"
            )
        first = with_comment(first, comment)
        super().__init__(model, create_statement(name, first, source_type, model_type, if_not_exists))


def create_statement(
    name: ModelName,
    first: ModelVersion,
    source_type: str | None,
    model_type: str | None,
    if_not_exists: bool = False,
) -> sql.CreateModel:
    """The statement that makes a model with its first version, whose comment is the model's too."""
    types = (("MODEL_SOURCE_TYPE", source_type), ("MODEL_TYPE", model_type))
    options = as_options((*types, *first.options))
    return sql.CreateModel(name, first.name, first.inputs, options, first.comment, if_not_exists)


def add_statement(name: ModelName, version: ModelVersion) -> sql.AddVersion:
    """The statement that adds a version."""
    return sql.AddVersion(name, version.name, version.inputs, version.options, version.comment)


class AlterModelAddVersion(ModelDDL):
    """``ALTER MODEL … ADD VERSION …``."""

    def __init__(self, model: Declared | str, version: ModelVersion, *, schema: str | None = None) -> None:
        super().__init__(model, add_statement(name_of(model, schema), _version(version)))


class AlterModelSetDefaultVersion(ModelDDL):
    """``ALTER MODEL … SET DEFAULT_VERSION …``."""

    def __init__(
        self, model: Declared | str, version: ModelVersion | str, *, schema: str | None = None
    ) -> None:
        super().__init__(model, sql.SetDefaultVersion(name_of(model, schema), _version_name(version)))


class AlterModelDropVersion(ModelDDL):
    """``ALTER MODEL … DROP VERSION …``."""

    def __init__(
        self, model: Declared | str, version: ModelVersion | str, *, schema: str | None = None
    ) -> None:
        super().__init__(model, sql.DropVersion(name_of(model, schema), _version_name(version)))


class DropModel(ModelDDL):
    """``DROP MODEL [IF EXISTS] …``: the model and all its versions."""

    def __init__(self, model: Declared | str, *, schema: str | None = None, if_exists: bool = False) -> None:
        super().__init__(model, sql.DropModel(name_of(model, schema), if_exists))


_ELEMENTS: dict[type[Change], type[ModelDDL]] = {
    sql.CreateModel: CreateModel,
    sql.AddVersion: AlterModelAddVersion,
    sql.SetDefaultVersion: AlterModelSetDefaultVersion,
    sql.DropVersion: AlterModelDropVersion,
    sql.DropModel: DropModel,
}


def element_of(statement: Change, element: Declared | str | None = None) -> ModelDDL:
    """The element that says a statement, of a Model where one is given; it checks itself as any does."""
    kind = _ELEMENTS[type(statement)]
    made = kind.__new__(kind)
    ModelDDL.__init__(made, element or statement.name.model, statement)
    return made


def name_of(model: Declared | str, schema: str | None = None) -> ModelName:
    """A model's name, of a Model or a name; the schema goes with a name."""
    if isinstance(model, str):
        return ModelName(model, schema)
    if not hasattr(model, "versions"):
        raise ArgumentError(f"this takes a Model or a name, not {type(model).__name__}")
    if schema is not None:
        raise ArgumentError(f"schema= goes with a name: the Model {model.name} has its own")
    return ModelName(model.name, model.schema)


def shared_comments(of_model: str | None, of_version: str | None) -> tuple[str | None, str | None]:
    """The comments of a model and its first version.  CREATE MODEL has one for both, so each is the
    other's where only one is given; "" is none at all."""
    of_model, of_version = (
        of_version if of_model is None else of_model,
        of_model if of_version is None else of_version,
    )
    return of_model or None, of_version or None


def given_comments(of_model: str | None, of_version: str | None) -> tuple[str | None, str | None]:
    """What to give for a model and its first version so that they have these comments."""
    if of_model == of_version:
        return of_model, None
    return of_model or "", of_version or ""


def with_comment(version: ModelVersion, comment: str | None) -> ModelVersion:
    """The version with another comment, or itself."""
    return version if version.comment == comment else replace(version, comment=comment)


Schemas = Mapping[str | None, str | None] | None


def translated_schema(schema: str | None, schemas: Schemas) -> str | None:
    """A schema looked up in a ``schema_translate_map``, whose names fold as a model's do."""
    folded = {name and name.lower(): to for name, to in (schemas or {}).items()}
    return folded.get(schema, schema)


def translated(statement: Change, schemas: Schemas) -> Change:
    """A statement with its schema looked up in a ``schema_translate_map``."""
    schema = translated_schema(statement.name.schema, schemas)
    return replace(statement, name=replace(statement.name, schema=schema)) if schemas else statement


def refuse_types(version: ModelVersion) -> None:
    """The types are the model's, where it is declared."""
    for key, _ in version.options:
        if key in TYPE_ARGUMENTS:
            raise OptionError(f"{key} is the model's: give it as {TYPE_ARGUMENTS[key]}=", offender=key)


def _version(version: object) -> ModelVersion:
    if not isinstance(version, ModelVersion):
        raise ArgumentError(f"a version is a ModelVersion, not {type(version).__name__}")
    return version


def _version_name(version: ModelVersion | str) -> str:
    return version.name if isinstance(version, ModelVersion) else version


def _input(given: Input) -> InputColumn:
    if isinstance(given, InputColumn):
        return given
    if isinstance(given, tuple) and len(given) in (2, 3):
        return input_column(*given)
    column: Any = given
    if hasattr(column, "__clause_element__"):
        column = column.__clause_element__()
    if isinstance(column, Column):
        return InputColumn(column.name, _input_type(column), column.comment)
    raise SemanticError(
        f"an input is ('name', 'TYPE'), ('name', 'TYPE', 'comment') or a Column, not a {type(given).__name__}"
    )


def _input_type(column: Column[Any]) -> str:
    try:
        return _INPUT_TYPES.process(column.type)
    except CompileError:
        raise SemanticError(
            f"the type of input column {column.name}, {column.type!r}, is none of MaxCompute's scalar types",
            offender=column.name,
        ) from None


class InputTypeCompiler(GenericTypeCompiler):
    """SQLAlchemy's types as the scalar types of MaxCompute.  What neither has raises CompileError."""

    def visit_INTEGER(self, type_: Any, **kw: Any) -> str:
        return "INT"

    def visit_TINYINT(self, type_: Any, **kw: Any) -> str:
        return "TINYINT"

    def visit_FLOAT(self, type_: Any, **kw: Any) -> str:
        return "DOUBLE" if (type_.precision or 0) > 24 else "FLOAT"  # in bits, as in standard SQL

    def visit_REAL(self, type_: Any, **kw: Any) -> str:
        return "FLOAT"

    def visit_DOUBLE_PRECISION(self, type_: Any, **kw: Any) -> str:
        return "DOUBLE"

    def visit_NUMERIC(self, type_: Any, **kw: Any) -> str:
        return "DECIMAL" + super().visit_NUMERIC(type_, **kw).removeprefix("NUMERIC").replace(" ", "")

    visit_DECIMAL = visit_NUMERIC

    def visit_VARCHAR(self, type_: Any, **kw: Any) -> str:
        return "STRING" if type_.length is None else f"VARCHAR({type_.length})"

    visit_NVARCHAR = visit_VARCHAR

    def visit_CHAR(self, type_: Any, **kw: Any) -> str:
        return f"CHAR({type_.length or 1})"

    visit_NCHAR = visit_CHAR

    def visit_TEXT(self, type_: Any, **kw: Any) -> str:
        return "STRING"

    visit_CLOB = visit_TEXT

    def visit_JSON(self, type_: Any, **kw: Any) -> str:
        return "JSON"

    def visit_BLOB(self, type_: Any, **kw: Any) -> str:
        return "BINARY"

    visit_BINARY = visit_VARBINARY = visit_BLOB


_DIALECT = DefaultDialect()
_DIALECT.name = "odpsmodel"  # whose variants of a type count
_INPUT_TYPES = InputTypeCompiler(_DIALECT)
