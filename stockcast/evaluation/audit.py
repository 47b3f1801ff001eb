"""Audit: other futures for a history, and what a comparison of two histories' forecasts rests on.

A future is other where the bars after a session are gone, in another order, or another stock's nightmare; the bars up
to that session keep their bytes. What was known on that session may not differ.

Shapes: T sessions, N origins.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.evaluation import metrics
from stockcast.evaluation.scores import Entry
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.prices.history import Floats, History
from stockcast.windows.features import Features

WILD = 0.25
"""Standard deviation of a nonsense future's log prices: a lifetime of crashes in a month."""


def removed(h: History, bars: int) -> History:
    """The first `bars` bars alone."""
    return h.rows(0, bars)


def shuffled(h: History, bars: int) -> History:
    """What happened after the first `bars` bars, in another order: each bar keeps its shape, prices follow from it."""
    order = bars + np.random.default_rng(1).permutation(len(h) - bars)
    return _chained(h, bars, order, np.diff(np.log(h.adjusted_close))[order - 1])


def replaced(h: History, bars: int, spread: float = WILD) -> History:
    """After the first `bars` bars nonsense: valid bars with huge moves, wide ranges and volumes of another size.

    Args:
        h: The history.
        bars: How many of its bars stay.
        spread: Standard deviation of the log prices that take the place of the others.
    """
    draw = np.random.default_rng(2)
    count = len(h) - bars
    # Swings that cancel out keep a long future within what a price can be.
    level = spread * draw.standard_normal(count + 1)
    wild = _chained(h, bars, np.arange(bars, len(h)), np.diff(level))
    wide = np.exp(np.abs(draw.standard_normal((2, count))))
    loud = np.exp(3.0 * draw.standard_normal(count))

    def changed(values_T: Floats | None, factor_M: Floats) -> Floats | None:
        return None if values_T is None else _with(values_T, bars, values_T[bars:] * factor_M)

    return replace(
        wild,
        high=changed(wild.high, wide[0]),
        low=changed(wild.low, 1.0 / wide[1]),
        volume=changed(wild.volume, loud),
    )


CHANGES: dict[str, Callable[[History, int], History]] = {
    "removed": removed,
    "shuffled": shuffled,
    "replaced": replaced,
}
"""What may happen to the bars after the first so many."""


def _chained(h: History, bars: int, order: NDArray[np.intp], r_M: Floats) -> History:
    """The history with the shapes of the bars in `order`, and these log returns, after its first `bars`."""
    adjusted_M = h.adjusted_close[bars - 1] * np.exp(np.cumsum(r_M))
    close_M = adjusted_M * (h.close[bars - 1] / h.adjusted_close[bars - 1])

    def shaped(values_T: Floats | None) -> Floats | None:
        return None if values_T is None else _with(values_T, bars, close_M * (values_T[order] / h.close[order]))

    return replace(
        h,
        close=_with(h.close, bars, close_M),
        adjusted_close=_with(h.adjusted_close, bars, adjusted_M),
        open=shaped(h.open),
        high=shaped(h.high),
        low=shaped(h.low),
        volume=None if h.volume is None else _with(h.volume, bars, h.volume[order]),
        splits=None if h.splits is None else _with(h.splits, bars, np.ones(len(order))),
    )


def _with(values_T: Floats, bars: int, new_M: Floats) -> Floats:
    return np.concatenate([values_T[:bars], new_M])


def differing_columns(a: Features, b: Features, rows: int) -> list[str]:
    """Names of the causal columns that differ in the first `rows` sessions, or that `b` lacks.

    Args:
        a: Features of one history.
        b: Features of another one that has the same beginning.
        rows: Sessions that are compared, to the last byte.
    """
    pairs: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {
        "return": (a.session_returns.r_T, b.session_returns.r_T),
        "variance": (a.session_returns.v_T, b.session_returns.v_T),
        "leverage": (a.leverage_T, b.leverage_T),
        "har": (a.har_TK, b.har_TK),
        **{name: (a.x_TF[:, k], b.x_TF[:, k]) for k, name in enumerate(a.names) if name in b.names},
    }
    ours, theirs = _event_columns(a), _event_columns(b)
    pairs |= {name: (ours[name], theirs[name]) for name in ours if name in theirs}
    wrong = [name for name, (x, y) in pairs.items() if x[:rows].tobytes() != y[:rows].tobytes()]
    return wrong + [name for name in (*a.names, *ours) if name not in (*b.names, *theirs)]


def _event_columns(f: Features) -> dict[str, NDArray[Any]]:
    """What the dates of reports say at each row, by name; nothing where there are none."""
    if f.events is None:
        return {}
    said, clean = f.events.rows(0, len(f)), f.events.clean(f)
    return {
        "report due": said.q_N,
        "reaction size": said.ln_size_N,
        "dates known": said.known_N,
        "quarters' shock": said.echo_N,
        "reaction": f.events.reacts(0, len(f)),
        "variance without reactions": clean.session_returns.v_T,
        "har without reactions": clean.har_TK,
        "leverage without reactions": clean.leverage_T,
    }


def dist_bytes(dist: Distribution, start: int, stop: int) -> bytes:
    """The distributions of rows start .. stop - 1 to the last byte.

    Raises:
        TypeError: The kind of distribution is not known.
    """
    if isinstance(dist, StudentT):
        return b"".join(values[start:stop].tobytes() for values in (dist.loc, dist.scale, dist.nu))
    if isinstance(dist, Empirical):
        return dist.values_NK[start:stop].tobytes()
    raise TypeError(f"no bytes of {type(dist).__name__}")


@dataclass(frozen=True)
class LaggedCopy:
    """How near the point forecast is to the close it was made at, and to the one it forecasts.

    to_last, to_next: mean absolute distance as a share of the last close. last_correlation, next_correlation: of the
    forecast price with those closes. ratio: mean absolute error over that of the last close; below 1 is better. All
    three are NaN where the price never moves.
    """

    to_last: float
    to_next: float
    last_correlation: float
    next_correlation: float
    ratio: float

    @classmethod
    def of(cls, entry: Entry) -> LaggedCopy:
        """The same for one competitor's forecasts."""
        o, point_N = entry.outcomes, entry.point_N
        last_N, next_N = o.last_close_N, o.price_N
        moves = bool((next_N != last_N).any())
        return cls(
            to_last=float(np.mean(np.abs(point_N - last_N) / last_N)),
            to_next=float(np.mean(np.abs(point_N - next_N) / last_N)),
            last_correlation=float(np.corrcoef(point_N, last_N)[0, 1]) if moves else math.nan,
            next_correlation=float(np.corrcoef(point_N, next_N)[0, 1]) if moves else math.nan,
            ratio=metrics.mae(next_N, point_N) / metrics.mae(next_N, last_N) if moves else math.nan,
        )
