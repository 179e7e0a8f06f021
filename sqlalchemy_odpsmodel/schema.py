"""Declared models: Model on a MetaData, made and dropped with its tables.

On a dialect without models, ``create_all``, ``drop_all``, ``create`` and ``drop`` leave them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast, overload

from sqlalchemy import Connection, Engine, MetaData, event, inspect
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.exc import ArgumentError, InvalidRequestError
from sqlalchemy.schema import SchemaConst, SchemaItem
from sqlalchemy.sql.ddl import InvokeCreateDDLBase, InvokeDDLBase, InvokeDropDDLBase

from .ddl import (
    AlterModelAddVersion,
    CreateModel,
    DropModel,
    ModelDDL,
    ModelVersion,
    element_of,
    given_comments,
    refuse_types,
    shared_comments,
    translated_schema,
    with_comment,
)
from .diff import creation
from .errors import VersionExists, VersionNotFound
from .model import ModelName, model_name, version_name
from .options import MODEL_TYPES
from .reflection import ModelInspector, ReflectedModel, ReflectedModelVersion
from .registration import register_with_alembic

_RETAIN = SchemaConst.RETAIN_SCHEMA
#: Where a MetaData keeps its models, by schema and name: under a key that no foreign key has.  Of what
#: SQLAlchemy 2.0 and 2.1 both have, this is the only place that pickle keeps and clear() empties.
_REGISTRY = ("sqlalchemy_odpsmodel", None)


class Model(SchemaItem):
    """A model and its versions, declared on a MetaData and checked when it is made.

    ``versions``: one or more ModelVersions, in the order in which they are made.  ``default_version``:
    the name of one; None is the first one when the model is made, and is not managed afterwards.
    ``comment``: of the model; where only one of the model and its first version has one, it is both's, as
    CREATE MODEL has it ("" is none).  ``schema``: None is the MetaData's, else the connection's own.
    ``autoload_with``: an Engine, Connection or Inspector, from which all but the name is read.

    Raises SemanticError for what the vendor's rules refuse, InvalidRequestError for a second Model of a
    name on one MetaData, NoSuchTableError if there is none to read.
    """

    __visit_name__ = "model"

    name: str
    schema: str | None
    metadata: MetaData
    versions: tuple[ModelVersion, ...]
    source_type: str
    model_type: str
    default_version: str | None
    comment: str | None
    #: The comments of the model and of its versions as they were given; None is not compared with a database.
    stated: tuple[str | None, ...]

    @overload
    def __init__(
        self,
        name: str,
        metadata: MetaData,
        *versions: ModelVersion,
        source_type: str,
        model_type: str,
        default_version: str | None = None,
        comment: str | None = None,
        schema: str | SchemaConst | None = None,
        info: dict[Any, Any] | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self,
        name: str,
        metadata: MetaData,
        *,
        autoload_with: Engine | Connection | Inspector,
        schema: str | SchemaConst | None = None,
        info: dict[Any, Any] | None = None,
    ) -> None: ...
    def __init__(
        self,
        name: str,
        metadata: MetaData,
        *versions: ModelVersion,
        source_type: str | None = None,
        model_type: str | None = None,
        default_version: str | None = None,
        comment: str | None = None,
        schema: str | SchemaConst | None = None,
        info: dict[Any, Any] | None = None,
        autoload_with: Engine | Connection | Inspector | None = None,
    ) -> None:
        self._place(metadata, name, schema)
        if info is not None:
            self.info = info
        content = (*versions, source_type, model_type, default_version, comment)
        if autoload_with is not None:
            if any(value is not None for value in content):
                raise ArgumentError(f"Model {self.name} is read with autoload_with: give its name only")
            self._read(_inspector(autoload_with).get_model(self.name, self.schema))
        else:
            self._declare(versions, source_type, model_type, default_version, comment)
        self._set_parent_with_dispatch(metadata)

    def _place(self, metadata: MetaData, name: str, schema: str | SchemaConst | None) -> None:
        """The folded name and schema; None is the MetaData's."""
        if not isinstance(metadata, MetaData):
            raise ArgumentError(f"Model {name!r} takes a MetaData, not {type(metadata).__name__}")
        if schema is None:
            schema = metadata.schema
        folded = ModelName(name, schema if isinstance(schema, str) else None)
        self.name, self.schema = folded.model, folded.schema

    def _declare(
        self,
        versions: tuple[ModelVersion, ...],
        source_type: str | None,
        model_type: str | None,
        default_version: str | None,
        comment: str | None,
    ) -> None:
        """Take what is given, and check it by making the elements that would make the model."""
        others = [type(version).__name__ for version in versions if not isinstance(version, ModelVersion)]
        if others or not versions:
            found = f", not {others[0]}" if others else ""
            raise ArgumentError(f"Model {self.name} takes one ModelVersion or more after its MetaData{found}")
        if source_type is None or model_type is None:
            raise ArgumentError(f"Model {self.name} needs source_type and model_type")
        self.source_type, self.model_type = source_type, model_type
        self.stated = (comment, *(version.comment for version in versions))
        self.comment, of_first = shared_comments(comment, versions[0].comment)
        first = with_comment(versions[0], of_first)
        rest = [with_comment(version, version.comment or None) for version in versions[1:]]
        self.versions = (first, *rest)
        self.default_version = None if default_version is None else version_name(default_version)
        names: set[str] = set()
        for version in versions:
            if version.name in names:
                raise VersionExists(f"model {self.name} has version {version.name} twice")
            names.add(version.name)
        if self.default_version is not None and self.default_version not in names:
            raise VersionNotFound(
                f"model {self.name} has no version {self.default_version} to be the default"
            )
        CreateModel(
            self.name,
            with_comment(first, self.comment),
            source_type=source_type,
            model_type=model_type,
            schema=self.schema,
        )
        for version in rest if first.comment == self.comment else self.versions:
            refuse_types(version)
            AlterModelAddVersion(self, version)

    def _read(self, found: ReflectedModel) -> None:
        """Take what a database has, as it is."""
        self.source_type, self.model_type = found["source_type"], found["model_type"]
        self.comment, self.default_version = found["comment"], found["default_version"]
        self.versions = tuple(map(read_version, found["versions"]))
        self.stated = (self.comment, *(version.comment for version in self.versions))

    def _set_parent(self, parent: Any, **kw: Any) -> None:
        register_with_alembic()  # as env.py imports what is declared, whatever its database
        declared = parent._fk_memos.setdefault(_REGISTRY, {})
        if (self.schema, self.name) in declared:
            raise InvalidRequestError(
                f"model {self.fullname} is declared on this MetaData already: one Model has all its versions"
            )
        self.metadata = parent
        declared[self.schema, self.name] = self

    @property
    def fullname(self) -> str:
        """``schema.name``, or the name alone where there is no schema."""
        return f"{self.schema}.{self.name}" if self.schema else self.name

    def __repr__(self) -> str:
        versions, named = self.arguments()
        arguments = [repr(self.name), repr(self.metadata), *map(repr, versions)]
        arguments += [f"{name}={value!r}" for name, value in named.items()]
        return f"Model({', '.join(arguments)})"

    def arguments(self) -> tuple[tuple[ModelVersion, ...], dict[str, str]]:
        """The versions and named arguments that would declare the model, without what may be left out."""
        first = self.versions[0]
        comment, of_first = given_comments(self.comment, first.comment)
        named = {
            "source_type": self.source_type,
            "model_type": self.model_type,
            "default_version": self.default_version,
            "comment": comment,
            "schema": self.schema,
        }
        versions = (with_comment(first, of_first), *self.versions[1:])
        return versions, {name: value for name, value in named.items() if value is not None}

    def create(self, bind: Engine | Connection, checkfirst: bool = False) -> None:
        """Make the model with all its versions; with ``checkfirst`` only if there is none of its name."""
        bind._run_ddl_visitor(_ModelGenerator, self, checkfirst=checkfirst)

    def drop(self, bind: Engine | Connection, checkfirst: bool = False) -> None:
        """Drop the model; with ``checkfirst`` only if it is there."""
        bind._run_ddl_visitor(_ModelDropper, self, checkfirst=checkfirst)

    def to_metadata(
        self,
        metadata: MetaData,
        schema: str | SchemaConst | None = _RETAIN,
        name: str | None = None,
    ) -> Model:
        """A copy on another MetaData, in the same schema unless one is given, as Table.to_metadata."""
        copy = Model.__new__(Model)
        retained = self.schema or SchemaConst.BLANK_SCHEMA
        copy._place(metadata, model_name(name or self.name), retained if schema is _RETAIN else schema)
        copy.versions, copy.source_type, copy.model_type = self.versions, self.source_type, self.model_type
        copy.default_version, copy.comment, copy.stated = self.default_version, self.comment, self.stated
        copy._set_parent_with_dispatch(metadata)
        return self._schema_item_copy(copy)

    def _creation(self) -> Iterator[ModelDDL]:
        """The elements that make the model, as far as they are."""
        return (element_of(statement, self) for statement in creation(self))


