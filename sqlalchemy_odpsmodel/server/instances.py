"""The instances: one for each statement that was sent, with its result, as long as there is room.

They are kept in memory only.  What a statement did is in the file; a result is not, and after a restart an
instance that was there is not found.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
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
    """How a statement ended: its text or the error's, a SELECT's rows, about how many bytes they take, and
    whether somebody stopped it."""

    succeeded: bool
    text: str
    rows: Rows | None = None
    size: int = 0
    cancelled: bool = False

    @property
    def status(self) -> str:
        """The task's, by the client's name for it."""
        return "Success" if self.succeeded else "Cancelled" if self.cancelled else "Failed"


STOPPED = Result(False, "the statement was stopped", cancelled=True)


@dataclass(eq=False)
class Instance:
    """A statement that was sent: ``result`` is None while it runs, ``job`` has no secret in it.  A thread has
    come to it once it has ``begun``, and looks whether somebody is ``stopping`` it."""

    id: str
    project: str
    access_id: str
    job: Job
    result: Result | None = None
    begun: bool = False
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def status(self) -> str:
        """Its task's."""
        return self.result.status if self.result else "Running"


class Instances:
    """All of them, for any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._instances: dict[str, Instance] = {}
        self._terminated: dict[str, int] = {}  # the bytes of each, oldest first
        self._bytes = 0
        self._stopped = 0  # those that were stopped before a thread came to them, until one does

    @property
    def running(self) -> int:
        """How many run, or wait to, or take the place of one that waits."""
        return len(self._instances) - len(self._terminated) + self._stopped

    def add(self, project: str, access_id: str, job: Job) -> Instance:
        """A new one, which runs."""
        started = datetime.now(UTC)
        instance_id = f"{started:%Y%m%d%H%M%S}{started.microsecond // 1000:03}g{secrets.token_hex(6)}"
        instance = Instance(instance_id, project, access_id, job)
        with self._lock:
            self._instances[instance_id] = instance
        return instance

    def begin(self, instance: Instance) -> bool:
        """Whether the thread that comes to an instance is to run it."""
        with self._lock:
            instance.begun = instance.result is None
            self._stopped -= not instance.begun
            return instance.begun

    def stop(self, instance: Instance) -> bool:
        """Stop an instance, or ask the thread that runs it to; False where it has terminated."""
        with self._lock:
            if instance.result is not None:
                return False
            instance.stopping.set()
            if not instance.begun:
                self._stopped += 1
                self.terminate(instance, instance.job, STOPPED)
            return True

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
