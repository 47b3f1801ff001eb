"""The command line in a process that is cheap, and may be killed at a storage event: a script, run by a path.

TORTURE_KILL=N kills the process just before its Nth storage event; TORTURE_COUNT=FILE writes how many there were.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stockcast.cli.app import main
from tests.synthetic import only_baselines

EVENTS = (
    "open", "write", "fsync", "close", "replace", "rename", "unlink", "remove", "rmdir", "mkdir", "chmod", "fchmod",
    "ftruncate", "utime",
)  # fmt: skip
"""Functions of os by which a process changes what is stored; with them the statements of SQLite."""

_happened = 0


def _event() -> None:
    global _happened  # noqa: PLW0603 - one process, one count
    _happened += 1
    if str(_happened) == os.environ.get("TORTURE_KILL"):
        os.kill(os.getpid(), signal.SIGKILL)


def _counted(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*values: Any, **named: Any) -> Any:
        _event()
        return function(*values, **named)

    return called


class _Counted(sqlite3.Connection):
    def execute(self, *values: Any) -> sqlite3.Cursor:
        _event()
        return super().execute(*values)

    def executemany(self, *values: Any) -> sqlite3.Cursor:
        _event()
        return super().executemany(*values)


def _watch() -> None:
    for name in EVENTS:
        setattr(os, name, _counted(getattr(os, name)))
    connect = sqlite3.connect
    sqlite3.connect = lambda *values, **named: connect(*values, **named, factory=_Counted)


if __name__ == "__main__":
    if {"TORTURE_KILL", "TORTURE_COUNT"} & os.environ.keys():
        _watch()
    try:
        with only_baselines("random-walk", "har-t"):
            main()
    finally:
        if "TORTURE_COUNT" in os.environ:
            Path(os.environ["TORTURE_COUNT"]).write_text(str(_happened))