def models_of(metadata: MetaData) -> tuple[Model, ...]:
    """The models that are declared on a MetaData, in order of declaration."""
    declared = cast(dict[Any, Model], metadata._fk_memos.get(_REGISTRY, {}))
    return tuple(declared.values())


def reflect_models(
    metadata: MetaData, bind: Engine | Connection | Inspector, schema: str | None = None
) -> list[Model]:
    """Declare the models of a database's schema on a MetaData, but for those that are declared already, and
    those that no statement makes, as INTERNAL_TRAIN models.

    Returns the new ones, by name.  ``schema`` None is the MetaData's, else the connection's own.
    """
    schema = metadata.schema if schema is None else schema
    schema = None if schema is None else model_name(schema, "schema name")
    inspector = _inspector(bind)
    declared = {(model.schema, model.name) for model in models_of(metadata)}
    made = []
    for found in inspector.get_models(schema):
        if (schema, found["name"]) not in declared and found["source_type"] in MODEL_TYPES:
            made.append(reflected_model(found, metadata, schema))
    return made


def reflected_model(found: ReflectedModel, metadata: MetaData, schema: str | None) -> Model:
    """Declare a model as a database has it."""
    model = Model.__new__(Model)
    model.name, model.schema = found["name"], schema
    model._read(found)
    model._set_parent_with_dispatch(metadata)
    return model


