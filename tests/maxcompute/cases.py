"""One table of cases for the local driver, for odpsmodel+pyodps, and for bare PyODPS: what is sent, and what comes
of it.  Expected values are written from the vendor's pages (shared in tests/pages) and docs/differences.md.

``TIME`` stands for any time, ``OWNER`` for whose the models are, ``PROJECT`` for the current project.
"""

from __future__ import annotations

from typing import NamedTuple

from samples import IMPORT, REMOTE, add, create, options

Row = tuple[object, ...]

LOCATION, ROLE = IMPORT["LOCATION"], IMPORT["ROLEARN"]
CLASSIFIER = "BOOSTED_TREE_CLASSIFIER"
KEY = "sk-4f9c2e7ab1d84c55"
#: REMOTE's options with a key in the clear, as each of the three can send it.
SERVICE = {**REMOTE, "APIKEY": KEY}


class Fails(NamedTuple):
    """An error: its code and words, its PEP 249 class where that is the same everywhere, and whether the rules
    alone tell, so that nothing is sent."""

    code: str
    words: str
    kind: str = ""
    before: bool = False


class Case(NamedTuple):
    """A sentence, and statements with what comes of each: None, rows, or an error."""

    sentence: str
    steps: tuple[tuple[str, list[Row] | Fails | None], ...]
    #: Whether it writes where a real project has what is somebody's.
    outside: bool = False


def refused(sql: str, code: str, words: str, kind: str) -> tuple[str, Fails]:
    return sql, Fails(code, words, kind, before=True)


def shown(
    name: str, default: str = "v1", comment: str = "", types: tuple[str, str] = ("IMPORT", CLASSIFIER)
) -> Row:
    return name, "OWNER", *types, default, "TIME", "TIME", comment


def version(name: str, is_default: str, comment: str = "") -> Row:
    return name, "OWNER", "IMPORT", CLASSIFIER, is_default, "TIME", "TIME", LOCATION, comment


