"""pandas and polars as with sqlite3's connection and sqlite's engines: no warning (they are errors here)."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import polars
import pytest
from engines import SCHEMES, imported, mapped, shown, version
from samples import REMOTE, create
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

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


FRAME = pd.DataFrame(
    {
        "model": ["m", "n", None],
        "score": [0.5, None, 1.5],
        "runs": [1, 2, 3],
        "at": pd.to_datetime(["2026-11-22 10:00:00", None, "2026-11-22 12:30:00.25"], format="ISO8601"),
    }
)


@pytest.fixture(params=SCHEMES)
def file_engine(request: pytest.FixtureRequest, path: Path) -> Iterator[Engine]:
    """An engine on a file with the models m and n, under both names of the dialect."""
    engine = create_engine(f"{request.param}:///{path}")
    for name in "mn":
        imported(name, None, version("v1", inputs=[("f1", "INT"), ("f2", "DOUBLE")])).create(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["engine", "connection", "url", "raw connection"])
def bind(request: pytest.FixtureRequest, file_engine: Engine) -> Iterator[Any]:
    """What pandas may be given to read from and write to."""
    match request.param:
        case "engine":
            yield file_engine
        case "connection":
            with file_engine.connect() as connection:
                yield connection
        case "url":
            yield file_engine.url.render_as_string(hide_password=False)
        case _:
            with closing(dbapi.connect(str(file_engine.url.database))) as raw:
                yield raw


class TestEveryBind:
    """pandas with an Engine, a Connection, a URL and the driver's connection."""

    def test_reading(self, bind: Any) -> None:
        for read in (pd.read_sql, pd.read_sql_query):
            assert list(read("SHOW MODELS", bind)["ModelName"]) == ["m", "n"]
            assert list(read("SHOW VERSIONS FOR MODEL m", bind)["VersionName"]) == ["v1"]
            described = read("DESC MODEL m", bind)
            assert list(described[described["Section"] == "Input"]["Name"]) == ["f1", "f2"]
            sql = "SELECT model, position FROM odps_model_inputs WHERE name = ? ORDER BY 1"
            assert read(sql, bind, params=("f2",)).values.tolist() == [["m", 2], ["n", 2]]

    def test_in_chunks(self, bind: Any) -> None:
        for read in (pd.read_sql, pd.read_sql_query):
            chunks = list(read("SHOW MODELS", bind, chunksize=1))
            assert [list(chunk["ModelName"]) for chunk in chunks] == [["m"], ["n"]]
            sql = "SELECT model, name FROM odps_model_inputs ORDER BY 1, 2"
            chunks = list(read(sql, bind, chunksize=3))
            assert [chunk.values.tolist() for chunk in chunks] == [
                [["m", "f1"], ["m", "f2"], ["n", "f1"]],
                [["n", "f2"]],
            ]

    def test_types_of_pyarrow(self, bind: Any) -> None:
        shown = pd.read_sql("SHOW MODELS", bind, dtype_backend="pyarrow")
        assert {str(dtype) for dtype in shown.dtypes} == {"string[pyarrow]"}
        inputs = pd.read_sql_query(
            "SELECT model, position FROM odps_model_inputs", bind, dtype_backend="pyarrow"
        )
        assert [str(dtype) for dtype in inputs.dtypes] == ["string[pyarrow]", "int64[pyarrow]"]

    def test_a_view_as_a_table(self, bind: Any) -> None:
        if isinstance(bind, dbapi.Connection):
            with pytest.raises(NotImplementedError):  # pandas': it is for SQLAlchemy only
                pd.read_sql_table("odps_models", bind)
            return
        for read in (pd.read_sql_table, pd.read_sql):
            models = read("odps_models", bind)
            assert list(models["model"]) == ["m", "n"]
            assert str(models["create_time"].dtype).startswith("datetime64")
        (chunk, _) = pd.read_sql_table("odps_models", bind, columns=["model", "create_time"], chunksize=1)
        assert list(chunk.columns) == ["model", "create_time"]
        arrows = pd.read_sql_table("odps_models", bind, columns=["model"], dtype_backend="pyarrow")
        assert str(arrows["model"].dtype) == "string[pyarrow]"

    @pytest.mark.parametrize("method", [None, "multi"])
    def test_writing(self, bind: Any, method: Literal["multi"] | None) -> None:
        def written() -> pd.DataFrame:
            return pd.read_sql("SELECT * FROM scores", bind, parse_dates={"at": {"format": "ISO8601"}})

        assert FRAME.to_sql("scores", bind, index=False, method=method) == 3
        pd.testing.assert_frame_equal(written(), FRAME, check_dtype=False)
        with pytest.raises(ValueError, match="already exists"):
            FRAME.to_sql("scores", bind, index=False, method=method)
        assert FRAME.to_sql("scores", bind, index=False, method=method, if_exists="append", chunksize=2) == 3
        assert len(written()) == 6
        assert FRAME.to_sql("scores", bind, index=False, method=method, if_exists="replace") == 3
        assert len(written()) == 3
        joined = "SELECT model, owner, score FROM odps_models JOIN scores USING (model) ORDER BY 1"
        (first, second) = pd.read_sql(joined, bind).to_dict("records")
        assert first == {"model": "m", "owner": "ALIYUN$local", "score": 0.5}
        assert (second["model"], second["owner"], pd.isna(second["score"])) == ("n", "ALIYUN$local", True)
        assert list(pd.read_sql("SHOW MODELS", bind)["ModelName"]) == ["m", "n"]

    def test_polars(self, bind: Any) -> None:
        if isinstance(bind, str):
            with pytest.raises(
                ValueError, match="string URI is invalid here"
            ):  # polars': it wants a connection
                polars.read_database("SHOW MODELS", bind)
            return
        shown = polars.read_database("SHOW MODELS", bind)
        assert shown["ModelName"].to_list() == ["m", "n"]
        assert set(shown.dtypes) == {polars.String}
        view = polars.read_database("SELECT model, position FROM odps_model_inputs ORDER BY 1, 2", bind)
        assert view.rows() == [("m", 1), ("m", 2), ("n", 1), ("n", 2)]
        owners = polars.read_database("SELECT model, owner FROM odps_models ORDER BY 1", bind)
        assert owners.rows() == [("m", "ALIYUN$local"), ("n", "ALIYUN$local")]
        batches = polars.read_database("SHOW MODELS", bind, iter_batches=True, batch_size=1)
        assert [batch["ModelName"].to_list() for batch in batches] == [["m"], ["n"]]

    def test_polars_writes(self, file_engine: Engine) -> None:
        frame = polars.DataFrame({"model": ["m"], "score": [0.5]})
        assert frame.write_database("scores", file_engine) == 1
        assert pd.read_sql("SELECT * FROM scores", file_engine).values.tolist() == [["m", 0.5]]


def test_orm_models_joined_with_views(file_engine: Engine) -> None:
    Base, Score, Input = mapped()
    Base.metadata.create_all(file_engine)
    with Session(file_engine) as session, session.begin():
        session.add(Score(model="m", value=7))
    joined = select(Score.value, Input.name).join(Input, Input.model == Score.model).order_by(Input.position)
    with Session(file_engine) as session:
        assert session.execute(joined).all() == [(7, "f1"), (7, "f2")]
        frame = pd.read_sql(joined, session.connection())
    assert frame.values.tolist() == [[7, "f1"], [7, "f2"]]
    polars_frame = polars.read_database(joined, file_engine)
    assert polars_frame.rows() == [(7, "f1"), (7, "f2")]


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
