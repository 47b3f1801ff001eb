"""Plain bars: those of a quiet stock, nothing wrong with them, for tests that put something wrong in."""

from __future__ import annotations

import numpy as np

from stockcast.prices.history import Floats, RawBars

SESSIONS = 60


def bars(sessions: int = SESSIONS) -> RawBars:
    """Weekday bars; row 2 of the file is the first one."""
    close = 100 + np.sin(np.arange(sessions))
    opening = 100 + np.cos(np.arange(sessions))
    return RawBars(
        ticker="AAPL",
        dates=np.busday_offset("2021-01-04", np.arange(sessions)).astype("datetime64[D]"),
        close=close,
        adjusted_close=close / 2,
        open=opening,
        high=np.maximum(opening, close) + 0.5,
        low=np.minimum(opening, close) - 0.5,
        volume=np.full(sessions, 1e6),
        source="data/AAPL.csv",
        label="AAPL.csv",
        rows=np.arange(2, sessions + 2),
    )


def closes(*values: float) -> RawBars:
    """Bars of closes alone, on weekdays one after the other."""
    close = np.array(values)
    dates = np.busday_offset("2021-01-04", np.arange(len(close))).astype("datetime64[D]")
    return RawBars("AAPL", dates, close, label="AAPL.csv", rows=np.arange(2, len(close) + 2))


def put(values: Floats | None, at: int | list[int], value: float) -> Floats:
    """The values with another one at a place, or at several."""
    assert values is not None
    changed = values.copy()
    changed[at] = value
    return changed
