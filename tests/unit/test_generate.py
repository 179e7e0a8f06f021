"""odpsmodel generate: the module that it prints, and what it says when there is nothing."""

from __future__ import annotations

import ast
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from engines import CALLED, FILE, SERVICE, imported, version
from samples import KEY
from sqlalchemy import MetaData, create_engine

from sqlalchemy_odpsmodel import Model, ModelVersion, dbapi
from sqlalchemy_odpsmodel.cli import main
from sqlalchemy_odpsmodel.schema import models_of

Generate = Callable[..., Result]


@pytest.fixture
def generate(path: Path) -> Generate:
    def run(*options: str, url: str = f"odpsmodel:///{path}?project=demo") -> Result:
        return CliRunner().invoke(main, ["generate", url, *options])

    return run


def declared(source: str, tmp_path: Path) -> dict[str, Any]:
    module = tmp_path / "generated.py"
    module.write_text(source)
    return runpy.run_path(str(module))


def fill(path: Path, *models: Model) -> None:
    engine = create_engine(f"odpsmodel:///{path}?project=demo")
    for model in models:
        model.create(engine)
    engine.dispose()


def test_the_module(path: Path, generate: Generate, tmp_path: Path) -> None:
    fill(
        path,
        imported("iris", None, version("v1", inputs=[("petal", "DOUBLE", 'in "cm"'), ("f2", "VARCHAR(9)")]),
                 version("v2", comment="it's"), comment="年", default_version="v2"),
        Model("qwen", MetaData(), ModelVersion("v1", options=SERVICE), **CALLED),
    )  # fmt: skip
    result = generate()
    assert result.exit_code == 0
    assert result.stderr == ""
    expected = f'''"""Models, as `odpsmodel generate` found them in a database."""

from sqlalchemy import MetaData

from sqlalchemy_odpsmodel import EnvSecret, Model, ModelVersion

metadata = MetaData()

iris = Model(
    "iris",
    metadata,
    ModelVersion(
        "v1",
        inputs=[
            ("petal", "DOUBLE", 'in "cm"'),
            ("f2", "VARCHAR(9)"),
        ],
        options={{
            "LOCATION": "{FILE["LOCATION"]}",
            "ROLEARN": "{FILE["ROLEARN"]}",
        }},
    ),
    ModelVersion(
        "v2",
        inputs=[
            ("f1", "INT"),
        ],
        options={{
            "LOCATION": "{FILE["LOCATION"]}",
            "ROLEARN": "{FILE["ROLEARN"]}",
        }},
        comment="it's",
    ),
    source_type="IMPORT",
    model_type="BOOSTED_TREE_CLASSIFIER",
    default_version="v2",
    comment="年",
)

qwen = Model(
    "qwen",
    metadata,
    ModelVersion(
        "v1",
        options={{
            "TASKS": "text-generation",
            "PAI_EAS_MODEL_NAME": "Qwen2.5-Omni-3B",
            "PAI_EAS_SERVICE_NAME": "test_remote_model",
            "ENDPOINT": "http://1.cn-shanghai.pai-eas.aliyuncs.com",
            "APIKEY": EnvSecret("EAS_TOKEN"),
            "PAI_EAS_SYNC_MODE": "true",
        }},
    ),
    source_type="REMOTE",
    model_type="MLLM",
)
'''
    assert result.stdout == expected
    assert [model.name for model in models_of(declared(result.stdout, tmp_path)["metadata"])] == [
        "iris",
        "qwen",
    ]


def test_a_plain_key_is_a_secret_to_be_filled_in(path: Path, generate: Generate, tmp_path: Path) -> None:
    fill(path, Model("qwen", MetaData(), ModelVersion("v1", options=SERVICE | {"APIKEY": KEY}), **CALLED))
    result = generate()
    assert (
        '"APIKEY": EnvSecret("QWEN_V1_APIKEY"),  # set this variable: the key is not readable\n'
        in result.stdout
    )
    assert KEY not in result.output
    declared(result.stdout, tmp_path)["metadata"].create_all(create_engine("odpsmodel://"))


def test_names_that_are_taken_in_python(path: Path, generate: Generate, tmp_path: Path) -> None:
    fill(
        path,
        *(imported(name) for name in ("class", "list", "metadata", "model_class")),
        imported("class", schema="s"),
    )
    result = generate()
    names = [node.targets[0].id for node in ast.parse(result.stdout).body if isinstance(node, ast.Assign)]  # type: ignore[attr-defined]
    assert names == [
        "metadata",
        "model_class",
        "model_list",
        "model_metadata",
        "model_model_class",
        "s_class",
    ]
    assert len(models_of(declared(result.stdout, tmp_path)["metadata"])) == 5


