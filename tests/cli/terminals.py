"""A command on a terminal of its own: what it shows, and answers to it."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from fcntl import ioctl
from signal import SIG_DFL, SIGINT, signal
from struct import pack
from tempfile import TemporaryDirectory, TemporaryFile
from termios import TIOCSCTTY, TIOCSWINSZ
from typing import Self

COMMAND = [sys.executable, "-c", "from sqlalchemy_odpsmodel.cli import main; main()"]
_SECONDS = 20


class Terminal:
    """A terminal of 120 ``columns``; standard output may be ``piped`` elsewhere."""

    def __init__(
        self,
        *arguments: object,
        environment: Mapping[str, str] | None = None,
        piped: bool = False,
        columns: int = 120,
    ) -> None:
        self.screen, self._expected = "", 0
        self._state = TemporaryDirectory()
        self._output = TemporaryFile()  # noqa: SIM115  __exit__ closes it
        self._master, slave = pty.openpty()
        ioctl(slave, TIOCSWINSZ, pack("HHHH", 40, columns, 0, 0))
        without = {
            name: value
            for name, value in os.environ.items()
            if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
        }
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdin=slave,
            stdout=self._output if piped else slave,
            stderr=slave,
            env={
                **without,
                "TERM": "xterm-256color",
                "PROMPT_TOOLKIT_NO_CPR": "1",
                "XDG_STATE_HOME": self._state.name,
                **(environment or {}),
            },
            start_new_session=True,
            preexec_fn=_take_terminal,  # whose Ctrl-C is then its signal
        )
        os.close(slave)

    def expect(self, text: str) -> None:
        """Wait for a text, without escape sequences, behind those that were expected before."""
        until = time.monotonic() + _SECONDS
        while (found := plain(self.screen).find(text, self._expected)) < 0:
            assert time.monotonic() < until, f"{text!r} is not in {plain(self.screen)[self._expected :]!r}"
            assert self._read(), f"it ended without {text!r}: {plain(self.screen)[self._expected :]!r}"
        self._expected = found + len(text)

    def send(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def end(self) -> str:
        """Wait for its end; all that it showed."""
        until = time.monotonic() + _SECONDS
        while self._read():
            assert time.monotonic() < until, f"it goes on: {plain(self.screen)[-500:]!r}"
        self.process.wait(_SECONDS)
        return self.screen

    @property
    def piped(self) -> str:
        """What it wrote elsewhere."""
        self._output.seek(0)
        return self._output.read().decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.process.kill()
        self.process.wait()
        self._output.close()
        self._state.cleanup()
        os.close(self._master)

    def _read(self) -> bool:
        """More of what it shows; False at its end."""
        readable, _, _ = select.select([self._master], [], [], 0.1)
        if not readable:
            return self.process.poll() is None
        try:
            data = os.read(self._master, 65536)
        except OSError:  # as Linux tells the end of a terminal
            return False
        self.screen += data.decode(errors="replace")
        return bool(data)


def _take_terminal() -> None:
    """Also where what runs the tests ignores Ctrl-C."""
    signal(SIGINT, SIG_DFL)
    ioctl(0, TIOCSCTTY, 0)


def plain(text: str) -> str:
    """Without escape sequences."""
    return re.sub(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>])", "", text)


def colours(text: str) -> Sequence[str]:
    """The sequences that set colours."""
    return [
        found
        for found in re.findall(r"\x1b\[([0-9;]*)m", text)
        if re.search(r"\b[349][0-7]\b|38;|48;", found)
    ]
