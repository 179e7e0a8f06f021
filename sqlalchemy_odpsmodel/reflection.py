"""What a database has, as SQLAlchemy's Inspector tells it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy.engine.reflection import Inspector

from .options import OptionValue


class ReflectedInput(TypedDict):
    """An input of a version; the type as DESC prints it."""

    name: str
    type: str
    comment: str | None


class ReflectedModelVersion(TypedDict):
    """A version.  An APIKEY among the options is an EnvSecret or, of a plain key, its Fingerprint."""

    name: str
    comment: str | None
    inputs: list[ReflectedInput]
    options: dict[str, OptionValue]
    create_time: datetime
    last_modified_time: datetime


class ReflectedModel(TypedDict):
    """A model with its versions in order of creation; times are UTC.  The owner is "" where the service does
    not tell."""

    name: str
    schema: str
    project: str
    owner: str
    source_type: str
    model_type: str
    default_version: str
    comment: str | None
    create_time: datetime
    last_modified_time: datetime
    versions: list[ReflectedModelVersion]


class ModelInspector(Inspector):
    """SQLAlchemy's Inspector with models.  A schema of None is the connection's own; results are cached
    as SQLAlchemy's are, until ``clear_cache()``."""

    def get_model_names(self, schema: str | None = None, **kw: Any) -> list[str]:
        """The names of a schema's models, in order."""
        return self._ask("get_model_names", schema=schema, **kw)  # type: ignore[no-any-return]

    def has_model(self, model_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Whether there is such a model."""
        return self._ask("has_model", model_name, schema=schema, **kw)  # type: ignore[no-any-return]

    def get_model(self, model_name: str, schema: str | None = None, **kw: Any) -> ReflectedModel:
        """A model with all its versions.  Raises NoSuchTableError."""
        return self._ask("get_model", model_name, schema=schema, **kw)  # type: ignore[no-any-return]

    def get_model_versions(
        self, model_name: str, schema: str | None = None, **kw: Any
    ) -> list[ReflectedModelVersion]:
        """A model's versions, in order of creation.  Raises NoSuchTableError."""
        return self.get_model(model_name, schema, **kw)["versions"]

    def get_models(self, schema: str | None = None, **kw: Any) -> list[ReflectedModel]:
        """All models of a schema, by name, in one read."""
        return self._ask("get_models", schema=schema, **kw)  # type: ignore[no-any-return]

    def get_all_models(self, schemas: Iterable[str] | None = None, **kw: Any) -> list[ReflectedModel]:
        """All models of the project, or of some of its schemas, by schema and name; locally in one read."""
        wanted = None if schemas is None else tuple(sorted(set(schemas)))
        return self._ask("get_all_models", schemas=wanted, **kw)  # type: ignore[no-any-return]

    def get_model_schema_names(self, **kw: Any) -> list[str]:
        """The schemas of the project in which there are models."""
        return self._ask("get_model_schema_names", **kw)  # type: ignore[no-any-return]

    def get_default_model_schema_name(self) -> str:
        """The connection's own schema, which a schema of None means."""
        return self._ask("get_default_model_schema_name")  # type: ignore[no-any-return]

    def _ask(self, method: str, *args: Any, **kw: Any) -> Any:
        with self._operation_context() as connection:
            return getattr(self.dialect, method)(connection, *args, info_cache=self.info_cache, **kw)
