"""Sources: a file, or a ticker whose prices the store keeps, becomes a validated history with its calendar."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stockcast import config as settings
from stockcast.config.fetching import FetchConfig
from stockcast.errors import ConfigError, DataError
from stockcast.prices import csvfile
from stockcast.prices.checks import validated
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.prices.rawbars import RawBars
from stockcast.results.printable import well_formed
from stockcast.results.progress import Progress, Silent

if TYPE_CHECKING:
    from stockcast.pipeline.fetching import FetchSession
    from stockcast.prices.hours import TradingHours
    from stockcast.prices.sessions import SessionCalendar
    from stockcast.storage.database import Database
    from stockcast.storage.pricestore import Instrument

PROVIDER = "yahoo"
"""What forecasts from fetched prices name as their source."""


@dataclass(frozen=True)
class Quotes:
    """A ticker's bars of completed sessions, with the calendar and the trading hours of its exchange."""

    history: History
    calendar: SessionCalendar
    hours: TradingHours
    completed: date

    @property
    def age(self) -> int:
        """Completed sessions of the exchange after the newest bar."""
        return self.calendar.count_between(self.history.last, self.completed)

    @property
    def exchange(self) -> str:
        """Name of the calendar."""
        return self.calendar.exchange


def load(
    source: str,
    read: ReadOptions,
    home: Path | None = None,
    fetch_session: FetchSession | None = None,
    progress: Progress | None = None,
) -> History:
    """The validated history of a file, or of a ticker: fetched into the store under `home`, and read from there.

    Raises DataError where there is none, ConfigError for a ticker without a home, SourceUnavailable where the
    provider cannot be reached.
    """
    if csvfile.looks_like_path(source):
        return csvfile.read(source, read)
    if home is None:
        raise ConfigError(f"prices of the ticker {source} need a folder to be kept in", "give home=Path(...)")
    return quotes(source, read, home, fetch_session, progress or Silent()).history


def quotes(
    source: str, read: ReadOptions, home: Path, fetch_session: FetchSession | None, progress: Progress
) -> Quotes:
    """A ticker's completed bars, fetched where the stored ones are too old. Raises what `load` raises."""
    from stockcast.pipeline.fetching import Fetcher, FetchSession
    from stockcast.storage.database import Database

    refuse_file_options(source, read)
    with Database.open(home) as db:
        fetch_session = fetch_session or FetchSession(FetchConfig(), many=False)
        Fetcher(db, fetch_session.config, progress, fetch_session).update(ticker_of(source))
        return stored(db, ticker_of(source), settings.now(), read.start, read.end)


def stored(db: Database, ticker: str, now: datetime, start: date | None = None, end: date | None = None) -> Quotes:
    """What the store has of a ticker, up to the last session that is over at `now`. Raises DataError."""
    from stockcast.storage import pricestore

    instrument, bars = pricestore.instrument(db, ticker), pricestore.bars(db, ticker)
    if instrument is None or bars is None or not len(bars.dates):
        raise DataError(f"no prices of {ticker} are stored", f"fetch them: stockcast fetch {ticker}")
    hours = hours_of(instrument)
    completed = hours.last_completed(instrument.calendar, now)
    raw = RawBars(
        ticker=ticker,
        dates=bars.dates,
        close=bars.close,
        adjusted_close=bars.adjusted_close,
        open=bars.open,
        high=bars.high,
        low=bars.low,
        volume=bars.volume,
        source=PROVIDER,
        label=ticker,
        currency=instrument.currency,
    )
    return Quotes(_checked(raw, start, min(completed, end or completed)), instrument.calendar, hours, completed)


def hours_of(instrument: Instrument) -> TradingHours:
    """The trading hours that were stored with an instrument."""
    from stockcast.prices.hours import TradingHours

    return TradingHours.from_json(instrument.hours)


def ticker_of(source: str) -> str:
    """A source as the provider writes tickers."""
    return well_formed(source.strip().upper())


def refuse_file_options(source: str, read: ReadOptions) -> None:
    """Raise DataError where something is said of a ticker that only a file has."""
    if read != replace(ReadOptions(), start=read.start, end=read.end):
        raise DataError(
            f"{source} is a ticker, and --ticker and the options about columns are for files",
            f"leave them out, or give a path such as {source}.csv",
        )


def _checked(raw: RawBars, start: date | None, end: date) -> History:
    """Cut first, then checked: not even a repair may know what comes later."""
    import numpy as np

    kept = raw.dates <= np.datetime64(end)
    if start is not None:
        kept &= raw.dates >= np.datetime64(start)
    if not kept.any():
        raise DataError(
            f"no prices of {raw.ticker} from {start or raw.dates[0]} to {end}",
            f"the store has {raw.dates[0]} to {raw.dates[-1]}",
        )
    return validated(raw.take(np.flatnonzero(kept)))
