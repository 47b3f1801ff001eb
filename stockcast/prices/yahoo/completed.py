"""Completed: the bars of an answer that are final. What the session of today will come to, nobody knows yet."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np

from stockcast.prices.history import Dates
from stockcast.prices.hours import TradingHours
from stockcast.prices.rawbars import listed
from stockcast.prices.sessions import SessionCalendar
from stockcast.prices.yahoo.answer import Answer


def completed(
    answer: Answer, calendar: SessionCalendar, hours: TradingHours, now: datetime
) -> tuple[Answer, tuple[str, ...]]:
    """The bars whose session is over at `now` and that have a close, each session once; and notes on those without.

    The provider sends the bar of a running session among the others, unmarked, and at times a session twice, of which
    the later bar is kept. A session is over when its trading hours are, and not before the end that the provider
    itself gives for it. Some minutes pass before the newest bar has its close.
    """
    final = np.array([_is_over(day, answer, hours, now) for day in answer.dates.astype(object)], dtype=bool)
    answer = answer.take(final)
    priced = np.isfinite(answer.close) & np.isfinite(answer.adjusted_close)
    notes = _notes(answer.ticker, np.setdiff1d(answer.dates[~priced], answer.dates[priced]), calendar, hours, now)
    answer = answer.take(priced)
    last_of_session = np.ones(len(answer), dtype=bool)
    last_of_session[:-1] = answer.dates[1:] != answer.dates[:-1]
    return answer.take(last_of_session), notes


def _is_over(day: date, answer: Answer, hours: TradingHours, now: datetime) -> bool:
    if hours.close_of(day) > now:
        return False
    end = answer.meta.period_end
    return end is None or day != hours.session_date(end) or now >= end


def _notes(
    ticker: str, missing: Dates, calendar: SessionCalendar, hours: TradingHours, now: datetime
) -> tuple[str, ...]:
    """What to say of sessions without a close: the newest may get one, the others are past hope."""
    newest = np.datetime64(hours.last_completed(calendar, now))
    late, past = missing[missing >= newest], missing[missing < newest]
    notes = [f"{ticker}: the bar of {day} has no close yet and is left out" for day in late]
    if len(past) == 1:
        notes.insert(0, f"{ticker}: the bar of {past[0]} has no close and is left out")
    elif len(past):
        notes.insert(0, f"{ticker}: {len(past)} bars have no close and are left out: {listed(past)}")
    return tuple(notes)
