"""Tokens with positions, after the vendor's public grammar.  Linear on any input.

Every repetition is possessive, and lexing stops at the first character that begins no token, so that
no stretch of the text is scanned again and again.
"""

from __future__ import annotations

import re

#: Blanks and comments.  A hint, ``/*+ … */``, is a comment too.
TRIVIA = r"(?:[\s\ufeff]++|--[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+"
#: A quoted string of MaxCompute, and a raw one, R"tag( … )tag" or r'( … )'.
STRING = r"""'(?:[^'\\]++|\\.)*+'|"(?:[^"\\]++|\\.)*+\""""
RAW = r"""[rR](?P<quote>["'])(?P<tag>[^()\\\s"']{0,16}+)\((?P<body>.*?)\)(?P=tag)(?P=quote)"""
RAW_OPENING = r"""[rR]["'][^()\\\s"']{0,16}+\("""
#: A word, unless it opens a raw string.
WORD = rf"(?!{RAW_OPENING})\w++"
QUOTED_NAME = r"`(?:[^`]++|``)*+`"

_TOKEN = re.compile(
    rf"""{TRIVIA}(?:
        (?P<raw>{RAW})
      | (?P<word>{WORD})
      | (?P<string>{STRING})
      | (?P<quoted>{QUOTED_NAME})
      | (?P<parameter>\?|:[A-Za-z_]\w*+)
      | (?P<mark>[(),;=.<>；，（）])
      | (?P<end>\Z)
      | (?P<bad>.).*+
    )""",
    re.VERBOSE | re.DOTALL,
)
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
_TO_ESCAPE = re.compile(r"[\\'\n\t\r\x08\x1a]|\0(?=[0-9])|\0")
_ESCAPES = {v: f"\\{k}" for k, v in _ESCAPED.items()} | {"\\": "\\\\", "'": "\\'"}


class Tokens:
    """The tokens of a text from an offset on, as parallel lists.

    ``kinds`` are raw, word, string, quoted, parameter, mark, bad and at last end; a bad character
    swallows what follows it.  ``texts`` are as written, marks in their half-width form.
    """

    def __init__(self, source: str, start: int = 0) -> None:
        self.source = source
        self.matches = list(_TOKEN.finditer(source, start))
        self.kinds: list[str] = [m.lastgroup for m in self.matches]  # type: ignore[misc]
        self.texts: list[str] = [m[m.lastgroup] for m in self.matches]  # type: ignore[index]
        if not source.isascii():
            self.texts = [_FULL_WIDTH.get(text, text) for text in self.texts]

    def __len__(self) -> int:
        return len(self.kinds)

    def start(self, index: int) -> int:
        """The token's offset; of the end, that of the last token's end."""
        if self.kinds[index] == "end" and index:
            return self.end(index - 1)
        return self.matches[index].start(self.kinds[index])

    def end(self, index: int) -> int:
        return self.start(index) + len(self.texts[index])

    def mark(self, index: int) -> str:
        """A mark in its half-width form; nothing for another token or outside of the list."""
        inside = 0 <= index < len(self.kinds) and self.kinds[index] == "mark"
        return self.texts[index] if inside else ""

    def keyword(self, index: int) -> str:
        """A bare word in upper case; nothing for another token.  Only ASCII letters fold."""
        text = self.texts[index]
        return text.upper() if self.kinds[index] == "word" and text.isascii() else ""

    def value(self, index: int) -> str:
        """What a string, a raw string or a backquoted name says."""
        text, kind = self.texts[index], self.kinds[index]
        if kind == "raw":
            return self.matches[index]["body"]
        inner = text[1:-1]
        if kind == "quoted":
            return inner.replace("``", "`")
        return _ESCAPE.sub(_unescape, inner) if "\\" in inner else inner


def _unescape(match: re.Match[str]) -> str:
    octal, character = match.groups()
    return chr(int(octal, 8)) if octal else _ESCAPED.get(character, character)


def quote(value: str) -> str:
    """A string literal.  TAB and the like are escaped, as tools that pass SQL on change them."""
    return f"'{_TO_ESCAPE.sub(_escape, value)}'"


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character == "\0" and match.string[match.end() : match.end() + 1].isdecimal():
        return r"\0' '"  # adjacent strings join; \012 would be an octal escape
    return _ESCAPES[character]