def test_names_that_meet(path: Path, generate: Generate) -> None:
    """Variables of Python and of the environment."""
    plain = {"options": SERVICE | {"APIKEY": KEY}}
    fill(
        path,
        Model("a_b", MetaData(), ModelVersion("c", **plain), **CALLED),
        Model("a", MetaData(), ModelVersion("b_c", **plain), **CALLED),
        Model("b", MetaData(), ModelVersion("c", **plain), **CALLED, schema="a"),
        *(imported(name) for name in ("list", "model_list", "s_a")),
        imported("a", schema="s"),
    )
    source = generate().stdout
    keys = [line.split('"')[3] for line in source.splitlines() if "EnvSecret(" in line]
    assert sorted(keys) == ["A_B_C_APIKEY", "A_B_C_APIKEY_", "A_B_C_APIKEY__"]
    names = [node.targets[0].id for node in ast.parse(source).body if isinstance(node, ast.Assign)]  # type: ignore[attr-defined]
    assert len(names) == len(set(names)) == 8
    assert {"model_list", "model_list_"} < set(names) or {"model_list", "model_model_list"} < set(names)


def test_all_schemas_or_some(path: Path, generate: Generate) -> None:
    fill(path, imported("a"), imported("b", schema="s"), imported("c", schema="t"))
    assert [name in generate().stdout for name in ('"a",', '"b",', '"c",')] == [True, True, True]
    assert generate().stdout.count("schema=") == 2
    some = generate("--schema", "S", "--schema", "t").stdout
    assert [name in some for name in ('"a",', '"b",', '"c",')] == [False, True, True]
    assert 'schema="s",' in some
    assert generate("--schema", "s", "--schema", "S").stdout.count('"b",') == 1
    own = generate("--schema", "s", url=f"odpsmodel:///{path}?project=demo&schema=s").stdout
    assert "schema=" not in own


def test_a_path_and_the_name_sqlite(path: Path, generate: Generate) -> None:
    with dbapi.connect(path) as con:
        con.execute("CREATE TABLE t (a)")
    con.close()
    engine = create_engine(f"odpsmodel:///{path}")
    imported("m").create(engine)
    engine.dispose()
    assert generate(url=str(path)).stdout == generate(url=f"sqlite+odpsmodel:///{path}").stdout
    assert '"m",' in generate(url=str(path)).stdout
    assert '"m",' in generate(url=f"odpsmodel:///file:{path}?mode=ro&uri=true").stdout


class TestErrors:
    @pytest.mark.parametrize(
        ("url", "code", "message"),
        [("missing.db", 2, "no such file"), ("odpsmodel:///missing.db", 2, "no such file"),
         ("sqlite:///a.db", 2, "odpsmodel:///path"), ("nosuch://a", 2, "nosuch"),
         ("odpsmodel:///file:missing.db?uri=true", 2, "missing.db: no such file"),
         ("odpsmodel:///a.db?x=1", 2, "argument x is unknown"), ("odpsmodel://", 1, "there are no models")],
    )  # fmt: skip
    def test_the_url(self, generate: Generate, url: str, code: int, message: str, tmp_path: Path,
                     monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
        monkeypatch.chdir(tmp_path)
        result = generate(url=url)
        assert (result.exit_code, result.stdout) == (code, "")
        assert message in result.stderr
        assert list(tmp_path.iterdir()) == []

    def test_one_of_asyncio(self, path: Path, generate: Generate) -> None:
        """The command itself runs without."""
        pytest.importorskip("aiosqlite", reason="asyncio is not supported before SQLAlchemy 2.0.58")
        fill(path, imported("a"))
        assert generate(url=f"odpsmodel+aiosqlite:///{path}?project=demo").stdout == generate().stdout != ""

    def test_a_schema_without_models(self, path: Path, generate: Generate) -> None:
        fill(path, imported("a"))
        result = generate("--schema", "s")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "there are no models in schema s of the URL's project" in result.stderr
        result = generate("--schema", "a b")
        assert (result.exit_code, "schema name 'a b'" in result.stderr) == (1, True)

    def test_a_file_that_is_no_database(self, path: Path, generate: Generate) -> None:
        path.write_text("no database" * 100)
        result = generate()
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"odpsmodel:///{path}?project=demo: file is not a database: ")
