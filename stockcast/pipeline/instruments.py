"""Instruments: what the provider says of a ticker becomes its exchange's calendar and trading hours."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from stockcast.storage.pricestore import Instrument

if TYPE_CHECKING:
    from stockcast.prices.yahoo.client import Answer

_BACK, _AHEAD, _LEAST_AHEAD = timedelta(days=30), timedelta(days=400), timedelta(days=300)


def described(ticker: str, answer: Answer, now: datetime, known: Instrument | None) -> Instrument:
    """The instrument that an answer is about; calendar and hours that reach far enough ahead are kept.

    An exchange that cannot be told is taken to trade on weekdays, and marked as guessed.
    """
    from stockcast.prices.exchanges import calendar_of

    meta = answer.meta
    told = calendar_of(meta.exchange_code, meta.zone, meta.kind)
    named = bool(meta.exchange_code or meta.zone)
    if known is not None and (not named or told.name == known.exchange):
        fresh = known.calendar.knows((now + _LEAST_AHEAD).date())
        if fresh:
            return _kept(known, now, meta.currency, meta.zone)
        told_name, guessed = known.exchange, known.guessed
    else:
        told_name, guessed = told.name, told.guessed
    return _built(ticker, told_name, guessed, answer, now, known)


def _kept(known: Instrument, now: datetime, currency: str | None, zone: str | None) -> Instrument:
    from dataclasses import replace

    return replace(known, currency=currency or known.currency, zone=zone or known.zone, fetched_at=_stamp(now))


def _built(
    ticker: str, exchange: str, guessed: bool, answer: Answer, now: datetime, known: Instrument | None
) -> Instrument:
    from stockcast.prices.hours import load_hours
    from stockcast.prices.sessions import load_calendar

    meta = answer.meta
    first: date = now.date() if not len(answer.dates) else answer.dates[0].astype(object)
    if known is not None:
        first = min(first, known.calendar.first)
    start, through = max(min(first, now.date()) - _BACK, date(1900, 1, 1)), (now + _AHEAD).date()
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
    """The exchange's own clock at a moment: what is known of the close where no calendar is."""
    from zoneinfo import ZoneInfo

    return None if moment is None or zone is None else moment.astimezone(ZoneInfo(zone)).time()


def _stamp(now: datetime) -> str:
    return now.isoformat(timespec="seconds")
