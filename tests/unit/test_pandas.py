"""pandas and polars as with sqlite3's connection and sqlite's engines: no warning (they are errors here)."""

from __future__ import annotations

import runpy
from pathlib import Path

import pandas as pd
import polars
import pytest
from engines import imported, shown, version
from samples import REMOTE, create
from sqlalchemy import Engine, text

from sqlalchemy_odpsmodel import dbapi


def test_show_and_desc(con: dbapi.Connection) -> None:
    con.execute(create(REMOTE, name="b"))
    con.execute(create(name="a", tail="COMMENT 'c'"))
    models = pd.read_sql("SHOW MODELS", con)
    assert list(models["ModelName"]) == ["a", "b"]
    assert list(models["Comment"]) == ["c", ""]
    described = pd.read_sql("DESC MODEL b", con).set_index("Name")["Value"]
    assert described["APIKEY"] == "${EAS_TOKEN}"
    assert len(pd.read_sql("SHOW VERSIONS FOR MODEL a", con)) == 1


def test_views_with_parameters_and_chunks(con: dbapi.Connection) -> None:
    con.execute(create(inputs="INPUT (f1 int, f2 double, f3 string)"))
    frames = pd.read_sql(
        "SELECT name, type FROM odps_model_inputs WHERE model = ? ORDER BY position",
        con,
        params=("m",),
        chunksize=2,
    )
    assert [list(frame["name"]) for frame in frames] == [["f1", "f2"], ["f3"]]


def test_to_sql_and_back(con: dbapi.Connection) -> None:
    con.execute(create())
    frame = pd.DataFrame({"model": ["m", "n"], "score": [0.5, 1.5]})
    assert frame.to_sql("scores", con, index=False) == 2
    assert frame.to_sql("scores", con, index=False, if_exists="append", method="multi") == 2
    assert frame.to_sql("scores", con, index=False, if_exists="replace") == 2
    joined = pd.read_sql("SELECT model, owner, score FROM odps_models JOIN scores USING (model)", con)
    assert joined.to_dict("records") == [{"model": "m", "owner": "ALIYUN$local", "score": 0.5}]


class TestByEngine:
    """pandas and polars with an Engine, a Connection and a URL."""

    def test_show_desc_and_views(self, engine: Engine) -> None:
        imported("b", None, version("v1", inputs=[("f1", "INT"), ("f2", "DOUBLE")])).create(engine)
        imported("a", comment="c").create(engine)
        url = engine.url.render_as_string()
        with engine.connect() as connection:
            for bind in (engine, connection, url):
                models = pd.read_sql("SHOW MODELS", bind)
                assert list(models["ModelName"]) == ["a", "b"]
                assert list(models["Comment"]) == ["c", ""]
                described = pd.read_sql(text("DESC MODEL b"), bind)
                assert list(described.columns) == ["Section", "Name", "Value", "Comment"]
                inputs = pd.read_sql_query(
                    "SELECT name, position FROM odps_model_inputs WHERE model = ? ORDER BY position",
                    bind,
                    params=("b",),
                )
                assert inputs.to_dict("list") == {"name": ["f1", "f2"], "position": [1, 2]}

    def test_a_view_as_a_table(self, engine: Engine) -> None:
        imported().create(engine)
        for read in (pd.read_sql_table, pd.read_sql):
            models = read("odps_models", engine)
            assert str(models["create_time"].dtype).startswith("datetime64")
            assert list(models["model"]) == ["m"]
        assert pd.read_sql_table("odps_model_versions", engine)["is_default"].tolist() == [True]

    def test_chunks(self, engine: Engine) -> None:
        for name in "abc":
            imported(name).create(engine)
        chunks = pd.read_sql("SHOW MODELS", engine, chunksize=2)
        assert [list(chunk["ModelName"]) for chunk in chunks] == [["a", "b"], ["c"]]

    def test_to_sql_beside_models(self, engine: Engine) -> None:
        imported().create(engine)
        frame = pd.DataFrame({"model": ["m", "n"], "score": [0.5, 1.5]})
        frame.to_sql("scores", engine, index=False)
        frame.to_sql("scores", engine, index=False, if_exists="append", method="multi")
        frame.to_sql("scores", engine, index=False, if_exists="replace")
        joined = pd.read_sql("SELECT model, owner, score FROM odps_models JOIN scores USING (model)", engine)
        assert joined.to_dict("records") == [{"model": "m", "owner": "ALIYUN$local", "score": 0.5}]

    def test_polars(self, engine: Engine) -> None:
        imported("m", comment="c").create(engine)
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            for bind in (engine, connection, driver):
                models = polars.read_database("SHOW MODELS", bind)
                assert models["ModelName"].to_list() == ["m"]
                assert set(models.dtypes) == {polars.String}
                view = polars.read_database("SELECT model, comment FROM odps_models", bind)
                assert view.rows() == [("m", "c")]


def test_the_block_that_a_user_types_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = runpy.run_path(str(Path(__file__).parents[1] / "typing" / "block.py"))
    assert found["names"] == ["test_xgboost_classifier"]
    assert found["names_after"] == ["qwen", "test_xgboost_classifier"]
    (model,) = found["models"].to_dict("records")
    assert model["DefaultVersion"] == "v2"
    assert model["Comment"] == "Import XGBoost model v1"
    described = found["described"].set_index(["Section", "Name"])["Value"]
    assert described["Model Information", "Project"] == "demo"
    assert described["Version Information", "Version Name"] == "v2"
    assert described["Input", "f2"] == "int"
    (row,) = found["versions"].to_dict("records")
    assert (row["version"], row["is_default"], row["comment"]) == ("v2", 1, "Import XGBoost model v2")
    assert [row[0] for row in shown(found["engine"])] == ["test_xgboost_classifier"]
    found["engine"].dispose()