CASES = [
    Case("an empty schema has no models", (("SHOW MODELS", []),)),
    Case(
        "CREATE MODEL makes the model and its first version, the default; names fold; the comment is both's",
        (
            (create(name="Iris", version="V1", tail="COMMENT 'a ''b \\'c\\' | 中文'"), None),
            ("SHOW MODELS", [shown("iris", comment="a b 'c' | 中文")]),
            ("SHOW VERSIONS FOR MODEL IRIS", [version("v1", "true", "a b 'c' | 中文")]),
        ),
    ),
    Case(
        "DESC MODEL shows the model, its default version and that one's inputs",
        (
            (
                create(
                    inputs="INPUT (F1 INT COMMENT 'first', f2 DECIMAL(10, 2), 价格 VARCHAR(20))",
                    tail="COMMENT 'c'",
                ),
                None,
            ),
            (
                "DESCRIBE MODEL m",
                [
                    *(
                        ("Model Information", name, value, "")
                        for name, value in (
                            ("Owner", "OWNER"),
                            ("Project", "PROJECT"),
                            ("Model Name", "m"),
                            ("Model Type", CLASSIFIER),
                            ("Source Type", "IMPORT"),
                            ("Default Version", "v1"),
                            ("CreateTime", "TIME"),
                            ("LastModifiedTime", "TIME"),
                            ("Comment", "c"),
                        )
                    ),
                    *(
                        ("Version Information", name, value, "")
                        for name, value in (
                            ("Owner", "OWNER"),
                            ("Project", "PROJECT"),
                            ("Model Name", "m"),
                            ("Model Type", CLASSIFIER),
                            ("Source Type", "IMPORT"),
                            ("Version Name", "v1"),
                            ("Path", LOCATION),
                            ("CreateTime", "TIME"),
                            ("LastModifiedTime", "TIME"),
                            ("ROLEARN", ROLE),
                        )
                    ),
                    ("Input", "f1", "int", "first"),
                    ("Input", "f2", "decimal(10,2)", ""),
                    ("Input", "价格", "varchar(20)", ""),
                ],
            ),
        ),
    ),
    Case(
        "a REMOTE version has its options in order, a derived service type, and a masked key",
        (
            (f"CREATE MODEL chat WITH VERSION v1 OPTIONS ({options(SERVICE)})", None),
            (
                "DESC MODEL chat",
                [
                    *(
                        ("Model Information", name, value, "")
                        for name, value in (
                            ("Owner", "OWNER"),
                            ("Project", "PROJECT"),
                            ("Model Name", "chat"),
                            ("Model Type", "MLLM"),
                            ("Source Type", "REMOTE"),
                            ("Default Version", "v1"),
                            ("CreateTime", "TIME"),
                            ("LastModifiedTime", "TIME"),
                            ("Comment", ""),
                        )
                    ),
                    *(
                        ("Version Information", name, value, "")
                        for name, value in (
                            ("Owner", "OWNER"),
                            ("Project", "PROJECT"),
                            ("Model Name", "chat"),
                            ("Model Type", "MLLM"),
                            ("Source Type", "REMOTE"),
                            ("Version Name", "v1"),
                            ("Path", ""),
                            ("CreateTime", "TIME"),
                            ("LastModifiedTime", "TIME"),
                            ("APIKEY", "********"),
                            ("ENDPOINT", "http://1.cn-shanghai.pai-eas.aliyuncs.com"),
                            ("PAI_EAS_MODEL_NAME", "Qwen2.5-Omni-3B"),
                            ("PAI_EAS_SERVICE_NAME", "test_remote_model"),
                            ("PAI_EAS_SYNC_MODE", "true"),
                            ("REMOTE_SERVICE_TYPE", "PAI-EAS"),
                        )
                    ),
                ],
            ),
        ),
    ),
    Case(
        "versions are added, one becomes the default, another goes",
        (
            (create(), None),
            (add(tail="COMMENT 'second'"), None),
            ("SHOW VERSIONS FOR MODEL m", [version("v1", "true"), version("v2", "false", "second")]),
            ("ALTER MODEL m SET DEFAULT_VERSION v2", None),
            ("ALTER MODEL m DROP VERSION v1", None),
            ("SHOW VERSIONS FOR MODEL m", [version("v2", "true", "second")]),
            ("SHOW MODELS", [shown("m", "v2")]),
        ),
    ),
    Case(
        "the default version cannot be dropped, in the page's words",
        (
            (create(), None),
            (
                "ALTER MODEL m DROP VERSION v1",
                Fails("ODPS-0110061", "The default version of the model cannot be dropped", "IntegrityError"),
            ),
        ),
    ),
    Case(
        "IF NOT EXISTS and IF EXISTS change nothing where there is nothing to do",
        (
            ("DROP MODEL IF EXISTS m", None),
            (create(name="IF NOT EXISTS m", tail="COMMENT 'first'"), None),
            (create(name="IF NOT EXISTS m", version="v9", tail="COMMENT 'other'"), None),
            ("SHOW MODELS", [shown("m", "v1", "first")]),
            ("DROP MODEL m", None),
            ("SHOW MODELS", []),
        ),
    ),
    Case(
        "what is not there, or there already, is an error of the service",
        (
            ("DROP MODEL m", Fails("ODPS-0110061", "m does not exist")),
            ("DESC MODEL m", Fails("ODPS-0110061", "m does not exist")),
            ("SHOW VERSIONS FOR MODEL m", Fails("ODPS-0110061", "m does not exist")),
            ("ALTER MODEL m SET DEFAULT_VERSION v1", Fails("ODPS-0110061", "m does not exist")),
            (create(), None),
            (create(), Fails("ODPS-0110061", "m already exists")),
            (add(version="v1"), Fails("ODPS-0110061", "version v1 of model m already exists")),
            (
                "ALTER MODEL m SET DEFAULT_VERSION v7",
                Fails("ODPS-0110061", "version v7 of model m does not exist"),
            ),
            ("ALTER MODEL m DROP VERSION v7", Fails("ODPS-0110061", "version v7 of model m does not exist")),
            (
                add(MODEL_TYPE="BOOSTED_TREE_REGRESSOR"),
                Fails(
                    "ODPS-0110061", "MODEL_TYPE of model m is BOOSTED_TREE_CLASSIFIER and cannot be changed"
                ),
            ),
        ),
    ),
    Case(
        "what the rules refuse is refused before it is sent, with one error everywhere",
        (
            (create(), None),
            (create(SERVICE, "n", inputs=""), None),
            refused("CREATE MODEL m", "ODPS-0130161", "expected WITH VERSION", "ProgrammingError"),
            refused("SHOW MODELS LIKE 'a'", "ODPS-0130161", "expected", "ProgrammingError"),
            refused("ALTER MODEL m RENAME TO n", "ODPS-0130161", "expected", "ProgrammingError"),
            refused(
                create(ROLEARN=None), "ODPS-0130071", "ROLEARN is missing: IMPORT models need it", "DataError"
            ),
            refused(create(COLOUR="red"), "ODPS-0130071", "unknown option COLOUR", "DataError"),
            refused(create(LOCATION="s3://b/"), "ODPS-0130071", "LOCATION must be 'oss://", "DataError"),
            refused(
                create(inputs=""), "ODPS-0130071", "INPUT is missing: IMPORT models need it", "DataError"
            ),
            refused(
                create(inputs="INPUT (a ARRAY)"),
                "ODPS-0130071",
                "ARRAY is no type of a model's input",
                "DataError",
            ),
            refused(create(version="default_version"), "ODPS-0130071", "default_version", "DataError"),
            refused(
                create(MODEL_SOURCE_TYPE="INTERNAL_TRAIN"), "ODPS-0130071", "INTERNAL_TRAIN", "DataError"
            ),
            refused(
                add(LOCATION=None), "ODPS-0130071", "LOCATION is missing: IMPORT models need it", "DataError"
            ),
            refused(add(SERVICE, "n", inputs="", TASKS="sing"), "ODPS-0130071", "TASKS must be", "DataError"),
            refused(add(API_KEY=KEY), "ODPS-0130071", "unknown option API_KEY", "DataError"),
            refused(
                create(name="bigdata_public_modelset.default.m"),
                "ODPS-0130013",
                "public models cannot be",
                "ProgrammingError",
            ),
            ("SHOW MODELS", [shown("m"), shown("n", types=("REMOTE", "MLLM"))]),
        ),
    ),
    Case(
        "a text of the comment that spans lines, and looks like rows of a grid, is one comment",
        (
            (create(tail="COMMENT 'one\\n| two | three |\\n+-----+'"), None),
            ("SHOW MODELS", [shown("m", comment="one\n| two | three |\n+-----+")]),
        ),
    ),
    Case(
        "SET before a statement holds for it: with the flag false a.b is project and model",
        (
            ("SET odps.namespace.schema=false;\nSET some.flag=1;\n" + create(), None),
            ("SET odps.namespace.schema=false;\nSHOW MODELS", [shown("m")]),
            ("SET odps.namespace.schema=false;\nDROP MODEL m", None),
        ),
        outside=True,
    ),
    Case(
        "tables: rows come back as they went in",
        (
            ("CREATE TABLE t (id BIGINT, s STRING, x DOUBLE)", None),
            ("INSERT INTO t VALUES (1, 'a', 1.5), (2, '中文', NULL), (3, NULL, -0.25)", None),
            (
                "SELECT id, s, x FROM t ORDER BY id LIMIT 10",
                [(1, "a", 1.5), (2, "中文", None), (3, None, -0.25)],
            ),
            ("SELECT count(*) AS n, sum(x) AS total FROM t WHERE id > 0", [(3, 1.25)]),
            ("SELECT s FROM t WHERE id = 7", []),
            ("DROP TABLE t", None),
        ),
    ),
]
