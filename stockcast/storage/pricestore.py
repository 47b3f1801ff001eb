"""Price store: daily bars and what is known of each ticker, as the provider had them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from stockcast.errors import StorageError
from stockcast.prices.history import BAR_COLUMNS, Bars
from stockcast.prices.hours import TradingHours
from stockcast.prices.sessions import SessionCalendar
from stockcast.storage.codec import decode, encode
from stockcast.storage.database import Database


@dataclass(frozen=True)
class Instrument:
    """What is known of a ticker beside its prices.

    Args:
        exchange: Name of the calendar.
        zone: IANA name of the exchange's time zone.
        fetched_at: ISO time of the provider's last answer.
        guessed: Whether the exchange is not known, and calendar and hours stand in.

    """

    ticker: str
    exchange: str
    currency: str | None
    zone: str
    calendar: SessionCalendar
    hours: TradingHours
    fetched_at: str
    guessed: bool


_SELECT_BARS = f"SELECT session, {', '.join(BAR_COLUMNS)} FROM prices WHERE ticker = ? ORDER BY session"
_UPSERT_BAR = (
    f"INSERT INTO prices (ticker, session, {', '.join(BAR_COLUMNS)}) VALUES (?, ?{', ?' * len(BAR_COLUMNS)}) "
    f"ON CONFLICT (ticker, session) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in BAR_COLUMNS)}"
)
_INSTRUMENT = tuple(field.name for field in fields(Instrument))
_SELECT_INSTRUMENT = f"SELECT {', '.join(_INSTRUMENT)} FROM instruments WHERE ticker = ?"
_UPSERT_INSTRUMENT = (
    f"INSERT INTO instruments ({', '.join(_INSTRUMENT)}) VALUES ({', '.join('?' * len(_INSTRUMENT))}) "
    f"ON CONFLICT (ticker) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _INSTRUMENT[1:])}"
)


def instrument(db: Database, ticker: str) -> Instrument | None:
    """What is known of a ticker; None where nothing is stored. Raises StorageError where that cannot be read."""
    row = db.row(_SELECT_INSTRUMENT, (ticker,))
    if row is None:
        return None
    known = dict(zip(_INSTRUMENT, row, strict=True))
    try:
        ZoneInfo(known["zone"])
        calendar, hours = (
            decode(kind, json.loads(known[name]), name, whole=True)
            for name, kind in (("calendar", SessionCalendar), ("hours", TradingHours))
        )
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise _unreadable(db, f"time zone, calendar or trading hours of {ticker}", error) from error
    return Instrument(**known | {"calendar": calendar, "hours": hours, "guessed": bool(known["guessed"])})


def save_instrument(db: Database, known: Instrument) -> None:
    """Store what is known of a ticker, in the place of what was known before."""
    columns = encode(known).values()
    db.execute(_UPSERT_INSTRUMENT, [json.dumps(one) if isinstance(one, dict) else one for one in columns])


def stored_tickers(db: Database) -> list[str]:
    """Tickers that something is stored of, sorted."""
    return [ticker for (ticker,) in db.rows("SELECT ticker FROM instruments ORDER BY ticker")]


def unreadable_tickers(db: Database) -> list[tuple[object, ...]]:
    """Tickers of which calendar, hours or time zone cannot be read."""
    found: list[tuple[object, ...]] = []
    for ticker in stored_tickers(db):
        try:
            instrument(db, ticker)
        except StorageError:
            found.append((ticker,))
    return found


def bars(db: Database, ticker: str) -> Bars | None:
    """All bars of a ticker, to the last bit as they were stored; None where there are none.

    Raises StorageError where a stored value is no date or no number.
    """
    rows = db.rows(_SELECT_BARS, (ticker,))
    if not rows:
        return None
    sessions, *columns = zip(*rows, strict=True)
    try:
        # NULL comes as None, which NumPy reads as NaN.
        return Bars(
            np.array(sessions, dtype="datetime64[D]"), *(np.array(column, dtype=np.float64) for column in columns)
        )
    except (TypeError, ValueError) as error:
        raise _unreadable(db, f"prices of {ticker}", error) from error


def last_session(db: Database, ticker: str) -> date | None:
    """The newest stored session of a ticker; None where there are no bars."""
    row = db.row("SELECT max(session) AS session FROM prices WHERE ticker = ?", (ticker,))
    return date.fromisoformat(row[0]) if row and row[0] is not None else None


def replace(db: Database, known: Instrument, fetched: Bars) -> None:
    """Put these bars in the place of all that are stored of the ticker: all of them, or after a failure none."""
    with db.transaction():
        db.execute("DELETE FROM prices WHERE ticker = ?", (known.ticker,))
        merge(db, known, fetched)


def merge(db: Database, known: Instrument, fetched: Bars) -> None:
    """Add these bars, in the place of stored ones of the same sessions: all of them, or after a failure none."""
    with db.transaction():
        save_instrument(db, known)
        db.execute_many(_UPSERT_BAR, _rows(known.ticker, fetched))


def _rows(ticker: str, fetched: Bars) -> Iterator[tuple[object, ...]]:
    # Python's own floats, one list for each column: SQLite stores NaN as NULL.
    columns = (getattr(fetched, name).tolist() for name in BAR_COLUMNS)
    for session, *values in zip(fetched.dates.astype(str).tolist(), *columns, strict=True):
        yield ticker, session, *values


def _unreadable(db: Database, what: str, error: Exception) -> StorageError:
    return StorageError(
        f"the {what} in {db.path} cannot be read: {error}",
        "`stockcast doctor --repair` leaves it out: then fetch it again",
    )
