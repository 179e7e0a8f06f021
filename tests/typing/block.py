"""What a user types first.  It is run as it stands, and checked by mypy --strict."""

import pandas as pd
from sqlalchemy import MetaData, create_engine, inspect

from sqlalchemy_odpsmodel import (
    AlterModelAddVersion,
    AlterModelDropVersion,
    AlterModelSetDefaultVersion,
    CreateModel,
    DropModel,
    EnvSecret,
    Model,
    ModelVersion,
)

LOCATION = "oss://oss-cn-shanghai-internal.aliyuncs.com/b/m/"
ROLEARN = "acs:ram::1:role/aliyunodpsdefaultrole"

engine = create_engine("odpsmodel:///models.db?project=demo")
metadata = MetaData()
classifier = Model(
    "test_xgboost_classifier",
    metadata,
    ModelVersion(
        "v1",
        inputs=[("f1", "INT"), ("f2", "INT")],
        options={"LOCATION": LOCATION, "ROLEARN": ROLEARN},
    ),
    source_type="IMPORT",
    model_type="BOOSTED_TREE_CLASSIFIER",
    comment="Import XGBoost model v1",
)
qwen = Model(
    "qwen",
    metadata,
    ModelVersion(
        "v1",
        options={
            "TASKS": "chat",
            "PAI_EAS_MODEL_NAME": "Qwen3-8B",
            "PAI_EAS_SERVICE_NAME": "group.qwen",
            "ENDPOINT": "http://1.cn-shanghai.pai-eas.aliyuncs.com",
            "APIKEY": EnvSecret("EAS_TOKEN"),
            "PAI_EAS_SYNC_MODE": "true",
        },
    ),
    source_type="REMOTE",
    model_type="LLM",
)
with engine.begin() as c:
    c.execute(CreateModel(classifier, if_not_exists=True))
    c.execute(
        AlterModelAddVersion(
            "test_xgboost_classifier",
            ModelVersion(
                "v2",
                inputs=[("f1", "INT"), ("f2", "INT", "the second feature")],
                options={"LOCATION": LOCATION, "ROLEARN": ROLEARN},
                comment="Import XGBoost model v2",
            ),
        )
    )
    c.execute(AlterModelSetDefaultVersion("test_xgboost_classifier", "v2"))
    c.execute(AlterModelDropVersion("test_xgboost_classifier", "v1"))
models = pd.read_sql("SHOW MODELS", engine)
described = pd.read_sql("DESC MODEL test_xgboost_classifier", engine)
versions = pd.read_sql("SELECT * FROM odps_model_versions", engine)
# SQLAlchemy types what inspect(engine) returns as its own Inspector, whatever the dialect's is.
names = inspect(engine).get_model_names()  # type: ignore[attr-defined]
metadata.create_all(engine)
names_after = inspect(engine).get_model_names()  # type: ignore[attr-defined]
with engine.begin() as c:
    c.execute(DropModel(qwen, if_exists=True))
