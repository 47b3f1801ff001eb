"""Causal features and lagged windows: every value at session t uses bars up to and including t, and nothing else.

Shapes: T sessions with a return, K HAR spans, F features, N windows, L lookback, H horizon. All arithmetic is
sequential in time (prefix sums, recursions), so a row has the same bytes whatever bars follow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.history import Dates, Floats, History

if TYPE_CHECKING:
    from stockcast.windows.covariates import Schedule
    from stockcast.windows.events import EventColumns


HAR_SPANS = (1, 5, 22, 250)
EWMA_DECAY = 0.94
VOLUME_SPAN = 60
TREND_SPAN = 5
VOLUME_NAMES = ("volume_surprise", "volume_trend")
BURN_IN = 22
"""Sessions that are never an origin, so that the monthly mean is a mean of a month."""

_FLOOR_SHARE = 0.01
_TINY = 1e-12

_STILL = 1e-6
"""Closes that differ by no more, relatively, are the same price: some sources store them in single precision."""
_SHARE_OF_TICK, _LEAST_SCALE = 0.05, 1e-6
_WILDER = 3.0


@dataclass(frozen=True)
class SessionReturns:
    """What happened in each session, free of price level; row t is session `dates[t]`.

    r_T: log return of the adjusted close. v_T: session variance proxy, same unit as r squared, floored.
    gap_T: overnight log return, None without opens. surprise_T: ln volume less its mean over the previous
    sessions, 0 where volume is missing, None without volume. tick_T: smallest step between two closes as traded so
    far, in shares of the session's close, 0 before the first; None where it is not known.
    """

    dates: Dates
    r_T: Floats
    v_T: Floats
    gap_T: Floats | None
    surprise_T: Floats | None
    tick_T: Floats | None = None

    def __len__(self) -> int:
        return len(self.r_T)

    @cached_property
    def least_T(self) -> Floats:
        """Least scale of a forecast from each session: a twentieth of a tick.

        Closes are told in ticks, so that a smaller scale could not be told from it. One in a million where no tick is
        known.
        """
        least_T = np.full(len(self), _LEAST_SCALE)
        return least_T if self.tick_T is None else np.maximum(_SHARE_OF_TICK * self.tick_T, least_T)

    @cached_property
    def pace_T(self) -> Floats:
        """Most that a forecast's location may be: the largest return of the month before, and a tenth of `least_T`.

        A drift that was estimated while the price moved is none of a price that stands still: a tenth of the least
        scale a session stays within the interval of a year.
        """
        return np.maximum(trailing_maximum(np.abs(self.r_T), BURN_IN), 0.1 * self.least_T)

    @cached_property
    def largest_T(self) -> Floats:
        """The largest move of a session so far, as return or by its range and gap."""
        return np.maximum.accumulate(np.maximum(np.maximum(np.abs(self.r_T), np.sqrt(self.v_T)), self.least_T))

    @property
    def most_T(self) -> Floats:
        """Most that the scale of a forecast may be: thrice the largest move so far."""
        return _WILDER * self.largest_T


def session_returns(history: History) -> SessionReturns:
    """Returns, variance proxy, overnight gap and volume surprise of every session but the first.

    Open, high and low are scaled by adjusted close / close before anything is computed from them.

    Args:
        history: Bars of one ticker, T + 1 of them.

    Returns:
        Arrays of shape (T,).
    """
    ln_adjusted = np.log(history.adjusted_close)
    r_T = np.diff(ln_adjusted)
    ln_close = np.log(history.close)
    previous_T = ln_adjusted[:-1] - (ln_adjusted[1:] - ln_close[1:])
    gap_T = None
    if history.open is not None:
        gap_T = np.log(history.open[1:]) - previous_T
        gap_T = np.where(np.isfinite(gap_T), gap_T, 0.0)
    v_T = _variance_proxy(history, previous_T, r_T)
    return SessionReturns(
        dates=history.dates[1:],
        r_T=r_T,
        v_T=floor_variance(v_T, trailing_mean(v_T, HAR_SPANS[-1])),
        gap_T=gap_T,
        surprise_T=_volume_surprise(history),
        tick_T=_ticks(history.close),
    )


def is_still(close_T: Floats) -> NDArray[np.bool_]:
    """Whether each close but the first is the price of the session before."""
    return np.abs(np.diff(close_T)) <= _STILL * close_T[1:]


def _ticks(close_T: Floats) -> Floats:
    """Smallest step between two closes so far over the newest of them; 0 before the first step."""
    step_T = np.where(is_still(close_T), np.inf, np.abs(np.diff(close_T)))
    smallest_T = np.minimum.accumulate(step_T)
    return np.where(np.isfinite(smallest_T), smallest_T, 0.0) / close_T[1:]


def _variance_proxy(history: History, previous_T: Floats, r_T: Floats) -> Floats:
    """Squared overnight gap plus the Garman-Klass (1980) variance of the day; r squared where bars are incomplete."""
    if history.open is None or history.high is None or history.low is None:
        return r_T**2
    open_T, high_T, low_T, close_T = (
        np.log(column[1:]) for column in (history.open, history.high, history.low, history.close)
    )
    garman_klass_T = 0.5 * (high_T - low_T) ** 2 - (2 * np.log(2) - 1) * (close_T - open_T) ** 2
    v_T = (open_T - previous_T) ** 2 + np.maximum(garman_klass_T, 0.0)
    return np.where(np.isfinite(v_T), v_T, r_T**2)


def floor_variance(v: Floats, yearly_mean: Floats) -> Floats:
    """A session without any move still has a variance: at least a hundredth of its trailing yearly mean."""
    return np.maximum(v, np.maximum(_FLOOR_SHARE * yearly_mean, _TINY))


def _volume_surprise(history: History) -> Floats | None:
    if history.volume is None:
        return None
    volume: Floats = history.volume / _share_factor(history)
    known = np.isfinite(volume) & (volume > 0)
    ln_volume = np.where(known, np.log(np.where(known, volume, 1.0)), 0.0)
    total, count = _prefix(ln_volume), _prefix(known.astype(np.float64))
    end = np.arange(1, len(volume))
    start = np.maximum(end - VOLUME_SPAN, 0)
    sessions = count[end] - count[start]
    mean = (total[end] - total[start]) / np.maximum(sessions, 1.0)
    return np.where(known[1:] & (sessions > 0), ln_volume[1:] - mean, 0.0)


def _share_factor(history: History) -> Floats:
    """Shares now per share at the start of the history: past splits only, so a later one changes nothing."""
    if history.splits is None:
        return np.ones(len(history))
    return np.asarray(np.cumprod(history.splits), dtype=np.float64)


def _prefix(x_T: Floats) -> Floats:
    return np.concatenate(([0.0], np.cumsum(x_T)))


def trailing_mean(x_T: Floats, span: int) -> Floats:
    """Mean of the last `span` values at each position, of fewer where there are fewer."""
    if span == 1:
        return x_T.copy()
    total = _prefix(x_T)
    end = np.arange(1, len(x_T) + 1)
    start = np.maximum(end - span, 0)
    mean: Floats = (total[end] - total[start]) / (end - start)
    return mean


def trailing_maximum(x_T: Floats, span: int) -> Floats:
    """Highest of the last `span` values, of fewer where there are fewer: by doubling, without a window of each."""
    highest_T, covered = x_T.copy(), 1
    while covered < span:
        step = min(covered, span - covered)
        shifted_T = highest_T[:-step].copy()
        highest_T[step:] = np.maximum(highest_T[step:], shifted_T)
        covered += step
    return highest_T


def ewma(x_T: Floats, decay: float = EWMA_DECAY) -> Floats:
    """Exponentially weighted mean, started at the mean of the first month (RiskMetrics 1996)."""
    smooth = np.empty_like(x_T)
    level = float(np.mean(x_T[:BURN_IN])) if len(x_T) else 0.0
    values = x_T.tolist()
    for t in range(len(values)):
        # The first month is in the starting level already.
        if t >= BURN_IN:
            level = decay * level + (1 - decay) * values[t]
        smooth[t] = level
    return smooth


@dataclass(frozen=True)
class Features:
    """Causal columns of one ticker: what base scale, network and baselines see.

    har_TK: ln of the trailing mean of v over each HAR span. leverage_T: min(r, 0) over the monthly scale.
    x_TF: the network's inputs, not yet standardised; `names` has their F names. schedule: where some of them follow
    from dates that are known beforehand, what these are in sessions without a bar. events: what the dates of reports
    say, which is no input of a network; None where no dates are known.
    """

    session_returns: SessionReturns
    har_TK: Floats
    leverage_T: Floats
    x_TF: Floats
    names: tuple[str, ...]
    schedule: Schedule | None = None
    events: EventColumns | None = None

    def __len__(self) -> int:
        return len(self.session_returns)

    def with_usual(self, names: Sequence[str]) -> Features:
        """The same with columns of zeros under these names: of volumes that are as usual."""
        if not names:
            return self
        return replace(
            self, x_TF=np.column_stack([self.x_TF, np.zeros((len(self), len(names)))]), names=(*self.names, *names)
        )

    def only(self, names: Sequence[str]) -> Features:
        """The same with these of the network's inputs, in this order."""
        if tuple(names) == self.names:
            return self
        return replace(self, x_TF=self.x_TF[:, [self.names.index(name) for name in names]], names=tuple(names))


