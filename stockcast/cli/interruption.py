"""Interruption: Ctrl-C ends the work, also where the exception that it raises is lost.

Python raises KeyboardInterrupt wherever it is, and where that is a finaliser or a callback nobody catches it: the work
would go on to its end. So it is remembered, and raised again when the work next tells how far it is.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


class _Memory:
    heard = False


def listen(leave: Callable[[], object]) -> None:
    """From now on remember a Ctrl-C. A process that was begun to ignore it, as a shell's background job, still does.

    Args:
        leave: Ends the process where the exception meets nobody at all.
    """

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            leave()
        sys.__excepthook__(kind, error, trace)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        sys.excepthook = uncaught
        sys.unraisablehook = _unraisable
        signal.signal(signal.SIGINT, _interrupt)


def heed() -> None:
    """Raise KeyboardInterrupt where one was heard that nobody has answered."""
    if _Memory.heard:
        raise KeyboardInterrupt


def answered() -> None:
    """The work has ended; a second Ctrl-C must not tear its last words to pieces."""
    if signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Memory.heard = False


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _Memory.heard = True
    raise KeyboardInterrupt


def _unraisable(lost: Any) -> None:
    """Python's own report of an exception that nobody can catch, but for the one that is raised again."""
    if not (_Memory.heard and issubclass(lost.exc_type, KeyboardInterrupt)):
        sys.__unraisablehook__(lost)
