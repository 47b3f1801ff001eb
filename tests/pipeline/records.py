"""A store with AAPL's bars of summer 2024 and forecasts on record: no session on the fourth of July."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np

from stockcast.prices.history import Bars
from stockcast.prices.hours import load_hours
from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.storage import pricestore
from stockcast.storage.database import Database
from stockcast.storage.ledger import recording
from stockcast.storage.pricestore import Instrument
from tests.storage.entries import entry

MON, TUE, WED, FRI = date(2024, 7, 1), date(2024, 7, 2), date(2024, 7, 3), date(2024, 7, 5)
NEXT = tuple(date(2024, 7, day) for day in (8, 9, 10, 11, 12))
FIRST, THROUGH = date(2024, 1, 1), date(2025, 12, 31)


def calendar() -> SessionCalendar:
    return load_calendar("XNYS", FIRST, THROUGH)


def evening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 21, tzinfo=UTC)


def days(*sessions: date) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return np.array(sessions, dtype="datetime64[D]")


def store(db: Database, sessions: Sequence[date], ticker: str = "AAPL") -> None:
    """Bars of these sessions, and no others."""
    known = Instrument(
        ticker, "XNYS", "USD", "America/New_York", calendar(), load_hours("XNYS", FIRST, THROUGH),
        "2024-07-05T21:00:00+00:00", guessed=False,
    )  # fmt: skip
    prices = np.linspace(100.0, 101.0, len(sessions))
    nothing, none = np.zeros(len(sessions)), np.ones(len(sessions))
    bars = Bars(days(*sessions), prices, prices, prices, prices, prices, 1e6 * none, nothing, none)
    pricestore.replace(db, known, bars)


def record(db: Database, *origins: date, kind: str = "live", model: str = "AAPL") -> None:
    """A forecast of the next session from each origin."""
    for origin in origins:
        target = calendar().next_sessions(origin, 1)[0]
        recording.record(db, [entry(origin, target, kind=kind, model=model)], evening(origin))
