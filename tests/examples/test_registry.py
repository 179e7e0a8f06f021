"""examples/registry: a FastAPI application on a file, in this process and as one that answers real HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from engines import CALLED, FILE, IMPORTED, SERVICE
from samples import KEY, WORD

for needed in ("aiosqlite", "fastapi", "httpx"):
    pytest.importorskip(needed, reason="asyncio is not supported before SQLAlchemy 2.0.58")

import httpx  # noqa: E402

ROOT = Path(__file__).parents[2]
COMMAND = "uvicorn --app-dir examples/registry main:app"
V1 = {"name": "v1", "inputs": [{"name": "f1", "type": "INT"}], "options": FILE, "comment": "first"}
M = {"name": "m", **IMPORTED, "version": V1}
OPTIONS = {key: value for key, value in SERVICE.items() if key != "APIKEY"}
REMOTE = {"name": "r", **CALLED, "version": {"name": "v1", "options": OPTIONS, "apikey_env": "EAS_TOKEN"}}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, path: Path) -> Any:
    """The application, on a file that is not there yet."""
    monkeypatch.setenv("REGISTRY_URL", f"odpsmodel+aiosqlite:///{path}?project=demo")
    monkeypatch.syspath_prepend(ROOT / "examples" / "registry")
    from main import app

    monkeypatch.delitem(sys.modules, "main")
    return app


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, from its start to its end."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://registry") as client,
    ):
        yield client


def use(app: Any, requests: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(app) as client:
            await requests(client)

    asyncio.run(asyncio.wait_for(run(), 60))


def untimed(found: Any) -> Any:
    """An answer without times."""
    if isinstance(found, list):
        return [untimed(one) for one in found]
    if isinstance(found, dict):
        return {key: untimed(value) for key, value in found.items() if not key.endswith("_time")}
    return found


def test_models_are_registered_promoted_and_listed(app: Any) -> None:
    first = {
        "name": "v1",
        "inputs": [{"name": "f1", "type": "int", "comment": None}],
        "options": FILE,
        "comment": "first",
    }
    second = {"name": "v2", "inputs": first["inputs"], "options": FILE, "comment": None}
    summary = {"name": "m", **IMPORTED, "default_version": "v1", "comment": "first"}

    async def requests(client: httpx.AsyncClient) -> None:
        assert (await client.get("/models")).json() == []
        made = await client.post("/models", json=M)
        assert (201, {**summary, "versions": [first]}) == (made.status_code, untimed(made.json()))
        added = await client.post("/models/m/versions", json={**V1, "name": "V2", "comment": None})
        assert (201, {**summary, "versions": [first, second]}) == (added.status_code, untimed(added.json()))
        promoted = await client.put("/models/m/default", json={"version": "v2"})
        assert (promoted.status_code, promoted.json()["default_version"]) == (200, "v2")
        assert [{**summary, "default_version": "v2"}] == untimed((await client.get("/models")).json())
        assert promoted.json() == (await client.get("/models/M")).json()
        assert promoted.json()["create_time"].endswith("Z")  # UTC

    use(app, requests)


@pytest.mark.parametrize(
    ("method", "where", "body", "status", "words"),
    [
        ("GET", "/models/none", None, 404, "model demo.default.none does not exist"),
        ("PUT", "/models/none/default", {"version": "v1"}, 404, "model demo.default.none does not exist"),
        ("POST", "/models/none/versions", V1, 404, "model demo.default.none does not exist"),
        ("PUT", "/models/m/default", {"version": "v9"}, 404, "version v9 of model m does not exist"),
        ("POST", "/models", M, 409, "model demo.default.m already exists"),
        ("POST", "/models/m/versions", V1, 409, "version v1 of model m already exists"),
        (
            "POST",
            "/models/m/versions",
            {**V1, "name": "v2", "options": FILE | {"MODEL_TYPE": "BOOSTED_TREE_REGRESSOR"}},
            409,
            "MODEL_TYPE of model m is BOOSTED_TREE_CLASSIFIER and cannot be changed",
        ),
        ("GET", "/models/a b", None, 422, "model name 'a b' must start with a letter"),
        ("PUT", "/models/m/default", {"version": "2"}, 422, "version name '2' must start with a letter"),
        ("POST", "/models", {**M, "version": {**V1, "inputs": []}}, 422, "INPUT is missing"),
        ("POST", "/models", {**M, "version": {**V1, "comment": "c" * 1025}}, 422, "COMMENT is longer than"),
        ("POST", "/models", {**M, "source_type": "import"}, 422, "MODEL_SOURCE_TYPE"),
        (
            "POST",
            "/models",
            {**M, "version": {**V1, "apikey_env": "A"}},
            422,
            "APIKEY is an option of REMOTE",
        ),
        ("POST", "/models/m/versions", {**V1, "apikey_env": "a key"}, 422, "body.apikey_env: String should"),
        ("POST", "/models", {"name": "n"}, 422, "body.version: Field required"),
    ],
)
def test_what_is_refused_is_told_in_words(
    app: Any, method: str, where: str, body: Any, status: int, words: str
) -> None:
    """404 for what is not there, 409 for what is or cannot change, 422 for what is illegal; nothing is changed."""

    async def requests(client: httpx.AsyncClient) -> None:
        made = (await client.post("/models", json=M)).json()
        refused = await client.request(method, where, json=body)
        assert status == refused.status_code
        assert list(refused.json()) == ["detail"]
        assert words in refused.json()["detail"]
        assert [made] == [
            (await client.get(f"/models/{m['name']}")).json() for m in (await client.get("/models")).json()
        ]

    use(app, requests)


def test_a_key_is_given_by_the_name_of_its_variable(app: Any) -> None:
    async def requests(client: httpx.AsyncClient) -> None:
        made = await client.post("/models", json=REMOTE)
        assert made.status_code == 201
        (version,) = made.json()["versions"]
        assert version["options"] == OPTIONS | {"APIKEY": "${EAS_TOKEN}"}

    use(app, requests)


@pytest.mark.parametrize(
    "body",
    [
        {**REMOTE, "version": {"name": "v1", "options": OPTIONS | {"apikey": KEY}}},
        {"version": {"name": "v1", "options": OPTIONS | {"APIKEY": KEY}}},
        {"name": "r", "version": {"options": OPTIONS | {"API_KEY": KEY}}},
        {**REMOTE, "version": {"name": "v1", "options": OPTIONS | {"API_KEY": KEY}}},
        {**REMOTE, "version": {"name": "v1", "options": OPTIONS, "apikey_env": KEY}},
        {**REMOTE, "version": {"name": "v1", "options": OPTIONS, "apikey_env": WORD}},
    ],
)
def test_a_key_is_not_taken_and_not_repeated(
    app: Any, path: Path, capfd: pytest.CaptureFixture[str], body: Any
) -> None:
    async def requests(client: httpx.AsyncClient) -> None:
        assert (await client.post("/models", json=M)).status_code == 201
        refused = await client.post("/models", json=body)
        assert refused.status_code == 422
        assert not found(refused.text)

    def found(text: str) -> bool:
        return KEY in text or WORD in text

    use(app, requests)
    assert not found("".join(capfd.readouterr()))
    assert not any(found(file.read_bytes().decode("latin-1")) for file in path.parent.iterdir())


def test_of_those_who_register_a_model_at_the_same_time_one_does(app: Any) -> None:
    async def requests(client: httpx.AsyncClient) -> None:
        answers = await asyncio.gather(*(client.post("/models", json=M) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7

    use(app, requests)


def test_the_documentation_has_the_answers_and_the_refusals(app: Any) -> None:
    async def requests(client: httpx.AsyncClient) -> None:
        paths = (await client.get("/openapi.json")).json()["paths"]
        found = {
            f"{m.upper()} {p}": " ".join(what["responses"])
            for p, ms in paths.items()
            for m, what in ms.items()
        }
        assert found == {
            "GET /models": "200",
            "POST /models": "201 409 422",
            "GET /models/{name}": "200 404 422",
            "POST /models/{name}/versions": "201 404 409 422",
            "PUT /models/{name}/default": "200 404 422",
        }
        refusal = paths["/models"]["post"]["responses"]["422"]["content"]["application/json"]["schema"]
        assert refusal == {"$ref": "#/components/schemas/Refusal"}

    use(app, requests)


def test_a_real_process_answers(path: Path) -> None:
    """What was registered is there when it starts again."""
    for status in (201, 409):
        with subprocess.Popen(
            [sys.executable, "-W", "error", "-m", *COMMAND.split(), "--port", "0"],
            cwd=ROOT,
            env={**os.environ, "REGISTRY_URL": f"odpsmodel+aiosqlite:///{path}"},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                assert process.stderr
                running = re.compile(r"running on (http://\S+)")
                found = next(match for line in process.stderr if (match := running.search(line)))
                assert status == httpx.post(f"{found[1]}/models", json=M, timeout=30).status_code
                assert [model["name"] for model in httpx.get(f"{found[1]}/models").json()] == ["m"]
            finally:
                process.terminate()


def test_the_readme_starts_it_and_registers_a_model(app: Any) -> None:
    readme = (ROOT / "examples" / "README.md").read_text()
    assert f" {COMMAND}\n" in readme
    found = re.search(r"curl -d '(.*?)' ", readme, re.DOTALL)
    assert found

    async def requests(client: httpx.AsyncClient) -> None:
        made = await client.post("/models", json=json.loads(found[1]))
        assert (made.status_code, made.json()["name"]) == (201, "qwen")

    use(app, requests)
