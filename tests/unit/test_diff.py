"""What turns one model into another: the statements, in an order that is legal, and what undoes them."""

from __future__ import annotations

from typing import Any

import pytest
from engines import CALLED, FILE, IMPORTED, SERVICE, imported, version
from sqlalchemy import MetaData
from sqlalchemy.exc import InvalidRequestError

from sqlalchemy_odpsmodel import EnvSecret, Model, ModelVersion, dbapi
from sqlalchemy_odpsmodel.ddl import element_of
from sqlalchemy_odpsmodel.diff import ReplacementRefused, altered, created, dropped
from sqlalchemy_odpsmodel.options import Fingerprint, PlainSecret

TIMEOUT = "PAI_EAS_SYNC_REQUEST_TIMEOUT"


def service(name: str = "v1", **options: Any) -> ModelVersion:
    return ModelVersion(name, options=SERVICE | options)


def called(*versions: ModelVersion, **named: Any) -> Model:
    return Model("m", MetaData(), *versions, **{**CALLED, **named})


def kept(**options: Any) -> Model:
    """A model as a database has it: of a plain key the fingerprint."""
    model = called(service())
    model.versions = (service(**options),)
    return model


def short(statements: tuple[Any, ...]) -> str:
    """``ADD v2 + DROP v1``: what statements of one model do."""
    words = {
        "CreateModel": "CREATE",
        "AddVersion": "ADD",
        "SetDefaultVersion": "SET",
        "DropVersion": "DROP",
        "DropModel": "DROP MODEL",
    }
    return " + ".join(
        " ".join([words[type(s).__name__], getattr(s, "version", "")]).strip() for s in statements
    )


def steps(before: Model, after: Model, allow: Any = "models") -> list[Any]:
    return altered(before, after, allow, lambda value, _: value)


def done(before: Model, after: Model, allow: Any = "models") -> list[str]:
    return [short(step.do) for step in steps(before, after, allow)]


class TestOrder:
    """ADD VERSION, SET DEFAULT_VERSION, DROP VERSION: the default version cannot be dropped."""

    def test_equal_models_need_nothing(self) -> None:
        assert done(imported(), imported()) == []

    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            (("v1", None), ("v1 v2", None), ["ADD v2"]),
            (("v1", None), ("v1 v2", "v2"), ["ADD v2", "SET v2"]),
            (("v1", None), ("v2", "v2"), ["ADD v2", "SET v2", "DROP v1"]),
            (("v1 v2 v3", "v2"), ("v2", None), ["DROP v1", "DROP v3"]),
            (("v1 v2", "v2"), ("v1 v2", None), []),
            (("v1 v2", "v2"), ("v1 v2", "v1"), ["SET v1"]),
            (("v1 v2", "v2"), ("v1", "v1"), ["SET v1", "DROP v2"]),
        ],
    )
    def test_versions_come_before_the_default_and_go_after_it(
        self, before: Any, after: Any, expected: list[str]
    ) -> None:
        def model(versions: str, default: str | None) -> Model:
            return imported("m", None, *map(version, versions.split()), default_version=default)

        assert done(model(*before), model(*after)) == expected

    @pytest.mark.parametrize(
        ("before", "default", "after", "declared", "expected"),
        [
            # a small letter is a version as it is, a capital one with other inputs
            ("a b", "a", "a B", None, ["DROP b", "ADD b"]),
            ("a b", "a", "A b", None, ["SET b", "DROP a", "ADD a", "SET a"]),
            ("a b", "a", "A b", "b", ["SET b", "DROP a", "ADD a"]),
            ("a b", "b", "A b", "a", ["DROP a", "ADD a", "SET a"]),
            ("a b", "a", "A", None, ["SET b", "DROP a", "ADD a", "SET a", "DROP b"]),
            ("a", "a", "A c", None, ["ADD c", "SET c", "DROP a", "ADD a", "SET a"]),
            ("a b", "a", "A c", None, ["ADD c", "SET c", "DROP a", "ADD a", "SET a", "DROP b"]),
            ("a", "a", "A c", "c", ["ADD c", "SET c", "DROP a", "ADD a"]),
            ("a b", "a", "A B", None, ["SET b", "DROP a", "ADD a", "SET a", "DROP b", "ADD b"]),
            ("a b", "a", "A B", "b", ["DROP b", "ADD b", "SET b", "DROP a", "ADD a"]),
            ("a", "a", "A", None,
             ["ADD scaffold_0", "SET scaffold_0", "DROP a", "ADD a", "SET a", "DROP scaffold_0"]),
            ("scaffold_0", None, "SCAFFOLD_0", None,
             ["ADD scaffold_1", "SET scaffold_1", "DROP scaffold_0", "ADD scaffold_0", "SET scaffold_0",
              "DROP scaffold_1"]),
        ],
    )  # fmt: skip
    def test_a_changed_version_is_dropped_and_added_while_it_is_not_the_default(
        self, before: str, default: str | None, after: str, declared: str | None, expected: list[str]
    ) -> None:
        def content(name: str) -> ModelVersion:
            return version(name, inputs=[("f2" if name.isupper() else "f1", "INT")])

        was = imported("m", None, *map(content, before.split()), default_version=default)
        now = imported("m", None, *map(content, after.split()), default_version=declared)
        assert done(was, now) == expected

    def test_what_undoes_a_step_is_what_was_there(self) -> None:
        was = imported("m", None, version("v1", comment="old"), comment="old")
        now = imported("m", None, version("v2"), default_version="v2", schema=None)
        add, default, drop = steps(was, now)
        assert (short(add.undo), short(default.undo), short(drop.undo)) == ("DROP v2", "SET v1", "ADD v1")
        assert drop.undo[0].comment == "old"
        assert (drop.reversed().do, drop.reversed().undo) == (drop.undo, drop.do)

    def test_a_model_is_undone_as_one(self) -> None:
        model = imported("m", None, version("v1"), version("v2"), default_version="v2")
        assert short(created(model).do) == "CREATE v1 + ADD v2 + SET v2"
        assert short(created(model).undo) == "DROP MODEL"
        assert short(dropped(model).do) == "DROP MODEL"
        assert created(model) == dropped(model).reversed()


