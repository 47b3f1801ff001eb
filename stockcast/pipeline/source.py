"""The door for prices: a file, standard input, a ticker or a frame becomes one series, whatever it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from stockcast import config as settings
from stockcast.config.sources import AS_IT_IS, FetchConfig
from stockcast.errors import ConfigError, DataError
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.series import GivenSeries, OpenedFile, PriceSeries, calendar_of, calendar_over
from stockcast.prices import csvfile
from stockcast.prices.checks import validated
from stockcast.prices.csvfile import DatedFile, ReadOptions
from stockcast.prices.csvfile.content import STANDARD_INPUT
from stockcast.prices.csvfile.dates import FileDates
from stockcast.prices.events import EventCalendar
from stockcast.prices.evidence import Listing, settled
from stockcast.prices.history import Dates, History, RawBars
from stockcast.prices.hours import Elapsed
from stockcast.prices.sessions import DEFAULT_EXCHANGE, SessionCalendar
from stockcast.progress import Progress, Silent
from stockcast.text import well_formed

if TYPE_CHECKING:
    from stockcast.prices.csvfile.eventdates import EventTable
    from stockcast.results import FetchResult
    from stockcast.storage.database import Database

_SELDOM = 5
"""Sessions that the prices of a ticker that is traded are seldom behind."""

PROVIDER = "yahoo"
"""What forecasts from fetched prices name as their source."""

FetchRule: TypeAlias = Literal["stale", "missing", "never"]
"""When a ticker's prices are fetched: where the stored ones are older than the settings allow, only where they also do
not reach the last bar that is wanted, or not at all.
"""

Recall: TypeAlias = Callable[[str, ReadOptions, Progress | None], ReadOptions]
"""From a source and what is said of it in a call to how it is read: as its model's prices were, where that is known."""

UsualCalendar: TypeAlias = Callable[[str, date], "SessionCalendar | None"]
"""The calendar of the model that forecasts a series, by its ticker and last day; None where there is none."""


