"""A provider in memory, in the place of the client that asks Yahoo Finance: New York sessions up to April 2021."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from stockcast.config.sources import FetchConfig
from stockcast.pipeline.fetching import Fetcher
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.prices.events import EventDates
from stockcast.prices.yahoo import client, events
from stockcast.prices.yahoo.answer import Answer, Meta
from stockcast.prices.yahoo.failures import UnknownTicker
from stockcast.prices.yahoo.session import Deadline
from stockcast.progress import Silent
from stockcast.storage.database import Database
from tests import synthetic
from tests.progress import ProgressLog

THURSDAY, MONDAY, TUESDAY, WEDNESDAY = date(2021, 4, 1), date(2021, 4, 5), date(2021, 4, 6), date(2021, 4, 7)
"""Sessions in a row: Friday is a holiday."""

LAST = date(2021, 4, 30)
NEW_YORK = Meta("", exchange_code="NMS", zone="America/New_York", currency="USD", kind="EQUITY")


def evening(day: date) -> datetime:
    """An hour after New York's close, in summer."""
    return datetime(day.year, day.month, day.day, 21, tzinfo=UTC)


def series(ticker: str, sessions: int = 60, seed: int = 0, meta: Meta = NEW_YORK) -> Answer:
    """Made-up bars of New York's sessions, the newest on LAST."""
    h = synthetic.on_exchange(ticker, LAST, sessions, seed)
    return Answer(
        h.dates, h.open, h.high, h.low, h.close, h.adjusted_close, h.volume,
        np.zeros(len(h)), np.ones(len(h)), ticker, replace(meta, symbol=ticker),
    )  # fmt: skip


class Provider:
    """What the provider has of each ticker up to the day of the question, and what it was asked.

    troubles: what the next questions meet, first come first served; None for an answer. reports: day and hour of the
    reports of each ticker, asked_dates and date_troubles what `asked` and `troubles` are of these.
    """

    def __init__(self, *listed: Answer) -> None:
        self.listed = {answer.ticker: answer for answer in listed}
        self.asked: list[tuple[str, date | None]] = []
        self.zones: list[str | None] = []
        self.deadlines: list[Deadline] = []
        self.troubles: list[Exception | None] = []
        self.reports: dict[str, list[tuple[date, str]]] = {}
        self.asked_dates: list[tuple[str, date]] = []
        self.date_troubles: list[Exception | None] = []

    def install(self, patch: pytest.MonkeyPatch) -> Provider:
        """Stand where Yahoo is asked."""
        patch.setattr(client, "ask_yahoo", self.fetch)
        patch.setattr(events, "ask_event_dates", self.fetch_dates)
        return self

    def fetch_dates(
        self, ticker: str, now: datetime, deadline: Deadline, zone: str, hours: tuple[time, time] | None
    ) -> EventDates:
        """As `stockcast.prices.yahoo.events.ask_event_dates`."""
        assert deadline.left() <= deadline.seconds
        assert hours == (time(9, 30), time(16)) or zone != "America/New_York"
        today = now.astimezone(ZoneInfo(zone)).date()
        self.asked_dates.append((ticker, today))
        trouble = self.date_troubles.pop(0) if self.date_troubles else None
        if trouble is not None:
            raise trouble
        return EventDates.merged(self.reports.get(ticker, ()), events.SOURCE, today)

    def fetch(self, ticker: str, start: date | None, now: datetime, deadline: Deadline, zone: str | None) -> Answer:
        """As `stockcast.prices.yahoo.client.ask_yahoo`."""
        self.zones.append(zone)
        self.asked.append((ticker, start))
        self.deadlines.append(deadline)
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None:
            raise trouble
        if ticker not in self.listed:
            raise UnknownTicker(ticker)
        answer = self.listed[ticker]
        today = np.datetime64(now.astimezone(ZoneInfo("America/New_York")).date())
        kept = answer.dates <= today
        if start is not None:
            kept &= answer.dates >= np.datetime64(start)
        return answer.take(kept)

    def split(self, ticker: str, day: date, shares: float) -> None:
        """Every price before `day` divided, as the provider restates it."""
        a = self.listed[ticker]
        before, at = a.dates < np.datetime64(day), a.dates == np.datetime64(day)
        prices = {
            name: np.where(before, getattr(a, name) / shares, getattr(a, name))
            for name in ("open", "high", "low", "close", "adjusted_close")
        }
        volume, splits = np.where(before, a.volume * shares, a.volume), np.where(at, shares, a.splits)
        self.listed[ticker] = replace(a, volume=volume, splits=splits, **prices)

    def dividend(self, ticker: str, day: date, amount: float) -> None:
        """Every adjusted close before `day` lowered by the dividend's share of the close before it."""
        a = self.listed[ticker]
        before, at = a.dates < np.datetime64(day), a.dates == np.datetime64(day)
        factor = 1.0 - amount / float(a.close[before][-1])
        adjusted = np.where(before, a.adjusted_close * factor, a.adjusted_close)
        dividends = np.where(at, amount, a.dividends)
        self.listed[ticker] = replace(a, adjusted_close=adjusted, dividends=dividends)

    def correct(self, ticker: str, day: date, **values: float) -> None:
        """Other values of one bar."""
        a = self.listed[ticker]
        at = a.dates == np.datetime64(day)
        changed: dict[str, Any] = {name: np.where(at, value, getattr(a, name)) for name, value in values.items()}
        self.listed[ticker] = replace(a, **changed)

    def withdraw(self, ticker: str, kept: slice) -> None:
        """Have these bars alone."""
        a = self.listed[ticker]
        self.listed[ticker] = a.take(np.arange(len(a))[kept])


def fetcher(
    db: Database,
    config: FetchConfig | None = None,
    log: ProgressLog | None = None,
    fetch_session: FetchSession | None = None,
) -> Fetcher:
    """A fetcher that pauses for nobody."""
    config = config or FetchConfig(pause=0)
    return Fetcher(db, fetch_session or FetchSession(config), log or Silent())


def stored(db: Database, ticker: str) -> PriceSeries:
    """What the store has of a ticker."""
    return PriceSource(db.path.parent).load(ticker, fetch="never")
