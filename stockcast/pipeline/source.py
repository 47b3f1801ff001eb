"""The door for prices: a file, standard input, a ticker or a frame becomes one series, whatever it was."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from stockcast import config as settings
from stockcast.config.sources import FetchConfig
from stockcast.errors import ConfigError, DataError, SourceUnavailable
from stockcast.prices import csvfile
from stockcast.prices.checks import validated
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History, RawBars
from stockcast.prices.sessions import DEFAULT_EXCHANGE, SessionCalendar, load_calendar
from stockcast.progress import Progress, Silent
from stockcast.text import well_formed

if TYPE_CHECKING:
    from stockcast.prices.hours import TradingHours
    from stockcast.prices.yahoo.session import Deadline
    from stockcast.results import FetchResult
    from stockcast.storage.database import Database

PROVIDER = "yahoo"
"""What forecasts from fetched prices name as their source."""

CALENDAR_AHEAD = timedelta(days=400)
"""Sessions kept with a model beyond today: 250 sessions ahead of the newest bar, and some."""

FetchRule: TypeAlias = Literal["stale", "missing", "never"]
"""When a ticker's prices are fetched: where the stored ones are older than the settings allow, only where they also do
not reach the last bar that is wanted, or not at all.
"""

_PATIENCE = 3  # tickers in a row that find the provider away, before the others are not tried


class FetchSession:
    """One time limit for the fetching of many tickers, a pause between two, no patience with a provider that is away.

    What is done between two questions, such as a training, does not count.
    """

    def __init__(self, config: FetchConfig, many: bool = True, retry: int = _PATIENCE) -> None:
        self.config = config
        self._limit = self._left = config.timeout
        self._pause = config.pause if many else 0.0
        self._patience = retry
        self._asked = False
        self._away: list[tuple[str, str]] = []

    @contextmanager
    def turn(self, ticker: str) -> Iterator[Deadline]:
        """Whose turn it is may ask within, up to the deadline. Raises SourceUnavailable where that is hopeless."""
        from stockcast.prices.yahoo.failures import YahooFailure
        from stockcast.prices.yahoo.session import Deadline, load_yfinance

        self._refuse_hopeless(ticker)
        load_yfinance()
        deadline = Deadline(time.monotonic() + self._left, self._limit)
        try:
            self._rest(deadline)
            yield deadline
            self._away.clear()
        except SourceUnavailable as error:
            if not isinstance(error, YahooFailure) or error.for_every_ticker:
                # The words alone: whoever catches the error may add to its hint what concerns this ticker.
                self._away.append((error.message, error.hint))
            raise
        finally:
            self._left = deadline.left()

    def _refuse_hopeless(self, ticker: str) -> None:
        if len(self._away) >= self._patience:
            message, hint = self._away[-1]
            raise SourceUnavailable(f"{ticker} was not tried after {len(self._away)} failures: {message}", hint)

    def _rest(self, deadline: Deadline) -> None:
        if self._asked and self._pause:
            # Not regular, so that many machines with one crontab do not ask in step.
            time.sleep(min(self._pause * random.uniform(0.5, 1.5), deadline.left()))  # noqa: S311 - a pause is no secret
        self._asked = True


@dataclass(frozen=True)
class PriceSeries:
    """The prices of one source, and what is known of the exchange that they are from.

    Attributes:
        history: The validated bars, oldest first.
        known_calendar: The calendar of a ticker's exchange; None for files and frames, which say nothing of theirs.
        hours: The trading hours of a ticker; None for files and frames.
        over: The last session that was over when a ticker's prices were loaded; None for files and frames.

    """

    history: History
    known_calendar: SessionCalendar | None = None
    hours: TradingHours | None = None
    over: date | None = None

    @property
    def is_stored(self) -> bool:
        """Whether the prices are a ticker's, from the store."""
        return self.over is not None

    @cached_property
    def calendar(self) -> SessionCalendar:
        """The sessions of its exchange: New York's where nothing is known of it."""
        return self.known_calendar or calendar_over([self.history], None)

    @property
    def exchange(self) -> str:
        """Name of the calendar."""
        return self.calendar.exchange

    @property
    def completed(self) -> date:
        """The last session that is over; without trading hours yesterday: one of today may still be running."""
        return self.over or settings.now().date() - timedelta(days=1)

    @property
    def age(self) -> int:
        """Completed sessions of the exchange after the newest bar."""
        return self.calendar.count_between(self.history.last, self.completed)

    def at(self, exchange: str | None) -> PriceSeries:
        """The same prices at an exchange; None: the ticker's own, and New York's for a file.

        Raises:
            ConfigError: The exchange is unknown.

        """
        if self.known_calendar is not None and exchange in {None, self.known_calendar.exchange}:
            return self
        return self.on(calendar_over([self.history], exchange))

    def on(self, calendar: SessionCalendar) -> PriceSeries:
        """The same prices with the sessions of a calendar; the hours go where that is of another exchange."""
        known = self.known_calendar
        own_hours = self.hours if known is not None and known.exchange == calendar.exchange else None
        return replace(self, known_calendar=calendar, hours=own_hours)

    def tell(self, progress: Progress, detail: bool = False) -> None:
        """Say what is to be known of the prices. detail: for the curious only."""
        for note in self.history.notes:
            progress.note(f"{self.history.ticker}: {note}", detail)


