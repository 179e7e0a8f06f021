"""What goes wrong on the way to the service and back: a server that answers what it is told to, over real HTTP, to
the real client."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from samples import KEY, REMOTE, create, options
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import OperationalError

from sqlalchemy_odpsmodel.maxcompute import dbapi

Answer = tuple[int, dict[str, str], bytes]


def error(status: int, code: str, message: str) -> Answer:
    """The service's Error document."""
    xml = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>r</RequestId><HostId>h</HostId></Error>"
    return status, {"Content-Type": "application/xml"}, xml.encode()


def result(text: str, status: str = "Success") -> Answer:
    """A synchronous answer."""
    encoded = base64.b64encode(text.encode()).decode()
    task = (
        f'<Task Type="SQL"><Name>AnonymousSQLTask</Name><Status>{status}</Status>'
        f'<Result Transform="Base64" Format="text">{encoded}</Result></Task>'
    )
    body = f"<Instance><Status>Terminated</Status><Tasks>{task}</Tasks></Instance>"
    return 201, {"Location": "http://h/api/projects/p/instances/i1"}, body.encode()


class Edge:
    """A server; ``answers`` are by method, None breaks the connection, a number waits so many seconds first."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        edge = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                edge.asked.append(f"{self.command} {self.path.partition('?')[0]}")
                found = edge.answers.get(self.command)
                if isinstance(found, float):
                    time.sleep(found)
                if found is None or isinstance(found, float):
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                status, headers, body = found
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/api"


@pytest.fixture
def edge() -> Iterator[Edge]:
    found = Edge()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def con(edge: Edge) -> Any:
    return dbapi.connect("p", "ak", "sk", endpoint=edge.url, timeout=20)


POSTED = ["POST /api/projects/p/instances"]


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (error(401, "Unauthorized", "who are you"), "Unauthorized", "who are you"),
        (error(403, "SignatureNotMatch", "wrong key"), "SignatureNotMatch", "wrong key"),
        (error(404, "NoSuchProject", "no such project"), "NoSuchProject", "no such project"),
        (error(500, "InternalServerError", "sorry"), "InternalServerError", "sorry"),
        (error(503, "ServiceUnavailable", "later"), "ServiceUnavailable", "later"),
        (error(400, "ODPS-0420411", "Invalid"), "ODPS-0420411", "Invalid"),
        ((502, {}, b"<html>Bad Gateway</html>"), "502", "Bad Gateway"),
        ((500, {}, b""), "", "500"),
        ((200, {}, b""), "", "Location"),
        ((201, {"Location": "http://h/i1"}, b"{not json, not xml"), "", "none of MaxCompute's"),
        ((201, {"Location": "http://h/i1"}, b'{"json": 1}'), "", "none of MaxCompute's"),
    ],
    ids=str,
)
def test_what_is_no_success_is_an_operational_error_and_is_not_sent_again(
    edge: Edge, con: Any, answer: Answer, code: str, words: str
) -> None:
    """With the service's code; once, whatever the code."""
    edge.answers["POST"] = answer
    with pytest.raises(dbapi.OperationalError, match=words) as caught:
        con.execute("DROP MODEL m")
    assert isinstance(caught.value, dbapi.ServiceError)
    assert (
        caught.value.code in (code, "ODPSClientError", "ODPSError")
        if code == ""
        else caught.value.code == code
    )
    assert caught.value.instance_id is None
    assert edge.asked == POSTED


def test_a_broken_connection_is_not_tried_again_and_says_what_is_not_known(edge: Edge, con: Any) -> None:
    with pytest.raises(dbapi.ServiceError, match="the connection broke") as caught:
        con.execute(create())
    assert "whether the statement has run is not known" in str(caught.value)
    assert caught.value.code == ""
    assert edge.asked == POSTED


