"""pandas on the raw connection, as with sqlite3's: no warning (they are errors here), the same frames."""

from __future__ import annotations

import pandas as pd
from samples import REMOTE, create

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
