"""Instruments: what the provider says of a ticker becomes its exchange's calendar and trading hours."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from stockcast.errors import ConfigError
from stockcast.storage.pricestore import Instrument

if TYPE_CHECKING:
    from stockcast.prices.yahoo.client import Answer

# A forecast may be of 250 sessions ahead, which is a year.
_BACK, _AHEAD, _LEAST_AHEAD = timedelta(days=30), timedelta(days=500), timedelta(days=380)
_EARLIEST = date(1900, 1, 1)


def described(ticker: str, answer: Answer, now: datetime, known: Instrument | None) -> Instrument:
    """The instrument that an answer is about; calendar and hours that reach far enough ahead are kept.

    An exchange that cannot be told, or whose holidays cannot be worked out, is taken to trade on weekdays, and marked
    as guessed; what was known before outlasts an answer that does not tell.
    """
    from stockcast.prices.exchanges import WEEKDAYS, calendar_of

    meta = answer.meta
    told = calendar_of(meta.exchange_code, meta.zone, meta.kind)
    name, guessed = told.name, told.guessed
    if known is not None and (told.guessed or told.name == known.exchange):
        if known.calendar.knows((now + _LEAST_AHEAD).date()):
            return _kept(known, now, meta.currency, meta.zone)
        name, guessed = known.exchange, known.guessed
    try:
        return _built(ticker, name, guessed, answer, now, known)
    except ConfigError:
        return _built(ticker, WEEKDAYS, True, answer, now, known)


def _kept(known: Instrument, now: datetime, currency: str | None, zone: str | None) -> Instrument:
    from dataclasses import replace

    return replace(known, currency=currency or known.currency, zone=zone or known.zone, fetched_at=_stamp(now))


def _built(
    ticker: str, exchange: str, guessed: bool, answer: Answer, now: datetime, known: Instrument | None
) -> Instrument:
    from stockcast.prices.hours import load_hours
    from stockcast.prices.sessions import load_calendar

    meta = answer.meta
    first: date = answer.dates[0].astype(object) if len(answer) else now.date()
    if known is not None:
        first = min(first, known.calendar.first)
    # A calendar of weekdays has no first day.
    start, through = max(min(first, now.date()), _EARLIEST + _BACK) - _BACK, (now + _AHEAD).date()
    zone = meta.zone or (known.zone if known else None)
    hours = load_hours(exchange, start, through, zone, _local(meta.period_end, zone))
    return Instrument(
        ticker=ticker,
        exchange=exchange,
        currency=meta.currency or (known.currency if known else None),
        zone=zone or "UTC",
        calendar=load_calendar(exchange, start, through),
        hours=hours.to_json(),
        fetched_at=_stamp(now),
        guessed=guessed,
    )


def _local(moment: datetime | None, zone: str | None) -> time | None:
    """The exchange's own clock at a moment: what is known of the close where no calendar is.

    None at midnight, which ends the day before and would begin the session's own.
    """
    from zoneinfo import ZoneInfo

    if moment is None or zone is None:
        return None
    at = moment.astimezone(ZoneInfo(zone)).time()
    return None if (at.hour, at.minute) == (0, 0) else at


def _stamp(now: datetime) -> str:
    return now.isoformat(timespec="seconds")
