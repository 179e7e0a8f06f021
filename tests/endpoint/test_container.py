"""The image: what can be told of it without an engine.  Where one runs, the tests of models and tables run
against a container too."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from conftest import container_or_skip
from samples import create

from sqlalchemy_odpsmodel.server import credentials
from sqlalchemy_odpsmodel.testing import connect_client

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def instruction(name: str) -> str:
    (found,) = re.findall(rf"^{name} ((?:.*\\\n)*.*)", DOCKERFILE, re.MULTILINE)
    return str(found)


def test_it_runs_as_a_user_of_its_own() -> None:
    """Not as root; the volume is that user's."""
    assert instruction("USER") == "odpsmodel"
    assert instruction("VOLUME") == "/data"
    assert "useradd --system --uid 10001" in instruction("RUN")
    assert "install -d -o odpsmodel -g odpsmodel /data" in instruction("RUN")


def test_what_is_copied_builds_the_package() -> None:
    """.dockerignore lets through what pyproject.toml needs, and nothing else."""
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert kept == ["pyproject.toml", "README.md", "LICENSE", "sqlalchemy_odpsmodel"]
    assert all((ROOT / name).exists() for name in kept)


def test_its_command_serves(tmp_path: Path) -> None:
    """The entry point's own words, but for the paths and the port; a stop ends it with 0."""
    container = pytest.importorskip("sqlalchemy_odpsmodel.testing.container")
    file = tmp_path / "credentials.toml"
    file.write_text(container.credentials_toml("a", "s", "ALIYUN$a", "demo"))
    words = [*json.loads(instruction("ENTRYPOINT")), *json.loads(instruction("CMD"))]
    assert words[0] == "odpsmodel"
    words = [word.replace("/data", str(tmp_path)).replace("8080", "0") for word in words]
    words = [str(file) if word.endswith(".toml") else word for word in words]
    code = "from sqlalchemy_odpsmodel.cli import main; main()"
    command = [sys.executable, "-c", code, *words[1:]]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        line = running.stderr.readline()
        try:
            port = int(re.search(r"http://0\.0\.0\.0:(\d+)/api, for the access ids of ", line)[1])  # type: ignore[index]
            assert requests.get(f"http://127.0.0.1:{port}/health").json() == {"status": "ok"}
            client = connect_client(f"http://127.0.0.1:{port}/api", "demo", "a", "s")
            client.execute_sql(create())
            assert client.exist_model("m")
        finally:
            running.terminate()
            running.stderr.read()
    assert running.returncode == 0


def test_its_credentials_let_one_account_do_all_in_a_project(tmp_path: Path) -> None:
    """Whatever the names are."""
    container = pytest.importorskip("sqlalchemy_odpsmodel.testing.container")
    file = tmp_path / "credentials.toml"
    file.write_text(container.credentials_toml('LTAI"x', 'a"b\\c', "RAM$a:b", "demo"))
    (account,) = credentials.read(file).values()
    assert (account.access_id, account.secret, account.owner) == ('LTAI"x', 'a"b\\c', "RAM$a:b")
    for privilege in ("CreateModel", "List"):
        account.require(privilege, ("demo", "default", ""), None)
    for privilege in ("Describe", "Alter", "Drop"):
        account.require(privilege, ("demo", "s", "m"), "ALIYUN$other")


def test_its_credentials_are_where_the_image_looks() -> None:
    container = pytest.importorskip("sqlalchemy_odpsmodel.testing.container")
    assert json.loads(instruction("CMD")) == ["--credentials", container._CREDENTIALS]


def test_its_client_is_of_its_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an engine: what the container is told, and what the client is made of."""
    container = pytest.importorskip("sqlalchemy_odpsmodel.testing.container")
    monkeypatch.setattr("testcontainers.core.container.DockerClient", lambda **_: None)
    made = container.OdpsModelContainer(project="p", access_id="a", owner="ALIYUN$a")
    another = container.OdpsModelContainer()
    assert made.secret_access_key != another.secret_access_key
    monkeypatch.setattr(made, "get_container_host_ip", lambda: "localhost")
    monkeypatch.setattr(made, "get_exposed_port", lambda port: port + 1)
    client = made.get_client()
    assert (client.endpoint, client.project) == ("http://localhost:8081/api", "p")
    assert (client.account.access_id, client.account.secret_access_key) == ("a", made.secret_access_key)
    made._configure()
    ((text, path, mode),) = made._transferable_specs
    assert text == container.credentials_toml("a", made.secret_access_key, "ALIYUN$a", "p").encode()
    assert (path, mode) == (container._CREDENTIALS, 0o644)


def test_a_container_restarts_with_its_volume() -> None:
    """Where an engine runs: what was acknowledged is there in a second container on the same volume."""
    container = container_or_skip()
    volume = "odpsmodel-test"
    subprocess.run(["docker", "build", "--quiet", "--tag", "odpsmodel:test", str(ROOT)], check=True)
    try:
        for sql in (create(), "DESC MODEL m"):
            with container.OdpsModelContainer("odpsmodel:test", volumes=[(volume, "/data", "rw")]) as running:
                running.get_client().execute_sql(sql)
    finally:
        subprocess.run(["docker", "volume", "rm", "--force", volume], check=True)
