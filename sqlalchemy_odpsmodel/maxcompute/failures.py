"""What PyODPS, requests and the service raise or say, as errors of PEP 249.

Each has the service's ``code`` and, where a statement was running, its ``instance_id``; none holds a key.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from typing import Any
from xml.etree.ElementTree import ParseError as XMLError

import requests
from odps import errors as odps_errors
from odps.tunnel.pb import errors as pb_errors

from ..errors import (
    DatabaseError,
    DefaultVersionError,
    ModelError,
    NoPermission,
    ParseError,
    Place,
    SemanticError,
    ServiceError,
    TableNotFound,
)
from ..options import MASK
from ..sql.lexer import quote

_CLASSES: dict[str, type[ModelError]] = {
    "ODPS-0130161": ParseError,
    "ODPS-0130071": SemanticError,
    "ODPS-0130131": TableNotFound,
    "ODPS-0130013": NoPermission,
    "ODPS-0420095": NoPermission,
    "ODPS-0110061": ModelError,
}
_DEFAULT_VERSION = "The default version of the model cannot be dropped"
#: ODPS-0130161:[1,6] Parse exception - words; lines that show the place, and a hint, may follow.
_TOLD = re.compile(r"(?:FAILED: )?(ODPS-\d{7}): ?(?:\[(\d+),(\d+)\])? ?(.*?)(?: - (.*))?")
#: What requests stands on; a download's stream raises its errors as they are.
_below: Any = requests.urllib3.exceptions  # type: ignore[attr-defined]
#: What fails before a request is sent.
_UNSENT = (
    _below.NewConnectionError,
    _below.ConnectTimeoutError,
    requests.ConnectTimeout,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.SSLError,
)
UNREACHED = "see that the endpoint is right and can be reached"
UNKNOWN = "whether the statement has run is not known: look before you send it again"


def told(text: str, instance_id: str | None = None, hidden: Iterable[str] = ()) -> ModelError:
    """The error of what the service says of a statement; ``hidden`` are texts that must not be in it."""
    hidden = tuple(hidden)
    first, *more = text.strip().split("\n")
    found = _TOLD.fullmatch(first.rstrip("\r"))
    if found is None:
        error: ModelError = ServiceError(_masked(text.strip(), hidden))
    else:
        error = _error(found, _masked("\n".join(more), hidden).split("\n") if more else [], hidden)
    error.instance_id = instance_id
    return error


def _masked(text: str, hidden: Iterable[str]) -> str:
    """Without what is hidden, as it is or as a literal has it."""
    for secret in filter(None, hidden):
        text = text.replace(secret, MASK).replace(quote(secret)[1:-1], MASK)
    return text


def _error(found: re.Match[str], more: list[str], hidden: Iterable[str]) -> ModelError:
    code, line, column, title, reason = found.groups()
    kind = _CLASSES.get(code, ServiceError)
    if kind is ModelError and reason == _DEFAULT_VERSION:
        kind = DefaultVersionError
    else:
        title, reason = _masked(title, hidden), reason and _masked(reason, hidden)
    hint = more.pop().removeprefix("hint: ") if more and more[-1].startswith("hint: ") else ""
    excerpt = "\n".join(more)
    if kind is ServiceError or reason is None:
        kind, words = ServiceError, " - ".join(filter(None, (title, reason)))
        place = None
        if line:
            words = f"[{line},{column}] {words}"
    else:
        words, place = reason, Place(int(line), int(column), excerpt) if line else None
    if excerpt and place is None:
        words = f"{words}\n{excerpt}"
    error = kind(words, hint=hint, place=place)
    error.code, error.title = code, title
    return error


#: What the client raises over an answer that is none of the protocol's.
_MALFORMED = (
    XMLError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
    RecursionError,
    struct.error,
    pb_errors.Error,
)


@contextmanager
def translated(doing: str, *, sent: bool = False, hidden: Iterable[str] = ()) -> Iterator[None]:
    """Errors of the client and of the network as PEP 249's.  ``doing`` says what they interrupt; ``sent``,
    that it is not known what came of it if the connection breaks."""
    try:
        yield
        return
    except DatabaseError:
        raise
    except odps_errors.BaseODPSError as error:
        failure = _of_client(error, doing, sent, hidden)
    except requests.TooManyRedirects:
        hint = "give the address that it names as the endpoint: statements, and their keys, go nowhere else"
        failure = ServiceError(f"{doing} failed: the service redirects to another address", hint=hint)
    except requests.exceptions.JSONDecodeError as error:  # which is a RequestException too
        failure = _no_answer(error, doing, sent)
    except (requests.RequestException, _below.HTTPError, OSError) as error:
        unsent = any(isinstance(each, _UNSENT) for each in _chain(error))
        what = "the service cannot be reached" if unsent else "the connection broke"
        failure = ServiceError(
            f"{doing} failed: {what} ({_masked(_short(error), hidden)})",
            hint=UNKNOWN if sent and not unsent else UNREACHED,
        )
    except (ArithmeticError, ImportError, odps_errors.DependencyNotInstalledError) as error:
        failure = ServiceError(f"{doing} failed: {error}")  # as of a time that PyODPS cannot read
    except _MALFORMED as error:
        failure = _no_answer(error, doing, sent)
    try:
        raise failure
    finally:
        failure.__context__ = None  # what it was made of may hold a key, and tracebacks show it


def _no_answer(error: Exception, doing: str, sent: bool) -> ServiceError:
    """Of what is none of the protocol's documents."""
    return ServiceError(
        f"{doing} failed: the answer is none of MaxCompute's ({type(error).__name__} {_place(error)})",
        hint=UNKNOWN if sent else "see that the endpoint is MaxCompute's, as https://service.….com/api",
    )


