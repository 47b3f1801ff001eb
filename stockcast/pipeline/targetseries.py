"""Hosts: the series that covariates go with, whose closes decide what is seen of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from stockcast.prices.closing import Closing
from stockcast.prices.history import Dates, History
from stockcast.prices.sessions import SessionCalendar

if TYPE_CHECKING:
    from stockcast.pipeline.sources import Quotes
    from stockcast.prices.hours import TradingHours


@dataclass(frozen=True)
class TargetSeries:
    """What covariates go with: one series, or the members of a pool together.

    dates: its sessions. hours: None for files, of which nothing but the exchange is known; they are looked up where
    they are needed. sha256: of its bars, None for several.
    """

    name: str
    dates: Dates
    calendar: SessionCalendar
    hours: TradingHours | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, history: History, calendar: SessionCalendar, found: Quotes | None = None) -> TargetSeries:
        """One series. found: its quotes, where it is a ticker of that calendar."""
        hours = found.hours if found is not None and found.exchange == calendar.exchange else None
        return cls(history.ticker, history.dates, calendar, hours, history.sha256())

    @classmethod
    def together(cls, histories: Sequence[History], calendar: SessionCalendar) -> TargetSeries:
        """The members of a pool."""
        return cls("the pool", np.unique(np.concatenate([h.dates for h in histories])), calendar)

    @property
    def first(self) -> date:
        """The first session."""
        day: date = self.dates[0].astype("datetime64[D]").astype(object)
        return day

    @property
    def last(self) -> date:
        """The last session."""
        day: date = self.dates[-1].astype("datetime64[D]").astype(object)
        return day

    @property
    def is_known(self) -> bool:
        """Whether the holidays around its last session are known."""
        return self.calendar.knows(self.last)

    def closing(self, other: Closing | None = None) -> Closing:
        """When its sessions end, with the hours where those of `other` have to be compared."""
        own = Closing(self.calendar.exchange, self.hours)
        if other is None or self.hours is not None or other.exchange == own.exchange:
            return own
        return replace(own, hours=hours_around(own.exchange, self.dates))


def calendar_for(history: History, exchange: str | None, found: Quotes | None) -> SessionCalendar:
    """The calendar of an exchange; None: the ticker's own, and New York's for a file."""
    from stockcast.pipeline.source import calendar_end
    from stockcast.prices.sessions import DEFAULT_EXCHANGE, load_calendar

    if found is not None and exchange in {None, found.exchange}:
        return found.calendar
    return load_calendar(exchange or DEFAULT_EXCHANGE, history.first, calendar_end(history.last))


def hours_around(exchange: str, dates: Dates) -> TradingHours:
    """Trading hours for sessions from the first of `dates` to those that are still to come."""
    from stockcast.pipeline.source import calendar_end

    first, last = (day.astype("datetime64[D]").astype(object) for day in (dates[0], dates[-1]))
    return _looked_up(exchange, first, calendar_end(last))


@lru_cache(maxsize=8)
def _looked_up(exchange: str, first: date, through: date) -> TradingHours:
    """Trading hours, which take a while to be worked out, and are asked for by each covariate."""
    from stockcast.prices.hours import load_hours

    return load_hours(exchange, first, through)
