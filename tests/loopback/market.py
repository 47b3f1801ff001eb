"""What the loopback Yahoo sells: listings with their bars and events, and a clock that a test sets."""

from __future__ import annotations

import math
import threading
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.history import History

Column = list[float | None]

_PRICES = ("open", "high", "low", "close", "adjusted_close")
_COLUMNS = (*_PRICES, "volume")


@dataclass
class Listing:
    """One ticker as Yahoo tells it: bars split-adjusted, `adjusted_close` for dividends too, None where a value lacks.

    Bars may lie in the future of the market's clock: they are not served before their time. `dividends` holds amounts
    per share of today, `splits` (new shares, old shares); both are keyed by ex-date, which must be a session.
    `period_end` is when the provider says that the current trading period ends; None derives it from the clock.
    `reports` are the rows of its calendar (`calendar.Report`), the newest first.
    """

    symbol: str
    sessions: list[date]
    open: Column
    high: Column
    low: Column
    close: Column
    adjusted_close: Column
    volume: Column
    currency: str = "USD"
    exchange: str = "NMS"
    full_exchange: str = "NasdaqGS"
    zone: str = "America/New_York"
    kind: str = "EQUITY"
    opens: time = time(9, 30)
    closes: time = time(16, 0)
    dividends: dict[date, float] = field(default_factory=dict)
    splits: dict[date, tuple[int, int]] = field(default_factory=dict)
    period_end: datetime | None = None
    reports: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.sessions or self.sessions != sorted(set(self.sessions)):
            raise ValueError(f"{self.symbol}: sessions must be there, be unique, and go forward")
        for name in _COLUMNS:
            if len(getattr(self, name)) != len(self.sessions):
                raise ValueError(f"{self.symbol}: {name} has not one value per session")

    def opening(self, day: date) -> datetime:
        """When the session of `day` opens, in the exchange's zone."""
        return datetime.combine(day, self.opens, ZoneInfo(self.zone))

    def closing(self, day: date) -> datetime:
        """When the session of `day` closes, in the exchange's zone."""
        return datetime.combine(day, self.closes, ZoneInfo(self.zone))

    def served(self, now: datetime) -> int:
        """How many of the bars the provider has at `now`: those of sessions that have opened."""
        return bisect_right(self.sessions, now, key=self.opening)

    def at(self, day: date) -> int:
        """The position of the session `day`; ValueError where it is none."""
        if day not in self.sessions:
            raise ValueError(f"{day} is no session of {self.symbol}")
        return self.sessions.index(day)

    def scale(self, bars: slice, factor: float, columns: Iterable[str]) -> None:
        """Multiply the named columns of `bars` by `factor`; missing values stay missing."""
        for name in columns:
            column: Column = getattr(self, name)
            column[bars] = [None if value is None else value * factor for value in column[bars]]


class Market:
    """Listings by symbol and the clock that decides what of them is known. Methods may be called from any thread.

    Whoever changes a listing by hand while a server answers holds `lock`.
    """

    def __init__(self, listings: Iterable[Listing], now: datetime) -> None:
        self.lock = threading.RLock()
        self.listings: dict[str, Listing] = {}
        self.now = now
        for listing in listings:
            self.add(listing)

    @property
    def now(self) -> datetime:
        """The simulated time, aware of its zone."""
        return self._now

    @now.setter
    def now(self, value: datetime) -> None:
        if value.tzinfo is None:
            raise ValueError(f"the market's clock needs a time zone: {value}")
        with self.lock:
            self._now = value

    def add(self, listing: Listing) -> None:
        """List it, in place of one of the same symbol."""
        with self.lock:
            self.listings[listing.symbol.upper()] = listing

    def blank(self, symbol: str, on: date) -> None:
        """Every value of the bar of `on` goes missing; the row stays, as Yahoo's newest bar sometimes does."""
        with self.lock:
            listing = self.listings[symbol]
            row = listing.at(on)
            for name in _COLUMNS:
                getattr(listing, name)[row] = None

    def split(self, symbol: str, on: date, ratio: float, *, later_too: bool = False) -> None:
        """`ratio` new shares for an old one from `on`: prices and dividends before it / ratio, volume * ratio.

        Bars from `on` are taken to be in new shares already. `later_too` restates them as well: for a listing made of
        one continuous series, whose later bars would otherwise jump by `ratio`.
        """
        with self.lock:
            listing = self.listings[symbol]
            bars = slice(None) if later_too else slice(listing.at(on))
            listing.scale(bars, 1 / ratio, _PRICES)
            listing.scale(bars, ratio, ["volume"])
            for day in listing.dividends:
                listing.dividends[day] /= ratio if later_too or day < on else 1.0
            listing.splits[on] = Fraction(ratio).limit_denominator(1000).as_integer_ratio()

    def dividend(self, symbol: str, on: date, amount: float) -> None:
        """`amount` a share goes ex on `on`: adjusted closes before it * (1 - amount / close of the session before)."""
        with self.lock:
            listing = self.listings[symbol]
            row = listing.at(on)
            before = listing.close[row - 1] if row else None
            if before is None:
                raise ValueError(f"{symbol} has no close before {on} to take a dividend from")
            listing.scale(slice(row), 1 - amount / before, ["adjusted_close"])
            listing.dividends[on] = amount


def listing_from(history: History, symbol: str) -> Listing:
    """The listing that Yahoo would make of `history`: its as-traded prices and volume become split-adjusted.

    A column that the history lacks is filled: open, high and low with the close, volume with zero.
    """
    sessions: list[date] = history.dates.astype("datetime64[D]").astype(object).tolist()
    ratios = np.ones(len(history)) if history.splits is None else np.where(history.splits > 0, history.splits, 1.0)
    # Shares of the last session per share of this one: the product of the splits still to come.
    later = np.append(np.cumprod(ratios[::-1])[::-1][1:], 1.0)

    def price(values: NDArray[np.float64] | None) -> Column:
        return _column((history.close if values is None else values) / later)

    return Listing(
        symbol=symbol,
        sessions=sessions,
        open=price(history.open),
        high=price(history.high),
        low=price(history.low),
        close=price(history.close),
        adjusted_close=_column(history.adjusted_close),
        volume=_column(np.zeros(len(history)) if history.volume is None else history.volume * later),
        currency=history.currency or "USD",
        splits={
            day: Fraction(ratio).limit_denominator(1000).as_integer_ratio()
            for day, ratio in zip(sessions, ratios.tolist(), strict=True)
            if ratio != 1.0
        },
    )


def _column(values: NDArray[np.float64]) -> Column:
    return [None if math.isnan(value) else value for value in values.tolist()]
