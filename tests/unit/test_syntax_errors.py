"""Syntax errors: code, place, underline, what was expected, a hint; and no value of any literal."""

from __future__ import annotations

import contextlib
import gc
import pickle
import time

import pytest
from samples import KEY, WORD, create

from sqlalchemy_odpsmodel import dbapi
from sqlalchemy_odpsmodel.sql import ShowModels, parse
from sqlalchemy_odpsmodel.sql.place import masked

HEAD = "CREATE MODEL m WITH VERSION v1"


def error(text: str) -> dbapi.ModelError:
    with pytest.raises(dbapi.ModelError) as caught:
        parse(text)
    return caught.value  # type: ignore[no-any-return]


def test_the_whole_of_one() -> None:
    text = f"CREATE MODEL m WITH VERSION v1\nINPUT (f1 int)\n  WITH OPTIONS (APIKEY = '{KEY}')"
    caught = error(text)
    assert isinstance(caught, dbapi.ParseError)
    assert isinstance(caught, dbapi.ProgrammingError)
    assert caught.code == "ODPS-0130161"
    assert str(caught) == (
        "ODPS-0130161:[3,3] Parse exception - expected OPTIONS, found WITH\n"
        "    WITH OPTIONS (APIKEY = '…')\n"
        "    ^^^^\n"
        "hint: CREATE MODEL takes OPTIONS (…); WITH OPTIONS (…) is ALTER MODEL's form"
    )


@pytest.mark.parametrize(
    ("text", "place", "expected", "hint"),
    [
        (f"{HEAD} WITH OPTIONS (K='v')", "1,32", "expected OPTIONS, found WITH", "WITH OPTIONS (…) is ALTER"),
        ("ALTER MODEL m ADD VERSION v2 OPTIONS (K='v')", "1,30", "expected WITH OPTIONS, found OPTIONS", "OPTIONS (…) is CREATE"),
        ("CREATE MODEL m OPTIONS (K='v')", "1,16", "expected WITH VERSION, found OPTIONS", "made with its first version"),
        ("CREATE MODEL m INPUT (f int) OPTIONS (K='v')", "1,16", "expected WITH VERSION, found INPUT", "first version"),
        ("CREATE MODEL m WITH OPTIONS (K='v')", "1,21", "expected VERSION, found OPTIONS", "first version"),
        (f"{HEAD} OPTIONS (K = 'it's')", "1,49", ", or ) after an option", r"written \', never ''"),
        (f"{HEAD} OPTIONS (K='a', L='it''s a 'quote'')", "1,60", ", or ) after an option", "never ''"),
        (f"{HEAD} OPTION (K='v')", "1,32", "expected OPTIONS, found OPTION", "did you mean OPTIONS"),
        ("CREATE MODEL m WITH VERSOIN v1 OPTIONS (K='v')", "1,21", "expected VERSION, found VERSOIN", "did you mean VERSION"),
        ("ALTER MODEL m SET DEFAULT VERSION v2", "1,19", "expected DEFAULT_VERSION, found DEFAULT", "did you mean DEFAULT_VERSION"),
        ("ALTER MODEL m DORP VERSION v2", "1,15", "ADD VERSION, SET DEFAULT_VERSION or DROP VERSION", "did you mean DROP"),
        ("ALTER MODEL m RENAME TO n", "1,15", "found RENAME", ""),
        ("ALTER MODEL m SET COMMENT 'c'", "1,19", "expected DEFAULT_VERSION, found COMMENT", ""),
        ("ALTER MODEL m ADD VERSION IF NOT EXISTS v2 WITH OPTIONS ()", "1,27", "a version name", "only CREATE MODEL takes IF NOT EXISTS"),
        ("ALTER MODEL IF EXISTS m DROP VERSION v2", "1,13", "a model name", "only CREATE MODEL"),
        ("DROP MODEL IF NOT EXISTS m", "1,12", "a model name, found IF", "only DROP MODEL IF EXISTS"),
        ("ALTER MODEL m ADD VERSION v2 WITH OPTIONS (, K='v')", "1,44", "expected an option key, found ,", ""),
        (f"{HEAD} OPTIONS (K='v',)", "1,47", "expected an option key, found )", ""),
        (f"{HEAD} OPTIONS ()", "1,41", "expected an option key, found )", ""),
        (f"{HEAD} OPTIONS (K 'v')", "1,43", "= after the option's key, found a string", ""),
        (f"{HEAD} OPTIONS (K = v)", "1,45", "expected a string, found a word", ""),
        (f"{HEAD} OPTIONS (K = “v”)", "1,45", "unexpected character '“'", "straight quotes"),
        (f"{HEAD} OPTIONS (K = 'v'", "1,48", ", or ) after an option, found the end of the text", ""),
        (f"{HEAD} OPTIONS (K = 'v)", "1,45", "this string is not closed", ""),
        (f"{HEAD} /* OPTIONS (K = 'v')", "1,32", "this comment is not closed", ""),
        ("DROP MODEL `m", "1,12", "this quoted name is not closed", ""),
        (f"{HEAD} INPUT (f1) OPTIONS (K='v')", "1,41", "expected a column type, found )", ""),
        (f"{HEAD} INPUT (f1 decimal(a)) OPTIONS (K='v')", "1,50", "expected a whole number, found a", ""),
        (f"{HEAD} INPUT f1 int OPTIONS (K='v')", "1,38", "expected ( after INPUT", ""),
        (f"{HEAD} OPTIONS (K='v') COMMENT c", "1,56", "expected a string", ""),
        (f"{HEAD} COMMENT 'c' OPTIONS (K='v')", "1,32", "expected OPTIONS, found COMMENT", ""),
        ("SHOW MODELS LIKE 'x%'", "1,13", "expected the end of the statement, found LIKE", ""),
        ("SHOW MODELS; SHOW MODELS", "1,14", "executescript runs several", ""),
        ("SHOW VERSIONS m", "1,15", "expected FOR MODEL, found a word", ""),
        ("SHOW MODEL m", "1,6", "CREATE, ALTER, DROP or DESC MODEL, SHOW MODELS", ""),
        ("CREATE OR REPLACE MODEL m", "1,8", "found OR", ""),
        ("DESC MODEL", "1,11", "expected a model name, found the end of the text", ""),
        ("DROP MODEL ?", "1,12", "found the parameter ?", "only where a string literal may"),
        ("DROP MODEL 'm'", "1,12", "expected a model name, found a string", ""),
        ("DROP MODEL a..b", "1,14", "a name after the dot", ""),
        ("\n\n  DROP MODEL m n", "3,16", "expected the end of the statement, found a word", ""),
        ("SET a=b;\n SHOW MODELS now", "2,14", "found a word", ""),
        ("", "", "expected a statement, found nothing", ""),
        (" -- nothing", "", "found nothing", ""),
    ],
)  # fmt: skip
def test_each(text: str, place: str, expected: str, hint: str) -> None:
    caught = error(text)
    assert isinstance(caught, dbapi.ParseError)
    first = str(caught).splitlines()[0]
    assert first.startswith(f"ODPS-0130161:{f'[{place}]' if place else ''} Parse exception - ")
    assert expected in first
    assert hint in caught.hint
    assert bool(hint) == bool(caught.hint)


