"""Simulated paths: several sessions ahead, each step drawing a whole bar so that the next step has its features.

Shapes: P paths, H steps, M drawable sessions, K HAR spans, F features.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stockcast.models.eventlayer import EventLayer
from stockcast.models.har import HarScale
from stockcast.prices.history import Floats
from stockcast.windows.features import (
    EWMA_DECAY,
    HAR_SPANS,
    TREND_SPAN,
    Features,
    ewma,
    floor_variance,
    leverage,
    network_columns,
)

MAX_SHOCKS = 2000
"""Sessions kept for drawing: eight years say how a bar moves together."""

_LARGE_NU = 1e6
"""As good as Gaussian."""

_FARTHEST_RETURN = 10.0
"""Largest moves so far that a simulated session may be: heavy tails drawn a million times know no end."""

Distribution = Callable[["PathBars"], tuple[Floats, Floats]]
"""Location and scale [P] of the next return, given the bars so far."""


@dataclass(frozen=True)
class Shocks:
    """Bars in units of the base scale, drawn jointly: columns (r - mu) / s, v / s^2, gap / s, volume surprise."""

    values_M4: Floats

    @classmethod
    def of(cls, f: Features, base: HarScale, start: int, stop: int, layer: EventLayer | None = None) -> Shocks:
        """The targets of the last origins of start .. stop - 1, at most MAX_SHOCKS of them.

        layer: of whoever draws them, which widens a session that reacts to a report by itself.
        """
        start = max(start, stop - MAX_SHOCKS)
        s_M = np.exp(base.log_scale(f, start, stop))
        if layer is not None and f.events is not None:
            s_M = s_M * layer.factor(s_M, f.events.rows(start, stop))
        m, after = f.session_returns, slice(start + 1, stop + 1)
        zero_M = np.zeros(stop - start)
        gap_M = zero_M if m.gap_T is None else m.gap_T[after] / s_M
        surprise_M = zero_M if m.surprise_T is None else m.surprise_T[after]
        values_M4 = np.stack([(m.r_T[after] - base.mu) / s_M, m.v_T[after] / s_M**2, gap_M, surprise_M], axis=1)
        # Single precision is what a model folder keeps: a saved model draws the same paths.
        return cls(values_M4.astype(np.float32).astype(np.float64))

    def unit(self, nu: float) -> Shocks:
        """The same bars in units of errors that are t(nu): their mean size is that of the unit distribution.

        Bars in units of another scale, such as one that many stocks were fitted to, would widen or narrow every path.
        """
        mean = float(np.mean(np.abs(self.values_M4[:, 0])))
        if not mean > 0:
            return self
        # E|t(nu)| = 2 sqrt(nu / pi) gamma((nu + 1) / 2) / (gamma(nu / 2) (nu - 1))
        ln_ratio = math.lgamma(0.5 * (nu + 1.0)) - math.lgamma(0.5 * nu)
        k = mean / (2.0 * math.sqrt(nu / math.pi) * math.exp(ln_ratio) / (nu - 1.0))
        return Shocks(self.values_M4 / np.array([k, k * k, k, 1.0]))

    def draw(self, generator: np.random.Generator, paths: int) -> Floats:
        """A shock for each path, [4, P]."""
        return np.ascontiguousarray(self.values_M4[generator.integers(0, len(self.values_M4), paths)].T)


@dataclass(frozen=True)
class PathPlan:
    """How paths are simulated: sessions ahead, number of paths, the bars to draw from, and the source of chance."""

    horizon: int
    paths: int
    shocks: Shocks
    generator: np.random.Generator

    @property
    def shape(self) -> tuple[int, int]:
        """(H, P)."""
        return self.horizon, self.paths


@dataclass(frozen=True)
class Limits:
    """What a simulated session may be, as a forecast may, by what is known at the origin; see `SessionReturns`.

    least, most: of its scale. pace: of its location. farthest: of its return. All in log return.
    """

    least: float
    most: float
    pace: float
    farthest: float

    @classmethod
    def at(cls, f: Features, origin: int) -> Limits:
        """Those of paths from an origin."""
        m = f.session_returns
        least, most, pace, largest = (float(c_T[origin]) for c_T in (m.least_T, m.most_T, m.pace_T, m.largest_T))
        return cls(least, most, pace, _FARTHEST_RETURN * largest)

    def location(self, loc_P: Floats) -> Floats:
        """Locations within the pace of the month before the origin."""
        return np.clip(loc_P, -self.pace, self.pace)

    def scale(self, scale_P: Floats) -> Floats:
        """Scales of a price that may move."""
        return np.clip(scale_P, self.least, self.most)

    def held(self, r: Floats) -> Floats:
        """Returns of any shape that a session may have."""
        return np.clip(r, -self.farthest, self.farthest)


class PathBars:
    """The newest bars of every path, and the causal columns that follow from them; starts at an origin's own bars."""

    def __init__(self, f: Features, origin: int, paths: int) -> None:
        m = f.session_returns
        oldest = max(0, origin + 1 - HAR_SPANS[-1])
        self.names = f.names
        # What is not the ticker's own stays as it was at the origin: nobody simulates a market, or earnings. What was
        # known of later sessions beforehand is known of them on the way, too.
        self.held = dict(zip(f.names, f.x_TF[origin].tolist(), strict=True))
        self.schedule, self.origin = f.schedule, m.dates[origin].astype("datetime64[D]").astype(object)
        self.r_P = np.full(paths, m.r_T[origin])
        self.gap_P = None if m.gap_T is None else np.full(paths, m.gap_T[origin])
        self.ewma_P = np.full(paths, ewma(m.v_T[: origin + 1])[-1])
        self.v_PT = np.tile(m.v_T[oldest : origin + 1], (paths, 1))
        self.surprise_PT = None
        if m.surprise_T is not None:
            self.surprise_PT = np.tile(m.surprise_T[max(0, origin + 1 - TREND_SPAN) : origin + 1], (paths, 1))
        self.steps = 0
        self.limits = Limits.at(f, origin)

    @property
    def har_PK(self) -> Floats:
        """ln of the trailing means of v over the HAR spans."""
        means_PK: Floats = np.stack([self.v_PT[:, -span:].mean(axis=1) for span in HAR_SPANS], axis=1)
        return np.log(means_PK)

    @property
    def leverage_P(self) -> Floats:
        """Falls in units of the monthly scale."""
        return leverage(self.r_P, self.har_PK)

    @property
    def x_PF(self) -> Floats:
        """The network's inputs, not standardised, in the order of `names`."""
        columns = network_columns(self.r_P, self.har_PK, self.ewma_P, self.gap_P)
        if self.surprise_PT is not None:
            columns["volume_surprise"] = self.surprise_PT[:, -1]
            columns["volume_trend"] = self.surprise_PT[:, -TREND_SPAN:].mean(axis=1)
        paths, held = len(self.r_P), self.held
        if self.schedule is not None and self.steps:
            held = held | self.schedule.after(self.origin, self.steps)
        return np.stack([columns.get(name, np.full(paths, held[name])) for name in self.names], axis=1)

    def advance(self, r_P: Floats, v_P: Floats, gap_P: Floats, surprise_P: Floats) -> None:
        """One session on."""
        self.r_P = r_P
        self.gap_P = None if self.gap_P is None else self.limits.held(gap_P)
        v_P = np.minimum(v_P, self.limits.farthest**2)
        tail_PT = np.column_stack([self.v_PT, v_P])[:, -HAR_SPANS[-1] :]
        tail_PT[:, -1] = floor_variance(v_P, tail_PT.mean(axis=1))
        self.v_PT = tail_PT
        self.ewma_P = EWMA_DECAY * self.ewma_P + (1 - EWMA_DECAY) * tail_PT[:, -1]
        if self.surprise_PT is not None:
            self.surprise_PT = np.column_stack([self.surprise_PT, surprise_P])[:, -TREND_SPAN:]
        self.steps += 1

    def calm(self) -> None:
        """The newest session's variance is held to the mean of the month before: of a reaction that does not last."""
        month_P = self.v_PT[:, -1 - HAR_SPANS[2] : -1].mean(axis=1)
        self.v_PT[:, -1] = np.minimum(self.v_PT[:, -1], month_P)


