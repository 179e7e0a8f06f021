"""The operations: each is one model statement, run as its DDL element, and knows what undoes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

from alembic.operations import Operations
from alembic.operations.ops import MigrateOperation, OpContainer
from alembic.util import CommandError

from .. import sql
from ..catalog import Change
from ..ddl import (
    TYPE_ARGUMENTS,
    AlterModelAddVersion,
    AlterModelDropVersion,
    AlterModelSetDefaultVersion,
    CreateModel,
    DropModel,
    Input,
    ModelVersion,
)
from ..diff import Step, step_of
from ..errors import OptionError, SemanticError
from ..options import MASK, Options, PlainSecret
from ..schema import has_models


class Invoker(Protocol):
    """``alembic.op``, or an Operations."""

    def invoke(self, operation: MigrateOperation) -> Any: ...


class ModelOp(MigrateOperation):
    """An operation on a model: a step of one statement."""

    #: Its name: ``op.<directive>(…)``.
    directive: ClassVar[str]

    def __init__(self, step: Step) -> None:
        self.step = step

    @property
    def statement(self) -> Change:
        """The model statement that it runs."""
        return self.step.do[0]

    def reverse(self) -> ModelOp | ModelOps:
        """The operation that undoes this one.  Raises ValueError where what was there before is not known."""
        return operation_of(self.step.reversed())

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """(directive, model[, version], {argument: value}), a key masked."""
        names, named = arguments_of(self.statement)
        if "inputs" in named:
            named["inputs"] = [(column.name, column.type, column.comment) for column in named["inputs"]]
        if "options" in named:
            named["options"] = {key: str(value) for key, value in named["options"]}
        return (self.directive, *names, named)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.statement!r}>"


class ModelOps(OpContainer):
    """Several operations that are undone as one, such as those that make a model with its versions."""

    def __init__(self, step: Step) -> None:
        super().__init__([operation_of(step_of(statement)) for statement in step.do])
        self.step = step

    def reverse(self) -> ModelOp | ModelOps:
        """As of a ModelOp: all of them in the other direction."""
        return operation_of(self.step.reversed())


_Op = TypeVar("_Op", bound=type[ModelOp])


def _registered(operation: _Op) -> _Op:
    """Register the method that is called as the directive, of which Alembic takes the docstring away."""
    method = getattr(operation, operation.directive)
    told = method.__doc__
    Operations.register_operation(operation.directive)(operation)
    method.__func__.__doc__ = told
    return operation


def _version(
    model: str,
    name: str,
    inputs: Iterable[Input],
    options: Mapping[str, object] | Options,
    comment: str | None,
) -> ModelVersion:
    """The version that an operation is given."""
    try:
        version = ModelVersion(name, inputs=inputs, options=options, comment=comment)
        if PlainSecret(MASK) in dict(version.options).values():
            raise OptionError(
                f"version {version.name}: APIKEY is what autogenerate writes in place of a key: put"
                " EnvSecret('NAME') there",
                offender="APIKEY",
            )
    except SemanticError as error:
        error.prefix(f"model {model}")
        raise
    return version


@_registered
class CreateModelOp(ModelOp):
    """``op.create_model``: makes a model and its first version."""

    directive = "create_model"

    @classmethod
    def create_model(
        cls,
        operations: Invoker,
        model_name: str,
        version: str,
        *,
        source_type: str,
        model_type: str,
        inputs: Iterable[Input] = (),
        options: Mapping[str, object] | Options,
        comment: str | None = None,
        if_not_exists: bool = False,
        schema: str | None = None,
    ) -> None:
        """CREATE MODEL: a model and its first version, which becomes the default; both get the comment.

        The arguments are those of Model and ModelVersion.  Raises SemanticError before anything is run.
        """
        element = CreateModel(
            model_name,
            _version(model_name, version, inputs, options, comment),
            source_type=source_type,
            model_type=model_type,
            schema=schema,
            if_not_exists=if_not_exists,
        )
        operations.invoke(cls(step_of(element.statement)))


@_registered
class AddModelVersionOp(ModelOp):
    """``op.add_model_version``: adds a version."""

    directive = "add_model_version"

    @classmethod
    def add_model_version(
        cls,
        operations: Invoker,
        model_name: str,
        version: str,
        *,
        inputs: Iterable[Input] = (),
        options: Mapping[str, object] | Options,
        comment: str | None = None,
        schema: str | None = None,
    ) -> None:
        """ALTER MODEL … ADD VERSION.  Raises SemanticError."""
        added = _version(model_name, version, inputs, options, comment)
        element = AlterModelAddVersion(model_name, added, schema=schema)
        operations.invoke(cls(step_of(element.statement)))


@_registered
class SetDefaultModelVersionOp(ModelOp):
    """``op.set_default_model_version``: makes a version the default."""

    directive = "set_default_model_version"

    @classmethod
    def set_default_model_version(
        cls, operations: Invoker, model_name: str, version: str, *, schema: str | None = None
    ) -> None:
        """ALTER MODEL … SET DEFAULT_VERSION."""
        element = AlterModelSetDefaultVersion(model_name, version, schema=schema)
        operations.invoke(cls(step_of(element.statement)))


@_registered
class DropModelVersionOp(ModelOp):
    """``op.drop_model_version``: drops a version that is not the default."""

    directive = "drop_model_version"

    @classmethod
    def drop_model_version(
        cls, operations: Invoker, model_name: str, version: str, *, schema: str | None = None
    ) -> None:
        """ALTER MODEL … DROP VERSION.  The default version cannot be dropped."""
        element = AlterModelDropVersion(model_name, version, schema=schema)
        operations.invoke(cls(step_of(element.statement)))


@_registered
class DropModelOp(ModelOp):
    """``op.drop_model``: drops a model with all its versions."""

    directive = "drop_model"

    @classmethod
    def drop_model(
        cls, operations: Invoker, model_name: str, *, if_exists: bool = False, schema: str | None = None
    ) -> None:
        """DROP MODEL: the model and all its versions."""
        element = DropModel(model_name, if_exists=if_exists, schema=schema)
        operations.invoke(cls(step_of(element.statement)))


@Operations.implementation_for(ModelOp)
def _run(operations: Operations, operation: ModelOp) -> None:
    dialect = operations.migration_context.dialect
    if not has_models(dialect):
        raise CommandError(
            f"op.{operation.directive} of model {operation.statement.name} needs a database with models, as"
            f" odpsmodel:///path is: the dialect {dialect.name} has none"
        )
    implementation: Any = operations.impl
    implementation.change_model(operation.statement)


@Operations.implementation_for(ModelOps)
def _run_all(operations: Operations, operation: ModelOps) -> None:
    for each in operation.ops:
        operations.invoke(each)


_OPERATIONS: dict[type[Change], type[ModelOp]] = {
    sql.CreateModel: CreateModelOp,
    sql.AddVersion: AddModelVersionOp,
    sql.SetDefaultVersion: SetDefaultModelVersionOp,
    sql.DropVersion: DropModelVersionOp,
    sql.DropModel: DropModelOp,
}


def operation_of(step: Step) -> ModelOp | ModelOps:
    """The operation that takes a step."""
    return _OPERATIONS[type(step.do[0])](step) if len(step.do) == 1 else ModelOps(step)


def arguments_of(statement: Change) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The names and the named arguments of a statement's operation, without what may be left out."""
    version = () if isinstance(statement, sql.DropModel) else (statement.version,)
    named: dict[str, Any] = {}
    if isinstance(statement, (sql.CreateModel, sql.AddVersion)):
        types = TYPE_ARGUMENTS if isinstance(statement, sql.CreateModel) else {}
        named = {types[key]: value for key, value in statement.options if key in types}
        named["inputs"] = statement.inputs
        named["options"] = tuple(pair for pair in statement.options if pair[0] not in types)
        named["comment"] = statement.comment
    for flag in ("if_not_exists", "if_exists"):
        named[flag] = getattr(statement, flag, False)
    named["schema"] = statement.name.schema
    given = {name: value for name, value in named.items() if value or name == "options"}
    return (statement.name.model, *version), given
