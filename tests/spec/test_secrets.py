"""An APIKEY is never readable: not in DESC, SHOW, views, errors, reprs, logs, or the file."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import KEY, REMOTE, WORD, add, create, files, value

from sqlalchemy_odpsmodel import EnvSecret, dbapi
from sqlalchemy_odpsmodel.catalog import check
from sqlalchemy_odpsmodel.model import ModelName
from sqlalchemy_odpsmodel.options import Fingerprint, PlainSecret
from sqlalchemy_odpsmodel.sql import CreateModel, parse

Connect = Callable[..., dbapi.Connection]
WITH_KEY = create(REMOTE, APIKEY=KEY)
WITHOUT = create(REMOTE, APIKEY=None).replace("OPTIONS (", "OPTIONS (APIKEY = ?, ")


class TestEnvSecret:
    @pytest.mark.parametrize("parameter", [EnvSecret("EAS_TOKEN"), "${EAS_TOKEN}"])
    def test_as_a_parameter(self, con: dbapi.Connection, parameter: object) -> None:
        con.execute(WITHOUT, (parameter,))
        assert value(con.execute("DESC MODEL m"), "APIKEY") == "${EAS_TOKEN}"
        assert dict(con.execute("SELECT key, value FROM odps_model_options"))["APIKEY"] == "${EAS_TOKEN}"

    def test_as_text(self, con: dbapi.Connection) -> None:
        con.execute(create(REMOTE, APIKEY="${EAS_TOKEN}"))
        assert value(con.execute("DESC MODEL m"), "APIKEY") == "${EAS_TOKEN}"

    def test_the_environment_is_never_read(
        self, connect: Connect, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EAS_TOKEN", KEY)
        con = connect()
        con.execute(WITHOUT, (EnvSecret("EAS_TOKEN"),))
        con.commit()
        assert not any(KEY.encode() in data for data in files(path))
        assert value(con.execute("DESC MODEL m"), "APIKEY") == "${EAS_TOKEN}"

    def test_repr_str_and_equality(self) -> None:
        secret = EnvSecret("A_1")
        assert (repr(secret), str(secret), secret == EnvSecret("A_1")) == ("EnvSecret('A_1')", "${A_1}", True)

    @pytest.mark.parametrize("name", ["", "1A", "A-B", "${A}", "A B", "é"])
    def test_a_bad_name(self, con: dbapi.Connection, name: str) -> None:
        with pytest.raises(dbapi.DataError, match="name of an environment variable"):
            EnvSecret(name)
        with pytest.raises(dbapi.DataError, match="name of an environment variable"):
            con.execute(create(REMOTE, APIKEY=f"${{{name}}}"))


class TestPlainKey:
    def test_a_mask_is_refused_as_a_key(self, con: dbapi.Connection) -> None:
        for mask in ("********", "*"):
            with pytest.raises(dbapi.DataError, match="APIKEY is a mask, not a key"):
                con.execute(create(REMOTE, APIKEY=mask))

    def test_a_statement_with_one_prints_a_mask(self) -> None:
        statement = parse(WITH_KEY)
        assert KEY not in str(statement) + repr(statement)
        assert "APIKEY = '********'" in str(statement)
        assert copy.deepcopy(statement) == statement
        assert copy.copy(statement) == statement
        with pytest.raises(TypeError, match="a plain secret is not pickled"):
            pickle.dumps(statement)
        named = parse(create(REMOTE))
        assert pickle.loads(pickle.dumps(named)) == named

    def test_a_fingerprint_tells_that_it_changed(self, con: dbapi.Connection) -> None:
        for name, key in {"one": KEY, "same": KEY, "other": WORD}.items():
            con.execute(create(REMOTE, name=name, APIKEY=key))
        described = (con.store.described("local", "default", name) for name in ("one", "same", "other"))
        one, same, other = (dict(d[1].options)["APIKEY"] for d in described if d and d[1])
        assert isinstance(one, Fingerprint)
        assert one == same == con.store.fingerprint(PlainSecret(KEY))
        assert one != other
        assert (str(one), str(other)) == ("********", "********")
        assert one.digest not in repr(one)

    def test_each_file_has_its_own_salt(self, connect: Connect, tmp_path: Path) -> None:
        kept = set()
        for name in ("a.db", "b.db"):
            con = connect(tmp_path / name)
            con.execute(WITH_KEY)
            kept.add(con.store.fingerprint(PlainSecret(KEY)).digest)
        assert len(kept) == 2

    def test_a_secret_is_no_string(self) -> None:
        secret = PlainSecret(KEY)
        assert KEY not in f"{secret} {secret!r} {secret!s} {[secret]} {vars(type(secret)).keys()}"
        assert secret.reveal() == KEY
        assert secret != KEY
        assert hash(secret) == hash(PlainSecret(KEY))


class TestGiven:
    """What is no key, or no way to give one, is refused by the key's name."""

    @pytest.mark.parametrize("name", ["a-b", "", "1"])
    def test_a_reference_to_no_variable(self, con: dbapi.Connection, name: str) -> None:
        with pytest.raises(dbapi.OptionError, match="unknown option API_KEY"):
            con.execute(create(REMOTE, APIKEY=None, API_KEY=f"${{{name}}}"))
        con.execute(create(name="m"))
        with pytest.raises(dbapi.ModelTypeError, match="MODEL_SOURCE_TYPE of model m"):
            con.execute(add(REMOTE, MODEL_SOURCE_TYPE="REMOTE", APIKEY=f"${{{name}}}"))

    def test_a_fingerprint(self, con: dbapi.Connection) -> None:
        statement = CreateModel(ModelName("m"), "v1", (), {**REMOTE, "APIKEY": Fingerprint("hmac-sha256:0")})
        with pytest.raises(dbapi.OptionError, match="its fingerprint only"):
            check(statement)

    def test_a_plain_secret_as_a_parameter(self, con: dbapi.Connection) -> None:
        con.execute(WITHOUT, (PlainSecret(KEY),))
        assert value(con.execute("DESC MODEL m"), "APIKEY") == "********"