@dataclass(frozen=True)
class PriceSource:
    """Where prices come from, for all the sources of one call.

    Attributes:
        home: The folder of the store that tickers' prices are kept in; None where there is none.
        read: What files do not say of themselves, and the first and last bar to keep.
        fetch_session: How tickers' prices are fetched.
        given: What reads the series that need not be looked for, such as those of a frame, by their names: up to a
            day, after which not even a repair may know anything.

    """

    home: Path | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    fetch_session: FetchSession = field(default_factory=lambda: FetchSession(FetchConfig(), many=False))
    given: Mapping[str, Callable[[date | None], History]] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Path | None, read: ReadOptions, fetch_session: FetchSession | None = None) -> PriceSource:
        """The door of an entry point, whose caller may leave it to the defaults how prices are fetched."""
        return cls(home, read) if fetch_session is None else cls(home, read, fetch_session)

    @property
    def folder(self) -> Path:
        """The home. Raises ConfigError where there is none."""
        if self.home is None:
            raise ConfigError("models and prices need a folder to be kept in", "give home=Path(...)")
        return self.home

    def until(self, day: date | None) -> PriceSource:
        """The same with bars up to `day` alone, which are cut before anything is checked; None: as it is."""
        ends = [end for end in (self.read.end, day) if end is not None]
        return replace(self, read=replace(self.read, end=min(ends, default=None)))

    def load(self, source: str, progress: Progress | None = None, fetch: FetchRule = "stale") -> PriceSeries:
        """The prices of a source.

        Args:
            source: A path, `-` for standard input, a ticker, or the name of a given series.
            progress: Who is told what is to be known of fetched prices. What is to be known of the bars is not told
                here, but by `PriceSeries.tell`.
            fetch: When a ticker's prices are fetched.

        Raises:
            DataError: There are none, or they cannot be used.
            ConfigError: A ticker's prices have no folder to be kept in.
            SourceUnavailable: The provider cannot be reached.

        """
        if source in self.given:
            return PriceSeries(self.given[source](self.read.end).between(self.read.start, None))
        if not is_ticker(source):
            return PriceSeries(csvfile.read(source, self.read))
        ticker = provider_ticker(source)
        with self._store(source) as db:
            if fetch == "stale" or (fetch == "missing" and not self._reaches_end(db, ticker)):
                self._update(db, ticker, progress)
            return self._stored(db, ticker)

    def update(self, source: str, progress: Progress) -> FetchResult:
        """Bring a ticker's stored prices up to date. Raises what `load` raises."""
        with self._store(source) as db:
            return self._update(db, provider_ticker(source), progress)

    def update_missing(self, source: str, progress: Progress) -> None:
        """The same where the store does not reach the last bar that is wanted."""
        with self._store(source) as db:
            if not self._reaches_end(db, provider_ticker(source)):
                self._update(db, provider_ticker(source), progress)

    def require_fresh(self, series: PriceSeries) -> None:
        """Raise DataError where a ticker's newest bar is further behind its exchange than the settings allow."""
        config = self.fetch_session.config
        if series.is_stored and series.age > config.max_age and not config.allow_stale:
            behind = "1 session" if series.age == 1 else f"{series.age} sessions"
            raise DataError(
                f"the prices of {series.history.ticker} end on {series.history.last}, {behind} behind "
                f"{series.completed}, the last that is over",
                "try again when the provider has it, or forecast from what is there with --allow-stale",
            )

    def _store(self, source: str) -> Database:
        """The open store, to be closed by `with`."""
        from stockcast.storage.database import Database

        if self.home is None:
            raise ConfigError(f"prices of the ticker {source} need a folder to be kept in", "give home=Path(...)")
        self.refuse_file_options(source)
        return Database.open(self.home)

    def refuse_file_options(self, source: str) -> None:
        """Raise DataError where something is said of a ticker that only a file has."""
        if self.read != ReadOptions(start=self.read.start, end=self.read.end):
            raise DataError(
                f"{source} is a ticker, and --ticker and the options about columns are for files",
                f"leave them out, or give a path such as {source}.csv",
            )

    def _update(self, db: Database, ticker: str, progress: Progress | None) -> FetchResult:
        from stockcast.pipeline.fetching import Fetcher

        return Fetcher(db, self.fetch_session, progress or Silent()).update(ticker)

    def _reaches_end(self, db: Database, ticker: str) -> bool:
        """Whether the store has bars up to the last one that is wanted."""
        from stockcast.storage import pricestore

        last = pricestore.last_session(db, ticker)
        return self.read.end is not None and last is not None and last >= self.read.end

    def _stored(self, db: Database, ticker: str) -> PriceSeries:
        """What the store has of a ticker, up to the last session that is over."""
        from stockcast.storage import pricestore

        instrument, bars = pricestore.instrument(db, ticker), pricestore.bars(db, ticker)
        if instrument is None or bars is None or not len(bars.dates):
            raise DataError(f"no prices of {ticker} are stored", f"fetch them: stockcast fetch {ticker}")
        completed = instrument.hours.last_completed(instrument.calendar, settings.now())
        raw = RawBars.of(bars, ticker, PROVIDER, instrument.currency)
        history = _checked(raw, self.read.start, min(completed, self.read.end or completed))
        return PriceSeries(history, instrument.calendar, instrument.hours, completed)


