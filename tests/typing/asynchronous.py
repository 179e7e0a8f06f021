"""What users of asyncio write, checked by mypy --strict."""

from __future__ import annotations

from typing import assert_type, cast

from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from sqlalchemy_odpsmodel import AlterModelAddVersion, CreateModel, Model, ModelInspector, ModelVersion


async def use(model: Model, version: ModelVersion, metadata: MetaData) -> list[str]:
    engine = create_async_engine("odpsmodel+aiosqlite:///models.db?project=demo")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.run_sync(model.create, checkfirst=True)
        await connection.execute(CreateModel(model, if_not_exists=True))
        names = assert_type(await connection.run_sync(model_names), list[str])
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(AlterModelAddVersion(model, version))
        (await session.execute(text("SHOW MODELS"))).mappings().one()
    await engine.dispose()
    return names


def model_names(connection: Connection) -> list[str]:
    return cast(ModelInspector, inspect(connection)).get_model_names()