@dataclass(frozen=True)
class PriceSource:
    """Where prices come from, for all the sources of one call.

    Attributes:
        home: The folder of the store that tickers' prices are kept in; None where there is none.
        read: What files do not say of themselves, and the first and last bar to keep.
        fetch_session: How tickers' prices are fetched.
        given: The series that need not be looked for, by their names.
        recall: What a model remembers of how its prices were read; None where no model is asked.
        usual: What files and frames are taken for that say nothing of their exchange; None: for New York's.
        knowable: The last day of bars that may be known, by the exchange that they are from.
        event_table: Dates of reports that need not be looked for, in the place of a file's.

    """

    home: Path | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    fetch_session: FetchSession = field(default_factory=lambda: FetchSession(FetchConfig(), many=False))
    given: Mapping[str, GivenSeries] = field(default_factory=dict)
    recall: Recall | None = None
    usual: UsualCalendar | None = None
    knowable: Callable[[str], date] | None = None
    event_table: EventTable | None = None

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

    def remembering(self, named: str | None) -> PriceSource:
        """The same, which reads what the model of a source, or the one that is named, was trained on as it was then."""
        from stockcast.pipeline.models import Memory

        return replace(self, recall=Memory.saved(self.folder, named))

    def until(self, day: date | None) -> PriceSource:
        """The same with bars up to `day` alone, which are cut before anything is checked; None: as it is."""
        return replace(self, read=self.read.up_to(day))

    def taken_for(self, exchange: str | None) -> PriceSource:
        """The same with files that are of an exchange; None: as it is."""
        return self if exchange is None else replace(self, read=replace(self.read, exchange=exchange))

    def beside(self, usual: UsualCalendar) -> PriceSource:
        """The same with another calendar for what says nothing of its exchange."""
        return replace(self, usual=usual)

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
        read = self.read
        if self.recall is not None and source not in self.given:
            read = self.recall(source, read, progress)
        reading = replace(self, read=read)
        return replace(reading.with_events(reading._load(source, progress, fetch), progress), read=read)

    def _load(self, source: str, progress: Progress | None, fetch: FetchRule) -> PriceSeries:
        """The prices of a source, read as these options say."""
        if source in self.given:
            return self._given(source)
        if not is_ticker(source):
            return self._file(source)
        ticker = provider_ticker(source)
        with self._store(source) as db:
            if fetch == "stale" or (fetch == "missing" and not self._reaches_end(db, ticker)):
                self._update(db, ticker, progress)
            return self._stored(db, ticker)

    def with_events(self, series: PriceSeries, progress: Progress | None = None) -> PriceSeries:
        """The series with the dates of the file that was named; without any where none are wanted."""
        history, table = series.history, self.event_table
        if self.read.no_events:
            return replace(series, history=replace(history, events=None))
        if self.read.events is not None and table is None:
            table = _event_table(self.read.events)
        if table is None:
            return replace(series, history=history.on(series.calendar)) if history.events else series
        dates = table.of_ticker(history.ticker, series.exchange)
        if dates is None and progress is not None:
            progress.note(f"{history.ticker}: {table.missing()}; it goes without")
        known = None if dates is None else EventCalendar.of([dates], series.calendar)
        return replace(series, history=replace(history, events=known))

    def _file(self, source: str) -> PriceSeries:
        """The prices of a file."""
        return self.listed(self.opened(source))

    def opened(self, source: str) -> OpenedFile:
        """A file as it is read: up to the last bar that is over, on the days of its exchange. Raises DataError."""
        file = csvfile.read_dates(source, self.read)
        telling = file.dates.take(self._telling(file))
        listing = self._listing(telling, file.tickers, file.table.exchange)
        file = file.on(listing.days_of(file.dates)).between(self.read.start, self._end_at(listing.calendar.exchange))
        elapsed = self._elapsed(listing, file.dates.days, file.table.label)
        notes = elapsed.notes(file.dates.days)
        bars = file.between(None, elapsed.last if notes else None).bars()
        return OpenedFile(replace(bars, raw=bars.raw.noting(*notes)), listing, telling)

    def listed(self, opened: OpenedFile) -> PriceSeries:
        """The prices of a file that was opened, checked. Raises DataError."""
        history = validated(opened.file.raw, opened.listing.calendar)
        return self._series(history, opened.listing, opened.dates)

    def _given(self, source: str) -> PriceSeries:
        """The same of a series that need not be looked for."""
        given = self.given[source]
        stamped = self.stamped(given)

        def read(end: date | None, days_of: Callable[[FileDates], Dates] | None) -> History:
            return given.read(end, days_of).between(self.read.start, None)

        if stamped is None:
            history = read(self.read.end, None)
            dates = FileDates(history.dates)
            listing = self._listing(dates, (given.ticker,), None)
        else:
            listing, dates = stamped
        if stamped is not None or self.knowable is not None:
            history = read(self._end_at(listing.calendar.exchange), listing.days_of)
        elapsed = self._elapsed(listing, history.dates, history.ticker)
        notes = elapsed.notes(history.dates)
        if notes:
            history = read(elapsed.last, listing.days_of)
        return self._series(replace(history, notes=(*history.notes, *notes)), listing, dates)

    def stamped(self, given: GivenSeries) -> tuple[Listing, FileDates] | None:
        """The exchange that the stamps of a given series are taken for, with those that tell it; None without stamps.

        Raises DataError where they cannot be read.
        """
        stamps = given.stamps()
        if stamps is None:
            return None
        telling = stamps.take(self._known(stamps.days, np.ones(len(stamps.days), dtype=bool)))
        return self._listing(telling, (given.ticker,), None), telling

    def _telling(self, file: DatedFile) -> NDArray[np.bool_]:
        """The bars that say something of their exchange: those with a close, and known at the end that is asked for."""
        return self._known(file.dates.days, file.priced())

    def _known(self, days: Dates, priced: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Bars with a price up to the end that is asked for; all of them where there is none."""
        latest = min(self.read.end or date.max, settings.now().date())
        telling = priced & (days <= np.datetime64(latest))
        return telling if telling.any() else np.ones(len(telling), dtype=bool)

    def _listing(self, dates: FileDates, tickers: Sequence[str], named: str | None) -> Listing:
        """The exchange that bars are taken for, and of what days they are then."""
        days, today = dates.days, np.datetime64(settings.now().date())
        ends = (days.min(), days.max()) if len(days) else (today, today)
        first, last = (min(day, today).astype(object) for day in ends)
        calendars = partial(calendar_of, first=first, last=last)
        usual, said = None if self.usual is None else self.usual(tickers[0], last), self.read.exchange
        if said is not None:
            known = usual if usual is not None and usual.exchange == said else calendars(said)
            found = Listing.of(dates, known)
        else:
            found = settled(dates, tickers, named, usual or calendars(DEFAULT_EXCHANGE), calendars)
        return replace(found, is_kept=found.calendar is usual)

    def _end_at(self, exchange: str) -> date | None:
        """The last bar of an exchange that is kept."""
        ends = [self.read.end, None if self.knowable is None else self.knowable(exchange)]
        return min((end for end in ends if end is not None), default=None)

    def _elapsed(self, listing: Listing, days: Dates, label: str) -> Elapsed:
        """How far the time has come at the exchange. Raises DataError where no bar is over."""
        elapsed = Elapsed.at(listing.calendar.exchange, days, settings.now())
        if self.read.allow_running_bar:
            elapsed = replace(elapsed, last=elapsed.today)
        if len(days) and not (days <= np.datetime64(elapsed.last)).any():
            raise DataError(
                f"{label} has no bar that is over: its bars are from {days.min()} to {days.max()}, and it is "
                f"{elapsed.today} on {listing.calendar.exchange}",
                "Correct the dates, or the clock (STOCKCAST_NOW).",
            )
        return elapsed

    def _series(self, history: History, listing: Listing, dates: FileDates) -> PriceSeries:
        """Prices with what is known of their exchange."""
        is_listed = self.read.exchange is not None or listing.why is not None
        calendar = listing.calendar if listing.is_kept else None
        if is_listed and not listing.is_kept:
            calendar = calendar_over([history], listing.calendar.exchange)
        return PriceSeries(history, calendar, is_listed=is_listed, remarks=tuple(listing.remarks(dates)))

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
            behind = "1 session" if series.age == 1 else f"{series.age:,} sessions"
            later = "try again when the provider has it"
            if series.age > _SELDOM:
                later = f"look whether the clock is right, by which it is {settings.now():%Y-%m-%d %H:%M} UTC, and "
                later += "whether it is still traded under this ticker"
            raise DataError(
                f"the prices of {series.history.ticker} end on {series.history.last}, {behind} behind "
                f"{series.completed}, the last that is over",
                f"{later}, or forecast from what is there with --allow-stale",
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
        if self.read != self.read.of_tickers:
            raise DataError(
                f"{source} is a ticker, and --ticker and the options about columns are for files",
                f"leave them out, or give a path such as {source}.csv",
            )

    def _update(self, db: Database, ticker: str, progress: Progress | None) -> FetchResult:
        from stockcast.pipeline.fetching import EventFetcher, Fetcher

        fetched = Fetcher(db, self.fetch_session, progress or Silent()).update(ticker)
        if self._asks_for_events:
            EventFetcher(db, self.fetch_session, progress or Silent()).update(ticker, fetched.asked)
        return fetched

    @property
    def _asks_for_events(self) -> bool:
        """Whether the dates of a ticker's reports are the provider's."""
        return not self.read.no_events and self.read.events is None and self.event_table is None

    def _reaches_end(self, db: Database, ticker: str) -> bool:
        """Whether the store has bars up to the last one that is wanted."""
        from stockcast.storage import pricestore

        last = pricestore.last_session(db, ticker)
        return self.read.end is not None and last is not None and last >= self.read.end

    def _stored(self, db: Database, ticker: str) -> PriceSeries:
        """What the store has of a ticker, up to the last session that is over."""
        from stockcast.storage import eventstore, pricestore

        instrument, bars = pricestore.instrument(db, ticker), pricestore.bars(db, ticker)
        if instrument is None or bars is None or not len(bars.dates):
            raise DataError(f"no prices of {ticker} are stored", f"fetch them: stockcast fetch {ticker}")
        completed = instrument.hours.last_completed(instrument.calendar, settings.now())
        raw = RawBars.of(bars, ticker, PROVIDER, instrument.currency)
        history = _checked(raw, self.read.start, min(completed, self.read.end or completed))
        if self._asks_for_events:
            known = EventCalendar.of(eventstore.snapshots(db, ticker), instrument.calendar)
            history = replace(history, events=known)
        return PriceSeries(history, instrument.calendar, instrument.hours, completed, is_listed=True)


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
    tickers: Sequence[str],
    home: Path,
    config: FetchConfig,
    watching: Callable[[str], Progress],
    read: ReadOptions = AS_IT_IS,
) -> Callable[[str], FetchResult]:
    """A function that brings one of the tickers up to date, all of them within one time limit.

    Args:
        tickers: All that will be asked for.
        home: The folder of models, prices and forecasts.
        config: When stored prices will do, and how long the provider may take.
        watching: Gives who watches a ticker.
        read: Whether dates of reports are wanted.

    Returns:
        A function from a ticker to what became of its stored prices. It raises DataError for the ticker and
        SourceUnavailable for the provider.
    """
    prices = PriceSource(home, read, FetchSession(config, len(tickers) > 1))
    return lambda source: prices.update(source, watching(source))


def _event_table(path: str) -> EventTable:
    """The dates of a file. Raises DataError, with a hint that concerns them."""
    from stockcast.prices.csvfile.eventdates import EventTable

    otherwise = "--events names another file, and --no-events goes without"
    if path != STANDARD_INPUT and not os.path.exists(os.path.expanduser(path)):
        raise DataError(f"there is no file {path}, which was to have the dates of reports", otherwise)
    try:
        return EventTable.read(path)
    except DataError as error:
        # What reads any file has advice about prices.
        hint = "" if "price" in error.hint or "Parquet" in error.hint else f"{error.hint.rstrip('.')}; "
        raise DataError(f"the dates of reports: {error.message}", f"{hint}{otherwise}") from error


def is_ticker(source: str) -> bool:
    """Whether a source is a ticker, whose prices are kept in the store, and no file."""
    return not csvfile.looks_like_path(source)


def file_source(path: Path) -> str:
    """A path as a source: a file, whatever its name looks like."""
    return f"./{path}" if is_ticker(str(path)) else str(path)


def provider_ticker(source: str) -> str:
    """A source as the provider writes tickers."""
    return well_formed(source.strip().upper())


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
