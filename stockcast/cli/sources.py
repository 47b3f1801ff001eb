"""The sources of a command: what its words stand for, and work on each of them; one that fails stops no other."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Generic, TypeVar

from stockcast.cli.console import CommandState, InterruptedRun, explainable, interrupted
from stockcast.cli.interruption import answered
from stockcast.cli.options import Common
from stockcast.config import CovariatesConfig, FetchConfig, ReadOptions
from stockcast.config.sources import holds_prices, without_ending
from stockcast.errors import DataError, Failure, UsageError

if TYPE_CHECKING:
    from stockcast.cli.progress import Counter, Notes, Shares
    from stockcast.config.jobs import JobsConfig
    from stockcast.engine.pieces import Engine, Steps, Task
    from stockcast.pipeline import FetchSession, PriceSource

T = TypeVar("T")

_FOLDERS_BY_NAME = (".", "..", "~")


def expanded(words: list[str]) -> list[str]:
    """The sources, with those of a watch list in the place of its @FILE and its price files in that of a folder.

    Raises:
        ConfigError: For a list that cannot be read or names no ticker.
        DataError: For a folder without price files.
    """
    if not any(word.startswith("@") or is_folder(word) for word in words):
        return words
    from stockcast.config.sources import load_tickers

    listed = [source for word in words for source in load_tickers(word)]
    found = [source for word in listed for source in (price_files(word) if is_folder(word) else [word])]
    return list(dict.fromkeys(found))


def is_folder(word: str) -> bool:
    """Whether a word is a path that leads to a folder: `prices/` or `./prices`, but `prices` alone is a ticker."""
    from stockcast.prices.csvfile.content import looks_like_path

    return (
        word != "-" and (word in _FOLDERS_BY_NAME or looks_like_path(word)) and os.path.isdir(os.path.expanduser(word))
    )


def price_files(folder: str) -> list[str]:
    """The price files in a folder, sorted by name; hidden ones and folders within it are passed over.

    Raises:
        DataError: Where there is none, or where the folder cannot be read.
    """
    place = Path(os.path.expanduser(folder))
    try:
        found = sorted(path for path in place.iterdir() if _is_price_file(path))
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be read: {error.strerror}", "check its permissions") from error
    if not found:
        raise DataError(
            f"the folder {folder} has no price files",
            "name a folder with files that end in .csv, .tsv, .xlsx or .parquet, or name the files themselves",
        )
    return [os.path.join(place, path.name) for path in found]


def _is_price_file(path: Path) -> bool:
    return not path.name.startswith(".") and holds_prices(path.name) and path.is_file()


def label(source: str, ticker: str | None = None) -> str:
    """What lines about a source begin with: its ticker, or a path's last part without the suffix."""
    if ticker:
        return ticker
    name = PurePath(source).name or source
    return "stdin" if source == "-" else without_ending(name)


def refuse_shared(option: str, value: str | None, sources: Sequence[str], way_out: str = "") -> None:
    """Refuse an option that belongs to one source where there are several.

    Args:
        option: Its name.
        value: What it was given; None where it was not.
        sources: All of them.
        way_out: What the hint says besides.

    Raises:
        UsageError: For more than one source.
    """
    if value is not None and len(sources) > 1:
        raise UsageError(f"{option} {value} with {len(sources)} sources", f"{option} goes with one source{way_out}")


@dataclass(frozen=True)
class SourceResults(Generic[T]):
    """What the sources gave, in their order, and which of them failed."""

    results: tuple[T, ...]
    failures: tuple[Failure, ...]

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return any(isinstance(failure.error, InterruptedRun) for failure in self.failures)


def run_each(sources: Sequence[str], work: Callable[[str], T], common: Common, saves: bool) -> SourceResults[T]:
    """Do the work on each source. Ctrl-C ends it there, and what was done stays.

    Args:
        sources: One after the other.
        work: What is done with one; what libraries print to stdout meanwhile goes to stderr.
        common: Under whose home the log of a crash is written.
        saves: Whether the work leaves something on the disk.
    """
    results: list[T] = []
    done: list[str] = []
    failures: list[Failure] = []
    for source in sources:
        try:
            with redirect_stdout(sys.stderr):
                results.append(work(source))
            done.append(source)
        except KeyboardInterrupt:
            answered()
            failures.append(Failure(source, interrupted(done if saves else ())))
            break
        except Exception as error:  # noqa: BLE001 - an unexpected one, too, concerns this source alone
            failures.append(Failure(source, explainable(error, common.home)))
    CommandState.saved = tuple(done) if saves else ()
    return SourceResults(tuple(results), tuple(failures))