def load(
    source: str, read: ReadOptions, home: Path | None = None, fetch_session: FetchSession | None = None,
    progress: Progress | None = None,
) -> History:  # fmt: skip
    """The validated history of a file, or of a ticker, kept in the store under `home`; see `PriceSource.load`.

    Args:
        source: A file or a ticker.
        read: What a file does not say of itself, and the first and last bar to keep.
        home: The folder of models, prices and forecasts.
        fetch_session: How a ticker's prices are fetched; with the defaults unless given.
        progress: Who watches.

    Raises:
        DataError: Where there are none, or they cannot be used.
        ConfigError: Where a ticker's prices have no folder to be kept in.
        SourceUnavailable: Where the provider cannot be reached.
    """
    return PriceSource.of(home, read, fetch_session).load(source, progress).history


def fetch(
    tickers: Sequence[str], home: Path, config: FetchConfig, watching: Callable[[str], Progress]
) -> Callable[[str], FetchResult]:
    """A function that brings one of the tickers up to date, all of them within one time limit.

    Args:
        tickers: All that will be asked for.
        home: The folder of models, prices and forecasts.
        config: When stored prices will do, and how long the provider may take.
        watching: Gives who watches a ticker.

    Returns:
        A function from a ticker to what became of its stored prices. It raises DataError for the ticker and
        SourceUnavailable for the provider.
    """
    prices = PriceSource(home, fetch_session=FetchSession(config, len(tickers) > 1))
    return lambda source: prices.update(source, watching(source))


def is_ticker(source: str) -> bool:
    """Whether a source is a ticker, whose prices are kept in the store, and no file."""
    return not csvfile.looks_like_path(source)


def file_source(path: Path) -> str:
    """A path as a source: a file, whatever its name looks like."""
    return f"./{path}" if is_ticker(str(path)) else str(path)


def provider_ticker(source: str) -> str:
    """A source as the provider writes tickers."""
    return well_formed(source.strip().upper())


def calendar_end(last: date) -> date:
    """How far a calendar has to reach for forecasts from `last` and from today."""
    return max(last, settings.now().date()) + CALENDAR_AHEAD


def calendar_over(histories: Sequence[History], exchange: str | None) -> SessionCalendar:
    """The calendar of an exchange for sessions from the first bar of any history to those that are still to come.

    exchange: None for New York's. Raises ConfigError for an unknown one.
    """
    first, last = min(history.first for history in histories), max(history.last for history in histories)
    return load_calendar(exchange or DEFAULT_EXCHANGE, first, calendar_end(last))


def _checked(raw: RawBars, start: date | None, end: date) -> History:
    """Cut first, then checked: not even a repair may know what comes later."""
    kept = raw.dates <= np.datetime64(end)
    if start is not None:
        kept &= raw.dates >= np.datetime64(start)
    if not kept.any():
        raise DataError(
            f"no prices of {raw.ticker} from {start or raw.dates[0]} to {end}",
            f"the store has {raw.dates[0]} to {raw.dates[-1]}",
        )
    return validated(raw.take(np.flatnonzero(kept)))