def test_what_cannot_be_printed_is_replaced() -> None:
    printed = str(error("DROP MODEL m\ud800\0\x1b[31m x"))
    assert printed.encode()
    assert "\x1b" not in printed
    assert "\0" not in printed


def test_the_underline_is_below_the_place_beside_wide_characters() -> None:
    assert str(error("DROP MODEL 模型 x")).splitlines()[1:3] == ["  DROP MODEL 模型 …", "             ^^^^"]
    assert str(error("DROP MODEL /* 注释 */ m m2")).splitlines()[1:3] == [
        "  DROP MODEL m …",
        "               ^",
    ]


def test_a_long_line_is_cut_around_the_place() -> None:
    text = f"{HEAD} INPUT ({', '.join(f'f{i} int' for i in range(5000))}, f int int) OPTIONS (K='v')"
    lines = str(error(text)).splitlines()
    assert "expected , or ) after a column, found int" in lines[0]
    assert lines[1].startswith("  …")
    assert all(len(line) < 170 for line in lines)


@pytest.mark.parametrize(
    "text",
    [
        "CREATE MODEL m WITH VERSION v1 WITH OPTIONS (APIKEY = 'KEY')",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = KEY)",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = KEY==)",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY KEY)",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = 'KEY)",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = “KEY”)",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = 'x'KEY'y')",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY: 'KEY')",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = r'(KEY)' x)",
        'CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = "a\nKEY" x)',
        "CREATE MODEL m WITH VERSION v1 OPTION (APIKEY = KEY)",
        "CREATE MODEL m WITH VERSION v1 (APIKEY = KEY)",
        "CREATE MODEL m WITH VERSION v1 OPTIONS APIKEY KEY",
        "CREATE MODEL m WITH VERSION v1 APIKEY KEY",
        "CREATE MODEL m APIKEY KEY",
        "CREATE MODEL m WITH VERSION v1 -- APIKEY = 'KEY'\n OPTION (",
        "CREATE MODEL m WITH VERSION v1 /* KEY */ OPTION (",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (API_KEY = `KEY`)",
        "SET APIKEY 'KEY'",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = 'KEY') COMMENT 'KEY' COMMENT",
        "CREATE MODEL m WITH VERSION v1 INPUT (a int COMMENT 'it''s, b int) OPTIONS (APIKEY='KEY', MODEL_TYPE='LLM')",
        "CREATE MODEL m WITH VERSION v1 INPUT (a int COMMENT 'x, b int) OPTIONS (MODEL_SOURCE_TYPE='REMOTE', APIKEY='KEY')",
        "CREATE MODEL m WITH VERSION v1 INPUT (a int COMMENT 'x,\n b int)\n OPTIONS (K='REMOTE',\n APIKEY='KEY')",
        "CREATE MODEL 'm WITH VERSION v1 OPTIONS (APIKEY='KEY')",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = abc,KEY=)",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = :KEY)",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY :KEY)",
        "ALTER MODEL m SET API_KEY KEY",
        "SET EAS_TOKEN KEY",
        "CREATE MODEL m (API_KEY KEY)",
        "CREATE MODEL m API_KEY KEY WITH VERSION v1",
        "CREATE MODEL m WITH VERSION v1 INPUT (a int, api_key KEY) OPTIONS (K='v')",
        "CREATE MODEL m WITH VERSION v1 INPUT (a int COMMENT KEY) OPTIONS (K='v')",
        "SHOW VERSIONS KEY KEY",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = apikeyKEY)",
        "CREATE MODEL m WITH VERSION v1 OPTIONS (APIKEY = 'x' KEY, K = 'y')",
    ],
)
@pytest.mark.parametrize("key", [KEY, WORD])
def test_no_key_is_printed_however_it_is_written(text: str, key: str) -> None:
    with pytest.raises(dbapi.Error) as raised:
        parse(text.replace("KEY", key).replace(f"API{key}", "APIKEY").replace(f"API_{key}", "API_KEY"))
    caught = raised.value
    printed = f"{caught} {caught!r} {caught.args} {caught.__dict__}"
    assert key.removeprefix("sk-") not in printed


