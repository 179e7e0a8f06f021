"""The tables "Imported model parameters" and "Remote model parameters", row by row."""

from __future__ import annotations

import warnings

import pytest
from samples import IMPORT, REMOTE, add, create, names, options

from sqlalchemy_odpsmodel import dbapi

BASES = {"IMPORT": IMPORT, "REMOTE": REMOTE}


@pytest.mark.parametrize(
    ("source", "key"),
    [*(("IMPORT", key) for key in IMPORT), *(("REMOTE", key) for key in REMOTE)],
)
def test_every_option_but_the_timeout_is_required_at_create(
    con: dbapi.Connection, source: str, key: str
) -> None:
    with pytest.raises(dbapi.DataError, match=f"{key} is missing"):
        con.execute(create(BASES[source], **{key: None}))
    assert names(con) == []


@pytest.mark.parametrize(
    ("source", "key"),
    [(source, key) for source, base in BASES.items() for key in base if not key.startswith("MODEL_")],
)
def test_each_version_has_the_requirements_of_its_source(
    con: dbapi.Connection, source: str, key: str
) -> None:
    con.execute(create(BASES[source]))
    with pytest.raises(dbapi.DataError, match=f"{key} is missing"):
        con.execute(add(BASES[source], **{key: None}))


@pytest.mark.parametrize(("source", "other"), [("IMPORT", "REMOTE"), ("REMOTE", "IMPORT")])
def test_a_key_of_the_other_source_is_named(con: dbapi.Connection, source: str, other: str) -> None:
    for key, value in BASES[other].items():
        if not key.startswith("MODEL_"):
            with pytest.raises(dbapi.DataError, match=f"{key} is an option of {other} models"):
                con.execute(create(BASES[source], **{key: value}))


@pytest.mark.parametrize("source", BASES)
@pytest.mark.parametrize("key", ["ROLEARN", "APIKEY", "MODEL_SOURCE_TYPE", "MODEL_TYPE"])
def test_a_repeated_key_is_named(con: dbapi.Connection, source: str, key: str) -> None:
    base = BASES[source]
    if key in base:
        twice = f"{options(base)}, {key.lower()} = '{base[key]}'"
        with pytest.raises(dbapi.DataError, match=f"{key} is given twice"):
            con.execute(f"CREATE MODEL m WITH VERSION v1 INPUT (f1 int) OPTIONS ({twice})")


@pytest.mark.parametrize(
    ("source", "key", "hint"),
    [("REMOTE", "API_KEY", "did you mean APIKEY"), ("IMPORT", "ROLE_ARN", "did you mean ROLEARN"),
     ("IMPORT", "LOCATIONS", "did you mean LOCATION"), ("REMOTE", "TASK", "did you mean TASKS"),
     ("REMOTE", "REMOTE_SERVICE_TYPE", "derived"), ("IMPORT", "MODEL_TYP", "did you mean MODEL_TYPE"),
     ("REMOTE", "MODEL_SOURCE_TYP", "did you mean MODEL_SOURCE_TYPE"), ("IMPORT", "XYZZY", "the options are MODEL_SOURCE_TYPE")],
)  # fmt: skip
def test_an_unknown_key_is_named_with_the_nearest_known(
    con: dbapi.Connection, source: str, key: str, hint: str
) -> None:
    with pytest.raises(dbapi.DataError, match=rf"^ODPS-0130071:\[1,\d+\].*unknown option {key}") as caught:
        con.execute(
            create(
                BASES[source],
                **{f"{key}E" if f"{key}E" in BASES[source] else "": None, key.lower(): "x-secret-x"},
            )
        )
    assert hint in str(caught.value)
    assert "x-secret-x" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "key", "value"),
    [
        ("IMPORT", "MODEL_TYPE", "BOOSTED_TREE_CLASSIFIER"),
        ("IMPORT", "MODEL_TYPE", "BOOSTED_TREE_REGRESSOR"),
        ("REMOTE", "MODEL_TYPE", "LLM"),
        ("REMOTE", "MODEL_TYPE", "MLLM"),
        ("IMPORT", "LOCATION", "oss://oss-cn-shanghai-internal.aliyuncs.com/test-mode-bucket/"),
        ("IMPORT", "LOCATION", "oss://oss-cn-shanghai-internal.aliyuncs.com/********/xgboost_classifier/"),
        ("IMPORT", "LOCATION", "oss://oss-cn-shanghai-internal.aliyuncs.com/b/模型/a b.json"),
        ("IMPORT", "ROLEARN", "acs:ram::139******728:role/aliyunodpsdefaultrole"),
        ("IMPORT", "ROLEARN", "acs:ram::<id>:role/<role>"),
        ("REMOTE", "TASKS", "text-generation"),
        ("REMOTE", "TASKS", "chat"),
        ("REMOTE", "TASKS", "sentence-embedding"),
        ("REMOTE", "PAI_EAS_SERVICE_NAME", "group.service_name"),
        ("REMOTE", "ENDPOINT", "http://1*************70.cn-shanghai.pai-eas.aliyuncs.com"),
        ("REMOTE", "ENDPOINT", "https://host.example/api/predict/x?a=b"),
        ("REMOTE", "APIKEY", "<apikey>"),
        ("REMOTE", "APIKEY", "ZjA5NGRjN2VjOTZiM********TZmZTQ1"),
        ("REMOTE", "PAI_EAS_SYNC_REQUEST_TIMEOUT", "5000"),
        ("REMOTE", "PAI_EAS_SYNC_REQUEST_TIMEOUT", "5001"),
        ("REMOTE", "PAI_EAS_SYNC_REQUEST_TIMEOUT", "1799999"),
        ("REMOTE", "PAI_EAS_SYNC_REQUEST_TIMEOUT", "1800000"),
    ],
)
def test_accepted_values(con: dbapi.Connection, source: str, key: str, value: str) -> None:
    con.execute(create(BASES[source], **{key: value}))
    stored = dict(con.execute("SELECT key, value FROM odps_model_options"))
    if key == "APIKEY":
        value = "********"
    assert stored.get(key, value) == value
    if key == "MODEL_TYPE":
        assert con.execute("SELECT model_type FROM odps_models").fetchone() == (value,)