class TestComparison:
    @pytest.mark.parametrize(
        ("was", "now", "differing"),
        [
            (version(inputs=[("a", "INT")]), version(inputs=[("a", "BIGINT")]), "inputs"),
            (version(inputs=[("a", "INT"), ("b", "INT")]), version(inputs=[("b", "INT"), ("a", "INT")]), "inputs"),
            (version(inputs=[("a", "INT")]), version(inputs=[("a", "INT", "c")]), "inputs"),
            (version(inputs=[("a", "INT", "c")]), version(inputs=[("a", "INT", "")]), "inputs"),
            (version(comment="a"), version(comment="b"), "comment"),
            (version(comment="a"), version(comment=""), "comment"),
            (version(), version(options={**FILE, "ROLEARN": "acs:ram::2:role/x"}), "ROLEARN"),
            (version(comment="a"), version(comment="b", options={**FILE, "LOCATION": FILE["LOCATION"] + "2/"}),
             "comment, LOCATION"),
            (version(), version(inputs=[("f2", "INT")], options={"LOCATION": "oss://h/b/", "ROLEARN": "acs:ram::2:role/x"}),
             "inputs, LOCATION, ROLEARN"),
        ],
    )  # fmt: skip
    def test_a_version_changes_by_inputs_options_and_comment(
        self, was: ModelVersion, now: ModelVersion, differing: str
    ) -> None:
        before = imported("m", None, version("other"), was, comment="")
        after = imported("m", None, version("other"), now, comment="")
        drop, add = steps(before, after)
        assert drop.lost == (
            f"Version v1 of model m changes ({differing}), which no statement does: it is dropped and made again,"
            " which loses its times and its place in the order of versions. Meanwhile it is not there."
        )
        assert (drop.lost, "") == (add.undone_lost, add.lost)

    @pytest.mark.parametrize(
        "now",
        [
            version(inputs=[("F1", "int")]),
            version(options=dict(reversed(FILE.items()))),
            version(comment=None),
            version(inputs=[("f1", "INT", None)]),
            version(inputs=[("f1", "INT", "b")]),
        ],
    )
    def test_spelling_the_order_of_options_and_what_is_left_out_are_no_change(
        self, now: ModelVersion
    ) -> None:
        before = imported("m", None, version(comment="a", inputs=[("f1", "INT", "b")]), comment="c")
        assert done(before, imported("m", None, now)) == []

    def test_an_added_version_has_the_comment_that_it_is_given(self) -> None:
        """Wherever it stands: only CREATE MODEL gives it the model's."""
        for names in ("v1 v2", "v2 v1"):
            after = imported("m", None, *map(version, names.split()), comment="c")
            (add,) = steps(imported("m", None, comment="c"), after)
            assert add.do[0].comment is None

    def test_a_comment_of_an_input_may_be_taken_away(self) -> None:
        before = imported("m", None, version(inputs=[("a", "INT", "b")]), version("v2"))
        after = imported("m", None, version(inputs=[("a", "STRING", "")]), version("v2"))
        *_, add, _ = steps(before, after)
        assert [c.comment for c in add.do[0].inputs] == [None]

    def test_a_replaced_version_keeps_what_is_left_out(self) -> None:
        """A comment of None, of the version or an input, and the timeout."""
        options = {TIMEOUT: "6000"}
        was = ModelVersion(
            "v1", inputs=[("a", "INT", "in"), ("b", "INT")], options=SERVICE | options, comment="c"
        )
        now = ModelVersion("v1", inputs=[("a", "BIGINT"), ("b", "INT", "new")], options=SERVICE)
        _, add = steps(called(service("v2"), was), called(service("v2"), now))
        (added,) = add.do
        assert [(c.name, c.type, c.comment) for c in added.inputs] == [
            ("a", "bigint", "in"),
            ("b", "int", "new"),
        ]
        assert (added.comment, dict(added.options)[TIMEOUT]) == ("c", "6000")

    @pytest.mark.parametrize(
        ("was", "now", "changes"),
        [
            ({}, {TIMEOUT: "5000"}, False),
            ({TIMEOUT: "5000"}, {}, False),
            ({TIMEOUT: "6000"}, {}, False),
            ({TIMEOUT: "6000"}, {TIMEOUT: "5000"}, True),
            ({}, {TIMEOUT: "6000"}, True),
            ({}, {"APIKEY": EnvSecret("OTHER")}, True),
            ({"APIKEY": Fingerprint("x")}, {}, True),
        ],
    )
    def test_options(self, was: dict[str, Any], now: dict[str, Any], changes: bool) -> None:
        """An absent timeout is 5000; an EnvSecret is its name."""
        assert bool(steps(kept(**was), called(service(**now)))) is changes

    def test_a_plain_key_is_compared_as_the_database_keeps_it(self) -> None:
        def hashed(value: Any, found: Any) -> Any:
            return Fingerprint(value.reveal().upper()) if isinstance(value, PlainSecret) else value

        before = kept(APIKEY=Fingerprint("K"))
        assert altered(before, called(service(APIKEY="k")), "nothing", hashed) == []
        assert altered(before, called(service(APIKEY="l")), "versions", hashed) != []

    @pytest.mark.parametrize(
        ("named", "differing"),
        [
            ({"model_type": "BOOSTED_TREE_REGRESSOR"}, "model type"),
            ({"comment": "b"}, "comment"),
            ({"comment": ""}, "comment"),
        ],
    )
    def test_a_model_changes_by_its_types_and_comment(self, named: dict[str, str], differing: str) -> None:
        before = imported("m", None, version("v1"), version("v2"), comment="a", default_version="v2")
        after = imported("m", None, version("v1", comment="c"), version("v2"), **named)
        drop, create = steps(before, after)
        assert (short(drop.do), short(create.undo)) == ("DROP MODEL", "DROP MODEL")
        assert short(drop.undo) == "CREATE v1 + ADD v2 + SET v2"
        assert drop.lost == create.undone_lost
        assert drop.lost == (
            f"Model m changes ({differing}), which no statement does: it is dropped and made again, which loses its"
            " times and the privileges on it. Meanwhile it is not there."
        )

    def test_the_schema_is_named_as_it_is_declared(self) -> None:
        """The connection's own may be; the database's model has none then."""
        (drop, create) = steps(imported(comment="a"), imported(comment="b", schema="lab"))
        assert {str(s.name) for step in (drop, create) for s in (*step.do, *step.undo)} == {"lab.m"}

    def test_a_scaffold_is_as_the_version_is_to_be(self) -> None:
        """What the database has of a plain key could not be made again."""
        add, *_ = steps(kept(APIKEY=Fingerprint("x")), called(service()))
        assert dict(add.do[0].options)["APIKEY"] == EnvSecret("EAS_TOKEN")

    def test_a_source_type_that_changes_takes_no_option_along(self) -> None:
        before = called(service("v1", **{TIMEOUT: "6000"}))
        _, create = steps(before, Model("m", MetaData(), version("v1"), **IMPORTED))
        assert TIMEOUT not in dict(create.do[0].options)

    def test_a_model_that_is_made_again_keeps_what_is_left_out(self) -> None:
        """Its comment, its versions' comments and its default version; so it needs a scaffold."""
        before = imported(
            "m", None, version("v1", comment="b"), version("v2"), comment="a", default_version="v2"
        )
        after = imported("m", None, version("v1"), version("v2"), model_type="BOOSTED_TREE_REGRESSOR")
        _, create = steps(before, after)
        assert short(create.do) == "CREATE scaffold_0 + ADD v1 + ADD v2 + SET v2 + DROP scaffold_0"
        assert [getattr(s, "comment", None) for s in create.do[:3]] == ["a", "b", None]

    @pytest.mark.parametrize(
        ("had", "names", "expected"),
        [
            ("a", "v1", ["new"]),  # it was the model's
            ("a", "v2 v1", ["new", "a"]),  # a new first version has none of its own
            (None, "v1", ["new", None]),  # it has had none: the scaffold has the model's
            ("b", "v1", ["new", "b"]),
        ],
    )
    def test_a_model_that_is_made_again_gives_its_comment_to_its_first_version(
        self, had: str | None, names: str, expected: list[str | None]
    ) -> None:
        before = imported("m", None, version("v1", comment=had or ""), comment="a")
        after = imported("m", None, *map(version, names.split()), comment="new")
        _, create = steps(before, after)
        assert [s.comment for s in create.do if hasattr(s, "comment")] == expected

    def test_a_comment_of_the_first_version_alone_is_not_the_models_to_compare(self) -> None:
        before = imported(
            "m", None, version("v1"), version("v2", comment="b"), comment="a", default_version="v2"
        )
        after = imported("m", None, version("v2", comment="b"))
        assert done(before, after, "nothing") == ["DROP v1"]


