"""Dates of reports through yfinance's `Ticker.get_earnings_dates`, which reads them from a page for people.

The page has the past and the next one, each with an hour and a zone. Three things are known to be wrong on it: a day
without an hour that was taken for midnight in UTC, and stands as the evening before in New York; an hour within the
session, which is a placeholder; a date that was moved, and still stands beside the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from stockcast.prices.events import APART, UNKNOWN, EventDates, when_at
from stockcast.prices.yahoo.client import OpenSession, attempt
from stockcast.prices.yahoo.failures import ProviderDown, explained
from stockcast.prices.yahoo.session import Deadline

SOURCE = "yahoo"
"""What snapshots from this provider name as their source."""

MOST = 100
"""Reports that one page may have: of 25 years."""

_WANTED = "that is no calendar of reports"
_REPORTED = "Reported EPS"


def ask_event_dates(
    ticker: str, now: datetime, deadline: Deadline, zone: str, hours: tuple[time, time] | None,
    opening: OpenSession | None = None,
) -> EventDates:  # fmt: skip
    """The dates of reports of a ticker, past and to come. They are asked for once: prices do without.

    Args:
        ticker: As finance.yahoo.com writes it.
        now: The moment of the question.
        deadline: When the answer has to be there.
        zone: Time zone of the ticker's exchange.
        hours: When its sessions usually open and close; None where that is not known.
        opening: Makes the session; None: as for prices.

    Returns:
        The dates, taken today; none where the provider has none.

    Raises:
        YahooFailure: The provider cannot answer, or not so that it makes sense.
    """
    clock = ZoneInfo(zone)
    rows = attempt(lambda session: _asked(ticker, session, clock, hours), ticker, deadline, zone, opening)
    told = ((row.day, row.when) for row in _each_once(rows))
    return EventDates.merged(told, SOURCE, now.astimezone(clock).date())


@dataclass(frozen=True, order=True)
class _Row:
    """One report: whether figures came of it says whether it took place."""

    day: date
    when: str
    has_figures: bool


def _asked(ticker: str, session: Any, zone: ZoneInfo, hours: tuple[time, time] | None) -> list[_Row]:
    """The rows of the page; yfinance's errors become ours."""
    import yfinance

    try:
        frame = yfinance.Ticker(ticker, session=session).get_earnings_dates(limit=MOST)
        last = session.replies[-1]
        if frame is None:  # whatever came in the place of the table
            if last.body != "no-reports":
                raise ProviderDown(f"HTTP {last.status}" if last.status >= 400 else "a page that is no calendar")
            return []
        return list(_rows(frame, zone, hours))
    except ProviderDown:
        raise
    except Exception as error:
        raise explained(ticker, error, session.replies, _WANTED) from error


def _rows(frame: Any, zone: ZoneInfo, hours: tuple[time, time] | None) -> Iterator[_Row]:
    import pandas as pd

    figures = pd.to_numeric(frame[_REPORTED], errors="coerce").notna() if _REPORTED in frame else [False] * len(frame)
    for stamp, has_figures in zip(frame.index, figures, strict=True):
        if pd.notna(stamp):
            yield _Row(*_day_and_hour(stamp.to_pydatetime(), zone, hours), bool(has_figures))


def _day_and_hour(moment: datetime, zone: ZoneInfo, hours: tuple[time, time] | None) -> tuple[date, str]:
    """The day at the exchange, and when on it."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    for told in (moment, moment.astimezone(UTC)):
        if told.time() == time():  # a day, of which somebody made a moment
            return told.date(), UNKNOWN
    local = moment.astimezone(zone)
    return local.date(), when_at(local.time(), hours)


def _each_once(rows: Sequence[_Row]) -> list[_Row]:
    """Of dates that are too near one another those with figures, or else the first."""
    kept: list[_Row] = []
    for near in _groups(sorted(rows)):
        best = [row for row in near if row.has_figures] or near
        kept += [row for row in best if row.day == best[0].day]
    return kept


def _groups(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Rows in the order of their days, those together that are too near one another."""
    starts = [0, *(at for at, (one, other) in enumerate(pairwise(rows), start=1) if other.day - one.day > APART)]
    for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
        if start < stop:
            yield list(rows[start:stop])
