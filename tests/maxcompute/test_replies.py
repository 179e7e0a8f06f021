"""What the service answers about models, read without a service: texts as the vendor's pages print them, and
documents of the Catalog API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from samples import IMPORT, KEY, PAGES, REMOTE, create

from sqlalchemy_odpsmodel.errors import ServiceError
from sqlalchemy_odpsmodel.maxcompute import replies
from sqlalchemy_odpsmodel.maxcompute.replies import UNREADABLE
from sqlalchemy_odpsmodel.options import EnvSecret, Fingerprint, PlainSecret

M, V = "Model Information", "Version Information"
ENDPOINT = "http://11261230********.cn-shanghai.pai-eas.aliyuncs.com"


def page(version: str, project: str, of_version: str, moved: str, made: str, first: str) -> list[replies.Row]:
    """What the pages' DESC says, in which two versions differ in few places."""
    common = [("Model Name", "pai_eas_qwen25_omni_3b"), ("Model Type", "MLLM"), ("Source Type", "REMOTE")]
    model = [
        ("Owner", "ALIYUN$*********"), ("Project", project), *common, ("Default Version", version),
        ("CreateTime", "2025-10-09 18:32:48"), ("LastModifiedTime", moved),
        ("Comment", "PAI EAS remote model binary input"),
    ]  # fmt: skip
    shown = [
        ("Owner", "ALIYUN$*********"), ("Project", of_version), *common, ("Version Name", version), ("Path", ""),
        ("CreateTime", made), ("LastModifiedTime", made), ("APIKEY", "********"), ("ENDPOINT", ENDPOINT),
        ("PAI_EAS_MODEL_NAME", "Qwen2.5-Omni-3B"), ("PAI_EAS_SERVICE_NAME", "test_remote_model"),
        ("PAI_EAS_SYNC_MODE", "true"), ("REMOTE_SERVICE_TYPE", "PAI-EAS"),
    ]  # fmt: skip
    return [
        *((M, *pair, "") for pair in model),
        *((V, *pair, "") for pair in shown),
        ("Input", *first.split(), ""),
        ("Input", "promt", "string", ""),
    ]


V1 = page("v1", "****_demo", "****_demo", "2025-10-10 16:38:41", "2025-10-09 18:32:48", "data binary")
V2 = page("v2", "muze_demo", "*******_demo", "2025-10-10 16:55:07", "2025-10-10 16:53:51", "url string")


def text_of(name: str) -> str:
    return (PAGES / f"{name}.txt").read_text()