def _inspector(bind: Engine | Connection | Inspector) -> ModelInspector:
    inspector = bind if isinstance(bind, Inspector) else inspect(bind)
    if not isinstance(inspector, ModelInspector):
        raise ArgumentError(f"the dialect {bind.dialect.name} has no models")
    return inspector


def read_version(found: ReflectedModelVersion) -> ModelVersion:
    inputs = [(column["name"], column["type"], column["comment"]) for column in found["inputs"]]
    return ModelVersion(found["name"], inputs=inputs, options=found["options"], comment=found["comment"])


class _ModelVisitor(InvokeDDLBase):
    def __init__(self, dialect: Any, connection: Any, checkfirst: Any = False, **kw: Any) -> None:
        super().__init__(connection, **kw)
        self.dialect = dialect
        self.checkfirst = bool(checkfirst)  # a Flag in SQLAlchemy 2.1


class _ModelGenerator(_ModelVisitor, InvokeCreateDDLBase):
    def visit_model(self, model: Model) -> None:
        if not has_models(self.dialect) or (self.checkfirst and _exists(model, self.connection)):
            return
        with all_or_nothing(self.connection) as transactional:
            if transactional and self.checkfirst and _exists(model, self.connection):
                return  # another has made it while this one waited for the write lock
            if not transactional and hasattr(self.connection, "begin_nested"):
                _check_sent(model, self.connection)
            with self.with_ddl_events(model, checkfirst=self.checkfirst):
                for element in model._creation():
                    with nullcontext() if transactional else _undone(model, element, self.connection):
                        self.connection.execute(element)


class _ModelDropper(_ModelVisitor, InvokeDropDDLBase):
    def visit_model(self, model: Model) -> None:
        if not has_models(self.dialect) or (self.checkfirst and not _exists(model, self.connection)):
            return
        with self.with_ddl_events(model, checkfirst=self.checkfirst):
            self.connection.execute(DropModel(model, if_exists=self.checkfirst))


def has_models(dialect: Any) -> bool:
    """Whether a dialect, of whomever, has models."""
    return getattr(dialect, "supports_models", False)


def are_transactional(dialect: Any) -> bool:
    """Whether several statements on the models of a dialect can be undone as one."""
    return getattr(dialect, "transactional_models", True)


@contextmanager
def all_or_nothing(connection: Any) -> Iterator[bool]:
    """A savepoint with the write lock, and True; neither a mock engine nor MaxCompute has one."""
    if not (hasattr(connection, "begin_nested") and are_transactional(connection.dialect)):
        yield False
        return
    with connection.begin_nested():
        connection.dialect.lock_models(connection)
        yield True


def _check_sent(model: Model, connection: Any) -> None:
    """Raise before anything is sent what one of several statements would raise."""
    for element in model._creation():
        connection.dialect.check_sent(connection, element.statement)


@contextmanager
def _undone(model: Model, element: ModelDDL, connection: Any) -> Iterator[None]:
    """Where there are no transactions: after an error, drop what was made of a model, or say that it is
    left."""
    try:
        yield
    except BaseException as error:
        if not isinstance(element, CreateModel):  # before that, nothing was made
            try:
                connection.execute(DropModel(model))
                error.add_note(f"model {model.fullname} was dropped again: nothing of it is left")
            except Exception:
                error.add_note(f"model {model.fullname} is left with a part of its versions: drop it")
        raise


def _exists(model: Model, connection: Any) -> bool:
    schemas = connection.get_execution_options().get("schema_translate_map")
    schema = translated_schema(model.schema, schemas)
    return cast(bool, connection.dialect.has_model(connection, model.name, schema=schema))


@event.listens_for(MetaData, "after_create")
def _create_models(
    metadata: MetaData, connection: Any, *, _ddl_runner: Any, checkfirst: Any = False, **kw: Any
) -> None:
    """create_all: after the tables, in order of declaration; tables=[…] asks for no models."""
    if _ddl_runner.tables is None:
        for model in models_of(metadata):
            connection._run_ddl_visitor(_ModelGenerator, model, checkfirst=checkfirst)


@event.listens_for(MetaData, "before_drop")
def _drop_models(
    metadata: MetaData, connection: Any, *, _ddl_runner: Any, checkfirst: Any = False, **kw: Any
) -> None:
    """drop_all: before the tables, in reverse."""
    if _ddl_runner.tables is None:
        for model in reversed(models_of(metadata)):
            connection._run_ddl_visitor(_ModelDropper, model, checkfirst=checkfirst)
