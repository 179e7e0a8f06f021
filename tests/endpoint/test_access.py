"""Who may do what: signatures made by the official client, and privileges as the vendor's pages have them."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from odps import errors
from odps.accounts import CloudAccount
from samples import IMPORT, add, create

from sqlalchemy_odpsmodel.errors import ProgrammingError
from sqlalchemy_odpsmodel.server import credentials, signature
from sqlalchemy_odpsmodel.server.app import Settings
from sqlalchemy_odpsmodel.server.serve import Server
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint, serve

SECRET = "s3cr3t-4f9c2e7ab1d84c55"
FILE = f"""
[accounts.alice]
secret = "{SECRET}"
owner = "ALIYUN$alice"
[accounts.alice.projects.demo]
privileges = ["CreateModel", "List"]

[accounts.alice.projects.other]

[accounts.bob]
secret = "another"
owner = "RAM$alice:bob"
[accounts.bob.projects.demo]
models = {{ "iris_*" = ["Describe"], "s.*" = ["Alter"], "old_?" = ["Drop"] }}

[accounts.alice2]
secret = "fourth"
owner = "ALIYUN$alice"
[accounts.alice2.projects.other]

[accounts.carol]
secret = "third"
owner = "ALIYUN$carol"
"""
SECRETS = {"alice": SECRET, "bob": "another", "carol": "third", "alice2": "fourth"}
Connect = Callable[..., Any]


@contextmanager
def guarded(path: Path, text: str = FILE) -> Iterator[Connect]:
    """Clients, by access id, of an endpoint with credentials."""
    file = path.with_suffix(".toml")
    file.write_text(text)
    with serve(path, Settings(credentials.read(file))) as endpoint:

        def client(access_id: str, project: str = "demo", secret: str | None = None, **arguments: Any) -> Any:
            key = secret or SECRETS.get(access_id, "none")
            return endpoint.client(project, access_id=access_id, secret_access_key=key, **arguments)

        client.url = endpoint.url  # type: ignore[attr-defined]
        yield client


@pytest.fixture
def connect(path: Path) -> Iterator[Connect]:
    with guarded(path) as client:
        yield client


class TestSignatures:
    def test_who_signs_owns_what_it_makes(self, connect: Connect) -> None:
        """The owner is the account's."""
        alice = connect("alice")
        alice.execute_sql(create())
        assert "ALIYUN$alice" in alice.execute_sql("DESC MODEL m").get_task_result()

    @pytest.mark.parametrize(
        ("access_id", "secret"), [("alice", "wrong"), ("alice", SECRET + "x"), ("nobody", SECRET)]
    )
    def test_a_wrong_signature_is_401(self, connect: Connect, access_id: str, secret: str) -> None:
        """For a statement, for the catalog, for a table: nothing tells an unknown id from a wrong secret."""
        client = connect(access_id, secret=secret)
        for ask in (
            lambda: client.execute_sql(create()),
            lambda: list(client.list_models()),
            lambda: client.exist_table("t"),
        ):
            with pytest.raises(errors.Unauthorized, match="does not fit") as raised:
                ask()
            assert raised.value.status_code == 401

    def test_none_is_401(self, connect: Connect) -> None:
        """In words that say what is missing."""
        url: str = connect.url  # type: ignore[attr-defined]
        for header in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "ODPS alice"}):
            reply = requests.post(f"{url}/projects/demo/instances", data=b"<x/>", headers=header)
            assert (reply.status_code, "not signed" in reply.text) == (401, True)

    @pytest.mark.parametrize(("minutes", "status"), [(-16, 401), (-14, 404), (14, 404), (16, 401)])
    def test_a_clock_more_than_fifteen_minutes_off_is_refused(
        self, connect: Connect, minutes: int, status: int
    ) -> None:
        """What is right but for its Date, which is signed."""
        url: str = connect.url  # type: ignore[attr-defined]
        sent = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
        text = f"GET\n\n\n{sent}\n/projects/demo/instances/x"
        signed = base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), "sha1")).decode()
        headers = {"Date": sent, "Authorization": f"ODPS alice:{signed}"}
        reply = requests.get(f"{url}/projects/demo/instances/x", headers=headers)
        assert reply.status_code == status
        assert ("minutes off" in reply.text) == (status == 401)

    def test_version_4_falls_back_to_version_1(self, connect: Connect) -> None:
        """The client signs again, as it does for services that do not know version 4."""
        client = connect("alice", region_name="cn-shanghai")
        client.rest._region_name = "cn-shanghai"
        client.execute_sql(create())
        assert client.exist_model("m")

    @pytest.mark.parametrize(
        "url",
        [
            "/projects/p/instances?curr_project=p",
            "/projects/p/instances/i?downloadid=d&rowrange=(0,10)&data&columns=a,中文",
            "/projects/p/tables/a%20b?x-odps-y=1&b=&a=%2B+",
            "/catalog/v1alpha/projects/p/schemas/s/models/m:listVersions?pageToken=",
        ],
    )
    def test_the_signature_is_the_client_s_own(self, url: str) -> None:
        """What PyODPS signs for a request is what is computed of what arrives."""
        endpoint = "http://127.0.0.1:1/api"
        request = requests.Request(
            "GET", endpoint + url, headers={"Content-Type": "a/b", "x-odps-b": "2", "x-odps-a": "1"}
        ).prepare()
        CloudAccount("alice", SECRET).sign_request(request, endpoint)
        headers = {key.lower(): value for key, value in request.headers.items()}
        given = signature.read_authorization(headers["authorization"])
        path = str(request.url)[len(endpoint) :]
        signature.verify(given, SECRET, "GET", path, headers)
        with pytest.raises(signature.Refused):
            signature.verify(given, SECRET, "POST", path, headers)
        with pytest.raises(signature.Refused):
            signature.verify(given, SECRET, "GET", path + "x", headers)

    def test_an_instance_is_its_sender_s_alone(self, connect: Connect) -> None:
        """Another account does not find it, and nobody in another project."""
        instance = connect("alice").execute_sql("SHOW MODELS")
        assert connect("alice").get_instance(instance.id).is_terminated()
        for client in (connect("bob"), connect("alice", "other"), connect("alice2")):
            with pytest.raises(errors.NoSuchObject):
                client.get_instance(instance.id).reload()
            with pytest.raises(errors.NoSuchObject):
                client.stop_instance(instance.id)
        with pytest.raises(errors.InvalidStateSetting):
            connect("alice").stop_instance(instance.id)

    def test_an_unknown_id_with_no_secret_is_401(self, connect: Connect) -> None:
        """The signature that an empty secret makes is nobody's."""
        url: str = connect.url  # type: ignore[attr-defined]
        request = requests.Request("GET", f"{url}/projects/demo/instances/x").prepare()
        CloudAccount("nobody", "").sign_request(request, url)
        assert requests.Session().send(request).status_code == 401

    def test_the_log_names_who_is_known(self, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
        """An access id is logged once its signature fits."""
        with caplog.at_level("INFO", "sqlalchemy_odpsmodel.server"):
            connect("alice").execute_sql("SHOW MODELS")
            with pytest.raises(errors.Unauthorized):
                connect("alice", secret="wrong").execute_sql("SHOW MODELS")
        found = [json.loads(record.getMessage()) for record in caplog.records]
        seen = {(line["access_id"], line["status"]) for line in found}
        assert {("alice", 201), ("", 401)} <= seen
        assert ("alice", 401) not in seen


class TestPrivileges:
    """CreateModel on the project (CREATE), Alter and Drop on the model, List on the project (SHOW), Describe on
    the model (DESC)."""

    @pytest.fixture
    def there(self, connect: Connect) -> Connect:
        alice = connect("alice")
        for name in ("iris_1", "s.n", "old_1", "old_22", "other"):
            alice.execute_sql(create(name=name), hints={"odps.namespace.schema": "true"})
        return connect

    @pytest.mark.parametrize(
        ("privilege", "thing", "sql"),
        [
            ("CreateModel", "project demo", create(name="new")),
            ("CreateModel", "project demo", create(name="other").replace("MODEL other", "MODEL IF NOT EXISTS other")),
            ("List", "project demo", "SHOW MODELS"),
            ("List", "project demo", "SHOW VERSIONS FOR MODEL iris_1"),
            ("Describe", "model demo.default.other", "DESC MODEL other"),
            ("Alter", "model demo.default.iris_1", add(name="iris_1")),
            ("Alter", "model demo.default.iris_1", "ALTER MODEL iris_1 SET DEFAULT_VERSION v1"),
            ("Alter", "model demo.default.iris_1", "ALTER MODEL iris_1 DROP VERSION v1"),
            ("Drop", "model demo.default.iris_1", "DROP MODEL iris_1"),
            ("Drop", "model demo.default.old_22", "DROP MODEL IF EXISTS old_22"),
        ],
    )  # fmt: skip
    def test_what_is_not_granted_is_refused(
        self, there: Connect, privilege: str, thing: str, sql: str
    ) -> None:
        """ODPS-0130013, naming the privilege and the object; and nothing is done."""
        bob = there("bob")
        with pytest.raises(errors.NoPermission) as raised:
            bob.execute_sql(sql)
        assert raised.value.args[0] == (
            f"ODPS-0130013: Authorization exception - RAM$alice:bob has no privilege {privilege} on {thing}"
        )
        names = [model.name for model in there("alice").list_models()]
        assert names == ["iris_1", "old_1", "old_22", "other"]

    def test_of_a_model_that_is_not_there_that_is_said(self, there: Connect) -> None:
        """Whatever the privileges: else nobody could ask whether a model of its own is there still."""
        bob = there("bob")
        assert not bob.exist_model("nope")
        bob.execute_sql("DROP MODEL IF EXISTS nope")
        with pytest.raises(errors.ODPSError, match="does not exist"):
            bob.execute_sql("DROP MODEL nope")

    def test_but_to_members_of_its_project_only(self, there: Connect) -> None:
        """Nobody else can ask for names."""
        for model in ("iris_1", "nope"):
            with pytest.raises(errors.NoPermission, match=f"no privilege Drop on model demo.default.{model}"):
                there("carol").execute_sql(f"DROP MODEL IF EXISTS {model}")

    def test_privileges_are_of_their_project(self, there: Connect) -> None:
        """What an account may in one project it may not in another, whatever is current."""
        alice = there("alice")
        other = there("alice", "other")
        for client, sql in (
            (alice, create(name="other.default.x")),
            (other, create(name="x")),
            (other, "SHOW MODELS"),
            (alice, "SET odps.namespace.schema=false;" + create(name="other.x")),
        ):
            with pytest.raises(errors.NoPermission, match="on project other"):
                client.execute_sql(sql)
        with pytest.raises(errors.NoPermission, match="on project other"):
            list(alice.list_models(project="other"))
        other.execute_sql(create(name="demo.default.granted"))
        assert alice.exist_model("granted")

    def test_a_pattern_is_read_as_names_are(self, path: Path) -> None:
        """In lower case."""
        with guarded(path, FILE.replace('"iris_*"', '"IRIS_*"')) as connect:
            connect("alice").execute_sql(create(name="Iris_1"))
            assert connect("bob").get_model("iris_1").default_version == "v1"

    def test_list_does_not_describe(self, path: Path) -> None:
        """Who has List alone sees in lists what SHOW shows: no options, inputs or tasks."""
        text = FILE.replace(
            "[accounts.bob.projects.demo]", '[accounts.bob.projects.demo]\nprivileges = ["List"]'
        )
        with guarded(path, text) as connect:
            connect("alice").execute_sql(create(name="m"))
            connect("alice").execute_sql(create(name="iris_1"))
            bob = connect("bob")
            models = bob.get_project().models.resource(with_schema=True)
            iris, m = bob.catalog_rest.get(models).json()["models"]
            shown = {
                "modelName",
                "versionName",
                "defaultVersion",
                "createTime",
                "updateTime",
                "sourceType",
                "modelType",
            }
            assert m.keys() == shown
            assert iris["options"] == {"ROLEARN": IMPORT["ROLEARN"]}
            (version,) = bob.catalog_rest.get(f"{models}/m:listVersions").json()["models"]
            assert version.keys() == shown | {"versionCreateTime", "versionUpdateTime", "path"}

    def test_what_is_granted_by_a_pattern_is_done(self, there: Connect) -> None:
        """A pattern with a dot is schema.model, one without is of every schema."""
        bob = there("bob")
        assert "iris_1" in bob.execute_sql("DESC MODEL iris_1").get_task_result()
        bob.execute_sql(add(name="s.n"), hints={"odps.namespace.schema": "true"})
        bob.execute_sql("DROP MODEL old_1")
        assert "old_1" not in [model.name for model in there("alice").list_models()]

    def test_the_catalog_asks_for_the_same(self, there: Connect) -> None:
        """List for models and versions, Describe for one."""
        bob = there("bob")
        assert bob.get_model("iris_1").default_version == "v1"
        for ask in (
            lambda: list(bob.list_models()),
            lambda: list(bob.get_model("iris_1").versions),
            lambda: bob.get_model("other").reload(),
        ):
            with pytest.raises(errors.NoPermission, match="has no privilege"):
                ask()

    def test_an_owner_may_all_on_its_own(self, there: Connect) -> None:
        """Without any privilege on the model."""
        alice = there("alice")
        alice.execute_sql(add(name="other"))
        alice.execute_sql("ALTER MODEL other SET DEFAULT_VERSION v2")
        alice.execute_sql("SHOW VERSIONS FOR MODEL other")
        alice.execute_sql("DESC MODEL other")
        alice.execute_sql("DROP MODEL other")
        assert not alice.exist_model("other")

    def test_public_models_are_read_only_for_all(self, there: Connect) -> None:
        """And are asked for without a privilege."""
        for who in ("alice", "carol"):
            client = there(who)
            with pytest.raises(errors.NoPermission, match="public models cannot be"):
                client.execute_sql("DROP MODEL bigdata_public_modelset.default.m")
            with pytest.raises(errors.ODPSError, match="does not exist"):
                client.execute_sql("DESC MODEL bigdata_public_modelset.default.m")
            assert list(client.list_models(project="bigdata_public_modelset")) == []

    def test_tables_are_for_the_project_s_members(self, connect: Connect) -> None:
        """Whom the file lists under the project."""
        connect("alice").execute_sql("CREATE TABLE t (a BIGINT)")
        assert connect("bob").exist_table("t")
        carol = connect("carol")
        for sql in ("SELECT a FROM t", "DROP TABLE t"):
            with pytest.raises(errors.NoPermission, match=r"ALIYUN\$carol is no member of project demo"):
                carol.execute_sql(sql)
        assert [table.name for table in connect("bob").list_tables()] == ["t"]
        assert [schema.name for schema in connect("bob").list_schemas()] == ["default"]
        for ask in (lambda: carol.exist_table("t"), carol.list_tables, carol.list_schemas):
            with pytest.raises(errors.NoPermission, match="no member of project demo"):
                list(ask())
        with pytest.raises(errors.NoPermission, match="no member of project demo"):
            carol.execute_sql("SELECT 1")
        with pytest.raises(errors.NoPermission, match="no member of project elsewhere"):
            connect("alice").execute_sql(
                "SELECT a FROM elsewhere.default.t", hints={"odps.namespace.schema": "true"}
            )


class TestCredentialsFile:
    @pytest.mark.parametrize(
        ("message", "text"),
        [
            ("no accounts", ""),
            ("no TOML, at line 2, column", "\nsecret = = 'x'"),
            ("the file: account is not known", "[account.a]"),
            ("accounts.a: secret must be a text", "[accounts.a]\nowner='x'"),
            ("accounts.a: secret must be a text", "[accounts.a]\nowner='x'\nsecret=''"),
            ("accounts.a: owner must be a text", "[accounts.a]\nsecret='x'"),
            ("accounts.a: roles is not known", "[accounts.a]\nowner='x'\nsecret='x'\nroles=1"),
            ("accounts.a:b: an access id holds no colon", "[accounts.'a:b']\nowner='x'\nsecret='x'"),
            ("project name 'p-q' must", "[accounts.a]\nowner='x'\nsecret='x'\nprojects.p-q={}"),
            ("projects.p.privileges: must be a list of CreateModel, List",
             "[accounts.a]\nowner='x'\nsecret='x'\nprojects.p.privileges=['Drop']"),
            ("projects.p.models.m: must be a list of Describe, Alter, Drop",
             "[accounts.a]\nowner='x'\nsecret='x'\nprojects.p.models.m='Drop'"),
            ("accounts.a.projects must be a table", "[accounts.a]\nowner='x'\nsecret='x'\nprojects=1"),
        ],
    )  # fmt: skip
    def test_a_fault_is_named(self, tmp_path: Path, message: str, text: str) -> None:
        """With its place, before anything is served."""
        file = tmp_path / "credentials.toml"
        file.write_text(text)
        with pytest.raises(credentials.CredentialsError) as raised:
            credentials.read(file)
        assert message in str(raised.value)

    @pytest.mark.parametrize(
        "text", [f"[accounts.a]\nsecret = {SECRET!r}x", f"[accounts.a]\nsecret = '{SECRET}"]
    )
    def test_no_error_holds_a_secret(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "credentials.toml"
        file.write_text(text)
        with pytest.raises(credentials.CredentialsError) as raised:
            credentials.read(file)
        assert SECRET not in repr(raised.value) + repr(raised.value.__context__)

    def test_an_account_prints_without_its_secret(self, tmp_path: Path) -> None:
        file = tmp_path / "credentials.toml"
        file.write_text(FILE)
        assert SECRET not in repr(credentials.read(file))


class TestLoopback:
    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
    def test_others_are_served_only_with_credentials(self, path: Path, host: str) -> None:
        with pytest.raises(ProgrammingError, match="needs credentials"):
            Server({"database": path}, host, 0, Settings())
        assert not path.exists()

    def test_with_credentials_any_address_is(self, path: Path) -> None:
        account = credentials.Account("a", "ALIYUN$a", SECRET)
        server = Server({"database": path}, "0.0.0.0", 0, Settings({"a": account}))
        with server.running():
            port = server.url.rsplit(":", 1)[1].removesuffix("/api")
            assert requests.get(f"http://127.0.0.1:{port}/health").json() == {"status": "ok"}

    @pytest.mark.parametrize(
        "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::2]", ""]
    )
    def test_a_page_that_means_this_machine_by_its_own_name_is_refused(
        self, maxcompute_endpoint: MaxComputeEndpoint, host: str
    ) -> None:
        """DNS rebinding: a name of the page's own, that leads here."""
        headers = {"Host": host, "Authorization": "ODPS a:b"}
        reply = requests.get(f"{maxcompute_endpoint.url}/projects/p/tunnel", headers=headers)
        assert reply.status_code in (400, 403)

    def test_a_page_in_a_browser_cannot_send_a_statement(
        self, maxcompute_endpoint: MaxComputeEndpoint
    ) -> None:
        """A form or a simple fetch has no Authorization of ours."""
        reply = requests.post(f"{maxcompute_endpoint.url}/projects/demo/instances", data=b"<Instance/>")
        assert reply.status_code == 401
