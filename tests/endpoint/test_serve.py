"""Serving: limits, many clients, stopping, the log, and the command."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from endpoints import process, started
from odps import errors
from samples import REMOTE, create

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.cli import main
from sqlalchemy_odpsmodel.server import engine, instances, wire
from sqlalchemy_odpsmodel.server.app import Limits, Settings
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint, connect_client, serve

HEADERS = {"Authorization": "ODPS test:test"}
#: A condition that takes some seconds of 32,000 rows.
_DIGITS = "CONCAT(" + ", ".join(["CAST(a AS STRING)"] * 40) + ")"
SLOW = " OR ".join([f"{_DIGITS} LIKE '%1%2%3%4%5%6%7%8%9%0%x%'"] * 8)


def names(path: Path) -> list[str]:
    """The models of a file, of all projects."""
    with closing(dbapi.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT model FROM odps_models ORDER BY model")]


def job(sql: str) -> bytes:
    return (
        "<Instance><Job><Tasks><SQL><Name>t</Name><Config/>"
        f"<Query><![CDATA[{sql}]]></Query></SQL></Tasks></Job></Instance>"
    ).encode()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MaxComputeEndpoint]:
    """An endpoint that has little patience."""
    limits = Limits(body_bytes=10_000, header_seconds=0.5, body_seconds=0.5, statement_seconds=0.5)
    with serve(tmp_path_factory.mktemp("small") / "models.db", Settings(limits=limits)) as endpoint:
        yield endpoint


class TestLimits:
    def address(self, endpoint: MaxComputeEndpoint) -> tuple[str, int]:
        host, port = endpoint.url.removeprefix("http://").removesuffix("/api").split(":")
        return host, int(port)

    def test_a_body_s_size(self, small: MaxComputeEndpoint) -> None:
        """413, whether its length is told before or not."""
        url = f"{small.url}/projects/demo/instances"
        long = job(f"SHOW MODELS -- {'x' * 10_000}")
        for body in (long, iter([long])):
            reply = requests.post(url, data=body, headers=HEADERS)
            assert (reply.status_code, "at most 10,000 bytes" in reply.text) == (413, True)
        assert requests.post(url, data=job("SHOW MODELS"), headers=HEADERS).status_code == 201

    def test_the_headers_size(self, small: MaxComputeEndpoint) -> None:
        """They are not read on and on."""
        with socket.create_connection(self.address(small)) as sent:
            sent.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000)
            assert b" 400 " in sent.recv(1000)

    def test_the_time_of_headers(self, small: MaxComputeEndpoint) -> None:
        """A connection that says nothing is closed, and one that stops in the middle, the second request's too."""
        for text in (b"", b"GET /health HTTP/1.1\r\nHost:"):
            with socket.create_connection(self.address(small), timeout=10) as sent:
                sent.sendall(text)
                assert sent.recv(1000) == b""
        with socket.create_connection(self.address(small), timeout=10) as sent:
            sent.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += sent.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200")
            sent.sendall(b"GET /hea")
            assert sent.recv(1000) == b""

    def test_the_time_of_a_body(self, small: MaxComputeEndpoint) -> None:
        """408."""
        with socket.create_connection(self.address(small), timeout=10) as sent:
            head = "POST /api/projects/p/instances HTTP/1.1\r\nHost: localhost\r\nAuthorization: ODPS a:b\r\n"
            sent.sendall(f"{head}Content-Length: 100\r\n\r\n<Inst".encode())
            assert b" 408 " in sent.recv(1000)

    def test_the_time_of_a_statement(self, small: MaxComputeEndpoint) -> None:
        """A SELECT that computes for too long is interrupted, and the endpoint serves on."""
        client = small.client("demo")
        client.execute_sql("CREATE TABLE t (a BIGINT)")
        values = ", ".join(f"({n})" for n in range(800))
        for _ in range(40):
            client.execute_sql(f"INSERT INTO t VALUES {values}")
        with pytest.raises(errors.ODPSError, match=r"longer than 0\.5 seconds"):
            client.execute_sql(f"SELECT COUNT(*) FROM t WHERE {SLOW}")
        assert client.execute_sql("SHOW MODELS").is_successful()

    def test_who_reads_does_not_wait_for_who_writes(self, path: Path) -> None:
        """/health, the catalog and a result are told while all statements wait for the write lock; those that are
        too many are refused."""
        limits = Limits(running=2, waiting=3)
        with serve(path, Settings(asynchronous=True, limits=limits), timeout=5) as endpoint:
            client = endpoint.client("demo")
            client.execute_sql(create())
            with closing(dbapi.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                waiting = [client.run_sql(create(name=f"m{number}")) for number in range(3)]
                assert requests.get(endpoint.url.replace("/api", "/health"), timeout=2).status_code == 200
                assert [model.name for model in client.list_models()] == ["m"]
                assert not waiting[0].is_terminated()
                url = f"{endpoint.url}/projects/demo/instances/{waiting[0].id}"
                status = requests.get(f"{url}?taskstatus", headers=HEADERS).text
                assert (status.count("Running"), "Success" in status) == (2, False)
                assert requests.get(f"{url}?result", headers=HEADERS).status_code == 409
                assert "CREATE" not in requests.get(f"{url}?source", headers=HEADERS).text
                with pytest.raises(errors.ODPSError, match="too many statements are waiting"):
                    client.run_sql(create(name="m3"))
                other.execute("ROLLBACK")
            for instance in waiting:
                instance.wait_for_success(interval=0.05)
        assert names(path) == ["m", "m0", "m1", "m2"]

    def test_who_shows_and_selects_does_not_either(self, path: Path) -> None:
        """With all threads that write at work."""
        with serve(path, Settings(limits=Limits(running=1)), timeout=5) as endpoint:
            client = endpoint.client("demo")
            client.execute_sql(create())
            with closing(dbapi.connect(path, isolation_level=None)) as other, ThreadPoolExecutor(2) as pool:
                other.execute("BEGIN IMMEDIATE")
                made = [pool.submit(client.execute_sql, create(name=f"m{number}")) for number in range(2)]
                time.sleep(0.2)
                for sql in ("SHOW MODELS", "SET a=b; DESC MODEL m", "SELECT 1"):
                    assert client.execute_sql(sql).is_successful()
                assert not made[0].done()
                other.execute("ROLLBACK")
                assert [one.result().get_task_result() for one in made] == ["OK", "OK"]

    @pytest.mark.parametrize(
        ("message", "body"),
        [
            ("not XML, at line 1", b"{}"),
            ("not XML", b""),
            ("one task, SQL; found: none", b"<Instance/>"),
            ("found: SQLCost", b"<Instance><Job><Tasks><SQLCost/></Tasks></Job></Instance>"),
            ("found: SQL", b"<Instance><Job><Tasks><SQL/><SQL/></Tasks></Job></Instance>"),
            ("has no Query", b"<Instance><Job><Tasks><SQL/></Tasks></Job></Instance>"),
            ("document type", b"<!DOCTYPE x [<!ENTITY a 'aa'>]><Instance>&a;</Instance>"),
            ("cannot be read", b"<?xml version='1.0' encoding='nope'?><Instance/>"),
            ("no JSON object", b"<Instance><Job><Tasks><SQL><Config><Property><Name>settings</Name><Value>[]</Value>"
             b"</Property></Config><Query>x</Query></SQL></Tasks></Job></Instance>"),
        ],
    )  # fmt: skip
    def test_a_body_that_is_no_job(self, small: MaxComputeEndpoint, message: str, body: bytes) -> None:
        """400, in words."""
        reply = requests.post(f"{small.url}/projects/demo/instances", data=body, headers=HEADERS)
        assert (reply.status_code, message in reply.text) == (400, True), reply.text

    def test_a_name_and_settings_have_an_end(self, small: MaxComputeEndpoint) -> None:
        """64,000 characters."""
        long = "x" * 64_001
        body = job("SHOW MODELS").replace(b"<Name>t</Name>", f"<Name>{long}</Name>".encode())
        with pytest.raises(wire.Malformed, match="more than 64,000 characters"):
            wire.read_job(body)

    def test_a_long_string_is_not_made_endless(self, here: Any) -> None:
        """A STRING has at most 8 MB, as on MaxCompute, whatever a short statement asks for."""
        here.execute_sql("CREATE TABLE t (s STRING)")
        here.execute_sql(f"INSERT INTO t VALUES ('{'x' * 1_000_000}')")
        assert here.execute_sql("SELECT LENGTH(CONCAT(s, s, s)) FROM t").is_successful()
        with pytest.raises(errors.ODPSError, match="string or blob too big") as raised:
            here.execute_sql(f"SELECT LENGTH(CONCAT({', '.join(['s'] * 50)})) FROM t")
        assert raised.value.code == "ODPS-0130071"
        with pytest.raises(errors.ODPSError, match="pattern too complex"):
            here.execute_sql(f"SELECT s FROM t WHERE s LIKE '{'%x' * 600}'")

    @pytest.mark.parametrize(
        "sql",
        [
            f"SELECT '{'MODEL ' * 100_000}'",
            f"SELECT CAST('{'1' * 300_000}x' AS BIGINT)",
            f"SELECT CAST('{'1' * 300_000}.5x' AS DOUBLE)",
            f"SELECT {'1' * 100_000}e1{'1' * 100_000}",
            f"SELECT {', '.join(['a'] * 2_000)} FROM t",
            f"SELECT a FROM t ORDER BY {', '.join(['a'] * 2_000)}",
            f"SELECT {', '.join(f'a + {n} AS c{n}' for n in range(300))} FROM t ORDER BY {', '.join(['c1'] * 1_000)}",
            f"INSERT INTO t VALUES {', '.join(['(1)'] * 60_000)}",
            f"SELECT {'STRUCT(' * 40}1{')' * 40}",
            f"SELECT {'CAST(1 AS DECIMAL(' * 40}1{'))' * 40}",
            f"CREATE TABLE n (a {'DECIMAL(' * 40}1{')' * 40})",
        ],
        ids=range(11),
    )
    def test_hostile_texts_end(self, sql: str, here: Any) -> None:
        """Each took minutes, or all memory, before it had a limit, and nobody else was served meanwhile."""
        here.execute_sql("CREATE TABLE t (a BIGINT)")
        with suppress(errors.ODPSError):
            here.execute_sql(sql)
        assert here.execute_sql("SHOW MODELS").is_successful()

    def test_the_oldest_instances_go_first(self) -> None:
        """Once there are 1,000, or 256 MiB of results; one that runs stays, and the newest."""
        kept = instances.Instances()
        running = kept.add("p", "o", wire.Job("t", "", {}))
        made = [kept.add("p", "o", wire.Job("t", "", {})) for _ in range(1_001)]
        for instance in made:
            kept.terminate(instance, instance.job, instances.Result(True, "OK"))
        assert kept.find("p", made[0].id, "o") is None
        assert kept.find("p", made[1].id, "o") is made[1]
        kept.terminate(running, running.job, instances.Result(True, "", size=300 * 2**20))
        assert kept.find("p", made[-1].id, "o") is None
        assert kept.find("p", running.id, "o") is running
        several = [kept.add("p", "o", wire.Job("t", "", {})) for _ in range(4)]
        for instance in several:
            kept.terminate(
                instance,
                instance.job._replace(query="x" * 1_000),
                instances.Result(True, "", size=100 * 2**20),
            )
        assert [kept.find("p", one.id, "o") is one for one in several] == [False, False, True, True]


class TestManyClients:
    def test_eight_clients_of_500_models_each(self, path: Path) -> None:
        """Nothing is lost and nothing doubled: every CREATE said OK, and each model is there once."""
        with process(path) as (url, _):

            def work(number: int) -> int:
                client = connect_client(url, "demo")
                done = [client.execute_sql(create(name=f"m{number}_{each}")) for each in range(500)]
                return sum(instance.get_task_result() == "OK" for instance in done)

            with ThreadPoolExecutor(8) as pool:
                assert list(pool.map(work, range(8))) == [500] * 8
        assert names(path) == sorted(f"m{number}_{each}" for number in range(8) for each in range(500))

    def test_of_those_that_make_the_same_model_one_does(self, here: Any) -> None:
        """The others are told that it exists."""

        def work(_: int) -> str:
            try:
                return str(here.execute_sql(create()).get_task_result())
            except errors.ODPSError as error:
                return str(error.args[0])

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(work, range(8)))
        assert answers.count("OK") == 1
        exists = "ODPS-0110061: Failed to run ddltask - model demo.default.m already exists"
        assert answers.count(exists) == 7

    def test_a_table_that_comes_and_goes(self, here: Any) -> None:
        """A statement sees it as it is, or not at all: no other error, and no value of another type."""

        def work(number: int) -> set[str]:
            seen = set()
            kind = "STRING" if number % 2 else "BIGINT"
            for sql in (
                f"CREATE TABLE t (a {kind})",
                "INSERT INTO t VALUES ('012')",
                "SELECT a FROM t",
                "DROP TABLE t",
            ) * 10:
                try:
                    seen.add(here.execute_sql(sql).get_task_result())
                except errors.ODPSError as error:
                    seen.add(str(error.args[0]).split(" - ")[-1])
            return seen

        with ThreadPoolExecutor(6) as pool:
            seen = set().union(*pool.map(work, range(6)))
        expected = {"table t does not exist", "table demo.default.t already exists", "OK", '"a"\n'}
        assert {text for text in seen if "012" not in text and "CAST" not in text} <= expected | {
            "table t already exists"
        }
        assert not any("\n12" in text for text in seen)


