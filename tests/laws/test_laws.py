"""Laws, for any statement: text is read back as it was printed, and what is stored comes out again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import IMPORT, PAGES, REMOTE

from sqlalchemy_odpsmodel import EnvSecret, dbapi
from sqlalchemy_odpsmodel.model import HAN, SCALAR_TYPES, InputColumn, ModelName
from sqlalchemy_odpsmodel.options import Fingerprint, PlainSecret
from sqlalchemy_odpsmodel.sql import (
    AddVersion,
    CreateModel,
    DescModel,
    DropModel,
    DropVersion,
    SetDefaultVersion,
    SetFlags,
    ShowModels,
    ShowVersions,
    Statement,
    parse,
)
from sqlalchemy_odpsmodel.sql.lexer import quote
from sqlalchemy_odpsmodel.sql.script import split

words = [
    "model",
    "version",
    "input",
    "options",
    "comment",
    "if",
    "not",
    "exists",
    "with",
    "select",
    "default",
]
names = st.one_of(st.sampled_from(words), st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,12}", fullmatch=True))
public_names = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,12}", fullmatch=True)
versions = names.filter(lambda name: name.lower() != "default_version")
columns = st.from_regex(rf"[A-Za-z{HAN}][A-Za-z0-9_{HAN}]{{0,8}}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
kept_texts = texts.filter(lambda text: "\0" not in text)
types = st.one_of(
    st.sampled_from(sorted(SCALAR_TYPES - {"varchar", "char"})),
    st.integers(1, 65535).map("VARCHAR({})".format),
    st.integers(1, 255).map("char( {} )".format),
    st.integers(1, 38).flatmap(lambda p: st.integers(0, min(p, 18)).map(lambda s: f"decimal({p}, {s})")),
)


@st.composite
def inputs(draw: Any, comments: Any = texts, least: int = 0) -> tuple[InputColumn, ...]:
    found = draw(st.lists(columns, unique_by=str.lower, min_size=least, max_size=5))
    return tuple(InputColumn(name, draw(types), draw(st.none() | comments)) for name in found)


@st.composite
def flags_and_name(draw: Any, models: Any = names) -> tuple[tuple[tuple[str, str], ...], ModelName]:
    flags = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["odps.x", "a"]), st.from_regex(r"[\w.]{1,9}( [\w.]{1,9})?", fullmatch=True)
            ),
            max_size=2,
        )
    )
    with_schema = draw(st.booleans())
    if not with_schema or draw(st.booleans()):
        flags.append(("odps.namespace.schema", str(with_schema).lower()))
    project = draw(st.none() | names)
    schema = draw(st.none() | names) if with_schema else None
    return tuple(flags), ModelName(draw(models), schema, project)


options = st.lists(st.tuples(st.sampled_from([*IMPORT, "TASKS", "ENDPOINT"]), texts)).map(tuple) | st.just(
    (("APIKEY", EnvSecret("EAS_TOKEN")),)
)


@st.composite
def statements(draw: Any, kinds: tuple[type[Statement], ...] = Statement.__args__) -> Statement:  # type: ignore[attr-defined]
    kind = draw(st.sampled_from(kinds))
    flags, name = draw(flags_and_name(names if kind is CreateModel else names | public_names))
    if kind is CreateModel or kind is AddVersion:
        given_options = draw(options.filter(bool)) if kind is CreateModel else draw(options)
        more = {"if_not_exists": draw(st.booleans())} if kind is CreateModel else {}
        return kind(
            name, draw(versions), draw(inputs()), given_options, draw(st.none() | texts), flags=flags, **more
        )
    if kind in (SetDefaultVersion, DropVersion):
        return kind(name, draw(names), flags=flags)
    if kind is DropModel:
        return DropModel(name, draw(st.booleans()), flags=flags)
    if kind in (ShowVersions, DescModel):
        return kind(name, flags=flags)
    if kind is ShowModels:
        return ShowModels(flags=flags)
    return SetFlags(flags=flags or (("a", "b"),))


def test_the_corpus_is_printed_as_it_is_read() -> None:
    pieces = [piece.text.rstrip(";") for piece in split((PAGES.parent / "corpus.sql").read_text())]
    assert [str(parse(text)) for text in pieces] == pieces
    assert {type(parse(text)) for text in pieces} == set(Statement.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CreateModel(ModelName("m"), "v", (), ()), "OPTIONS is empty"),
        (lambda: CreateModel("m", "v", (), IMPORT), "name must be a ModelName, not str"),
        (lambda: DropModel(None), "name must be a ModelName, not NoneType"),
        (lambda: AddVersion(ModelName("m"), "v", (("f", "int"),), IMPORT), "InputColumns, not tuple"),
        (lambda: AddVersion(ModelName("m"), "v", (), (("A' B", "x"),)), "key must be a word"),
        (lambda: AddVersion(ModelName("m"), "v", (), (("", "x"),)), "key must be a word"),
        (lambda: AddVersion(ModelName("m"), "v", (), {"LOCATION": 5}), "LOCATION must be a string, not int"),
        (lambda: AddVersion(ModelName("m"), "v", (), {}, comment=5), "COMMENT must be a str, not int"),
        (lambda: SetFlags(), "SET takes a flag"),
        (lambda: SetFlags(flags=(("a", "b;c"),)), "SET takes a flag's name"),
        (
            lambda: DropModel(ModelName("m", "s"), flags=(("odps.namespace.schema", "false"),)),
            "has no schema",
        ),
        (lambda: CreateModel(ModelName("a-b"), "v", (), IMPORT), "model name 'a-b'"),
        (lambda: InputColumn("f", 5), "the type of input column f must be a str, not int"),
    ],
)
def test_no_statement_can_be_made_that_is_none(make: Callable[[], object], message: str) -> None:
    with pytest.raises(dbapi.DataError, match=message):
        make()


def test_reserved_words_are_printed_in_backquotes() -> None:
    assert str(DropModel(ModelName("from", "if", "model"))) == "DROP MODEL model.`if`.`from`"


@settings(max_examples=500)
@given(statements())
def test_parse_undoes_str(statement: Statement) -> None:
    assert parse(str(statement)) == statement


@given(statements())
def test_repr_is_python(statement: Statement) -> None:
    assert eval(repr(statement)) == statement  # noqa: S307


@given(st.lists(statements(Statement.__args__[:-1]), max_size=4))  # type: ignore[attr-defined]
def test_a_script_of_statements_splits_into_them(made: list[Statement]) -> None:
    """But for SET, which in a script is a statement of its own."""
    made = [parse(str(replace(s, flags=())) if s.namespace_schema else "SHOW MODELS") for s in made]
    script = ";\n-- c ' ;\n".join(map(str, made))
    assert [parse(piece.text) for piece in split(script)] == made


@given(texts)
def test_quote_makes_one_token_or_adjacent_ones(text: str) -> None:
    statement = parse(f"CREATE MODEL m WITH VERSION v OPTIONS (K = 'v') COMMENT {quote(text)}")
    assert isinstance(statement, CreateModel)
    assert statement.comment == (text or None)


@settings(max_examples=300)
@given(
    st.text(st.sampled_from("'\"\\`/*-;()=,.:? \n\tRrab0年；CREATE MODEL"), max_size=60),
    st.sampled_from(["", "CREATE MODEL m WITH VERSION v OPTIONS (K = ", "SET a=", "ALTER MODEL "]),
)
def test_any_text_is_a_statement_or_an_error_of_ours(text: str, head: str) -> None:
    try:
        statement = parse(head + text)
    except dbapi.Error:
        return
    assert parse(str(statement)) == statement or "********" in str(statement)


@settings(max_examples=100)
@given(
    flags_and_name(),
    versions,
    inputs(kept_texts, 1),
    st.none() | kept_texts,
    st.sampled_from([IMPORT, REMOTE]),
    kept_texts,
)
def test_what_is_stored_comes_out_again(
    named: tuple[Any, ModelName], version: str, given_inputs: tuple[InputColumn, ...], comment: str | None,
    base: dict[str, str], name_in_eas: str,
) -> None:  # fmt: skip
    flags, name = named
    given_options = dict(base)
    if base is REMOTE and name_in_eas.strip() == name_in_eas and name_in_eas.isprintable() and name_in_eas:
        given_options["PAI_EAS_MODEL_NAME"] = name_in_eas
    made = CreateModel(name, version, given_inputs, tuple(given_options.items()), comment, flags=flags)
    with closing(dbapi.connect(":memory:")) as con:
        con.execute(str(made))
        key = con.session.key(made)
        if key[0] == "bigdata_public_modelset":
            return
        found = con.store.described(*key)
        assert found is not None
        model, stored = found
        assert stored is not None
        assert (stored.name, stored.inputs, stored.comment) == (made.version, made.inputs, made.comment)
        assert (model[:3], model.default_version, model.comment) == (key, made.version, comment or None)
        types_of_model = (("MODEL_SOURCE_TYPE", model.source_type), ("MODEL_TYPE", model.model_type))
        assert types_of_model + stored.options == made.options
        described = con.execute(str(DescModel(name, flags=flags))).fetchall()
        assert [tuple(row[1:]) for row in described if row[0] == "Input"] == [
            (c.name, c.type, c.comment or "") for c in made.inputs
        ]


@pytest.mark.parametrize("key", ["k", "'\\\"", "年", "x" * 500])
def test_a_plain_key_comes_out_as_its_fingerprint(connect: Callable[..., dbapi.Connection], key: str) -> None:
    con = connect()
    pairs = tuple({**REMOTE, "APIKEY": key}.items())
    con.execute(str(CreateModel(ModelName("m"), "v", (), pairs)).replace("'********'", "?"), (key,))
    found = con.store.described("local", "default", "m")
    assert found is not None
    assert found[1] is not None
    kept = dict(found[1].options)["APIKEY"]
    assert isinstance(kept, Fingerprint)
    assert kept == con.store.fingerprint(PlainSecret(key))