@pytest.mark.parametrize(
    ("source", "key", "value", "hint"),
    [
        ("IMPORT", "MODEL_SOURCE_TYPE", "import", "write 'IMPORT'"),
        ("IMPORT", "MODEL_SOURCE_TYPE", "EXTERNAL", "'IMPORT' or 'REMOTE'"),
        ("IMPORT", "MODEL_TYPE", "LLM", "'BOOSTED_TREE_CLASSIFIER' or 'BOOSTED_TREE_REGRESSOR'"),
        ("REMOTE", "MODEL_TYPE", "BOOSTED_TREE_REGRESSOR", "'LLM' or 'MLLM'"),
        ("REMOTE", "MODEL_TYPE", "llm", "write 'LLM'"),
        ("IMPORT", "LOCATION", "", "oss://endpoint/bucket/"),
        ("IMPORT", "LOCATION", "s3://bucket/key", "oss://endpoint/bucket/"),
        ("IMPORT", "LOCATION", "oss://endpoint-internal", "oss://endpoint/bucket/"),
        ("IMPORT", "LOCATION", "oss://endpoint-internal/bucket", "oss://endpoint/bucket/"),
        ("IMPORT", "ROLEARN", "role/aliyunodpsdefaultrole", "acs:ram::"),
        ("IMPORT", "ROLEARN", "acs:ram::1:role/", "acs:ram::"),
        ("REMOTE", "TASKS", "Chat", "write 'chat'"),
        ("REMOTE", "TASKS", "text-generation,chat", "'text-generation' or 'chat' or 'sentence-embedding'"),
        ("REMOTE", "PAI_EAS_MODEL_NAME", "", "name of a model"),
        ("REMOTE", "PAI_EAS_SERVICE_NAME", "a.b.c", "'Group.Service'"),
        ("REMOTE", "ENDPOINT", "1.cn-shanghai.pai-eas.aliyuncs.com", "http"),
        ("REMOTE", "ENDPOINT", "ftp://host", "http"),
        ("REMOTE", "APIKEY", "", "a token"),
        ("REMOTE", "PAI_EAS_SYNC_MODE", "TRUE", "write 'true'"),
        ("REMOTE", "PAI_EAS_SYNC_MODE", "false", "'true'"),
        ("REMOTE", "PAI_EAS_SYNC_REQUEST_TIMEOUT", "4999", "from 5000 to 1800000"),
        ("REMOTE", "PAI_EAS_SYNC_REQUEST_TIMEOUT", "1800001", "from 5000 to 1800000"),
        ("REMOTE", "PAI_EAS_SYNC_REQUEST_TIMEOUT", "5000.0", "from 5000 to 1800000"),
        ("REMOTE", "PAI_EAS_SYNC_REQUEST_TIMEOUT", "５０００", "from 5000 to 1800000"),
    ],
)
def test_a_bad_value_is_refused_by_its_key(
    con: dbapi.Connection, source: str, key: str, value: str, hint: str
) -> None:
    with pytest.raises(dbapi.DataError, match=rf"^ODPS-0130071:\[1,\d+\] .* {key} ") as caught:
        con.execute(create(BASES[source], **{key: value}))
    assert hint in str(caught.value)
    con.execute(create(BASES[source]))
    if not key.startswith("MODEL_"):
        with pytest.raises(dbapi.DataError, match=f" {key} "):
            con.execute(add(BASES[source], **{key: value}))


