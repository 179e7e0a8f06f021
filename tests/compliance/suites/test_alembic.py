from alembic.testing.suite import *  # noqa: F403
