"""Watching work on many tickers: one bar, or a few lines, for all of them, and each ticker's own notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stockcast.cli.console import Console
from stockcast.cli.progress import Notes, watch

if TYPE_CHECKING:
    from types import TracebackType

Sink = Callable[[str], None]


class TickerNotes(Notes):
    """Tells a ticker's notes, each of them once, on stderr and into a log where there is one."""

    def __init__(self, console: Console, label: str, log: Sink | None = None) -> None:
        super().__init__(console, label)
        self._log = log

    def note(self, message: str, detail: bool = False) -> None:
        """A line on stderr; the log file keeps the details too."""
        fresh = message not in self._told
        super().note(message, detail)
        if fresh and self._log is not None:
            self._log(message if message.startswith(f"{self.label}: ") else f"{self.label}: {message}")


class Counter:
    """Counts the tickers that are done."""

    def __init__(self, console: Console, what: str, total: int, log: Sink | None = None) -> None:
        self._console = console
        self._log = log
        self._total = total
        self._done = 0
        self._watch = watch(console, what, bar=total > 1)

    def __enter__(self) -> Counter:
        self._watch.stage("tickers" if self._total != 1 else "ticker", self._total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.close(finished=self._done == self._total)

    def watching(self, ticker: str) -> TickerNotes:
        """Who watches one ticker."""
        return TickerNotes(self._console, ticker, self._log)

    @contextmanager
    def one(self) -> Iterator[None]:
        """One ticker's work; it counts when it is over, well or not, but not when it was broken off."""
        try:
            yield
        except Exception:
            self._count()
            raise
        self._count()

    def _count(self) -> None:
        self._done += 1
        self._watch.advance(1)