@pytest.mark.parametrize(
    ("source", "key", "value", "advice"),
    [("IMPORT", "LOCATION", "oss://oss-cn-shanghai.aliyuncs.com/model-bucket-test/x/", "OSS internal endpoints"),
     ("REMOTE", "ENDPOINT", "http://1.vpc.cn-shanghai-vpc.pai-eas.aliyuncs.com", "public endpoints"),
     ("REMOTE", "ENDPOINT", "http://1.cn-shanghai-internal.pai-eas.aliyuncs.com", "public endpoints")],
)  # fmt: skip
def test_a_host_that_the_pages_rule_out_is_accepted_with_a_warning(
    con: dbapi.Connection, source: str, key: str, value: str, advice: str
) -> None:
    with pytest.warns(dbapi.ModelWarning, match=f"{key}: .*{advice}") as caught:
        con.execute(create(BASES[source], **{key: value}))
    assert caught[0].filename == __file__
    assert names(con) == ["m"]


def test_a_host_that_the_pages_ask_for_does_not_warn(con: dbapi.Connection) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        con.execute(create(IMPORT))
        con.execute(create(REMOTE, name="r", ENDPOINT="http://host/path-vpc"))


def test_keys_are_case_insensitive(con: dbapi.Connection) -> None:
    given = options({key.lower(): value for key, value in IMPORT.items()})
    con.execute(f"CREATE MODEL m WITH VERSION v1 INPUT (f1 int) OPTIONS ({given})")
    assert dict(con.execute("SELECT key, value FROM odps_model_options")).keys() == {"LOCATION", "ROLEARN"}


@pytest.mark.parametrize("letter", ["ı", "ſ", "K"])
def test_only_ascii_letters_fold(con: dbapi.Connection, letter: str) -> None:
    """A dotless i, a long s or a Kelvin sign is no letter of a keyword or a key."""
    key = "TASKS".replace("S", letter, 1) if letter != "ı" else "LOCATıON"
    base = REMOTE if letter != "ı" else IMPORT
    with pytest.raises(dbapi.DataError, match="unknown option"):
        con.execute(create(base, **{key: "x"}))


class TestFixedTypes:
    """MODEL_SOURCE_TYPE and MODEL_TYPE cannot be modified after the model is created. If specified for a
    version, they must be the same across all versions of the model."""

    def test_the_same_types_are_accepted(self, con: dbapi.Connection) -> None:
        con.execute(create())
        con.execute(add(MODEL_SOURCE_TYPE="IMPORT", MODEL_TYPE="BOOSTED_TREE_CLASSIFIER"))

    @pytest.mark.parametrize(
        "given",
        [{"MODEL_SOURCE_TYPE": "REMOTE"}, {"MODEL_TYPE": "BOOSTED_TREE_REGRESSOR"},
         {"MODEL_SOURCE_TYPE": "REMOTE", "LOCATION": None, "TASKS": "nonsense", "API_KEY": "x"}],
    )  # fmt: skip
    def test_other_types_are_reported_before_any_other_option(
        self, con: dbapi.Connection, given: dict[str, str | None]
    ) -> None:
        con.execute(create())
        key = next(iter(given))
        with pytest.raises(dbapi.ModelTypeError, match=f"{key} of model m is .* cannot be changed") as caught:
            con.execute(add(**given))
        assert caught.value.code == "ODPS-0110061"
        assert isinstance(caught.value, dbapi.IntegrityError)

    def test_a_type_that_is_only_misspelt_gets_a_hint(self, con: dbapi.Connection) -> None:
        con.execute(create())
        with pytest.raises(dbapi.ModelTypeError, match="it is spelled 'IMPORT'"):
            con.execute(add(MODEL_SOURCE_TYPE="import"))
