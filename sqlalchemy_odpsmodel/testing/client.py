"""The official client of an endpoint."""

from __future__ import annotations

from typing import Any


def connect_client(
    url: str, project: str, access_id: str = "test", secret_access_key: str = "test", **arguments: Any
) -> Any:
    """PyODPS's ODPS for an endpoint, which neither asks for the service's addresses nor changes PyODPS's
    options of the process."""
    try:
        from odps import ODPS
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("the client is PyODPS: pip install pyodps", name=error.name) from None

    arguments = {"overwrite_global": False, "logview_host": url, **arguments}
    return ODPS(access_id, secret_access_key, project, endpoint=url, **arguments)
