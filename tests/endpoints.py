"""The command ``odpsmodel serve`` as a process."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def started(
    db: Path | str, *arguments: str, log: Path | None = None
) -> Iterator[tuple[str, Path, subprocess.Popen[bytes]]]:
    """``odpsmodel serve`` at a free port: its URL, the file of its standard error, and itself."""
    log = log or Path(db).with_suffix(".log")
    main = "from sqlalchemy_odpsmodel.cli import main; main()"
    command = [sys.executable, "-c", main, "serve", str(db), "--port", "0", *arguments]
    with log.open("wb") as stream, subprocess.Popen(command, stderr=stream) as running:
        try:
            while (url := re.search(r"http://\S+/api", log.read_text())) is None:
                assert running.poll() is None, log.read_text()
                time.sleep(0.02)
            yield url[0], log, running
        finally:
            running.terminate()
            running.wait(30)


@contextmanager
def process(db: Path | str, *arguments: str, log: Path | None = None) -> Iterator[tuple[str, Path]]:
    """As :func:`started`, of which only the URL and the log matter."""
    with started(db, *arguments, log=log) as (url, written, _):
        yield url, written
