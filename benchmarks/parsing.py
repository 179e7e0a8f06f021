"""Reading statements and scripts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

from sqlalchemy_odpsmodel.errors import Error
from sqlalchemy_odpsmodel.sql import parse
from sqlalchemy_odpsmodel.sql.script import split

from .contest import Contest, Contestant, at_most, times
from .samples import PAGE
from .sizes import Sizes

#: What a parser is measured by: the tokens of SQL by one pattern, and nothing done with them.
TOKEN = re.compile(
    r"""\s*+(?:(?:--[^\n]*+|/\*.*?\*/)\s*+)*+
    (?:(?P<word>\w++)|(?P<string>'(?:[^'\\]++|\\.)*+'|"(?:[^"\\]++|\\.)*+")|(?P<quoted>`[^`]*+`)
    |(?P<mark>[(),;=.<>])|(?P<parameter>[?:]\w*+))""",
    re.VERBOSE | re.DOTALL,
)
#: What makes a parser slow that scans a stretch of the text again and again.
HOSTILE: dict[str, Callable[[int], str]] = {
    "an unclosed string": lambda n: "DROP MODEL m '" + r"\'" * (n // 2),
    "unclosed comments": lambda n: "DROP MODEL m " + "/* " * (n // 3),
    "an unclosed raw string": lambda n: "DROP MODEL m r'tag(" + ")ta' " * (n // 5),
    "raw strings": lambda n: "DROP MODEL m " + "r'(x)' " * (n // 7),
    "adjacent strings": lambda n: "DROP MODEL m " + "'x'" * (n // 3),
    "semicolons": lambda n: "DROP MODEL m" + ";" * n + "m",
    "nested openings": lambda n: "CREATE MODEL m WITH VERSION v1 INPUT " + "(" * n,
}
_TIMES = 300


def _parse(text: str) -> None:
    for piece in split(text):
        with suppress(Error):
            parse(piece.text)


def _script(text: str) -> None:
    for piece in split(text):
        parse(piece.text)


def contests(folder: Path, sizes: Sizes) -> Iterator[Contest]:
    yield Contest(
        "parse of the page's CREATE MODEL",
        [
            Contestant(
                "tokens by one regular expression",
                lambda: lambda: [list(TOKEN.finditer(PAGE)) for _ in range(_TIMES)],
                times=_TIMES,
            ),
            Contestant(
                "parse",
                lambda: lambda: [parse(PAGE) for _ in range(_TIMES)],
                (times(3, "tokens by one regular expression"),),
                _TIMES,
            ),
        ],
    )
    half = f"{PAGE}\n" * (sizes.script_bytes // 2 // (len(PAGE) + 1))
    script = half * 2
    yield Contest(
        f"split and parse of {sizes.script_bytes / 1e6:g} MB of statements",
        [
            Contestant("half of it", lambda: lambda: _script(half)),
            Contestant(
                "all of it",
                lambda: lambda: _script(script),
                (at_most(sizes.script_bytes / 6e6), times(2.2, "half of it")),
            ),
        ],
        rounds=5,
    )
    for kind, made in HOSTILE.items():
        bytes_ = [sizes.script_bytes // n for n in (40, 20, 10)]
        contestants = [Contestant(f"{n:,} characters", partial(partial, _parse, made(n))) for n in bytes_]
        for smaller, larger in pairwise(contestants):
            larger.targets = (times(2.2, smaller.name),)
        yield Contest(f"hostile: {kind}", contestants, rounds=5)