class TestStopping:
    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
    @pytest.mark.parametrize("arguments", [(), ("--asynchronous",)], ids=["synchronous", "asynchronous"])
    def test_what_was_acknowledged_is_on_disk(self, path: Path, how: int, arguments: tuple[str, ...]) -> None:
        """Whenever it is stopped, under load; a stop that is asked for waits for what runs, and ends with 0."""
        acknowledged: list[str] = []
        with started(path, *arguments) as (url, _, running):

            def work(number: int) -> None:
                client = connect_client(url, "demo")
                for each in range(1_000):
                    try:
                        instance = client.run_sql(create(name=f"m{number}_{each}"))
                        if arguments and not instance.is_terminated():
                            continue
                        acknowledged.append(f"m{number}_{each}")
                    except Exception:
                        return

            threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            while len(acknowledged) < 20:
                time.sleep(0.01)
            running.send_signal(how)
            code = running.wait(30)
            for thread in threads:
                thread.join()
        assert set(acknowledged) <= set(names(path))
        if how != signal.SIGKILL:
            assert code == 0
        runner = CliRunner()
        assert "nothing is wrong" in runner.invoke(main, ["check", str(path)]).output

    def test_a_statement_that_waits_is_stopped(self, path: Path) -> None:
        """At once where no thread has come to it, and else when it would begin to write; it changes nothing."""
        settings = Settings(asynchronous=True, limits=Limits(running=1, waiting=3))
        with serve(path, settings) as endpoint:
            client = endpoint.client("demo")
            client.execute_sql(create())
            with closing(dbapi.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                first, second, third = (client.run_sql(create(name=f"m{number}")) for number in range(3))
                second.stop()
                assert second.is_terminated()
                with pytest.raises(errors.ODPSError, match="too many statements are waiting"):
                    client.run_sql(create(name="m3"))
                first.stop()
                assert not first.is_terminated()
                other.execute("ROLLBACK")
            third.wait_for_success(interval=0.05)
            for stopped in (first, second):
                stopped.wait_for_completion(interval=0.05)
                (task,) = stopped.get_task_statuses().values()
                assert task.status == task.TaskStatus.CANCELLED
                assert stopped.get_task_result() == "the statement was stopped"
                assert not stopped.is_successful()
                with pytest.raises(errors.ODPSError, match="status=CANCELLED"):
                    stopped.wait_for_success()
        assert names(path) == ["m", "m2"]

    def test_a_select_that_computes_is_stopped(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Long before it would have ended, and the log says so."""
        with (
            serve(path, Settings(asynchronous=True)) as endpoint,
            caplog.at_level(logging.INFO, "sqlalchemy_odpsmodel.server"),
        ):
            client = endpoint.client("demo")
            client.execute_sql("CREATE TABLE t (a BIGINT)")
            values = ", ".join(f"({n})" for n in range(800))
            for _ in range(40):
                client.run_sql(f"INSERT INTO t VALUES {values}").wait_for_success(interval=0.02)
            instance = client.run_sql(f"SELECT COUNT(*) FROM t WHERE {SLOW}")
            time.sleep(0.5)
            assert not instance.is_terminated()
            started = time.monotonic()
            instance.stop()
            instance.wait_for_completion(interval=0.02)
            assert time.monotonic() - started < 5
            (task,) = instance.get_task_statuses().values()
            assert task.status == task.TaskStatus.CANCELLED
            assert instance.get_task_result() == "the statement was stopped"
            assert client.execute_sql("SELECT COUNT(*) FROM t").get_task_result() == '"_c0"\n32000\n'
        (told,) = [json.loads(text) for text in caplog.messages if "Cancelled" in text]
        assert told == {
            "event": "terminated", "instance": instance.id, "statement": "SELECT", "code": "Cancelled"
        }  # fmt: skip

    @pytest.mark.parametrize("asynchronous", [True, False])
    def test_one_that_has_terminated_cannot_be_stopped(self, path: Path, asynchronous: bool) -> None:
        """The client has a class of its own for it; the result stays."""
        with serve(path, Settings(asynchronous=asynchronous)) as endpoint:
            client = endpoint.client("demo")
            instance = client.execute_sql("SELECT 1 AS n")
            with pytest.raises(errors.InvalidStateSetting, match="has terminated already"):
                instance.stop()
            with pytest.raises(errors.NoSuchObject, match="is not here"):
                client.stop_instance("nope")
            assert client.get_instance(instance.id).get_task_result() == '"n"\n1\n'

    @pytest.mark.parametrize(
        ("message", "body"),
        [
            ("not XML", b""),
            ("Terminated only", b"<Instance><Status>Suspended</Status></Instance>"),
            ("Terminated only", b"<Job><Status>Terminated</Status></Job>"),
        ],
    )
    def test_a_status_that_cannot_be_set(
        self, maxcompute_endpoint: MaxComputeEndpoint, message: str, body: bytes
    ) -> None:
        instance = maxcompute_endpoint.client("demo").execute_sql("SELECT 1")
        url = f"{maxcompute_endpoint.url}/projects/demo/instances/{instance.id}"
        reply = requests.put(url, data=body, headers=HEADERS)
        assert (reply.status_code, message in reply.text) == (400, True), reply.text

    @pytest.mark.parametrize(
        "sql", ["INSERT INTO t VALUES (1), (2)", create(), "ALTER TABLE t ADD COLUMNS (b INT, c INT)"]
    )
    def test_a_change_that_has_begun_is_let_to_its_end(self, path: Path, sql: str) -> None:
        """Somebody stops it as soon as it has the write lock."""
        served = engine.Engine({"database": path})
        with closing(served):
            caller = engine.Caller("o", None)
            served.run(engine.Submission("demo", None, "CREATE TABLE t (a INT)", {}), caller)
            asked = iter([False])
            sent = engine.Submission("demo", None, sql, {}, lambda: next(asked, True))
            assert served.run(sent, caller).result == instances.Result(True, "OK", size=2 * (sql == create()))
            assert next(asked, "was asked") == "was asked"
            assert served.run(sent, caller).result == instances.STOPPED

    def test_what_was_stopped_has_its_place_until_a_thread_comes_to_it(self) -> None:
        """Or who sends and stops would fill the memory."""
        kept = instances.Instances()
        waits, runs = (kept.add("p", "o", wire.Job("t", "", {})) for _ in range(2))
        assert (kept.begin(runs), kept.stop(runs), kept.stop(waits)) == (True, True, True)
        assert (runs.status, waits.status, kept.running) == ("Running", "Cancelled", 2)
        assert runs.stopping.is_set()
        assert (kept.begin(waits), kept.running) == (False, 1)
        kept.terminate(runs, runs.job, instances.Result(True, "OK"))
        assert (kept.stop(runs), kept.stop(waits)) == (False, False)
        assert (runs.status, kept.running) == ("Success", 0)

    def test_a_stop_waits_for_what_runs(self, path: Path) -> None:
        """Who is served when it is asked for gets the answer."""
        with started(path) as (url, _, running):
            client = connect_client(url, "demo")
            client.execute_sql("CREATE TABLE t (a BIGINT)")
            for _ in range(10):
                client.execute_sql(f"INSERT INTO t VALUES {', '.join(f'({n})' for n in range(5_000))}")
            like = "CAST(a AS STRING) LIKE '%1%2%3%4%5%6%7%8%9%0%'"
            with ThreadPoolExecutor(1) as pool:
                slow = pool.submit(
                    client.execute_sql, f"SELECT COUNT(*) FROM t WHERE {' OR '.join([like] * 100)}"
                )
                time.sleep(0.3)
                assert not slow.done()
                running.send_signal(signal.SIGTERM)
                assert slow.result().is_successful()
            assert running.wait(30) == 0

    def test_a_stop_runs_what_was_taken(self, path: Path) -> None:
        """Statements that were answered before they ran, and wait for another's lock when it is asked for."""
        with started(path, "--asynchronous") as (url, _, running):
            client = connect_client(url, "demo")
            client.execute_sql(create())
            with closing(dbapi.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                for number in range(20):  # more than run at the same time
                    client.run_sql(create(name=f"m{number}"))
                running.send_signal(signal.SIGTERM)
                time.sleep(0.5)
                other.execute("ROLLBACK")
            assert running.wait(30) == 0
        assert len(names(path)) == 21

    def test_a_second_signal_ends_it_at_once(self, path: Path) -> None:
        """Whatever runs; what was acknowledged is on disk."""
        with started(path) as (url, _, running):
            client = connect_client(url, "demo")
            client.execute_sql(create())
            with closing(dbapi.connect(path, isolation_level=None)) as other, ThreadPoolExecutor(1) as pool:
                other.execute("BEGIN IMMEDIATE")
                waiting = pool.submit(client.execute_sql, create(name="never"))
                time.sleep(0.3)
                running.send_signal(signal.SIGTERM)
                time.sleep(0.3)
                assert running.poll() is None
                running.send_signal(signal.SIGTERM)
                assert running.wait(5) == 1
                assert waiting.exception()
        assert names(path) == ["m"]

    def test_a_file_that_is_moved_or_deleted_is_told(self, path: Path) -> None:
        """Nothing is acknowledged that nobody would find, by no thread, and no other file is made."""
        with serve(path) as endpoint:
            client = endpoint.client("demo")
            client.execute_sql(create())
            path.rename(path.with_suffix(".moved"))
            with ThreadPoolExecutor(8) as pool:
                asked = [pool.submit(client.execute_sql, create(name=f"m{number}")) for number in range(8)]
                asked += [pool.submit(client.execute_sql, "SHOW MODELS")]
                for one in asked:
                    with pytest.raises(errors.ODPSError, match="was moved or deleted while it was served"):
                        one.result()
            assert requests.get(endpoint.url.replace("/api", "/health")).status_code == 503
            assert not path.exists()
            path.with_suffix(".moved").rename(path)
            assert client.exist_model("m")
        assert names(path) == ["m"]

    def test_an_endpoint_s_end_leaves_nothing_open(self, path: Path) -> None:
        """No thread, no descriptor."""
        before, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            with serve(path) as endpoint:
                requests.get(endpoint.url.replace("/api", "/health"))
        assert threading.active_count() == before
        assert len(os.listdir("/proc/self/fd")) <= files

    def test_results_are_not_kept_over_a_restart(self, path: Path) -> None:
        """What a statement did is; its instance is not found."""
        with serve(path) as endpoint:
            instance = endpoint.client().execute_sql(create())
        with serve(path) as endpoint:
            client = endpoint.client()
            assert client.exist_model("m")
            with pytest.raises(errors.NoSuchObject):
                client.get_instance(instance.id).reload()


class TestLog:
    def test_a_line_of_json_a_request(self, path: Path) -> None:
        """Who, what, how it ended and how long it took; no statement, no query, no header, no key."""
        key = "sk-4f9c2e7ab1d84c55"
        with process(path) as (url, log):
            client = connect_client(url, "demo", access_id="alice", secret_access_key="s3cr3t")
            client.execute_sql(create(REMOTE, APIKEY=key))
            with pytest.raises(errors.ODPSError):
                client.execute_sql("DROP MODEL nope")
        text = log.read_text()
        lines = [json.loads(line) for line in text.splitlines()[1:]]
        first, second = [line for line in lines if "statement" in line]
        assert first.keys() == {
            "time", "client", "access_id", "method", "path", "status", "milliseconds", "request", "instance",
            "statement",
        }  # fmt: skip
        assert (first["client"], first["access_id"]) == ("127.0.0.1", "alice")
        assert (first["method"], first["path"], first["status"]) == (
            "POST",
            "/api/projects/demo/instances",
            201,
        )
        assert (first["statement"], 0 < first["milliseconds"] < 60_000) == ("CreateModel", True)
        assert (second["statement"], second["code"]) == ("DropModel", "ODPS-0110061")
        assert not any(secret in text for secret in (key, "s3cr3t", "ODPS alice", "OPTIONS"))

    def test_what_is_answered_before_it_has_run_is_logged_when_it_has(self, path: Path) -> None:
        """By the instance, with the kind and the code."""
        with process(path, "--asynchronous") as (url, log):
            client = connect_client(url, "demo")
            assert client.execute_sql(create()).is_sync is False
            with pytest.raises(errors.ODPSError) as raised:
                client.execute_sql("DROP MODEL nope")
        lines = [json.loads(line) for line in log.read_text().splitlines()[1:]]
        _, failed = [line for line in lines if line.get("event") == "terminated"]
        assert failed == {
            "event": "terminated", "instance": raised.value.instance_id, "statement": "DropModel",
            "code": "ODPS-0110061",
        }  # fmt: skip

    def test_a_fault_of_ours_is_told_by_its_kind(
        self, path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In a statement and outside of one; its words may hold anything, and nobody is left waiting."""

        def fail(*_: object) -> None:
            raise RuntimeError("sk-4f9c2e7ab1d84c55")

        for settings in (Settings(), Settings(asynchronous=True)):
            with serve(path, settings) as endpoint, monkeypatch.context() as patch:
                patch.setattr("sqlalchemy_odpsmodel.server.engine.Engine._read", fail)
                patch.setattr("sqlalchemy_odpsmodel.server.engine.Engine.table", fail)
                client = endpoint.client()
                with caplog.at_level(logging.INFO, "sqlalchemy_odpsmodel.server"):
                    with pytest.raises(
                        errors.InternalServerError, match="RuntimeError in the local endpoint"
                    ) as one:
                        client.execute_sql("SHOW MODELS")
                    with pytest.raises(errors.InternalServerError, match="RuntimeError in the local") as two:
                        client.exist_table("t")
        shown = f"{one.value} {two.value} {caplog.text}"
        assert "test_serve.py" in caplog.text
        assert "sk-4f9c" not in shown


class TestHealth:
    def test_it_needs_no_signature(self, maxcompute_endpoint: MaxComputeEndpoint) -> None:
        reply = requests.get(maxcompute_endpoint.url.replace("/api", "/health"))
        assert (reply.status_code, reply.json()) == (200, {"status": "ok"})

    def test_a_file_that_cannot_be_read_is_503(self, maxcompute_endpoint: MaxComputeEndpoint) -> None:
        """With what is wrong."""
        maxcompute_endpoint.client().execute_sql(create())
        with closing(dbapi.connect(maxcompute_endpoint.path)) as connection:
            connection.execute("UPDATE _odpsmodel_store SET format = 99")
            connection.commit()
        reply = requests.get(maxcompute_endpoint.url.replace("/api", "/health"))
        assert (reply.status_code, reply.json()["status"]) == (503, "failed")
        assert "upgrade the package" in reply.json()["message"]

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/api/logview/host", 404),
            ("GET", "/api/tenants", 404),
            ("PUT", "/api/projects/demo/logs", 404),
            ("GET", "/api/projects/demo/tables?owner=x", 400),
            ("GET", "/api/projects/demo/tables?type=VIRTUAL_VIEW", 400),
            ("GET", "/api/projects/demo/tables?extended", 400),
            ("GET", "/api/projects/demo/schemas?owner=x", 400),
            ("GET", "/api/projects/demo/schemas/default", 400),
            ("POST", "/api/projects/demo/tables/t?uploads", 400),
            ("POST", "/api/catalog/v1alpha/projects/demo/schemas/default/models", 400),
            ("PATCH", "/api/catalog/v1alpha/projects/demo/schemas/default/models/m", 400),
            ("GET", "/api/projects/demo/instances/x", 404),
            ("GET", "/api/projects/de-mo/instances/x", 400),
        ],
    )
    def test_what_it_has_not(
        self, maxcompute_endpoint: MaxComputeEndpoint, method: str, path: str, status: int
    ) -> None:
        """Is told in the service's documents, which the client can read."""
        url = maxcompute_endpoint.url.removesuffix("/api") + path
        reply = requests.request(method, url, headers=HEADERS)
        assert reply.status_code == status
        catalog = "catalog/" in path
        assert reply.headers["Content-Type"] == ("application/json" if catalog else "application/xml")
        assert ("reason" if catalog else "<RequestId>") in reply.text


class TestCommand:
    def test_it_says_whom_it_serves(self, path: Path) -> None:
        """Without credentials this machine only."""
        with process(path) as (url, log):
            line = log.read_text()
        assert line == f"{path}: serving at {url}, for this machine only: every access id owns all projects\n"
        assert url.startswith("http://127.0.0.1:")

    def test_a_url_gives_the_file_s_own_project(self, path: Path) -> None:
        """And what else connecting takes, as the timezone of SHOW."""
        with process(f"odpsmodel:///{path}?owner=RAM$a:b", log=path.with_suffix(".log")) as (url, _):
            client = connect_client(url, "demo")
            client.execute_sql(create())
            assert "RAM$a:b" in client.execute_sql("DESC MODEL m").get_task_result()

    @pytest.mark.parametrize(
        ("message", "arguments"),
        [
            ("host 0.0.0.0 needs credentials", ["x.db", "--host", "0.0.0.0"]),
            ("a database in memory is one connection's only", [":memory:"]),
            ("a database in memory is one connection's only", ["odpsmodel://"]),
            ("No such file", ["x.db", "--credentials", "nope.toml"]),
            ("no accounts", ["x.db", "--credentials", "empty.toml"]),
            ("cannot listen on 127.0.0.1:", ["x.db", "--port", "TAKEN"]),
            ("cannot listen on nowhere.invalid", ["x.db", "--credentials", "one.toml", "--host", "nowhere.invalid", "--port", "0"]),
            ("no such directory", ["nowhere/x.db", "--port", "0"]),
            ("is not in the range", ["x.db", "--port", "65536"]),
        ],
    )  # fmt: skip
    def test_what_it_cannot_serve(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str, arguments: list[str]
    ) -> None:
        """Is one clear error, and leaves no file."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "empty.toml").touch()
        (tmp_path / "one.toml").write_text("[accounts.a]\nsecret='x'\nowner='y'")
        with closing(socket.create_server(("127.0.0.1", 0))) as taken:
            port = str(taken.getsockname()[1])
            result = CliRunner().invoke(main, ["serve", *[port if a == "TAKEN" else a for a in arguments]])
        assert result.exit_code in (1, 2)
        assert message in result.output.replace("unable to open database file", "no such directory")
        assert not (tmp_path / "x.db").exists()