class TestDescribed:
    @pytest.mark.parametrize(("name", "rows"), [("desc_v1", V1), ("desc_v2", V2)])
    @pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
    def test_the_pages_own_texts(self, name: str, rows: list[replies.Row], end: str) -> None:
        """Keys of options in upper case and in order, the APIKEY masked."""
        assert replies.described(text_of(name).replace("\n", end)) == rows

    def test_a_long_key_pushes_its_value_and_a_long_value_the_bar(self) -> None:
        """Both as the layout prints them."""
        endpoint = f"http://{'x' * 80}.com"
        text = text_of("desc_v1").replace(
            "| REMOTE_SERVICE_TYPE:",
            f"| PAI_EAS_SYNC_REQUEST_TIMEOUT:{'6000'.ljust(53)} |\n| REMOTE_SERVICE_TYPE:",
        )
        text = text.replace(f"{ENDPOINT} |", f"{endpoint} |")
        rows = replies.described(text)
        assert rows is not None
        assert (V, "PAI_EAS_SYNC_REQUEST_TIMEOUT", "6000", "") in rows
        assert (V, "ENDPOINT", endpoint, "") in rows
        assert len(rows) == len(V1) + 1

    @pytest.mark.parametrize(
        "comment", ["a | b", "中文 comment |", "Owner: x", "| Comment: y |", "+----+", "a: b: c", "\t", ""]
    )
    def test_a_comment_of_one_line_is_itself(self, comment: str) -> None:
        """Whatever is in it."""
        text = text_of("desc_v1").replace("PAI EAS remote model binary input", comment)
        rows = replies.described(text)
        assert rows is not None
        assert rows[8] == (M, "Comment", comment, "")
        assert len(rows) == len(V1)

    def test_comments_of_inputs(self) -> None:
        """With bars and Chinese; a type may have blanks in it."""
        text = text_of("desc_v2").replace(
            "| url             | string     |   ", "| url             | decimal(10, 2) | 地址 | a |   "
        )
        rows = replies.described(text)
        assert rows is not None
        assert rows[-2] == ("Input", "url", "decimal(10, 2)", "地址 | a |")

    @pytest.mark.parametrize(
        "comment",
        ["a\nb", "a |\nb", "a |\n| b: c", f"a |\n+{'-' * 84}+", f"a |\n+{'-' * 84}+\n| Owner: x", "\n"],
    )
    def test_a_comment_of_several_lines_cannot_be_told(self, comment: str) -> None:
        """So that nobody takes a part of it for something else."""
        text = text_of("desc_v1").replace("PAI EAS remote model binary input", comment)
        assert replies.described(text) is None

    @pytest.mark.parametrize(
        ("found", "put"),
        [
            ("| data            | binary     |", "| data            | binary\n     |"),
            ("| PAI_EAS_SYNC_MODE:        true", "| PAI_EAS_SYNC_MODE:        tr\nue"),
            ("| PAI_EAS_SYNC_MODE:        true", "| no key at all"),
            ("| PAI_EAS_MODEL_NAME: ", "| ENDPOINT:           "),
            ("| Model Type: ", "| Model Kind: "),
            ("| Version Name: ", "| Versions Name:"),
            ("| Input ", "| a |\n| Input "),
            ("+---", "+ --"),
        ],
    )
    def test_what_is_laid_out_otherwise_cannot_be_told(self, found: str, put: str) -> None:
        """It is None, never rows that are wrong."""
        text = text_of("desc_v1")
        assert found in text
        assert replies.described(text.replace(found, put)) is None

    @pytest.mark.parametrize("text", ["", "\n", "OK", "+---+", "ODPS-0130131: Table not found", "[]"])
    def test_what_is_no_description(self, text: str) -> None:
        """It is None too."""
        assert replies.described(text) is None

    def test_a_model_without_inputs(self) -> None:
        """Prints the head and no row."""
        lines = text_of("desc_v1").split("\n")
        text = "\n".join(line for line in lines if not line.startswith(("| data ", "| promt ")))
        assert replies.described(text) == V1[:-2]

    @pytest.mark.parametrize("name", ["desc_v1", "desc_v2"])
    def test_the_key_is_in_no_row(self, name: str) -> None:
        """Its first letters neither."""
        text = text_of(name)
        assert "ZjA5NGRjN2V" in text
        assert "ZjA5" not in repr(replies.described(text))

    def test_a_reference_to_a_variable_is_shown(self) -> None:
        """It is no secret: the local driver shows it so."""
        start, _, rest = text_of("desc_v1").partition(
            "ZjA5NGRjN2VjOTZiM********TZmZTQ1MThkMGE4ZmUyNj********=="
        )
        rows = replies.described(f"{start}{'${EAS_TOKEN}'.ljust(56)}{rest}")
        assert rows is not None
        assert (V, "APIKEY", "${EAS_TOKEN}", "") in rows


class TestOwner:
    @pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
    @pytest.mark.parametrize("name", ["RAM$account:user name", "ALIYUN$a", ""])
    def test_of_any_text(self, end: str, name: str) -> None:
        """Whatever comes after it."""
        text = text_of("desc_v1").replace("ALIYUN$*********", name, 1).replace("binary input", "a\nb")
        assert replies.owner_of(text.replace("\n", end)) == name

    @pytest.mark.parametrize("text", ["", "OK", "| Project: a |", "Owner: x", "| Owner: x"])
    def test_without_one(self, text: str) -> None:
        """The answer is malformed."""
        with pytest.raises(ServiceError, match="DESC MODEL is not as its pages have it"):
            replies.owner_of(text)


