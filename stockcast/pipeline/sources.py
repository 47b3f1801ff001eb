"""What stood before `pipeline.source` and goes: the door's functions under their old names."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from stockcast.pipeline.source import PROVIDER, FetchSession, PriceSeries, PriceSource, ticker_of
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.progress import Progress

if TYPE_CHECKING:
    from stockcast.storage.database import Database

__all__ = ["PROVIDER", "Quotes", "load", "quotes", "refuse_file_options", "stored", "ticker_of"]

Quotes: TypeAlias = PriceSeries


def load(
    source: str,
    read: ReadOptions,
    home: Path | None = None,
    fetch_session: FetchSession | None = None,
    progress: Progress | None = None,
) -> History:
    """The history that `PriceSource.load` finds."""
    return PriceSource.of(home, read, fetch_session).load(source, progress).history


def quotes(
    source: str, read: ReadOptions, home: Path, fetch_session: FetchSession | None, progress: Progress
) -> PriceSeries:
    """What `PriceSource.load` finds of a ticker."""
    return PriceSource.of(home, read, fetch_session).load(source, progress)


def stored(
    db: Database, ticker: str, _now: datetime, start: date | None = None, end: date | None = None
) -> PriceSeries:
    """What the store has of a ticker."""
    return PriceSource(db.path.parent, ReadOptions(start=start, end=end)).load(ticker, fetch="never")


def refuse_file_options(source: str, read: ReadOptions) -> None:
    """Raise DataError where something is said of a ticker that only a file has."""
    PriceSource(None, read).refuse_file_options(source)
