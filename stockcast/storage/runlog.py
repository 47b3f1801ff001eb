"""The log of unattended runs: a line an event, in files that are replaced when they are full."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from stockcast.config.clock import now
from stockcast.results.printable import printable
from stockcast.storage.files import open_private, private_folder

NAME = "run.log"
LARGEST = 1_000_000  # bytes of one file
BACKUPS = 5  # files kept besides the newest: run.log.1 is the youngest of them


class RunLog:
    """Writes lines 'ISO time LEVEL message' to run.log in `folder`, which is created.

    folder: HOME/logs. warn: told once, in one line, where the log cannot be written; a run goes on without its log.
    `problem` has the reason. `say` has the form of a console's, so that a line can go to both. No logger of
    `logging` is touched, and after `close` no handler is left.
    """

    def __init__(self, folder: Path, warn: Callable[[str], None] | None = None) -> None:
        self.path = folder / NAME
        self.problem: str | None = None
        self._warn = warn
        self._handler: _Handler | None = None

    def __enter__(self) -> RunLog:
        try:
            private_folder(self.path.parent)
            self._handler = _Handler(self.path, self._failed)
        except (OSError, ValueError) as error:
            self._failed(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. What is said later is lost."""
        handler, self._handler = self._handler, None
        if handler is not None:
            with suppress(OSError, ValueError):
                handler.close()

    def say(self, line: str, detail: bool = False) -> None:
        """One line of the log; `detail` marks what is for the curious only."""
        self._write(logging.DEBUG if detail else logging.INFO, line)

    def info(self, line: str) -> None:
        """One line of the log."""
        self._write(logging.INFO, line)

    def warning(self, line: str) -> None:
        """What a reader should know although the run goes on."""
        self._write(logging.WARNING, line)

    def error(self, line: str) -> None:
        """What could not be done."""
        self._write(logging.ERROR, line)

    def _write(self, level: int, line: str) -> None:
        if self._handler is not None:
            message = f"{now():%Y-%m-%dT%H:%M:%SZ} {logging.getLevelName(level)} {_one_line(line)}"
            self._handler.handle(logging.makeLogRecord({"levelno": level, "msg": message}))

    def _failed(self, error: BaseException) -> None:
        """Give the log up, and say so once."""
        self.close()
        if self.problem is None:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
            self.problem = f"the log {self.path} cannot be written: {reason}"
            if self._warn is not None:
                self._warn(self.problem)


class _Handler(RotatingFileHandler):
    """Opens its file with the first record, and hands an error to its owner instead of printing a traceback."""

    def __init__(self, path: Path, failed: Callable[[BaseException], None]) -> None:
        super().__init__(
            path, maxBytes=LARGEST, backupCount=BACKUPS, encoding="utf-8", delay=True, errors="backslashreplace"
        )
        self._failed = failed

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding=self.encoding, errors=self.errors, opener=open_private)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - logging's name and signature
        import sys

        self._failed(sys.exc_info()[1] or OSError("unknown reason"))


def _one_line(text: str) -> str:
    """The text without line breaks and control characters: a line of the log is an event."""
    return printable(" ".join(text.split()))