@pytest.mark.parametrize(
    "text",
    [
        "'" * 80_000,
        '"' * 80_001,
        "\\" * 80_000,
        "/*" * 40_000,
        "/* " * 27_000,
        "(" * 80_000,
        "'\\" * 40_000,
        "`" * 80_001,
        'R"(' * 27_000,
        "r'x(" * 20_000,
        "--" * 40_000,
        "ARRAY<" * 13_000,
        "a " * 40_000,
        "a = " * 20_000,
        "{" * 80_000,
    ],
)
@pytest.mark.parametrize(
    "head", ["CREATE MODEL ", f"{HEAD} INPUT (f ", f"{HEAD} OPTIONS (K = ", "SET a=b;", ""]
)
def test_hostile_text_costs_no_more_than_its_length(head: str, text: str) -> None:
    """Eight times the text costs about eight times as much; a quadratic cost would be sixty-four times."""

    def cost(text: str) -> float:
        started = time.process_time()
        with contextlib.suppress(dbapi.Error):
            parse(head + text)
        return time.process_time() - started

    gc.disable()  # its rounds over many live objects are not the parser's cost
    short = max(min(cost(text[:10_000]) for _ in range(3)), 0.0005)
    long = min(cost(text) for _ in range(3))
    gc.enable()
    assert long < 32 * short


def test_many_columns_cost_no_more_than_their_number() -> None:
    """With the last given twice, and a statement of ten thousands of them."""

    def cost(count: int) -> float:
        text = (
            f"{HEAD} INPUT ({', '.join(f'f{i} int' for i in range(count))}, f{count - 1} int) OPTIONS (K='v')"
        )
        started = time.process_time()
        with pytest.raises(dbapi.DataError, match=f"input column f{count - 1} is given twice"):
            parse(text)
        return time.process_time() - started

    gc.disable()
    short, long = (min(cost(count) for _ in range(3)) for count in (2_500, 20_000))
    gc.enable()
    assert long < 32 * short


