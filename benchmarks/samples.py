"""The models that all contestants keep: that of the vendor's page "Create and delete models"."""

from __future__ import annotations

import json
from pathlib import Path
from time import time_ns
from typing import Any

from sqlalchemy_odpsmodel import ModelVersion
from sqlalchemy_odpsmodel.sql.script import split

INPUTS = [(f"f{i}", "INT") for i in range(1, 5)]
TYPES = {"source_type": "IMPORT", "model_type": "BOOSTED_TREE_CLASSIFIER"}
OPTIONS = {
    "LOCATION": "oss://oss-cn-shanghai-internal.aliyuncs.com/bucket/xgboost_classifier/",
    "ROLEARN": "acs:ram::1126123012345678:role/aliyunodpsdefaultrole",
}
COMMENT = "Import XGBoost model v1"
OWNER = "ALIYUN$local"

CREATE = f"""CREATE MODEL {{name}} WITH VERSION V1
INPUT (f1 int, f2 int, f3 int, f4 int)
OPTIONS(
    MODEL_SOURCE_TYPE = 'IMPORT',
    MODEL_TYPE = 'BOOSTED_TREE_CLASSIFIER',
    LOCATION = '{OPTIONS["LOCATION"]}',
    ROLEARN = '{OPTIONS["ROLEARN"]}'
)
COMMENT '{COMMENT}'"""
ADD = f"""ALTER MODEL {{name}} ADD VERSION {{version}}
INPUT (f1 int, f2 int, f3 int, f4 int)
WITH OPTIONS(
    LOCATION = '{OPTIONS["LOCATION"]}',
    ROLEARN = '{OPTIONS["ROLEARN"]}'
)
COMMENT '{COMMENT}'"""

_INPUTS = '[["f1","int",null],["f2","int",null],["f3","int",null],["f4","int",null]]'
_OPTIONS = json.dumps(OPTIONS, separators=(",", ":"))


def now() -> int:
    """Milliseconds.  A constant would spare SQLite the writing, as it finds what is there already."""
    return time_ns() // 1_000_000


def model_row() -> tuple[Any, ...]:
    """What the store keeps of a model after its name."""
    time = now()
    return OWNER, "IMPORT", "BOOSTED_TREE_CLASSIFIER", "v1", time, time, COMMENT


def version_row() -> tuple[Any, ...]:
    """What the store keeps of a version after its name."""
    time = now()
    return time, time, COMMENT, _INPUTS, _OPTIONS


def version(name: str = "v1") -> ModelVersion:
    """A version as an application declares it."""
    return ModelVersion(name, inputs=INPUTS, options=OPTIONS, comment=COMMENT)


_PAGES = (Path(__file__).parents[1] / "examples" / "models.sql").read_text()
#: The first CREATE MODEL of that page.
PAGE = next(piece.text for piece in split(_PAGES) if piece.text.startswith("CREATE MODEL"))