class TestErrors:
    def test_a_default_version_that_is_declared_no_longer(self) -> None:
        """It is not demoted without a word."""
        before = imported("m", None, version("v1"), version("v2"), default_version="v2")
        expected = "version v2 of model m is the default version of the database, and is not declared: "
        with pytest.raises(InvalidRequestError, match=expected):
            steps(before, imported())
        with pytest.raises(InvalidRequestError, match=expected):
            steps(before, imported(model_type="BOOSTED_TREE_REGRESSOR"))
        assert done(before, imported(default_version="v1")) == ["SET v1", "DROP v2"]

    @pytest.mark.parametrize(
        ("allow", "of_version", "of_model"),
        [("nothing", False, False), ("versions", True, False), ("models", True, True)],
    )
    def test_what_is_not_allowed_to_be_replaced(self, allow: Any, of_version: bool, of_model: bool) -> None:
        other_version = imported("m", None, version(inputs=[("f2", "INT")]))
        other_model = imported(model_type="BOOSTED_TREE_REGRESSOR")
        for after, allowed, what, needed in (
            (other_version, of_version, r"version v1 of model m changes \(inputs\)", "versions"),
            (other_model, of_model, r"model m changes \(model type\)", "models"),
        ):
            if allowed:
                assert steps(imported(), after, allow)
                continue
            with pytest.raises(ReplacementRefused, match=what) as caught:
                steps(imported(), after, allow)
            assert needed == caught.value.needed
            assert str(caught.value).endswith(
                f": declare a {needed[:-1]} of another name, or let it be dropped and made again"
            )

    def test_other_changes_are_always_allowed(self) -> None:
        now = imported("m", None, version("v2"), default_version="v2")
        assert done(imported(), now, "nothing") == ["ADD v2", "SET v2", "DROP v1"]

    def test_what_was_there_before_may_be_unknown(self) -> None:
        step = dropped(imported())._replace(undo=())
        with pytest.raises(ValueError, match="what DropModel of model m undoes is not known"):
            step.reversed()

    def test_a_database_that_has_only_the_fingerprint_of_a_key(self) -> None:
        """The step back can be told, and not be run."""
        (create,) = dropped(kept(APIKEY=Fingerprint("x"))).undo
        with pytest.raises(dbapi.OptionError, match="its fingerprint only"):
            element_of(create)
