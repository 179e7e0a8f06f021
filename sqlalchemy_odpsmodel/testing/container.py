"""The endpoint as a container, for testcontainers.

The image is built from the Dockerfile of the repository: ``docker build -t odpsmodel .``
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from .client import connect_client

_CREDENTIALS = "/etc/odpsmodel/credentials.toml"


class OdpsModelContainer(DockerContainer):
    """An endpoint in a container, with one account, which owns a project.

    Example::

        with OdpsModelContainer("odpsmodel", project="demo") as container:
            container.get_client().execute_sql("CREATE MODEL …")
    """

    def __init__(
        self,
        image: str = "odpsmodel:latest",
        port: int = 8080,
        project: str = "demo",
        access_id: str = "test",
        secret_access_key: str | None = None,
        owner: str = "ALIYUN$test",
        **kwargs: Any,
    ) -> None:
        super().__init__(image, **kwargs)
        self.port = port
        self.project = project
        self.access_id = access_id
        self.secret_access_key = secret_access_key or secrets.token_urlsafe(24)
        self.owner = owner
        self.with_exposed_ports(port)
        self.waiting_for(HttpWaitStrategy(port, "/health").for_status_code(200))

    def _configure(self) -> None:
        credentials = credentials_toml(self.access_id, self.secret_access_key, self.owner, self.project)
        self.with_copy_into_container(credentials.encode(), _CREDENTIALS, 0o644)

    def get_endpoint_url(self) -> str:
        """What a client takes as its endpoint."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(self.port)}/api"

    def get_client(self, project: str | None = None, **arguments: Any) -> Any:
        """PyODPS's ODPS for a project, with the container's account."""
        account = {"access_id": self.access_id, "secret_access_key": self.secret_access_key}
        return connect_client(self.get_endpoint_url(), project or self.project, **account, **arguments)


def credentials_toml(access_id: str, secret: str, owner: str, project: str) -> str:
    """A file of credentials with one account, which may do all in a project."""
    name, key, whose, where = (json.dumps(text) for text in (access_id, secret, owner, project))
    return (
        f"[accounts.{name}]\nsecret = {key}\nowner = {whose}\n"
        f"[accounts.{name}.projects.{where}]\n"
        'privileges = ["CreateModel", "List"]\nmodels = { "*" = ["Describe", "Alter", "Drop"] }\n'
    )
