"""The watchers of long work: a bar on a terminal, a few lines elsewhere, notes alone for short work.

Work on many tickers has one bar, or a few lines, for all of them, and each ticker's own notes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from stockcast.cli.console import STORY, Console, is_terminal
from stockcast.cli.interruption import heed
from stockcast.text import printable

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")

Sink = Callable[[str], None]

PARTS = 10  # a stage is reported in at most this many lines, besides its first
SHORT = 20  # units: a stage with fewer of them is reported at its begin and its end alone


def rate(per_second: float) -> str:
    """Targets per second, in three digits."""
    return f"{float(f'{per_second:.3g}'):,.0f} targets/s"


class Notes:
    """Tells notes, each of them once, and ignores stages."""

    def __init__(self, console: Console, label: str) -> None:
        self.console = console
        self.label = label
        self._said: set[str] = set()

    def __enter__(self) -> Notes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(finished=error is None)

    def close(self, finished: bool) -> None:
        """The work is over; `finished` says whether it came to its end."""

    def stage(self, name: str, total: int, targets: int = 0) -> None:
        """Ignore."""

    def advance(self, units: int, loss: float | None = None) -> None:  # noqa: ARG002 - nothing is shown of it
        """Ignore, but for a Ctrl-C that was lost."""
        heed()

    def note(self, message: str, detail: bool = False) -> None:
        """A line of the log, named after the label unless it is already; `detail` for the curious only."""
        if message not in self._said:
            self._said.add(message)
            named = message if message.startswith(f"{self.label}: ") else f"{self.label}: {message}"
            self.console.say(named, detail)


class Lines(Notes):
    """A line when a stage begins, about one per tenth of it, and one when it is done: for log files and cron."""

    def __init__(self, console: Console, label: str) -> None:
        super().__init__(console, label)
        self._name = ""
        self._total = 0
        self._done = 0
        self._loss: float | None = None
        self._targets = 0
        self._begun = 0.0

    def stage(self, name: str, total: int, targets: int = 0) -> None:
        """End the stage before, begin this one."""
        self._end()
        self._name, self._total, self._done, self._loss = name, total, 0, None
        self._targets, self._begun = targets, time.monotonic()
        self.console.say(f"{self.label}: {name} ...")

    def advance(self, units: int, loss: float | None = None) -> None:
        """Tell a line where a tenth of the stage is passed, and one at its end."""
        heed()
        if not self._name:
            return
        before = self._part()
        self._done += units
        self._loss = self._loss if loss is None else loss
        if self._done >= self._total:
            self._end()
        elif self._part() > before:
            self.console.say(f"{self.label}: {self._name} {100 * self._done // self._total} %{self._loss_words()}")

    def close(self, finished: bool) -> None:
        """End the last stage; one that was broken off is not called done."""
        if finished:
            self._end()

    def _part(self) -> int:
        return PARTS * self._done // self._total if self._total >= SHORT else 0

    def _end(self) -> None:
        if self._name:
            self.console.say(f"{self.label}: {self._name} done{self._loss_words()}{self._rate_words()}")
        self._name = ""

    def _loss_words(self) -> str:
        return "" if self._loss is None else f", loss {self._loss:.4f}"

    def _rate_words(self) -> str:
        seconds = time.monotonic() - self._begun
        return f", {rate(self._done * self._targets / seconds)}" if self._targets and seconds > 0 else ""


class Bar(Notes):
    """A Rich progress bar on stderr: the stage, how much is done, the newest loss, targets a second, the time left."""

    def __init__(self, console: Console, label: str) -> None:
        super().__init__(console, label)
        self._progress: Any = None
        self._task: Any = None

    def stage(self, name: str, total: int, targets: int = 0) -> None:
        """Replace the bar by one for this stage."""
        progress = self._opened()
        if self._task is not None:
            progress.remove_task(self._task)
        self._task = progress.add_task(
            printable(f"{self.label}: {name}"), total=max(total, 1), loss="", rate="", targets=targets
        )

    def advance(self, units: int, loss: float | None = None) -> None:
        """Move the bar."""
        heed()
        if self._task is None:
            return
        fields = {} if loss is None else {"loss": f"loss {loss:.4f}"}
        self._progress.update(self._task, advance=units, **fields)
        task = self._progress.tasks[0]
        if task.speed is not None and task.fields["targets"]:
            self._progress.update(self._task, rate=rate(task.speed * task.fields["targets"]))

    def close(self, finished: bool) -> None:  # noqa: ARG002 - a bar that was broken off is cleared too
        """Clear the bar: the answer is about to be printed."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = self._task = None

    def _opened(self) -> Any:
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

            # Rich takes stderr over while the bar lives, so that notes are written above it.
            self._progress = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[loss]}", markup=False),
                TextColumn("{task.fields[rate]}", markup=False),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
            )
            self._progress.start()
        return self._progress


def watch(console: Console, label: str, bar: bool = True) -> Notes:
    """Whoever watches the work on `label`: a bar where stderr is a terminal, lines elsewhere, nobody if quiet.

    bar: False where work is too short to be worth one; its notes are logged all the same.
    """
    if console.level > STORY or not bar:
        return Notes(console, label)
    return Bar(console, label) if is_terminal(sys.stderr) else Lines(console, label)


class TickerNotes(Notes):
    """Tells a ticker's notes, each of them once, on stderr and into a log where there is one."""

    def __init__(self, console: Console, label: str, log: Sink | None = None) -> None:
        super().__init__(console, label)
        self._log = log

    def note(self, message: str, detail: bool = False) -> None:
        """A line on stderr; the log file keeps the details too."""
        fresh = message not in self._said
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

    def counted(self, work: Callable[[str], T]) -> Callable[[str], T]:
        """The work on one ticker; it counts when it is over, well or not, but not when it was broken off."""

        def one(ticker: str) -> T:
            try:
                result = work(ticker)
            except Exception:
                self._count()
                raise
            self._count()
            return result

        return one

    def told(self, place: int, share: float) -> None:
        """A piece of the work on a ticker is done, which counts when all of it is."""

    def over(self, place: int) -> None:  # noqa: ARG002 - tickers are counted, whichever they are
        """A ticker is done, well or not."""
        self._count()

    def _count(self) -> None:
        self._done += 1
        self._watch.advance(1)


class Shares:
    """One display for the pieces of many sources: how much of all of them is done, and the time left."""

    UNITS: ClassVar[int] = 1000

    def __init__(self, console: Console, what: str, labels: Sequence[str], jobs: int) -> None:
        self._watch = watch(console, what)
        self._done = [0.0] * len(labels)
        self._shown = 0
        sources = labels[0] if len(labels) == 1 else f"{len(labels)} sources"
        self._name = f"{sources}, {jobs} jobs"

    def __enter__(self) -> Shares:
        self._watch.stage(self._name, self.UNITS * len(self._done))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.close(finished=error is None)

    def told(self, place: int, share: float) -> None:
        """A piece of a source is done, this share of those that it waits for."""
        self._done[place] = min(self._done[place] + share, 1.0)
        self._show()

    def over(self, place: int) -> None:
        """A source is done, well or not."""
        self._done[place] = 1.0
        self._show()

    def _show(self) -> None:
        reached = int(self.UNITS * sum(self._done))
        self._watch.advance(reached - self._shown)
        self._shown = reached
