"""Progress: whoever watches long work."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Whoever watches long work: the command line draws a bar, a script may ignore it."""

    def stage(self, name: str, total: int, targets: int = 0) -> None:
        """A piece of work of `total` units begins; `targets`: forecasts that each of them learns from, if any."""
        ...

    def advance(self, units: int, loss: float | None = None) -> None:
        """`units` more are done; `loss` is the newest training loss where there is one."""
        ...

    def note(self, message: str, detail: bool = False) -> None:
        """A line of the log; `detail` for the curious only."""
        ...


class Silent:
    """Progress that nobody watches."""

    def stage(self, name: str, total: int, targets: int = 0) -> None:
        """Ignore."""

    def advance(self, units: int, loss: float | None = None) -> None:
        """Ignore."""

    def note(self, message: str, detail: bool = False) -> None:
        """Ignore."""
