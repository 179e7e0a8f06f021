"""A registry of models over HTTP: it lists, registers and promotes, with FastAPI and an AsyncSession.

    pip install "sqlalchemy_odpsmodel[asyncio]" fastapi uvicorn
    uvicorn --app-dir examples/registry main:app

The database is REGISTRY_URL's, a file models.db by default; its project and schema are the URL's.  A key is
never taken or shown: apikey_env is the name of the environment variable that holds it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, Field, field_validator
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError, NoSuchTableError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session as SyncSession

from sqlalchemy_odpsmodel import (
    AlterModelAddVersion,
    AlterModelSetDefaultVersion,
    CreateModel,
    EnvSecret,
    ModelInspector,
    ModelVersion,
)
from sqlalchemy_odpsmodel.dbapi import (
    ModelError,
    ModelExists,
    ModelNotFound,
    ModelTypeError,
    SemanticError,
    VersionExists,
    VersionNotFound,
)


class Input(BaseModel):
    name: str
    type: str
    comment: str | None = None


class NewVersion(BaseModel):
    name: str
    inputs: list[Input] = []
    options: dict[str, str] = {}
    # In upper case: a key that stands here by mistake would be kept and shown as a name.
    apikey_env: Annotated[str, Field(pattern="^[A-Z_][A-Z0-9_]*$")] | None = None
    comment: str | None = None

    @field_validator("options")
    @classmethod
    def without_a_key(cls, options: dict[str, str]) -> dict[str, str]:
        if "APIKEY" in map(str.upper, options):
            raise ValueError("APIKEY is not taken: give apikey_env, the name of an environment variable")
        return options

    def value(self) -> ModelVersion:
        options: dict[str, object] = {**self.options}
        if self.apikey_env:
            options["APIKEY"] = EnvSecret(self.apikey_env)
        inputs = [(column.name, column.type, column.comment) for column in self.inputs]
        return ModelVersion(self.name, inputs=inputs, options=options, comment=self.comment)


class NewModel(BaseModel):
    """The first version's comment is the model's too, as CREATE MODEL has it."""

    name: str
    source_type: str
    model_type: str
    version: NewVersion


class Promotion(BaseModel):
    version: str


class Version(BaseModel):
    name: str
    inputs: list[Input]
    options: dict[str, Annotated[str, BeforeValidator(str)]]  # a secret prints as its variable or a mask
    comment: str | None
    create_time: datetime


class ModelSummary(BaseModel):
    name: str
    source_type: str
    model_type: str
    default_version: str
    comment: str | None
    create_time: datetime
    last_modified_time: datetime


class Model(ModelSummary):
    versions: list[Version]


class Refusal(BaseModel):
    detail: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    engine = create_async_engine(os.environ.get("REGISTRY_URL", "odpsmodel+aiosqlite:///models.db"))
    app.state.sessions = async_sessionmaker(engine)
    try:
        yield
    finally:
        await engine.dispose()


async def open_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(open_session)]
STATUS = {
    404: (ModelNotFound, NoSuchTableError, VersionNotFound),
    409: (ModelExists, ModelTypeError, VersionExists),
    422: (SemanticError,),
}
app = FastAPI(title="Models", lifespan=lifespan)


def refuses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for its documentation."""
    return {status: {"model": Refusal} for status in statuses}


@app.get("/models")
async def list_models(session: Session) -> list[ModelSummary]:
    found = await session.run_sync(lambda sync: inspector(sync).get_models())
    return [ModelSummary.model_validate(model) for model in found]


@app.get("/models/{name}", responses=refuses(404, 422))
async def read_model(name: str, session: Session) -> Model:
    return Model.model_validate(await session.run_sync(lambda sync: inspector(sync).get_model(name)))


@app.post("/models", status_code=201, responses=refuses(409, 422))
async def register_model(new: NewModel, session: Session) -> Model:
    async with session.begin():  # committed before the response is sent
        version = new.version.value()
        await session.execute(
            CreateModel(new.name, version, source_type=new.source_type, model_type=new.model_type)
        )
        return await read_model(new.name, session)


@app.post("/models/{name}/versions", status_code=201, responses=refuses(404, 409, 422))
async def register_version(name: str, new: NewVersion, session: Session) -> Model:
    async with session.begin():
        await session.execute(AlterModelAddVersion(name, new.value()))
        return await read_model(name, session)


@app.put("/models/{name}/default", responses=refuses(404, 422))
async def promote_version(name: str, promotion: Promotion, session: Session) -> Model:
    async with session.begin():
        await session.execute(AlterModelSetDefaultVersion(name, promotion.version))
        return await read_model(name, session)


def inspector(session: SyncSession) -> ModelInspector:
    return cast(ModelInspector, inspect(session.connection()))


@app.exception_handler(ModelError)
@app.exception_handler(DBAPIError)
@app.exception_handler(NoSuchTableError)
async def refused(request: Request, error: Exception) -> JSONResponse:
    """An element refuses as it is made, the inspector as it reads, the database as it executes."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    for status, classes in STATUS.items():
        if isinstance(cause, classes):
            return JSONResponse({"detail": str(cause)}, status)
    raise error


@app.exception_handler(RequestValidationError)
async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
    """FastAPI's own answer repeats what was sent, which may hold a key."""
    problems = (f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
    return JSONResponse({"detail": "; ".join(problems)}, 422)
