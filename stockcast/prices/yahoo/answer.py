"""Answer: daily bars of one ticker as the provider sent them, and those of them that are final."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from stockcast.prices.history import Bars, Dates, listed
from stockcast.prices.hours import TradingHours
from stockcast.prices.sessions import SessionCalendar

_COLUMNS = {
    "open": "Open",
    "high": "High",
    "low": "Low",
    "close": "Close",
    "adjusted_close": "Adj Close",
    "volume": "Volume",
    "dividends": "Dividends",
    "splits": "Stock Splits",
}


class NotBars(Exception):  # noqa: N818 - says what happened, like the errors of stockcast.errors
    """What was sent are no daily bars; the message says why."""


@dataclass(frozen=True)
class Meta:
    """What the provider says of a ticker; None where it does not say.

    exchange_code: its own code for the exchange. zone: IANA name. kind: EQUITY, ETF, INDEX, CRYPTOCURRENCY, CURRENCY,
    ... period_end: when the current session ends, or the last one ended, in UTC. answered: when, by its own clock, it
    said so, in UTC.
    """

    symbol: str
    exchange_code: str | None = None
    zone: str | None = None
    currency: str | None = None
    kind: str | None = None
    name: str | None = None
    period_end: datetime | None = None
    answered: datetime | None = None


@dataclass(frozen=True, eq=False)
class Answer(Bars):
    """The provider's bars of a ticker, of which a session may come twice, and what it says of the ticker.

    Prices and volume are adjusted for splits, all in the currency of `meta`.
    """

    ticker: str
    meta: Meta


def without_bars(ticker: str, meta: Meta) -> Answer:
    """The answer where the provider knows the ticker and has no bars of the time that was asked for."""
    nothing = {name: np.array([], dtype=np.float64) for name in _COLUMNS}
    return Answer(np.array([], dtype="datetime64[D]"), **nothing, ticker=ticker, meta=meta)


def answer_of(ticker: str, frame: Any, meta: Meta, start: date | None) -> Answer:
    """The bars of yfinance's frame.

    Args:
        ticker: Whose they are.
        frame: A frame as `Ticker.history` gives it.
        meta: What the chart says of the ticker.
        start: First session that is wanted; None: all.

    Raises:
        NotBars: The frame holds no daily bars.
    """
    missing = [name for name in _COLUMNS.values() if name not in frame.columns]
    if missing:
        raise NotBars(f"without {', '.join(missing)}")
    # The index is midnight at the exchange: its own date is the session, that of UTC may be the day before.
    dates: Dates = frame.index.tz_localize(None).to_numpy().astype("datetime64[D]")
    steps = np.diff(dates).astype(np.int64)
    if np.isnat(dates).any() or (steps < 0).any():
        raise NotBars("with dates that do not go forward")
    columns = {ours: frame[theirs].to_numpy(dtype=np.float64, na_value=np.nan) for ours, theirs in _COLUMNS.items()}
    # Events that never happened are 0 for yfinance.
    columns["dividends"] = np.nan_to_num(columns["dividends"], nan=0.0)
    columns["splits"] = np.where(columns["splits"] > 0, columns["splits"], 1.0)
    answer = Answer(dates, **columns, ticker=ticker, meta=meta)
    return answer if start is None else answer.take(dates >= np.datetime64(start))


def meta_of(ticker: str, told: Mapping[str, Any]) -> Meta:
    """What the chart's own metadata say; anything of another type counts as not said."""
    zone = _word(told.get("exchangeTimezoneName"))
    return Meta(
        symbol=_word(told.get("symbol")) or ticker,
        exchange_code=_word(told.get("exchangeName")),
        zone=zone if zone and is_zone(zone) else None,
        currency=_word(told.get("currency")),
        kind=_word(told.get("instrumentType")),
        name=_word(told.get("longName")) or _word(told.get("shortName")),
        period_end=_period_end(told),
    )


def _period_end(told: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromtimestamp(told["currentTradingPeriod"]["regular"]["end"], UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def is_zone(name: str) -> bool:
    """Whether the name is that of a time zone, as far as this machine knows."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def completed(
    answer: Answer, calendar: SessionCalendar, hours: TradingHours, now: datetime
) -> tuple[Answer, tuple[str, ...]]:
    """The bars whose session is over and that have a close, each session once; and notes on those without.

    The provider sends the bar of a running session among the others, unmarked, and at times a session twice, of which
    the later bar is kept. A session is over when its trading hours are, and not before the end that the provider itself
    gives for it. Some minutes pass before the newest bar has its close.

    Args:
        answer: All bars that were sent.
        calendar: Sessions of the exchange.
        hours: When they end.
        now: The moment by which they have to be over.
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