def simulate_bars(f: Features, origin: int, dist: Distribution, nu: float, plan: PathPlan) -> Floats:
    """Log return from the origin's close to each step under a distribution that sees the bars so far.

    Args:
        f: Columns of the history.
        origin: Row of the origin.
        dist: Location and scale [P] of the next return, given the bars so far.
        nu: Degrees of freedom of the distribution's errors, whose unit the drawn bars are brought to.
        plan: Steps, paths, bars to draw from, and chance.

    Returns:
        Cumulated log returns, [H, P].
    """
    shocks = plan.shocks.unit(min(nu, _LARGE_NU))
    bars = PathBars(f, origin, plan.paths)
    total_HP = np.empty(plan.shape)
    total_P = np.zeros(plan.paths)
    for h in range(plan.horizon):
        location_P, scale_P = dist(bars)
        e_P, v_P, gap_P, surprise_P = shocks.draw(plan.generator, plan.paths)
        scale_P = bars.limits.scale(scale_P)
        r_P = bars.limits.held(bars.limits.location(location_P) + scale_P * e_P)
        total_P = total_P + r_P
        total_HP[h] = total_P
        bars.advance(r_P, scale_P**2 * v_P, scale_P * gap_P, surprise_P)
    return total_HP


def simulate_variance(
    variance: float, plan: PathPlan, limits: Limits,
    step: Callable[[Floats, Floats], Floats], draw: Callable[[Floats], Floats],
) -> Floats:  # fmt: skip
    """Cumulated returns of a distribution whose variance follows from the last variance and return alone.

    Args:
        variance: Of the first session ahead.
        plan: Steps, paths, bars to draw from, and chance.
        limits: What a session may do from the origin on.
        step: The next variances [P], given variances and returns.
        draw: Returns [P] given variances, with location and scale within the limits.

    Returns:
        Cumulated log returns, [H, P].
    """
    variance_P = np.full(plan.paths, variance)
    total_HP = np.empty(plan.shape)
    total_P = np.zeros(plan.paths)
    for h in range(plan.horizon):
        r_P = limits.held(draw(variance_P))
        total_P = total_P + r_P
        total_HP[h] = total_P
        variance_P = step(variance_P, r_P)
    return total_HP
