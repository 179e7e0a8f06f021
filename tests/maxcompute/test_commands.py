"""The commands on a URL of the service: run, generate, export, check; backup and serve are about files."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from samples import KEY, REMOTE, add, create, options
from services import url_of
from sqlalchemy import create_engine, inspect

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.cli import main
from sqlalchemy_odpsmodel.diff import Step
from sqlalchemy_odpsmodel.model import ModelName
from sqlalchemy_odpsmodel.sql import DropModel
from sqlalchemy_odpsmodel.testing import MaxComputeEndpoint

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy_odpsmodel.dbapi.ModelWarning")
#: The key in the URL, which no command prints.
ACCESS_KEY = "access-4f9c2e7a"

Invoke = Callable[..., Result]


@pytest.fixture
def url(maxcompute_endpoint: MaxComputeEndpoint) -> str:
    return url_of(maxcompute_endpoint).replace("ak:sk@", f"ak:{ACCESS_KEY}@")


@pytest.fixture
def invoke() -> Invoke:
    def run(*arguments: str, text: str | None = None, code: int = 0) -> Result:
        result = CliRunner().invoke(main, arguments, input=text)
        assert result.exit_code == code, result.output
        assert ACCESS_KEY not in result.output
        assert KEY not in result.output
        return result

    return run


def models(url: str) -> dict[str, list[str]]:
    inspector: Any = inspect(create_engine(url))
    return {
        f"{m['schema']}.{m['name']}": [v["name"] for v in m["versions"]] for m in inspector.get_all_models()
    }


class TestRun:
    def test_results_and_oks(self, url: str, invoke: Invoke) -> None:
        result = invoke(
            "run", url, "-", text=f"{create()};\n{add()};\nSHOW MODELS;\n# a remark\nDESC MODEL m;"
        )
        assert result.stderr == "OK\n" * 4
        assert "| ModelName |" in result.stdout
        assert "|                  Model Information " in result.stdout
        assert models(url) == {"default.m": ["v1", "v2"]}

    def test_statements_are_maxcompute_s(self, url: str, invoke: Invoke) -> None:
        """Escapes with backslashes and adjacent strings, semicolons in them, `#` lines; a grid for rows."""
        script = r"""
            CREATE TABLE t (i BIGINT, s STRING);
            INSERT INTO t VALUES (1, 'it\'s; -- no comment'), (2, "a" 'b');
