"""The tests of the vendor's pages, through an endpoint too: see mirror.py."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path


def test_an_endpoint_says_what_the_driver_says() -> None:
    """Of each model statement in tests/spec, the same text or the same error, to the character but for the time."""
    folder = Path(__file__).parent
    command = [sys.executable, "-m", "pytest", "-q", "-p", "mirror", "-p", "no:cacheprovider", "tests/spec"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(command, cwd=folder.parents[1], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    compared = re.search(r"^statements compared: (\d+)$", done.stdout, re.MULTILINE)
    assert compared
    assert int(compared[1]) >= 485  # as many as there are; a new test has more
