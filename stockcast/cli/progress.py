"""The watchers of long work: a bar on a terminal, a few lines elsewhere, notes alone for short work."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from stockcast.cli.console import Console

LINES_PER_STAGE = 10


class Notes:
    """Tells notes and ignores stages."""

    def __init__(self, console: Console, label: str) -> None:
        self.console = console
        self.label = label
        self.told: set[str] = set()

    def __enter__(self) -> Notes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""

    def stage(self, name: str, total: int) -> None:
        """Ignore."""

    def advance(self, units: int, loss: float | None = None) -> None:
        """Ignore."""

    def note(self, message: str, detail: bool = False) -> None:
        """A line of the story, once."""
        if message not in self.told:
            self.told.add(message)
            self.console.say(f"{self.label}: {message}", detail)
