"""What the service says, and what comes of the client and of the network, as errors of PEP 249."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
import requests
from odps import errors as odps_errors
from samples import IMPORT, KEY, REMOTE, add, create
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError, ProtocolError

from sqlalchemy_odpsmodel import errors
from sqlalchemy_odpsmodel.maxcompute.failures import told, translated

UNKNOWN = "whether the statement has run is not known: look before you send it again"
REACH = "see that the endpoint is right and can be reached"


#: Statements of which the last fails, by the class that it fails with.
FAILING = [
    ("ParseError", ("CREATE MODEL m",)),
    ("ParseError", ("DROP MODEL\n  IF m",)),
    ("ParseError", ("SHOW MODELS LIKE 'a - b'",)),
    ("ParseError", ("CREATE MODEL m WITH VERSION v1 WITH OPTIONS ()",)),
    ("SemanticError", ("DESC MODEL 模型;\x00",)),
    ("ParseError", ("DESC MODEL m, 模型",)),
    ("SemanticError", (create(name="1a"),)),
    ("SemanticError", (create(inputs="INPUT (a strin)"),)),
    ("SemanticError", (create(inputs="INPUT (a varchar(0))"),)),
    ("SemanticError", (create(tail=f"COMMENT '{'x' * 1025}'"),)),
    ("SemanticError", (create(inputs=""),)),
    ("OptionError", (create(MODEL_TYPE="x - y"),)),
    ("OptionError", (create(IMPORT, LOCATIONS="a"),)),
    ("OptionError", (create(REMOTE, APIKEY="********"),)),
    ("OptionError", (create(REMOTE, API_KEY=KEY),)),
    ("NoPermission", ("DROP MODEL bigdata_public_modelset.default.m",)),
    ("ModelNotFound", ("DROP MODEL m",)),
    ("ModelNotFound", ("DESC MODEL a.b.m",)),
    ("ModelExists", (create(), create())),
    ("VersionNotFound", (create(), "ALTER MODEL m SET DEFAULT_VERSION v9")),
    ("VersionExists", (create(), add(version="v1"))),
    ("DefaultVersionError", (create(), "ALTER MODEL m DROP VERSION v1")),
    ("ModelTypeError", (create(), add(MODEL_SOURCE_TYPE="REMOTE"))),
]
#: Of an error's code the class that is told; 0110061 says no more.
CLASSES = {
    "ODPS-0130161": errors.ParseError,
    "ODPS-0130071": errors.SemanticError,
    "ODPS-0130013": errors.NoPermission,
    "ODPS-0110061": errors.ModelError,
}


class TestTold:
    @pytest.mark.parametrize(
        ("kind", "statements"), FAILING, ids=[f"{k}-{i}" for i, (k, _) in enumerate(FAILING)]
    )
    def test_an_error_of_the_local_driver_is_told_again(
        self, local: Any, kind: str, statements: tuple[str, ...]
    ) -> None:
        """The same text, code, place and hint, and the class that its code has."""
        *before, last = statements
        for sql in before:
            local.execute(sql)
        with pytest.raises(getattr(errors, kind)) as raised:
            local.execute(last)
        error = raised.value
        again = told(str(error), "i1")
        assert str(again) == str(error)
        assert type(again) is (type(error) if kind == "DefaultVersionError" else CLASSES[error.code])
        assert (again.code, again.title, again.reason) == (error.code, error.title, error.reason)
        assert (again.place, again.hint, again.instance_id) == (error.place, error.hint, "i1")
        assert str(told(f"FAILED: {error}\n")) == str(error)

    @pytest.mark.parametrize(
        ("text", "kind", "pep"),
        [
            ("ODPS-0130161:[1,6] Parse exception - no\nx\n^", "ParseError", "ProgrammingError"),
            ("ODPS-0130071:[1,6] Semantic analysis exception - no\nx\n^", "SemanticError", "DataError"),
            ("ODPS-0130131:[1,6] Table not found - table p.t cannot be resolved\nx\n^", "TableNotFound", "ProgrammingError"),
            ("ODPS-0130131: Table not found - p.t", "TableNotFound", "ProgrammingError"),
            ("ODPS-0130013: Authorization exception - no", "NoPermission", "ProgrammingError"),
            ("ODPS-0420095: Access Denied - Authorization Failed [4019]", "NoPermission", "ProgrammingError"),
            ("ODPS-0110061: Failed to run ddltask - The default version of the model cannot be dropped",
             "DefaultVersionError", "IntegrityError"),
            ("ODPS-0110061: Failed to run ddltask - The default version of the model cannot be dropped.",
             "ModelError", "DatabaseError"),
            ("ODPS-0110061: Failed to run ddltask - AlreadyExistsException - m", "ModelError", "DatabaseError"),
            ("ODPS-0130071: x - The default version of the model cannot be dropped", "SemanticError", "DataError"),
            ("ODPS-0010000: System internal error - fuxi job failed", "ServiceError", "OperationalError"),
            ("ODPS-0123055: User script exception - Traceback:\n  File - x", "ServiceError", "OperationalError"),
            ("ODPS-0420061: Invalid parameter in HTTP request", "ServiceError", "OperationalError"),
            ("ODPS-0130161: nothing more", "ServiceError", "OperationalError"),
            ("Instance is gone", "ServiceError", "OperationalError"),
            ("", "ServiceError", "OperationalError"),
        ],
    )  # fmt: skip
    def test_the_class_is_of_the_code(self, text: str, kind: str, pep: str) -> None:
        """And the text is what the service said."""
        error = told(text)
        assert type(error) is getattr(errors, kind)
        assert isinstance(error, getattr(errors, pep))
        assert str(error) == text
        assert error.code == (text[:12] if text.startswith("ODPS-") else "")

    def test_a_plain_failure_of_metadata_is_none_of_the_special_ones(self) -> None:
        """Since the code says no more, so does the class."""
        error = told("ODPS-0110061: Failed to run ddltask - NoSuchObject")
        assert not isinstance(
            error, (errors.ProgrammingError, errors.IntegrityError, errors.OperationalError)
        )

    def test_a_place_of_an_unknown_code_is_in_the_words(self) -> None:
        """It is not lost."""
        error = told("ODPS-0130241:[2,7] Illegal union - types differ\nline\n ^")
        assert str(error) == "ODPS-0130241: [2,7] Illegal union - types differ\nline\n ^"
        assert error.code == "ODPS-0130241"
        assert error.place is None

    def test_a_place_is_told(self) -> None:
        """With the lines that show it, and the hint after them."""
        error = told("FAILED: ODPS-0130161:[2,7] Parse exception - no - no\nDROP x\n     ^\nhint: y\r\n")
        assert (error.place, error.hint) == (errors.Place(2, 7, "DROP x\n     ^"), "y")
        assert error.reason == "no - no"

    @pytest.mark.parametrize("key", [KEY, "a'b\\c", "1", "0130161", "ODPS", "hint", " - ", "\n"])
    def test_what_is_hidden_is_not_shown(self, key: str) -> None:
        """As itself or as a literal, in words, excerpt and hint; the code is read nevertheless."""
        literal = key.replace("\\", "\\\\").replace("'", "\\'")
        error = told(f"ODPS-0130161:[2,7] Parse exception - at {key}\nAPIKEY = '{literal}'\nhint: not {literal}",
                     hidden=("", key))  # fmt: skip
        assert (type(error), error.code) == (errors.ParseError, "ODPS-0130161")
        words = str(error).partition(" Parse")[2]
        if len(key.strip()) > 1:
            assert key not in words.replace("hint: ", "")
            assert literal not in words.replace("hint: ", "")

    def test_what_is_hidden_is_hidden_without_a_code_too(self) -> None:
        """And nothing else is changed."""
        assert str(told(f"no such {KEY}, {KEY}", hidden=[KEY, ""])) == "no such ********, ********"


def fails(error: BaseException, **arguments: Any) -> Any:
    """What becomes of an error."""
    with pytest.raises(errors.ModelError) as raised, translated("reading", **arguments):
        raise error
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    return raised.value


def refused(reason: Exception) -> requests.ConnectionError:
    return requests.ConnectionError(MaxRetryError(None, "/api", reason))  # type: ignore[arg-type]


UNSENT = [
    requests.ConnectTimeout("slow"),
    requests.exceptions.SSLError("certificate"),
    requests.exceptions.InvalidURL("no"),
    requests.exceptions.MissingSchema("no"),
    requests.exceptions.InvalidSchema("no"),
    refused(NewConnectionError(None, "refused")),  # type: ignore[arg-type]
    refused(NameResolutionError("host", None, OSError("no address"))),  # type: ignore[arg-type]
]
BROKEN = [
    requests.ReadTimeout("slow"),
    requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))),
    requests.exceptions.ChunkedEncodingError("cut"),
    ConnectionResetError(104, "reset"),
    ProtocolError("cut"),
    TimeoutError("slow"),
]
NOT_ITS_OWN = [
    ElementTree.ParseError("no element"),
    KeyError(KEY),
    IndexError(KEY),
    TypeError(KEY),
    ValueError(KEY),
    AttributeError(KEY),
    json.JSONDecodeError("no", KEY, 0),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, KEY),
]


class TestTranslated:
    @pytest.mark.parametrize("sent", [False, True])
    @pytest.mark.parametrize("error", UNSENT, ids=repr)
    def test_what_was_never_sent_has_not_run(self, error: Exception, sent: bool) -> None:
        """No connection came about."""
        failure = fails(error, sent=sent)
        assert type(failure) is errors.ServiceError
        assert failure.reason.startswith("reading failed: the service cannot be reached (")
        assert failure.hint == REACH

    @pytest.mark.parametrize("sent", [False, True])
    @pytest.mark.parametrize("error", BROKEN, ids=repr)
    def test_of_a_broken_connection_it_is_not_known(self, error: Exception, sent: bool) -> None:
        """If a statement was sent by it; a question may be asked again."""
        failure = fails(error, sent=sent)
        assert type(failure) is errors.ServiceError
        assert failure.reason.startswith("reading failed: the connection broke (")
        assert failure.hint == (UNKNOWN if sent else REACH)

    def test_the_words_are_those_of_the_innermost(self) -> None:
        """requests' own hold addresses of objects."""
        assert fails(BROKEN[1]).reason == (
            "reading failed: the connection broke (ConnectionResetError: [Errno 104] reset)"
        )

    @pytest.mark.parametrize("sent", [False, True])
    @pytest.mark.parametrize("error", NOT_ITS_OWN, ids=lambda error: type(error).__name__)
    def test_an_answer_that_is_none(self, error: Exception, sent: bool) -> None:
        """Its kind and place are told, so that a fault of this package is found; its words are not."""
        failure = fails(error, sent=sent)
        assert failure.reason.startswith(
            f"reading failed: the answer is none of MaxCompute's ({type(error).__name__} in test_failures.py, line "
        )
        assert KEY not in str(failure)
        assert (
            failure.hint == UNKNOWN
            if sent
            else failure.hint.startswith("see that the endpoint is MaxCompute's")
        )

    @pytest.mark.parametrize(
        "error",
        [
            odps_errors.DatetimeOverflowError("Date older than 1928"),
            odps_errors.DependencyNotInstalledError("Date older than 1928"),
        ],
    )
    def test_what_the_client_cannot_read(self, error: Exception) -> None:
        """In its words: the answer is MaxCompute's."""
        assert str(fails(error)) == "reading failed: Date older than 1928"

    @pytest.mark.parametrize(
        ("error", "kind", "code", "words", "hint"),
        [
            (odps_errors.NoSuchObject("none such", code="NoSuchObject"), "ServiceError", "NoSuchObject",
             "reading failed: none such", ""),
            (odps_errors.NoPermission("no"), "ServiceError", "NoPermission", "reading failed: no", ""),
            (odps_errors.ODPSError("bad", code="InvalidParameter: x"), "ServiceError", "InvalidParameter",
             "reading failed: bad", ""),
            (odps_errors.ParseError("FAILED: ODPS-0130161:[1,6] Parse exception - no\nx"), "ParseError",
             "ODPS-0130161", "no", ""),
            (odps_errors.ODPSError("RequestId: 1\nODPS-0420095: Access Denied - no"), "NoPermission", "ODPS-0420095",
             "no", ""),
            (odps_errors.ODPSError("busy", status_code=503, code="503"), "ServiceError", "503",
             "reading failed: busy", UNKNOWN),
            (odps_errors.InternalServerError("ODPS-0010000: System internal error - x", status_code=500),
             "ServiceError", "ODPS-0010000", "System internal error - x", UNKNOWN),
            (odps_errors.ODPSError("bad", status_code=400, code="400"), "ServiceError", "400",
             "reading failed: bad", ""),
            (odps_errors.ConnectTimeout("slow"), "ServiceError", "ConnectTimeout", "reading failed: slow", REACH),
            (odps_errors.ODPSError(None), "ServiceError", "ODPSError", "reading failed: None", ""),
        ],
    )  # fmt: skip
    def test_an_error_of_the_client(
        self, error: odps_errors.BaseODPSError, kind: str, code: str, words: str, hint: str
    ) -> None:
        """Its code, and what the service said; above 500 it is not known what came of a statement."""
        error.instance_id = "i7"
        failure = fails(error, sent=True)
        assert type(failure) is getattr(errors, kind)
        assert (failure.code, failure.reason, failure.instance_id) == (code, words, "i7")
        assert failure.hint == hint
        assert fails(error).hint == ("" if hint == UNKNOWN else hint)

    @pytest.mark.parametrize(
        "error",
        [
            odps_errors.ODPSError(f"bad {KEY}"),
            odps_errors.ParseError(f"ODPS-0130161:[1,6] Parse exception - {KEY}\n{KEY}"),
            requests.exceptions.InvalidURL(f"{KEY}"),
            ConnectionResetError(f"x {KEY}"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_a_key_is_not_shown(self, error: Exception) -> None:
        """Whoever says it."""
        failure = fails(error, hidden=(KEY, ""))
        assert KEY not in f"{failure} {failure!r} {failure.__dict__}"
        assert "********" in str(failure)

    @pytest.mark.parametrize(
        "error",
        [
            KeyboardInterrupt(),
            SystemExit(1),
            GeneratorExit(),
            errors.ServiceError("ours"),
            errors.DefaultVersionError("ours"),
            errors.ProgrammingError("ours"),
            errors.InterfaceError("ours"),
            errors.ModelWarning("ours"),
            MemoryError(),
            AssertionError(),
            RuntimeError(),
        ],
        ids=repr,
    )
    def test_what_is_no_failure_of_the_service_passes(self, error: BaseException) -> None:
        """It is the same object."""
        with pytest.raises(type(error)) as raised, translated("reading", sent=True):
            raise error
        assert raised.value is error

    def test_nothing_happens_to_what_succeeds(self) -> None:
        """The block ends, and can be left early."""

        def early() -> int:
            with translated("reading"):
                return 1
            raise AssertionError

        assert early() == 1