def grid_of(*lines: tuple[str, ...], end: str = "\n") -> str:
    """As the service prints a grid, each column as wide as its longest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    head, *rows = (
        "|" + "|".join(f" {c.ljust(w)} " for c, w in zip(line, widths, strict=True)) + "|" for line in lines
    )
    return end.join([rule, head, rule, *rows, rule])


class TestGrid:
    @pytest.mark.parametrize(
        "lines",
        [
            [("a", "b")],
            [("Name", "Comment"), ("m", "")],
            [("Name", "Comment"), ("m", "a | b |"), ("n", "||")],
            [("Name", "Comment"), ("m", "a\nb"), ("n", "\n\nx")],
            [("Name", "Comment"), ("m", "a\r\nb"), ("n", "\r")],
            [("Name", "Comment"), ("m", "+------+"), ("n", "中文")],
            [("Name", "Comment"), ("m", "x\n+------+---------+\ny")],
            [("Name", "Comment"), ("m", "  a"), ("|", "b")],
            [("A",), ("b",)],
        ],
        ids=repr,
    )
    def test_lines_are_read_by_the_widths_of_the_rule(self, lines: list[tuple[str, ...]]) -> None:
        """So that bars and ends of lines in a cell are a part of it."""
        assert replies.grid(grid_of(*lines), "SHOW") == lines
        assert replies.grid(f"\n{grid_of(*lines)}\n", "SHOW") == lines

    def test_ends_of_lines_may_be_windows_own(self) -> None:
        """As a proxy may make them."""
        lines = [("Name", "Comment"), ("m", "c | d")]
        assert replies.grid(grid_of(*lines, end="\r\n") + "\r\n", "SHOW") == lines

    def test_chinese_may_count_as_two(self) -> None:
        """A rule in columns of a terminal: then the bars tell."""
        text = (
            "+------+-----+\n| Name | C   |\n+------+-----+\n| m    | 中文 |\n| n    | b   |\n+------+-----+"
        )
        assert replies.grid(text, "SHOW") == [("Name", "C"), ("m", "中文"), ("n", "b")]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "OK",
            "+---+",
            "+---+\n+---+",
            "+---+\n| a |",
            "+---+\n| a |\n+---+\n| b",
            "+---+\n| a |\n+---+\n| b |",
            "+---+\n| a |\n+---+\n  b  \n+---+",
            "+---+---+\n| a | b |\n+---+---+\n| 中文 | b | c |\n+---+---+",
            "| a |\n+---+",
            "-----\n| a |\n-----",
        ],
    )
    def test_what_is_no_grid(self, text: str) -> None:
        """Cut off, or none: malformed, and named."""
        with pytest.raises(
            ServiceError, match="the service's answer to SHOW MODELS is not as its pages have it"
        ):
            replies.grid(text, "SHOW MODELS")


DOCUMENT: dict[str, Any] = {
    "modelName": "m", "versionName": "v1", "defaultVersion": "v2", "createTime": "1000", "updateTime": 2000,
    "versionCreateTime": "3000", "versionUpdateTime": "4000", "sourceType": "INTERNAL_TRAIN",
}  # fmt: skip


def show(milliseconds: int) -> str:
    return f"at {milliseconds}"


def answer_of(document: dict[str, Any], answer: str) -> object:
    """What is made of a document: DESC's rows, SHOW VERSIONS' row, or the inspector's dictionary."""
    if answer == "rows":
        return replies.described_by(document, "p", "me", show)
    if answer == "row":
        return replies.version_row(document, "me", show)
    return replies.reflected("p", "s", [document])


