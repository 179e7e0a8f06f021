"""A child process, to see what it makes of what it was born with."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable


def in_a_fork(function: Callable[[], None]) -> int | None:
    """Call a function in a forked child: the child's exit code, None where it takes too long."""
    process = multiprocessing.get_context("fork").Process(target=function)
    process.start()
    process.join(30)
    exit_code = process.exitcode
    if exit_code is None:
        process.kill()
        process.join()
    return exit_code
