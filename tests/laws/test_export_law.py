"""export, run on a new file: the same catalog, whatever was in it; and check finds nothing wrong with either."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from samples import KEY
from test_generate_law import catalog, histories, models

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.check import check
from sqlalchemy_odpsmodel.export import script

projects = st.lists(st.sampled_from(["local", "demo", "from"]), unique=True, min_size=1, max_size=2)


@settings(max_examples=100)
@given(projects, models.flatmap(lambda names: st.tuples(*map(histories, names))))
def test_an_exported_script_makes_the_same_catalog(names: list[str], found: tuple[list[Any], ...]) -> None:
    with closing(dbapi.connect(":memory:")) as con, closing(dbapi.connect(":memory:", schema="s")) as again:
        for project in names:
            for statement in (statement for statements in found for statement in statements):
                con.execute(replace(statement, name=replace(statement.name, project=project)))
        exported = "\n".join(script(con))
        again.executescript(exported.replace("APIKEY = '********'", f"APIKEY = '{KEY}'"))
        for project in names:
            con.session = con.session._replace(project=project, schema="default")
            again.session = con.session
            assert catalog(con) == catalog(again)
        assert "\n".join(script(again)) == exported
        assert [*check(con), *check(again)] == []