def features(history: History) -> Features:
    """All causal columns of a history; row t belongs to bar t + 1, since the first bar has no return."""
    return features_of(session_returns(history))


def features_of(m: SessionReturns) -> Features:
    """All causal columns, from the moves alone."""
    har_TK = np.log(np.stack([trailing_mean(m.v_T, span) for span in HAR_SPANS], axis=1))
    ewma_T = ewma(m.v_T)
    columns = network_columns(m.r_T, har_TK, ewma_T, m.gap_T)
    if m.surprise_T is not None:
        columns["volume_surprise"] = m.surprise_T
        columns["volume_trend"] = trailing_mean(m.surprise_T, TREND_SPAN)
    return Features(
        session_returns=m,
        har_TK=har_TK,
        leverage_T=leverage(m.r_T, har_TK),
        x_TF=np.stack(list(columns.values()), axis=1),
        names=tuple(columns),
    )


def leverage(r: Floats, har_K: Floats) -> Floats:
    """Falls in units of the monthly scale: min(r, 0) / sqrt(mean(v, 22)); har_K has the spans on its last axis."""
    fall: Floats = np.minimum(r, 0.0) * np.exp(-0.5 * har_K[..., HAR_SPANS.index(22)])
    return fall


def network_columns(r: Floats, har_K: Floats, ewma_variance: Floats, gap: Floats | None) -> dict[str, Floats]:
    """The network's price inputs by name; the same arithmetic serves whole histories and simulated steps.

    Args:
        r: Log returns, of any shape.
        har_K: ln of the mean variance over each HAR span, the spans on the last axis.
        ewma_variance: Exponentially weighted mean of the variance proxy.
        gap: Overnight log returns; None without opens.
    """
    scale = np.sqrt(ewma_variance)
    size = np.abs(r) / scale
    day, week, month, year = (har_K[..., k] for k in range(len(HAR_SPANS)))
    columns = {
        "signed_return": np.sign(r) * np.log1p(size),
        "absolute_return": np.log1p(size),
        "ewma_over_year": np.log(ewma_variance) - year,
        "day_over_week": day - week,
        "week_over_month": week - month,
        "month_over_year": month - year,
    }
    if gap is not None:
        columns["gap"] = gap / scale
    return columns


