"""Event store: the dates of reports as they were told, day by day, and when they were last asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

import numpy as np

from stockcast.errors import StorageError
from stockcast.prices.events import EventDates
from stockcast.storage.database import Database


def snapshots(db: Database, ticker: str) -> tuple[EventDates, ...]:
    """What was told of a ticker, oldest first; nothing where nothing was.

    Raises:
        StorageError: Where a stored value is no date or no hour.
    """
    rows = db.rows("SELECT taken, source, dates FROM event_snapshots WHERE ticker = ? ORDER BY taken", (ticker,))
    return tuple(_read(db, ticker, *row) for row in rows)


def unreadable_snapshots(db: Database) -> list[tuple[object, ...]]:
    """Tickers and days of what was told and cannot be read."""
    found: list[tuple[object, ...]] = []
    for ticker, taken, source, dates in db.rows("SELECT ticker, taken, source, dates FROM event_snapshots"):
        try:
            _read(db, ticker, taken, source, dates)
        except StorageError:
            found.append((ticker, taken))
    return found


@dataclass(frozen=True)
class Asked:
    """When the provider was last asked: the day in the exchange's own time zone, and whether it failed."""

    day: date
    failed: bool


def last_asked(db: Database, ticker: str) -> Asked | None:
    """When the provider was last asked; None where it never was."""
    row = db.row("SELECT asked, failed FROM event_requests WHERE ticker = ?", (ticker,))
    return None if row is None else Asked(date.fromisoformat(row[0]), bool(row[1]))


def keep_snapshot(db: Database, ticker: str, told: EventDates, day: date) -> bool:
    """Keep what was told, and that it was asked for: both, or after a failure nothing.

    What was told before is not stored again, and neither is nothing in the place of something. What is older than all
    that is told now stays: no company stops having reported.

    Args:
        db: The store.
        ticker: Whose dates they are.
        told: The dates.
        day: The day of the question, in the exchange's own time zone; `taken` of the snapshot.

    Returns:
        Whether they are new.
    """
    with db.transaction():
        note_asked(db, ticker, Asked(day, failed=False))
        known = snapshots(db, ticker)
        if not len(told):
            return False
        told = told.following(known[-1]) if known else told
        if known and known[-1].tells_as(told):
            return False
        pairs = list(zip(told.days.astype(str).tolist(), told.whens, strict=True))
        db.execute(
            "INSERT INTO event_snapshots (ticker, taken, source, dates) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (ticker, taken) DO UPDATE SET source = excluded.source, dates = excluded.dates",
            (ticker, day.isoformat(), told.source, json.dumps(pairs)),
        )
        return True


def note_asked(db: Database, ticker: str, asked: Asked) -> None:
    """Keep that the provider was asked, so that it is not asked again too soon."""
    db.execute(
        "INSERT INTO event_requests (ticker, asked, failed) VALUES (?, ?, ?) "
        "ON CONFLICT (ticker) DO UPDATE SET asked = excluded.asked, failed = excluded.failed",
        (ticker, asked.day.isoformat(), asked.failed),
    )


def _read(db: Database, ticker: str, taken: str, source: str, dates: str) -> EventDates:
    try:
        days, whens = zip(*json.loads(dates), strict=True)
        return EventDates(np.array(days, dtype="datetime64[D]"), whens, source, date.fromisoformat(taken))
    except (TypeError, ValueError) as error:
        raise StorageError(
            f"the dates of reports of {ticker} in {db.path} cannot be read: {error}",
            "`stockcast doctor --repair` leaves it out: then fetch it again",
        ) from error