@pytest.mark.parametrize(
    "sql",
    [create(REMOTE, APIKEY=f"{WORD}\ud800"), create(REMOTE, APIKEY=WORD, tail="COMMENT '\ud800'"),
     f"\ud800{create(REMOTE, APIKEY=WORD)}", f"CREATE \ud800 MODEL m OPTIONS (APIKEY='{WORD}')",
     f"CREATE \"MODEL m WITH VERSION v OPTIONS (APIKEY='{WORD}')",
     f"CREATE `MODEL m WITH VERSION v OPTIONS (APIKEY='{WORD}')", f"'{WORD}' CREATE MODEL m OPTIONS (APIKEY)",
     f"SELECT APIKEY {WORD} {WORD}"],
)  # fmt: skip
def test_no_key_is_in_what_an_exception_carries(con: dbapi.Connection, sql: str) -> None:
    """Nor in the exception before it, which printing leaves out, but a log collector does not."""
    with pytest.raises(dbapi.Error) as caught:
        con.execute(sql)
    error: BaseException | None = caught.value
    while error is not None:
        assert WORD not in f"{error} {error!r} {error.args} {vars(error)}"
        error = error.__cause__ or error.__context__


def test_a_known_key_is_found_nowhere(connect: Connect, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """0 times in the file, its WAL, what SQLite traced, DESC, SHOW, the views, and every printed error."""
    caplog.set_level(logging.DEBUG)
    out = io.StringIO()
    con = connect()
    con.set_trace_callback(lambda text: print(text, file=out))
    con.execute(WITH_KEY)
    con.execute(WITHOUT.replace("MODEL m", "MODEL n"), (KEY,))
    con.execute(add(REMOTE, APIKEY=KEY))
    con.commit()
    for statement in (
        WITH_KEY,  # exists
        add(REMOTE, APIKEY=KEY),
        create(REMOTE, name="x", APIKEY=f"{KEY}\n"),
        create(REMOTE, name="x", APIKEY=KEY, API_KEY=KEY),
        create(REMOTE, name="x", APIKEY=None, API_KEY=KEY),
        create(REMOTE, name="x", APIKEY=KEY, TASKS=KEY),
        create(REMOTE, name="x", APIKEY=KEY, ENDPOINT=KEY),
        create(REMOTE, name="x", APIKEY=KEY, PAI_EAS_SYNC_REQUEST_TIMEOUT=KEY),
        create(REMOTE, name="x", APIKEY=KEY, MODEL_TYPE=KEY),
        create(REMOTE, name="x", APIKEY=KEY, LOCATION=KEY),
        create(REMOTE, name="x", APIKEY=KEY, tail="COMMENT"),
        create(REMOTE, name="x", APIKEY=KEY).replace("OPTIONS", "WITH OPTIONS"),
        create(REMOTE, name="x", APIKEY=f"{KEY}' x '"),
        create(REMOTE, name="bigdata_public_modelset.default.x", APIKEY=KEY),
        create(REMOTE, name="x", inputs="INPUT (f1 nonsense)", APIKEY=KEY),
    ):
        with pytest.raises(sqlite3.Error) as caught:
            con.execute(statement)
        print(*traceback.format_exception(caught.value), repr(caught.value), vars(caught.value), file=out)
    with pytest.raises(sqlite3.Error) as caught:
        con.execute(create(REMOTE, ROLEARN="x", APIKEY=None).replace("ROLEARN", "apikey , ROLEARN"), (KEY,))
    print(*traceback.format_exception(caught.value), file=out)
    for query in ("SHOW MODELS", "SHOW VERSIONS FOR MODEL m", "DESC MODEL m", "SELECT * FROM odps_models",
                  "SELECT * FROM odps_model_versions", "SELECT * FROM odps_model_inputs",
                  "SELECT * FROM odps_model_options"):  # fmt: skip
        print(con.execute(query).fetchall(), file=out)
    printed = out.getvalue() + caplog.text
    assert len(printed) > 10_000
    assert KEY not in printed
    data = b"".join(files(path))
    assert b"hmac-sha256:" in data
    assert KEY.encode() not in data


@pytest.mark.parametrize("text", ["COMMENT 'a\\0b'", "COMMENT ?"])
def test_what_sqlite_would_cut_short_is_refused(con: dbapi.Connection, text: str) -> None:
    parameters = ("a\0b",) if "?" in text else ()
    with pytest.raises(dbapi.DataError, match="a COMMENT holds a NUL character"):
        con.execute(create(REMOTE, tail=text), parameters)
    with pytest.raises(dbapi.DataError, match="a COMMENT holds a NUL character"):
        con.execute(create(REMOTE, inputs=f"INPUT (f1 int {text})"), parameters)


@pytest.mark.parametrize("key", ["LOCATION", "ROLEARN"])
def test_what_utf_8_cannot_encode_is_refused(con: dbapi.Connection, key: str) -> None:
    from samples import IMPORT

    with pytest.raises(dbapi.DataError, match="not valid Unicode text"):
        con.execute(create(**{key: IMPORT[key] + "\ud800"}))
    with pytest.raises(dbapi.DataError, match="COMMENT is not valid Unicode text"):
        con.execute(create(tail="COMMENT ?"), ("\ud800",))