# dropped;
            SELECT s FROM t ORDER BY i;
        """
        result = invoke("run", url, "-", text=script)
        assert result.stderr == "OK\n" * 3
        assert "| it's; -- no comment |" in result.stdout
        assert "| ab " in result.stdout

    def test_what_fails_ends_it_and_what_was_done_stays(self, url: str, invoke: Invoke) -> None:
        """There are no transactions."""
        script = f"{create()};\nDROP MODEL nothing;\n{create(name='n')};"
        result = invoke("run", url, "-", text=script, code=1)
        assert "-:2:12: ODPS-0110061" in result.stderr
        assert models(url) == {"default.m": ["v1"]}
        result = invoke("run", "--keep-going", url, "-", text=script, code=1)
        assert models(url) == {"default.m": ["v1"], "default.n": ["v1"]}

    def test_the_place_of_an_error_is_the_script_s(self, url: str, invoke: Invoke) -> None:
        result = invoke("run", url, "-", text="SHOW MODELS;\n\n  SHOW MODELS LIKE 'a';", code=1)
        assert "-:3:15: ODPS-0130161:[3,15] Parse exception" in result.stderr

    def test_a_variable_is_read_from_the_environment(
        self,
        url: str,
        invoke: Invoke,
        monkeypatch: pytest.MonkeyPatch,
        maxcompute_endpoint: MaxComputeEndpoint,
    ) -> None:
        """Unless the URL says otherwise."""
        script = f"CREATE MODEL c WITH VERSION v1 OPTIONS ({options(REMOTE)});"
        monkeypatch.delenv("EAS_TOKEN", raising=False)
        result = invoke("run", url, "-", text=script, code=1)
        assert "the environment variable EAS_TOKEN is not set" in result.stderr
        monkeypatch.setenv("EAS_TOKEN", KEY)
        result = invoke("run", f"{url}&expand_env=false", "-", text=script, code=1)
        assert "expand_env=true" in result.stderr
        invoke("run", url, "-", text=script)
        with closing(dbapi.connect(maxcompute_endpoint.path, project="demo")) as kept:
            from sqlalchemy_odpsmodel.options import PlainSecret

            found = kept.store.described("demo", "default", "c")
            assert found is not None
            assert found[1] is not None
            assert dict(found[1].options)["APIKEY"] == kept.store.fingerprint(PlainSecret(KEY))

    def test_project_and_schema(self, url: str, invoke: Invoke) -> None:
        invoke("run", "--schema", "lab", url, "-", text=f"{create()};")
        assert models(url) == {"lab.m": ["v1"]}
        invoke("run", "--project", "other", url, "-", text=f"{create()};")
        assert models(url.replace("@demo/", "@other/")) == {"default.m": ["v1"]}

    def test_a_set_holds_for_the_scripts_that_follow(self, url: str, invoke: Invoke, tmp_path: Path) -> None:
        (tmp_path / "a.sql").write_text("SET odps.namespace.schema=false;")
        (tmp_path / "b.sql").write_text(create(name="other.m"))
        invoke("run", url, str(tmp_path / "a.sql"), str(tmp_path / "b.sql"))
        assert models(url.replace("@demo/", "@other/")) == {"default.m": ["v1"]}


class TestMoving:
    @pytest.fixture
    def full(self, url: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> str:
        """A project with models in two schemas, one with a key."""
        monkeypatch.setenv("EAS_TOKEN", KEY)
        remote = f"CREATE MODEL c WITH VERSION v1 OPTIONS ({options(REMOTE)}) COMMENT 'it\\'s'"
        lines = (
            create(tail="COMMENT 'c'"),
            add(),
            "ALTER MODEL m SET DEFAULT_VERSION v2",
            remote,
            create(name="lab.n"),
        )
        invoke("run", url, "-", text=";\n".join(lines))
        return url

    def test_export_makes_a_script_that_makes_the_models_again(self, full: str, invoke: Invoke) -> None:
        script = invoke("export", full).stdout
        assert script.count("CREATE MODEL demo.") == 3
        assert "'********'" in script
        script = script.replace("'********'", "'${EAS_TOKEN}'").replace("demo.", "copied.")
        invoke("run", full, "-", text=script)
        copied = full.replace("@demo/", "@copied/")
        assert (
            models(copied)
            == models(full)
            == {"default.c": ["v1"], "default.m": ["v1", "v2"], "lab.n": ["v1"]}
        )
        assert invoke("export", copied).stdout.replace("copied.", "demo.") == invoke("export", full).stdout

    def test_generate_declares_them(self, full: str, invoke: Invoke) -> None:
        source = invoke("generate", full).stdout
        namespace: dict[str, Any] = {}
        exec(source.replace("C_V1_APIKEY", "EAS_TOKEN"), namespace)  # noqa: S102
        other = full.replace("@demo/", "@made/")
        namespace["metadata"].create_all(create_engine(other))
        assert models(other) == models(full)
        assert "lab" not in invoke("generate", "--schema", "default", full).stdout

    def test_trained_models_are_named_and_left_out(
        self, full: str, invoke: Invoke, maxcompute_endpoint: MaxComputeEndpoint
    ) -> None:
        with closing(dbapi.connect(maxcompute_endpoint.path, isolation_level=None)) as kept:
            kept.execute("UPDATE _odpsmodel_model SET source_type = 'INTERNAL_TRAIN' WHERE name = 'n'")
        script = invoke("export", full).stdout
        assert "-- Model demo.lab.n is INTERNAL_TRAIN, which no statement makes.\n" in script
        assert script.count("CREATE MODEL") == 2
        assert "lab" not in invoke("generate", "--schema", "default", full).stdout
        assert "nothing is wrong" in invoke("check", full).stdout

    def test_check_tells_what_the_rules_would_refuse(
        self, full: str, invoke: Invoke, maxcompute_endpoint: MaxComputeEndpoint
    ) -> None:
        assert invoke("check", full).stdout.endswith(": nothing is wrong\n")
        with closing(dbapi.connect(maxcompute_endpoint.path, isolation_level=None)) as kept:
            kept.execute(
                "UPDATE _odpsmodel_version SET options = json_set(options, '$.ROLEARN', 'nobody')"
                " WHERE name = 'v2'"
            )
        result = invoke("check", full, code=1)
        assert "model demo.default.m: version v2: ROLEARN must be 'acs:ram::…:role/…'" in result.stderr
        mend = result.stderr.partition("to mend it: ")[2].strip()
        assert mend == (
            "ALTER MODEL demo.default.m SET DEFAULT_VERSION v1; ALTER MODEL demo.default.m DROP VERSION v2;"
            " -- and add it again"
        )
        invoke("run", full, "-", text=mend)
        assert invoke("check", full).stdout.endswith(": nothing is wrong\n")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("backup", "{url}", "copy.db"), "odpsmodel export"),
            (("serve", "{url}"), "this is MaxCompute itself"),
        ],
    )
    def test_what_is_about_files(
        self, url: str, invoke: Invoke, arguments: tuple[str, ...], words: str
    ) -> None:
        result = invoke(*(argument.format(url=url) for argument in arguments), code=2)
        assert words in result.stderr


class TestRows:
    def test_models_versions_and_desc(self, url: str, invoke: Invoke) -> None:
        invoke("run", url, "-", text=f"{create()};\n{add()};\n{create(name='lab.n')};")
        rows = json.loads(invoke("models", "--format", "json", url).stdout)
        assert [(row["ModelName"], row["DefaultVersion"]) for row in rows] == [("m", "v1")]
        rows = json.loads(invoke("models", "--format", "json", "--schema", "lab", url).stdout)
        assert [row["ModelName"] for row in rows] == ["n"]
        rows = json.loads(invoke("versions", "--format", "json", url, "m").stdout)
        assert [(row["VersionName"], row["IsDefault"]) for row in rows] == [("v1", "true"), ("v2", "false")]
        described = json.loads(invoke("desc", "--format", "json", url, "lab.n").stdout)
        assert described["Model Information"]["Model Name"] == "n"
        assert (
            "|                  Model Information " in invoke("desc", "--format", "vendor", url, "m").stdout
        )

    def test_json_of_maxcompute_s_values(self, url: str, invoke: Invoke) -> None:
        """Numbers and booleans are themselves, decimals and times are text."""
        script = (
            "SELECT 1 AS i, 1.5 AS d, true AS b, CAST('1.50' AS DECIMAL(5, 2)) AS c, DATE '2026-11-23' AS t;"
        )
        rows = json.loads(invoke("run", "--format", "json", url, "-", text=script).stdout)
        assert rows == [{"i": 1, "d": 1.5, "b": True, "c": "1.50", "t": "2026-11-23"}]


class TestComparison:
    @pytest.fixture
    def local(self, tmp_path: Path, invoke: Invoke) -> str:
        """A file with two models, one of a key by its variable's name."""
        path = str(tmp_path / "laptop.db")
        remote = f"CREATE MODEL lab.c WITH VERSION v1 OPTIONS ({options(REMOTE)})"
        invoke("run", path, "-", text=";".join((create(tail="COMMENT 'c'"), add(), remote)))
        return path

    def test_from_laptop_to_maxcompute(
        self, url: str, local: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A service that shows a masked key has none that can be compared, which is told."""
        monkeypatch.setenv("EAS_TOKEN", KEY)
        assert invoke("diff", url, local, code=1).stdout.count("CREATE MODEL") == 2
        assert "3 statements were run" in invoke("apply", "--yes", url, local).stderr
        assert models(url) == {"default.m": ["v1", "v2"], "lab.c": ["v1"]}
        assert invoke("diff", url, local).stdout == ""
        assert invoke("diff", local, url).stdout == ""

    def test_a_variable_that_is_not_set_stops_all_before_anything_is_sent(
        self, url: str, local: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("EAS_TOKEN", raising=False)
        result = invoke("apply", "--yes", url, local, code=1)
        assert "the environment variable EAS_TOKEN is not set" in result.stderr
        assert models(url) == {}

    def test_what_was_done_before_an_error_is_told(
        self, url: str, local: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EAS_TOKEN", KEY)
        from sqlalchemy_odpsmodel.cli import comparison

        element_of, elements = comparison.element_of, []

        def fail(statement: Any) -> Any:
            elements.append(statement)
            return element_of(statement if len(elements) < 3 else DropModel(statement.name))

        monkeypatch.setattr(comparison, "element_of", fail)
        result = invoke("apply", "--yes", url, local, code=1)
        assert "2 of 3 statements were done, and stay so" in result.stderr
        assert models(url) == {"default.m": ["v1", "v2"]}
        monkeypatch.undo()
        monkeypatch.setenv("EAS_TOKEN", KEY)
        assert "CREATE MODEL lab.c" in invoke("diff", url, local, code=1).stdout

    def test_trained_models_are_left_out(
        self, url: str, local: str, invoke: Invoke, maxcompute_endpoint: MaxComputeEndpoint
    ) -> None:
        invoke("run", url, "-", text=f"{create(name='trained')};")
        with closing(dbapi.connect(maxcompute_endpoint.path, isolation_level=None)) as kept:
            kept.execute("UPDATE _odpsmodel_model SET source_type = 'INTERNAL_TRAIN' WHERE name = 'trained'")
        result = invoke("diff", url, local, code=1)
        assert "DROP MODEL" not in result.stdout
        assert "model trained is left out: no statement makes INTERNAL_TRAIN models" in result.stderr

    def test_keys_that_the_service_masks_are_not_compared(
        self,
        url: str,
        local: str,
        invoke: Invoke,
        monkeypatch: pytest.MonkeyPatch,
        maxcompute_endpoint: MaxComputeEndpoint,
    ) -> None:
        """Which is told, on whichever side they are."""
        monkeypatch.setenv("EAS_TOKEN", KEY)
        invoke("apply", "--yes", url, local)
        for pair in ((url, local), (local, url), (url, url)):
            result = invoke("diff", *pair)
            assert result.stdout == ""
            assert "APIKEYs were not compared" in result.stderr

    def test_rules_are_asked_of_all_statements_before_the_first_is_sent(
        self, url: str, local: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from sqlalchemy_odpsmodel.cli import comparison

        monkeypatch.setenv("EAS_TOKEN", KEY)
        monkeypatch.setattr(comparison, "created", lambda model: Step((public,), ()))
        public = DropModel(ModelName("m", "default", "bigdata_public_modelset"))
        invoke("run", url, "-", text=f"{create(name='gone')};")
        result = invoke("apply", "--yes", url, local, code=1)
        assert "bigdata_public_modelset" in result.stderr
        assert models(url) == {"default.gone": ["v1"]}


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        "db",
        [
            f"odpsmodel+pyodps://ak:{ACCESS_KEY}/?endpoint=http://x",
            f"odpsmodel+pyodps://ak:{ACCESS_KEY}@demo:8x/?endpoint=http://x",
            f"odpsmodel+pyodps://ak:p@{ACCESS_KEY}@demo/?endpoint=http://x",
            f"odpsmodel+pyodps://ak:sk@demo/?endpoint=http://u:{ACCESS_KEY}@host",
            f"ODPSMODEL+PYODPS:/ak:{ACCESS_KEY}@demo",
            f"pyodps:/ak:{ACCESS_KEY}@demo",
        ],
    )
    @pytest.mark.parametrize("command", ["models", "check", "run"])
    def test_of_a_bad_url_no_key_is_printed(self, invoke: Invoke, db: str, command: str) -> None:
        result = invoke(command, db, *(["-"] if command == "run" else []), text="", code=2)
        assert "Traceback" not in result.output

    @pytest.mark.parametrize(
        "command", [("run", "{url}", "-"), ("generate", "{url}"), ("export", "{url}"), ("check", "{url}")]
    )
    def test_a_service_that_cannot_be_reached(
        self, invoke: Invoke, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("odps.utils.time.sleep", lambda _: None)  # between tries
        url = f"odpsmodel+pyodps://ak:{ACCESS_KEY}@demo/?endpoint=http://127.0.0.1:1/api"
        result = invoke(*(part.format(url=url) for part in command), text="SHOW MODELS;", code=1)
        assert "cannot be reached" in result.stderr
        assert "Traceback" not in result.output

    def test_bad_arguments_of_the_url(self, url: str, invoke: Invoke) -> None:
        assert "endpiont is unknown" in invoke("run", f"{url}&endpiont=x", "-", code=2).stderr
        assert "no path" in invoke("check", "odpsmodel+pyodps://a:b@p/path", code=2).stderr

    def test_pyodps_is_missing(self, url: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
        from sqlalchemy_odpsmodel.maxcompute.dialect import ODPSModelDialect_pyodps

        def missing() -> Any:
            raise ModuleNotFoundError("MaxCompute needs odps: pip install it")

        monkeypatch.setattr(ODPSModelDialect_pyodps, "import_dbapi", missing)
        for command in (("run", url, "-"), ("generate", url), ("export", url), ("check", url)):
            assert "MaxCompute needs odps: pip install it" in invoke(*command, code=1).stderr

    @pytest.mark.parametrize(
        "db", [f"odpsmodel+pyodps:/ak:{ACCESS_KEY}@p", f"odpsmodel+pyodps//ak:{ACCESS_KEY}@p"]
    )
    def test_a_url_that_is_misspelt_is_no_path(self, invoke: Invoke, db: str) -> None:
        """And is not printed."""
        assert "a URL has ://" in invoke("check", db, code=2).stderr

    def test_no_credentials(self, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ODPS_STS_TOKEN", "ODPS_BEARER_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        result = invoke(
            "run", "odpsmodel+pyodps://demo/?endpoint=http://127.0.0.1:1/api", "-", text="", code=1
        )
        assert "set ALIBABA_CLOUD_ACCESS_KEY_ID" in result.stderr