class TestDocuments:
    def test_what_is_optional_may_be_missing(self) -> None:
        """A model trained inside, of which the rules would let nobody make one."""
        assert replies.described_by(DOCUMENT, "p", "me", show) == [
            (M, "Owner", "me", ""), (M, "Project", "p", ""), (M, "Model Name", "m", ""), (M, "Model Type", "", ""),
            (M, "Source Type", "INTERNAL_TRAIN", ""), (M, "Default Version", "v2", ""),
            (M, "CreateTime", "at 1000", ""), (M, "LastModifiedTime", "at 2000", ""), (M, "Comment", "", ""),
            (V, "Owner", "me", ""), (V, "Project", "p", ""), (V, "Model Name", "m", ""), (V, "Model Type", "", ""),
            (V, "Source Type", "INTERNAL_TRAIN", ""), (V, "Version Name", "v1", ""), (V, "Path", "", ""),
            (V, "CreateTime", "at 3000", ""), (V, "LastModifiedTime", "at 4000", ""),
        ]  # fmt: skip
        assert replies.version_row(DOCUMENT, "me", show) == (
            "v1", "me", "INTERNAL_TRAIN", "", "false", "at 3000", "at 4000", "", "",
        )  # fmt: skip
        nothing = dict.fromkeys(("modelType", "description", "options", "path", "tasks", "featureColumns"))
        for document in (DOCUMENT, DOCUMENT | nothing, DOCUMENT | {"featureColumns": {}, "description": ""}):
            assert replies.reflected("p", "s", [document]) == {
                "name": "m", "schema": "s", "project": "p", "owner": "", "source_type": "INTERNAL_TRAIN",
                "model_type": "", "default_version": "v2", "comment": None,
                "create_time": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
                "last_modified_time": datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC),
                "versions": [
                    {
                        "name": "v1", "comment": None, "inputs": [], "options": {},
                        "create_time": datetime(1970, 1, 1, 0, 0, 3, tzinfo=UTC),
                        "last_modified_time": datetime(1970, 1, 1, 0, 0, 4, tzinfo=UTC),
                    }
                ],
            }  # fmt: skip

    def test_options_as_desc_shows_them(self) -> None:
        """LOCATION and TASKS have no rows; a remote version's key and derived type have, given or not."""
        options = {"location": "l", "Tasks": "t", "endpoint": "e"}
        rows = replies.described_by(DOCUMENT | {"sourceType": "REMOTE", "options": options}, "p", "me", show)
        assert [row[1:3] for row in rows[18:]] == [
            ("APIKEY", "********"),
            ("ENDPOINT", "e"),
            ("REMOTE_SERVICE_TYPE", "PAI-EAS"),
        ]

    def test_options_as_a_statement_gives_them(self) -> None:
        """LOCATION is the path, TASKS the task; what the service derives is left out, a trained model's path too."""
        of_import = DOCUMENT | {"sourceType": "IMPORT", "path": "oss://a/b/", "options": {"rolearn": "r"}}
        of_remote = DOCUMENT | {
            "sourceType": "REMOTE", "tasks": ["chat"],
            "options": {"remote_service_type": "PAI-EAS", "pai_eas_sync_request_timeout": 6000},
        }  # fmt: skip
        trained = DOCUMENT | {"path": "oss://a/b/", "tasks": ["chat"], "options": {"A": "b"}}
        found = replies.reflected("p", "s", [of_import, of_remote, trained])["versions"]
        assert [version["options"] for version in found] == [
            {"ROLEARN": "r", "LOCATION": "oss://a/b/"},
            {"PAI_EAS_SYNC_REQUEST_TIMEOUT": "6000", "APIKEY": UNREADABLE, "TASKS": "chat"},
            {"A": "b"},
        ]

    def test_inputs(self) -> None:
        """Types as the local driver prints them."""
        fields = [
            {"fieldName": "a", "sqlTypeDefinition": "DECIMAL(10, 2)", "description": ""},
            {"fieldName": "b", "sqlTypeDefinition": "string", "description": "c"},
        ]
        [version] = replies.reflected("p", "s", [DOCUMENT | {"featureColumns": {"fields": fields}}])[
            "versions"
        ]
        assert version["inputs"] == [
            {"name": "a", "type": "decimal(10,2)", "comment": None},
            {"name": "b", "type": "string", "comment": "c"},
        ]

    @pytest.mark.parametrize("answer", ["rows", "row", "reflected"])
    @pytest.mark.parametrize(
        "change",
        [
            *({key: "missing"} for key in DOCUMENT if key not in ("modelName", "createTime", "updateTime")),
            {"versionCreateTime": "soon"},
            {"versionCreateTime": None},
            {"versionUpdateTime": []},
        ],
        ids=repr,
    )
    def test_what_is_no_document_is_malformed(self, change: dict[str, Any], answer: str) -> None:
        """A ServiceError, and no KeyError or the like."""
        document = DOCUMENT | change
        document = {key: value for key, value in document.items() if value != "missing"}
        with pytest.raises(ServiceError, match="is not as its pages have it"):
            answer_of(document, answer)

    @pytest.mark.parametrize("answer", ["rows", "reflected"])
    @pytest.mark.parametrize(
        "change",
        [
            {"createTime": None},
            {"updateTime": "soon"},
            {"options": "x"},
            {"featureColumns": {"fields": [{}]}},
            {"featureColumns": {"fields": 1}},
        ],
        ids=repr,
    )
    def test_what_a_row_of_versions_does_not_need_either(self, change: dict[str, Any], answer: str) -> None:
        """The model's times, options and inputs."""
        with pytest.raises(ServiceError, match="is not as its pages have it"):
            answer_of(DOCUMENT | change, answer)

    def test_a_time_that_no_calendar_has(self) -> None:
        """Is malformed too."""
        with pytest.raises(ServiceError, match="reading models is not as its pages have it"):
            answer_of(DOCUMENT | {"updateTime": 10**30}, "reflected")

    def test_no_document_at_all(self) -> None:
        """Of a model without versions nothing can be said."""
        with pytest.raises(ServiceError, match="reading models"):
            replies.reflected("p", "s", [])

    @pytest.mark.parametrize("base", [IMPORT, REMOTE | {"APIKEY": KEY}], ids=["import", "remote"])
    @pytest.mark.parametrize("comment", ["", "it\\'s 中 |", "a\\nb |\\n| c: d |"])
    def test_a_document_says_what_the_local_driver_says(
        self, con: Any, local: Any, base: dict[str, str], comment: str
    ) -> None:
        """The rows of DESC, but for the times; and the text says the same where it can be told."""
        sql = create(
            base, tail=f"COMMENT '{comment}'", inputs=f"INPUT (a decimal(10,2), b string COMMENT '{comment}')"
        )
        local.execute(sql)
        con.execute(sql)
        rows = [row for row in local.execute("DESC MODEL m") if "Time" not in row[1]]
        by_document = replies.described_by(
            con.service.model("demo", "default", "m"), "demo", "ALIYUN$local", show
        )
        assert rows == [row for row in by_document if "Time" not in row[1]]
        cursor = con.execute("DESC MODEL m")
        by_text = replies.described(con.service.text(cursor._instance))
        assert (by_text is None) == ("\\n" in comment)
        assert rows == [row for row in by_text or by_document if "Time" not in row[1]]
        assert KEY not in repr((by_text, by_document))


