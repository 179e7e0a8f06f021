"""Random histories of declared models: autogenerate, upgrade, check, downgrade, on a file as Alembic does it."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from engines import FILE, SERVICE
from hypothesis import given, settings
from hypothesis import strategies as st
from migrations import context_of, generated, run, sql_of, untimed
from sqlalchemy import Connection, MetaData, create_engine, inspect
from sqlalchemy.pool import StaticPool

from sqlalchemy_odpsmodel import EnvSecret, Model, ModelVersion
from sqlalchemy_odpsmodel.schema import models_of

TIMEOUT = "PAI_EAS_SYNC_REQUEST_TIMEOUT"
TYPES = {
    "IMPORT": ("BOOSTED_TREE_CLASSIFIER", "BOOSTED_TREE_REGRESSOR"),
    "REMOTE": ("LLM", "MLLM"),
}
comments = st.sampled_from([None, "", "a", "b", 'it\'s: """ #', "\t年\n${X}"])
columns = st.tuples(st.sampled_from(["f1", "f2"]), st.sampled_from(["INT", "DECIMAL(10,2)"]), comments)


@st.composite
def versions(draw: Any, source_type: str) -> list[ModelVersion]:
    names = st.sampled_from(["v1", "v2", "v3", "scaffold_0"])
    made = []
    for name in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        options: dict[str, Any] = {**FILE, "LOCATION": f"{FILE['LOCATION']}{draw(st.sampled_from('ab'))}/"}
        if source_type == "REMOTE":
            options = SERVICE | {"APIKEY": EnvSecret(draw(st.sampled_from("AB")))}
            options |= draw(st.sampled_from([{}, {}, {TIMEOUT: "5000"}, {TIMEOUT: "6000"}]))
        least = 1 if source_type == "IMPORT" else 0
        inputs = draw(st.lists(columns, min_size=least, max_size=2, unique_by=lambda column: column[0]))
        made.append(ModelVersion(name, inputs=inputs, options=options, comment=draw(comments)))
    return made


@st.composite
def catalogs(draw: Any) -> list[dict[str, Any]]:
    """What to declare: some of four models, two of them in a schema."""
    found = []
    places = st.tuples(st.sampled_from(["m", "n"]), st.sampled_from([None, "s"]))
    for name, schema in draw(st.lists(places, max_size=3, unique=True)):
        source_type = draw(st.sampled_from(["IMPORT", "IMPORT", "REMOTE"]))
        declared = draw(versions(source_type))
        found.append(
            {
                "name": name,
                "versions": declared,
                "default_version": draw(st.none() | st.sampled_from([v.name for v in declared])),
                "source_type": source_type,
                "model_type": draw(st.sampled_from(TYPES[source_type])),
                "comment": draw(comments),
                "schema": schema,
            }
        )
    return found


Catalog = dict[tuple[str, str], dict[str, Any]]


def kept(connection: Connection) -> Catalog:
    """The models of a database, but for times and the order of versions."""
    inspector: Any = inspect(connection)
    found = untimed(inspector.get_all_models())
    for model in found:
        model["versions"] = {version["name"]: version for version in model["versions"]}
    return {(model["schema"], model["name"]): model for model in found}


def declare(catalog: list[dict[str, Any]], before: Catalog) -> MetaData:
    """The declaration, where a default version that goes is followed by a declared one."""
    metadata = MetaData()
    for model in catalog:
        arguments = dict(model)
        name, declared = arguments.pop("name"), arguments.pop("versions")
        there = before.get((model["schema"] or "default", name))
        if there and there["default_version"] not in [version.name for version in declared]:
            arguments["default_version"] = arguments["default_version"] or declared[0].name
        Model(name, metadata, *declared, **arguments)
    return metadata


def expect_declared(metadata: MetaData, before: Catalog, after: Catalog) -> None:
    """What is declared is there, and what is left out is as it was, or as CREATE MODEL makes it."""
    declared = {(model.schema or "default", model.name): model for model in models_of(metadata)}
    assert declared.keys() == after.keys()
    for key, model in declared.items():
        was, now = before.get(key), after[key]
        of_model, *of_versions = model.stated
        assert (model.source_type, model.model_type) == (now["source_type"], now["model_type"])
        default = model.default_version or (was and was["default_version"]) or model.versions[0].name
        assert default == now["default_version"]
        if of_model is not None:
            assert (of_model or None) == now["comment"]
        elif was:
            assert was["comment"] == now["comment"]
        assert {version.name for version in model.versions} == now["versions"].keys()
        for version, stated in zip(model.versions, of_versions, strict=True):
            had = was["versions"].get(version.name) if was else None
            if was and had and version is model.versions[0] and had["comment"] == was["comment"]:
                had = had | {"comment": now["comment"]}  # as CREATE MODEL has it
            if was and not had and stated is None:
                made_again = any(was[key] != now[key] for key in ("source_type", "model_type", "comment"))
                of_first = now["comment"] if made_again and version is model.versions[0] else None
                assert of_first == now["versions"][version.name]["comment"]
            expect_version(version, stated, had, now["versions"][version.name])


def expect_version(version: ModelVersion, stated: str | None, had: Any, has: Any) -> None:
    if stated is not None:
        assert (stated or None) == has["comment"]
    elif had:
        assert had["comment"] == has["comment"]
    left_out = {c["name"]: c["comment"] for c in had["inputs"]} if had else {}
    stated_or_left = [
        left_out.get(c.name) if c.comment is None else c.comment or None for c in version.inputs
    ]
    inputs = [(c.name, c.type, comment) for c, comment in zip(version.inputs, stated_or_left, strict=True)]
    assert inputs == [(c["name"], c["type"], c["comment"]) for c in has["inputs"]]
    options = dict(version.options)
    if had and "TASKS" in had["options"] and "TASKS" in options:  # remote before and after
        options = {key: had["options"][key] for key in (TIMEOUT,) if key in had["options"]} | options
    assert without_the_default(options) == without_the_default(has["options"])


def without_the_default(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if (key, value) != (TIMEOUT, "5000")}


@settings(max_examples=200)
@given(st.lists(catalogs(), min_size=1, max_size=4))
def test_histories_go_up_and_down(history: list[list[dict[str, Any]]]) -> None:
    """Each upgrade makes what is declared, in legal order, and check finds nothing; each downgrade restores
    what was there; and the script of --sql does the same on another file."""
    engine, other = (create_engine("odpsmodel://?project=demo", poolclass=StaticPool) for _ in range(2))
    with engine.connect() as connection, other.connect() as from_script:
        context = context_of(connection, include_schemas=True, odpsmodel_allow_replace="models")
        script: Any = from_script.connection.driver_connection
        states, downgrades = [kept(connection)], []
        for catalog in history:
            metadata = declare(catalog, states[-1])
            upgrade, downgrade = generated(context, metadata)
            run(context, upgrade)
            assert compare_metadata(context, metadata) == []
            expect_declared(metadata, states[-1], kept(connection))
            script.executescript(sql_of(engine.dialect, upgrade))
            assert kept(connection) == kept(from_script)
            states.append(kept(connection))
            downgrades.append(downgrade)
        for state, downgrade in zip(reversed(states), reversed(downgrades), strict=False):
            assert state == kept(connection)
            run(context, downgrade)
        assert states[0] == kept(connection)
    engine.dispose()
    other.dispose()
