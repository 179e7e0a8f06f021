"""Tokens with positions, after the vendor's public grammar.  Linear on any input.

Every repetition is possessive, and lexing stops at the first character that begins no token, so that
no stretch of the text is scanned again and again.
"""

from __future__ import annotations

import re
from functools import cached_property

#: Blanks and comments.  A hint, ``/*+ … */``, is a comment too.
TRIVIA = r"[\s\ufeff]*+(?:(?:--[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)[\s\ufeff]*+)*+"
#: A quoted string of MaxCompute, and a raw one, R"tag( … )tag" or r'( … )'.
STRING = r"""'(?:[^'\\]++|\\.)*+'|"(?:[^"\\]++|\\.)*+\""""
RAW = r"""[rR](?P<quote>["'])(?P<tag>[^()\\\s"']{0,16}+)\((?P<body>.*?)\)(?P=tag)(?P=quote)"""
RAW_OPENING = r"""[rR]["'][^()\\\s"']{0,16}+\("""
#: A word, unless it opens a raw string.
WORD = rf"(?!{RAW_OPENING})\w++"
QUOTED_NAME = r"`(?:[^`]++|``)*+`"

_PLAIN = rf"[(),;=.<>；，（）]|{STRING}|{QUOTED_NAME}|\?|:[A-Za-z_]\w*+"
#: One token; what is bad reaches to the end.  Texts alone are read, by findall, in two thirds of the time
#: that matches take.  It needs a pattern of one group, and raw strings have more: for the first pattern they
#: reach to the end too, and a text with one is read again, by the second.
_TEXT = re.compile(rf"{TRIVIA}({RAW_OPENING}.+|{WORD}|{_PLAIN}|\Z|.+)", re.DOTALL)
_TOKEN = rf"{TRIVIA}({RAW}|{WORD}|{_PLAIN}|\Z|.+)"
_RAW, _RAW_OPENING = re.compile(RAW, re.DOTALL), re.compile(RAW_OPENING)
_GOOD = re.compile(rf"\w*+|{_PLAIN}|{RAW}", re.DOTALL)
_KINDS = dict.fromkeys("'\"", "string") | dict.fromkeys("(),;=.<>", "mark") | {"`": "quoted", "": "end"}
_KINDS |= dict.fromkeys("?:", "parameter")
_WORD = re.compile(r"\w++")
#: The words that open a model statement, before MODEL or what stands for it.
MODEL_VERBS = "CREATE|ALTER|DROP|DESC|DESCRIBE|SHOW"
#: The vendor's common reserved words that could be names: printed in backquotes, never a secret.
RESERVED = frozenset(
    "add all alter and as asc between bigint boolean by case cast column comment create desc"
    " distinct distribute double drop else false from full group if in insert into is join left"
    " lifecycle like limit mapjoin not null on or order outer overwrite partition rename replace"
    " right rlike select sort string table then touch true union view when where".split()
)
_FULL_WIDTH = {"；": ";", "，": ",", "（": "(", "）": ")"}

_ESCAPE = re.compile(r"\\(?:((?!000)[01][0-7]{2})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a"}
_TO_ESCAPE = re.compile(r"[\\'\x01-\x1f\x7f]|\0(?=[0-9])|\0")
_ESCAPES = {v: f"\\{k}" for k, v in _ESCAPED.items()} | {"\\": "\\\\", "'": "\\'"}


class Tokens:
    """The tokens of a text from an offset on.

    ``texts`` are as written, marks in their half-width form, and at last one or two that are empty: the end.
    At ``bad``, if any, a character begins no token, and this one has all that follows it.
    """

    def __init__(self, source: str, start: int = 0) -> None:
        self.source = source
        self.offset = start
        self.texts: list[str] = _TEXT.findall(source, start)
        last = self._last()
        if _RAW_OPENING.match(self.texts[last]):
            self.texts = [match[1] for match in self._matches]
            last = self._last()
        self.bad = -1 if _GOOD.fullmatch(self.texts[last]) else last
        if not source.isascii():
            self.texts = [_FULL_WIDTH.get(text, text) for text in self.texts]

    @cached_property
    def _matches(self) -> list[re.Match[str]]:
        """For places, and where there are raw strings."""
        return list(re.compile(_TOKEN, re.DOTALL).finditer(self.source, self.offset))

    def _last(self) -> int:
        """The last token before the end, or the first end."""
        last = len(self.texts) - 1
        while last and not self.texts[last]:
            last -= 1
        return last

    def __len__(self) -> int:
        return len(self.texts)

    def kind(self, index: int) -> str:
        """raw, word, string, quoted, parameter, mark, bad or end."""
        text = self.texts[index]
        if index == self.bad:
            return "bad"
        return _KINDS.get(text[:1]) or ("word" if is_word(text) else "raw")

    def start(self, index: int) -> int:
        """The token's offset; of the end, that of the last token's end."""
        if index and not self.texts[index]:
            return self.end(index - 1)
        return self._matches[index].start(1)

    def end(self, index: int) -> int:
        return self.start(index) + len(self.texts[index])

    def mark(self, index: int) -> str:
        """A mark in its half-width form; nothing for another token or outside of the list."""
        inside = 0 <= index < len(self.texts) and self.kind(index) == "mark"
        return self.texts[index] if inside else ""

    def keyword(self, index: int) -> str:
        """A bare word in upper case; nothing for another token.  Only ASCII letters fold."""
        text = self.texts[index]
        return text.upper() if text.isascii() and is_word(text) else ""

    def value(self, index: int) -> str:
        """What a string, a raw string or a backquoted name says."""
        text = self.texts[index]
        if text[0] in "rR":
            return _RAW.match(text)["body"]  # type: ignore[index]
        inner = text[1:-1]
        if text[0] == "`":
            return inner.replace("``", "`")
        return _ESCAPE.sub(_unescape, inner) if "\\" in inner else inner


def is_word(text: str) -> bool:
    """Whether a token is a word.  An identifier of ASCII is one, and most are."""
    return (text.isascii() and text.isidentifier()) or _WORD.fullmatch(text) is not None


def _unescape(match: re.Match[str]) -> str:
    octal, character = match.groups()
    return chr(int(octal, 8)) if octal else _ESCAPED.get(character, character)


def quote(value: str) -> str:
    """A string literal.  ASCII's control characters are escaped: tools that pass SQL on change them, and a
    terminal obeys them."""
    return f"'{_TO_ESCAPE.sub(_escape, value)}'"


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character == "\0" and match.string[match.end() : match.end() + 1].isdecimal():
        return r"\0' '"  # adjacent strings join; \012 would be an octal escape
    return _ESCAPES.get(character) or f"\\{ord(character):03o}"