COMPONENT_SPANS = (5, 22, 66, 250)
EVENNESS_SPANS = (5, 22, 66)
COMPONENT_NAMES = (
    *(f"{part}_share_{span}" for span in COMPONENT_SPANS for part in ("gap", "return")),
    *(f"evenness_{span}" for span in EVENNESS_SPANS),
)
"""Columns of `component_columns`, in their order."""

_LEAST_SHARE = 0.01


def component_columns(m: SessionReturns) -> dict[str, Floats]:
    """ln of what overnight moves, and what close-to-close moves, are of the session variance.

    gap_share_N: ln(mean(gap^2) / mean(v) + 0.01) over N sessions; return_share_N the same of r^2: above 0 where closes
    move in one direction through the day, below where they come back to where they began. Both stand still in closes
    alone; without opens the gaps count as 0. evenness_N: mean(ln v) - ln(mean v) over N sessions, 0 where they were all
    alike, far below where one of them made up the whole.

    Args:
        m: Session returns of one ticker, T of them.

    Returns:
        Columns of shape (T,) by the names of COMPONENT_NAMES.
    """
    gap_T = np.zeros(len(m)) if m.gap_T is None else m.gap_T
    columns = []
    for span in COMPONENT_SPANS:
        whole_T = trailing_mean(m.v_T, span)
        for part_T in (gap_T, m.r_T):
            share_T = np.maximum(trailing_mean(part_T**2, span), 0.0) / whole_T
            columns.append(np.log(share_T + _LEAST_SHARE))
    ln_v_T = np.log(m.v_T)
    columns += [trailing_mean(ln_v_T, span) - np.log(trailing_mean(m.v_T, span)) for span in EVENNESS_SPANS]
    return dict(zip(COMPONENT_NAMES, columns, strict=True))


