"""Made-up but plausible prices: GARCH volatility, Student-t returns, full bars, and a volume that foretells.

A loud session is followed by a wide one: a network has something to learn that GARCH and HAR cannot know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from stockcast.evaluation import audit
from stockcast.models import baselines
from stockcast.prices.events import AFTER, BEFORE, EventCalendar, EventDates
from stockcast.prices.history import History
from stockcast.prices.sessions import load_calendar


def history(sessions: int = 900, seed: int = 0, first: str = "2012-01-03", ticker: str = "FAKE") -> History:
    """Weekday bars of one ticker, all columns present, adjusted close equal to close."""
    draw = np.random.default_rng(seed)
    dates = np.busday_offset(first, np.arange(sessions), roll="forward").astype("datetime64[D]")
    loudness = draw.standard_normal(sessions)
    variance, returns, scales = 1e-4, np.empty(sessions), np.empty(sessions)
    for t in range(sessions):
        scales[t] = np.sqrt(variance) * np.exp(0.3 * loudness[t - 1] if t else 0.0)
        returns[t] = 2e-4 + scales[t] * draw.standard_t(6) * np.sqrt(4 / 6)
        variance = 2e-6 + 0.08 * returns[t] ** 2 + 0.90 * variance
    close = 50 * np.exp(np.cumsum(returns))
    previous = np.concatenate(([50.0], close[:-1]))
    opening = previous * np.exp(0.5 * scales * draw.standard_normal(sessions))
    wick = np.abs(scales * draw.standard_normal((2, sessions))) / 2
    return History(
        ticker=ticker,
        dates=dates,
        close=close,
        adjusted_close=close.copy(),
        open=opening,
        high=np.maximum(opening, close) * np.exp(wick[0]),
        low=np.minimum(opening, close) * np.exp(-wick[1]),
        volume=np.round(1e6 * np.exp(0.5 * loudness)),
        source="synthetic",
    )


def reporting(h: History, seed: int = 0, whens: tuple[str, ...] = (BEFORE, AFTER, AFTER), every: int = 63) -> History:
    """The same company with quarterly reports, known to the hour, to each of which the price jumps overnight."""
    draw = np.random.default_rng(seed)
    rows = np.arange(every // 2, len(h), every)
    hours = [whens[k % len(whens)] for k in range(len(rows))]
    reacts = rows + np.array([hour != BEFORE for hour in hours])
    jump_T = np.zeros(len(h))
    inside = reacts < len(h)
    jump_T[reacts[inside]] = 0.05 * draw.standard_t(6, len(rows))[inside]
    level_T = np.exp(np.cumsum(jump_T))
    bars = {name: getattr(h, name) * level_T for name in ("open", "high", "low", "close", "adjusted_close")}
    calendar = load_calendar("weekdays", h.first, h.last + timedelta(days=800))
    return replace(h, **bars, events=EventCalendar((EventDates(h.dates[rows], tuple(hours), "made-up"),), calendar))


def on_exchange(ticker: str, last: date, sessions: int, seed: int = 0, calendar: str = "XNYS") -> History:
    """The same prices on the newest sessions of an exchange up to `last`."""
    first = last - timedelta(days=2 * sessions)
    known = load_calendar(calendar, first, last)
    days = known.next_sessions(first, known.count_between(first, last))[-sessions:]
    return replace(history(len(days), seed, ticker=ticker), dates=np.array(days, dtype="datetime64[D]"))


def replaced(h: History, bars: int) -> History:
    """The same up to bar `bars`, then others, as an audit puts them there; no move looks like a split in a file."""
    return audit.replaced(h, bars, spread=0.05)


FUTURES: dict[str, Callable[[History, int], History]] = audit.CHANGES | {"replaced": replaced}
"""What may happen to the bars after the first so many."""


def write_csv(path: Path, h: History) -> Path:
    """The history in Yahoo's layout, every digit kept."""
    names = {"Open": h.open, "High": h.high, "Low": h.low, "Close": h.close, "Adj Close": h.adjusted_close}
    columns = {name: values for name, values in (names | {"Volume": h.volume}).items() if values is not None}
    lines = [",".join(["Date", *columns])]
    for t in range(len(h)):
        lines.append(",".join([str(h.dates[t]), *(repr(float(values[t])) for values in columns.values())]))
    path.write_text("\n".join(lines) + "\n")
    return path


@contextmanager
def only_baselines(*names: str) -> Iterator[None]:
    """These baselines alone, wherever they are looked up; afterwards all of them again, in their order."""
    tables = (baselines.BASELINES, baselines.ALL_BASELINES)
    kept = [dict(table) for table in tables]
    for table in tables:
        for name in set(table) - set(names):
            del table[name]
    try:
        yield
    finally:
        for table, every in zip(tables, kept, strict=True):
            table.clear()
            table.update(every)
