"""Models by the official client: every statement, the text of results, the reading of the catalog."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from odps import errors, options
from samples import IMPORT, REMOTE, add, create

from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint, connect_client

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def raw(client: Any, sql: str) -> str:
    """The text of a statement's result, with the times as ones."""
    with client.execute_sql(sql).open_reader() as reader:
        return TIME.sub("2026-03-13 16:38:41", reader.raw)


class TestStatements:
    def test_every_statement_runs(self, client: Any) -> None:
        """CREATE, ADD, SET DEFAULT, DROP VERSION and DROP MODEL say OK, SHOW says what is there."""
        for sql in (
            create(),
            create(tail="COMMENT 'x'").replace("MODEL m", "MODEL IF NOT EXISTS m"),
            add(),
            "ALTER MODEL m SET DEFAULT_VERSION v2",
            "ALTER MODEL m DROP VERSION v1",
        ):
            assert client.execute_sql(sql).get_task_result() == "OK"
        assert [v.version_name for v in client.get_model("m").versions] == ["v2"]
        client.execute_sql("DROP MODEL m")
        client.execute_sql("DROP MODEL IF EXISTS m")
        assert list(client.list_models()) == []

    def test_show_models_is_the_page_s_grid(self, client: Any) -> None:
        """Each column as wide as its longest cell, one blank on each side, rules above, below and at the end."""
        client.execute_sql(create(name="Iris", tail="COMMENT 'a comment'"))
        owner = client.get_model("iris") and raw(client, "DESC MODEL iris").split("Owner:")[1].split()[0]
        o = len(owner) - len("Owner")
        assert raw(client, "SHOW MODELS") == "\n".join(
            [
                f"+-----------+{'-' * (len(owner) + 2)}+------------+-------------------------+----------------+---------------------+---------------------+-----------+",
                f"| ModelName | Owner{' ' * o} | SourceType | ModelType               | DefaultVersion | CreateTime          | LastModifiedTime    | Comment   |",
                f"+-----------+{'-' * (len(owner) + 2)}+------------+-------------------------+----------------+---------------------+---------------------+-----------+",
                f"| iris      | {owner} | IMPORT     | BOOSTED_TREE_CLASSIFIER | v1             | 2026-03-13 16:38:41 | 2026-03-13 16:38:41 | a comment |",
                f"+-----------+{'-' * (len(owner) + 2)}+------------+-------------------------+----------------+---------------------+---------------------+-----------+",
            ]
        )

    def test_desc_is_86_columns_wide(self, client: Any) -> None:
        """The layout of the page: pairs of 26 and 56 columns, inputs of 15, 10 and 51."""
        client.execute_sql(create(REMOTE, inputs="INPUT (f1 int COMMENT 'one')"))
        lines = raw(client, "DESC MODEL m").splitlines()
        assert {len(line) for line in lines} == {86}
        assert (
            "|                  Model Information                                                 |" in lines
        )
        assert (
            "|                Version Information                                                 |" in lines
        )
        assert (
            "| Model Name:               m                                                        |" in lines
        )
        assert (
            "| APIKEY:                   ${EAS_TOKEN}                                             |" in lines
        )
        assert (
            "| REMOTE_SERVICE_TYPE:      PAI-EAS                                                  |" in lines
        )
        assert (
            "| f1              | int        | one                                                 |" in lines
        )

    def test_show_versions(self, client: Any) -> None:
        """In order of creation, the default marked."""
        client.execute_sql(create())
        client.execute_sql(add())
        rows = [line.split("|")[1:-1] for line in raw(client, "SHOW VERSIONS FOR MODEL m").splitlines()]
        assert [(row[0].strip(), row[4].strip()) for row in rows if row] == [
            ("VersionName", "IsDefault"), ("v1", "true"), ("v2", "false"),
        ]  # fmt: skip

    def test_set_lines_and_settings_hold_for_the_statement(self, here: Any) -> None:
        """SET lines before a statement, the client's hints, and the former over the latter."""
        here.execute_sql(create(name="s.m"), hints={"odps.namespace.schema": "true"})
        assert here.exist_model("m", schema="s")
        here.execute_sql(create(name="other.m"), hints={"odps.namespace.schema": "false"})
        assert here.exist_model("m", project="other")
        here.execute_sql(
            f"SET odps.namespace.schema=false;\n{create(name='third.m')}",
            hints={"odps.namespace.schema": "true"},
        )
        assert here.exist_model("m", project="third")
        assert here.execute_sql("SET a.b=c").get_task_result() == "OK"

    def test_the_client_s_schema_is_current(self, maxcompute_endpoint: MaxComputeEndpoint) -> None:
        """It sends the schema as odps.default.schema."""
        maxcompute_endpoint.client("demo", schema="s").execute_sql(create())
        assert not maxcompute_endpoint.client("demo").exist_model("m")
        assert maxcompute_endpoint.client("demo").exist_model("m", schema="s")

    def test_the_url_s_schema_is_current_too(self, maxcompute_endpoint: MaxComputeEndpoint) -> None:
        """As a client sends it that gives no odps.default.schema; a setting wins, and over it SET."""
        url = f"{maxcompute_endpoint.url}/projects/demo/instances?curr_schema=a"
        headers = {"Authorization": "ODPS test:test"}
        one = '<Property><Name>settings</Name><Value>{"odps.default.schema": "b"}</Value></Property>'
        for config, text in (
            ("", create()),
            (one, create()),
            (one, f"SET odps.default.schema=c; {create()}"),
        ):
            body = f"<Instance><Job><Tasks><SQL><Config>{config}</Config><Query>{text}</Query></SQL></Tasks></Job></Instance>"
            requests.post(url, data=body, headers=headers).raise_for_status()
        client = maxcompute_endpoint.client("demo")
        assert [client.exist_model("m", schema=schema) for schema in "abc"] == [True, True, True]

    def test_through_a_host_s_name(self, maxcompute_endpoint: MaxComputeEndpoint) -> None:
        """As localhost, which a container's endpoint has; and behind a proxy with TLS the addresses are https."""
        url = maxcompute_endpoint.url.replace("127.0.0.1", "localhost")
        client = connect_client(url, "demo")
        client.execute_sql(create())
        assert [model.name for model in client.list_models()] == ["m"]
        with client.execute_sql("SELECT 1").open_reader(tunnel=True) as reader:
            assert [record.values for record in reader] == [[1]]
        headers = {"X-Forwarded-Proto": "https"}
        assert requests.get(f"{url}/catalogapi", headers=headers).text == url.replace("http", "https")[:-4]

    def test_projects_do_not_see_each_other(self, maxcompute_endpoint: MaxComputeEndpoint) -> None:
        """And come into being when first used."""
        maxcompute_endpoint.client("p1").execute_sql(create())
        assert list(maxcompute_endpoint.client("p2").list_models()) == []

    def test_a_key_s_name_is_not_expanded(self, here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """'${NAME}' stays a name: a statement must not be able to send the environment anywhere."""
        monkeypatch.setenv("EAS_TOKEN", "sk-4f9c2e7ab1d84c55")
        here.execute_sql(create(REMOTE))
        assert here.get_model("m").options["APIKEY"] == "${EAS_TOKEN}"
        assert "sk-4f9c" not in raw(here, "DESC MODEL m")

    def test_a_plain_key_is_shown_nowhere(
        self, maxcompute_endpoint: MaxComputeEndpoint, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Not in DESC, the catalog, the job's source, the log, an error or the file."""
        key = "sk-4f9c2e7ab1d84c55"
        client = maxcompute_endpoint.client("demo")
        with caplog.at_level("DEBUG", "sqlalchemy_odpsmodel.server"):
            instance = client.execute_sql(create(REMOTE, APIKEY=key))
            assert "********" in raw(client, "DESC MODEL m")
            seen = [raw(client, "DESC MODEL m"), str(client.get_model("m").options)]
            seen += [client.get_instance(instance.id).get_sql_query(), caplog.text]
            for bad in (
                create(REMOTE, APIKEY=None, API_KEY=key),
                f"CREATE MODL m OPTIONS (APIKEY='{key}')",
                f"UPDATE t SET APIKEY = '{key}'",
                f"FOO '{key}'",
                f"SELECT '{key}' FROM nowhere",
            ):
                with pytest.raises(errors.ODPSError) as raised:
                    client.execute_sql(bad)
                seen.append(str(raised.value.args))
                seen.append(client.get_instance(raised.value.instance_id).get_sql_query() or "")
        assert key not in "".join(seen)
        for path in maxcompute_endpoint.path.parent.iterdir():
            assert key.encode() not in path.read_bytes()


class TestClient:
    def test_it_changes_nothing_of_the_process(self, here: Any) -> None:
        """PyODPS would make the last client's account and endpoint its options; nor does it ask for a logview."""
        assert (options.account, options.endpoint, options.default_project) == (None, None, None)
        assert here.logview_host == here.endpoint


class TestErrors:
    @pytest.mark.parametrize(
        ("kind", "code", "message", "sql"),
        [
            (errors.ParseError, "ODPS-0130161", "[1,6] Parse exception", "SHOW MODEL"),
            (errors.ParseError, "ODPS-0130161", "[1,21] Parse exception", "CREATE MODEL m WITH OPTIONS ()"),
            (errors.ODPSError, "ODPS-0130071", "MODEL_SOURCE_TYPE", create(MODEL_SOURCE_TYPE="import")),
            (errors.ODPSError, "ODPS-0110061", "does not exist", "DESC MODEL nope"),
            (errors.ODPSError, "ODPS-0110061", "does not exist", "DROP MODEL nope"),
            (errors.NoPermission, "ODPS-0130013", "public models", "DROP MODEL bigdata_public_modelset.default.m"),
        ],
    )  # fmt: skip
    def test_a_failure_is_the_client_s_own_class(
        self, client: Any, kind: type[Exception], code: str, message: str, sql: str
    ) -> None:
        """With the code, and our words."""
        with pytest.raises(kind) as raised:
            client.execute_sql(sql)
        assert raised.value.code == code
        assert raised.value.args[0].startswith(code)
        assert message in raised.value.args[0]

    def test_the_default_version_s_error_is_the_vendor_s(self, client: Any) -> None:
        """Exactly the page's words."""
        client.execute_sql(create())
        with pytest.raises(errors.ODPSError) as raised:
            client.execute_sql("ALTER MODEL m DROP VERSION v1")
        assert raised.value.args[0] == (
            "ODPS-0110061: Failed to run ddltask - The default version of the model cannot be dropped"
        )

    def test_a_statement_that_fails_changes_nothing(self, client: Any) -> None:
        """A model that exists is not made again, and its modification time stays."""
        client.execute_sql(create())
        before = client.get_model("m").last_modified_time
        with pytest.raises(errors.ODPSError, match="already exists"):
            client.execute_sql(create())
        assert client.get_model("m").last_modified_time == before

    def test_a_warning_is_no_error(self, client: Any) -> None:
        """An endpoint without -internal is accepted, under pytest's -W error too."""
        client.execute_sql(create(LOCATION="oss://oss-cn-shanghai.aliyuncs.com/bucket/"))
        assert client.exist_model("m")


class TestCatalog:
    def test_a_model(self, client: Any) -> None:
        """What get_model returns has the Catalog API's fields."""
        started = datetime.now() - timedelta(seconds=2)
        inputs = "INPUT (f1 int COMMENT 'one', d decimal(10,2), v varchar(7))"
        client.execute_sql(create(inputs=inputs, tail="COMMENT 'a comment'"))
        model = client.get_model("m")
        assert (model.name, model.version_name, model.default_version) == ("m", "v1", "v1")
        assert (model.source_type.value, model.type.value) == ("IMPORT", "BOOSTED_TREE_CLASSIFIER")
        assert model.description == "a comment"
        assert model.path == IMPORT["LOCATION"]
        assert model.options == {"ROLEARN": IMPORT["ROLEARN"]}
        assert [(c.name, str(c.type).lower(), c.comment) for c in model.model_schema.columns] == [
            ("f1", "int", "one"), ("d", "decimal(10,2)", None), ("v", "varchar(7)", None),
        ]  # fmt: skip
        assert started <= model.creation_time == model.version_creation_time <= datetime.now()

    def test_a_remote_model(self, client: Any) -> None:
        """Its tasks, no path, no inputs; the derived service type is an option, the key a name."""
        client.execute_sql(create(REMOTE, inputs=""))
        model = client.get_model("m")
        assert (model.tasks, model.path, model.model_schema) == (["text-generation"], None, None)
        shown = {k: v for k, v in REMOTE.items() if not k.startswith(("MODEL_", "TASKS"))}
        assert model.options == {**shown, "REMOTE_SERVICE_TYPE": "PAI-EAS"}

    def test_every_type_is_read(self, client: Any) -> None:
        """The client knows each scalar type of an input."""
        types = (
            "tinyint smallint int bigint float double decimal decimal(38,18) string varchar(1) char(2) binary"
            " boolean date datetime timestamp timestamp_ntz json"
        ).split()
        inputs = ", ".join(f"c{number} {name}" for number, name in enumerate(types))
        client.execute_sql(create(inputs=f"INPUT ({inputs})"))
        found = [str(column.type).lower() for column in client.get_model("m").model_schema.columns]
        assert found == types

    def test_models_and_whether_there_is_one(self, client: Any) -> None:
        """By name, each with its default version."""
        for name in ("b", "a", "C"):
            client.execute_sql(create(name=name))
        client.execute_sql(add(name="b"))
        client.execute_sql("ALTER MODEL b SET DEFAULT_VERSION v2")
        found = [(model.name, model.version_name) for model in client.list_models()]
        assert found == [("a", "v1"), ("b", "v2"), ("c", "v1")]
        assert client.exist_model("C")
        assert not client.exist_model("d")
        with pytest.raises(errors.NoSuchObject, match="does not exist"):
            client.get_model("d").reload()

    def test_versions_in_order_of_creation(self, client: Any) -> None:
        """Each with its own times, path and inputs."""
        client.execute_sql(create())
        client.execute_sql(add(version="v0", inputs="INPUT (g DOUBLE)"))
        versions = list(client.get_model("m").versions)
        assert [version.version_name for version in versions] == ["v1", "v0"]
        assert [str(version.model_schema.columns[0].type).lower() for version in versions] == [
            "int",
            "double",
        ]

    def test_a_version_by_its_name(self, client: Any) -> None:
        """M@VERSION: its own comment and times, beside the model's."""
        client.execute_sql(create(tail="COMMENT 'the model'"))
        client.execute_sql(add(version="v2", inputs="INPUT (g DOUBLE)", tail="COMMENT 'the second'"))
        first, second = client.get_model("m"), client.get_model("m@v2")
        assert (second.version_name, second.default_version) == ("v2", "v1")
        assert second.model_schema.columns[0].name == "g"
        reply = client.catalog_rest.get(second.resource(with_schema=True))
        assert reply.json()["versionDescription"] == "the second"
        assert reply.json()["featureColumns"]["fields"][0]["typeCategory"] == "DOUBLE"
        assert second.version_creation_time > first.version_creation_time
        assert second.version_last_modified_time == second.version_creation_time
        assert first.last_modified_time == second.version_creation_time > first.creation_time
        with pytest.raises(errors.NoSuchObject, match="@v9 does not exist"):
            client.get_model("m@v9").reload()

    def test_pages(self, here: Any) -> None:
        """More models, and more versions, than a page holds: all of them, once."""
        for number in range(103):
            here.execute_sql(create(name=f"m{number:03}"))
            here.execute_sql(add(name="m000", version=f"v{number + 2}"))
        assert [model.name for model in here.list_models()] == [f"m{number:03}" for number in range(103)]
        found = [version.version_name for version in here.get_model("m000").versions]
        assert found == [f"v{number}" for number in range(1, 105)]

    def test_every_project_is_there(self, here: Any) -> None:
        """Projects come into being when they are first used."""
        assert here.exist_project("demo")
        assert here.get_project("another").owner == "ALIYUN$local"

    def test_the_public_project_is_empty(self, here: Any) -> None:
        """The public models are not in the local file."""
        assert list(here.list_models(project="bigdata_public_modelset")) == []