KEPT = replies.kept(PlainSecret(KEY))


class TestKeys:
    @pytest.mark.parametrize("key", [KEY, "k\ud800", "*a*"])
    def test_of_a_key_a_fingerprint_is_kept(self, key: str) -> None:
        """Equal where the key is, and readable nowhere."""
        kept = replies.kept(PlainSecret(key))
        assert isinstance(kept, Fingerprint)
        assert kept == replies.kept(PlainSecret(key))
        assert kept != replies.kept(PlainSecret(f"{key}x"))
        assert key not in f"{kept} {kept!r} {kept.digest}"
        assert kept != UNREADABLE

    @pytest.mark.parametrize("mask", ["********", "", "*", "ZjA5NGRj********TZm", "***a", "a\n***"])
    def test_a_mask_is_not_readable(self, mask: str) -> None:
        """Of all of the key or of its middle, as the pages have it."""
        assert replies.kept(PlainSecret(mask)) == UNREADABLE

    @pytest.mark.parametrize("value", ["v", EnvSecret("A"), KEPT, UNREADABLE], ids=repr)
    def test_what_is_no_plain_key_is_kept_as_it_is(self, value: Any) -> None:
        """A variable's name is no secret."""
        assert replies.kept(value) is value

    @pytest.mark.parametrize(
        ("declared", "found", "variable", "differs"),
        [
            (EnvSecret("TOKEN"), UNREADABLE, None, False),
            (EnvSecret("TOKEN"), UNREADABLE, "other", False),
            (EnvSecret("TOKEN"), KEPT, None, False),
            (EnvSecret("TOKEN"), KEPT, "", False),
            (EnvSecret("TOKEN"), KEPT, KEY, False),
            (EnvSecret("TOKEN"), KEPT, "other", True),
            (EnvSecret("TOKEN"), EnvSecret("TOKEN"), None, False),
            (EnvSecret("TOKEN"), EnvSecret("TOKEN"), "other", False),
            (EnvSecret("TOKEN"), EnvSecret("OTHER"), KEY, True),
            (EnvSecret("TOKEN"), None, KEY, True),
            (PlainSecret(KEY), UNREADABLE, None, False),
            (PlainSecret("other"), UNREADABLE, None, False),
            (PlainSecret(KEY), KEPT, None, False),
            (PlainSecret("other"), KEPT, None, True),
            (PlainSecret(KEY), EnvSecret("TOKEN"), KEY, True),
            (PlainSecret(KEY), None, None, True),
            ("a", "a", None, False),
            ("a", "b", None, True),
            ("a", None, None, True),
            (KEPT, KEPT, None, False),
        ],
        ids=repr,
    )
    def test_a_declared_key_is_compared(
        self, monkeypatch: pytest.MonkeyPatch, declared: Any, found: Any, variable: str | None, differs: bool
    ) -> None:
        """By what is known of both; what is not known is taken as the same."""
        monkeypatch.delenv("TOKEN", raising=False)
        if variable is not None:
            monkeypatch.setenv("TOKEN", variable)
        compared = replies.compared(declared, found)
        assert (compared != found) is differs
        assert KEY not in f"{compared} {compared!r}"

    def test_a_document_with_a_key_in_the_clear_shows_it_nowhere(self) -> None:
        """If the service gives it at all."""
        document = DOCUMENT | {"sourceType": "REMOTE", "options": {"apikey": KEY}}
        found = replies.reflected("p", "s", [document])
        assert found["versions"][0]["options"]["APIKEY"] == KEPT
        assert KEY not in repr((found, replies.described_by(document, "p", "me", show)))
