"""What users write for MaxCompute itself, for mypy."""

from sqlalchemy_odpsmodel import EnvSecret
from sqlalchemy_odpsmodel.maxcompute import dbapi

connection: dbapi.Connection = dbapi.connect(
    "project", "id", "key", endpoint="https://host/api", schema="prod", timeout=60, flags={"a.b": "c"}
)
cursor: dbapi.Cursor = connection.execute("CREATE MODEL m … OPTIONS (APIKEY = ?)", (EnvSecret("NAME"),))
rows: list[tuple[object, ...]] = connection.cursor().execute("SHOW MODELS").fetchall()
instance: str | None = cursor.instance_id
try:
    connection.execute("DROP MODEL m")
except dbapi.ModelError as error:
    code: str = error.code
    where: str | None = error.instance_id