def _of_client(error: odps_errors.BaseODPSError, doing: str, sent: bool, hidden: Iterable[str]) -> ModelError:
    """Of what the client raised for an answer: what the service said, if it said something of its own."""
    text = str(error.args[0]) if error.args else ""
    found = re.search(r"ODPS-\d{7}:.*", text, re.DOTALL)
    if found:
        failure = told(found[0], error.instance_id, hidden)
    else:
        failure = ServiceError(f"{doing} failed: {_masked(text, hidden)}")
        failure.code = str(error.code or type(error).__name__).partition(":")[0]
        failure.instance_id = error.instance_id
    if isinstance(error, odps_errors.ConnectTimeout):
        failure.hint = UNREACHED
    elif sent and not failure.hint and not _is_refused(error):
        failure.hint = UNKNOWN
    return failure


def _is_refused(error: odps_errors.BaseODPSError) -> bool:
    """Whether an answer says that a statement was not taken."""
    status = error.status_code
    if status is None:  # the client's own, of an answer that it does not understand
        return not isinstance(error, odps_errors.ODPSClientError)
    return bool(400 <= status < 500 and status != 408)


def _place(error: BaseException) -> str:
    """Where it was raised, so that a fault of this package is not taken for the service's: file and line."""
    frame = extract_tb(error.__traceback__)[-1]
    return f"in {Path(frame.filename).name}, line {frame.lineno}"


def _short(error: BaseException) -> str:
    """The kind of what went wrong; requests' own words hold addresses of objects."""
    *_, reason = _chain(error)
    words = str(reason).rpartition(": ")[2][:200]
    return f"{type(reason).__name__}: {words}" if words else type(reason).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and what it wraps."""
    inner: BaseException | None = error
    while inner is not None:
        yield inner
        inner = _inner(inner)


def _inner(error: BaseException) -> BaseException | None:
    for candidate in (getattr(error, "reason", None), *error.args):
        if isinstance(candidate, BaseException):
            return candidate
    return None
