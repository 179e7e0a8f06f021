"""Autogenerate: compares the declared models with a database's, and renders the operations."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cached_property
from textwrap import wrap
from typing import Any, cast

from alembic.autogenerate import comparators, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import UpgradeOps
from alembic.util import CommandError, DispatchPriority, to_list
from sqlalchemy import Dialect, MetaData
from sqlalchemy.exc import InvalidRequestError

from ..diff import Kept, ReplacementRefused, Step, altered, created, dropped
from ..options import MASK, MODEL_TYPES, PlainSecret
from ..reflection import ModelInspector, ReflectedModel
from ..schema import Model, are_transactional, has_models, models_of, reflected_model
from ..source import call, inputs_argument, literal, options_argument
from ..sql import AddVersion, CreateModel
from ..store import VIEWS
from .operations import ModelOp, ModelOps, arguments_of, operation_of
from .settings import settings_of

log = logging.getLogger("alembic.autogenerate.models")  # Alembic's own prefix, which its projects show

_MODEL: Any = "model"  # the type that filters are asked with; Alembic has a Literal of its own types
_SHORT = 90  # characters of a line, behind which a call has an argument a line
_UNREADABLE = 'no key is written here: put EnvSecret("NAME") in its place, or this fails'


# A subgroup of its own: in one, a comparator may stop those that come after it.
@comparators.dispatch_for("autogenerate", priority=DispatchPriority.LAST, subgroup="models")
def compare_models(context: AutogenContext, upgrade_ops: UpgradeOps) -> None:
    """Add the operations that bring the database's models to the declared ones: drops of models before what
    happens to tables, all else after it.  On a dialect without models nothing is compared."""
    declared = [model for metadata in to_list(context.metadata) for model in models_of(metadata)]
    if not has_models(context.dialect):
        included = [model for model in declared if _includes_object(context, model, False, None)]
        _leave_out(included, context.dialect)
        return
    if not are_transactional(context.dialect):
        _refuse_upper_case(context)
    upgrade_ops.ops[:] = [operation for operation in upgrade_ops.ops if not _is_of_a_store_view(operation)]
    comparison = _Comparison(context, declared)
    try:
        drops = [operation_of(step) for step in comparison.drops()]
        changes = [operation_of(step) for step in comparison.changes()]
    except ReplacementRefused as error:
        setting = f"odpsmodel_allow_replace={error.needed!r} in context.configure()"
        allowed = comparison.settings.allow_replace
        raise CommandError(f"{error} with {setting}, where it is {allowed!r}") from error
    except InvalidRequestError as error:
        raise CommandError(str(error)) from error
    upgrade_ops.ops[:0] = drops
    upgrade_ops.ops.extend(changes)


def _refuse_upper_case(context: AutogenContext) -> None:
    """MaxCompute folds the names of tables and schemas, so that another table would be found than is
    declared."""
    for table in (table for metadata in to_list(context.metadata) for table in metadata.tables.values()):
        name, folded = table.fullname, table.fullname.lower()
        if name != folded and context.run_object_filters(table, table.name, "table", False, None):
            raise CommandError(f"MaxCompute folds names: declare the table {name} as {folded}")


def _leave_out(declared: list[Model], dialect: Dialect) -> None:
    """On another dialect models are left out, with a warning; SQLite's is that of a URL by mistake."""
    if not declared:
        return
    message = (
        f"models are declared ({declared[0].fullname}), and the dialect {dialect.name} has none: a URL for"
        " models is odpsmodel:///path, or sqlite+odpsmodel:///path under the name sqlite"
    )
    if dialect.name == "sqlite":
        raise CommandError(message)
    log.warning(message)


def _is_of_a_store_view(operation: Any) -> bool:
    """Whether an operation is one on a Table by which an application reads a view of the store."""
    return getattr(operation, "table_name", None) in VIEWS and operation.schema in (None, "main")


def _includes_object(
    context: AutogenContext, model: Model, reflected: bool, compare_to: Model | None
) -> bool:
    """Whether include_object lets a model through."""
    return context.run_object_filters(model, model.name, _MODEL, reflected, compare_to)


#: Models by the database's schema and their names.
_Models = dict[tuple[str, str], Model]