@pytest.mark.parametrize(
    ("text", "place"),
    [(create(inputs="INPUT (location string)", LOCATION="bad"), "LOCATION = "),
     (create(inputs="INPUT (a int COMMENT 'ok')", tail=f"COMMENT '{'c' * 1025}'"), "COMMENT 'c"),
     (create(inputs=f"INPUT (a int COMMENT '{'c' * 1025}')"), "a int"),
     (create(name="default_version", version="default_version"), "default_version INPUT"),
     (create(inputs="INPUT (a int, b int, a string)"), "a string"),
     (create(inputs="INPUT (rolearn int, a int, rolearn string)"), "rolearn string"),
     (create(name="`a``b`"), "`a``b`"),
     (create(inputs="INPUT (int intt)"), "int intt"),
     (create(tail="").replace("OPTIONS (", "OPTIONS (ROLEARN = 'acs:ram::1:role/r', "), "ROLEARN = 'acs:ram::1:role/ali"),
     (create(MODEL_TYPE=None), "OPTIONS")],
)  # fmt: skip
def test_the_place_of_a_value_is_that_of_its_word(con: dbapi.Connection, text: str, place: str) -> None:
    with pytest.raises(dbapi.DataError) as caught:
        con.execute(text)
    assert isinstance(caught.value, dbapi.SemanticError)
    assert caught.value.place is not None
    assert caught.value.place[:2] == (1, text.index(place) + 1)


def test_what_is_known_is_shown() -> None:
    lines = str(error(f"{HEAD} INPUT (f1 double, Ff2 Varchar(5)) WITH APIKEY TASKS rename x")).splitlines()
    assert lines[1] == "  …WITH VERSION v1 INPUT (f1 double, Ff2 Varchar(…)) WITH APIKEY TASKS rename …"


def test_a_statement_is_at_most_2_mb() -> None:
    """2 MB are 2,097,152 bytes of UTF-8."""
    head = "DROP MODEL m --年"
    parse(head + "年" * ((2_097_152 - len(head.encode())) // 3))
    with pytest.raises(dbapi.ParseError, match="a statement is at most 2 MB"):
        parse(head + "年" * ((2_097_152 - len(head.encode())) // 3 + 1))
    head = "DROP MODEL m -- "
    parse(head + "x" * (2_097_152 - len(head)))
    for text in (head + "x" * (2_097_153 - len(head)), head + "年" * 699_050):
        with pytest.raises(dbapi.ParseError, match="a statement is at most 2 MB"):
            parse(text)


def test_errors_survive_pickle() -> None:
    caught = error(f"{HEAD} WITH OPTIONS (K='v')")
    again = pickle.loads(pickle.dumps(caught))
    assert (type(again), str(again), again.code) == (type(caught), str(caught), caught.code)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("CREAT MODEL m OPTIONS (APIKEY = 'x', TASKS='chat')", "CREAT MODEL … OPTIONS ( APIKEY = '…' , TASKS = '…' )"),
        ("-- a key\nSHOW /* a key */ MODELS LIKE\n\"x\"", "SHOW MODELS LIKE '…'"),
        ("'key'", "'…'"), ("", ""), ("x y :key ? 'open", "x … :… ? '…"),
    ],
)  # fmt: skip
def test_a_text_that_may_hold_a_key_anywhere_on_one_line(text: str, shown: str) -> None:
    assert shown == masked(text)


@pytest.mark.parametrize("wrong", [": name", "::name", ":1"])
def test_what_begins_like_a_parameter_is_not_shown(wrong: str) -> None:
    sql = f"CREATE MODEL m WITH VERSION v1 OPTIONS (TASKS = {wrong}, APIKEY = 'sk-secret')"
    for parameters in ({"name": "x"}, ("x",)):
        with pytest.raises(dbapi.ParseError, match=r"unexpected character ':'") as caught:
            parse(sql, parameters)
        assert "secret" not in str(caught.value)


def test_only_letters_of_ascii_are_a_keyword() -> None:
    with pytest.raises(dbapi.SemanticError, match="must start with a letter"):
        parse("DROP MODEL ıF EXISTS m")
    with pytest.raises(dbapi.SemanticError, match="true or false"):
        parse("SET odps.namespace.schema=x; DESC MODE p.m")


def test_flags_may_be_a_list() -> None:
    assert ShowModels(flags=[]) == ShowModels()  # type: ignore[arg-type]
    assert hash(ShowModels(flags=[("a", "b")])) == hash(ShowModels(flags=(("a", "b"),)))  # type: ignore[arg-type]
