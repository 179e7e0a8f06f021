"""Whose statement it is, told by its opening words: the one look at every statement."""

from __future__ import annotations

import re

from .lexer import MODEL_VERBS, TRIVIA

#: ``model`` and ``set`` are ours.  Before ``begins``, and a ``cte`` that writes, sqlite3 opens no
#: transaction by itself.  ``begin`` takes transactions in hand.  Nothing else needs a look.
match_opening = re.compile(
    rf"""{TRIVIA}(?:
        (?P<model>(?ai:{MODEL_VERBS}){TRIVIA}(?:(?ai:OR){TRIVIA}(?ai:REPLACE){TRIVIA})?
            (?ai:MODELS?)\b|(?ai:SHOW){TRIVIA}(?ai:VERSIONS?)\b)
      | (?P<set>(?ai:SET)\b)
      | (?P<begins>(?ai:CREATE|ALTER|DROP|REINDEX|ANALYZE|SAVEPOINT)\b)
      | (?P<cte>(?ai:WITH)\b)
      | (?P<begin>(?ai:BEGIN)\b)
    )""",
    re.VERBOSE | re.DOTALL,
).match