class _Comparison:
    """The models of a database beside the declared ones, as far as include_name lets them through."""

    def __init__(self, context: AutogenContext, declared: list[Model]) -> None:
        self.context, self.settings = context, settings_of(context.opts)
        self.every_schema = bool(context.opts.get("include_schemas"))
        self.inspector = cast(ModelInspector, context.inspector)
        self.own_schema = self.inspector.get_default_model_schema_name()
        self.declared = self._declared(declared)
        self.found = self._found(declared)

    def _declared(self, models: list[Model]) -> _Models:
        declared = _Models()
        for model in models:
            schema = model.schema or self.own_schema
            if not self._includes(schema, model.name):
                continue
            if (schema, model.name) in declared:
                own = ", which is the one of models without a schema" if schema == self.own_schema else ""
                raise CommandError(f"model {model.name} is declared twice in schema {schema}{own}")
            declared[schema, model.name] = model
        return declared

    def _found(self, declared: list[Model]) -> _Models:
        """The models of the connection's own schema and of those that are declared, or of all."""
        schemas = {self.own_schema, *(model.schema or self.own_schema for model in declared)}
        scratch, found = MetaData(), _Models()
        for model in self.inspector.get_all_models(None if self.every_schema else schemas):
            schema, name = model["schema"], model["name"]
            if self._includes(schema, name) and self._can_be_made(model):
                found[schema, name] = reflected_model(model, scratch, self._shown(schema))
        return found

    def _can_be_made(self, model: ReflectedModel) -> bool:
        """Others are left alone, as INTERNAL_TRAIN models on MaxCompute."""
        made = model["source_type"] in MODEL_TYPES
        if not made and (model["schema"], model["name"]) in self.declared:
            raise CommandError(
                f"model {model['name']} of schema {model['schema']} is {model['source_type']} in the"
                " database, which no statement makes or changes: declare one of another name"
            )
        return made

    def _shown(self, schema: str) -> str | None:
        """A schema as it is declared: the connection's own is None."""
        return None if schema == self.own_schema else schema

    def _includes(self, schema: str, name: str) -> bool:
        shown = self._shown(schema)
        passes = self.context.run_name_filters
        return passes(shown, "schema", {}) and passes(name, _MODEL, {"schema_name": shown})

    def drops(self) -> Iterator[Step]:
        """The models that are not declared."""
        if not self.settings.drop_undeclared:
            return
        for (schema, name), model in self.found.items():
            if (schema, name) in self.declared or not (self.every_schema or schema == self.own_schema):
                continue
            if _includes_object(self.context, model, True, None):
                log.info("Detected removed model %r", model.fullname)
                yield dropped(model)

    def changes(self) -> Iterator[Step]:
        """The declared models that are not there, or not as they are declared."""
        for key, model in self.declared.items():
            before = self.found.get(key)
            if not _includes_object(self.context, model, False, before):
                continue
            if before is None:
                log.info("Detected added model %r", model.fullname)
                yield _told(created(model))
                continue
            for step in altered(before, model, self.settings.allow_replace, self._kept):
                for statement in step.do:
                    change = type(statement).__name__, arguments_of(statement)[0][-1]
                    log.info("Detected change of model %r: %s %s", model.fullname, *change)
                yield _told(step)

    @cached_property
    def _kept(self) -> Kept:
        return cast(Kept, cast(Any, self.context.dialect).key_comparison(self.context.connection))


def _told(step: Step) -> Step:
    """The step, with a warning of what it loses, and of what its migration will lack."""
    if step.lost:
        log.warning(step.lost)
    for statement in step.do:
        if isinstance(statement, (CreateModel, AddVersion)) and any(
            isinstance(value, PlainSecret) for _, value in statement.options
        ):
            version = f"model {statement.name} version {statement.version}"
            log.warning(
                f"APIKEY of {version} is a plain key, which no migration holds: declare EnvSecret('NAME')"
            )
    return step


# Rendering


@renderers.dispatch_for(ModelOp)
def _render(context: AutogenContext, operation: ModelOp) -> list[str]:
    names, named = arguments_of(operation.statement)
    arguments = [*map(literal, names), *(_argument(name, value) for name, value in named.items())]
    if "APIKEY" in dict(named.get("options", ())):
        context.imports.add("from sqlalchemy_odpsmodel import EnvSecret")
    function = f"{context.opts.get('alembic_module_prefix') or ''}{operation.directive}"
    line = f"{function}({', '.join(arguments)})"
    lost = (f"# {part}" for part in wrap(operation.step.lost, _SHORT))
    return [*lost, line if len(line) <= _SHORT else call(function, arguments)]


@renderers.dispatch_for(ModelOps)
def _render_all(context: AutogenContext, operation: ModelOps) -> list[str]:
    return [line for each in operation.ops for line in _render(context, cast(ModelOp, each))]


def _argument(name: str, value: Any) -> str:
    match name:
        case "inputs":
            return inputs_argument(value)
        case "options":
            return options_argument(value, lambda key: (f'"{MASK}"', _UNREADABLE))
        case _:
            return f"{name}={literal(value) if isinstance(value, str) else value}"