def test_an_answer_that_does_not_come_ends_with_the_timeout(edge: Edge) -> None:
    con = dbapi.connect("p", "ak", "sk", endpoint=edge.url, timeout=0.5)
    edge.answers["POST"] = 10.0
    started = time.monotonic()
    with pytest.raises(dbapi.ServiceError, match=r"broke|longer") as caught:
        con.execute(create())
    assert time.monotonic() - started < 8
    assert "look before you send it again" in str(caught.value)
    assert edge.asked == POSTED


def test_where_nobody_listens_it_is_said_that_nothing_was_sent(edge: Edge) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/api"
        with pytest.raises(dbapi.ServiceError, match="cannot be reached") as caught:
            dbapi.connect("p", "ak", "sk", endpoint=url, timeout=3).execute("SHOW MODELS")
    assert "not known" not in str(caught.value)


def test_a_name_that_is_no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    monkeypatch.setattr("odps.utils.time.sleep", lambda _: None)  # between tries
    with pytest.raises(dbapi.ServiceError, match=r"cannot be reached|connection broke"):
        dbapi.connect("p", "ak", "sk", endpoint="http://nowhere.invalid/api", timeout=20).execute(
            "SHOW MODELS"
        )


def test_a_statement_that_fails_has_its_instance(edge: Edge, con: Any) -> None:
    """0110061 but for the default version's words is a DatabaseError, and it is sent once."""
    text = "ODPS-0110061: Failed to run ddltask - metastore is busy"
    edge.answers["POST"] = result(text, "Failed")
    edge.answers["GET"] = (
        200, {},
        b"<Instance><Status>Terminated</Status><Tasks><Task Type='SQL'><Name>AnonymousSQLTask</Name>"
        b"<Status>Failed</Status></Task></Tasks></Instance>",
    )  # fmt: skip
    with pytest.raises(dbapi.DatabaseError) as caught:
        con.execute("DROP MODEL m")
    assert type(caught.value) is dbapi.ModelError
    assert (caught.value.code, caught.value.instance_id, str(caught.value)) == ("ODPS-0110061", "i1", text)  # type: ignore[attr-defined]
    assert edge.asked.count(POSTED[0]) == 1


