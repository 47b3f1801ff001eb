"""The prices of one source with what is known of their exchange, and the calendar of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from stockcast import config as settings
from stockcast.prices.csvfile import PriceFile, ReadOptions
from stockcast.prices.csvfile.dates import FileDates
from stockcast.prices.evidence import Listing, doubt
from stockcast.prices.history import Caution, Dates, History
from stockcast.prices.sessions import DEFAULT_EXCHANGE, SessionCalendar, load_calendar
from stockcast.progress import Progress

if TYPE_CHECKING:
    from stockcast.prices.hours import TradingHours

CALENDAR_AHEAD = timedelta(days=400)
"""Sessions kept with a model beyond today: 250 sessions ahead of the newest bar, and some."""


@dataclass(frozen=True)
class PriceSeries:
    """The prices of one source, and what is known of the exchange that they are from.

    Attributes:
        history: The validated bars, oldest first.
        known_calendar: The calendar of its exchange; None where nothing is known of that.
        hours: The trading hours of a ticker; None for files and frames.
        over: The last session that was over when a ticker's prices were loaded; None for files and frames.
        read: What was said, or remembered, of how to read them.
        is_listed: Whether its exchange is known: by the store, by the user, or by what a file says.
        remarks: What is to be known of the exchange that it is taken for.

    """

    history: History
    known_calendar: SessionCalendar | None = None
    hours: TradingHours | None = None
    over: date | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    is_listed: bool = False
    remarks: tuple[str, ...] = ()

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
        return replace(self, history=self.history.on(calendar), known_calendar=calendar, hours=own_hours)

    def tell(self, progress: Progress, detail: bool = False) -> None:
        """Say what is to be known of the prices: once what was left out, and how their days fit the exchange.

        detail: the rest is for the curious only.
        """
        for warning in self.warnings:
            progress.note(f"{self.history.ticker}: {warning}")
        for note in self.history.notes:
            if not isinstance(note, Caution):
                progress.note(f"{self.history.ticker}: {note}", detail)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What everybody is told: the exchange that it is taken for, doubts of that, rows that were left out."""
        name = self.history.ticker
        doubted = doubt(self.history.dates, self.calendar, name)
        doubts = () if doubted is None else (doubted.removeprefix(f"{name}: "),)
        return (*self.remarks, *doubts, *(note for note in self.history.notes if isinstance(note, Caution)))


@dataclass(frozen=True)
class GivenSeries:
    """A series that need not be looked for, such as one of a frame.

    Attributes:
        ticker: Its name.
        read: Its validated bars up to a day, after which not even a repair may know anything; the second argument gives
            the days that its stamps are of, where it has stamps.
        stamps: Gives the dates of its prices where they tell the moment, else None: they are days. Raises DataError.
    """

    ticker: str
    read: Callable[[date | None, Callable[[FileDates], Dates] | None], History]
    stamps: Callable[[], FileDates | None] = lambda: None

    @classmethod
    def of(cls, history: History) -> GivenSeries:
        """A series whose bars are validated already."""
        return cls(history.ticker, lambda end, _days_of: history.between(None, end))


@dataclass(frozen=True)
class OpenedFile:
    """A file of prices at the exchange that it is taken for.

    Attributes:
        file: Its bars, not checked yet, and how they were read.
        listing: The exchange, and what says so.
        dates: The dates that say something of it.
    """

    file: PriceFile
    listing: Listing
    dates: FileDates


def calendar_end(last: date) -> date:
    """How far a calendar has to reach for forecasts from `last` and from today."""
    return max(last, settings.now().date()) + CALENDAR_AHEAD


def calendar_over(histories: Sequence[History], exchange: str | None) -> SessionCalendar:
    """The calendar of an exchange for sessions from the first bar of any history to those that are still to come.

    exchange: None for New York's. Raises ConfigError for an unknown one.
    """
    first, last = min(history.first for history in histories), max(history.last for history in histories)
    return calendar_of(exchange or DEFAULT_EXCHANGE, first, last)


def calendar_of(exchange: str, first: date, last: date) -> SessionCalendar:
    """The calendar of an exchange from the first bar to the sessions that are still to come; see `calendar_over`."""
    return load_calendar(exchange, first, calendar_end(last))
