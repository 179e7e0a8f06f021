"""generate, import, create_all on a new file: the same catalog, whatever was in it."""

from __future__ import annotations

from typing import Any

from engines import FILE, SERVICE
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import KEY
from sqlalchemy import MetaData, create_engine, inspect
from sqlalchemy.pool import StaticPool
from test_laws import inputs, kept_texts, versions

from sqlalchemy_odpsmodel import EnvSecret, dbapi
from sqlalchemy_odpsmodel.generate import module
from sqlalchemy_odpsmodel.model import ModelName
from sqlalchemy_odpsmodel.schema import models_of, reflect_models
from sqlalchemy_odpsmodel.sql import AddVersion, CreateModel, DropVersion, SetDefaultVersion

comments = st.sampled_from([None, "", "a", "b"]) | kept_texts
version_names = st.sampled_from(["v1", "v2", "scaffold_0"]) | versions
model_names = st.tuples(
    st.sampled_from(["a", "b", "class", "metadata"]), st.sampled_from([None, "s", "default"])
)


@st.composite
def histories(draw: Any, named: tuple[str, str | None]) -> list[Any]:
    """CREATE, some ADDs, perhaps another default version, and DROPs of others: all of them succeed."""
    name = ModelName(*named)
    imported = draw(st.booleans())
    source_type, model_type = ("IMPORT", "BOOSTED_TREE_REGRESSOR") if imported else ("REMOTE", "LLM")
    types = (("MODEL_SOURCE_TYPE", source_type), ("MODEL_TYPE", model_type))
    found = draw(st.lists(version_names, min_size=1, max_size=4, unique_by=str.lower))
    made: list[Any] = []
    for version in found:
        options: dict[str, Any] = dict(FILE)
        if not imported:
            options = {**SERVICE, "APIKEY": draw(st.sampled_from([EnvSecret("A"), KEY]))}
            options |= {"PAI_EAS_SYNC_REQUEST_TIMEOUT": "5000"} if draw(st.booleans()) else {}
        columns, comment = draw(inputs(kept_texts, 1 if imported else 0)), draw(comments)
        given_options = (*(() if made else types), *options.items())
        made.append((AddVersion if made else CreateModel)(name, version, columns, given_options, comment))
    default = draw(st.sampled_from(found))
    made.append(SetDefaultVersion(name, default))
    dropped = draw(st.lists(st.sampled_from(found), unique=True))
    return made + [DropVersion(name, version) for version in dropped if version != default]


models = st.lists(
    model_names, min_size=1, max_size=3, unique_by=lambda named: (named[0], named[1] or "default")
)


def catalog(con: dbapi.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Everything but the times; the versions in order of creation."""
    names = con.execute("SELECT schema, model FROM odps_models ORDER BY 1, 2").fetchall()
    shown = {
        f"{schema}.{name}": [
            row[:5] + row[7:] for row in con.execute(f"SHOW VERSIONS FOR MODEL {schema}.{name}")
        ]
        for schema, name in names
    }
    for view, columns in {
        "odps_models": "project, schema, model, owner, source_type, model_type, default_version, comment",
        "odps_model_versions": "project, schema, model, version, is_default, path, comment",
        "odps_model_inputs": "*",
        "odps_model_options": "*",
    }.items():
        shown[view] = con.execute(f"SELECT {columns} FROM {view} ORDER BY 1, 2, 3, 4, 5").fetchall()
    return shown


def without_keys(found: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """A plain key, which is masked, and the name to be filled in for it count as equal."""
    found["odps_model_options"] = [
        (*row[:5], "a key" if row[5] == "********" or "_APIKEY" in row[5] else row[5])
        for row in found["odps_model_options"]
    ]
    return found


@settings(max_examples=150)
@given(models.flatmap(lambda names: st.tuples(*map(histories, names))))
def test_a_generated_module_makes_the_same_catalog(found: tuple[list[Any], ...]) -> None:
    engine, other = (create_engine("odpsmodel://?project=demo", poolclass=StaticPool) for _ in range(2))
    with engine.connect() as connection, other.connect() as made:
        con: Any = connection.connection.driver_connection
        for statements in found:
            for statement in statements:
                con.execute(statement)
        metadata = MetaData()
        inspector: Any = inspect(connection)
        for schema in inspector.get_model_schema_names():
            reflect_models(metadata, inspector, None if schema == "default" else schema)
        assert len(models_of(metadata)) == len(found)
        namespace: dict[str, Any] = {}
        exec(module(models_of(metadata)), namespace)  # noqa: S102
        namespace["metadata"].create_all(made)
        again: Any = made.connection.driver_connection
        assert without_keys(catalog(con)) == without_keys(catalog(again))
    engine.dispose()
    other.dispose()