def test_what_the_service_says_of_a_key_is_masked(edge: Edge, con: Any) -> None:
    edge.answers["POST"] = result(f"ODPS-0010000: System internal error - APIKEY {KEY} is refused", "Failed")
    edge.answers["GET"] = (
        200, {},
        b"<Instance><Status>Terminated</Status><Tasks><Task Type='SQL'><Name>AnonymousSQLTask</Name>"
        b"<Status>Failed</Status></Task></Tasks></Instance>",
    )  # fmt: skip
    with pytest.raises(dbapi.OperationalError, match=r"APIKEY \*{8} is refused"):
        con.execute(f"CREATE MODEL c WITH VERSION v1 OPTIONS ({options(REMOTE, APIKEY=KEY)})")


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"[]"),
        (200, {}, b"<html/>"),
        (200, {}, b'{"models": [{"modelName": "m"}]}'),
        (200, {}, b'{"models": [1]}'),
        error(500, "InternalServerError", "sorry"),
    ],
    ids=str,
)
def test_a_catalog_that_answers_nonsense_is_an_operational_error(
    edge: Edge, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of SQLAlchemy's, as of a statement."""
    monkeypatch.setattr("odps.utils.time.sleep", lambda _: None)  # between tries
    edge.answers["GET"] = answer
    url = f"odpsmodel+pyodps://a:b@p/?endpoint={edge.url}&catalog_endpoint={edge.url.removesuffix('/api')}"
    inspector: Any = inspect(create_engine(url))
    with pytest.raises(OperationalError) as caught:
        inspector.get_models()
    assert isinstance(caught.value.orig, dbapi.ServiceError)


def test_pages_of_the_catalog_are_all_read(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until there is no nextPageToken."""
    from sqlalchemy_odpsmodel.maxcompute.service import Service

    pages = {"": "2", "2": "3", "3": ""}
    asked: list[str] = []

    def page(self: Any, key: Any, verb: str = "", pageToken: str = "") -> Any:
        asked.append(pageToken)
        return {"models": [{"modelName": f"m{pageToken}"}], "nextPageToken": pages[pageToken]}

    monkeypatch.setattr(Service, "_catalog", page)
    inspector: Any = inspect(create_engine(f"odpsmodel+pyodps://a:b@p/?endpoint={edge.url}"))
    assert inspector.get_model_names() == ["m", "m2", "m3"]
    assert asked == ["", "2", "3"]


def test_the_addresses_of_the_tunnel_and_the_catalog_can_be_given(edge: Edge) -> None:
    edge.answers["GET"] = (200, {}, json.dumps({"models": []}).encode())
    url = f"odpsmodel+pyodps://a:b@p/?endpoint=http://127.0.0.1:1/api&catalog_endpoint={edge.url.removesuffix('/api')}"
    inspector: Any = inspect(create_engine(url))
    assert inspector.get_model_names() == []
    assert edge.asked == ["GET /api/catalog/v1alpha/projects/p/schemas/default/models"]


def test_questions_may_be_asked_again(edge: Edge) -> None:
    """They change nothing: a GET that meets a 503 is repeated, as PyODPS does."""
    answers = iter([error(503, "ServiceUnavailable", "later"), (200, {}, b'{"models": []}')])

    class Once(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return next(answers)

    edge.answers = Once()
    url = f"odpsmodel+pyodps://a:b@p/?endpoint={edge.url}&catalog_endpoint={edge.url.removesuffix('/api')}"
    inspector: Any = inspect(create_engine(url))
    assert inspector.get_model_names() == []
    assert len(edge.asked) == 2


RUNNING = (200, {}, b"<Instance><Status>Running</Status></Instance>")
TERMINATED = (
    200, {},
    b"<Instance><Status>Terminated</Status><Tasks><Task Type='SQL'><Name>AnonymousSQLTask</Name>"
    b"<Status>Success</Status></Task></Tasks></Instance>",
)  # fmt: skip


class TestPolling:
    """A service that answers before a statement has ended."""

    @pytest.fixture
    def polled(self, edge: Edge, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """What is answered to GETs, in order; the last one stays."""
        answers: list[Any] = []

        class Ordered(dict[str, Any]):
            def get(self, key: str, default: Any = None) -> Any:
                if key == "POST":
                    return (201, {"Location": "http://h/api/projects/p/instances/i1"}, b"")
                return answers.pop(0) if len(answers) > 1 else answers[0]

        edge.answers = Ordered()
        monkeypatch.setattr("sqlalchemy_odpsmodel.maxcompute.service._FIRST_PAUSE", 0.001)
        return answers

    @pytest.mark.parametrize(
        "failing",
        [
            error(500, "InternalServerError", "sorry"),
            error(429, "FlowExceeded", "wait"),
            error(500, "ODPS-0110061", "ODPS-0110061: Failed to run ddltask - metastore is busy"),
            error(403, "ODPS-0420095", "ODPS-0420095: Access Denied - for a moment"),
        ],
        ids=str,
    )
    def test_a_question_that_fails_does_not_stop_the_statement(
        self, edge: Edge, con: Any, polled: list[Any], failing: Answer
    ) -> None:
        polled += [RUNNING, RUNNING, failing, failing, RUNNING, TERMINATED]
        con.execute("DROP MODEL m")
        assert not [line for line in edge.asked if line.startswith("PUT")]
        assert edge.asked.count(POSTED[0]) == 1

    def test_after_some_failures_it_is_said_that_it_may_still_run(
        self, edge: Edge, con: Any, polled: list[Any]
    ) -> None:
        polled += [error(500, "InternalServerError", "sorry")]
        with pytest.raises(dbapi.ServiceError, match="it may still run: look at instance i1") as caught:
            con.execute("DROP MODEL m")
        assert (caught.value.code, caught.value.instance_id) == ("InternalServerError", "i1")
        assert not [line for line in edge.asked if line.startswith("PUT")]

    def test_the_timeout_is_of_the_whole_statement(self, edge: Edge, polled: list[Any]) -> None:
        """The text of its result, too; and that the statement itself has run is said."""
        con = dbapi.connect("p", "ak", "sk", endpoint=edge.url, timeout=2)
        polled += [TERMINATED, TERMINATED, 10.0]
        started = time.monotonic()
        with pytest.raises(dbapi.ServiceError, match="the statement itself has run") as caught:
            con.execute("SHOW MODELS")
        assert time.monotonic() - started < 8
        assert caught.value.instance_id == "i1"

    def test_what_came_of_a_statement_is_not_known_where_its_status_cannot_be_read(
        self, con: Any, polled: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("odps.utils.time.sleep", lambda _: None)  # between tries
        polled += [TERMINATED, None]
        with pytest.raises(dbapi.ServiceError, match="asking how instance i1 ended failed") as caught:
            con.execute("DROP MODEL m")
        assert "whether the statement has run is not known" in str(caught.value)

    def test_the_timeout_counts_the_pauses_between_questions(self, edge: Edge, polled: list[Any]) -> None:
        """PyODPS's own, 3 seconds in all, know of no limit."""
        con = dbapi.connect("p", "ak", "sk", endpoint=edge.url, timeout=1)
        polled += [error(503, "ServiceUnavailable", "later")]
        paused: list[float] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("odps.utils.time.sleep", paused.append)
            with pytest.raises(dbapi.ServiceError):
                con.execute("DROP MODEL m")
        assert max(paused) <= 0.1

    def test_a_hint_that_says_more_than_that_the_statement_has_run_stays(
        self, edge: Edge, con: Any, polled: list[Any]
    ) -> None:
        polled += [TERMINATED, TERMINATED, (302, {"Location": "http://elsewhere/"}, b"")]
        with pytest.raises(dbapi.ServiceError, match="give the address that it names"):
            con.execute("SHOW MODELS")

    def test_an_end_without_a_status_is_no_success(self, con: Any, polled: list[Any]) -> None:
        polled += [(200, {}, b"<Instance><Status>Terminated</Status><Tasks/></Instance>")]
        with pytest.raises(dbapi.ServiceError, match="its status is not told") as caught:
            con.execute("DROP MODEL m")
        assert "whether it has run is not known" in str(caught.value)

    def test_what_no_tunnel_has_gives_no_rows(self, con: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """WITH … INSERT begins as a SELECT does."""
        from odps.errors import InstanceTypeNotSupported, NoPermission

        from sqlalchemy_odpsmodel.maxcompute.service import Service

        monkeypatch.setattr(Service, "start", lambda *_: type("Instance", (), {"id": "i1"}))
        monkeypatch.setattr(Service, "wait", lambda *_: None)
        raised: list[Any] = []

        def session(self: Any, instance: Any) -> Any:
            raise raised[-1]

        monkeypatch.setattr("odps.tunnel.InstanceTunnel.create_download_session", session)
        raised.append(InstanceTypeNotSupported("no SELECT", code="InstanceTypeNotSupported"))
        for sql in (
            "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
            "/* a */ FROM a INSERT INTO t SELECT *",
            "(SELECT 1)",
            "VALUES (1)",
        ):
            assert con.execute(sql).description is None
        raised.append(NoPermission("not you", code="NoPermission"))
        assert con.execute("INSERT INTO t VALUES (1)").description is None
        with pytest.raises(dbapi.ServiceError, match="the statement itself has run"):
            con.execute("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a")

    def test_two_columns_of_one_name(self, con: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """PyODPS does not read them."""
        from odps.models import TableSchema

        from sqlalchemy_odpsmodel.maxcompute.service import Service

        monkeypatch.setattr(Service, "start", lambda *_: type("Instance", (), {"id": "i1"}))
        monkeypatch.setattr(Service, "wait", lambda *_: None)

        def session(self: Any, instance: Any) -> Any:
            return TableSchema.from_lists(["a", "A"], ["bigint", "bigint"])

        monkeypatch.setattr("odps.tunnel.InstanceTunnel.create_download_session", session)
        with pytest.raises(dbapi.ProgrammingError, match="two columns of the result have one name"):
            con.execute("SELECT a, a FROM t")


def test_the_timeout_holds_for_the_inspector(edge: Edge) -> None:
    edge.answers["GET"] = 10.0
    catalog = edge.url.removesuffix("/api")
    url = f"odpsmodel+pyodps://a:b@p/?endpoint={edge.url}&catalog_endpoint={catalog}&timeout=0.5"
    inspector: Any = inspect(create_engine(url))
    started = time.monotonic()
    with pytest.raises(OperationalError):
        inspector.get_model_names()
    assert time.monotonic() - started < 8


@pytest.mark.parametrize("path", ["tunnel", "rows"])
def test_the_timeout_holds_for_rows(edge: Edge, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyODPS asks for them by a client of its own, and repeats for minutes."""
    from sqlalchemy_odpsmodel.maxcompute.service import Service

    con = dbapi.connect("p", "ak", "sk", endpoint=edge.url, timeout=0.5, **(
        {} if path == "tunnel" else {"tunnel_endpoint": edge.url}
    ))  # fmt: skip
    instance: Any = con.service.client.get_project().instances["i1"]
    monkeypatch.setattr(Service, "start", lambda *_: instance)
    monkeypatch.setattr(Service, "wait", lambda *_: None)
    edge.answers.update(GET=10.0, POST=10.0)
    started = time.monotonic()
    with pytest.raises(dbapi.ServiceError):
        con.execute("SELECT 1")
    assert time.monotonic() - started < 8


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(edge: Edge, con: Any, status: int) -> None:
    """A statement holds keys, and its answer elsewhere says nothing."""
    other = Edge()
    thread = threading.Thread(target=other.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    edge.answers["POST"] = (status, {"Location": f"{other.url}/projects/p/instances"}, b"")
    with pytest.raises(dbapi.ServiceError, match="redirects to another address"):
        con.execute(f"CREATE MODEL c WITH VERSION v1 OPTIONS ({options(REMOTE, APIKEY=KEY)})")
    other.server.shutdown()
    other.server.server_close()
    assert other.asked == []
    assert edge.asked == POSTED


def test_answers_are_not_logged_and_nothing_is_sent_unasked(
    edge: Edge, con: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """DESC of the service has the key; PyODPS reports how it is used unless it is kept from it."""
    edge.answers["POST"] = result(f"| APIKEY: {KEY} |")
    with caplog.at_level("DEBUG"), pytest.raises(dbapi.ServiceError):
        con.execute("SHOW MODELS")
    assert any("response.headers" in record.getMessage() for record in caplog.records)
    assert all(KEY not in record.getMessage() for record in caplog.records)
    assert edge.asked == POSTED


@pytest.mark.parametrize(
    "sql", ["DESC EXTENDED MODEL chat", "SHOW CREATE MODEL chat", "EXPLAIN CREATE MODEL chat"]
)
def test_a_key_in_other_answers_is_masked(edge: Edge, con: Any, sql: str) -> None:
    edge.answers["POST"] = result(f"| APIKEY:                   {KEY} |\n'apikey' = '{KEY}'")
    assert KEY not in str(con.execute(sql).fetchall())


@pytest.mark.parametrize(
    ("arguments", "sql"),
    [
        ({"precheck": False}, f"CREATE MODEL c OPTIONS (APIKEY = '{KEY}')"),
        ({"precheck": False}, f"CREATE MODEL c WITH VERSION v1 OPTIONS (API_KEY = '{KEY}')"),
        ({}, f"CREAT MODEL c OPTIONS (APIKEY = '{KEY}')"),
    ],
)
def test_a_key_that_the_service_repeats_of_a_text_that_is_not_understood(
    edge: Edge, arguments: dict[str, Any], sql: str
) -> None:
    edge.answers["POST"] = result(f"ODPS-0130161:[1,2] Parse exception - near '{KEY}'", "Failed")
    con = dbapi.connect("p", "ak", "sk", endpoint=edge.url, **arguments)
    with pytest.raises(dbapi.ParseError, match=r"near '\*{8}'"):
        con.execute(sql)


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("SET a.b=1;\nSET c.d=2;\n\n  SELEC 1", (4, 3)),
        ("SET a.b=1; SELEC 1", (1, 12)),
        ("SET a.b=1;SET c.d=2; SELEC 1", (1, 22)),
        ("\n -- a remark\n  SELEC 1", (3, 3)),
        ("SELEC 1", (1, 1)),
    ],
)
def test_places_count_from_the_beginning_of_the_text(
    edge: Edge, con: Any, sql: str, place: tuple[int, int]
) -> None:
    """The service gets it without its SET lines and leading blanks, with its comments."""
    line = 2 if "remark" in sql else 1
    edge.answers["POST"] = result(
        f"ODPS-0130161:[{line},{3 if line == 2 else 1}] Parse exception - what", "Failed"
    )
    with pytest.raises(dbapi.ParseError) as caught:
        con.execute(sql)
    assert caught.value.place[:2] == place


def test_parameters_are_read_by_the_rules_even_without_the_check(edge: Edge) -> None:
    """A text with parameters cannot be sent as it is."""
    con = dbapi.connect("p", "ak", "sk", endpoint=edge.url, precheck=False)
    with pytest.raises(dbapi.ParseError):
        con.execute("CREATE MODEL c OPTIONS (APIKEY = ?)", (KEY,))
    assert edge.asked == []


def test_a_cancel_while_it_is_sent_stops_it_once_it_is_known(edge: Edge, con: Any) -> None:
    edge.answers["POST"] = (201, {"Location": "http://h/api/projects/p/instances/i7"}, b"")
    edge.answers["GET"] = (
        200, {},
        b"<Instance><Status>Terminated</Status><Tasks><Task Type='SQL'><Name>AnonymousSQLTask</Name>"
        b"<Status>Cancelled</Status></Task></Tasks></Instance>",
    )  # fmt: skip
    edge.answers["PUT"] = (200, {}, b"")
    cursor = con.cursor()
    start = con.service.start

    def slowly(*given: Any) -> Any:
        cursor.cancel()
        return start(*given)

    con.service.start = slowly
    with pytest.raises(dbapi.ServiceError, match="was stopped"):
        cursor.execute("DROP MODEL m")
    assert "PUT /api/projects/p/instances/i7" in edge.asked


def test_a_cancel_does_not_touch_another_thread_s_time(edge: Edge, con: Any) -> None:
    """It has a limit of its own."""
    cursor, ends = con.cursor(), []

    class Instance:
        def stop(self) -> None:
            ends.append(con.service.clock.left())

    cursor._instance = Instance()
    with con.service.limited(100):
        before = con.service.clock.end
        thread = threading.Thread(target=cursor.cancel)
        thread.start()
        thread.join()
        assert con.service.clock.end == before
    assert 0 < ends[0] <= 5


@pytest.mark.parametrize("make", ["service", "connection", "cursor"])
def test_what_holds_the_key_is_not_pickled(con: Any, make: str) -> None:
    import pickle

    found = {"service": con.service, "connection": con, "cursor": con.cursor()}[make]
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(found)