def run_together(
    sources: Sequence[str], tasks: Sequence[Task[T]], engine: Engine, common: Common, display: Counter | Shares,
    order: Together,
) -> SourceResults[T]:  # fmt: skip
    """Do the work on all sources at once, its pieces by an engine. Ctrl-C ends all of it, and what was done stays.

    Args:
        sources: What failures are named after.
        tasks: The work on each.
        engine: Who does the pieces.
        common: Under whose home the log of a crash is written.
        display: Shows how much of all is done.
        order: How far ahead tasks are begun, whether in their order, and whether they leave something on the disk.
    """
    from stockcast.engine.pieces import run_all

    results: dict[int, T] = {}
    failures: dict[int, Failure] = {}
    try:
        with display, redirect_stdout(sys.stderr):
            for one in run_all(tasks, engine, order.ahead or 2 * engine.jobs, order.in_order, display.told):
                if one.error is None:
                    results[one.place] = one.result  # type: ignore[assignment] # without an error there is one
                else:
                    failures[one.place] = Failure(sources[one.place], explainable(one.error, common.home))
                display.over(one.place)
    except KeyboardInterrupt:
        answered()
        done = [sources[place] for place in sorted(results)]
        first = next(place for place in range(len(sources)) if place not in results and place not in failures)
        failures[first] = Failure(sources[first], interrupted(done if order.saves else ()))
    CommandState.saved = tuple(sources[place] for place in sorted(results)) if order.saves else ()
    return SourceResults(
        tuple(results[place] for place in sorted(results)), tuple(failures[place] for place in sorted(failures))
    )


@dataclass(frozen=True)
class Together:
    """How the work on many sources goes on. ahead: sources that are begun and not over at most; 0: two a job.

    one_piece: The work on a source is one piece: where there is no other source it needs no process.
    """

    saves: bool = False
    ahead: int = 0
    in_order: bool = False
    one_piece: bool = False


@dataclass(frozen=True)
class Job:
    """The sources of one command, how their prices are come by, and on how many cores; None: one piece at a time."""

    sources: list[str]
    read: ReadOptions
    fetching: FetchConfig
    covariates: CovariatesConfig
    common: Common
    jobs: JobsConfig | None = None

    def __post_init__(self) -> None:
        refuse_shared("--ticker", self.read.ticker, self.sources)

    def each(self, work: Callable[[str, Notes], T], saves: bool = False, bar: bool = True) -> SourceResults[T]:
        """Do the work on each source, watched by a progress bar, or without one where it is short."""

        def watched(source: str) -> T:
            from stockcast.cli.progress import watch

            with watch(self.common.console, label(source, self.read.ticker), bar) as progress:
                return work(source, progress)

        return run_each(self.sources, watched, self.common, saves)

    def together(
        self, what: str, begin: Callable[[str, Notes], Steps[T]], order: Together = Together()
    ) -> SourceResults[T]:
        """Do the work on each source in its steps: one after the other, or with more jobs all of them at once.

        Args:
            what: The command, which the display is named after.
            begin: The steps of a source.
            order: How the work on many goes on.
        """
        from stockcast.engine.choosing import engine_of
        from stockcast.engine.pieces import Task, run_here

        with engine_of(None if order.one_piece and len(self.sources) == 1 else self.jobs) as engine:
            if engine is None:
                return self.each(lambda source, progress: run_here(begin(source, progress), progress), order.saves)
            from stockcast.cli.progress import Notes, Shares

            labels = [label(source, self.read.ticker) for source in self.sources]
            watches = [Notes(self.common.console, name) for name in labels]
            tasks = [
                Task(partial(begin, source, watch), watch) for source, watch in zip(self.sources, watches, strict=True)
            ]
            display = Shares(self.common.console, what, labels, engine.jobs)
            return run_together(self.sources, tasks, engine, self.common, display, order)

    def session(self, source: str) -> FetchSession | None:
        """How prices are come by where the source or one of its covariates is a ticker; None for files alone."""
        from stockcast.prices.csvfile.content import looks_like_path

        return None if all(map(looks_like_path, (source, *self.covariates.sources))) else self._session

    @cached_property
    def prices(self) -> PriceSource:
        """The door that all the sources come in by."""
        from stockcast import pipeline

        return pipeline.PriceSource(self.common.home, self.read, self._session)

    @cached_property
    def _session(self) -> FetchSession:
        """One time limit for all the fetching of a command."""
        from stockcast import pipeline

        return pipeline.FetchSession(self.fetching, many=len(self.sources) > 1)
