"""What users write in migrations and in env.py, as mypy --strict sees it."""

from alembic import context, op
from alembic.autogenerate import Rewriter
from alembic.operations import Operations
from sqlalchemy import Column, Integer, MetaData

from sqlalchemy_odpsmodel import EnvSecret
from sqlalchemy_odpsmodel.alembic import (
    CreateModelOp,
    add_model_version,
    create_model,
    drop_model,
    drop_model_version,
    set_default_model_version,
)

options = {"LOCATION": "oss://host/bucket/", "ROLEARN": "acs:ram::1:role/r"}


def upgrade() -> None:
    create_model(
        op,
        "m",
        "v1",
        source_type="IMPORT",
        model_type="BOOSTED_TREE_CLASSIFIER",
        inputs=[("f1", "INT"), ("f2", "INT", "in cm"), Column("f3", Integer)],
        options=options,
        comment="c",
        if_not_exists=True,
        schema="lab",
    )
    add_model_version(op, "m", "v2", options={"TASKS": "chat", "APIKEY": EnvSecret("A")}, schema="lab")
    set_default_model_version(op, "m", "v2", schema="lab")
    drop_model_version(op, "m", "v1", schema="lab")


def downgrade(operations: Operations) -> None:
    drop_model(operations, "m", if_exists=True, schema="lab")


def env(metadata: MetaData, writer: Rewriter) -> None:
    writer.rewrites(CreateModelOp)
    context.configure(
        target_metadata=metadata,
        process_revision_directives=writer,
        odpsmodel_allow_replace="models",
        odpsmodel_drop_undeclared=False,
    )


def refused() -> None:
    create_model(op, "m", "v1", options=options)  # type: ignore[call-arg]
    create_model("m", "v1", source_type="IMPORT", model_type="LLM", options=options)  # type: ignore[arg-type, call-arg]
    add_model_version(op, "m", "v2", inputs=["f1"], options=options)  # type: ignore[list-item]
    set_default_model_version(op, "m", 2)  # type: ignore[arg-type]
