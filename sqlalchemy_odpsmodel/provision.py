"""For SQLAlchemy's test plugin, which imports ``provision`` of a dialect's package: SQLite's hooks, for URLs
of odpsmodel too.  Nothing else imports it."""

from __future__ import annotations

import sqlalchemy.dialects.sqlite.provision  # noqa: F401  (registers SQLite's hooks)
from sqlalchemy.testing import provision

#: SQLite's hooks of these names make URLs of its own name; the general ones are right here.
_OF_ITS_NAME = ("generate_driver_url", "follower_url_from_main")

for _name, _hook in vars(provision).items():
    if isinstance(_hook, provision.register) and "sqlite" in _hook.fns and _name not in _OF_ITS_NAME:
        _hook.for_db("odpsmodel")(_hook.fns["sqlite"])