TREND_SPANS = (2, 5, 22, 66, 250)
DRAWDOWN_SPANS = (66, 250)
TREND_NAMES = (
    *(f"trend_{span}" for span in TREND_SPANS),
    *(f"drawdown_{span}" for span in DRAWDOWN_SPANS),
)
"""Columns of `trend_columns`, in their order."""

_MONTH, _YEAR = HAR_SPANS[2], HAR_SPANS[3]


def trend_columns(m: SessionReturns) -> dict[str, Floats]:
    """Returns over several spans and the distance to the highest close of them, no unit.

    trend_N: mean return of N sessions times sqrt(N), over the scale of as many sessions, at least a month: a t-value.
    drawdown_N: ln of the close over the highest of N, over sqrt(N) times the scale of a year; 0 at a top, else below.

    Args:
        m: Session returns of one ticker, T of them.

    Returns:
        Columns of shape (T,) by the names of TREND_NAMES.
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


Number = TypeVar("Number", bound=np.floating)


def lagged(x_TF: NDArray[Number], lookback: int) -> NDArray[Number]:
    """Every window of `lookback` rows as a view [N, L, F], N = T - L + 1 (none where T < L); not to be written to."""
    if len(x_TF) < lookback:
        return x_TF[:0, None, :].repeat(lookback, axis=1)
    # Writeable only because torch warns of tensors over read-only memory.
    view_NFL = np.lib.stride_tricks.sliding_window_view(x_TF, lookback, axis=0, writeable=x_TF.flags.writeable)
    return view_NFL.transpose(0, 2, 1)


def targets(y_T: NDArray[Number], lookback: int, horizon: int) -> NDArray[Number]:
    """The values after each window's origin.

    Args:
        y_T: Values, shape (T,).
        lookback: Rows of a window, L.
        horizon: Values after its origin, H.

    Returns:
        A read-only view of shape (N, H), N = T - L - H + 1.
    """
    if len(y_T) < lookback + horizon:
        return y_T[:0, None].repeat(horizon, axis=1)
    return np.lib.stride_tricks.sliding_window_view(y_T[lookback:], horizon)
