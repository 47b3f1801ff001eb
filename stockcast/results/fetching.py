"""Fetches: what became of one ticker's stored prices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class FetchResult:
    """A ticker's prices in the store after a look at the provider.

    sessions: bars stored. added: new ones. corrected: stored bars that the provider has since changed. restated: why
    the whole history was replaced, None where it was not. asked: False where the stored prices did. completed: the
    exchange's last session that is over; age_sessions: sessions that the newest bar is behind it.
    """

    ticker: str
    exchange: str
    currency: str | None
    first: date
    last: date
    sessions: int
    added: int
    corrected: int
    restated: str | None
    asked: bool
    completed: date
    age_sessions: int
    notes: tuple[str, ...] = ()
