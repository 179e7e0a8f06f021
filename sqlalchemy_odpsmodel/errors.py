"""PEP 249 errors: sqlite3's own classes, and under them ours, each with its ODPS code.

What SQLite raises stays sqlite3's own class, so ``except dbapi.Error`` catches both.  Of ours,
``str(e)`` is ``ODPS-…: message`` in the vendor's shape and ``e.code`` the code.  The codes and the
text of :class:`DefaultVersionError` are the vendor's; the other texts are this project's own.
"""

from __future__ import annotations

from sqlite3 import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
)
from typing import Any, NamedTuple

__all__ = [
    "DataError",
    "DatabaseError",
    "DefaultVersionError",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "ModelError",
    "ModelExists",
    "ModelNotFound",
    "ModelTypeError",
    "ModelWarning",
    "NoPermission",
    "NotSupportedError",
    "OperationalError",
    "OptionError",
    "ParseError",
    "Place",
    "ProgrammingError",
    "SemanticError",
    "ServiceError",
    "StoreError",
    "TableNotFound",
    "Unsupported",
    "VersionExists",
    "VersionNotFound",
    "Warning",
]


class ModelWarning(UserWarning):
    """What the vendor's pages advise against but their own examples do, such as a public LOCATION."""


class Place(NamedTuple):
    """Where in the text: line and column in characters from 1, and the line with an underline."""

    line: int
    column: int
    excerpt: str

    def moved(self, line: int, column: int) -> Place:
        """The same place counted from the start of a script whose statement begins at line, column."""
        first = self.line == 1
        return self._replace(
            line=self.line + line - 1, column=self.column + column - 1 if first else self.column
        )


class ModelError(DatabaseError):
    """An error of a model statement.  ``code`` is the ODPS code, ``place`` where it is known; what the
    service said has the ``instance_id`` of its run."""

    code: str = "ODPS-0110061"
    title: str = "Failed to run ddltask"
    instance_id: str | None = None

    def __init_subclass__(cls, *, code: str | None = None, title: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.code = cls.code if code is None else code
        cls.title = cls.title if title is None else title

    def __init__(
        self, reason: str, *, offender: str = "", hint: str = "", place: Place | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offender = offender
        self.hint = hint
        self.place = place

    def prefix(self, what: str) -> None:
        """Say what the reason is about, where no text has a place for it."""
        self.reason = f"{what}: {self.reason}"
        self.args = (self.reason,)

    @property
    def at(self) -> str:
        """``[line,column]``, or nothing where no place is known."""
        return f"[{self.place.line},{self.place.column}]" if self.place else ""

    def __str__(self) -> str:
        lines = [f"{self.code}:{self.at} {self.title} - {self.reason}"]
        if self.place and self.place.excerpt:
            lines.append(self.place.excerpt)
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword arguments and notes travel in __dict__, so that a pickled error is the same error.
        return type(self), (self.reason,), self.__dict__.copy()


class ParseError(ModelError, ProgrammingError, code="ODPS-0130161", title="Parse exception"):
    """The text is no statement of the grammar."""


class SemanticError(ModelError, DataError, code="ODPS-0130071", title="Semantic analysis exception"):
    """A value is outside its limits: a name, type, option, comment or flag.  ``offender`` names it."""


class OptionError(SemanticError):
    """An option is unknown, misplaced, given twice, missing, or has a bad value.  ``offender`` is its key."""


class NoPermission(ModelError, ProgrammingError, code="ODPS-0130013", title="Authorization exception"):
    """The object may not be changed, as no public model may."""


class ModelNotFound(ModelError, ProgrammingError):
    """There is no such model."""


class ModelExists(ModelError, ProgrammingError):
    """A model of that name is there already."""


class VersionNotFound(ModelError, ProgrammingError):
    """The model has no such version."""


class VersionExists(ModelError, ProgrammingError):
    """The model has a version of that name already."""


class DefaultVersionError(ModelError, IntegrityError):
    """The default version, which cannot be dropped while it is the default."""


class ModelTypeError(ModelError, IntegrityError):
    """A version's source or model type that differs from its model's, which are fixed."""


class TableNotFound(ModelError, ProgrammingError, code="ODPS-0130131", title="Table not found"):
    """There is no such table; the local endpoint says so, the driver leaves tables to SQLite."""


class Unsupported(ModelError, NotSupportedError, code="ODPS-0130071", title="Semantic analysis exception"):
    """SQL that MaxCompute may know, and the local endpoint does not."""


class StoreError(ModelError, OperationalError):
    """The file's metadata tables cannot be used: made by a newer release, damaged, or in the way."""


class ServiceError(ModelError, OperationalError, code="", title=""):
    """The service did not do what it was asked, or cannot be reached, or answered what is no answer.
    ``code`` is the service's, an ODPS code or a name such as NoPermission, or "" where it gave none."""

    def __str__(self) -> str:
        text = f"{self.code}: {self.reason}" if self.code else self.reason
        return f"{text}\nhint: {self.hint}" if self.hint else text
