"""The clock: what the store and the provider say of it. By a wrong one, what is settled already passes for to come."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from stockcast import config as settings
from stockcast.errors import DataError, StorageError
from stockcast.storage import pricestore
from stockcast.storage.database import Database
from stockcast.storage.ledger import reading

SKEW = timedelta(minutes=10)
"""A clock further off than this fetches nothing: the provider's bars are a quarter of an hour late."""

UNREADABLE = (StorageError, OverflowError, TypeError, ValueError)
"""What a damaged store raises here: that is told where its prices are used, and by the check-up."""


def contradiction(db: Database, now: datetime, ticker: str | None = None) -> str | None:
    """How the store contradicts a clock that is behind, in words; None where it does not.

    A session that has a bar, or from which a forecast is on record, is over.

    Args:
        db: The store.
        now: What the clock says.
        ticker: Whose sessions; None: the newest session of all tickers.
    """
    with suppress(*UNREADABLE):
        newest = reading.newest_session(db, ticker)
        known = None if newest is None else pricestore.instrument(db, newest[0])
        if newest is not None and known is not None:
            over = known.hours.close_of(newest[1])
            if over > now:
                return (
                    f"the clock is wrong: by it, it is {_words(now)}, and the store has {newest[0]} up to the session "
                    f"of {newest[1]}, which ended at {_words(over)}"
                )
    return None


def require_clock(db: Database, ticker: str | None = None) -> None:
    """Raise DataError where the store contradicts the clock; see `contradiction`."""
    wrong = contradiction(db, settings.now(), ticker)
    if wrong is not None:
        raise DataError(wrong, remedy())


def remedy() -> str:
    """How a clock that is wrong is mended."""
    if settings.is_replay():
        return "unset STOCKCAST_NOW, or replay the past in a home of its own: --home DIR"
    return "set the clock, or let NTP do it; `stockcast doctor` compares it with the provider's"


def require_agreement(theirs: datetime | None) -> None:
    """Raise DataError where the machine's clock is far off the provider's.

    STOCKCAST_NOW is no clock that could be wrong.

    Args:
        theirs: The provider's time of this moment; None where it does not say.
    """
    if theirs is None or settings.is_replay():
        return
    off = skew(theirs)
    if abs(off) > SKEW:
        raise DataError(f"the clock is wrong: {skew_words(off, theirs)}", remedy())


def skew(theirs: datetime) -> timedelta:
    """How far the clock is ahead of the provider's; negative where it is behind."""
    return settings.now() - theirs


def skew_words(off: timedelta, theirs: datetime) -> str:
    """The same in words."""
    way = "ahead of" if off > timedelta(0) else "behind"
    far = timedelta(seconds=round(abs(off).total_seconds()))
    return f"it is {far} {way} the provider's, by which it is {_words(theirs)}"


def _words(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
