"""Places in a text for errors: line, column, and the line underlined with every secret out of it.

A statement that does not parse may hold a key anywhere, so a line is shown by what is known to be
harmless: marks, keywords, option keys, types, reserved words, and what was read as a name.  String
literals are '…', comments are left out, other words are ….
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from unicodedata import east_asian_width

from ..errors import Place
from ..model import COMPLEX_TYPES, SCALAR_TYPES
from ..options import OPTION_KEYS
from .lexer import RESERVED, Tokens

KEYWORDS = frozenset(
    "CREATE ALTER DROP SHOW DESC DESCRIBE SET MODEL MODELS VERSION VERSIONS FOR IF NOT EXISTS WITH"
    " ADD DEFAULT_VERSION INPUT OPTIONS COMMENT".split()
)
STRINGS = ("string", "raw")
HIDDEN = "…"
_KNOWN = KEYWORDS | OPTION_KEYS | {word.upper() for word in SCALAR_TYPES | COMPLEX_TYPES | RESERVED}
_LENGTH = 5000  # characters shown of a masked text
_ROOM = 50  # characters shown on each side of the place


def place_of(tokens: Tokens, index: int, names: Container[int] = ()) -> Place:
    """The place of a token; ``names`` are the tokens that were read as names."""
    start = tokens.start(index)
    column = start - tokens.source.rfind("\n", 0, start)
    return Place(tokens.source.count("\n", 0, start) + 1, column, _excerpt(tokens, index, names))


def masked(text: str) -> str:
    """The beginning of a text that may hold a key anywhere, on one line: the first word if more follow, and
    of the others what is known to be harmless."""
    tokens = Tokens(text[:_LENGTH])
    names = range(len(tokens) > 2)
    shown = [_shown(tokens, i, names) for i in range(len(tokens) - 1)]
    return _printable(" ".join(shown)) + (f" {HIDDEN}" if len(text) > _LENGTH else "")


def describe(tokens: Tokens, index: int, names: Container[int]) -> str:
    """A token in human words, as far as it may be printed."""
    kind = tokens.kind(index)
    if kind == "end":
        return "the end of the text"
    if kind in STRINGS:
        return "a string"
    text = _shown(tokens, index, names)
    if kind == "parameter":
        return f"the parameter {text}"
    return "a word" if text == HIDDEN else _printable(text[:60])


def nearest(word: str, keywords: Sequence[str], cutoff: float = 0.6) -> str:
    """The keyword that a word may have been meant for, or nothing."""
    from difflib import get_close_matches  # not on the way of a statement that parses

    near = get_close_matches(word[:40].upper(), keywords, 1, cutoff)
    return near[0] if near else ""


def _shown(tokens: Tokens, index: int, names: Container[int]) -> str:
    """What may be printed of a token."""
    kind, text = tokens.kind(index), tokens.texts[index]
    if kind in STRINGS:
        return f"'{HIDDEN}'"
    if kind == "bad":
        return text[0] + HIDDEN
    if kind in ("mark", "end") or text == "?" or index in names or tokens.keyword(index) in _KNOWN:
        return text
    return text[0] + HIDDEN if kind == "parameter" else HIDDEN


def _excerpt(tokens: Tokens, index: int, names: Container[int]) -> str:
    """The token's line, and carets below the token."""
    here = _shown(tokens, index, names)
    before, after = "", ""
    for i in range(index, 0, -1):
        gap, same_line = _gap(tokens, i, -1)
        before = gap + before
        if not same_line or len(before) > _ROOM:
            break
        before = _shown(tokens, i - 1, names) + before
    for i in range(index + 1, len(tokens)):
        gap, same_line = _gap(tokens, i, 0)
        if not same_line or len(after) > _ROOM or "\n" in tokens.texts[i - 1]:
            break
        after += gap + _shown(tokens, i, names)
    before = before if len(before) <= _ROOM else HIDDEN + before[-_ROOM:]
    here, after = (t if len(t) <= _ROOM else t[:_ROOM] + HIDDEN for t in (here, after))
    carets = " " * _columns(before) + "^" * max(1, _columns(here))
    return _printable(f"  {before}{here}{after}".rstrip()) + f"\n  {carets}"


def _gap(tokens: Tokens, index: int, side: int) -> tuple[str, bool]:
    """What to show before a token, of the first or last line, and whether it follows on one line."""
    between = tokens.source[tokens.end(index - 1) : tokens.start(index)]
    lines = between.replace("\r", "\n").split("\n")
    blank = lines[side].replace("\t", " ")
    return (" " if blank.strip() else blank), len(lines) == 1


def _printable(text: str) -> str:
    """Without what no terminal prints, or no encoding encodes."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _columns(text: str) -> int:
    """The width on a terminal, where East Asian characters take two columns."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
