"""Trends: how far a price has come over weeks and months, and how far it is below its top, in units of its volatility.

Shapes: T sessions. A row uses bars up to and including its own session.
"""

from __future__ import annotations

import numpy as np

from stockcast.prices.history import Floats
from stockcast.windows.features import HAR_SPANS, SessionReturns, trailing_maximum, trailing_mean

TREND_SPANS = (2, 5, 22, 66, 250)
DRAWDOWN_SPANS = (66, 250)
TREND_NAMES = (
    *(f"trend_{span}" for span in TREND_SPANS),
    *(f"drawdown_{span}" for span in DRAWDOWN_SPANS),
)
"""Columns of `trend_columns`, in their order."""

_MONTH, _YEAR = HAR_SPANS[2], HAR_SPANS[3]


def trend_columns(m: SessionReturns) -> dict[str, Floats]:
    """Returns over several spans and the distance to the highest close of them, shape [T] each, no unit.

    trend_N: mean return of N sessions times sqrt(N), over the scale of as many sessions, at least a month: a t-value.
    drawdown_N: ln of the close over the highest of N, over sqrt(N) times the scale of a year; 0 at a top, else below.
    """
    columns = [
        trailing_mean(m.r_T, span) * np.sqrt(span) / np.sqrt(trailing_mean(m.v_T, max(span, _MONTH)))
        for span in TREND_SPANS
    ]
    ln_close_T = np.cumsum(m.r_T)
    scale_T = np.sqrt(trailing_mean(m.v_T, _YEAR))
    columns += [
        (ln_close_T - trailing_maximum(ln_close_T, span)) / (scale_T * np.sqrt(span)) for span in DRAWDOWN_SPANS
    ]
    return dict(zip(TREND_NAMES, columns, strict=True))
