"""The tables and models of a shop."""

from sqlalchemy import Double, ForeignKey, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sqlalchemy_odpsmodel import EnvSecret, Model, ModelVersion

ROLE = "acs:ram::1234567890:role/aliyunodpsdefaultrole"
BUCKET = "oss://oss-cn-shanghai-internal.aliyuncs.com/shop-models"


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    orders: Mapped[int]
    spent: Mapped[float] = mapped_column(Double)
    months: Mapped[int | None]


class Ticket(Base):
    __tablename__ = "ticket"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str | None] = mapped_column(Text)


churn = Model(
    "churn",
    Base.metadata,
    ModelVersion(
        "v2",
        inputs=[Customer.orders, Customer.spent, Customer.months],
        options={"LOCATION": f"{BUCKET}/churn/2/", "ROLEARN": ROLE},
        comment="with months",
    ),
    source_type="IMPORT",
    model_type="BOOSTED_TREE_CLASSIFIER",
    default_version="v2",
    comment="who will leave",
)

assistant = Model(
    "assistant",
    Base.metadata,
    ModelVersion(
        "v1",
        options={
            "TASKS": "chat",
            "PAI_EAS_MODEL_NAME": "Qwen3-8B",
            "PAI_EAS_SERVICE_NAME": "shop.assistant",
            "ENDPOINT": "http://9876543210.cn-shanghai.pai-eas.aliyuncs.com",
            "APIKEY": EnvSecret("ASSISTANT_TOKEN"),
            "PAI_EAS_SYNC_MODE": "true",
            "PAI_EAS_SYNC_REQUEST_TIMEOUT": "30000",
        },
    ),
    source_type="REMOTE",
    model_type="LLM",
    comment="answers tickets",
)

demand = Model(
    "demand",
    Base.metadata,
    ModelVersion(
        "v1",
        inputs=[("week", "INT"), ("price", "DECIMAL(10,2)", "in yuan")],
        options={"LOCATION": f"{BUCKET}/demand/1/", "ROLEARN": ROLE},
    ),
    source_type="IMPORT",
    model_type="BOOSTED_TREE_REGRESSOR",
)
