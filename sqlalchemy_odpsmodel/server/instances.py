"""The instances: one for each statement that was sent, with its result, as long as there is room.

They are kept in memory only.  What a statement did is in the file; a result is not, and after a restart an
instance that was there is not found.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from .tunnel import Cell
from .wire import Job

#: How many terminated instances are kept, and how many bytes of their results; the oldest go first.
KEPT_INSTANCES = 1_000
KEPT_BYTES = 256 * 2**20


class Rows(NamedTuple):
    """A SELECT's result: (name, type) of the columns, and the rows."""

    columns: tuple[tuple[str, str], ...]
    rows: list[tuple[Cell, ...]]


class Result(NamedTuple):
    """How a statement ended: its text or the error's, a SELECT's rows, and about how many bytes they take."""

    succeeded: bool
    text: str
    rows: Rows | None = None
    size: int = 0


@dataclass(eq=False)
class Instance:
    """A statement that was sent: ``result`` is None while it runs, ``job`` has no secret in it."""

    id: str
    project: str
    access_id: str
    job: Job
    result: Result | None = None


class Instances:
    """All of them, for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instances: dict[str, Instance] = {}
        self._terminated: dict[str, int] = {}  # the bytes of each, oldest first
        self._bytes = 0

    @property
    def running(self) -> int:
        """How many run, or wait to."""
        return len(self._instances) - len(self._terminated)

    def add(self, project: str, access_id: str, job: Job) -> Instance:
        """A new one, which runs."""
        started = datetime.now(UTC)
        instance_id = f"{started:%Y%m%d%H%M%S}{started.microsecond // 1000:03}g{secrets.token_hex(6)}"
        instance = Instance(instance_id, project, access_id, job)
        with self._lock:
            self._instances[instance_id] = instance
        return instance

    def terminate(self, instance: Instance, job: Job, result: Result) -> None:
        """Keep a result, and the job as it may be shown; forget the oldest instances that there is no more
        room for, but never this one."""
        with self._lock:
            instance.job, instance.result = job, result
            self._terminated[instance.id] = size = result.size + len(job.query)
            self._bytes += size
            while len(self._terminated) > 1 and (
                len(self._terminated) > KEPT_INSTANCES or self._bytes > KEPT_BYTES
            ):
                oldest = next(iter(self._terminated))
                self._bytes -= self._terminated.pop(oldest)
                del self._instances[oldest]

    def find(self, project: str, instance_id: str, access_id: str) -> Instance | None:
        """An instance of a project and of who asks."""
        found = self._instances.get(instance_id)
        return found if found and (found.project, found.access_id) == (project, access_id) else None
